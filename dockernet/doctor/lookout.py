"""A place to look from: what is asked of name servers there, and dialled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, TypeVar

from attrs import frozen

from dockernet.doctor.asked import Senses
from dockernet.doctor.examined import OutsideWorld
from dockernet.errors import SourceError
from dockernet.model.addresses import IPAddress
from dockernet.model.endpoints import Endpoint
from dockernet.model.places import Dialled, LookUp, Place
from dockernet.model.targets import Target
from dockernet.sources.places import read_place

__all__ = ["Lookout", "lookout_here", "lookout_in"]

T = TypeVar("T")

_PATIENCE: Final = 3.0  # seconds for one dial; somebody near has answered by then
_ASKING: Final = 2.0  # seconds for one name server
_MOST_SERVERS: Final = 3  # as resolv.conf(5) has it


@frozen(kw_only=True)
class Lookout:
    """A place to look from.

    Attributes:
        place: The place.
        senses: What the outside is read with.
        timeout: Seconds for each dial, and for each name server, at most.
        pid: The number of a process in the network namespace; ``None`` for this one.
    """

    place: Place
    senses: Senses
    timeout: float
    pid: int | None = None

    def dialled(self, endpoints: Iterable[Endpoint]) -> tuple[Dialled, ...]:
        """Dial endpoints.

        Raises:
            SourceError: The place cannot be entered any more.
        """
        return self.senses.dial(endpoints, min(self.timeout, _PATIENCE), self._inside)

    def asked(self, name: str, server: IPAddress) -> LookUp:
        """Ask a name server.

        Raises:
            SourceError: The place cannot be entered any more.
        """
        seconds = min(self.timeout, _ASKING)
        return self._inside(partial(self.senses.ask, name, server, seconds))

    def outside(self, target: Target, port: int) -> OutsideWorld:
        """Look for a target beyond the engine, and dial it.

        Raises:
            SourceError: The place cannot be entered any more.
        """
        look_ups = () if target.address else self._look_ups(target.name)
        told = (address for one in look_ups for address in one.addresses)
        addresses = (target.address,) if target.address else tuple(dict.fromkeys(told))
        return OutsideWorld(
            host=target.name,
            port=port,
            look_ups=look_ups,
            dialled=self.dialled([Endpoint(address, port) for address in addresses]),
        )

    def _look_ups(self, name: str) -> tuple[LookUp, ...]:
        """What the hosts file or the name servers of the place say, until one has addresses."""
        folded = name.casefold()
        lines = [h.address for h in self.place.hosts if folded in map(str.casefold, h.names)]
        if lines:
            return (LookUp(name=name, code="NOERROR", addresses=tuple(lines)),)
        told: list[LookUp] = []
        for server in self.place.nameservers[:_MOST_SERVERS]:
            told.append(self.asked(name, server))
            if told[-1].addresses:
                break
        return tuple(told) or (LookUp(name=name, word="no name server is configured"),)

    def _inside(self, work: Callable[[], T]) -> T:
        if self.pid is None:
            return work()
        return self.senses.enter(self.pid, self.senses.root)(work)


def lookout_here(senses: Senses, timeout: float) -> Lookout:
    """Look from this place."""
    return Lookout(place=read_place(root=senses.root), senses=senses, timeout=timeout)


def lookout_in(container_id: str, pid: int | None, senses: Senses, timeout: float) -> Lookout:
    """Look from a container.

    Args:
        container_id: The container's id.
        pid: The number of its first process; ``None`` where it does not run.
        senses: What the outside is read with.
        timeout: Seconds for each dial.

    Raises:
        SourceError: It does not run, or may not be looked into or entered.
    """
    if pid is None:
        raise SourceError("place", "it does not run")
    place = read_place(pid, container_id, root=senses.root)
    # Nothing can be dialled from what may not be entered.
    senses.enter(pid, senses.root)(lambda: None)
    return Lookout(place=place, senses=senses, timeout=timeout, pid=pid)
