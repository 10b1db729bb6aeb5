"""The verb that launches: what it asks for, what it shows, and its exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from maker import BOUND, DONE, ID, REMOVED, Maker, inspection
from replay import Exchange, refusal

from dockernet._cli.tour import STORY

Cli = Callable[..., subprocess.CompletedProcess[str]]

HOLDER = {
    "Id": "d" * 64,
    "Names": ["/holder"],
    "State": "running",
    "Ports": [{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}],
}


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Maker]:
    made = Maker(inspection(ports=BOUND), inspection(ports=BOUND))
    listed = {"Id": ID, "Names": ["/web"], "State": "running"}
    made.replies["/containers/json"] = [listed]
    with (
        tempfile.TemporaryDirectory(prefix="dn") as folder,
        made.on_socket(Path(folder) / "engine.sock"),
    ):
        monkeypatch.setenv("DOCKER_HOST", made.url)
        yield made


def test_options_before_the_image_are_ours_and_what_follows_is_the_command(
    maker: Maker, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSED", "s3cret")
    monkeypatch.delenv("UNKNOWN", raising=False)
    options = (
        "-p 80 -P --name web -e A=b=c -e PASSED -e UNKNOWN --label x=y --label z -v /a:/b --rm"
    )
    ran = cli("launch", *options.split(), "web:1", "sh", "-c", "echo 1", "--name", "x")
    assert ran.returncode == 0
    [body] = maker.created
    assert maker.told == ["create name=web", "start"]
    assert (body["Image"], body["Cmd"]) == ("web:1", ["sh", "-c", "echo 1", "--name", "x"])
    assert body["Env"] == ["A=b=c", "PASSED=s3cret"]
    assert {"x": "y", "z": ""}.items() <= body["Labels"].items()
    host = body["HostConfig"]
    assert (host["AutoRemove"], host["PublishAllPorts"], host["Binds"]) == (True, True, ["/a:/b"])
    assert "s3cret" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("before", [(), ("--name", "--json"), ("--name=x",), ("-P",)], ids=str)
def test_an_option_of_the_command_is_not_ours(
    maker: Maker, cli: Cli, before: tuple[str, ...]
) -> None:
    ran = cli("launch", *before, "web:1", "tool", "--json")
    assert (ran.returncode, ran.stdout.split()[0]) == (0, "CONTAINER")
    assert maker.created[0]["Cmd"] == ["tool", "--json"]


@pytest.mark.parametrize(
    "words", [("--json", "launch", "web:1"), ("launch", "-p", "80", "--json", "web:1", "x")]
)
@pytest.mark.usefixtures("maker")
def test_an_option_before_the_image_is_ours(cli: Cli, words: tuple[str, ...]) -> None:
    assert json.loads(cli(*words).stdout)["verb"] == "launch"


def test_what_could_not_be_removed_is_told(maker: Maker, cli: Cli) -> None:
    maker.start = refusal("500 Internal Server Error", "it burns")
    maker.answers[f"/containers/{ID}"] = refusal("500 Internal Server Error", "it burned")
    ran = cli("launch", "web:1")
    assert f"it burns; container {ID[:12]} could not be removed: engine: " in ran.stderr


def test_what_could_not_be_undone_after_an_interrupt_is_told(maker: Maker, cli: Cli) -> None:
    def interrupt(exchange: Exchange) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        exchange.send(DONE)

    maker.start = interrupt
    maker.answers[f"/containers/{ID}"] = refusal("500 Internal Server Error", "it burned")
    ran = cli("launch", "-p", "80", "web:1")
    assert ran.returncode == 130
    told = f"interrupted; container {ID[:12]} could not be removed: engine: "
    assert told in ran.stderr


@pytest.mark.usefixtures("maker")
def test_the_ports_are_shown(cli: Cli) -> None:
    ran = cli("launch", "-p", "80", "web:1")
    assert [line.split() for line in ran.stdout.splitlines()] == [
        ["CONTAINER", "PORT", "BINDING", "DIAL"],
        ["web", "80/tcp", "0.0.0.0:49153", "127.0.0.1:49153"],
    ]


def test_what_to_dial_is_as_seen_from_the_place_asked_for(maker: Maker, cli: Cli) -> None:
    told = cli("launch", "-p", "80", "--json", "--from", "nowhere", "web:1")
    document = json.loads(told.stdout)
    assert (told.returncode, document["endpoints"]) == (0, [])  # it runs all the same
    assert document["container"]["id"] == ID
    assert document["container"]["ports"][0]["bindings"][0]["host_port"] == 49153
    assert maker.told == ["create", "start"]


def test_an_interrupt_before_the_answer_leaves_nothing(maker: Maker, cli: Cli) -> None:
    def interrupt(exchange: Exchange) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        exchange.send(exchange.server.recorded(exchange.path))

    maker.answers["/networks"] = interrupt
    assert cli("launch", "-p", "80", "web:1").returncode == 130
    assert maker.told == ["create", "start", REMOVED]


def test_a_container_without_ports_is_shown_by_its_name(maker: Maker, cli: Cli) -> None:
    maker.seen = [inspection()]
    ran = cli("launch", "web:1")
    assert ran.stdout.split() == ["CONTAINER", "PORT", "BINDING", "DIAL", "web", "-", "-", "-"]


def test_a_port_that_is_taken_is_no_answer_and_tells_by_whom(maker: Maker, cli: Cli) -> None:
    maker.replies["/containers/json"] = [HOLDER]
    ran = cli("launch", "-p", "8080:80", "web:1")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == (
        "dockernet: cannot launch 'web:1': host port 8080/tcp is held by container holder "
        "(0.0.0.0:8080)\n"
    )
    document = json.loads(cli("launch", "--json", "-p", "8080:80", "web:1").stdout)
    assert document["error"]["kind"] == "PortConflictError"
    expected: dict[str, Any] = {
        "port": 80,
        "protocol": "tcp",
        "host_ip": None,
        "host_port": 8080,
        "taken": 8080,
        "held": {"host_ip": "0.0.0.0", "host_port": 8080},
        "container": "holder",
        "id": "d" * 64,
        "pid": None,
        "process": None,
        "rival": None,
    }
    assert document["error"]["conflicts"] == [expected]
    twice = json.loads(cli("launch", "--json", "-p", "1:1", "-p", "1:2", "web:1").stdout)
    assert twice["error"]["conflicts"][0]["rival"] == "1/tcp"
    assert maker.told == []


@pytest.mark.parametrize(
    "arguments, code",
    [
        (("launch",), 2),
        (("launch", "-p", "x", "web:1"), 2),
        (("launch", "--link", "db", "web:1"), 1),
        (("launch", "--network", "nowhere", "web:1"), 1),
        (("launch", "--host", "unix:///nonexistent/x.sock", "web:1"), 3),
        (("launch", "--snapshot", str(STORY), "web:1"), 2),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
@pytest.mark.usefixtures("maker")
def test_exit_codes_are_those_of_every_verb(
    cli: Cli, arguments: tuple[str, ...], code: int
) -> None:
    ran = cli(*arguments)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert ran.stderr.startswith("dockernet: ")


def test_an_engine_that_no_holder_is_known_at_says_null(maker: Maker, cli: Cli) -> None:
    def start(exchange: Exchange) -> None:
        exchange.send(refusal("500 Internal Server Error", "0.0.0.0:8080: address already in use"))

    maker.start = start
    document = json.loads(cli("launch", "--json", "-p", "8080:80", "web:1").stdout)
    assert document["error"]["conflicts"][0]["held"] is None
