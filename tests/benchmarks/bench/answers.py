"""What an answer costs that needs no request: of a live view, and of link variables."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

from builders import network, on_host
from streaming import Streaming

import dockernet
from bench.turns import Found, Work, timed

FEW, MANY = 10, 10_000
_HOST = on_host(
    network("bridge", 17, gateways=(ip_address("172.17.0.1"),), interface="docker0"),
    hostname="stand-in",
)
REPEAT = 20


Resolvers = dict[int, dockernet.Resolver]


@contextmanager
def warm(found: Found) -> Iterator[Resolvers]:
    """Resolvers over full live views, by the number of containers; no engine is asked more."""
    del found
    with ExitStack() as stack:
        servers = {count: stack.enter_context(_crowd(count)) for count in (FEW, MANY)}
        made = {n: stack.enter_context(_followed(server)) for n, server in servers.items()}
        asked = {count: server.requests for count, server in servers.items()}
        yield made
        assert {count: server.requests for count, server in servers.items()} == asked


@contextmanager
def linked(found: Found) -> Iterator[dockernet.Resolver]:
    """A resolver over the variables of a link."""
    del found
    resolver = dockernet.Resolver([dockernet.Environ(_variables())], vantage=dockernet.Vantage())
    assert str(resolver.resolve("db:5432")) == "172.17.0.5:5432"
    yield resolver


@contextmanager
def _crowd(count: int) -> Iterator[Streaming]:
    server = Streaming()
    for number in range(count):
        server.set(f"c{number}", number=number % 250 + 2)
    with TemporaryDirectory(prefix="dn") as folder, server.on_socket(Path(folder) / "engine.sock"):
        yield server


@contextmanager
def _followed(server: Streaming) -> Iterator[dockernet.Resolver]:
    with (
        dockernet.Engine(server.url, 60.0, environ={}) as engine,
        engine.live(resync=3600.0) as live,
        dockernet.Resolver([live], vantage=_HOST) as resolver,
    ):
        assert resolver.resolve("c7:80").port == 80
        yield resolver


def _variables() -> dict[str, str]:
    """Those of a link among thirty others."""
    made = dockernet.Link(
        alias="db",
        recipient="app",
        addresses=(ip_address("172.17.0.5"),),
        ports=(dockernet.Port(5432),),
    )
    return {f"VARIABLE_{n}": "value" for n in range(30)} | made.to_environ()


def of(count: int) -> Work[Resolvers]:
    return timed(lambda stage: stage[count].resolve("c7:80"), REPEAT)


few, many = of(FEW), of(MANY)
link: Work[dockernet.Resolver] = timed(lambda resolver: resolver.resolve("db:5432"), REPEAT)
getaddrinfo: Work[object] = timed(
    lambda _: socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM), REPEAT
)
