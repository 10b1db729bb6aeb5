"""Ports: container ports, the host bindings that publish them, and maps of both."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address
from types import NoneType
from typing import Final, Literal, Self

from attrs import field, frozen

from dockernet.errors import FormatError, shown
from dockernet.model.addresses import IPAddress, address_order, parse_address
from dockernet.model.mappings import FrozenMap

__all__ = ["HostBinding", "Port", "PortMap", "PortRange", "Protocol"]

#: The transport protocols that an engine publishes.
Protocol = Literal["tcp", "udp", "sctp"]

_PROTOCOLS: Final[Mapping[str, Protocol]] = {"tcp": "tcp", "udp": "udp", "sctp": "sctp"}
_HIGHEST: Final = 65535
_DIGITS: Final = 5  # as many as the highest port has
_BLANK: Final = " \t\r\n"

# The two addresses that nearly every binding has, by their texts in every CLI. They
# are shared, so that the port maps of a long listing hold them once.
_ANY_IPV4: Final = IPv4Address(0)
_ANY_IPV6: Final = IPv6Address(0)
_SHARED: Final[Mapping[str, IPAddress]] = {
    str(_ANY_IPV4): _ANY_IPV4,
    str(_ANY_IPV6): _ANY_IPV6,
    f"[{_ANY_IPV6}]": _ANY_IPV6,
}

# What stands in the place of a host port where there is none: `docker port` leaves
# it empty and `docker ps` prints 0 for a routed port. The star is our own (see
# HostBinding): any free port, which is asked for and never reported.
_OPEN: Final[Mapping[str, int | None]] = {"": None, "0": None, "*": 0}

_PROTOCOL: Final = "the protocol must be tcp, udp or sctp"
_RANGE: Final = "expected a range of ports such as 8000-8010"
_BACKWARDS: Final = "the last port of a range must not be lower than the first"
_LENGTHS: Final = "the ranges of host ports and container ports must be of equal length"
_NO_CONTAINER_PORT: Final = (
    "it names no container port; for the output of `docker port CONTAINER PORT` say it by port="
)
_CONTAINER_PORTS: Final = "these lines name container ports of their own; parse them without port="
_LONG_FORM: Final = (
    "the long form with published= and target= is not supported; "
    "write [ip:][published:]target[/protocol], such as 127.0.0.1:8080:80/tcp"
)


def _require(value: object, *kinds: type) -> None:
    if not isinstance(value, kinds):
        names = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"expected {names}, not {type(value).__name__}")


def _check_number(number: object, lowest: int = 1) -> None:
    if not isinstance(number, int) or isinstance(number, bool):
        raise TypeError(f"a port number is an int, not {type(number).__name__}")
    if not lowest <= number <= _HIGHEST:
        raise FormatError(str(number), f"a port is a number from {lowest} to {_HIGHEST}")


@frozen(order=True, cache_hash=True)
class Port:
    """A container port: a number and its protocol, ordered by both.

    Attributes:
        number: 1 to 65535.
        protocol: ``tcp``, ``udp`` or ``sctp``.

    Raises:
        FormatError: The number or the protocol is none of these.

    Example:
        >>> from dockernet import Port
        >>> print(Port(80), Port(53, "udp"))
        80/tcp 53/udp
    """

    number: int
    protocol: Protocol = "tcp"

    def __attrs_post_init__(self) -> None:
        _check_number(self.number)
        if self.protocol not in _PROTOCOLS:
            raise FormatError(str(self.protocol), _PROTOCOL)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``53/udp`` or ``80``, which is tcp; upper case is taken too.

        Raises:
            FormatError: The text is no port; nothing is trimmed.

        Example:
            >>> from dockernet import Port
            >>> Port.parse("53/UDP")
            Port(number=53, protocol='udp')
        """
        number, protocol = _split_protocol(text)
        try:
            return cls(_parse_number(number), _parse_protocol(protocol))
        except FormatError as error:
            raise FormatError(text, error.reason) from None

    def __str__(self) -> str:
        return f"{self.number}/{self.protocol}"


@frozen
class PortRange:
    """The ports from a first to a last one, both of them included.

    Attributes:
        first: 1 to 65535.
        last: The same number or a higher one.

    Raises:
        FormatError: A number is no port, or the last comes before the first.

    Example:
        >>> from dockernet import PortRange
        >>> 8005 in PortRange(8000, 8010)
        True
    """

    first: int
    last: int

    def __attrs_post_init__(self) -> None:
        _check_number(self.first)
        _check_number(self.last)
        if self.last < self.first:
            raise FormatError(str(self), _BACKWARDS)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``8000-8010``.

        Raises:
            FormatError: The text is no range; a single port is none either.
        """
        if "-" not in text:
            raise FormatError(text, _RANGE)
        try:
            span = _parse_span(text)
        except FormatError as error:
            raise _named(text, error) from None
        return cls(span[0], span[-1])

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.last + 1))

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and self.first <= number <= self.last

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


def _plain_address(address: IPAddress | None) -> IPAddress | None:
    """Refuse what is no address, and unwrap IPv4 from IPv6 (RFC 4291, 2.5.5.2)."""
    _require(address, IPv4Address, IPv6Address, NoneType)
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            raise FormatError(str(address), "expected an IPv6 address without a scope")
        return address.ipv4_mapped or address
    return address


def _plain_port(port: int | PortRange | None) -> int | PortRange | None:
    """Refuse what is no host port; a range of one port is that port."""
    if isinstance(port, PortRange):
        return port.first if port.first == port.last else port
    if port is not None:
        _check_number(port, lowest=0)
    return port


@frozen
class HostBinding:
    """Where the engine's host listens for a container port, or was asked to.

    A binding that an engine reports has a host IP and one host port, or none if
    the port is routed. A binding that was asked for may leave either open.

    As text it is ``0.0.0.0:8080`` or ``[::]:8080``, as in ``docker ps``; with ``0``
    for no host port, as there; with ``*`` for an unspecified host IP, as in
    ``docker service ps``, and for any free port.

    Attributes:
        host_ip: The address it listens on; ``None`` is unspecified: every family.
            An IPv4 address that is written as an IPv6 one becomes IPv4.
        host_port: The host port; ``None`` is no host port (routed), 0 is any free
            one, and a range is any free one of it.

    Raises:
        FormatError: The host port is no port, or the address has a scope.

    Example:
        >>> from dockernet import HostBinding
        >>> print(HostBinding.parse(":::8080"), HostBinding(None, 0))
        [::]:8080 *:*
    """

    host_ip: IPAddress | None = field(default=None, converter=_plain_address)
    host_port: int | PortRange | None = field(default=None, converter=_plain_port)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a line of ``docker port CONTAINER PORT``, or what ``str`` gives.

        IPv6 may be in brackets or raw, as CLIs before 23.0 print it: the last colon
        parts address and port (docker/cli, cli/command/container/port.go).

        Raises:
            FormatError: The text is no host binding.
        """
        try:
            address, host = _parse_outside(text)
        except FormatError as error:
            raise _named(text, error) from None
        return cls(address, _collapsed(host))

    @property
    def is_wildcard(self) -> bool:
        """Whether it listens on every address of its families."""
        return self.host_ip is None or self.host_ip.is_unspecified

    @property
    def is_loopback(self) -> bool:
        """Whether only the engine's host itself can dial it."""
        return self.host_ip is not None and self.host_ip.is_loopback

    @property
    def families(self) -> tuple[int, ...]:
        """The address families it listens on: 4, 6 or both.

        ``::`` is IPv6 alone: an engine that is asked for both binds ``0.0.0.0`` as
        well (moby, daemon/libnetwork/drivers/bridge/port_mapping_linux.go).
        """
        return (4, 6) if self.host_ip is None else (self.host_ip.version,)

    def __str__(self) -> str:
        return f"{_render_address(self.host_ip)}:{_render_host_port(self.host_port)}"


class PortMap(FrozenMap[Port, tuple[HostBinding, ...]]):
    """Container ports and the host bindings of each; an exposed-only port has none.

    Ports come by number and protocol, the bindings of a port unspecified address
    first, then IPv4, then IPv6, each by address and host port. Whatever order they
    were given in, equal maps are equal in all they say.

    ``str`` gives the PORTS column as CLI 28 and later print it, and ``parse`` reads
    that back to an equal map, whatever it holds.

    Args:
        ports: The host bindings of each port, in any order; duplicates count once.

    Raises:
        TypeError: A key is no Port, or an item of a value no HostBinding.

    Example:
        >>> from dockernet import Port, PortMap
        >>> ports = PortMap.parse("53/udp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp")
        >>> [str(binding) for binding in ports[Port(80)]]
        ['0.0.0.0:8080', '[::]:8080']
    """

    __slots__ = ()

    def __init__(self, ports: Mapping[Port, Iterable[HostBinding]] | None = None) -> None:
        items = sorted((ports or {}).items(), key=_port_order)
        super().__init__({port: _in_order(bindings) for port, bindings in items})

    @classmethod
    def parse(cls, text: str, port: Port | int | str | None = None) -> Self:
        r"""Parse the PORTS column of ``docker ps``, or the output of ``docker port``.

        The column is read as every Docker and Podman CLI prints it. Its colons before
        ``->`` are read from the right, since CLIs before 28.0 print IPv6 without
        brackets: ``:::80->80/tcp`` is host IP ``::``, host port 80.

        Args:
            text: One container's column; or all lines of ``docker port CONTAINER``,
                which have ``80/tcp -> 0.0.0.0:8080``.
            port: The port asked for, where the text is the output of ``docker port
                CONTAINER PORT``: its lines are ``0.0.0.0:8080`` and do not say it.

        Raises:
            FormatError: An item is none of these. It names the item.

        Example:
            >>> from dockernet import PortMap
            >>> print(PortMap.parse("0.0.0.0:8080\n:::8080\n", port="80/tcp"))
            0.0.0.0:8080->80/tcp, [::]:8080->80/tcp
        """
        if port is not None:
            return cls(_gathered(_read_one_port(text, _as_port(port))))
        if " -> " in text:
            return cls(_gathered(_read_port_lines(text)))
        return cls(_gathered(_read_column(text)))

    @classmethod
    def from_specs(cls, specs: Iterable[str | int]) -> Self:
        """Build the map that ``docker run -p`` asks for, of one value for each ``-p``.

        The grammar is Docker's, and that of the short form in Compose files (see
        ``nat/nat.go`` in docker/go-connections)::

            [[ip:][host port | range]:]container port | range[/protocol]

        IPv6 needs no brackets. No host port, or 0, is any free one. A range of host
        ports for one container port is any free one of it; two ranges pair up.

        Args:
            specs: The values of ``-p``. A number is a container port, since in YAML
                ``- 80`` is one.

        Raises:
            FormatError: A value is no such specification. It names the value.
            TypeError: The values are a single text, or one is neither text nor number.

        Example:
            >>> from dockernet import PortMap
            >>> print(PortMap.from_specs(["127.0.0.1:8080:80", "53/udp"]))
            *:*->53/udp, 127.0.0.1:8080->80/tcp
        """
        if isinstance(specs, (str, bytes)):
            raise TypeError(f"from_specs takes a list of specifications; write [{specs!r}]")
        return cls(_gathered(pair for spec in specs for pair in _read_spec(spec)))

    @property
    def published(self) -> tuple[Port, ...]:
        """The ports that have a host binding."""
        return tuple(port for port, bindings in self.items() if bindings)

    @property
    def exposed(self) -> tuple[Port, ...]:
        """The ports that are declared and have no host binding."""
        return tuple(port for port, bindings in self.items() if not bindings)

    def bindings(self, port: Port | int | str) -> tuple[HostBinding, ...]:
        """The host bindings of a port: none for an exposed or an unknown one.

        Args:
            port: A Port, a number of tcp, or a text such as ``53/udp``.

        Raises:
            FormatError: The number or the text is no port.
        """
        return self.get(_as_port(port), ())

    def container_ports(self, host_port: int, protocol: Protocol = "tcp") -> tuple[Port, ...]:
        """The ports that this very host port leads to, on whichever address.

        A binding that may take any free port, or any of a range, does not count.

        Raises:
            FormatError: The number or the protocol is none.
        """
        asked = Port(host_port, protocol)
        return tuple(
            port
            for port, bindings in self.items()
            if port.protocol == asked.protocol
            and any(binding.host_port == asked.number for binding in bindings)
        )

    def conflicts(self, other: PortMap) -> tuple[tuple[Port, HostBinding], ...]:
        """The bindings of this map that cannot be held together with the other's.

        Two bindings collide on one host port of one protocol where their addresses are
        equal, or one is the wildcard of the other's family. Any free port, or none,
        never collides; a range does once the other map takes all of it.

        Returns:
            Each such binding with its container port, in the order of the map.

        Example:
            >>> from dockernet import PortMap
            >>> running = PortMap.parse("0.0.0.0:8080->80/tcp")
            >>> for port, binding in PortMap.from_specs(["127.0.0.1:8080:9000"]).conflicts(running):
            ...     print(binding, "for", port)
            127.0.0.1:8080 for 9000/tcp
        """
        ours, theirs = _by_host_port(self), _by_host_port(other)
        lost = [
            pair
            for pair in _pairs(other)
            if isinstance(pair[1].host_port, PortRange) and _is_taken(pair, ours)
        ]
        return tuple(
            pair
            for pair in _pairs(self)
            if _is_taken(pair, theirs) or any(_is_within(pair, span) for span in lost)
        )

    def specs(self) -> tuple[str, ...]:
        """Render the bindings as values of ``docker run -p``, one each.

        ``from_specs`` makes the same bindings of them, with two exceptions that the
        grammar has no words for: a port that is only exposed is left out, and no host
        port (routed) becomes any free one.

        Example:
            >>> from dockernet import PortMap
            >>> PortMap.parse("53/udp, [::1]:8080->80/tcp").specs()
            ('[::1]:8080:80',)
        """
        return tuple(_render_spec(port, binding) for port, binding in _pairs(self))

    def __str__(self) -> str:
        return ", ".join(_render_column(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}.parse({str(self)!r})"


# Parsing: each reader of a text yields a port with one of its bindings, or with
# None where the port is only exposed.

_Pair = tuple[Port, HostBinding]
_Found = tuple[Port, HostBinding | None]


def _gathered(found: Iterable[_Found]) -> dict[Port, list[HostBinding]]:
    ports: dict[Port, list[HostBinding]] = {}
    for port, binding in found:
        bindings = ports.setdefault(port, [])
        if binding is not None:
            bindings.append(binding)
    return ports


def _read_column(text: str) -> Iterator[_Found]:
    """Read the PORTS column: ", " in `docker ps`, "," in `docker service ps`."""
    column = text.strip(_BLANK)
    for item in column.split(",") if column else ():
        bare = item.strip(_BLANK)
        if not bare:
            raise FormatError(text, "an item between commas is empty")
        try:
            yield from _read_item(bare)
        except FormatError as error:
            raise _named(bare, error) from None


def _read_item(item: str) -> Iterable[_Found]:
    outside, arrow, inside = item.rpartition("->")
    numbers, protocol_text = _split_protocol(inside)
    if arrow:
        ports, protocol = _parse_span(numbers), _parse_protocol(protocol_text)
        return _paired(ports, protocol, *_parse_outside(outside))
    if ":" in item:
        raise FormatError(item, _NO_CONTAINER_PORT)
    # Engines list a range that an image exposes as one key as port 0, which is no
    # port: the item is real and says nothing (moby, daemon/container/view.go).
    ports, protocol = _parse_span(numbers, lowest=0), _parse_protocol(protocol_text)
    return ((Port(number, protocol), None) for number in ports if number)


def _read_port_lines(text: str) -> Iterator[_Pair]:
    """Read all of `docker port CONTAINER`: `80/tcp -> 0.0.0.0:8080`."""
    for line in _lines(text):
        inside, arrow, outside = line.partition(" -> ")
        if not arrow:
            raise FormatError(line, "expected a line such as 80/tcp -> 0.0.0.0:8080")
        try:
            address, host = _parse_outside(outside)
            yield Port.parse(inside), HostBinding(address, _collapsed(host))
        except FormatError as error:
            raise _named(line, error) from None


def _read_one_port(text: str, port: Port) -> Iterator[_Pair]:
    """Read `docker port CONTAINER PORT`: `0.0.0.0:8080`."""
    for line in _lines(text):
        if "->" in line:
            raise FormatError(line, _CONTAINER_PORTS)
        yield port, HostBinding.parse(line)


def _read_spec(spec: str | int) -> Iterator[_Pair]:
    """Read one value of `-p`. The colons are read from the right."""
    if isinstance(spec, int):
        yield Port(spec), HostBinding(None, 0)
        return
    _require(spec, str, int)
    if "=" in spec:
        raise FormatError(spec, _LONG_FORM)
    try:
        yield from _parse_spec(spec)
    except FormatError as error:
        raise _named(spec, error) from None


def _parse_spec(spec: str) -> Iterator[_Pair]:
    outside, _, inside = spec.rpartition(":")
    ip, _, host = outside.rpartition(":")
    numbers, protocol = _split_protocol(inside)
    if not numbers:
        raise FormatError(spec, "the container port is missing")
    return _paired(
        _parse_span(numbers),
        _parse_protocol(protocol or "tcp"),  # a slash with nothing after it is tcp to Docker
        _parse_address(ip) if ip else None,
        _parse_span(host, lowest=0) if host else 0,
    )


def _parse_outside(text: str) -> tuple[IPAddress | None, range | int | None]:
    """Parse what stands before `->`. The oldest CLIs print no address (`49153->22`)."""
    ip, _, host = text.rpartition(":")
    address = None if ip in ("", "*") else _parse_address(ip)
    return address, _OPEN[host] if host in _OPEN else _parse_span(host)


def _paired(
    ports: range, protocol: Protocol, address: IPAddress | None, host: range | int | None
) -> Iterator[_Pair]:
    """Pair container ports with host ports, of which a range may serve one port."""
    if not isinstance(host, range):
        return ((Port(number, protocol), HostBinding(address, host)) for number in ports)
    if len(host) == len(ports):
        pairs = zip(ports, host, strict=True)
        return ((Port(number, protocol), HostBinding(address, taken)) for number, taken in pairs)
    if len(ports) > 1:
        raise FormatError("", _LENGTHS)
    return iter([(Port(ports[0], protocol), HostBinding(address, _collapsed(host)))])


def _collapsed(host: range | int | None) -> int | PortRange | None:
    return PortRange(host[0], host[-1]) if isinstance(host, range) else host


def _parse_address(text: str) -> IPAddress:
    return _SHARED.get(text) or parse_address(text)


def _split_protocol(text: str) -> tuple[str, str]:
    numbers, slash, protocol = text.partition("/")
    return numbers, protocol if slash else "tcp"


def _parse_protocol(text: str) -> Protocol:
    protocol = _PROTOCOLS.get(text.lower())
    if protocol is None:
        raise FormatError(text, _PROTOCOL)
    return protocol


def _parse_span(text: str, lowest: int = 1) -> range:
    """Parse a number or a range; one number is a range of one."""
    first, dash, last = text.partition("-")
    start = _parse_number(first, lowest)
    end = _parse_number(last, lowest) if dash else start
    if end < start:
        raise FormatError(text, _BACKWARDS)
    return range(start, end + 1)


def _parse_number(text: str, lowest: int = 1) -> int:
    # int() alone takes "+80", "1_0" and the digits of every script, and refuses a
    # text of thousands of digits with an error of its own.
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS:
        number = int(text)
        if lowest <= number <= _HIGHEST:
            return number
    raise FormatError(text, f"a port is a number from {lowest} to {_HIGHEST}")


def _lines(text: str) -> Iterator[str]:
    stripped = (line.strip(_BLANK) for line in text.split("\n"))
    return (line for line in stripped if line)


def _named(whole: str, error: FormatError) -> FormatError:
    """Tell the error of a part of the whole that a person wrote."""
    if error.text in ("", whole):
        return FormatError(whole, error.reason)
    return FormatError(whole, f"{error.reason}, not '{shown(error.text)}'")


def _as_port(port: Port | int | str) -> Port:
    if isinstance(port, Port):
        return port
    return Port.parse(port) if isinstance(port, str) else Port(port)


# Order: total, so that equal maps are equal in all they say.

_BindingOrder = tuple[int, int, int, int]


def _in_order(bindings: Iterable[HostBinding]) -> tuple[HostBinding, ...]:
    given = tuple(bindings)
    for binding in given:
        _require(binding, HostBinding)
    # Most ports of a listing have no binding or one: nothing to put in order.
    return given if len(given) < 2 else tuple(sorted(set(given), key=_binding_order))


def _port_order(item: tuple[Port, object]) -> tuple[int, str]:
    port, _ = item
    _require(port, Port)
    return port.number, port.protocol


def _binding_order(binding: HostBinding) -> _BindingOrder:
    """By family (unspecified, IPv4, IPv6), address and host port (none, then by number)."""
    ip, port = binding.host_ip, binding.host_port
    family, number = (0, 0) if ip is None else address_order(ip)
    if isinstance(port, PortRange):
        return family, number, port.first, port.last
    return (family, number, -1, -1) if port is None else (family, number, port, port)


def _column_order(row: _Found) -> tuple[int, _BindingOrder, str]:
    """By number, address, host port and protocol, as CLI 29 sorts (comparePorts).

    CLIs up to 28 compare addresses as texts, so 10.0.0.1 comes before 9.9.9.9 there
    (docker/cli, cli/command/formatter/container.go).
    """
    port, binding = row
    order = (-1, 0, 0, 0) if binding is None else _binding_order(binding)
    return port.number, order, port.protocol


# Conflicts.

_Taken = dict[tuple[Protocol, int], list[HostBinding]]


def _pairs(ports: PortMap) -> Iterator[_Pair]:
    return ((port, binding) for port, bindings in ports.items() for binding in bindings)


def _by_host_port(ports: PortMap) -> _Taken:
    """Find the bindings that are sure to take a host port, by that port."""
    taken: _Taken = {}
    for port, binding in _pairs(ports):
        if isinstance(binding.host_port, int):
            taken.setdefault((port.protocol, binding.host_port), []).append(binding)
    return taken


def _wanted(binding: HostBinding) -> Collection[int]:
    """Give the host ports of which the binding must have one."""
    if isinstance(binding.host_port, PortRange):
        return binding.host_port
    return (binding.host_port,) if binding.host_port else ()


def _is_taken(pair: _Pair, taken: _Taken) -> bool:
    """Whether none of the host ports that would do is left."""
    port, binding = pair
    wanted = _wanted(binding)
    return bool(wanted) and all(
        any(_overlap(binding, holder) for holder in taken.get((port.protocol, number), ()))
        for number in wanted
    )


def _is_within(pair: _Pair, span: _Pair) -> bool:
    """Whether a binding to one host port is among those that use up a range."""
    (port, binding), (other_port, other) = pair, span
    number = binding.host_port
    return (
        port.protocol == other_port.protocol
        and isinstance(number, int)
        and number in _wanted(other)
        and _overlap(binding, other)
    )


def _overlap(one: HostBinding, other: HostBinding) -> bool:
    if not set(one.families).intersection(other.families):
        return False
    return one.is_wildcard or other.is_wildcard or one.host_ip == other.host_ip


# Rendering.


def _render_address(address: IPAddress | None) -> str:
    if address is None:
        return "*"
    return f"[{address}]" if isinstance(address, IPv6Address) else str(address)


def _render_host_port(port: int | PortRange | None) -> str:
    if port is None:
        return "0"
    return "*" if port == 0 else str(port)


def _render_spec(port: Port, binding: HostBinding) -> str:
    inside = str(port.number) if port.protocol == "tcp" else str(port)
    ip = "" if binding.host_ip is None else f"{_render_address(binding.host_ip)}:"
    host = f"{binding.host_port}:" if binding.host_port else ":" if ip else ""
    return f"{ip}{host}{inside}"


def _render_column(ports: PortMap) -> list[str]:
    """Group as the CLI does (docker/cli, cli/command/formatter/container.go).

    Consecutive ports of one address and protocol are one item where host and
    container port are equal, or where there is no host port. An item is printed
    when a gap ends it, the open ones after those, and the unequal ports at last,
    one by one.
    """
    ended: list[str] = []
    unequal: list[str] = []
    growing: dict[tuple[str, Protocol], range] = {}
    for port, binding in sorted(_rows(ports), key=_column_order):
        if binding is not None and binding.host_port != port.number:
            unequal.append(f"{binding}->{port}")
            continue
        key = ("" if binding is None else _render_address(binding.host_ip), port.protocol)
        span = growing.get(key, range(port.number, port.number))
        if span.stop != port.number:
            ended.append(_render_group(key, span))
            span = range(port.number, port.number)
        growing[key] = range(span.start, port.number + 1)
    return [*ended, *(_render_group(*group) for group in growing.items()), *unequal]


def _rows(ports: PortMap) -> Iterator[_Found]:
    return ((port, binding) for port in ports for binding in ports[port] or (None,))


def _render_group(key: tuple[str, Protocol], span: range) -> str:
    address, protocol = key
    numbers = str(span[0]) if len(span) == 1 else f"{span[0]}-{span[-1]}"
    return f"{address}:{numbers}->{numbers}/{protocol}" if address else f"{numbers}/{protocol}"
