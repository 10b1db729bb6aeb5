"""The stops of a tour: a question each, how it is asked, and the answer with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Final, Protocol

from attrs import evolve, field, frozen

from dockernet._cli import documents
from dockernet._cli.answers import Line, Tone
from dockernet._cli.routes import host_seen_from
from dockernet.errors import UnreachableError
from dockernet.formats.hosts import parse_hosts
from dockernet.model.endpoints import Endpoint
from dockernet.model.links import Link
from dockernet.model.vantage import Vantage
from dockernet.refusals import Route
from dockernet.resolver import Resolver
from dockernet.sources.engine import Engine
from dockernet.sources.environ import Environ
from dockernet.sources.snapshot import Snapshot

__all__ = [
    "Dial",
    "Directions",
    "Ground",
    "Inside",
    "Stop",
    "behind",
    "directions_documents",
    "gateway",
    "linked",
    "reach",
    "walk",
]

_WIDTH: Final = 79

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
_NO_VARIABLES: Final = "no variable tells of it: Engine 29 and later set none for links"


class Ground(Protocol):
    """What a tour is taken on."""

    @property
    def engine(self) -> Engine | Snapshot:
        """The engine, or the recording of one."""
        ...

    def resolver(self, origin: str | None) -> Resolver:
        """The resolver that looks from a container, or from here."""
        ...


@frozen
class Dial:
    """An address that was dialled, and who answered.

    Attributes:
        origin: The container that it was dialled from; ``None`` is this process.
        host: The host part of the address, or a name.
        port: The port.
        expected: The name of whom it is to reach.
        read: The name that was read there; empty where nobody answered.
    """

    origin: str | None
    host: str
    port: int
    expected: str
    read: str

    @property
    def is_right(self) -> bool:
        """Whether it reached whom it was to reach."""
        return self.read == self.expected

    def __str__(self) -> str:
        where = f"dialled {self.host} port {self.port} from {self.origin or 'here'}"
        if self.is_right:
            return f"{where}: {self.read} answers"
        return f"{where}: {self.read or 'nobody'} answers, and it is to be {self.expected}"


@frozen
class Stop:
    """A stop of a tour: a question, and how it is asked and answered.

    Attributes:
        question: The question.
        typed: What a person types.
        answer: The answer.
        why: Why it is so, a line each.
        facts: The answer as JSON has it.
        found: Whether there is a way.
        host: The host that the answer says to dial; empty where it says none.
        port: The port that it says to dial; 0 where it says none.
        dials: What was dialled, and who answered; nothing in a recording.
    """

    question: str
    typed: str
    answer: str
    why: tuple[str, ...]
    facts: documents.Document
    found: bool = True
    host: str = ""
    port: int = 0
    dials: tuple[Dial, ...] = ()


Directions = Mapping[str, tuple[Stop, ...]]
"""The stops of a tour, by direction."""


@frozen
class Inside:
    """What the recipient of a link sees, inside.

    Attributes:
        recipient: Its name.
        link: The link, as it was given.
        environ: The variables that it has for the link; none from Engine 29 on.
        hosts: Its hosts file.
        vantage: Where it stands.
    """

    recipient: str
    link: Link
    environ: Mapping[str, str] = field(repr=False)
    hosts: str
    vantage: Vantage


def reach(ground: Ground, question: str, target: str, origin: str | None = None) -> Stop:
    """How a target is reached from a container, or from here; or why it is not."""
    typed = _typed("resolve", target, origin=origin)
    try:
        found = ground.resolver(origin).resolve(target)
    except UnreachableError as error:
        return _refused(question, typed, error)
    return _told(question, typed, found)


def behind(ground: Ground, target: str) -> Stop:
    """Who is behind the host port that leads to a target."""
    found = ground.resolver(None).resolve(target)
    held = ground.engine.behind(found.port)
    answer = ", ".join(dict.fromkeys(f"{container} {port}" for container, port, _ in held))
    why = f"published on {' and '.join(str(binding) for *_, binding in held)}"
    return Stop(
        f"Who has port {found.port} of the host?",
        _typed("behind", str(found.port)),
        answer,
        (why,),
        {"ports": [documents.published(*item) for item in held]},
        host=str(found.host),
        port=found.port,
    )


def gateway(ground: Ground, question: str, origin: str) -> Stop:
    """The host's address, as a container sees it."""
    typed = _typed("gateway", origin=origin)
    try:
        found = host_seen_from(ground.resolver(origin), 4)
    except UnreachableError as error:
        return _refused(question, typed, error)
    why = "the host's own address on the network that leads out"
    return Stop(question, typed, found, (why,), {"address": found}, host=found)


def linked(ground: Ground, inside: Inside, port: int) -> Stop:
    """A link, told by what its recipient has of it; by the engine where no variable is left."""
    target = f"{inside.link.alias}:{port}"
    given = f"{inside.recipient} was made with --link {inside.link}."
    lines = tuple(_hosts_lines(inside.hosts, inside.link.alias))
    if not inside.environ:
        stop = reach(ground, f"{given} What is left of that?", target, inside.recipient)
        return _with_link(stop, inside, (_NO_VARIABLES, *lines))
    found = Resolver([Environ(inside.environ)], inside.vantage).resolve(target)
    stop = _told(
        f"{given} Is that enough, with no engine?",
        f">>> Resolver([Environ()]).resolve('{target}')  # in {inside.recipient}",
        found,
    )
    return _with_link(stop, inside, (*_variables(inside.environ, found), *lines))


def _with_link(stop: Stop, inside: Inside, why: tuple[str, ...]) -> Stop:
    facts = {**stop.facts, "environ": dict(inside.environ), "link": str(inside.link)}
    return evolve(stop, why=(*stop.why, *why), facts=facts)


def _hosts_lines(text: str, alias: str) -> Iterator[str]:
    """A hosts file's lines for an alias."""
    for line in parse_hosts(text).lines:
        if alias in line.names:
            yield f"in /etc/hosts: {line.address} {' '.join(line.names)}"


def _told(question: str, typed: str, found: Endpoint) -> Stop:
    told = documents.endpoint(found)
    why = f"{found.route}: {_WHY[found.route].format_map(told)}"
    return Stop(question, typed, str(found), (why,), told, host=str(found.host), port=found.port)


def _refused(question: str, typed: str, error: UnreachableError) -> Stop:
    why = tuple(w for r in error.refusals for w in (f"{r.reason}: {r.detail}", f"fix: {r.fix}"))
    refusals = [documents.refusal(refusal) for refusal in error.refusals]
    return Stop(question, typed, "no way", why, {"refusals": refusals}, found=False)


def _typed(*words: str, origin: str | None = None) -> str:
    seen_from = () if origin is None else ("--from", origin)
    return " ".join(("$ dockernet", *words, *seen_from))


def _variables(environ: Mapping[str, str], found: Endpoint) -> Iterator[str]:
    """The variable that tells an endpoint."""
    url = found.url(found.protocol)
    telling = [name for name, value in environ.items() if value == url]
    others = len(environ) - len(telling)
    yield f"{telling[0]}={url}, and {others} more variables"


# The walk.


def walk(directions: Directions) -> Iterator[Line]:
    """Every stop as a person is shown it."""
    for direction, stops in directions.items():
        yield Line()
        yield Line(direction.upper(), Tone.HEADING)
        for stop in stops:
            yield from _lines(stop)


def _lines(stop: Stop) -> Iterator[Line]:
    yield Line()
    yield from _wrapped(stop.question, Tone.PLAIN, "  ", "  ")
    yield Line(f"  {stop.typed}", Tone.COMMAND)
    yield Line(f"    {stop.answer}", Tone.ANSWER if stop.found else Tone.REFUSAL)
    for why in stop.why:
        yield from _wrapped(why, Tone.ASIDE)
    for dial in stop.dials:
        yield from _wrapped(str(dial), Tone.ANSWER if dial.is_right else Tone.REFUSAL)


def _wrapped(text: str, tone: Tone, first: str = "    ", further: str = "      ") -> Iterator[Line]:
    lines = wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=further, break_on_hyphens=False
    )
    yield from (Line(line, tone) for line in lines)


def directions_documents(directions: Directions) -> list[documents.Document]:
    """Every stop as JSON has it."""
    return [
        {"direction": name, "stops": [_document(stop) for stop in stops]}
        for name, stops in directions.items()
    ]


def _document(stop: Stop) -> documents.Document:
    return {
        "question": stop.question,
        "typed": stop.typed,
        "found": stop.found,
        "answer": stop.answer,
        "why": list(stop.why),
        "facts": stop.facts,
        "dials": [_dial_document(dial) for dial in stop.dials],
    }


def _dial_document(dial: Dial) -> documents.Document:
    return {
        "from": dial.origin,
        "host": dial.host,
        "port": dial.port,
        "expected": dial.expected,
        "read": dial.read,
    }
