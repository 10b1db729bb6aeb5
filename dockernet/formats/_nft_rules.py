"""What a rule of nftables does: its expressions, one by one.

The form is told by libnftables-json(5). A new statement is a row in one of the tables
below; one that is not there may do anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from attrs import evolve, frozen

from dockernet.errors import FormatError
from dockernet.formats._nft_conditions import (
    dumped,
    implied,
    listed,
    look_at,
    port_number,
    whole_number,
)
from dockernet.formats.json import Json, items, mapping, text
from dockernet.model.addresses import parse_address
from dockernet.model.conditions import Opaque
from dockernet.model.firewalls import Counters, Effect, NewDestination, Rule

__all__ = ["NftTable", "parse_rules"]

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
    {"log", "continue", "flow", "set", "ct expectation", "ct helper", "ct timeout"}
)

# What asks for more than the packet tells.
_LIMITS: Final = frozenset({"limit", "quota", "ct count", "meter"})


@frozen
class NftTable:
    """What the rules of a table may name.

    Attributes:
        family: The table's family.
        maps: Its maps and sets by name.
    """

    family: str
    maps: Mapping[str, Json]


def parse_rules(values: Json, table: NftTable) -> Iterator[Rule]:
    """A rule; as many as a map has elements where that decides where packets go."""
    expressions = [mapping(one) for one in items(values.get("expr"))]
    rule = Rule(text=dumped(values.get("expr")), comment=text(values.get("comment")))
    for expression in expressions:
        if "vmap" in expression:
            yield from _branches(rule, mapping(expression["vmap"]), table)
            return
        rule = _with(rule, expression, table)
    yield rule


def _branches(rule: Rule, vmap: Json, table: NftTable) -> Iterator[Rule]:
    elements, left = _elements(vmap.get("data"), table), mapping(vmap.get("key"))
    look = look_at(left)
    if elements is None or look is None:
        yield _doubtful(evolve(rule, effect=Effect.UNKNOWN), {"vmap": vmap})
        return
    for key, verdict in elements:
        try:
            asked = look(key)
        except FormatError:
            asked = Opaque(dumped(key))
        branch = evolve(rule, conditions=(*rule.conditions, *implied(left, table.family), asked))
        yield _with(branch, mapping(verdict), table)


def _elements(data: object, table: NftTable) -> list[tuple[object, object]] | None:
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


def _with(rule: Rule, expression: Json, table: NftTable) -> Rule:
    """A rule with one more expression of it understood, or known for not understood."""
    for kind, told in expression.items():
        if kind == "match":
            rule = _matched(rule, mapping(told), table)
        elif kind == "counter":
            rule = _counted(rule, mapping(told))
        elif kind in _VERDICTS:
            rule = _decided(rule, kind, mapping(told))
        elif kind in _LIMITS or _asks(kind, mapping(told)):
            rule = _doubtful(rule, {kind: told})
        elif kind not in _HARMLESS:
            rule = evolve(rule, effect=Effect.UNKNOWN, target=kind)
    return rule


def _asks(kind: str, told: Json) -> bool:
    """Whether it is a match of iptables', or puts into a set only what a limit lets through."""
    return told.get("type") == "match" or (kind == "set" and bool(told.get("stmt")))


def _doubtful(rule: Rule, expression: object) -> Rule:
    return evolve(rule, conditions=(*rule.conditions, Opaque(dumped(expression))))


def _matched(rule: Rule, told: Json, table: NftTable) -> Rule:
    left, negated = mapping(told.get("left")), _COMPARES.get(text(told.get("op")))
    look = look_at(left)
    if negated is None or look is None:
        return _doubtful(rule, {"match": told})
    try:
        asked = (
            *implied(left, table.family),
            look(_looked_up(told.get("right"), table), negated=negated),
        )
    except FormatError:
        return _doubtful(rule, {"match": told})
    return evolve(rule, conditions=(*rule.conditions, *asked))


def _looked_up(right: object, table: NftTable) -> object:
    """The elements of a named set in place of its name."""
    if not isinstance(right, str) or not right.startswith("@"):
        return right
    elements = listed(table.maps.get(right[1:], {}).get("elem"))
    return right if elements is None else {"set": elements}


def _counted(rule: Rule, told: Json) -> Rule:
    packets, octets = whole_number(told.get("packets")), whole_number(told.get("bytes"))
    if packets is None or octets is None:
        return rule
    return evolve(rule, counters=Counters(packets, octets))


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
    return Effect.MARK if dumped(told.get("key")) == '{"meta": {"key": "mark"}}' else Effect.UNKNOWN


def _new_destination(kind: str, told: Json) -> NewDestination:
    here = kind == "redirect"
    address, port = told.get("addr"), told.get("port")
    try:
        return NewDestination(
            address=None if address is None else parse_address(text(address)),
            port=None if port is None else port_number(port),
            here=here,
        )
    except FormatError:
        return NewDestination(here=here, several=True)
