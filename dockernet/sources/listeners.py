"""Who listens on this machine, as its kernel tells it.

The tables are those of this process's network namespace. Whose a socket is shows by
the links in ``/proc/<pid>/fd``, which only root may read of everybody; of a process
nothing is read but the name of its command, and the container that it is in.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final, Literal

from attrs import frozen

from dockernet.formats.proc import parse_cgroup
from dockernet.formats.sockets import Listener, parse_sockets
from dockernet.model.bindings import HostBinding
from dockernet.model.conflicts import Holding
from dockernet.model.ports import Protocol

__all__ = ["read_holdings"]

_ROOT: Final = Path("/")
_TABLES: Final[tuple[tuple[str, Literal["tcp", "udp"]], ...]] = (
    ("tcp", "tcp"),
    ("tcp6", "tcp"),
    ("udp", "udp"),
    ("udp6", "udp"),
)
_KINDS: Final[dict[str, socket.SocketKind]] = {
    "tcp": socket.SOCK_STREAM,
    "udp": socket.SOCK_DGRAM,
}
_ANY_IPV6: Final = IPv6Address(0)


@frozen
class _Owner:
    """A process: its number, the name of its command, the id of its container."""

    pid: int
    command: str | None
    container_id: str | None


def read_holdings(
    wanted: Collection[tuple[Protocol, int]], root: Path = _ROOT
) -> tuple[Holding, ...]:
    """Read who listens on some ports.

    Args:
        wanted: The protocols and ports.
        root: The folder that holds ``proc``.

    Returns:
        One for each socket. The process is missing where it may not be seen. One in a
        container has the container's id: in host mode it listens on the host itself.
    """
    found = [
        listener
        for name, protocol in _TABLES
        for listener in parse_sockets(_read(root / "proc/net" / name), protocol).listeners
        if (listener.protocol, listener.port) in wanted
    ]
    owners = _owners(root, {listener.inode for listener in found})
    return tuple(_holding(listener, owners.get(listener.inode), found) for listener in found)


def _holding(listener: Listener, owner: _Owner | None, found: list[Listener]) -> Holding:
    both = listener.address == _ANY_IPV6 and _takes_ipv4(listener, found)
    return Holding(
        protocol=listener.protocol,
        binding=HostBinding(None if both else listener.address, listener.port),
        pid=None if owner is None else owner.pid,
        process=None if owner is None else owner.command,
        container_id=None if owner is None else owner.container_id,
    )


def _takes_ipv4(listener: Listener, found: list[Listener]) -> bool:
    """Whether a socket on ``::`` is bound for IPv4, too; its table does not tell.

    It is not where another one has the port on an IPv4 address. Else what tells is to
    ask the kernel for the port, for a moment and without listening.
    """
    place = (listener.protocol, listener.port)
    ipv4 = (o for o in found if isinstance(o.address, IPv4Address))
    if any((other.protocol, other.port) == place for other in ipv4):
        return False
    with socket.socket(socket.AF_INET, _KINDS[listener.protocol]) as probe:
        if listener.protocol == "tcp":  # connections that have ended hold nothing
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", listener.port))
        except OSError as error:
            return error.errno in (errno.EADDRINUSE, errno.EACCES)
    return False


def _owners(root: Path, inodes: Collection[int]) -> Mapping[int, _Owner]:
    """The processes that have sockets open, by the sockets' inodes."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    owners: dict[int, _Owner] = {}
    # Nobody needs to go through all that is open for nothing.
    processes = _processes(root) if wanted else ()
    for process in sorted(processes, key=lambda path: int(path.name)):
        links = {link for link in _links(process / "fd") if link in wanted}
        if links:
            command = _read(process / "comm").strip() or None
            owner = _Owner(int(process.name), command, parse_cgroup(_read(process / "cgroup")))
            for link in links:
                owners.setdefault(wanted[link], owner)
    return owners


def _processes(root: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from (path for path in (root / "proc").iterdir() if path.name.isdecimal())


def _links(folder: Path) -> Iterator[str]:
    """Where the open files of a process lead; nothing where that may not be seen."""
    with suppress(OSError):
        for link in folder.iterdir():
            with suppress(OSError):  # closed meanwhile
                yield str(link.readlink())


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
