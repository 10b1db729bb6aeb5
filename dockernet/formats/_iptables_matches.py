"""What a match of iptables asks of a packet.

Options are those of iptables(8) and iptables-extensions(8). A new one is a row in one of
the tables below; one that is not there is a doubt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from dockernet.errors import FormatError
from dockernet.formats._condition_values import Reads, made
from dockernet.model.addresses import IPNetwork, parse_network
from dockernet.model.conditions import (
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

__all__ = ["GENERAL", "LIMITS", "MATCHES", "PROTOCOLS", "flag_names", "port_number"]

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


def _mark(text: str, /, *, negated: bool = False) -> Mark:
    value, _, mask = text.partition("/")
    numbers = [_number(value), *([_number(mask)] if mask else [])]
    return Mark(*numbers, negated=negated)


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise FormatError(text, "expected a number")
    return int(text, 16) if text[:2] in ("0x", "0X") else int(text)


def _direction(text: str, /, *, negated: bool = False) -> Direction:
    if text not in _DIRECTIONS:
        raise FormatError(text, "expected ORIGINAL or REPLY")
    return Direction(_DIRECTIONS[text], negated=negated)


def _interface(text: str) -> tuple[str, ...]:
    return (text,)


def _protocols(text: str) -> tuple[str, ...]:
    return (protocol_name(text),)


# The options of every rule.
GENERAL: Final[Mapping[str, Reads[str]]] = {
    "-s": made(Source, _networks),
    "-d": made(Destination, _networks),
    "-i": made(InInterface, _interface),
    "-o": made(OutInterface, _interface),
    "-p": made(Protocols, _protocols),
}
_TRANSPORTS: Final = ("tcp", "udp", "sctp")
# The matches that ask for nothing by themselves.
PROTOCOLS: Final = frozenset({*_TRANSPORTS, "comment", "dccp", "icmp", "icmp6", "udplite"})
LIMITS: Final = frozenset({"--limit-iface-in", "--limit-iface-out"})
_ALL_FLAGS: Final = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")
_SETS_OF_FLAGS: Final[Mapping[str, tuple[str, ...]]] = {"ALL": _ALL_FLAGS, "NONE": ()}

# The options of matches, each with one value.
MATCHES: Final[Mapping[tuple[str, str], Reads[str]]] = {
    **{(name, "--sport"): made(SourcePorts, _ports) for name in _TRANSPORTS},
    **{(name, "--dport"): made(DestinationPorts, _ports) for name in _TRANSPORTS},
    ("multiport", "--sports"): made(SourcePorts, _ports),
    ("multiport", "--dports"): made(DestinationPorts, _ports),
    ("conntrack", "--ctstate"): made(States, _names),
    ("conntrack", "--ctorigdst"): made(OriginalDestination, _networks),
    ("conntrack", "--ctorigdstport"): made(OriginalPorts, _ports),
    ("conntrack", "--ctdir"): _direction,
    ("state", "--state"): made(States, _names),
    ("mark", "--mark"): _mark,
    ("addrtype", "--src-type"): made(SourceType, _names),
    ("addrtype", "--dst-type"): made(DestinationType, _names),
}
