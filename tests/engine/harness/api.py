"""The engine's HTTP API over its Unix socket, with nothing but the standard library.

Not docker-py: that is what the package under test uses, so a fault of it would
show on both sides; and one of its clients cannot be shared by threads.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlencode

from attrs import frozen


class ApiError(Exception):
    """The engine said no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message


class _SocketConnection(HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("engine", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@frozen
class Api:
    """One connection for each request: safe in threads, nothing left open."""

    path: str
    timeout: float = 60.0

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        body: bytes | Mapping[str, Any] | None = None,
        **query: object,
    ) -> Iterator[HTTPResponse]:
        # Without a version in the path an engine takes its newest one.
        connection = _SocketConnection(self.path, self.timeout)
        if isinstance(body, bytes):
            kind, content = "application/x-tar", body
        else:
            kind, content = "application/json", json.dumps(body or {}).encode()
        kinds = {"Content-Type": kind}
        try:
            connection.request(method, f"{path}?{urlencode(query)}", content, kinds)
            with connection.getresponse() as response:
                if response.status >= 400:
                    raise ApiError(response.status, _message(response.read()))
                yield response
        finally:
            connection.close()

    def request(
        self,
        method: str,
        path: str,
        body: bytes | Mapping[str, Any] | None = None,
        **query: object,
    ) -> Any:
        """Ask, and give the reply's JSON; ``None`` where it is empty or no JSON."""
        with self.open(method, path, body, **query) as response:
            content = response.read()
        try:
            return json.loads(content)
        except ValueError:
            return None

    def answers(self) -> bool:
        try:
            self.request("GET", "/_ping")
        except (OSError, HTTPException, ApiError):
            return False
        return True


def frames(response: HTTPResponse) -> Iterator[tuple[int, bytes]]:
    """Split a container's output into (1 for stdout or 2 for stderr, bytes)."""
    # The engine frames each piece: the stream's number, three zeros, the size.
    while header := response.read(8):
        yield header[0], response.read(int.from_bytes(header[4:8], "big"))


def _message(content: bytes) -> str:
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace").strip()
