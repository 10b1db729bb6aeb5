"""Checks of the peers: what listens in them, how they are, who has their host ports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dockernet.doctor import fixes
from dockernet.doctor.codes import Code
from dockernet.doctor.examined import Examined, Listening
from dockernet.doctor.findings import Evidence, Finding, Fix, Kind
from dockernet.formats.sockets import Listener
from dockernet.model.conflicts import PortConflict
from dockernet.model.containers import Container
from dockernet.model.ports import Port
from dockernet.refusals import Route

__all__ = ["host_ports", "listening", "restarting", "unhealthy"]

_EMBEDDED = "127.0.0.11"  # where the embedded DNS listens (moby, daemon/libnetwork/resolver.go)
_MOST = 8  # of the sockets that are told
_INIT = 1  # it listens for others, as systemd does, and must not end
# Over loopback one is where the peer is: its loopback is this one.
_SAME_PLACE = frozenset({Route.SAME_NAMESPACE, Route.HOST_MODE})


def listening(examined: Examined) -> Iterator[Finding]:
    """What is dialled is not what the application listens on."""
    if examined.answered:
        return
    for peer in (p for p in examined.peers if p.running):
        known = examined.listeners_of(peer)
        for port in examined.ports_of(peer) if known is not None else ():
            yield from _port(examined, peer, port, known)


def _port(
    examined: Examined, peer: Container, port: Port, known: Listening | None
) -> Iterator[Finding]:
    if known is None or port.protocol not in ("tcp", "udp"):
        return
    own = [one for one in known.listeners if str(one.address) != _EMBEDDED]
    mine = [one for one in own if (one.protocol, one.port) == (port.protocol, port.number)]
    if not mine:
        yield _absent(peer, port, own, known)
    elif all(one.address.is_loopback for one in mine) and not _over_loopback(examined):
        at = ", ".join(dict.fromkeys(str(one.address) for one in mine))
        yield Finding(
            code=Code.LISTENS_ON_LOOPBACK,
            subject=f"{peer}:{port}",
            observed=f"port {port} of {peer} is listened on at {at} alone, inside of it",
            evidence=_seen(mine, known),
            fix=Fix((), f"set the application in {peer} to listen on 0.0.0.0 or ::"),
        )


def _absent(peer: Container, port: Port, own: Iterable[Listener], known: Listening) -> Finding:
    others = [one for one in own if one.protocol == port.protocol]
    hosted = peer.network_mode == "host"  # what else listens there is of the host
    if hosted or not others:
        place = (
            f"port {port} of the host, where {peer} is" if hosted else f"{port.protocol} in {peer}"
        )
        return Finding(
            code=Code.NOTHING_LISTENS,
            subject=f"{peer}:{port}",
            observed=f"nothing listens on {place}",
            evidence=(Evidence(Kind.FILE, f"{known.table}/{port.protocol}", "no socket listens"),),
            fix=Fix((), f"start the application; docker logs {peer} shows what it says"),
        )
    every = tuple(dict.fromkeys(f"{o.port}/{o.protocol}" for o in others))
    ports = ", ".join(every[:_MOST]) + (f" and {len(every) - _MOST} more" if every[_MOST:] else "")
    return Finding(
        code=Code.LISTENS_ON_ANOTHER_PORT,
        subject=f"{peer}:{port}",
        observed=f"nothing listens on port {port} of {peer}; its application listens on {ports}",
        evidence=_seen(others, known),
        fix=Fix((), f"dial or publish {ports}, or set the application to {port}"),
    )


def _seen(found: Iterable[Listener], known: Listening) -> tuple[Evidence, ...]:
    sockets = ((one.protocol, f"{one.address} port {one.port}") for one in found)
    return tuple(
        Evidence(Kind.FILE, f"{known.table}/{protocol}", text)
        for protocol, text in tuple(dict.fromkeys(sockets))[:_MOST]
    )


def _over_loopback(examined: Examined) -> bool:
    """Whether the peer is dialled over loopback, where such a socket does answer."""
    return any(
        e.route in _SAME_PLACE and not isinstance(e.host, str) and e.host.is_loopback
        for e in examined.endpoints
    )


def unhealthy(examined: Examined) -> Iterator[Finding]:
    """A peer's own health check fails."""
    for peer in (p for p in examined.peers if p.running and p.health == "unhealthy"):
        yield Finding(
            code=Code.UNHEALTHY,
            subject=str(peer),
            observed=f"{peer} is unhealthy by its own health check",
            evidence=(Evidence(Kind.ENGINE, str(peer), "State.Health.Status unhealthy"),),
            fix=Fix((), f"docker inspect {peer} has under State.Health what the check says"),
        )


def restarting(examined: Examined) -> Iterator[Finding]:
    """A peer ends again and again."""
    for peer in (p for p in examined.peers if p.state == "restarting"):
        yield Finding(
            code=Code.RESTARTING,
            subject=str(peer),
            observed=f"{peer} ends, and is started again",
            evidence=(Evidence(Kind.ENGINE, str(peer), "State.Status restarting"),),
            fix=Fix((), f"docker logs {peer} shows why it ends"),
        )


def host_ports(examined: Examined) -> Iterator[Finding]:
    """A peer that does not run was made with a host port that somebody else has."""
    for peer in (p for p in examined.peers if not p.running):
        for conflict in examined.conflicts.get(peer.id, ()):
            yield Finding(
                code=Code.HOST_PORT_HELD,
                subject=str(peer),
                observed=f"{peer} is {peer.state}, and {conflict}",
                evidence=(Evidence(_kind(conflict), str(conflict.host_port), conflict.holder),),
                fix=_freed(peer, conflict),
            )


def _kind(conflict: PortConflict) -> Kind:
    return Kind.ENGINE if conflict.container is not None else Kind.FILE


def _freed(peer: Container, conflict: PortConflict) -> Fix:
    change = "publish another host port"
    start = ("start", str(peer))
    if conflict.container is not None:
        return fixes.docker(("stop", conflict.container), start, change=change)
    if conflict.pid in (None, _INIT):
        return Fix((), f"stop who holds it, or {change}")
    ended = ("kill", str(conflict.pid))
    fix = fixes.docker(start, change=change)
    return Fix((ended, *fix.commands), change) if fix.commands else fix
