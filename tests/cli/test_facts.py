"""The verbs that show what an engine tells: ps, networks, links, snapshot."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from dockernet import HostsFile, Interface, Snapshot, Vantage, VantageKind
from dockernet._cli.tour import Story

Cli = Callable[..., subprocess.CompletedProcess[str]]
Record = Callable[[Any], str]
Replay = Callable[[Any], str]

DATA = Path(__file__).parents[1] / "data" / "cli"
ENGINE_28 = str(DATA / "engine-28.json")
PRINTED = json.loads((DATA / "engine-28-printed.json").read_text())

CONTAINER = Vantage(kind=VantageKind.CONTAINER)
VARIABLES = {
    "DEDOIMEDO_NAME": "/client/dedoimedo",
    "DEDOIMEDO_PORT_22_TCP": "tcp://172.17.0.5:22",
    "DEDOIMEDO_ENV_PASSWORD": "s3cret",
}


def rows(text: str) -> list[list[str]]:
    """The cells of a table; columns are at least three blanks apart."""
    return [[cell.strip() for cell in line.split("   ") if cell] for line in text.splitlines()]


def cells(text: str, name: str) -> list[str]:
    [row] = [row for row in rows(text) if row[0] == name]
    return row


# ps


def test_ps_shows_what_one_looks_for(ask: Cli) -> None:
    told = ask("ps").stdout
    assert rows(told)[0] == ["NAME", "STATE", "IMAGE", "NETWORKS", "PORTS", "LINKS"]
    assert [row[0] for row in rows(told)[1:]] == [
        *("api", "db", "metrics", "client", "web", "net3", "net2", "net1"),
    ]
    assert cells(told, "client") == [
        *("client", "running", "busybox", "bridge 172.17.0.6 fd00:bb::6", "-", "-> web:dedoimedo"),
    ]
    assert cells(told, "web")[4:] == ["22/tcp, 80/tcp", "<- client:dedoimedo"]


@pytest.mark.parametrize("name", [name for name in PRINTED if PRINTED[name]["ports"]])
def test_ps_prints_ports_as_docker_ps_does(cli: Cli, name: str) -> None:
    told = cli("ps", "--snapshot", ENGINE_28).stdout
    assert cells(told, name)[4] == PRINTED[name]["ports"]


def test_ps_shows_several_networks_of_one_container(cli: Cli) -> None:
    told = cli("ps", "--snapshot", ENGINE_28).stdout
    networks = "bridge 172.17.0.7, facts-net 10.77.1.5, facts-net2 10.77.2.55"
    assert cells(told, "facts-multi")[3] == networks


def test_ps_shows_links_on_a_network_of_ones_own(cli: Cli) -> None:
    told = cli("ps", "--snapshot", ENGINE_28).stdout
    links = "-> facts-u2:CamelAlias, -> facts-u2:database"
    taken = "<- facts-u1:CamelAlias, <- facts-u1:database"
    assert (cells(told, "facts-u1")[5], cells(told, "facts-u2")[5]) == (links, taken)


def test_ps_tells_whose_network_is_shared(cli: Cli) -> None:
    told = cli("ps", "--snapshot", ENGINE_28).stdout
    assert cells(told, "facts-ns")[3] == "container:facts-u1"


def test_ps_tells_the_id_of_a_network_owner_that_is_gone(
    cli: Cli, story: Any, record: Record
) -> None:
    for container in story["inspections"]:
        container["HostConfig"]["NetworkMode"] = "container:" + "f0" * 32
    assert (
        cells(cli("ps", "--snapshot", record(story)).stdout, "web")[3] == "container:f0f0f0f0f0f0"
    )


@pytest.mark.parametrize("every", ["-a", "--all"])
def test_ps_shows_what_does_not_run_when_asked(cli: Cli, every: str) -> None:
    assert "facts-stopped" not in cli("ps", "--snapshot", ENGINE_28).stdout
    assert cells(cli("ps", every, "--snapshot", ENGINE_28).stdout, "facts-stopped")[1] == "exited"


@pytest.mark.parametrize(
    "state, shown",
    [
        ("running", 8),
        ("paused", 8),
        ("restarting", 8),
        ("created", 0),
        ("exited", 0),
        ("dead", 0),
        ("removing", 0),
    ],
)
def test_ps_takes_for_running_what_docker_ps_does(
    cli: Cli, story: Any, record: Record, state: str, shown: int
) -> None:
    for container in story["inspections"]:
        container["State"]["Status"] = state
    told = cli("ps", "--snapshot", record(story)).stdout
    assert len(rows(told)) == 1 + shown


def test_ps_shows_health(cli: Cli, story: Any, record: Record) -> None:
    for container in story["inspections"]:
        container["State"]["Health"] = {"Status": "unhealthy"}
    assert cells(cli("ps", "--snapshot", record(story)).stdout, "web")[1] == "running (unhealthy)"


def test_ps_as_a_document_has_what_the_table_has_and_more(ask: Cli) -> None:
    containers = json.loads(ask("ps", "--json").stdout)["containers"]
    known = {container["name"]: container for container in containers}
    [bridge] = known["net3"]["networks"]
    assert bridge["addresses"] == ["172.17.0.4", "fd00:bb::4"]
    assert known["net3"]["ports"][0] == {
        "port": 22,
        "protocol": "tcp",
        "bindings": [
            {"host_ip": "0.0.0.0", "host_port": 32768},
            {"host_ip": "::", "host_port": 32768},
        ],
    }
    assert known["client"]["links"] == [{"peer": "web", "alias": "dedoimedo"}]
    assert known["web"]["linked_from"] == [{"recipient": "client", "alias": "dedoimedo"}]
    assert known["api"]["networks"][0]["names"] == ["api", known["api"]["id"][:12]]


def test_a_link_by_id_leads_to_its_peer_too(cli: Cli, story: Any, record: Record) -> None:
    [web] = [c for c in story["inspections"] if c["Name"] == "/web"]
    [client] = [c for c in story["inspections"] if c["Name"] == "/client"]
    client["HostConfig"]["Links"] = [f"/{web['Id']}:/client/{alias}" for alias in ("x", "y")]
    client["HostConfig"]["Links"].append(f"{web['Id'][:12]}:z")
    taken = cells(cli("ps", "--snapshot", record(story)).stdout, "web")[5]
    assert taken == "<- client:dedoimedo, <- client:x, <- client:y, <- client:z"


# networks


def test_networks_tell_who_may_talk(cli: Cli) -> None:
    told = cli("networks", "--snapshot", ENGINE_28).stdout
    assert rows(told)[0] == [
        *("NAME", "DRIVER", "SUBNETS", "GATEWAYS", "INTERNAL", "ICC", "ROUTED", "MEMBERS"),
    ]
    assert [row[0] for row in rows(told)[1:]] == sorted(row[0] for row in rows(told)[1:])
    routed = ["bridge", "172.19.0.0/16", "172.19.0.1", "no", "yes", "IPv4", "1"]
    assert cells(told, "facts-routed")[1:] == routed


def test_networks_count_running_members_alone(cli: Cli) -> None:
    known = json.loads(cli("networks", "--json", "--snapshot", ENGINE_28).stdout)["networks"]
    [shared] = [network for network in known if network["name"] == "facts-net"]
    on_it = [
        container.name
        for container in Snapshot.load(ENGINE_28).containers()
        if any(a.network == "facts-net" for a in container.networks)
    ]
    assert "facts-stopped" in on_it
    assert shared["members"] == len(on_it) - 1


def test_networks_tell_what_keeps_containers_in_or_apart(
    cli: Cli, story: Any, record: Record
) -> None:
    for network in story["networks"]:
        network["Internal"] = True
        network["Options"] = {"com.docker.network.bridge.enable_icc": "false"}
    told = cells(cli("networks", "--snapshot", record(story)).stdout, "shop")
    assert told[4:6] == ["yes", "no"]


# links

HEADINGS = ["RECIPIENT", "ALIAS", "PEER", "NETWORKS", "ADDRESSES", "PORTS", "LEARNT FROM"]


def test_links_tell_what_the_engine_knows_of_the_peer(ask: Cli) -> None:
    assert rows(ask("links").stdout) == [
        HEADINGS,
        [
            *("client", "dedoimedo", "web", "-", "172.17.0.5, fd00:bb::5", "22/tcp, 80/tcp"),
            "legacy link, listed name",
        ],
    ]


def test_links_to_a_peer_that_is_gone_are_marked(cli: Cli, story: Any, record: Record) -> None:
    gone = [c for c in story["listing"] if "/web" not in c["Names"]]
    recording = record({**story, "listing": gone})
    told = rows(cli("links", "--snapshot", recording).stdout)
    assert told[1] == ["client", "dedoimedo", "web (removed)", "-", "-", "-", "legacy link"]
    [link] = json.loads(cli("links", "--json", "--snapshot", recording).stdout)["links"]
    assert (link["peer"], link["state"], link["dangling"]) == ("web", "removed", True)


def test_links_of_one_container_are_those_to_it_and_from_it(ask: Cli) -> None:
    whole = ask("links").stdout
    assert ask("links", "client").stdout == ask("links", "web").stdout == whole
    assert rows(ask("links", "db").stdout) == [HEADINGS]
    ran = ask("links", "nobody")
    assert (ran.returncode, ran.stdout) == (1, "")


def test_links_show_aliases_on_networks_when_asked_for(cli: Cli) -> None:
    asked = ("links", "facts-u2", "--snapshot", ENGINE_28)
    given = rows(cli(*asked).stdout)[1:]
    assert {row[0] for row in given} == {"facts-u1"}
    told = rows(cli(*asked, "--aliases").stdout)[1:]
    added = [row for row in told if row not in given]
    assert {(row[0], row[6]) for row in added} == {("-", "network alias")}
    assert added
    found = json.loads(cli(*asked, "--aliases", "--json").stdout)["links"]
    assert {(k["recipient"], *k["provenances"]) for k in found if not k["recipient"]} == {
        (None, "network alias")
    }


def test_links_have_the_addresses_of_shared_networks_alone(cli: Cli) -> None:
    links = json.loads(cli("links", "--json", "--snapshot", ENGINE_28).stdout)["links"]
    [database] = [link for link in links if link["alias"] == "database"]
    assert (database["recipient"], database["peer"]) == ("facts-u1", "facts-u2")
    assert (database["addresses"], database["ports"]) == (["10.77.1.2"], ["5432/tcp"])


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dockernet._cli.facts.whoami", lambda: CONTAINER)
    for name, told in VARIABLES.items():
        monkeypatch.setenv(name, told)


@pytest.mark.usefixtures("inside")
def test_links_of_own_variables_need_no_engine(cli: Cli) -> None:
    ran = cli("links")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert rows(ran.stdout)[1:] == [
        ["client", "dedoimedo", "-", "-", "172.17.0.5", "22/tcp", "variables"],
    ]
    [link] = json.loads(cli("links", "--json").stdout)["links"]
    assert (link["source"], link["provenances"]) == ("environ", ["variables"])


@pytest.mark.usefixtures("inside")
def test_links_of_own_variables_come_before_those_of_others(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, story: Any, replay: Replay
) -> None:
    monkeypatch.setenv("DOCKER_HOST", replay(story))
    found = json.loads(cli("links", "--json").stdout)["links"]
    assert [link["source"] for link in found] == ["environ", "engine"]


@pytest.fixture
def client(inside: None, monkeypatch: pytest.MonkeyPatch, story: Any, replay: Replay) -> Vantage:
    """The container of the story that has the link; its engine is in reach."""
    del inside
    with Snapshot(story) as recorded:
        known = recorded.container("client")
    eth = Interface(name="eth0", subnets=(ip_network("172.17.0.0/16"),))
    vantage = Vantage(kind=VantageKind.CONTAINER, id=known.id, interfaces=(eth,))
    monkeypatch.setattr("dockernet._cli.facts.whoami", lambda: vantage)
    monkeypatch.setenv("DOCKER_HOST", replay(story))
    return vantage


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The hosts file of this place."""
    file = tmp_path / "hosts"
    monkeypatch.setattr("dockernet._cli.facts.HostsFile", lambda: HostsFile(file))
    return file


@pytest.mark.usefixtures("client")
def test_links_that_several_places_tell_are_one(cli: Cli, hosts: Path) -> None:
    hosts.write_text("172.17.0.5\tdedoimedo web\n172.17.0.9\textra\n")
    ran = cli("links")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [(row[0], row[1], row[-1]) for row in rows(ran.stdout)[1:]] == [
        ("-", "extra", "hosts file"),
        ("client", "dedoimedo", "legacy link, listed name, hosts file, variables"),
    ]
    document = json.loads(cli("links", "--json").stdout)
    assert [link["source"] for link in document["links"]] == ["hosts", "engine"]
    assert document["diagnostics"] == []


@pytest.mark.usefixtures("client")
def test_links_name_the_place_that_is_stale(
    cli: Cli, hosts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts.write_text("nonsense\n")
    monkeypatch.setenv("DEDOIMEDO_PORT_22_TCP", "tcp://172.17.0.77:22")
    ran = cli("links")
    assert ran.stderr.splitlines() == [
        "dockernet: hosts: line 1: expected an address and a name",
        (
            "dockernet: variables: dedoimedo: stale: it says 172.17.0.77; "
            "fresh from legacy link and listed name: 172.17.0.5, fd00:bb::5"
        ),
    ]
    assert [row[4] for row in rows(ran.stdout)[1:]] == ["172.17.0.5, fd00:bb::5"]
    told = json.loads(cli("links", "--json").stdout)["diagnostics"]
    assert [one["source"] for one in told] == ["hosts", "variables"]


@pytest.mark.usefixtures("client")
def test_links_are_told_without_a_hosts_file_that_cannot_be_read(cli: Cli, hosts: Path) -> None:
    hosts.mkdir()
    ran = cli("links")
    assert ran.returncode == 0
    assert "not heard" in ran.stderr
    assert [row[1] for row in rows(ran.stdout)[1:]] == ["dedoimedo"]


@pytest.mark.usefixtures("inside")
def test_links_show_no_secrets(cli: Cli) -> None:
    assert "s3cret" not in cli("links").stdout + cli("links", "--json").stdout


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("option", [("-H", "unix:///nonexistent/x"), ("--from", "web")])
def test_links_of_own_variables_are_not_asked_for_elsewhere(
    cli: Cli, option: tuple[str, str]
) -> None:
    ran = cli("links", *option)
    assert (ran.returncode, ran.stdout) == (3, "")


def test_links_need_the_engine_where_no_variables_are(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dockernet._cli.facts.whoami", lambda: CONTAINER)
    assert cli("links").returncode == 3


def test_links_take_no_variables_for_links_on_a_host(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, story: Any, replay: Replay
) -> None:
    monkeypatch.setattr("dockernet._cli.facts.whoami", lambda: Vantage(kind=VantageKind.HOST))
    monkeypatch.setenv("DOCKER_HOST", replay(story))
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    told = rows(cli("links").stdout)[1:]
    assert [row[-1] for row in told] == ["legacy link, listed name"]


# A live engine, and recording it


@pytest.mark.parametrize(
    "question",
    [("ps", "-a"), ("port",), ("port", "net3"), ("networks",), ("links",), ("behind", "8080")],
    ids=" ".join,
)
def test_an_engine_and_its_recording_answer_alike(
    cli: Cli, ask: Cli, story: Any, replay: Replay, question: tuple[str, ...]
) -> None:
    live = cli(*question, "-H", replay(story))
    assert (live.returncode, live.stderr) == (0, "")
    assert rows(live.stdout.replace("engine", "snapshot")) == rows(ask(*question).stdout)


def test_a_snapshot_goes_to_a_file_and_is_asked_like_the_engine(
    cli: Cli, ask: Cli, story: Any, replay: Replay, tmp_path: Path
) -> None:
    file = str(tmp_path / "taken.json")
    ran = cli("snapshot", file, "-H", replay(story))
    version = story["engine"]["version"]["Version"]
    assert ran.stdout == f"{file}: 8 containers of Engine {version}\n"
    assert (ran.returncode, ran.stderr) == (0, "")
    assert cli("ps", "--snapshot", file).stdout == ask("ps").stdout


@pytest.mark.parametrize("arguments", [(), ("-",)], ids=["nothing", "a dash"])
def test_a_snapshot_goes_to_standard_output(
    cli: Cli, story: Any, replay: Replay, arguments: tuple[str, ...]
) -> None:
    ran = cli("snapshot", *arguments, "-H", replay(story))
    document = json.loads(ran.stdout)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert Snapshot(document).container("web").name == "web"
    assert document["listing"] == story["listing"]


def test_a_snapshot_leaves_out_what_may_be_secret(cli: Cli, story: Any, replay: Replay) -> None:
    for container in story["inspections"]:
        container["Config"]["Env"] = ["PASSWORD=s3cret"]
    assert "s3cret" not in cli("snapshot", "-H", replay(story)).stdout


def test_a_whole_snapshot_keeps_secrets_and_says_so(cli: Cli, story: Any, replay: Replay) -> None:
    for container in story["inspections"]:
        container["Config"]["Env"] = ["PASSWORD=s3cret"]
    ran = cli("snapshot", "--whole", "-H", replay(story))
    assert ran.returncode == 0
    assert "s3cret" in ran.stdout
    assert ran.stderr.startswith("dockernet: this snapshot has the engine's replies as they are")
    assert ran.stderr.count("\n") == 1


def test_a_snapshot_from_a_container_has_its_vantage(cli: Cli, story: Any, replay: Replay) -> None:
    vantage = json.loads(cli("snapshot", "-H", replay(story), "--from", "api").stdout)["vantage"]
    assert (vantage["kind"], vantage["name"]) == ("container", "api")


def test_a_snapshot_as_a_document_is_in_the_document(cli: Cli, story: Any, replay: Replay) -> None:
    document = json.loads(cli("snapshot", "--json", "-H", replay(story)).stdout)
    assert list(document) == ["schema", "verb", "snapshot"]
    assert Snapshot(document["snapshot"]).profile() == Story.load().engine.profile()


def test_a_snapshot_in_a_file_is_told_by_the_document(
    cli: Cli, story: Any, replay: Replay, tmp_path: Path
) -> None:
    file = str(tmp_path / "taken.json")
    document = json.loads(cli("snapshot", file, "--json", "-H", replay(story)).stdout)
    assert document == {
        "schema": 1,
        "verb": "snapshot",
        "file": file,
        "containers": 8,
        "engine": story["engine"]["version"]["Version"],
    }


def test_a_snapshot_that_cannot_be_written_exits_3(ask: Cli) -> None:
    ran = ask("snapshot", "/nonexistent/f")
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "/nonexistent/f cannot be written" in ran.stderr


def test_a_recording_keeps_its_place(ask: Cli) -> None:
    ran = ask("snapshot", "--from", "client")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "a recording keeps the place that it was taken from" in ran.stderr


def test_a_recording_of_a_recording_is_a_copy(ask: Cli, story: Any) -> None:
    ran = ask("snapshot", "--whole")
    assert (json.loads(ran.stdout), ran.stderr) == (story, "")
