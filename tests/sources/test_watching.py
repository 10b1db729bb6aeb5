"""Watching through both faces, against a stand-in engine that things happen to."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from builders import identity
from following import QUICK, descriptors, threads
from replay import PATIENCE, Exchange, refusal, reply
from streaming import Streaming, event

from dockernet import (
    ChangeKind,
    Engine,
    EngineUnavailableError,
    Fact,
    FormatError,
    Link,
    LiveKind,
    LiveState,
    PeerNotFoundError,
    Port,
    Resolver,
    SourceError,
    UnreachableError,
    Vantage,
    VantageKind,
    Want,
    Watch,
)
from dockernet.aio import AsyncLive, AsyncResolver
from dockernet.watching import followed

HOST = Vantage(kind=VantageKind.HOST, hostname="stand-in")
SOON = 0.01  # seconds between two questions


class Awaited:
    """The changes of an asynchronous generator, taken one at a time."""

    def __init__(self, runner: asyncio.Runner, changes: AsyncGenerator[Any]) -> None:
        self._runner = runner
        self._changes = changes

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return self._runner.run(self._next())
        except StopAsyncIteration:
            raise StopIteration from None

    async def _next(self) -> Any:
        return await anext(self._changes)

    def close(self) -> None:
        self._runner.run(self._closed())

    async def _closed(self) -> None:
        await self._changes.aclose()


class Face:
    """One face: what it opens is closed at the end of the test."""

    def __init__(self, runner: asyncio.Runner | None) -> None:
        self.runner = runner
        self.opened: list[Any] = []

    def live(self, engine: Engine) -> Any:
        if self.runner is None:
            made: Any = engine.live(**QUICK)
            self.opened.append(made)
            return made
        made = AsyncLive(engine, **QUICK)
        self.runner.run(made.__aenter__())
        self.opened.append(made)
        return made

    def changes(self, live: Any, tell: Any = None) -> Any:
        """What changes of the containers of a view."""
        return self._taken(lambda: live.watch(tell=tell))

    def watch(self, sources: Any, target: Any = "db:80", *args: Any, **options: Any) -> Any:
        kind: Any = Resolver if self.runner is None else AsyncResolver
        return self._taken(lambda: kind(sources, HOST).watch(target, *args, **options))

    def close_view(self, live: Any) -> None:
        if self.runner is None:
            live.close()
        else:
            self.runner.run(live.aclose())

    def end(self) -> None:
        for made in reversed(self.opened):
            if isinstance(made, AsyncLive):
                self.close_view(made)
            else:
                made.close()

    def _taken(self, begin: Callable[[], Any]) -> Any:
        begun = begin()
        changes = begun if self.runner is None else Awaited(self.runner, begun)
        self.opened.append(changes)
        return changes


@pytest.fixture(params=["blocking", "awaiting"])
def face(request: pytest.FixtureRequest) -> Iterator[Face]:
    if request.param == "blocking":
        face = Face(None)
        yield face
        face.end()
    else:
        with asyncio.Runner() as runner:
            face = Face(runner)
            yield face
            face.end()


def happen(server: Streaming, name: str, state: str, action: str, number: int = 2) -> None:
    server.set(name, state, number)
    server.tell(action, name)


def settle(live: Any, server: Streaming) -> None:
    """Wait until the view says what the stand-in would."""
    for _ in range(int(PATIENCE * 100)):
        known = {c.name: c.state for c in live.containers()}
        if known == {name: state for name, (state, _) in server.told.items()}:
            return
        threading.Event().wait(0.01)
    raise AssertionError(live)


# Containers.


def test_each_change_of_a_container_is_told(face: Face, server: Streaming, engine: Engine) -> None:
    changes = face.changes(face.live(engine))
    happen(server, "db", "exited", "die")
    assert str(next(changes)) == "db stopped"
    happen(server, "new", "created", "create", 7)
    assert str(next(changes)) == "new created"
    happen(server, "new", "running", "start", 7)
    assert str(next(changes)) == "new started"
    server.set("new", number=8)
    server.send(event("connect", "bridge", "network", container=identity("new")))
    assert next(changes).why == (ChangeKind.MOVED,)
    del server.told["new"]
    server.tell("destroy", "new")
    change = next(changes)
    assert (change.container.name, change.after) == ("new", None)


def test_who_reads_late_is_told_how_it_is_now(
    face: Face, server: Streaming, engine: Engine
) -> None:
    live = face.live(engine)
    changes = face.changes(live)
    for state, action in (("paused", "pause"), ("running", "unpause"), ("exited", "die")):
        happen(server, "db", state, action)
        settle(live, server)
    happen(server, "web", "paused", "pause", 3)
    settle(live, server)
    assert [str(next(changes)), str(next(changes))] == ["db stopped", "web paused"]


def test_it_ends_with_the_view_and_tells_what_was_left(
    face: Face, server: Streaming, engine: Engine
) -> None:
    live = face.live(engine)
    changes = face.changes(live)
    happen(server, "db", "exited", "die")
    settle(live, server)
    face.close_view(live)
    assert [str(change) for change in changes] == ["db stopped"]
    assert [*changes] == []


def test_a_view_that_is_closed_while_one_waits_ends_it(face: Face, engine: Engine) -> None:
    with engine.live(**QUICK) as live:
        changes = face.watch([live])
        assert str(next(changes)) == "db:80 is at 172.17.0.2:80"
        closing = threading.Timer(0.05, live.close)
        closing.start()
        assert [*changes] == []
        closing.join()


def test_how_true_the_view_is_is_told(face: Face, server: Streaming, engine: Engine) -> None:
    heard: list[LiveState] = []
    live = face.live(engine)
    changes = face.changes(live, heard.append)
    server.answers["/version"] = refusal("503 Service Unavailable", "starting")
    server.send(None)
    server.wait_for(lambda: server.asked["/version"] > 1)

    def back() -> None:
        server.wait_for(lambda: server.asked["/version"] > 5)
        server.set("db", "exited")
        del server.answers["/version"]

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(back)
        assert str(next(changes)) == "db stopped"
        done.result(PATIENCE)
    kinds = [state.kind for state in heard]
    assert kinds[0] is LiveKind.RECONNECTING
    assert "broke its answer off" in heard[0].reason
    happen(server, "db", "running", "start")
    next(changes)
    assert heard[-1].kind is LiveKind.CURRENT


def test_an_engine_is_followed_for_as_long_as_it_is_watched(
    server: Streaming, engine: Engine
) -> None:
    engine.containers()
    before = descriptors()
    with engine.watch() as changes:
        server.follow()
        happen(server, "db", "exited", "die")
        assert str(next(changes)) == "db stopped"
    assert threads() == set()
    server.wait_for(lambda: server.open_connections == 1)  # the engine's own
    assert descriptors() == before
    assert [*changes] == []
    changes.close()


def test_nothing_is_left_of_watches_that_nobody_closes(server: Streaming, engine: Engine) -> None:
    engine.containers()
    before = descriptors()
    changes: Any = None
    for _ in range(3):
        happen(server, "db", "exited", "die")
        changes = engine.watch()
        happen(server, "db", "running", "start")
        for change in changes:
            assert str(change) == "db started"
            break
        changes = engine.watch()  # never read
    del changes
    gc.collect()
    assert threads() == set()
    server.wait_for(lambda: server.open_connections == 1)  # the engine's own
    assert descriptors() == before


def test_an_engine_that_cannot_be_asked_is_an_error_at_once(
    folder: Path, nowhere: dict[str, str]
) -> None:
    engine = Engine(f"unix://{folder}/nobody.sock", environ=nowhere)
    with pytest.raises(EngineUnavailableError):
        engine.watch()
    with pytest.raises(EngineUnavailableError):
        Resolver([engine], HOST).watch("db")
    assert threads() == set()


# Ending it.


def test_another_thread_ends_a_watch_that_waits(server: Streaming, engine: Engine) -> None:
    before = threads()
    changes = engine.watch()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(list, changes)
        server.follow()
        changes.close()
        assert waiting.result(PATIENCE) == []
    assert threads() == before
    server.wait_for(lambda: not server.streams)


@pytest.mark.parametrize("every", [3600.0, 1e300])
def test_another_thread_ends_a_watch_between_two_questions(every: float) -> None:
    source = Told("10.7.0.2")
    changes = Resolver([source], HOST).watch("db", every)
    with ThreadPoolExecutor(1) as pool:
        assert str(pool.submit(next, changes).result(PATIENCE)) == "db is at 10.7.0.2:80"
        waiting = pool.submit(list, changes)
        while source.asked < 2:
            threading.Event().wait(0.001)
        changes.close()
        assert waiting.result(PATIENCE) == []


def test_one_that_is_closed_while_it_is_read_is_closed_by_the_reader() -> None:
    ended: list[bool] = []

    def begin(_: object) -> Iterator[Any]:
        try:
            yield None
            changes.close()  # as another thread would
            yield 1
        finally:
            ended.append(True)

    changes: Watch[int] = Watch(begin)  # type: ignore[arg-type]
    assert next(changes) == 1
    assert ended == [True]
    assert [*changes] == []


def test_a_signal_s_handler_may_end_it(engine: Engine) -> None:
    with engine.watch() as changes:
        previous = signal.signal(signal.SIGUSR1, lambda *_: changes.close())
        try:
            ringing = threading.Timer(
                0.05, signal.pthread_kill, (threading.main_thread().ident, signal.SIGUSR1)
            )
            ringing.start()
            assert [*changes] == []
            ringing.join()
        finally:
            signal.signal(signal.SIGUSR1, previous)
    assert threads() == set()


def test_an_exception_while_one_waits_leaves_nothing(engine: Engine) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGUSR1, interrupt)
    try:
        changes = engine.watch()
        ringing = threading.Timer(
            0.05, signal.pthread_kill, (threading.main_thread().ident, signal.SIGUSR1)
        )
        ringing.start()
        with pytest.raises(KeyboardInterrupt):
            next(changes)
        ringing.join()
    finally:
        signal.signal(signal.SIGUSR1, previous)
    assert threads() == set()


def test_several_threads_share_a_watch_and_no_change_is_told_twice(
    server: Streaming, engine: Engine
) -> None:
    with engine.watch() as changes, ThreadPoolExecutor(4) as pool:
        sharing = [pool.submit(list, changes) for _ in range(4)]
        for number in range(20):
            happen(server, f"c{number}", "running", "create", 10 + number)
        told: list[str] = []
        with engine.live(**QUICK) as live:
            settle(live, server)
            happen(server, "last", "running", "create", 99)
            settle(live, server)
        threading.Event().wait(0.2)
        changes.close()
        told = [str(change) for share in sharing for change in share.result(PATIENCE)]
    assert sorted(told) == sorted(
        [*(f"c{n} created, started" for n in range(20)), "last created, started"]
    )


# Endpoints.


def test_the_endpoints_are_told_now_and_whenever_they_change(
    face: Face, server: Streaming, engine: Engine
) -> None:
    changes = face.watch([engine])
    first = next(changes)
    assert (first.target, first.before, first.why, first.error) == ("db:80", (), (), None)
    assert str(first) == "db:80 is at 172.17.0.2:80"
    happen(server, "db", "exited", "die")
    second = next(changes)
    assert (second.before, second.after, second.why) == (first.after, (), (ChangeKind.STOPPED,))
    assert isinstance(second.error, UnreachableError)
    assert "not-running: db is exited" in str(second.error)
    happen(server, "db", "running", "start", 9)
    third = next(changes)
    assert str(third) == "db:80 is at 172.17.0.9:80 (started, moved)"
    server.set("db", number=5)
    server.send(event("connect", "bridge", "network", container=identity("db")))
    assert str(next(changes)) == "db:80 is at 172.17.0.5:80 (moved)"
    assert len(server.streams) == 1


def test_what_happens_to_others_is_not_told(face: Face, server: Streaming, engine: Engine) -> None:
    live = face.live(engine)
    changes = face.watch([live])
    next(changes)
    happen(server, "web", "exited", "die", 3)
    settle(live, server)
    happen(server, "db", "paused", "pause")
    assert str(next(changes).error).startswith("nothing reaches 'db:80' from here")
    face.close_view(live)
    assert [*changes] == []


def test_a_peer_that_is_not_there_yet_is_told_when_it_comes(
    face: Face, server: Streaming, engine: Engine
) -> None:
    changes = face.watch([engine], ("new", 80))
    first = next(changes)
    assert (first.target, first.after) == ("new:80", ())
    assert isinstance(first.error, PeerNotFoundError)
    happen(server, "new", "running", "create", 7)
    assert str(next(changes)) == "new:80 is at 172.17.0.7:80 (created, started)"


def test_a_slow_reader_is_told_how_it_is_now(face: Face, server: Streaming, engine: Engine) -> None:
    live = face.live(engine)
    changes = face.watch([live])
    next(changes)
    for number in (4, 5, 6):
        happen(server, "db", "running", "update", number)
        known = live.generation
        for _ in range(500):
            if str(live.container("db").networks[0].addresses[0]) == f"172.17.0.{number}":
                break
            threading.Event().wait(0.01)
        assert live.generation >= known
    assert str(next(changes)) == "db:80 is at 172.17.0.6:80 (moved)"


def test_while_the_engine_is_away_the_last_state_stays(
    face: Face, server: Streaming, engine: Engine
) -> None:
    heard: list[LiveState] = []
    changes = face.watch([engine], tell=heard.append)
    next(changes)
    server.answers["/version"] = refusal("503 Service Unavailable", "starting")
    server.send(None)

    def back() -> None:
        server.wait_for(lambda: server.asked["/version"] > 4)
        server.set("db", number=8)
        del server.answers["/version"]

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(back)
        assert str(next(changes)) == "db:80 is at 172.17.0.8:80 (moved)"
        done.result(PATIENCE)
    assert heard[0].kind is LiveKind.RECONNECTING


def test_an_answer_of_two_moments_is_asked_for_again(
    face: Face, server: Streaming, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peer moves while it is looked up; the reason is told with the new address."""
    live = face.live(engine)
    changes = face.watch([live])
    next(changes)
    moved: list[bool] = []
    original = followed.Followed.inquiry

    def inquiry(self: Any) -> Any:
        begun = original(self)
        if not moved:
            moved.append(True)
            happen(server, "db", "running", "update", 9)
            known = live.generation
            for _ in range(500):
                if live.generation != known:
                    break
                threading.Event().wait(0.01)
        return begun

    monkeypatch.setattr(followed.Followed, "inquiry", inquiry)
    happen(server, "web", "paused", "pause", 3)
    assert str(next(changes)) == "db:80 is at 172.17.0.9:80 (moved)"


@pytest.mark.parametrize(
    "target, every, told",
    [
        ("db:http", 1.0, "cannot read 'db:http'"),
        ("db", 0, "more than 0 seconds"),
        ("db", float("nan"), "more than 0 seconds"),
    ],
)
def test_what_cannot_be_watched_is_told_at_the_call(target: str, every: float, told: str) -> None:
    for kind in (Resolver, AsyncResolver):
        with pytest.raises(FormatError, match=told):
            kind([Told()], HOST).watch(target, every)


# Sources that tell of no changes.


class Told:
    """A source of one peer; what it tells may change, or it may be deaf."""

    def __init__(self, *addresses: str, name: str = "told") -> None:
        self.name = name
        self.addresses = addresses
        self.fault: Exception | None = None
        self.asked = 0

    def read(self, want: Want) -> Iterator[Fact]:
        del want
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        if self.addresses:
            hosts = tuple(map(ip_address, self.addresses))
            yield Fact(source=self.name, names=("db",), addresses=hosts, ports=(Port(80),))


class Playing(Told):
    """A source that tells something else with each question, and the last for ever."""

    def __init__(self, *turns: str | Exception) -> None:
        super().__init__()
        self.turns = [*turns]

    def read(self, want: Want) -> Iterator[Fact]:
        turn = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        self.fault = turn if isinstance(turn, Exception) else None
        self.addresses = tuple(turn.split()) if isinstance(turn, str) else ()
        return super().read(want)


def test_sources_that_tell_of_no_changes_are_asked_again(face: Face) -> None:
    source = Playing("10.7.0.2", "10.7.0.2", "", "", "10.7.0.3 10.7.0.4")
    changes = face.watch([source], "db", SOON)
    told = [str(next(changes)) for _ in range(3)]
    assert told == [
        "db is at 10.7.0.2:80",
        "db has no endpoint: no peer answers to 'db' (asked: told)",
        "db is at 10.7.0.3:80, 10.7.0.4:80",
    ]
    assert source.asked == 5


def test_a_source_that_is_deaf_meanwhile_changes_nothing(face: Face) -> None:
    source = Playing("10.7.0.2", SourceError("told", "deaf"), OSError("deaf"), "10.7.0.3")
    changes = face.watch([source], "db", SOON)
    assert [str(next(changes)) for _ in range(2)] == [
        "db is at 10.7.0.2:80",
        "db is at 10.7.0.3:80",
    ]
    assert source.asked == 4


def test_where_no_engine_answers_the_other_sources_are_watched(
    face: Face, folder: Path, nowhere: dict[str, str]
) -> None:
    """As in a container without the engine's socket: also that a peer is gone is told."""
    away = Engine(f"unix://{folder}/nobody.sock", environ=nowhere)
    changes = face.watch([away, Playing("", "10.7.0.2", "")], "db", SOON)
    first = next(changes)
    assert isinstance(first.error, EngineUnavailableError)
    assert str(next(changes)) == "db is at 10.7.0.2:80"
    assert next(changes).after == ()
    assert threads() == set()


def test_an_engine_that_comes_up_later_is_followed(
    face: Face, folder: Path, nowhere: dict[str, str]
) -> None:
    path = folder / "late.sock"
    with Engine(f"unix://{path}", PATIENCE, environ=nowhere) as late:
        changes = face.watch([late, Told()], "db:80", SOON)
        assert isinstance(next(changes).error, EngineUnavailableError)
        with Streaming().on_socket(path) as server:
            assert isinstance(server, Streaming)
            server.set("db")
            assert str(next(changes)) == "db:80 is at 172.17.0.2:80"
            happen(server, "db", "exited", "die")
            change = next(changes)
            assert change.why == (ChangeKind.STOPPED,)
            assert len(server.streams) == 1
            changes.close()


def test_an_engine_whose_events_are_kept_from_us_is_asked_again(
    face: Face, server: Streaming, engine: Engine
) -> None:
    server.answers["/events"] = refusal("403 Forbidden", "no events for you")
    changes = face.watch([engine, Told()], "db:80", SOON)
    assert str(next(changes)) == "db:80 is at 172.17.0.2:80"
    server.set("db", number=6)
    assert str(next(changes)) == "db:80 is at 172.17.0.6:80"


def test_in_a_busy_moment_an_answer_is_told_all_the_same(
    face: Face, server: Streaming, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dockernet._watching.EndpointWatch.caught_up", False)
    changes = face.watch([engine])
    stop = threading.Event()

    def ring() -> None:
        states = ("paused", "running")
        for number in range(400):
            if stop.wait(0.01):
                return
            happen(server, "web", states[number % 2], "pause", 3)

    ringing = threading.Thread(target=ring)
    ringing.start()
    try:
        assert str(next(changes)) == "db:80 is at 172.17.0.2:80"
    finally:
        stop.set()
        ringing.join()


def test_a_link_is_a_target_too(face: Face) -> None:
    changes = face.watch([Told("10.7.0.2")], Link("db"), SOON)
    assert str(next(changes)) == "db is at 10.7.0.2:80"


def test_the_default_engine_is_followed(
    server: Streaming, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", server.url)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with Resolver(vantage=HOST) as resolver, resolver.watch("db:80") as changes:
        assert str(next(changes)) == "db:80 is at 172.17.0.2:80"
        assert len(server.streams) == 1
        with resolver.seen_from("web") as inside, inside.watch("db:80") as seen:
            assert str(next(seen)) == "db:80 is at 172.17.0.2:80"
            assert len(server.streams) == 2


# Awaiting alone.


@pytest.mark.parametrize("what", ["view", "resolver"])
def test_a_task_that_is_cancelled_leaves_nothing(
    server: Streaming, engine: Engine, what: str
) -> None:
    async def main() -> None:
        async def wait() -> None:
            if what == "view":
                async with AsyncLive(engine, **QUICK) as live:
                    async for _ in live.watch():
                        pass
            else:
                async for _ in AsyncResolver([engine], HOST).watch("db:80"):
                    begun.set()

        begun = asyncio.Event()
        task = asyncio.create_task(wait())
        if what == "view":
            await asyncio.to_thread(server.follow)
        else:
            await begun.wait()
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(int(PATIENCE * 100)):  # what had not quite begun ends by itself
            if not threads():
                break
            await asyncio.sleep(0.01)
        assert threads() == set()

    engine.containers()
    before = descriptors()
    asyncio.run(main())
    server.wait_for(lambda: server.open_connections == 1)  # the engine's own
    assert descriptors() == before


@pytest.mark.parametrize("what", ["view", "resolver"])
def test_a_task_that_is_cancelled_while_the_view_is_opened_leaves_nothing(
    server: Streaming, engine: Engine, what: str
) -> None:
    gate, path = threading.Event(), "/networks"

    def late(exchange: Exchange) -> None:
        gate.wait(PATIENCE)
        exchange.send(reply(server.replies[path]))

    async def main() -> None:
        async def wait() -> None:
            if what == "view":
                async with AsyncLive(engine, **QUICK):
                    pass
            else:
                await anext(AsyncResolver([engine], HOST).watch("db:80"))

        task = asyncio.create_task(wait())
        await asyncio.to_thread(server.wait_for, lambda: server.asked[path] == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.set()

    server.answers[path] = late
    asyncio.run(main())
    assert threads() == set()
    server.wait_for(lambda: not server.streams)


def test_a_loop_that_ends_before_its_watches_is_nobody_s_fault(
    server: Streaming, engine: Engine
) -> None:
    with engine.live(**QUICK) as live:
        left: list[Any] = []

        async def main() -> None:
            changes = AsyncResolver([live], HOST).watch("db:80")
            await anext(changes)
            left.append(changes)

        loop = asyncio.new_event_loop()
        loop.run_until_complete(main())
        loop.close()
        happen(server, "db", "exited", "die")
        settle(live, server)
        with suppress(StopIteration):
            left.pop().aclose().send(None)


def test_a_hundred_watches_of_one_view_all_tell_the_last_state(
    server: Streaming, engine: Engine
) -> None:
    async def last(live: AsyncLive, changes: AsyncGenerator[Any]) -> list[str]:
        told = []
        async for change in changes:
            told.append(str(change))
            if "172.17.0.60" in told[-1]:
                break
        del live
        return told

    async def main() -> list[list[str]]:
        async with AsyncLive(engine, **QUICK) as live, AsyncResolver([live], HOST) as resolver:
            tasks = [asyncio.create_task(last(live, resolver.watch("db:80"))) for _ in range(100)]
            for number in range(10, 61):
                happen(server, "db", "running", "update", number)
                await asyncio.sleep(0.002)
            return await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE * 3)

    for told in asyncio.run(main()):
        assert len(told) == len(set(told))
        assert told[-1] == "db:80 is at 172.17.0.60:80 (moved)"


# What the view tells its watchers.


def test_what_is_forgotten_is_told_by_the_containers(engine: Engine) -> None:
    with engine.live(**QUICK) as live:
        known = live.generation
        assert live.news(known).changes == ()
        everything = live.news(-1)
        assert (everything.changes, everything.generation) == (None, known)
        assert everything.containers == live.containers()
