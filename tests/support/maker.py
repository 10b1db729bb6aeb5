"""A stand-in for an engine that makes one container, starts it and removes it."""

from __future__ import annotations

from typing import Any

from replay import Answer, Exchange, Replay, refusal, reply

ID = "c" * 64
VERSION = {"Version": "28.5.2", "ApiVersion": "1.51", "MinAPIVersion": "1.24"}
BOUND = {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "49153"}]}
GONE = refusal("404 Not Found", "No such container")
DONE = reply(b"", "204 No Content")


def inspection(status: str = "running", ports: Any = None, code: int = 0) -> dict[str, Any]:
    """What the engine tells of the container that is launched."""
    return {
        "Id": ID,
        "Name": "/web",
        "State": {"Status": status, "ExitCode": code},
        "Config": {"Image": "web:1", "ExposedPorts": {p: {} for p in ports or ()}},
        "HostConfig": {"NetworkMode": "default", "PortBindings": ports or {}},
        "NetworkSettings": {"Ports": ports or {}, "Networks": {}},
    }


class Maker(Replay):
    """An engine that makes one container, and removes it.

    Attributes:
        told: What was asked of it that changes something, in order.
        created: The bodies of the requests to create.
        seen: What it tells of the container, one after another, and the last for good.
        start: How it answers to a start.
    """

    def __init__(self, *seen: dict[str, Any], **replies: Any) -> None:
        super().__init__(VERSION, **replies)
        self.told: list[str] = []
        self.created: list[Any] = []
        self.seen = list(seen or [inspection()])
        self.start: Answer = DONE
        self.gone = False
        self.answers |= {
            "/containers/create": self._create,
            f"/containers/{ID}/start": self._start,
            f"/containers/{ID}/json": self._inspect,
            f"/containers/{ID}": self._remove,
        }
        for name in ("app", "other"):
            self.answers[f"/networks/{name}/connect"] = self._connect

    def _create(self, exchange: Exchange) -> None:
        self.told.append(f"create {exchange.query}".rstrip())
        self.created.append(exchange.body)
        exchange.send(reply({"Id": ID, "Warnings": []}, "201 Created"))

    def _connect(self, exchange: Exchange) -> None:
        self.told.append(f"connect {exchange.path} {exchange.body['EndpointConfig']}")
        exchange.send(DONE)

    def _start(self, exchange: Exchange) -> None:
        self.told.append("start")
        if callable(self.start):
            self.start(exchange)
        else:
            exchange.send(self.start)

    def _inspect(self, exchange: Exchange) -> None:
        seen = self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]
        exchange.send(GONE if self.gone else reply(seen))

    def _remove(self, exchange: Exchange) -> None:
        assert exchange.method == "DELETE"
        self.told.append(f"remove {exchange.query}")
        self.gone = True
        exchange.send(DONE)


REMOVED = "remove v=True&link=False&force=True"
