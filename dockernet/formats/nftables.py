"""What ``nft -j list ruleset`` prints.

The form is told by libnftables-json(5). Engine 29 keeps its rules so, in tables
``ip docker-bridges`` and ``ip6 docker-bridges`` (moby,
daemon/libnetwork/drivers/bridge/internal/nftabler). A new kind of expression is a row
in one of the tables below.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol, cast

from attrs import define, evolve, field, frozen

from dockernet.errors import FormatError
from dockernet.formats.json import Json, items, mapping, text
from dockernet.model.addresses import IPNetwork, parse_address, parse_network
from dockernet.model.conditions import (
    Condition,
    Destination,
    DestinationPorts,
    DestinationType,
    Families,
    InInterface,
    Mark,
    Opaque,
    OutInterface,
    Ports,
    Protocols,
    Source,
    SourcePorts,
    SourceType,
    States,
)
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.firewalls import (
    Chain,
    Counters,
    Effect,
    Family,
    Hook,
    NewDestination,
    Rule,
    Table,
)
from dockernet.model.packets import protocol_name

__all__ = ["NftRuleset", "parse_nftables"]

_SOURCE: Final = "nft"
_FAMILIES: Final[Mapping[str, Family]] = {"ip": "ip", "ip6": "ip6", "inet": "inet"}
_HOOKS: Final[Mapping[str, Hook]] = {hook.value.lower(): hook for hook in Hook}
_POLICIES: Final[Mapping[str, Effect]] = {"accept": Effect.ACCEPT, "drop": Effect.DROP}
_VERSIONS: Final[Mapping[str, int]] = {"ipv4": 4, "ipv6": 6, "ip": 4, "ip6": 6}
_HIGHEST_PORT: Final = 65535
_HIGHEST_MARK: Final = 0xFFFFFFFF


@frozen
class NftRuleset:
    """What ``nft -j list ruleset`` has printed.

    Attributes:
        tables: The tables of the families ``ip``, ``ip6`` and ``inet``. A rule that sends
            packets to chains by a map is one rule for each of the map's elements.
        diagnostics: What makes no sense.
    """

    tables: tuple[Table, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


def parse_nftables(document: str) -> NftRuleset:
    """Parse what ``nft -j list ruleset`` prints.

    Raises:
        FormatError: It is no JSON, or no rule set.

    Example:
        >>> from dockernet.formats.nftables import parse_nftables
        >>> parse_nftables('{"nftables": [{"table": {"family": "ip", "name": "mine"}}]}').tables
        (Table(family='ip', name='mine', chains=(), backend='nftables'),)
    """
    try:
        parsed: object = json.loads(document)
    except (ValueError, RecursionError):
        raise FormatError(document, "expected the JSON of nft -j list ruleset") from None
    listed = _listed(mapping(parsed).get("nftables"))
    if listed is None:
        raise FormatError(document, "expected an object with a list named nftables")
    reading = _Reading()
    for entry in listed:
        reading.take(mapping(entry))
    return reading.ruleset()


def _listed(value: object) -> list[object] | None:
    """The list; ``None`` for anything else."""
    return cast("list[object]", value) if isinstance(value, list) else None


# What an expression's values mean. Each raises a FormatError where it cannot tell.


def _values(right: object) -> list[object]:
    """The values that are compared with: those of a set, a list, or the one."""
    for found in (_listed(mapping(right).get("set")), _listed(right)):
        if found is not None:
            return found
    return [right]


def _names(right: object) -> tuple[str, ...]:
    found = _values(right)
    if not all(isinstance(name, str) and not name.startswith("@") for name in found):
        raise FormatError(_dumped(right), "expected names")
    return cast("tuple[str, ...]", tuple(found))


def _capitals(right: object) -> tuple[str, ...]:
    return tuple(name.upper() for name in _names(right))


def _protocols(right: object) -> tuple[str, ...]:
    return tuple(protocol_name(str(one)) for one in _values(right))


def _versions(right: object) -> tuple[int, ...]:
    found = [_VERSIONS.get(str(one)) for one in _values(right)]
    if None in found:
        raise FormatError(_dumped(right), "expected ipv4 or ipv6")
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
        return _port(ends[0]), _port(ends[1])
    return _port(value), _port(value)


def _port(value: object) -> int:
    if isinstance(value, int) and 0 <= value <= _HIGHEST_PORT:
        return value
    raise FormatError(_dumped(value), f"expected a port from 0 to {_HIGHEST_PORT}")


def _mark(right: object) -> int:
    if isinstance(right, int) and 0 <= right <= _HIGHEST_MARK:
        return right
    raise FormatError(_dumped(right), "expected a mark")


class _Reads(Protocol):
    """What makes a condition of what is compared with, and of whether it must differ."""

    def __call__(self, right: object, /, *, negated: bool = False) -> Condition: ...


def _made(kind: Callable[..., Condition], read: Callable[[object], object]) -> _Reads:
    def condition(right: object, /, *, negated: bool = False) -> Condition:
        return kind(read(right), negated=negated)

    return condition


# By the JSON of what is looked at.
_LOOKS: Final[Mapping[str, _Reads]] = {
    **{f'{{"meta": {{"key": "{key}"}}}}': _made(InInterface, _names) for key in ("iifname", "iif")},
    **{
        f'{{"meta": {{"key": "{key}"}}}}': _made(OutInterface, _names) for key in ("oifname", "oif")
    },
    '{"meta": {"key": "l4proto"}}': _made(Protocols, _protocols),
    '{"meta": {"key": "mark"}}': _made(Mark, _mark),
    '{"meta": {"key": "nfproto"}}': _made(Families, _versions),
    '{"ct": {"key": "state"}}': _made(States, _capitals),
    '{"ct": {"key": "status"}}': _made(States, _capitals),
    '{"fib": {"flags": ["daddr"], "result": "type"}}': _made(DestinationType, _capitals),
    '{"fib": {"flags": ["saddr"], "result": "type"}}': _made(SourceType, _capitals),
}
_PAYLOADS: Final[Mapping[tuple[str, str], _Reads]] = {
    ("ip", "saddr"): _made(Source, _networks),
    ("ip6", "saddr"): _made(Source, _networks),
    ("ip", "daddr"): _made(Destination, _networks),
    ("ip6", "daddr"): _made(Destination, _networks),
    ("ip", "protocol"): _made(Protocols, _protocols),
    ("ip6", "nexthdr"): _made(Protocols, _protocols),
    **{(name, "sport"): _made(SourcePorts, _ports) for name in ("tcp", "udp", "sctp", "th")},
    **{(name, "dport"): _made(DestinationPorts, _ports) for name in ("tcp", "udp", "sctp", "th")},
}
_TRANSPORTS: Final = frozenset({"tcp", "udp", "sctp", "icmp", "icmpv6"})
_COMPARES: Final[Mapping[str, bool]] = {"==": False, "in": False, "!=": True}

# What statements do with a packet.
_VERDICTS: Final[Mapping[str, Effect]] = {
    "accept": Effect.ACCEPT,
    "drop": Effect.DROP,
    "reject": Effect.REJECT,
    "return": Effect.RETURN,
    "jump": Effect.JUMP,
    "goto": Effect.GOTO,
    "dnat": Effect.DNAT,
    "redirect": Effect.DNAT,
    "snat": Effect.SNAT,
    "masquerade": Effect.SNAT,
    "notrack": Effect.UNTRACK,
    "mangle": Effect.UNKNOWN,
    "queue": Effect.UNKNOWN,
    "tproxy": Effect.UNKNOWN,
    "synproxy": Effect.UNKNOWN,
}
_HARMLESS: Final = frozenset(
    {"log", "continue", "flow", "meter", "set", "ct expectation", "ct helper", "ct timeout"}
)

# What asks for more than the packet tells.
_LIMITS: Final = frozenset({"limit", "quota", "ct count"})


@define
class _Reading:
    """A rule set, being read."""

    names: list[tuple[Family, str]] = field(factory=list[tuple[Family, str]])
    chains: dict[tuple[Family, str], dict[str, Chain]] = field(
        factory=dict[tuple[Family, str], dict[str, Chain]]
    )
    maps: dict[tuple[str, str, str], Json] = field(factory=dict[tuple[str, str, str], Json])
    rules: list[Json] = field(factory=list[Json])
    odd: list[Diagnostic] = field(factory=list[Diagnostic])

    def take(self, entry: Json) -> None:
        for kind, told in entry.items():
            values = mapping(told)
            if text(values.get("family")) in _FAMILIES:
                self._take(kind, values)

    def _take(self, kind: str, values: Json) -> None:
        if kind == "table":
            self._table(_FAMILIES[text(values.get("family"))], text(values.get("name")))
        elif kind == "chain":
            self._chain(values)
        elif kind in ("map", "set"):
            place = text(values.get("family")), text(values.get("table"))
            self.maps[*place, text(values.get("name"))] = values
        elif kind == "rule":
            self.rules.append(values)

    def _table(self, family: Family, name: str) -> dict[str, Chain]:
        return self.chains.setdefault((family, name), {})

    def _chain(self, values: Json) -> None:
        name = text(values.get("name"))
        chains = self._table(_FAMILIES[text(values.get("family"))], text(values.get("table")))
        chains[name] = _chain(name, values)

    def ruleset(self) -> NftRuleset:
        for values in self.rules:
            self._rule(values)
        tables = tuple(
            Table(family=family, name=name, chains=tuple(chains.values()), backend="nftables")
            for (family, name), chains in self.chains.items()
        )
        return NftRuleset(tables, tuple(self.odd))

    def _rule(self, values: Json) -> None:
        family, table = text(values.get("family")), text(values.get("table"))
        name = text(values.get("chain"))
        chains = self._table(_FAMILIES[family], table)
        chain = chains.get(name)
        if chain is None:
            reason = "it is of a chain that is not there"
            self.odd.append(Diagnostic(_SOURCE, f"rule {values.get('handle')}", reason))
            chain = Chain(name=name)
        maps = {key[2]: told for key, told in self.maps.items() if key[:2] == (family, table)}
        rules = tuple(_rules(values, _Table(family, maps)))
        chains[name] = evolve(chain, rules=(*chain.rules, *rules))


def _chain(name: str, values: Json) -> Chain:
    hook = _HOOKS.get(text(values.get("hook")))
    if hook is None:
        return Chain(name=name)
    priority: object = values.get("prio")
    return Chain(
        name=name,
        hook=hook,
        priority=priority if isinstance(priority, int) else 0,
        translates=values.get("type") == "nat",
        policy=_POLICIES.get(text(values.get("policy")), Effect.UNKNOWN),
    )


@frozen
class _Table:
    """What the rules of a table may name.

    Attributes:
        family: The table's family.
        maps: Its maps and sets by name.
    """

    family: str
    maps: Mapping[str, Json]


def _rules(values: Json, table: _Table) -> Iterator[Rule]:
    """A rule; as many as a map has elements where that decides where packets go."""
    expressions = [mapping(one) for one in items(values.get("expr"))]
    rule = Rule(text=_dumped(values.get("expr")), comment=text(values.get("comment")))
    for expression in expressions:
        if "vmap" in expression:
            yield from _branches(rule, mapping(expression["vmap"]), table)
            return
        rule = _with(rule, expression, table)
    yield rule


def _branches(rule: Rule, vmap: Json, table: _Table) -> Iterator[Rule]:
    elements = _elements(vmap.get("data"), table)
    look = _LOOKS.get(_dumped(vmap.get("key")))
    if elements is None or look is None:
        yield _doubtful(evolve(rule, effect=Effect.UNKNOWN), {"vmap": vmap})
        return
    for key, verdict in elements:
        try:
            asked = look(key)
        except FormatError:
            asked = Opaque(_dumped(key))
        branch = evolve(rule, conditions=(*rule.conditions, asked))
        yield _with(branch, mapping(verdict), table)


def _elements(data: object, table: _Table) -> list[tuple[object, object]] | None:
    """The pairs of a map, by its name or in place; ``None`` where they cannot be told."""
    if isinstance(data, str):
        told = table.maps.get(data.removeprefix("@"))
        pairs = None if told is None else items(told.get("elem"))
    else:
        pairs = items(mapping(data).get("set"))
    listed = None if pairs is None else [items(pair) for pair in pairs]
    if listed is None or not all(len(pair) == 2 for pair in listed):
        return None
    return [(pair[0], pair[1]) for pair in listed]


def _with(rule: Rule, expression: Json, table: _Table) -> Rule:
    """A rule with one more expression of it understood, or known for not understood."""
    for kind, told in expression.items():
        if kind == "match":
            rule = _matched(rule, mapping(told), table)
        elif kind == "counter":
            rule = _counted(rule, mapping(told))
        elif kind in _VERDICTS:
            rule = _decided(rule, kind, mapping(told))
        elif kind in _LIMITS or mapping(told).get("type") == "match":
            rule = _doubtful(rule, {kind: told})
        elif kind not in _HARMLESS:
            rule = evolve(rule, effect=Effect.UNKNOWN, target=kind)
    return rule


def _doubtful(rule: Rule, expression: object) -> Rule:
    return evolve(rule, conditions=(*rule.conditions, Opaque(_dumped(expression))))


def _matched(rule: Rule, told: Json, table: _Table) -> Rule:
    left, negated = mapping(told.get("left")), _COMPARES.get(text(told.get("op")))
    look = _look(left)
    if negated is None or look is None:
        return _doubtful(rule, {"match": told})
    try:
        asked = (
            *_implied(left, table.family),
            look(_looked_up(told.get("right"), table), negated=negated),
        )
    except FormatError:
        return _doubtful(rule, {"match": told})
    return evolve(rule, conditions=(*rule.conditions, *asked))


def _look(left: Json) -> _Reads | None:
    payload = mapping(left.get("payload"))
    if payload:
        return _PAYLOADS.get((text(payload.get("protocol")), text(payload.get("field"))))
    return _LOOKS.get(_dumped(left))


def _implied(left: Json, family: str) -> tuple[Condition, ...]:
    """``tcp dport`` is for TCP alone, and ``ip daddr`` for IPv4, which else the table says."""
    name = text(mapping(left.get("payload")).get("protocol"))
    if name in _VERSIONS and family == "inet":
        return (Families((_VERSIONS[name],)),)
    return (Protocols((name,)),) if name in _TRANSPORTS else ()


def _looked_up(right: object, table: _Table) -> object:
    """The elements of a named set in place of its name."""
    if not isinstance(right, str) or not right.startswith("@"):
        return right
    elements = _listed(table.maps.get(right[1:], {}).get("elem"))
    return right if elements is None else {"set": elements}


def _counted(rule: Rule, told: Json) -> Rule:
    packets, octets = told.get("packets"), told.get("bytes")
    if isinstance(packets, int) and isinstance(octets, int):
        return evolve(rule, counters=Counters(packets, octets))
    return rule


def _decided(rule: Rule, kind: str, told: Json) -> Rule:
    if rule.effect not in (Effect.NOTHING, Effect.MARK):
        return evolve(rule, effect=Effect.UNKNOWN, target=kind)
    effect = _mangled(told) if kind == "mangle" else _VERDICTS[kind]
    new = _new_destination(kind, told) if effect is Effect.DNAT else None
    reject_with = text(told.get("expr")) or text(told.get("type"))
    return evolve(
        rule,
        effect=effect,
        target=text(told.get("target")),
        new_destination=new,
        reject_with=reject_with if effect is Effect.REJECT else "",
    )


def _mangled(told: Json) -> Effect:
    return (
        Effect.MARK if _dumped(told.get("key")) == '{"meta": {"key": "mark"}}' else Effect.UNKNOWN
    )


def _new_destination(kind: str, told: Json) -> NewDestination:
    here = kind == "redirect"
    address, port = told.get("addr"), told.get("port")
    try:
        return NewDestination(
            address=None if address is None else parse_address(text(address)),
            port=None if port is None else _port(port),
            here=here,
        )
    except FormatError:
        return NewDestination(here=here, several=True)


def _dumped(value: object) -> str:
    return json.dumps(value, sort_keys=True)
