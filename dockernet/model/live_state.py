"""How true a live view is at the moment."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from dockernet._shown import shown_lines

__all__ = ["LiveKind", "LiveState"]


class LiveKind(StrEnum):
    """Whether a live view follows its engine."""

    CURRENT = "current"
    """It follows: what it says is what the engine says."""
    STALE = "stale"
    """It hears the engine, and has not read yet what it missed."""
    RECONNECTING = "reconnecting"
    """It does not hear the engine, and tries to."""


@frozen
class LiveState:
    """How true a live view is at the moment.

    Attributes:
        kind: Whether it follows its engine.
        since: Since when it may say what is no longer so; ``None`` while it is current.
        reason: Why it is not current; nothing while it is.

    Example:
        >>> from dockernet import LiveKind, LiveState
        >>> print(LiveState(LiveKind.CURRENT))
        current
    """

    kind: LiveKind
    since: datetime | None = None
    reason: str = ""

    @property
    def current(self) -> bool:
        """Whether what the view says is what the engine says."""
        return self.kind is LiveKind.CURRENT

    def __str__(self) -> str:
        if self.since is None:
            return self.kind
        return shown_lines(f"{self.kind}, stale since {self.moment}: {self.reason}")

    @property
    def moment(self) -> str:
        """Since when, as text; nothing while it is current."""
        return "" if self.since is None else f"{self.since:%Y-%m-%d %H:%M:%SZ}"
