"""The tour: every way to reach a container, walked on a recorded engine.

The recording is of a real engine; each address below comes from the library, worked
out from it when the tour is taken. Nothing but the questions is written here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from dockernet._cli import documents
from dockernet._cli.answers import Answer, Line, Tone
from dockernet._cli.request import Request
from dockernet._cli.routes import host_seen_from
from dockernet.errors import UnreachableError
from dockernet.formats.hosts import parse_hosts
from dockernet.model.endpoints import Endpoint, Route
from dockernet.model.vantage import Vantage
from dockernet.resolver import Resolver
from dockernet.sources.environ import Environ
from dockernet.sources.snapshot import Snapshot

__all__ = ["STORY", "Story", "tour"]

STORY: Final = Path(__file__).with_name("story.json")

_WHY: Final = {
    Route.SAME_NAMESPACE: "both are in one network namespace",
    Route.SHARED_NETWORK: "both are on network {network}",
    Route.LINK: "a link joins them; source: {source}",
    Route.HOST_MODE: "{peer} is on the host, which has this address on network {network}",
    Route.GATEWAY: "out by network {network} to the host, where port {port} leads in",
    Route.ROUTED: "the host routes to network {network}",
    Route.PUBLISHED: "the host's port {port} leads to port {container_port} of {peer}",
    Route.DIRECT: "{peer}'s own address; the host is on network {network}, too",
    Route.GIVEN: "{source} says so",
}


@frozen
class Stop:
    """A stop of the tour: a question, and how it is asked and answered.

    Attributes:
        question: The question.
        typed: What a person types.
        answer: The answer.
        why: Why it is so, a line each.
        facts: The answer as JSON has it.
        found: Whether there is a way.
    """

    question: str
    typed: str
    answer: str
    why: tuple[str, ...]
    facts: documents.Document
    found: bool = True


@frozen
class Story:
    """The recording that the tour is taken on.

    Attributes:
        snapshot: The engine.
        vantage: What the linked container sees of itself, from inside.
        environ: The variables that it has for its link.
        hosts: Its hosts file.
    """

    snapshot: Snapshot
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
        resolver = Resolver([self.snapshot])
        return resolver if origin is None else resolver.seen_from(origin)

    def told(self) -> str:
        """What it is a recording of."""
        count, version = len(self.snapshot.containers()), self.snapshot.profile().version
        return f"Docker Engine {version} with {count} containers"
