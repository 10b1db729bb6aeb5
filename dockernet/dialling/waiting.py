"""Waiting: trying again and again until it works, or the time has passed."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from dockernet._setting import ChangingSource, Setting
from dockernet._waiting import PASSING, Waiting, checked_timeout
from dockernet.dialling.places import check_stream
from dockernet.dialling.racing import raced
from dockernet.dialling.readiness import Asked, readiness
from dockernet.dialling.within import within
from dockernet.errors import SourceError
from dockernet.model.endpoints import Endpoint
from dockernet.model.readiness import Ready
from dockernet.model.targets import Target

__all__ = ["connect", "persist", "wait"]

T = TypeVar("T")
_Resolve = Callable[[Target], tuple[Endpoint, ...]]

LATE: Final = "the sources have not answered within the time"


def persist(
    waiting: Waiting, attempt: Callable[[float], T], changes: ChangingSource | None = None
) -> T:
    """Try until an attempt succeeds.

    Args:
        waiting: The wait, which begins now.
        attempt: Given the seconds that are left, it gives something or raises what may
            pass; anything else that it raises ends the waiting.
        changes: Tells of changes, which end a pause.

    Raises:
        NotReadyError: The time has passed.
        AmbiguousPeerError: More time will not tell who is meant.

    Example:
        >>> from time import monotonic
        >>> from dockernet._waiting import Waiting
        >>> from dockernet.dialling.waiting import persist
        >>> persist(Waiting.begin("db", 5.0, monotonic()), lambda left: f"{left:.0f} s left")
        '5 s left'
    """
    left = waiting.timeout
    while True:
        since = time.monotonic()
        seen = 0 if changes is None else changes.generation
        try:
            return attempt(left)
        except PASSING as error:
            waiting.failed(error, since, time.monotonic())
            failure = error
        pause = waiting.pause(time.monotonic())
        if changes is None:
            time.sleep(pause)
        else:
            changes.wait_change(seen, pause)
        left = waiting.left(time.monotonic())
        if left <= 0:
            raise waiting.over() from failure


def wait(
    resolve: _Resolve,
    setting: Setting,
    target: Target,
    timeout: float,
    ready: Ready,
    tell: Callable[[str], object] | None,
) -> Endpoint:
    """Wait until a peer is ready; see :meth:`dockernet.Resolver.wait`."""
    waiting = Waiting.begin(str(target), timeout, time.monotonic(), tell)
    wanted = readiness(ready)
    wanted.check_protocol(target.port)

    def attempt(left: float) -> Endpoint:
        best, *_ = within(left, partial(resolve, target), SourceError("resolver", LATE))
        wanted.check_protocol(best)
        now = time.monotonic()
        left, patience = waiting.left(now), waiting.patience(now)
        wanted.check(Asked(waiting.subject, best, setting, patience, left))
        return best

    return persist(waiting, attempt, setting.changing_source())


def connect(resolve: _Resolve, target: Target, timeout: float) -> socket.socket:
    """Connect to a peer; see :meth:`dockernet.Resolver.connect`."""
    deadline = time.monotonic() + checked_timeout(timeout)
    endpoints = within(timeout, partial(resolve, target), SourceError("resolver", LATE))
    check_stream(endpoints, str(target))
    return raced(str(target), endpoints, max(0.0, deadline - time.monotonic()))
