"""A live view against a stand-in that sends events well, badly, or not at all."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from builders import identity
from following import QUICK, descriptors, settled, states, threads, until
from replay import PATIENCE, Exchange, refusal, reply
from streaming import BRIDGE, Act, Streaming, chunk, event

from dockernet import (
    Engine,
    EngineTimeoutError,
    EngineUnavailableError,
    FormatError,
    Live,
    LiveKind,
    PeerNotFoundError,
    Resolver,
    SourceError,
    UnreachableError,
    Vantage,
    VantageKind,
    Want,
)
from dockernet.aio import AsyncLive, AsyncResolver
from dockernet.model.facts import Inventory
from dockernet.sources import live as module

HOST = Vantage(
    kind=VantageKind.HOST,
    hostname="stand-in",
)
START = {"/version": 1, "/info": 1, "/events": 1, "/containers/json": 1, "/networks": 1}


# At the start.


def test_it_subscribes_first_and_lists_then(server: Streaming, live: Live) -> None:
    asked = [*server.asked]
    assert asked.index("/events") < asked.index("/containers/json")
    details = {f"/containers/{identity(n)}/json": 1 for n in ("db", "web")}
    assert server.asked == {**START, **details}
    assert live.state.kind is LiveKind.CURRENT
    assert str(live.state) == "current"


def test_it_asks_for_events_of_containers_and_networks_alone(server: Streaming, live: Live) -> None:
    assert live.state.current
    assert server.queries == ["filters=%7B%22type%22%3A+%5B%22container%22%2C+%22network%22%5D%7D"]


def test_no_engine_is_an_error_at_once(folder: Path, nowhere: dict[str, str]) -> None:
    engine = Engine(f"unix://{folder}/nobody.sock", environ=nowhere)
    with pytest.raises(EngineUnavailableError, match="no engine listens"):
        engine.live()
    assert threads() == set()


@pytest.mark.parametrize("path", ["/version", "/events", "/info", "/containers/json", "/networks"])
def test_an_engine_that_refuses_at_the_start_is_an_error_and_leaves_nothing(
    server: Streaming, engine: Engine, path: str
) -> None:
    server.answers[path] = refusal("500 Internal Server Error", "out of order")
    with pytest.raises(SourceError, match="out of order"):
        engine.live(**QUICK)
    assert threads() == set()
    server.wait_for(lambda: not server.open_connections)


def test_an_engine_that_hangs_at_the_start_is_an_error(
    server: Streaming, nowhere: dict[str, str]
) -> None:
    server.answers["/events"] = Exchange.hang
    engine = Engine(server.url, 0.2, environ=nowhere)
    with pytest.raises(EngineTimeoutError):
        engine.live(**QUICK)
    assert threads() == set()


@pytest.mark.parametrize("name", ["resync", "first_pause", "longest_pause"])
@pytest.mark.parametrize("seconds", [0, -1.0, float("inf"), float("nan")])
def test_seconds_must_be_more_than_none(
    server: Streaming, engine: Engine, name: str, seconds: float
) -> None:
    settings: dict[str, Any] = {**QUICK, name: seconds}
    with pytest.raises(FormatError, match="more than 0 seconds"):
        engine.live(**settings)
    assert server.requests == 0


# What happens.


def test_an_event_has_one_container_read_again(server: Streaming, live: Live) -> None:
    before = server.asked.copy()
    server.set("db", "exited")
    server.tell("die", "db")
    until(live, lambda: states(live)["db"] == "exited")
    assert server.asked - before == {f"/containers/{identity('db')}/json": 1}
    assert [c.name for c in live.containers()] == ["web", "db"]


def test_a_container_that_is_made_is_read(server: Streaming, live: Live) -> None:
    server.set("new", "created")
    server.tell("create", "new")
    until(live, lambda: settled(live, server))
    assert live.containers()[0].name == "new"


def test_one_that_is_removed_is_gone_without_a_request(server: Streaming, live: Live) -> None:
    before = server.asked.copy()
    del server.told["db"]
    server.tell("destroy", "db")
    until(live, lambda: settled(live, server))
    assert not server.asked - before


def test_one_that_has_vanished_when_it_is_asked_for_is_gone(server: Streaming, live: Live) -> None:
    del server.told["db"]
    server.tell("die", "db")
    until(live, lambda: settled(live, server))


def test_networks_are_read_again_when_one_is_made(server: Streaming, live: Live) -> None:
    before = server.asked.copy()
    server.replies["/networks"] = [BRIDGE, {**BRIDGE, "Id": identity("app"), "Name": "app"}]
    server.send(event("create", "app", "network"))
    until(live, lambda: len(live.networks()) == 2)
    assert server.asked - before == {"/networks": 1}


def test_events_that_change_nothing_take_no_request(server: Streaming, live: Live) -> None:
    before = server.asked.copy()
    for _ in range(100):
        server.tell("exec_create: check", "db")
    server.set("web", "paused")
    server.tell("pause", "web")
    until(live, lambda: settled(live, server))
    assert (server.asked - before).total() == 1


def test_many_events_of_one_container_are_few_requests(server: Streaming, live: Live) -> None:
    server.set("last")
    server.tell("create", "last")
    until(live, lambda: settled(live, server))
    before, gate = server.asked.copy(), threading.Event()
    path = f"/containers/{identity('db')}/json"

    def late(exchange: Exchange) -> None:
        gate.wait(PATIENCE)
        exchange.send(server.recorded(path))

    server.answers[path] = late
    server.tell("die", "db")
    server.wait_for(lambda: server.asked[path] - before[path] == 1)
    server.set("db", "paused")
    for _ in range(50):
        server.tell("start", "db")
    del server.told["last"]
    server.tell("destroy", "last")  # which takes no request: all before it are heard
    until(live, lambda: "last" not in states(live))
    gate.set()
    until(live, lambda: settled(live, server))
    asked = server.asked - before
    assert asked.keys() == {path}
    assert asked[path] <= 2


def test_events_may_come_in_any_pieces(server: Streaming, live: Live) -> None:
    server.set("db", "exited")
    server.set("web", "paused")
    data = event("die", "db") + event("pause", "web")
    server.send(*(data[i : i + 7] for i in range(0, len(data), 7)))
    until(live, lambda: settled(live, server))


def test_events_without_chunks_are_read_as_they_come(server: Streaming, engine: Engine) -> None:
    server.chunked = False
    with engine.live(**QUICK) as live:
        server.follow()
        server.set("db", "exited")
        server.tell("die", "db")
        until(live, lambda: settled(live, server))


def test_what_no_event_tells_is_seen_after_a_while(server: Streaming, engine: Engine) -> None:
    with engine.live(**{**QUICK, "resync": 0.05}) as live:
        server.set("db", "exited")
        server.set("new")
        until(live, lambda: settled(live, server))
        assert len(server.queries) == 1  # over the same stream


# Faults.


def cut(server: Streaming) -> None:
    """Break the stream off in the middle of a line, and of a chunk."""
    server.raw(chunk(event("die", "db"))[:-30])
    server.send(None)


def end(server: Streaming) -> None:
    """End the stream as it should be."""
    server.raw(b"0\r\n\r\n")


def garble(server: Streaming) -> None:
    server.send(b'{"Type": "contai', b"\x00\xff\n")


def truncate(server: Streaming) -> None:
    server.send(event("die", "db")[:40] + b"\n")


def not_http(server: Streaming) -> None:
    server.raw(b"zzz\r\n")


def never_ending(server: Streaming) -> None:
    server.send(*[b"x" * 65_536] * 20)


def restart(server: Streaming) -> None:
    server.hang_up()


def drop(server: Streaming) -> None:
    server.send(None)


@pytest.mark.parametrize(
    "act",
    [cut, end, garble, truncate, not_http, never_ending, restart, drop],
    ids=lambda a: a.__name__,
)
def test_after_a_fault_it_connects_anew_and_reads_everything(
    server: Streaming, live: Live, act: Act
) -> None:
    known = len(server.queries)
    server.set("db", "exited")  # without an event
    act(server)
    server.wait_for(lambda: len(server.queries) > known)
    until(live, lambda: settled(live, server))


def test_while_the_engine_is_away_it_answers_and_says_that_it_is_stale(
    server: Streaming, live: Live
) -> None:
    server.answers["/version"] = refusal("503 Service Unavailable", "starting")
    server.send(None)
    until(live, lambda: live.state.kind is LiveKind.RECONNECTING)
    assert states(live) == {"db": "running", "web": "running"}
    since = live.state.since
    assert since is not None
    shown = str(live.state)
    assert shown.startswith("reconnecting, stale since 2")
    assert "broke its answer off" in shown
    with Resolver([live], vantage=HOST) as resolver:
        explained = resolver.explain("db:80")
        [odd] = explained.diagnostics
        assert str(odd).startswith(f"engine: stale since {live.state.moment}: ")
        assert str(explained.chosen) == "172.17.0.2:80"
        del server.answers["/version"]
        until(live, lambda: live.state.current)
        assert live.state.since is None
        assert resolver.explain("db:80").diagnostics == ()


def test_a_question_that_fails_is_told_before_anything_else_is_asked(
    server: Streaming, live: Live
) -> None:
    server.answers["/networks"] = refusal("500 Internal Server Error", "out of order")
    seen: list[LiveKind] = []
    with live.listening(lambda: seen.append(live.state.kind)):
        server.send(event("create", "other", "network"))
        until(live, lambda: bool(seen))
    assert seen[0] is LiveKind.RECONNECTING


def test_a_question_that_fails_has_it_connect_anew(server: Streaming, live: Live) -> None:
    server.answers["/networks"] = refusal("500 Internal Server Error", "out of order")
    server.set("db", "exited")  # without an event
    server.send(event("create", "app", "network"))
    until(live, lambda: not live.state.current)
    until(live, lambda: "out of order" in live.state.reason)
    del server.answers["/networks"]
    until(live, lambda: settled(live, server))


def test_a_listing_that_hangs_is_given_up(server: Streaming, nowhere: dict[str, str]) -> None:
    with Engine(server.url, 0.2, environ=nowhere).live(**QUICK) as live:
        server.answers["/containers/json"] = Exchange.hang
        server.send(None)
        until(live, lambda: "did not answer in time" in live.state.reason)
        del server.answers["/containers/json"]
        until(live, lambda: settled(live, server))


def test_pauses_grow_while_the_engine_is_away(
    server: Streaming, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is twice the one before up to the longest, or a random part shorter."""
    pauses: list[float] = []
    with engine.live(resync=3600.0, first_pause=1.0, longest_pause=8.0) as live:
        closing = live._closing

        def wait(seconds: float) -> bool:
            pauses.append(seconds)
            return len(pauses) >= 8

        monkeypatch.setattr(closing, "wait", wait)
        server.answers["/version"] = refusal("503 Service Unavailable", "starting")
        server.send(None)
        until(live, lambda: len(pauses) >= 8)
    ceilings = [1, 2, 4, 8, 8, 8, 8, 8]
    assert all(c / 2 <= p <= c for p, c in zip(pauses, ceilings, strict=True)), pauses
    assert len(set(pauses)) == len(pauses)


def test_another_engine_at_the_same_place_is_asked_anew(
    server: Streaming, live: Live, folder: Path
) -> None:
    """Its socket is replaced, and it speaks another version."""
    (folder / "engine.sock").unlink()
    with Streaming("29.1.0").on_socket(folder / "engine.sock") as other:
        assert isinstance(other, Streaming)
        other.set("web", "paused", 9)
        server.send(None)
        until(live, lambda: settled(live, other))
        assert live.profile().version == "29.1.0"
        live.close()


# Reading.


def test_it_reads_as_its_engine_does(server: Streaming, engine: Engine, live: Live) -> None:
    assert live.containers() == engine.containers(details=True)
    assert live.containers(details=True) == live.containers()
    assert live.networks() == engine.networks()
    assert live.links() == engine.links()
    assert live.links(aliases=True) == engine.links(aliases=True)
    assert live.published() == engine.published()
    assert live.behind(80) == engine.behind(80) == ()
    assert live.behind(80, host_ip="127.0.0.1") == ()
    assert live.profile() == engine.profile()
    assert live.container("db") == engine.container("db")
    assert server.told.keys() == {c.name for c in live.containers()}
    assert repr(live) == "<Live view of 2 containers: current>"


def test_one_container_is_found_as_an_engine_finds_it(live: Live) -> None:
    db = live.container("db")
    assert live.container("/db") == live.container(db.id) == live.container(db.id[:9]) == db
    for unknown in ("d", "", "nobody"):
        with pytest.raises(PeerNotFoundError):
            live.container(unknown)
    with pytest.raises(PeerNotFoundError) as caught:
        live.container("dbb")
    assert caught.value.near_misses == ("db",)


def test_no_answer_takes_a_request(server: Streaming, live: Live) -> None:
    before = server.asked.copy()
    [inventory] = live.read(Want(None, Vantage()))
    assert isinstance(inventory, Inventory)
    with Resolver([live], vantage=HOST) as resolver:
        for _ in range(3):
            assert str(resolver.resolve("web:80")) == "172.17.0.3:80"
            assert len(resolver.endpoints("db:80")) == 1
            assert {peer.name for peer in resolver.peers()} == {"db", "web"}
            assert resolver.explain("web:80").chosen == resolver.resolve("web:80")
            with pytest.raises(PeerNotFoundError):
                resolver.resolve("nobody:80")
        with resolver.seen_from("web") as inside:
            assert str(inside.resolve("db:80")) == "172.17.0.2:80"
    assert server.asked == before


def test_an_answer_changes_with_its_peer(server: Streaming, live: Live) -> None:
    with Resolver([live], vantage=HOST) as resolver:
        assert str(resolver.resolve("db:80")) == "172.17.0.2:80"
        known = live.generation
        server.set("db", number=9)
        server.send(event("connect", "bridge", "network", container=identity("db")))
        assert live.wait_change(known, PATIENCE) > known
        assert str(resolver.resolve("db:80")) == "172.17.0.9:80"
        known = live.generation
        server.set("db", "paused")
        server.tell("pause", "db")
        live.wait_change(known, PATIENCE)
        with pytest.raises(UnreachableError, match="paused"):
            resolver.resolve("db:80")


def test_waiting_for_a_change_ends_with_the_time_or_the_view(live: Live) -> None:
    known = live.generation
    assert live.wait_change(known, 0.01) == known
    assert live.wait_change(known - 1) == known
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(live.wait_change, known)
        live.close()
        assert waiting.result(PATIENCE) == known


def test_a_listener_is_called_after_each_change_until_it_leaves(
    server: Streaming, live: Live
) -> None:
    heard: list[str] = []
    with live.listening(lambda: heard.append(states(live)["db"])):
        server.set("db", "paused")
        server.tell("pause", "db")
        until(live, lambda: heard[-1:] == ["paused"])
        del server.told["web"]
        server.tell("destroy", "web")
        until(live, lambda: len(heard) == 2)
    server.set("db", "running")
    server.tell("unpause", "db")
    until(live, lambda: settled(live, server))
    assert heard == ["paused", "paused"]


# Its end.


def test_nothing_is_left_of_twenty_views(server: Streaming, engine: Engine) -> None:
    engine.containers()
    server.wait_for(lambda: server.open_connections == 1)
    before = descriptors(), threads()
    for _ in range(20):
        with engine.live(**QUICK) as live:
            assert live.state.current
        assert threads() == before[1]
    server.wait_for(lambda: server.open_connections == 1)  # the engine's own
    server.wait_for(lambda: not server.streams)
    assert threads() == before[1]
    assert descriptors() == before[0]


def test_what_was_known_is_still_read_after_the_end(live: Live) -> None:
    live.close()
    live.close()
    assert live.closed
    assert states(live) == {"db": "running", "web": "running"}
    assert live.state.kind is LiveKind.STALE
    assert live.state.reason == "the view was closed"
    assert threads() == set()


def test_it_ends_while_the_engine_is_away(server: Streaming, engine: Engine) -> None:
    with engine.live(resync=3600.0, first_pause=600.0, longest_pause=600.0) as live:
        server.send(None)
        until(live, lambda: live.state.kind is LiveKind.RECONNECTING)
    assert threads() == set()


def test_it_ends_while_it_connects_anew(server: Streaming, engine: Engine) -> None:
    gate = threading.Event()

    def late(exchange: Exchange) -> None:
        gate.wait(PATIENCE)
        exchange.send(reply(server.replies["/version"]))

    live = engine.live(**QUICK)
    known = server.asked["/version"]
    server.answers["/version"] = late
    server.send(None)
    server.wait_for(lambda: server.asked["/version"] > known)
    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(live.close)
        until(live, lambda: live.closed)
        gate.set()
        closing.result(PATIENCE)
    assert threads() == set()
    assert live.state.reason == "the view was closed"
    server.wait_for(lambda: not server.open_connections)


def test_it_ends_while_it_reads_again(server: Streaming, engine: Engine) -> None:
    gate, path = threading.Event(), f"/containers/{identity('db')}/json"

    def late(exchange: Exchange) -> None:
        gate.wait(PATIENCE)
        exchange.send(refusal("500 Internal Server Error", "too late"))

    live = engine.live(**QUICK)
    known = server.asked[path]
    server.answers[path] = late
    server.tell("die", "db")
    server.wait_for(lambda: server.asked[path] > known)
    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(live.close)
        until(live, lambda: live.closed)
        gate.set()
        closing.result(PATIENCE)
    assert threads() == set()
    assert live.state.reason == "the view was closed"


def test_it_ends_while_it_lists_again_and_is_not_current_then(
    server: Streaming, engine: Engine
) -> None:
    gate, path = threading.Event(), "/containers/json"

    def late(exchange: Exchange) -> None:
        gate.wait(PATIENCE)
        exchange.send(server.recorded(path))

    live = engine.live(**QUICK)
    known = server.asked[path]
    server.answers[path] = late
    server.send(None)
    server.wait_for(lambda: server.asked[path] > known)
    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(live.close)
        until(live, lambda: live.closed)
        gate.set()
        closing.result(PATIENCE)
    assert threads() == set()
    assert (live.state.kind, live.state.reason) == (LiveKind.STALE, "the view was closed")


def test_closing_the_engine_leaves_the_view_alone(server: Streaming, engine: Engine) -> None:
    with engine.live(**QUICK) as live:
        engine.close()
        server.set("db", "exited")
        server.tell("die", "db")
        until(live, lambda: settled(live, server))


# Awaited.


def test_the_awaited_view_follows_too(server: Streaming, engine: Engine) -> None:
    async def main() -> None:
        async with (
            AsyncLive(engine, **QUICK) as live,
            AsyncResolver([live], vantage=HOST) as resolver,
        ):
            assert live.state.current
            assert str(await resolver.resolve("db:80")) == "172.17.0.2:80"
            known, before = live.generation, server.asked.copy()
            waiting = [asyncio.create_task(live.wait_change(known, PATIENCE)) for _ in range(100)]
            await asyncio.sleep(0)
            server.set("db", number=7)
            server.tell("update", "db")
            assert {g > known for g in await asyncio.gather(*waiting)} == {True}
            assert str(await resolver.resolve("db:80")) == "172.17.0.7:80"
            assert (server.asked - before).total() == 1
            assert await live.wait_change(live.generation, 0.01) == live.generation
            assert live.container("db").running
            assert len(live.containers()) == 2
            assert [n.name for n in live.networks()] == ["bridge"]
            assert (live.links(), live.published()) == ((), ())
            assert len([*live.read(Want(None, HOST))]) == 1

    asyncio.run(main())
    assert threads() == set()


def test_a_blocking_view_serves_the_awaiting_resolver_too(server: Streaming, live: Live) -> None:
    async def main() -> None:
        async with AsyncResolver([live], vantage=HOST) as resolver:
            assert str(await resolver.resolve("db:80")) == "172.17.0.2:80"
            with pytest.raises(PeerNotFoundError):
                await resolver.resolve("nobody:80")

    before = server.asked.copy()
    asyncio.run(main())
    assert server.asked == before


def test_the_awaited_view_wakes_who_waits_when_it_ends(engine: Engine) -> None:
    async def main() -> None:
        live = AsyncLive(engine, **QUICK)
        await live.aclose()  # nothing yet
        with pytest.raises(SourceError, match="not open"):
            live.containers()
        async with live:
            waiting = asyncio.create_task(live.wait_change(live.generation))
            await asyncio.sleep(0)
        assert await waiting == live.generation

    asyncio.run(main())


def test_a_change_after_the_loop_has_ended_is_nobody_s_fault(server: Streaming, live: Live) -> None:
    """Its listeners are gone with it, or were never run to their end."""
    awaited = AsyncLive.__new__(AsyncLive)
    awaited._live = live

    async def main() -> None:
        waiting = awaited.wait_change(live.generation)
        waiting.send(None)
        left.append(waiting)

    left: list[Any] = []
    asyncio.run(main())
    server.set("db", "exited")
    server.tell("die", "db")
    until(live, lambda: settled(live, server))
    left[0].close()


def test_a_thousand_tasks_resolve_on_one_view(server: Streaming, engine: Engine) -> None:
    async def main() -> set[str]:
        async with (
            AsyncLive(engine, **QUICK) as live,
            AsyncResolver([live], vantage=HOST) as resolver,
        ):
            server.set("db", number=8)
            server.tell("update", "db")
            found = await asyncio.gather(*(resolver.resolve("db:80") for _ in range(1000)))
            return {str(endpoint) for endpoint in found}

    assert asyncio.run(main()) <= {"172.17.0.2:80", "172.17.0.8:80"}


def test_thirty_two_threads_never_see_half_a_change(server: Streaming, live: Live) -> None:
    """The view is of one moment: an address goes with the generation that it came by."""
    seen: list[set[str]] = []
    done = threading.Event()

    def look() -> None:
        mine: set[str] = set()
        with Resolver([live], vantage=HOST) as own:
            while not done.wait(0.001):
                mine |= {str(shared.resolve("db:80")), str(own.resolve("db:80"))}
        seen.append(mine)

    with Resolver([live], vantage=HOST) as shared:
        looking = [threading.Thread(target=look) for _ in range(32)]
        for thread in looking:
            thread.start()
        for number in range(10, 60):
            known = live.generation
            server.set("db", number=number)
            server.tell("update", "db")
            live.wait_change(known, PATIENCE)
        last = str(shared.resolve("db:80"))
        done.set()
        for thread in looking:
            thread.join(PATIENCE)
        assert last == str(shared.resolve("db:80")) == "172.17.0.59:80"
    allowed = {f"172.17.0.{n}:80" for n in (2, *range(10, 60))}
    assert len(seen) == 32
    assert all(mine <= allowed for mine in seen)


def test_the_module_has_one_public_name() -> None:
    assert module.__all__ == ["Live"]
