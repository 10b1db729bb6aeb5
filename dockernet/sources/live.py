"""The source of what an engine tells, kept true by its events: no answer takes a request.

The view subscribes to the events first and lists everything then, so that nothing falls
in between. One thread reads the stream; another one reads again what became doubtful, and
everything after each new connection and every few minutes. What goes wrong on the way is
told by the state, and by every explanation, and answers go on from what is known.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from math import inf
from random import SystemRandom
from time import monotonic, time
from typing import Final, Protocol
from weakref import WeakSet

from dockernet._closing import Closing
from dockernet._linking import chosen_links
from dockernet._matching import behind, known_names, near_misses
from dockernet._view import View, Work
from dockernet._watch import Watch, container_changes
from dockernet._watching import News, TellState
from dockernet.errors import FormatError, PeerNotFoundError
from dockernet.formats.engine import Reading
from dockernet.formats.events import Event, parse_event
from dockernet.model.addresses import IPAddress, parse_address
from dockernet.model.bindings import HostBinding
from dockernet.model.changes import ContainerChange
from dockernet.model.containers import Container
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.facts import EngineProfile, Inventory, Want
from dockernet.model.links import Link
from dockernet.model.live_state import LiveKind, LiveState
from dockernet.model.networks import Network
from dockernet.model.ports import Port
from dockernet.model.ports import Protocol as PortProtocol
from dockernet.model.publications import Publication, publications

__all__ = ["Live"]

_AT_A_TIME: Final = 32  # containers read again before anything else gets its turn
_CURRENT: Final = LiveState(LiveKind.CURRENT)
_ENDED: Final = "the engine ended its event stream: is it being restarted?"
_CLOSED: Final = "the view was closed"
_FORKED: Final = "the process that follows the engine is another one"
_SHORTEST: Final = 0.5  # of a pause
_LATE: Final = 2.0  # seconds
_PROMPT: Final = timedelta(seconds=1)  # in which an engine tells what has changed
_SLOW: Final = "the engine has not told yet what has changed"


class Stream(Protocol):
    """Events as lines, as :class:`~dockernet.sources._docker.EventStream` has them."""

    def __iter__(self) -> Iterator[bytes]: ...
    def end(self) -> None:
        """End it, from any thread."""
        ...

    def close(self) -> None:
        """Close its connection."""
        ...


class Asked(Protocol):
    """What a view asks, as :class:`~dockernet.sources._questions.Questions` has it."""

    def profile(self) -> EngineProfile:
        """What the engine says of itself."""
        ...

    def told(self) -> Reading[Container]:
        """Every container, in as much detail as the engine tells."""
        ...

    def networks(self) -> Reading[Network]:
        """Every network."""
        ...

    def reread(self, ids: Iterable[str]) -> Reading[Container]:
        """Some containers in detail."""
        ...

    def events(self) -> Stream:
        """What happens from now on."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class _Connection:
    """One connection to the engine: its event stream, and whom to ask."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.since = monotonic()
        self.lost = ""  # why the stream was ended from here
        try:
            self.stream = asked.events()
        except BaseException:
            asked.close()
            raise

    def end(self, reason: str = "") -> None:
        """Have the thread that reads the stream come to an end."""
        self.lost = self.lost or reason
        self.stream.end()

    def close(self) -> None:
        self.stream.close()
        self.asked.close()


class _Lateness:
    """How late events are heard, which two clocks tell: only that it grows means anything."""

    def __init__(self) -> None:
        self._least = inf

    def has_grown(self, moment: float | None, now: float) -> bool:
        """Whether an event is heard much later than those before it; said once of many."""
        if moment is None:
            return False
        lateness = now - moment
        grown = lateness - self._least > _LATE
        self._least = lateness if grown else min(self._least, lateness)
        return grown


class Live(Closing):
    """A view of an engine that stays true, made by :meth:`Engine.live`.

    It has every reading method that an engine has, and answers each from memory. A
    resolver over it sends no request. It is safe in threads; close it, or use it as a
    context manager.

    Args:
        connect: Makes a connection to the engine.
        resync: Seconds after which everything is read anew.
        first_pause: Seconds before the first try to connect again.
        longest_pause: Seconds that a pause may take.

    Raises:
        FormatError: A number of seconds is none.
        SourceError: The engine cannot be asked.
    """

    name = "engine"

    def __init__(
        self,
        connect: Callable[[], Asked],
        *,
        resync: float,
        first_pause: float,
        longest_pause: float,
    ) -> None:
        for seconds in (resync, first_pause, longest_pause):
            if not 0 < seconds <= threading.TIMEOUT_MAX:
                raise FormatError(str(seconds), "expected more than 0 seconds")
        self._connect = connect
        self._resync = resync
        self._pauses = first_pause, longest_pause
        self._random = SystemRandom()
        self._view = View(self.name)
        self._state = LiveState(LiveKind.STALE, datetime.now(UTC), "nothing was read yet")
        self._listeners: list[Callable[[], None]] = []
        self._condition = threading.Condition()
        self._closing = threading.Event()
        self._lateness = _Lateness()
        self._due = 0.0
        self._unread: datetime | None = None  # since when something is to be read again
        self._tries = 0
        connection = self._connection = _Connection(connect())
        self._threads = [
            threading.Thread(target=run, name=f"dockernet-{what}", daemon=True)
            for what, run in (("events", self._follow), ("rereading", self._keep))
        ]
        _views.add(self)
        try:
            self._threads[0].start()  # or the engine would drop events while we list
            self._read_again(self._view.take(_AT_A_TIME), connection)
        except BaseException:
            self.close()
            raise
        self._threads[1].start()

    # How true it is.

    @property
    def generation(self) -> int:
        """A number that grows whenever something changed."""
        return self._view.generation

    @property
    def state(self) -> LiveState:
        """Whether the view is current, else since when and why not."""
        state, since = self._state, self._unread
        if state.current and since is not None and datetime.now(UTC) - since > _PROMPT:
            return LiveState(LiveKind.STALE, since, _SLOW)
        return state

    def wait_change(self, generation: int, timeout: float | None = None) -> int:
        """Wait until something has changed since a generation.

        Args:
            generation: The generation that is known to the caller.
            timeout: Seconds to wait at most; for ever unless given.

        Returns:
            The present generation; the same one after the timeout, or where the view
            is closed.
        """
        with self._condition:
            self._condition.wait_for(
                lambda: self._view.generation != generation or self._closing.is_set(), timeout
            )
            return self._view.generation

    @contextmanager
    def listening(self, listener: Callable[[], None]) -> Generator[None]:
        """Have a function called after each change, for as long as the block runs.

        Another state of the view is a change, too.

        Args:
            listener: The function, which must be quick: it is called by the thread that
                made the change. After the view is closed it is called once more.
        """
        with self._condition:
            self._listeners.append(listener)
        try:
            yield
        finally:
            with self._condition:
                self._listeners.remove(listener)

    @property
    def closed(self) -> bool:
        """Whether the view was closed, so that nothing changes any more."""
        return self._closing.is_set()

    def news(self, generation: int) -> News:
        """What has changed of the containers since a generation, at one moment.

        Args:
            generation: The generation that is known to the caller; of what is not
                remembered, every container is told.
        """
        with self._condition:
            changes = self._view.changes(generation)
            every = self._view.containers() if changes is None else ()
            return News(self._view.generation, changes, every)

    def watch(self, *, tell: TellState | None = None) -> Watch[ContainerChange]:
        """Be told what changes of the containers, from now until the view is closed.

        What is there already is not told. A slow reader is told less often: for each
        container one change, from what it was told last to what is so now; of one that
        came and went in between, nothing.

        Args:
            tell: Told how true the view is, each time that this changes, by whoever
                waits for the next change.

        Example:
            >>> from dockernet import Engine
            >>> def follow(engine: Engine) -> None:
            ...     with engine.live() as live:
            ...         for change in live.watch():
            ...             print(change.container, *change.why)
        """
        return Watch(partial(container_changes, self, tell))

    # Reading: the methods of Engine.

    def containers(self, *, details: bool = False) -> tuple[Container, ...]:
        """Every container in detail, newest first.

        Args:
            details: Whatever this says, they are in detail.
        """
        del details
        with self._condition:
            return self._view.containers()

    def container(self, name: str) -> Container:
        """One container in detail, by its name, its id or a unique prefix of that.

        Raises:
            PeerNotFoundError: There is none.
        """
        bare = name.strip("/")
        inventory = self._inventory()
        every = inventory.containers
        found = [c for c in every if c.name == bare] or [c for c in every if c.id.startswith(bare)]
        if len(found) != 1 or not bare:
            raise PeerNotFoundError(name, (self.name,), near_misses(bare, known_names(inventory)))
        return found[0]

    def networks(self) -> tuple[Network, ...]:
        """Every network."""
        return self._inventory().networks

    def links(
        self, *, recipient: str | None = None, peer: str | None = None, aliases: bool = False
    ) -> tuple[Link, ...]:
        """Every link; see :meth:`Engine.links`.

        Raises:
            PeerNotFoundError: There is no such container.
        """
        return chosen_links(self._inventory(), recipient, peer, aliases=aliases)

    def behind(
        self, host_port: int, protocol: PortProtocol = "tcp", host_ip: IPAddress | str | None = None
    ) -> tuple[tuple[Container, Port, HostBinding], ...]:
        """What is behind a port of the engine's host; see :meth:`Engine.behind`."""
        address = parse_address(host_ip) if isinstance(host_ip, str) else host_ip
        return behind(self.containers(), host_port, protocol, address)

    def published(self) -> tuple[Publication, ...]:
        """Every host binding by host port; see :meth:`Engine.published`."""
        return publications(self.containers())

    def profile(self) -> EngineProfile:
        """What the engine says of itself."""
        return self._inventory().engine

    def read(self, want: Want) -> Iterator[Inventory | Diagnostic]:
        """Give everything that is known, and how stale that is."""
        del want
        yield self._inventory()
        state = self.state
        if not state.current:
            yield Diagnostic(self.name, f"stale since {state.moment}", state.reason)

    async def aread(self, want: Want) -> Iterator[Inventory | Diagnostic]:
        """The same, for the awaiting face: there is nothing to wait for."""
        return self.read(want)

    # Lifecycle.

    def close(self) -> None:
        """End both threads and close the connections.

        What is known stays there to be read. A request that is under way is waited
        for, at most as long as the engine's timeout.
        """
        with self._condition:
            first = not self._closing.is_set()
            self._closing.set()
            self._fall(LiveKind.STALE, _CLOSED)
            connection = self._connection
            self._condition.notify_all()
        if self._threads:  # else the stream is that of the process that this is a copy of
            connection.end()
        if threading.current_thread() not in self._threads:  # as where a listener closes it
            for thread in self._threads:
                if thread.ident is not None:
                    thread.join()
        if first:
            self._tell()

    def __repr__(self) -> str:
        return f"<Live view of {len(self.containers())} containers: {self._state.kind}>"

    # Following the events: the first thread.

    def _follow(self) -> None:
        """Note events, connection after connection."""
        connection: _Connection | None = self._connection
        while connection is not None:
            reason = self._heard(connection)
            connection.close()
            connection = self._connected_again(connection, reason)

    def _heard(self, connection: _Connection) -> str:
        """Note the events of one connection; why they ended."""
        try:
            for line in connection.stream:
                event = parse_event(line)
                if event is not None:
                    self._note(event)
                    if self._lateness.has_grown(event.moment, time()):
                        self._doubt()  # an engine drops events that it cannot be rid of
        except Exception as error:  # noqa: BLE001 - the state tells it, and nobody else would
            return connection.lost or _reason(error)
        return connection.lost or _ENDED

    def _note(self, event: Event) -> None:
        with self._condition:
            known = self._view.generation
            self._view.note(event)
            if self._view.doubtful:
                self._unread = self._unread or datetime.now(UTC)
            self._condition.notify_all()
            changed = self._view.generation != known
        if changed:
            self._tell()

    def _doubt(self) -> None:
        with self._condition:
            self._view.doubt()
            self._unread = self._unread or datetime.now(UTC)
            self._condition.notify_all()

    def _connected_again(self, last: _Connection, reason: str) -> _Connection | None:
        """The next connection; ``None`` where the view is closed."""
        first, longest = self._pauses
        if monotonic() - last.since > longest:
            self._tries = 0
        with self._condition:
            self._fall(LiveKind.RECONNECTING, reason)
        self._tell()
        while not self._closing.is_set():
            pause = min(first * 2**self._tries, longest)
            self._tries = min(self._tries + 1, 32)
            if self._closing.wait(pause * self._random.uniform(_SHORTEST, 1.0)):
                break
            with suppress(Exception):  # the next try may find a context mended, for one
                return self._adopted(_Connection(self._connect()))
        return None

    def _adopted(self, connection: _Connection) -> _Connection:
        """Read everything again over a new connection."""
        with self._condition:
            self._connection = connection
            self._view.doubt()
            self._fall(LiveKind.STALE, self._state.reason)
            if self._closing.is_set():
                connection.end()
        self._tell()
        return connection

    # Reading again: the second thread.

    def _keep(self) -> None:
        while (job := self._next_job()) is not None:
            work, connection = job
            try:
                self._read_again(work, connection)
            except Exception as error:  # noqa: BLE001 - as with events
                self._lose(connection, _reason(error))

    def _next_job(self) -> tuple[Work, _Connection] | None:
        with self._condition:
            while not self._closing.is_set():
                wait = None
                if self._state.kind is not LiveKind.RECONNECTING:
                    wait = self._due - monotonic()
                    if wait <= 0:
                        self._view.doubt()
                    work = self._view.take(_AT_A_TIME)
                    if work:
                        return work, self._connection
                self._condition.wait(wait)
            return None

    def _read_again(self, work: Work, connection: _Connection) -> None:
        asked = connection.asked
        if work.everything:
            profile, containers, networks = asked.profile(), asked.told(), asked.networks()
            with self._condition:
                self._view.relisted(profile, containers, networks)
                self._due = monotonic() + self._resync
                if connection is self._connection and not self._closing.is_set():
                    self._rise()
        else:
            self._read_some(work, asked)
        with self._condition:
            self._unread = datetime.now(UTC) if self._view.doubtful else None
        self._tell()

    def _read_some(self, work: Work, asked: Asked) -> None:
        networks = asked.networks() if work.networks else None
        reading = asked.reread(work.containers)
        there = {container.id for container in reading.values}
        with self._condition:
            if networks is not None:
                self._view.put_networks(networks)
            for container in reading.values:
                odd = (d for d in reading.diagnostics if d.subject == container.short_id)
                self._view.put(container, tuple(odd))
            for container_id in work.containers:
                if container_id not in there:
                    self._view.gone(container_id)

    def _lose(self, connection: _Connection, reason: str) -> None:
        """Have the first thread connect anew."""
        with self._condition:
            self._view.doubt()
            if connection is self._connection:
                self._fall(LiveKind.RECONNECTING, reason)
        self._tell()
        connection.end(reason)

    # What is known.

    def _inventory(self) -> Inventory:
        with self._condition:
            return self._view.inventory()

    def _tell(self) -> None:
        """Wake everybody who waits for a change, or for another state."""
        with self._condition:
            self._condition.notify_all()
            listeners = tuple(self._listeners)
        for listener in listeners:
            _call(listener)

    def _fall(self, kind: LiveKind, reason: str) -> None:
        """Say that the view is not current, since the first time that this was said."""
        if self._closing.is_set():
            kind, reason = LiveKind.STALE, _CLOSED
        self._state = LiveState(kind, self._state.since or datetime.now(UTC), reason)

    def _rise(self) -> None:
        """Say that the view is current."""
        if self._state.kind is not LiveKind.RECONNECTING:
            self._state = _CURRENT

    # Processes that are copies of this one, with none of its threads.

    def hold(self) -> None:
        """Change nothing until :meth:`release` is called."""
        self._condition.acquire()

    def release(self) -> None:
        """Go on after :meth:`hold`."""
        self._condition.release()

    def leave(self) -> None:
        """Be closed in a copy of the process, and leave the original's stream alone."""
        self._condition = threading.Condition()
        self._threads = []
        self._closing.set()
        self._state = LiveState(LiveKind.STALE, self._state.since or datetime.now(UTC), _FORKED)


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "")) or str(error) or type(error).__name__


def _call(listener: Callable[[], None]) -> None:
    """Call a listener; what it raises is printed, and costs nobody else the view."""
    try:
        listener()
    except Exception as error:  # noqa: BLE001 - see above
        told = type(error), error, error.__traceback__, threading.current_thread()
        threading.excepthook(threading.ExceptHookArgs(told))


# Where a process is copied, no view may be half changed at that moment.

_views: Final = WeakSet[Live]()
_held = threading.local()


def _hold() -> None:
    _held.views = [*_views]
    for view in _held.views:
        view.hold()


def _release() -> None:
    for view in _held.views:
        view.release()


def _leave() -> None:
    for view in _held.views:
        view.leave()


with suppress(AttributeError):  # Windows copies no processes
    os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_leave)
