"""The resolver's configuration, as engines and DHCP clients write it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockernet.formats.resolv import ResolvConf, parse_resolv_conf
from dockernet.model.addresses import IPAddress

DATA = Path(__file__).parents[1] / "data" / "proc"


def servers(text: str) -> list[str]:
    return [str(address) for address in parse_resolv_conf(text).nameservers]


@pytest.mark.parametrize(
    "text, expected",
    [
        pytest.param("", [], id="empty"),
        pytest.param("nameserver 192.0.2.53\n", ["192.0.2.53"], id="one"),
        pytest.param(
            "nameserver 192.0.2.53\nnameserver fd00::53\n",
            ["192.0.2.53", "fd00::53"],
            id="in order",
        ),
        pytest.param("nameserver\t 192.0.2.53 \r\n", ["192.0.2.53"], id="tab and CRLF"),
        pytest.param("nameserver 192.0.2.53 # office\n", ["192.0.2.53"], id="comment after it"),
        pytest.param("# nameserver 192.0.2.53\n;nameserver 192.0.2.54\n", [], id="comments"),
        pytest.param("nameserver 192.0.2.53 192.0.2.54\n", ["192.0.2.53"], id="one on a line"),
        pytest.param("nameserver fe80::1%eth0\nnameserver ::1\n", ["::1"], id="scope left out"),
        pytest.param("nameserver\nnameserver dns.example\nnameservers 1.1.1.1\n", [], id="odd"),
        pytest.param("\x00\x00nameserver 192.0.2.53\n", [], id="rubbish before it"),
    ],
)
def test_name_servers_are_read(text: str, expected: list[str]) -> None:
    assert servers(text) == expected


def test_the_last_search_or_domain_line_holds() -> None:
    text = "search a.example b.example\ndomain c.example\nsearch d.example e.example\n"
    assert parse_resolv_conf(text).search == ("d.example", "e.example")
    assert parse_resolv_conf("search a.example\ndomain c.example").search == ("c.example",)


@pytest.mark.parametrize("sign", ["#", ";"])
def test_a_comment_ends_a_line(sign: str) -> None:
    conf = parse_resolv_conf(f"search a.example {sign} office\noptions edns0{sign}none\n")
    assert (conf.search, conf.options) == (("a.example",), ("edns0",))


def test_options_add_up() -> None:
    text = "options ndots:0 edns0\noptions timeout:1\n"
    assert parse_resolv_conf(text).options == ("ndots:0", "edns0", "timeout:1")


@pytest.mark.parametrize(
    "scenario, expected",
    [
        ("default-bridge", (["192.0.2.53"], (), (), False)),
        ("legacy-link", (["192.0.2.53"], (), (), False)),
        ("container-network", (["127.0.0.11"], (), ("ndots:0",), True)),
        ("user-network", (["127.0.0.11"], (), ("ndots:0",), True)),
        ("internal-network", (["127.0.0.11"], (), ("ndots:0",), True)),
        ("host-network", (["192.0.2.53"], (), (), False)),
        ("podman", (["10.89.0.1", "192.0.2.53"], ("dns.podman",), (), False)),
        ("podman-host", (["192.0.2.53"], (), (), False)),
    ],
)
def test_captured_files(scenario: str, expected: tuple[object, ...]) -> None:
    text = (DATA / scenario / "resolv.conf").read_text()
    conf = parse_resolv_conf(text)
    assert (servers(text), conf.search, conf.options, conf.embedded) == expected


@given(st.text())
def test_any_text_is_a_resolv_conf(text: str) -> None:
    conf = parse_resolv_conf(text)
    assert hash(conf) == hash(parse_resolv_conf(text))


@given(st.lists(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)), max_size=5))
def test_what_is_written_is_read_back(addresses: list[IPAddress]) -> None:
    text = "".join(f"nameserver {address}\n" for address in addresses)
    assert parse_resolv_conf(text) == ResolvConf(nameservers=tuple(addresses))
