"""What to dial, and by which route."""

from __future__ import annotations

from attrs import frozen

from dockernet.model.addresses import IPAddress
from dockernet.model.ports import Port, Protocol
from dockernet.refusals import Route

__all__ = ["Endpoint"]


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
