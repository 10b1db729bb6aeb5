"""The verb that waits for peers, and the progress of waiting."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from io import StringIO
from typing import Final, TextIO

import click
from attrs import evolve

from dockernet._cli import documents, tables
from dockernet._cli.answers import Answer, Successor, Tone
from dockernet._cli.rendering import say
from dockernet._cli.request import Request
from dockernet.dialling.within import begun, done_of
from dockernet.model.endpoints import Endpoint
from dockernet.model.mappings import SecretMap
from dockernet.model.readiness import ReadyName
from dockernet.resolver import Resolver
from dockernet.sources._signals import end_by_exit, no_longer

__all__ = ["PATIENCE", "Tell", "ended_by_signals", "plain_progress", "wait"]

PATIENCE: Final = 30.0
"""Seconds to wait for peers, unless said otherwise."""

_ENGINE: Final = 5.0  # seconds for one answer of an engine, as with other verbs

Tell = Callable[[str, str | None], None]
"""Told a target and why it is not ready yet; ``None`` when it is ready."""


def wait(
    request: Request, *, targets: tuple[str, ...], ready: ReadyName, command: tuple[str, ...]
) -> Answer | Successor:
    """Wait until peers are ready, and become a command."""
    if request.origin is not None:
        raise click.UsageError("what is waited for is dialled from here: leave out --from")
    asked = evolve(request, timeout=min(request.timeout, _ENGINE))
    with (
        ended_by_signals(),
        _progress(sys.stderr or StringIO(), targets) as tell,
        asked.resolver() as resolver,
    ):
        found = _all_ready(partial(_ready, resolver, request.timeout, ready), targets, tell)
    if command:
        return Successor(command, SecretMap(os.environ))
    parts = {"endpoints": [documents.endpoint(one) for one in found]}
    shown = tuple(line for one in found for line in tables.line(str(one), Tone.ANSWER))
    return Answer(verb="wait", parts=parts, shown=shown)


def _ready(
    resolver: Resolver, timeout: float, ready: ReadyName, target: str, tell: Tell
) -> Endpoint:
    found = resolver.wait(target, timeout, ready, tell=partial(tell, target))
    tell(target, None)
    return found


def _all_ready(
    ready: Callable[[str, Tell], Endpoint], targets: Sequence[str], tell: Tell
) -> list[Endpoint]:
    """Wait for all side by side; the first that fails ends it.

    Raises:
        DockernetError: One is not ready within the time, or cannot be waited for.
    """
    outcomes = [begun(partial(ready, target, tell)) for target in targets]
    for outcome in done_of(outcomes):
        outcome.result()
    return [outcome.result() for outcome in outcomes]


@contextmanager
def ended_by_signals() -> Generator[None]:
    """Let SIGTERM end it: to the first process of a container it does nothing by itself."""
    asker = object()
    end_by_exit(asker)
    try:
        yield
    finally:
        no_longer(asker)


# Progress


def _progress(stream: TextIO, targets: Sequence[str]) -> AbstractContextManager[Tell]:
    """What is told of the progress: lines that change on a terminal, else one after another.

    Raises:
        ModuleNotFoundError: It is a terminal, and rich is not installed.
    """
    if not stream.isatty():
        return nullcontext(partial(plain_progress, stream))
    from dockernet._cli.terminal import live_progress  # noqa: PLC0415 - terminals alone need rich

    return live_progress(stream, targets)


def plain_progress(stream: TextIO, target: str, reason: str | None) -> None:
    """Write a line of how it stands with a target.

    Raises:
        OSError: It cannot be written.
    """
    told = f"{target} is ready" if reason is None else f"waiting for {target}: {reason}"
    say(stream, told)
