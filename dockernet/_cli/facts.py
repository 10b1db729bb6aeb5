"""The verbs that show what an engine tells, wherever the caller stands."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Final

import click

from dockernet._cli import documents, tables
from dockernet._cli.answers import Answer, Line
from dockernet._cli.request import Request
from dockernet._linking import links_of, reconciled, told_link
from dockernet._standing import identified
from dockernet.errors import SourceError
from dockernet.model.containers import Container
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.explanations import NOT_HEARD
from dockernet.model.facts import EngineProfile, Fact, Inventory, Want
from dockernet.model.links import Link
from dockernet.model.provenance import Provenance
from dockernet.model.vantage import Vantage, VantageKind
from dockernet.resolver import whoami
from dockernet.sources.engine import Engine
from dockernet.sources.environ import Environ
from dockernet.sources.hosts_file import HostsFile
from dockernet.sources.snapshot import Snapshot

__all__ = ["links", "networks", "ps", "snapshot"]

# What `docker ps` takes for running (moby, daemon/list.go).
_UP: Final = frozenset({"paused", "restarting", "running"})
_ID_DIGITS: Final = 12  # the short form of an id
_SOURCES: Final = {Provenance.HOSTS: HostsFile.name, Provenance.ENVIRON: Environ.name}
_WHOLE: Final = (
    "this snapshot has the engine's replies as they are: "
    "environments, labels and commands in it may hold secrets"
)


def ps(request: Request, *, every: bool) -> Answer:
    """Show containers with networks, addresses, ports and links."""
    with request.engine() as engine:
        known = engine.containers(details=True)
    inventory = Inventory(source=engine.name, engine=EngineProfile(), containers=known)
    linked = links_of(inventory)
    up = [c for c in known if every or c.state in _UP]
    shown = [tables.Listed(c, _recipients(c, linked), _owner(c, known)) for c in up]
    parts = {"containers": [documents.container(o.container, o.recipients) for o in shown]}
    return Answer(verb="ps", parts=parts, shown=tables.containers(shown))


def _owner(container: Container, known: Iterable[Container]) -> str | None:
    """Whose network a container uses: another's name, or its id where it is gone."""
    owner = container.shares_network_of
    if owner is None:
        return None
    return next((str(c) for c in known if c.id == owner), owner[:_ID_DIGITS])


def _recipients(peer: Container, linked: Iterable[Link]) -> tuple[tuple[str, str], ...]:
    """Who links to a container, with the alias: on every network, not only by legacy links."""
    return tuple((link.recipient or "", link.alias) for link in linked if link.peer == peer.name)


def networks(request: Request) -> Answer:
    """Show networks and who may talk on them."""
    with request.engine() as engine:
        known, containers = engine.networks(), engine.containers()
    members = Counter(a.network_id for c in containers if c.state in _UP for a in c.networks)
    found = [(n, members[n.id]) for n in sorted(known, key=lambda n: (n.name, n.id))]
    parts = {"networks": [documents.network(*item) for item in found]}
    return Answer(verb="networks", parts=parts, shown=tables.networks(found))


def links(request: Request, *, container: str | None, aliases: bool) -> Answer:
    """Show links: of one container in both directions, or of all.

    In a container those that its own variables and hosts file tell are among them.
    """
    here = whoami() if request.is_local and container is None else None
    inside = here is not None and here.kind is VantageKind.CONTAINER
    told, odd = _own_links(here) if here is not None and inside else ([], [])
    try:
        with request.engine() as engine:
            known, source = _engine_links(engine, container, aliases=aliases), engine.name
            own = _own_name(here, engine) if here is not None and told else None
    except SourceError:
        if not told:
            raise
        known, source, own = (), "", None
    mine = [link for link in known if link.recipient == own is not None]
    report = reconciled([*mine, *told])
    found = [*report.links, *(link for link in known if link not in mine)]
    diagnostics = (*odd, *report.diagnostics)
    parts = {
        "links": [documents.link(link, _source(link, source)) for link in found],
        "diagnostics": [documents.diagnostic(one) for one in diagnostics],
    }
    return Answer(verb="links", parts=parts, shown=tables.links(found), diagnostics=diagnostics)


def _own_links(here: Vantage) -> tuple[list[Link], list[Diagnostic]]:
    """The links that the hosts file and the variables of this place tell of."""
    hosts = HostsFile()
    try:
        said = tuple(hosts.read(Want(None, here)))
    except SourceError as error:
        said = (Diagnostic(error.source, NOT_HEARD, error.reason),)
    lines = (told_link(one) for one in said if isinstance(one, Fact))
    odd = [one for one in said if isinstance(one, Diagnostic)]
    return [*filter(None, lines), *Environ().links()], odd


def _own_name(here: Vantage, engine: Engine | Snapshot) -> str | None:
    """The name of the container that this is, where the engine knows it."""
    return identified(here, next(iter(engine.read(Want(None, here))))).name


def _engine_links(
    engine: Engine | Snapshot, container: str | None, *, aliases: bool
) -> tuple[Link, ...]:
    """Every link, or those that were given to a container and those that lead to it."""
    if container is None:
        return engine.links(aliases=aliases)
    given = engine.links(recipient=container, aliases=aliases)
    return tuple(dict.fromkeys((*given, *engine.links(peer=container, aliases=aliases))))


def _source(link: Link, engine: str) -> str:
    """The source of the freshest that is told of a link."""
    return next((_SOURCES.get(place, engine) for place in link.provenances), engine)


def snapshot(request: Request, *, file: str, whole: bool) -> Answer:
    """Record the engine, and where it is seen from."""
    taken = _taken(request, whole=whole)
    remark = _WHOLE if whole and request.recording is None else None
    if file == "-":
        text = str(taken)
        lines = tuple(map(Line, text.splitlines()))
        parts: dict[str, object] = {"snapshot": json.loads(text)}
        return Answer(verb="snapshot", parts=parts, shown=lines, remark=remark)
    taken.save(file)
    parts = {"file": file, "containers": len(taken.containers()), "engine": taken.profile().version}
    told = "{file}: {containers} containers of Engine {engine}".format_map(parts)
    return Answer(verb="snapshot", parts=parts, shown=tables.line(told), remark=remark)


def _taken(request: Request, *, whole: bool) -> Snapshot:
    with request.engine() as engine:
        if not isinstance(engine, Snapshot):
            return engine.snapshot(request.vantage(engine), whole=whole)
    if request.origin is not None:
        raise click.UsageError(
            "a recording keeps the place that it was taken from: leave out --from"
        )
    return engine
