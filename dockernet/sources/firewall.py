"""The firewall of this machine, as ``iptables-save`` and ``nft`` tell it.

It is that of this process's network namespace. Both variants of iptables are read where
both are there: the kernel heeds them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal

from attrs import frozen

from dockernet.errors import FormatError, SourceError
from dockernet.formats.iptables import parse_iptables
from dockernet.formats.nftables import NftRuleset, parse_nftables
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.firewalls import Firewall, Table
from dockernet.sources._programs import Done, run_program, which_program

__all__ = ["SOURCE", "lacking", "read_firewall"]

SOURCE: Final = "firewall"
_ROOT: Final = Path("/")
_FAMILIES: Final[tuple[tuple[Literal["ip", "ip6"], str], ...]] = (
    ("ip", "iptables"),
    ("ip6", "ip6tables"),
)
# What they say to those who may not: of iptables, nft and the kernel.
_DENIED: Final = ("must be root", "permission denied", "operation not permitted")
_NO_ROOT: Final = "{what} needs root, or the capability CAP_NET_ADMIN: run it with sudo"

Run = Callable[[list[str], float], Done]
Which = Callable[[str], str | None]


def _run(command: list[str], timeout: float) -> Done:
    return run_program(SOURCE, command, timeout=timeout)


def lacking(what: str, done: Done) -> SourceError:
    """The error for a program that failed: what is lacking, where it is permission."""
    said = done.said
    if any(word in said.lower() for word in _DENIED):
        return SourceError(SOURCE, _NO_ROOT.format(what=what))
    return SourceError(SOURCE, f"{what} failed: {said}")


def read_firewall(
    timeout: float = 5.0, *, root: Path = _ROOT, run: Run = _run, which: Which = which_program
) -> Firewall:
    """Read every rule that stands in a packet's way on this machine.

    Args:
        timeout: Seconds for each program that is asked.
        root: The folder that holds ``proc``.
        run: What runs a program.
        which: What finds a program's path.

    Raises:
        SourceError: There is no program to ask, or it may not be asked: it says what
            is lacking.
    """
    return _Reading(timeout, root, run, which).firewall()


@frozen
class _Reading:
    timeout: float
    root: Path
    run: Run
    which: Which

    def firewall(self) -> Firewall:
        nft = self.which("nft")
        asked: list[tuple[Literal["ip", "ip6"], str, str]] = [
            (f, path, name) for f, name in _FAMILIES for path in self._savers(name)
        ]
        if not asked and nft is None:
            raise SourceError(SOURCE, "neither iptables-save nor nft is there: install one")
        tables: list[Table] = []
        odd: list[Diagnostic] = []
        for family, path, name in asked:
            saved = parse_iptables(self._asked(f"{name}-save", [path, "-c"]), family)
            tables += saved.tables
            odd += saved.diagnostics
        unread = list(self._unread_legacy(tables))
        if nft is None:
            unread.append("nftables")
        else:
            told = self._nftables(nft)
            known = {(t.family, t.name) for t in tables if t.backend == "iptables-nft"}
            tables += (t for t in told.tables if (t.family, t.name) not in known)
            unread += told.unread
            odd += told.diagnostics
        return Firewall(tables=tuple(tables), unread=tuple(unread), diagnostics=tuple(odd))

    def _savers(self, name: str) -> list[str]:
        """What to run for a family: each variant by its name, else the one there is.

        The legacy variant loads its modules into the kernel where they are not there; it
        is left alone then, for it has no rules.
        """
        newer, older = self.which(f"{name}-nft-save"), self.which(f"{name}-legacy-save")
        if newer is None:
            only = self.which(f"{name}-save")
            return [only] if only is not None else []
        used = older is not None and self._has_legacy(name)
        return [newer, older] if used and older is not None else [newer]

    def _unread_legacy(self, tables: list[Table]) -> Iterator[str]:
        """The families of which the kernel has rules of the legacy variant that nobody told."""
        told = {t.family for t in tables if t.backend == "iptables-legacy"}
        for family, name in _FAMILIES:
            if family not in told and self._has_legacy(name):
                yield f"{name}-legacy"

    def _has_legacy(self, name: str) -> bool:
        """Whether the kernel has tables of the legacy variant."""
        names = self.root / "proc/net" / f"{name.removesuffix('tables')}_tables_names"
        try:
            return bool(names.read_text(encoding="utf-8", errors="replace").strip())
        except PermissionError:
            raise SourceError(SOURCE, _NO_ROOT.format(what=f"{name}-save")) from None
        except OSError:
            return False

    def _nftables(self, path: str) -> NftRuleset:
        try:
            return parse_nftables(self._asked("nft", [path, "-j", "list", "ruleset"]))
        except FormatError as error:
            raise SourceError(SOURCE, f"nft makes no sense: {error.reason}") from error

    def _asked(self, name: str, command: list[str]) -> str:
        done = self.run(command, self.timeout)
        if done.code:
            raise lacking(name, done)
        return done.out
