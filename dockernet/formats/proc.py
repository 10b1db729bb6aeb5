"""Files of ``/proc``: what the kernel tells a process about its container and network.

Each function takes the text of a file, as proc(5) and the kernel's
``net/ipv4/fib_trie.c``, ``net/ipv6/route.c`` and ``net/ipv6/addrconf.c`` write it.
A line that makes no sense is skipped: no text makes an error.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal, TypeVar

from attrs import frozen

from dockernet.model.addresses import IPAddress, IPNetwork, address_order
from dockernet.model.vantage import Interface

__all__ = [
    "EngineMount",
    "KernelRoute",
    "default_gateways",
    "join_interfaces",
    "parse_cgroup",
    "parse_fib_trie",
    "parse_if_inet6",
    "parse_ipv6_route",
    "parse_mount_points",
    "parse_mountinfo",
    "parse_route",
]

# One component of a cgroup path that is a container's own: the bare id (cgroupfs), or
# docker-<id>.scope and its like (systemd), or, where a systemd path was given to
# cgroupfs, slice:cri-containerd:<id>. Podman's conmon runs beside its container, in a
# cgroup that has the container's id too.
_CGROUP_ID = re.compile(r"(?<![^/:-])(?<!conmon-)([0-9a-f]{64})(?=\.scope(?:/|$)|/|$)")

# The folder of a container in the engine's data: containers/<id>/ with Docker,
# <driver>-containers/<id>/userdata/ with Podman, /<id>/ where a file system is mounted
# on the folder above it. A file that was removed meanwhile is marked so.
_MOUNT = re.compile(
    r"^\S+ \S+ \S+ (?P<root>\S+)"
    r" (?P<path>/etc/hostname|/etc/hosts|/etc/resolv\.conf|/run/\.containerenv) ",
    re.MULTILINE,
)
_MOUNT_ID = re.compile(
    r"(?:^|[/-]containers)/(?P<id>[0-9a-f]{64})/(?P<podman>userdata/)?[^/]+(?://deleted)?$"
)

# The fields that are read: interface, destination, gateway, flags, metric, mask;
# and: destination, its length, next hop, metric, flags, interface.
_ROUTE = re.compile(
    r"^(\S+)\t([0-9A-F]{8})\t([0-9A-F]{8})\t([0-9A-F]{4,8})"
    r"\t[0-9]+\t[0-9]+\t([0-9]{1,10})\t([0-9A-F]{8})\b",
    re.MULTILINE,
)
_IPV6_ROUTE = re.compile(
    r"^([0-9a-f]{32}) ([0-9a-f]{2}) [0-9a-f]{32} [0-9a-f]{2} ([0-9a-f]{32})"
    r" ([0-9a-f]{8}) [0-9a-f]{8} [0-9a-f]{8} ([0-9a-f]{8})[ \t]+(\S+)",
    re.MULTILINE,
)
_FIB_LEAF = re.compile(r"\|-- ([0-9.]{7,15})\n(?: +/[0-9]+ .*\n)*? +/32 host LOCAL$", re.MULTILINE)
_IF_INET6 = re.compile(
    r"^([0-9a-f]{32}) [0-9a-f]{2,8} [0-9a-f]{2} ([0-9a-f]{2}) ([0-9a-f]{2})[ \t]+(\S+)",
    re.MULTILINE,
)

# proc(5): a blank, tab, newline or backslash of a path.
_OCTAL = re.compile(r"\\([0-7]{3})")

# include/uapi/linux/route.h and ipv6_route.h
_UP, _REJECT = 0x1, 0x200
_ANYCAST, _LOCAL = 0x100000, 0x80000000

_GLOBAL_SCOPE, _HOST_SCOPE = 0x00, 0x10  # include/net/ipv6.h
_DAD_FAILED = 0x08  # include/uapi/linux/if_addr.h: another machine has the address

_UNKNOWN_INTERFACE = ""

N = TypeVar("N", IPv4Network, IPv6Network)


@frozen
class EngineMount:
    """One of the files that an engine mounts into its containers.

    Attributes:
        path: Where it is seen: ``/etc/hostname``, ``/etc/hosts``,
            ``/etc/resolv.conf`` or ``/run/.containerenv``.
        id: The container in whose folder the file lies; ``None`` where it lies
            elsewhere, as with Kubernetes or a user's own file.
        podman: Whether the folder is laid out as Podman does it.
    """

    path: str
    id: str | None
    podman: bool = False


@frozen
class KernelRoute:
    """An entry of the kernel's routing table.

    Attributes:
        interface: The interface it leads through.
        subnet: Where it leads.
        next_hop: The router on the way; ``None`` for a subnet that is on-link.
        metric: Its cost: of several ways the cheapest is taken.
    """

    interface: str
    subnet: IPNetwork
    next_hop: IPAddress | None
    metric: int


def parse_cgroup(text: str) -> str | None:
    """Parse ``/proc/self/cgroup`` for the caller's own container id.

    Of containers within containers it is the innermost one's. A private cgroup
    namespace, the default on cgroup v2, hides the id: ``0::/``.

    Example:
        >>> from dockernet.formats.proc import parse_cgroup
        >>> parse_cgroup("4:memory:/system.slice/docker-" + "ab" * 32 + ".scope")[:12]
        'abababababab'
    """
    paths = (line.split(":", 2)[-1] for line in text.split("\n"))
    chains: Iterator[list[str]] = (_CGROUP_ID.findall(path) for path in paths)
    # A controller that the inner engine does not use stays at the outer container.
    deepest = max(chains, key=len)
    return deepest[-1] if deepest else None


def parse_mountinfo(text: str) -> tuple[EngineMount, ...]:
    """Parse ``/proc/self/mountinfo`` for the files that an engine mounted.

    Of several mounts on one path the last one is seen, and counts.
    """
    mounts = {m["path"]: _engine_mount(m["path"], m["root"]) for m in _MOUNT.finditer(text)}
    return tuple(mounts.values())


def parse_mount_points(text: str) -> frozenset[str]:
    r"""Parse ``/proc/self/mountinfo`` for every path that something is mounted on.

    Example:
        >>> from dockernet.formats.proc import parse_mount_points
        >>> line = r"31 25 8:1 /c/hosts /my\040hosts rw,relatime - ext4 /dev/sda rw"
        >>> parse_mount_points(line)
        frozenset({'/my hosts'})
    """
    paths = (words[4] for line in text.split("\n") if len(words := line.split(" ")) > 4)
    return frozenset(_OCTAL.sub(lambda found: chr(int(found[1], 8)), path) for path in paths)


def _engine_mount(path: str, root: str) -> EngineMount:
    match = _MOUNT_ID.search(root)
    if match is None:
        return EngineMount(path, None)
    return EngineMount(path, match["id"], podman=match["podman"] is not None)


def parse_route(
    text: str, byteorder: Literal["little", "big"] = sys.byteorder
) -> tuple[KernelRoute, ...]:
    """Parse ``/proc/net/route``, the IPv4 routes that are up and lead somewhere.

    Args:
        text: The file's text.
        byteorder: The byte order of the machine that wrote it: the kernel prints
            the bytes of an address as if they were a number of its own.
    """
    return tuple(r for match in _ROUTE.finditer(text) for r in _ipv4_route(match, byteorder))


def _ipv4_route(match: re.Match[str], byteorder: Literal["little", "big"]) -> Iterator[KernelRoute]:
    interface, destination, gateway, flags, metric, mask = match.groups()
    if not int(flags, 16) & _UP or int(flags, 16) & _REJECT:
        return
    start, hop, bits = (
        int.from_bytes(int(word, 16).to_bytes(4, byteorder), "big")
        for word in (destination, gateway, mask)
    )
    subnet = _subnet(IPv4Network, start, bits.bit_count())
    if subnet is not None and int(subnet.netmask) == bits:
        yield KernelRoute(interface, subnet, IPv4Address(hop) if hop else None, int(metric))


def parse_ipv6_route(text: str) -> tuple[KernelRoute, ...]:
    """Parse ``/proc/net/ipv6_route`` for the routes to other machines.

    The machine's own, anycast, multicast and link-local addresses have entries
    there as well, and wherever IPv6 is on a default route that rejects everything.
    """
    return tuple(r for match in _IPV6_ROUTE.finditer(text) for r in _ipv6_route(match))


def _ipv6_route(match: re.Match[str]) -> Iterator[KernelRoute]:
    destination, length, next_hop, metric, flags, interface = match.groups()
    if not int(flags, 16) & _UP or int(flags, 16) & (_REJECT | _ANYCAST | _LOCAL):
        return
    subnet = _subnet(IPv6Network, int(destination, 16), int(length, 16))
    if subnet is None or subnet.is_multicast or subnet.is_link_local:
        return
    hop = int(next_hop, 16)
    yield KernelRoute(interface, subnet, IPv6Address(hop) if hop else None, int(metric, 16))


def _subnet(kind: type[N], start: int, length: int) -> N | None:
    try:
        return kind((start, length))
    except ValueError:  # host bits are set, or the length is beyond the family's
        return None


def parse_fib_trie(text: str) -> tuple[IPv4Address, ...]:
    """Parse ``/proc/net/fib_trie`` for the own IPv4 addresses, loopback with them.

    Each is listed in the main and in the local table, and returned once.
    """
    return tuple(a for leaf in dict.fromkeys(_FIB_LEAF.findall(text)) for a in _ipv4(leaf))


def _ipv4(text: str) -> Iterator[IPv4Address]:
    try:
        yield IPv4Address(text)
    except ValueError:
        return


def parse_if_inet6(text: str) -> tuple[tuple[str, IPv6Address], ...]:
    """Parse ``/proc/net/if_inet6`` into pairs of interface and own IPv6 address.

    Link-local addresses are left out, since they mean nothing without a scope, and
    so are those that another machine turned out to have.
    """
    return tuple(
        (interface, IPv6Address(int(address, 16)))
        for address, scope, flags, interface in _IF_INET6.findall(text)
        if int(scope, 16) in (_GLOBAL_SCOPE, _HOST_SCOPE) and not int(flags, 16) & _DAD_FAILED
    )


def default_gateways(routes: Iterable[KernelRoute]) -> tuple[IPAddress, ...]:
    """The next hops of the default routes: IPv4 first, and the cheapest first.

    A link-local next hop is left out, since nobody can dial it: with IPv6 it means
    nothing without a scope, and with IPv4 it stands in for a router that has no
    address in the subnet, as in some Kubernetes networks.
    """
    ways = (r for r in routes if r.subnet.prefixlen == 0 and r.next_hop is not None)
    ordered = sorted(ways, key=lambda r: (r.subnet.version, r.metric))
    hops = dict.fromkeys(r.next_hop for r in ordered)
    return tuple(hop for hop in hops if hop is not None and not hop.is_link_local)


def join_interfaces(
    routes: Iterable[KernelRoute],
    ipv4: Iterable[IPv4Address],
    ipv6: Iterable[tuple[str, IPv6Address]],
) -> tuple[Interface, ...]:
    """Join addresses and on-link subnets into the interfaces, by name.

    No file names the interface of an IPv4 address. It is taken to be the one whose
    on-link subnet contains it, the narrowest if there are several. An address that
    lies in none, such as a /32 on a tunnel or on a cloud machine, is kept on an
    interface without a name, which comes last. An interface that has neither an
    address nor a subnet is not there.
    """
    on_link = [r for r in routes if r.next_hop is None and r.subnet.prefixlen > 0]
    placed: list[tuple[str, IPAddress]] = [(_interface_of(a, on_link), a) for a in ipv4]
    placed.extend(ipv6)
    names = {name for name, _ in placed} | {r.interface for r in on_link}
    return tuple(
        Interface(
            name=name,
            addresses=tuple(sorted({a for n, a in placed if n == name}, key=address_order)),
            subnets=tuple(sorted({r.subnet for r in on_link if r.interface == name}, key=_order)),
        )
        for name in sorted(names, key=lambda name: (name == _UNKNOWN_INTERFACE, name))
    )


def _interface_of(address: IPv4Address, on_link: Iterable[KernelRoute]) -> str:
    if address.is_loopback:
        return "lo"
    around = (r for r in on_link if address in r.subnet)
    narrowest = max(around, key=lambda r: (r.subnet.prefixlen, -r.metric), default=None)
    return _UNKNOWN_INTERFACE if narrowest is None else narrowest.interface


def _order(subnet: IPNetwork) -> tuple[int, int, int]:
    return *address_order(subnet.network_address), subnet.prefixlen
