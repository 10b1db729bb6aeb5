"""Watching from a thread: what wakes it, what ends it, and whose changes it tells."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from math import inf
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Final, Self, TypeVar

from dockernet._closing import Closing
from dockernet._watching import ContainerWatch, StateWatch, TellState, Viewed
from dockernet.model.changes import ContainerChange

__all__ = ["LAPSE", "Bell", "Watch", "container_changes"]

T = TypeVar("T")

LAPSE: Final = 1.0
"""Seconds that a thread waits in one go: a signal that comes just before wakes nobody."""


class Bell:
    """Wakes who waits; it is rung in any thread, and in a signal's handler too."""

    def __init__(self) -> None:
        self.stopped = False
        self._rung: SimpleQueue[None] = SimpleQueue()

    def ring(self) -> None:
        """Wake who waits, or who will wait next."""
        if self._rung.empty():  # else it is heard anyway
            self._rung.put(None)

    def stop(self) -> None:
        """Say that nobody needs to wait any more."""
        self.stopped = True
        self.ring()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it is rung, so many seconds at most."""
        end = inf if timeout is None else monotonic() + timeout
        while True:
            left = end - monotonic()
            try:
                self._rung.get(timeout=max(0.0, min(LAPSE, left)))
            except Empty:
                if left > LAPSE:
                    continue
            return


class Watch(Iterator[T], Closing):
    """Changes as they come, made by the methods that are called ``watch``.

    Iterate it, in any thread, and close it or use it as a context manager. It tells
    whoever asks what is different from what it told last, so that a slow reader is told
    less often, and never of a state that has passed. One that nobody refers to any more
    is closed, as generators are.
    """

    # What begins gives a generator of the changes, given a bell to wait for; the first
    # item says that nothing is missed from then on.
    def __init__(self, begin: Callable[[Bell], Generator[T | None]]) -> None:
        self._bell = Bell()
        self._turn = threading.Lock()
        self._changes = begin(self._bell)
        next(self._changes)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        with self._turn:
            change = next(self._changes, None)
        if self._bell.stopped:
            self._end()
        if change is None:
            raise StopIteration
        return change

    def close(self) -> None:
        """End it, from any thread; one that waits for the next change is woken.

        What it opened is closed, by that thread where there is one.
        """
        self._bell.stop()
        self._end()

    def _end(self) -> None:
        """Close what was opened, unless somebody is at it, who will see that it is stopped."""
        if self._turn.acquire(blocking=False):
            try:
                self._changes.close()
            finally:
                self._turn.release()


def container_changes(
    view: Viewed, tell: TellState | None, bell: Bell
) -> Generator[ContainerChange | None]:
    """What changes of the containers of a view, until it is closed."""
    watch, states = ContainerWatch(view), StateWatch(tell)
    with view.listening(bell.ring):
        yield None
        while not bell.stopped:
            closed = view.closed  # nothing changes after that
            states.look([view])
            change = watch.next()
            if change is not None:
                yield change
            elif closed:
                return
            else:
                bell.wait()
