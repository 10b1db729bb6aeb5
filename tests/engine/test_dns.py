"""Names and neighbours from within a container that has no engine to ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from attrs import frozen
from harness import Cast, RealContainer, RealEngine, RealNetwork, Scene, private_engine
from harness.features import needs

from dockernet import Endpoint, Peer, PeerNotFoundError, Reason, Route, SourceError

NEIGHBOURS = 50
HOUR = 3600.0  # seconds; whoever waits for so long is given up before


@frozen(eq=False)
class Street:
    """A dual-stack network: some neighbours, and a container that asks for them."""

    engine: RealEngine
    net: RealNetwork
    neighbours: tuple[RealContainer, ...]
    asking: RealContainer

    @property
    def first(self) -> RealContainer:
        return self.neighbours[0]


@pytest.fixture(scope="module")
def street(engine: RealEngine) -> Iterator[Street]:
    with Scene(engine) as scene:
        net = scene.network("net", ipv6=True)
        served = {"one": ["crowd", "single"], "two": ["crowd"], "three": ["crowd"]}
        sleep = ["sleep", "100000"]
        neighbours = scene.run_all(
            *(Cast(n, ports=["80"], network=net, aliases=a) for n, a in served.items()),
            *(Cast(f"quiet.{n}", network=net, command=sleep) for n in range(NEIGHBOURS - 3)),
        )
        link = [] if engine.podman else [f"{neighbours[0].name}:CamelAlias"]
        asking = scene.run("asking", network=net, links=link)
        yield Street(engine, net, neighbours, asking)


def _endpoints(target: str) -> tuple[Endpoint, ...]:
    import dockernet

    return dockernet.endpoints(target)


def _by_dns_alone(target: str, timeout: float = 1.0) -> Endpoint:
    import dockernet

    return dockernet.Resolver([dockernet.Dns(timeout=timeout)]).resolve(target)


def _awaited(target: str) -> list[Endpoint]:
    import asyncio

    from dockernet.aio import AsyncResolver

    async def every() -> list[Endpoint]:
        async with AsyncResolver() as resolver:
            return list(await resolver.endpoints(target))

    return asyncio.run(every())


def _peers() -> tuple[Peer, ...]:
    import dockernet

    return dockernet.peers()


def _said(name: str | None, **how: Any) -> list[str]:
    """What the source says, and whether it had reason to load its library."""
    import sys

    import dockernet

    target = None if name is None else dockernet.Target.parse(name)
    want = dockernet.Want(target, dockernet.whoami())
    said = [str(getattr(item, "addresses", item)) for item in dockernet.Dns(**how).read(want)]
    return [*said, f"asked: {'dns.message' in sys.modules}"]


def _addresses(container: RealContainer, network: RealNetwork) -> set[str]:
    return {container.address(network, family) for family in (4, 6)}


def test_every_name_of_a_neighbour_leads_to_it_by_both_families(street: Street) -> None:
    first, podman = street.first, street.engine.podman
    whole = [f"{first.name}.dns.podman"] if podman else [f"{first.name}.{street.net}", "CamelAlias"]
    for name in (first.name, "single", first.id[:12], *whole):
        endpoints = street.asking.call(_endpoints, f"{name}:80")
        assert {str(e.host) for e in endpoints} == _addresses(first, street.net), name
        assert [e.family for e in endpoints] == [4, 6]
        assert {(e.source, e.route) for e in endpoints} == {("dns", Route.SHARED_NETWORK)}
        replies = street.asking.dial_all(endpoints)
        assert [reply.name for reply in replies] == [first.name] * 2, name


def test_an_alias_of_several_gives_the_addresses_of_all_in_order(street: Street) -> None:
    crowd = street.neighbours[:3]
    told = [street.asking.call(_endpoints, "crowd:80") for _ in range(4)]
    assert len(set(told)) == 1  # the engine shuffles them
    hosts = {str(e.host) for e in told[0]}
    assert hosts == set().union(*(_addresses(c, street.net) for c in crowd))
    names = [reply.name for reply in street.asking.dial_all(told[0])]
    assert sorted(map(str, names)) == sorted([c.name for c in crowd] * 2)


def test_awaited_names_are_the_same(street: Street) -> None:
    blocking = street.asking.call(_endpoints, "crowd:80")
    assert tuple(street.asking.call(_awaited, "crowd:80")) == blocking


@needs("links")
def test_the_alias_of_a_link_has_its_own_case(street: Street) -> None:
    """Other names have none."""
    upper = street.first.name.upper()
    endpoint = street.asking.call(_by_dns_alone, f"{upper}:80")
    assert street.asking.dial(endpoint).name == street.first.name
    with pytest.raises(PeerNotFoundError):
        street.asking.call(_by_dns_alone, "camelalias:80")


def test_an_unknown_name_is_not_found_unless_somebody_could_not_be_asked(street: Street) -> None:
    with pytest.raises(PeerNotFoundError):
        street.asking.call(_by_dns_alone, "nosuch:80")
    with pytest.raises(SourceError) as caught:
        street.asking.call(_endpoints, "nosuch:80")
    assert caught.value.source == "engine"


def test_all_neighbours_are_found_with_names_addresses_and_network(street: Street) -> None:
    peers = street.asking.call(_peers)
    assert {p.name: {str(a) for a in p.addresses} for p in peers} == {
        c.name: _addresses(c, street.net) for c in street.neighbours
    }
    network = None if street.engine.podman else str(street.net)  # which does not tell it
    assert {(p.network, p.sources) for p in peers} == {(network, ("dns",))}


def test_the_command_line_lists_all_neighbours(street: Street) -> None:
    """And the table for people has what the document has."""
    command = ("-m", "dockernet", "peers")
    told = {p["name"]: p for p in street.asking.python(*command, "--json").json()["peers"]}
    wanted = {c.name: _addresses(c, street.net) for c in street.neighbours}
    assert len(wanted) == NEIGHBOURS
    assert {name: set(peer["addresses"]) for name, peer in told.items()} == wanted
    shown = street.asking.python(*command)
    lines = [line.split() for line in shown.out.splitlines()[1:]]
    assert (shown.code, shown.err) == (0, "")
    assert {line[0] for line in lines if line[0] in wanted} == wanted.keys()


def test_neighbours_are_those_of_every_network(scene: Scene, street: Street) -> None:
    """Each at its own address there, and the default bridge has no names."""
    second = scene.network("second")
    beside, caller = scene.run_all(
        Cast("beside", network=second, ports=["80"]),
        Cast("caller", network=second, also={street.net: (), "bridge": ()}),
    )
    met = [(c, street.net) for c in (*street.neighbours, street.asking)] + [(beside, second)]
    peers = caller.call(_peers)
    assert {str(a) for p in peers if p.name == beside.name for a in p.addresses} == {
        beside.address(second)
    }
    podman = street.engine.podman  # whose server tells no network
    expected = [(c.name, None if podman else str(network)) for c, network in met]
    assert sorted((p.name, p.network) for p in peers) == sorted(expected)


@pytest.mark.parametrize("mode", [None, "host", "none"])
def test_where_containers_have_no_names_nobody_is_asked(scene: Scene, mode: str | None) -> None:
    web, caller = scene.run_all(
        Cast("web", ports=["80"]), Cast("caller", network_mode=mode, ports=["81"])
    )
    for name in (web.name, None):
        said = caller.call(_said, name)
        assert said[-1] == "asked: False"
        assert all("not asked" in item for item in said[:-1])
        assert len(said) == 2


@needs("settings")
@pytest.mark.usefixtures("engine")
def test_known_names_are_told_while_the_server_for_others_is_silent() -> None:
    with private_engine(dns=["192.0.2.77"]) as lonely, Scene(lonely) as scene:
        net = scene.network("net", ipv6=True)
        plain = scene.network("plain")
        web, only = scene.run_all(
            Cast("web", ports=["80"], network=net), Cast("only", ports=["80"], network=plain)
        )
        asking = scene.run("asking", network=net, also={plain: ()})
        for peer in (web, only):
            # Whoever waited for the server for others would not come back.
            endpoint = asking.call(_by_dns_alone, f"{peer.name}:80", HOUR)
            assert asking.dial(endpoint).name == peer.name
            command = ("-m", "dockernet", "resolve", f"{peer.name}:80")
            assert asking.python(*command).out == f"{endpoint}\n"
        with pytest.raises(SourceError, match=r"dns: 127\.0\.0\.11 port 53"):
            asking.call(_by_dns_alone, "nosuch:80")
        assert {p.name for p in asking.call(_peers)} == {web.name, only.name}
        assert asking.call(_said, None, sweep=False)[-1] == "asked: False"


def _reasons(target: str) -> list[Reason]:
    import dockernet

    return [r.reason for r in dockernet.explain(target).refusals]


def test_dns_tells_no_port(street: Street) -> None:
    assert street.asking.call(_reasons, "single") == [Reason.PORT_UNKNOWN]
