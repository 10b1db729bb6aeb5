"""Where the caller stands: what an address means depends on it."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from dockernet.model.addresses import IPAddress, IPNetwork
from dockernet.model.containers import Attachment

__all__ = ["Interface", "Vantage", "VantageKind"]


class VantageKind(StrEnum):
    """What kind of place the caller stands in, as its own files tell it."""

    HOST = "host"
    CONTAINER = "container"
    UNKNOWN = "unknown"


@frozen(kw_only=True)
class Interface:
    """A network interface of the machine or container, as its kernel tells it.

    Attributes:
        name: The kernel's name, such as ``docker0`` or ``eth0``.
        addresses: Its addresses, IPv4 first.
        subnets: The subnets that are on-link through it, IPv4 first.
    """

    name: str
    addresses: tuple[IPAddress, ...] = ()
    subnets: tuple[IPNetwork, ...] = ()


@frozen(kw_only=True)
class Vantage:
    """Where the caller stands.

    Attributes:
        kind: Host, container, or unknown (a system without ``/proc``).
        id: The caller's own container id; ``None`` on the host and where nothing
            tells it. It may be the 12-digit short form.
        network_owner: The id of the container whose network namespace the caller
            uses; differs from ``id`` with ``--network container:X``.
        hostname: The host name as the kernel tells it.
        interfaces: The interfaces of the caller's network namespace.
        gateways: The next hops of its default routes, IPv4 first.
        nameservers: The name servers of its ``resolv.conf``, in order.
        name: The container's own name; like all below known only to an engine.
        network_mode: Its network mode.
        networks: Its attachments.
        project: Its Compose project.
        service: Its Compose service.
        number: Its number within the service.
    """

    kind: VantageKind = VantageKind.UNKNOWN
    id: str | None = None
    network_owner: str | None = None
    hostname: str = ""
    interfaces: tuple[Interface, ...] = ()
    gateways: tuple[IPAddress, ...] = ()
    nameservers: tuple[IPAddress, ...] = ()
    name: str | None = None
    network_mode: str | None = None
    networks: tuple[Attachment, ...] = ()
    project: str | None = None
    service: str | None = None
    number: int | None = None

    @property
    def addresses(self) -> tuple[IPAddress, ...]:
        """The caller's own addresses, loopback left out."""
        own = (a for interface in self.interfaces for a in interface.addresses)
        return tuple(a for a in own if not a.is_loopback)

    @property
    def subnets(self) -> tuple[IPNetwork, ...]:
        """The subnets on-link from here, loopback left out."""
        on_link = (s for interface in self.interfaces for s in interface.subnets)
        return tuple(s for s in on_link if not s.is_loopback)

    def gateway(self, family: int) -> IPAddress | None:
        """The default gateway of an address family, 4 or 6."""
        return next((g for g in self.gateways if g.version == family), None)

    def __str__(self) -> str:
        label = self.name or (self.id or "")[:12]
        return f"{self.kind} {label}".rstrip()
