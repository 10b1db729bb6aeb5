"""The table of checks, and what comes of walking it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from attrs import evolve

from dockernet.doctor import engines, kernel, names, outside, peers, rules, unseen, ways
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


def report(examined: Examined) -> Report:
    """Walk the table of checks over what was gathered."""
    found = [finding for check in CHECKS for finding in check(examined)]
    return Report(
        target="" if examined.target is None else str(examined.target),
        stand=_stand(examined),
        findings=in_order(_explained(found)),
        notes=tuple(_notes(examined)),
    )


def _stand(examined: Examined) -> str:
    place = str(examined.standing or examined.vantage)
    return f"{place}, as recorded" if examined.recorded else place


def _explained(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings, with what each is due to where that was found as well."""
    every = tuple(findings)
    there = {finding.code: finding for finding in reversed(every)}
    for finding in every:
        causes = tuple(c for c in ways.CAUSES.get(finding.code, ()) if c in there)
        yield evolve(finding, causes=causes, fix=there[causes[0]].fix) if causes else finding


def _notes(examined: Examined) -> Iterator[str]:
    for one in examined.dialled:
        if one.answered:
            yield f"{one.endpoint} ({one.endpoint.route}) was dialled, and answers"
    if examined.outside is not None and examined.outside.reached:
        yield f"{examined.outside} was dialled, and answers"
    if any(e.protocol != "tcp" for e in examined.endpoints):
        yield "only tcp is dialled: nothing tells whether a datagram arrives"
    yield from engines.notes(examined)
