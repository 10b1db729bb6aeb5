"""A network as an engine tells it: who may talk on it, and where its host address is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from attrs import frozen

from dockernet.model.addresses import IPAddress, IPNetwork

__all__ = ["Isolate", "Network"]

Isolate = Literal["false", "true", "strict"]


@frozen(kw_only=True)
class Network:
    """A network of an engine.

    Attributes:
        id: Its id.
        name: Its name.
        driver: ``bridge``, ``host``, ``null``, ``overlay``, ``macvlan``, ``ipvlan``
            or a plugin's.
        scope: ``local`` or ``swarm``.
        subnets: Its subnets, IPv4 first.
        gateways: The gateways of its subnets as the engine tells them, IPv4 first; those
            that an engine chose itself may be left out.
        internal: Whether it has no way out: no gateway, no published ports.
        icc: Whether its containers may talk to each other.
        masquerade: Whether what its containers send out of it gets the host's address.
        routed: The address families, 4 and 6, whose gateway mode is ``routed``.
        isolated: The address families, 4 and 6, whose gateway mode is ``isolated``: the
            host has no address on the bridge.
        interface: The bridge's interface on the engine's host; ``None`` for other drivers.
        is_default_bridge: Whether it is the engine's default network, where containers
            have no names for each other but for links.
        isolate: Podman's option of that name: ``false`` lets containers of other networks
            in, ``true`` those alone whose network has not ``true`` itself, ``strict``
            none; ``None`` where it is not told, as with Docker.
    """

    id: str
    name: str
    driver: str = "bridge"
    scope: str = "local"
    subnets: tuple[IPNetwork, ...] = ()
    gateways: tuple[IPAddress, ...] = ()
    internal: bool = False
    icc: bool = True
    masquerade: bool = True
    routed: tuple[int, ...] = ()
    isolated: tuple[int, ...] = ()
    interface: str | None = None
    is_default_bridge: bool = False
    isolate: Isolate | None = None

    @property
    def is_bridge(self) -> bool:
        """Whether it is a bridge on the engine's host, so that it has an address there."""
        return self.driver == "bridge"

    def host_address(self, family: int, seen: Iterable[IPAddress] = ()) -> IPAddress | None:
        """The address of the engine's host on this bridge, for family 4 or 6.

        Where the network does not tell a gateway, its containers do; else it is the
        first address of the subnet, which the engine's allocator takes for it, if the
        subnet was not given together with a range.

        Args:
            family: 4 or 6.
            seen: The gateways that a container has on this network. On the default
                bridge they do not count: the daemon's ``default-gateway`` is a router.
        """
        if not self.is_bridge or family in self.isolated:
            return None
        told = (*self.gateways, *(() if self.is_default_bridge else seen))
        first = (s[1] for s in self.subnets if s.num_addresses > 2)
        return next((a for a in (*told, *first) if a.version == family), None)

    def __str__(self) -> str:
        return self.name
