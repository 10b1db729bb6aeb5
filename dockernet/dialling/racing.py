"""Several places dialled side by side: the first to connect wins (RFC 8305)."""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from time import monotonic
from types import TracebackType
from typing import Final, Self

from attrs import define

from dockernet.dialling.places import (
    CLOSED,
    DELAY,
    OPEN,
    TIMED_OUT,
    Place,
    found,
    interleaved,
    known_places,
    named_places,
    unanswered,
)
from dockernet.dialling.within import within
from dockernet.model.endpoints import Endpoint

__all__ = ["accepted", "raced"]

_UNDER_WAY: Final = frozenset({0, errno.EINPROGRESS, errno.EWOULDBLOCK})


def raced(subject: str, endpoints: Sequence[Endpoint], timeout: float) -> socket.socket:
    """Connect to the endpoint that answers first.

    Args:
        subject: What was asked for, for the error.
        endpoints: The endpoints, best first; those are tried earlier.
        timeout: Seconds for all of it.

    Raises:
        UnreachableError: None answers, with the reason of each attempt.
    """
    connection = _won(subject, endpoints, timeout, kept=0.0)
    connection.settimeout(None)
    return connection


def accepted(subject: str, endpoints: Sequence[Endpoint], timeout: float) -> None:
    """Check that somebody is at one of several endpoints.

    Somebody is, who sends something or keeps the connection for 0.1 seconds: what stands
    before a peer, as for a published port, accepts for it and hangs up at once.

    Args:
        subject: What was asked for, for the error.
        endpoints: The endpoints, best first; those are tried earlier.
        timeout: Seconds for all of it.

    Raises:
        UnreachableError: Nobody is, with the reason of each attempt.
    """
    _won(subject, endpoints, timeout, kept=OPEN).close()


@define(eq=False)
class _Attempt:
    """A place that is dialled.

    Attributes:
        place: The place.
        connection: The connection to be.
        until: When it has been kept open for long enough; ``None`` before it is open.
    """

    place: Place
    connection: socket.socket
    until: float | None = None


def _won(subject: str, endpoints: Sequence[Endpoint], timeout: float, kept: float) -> socket.socket:
    deadline = monotonic() + timeout
    reasons: dict[Place | Endpoint, str] = {}
    places = interleaved(_places(endpoints, timeout, reasons))
    with _Race(places, deadline, kept, reasons) as race:
        winner = race.run()
    if winner is None:
        raise unanswered(subject, endpoints, reasons)
    return winner.connection


def _places(
    endpoints: Iterable[Endpoint], timeout: float, reasons: dict[Place | Endpoint, str]
) -> Iterable[Place]:
    for endpoint in endpoints:
        places = known_places(endpoint)
        if not places:
            ask = partial(socket.getaddrinfo, *endpoint.address, type=socket.SOCK_STREAM)
            try:
                places = named_places(endpoint, within(timeout, ask, TimeoutError(TIMED_OUT)))
            except OSError as error:
                reasons[endpoint] = found(error)
        yield from places


class _Race:
    """Attempts that are under way; at the end those that have not won are closed.

    Args:
        places: Where to, in this order.
        deadline: When it ends, whoever has won by then.
        kept: Seconds that a connection must be kept to win.
        reasons: Why each place does not answer, which is added to.
    """

    def __init__(
        self,
        places: Iterable[Place],
        deadline: float,
        kept: float,
        reasons: dict[Place | Endpoint, str],
    ) -> None:
        self._waiting = deque(places)
        self._deadline = deadline
        self._kept = kept
        self._reasons = reasons
        self._running: list[_Attempt] = []
        self._next_at = 0.0
        self._selector = DefaultSelector()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for attempt in self._running:
            attempt.connection.close()
        self._selector.close()

    def run(self) -> _Attempt | None:
        """Dial until one has won, or none can any more."""
        while (self._waiting or self._running) and (now := monotonic()) < self._deadline:
            if self._waiting and self._next_at <= now:
                self._start(self._waiting.popleft(), now)
            elif (winner := self._heard(now)) is not None:
                self._running.remove(winner)
                return winner
        for place in (*(attempt.place for attempt in self._running), *self._waiting):
            self._reasons[place] = TIMED_OUT
        return None

    def _start(self, place: Place, now: float) -> None:
        self._next_at = now + DELAY
        try:
            connection = socket.socket(place.family, socket.SOCK_STREAM)
        except OSError as error:  # this machine knows no such family
            self._failed(place, found(error))
            return
        attempt = _Attempt(place, connection)
        self._running.append(attempt)
        connection.settimeout(0)
        number = connection.connect_ex(place.address)
        if number in _UNDER_WAY:
            self._selector.register(connection, EVENT_WRITE, attempt)
        else:
            self._lost(attempt, found(OSError(number, "")))

    def _heard(self, now: float) -> _Attempt | None:
        """Wait for the next thing to happen; gives who has won by it."""
        times = [a.until for a in self._running if a.until is not None]
        times += [self._next_at] if self._waiting else []
        events = self._selector.select(max(0.0, min([*times, self._deadline]) - now))
        attempts: list[_Attempt] = [key.data for key, _ in events]
        for attempt in attempts:
            if self._has_won(attempt):
                return attempt
        # What was asked after that time has told of all that happened before it.
        kept = (a for a in self._running if a.until is not None and a.until <= now)
        return next(kept, None)

    def _has_won(self, attempt: _Attempt) -> bool:
        if attempt.until is not None:
            return self._has_spoken(attempt)
        number = attempt.connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self._lost(attempt, found(OSError(number, "")))
            return False
        attempt.until = monotonic() + self._kept
        self._selector.modify(attempt.connection, EVENT_READ, attempt)
        return not self._kept

    def _has_spoken(self, attempt: _Attempt) -> bool:
        try:
            if attempt.connection.recv(1):
                return True
            self._lost(attempt, CLOSED)
        except OSError as error:
            self._lost(attempt, found(error))
        return False

    def _lost(self, attempt: _Attempt, reason: str) -> None:
        self._running.remove(attempt)
        if attempt.connection in self._selector.get_map():
            self._selector.unregister(attempt.connection)
        attempt.connection.close()
        self._failed(attempt.place, reason)

    def _failed(self, place: Place, reason: str) -> None:
        self._reasons[place] = reason
        self._next_at = 0.0  # the next one begins at once
