"""What to dial, by which route, and why nothing can be dialled."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from dockernet.errors import shown_lines
from dockernet.model.addresses import IPAddress
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.ports import Port, Protocol
from dockernet.model.vantage import Vantage

__all__ = ["Endpoint", "Explanation", "Peer", "Reason", "Refusal", "Route"]


NOT_HEARD = "not heard"
"""The subject of the diagnostic of a source that could not be asked."""


class Route(StrEnum):
    """The way from a vantage to a container port."""

    SAME_NAMESPACE = "same namespace"
    """Both in one network namespace: over loopback."""
    SHARED_NETWORK = "shared network"
    """Both on one network: the peer's own address there."""
    LINK = "link"
    """A link joins them: the peer's own address, its exposed ports."""
    HOST_MODE = "host mode"
    """The peer uses the network of the engine's host: the host's address."""
    GATEWAY = "gateway"
    """Out through the gateway to a published port of the engine's host."""
    ROUTED = "routed"
    """The peer's own address, from another network, through the host's routing."""
    PUBLISHED = "published"
    """A published port, over an address of the engine's host."""
    DIRECT = "direct"
    """From the engine's host to the peer's own address on a bridge."""
    GIVEN = "given"
    """A source named the address and tells nothing of the way."""


class Reason(StrEnum):
    """Why a route cannot work; stable codes."""

    NOT_RUNNING = "not-running"
    PAUSED = "paused"
    NO_NETWORK = "no-network"
    PORT_UNKNOWN = "port-unknown"
    ICC_DISABLED = "icc-disabled"
    NOT_EXPOSED = "not-exposed"
    NO_SHARED_NETWORK = "no-shared-network"
    NOT_PUBLISHED = "not-published"
    PUBLISHED_ON_LOOPBACK = "published-on-loopback"
    DRIVER_NOT_ROUTED = "driver-not-routed"
    ADDRESS_BEHIND_VM = "address-behind-vm"
    HOST_ADDRESS_UNKNOWN = "host-address-unknown"
    NO_ADDRESS = "no-address"
    STALE = "stale"


@frozen
class Refusal:
    """A route that cannot work, with the reason and the fix.

    Attributes:
        route: The route that was weighed; ``None`` where no route could help.
        reason: The stable code.
        detail: What was found, in one clause.
        fix: What a person can do about it, in one line.
    """

    route: Route | None
    reason: Reason
    detail: str
    fix: str

    def __str__(self) -> str:
        return shown_lines(f"{self.reason}: {self.detail} (fix: {self.fix})")


@frozen
class Endpoint:
    """What to dial.

    Not what Docker's API calls an endpoint: that is an
    :class:`~dockernet.Attachment` here.

    Attributes:
        host: An address, or a name where only the engine's host name is known.
        port: The port number to dial.
        protocol: ``tcp``, ``udp`` or ``sctp``.
        route: The way it takes.
        source: The source that told it.
        peer: The peer's name.
        container_port: The port inside the peer.
        network: The network that the route crosses, where it crosses one.

    Example:
        >>> from ipaddress import ip_address
        >>> from dockernet import Endpoint
        >>> str(Endpoint(ip_address("fd00::2"), 80))
        '[fd00::2]:80'
    """

    host: IPAddress | str
    port: int
    protocol: Protocol = "tcp"
    route: Route = Route.GIVEN
    source: str = ""
    peer: str | None = None
    container_port: Port | None = None
    network: str | None = None

    @property
    def address(self) -> tuple[str, int]:
        """The pair that :func:`socket.create_connection` takes."""
        return str(self.host), self.port

    @property
    def family(self) -> int | None:
        """4 or 6; ``None`` for a host name."""
        return None if isinstance(self.host, str) else self.host.version

    def url(self, scheme: str) -> str:
        """Make a URL of it.

        Example:
            >>> from dockernet import Endpoint
            >>> Endpoint("engine.example", 8080).url("http")
            'http://engine.example:8080'
        """
        return f"{scheme}://{self}"

    def __str__(self) -> str:
        host = str(self.host)
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


@frozen
class Peer:
    """A container that could be reached, or a name that a source told.

    Attributes:
        name: The name to ask for.
        id: The container's id; ``None`` without an engine.
        addresses: Its addresses on that network, IPv4 first.
        network: The network's name; ``None`` without an engine.
        sources: The sources that know it, the most trusted first.
    """

    name: str
    id: str | None = None
    addresses: tuple[IPAddress, ...] = ()
    network: str | None = None
    sources: tuple[str, ...] = ()


@frozen(kw_only=True)
class Explanation:
    """Why a target resolves to what it does; ``str()`` of it is for people.

    Attributes:
        target: The target, as it was asked for.
        vantage: Where the caller stands.
        stand: What the engine makes of it, in words.
        asked: The names of the sources that were asked.
        chosen: The endpoint that ``resolve`` answers; ``None`` where it refuses.
        endpoints: Every endpoint, best first.
        refusals: Every route that cannot work.
        diagnostics: What was odd on the way: stale facts, sources out of reach.
        notes: What was chosen for the caller, such as a port.
        near_misses: Names like the one asked for, where no source knows it.
    """

    target: str
    vantage: Vantage
    stand: str = ""
    asked: tuple[str, ...] = ()
    chosen: Endpoint | None = None
    endpoints: tuple[Endpoint, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    notes: tuple[str, ...] = ()
    near_misses: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join(map(shown_lines, self._lines()))

    def _lines(self) -> list[str]:
        lines = [f"{self.target}, asked from {self.stand or self.vantage}"]
        lines += [f"  sources asked: {', '.join(self.asked)}"] if self.asked else []
        lines += [f"  note: {note}" for note in self.notes]
        replicas = len({endpoint.peer for endpoint in self.endpoints} - {None}) > 1
        for endpoint in self.endpoints:
            mark = "->" if endpoint == self.chosen else "or"
            to = f" to {endpoint.peer}" if replicas and endpoint.peer else ""
            lines.append(f"  {mark} {endpoint}/{endpoint.protocol}{to} {_why(endpoint)}")
        lines += [f"  no {refusal.route or 'route'}: {refusal}" for refusal in self.refusals]
        if not self.endpoints and not self.refusals and not self.notes:
            lines.append(f"  {self._unknown()}")
        if self.near_misses:
            lines.append(f"  did you mean {' or '.join(self.near_misses)}?")
        return lines + [f"  odd: {diagnostic}" for diagnostic in self.diagnostics]

    def _unknown(self) -> str:
        deaf = {d.source for d in self.diagnostics if d.subject == NOT_HEARD}
        if deaf and deaf.issuperset(self.asked):
            return "no source could be asked"
        return f"no source{' that was heard' if deaf else ''} knows this name"


def _why(endpoint: Endpoint) -> str:
    crossing = f" {endpoint.network}" if endpoint.network else ""
    return f"by {endpoint.route}{crossing} (source: {endpoint.source})"
