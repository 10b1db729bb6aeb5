"""One wait in progress: what passes, the pauses, the time line and the end; no clock runs."""

from __future__ import annotations

import pytest

from dockernet import (
    AmbiguousPeerError,
    DockernetError,
    FormatError,
    NotReadyError,
    PeerNotFoundError,
    Reason,
    Refusal,
    Route,
    SourceError,
    UnreachableError,
)
from dockernet._waiting import LastingError, Waiting, checked_timeout

SILENT = Refusal(Route.DIRECT, Reason.NOT_ANSWERING, "10.7.0.2:80 does not answer", "wait")
HIDDEN = Refusal(None, Reason.NO_NETWORK, "it is on no network", "connect it")
START = 1000.0


def waiting(timeout: float = 60.0) -> tuple[Waiting, list[str]]:
    told: list[str] = []
    return Waiting.begin("db:80", timeout, START, told.append), told


def failed(wait: Waiting, error: DockernetError, at: float, lasting: float = 0.0) -> None:
    """Let an attempt fail that ended so long after the beginning."""
    wait.failed(error, START + at - lasting, START + at)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error, reason",
    [
        (PeerNotFoundError("db"), "no peer answers to 'db'"),
        (SourceError("engine", "none listens"), "not known yet; engine: none listens"),
        (UnreachableError("db", (SILENT,)), "10.7.0.2:80 does not answer"),
        (
            UnreachableError("db", (SILENT, HIDDEN)),
            "10.7.0.2:80 does not answer; no-network: it is on no network (fix: connect it)",
        ),
    ],
    ids=["no peer", "no source", "no answer", "no way"],
)
def test_what_may_pass_is_told_in_its_words(error: DockernetError, reason: str) -> None:
    wait, told = waiting()
    failed(wait, error, 1.5)
    assert (told, wait.line) == ([reason], [(1.5, reason)])


def test_what_goes_on_is_told_once_and_what_comes_again_anew() -> None:
    wait, told = waiting()
    first, second = PeerNotFoundError("a"), PeerNotFoundError("b")
    for at, error in enumerate([first, first, second, second, first]):
        failed(wait, error, at)
    assert told == [str(first), str(second), str(first)]
    assert [seconds for seconds, _ in wait.line] == [0, 2, 4]


def test_nobody_need_be_told() -> None:
    wait = Waiting.begin("db", 1.0, START)
    failed(wait, PeerNotFoundError("db"), 0.5)
    assert wait.over().reason == "no peer answers to 'db'"


def test_who_is_meant_no_time_will_tell() -> None:
    wait, told = waiting()
    error = AmbiguousPeerError("db", ("a/db", "b/db"))
    with pytest.raises(AmbiguousPeerError) as raised:
        failed(wait, error, 1)
    assert (raised.value, told) == (error, [])


def test_a_source_that_will_never_tell_ends_it_as_an_ordinary_error_of_it() -> None:
    wait, _ = waiting()
    error = LastingError("engine", "db has no health check")
    error.__cause__ = OSError()
    with pytest.raises(SourceError) as raised:
        failed(wait, error, 1)
    assert type(raised.value) is SourceError
    assert raised.value.args == error.args
    assert raised.value.__cause__ is error.__cause__


def test_an_attempt_that_the_end_has_cut_short_hides_no_reason() -> None:
    wait, _ = waiting(10.0)
    late, refused = SourceError("engine", "late"), PeerNotFoundError("db")
    failed(wait, refused, 9.0)
    failed(wait, late, 10.0, lasting=0.1)
    assert wait.over().reason == str(refused)
    failed(wait, late, 10.0, lasting=3.0)  # it had its time
    assert wait.over().reason == "not known yet; engine: late"
    alone, _ = waiting(0.1)
    failed(alone, late, 0.1, lasting=0.1)  # better than none
    assert alone.over().reason == "not known yet; engine: late"


def test_a_time_line_keeps_its_beginning_and_its_end() -> None:
    wait, told = waiting(1000.0)
    for at in range(100):
        failed(wait, PeerNotFoundError(f"p{at}"), at)
    assert [seconds for seconds, _ in wait.line] == [*range(10), *range(90, 100)]
    assert len(told) == 100


def test_pauses_grow_with_the_time_and_end_with_it() -> None:
    wait, _ = waiting(61.0)
    at = [0.0, 0.2, 1.0, 3.0, 5.0, 29.0, 30.0, 60.0, 60.9, 61.0, 62.0]
    pauses = [round(wait.pause(START + seconds), 3) for seconds in at]
    assert pauses == [0.02, 0.02, 0.05, 0.15, 0.25, 0.25, 0.5, 0.5, 0.1, 0.0, 0.0]


def test_one_connection_has_a_second_or_a_part_of_what_has_passed() -> None:
    wait, _ = waiting(30.0)
    patience = [wait.patience(START + seconds) for seconds in (0.0, 4.0, 16.0, 29.5)]
    assert patience == [1.0, 1.0, 4.0, 0.5]


def test_the_end_tells_what_was_waited_for_and_how_long() -> None:
    wait, _ = waiting(2.5)
    assert (wait.left(START + 1), wait.left(START + 3)) == (1.5, -0.5)
    assert str(wait.over()) == (
        "'db:80' was not ready within 2.5 seconds: it was not asked in time"
    )
    failed(wait, PeerNotFoundError("db"), 1)
    over = wait.over()
    assert isinstance(over, NotReadyError)
    assert over.time_line == ((1, "no peer answers to 'db'"),)


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_a_timeout_is_a_time(seconds: float) -> None:
    with pytest.raises(FormatError, match="more than 0 seconds"):
        Waiting.begin("db", seconds, START)
    assert checked_timeout(0.1) == 0.1
