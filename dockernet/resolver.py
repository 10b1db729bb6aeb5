"""The blocking face: ask the sources, get the endpoint that works from here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, TypeVar

from dockernet._closing import Closing
from dockernet._resolution import Census, Resolution
from dockernet._setting import Setting
from dockernet._standing import identified, vantage_in
from dockernet.errors import SourceError
from dockernet.formats.urls import PeerUrl
from dockernet.model.containers import Container
from dockernet.model.endpoints import Endpoint
from dockernet.model.explanations import Explanation, Peer
from dockernet.model.facts import Inventory, Source, Want
from dockernet.model.links import Link, LinkReport
from dockernet.model.readiness import Ready
from dockernet.model.targets import Target, TargetLike
from dockernet.model.vantage import Vantage

if TYPE_CHECKING:  # whoever gets one of these has its module by then
    import socket

    from dockernet._watch import Watch
    from dockernet._watching import TellState
    from dockernet.model.endpoint_changes import EndpointChange

__all__ = ["Resolver", "endpoints", "explain", "peers", "resolve", "whoami"]

Inquiry = TypeVar("Inquiry", Resolution, Census)


class Resolver(Closing):
    """Resolves targets to the endpoints that work from where the caller stands.

    Without arguments it works on a host and inside containers: it asks the engine, and
    inside a container the name servers, the hosts file and the link variables too. It
    keeps no facts, so every answer is as fresh as its sources; over a
    :class:`~dockernet.Live` view alone it gives an answer again while nothing changes. It
    is safe in threads; close it, or use it as a context manager.

    Args:
        sources: The sources, in the order of asking; each is a
            :class:`~dockernet.Source`.
        vantage: Where the caller stands, instead of what its files tell.
        timeout: Seconds for connecting to the default engine, and for its answers.

    Example:
        >>> from dockernet import Environ, Resolver, Vantage
        >>> variables = {"WEB_NAME": "/app/web", "WEB_PORT_80_TCP": "tcp://172.17.0.3:80"}
        >>> with Resolver([Environ(variables)], vantage=Vantage()) as resolver:
        ...     resolver.resolve("web:80").url("http")
        'http://172.17.0.3:80'
    """

    def __init__(
        self,
        sources: Sequence[Source] | None = None,
        vantage: Vantage | None = None,
        timeout: float = 5.0,
    ) -> None:
        self._setting = Setting(sources, vantage, timeout)

    def resolve(self, target: TargetLike, family: Literal[4, 6] | None = None) -> Endpoint:
        """Resolve a target to the best endpoint.

        Args:
            target: ``[project/]name[:port[/protocol]]``, with an IP address in place
                of the name if you like; a ``(name, port)`` pair, a
                :class:`~dockernet.Container` or a :class:`~dockernet.Link`.
            family: The address family that it must have.

        Raises:
            FormatError: The target is malformed.
            PeerNotFoundError: Every source was heard, and none knows the peer.
            AmbiguousPeerError: Several peers answer to the name.
            UnreachableError: No route leads to it; the refusals say why.
            SourceError: No source knows it, and one of them could not be asked.
        """
        return self._endpoints(target, family)[0]

    def endpoints(self, target: TargetLike) -> tuple[Endpoint, ...]:
        """Resolve a target to every endpoint, best first; raises as ``resolve`` does."""
        return self._endpoints(target)

    def wait(
        self,
        target: TargetLike,
        timeout: float = 30.0,
        ready: Ready = "accepts",
        *,
        tell: Callable[[str], object] | None = None,
    ) -> Endpoint:
        """Wait until a peer is ready, and give the endpoint that is.

        It is resolved anew for each attempt, so that it may start, move or be replaced
        meanwhile.

        Args:
            target: As of :meth:`resolve`.
            timeout: Seconds for all of it.
            ready: ``accepts``: it takes a connection, and then sends something or keeps
                it for 0.1 seconds, which docker-proxy does for nobody. ``healthy``: the
                engine says so. ``listening``: the kernel says that it listens, which
                only a process on the engine's host is told. Or a function that is given
                an endpoint and tells whether it is ready; it runs in another thread,
                and an ``OSError`` of it is a no.
            tell: Told why it is not ready yet, each time that something else is the
                matter.

        Raises:
            NotReadyError: It was not ready within the time.
            FormatError: The target is malformed, there is no such readiness, or none of
                that protocol.
            AmbiguousPeerError: Several peers answer to the name.
            SourceError: It cannot be told: the peer has no health check, or its sockets
                cannot be seen from here.

        Example:
            >>> import socket
            >>> from dockernet import Environ, Resolver, Vantage
            >>> with socket.create_server(("127.0.0.1", 0)) as server:
            ...     port = server.getsockname()[1]
            ...     said = {"WEB_NAME": "/me/web", "WEB_PORT": f"tcp://127.0.0.1:{port}"}
            ...     said[f"WEB_PORT_{port}_TCP"] = said["WEB_PORT"]
            ...     endpoint = Resolver([Environ(said)], vantage=Vantage()).wait(f"web:{port}")
            >>> str(endpoint.host)
            '127.0.0.1'
        """
        from dockernet.dialling.waiting import wait  # noqa: PLC0415 - see sources.defaults

        return wait(self.endpoints, self._setting, Target.of(target), timeout, ready, tell)

    def connect(self, target: TargetLike, timeout: float = 5.0) -> socket.socket:
        """Connect to a peer.

        Its endpoints race as RFC 8305 has it: the address families take turns, each
        attempt begins 0.25 seconds after the one before or as soon as that has failed,
        and the first to connect wins.

        Args:
            target: As of :meth:`resolve`; of TCP.
            timeout: Seconds for all of it.

        Returns:
            The socket, connected and blocking.

        Raises:
            UnreachableError: No route leads to it, or nobody answers; it has the reason
                of each attempt.
            DockernetError: As with :meth:`resolve`.
        """
        from dockernet.dialling.waiting import connect  # noqa: PLC0415 - see sources.defaults

        return connect(self.endpoints, Target.of(target), timeout)

    def watch(
        self, target: TargetLike, every: float = 2.0, *, tell: TellState | None = None
    ) -> Watch[EndpointChange]:
        """Be told the endpoints of a target, now and whenever they change.

        The first one tells how it is at the beginning, also where that is nothing. Then
        there is one whenever the endpoints are others than those told last, or a
        container behind them became healthy or unhealthy. A slow reader is told less
        often, and always how it is now. While a source cannot be asked, what it said
        last holds.

        Live views among the sources are followed until one of them is closed. In the
        place of each engine a live view is opened, and closed with the watch.

        Args:
            target: As of :meth:`resolve`.
            every: Seconds between two questions to sources that tell of no changes: name
                servers, files, variables, and an engine that cannot be followed.
            tell: Told how true a live view is, each time that this changes, by whoever
                waits for the next change.

        Raises:
            FormatError: The target is malformed, or ``every`` is no span of time.
            SourceError: The engine cannot be asked, and it is the only source. Later
                that is never raised.

        Example:
            >>> from dockernet import Environ, Resolver, Vantage
            >>> variables = {"WEB_NAME": "/app/web", "WEB_PORT_80_TCP": "tcp://172.17.0.3:80"}
            >>> with Resolver([Environ(variables)], vantage=Vantage()).watch("web:80") as changes:
            ...     print(next(changes))
            web:80 is at 172.17.0.3:80
        """
        from dockernet.watching.blocking import watch  # noqa: PLC0415 - see sources.defaults
        from dockernet.watching.followed import Followed  # noqa: PLC0415 - see sources.defaults

        return watch(Followed(self._setting, target, every, tell), _driven)

    def explain(self, target: TargetLike) -> Explanation:
        """Explain what a target resolves to, and why; every source is heard.

        Raises:
            FormatError: The target is malformed.
        """
        return _driven(self._setting.resolution(target, thorough=True)).explanation()

    def rewrite_url(self, url: str) -> str:
        """Put what works from here in the place of a URL's host and port.

        Everything else of the URL stays as it is. Without a port in it, the scheme's
        own is meant if the peer exposes or publishes it, else the peer's only one.
        A URL that names several hosts with commas has each of them put.

        Args:
            url: Such as ``postgresql://user:password@db/app``. Errors show nothing of
                it but its scheme, hosts and ports.

        Raises:
            FormatError: It is no URL.
            PeerNotFoundError: As with :meth:`resolve`, as are the errors below.
            UnreachableError: No route leads to a host, or its port is not known.
            SourceError: No source knows a host, and one of them could not be asked.

        Example:
            >>> from dockernet import Environ, Resolver, Vantage
            >>> variables = {"DB_NAME": "/app/db", "DB_PORT_5432_TCP": "tcp://172.17.0.3:5432"}
            >>> resolver = Resolver([Environ(variables)], vantage=Vantage())
            >>> resolver.rewrite_url("postgresql://me:secret@db/app?sslmode=disable")
            'postgresql://me:secret@172.17.0.3:5432/app?sslmode=disable'
        """
        parsed = PeerUrl.parse(url)
        asked = self._setting.of_url(parsed)
        return parsed.rewritten([_driven(one).endpoints()[0] for one in asked])

    def links(self, *wanted: Link | str, secrets: bool = False, strict: bool = False) -> LinkReport:
        """Links to peers with what is dialled from here, to write them back.

        Args:
            wanted: Links, or texts as of :meth:`~dockernet.Link.from_spec`; without any,
                every link that the caller is known to be the recipient of. Their ports
                are those that the peer exposes unless they were said. A link that has
                a recipient is looked up by its alias, which it is known by there.
            secrets: Whether the peers' own environments are read, too, by an engine.
            strict: Whether each link has to lead somewhere, not only those in ``wanted``.

        Returns:
            The links, and the ports and links that lead nowhere, as diagnostics.

        Raises:
            DockernetError: A link that was asked for leads nowhere, as with
                :meth:`resolve`; with ``strict``, any.

        Example:
            >>> from dockernet import Environ, Resolver, Vantage
            >>> variables = {"DB_NAME": "/app/db", "DB_PORT_5432_TCP": "tcp://172.17.0.3:5432"}
            >>> here = Vantage(hostname="api")
            >>> [link] = Resolver([Environ(variables)], vantage=here).links("db:store").links
            >>> link.to_environ()["STORE_NAME"], link.to_environ()["STORE_PORT_5432_TCP_ADDR"]
            ('/api/store', '172.17.0.3')
        """
        from dockernet._link_resolution import Linking, target_of  # noqa: PLC0415 - see sources.defaults

        if wanted:
            linking = Linking.of(wanted)
        else:
            census = _driven(self._setting.census(of_links=True))
            linking = Linking.told(census, strict=strict)
        for link in linking.links:
            linking.heard(link, _driven(self._setting.resolution(target_of(link))))
        if secrets and linking.peers:
            source = self._setting.secret_source()
            linking.environs = {peer: source.environ(peer) for peer in linking.peers}
        return linking.report()

    def peers(self) -> tuple[Peer, ...]:
        """Every peer that the sources know, by name and network.

        Raises:
            SourceError: None of the sources could be asked.
        """
        return _driven(self._setting.census()).peers()

    def seen_from(self, container: str | Container) -> Resolver:
        """The resolver that answers as if asked inside a container.

        Raises:
            PeerNotFoundError: There is no such container.
            SourceError: No engine or snapshot is among the sources, or it cannot be
                asked.
        """
        source = self._setting.container_source()
        known = source.container(container) if isinstance(container, str) else container
        return Resolver([source], vantage_in(known))

    def _endpoints(self, target: TargetLike, family: int | None = None) -> tuple[Endpoint, ...]:
        page = self._setting.page()
        if page is None:
            return _driven(self._setting.resolution(target, family)).endpoints()
        known = page.recall(target, family)
        if known is not None:
            return known
        asked = self._setting.resolution(target, family, vantage=page.vantage)
        return page.keep(target, family, _driven(asked))

    def close(self) -> None:
        """Close what the resolver opened; sources that were given stay open."""
        self._setting.close()


def _driven(inquiry: Inquiry) -> Inquiry:
    """Ask the sources, one after the other."""
    while (source := inquiry.next_source()) is not None:
        try:
            inquiry.heard(tuple(source.read(inquiry.want)))
        except (SourceError, OSError) as error:
            inquiry.failed(source, error)
    return inquiry


def whoami(engine: Source | None = None) -> Vantage:
    """Tell where the caller stands.

    The caller's files and kernel tell the kind of place, ids, addresses and gateways.
    An engine adds the container's name, network mode, networks and Compose names.

    Args:
        engine: An :class:`~dockernet.Engine` or :class:`~dockernet.Snapshot`.

    Raises:
        SourceError: The engine was given and cannot be asked.
    """
    vantage = Setting(None if engine is None else [engine], None, timeout=1.0).vantage()
    if engine is None:
        return vantage
    said = engine.read(Want(None, vantage))
    inventory = next((item for item in said if isinstance(item, Inventory)), None)
    return vantage if inventory is None else identified(vantage, inventory)


# One resolver for the module's own functions, made when it is first needed.

_lock = threading.Lock()
_shared: list[Resolver] = []


def _default() -> Resolver:
    with _lock:
        if not _shared:
            _shared.append(Resolver())
        return _shared[0]


def resolve(target: TargetLike, family: Literal[4, 6] | None = None) -> Endpoint:
    """Resolve a target to the endpoint that works from here; see :class:`Resolver`."""
    return _default().resolve(target, family)


def endpoints(target: TargetLike) -> tuple[Endpoint, ...]:
    """Resolve a target to every endpoint, best first; see :class:`Resolver`."""
    return _default().endpoints(target)


def explain(target: TargetLike) -> Explanation:
    """Explain what a target resolves to from here, and why; see :class:`Resolver`."""
    return _default().explain(target)


def peers() -> tuple[Peer, ...]:
    """Every peer that can be named from here; see :class:`Resolver`."""
    return _default().peers()
