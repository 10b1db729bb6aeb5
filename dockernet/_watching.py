"""What a watch tells: what is different from what it told last, whenever it is asked.

Nothing here reads the outside, waits or knows the time. A driver, blocking or awaiting,
asks after each change; the decisions are all made here, so that both faces tell the same.
Whoever asks seldom is told less often, and each time how it is at the moment: what has
changed several times since is one change, and what has changed back is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

from attrs import frozen

from dockernet.errors import PeerNotFoundError, SourceError, UnreachableError
from dockernet.model.changes import ChangeKind, ContainerChange
from dockernet.model.containers import Container
from dockernet.model.endpoint_changes import EndpointChange
from dockernet.model.endpoints import Endpoint
from dockernet.model.live_state import LiveKind, LiveState

__all__ = [
    "ContainerWatch",
    "EndpointWatch",
    "Found",
    "News",
    "StateWatch",
    "TellState",
    "Viewed",
]

TellState = Callable[[LiveState], object]
"""Told how true a live view is, each time that this changes."""

_EVERYTHING: Final = -1  # a generation before all others
_HEALTH: Final = frozenset({ChangeKind.BECAME_HEALTHY, ChangeKind.BECAME_UNHEALTHY})
_ORDER: Final = {kind: number for number, kind in enumerate(ChangeKind)}
_LONGEST_CHAIN: Final = 8  # of containers that use each other's network


@frozen(eq=False)
class News:
    """What has changed of a view since a generation, at one moment.

    Attributes:
        generation: The present generation.
        changes: What changed, the oldest first; ``None`` where that is forgotten.
        containers: Every container, newest first, where it is forgotten.
    """

    generation: int
    changes: tuple[ContainerChange, ...] | None
    containers: tuple[Container, ...] = ()


class Viewed(Protocol):
    """A view that stays true, as a live one does."""

    @property
    def generation(self) -> int:
        """A number that grows whenever something changed."""
        ...

    @property
    def state(self) -> LiveState:
        """How true it is."""
        ...

    @property
    def closed(self) -> bool:
        """Whether nothing changes any more."""
        ...

    def news(self, generation: int) -> News:
        """What has changed since a generation."""
        ...

    def listening(self, listener: Callable[[], None]) -> AbstractContextManager[None]:
        """Have a function called after each change, for as long as the block runs."""
        ...


class ContainerWatch:
    """What is told of the containers of one view.

    What is there at the beginning is known to be there, and not told.

    Args:
        view: The view.
    """

    def __init__(self, view: Viewed) -> None:
        self.view = view
        beginning = view.news(_EVERYTHING)
        self.seen: int = beginning.generation
        self._told = {c.id: c for c in reversed(beginning.containers)}  # the oldest first
        self._due: dict[str, Container | None] = {}  # as it is now; the longest due first

    def next(self) -> ContainerChange | None:
        """The next change; ``None`` where there is none to tell."""
        self._hear(self.view.news(self.seen))
        while self._due:
            container_id = next(iter(self._due))
            before, after = self._told.pop(container_id, None), self._due.pop(container_id)
            if after is not None:
                self._told[container_id] = after
            if before != after:
                return ContainerChange(before, after)
        return None

    def every(self) -> Iterator[ContainerChange]:
        """Every change that there is to tell."""
        while (change := self.next()) is not None:
            yield change

    def behind(self, names: frozenset[str]) -> Iterator[str]:
        """The ids of containers of those names, and of those whose network they use."""
        for found in self._told.values():
            if str(found) in names:
                yield from self._owners(found)

    def _owners(self, found: Container | None) -> Iterator[str]:
        for _ in range(_LONGEST_CHAIN):
            if found is None:
                return
            yield found.id
            found = self._told.get(found.shares_network_of or "")

    def _hear(self, news: News) -> None:
        self.seen = news.generation
        if news.changes is not None:
            self._due.update((change.container.id, change.after) for change in news.changes)
            return
        now = {c.id: c for c in reversed(news.containers)}
        for container_id in dict.fromkeys((*self._due, *self._told, *now)):
            known = self._told.get(container_id)
            if container_id in self._due or known != now.get(container_id):
                self._due[container_id] = now.get(container_id)


@frozen(eq=False)
class Found:
    """What a look-up found.

    Attributes:
        endpoints: The endpoints, best first.
        error: Why there are none.
        deaf: The names of the sources that could not be asked.
    """

    endpoints: tuple[Endpoint, ...] = ()
    error: PeerNotFoundError | UnreachableError | SourceError | None = None
    deaf: frozenset[str] = frozenset()


class EndpointWatch:
    """What is told of the endpoints of one target.

    Args:
        target: The target.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._watches: list[ContainerWatch] = []
        self._told: tuple[Endpoint, ...] | None = None
        self._behind: frozenset[str] = frozenset()  # ids of the containers behind them
        self._since: dict[str, ContainerChange] = {}  # since it was told, by id

    @property
    def views(self) -> Sequence[Viewed]:
        """The views that tell what happens to containers."""
        return [watch.view for watch in self._watches]

    def follow(self, view: Viewed) -> None:
        """Hear of a view's containers from now on."""
        self._watches.append(ContainerWatch(view))
        self._behind = self._behind_of(self._told or ())

    def catch_up(self) -> None:
        """Hear what has happened to containers."""
        for change in (change for watch in self._watches for change in watch.every()):
            known = self._since.pop(change.container.id, change)
            merged = ContainerChange(known.before, change.after)
            if merged.before != merged.after:
                self._since[change.container.id] = merged

    @property
    def caught_up(self) -> bool:
        """Whether nothing has happened since, so that an answer is of that moment."""
        return all(watch.seen == watch.view.generation for watch in self._watches)

    def judge(self, found: Found) -> EndpointChange | None:
        """What to tell now; ``None`` where it is what was told last.

        What a source has told stays true while that source cannot be asked.
        """
        before = self._told
        if before is None:
            self._since.clear()  # it was so from the beginning
            return self._tell(found, ())
        if not found.deaf.isdisjoint(endpoint.source for endpoint in before):
            return None
        if found.endpoints == before and not self._turned():
            return None
        return self._tell(found, before)

    def _turned(self) -> bool:
        """Whether a container behind the endpoints became healthy or unhealthy."""
        touched = self._behind & self._since.keys()
        return any(not _HEALTH.isdisjoint(self._since[i].why) for i in touched)

    def _tell(self, found: Found, before: tuple[Endpoint, ...]) -> EndpointChange:
        behind = self._behind_of(found.endpoints)
        touched = (self._behind | behind) & self._since.keys()
        why = _kinds(self._since[container_id] for container_id in touched)
        self._told, self._behind = found.endpoints, behind
        self._since.clear()
        return EndpointChange(self._target, before, found.endpoints, why, found.error)

    def _behind_of(self, endpoints: Iterable[Endpoint]) -> frozenset[str]:
        names = frozenset(endpoint.peer for endpoint in endpoints if endpoint.peer)
        found = (i for watch in self._watches for i in watch.behind(names)) if names else ()
        return frozenset(found)


class StateWatch:
    """What is told of how true views are: each time that one is of another kind.

    Args:
        tell: Whom to tell; nobody where it is ``None``.
    """

    def __init__(self, tell: TellState | None) -> None:
        self._tell = tell
        self._kinds: dict[Viewed, LiveKind] = {}

    def look(self, views: Iterable[Viewed]) -> None:
        """Tell what is to be told; of a view that was closed, nothing."""
        if self._tell is None:
            return
        for view in views:
            state = view.state
            if state.kind is not self._kinds.get(view, LiveKind.CURRENT) and not view.closed:
                self._kinds[view] = state.kind
                self._tell(state)


def _kinds(changes: Iterable[ContainerChange]) -> tuple[ChangeKind, ...]:
    found = {kind for change in changes for kind in change.why}
    return tuple(sorted(found, key=_ORDER.__getitem__))
