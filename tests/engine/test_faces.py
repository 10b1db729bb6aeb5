"""The other ways to ask: awaited, seen from a container, from a recording, by host port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen
from harness import Cast, Place, RealContainer, RealEngine, Scene
from harness.matrix import Answer, ask

from dockernet import Container, Endpoint, HostBinding, Port, Snapshot


@frozen(eq=False)
class Town:
    """A few peers on two networks, and their targets."""

    scene: Scene
    peers: dict[str, RealContainer]

    @property
    def targets(self) -> list[str]:
        return [f"{peer.name}:80" for peer in self.peers.values()]


@pytest.fixture(scope="module")
def town(engine: RealEngine) -> Iterator[Town]:
    with Scene(engine) as scene:
        net = scene.network("net")
        loose = scene.run_all(
            Cast("web", ports=["80"], publish=["80"], socket=True),
            Cast("db", ports=["80"], network=net, aliases=["data"], socket=True),
            Cast("both", ports=["80"], network=net, also={"bridge": ()}, socket=True),
            Cast("low", ports=["80"], publish=["127.0.0.1:18380:80"]),
            Cast("high", ports=["80"], publish=["127.0.0.2:18380:80", "[::1]:18380:80/udp"]),
        )
        yield Town(scene, {c.name.removeprefix(scene.name("")): c for c in loose})


def _seen_from(container: str, targets: list[str]) -> dict[str, tuple[str, ...]]:
    import dockernet

    told = {}
    with dockernet.Resolver() as resolver:
        seen = resolver.seen_from(container)
        for target in targets:
            why = seen.explain(target)
            told[target] = tuple(map(str, (*why.endpoints, *(r.reason for r in why.refusals))))
    return told


def _plain(answer: Answer) -> tuple[str, ...]:
    hosts = (f"[{h}]:{p}" if ":" in h else f"{h}:{p}" for h, p, *_ in answer.endpoints)
    return (*hosts, *answer.reasons)


@pytest.mark.parametrize("name", ["web", "db", "both"])
def test_seen_from_a_container_is_what_that_container_sees(
    town: Town, host: Place, name: str
) -> None:
    """Asked on the host, for every target but the container itself."""
    place = town.peers[name]
    others = [target for target in town.targets if not target.startswith(place.name)]
    inside = {target: _plain(answer) for target, answer in ask(place, others).items()}
    assert host.call(_seen_from, place.name, others) == inside


def _awaited(targets: list[str]) -> list[Endpoint | str]:
    import asyncio

    import dockernet
    from dockernet.aio import AsyncResolver

    async def every() -> list[Endpoint | str]:
        async with AsyncResolver() as resolver:
            looked_up = (resolver.resolve(target) for target in targets)
            told = await asyncio.gather(*looked_up, return_exceptions=True)
            return [e if isinstance(e, dockernet.Endpoint) else type(e).__name__ for e in told]

    return asyncio.run(every())


def test_awaited_answers_are_the_blocking_ones(town: Town, host: Place) -> None:
    """All at once through one resolver and one engine."""
    for place in (host, town.peers["db"]):
        blocking = ask(place, town.targets)
        expected = [blocking[t].addresses[:1] or blocking[t].error for t in town.targets]
        awaited = [
            e if isinstance(e, str) else ((str(e.host), e.port, e.protocol),)
            for e in place.call(_awaited, town.targets)
        ]
        assert awaited == expected


def _snapshot(path: str) -> None:
    import dockernet

    with dockernet.Engine() as engine:
        engine.snapshot().save(path)


def test_a_recording_answers_as_the_engine_did(town: Town, host: Place, tmp_path: Path) -> None:
    file = tmp_path / "engine.json"
    host.call(_snapshot, str(file))

    def replay(path: str, targets: list[str]) -> dict[str, tuple[str, ...]]:
        import dockernet

        resolver = dockernet.Resolver([dockernet.Snapshot.load(path)])
        told = {}
        for target in targets:
            why = resolver.explain(target)
            told[target] = tuple(map(str, (*why.endpoints, *(r.reason for r in why.refusals))))
        return told

    live = {target: _plain(answer) for target, answer in ask(host, town.targets).items()}
    # Replayed by this process, which stands somewhere else.
    assert replay(str(file), town.targets) == live


def test_a_recording_has_no_environment_and_no_command(
    town: Town, host: Place, tmp_path: Path
) -> None:
    file = tmp_path / "engine.json"
    secret = town.scene.run(
        "secret", env={"COLOUR": "s3cret-value"}, labels={"colour": "s3cret-label"}
    )
    host.call(_snapshot, str(file))
    text = file.read_text()
    assert secret.id in text
    assert "s3cret" not in text
    assert Snapshot.load(file).container(secret.name).id == secret.id


Behind = tuple[tuple[Container, Port, HostBinding], ...]


def _behind(number: int, protocol: str, address: str | None) -> Behind:
    import dockernet

    with dockernet.Engine() as engine:
        return engine.behind(number, protocol, address)  # type: ignore[arg-type]


def test_two_containers_share_a_host_port_on_different_addresses(town: Town, host: Place) -> None:
    low, high = town.peers["low"].name, town.peers["high"].name
    every = host.call(_behind, 18380, "tcp", None)
    assert {container.name for container, *_ in every} == {low, high}
    for address, name in (("127.0.0.1", low), ("127.0.0.2", high)):
        ((container, port, _),) = host.call(_behind, 18380, "tcp", address)
        assert (container.name, port) == (name, Port(80))
        assert host.dial((address, 18380)).name == name
    ((container, port, binding),) = host.call(_behind, 18380, "udp", None)
    assert (container.name, port, str(binding.host_ip)) == (high, Port(80, "udp"), "::1")


def test_what_is_behind_a_dynamic_host_port_is_found(town: Town, host: Place) -> None:
    web = town.peers["web"]
    ((container, port, _), *_) = host.call(_behind, web.host_port("80/tcp"), "tcp", "127.0.0.1")
    assert (container.id, port) == (web.id, Port(80))
    assert host.call(_behind, 1, "tcp", None) == ()


def _listed() -> tuple[tuple[Container, ...], tuple[Container, ...]]:
    import dockernet

    with dockernet.Engine() as engine:
        return engine.containers(), engine.containers(details=True)


def test_listed_and_detailed_containers_agree(town: Town, host: Place) -> None:
    listed, detailed = host.call(_listed)
    assert [c.id for c in listed] == [c.id for c in detailed]
    assert {c.id for c in listed} >= {peer.id for peer in town.peers.values()}
    for one, other in zip(listed, detailed, strict=True):
        assert (one.name, one.state, one.labels) == (other.name, other.state, other.labels)
        assert [(a.network_id, a.addresses) for a in one.networks] == [
            (a.network_id, a.addresses) for a in other.networks
        ]
        # Podman lists no port that is only exposed.
        bound = {p: b for p, b in other.ports.items() if b}
        told = bound if town.scene.engine.podman else dict(other.ports)
        assert (one.links, dict(one.ports)) == (None, told)
        assert other.requested_ports is not None


def _report() -> list[tuple[str, str, str, tuple[str, ...]]]:
    import dockernet

    with dockernet.Engine.from_env() as engine:
        found = engine.published()
    return [(str(p.container), str(p.binding), str(p.exposure), p.rivals) for p in found]


def test_the_report_of_published_ports(scene: Scene, host: Place) -> None:
    first = scene.run("first", ports=["80"], publish=["127.0.0.3:18390:80", "18391:80"])
    first.stop()
    second = scene.run("second", ports=["80"], publish=["18390:80"])
    found = [row for row in host.call(_report) if row[0] in (first.name, second.name)]
    assert found
    assert {row[0] for row in found} == {second.name}
    assert all(row[2:] == ("anywhere", (first.name,)) for row in found if row[1][0] == "0")
    assert all(row[2] == "anywhere" for row in found)
