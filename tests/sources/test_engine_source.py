"""An engine as a source: what it is asked, how often, and what comes of it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from recorded import recorded
from replay import PATIENCE, Exchange, Replay, refusal, reply

from dockernet.errors import (
    EngineTimeoutError,
    EngineUnavailableError,
    PeerNotFoundError,
    SourceError,
)
from dockernet.formats.engine import parse_inspections, parse_listing, parse_networks
from dockernet.model.containers import Container
from dockernet.model.facts import Inventory, Want
from dockernet.model.mappings import FrozenMap
from dockernet.model.provenance import Provenance
from dockernet.model.targets import Target
from dockernet.model.vantage import Vantage, VantageKind
from dockernet.resolver import Resolver
from dockernet.sources.engine import Engine

FACTS = recorded("29.1")
PARTS = ("version", "info", "listing", "inspections", "networks")
LISTED = {c.name: c for c in parse_listing(FACTS["listing"]).values}
DETAILED = {c.name: c for c in parse_inspections(FACTS["inspections"]).values}
HOST = Vantage(kind=VantageKind.HOST)
LISTING = {"/version": 1, "/containers/json": 1}
READING = {**LISTING, "/networks": 1, "/info": 1}


def stand_in(engine: str = "29.1", **replies: Any) -> Replay:
    known = {name: part for name, part in recorded(engine).items() if name in PARTS}
    return Replay(**{**known, **replies})


@pytest.fixture
def server(folder: Path) -> Iterator[Replay]:
    with stand_in().on_socket(folder / "engine.sock") as replay:
        yield replay


@pytest.fixture
def engine(server: Replay, nowhere: dict[str, str]) -> Iterator[Engine]:
    with Engine(server.url, PATIENCE, environ=nowhere) as engine:
        yield engine


def inspections(*names: str) -> dict[str, int]:
    """The requests that inspect these containers by their ids, once each."""
    return {f"/containers/{LISTED[name].id}/json": 1 for name in names}


def without_foreign_labels(container: Container) -> Container:
    ours = {k: v for k, v in container.labels.items() if k.startswith("com.docker.compose.")}
    return evolve(container, labels=FrozenMap(ours))


# Containers


def test_listing_takes_one_request_and_one_to_agree_on_the_version(
    server: Replay, engine: Engine
) -> None:
    assert server.requests == 0
    assert engine.containers() == tuple(LISTED.values())
    assert server.asked == LISTING
    assert engine.containers() == tuple(LISTED.values())
    assert server.asked == {**LISTING, "/containers/json": 2}


def test_the_listing_is_of_every_state(server: Replay, engine: Engine) -> None:
    queries: list[str] = []

    def answer(exchange: Exchange) -> None:
        queries.append(exchange.query)
        exchange.send(reply([]))

    server.answers["/containers/json"] = answer
    assert engine.containers() == ()
    assert dict(pair.split("=") for pair in queries[0].split("&"))["all"] == "1"


def test_details_take_one_request_more_for_each_container(server: Replay, engine: Engine) -> None:
    containers = engine.containers(details=True)
    assert server.asked == {**LISTING, **inspections(*LISTED)}
    # Of three containers there is no inspection, as if they had vanished meanwhile.
    assert [c.name for c in containers] == [name for name in LISTED if name in DETAILED]
    for container in containers:
        expected = evolve(DETAILED[container.name], linked_as=LISTED[container.name].linked_as)
        assert container == expected


def test_no_containers_are_no_inspections(server: Replay, engine: Engine) -> None:
    server.replies["/containers/json"] = []
    assert engine.containers(details=True) == ()
    assert server.asked == LISTING


def test_four_inspections_are_under_way_at_a_time(server: Replay, engine: Engine) -> None:
    def wait_for_the_others(exchange: Exchange) -> None:
        server.wait_for(lambda: server.most == 4)
        exchange.send(server.recorded(exchange.path))

    server.answers["*"] = wait_for_the_others
    for path in ("/version", "/containers/json"):
        server.answers[path] = server.recorded(path)
    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(engine.containers, details=True) for _ in range(3)]
        names = {tuple(c.name for c in run.result(PATIENCE)) for run in runs}
    assert len(names) == 1
    assert server.most == 4
    assert server.asked == {
        "/version": 1,
        "/containers/json": 3,
        **dict.fromkeys(inspections(*LISTED), 3),
    }


def test_a_container_that_vanishes_before_it_is_inspected_is_left_out(
    server: Replay, engine: Engine
) -> None:
    (path,) = inspections("facts-db")
    server.answers[path] = refusal("404 Not Found", "No such container")
    assert "facts-db" in [c.name for c in engine.containers()]
    assert "facts-db" not in [c.name for c in engine.containers(details=True)]


def test_an_inspection_of_another_container_is_left_out(server: Replay, engine: Engine) -> None:
    (path,) = inspections("facts-db")
    server.answers[path] = reply({"Id": "e" * 64, "Name": "/facts-db"})
    assert "facts-db" not in [c.name for c in engine.containers(details=True)]


def test_an_error_in_one_inspection_ends_the_others(server: Replay, engine: Engine) -> None:
    server.answers["*"] = refusal("500 Internal Server Error", "no")
    for path in ("/version", "/containers/json"):
        server.answers[path] = server.recorded(path)
    with pytest.raises(SourceError, match="refuses: no"):
        engine.containers(details=True)
    assert server.requests < len(LISTED)


def test_a_long_listing(server: Replay, engine: Engine) -> None:
    one = FACTS["listing"][0]
    many = [{**one, "Id": f"{n:064x}", "Names": [f"/c{n}"]} for n in range(3_000)]
    server.replies["/containers/json"] = many
    names = [c.name for c in engine.containers()]
    assert (len(names), names[0], names[-1]) == (3_000, "c0", "c2999")


@pytest.mark.parametrize(
    "name, found",
    [
        pytest.param("facts-db", "facts-db", id="name"),
        pytest.param("/facts-db", "facts-db", id="name with a slash"),
        pytest.param(LISTED["facts-u1"].id, "facts-u1", id="id"),
    ],
)
def test_one_container_takes_one_inspection(
    server: Replay, engine: Engine, name: str, found: str
) -> None:
    assert engine.container(name) == DETAILED[found]
    assert server.asked == {"/version": 1, f"/containers/{name.strip('/')}/json": 1}


@pytest.mark.parametrize(
    "name, nearest",
    [("facts-dbb", ("facts-db",)), ("FACTS-APP2", ("facts-app",)), ("zebra", ())],
)
def test_an_unknown_container_is_not_found_and_names_what_is_near(
    engine: Engine, name: str, nearest: tuple[str, ...]
) -> None:
    with pytest.raises(PeerNotFoundError) as caught:
        engine.container(name)
    assert (caught.value.target, caught.value.asked) == (name, ("engine",))
    assert caught.value.near_misses[:1] == nearest


@pytest.mark.parametrize("name", ["", "/", "../networks", "a/b", "a?b", "-x", "a\nb", "\ud800"])
def test_what_no_container_is_called_is_not_even_asked_for(
    server: Replay, engine: Engine, name: str
) -> None:
    with pytest.raises(PeerNotFoundError):
        engine.container(name)
    assert server.asked == LISTING


# Links


def test_links_take_a_listing_an_inspection_of_each_and_the_networks(
    server: Replay, engine: Engine
) -> None:
    found = engine.links()
    assert {(k.recipient, k.alias, k.peer) for k in found if k.recipient == "facts-u1"} == {
        ("facts-u1", "CamelAlias", "facts-u2"),
        ("facts-u1", "database", "facts-u2"),
    }
    inspections = {f"/containers/{c.id}/json": 1 for c in LISTED.values()}
    assert server.asked == {**LISTING, **inspections, "/networks": 1}


def test_links_are_those_of_one_recipient_or_to_one_peer(engine: Engine) -> None:
    [legacy] = engine.links(recipient="facts-app", peer=LISTED["facts-db"].id)
    assert (legacy.alias, legacy.peer_state, legacy.dangling) == ("db-main.v1", "running", False)
    assert legacy.addresses == DETAILED["facts-db"].networks[0].addresses
    assert legacy.provenances == (Provenance.LEGACY, Provenance.LISTING)
    assert {link.recipient for link in engine.links(peer="facts-u2")} == {"facts-u1"}
    aliases = engine.links(peer="facts-u2", aliases=True)
    assert {link.recipient for link in aliases} == {"facts-u1", None}
    with pytest.raises(PeerNotFoundError) as caught:
        engine.links(peer="facts-dbb")
    assert caught.value.near_misses[:1] == ("facts-db",)


def test_a_recording_tells_the_same_links(engine: Engine) -> None:
    told, kept = engine.links(aliases=True), engine.snapshot(HOST).links(aliases=True)
    assert len(told) > 5
    assert told == kept
    assert [link.provenances for link in told] == [link.provenances for link in kept]


def test_a_container_s_environment_is_told_and_does_not_show(
    server: Replay, engine: Engine
) -> None:
    reply = next(i for i in FACTS["inspections"] if i["Name"] == "/facts-db")
    path = "/containers/facts-db/json"
    server.replies[path] = {**reply, "Config": {**reply["Config"], "Env": ["A=s3cret", "B"]}}
    found = engine.environ("facts-db")
    assert dict(found) == {"A": "s3cret"}
    assert repr(found) == "SecretMap(A)"
    assert server.asked == {"/version": 1, path: 1}
    with pytest.raises(PeerNotFoundError):
        engine.environ("nobody")


def test_a_container_s_process_is_told_where_it_runs(server: Replay, engine: Engine) -> None:
    reply = next(i for i in FACTS["inspections"] if i["Name"] == "/facts-db")
    path = "/containers/facts-db/json"
    found = []
    for pid in (4711, 0):
        server.replies[path] = {**reply, "State": {**reply["State"], "Pid": pid}}
        found.append(engine.pid("facts-db"))
    assert found == [4711, None]
    assert server.asked["/containers/facts-db/json"] == len(found)
    with pytest.raises(PeerNotFoundError):
        engine.pid("nobody")


# The rest that an engine tells


def test_networks_take_one_request(server: Replay, engine: Engine) -> None:
    assert engine.networks() == parse_networks(FACTS["networks"]).values
    assert server.asked == {"/version": 1, "/networks": 1}


def test_the_profile_is_asked_for_once(server: Replay, engine: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        profiles = set(pool.map(lambda _: engine.profile(), range(16)))
    assert [(p.version, p.major, p.podman, p.host) for p in profiles] == [
        ("29.1.3", 29, False, None)
    ]
    assert server.asked == {"/version": 1, "/info": 1}


@pytest.mark.parametrize(
    "url, host",
    [
        ("tcp://[::1]:{port}", IPv6Address("::1")),
        ("tcp://127.0.0.1:{port}", ip_address("127.0.0.1")),
        ("tcp://LOCALHOST:{port}", "localhost"),
        ("127.0.0.1:{port}", ip_address("127.0.0.1")),
    ],
)
def test_the_host_is_that_of_the_url(
    nowhere: dict[str, str], url: str, host: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The stand-in listens on IPv4 alone, and is the proxy on the way to all the rest.
    with stand_in().on_tcp() as server:
        monkeypatch.setenv("http_proxy", server.url.replace("tcp", "http"))
        monkeypatch.setenv("no_proxy", "")
        full = url.format(port=server.url.rpartition(":")[2])
        with Engine(full, PATIENCE, environ=nowhere) as engine:
            assert engine.profile().host == host


@pytest.mark.parametrize(
    "host_port, host_ip, expected",
    [
        pytest.param(18080, None, {("facts-u1", "0.0.0.0"), ("facts-u1", "::")}, id="anywhere"),
        pytest.param(18080, "127.0.0.1", {("facts-u1", "0.0.0.0")}, id="by wildcard"),
        pytest.param(18080, ip_address("::1"), {("facts-u1", "::")}, id="by IPv6 wildcard"),
        pytest.param(18081, "127.0.0.1", {("facts-u1", "127.0.0.1")}, id="on loopback"),
        pytest.param(18081, "10.0.0.1", set(), id="on loopback alone"),
        pytest.param(80, None, set(), id="a container port is no host port"),
    ],
)
def test_behind_takes_one_request(
    server: Replay, engine: Engine, host_port: int, host_ip: Any, expected: set[tuple[str, str]]
) -> None:
    behind = engine.behind(host_port, host_ip=host_ip)
    assert {(container.name, str(b.host_ip)) for container, _, b in behind} == expected
    assert server.asked == LISTING


# Reading for a target


def inside(name: str) -> Vantage:
    return Vantage(kind=VantageKind.CONTAINER, id=LISTED[name].id)


def read(engine: Engine, target: str | None, vantage: Vantage) -> Inventory:
    (inventory,) = engine.read(Want(None if target is None else Target.parse(target), vantage))
    return inventory


NEAR = ("facts-u1", "facts-u2", "facts-u3", "facts-multi", "facts-stopped")


@pytest.mark.parametrize(
    "target, vantage, inspected",
    [
        pytest.param("facts-db:5432", HOST, ["facts-db"], id="a name"),
        pytest.param("facts-ns", HOST, ["facts-ns", "facts-u1"], id="and who owns its namespace"),
        pytest.param(LISTED["facts-u2"].id[:12], HOST, ["facts-u2"], id="an id"),
        pytest.param("172.17.0.2", HOST, ["facts-db"], id="an address"),
        pytest.param("10.9.9.9", HOST, [], id="an address of nobody's"),
        pytest.param("db", HOST, LISTED, id="an alias of somebody's"),
        pytest.param("shop/db", HOST, [], id="a service, which labels tell"),
        pytest.param(None, HOST, [], id="everything"),
        pytest.param("facts-u2", inside("facts-u1"), ["facts-u1", "facts-u2"], id="a neighbour"),
        pytest.param(
            "facts-db",
            inside("facts-u1"),
            [*NEAR, "facts-db"],
            id="a stranger, whose name a neighbour may have for an alias",
        ),
        pytest.param("database", inside("facts-u1"), ["facts-u1", "facts-u2"], id="by a link"),
        pytest.param("db", inside("facts-u1"), NEAR, id="by an alias on a shared network"),
        pytest.param("zebra", inside("facts-u1"), LISTED, id="not at all"),
        pytest.param(None, inside("facts-u1"), ["facts-u1"], id="everything, from inside"),
    ],
)
def test_only_what_may_matter_is_inspected(
    server: Replay, engine: Engine, target: str | None, vantage: Vantage, inspected: Any
) -> None:
    inventory = read(engine, target, vantage)
    assert server.asked == {**READING, **inspections(*inspected)}
    detailed = {c.name for c in inventory.containers if c.links is not None}
    assert detailed == set(inspected) & DETAILED.keys()
    assert (inventory.source, inventory.diagnostics) == ("engine", ())
    assert inventory.engine == engine.profile()


def test_two_questions_share_version_and_profile(server: Replay, engine: Engine) -> None:
    for name in ("facts-db", "facts-u2"):
        read(engine, name, HOST)
    shared = {"/version": 1, "/info": 1, "/containers/json": 2, "/networks": 2}
    assert server.asked == {**shared, **inspections("facts-db", "facts-u2")}


def test_what_is_odd_is_said_once_wherever_it_stood(server: Replay, engine: Engine) -> None:
    (path,) = inspections("facts-db")
    server.answers[path] = reply({"Id": LISTED["facts-db"].id, "HostConfig": {"Links": ["a:b:c"]}})
    server.replies["/networks"] = [{}]
    server.replies["/containers/json"] = [*FACTS["listing"], {}]
    found = read(engine, "facts-db", HOST).diagnostics
    assert Counter(d.subject for d in found) == {"entry 17": 1, "entry 0": 1, path[12:24]: 1}


def test_the_peer_may_vanish_while_it_is_read(server: Replay, engine: Engine) -> None:
    (path,) = inspections("facts-db")
    server.answers[path] = refusal("404 Not Found", "No such container")
    assert "facts-db" not in [c.name for c in read(engine, "facts-db", HOST).containers]


def test_attachments_of_podman_lead_to_its_networks(folder: Path, nowhere: dict[str, str]) -> None:
    version = {"ApiVersion": "1.41", "Components": [{"Name": "Podman Engine"}]}
    podman = stand_in("podman-4.3.1", version=version)
    with podman.on_socket(folder / "p.sock"), Engine(podman.url, environ=nowhere) as engine:
        inventories = read(engine, "pweb", HOST), read(engine, None, HOST)
    networks = {"pweb": "facts-pnet", "pdb": "facts-pnet", "pdef": "bridge"}
    for inventory in inventories:
        assert inventory.engine.podman
        attached = {c.name: c.networks[0] for c in inventory.containers if c.name in networks}
        found = {name: inventory.network(a.network_id) for name, a in attached.items()}
        assert {name: network and network.name for name, network in found.items()} == networks


# Recording


def test_a_recording_asks_each_question_once(server: Replay, engine: Engine) -> None:
    engine.snapshot(HOST)
    assert server.asked == {**READING, **inspections(*LISTED)}


def test_a_recording_answers_as_the_engine_does(server: Replay, engine: Engine) -> None:
    snapshot = engine.snapshot(HOST)
    read_in_detail = engine.containers(details=True)
    assert snapshot.containers(details=True) == tuple(map(without_foreign_labels, read_in_detail))
    names = {c.name for c in read_in_detail}
    assert {c.name for c in snapshot.containers()} == names  # none that vanished meanwhile
    assert snapshot.networks() == engine.networks()
    assert snapshot.profile() == engine.profile()
    assert snapshot.vantage == HOST
    assert server.asked["/version"] == 1


def test_a_recording_tells_who_took_it(engine: Engine) -> None:
    vantage = engine.snapshot(inside("facts-u1")).vantage
    assert (vantage.name, vantage.network_mode) == ("facts-u1", "facts-net")
    assert [a.network for a in vantage.networks] == ["facts-net"]
    assert vantage.networks[0].aliases == ("web", "api")


def test_a_recording_is_taken_from_here_unless_said_otherwise(engine: Engine) -> None:
    assert engine.snapshot().vantage.kind in VantageKind


def test_a_whole_recording_has_the_replies_as_they_came(engine: Engine, folder: Path) -> None:
    for whole in (True, False):
        path = folder / f"{whole}.json"
        engine.snapshot(HOST, whole=whole).save(path)
        document = json.loads(path.read_text())
        assert (document["inspections"][0] in FACTS["inspections"]) is whole
        assert ("POSTGRES_PASSWORD" in path.read_text()) is whole


@pytest.mark.parametrize("path", ["/networks", "/containers/json"])
@pytest.mark.parametrize("answer", [{}, None, "text"], ids=["object", "null", "text"])
def test_what_is_no_list_is_nonsense_that_names_the_engine(
    server: Replay, engine: Engine, path: str, answer: object
) -> None:
    server.replies[path] = answer
    expected = f"{server.url} answers nonsense: expected a list"
    for question in (engine.snapshot, lambda: read(engine, "x", HOST)):
        with pytest.raises(SourceError, match=expected) as caught:
            question()
        assert type(caught.value) is SourceError


# Life of an engine


def test_making_one_contacts_nothing(server: Replay, nowhere: dict[str, str]) -> None:
    Engine(server.url, environ=nowhere).close()
    assert server.connections == 0


@pytest.mark.parametrize(
    "engine, shown",
    [
        (Engine(), "Engine()"),
        (Engine("unix:///x"), "Engine('unix:///x')"),
        (Engine(context="far"), "Engine('far')"),
    ],
)
def test_it_shows_where_it_was_told_to_look(engine: Engine, shown: str) -> None:
    assert repr(engine) == shown


def test_variables_name_the_engine(
    server: Replay, nowhere: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Engine.from_env({**nowhere, "DOCKER_HOST": server.url}, timeout=PATIENCE) as engine:
        assert len(engine.containers()) == len(LISTED)
    monkeypatch.setenv("DOCKER_HOST", server.url)
    for engine in (Engine(), Engine.from_env()):
        with engine:
            assert len(engine.containers()) == len(LISTED)


def test_threads_may_share_one(server: Replay, engine: Engine) -> None:
    start = threading.Barrier(8)

    def ask(_: int) -> tuple[object, ...]:
        start.wait(PATIENCE)
        return engine.containers(), engine.networks(), read(engine, "facts-db", HOST)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert server.asked == {
        "/version": 1,
        "/info": 1,
        "/containers/json": 16,
        "/networks": 16,
        **dict.fromkeys(inspections("facts-db"), 8),
    }
    assert server.most <= 4


def test_a_closed_engine_has_no_connection_and_can_be_asked_again(
    server: Replay, engine: Engine
) -> None:
    engine.containers(details=True)
    assert server.open_connections > 0
    engine.close()
    engine.close()
    server.wait_for(lambda: not server.open_connections)
    assert len(engine.containers()) == len(LISTED)
    assert server.asked["/version"] == 2  # it may be another engine by now
    engine.close()
    server.wait_for(lambda: not server.open_connections)


def test_an_engine_that_was_restarted_can_be_asked_again(server: Replay, engine: Engine) -> None:
    engine.containers()
    server.hang_up()
    server.wait_for(lambda: not server.open_connections)
    assert len(engine.containers()) == len(LISTED)


def test_an_engine_that_comes_up_later_can_be_asked_then(
    folder: Path, nowhere: dict[str, str]
) -> None:
    path = folder / "late.sock"
    with Engine(f"unix://{path}", environ=nowhere) as engine:
        with pytest.raises(EngineUnavailableError, match="no engine listens at"):
            engine.containers()
        with stand_in().on_socket(path):
            assert len(engine.containers()) == len(LISTED)


def test_an_engine_that_hangs_is_waited_for_as_long_as_the_caller_said(
    server: Replay, nowhere: dict[str, str]
) -> None:
    server.answers["/version"] = Exchange.hang
    with (
        Engine(server.url, 0.2, environ=nowhere) as engine,
        pytest.raises(EngineTimeoutError, match="did not answer in time"),
    ):
        engine.containers()


COLD = """
import json, sys
from dockernet import Engine, EngineUnavailableError, Resolver
given = json.loads(sys.argv[1])
try:
    Engine(**given).containers()
except EngineUnavailableError as error:
    print(json.dumps([error.reason, "docker" in sys.modules, "requests" in sys.modules]))
"""


@pytest.mark.parametrize(
    "given",
    [
        {"url": "{socket}"},
        {"environ": {"DOCKER_HOST": "{socket}", "DOCKER_CONTEXT": "x"}},
    ],
    ids=["a URL", "DOCKER_HOST"],
)
def test_that_nobody_listens_is_found_out_without_docker_py(folder: Path, given: object) -> None:
    url = f"unix://{folder}/none.sock"
    argument = json.dumps(given).replace("{socket}", url)
    command = [sys.executable, "-c", COLD, argument]
    result = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    reason = f"no engine listens at {url}: start it, or set DOCKER_HOST or a context"
    assert json.loads(result.stdout) == [reason, False, False]


def test_an_engine_as_a_source_of_a_resolver(server: Replay, engine: Engine) -> None:
    resolver = Resolver([engine], vantage=HOST)
    assert str(resolver.resolve("facts-u1:80")) == "127.0.0.1:18080"
    server.answers["/containers/json"] = reply(b"rubbish")
    with pytest.raises(SourceError, match="speaks no JSON"):
        resolver.resolve("facts-u1:80")
