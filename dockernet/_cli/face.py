"""What comes of a run, shown: answers on standard output, the rest on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from io import StringIO
from typing import Self, TextIO

from attrs import frozen

from dockernet._cli.answers import FOUND, UNASKED, Answer, Exact, Outcome, Shown, Stream, Successor
from dockernet._cli.failures import UNREAD, Failure
from dockernet._cli.rendering import (
    chosen,
    document_line,
    document_text,
    plain,
    say,
    write,
    write_exact,
)
from dockernet.actions.becoming import become
from dockernet.errors import DockernetError, SourceError
from dockernet.model.diagnostics import Diagnostic

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
    draw: Callable[[Shown], str] | None

    @classmethod
    def of(cls, *, as_json: bool) -> Self:
        """The face of this process.

        Raises:
            ModuleNotFoundError: Output goes to a terminal, and rich is not installed.
        """
        # Python has no streams for a process that was started with them closed.
        out, err = sys.stdout or StringIO(), sys.stderr or StringIO()
        return cls(out, err, None if as_json else chosen(out))

    def show(self, outcome: Outcome | Failure | int) -> int:
        """Show what came of a run, and give its exit code; a successor takes over here.

        Raises:
            CommandError: The successor cannot be run.
            FormatError: The successor or a variable is none that can be passed on.
            OSError: It cannot be written.
        """
        if isinstance(outcome, int):
            return outcome
        if isinstance(outcome, Failure):
            return self._failure(outcome)
        if isinstance(outcome, Stream):
            return self._stream(outcome)
        if isinstance(outcome, Successor):
            self._say_all(outcome.diagnostics)
            become(outcome.command, outcome.environ)
        self._answer(outcome)
        return outcome.status

    def _answer(self, answer: Answer) -> None:
        if self.draw is None:
            write(self.out, document_text(answer.document))
        elif isinstance(answer.shown, Exact) and self.draw is plain:
            write_exact(self.out, answer.shown.text)
        else:
            write(self.out, self.draw(answer.shown))
        self._say_all(answer.diagnostics)
        if answer.remark is not None:
            self._say(answer.remark)

    def _stream(self, stream: Stream) -> int:
        """Show what is told as it comes; in a document each has a line of its own."""
        try:
            with closing(stream.news):
                for news in stream.news:
                    if self.draw is None:
                        write(self.out, document_line(stream.document(news)))
                    else:
                        write(self.out, self.draw(news.shown))
        except DockernetError as error:
            return self._failure(Failure.of(error), document_line)
        return FOUND

    def tell_faults(self, interrupt: BaseException) -> None:
        """Tell what went wrong before an interrupt, or on the way out: what may be left."""
        for sentence in dict.fromkeys(_faults(interrupt)):
            self._say(f"interrupted; {sentence}")

    def cut_off(self, error: OSError) -> int:
        """Give the exit code for an output that cannot be written."""
        # What is left in the buffer would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.out.fileno())
        if isinstance(error, BrokenPipeError):
            return UNREAD  # The reader has seen enough.
        self._say(f"the answer cannot be written: {error.strerror}")
        return UNASKED

    def _failure(self, failure: Failure, text_of: Callable[[object], str] = document_text) -> int:
        if self.draw is None:
            write(self.out, text_of(failure.document))
        else:
            self._say(failure.message)
        return failure.code

    def _say_all(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        for diagnostic in diagnostics:
            self._say(str(diagnostic))

    def _say(self, sentence: str) -> None:
        say(self.err, sentence)


def _faults(error: BaseException | None) -> Iterator[str]:
    """What an interrupt tells, and the errors of sources that led up to it."""
    while error is not None:
        yield from getattr(error, "__notes__", ())
        if isinstance(error, SourceError):
            yield str(error)
        error = error.__context__
