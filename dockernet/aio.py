"""The awaiting face: the same names and signatures as the blocking one, awaited."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, suppress
from functools import partial
from types import TracebackType
from typing import Literal, Self, TypeVar

from dockernet._link_resolution import Linking, target_of
from dockernet._resolution import Census, Resolution
from dockernet._setting import Setting
from dockernet._standing import vantage_in
from dockernet._watching import ContainerWatch, News, StateWatch, TellState
from dockernet.errors import SourceError
from dockernet.formats.urls import PeerUrl
from dockernet.model.changes import ContainerChange
from dockernet.model.containers import Container
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.endpoint_changes import EndpointChange
from dockernet.model.endpoints import Endpoint
from dockernet.model.explanations import Explanation, Peer
from dockernet.model.facts import Fact, Inventory, Source, Want
from dockernet.model.links import Link, LinkReport
from dockernet.model.live_state import LiveState
from dockernet.model.networks import Network
from dockernet.model.publications import Publication
from dockernet.model.readiness import AsyncReady as Ready
from dockernet.model.targets import Target, TargetLike
from dockernet.model.vantage import Vantage
from dockernet.sources.engine import Engine
from dockernet.sources.live import Live
from dockernet.watching.awaited import Bell, container_changes, endpoint_changes, opened
from dockernet.watching.followed import Followed

__all__ = ["AsyncLive", "AsyncResolver", "endpoints", "explain", "peers", "resolve"]

Inquiry = TypeVar("Inquiry", Resolution, Census)


class AsyncResolver:
    """:class:`~dockernet.Resolver`, awaited.

    A source with ``async def aread(want)`` is awaited; any other is read in a worker
    thread.

    Args:
        sources: The sources, in the order of asking.
        vantage: Where the caller stands, instead of what its files tell.
        timeout: Seconds for connecting to the default engine, and for its answers.

    Example:
        >>> import asyncio
        >>> from dockernet import Environ, Vantage
        >>> from dockernet.aio import AsyncResolver
        >>> async def web() -> str:
        ...     variables = {"WEB_NAME": "/app/web", "WEB_PORT_80_TCP": "tcp://172.17.0.3:80"}
        ...     async with AsyncResolver([Environ(variables)], vantage=Vantage()) as resolver:
        ...         return str(await resolver.resolve("web:80"))
        >>> asyncio.run(web())
        '172.17.0.3:80'
    """

    def __init__(
        self,
        sources: Sequence[Source] | None = None,
        vantage: Vantage | None = None,
        timeout: float = 5.0,
    ) -> None:
        self._setting = Setting(sources, vantage, timeout)

    async def resolve(self, target: TargetLike, family: Literal[4, 6] | None = None) -> Endpoint:
        """Resolve a target to the best endpoint; see :meth:`dockernet.Resolver.resolve`."""
        return (await self._endpoints(target, family))[0]

    async def endpoints(self, target: TargetLike) -> tuple[Endpoint, ...]:
        """Resolve a target to every endpoint, best first."""
        return await self._endpoints(target)

    async def wait(
        self,
        target: TargetLike,
        timeout: float = 30.0,  # noqa: ASYNC109 - as the blocking face has it
        ready: Ready = "accepts",
        *,
        tell: Callable[[str], object] | None = None,
    ) -> Endpoint:
        """Wait until a peer is ready; see :meth:`dockernet.Resolver.wait`.

        A probe may be an ``async def``; any other runs in a worker thread.
        """
        from dockernet.dialling.awaited import wait  # noqa: PLC0415 - see sources.defaults

        return await wait(self.endpoints, self._setting, Target.of(target), timeout, ready, tell)

    async def connect(
        self,
        target: TargetLike,
        timeout: float = 5.0,  # noqa: ASYNC109 - as the blocking face has it
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a peer, with streams; see :meth:`dockernet.Resolver.connect`."""
        from dockernet.dialling.awaited import connect  # noqa: PLC0415 - see sources.defaults

        return await connect(self.endpoints, Target.of(target), timeout)

    def watch(
        self, target: TargetLike, every: float = 2.0, *, tell: TellState | None = None
    ) -> AsyncGenerator[EndpointChange]:
        """Be told the endpoints of a target; see :meth:`dockernet.Resolver.watch`.

        For ``async for``. It is begun with the first change that is awaited, and ends
        where a task that awaits the next one is cancelled, as every generator does.
        """
        return endpoint_changes(Followed(self._setting, target, every, tell), _driven)

    async def explain(self, target: TargetLike) -> Explanation:
        """Explain what a target resolves to, and why; every source is heard."""
        return (await _driven(self._setting.resolution(target, thorough=True))).explanation()

    async def rewrite_url(self, url: str) -> str:
        """Put what works from here in the place of a URL's host and port."""
        parsed = PeerUrl.parse(url)
        asked = self._setting.of_url(parsed)
        return parsed.rewritten([(await _driven(one)).endpoints()[0] for one in asked])

    async def links(
        self, *wanted: Link | str, secrets: bool = False, strict: bool = False
    ) -> LinkReport:
        """Links to peers with what is dialled from here, to write them back."""
        if wanted:
            linking = Linking.of(wanted)
        else:
            census = await _driven(self._setting.census(of_links=True))
            linking = Linking.told(census, strict=strict)
        for link in linking.links:
            linking.heard(link, await _driven(self._setting.resolution(target_of(link))))
        if secrets and linking.peers:
            source = self._setting.secret_source()
            told = [await asyncio.to_thread(source.environ, peer) for peer in linking.peers]
            linking.environs = dict(zip(linking.peers, told, strict=True))
        return linking.report()

    async def peers(self) -> tuple[Peer, ...]:
        """Every peer that the sources know, by name and network."""
        return (await _driven(self._setting.census())).peers()

    async def seen_from(self, container: str | Container) -> AsyncResolver:
        """The resolver that answers as if asked inside a container."""
        source = self._setting.container_source()
        if isinstance(container, str):
            container = await asyncio.to_thread(source.container, container)
        return AsyncResolver([source], vantage_in(container))

    async def _endpoints(
        self, target: TargetLike, family: int | None = None
    ) -> tuple[Endpoint, ...]:
        page = self._setting.page()
        if page is None:
            return (await _driven(self._setting.resolution(target, family))).endpoints()
        known = page.recall(target, family)
        if known is not None:
            return known
        asked = self._setting.resolution(target, family, vantage=page.vantage)
        return page.keep(target, family, await _driven(asked))

    async def aclose(self) -> None:
        """Close what the resolver opened; sources that were given stay open."""
        await asyncio.to_thread(self._setting.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


class AsyncLive:
    """:class:`~dockernet.Live`, awaited: ``async with AsyncLive(engine) as live``.

    What it knows is read without waiting; only its beginning, its end and
    :meth:`wait_change` are awaited. It is a source for an :class:`AsyncResolver`.

    Args:
        engine: The engine to follow.
        resync: As with :meth:`Engine.live() <dockernet.Engine.live>`, as are the others.
        first_pause: The same.
        longest_pause: The same.
    """

    name = "engine"

    def __init__(
        self,
        engine: Engine,
        *,
        resync: float = 180.0,
        first_pause: float = 0.05,
        longest_pause: float = 1.0,
    ) -> None:
        self._open = partial(
            engine.live, resync=resync, first_pause=first_pause, longest_pause=longest_pause
        )
        self._live: Live | None = None
        self._opened = AsyncExitStack()

    @property
    def _view(self) -> Live:
        if self._live is None:
            raise SourceError(self.name, "the view is not open: use it by 'async with'")
        return self._live

    @property
    def generation(self) -> int:
        """A number that grows whenever something changed."""
        return self._view.generation

    @property
    def state(self) -> LiveState:
        """Whether the view is current, else since when and why not."""
        return self._view.state

    def containers(self, *, details: bool = False) -> tuple[Container, ...]:
        """Every container in detail, newest first."""
        return self._view.containers(details=details)

    def container(self, name: str) -> Container:
        """One container in detail; see :meth:`dockernet.Live.container`."""
        return self._view.container(name)

    def networks(self) -> tuple[Network, ...]:
        """Every network."""
        return self._view.networks()

    def links(
        self, *, recipient: str | None = None, peer: str | None = None, aliases: bool = False
    ) -> tuple[Link, ...]:
        """Every link; see :meth:`dockernet.Live.links`."""
        return self._view.links(recipient=recipient, peer=peer, aliases=aliases)

    def published(self) -> tuple[Publication, ...]:
        """Every host binding by host port."""
        return self._view.published()

    def read(self, want: Want) -> Iterator[Inventory | Diagnostic]:
        """Give everything that is known, and how stale that is."""
        return self._view.read(want)

    async def aread(self, want: Want) -> Iterator[Inventory | Diagnostic]:
        """The same: there is nothing to wait for."""
        return self._view.read(want)

    async def wait_change(self, generation: int, timeout: float | None = None) -> int:  # noqa: ASYNC109 - as in Live
        """Wait until something has changed since a generation.

        Any number of tasks may wait, and none takes a thread. See
        :meth:`dockernet.Live.wait_change`.
        """
        view, bell = self._view, Bell()
        with view.listening(bell.ring), suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while view.generation == generation and not view.closed:
                    await bell.wait()
        return view.generation

    @property
    def closed(self) -> bool:
        """Whether the view was closed, so that nothing changes any more."""
        return self._view.closed

    def listening(self, listener: Callable[[], None]) -> AbstractContextManager[None]:
        """Have a function called after each change; see :meth:`dockernet.Live.listening`.

        It is called by another thread than the loop's.
        """
        return self._view.listening(listener)

    def news(self, generation: int) -> News:
        """What has changed of the containers since a generation, at one moment."""
        return self._view.news(generation)

    def watch(self, *, tell: TellState | None = None) -> AsyncGenerator[ContainerChange]:
        """Be told what changes of the containers; see :meth:`dockernet.Live.watch`.

        For ``async for``. From this call on nothing is missed.

        Args:
            tell: Told how true the view is, each time that this changes.
        """
        return container_changes(ContainerWatch(self._view), StateWatch(tell))

    async def aclose(self) -> None:
        """End both threads and close the connections."""
        await self._opened.aclose()

    async def __aenter__(self) -> Self:
        self._live = await self._opened.enter_async_context(opened(self._open))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


async def _driven(inquiry: Inquiry) -> Inquiry:
    """Ask the sources, one after the other."""
    while (source := inquiry.next_source()) is not None:
        try:
            inquiry.heard(await _said(source, inquiry.want))
        except (SourceError, OSError) as error:
            inquiry.failed(source, error)
    return inquiry


async def _said(source: Source, want: Want) -> tuple[Fact | Inventory | Diagnostic, ...]:
    aread = getattr(source, "aread", None)
    if aread is not None:
        return tuple(await aread(want))
    return await asyncio.to_thread(lambda: tuple(source.read(want)))


# One resolver for the module's own functions, made when it is first needed.

_lock = threading.Lock()
_shared: list[AsyncResolver] = []


def _default() -> AsyncResolver:
    with _lock:
        if not _shared:
            _shared.append(AsyncResolver())
        return _shared[0]


async def resolve(target: TargetLike, family: Literal[4, 6] | None = None) -> Endpoint:
    """Resolve a target to the endpoint that works from here."""
    return await _default().resolve(target, family)


async def endpoints(target: TargetLike) -> tuple[Endpoint, ...]:
    """Resolve a target to every endpoint, best first."""
    return await _default().endpoints(target)


async def explain(target: TargetLike) -> Explanation:
    """Explain what a target resolves to from here, and why."""
    return await _default().explain(target)


async def peers() -> tuple[Peer, ...]:
    """Every peer that can be named from here."""
    return await _default().peers()
