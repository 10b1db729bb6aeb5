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

__all__ = ["bridge_filter", "forwarding_v4", "forwarding_v6", "overlaps"]

_V4: Final = "/proc/sys/net/ipv4/ip_forward"
_V6: Final = "/proc/sys/net/ipv6/conf/all/forwarding"
_BRIDGES: Final = "/proc/sys/net/bridge/bridge-nf-call-iptables"


def forwarding_v4(examined: Examined) -> Iterator[Finding]:
    """The host forwards no IPv4 packets; where it is elsewhere, its engine tells."""
    if not any(s.version == 4 for n in _leading_out(examined) for s in n.subnets):
        return
    told = None if examined.inventory is None else examined.inventory.engine.forwards
    if examined.switches is not None and _V4 in examined.switches:
        evidence = Evidence(Kind.FILE, _V4, examined.switches[_V4])
        off = examined.switches[_V4] == "0"
    else:
        evidence, off = Evidence(Kind.ENGINE, "/info", "IPv4Forwarding false"), told is False
    if off:
        yield Finding(
            code=Code.IPV4_FORWARDING_OFF,
            subject="host",
            observed="the engine's host forwards no IPv4 packets",
            evidence=(evidence,),
            fix=_switched("net.ipv4.ip_forward"),
        )


def forwarding_v6(examined: Examined) -> Iterator[Finding]:
    """The host forwards no IPv6 packets, and a network has them."""
    six = [n for n in _leading_out(examined) if any(s.version == 6 for s in n.subnets)]
    if six and examined.switches is not None and examined.switches.get(_V6) == "0":
        yield Finding(
            code=Code.IPV6_FORWARDING_OFF,
            subject="host",
            observed=f"the engine's host forwards no IPv6 packets, and {six[0]} has an IPv6 subnet",
            evidence=(Evidence(Kind.FILE, _V6, "0"),),
            fix=_switched("net.ipv6.conf.all.forwarding"),
        )


def _leading_out(examined: Examined) -> tuple[Network, ...]:
    return tuple(n for n in examined.bridges if not n.internal)


def bridge_filter(examined: Examined) -> Iterator[Finding]:
    """A network is to keep its containers apart, and what crosses its bridge is not filtered."""
    apart = [n for n in examined.bridges if not n.icc]
    if not apart or examined.switches is None or examined.switches.get(_BRIDGES) != "0":
        return
    yield Finding(
        code=Code.BRIDGE_NOT_FILTERED,
        subject=str(apart[0]),
        observed=f"network {apart[0]} is to keep its containers apart, and what crosses its "
        "bridge meets no firewall",
        evidence=(Evidence(Kind.FILE, _BRIDGES, "0"),),
        fix=_switched("net.bridge.bridge-nf-call-iptables"),
    )


def _switched(name: str) -> Fix:
    return Fix((("sysctl", "-w", f"{name}=1"),), "set it in /etc/sysctl.d, so that it stays")


def overlaps(examined: Examined) -> Iterator[Finding]:
    """Another route of the host leads into a network's subnet."""
    for network in examined.bridges if examined.machine is not None else ():
        for subnet in network.subnets:
            for route in examined.routes:
                if route.interface != network.interface and _overlap(route.subnet, subnet):
                    yield _overlapping(network, subnet, route)


def _overlap(one: IPNetwork, other: IPNetwork) -> bool:
    """Whether two subnets have addresses in common; the default route is for the rest."""
    return one.version == other.version and one.prefixlen > 0 and one.overlaps(other)


def _overlapping(network: Network, subnet: IPNetwork, route: KernelRoute) -> Finding:
    where = f"{route.subnet} dev {route.interface}"
    via = () if route.next_hop is None else ("via", str(route.next_hop))
    six = ("-6",) if subnet.version == 6 else ()
    return Finding(
        code=Code.OVERLAPPING_SUBNETS,
        subject=str(network),
        observed=f"network {network} has subnet {subnet}, and the host has a route to "
        f"{route.subnet} by {route.interface}",
        evidence=(Evidence(Kind.FILE, "/proc/net/route", where),),
        fix=Fix(
            (("ip", *six, "route", "del", str(route.subnet), *via, "dev", route.interface),),
            f"make {network} with another --subnet",
        ),
    )
