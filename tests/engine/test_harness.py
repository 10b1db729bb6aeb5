"""The harness itself: what the other engine tests stand on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import (
    ApiError,
    Cast,
    Place,
    ProbeError,
    RealContainer,
    RealEngine,
    Scene,
    private_engine,
)
from harness.features import needs

import dockernet


@pytest.fixture(scope="module")
def bridge(engine: RealEngine) -> Iterator[tuple[RealContainer, RealContainer]]:
    """A peer on the default bridge, and a caller that may ask the engine."""
    with Scene(engine) as scene:
        web, caller = scene.run_all(
            Cast("web", ports=["80", "53/udp"], publish=["18080:80", "127.0.0.1::53/udp"]),
            Cast("caller", socket=True),
        )
        yield web, caller


@pytest.fixture(scope="module")
def web(bridge: tuple[RealContainer, RealContainer]) -> RealContainer:
    return bridge[0]


@pytest.fixture(scope="module")
def caller(bridge: tuple[RealContainer, RealContainer]) -> RealContainer:
    return bridge[1]


def test_the_engine_answers_with_its_version(engine: RealEngine) -> None:
    assert engine.major >= (4 if engine.podman else 20)


def test_the_host_reaches_a_peer_by_its_own_address(host: Place, web: RealContainer) -> None:
    address, address6 = web.address(), web.address(family=6)
    asked = [(address, 80), (address, 53, "udp"), (address6 or address, 80)]
    assert [reply.name for reply in host.dial_all(asked)] == [web.name] * 3


def test_the_host_reaches_a_peer_by_its_host_port(
    engine: RealEngine, host: Place, web: RealContainer
) -> None:
    udp = web.host_port("53/udp")
    replies = host.dial_all([("127.0.0.1", 18080), ("127.0.0.1", udp, "udp")])
    assert [reply.name for reply in replies] == [web.name] * 2
    # Podman forwards no packet from there.
    assert (host.dial(("::1", 18080)).name == web.name) is not engine.podman


def test_a_container_reaches_a_peer_on_the_same_bridge(
    caller: RealContainer, web: RealContainer
) -> None:
    assert caller.dial((web.address(), 80)).name == web.name
    assert web.dial(("localhost", 80)).name == web.name


def test_a_container_sees_the_engine_only_with_the_socket(
    caller: RealContainer, web: RealContainer
) -> None:
    def socket_is_there() -> bool:
        from pathlib import Path

        return Path("/var/run/docker.sock").exists()

    assert caller.call(socket_is_there)
    assert not web.call(socket_is_there)


def test_the_engine_is_asked_through_the_socket(caller: RealContainer) -> None:
    def own_id() -> str:
        import socket

        import docker

        client = docker.APIClient(version="auto")
        try:
            return str(client.inspect_container(socket.gethostname())["Id"])
        finally:
            client.close()

    assert caller.call(own_id) == caller.id


def test_another_machine_reaches_wildcard_host_ports_and_nothing_else(
    engine: RealEngine, elsewhere: Place, web: RealContainer
) -> None:
    here, here6 = engine.addresses
    udp = web.host_port("53/udp")
    asked = [(here, 18080), (here6, 18080), (here, udp, "udp"), (web.address(), 80)]
    names = [reply.name for reply in elsewhere.dial_all(asked)]
    assert names == [web.name, web.name, None, None]


def test_another_machine_asks_the_engine_over_tcp(elsewhere: Place, web: RealContainer) -> None:
    def running() -> list[str]:
        import docker

        client = docker.from_env()
        try:
            return [found["Id"] for found in client.api.containers()]
        finally:
            client.close()

    assert web.id in elsewhere.call(running)


def test_a_failed_dial_says_why(host: Place, caller: RealContainer) -> None:
    replies = host.dial_all([(caller.address(), 81), ("198.51.100.1", 80), ("no.such.name", 80)])
    assert replies[0].error == "refused"
    assert replies[1].error in {"unreachable", "timeout"}  # as this machine's routes are
    assert replies[2].error == "unknown name"


def test_an_unknown_name_is_unknown_at_once_in_a_container(scene: Scene) -> None:
    box = scene.run("box", network=scene.network("net"))
    assert box.dial(("no.such.name", 80)).error == "unknown name"


def test_the_package_runs_the_same_in_every_place(host: Place, web: RealContainer) -> None:
    code = "import json, dockernet as d; print(json.dumps([d.__file__, d.__version__]))"
    assert host.run(code) == web.run(code) == [dockernet.__file__, dockernet.__version__]


def test_a_function_of_the_package_goes_by_its_name(host: Place, web: RealContainer) -> None:
    for place in (host, web):
        assert place.call(dockernet.Port.parse, "53/udp") == dockernet.Port(53, "udp")
        with pytest.raises(dockernet.FormatError, match="ftp"):
            place.call(dockernet.Port.parse, "80/ftp")


def test_a_function_of_a_test_runs_in_a_container_with_its_arguments(web: RealContainer) -> None:
    def where(prefix: str, *, end: str) -> tuple[str, str]:
        import socket
        import sys

        print("this goes elsewhere")
        return prefix + socket.gethostname() + end, sys.executable

    assert web.call(where, "<", end=">") == (f"<{web.id[:12]}>", sys.executable)


def test_what_a_function_raises_is_raised_here(web: RealContainer) -> None:
    def fail() -> None:
        raise LookupError("db", 5432)

    with pytest.raises(LookupError) as caught:
        web.call(fail)
    assert caught.value.args == ("db", 5432)


def test_code_that_fails_is_told_with_its_error(web: RealContainer) -> None:
    with pytest.raises(ProbeError, match="ZeroDivisionError"):
        web.run("1 / 0")


def test_variables_are_added_and_taken_away(host: Place, web: RealContainer) -> None:
    def variables() -> dict[str, str]:
        import os

        return dict(os.environ)

    for place in (host, web):
        assert place.with_env(DB_NAME="/web/db").call(variables)["DB_NAME"] == "/web/db"
    assert "DOCKER_HOST" in host.call(variables)
    assert "DOCKER_HOST" not in host.with_env(DOCKER_HOST=None).call(variables)


def test_the_measuring_of_a_container_lands_where_it_is_combined(
    engine: RealEngine, web: RealContainer
) -> None:
    def measured() -> bool:
        from coverage import Coverage

        import dockernet

        return bool(dockernet.__version__) and Coverage.current() is not None

    before = len(engine.measure.files)
    assert web.call(measured) == engine.measure.on
    assert len(engine.measure.files) - before == int(engine.measure.on)


@needs("links")
def test_links_are_as_asked(scene: Scene) -> None:
    net = scene.network("net")
    db = scene.run("db", ports=["5432"], network=net)
    peer = scene.run("peer", ports=["80"])
    linked, joined = scene.run_all(
        Cast("linked", links=[f"{peer.name}:web"]),
        Cast("joined", network=net, links=[f"{db.name}:store"]),
    )
    assert linked.dial(("web", 80)).name == peer.name
    assert joined.dial(("store", 5432)).name == db.name


def test_networks_and_modes_are_as_asked(scene: Scene) -> None:
    net, other = scene.network("net", ipv6=True), scene.network("other", internal=True, icc=False)
    db = scene.run("db", ports=["5432"], network=net, also={other: ["base"]}, aliases=["data"])
    peer = scene.run("peer", ports=["80"], expose=["81"])
    joined, alone, beside = scene.run_all(
        Cast("joined", network=net),
        Cast("alone", network_mode="none"),
        Cast("beside", network_mode=f"container:{db.name}", labels={"a": "b"}),
    )
    replies = joined.dial_all([(n, 5432) for n in ("data", db.name, db.address(net, 6))])
    assert [reply.name for reply in replies] == [db.name] * 3
    assert alone.dial((db.address(net), 5432)).error == "unreachable"
    assert beside.dial(("127.0.0.1", 5432)).name == db.name
    assert beside.inspect()["Config"]["Labels"]["a"] == "b"
    assert other.inspect()["Internal"]
    assert peer.inspect()["Config"]["ExposedPorts"] == {"81/tcp": {}}


def test_a_container_that_ends_at_once_is_told_with_its_words(scene: Scene) -> None:
    with pytest.raises(RuntimeError, match="invalid literal"):
        scene.run("broken", ports=["eighty"])


def test_a_scene_leaves_nothing_behind(engine: RealEngine) -> None:
    with Scene(engine) as scene:
        web, net = scene.run("web"), scene.network("net")
    for gone in (web, net):
        with pytest.raises(ApiError, match="404"):
            gone.inspect()


@needs("settings")
@pytest.mark.usefixtures("engine")
def test_a_private_engine_takes_settings_and_leaves_nothing() -> None:
    with private_engine(icc=False) as other, Scene(other) as scene:
        folder = Path(other.api.path).parent
        web, caller = scene.run_all(Cast("web", ports=["80"], expose=["80"]), Cast("caller"))
        linked = scene.run("linked", links=[f"{web.name}:web"])
        assert caller.dial((web.address(), 80)).error == "timeout"
        assert other.host.dial((web.address(), 80)).name == web.name
        assert linked.dial(("web", 80)).name == web.name
    assert not folder.exists()
