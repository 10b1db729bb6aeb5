"""What the doctor finds: findings with evidence and fix, and the report of all of them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from attrs import field, frozen

from dockernet._shown import shown_lines
from dockernet.doctor.codes import ENTRIES, Code, Entry, Severity

__all__ = ["Evidence", "Finding", "Fix", "Kind", "Report"]

_ORDER: Final = {severity: number for number, severity in enumerate(Severity)}


class Kind(StrEnum):
    """What a piece of evidence is."""

    FILE = "file"
    """A file of the kernel or of a container, and what it says."""
    RULE = "rule"
    """A rule of a firewall, and where it stands."""
    REPLY = "reply"
    """What came of dialling, or of asking a name server."""
    ENGINE = "engine"
    """What the engine says."""


@frozen
class Evidence:
    """What was seen, and where.

    Attributes:
        kind: What it is.
        where: The file, the rule's place, the address that was dialled.
        text: What it says.
    """

    kind: Kind
    where: str
    text: str

    def __str__(self) -> str:
        return shown_lines(f"{self.kind} {self.where}: {self.text}")


@frozen
class Fix:
    """What mends it: commands, a change, or either of them.

    Attributes:
        commands: Commands as lists of words, one after the other; each is run on the
            engine's host, where nothing else is said.
        change: A change in words.

    Example:
        >>> from dockernet.doctor import Fix
        >>> Fix((("docker", "start", "web; reboot"),)).command
        "docker start 'web; reboot'"
    """

    commands: tuple[tuple[str, ...], ...] = ()
    change: str = ""

    @property
    def command(self) -> str:
        """The commands as one line for a shell, every word quoted; empty without any."""
        return " && ".join(map(shlex.join, self.commands))

    def __str__(self) -> str:
        return shown_lines(self.command or self.change)


@frozen(kw_only=True)
class Finding:
    """Something that is wrong or worth knowing, or could not be looked at.

    Attributes:
        code: The stable code.
        subject: What it is about: a peer, a network, a file.
        observed: What was observed, in one clause.
        evidence: What was seen, and where.
        fix: What mends it.
        causes: The codes of other findings of the same report that it is due to.
    """

    code: Code
    subject: str
    observed: str
    evidence: tuple[Evidence, ...] = ()
    fix: Fix = field(factory=Fix)
    causes: tuple[Code, ...] = ()

    @property
    def entry(self) -> Entry:
        """What the table of codes says of it."""
        return ENTRIES[self.code]

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return self.entry.severity

    @property
    def follows(self) -> str:
        """What follows from it."""
        return self.entry.follows

    @property
    def page(self) -> str:
        """The page of the documentation about it."""
        return self.entry.page

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterable[str]:
        yield shown_lines(f"{self.severity} {self.code}: {self.observed}")
        yield from (f"  seen: {one}" for one in self.evidence)
        yield f"  so: {self.follows}"
        if self.causes:
            yield f"  due to: {', '.join(self.causes)}"
        if self.fix.command:
            yield f"  fix: {self.fix}"
        if self.fix.change:
            yield shown_lines(f"  {'or' if self.fix.command else 'fix'}: {self.fix.change}")
        yield f"  page: {self.page}"


@frozen(kw_only=True)
class Report:
    """What an examination came to.

    Attributes:
        target: The target as it was asked for; empty where everything was examined.
        stand: From where it was examined, in words.
        findings: The findings, the worst first.
        notes: What is so and is no fault, for people.
    """

    target: str = ""
    stand: str = ""
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """The findings that something is wrong: faults and warnings."""
        return tuple(f for f in self.findings if f.severity in (Severity.FAULT, Severity.WARNING))

    @property
    def notices(self) -> tuple[Finding, ...]:
        """The findings that are no fault, and worth knowing."""
        return tuple(f for f in self.findings if f.severity is Severity.NOTICE)

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong, as far as it could be examined."""
        return not self.wrong

    @property
    def complete(self) -> bool:
        """Whether nothing was left unexamined for want of permission."""
        return all(f.code is not Code.NOT_PERMITTED for f in self.findings)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> tuple[str, ...]:
        """The report for people, line by line."""
        head = f"{self.target or 'everything'}, examined from {self.stand or 'here'}"
        found = (line for one in self.findings for line in str(one).split("\n"))
        verdict = () if self.wrong else ("nothing wrong was found",)
        notes = (shown_lines(f"note: {note}") for note in self.notes)
        return (shown_lines(head), *found, *verdict, *notes)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings, each once, the worst first."""
    return tuple(
        sorted(
            dict.fromkeys(findings),
            key=lambda f: (_ORDER[f.severity], f.code, f.subject, f.observed),
        )
    )
