"""Checks of the way to a peer: what cannot work, and what came of dialling."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from dockernet.doctor import fixes
from dockernet.doctor.codes import ENTRIES, Code
from dockernet.doctor.examined import Examined
from dockernet.doctor.findings import Evidence, Finding, Fix, Kind
from dockernet.doctor.names import strangers
from dockernet.model.containers import Container
from dockernet.model.explanations import NOT_HEARD, Explanation
from dockernet.model.places import Dialled, Outcome
from dockernet.refusals import Reason, Refusal

__all__ = ["CAUSES", "DIALLED", "dialled", "one_family", "refusals", "unknown"]

DIALLED: Final[Mapping[Outcome, Code]] = {
    Outcome.REFUSED: Code.REFUSED,
    Outcome.CLOSED: Code.CLOSED_AT_ONCE,
    Outcome.TIMED_OUT: Code.TIMED_OUT,
    Outcome.NO_ROUTE: Code.NO_ROUTE_TO_HOST,
    Outcome.UNREACHABLE: Code.NETWORK_UNREACHABLE,
    Outcome.NO_NAME: Code.NAME_NOT_FOUND,
    Outcome.FAILED: Code.DIAL_FAILED,
}
"""The code for each outcome but the good one."""

_IN_THE_PEER: Final = (
    Code.LISTENS_ON_LOOPBACK,
    Code.LISTENS_ON_ANOTHER_PORT,
    Code.NOTHING_LISTENS,
    Code.RESTARTING,
)
_ON_THE_WAY: Final = (
    Code.DROPPED_BY_RULE,
    Code.REJECTED_BY_RULE,
    Code.HOST_REJECTS_CONTAINERS,
    Code.BLOCKED_BY_POLICY,
    Code.MISSING_RULE,
    Code.STALE_RULE,
    Code.IPV4_FORWARDING_OFF,
    Code.IPV6_FORWARDING_OFF,
    Code.OVERLAPPING_SUBNETS,
    Code.INTERNAL_NETWORK,
    Code.NO_DEFAULT_ROUTE,
    Code.NO_MASQUERADE,
)
_OF_NAMES: Final = (Code.UPSTREAM_DNS_DEAD, Code.EMBEDDED_DNS_SILENT)

CAUSES: Final[Mapping[Code, tuple[Code, ...]]] = {
    Code.REFUSED: (*_IN_THE_PEER, Code.REJECTED_BY_RULE, Code.MISSING_RULE, Code.STALE_RULE),
    Code.CLOSED_AT_ONCE: _IN_THE_PEER,
    Code.TIMED_OUT: _ON_THE_WAY,
    Code.NO_ROUTE_TO_HOST: _ON_THE_WAY,
    Code.NETWORK_UNREACHABLE: (Code.NO_DEFAULT_ROUTE, Code.INTERNAL_NETWORK),
    Code.NAME_NOT_FOUND: _OF_NAMES,
    Code.DIAL_FAILED: _ON_THE_WAY,
    Code.ONE_FAMILY_ANSWERS: (*_IN_THE_PEER, *_ON_THE_WAY),
}
"""What each outcome may be due to, where it is found as well."""


# What the table of routes refuses.


def refusals(examined: Examined) -> Iterator[Finding]:
    """No route leads to the peer."""
    told = examined.explanation
    if told is None or told.endpoints or strangers(examined):
        return
    restarting = {str(peer) for peer in examined.peers if peer.state == "restarting"}
    for refusal in told.refusals:
        if refusal.reason is Reason.NOT_RUNNING and restarting:
            continue  # it is a finding of its own
        yield Finding(
            code=Code(refusal.reason.value),
            subject=told.target,
            observed=refusal.detail,
            fix=_fix(examined, refusal),
        )


def _fix(examined: Examined, refusal: Refusal) -> Fix:
    made = _FIXES.get(refusal.reason)
    states = _STATES.get(refusal.reason)
    meant = (p for p in examined.peers if states is None or p.state in states)
    peer = next(meant, None)
    fix = None if made is None or peer is None else made(examined, peer)
    return Fix((), refusal.fix) if fix is None else fix


def _start(_: Examined, peer: Container) -> Fix:
    return fixes.docker(("start", str(peer)))


def _unpause(_: Examined, peer: Container) -> Fix:
    return fixes.docker(("unpause", str(peer)))


def _attach(examined: Examined, peer: Container) -> Fix | None:
    """Connect the peer to where the caller is, or to the default bridge."""
    caller = examined.caller
    names = [a.network for a in caller.networks if a.addresses] if caller is not None else []
    return None if peer.shares_network_of else fixes.connect(peer, next(iter(names), "bridge"))


def _join(examined: Examined, peer: Container) -> Fix | None:
    """Connect the caller to where the peer is."""
    caller = examined.caller
    theirs = next((a.network for a in examined.owner_of(peer).networks if a.addresses), None)
    if caller is None or theirs is None:
        return None
    port = next(iter(examined.ports_of(peer)), None)
    return fixes.connect(caller, theirs, f"publish port {port}" if port else "")


def _together(examined: Examined, peer: Container) -> Fix | None:
    caller = examined.caller
    return None if caller is None else fixes.together(caller, examined.owner_of(peer))


def _bridge(examined: Examined, peer: Container) -> Fix:
    return fixes.connect(examined.owner_of(peer), "bridge")


def _out(examined: Examined, _: Container) -> Fix | None:
    caller = examined.caller
    return None if caller is None else fixes.connect(caller, "bridge")


_FIXES: Final[Mapping[Reason, Callable[[Examined, Container], Fix | None]]] = {
    Reason.NOT_RUNNING: _start,
    Reason.PAUSED: _unpause,
    Reason.NO_NETWORK: _attach,
    Reason.NO_SHARED_NETWORK: _join,
    Reason.PUBLISHED_ON_LOOPBACK: _join,
    Reason.ICC_DISABLED: _together,
    Reason.NOT_EXPOSED: _together,
    Reason.DRIVER_NOT_ROUTED: _bridge,
    Reason.HOST_ADDRESS_UNKNOWN: _out,
}
"""Commands, for the reasons that some mend; the others have the refusal's own words."""

_STATES: Final[Mapping[Reason, frozenset[str]]] = {
    Reason.NOT_RUNNING: frozenset({"created", "exited"}),
    Reason.PAUSED: frozenset({"paused"}),
}
"""Whom they mend: of several replicas not all are, and what is dead does not start again."""


def unknown(examined: Examined) -> Iterator[Finding]:
    """No source knows the peer, or several fit."""
    told = examined.explanation
    if told is None or told.endpoints or told.refusals or strangers(examined):
        return
    close = f"did you mean {' or '.join(told.near_misses)}?" if told.near_misses else ""
    if told.notes:
        yield Finding(
            code=Code.AMBIGUOUS_PEER,
            subject=told.target,
            observed=told.notes[0],
            fix=Fix((), close or ENTRIES[Code.AMBIGUOUS_PEER].mend),
        )
    elif examined.trouble is None:
        heard = "" if _was_heard(told) else " that was heard"
        yield Finding(
            code=Code.UNKNOWN_PEER,
            subject=told.target,
            observed=f"no source{heard} knows {told.target} (asked: {', '.join(told.asked)})",
            fix=Fix((), close or "look for a mistake in the name: dockernet peers"),
        )


def _was_heard(told: Explanation) -> bool:
    """Whether every source was heard, so that a name is known by none."""
    return all(diagnostic.subject != NOT_HEARD for diagnostic in told.diagnostics)


# What came of dialling.


def dialled(examined: Examined) -> Iterator[Finding]:
    """An endpoint does not answer."""
    spare = examined.spare
    for one in examined.dialled:
        if not (one.answered or one in spare or _is_family_alone(examined, one)):
            yield _unanswered(one, examined.explanation.target if examined.explanation else "")


def _unanswered(one: Dialled, subject: str) -> Finding:
    code, endpoint = DIALLED[one.outcome], one.endpoint
    return Finding(
        code=code,
        subject=subject,
        observed=f"{endpoint} ({endpoint.route}) was dialled: {one.outcome}",
        evidence=(_reply(one),),
        fix=Fix((), ENTRIES[code].mend),
    )


def _reply(one: Dialled) -> Evidence:
    return Evidence(Kind.REPLY, str(one.endpoint), one.word or one.outcome)


def one_family(examined: Examined) -> Iterator[Finding]:
    """One address family answers, and the other does not."""
    silent = [one for one in examined.dialled if _is_family_alone(examined, one)]
    for family in sorted({one.endpoint.family or 0 for one in silent}):
        mine = tuple(one for one in silent if one.endpoint.family == family)
        yield Finding(
            code=Code.ONE_FAMILY_ANSWERS,
            subject=examined.explanation.target if examined.explanation else "",
            observed=f"over IPv{family} nobody answers ({mine[0].outcome}), over the other family "
            "somebody does",
            evidence=tuple(map(_reply, mine)),
            fix=Fix((), ENTRIES[Code.ONE_FAMILY_ANSWERS].mend),
        )


def _is_family_alone(examined: Examined, one: Dialled) -> bool:
    """Whether it is silent with its whole family, and the other family answers."""
    family = one.endpoint.family
    answering = {other.endpoint.family for other in examined.dialled if other.answered}
    return not one.answered and bool(answering) and family not in answering
