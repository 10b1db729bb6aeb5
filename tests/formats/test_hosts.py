"""The hosts file, as engines, distributions and people write it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockernet.formats.hosts import Hosts, HostsLine, parse_hosts, peer_lines
from dockernet.model.diagnostics import Diagnostic

DATA = Path(__file__).parents[1] / "data" / "proc"

NO_ADDRESS = "expected an IPv4 or IPv6 address"
NO_NAME = "expected an address and a name"
NO_SCOPE = "expected an IPv6 address without a scope"
NO_TEXT = "expected text, found control characters"


def lines(text: str) -> list[tuple[str, ...]]:
    return [(str(line.address), *line.names) for line in parse_hosts(text).lines]


@pytest.mark.parametrize(
    "text, expected",
    [
        pytest.param("", [], id="empty, as while it is rewritten"),
        pytest.param("172.17.0.2\tdb\n", [("172.17.0.2", "db")], id="one name"),
        pytest.param("172.17.0.2 db", [("172.17.0.2", "db")], id="no newline at the end"),
        pytest.param(
            "172.17.0.2\tdb 4f1e2d3c4b5a shop_db_1\n",
            [("172.17.0.2", "db", "4f1e2d3c4b5a", "shop_db_1")],
            id="a link: alias, hostname, name",
        ),
        pytest.param(
            " \t172.17.0.2 \t db\t\t web  \n", [("172.17.0.2", "db", "web")], id="blanks all around"
        ),
        pytest.param("172.17.0.2\tdb\r\n\r\n", [("172.17.0.2", "db")], id="CRLF"),
        pytest.param("\ufeff172.17.0.2 db\n", [("172.17.0.2", "db")], id="byte order mark"),
        pytest.param("# 172.17.0.2 db\n  #\n", [], id="whole-line comments"),
        pytest.param("172.17.0.2 db # web\n", [("172.17.0.2", "db")], id="trailing comment"),
        pytest.param("172.17.0.2 db#web\n", [("172.17.0.2", "db")], id="comment without a blank"),
        pytest.param("172.17.0.2 db # caf\x00\n", [("172.17.0.2", "db")], id="rubbish in comment"),
        pytest.param(
            "10.0.0.1 a\n10.0.0.1 a\n10.0.0.2 a\n",
            [("10.0.0.1", "a"), ("10.0.0.1", "a"), ("10.0.0.2", "a")],
            id="repeated lines are kept in order",
        ),
        pytest.param("fd00::2 db\n", [("fd00::2", "db")], id="IPv6"),
        pytest.param("fe00::0\tip6-localnet\n", [("fe00::", "ip6-localnet")], id="up to 27.x"),
        pytest.param(
            "10.0.0.2 DB_Main.v1 bücher a\u00a0b\n",
            [("10.0.0.2", "DB_Main.v1", "bücher", "a\u00a0b")],
            id="an alias may hold anything but blanks",
        ),
    ],
)
def test_lines_are_read(text: str, expected: list[tuple[str, ...]]) -> None:
    assert lines(text) == expected
    assert parse_hosts(text).diagnostics == ()


@pytest.mark.parametrize(
    "line, reason",
    [
        pytest.param("nonsense here", NO_ADDRESS, id="words"),
        pytest.param("db 172.17.0.2", NO_ADDRESS, id="the wrong way round"),
        pytest.param("172.17.0.256 db", NO_ADDRESS, id="no IPv4 address"),
        pytest.param("127.1 db", NO_ADDRESS, id="short form"),
        pytest.param("172.17.0.2", NO_NAME, id="address alone"),
        pytest.param("172.17.0.2 # db", NO_NAME, id="address and comment"),
        pytest.param("fe80::1%lo0 localhost", NO_SCOPE, id="scope, as on macOS"),
        pytest.param("\x00\x00\x00\x00", NO_TEXT, id="NULs"),
        pytest.param("10.0.0.2 d\x00b", NO_TEXT, id="NUL in a name"),
        pytest.param("10.0.0.2 \x1b[31mdb", NO_TEXT, id="terminal escape in a name"),
        pytest.param("10.0.0.2 d\ufffdb", NO_TEXT, id="undecodable, replaced"),
        pytest.param("10.0.0.2 d\udc80b", NO_TEXT, id="undecodable, escaped"),
        pytest.param("x" * 2**20, NO_NAME, id="a megabyte without a blank"),
        pytest.param("1" * 2**20 + " db", NO_ADDRESS, id="a megabyte for an address"),
    ],
)
def test_an_odd_line_is_named_by_its_number_and_the_rest_is_kept(line: str, reason: str) -> None:
    hosts = parse_hosts(f"10.0.0.1 a\n{line}\n10.0.0.3 c\n")
    assert [entry.names for entry in hosts.lines] == [("a",), ("c",)]
    assert hosts.diagnostics == (Diagnostic("hosts", "line 2", reason),)


def test_a_megabyte_of_names_is_one_line() -> None:
    (line,) = parse_hosts("10.0.0.1" + " web" * 2**18).lines
    assert line.names == ("web",) * 2**18


def test_other_line_separators_of_unicode_end_no_line() -> None:
    assert lines("10.0.0.1 a\u2028b\x85c\n") == [("10.0.0.1", "a\u2028b\x85c")]


addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True)
entries = st.builds(HostsLine, addresses, st.lists(names, min_size=1, max_size=4).map(tuple))


@given(st.lists(entries), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["\t", " ", " \t "]))
def test_what_is_written_is_read_back(wanted: list[HostsLine], newline: str, blank: str) -> None:
    text = newline.join(f"{line.address}{blank}{' '.join(line.names)}" for line in wanted)
    assert parse_hosts(text) == Hosts(tuple(wanted))


@given(st.text())
def test_any_text_is_a_hosts_file(text: str) -> None:
    hosts = parse_hosts(text)
    assert len(hosts.lines) + len(hosts.diagnostics) <= text.count("\n") + 1
    assert all(line.names for line in hosts.lines)


# Which lines are peers


def peers(text: str, own: str = "", *names: str) -> list[str]:
    own_addresses = {ip_address(word) for word in own.split()}
    return [line.names[0] for line in peer_lines(parse_hosts(text), own_addresses, names)]


@pytest.mark.parametrize(
    "line",
    [
        "127.0.0.1 localhost",
        "127.0.1.1 vm",
        "::1 localhost ip6-localhost ip6-loopback",
        "fe00::0 ip6-localnet",
        "fe00:: ip6-localnet",
        "ff00::0 ip6-mcastprefix",
        "ff02::1 ip6-allnodes",
        "ff02::2 ip6-allrouters",
        "ff02::9 somebody",
        "fe80::2 somebody",
        "224.0.0.9 somebody",
        "169.254.1.9 somebody",
        "0.0.0.0 ads.example",
        "255.255.255.255 broadcasthost",
        "10.0.0.9 localhost",
        "10.0.0.9 app.localhost",
        "10.0.0.9 somebody LOCALHOST.",
        "10.0.0.9 host.docker.internal",
        "10.0.0.9 gateway.docker.internal",
        "10.0.0.9 host.containers.internal",
        "10.0.0.9 host.containers.internal host.docker.internal",
        "10.0.0.9 gateway Host.Docker.Internal",
        "10.0.0.2 another-name-of-mine",
        "fd00::2 another-name-of-mine",
        "10.0.0.9 me",
        "10.0.0.9 ME.",
    ],
)
def test_own_localhost_and_gateway_lines_are_never_peers(line: str) -> None:
    text = f"10.0.0.7 db\n{line}\n10.0.0.8 web\n"
    assert peers(text, "10.0.0.2 fd00::2", "Me") == ["db", "web"]


@pytest.mark.parametrize(
    "line",
    ["10.0.0.9 me2", "fd00::9 db localhosted", "10.0.0.9 x.internal", "10.0.0.9 notlocalhost"],
)
def test_names_that_only_look_like_one_of_those_are_peers(line: str) -> None:
    assert len(peers(line, "10.0.0.2", "me")) == 1


@pytest.mark.parametrize(
    "scenario, own, hostname, expected",
    [
        pytest.param(
            "legacy-link",
            "172.17.0.12",
            "7b747e696c3a",
            ["db-main.v1", "Udp_First", "facts-noports", "two", "mix"],
            id="links, in the order of the file",
        ),
        pytest.param(
            "user-network", "10.77.1.3", "", ["extra.example", "hg.internal"], id="extra hosts only"
        ),
        pytest.param(
            "ipv6", "", "BAAD3E1C8E37", [], id="own lines of both families, by name alone"
        ),
        pytest.param("none-network", "", "", [], id="no network"),
        pytest.param(
            "podman", "10.89.0.10", "74a49eda2872", ["hg"], id="Podman: the gateway's line is none"
        ),
        pytest.param(
            "podman-container",
            "10.89.0.10",
            "60d7b2165823",
            ["hg"],
            id="Podman: X's file is shared",
        ),
        pytest.param("podman-host", "", "vm", [], id="Podman: the host's own file"),
    ],
)
def test_peers_in_captured_files(
    scenario: str, own: str, hostname: str, expected: list[str]
) -> None:
    hosts = parse_hosts((DATA / scenario / "hosts").read_text())
    found = peer_lines(hosts, {ip_address(a) for a in own.split()}, hostname.split())
    assert hosts.diagnostics == ()
    assert [line.names[0] for line in found] == expected


@given(st.lists(entries), st.lists(addresses), st.lists(names))
def test_peers_are_lines_of_the_file_in_its_order(
    wanted: list[HostsLine], own: list[IPv4Address | IPv6Address], own_names: list[str]
) -> None:
    hosts = Hosts(tuple(wanted))
    found = peer_lines(hosts, own, own_names)
    rest = iter(hosts.lines)
    assert all(line in rest for line in found)
    assert not {line.address for line in found} & set(own)
