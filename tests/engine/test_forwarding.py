"""Forwarding on the hosts of real engines: exactly what was asked for, and back again."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from harness import Cast, Place, RealContainer, RealEngine, Scene
from harness.features import needs
from harness.places import HostPlace
from harness.restarts import restartable_engine
from harness.verbs import Mortal, Verbs, verbs_on

pytestmark = needs("settings")

Verb = Callable[..., Any]

SAVERS = ("iptables-save", "ip6tables-save")
REJECT = ("INPUT", "-i", "docker0", "-j", "REJECT", "--reject-with", "icmp-host-prohibited")
GATEWAY = "172.17.0.1"


def saved(host: Place) -> list[str]:
    """The rules without counters, and without the comments, which have the time in them.

    Policies have counters, too, once somebody has restored a table.
    """
    told = (re.sub(r"^#.*\n", "", host.execute(n).out, flags=re.MULTILINE) for n in SAVERS)
    return [re.sub(r"^(:.*) \[\d+:\d+\]$", r"\1", text, flags=re.MULTILINE) for text in told]


@pytest.fixture
def forward(verbs: Verbs) -> Verb:
    return lambda *arguments: verbs("forward", *arguments)


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
    peers: tuple[RealContainer, RealContainer], host: Place, forward: Verb
) -> None:
    web, client = peers
    wanted, other = web.host_port("80/tcp"), web.host_port("81/tcp")
    way = ("bridge", "host", "--port", str(wanted), "-4")
    endpoints = [(GATEWAY, wanted), (GATEWAY, other)]
    before = saved(host)
    assert [r.error for r in client.dial_all(endpoints)] == ["unreachable"] * 2

    applied = forward("apply", *way)
    assert applied["changed"]
    opened = saved(host)
    assert opened != before
    assert [(r.name, r.error) for r in client.dial_all(endpoints)] == [
        (web.name, None),
        (None, "unreachable"),
    ]
    assert not forward("apply", *way)["changed"]
    assert saved(host) == opened
    assert forward("status")["tags"] == [applied["plan"]["tag"]]
    assert forward("status", *way)["state"] == "applied"

    assert forward("remove", *way)["changed"]
    assert saved(host) == before
    assert [r.error for r in client.dial_all(endpoints)] == ["unreachable"] * 2


def test_one_network_reaches_one_port_of_another(
    engine: RealEngine, scene: Scene, host: Place, forward: Verb
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
    rules = forward("apply", *way)["plan"]["rules"]
    assert ("raw" in {rule["place"] for rule in rules}) == (engine.major >= 28)
    told = client.dial_all(asked, 0.5)
    assert [r.name for r in told] == [peer.name, peer.name, None]
    assert peer.dial(back, 0.5).error == "timeout"
    forward("remove", *way)
    assert saved(host) == before


def test_a_network_without_a_way_out_gets_one_to_the_outside(
    engine: RealEngine, scene: Scene, host: Place, forward: Verb
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
        assert forward("apply", *way)["changed"]
        assert client.dial((far, port)).name == engine.addresses[0]
        assert client.dial((far, port + 1)).name is None
        forward("remove", *way)
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


@pytest.fixture
def mortal(host: HostPlace, tmp_path: Path) -> Mortal:
    return Mortal.on(host, tmp_path)


SETTINGS = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding")


def set_forwarding(host: Place, value: str) -> list[str]:
    """Turn it on or off; what it was."""
    words = [f"p = '/proc/sys/{name}'; print(open(p).read().strip()); " for name in SETTINGS]
    set_to = f"open(p, 'w').write('{value}')\n"
    done = host.python("-I", "-S", "-c", "".join(w + (set_to if value else "\n") for w in words))
    return done.out.split()


@frozen
class Way:
    """A way between two networks, and who is at its ends."""

    words: tuple[str, ...]
    client: RealContainer
    peer: RealContainer
    asked: list[tuple[str, int]]
    transactions: int
    """Of each address family."""

    def opened(self) -> list[bool]:
        """Whether it is open, of IPv4 and of IPv6."""
        return [r.name == self.peer.name for r in self.client.dial_all(self.asked, 0.25)]


@pytest.fixture(scope="module")
def way(engine: RealEngine) -> Iterator[Way]:
    with Scene(engine) as scene:
        here, there = scene.network("here", ipv6=True), scene.network("there", ipv6=True)
        client, peer = scene.run_all(
            Cast("client", network=here), Cast("peer", ports=["80"], network=there)
        )
        asked = [(peer.address(there), 80), (peer.address(there, 6), 80)]
        words = (here.name, there.name, "-p", "80")
        yield Way(words, client, peer, asked, 2 if engine.major >= 28 else 1)


@pytest.fixture
def no_forwarding(way: Way, host: Place) -> Iterator[None]:
    """An engine that makes a network turns it on."""
    del way
    before = set_forwarding(host, "0")
    yield
    assert set_forwarding(host, "1") == ["0", "0"]
    assert before == ["1", "1"]


def test_killed_as_it_is_applied_a_family_is_closed_or_whole(
    way: Way, host: Place, forward: Verb, mortal: Mortal
) -> None:
    before = saved(host)
    for done in range(1, 2 * way.transactions + 1):
        assert mortal.dies(done, "forward", "apply", *way.words)
        assert way.opened() == [done >= way.transactions, done == 2 * way.transactions]
        state = forward("status", *way.words)["state"]
        assert state == ("applied" if done == 2 * way.transactions else "in part")
        if done % 2:  # taken back from where it is, or completed
            forward("apply", *way.words)
            assert way.opened() == [True, True]
        forward("remove", *way.words)
        assert saved(host) == before
    assert way.opened() == [False, False]


@pytest.mark.usefixtures("no_forwarding")
def test_killed_before_the_kernel_forwards_all_is_closed(
    way: Way, host: Place, forward: Verb, mortal: Mortal
) -> None:
    before = saved(host)
    assert mortal.dies(2 * way.transactions, "forward", "apply", *way.words)
    assert way.opened() == [False, False]
    told = forward("status", *way.words)
    assert (told["state"], told["missing"]) == (
        "in part",
        ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"],
    )
    tag = forward("apply", *way.words)["plan"]["tag"]
    assert way.opened() == [True, True]
    for done in sorted({1, way.transactions, 2 * way.transactions}):
        assert mortal.dies(done, "forward", "remove", "--tag", tag)
        assert way.opened() == [False, False]
        assert set_forwarding(host, "") == ["0", "0"]
        if done > 1:  # taken back from where it is, or completed
            forward("apply", *way.words)
        forward("remove", "--tag", tag)
        assert saved(host) == before
        forward("apply", *way.words)
    assert not mortal.dies(2 * way.transactions + 1, "forward", "remove", "--tag", tag)
    assert saved(host) == before


def test_what_stops_it_is_named_and_comes_second_when_it_is_applied_again(
    way: Way, host: Place, forward: Verb
) -> None:
    before = saved(host)
    forward("apply", *way.words)
    assert forward("status", *way.words)["state"] == "applied"
    stranger = ("DOCKER-USER", "-m", "comment", "--comment", "shut\x1b[2J", "-j", "DROP")
    host.execute("iptables", "-I", *stranger)
    try:
        told = forward("status", *way.words)
        assert (told["state"], told["code"], way.opened()) == ("stopped", 1, [False, True])
        (rule,) = told["stopped_by"]
        assert (rule["chain"], rule["position"]) == ("DOCKER-USER", 1)
        shown = host.python("-m", "dockernet", "forward", "status", *way.words).out
        assert "stopped; by ip filter DOCKER-USER 1: everything: drop" in shown
        assert forward("apply", *way.words)["changed"]
        assert way.opened() == [True, True]
        assert not forward("apply", *way.words)["changed"]
        forward("remove", *way.words)
    finally:
        host.execute("iptables", "-D", *stranger)
    assert saved(host) == before


def test_without_root_it_is_told_what_is_lacking(host: Place) -> None:
    program = (sys.executable, "-m", "dockernet", "forward", "status")
    told = host.execute("setpriv", "--bounding-set=-net_admin", *program)
    assert (told.code, told.out) == (3, "")
    assert "needs root" in told.err


def test_it_survives_an_engine_s_restart() -> None:
    with (
        restartable_engine() as (engine, restarts),
        Scene(engine) as scene,
        verbs_on(engine.host) as verbs,
    ):
        forward = partial(verbs, "forward")
        here, there = scene.network("here"), scene.network("there")
        way = (here.name, there.name, "--port", "80", "-4")
        forward("apply", *way)
        restarts.kill()
        restarts.start()
        assert forward("status", *way)["state"] == "applied"
        client, peer = scene.run_all(
            Cast("client", network=here), Cast("peer", ports=["80"], network=there)
        )
        assert client.dial((peer.address(there), 80)).name == peer.name
