"""Work that may take longer than one can wait."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Thread
from typing import TypeVar

__all__ = ["begun", "within"]

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


def within(seconds: float, work: Callable[[], T], late: Exception) -> T:
    """Do work, and wait so long for it; then it is left to itself.

    Args:
        seconds: How long.
        work: What to do; it gives something or raises.
        late: Raised where it takes longer.
    """
    outcome = begun(work)
    wait([outcome], seconds)
    if not outcome.done():
        raise late
    return outcome.result()
