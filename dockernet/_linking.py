"""One link from every place: what an inventory tells of links, and what agrees with it.

A legacy link stands in the recipient's ``HostConfig.Links`` and among the peer's names
in a listing; one on a network stands with the recipient's attachment to it, and Compose
writes it in both places. Variables and hosts lines tell the recipient of it once more.
Each of these is a provenance of one link. The rules are those of ``daemon/links`` and
``daemon/inspect.go`` in moby and of ``pkg/compose/convergence.go`` in Compose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from attrs import evolve

from dockernet._matching import known_names, near_misses
from dockernet._standing import network_owner
from dockernet.errors import PeerNotFoundError
from dockernet.model.containers import Attachment, Container
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.facts import Fact, Inventory
from dockernet.model.links import Link, LinkKind, LinkReport
from dockernet.model.provenance import Provenance

__all__ = ["chosen_links", "links_of", "reconciled", "told_link"]

_REMOVED: Final = "removed"

# The freshest first: an engine tells how things are now, variables how they were.
_FRESHNESS: Final = (
    Provenance.LEGACY,
    Provenance.NETWORK,
    Provenance.COMPOSE,
    Provenance.LISTING,
    Provenance.ALIAS,
    Provenance.HOSTS,
    Provenance.ENVIRON,
)


# What an engine tells.


def links_of(inventory: Inventory) -> tuple[Link, ...]:
    """Every link that an engine knows of, with what it knows of the peer.

    They are sorted by recipient, alias and peer. Links that were given need the
    recipients in detail; the names in a listing are enough for legacy links.
    """
    found: dict[tuple[str | None, str, str | None], Link] = {}
    for link in _told(inventory):
        key = link.recipient, link.alias, link.peer
        known = found.get(key, link)
        addresses = tuple(dict.fromkeys((*known.addresses, *link.addresses)))
        found[key] = evolve(_united(known, link), addresses=addresses)
    return tuple(sorted(found.values(), key=_order))


def chosen_links(
    inventory: Inventory, recipient: str | None, peer: str | None, *, aliases: bool
) -> tuple[Link, ...]:
    """The links of one recipient, to one peer, or all.

    Raises:
        PeerNotFoundError: There is no such container.
    """
    to, by = (None if n is None else _asked_for(n, inventory) for n in (peer, recipient))
    every = (*links_of(inventory), *(_network_aliases(inventory) if aliases else ()))
    return tuple(
        link
        for link in every
        if (to is None or link.peer == to.name) and (by is None or _is_given(link, by))
    )


def _asked_for(name: str, inventory: Inventory) -> Container:
    found = inventory.named(name.strip("/"))
    if found is None:
        close = near_misses(name, known_names(inventory))
        raise PeerNotFoundError(name, (inventory.source,), close)
    return found


def _is_given(link: Link, recipient: Container) -> bool:
    """Whether a container is the recipient of a link: of an alias all are that share it."""
    if link.recipient is not None:
        return link.recipient == recipient.name
    return link.peer != recipient.name and any(
        a.network in link.networks for a in recipient.networks
    )


def _told(inventory: Inventory) -> Iterator[Link]:
    """Links as each place tells them."""
    for container in inventory.containers:
        for link in container.links or ():
            named = evolve(link, recipient=container.name)
            peer = inventory.named(link.peer or "")
            gone = evolve(named, peer_state=_REMOVED)
            yield gone if peer is None else _completed(named, container, peer, inventory)
        for recipient, alias in container.linked_as:
            link = Link(alias, recipient, provenances=(Provenance.LISTING,))
            yield _completed(link, inventory.named(recipient), container, inventory)


def _completed(
    link: Link, recipient: Container | None, peer: Container, inventory: Inventory
) -> Link:
    """Add to a link what an engine knows of its peer."""
    owner = network_owner(peer, inventory) or peer
    places = () if recipient is None else tuple(_places(link, recipient, owner, inventory))
    return evolve(
        link,
        peer=peer.name,
        addresses=tuple(address for place in places for address in place.addresses),
        ports=peer.known_ports or owner.known_ports,
        peer_state=peer.state,
    )


def _places(
    link: Link, recipient: Container, peer: Container, inventory: Inventory
) -> Iterator[Attachment]:
    """The peer's attachments that a link leads to: a legacy one to the default bridge alone."""
    for place in peer.networks:
        network = inventory.network(place.network_id)
        legacy = network is not None and network.is_default_bridge
        there = place.network in link.networks if link.networks else legacy
        if there and recipient.attachment(place.network_id) is not None:
            yield place


def _network_aliases(inventory: Inventory) -> tuple[Link, ...]:
    """The aliases on networks as links: everybody there is their recipient.

    An alias that is the peer's own name, or its id, is left out: nobody chose it.
    """
    found = (
        Link(
            alias,
            peer=peer.name,
            addresses=place.addresses,
            ports=peer.known_ports,
            networks=(place.network,),
            peer_state=peer.state,
            provenances=(Provenance.ALIAS,),
        )
        for peer in inventory.containers
        for place in peer.networks
        for alias in place.aliases or ()
        if alias != peer.name and not peer.id.startswith(alias)
    )
    return tuple(sorted(found, key=_order))


# What several places tell.


def told_link(fact: Fact) -> Link | None:
    """The link that a fact tells of, if any."""
    if fact.provenance is None:
        return None
    # Where variables tell the prefix alone, a fact has both spellings of the alias.
    spelled = fact.provenance is not Provenance.ENVIRON or len(fact.names) == 1
    return Link(
        fact.name,
        addresses=fact.addresses,
        ports=fact.ports,
        kind=LinkKind.DOCKER if spelled else LinkKind.UNCONFIRMED,
        provenances=(fact.provenance,),
    )


def reconciled(links: Iterable[Link]) -> LinkReport:
    """Unite what several places tell one recipient of its links.

    Those of one alias are one link, with what the freshest of them says, unless they
    lead to different peers, as Compose's links to replicas. Where another one has other
    addresses, it is named.
    """
    found: list[Link] = []
    diagnostics: list[Diagnostic] = []
    for link in sorted(links, key=_freshness):
        known = _counterpart(link, found)
        if known is None:
            found.append(link)
            continue
        found[found.index(known)] = _united(known, link)
        if not set(link.addresses) <= set(known.addresses) and (known.addresses or known.dangling):
            diagnostics.append(_stale(link, known))
    return LinkReport(tuple(sorted(found, key=_order)), tuple(diagnostics))


def _counterpart(link: Link, found: Iterable[Link]) -> Link | None:
    """The link that another one tells of; variables and hosts lines tell no peer of it."""
    same = (k for k in found if _is_alias(link, k) and link.peer in (None, k.peer))
    mine = set(link.addresses)
    return max(same, key=lambda k: len(mine.intersection(k.addresses)), default=None)


def _is_alias(link: Link, known: Link) -> bool:
    """Whether both have one alias, as far as it is known: variables may tell the prefix alone."""
    spelled = link.kind is LinkKind.DOCKER
    return link.alias == known.alias if spelled else link.prefix == known.prefix


def _united(fresh: Link, other: Link) -> Link:
    """What the fresher one says; the other one says what that does not know."""
    fixed = fresh.addresses or fresh.dangling
    return evolve(
        fresh,
        recipient=fresh.recipient or other.recipient,
        addresses=fresh.addresses if fixed else other.addresses,
        ports=fresh.ports or other.ports,
        environ=fresh.environ or other.environ,
        networks=tuple(dict.fromkeys((*fresh.networks, *other.networks))),
        provenances=tuple(sorted({*fresh.provenances, *other.provenances}, key=_FRESHNESS.index)),
    )


def _stale(link: Link, fresh: Link) -> Diagnostic:
    said = ", ".join(map(str, link.addresses))
    known = ", ".join(map(str, fresh.addresses)) or f"its peer is {fresh.peer_state}"
    better = " and ".join(fresh.provenances)
    reason = f"stale: it says {said}; fresh from {better}: {known}"
    return Diagnostic(" and ".join(link.provenances), link.alias, reason)


def _freshness(link: Link) -> int:
    return min(map(_FRESHNESS.index, link.provenances), default=len(_FRESHNESS))


def _order(link: Link) -> tuple[str, str, str, tuple[str, ...]]:
    return link.recipient or "", link.alias, link.peer or "", link.networks
