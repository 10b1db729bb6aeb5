"""Dialling each endpoint, and what comes of it."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_address
from threading import Thread

import pytest
from attrs import evolve

from dockernet import Endpoint
from dockernet.model.places import Dialled, Outcome
from dockernet.sources.dialled import dial_all

HERE = ip_address("127.0.0.1")


def outcome(where: Endpoint, timeout: float = 5.0) -> Outcome:
    [told] = dial_all([where], timeout)
    assert told.endpoint == where
    return told.outcome


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server((str(HERE), 0)) as made:
        yield made


def at(server: socket.socket) -> Endpoint:
    return Endpoint(HERE, server.getsockname()[1])


def test_who_keeps_the_connection_answers(server: socket.socket) -> None:
    assert outcome(at(server)) is Outcome.ANSWERED
    assert dial_all([at(server)] * 2, 5.0)[0].answered


def serve(server: socket.socket, said: bytes) -> Thread:
    def work() -> None:
        with server.accept()[0] as caller:
            caller.sendall(said)

    thread = Thread(target=work)
    thread.start()
    return thread


def test_who_says_something_answers_and_who_hangs_up_at_once_does_not(
    server: socket.socket,
) -> None:
    for said, expected in ((b"db\n", Outcome.ANSWERED), (b"", Outcome.CLOSED)):
        thread = serve(server, said)
        assert outcome(at(server)) is expected
        thread.join()


def test_where_nobody_listens_it_is_refused() -> None:
    with closing(socket.create_server((str(HERE), 0))) as server:
        where = at(server)
    [told] = dial_all([where], 5.0)
    assert (told.outcome, told.word) == (Outcome.REFUSED, os.strerror(errno.ECONNREFUSED))


def test_a_name_is_looked_up(server: socket.socket) -> None:
    assert outcome(evolve(at(server), host="localhost")) is Outcome.ANSWERED
    assert outcome(Endpoint("name.invalid.", 1)) is Outcome.NO_NAME


def test_a_name_is_dialled_by_both_families() -> None:
    """It may have addresses of one alone, and a listener on one alone."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as six:
        named = Endpoint("::1", six.getsockname()[1])  # as a name that has this address
        assert named.family is None
        told = dial_all([named, Endpoint(ip_address("::1"), named.port)], 5.0)
    assert [(one.endpoint.host, one.answered) for one in told] == [
        ("::1", True),
        (ip_address("::1"), True),
    ]


def test_what_is_no_stream_is_left_out() -> None:
    assert dial_all([Endpoint(HERE, 53, "udp")], 5.0) == ()


@pytest.mark.parametrize(
    "number, expected",
    [
        (errno.ECONNRESET, Outcome.CLOSED),
        (errno.EHOSTUNREACH, Outcome.NO_ROUTE),
        (errno.ENETUNREACH, Outcome.UNREACHABLE),
        (errno.ETIMEDOUT, Outcome.TIMED_OUT),
        (errno.EPERM, Outcome.FAILED),
        (0, Outcome.FAILED),
    ],
)
def test_the_kernel_s_word_is_an_outcome(number: int, expected: Outcome) -> None:
    """Here it is said as early as the socket is made."""
    error = OSError(number, "said") if number else OSError("said")
    where = Endpoint(HERE, 1)
    told = dial_all([where], 5.0, lambda _: [error])
    assert [one.outcome for one in told] == [expected]


def test_who_says_nothing_at_all_times_out() -> None:
    class Silent(socket.socket):
        def connect(self, _: object) -> None:
            raise TimeoutError

    told = dial_all([Endpoint(HERE, 1)], 0.1, lambda _: [Silent()])
    assert told == (Dialled(Endpoint(HERE, 1), Outcome.TIMED_OUT),)


def test_a_machine_without_a_family_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> socket.socket:
        raise OSError(errno.EAFNOSUPPORT, "no such family")

    monkeypatch.setattr(socket, "socket", refused)
    assert outcome(Endpoint(ip_address("::1"), 1)) is Outcome.UNREACHABLE
