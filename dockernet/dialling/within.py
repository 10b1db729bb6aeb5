"""Work that may take longer than one can wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from threading import Thread
from time import monotonic
from typing import TypeVar

from dockernet._watch import LAPSE

__all__ = ["begun", "done_of", "within"]

T = TypeVar("T")


def begun(work: Callable[[], T]) -> Future[T]:
    """Begin work in a thread of its own, which keeps no process from ending."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            outcome.set_exception(error)

    Thread(target=run, name="dockernet", daemon=True).start()
    return outcome


def done_of(outcomes: Iterable[Future[T]]) -> Iterator[Future[T]]:
    """Give each outcome as soon as it is there."""
    left = set(outcomes)
    while left:
        done, left = wait(left, LAPSE, FIRST_COMPLETED)
        yield from done


def within(seconds: float, work: Callable[[], T], late: Exception) -> T:
    """Do work, and wait so long for it; then it is left to itself.

    Args:
        seconds: How long.
        work: What to do; it gives something or raises.
        late: Raised where it takes longer.
    """
    outcome = begun(work)
    end = monotonic() + seconds
    while not outcome.done() and (left := end - monotonic()) > 0:
        wait([outcome], min(left, LAPSE))
    if not outcome.done():
        raise late
    return outcome.result()
