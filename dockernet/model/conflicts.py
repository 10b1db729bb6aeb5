"""Port conflicts: a host port that is asked for, and who holds it."""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from attrs import evolve, frozen

from dockernet._shown import shown
from dockernet.errors import LaunchError
from dockernet.model.bindings import HostBinding
from dockernet.model.portmap import PortMap
from dockernet.model.ports import Port, PortRange, Protocol

__all__ = ["Holding", "PortConflict", "PortConflictError", "port_conflicts", "settled"]

_ANY: Final = 1  # a container port that stands for whichever one there is


@frozen(kw_only=True)
class Holding:
    """A host port that somebody holds.

    Attributes:
        protocol: Its protocol.
        binding: The address and the number.
        container: The name of the container that holds it.
        container_id: The id of that container.
        pid: The process that holds it.
        process: The name of that process's command.
        rival: The container port that asks for it in the same launch.
    """

    protocol: Protocol
    binding: HostBinding
    container: str | None = None
    container_id: str | None = None
    pid: int | None = None
    process: str | None = None
    rival: Port | None = None

    @property
    def holder(self) -> str:
        """Who holds it, in words."""
        if self.container is not None:
            return f"container {shown(self.container)}"
        if self.rival is not None:
            return f"port {self.rival} of the same launch"
        name = f" ({shown(self.process)})" if self.process else ""
        return "another process" if self.pid is None else f"process {self.pid}{name}"


@frozen(kw_only=True)
class PortConflict:
    """A host port that is asked for and taken, and one of those who hold it.

    For a range of which no port is free there is one for each number.

    Attributes:
        port: The container port that it was asked for.
        binding: The host binding that was asked for.
        host_port: The number that is taken.
        held: The binding that holds it; ``None`` where the holder is not known.
        container: The name of the container that holds it; ``None`` where none does.
        container_id: The id of that container.
        pid: The process that holds it; ``None`` where it is not known. Of a container's
            port it is known in host mode alone.
        process: The name of that process's command, as the kernel has it.
        rival: The other container port of the same launch that asks for it, too.

    Example:
        >>> from dockernet import HostBinding, Port, PortConflict
        >>> taken = HostBinding.parse("0.0.0.0:8080")
        >>> asked = {"port": Port(80), "binding": HostBinding(None, 8080), "host_port": 8080}
        >>> print(PortConflict(**asked, held=taken, container="web"))
        host port 8080/tcp is held by container web (0.0.0.0:8080)
    """

    port: Port
    binding: HostBinding
    host_port: int
    held: HostBinding | None = None
    container: str | None = None
    container_id: str | None = None
    pid: int | None = None
    process: str | None = None
    rival: Port | None = None

    @property
    def holder(self) -> str:
        """Who holds it, in words."""
        if self.held is None:
            return "somebody who cannot be seen from here"
        holding = Holding(
            protocol=self.port.protocol,
            binding=self.held,
            container=self.container,
            pid=self.pid,
            process=self.process,
            rival=self.rival,
        )
        return f"{holding.holder} ({self.held})"

    def __str__(self) -> str:
        return f"host port {self.host_port}/{self.port.protocol} is held by {self.holder}"


class PortConflictError(LaunchError, OSError):
    """A host port that a container was to publish is taken.

    As an ``OSError`` it has the number that binding a taken port gives, ``EADDRINUSE``.

    Attributes:
        image: The image that the container was to be made from.
        conflicts: What is taken, and who holds it.
        reason: The same in words.
    """

    def __init__(self, image: str, conflicts: tuple[PortConflict, ...]) -> None:
        super().__init__(image, "; ".join(map(str, conflicts)))
        self.conflicts: tuple[PortConflict, ...] = conflicts
        self.args: tuple[object, ...] = (image, conflicts)
        self.errno: int | None = errno.EADDRINUSE


def settled(wanted: PortMap) -> frozenset[tuple[Protocol, int]]:
    """The host ports that a map asks for by number, ranges among them."""
    pairs = ((port, number) for port, b in _pairs(wanted) for number in _numbers(b))
    return frozenset((port.protocol, number) for port, number in pairs)


def port_conflicts(wanted: PortMap, holdings: Iterable[Holding]) -> tuple[PortConflict, ...]:
    """Find what cannot be had of the host ports that are asked for.

    A fixed host port cannot be had if somebody holds it, or the same map asks for it
    once more; a range if that is so for each of its ports. Any free port always can.

    Args:
        wanted: The ports as they are asked for.
        holdings: What is held.

    Returns:
        The conflicts in the order of the map, each holder once for each number.
    """
    table: dict[tuple[Protocol, int], list[Holding]] = {}
    for holding in holdings:
        _enter(table, holding)
    own = [(port, binding) for port, binding in _pairs(wanted) if _is_fixed(binding)]
    found: list[PortConflict] = []
    for port, binding in own:
        found += _conflicts(port, binding, table)
        _enter(table, Holding(protocol=port.protocol, binding=binding, rival=port))
    ranges = ((port, b) for port, b in _pairs(wanted) if isinstance(b.host_port, PortRange))
    for port, binding in ranges:
        found += _conflicts(port, binding, table)
    return tuple(found)


def _enter(table: dict[tuple[Protocol, int], list[Holding]], holding: Holding) -> None:
    number = holding.binding.host_port
    if isinstance(number, int):
        table.setdefault((holding.protocol, number), []).append(holding)


def _conflicts(
    port: Port, binding: HostBinding, table: dict[tuple[Protocol, int], list[Holding]]
) -> list[PortConflict]:
    """The conflicts of one binding: none as long as one of its numbers can be had."""
    found: list[PortConflict] = []
    for number in _numbers(binding):
        fixed = evolve(binding, host_port=number)
        holders = [h for h in table.get((port.protocol, number), ()) if _collides(port, fixed, h)]
        if not holders:
            return []
        distinct = {h.holder: h for h in reversed(holders)}
        found += [_conflict(port, binding, number, h) for h in reversed(distinct.values())]
    return found


def _conflict(port: Port, binding: HostBinding, number: int, holding: Holding) -> PortConflict:
    return PortConflict(
        port=port,
        binding=binding,
        host_port=number,
        held=holding.binding,
        container=holding.container,
        container_id=holding.container_id,
        pid=holding.pid,
        process=holding.process,
        rival=holding.rival,
    )


def _collides(port: Port, binding: HostBinding, holding: Holding) -> bool:
    theirs = PortMap({Port(_ANY, holding.protocol): [holding.binding]})
    return bool(PortMap({port: [binding]}).conflicts(theirs))


def _pairs(ports: PortMap) -> Iterator[tuple[Port, HostBinding]]:
    return ((port, binding) for port, bindings in ports.items() for binding in bindings)


def _is_fixed(binding: HostBinding) -> bool:
    return isinstance(binding.host_port, int) and binding.host_port > 0


def _numbers(binding: HostBinding) -> Collection[int]:
    number = binding.host_port
    if isinstance(number, PortRange):
        return number
    return (number,) if number else ()
