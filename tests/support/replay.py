"""A stand-in for an engine: it speaks HTTP on a real socket and replays recorded replies.

It counts what it is asked and how much is under way at a time, and it may break off,
hang, or talk rubbish wherever a test tells it to.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

Answer = bytes | Callable[["Exchange"], None]
"""The bytes of a whole HTTP reply, or what does as it pleases with the connection."""

PATIENCE = 20.0  # seconds that a test waits for what must happen at once


def reply(
    body: object,
    status: str = "200 OK",
    *,
    kind: str = "application/json",
    keep: bool = True,
) -> bytes:
    """A whole HTTP reply; what is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status}\r\nApi-Version: 1.52\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(content)}\r\nConnection: {'keep-alive' if keep else 'close'}\r\n\r\n"
    )
    return head.encode() + content


def refusal(status: str, message: str) -> bytes:
    """An error as engines put it."""
    return reply({"message": message}, status)


class Exchange:
    """One request, and the connection to answer it on."""

    def __init__(self, head: bytes, body: bytes, connection: socket.socket, server: Replay) -> None:
        self.method, target = head.decode().split()[:2]
        self.body: Any = json.loads(body) if body else None
        parts = urlsplit(target)
        version, _, rest = parts.path.removeprefix("/").partition("/")
        versioned = version[:1] == "v" and version[1:2].isdigit()
        self.version = version.removeprefix("v") if versioned else None
        self.path = unquote(f"/{rest}" if versioned else parts.path)
        self.query = parts.query
        self.connection = connection
        self.server = server

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def hang(self) -> None:
        """Say nothing until the server ends, or the caller gives up."""
        with suppress(OSError):
            self.connection.recv(1)

    def reset(self) -> None:
        """Break the connection off, so that the caller meets a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


class Replay:
    """The stand-in engine.

    Args:
        version: Its reply to ``GET /version``.
        info: Its reply to ``GET /info``.
        listing: Its containers, as listed.
        inspections: Its containers, as inspected.
        networks: Its networks.

    Attributes:
        answers: What to answer on a path, instead of the recorded reply.
        asked: How often each path was asked for, without the API version.
        versions: The API versions that were asked for, ``None`` among them.
        most: The most requests that were under way at a time.
        connections: How many connections were taken.
        open_connections: How many of them are open.
        url: Where it listens.
    """

    def __init__(
        self,
        version: Mapping[str, Any],
        info: Mapping[str, Any] | None = None,
        listing: list[Any] | None = None,
        inspections: list[Any] | None = None,
        networks: list[Any] | None = None,
    ) -> None:
        self.replies: dict[str, object] = {
            "/version": version,
            "/info": info or {},
            "/containers/json": listing or [],
            "/networks": networks or [],
        }
        for inspected in inspections or []:
            for name in (inspected["Id"], inspected["Name"].lstrip("/")):
                self.replies[f"/containers/{name}/json"] = inspected
        self.answers: dict[str, Answer] = {}
        self.asked: Counter[str] = Counter()
        self.versions: set[str | None] = set()
        self.under_way = 0
        self.most = 0
        self.connections = 0
        self.open_connections = 0
        self.url = ""
        self.changed = threading.Condition()
        self._talking: set[socket.socket] = set()

    @property
    def requests(self) -> int:
        return self.asked.total()

    def wait_for(self, state: Callable[[], bool]) -> None:
        """Wait until the server is in that state."""
        with self.changed:
            assert self.changed.wait_for(state, PATIENCE)

    @contextmanager
    def counted(self, exchange: Exchange) -> Iterator[None]:
        with self.changed:
            self.asked[exchange.path] += 1
            self.versions.add(exchange.version)
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            self.changed.notify_all()
        try:
            yield
        finally:
            with self.changed:
                self.under_way -= 1
                self.changed.notify_all()

    def answer(self, exchange: Exchange) -> None:
        with self.counted(exchange):
            answer = self.answers.get(exchange.path, self.answers.get("*"))
            if callable(answer):
                answer(exchange)
            else:
                exchange.send(self.recorded(exchange.path) if answer is None else answer)

    def recorded(self, path: str) -> bytes:
        if path in self.replies:
            return reply(self.replies[path])
        return refusal("404 Not Found", f"No such container: {path}")

    # Listening.

    @contextmanager
    def on_socket(self, path: Path) -> Iterator[Replay]:
        """Listen on a unix socket."""
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            with self._serving(listener, f"unix://{path}", None):
                yield self

    @contextmanager
    def on_tcp(self, *, context: ssl.SSLContext | None = None) -> Iterator[Replay]:
        """Listen on a TCP port of this machine; with a context, for TLS."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
            with self._serving(listener, url, context):
                yield self

    @contextmanager
    def _serving(
        self, listener: socket.socket, url: str, context: ssl.SSLContext | None
    ) -> Iterator[None]:
        listener.listen(64)
        self.url = url
        accepting = threading.Thread(target=self._accept, args=(listener, context))
        accepting.start()
        try:
            yield
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            accepting.join(PATIENCE)
            self.hang_up()
            self.wait_for(lambda: not self.open_connections)

    def hang_up(self) -> None:
        """Close every connection, as an engine does that is restarted."""
        with self.changed:
            for connection in self._talking:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.settimeout(PATIENCE)
            with self.changed:
                self.connections += 1
                self.open_connections += 1
            threading.Thread(target=self._converse, args=(connection, context)).start()

    def _converse(self, connection: socket.socket, context: ssl.SSLContext | None) -> None:
        try:
            with connection, suppress(OSError):
                if context is None:
                    self._talk(connection)
                    return
                with context.wrap_socket(connection, server_side=True) as secured:
                    self._talk(secured)
        finally:
            with self.changed:
                self.open_connections -= 1
                self.changed.notify_all()

    def _talk(self, connection: socket.socket) -> None:
        with self.changed:
            self._talking.add(connection)
        try:
            while (request := _request(connection))[0]:
                self.answer(Exchange(*request, connection, self))
        finally:
            with self.changed:
                self._talking.discard(connection)


_METHODS = (b"GET ", b"POST ", b"DELETE ")
_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)\r\n", re.IGNORECASE)


def _request(connection: socket.socket) -> tuple[bytes, bytes]:
    """The head and the body of the next request, which none comes before; or nothing."""
    said = b""
    while b"\r\n\r\n" not in said:
        more = connection.recv(65_536)
        if not more:
            return b"", b""
        said += more
        if not said.startswith(_METHODS):  # a client that speaks TLS, for one
            connection.sendall(reply(b"400 Bad Request", "400 Bad Request", kind="text/plain"))
            return b"", b""
    head, _, body = said.partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n")
    while length and len(body) < int(length[1]):
        body += connection.recv(65_536)
    return head, body
