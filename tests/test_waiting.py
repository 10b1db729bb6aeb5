"""Waiting and connecting through both faces, with servers that treat callers in their ways."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from builders import container, identity
from following import descriptors
from servers import black_hole, close, free_port, reset, serving, speak, stay

from dockernet import (
    AmbiguousPeerError,
    Container,
    Endpoint,
    EngineUnavailableError,
    Fact,
    FormatError,
    NotReadyError,
    PeerNotFoundError,
    Port,
    Resolver,
    Route,
    SourceError,
    UnreachableError,
    Vantage,
    Want,
)
from dockernet.aio import AsyncResolver
from dockernet.dialling import awaited, racing, readiness
from dockernet.sources.peer_sockets import read_listeners

LONG = 60.0  # seconds; a test that needs them all has failed
SHORT = 0.3


class Awaited:
    """The awaiting face with the blocking one's signatures."""

    def __init__(self, *args: Any) -> None:
        self.resolver = AsyncResolver(*args)

    def wait(self, *args: Any, **options: Any) -> Endpoint:
        return asyncio.run(self.resolver.wait(*args, **options))

    def connect(self, *args: Any) -> str:
        return asyncio.run(_line(self.resolver.connect(*args)))


async def _line(connecting: Coroutine[Any, Any, tuple[Any, asyncio.StreamWriter]]) -> str:
    reader, writer = await connecting
    told: bytes = await reader.readline()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return told.decode()


class Blocking(Resolver):
    """The blocking face, whose connections are read from."""

    def connect(self, *args: Any) -> str:  # type: ignore[override]
        with super().connect(*args) as connection, connection.makefile() as lines:
            assert connection.gettimeout() is None
            return lines.readline()


@pytest.fixture(params=[Blocking, Awaited], ids=["blocking", "awaiting"])
def make(request: pytest.FixtureRequest) -> Any:
    """What makes a resolver of one face or the other."""
    return request.param


class Told:
    """A source of one peer; what it is told of may change."""

    name = "told"

    def __init__(self, *facts: Fact) -> None:
        self.facts = facts
        self.asked = 0

    def read(self, want: Want) -> tuple[Fact, ...]:
        del want
        self.asked += 1
        return self.facts


def db(port: int, *addresses: str, protocol: Any = "tcp") -> Fact:
    hosts = tuple(map(ip_address, addresses or ("127.0.0.1",)))
    ports = (Port(port, protocol),)
    return Fact(source="told", names=("db",), addresses=hosts, ports=ports)


def resolver(make: Any, *facts: Fact) -> Any:
    return make([Told(*facts)], Vantage())


# accepts


@pytest.mark.parametrize("manner", [stay, speak])
def test_who_keeps_a_connection_or_speaks_is_ready(make: Any, manner: Any) -> None:
    told: list[str] = []
    with serving(manner) as server:
        found = resolver(make, db(server.port)).wait("db", LONG, tell=told.append)
    assert (str(found), found.peer) == (f"127.0.0.1:{server.port}", "db")
    assert (server.calls, told) == (1, [])


@pytest.mark.parametrize(
    "manner, reason",
    [(close, "the connection was closed at once"), (reset, "connection reset by peer")],
)
def test_who_hangs_up_is_not_ready_until_somebody_stays(
    make: Any, manner: Any, reason: str
) -> None:
    told: list[str] = []
    with serving(manner, manner, manner, stay) as server:
        resolver(make, db(server.port)).wait("db", LONG, tell=told.append)
    assert server.calls == 4
    assert set(told) <= {
        f"127.0.0.1:{server.port} does not answer: {reason}",
        # A reset may arrive before the connection is known to be there.
        f"127.0.0.1:{server.port} does not answer: connection reset by peer",
    }
    assert told


def test_who_hangs_up_for_ever_is_never_ready(make: Any) -> None:
    with serving(close) as server, pytest.raises(NotReadyError) as raised:
        resolver(make, db(server.port)).wait("db", SHORT)
    assert server.calls > 1
    error = raised.value
    assert (error.target, error.timeout) == ("db", SHORT)
    assert error.reason.startswith(f"127.0.0.1:{server.port} does not answer: ")
    assert isinstance(error.__cause__, UnreachableError)


def test_who_comes_later_is_waited_for(make: Any) -> None:
    told: list[str] = []
    with ExitStack() as stack:
        port = free_port()

        def start(reason: str) -> None:
            told.append(reason)
            stack.enter_context(serving(speak, port=port))

        found = resolver(make, db(port)).wait(("db", port), LONG, tell=start)
    assert found.port == port
    assert told == [f"127.0.0.1:{port} does not answer: connection refused"]


def test_a_peer_that_is_not_known_yet_is_looked_for_again(make: Any) -> None:
    source, told = Told(), list[str]()
    with serving(stay) as server:

        def appear(reason: str) -> None:
            told.append(reason)
            source.facts = (db(server.port),)

        make([source], Vantage()).wait("db", LONG, tell=appear)
    assert told == ["no peer answers to 'db' (asked: told)"]
    assert source.asked >= 2


def test_a_peer_that_moves_is_dialled_where_it_is_now(make: Any) -> None:
    source = Told(db(free_port()))
    with serving(stay) as server:

        def move(_: str) -> None:
            source.facts = (db(server.port),)

        found = make([source], Vantage()).wait("db", LONG, tell=move)
    assert found.port == server.port


def test_of_several_endpoints_the_best_has_to_be_ready(make: Any) -> None:
    """It is what resolving gives, and by its route the peer is dialled afterwards."""
    port = free_port()
    with serving(stay, host="127.0.0.2", port=port) as other, pytest.raises(NotReadyError):
        resolver(make, db(port, "127.0.0.1", "127.0.0.2")).wait("db", SHORT)
    assert other.calls == 0


class Slow(Told):
    """A source that answers when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def read(self, want: Want) -> tuple[Fact, ...]:
        self.go.wait(LONG)
        return super().read(want)


def test_one_deadline_is_for_the_sources_too(make: Any) -> None:
    source = Slow()
    with pytest.raises(NotReadyError) as raised:
        make([source], Vantage()).wait("db", SHORT, tell=lambda _: source.go.set())
    assert [what for _, what in raised.value.time_line] == [
        "not known yet; resolver: the sources have not answered within the time"
    ]


def test_a_source_that_fails_may_recover(make: Any) -> None:
    class Failing(Told):
        def read(self, want: Want) -> tuple[Fact, ...]:
            told = super().read(want)
            if self.asked == 1:
                raise EngineUnavailableError("engine", "no engine listens")
            return told

    told: list[str] = []
    with serving(stay) as server:
        make([Failing(db(server.port))], Vantage()).wait("db", LONG, tell=told.append)
    assert told == ["not known yet; engine: no engine listens"]


def test_who_is_meant_is_asked_at_once(make: Any) -> None:
    class Unsure(Told):
        def read(self, want: Want) -> tuple[Fact, ...]:
            super().read(want)
            raise AmbiguousPeerError("db", ("a/db", "b/db"))

    source = Unsure()
    with pytest.raises(AmbiguousPeerError):
        make([source], Vantage()).wait("db", LONG)
    assert source.asked == 1


@pytest.mark.parametrize(
    "target, options, told",
    [
        ("db:http", {}, "expected"),
        ("db", {"ready": "soon"}, "'soon': expected a readiness, one of accepts, healthy, list"),
        ("db", {"timeout": 0}, "more than 0 seconds"),
        ("db:53/udp", {}, "'udp': no connection tells whether it is ready"),
        ("db:53/sctp", {"ready": "listening"}, "'sctp': the kernel's tables tell of tcp and udp"),
    ],
)
def test_what_cannot_be_waited_for_is_told_before_anybody_is_asked(
    make: Any, target: str, options: dict[str, Any], told: str
) -> None:
    source = Told(db(53, protocol="udp"))
    with pytest.raises(FormatError, match=told):
        make([source], Vantage()).wait(target, **options)
    assert source.asked == 0


def test_a_protocol_that_only_the_sources_tell_is_looked_at_too(make: Any) -> None:
    with pytest.raises(FormatError, match="no connection tells"):
        resolver(make, db(53, protocol="udp")).wait("db", LONG)


# A probe of the caller's own


def test_a_probe_tells_when_an_endpoint_is_ready(make: Any) -> None:
    given: list[str] = []

    def probe(endpoint: Endpoint) -> bool:
        given.append(str(endpoint))
        if len(given) == 1:
            raise ConnectionResetError(104, "reset")
        return len(given) > 3

    told: list[str] = []
    where = db(53, "10.0.0.1", protocol="udp")
    found = resolver(make, where).wait("db", LONG, probe, tell=told.append)
    assert (found.protocol, given) == ("udp", ["10.0.0.1:53"] * 4)
    assert told == [
        "10.0.0.1:53: the probe says [Errno 104] reset",
        "10.0.0.1:53: the probe says that it is not ready",
    ]


def test_a_bug_in_a_probe_goes_through(make: Any) -> None:
    def probe(_: Endpoint) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        resolver(make, db(53)).wait("db", LONG, probe)


@pytest.mark.parametrize("word", [None, 1, "yes"])
def test_a_probe_says_true_or_false(make: Any, word: Any) -> None:
    with pytest.raises(TypeError, match="a probe tells True or False, not"):
        resolver(make, db(53)).wait("db", LONG, lambda _: word)


def test_a_probe_that_does_not_end_is_left_when_the_time_is_over(make: Any) -> None:
    go = threading.Event()
    try:
        with pytest.raises(NotReadyError, match=r"127\.0\.0\.1:53: the probe goes on"):
            resolver(make, db(53)).wait(
                "db", SHORT, lambda _: go.wait(LONG), tell=lambda _: go.set()
            )
    finally:
        go.set()


class Probing:
    """A probe that is awaited: a no, an error, a yes."""

    def __init__(self) -> None:
        self.given: list[str] = []

    async def __call__(self, endpoint: Endpoint) -> bool:
        await asyncio.sleep(0)
        self.given.append(str(endpoint))
        if len(self.given) == 2:
            raise ConnectionRefusedError(111, "refused")
        return len(self.given) > 2


@pytest.mark.parametrize("kind", ["object", "function"])
def test_the_awaiting_face_awaits_a_probe(kind: str) -> None:
    probing, told = Probing(), list[str]()

    async def probe(endpoint: Endpoint) -> bool:
        return await probing(endpoint)

    where = db(53, "10.0.0.1", protocol="udp")
    asked = probing if kind == "object" else probe
    resolver(Awaited, where).wait("db", LONG, asked, tell=told.append)
    assert probing.given == ["10.0.0.1:53"] * 3
    assert told == [
        "10.0.0.1:53: the probe says that it is not ready",
        "10.0.0.1:53: the probe says [Errno 111] refused",
    ]


def test_a_probe_that_is_awaited_for_ever_is_cancelled() -> None:
    ended: list[bool] = []

    async def probe(_: Endpoint) -> bool:
        try:
            await asyncio.sleep(LONG)
        finally:
            ended.append(True)
        return True

    with pytest.raises(NotReadyError, match="the probe goes on"):
        resolver(Awaited, db(53)).wait("db", SHORT, probe)
    assert ended == [True]


# healthy and listening


class Engine(Told):
    """A source that tells of containers and their processes."""

    def __init__(self, port: int, **facts: Any) -> None:
        super().__init__(db(port))
        self.told = evolve(container("db"), **facts)
        self.number: int | None = 4711

    def container(self, name: str) -> Container:
        if name not in (self.told.name, self.told.id):
            raise PeerNotFoundError(name)
        return self.told

    def pid(self, name: str) -> int | None:
        return self.number if name == self.told.id else None


def test_healthy_is_what_the_engine_says(make: Any) -> None:
    engine, told = Engine(80, health="starting"), list[str]()
    states = iter(["unhealthy", "healthy"])

    def change(reason: str) -> None:
        told.append(reason)
        engine.told = evolve(engine.told, health=next(states))

    found = make([engine], Vantage()).wait("db", LONG, "healthy", tell=change)
    assert found.port == 80
    assert told == ["db is not healthy yet", "db is unhealthy"]


def test_who_has_no_health_check_will_never_be_healthy(make: Any) -> None:
    with pytest.raises(SourceError) as raised:
        make([Engine(80)], Vantage()).wait("db", LONG, "healthy")
    assert type(raised.value) is SourceError
    assert raised.value.args == ("told", "db has no health check: make it with one")


@pytest.mark.parametrize("ready", ["healthy", "listening"])
def test_what_only_an_engine_knows_needs_one(make: Any, ready: str) -> None:
    with pytest.raises(SourceError, match="give one as a source"):
        resolver(make, db(80)).wait("db", LONG, ready)


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Write the table of what listens beside the process 4711 of ``db``."""
    process = tmp_path / "proc" / "4711"
    (process / "net").mkdir(parents=True)
    (process / "cgroup").write_text(f"0::/docker/{identity('db')}\n")
    monkeypatch.setattr(readiness, "read_listeners", partial(read_listeners, root=tmp_path))

    def write(*addresses: str) -> None:
        lines = (
            f" {n}: {address}:0050 00000000:0000 0A 0:0 00:0 0 0 0 99 1\n"
            for n, address in enumerate(addresses)
        )
        (process / "net" / "tcp").write_text("".join(lines))

    write()
    return write


LOOPBACK, WILD = "0100007F", "00000000"


def test_listening_is_what_the_kernel_says(make: Any, table: Callable[..., None]) -> None:
    engine, told = Engine(80), list[str]()
    engine.number = None

    def change(reason: str) -> None:
        told.append(reason)
        if engine.number is None:
            engine.number = 4711
        elif len(told) == 2:
            table(LOOPBACK)
        else:
            table(LOOPBACK, WILD)

    make([engine], Vantage()).wait("db", LONG, "listening", tell=change)
    assert told == [
        "db does not run",
        "nothing listens on port 80/tcp of db",
        "port 80/tcp of db is listened on at 127.0.0.1 alone, inside of it",
    ]


def test_where_the_loopback_is_the_peer_s_own_listening_there_is_enough(
    make: Any, table: Callable[..., None]
) -> None:
    table(LOOPBACK)
    engine = Engine(80)
    engine.facts = (evolve(engine.facts[0], route=Route.SAME_NAMESPACE),)
    assert make([engine], Vantage()).wait("db", LONG, "listening").port == 80


def test_sockets_that_cannot_be_seen_end_it_at_once(make: Any) -> None:
    engine = Engine(80)
    engine.number = os.getpid()  # which is of no such container
    with pytest.raises(SourceError, match=r"what listens in .* is not known") as raised:
        make([engine], Vantage()).wait("db", LONG, "listening")
    assert type(raised.value) is SourceError
    assert engine.asked == 1


# A source that tells of changes


class Changing(Told):
    """A source whose peer appears while one waits for a change."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.generation = 6
        self.port = port
        self.waits: list[int] = []

    def wait_change(self, generation: int, timeout: float) -> int:
        assert timeout <= LONG
        self.waits.append(generation)
        self.generation += 1
        self.facts = (db(self.port),)
        return self.generation


class AwaitedChanging(Changing):
    """The same, awaited."""

    async def wait_change(self, *args: Any) -> int:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().wait_change(*args)


@pytest.mark.parametrize(
    "face, source",
    [(Blocking, Changing), (Awaited, Changing), (Awaited, AwaitedChanging)],
    ids=["blocking", "in a thread", "awaited"],
)
def test_a_source_that_tells_of_changes_ends_a_pause(
    monkeypatch: pytest.MonkeyPatch, face: Any, source: Any
) -> None:
    monkeypatch.setattr("dockernet._waiting.Waiting.pause", lambda *_: LONG)
    with serving(stay) as server:
        live = source(server.port)
        face([live], Vantage()).wait("db", LONG)
    assert live.waits == [6]
    assert live.asked == 2


# connect


def test_a_connection_is_ready_to_be_read_from(make: Any) -> None:
    with serving(speak) as server:
        assert resolver(make, db(server.port)).connect("db") == "hello\n"


def test_an_engine_s_host_name_is_looked_up(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def named(*_: Any) -> Endpoint:
        return Endpoint("localhost", server.port, peer="db")

    monkeypatch.setattr("dockernet._resolution._given", named)
    with serving(speak) as server:
        assert resolver(make, db(server.port)).connect("db") == "hello\n"


def test_a_name_that_nobody_knows_is_a_reason(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr(
        "dockernet._resolution._given", lambda *_: Endpoint("docker.example", 80, peer="db")
    )
    with pytest.raises(UnreachableError) as raised:
        resolver(make, db(80)).connect("db")
    [refusal] = raised.value.refusals
    assert refusal.detail == "docker.example:80 does not answer: name or service not known"


@contextmanager
def open_files() -> Iterator[None]:
    """Check that nothing is left open; a server's thread may need a moment for its side."""
    before = descriptors()
    yield
    for _ in range(1000):
        if descriptors() == before:
            break
        time.sleep(0.01)
    assert descriptors() == before


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts begin so far apart that none does but for a failure."""
    for driver in (racing, awaited):
        monkeypatch.setattr(driver, "DELAY", LONG)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts begin right after each other."""
    for driver in (racing, awaited):
        monkeypatch.setattr(driver, "DELAY", 0.01)


@pytest.mark.usefixtures("hasty")
def test_a_family_that_leads_nowhere_costs_a_moment_alone(make: Any) -> None:
    with black_hole("::1") as port, serving(speak, port=port), open_files():
        assert resolver(make, db(port, "::1", "127.0.0.1")).connect("db") == "hello\n"


@pytest.mark.usefixtures("patient")
def test_after_a_failure_the_next_attempt_begins_at_once(make: Any) -> None:
    with serving(speak, host="127.0.0.3") as server, open_files():
        where = db(server.port, "127.0.0.1", "127.0.0.2", "127.0.0.3")
        assert resolver(make, where).connect("db", LONG / 2) == "hello\n"
    assert server.calls == 1


@pytest.mark.usefixtures("patient")
def test_an_attempt_that_was_never_begun_has_lost_as_well(make: Any) -> None:
    with black_hole("::1") as port, open_files(), pytest.raises(UnreachableError) as raised:
        resolver(make, db(port, "::1", "127.0.0.1")).connect("db", SHORT)
    assert [one.detail for one in raised.value.refusals] == [
        f"[::1]:{port} does not answer: timed out",
        f"127.0.0.1:{port} does not answer: timed out",
    ]


@pytest.mark.usefixtures("hasty")
def test_while_one_attempt_is_open_the_others_may_have_failed(make: Any) -> None:
    with black_hole("::1") as port, open_files(), pytest.raises(UnreachableError) as raised:
        resolver(make, db(port, "::1", "127.0.0.1")).connect("db", SHORT)
    assert [one.detail for one in raised.value.refusals] == [
        f"[::1]:{port} does not answer: timed out",
        f"127.0.0.1:{port} does not answer: connection refused",
    ]


def test_each_attempt_has_its_reason(make: Any) -> None:
    port = free_port()
    with open_files(), pytest.raises(UnreachableError) as raised:
        resolver(make, db(port, "127.0.0.1", "127.0.0.2")).connect("db")
    assert raised.value.target == "db"
    assert [one.detail for one in raised.value.refusals] == [
        f"127.0.0.{n}:{port} does not answer: connection refused" for n in (1, 2)
    ]


def test_a_family_that_the_machine_lacks_is_a_reason(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.socket

    def made(family: int, *args: Any, **options: Any) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "")
        return real(family, *args, **options)

    with serving(speak) as server:
        where = resolver(make, db(server.port, "::1", "127.0.0.1"))
        for driver in (racing, awaited):
            monkeypatch.setattr(driver.socket, "socket", made)
        assert where.connect("db") == "hello\n"


def test_a_network_that_is_out_of_reach_is_a_reason(make: Any) -> None:
    with pytest.raises(UnreachableError, match=r"255\.255\.255\.255:80 does not answer: "):
        resolver(make, db(80, "255.255.255.255")).connect("db")


def test_connections_are_of_tcp(make: Any) -> None:
    with pytest.raises(FormatError, match=r"a connection is of tcp, and 127\.0\.0\.1:53 is udp"):
        resolver(make, db(53, protocol="udp")).connect("db")


@pytest.mark.parametrize("timeout", [0, -1])
def test_a_connection_takes_time(make: Any, timeout: float) -> None:
    with pytest.raises(FormatError, match="more than 0 seconds"):
        resolver(make, db(80)).connect("db", timeout)


def test_sources_that_take_too_long_are_not_waited_for(make: Any) -> None:
    source = Slow()
    threading.Timer(2 * SHORT, source.go.set).start()
    with pytest.raises(SourceError, match="resolver: the sources have not answered"):
        make([source], Vantage()).connect("db", SHORT)


# Awaiting alone


def test_a_task_that_is_cancelled_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    async def cancelled() -> None:
        waiting = AsyncResolver([Told(db(server.port))], Vantage())
        task = asyncio.create_task(waiting.wait("db", LONG))
        await asyncio.to_thread(server.called.wait, LONG)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    monkeypatch.setattr(awaited, "OPEN", LONG)
    with serving(stay) as server, open_files():
        asyncio.run(cancelled())
        assert server.hung_up(LONG)


def test_many_are_awaited_at_a_time() -> None:
    async def all_ready() -> list[Endpoint]:
        waiting = AsyncResolver([Told(db(server.port))], Vantage())
        return await asyncio.gather(*(waiting.wait("db", LONG) for _ in range(100)))

    with serving(stay) as server:
        assert len(asyncio.run(all_ready())) == 100
