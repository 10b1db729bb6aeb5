"""What of a plan is on a machine: its chains, what they remember, and what leads there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

from attrs import evolve, frozen

from dockernet._forwarding import engine_backend
from dockernet.formats.forwarding import (
    TABLES,
    jump_removals,
    made_tables,
    nft_reminders,
    others_of,
    parent_chain,
    remembered,
    reminder_text,
    restore_text,
    tag_of_table,
)
from dockernet.formats.iptables import parse_iptables
from dockernet.model.conditions import Families
from dockernet.model.firewalls import Chain, Effect, Firewall, PlacedRule, Rule, Table
from dockernet.model.forwarding import SETTINGS, ForwardingPlan, Place, tag_of

__all__ = ["FAMILIES", "Family", "Heir", "Trace", "tags_in"]

Family = Literal["ip", "ip6"]
FAMILIES: Final[tuple[tuple[Literal[4, 6], Family], ...]] = ((4, "ip"), (6, "ip6"))
_FORWARD: Final = Place.FORWARD.name.lower()


def tags_in(firewall: Firewall) -> tuple[str, ...]:
    """The tags of all plans of which there is something."""
    found = {tag_of(chain.name) for table in firewall.tables for chain in table.chains}
    found |= {tag_of_table(t.name) for t in firewall.tables if t.family == "inet"}
    return tuple(sorted(tag for tag in found if tag is not None))


@frozen
class Heir:
    """Another plan that needs the kernel to forward, too.

    Attributes:
        family: The family of its chain's table; ``None`` where it is one of nftables.
        chain: Its chain; of nftables its tag.
        remembers: Whether it remembers the setting.
    """

    family: Family | None
    chain: str
    remembers: bool

    def text(self, setting: str) -> str:
        """What makes it remember a setting."""
        if self.family is None:
            return nft_reminders(self.chain, [setting])
        return reminder_text(self.chain, setting)


@frozen
class Trace:
    """What there is of a plan."""

    firewall: Firewall
    tag: str

    @property
    def backend(self) -> str:
        """The variant of iptables that is used."""
        return engine_backend(self.firewall.tables)

    def iptables(self) -> Firewall:
        """The tables of that variant."""
        kept = (t for t in self.firewall.tables if t.backend == self.backend)
        return Firewall(tables=tuple(kept))

    def _tables(self, family: Family) -> tuple[Table, ...]:
        return tuple(t for t in self.iptables().tables if t.family == family)

    def table(self) -> Table | None:
        """The plan's table of nftables."""
        ours = (t for t in self.firewall.tables if t.family == "inet")
        return next((t for t in ours if tag_of_table(t.name) == self.tag), None)

    def _chains(self) -> tuple[Chain, ...]:
        """Its chains, of either kind."""
        table = self.table()
        ours = (
            chain
            for found in self.iptables().tables
            for chain in found.chains
            if tag_of(chain.name) == self.tag
        )
        return (*ours, *(table.chains if table is not None else ()))

    def _own(self, table: Table) -> tuple[str, ...]:
        return tuple(chain.name for chain in table.chains if tag_of(chain.name) == self.tag)

    def is_there(self) -> bool:
        """Whether there is anything of it."""
        return bool(self._chains()) or self.table() is not None

    # What it remembers.

    def turned_on(self) -> tuple[str, ...]:
        """The settings that it has turned on."""
        return remembered(self._chains(), self.tag)

    def heir(self, setting: str) -> Heir | None:
        """Another plan that needs a setting."""
        return next(self._heirs(setting), None)

    def _heirs(self, setting: str) -> Iterator[Heir]:
        for version, family in FAMILIES:
            if SETTINGS[version] == setting:
                for table in self._tables(family):
                    yield from self._iptables_heirs(table, setting)
                yield from self._native_heirs(version, setting)

    def _iptables_heirs(self, table: Table, setting: str) -> Iterator[Heir]:
        family: Family = "ip6" if table.family == "ip6" else "ip"
        others = others_of(table, self.tag)
        for chain in table.chains:
            if chain.name in others and chain.name.endswith(f"-{Place.FORWARD}"):
                tag = str(tag_of(chain.name))
                yield Heir(family, chain.name, setting in remembered([chain], tag))

    def _native_heirs(self, version: int, setting: str) -> Iterator[Heir]:
        for table in self.firewall.tables:
            tag = tag_of_table(table.name) if table.family == "inet" else None
            chain = table.chain(_FORWARD)
            if tag in (None, self.tag) or chain is None:
                continue
            if any(Families((version,)) in rule.conditions for rule in chain.rules):
                yield Heir(None, str(tag), setting in remembered([chain], str(tag)))

    def own_tables(self, family: Family) -> Mapping[str, tuple[str, ...]]:
        """The tables that the plan has made and no other plan uses, and its chains there."""
        made = self.made(family)
        tables = [t for t in self._tables(family) if t.name in made]
        return {t.name: self._own(t) for t in tables if not others_of(t, self.tag)}

    def made(self, family: Family) -> frozenset[str]:
        """The tables that the plan has made."""
        return frozenset(made_tables((c for t in self._tables(family) for c in t.chains), self.tag))

    def absent(self, family: Family) -> frozenset[str]:
        """The tables that a plan would make."""
        return frozenset(TABLES.values()) - {t.name for t in self._tables(family)}

    # What leads there.

    def jumps(self, family: Family) -> Mapping[str, tuple[str, ...]]:
        """By table, the lines that take away what leads to its chains now."""
        names = {chain.name for chain in self._chains()}
        return {t.name: tuple(jump_removals(t, names)) for t in self._tables(family)}

    # What is lacking.

    def missing(self, plan: ForwardingPlan) -> Iterator[str]:
        """What is not there, or not as planned."""
        if plan.backend == "nftables":
            yield from self._missing_native(plan)
            return
        for version, family in FAMILIES:
            if version in plan.families:
                wanted = parse_iptables(restore_text(plan, version), family)
                for table in wanted.tables:
                    yield from self._missing(plan, version, table)

    def _missing(
        self, plan: ForwardingPlan, version: Literal[4, 6], wanted: Table
    ) -> Iterator[str]:
        tables = self.iptables().tables
        known = (t for t in tables if (t.family, t.name) == (wanted.family, wanted.name))
        table = next(known, None) or evolve(wanted, chains=())
        for place in Place:
            planned = wanted.chain(plan.chain(place))
            if planned is None or TABLES[place] != wanted.name:
                continue
            chain = table.chain(planned.name)
            if chain is None or not _same(chain.rules, planned.rules):
                yield f"chain {planned.name} in {wanted.family} {wanted.name} as planned"
            parent = parent_chain(plan, place, version)
            if not _leads(table.chain(parent), planned.name):
                yield f"a rule in {parent} that leads to {planned.name}"

    def _missing_native(self, plan: ForwardingPlan) -> Iterator[str]:
        table = self.table()
        for place in Place:
            wanted = sum(rule.place is place for rule in plan.rules)
            chain = None if table is None else table.chain(place.name.lower())
            found = () if chain is None else chain.rules
            if sum(rule.comment == self.tag for rule in found) != wanted:
                yield f"{wanted} rules at {place.name.lower()}"

    def is_behind(self, plan: ForwardingPlan, stopping: Iterable[PlacedRule]) -> bool:
        """Whether a rule that stops it stands in a chain from which the plan's are reached."""
        parents = {
            (family, TABLES[place], parent_chain(plan, place, version))
            for version, family in FAMILIES
            for place in Place
        }
        return plan.backend == "iptables" and any(
            (one.family, one.table, one.chain) in parents and one.backend == self.backend
            for one in stopping
        )


def _leads(chain: Chain | None, name: str) -> bool:
    rules = () if chain is None else chain.rules
    return any(r.target == name and r.effect is Effect.JUMP and not r.conditions for r in rules)


def _same(found: Iterable[Rule], planned: Iterable[Rule]) -> bool:
    """Whether rules ask and do the same; what only remembers does nothing."""
    return _meaning(found) == _meaning(planned)


def _meaning(rules: Iterable[Rule]) -> list[tuple[frozenset[object], Effect]]:
    return [(frozenset(r.conditions), r.effect) for r in rules if r.effect is not Effect.NOTHING]
