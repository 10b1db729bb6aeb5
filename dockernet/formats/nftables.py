"""What ``nft -j list ruleset`` prints.

The form is told by libnftables-json(5). Engine 29 keeps its rules so, in tables
``ip docker-bridges`` and ``ip6 docker-bridges`` (moby,
daemon/libnetwork/drivers/bridge/internal/nftabler).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from attrs import define, evolve, field, frozen

from dockernet.errors import FormatError
from dockernet.formats._nft_conditions import listed, whole_number
from dockernet.formats._nft_rules import NftTable, parse_rules
from dockernet.formats.json import Json, mapping, text
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.firewalls import Chain, Effect, Family, Hook, Rule, Table

__all__ = ["NftRuleset", "parse_nftables"]

_SOURCE: Final = "nft"
_FAMILIES: Final[Mapping[str, Family]] = {"ip": "ip", "ip6": "ip6", "inet": "inet"}
_HOOKS: Final[Mapping[str, Hook]] = {hook.value.lower(): hook for hook in Hook}
_POLICIES: Final[Mapping[str, Effect]] = {"accept": Effect.ACCEPT, "drop": Effect.DROP}


@frozen
class NftRuleset:
    """What ``nft -j list ruleset`` has printed.

    Attributes:
        tables: The tables of the families ``ip``, ``ip6`` and ``inet``. A rule that sends
            packets to chains by a map is one rule for each of the map's elements.
        unread: The chains of these tables at hooks that are not followed.
        diagnostics: What makes no sense.
    """

    tables: tuple[Table, ...] = ()
    unread: tuple[str, ...] = ()
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
        return _ruleset(document)
    except (ValueError, RecursionError):
        raise FormatError(document, "expected the JSON of nft -j list ruleset") from None


def _ruleset(document: str) -> NftRuleset:
    entries = listed(mapping(json.loads(document)).get("nftables"))
    if entries is None:
        raise FormatError(document, "expected an object with a list named nftables")
    reading = _Reading()
    for entry in entries:
        reading.take(mapping(entry))
    return reading.ruleset()


@define
class _Table:
    """A table, being read."""

    family: Family
    chains: dict[str, Chain] = field(factory=dict[str, Chain])
    rules: dict[str, list[Rule]] = field(factory=dict[str, list[Rule]])
    maps: dict[str, Json] = field(factory=dict[str, Json])


@define
class _Reading:
    """A rule set, being read."""

    tables: dict[tuple[Family, str], _Table] = field(factory=dict[tuple[Family, str], _Table])
    rules: list[Json] = field(factory=list[Json])
    unread: list[str] = field(factory=list[str])
    odd: list[Diagnostic] = field(factory=list[Diagnostic])

    def take(self, entry: Json) -> None:
        for kind, told in entry.items():
            values = mapping(told)
            if text(values.get("family")) in _FAMILIES:
                self._take(kind, values)

    def _take(self, kind: str, values: Json) -> None:
        if kind == "rule":  # of maps that are told later
            self.rules.append(values)
        elif kind in ("map", "set"):
            self._table(values).maps[text(values.get("name"))] = values
        elif kind == "chain":
            self._chain(values)
        elif kind == "table":
            self._table({**values, "table": values.get("name")})

    def _table(self, values: Json) -> _Table:
        family, name = _FAMILIES[text(values.get("family"))], text(values.get("table"))
        return self.tables.setdefault((family, name), _Table(family))

    def _chain(self, values: Json) -> None:
        name, hook = text(values.get("name")), text(values.get("hook"))
        self._table(values).chains[name] = _chain(name, values)
        if hook and hook not in _HOOKS:  # before all others, of one device
            place = " ".join(text(values.get(key)) for key in ("family", "table", "name"))
            self.unread.append(f"{place} ({hook})")

    def ruleset(self) -> NftRuleset:
        for values in self.rules:
            self._rule(values)
        tables = (_read(name, table) for (_, name), table in self.tables.items())
        return NftRuleset(tuple(tables), tuple(self.unread), tuple(self.odd))

    def _rule(self, values: Json) -> None:
        table, name = self._table(values), text(values.get("chain"))
        if name not in table.chains:
            reason = "it is of a chain that is not there"
            self.odd.append(Diagnostic(_SOURCE, f"rule {values.get('handle')}", reason))
            table.chains[name] = Chain(name=name)
        found = parse_rules(values, NftTable(table.family, table.maps))
        table.rules.setdefault(name, []).extend(found)


def _read(name: str, table: _Table) -> Table:
    chains = (evolve(c, rules=tuple(table.rules.get(c.name, ()))) for c in table.chains.values())
    return Table(family=table.family, name=name, chains=tuple(chains), backend="nftables")


def _chain(name: str, values: Json) -> Chain:
    hook = _HOOKS.get(text(values.get("hook")))
    if hook is None:
        return Chain(name=name)
    return Chain(
        name=name,
        hook=hook,
        priority=whole_number(values.get("prio")) or 0,
        translates=values.get("type") == "nat",
        policy=_POLICIES.get(text(values.get("policy")), Effect.UNKNOWN),
    )
