"""What holds of every port, binding, port map and text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockernet.errors import FormatError
from dockernet.model.bindings import HostBinding
from dockernet.model.portmap import PortMap
from dockernet.model.ports import Port, PortRange, Protocol

NUMBERS = st.integers(1, 65535) | st.integers(78, 84)
PROTOCOLS: st.SearchStrategy[Protocol] = st.sampled_from(("tcp", "udp", "sctp"))
PORTS = st.builds(Port, NUMBERS, PROTOCOLS)
RANGES = st.tuples(NUMBERS, NUMBERS).map(lambda ends: PortRange(min(ends), max(ends)))
ADDRESSES = (
    st.ip_addresses()
    | st.sampled_from((IPv4Address(0), IPv4Address("127.0.0.1"), IPv6Address(0), IPv6Address(1)))
    | st.ip_addresses(v=4).map(lambda address: IPv6Address(f"::ffff:{address}"))
)
LIVE = st.builds(HostBinding, ADDRESSES, st.none() | NUMBERS)
ASKED = st.builds(HostBinding, st.none() | ADDRESSES, st.just(0) | NUMBERS | RANGES)
BINDINGS = LIVE | ASKED | st.builds(HostBinding)

LIVE_MAPS = st.dictionaries(PORTS, st.lists(LIVE, max_size=4), max_size=8).map(PortMap)
MAPS = st.dictionaries(PORTS, st.lists(BINDINGS, max_size=4), max_size=8).map(PortMap)
ASKED_MAPS = st.dictionaries(PORTS, st.lists(ASKED, min_size=1, max_size=4), max_size=8).map(
    PortMap
)

# Texts of anything, and texts that look nearly right.
TEXTS = (
    st.text()
    | st.text(alphabet="0123456789:.->/[],- tcpud*")
    | st.text(alphabet="0188:.->/[],- \n*")
    | st.lists(
        st.sampled_from(
            (
                "0.0.0.0",
                "::",
                "[::]",
                "*",
                ":",
                "->",
                " -> ",
                "/",
                "tcp",
                ", ",
                "-",
                "80",
                "82",
                "\n",
            )
        )
    ).map("".join)
)


@given(PORTS)
def test_a_port_reads_back(port: Port) -> None:
    """The text of a port is that port, in any case of letters."""
    assert Port.parse(str(port)) == port
    assert Port.parse(str(port).upper()) == port


@given(RANGES)
def test_a_range_reads_back(ports: PortRange) -> None:
    """The text of a range is that range, and its length is that of its numbers."""
    assert PortRange.parse(str(ports)) == ports
    assert len(ports) == ports.last - ports.first + 1
    assert ports.first in ports
    assert ports.last in ports
    assert ports.last + 1 not in ports


@given(BINDINGS)
def test_a_binding_reads_back(binding: HostBinding) -> None:
    """The text of a binding is that binding."""
    assert HostBinding.parse(str(binding)) == binding


@given(BINDINGS, PORTS)
def test_a_binding_of_a_known_port_reads_back(binding: HostBinding, port: Port) -> None:
    """So is a line of the one-port form."""
    assert PortMap.parse(f"{binding}\n", port=port) == {port: (binding,)}


@given(MAPS)
def test_a_map_reads_back(ports: PortMap) -> None:
    """The text of a map is that map, whatever was asked for or reported."""
    assert PortMap.parse(str(ports)) == ports


@given(LIVE_MAPS)
def test_the_text_of_a_live_map_is_of_docker_alone(ports: PortMap) -> None:
    """What an engine reports is printed without the signs that are our own."""
    assert "*" not in str(ports)


@given(MAPS, st.randoms())
def test_a_map_prints_one_text(ports: PortMap, order: Random) -> None:
    """Neither the order of the ports nor that of the bindings shows."""
    shuffled = list(ports.items())
    order.shuffle(shuffled)
    again = PortMap({port: reversed(bindings) for port, bindings in shuffled})
    assert str(again) == str(ports)
    assert list(again.items()) == list(ports.items())
    assert hash(again) == hash(ports)


@given(MAPS)
def test_raw_addresses_read_like_bracketed_ones(ports: PortMap) -> None:
    """CLIs before 28 leave the brackets out."""
    assert PortMap.parse(str(ports).replace("[", "").replace("]", "")) == ports


@given(MAPS)
def test_lines_read_like_a_column(ports: PortMap) -> None:
    """`docker port` says of the published ports what `docker ps` says."""
    lines = [f"{port} -> {binding}" for port, found in ports.items() for binding in found]
    assert PortMap.parse("\n".join(lines)) == {port: ports[port] for port in ports.published}


@given(ASKED_MAPS)
def test_specifications_read_back(ports: PortMap) -> None:
    """What -p can say, it says of the map."""
    assert PortMap.from_specs(ports.specs()) == ports


@given(MAPS)
def test_every_published_port_has_specifications(ports: PortMap) -> None:
    """Whatever the bindings, no published port is lost and no other appears."""
    assert PortMap.from_specs(ports.specs()).published == ports.published
    assert {*ports.published, *ports.exposed} == set(ports)


@given(MAPS)
def test_host_ports_lead_to_the_ports_that_have_them(ports: PortMap) -> None:
    """Looking a host port up is the reverse of looking a port up."""
    for port, found in ports.items():
        for binding in found:
            if isinstance(binding.host_port, int) and binding.host_port:
                assert port in ports.container_ports(binding.host_port, port.protocol)


PARSERS: dict[str, Callable[[str], object]] = {
    "a port": Port.parse,
    "a range": PortRange.parse,
    "a binding": HostBinding.parse,
    "a map": PortMap.parse,
    "a map of one port": lambda text: PortMap.parse(text, port=80),
    "a specification": lambda text: PortMap.from_specs([text]),
}
READERS: dict[str, Callable[[str], object]] = {**PARSERS, "a specification": PortMap.parse}


@pytest.mark.parametrize("what", PARSERS)
@given(text=TEXTS)
def test_any_text_is_a_value_or_a_format_error(what: str, text: str) -> None:
    """No other exception leaves a parser, and no value that does not read back."""
    with suppress(FormatError):
        value = PARSERS[what](text)
        if what != "a map of one port":
            assert READERS[what](str(value)) == value


def message(parse: Callable[[str], object], text: str) -> str:
    """Give what the parser says against a text, if anything."""
    try:
        parse(text)
    except FormatError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("what", PARSERS)
@given(text=TEXTS)
def test_an_error_shows_one_line(what: str, text: str) -> None:
    """Nothing that a terminal would act on gets into a message."""
    assert message(PARSERS[what], text).isprintable()


# Conflicts, against a model that holds sockets one by one.

HOMES = (IPv4Address("127.0.0.1"), IPv4Address("10.0.0.1"), IPv6Address(1), IPv6Address("fd00::1"))
FEW_ADDRESSES = st.sampled_from((None, IPv4Address(0), IPv6Address(0), *HOMES))
FEW_NUMBERS = st.integers(1, 4)
FEW_RANGES = st.tuples(FEW_NUMBERS, FEW_NUMBERS).map(lambda e: PortRange(min(e), max(e)))
FEW = st.builds(HostBinding, FEW_ADDRESSES, st.sampled_from((0, None)) | FEW_NUMBERS | FEW_RANGES)
CROWDED = st.dictionaries(
    st.builds(Port, FEW_NUMBERS, st.sampled_from(("tcp", "udp"))),
    st.lists(FEW, max_size=3),
    max_size=4,
).map(PortMap)

Socket = tuple[str, object, int]
Pair = tuple[Port, HostBinding]


def pairs(ports: PortMap) -> Iterator[Pair]:
    """Go through every binding of a map."""
    return ((port, binding) for port, found in ports.items() for binding in found)


def choices(pair: Pair) -> list[set[Socket]]:
    """List the sets of sockets of which a binding must hold one."""
    port, binding = pair
    span = binding.host_port
    numbers = list(span) if isinstance(span, PortRange) else [span] if span else []
    homes = [home for home in HOMES if binding.host_ip in (None, home, type(home)(0))]
    return [{(port.protocol, home, number) for home in homes} for number in numbers]


def held(ports: PortMap) -> set[Socket]:
    """Collect the sockets that a map is sure to hold."""
    sure = [found[0] for found in map(choices, pairs(ports)) if len(found) == 1]
    return {socket for sockets in sure for socket in sockets}


def expected(one: PortMap, other: PortMap) -> list[Pair]:
    """Find the conflicts by trying every choice."""

    def is_lost(pair: Pair, sockets: set[Socket]) -> bool:
        return bool(choices(pair)) and all(choice & sockets for choice in choices(pair))

    ranges = [pair for pair in pairs(other) if len(choices(pair)) > 1]
    lost = [set[Socket]().union(*choices(p)) for p in ranges if is_lost(p, held(one))]
    return [
        pair
        for pair in pairs(one)
        if is_lost(pair, held(other))
        or (len(choices(pair)) == 1 and any(choices(pair)[0] & span for span in lost))
    ]


@given(CROWDED, CROWDED)
def test_conflicts_are_what_sockets_make_of_them(one: PortMap, other: PortMap) -> None:
    """Every binding that finds its sockets taken is found, and no other."""
    assert list(one.conflicts(other)) == expected(one, other)


@given(CROWDED, CROWDED)
def test_conflicts_are_mutual(one: PortMap, other: PortMap) -> None:
    """If one cannot be held with the other, the other cannot be held with it."""
    assert bool(one.conflicts(other)) == bool(other.conflicts(one))


@given(MAPS)
def test_every_fixed_host_port_conflicts_with_itself(ports: PortMap) -> None:
    """No map can be held twice, but for what is left open in it."""
    lost = ports.conflicts(ports)
    for port, binding in pairs(ports):
        if isinstance(binding.host_port, int) and binding.host_port:
            assert (port, binding) in lost
