"""The verb that changes something on the engine: launch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

import click

from dockernet._cli import documents, tables
from dockernet._cli.answers import Answer
from dockernet._cli.request import Request
from dockernet.errors import DockernetError
from dockernet.model.containers import Container
from dockernet.model.endpoints import Endpoint
from dockernet.model.ports import Port
from dockernet.resolver import Resolver
from dockernet.sources.engine import Engine
from dockernet.sources.snapshot import Snapshot

__all__ = ["launch"]


def launch(  # noqa: PLR0913 - one for each option
    request: Request,
    *,
    image: str,
    command: tuple[str, ...],
    name: str | None,
    ports: tuple[str, ...],
    publish_all: bool,
    links: tuple[str, ...],
    networks: tuple[str, ...],
    aliases: tuple[str, ...],
    variables: tuple[str, ...],
    labels: tuple[str, ...],
    volumes: tuple[str, ...],
    remove: bool,
) -> Answer:
    """Start a container, and show where its ports are and what to dial from here."""
    with request.engine() as engine:
        if isinstance(engine, Snapshot):
            raise click.UsageError("a recording launches nothing: leave out --snapshot")
        launched = engine.launch(
            image,
            command,
            name=name,
            ports=ports,
            links=links,
            networks=networks,
            aliases=aliases,
            environ=dict(_variables(variables, os.environ)),
            labels=dict(_labels(labels)),
            volumes=volumes,
            publish_all=publish_all,
            remove=remove,
        )
        found = launched.container
        try:
            dialled = _dialled(found, engine, request.origin)
        except BaseException:
            launched.remove()  # nobody would hear of it
            raise
    parts = {
        "container": documents.container(found, ()),
        "endpoints": [documents.endpoint(one) for one in dialled.values()],
    }
    return Answer(verb="launch", parts=parts, shown=tables.launched(found, dialled))


def _variables(said: Iterable[str], own: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """``NAME=VALUE``, or a name whose value is this process's own, as docker takes it."""
    for text in said:
        name, equals, value = text.partition("=")
        if equals:
            yield name, value
        elif name in own:
            yield name, own[name]


def _labels(said: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in said:
        name, _, value = text.partition("=")
        yield name, value


def _dialled(found: Container, engine: Engine, origin: str | None) -> dict[Port, Endpoint]:
    """What to dial for each port; the container runs, whatever is the matter with that."""
    dialled: dict[Port, Endpoint] = {}
    with suppress(DockernetError):
        resolver = Resolver([engine])
        seen = resolver if origin is None else resolver.seen_from(origin)
        for port in found.ports:
            with suppress(DockernetError):
                dialled[port] = seen.resolve(f"{found.name}:{port}")
    return dialled
