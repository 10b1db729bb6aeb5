"""A live view of a real engine says what a fresh listing says, whatever happens to it."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from threading import Event, Lock
from time import monotonic, sleep

import pytest
from attrs import define, field, fields
from harness import Cast, RealEngine, Scene, UnavailableError
from harness.churn import Churn
from harness.features import needs
from harness.restarts import Restarts, restartable_engine
from mangling import Mangling

from dockernet import (
    Container,
    ContainerChange,
    Endpoint,
    EndpointChange,
    Engine,
    Live,
    Network,
    PeerNotFoundError,
    Resolver,
    UnreachableError,
    Vantage,
    VantageKind,
)
from dockernet.aio import AsyncLive, AsyncResolver

PATIENCE = 20.0  # seconds that a test waits for what must happen
HOST = Vantage(kind=VantageKind.HOST)
HOURS = 36_000.0  # before everything is read anew: what is right by then the events told


def told(containers: tuple[Container, ...]) -> dict[str, Container]:
    return {container.id: container for container in containers}


def listed(networks: tuple[Network, ...]) -> dict[str, Network]:
    return {network.id: network for network in networks}


def differences(mine: dict[str, Container], theirs: dict[str, Container]) -> list[str]:
    """In which fields two readings differ, for a person."""
    return [
        f"{mine.get(i)} {field}: {getattr(mine.get(i), field, None)} != {there}"
        for i in mine.keys() | theirs.keys()
        for field in (one.name for one in fields(Container))
        if getattr(mine.get(i), field, None) != (there := getattr(theirs.get(i), field, None))
    ]


def assert_settled(live: Live, engine: Engine) -> None:
    """Wait until the view is what the engine says, field by field."""
    deadline = monotonic() + PATIENCE
    while True:
        seen = live.generation
        mine, theirs = told(live.containers()), told(engine.containers(details=True))
        if mine == theirs and listed(live.networks()) == listed(engine.networks()):
            break
        if monotonic() > deadline:
            assert mine == theirs, "\n".join(differences(mine, theirs))
            assert listed(live.networks()) == listed(engine.networks())
        live.wait_change(seen, 0.2)
    assert live.links() == engine.links()
    assert live.published() == engine.published()


# Churn, and who looks on.


@define(eq=False)
class Onlookers:
    """Watches of a view that follow every container, and some peers by name."""

    live: Live
    names: tuple[str, ...]
    known: dict[str, Container] = field(factory=dict)
    found: dict[str, tuple[Endpoint, ...]] = field(factory=dict)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look on; the watches end when the block does."""
        with ExitStack() as stack:
            pool = stack.enter_context(ThreadPoolExecutor(len(self.names) + 1))
            every = stack.enter_context(self.live.watch())
            self.known |= told(self.live.containers())
            looking = [pool.submit(self._follow, every)]
            with Resolver([self.live], vantage=HOST) as resolver:
                for name in self.names:
                    watch = stack.enter_context(resolver.watch(f"{name}:80"))
                    looking.append(pool.submit(self._look, name, watch))
                yield
            stack.pop_all().close()
            for one in looking:
                one.result()

    def assert_settled(self, engine: Engine) -> None:
        """Wait until every watch has told what is so."""
        theirs = told(engine.containers(details=True))
        with Resolver([engine], vantage=HOST) as resolver:
            ends = {name: endpoints(resolver, f"{name}:80") for name in self.names}
        deadline = monotonic() + PATIENCE
        while (self.known, self.found) != (theirs, ends) and monotonic() < deadline:
            sleep(0.05)
        assert self.known == theirs, "\n".join(differences(self.known, theirs))
        assert self.found == ends

    def _follow(self, watch: Iterable[ContainerChange]) -> None:
        for change in watch:
            self.known.pop(change.container.id, None)
            if change.after is not None:
                self.known[change.container.id] = change.after

    def _look(self, name: str, watch: Iterable[EndpointChange]) -> None:
        for change in watch:
            self.found[name] = change.after


def endpoints(resolver: Resolver, target: str) -> tuple[Endpoint, ...]:
    try:
        return resolver.endpoints(target)
    except (PeerNotFoundError, UnreachableError):
        return ()


def churned(engine: RealEngine, seed: int, operations: int) -> None:
    """Churn in a scene of its own, and compare; then once more when it is gone."""
    resync = 2.0 if engine.podman else HOURS  # it tells of no network that goes
    with Engine(engine.url) as known, known.live(resync=resync) as live:
        with Scene(engine) as scene:
            churn = Churn(scene, Random(seed))  # noqa: S311 - the same in every run
            onlookers = Onlookers(live, tuple(scene.name(f"c{n}") for n in (1, 2, 5, 9)))
            with onlookers.looking():
                churn.run(operations)
                assert_settled(live, known)
                onlookers.assert_settled(known)
            churn.end()
        assert_settled(live, known)


def test_after_a_hundred_changes_the_view_is_a_fresh_listing(engine: RealEngine) -> None:
    churned(engine, 1, 100)


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(10))
def test_after_five_hundred_changes_it_still_is(engine: RealEngine, seed: int) -> None:
    churned(engine, seed, 500)


Place = tuple[str, str, int]


@define(eq=False)
class History:
    """Every place that a peer has had in a view: its name with an address and a port of it."""

    live: Live | AsyncLive
    places: set[Place] = field(factory=set)
    seen: int = -1
    turn: Lock = field(factory=Lock)

    def note(self) -> None:
        """Take what has changed; called after each change."""
        with self.turn:
            news = self.live.news(self.seen)
            assert self.seen < 0 or news.changes is not None
            self.seen = news.generation
            changed = [change.after for change in news.changes or ()]
            for found in (*changed, *news.containers):
                self.places |= {*places(found)} if found else set()


def places(found: Container) -> Iterator[Place]:
    hosts = {"127.0.0.1", "::1", *(str(g) for a in found.networks for g in a.gateways)}
    for attachment in found.networks:
        yield from ((found.name, str(address), 80) for address in attachment.addresses)
    for binding in found.ports.bindings("80/tcp"):
        yield from ((found.name, host, int(str(binding.host_port))) for host in hosts)


def place(endpoint: Endpoint) -> Place:
    return str(endpoint.peer), *endpoint.address


def crowded(engine: RealEngine, operations: int) -> None:
    """Thirty-two threads resolve on one view while containers churn."""
    answers: set[Place] = set()
    done = Event()

    def look(resolver: Resolver, names: list[str]) -> None:
        while not done.wait(0.002):
            for name in names:
                answers.update(map(place, endpoints(resolver, f"{name}:80")))

    with (
        Scene(engine) as scene,
        Engine(engine.url).live(resync=HOURS) as live,
        Resolver([live], vantage=HOST) as resolver,
        ThreadPoolExecutor(32) as pool,
    ):
        history = History(live)
        history.note()
        churn = Churn(scene, Random(7))  # noqa: S311 - the same in every run
        names = [scene.name(f"c{n}") for n in range(1, operations)]
        with live.listening(history.note):
            looking = [pool.submit(look, resolver, names[n % 4 : 40 : 4]) for n in range(32)]
            churn.run(operations)
            done.set()
            for one in looking:
                one.result()
            churn.end()
    assert answers
    assert answers <= history.places


def test_thirty_two_threads_see_no_torn_answer(engine: RealEngine) -> None:
    crowded(engine, 15)


@pytest.mark.stress
def test_thirty_two_threads_see_none_for_long(engine: RealEngine) -> None:
    crowded(engine, 500)


def test_a_thousand_tasks_see_no_torn_answer(engine: RealEngine) -> None:
    answers: set[Place] = set()

    async def look(resolver: AsyncResolver, name: str, done: asyncio.Event) -> None:
        while not done.is_set():
            with suppress(PeerNotFoundError, UnreachableError):
                answers.update(map(place, await resolver.endpoints(f"{name}:80")))
            await asyncio.sleep(0.2)

    async def main(churn: Churn, names: list[str]) -> History:
        done = asyncio.Event()
        async with (
            AsyncLive(Engine(engine.url), resync=HOURS) as live,
            AsyncResolver([live], vantage=HOST) as resolver,
            asyncio.TaskGroup() as group,
        ):
            history = History(live)
            history.note()
            with live.listening(history.note):
                for number in range(1_000):
                    group.create_task(look(resolver, names[number % len(names)], done))
                await asyncio.to_thread(churn.run, 12)
                done.set()
        return history

    with Scene(engine) as scene:
        churn = Churn(scene, Random(8))  # noqa: S311 - the same in every run
        history = asyncio.run(main(churn, [scene.name(f"c{n}") for n in range(1, 20)]))
        churn.end()
    assert answers
    assert answers <= history.places


# Faults between an engine and the view.


@pytest.mark.parametrize("operations", [12, pytest.param(200, marks=pytest.mark.stress)])
def test_what_a_proxy_drops_delays_and_garbles_is_made_good(
    engine: RealEngine, folder: Path, operations: int
) -> None:
    random = Random(operations)  # noqa: S311 - the same in every run
    with (
        Scene(engine) as scene,
        Engine(engine.url) as known,
        Mangling(folder / "proxy.sock", engine.api.path, random).listening() as proxy,
        Engine(proxy.url, 2.0).live(resync=0.5) as live,
    ):
        proxy.honest = False
        churn = Churn(scene, random)
        churn.run(operations)
        proxy.heal()
        assert_settled(live, known)
        churn.end()


def test_a_socket_in_the_place_of_another_is_followed(engine: RealEngine, folder: Path) -> None:
    path, random = folder / "proxy.sock", Random(0)  # noqa: S311 - it spoils nothing
    with ExitStack() as stack:
        scene = stack.enter_context(Scene(engine))
        known = stack.enter_context(Engine(engine.url))
        with Mangling(path, engine.api.path, random).listening() as first:
            live = stack.enter_context(Engine(first.url).live(resync=HOURS))
        until(live, lambda: not live.state.current)
        sleepers(scene, "a")
        with Mangling(path, engine.api.path, random).listening():
            until(live, lambda: live.state.current)
            assert_settled(live, known)
            live.close()


# Faults of an engine of our own.


@pytest.fixture(params=[True, False], ids=["live-restore", "no live-restore"])
def restarted(request: pytest.FixtureRequest) -> Iterator[tuple[RealEngine, Restarts]]:
    try:
        with restartable_engine(**{"live-restore": request.param}) as made:
            yield made
    except UnavailableError as no:
        pytest.skip(f"only an engine of our own can be killed: {no}")


def sleepers(scene: Scene, *names: str) -> None:
    """Containers that do nothing, and end at once when they are told to."""
    create = {"StopSignal": "SIGKILL"}
    scene.run_all(*(Cast(n, command=["sleep", "100000"], create=create) for n in names))


def until(live: Live, reached: Callable[[], bool]) -> None:
    deadline = monotonic() + PATIENCE
    while not reached():
        assert monotonic() < deadline, live.state
        live.wait_change(live.generation, 0.02)


@needs("settings")
def test_an_engine_that_is_killed_and_started_again_is_followed_again(
    restarted: tuple[RealEngine, Restarts],
) -> None:
    engine, restarts = restarted
    with (
        Scene(engine) as scene,
        Engine(engine.url) as known,
        known.live(resync=HOURS) as live,
        Resolver([live], vantage=HOST) as resolver,
    ):
        sleepers(scene, "a", "b")
        assert_settled(live, known)
        before = live.containers()
        restarts.kill()
        until(live, lambda: not live.state.current)
        assert live.containers() == before
        told = resolver.explain(f"{before[0].name}:80").diagnostics
        assert any("stale since" in str(odd) for odd in told)
        for _ in range(2):  # the second time it has had nothing to do
            with suppress(ProcessLookupError):
                restarts.kill()
            restarts.start()
            until(live, lambda: live.state.current)
            assert_settled(live, known)
        sleepers(scene, "c")
        assert_settled(live, known)
        assert len(live.containers()) == 3


@needs("settings")
@pytest.mark.parametrize("restarted", [False], indirect=True, ids=["no live-restore"])
def test_while_an_engine_is_frozen_the_view_says_that_it_is_stale(
    restarted: tuple[RealEngine, Restarts],
) -> None:
    engine, restarts = restarted
    with (
        Scene(engine) as scene,
        Engine(engine.url, 0.5) as known,
        known.live(resync=0.2) as live,
    ):
        sleepers(scene, "a")
        until(live, lambda: [c.state for c in live.containers()] == ["running"])
        with restarts.frozen():
            until(live, lambda: not live.state.current)
            assert [c.state for c in live.containers()] == ["running"]
        until(live, lambda: live.state.current)
        assert_settled(live, known)


@pytest.mark.stress
@needs("settings")
def test_how_soon_an_engine_that_is_back_is_followed_again(
    restarted: tuple[RealEngine, Restarts],
) -> None:
    engine, restarts = restarted
    took: list[float] = []
    with Scene(engine) as scene, Engine(engine.url) as known, known.live(resync=HOURS) as live:
        sleepers(scene, *"abcdefgh")
        for _ in range(20):
            restarts.kill()
            until(live, lambda: not live.state.current)
            restarts.start()
            back = monotonic()
            until(live, lambda: live.state.current)
            took.append(monotonic() - back)
            assert_settled(live, known)
    median, most = statistics.median(took), max(took)
    print(f"\n20 restarts: followed again {median:.3f} s after it answers, {most:.3f} s at most")
    assert len(took) == 20
