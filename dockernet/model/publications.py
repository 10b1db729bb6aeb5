"""Published ports as a report has them: who can dial one, and what is odd about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from attrs import frozen

from dockernet.model.bindings import HostBinding, binding_order
from dockernet.model.containers import Container
from dockernet.model.portmap import PortMap
from dockernet.model.ports import Port, PortRange

__all__ = ["Exposure", "Publication", "publications"]


class Exposure(StrEnum):
    """From where a host binding can be dialled, as far as its address tells.

    Firewalls are another matter, and so is what stands between a machine and the world.
    """

    LOOPBACK = "loopback"
    """From the engine's host alone."""
    HOST_NETWORKS = "this host's networks"
    """From wherever that one address of the host is reached."""
    ANYWHERE = "anywhere"
    """On every address of the host: from wherever any of them is reached."""
    ROUTED = "routed"
    """There is no host port: the peer's own address is routed to."""


@frozen
class Publication:
    """A container port with one of its host bindings.

    Attributes:
        container: The container.
        port: The container port.
        binding: The host binding.
        mismatch: What differs between IPv4 and IPv6, as a clause; ``None`` where
            nothing does.
        rivals: The names of other containers that were made with a binding which cannot
            be held together with this one: they cannot start beside it.
    """

    container: Container
    port: Port
    binding: HostBinding
    mismatch: str | None = None
    rivals: tuple[str, ...] = ()

    @property
    def exposure(self) -> Exposure:
        """From where it can be dialled."""
        if self.binding.host_port is None:
            return Exposure.ROUTED
        if self.binding.is_loopback:
            return Exposure.LOOPBACK
        return Exposure.ANYWHERE if self.binding.is_wildcard else Exposure.HOST_NETWORKS


def publications(containers: Iterable[Container]) -> tuple[Publication, ...]:
    """Every live host binding, by host port; routed ones come first.

    Args:
        containers: All of an engine's containers, in detail where rivals are asked for:
            a listing does not tell what a stopped one was made with.
    """
    every = tuple(containers)
    asking = _asking(every)
    found = (
        Publication(c, port, binding, mismatch, _rivals(c, port, binding, asking))
        for c in every
        for port, bindings in c.ports.items()
        for binding, mismatch in _compared(bindings)
    )
    return tuple(sorted(found, key=_order))


def _order(value: Publication) -> tuple[int, tuple[int, int, int, int], str, Port]:
    number = value.binding.host_port
    first = number.first if isinstance(number, PortRange) else number or 0
    return first, binding_order(value.binding), str(value.container), value.port


# What differs between the families.

_OTHER: Final = {4: 6, 6: 4}


def _compared(bindings: Iterable[HostBinding]) -> Iterator[tuple[HostBinding, str | None]]:
    """Each binding with what the same port has in the other family, where it is a wildcard.

    A wildcard of one family alone refuses those who come by the other, as a client of
    ``localhost`` may; Engines give a dynamic port of each family a number of its own
    where the same one is not free (moby, daemon/libnetwork/drivers/bridge).
    """
    every = tuple(bindings)
    wild = [b for b in every if b.is_wildcard and b.host_ip is not None]
    for binding in every:
        yield binding, _mismatch(binding, wild) if binding in wild else None


def _mismatch(binding: HostBinding, wild: Iterable[HostBinding]) -> str | None:
    (own,) = binding.families
    other = _OTHER[own]
    numbers = {b.host_port for b in wild if b.families == (other,)}
    if not numbers:
        return f"IPv{own} only"
    if binding.host_port in numbers:
        return None
    return f"on IPv{other} it is {', '.join(sorted(map(str, numbers)))}"


# Who else wants a host port.

_Asking = dict[tuple[str, int], list[Container]]


def _asking(containers: Iterable[Container]) -> _Asking:
    """The containers that were made with a fixed host port, by protocol and number."""
    found: _Asking = {}
    for container in containers:
        for port, bindings in (container.requested_ports or PortMap()).items():
            for number in {b.host_port for b in bindings}:
                if isinstance(number, int) and number:
                    found.setdefault((port.protocol, number), []).append(container)
    return found


def _rivals(
    container: Container, port: Port, binding: HostBinding, asking: _Asking
) -> tuple[str, ...]:
    number = binding.host_port
    if not isinstance(number, int):
        return ()
    held = PortMap({port: [binding]})
    others = (c for c in asking.get((port.protocol, number), ()) if c.id != container.id)
    return tuple(sorted({str(c) for c in others if held.conflicts(c.requested_ports or PortMap())}))
