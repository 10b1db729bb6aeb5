"""Dial endpoints and tell who answered: ``dialler.py TIMEOUT '[["h", 80, "tcp"], ...]'``.

Prints one ``[name, error]`` for each endpoint, one of the two null. All are
dialled at once, with the standard library alone.
"""

from __future__ import annotations

import errno
import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

NO_WAY = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EINVAL}
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def main() -> None:
    timeout, endpoints = float(sys.argv[1]), json.loads(sys.argv[2])
    with ThreadPoolExecutor(32) as pool:
        replies = list(pool.map(lambda endpoint: dial(endpoint, timeout), endpoints))
    print(json.dumps(replies))


def dial(endpoint: tuple[str, int, str], timeout: float) -> tuple[str | None, str | None]:
    host, number, protocol = endpoint
    problem = "closed"
    try:
        found = socket.getaddrinfo(host, number, type=KINDS[protocol])
    except OSError as error:
        return None, problem_of(error)
    for family, kind, _, _, address in found:
        try:
            if name := read_name(family, kind, address, timeout):
                return name, None
        except OSError as error:
            problem = problem_of(error)
    return None, problem


def read_name(
    family: socket.AddressFamily,
    kind: socket.SocketKind,
    address: tuple[object, ...],
    timeout: float,
) -> str:
    with socket.socket(family, kind) as caller:
        caller.settimeout(timeout)
        caller.connect(address)
        if kind == socket.SOCK_DGRAM:
            caller.send(b"who?\n")
        said = b""
        # A stream may bring the name in pieces; a datagram is the whole answer.
        while not said.endswith(b"\n") and (piece := caller.recv(2048)):
            said += piece
        return said.decode().strip()


def problem_of(error: OSError) -> str:
    table: tuple[tuple[type[OSError], str], ...] = (
        (socket.gaierror, "unknown name"),
        (TimeoutError, "timeout"),
        (ConnectionRefusedError, "refused"),
        (ConnectionError, "closed"),
    )
    if said := next((problem for kind, problem in table if isinstance(error, kind)), None):
        return said
    return "unreachable" if error.errno in NO_WAY else str(error)


if __name__ == "__main__":
    main()
