"""A live view of an engine that is forged, garbled or odd, and in programs that do odd things."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest
from builders import identity
from following import QUICK, descriptors, settled, states, threads, until
from mangling import Mangling
from replay import PATIENCE, Answer, Exchange, refusal, reply
from streaming import Streaming, event

from dockernet import Engine, Live, LiveKind, PeerNotFoundError, Resolver, Vantage, VantageKind
from dockernet.aio import AsyncLive
from dockernet.sources import live as module

HOST = Vantage(kind=VantageKind.HOST)
DB = f"/containers/{identity('db')}/json"
BEGINNING = {"/version", "/info", "/networks", "/containers/json", "/events"}


# Forged events.


def forged(**told: Any) -> bytes:
    return json.dumps({"Type": "container", "Action": "start", **told}).encode() + b"\n"


FORGED = {
    "a path": forged(Actor={"ID": "../../images/x"}),
    "a query": forged(Actor={"ID": "x?all=1"}),
    "a path in a network's": event("connect", "bridge", "network", container="../../../info"),
    "an id that is a number": forged(Actor={"ID": 5}),
    "no id": forged(Actor={"ID": ""}),
    "an id too long": forged(Actor={"ID": "a" * 100_000}),
    "an actor that is a list": forged(Actor=[identity("db")]),
    "attributes that are a list": forged(Actor={"ID": identity("db"), "Attributes": ["x"]}),
    "an action that is none": forged(Action=["start"]),
    "a type that is none": forged(Type={"container": 1}),
    "null": b"null\n",
    "a number too long": b"9" * 10_000 + b"\n",
    "deep": b"[" * 100_000 + b"\n",
    "no text": b"\xff\xfe\x00\n",
    "nothing": b"\n\r\n \n",
    "a name for an id": forged(Actor={"ID": "db"}),
    "an id of nobody": forged(Actor={"ID": "abc"}),
    "the end of nobody": forged(Action="destroy", Actor={"ID": "abc"}),
    "the end of a network that is there": event("destroy", "bridge", "network"),
    "the end of one that is there": event("die", "web") + event("destroy", "nobody"),
    "a rename that was none": event("rename", "web"),
}


@pytest.mark.parametrize("line", FORGED.values(), ids=FORGED.keys())
def test_a_forged_event_does_no_harm(server: Streaming, live: Live, line: bytes) -> None:
    server.send(line)
    server.set("db", "exited")
    server.wait_for(lambda: bool(server.streams))
    server.tell("die", "db")
    until(live, lambda: settled(live, server))
    known = {f"/containers/{i}/json" for i in (identity("db"), identity("web"), "abc", "db")}
    assert server.asked.keys() <= BEGINNING | known


def test_a_container_that_is_said_to_have_ended_is_there_after_the_next_listing(
    server: Streaming, engine: Engine
) -> None:
    with engine.live(**{**QUICK, "resync": 0.2}) as live:
        server.follow()
        server.tell("destroy", "db")
        until(live, lambda: "db" not in states(live))
        until(live, lambda: settled(live, server))


def test_a_flood_of_events_is_read_to_its_end(server: Streaming, live: Live) -> None:
    names = [f"ghost {number}" for number in range(5_000)]
    server.set("db", "exited")
    server.send(b"".join(event("start", name) for name in names))
    server.tell("die", "db")
    until(live, lambda: settled(live, server))
    assert len(server.queries) == 1


def test_after_events_that_come_late_everything_is_read(server: Streaming, live: Live) -> None:
    """Who has not read for a while has been told less than happened."""
    now = time.time_ns()
    web = {"ID": identity("web")}

    def say(behind: float) -> None:
        asked = server.asked[f"/containers/{web['ID']}/json"]
        server.send(forged(Actor=web, timeNano=now - int(behind * 1e9)))
        server.wait_for(lambda: server.asked[f"/containers/{web['ID']}/json"] > asked)

    server.set("db", "exited")  # without an event
    listings = server.asked["/containers/json"]
    for behind in (3_600.0, 0.0, 1.0):  # of another clock, on time, and a little late
        say(behind)
    until(live, lambda: live.state.current)
    assert server.asked["/containers/json"] == listings
    for behind in (60.0, 59.0, 1.0, 0.0):
        say(behind)
    until(live, lambda: settled(live, server))
    assert server.asked["/containers/json"] == listings + 1
    assert len(server.queries) == 1


# Odd replies while it is live.

UNTOLD: dict[str, Answer] = {
    "409": refusal("409 Conflict", "it is going"),
    "500": refusal("500 Internal Server Error", "the layer of db is unexpectedly nil"),
    "403": refusal("403 Forbidden", "not for you"),
    "nothing": reply({}),
    "a list": reply([]),
    "null": reply(None),
    "another's": reply({"Id": identity("other"), "Name": "/web", "State": {"Status": "dead"}}),
    "an id that is a number": reply({"Id": 5}),
}


@pytest.mark.parametrize("answer", UNTOLD.values(), ids=UNTOLD.keys())
def test_of_one_whose_details_are_not_told_the_listing_is_known(
    server: Streaming, live: Live, answer: Answer
) -> None:
    server.answers[DB] = answer
    server.set("db", "exited")
    server.tell("die", "db")
    until(live, lambda: settled(live, server))
    with Resolver([live], vantage=HOST) as resolver:
        [odd] = resolver.explain("web:80").diagnostics
        assert str(odd).startswith(f"engine: {identity('db')[:12]}: details left out: ")
        assert len(server.queries) == 1
        del server.answers[DB]
        server.set("db", "running")
        server.tell("start", "db")
        until(live, lambda: settled(live, server))
        assert resolver.explain("web:80").diagnostics == ()


@pytest.mark.parametrize("answer", UNTOLD.values(), ids=UNTOLD.keys())
def test_one_whose_details_are_not_told_spoils_no_view_from_the_start(
    server: Streaming, engine: Engine, answer: Answer
) -> None:
    server.answers[DB] = answer
    with engine.live(**QUICK) as live:
        assert settled(live, server)
        assert live.container("web").links == ()
        assert live.container("db").links is None


def test_one_that_vanishes_from_the_listing_too_is_gone(server: Streaming, live: Live) -> None:
    server.answers[DB] = refusal("500 Internal Server Error", "out of order")
    del server.told["db"]
    server.tell("die", "db")
    until(live, lambda: settled(live, server))


RUBBISH: dict[str, Answer] = {
    "no JSON": reply(b"<html>", kind="text/html"),
    "an object": reply({"message": "hello"}),
    "a number": reply(7),
    "a list of rubbish in rubbish": reply(b"[[[", kind="application/json"),
    "no HTTP": b"hello\r\n\r\n",
    "nothing at all": b"",
}


@pytest.mark.parametrize("path", ["/containers/json", "/networks"])
@pytest.mark.parametrize("answer", RUBBISH.values(), ids=RUBBISH.keys())
def test_while_an_engine_talks_rubbish_the_view_is_what_it_was(
    server: Streaming, live: Live, path: str, answer: Answer
) -> None:
    def rubbish(exchange: Exchange) -> None:
        assert isinstance(answer, bytes)
        exchange.send(answer)
        exchange.reset()

    server.answers[path] = rubbish
    server.set("db", "exited")
    server.send(None)
    server.wait_for(lambda: server.asked[path] > 2)
    assert states(live).keys() == {"db", "web"}
    del server.answers[path]
    until(live, lambda: settled(live, server))


def test_a_context_that_is_damaged_and_mended_meanwhile_is_no_end(
    server: Streaming, folder: Path
) -> None:
    name = sha256(b"mine").hexdigest()
    meta = folder / "config" / "contexts" / "meta" / name / "meta.json"
    meta.parent.mkdir(parents=True)
    whole = json.dumps({"Name": "mine", "Endpoints": {"docker": {"Host": server.url}}})
    meta.write_text(whole)
    environ = {"DOCKER_CONFIG": str(folder / "config")}
    with Engine(context="mine", environ=environ).live(**QUICK) as live:
        server.follow()
        meta.write_text('{"Name": "mine", "Endpoints": {"docker": {"Host": "gopher://x"}}}')
        server.set("db", "exited")
        server.send(None)
        until(live, lambda: live.state.kind is LiveKind.RECONNECTING)
        live.wait_change(live.generation, 0.05)
        meta.write_text(whole)
        until(live, lambda: settled(live, server))


def test_a_fault_of_its_own_is_told_and_made_good(
    server: Streaming, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong in its threads, it never stops following in silence."""

    def fail(*_: object) -> None:
        raise RuntimeError("out of luck")

    told: list[str] = []
    with live.listening(lambda: told.append(live.state.reason)):
        monkeypatch.setattr(module, "parse_event", fail)
        server.tell("die", "db")
        until(live, lambda: "out of luck" in told)
        monkeypatch.undo()
        until(live, lambda: live.state.current)
        told.clear()
        monkeypatch.setattr(live._view, "put", fail)
        server.set("db", "paused")
        server.tell("pause", "db")
        until(live, lambda: "out of luck" in told)
        monkeypatch.undo()
        until(live, lambda: settled(live, server))


def test_a_listing_that_ends_after_its_stream_makes_nothing_current(
    server: Streaming, live: Live
) -> None:
    gate, path = threading.Event(), "/containers/json"

    def late(exchange: Exchange) -> None:
        gate.wait(PATIENCE)
        exchange.send(server.recorded(path))

    known = server.asked[path]
    server.answers[path] = late
    server.send(None)
    server.wait_for(lambda: server.asked[path] > known)
    server.follow()
    server.answers["/version"] = refusal("503 Service Unavailable", "starting")
    server.send(None)
    until(live, lambda: live.state.kind is LiveKind.RECONNECTING)
    asked = server.asked["/networks"]
    server.set("db", "exited")
    gate.set()
    until(live, lambda: states(live)["db"] == "exited")
    assert server.asked["/networks"] > asked
    assert live.state.kind is LiveKind.RECONNECTING
    del server.answers["/version"], server.answers[path]
    until(live, lambda: settled(live, server))


def test_while_a_change_is_not_told_it_says_that_it_is_stale(
    server: Streaming, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def late(exchange: Exchange) -> None:
        gate.wait(PATIENCE)
        exchange.send(server.recorded(DB))

    monkeypatch.setattr(module, "_PROMPT", timedelta(0))
    server.answers[DB] = late
    server.set("db", "exited")
    server.tell("die", "db")
    until(live, lambda: live.state.kind is LiveKind.STALE)
    assert live.state.reason == "the engine has not told yet what has changed"
    with Resolver([live], vantage=HOST) as resolver:
        [odd] = resolver.explain("web:80").diagnostics
        assert "stale since" in str(odd)
    gate.set()
    until(live, lambda: settled(live, server))


# A proxy that spoils what an engine says.


@pytest.mark.parametrize("seed", range(3))
def test_what_a_proxy_drops_delays_and_garbles_is_made_good(
    server: Streaming, nowhere: dict[str, str], folder: Path, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - the same in every run
    path = server.url.removeprefix("unix://")
    with (
        Mangling(folder / "proxy.sock", path, random).listening() as proxy,
        Engine(proxy.url, 0.5, environ=nowhere).live(**{**QUICK, "resync": 0.3}) as live,
    ):
        proxy.honest = False
        for number in range(60):
            name = random.choice(["db", "web", "cache"])
            server.set(name, random.choice(["running", "exited", "paused"]), 2 + number)
            server.tell(random.choice(["start", "die", "pause"]), name)
            live.wait_change(live.generation, 0.01)
        assert proxy.spoilt
        proxy.heal()
        until(live, lambda: settled(live, server))


def test_a_proxy_in_the_place_of_another_is_followed(
    server: Streaming, nowhere: dict[str, str], folder: Path
) -> None:
    path, random = server.url.removeprefix("unix://"), Random(0)  # noqa: S311
    with Mangling(folder / "proxy.sock", path, random).listening() as first:
        live = Engine(first.url, PATIENCE, environ=nowhere).live(**QUICK)
    with closing(live):
        until(live, lambda: not live.state.current)
        server.set("db", "exited")
        with Mangling(folder / "proxy.sock", path, random).listening():
            until(live, lambda: settled(live, server))
            live.close()


# Programs that do odd things.


def test_a_listener_that_fails_costs_nobody_the_view(
    server: Streaming, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[threading.ExceptHookArgs] = []
    heard: list[int] = []

    def fail() -> None:
        raise RuntimeError("a listener's own fault")

    monkeypatch.setattr(threading, "excepthook", told.append)
    with live.listening(fail), live.listening(lambda: heard.append(live.generation)):
        server.set("db", "exited")
        server.tell("die", "db")
        until(live, lambda: settled(live, server))
        until(live, lambda: heard[-1:] == [live.generation])
    assert "a listener's own fault" in str(told[0].exc_value)


def test_a_listener_may_close_the_view(server: Streaming, live: Live) -> None:
    done = threading.Event()

    def close() -> None:
        live.close()
        done.set()

    with live.listening(close):
        server.set("db", "exited")
        server.tell("die", "db")
        assert done.wait(PATIENCE)
    live.close()
    assert live.state.reason == "the view was closed"
    until(live, lambda: threads() == set())


def test_it_may_be_closed_by_many_at_once(server: Streaming, engine: Engine) -> None:
    live = engine.live(**QUICK)
    server.send(None)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: live.close(), range(8)))
    assert threads() == set()
    server.wait_for(lambda: not server.streams)


def test_after_its_end_it_answers_and_says_how_old_that_is(server: Streaming, live: Live) -> None:
    live.close()
    before = server.asked.copy()
    with Resolver([live], vantage=HOST) as resolver:
        assert str(resolver.resolve("db:80")) == "172.17.0.2:80"
        with pytest.raises(PeerNotFoundError):
            resolver.resolve("nobody:80")
        [odd] = resolver.explain("db:80").diagnostics
        assert "the view was closed" in str(odd)
    assert [*live.watch()] == []
    assert live.wait_change(live.generation) == live.generation
    with live.listening(lambda: pytest.fail("nothing changes any more")):
        live.close()
    assert server.asked == before


FORKING = """
import os, sys
from dockernet import Engine
with Engine(sys.argv[1], 600.0).live() as live:
    known = live.containers()
    child = os.fork()
    if not child:
        assert live.closed and not live.state.current
        assert live.state.reason == "the process that follows the engine is another one"
        assert live.containers() == known and live.wait_change(live.generation) == live.generation
        assert [*live.watch()] == []
        live.close()
        sys.exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    print("forked", flush=True)
    seen = live.generation
    sys.stdin.readline()
    while live.container("db").state != "exited":
        seen = live.wait_change(seen, 5.0)
    assert live.state.current
print("ended")
"""


def run(code: str, url: str, nowhere: dict[str, str]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    environ = {**os.environ, **nowhere, "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", code, url]
    return subprocess.Popen(  # noqa: S603 - our own
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environ
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_in_a_copy_of_the_process_it_is_closed_and_in_the_original_it_goes_on(
    server: Streaming, nowhere: dict[str, str]
) -> None:
    with run(FORKING, server.url, nowhere) as program:
        assert program.stdout
        assert program.stdout.readline() == "forked\n"
        server.set("db", "exited")
        server.tell("die", "db")
        assert program.communicate("\n", PATIENCE) == ("ended\n", "")
        assert program.returncode == 0
    assert len(server.queries) == 1


LEAVING = """
import sys
from dockernet import Engine
live = Engine(sys.argv[1], 600.0).live()
print("open", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("busy", ["with nothing", "with one", "with many", "with connecting"])
def test_a_program_ends_although_a_view_is_open(
    server: Streaming, nowhere: dict[str, str], busy: str
) -> None:
    with run(LEAVING, server.url, nowhere) as program:
        assert program.stdout
        assert program.stdout.readline() == "open\n"
        path = "/version" if busy == "with connecting" else DB
        asked = server.asked[path]
        server.answers[path] = Exchange.hang
        if busy == "with connecting":
            server.send(None)
        elif busy != "with nothing":
            server.tell("die", "db")
            for name in ("web", "db") if busy == "with many" else ():
                server.tell("die", name)
        if busy != "with nothing":
            server.wait_for(lambda: server.asked[path] > asked)
        assert program.communicate("\n", PATIENCE) == ("", "")
        assert program.returncode == 0


# Nothing is left of it.


def subscribed(server: Streaming, times: int) -> bool:
    return len(server.queries) >= times


def cycle(engine: Engine) -> None:
    with engine.live(**QUICK) as live:
        assert live.state.current


def cycle_awaiting(engine: Engine) -> None:
    async def main() -> None:
        async with AsyncLive(engine, **QUICK) as live:
            assert live.state.current

    asyncio.run(main())


def assert_nothing_is_left(
    server: Streaming, engine: Engine, act: Callable[[Engine], None], cycles: int
) -> None:
    act(engine)
    server.wait_for(lambda: not server.open_connections)
    before = descriptors(), threading.active_count()
    for _ in range(cycles):
        act(engine)
    server.wait_for(lambda: not server.open_connections)
    for _ in range(500):  # the stand-in's own threads end a moment after its connections
        if threading.active_count() == before[1]:
            break
        threading.Event().wait(0.01)
    assert (descriptors(), threading.active_count()) == before


@pytest.mark.parametrize("act", [cycle, cycle_awaiting], ids=["blocking", "awaiting"])
def test_nothing_is_left_of_twenty_views_of_either_face(
    server: Streaming, engine: Engine, act: Callable[[Engine], None]
) -> None:
    assert_nothing_is_left(server, engine, act, 20)


@pytest.mark.stress
@pytest.mark.parametrize("act", [cycle, cycle_awaiting], ids=["blocking", "awaiting"])
def test_nothing_is_left_of_a_thousand_views(
    server: Streaming, engine: Engine, act: Callable[[Engine], None]
) -> None:
    assert_nothing_is_left(server, engine, act, 1_000)


def test_nothing_is_left_of_many_connections_of_one_view(server: Streaming, engine: Engine) -> None:
    with engine.live(**QUICK) as live:
        server.follow()
        before = threads()
        for number in range(20):
            server.set("db", "exited" if number % 2 else "running")
            server.send(None)
            server.wait_for(partial(subscribed, server, number + 2))
            until(live, lambda: settled(live, server))
        server.follow()
        server.wait_for(lambda: server.open_connections <= 6)  # for each URL one
        assert threads() == before
    server.wait_for(lambda: not server.open_connections)
