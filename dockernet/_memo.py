"""Answers that are given again while nothing changes: one page of them for each moment.

It is only for sources that tell a generation, a number that grows whenever what they say
changes. A page holds for the generations that it was begun at; when one has grown, a new
page takes its place, so that no answer is made of two moments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Final, Protocol, cast

from dockernet._resolution import Resolution
from dockernet.errors import PeerNotFoundError, UnreachableError
from dockernet.model.endpoints import Endpoint
from dockernet.model.facts import Source
from dockernet.model.targets import Target, TargetLike
from dockernet.model.vantage import Vantage

__all__ = ["Memo", "Page"]

_MOST: Final = 8_192  # answers on one page

_Answer = tuple[Endpoint, ...] | PeerNotFoundError | UnreachableError


class _Moving(Protocol):
    """A source that tells a generation."""

    @property
    def generation(self) -> int: ...


class Page:
    """The answers of one moment, errors among them.

    Args:
        generations: The generations of the sources at that moment.
        vantage: Where the caller stands then.
    """

    __slots__ = ("_answers", "generations", "vantage")

    def __init__(self, generations: tuple[int, ...], vantage: Vantage) -> None:
        self.generations: tuple[int, ...] = generations
        self.vantage: Vantage = vantage
        self._answers: dict[tuple[str | Target, int | None], _Answer] = {}

    def recall(self, target: TargetLike, family: int | None) -> tuple[Endpoint, ...] | None:
        """The endpoints that were found before; ``None`` where nobody has asked yet.

        Raises:
            PeerNotFoundError: It was raised before, as were the errors below.
            UnreachableError: The same.
        """
        answer = self._answers.get((_key(target), family))
        if answer is None or isinstance(answer, tuple):
            return answer
        raise copy(answer)  # of its own for each who catches it

    def keep(
        self, target: TargetLike, family: int | None, inquiry: Resolution
    ) -> tuple[Endpoint, ...]:
        """The endpoints that a look-up found, and keep them.

        What a source that failed might have told is not kept.

        Raises:
            PeerNotFoundError: As :meth:`Resolution.endpoints`, as are the errors below.
            UnreachableError: The same.
            SourceError: The same.
        """
        try:
            found = inquiry.endpoints()
        except (PeerNotFoundError, UnreachableError) as error:
            self._write(target, family, inquiry, copy(error))
            raise
        self._write(target, family, inquiry, found)
        return found

    def _write(
        self, target: TargetLike, family: int | None, inquiry: Resolution, answer: _Answer
    ) -> None:
        if inquiry.failures:
            return
        if len(self._answers) >= _MOST:
            self._answers.clear()
        self._answers[_key(target), family] = answer


class Memo:
    """The page that holds at the moment.

    Args:
        sources: The sources; each tells a generation.
        vantage: Tells where the caller stands; asked for each new page.
    """

    def __init__(self, sources: Sequence[Source], vantage: Callable[[], Vantage]) -> None:
        self._sources = cast("Sequence[_Moving]", sources)
        self._vantage = vantage
        self._page: Page | None = None

    @staticmethod
    def fits(sources: Sequence[Source]) -> bool:
        """Whether all sources, and one at least, tell a generation."""
        told = [isinstance(getattr(source, "generation", None), int) for source in sources]
        return bool(told) and all(told)

    def page(self) -> Page:
        """The page of this moment."""
        now = tuple([source.generation for source in self._sources])
        page = self._page
        if page is None or page.generations != now:
            # The generations were read first: what is written here is not older.
            page = self._page = Page(now, self._vantage())
        return page


def _key(target: TargetLike) -> str | Target:
    return target if isinstance(target, str) else Target.of(target)
