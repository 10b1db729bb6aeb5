"""The table of what is compared: a new row is one entry in ``ROWS``."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Generic, TypeVar

from attrs import frozen

from bench import answers, calls, clients, events, memory, names, starts
from bench.clients import Clients
from bench.results import Figure
from bench.turns import Found, Stage, Work, one, told

T = TypeVar("T")


@frozen(eq=False)
class Row(Generic[T]):
    """What is measured, against what, and how many times as much it may be at most."""

    what: str
    against: str
    stage: Stage[T]
    ours: Work[T]
    base: Work[T]
    limit: float | None = None  # none: for comparison only
    unit: str = "s"

    def figure(self, taken: dict[Work[Any], float]) -> Figure:
        ours, base = taken[self.ours], taken[self.base]
        return Figure(self.what, self.against, ours, base, self.unit, self.limit)


def _nothing(_: Found) -> AbstractContextManager[None]:
    return nullcontext()


IMPORTS = Stage("imports", _nothing)
STARTS = Stage("first answers", starts.first_answers, starts.ROUNDS)
LINKED = Stage("link variables", answers.linked, 200)
WARM = Stage("answers without a request", answers.warm, 200)
CALLS = Stage("one container's address", calls.on_host, calls.ROUNDS)
LISTS = {
    10: Stage("10 containers", clients.on_engine(10), 15),
    100: Stage("100 containers", clients.on_engine(100), 15),
    1000: Stage("1000 containers", clients.on_replay(1000), 5),
}
CORES = Stage("events applied", events.cores, 200)
DELAYS = Stage("events seen", events.delays, 50)
MEMORY = Stage("memory", memory.listing, 3)
NAMES = Stage("names in a container", names.asking, names.ROUNDS)

_PACKAGES = "import attrs, ipaddress"
_HOSTS_NAME = "getaddrinfo of a hosts-file name"


def _listing(
    what: str, against: str, ours: Work[Clients], base: Work[Clients], limit: float | None = None
) -> Iterable[Row[Clients]]:
    """A row for every number of containers; the limit is for a hundred."""
    for count, stage in LISTS.items():
        kept = limit if count == 100 else None
        yield Row(f"list {count:,} containers{what}", against, stage, ours, base, kept)


ROWS: tuple[Row[Any], ...] = (
    # From nothing.
    *(
        Row(what, _PACKAGES, IMPORTS, starts.importing(what), starts.importing(_PACKAGES), limit)
        for what, limit in (("import dockernet", 1.5), ("from dockernet import Resolver", 2.0))
    ),
    *(
        Row(
            f"first answer, from {what}",
            f"by hand: {hand}",
            STARTS,
            told(key),
            told(f"{key} by hand"),
        )
        for what, hand, key in (
            ("link variables", "os.environ", "variables"),
            ("the hosts file", "getaddrinfo", "hosts"),
            ("DNS", "getaddrinfo", "dns"),
            ("the engine", "docker-py's containers.get", "engine"),
        )
    ),
    # One answer.
    Row("resolve from link variables", _HOSTS_NAME, LINKED, answers.link, answers.getaddrinfo, 5),
    Row("resolve by a live view of 10", _HOSTS_NAME, WARM, answers.few, answers.getaddrinfo, 1),
    Row(
        "resolve by a live view of 10,000", _HOSTS_NAME, WARM, answers.many, answers.getaddrinfo, 1
    ),
    Row("resolve by a live view of 10,000", "of 10", WARM, answers.many, answers.few, 1.5),
    Row("resolve by DNS", "getaddrinfo of the name", NAMES, told("name"), told("getaddrinfo"), 10),
    *(
        Row(f"resolve by {what}", against, CALLS, told(ours), told(base))
        for what, ours in (("the engine", "engine"), ("a live view", "live"))
        for against, base in (
            ("docker-py's containers.get", "docker-py"),
            ("testcontainers' two calls", "testcontainers"),
        )
    ),
    # Many containers.
    *_listing("", "docker-py's low-level list", clients.ours, clients.low_level, 1.3),
    *_listing("", "docker-py's containers.list()", clients.ours, clients.high_level, 0.1),
    *_listing("", "aiodocker's list", clients.ours, clients.awaited),
    *_listing("", "aiodocker's list and show", clients.ours, clients.awaited_and_shown),
    *_listing(
        ", details", "docker-py's containers.list()", clients.ours_in_detail, clients.high_level
    ),
    *_listing(
        ", details", "aiodocker's list and show", clients.ours_in_detail, clients.awaited_and_shown
    ),
    Row(
        "eight lists of 100 in threads",
        "one by one",
        LISTS[100],
        clients.at_once,
        clients.in_turn,
        3,
    ),
    Row("peers: 50 neighbours by DNS", "one second", NAMES, told("neighbours"), one("second"), 2),
    Row(
        "peers: each of 50 neighbours",
        "getaddrinfo of one name",
        NAMES,
        told("each neighbour"),
        told("getaddrinfo"),
        10,
    ),
    Row("a listed container in memory", "1 KiB", MEMORY, memory.ours, one("KiB"), 4, "KiB"),
    Row(
        "a listed container in memory", "its JSON", MEMORY, memory.ours, memory.as_json, unit="KiB"
    ),
    # Events.
    *(
        Row(
            f"apply an event, {count:,} containers",
            "10 containers",
            CORES,
            events.apply_to(count),
            events.apply_to(events.FEW),
            2,
        )
        for count in (events.SOME, events.MANY)
    ),
    Row(
        "event to changed answer",
        "docker-py's raw event stream",
        DELAYS,
        events.our_answer,
        events.their_event,
        3,
    ),
)

STAGES: tuple[Stage[Any], ...] = tuple(dict.fromkeys(row.stage for row in ROWS))


def measured(stage: Stage[T], found: Found) -> list[Figure]:
    """The figures of all rows on a stage."""
    rows = [row for row in ROWS if row.stage is stage]
    works = dict.fromkeys(work for row in rows for work in (row.ours, row.base))
    taken = stage.medians(works, found)
    return [row.figure(taken) for row in rows]
