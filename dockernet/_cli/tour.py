"""The tour: every way to reach a container, walked on a recorded engine.

The recording is of a real engine; each address below comes from the library, worked
out from it when the tour is taken. Nothing but the questions is written here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
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

_WIDTH: Final = 79

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

    @property
    def facts(self) -> documents.Document:
        """What it is a recording of."""
        version, count = self.snapshot.profile().version, len(self.snapshot.containers())
        return {"engine": version, "containers": count, "path": str(STORY)}


def tour(request: Request) -> Answer:
    """Walk through every way to reach a container."""
    del request  # The recording is the tour's own.
    story = Story.load()
    directions = _directions(story)
    parts = {
        "recording": story.facts,
        "directions": [
            {"direction": name, "stops": [_document(stop) for stop in stops]}
            for name, stops in directions.items()
        ],
    }
    return Answer(verb="tour", parts=parts, shown=tuple(_lines(story, directions)))


def _directions(story: Story) -> dict[str, tuple[Stop, ...]]:
    def reach(question: str, target: str, origin: str | None = None) -> Stop:
        return _resolved(story, question, target, origin)

    return {
        "From the host to a container": (
            reach("net1 publishes nothing. How do I reach its port 22?", "net1:22"),
            reach("net3 publishes port 22, on a host port that the engine chose.", "net3:22"),
            _behind(story, "net3:80"),
        ),
        "From a container to the host": (
            _gateway(story, "How does client reach its host?", "client"),
            reach("And metrics, which is in host mode?", "metrics:9100", "client"),
        ),
        "From a container to another": (
            reach("How does client reach net1, which is on the same bridge?", "net1:80", "client"),
            reach("How does api reach net3, with no network in common?", "net3:80", "api"),
            _linked(story),
            reach("How does api reach db, on a network of their own? By name.", "db:5432", "api"),
            reach("And client, which is not on that network?", "db:5432", "client"),
        ),
    }


# The stops.


def _typed(*words: str, origin: str | None = None) -> str:
    seen_from = () if origin is None else ("--from", origin)
    return " ".join(("$ dockernet", *words, *seen_from))


def _resolved(story: Story, question: str, target: str, origin: str | None = None) -> Stop:
    typed = _typed("resolve", target, origin=origin)
    try:
        found = story.resolver(origin).resolve(target)
    except UnreachableError as error:
        why = tuple(w for r in error.refusals for w in (f"{r.reason}: {r.detail}", f"fix: {r.fix}"))
        refusals = [documents.refusal(refusal) for refusal in error.refusals]
        return Stop(question, typed, "no way", why, {"refusals": refusals}, found=False)
    return Stop(question, typed, str(found), (_why(found),), documents.endpoint(found))


def _why(found: Endpoint) -> str:
    told = documents.endpoint(found)
    return f"{found.route}: {_WHY[found.route].format_map(told)}"


def _behind(story: Story, target: str) -> Stop:
    number = story.resolver(None).resolve(target).port
    found = story.snapshot.behind(number)
    answer = ", ".join(dict.fromkeys(f"{container} {port}" for container, port, _ in found))
    why = f"published on {' and '.join(str(binding) for *_, binding in found)}"
    facts: documents.Document = {"ports": [documents.published(*item) for item in found]}
    question = f"Who has port {number} of the host?"
    return Stop(question, _typed("behind", str(number)), answer, (why,), facts)


def _gateway(story: Story, question: str, origin: str) -> Stop:
    found = host_seen_from(story.resolver(origin), 4)
    facts: documents.Document = {"address": found}
    why = "the host's own address on the network that leads out"
    return Stop(question, _typed("gateway", origin=origin), found, (why,), facts)


def _linked(story: Story) -> Stop:
    """With the variables and the hosts file of the recipient, and no engine."""
    source = Environ(story.environ)
    [link] = source.links()
    given = next(iter(story.snapshot.container(link.recipient or "").links or ()))
    target = f"{link.alias}:80"
    found = Resolver([source], story.vantage).resolve(target)
    facts = {**documents.endpoint(found), "environ": story.environ, "link": str(given)}
    return Stop(
        f"{link.recipient} was made with --link {given}. Is that enough, with no engine?",
        f">>> Resolver([Environ()]).resolve('{target}')  # in {link.recipient}",
        str(found),
        (_why(found), *_variables(story, found), *_hosts_lines(story, link.alias)),
        facts,
    )


def _variables(story: Story, found: Endpoint) -> Iterator[str]:
    """The variable that tells an endpoint."""
    url = found.url(found.protocol)
    telling = [name for name, value in story.environ.items() if value == url]
    others = len(story.environ) - len(telling)
    yield f"{telling[0]}={url}, and {others} more variables"


def _hosts_lines(story: Story, alias: str) -> Iterator[str]:
    """The hosts file's lines for an alias."""
    for line in parse_hosts(story.hosts).lines:
        if alias in line.names:
            yield f"in /etc/hosts: {line.address} {' '.join(line.names)}"


# The walk.


def _lines(story: Story, directions: dict[str, tuple[Stop, ...]]) -> Iterator[Line]:
    told = "This is a recording of Docker Engine {engine} with {containers} containers."
    yield Line(told.format_map(story.facts), Tone.HEADING)
    yield Line("No Docker is needed: each answer is worked out from it, as from a live engine.")
    for direction, stops in directions.items():
        yield Line()
        yield Line(direction.upper(), Tone.HEADING)
        for stop in stops:
            yield from _stop(stop)
    yield Line()
    yield Line("The recording is a snapshot like those you can make. Ask it more:")
    yield Line(f"  $ dockernet explain db:5432 --from client --snapshot {STORY}", Tone.COMMAND)


def _stop(stop: Stop) -> Iterator[Line]:
    yield Line()
    yield Line(f"  {stop.question}")
    yield Line(f"  {stop.typed}", Tone.COMMAND)
    yield Line(f"    {stop.answer}", Tone.ANSWER if stop.found else Tone.REFUSAL)
    for why in stop.why:
        lines = wrap(why, _WIDTH, initial_indent="    ", subsequent_indent="      ")
        yield from (Line(text, Tone.ASIDE) for text in lines)


def _document(stop: Stop) -> documents.Document:
    return {
        "question": stop.question,
        "typed": stop.typed,
        "found": stop.found,
        "answer": stop.answer,
        "why": list(stop.why),
        "facts": stop.facts,
    }
