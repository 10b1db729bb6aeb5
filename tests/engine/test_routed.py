"""Networks in routed mode: published ports at the peer's own address, from 28 on."""

from __future__ import annotations

import pytest
from harness import Cast, Place, RealEngine, Scene
from harness.features import needs
from harness.matrix import ask

from dockernet import Reason, Route


@needs("gateway modes")
def test_a_published_port_of_a_routed_network_is_reached_from_another(
    engine: RealEngine, scene: Scene, host: Place
) -> None:
    """Engine 28 opens it; older ones open nothing, or do not know the mode at all."""
    routed = scene.network(
        "routed", Options={"com.docker.network.bridge.gateway_mode_ipv4": "routed"}
    )
    peer = scene.run("peer", ports=["80", "82"], network=routed, publish=["80"])
    caller, beside = scene.run_all(
        Cast("caller", socket=True), Cast("beside", network=routed, socket=True)
    )
    target, closed = f"{peer.name}:80", f"{peer.name}:82"
    places: dict[str, Place] = {"caller": caller, "beside": beside, "host": host}
    told = {name: ask(place, [target, closed]) for name, place in places.items()}
    open_to_others = caller.dial((peer.address(routed), 80)).name == peer.name
    assert open_to_others == (engine.major >= 28)
    assert (Route.ROUTED in told["caller"][target].routes) == open_to_others
    assert told["caller"][closed].reasons == (Reason.NO_SHARED_NETWORK,)
    assert caller.dial((peer.address(routed), 82)).name is None
    assert told["beside"][closed].routes[0] == Route.SHARED_NETWORK
    for name, answers in told.items():
        for answer in answers.values():
            names = {reply.name for reply in places[name].dial_all(answer.addresses)}
            assert names <= {peer.name}, (name, answer)


@pytest.mark.parametrize("inside", [True, False], ids=["from a routed network", "from the host"])
def test_a_caller_on_a_routed_network_reaches_published_ports_of_others(
    scene: Scene, host: Place, *, inside: bool
) -> None:
    routed = scene.network(
        "routed", Options={"com.docker.network.bridge.gateway_mode_ipv4": "routed"}
    )
    web = scene.run("web", ports=["80"], publish=["80"])
    place = scene.run("caller", network=routed, socket=True) if inside else host
    (answer,) = ask(place, [f"{web.name}:80"]).values()
    assert answer.addresses
    assert {reply.name for reply in place.dial_all(answer.addresses)} == {web.name}
