"""The verbs that show what an engine tells, wherever the caller stands."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypedDict

import click
from attrs import evolve

from dockernet._cli import documents, tables
from dockernet._cli.answers import FOUND, NOTHING, Answer, Line
from dockernet._cli.request import Request
from dockernet.errors import SourceError
from dockernet.model.addresses import IPAddress
from dockernet.model.bindings import HostBinding
from dockernet.model.containers import Container
from dockernet.model.links import Link
from dockernet.model.ports import Port
from dockernet.model.vantage import VantageKind
from dockernet.resolver import whoami
from dockernet.sources.environ import Environ
from dockernet.sources.snapshot import Snapshot

__all__ = ["behind", "links", "networks", "port", "ps", "snapshot"]

Published = tuple[Container, Port, HostBinding]

# What `docker ps` takes for running (moby, daemon/list.go).
_UP: Final = frozenset({"paused", "restarting", "running"})
_ID_DIGITS: Final = 12  # the short form of an id
_WHOLE: Final = (
    "this snapshot has the engine's replies as they are: "
    "environments, labels and commands in it may hold secrets"
)


def ps(request: Request, *, every: bool) -> Answer:
    """Show containers with networks, addresses, ports and links."""
    with request.engine() as engine:
        known = engine.containers(details=True)
    up = [c for c in known if every or c.state in _UP]
    shown = [tables.Listed(c, _recipients(c, known), _owner(c, known)) for c in up]
    parts = {"containers": [documents.container(o.container, o.recipients) for o in shown]}
    return Answer(verb="ps", parts=parts, shown=tables.containers(shown))


def _owner(container: Container, known: Iterable[Container]) -> str | None:
    """Whose network a container uses: another's name, or its id where it is gone."""
    owner = container.shares_network_of
    if owner is None:
        return None
    return next((str(c) for c in known if c.id == owner), owner[:_ID_DIGITS])


def _recipients(peer: Container, known: Iterable[Container]) -> tuple[tuple[str, str], ...]:
    """Who links to a container, with the alias: on every network, not only by legacy links."""
    linked = {(str(c), link.alias) for c in known for link in c.links or () if _leads(link, peer)}
    return tuple(sorted(linked.union(peer.linked_as)))


def _leads(link: Link, peer: Container) -> bool:
    """Whether a link leads to a container; it names it, or the id that it had."""
    told = link.peer or "-"  # which is no name of a container
    return told in (peer.name, peer.id) or (len(told) >= _ID_DIGITS and peer.id.startswith(told))


def port(request: Request, *, container: str | None, port: str | None) -> Answer:
    """Show published ports: of one container as ``docker port`` does, or all of them."""
    if container is None:
        return _every_port(request)
    asked = None if port is None else Port.parse(port)
    with request.engine() as engine:
        known = engine.container(container)
    found = [item for item in _published(known) if asked in (None, item[1])]
    return Answer(
        verb="port",
        parts={"ports": [documents.published(*item) for item in found]},
        shown=tables.port_lines(found, one=asked is not None),
        **_nothing(found, f"{known} publishes {f'no port {asked}' if asked else 'no port'}"),
    )


def _every_port(request: Request) -> Answer:
    with request.engine() as engine:
        known = engine.containers()
    every = (item for container in known for item in _published(container))
    found = sorted(every, key=lambda item: (_number(item[2]), str(item[0])))
    parts = {"ports": [documents.published(*item) for item in found]}
    return Answer(verb="port", parts=parts, shown=tables.published(found))


def _published(container: Container) -> Iterator[Published]:
    return ((container, port, b) for port, bindings in container.ports.items() for b in bindings)


def _number(binding: HostBinding) -> int:
    """The host port; a routed port has none and comes first."""
    return binding.host_port if isinstance(binding.host_port, int) else 0


def behind(request: Request, *, port: str, address: str | None) -> Answer:
    """Show which containers hold a port of the engine's host."""
    asked = Port.parse(port)
    with request.engine() as engine:
        found = engine.behind(asked.number, asked.protocol, address)
    where = "" if address is None else f" of {address}"
    return Answer(
        verb="behind",
        parts={"ports": [documents.published(*item) for item in found]},
        shown=tables.published(found) if found else (),
        **_nothing(found, f"no container is behind host port {asked}{where}"),
    )


class _Nothing(TypedDict):
    status: int
    remark: str | None


def _nothing(found: Sequence[object], remark: str) -> _Nothing:
    """The exit code and the sentence for where nothing was found."""
    return {"status": FOUND, "remark": None} if found else {"status": NOTHING, "remark": remark}


def networks(request: Request) -> Answer:
    """Show networks and who may talk on them."""
    with request.engine() as engine:
        known, containers = engine.networks(), engine.containers()
    members = Counter(a.network_id for c in containers if c.state in _UP for a in c.networks)
    found = [(n, members[n.id]) for n in sorted(known, key=lambda n: (n.name, n.id))]
    parts = {"networks": [documents.network(*item) for item in found]}
    return Answer(verb="networks", parts=parts, shown=tables.networks(found))


def links(request: Request) -> Answer:
    """Show links: of every container, and those that this place's own variables tell of."""
    inside = request.is_local and whoami().kind is VantageKind.CONTAINER
    environ = Environ()
    own = [(link, environ.name) for link in environ.links()] if inside else []
    found = [*own, *_engine_links(request, needed=not own)]
    parts = {"links": [documents.link(*item) for item in found]}
    return Answer(verb="links", parts=parts, shown=tables.links(found))


def _engine_links(request: Request, *, needed: bool) -> list[tuple[Link, str]]:
    """The links that the engine tells; it may stay silent where variables told some."""
    try:
        with request.engine() as engine:
            known, source = engine.containers(details=True), engine.name
    except SourceError:
        if needed:
            raise
        return []
    given = ((c, link) for c in known for link in c.links or ())
    found = [(_completed(link, c, known), source) for c, link in given]
    return sorted(found, key=lambda item: (item[0].recipient or "", item[0].alias))


def _completed(link: Link, recipient: Container, known: Iterable[Container]) -> Link:
    """Add to a link what the engine knows of its peer."""
    peer = next((c for c in known if _leads(link, c)), None)
    if peer is None:
        return link
    addresses = tuple(_addresses_for(recipient, peer))
    return evolve(link, peer=peer.name, addresses=addresses, ports=peer.known_ports)


def _addresses_for(recipient: Container, peer: Container) -> Iterator[IPAddress]:
    """The peer's addresses on the networks that both are on."""
    for attachment in peer.networks:
        if recipient.attachment(attachment.network_id) is not None:
            yield from attachment.addresses


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
