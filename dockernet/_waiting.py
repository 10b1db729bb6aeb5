"""One wait in progress: what passes, how long to pause, and what is told at its end.

Nothing here reads a clock or sleeps. A driver, blocking or awaiting, says what time it
is; the decisions are all made here, so that both faces make the same ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Self

from attrs import define, field

from dockernet.errors import (
    AmbiguousPeerError,
    FormatError,
    NotReadyError,
    PeerNotFoundError,
    SourceError,
    UnreachableError,
)
from dockernet.refusals import Reason

__all__ = ["PASSING", "LastingError", "Passing", "Waiting", "checked_timeout", "untold"]

Passing = PeerNotFoundError | SourceError | UnreachableError
"""Errors that may pass: a peer that is not there yet, or does not listen yet."""

PASSING: Final = (PeerNotFoundError, SourceError, UnreachableError)

# All in seconds. A pause grows with the time that has passed, so that who comes soon is
# seen soon; what is added to the lateness is half a pause.
_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 0.25
_PATIENT_PAUSE: Final = 0.5
_PATIENT_AFTER: Final = 30.0
_PART: Final = 20  # of the time that has passed is a pause
_ONE_TRY: Final = 1.0  # for one connection, so that a lost packet costs no more
_TRY_PART: Final = 4  # a longer one where the way there may be that long
_FAIR: Final = 0.25  # an attempt that had less when the time was over tells nothing new

_MOST: Final = 20  # entries of a time line
_FIRST: Final = 10  # of them are the first ones


class LastingError(SourceError):
    """A source cannot be asked, and no time will change that; callers get its parent."""


def checked_timeout(seconds: float) -> float:
    """A span of time that can pass.

    Raises:
        FormatError: It is none.
    """
    if not 0 < seconds < math.inf:
        raise FormatError(str(seconds), "expected a timeout of more than 0 seconds")
    return seconds


def untold(_: str) -> None:
    """Tell nobody."""


@define(eq=False)
class Waiting:
    """A wait from its beginning to its end.

    Attributes:
        subject: What is waited for, as a text.
        timeout: Seconds for all of it.
        began: When it began, on the clock of the driver.
        tell: Told each reason that is another than the one before.
        line: The seconds since the beginning and what was the matter then.
    """

    subject: str
    timeout: float
    began: float
    tell: Callable[[str], object] = untold
    line: list[tuple[float, str]] = field(factory=list[tuple[float, str]])

    @classmethod
    def begin(
        cls,
        subject: str,
        timeout: float,
        now: float,
        tell: Callable[[str], object] | None = None,
    ) -> Self:
        """Begin to wait.

        Raises:
            FormatError: The timeout is none.
        """
        return cls(subject, checked_timeout(timeout), now, tell or untold)

    def left(self, now: float) -> float:
        """Seconds until the end; below 0 after it."""
        return self.began + self.timeout - now

    def patience(self, now: float) -> float:
        """Seconds for one connection."""
        return min(self.left(now), max(_ONE_TRY, (now - self.began) / _TRY_PART))

    def failed(self, error: Passing, since: float, now: float) -> None:
        """Take that an attempt failed.

        Args:
            error: Why.
            since: When it began.
            now: What time it is.

        Raises:
            SourceError: More time will not help.
            AmbiguousPeerError: More time will not tell who is meant.
        """
        if isinstance(error, LastingError):
            raise SourceError(error.source, error.reason) from error.__cause__
        if isinstance(error, AmbiguousPeerError):
            raise error
        cut = self.left(now) <= 0 and now - since < _FAIR
        if not (cut and self.line):
            self._note(round(now - self.began, 3), _reason(error))

    def pause(self, now: float) -> float:
        """Seconds until the next attempt, or until the end."""
        waited = now - self.began
        longest = _LONGEST_PAUSE if waited < _PATIENT_AFTER else _PATIENT_PAUSE
        return max(0.0, min(max(_FIRST_PAUSE, waited / _PART), longest, self.left(now)))

    def over(self) -> NotReadyError:
        """The error for a wait that has ended in vain."""
        return NotReadyError(self.subject, self.timeout, tuple(self.line))

    def _note(self, seconds: float, what: str) -> None:
        if self.line and self.line[-1][1] == what:
            return
        self.line.append((seconds, what))
        if len(self.line) > _MOST:
            del self.line[_FIRST]
        self.tell(what)


def _reason(error: Passing) -> str:
    if isinstance(error, SourceError):
        # Without the engine's socket this is how it sounds when no other source knows a peer.
        return f"not known yet; {error}"
    if isinstance(error, UnreachableError) and error.refusals:
        return "; ".join(
            one.detail if one.reason is Reason.NOT_ANSWERING else str(one) for one in error.refusals
        )
    return str(error)
