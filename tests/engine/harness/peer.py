"""Serve a name on ports: ``peer.py NAME [80 53/udp ...]``, standard library alone.

The name ``-`` is the host name, by default the container's short id: replicas have
one command.

A TCP caller reads the name and the connection closes; a UDP datagram is answered
with the name. Every socket listens on IPv4 and IPv6 at once.
"""

from __future__ import annotations

import signal
import socket
import sys
from contextlib import suppress
from threading import Thread


def main() -> None:
    # A container's first process ignores SIGTERM unless it says otherwise.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    name = (socket.gethostname() if sys.argv[1] == "-" else sys.argv[1]).encode() + b"\n"
    for spec in sys.argv[2:]:
        number, _, protocol = spec.partition("/")
        work = serve_udp if protocol == "udp" else serve_tcp
        kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
        Thread(target=work, args=(bound(int(number), kind), name), daemon=True).start()
    print("ready", flush=True)
    while True:
        signal.pause()


def bound(number: int, kind: socket.SocketKind) -> socket.socket:
    """A socket on every address, listening where that has a meaning."""
    try:
        listener = socket.socket(socket.AF_INET6, kind)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    except OSError:  # the kernel knows no IPv6
        listener = socket.socket(socket.AF_INET, kind)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("", number))
    if kind == socket.SOCK_STREAM:
        listener.listen(64)
    return listener


def serve_tcp(listener: socket.socket, name: bytes) -> None:
    while True:
        caller, _ = listener.accept()
        with suppress(OSError), caller:  # who hangs up early does not count
            caller.sendall(name)


def serve_udp(listener: socket.socket, name: bytes) -> None:
    while True:
        _, caller = listener.recvfrom(2048)
        with suppress(OSError):
            listener.sendto(name, caller)


if __name__ == "__main__":
    main()
