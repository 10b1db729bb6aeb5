"""Places where programs run: this one, and that of a container of this machine.

What is read are files of ``/proc`` and three of the place's own. To ask and dial from a
container's place, a thread enters its network namespace; that needs root, and the thread
ends with its work.
"""

from __future__ import annotations

import ctypes
import os
import stat
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol, TypeVar

from dockernet.errors import SourceError
from dockernet.formats.hosts import parse_hosts
from dockernet.formats.proc import (
    KernelRoute,
    default_gateways,
    join_interfaces,
    parse_cgroup,
    parse_fib_trie,
    parse_if_inet6,
    parse_ipv6_route,
    parse_route,
)
from dockernet.formats.resolv import parse_resolv_conf
from dockernet.model.links import Link
from dockernet.model.mappings import FrozenMap
from dockernet.model.places import (
    BRIDGE_FILTER,
    IPV4_FORWARDING,
    IPV6_FORWARDING,
    Place,
    Switches,
)

__all__ = ["Inside", "entering", "read_place", "read_routes", "read_switches"]

T = TypeVar("T")

_NAME: Final = "place"
_ROOT: Final = Path("/")
_LARGEST: Final = 1_048_576  # bytes of a file of others
_NEW_NETWORK: Final = 0x40000000  # CLONE_NEWNET of include/uapi/linux/sched.h
_SWITCHES: Final = (IPV4_FORWARDING, IPV6_FORWARDING, BRIDGE_FILTER)
_NEEDS_ROOT: Final = "needs root, or the capability CAP_SYS_ADMIN: run it with sudo"


def read_switches(root: Path = _ROOT) -> Switches:
    """Read the settings of this network namespace's kernel; those that are there."""
    told = ((path, _text(root / path.lstrip("/")).strip()) for path in _SWITCHES)
    return FrozenMap({path: text for path, text in told if text})


def read_routes(root: Path = _ROOT, process: str = "self") -> tuple[KernelRoute, ...]:
    """Read the routes of a process's network namespace."""
    net = root / "proc" / process / "net"
    return (
        *parse_route(_text(net / "route")),
        *parse_ipv6_route(_text(net / "ipv6_route")),
    )


def read_place(
    pid: int | None = None,
    container_id: str = "",
    *,
    root: Path = _ROOT,
    environ: Mapping[str, str] | None = None,
) -> Place:
    """Read a place: this one, or that of a container's first process.

    Args:
        pid: The number of the process; this one's place unless given.
        container_id: The container that the process must be of.
        root: The folder that holds ``proc`` and ``etc``.
        environ: The variables of this process.

    Raises:
        SourceError: The process is none of the container's as seen from here, or may
            not be looked into.
    """
    if pid is None:
        variables: Mapping[str, str] = os.environ if environ is None else environ
        return _place(root, "self", root / "etc", variables)
    process = root / "proc" / str(pid)
    if parse_cgroup(_text(process / "cgroup")) != container_id:
        reason = f"the process of {container_id[:12]} cannot be seen from here"
        raise SourceError(_NAME, f"{reason}: run it on the engine's host")
    try:
        pairs = (process / "environ").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError as error:
        raise SourceError(_NAME, f"to look into {container_id[:12]} {_NEEDS_ROOT}") from error
    variables = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    return _place(root, str(pid), process / "root" / "etc", variables)


def _place(root: Path, process: str, etc: Path, environ: Mapping[str, str]) -> Place:
    net = root / "proc" / process / "net"
    routes = read_routes(root, process)
    out = {r.subnet.version for r in routes if r.subnet.prefixlen == 0}
    return Place(
        interfaces=join_interfaces(
            routes,
            parse_fib_trie(_text(net / "fib_trie")),
            parse_if_inet6(_text(net / "if_inet6")),
        ),
        gateways=default_gateways(routes),
        leads_out=tuple(sorted(out)),
        nameservers=parse_resolv_conf(_file(etc, "resolv.conf")).nameservers,
        hosts=parse_hosts(_file(etc, "hosts")).lines,
        hosts_file=str(etc / "hosts"),
        links=Link.read_environ(environ),
    )


def _text(path: Path) -> str:
    """A file of the kernel's; nothing where it is not there or may not be read."""
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def _file(folder: Path, name: str) -> str:
    """A plain file of others; what is a link could lead anywhere on this machine."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        # The folder stays open, or it could become a link meanwhile.
        within = os.open(folder, flags | os.O_DIRECTORY)
        try:
            with os.fdopen(os.open(name, flags, dir_fd=within), "rb") as file:
                plain = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
                return file.read(_LARGEST).decode("utf-8", "replace") if plain else ""
        finally:
            os.close(within)
    except OSError:
        return ""


class Inside(Protocol):
    """What does work somewhere else."""

    def __call__(self, work: Callable[[], T], /) -> T:
        """Do it."""
        ...


def entering(pid: int, root: Path = _ROOT) -> Inside:
    """What does work in the network namespace of a process, in a thread of its own.

    Args:
        pid: The number of the process.
        root: The folder that holds ``proc``.

    Returns:
        A function that is given the work. It raises a ``SourceError`` where the
        namespace may not be entered.
    """

    def entered(work: Callable[[], T], /) -> T:
        found: list[T] = []
        failed: list[BaseException] = []

        def run() -> None:
            try:
                _enter(root / "proc" / str(pid) / "ns/net")
                found.append(work())
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                failed.append(error)

        thread = threading.Thread(target=run, name="dockernet")
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return found[0]

    return entered


def _enter(namespace: Path) -> None:
    """Let this thread enter a network namespace (setns(2)); Python has that from 3.12 on."""
    library = ctypes.CDLL(None)
    try:
        with namespace.open("rb") as file:
            denied = library.setns(file.fileno(), _NEW_NETWORK)
    except OSError:
        denied = True
    if denied:
        raise SourceError(_NAME, f"to dial from inside a container {_NEEDS_ROOT}")
