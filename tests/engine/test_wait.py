"""Waiting on a real engine: never early, whatever accepts for a peer that is not there yet."""

from __future__ import annotations

import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from harness import Place, RealContainer, Scene, image
from harness.features import needs

# It serves on a port when so many seconds have passed, and writes when that was.
LATE = """
import socket, sys, time
from pathlib import Path
seconds, kind, name = float(sys.argv[1]), sys.argv[2], sys.argv[3].encode()
time.sleep(seconds)
protocol = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
both = kind == "both"  # families
listener = socket.socket(socket.AF_INET6 if both else socket.AF_INET, protocol)
listener.bind(("::" if both else "127.0.0.1" if kind == "inside" else "0.0.0.0", 80))
began = time.monotonic()
if kind != "udp":
    listener.listen()
Path("/began").write_text(f"{began}")
held = []
while kind == "udp":
    _, caller = listener.recvfrom(99)
    listener.sendto(name, caller)
while True:
    connection, _ = listener.accept()
    held.append(connection)
    if kind == "speaks":
        connection.sendall(name + b"\\n")
"""
SECONDS = 3.0


def late(scene: Scene, name: str, kind: str = "speaks", **how: Any) -> RealContainer:
    """A peer whose port is published at once, and served some seconds later."""
    serve = ("-c", LATE, str(how.pop("seconds", SECONDS)), kind, scene.name(name))
    command = [image.PYTHON, "-I", "-S", *serve]
    spec = "80/udp" if kind == "udp" else "80"
    return scene.run(
        name, command=command, publish=how.pop("publish", [f"127.0.0.1::{spec}"]), **how
    )


def _waited(target: str, ready: str = "accepts", timeout: float = 60.0) -> Any:
    """When a peer was ready, on the clock of the machine, and what was told before."""
    from time import monotonic

    from dockernet import Resolver

    told: list[str] = []
    with Resolver() as resolver:
        endpoint = resolver.wait(target, timeout, ready, tell=told.append)  # type: ignore[arg-type]
        return monotonic(), str(endpoint), told


def _waited_awaiting(target: str) -> Any:
    import asyncio
    from time import monotonic

    from dockernet.aio import AsyncResolver

    async def wait() -> str:
        async with AsyncResolver() as resolver:
            return str(await resolver.wait(target, 60.0, tell=told.append))

    told: list[str] = []
    endpoint = asyncio.run(wait())
    return monotonic(), endpoint, told


def began(container: RealContainer) -> float:
    """When a peer began to serve, on the same clock."""
    return float(container.execute("cat", "/began").out)


def campaign(scene: Scene, host: Place, *, starts: int, at_once: int) -> list[float]:
    """Start peers that come late; gives how late each was reported ready."""
    kinds = ("speaks", "silent")

    def one(number: int) -> tuple[float, bool]:
        peer = late(scene, f"late-{number}", kinds[number % 2])
        wait = _waited_awaiting if number % 3 == 2 else _waited
        seen, endpoint, told = host.call(wait, f"{peer.name}:80")
        assert endpoint == f"127.0.0.1:{peer.host_port('80/tcp')}"
        lateness = float(seen) - began(peer)
        peer.remove()
        return lateness, told != []

    with ThreadPoolExecutor(at_once) as pool:
        found = list(pool.map(one, range(starts)))
    assert any(waited for _, waited in found)  # or it was about nothing
    return [lateness for lateness, _ in found]


def test_a_peer_is_never_ready_before_it_serves(scene: Scene, host: Place) -> None:
    assert min(campaign(scene, host, starts=5, at_once=5)) >= 0


@pytest.mark.stress
def test_of_fifty_peers_none_is_ready_before_it_serves(scene: Scene, host: Place) -> None:
    lateness = campaign(scene, host, starts=50, at_once=2)
    early = sum(one < 0 for one in lateness)
    median, most = statistics.median(lateness), max(lateness)
    print(f"\n50 starts: {early} early; late by {median:.3f} s in the median, {most:.3f} s at most")
    assert early == 0


@needs("proxy")
def test_what_stands_before_a_peer_accepts_for_nobody(scene: Scene, host: Place) -> None:
    """So that the tests above are about something."""
    peer = late(scene, "proxied", seconds=60)
    reply = host.dial(("127.0.0.1", peer.host_port("80/tcp")))
    assert reply.error == "closed"


@needs("dual-stack default network")
def test_it_is_not_ready_before_it_serves_whichever_address_is_published(
    scene: Scene, host: Place
) -> None:
    """IPv6 too, where a proxy stands before a peer whatever the firewall does."""

    def one(number: int, ip: str) -> None:
        peer = late(scene, f"published-{number}", "both", publish=[f"{ip}::80"])
        seen, endpoint, told = host.call(_waited, f"{peer.name}:80")
        assert endpoint.endswith(f":{peer.host_port('80/tcp')}")
        assert told
        assert seen >= began(peer)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(4), ["127.0.0.1", "[::1]", "0.0.0.0", "[::]"]))


def test_from_a_container_a_peer_is_dialled_by_its_own_address(scene: Scene) -> None:
    network = scene.network("net")
    app = scene.run("app", network=network, socket=True)
    peer = late(scene, "db", network=network, publish=[])
    seen, endpoint, told = app.call(_waited, f"{peer.name}:80")
    assert endpoint == f"{peer.address(network)}:80"
    assert told == [f"{endpoint} does not answer: connection refused"]
    assert seen >= began(peer)


def test_a_peer_that_is_made_while_one_waits_is_found(scene: Scene, host: Place) -> None:
    name = scene.name("made")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(host.call, _waited, f"{name}:80")
        peer = late(scene, "made", seconds=1)
        seen, endpoint, _ = waiting.result()
    assert endpoint == f"127.0.0.1:{peer.host_port('80/tcp')}"
    assert seen >= began(peer)


def test_a_peer_that_is_made_anew_is_waited_for_where_it_is(scene: Scene, host: Place) -> None:
    first = late(scene, "anew", seconds=60)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(host.call, _waited, f"{first.name}:80")
        first.remove()
        second = late(scene, "anew", seconds=1)
        _, endpoint, _ = waiting.result()
    assert endpoint == f"127.0.0.1:{second.host_port('80/tcp')}"


def _waited_live(target: str) -> Any:
    from time import monotonic

    from dockernet import Engine, Resolver

    told: list[str] = []
    with Engine() as engine, engine.live() as live, Resolver([live]) as resolver:
        endpoint = resolver.wait(target, 60.0, tell=told.append)
        return monotonic(), str(endpoint), told


def test_over_a_live_view_a_peer_that_is_made_is_found(scene: Scene, host: Place) -> None:
    name = scene.name("seen")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(host.call, _waited_live, f"{name}:80")
        peer = late(scene, "seen", seconds=1)
        seen, endpoint, _ = waiting.result()
    assert endpoint == f"127.0.0.1:{peer.host_port('80/tcp')}"
    assert seen >= began(peer)


# healthy and listening


@needs("health checks")
def test_healthy_is_what_the_health_check_of_the_engine_says(scene: Scene, host: Place) -> None:
    second = 1_000_000_000
    check = {"Test": ["CMD", "test", "-e", "/began"], "Interval": second, "Timeout": 5 * second}
    peer = late(scene, "checked", seconds=2, create={"Healthcheck": check})
    _, endpoint, told = host.call(_waited, f"{peer.name}:80", "healthy")
    assert endpoint == f"127.0.0.1:{peer.host_port('80/tcp')}"
    assert f"{peer.name} is not healthy yet" in told
    assert began(peer)


def test_who_has_no_health_check_is_told_so(scene: Scene, host: Place) -> None:
    from dockernet import SourceError

    peer = late(scene, "unchecked", seconds=60)
    with pytest.raises(SourceError, match="has no health check"):
        host.call(_waited, f"{peer.name}:80", "healthy")


@pytest.mark.parametrize("kind", ["silent", "udp"])
def test_listening_is_read_in_the_peer_s_own_network(scene: Scene, host: Place, kind: str) -> None:
    peer = late(scene, kind, kind, seconds=2)
    port = "80/udp" if kind == "udp" else "80/tcp"
    seen, endpoint, told = host.call(_waited, f"{peer.name}:{port}", "listening")
    assert endpoint == f"127.0.0.1:{peer.host_port(port)}"
    assert f"nothing listens on port {port} of {peer.name}" in told
    assert seen >= began(peer)


def test_who_listens_on_its_own_loopback_is_not_ready(scene: Scene, host: Place) -> None:
    from dockernet import NotReadyError

    peer = late(scene, "inside", "inside", seconds=0)
    with pytest.raises(NotReadyError) as raised:
        host.call(_waited, f"{peer.name}:80", "listening", 1.0)
    told = f"port 80/tcp of {peer.name} is listened on at 127.0.0.1 alone, inside of it"
    assert raised.value.reason == told
    with pytest.raises(NotReadyError, match="does not answer"):
        host.call(_waited, f"{peer.name}:80", "accepts", 0.5)


def test_in_a_container_the_sockets_of_others_cannot_be_seen(scene: Scene) -> None:
    from dockernet import SourceError

    network = scene.network("net")
    app = scene.run("app", network=network, socket=True)
    peer = scene.run("db", network=network, ports=["80"])
    with pytest.raises(SourceError, match=r"what listens in .* is not known"):
        app.call(_waited, f"{peer.name}:80", "listening")


def _udp(target: str) -> Any:
    import socket

    from dockernet import Endpoint, Resolver

    def probe(endpoint: Endpoint) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(0.5)
            asking.sendto(b"who?", endpoint.address)
            names.append(asking.recv(99).decode())
        return True

    names: list[str] = []
    with Resolver() as resolver:
        resolver.wait(target, 60.0, probe)
    return names


def test_a_probe_of_one_s_own_waits_for_udp(scene: Scene, host: Place) -> None:
    peer = late(scene, "probed", "udp", seconds=1)
    assert host.call(_udp, f"{peer.name}:80/udp") == [peer.name]


def _connected(target: str) -> str:
    from dockernet import Resolver

    with Resolver() as resolver, resolver.connect(target, 10.0) as connection:
        return connection.makefile().readline().strip()


def test_a_connection_leads_to_the_peer(scene: Scene, host: Place) -> None:
    peer = scene.run("named", ports=["80"], publish=["80"])
    assert host.call(_connected, f"{peer.name}:80") == peer.name


# The command


@pytest.mark.parametrize("socket", [True, False], ids=["with the socket", "without it"])
def test_an_entrypoint_waits_and_becomes_the_command(scene: Scene, *, socket: bool) -> None:
    network = scene.network("net")
    peer = late(scene, "db", network=network, publish=[], seconds=2)
    code = "import os, time; print(os.getpid(), time.monotonic())"
    env = {name: value for name, value in scene.engine.env.items() if value is not None}
    wait = [sys.executable, "-m", "dockernet", "wait", f"{peer.name}:80", "--timeout", "60"]
    command = [*wait, "--", sys.executable, "-I", "-S", "-c", code]
    app = scene.run("app", command=command, env=env, network=network, socket=socket)
    assert app.api.request("POST", f"/containers/{app.id}/wait")["StatusCode"] == 0
    own_id, started = next(line for line in said(app).splitlines() if line[0].isdigit()).split()
    assert own_id == "1"
    assert float(started) >= began(peer)
    assert f"dockernet: {peer.name}:80 is ready\n" in said(app)


def test_the_command_prints_endpoints_for_programs(scene: Scene, host: Place) -> None:
    peers = [late(scene, f"db{n}", seconds=1) for n in (1, 2)]
    targets = [f"{peer.name}:80" for peer in peers]
    told = host.python("-m", "dockernet", "wait", *targets, "--json").json()
    ports = [endpoint["port"] for endpoint in told["endpoints"]]
    assert ports == [peer.host_port("80/tcp") for peer in peers]
    for endpoint, peer in zip(told["endpoints"], peers, strict=True):
        assert host.dial((endpoint["host"], endpoint["port"])).name == peer.name


def test_the_command_tells_why_it_has_given_up(scene: Scene, host: Place) -> None:
    peer = late(scene, "never", seconds=60)
    ran = host.python("-m", "dockernet", "wait", f"{peer.name}:80", "--timeout", "2")
    assert (ran.code, ran.out) == (1, "")
    assert f"'{peer.name}:80' was not ready within 2 seconds: 127.0.0.1:" in ran.err


def said(container: RealContainer) -> str:
    """What a container has said, on both streams."""
    from harness.api import frames

    path = f"/containers/{container.id}/logs"
    with container.api.open("GET", path, stdout="1", stderr="1") as log:
        return b"".join(piece for _, piece in frames(log)).decode()
