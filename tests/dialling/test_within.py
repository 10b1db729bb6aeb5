"""Work that may take longer than one can wait."""

from __future__ import annotations

import threading

import pytest

from dockernet.dialling.within import begun, within


class LateError(Exception):
    """It takes too long."""


def test_what_work_gives_is_given() -> None:
    assert within(60, lambda: threading.current_thread().daemon, LateError()) is True


@pytest.mark.parametrize("error", [ValueError("x"), TimeoutError("its own"), SystemExit(3)])
def test_what_work_raises_is_raised(error: BaseException) -> None:
    def work() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        within(60, work, LateError())
    assert raised.value is error


@pytest.mark.parametrize("seconds", [0.01, 0, -1])
def test_work_that_takes_longer_is_left_to_itself(seconds: float) -> None:
    go, done = threading.Event(), threading.Event()

    def work() -> None:
        go.wait(60)
        done.set()

    late = LateError()
    with pytest.raises(LateError) as raised:
        within(seconds, work, late)
    assert raised.value is late
    go.set()
    assert done.wait(60)


def test_work_that_has_begun_can_be_asked_for() -> None:
    assert begun(lambda: 7).result(60) == 7
