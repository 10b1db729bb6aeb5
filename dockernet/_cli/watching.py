"""The verb that watches: a line for each change, until it is interrupted."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from io import StringIO
from typing import TextIO

import click

from dockernet._cli import documents, tables
from dockernet._cli.answers import News, Stream
from dockernet._cli.failures import Failure
from dockernet._cli.rendering import say
from dockernet._cli.request import Request
from dockernet._cli.waiting import ended_by_signals
from dockernet.model.changes import ContainerChange
from dockernet.model.containers import Container
from dockernet.model.endpoint_changes import EndpointChange
from dockernet.model.live_state import LiveState
from dockernet.model.targets import Target
from dockernet.sources.engine import Engine

__all__ = ["watch"]


def watch(request: Request, *, peer: str | None) -> Stream:
    """Tell what changes: of a peer's endpoints, or of all containers."""
    if request.recording is not None:
        raise click.UsageError("a recording does not change: leave out --snapshot")
    if peer is not None:
        return Stream("watch", _endpoints(request, Target.parse(peer)))
    if request.origin is not None:
        raise click.UsageError("--from is for the endpoints of a peer: name the peer")
    return Stream("watch", _containers(request))


def _endpoints(request: Request, target: Target) -> Generator[News]:
    with (
        ended_by_signals(),
        request.resolver() as resolver,
        resolver.watch(target, tell=_told()) as changes,
    ):
        for change in changes:
            yield News(_endpoint_parts(change), tables.endpoint_change(change))


def _containers(request: Request) -> Generator[News]:
    with (
        ended_by_signals(),
        Engine(request.url, request.timeout, context=request.context) as engine,
        engine.watch(tell=_told()) as changes,
    ):
        for change in changes:
            yield News(_container_parts(change), tables.container_change(change))


def _endpoint_parts(change: EndpointChange) -> documents.Document:
    error = None if change.error is None else Failure.of(change.error).document["error"]
    return {
        "target": change.target,
        "why": list(change.why),
        "before": [documents.endpoint(one) for one in change.before],
        "after": [documents.endpoint(one) for one in change.after],
        "error": error,
    }


def _container_parts(change: ContainerChange) -> documents.Document:
    return {
        "id": change.container.id,
        "name": change.container.name,
        "why": list(change.why),
        "before": _container(change.before),
        "after": _container(change.after),
    }


def _container(value: Container | None) -> documents.Document | None:
    return None if value is None else documents.container(value, value.linked_as)


# How true it is


def _told() -> Callable[[LiveState], None]:
    """Tell on standard error when the engine is not heard, and when it is again."""
    stream: TextIO = sys.stderr or StringIO()
    current = True

    def tell(state: LiveState) -> None:
        nonlocal current
        if state.current is not current:
            current = state.current
            say(stream, "current again" if current else str(state))

    return tell
