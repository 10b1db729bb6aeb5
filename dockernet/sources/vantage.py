"""The vantage: where the caller stands, from its files and its kernel alone.

No engine is asked and no program is run. A file that is missing or may not be read
counts as empty, so nothing here fails for want of one: on a system without ``/proc``
the vantage is simply unknown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Literal

from attrs import evolve

from dockernet.errors import FormatError, SourceError
from dockernet.formats.proc import (
    EngineMount,
    default_gateways,
    join_interfaces,
    parse_cgroup,
    parse_fib_trie,
    parse_if_inet6,
    parse_ipv6_route,
    parse_mountinfo,
    parse_route,
)
from dockernet.formats.resolv import parse_resolv_conf
from dockernet.model.addresses import IPAddress
from dockernet.model.vantage import Vantage, VantageKind

__all__ = ["host_gateway", "read_host_gateway", "read_vantage"]

_ROOT = Path("/")

# Docker's init layer has the first (daemon/initlayer in moby), Podman mounts the second.
_MARKS = (".dockerenv", "run/.containerenv")

# Kubernetes, nerdctl and BuildKit leave no mark, but mount these two as all others do.
_ALWAYS_MOUNTED = frozenset({"/etc/hosts", "/etc/resolv.conf"})

_SHORT_ID = re.compile(r"[0-9a-f]{12}")

# The bridges that engines make on their host: Docker's, Podman's, and its older CNI's.
_ENGINE_BRIDGE = re.compile(r"docker0|docker_gwbridge|br-[0-9a-f]{12}|(?:cni-)?podman[0-9]+")

# The network namespace that the kernel boots with, where its inode is known: fixed in
# recent kernels (include/uapi/linux/nsfs.h), and before that the first number that is
# given out at all. Neither can be another namespace's. On old kernels it varies.
_INITIAL_NAMESPACES = frozenset({"net:[4026531833]", "net:[4026531840]"})

_LOOPBACK: dict[int, IPAddress] = {4: IPv4Address("127.0.0.1"), 6: IPv6Address("::1")}

_NO_GATEWAY = (
    "no IPv{family} default route leads out of this container, so nothing tells its host's "
    "address; connect it to a bridge network that is not internal{of_family}"
)
_OF_FAMILY = {4: "", 6: " and was created with --ipv6"}


def read_vantage(root: Path = _ROOT, environ: Mapping[str, str] | None = None) -> Vantage:
    """Read where the caller stands, from files alone.

    **The kind** is container where a cgroup path or a mount tells a container's id,
    where ``/etc/hosts`` and ``/etc/resolv.conf`` are mounts, or where an engine's mark
    is (``/.dockerenv``, ``/run/.containerenv``). A mark alone does not do if nothing is
    mounted over ``/etc``: an exported image took it along into a virtual machine.

    **The own id** is the one in the cgroup path; else of the folder that Podman mounts
    ``/run/.containerenv`` or ``/etc/hostname`` from; else of the folder that Docker
    mounts its files from; else ``HOSTNAME``, if that looks like a short id. With a
    private cgroup namespace, the default on cgroup v2, Docker tells it by the mounts
    only, and in a container with ``--network container:X`` those are X's. Such a
    container has ``None`` for its id if X was started before it was created, as with
    ``docker run``. If it was created first, as Compose may do it, no file tells the
    difference, and its id reads as X's. The addresses that it can dial are X's anyway.

    **The network mode** is ``host`` where the caller's network namespace is that of a
    machine, or has the bridges of an engine that is not its own; else nothing tells it.

    **The network owner** is the container whose ``/etc/resolv.conf`` or ``/etc/hosts``
    is mounted, else the caller itself.

    Args:
        root: The folder that holds ``proc`` and ``etc``.
        environ: The environment; without it the process's own.

    Example:
        >>> from dockernet.sources.vantage import read_vantage
        >>> vantage = read_vantage()
        >>> vantage.id is None or vantage.kind == "container"
        True
    """
    cgroup, mountinfo = _read(root, "proc/self/cgroup"), _read(root, "proc/self/mountinfo")
    mounts = parse_mountinfo(mountinfo)
    kind = _kind(root, cgroup, mountinfo, mounts)
    own = None
    if kind is VantageKind.CONTAINER:
        hostname = (os.environ if environ is None else environ).get("HOSTNAME", "")
        own = _own_id(root, cgroup, mounts, hostname)
    routes = (
        *parse_route(_read(root, "proc/net/route")),
        *parse_ipv6_route(_read(root, "proc/net/ipv6_route")),
    )
    vantage = Vantage(
        kind=kind,
        id=own,
        network_owner=_network_owner(mounts) or own,
        hostname=_read(root, "proc/sys/kernel/hostname").strip(),
        interfaces=join_interfaces(
            routes,
            parse_fib_trie(_read(root, "proc/net/fib_trie")),
            parse_if_inet6(_read(root, "proc/net/if_inet6")),
        ),
        gateways=default_gateways(routes),
        nameservers=parse_resolv_conf(_read(root, "etc/resolv.conf")).nameservers,
    )
    return evolve(vantage, network_mode="host") if _in_host_mode(root, vantage) else vantage


def _read(root: Path, name: str) -> str:
    try:
        return (root / name).read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def _kind(root: Path, cgroup: str, mountinfo: str, mounts: tuple[EngineMount, ...]) -> VantageKind:
    told = parse_cgroup(cgroup) is not None or any(m.id is not None for m in mounts)
    mounted = _ALWAYS_MOUNTED.issubset(m.path for m in mounts)
    believable = bool(mounts) or not mountinfo
    if told or mounted or (believable and any((root / mark).exists() for mark in _MARKS)):
        return VantageKind.CONTAINER
    return VantageKind.HOST if cgroup or mountinfo else VantageKind.UNKNOWN


def _own_id(root: Path, cgroup: str, mounts: tuple[EngineMount, ...], hostname: str) -> str | None:
    return (
        parse_cgroup(cgroup)
        or _podman_id(mounts)
        or _docker_id(root, mounts)
        or _short_id(hostname, _network_owner(mounts))
    )


def _podman_id(mounts: tuple[EngineMount, ...]) -> str | None:
    # With --network container:X hosts and resolv.conf are X's, these two never.
    ids = {m.path: m.id for m in mounts if m.podman}
    return ids.get("/run/.containerenv") or ids.get("/etc/hostname")


def _docker_id(root: Path, mounts: tuple[EngineMount, ...]) -> str | None:
    # With --network container:X all three are X's, or none is.
    ids = {m.path: m.id for m in mounts if m.id is not None and not m.podman}
    if "/etc/hostname" in ids and _is_older(root / "etc/hostname", root / ".dockerenv"):
        return None
    return next(iter(ids.values()), None)


def _is_older(hostname: Path, mark: Path) -> bool:
    """Whether a hostname file is another container's, by its age.

    Docker makes ``/.dockerenv`` when a container is created, and writes its hostname
    file later: whenever it is started.
    """
    try:
        return hostname.stat().st_mtime_ns < mark.stat().st_mtime_ns
    except OSError:
        return False


def _short_id(hostname: str, network_owner: str | None) -> str | None:
    # The network owner was no answer so far, and its host name is none either.
    if _SHORT_ID.fullmatch(hostname) and not (network_owner or "").startswith(hostname):
        return hostname
    return None


def _network_owner(mounts: tuple[EngineMount, ...]) -> str | None:
    ids = {m.path: m.id for m in mounts}
    return ids.get("/etc/resolv.conf") or ids.get("/etc/hosts")


def host_gateway(family: Literal[4, 6] = 4) -> IPv4Address | IPv6Address:
    """The host's address as seen from here, from the kernel alone.

    It is where services of the host listen, and the published ports of containers,
    as far as they are bound to that address or to a wildcard:

    * On the host itself, and on a system without ``/proc`` (containers run in a
      virtual machine there): loopback.
    * In a container on a bridge network: the default gateway, which is the bridge's
      address on the host. A ``container:X`` container has X's.
    * In host mode: loopback, for the default gateway is the host's own router there.
      Host mode shows by the kernel's first network namespace or by an engine's bridges
      among the interfaces. On an old kernel, on a host without such a bridge, it does
      not show, and the answer is the router. A container that runs an engine of its
      own and has a host name that is not its id counts as that engine's host.
    * With no network, and with internal ones only: a SourceError. Docker up to 25.x
      gives an internal network a default gateway all the same: it is the host, but
      published ports do not answer there.
    * On macvlan and ipvlan the answer is the network's router, if it has one. Nothing
      in ``/proc`` tells it from a bridge; such a container cannot reach its host.
    * With Docker Desktop and rootless engines the answer is the virtual machine or the
      engine's namespace: use the names ``host.docker.internal`` and
      ``host.containers.internal`` where the machine itself is meant.

    Args:
        family: 4 or 6, for an IPv4 or an IPv6 address.

    Raises:
        SourceError: No default route of the family leads out of the container.
        FormatError: The family is neither 4 nor 6.

    Example:
        >>> from dockernet import host_gateway
        >>> host_gateway().version
        4
    """
    return read_host_gateway(family)


def read_host_gateway(
    family: Literal[4, 6] = 4, root: Path = _ROOT, environ: Mapping[str, str] | None = None
) -> IPv4Address | IPv6Address:
    """Read the host's address as `host_gateway` does, from another root folder.

    Raises:
        SourceError: No default route of the family leads out of the container.
        FormatError: The family is neither 4 nor 6.
    """
    if family not in _LOOPBACK:
        raise FormatError(str(family), "the address family must be 4 or 6")
    vantage = read_vantage(root, environ)
    if vantage.kind is not VantageKind.CONTAINER or vantage.network_mode == "host":
        return _LOOPBACK[family]
    gateway = vantage.gateway(family)
    if gateway is None:
        reason = _NO_GATEWAY.format(family=family, of_family=_OF_FAMILY[family])
        raise SourceError("vantage", reason)
    return gateway


def _in_host_mode(root: Path, vantage: Vantage) -> bool:
    """Whether a container uses the network namespace of its host, as far as files tell."""
    if vantage.kind is not VantageKind.CONTAINER:
        return False
    try:
        namespace = (root / "proc/self/ns/net").readlink().name
    except OSError:
        namespace = ""
    if namespace in _INITIAL_NAMESPACES:
        return True
    # Docker in Docker: bridges of the inner engine, in a namespace of the container's
    # own. In host mode the host's name would be here, not the container's short id.
    own_name = _short_id(vantage.hostname, None)
    named_after_itself = own_name and (vantage.network_owner or "").startswith(own_name)
    bridged = any(_ENGINE_BRIDGE.fullmatch(i.name) for i in vantage.interfaces)
    return bridged and not named_after_itself
