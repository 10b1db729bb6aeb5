"""A live view of a real engine says what a fresh listing says, whatever happens to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random
from time import monotonic

import pytest
from harness import Cast, RealEngine, Scene, UnavailableError
from harness.churn import Churn
from harness.features import needs
from harness.restarts import Restarts, restartable_engine

from dockernet import Container, Engine, Live, Network, Resolver, Vantage, VantageKind

PATIENCE = 20.0  # seconds that a test waits for what must happen
HOURS = 36_000.0  # before everything is read anew: what is right by then the events told


def told(containers: tuple[Container, ...]) -> dict[str, Container]:
    return {container.id: container for container in containers}


def listed(networks: tuple[Network, ...]) -> dict[str, Network]:
    return {network.id: network for network in networks}


def assert_settled(live: Live, engine: Engine) -> None:
    """Wait until the view is what the engine says, field by field."""
    deadline = monotonic() + PATIENCE
    while True:
        seen = live.generation
        mine, theirs = told(live.containers()), told(engine.containers(details=True))
        if mine == theirs and listed(live.networks()) == listed(engine.networks()):
            break
        if monotonic() > deadline:
            assert mine == theirs
            assert listed(live.networks()) == listed(engine.networks())
        live.wait_change(seen, 0.2)
    assert live.links() == engine.links()
    assert live.published() == engine.published()


def churned(engine: RealEngine, seed: int, operations: int) -> None:
    """Churn in a scene of its own, and compare; then once more when it is gone."""
    with Engine(engine.url) as known, known.live(resync=HOURS) as live:
        with Scene(engine) as scene:
            churn = Churn(scene, Random(seed))  # noqa: S311 - the same in every run
            churn.run(operations)
            assert_settled(live, known)
            churn.end()
        assert_settled(live, known)
        assert live.state.current


def test_after_a_hundred_changes_the_view_is_a_fresh_listing(engine: RealEngine) -> None:
    churned(engine, 1, 100)


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(10))
def test_after_five_hundred_changes_it_still_is(engine: RealEngine, seed: int) -> None:
    churned(engine, seed, 500)


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
        Resolver([live], vantage=Vantage(kind=VantageKind.HOST)) as resolver,
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
