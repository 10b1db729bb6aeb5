"""Waiting: attempts, pauses and the end of the time, on a clock of the test's own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import pytest

from dockernet import (
    AmbiguousPeerError,
    DockernetError,
    Endpoint,
    FormatError,
    PeerNotFoundError,
    Reason,
    SourceError,
    UnreachableError,
)
from dockernet.actions import waiting
from dockernet.actions.waiting import await_success, connect

PASSING: list[DockernetError] = [
    PeerNotFoundError("db"),
    SourceError("engine", "no engine listens"),
    UnreachableError("db", ()),
]
FOR_GOOD: list[DockernetError] = [AmbiguousPeerError("db", ("a/db", "b/db")), FormatError("", "")]


class Clock:
    """A clock that only pauses move."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(waiting, "time", clock)
    return clock


def failing(*errors: DockernetError) -> Callable[[float], str]:
    """An attempt that fails so, one time after the other, and then succeeds."""
    waiting_errors = [*errors]

    def attempt(_: float) -> str:
        if waiting_errors:
            raise waiting_errors.pop(0)
        return "done"

    return attempt


def test_what_succeeds_at_once_takes_no_pause(clock: Clock) -> None:
    told: list[DockernetError] = []
    assert await_success(failing(), 5.0, told.append) == "done"
    assert (clock.pauses, told) == ([], [])


def test_what_may_pass_is_told_and_tried_again(clock: Clock) -> None:
    told: list[DockernetError] = []
    assert await_success(failing(*PASSING), 5.0, told.append) == "done"
    assert told == PASSING
    assert len(clock.pauses) == len(PASSING)


@pytest.mark.parametrize("error", FOR_GOOD, ids=lambda error: type(error).__name__)
def test_what_is_wrong_for_good_ends_it(clock: Clock, error: DockernetError) -> None:
    told: list[DockernetError] = []
    with pytest.raises(type(error)):
        await_success(failing(error), 5.0, told.append)
    assert (clock.pauses, told) == ([], [])


def test_pauses_grow_to_a_second_and_end_with_the_time(clock: Clock) -> None:
    with pytest.raises(UnreachableError):
        await_success(failing(*[UnreachableError("db", ())] * 99), 10.0, lambda _: None)
    assert clock.pauses == sorted(clock.pauses[:-1]) + clock.pauses[-1:]
    assert max(clock.pauses) == 1.0
    assert clock.now == pytest.approx(1010.0)


def test_an_attempt_is_told_what_is_left_and_the_last_has_a_moment(clock: Clock) -> None:
    given: list[float] = []

    def attempt(left: float) -> str:
        given.append(left)
        raise PeerNotFoundError("db")

    with pytest.raises(PeerNotFoundError):
        await_success(attempt, 2.0, lambda _: None)
    assert given[0] == 2.0
    assert given == sorted(given, reverse=True)
    assert 0 < given[-1] < 0.2
    assert len(given) == len(clock.pauses) + 1


# Is anybody there?


@contextmanager
def server(answer: Callable[[socket.socket], object]) -> Iterator[Endpoint]:
    """A server of one connection, which it closes after it has answered."""

    def serve() -> None:
        with listener.accept()[0] as connection:
            answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield Endpoint(ip_address("127.0.0.1"), listener.getsockname()[1], peer="db")
        thread.join()


def reason(endpoint: Endpoint) -> str:
    """Why nobody is there."""
    with pytest.raises(UnreachableError) as raised:
        connect(endpoint, 5.0)
    [refusal] = raised.value.refusals
    assert (raised.value.target, refusal.reason) == ("db", Reason.NOT_ANSWERING)
    assert refusal.detail.startswith(f"{endpoint} does not answer: ")
    return refusal.detail.rpartition(": ")[2]


def test_who_speaks_first_is_there() -> None:
    with server(lambda connection: connection.sendall(b"220 ready\r\n")) as endpoint:
        connect(endpoint, 5.0)


def test_who_waits_for_the_caller_is_there() -> None:
    with server(lambda connection: connection.recv(1)) as endpoint:
        connect(endpoint, 5.0)


def test_who_hangs_up_at_once_is_not() -> None:
    with server(lambda _: None) as endpoint:
        assert reason(endpoint) == "the connection was closed at once"


def test_nobody_is_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        number = closed.getsockname()[1]
    assert reason(Endpoint(ip_address("127.0.0.1"), number, peer="db")) == "connection refused"


def test_nobody_is_where_no_connection_is_accepted_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()[:2]
        with socket.create_connection(address):  # which takes the one place in the queue
            endpoint = Endpoint(ip_address(address[0]), address[1])
            with pytest.raises(UnreachableError, match="does not answer: timed out") as raised:
                connect(endpoint, 0.05)
    assert raised.value.target == str(endpoint)
