"""A stand-in for an engine that things happen to: it sends events, and may do it badly."""

from __future__ import annotations

import json
import queue
import select
from collections.abc import Callable
from typing import Any

from builders import identity
from replay import Exchange, Replay, reply

BRIDGE = {
    "Id": identity("bridge"),
    "Name": "bridge",
    "Driver": "bridge",
    "Scope": "local",
    "IPAM": {"Config": [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}]},
    "Options": {
        "com.docker.network.bridge.default_bridge": "true",
        "com.docker.network.bridge.name": "docker0",
    },
}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_TICK = 0.02  # seconds


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(action: str, name: str, kind: str = "container", **attributes: str) -> bytes:
    actor = {"ID": identity(name), "Attributes": {"name": name, **attributes}}
    return json.dumps({"Type": kind, "Action": action, "Actor": actor}).encode() + b"\n"


class Streaming(Replay):
    """The stand-in engine.

    Attributes:
        told: The containers, by name: a state, and the last number of an address.
        streams: The event streams that are open, each a queue of what to send on it.
        chunked: Whether events come in chunks, as from every engine.
    """

    def __init__(self, version: str = "28.5.2") -> None:
        super().__init__({"Version": version, "ApiVersion": "1.51", "MinAPIVersion": "1.24"})
        self.replies["/info"] = {"Name": "stand-in"}
        self.replies["/networks"] = [BRIDGE]
        self.told: dict[str, tuple[str, int]] = {}
        self._names: dict[str, str] = {}  # of those that are or were there, by name and id
        self.streams: list[queue.SimpleQueue[bytes | None]] = []
        self.chunked = True
        self.queries: list[str] = []
        self.answers["/events"] = self._stream

    # The world.

    def set(self, name: str, state: str = "running", number: int = 2) -> None:
        """Make a container, or make it so, without a word."""
        self.told[name] = state, number
        self._names |= {name: name, identity(name): name}

    def recorded(self, path: str) -> bytes:
        asked = path.removeprefix("/containers/").removesuffix("/json")
        if path == "/containers/json":
            return reply([self._listed(name) for name in reversed(self.told)])
        if (name := self._names.get(asked)) in self.told:
            return reply(self._inspected(name))
        return super().recorded(path)

    def _listed(self, name: str) -> dict[str, Any]:
        state, _ = self.told[name]
        return {
            "Id": identity(name),
            "Names": [f"/{name}"],
            "State": state,
            "NetworkSettings": self._networks(name),
        }

    def _inspected(self, name: str) -> dict[str, Any]:
        state, _ = self.told[name]
        return {
            "Id": identity(name),
            "Name": f"/{name}",
            "State": {"Status": state},
            "Config": {"ExposedPorts": {"80/tcp": {}}},
            "HostConfig": {"NetworkMode": "bridge"},
            "NetworkSettings": self._networks(name),
        }

    def _networks(self, name: str) -> dict[str, Any]:
        _, number = self.told[name]
        place = {"NetworkID": BRIDGE["Id"], "IPAddress": f"172.17.0.{number}"}
        return {"Networks": {"bridge": place}}

    # Its events.

    def send(self, *data: bytes | None) -> None:
        """Send bytes on every stream, as one piece each; ``None`` breaks it off."""
        with self.changed:
            for stream in self.streams:
                for piece in data:
                    stream.put(chunk(piece) if piece is not None and self.chunked else piece)

    def tell(self, action: str, name: str, **attributes: str) -> None:
        self.send(event(action, name, **attributes))

    def raw(self, data: bytes) -> None:
        """Send bytes as they are, which need be no chunk."""
        with self.changed:
            for stream in self.streams:
                stream.put(data)

    def follow(self, count: int = 1) -> None:
        """Wait until that many streams are open."""
        self.wait_for(lambda: len(self.streams) == count)

    def _stream(self, exchange: Exchange) -> None:
        self.queries.append(exchange.query)
        waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        exchange.send(HEAD + (b"Transfer-Encoding: chunked\r\n\r\n" if self.chunked else b"\r\n"))
        with self.changed:
            self.streams.append(waiting)
            self.changed.notify_all()
        try:
            while (piece := _next(waiting, exchange)) is not None:
                exchange.send(piece)
        finally:
            with self.changed:
                self.streams.remove(waiting)
                self.changed.notify_all()
        exchange.reset()


def _next(waiting: queue.SimpleQueue[bytes | None], exchange: Exchange) -> bytes | None:
    """What to send next; ``None`` when the caller or the server has hung up, too."""
    while True:
        try:
            return waiting.get(timeout=_TICK)
        except queue.Empty:
            if select.select([exchange.connection], [], [], 0)[0]:
                return None


Act = Callable[[Streaming], None]
