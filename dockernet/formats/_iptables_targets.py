"""What a target of iptables does with a packet.

Targets are those of iptables-extensions(8). A new one is a row in the table below; any
other name is a chain's, or a target that nobody here knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dockernet.errors import FormatError
from dockernet.formats._iptables_matches import port_number
from dockernet.model.addresses import parse_address
from dockernet.model.firewalls import Effect, NewDestination

__all__ = ["effect_of", "new_destination_of"]

_TARGETS: Final[Mapping[str, Effect]] = {
    "ACCEPT": Effect.ACCEPT,
    "DROP": Effect.DROP,
    "REJECT": Effect.REJECT,
    "RETURN": Effect.RETURN,
    "DNAT": Effect.DNAT,
    "REDIRECT": Effect.DNAT,
    "SNAT": Effect.SNAT,
    "MASQUERADE": Effect.SNAT,
    "MARK": Effect.MARK,
    "CONNMARK": Effect.MARK,
    "CONNSECMARK": Effect.NOTHING,
    "SECMARK": Effect.NOTHING,
    "NOTRACK": Effect.UNTRACK,
    "CT": Effect.NOTHING,  # but with --notrack
    **dict.fromkeys(
        (
            "AUDIT",
            "CHECKSUM",
            "CLASSIFY",
            "DSCP",
            "ECN",
            "HL",
            "LED",
            "LOG",
            "NFLOG",
            "SET",
            "TCPMSS",
            "TCPOPTSTRIP",
            "TEE",
            "TOS",
            "TRACE",
            "TTL",
            "ULOG",
        ),
        Effect.NOTHING,
    ),
    **dict.fromkeys(
        ("BALANCE", "DNPT", "IDLETIMER", "NETMAP", "NFQUEUE", "QUEUE", "RATEEST", "SNPT"),
        Effect.UNKNOWN,
    ),
    **dict.fromkeys(("CLUSTERIP", "SYNPROXY", "TPROXY"), Effect.UNKNOWN),
}


def effect_of(target: str, options: Mapping[str, str]) -> Effect:
    """What a target, or a chain of that name, does; none does nothing."""
    if not target:
        return Effect.NOTHING
    if "--notrack" in options:
        return Effect.UNTRACK
    return _TARGETS.get(target, Effect.JUMP)


def new_destination_of(target: str, options: Mapping[str, str]) -> NewDestination | None:
    """Where a target sends a packet instead."""
    if target == "REDIRECT":
        return _redirected(options.get("--to-ports", ""))
    if target == "DNAT":
        return _translated(options.get("--to-destination", ""))
    return None


def _redirected(text: str) -> NewDestination:
    if not text:
        return NewDestination(here=True)
    try:
        return NewDestination(port=port_number(text), here=True)
    except FormatError:
        return NewDestination(here=True, several=True)


def _translated(text: str) -> NewDestination:
    """``ADDRESS``, ``ADDRESS:PORT``, ``[ADDRESS]:PORT`` or ``:PORT``; else there is a choice."""
    host, _, port = text.rpartition(":") if _has_port(text) else (text, "", "")
    try:
        return NewDestination(
            address=parse_address(host) if host else None, port=port_number(port) if port else None
        )
    except FormatError:
        return NewDestination(several=True)


def _has_port(text: str) -> bool:
    return "]:" in text or text.count(":") == 1
