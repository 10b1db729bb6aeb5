"""Questions under way: what is sent when, and when it is over, by a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from ipaddress import ip_address
from typing import Any

from attrs import define, field

from dockernet.sources._dns.exchange import Exchange, Question, Reply


@define
class Codes:
    """A codec of texts: ``7:db:A``, and ``7:db:A:CODE`` for a reply."""

    numbers: Iterable[int] = field(factory=lambda: range(1, 100))

    def __attrs_post_init__(self) -> None:
        self._numbers = iter(self.numbers)

    _numbers: Any = field(init=False)

    def encode(self, question: Question, /) -> tuple[int, bytes]:
        number = next(self._numbers)
        return number, f"{number}:{question.name}:{question.kind}".encode()

    def decode(self, data: bytes, /) -> Reply | None:
        match data.decode().split(":"):
            case [number, name, ("A" | "AAAA") as kind, code]:
                found = (ip_address("10.7.0.3"),) if code == "FOUND" else ()
                question = Question(name, kind)
                return Reply(id=int(number), question=question, code=code, addresses=found)
            case _:
                return None


A, AAAA = Question("db", "A"), Question("db", "AAAA")


def begun(*questions: Question, codec: Codes | None = None, **how: Any) -> Exchange:
    made = Exchange(
        codec=codec or Codes(),
        server=ip_address("127.0.0.11"),
        port=53,
        ask=partial(next, iter(questions), None),
        **{"seconds": 1.0, "waits": (0.4, 0.6), **how},
    )
    assert made.begin(100.0) > 0
    return made


def due(exchange: Exchange, now: float) -> list[bytes]:
    return list(exchange.due(now))


def test_both_families_are_asked_for_at_once() -> None:
    exchange = begun(A, AAAA)
    assert due(exchange, 100.0) == [b"1:db:A", b"2:db:AAAA"]
    assert round(exchange.wait(100.0) or 0, 3) == 0.4
    assert due(exchange, 100.1) == []


def test_it_is_over_when_all_is_answered() -> None:
    exchange = begun(A, AAAA)
    due(exchange, 100.0)
    exchange.heard(b"1:db:A:FOUND")
    assert exchange.wait(100.1) is not None
    exchange.heard(b"2:db:AAAA:NOERROR")
    assert exchange.wait(100.25) is None
    assert list(exchange.replies) == [A, AAAA]
    assert round(exchange.spent, 3) == 0.25


def test_what_is_not_answered_is_sent_again_and_then_given_up() -> None:
    exchange = begun(A, AAAA, seconds=9.0)
    due(exchange, 100.0)
    exchange.heard(b"2:db:AAAA:NOERROR")
    assert due(exchange, 100.4) == [b"1:db:A"]
    assert round(exchange.wait(100.4) or 0, 3) == 0.6
    assert due(exchange, 101.0) == []
    assert exchange.wait(101.0) is None
    exchange.heard(b"1:db:A:FOUND")
    assert (list(exchange.replies), exchange.strays) == ([AAAA], 0)


def test_nothing_is_sent_when_the_time_is_over() -> None:
    exchange = begun(A, AAAA, window=1, seconds=0.4)
    assert len(due(exchange, 100.0)) == 1
    assert due(exchange, 100.4) == []
    assert exchange.wait(100.4) is None


def test_no_time_at_all_is_no_question_at_all() -> None:
    exchange = begun(A, seconds=0.0)
    assert (due(exchange, 100.0), exchange.wait(100.0)) == ([], None)


def test_once_a_reply_is_conclusive_the_rest_has_a_short_while() -> None:
    for code in ("FOUND", "NXDOMAIN"):
        exchange = begun(A, AAAA, grace=0.2)
        due(exchange, 100.0)
        exchange.heard(f"1:db:A:{code}".encode())
        assert round(exchange.wait(100.1) or 0, 3) == 0.2
        assert exchange.wait(100.3) is None


def test_a_reply_that_says_little_changes_no_time() -> None:
    for code, grace in (("NOERROR", 0.2), ("SERVFAIL", 0.2), ("FOUND", None)):
        exchange = begun(A, AAAA, grace=grace)
        due(exchange, 100.0)
        exchange.heard(f"1:db:A:{code}".encode())
        assert round(exchange.wait(100.0) or 0, 3) == 0.4


def test_the_shortest_wait_is_not_none_at_all() -> None:
    """A timeout of zero means to a socket that it must not wait, which is an error."""
    exchange = begun(A)
    due(exchange, 100.0)
    assert exchange.wait(100.4) == 0.001


def test_as_many_are_under_way_as_the_window_has_room_for() -> None:
    questions = [Question(f"c{n}", "A") for n in range(5)]
    told: list[str] = []
    exchange = begun(*questions, window=2, told=lambda q, _: told.append(q.name))
    assert due(exchange, 100.0) == [b"1:c0:A", b"2:c1:A"]
    exchange.heard(b"2:c1:A:NOERROR")
    assert (due(exchange, 100.0), told) == ([b"3:c2:A"], ["c1"])


def test_no_two_questions_under_way_have_one_number() -> None:
    exchange = begun(A, AAAA, codec=Codes([7, 7, 7, 8]))
    assert due(exchange, 100.0) == [b"7:db:A", b"8:db:AAAA"]


def test_a_reply_counts_only_for_its_own_question() -> None:
    exchange = begun(A)
    due(exchange, 100.0)
    for stray in (b"1:bd:A:FOUND", b"1:db:AAAA:FOUND", b"2:db:A:FOUND", b"rubbish", b""):
        exchange.heard(stray)
    assert (exchange.replies, exchange.strays) == ({}, 5)
    exchange.heard(b"1:db:A:FOUND")
    exchange.heard(b"1:db:A:FOUND")
    assert (len(exchange.replies), exchange.strays) == (1, 5)


def test_a_server_may_fold_the_case_of_the_name() -> None:
    exchange = begun(Question("CamelAlias", "A"))
    assert due(exchange, 100.0) == [b"1:CamelAlias:A"]
    exchange.heard(b"1:camelalias:A:FOUND")
    assert list(exchange.replies) == [Question("CamelAlias", "A")]


def test_a_stream_has_the_length_before_each_message_and_comes_in_any_pieces() -> None:
    exchange = begun(A, AAAA, stream=True)
    assert due(exchange, 100.0) == [b"\0\6" + b"1:db:A", b"\0\x09" + b"2:db:AAAA"]
    whole = b"\0\x0c1:db:A:FOUND" + b"\0\0" + b"\0\x112:db:AAAA:NOERROR"
    for byte in whole:
        assert exchange.wait(100.0) is not None
        exchange.heard(bytes([byte]))
    assert (exchange.wait(100.0), len(exchange.replies), exchange.strays) == (None, 2, 1)


def test_a_stream_that_ends_is_a_failure() -> None:
    exchange = begun(A, stream=True)
    due(exchange, 100.0)
    exchange.heard(b"")
    assert (exchange.wait(100.1), exchange.failure) == (None, "it closed the connection")


def test_a_failure_is_told_in_the_system_s_words() -> None:
    for error, words in (
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (OSError("odd"), "odd"),
        (TimeoutError(), "TimeoutError"),
    ):
        exchange = begun(A)
        due(exchange, 100.0)
        exchange.broken(error, 100.5)
        assert (exchange.failure, exchange.wait(100.5), exchange.spent) == (words, None, 0.5)
