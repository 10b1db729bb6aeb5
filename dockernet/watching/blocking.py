"""The endpoints of a target as they change, for a thread that waits."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack
from functools import partial

from dockernet._resolution import Resolution
from dockernet._watch import Bell, Watch
from dockernet.errors import SourceError
from dockernet.model.endpoint_changes import EndpointChange
from dockernet.watching.followed import EngineSource, Followed, LiveSource

__all__ = ["watch"]

_Ask = Callable[[Resolution], Resolution]


def watch(followed: Followed, ask: _Ask) -> Watch[EndpointChange]:
    """Watch a target; see :meth:`dockernet.Resolver.watch`."""
    return Watch(partial(_changes, followed, ask))


def _changes(followed: Followed, ask: _Ask, bell: Bell) -> Generator[EndpointChange | None]:
    with ExitStack() as stack:
        followed.begin()
        _follow(followed, stack, bell)
        yield None
        while not bell.stopped:
            closed = followed.closed
            change = followed.judge(ask(followed.inquiry()))
            _follow(followed, stack, bell)
            if change is not None:
                yield change
            elif closed:
                return
            else:
                bell.wait(followed.pause)


def _follow(followed: Followed, stack: ExitStack, bell: Bell) -> None:
    for source in followed.unfollowed():
        try:
            if isinstance(source, EngineSource):
                view: LiveSource = stack.enter_context(source.live())
            else:
                view = source
        except SourceError as error:
            followed.missed(error)
        else:
            stack.enter_context(view.listening(bell.ring))
            followed.follow(source, view)
            bell.ring()  # it may know more than the source has told
