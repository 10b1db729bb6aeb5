"""The tour: every way to reach a container, walked on a recorded engine.

The recording is of a real engine; each address below comes from the library, worked
out from it when the tour is taken. Nothing but the questions is written here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
from attrs import frozen

from dockernet._cli import documents
from dockernet._cli.answers import Answer, Line, Tone
from dockernet._cli.live_tour import live_tour
from dockernet._cli.request import Request
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
from dockernet.model.vantage import Vantage
from dockernet.resolver import Resolver
from dockernet.sources.snapshot import Snapshot

__all__ = ["STORY", "Story", "tour"]

STORY: Final = Path(__file__).with_name("story.json")


@frozen
class Story:
    """The recording that the tour is taken on.

    Attributes:
        engine: The engine.
        vantage: What the linked container sees of itself, from inside.
        environ: The variables that it has for its link.
        hosts: Its hosts file.
    """

    engine: Snapshot
    vantage: Vantage
    environ: dict[str, str]
    hosts: str

    @classmethod
    def load(cls) -> Story:
        """Load it from the package."""
        document: dict[str, Any] = json.loads(STORY.read_text(encoding="utf-8"))
        client = document["client"]
        inside = Snapshot({**document, "vantage": client["vantage"]}).vantage
        return cls(Snapshot(document), inside, client["environ"], client["hosts"])

    def resolver(self, origin: str | None) -> Resolver:
        """The resolver that looks from a container, or from the host."""
        resolver = Resolver([self.engine])
        return resolver if origin is None else resolver.seen_from(origin)

    @property
    def inside(self) -> Inside:
        """What the linked container sees."""
        name = self.vantage.name or ""
        link = next(iter(self.engine.container(name).links or ()))
        return Inside(name, link, self.environ, self.hosts, self.vantage)

    @property
    def facts(self) -> documents.Document:
        """What it is a recording of."""
        version, count = self.engine.profile().version, len(self.engine.containers())
        return {"engine": version, "containers": count, "path": str(STORY)}


def tour(request: Request, *, live: bool, image: str | None) -> Answer:
    """Walk through every way to reach a container: on the recording, or on an engine."""
    if live:
        return live_tour(request, image)
    if image is not None:
        raise click.UsageError("--image is for the live tour: add --live")
    story = Story.load()  # Whatever is requested: the recording is the tour's own.
    directions = _directions(story)
    parts = {
        "recording": story.facts,
        "live": None,
        "directions": directions_documents(directions),
    }
    return Answer(verb="tour", parts=parts, shown=tuple(_lines(story, directions)))


def _directions(story: Story) -> Directions:
    def ask(question: str, target: str, origin: str | None = None) -> Stop:
        return reach(story, question, target, origin)

    return {
        "From the host to a container": (
            ask("net1 publishes nothing. How do I reach its port 22?", "net1:22"),
            ask("net3 publishes port 22, on a host port that the engine chose.", "net3:22"),
            behind(story, "net3:80"),
        ),
        "From a container to the host": (
            gateway(story, "How does client reach its host?", "client"),
            ask("And metrics, which is in host mode?", "metrics:9100", "client"),
        ),
        "From a container to another": (
            ask("How does client reach net1, which is on the same bridge?", "net1:80", "client"),
            ask("How does api reach net3, with no network in common?", "net3:80", "api"),
            linked(story, story.inside, 80),
            ask("How does api reach db, on a network of their own? By name.", "db:5432", "api"),
            ask("And client, which is not on that network?", "db:5432", "client"),
        ),
    }


def _lines(story: Story, directions: Directions) -> Iterator[Line]:
    told = "This is a recording of Docker Engine {engine} with {containers} containers."
    yield Line(told.format_map(story.facts), Tone.HEADING)
    yield Line("No Docker is needed: each answer is worked out from it, as from a live engine.")
    yield from walk(directions)
    yield Line()
    yield Line("The recording is a snapshot like those you can make. Ask it more:")
    yield Line(f"  $ dockernet explain db:5432 --from client --snapshot {STORY}", Tone.COMMAND)
