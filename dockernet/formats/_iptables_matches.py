"""What a match of iptables asks of a packet.

Options are those of iptables(8) and iptables-extensions(8). A new one is a row in one of
the tables below; one that is not there is a doubt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from dockernet.errors import FormatError
from dockernet.model.addresses import IPNetwork, parse_network
from dockernet.model.conditions import (
    Condition,
    Destination,
    DestinationPorts,
    DestinationType,
    Direction,
    InInterface,
    Mark,
    OriginalDestination,
    OriginalPorts,
    OutInterface,
    Ports,
    Protocols,
    Source,
    SourcePorts,
    SourceType,
    States,
)
from dockernet.model.packets import protocol_name

__all__ = ["GENERAL", "LIMITS", "MATCHES", "PROTOCOLS", "Reads", "flag_names", "port_number"]

_HIGHEST_PORT: Final = 65535
_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10}")
_DIRECTIONS: Final[Mapping[str, bool]] = {"ORIGINAL": True, "REPLY": False}


# What the values of options mean. Each raises a FormatError where it cannot tell.


def _networks(text: str) -> tuple[IPNetwork, ...]:
    return tuple(map(parse_network, text.split(",")))


def _ports(text: str) -> Ports:
    """Ports and ranges, as the matches tcp, udp and multiport have them."""
    return tuple(map(_span, text.split(",")))


def _span(text: str) -> tuple[int, int]:
    first, colon, last = text.partition(":")
    if not colon:
        return port_number(first), port_number(first)
    return port_number(first or "0"), port_number(last or str(_HIGHEST_PORT))


def port_number(text: str) -> int:
    """The number of a port.

    Raises:
        FormatError: It is none.
    """
    if text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= _HIGHEST_PORT:
        return int(text)
    raise FormatError(text, f"expected a port from 0 to {_HIGHEST_PORT}")


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def flag_names(text: str) -> tuple[str, ...]:
    """The names of TCP flags."""
    return _SETS_OF_FLAGS.get(text, _names(text))


def _mark(text: str, /, *, negated: bool) -> Mark:
    value, _, mask = text.partition("/")
    numbers = [_number(value), *([_number(mask)] if mask else [])]
    return Mark(*numbers, negated=negated)


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise FormatError(text, "expected a number")
    return int(text, 16) if text[:2] in ("0x", "0X") else int(text)


def _direction(text: str, /, *, negated: bool) -> Direction:
    if text not in _DIRECTIONS:
        raise FormatError(text, "expected ORIGINAL or REPLY")
    return Direction(_DIRECTIONS[text], negated=negated)


class Reads(Protocol):
    """What makes a condition of an option's value, and of whether ``!`` is before it."""

    def __call__(self, value: str, /, *, negated: bool) -> Condition: ...


def _made(kind: Callable[..., Condition], read: Callable[[str], object]) -> Reads:
    def condition(value: str, /, *, negated: bool) -> Condition:
        return kind(read(value), negated=negated)

    return condition


def _interface(text: str) -> tuple[str, ...]:
    return (text,)


def _protocols(text: str) -> tuple[str, ...]:
    return (protocol_name(text),)


# The options of every rule.
GENERAL: Final[Mapping[str, Reads]] = {
    "-s": _made(Source, _networks),
    "-d": _made(Destination, _networks),
    "-i": _made(InInterface, _interface),
    "-o": _made(OutInterface, _interface),
    "-p": _made(Protocols, _protocols),
}
_TRANSPORTS: Final = ("tcp", "udp", "sctp")
# The matches that ask for nothing by themselves.
PROTOCOLS: Final = frozenset({*_TRANSPORTS, "comment", "dccp", "icmp", "icmp6", "udplite"})
LIMITS: Final = frozenset({"--limit-iface-in", "--limit-iface-out"})
_ALL_FLAGS: Final = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")
_SETS_OF_FLAGS: Final[Mapping[str, tuple[str, ...]]] = {"ALL": _ALL_FLAGS, "NONE": ()}

# The options of matches, each with one value.
MATCHES: Final[Mapping[tuple[str, str], Reads]] = {
    **{(name, "--sport"): _made(SourcePorts, _ports) for name in _TRANSPORTS},
    **{(name, "--dport"): _made(DestinationPorts, _ports) for name in _TRANSPORTS},
    ("multiport", "--sports"): _made(SourcePorts, _ports),
    ("multiport", "--dports"): _made(DestinationPorts, _ports),
    ("conntrack", "--ctstate"): _made(States, _names),
    ("conntrack", "--ctorigdst"): _made(OriginalDestination, _networks),
    ("conntrack", "--ctorigdstport"): _made(OriginalPorts, _ports),
    ("conntrack", "--ctdir"): _direction,
    ("state", "--state"): _made(States, _names),
    ("mark", "--mark"): _mark,
    ("addrtype", "--src-type"): _made(SourceType, _names),
    ("addrtype", "--dst-type"): _made(DestinationType, _names),
}
