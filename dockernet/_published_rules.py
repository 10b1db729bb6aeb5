"""Published ports against a firewall: the rules that let each in, and those of nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import field, frozen

from dockernet._journey import Journey, journey, outside_interface, way_out
from dockernet.model.addresses import IPAddress
from dockernet.model.conditions import (
    Destination,
    DestinationPorts,
    OutInterface,
    Protocols,
    Source,
)
from dockernet.model.facts import Inventory
from dockernet.model.firewalls import (
    ENGINE_CHAIN,
    ENGINE_TABLE,
    USER_CHAIN,
    Effect,
    Firewall,
    PlacedRule,
)
from dockernet.model.packets import Packet
from dockernet.model.publications import Publication
from dockernet.model.vantage import Vantage

__all__ = ["FirewallReport", "PublishedRules", "firewall_report"]


@frozen(kw_only=True)
class PublishedRules:
    """A published port, and the rules that let it in, for one address family.

    Attributes:
        publication: The published port.
        family: 4 or 6.
        dnat: The rules that send what comes to the host port to the container.
        accept: The rules that accept it on its way there.
        drop: The rules before these that drop what takes another way: to the container's
            own address, or to a loopback address from outside.
        user: The rules of the administrator, in DOCKER-USER, that it may meet.
        expected: What an engine makes for it: effects of rules.
        kept: Whether the engine keeps rules for the family at all. With ``iptables`` or
            ``ip6tables`` off it does not (engines up to 26 have the latter off unless told
            otherwise), and a userland proxy takes what comes, unless there is none.
        journey: The way of a packet from outside to it; from the host itself where it is
            published on loopback.
    """

    publication: Publication
    family: int
    dnat: tuple[PlacedRule, ...] = ()
    accept: tuple[PlacedRule, ...] = ()
    drop: tuple[PlacedRule, ...] = ()
    user: tuple[PlacedRule, ...] = ()
    expected: tuple[Effect, ...] = ()
    kept: bool = True
    journey: Journey

    @property
    def absent(self) -> tuple[Effect, ...]:
        """What engines make for it, and is not there."""
        there = {placed.rule.effect for placed in (*self.dnat, *self.accept)}
        return tuple(effect for effect in self.expected if effect not in there)

    @property
    def missing(self) -> tuple[Effect, ...]:
        """What this engine makes for it, and is not there."""
        return self.absent if self.kept else ()

    @property
    def proxied(self) -> bool:
        """Whether no rule is needed: a process of the engine's passes on what comes."""
        return not (self.dnat or self.accept or (self.expected and self.kept))


@frozen(kw_only=True)
class FirewallReport:
    """A firewall, seen from the published ports of an engine.

    Attributes:
        published: Each published port, for each of its address families.
        stale: Rules of the engine's for a container that is not there, or does not
            publish such a port.
        firewall: The firewall.
    """

    published: tuple[PublishedRules, ...] = ()
    stale: tuple[PlacedRule, ...] = ()
    firewall: Firewall = field(factory=Firewall, repr=False)


def firewall_report(
    firewall: Firewall,
    published: Iterable[Publication],
    inventory: Inventory,
    machine: Vantage,
) -> FirewallReport:
    """Find the rules of every published port, and the rules of none.

    Args:
        firewall: The firewall of the engine's host.
        published: The published ports.
        inventory: The engine's networks and what it says of itself.
        machine: The engine's host.
    """
    search = _Search(firewall, inventory, machine, tuple(firewall.rules()))
    found = tuple(search.rules_of(p, family) for p in published for family in p.binding.families)
    used = {placed for one in found for placed in (*one.dnat, *one.accept)}
    idle = (p for p in search.placed if _is_for_a_port(p) and p not in used)
    stale = (p for p in idle if not search.is_another_s(p))
    return FirewallReport(published=found, stale=tuple(stale), firewall=firewall)


def _is_for_a_port(placed: PlacedRule) -> bool:
    """Whether a rule is such as an engine makes for a published port of one container."""
    if placed.chain != ENGINE_CHAIN and placed.table != ENGINE_TABLE:
        return False
    rule = placed.rule
    if rule.effect is Effect.DNAT:
        return True
    to = rule.asks(Destination)
    single = to is not None and to.single is not None and rule.asks(DestinationPorts) is not None
    # Legacy links have such rules, too, from one container to another.
    return rule.effect is Effect.ACCEPT and single and rule.asks(Source) is None


@frozen
class _Search:
    """A search for the rules of ports."""

    firewall: Firewall
    inventory: Inventory
    machine: Vantage
    placed: tuple[PlacedRule, ...]

    def rules_of(self, published: Publication, family: int) -> PublishedRules:
        addresses = self._addresses(published, family)
        mine = [p for p in self.placed if self._is_of_family(p, family)]
        return PublishedRules(
            publication=published,
            family=family,
            dnat=tuple(p for p in mine if _sends(p, published, addresses)),
            accept=tuple(p for p in mine if _accepts(p, published, addresses)),
            drop=tuple(p for p in mine if _drops(p, published, addresses)),
            user=tuple(self._user(mine, published, addresses)),
            expected=self._expected(published, addresses),
            kept=self._keeps_rules(family),
            journey=self._journey(published, family),
        )

    def is_another_s(self, placed: PlacedRule) -> bool:
        """Whether a rule leads to a network of the host that is none of this engine's.

        Several engines on one host have chains of one name.
        """
        to, new = placed.rule.asks(Destination), placed.rule.new_destination
        address = new.address if new is not None else None if to is None else to.single
        if address is None:
            return False
        own = self.machine.interfaces
        there = {i.name for i in own if any(address in subnet for subnet in i.subnets)}
        return not there <= {network.interface for network in self.inventory.networks}

    def _keeps_rules(self, family: int) -> bool:
        tables = (t for t in self.firewall.tables if t.is_for(family))
        return any(t.name == ENGINE_TABLE or t.chain(ENGINE_CHAIN) is not None for t in tables)

    def _is_of_family(self, placed: PlacedRule, family: int) -> bool:
        return placed.family == "inet" or (placed.family == "ip6") == (family == 6)

    def _addresses(self, published: Publication, family: int) -> frozenset[IPAddress]:
        networks = published.container.networks
        return frozenset(a for n in networks for a in n.addresses if a.version == family)

    def _expected(
        self, published: Publication, addresses: frozenset[IPAddress]
    ) -> tuple[Effect, ...]:
        if not addresses or (published.binding.is_loopback and _is_ipv6(addresses)):
            return ()
        if self.inventory.engine.podman:  # it accepts for whole networks
            return (Effect.DNAT,)
        if published.binding.host_port is None:
            return (Effect.ACCEPT,)
        return (Effect.DNAT, Effect.ACCEPT)

    def _user(
        self, mine: Iterable[PlacedRule], published: Publication, addresses: frozenset[IPAddress]
    ) -> Iterator[PlacedRule]:
        """The rules of DOCKER-USER that a packet from somewhere to it may meet."""
        packets = [
            Packet(
                protocol=published.port.protocol,
                destination=address,
                port=published.port.number,
                out_interface=way_out(address, self.machine),
                states=None,
                mark=None,
            )
            for address in addresses
        ]
        for placed in mine:
            met = any(placed.rule.is_for(packet) is not False for packet in packets)
            if placed.chain == USER_CHAIN and met and placed.rule.text != "-j RETURN":
                yield placed

    def _journey(self, published: Publication, family: int) -> Journey:
        binding = published.binding
        routed = binding.host_port is None
        number = published.port.number if routed else binding.host_port
        address = None if binding.is_wildcard else binding.host_ip
        if routed:
            address = next(iter(sorted(self._addresses(published, family), key=int)), None)
        bridges = (n.interface for n in self.inventory.networks if n.interface is not None)
        interface = outside_interface(self.machine, bridges, family)
        packet = Packet(
            protocol=published.port.protocol,
            source=binding.host_ip if binding.is_loopback else None,
            destination=address or self._own_address(interface, family),
            destination_type=None if routed else "LOCAL",
            port=number if isinstance(number, int) else None,
            in_interface="" if binding.is_loopback else interface,
            from_afar=not binding.is_loopback,
            family=family,
        )
        return journey(self.firewall, packet, self.machine)

    def _own_address(self, name: str | None, family: int) -> IPAddress | None:
        own = (i for i in self.machine.interfaces if i.name == name)
        told = (a for i in own for a in i.addresses if a.version == family and not a.is_link_local)
        return next(told, None)


def _is_ipv6(addresses: Iterable[IPAddress]) -> bool:
    return any(a.version == 6 for a in addresses)


def _sends(placed: PlacedRule, published: Publication, addresses: frozenset[IPAddress]) -> bool:
    """Whether a rule sends what comes to the host port to the container."""
    new = placed.rule.new_destination
    if new is None or new.address not in addresses:
        return False
    number = published.binding.host_port
    asked, to = placed.rule.asks(DestinationPorts), placed.rule.asks(Destination)
    host_ip = published.binding.host_ip
    wide = published.binding.is_wildcard or to is None or host_ip is None
    return (
        _is_of_protocol(placed, published)
        and new.port in (None, published.port.number)
        and asked is not None
        and isinstance(number, int)
        and number in asked
        and (wide or (to is not None and any(host_ip in n for n in to.networks)))
    )


def _accepts(placed: PlacedRule, published: Publication, addresses: frozenset[IPAddress]) -> bool:
    """Whether a rule accepts what goes to the container port."""
    rule = placed.rule
    to, asked = rule.asks(Destination), rule.asks(DestinationPorts)
    return (
        rule.effect is Effect.ACCEPT
        and to is not None
        and to.single in addresses
        and asked is not None
        and published.port.number in asked
        and _is_of_protocol(placed, published)
        and rule.asks(Source) is None
    )


def _drops(placed: PlacedRule, published: Publication, addresses: frozenset[IPAddress]) -> bool:
    """Whether a rule drops what comes to the container, or its host port, another way."""
    rule = placed.rule
    to, asked = rule.asks(Destination), rule.asks(DestinationPorts)
    if rule.effect is not Effect.DROP or to is None or rule.asks(OutInterface) is not None:
        return False
    if to.single in addresses:
        return asked is None or published.port.number in asked
    host_ip, number = published.binding.host_ip, published.binding.host_port
    ported = asked is not None and isinstance(number, int) and number in asked
    return ported and to.single is not None and to.single == host_ip


def _is_of_protocol(placed: PlacedRule, published: Publication) -> bool:
    asked = placed.rule.asks(Protocols)
    return asked is not None and not asked.negated and published.port.protocol in asked.names
