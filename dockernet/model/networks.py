"""A network as an engine tells it: who may talk on it, and where its host address is."""

from __future__ import annotations

from attrs import frozen

from dockernet.model.addresses import IPAddress, IPNetwork

__all__ = ["Network"]


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
        gateways: The gateways of its subnets as the engine tells them, IPv4 first;
            Engine 20.10 leaves out those that it chose itself.
        internal: Whether it has no way out: no gateway, no published ports.
        icc: Whether its containers may talk to each other.
        routed: The address families, 4 and 6, whose gateway mode is ``routed``.
        interface: The bridge's interface on the engine's host; ``None`` for other drivers.
        is_default_bridge: Whether it is the engine's default network, where containers
            have no names for each other but for links.
    """

    id: str
    name: str
    driver: str = "bridge"
    scope: str = "local"
    subnets: tuple[IPNetwork, ...] = ()
    gateways: tuple[IPAddress, ...] = ()
    internal: bool = False
    icc: bool = True
    routed: tuple[int, ...] = ()
    interface: str | None = None
    is_default_bridge: bool = False

    @property
    def is_bridge(self) -> bool:
        """Whether it is a bridge on the engine's host, so that it has an address there."""
        return self.driver == "bridge"

    def host_address(self, family: int) -> IPAddress | None:
        """The address of the engine's host on this bridge, for family 4 or 6.

        Where the engine does not tell a gateway (20.10 for those it chose itself)
        it is the first address of the subnet, which its allocator takes for it.
        """
        if not self.is_bridge:
            return None
        told = [g for g in self.gateways if g.version == family]
        first = [s[1] for s in self.subnets if s.version == family and s.num_addresses > 2]
        return next(iter(told + first), None)

    def __str__(self) -> str:
        return self.name
