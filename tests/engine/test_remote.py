"""An engine that is reached through TLS and ssh, from its host and from another machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from attrs import frozen
from certificates import Authority, pair
from harness import Cast, Place, RealContainer, RealEngine, Scene
from harness.doors import door, ssh_door, write_context
from harness.features import needs
from harness.matrix import Answer, ask, conceivable, faults, truth
from harness.places import HostPlace
from ssh_server import known, new_key

WAYS = ("tls", "tls by context", "ssh", "ssh by alias", "ssh by context")
PEERS = {"pub": "80", "loop": "80", "twice": "80", "web": "80", "hosted": "8097"}

Environ = Mapping[str, str | None]


@frozen(eq=False)
class World:
    """Peers, and the variables of each way to their engine."""

    engine: RealEngine
    scene: Scene
    peers: Mapping[str, RealContainer]
    ways: Mapping[str, Environ]

    def targets(self) -> dict[str, str]:
        """What to ask for, and the peer's short name."""
        return {f"{peer.name}:{PEERS[name]}": name for name, peer in self.peers.items()}

    def judged(self, place: Place, hosts: tuple[str, ...]) -> dict[str, Answer]:
        """What dockernet answers in a place, by the peers' short names; all of it is true.

        ``hosts`` are the addresses that the engine's host may be dialled at from there.
        """
        asked = self.targets()
        answers = ask(place, list(asked))
        thinkable = {t: conceivable(self.peers[n], PEERS[n], hosts) for t, n in asked.items()}
        given = {address for answer in answers.values() for address in answer.addresses}
        really = truth(place, given.union(*thinkable.values()))
        wanted = {target: self.peers[name].name for target, name in asked.items()}
        assert faults(answers, wanted, thinkable, really) == []
        return {asked[target]: answer for target, answer in answers.items()}


@pytest.fixture(scope="module")
def here(engine: RealEngine) -> str:
    """The engine's host, as everybody may dial it who can dial it at all."""
    return (*engine.addresses, "127.0.0.1")[0]


@pytest.fixture(scope="module")
def world(
    engine: RealEngine, here: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with Scene(engine) as scene, ExitStack() as doors:
        cast = [
            Cast("pub", ports=["80"], publish=["80"]),
            Cast("loop", ports=["80"], publish=["127.0.0.1::80"]),
            Cast("twice", ports=["80"], publish=["127.0.0.1:18380:80", f"{here}:18381:80"]),
            Cast("web", ports=["80"]),
            Cast("hosted", ports=["8097"], network_mode="host"),
        ]
        there = {c.name.removeprefix(scene.name("")): c for c in scene.run_all(*cast)}
        folder = tmp_path_factory.mktemp("remote")
        ways = {**_over_tls(engine, here, folder, doors), **_over_ssh(engine, here, folder, doors)}
        yield World(engine, scene, there, ways)


def _over_tls(
    engine: RealEngine, here: str, folder: Path, doors: ExitStack
) -> Mapping[str, Environ]:
    """Both ends prove who they are; the system's authorities know neither."""
    assert isinstance(engine.host, HostPlace)
    ours, another = Authority("the engine's"), Authority("another")
    guard = pair(folder / "engine", ours.issue([here]), ours)
    certs = pair(folder / "client", ours.issue(), ours)
    (folder / "system.pem").write_bytes(another.certificate)
    port = doors.enter_context(door(engine.host, f"{here}:0", engine.api.path, guard))
    url = f"tcp://{here}:{port}"
    kept = write_context(folder, "safe", url)
    kept.parent.mkdir(parents=True)
    kept.symlink_to(certs)
    system = {"REQUESTS_CA_BUNDLE": str(folder / "system.pem"), "CURL_CA_BUNDLE": None}
    named = {"DOCKER_HOST": url, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(certs)}
    return {"tls": {**system, **named}, "tls by context": {**system, **_context(folder, "safe")}}


def _over_ssh(
    engine: RealEngine, here: str, folder: Path, doors: ExitStack
) -> Mapping[str, Environ]:
    """A home folder with a key, the hosts that it knows, and an alias."""
    assert isinstance(engine.host, HostPlace)
    home, host_key = folder / "home", folder / "host_key"
    (home / ".ssh").mkdir(parents=True)
    key = new_key(host_key)
    new_key(home / ".ssh" / "id_ecdsa")
    keys = (host_key, home / ".ssh" / "id_ecdsa")
    port = doors.enter_context(ssh_door(engine.host, here, engine.api.path, keys))
    (home / ".ssh" / "known_hosts").write_text(known(f"[{here}]:{port}", key))
    alias = f"Host engine-alias\n  HostName {here}\n  Port {port}\n  User somebody\n"
    (home / ".ssh" / "config").write_text(alias)
    url = f"ssh://me@{here}:{port}"
    write_context(folder, "shell", url)
    person: Environ = {"HOME": str(home), "SSH_AUTH_SOCK": None}
    return {
        "ssh": {**person, "DOCKER_HOST": url},
        "ssh by alias": {**person, "DOCKER_HOST": "ssh://engine-alias"},
        "ssh by context": {**person, **_context(folder, "shell")},
    }


def _context(config: Path, name: str) -> Environ:
    return {"DOCKER_HOST": None, "DOCKER_CONFIG": str(config), "DOCKER_CONTEXT": name}


@pytest.mark.parametrize("way", WAYS)
@needs("another machine")
def test_from_another_machine_host_ports_are_at_the_host_of_the_url(
    world: World, elsewhere: Place, here: str, way: str
) -> None:
    told = world.judged(elsewhere.with_env(**world.ways[way]), (here,))
    port = world.peers["pub"].host_port("80/tcp")
    assert told["pub"].endpoints == ((here, port, "tcp", "published"),)
    assert told["twice"].endpoints == ((here, 18381, "tcp", "published"),)
    assert told["hosted"].endpoints == ((here, 8097, "tcp", "host mode"),)
    assert told["loop"].reasons == ("published-on-loopback",)
    assert told["web"].reasons == ("not-published",)


@pytest.fixture(scope="module")
def by_socket(world: World) -> dict[str, Answer]:
    """What is answered on the engine's host, where everybody asks its socket."""
    return ask(world.engine.host, list(world.targets()))


@pytest.mark.parametrize("way", WAYS)
def test_on_its_host_the_way_to_the_engine_makes_no_difference(
    world: World, by_socket: dict[str, Answer], here: str, way: str
) -> None:
    told = world.judged(world.engine.host.with_env(**world.ways[way]), (here, "127.0.0.1", "::1"))
    assert told == {name: by_socket[target] for target, name in world.targets().items()}
    assert told["web"].routes[0] == "direct"
    assert told["loop"].routes[0] == "published"
    assert told["hosted"].routes[0] == "host mode"


@needs("another machine")
def test_a_stranger_s_answer_is_one_line_on_the_command_line(
    world: World, elsewhere: Place, here: str, tmp_path: Path
) -> None:
    (tmp_path / ".ssh").mkdir()
    lost = {**world.ways["ssh"], "HOME": str(tmp_path)}
    done = elsewhere.with_env(**lost).python("-m", "dockernet", "resolve", "pub:80")
    assert (done.code, done.out) == (3, "")
    (line,) = done.err.splitlines()
    assert f"known_hosts has no key of [{here}]:" in line


def _as_a_machine_with_it(target: str) -> list[tuple[str, int, str]]:
    """What is resolved on a machine whose engine is in a virtual machine of its own."""
    from attrs import evolve

    import dockernet

    # The tests may run in a container; that machine does not.
    machine = evolve(
        dockernet.whoami(), kind=dockernet.VantageKind.HOST, id=None, network_owner=None
    )
    with dockernet.Resolver(vantage=machine) as here:
        found = here.explain(target)
    assert bool(found.endpoints) != bool(found.refusals)
    return [(str(e.host), e.port, str(e.route)) for e in found.endpoints]


@needs("another machine")
def test_a_socket_of_a_virtual_machine_means_ports_of_this_one(
    world: World, elsewhere: Place, here: str
) -> None:
    """Its monitor joins host ports to this machine's loopback, as Lima's does."""
    assert isinstance(elsewhere, HostPlace)
    place = elsewhere.with_env(DOCKER_HOST=world.engine.url)
    peer = world.peers["pub"]
    port = peer.host_port("80/tcp")
    with door(place, f"127.0.0.1:{port}", f"{here}:{port}"):
        (first, *_) = place.call(_as_a_machine_with_it, f"{peer.name}:80")
        assert first == ("127.0.0.1", port, "published")
        assert place.dial(first[:2]).name == peer.name
    for name in ("web", "hosted"):
        target = f"{world.peers[name].name}:{PEERS[name]}"
        assert place.call(_as_a_machine_with_it, target) == []
