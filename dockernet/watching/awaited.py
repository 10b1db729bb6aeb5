"""Changes as they come, awaited; what decides is shared with the blocking face."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from dockernet._resolution import Resolution
from dockernet._watching import ContainerWatch, StateWatch
from dockernet.errors import SourceError
from dockernet.model.changes import ContainerChange
from dockernet.model.endpoint_changes import EndpointChange
from dockernet.sources.live import Live
from dockernet.watching.followed import EngineSource, Followed, LiveSource

__all__ = ["Bell", "container_changes", "endpoint_changes", "opened"]

_Ask = Callable[[Resolution], Awaitable[Resolution]]


class Bell:
    """Wakes the task that waits; it is rung in any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake who waits, or who will wait next."""
        with suppress(RuntimeError):  # the loop has ended before its tasks
            self._loop.call_soon_threadsafe(self._rung.set)

    async def wait(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as in threads
        """Wait until it is rung, so many seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._rung.wait()
        self._rung.clear()


class _Opening:
    """A view that a worker thread opens, whether or not anybody still waits for it."""

    def __init__(self, make: Callable[[], Live]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._live: Live | None = None
        self._unwanted = False

    def open(self) -> Live:
        live = self._make()
        with self._lock:
            self._live = live
            unwanted = self._unwanted
        if unwanted:
            live.close()
        return live

    def close(self) -> None:
        with self._lock:
            self._unwanted = True
            live = self._live
        if live is not None:
            live.close()


@asynccontextmanager
async def opened(make: Callable[[], Live]) -> AsyncGenerator[Live]:
    """A live view that is closed at the end, also where that comes while it is opened.

    Args:
        make: Opens it.
    """
    opening = _Opening(make)
    try:
        yield await asyncio.to_thread(opening.open)
    finally:
        await asyncio.to_thread(opening.close)


async def container_changes(
    watch: ContainerWatch, states: StateWatch
) -> AsyncGenerator[ContainerChange]:
    """What changes of the containers of a view; see :meth:`dockernet.Live.watch`."""
    bell, view = Bell(), watch.view
    with view.listening(bell.ring):
        while True:
            closed = view.closed  # nothing changes after that
            states.look([view])
            change = watch.next()
            if change is not None:
                yield change
            elif closed:
                return
            else:
                await bell.wait()


async def endpoint_changes(followed: Followed, ask: _Ask) -> AsyncGenerator[EndpointChange]:
    """The endpoints of a target as they change; see :meth:`dockernet.Resolver.watch`."""
    bell = Bell()
    async with AsyncExitStack() as stack:
        followed.begin()
        await _follow(followed, stack, bell)
        while True:
            closed = followed.closed
            change = followed.judge(await ask(followed.inquiry()))
            await _follow(followed, stack, bell)
            if change is not None:
                yield change
            elif closed:
                return
            else:
                await bell.wait(followed.pause)


async def _follow(followed: Followed, stack: AsyncExitStack, bell: Bell) -> None:
    for source in followed.unfollowed():
        try:
            if isinstance(source, EngineSource):
                view: LiveSource = await stack.enter_async_context(opened(source.live))
            else:
                view = source
        except SourceError as error:
            followed.missed(error)
        else:
            stack.enter_context(view.listening(bell.ring))
            followed.follow(source, view)
            bell.ring()  # it may know more than the source has told
