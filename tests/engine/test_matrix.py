"""Every vantage, every kind of peer: what is resolved answers, what is refused does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from attrs import evolve, field, frozen
from harness import Cast, Place, RealContainer, RealEngine, Scene
from harness.features import needs
from harness.matrix import (
    Address,
    Answer,
    Judgement,
    ask,
    compared,
    conceivable,
    host_addresses,
    truth,
)

# Peers by their short names: the targets to ask for, and who must answer there.
PEERS: dict[str, dict[str, str | None]] = {
    "web": {"80": "web", "81": "web", "53/udp": "web"},
    "pub": {"80": "pub", "81": "pub", "53/udp": "pub"},
    "loop": {"80": "loop", "81": "loop"},
    "loop6": {"80": "loop6"},
    "specific": {"80": "specific"},
    "split": {"80": "split"},
    "twice": {"80": "twice"},
    "same": {"80": "same", "80/udp": "same"},
    "one": {"80": "one", "81": "one"},
    "two": {"80": "two"},
    "both": {"80": "both"},
    "far": {"80": "far"},
    "inner": {"80": "inner"},
    "apart": {"80": "apart", "81": "apart"},
    "hosted": {"8099": "hosted", "8098/udp": "hosted"},
    "beside": {"8088": "beside", "80": "one"},
    "alone": {"80": None},
    "inside-alone": {"80": None, "8087": None},
    "stopped": {"80": None},
    "paused": {"80": None},
}
CALLERS = (
    "host",
    "elsewhere",
    "in-bridge",
    "in-linked",
    "in-one",
    "in-two",
    "in-inner",
    "in-apart",
    "in-host",
    "in-one-beside",
    "in-strange-beside",
    "in-none",
)
# Without the engine, a container cannot know that its network keeps containers apart.
DEAF_CALLERS = tuple(c for c in CALLERS if c.startswith("in-") and c != "in-apart")


# The two tables: with the engine's socket, and without it.
HEARING, DEAF = "with the engine", "without the engine"
# Networks where containers have no names for each other.
_NAMELESS = {"bridge", "podman", "host", "none"}

_NEEDED = {"elsewhere": needs("another machine"), "in-linked": needs("links")}


def _row(*row: str) -> Any:
    """A row of a table, with what the caller in its first column needs."""
    return pytest.param(*row, marks=_NEEDED.get(row[0], ()))


@frozen(eq=False)
class World:
    """The peers and the callers, running."""

    engine: RealEngine
    scene: Scene
    peers: dict[str, RealContainer]
    callers: dict[str, Place]
    answers: dict[str, dict[str, Answer]] = field(factory=dict)
    judged: dict[tuple[str, str], Judgement] = field(factory=dict)

    def targets(self) -> dict[str, str | None]:
        """Each target, and the full name of who must answer there."""
        return {
            f"{self.scene.name(peer)}:{port}": None if name is None else self.scene.name(name)
            for peer, ports in PEERS.items()
            for port, name in ports.items()
        }

    def asked_in(self, caller: str) -> dict[str, Answer]:
        """What dockernet answers to a caller; asked once."""
        if caller not in self.answers:
            self.answers[caller] = ask(self.callers[caller], list(self.targets()))
        return self.answers[caller]

    def answer(self, caller: str, target: str) -> Answer:
        return self.asked_in(caller)[self.scene.name(target)]

    def can_know(self, caller: str, target: str) -> bool:
        """Whether the embedded DNS or a link tells the caller the peer's name."""
        peer = self.peer(target)
        place = self.callers[caller]
        if not isinstance(place, RealContainer) or not peer.inspect()["State"]["Running"]:
            return False
        if caller == "in-linked" and peer.name == self.scene.name("web"):
            return True
        served = set(peer.networks()) - _NAMELESS
        return not served.isdisjoint(place.namespace().networks())

    def judge(self, table: str, caller: str) -> Judgement:
        """Where a caller's answers differ from the truth; found out once."""
        if (table, caller) not in self.judged:
            found = {HEARING: self._hearing, DEAF: self._deaf}[table](caller)
            self.judged[table, caller] = found
        return self.judged[table, caller]

    def _hearing(self, caller: str) -> Judgement:
        """With the engine: no endpoint is wrong, and no refused peer answers anywhere."""
        answers = self.asked_in(caller)
        thinkable = {target: self.conceivable(target, caller) for target in answers}
        given = {a for answer in answers.values() for a in answer.addresses}
        really = truth(self.callers[caller], given.union(*thinkable.values()))
        return compared(answers, self.targets(), thinkable, really)

    def _deaf(self, caller: str) -> Judgement:
        """Without it: no endpoint is wrong, and no name that can be known is missed."""
        place = self.callers[caller].with_env(DOCKER_HOST="unix:///nowhere/docker.sock")
        answers = ask(place, list(self.targets()))
        really = truth(place, {a for answer in answers.values() for a in answer.addresses})
        found = compared(answers, self.targets(), dict.fromkeys(answers, ()), really)
        missed = {
            target: (f"its name can be known to {caller}, but {answer} says otherwise",)
            for target, answer in answers.items()
            if self.can_know(caller, target) and not answer.addresses
        }
        return evolve(found, missed=missed)

    def peer(self, target: str) -> RealContainer:
        name = target.rpartition(":")[0]
        return next(peer for peer in self.peers.values() if peer.name == name)

    def conceivable(self, target: str, caller: str) -> Sequence[Address]:
        # From another machine, the engine's host has the address that it is asked at.
        elsewhere = caller == "elsewhere"
        hosts = self.engine.addresses[:1] if elsewhere else host_addresses(self.engine)
        return conceivable(self.peer(target), target.rpartition(":")[2], hosts)


@pytest.fixture(scope="module")
def world(engine: RealEngine) -> Iterator[World]:
    with Scene(engine) as scene:
        yield _built(engine, scene)


def _built(engine: RealEngine, scene: Scene) -> World:
    one, two = scene.network("one", ipv6=True), scene.network("two")
    inner = scene.network("inner", internal=True)
    apart = scene.network("apart", icc=False)
    here = engine.addresses[0] if engine.addresses else "127.0.0.1"
    cast = [
        Cast("web", ports=["80", "81", "53/udp"], expose=["80", "53/udp"]),
        Cast("pub", ports=["80", "81", "53/udp"], publish=["80", "53/udp"]),
        Cast("loop", ports=["80", "81"], publish=["127.0.0.1::80"]),
        Cast("loop6", ports=["80"], publish=["[::1]::80"]),
        Cast("specific", ports=["80"], publish=[f"{here}:18180:80"]),
        Cast("split", ports=["80"], publish=[f"{here}:18480:80", "[::]:18481:80"]),
        Cast("twice", ports=["80"], publish=["127.0.0.1:18280:80", f"{here}:18281:80"]),
        Cast("same", ports=["80", "80/udp"], publish=["18382:80", "18383:80/udp"]),
        Cast("one", ports=["80", "81"], network=one, publish=["80"]),
        Cast("two", ports=["80"], network=two),
        Cast("both", ports=["80"], network=one, also={two: ()}),
        Cast("far", ports=["80"], network=two, publish=["80"]),
        Cast("inner", ports=["80"], network=inner, publish=["80"]),
        Cast("apart", ports=["80", "81"], network=apart, publish=["80"]),
        Cast("hosted", ports=["8099", "8098/udp"], network_mode="host"),
        Cast("alone", ports=["80"], network_mode="none"),
        Cast("stopped", ports=["80"], publish=["80"]),
        Cast("paused", ports=["80"], publish=["80"]),
        Cast("stranger", network=two),
        Cast("in-bridge", socket=True),
        Cast("in-one", network=one, socket=True),
        Cast("in-two", network=one, also={two: ()}, socket=True),
        Cast("in-inner", network=inner, socket=True),
        Cast("in-apart", network=apart, socket=True),
        Cast("in-host", network_mode="host", socket=True),
        Cast("in-none", network_mode="none", socket=True),
    ]
    there = {c.name.removeprefix(scene.name("")): c for c in scene.run_all(*cast)}
    mode = f"container:{there['one'].name}"
    linked = [Cast("in-linked", links=[f"{there['web'].name}:dedoimedo"], socket=True)]
    late = scene.run_all(
        *([] if engine.podman else linked),
        Cast("beside", ports=["8088"], network_mode=mode),
        Cast("inside-alone", ports=["8087"], network_mode=f"container:{there['alone'].name}"),
        Cast("in-one-beside", network_mode=mode, socket=True),
        Cast("in-strange-beside", network_mode=f"container:{there['stranger'].name}", socket=True),
    )
    there |= {c.name.removeprefix(scene.name("")): c for c in late}
    there["stopped"].stop()
    there["paused"].pause()
    callers: dict[str, Place] = {n: c for n, c in there.items() if n.startswith("in-")}
    callers["host"] = engine.host
    if engine.elsewhere is not None:
        callers["elsewhere"] = engine.elsewhere
    return World(engine, scene, {n: there[n] for n in PEERS}, callers)


@pytest.mark.parametrize("caller", [_row(c) for c in CALLERS])
def test_what_is_resolved_answers_and_what_is_refused_does_not(world: World, caller: str) -> None:
    """Each endpoint reads back the right name; no refused peer answers anywhere."""
    assert world.judge(HEARING, caller).faults == ()


@pytest.mark.parametrize("caller", [_row(c) for c in DEAF_CALLERS])
def test_without_the_engine_names_on_networks_and_links_are_resolved(
    world: World, caller: str
) -> None:
    """Each endpoint reads back the right name, and no name that can be known is missed."""
    assert world.judge(DEAF, caller).faults == ()


# What the table of routes must say: the caller, the target, and the route of the best
# endpoint or the reason of the first refusal.
TABLE = [
    ("in-one-beside", "one:80", "same namespace"),
    ("in-one-beside", "beside:8088", "same namespace"),
    ("in-one-beside", "two:80", "no-shared-network"),
    ("in-one-beside", "both:80", "shared network"),
    ("in-one", "one:80", "shared network"),
    ("in-one", "one:81", "shared network"),
    ("in-one", "beside:8088", "shared network"),
    ("in-two", "two:80", "shared network"),
    ("in-two", "one:80", "shared network"),
    ("in-bridge", "web:81", "shared network"),
    ("in-bridge", "web:53/udp", "shared network"),
    ("in-linked", "web:80", "shared network"),
    ("in-inner", "inner:80", "shared network"),
    ("in-apart", "apart:81", "icc-disabled"),
    ("in-apart", "apart:80", "gateway"),
    ("in-bridge", "hosted:8099", "host mode"),
    ("in-one", "hosted:8099", "host mode"),
    ("in-inner", "hosted:8099", "host mode"),
    ("in-apart", "hosted:8098/udp", "host mode"),
    ("in-one", "pub:80", "gateway"),
    ("in-one", "pub:53/udp", "gateway"),
    ("in-bridge", "one:80", "gateway"),
    ("in-one", "specific:80", "gateway"),
    ("in-one", "twice:80", "gateway"),
    ("in-inner", "pub:80", "no-shared-network"),
    ("in-one", "loop:80", "published-on-loopback"),
    ("in-one", "loop6:80", "published-on-loopback"),
    ("in-one", "web:80", "no-shared-network"),
    ("in-bridge", "two:80", "no-shared-network"),
    ("in-bridge", "inner:80", "no-shared-network"),
    ("in-none", "web:80", "no-shared-network"),
    ("in-host", "hosted:8099", "host mode"),
    ("in-host", "pub:80", "published"),
    ("in-host", "loop6:80", "published"),
    ("in-host", "web:81", "direct"),
    ("in-host", "inner:80", "direct"),
    ("host", "hosted:8099", "host mode"),
    ("host", "pub:80", "published"),
    ("host", "pub:53/udp", "published"),
    ("host", "loop:80", "published"),
    ("host", "loop6:80", "published"),
    ("host", "specific:80", "published"),
    ("host", "loop:81", "direct"),
    ("host", "one:81", "direct"),
    ("host", "apart:81", "direct"),
    ("host", "inner:80", "direct"),
    ("host", "beside:8088", "direct"),
    ("host", "alone:80", "no-network"),
    ("host", "inside-alone:8087", "no-network"),
    ("in-one", "alone:80", "no-network"),
    ("host", "stopped:80", "not-running"),
    ("in-bridge", "stopped:80", "not-running"),
    ("host", "paused:80", "paused"),
    ("in-bridge", "paused:80", "paused"),
    ("elsewhere", "pub:80", "published"),
    ("elsewhere", "specific:80", "published"),
    ("elsewhere", "hosted:8099", "host mode"),
    ("elsewhere", "loop:80", "published-on-loopback"),
    ("elsewhere", "web:80", "not-published"),
]


# Where Podman says otherwise. It lets a bridge talk to another unless both are kept apart,
# as all are here but its default one; and then it keeps them apart at host ports, too.
PODMAN = {
    ("in-one", "loop:80"): "routed",
    ("in-one", "loop6:80"): "routed",
    ("in-one", "web:80"): "routed",
    ("in-bridge", "two:80"): "routed",
    # It knows no enable_icc.
    ("in-apart", "apart:80"): "shared network",
    ("in-apart", "apart:81"): "shared network",
    # It forwards nothing from ::1.
    ("host", "loop6:80"): "direct",
    ("in-host", "loop6:80"): "direct",
}


@pytest.mark.parametrize("caller,target,told", [_row(*row) for row in TABLE], ids=str)
def test_the_table_of_routes_holds(world: World, caller: str, target: str, told: str) -> None:
    """The best route, or where there is none the reason, is the one of the table."""
    answer = world.answer(caller, target)
    expected = PODMAN.get((caller, target), told) if world.engine.podman else told
    assert (answer.routes or answer.reasons)[0] == expected


@pytest.mark.parametrize("table", [HEARING, DEAF])
def test_every_cell_is_right(
    world: World, table: str, record_property: Callable[[str, object], None]
) -> None:
    """The matrix is as large as it looks, and one line tells how it went."""
    every = world.callers if table == HEARING else DEAF_CALLERS
    callers = tuple(caller for caller in every if caller in world.callers)
    told = [world.judge(table, caller) for caller in callers]
    cells, right = sum(j.cells for j in told), sum(j.right for j in told)
    wrong, missed = sum(len(j.wrong) for j in told), sum(len(j.missed) for j in told)
    record_property(
        f"Engine {world.engine.version} {table}",
        f"{cells} cells, {right} right, {wrong} wrong, {missed} missed",
    )
    every_cell = sum(map(len, PEERS.values())) * len(callers)
    assert (cells, right, wrong, missed) == (every_cell, every_cell, 0, 0)


# The doctor, where nothing was broken: it says what the table says, and nothing else.


def _diagnosed(targets: list[str]) -> dict[str, tuple[list[str], list[str], str]]:
    """The codes of what is wrong with each target, those of notices, and the whole report."""
    from concurrent.futures import ThreadPoolExecutor

    from dockernet.doctor import examine

    def told(target: str) -> tuple[list[str], list[str], str]:
        found = examine(target, timeout=2.0)
        wrong, notices = ([f.code.value for f in every] for every in (found.wrong, found.notices))
        return wrong, notices, str(found)

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(targets, pool.map(told, targets), strict=True))


@needs("settings")  # only an engine of our own is where nobody else has broken anything
@pytest.mark.parametrize("caller", [_row(c) for c in CALLERS])
def test_the_doctor_finds_nothing_but_what_is_refused(world: World, caller: str) -> None:
    """Of every port of every peer; that there are no names on the default bridge is no fault."""
    found = world.callers[caller].call(_diagnosed, list(world.targets()))
    for target, (wrong, notices, whole) in found.items():
        answer = world.asked_in(caller)[target]
        refused = [] if answer.addresses else answer.reasons
        unnamed = answer.addresses and not _is_named(world, caller, target)
        expected = (sorted(set(refused)), ["no-names-here"] if unnamed else [])
        assert (sorted(set(wrong)), notices) == expected, (target, whole)


def _is_named(world: World, caller: str, target: str) -> bool:
    """Whether a caller that shares the default bridge alone with a peer has a name for it."""
    place = world.callers[caller]
    if not isinstance(place, RealContainer):
        return True
    mine, theirs = place.namespace(), world.peer(target).namespace()
    shared = set(mine.networks()) & set(theirs.networks())
    apart = mine.id != theirs.id and shared == {world.engine.default_network}
    return not apart or world.can_know(caller, target)


@needs("settings")
def test_the_doctor_finds_nothing_on_a_host_that_is_well(world: World) -> None:
    told = world.engine.host.python("-m", "dockernet", "doctor", "--json").json()["report"]
    assert told["findings"] == []
