"""Planning what to let through: the rules for it, or why it cannot be.

No rule opens more than was asked for: each names the network's own interface and
subnet, and the other end's, and the ports that were chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import ip_network
from typing import Final, Literal

from attrs import frozen

from dockernet._journey import BLOCKED, journey, outside_interface
from dockernet._passage import first_packet, opening_rules
from dockernet._ways import Family, Way, answers, interface_of, subnets
from dockernet.errors import ForwardingError
from dockernet.model.addresses import IPAddress
from dockernet.model.containers import Attachment
from dockernet.model.firewalls import ENGINE_TABLE, USER_CHAIN, Effect, Firewall, Hook, Table
from dockernet.model.forwarding import Action, ForwardingPlan, ForwardRule, Opening, Place, Reach
from dockernet.model.networks import Network
from dockernet.model.publications import Publication
from dockernet.model.vantage import Vantage

__all__ = ["Asked", "Ground", "planned"]

# Engines from 28 on drop, before all else, what is sent to a container's own address by
# another interface than its network's (moby, bridge/internal/iptabler/endpoint.go).
_DROPS_DIRECT: Final = "DOCKER-FORWARD"
_ALL: Final[tuple[None]] = (None,)

_MARK_FIX: Final = (
    "the engine keeps its rules in nftables and drops it, whatever another table accepts: start "
    'it with "bridge-accept-fwmark" in daemon.json (Engine 29), and say that mark'
)


_POLICY_NOTE: Final = (
    "the policy of {} FORWARD is accept: where forwarding is off and is turned on, whatever no rule "
    "stops is forwarded, too"
)


@frozen(kw_only=True)
class Asked:
    """What was asked for.

    Attributes:
        source: The network that is to reach something.
        to: What it is to reach.
        openings: The ports; ``None`` for all of them.
        families: The address families, 4 and 6.
        interface: The interface that leads outside, where it was said.
        mark: The mark by which an engine accepts packets, where it was said.
    """

    source: Network
    to: Network | Reach
    openings: tuple[Opening, ...] | None
    families: tuple[Family, ...] = (4, 6)
    interface: str | None = None
    mark: int | None = None


@frozen(kw_only=True)
class Ground:
    """What is there.

    Attributes:
        firewall: The firewall of the engine's host.
        machine: The engine's host.
        published: The published ports.
        networks: The engine's networks.
    """

    firewall: Firewall
    machine: Vantage
    published: tuple[Publication, ...] = ()
    networks: tuple[Network, ...] = ()

    @property
    def bridges(self) -> tuple[str, ...]:
        """The interfaces of the engine's networks."""
        return tuple(n.interface for n in self.networks if n.interface is not None)

    def network(self, attachment: Attachment) -> Network | None:
        """The network of an attachment: several may have one name."""
        by_id = [n for n in self.networks if n.id == attachment.network_id]
        named = [n for n in self.networks if n.name == attachment.network]
        nameless = attachment.network_id in ("", attachment.network)  # Podman 4 has no other
        return next(iter(by_id or (named if nameless and len(named) == 1 else ())), None)


def planned(asked: Asked, ground: Ground) -> ForwardingPlan:
    """Plan it.

    Raises:
        FormatError: A name of an interface is none.
        ForwardingError: It cannot be.
    """
    planning = _Planning(asked, ground)
    _require_bridge(asked.source)
    rules = tuple(rule for family in planning.families() for rule in planning.rules(family))
    if not rules:
        raise ForwardingError(planning.subject, planning.nothing())
    plan = ForwardingPlan(
        source=str(asked.source),
        to=str(asked.to),
        rules=rules,
        backend=planning.backend,
        user_chain=tuple(v for v in (4, 6) if ground.firewall.has_chain(USER_CHAIN, v)),
        notes=tuple(planning.notes()),
    )
    planning.require_unblocked(plan)
    return plan


def _require_bridge(network: Network) -> None:
    reason = None
    if not network.is_bridge or network.interface is None:
        reason = f"it is no bridge of the engine's host (its driver is {network.driver})"
    elif network.internal:
        reason = "it is internal: its containers have no way out and back; make it without that"
    if reason is not None:
        raise ForwardingError(f"network {network}", reason)


@frozen
class _Planning:
    asked: Asked
    ground: Ground

    @property
    def subject(self) -> str:
        return f"{self.asked.source} to {self.asked.to}"

    @property
    def backend(self) -> Literal["iptables", "nftables"]:
        tables = self.ground.firewall.tables
        native = any(t.name == ENGINE_TABLE and t.backend == "nftables" for t in tables)
        users = any(self.ground.firewall.has_chain(USER_CHAIN, v) for v in (4, 6))
        return "nftables" if native and not users else "iptables"

    def families(self) -> Iterator[Family]:
        """The families in which both ends have something."""
        for family in self.asked.families:
            if subnets(self.asked.source, family) and self._there(family):
                yield family

    def _there(self, family: Family) -> bool:
        if isinstance(self.asked.to, Network):
            return bool(subnets(self.asked.to, family))
        if self.asked.to is Reach.HOST:
            return bool(self._gateway(family))
        return self._outside(family) is not None

    def nothing(self) -> str:
        families = " and ".join(f"IPv{family}" for family in self.asked.families)
        if self.asked.to is Reach.OUTSIDE:
            return f"nothing tells which interface leads outside by {families}: name it"
        if self.asked.to is Reach.HOST and any(self.families()):
            return "no port is published on an address that it could dial: publish one"
        if self.asked.to is Reach.HOST:
            return f"the host has no address of {families} on that network"
        return f"both ends have no subnet of {families}"

    def rules(self, family: Family) -> Iterator[ForwardRule]:
        if isinstance(self.asked.to, Network):
            return self._between(self.asked.to, family)
        ways: Mapping[Reach, Callable[[Family], Iterator[ForwardRule]]] = {
            Reach.HOST: self._host,
            Reach.OUTSIDE: self._beyond,
        }
        return ways[self.asked.to](family)

    # To ports of the host.

    def _host(self, family: Family) -> Iterator[ForwardRule]:
        for address in self._gateway(family):
            yield from self._host_at(address, family)

    def _gateway(self, family: Family) -> tuple[IPAddress, ...]:
        """The host's address on the network, where it has one."""
        address = self.asked.source.host_address(family)
        return () if address is None else (address,)

    def _host_at(self, address: IPAddress, family: Family) -> Iterator[ForwardRule]:
        openings = self._host_openings(address)
        for subnet in subnets(self.asked.source, family):
            for opening in openings:
                yield ForwardRule(
                    family=family,
                    place=Place.INPUT,
                    in_interface=interface_of(self.asked.source),
                    source=subnet,
                    destination=ip_network(address),
                    opening=opening,
                )
        for opening in openings:
            yield from dict.fromkeys(self._answers(opening, address, family))

    def _answers(
        self, opening: Opening, address: IPAddress, family: Family
    ) -> Iterator[ForwardRule]:
        """What containers answer to the engine's proxy, which dials them from the host."""
        for published in self._behind(opening, address):
            for attachment in published.container.networks:
                network = self.ground.network(attachment)
                if network is not None and network.interface is not None:
                    yield from answers(published, attachment, network, family)

    def _behind(self, opening: Opening, address: IPAddress) -> Iterator[Publication]:
        for published in self._published_at(address):
            number = published.binding.host_port
            same = published.port.protocol == opening.protocol
            if same and isinstance(number, int) and number in opening.range:
                yield published

    def _published_at(self, address: IPAddress) -> Iterator[Publication]:
        """What is published on an address of the host's."""
        for published in self.ground.published:
            binding = published.binding
            at = binding.is_wildcard or binding.host_ip == address
            if at and address.version in binding.families:
                yield published

    def _host_openings(self, address: IPAddress) -> tuple[Opening, ...]:
        if self.asked.openings is not None:
            return self.asked.openings
        found = {
            Opening(p.port.protocol, p.binding.host_port, p.binding.host_port)
            for p in self._published_at(address)
            if isinstance(p.binding.host_port, int)
        }
        return tuple(sorted(found))

    # To another network.

    def _between(self, to: Network, family: Family) -> Iterator[ForwardRule]:
        _require_bridge(to)
        here, there = interface_of(self.asked.source), interface_of(to)
        if here == there:
            raise ForwardingError(self.subject, "it is one network: icc decides there")
        for source in subnets(self.asked.source, family):
            for destination in subnets(to, family):
                way = Way(family, here, there, source, destination)
                yield from self._way(way, direct=self._drops_direct(family))

    def _drops_direct(self, family: Family) -> bool:
        return self.ground.firewall.has_chain(_DROPS_DIRECT, family)

    def _way(self, way: Way, *, direct: bool) -> Iterator[ForwardRule]:
        openings = self.asked.openings or _ALL
        for opening in openings:
            if self.backend == "nftables":
                yield way.rule(Place.RAW, opening, action=Action.MARK, mark=self._mark())
            elif direct:
                yield way.rule(Place.RAW, opening)
                yield way.back(Place.RAW, opening, tracked=False)
        for opening in openings:
            yield way.rule(Place.FORWARD, opening)
        yield way.back(Place.FORWARD, None)

    def _mark(self) -> int:
        if self.asked.mark is None:
            raise ForwardingError(self.subject, _MARK_FIX)
        return self.asked.mark

    # Outside.

    def _outside(self, family: Family) -> str | None:
        if self.asked.interface is not None:
            return self.asked.interface
        return outside_interface(self.ground.machine, self.ground.bridges, family)

    def _beyond(self, family: Family) -> Iterator[ForwardRule]:
        outside = self._outside(family) or ""
        if outside in self.ground.bridges:
            raise ForwardingError(self.subject, f"{outside} is a network of the engine: name that")
        for subnet in subnets(self.asked.source, family):
            way = Way(family, interface_of(self.asked.source), outside, subnet, None)
            openings = self.asked.openings or _ALL
            for opening in openings:
                yield way.rule(Place.FORWARD, opening)
            yield way.back(Place.FORWARD, None)
            for opening in openings:
                yield way.masquerade(opening)

    # What is to be known beside.

    def notes(self) -> Iterator[str]:
        if self.asked.to is not Reach.HOST and 6 in set(self.families()):
            yield "with IPv6 forwarding on, Linux takes no router's word unless accept_ra is 2"
        if self.asked.to is Reach.HOST and self.asked.openings is not None:
            known = {p.binding.host_port for p in self.ground.published}
            for opening in self.asked.openings:
                if known.isdisjoint(opening.range):
                    yield f"no container publishes {opening}: another program of the host may"
        yield from self._translations()
        if self.asked.to is not Reach.HOST:
            yield from map(_POLICY_NOTE.format, self._open_policies())
        if self.backend == "nftables":
            yield "the engine has no chain DOCKER-USER: the rules are in a table of their own"

    def _open_policies(self) -> Iterator[str]:
        """Where all is forwarded that no rule stops."""
        for family in self.families():
            for table, chain in self.ground.firewall.entered(Hook.FORWARD, family):
                if table.backend == self._iptables() and chain.name == Hook.FORWARD:
                    policy = chain.policy if table.name == "filter" else None
                    yield from (f"{table.family} filter",) if policy is Effect.ACCEPT else ()

    def _translations(self) -> Iterator[str]:
        """Ports of the host that rules send on at once, so that nothing comes in at INPUT."""
        for rule in self._first_rules():
            found = journey(self.ground.firewall, first_packet(rule), self.ground.machine)
            if found.translated is not None:
                yield (
                    f"port {rule.opening} is sent on to {found.arrived.destination} by "
                    f"{found.translated.placed.where}: let the network reach that one's, too"
                )

    def _first_rules(self) -> Iterator[ForwardRule]:
        if self.asked.to is Reach.HOST:
            for family in self.families():
                yield from (rule for rule in self._host(family) if not rule.answers)

    def require_unblocked(self, plan: ForwardingPlan) -> None:
        """Refuse where a chain that is not iptables' own drops it: an accept ends no other."""
        ours = self._overruled()
        for rule in opening_rules(plan.rules):
            found = journey(ours, first_packet(rule), self.ground.machine)
            if found.assumed in BLOCKED and found.decisive is not None:
                where = found.decisive.placed
                reason = (
                    f"{where.where} ({where.rule}) of {where.backend} stops it, and an accept "
                    "elsewhere does not overrule that: let it through there"
                )
                raise ForwardingError(self.subject, reason)

    def _overruled(self) -> Firewall:
        """The tables that no rule of ours overrules; of the engine's own, a mark does."""
        if self.backend == "nftables":
            kept = [t for t in self.ground.firewall.tables if t.name != ENGINE_TABLE]
        else:
            backend = self._iptables()
            kept = [t for t in self.ground.firewall.tables if t.backend != backend]
        return Firewall(tables=tuple(kept))

    def _iptables(self) -> str:
        """The variant of iptables that the engine uses."""
        return engine_backend(self.ground.firewall.tables)


def engine_backend(tables: Iterable[Table]) -> str:
    """The variant of iptables that has an engine's chains; without any the newer one."""
    listed = list(tables)
    names = (USER_CHAIN, "DOCKER")
    found = (t.backend for name in names for t in listed if t.chain(name) is not None)
    return next((b for b in found if b != "nftables"), "iptables-nft")
