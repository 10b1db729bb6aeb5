"""What an event costs a live view, and how soon the answer has changed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from time import perf_counter

import docker
from attrs import evolve, field, frozen
from builders import NETWORKS, attachment, identity, on_host
from builders import container as made
from harness import RealContainer, Scene

import dockernet
from bench.turns import Found, Work, timed
from dockernet._view import View
from dockernet.formats.engine import Reading
from dockernet.formats.events import Event

FEW, SOME, MANY = 10, 1_000, 10_000

# Applying one.

Cores = dict[int, Callable[[], None]]


@contextmanager
def cores(found: Found) -> Iterator[Cores]:
    """The cores of views, by how many containers each knows; nothing is read again."""
    del found
    views = {count: _core(count) for count in (FEW, SOME, MANY)}
    before = {count: view.generation for count, (view, _) in views.items()}
    yield {count: apply for count, (_, apply) in views.items()}
    assert all(view.generation > before[count] for count, (view, _) in views.items())


def _core(count: int) -> tuple[View, Callable[[], None]]:
    """The core of a view, and one event applied to it: noted, taken, put."""
    view = View()
    view.take(1)
    crowd = tuple(made(f"c{n}", {"app": n % 250 + 2}, "80/tcp") for n in range(count))
    networks = Reading(tuple(NETWORKS.values()), ())
    view.relisted(dockernet.EngineProfile(), Reading(crowd, ()), networks)
    states = [evolve(crowd[count // 2], networks=(attachment("app", n),)) for n in (7, 9)]
    event = Event("container", "update", identity(f"c{count // 2}"))

    def apply() -> None:
        states.reverse()
        view.note(event)
        assert view.take(32).containers
        view.put(states[0])

    return view, apply


@cache
def apply_to(count: int) -> Work[Cores]:
    return timed(lambda stage: stage[count](), 20)


# How late it is.


@frozen(eq=False)
class Delays:
    """A container that is paused and unpaused, and two that look on: a view and docker-py."""

    peer: RealContainer
    resolver: dockernet.Resolver
    live: dockernet.Live
    seen: queue.SimpleQueue[tuple[str, float]]
    theirs: queue.SimpleQueue[float] = field(factory=queue.SimpleQueue)

    def next(self) -> float:
        """Seconds from asking for a change until the answer has changed."""
        pause = self._answers()
        start = perf_counter()
        (self.peer.pause if pause else self.peer.unpause)()
        self.until(answers=not pause)
        ours = perf_counter() - start
        action = "pause" if pause else "unpause"
        self.theirs.put(self._shown(action, start) - start)
        return ours

    def _shown(self, action: str, start: float) -> float:
        """When docker-py's stream showed the event; one that was there before is another's."""
        while True:
            what, moment = self.seen.get(timeout=20)
            if what == action and moment > start:
                return moment

    def until(self, *, answers: bool) -> None:
        known = self.live.generation
        while self._answers() is not answers:
            known = self.live.wait_change(known, 5.0)

    def _answers(self) -> bool:
        try:
            self.resolver.resolve(f"{self.peer.name}:80")
        except (dockernet.PeerNotFoundError, dockernet.UnreachableError):
            return False
        return True


@contextmanager
def delays(found: Found) -> Iterator[Delays]:
    """A real engine with one peer, followed by a view and by docker-py's raw stream."""
    engine = found()
    client = docker.DockerClient(engine.url, version="auto")
    stream = client.events(decode=True)
    seen: queue.SimpleQueue[tuple[str, float]] = queue.SimpleQueue()

    def read() -> None:
        for event in stream:
            seen.put((event["Action"], perf_counter()))

    reading = threading.Thread(target=read)
    reading.start()
    try:
        with (
            Scene(engine) as scene,
            dockernet.Engine(engine.url) as ours,
            ours.live(resync=3600.0) as live,
            dockernet.Resolver([live], vantage=on_host()) as resolver,
        ):
            peer = scene.run("peer", command=["sleep", "100000"], publish=["80"])
            stage = Delays(peer, resolver, live, seen)
            stage.until(answers=True)
            yield stage
    finally:
        stream.close()
        reading.join()
        client.close()


our_answer: Work[Delays] = Delays.next


def their_event(stage: Delays) -> float:
    """Seconds from the same moment until docker-py's stream shows the event."""
    return stage.theirs.get(timeout=20)
