"""What listens in a peer's network namespace, as the kernel of this machine tells it.

The tables are those of ``/proc/<pid>/net``. A process is taken for the peer's by the
container that its control group names, whatever says where the engine is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from dockernet.errors import SourceError
from dockernet.formats.proc import parse_cgroup
from dockernet.formats.sockets import Listener, parse_sockets
from dockernet.model.ports import Port, Protocol

__all__ = ["read_every_listener", "read_listeners"]

_NAME: Final = "listeners"
_ROOT: Final = Path("/")


def read_listeners(
    port: Port, pid: int, container_id: str, root: Path = _ROOT
) -> tuple[Listener, ...]:
    """Read who listens at a port in the network namespace of a container.

    Args:
        port: The container port, of TCP or UDP.
        pid: The number of the container's first process on the engine's host.
        container_id: The container's id.
        root: The folder that holds ``proc``.

    Raises:
        SourceError: The process is none of the container's as seen from here, or its
            tables cannot be read.
    """
    found = read_every_listener(port.protocol, pid, container_id, root)
    return tuple(one for one in found if one.port == port.number)


def read_every_listener(
    protocol: Protocol, pid: int, container_id: str, root: Path = _ROOT
) -> tuple[Listener, ...]:
    """Read who listens at any port in the network namespace of a container.

    Args:
        protocol: TCP or UDP.
        pid: The number of the container's first process on the engine's host.
        container_id: The container's id.
        root: The folder that holds ``proc``.

    Raises:
        SourceError: The process is none of the container's as seen from here, or its
            tables cannot be read.
    """
    process = root / "proc" / str(pid)
    try:
        if parse_cgroup(_text(process / "cgroup")) != container_id:
            raise SourceError(_NAME, _unseen(container_id, "its process cannot be seen from here"))
        tables = [_text(process / "net" / protocol)]
    except OSError as error:
        why = f"{error.filename} cannot be read: {error.strerror}"
        raise SourceError(_NAME, _unseen(container_id, why)) from error
    six = process / "net" / f"{protocol}6"
    if six.exists():  # a kernel may know no IPv6
        tables.append(_text(six))
    return tuple(one for table in tables for one in _listening(table, protocol))


def _listening(table: str, protocol: Protocol) -> tuple[Listener, ...]:
    return parse_sockets(table, "udp" if protocol == "udp" else "tcp").listeners


def _unseen(container_id: str, why: str) -> str:
    asked = "ask on the engine's host, in its process namespace"
    return f"what listens in {container_id[:12]} is not known: {why}; {asked}"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
