"""The live tour: every way to reach a container, walked on an engine and dialled.

Each address comes from the library, and is dialled from where it is said to be of use;
whoever answers there says its name. A stop where another answers, or nobody, fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import click
from attrs import evolve, frozen

from dockernet._cli import documents
from dockernet._cli.answers import FOUND, NOTHING, Answer, Line, Tone
from dockernet._cli.request import Request
from dockernet._cli.stage import LABEL, Stage, stage
from dockernet._cli.stops import (
    Directions,
    Inside,
    Stop,
    behind,
    directions_documents,
    gateway,
    linked,
    reach,
    walk,
)
from dockernet._standing import vantage_in
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.portmap import PortMap
from dockernet.model.ports import Port

__all__ = ["live_tour"]

_ALIAS: Final = "dedoimedo"
_TELLING: Final = f"{_ALIAS.upper()}_"
_SECRET: Final = f"{_TELLING}ENV_"  # what is the peer's own
_LEFT: Final = (
    f"of another live tour; if that was killed: docker rm -f $(docker ps -aq -f label={LABEL}), "
    f"docker network prune --filter label={LABEL}, docker image prune -a --filter label={LABEL}"
)


@frozen
class _Part:
    """A container of the tour: what it publishes, exposes and is linked to."""

    short: str
    published: tuple[str, ...] = ()
    exposed: tuple[int, ...] = ()
    linked: str | None = None
    in_shop: bool = False

    @property
    def ports(self) -> PortMap:
        exposed = {Port(number): () for number in self.exposed}
        return PortMap({**exposed, **PortMap.from_specs(self.published)})


_CAST: Final = (  # in the order of their start
    _Part("net1", ("80",), (22,)),
    _Part("net2", ("80",), (22,)),
    _Part("net3", ("22", "80")),
    _Part("web", exposed=(22, 80)),
    _Part("client", linked="web"),
    _Part("db", ("127.0.0.1::5432",), in_shop=True),
    _Part("api", in_shop=True),
)


def live_tour(request: Request, image: str | None) -> Answer:
    """Put the containers up, walk, and take them down again.

    Raises:
        LaunchError: There is no image, or what there is cannot be launched.
        SourceError: The engine cannot be asked, or does not do it.
    """
    if request.recording is not None or request.origin is not None:
        raise click.UsageError("the live tour is of an engine, from here: see tour --help")
    with stage(request, image) as on:
        _put_up(on)
        directions = _Walk(on).directions
        facts: documents.Document = {
            "engine": on.engine.profile().version,
            "containers": len(_CAST),
            "image": on.image,
        }
    return _answer(directions, facts, on.others)


def _put_up(on: Stage) -> None:
    shop = on.network("shop")
    for part in _CAST:
        links = [f"{on.name(part.linked)}:{_ALIAS}"] if part.linked else []
        networks = [shop] if part.in_shop else []
        on.launch(part.short, part.ports, networks=networks, links=links)


def _answer(directions: Directions, facts: documents.Document, others: tuple[str, ...]) -> Answer:
    dials = [dial for stops in directions.values() for stop in stops for dial in stop.dials]
    wrong = [dial for dial in dials if not dial.is_right]
    failed = f"{len(wrong)} of {len(dials)} addresses did not lead to whom they should: {{}}"
    return Answer(
        verb="tour",
        parts={"recording": None, "live": facts, "directions": directions_documents(directions)},
        shown=tuple(_lines(directions, facts)),
        status=NOTHING if wrong else FOUND,
        remark=failed.format("; ".join(map(str, wrong))) if wrong else None,
        diagnostics=tuple(Diagnostic("engine", name, _LEFT) for name in others),
    )


def _lines(directions: Directions, facts: documents.Document) -> Iterator[Line]:
    told = "This was Docker Engine {engine} with {containers} containers of {image}."
    yield Line(told.format_map(facts), Tone.HEADING)
    yield Line("Each address was dialled; who answered said its name. All is removed again.")
    yield from walk(directions)


@frozen
class _Walk:
    """The walk over a stage."""

    on: Stage

    @property
    def directions(self) -> Directions:
        return {
            "From the host to a container": tuple(self._from_here()),
            "From a container to the host": tuple(self._to_host()),
            "From a container to another": tuple(self._between()),
        }

    def _from_here(self) -> Iterator[Stop]:
        yield self._reach("net1 does not publish its port 22. How do I reach it?", "net1", 22)
        question = "{} publishes port {}, on a host port that the engine chose."
        for short, port in (("net1", 80), ("net2", 80), ("net3", 22)):
            yield self._reach(question.format(short, port), short, port)
        yield self._dialled(behind(self.on, self._target("net3", 80)), "net3")

    def _to_host(self) -> Iterator[Stop]:
        client = self.on.name("client")
        stop = gateway(self.on, "How does client reach its host?", client)
        if not stop.found:
            yield stop
            return
        port = self.on.listen(stop.host, self.on.name("host"))
        if not port:
            why = "not dialled: this process cannot listen on that host"
            yield evolve(stop, why=(*stop.why, why))
            return
        yield self._dialled(evolve(stop, port=port), "host", "client")
        question = "And a service there, which this very process is?"
        stop = reach(self.on, question, f"host.docker.internal:{port}", client)
        yield self._dialled(stop, "host", "client")

    def _between(self) -> Iterator[Stop]:
        question = "How does client reach net1, which is on the same bridge?"
        yield self._reach(question, "net1", 80, "client")
        question = "How does api reach net3, with no network in common?"
        yield self._reach(question, "net3", 80, "api")
        stop = self._dialled(linked(self.on, self._inside(), 80), "web", "client")
        yield self._also(stop, _ALIAS, 80, "web", "client")
        question = "How does api reach db, on a network of their own? By name, too."
        stop = self._reach(question, "db", 5432, "api")
        yield self._also(stop, self.on.name("db"), 5432, "db", "api")
        yield self._reach("And client, which is not on that network?", "db", 5432, "client")

    def _target(self, short: str, port: int) -> str:
        return f"{self.on.name(short)}:{port}"

    def _reach(self, question: str, short: str, port: int, origin: str | None = None) -> Stop:
        seen_from = origin and self.on.name(origin)
        stop = reach(self.on, question, self._target(short, port), seen_from)
        return self._dialled(stop, short, origin)

    def _dialled(self, stop: Stop, short: str, origin: str | None = None) -> Stop:
        """Dial what a stop says, if it says what."""
        return self._also(stop, stop.host, stop.port, short, origin) if stop.found else stop

    def _also(
        self, stop: Stop, host: str, port: int, short: str, origin: str | None = None
    ) -> Stop:
        """Dial an address at a stop."""
        seen_from = origin and self.on.name(origin)
        dial = self.on.dial(seen_from, host, port, self.on.name(short))
        return evolve(stop, dials=(*stop.dials, dial))

    def _inside(self) -> Inside:
        """What the linked container has of its link, read inside."""
        name = self.on.name("client")
        container = self.on.engine.container(name)
        read = self.on.output(name, "cat", "/proc/1/environ").split("\0")
        variables = dict(line.split("=", 1) for line in read if line.startswith(_TELLING))
        return Inside(
            recipient=name,
            link=next(iter(container.links or ())),
            environ={n: v for n, v in variables.items() if not n.startswith(_SECRET)},
            hosts=self.on.output(name, "cat", "/etc/hosts"),
            vantage=vantage_in(container),
        )
