"""Measuring side by side: pieces of work take turns, and the median of each counts."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from statistics import median
from time import perf_counter
from typing import Generic, TypeVar

from attrs import frozen
from harness import RealEngine

T = TypeVar("T")

Work = Callable[[T], float]
"""Does something once on its stage, and gives what that took."""

Found = Callable[[], RealEngine]
"""Gives the engine of the session, or raises `harness.UnavailableError`."""

Told = Mapping[str, Iterator[float]]
"""What work took by name, round by round, where it took its turns in another place."""


@frozen(eq=False)
class Stage(Generic[T]):
    """What work needs: made once for all work that takes turns on it."""

    name: str
    opened: Callable[[Found], AbstractContextManager[T]]
    rounds: int = 30

    def medians(self, works: Iterable[Work[T]], found: Found) -> dict[Work[T], float]:
        """What each piece of work takes, as the median of rounds taken in turns."""
        taken: dict[Work[T], list[float]] = {work: [] for work in works}
        with _alone(), self.opened(found) as stage:
            for _ in range(self.rounds):
                for work, times in taken.items():
                    times.append(work(stage))
        return {work: median(times) for work, times in taken.items()}


@contextmanager
def _alone() -> Iterator[None]:
    """What the session has made so far is no load of the garbage collector."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def timed(work: Callable[[T], object], repeat: int = 1) -> Work[T]:
    """Work that takes seconds.

    What is too short for the clock is repeated, not so often that a busy machine would
    break in on most rounds.
    """

    def seconds(stage: T) -> float:
        start = perf_counter()
        for _ in range(repeat):
            work(stage)
        return (perf_counter() - start) / repeat

    return seconds


@cache
def told(name: str) -> Work[Told]:
    """Work that was done in another place."""
    return lambda stage: next(stage[name])


@cache
def one(_: str) -> Work[object]:
    """One of a unit: what has its limit there is measured against it."""
    return lambda _: 1.0
