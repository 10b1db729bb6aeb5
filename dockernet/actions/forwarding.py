"""What a plan of forwarding does to this machine: apply, remove, and how it stands.

A family's rules are one run of ``iptables-restore --noflush``, which takes each table as
a whole or not at all; of nftables all is one transaction. The rules come before the
kernel's forwarding is turned on, and go after it is turned off, so that what was
interrupted between the two lets nothing through and is not forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal

from attrs import evolve, frozen

from dockernet._forwarding import engine_backend
from dockernet.actions._locking import locked_beside
from dockernet.errors import SourceError
from dockernet.formats.forwarding import (
    TABLES,
    heirs_of,
    jump_removals,
    made_tables,
    nft_reminders,
    nft_removal,
    nft_script,
    parent_chain,
    remembered,
    removal_text,
    restore_text,
    section,
    tag_of_table,
)
from dockernet.formats.iptables import parse_iptables
from dockernet.formats.nftables import parse_nftables
from dockernet.model.firewalls import Chain, Effect, Firewall, Rule, Table
from dockernet.model.forwarding import ForwardingPlan, Place, tag_of
from dockernet.sources._programs import Done, run_program, which_program
from dockernet.sources.firewall import SOURCE, Which, lacking, read_firewall

__all__ = ["ForwardingState", "ForwardingStatus", "Machine"]

_ROOT: Final = Path("/")
_LOCK: Final = "run/dockernet-forwarding"
_FAMILIES: Final[tuple[tuple[Literal[4, 6], Literal["ip", "ip6"], str], ...]] = (
    (4, "ip", "iptables"),
    (6, "ip6", "ip6tables"),
)
_WAIT: Final = "5"  # seconds that iptables waits for others
_OFF: Final = "0"
_USER_CHAIN: Final = "DOCKER-USER"


class ForwardingState(StrEnum):
    """How a plan stands."""

    NOT_APPLIED = "not applied"
    IN_PART = "in part"
    APPLIED = "applied"


@frozen(kw_only=True)
class ForwardingStatus:
    """How a plan stands on this machine.

    Attributes:
        state: Whether it is applied.
        missing: What is not there, or not as planned.
        turned_on: The kernel's settings that it has turned on, and will take back.
    """

    state: ForwardingState
    missing: tuple[str, ...] = ()
    turned_on: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "; ".join((self.state, *(f"lacks {one}" for one in self.missing)))


Run = Callable[[list[str], str, float], Done]


def _run(command: list[str], text: str, timeout: float) -> Done:
    return run_program(SOURCE, command, text=text, timeout=timeout)


@frozen
class Machine:
    """This machine, whose firewall is changed.

    Attributes:
        timeout: Seconds for each program, and to wait for others who change it.
        root: The folder that holds ``proc`` and ``run``.
        run: What runs a program.
        which: What finds a program's path.
    """

    timeout: float = 10.0
    root: Path = _ROOT
    run: Run = _run
    which: Which = which_program

    def firewall(self) -> Firewall:
        """Read its firewall."""

        def run(command: list[str], timeout: float) -> Done:
            return self.run(command, "", timeout)

        return read_firewall(self.timeout, root=self.root, run=run, which=self.which)

    # How it stands.

    def status(self, plan: ForwardingPlan) -> ForwardingStatus:
        """Tell how a plan stands."""
        return self._status(plan, self.firewall())

    def _status(self, plan: ForwardingPlan, firewall: Firewall) -> ForwardingStatus:
        here = _Here(firewall, plan.tag)
        missing = list(here.missing(_at_home(plan, firewall)))
        missing += [f"{name}=1" for name in plan.forwards if self._setting(name) == _OFF]
        state = ForwardingState.IN_PART if missing else ForwardingState.APPLIED
        if not here.is_there():
            state = ForwardingState.NOT_APPLIED
        return ForwardingStatus(state=state, missing=tuple(missing), turned_on=here.remembered())

    def tags(self) -> tuple[str, ...]:
        """The tags of all plans that are applied here, or in part."""
        firewall = self.firewall()
        found = {tag_of(chain.name) for table in firewall.tables for chain in table.chains}
        found |= {tag_of_table(t.name) for t in firewall.tables if t.family == "inet"}
        return tuple(sorted(tag for tag in found if tag is not None))

    # Changing it.

    def apply(self, plan: ForwardingPlan) -> bool:
        """Apply a plan; tells whether anything changed.

        Raises:
            SourceError: It cannot be; nothing of the plan is there then.
        """
        with self._alone():
            firewall = self.firewall()
            status = self._status(plan, firewall)
            if status.state is ForwardingState.APPLIED:
                return False
            off = [name for name in plan.forwards if self._setting(name) == _OFF]
            turned_on = tuple(dict.fromkeys((*status.turned_on, *off)))
            try:
                self._write(_at_home(plan, firewall), firewall, turned_on)
                for name in off:
                    self._set(name, "1")
            except SourceError:
                self._take_away(plan.tag)
                raise
            return True

    def remove(self, tag: str) -> bool:
        """Remove all that has a tag; tells whether anything was there.

        Raises:
            SourceError: It cannot be.
        """
        with self._alone():
            return self._take_away(tag)

    def _write(self, plan: ForwardingPlan, firewall: Firewall, turned_on: tuple[str, ...]) -> None:
        if plan.backend == "nftables":
            self._nft(nft_script(plan, turned_on))
            return
        here = _Here(firewall, plan.tag)
        for version, family, _ in _FAMILIES:
            if version in plan.families:
                made = here.made(family) | here.absent(family)
                text = restore_text(plan, version, turned_on, made, here.jumps(family))
                self._restore(family, text, engine_backend(firewall.tables))

    def _take_away(self, tag: str) -> bool:
        firewall = self.firewall()
        here = _Here(firewall, tag)
        if not here.is_there():
            return False
        for name in here.to_take_back():
            self._set(name, _OFF)
        backend = engine_backend(firewall.tables)
        for _, family, _ in _FAMILIES:
            text = removal_text(here.iptables(), family, tag)
            if text:
                self._restore(family, text, backend)
            if backend == "iptables-nft":  # the modules of the other make its tables
                self._unmake(family, here.made(family))
        if here.table() is not None:
            heirs = here.native_heirs()[:1]
            told = "".join(nft_reminders(heir, here.remembered()) for heir in heirs)
            self._nft(nft_removal(tag) + told)
        return True

    def _unmake(self, family: Literal["ip", "ip6"], made: frozenset[str]) -> None:
        """Take away tables that a plan had made, if nobody uses them now.

        Chains that have rules iptables does not remove; nft would.
        """
        path = self.which("nft")
        for name in sorted(made) if path is not None else ():
            told = self.run([str(path), "-j", "list", "table", family, name], "", self.timeout)
            chains = parse_nftables(told.out).tables[0].chains if told.code == 0 else ()
            if chains and not any(chain.rules or chain.hook is None for chain in chains):
                with suppress(SourceError):  # somebody has come to use it
                    lines = [f"-X {chain.name}" for chain in chains]
                    self._restore(family, section(name, lines), "iptables-nft")
                    self._nft(f"delete table {family} {name}\n")

    @contextmanager
    def _alone(self) -> Generator[None]:
        """Nobody else of ours changes it meanwhile."""
        try:
            with locked_beside(self.root / _LOCK, self.timeout):
                yield
        except PermissionError as error:
            raise SourceError(SOURCE, "changing it needs root: run it with sudo") from error
        except OSError as error:
            reason = f"{self.root / _LOCK} cannot be locked ({error.strerror}): try again"
            raise SourceError(SOURCE, reason) from error

    def _restore(self, family: Literal["ip", "ip6"], text: str, backend: str) -> None:
        names = {told: name for _, told, name in _FAMILIES}
        name = f"{names[family]}-restore"
        variant = f"{names[family]}-{backend.removeprefix('iptables-')}-restore"
        path = self.which(variant) or self.which(name)
        if path is None:
            raise SourceError(SOURCE, f"{name} is not there: install iptables")
        self._done(name, [path, "--noflush", "-w", _WAIT], text)

    def _nft(self, script: str) -> None:
        path = self.which("nft")
        if path is None:
            raise SourceError(SOURCE, "nft is not there: install nftables")
        self._done("nft", [path, "-f", "-"], script)

    def _done(self, name: str, command: list[str], text: str) -> None:
        done = self.run(command, text, self.timeout)
        if done.code:
            raise lacking(name, done)

    # The kernel's settings.

    def _path(self, name: str) -> Path:
        return self.root / "proc/sys" / name.replace(".", "/")

    def _setting(self, name: str) -> str:
        try:
            return self._path(name).read_text(encoding="ascii").strip()
        except OSError:  # a kernel without the family
            return ""

    def _set(self, name: str, value: str) -> None:
        try:
            self._path(name).write_text(value, encoding="ascii")
        except OSError as error:
            reason = f"{name} cannot be set to {value} ({error.strerror}): set it by hand"
            raise SourceError(SOURCE, reason) from error


def _at_home(plan: ForwardingPlan, firewall: Firewall) -> ForwardingPlan:
    """A plan that knows where DOCKER-USER is now."""
    found = tuple(v for v in (4, 6) if firewall.has_chain(_USER_CHAIN, v))
    return evolve(plan, user_chain=found)


@frozen
class _Here:
    """What is there of a plan."""

    firewall: Firewall
    tag: str

    def iptables(self) -> Firewall:
        """The tables of the variant of iptables that is used."""
        backend = engine_backend(self.firewall.tables)
        kept = (t for t in self.firewall.tables if t.backend == backend)
        return Firewall(tables=tuple(kept))

    def table(self) -> Table | None:
        """Our table of nftables."""
        ours = (t for t in self.firewall.tables if t.family == "inet")
        return next((t for t in ours if tag_of_table(t.name) == self.tag), None)

    def chains(self) -> tuple[Chain, ...]:
        """Our chains, of either kind."""
        table = self.table()
        ours = (
            chain
            for found in self.iptables().tables
            for chain in found.chains
            if tag_of(chain.name) == self.tag
        )
        return (*ours, *(table.chains if table is not None else ()))

    def is_there(self) -> bool:
        return bool(self.chains()) or self.table() is not None

    def remembered(self) -> tuple[str, ...]:
        return remembered(self.chains(), self.tag)

    def to_take_back(self) -> tuple[str, ...]:
        """The settings to be turned off again: no other plan needs them."""
        others = any(heirs_of(table, self.tag) for table in self.iptables().tables)
        return () if others or self.native_heirs() else self.remembered()

    def native_heirs(self) -> tuple[str, ...]:
        """The tags of other plans of nftables that need the kernel to forward, too."""
        chain = Place.FORWARD.name.lower()
        tables = (t for t in self.firewall.tables if t.family == "inet" and t.chain(chain))
        tags = (tag_of_table(table.name) for table in tables)
        return tuple(tag for tag in tags if tag is not None and tag != self.tag)

    def jumps(self, family: Literal["ip", "ip6"]) -> Mapping[str, tuple[str, ...]]:
        """By table, the lines that take away what leads to our chains now."""
        names = {chain.name for chain in self.chains()}
        tables = (t for t in self.iptables().tables if t.family == family)
        return {table.name: tuple(jump_removals(table, names)) for table in tables}

    def made(self, family: Literal["ip", "ip6"]) -> frozenset[str]:
        """The tables that the plan has made."""
        tables = (t for t in self.iptables().tables if t.family == family)
        return frozenset(made_tables((c for t in tables for c in t.chains), self.tag))

    def absent(self, family: Literal["ip", "ip6"]) -> frozenset[str]:
        """The tables that a plan would make."""
        there = {t.name for t in self.iptables().tables if t.family == family}
        return frozenset(TABLES.values()) - there

    def missing(self, plan: ForwardingPlan) -> Iterator[str]:
        """What is not there, or not as planned."""
        if plan.backend == "nftables":
            yield from self._missing_native(plan)
            return
        for version, family, _ in _FAMILIES:
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


def _leads(chain: Chain | None, name: str) -> bool:
    rules = () if chain is None else chain.rules
    return any(r.target == name and r.effect is Effect.JUMP and not r.conditions for r in rules)


def _same(found: Iterable[Rule], planned: Iterable[Rule]) -> bool:
    """Whether rules ask and do the same; what only remembers does nothing."""
    return _meaning(found) == _meaning(planned)


def _meaning(rules: Iterable[Rule]) -> list[tuple[frozenset[object], Effect]]:
    return [(frozenset(r.conditions), r.effect) for r in rules if r.effect is not Effect.NOTHING]
