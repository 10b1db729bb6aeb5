"""One look-up in progress: which source next, what its answer means.

Nothing here reads the outside. A driver, blocking or awaiting, asks the sources that
:meth:`Resolution.next_source` names and hands over what they say; the decisions are
all made here, so that both faces make the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import copy

from attrs import define, evolve, field, frozen

from dockernet._matching import known_names, match, near_misses
from dockernet._port_choice import Chooser, lowest
from dockernet._routes import Case, settled, walk
from dockernet._standing import Stand, Standing, identified, network_owner, standing
from dockernet.errors import (
    AmbiguousPeerError,
    PeerNotFoundError,
    SourceError,
    UnreachableError,
)
from dockernet.model.addresses import IPAddress
from dockernet.model.containers import Container
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.endpoints import Endpoint
from dockernet.model.explanations import NOT_HEARD, Explanation, Peer
from dockernet.model.facts import EngineProfile, Fact, Inventory, Source, Want
from dockernet.model.networks import Network
from dockernet.model.ports import Port
from dockernet.model.targets import Target
from dockernet.model.vantage import Vantage, VantageKind
from dockernet.refusals import Reason, Refusal, Route

__all__ = ["Census", "Resolution"]


@frozen(eq=False, repr=False)
class _Outcome:
    """What one body of knowledge makes of the target."""

    known: bool = False
    endpoints: tuple[Endpoint, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    stand: str = ""


@define(eq=False, repr=False)
class _Inquiry:
    """The sources that are asked in turn, and what was heard of them."""

    vantage: Vantage
    sources: Sequence[Source]
    want: Want = field(init=False)
    asked: list[str] = field(factory=list[str])
    facts: list[Fact] = field(factory=list[Fact])
    inventories: list[Inventory] = field(factory=list[Inventory])
    failures: list[SourceError] = field(factory=list[SourceError])
    diagnostics: list[Diagnostic] = field(factory=list[Diagnostic])
    _next: int = 0

    def next_source(self) -> Source | None:
        """The source to ask next; ``None`` when enough was heard."""
        if self._next >= len(self.sources) or self._enough():
            return None
        source = self.sources[self._next]
        self._next += 1
        self.asked.append(source.name)
        return source

    def heard(self, said: Iterable[Fact | Inventory | Diagnostic]) -> None:
        """Take what a source says."""
        for item in said:
            if isinstance(item, Inventory):
                self.inventories.append(item)
                self.diagnostics += item.diagnostics
            elif isinstance(item, Fact):
                self.facts.append(item)
            else:
                self.diagnostics.append(item)

    def failed(self, source: Source, error: SourceError | OSError) -> None:
        """Take that a source could not be asked."""
        if isinstance(error, SourceError):
            failure = error
        else:
            failure = SourceError(source.name, str(error) or type(error).__name__)
            failure.__cause__ = error
        self.failures.append(failure)
        self.diagnostics.append(Diagnostic(failure.source, NOT_HEARD, failure.reason))

    def _enough(self) -> bool:
        return False


@define(eq=False, repr=False)
class Resolution(_Inquiry):
    """The look-up of one target.

    Attributes:
        target: What is looked for.
        thorough: Whether to hear every source, as an explanation does, or to stop at
            an engine that knows the peer.
        family: The address family that endpoints must have.
        choose: Which port is meant where the target names none.
    """

    target: Target = field(kw_only=True)
    thorough: bool = field(default=False, kw_only=True)
    family: int | None = field(default=None, kw_only=True)
    choose: Chooser = field(default=lowest, kw_only=True)

    def __attrs_post_init__(self) -> None:
        self.want: Want = Want(self.target, self.vantage)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every endpoint, best first.

        Raises:
            AmbiguousPeerError: Several peers fit equally well.
            PeerNotFoundError: Every source was heard and none knows the peer.
            SourceError: No source knows it, and this one could not be asked.
            UnreachableError: The peer is known and no route leads to it.
        """
        outcome = self._outcome()
        if not outcome.known:
            self._raise_unknown()
        if not outcome.endpoints:
            raise UnreachableError(str(self.target), outcome.refusals)
        return outcome.endpoints

    def check_known(self) -> None:
        """Check that somebody knows the peer, whatever leads to it; raises as ``endpoints``."""
        if not self._outcome().known:
            self._raise_unknown()

    def at(self, port: Port) -> Resolution:
        """The same look-up with another port, of what was heard."""
        other = copy(self)
        other.target = evolve(self.target, port=port)
        return other

    def known_ports(self) -> tuple[Port, ...]:
        """The container ports of the peer, as far as what was heard tells them.

        Raises:
            AmbiguousPeerError: Several peers fit equally well.
        """
        for inventory in self.inventories:
            peers = match(self.target, inventory, standing(self.vantage, inventory)).peers
            for peer in peers[:1]:
                owner = network_owner(peer, inventory) or peer
                return peer.known_ports or owner.known_ports
        return tuple(sorted({port for fact in self._facts() for port in fact.ports}))

    def explanation(self) -> Explanation:
        """Everything that was found; it never raises for an unknown peer."""
        try:
            outcome = self._outcome()
        except AmbiguousPeerError as error:
            outcome = _Outcome(notes=(str(error),))
            close = error.candidates
        else:
            close = () if outcome.known else self._near_misses()
        return Explanation(
            target=str(self.target),
            vantage=self.vantage,
            stand=outcome.stand or self._stand(),
            asked=tuple(self.asked),
            chosen=next(iter(outcome.endpoints), None),
            endpoints=outcome.endpoints,
            refusals=outcome.refusals,
            diagnostics=(*self.diagnostics, *outcome.diagnostics),
            notes=outcome.notes,
            near_misses=close,
        )

    def _enough(self) -> bool:
        """An engine that knows the peer ends the look-up: nothing is fresher."""
        return not self.thorough and any(self._knows(i) for i in self.inventories)

    def _knows(self, inventory: Inventory) -> bool:
        return self._by_inventory(inventory).known

    def _outcome(self) -> _Outcome:
        """The engines' word where one knows the peer, else what the other sources say."""
        told = (self._by_inventory(i) for i in self.inventories)
        outcome = next((o for o in told if o.known), None)
        if outcome is None and self.target.is_host and not (self._deaf() or self._told()):
            outcome = _by_vantage(self.target, self.vantage)
        if outcome is None:
            outcome = self._by_facts()
        return self._in_family(outcome)

    def _deaf(self) -> bool:
        """Whether sources were asked and none was heard: whose host is meant, then?"""
        return bool(self.asked) and len(self.failures) == len(self.asked)

    def _told(self) -> bool:
        """Whether a source tells an address of the target."""
        return any(fact.addresses for fact in self._facts())

    def _in_family(self, outcome: _Outcome) -> _Outcome:
        if self.family is None or not outcome.endpoints:
            return outcome
        kept = tuple(e for e in outcome.endpoints if e.family in (self.family, None))
        if kept:
            return evolve(outcome, endpoints=kept)
        detail = f"no route has an IPv{self.family} address"
        refusal = Refusal(None, Reason.NO_ADDRESS, detail, "ask for the other family, or for any")
        return evolve(outcome, endpoints=(), refusals=(*outcome.refusals, refusal))

    # By an engine's inventory.

    def _by_inventory(self, inventory: Inventory) -> _Outcome:
        where = standing(self.vantage, inventory)
        if self.target.is_host:
            return self._by_host(inventory, where)
        found = match(self.target, inventory, where)
        if found.link is not None and not found.peers:
            gone = _dangling(found.link.peer or "", self.target.name)
            return _Outcome(known=True, refusals=(gone,), stand=str(where))
        if not found.peers:
            return _Outcome(stand=str(where))
        return self._route(inventory, where, found.peers)

    def _by_host(self, inventory: Inventory, where: Standing) -> _Outcome:
        """The host is the one that the caller's own files tell, where that is not the engine's."""
        inside = self.vantage.kind is VantageKind.CONTAINER
        own = where.stand is Stand.BEHIND_VM or (inside and where.stand is Stand.ELSEWHERE)
        if own and where.caller is None:
            return evolve(_by_vantage(self.target, self.vantage), stand=str(where))
        return self._route(inventory, where, (_host_peer(self.target),))

    def _route(self, inventory: Inventory, where: Standing, peers: Sequence[Container]) -> _Outcome:
        notes: list[str] = []
        answers = [self._weighed(peer, inventory, where, notes) for peer in peers]
        return _Outcome(
            known=True,
            endpoints=tuple(dict.fromkeys(e for endpoints, _ in answers for e in endpoints)),
            refusals=tuple(dict.fromkeys(r for _, refusals in answers for r in refusals)),
            notes=tuple(dict.fromkeys(notes)),
            diagnostics=self._stale(peers, inventory),
            stand=str(where),
        )

    def _weighed(
        self, peer: Container, inventory: Inventory, where: Standing, notes: list[str]
    ) -> tuple[tuple[Endpoint, ...], tuple[Refusal, ...]]:
        owner = network_owner(peer, inventory)
        if owner is None:
            return (), (_ownerless(peer),)
        refusal = settled(peer) or settled(owner)
        if refusal is not None:
            return (), (refusal,)
        known = peer.known_ports or owner.known_ports
        port = self.target.port or self._chosen(known, notes)
        if port is None:
            return (), (_port_unknown(self.target, known),)
        return walk(Case(_label(peer), owner, port, where, self.vantage, inventory))

    def _chosen(self, known: Iterable[Port] | None, notes: list[str]) -> Port | None:
        choice = self.choose(known)
        notes += [] if choice.note is None else [choice.note]
        return choice.port

    def _stale(self, peers: Sequence[Container], inventory: Inventory) -> tuple[Diagnostic, ...]:
        """The facts of other sources that name an address which no such peer has."""
        owners = (network_owner(peer, inventory) for peer in peers)
        attachments = [a for owner in owners if owner for a in owner.networks]
        current = {address for a in attachments for address in a.addresses}
        return tuple(
            _stale_fact(fact, current)
            for fact in self._facts()
            if fact.addresses and current and current.isdisjoint(fact.addresses)
        )

    # By what the other sources say.

    def _by_facts(self) -> _Outcome:
        facts = sorted(self._facts(), key=lambda fact: -fact.freshness)
        if not facts:
            return _Outcome(stand=self._stand())
        best = next((f for f in facts if f.addresses), None)
        if best is None:
            return _Outcome(known=True, refusals=(_addressless(facts[0]),))
        disproved = self._disproved(best)
        if disproved is not None:
            return _Outcome(known=True, refusals=(disproved,))
        notes: list[str] = []
        known = sorted({port for fact in facts for port in fact.ports})
        port = self.target.port or self._chosen(known or None, notes)
        stale = [
            _stale_fact(fact, set(best.addresses))
            for fact in facts
            if fact.addresses and set(best.addresses).isdisjoint(fact.addresses)
        ]
        if port is None:
            refusals = (_port_unknown(self.target, known),)
            return _Outcome(known=True, refusals=refusals, diagnostics=tuple(stale))
        asked = self.target.address
        addresses = best.addresses if asked is None else (asked,)
        endpoints = tuple(_given(self.target.name, best, address, port) for address in addresses)
        return _Outcome(
            known=True,
            endpoints=endpoints,
            notes=tuple(notes),
            diagnostics=tuple(stale),
            stand=self._stand(),
        )

    def _facts(self) -> Iterator[Fact]:
        """The facts about the target: its very name, else whatever the case."""
        if self.target.project is not None:
            return iter(())
        if self.target.address is not None:
            return (f for f in self.facts if self.target.address in f.addresses)
        name = self.target.name
        exact = [f for f in self.facts if name in f.names]
        folded = name.casefold()
        return iter(exact or [f for f in self.facts if folded in map(str.casefold, f.names)])

    def _disproved(self, fact: Fact) -> Refusal | None:
        """Where an engine sees that nobody has an address on a network of the caller's.

        A variable or line outlives the peer that it was written for. An address
        outside of the engine's bridges is none of its business.
        """
        for inventory in self.inventories:
            bridges = tuple(_bridges(standing(self.vantage, inventory), inventory))
            subnets = [s for n in bridges for s in n.subnets]
            owned = [a for a in fact.addresses if any(a in s for s in subnets)]
            places = [a for c in inventory.containers for a in c.networks]
            taken = {address for a in places for address in (*a.addresses, *a.gateways)}
            hosts = {n.host_address(family) for n in bridges for family in (4, 6)}
            if owned and (taken | hosts).isdisjoint(owned):
                return _gone(self.target.name, fact)
        return None

    # When nobody knows.

    def _raise_unknown(self) -> None:
        if self.failures:
            # Absence was not proven: this source might have known the peer.
            raise self.failures[0]
        raise PeerNotFoundError(str(self.target), tuple(self.asked), self._near_misses())

    def _near_misses(self) -> tuple[str, ...]:
        inventories = (name for i in self.inventories for name in known_names(i))
        facts = (name for fact in self.facts for name in fact.names)
        return near_misses(self.target.name, {*inventories, *facts} - {""})

    def _stand(self) -> str:
        if self.inventories:
            return str(standing(self.vantage, self.inventories[0]))
        return str(self.vantage)


@define(eq=False, repr=False)
class Census(_Inquiry):
    """The look-up of every peer that can be named from a vantage.

    Attributes:
        of_links: Whether only peers that links lead to are looked for.
    """

    of_links: bool = field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        self.want: Want = Want(None, self.vantage)

    def next_source(self) -> Source | None:
        """The source to ask next; it is told whether an engine has covered the caller."""
        standings = (standing(self.vantage, i) for i in self.inventories)
        covered = self.of_links or any(s.stand is Stand.CONTAINER for s in standings)
        self.want = Want(None, self.vantage, covered)
        return super().next_source()

    def peers(self) -> tuple[Peer, ...]:
        """Every peer, by name and network.

        Raises:
            SourceError: No source could be asked at all.
        """
        if self.failures and len(self.failures) == len(self.asked):
            raise self.failures[0]
        known = [peer for i in self.inventories for peer in _neighbours(i, self.vantage)]
        told = [Peer(f.name, None, f.addresses, f.network, (f.source,)) for f in self.facts]
        return tuple(sorted(_merged(sorted(known, key=_peer_order), told), key=_peer_order))


def _peer_order(peer: Peer) -> tuple[str, str, str]:
    return peer.name, peer.network or "", peer.id or ""


def _neighbours(inventory: Inventory, vantage: Vantage) -> Iterator[Peer]:
    """Running containers: all of them, or in a container those that share a network."""
    where = standing(vantage, inventory)
    own = identified(vantage, inventory).id
    inside = where.caller if where.stand is Stand.CONTAINER else None
    scope = {a.network_id for a in inside.networks} if inside else None
    source = (inventory.source,)
    for peer in (c for c in inventory.containers if c.running and c.id != own):
        owner = network_owner(peer, inventory)
        attachments = owner.networks if owner is not None else ()
        for a in attachments:
            if scope is None or a.network_id in scope:
                yield Peer(_label(peer), peer.id, a.addresses, a.network, source)
        if scope is None and not attachments:
            yield Peer(_label(peer), peer.id, sources=source)


def _merged(known: Sequence[Peer], told: Iterable[Peer]) -> Iterator[Peer]:
    """Peers that an engine knows take in what the others tell of the same address."""
    rest = list(told)
    for peer in known:
        same = [t for t in rest if not set(t.addresses).isdisjoint(peer.addresses)]
        rest = [t for t in rest if t not in same]
        sources = (source for t in same for source in t.sources)
        yield evolve(peer, sources=tuple(dict.fromkeys((*peer.sources, *sources))))
    by_place: dict[tuple[str, str | None], Peer] = {}
    for peer in sorted(rest, key=lambda p: p.network is None):
        # Most sources tell no network: what they say is of any that another one told.
        place = next((k for k in by_place if _is_at(peer, *k)), (peer.name, peer.network))
        first = by_place.setdefault(place, peer)
        both = tuple(dict.fromkeys((*first.sources, *peer.sources)))
        by_place[place] = evolve(first, sources=both)
    yield from by_place.values()


def _is_at(peer: Peer, name: str, network: str | None) -> bool:
    return peer.name == name and peer.network in (None, network)


# The host itself as a peer.


def _host_peer(target: Target) -> Container:
    """A service of the engine's host is one in host mode, as far as routes go."""
    return Container(id="", name=target.name, state="running", network_mode="host")


def _by_vantage(target: Target, vantage: Vantage) -> _Outcome:
    """The host's address without an engine: the gateway, or loopback on the host."""
    if target.port is None:
        return _Outcome(known=True, refusals=(_port_unknown(target),))
    inventory = Inventory(source="vantage", engine=EngineProfile())
    if vantage.kind is not VantageKind.CONTAINER or vantage.network_mode == "host":
        case = Case(
            target.name, _host_peer(target), target.port, Standing(Stand.HOST), vantage, inventory
        )
        return _Outcome(known=True, endpoints=walk(case)[0])
    port, name = target.port, target.name
    endpoints = tuple(
        Endpoint(a, port.number, port.protocol, Route.HOST_MODE, "vantage", name, port)
        for a in vantage.gateways
        if a.version == 4 or not a.is_link_local  # of no use without a scope
    )
    if endpoints:
        return _Outcome(known=True, endpoints=endpoints)
    detail = "this container has no default gateway, so its host has no known address"
    fix = "connect it to a network that is not internal"
    refusal = Refusal(Route.HOST_MODE, Reason.HOST_ADDRESS_UNKNOWN, detail, fix)
    return _Outcome(known=True, refusals=(refusal,))


# Words for what was found.


def _label(peer: Container) -> str:
    return peer.name or peer.short_id


def _given(name: str, fact: Fact, address: IPAddress, port: Port) -> Endpoint:
    return Endpoint(address, port.number, port.protocol, fact.route, fact.source, name, port)


def _bridges(where: Standing, inventory: Inventory) -> Iterator[Network]:
    """The bridges that a caller in a container is on: everybody there is this engine's."""
    inside = where.caller if where.stand is Stand.CONTAINER else None
    for attachment in inside.networks if inside else ():
        network = inventory.network(attachment.network_id)
        if network is not None and network.is_bridge:
            yield network


def _stale_fact(fact: Fact, current: Iterable[IPAddress]) -> Diagnostic:
    said = ", ".join(map(str, fact.addresses))
    known = ", ".join(map(str, sorted(current, key=lambda a: (a.version, int(a)))))
    reason = f"stale: it says {said}, but the peer has {known}"
    return Diagnostic(fact.source, fact.name, reason)


def _port_unknown(target: Target, known: Iterable[Port] = ()) -> Refusal:
    told = " and ".join(map(str, known))
    none = f"no source tells a port of {target.name}"
    detail = f"{target.name} has {told}, and nothing tells which is meant" if told else none
    return Refusal(None, Reason.PORT_UNKNOWN, detail, f"say {target}:PORT")


def _addressless(fact: Fact) -> Refusal:
    detail = f"{fact.source} knows {fact.name} but no address of it"
    fix = "expose a port of the peer, or give the caller access to an engine"
    return Refusal(fact.route, Reason.NO_ADDRESS, detail, fix)


def _gone(name: str, fact: Fact) -> Refusal:
    said = ", ".join(map(str, fact.addresses))
    detail = f"{fact.source} says {said} for {name}, and no container has that address now"
    return Refusal(
        fact.route, Reason.STALE, detail, "start the peer, then make this container anew"
    )


def _dangling(peer: str, alias: str) -> Refusal:
    detail = f"the link {peer}:{alias} leads to a container that is gone"
    return Refusal(Route.LINK, Reason.STALE, detail, f"make {peer} again, then restart the caller")


def _ownerless(peer: Container) -> Refusal:
    detail = f"{_label(peer)} uses the network of a container that is gone"
    fix = f"make {_label(peer)} anew with another --network"
    return Refusal(None, Reason.NO_NETWORK, detail, fix)
