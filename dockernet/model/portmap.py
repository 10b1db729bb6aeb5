"""Port maps: container ports and the host bindings that publish them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, Self

from dockernet.errors import FormatError
from dockernet.model.addresses import IPAddress
from dockernet.model.bindings import (
    BindingOrder,
    HostBinding,
    binding_order,
    collapsed,
    parse_binding_address,
    parse_outside,
    render_address,
)
from dockernet.model.mappings import FrozenMap
from dockernet.model.ports import (
    Port,
    PortRange,
    Protocol,
    named,
    parse_protocol,
    parse_span,
    require,
    split_protocol,
)

__all__ = ["PortMap"]

_BLANK: Final = " \t\r\n"

_LENGTHS: Final = "the ranges of host ports and container ports must be of equal length"
_NO_CONTAINER_PORT: Final = (
    "it names no container port; for the output of `docker port CONTAINER PORT` say it by port="
)
_CONTAINER_PORTS: Final = "these lines name container ports of their own; parse them without port="
_LONG_FORM: Final = (
    "the long form with published= and target= is not supported; "
    "write [ip:][published:]target[/protocol], such as 127.0.0.1:8080:80/tcp"
)


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
            raise named(bare, error) from None


def _read_item(item: str) -> Iterable[_Found]:
    outside, arrow, inside = item.rpartition("->")
    numbers, protocol_text = split_protocol(inside)
    if arrow:
        ports, protocol = parse_span(numbers), parse_protocol(protocol_text)
        return _paired(ports, protocol, *parse_outside(outside))
    if ":" in item:
        raise FormatError(item, _NO_CONTAINER_PORT)
    # Engines list a range that an image exposes as one key as port 0, which is no
    # port: the item is real and says nothing (moby, daemon/container/view.go).
    ports, protocol = parse_span(numbers, lowest=0), parse_protocol(protocol_text)
    return ((Port(number, protocol), None) for number in ports if number)


def _read_port_lines(text: str) -> Iterator[_Pair]:
    """Read all of `docker port CONTAINER`: `80/tcp -> 0.0.0.0:8080`."""
    for line in _lines(text):
        inside, arrow, outside = line.partition(" -> ")
        if not arrow:
            raise FormatError(line, "expected a line such as 80/tcp -> 0.0.0.0:8080")
        try:
            address, host = parse_outside(outside)
            yield Port.parse(inside), HostBinding(address, collapsed(host))
        except FormatError as error:
            raise named(line, error) from None


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
    require(spec, str, int)
    if "=" in spec:
        raise FormatError(spec, _LONG_FORM)
    try:
        yield from _parse_spec(spec)
    except FormatError as error:
        raise named(spec, error) from None


def _parse_spec(spec: str) -> Iterator[_Pair]:
    outside, _, inside = spec.rpartition(":")
    ip, _, host = outside.rpartition(":")
    numbers, protocol = split_protocol(inside)
    if not numbers:
        raise FormatError(spec, "the container port is missing")
    return _paired(
        parse_span(numbers),
        parse_protocol(protocol or "tcp"),  # a slash with nothing after it is tcp to Docker
        parse_binding_address(ip) if ip else None,
        parse_span(host, lowest=0) if host else 0,
    )


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
    return iter([(Port(ports[0], protocol), HostBinding(address, collapsed(host)))])


def _lines(text: str) -> Iterator[str]:
    stripped = (line.strip(_BLANK) for line in text.split("\n"))
    return (line for line in stripped if line)


def _as_port(port: Port | int | str) -> Port:
    if isinstance(port, Port):
        return port
    return Port.parse(port) if isinstance(port, str) else Port(port)


# Order: total, so that equal maps are equal in all they say.


def _in_order(bindings: Iterable[HostBinding]) -> tuple[HostBinding, ...]:
    given = tuple(bindings)
    for binding in given:
        require(binding, HostBinding)
    # Most ports of a listing have no binding or one: nothing to put in order.
    return given if len(given) < 2 else tuple(sorted(set(given), key=binding_order))


def _port_order(item: tuple[Port, object]) -> tuple[int, str]:
    port, _ = item
    require(port, Port)
    return port.number, port.protocol


def _column_order(row: _Found) -> tuple[int, BindingOrder, str]:
    """By number, address, host port and protocol, as CLI 29 sorts (comparePorts).

    CLIs up to 28 compare addresses as texts, so 10.0.0.1 comes before 9.9.9.9 there
    (docker/cli, cli/command/formatter/container.go).
    """
    port, binding = row
    order = (-1, 0, 0, 0) if binding is None else binding_order(binding)
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


def _render_spec(port: Port, binding: HostBinding) -> str:
    inside = str(port.number) if port.protocol == "tcp" else str(port)
    ip = "" if binding.host_ip is None else f"{render_address(binding.host_ip)}:"
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
        key = ("" if binding is None else render_address(binding.host_ip), port.protocol)
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
