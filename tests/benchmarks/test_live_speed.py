"""What a live view costs: its answers, its events, and how late it is."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import docker
import pytest
from attrs import evolve
from builders import NETWORKS, attachment, identity, on_host
from builders import container as made
from harness import RealEngine, Scene, UnavailableError, found_engine
from measuring import report, side_by_side
from streaming import Streaming

import dockernet
from dockernet._view import View
from dockernet.formats.engine import Reading
from dockernet.formats.events import Event

pytestmark = pytest.mark.bench

FEW, SOME, MANY = 10, 1_000, 10_000
EVENTS = 25


@contextmanager
def followed(count: int) -> Iterator[tuple[dockernet.Live, Streaming]]:
    """A live view of a stand-in with so many containers."""
    with (
        TemporaryDirectory(prefix="dn") as folder,
        Streaming().on_socket(Path(folder) / "engine.sock") as server,
    ):
        assert isinstance(server, Streaming)
        for number in range(count):
            server.set(f"c{number}", number=number % 250 + 2)
        with (
            dockernet.Engine(server.url, 60.0, environ={}) as engine,
            engine.live(resync=3600.0) as live,
        ):
            yield live, server


def test_a_warm_answer_is_as_cheap_as_a_name_of_the_hosts_file() -> None:
    with followed(FEW) as (few, server), followed(MANY) as (many, crowd):
        work: dict[str, Callable[[], object]] = {
            "getaddrinfo": lambda: socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)
        }
        asked = server.requests + crowd.requests
        for name, live in (("few", few), ("many", many)):
            resolver = dockernet.Resolver([live], vantage=on_host())
            assert resolver.resolve("c7:80").port == 80
            work[name] = lambda resolver=resolver: resolver.resolve("c7:80")  # type: ignore[misc]
        taken = side_by_side(work, repeat=200)
        assert server.requests + crowd.requests == asked
    base = taken["getaddrinfo"]
    rows = [
        (f"warm resolve of {FEW} / getaddrinfo of a hosts-file name", taken["few"] / base, 1.0),
        (f"warm resolve of {MANY} / getaddrinfo of a hosts-file name", taken["many"] / base, 1.0),
        (f"warm resolve of {MANY} / of {FEW}", taken["many"] / taken["few"], 1.5),
    ]
    kept = [report(*row) for row in rows]
    assert all(kept)


def core(count: int) -> tuple[View, Callable[[], None]]:
    """The core of a view, and one event applied to it: noted, taken, put."""
    view = View()
    view.take(1)
    crowd = tuple(made(f"c{n}", {"app": n % 250 + 2}, "80/tcp") for n in range(count))
    networks = Reading(tuple(NETWORKS.values()), ())
    view.relisted(dockernet.EngineProfile(), Reading(crowd, ()), networks)
    states = [evolve(crowd[count // 2], networks=(attachment("app", number),)) for number in (7, 9)]
    event = Event("container", "update", identity(f"c{count // 2}"))

    def apply() -> None:
        states.reverse()
        view.note(event)
        assert view.take(32).containers
        view.put(states[0])

    return view, apply


def test_applying_an_event_does_not_grow_with_the_containers() -> None:
    cores = {count: core(count) for count in (FEW, SOME, MANY)}
    before = {count: view.generation for count, (view, _) in cores.items()}
    taken = side_by_side({str(count): apply for count, (_, apply) in cores.items()}, repeat=100)
    assert all(view.generation > before[count] for count, (view, _) in cores.items())
    kept = [
        report(f"apply one event at {n} / at {FEW}", taken[str(n)] / taken[str(FEW)], 2.0)
        for n in (SOME, MANY)
    ]
    assert all(kept)


@pytest.fixture(scope="module")
def real() -> Iterator[RealEngine]:
    try:
        with found_engine() as engine:
            yield engine
    except UnavailableError as no:
        pytest.skip(f"the delay of events is measured on an engine: {no}")


def test_a_changed_answer_comes_soon_after_the_event(real: RealEngine) -> None:
    """From the moment of asking for a change, side by side with docker-py's own stream."""
    client = docker.DockerClient(real.url, version="auto")
    stream = client.events(decode=True)
    raw: queue.SimpleQueue[tuple[str, float]] = queue.SimpleQueue()

    def read() -> None:
        for event in stream:
            raw.put((event["Action"], perf_counter()))

    reading = threading.Thread(target=read)
    reading.start()
    theirs, ours = [], []
    with (
        Scene(real) as scene,
        dockernet.Engine(real.url) as engine,
        engine.live(resync=3600.0) as live,
        dockernet.Resolver([live], vantage=on_host()) as resolver,
    ):
        peer = scene.run("peer", command=["sleep", "100000"], publish=["80"])
        target = f"{peer.name}:80"
        _until(live, lambda: _answers(resolver, target))
        for number in range(2 * EVENTS):
            pause = number % 2 == 0
            start = perf_counter()
            (peer.pause if pause else peer.unpause)()
            _until(live, lambda: _answers(resolver, target) is not pause)  # noqa: B023 - used at once
            ours.append(perf_counter() - start)
            action = "pause" if pause else "unpause"
            while (seen := raw.get(timeout=20))[0] != action:
                pass
            theirs.append(seen[1] - start)
    stream.close()
    reading.join()
    client.close()
    ratio = median(ours) / median(theirs)
    assert report("event to changed answer / docker-py's raw event stream", ratio, 3.0)


def _answers(resolver: dockernet.Resolver, target: str) -> bool:
    try:
        resolver.resolve(target)
    except (dockernet.PeerNotFoundError, dockernet.UnreachableError):
        return False
    return True


def _until(live: dockernet.Live, reached: Callable[[], bool]) -> None:
    known = live.generation
    while not reached():
        known = live.wait_change(known, 5.0)
