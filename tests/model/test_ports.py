"""Ports, host bindings and port maps: what they take, say and refuse."""

from __future__ import annotations

import copy
import json
import pickle
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest
from attrs.exceptions import FrozenInstanceError

from dockernet.errors import FormatError
from dockernet.model.bindings import HostBinding
from dockernet.model.portmap import PortMap
from dockernet.model.ports import Port, PortRange

DATA = Path(__file__).parents[1] / "data" / "ports"
ANY4 = IPv4Address(0)
ANY6 = IPv6Address(0)
HOME4 = IPv4Address("127.0.0.1")
HOME6 = IPv6Address("::1")


def load(name: str) -> list[dict[str, Any]]:
    """Load one of the recorded tables."""
    rows: list[dict[str, Any]] = json.loads((DATA / name).read_text(encoding="utf-8"))
    return rows


RECORDED = {row["of"]: row for row in load("recorded.json")}
PRINTED = {row["case"]: row for row in load("printed.json")}
SPECS = {row["spec"]: row["bindings"] for row in load("specs.json")}


def recorded(*needed: str) -> list[str]:
    """Name the recorded containers that have all of these entries."""
    return [of for of, row in RECORDED.items() if all(key in row for key in needed)]


def bound(ip: str, port: str | int | None) -> HostBinding:
    """Build a binding of the words that an engine uses for it."""
    host = PortRange.parse(str(port)) if "-" in str(port) else int(port or 0)
    return HostBinding(ip_address(ip) if ip else None, host)


def from_listed(listed: list[dict[str, Any]]) -> PortMap:
    """Build the map of one entry of an engine's list, as plainly as can be."""
    ports: dict[Port, list[HostBinding]] = {}
    for entry in listed:
        if entry["PrivatePort"]:
            found = ports.setdefault(Port(entry["PrivatePort"], entry["Type"]), [])
            if entry.get("IP") or entry.get("PublicPort"):
                ip = ip_address(entry["IP"]) if entry.get("IP") else None
                found.append(HostBinding(ip, entry.get("PublicPort")))
    return PortMap(ports)


def from_inspected(inspected: dict[str, list[dict[str, str]] | None]) -> PortMap:
    """Build the map of an inspected container; no host port is a routed one."""
    return PortMap(
        {
            Port.parse(key): [
                HostBinding(
                    ip_address(found["HostIp"]) if found["HostIp"] else None,
                    int(found["HostPort"]) if found["HostPort"] else None,
                )
                for found in bindings or ()
            ]
            for key, bindings in inspected.items()
        }
    )


def from_asked(bindings: dict[str, list[dict[str, str]]]) -> PortMap:
    """Build the map of HostConfig.PortBindings; no host port is any free one."""
    return PortMap(
        {
            Port.parse(key): [bound(asked["HostIp"], asked["HostPort"]) for asked in found]
            for key, found in bindings.items()
        }
    )


def only_published(ports: PortMap) -> PortMap:
    """Leave out the exposed-only ports, of which `docker port` says nothing."""
    return PortMap({port: ports[port] for port in ports.published})


# Port


@pytest.mark.parametrize(
    "text, port",
    [
        pytest.param("80", Port(80, "tcp"), id="tcp by default"),
        pytest.param("53/udp", Port(53, "udp"), id="udp"),
        pytest.param("3868/sctp", Port(3868, "sctp"), id="sctp"),
        pytest.param("53/UDP", Port(53, "udp"), id="upper case"),
        pytest.param("1", Port(1), id="the lowest"),
        pytest.param("65535/Tcp", Port(65535), id="the highest"),
        pytest.param("00080", Port(80), id="leading zeros, as the CLI takes them"),
    ],
)
def test_a_port_parses(text: str, port: Port) -> None:
    """A number with or without a protocol is a port."""
    assert Port.parse(text) == port


NUMBER = "a port is a number from 1 to 65535"
PROTOCOL = "the protocol must be tcp, udp or sctp"


@pytest.mark.parametrize(
    "text, reason",
    [
        pytest.param("", NUMBER, id="nothing"),
        pytest.param("0", NUMBER, id="zero"),
        pytest.param("65536", NUMBER, id="too high"),
        pytest.param("000080", NUMBER, id="six digits"),
        pytest.param("9" * 5000, NUMBER, id="more digits than int takes"),
        pytest.param("\uff18\uff10", NUMBER, id="digits of another script"),
        pytest.param("8²", NUMBER, id="a superscript digit"),
        pytest.param("+80", NUMBER, id="a sign"),
        pytest.param("-80", NUMBER, id="a minus sign"),
        pytest.param("1_0", NUMBER, id="an underscore"),
        pytest.param("0x50", NUMBER, id="hexadecimal"),
        pytest.param(" 80", NUMBER, id="a blank before"),
        pytest.param("80 ", NUMBER, id="a blank behind"),
        pytest.param("80 /tcp", NUMBER, id="a blank inside"),
        pytest.param("80\n", NUMBER, id="a line end"),
        pytest.param("80-82", NUMBER, id="a range"),
        pytest.param("/tcp", NUMBER, id="no number"),
        pytest.param("tcp/80", NUMBER, id="the wrong way round"),
        pytest.param("80/", PROTOCOL, id="a slash and no protocol"),
        pytest.param("80/ tcp", PROTOCOL, id="a blank before the protocol"),
        pytest.param("80/ftp", PROTOCOL, id="another protocol"),
        pytest.param("80/tcp/udp", PROTOCOL, id="two protocols"),
    ],
)
def test_a_port_refuses(text: str, reason: str) -> None:
    """Anything else is refused with the text and the fault."""
    with pytest.raises(FormatError) as caught:
        Port.parse(text)
    assert (caught.value.text, caught.value.reason) == (text[:80], reason)


def test_a_refused_port_is_one_sentence() -> None:
    """The message is what the documentation shows."""
    with pytest.raises(FormatError) as caught:
        Port.parse("80/ftp")
    assert str(caught.value) == "cannot read '80/ftp': the protocol must be tcp, udp or sctp"


@pytest.mark.parametrize("number", [0, -1, 65536, 2**40])
def test_a_port_number_lies_in_its_bounds(number: int) -> None:
    """The constructor checks like the parser."""
    with pytest.raises(FormatError, match=f"'{number}': a port is a number from 1 to 65535"):
        Port(number)


def test_a_port_number_of_thousands_of_digits_is_refused_like_others() -> None:
    with pytest.raises(FormatError, match="'a huge number': a port is a number from 1 to"):
        Port(10**5000)


@pytest.mark.parametrize("number", [True, "80", 80.0, None], ids=repr)
def test_a_port_number_is_an_int(number: Any) -> None:
    """A bool, a text or a float is a mistake in the program, not in its input."""
    with pytest.raises(TypeError, match="a port number is an int, not"):
        Port(number)


@pytest.mark.parametrize("protocol", ["TCP", "ftp", "", None], ids=repr)
def test_a_protocol_is_one_of_three(protocol: Any) -> None:
    """The constructor takes the three words as they are and nothing else."""
    with pytest.raises(FormatError, match=PROTOCOL):
        Port(80, protocol)


def test_ports_are_ordered_by_number_then_protocol() -> None:
    """9 comes before 80, and sctp before tcp before udp."""
    texts = ["80/udp", "80/sctp", "9/udp", "80/tcp", "443/tcp"]
    assert [str(port) for port in sorted(map(Port.parse, texts))] == [
        "9/udp",
        "80/sctp",
        "80/tcp",
        "80/udp",
        "443/tcp",
    ]


def test_a_port_is_a_frozen_value() -> None:
    """Equal ports hash equally, none changes, and each survives pickling."""
    port = Port(53, "udp")
    assert hash(port) == hash(Port(53, "udp"))
    assert port != Port(53)
    assert pickle.loads(pickle.dumps(port)) == port  # noqa: S301  our own bytes
    with pytest.raises(FrozenInstanceError):
        port.number = 54  # type: ignore[misc]  # what the test is about


# PortRange


def test_a_range_holds_both_its_ends() -> None:
    """It has a length, counts through its numbers and knows them."""
    ports = PortRange(8000, 8002)
    assert list(ports) == [8000, 8001, 8002]
    assert len(ports) == 3
    assert [number in ports for number in (7999, 8000, 8002, 8003)] == [False, True, True, False]
    assert "8001" not in ports
    assert str(ports) == "8000-8002"


def test_a_range_may_hold_one_port_or_all() -> None:
    """The ends may be equal, and as far apart as ports go."""
    assert list(PortRange(80, 80)) == [80]
    assert len(PortRange.parse("1-65535")) == 65535
    assert PortRange.parse("80-80") == PortRange(80, 80)


BACKWARDS = "the last port of a range must not be lower than the first"


@pytest.mark.parametrize(
    "text, reason",
    [
        pytest.param("80", "expected a range of ports such as 8000-8010", id="a single port"),
        pytest.param("", "expected a range of ports such as 8000-8010", id="nothing"),
        pytest.param("82-80", BACKWARDS, id="backwards"),
        pytest.param("-", NUMBER, id="a dash"),
        pytest.param("80-", NUMBER, id="no last port"),
        pytest.param("-80", NUMBER, id="no first port"),
        pytest.param("0-80", f"{NUMBER}, not '0'", id="from zero"),
        pytest.param("80-65536", f"{NUMBER}, not '65536'", id="too far"),
        pytest.param("80-82-84", f"{NUMBER}, not '82-84'", id="three ports"),
        pytest.param("80 - 82", f"{NUMBER}, not '80 '", id="blanks"),
        pytest.param("80-82/tcp", f"{NUMBER}, not '82/tcp'", id="a protocol"),
    ],
)
def test_a_range_refuses(text: str, reason: str) -> None:
    """Each fault is named, and the part that has it."""
    with pytest.raises(FormatError) as caught:
        PortRange.parse(text)
    assert (caught.value.text, caught.value.reason) == (text, reason)


def test_a_range_checks_its_numbers() -> None:
    """The constructor checks like the parser."""
    with pytest.raises(FormatError, match=f"cannot read '82-80': {BACKWARDS}"):
        PortRange(82, 80)
    with pytest.raises(FormatError, match="'0'"):
        PortRange(0, 80)
    with pytest.raises(FormatError, match="'65536'"):
        PortRange(80, 65536)
    with pytest.raises(TypeError, match="not str"):
        PortRange(80, "82")  # type: ignore[arg-type]  # what the test is about


# HostBinding


@pytest.mark.parametrize(
    "text, ip, port",
    [
        pytest.param("0.0.0.0:8080", ANY4, 8080, id="IPv4"),
        pytest.param("[::]:8080", ANY6, 8080, id="IPv6"),
        pytest.param("127.0.0.1:8000-8010", HOME4, PortRange(8000, 8010), id="a range"),
        pytest.param("[::1]:0", HOME6, None, id="no host port"),
        pytest.param("[::1]:*", HOME6, 0, id="any free port"),
        pytest.param("*:8080", None, 8080, id="no host IP"),
        pytest.param("*:*", None, 0, id="nothing asked"),
        pytest.param("*:0", None, None, id="nothing known"),
    ],
)
def test_a_binding_is_one_text(text: str, ip: IPv4Address, port: int) -> None:
    """Its text reads back to it."""
    binding = HostBinding(ip, port)
    assert str(binding) == text
    assert HostBinding.parse(text) == binding


@pytest.mark.parametrize(
    "text, binding",
    [
        pytest.param(":::8080", HostBinding(ANY6, 8080), id="raw IPv6 wildcard"),
        pytest.param("::1:8080", HostBinding(HOME6, 8080), id="raw IPv6 loopback"),
        pytest.param("1:2:3:4:5:6:7:8:80", bound("1:2:3:4:5:6:7:8", 80), id="raw IPv6 in full"),
        pytest.param("::ffff:10.0.0.1:80", bound("10.0.0.1", 80), id="IPv4 as raw IPv6"),
        pytest.param("0.0.0.0:", HostBinding(ANY4), id="routed, as docker port has it"),
        pytest.param("[::]:", HostBinding(ANY6), id="routed IPv6"),
        pytest.param(":18080", HostBinding(None, 18080), id="no address, as docker port of Podman"),
        pytest.param("49153", HostBinding(None, 49153), id="a host port alone"),
        pytest.param("0.0.0.0:80-80", HostBinding(ANY4, 80), id="a range of one"),
    ],
)
def test_a_binding_reads_what_other_clis_print(text: str, binding: HostBinding) -> None:
    """Every CLI's way of writing a binding is read."""
    assert HostBinding.parse(text) == binding


ADDRESS = "expected an IPv4 or IPv6 address"


@pytest.mark.parametrize(
    "text, reason",
    [
        pytest.param("localhost:80", f"{ADDRESS}, not 'localhost'", id="a host name"),
        pytest.param("1.2.3:80", f"{ADDRESS}, not '1.2.3'", id="half an address"),
        pytest.param(" 1.2.3.4:80", f"{ADDRESS}, not ' 1.2.3.4'", id="a blank"),
        pytest.param(
            "[127.0.0.1]:80",
            "brackets are for IPv6 addresses only, not '[127.0.0.1]'",
            id="IPv4 in brackets",
        ),
        pytest.param(
            "[fe80::1%eth0]:80",
            "expected an IPv6 address without a scope, not '[fe80::1%eth0]'",
            id="a scope",
        ),
        pytest.param("0.0.0.0:http", f"{NUMBER}, not 'http'", id="a named port"),
        pytest.param("0.0.0.0:70000", f"{NUMBER}, not '70000'", id="a port too high"),
        pytest.param("0.0.0.0:80-70", f"{BACKWARDS}, not '80-70'", id="a range backwards"),
        pytest.param("http", NUMBER, id="a word"),
    ],
)
def test_a_binding_refuses(text: str, reason: str) -> None:
    """The whole text and the faulty part are named."""
    with pytest.raises(FormatError) as caught:
        HostBinding.parse(text)
    assert (caught.value.text, caught.value.reason) == (text, reason)


@pytest.mark.parametrize(
    "ip, traits",
    [
        pytest.param(None, (True, False, (4, 6)), id="unspecified"),
        pytest.param(ANY4, (True, False, (4,)), id="every IPv4 address"),
        pytest.param(ANY6, (True, False, (6,)), id="every IPv6 address"),
        pytest.param(HOME4, (False, True, (4,)), id="IPv4 loopback"),
        pytest.param(IPv4Address("127.9.9.9"), (False, True, (4,)), id="another IPv4 loopback"),
        pytest.param(HOME6, (False, True, (6,)), id="IPv6 loopback"),
        pytest.param(IPv4Address("192.168.1.5"), (False, False, (4,)), id="an IPv4 address"),
        pytest.param(IPv6Address("fd00::5"), (False, False, (6,)), id="an IPv6 address"),
        pytest.param(IPv6Address("::ffff:127.0.0.1"), (False, True, (4,)), id="mapped loopback"),
        pytest.param(IPv6Address("::ffff:0.0.0.0"), (True, False, (4,)), id="mapped wildcard"),
    ],
)
def test_a_binding_knows_where_it_listens(
    ip: IPv4Address | IPv6Address | None, traits: tuple[object, ...]
) -> None:
    """Whether it is a wildcard or loopback, and the families, follow from the host IP."""
    binding = HostBinding(ip, 80)
    assert (binding.is_wildcard, binding.is_loopback, binding.families) == traits


def test_a_binding_says_nothing_by_default() -> None:
    """Both members may be left out."""
    assert HostBinding() == HostBinding(host_ip=None, host_port=None)


def test_ipv4_written_as_ipv6_is_ipv4() -> None:
    """A mapped address is the address that it maps."""
    assert HostBinding(IPv6Address("::ffff:10.0.0.1"), 80).host_ip == IPv4Address("10.0.0.1")


def test_a_range_of_one_port_is_that_port() -> None:
    """Two ways of writing one thing are one value."""
    assert HostBinding(None, PortRange(80, 80)).host_port == 80
    assert HostBinding(None, PortRange(80, 81)).host_port == PortRange(80, 81)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_host_port_lies_in_its_bounds(port: int) -> None:
    """0 is any free port; beyond the bounds there is none."""
    with pytest.raises(FormatError, match=f"'{port}': a port is a number from 0 to 65535"):
        HostBinding(None, port)


@pytest.mark.parametrize("port", [False, True, "80", "", 80.0], ids=repr)
def test_a_host_port_is_an_int_or_a_range(port: Any) -> None:
    """False is not 0, and a text is for parsing."""
    with pytest.raises(TypeError, match="a port number is an int, not"):
        HostBinding(None, port)


@pytest.mark.parametrize("ip", ["127.0.0.1", "", 0], ids=repr)
def test_a_host_ip_is_an_address(ip: Any) -> None:
    """A text is for parsing."""
    with pytest.raises(TypeError, match="expected IPv4Address or IPv6Address or NoneType, not"):
        HostBinding(ip)


def test_a_host_ip_has_no_scope() -> None:
    """An engine takes none, and the text would not read back."""
    with pytest.raises(FormatError, match="without a scope"):
        HostBinding(IPv6Address("fe80::1%eth0"), 80)


# PortMap: a value


def test_a_map_does_not_depend_on_the_order_it_was_given() -> None:
    """Ports come by number and protocol, bindings by family, address and host port."""
    bindings = [
        HostBinding(ANY6, 9),
        HostBinding(IPv4Address("10.0.0.1"), 80),
        HostBinding(IPv4Address("9.9.9.9"), 443),
        HostBinding(IPv4Address("9.9.9.9"), PortRange(80, 90)),
        HostBinding(IPv4Address("9.9.9.9"), PortRange(80, 85)),
        HostBinding(IPv4Address("9.9.9.9"), 80),
        HostBinding(IPv4Address("9.9.9.9"), 0),
        HostBinding(IPv4Address("9.9.9.9"), None),
        HostBinding(None, 9000),
    ]
    one = PortMap({Port(80): bindings, Port(9, "udp"): [], Port(9): []})
    other = PortMap({Port(9): (), Port(80): reversed(bindings), Port(9, "udp"): ()})
    assert list(one) == [Port(9), Port(9, "udp"), Port(80)]
    assert one[Port(80)] == tuple(reversed(bindings))
    assert list(one.items()) == list(other.items())
    assert one == other
    assert hash(one) == hash(other)


def test_a_map_counts_duplicates_once() -> None:
    """A binding that is given twice is there once."""
    twice = PortMap({Port(80): [HostBinding(ANY4, 80), HostBinding(ANY4, 80)]})
    assert twice == {Port(80): (HostBinding(ANY4, 80),)}


def test_a_map_may_be_empty() -> None:
    """No ports at all are a map too, and no text."""
    assert PortMap() == PortMap({}) == PortMap.parse("") == PortMap.parse(" \n") == {}
    assert str(PortMap()) == ""
    assert not PortMap()


def test_a_map_is_a_frozen_value() -> None:
    """It hashes, pickles and copies, and nothing in it changes."""
    ports = PortMap.parse("53/udp, 0.0.0.0:80->80/tcp")
    assert len({ports, PortMap.parse(str(ports))}) == 1
    again = pickle.loads(pickle.dumps(ports))  # noqa: S301  our own bytes
    assert (type(again), again) == (PortMap, ports)
    assert copy.deepcopy(ports) == ports
    with pytest.raises(AttributeError):
        ports.spare = 1
    with pytest.raises(TypeError):
        ports[Port(1)] = ()  # type: ignore[index]  # what the test is about


def test_a_map_shows_itself_as_the_code_that_makes_it() -> None:
    """The repr is short and can be evaluated."""
    ports = PortMap.parse("0.0.0.0:7000-7099->7000-7099/tcp, 53/udp")
    text = "PortMap.parse('53/udp, 0.0.0.0:7000-7099->7000-7099/tcp')"
    assert repr(ports) == text


@pytest.mark.parametrize(
    "ports, fault",
    [
        pytest.param({"80/tcp": []}, "expected Port, not str", id="a text for a port"),
        pytest.param({80: []}, "expected Port, not int", id="a number for a port"),
        pytest.param({Port(80): ["0.0.0.0:80"]}, "expected HostBinding, not str", id="a text"),
        pytest.param({Port(80): "80"}, "expected HostBinding, not str", id="one text"),
        pytest.param({Port(80): [None]}, "expected HostBinding, not NoneType", id="None"),
    ],
)
def test_a_map_is_made_of_values(ports: Any, fault: str) -> None:
    """Raw texts and numbers are for the parsers."""
    with pytest.raises(TypeError, match=fault):
        PortMap(ports)


# PortMap.parse


@pytest.mark.parametrize("of", recorded("ps", "listed"))
def test_a_recorded_column_says_what_the_list_says(of: str) -> None:
    """PORTS and the list entry of one container are one map."""
    listed, column = from_listed(RECORDED[of]["listed"]), PortMap.parse(RECORDED[of]["ps"])
    if not of.startswith("podman"):
        assert column == listed
        return
    # Podman 4.3 lists the first port of a range and no wildcard, and prints both.
    assert set(listed) <= set(column)
    for port, (binding,) in listed.items():
        assert column[port] == (HostBinding(binding.host_ip or ANY4, binding.host_port),)


@pytest.mark.parametrize("of", recorded("ps", "inspected"))
def test_a_recorded_column_says_what_inspect_says(of: str) -> None:
    """PORTS and the inspected ports of one container are one map."""
    inspected, column = from_inspected(RECORDED[of]["inspected"]), PortMap.parse(RECORDED[of]["ps"])
    if of.startswith("podman"):
        # Podman 4.3 prints no exposed port, and 0.0.0.0 where it inspects "".
        inspected = PortMap(
            {
                port: [HostBinding(b.host_ip or ANY4, b.host_port) for b in inspected[port]]
                for port in inspected.published
            }
        )
    if of == "docker-29.1.3/rt":
        # Engine 29 inspects routed ports and does not list them.
        inspected = PortMap(
            {port: [b for b in found if b.host_port] for port, found in inspected.items()}
        )
    assert column == inspected


@pytest.mark.parametrize("of", recorded("port", "inspected"))
def test_recorded_lines_say_what_inspect_says(of: str) -> None:
    """`docker port` and the inspected ports of one container are one map."""
    lines, inspected = (
        PortMap.parse(RECORDED[of]["port"]),
        from_inspected(RECORDED[of]["inspected"]),
    )
    if of.startswith("podman"):
        inspected = PortMap(
            {
                p: [HostBinding(b.host_ip or ANY4, b.host_port) for b in inspected[p]]
                for p in inspected
            }
        )
    assert lines == only_published(inspected)


@pytest.mark.parametrize("of", recorded("ps", "listed"))
def test_a_map_prints_the_recorded_column(of: str) -> None:
    """A current CLI prints the same of the same list entry, to the letter."""
    if not of.startswith("podman"):
        assert str(from_listed(RECORDED[of]["listed"])) == RECORDED[of]["ps"]


def test_every_recorded_service_task_is_read() -> None:
    """`docker service ps` has a star for the address and no blank after a comma."""
    columns = {of: PortMap.parse(RECORDED[of]["service"]) for of in recorded("service")}
    assert columns["docker-20.10.24/swarm-rr.1"] == {
        Port(80): (HostBinding(None, 32788), HostBinding(None, 32790))
    }
    assert columns["docker-20.10.24/swarm-vip.1"] == {}


CLIS = [(case, version) for case, row in PRINTED.items() for version in row["ps"]]


@pytest.mark.parametrize("case, version", CLIS)
def test_every_cli_generation_is_read(case: str, version: str) -> None:
    """PORTS of one list entry is one map, whichever CLI printed it."""
    row = PRINTED[case]
    assert PortMap.parse(row["ps"][version]) == from_listed(row["listed"])


@pytest.mark.parametrize(
    "case, version",
    [(case, version) for case, row in PRINTED.items() for version in row["port"]],
)
def test_the_lines_of_every_cli_generation_are_read(case: str, version: str) -> None:
    """`docker port` has the published ports, whichever CLI printed it."""
    row = PRINTED[case]
    lines = PortMap.parse(row["port"][version])
    assert lines == only_published(from_listed(row["listed"]))


# What the CLIs print that no map holds: a declared range (port 0), a duplicate, and
# the order of addresses as texts, which CLI 29 gave up.
UNLIKE = {
    "a declared range, which is port 0": "80/tcp",
    "a declared range before port 1": "1-2/tcp",
    "duplicates": "9988/udp",
    "addresses of many lengths": "9.9.9.9:8080->80/tcp, 10.0.0.1:8080->80/tcp",
}


@pytest.mark.parametrize("case", PRINTED)
def test_a_map_prints_what_current_clis_print(case: str) -> None:
    """28.2.2 and 28.5.2 print the same, and so does the map."""
    row = PRINTED[case]
    printed = str(from_listed(row["listed"]))
    assert printed == UNLIKE.get(case, row["ps"]["28.2.2"])
    assert row["ps"]["28.2.2"] == row["ps"]["28.5.2"]


A, B = HostBinding(ANY4, 80), HostBinding(ANY6, 80)


@pytest.mark.parametrize(
    "text, ports",
    [
        pytest.param(":::80->80/tcp", {Port(80): (B,)}, id="raw IPv6 wildcard"),
        pytest.param(
            ":::7000-7001->7000-7001/tcp, [::]:32768->53/udp",
            {
                Port(53, "udp"): (HostBinding(ANY6, 32768),),
                Port(7000): (HostBinding(ANY6, 7000),),
                Port(7001): (HostBinding(ANY6, 7001),),
            },
            id="brackets in unequal mappings only, CLI 27.2 to 27.5",
        ),
        pytest.param(
            "0.0.0.0:80->80/tcp,:::80->80/tcp",
            {Port(80): (A, B)},
            id="no blank after a comma, docker-compose 1",
        ),
        pytest.param(
            "49153->22, 49154->80/tcp",
            {Port(22): (HostBinding(None, 49153),), Port(80): (HostBinding(None, 49154),)},
            id="no address, the first CLIs",
        ),
        pytest.param(
            "0.0.0.0:17000-17002->7000-7002/udp",
            {Port(7000 + n, "udp"): (HostBinding(ANY4, 17000 + n),) for n in range(3)},
            id="an unequal range, Podman",
        ),
        pytest.param(
            "0.0.0.0:80->80/tcp, 0.0.0.0:80->80/tcp, 80/tcp",
            {Port(80): (A,)},
            id="duplicates, and a port that is exposed and bound",
        ),
        pytest.param("80/tcp, 80/tcp", {Port(80): ()}, id="exposed twice"),
        pytest.param(
            "0.0.0.0:0->80-81/tcp",
            {Port(80): (HostBinding(ANY4),), Port(81): (HostBinding(ANY4),)},
            id="a routed range",
        ),
        pytest.param(" 80/tcp \r\n", {Port(80): ()}, id="blanks and a line end around it"),
        pytest.param("80/tcp,\n81/tcp", {Port(80): (), Port(81): ()}, id="a wrapped column"),
        pytest.param("80/TCP", {Port(80): ()}, id="upper case"),
        pytest.param("0/tcp", {}, id="a declared range alone"),
        pytest.param(
            "80/tcp -> 0.0.0.0:80\r\n\n80/tcp -> :::80\n",
            {Port(80): (A, B)},
            id="lines of docker port with blank ones",
        ),
        pytest.param("80/tcp -> 0.0.0.0:80", {Port(80): (A,)}, id="one line of docker port"),
        pytest.param(
            "80/tcp -> :18080",
            {Port(80): (HostBinding(None, 18080),)},
            id="docker port with Podman, which knows no address",
        ),
        pytest.param(
            "*:*->80/tcp, *:8000-8010->81/tcp, [::1]:*->82/udp",
            {
                Port(80): (HostBinding(None, 0),),
                Port(81): (HostBinding(None, PortRange(8000, 8010)),),
                Port(82, "udp"): (HostBinding(HOME6, 0),),
            },
            id="what was asked for, as we print it",
        ),
    ],
)
def test_a_text_is_read(text: str, ports: dict[Port, tuple[HostBinding, ...]]) -> None:
    """Texts that no recording has are read as well."""
    assert PortMap.parse(text) == ports


NUMBER_OR_0 = "a port is a number from 0 to 65535"
LENGTHS = "the ranges of host ports and container ports must be of equal length"
NO_CONTAINER_PORT = (
    "it names no container port; for the output of `docker port CONTAINER PORT` say it by port="
)


@pytest.mark.parametrize(
    "text, named, reason",
    [
        pytest.param("PORTS", "PORTS", NUMBER_OR_0, id="the heading"),
        pytest.param("80/tcp, ", "80/tcp, ", "an item between commas is empty", id="a comma more"),
        pytest.param(",", ",", "an item between commas is empty", id="a comma"),
        pytest.param(
            "80/tcp, 81/ftp", "81/ftp", f"{PROTOCOL}, not 'ftp'", id="the second item is wrong"
        ),
        pytest.param(
            "0.0.0.0:80->80/ftp",
            "0.0.0.0:80->80/ftp",
            f"{PROTOCOL}, not 'ftp'",
            id="a published port of another protocol",
        ),
        pytest.param(
            "localhost:80->80/tcp",
            "localhost:80->80/tcp",
            f"{ADDRESS}, not 'localhost'",
            id="a host name",
        ),
        pytest.param(
            "0.0.0.0:80->/tcp",
            "0.0.0.0:80->/tcp",
            NUMBER,
            id="no container port",
        ),
        pytest.param("->80/tcp->", "->80/tcp->", f"{NUMBER}", id="an arrow to nowhere"),
        pytest.param("0.0.0.0:80->0/tcp", "0.0.0.0:80->0/tcp", f"{NUMBER}, not '0'", id="port 0"),
        pytest.param(
            "0.0.0.0:80->80-82/tcp", "0.0.0.0:80->80-82/tcp", LENGTHS, id="one port for three"
        ),
        pytest.param(
            "0.0.0.0:80-81->80-82/tcp",
            "0.0.0.0:80-81->80-82/tcp",
            LENGTHS,
            id="two ports for three",
        ),
        pytest.param(
            "0.0.0.0:8080", "0.0.0.0:8080", NO_CONTAINER_PORT, id="a line of the one-port form"
        ),
        pytest.param(
            "80/tcp\n81/tcp",
            "80/tcp\n81/tcp",
            f"{PROTOCOL}, not 'tcp\\n81/tcp'",
            id="columns of two containers",
        ),
        pytest.param(
            "80/tcp -> 0.0.0.0:80\n81/tcp",
            "81/tcp",
            "expected a line such as 80/tcp -> 0.0.0.0:8080",
            id="a line without arrow",
        ),
        pytest.param(
            "80/tcp -> 0.0.0.0:80\n81/ftp -> 0.0.0.0:81",
            "81/ftp -> 0.0.0.0:81",
            f"{PROTOCOL}, not '81/ftp'",
            id="a line with a wrong port",
        ),
        pytest.param(
            "80/tcp -> nowhere:80",
            "80/tcp -> nowhere:80",
            f"{ADDRESS}, not 'nowhere'",
            id="a line with a wrong address",
        ),
    ],
)
def test_a_wrong_item_is_named(text: str, named: str, reason: str) -> None:
    """The error shows the item or line with the fault, and what is wrong with it."""
    with pytest.raises(FormatError) as caught:
        PortMap.parse(text)
    assert (caught.value.text, caught.value.reason) == (named, reason)


@pytest.mark.parametrize("port", ["80/tcp", "80", 80, Port(80)], ids=repr)
def test_the_one_port_form_is_read(port: Port | int | str) -> None:
    """Its lines name no container port, so the caller does."""
    text = "0.0.0.0:80\r\n[::]:80\n\n"
    assert PortMap.parse(text, port=port) == {Port(80): (A, B)}


def test_the_one_port_form_may_be_empty() -> None:
    """`docker port` prints nothing for a port it does not know, published or not."""
    assert PortMap.parse("\n", port=80) == {}


@pytest.mark.parametrize(
    "text, port, reason",
    [
        pytest.param(
            "80/tcp -> 0.0.0.0:80",
            "80/tcp",
            "these lines name container ports of their own; parse them without port=",
            id="the form of all ports",
        ),
        pytest.param(
            "0.0.0.0:80->80/tcp",
            "80/tcp",
            "these lines name container ports of their own; parse them without port=",
            id="a column",
        ),
        pytest.param("nowhere:80", "80/tcp", f"{ADDRESS}, not 'nowhere'", id="a wrong line"),
        pytest.param("0.0.0.0:80", "80/ftp", PROTOCOL, id="a wrong port"),
        pytest.param("0.0.0.0:80", 0, NUMBER, id="port 0"),
    ],
)
def test_the_one_port_form_refuses(text: str, port: int | str, reason: str) -> None:
    """A text of another form is told apart, and the port is checked."""
    with pytest.raises(FormatError) as caught:
        PortMap.parse(text, port=port)
    assert caught.value.reason == reason


# PortMap.from_specs and specs

# Where we are stricter than the CLI: an engine refuses port 0 in the end, and the
# rest is a slip of the pen that older CLIs do not notice (the text after a second
# slash or dash is ignored, brackets may hold IPv4 or nothing).
STRICTER = {
    "0",
    "0/tcp",
    "0-3",
    "0-5:80",
    "000080",
    "80/tcp/",
    "80/tcp/x",
    "80-82-84",
    "8000-8002-8004:80-82",
    "[127.0.0.1]:80:80",
    "[]:80:80",
    "[]::80",
    "published=80,target=80",
    "target=80",
}


@pytest.mark.parametrize("spec", [s for s, asked in SPECS.items() if asked and s not in STRICTER])
def test_a_specification_asks_for_what_the_cli_asks_for(spec: str) -> None:
    """`docker create -p` sends the same bindings."""
    asked = from_asked(SPECS[spec])
    assert PortMap.from_specs([spec]) == asked
    assert PortMap.from_specs(asked.specs()) == asked


@pytest.mark.parametrize(
    "spec", [s for s, asked in SPECS.items() if asked is None or s in STRICTER]
)
def test_a_specification_that_the_cli_refuses_is_refused(spec: str) -> None:
    """The error names the whole specification."""
    with pytest.raises(FormatError) as caught:
        PortMap.from_specs(["80", spec])
    assert caught.value.text == spec
    assert caught.value.reason


def test_specifications_add_up() -> None:
    """Several values may bind one port, also the same way twice."""
    ports = PortMap.from_specs(["8080:80", "127.0.0.1:9090:80", "8080:80/tcp", "53:53/udp"])
    assert ports == {
        Port(53, "udp"): (HostBinding(None, 53),),
        Port(80): (HostBinding(None, 8080), HostBinding(HOME4, 9090)),
    }


def test_a_number_is_a_container_port() -> None:
    """YAML makes a number of `- 80`."""
    assert PortMap.from_specs([80, 443]) == PortMap.from_specs(["80", "443"])


def test_no_specifications_are_an_empty_map() -> None:
    """Nothing asked for is nothing bound."""
    assert PortMap.from_specs([]) == {}
    assert PortMap.from_specs(iter(())) == {}


@pytest.mark.parametrize("specs", ["8080:80", b"80"], ids=repr)
def test_a_bare_text_is_no_list(specs: Any) -> None:
    """A text would be taken letter by letter, so the error says what to write."""
    with pytest.raises(TypeError) as caught:
        PortMap.from_specs(specs)
    assert str(caught.value) == f"from_specs takes a list of specifications; write [{specs!r}]"


@pytest.mark.parametrize(
    "item, fault",
    [
        pytest.param(None, "expected str or int, not NoneType", id="None"),
        pytest.param({"target": 80}, "expected str or int, not dict", id="a long form of Compose"),
        pytest.param(b"80", "expected str or int, not bytes", id="bytes"),
        pytest.param(True, "a port number is an int, not bool", id="a bool"),
        pytest.param(80.0, "expected str or int, not float", id="a float"),
    ],
)
def test_a_specification_is_a_text_or_a_number(item: Any, fault: str) -> None:
    """Anything else is a mistake in the program."""
    with pytest.raises(TypeError, match=fault):
        PortMap.from_specs([item])


@pytest.mark.parametrize("number", [0, -1, 65536])
def test_a_number_out_of_bounds_is_refused(number: int) -> None:
    """A number is checked like a text."""
    with pytest.raises(FormatError, match=f"'{number}'"):
        PortMap.from_specs([number])


@pytest.mark.parametrize(
    "spec, reason",
    [
        pytest.param("8080:", "the container port is missing", id="no container port"),
        pytest.param("8080:/tcp", "the container port is missing", id="a protocol alone"),
        pytest.param("8080:80/ftp", f"{PROTOCOL}, not 'ftp'", id="another protocol"),
        pytest.param("localhost:80:80", f"{ADDRESS}, not 'localhost'", id="a host name"),
        pytest.param(
            "fe80::1%eth0:80:80",
            "expected an IPv6 address without a scope, not 'fe80::1%eth0'",
            id="a scope",
        ),
        pytest.param("70000:80", f"{NUMBER_OR_0}, not '70000'", id="a host port too high"),
        pytest.param("80:70000", f"{NUMBER}, not '70000'", id="a container port too high"),
        pytest.param("90-80:80", f"{BACKWARDS}, not '90-80'", id="host ports backwards"),
        pytest.param("90-80", BACKWARDS, id="container ports backwards"),
        pytest.param("80-82:90-91", LENGTHS, id="ranges of two lengths"),
        pytest.param("80:90-91", LENGTHS, id="one host port for two container ports"),
        pytest.param("0:90-91", LENGTHS, id="any host port for two container ports"),
        pytest.param(
            "published=8080,target=80,host_ip=127.0.0.1",
            "the long form with published= and target= is not supported; write "
            "[ip:][published:]target[/protocol], such as 127.0.0.1:8080:80/tcp",
            id="the long form",
        ),
    ],
)
def test_a_wrong_specification_says_what_is_wrong(spec: str, reason: str) -> None:
    """The specification and the fault in it are both named."""
    with pytest.raises(FormatError) as caught:
        PortMap.from_specs([spec])
    assert (caught.value.text, caught.value.reason) == (spec, reason)


def test_all_ports_at_once_are_affordable() -> None:
    """The widest range gives every port its own binding, and prints as one item."""
    ports = PortMap.from_specs(["1-65535:1-65535"])
    assert len(ports) == 65535
    assert ports.bindings(65535) == (HostBinding(None, 65535),)
    assert str(ports) == "*:1-65535->1-65535/tcp"
    assert ports.conflicts(PortMap.from_specs(["80:80/tcp"])) == (
        (Port(80), HostBinding(None, 80)),
    )


def test_one_port_may_take_any_host_port() -> None:
    """The widest range of host ports is one binding."""
    assert PortMap.from_specs(["1-65535:80"])[Port(80)] == (HostBinding(None, PortRange(1, 65535)),)


def test_specifications_are_written_short() -> None:
    """Each binding is one value of -p, with nothing in it that goes without saying."""
    ports = PortMap(
        {
            Port(80): [
                HostBinding(None, 0),
                HostBinding(None, 8080),
                HostBinding(None, PortRange(8000, 8010)),
                HostBinding(HOME4, 0),
                HostBinding(HOME4, 8081),
                HostBinding(HOME6, PortRange(8000, 8010)),
            ],
            Port(53, "udp"): [HostBinding(ANY6, 53)],
        }
    )
    assert ports.specs() == (
        "[::]:53:53/udp",
        "80",
        "8000-8010:80",
        "8080:80",
        "127.0.0.1::80",
        "127.0.0.1:8081:80",
        "[::1]:8000-8010:80",
    )


def test_specifications_have_no_words_for_all() -> None:
    """An exposed port is left out, and a routed one becomes any free port."""
    ports = PortMap.parse("53/udp, 0.0.0.0:0->80/tcp, *:0->81/tcp")
    assert ports.specs() == ("0.0.0.0::80", "81")


# PortMap, asked

SHOP = PortMap.parse(
    "53/tcp, 0.0.0.0:53->53/udp, 0.0.0.0:8080->80/tcp, [::]:8081->80/tcp, 127.0.0.1:8080->81/tcp, "
    "0.0.0.0:0->82/tcp, *:*->83/tcp, *:9000-9010->84/tcp, 127.0.0.1:8080->90/udp"
)


def test_published_and_exposed_ports_are_told_apart() -> None:
    """Routed ports and those yet to be bound are published; the rest is exposed."""
    assert list(map(str, SHOP.published)) == [
        "53/udp",
        "80/tcp",
        "81/tcp",
        "82/tcp",
        "83/tcp",
        "84/tcp",
        "90/udp",
    ]
    assert SHOP.exposed == (Port(53),)


@pytest.mark.parametrize("port", [80, "80", "80/tcp", Port(80)], ids=repr)
def test_bindings_of_a_port_are_found_by_any_of_its_names(port: Port | int | str) -> None:
    """A number, a text and a Port mean the same; a number is tcp."""
    assert SHOP.bindings(port) == (HostBinding(ANY4, 8080), HostBinding(ANY6, 8081))


def test_an_exposed_or_unknown_port_has_no_bindings() -> None:
    """53/tcp is exposed while 53/udp is published; 9999 is neither."""
    assert SHOP.bindings(53) == ()
    assert SHOP.bindings(9999) == ()
    assert SHOP.bindings("53/udp") == (HostBinding(ANY4, 53),)


@pytest.mark.parametrize("port", ["80/ftp", 0, "x"], ids=repr)
def test_bindings_of_no_port_are_refused(port: int | str) -> None:
    """What cannot be a port is not merely unknown."""
    with pytest.raises(FormatError):
        SHOP.bindings(port)


def test_container_ports_are_found_by_host_port() -> None:
    """One host port may lead to several ports, on several addresses."""
    assert SHOP.container_ports(8080) == (Port(80), Port(81))
    assert SHOP.container_ports(8081) == (Port(80),)
    assert SHOP.container_ports(8080, "udp") == (Port(90, "udp"),)
    assert SHOP.container_ports(80) == ()


def test_a_port_of_a_range_leads_nowhere_for_sure() -> None:
    """A range that was asked for is not yet a host port."""
    assert SHOP.container_ports(9000) == ()


@pytest.mark.parametrize("host_port", [0, -1, 65536])
def test_container_ports_of_no_host_port_are_refused(host_port: int) -> None:
    """0 is no host port that anything listens on."""
    with pytest.raises(FormatError, match=f"'{host_port}'"):
        SHOP.container_ports(host_port)


@pytest.mark.parametrize(
    "one, other, lost",
    [
        pytest.param("0.0.0.0:80->80/tcp", "0.0.0.0:80->90/tcp", "yes", id="one address"),
        pytest.param("0.0.0.0:80->80/tcp", "0.0.0.0:81->80/tcp", "", id="two host ports"),
        pytest.param("0.0.0.0:80->80/tcp", "0.0.0.0:80->80/udp", "", id="two protocols"),
        pytest.param("0.0.0.0:80->80/tcp", "127.0.0.1:80->80/tcp", "yes", id="wildcard first"),
        pytest.param("127.0.0.1:80->80/tcp", "0.0.0.0:80->80/tcp", "yes", id="wildcard second"),
        pytest.param("127.0.0.1:80->80/tcp", "127.0.0.2:80->80/tcp", "", id="two addresses"),
        pytest.param("0.0.0.0:80->80/tcp", "[::]:80->80/tcp", "", id="two families"),
        pytest.param("[::]:80->80/tcp", "[::1]:80->80/tcp", "yes", id="IPv6 wildcard"),
        pytest.param("0.0.0.0:80->80/tcp", "[::1]:80->80/tcp", "", id="wildcard of another family"),
        pytest.param("*:80->80/tcp", "[::1]:80->80/tcp", "yes", id="every family, IPv6"),
        pytest.param("127.0.0.1:80->80/tcp", "*:80->80/tcp", "yes", id="every family, IPv4"),
        pytest.param("*:80->80/tcp", "*:80->80/tcp", "yes", id="every family twice"),
        pytest.param("*:*->80/tcp", "*:*->80/tcp", "", id="any free port"),
        pytest.param("*:*->80/tcp", "*:1-65535->80/tcp", "", id="any free port and a range"),
        pytest.param("0.0.0.0:0->80/tcp", "0.0.0.0:0->80/tcp", "", id="routed"),
        pytest.param("80/tcp", "80/tcp", "", id="exposed"),
        pytest.param("*:80-81->80/tcp", "*:80->80/tcp", "", id="a range with a port left"),
        pytest.param("*:80-81->80/tcp", "*:80->1/tcp, *:81->2/tcp", "yes", id="a range used up"),
        pytest.param(
            "*:80-81->80/tcp", "0.0.0.0:80->1/tcp, [::]:81->1/tcp", "yes", id="used up by families"
        ),
        pytest.param(
            "0.0.0.0:80-81->80/tcp",
            "0.0.0.0:80->1/tcp, [::]:81->1/tcp",
            "",
            id="not in this family",
        ),
        pytest.param(
            "*:80-81->80/tcp", "*:80->1/tcp, *:81->2/udp", "", id="used up in two protocols"
        ),
        pytest.param("*:80->80/tcp", "*:80-81->80/tcp", "", id="a port of a range"),
        pytest.param(
            "*:80->1/tcp, *:81->2/tcp", "*:80-81->80/tcp", "yes yes", id="ports that use up a range"
        ),
        pytest.param(
            "*:80->1/tcp, *:81->2/tcp, *:81->3/udp, *:82->4/tcp, *:*->5/tcp, *:80-90->6/tcp",
            "*:80-81->80/tcp",
            "yes yes no no no no",
            id="only the ports that use it up",
        ),
        pytest.param(
            "127.0.0.1:80->1/tcp, 127.0.0.1:81->2/tcp, 127.0.0.2:81->3/tcp",
            "127.0.0.1:80-81->80/tcp",
            "yes yes no",
            id="only the addresses that use it up",
        ),
        pytest.param("*:80-81->80/tcp", "*:80-81->80/tcp", "", id="a range twice"),
        pytest.param(
            "0.0.0.0:80->80/tcp, 0.0.0.0:81->81/tcp, 127.0.0.1:80->90/tcp",
            "0.0.0.0:80->1/tcp",
            "yes no yes",
            id="each that collides",
        ),
    ],
)
def test_conflicts_are_found(one: str, other: str, lost: str) -> None:
    """A host port of a protocol is held once at each address."""
    ports = PortMap.parse(one)
    pairs = [(port, binding) for port, bindings in ports.items() for binding in bindings]
    flags = [word == "yes" for word in lost.split()] or [False] * len(pairs)
    expected = tuple(pair for pair, flag in zip(pairs, flags, strict=True) if flag)
    assert ports.conflicts(PortMap.parse(other)) == expected
