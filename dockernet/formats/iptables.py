r"""What ``iptables-save`` and ``ip6tables-save`` print, of either variant.

The form is told by ``iptables/iptables-save.c``, ``iptables/xshared.c`` and
``libxtables/xtables.c`` (``xtables_save_string``) of iptables: a line ``*TABLE``, then
``:CHAIN POLICY [packets:bytes]``, then ``-A CHAIN ...``, each with ``[packets:bytes]``
before it where counters were asked for, then ``COMMIT``; ``#`` begins a comment. A text
that is not of letters, digits, ``_`` and ``-`` alone may be in double quotes, in which
a backslash goes before ``"``, ``\`` and ``'``, and a newline stands for itself. Names of
chains and interfaces are never in quotes, and may have some in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal

from attrs import define, evolve, field, frozen

from dockernet.errors import FormatError
from dockernet.formats._iptables_rules import parse_rule
from dockernet.formats._iptables_words import NAMING, quoted, split_lines, split_words
from dockernet.model.conditions import Opaque
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.firewalls import Backend, Chain, Counters, Effect, Hook, Rule, Table

__all__ = [
    "ChainLine",
    "RuleLine",
    "SavedRules",
    "TableLine",
    "parse_iptables",
    "render_iptables",
    "render_words",
]

_SOURCE: Final = "iptables"
_NFT_MARKS: Final = ("(nf_tables)", "by xtables-save")  # from 1.8.3 on, before
_COMMIT: Final = "COMMIT"

_COUNTERS: Final = r"\[([0-9]{1,20}):([0-9]{1,20})\]"
_TABLE: Final = re.compile(r"\*([A-Za-z0-9_.-]+)")
_CHAIN: Final = re.compile(rf":([^ \t\n]+) ([A-Z]+|-) {_COUNTERS}")
_RULE: Final = re.compile(rf"(?:{_COUNTERS} )?-A ([^ \t\n]+)(?: (.*))?", re.DOTALL)

_POLICIES: Final[Mapping[str, Effect]] = {"ACCEPT": Effect.ACCEPT, "DROP": Effect.DROP}

# The kernel's priorities, by table: include/uapi/linux/netfilter_ipv4.h.
_PRIORITIES: Final[Mapping[str, int]] = {
    "raw": -300,
    "mangle": -150,
    "nat": -100,
    "filter": 0,
    "security": 50,
}
_HOOKS: Final = frozenset(hook.value for hook in Hook)
_AFTERWARDS: Final = 100  # nat, where sources are translated


@frozen
class TableLine:
    """``*filter``: what follows is of this table.

    Attributes:
        name: The table's name.
    """

    name: str

    def __str__(self) -> str:
        return f"*{self.name}"


@frozen
class ChainLine:
    """``:INPUT ACCEPT [0:0]``: there is such a chain.

    Attributes:
        name: Its name.
        policy: Its policy as it is written; ``-`` where it has none.
        counters: What its policy was for.
    """

    name: str
    policy: str
    counters: Counters

    def __str__(self) -> str:
        return f":{self.name} {self.policy} {_counted(self.counters)}"


@frozen
class RuleLine:
    """``-A INPUT ...``: a rule of a chain.

    Attributes:
        chain: The chain's name.
        rule: The rule.
    """

    chain: str
    rule: Rule

    def __str__(self) -> str:
        counters = self.rule.counters
        before = "" if counters is None else f"{_counted(counters)} "
        return f"{before}-A {self.chain} {self.rule.text}".removesuffix(" ")


def _counted(counters: Counters) -> str:
    return f"[{counters.packets}:{counters.octets}]"


Line = str | TableLine | ChainLine | RuleLine


@frozen
class SavedRules:
    """What ``iptables-save`` has printed.

    Attributes:
        lines: Its lines; comments, ``COMMIT`` and what makes no sense are kept as they are.
        tables: The tables with their chains and rules. A rule that makes no sense is one
            of which nobody knows what it asks and does.
        diagnostics: The lines that make no sense.
    """

    lines: tuple[Line, ...]
    tables: tuple[Table, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    def __str__(self) -> str:
        return "\n".join(map(str, self.lines))


def parse_iptables(text: str, family: Literal["ip", "ip6"] = "ip") -> SavedRules:
    r"""Parse what ``iptables-save`` or ``ip6tables-save`` prints, with or without ``-c``.

    As a text the value is what was parsed, byte for byte.

    Args:
        text: The text.
        family: ``ip`` for ``iptables-save``, ``ip6`` for ``ip6tables-save``.

    Example:
        >>> from dockernet.formats.iptables import parse_iptables
        >>> text = (
        ...     "*filter\n:INPUT ACCEPT [0:0]\n"
        ...     '[7:420] -A INPUT -p tcp -m tcp --dport 22 -m comment --comment "by me" -j DROP\n'
        ...     "COMMIT\n"
        ... )
        >>> saved = parse_iptables(text)
        >>> rule = saved.tables[0].chains[0].rules[0]
        >>> rule.effect, rule.comment, rule.counters
        (<Effect.DROP: 'drop'>, 'by me', Counters(packets=7, octets=420))
        >>> print(rule)
        tcp to port 22: drop
        >>> str(saved) == text
        True
    """
    reading = _Reading(family)
    for number, line in enumerate(split_lines(text), 1):
        reading.take(number, line)
    reading.cut_off()
    return SavedRules(tuple(reading.lines), tuple(reading.tables), tuple(reading.odd))


def render_iptables(saved: SavedRules) -> str:
    """Render as ``iptables-save`` prints it and ``iptables-restore`` takes it."""
    return str(saved)


def render_words(words: Iterable[str]) -> str:
    r"""Render words as a line of ``iptables-save``, in quotes where they need them.

    Example:
        >>> from dockernet.formats.iptables import render_words
        >>> print(render_words(["-m", "comment", "--comment", 'a "b"; reboot']))
        -m comment --comment "a \"b\"; reboot"
    """
    listed = tuple(words)
    before = ("", *listed)
    return " ".join(
        w if b in NAMING and w else quoted(w) for b, w in zip(before, listed, strict=False)
    )


@define
class _Reading:
    """A text, being read line by line."""

    family: Literal["ip", "ip6"]
    backend: Backend = "iptables-legacy"
    table: str | None = None
    chains: dict[str, ChainLine] = field(factory=dict[str, ChainLine])
    rules: dict[str, list[Rule]] = field(factory=dict[str, list[Rule]])
    lines: list[Line] = field(factory=list[Line])
    tables: list[Table] = field(factory=list[Table])
    odd: list[Diagnostic] = field(factory=list[Diagnostic])

    def take(self, number: int, text: str) -> None:
        try:
            self.lines.append(self._line(text))
        except FormatError as error:
            self.lines.append(text)
            self.odd.append(Diagnostic(_SOURCE, f"line {number}", error.reason))

    def _line(self, text: str) -> Line:
        if not text.strip() or text.startswith("#"):
            self._note_variant(text)
            return text
        if text == _COMMIT:
            self.end_table()
            return text
        if found := _TABLE.fullmatch(text):
            return self._begin_table(found)
        if self.table is None:
            raise FormatError(text, "expected a table first")
        if found := _CHAIN.fullmatch(text):
            return self._begin_chain(found)
        if found := _RULE.fullmatch(text):
            return self._add(found)
        raise FormatError(text, "it is no line of iptables-save")

    def _note_variant(self, text: str) -> None:
        if any(mark in text for mark in _NFT_MARKS):
            self.backend = "iptables-nft"

    def _begin_table(self, found: re.Match[str]) -> TableLine:
        self.cut_off()
        self.table = found[1]
        return TableLine(found[1])

    def _begin_chain(self, found: re.Match[str]) -> ChainLine:
        name, policy, packets, octets = found.groups()
        line = ChainLine(name, policy, Counters(int(packets), int(octets)))
        if str(line) != found[0]:  # 007 packets
            raise FormatError(found[0], "expected numbers without zeros before them")
        self.chains[name] = line
        self.rules.setdefault(name, [])
        return line

    def _add(self, found: re.Match[str]) -> RuleLine:
        packets, octets, chain, text = found.groups()
        counters = None if packets is None else Counters(int(packets), int(octets))
        unknown = Rule(conditions=(Opaque(text or ""),), effect=Effect.UNKNOWN, counters=counters)
        rules = self.rules.setdefault(chain, [])
        rules.append(unknown)
        line = RuleLine(chain, parse_rule(split_words(text or ""), text or "", counters))
        if str(line) != found[0]:
            raise FormatError(found[0], "expected a rule as iptables-save writes it")
        rules[-1] = line.rule
        return line

    def cut_off(self) -> None:
        """What comes next, or the text's end, comes where a table's end should be."""
        if self.table is not None:
            reason = f"table {self.table} has no {_COMMIT} before it: some of it may be missing"
            self.odd.append(Diagnostic(_SOURCE, f"line {len(self.lines) + 1}", reason))
        self.end_table()

    def end_table(self) -> None:
        if self.table is not None:
            chains = tuple(self._chain(self.table, name) for name in self.rules)
            table = Table(family=self.family, name=self.table, chains=chains, backend=self.backend)
            self.tables.append(table)
        self.table = None
        self.chains, self.rules = {}, {}

    def _chain(self, table: str, name: str) -> Chain:
        rules = tuple(self.rules[name])
        line = self.chains.get(name)
        if line is None or name not in _HOOKS or line.policy == "-":
            return Chain(name=name, rules=rules)
        chain = Chain(
            name=name,
            rules=rules,
            hook=Hook(name),
            priority=_PRIORITIES.get(table, 0),
            translates=table == "nat",
            policy=_POLICIES.get(line.policy, Effect.UNKNOWN),
            counters=line.counters,
        )
        after = table == "nat" and chain.hook in (Hook.INPUT, Hook.POSTROUTING)
        return evolve(chain, priority=_AFTERWARDS) if after else chain
