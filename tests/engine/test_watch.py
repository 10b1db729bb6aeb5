"""Watching a real engine: every change is told, and where a peer is said to be it answers."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from subprocess import Popen
from threading import Timer
from typing import Any

import pytest
from attrs import frozen
from harness import Cast, Place, RealContainer, Scene
from harness.features import needs
from harness.places import HostPlace

SECONDS = 60.0  # that a change may take before a test has failed

# What is watched is told as JSON, a line each; "ready" when nothing is missed any more.
CONTAINERS = """
import json
from dockernet import Engine
with Engine() as engine, engine.watch() as changes:
    print(json.dumps("ready"), flush=True)
    for change in changes:
        state = change.after and change.after.state
        print(json.dumps([str(change.container), [*change.why], state]), flush=True)
"""
ENDPOINTS = """
import json, sys
from dockernet import Resolver
with Resolver() as resolver, resolver.watch(sys.argv[1]) as changes:
    for change in changes:
        where = [[str(e.host), e.port, e.peer] for e in change.after]
        error = change.error and type(change.error).__name__
        print(json.dumps([where, [*change.why], error]), flush=True)
"""
AWAITED = """
import asyncio, json, sys
from dockernet.aio import AsyncResolver
async def main():
    async with AsyncResolver() as resolver:
        async for change in resolver.watch(sys.argv[1]):
            where = [[str(e.host), e.port, e.peer] for e in change.after]
            error = change.error and type(change.error).__name__
            print(json.dumps([where, [*change.why], error]), flush=True)
asyncio.run(main())
"""


@frozen
class Watching:
    """A program that tells of changes."""

    process: Popen[str]

    def next(self) -> Any:
        """The next thing that it tells."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.process.stderr and self.process.stderr.read()
        return json.loads(line)

    def until(self, reached: Callable[[Any], bool]) -> list[Any]:
        """All that it tells until that is told."""
        told = [self.next()]
        while not reached(told[-1]):
            told.append(self.next())
        return told


@contextmanager
def watching(host: Place, *command: str) -> Iterator[Watching]:
    """Run a program on the engine's host that tells of changes until it is stopped."""
    assert isinstance(host, HostPlace)
    process = host.start(sys.executable, *command)
    bound = Timer(SECONDS, process.kill)
    bound.start()
    try:
        yield Watching(process)
        process.send_signal(signal.SIGINT)
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)
        bound.cancel()


def join(container: RealContainer, verb: str, network: Any, **settings: Any) -> None:
    body = {"Container": container.id, **settings}
    container.api.request("POST", f"/networks/{network}/{verb}", body)


def rename(container: RealContainer, name: str) -> None:
    container.api.request("POST", f"/containers/{container.id}/rename", None, name=name)


def who_answers(host: Place, *where: object) -> str | None:
    """Who answers there; one that has just started may need a moment for it."""
    replies = (host.dial(where).name for _ in range(50))
    return next((name for name in replies if name), None)


def test_every_lasting_state_of_a_container_is_told(scene: Scene, host: Place) -> None:
    network = scene.network("net")
    with watching(host, "-c", CONTAINERS) as watch:
        assert watch.next() == "ready"
        peer = scene.run("peer", network=network, ports=["80"])

        def told(kind: str) -> list[Any]:
            """What is told until that has happened to the peer."""
            return watch.until(lambda one: kind in one[1])

        told("started")
        peer.pause()
        told("paused")
        peer.unpause()
        told("unpaused")
        join(peer, "connect", scene.network("other"))
        told("network changed")
        rename(peer, scene.name("renamed"))
        assert told("renamed")[-1][0] == scene.name("renamed")
        peer.api.request("POST", f"/containers/{peer.id}/stop", t=0)
        told("stopped")
        peer.remove()
        assert told("removed")[-1][2] is None


@pytest.mark.parametrize("program", [ENDPOINTS, AWAITED], ids=["blocking", "awaiting"])
def test_a_peer_is_where_it_is_said_to_be(scene: Scene, host: Place, program: str) -> None:
    name, network = scene.name("moving"), scene.network("net")
    with watching(host, "-c", program, f"{name}:80") as watch:

        def dialled(*kinds: str) -> str:
            """Where the peer is told to be, once that has happened; it answers there."""
            told = watch.until(lambda one: bool(one[0]) and {*kinds} <= {*one[1]})
            [host_address, port, who], *_ = told[-1][0]
            assert who == name
            assert who_answers(host, host_address, port) == name
            return str(host_address)

        def gone(*kinds: str) -> None:
            [*_, last] = watch.until(lambda one: not one[0])
            assert {*kinds} & {*last[1]}, last

        assert watch.next() == [[], [], "PeerNotFoundError"]
        peer = scene.run("moving", network=network, ports=["80"])
        assert dialled("started") == peer.address(network)
        peer.api.request("POST", f"/containers/{peer.id}/stop", t=0)
        gone("stopped")
        scene.run("taker", network=network, command=["sleep", "1000"])  # of its address
        peer.start()
        assert dialled("started") == peer.address(network)
        rename(peer, scene.name("away"))
        gone("renamed")
        rename(peer, name)
        dialled("renamed")
        other = scene.network("other")
        join(peer, "disconnect", network, Force=True)
        gone("network changed")
        join(peer, "connect", other)
        assert dialled("network changed") == peer.address(other)
        peer.remove()
        gone("stopped", "removed")  # one after the other


@needs("health checks")
def test_that_a_peer_became_healthy_is_told_where_it_is(scene: Scene, host: Place) -> None:
    second = 1_000_000_000
    check = {"Test": ["CMD", "test", "-e", "/well"], "Interval": second // 2, "Retries": 1}
    peer = scene.run("checked", ports=["80"], create={"Healthcheck": check})
    with watching(host, "-c", ENDPOINTS, f"{peer.name}:80") as watch:
        first = watch.next()
        assert first[0]
        assert peer.execute("touch", "/well").code == 0
        [*_, healthy] = watch.until(lambda one: "became healthy" in one[1])
        assert peer.execute("rm", "/well").code == 0
        [*_, sick] = watch.until(lambda one: "became unhealthy" in one[1])
        assert first[0] == healthy[0] == sick[0]


# It reads when it is told to, once the view has heard of everything.
SLOW = """
import json, sys
from dockernet import Engine
with Engine() as engine, engine.live() as live, live.watch() as changes:
    print(json.dumps("ready"), flush=True)
    sys.stdin.readline()
    peer = engine.container(sys.argv[1])
    while (known := live.container(peer.id)).name != peer.name or known.state != peer.state:
        live.wait_change(live.generation, 0.1)
    change = next(changes)
    print(json.dumps([str(change.before), str(change.after), [*change.why]]), flush=True)
"""


def test_of_a_slow_reader_the_last_state_is_told(scene: Scene, host: Place) -> None:
    """It reads nothing while a peer is renamed many times, and hears of it once."""
    peer = scene.run("busy", ports=["80"])
    with watching(host, "-c", SLOW, peer.id) as watch:
        assert watch.next() == "ready"
        for number in range(9):
            rename(peer, scene.name(f"name-{number}"))
        peer.pause()
        assert watch.process.stdin
        watch.process.stdin.write("\n")
        watch.process.stdin.flush()
        before, after, why = watch.next()
        assert (before, after) == (peer.name, scene.name("name-8"))
        assert {"paused", "renamed"} <= {*why}


def test_replicas_are_all_told(scene: Scene, host: Place) -> None:
    labels = {"com.docker.compose.project": scene.name("shop"), "com.docker.compose.service": "web"}
    casts = [
        Cast(
            f"web{n}",
            ports=["80"],
            labels={**labels, "com.docker.compose.container-number": f"{n}"},
        )
        for n in (1, 2)
    ]
    one, two = scene.run_all(*casts)
    with watching(host, "-c", ENDPOINTS, f"{scene.name('shop')}/web:80") as watch:
        assert {peer for _, _, peer in watch.next()[0]} == {one.name, two.name}
        two.pause()
        told = watch.next()
        assert ({peer for _, _, peer in told[0]}, told[1]) == ({one.name}, ["paused"])


def test_the_command_tells_what_happens(scene: Scene, host: Place) -> None:
    peer = scene.run("told", ports=["80"])
    verb = ("-m", "dockernet", "watch", f"{peer.name}:80", "--json")
    with watching(host, *verb) as watch:
        first = watch.next()
        [endpoint, *_] = first["after"]
        assert host.dial((endpoint["host"], endpoint["port"])).name == peer.name
        peer.pause()
        second = watch.next()
        assert (second["before"], second["after"]) == (first["after"], [])
        assert (second["why"], second["error"]["kind"]) == (["paused"], "UnreachableError")
        watch.process.send_signal(signal.SIGTERM)
        assert watch.process.wait(SECONDS) == 143


def test_the_command_watches_inside_a_container_too(scene: Scene) -> None:
    """In one that has the engine's socket."""
    app = scene.run("app", socket=True)
    peer = scene.run("peer")
    code = """
    import json, subprocess, sys
    command = [sys.executable, "-m", "dockernet", "watch", sys.argv[1] + ":80", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        first = json.loads(process.stdout.readline())
        process.terminate()
    print(json.dumps([first["after"], process.returncode]))
    """
    after, ended = app.run(code, peer.name)
    assert (after[0]["route"], after[0]["host"], ended) == ("shared network", peer.address(), 143)


def test_without_the_socket_a_peer_is_watched_by_its_name(scene: Scene) -> None:
    """As in any slim container: the embedded DNS is asked again and again."""
    network = scene.network("net")
    app = scene.run("app", network=network)
    peer = scene.run("db", network=network)
    code = """
    import json, sys
    from dockernet import Resolver
    with Resolver() as resolver, resolver.watch(sys.argv[1] + ":80", every=0.2) as changes:
        print(json.dumps([str(e.host) for e in next(changes).after]))
    """
    assert app.run(code, peer.name) == [peer.address(network)]
