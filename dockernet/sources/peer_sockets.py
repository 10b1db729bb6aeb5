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
from dockernet.model.ports import Port

__all__ = ["read_listeners"]

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
    process = root / "proc" / str(pid)
    try:
        if parse_cgroup(_text(process / "cgroup")) != container_id:
            raise SourceError(_NAME, _unseen(container_id, "its process cannot be seen from here"))
        tables = [_text(process / "net" / port.protocol)]
    except OSError as error:
        why = f"{error.filename} cannot be read: {error.strerror}"
        raise SourceError(_NAME, _unseen(container_id, why)) from error
    six = process / "net" / f"{port.protocol}6"
    if six.exists():  # a kernel may know no IPv6
        tables.append(_text(six))
    found = (one for table in tables for one in _listening(table, port))
    return tuple(one for one in found if one.port == port.number)


def _listening(table: str, port: Port) -> tuple[Listener, ...]:
    return parse_sockets(table, "udp" if port.protocol == "udp" else "tcp").listeners


def _unseen(container_id: str, why: str) -> str:
    asked = "ask on the engine's host, in its process namespace"
    return f"what listens in {container_id[:12]} is not known: {why}; {asked}"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
