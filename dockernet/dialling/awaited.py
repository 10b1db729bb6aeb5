"""Waiting and racing, awaited; what decides is shared with the blocking face."""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar, cast

from dockernet._setting import ChangingSource, Setting
from dockernet._waiting import PASSING, Waiting, checked_timeout
from dockernet.dialling.places import (
    CLOSED,
    DELAY,
    OPEN,
    TIMED_OUT,
    Place,
    check_stream,
    found,
    interleaved,
    known_places,
    named_places,
    unanswered,
)
from dockernet.dialling.readiness import (
    Asked,
    Readiness,
    check_answer,
    failed,
    late,
    readiness,
)
from dockernet.dialling.waiting import LATE
from dockernet.errors import SourceError
from dockernet.model.endpoints import Endpoint
from dockernet.model.readiness import AsyncReady
from dockernet.model.targets import Target

__all__ = ["connect", "wait"]

T = TypeVar("T")
_Resolve = Callable[[Target], Awaitable[tuple[Endpoint, ...]]]
_Probe = Callable[[Endpoint], Awaitable[bool]]
_Check = Callable[[Asked], Awaitable[None]]


async def wait(
    resolve: _Resolve,
    setting: Setting,
    target: Target,
    timeout: float,  # noqa: ASYNC109 - one deadline for everything, as in the blocking face
    ready: AsyncReady,
    tell: Callable[[str], object] | None,
) -> Endpoint:
    """Wait until a peer is ready; see :meth:`dockernet.Resolver.wait`."""
    clock = asyncio.get_running_loop().time
    waiting = Waiting.begin(str(target), timeout, clock(), tell)
    wanted = readiness(ready)
    wanted.check_protocol(target.port)
    check = _awaitable(ready, wanted)

    async def attempt(left: float) -> Endpoint:
        best, *_ = await _within(left, resolve(target), SourceError("resolver", LATE))
        wanted.check_protocol(best)
        now = clock()
        left, patience = waiting.left(now), waiting.patience(now)
        await check(Asked(waiting.subject, best, setting, patience, left))
        return best

    return await _persist(waiting, attempt, setting.changing_source())


async def connect(
    resolve: _Resolve,
    target: Target,
    timeout: float,  # noqa: ASYNC109 - as above
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to a peer; see :meth:`dockernet.Resolver.connect`."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + checked_timeout(timeout)
    endpoints = await _within(timeout, resolve(target), SourceError("resolver", LATE))
    check_stream(endpoints, str(target))
    connection = await _raced(str(target), endpoints, deadline - clock(), kept=0.0)
    return await asyncio.open_connection(sock=connection)


async def _persist(
    waiting: Waiting,
    attempt: Callable[[float], Awaitable[T]],
    changes: ChangingSource | None,
) -> T:
    clock = asyncio.get_running_loop().time
    left = waiting.timeout
    while True:
        since = clock()
        seen = 0 if changes is None else changes.generation
        try:
            return await attempt(left)
        except PASSING as error:
            waiting.failed(error, since, clock())
            failure = error
        pause = waiting.pause(clock())
        await _changed(changes, seen, pause)
        left = waiting.left(clock())
        if left <= 0:
            raise waiting.over() from failure


async def _changed(
    changes: ChangingSource | None,
    seen: int,
    timeout: float,  # noqa: ASYNC109 - as above
) -> None:
    """Pause, until something has changed where that is told."""
    if changes is None:
        await asyncio.sleep(timeout)
    elif inspect.iscoroutinefunction(changes.wait_change):
        await changes.wait_change(seen, timeout)
    else:
        await asyncio.to_thread(changes.wait_change, seen, timeout)


async def _within(seconds: float, work: Awaitable[T], over: Exception) -> T:
    """Await work so long."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=seconds)
        if not task.done():
            raise over
        return task.result()
    finally:
        task.cancel()


# What is awaited instead of running in a worker thread.


def _awaitable(ready: AsyncReady, wanted: Readiness) -> _Check:
    if isinstance(ready, str):
        return _AWAITED.get(ready) or _in_thread(wanted)
    # An object may be a function by its class.
    kinds = map(inspect.iscoroutinefunction, (ready, type(ready).__call__))
    return _probing(cast("_Probe", ready)) if any(kinds) else _in_thread(wanted)


def _in_thread(wanted: Readiness) -> _Check:
    return lambda asked: asyncio.to_thread(wanted.check, asked)


def _probing(probe: _Probe) -> _Check:
    async def check(asked: Asked) -> None:
        try:
            ready = await _within(asked.left, probe(asked.endpoint), late(asked))
        except OSError as error:
            raise failed(asked, error) from error
        check_answer(asked, ready)

    return check


async def _accepts(asked: Asked) -> None:
    connection = await _raced(asked.subject, (asked.endpoint,), asked.patience, kept=OPEN)
    connection.close()


_AWAITED: Final[dict[str, _Check]] = {"accepts": _accepts}


# The race


async def _raced(
    subject: str,
    endpoints: Sequence[Endpoint],
    timeout: float,  # noqa: ASYNC109 - as above
    kept: float,
) -> socket.socket:
    deadline = asyncio.get_running_loop().time() + timeout
    reasons: dict[Place | Endpoint, str] = {}
    places = interleaved(await _places(endpoints, timeout, reasons))
    winner = await _run(places, deadline, kept, reasons)
    if winner is None:
        raise unanswered(subject, endpoints, reasons)
    return winner


async def _places(
    endpoints: Sequence[Endpoint],
    timeout: float,  # noqa: ASYNC109 - as above
    reasons: dict[Place | Endpoint, str],
) -> list[Place]:
    places: list[Place] = []
    for endpoint in endpoints:
        known = known_places(endpoint)
        if not known:
            host, port = endpoint.address
            ask = asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            try:
                infos = await _within(timeout, ask, TimeoutError(TIMED_OUT))
                known = named_places(endpoint, infos)
            except OSError as error:
                reasons[endpoint] = found(error)
        places += known
    return places


async def _run(
    places: Sequence[Place],
    deadline: float,
    kept: float,
    reasons: dict[Place | Endpoint, str],
) -> socket.socket | None:
    """Dial until one has won, or none can any more; the others are closed."""
    clock = asyncio.get_running_loop().time
    waiting, running = deque(places), dict[asyncio.Task[socket.socket], Place]()
    opened: list[socket.socket] = []
    try:
        while (waiting or running) and (left := deadline - clock()) > 0:
            if waiting:
                place = waiting.popleft()
                running[asyncio.create_task(_attempt(place, kept, opened))] = place
            pause = min(left, DELAY) if waiting else left
            done, _ = await asyncio.wait(
                running, timeout=pause, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                place = running.pop(task)
                try:
                    winner = task.result()
                except OSError as error:
                    reasons[place] = found(error)
                else:
                    opened.remove(winner)
                    return winner
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for connection in opened:
            connection.close()
    reasons |= dict.fromkeys((*running.values(), *waiting), TIMED_OUT)
    return None


async def _attempt(place: Place, kept: float, opened: list[socket.socket]) -> socket.socket:
    """A connection, which has been kept so long or has brought something."""
    connection = socket.socket(place.family, socket.SOCK_STREAM)
    opened.append(connection)
    connection.settimeout(0)
    await asyncio.get_running_loop().sock_connect(connection, place.address)
    if kept:
        await _check_kept(connection, kept)
    return connection


async def _check_kept(connection: socket.socket, kept: float) -> None:
    """Check that somebody is there.

    Raises:
        OSError: The connection was closed.
    """
    heard = asyncio.ensure_future(asyncio.get_running_loop().sock_recv(connection, 1))
    try:
        # Unlike with a timeout, what has come by then counts although it was not seen yet.
        await asyncio.wait([heard], timeout=kept)
        if heard.done() and not heard.result():
            raise ConnectionResetError(CLOSED)
    finally:
        heard.cancel()
        await asyncio.wait([heard])
