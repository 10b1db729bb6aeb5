"""The signals that end a program, kept from leaving something half done.

Python runs handlers in the main thread alone, and only there they can be set. In any
other thread nothing of this does anything, and nothing is interrupted either.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from attrs import define, field

__all__ = ["Held", "end_by_exit", "held", "no_longer"]

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)
_SIGNALLED: Final = 128  # what a shell adds to the number of the signal that ended a program

_Handler = Callable[[int, FrameType | None], object] | int | None


@define
class Held:
    """The signals that have come meanwhile.

    Attributes:
        caught: Their numbers, each once, in the order of their coming.
        before: What would have handled each.
    """

    caught: list[int] = field(factory=list[int])
    before: dict[int, _Handler] = field(factory=dict[int, _Handler])

    @property
    def is_fatal(self) -> bool:
        """Whether one of them ends the process at once, without any cleaning up."""
        return any(self.before[number] is signal.SIG_DFL for number in self.caught)

    def note(self, number: int, frame: FrameType | None) -> None:
        """Note a signal."""
        del frame
        if number not in self.caught:
            self.caught.append(number)


@contextmanager
def held() -> Generator[Held]:
    """Hold SIGINT and SIGTERM until the end, when they are handled as they would have been.

    One that is ignored stays ignored, and one that is handled outside of Python is
    left alone.
    """
    holding = Held()
    try:
        if _in_main_thread():
            for number in _ENDING:
                _hold(holding, number)
        yield holding
    finally:
        try:
            _restore(list(holding.before.items()))
        finally:
            _deliver(holding.caught)


def _hold(holding: Held, number: int) -> None:
    handler = signal.getsignal(number)
    if handler not in (signal.SIG_IGN, None):
        holding.before[number] = handler
        signal.signal(number, holding.note)


def _restore(handlers: list[tuple[int, _Handler]]) -> None:
    """Set each, also where a signal comes in between that the one before makes raise."""
    if handlers:
        try:
            signal.signal(*handlers[0])
        finally:
            _restore(handlers[1:])


def _deliver(numbers: list[int]) -> None:
    """Handle each, also where handling another raises."""
    if numbers:
        try:
            signal.raise_signal(numbers[0])
        finally:
            _deliver(numbers[1:])


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


# SIGTERM, which ends a process without a word, as an exit that cleans up. Several may
# ask for it at a time and stop asking in any order.

_asking: Final[set[int]] = set()


def end_by_exit(asker: object) -> None:
    """Let SIGTERM raise SystemExit, until the asker needs it no longer.

    A handler of the application's own stays what it is.
    """
    if _in_main_thread() and signal.getsignal(signal.SIGTERM) in (signal.SIG_DFL, _exit):
        signal.signal(signal.SIGTERM, _exit)
        _asking.add(id(asker))


def no_longer(asker: object) -> None:
    """Give SIGTERM back what it did, after the last one who asked."""
    _asking.discard(id(asker))
    mine = _in_main_thread() and signal.getsignal(signal.SIGTERM) is _exit
    if mine and not _asking:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _exit(number: int, frame: FrameType | None) -> None:
    del frame
    raise SystemExit(_SIGNALLED + number)
