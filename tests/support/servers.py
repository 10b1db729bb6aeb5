"""Servers on loopback that treat their callers as what stands before a peer may."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from queue import SimpleQueue

Manner = Callable[[socket.socket], bool]
"""Treats a caller, and tells whether the connection is kept."""


def close(connection: socket.socket) -> bool:
    """Hang up at once, as docker-proxy does while the application does not listen."""
    del connection
    return False


def reset(connection: socket.socket) -> bool:
    """Hang up without a farewell."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def stay(connection: socket.socket) -> bool:
    """Wait for the caller to begin."""
    del connection
    return True


def speak(connection: socket.socket) -> bool:
    """Say something, and hang up."""
    connection.sendall(b"hello\n")
    return False


class Server:
    """A server; the callers are treated in turn, and the last manner is for all others.

    Attributes:
        port: Its port.
        calls: How many have been accepted.
        called: Set when one has.
    """

    def __init__(self, manners: Sequence[Manner], host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family)
        self.port: int = self._listener.getsockname()[1]
        self.calls = 0
        self.called = threading.Event()
        self._manners = [*manners]
        self._kept: SimpleQueue[socket.socket] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                connection, _ = self._listener.accept()
                self.calls += 1
                self.called.set()
                manner = self._manners.pop(0) if len(self._manners) > 1 else self._manners[0]
                if manner(connection):
                    self._kept.put(connection)
                else:
                    connection.close()

    def hung_up(self, timeout: float) -> bool:
        """Whether a caller that was kept hangs up within so many seconds without a word."""
        with self._kept.get(timeout=timeout) as connection:
            connection.settimeout(timeout)
            return connection.recv(1) == b""

    def stop(self) -> None:
        """Hang up on everybody."""
        with suppress(OSError):  # on some systems a listener cannot be shut down
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        while not self._kept.empty():
            self._kept.get().close()


@contextmanager
def serving(*manners: Manner, host: str = "127.0.0.1", port: int = 0) -> Iterator[Server]:
    """A server for one block."""
    server = Server(manners, host, port)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def black_hole(host: str, port: int = 0) -> Iterator[int]:
    """A port whose callers hear nothing at all: the queue before it is full."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server((host, port), family=family, backlog=0))
        address = full.getsockname()[:2]
        # One place there is; the kernel may take a second connection as half open.
        for _ in range(2):
            filler = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            filler.settimeout(0)
            filler.connect_ex(address)
        yield address[1]


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens at."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as closed:
        return int(closed.getsockname()[1])
