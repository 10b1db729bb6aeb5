"""What Podman does otherwise than Docker, against the truth; collected on Podman alone."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from harness import Cast, Place, RealContainer, RealEngine, RealNetwork, Scene
from harness.matrix import Answer, ask, conceivable, faults, host_addresses, truth

from dockernet import Container, Endpoint, Reason, Route

PUBLISHED, OWN = "80", "81"


def _network(scene: Scene, name: str, isolate: str | None = None) -> RealNetwork:
    """A network as Podman's own command makes it: not kept apart from others unless told."""
    api = scene.engine.api
    options = {"isolate": isolate} if isolate else {}
    asked = {"name": scene.name(name), "driver": "bridge", "options": options}
    made = api.request("POST", "/v4.0.0/libpod/networks/create", asked)
    scene.networks.append(RealNetwork(made["id"], scene.name(name), api))
    return scene.networks[-1]


def _right(
    engine: RealEngine, place: Place, targets: Mapping[str, RealContainer], *, told: bool
) -> dict[str, Answer]:
    """What dockernet answers in a place; every endpoint answers, and if ``told`` no refused one."""
    answers = ask(place, list(targets))
    hosts = host_addresses(engine)
    every = {t: conceivable(peer, t.rpartition(":")[2], hosts) for t, peer in targets.items()}
    thinkable = every if told else dict.fromkeys(every, ())
    given = {a for answer in answers.values() for a in answer.addresses}
    really = truth(place, given.union(*thinkable.values()))
    assert faults(answers, {t: p.name for t, p in targets.items()}, thinkable, really) == []
    return answers


def test_bridges_talk_to_each_other_unless_both_are_kept_apart(
    engine: RealEngine, scene: Scene
) -> None:
    """Podman 4 forgets the option, so it is feared there."""
    kinds: dict[str, str | None] = {"open": None, "wide": None, "one": "true", "two": "true"}
    kinds |= {"strict": "strict"} if engine.major >= 5 else {}
    nets = {name: _network(scene, name, isolate) for name, isolate in kinds.items()}
    peers = scene.run_all(
        *(
            Cast(f"p-{n}", ports=["80", "81"], publish=["80"], network=net)
            for n, net in nets.items()
        )
    )
    callers = scene.run_all(
        Cast("in-default", socket=True),
        *(Cast(f"in-{n}", network=net, socket=True) for n, net in nets.items()),
    )
    targets = {f"{peer.name}:{port}": peer for peer in peers for port in (PUBLISHED, OWN)}
    for caller in callers:
        _right(engine, caller, targets, told=engine.major >= 5)
    default, within_open, within_one = (
        ask(caller, list(targets)) for caller in (callers[0], callers[1], callers[3])
    )
    assert default[f"{scene.name('p-one')}:81"].routes == (Route.ROUTED,)
    assert within_one[f"{scene.name('p-two')}:80"].reasons == (Reason.NO_SHARED_NETWORK,)
    if engine.major >= 5:
        assert within_open[f"{scene.name('p-wide')}:81"].routes == (Route.ROUTED,)
        assert within_open[f"{scene.name('p-one')}:80"].routes == (Route.GATEWAY, Route.ROUTED)
        assert default[f"{scene.name('p-strict')}:80"].reasons == (Reason.NO_SHARED_NETWORK,)


def test_of_several_networks_one_that_is_not_kept_apart_leads_to_a_host_port(
    engine: RealEngine, scene: Scene
) -> None:
    """The other one's gateway is no way, and nothing tells where a default route leads."""
    one, two = (_network(scene, name, "true") for name in ("one", "two"))
    far, near, caller, shut = scene.run_all(
        Cast("far", ports=["80", "81"], publish=["80"], network=two),
        Cast("near", ports=["80", "81"], publish=["80"], network=two, also={"podman": ()}),
        Cast("caller", network=one, also={"podman": ()}, socket=True),
        Cast("shut", network=one, socket=True),
    )
    targets = {f"{far.name}:80": far, f"{near.name}:80": near}
    answers = _right(engine, caller, targets, told=True)
    assert answers[f"{far.name}:80"].routes == (Route.GATEWAY,)
    answers = _right(engine, shut, {f"{near.name}:81": near, f"{near.name}:80": near}, told=True)
    # Podman does not tell which of its two networks the host port leads to.
    assert {answer.routes for answer in answers.values()} == {(Route.ROUTED,)}


@pytest.mark.parametrize("dual_stack", [True, False], ids=["dual-stack", "IPv4 alone"])
def test_host_ports_answer_where_a_binding_says(
    engine: RealEngine, scene: Scene, host: Place, *, dual_stack: bool
) -> None:
    """From Podman 4.5 on ``0.0.0.0`` and ``::`` are wildcards; nothing comes from ``::1``."""
    net = scene.network("net", ipv6=dual_stack)
    specs = ("80", "0.0.0.0::80", "[::]::80", "127.0.0.1::80", "[::1]::80", "18580:80")
    peers = scene.run_all(
        *(Cast(f"p{n}", ports=["80"], publish=[spec], network=net) for n, spec in enumerate(specs))
    )
    caller, hosted = scene.run_all(
        Cast("caller", socket=True), Cast("hosted", network_mode="host", socket=True)
    )
    targets = {f"{peer.name}:80": peer for peer in peers}
    for place in (host, hosted, caller):
        _right(engine, place, targets, told=True)
    routes = {
        name: Route.PUBLISHED in answer.routes for name, answer in ask(host, list(targets)).items()
    }
    wild = engine.major >= 5
    assert list(routes.values()) == [True, wild, wild and dual_stack, True, False, True]


def _behind(number: int) -> list[tuple[str, int]]:
    import dockernet

    with dockernet.Engine() as engine:
        snapshot = engine.snapshot()
        found = [(c.name, port.number) for c, port, _ in engine.behind(number)]
        assert found == [(c.name, port.number) for c, port, _ in snapshot.behind(number)]
        return found


def test_what_is_behind_each_host_port_of_a_range_is_found(scene: Scene, host: Place) -> None:
    """Up to 5.7 Podman lists the first one alone, and again for who shares the namespace."""
    peer = scene.run("peer", publish=[f"{18590 + n}:{7000 + n}" for n in range(3)])
    scene.run("guest", network_mode=f"container:{peer.name}")
    for n in range(3):
        assert host.call(_behind, 18590 + n) == [(peer.name, 7000 + n)]


def _resolve(target: str) -> Endpoint:
    import dockernet

    return dockernet.resolve(target)


def _containers() -> tuple[Container, ...]:
    import dockernet

    with dockernet.Engine() as engine:
        return engine.containers(details=True)


def test_what_is_the_owner_s_is_not_the_guest_s(scene: Scene, host: Place) -> None:
    """Podman tells addresses, aliases and ports of both for each."""
    net = scene.network("net")
    owner = scene.run("owner", ports=["80"], network=net, aliases=["data"])
    guest, caller = scene.run_all(
        Cast("guest", ports=["8088"], network_mode=f"container:{owner.name}"),
        Cast("caller", network=net, socket=True),
    )
    for target in (owner.name, owner.address(net), "data"):
        endpoint = caller.call(_resolve, f"{target}:80")
        assert (endpoint.peer, caller.dial(endpoint).name) == (owner.name, owner.name)
    endpoint = caller.call(_resolve, f"{guest.name}:8088")
    assert (endpoint.peer, caller.dial(endpoint).name) == (guest.name, guest.name)
    (told,) = [c for c in host.call(_containers) if c.name == guest.name]
    assert (told.networks, told.shares_network_of) == ((), owner.id)


def _lines() -> int:
    """How many lines the block of the hosts file has."""
    from dockernet import HostsBlock

    return len(HostsBlock().lines())


def test_a_container_that_leaves_a_network_has_lost_the_marks_of_its_hosts_block(
    scene: Scene,
) -> None:
    net, other = scene.network("net"), scene.network("other")
    web, db = (scene.run(name, ports=["80"], network=net) for name in ("web", "db"))
    client = scene.run("client", network=net, socket=True)
    kept = ("-m", "dockernet", "hosts", "--file", "/etc/hosts")
    assert client.python(*kept, f"{web.name}:kept").code == 0
    assert client.call(_lines) == 1
    for verb in ("connect", "disconnect"):
        client.api.request("POST", f"/networks/{other}/{verb}", {"Container": client.id})
    assert client.call(_lines) == 0
    told = client.python(*kept, f"{db.name}:kept")
    assert told.code == 0
    assert f"kept: a line that is not of the block says {web.address()}" in told.err
    assert client.call(_lines) == 1
