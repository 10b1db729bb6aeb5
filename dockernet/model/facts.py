"""What sources say, and what they are asked."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol

from attrs import field, frozen

from dockernet.model.addresses import IPAddress
from dockernet.model.containers import Container
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.networks import Network
from dockernet.model.ports import Port
from dockernet.model.provenance import Provenance
from dockernet.model.targets import Target
from dockernet.model.vantage import Vantage
from dockernet.refusals import Route

__all__ = [
    "NEWEST_API",
    "OLDEST_API",
    "EngineProfile",
    "Fact",
    "Freshness",
    "Inventory",
    "Source",
    "Want",
]

OLDEST_API = "1.24"
"""The oldest API version that is spoken here."""
NEWEST_API = "1.52"
"""The newest API version that was tried."""


class Freshness(IntEnum):
    """How fresh a source's addresses are; where sources disagree, the fresher wins."""

    STARTED = 1
    """From the start of the process: environment variables."""
    WRITTEN = 2
    """From the last time a file was rewritten: the hosts file."""
    ANSWERED = 3
    """From a name server that may cache."""
    LIVE = 4
    """From the moment of the question."""


@frozen
class Want:
    """What a source is asked.

    Attributes:
        target: The peer that is looked for; ``None`` asks for every peer.
        vantage: Where the caller stands.
        covered: Whether an engine that the caller stands in has told every peer
            already, so that a costly search for more would find nothing.
    """

    target: Target | None
    vantage: Vantage
    covered: bool = False


@frozen(kw_only=True)
class Fact:
    """What a source says of one peer: the names it knows it by, and its addresses.

    Attributes:
        source: The source's name.
        names: The names it answers to for this peer.
        addresses: Addresses that reach it from the vantage, best first.
        ports: Its container ports, as far as they are known.
        route: The way those addresses take.
        freshness: How fresh the addresses are.
        network: The name of the network that they are on, where the source knows it.
        provenance: What tells of a link, where it is one to the caller.

    Example:
        >>> from ipaddress import ip_address
        >>> from dockernet import Fact, Port
        >>> Fact(source="wiki", names=("db",), addresses=(ip_address("10.0.0.7"),),
        ...      ports=(Port(5432),)).names
        ('db',)
    """

    source: str
    names: tuple[str, ...]
    addresses: tuple[IPAddress, ...] = ()
    ports: tuple[Port, ...] = ()
    route: Route = Route.GIVEN
    freshness: Freshness = Freshness.LIVE
    network: str | None = None
    provenance: Provenance | None = None

    @property
    def name(self) -> str:
        """Its first name, for people; its address where it has none."""
        return next(iter((*self.names, *map(str, self.addresses))), "")


def _dialled(host: IPAddress | str | None) -> IPAddress | str | None:
    if host is None or isinstance(host, str) or not host.is_unspecified:
        return host
    return IPv4Address("127.0.0.1") if host.version == 4 else IPv6Address("::1")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


@frozen(kw_only=True)
class EngineProfile:
    """What an engine says of itself, as far as it decides about routes and what blocks them.

    Attributes:
        version: Its version, such as ``28.5.2``.
        api_version: The newest API version that it speaks.
        oldest_api: The oldest one; empty where it does not tell.
        name: The name of the host it runs on.
        system: Its operating system's name, ``Docker Desktop`` among them.
        rootless: Whether it runs without root, its bridges in a namespace of its own.
        podman: Whether it is Podman's Docker-compatible service.
        firewall: Which firewall it keeps, such as ``iptables`` or ``nftables``; empty where
            it does not tell (API versions before 1.49).
        swarm: How it stands with a swarm, such as ``inactive`` or ``active``.
        forwards: Whether its host forwards IPv4 packets; ``None`` where it does not tell.
        host: The host part of the URL by which the engine is reached, as an address
            where it is one; ``None`` for a local socket. An unspecified address is
            kept as loopback, which is what dialling it means.
    """

    version: str = ""
    api_version: str = ""
    name: str = ""
    system: str = ""
    rootless: bool = False
    podman: bool = False
    oldest_api: str = ""
    firewall: str = ""
    swarm: str = ""
    forwards: bool | None = None
    host: IPAddress | str | None = field(default=None, converter=_dialled)

    @property
    def over_loopback(self) -> bool:
        """Whether it is reached by a local socket, or over loopback."""
        if self.host is None or isinstance(self.host, str):
            return self.host in (None, "localhost")
        return self.host.is_loopback

    @property
    def apart(self) -> bool:
        """Whether its networks are in a virtual machine or namespace of its own."""
        return self.rootless or self.desktop

    @property
    def in_rootlesskit(self) -> bool:
        """Whether it is a rootless Docker, which RootlessKit lends a machine's ports to."""
        return self.rootless and not self.podman

    @property
    def lends_machine(self) -> bool:
        """Whether its host mode is the network of the machine itself.

        In a virtual machine it is that one's. A rootless Docker's was the namespace of
        RootlessKit, which Engine 29.5 took itself out of (contrib/dockerd-rootless.sh
        in moby). Rootless Podman's was the machine's always.
        """
        return not self.desktop and (not self.in_rootlesskit or self.release >= (29, 5))

    @property
    def release(self) -> tuple[int, int]:
        """The major and minor version; 0 for what cannot be told."""
        major, minor, *_ = *self.version.split("."), "", ""
        return _number(major), _number(minor)

    @property
    def major(self) -> int:
        """The major version; 0 where it cannot be told."""
        return self.release[0]

    @property
    def desktop(self) -> bool:
        """Whether it is Docker Desktop, with its engine in a virtual machine."""
        return self.system.startswith("Docker Desktop")


@frozen(kw_only=True)
class Inventory:
    """What an engine, or a recording of one, says of everything it runs.

    Attributes:
        source: The source's name.
        engine: What the engine says of itself.
        containers: Its containers; those that matter to the target in detail.
        networks: Its networks.
        diagnostics: What was odd in its replies.
    """

    source: str
    engine: EngineProfile
    containers: tuple[Container, ...] = ()
    networks: tuple[Network, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    def network(self, network_id: str) -> Network | None:
        """The network of that id."""
        return next((n for n in self.networks if n.id == network_id), None)

    def container(self, container_id: str) -> Container | None:
        """The container of that id, or of that unique id prefix of 12 digits or more."""
        if len(container_id) < 12:
            return None
        found = [c for c in self.containers if c.id.startswith(container_id)]
        return found[0] if len(found) == 1 else None

    def named(self, name: str) -> Container | None:
        """The container of that name, or of that id as :meth:`container` takes it."""
        found = (c for c in self.containers if c.name == name != "")
        return next(found, None) or self.container(name)


class Source(Protocol):
    """A place that knows peers. Anybody's class fits; there is nothing to inherit.

    A source may also have ``async def aread(want)`` of the same shape; where it has
    none, the async face runs ``read`` in a worker thread. A source that could not be
    asked raises :class:`~dockernet.SourceError`.
    """

    @property
    def name(self) -> str:
        """The source's name, as answers and explanations show it."""
        ...

    def read(self, want: Want) -> Iterable[Fact | Inventory | Diagnostic]:
        """Read what the source knows of the wanted peer, or of every peer.

        Most sources give facts. An engine gives an inventory. What was odd on the
        way is given as a diagnostic and costs nothing else.
        """
        ...
