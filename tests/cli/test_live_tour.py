"""The live tour without an engine, or on one that it cannot be taken on."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from maker import VERSION
from replay import Replay, refusal

from dockernet import Engine, SourceError
from dockernet._cli import live_tour as module
from dockernet._cli import stage
from dockernet._cli import tour as recorded_tour
from dockernet._cli.stage import Stage
from dockernet._cli.stops import Dial, Stop, gateway, linked, walk
from dockernet._cli.tour import STORY, Story
from dockernet.sources._docker import Clients
from dockernet.sources._location import Location
from dockernet.sources._signals import Held

Cli = Callable[..., subprocess.CompletedProcess[str]]

NO_IMAGE = (
    "dockernet: cannot launch 'busybox': the live tour needs an image with busybox in it: "
    "docker pull busybox, or name one that is there by --image\n"
)
# A program of 64 bits without program headers, and one that names a loader.
STATIC = b"\x7fELF\x02\x01" + bytes(58)
LINKED = STATIC[:32] + struct.pack("<Q", 64) + bytes(14) + struct.pack("<HH", 56, 1) + bytes(6)
LINKED += struct.pack("<I", 3) + bytes(52)


@pytest.fixture
def engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Replay]:
    """An engine without any image."""
    replay = Replay(VERSION, {"Architecture": "x86_64"})
    replay.replies["/images/json"] = []
    with replay.on_socket(folder / "engine.sock"):
        monkeypatch.setenv("DOCKER_HOST", replay.url)
        monkeypatch.setattr("platform.machine", lambda: "x86_64")
        monkeypatch.setenv("PATH", str(folder))
        yield replay


def busybox(folder: Path, content: bytes) -> None:
    program = folder / "busybox"
    program.write_bytes(content)
    program.chmod(0o755)


# What is asked


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--live", "--snapshot", str(STORY)), "the live tour is of an engine, from here"),
        (("--live", "--from", "client"), "the live tour is of an engine, from here"),
        (("--image", "busybox"), "--image is for the live tour: add --live"),
    ],
)
def test_what_goes_with_no_tour_is_a_usage_error(
    cli: Cli, arguments: tuple[str, ...], said: str
) -> None:
    ran = cli("tour", *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr


def test_without_an_engine_the_tour_says_so(cli: Cli) -> None:
    ran = cli("tour", "--live")
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "/nonexistent/docker.sock" in ran.stderr


def test_podman_is_refused_before_anything_is_made(cli: Cli, engine: Replay) -> None:
    engine.replies["/version"] = {**VERSION, "Components": [{"Name": "Podman Engine"}]}
    ran = cli("tour", "--live", "--image", "small:1")
    assert ran.stderr == (
        "dockernet: cannot launch 'small:1': the live tour links containers, "
        "and Podman has no links\n"
    )
    assert (ran.returncode, ran.stdout) == (1, "")


# The image


@pytest.mark.parametrize("content", [None, LINKED, b"#!/bin/sh\n"])
def test_with_no_static_busybox_on_this_machine_an_image_is_asked_for(
    cli: Cli, engine: Replay, folder: Path, content: bytes | None
) -> None:
    if content is not None:
        busybox(folder, content)
    ran = cli("tour", "--live")
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", NO_IMAGE)
    assert "/images/create" not in engine.asked


def test_a_program_is_of_no_use_to_an_engine_on_other_hardware(
    cli: Cli, engine: Replay, folder: Path
) -> None:
    busybox(folder, STATIC)
    engine.replies["/info"] = {"Architecture": "aarch64"}
    assert cli("tour", "--live").stderr == NO_IMAGE


@pytest.mark.parametrize(
    "tags, chosen",
    [
        (["alpine:3", "busybox:1", "busybox:latest"], "busybox:latest"),
        (["web:1", "my/busybox:1", "registry:5000/alpine:3", "alpine:3"], "alpine:3"),
        (["docker.io/library/busybox:1.36"], "docker.io/library/busybox:1.36"),
        (["busybox-extras:1", "<none>:<none>"], None),
        ([], None),
    ],
)
def test_an_image_is_taken_by_its_tag_alone(
    engine: Replay, tags: list[str], chosen: str | None
) -> None:
    engine.replies["/images/json"] = [{"RepoTags": [tag]} for tag in tags] + [{"RepoTags": None}]
    clients = Clients(Location(engine.url), 5.0)
    try:
        assert stage._known(clients) == chosen
    finally:
        clients.close()


def test_to_take_down_what_is_gone_is_no_error_and_to_make_what_is_refused_is(
    engine: Replay,
) -> None:
    clients = Clients(Location(engine.url), 5.0)
    engine.answers["/images/create"] = refusal("500 Internal Server Error", "no space left")
    try:
        clients.remove_network("dockernet-tour-1-shop")
        clients.remove_image("dockernet-tour-1")
        with pytest.raises(SourceError, match="500"):
            clients.import_image(b"", "dockernet-tour-1", "dockernet.tour")
    finally:
        clients.close()
    assert engine.asked["/networks/dockernet-tour-1-shop"] == 1
    assert engine.asked["/images/dockernet-tour-1"] == 1


# Stops


def test_where_no_variable_is_left_of_a_link_the_engine_and_the_hosts_file_tell_of_it() -> None:
    story = Story.load()
    stop = linked(story, evolve(story.inside, environ={}), 80)
    assert stop.typed == "$ dockernet resolve dedoimedo:80 --from client"
    assert (stop.answer, stop.host, stop.port) == ("172.17.0.5:80", "172.17.0.5", 80)
    assert "no variable tells of it: Engine 29 and later set none for links" in stop.why
    assert any(why.startswith("in /etc/hosts: 172.17.0.5 dedoimedo ") for why in stop.why)
    assert (stop.facts["environ"], stop.facts["link"]) == ({}, "web:dedoimedo")


@pytest.fixture
def apart(story: Any) -> Any:
    """The recording, with a client that has no network."""
    [inspection] = [i for i in story["inspections"] if i["Name"] == "/client"]
    [entry] = [e for e in story["listing"] if e["Id"] == inspection["Id"]]
    for told in (inspection, entry):
        told["HostConfig"]["NetworkMode"] = "none"
        told["NetworkSettings"]["Networks"] = {}
    return story


def test_where_a_container_has_no_way_to_its_host_the_refusal_is_the_answer(
    apart: Any, record: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded_tour, "STORY", Path(record(apart)))
    stop = gateway(Story.load(), "How?", "client")
    assert (stop.found, stop.answer, stop.host) == (False, "no way", "")
    assert stop.facts["refusals"]


def test_where_there_is_no_way_nothing_is_dialled(
    apart: Any, replay: Callable[[Any], str], on: Stage
) -> None:
    text = json.dumps(apart).replace("/client", "/t-client").replace("/net1", "/t-net1")
    with Engine(replay(json.loads(text))) as engine:
        walk_there = module._Walk(evolve(on, engine=engine))
        [stop] = walk_there._to_host()
        assert (stop.found, stop.dials) == (False, ())
        stop = walk_there._reach("How?", "net1", 80, "client")
        assert (stop.found, stop.dials) == (False, ())


def dialled(read: str) -> Stop:
    dial = Dial("t-api", "172.18.0.1", 32769, "t-net3", read)
    return Stop("How?", "$ dockernet resolve t-net3:80", "172.18.0.1:32769", (), {}, dials=(dial,))


@pytest.mark.parametrize("read", ["", "t-net2"])
def test_a_dial_that_reads_another_name_or_none_fails_the_tour(read: str) -> None:
    directions = {"From here": (dialled("t-net3"), dialled(read))}
    facts = {"engine": "28.5.2", "containers": 7, "image": "busybox"}
    answer = module._answer(directions, facts, ("dockernet-tour-1-shop",))
    who = read or "nobody"
    wrong = f"dialled 172.18.0.1 port 32769 from t-api: {who} answers, and it is to be t-net3"
    assert answer.status == 1
    assert answer.remark == f"1 of 2 addresses did not lead to whom they should: {wrong}"
    shown = " ".join(" ".join(line.text for line in walk(directions)).split())
    assert wrong in shown
    assert "dialled 172.18.0.1 port 32769 from t-api: t-net3 answers" in shown
    [left] = answer.diagnostics
    assert left.subject == "dockernet-tour-1-shop"


# Dialling from here


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A stage with nothing on it, of an engine on this machine."""
    monkeypatch.setattr(Stage, "_is_on_host", True)
    monkeypatch.setattr(stage, "_PATIENCE", 0.2)
    nowhere = Location("unix:///nonexistent/docker.sock")
    clients = Clients(nowhere, 1.0)
    with ExitStack() as ending:
        ending.callback(clients.close)
        yield Stage(Engine(nowhere.url), clients, "t", "busybox", (), Held(), ending)


def test_a_name_is_read_from_whoever_listens(on: Stage) -> None:
    port = on.listen("127.0.0.1", "t-host")
    assert on.dial(None, "127.0.0.1", port, "t-host").is_right
    assert on.dial(None, "127.0.0.1", port, "t-net1").read == "t-host"
    on.ending.close()
    assert on.dial(None, "127.0.0.1", port, "t-host").read == ""


def test_on_an_address_of_another_machine_nobody_listens(on: Stage) -> None:
    assert on.listen("192.0.2.1", "t-host") == 0


def test_who_takes_a_connection_and_says_nothing_is_nobody(on: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.listen()
        dial = on.dial(None, "127.0.0.1", server.getsockname()[1], "t-host")
    assert dial.read == ""


def test_after_a_signal_the_stage_goes_no_further(on: Stage) -> None:
    on.signals.caught.append(2)
    for step in (
        lambda: on.network("shop"),
        lambda: on.output("t-client", "cat", "/etc/hosts"),
        lambda: on.dial(None, "127.0.0.1", 9, "t-host"),
    ):
        with pytest.raises(KeyboardInterrupt):
            step()
