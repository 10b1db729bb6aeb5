"""Waiting: trying again and again until it works, or the time has passed."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Final, TypeVar

from dockernet.errors import (
    AmbiguousPeerError,
    PeerNotFoundError,
    SourceError,
    UnreachableError,
)
from dockernet.model.endpoints import Endpoint
from dockernet.refusals import Reason, Refusal

__all__ = ["Passing", "await_success", "connect"]

T = TypeVar("T")

Passing = PeerNotFoundError | SourceError | UnreachableError
"""Errors that may pass: a peer that is not there yet, or does not listen yet."""

_PASSING: Final = (PeerNotFoundError, SourceError, UnreachableError)

# All in seconds.
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
_LAST_CHANCE: Final = 0.1
_OPEN: Final = 0.1


def await_success(
    attempt: Callable[[float], T], timeout: float, tell: Callable[[Passing], None]
) -> T:
    """Try until an attempt succeeds; pauses in between grow up to a second.

    Args:
        attempt: Given the seconds that are left, it gives something or raises what may
            pass; anything else that it raises ends the waiting.
        timeout: Seconds for all of it; the last attempt may begin at their end.
        tell: Told why an attempt failed, before the next one.

    Raises:
        PeerNotFoundError: So ended the last attempt, as with the errors below.
        SourceError: A source could not be asked.
        UnreachableError: Nothing leads to a peer, or it does not answer.

    Example:
        >>> from dockernet.actions.waiting import await_success
        >>> await_success(lambda left: f"{left:.0f} seconds left", 5.0, print)
        '5 seconds left'
    """
    deadline = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    while True:
        try:
            return attempt(max(deadline - time.monotonic(), _LAST_CHANCE))
        except AmbiguousPeerError:
            raise  # more time will not tell who is meant
        except _PASSING as error:
            left = deadline - time.monotonic()
            if left <= 0:
                raise
            tell(error)
        time.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)


def connect(endpoint: Endpoint, timeout: float) -> None:
    """Connect to a TCP endpoint, to see whether somebody is there.

    Somebody is, who sends something or keeps the connection for 0.1 seconds: what stands
    before a peer, as for a published port, accepts for it and hangs up at once.

    Args:
        endpoint: The endpoint.
        timeout: Seconds for the connection.

    Raises:
        UnreachableError: Nobody is.
    """
    try:
        with socket.create_connection(endpoint.address, timeout) as connection:
            if _kept(connection):
                return
            found = "the connection was closed at once"
    except OSError as error:
        found = (error.strerror or str(error)).lower()
    raise UnreachableError(endpoint.peer or str(endpoint), (_refusal(endpoint, found),))


def _kept(connection: socket.socket) -> bool:
    connection.settimeout(_OPEN)
    try:
        return connection.recv(1) != b""
    except TimeoutError:
        return True  # whoever waits for the caller to begin


def _refusal(endpoint: Endpoint, found: str) -> Refusal:
    return Refusal(
        endpoint.route,
        Reason.NOT_ANSWERING,
        f"{endpoint} does not answer: {found}",
        "start what listens there, or wait longer",
    )
