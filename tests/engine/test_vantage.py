"""Where a caller stands, asked in real containers and on a real host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from attrs import frozen
from harness import Cast, Place, RealContainer, RealEngine, Scene
from harness.features import needs

from dockernet import SourceError, Vantage, VantageKind, host_gateway


@frozen(eq=False)
class Cases:
    """Containers in every network mode, by short names; the socket is in each."""

    scene: Scene
    places: dict[str, RealContainer]


@pytest.fixture(scope="module")
def cases(engine: RealEngine) -> Iterator[Cases]:
    with Scene(engine) as scene:
        net, inner = scene.network("net", ipv6=True), scene.network("inner", internal=True)
        private = {"HostConfig": {"CgroupnsMode": "private"}}
        labels = {
            "com.docker.compose.project": "shop",
            "com.docker.compose.service": "web",
            "com.docker.compose.container-number": "2",
        }
        first = scene.run_all(
            Cast("plain", socket=True, labels=labels),
            Cast("private", socket=True, create=private),
            Cast("named", socket=True, create={"Hostname": "custom", **private}),
            Cast("net", network=net, socket=True),
            Cast("both", network=net, also={"bridge": ()}, socket=True),
            Cast("inner", network=inner, socket=True),
            Cast("hosted", network_mode="host", socket=True),
            Cast("none", network_mode="none", socket=True),
        )
        mode = f"container:{first[3].name}"
        rest = scene.run_all(
            Cast("beside", network_mode=mode, socket=True),
            Cast("private-beside", network_mode=mode, socket=True, create=private),
        )
        yield Cases(scene, {c.name.removeprefix(scene.name("")): c for c in (*first, *rest)})


def _whoami(*, ask: bool) -> Vantage:
    import dockernet

    return dockernet.whoami(dockernet.Engine() if ask else None)


OWN_ID = ("plain", "private", "named", "net", "both", "inner", "hosted", "none", "beside")


@pytest.mark.parametrize("name", OWN_ID)
def test_a_container_knows_its_own_id_without_an_engine(cases: Cases, name: str) -> None:
    place = cases.places[name]
    vantage = place.call(_whoami, ask=False)
    assert (vantage.kind, vantage.id) == (VantageKind.CONTAINER, place.id)


@pytest.mark.parametrize("name", ["beside", "private-beside"])
def test_a_container_in_another_s_network_knows_the_owner(cases: Cases, name: str) -> None:
    place, owner = cases.places[name], cases.places["net"]
    vantage = place.call(_whoami, ask=False)
    assert vantage.network_owner == owner.id
    assert vantage.id in (place.id, None)
    assert (
        str(vantage.addresses[0])
        == owner.inspect()["NetworkSettings"]["Networks"][cases.scene.name("net")]["IPAddress"]
    )


def test_an_engine_adds_the_name_the_networks_and_compose(cases: Cases) -> None:
    vantage = cases.places["plain"].call(_whoami, ask=True)
    assert (vantage.name, vantage.project, vantage.service, vantage.number) == (
        cases.places["plain"].name,
        "shop",
        "web",
        2,
    )
    default = cases.scene.engine.default_network
    assert [attachment.network for attachment in vantage.networks] == [default]
    both = cases.places["both"].call(_whoami, ask=True)
    assert {a.network for a in both.networks} == {default, cases.scene.name("net")}


def test_an_engine_tells_the_network_mode_and_the_owner(cases: Cases) -> None:
    hosted = cases.places["hosted"].call(_whoami, ask=True)
    assert (hosted.network_mode, hosted.id) == ("host", cases.places["hosted"].id)
    beside = cases.places["private-beside"].call(_whoami, ask=True)
    assert beside.network_owner == cases.places["net"].id


def test_the_host_is_a_host(engine: RealEngine, cases: Cases, host: Place) -> None:
    """A container on the default network runs, since Podman makes bridges when they are used."""
    assert cases.places["plain"].address()
    vantage = host.call(_whoami, ask=False)
    assert (vantage.kind, vantage.id) == (VantageKind.HOST, None)
    bridge = "podman0" if engine.podman else "docker0"
    assert bridge in {interface.name for interface in vantage.interfaces}


def _gateway(family: Any) -> str:
    import dockernet

    return str(dockernet.host_gateway(family))


@pytest.mark.parametrize(
    "name,family",
    [
        *((name, family) for name in ("net", "both", "beside") for family in (4, 6)),
        ("plain", 4),
        pytest.param("plain", 6, marks=needs("dual-stack default network")),
    ],
)
def test_the_gateway_is_the_host(cases: Cases, name: str, family: int) -> None:
    """What listens on the host, in host mode, answers at the gateway's address."""
    if "listener" not in cases.places:
        cases.places["listener"] = cases.scene.run("listener", ports=["8097"], network_mode="host")
    place = cases.places[name]
    address = place.call(_gateway, family)
    assert place.dial((address, 8097)).name == cases.places["listener"].name


def test_on_the_host_and_in_host_mode_the_gateway_is_loopback(cases: Cases, host: Place) -> None:
    for place in (host, cases.places["hosted"]):
        assert [place.call(_gateway, family) for family in (4, 6)] == ["127.0.0.1", "::1"]


def test_without_a_network_there_is_no_gateway(cases: Cases) -> None:
    with pytest.raises(SourceError, match="no IPv4 default route"):
        cases.places["none"].call(host_gateway)


def test_a_service_of_the_host_is_reached_by_its_reserved_name(
    cases: Cases, host: Place, scene: Scene
) -> None:
    listener = scene.run("listener", ports=["8096"], network_mode="host")

    def resolve(target: str) -> Any:
        import dockernet

        return dockernet.resolve(target)

    inside = [cases.places[name] for name in ("plain", "net", "inner", "beside", "hosted")]
    places: list[Place] = [host, scene.run("without"), *inside]
    for place in places:
        endpoint = place.call(resolve, "host.docker.internal:8096")
        assert place.dial(endpoint).name == listener.name
