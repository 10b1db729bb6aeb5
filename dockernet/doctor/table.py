"""The table of checks, and what comes of walking it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from attrs import evolve

from dockernet.doctor import engines, kernel, names, outside, peers, rules, unseen, ways
from dockernet.doctor.codes import Code, Theme
from dockernet.doctor.examined import Examined
from dockernet.doctor.findings import Finding, Report, in_order

__all__ = ["CHECKS", "Check", "report"]

Check = Callable[[Examined], Iterable[Finding]]

CHECKS: Final[tuple[Check, ...]] = (
    engines.trouble,
    engines.oldest_api,
    engines.swarm,
    ways.refusals,
    ways.unknown,
    ways.dialled,
    ways.one_family,
    peers.listening,
    peers.unhealthy,
    peers.restarting,
    peers.host_ports,
    kernel.forwarding_v4,
    kernel.forwarding_v6,
    kernel.bridge_filter,
    kernel.overlaps,
    rules.blocked,
    rules.other_ways,
    rules.on_the_way,
    rules.from_containers,
    rules.missing,
    rules.stale,
    names.no_names,
    names.other_network,
    names.embedded_dns,
    names.stale_variables,
    names.stale_lines,
    names.doubled_lines,
    outside.dialled,
    outside.name_servers,
    outside.route,
    outside.internal,
    outside.masquerade,
    outside.rules,
    unseen.unseen,
)
"""Every check. A new one is a function, and a row here; its code has a row in ``codes``."""


_OF_A_PACKET: Final = frozenset(
    {
        Code.DROPPED_BY_RULE,
        Code.REJECTED_BY_RULE,
        Code.HOST_REJECTS_CONTAINERS,
        Code.BLOCKED_BY_POLICY,
    }
)

_OF_A_FAMILY: Final = {Code.IPV4_FORWARDING_OFF: 4, Code.IPV6_FORWARDING_OFF: 6}
_OF_AN_END: Final = frozenset({Theme.PEER, Theme.FIREWALL, Theme.OUTSIDE})


def report(examined: Examined) -> Report:
    """Walk the table of checks over what was gathered."""
    found = [finding for check in CHECKS for finding in check(examined)]
    return Report(
        target="" if examined.target is None else str(examined.target),
        stand=_stand(examined),
        findings=in_order(_explained(found, str(examined.outside))),
        notes=tuple(_notes(examined)),
    )


def _stand(examined: Examined) -> str:
    place = str(examined.standing or examined.vantage)
    return f"{place}, as recorded" if examined.recorded else place


def _explained(findings: Iterable[Finding], world: str) -> Iterator[Finding]:
    """Findings, with what each is due to where that was found as well.

    Args:
        findings: The findings.
        world: The target beyond, as the findings about it name it.
    """
    every = tuple(findings)
    for finding in every:
        found = [
            next((f for f in every if f.code is code and _explains(f, finding, world)), None)
            for code in ways.CAUSES.get(finding.code, ())
        ]
        causes = [cause for cause in found if cause is not None]
        codes = tuple(cause.code for cause in causes)
        yield evolve(finding, causes=codes, fix=causes[0].fix) if causes else finding


def _explains(cause: Finding, finding: Finding, world: str) -> bool:
    """Whether it can be the cause.

    A rule is one for the very packet that it was tried with. What is of a peer is none for
    the outside, nor the other way round.
    """
    if cause.code in _OF_A_PACKET:
        return cause.subject in {evidence.where for evidence in finding.evidence}
    if cause.code in _OF_A_FAMILY:
        families = {6 if evidence.where.startswith("[") else 4 for evidence in finding.evidence}
        return _OF_A_FAMILY[cause.code] in families
    if cause.entry.theme in _OF_AN_END:
        return (cause.subject == world) == (finding.subject == world)
    return True


def _notes(examined: Examined) -> Iterator[str]:
    for one in examined.dialled:
        if one.answered:
            yield f"{one.endpoint} ({one.endpoint.route}) was dialled, and answers"
    if examined.outside is not None and examined.outside.reached:
        yield f"{examined.outside} was dialled, and answers"
    if any(e.protocol != "tcp" for e in examined.endpoints):
        yield "only tcp is dialled: nothing tells whether a datagram arrives"
    yield from engines.notes(examined)
