"""A real Compose project: what is said means whom, and each replica answers for itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest
from attrs import field, frozen
from harness import Place, RealContainer, RealEngine, Scene
from harness.compose import Project, compose_programs, project
from harness.features import needs
from harness.scenes import await_ready

from dockernet import Container, Endpoint, Link, Provenance, Resolver, Snapshot, Vantage

pytestmark = needs("links")

_FILE = Path(__file__).parents[1] / "data" / "compose" / "compose.yaml"
_SOCKETS = {"db": False, "till": True, "api": True, "side": True, "guest": False}
Told = tuple[Endpoint, ...] | str  # or the class of what was raised
_NONE = "Compose is not installed: apt-get install docker-compose, or set DOCKERNET_COMPOSE"


@frozen(eq=False)
class Shop:
    """The project, and a container beside it that is of a service of another's, ``mall``."""

    project: Project
    partner: RealContainer
    #: By service, and with the number where there are several.
    peers: dict[str, RealContainer] = field(init=False)

    @peers.default
    def _found(self) -> dict[str, RealContainer]:
        services = {service: self.project.containers(service) for service in _SOCKETS}
        one = {service: only for service, (only, *more) in services.items() if not more}
        tills = {f"till-{n}": c for n, c in enumerate(services["till"], 1)}
        return {**one, **tills, "partner": self.partner}

    @property
    def names(self) -> dict[str, str]:
        """What the words of the tables below stand for."""
        return {"shop": self.project.name, **{k: c.name for k, c in self.peers.items()}}

    def serves(self, key: str) -> str:
        """What is read from a peer."""
        peer = self.peers[key]
        return peer.id[:12] if key.startswith("till") else peer.name if key == "partner" else key

    def heard(self, place: Place, targets: Iterable[str]) -> dict[str, str]:
        """Whom targets mean in a place, best first; each of them was dialled and answered."""
        told = place.call(_asked, [target.format_map(self.names) for target in targets])
        dialled = [e for found in told.values() if not isinstance(found, str) for e in found]
        replies = iter(place.dial_all(dialled))
        keys = {c.name: key for key, c in self.peers.items()}
        heard = {}
        for target, found in zip(targets, told.values(), strict=True):
            if isinstance(found, str):
                heard[target] = found
                continue
            named = [keys[e.peer or ""] for e in found]
            assert [next(replies).name for _ in found] == list(map(self.serves, named)), found
            heard[target] = " ".join(dict.fromkeys(named))
        return heard


@pytest.fixture(scope="module", params=compose_programs() or [None], ids=str)
def shop(
    request: pytest.FixtureRequest, engine: RealEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    if request.param is None:
        (pytest.fail if os.environ.get("DOCKERNET_REQUIRE_ENGINE") else pytest.skip)(_NONE)
    labels = {"project": "mall", "service": "till", "container-number": "1"}
    labels = {f"com.docker.compose.{key}": value for key, value in labels.items()}
    with Scene(engine) as scene:
        outer = scene.network("outer")
        partner = scene.run("partner", ports=["80"], network=outer, aliases=["till"], labels=labels)
        made = project(
            engine,
            request.param,
            _FILE,
            services=_SOCKETS,
            networks=["front", "back"],
            folder=tmp_path_factory.mktemp("compose"),
            OUTER=outer.name,
            OUTSIDE=partner.name,
        )
        try:
            made.up()
            yield Shop(made, partner)
        finally:
            made.down()


def _asked(targets: list[str]) -> dict[str, Told]:
    import dockernet

    told: dict[str, Told] = {}
    with dockernet.Resolver() as resolver:
        for target in targets:
            try:
                told[target] = resolver.endpoints(target)
            except dockernet.DockernetError as error:
                told[target] = type(error).__name__
    return told


# Where one stands, what one says, and who is meant: all replicas, or an error.
SAID: dict[str, dict[str, str]] = {
    "host": {
        "{shop}/till:80": "till-1 till-2",
        "{shop}/till:81": "till-1 till-2",
        "{shop}/till-2:80": "till-2",
        "{shop}/till_2:80": "till-2",
        "{shop}/{till-1}:80": "till-1",
        "{shop}/db:5432": "db",
        "{shop}/side:8088": "side",
        "{shop}/side": "side",
        "{shop}/till-3:80": "PeerNotFoundError",
        "{till-1}:80": "till-1",
        "{till-2}:80": "till-2",
        "till:80": "AmbiguousPeerError",
        "till-1:80": "AmbiguousPeerError",
        "till-2:80": "till-2",
        "mall/till:80": "partner",
        "guest:80": "guest",
    },
    # It has links, and so names of its own for what it is linked to.
    "api": {
        "till:80": "till-1 till-2",
        "till-1:80": "till-1",
        "till-2:80": "till-2",
        "till_1:80": "till-1",
        "till_2:80": "till-2",
        "{till-1}:80": "till-1",
        "{till-2}:80": "till-2",
        "{shop}/till:80": "till-1 till-2",
        "{shop}/till-2:80": "till-2",
        "db:5432": "db",
        "database:5432": "db",
        "store:5432": "db",
        "partner:80": "partner",
        "mall/till:80": "partner",
        "side:8088": "side",
        "api:8000": "api",
        "guest:80": "UnreachableError",
    },
    "till-1": {
        "till:80": "till-1 till-2",
        "till-1:80": "till-1",
        "till-2:80": "till-2",
        "{till-2}:80": "till-2",
        "db:5432": "db",
        "store:5432": "db",
        "side:8088": "side",
        "guest:80": "guest",
        "mall/till:80": "UnreachableError",
    },
    # It is in the network of db, where the till of mall is as well.
    "side": {
        "db:5432": "db",
        "side:8088": "side",
        "till:80": "till-1 till-2",
        "mall/till:80": "partner",
        "{partner}:80": "partner",
        "api:8000": "api",
    },
    "elsewhere": {
        "{shop}/till:80": "till-1 till-2",
        "{shop}/till-2:80": "till-2",
        "{shop}/till:81": "UnreachableError",
        "{shop}/side:8088": "side",
    },
}


@pytest.mark.parametrize("where", SAID)
def test_what_is_said_means_whom_and_every_replica_answers_for_itself(
    shop: Shop, where: str, request: pytest.FixtureRequest
) -> None:
    outside = where in ("host", "elsewhere")
    place: Place = request.getfixturevalue(where) if outside else shop.peers[where]
    assert shop.heard(place, SAID[where]) == SAID[where]


def _peers(found: Told) -> list[str | None]:
    """The names of those that endpoints lead to, in their order."""
    assert not isinstance(found, str), found
    return list(dict.fromkeys(endpoint.peer for endpoint in found))


def test_without_the_engine_a_service_is_all_of_its_replicas(shop: Shop) -> None:
    """By the embedded DNS, which knows neither projects nor numbers."""
    guest, first, second = (shop.peers[key] for key in ("guest", "till-1", "till-2"))
    told = guest.call(_asked, ["till:80", f"{first.name}:80", f"{second.name}:80"])
    every, one, two = ([reply.name for reply in guest.dial_all(e)] for e in told.values())
    assert (one, two) == ([first.id[:12]], [second.id[:12]])
    assert sorted(map(str, every)) == sorted(map(str, one + two))
    hosts = [str(e.host) for e in told["till:80"] if isinstance(e, Endpoint)]
    assert hosts == sorted(hosts, key=lambda host: int(ip_address(host)))


def test_without_the_engine_links_go_by_their_aliases(shop: Shop) -> None:
    api = shop.peers["api"].with_env(DOCKER_HOST="unix:///nonexistent")
    told = api.call(_asked, ["database:5432", "partner:80"])
    dialled = [api.dial_all(found)[0].name for found in told.values()]
    assert dialled == ["db", shop.partner.name]


def _linked(recipient: str) -> tuple[Link, ...]:
    import dockernet

    with dockernet.Engine() as engine:
        return engine.links(recipient=recipient)


def test_the_links_of_the_file_are_told_once_each_with_where_they_lead(
    shop: Shop, host: Place
) -> None:
    api, keys = shop.peers["api"], {c.name: key for key, c in shop.peers.items()}
    found = host.call(_linked, api.name)
    told: dict[str, set[str]] = {}
    for link in found:
        told.setdefault(link.alias, set()).add(keys[link.peer or ""])
        assert link.provenances == (Provenance.NETWORK, Provenance.COMPOSE)
        assert not link.dangling
    assert len({(link.alias, link.peer) for link in found}) == len(found)
    assert {a: told.get(a) for a in ("database", "partner")} == {
        "database": {"db"},
        "partner": {"partner"},
    }
    assert set().union(*told.values()) == {"db", "partner", "till-1", "till-2"}
    ports = {"db": 5432}
    dialled = [(link, str(a)) for link in found for a in link.addresses]
    replies = api.dial_all([(a, ports.get(keys[link.peer or ""], 80)) for link, a in dialled])
    assert [r.name for r in replies] == [shop.serves(keys[k.peer or ""]) for k, _ in dialled]
    assert {link.peer for link, _ in dialled} == {link.peer for link in found}


def _listed() -> tuple[Container, ...]:
    import dockernet

    with dockernet.Engine() as engine:
        return engine.containers()


def test_a_container_tells_its_project_service_and_number(shop: Shop, host: Place) -> None:
    told = {c.id: c for c in host.call(_listed) if c.project == shop.project.name}
    for key, peer in shop.peers.items():
        if key != "partner":
            found = told.pop(peer.id)
            service, _, number = key.partition("-")
            assert (found.service, found.number) == (service, int(number or 1))
            assert found.name in (
                f"{found.project}{mark}{service}{mark}{number or 1}" for mark in "-_"
            )
    assert told == {}


def _whoami() -> Vantage:
    import dockernet

    return dockernet.whoami(dockernet.Engine())


def test_a_replica_knows_which_it_is(shop: Shop) -> None:
    own = shop.peers["till-2"].call(_whoami)
    assert (own.name, own.project) == (shop.peers["till-2"].name, shop.project.name)
    assert (own.service, own.number) == ("till", 2)


def test_a_container_in_another_service_s_network_knows_the_owner(shop: Shop) -> None:
    assert shop.peers["side"].call(_whoami).network_owner == shop.peers["db"].id


def _behind(numbers: Sequence[int]) -> list[Container]:
    import dockernet

    with dockernet.Engine() as engine:
        found = [engine.behind(number, host_ip="127.0.0.1") for number in numbers]
        return [container for ((container, _, _),) in found]


@pytest.mark.usefixtures("shop")
def test_of_a_range_of_host_ports_each_leads_to_one_replica(host: Place) -> None:
    """Up to Engine 26 the range is dealt out once more for IPv6, in an order of its own."""
    numbers = range(18480, 18484)
    found = host.call(_behind, numbers)
    told = [(c.service, c.number) for c in found]
    assert sorted(told[:2]) == sorted(told[2:]) == [("till", 1), ("till", 2)]
    replies = host.dial_all([("127.0.0.1", number) for number in numbers])
    assert [reply.name for reply in replies] == [c.short_id for c in found]


@pytest.fixture
def shell(shop: Shop) -> Iterator[RealContainer]:
    """A one-off run of the service that has replicas; Compose does not always remove it."""
    shop.project.compose("run", "-d", "--no-deps", "till")
    (made,) = shop.project.containers("till", one_off=True)
    await_ready(made)
    yield made
    made.remove()


def _record(path: str) -> None:
    import dockernet

    with dockernet.Engine() as engine:
        engine.snapshot().save(path)


def test_a_one_off_run_is_no_replica(
    shop: Shop, shell: RealContainer, host: Place, tmp_path: Path
) -> None:
    tills = [shop.peers[key].name for key in ("till-1", "till-2")]
    target, own = f"{shop.project.name}/till:80", f"{shell.name}:80"
    for place in (host, shell):
        told = place.call(_asked, [target, own])
        assert _peers(told[target]) == tills
        assert place.dial_all(told[own])[0].name == shell.id[:12]
    here = shell.call(_whoami)
    assert (here.name, here.service, here.number) == (shell.name, "till", None)
    host.call(_record, str(tmp_path / "snapshot.json"))
    recorded = Resolver([Snapshot.load(tmp_path / "snapshot.json")])
    assert _peers(recorded.endpoints(target)) == tills
