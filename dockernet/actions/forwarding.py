"""What a plan of forwarding does to this machine: apply, remove, and how it stands.

A family's rules are one run of ``iptables-restore --noflush``, which takes each table as
a whole or not at all; of nftables all is one transaction. The rules come before the
kernel's forwarding is turned on, and go after it is turned off, so that what was
interrupted between the two lets nothing through and is not forgotten. What a plan has
changed beside rules, its own chains remember; they are the last of it to go.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from attrs import evolve, frozen

from dockernet._passage import stopping
from dockernet.actions._locking import locked_beside
from dockernet.actions._trace import FAMILIES, Family, Trace, tags_in
from dockernet.errors import SourceError
from dockernet.formats.forwarding import (
    chain_removals,
    nft_removal,
    nft_script,
    removal_text,
    restore_text,
    section,
)
from dockernet.formats.nftables import parse_nftables
from dockernet.model.firewalls import USER_CHAIN, Firewall
from dockernet.model.forwarding import ForwardingPlan
from dockernet.model.forwarding_status import ForwardingState, ForwardingStatus
from dockernet.sources._programs import Done, run_program, which_program
from dockernet.sources.firewall import SOURCE, Which, lacking, read_firewall
from dockernet.sources.vantage import read_vantage

__all__ = ["Machine"]

_ROOT: Final = Path("/")
_LOCK: Final = "run/dockernet-forwarding"
_WAIT: Final = "5"  # seconds that iptables waits for others
_OFF: Final = "0"


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
        trace = Trace(firewall, plan.tag)
        missing = list(trace.missing(_at_home(plan, firewall)))
        missing += [f"{name}=1" for name in plan.forwards if self._setting(name) == _OFF]
        turned_on = trace.turned_on()
        if missing:
            state = ForwardingState.IN_PART if trace.is_there() else ForwardingState.NOT_APPLIED
            return ForwardingStatus(state=state, missing=tuple(missing), turned_on=turned_on)
        stopped_by = stopping(plan.rules, firewall, read_vantage(self.root))
        state = ForwardingState.STOPPED if stopped_by else ForwardingState.APPLIED
        return ForwardingStatus(state=state, turned_on=turned_on, stopped_by=stopped_by)

    def tags(self) -> tuple[str, ...]:
        """The tags of all plans that are applied here, or in part."""
        return tags_in(self.firewall())

    # Changing it.

    def apply(self, plan: ForwardingPlan) -> bool:
        """Apply a plan; tells whether anything changed.

        Raises:
            SourceError: It cannot be; nothing of the plan is there then.
        """
        with self._alone():
            firewall = self.firewall()
            status, trace = self._status(plan, firewall), Trace(firewall, plan.tag)
            home = _at_home(plan, firewall)
            if not (status.missing or trace.is_behind(home, status.stopped_by)):
                return False
            off = [name for name in plan.forwards if self._setting(name) == _OFF]
            turned_on = tuple(dict.fromkeys((*status.turned_on, *off)))
            try:
                self._write(home, trace, turned_on)
                for name in off:
                    self._set(name, "1")
            except BaseException:  # an interrupt, too
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

    def _write(self, plan: ForwardingPlan, trace: Trace, turned_on: tuple[str, ...]) -> None:
        if plan.backend == "nftables":
            self._nft(nft_script(plan, turned_on))
            return
        for version, family in FAMILIES:
            if version in plan.families:
                made = trace.made(family) | trace.absent(family)
                text = restore_text(plan, version, turned_on, made, trace.jumps(family))
                self._restore(family, text, trace.backend)

    def _take_away(self, tag: str) -> bool:
        """Remove all of a plan; what was interrupted is done to its end by the next."""
        trace = Trace(self.firewall(), tag)
        if not trace.is_there():
            return False
        for name in trace.turned_on():
            self._take_back(name, trace)
        for _, family in FAMILIES:
            kept = self._to_unmake(family, trace)
            text = removal_text(trace.iptables(), family, tag, kept)
            if text:
                self._restore(family, text, trace.backend)
        for _, family in FAMILIES:
            for name, own in sorted(self._to_unmake(family, trace).items()):
                self._unmake(family, name, own)
        if trace.table() is not None:
            self._nft(nft_removal(tag))
        return True

    def _take_back(self, setting: str, trace: Trace) -> None:
        """Turn a setting off again; where another plan needs it, that one remembers it."""
        heir = trace.heir(setting)
        if heir is None:
            if self._setting(setting) != _OFF:
                self._set(setting, _OFF)
        elif heir.remembers:
            return
        elif heir.family is None:
            self._nft(heir.text(setting))
        else:
            self._restore(heir.family, heir.text(setting), trace.backend)

    def _to_unmake(self, family: Family, trace: Trace) -> Mapping[str, tuple[str, ...]]:
        """The tables that a plan had made and can take away, and its chains there.

        The modules of the legacy variant make its tables, and nobody takes them away.
        """
        if trace.backend != "iptables-nft" or self.which("nft") is None:
            return {}
        return trace.own_tables(family)

    def _unmake(self, family: Family, name: str, own: tuple[str, ...]) -> None:
        """Take away a table that a plan had made; if somebody uses it now, its chains alone.

        Chains that have rules iptables does not remove; nft would. The plan's own go last:
        they remember that the table is to go.
        """
        with suppress(SourceError):  # somebody has come to use it
            others = self._others(family, name, own)
            if others is not None:
                if others:
                    text = section(name, [f"-X {chain}" for chain in others])
                    self._restore(family, text, "iptables-nft")
                self._nft(f"delete table {family} {name}\n")
                return
        self._restore(family, section(name, chain_removals(own)), "iptables-nft")

    def _others(self, family: Family, name: str, own: tuple[str, ...]) -> tuple[str, ...] | None:
        """A table's chains beside the plan's; ``None`` where somebody uses them."""
        told = self.run(
            [str(self.which("nft")), "-j", "list", "table", family, name], "", self.timeout
        )
        if told.code:
            return None
        tables = parse_nftables(told.out).tables
        others = [chain for t in tables for chain in t.chains if chain.name not in own]
        used = any(chain.rules or chain.hook is None for chain in others)
        return None if used else tuple(chain.name for chain in others)

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

    def _restore(self, family: Family, text: str, backend: str) -> None:
        name = f"{family}tables-restore"
        variant = f"{family}tables-{backend.removeprefix('iptables-')}-restore"
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
    found = tuple(v for v in (4, 6) if firewall.has_chain(USER_CHAIN, v))
    return evolve(plan, user_chain=found)
