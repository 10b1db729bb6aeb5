"""Errors as a sentence, a document and an exit code."""

from __future__ import annotations

from typing import Final, cast

import click
from attrs import frozen

from dockernet._cli import documents
from dockernet._cli.answers import NOTHING, SCHEMA, UNASKED, USAGE
from dockernet._shown import shown_lines
from dockernet.errors import (
    CommandError,
    FormatError,
    ForwardingError,
    LaunchError,
    NotReadyError,
    PeerNotFoundError,
    SourceError,
    UnreachableError,
)
from dockernet.model.conflicts import PortConflict
from dockernet.refusals import Refusal

__all__ = ["BUG", "INTERRUPTED", "UNREAD", "Failure"]

BUG: Final = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED: Final = 130  # what a shell says of a program that SIGINT ended
UNREAD: Final = 141  # the same for SIGPIPE

_CODES: Final[tuple[tuple[type[Exception], int], ...]] = (
    (FormatError, USAGE),
    (click.ClickException, USAGE),
    (PeerNotFoundError, NOTHING),
    (UnreachableError, NOTHING),
    (LaunchError, NOTHING),
    (ForwardingError, NOTHING),
    (NotReadyError, NOTHING),
    (SourceError, UNASKED),
)
_FACTS: Final = (
    "text",
    "command",
    "position",
    "reason",
    "source",
    "subject",
    "target",
    "asked",
    "near_misses",
    "candidates",
    "refusals",
    "image",
    "conflicts",
    "timeout",
    "time_line",
)


@frozen
class Failure:
    """Why there is no answer.

    Attributes:
        kind: The error's class.
        message: One sentence.
        facts: The error's own attributes.
        code: The exit code.
    """

    kind: str
    message: str
    facts: documents.Document
    code: int

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """What an error says."""
        code = next((code for kind, code in _CODES if isinstance(error, kind)), BUG)
        if isinstance(error, CommandError):
            code = error.exit_code
        facts = {name: _plain(getattr(error, name)) for name in _FACTS if hasattr(error, name)}
        return cls(type(error).__name__, shown_lines(_message(error, code)), facts, code)

    @property
    def document(self) -> documents.Document:
        """The JSON document."""
        error = {"kind": self.kind, "message": self.message, **self.facts}
        return {"schema": SCHEMA, "error": error}


def _message(error: Exception, code: int) -> str:
    if isinstance(error, click.ClickException):
        return _usage(error)
    if code == BUG:
        kind, what = type(error).__name__, " ".join(str(error).split())
        return f"a fault of dockernet itself, {kind}: {what} (python -X dev shows where)"
    return "; ".join((str(error), *getattr(error, "__notes__", ())))


def _usage(error: click.ClickException) -> str:
    sentence = " ".join(error.format_message().split()).removesuffix(".")
    context = getattr(error, "ctx", None)
    command = context.command_path if isinstance(context, click.Context) else "dockernet"
    return f"{sentence[:1].lower()}{sentence[1:]} (see {command} --help)"


def _plain(value: object) -> object:
    """A fact as JSON has it."""
    if isinstance(value, tuple):
        return [_plain(item) for item in cast("tuple[object, ...]", value)]
    if isinstance(value, PortConflict):
        return documents.conflict(value)
    return documents.refusal(value) if isinstance(value, Refusal) else value
