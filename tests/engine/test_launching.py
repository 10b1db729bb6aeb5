"""Launching on a real engine: links, ports, conflicts, and nothing left behind."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from harness import Place, RealContainer, RealEngine, Scene, image
from harness.engines import SESSION_LABEL
from harness.features import needs
from harness.places import HostPlace
from harness.scenes import await_ready

from dockernet import Container, HostBinding, LaunchError, Port, PortConflict, PortConflictError

PATIENCE = 60.0  # seconds


def part(engine: RealEngine, name: str, *ports: str, **more: Any) -> dict[str, Any]:
    """How to launch a container that serves its name on ports."""
    mounts = [
        f"{m['Source']}:{m['Target']}{':ro' if m['ReadOnly'] else ''}" for m in engine.mounts()
    ]
    labels = {"dockernet.test": "1", SESSION_LABEL: engine.prefix}
    command = [image.PYTHON, "-I", "-S", image.PEER, name, *ports]
    settings = {"image": engine.image, "command": command, "name": name, "volumes": mounts}
    return {**settings, "labels": labels, **more}


def _launched(settings: dict[str, Any]) -> Container:
    import dockernet

    with dockernet.Engine() as engine:
        return engine.launch(**settings).container


def _refused(*asked: dict[str, Any]) -> list[Any]:
    """What each launch raises; one that raises nothing gives its container."""
    import dockernet

    outcomes: list[Any] = []
    with dockernet.Engine() as engine:
        for settings in asked:
            try:
                outcomes.append(engine.launch(**settings).container)
            except dockernet.LaunchError as error:
                outcomes.append(error)
    return outcomes


def _each_conflict(*specs: str) -> list[tuple[PortConflict, ...]]:
    import dockernet

    with dockernet.Engine() as engine:
        return [engine.conflicts([spec]) for spec in specs]


def _conflicts(specs: list[str]) -> tuple[PortConflict, ...]:
    import dockernet

    with dockernet.Engine() as engine:
        return engine.conflicts(specs)


def run(scene: Scene, short: str, *ports: str, **more: Any) -> tuple[Container, RealContainer]:
    """Launch a container from the engine's host; it listens when this returns."""
    engine = scene.engine
    found = engine.host.call(_launched, part(engine, scene.name(short), *ports, **more))
    real = RealContainer(engine.api, found.id, found.name, env=engine.env)
    scene.containers.append(real)
    await_ready(real)
    return found, real


def names(engine: RealEngine) -> set[str]:
    """The containers of this session, in every state."""
    listed = engine.api.request("GET", "/containers/json", all="true")
    return {name.lstrip("/") for c in listed for name in c["Names"] if engine.prefix in name}


def free_port(host: Place) -> int:
    """A host port that nobody has at the moment."""
    code = "import socket; s = socket.socket(); s.bind(('', 0)); print(s.getsockname()[1])"
    return int(host.run(code))


# Ports


@needs("port ranges")
def test_ports_are_known_at_once_and_lead_to_the_container(scene: Scene, host: Place) -> None:
    fixed = free_port(host)
    ports = ["80", f"{fixed}:81", "127.0.0.1:39100-39110:82", "83/udp"]
    web, _ = run(scene, "web", "80", "81", "82", "83/udp", ports=ports)
    assert {str(port) for port in web.ports.published} == {"80/tcp", "81/tcp", "82/tcp", "83/udp"}
    assert all(binding.host_port == fixed for binding in web.ports.bindings(81))
    (binding,) = web.ports.bindings(82)
    assert str(binding.host_ip) == "127.0.0.1"
    assert binding.host_port in range(39100, 39111)
    dialled = [
        ("::1" if b.host_ip and b.host_ip.version == 6 else "127.0.0.1", b.host_port, p.protocol)
        for p, bindings in web.ports.items()
        for b in bindings
    ]
    assert {reply.name for reply in host.dial_all(dialled)} == {web.name}


@needs("port ranges")
def test_a_range_skips_what_is_taken_until_all_of_it_is(scene: Scene, host: Place) -> None:
    span = "39200-39201"
    taken = [run(scene, short, "80", ports=[f"{span}:80"])[0] for short in ("one", "two")]
    assert {c.ports.bindings(80)[0].host_port for c in taken} == {39200, 39201}
    found = host.call(_conflicts, [f"{span}:80"])
    assert {(c.host_port, c.container) for c in found} == {
        (c.ports.bindings(80)[0].host_port, c.name) for c in taken
    }
    three = part(scene.engine, scene.name("three"), "80", ports=[f"{span}:80"])
    with pytest.raises(PortConflictError, match="host port 39200/tcp is held by container"):
        host.call(_launched, three)
    assert scene.name("three") not in names(scene.engine)


def test_every_exposed_port_is_published_where_that_is_asked(scene: Scene, host: Place) -> None:
    web, _ = run(scene, "web", "80", ports=["80"], publish_all=True)
    assert host.dial(("127.0.0.1", web.ports.bindings(80)[0].host_port)).name == web.name


def test_a_port_that_a_container_holds_is_told_before_anything_is_made(
    scene: Scene, host: Place
) -> None:
    fixed = free_port(host)
    web, _ = run(scene, "web", "80", ports=[f"{fixed}:80"])
    (found,) = host.call(_conflicts, [f"{fixed}:90", "91", f"{fixed}:90/udp"])
    assert (found.port, found.binding) == (Port(90), HostBinding(None, fixed))
    assert (found.container, found.container_id, found.pid) == (web.name, web.id, None)
    for asked in (f"{fixed}:80", f"127.0.0.1:{fixed}:80"):
        with pytest.raises(PortConflictError) as caught:
            host.call(_launched, part(scene.engine, scene.name("late"), "80", ports=[asked]))
        assert [c.container for c in caught.value.conflicts] == [web.name]
    assert scene.name("late") not in names(scene.engine)


def test_a_port_that_a_container_in_host_mode_holds_is_told_with_the_container(
    scene: Scene, host: Place
) -> None:
    port = free_port(host)
    web = scene.run("web", ports=[str(port)], network_mode="host")
    (found,) = host.call(_conflicts, [f"{port}:80"])
    assert (found.container, found.container_id) == (web.name, web.id)
    assert found.pid == web.inspect()["State"]["Pid"]


@contextmanager
def process(host: Place, code: str) -> Iterator[tuple[int, int]]:
    """A process on the engine's host that holds a port: its pid and the port."""
    assert isinstance(host, HostPlace)
    with host.start(sys.executable, "-I", "-S", "-c", code) as holder:
        assert holder.stdout is not None
        yield holder.pid, int(holder.stdout.readline())
        holder.communicate()  # its input ends, and so it does


HOLDS = """
import socket, sys
s = socket.socket(socket.{family}, socket.SOCK_{kind})
{option}
s.bind(("{address}", 0))
{listen}
print(s.getsockname()[1], flush=True)
sys.stdin.read()
"""
TCP = {"kind": "STREAM", "listen": "s.listen()"}
UDP = {"kind": "DGRAM", "listen": ""}
BOTH = "s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)"
ALONE = "s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)"
V4 = {"family": "AF_INET", "option": ""}
V6 = {"family": "AF_INET6"}


@pytest.mark.parametrize(
    "how, hit, missed",
    [
        ({**V4, **TCP, "address": ""}, ["{}:80", "127.0.0.1:{}:80"], ["[::1]:{}:80", "{}:80/udp"]),
        ({**V4, **TCP, "address": "127.0.0.1"}, ["{}:80", "127.0.0.1:{}:80"], ["127.0.0.2:{}:80"]),
        ({**V6, **TCP, "address": "", "option": BOTH}, ["127.0.0.1:{}:80", "[::1]:{}:80"], []),
        (
            {**V6, **TCP, "address": "", "option": ALONE},
            ["{}:80", "[::1]:{}:80"],
            ["0.0.0.0:{}:80"],
        ),
        ({**V4, **UDP, "address": ""}, ["{}:80/udp"], ["{}:80"]),
    ],
    ids=["IPv4", "IPv4 loopback", "both families", "IPv6 alone", "udp"],
)
def test_a_port_that_a_process_holds_is_told_with_the_process(
    scene: Scene, host: Place, how: dict[str, str], hit: list[str], missed: list[str]
) -> None:
    with process(host, HOLDS.format(**how)) as (pid, port):
        taken, free = ([spec.format(port) for spec in specs] for specs in (hit, missed))
        for spec, found in zip(taken, host.call(_each_conflict, *taken), strict=True):
            told = [(c.pid, c.container, c.host_port, (c.process or "")[:6]) for c in found]
            assert told == [(pid, None, port, "python")], spec
        late = [part(scene.engine, scene.name("late"), "80", ports=[spec]) for spec in taken]
        for error in host.call(_refused, *late):
            assert isinstance(error, PortConflictError)
            assert [c.pid for c in error.conflicts] == [pid]
        assert host.call(_each_conflict, *free) == [()] * len(free)
        for number, spec in enumerate(free):
            run(scene, f"fits-{number}", "80", ports=[spec])
    assert scene.name("late") not in names(scene.engine)


def _raced(settings: dict[str, Any]) -> list[str]:
    """Launch with a port that this process takes after the look, and before the start."""
    import os
    import socket

    import dockernet
    from dockernet.sources import _launching

    look, looks = _launching.held_ports, []

    def first_look_is_too_early(*asked: Any) -> Any:
        looks.append(asked)
        return () if len(looks) == 1 else look(*asked)

    vars(_launching)["held_ports"] = first_look_is_too_early
    with socket.create_server(("", 0)) as taken:
        settings["ports"] = [f"{taken.getsockname()[1]}:80"]
        try:
            dockernet.Engine().launch(**settings)
        except dockernet.PortConflictError as error:
            return [str(conflict.pid == os.getpid()) for conflict in error.conflicts]
    return []


def test_a_port_that_is_taken_meanwhile_is_told_and_nothing_is_left(
    scene: Scene, host: Place
) -> None:
    asked = part(scene.engine, scene.name("late"), "80")
    assert host.call(_raced, asked) == ["True"]
    assert scene.name("late") not in names(scene.engine)


def test_of_two_launches_at_once_one_has_the_port_and_the_other_is_told(
    scene: Scene, host: Place
) -> None:
    fixed = free_port(host)
    both = [part(scene.engine, scene.name(n), "80", ports=[f"{fixed}:80"]) for n in "ab"]

    def attempt(settings: dict[str, Any]) -> Container | PortConflictError:
        try:
            return host.call(_launched, settings)
        except PortConflictError as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(attempt, both))
    made = [c for c in outcomes if isinstance(c, Container)]
    scene.containers.extend(RealContainer(scene.engine.api, c.id, c.name, env={}) for c in made)
    assert sorted(type(o).__name__ for o in outcomes) == ["Container", "PortConflictError"]
    assert names(scene.engine).intersection({scene.name("a"), scene.name("b")}) == {made[0].name}


def test_two_ports_of_one_launch_that_collide_are_told(scene: Scene, host: Place) -> None:
    asked = part(scene.engine, scene.name("two"), ports=["39300:80", "39300:81"])
    with pytest.raises(PortConflictError, match="held by port 80/tcp of the same launch"):
        host.call(_launched, asked)


# Links and networks


@needs("links")
def test_on_the_default_bridge_a_link_s_alias_leads_to_its_peer(scene: Scene) -> None:
    web = scene.run("web", ports=["80"], expose=["80"])
    client, place = run(scene, "client", "80", links=[f"{web.name}:dedoimedo"])
    assert [(link.peer, link.alias) for link in client.links or ()] == [(web.name, "dedoimedo")]
    assert place.dial(("dedoimedo", 80)).name == web.name


@needs("links")
def test_on_each_shared_network_a_link_s_alias_leads_to_its_peer(scene: Scene) -> None:
    one, two, other = (scene.network(name) for name in ("one", "two", "other"))
    web = scene.run("web", ports=["80"], network=one, also={two: ()})
    base = scene.run("base", ports=["80"], network=other)
    client, place = run(
        scene,
        "client",
        "80",
        links=[f"{web.name}:dedoimedo", f"{base.name}:base"],
        networks=[one.name, two.name, other.name],
        aliases=["me"],
    )
    assert {a.network for a in client.networks} == {one.name, two.name, other.name}
    assert all("me" in (a.aliases or ()) for a in client.networks)
    assert [r.name for r in place.dial_all([("dedoimedo", 80), ("base", 80)])] == [
        web.name,
        base.name,
    ]
    assert base.dial(("me", 80)).name == client.name
    one_alone = place.api.request("POST", f"/networks/{one}/disconnect", {"Container": client.id})
    assert one_alone is None
    assert place.dial(("dedoimedo", 80)).name == web.name  # by the other network


@needs("links")
def test_the_default_bridge_and_a_user_defined_network_have_each_their_links(
    scene: Scene,
) -> None:
    net = scene.network("net")
    old, new = scene.run("old", ports=["80"]), scene.run("new", ports=["80"], network=net)
    client, place = run(
        scene,
        "client",
        "80",
        links=[f"{old.name}:old", f"{new.name}:new"],
        networks=[net.name, "bridge"],
    )
    assert {a.network for a in client.networks} == {"bridge", net.name}
    dialled = place.dial_all([("old", 80), ("new", 80)])
    assert [reply.name for reply in dialled] == [old.name, new.name]


def test_what_cannot_be_linked_or_joined_is_told_before_anything_is_made(
    scene: Scene, host: Place
) -> None:
    net = scene.network("net", internal=True)
    web = scene.run("web", ports=["80"], network=net)
    asked = part(scene.engine, scene.name("late"))
    refused: dict[str, dict[str, Any]] = {
        f"networks=['{net}']": {"links": [f"{web.name}:web"]},
        f"did you mean {web.name}": {"links": [f"{web.name}x:web"]},
        f"docker network create {net}x": {"networks": [f"{net}x"]},
        "nothing is published on": {"networks": [net.name], "ports": ["80"]},
        "docker pull no-such-image:1": {"image": "no-such-image:1"},
    }
    errors = host.call(_refused, *[{**asked, **settings} for settings in refused.values()])
    for reason, error in zip(refused, errors, strict=True):
        assert isinstance(error, LaunchError)
        assert reason in error.reason
    assert scene.name("late") not in names(scene.engine)


@needs("links")
def test_a_peer_that_does_not_run_is_no_peer_of_a_legacy_link(scene: Scene, host: Place) -> None:
    web = scene.run("web", ports=["80"])
    web.stop()
    with pytest.raises(LaunchError, match=f"docker start {web.name}"):
        host.call(_launched, part(scene.engine, scene.name("late"), links=[web.name]))


# Ends


def _ended(settings: dict[str, Any]) -> str:
    """Launch what ends at once, until it has ended before it was looked at."""
    import dockernet

    with dockernet.Engine() as engine:
        for _ in range(20):
            try:
                engine.launch(**settings).remove()
            except dockernet.LaunchError as error:
                return str(error)
    return "it never ended in time"


def test_a_container_that_ends_at_once_is_told_and_left_for_its_log(
    scene: Scene, host: Place
) -> None:
    name = scene.name("short")
    scene.containers.append(RealContainer(scene.engine.api, name, name, env={}))
    asked = part(scene.engine, name, ports=["80"]) | {"command": ["/bin/false"]}
    assert f"exit code 1; see docker logs {name}" in host.call(_ended, asked)
    assert name in names(scene.engine)
    gone = host.call(_ended, {**asked, "name": f"{name}-2", "remove": True})
    # Podman removes it before it answers to the start.
    assert "it ended at once" in gone or (scene.engine.podman and "no such container" in gone)
    assert f"{name}-2" not in names(scene.engine)


# Nothing is left behind, whatever happens

CAMPAIGN = """
import json, signal, sys, time
import dockernet

settings, how = json.loads(sys.argv[1]), sys.argv[2]
print("begun", flush=True)
with dockernet.Engine() as engine:
    with engine.launch(**settings, remove=True) as web:
        print("inside", flush=True)
        if how == "error":
            raise LookupError("an application's own")
        if how != "ends":
            time.sleep(60)
"""


def interrupted(
    host: Place, settings: dict[str, Any], how: str, number: int | None, after: float
) -> int:
    """Launch in a process, send it a signal some time after it has begun; its exit code."""
    assert isinstance(host, HostPlace)
    command = (sys.executable, "-c", CAMPAIGN, json.dumps(settings), how)
    with host.start(*command) as ran:
        assert ran.stdout is not None
        assert ran.stdout.readline() == "begun\n"
        if number is not None:
            with suppress(subprocess.TimeoutExpired):
                ran.wait(after)
            ran.send_signal(number)
        ran.communicate(timeout=PATIENCE)
        return ran.returncode


WAYS = ("ends", "error", "command", "port", "image", "INT", "TERM", "INT", "TERM", "TERM")
CODES = {"ends": {0}, "INT": {-signal.SIGINT}, "TERM": {143, -signal.SIGTERM}}


def campaign(scene: Scene, host: Place, count: int, seed: int) -> None:
    """Launch many times, with every way to fail; the engine is as it was before."""
    engine, chance = scene.engine, random.Random(seed)  # noqa: S311 - moments, not secrets
    held = free_port(host)
    run(scene, "holder", "80", ports=[f"{held}:80"])
    net = scene.network("net")
    before = state(engine)
    codes: dict[str, set[int]] = {}

    wrong: dict[str, dict[str, Any]] = {
        "command": {"command": ["/no/such/command"]},
        "port": {"ports": [f"{held}:80"]},
        "image": {"image": "no-such-image:1"},
    }

    def one(number: int) -> None:
        way = WAYS[number % len(WAYS)]
        settings = part(
            engine, scene.name(f"n{number}"), "80", ports=["80", f"{39400 + number}:81"]
        )
        settings |= {"networks": [net.name]} if number % 2 else {}
        settings |= {"name": None} if number % 3 else {}
        settings |= wrong.get(way, {})
        code = interrupted(host, settings, way, SIGNALS.get(way), chance.uniform(0, 2))
        codes.setdefault(way, set()).add(code)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, range(count)))
    for way, found in codes.items():
        assert found <= CODES.get(way, {1}), (way, found)
    assert state(engine) == before
    listening = host.call(_each_conflict, *[f"{39400 + number}:81" for number in range(count)])
    assert listening == [()] * count


SIGNALS = {"INT": signal.SIGINT, "TERM": signal.SIGTERM}


def state(engine: RealEngine) -> tuple[Any, ...]:
    """Every container, and every network with who is on it."""
    containers = engine.api.request("GET", "/containers/json", all="true")
    networks = [
        engine.api.request("GET", f"/networks/{n['Id']}")
        for n in engine.api.request("GET", "/networks")
    ]
    return (
        sorted((c["Id"], c["State"]) for c in containers),
        sorted((n["Id"], *sorted(n["Containers"] or ())) for n in networks),
    )


def test_twenty_launches_that_fail_or_are_interrupted_leave_nothing(
    scene: Scene, host: Place
) -> None:
    campaign(scene, host, count=20, seed=1)


@pytest.mark.stress
def test_fifty_launches_that_fail_or_are_interrupted_leave_nothing(
    scene: Scene, host: Place
) -> None:
    campaign(scene, host, count=50, seed=2)


# The command line


def test_the_command_launches_and_tells_what_to_dial(scene: Scene, host: Place) -> None:
    asked = part(scene.engine, scene.name("web"))
    options = [word for volume in asked["volumes"] for word in ("-v", volume)]
    labels = [word for k, v in asked["labels"].items() for word in ("--label", f"{k}={v}")]
    serve = [image.PYTHON, "-I", "-S", image.PEER, scene.name("web"), "80"]
    told = host.python(
        *("-m", "dockernet", "launch", "--json", "--rm", "-p", "80", "--name", scene.name("web")),
        *options,
        *labels,
        scene.engine.image,
        *serve,
    ).json()
    real = RealContainer(scene.engine.api, told["container"]["id"], scene.name("web"), env={})
    scene.containers.append(real)
    await_ready(real)
    (dialled,) = told["endpoints"]
    assert host.dial((dialled["host"], dialled["port"])).name == scene.name("web")
    assert scene.name("web") in names(scene.engine)  # it is left running
    real.stop()
    for _ in range(100):
        if scene.name("web") not in names(scene.engine):
            break
    assert scene.name("web") not in names(scene.engine)
