"""What changed of the endpoints of a target between two moments, and why."""

from __future__ import annotations

from attrs import field, frozen

from dockernet._shown import shown_lines
from dockernet.errors import PeerNotFoundError, SourceError, UnreachableError
from dockernet.model.changes import ChangeKind
from dockernet.model.endpoints import Endpoint

__all__ = ["EndpointChange"]

_Error = PeerNotFoundError | UnreachableError | SourceError


def _told(error: _Error | None) -> tuple[object, ...]:
    """What an error tells: two that tell the same are no different."""
    return () if error is None else (type(error), *error.args)


@frozen
class EndpointChange:
    """The endpoints of a target before and after a change.

    Attributes:
        target: The target, as it was asked for.
        before: The endpoints that were told before, best first; none at the beginning.
        after: Those that it has now, best first.
        why: What happened to the containers behind them, in the order of the kinds;
            nothing at the beginning, and where no engine tells it.
        error: Why there are none now; ``None`` where there are. A
            :class:`~dockernet.SourceError` where a source could not be asked, and no
            other one knows the peer.

    Example:
        >>> from dockernet import ChangeKind, Endpoint, EndpointChange
        >>> now = Endpoint("engine.example", 8080)
        >>> print(EndpointChange("web:80", (), (now,), (ChangeKind.STARTED,)))
        web:80 is at engine.example:8080 (started)
    """

    target: str
    before: tuple[Endpoint, ...] = ()
    after: tuple[Endpoint, ...] = ()
    why: tuple[ChangeKind, ...] = ()
    error: _Error | None = field(default=None, eq=_told)

    def __str__(self) -> str:
        why = f" ({', '.join(self.why)})" if self.why else ""
        where = ", ".join(map(str, self.after))
        what = f"is at {where}{why}" if self.after else f"has no endpoint{why}: {self.error}"
        return shown_lines(f"{self.target} {what}")
