"""The places that endpoints lead to, in the order of dialling, and why one does not answer."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, zip_longest
from typing import Any, Final

from attrs import frozen

from dockernet.errors import FormatError, UnreachableError
from dockernet.model.endpoints import Endpoint
from dockernet.refusals import Reason, Refusal

__all__ = [
    "CLOSED",
    "DELAY",
    "OPEN",
    "TIMED_OUT",
    "Place",
    "check_stream",
    "found",
    "interleaved",
    "known_places",
    "named_places",
    "unanswered",
]

# All in seconds.
DELAY: Final = 0.25
"""RFC 8305, 8: the Connection Attempt Delay."""
OPEN: Final = 0.1
"""What stands before a peer, as docker-proxy does, hangs up sooner if nobody listens."""

CLOSED: Final = "the connection was closed at once"
TIMED_OUT: Final = "timed out"

_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
_FIX: Final = "start what listens there, or wait longer"


@frozen
class Place:
    """Where one attempt goes.

    Attributes:
        endpoint: The endpoint that leads there.
        family: The address family, of ``socket.AddressFamily``.
        address: The host and port as sockets take them.
    """

    endpoint: Endpoint
    family: int
    address: tuple[str, int]

    def __str__(self) -> str:
        at = "" if self.endpoint.family else f" at {self.address[0]}"
        return f"{self.endpoint}{at}"


def check_stream(endpoints: Iterable[Endpoint], asked: str) -> None:
    """Check that connections can be made.

    Raises:
        FormatError: An endpoint is of another protocol than TCP.
    """
    other = next((e for e in endpoints if e.protocol != "tcp"), None)
    if other is not None:
        raise FormatError(asked, f"a connection is of tcp, and {other} is {other.protocol}")


def known_places(endpoint: Endpoint) -> tuple[Place, ...]:
    """The place of an endpoint whose address is known; none of one that has a name."""
    family = _FAMILIES.get(endpoint.family or 0)
    return () if family is None else (Place(endpoint, family, endpoint.address),)


def named_places(endpoint: Endpoint, infos: Iterable[tuple[Any, ...]]) -> tuple[Place, ...]:
    """The places of an endpoint that has a name.

    Args:
        endpoint: The endpoint.
        infos: What ``socket.getaddrinfo`` tells of it.
    """
    return tuple(Place(endpoint, family, (at[0], at[1])) for family, *_, at in infos)


def interleaved(places: Iterable[Place]) -> tuple[Place, ...]:
    """One family and the other in turn, beginning with the first (RFC 8305, 4)."""
    families: dict[int, list[Place]] = {}
    for place in dict.fromkeys(places):
        families.setdefault(place.family, []).append(place)
    turns = chain.from_iterable(zip_longest(*families.values()))
    return tuple(place for place in turns if place is not None)


def found(error: OSError) -> str:
    """What was found where somebody was expected."""
    number = error.errno or 0
    # An event loop has words of its own; below 0 are those of name servers.
    told = os.strerror(number) if number > 0 else error.strerror or str(error)
    return told.lower()


def unanswered(
    subject: str, endpoints: Sequence[Endpoint], reasons: Mapping[Place | Endpoint, str]
) -> UnreachableError:
    """The error for endpoints of which none answers, with the reason of each attempt.

    Args:
        subject: What was asked for.
        endpoints: The endpoints, in their order.
        reasons: Why a place or an endpoint does not answer.
    """
    order = {endpoint: at for at, endpoint in enumerate(endpoints)}
    told = [(one if isinstance(one, Endpoint) else one.endpoint, one) for one in reasons]
    told.sort(key=lambda pair: order[pair[0]])
    refusals = (
        Refusal(
            endpoint.route,
            Reason.NOT_ANSWERING,
            f"{one} does not answer: {reasons[one]}",
            _FIX,
        )
        for endpoint, one in told
    )
    return UnreachableError(subject, tuple(refusals))
