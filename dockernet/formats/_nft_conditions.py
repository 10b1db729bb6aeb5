"""What a match of nftables asks of a packet: what is looked at, and what it is compared with.

A new match is a row in one of the tables below; one that is not there is a doubt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, cast

from dockernet.errors import FormatError
from dockernet.formats._condition_values import Reads, made
from dockernet.formats.json import Json, items, mapping, text
from dockernet.model.addresses import IPNetwork, parse_network
from dockernet.model.conditions import (
    Condition,
    Destination,
    DestinationPorts,
    DestinationType,
    Families,
    InInterface,
    Mark,
    OutInterface,
    Ports,
    Protocols,
    Source,
    SourcePorts,
    SourceType,
    States,
)
from dockernet.model.packets import protocol_name

__all__ = ["dumped", "implied", "listed", "look_at", "port_number", "whole_number"]

_VERSIONS: Final[Mapping[str, int]] = {"ipv4": 4, "ipv6": 6, "ip": 4, "ip6": 6}
_HIGHEST_PORT: Final = 65535
_HIGHEST_MARK: Final = 0xFFFFFFFF
_ANY: Final = "*"  # as the whole of an element: all that no other element is for


def listed(value: object) -> list[object] | None:
    """The list; ``None`` for anything else."""
    return cast("list[object]", value) if isinstance(value, list) else None


def whole_number(value: object) -> int | None:
    """The number; ``None`` for anything else, and for ``true``."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# What an expression's values mean. Each raises a FormatError where it cannot tell.


def _values(right: object) -> list[object]:
    """The values that are compared with: those of a set, a list, or the one."""
    for found in (listed(mapping(right).get("set")), listed(right)):
        if found is not None:
            return [_value(one) for one in found]
    return [right]


def _value(element: object) -> object:
    """An element of a set, without its counter or the time that it has left."""
    told = mapping(mapping(element).get("elem"))
    return told.get("val", element)


def _names(right: object) -> tuple[str, ...]:
    found = [text(one) for one in _values(right)]
    if any(name in ("", _ANY) or name.startswith("@") for name in found):
        raise FormatError(dumped(right), "expected names")
    return tuple(found)


def _interfaces(right: object) -> tuple[str, ...]:
    """Names of interfaces; one that ends in ``*`` stands for several, and ``+`` is itself."""
    found = _names(right)
    if any(name.endswith(("+", "\\*")) for name in found):
        raise FormatError(dumped(right), "expected names without + at their ends")
    return found


def _statuses(right: object) -> tuple[str, ...]:
    """What has become of a connection's addresses; more is not known of a packet."""
    found = _capitals(right)
    if not {"DNAT", "SNAT"}.issuperset(found):
        raise FormatError(dumped(right), "expected dnat or snat")
    return found


def _capitals(right: object) -> tuple[str, ...]:
    return tuple(name.upper() for name in _names(right))


def _protocols(right: object) -> tuple[str, ...]:
    numbered = (whole_number(one) for one in _values(right))
    named = [v if n is None else str(n) for v, n in zip(_values(right), numbered, strict=True)]
    return tuple(map(protocol_name, _names(named)))


def _versions(right: object) -> tuple[int, ...]:
    found = [_VERSIONS.get(str(one)) for one in _values(right)]
    if None in found:
        raise FormatError(dumped(right), "expected ipv4 or ipv6")
    return tuple(version for version in found if version is not None)


def _networks(right: object) -> tuple[IPNetwork, ...]:
    return tuple(map(_network, _values(right)))


def _network(value: object) -> IPNetwork:
    prefix = mapping(mapping(value).get("prefix"))
    if prefix:
        return parse_network(f"{text(prefix.get('addr'))}/{prefix.get('len')}")
    return parse_network(text(value))


def _ports(right: object) -> Ports:
    return tuple(map(_span, _values(right)))


def _span(value: object) -> tuple[int, int]:
    ends = items(mapping(value).get("range"))
    if len(ends) == 2:
        return port_number(ends[0]), port_number(ends[1])
    return port_number(value), port_number(value)


def port_number(value: object) -> int:
    """The number of a port.

    Raises:
        FormatError: It is none.
    """
    number = whole_number(value)
    if number is not None and 0 <= number <= _HIGHEST_PORT:
        return number
    raise FormatError(dumped(value), f"expected a port from 0 to {_HIGHEST_PORT}")


def _mark(right: object) -> int:
    number = whole_number(right)
    if number is not None and 0 <= number <= _HIGHEST_MARK:
        return number
    raise FormatError(dumped(right), "expected a mark")


# By the JSON of what is looked at.
_LOOKS: Final[Mapping[str, Reads[object]]] = {
    **{
        f'{{"meta": {{"key": "{key}"}}}}': made(InInterface, _interfaces)
        for key in ("iifname", "iif")
    },
    **{
        f'{{"meta": {{"key": "{key}"}}}}': made(OutInterface, _interfaces)
        for key in ("oifname", "oif")
    },
    '{"meta": {"key": "l4proto"}}': made(Protocols, _protocols),
    '{"meta": {"key": "mark"}}': made(Mark, _mark),
    '{"meta": {"key": "nfproto"}}': made(Families, _versions),
    '{"ct": {"key": "state"}}': made(States, _capitals),
    '{"ct": {"key": "status"}}': made(States, _statuses),
    '{"fib": {"flags": ["daddr"], "result": "type"}}': made(DestinationType, _capitals),
    '{"fib": {"flags": ["saddr"], "result": "type"}}': made(SourceType, _capitals),
}
_PAYLOADS: Final[Mapping[tuple[str, str], Reads[object]]] = {
    ("ip", "saddr"): made(Source, _networks),
    ("ip6", "saddr"): made(Source, _networks),
    ("ip", "daddr"): made(Destination, _networks),
    ("ip6", "daddr"): made(Destination, _networks),
    ("ip", "protocol"): made(Protocols, _protocols),
    ("ip6", "nexthdr"): made(Protocols, _protocols),
    **{(name, "sport"): made(SourcePorts, _ports) for name in ("tcp", "udp", "sctp", "th")},
    **{(name, "dport"): made(DestinationPorts, _ports) for name in ("tcp", "udp", "sctp", "th")},
}
_TRANSPORTS: Final = frozenset({"tcp", "udp", "sctp", "icmp", "icmpv6"})


def look_at(left: Json) -> Reads[object] | None:
    """What makes a condition of what is looked at; ``None`` where nobody here knows."""
    payload = mapping(left.get("payload"))
    if payload:
        return _PAYLOADS.get((text(payload.get("protocol")), text(payload.get("field"))))
    return _LOOKS.get(dumped(left))


def implied(left: Json, family: str) -> tuple[Condition, ...]:
    """``tcp dport`` is for TCP alone, and ``ip daddr`` for IPv4, which else the table says."""
    name = text(mapping(left.get("payload")).get("protocol"))
    if name in _VERSIONS and family == "inet":
        return (Families((_VERSIONS[name],)),)
    return (Protocols((name,)),) if name in _TRANSPORTS else ()


def dumped(value: object) -> str:
    """Its JSON, of which there is but one."""
    return json.dumps(value, sort_keys=True)
