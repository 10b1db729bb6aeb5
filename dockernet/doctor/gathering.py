"""Gathering what an examination decides over: every source asked, nothing changed.

What cannot be read is noted and left out, so that the rest is examined all the same.
Nothing is dialled but what the caller has named.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final, TypeVar

from attrs import define, evolve, field

from dockernet._matching import match
from dockernet._standing import Stand, identified, network_owner, standing, vantage_in
from dockernet.doctor.asked import Gathering, check_outside
from dockernet.doctor.examined import Examined, Listening, Trouble, TroubleKind, Unseen
from dockernet.doctor.lookout import Lookout, lookout_here, lookout_in
from dockernet.errors import (
    AmbiguousPeerError,
    DockernetError,
    EngineTimeoutError,
    SourceError,
)
from dockernet.formats.engine import with_network_ids
from dockernet.model.conflicts import PortConflict
from dockernet.model.containers import Container
from dockernet.model.facts import Inventory, Source, Want
from dockernet.model.mappings import FrozenMap
from dockernet.model.places import Place
from dockernet.model.portmap import PortMap
from dockernet.model.ports import Protocol
from dockernet.model.publications import publications
from dockernet.model.vantage import Vantage, VantageKind
from dockernet.refusals import Route
from dockernet.resolver import Resolver
from dockernet.sources.dns import Dns
from dockernet.sources.engine import Engine
from dockernet.sources.environ import Environ
from dockernet.sources.hosts_file import HostsFile
from dockernet.sources.listeners import read_holdings
from dockernet.sources.peer_sockets import read_every_listener
from dockernet.sources.places import read_routes, read_switches
from dockernet.sources.snapshot import Snapshot
from dockernet.sources.vantage import read_vantage

__all__ = ["gathered"]

T = TypeVar("T")

_EMBEDDED: Final = IPv4Address("127.0.0.11")
_HOST_PARTS: Final = "kernel, firewall and sockets of the engine's host"
# With what a look may fail, and the rest is examined all the same.
_FAILURES: Final = (DockernetError, OSError, UnicodeError, RecursionError)
_ROOT_WORDS: Final = ("needs root", "capability")
_LISTENED: Final[tuple[Protocol, ...]] = ("tcp", "udp")
_ID_DIGITS: Final = 12


def gathered(asked: Gathering) -> Examined:
    """Gather.

    Raises:
        PeerNotFoundError: There is no container to look from.
        SourceError: The container to look from cannot be asked for.
        FormatError: The outside target has no port, or is no address or name.
    """
    check_outside(asked.outside)
    return _Gatherer(asked).gather()


@define(eq=False)
class _Gatherer:
    """An examination under way: what is known so far."""

    asked: Gathering
    found: Examined = field(init=False, factory=lambda: Examined(vantage=Vantage()))
    lookout: Lookout | None = field(init=False, default=None)
    unseen: list[Unseen] = field(init=False, factory=list[Unseen])

    def gather(self) -> Examined:
        here = self._here()
        self.found = Examined(target=self.asked.target, vantage=here, recorded=self._recorded)
        self._ask_engine(here)
        self._look_at_place()
        self._resolve()
        self._dial()
        self._look_at_host()
        self._look_into_peers()
        self._ask_for_names()
        self._go_outside()
        return evolve(self.found, unseen=tuple(dict.fromkeys(self.unseen)))

    @property
    def _root(self) -> Path:
        return self.asked.senses.root

    @property
    def _recorded(self) -> bool:
        return isinstance(self.asked.engine, Snapshot)

    @property
    def _live(self) -> Engine | None:
        engine = self.asked.engine
        known = self.found.inventory is not None
        return engine if isinstance(engine, Engine) and known else None

    def _tried(self, what: str, ask: Callable[[], T]) -> T | None:
        """Look, or note that it could not be looked at."""
        try:
            return ask()
        except _FAILURES as error:
            reason = error.reason if isinstance(error, SourceError) else str(error)
            denied = isinstance(error.__cause__ or error, PermissionError)
            denied = denied or any(word in reason for word in _ROOT_WORDS)
            self.unseen.append(Unseen(what, reason, permitted=not denied))
            return None

    # The engine, and where the caller stands.

    def _here(self) -> Vantage:
        engine = self.asked.engine
        return engine.vantage if isinstance(engine, Snapshot) else read_vantage(self._root)

    def _ask_engine(self, here: Vantage) -> None:
        engine, origin = self.asked.engine, self.asked.origin
        vantage = here if origin is None else vantage_in(engine.container(origin))
        try:
            inventory = next(iter(engine.read(Want(self.asked.target, vantage))))
            if self.asked.target is None:
                inventory = _in_detail(engine, inventory)
        except SourceError as error:
            if origin is not None:
                raise
            self._do_without_engine(here, error)
            return
        vantage = identified(vantage, inventory)
        own = standing(here, inventory).stand is Stand.HOST
        self.found = evolve(
            self.found,
            inventory=inventory,
            vantage=vantage,
            standing=standing(vantage, inventory),
            machine=here if own and not self._recorded else None,
            published=publications(inventory.containers),
        )

    def _do_without_engine(self, here: Vantage, error: SourceError) -> None:
        """In a container it is no fault that the engine is not there, unless it was named."""
        if here.kind is VantageKind.CONTAINER and not self.asked.named:
            self.unseen.append(Unseen("engine", error.reason))
        else:
            self.found = evolve(self.found, trouble=_trouble(error))

    # The place.

    def _look_at_place(self) -> None:
        if self._recorded:
            return
        senses, timeout = self.asked.senses, self.asked.timeout
        if self.asked.origin is None:
            self.lookout = lookout_here(senses, timeout)
            self.found = evolve(self.found, place=self.lookout.place)
            return
        what = f"the inside of {self.asked.origin}"
        if self.found.machine is None:
            self.unseen.append(Unseen(what, "the engine's host is not here"))
            return
        self.lookout = self._tried(what, self._lookout_in_origin)
        if self.lookout is not None:
            place = self.lookout.place
            self.found = evolve(
                self.found, place=place, vantage=_seen_by(self.found.vantage, place)
            )

    def _lookout_in_origin(self) -> Lookout:
        """The container to look from itself, and not the one whose network it uses."""
        engine, origin = self._live, self.found.vantage.id or ""
        pid = None if engine is None else engine.pid(origin)
        return lookout_in(origin, pid, self.asked.senses, self.asked.timeout)

    # The target.

    def _resolve(self) -> None:
        target = self.asked.target
        inventory, where = self.found.inventory, self.found.standing
        if target is None:
            self.found = evolve(self.found, peers=self.found.containers)
            return
        with Resolver(self._sources(), self.found.vantage, self.asked.timeout) as resolver:
            self.found = evolve(self.found, explanation=resolver.explain(target))
        if inventory is not None and where is not None:
            known = self._look_for_aliases(inventory)
            try:
                self.found = evolve(
                    self.found, inventory=known, peers=match(target, known, where).peers
                )
            except AmbiguousPeerError:
                return

    def _look_for_aliases(self, inventory: Inventory) -> Inventory:
        """Where it is nobody's own name, somebody may have it elsewhere: details tell."""
        target = self.asked.target
        named = target is None or inventory.named(target.name) is not None
        if named or self.found.endpoints or self.found.caller is None:
            return inventory
        read = partial(_in_detail, self.asked.engine, inventory)
        return self._tried("aliases", read) or inventory

    def _sources(self) -> list[Source]:
        inside = self.found.vantage.kind is VantageKind.CONTAINER
        if self.asked.named or self.asked.origin is not None or not inside:
            return [self.asked.engine]
        return [self.asked.engine, Dns(), HostsFile(), Environ()]

    def _dial(self) -> None:
        lookout, endpoints = self.lookout, self.found.endpoints
        if lookout is not None and endpoints:
            told = self._tried("the endpoints", partial(lookout.dialled, endpoints))
            self.found = evolve(self.found, dialled=told or ())

    # The engine's host.

    @property
    def _settled(self) -> bool:
        """Whether all is known: the target answers everywhere, or there is nothing to dial."""
        aimed = self.asked.target is not None and self.asked.outside is None
        return aimed and not self.found.silent

    def _look_at_host(self) -> None:
        if self._settled:
            self._look_at_rules()
            return
        if self.found.inventory is None:
            return
        if self._recorded:
            self.unseen.append(Unseen(_HOST_PARTS, "a recording does not tell of them"))
            return
        if self.found.machine is None:
            self.unseen.append(Unseen(_HOST_PARTS, "the engine's host is not here"))
            return
        self.found = evolve(
            self.found,
            switches=read_switches(self._root),
            routes=read_routes(self._root),
            firewall=self._tried(
                "firewall", partial(self.asked.senses.firewall, self.asked.timeout)
            ),
            proxied=self._tried("listeners of the host", self._proxied),
        )

    def _look_at_rules(self) -> None:
        """Where a published port answers on the host, others may be out of reach of it."""
        published = any(e.route is Route.PUBLISHED for e in self.found.endpoints)
        if self.found.machine is not None and published:
            with suppress(*_FAILURES):
                told = self.asked.senses.firewall(self.asked.timeout)
                self.found = evolve(self.found, firewall=told)

    def _proxied(self) -> bool | None:
        """Whether a process listens at published ports, as docker-proxy does."""
        pairs = ((p.port.protocol, p.binding.host_port) for p in self.found.published)
        wanted: set[tuple[Protocol, int]] = {
            (protocol, n) for protocol, n in pairs if protocol == "tcp" and isinstance(n, int)
        }
        return bool(read_holdings(wanted, self._root)) if wanted else None

    # The peers.

    def _look_into_peers(self) -> None:
        engine, inventory = self._live, self.found.inventory
        if engine is None or inventory is None:
            return
        if self.found.machine is not None and not self._settled:
            told = [self._listening(engine, peer) for peer in self._listened_to(inventory)]
            self.found = evolve(self.found, listening=tuple(one for one in told if one is not None))
        pairs = ((peer.id, self._conflicts(engine, peer)) for peer in self._unstarted())
        self.found = evolve(
            self.found, conflicts=FrozenMap({peer: held for peer, held in pairs if held})
        )

    def _listened_to(self, inventory: Inventory) -> tuple[Container, ...]:
        """The peers in whose namespaces it is asked who listens: each namespace's owner."""
        asked = (p for p in self.found.peers if p.running and any(self.found.ports_of(p)))
        owners = (network_owner(peer, inventory) for peer in asked)
        return tuple(dict.fromkeys(o for o in owners if o is not None and o.running))

    def _listening(self, engine: Engine, peer: Container) -> Listening | None:
        return self._tried(f"sockets of {peer}", partial(self._listeners, engine, peer))

    def _listeners(self, engine: Engine, peer: Container) -> Listening | None:
        pid = engine.pid(peer.id)
        if pid is None:
            return None
        found = [
            listener
            for protocol in _LISTENED
            for listener in read_every_listener(protocol, pid, peer.id, self._root)
        ]
        return Listening(peer.id, tuple(found), f"/proc/{pid}/net")

    def _unstarted(self) -> tuple[Container, ...]:
        """The peers that do not run and were made with ports; of all, those that failed to."""
        states = ("created",) if self.asked.target is None else ("created", "exited", "dead")
        return tuple(p for p in self.found.peers if p.state in states and p.requested_ports)

    def _conflicts(self, engine: Engine, peer: Container) -> tuple[PortConflict, ...]:
        wanted = peer.requested_ports or PortMap()
        held = self._tried(f"host ports of {peer}", partial(engine.conflicts, wanted))
        return tuple(one for one in held or () if one.container_id != peer.id)

    # Names.

    def _ask_for_names(self) -> None:
        lookout, own = self.lookout, self._own_name
        if lookout is not None and own and _EMBEDDED in lookout.place.nameservers:
            told = self._tried("the embedded DNS", partial(lookout.asked, own, _EMBEDDED))
            self.found = evolve(self.found, own_name=told)

    @property
    def _own_name(self) -> str:
        """A name that the embedded DNS knows by itself; others it would ask strangers for.

        It is the short id of the container whose network namespace it serves.
        """
        vantage, caller = self.found.vantage, self.found.caller
        if self.found.inventory is None:
            return (vantage.network_owner or vantage.id or "")[:_ID_DIGITS]
        return "" if caller is None else caller.id[:_ID_DIGITS]

    # The outside.

    def _go_outside(self) -> None:
        outside, lookout = self.asked.outside, self.lookout
        if outside is None or outside.port is None:
            return
        if lookout is None:
            self.unseen.append(Unseen(str(outside), "nothing can be dialled from there"))
            return
        world = self._tried(str(outside), partial(lookout.outside, outside, outside.port.number))
        self.found = evolve(self.found, outside=world)


def _in_detail(engine: Engine | Snapshot, inventory: Inventory) -> Inventory:
    """An inventory with every container in detail.

    Raises:
        SourceError: The engine cannot be asked.
    """
    detailed = engine.containers(details=True)
    return evolve(inventory, containers=with_network_ids(detailed, inventory.networks))


def _trouble(error: SourceError) -> Trouble:
    kind = TroubleKind.UNREACHABLE
    if isinstance(error.__cause__, PermissionError):
        kind = TroubleKind.FORBIDDEN
    elif isinstance(error, EngineTimeoutError):
        kind = TroubleKind.LATE
    return Trouble(kind, error.reason)


def _seen_by(vantage: Vantage, place: Place) -> Vantage:
    """A vantage with what the place's own files tell."""
    return evolve(
        vantage,
        interfaces=place.interfaces,
        gateways=place.gateways,
        nameservers=place.nameservers,
    )
