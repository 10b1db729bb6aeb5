"""Networks and settings off the beaten track, each against the truth."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from harness import Cast, Place, RealContainer, RealEngine, RealNetwork, Scene, private_engine
from harness.features import needs
from harness.matrix import judged

from dockernet import Reason, Route


def _targets(*peers: RealContainer, port: str = "80") -> dict[str, tuple[RealContainer, str]]:
    return {f"{peer.name}:{port}": (peer, port) for peer in peers}


@needs("settings")
def test_a_macvlan_network_is_reached_from_itself_alone(
    engine: RealEngine, scene: Scene, host: Place
) -> None:
    subnet = {"Subnet": "198.51.100.0/24", "Gateway": "198.51.100.1"}
    lan = scene.network(
        "lan", driver="macvlan", Options={"parent": "eth0"}, IPAM={"Config": [subnet]}
    )
    peer, beside, web, caller = scene.run_all(
        Cast("peer", ports=["80"], network=lan, publish=["80"]),
        Cast("beside", network=lan, socket=True),
        Cast("web", ports=["80"], publish=["80"]),
        Cast("caller", socket=True),
    )
    target = f"{peer.name}:80"
    inside = judged(engine, beside, _targets(peer, web))
    assert inside[target].routes == (Route.SHARED_NETWORK,)
    assert inside[f"{web.name}:80"].reasons == (Reason.NO_SHARED_NETWORK,)
    assert judged(engine, caller, _targets(peer))[target].reasons == (Reason.NO_SHARED_NETWORK,)
    assert judged(engine, host, _targets(peer))[target].reasons == (Reason.DRIVER_NOT_ROUTED,)


def test_a_network_of_ipv6_alone_is_reached_by_ipv6(
    engine: RealEngine, scene: Scene, host: Place
) -> None:
    """Engine 28 and later can do without IPv4; older ones add it whatever is asked for."""
    six = scene.network("six", ipv6=True, EnableIPv4=False)
    peer, beside, open_peer, caller = scene.run_all(
        Cast("peer", ports=["80"], network=six),
        Cast("beside", network=six, socket=True),
        Cast("open", ports=["80"], network=six, publish=["80"]),
        Cast("caller", socket=True),
    )
    targets = _targets(peer, open_peer)
    inside, outside = judged(engine, beside, targets), judged(engine, host, targets)
    families = {":" in address for address, *_ in inside[f"{peer.name}:80"].addresses}
    assert families == ({True} if engine.major >= 28 else {True, False})
    assert outside[f"{peer.name}:80"].routes[0] == Route.DIRECT
    assert outside[f"{open_peer.name}:80"].routes[0] == Route.PUBLISHED
    across = judged(engine, caller, targets)
    assert across[f"{open_peer.name}:80"].routes[0] == Route.GATEWAY


@needs("gateway modes")
def test_without_masquerading_host_ports_of_other_networks_are_refused(
    engine: RealEngine, scene: Scene
) -> None:
    """Those of its own network are not, nor those of a peer that a proxy alone speaks for."""
    option = {"com.docker.network.bridge.enable_ip_masquerade": "false"}
    bare, other = (
        scene.network("bare", ipv6=True, Options=option),
        scene.network("other", ipv6=True),
    )
    four = scene.network("four")
    web, peer, beside, narrow, low, caller = scene.run_all(
        Cast("web", ports=["80"], publish=["80"]),
        Cast("peer", ports=["80"], network=other, publish=["80"]),
        Cast("beside", ports=["80"], network=bare, publish=["80"]),
        Cast("narrow", ports=["80"], network=four, publish=["80"]),
        Cast("low", ports=["80"], publish=[f"{engine.addresses[0]}::80"]),
        Cast("caller", network=bare, socket=True),
    )
    told = judged(engine, caller, _targets(web, peer, beside, narrow, low))
    for refused in (web, peer, low):
        assert told[f"{refused.name}:80"].reasons == (Reason.NO_SHARED_NETWORK,)
    assert set(told[f"{beside.name}:80"].routes) == {Route.SHARED_NETWORK, Route.GATEWAY}
    assert {host for host, *_ in told[f"{narrow.name}:80"].addresses} == {gateway(bare, 6)}


def gateway(network: RealNetwork, family: int) -> str:
    """The address of the engine's host on a network."""
    configured = (ip_network(c["Subnet"]) for c in network.inspect()["IPAM"]["Config"])
    return str(next(subnet[1] for subnet in configured if subnet.version == family))


@needs("settings")
@pytest.mark.usefixtures("engine")
def test_without_a_userland_proxy_every_endpoint_answers() -> None:
    """On the host and on one network; an engine does not tell that it has no proxy.

    Up to Engine 28 it then lets no container through a host port into another bridge.
    """
    with private_engine(**{"userland-proxy": False}) as bare, Scene(bare) as scene:
        net = scene.network("net")
        web, four, low, caller, beside = scene.run_all(
            Cast("web", ports=["80"], publish=["80"]),
            Cast("four", ports=["80"], network=net, publish=["80"]),
            Cast("low", ports=["80"], publish=["127.0.0.1::80"]),
            Cast("caller", socket=True),
            Cast("beside", network=net, socket=True),
        )
        on_host = judged(bare, bare.host, _targets(web, four, low))
        assert {answer.routes[0] for answer in on_host.values()} == {Route.PUBLISHED}
        judged(bare, caller, _targets(web, low))
        judged(bare, beside, _targets(four))
