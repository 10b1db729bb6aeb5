"""What was gathered for an examination: everything that the checks decide over.

A check is given this and nothing else, so that it can be tried on values, and so that a
recording is examined by the very same checks. What could not be gathered is empty or
``None``, and a check that needs it then finds nothing; what that leaves in the dark is
told by `Unseen`.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property

from attrs import field, frozen

from dockernet._published_rules import FirewallReport, firewall_report
from dockernet._standing import Stand, Standing
from dockernet.formats.proc import KernelRoute
from dockernet.formats.sockets import Listener
from dockernet.model.addresses import IPAddress
from dockernet.model.conflicts import PortConflict
from dockernet.model.containers import Container
from dockernet.model.endpoints import Endpoint
from dockernet.model.explanations import Explanation
from dockernet.model.facts import Inventory
from dockernet.model.firewalls import Firewall
from dockernet.model.mappings import FrozenMap
from dockernet.model.networks import Network
from dockernet.model.places import Dialled, LookUp, Place, Switches
from dockernet.model.ports import Port
from dockernet.model.publications import Publication
from dockernet.model.targets import Target
from dockernet.model.vantage import Vantage

__all__ = ["Examined", "Listening", "OutsideWorld", "Trouble", "TroubleKind", "Unseen"]


class TroubleKind(StrEnum):
    """Why an engine cannot be asked."""

    UNREACHABLE = "unreachable"
    FORBIDDEN = "forbidden"
    LATE = "late"


@frozen
class Trouble:
    """Why the engine cannot be asked.

    Attributes:
        kind: In a word.
        reason: In a sentence, with what to do.
    """

    kind: TroubleKind
    reason: str


@frozen
class Unseen:
    """What could not be looked at.

    Attributes:
        what: What it is.
        reason: Why not.
        permitted: Whether it is not for want of permission.
    """

    what: str
    reason: str
    permitted: bool = True


@frozen
class Listening:
    """Who listens in a container.

    Attributes:
        container_id: The id of the container whose network namespace it is.
        listeners: The sockets.
        table: Where they were read, without the protocol.
    """

    container_id: str
    listeners: tuple[Listener, ...]
    table: str


@frozen(kw_only=True)
class OutsideWorld:
    """A target beyond the engine that the caller has named.

    Attributes:
        host: Its name or address.
        port: Its port.
        look_ups: What the name servers of the place said of the name.
        dialled: What came of dialling it.
    """

    host: str
    port: int
    look_ups: tuple[LookUp, ...] = ()
    dialled: tuple[Dialled, ...] = ()

    @property
    def reached(self) -> bool:
        """Whether it was reached."""
        return any(one.answered for one in self.dialled)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@frozen(kw_only=True)
class Examined:
    """What was gathered for an examination.

    Attributes:
        target: The target; ``None`` where everything is examined.
        vantage: Where the caller stands, or the container to look from.
        recorded: Whether it is a recording.
        trouble: Why the engine cannot be asked, where it cannot.
        inventory: What the engine tells, every container in detail.
        standing: Where the vantage is, seen from the engine.
        machine: The engine's host, where that is this machine.
        explanation: What the target resolves to, and why.
        peers: The containers that the target means; without one, all that run.
        dialled: What came of dialling the endpoints.
        place: The vantage's own files.
        own_name: What its embedded DNS says of its own name, where it has one.
        switches: Settings of the host's kernel.
        routes: The host's routes.
        firewall: The host's firewall.
        published: The published ports.
        listening: Who listens in which peer.
        conflicts: Who holds the host ports that a container was made with, by its id.
        outside: The target beyond, where one was named.
        proxied: Whether the published ports have processes that accept for them.
        unseen: What could not be looked at.
    """

    target: Target | None = None
    vantage: Vantage
    recorded: bool = False
    trouble: Trouble | None = None
    inventory: Inventory | None = None
    standing: Standing | None = None
    machine: Vantage | None = None
    explanation: Explanation | None = None
    peers: tuple[Container, ...] = ()
    dialled: tuple[Dialled, ...] = ()
    place: Place | None = None
    own_name: LookUp | None = None
    switches: Switches | None = None
    routes: tuple[KernelRoute, ...] = ()
    firewall: Firewall | None = None
    published: tuple[Publication, ...] = ()
    listening: tuple[Listening, ...] = ()
    conflicts: FrozenMap[str, tuple[PortConflict, ...]] = field(
        factory=FrozenMap[str, tuple[PortConflict, ...]]
    )
    outside: OutsideWorld | None = None
    proxied: bool | None = None
    unseen: tuple[Unseen, ...] = ()

    @cached_property
    def firewall_report(self) -> FirewallReport | None:
        """The firewall, seen from the published ports; ``None`` where it is not known."""
        if self.firewall is None or self.inventory is None or self.machine is None:
            return None
        if self.inventory.engine.apart:
            return None
        return firewall_report(self.firewall, self.published, self.inventory, self.machine)

    @property
    def networks(self) -> tuple[Network, ...]:
        """The engine's networks."""
        return () if self.inventory is None else self.inventory.networks

    @property
    def bridges(self) -> tuple[Network, ...]:
        """Those of them that are bridges of the engine's host."""
        return tuple(n for n in self.networks if n.is_bridge and n.interface)

    @property
    def concerned(self) -> tuple[Network, ...]:
        """Those of them that it is about: with a target, the peers' and the caller's."""
        if self.target is None:
            return self.bridges
        ends = (*map(self.owner_of, self.peers), *([] if self.caller is None else [self.caller]))
        mine = {place.network_id for container in ends for place in container.networks}
        return tuple(n for n in self.bridges if n.id in mine)

    @property
    def containers(self) -> tuple[Container, ...]:
        """The engine's containers."""
        return () if self.inventory is None else self.inventory.containers

    @property
    def caller(self) -> Container | None:
        """The container whose network namespace the vantage uses, where it is in one."""
        inside = self.standing is not None and self.standing.stand is Stand.CONTAINER
        return self.standing.caller if inside and self.standing is not None else None

    @property
    def on_host(self) -> bool:
        """Whether the vantage is on the engine's host."""
        return self.standing is not None and self.standing.stand is Stand.HOST

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """What the target resolves to."""
        return () if self.explanation is None else self.explanation.endpoints

    @property
    def answered(self) -> bool:
        """Whether the target was dialled, and an endpoint of it answers."""
        return any(one.answered for one in self.dialled)

    @property
    def silent(self) -> tuple[Endpoint, ...]:
        """The endpoints that did not answer, or were not dialled."""
        answering = {one.endpoint for one in self.dialled if one.answered}
        return tuple(e for e in self.endpoints if e not in answering)

    @property
    def spare(self) -> tuple[Dialled, ...]:
        """What does not answer where the same peer does by a better way, and the same family."""
        return tuple(
            one
            for place, one in enumerate(self.dialled)
            if not one.answered
            and any(b.answered and _is_another_way(b, one) for b in self.dialled[:place])
        )

    @property
    def unreached(self) -> tuple[Endpoint, ...]:
        """The silent endpoints that somebody misses."""
        spare = {one.endpoint for one in self.spare}
        return tuple(e for e in self.silent if e not in spare)

    def network(self, network_id: str) -> Network | None:
        """The network of that id."""
        return None if self.inventory is None else self.inventory.network(network_id)

    def owner_of(self, container: Container) -> Container:
        """The container whose network namespace a container uses: itself for most."""
        owner = container.shares_network_of
        found = self.inventory.container(owner) if self.inventory is not None and owner else None
        return found or container

    def listeners_of(self, container: Container) -> Listening | None:
        """Who listens in a container, where that is known."""
        owner = container.shares_network_of or container.id
        return next((one for one in self.listening if one.container_id == owner), None)

    def ports_of(self, container: Container) -> Iterator[Port]:
        """The ports of a peer that are examined: the one asked for, or those published."""
        if self.target is not None and self.target.port is not None:
            yield self.target.port
        elif self.target is not None:
            chosen = (e.container_port for e in self.endpoints)
            yield from dict.fromkeys(p for p in chosen if p is not None)
        else:
            yield from container.ports.published

    def addresses_of(self, container: Container) -> frozenset[IPAddress]:
        """Every address of a container."""
        return frozenset(a for n in container.networks for a in n.addresses)


def _is_another_way(better: Dialled, one: Dialled) -> bool:
    """Whether two lead to one peer; what a name server tells by one way may be replicas."""
    here, there = better.endpoint, one.endpoint
    ways = [(e.route, e.network) for e in (here, there)]
    return (here.peer, here.family) == (there.peer, there.family) and ways[0] != ways[1]
