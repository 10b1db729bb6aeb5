"""The verb that examines why something does not connect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dockernet._cli import documents
from dockernet._cli.answers import FOUND, NOTHING, UNASKED, Answer, Line, Tone
from dockernet._cli.request import Request
from dockernet.doctor import Finding, Report, Severity, examine

__all__ = ["doctor"]

_TONES: Final = {
    Severity.FAULT: Tone.REFUSAL,
    Severity.WARNING: Tone.HEADING,
    Severity.NOTICE: Tone.PLAIN,
    Severity.NOT_EXAMINED: Tone.ASIDE,
}
_FIX: Final = "  fix: "


def doctor(request: Request, *, target: str | None, outside: str | None) -> Answer:
    """Show what is wrong, and what mends it."""
    if request.names_source:
        with request.engine() as engine:
            found = examine(
                target,
                engine=engine,
                seen_from=request.origin,
                outside=outside,
                timeout=request.timeout,
            )
    else:
        found = examine(target, seen_from=request.origin, outside=outside, timeout=request.timeout)
    return Answer(
        verb="doctor",
        parts={"report": documents.report(found)},
        shown=tuple(_lines(found)),
        status=_status(found),
    )


def _status(found: Report) -> int:
    """Something is wrong; or nothing is, but not all was permitted to be looked at.

    What is worth knowing and is no fault costs nothing.
    """
    if found.wrong:
        return NOTHING
    return FOUND if found.complete else UNASKED


def _lines(found: Report) -> Iterator[Line]:
    head, *_ = found.lines()
    yield Line(head, Tone.HEADING)
    for finding in found.findings:
        yield from _finding(finding)
    if found.healthy:
        yield Line("nothing wrong was found", Tone.ANSWER)
    yield from (Line(f"note: {note}", Tone.ASIDE) for note in found.notes)


def _finding(finding: Finding) -> Iterator[Line]:
    first, *rest = str(finding).split("\n")
    yield Line(first, _TONES[finding.severity])
    yield from (Line(line, Tone.COMMAND if line.startswith(_FIX) else Tone.PLAIN) for line in rest)
