"""Waiting for peers: until each that is linked answers, or the time has passed."""

from __future__ import annotations

import sys
from contextlib import suppress
from io import StringIO
from typing import Final

from attrs import evolve

from dockernet._cli.rendering import say
from dockernet._cli.request import Request
from dockernet._cli.wanted import Wanted
from dockernet.actions.waiting import Passing, await_success, connect
from dockernet.errors import SourceError, UnreachableError
from dockernet.model.endpoints import Endpoint
from dockernet.model.links import Link, LinkReport, places_of
from dockernet.model.ports import Port
from dockernet.refusals import Reason, Refusal

__all__ = ["answering"]

_ONE_TRY: Final = 1.0  # seconds for one connection, so that a lost packet costs no more


def answering(request: Request, wanted: Wanted) -> LinkReport:
    """The links, once every peer answers.

    Raises:
        DockernetError: Something is wrong for good.
        PeerNotFoundError: One was not found within the time.
        UnreachableError: One did not answer within the time, or no source knew it.
    """
    said = {(one.alias, port) for one in map(Link.from_spec, wanted.peers) for port in one.ports}

    def attempt(left: float) -> LinkReport:
        report = wanted.read(evolve(request, timeout=left))
        for one in report.links:
            _await_peer(one, said, min(left, _ONE_TRY))
        return report

    progress = _Progress(wanted.peers)
    try:
        return await_success(attempt, request.timeout, progress.tell)
    except SourceError as error:
        silent = Refusal(None, Reason.NOT_ANSWERING, _reason(error), "start it, or wait longer")
        raise UnreachableError(progress.subject, (silent,)) from error


def _reason(error: Passing) -> str:
    # Without the engine's socket this is how it sounds when no other source knows a peer.
    return f"not known yet; {error}" if isinstance(error, SourceError) else str(error)


class _Progress:
    """Says what is waited for, on standard error, each reason once in a row."""

    def __init__(self, peers: tuple[str, ...]) -> None:
        self.subject = ", ".join(peers) or "the links of this container"
        self._last = ""

    def tell(self, error: Passing) -> None:
        """Say why one attempt failed."""
        reason = _reason(error)
        if reason != self._last:
            say(sys.stderr or StringIO(), f"waiting for {self.subject}: {reason}")
        self._last = reason


def _await_peer(one: Link, said: set[tuple[str, Port]], timeout: float) -> None:
    """Connect to the TCP ports that were said, or else to one that a peer has.

    A port that is exposed need not be served, and only TCP tells whether anybody listens.

    Raises:
        UnreachableError: It does not answer.
    """
    places = [place for place in places_of(one) if place.port.protocol == "tcp"]
    found = [Endpoint(p.host, p.number, peer=one.peer, container_port=p.port) for p in places]
    asked = [e for e, p in zip(found, places, strict=True) if (one.alias, p.port) in said]
    for endpoint in asked:
        connect(endpoint, timeout)
    if found and not asked and not any(_is_there(e, timeout) for e in found[1:]):
        connect(found[0], timeout)


def _is_there(endpoint: Endpoint, timeout: float) -> bool:
    with suppress(UnreachableError):
        connect(endpoint, timeout)
        return True
    return False
