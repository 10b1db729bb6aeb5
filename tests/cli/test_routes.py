"""The verbs whose answers depend on where one stands: they say what the library says."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest

from dockernet import Resolver, Snapshot, SourceError, Vantage, VantageKind
from dockernet._cli.tour import STORY, Story

Cli = Callable[..., subprocess.CompletedProcess[str]]
Record = Callable[[Any], str]
Replay = Callable[[Any], str]

ORIGINS = [None, "client", "api", "metrics"]
TARGETS = ["net3:80", "net3", "metrics:9100", "host.docker.internal:9100"]


def resolver(origin: str | None) -> Resolver:
    seen = Resolver([Snapshot.load(STORY)])
    return seen if origin is None else seen.seen_from(origin)


def seen_from(origin: str | None) -> tuple[str, ...]:
    return () if origin is None else ("--from", origin)


def stand(monkeypatch: pytest.MonkeyPatch, vantage: Vantage) -> None:
    """Let the place that this process finds itself in be another."""
    monkeypatch.setattr("dockernet.sources.defaults.read_vantage", lambda: vantage)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("origin", ORIGINS)
def test_what_is_dialled_is_what_the_library_says(
    ask: Cli, origin: str | None, target: str
) -> None:
    found = resolver(origin).endpoints(target)
    assert ask("resolve", target, *seen_from(origin)).stdout == f"{found[0]}\n"
    lines = ask("endpoints", target, *seen_from(origin)).stdout.splitlines()
    told = [line.split("   ")[0] for line in lines]
    assert told == [str(endpoint) for endpoint in found]
    assert all(str(e.route) in line for e, line in zip(found, lines, strict=True))
    assert [line.split()[2] for line in lines] == [endpoint.peer for endpoint in found]


@pytest.mark.parametrize("target", [*TARGETS, "net1:22", "db:5432", "nobody"])
@pytest.mark.parametrize("origin", ORIGINS)
def test_an_explanation_is_in_the_librarys_own_words(
    ask: Cli, origin: str | None, target: str
) -> None:
    told = resolver(origin).explain(target)
    assert ask("explain", target, *seen_from(origin)).stdout == f"{told}\n"


@pytest.mark.parametrize("origin", ORIGINS)
def test_peers_are_those_that_the_library_knows(ask: Cli, origin: str | None) -> None:
    known = resolver(origin).peers()
    told = json.loads(ask("peers", "--json", *seen_from(origin)).stdout)["peers"]
    assert [(p["name"], p["network"]) for p in told] == [(p.name, p.network) for p in known]
    lines = ask("peers", *seen_from(origin)).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", *(peer.name for peer in known)]


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("net3:22",), "127.0.0.1:32768"),
        (("net3:22", "-4"), "127.0.0.1:32768"),
        (("net3:22", "-6"), "[fd00:bb::1]:32768"),
        (("net3:22", "-4", "-6"), "[fd00:bb::1]:32768"),
        (("net3:22", "--url", "ssh"), "ssh://127.0.0.1:32768"),
        (("net3:80", "-6", "--url", "git+http"), "git+http://[fd00:bb::1]:32769"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_resolve_prints_what_can_be_dialled(
    ask: Cli, arguments: tuple[str, ...], told: str
) -> None:
    assert ask("resolve", *arguments).stdout == f"{told}\n"


def test_resolve_as_a_document_has_the_route_too(ask: Cli) -> None:
    document = json.loads(ask("resolve", "net3:22", "--url", "ssh", "--json").stdout)
    assert document == {
        "schema": 1,
        "verb": "resolve",
        "endpoint": {
            "host": "127.0.0.1",
            "port": 32768,
            "protocol": "tcp",
            "route": "published",
            "network": None,
            "peer": "net3",
            "container_port": "22/tcp",
            "source": "snapshot",
        },
        "url": "ssh://127.0.0.1:32768",
    }


def test_endpoints_as_a_document_are_in_the_same_order(ask: Cli) -> None:
    told = json.loads(ask("endpoints", "net3:22", "--json").stdout)["endpoints"]
    assert [e["host"] for e in told] == [str(e.host) for e in resolver(None).endpoints("net3:22")]


# explain


@pytest.mark.parametrize(
    "arguments, code",
    [
        (("net1:22",), 0),
        (("db:5432", "--from", "client"), 0),
        (("nett1",), 1),
        (("busy",), 1),
    ],
    ids=["an answer", "a refusal", "an unknown name", "an ambiguous name"],
)
def test_an_explanation_that_explains_is_an_answer(
    cli: Cli, story: Any, record: Record, arguments: tuple[str, ...], code: int
) -> None:
    for number, container in enumerate(story["inspections"]):
        container["Config"]["Labels"] = {
            "com.docker.compose.project": f"p{number}",
            "com.docker.compose.service": "busy",
        }
    ran = cli("explain", *arguments, "--snapshot", record(story))
    assert (ran.returncode, ran.stderr) == (code, "")
    assert ran.stdout.startswith(arguments[0])


def test_an_ambiguous_name_is_told_with_what_to_say_instead(
    cli: Cli, story: Any, record: Record
) -> None:
    for number, container in enumerate(story["inspections"]):
        container["Config"]["Labels"] = {
            "com.docker.compose.project": f"p{number % 2}",
            "com.docker.compose.service": "busy",
        }
    file = record(story)
    assert "p0/busy" in cli("explain", "busy", "--snapshot", file).stdout
    ran = cli("resolve", "busy", "--json", "--snapshot", file)
    error = json.loads(ran.stdout)["error"]
    assert (ran.returncode, error["kind"]) == (1, "AmbiguousPeerError")
    assert error["candidates"] == ["p0/busy", "p1/busy"]


def test_an_explanation_as_a_document_has_the_refusals(ask: Cli) -> None:
    ran = ask("explain", "db:5432", "--from", "client", "--json")
    told = json.loads(ran.stdout)["explanation"]
    assert ran.returncode == 0
    assert (told["target"], told["chosen"], told["endpoints"]) == ("db:5432", None, [])
    [refusal] = told["refusals"]
    assert list(refusal) == ["route", "reason", "detail", "fix"]
    assert refusal["reason"] == "published-on-loopback"
    assert told["vantage"]["name"] == "client"


def test_nothing_is_explained_where_the_only_source_was_not_heard(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand(monkeypatch, Vantage(kind=VantageKind.HOST))
    ran = cli("explain", "web")
    assert ran.returncode == 3
    assert "no engine listens at unix:///nonexistent/docker.sock" in ran.stdout
    document = json.loads(cli("explain", "web", "--json").stdout)
    [odd] = document["explanation"]["diagnostics"]
    assert (odd["source"], odd["subject"]) == ("engine", "not heard")


# whoami


def test_whoami_needs_no_engine(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    stand(monkeypatch, Vantage(kind=VantageKind.CONTAINER, hostname="lonely"))
    ran = cli("whoami")
    assert (ran.returncode, ran.stderr) == (0, "")
    told = [line.split() for line in ran.stdout.splitlines()]
    assert told == [["kind", "container"], ["hostname", "lonely"]]


def test_whoami_tells_what_an_engine_adds(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, story: Any, replay: Replay
) -> None:
    own = Story.load().vantage
    stand(monkeypatch, Vantage(kind=VantageKind.CONTAINER, id=own.id, gateways=own.gateways))
    monkeypatch.setenv("DOCKER_HOST", replay(story))
    told = cli("whoami").stdout
    for part in ("client", f"{own.id}", "bridge 172.17.0.6 fd00:bb::6", "172.17.0.1, fd00:bb::1"):
        assert part in told


def test_whoami_misses_an_engine_that_was_named(cli: Cli) -> None:
    ran = cli("whoami", "-H", "unix:///nonexistent/x")
    assert (ran.returncode, ran.stdout) == (3, "")


def test_whoami_with_a_recording_is_where_it_was_taken(ask: Cli, story: Any) -> None:
    told = json.loads(ask("whoami", "--json").stdout)["vantage"]
    for name in ("kind", "hostname", "interfaces", "gateways", "nameservers"):
        assert told[name] == story["vantage"][name]


def test_whoami_from_a_container_is_that_container(ask: Cli) -> None:
    told = json.loads(ask("whoami", "--from", "api", "--json").stdout)["vantage"]
    assert (told["kind"], told["name"], told["network_mode"]) == ("container", "api", "shop")
    assert told["networks"][0]["addresses"] == ["172.18.0.3"]


def test_whoami_tells_whose_network_one_shares(cli: Cli, story: Any, record: Record) -> None:
    [web] = [c for c in story["inspections"] if c["Name"] == "/web"]
    [api] = [c for c in story["inspections"] if c["Name"] == "/api"]
    api["HostConfig"]["NetworkMode"] = f"container:{web['Id']}"
    told = cli("whoami", "--from", "api", "--snapshot", record(story)).stdout
    assert f"network owner   {web['Id']}\n" in told
    assert "bridge 172.17.0.5" in told


def test_whoami_tells_a_replica_of_compose(cli: Cli, story: Any, record: Record) -> None:
    told = {"project": "shop", "service": "api", "container-number": "2"}
    [api] = [c for c in story["inspections"] if c["Name"] == "/api"]
    api["Config"]["Labels"] = {f"com.docker.compose.{key}": text for key, text in told.items()}
    shown = cli("whoami", "--from", "api", "--snapshot", record(story)).stdout.splitlines()
    assert [line.split() for line in shown[-3:]] == [
        ["project", "shop"],
        ["service", "api"],
        ["number", "2"],
    ]


# gateway


@pytest.mark.parametrize(
    "arguments, told",
    [
        ((), "127.0.0.1"),
        (("-6",), "::1"),
        (("--from", "client"), "172.17.0.1"),
        (("--from", "client", "-4"), "172.17.0.1"),
        (("--from", "client", "-6"), "fd00:bb::1"),
        (("--from", "api"), "172.18.0.1"),
        (("--from", "metrics"), "127.0.0.1"),
    ],
    ids=" ".join,
)
def test_the_host_is_where_it_is_seen_from_there(
    ask: Cli, arguments: tuple[str, ...], told: str
) -> None:
    ran = ask("gateway", *arguments)
    assert (ran.returncode, ran.stdout) == (0, f"{told}\n")
    document = json.loads(ask("gateway", *arguments, "--json").stdout)
    assert (document["address"], document["family"]) == (told, ip_address(told).version)


def test_the_host_is_where_the_container_itself_sees_it(ask: Cli) -> None:
    vantage = Story.load().vantage
    assert ask("gateway", "--from", "client").stdout == f"{vantage.gateway(4)}\n"
    assert ask("gateway", "--from", "client", "-6").stdout == f"{vantage.gateway(6)}\n"


@pytest.mark.parametrize("family, flags", [(4, ()), (4, ("-4",)), (6, ("-6",))])
def test_from_here_the_kernel_alone_is_asked(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, family: int, flags: tuple[str, ...]
) -> None:
    addresses = {4: ip_address("10.9.8.7"), 6: ip_address("fd09::7")}
    monkeypatch.setattr("dockernet._cli.routes.host_gateway", addresses.__getitem__)
    assert cli("gateway", *flags).stdout == f"{addresses[family]}\n"


def test_a_place_without_a_way_out_has_no_answer(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: int) -> None:
        raise SourceError("vantage", "no default route leads out")

    monkeypatch.setattr("dockernet._cli.routes.host_gateway", none)
    ran = cli("gateway")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "dockernet: no default route leads out\n"
    ran = cli("gateway", "--json")
    told = {"schema": 1, "verb": "gateway", "address": None, "family": 4}
    assert (ran.returncode, json.loads(ran.stdout)) == (1, told)


def test_an_engine_that_was_named_is_needed_for_the_gateway(cli: Cli) -> None:
    assert cli("gateway", "-H", "unix:///nonexistent/x").returncode == 3


# A live engine


@pytest.mark.parametrize(
    "question",
    [("resolve", "net1:80"), ("endpoints", "net3:80"), ("explain", "db:5432"), ("peers",)],
    ids=" ".join,
)
@pytest.mark.parametrize("way", ["--host", "DOCKER_HOST"])
def test_an_engine_and_its_recording_resolve_alike(
    cli: Cli,
    ask: Cli,
    monkeypatch: pytest.MonkeyPatch,
    story: Any,
    replay: Replay,
    question: tuple[str, ...],
    way: str,
) -> None:
    url = replay(story)
    if way == "DOCKER_HOST":
        monkeypatch.setenv("DOCKER_HOST", url)
    live = cli(*question, "--from", "client", *((way, url) if way == "--host" else ()))
    assert (live.returncode, live.stderr) == (0, "")
    recorded = ask(*question, "--from", "client").stdout
    assert live.stdout.split() == recorded.replace("snapshot", "engine").split()
