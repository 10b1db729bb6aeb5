"""The awaiting face: the same names and signatures as the blocking one, awaited."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Literal, Self, TypeVar

from dockernet._link_resolution import Linking, target_of
from dockernet._resolution import Census, Resolution
from dockernet._setting import Setting
from dockernet._standing import vantage_in
from dockernet.errors import SourceError
from dockernet.formats.urls import PeerUrl
from dockernet.model.containers import Container
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.endpoints import Endpoint
from dockernet.model.explanations import Explanation, Peer
from dockernet.model.facts import Fact, Inventory, Source, Want
from dockernet.model.links import Link, LinkReport
from dockernet.model.targets import TargetLike
from dockernet.model.vantage import Vantage

__all__ = ["AsyncResolver", "endpoints", "explain", "peers", "resolve"]

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
        return (await _driven(self._setting.resolution(target, family))).endpoints()[0]

    async def endpoints(self, target: TargetLike) -> tuple[Endpoint, ...]:
        """Resolve a target to every endpoint, best first."""
        return (await _driven(self._setting.resolution(target))).endpoints()

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
