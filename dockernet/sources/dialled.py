"""Endpoints dialled, each by itself: who answers, and what becomes of the others."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from dockernet.model.endpoints import Endpoint
from dockernet.model.places import Dialled, Outcome

__all__ = ["Making", "dial_all"]

_KEPT: Final = 0.1  # seconds; docker-proxy hangs up sooner where nobody listens
_AT_ONCE: Final = 16
_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
_OUTCOMES: Final = {
    errno.ECONNREFUSED: Outcome.REFUSED,
    errno.ECONNRESET: Outcome.CLOSED,
    errno.EPIPE: Outcome.CLOSED,
    errno.ETIMEDOUT: Outcome.TIMED_OUT,
    errno.EHOSTUNREACH: Outcome.NO_ROUTE,
    errno.EHOSTDOWN: Outcome.NO_ROUTE,
    errno.ENETUNREACH: Outcome.UNREACHABLE,
    errno.EADDRNOTAVAIL: Outcome.UNREACHABLE,
    errno.EAFNOSUPPORT: Outcome.UNREACHABLE,
}

Making = Callable[[Callable[[], list[socket.socket | OSError]]], list[socket.socket | OSError]]


def _here(make: Callable[[], list[socket.socket | OSError]]) -> list[socket.socket | OSError]:
    return make()


def dial_all(
    endpoints: Iterable[Endpoint], timeout: float, make: Making = _here
) -> tuple[Dialled, ...]:
    """Dial every endpoint of TCP at an address or a name; the others are left out.

    Nothing is sent. What accepts must say something, or keep the connection for a tenth
    of a second.

    Args:
        endpoints: The endpoints.
        timeout: Seconds for each.
        make: What makes the sockets, in the network namespace to dial from.
    """
    asked = [e for e in dict.fromkeys(endpoints) if e.protocol == "tcp"]
    tries = [(e, family) for e in asked for family in _families(e)]
    # A socket stays in the namespace that it was made in, whoever uses it.
    sockets = make(lambda: [_socket(family) for _, family in tries]) if tries else []
    with ThreadPoolExecutor(_AT_ONCE, "dockernet") as pool:
        told = tuple(pool.map(partial(_dialled, timeout), (e for e, _ in tries), sockets))
    return tuple(_best(one for one in told if one.endpoint == e) for e in asked)


def _families(endpoint: Endpoint) -> tuple[int, ...]:
    """The families to dial it by; a name may have addresses of either."""
    return tuple(_FAMILIES) if endpoint.family is None else (endpoint.family,)


def _best(told: Iterable[Dialled]) -> Dialled:
    """What is told of a name: that somebody answers, else why not where there is an address."""
    return min(told, key=lambda one: (not one.answered, one.outcome is Outcome.NO_NAME))


def _socket(family: int) -> socket.socket | OSError:
    try:
        return socket.socket(_FAMILIES[family], socket.SOCK_STREAM)
    except OSError as error:
        return error


def _dialled(timeout: float, endpoint: Endpoint, made: socket.socket | OSError) -> Dialled:
    if isinstance(made, OSError):
        return _failed(endpoint, made)
    with made:
        try:
            made.settimeout(timeout)
            made.connect(endpoint.address)
            made.settimeout(_KEPT)
            kept = _is_kept(made)
        except OSError as error:
            return _failed(endpoint, error)
    return Dialled(endpoint, Outcome.ANSWERED if kept else Outcome.CLOSED)


def _is_kept(connection: socket.socket) -> bool:
    try:
        return bool(connection.recv(1))
    except TimeoutError:
        return True


def _failed(endpoint: Endpoint, error: OSError) -> Dialled:
    if isinstance(error, socket.gaierror):
        return Dialled(endpoint, Outcome.NO_NAME, error.strerror or "")
    if isinstance(error, TimeoutError):
        return Dialled(endpoint, Outcome.TIMED_OUT)
    outcome = _OUTCOMES.get(error.errno or 0, Outcome.FAILED)
    return Dialled(endpoint, outcome, error.strerror or str(error))
