"""Checks of the engine itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dockernet.doctor.codes import Code
from dockernet.doctor.examined import Examined, TroubleKind
from dockernet.doctor.findings import Evidence, Finding, Fix, Kind
from dockernet.model.facts import NEWEST_API, EngineProfile

__all__ = ["notes", "oldest_api", "swarm", "trouble"]

_TROUBLES: Final = {
    TroubleKind.UNREACHABLE: (
        Code.ENGINE_UNREACHABLE,
        "start the engine, or say which one is meant: DOCKER_HOST, a context, --host",
    ),
    TroubleKind.FORBIDDEN: (
        Code.ENGINE_FORBIDDEN,
        "join the group docker and log in anew, or be root",
    ),
    TroubleKind.LATE: (
        Code.ENGINE_LATE,
        "look into the engine's log, or wait longer with --timeout",
    ),
}
_SICK: Final = {
    "locked": Fix((("docker", "swarm", "unlock"),)),
    "error": Fix((), "look into the engine's log, or leave with docker swarm leave"),
}
_DIGITS: Final = 5


def trouble(examined: Examined) -> Iterator[Finding]:
    """The engine cannot be asked."""
    if examined.trouble is not None:
        code, change = _TROUBLES[examined.trouble.kind]
        yield Finding(
            code=code, subject="engine", observed=examined.trouble.reason, fix=Fix((), change)
        )


def oldest_api(examined: Examined) -> Iterator[Finding]:
    """The engine speaks no API version that is known here."""
    if examined.inventory is None:
        return
    oldest = examined.inventory.engine.oldest_api
    if _numbers(oldest) > _numbers(NEWEST_API):
        yield Finding(
            code=Code.API_UNTRIED,
            subject="engine",
            observed=f"the engine speaks API {oldest} and newer, and {NEWEST_API} is the newest "
            "that was tried",
            evidence=(Evidence(Kind.ENGINE, "/version", f"MinAPIVersion {oldest}"),),
            fix=Fix((), "update dockernet"),
        )


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    fit = all(p.isascii() and p.isdigit() and len(p) <= _DIGITS for p in parts)
    return tuple(map(int, parts)) if fit else ()


def swarm(examined: Examined) -> Iterator[Finding]:
    """The engine is in a swarm that does not work."""
    state = "" if examined.inventory is None else examined.inventory.engine.swarm
    if state in _SICK:
        yield Finding(
            code=Code.SWARM_TROUBLE,
            subject="engine",
            observed=f"the engine's swarm is {state}",
            evidence=(Evidence(Kind.ENGINE, "/info", f"Swarm.LocalNodeState {state}"),),
            fix=_SICK[state],
        )


def notes(examined: Examined) -> Iterator[str]:
    """What the engine is: no fault in itself."""
    if examined.inventory is None:
        return
    engine = examined.inventory.engine
    kind = "Podman" if engine.podman else "Engine"
    versions = f"API {engine.oldest_api or '?'} to {engine.api_version or '?'}"
    yield f"{kind} {engine.version or 'of no known version'} on {engine.name or '?'}, {versions}"
    yield from (note for flag, note in _traits(engine) if flag)
    if examined.proxied is not None:
        yield f"published ports have a userland proxy: {'yes' if examined.proxied else 'no'}"


def _traits(engine: EngineProfile) -> tuple[tuple[bool, str], ...]:
    return (
        (engine.rootless, "it runs without root: its networks are in a namespace of its own"),
        (engine.desktop, "it is Docker Desktop: its networks are in a virtual machine"),
        (bool(engine.firewall), f"it keeps its firewall rules in {engine.firewall}"),
        (engine.swarm not in ("", "inactive"), f"its swarm is {engine.swarm}"),
    )
