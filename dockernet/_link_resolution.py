"""Links as their recipient needs them: where each port of a peer is dialled from there.

Nothing here reads the outside; it is what a look-up that was driven makes of a link.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from attrs import define, evolve, field

from dockernet._linking import links_of, reconciled, told_link
from dockernet._resolution import Census, Resolution
from dockernet._standing import identified
from dockernet.errors import DockernetError, UnreachableError
from dockernet.model.addresses import IPAddress
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.endpoints import Endpoint
from dockernet.model.facts import Inventory
from dockernet.model.links import Link, LinkReport, places_of
from dockernet.model.mappings import SecretMap
from dockernet.model.ports import Port
from dockernet.model.targets import Target
from dockernet.refusals import Refusal

__all__ = ["Linking", "target_of"]

_ANY: Final = Port(1)  # a peer without ports has an address all the same
_MADE_UP: Final = f"port {_ANY}"


@define(eq=False, repr=False)
class Linking:
    """The look-up of several links, each of which is a look-up of its peer.

    Attributes:
        links: The links to look up; one that was told, not asked for, may lead nowhere.
        asked: Whether they were asked for, so that each has to lead somewhere.
        found: What was found so far.
        diagnostics: What was odd so far.
        environs: The peers' own environments, where they were asked for.
    """

    links: tuple[Link, ...]
    asked: bool = True
    found: list[Link] = field(factory=list[Link])
    diagnostics: list[Diagnostic] = field(factory=list[Diagnostic])
    environs: Mapping[str, SecretMap] = field(factory=dict[str, SecretMap])

    @classmethod
    def of(cls, wanted: Iterable[Link | str]) -> Linking:
        """Begin with the links that were asked for.

        Raises:
            FormatError: A text is not of the form of :meth:`dockernet.Link.from_spec`.
        """
        return cls(_grouped(wanted))

    @classmethod
    def told(cls, census: Census, *, strict: bool = False) -> Linking:
        """Begin with every link that the caller is known to be the recipient of.

        Of several under one alias, which lead to replicas, the first will do: it is the
        alias that is looked up.
        """
        report = _known_links(census)
        links = {link.alias: link for link in reversed(report.links)}
        return cls(
            tuple(reversed(links.values())), asked=strict, diagnostics=list(report.diagnostics)
        )

    def heard(self, link: Link, resolution: Resolution) -> None:
        """Take the look-up of a link's peer.

        Raises:
            DockernetError: The link was asked for, and nothing comes of it.
        """
        try:
            report = _link_seen(resolution, link)
        except DockernetError as error:
            if self.asked:
                raise
            self.diagnostics.append(Diagnostic("links", link.alias, f"left out: {error}"))
        else:
            self.found += report.links
            self.diagnostics += report.diagnostics

    @property
    def peers(self) -> tuple[str, ...]:
        """The names of the peers that were found, each once."""
        return tuple(dict.fromkeys(link.peer for link in self.found if link.peer))

    def report(self) -> LinkReport:
        """What was found of the links."""
        known = self.environs
        links = (evolve(k, environ=known.get(k.peer or "", k.environ)) for k in self.found)
        return LinkReport(tuple(links), tuple(self.diagnostics))


def _grouped(wanted: Iterable[Link | str]) -> tuple[Link, ...]:
    """Take links in each form; those of one alias and peer are one, with all their ports.

    Raises:
        FormatError: A text is not of the form of :meth:`dockernet.Link.from_spec`.
    """
    found: dict[tuple[str, str | None], Link] = {}
    for one in wanted:
        link = Link.from_spec(one) if isinstance(one, str) else one
        key = link.alias, link.peer
        ports = (*found[key].ports, *link.ports) if key in found else link.ports
        every = key in found and not (found[key].ports and link.ports)
        found[key] = evolve(found.get(key, link), ports=() if every else ports)
    return tuple(found.values())


def target_of(link: Link) -> Target:
    """What is looked for: the peer where it is known, else the alias."""
    # Names that were linked may hold what no target's text can, blanks for one.
    if link.peer is None or link.recipient is not None:
        return Target(link.alias)
    return Target.parse(link.peer)


def _known_links(census: Census) -> LinkReport:
    """The links that the caller is the recipient of, from every place that tells them."""
    given = (link for i in census.inventories for link in _given(census, i))
    return reconciled([*given, *filter(None, map(told_link, census.facts))])


def _link_seen(resolution: Resolution, wanted: Link) -> LinkReport:
    """A link with what its recipient dials, after the look-up of its peer.

    Ports that no route leads to are left out and reported, as long as one is left.

    Raises:
        AmbiguousPeerError: Several peers fit equally well.
        PeerNotFoundError: Every source was heard and none knows the peer.
        SourceError: No source knows it, and one could not be asked.
        UnreachableError: The peer is known, and no route leads to any port of it.
    """
    resolution.check_known()
    ports = wanted.ports or resolution.known_ports()
    ways: dict[Port, tuple[Endpoint, ...]] = {}
    refused: dict[Port, UnreachableError] = {}
    for port in ports or (_ANY,):
        try:
            ways[port] = resolution.at(port).endpoints()
        except UnreachableError as error:
            refused[port] = error
    if not ways:
        refusals = (r for error in refused.values() for r in error.refusals)
        told = map(_of_no_port, refusals) if not ports else refusals
        raise UnreachableError(str(resolution.target), tuple(dict.fromkeys(told)))
    link = evolve(_seen(wanted, ports, ways), recipient=wanted.recipient or _recipient(resolution))
    return LinkReport((link,), tuple(_left_out(wanted, refused)))


def _seen(wanted: Link, ports: tuple[Port, ...], ways: Mapping[Port, tuple[Endpoint, ...]]) -> Link:
    """The link with the addresses and endpoints of one peer, the first of its replicas."""
    peer = next(iter(ways.values()))[0].peer
    best: dict[Port, Endpoint] = {}
    addresses: dict[IPAddress, None] = {}
    every: list[dict[IPAddress, None]] = []
    for port, endpoints in ways.items():
        of_peer = [e for e in endpoints if e.peer == peer] or list(endpoints)
        # A legacy link leads to the default bridge, whatever else both are on.
        of_peer.sort(key=lambda endpoint: endpoint.host not in wanted.addresses)
        best[port] = of_peer[0]
        same_route = [e for e in of_peer if e.route == of_peer[0].route]
        addresses.update(_with_port(port, same_route))
        every.append(_with_port(port, of_peer))
    if len({endpoint.host for endpoint in best.values()}) > 1:
        # At the address of one port another's may be a stranger's.
        addresses = {a: None for a in every[0] if all(a in some for some in every)}
    known = tuple(port for port in ports if port in best)
    link = evolve(
        wanted, peer=peer or wanted.peer, addresses=tuple(addresses), ports=known, endpoints=()
    )
    # Most often each port is dialled at the address itself, and then endpoints say nothing new.
    plain = {place.port: (str(place.host), place.number) for place in places_of(link)}
    dialled = {port: best[port].address for port in known}
    return link if plain == dialled and addresses else evolve(link, endpoints=tuple(best.values()))


def _with_port(port: Port, endpoints: Iterable[Endpoint]) -> dict[IPAddress, None]:
    """The addresses that have the port itself, and not another that leads to it."""
    own = (e.host for e in endpoints if e.port == port.number)
    return {host: None for host in own if not isinstance(host, str)}


def _of_no_port(refusal: Refusal) -> Refusal:
    """A refusal that speaks of a port which nobody has said or knows."""
    detail, fix = (t.replace(_MADE_UP, "its port") for t in (refusal.detail, refusal.fix))
    return evolve(refusal, detail=detail, fix=fix)


def _recipient(resolution: Resolution) -> str | None:
    here = resolution.vantage
    for inventory in resolution.inventories:
        here = identified(here, inventory)
    return here.name or here.hostname or None


def _left_out(wanted: Link, refused: Mapping[Port, UnreachableError]) -> Iterator[Diagnostic]:
    for port, error in refused.items():
        reason = "; ".join(map(str, error.refusals))
        yield Diagnostic("links", f"{wanted.alias}:{port}", f"left out: {reason}")


def _given(census: Census, inventory: Inventory) -> Iterator[Link]:
    own = identified(census.vantage, inventory)
    return (link for link in links_of(inventory) if own.id and link.recipient == own.name)
