"""The sources of one watch, and what came of asking them."""

from __future__ import annotations

from collections.abc import Iterator
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from dockernet._resolution import Resolution
from dockernet._setting import Setting
from dockernet._waiting import checked_timeout
from dockernet._watching import EndpointWatch, Found, StateWatch, TellState, Viewed
from dockernet.errors import PeerNotFoundError, SourceError, UnreachableError
from dockernet.model.endpoint_changes import EndpointChange
from dockernet.model.facts import Source
from dockernet.model.targets import Target, TargetLike

if TYPE_CHECKING:
    from dockernet.sources.live import Live

__all__ = ["EngineSource", "Followed", "LiveSource"]

_TRIES: Final = 3  # to get an answer while nothing happens


@runtime_checkable
class EngineSource(Source, Protocol):
    """A source that can be followed, as an engine can."""

    def live(self) -> Live:
        """A view of it that stays true."""
        ...


@runtime_checkable
class LiveSource(Source, Viewed, Protocol):
    """A source that tells what has changed, as a live view does."""


class Followed:
    """The sources of a watch: live views, and engines that live views take the place of.

    A driver follows whatever :meth:`unfollowed` names, drives what :meth:`inquiry`
    begins, has it judged, and waits for a change, or for as long as :attr:`pause` says.

    Args:
        setting: Who is asked, and from where.
        target: What is watched.
        every: Seconds between two questions to sources that tell of no changes.
        tell: Told how true the live views are.

    Raises:
        FormatError: The target is malformed, or no time can pass between two questions.
    """

    def __init__(
        self, setting: Setting, target: TargetLike, every: float, tell: TellState | None
    ) -> None:
        self._setting = setting
        self._target = Target.of(target)
        self._every = min(checked_timeout(every), TIMEOUT_MAX)
        self._watch = EndpointWatch(str(self._target))
        self._states = StateWatch(tell)
        self._sources: list[Source] = []
        self._unfollowed: list[EngineSource | LiveSource] = []
        self._tries = _TRIES

    def begin(self) -> None:
        """Look who is to be asked."""
        self._sources = [*self._setting.sources(self._setting.vantage())]
        kinds = (EngineSource, LiveSource)
        self._unfollowed = [source for source in self._sources if isinstance(source, kinds)]

    def unfollowed(self) -> Iterator[EngineSource | LiveSource]:
        """The sources to follow now."""
        while self._unfollowed:
            yield self._unfollowed.pop(0)

    def follow(self, source: Source, view: LiveSource) -> None:
        """Ask a view in the place of a source."""
        self._sources = [view if one is source else one for one in self._sources]
        self._watch.follow(view)

    def missed(self, error: SourceError) -> None:
        """Take that an engine cannot be followed; others may know the target.

        Raises:
            SourceError: There are no others.
        """
        if len(self._sources) == 1:
            raise error

    @property
    def closed(self) -> bool:
        """Whether a view was closed, so that what it tells is no longer so."""
        return any(view.closed for view in self._watch.views)

    @property
    def pause(self) -> float | None:
        """Seconds until the next question; ``None`` where every source tells of changes."""
        return None if len(self._watch.views) == len(self._sources) else self._every

    def inquiry(self) -> Resolution:
        """Begin to ask the sources."""
        self._states.look(self._watch.views)
        self._watch.catch_up()
        return self._setting.over(self._sources).resolution(self._target)

    def judge(self, inquiry: Resolution) -> EndpointChange | None:
        """What to tell of an answer; ``None`` where that is nothing.

        Where something has happened meanwhile, an answer and the reasons for it may be of
        two moments: then it is better to ask again, which one is woken for.
        """
        self._tries -= 1
        if self._tries and not self._watch.caught_up:
            return None
        self._tries = _TRIES
        found = _found(inquiry)
        self._unfollowed = [
            source
            for source in self._sources
            if isinstance(source, EngineSource) and source.name not in found.deaf
        ]
        return self._watch.judge(found)


def _found(inquiry: Resolution) -> Found:
    deaf = frozenset(failure.source for failure in inquiry.failures)
    try:
        return Found(inquiry.endpoints(), deaf=deaf)
    except (PeerNotFoundError, UnreachableError, SourceError) as error:
        return Found(error=error, deaf=deaf)
