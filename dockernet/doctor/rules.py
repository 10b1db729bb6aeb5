"""Checks of the firewall of the engine's host: what becomes of the very packets."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from attrs import evolve, frozen

from dockernet._journey import Journey, Verdict, journey
from dockernet._published_rules import PublishedRules, firewall_report
from dockernet.doctor import fixes
from dockernet.doctor.codes import Code
from dockernet.doctor.examined import Examined
from dockernet.doctor.findings import Evidence, Finding, Fix, Kind
from dockernet.model.addresses import IPAddress, IPNetwork
from dockernet.model.containers import Attachment, Container
from dockernet.model.endpoints import Endpoint
from dockernet.model.firewalls import Effect, Hook, PlacedRule
from dockernet.model.networks import Network
from dockernet.model.packets import Packet
from dockernet.model.places import Outcome
from dockernet.model.ports import Port
from dockernet.refusals import Route

__all__ = [
    "Sent",
    "blocked",
    "from_containers",
    "judged",
    "missing",
    "on_the_way",
    "sent_by",
    "stale",
    "way_out",
]

_FILTERS_BRIDGES: Final = "/proc/sys/net/bridge/bridge-nf-call-iptables"
_BLOCKED: Final = frozenset({Verdict.DROP, Verdict.REJECT})
_ON_BRIDGE: Final = frozenset({Route.SHARED_NETWORK, Route.LINK})
_LOST: Final = frozenset({Outcome.TIMED_OUT, Outcome.NO_ROUTE, Outcome.FAILED})
_MOST_PORTS: Final = 64  # of those that are tried from each network
_SMALLEST: Final = 4  # addresses of a subnet with room for a host and a container
_RESTART: Final = "restart the engine: it writes its rules anew"


@frozen(kw_only=True)
class Sent:
    """A packet that a caller would send.

    Attributes:
        packet: The packet.
        subject: What is dialled.
        network: The network that it comes from; ``None`` where it is no container's.
    """

    packet: Packet
    subject: str
    network: Network | None = None


# The packets.


def sent_by(examined: Examined, endpoint: Endpoint) -> Sent | None:
    """The packet that dialling an endpoint would send; ``None`` where none meets a firewall."""
    if isinstance(endpoint.host, str):
        return None
    if examined.on_host:
        packet = _packet(endpoint.host, endpoint.port, endpoint.protocol, in_interface="")
        return Sent(packet=packet, subject=str(endpoint))
    caller = examined.caller
    if caller is None or endpoint.route is Route.SAME_NAMESPACE:
        return None
    way = way_out(examined, caller, endpoint.host.version, endpoint.network)
    if way is None or (endpoint.route in _ON_BRIDGE and not _filters_bridges(examined)):
        return None
    address, network = way
    packet = _packet(
        endpoint.host,
        endpoint.port,
        endpoint.protocol,
        source=address,
        in_interface=network.interface,
    )
    return Sent(packet=packet, subject=str(endpoint), network=network)


def _packet(
    to: IPv4Address | IPv6Address,
    port: int,
    protocol: str = "tcp",
    *,
    source: IPAddress | None = None,
    in_interface: str | None,
) -> Packet:
    return Packet(
        protocol=protocol,
        source=source,
        destination=to,
        port=port,
        in_interface=in_interface,
        source_type=None if source is None else "UNICAST",
    )


def way_out(
    examined: Examined, caller: Container, family: int, name: str | None = None
) -> tuple[IPAddress, Network] | None:
    """A caller's address and network for an endpoint: of the network named, else one that leads out."""
    places = sorted(caller.networks, key=lambda a: a.network != name)
    for place in places:
        network = examined.network(place.network_id)
        if network is None or not network.is_bridge:
            continue
        if network.internal and place.network != name:
            continue
        address = _address(place, family)
        if address is not None:
            return address, network
    return None


def _address(place: Attachment, family: int) -> IPAddress | None:
    return next((a for a in place.addresses if a.version == family), None)


def _filters_bridges(examined: Examined) -> bool:
    """Whether what crosses a bridge meets the firewall, too."""
    return examined.switches is not None and examined.switches.get(_FILTERS_BRIDGES) == "1"


# What becomes of them.


def judged(examined: Examined, sent: Sent, *, lost: bool = False) -> Finding | None:
    """What a firewall does to a packet, where it does not let it pass.

    Args:
        examined: What was gathered.
        sent: The packet.
        lost: Whether it is known not to pass, so that the likeliest outcome will do.
    """
    if examined.firewall is None or examined.machine is None:
        return None
    told = journey(examined.firewall, sent.packet, examined.machine)
    verdict = told.assumed if lost else told.verdict
    step = told.decisive
    if verdict not in _BLOCKED or step is None:
        return None
    code = _code(step.placed, step.hook, verdict, sent)
    return Finding(
        code=code,
        subject=sent.subject,
        observed=_words(sent, step.placed, verdict),
        evidence=(_evidence(step.placed),),
        fix=_fix(code, sent, step.placed),
    )


def _code(placed: PlacedRule, hook: Hook, verdict: Verdict, sent: Sent) -> Code:
    if hook is Hook.INPUT and sent.network is not None:
        return Code.HOST_REJECTS_CONTAINERS
    if placed.position is None:
        return Code.BLOCKED_BY_POLICY
    return Code.DROPPED_BY_RULE if verdict is Verdict.DROP else Code.REJECTED_BY_RULE


def _words(sent: Sent, placed: PlacedRule, verdict: Verdict) -> str:
    origin = f"from network {sent.network}" if sent.network is not None else "from the host"
    origin = "from outside" if sent.packet.from_afar else origin
    done = {Verdict.DROP: "dropped", Verdict.REJECT: "rejected"}[verdict]
    return f"what goes {origin} to {sent.subject} is {done} by {placed.where}"


def _evidence(placed: PlacedRule) -> Evidence:
    return Evidence(Kind.RULE, placed.where, placed.rule.text or str(placed.rule))


def _fix(code: Code, sent: Sent, placed: PlacedRule) -> Fix:
    packet = sent.packet
    if code is Code.HOST_REJECTS_CONTAINERS and sent.network is not None and packet.port:
        # Only these have numbers that a rule can name.
        port = Port.parse(f"{packet.port}/{packet.protocol}")
        return fixes.let_in(sent.network, "host", [port], packet.version)
    if placed.position is None:
        return Fix((), _RESTART)
    return fixes.delete_rule(placed)


def blocked(examined: Examined) -> Iterator[Finding]:
    """A packet to an endpoint that did not answer does not get through the firewall."""
    lost = {one.endpoint for one in examined.dialled if one.outcome in _LOST}
    for endpoint in examined.silent:
        sent = sent_by(examined, endpoint)
        found = None if sent is None else judged(examined, sent, lost=endpoint in lost)
        if found is not None:
            yield found


# Every published port, where no target was named.


def _reports(examined: Examined) -> tuple[PublishedRules, ...]:
    """The rules of each published port that is examined."""
    if examined.firewall is None or examined.inventory is None or examined.machine is None:
        return ()
    if examined.inventory.engine.apart:
        return ()
    report = firewall_report(
        examined.firewall, examined.published, examined.inventory, examined.machine
    )
    mine = {peer.id for peer in examined.peers}
    found = (r for r in report.published if r.publication.container.id in mine)
    return tuple(r for r in found if _is_asked(examined, r))


def _is_asked(examined: Examined, rules: PublishedRules) -> bool:
    """Whether a published port is one that is examined."""
    target = examined.target
    return target is None or target.port in (None, rules.publication.port)


def on_the_way(examined: Examined) -> Iterator[Finding]:
    """What comes from outside to a published port does not get through."""
    for rules in _reports(examined) if examined.on_host else ():
        told, step = rules.journey, rules.journey.decisive
        if told.verdict in _BLOCKED and step is not None and not rules.missing:
            yield _from_outside(rules, told, step.placed, step.hook)


def _from_outside(rules: PublishedRules, told: Journey, placed: PlacedRule, hook: Hook) -> Finding:
    publication = rules.publication
    subject = f"{publication.container}:{publication.port} at {publication.binding}"
    sent = Sent(packet=told.packet, subject=subject)
    code = _code(placed, hook, told.verdict, sent)
    return Finding(
        code=code,
        subject=subject,
        observed=_words(sent, placed, told.verdict),
        evidence=(_evidence(placed),),
        fix=_fix(code, sent, placed),
    )


def from_containers(examined: Examined) -> Iterator[Finding]:
    """The host lets no packet of a network in to published ports."""
    if examined.target is not None or examined.firewall is None:
        return
    wide = ((p, p.binding.host_port) for p in examined.published if p.binding.is_wildcard)
    ports = [(p, number) for p, number in wide if isinstance(number, int)][:_MOST_PORTS]
    for network in (n for n in examined.bridges if not n.internal):
        for subnet in network.subnets:
            host = network.host_address(subnet.version)
            if host is not None and subnet.num_addresses >= _SMALLEST:
                fits = [(p, n) for p, n in ports if subnet.version in p.binding.families]
                every = [_to_port(network, subnet, host, p.port.protocol, n) for p, n in fits]
                yield from _rejected(examined, network, every)


def _to_port(
    network: Network, subnet: IPNetwork, host: IPAddress, protocol: str, number: int
) -> Sent:
    """What a container of a network would send to a port of the host."""
    packet = _packet(host, number, protocol, source=subnet[-2], in_interface=network.interface)
    where = f"[{host}]" if subnet.version == 6 else str(host)
    return Sent(packet=packet, subject=f"{where}:{number}", network=network)


def _rejected(examined: Examined, network: Network, every: list[Sent]) -> Iterator[Finding]:
    """One finding for all ports that one rule keeps a network from."""
    found = [(sent, told) for sent in every if (told := judged(examined, sent)) is not None]
    rules = dict.fromkeys((told.code, told.evidence) for _, told in found)
    for code, evidence in rules:
        mine = [(s, told) for s, told in found if (told.code, told.evidence) == (code, evidence)]
        (first, told), more = mine[0], len(mine) - 1
        fix = told.fix
        if code is Code.HOST_REJECTS_CONTAINERS:
            ports = [Port.parse(f"{s.packet.port}/{s.packet.protocol}") for s, _ in mine]
            fix = fixes.let_in(network, "host", ports, first.packet.version)
        others = f", and so are {more} ports more" if more else ""
        yield evolve(told, observed=f"{told.observed}{others}", fix=fix)


def missing(examined: Examined) -> Iterator[Finding]:
    """A rule that the engine makes for a published port is not there."""
    for rules in _reports(examined):
        if rules.missing:
            container = rules.publication.container
            lacks = " and ".join(_EFFECTS.get(effect, str(effect)) for effect in rules.missing)
            yield Finding(
                code=Code.MISSING_RULE,
                subject=f"{container}:{rules.publication.port}",
                observed=f"port {rules.publication.port} of {container} is published at "
                f"{rules.publication.binding}, and its {lacks} for IPv{rules.family} is missing",
                evidence=(Evidence(Kind.RULE, _chain(rules.family), "no such rule"),),
                fix=fixes.docker(("restart", str(container))),
            )


_EFFECTS: Final = {Effect.DNAT: "DNAT rule", Effect.ACCEPT: "ACCEPT rule"}


def _chain(family: int) -> str:
    return "ip6 DOCKER" if family == 6 else "ip DOCKER"


def stale(examined: Examined) -> Iterator[Finding]:
    """A rule of the engine's leads to a container that is not there."""
    if examined.firewall is None or examined.inventory is None or examined.machine is None:
        return
    if examined.target is not None or examined.inventory.engine.apart:
        return
    report = firewall_report(
        examined.firewall, examined.published, examined.inventory, examined.machine
    )
    for placed in report.stale:
        yield Finding(
            code=Code.STALE_RULE,
            subject=placed.where,
            observed=f"{placed.where} is for no port that a container publishes",
            evidence=(_evidence(placed),),
            fix=fixes.delete_rule(placed),
        )
