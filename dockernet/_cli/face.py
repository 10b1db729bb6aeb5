"""What comes of a run, shown: answers on standard output, the rest on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from io import StringIO
from typing import Self, TextIO

from attrs import frozen

from dockernet._cli.answers import UNASKED, Answer, Line, Table
from dockernet._cli.failures import UNREAD, Failure
from dockernet._cli.rendering import chosen, document_text, write
from dockernet.errors import shown_lines

__all__ = ["Face"]


@frozen
class Face:
    """Where a run shows what comes of it, and how.

    Attributes:
        out: Standard output.
        err: Standard error.
        draw: What makes a text of an answer; ``None`` where documents are asked for.
    """

    out: TextIO
    err: TextIO
    draw: Callable[[Table | tuple[Line, ...]], str] | None

    @classmethod
    def of(cls, *, as_json: bool) -> Self:
        """The face of this process.

        Raises:
            ModuleNotFoundError: Output goes to a terminal, and rich is not installed.
        """
        # Python has no streams for a process that was started with them closed.
        out, err = sys.stdout or StringIO(), sys.stderr or StringIO()
        return cls(out, err, None if as_json else chosen(out))

    def show(self, outcome: Answer | Failure | int) -> int:
        """Show what came of a run, and give its exit code.

        Raises:
            OSError: It cannot be written.
        """
        if isinstance(outcome, int):
            return outcome
        if isinstance(outcome, Failure):
            return self._failure(outcome)
        text = document_text(outcome.document) if self.draw is None else self.draw(outcome.shown)
        write(self.out, text)
        if outcome.remark is not None:
            self._say(outcome.remark)
        return outcome.status

    def cut_off(self, error: OSError) -> int:
        """Give the exit code for an output that cannot be written."""
        # What is left in the buffer would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.out.fileno())
        if isinstance(error, BrokenPipeError):
            return UNREAD  # The reader has seen enough.
        self._say(f"the answer cannot be written: {error.strerror}")
        return UNASKED

    def _failure(self, failure: Failure) -> int:
        if self.draw is None:
            write(self.out, document_text(failure.document))
        else:
            self._say(failure.message)
        return failure.code

    def _say(self, sentence: str) -> None:
        write(self.err, f"dockernet: {shown_lines(sentence)}\n")
