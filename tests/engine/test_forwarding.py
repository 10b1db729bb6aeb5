"""Forwarding on the hosts of real engines: exactly what was asked for, and back again."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from harness import Cast, Place, RealContainer, RealEngine, Scene
from harness.features import needs
from harness.places import HostPlace
from harness.restarts import restartable_engine

pytestmark = needs("settings")

SAVERS = ("iptables-save", "ip6tables-save")
REJECT = ("INPUT", "-i", "docker0", "-j", "REJECT", "--reject-with", "icmp-host-prohibited")
GATEWAY = "172.17.0.1"


def saved(host: Place) -> list[str]:
    """The rules without counters, and without the comments, which have the time in them."""
    return [re.sub(r"^#.*\n", "", host.execute(name).out, flags=re.MULTILINE) for name in SAVERS]


def forward(host: Place, *args: str) -> Any:
    done = host.python("-m", "dockernet", "forward", *args, "--json")
    return done.json() | {"code": done.code}


@pytest.fixture
def prohibited(host: Place) -> Iterator[None]:
    """The host rejects what containers on the default bridge send to it."""
    host.execute("iptables", "-A", *REJECT)
    yield
    host.execute("iptables", "-D", *REJECT)


@pytest.fixture
def peers(scene: Scene) -> tuple[RealContainer, RealContainer]:
    """A container with two published ports, and another beside it."""
    web, client = scene.run_all(
        Cast("web", ports=["80", "81"], publish=["80", "81"]), Cast("client")
    )
    return web, client


@pytest.mark.usefixtures("prohibited")
def test_a_host_port_that_the_host_rejects_is_opened_and_no_other(
    peers: tuple[RealContainer, RealContainer], host: Place
) -> None:
    web, client = peers
    wanted, other = web.host_port("80/tcp"), web.host_port("81/tcp")
    way = ("bridge", "host", "--port", str(wanted), "-4")
    endpoints = [(GATEWAY, wanted), (GATEWAY, other)]
    before = saved(host)
    assert [r.error for r in client.dial_all(endpoints)] == ["unreachable"] * 2

    applied = forward(host, "apply", *way)
    assert applied["changed"]
    opened = saved(host)
    assert opened != before
    assert [(r.name, r.error) for r in client.dial_all(endpoints)] == [
        (web.name, None),
        (None, "unreachable"),
    ]
    assert not forward(host, "apply", *way)["changed"]
    assert saved(host) == opened
    assert forward(host, "status")["tags"] == [applied["plan"]["tag"]]

    assert forward(host, "remove", *way)["changed"]
    assert saved(host) == before
    assert [r.error for r in client.dial_all(endpoints)] == ["unreachable"] * 2


def test_one_network_reaches_one_port_of_another(
    engine: RealEngine, scene: Scene, host: Place
) -> None:
    here, there = scene.network("here", ipv6=True), scene.network("there", ipv6=True)
    client, peer = scene.run_all(
        Cast("client", network=here), Cast("peer", ports=["80", "81"], network=there)
    )
    asked = [(peer.address(there), 80), (peer.address(there, 6), 80), (peer.address(there), 81)]
    back = (client.address(here), 80)
    before = saved(host)
    assert {r.error for r in client.dial_all(asked, 0.5)} == {"timeout"}
    way = (here.name, there.name, "-p", "80")
    rules = forward(host, "apply", *way)["plan"]["rules"]
    assert ("raw" in {rule["place"] for rule in rules}) == (engine.major >= 28)
    told = client.dial_all(asked, 0.5)
    assert [r.name for r in told] == [peer.name, peer.name, None]
    assert peer.dial(back, 0.5).error == "timeout"
    forward(host, "remove", *way)
    assert saved(host) == before


def test_a_network_without_a_way_out_gets_one_to_the_outside(
    engine: RealEngine, scene: Scene, host: Place
) -> None:
    """Its packets come from the host's own address then: nobody outside knows a way back."""
    bare = {"com.docker.network.bridge.enable_ip_masquerade": "false"}
    net = scene.network("net", Options=bare)
    client = scene.run("client", network=net)
    far = engine.addresses[0].rpartition(".")[0] + ".2"
    program = (sys.executable, "-I", "-S", "-c", LISTENER, far)
    before = saved(host)
    assert isinstance(engine.elsewhere, HostPlace)
    with engine.elsewhere.start(*program) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        port = int(server.stdout.readline())
        assert client.dial((far, port), 0.5).name is None
        way = (net.name, "outside", "--port", str(port), "-4")
        assert forward(host, "apply", *way)["changed"]
        assert client.dial((far, port)).name == engine.addresses[0]
        assert client.dial((far, port + 1)).name is None
        forward(host, "remove", *way)
        assert client.dial((far, port), 0.5).name is None
        server.stdin.close()
    assert saved(host) == before


# Tells each caller from where it came; ends with its standard input.
LISTENER = """
import socket, sys, threading
listener = socket.create_server((sys.argv[1], 0))
def serve():
    while True:
        caller, (address, _) = listener.accept()
        with caller:
            caller.sendall(address.encode() + b"\\n")
threading.Thread(target=serve, daemon=True).start()
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""


def test_killed_in_the_middle_it_is_none_or_all(
    peers: tuple[RealContainer, RealContainer], host: HostPlace
) -> None:
    number = str(peers[0].host_port("80/tcp"))
    way = ("bridge", "host", "--port", number, "-4")
    before = saved(host)
    tag = forward(host, "apply", *way)["plan"]["tag"]
    whole = saved(host)
    forward(host, "remove", "--tag", tag)
    for tenths in (5, 9):
        program = (sys.executable, "-m", "dockernet", "forward", "apply", *way)
        with host.start(*program) as process:
            with suppress(subprocess.TimeoutExpired):
                process.wait(tenths / 10)
            process.kill()
            process.communicate()
        assert saved(host) in (before, whole)
    # Whatever it was, it can be completed, and taken back.
    forward(host, "apply", *way)
    assert saved(host) == whole
    forward(host, "remove", "--tag", tag)
    assert saved(host) == before


def test_without_root_it_is_told_what_is_lacking(host: Place) -> None:
    program = (sys.executable, "-m", "dockernet", "forward", "status")
    told = host.execute("setpriv", "--bounding-set=-net_admin", *program)
    assert (told.code, told.out) == (3, "")
    assert "needs root" in told.err


def test_it_survives_an_engine_s_restart() -> None:
    with restartable_engine() as (engine, restarts), Scene(engine) as scene:
        here, there = scene.network("here"), scene.network("there")
        way = (here.name, there.name, "--port", "80", "-4")
        forward(engine.host, "apply", *way)
        restarts.kill()
        restarts.start()
        assert forward(engine.host, "status", *way)["state"] == "applied"
        client, peer = scene.run_all(
            Cast("client", network=here), Cast("peer", ports=["80"], network=there)
        )
        assert client.dial((peer.address(there), 80)).name == peer.name
