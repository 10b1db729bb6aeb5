"""Checks of the firewall of the engine's host: what becomes of the very packets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import evolve

from dockernet._journey import BLOCKED, Verdict
from dockernet._published_rules import PublishedRules
from dockernet.doctor import fixes
from dockernet.doctor.codes import Code
from dockernet.doctor.examined import Examined
from dockernet.doctor.findings import Evidence, Finding, Fix, Kind
from dockernet.doctor.packets import (
    Sent,
    closes,
    judged,
    kept_off,
    rule_seen,
    sent_by,
    sent_to,
)
from dockernet.model.addresses import IPAddress, IPNetwork
from dockernet.model.firewalls import Effect
from dockernet.model.networks import Network
from dockernet.model.ports import Port

__all__ = [
    "blocked",
    "from_containers",
    "missing",
    "on_the_way",
    "other_ways",
    "stale",
]

_MOST_PORTS: Final = 64  # of those that are tried from each network
_SMALLEST: Final = 4  # addresses of a subnet with room for a host and a container


def blocked(examined: Examined) -> Iterator[Finding]:
    """A packet to an endpoint that did not answer does not get through the firewall."""
    told = {one.endpoint: one.outcome for one in examined.dialled}
    for endpoint in examined.unreached:
        sent = sent_by(examined, endpoint)
        outcome = told.get(endpoint)
        found = None if sent is None else judged(examined, sent, outcome=outcome)
        if found is not None:
            yield found


def other_ways(examined: Examined) -> Iterator[Finding]:
    """A peer answers, and does not where it could be dialled as well."""
    for one in examined.spare:
        sent = sent_by(examined, one.endpoint)
        told = None if sent is None else judged(examined, sent, outcome=one.outcome)
        reply = Evidence(Kind.REPLY, str(one.endpoint), one.word or one.outcome)
        yield Finding(
            code=Code.ANOTHER_WAY_CLOSED,
            subject=str(one.endpoint),
            observed=f"{one.endpoint} ({one.endpoint.route}) was dialled: {one.outcome}; a better "
            "endpoint answers",
            evidence=(reply,) if told is None else (reply, *told.evidence),
            fix=Fix((), "dial the better one") if told is None else told.fix,
        )


# Every published port, where no target was named.


def _reports(examined: Examined) -> tuple[PublishedRules, ...]:
    """The rules of each published port that is examined."""
    report = examined.firewall_report
    every = () if report is None else report.published
    mine = {peer.id for peer in examined.peers}
    found = (r for r in every if r.publication.container.id in mine)
    return tuple(r for r in found if _is_asked(examined, r))


def _is_asked(examined: Examined, rules: PublishedRules) -> bool:
    """Whether a published port is one that is examined."""
    target = examined.target
    return target is None or target.port in (None, rules.publication.port)


def on_the_way(examined: Examined) -> Iterator[Finding]:
    """What comes from outside to a published port does not get through."""
    every = _reports(examined) if examined.on_host else ()
    entered = {_end(rules) for rules in every if rules.journey.verdict is Verdict.ACCEPT}
    for rules in every:
        told, step = rules.journey, rules.journey.decisive
        if told.packet.destination is None:
            continue  # the host has no address of that family
        if step is not None and _end(rules) in entered and closes(step):
            continue  # the host is closed, and the other family leads to the peer
        if told.verdict in BLOCKED and step is not None and not rules.missing:
            yield kept_off(Sent(packet=told.packet, subject=_end_at(rules)), told.verdict, step)


def _end(rules: PublishedRules) -> tuple[str, Port]:
    return rules.publication.container.id, rules.publication.port


def _end_at(rules: PublishedRules) -> str:
    publication = rules.publication
    return f"{publication.container}:{publication.port} at {publication.binding}"


def from_containers(examined: Examined) -> Iterator[Finding]:
    """A rule lets no packet of a network in to published ports."""
    if examined.target is not None or examined.firewall is None:
        return
    wide = ((p, p.binding.host_port) for p in examined.published if p.binding.is_wildcard)
    ports = [(p, number) for p, number in wide if isinstance(number, int)][:_MOST_PORTS]
    used = {a.network_id for c in examined.containers if c.running for a in c.networks}
    for network in (n for n in examined.bridges if not n.internal and n.id in used):
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
    packet = sent_to(host, number, protocol, source=subnet[-2], in_interface=network.interface)
    where = f"[{host}]" if subnet.version == 6 else str(host)
    return Sent(packet=packet, subject=f"{where}:{number}", network=network)


def _rejected(examined: Examined, network: Network, every: list[Sent]) -> Iterator[Finding]:
    """One finding for all ports that one rule keeps a network from."""
    judgements = ((sent, judged(examined, sent, wanted=False)) for sent in every)
    found = [(sent, told) for sent, told in judgements if told is not None]
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
        # Without rules and without a proxy nobody comes in.
        absent = rules.absent if examined.proxied is False else rules.missing
        if absent:
            container = rules.publication.container
            lacks = " and ".join(_EFFECTS.get(effect, str(effect)) for effect in absent)
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
    report = examined.firewall_report
    for placed in () if report is None or examined.target is not None else report.stale:
        yield Finding(
            code=Code.STALE_RULE,
            subject=placed.where,
            observed=f"{placed.where} is for no port that a container publishes",
            evidence=(rule_seen(placed),),
            fix=fixes.delete_rule(placed),
        )
