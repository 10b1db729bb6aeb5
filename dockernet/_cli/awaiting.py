"""Waiting for peers: until each that is linked answers, or the time has passed."""

from __future__ import annotations

import sys
from functools import partial
from io import StringIO
from time import monotonic

from attrs import evolve

from dockernet._cli.request import Request
from dockernet._cli.waiting import plain_progress
from dockernet._cli.wanted import Wanted
from dockernet._waiting import Waiting
from dockernet.dialling.racing import accepted
from dockernet.dialling.waiting import persist
from dockernet.model.endpoints import Endpoint
from dockernet.model.links import Link, LinkReport, places_of
from dockernet.model.ports import Port

__all__ = ["answering"]


def answering(request: Request, wanted: Wanted) -> LinkReport:
    """The links, once every peer answers.

    Raises:
        DockernetError: Something is wrong for good.
        NotReadyError: One was not found, or did not answer, within the time.
    """
    said = {(one.alias, port) for one in map(Link.from_spec, wanted.peers) for port in one.ports}
    subject = ", ".join(wanted.peers) or "the links of this container"
    tell = partial(plain_progress, sys.stderr or StringIO(), subject)
    waiting = Waiting.begin(subject, request.timeout, monotonic(), tell)

    def attempt(left: float) -> LinkReport:
        report = wanted.read(evolve(request, timeout=left))
        for one in report.links:
            _await_peer(one, said, waiting.patience(monotonic()))
        return report

    return persist(waiting, attempt)


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
        accepted(one.alias, (endpoint,), timeout)
    if found and not asked:
        accepted(one.alias, found, timeout)
