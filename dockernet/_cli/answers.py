"""What a verb answers: a document for programs, a table or lines for people."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from enum import Enum
from typing import Final

from attrs import field, frozen

from dockernet.model.diagnostics import Diagnostic
from dockernet.model.mappings import SecretMap

__all__ = [
    "FOUND",
    "NOTHING",
    "SCHEMA",
    "UNASKED",
    "USAGE",
    "Answer",
    "Exact",
    "Line",
    "News",
    "Outcome",
    "Shown",
    "Stream",
    "Successor",
    "Table",
    "Tone",
]

SCHEMA: Final = 1
"""The version of the form of every JSON document; it grows when a field changes."""

# Exit codes.
FOUND: Final = 0
NOTHING: Final = 1
USAGE: Final = 2
UNASKED: Final = 3

Cell = str | tuple[str, ...]


@frozen
class Table:
    """Rows of cells.

    Attributes:
        columns: The headings; a table without any is printed without them.
        rows: The rows; a cell of several items has one line for each on a terminal.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


class Tone(Enum):
    """What a line is, so that a terminal can show it."""

    PLAIN = "plain"
    HEADING = "heading"
    COMMAND = "command"
    ANSWER = "answer"
    ASIDE = "aside"
    REFUSAL = "refusal"


@frozen
class Line:
    """A line of text."""

    text: str = ""
    tone: Tone = Tone.PLAIN


@frozen
class Exact:
    """A text for another program: written as it is, byte for byte.

    A terminal alone is shown it with control characters escaped. It may hold secrets.
    """

    text: str = field(repr=False)


Shown = Table | tuple[Line, ...] | Exact


@frozen
class Successor:
    """The command that this process becomes; all output is the command's.

    Attributes:
        command: The program and its arguments.
        environ: All variables of it.
        diagnostics: What was left out, for standard error.
    """

    command: tuple[str, ...]
    environ: SecretMap
    diagnostics: tuple[Diagnostic, ...] = ()


@frozen(kw_only=True)
class Answer:
    """What a verb answers. Nothing in it is escaped yet.

    Attributes:
        verb: The verb.
        parts: The parts of the JSON document, beside its schema and its verb.
        shown: What a person is shown.
        status: The exit code.
        remark: A sentence for standard error.
        diagnostics: What was left out, for standard error.
    """

    verb: str
    parts: Mapping[str, object]
    shown: Shown
    status: int = FOUND
    remark: str | None = None
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def document(self) -> dict[str, object]:
        """The JSON document."""
        return _document(self.verb, self.parts)


@frozen
class News:
    """What is told at once of an answer that goes on.

    Attributes:
        parts: The parts of its JSON document.
        shown: What a person is shown.
    """

    parts: Mapping[str, object]
    shown: tuple[Line, ...]


@frozen(eq=False)
class Stream:
    """An answer that goes on, until the process is interrupted.

    Attributes:
        verb: The verb.
        news: What is told, as it comes; to close it ends it.
    """

    verb: str
    news: Generator[News]

    def document(self, news: News) -> dict[str, object]:
        """The JSON document of one of them."""
        return _document(self.verb, news.parts)


Outcome = Answer | Stream | Successor
"""What comes of a verb."""


def _document(verb: str, parts: Mapping[str, object]) -> dict[str, object]:
    return {"schema": SCHEMA, "verb": verb, **parts}
