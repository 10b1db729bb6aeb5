"""Checks of the kernel of the engine's host: its settings, and its routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dockernet.doctor.codes import Code
from dockernet.doctor.examined import Examined
from dockernet.doctor.findings import Evidence, Finding, Fix, Kind
from dockernet.formats.proc import KernelRoute
from dockernet.model.addresses import IPNetwork
from dockernet.model.networks import Network
from dockernet.model.places import BRIDGE_FILTER, IPV4_FORWARDING, IPV6_FORWARDING
from dockernet.model.vantage import Vantage
from dockernet.refusals import Route

__all__ = ["bridge_filter", "forwarding_v4", "forwarding_v6", "overlaps"]

# Wider ones are for the rest, as the default route is: 0.0.0.0/1 and 128.0.0.0/1 of a
# VPN, 2000::/3 of a provider.
_WIDEST: Final = 8
_FORWARDED: Final = frozenset({Route.ROUTED, Route.GIVEN})


def forwarding_v4(examined: Examined) -> Iterator[Finding]:
    """The host forwards no IPv4 packets; where it is elsewhere, its engine tells."""
    if not _leading_out(examined, 4):
        return
    told = None if examined.inventory is None else examined.inventory.engine.forwards
    if examined.switches is not None and IPV4_FORWARDING in examined.switches:
        evidence = Evidence(Kind.FILE, IPV4_FORWARDING, examined.switches[IPV4_FORWARDING])
        off = examined.switches[IPV4_FORWARDING] == "0"
    else:
        evidence, off = Evidence(Kind.ENGINE, "/info", "IPv4Forwarding false"), told is False
    if off:
        yield Finding(
            code=Code.IPV4_FORWARDING_OFF,
            subject="host",
            observed="the engine's host forwards no IPv4 packets",
            evidence=(evidence,),
            fix=_switched(IPV4_FORWARDING),
        )


def forwarding_v6(examined: Examined) -> Iterator[Finding]:
    """The host forwards no IPv6 packets, and a network has them."""
    six = _leading_out(examined, 6)
    if six and examined.switches is not None and examined.switches.get(IPV6_FORWARDING) == "0":
        yield Finding(
            code=Code.IPV6_FORWARDING_OFF,
            subject="host",
            observed=f"the engine's host forwards no IPv6 packets, and {six[0]} has an IPv6 subnet",
            evidence=(Evidence(Kind.FILE, IPV6_FORWARDING, "0"),),
            fix=_switched(IPV6_FORWARDING),
        )


def _leading_out(examined: Examined, family: int) -> tuple[Network, ...]:
    """The networks out of which something is to be forwarded."""
    if examined.target is not None and not _is_forwarded(examined, family):
        return ()
    out = (n for n in examined.concerned if not n.internal)
    return tuple(n for n in out if any(s.version == family for s in n.subnets))


def _is_forwarded(examined: Examined, family: int) -> bool:
    """Whether the host forwards what goes to a target that is silent.

    What crosses one bridge is not forwarded, nor is what the host sends itself, nor what
    a userland proxy passes on.
    """
    if examined.outside is not None and not examined.outside.reached:
        return True
    forwarded = set(_FORWARDED)
    if not examined.proxied:
        forwarded.add(Route.GATEWAY)
    if not examined.on_host:
        forwarded.add(Route.PUBLISHED)
    missed = (e.route for e in examined.unreached if e.family in (family, None))
    return not forwarded.isdisjoint(missed)


def bridge_filter(examined: Examined) -> Iterator[Finding]:
    """A network is to keep its containers apart, and what crosses its bridge is not filtered."""
    apart = [n for n in examined.concerned if not n.icc]
    if not apart or examined.switches is None or examined.switches.get(BRIDGE_FILTER) != "0":
        return
    yield Finding(
        code=Code.BRIDGE_NOT_FILTERED,
        subject=str(apart[0]),
        observed=f"network {apart[0]} is to keep its containers apart, and what crosses its "
        "bridge meets no firewall",
        evidence=(Evidence(Kind.FILE, BRIDGE_FILTER, "0"),),
        fix=_switched(BRIDGE_FILTER),
    )


def _switched(path: str) -> Fix:
    name = path.removeprefix("/proc/sys/").replace("/", ".")
    return Fix((("sysctl", "-w", f"{name}=1"),), "set it in /etc/sysctl.d, so that it stays")


def overlaps(examined: Examined) -> Iterator[Finding]:
    """Another route of the host leads into a network's subnet."""
    if examined.machine is None:
        return
    for network in examined.concerned:
        for subnet in network.subnets:
            for route in examined.routes:
                if route.interface != network.interface and _overlap(route.subnet, subnet):
                    yield _overlapping(network, subnet, route, examined.machine)


def _overlap(one: IPNetwork, other: IPNetwork) -> bool:
    """Whether a route and a subnet have addresses in common; wide routes are for the rest."""
    return one.version == other.version and one.prefixlen >= _WIDEST and one.overlaps(other)


def _overlapping(
    network: Network, subnet: IPNetwork, route: KernelRoute, machine: Vantage
) -> Finding:
    return Finding(
        code=Code.OVERLAPPING_SUBNETS,
        subject=str(network),
        observed=f"network {network} has subnet {subnet}, and the host has a route to "
        f"{route.subnet} by {route.interface}",
        evidence=(Evidence(Kind.FILE, _table(subnet), f"{route.subnet} dev {route.interface}"),),
        fix=Fix(_deleted(route, subnet, machine), f"make {network} with another --subnet"),
    )


def _table(subnet: IPNetwork) -> str:
    return "/proc/net/ipv6_route" if subnet.version == 6 else "/proc/net/route"


def _deleted(
    route: KernelRoute, subnet: IPNetwork, machine: Vantage
) -> tuple[tuple[str, ...], ...]:
    """The command that deletes a route, unless more depends on it than addresses in both."""
    own = (i for i in machine.interfaces if i.name == route.interface)
    if route.subnet.prefixlen < subnet.prefixlen or any(
        address in route.subnet for i in own for address in i.addresses
    ):
        return ()
    via = () if route.next_hop is None else ("via", str(route.next_hop))
    six = ("-6",) if subnet.version == 6 else ()
    return (("ip", *six, "route", "del", str(route.subnet), *via, "dev", route.interface),)
