"""The verb that watches, on a stand-in engine that things happen to."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from builders import container, identity
from replay import refusal
from streaming import Streaming

from dockernet import (
    ContainerChange,
    EndpointChange,
    LiveKind,
    LiveState,
    PeerNotFoundError,
    Resolver,
    Watch,
)
from dockernet._cli import watching
from dockernet._cli.answers import Line, News, Stream
from dockernet._cli.tables import container_change
from dockernet._cli.tour import STORY

Cli = Callable[..., subprocess.CompletedProcess[str]]
Spawn = Callable[..., subprocess.Popen[str]]
# A shell that runs tests in the background has its children ignore SIGINT.
HEED = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
PROGRAM = f"{HEED}; import sys; from dockernet.__main__ import main; sys.exit(main())"


@pytest.fixture
def server(folder: Path) -> Iterator[Streaming]:
    with Streaming().on_socket(folder / "live.sock") as server:
        assert isinstance(server, Streaming)
        server.set("db")
        server.set("web", number=3)
        server.set("app", number=4)
        yield server


@pytest.fixture
def watch(server: Streaming, spawn: Spawn) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the verb."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **settings: Any) -> subprocess.Popen[str]:
        process = spawn("watch", *arguments, "-H", server.url, code=PROGRAM, **settings)
        started.append(process)
        server.follow()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=60)


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def begun(server: Streaming, process: subprocess.Popen[str]) -> None:
    """Wait until it tells what happens: of a peer that is made."""
    assert process.stdout is not None
    made = 0
    while made < 300:
        made += 1
        happen(server, f"peer-{made}", "created", "create", 9)
        if select.select([process.stdout], [], [], 0.2)[0]:
            break
    while f"peer-{made}" not in line(process):
        pass


def happen(server: Streaming, name: str, state: str, action: str, number: int = 2) -> None:
    server.set(name, state, number)
    server.tell(action, name)


def happen_until_ended(server: Streaming, process: subprocess.Popen[str]) -> None:
    """Have something happen until the process has told of it, and so met the end."""
    for number in range(300):
        happen(server, f"peer-{number}", "created", "create", 9)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)
            return


def ended(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[int, str, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_each_change_of_a_container_is_a_line(server: Streaming, watch: Spawn) -> None:
    process = watch()
    begun(server, process)
    happen(server, "new", "running", "create", 7)
    assert line(process) == "new created, started"
    happen(server, "new", "exited", "die", 7)
    assert line(process) == "new stopped"
    del server.told["new"]
    server.tell("destroy", "new")
    assert line(process) == "new removed"
    assert ended(process) == (143, "", "")


def test_a_document_a_line_is_for_programs(server: Streaming, watch: Spawn) -> None:
    process = watch("--json")
    begun(server, process)
    happen(server, "db", "exited", "die")
    told = json.loads(line(process))
    before, after = told.pop("before"), told.pop("after")
    assert told == {
        "schema": 1,
        "verb": "watch",
        "id": identity("db"),
        "name": "db",
        "why": ["stopped"],
    }
    assert (before["state"], after["state"]) == ("running", "exited")
    assert after["networks"][0]["addresses"] == ["172.17.0.2"]
    del server.told["db"]
    server.tell("destroy", "db")
    told = json.loads(line(process))
    assert (told["why"], told["after"], told["before"]["name"]) == (["removed"], None, "db")


def test_a_peer_s_endpoints_are_told_now_and_when_they_change(
    server: Streaming, watch: Spawn
) -> None:
    process = watch("db:80", "--from", "app")
    assert line(process) == "db:80 is at 172.17.0.2:80"
    happen(server, "web", "exited", "die", 3)
    happen(server, "db", "running", "update", 9)
    assert line(process) == "db:80 is at 172.17.0.9:80 (moved)"
    happen(server, "db", "paused", "pause", 9)
    assert line(process).startswith("db:80 has no endpoint (paused): nothing reaches 'db:80' from")
    assert ended(process) == (143, "", "")


def test_endpoints_are_documents_too(server: Streaming, watch: Spawn) -> None:
    process = watch("nobody:80", "--from", "app", "--json")
    told = json.loads(line(process))
    error = told.pop("error")
    assert told == {
        "schema": 1,
        "verb": "watch",
        "target": "nobody:80",
        "why": [],
        "before": [],
        "after": [],
    }
    assert (error["kind"], error["asked"]) == ("PeerNotFoundError", ["engine"])
    happen(server, "nobody", "running", "create", 8)
    told = json.loads(line(process))
    assert (told["error"], told["why"]) == (None, ["created", "started"])
    assert [(one["host"], one["peer"]) for one in told["after"]] == [("172.17.0.8", "nobody")]


def test_endpoints_are_those_of_the_container_to_look_from(watch: Spawn) -> None:
    process = watch("db:80", "--from", "app", "--json")
    [endpoint] = json.loads(line(process))["after"]
    assert (endpoint["route"], endpoint["network"]) == ("shared network", "bridge")


def test_that_the_engine_is_away_is_told_beside_the_answers(
    server: Streaming, watch: Spawn
) -> None:
    process = watch()
    assert process.stderr is not None
    server.answers["/version"] = refusal("503 Service Unavailable", "starting")
    server.send(None)
    said = process.stderr.readline()
    assert said.startswith("dockernet: reconnecting, stale since 2")
    assert "broke its answer off" in said
    server.set("db", "exited")
    del server.answers["/version"]
    assert process.stderr.readline() == "dockernet: current again\n"
    assert line(process) == "db stopped"
    assert ended(process) == (143, "", "")


@pytest.mark.parametrize("arguments", [(), ("db:80",)], ids=["containers", "a peer"])
@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it(
    server: Streaming, watch: Spawn, arguments: tuple[str, ...], number: int, code: int
) -> None:
    process = watch(*arguments)
    if arguments:
        line(process)
    else:
        begun(server, process)
    assert ended(process, number) == (code, "", "")
    server.wait_for(lambda: not server.open_connections)


def test_a_reader_that_leaves_ends_it(server: Streaming, watch: Spawn) -> None:
    reader, writer = os.pipe()
    process = watch(stdout=writer)
    os.close(writer)
    os.close(reader)
    happen_until_ended(server, process)
    assert process.returncode == 141
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_what_cannot_be_written_exits_3(server: Streaming, watch: Spawn) -> None:
    with Path("/dev/full").open("w") as full:
        process = watch(stdout=full)
        happen_until_ended(server, process)
        _, err = process.communicate(timeout=60)
    told = "dockernet: the answer cannot be written: No space left on device\n"
    assert (process.returncode, err) == (3, told)


def test_a_terminal_is_shown_no_control_characters(server: Streaming, spawn: Spawn) -> None:
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color"}
    process = spawn("watch", "-H", server.url, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    server.follow()
    for number in range(300):
        happen(server, f"evil\x1b[2J{number}", "running", "create", 7)
        if select.select([ours], [], [], 0.2)[0]:
            break
    shown = os.read(ours, 65536).decode()
    process.terminate()
    process.communicate(timeout=60)
    os.close(ours)
    assert r"evil\x1b[2J" in shown
    assert " created, started" in shown
    assert "\x1b[2J" not in shown


# What cannot be watched.


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("--snapshot", str(STORY)), "a recording does not change: leave out --snapshot"),
        (("db", "--snapshot", str(STORY)), "a recording does not change: leave out --snapshot"),
        (("--from", "web"), "--from is for the endpoints of a peer: name the peer"),
        (("db:http",), "cannot read 'db:http'"),
        (("db", "web"), "unexpected extra argument"),
    ],
)
def test_it_tells_how_it_is_used(cli: Cli, arguments: tuple[str, ...], told: str) -> None:
    ran = cli("watch", *arguments)
    assert (ran.returncode, ran.stdout, told in ran.stderr) == (2, "", True)


@pytest.mark.parametrize("arguments", [(), ("db:80",)], ids=["containers", "a peer"])
def test_an_engine_that_is_not_there_exits_3(cli: Cli, arguments: tuple[str, ...]) -> None:
    where = ("-H", "unix:///nonexistent/docker.sock")
    ran = cli("watch", *arguments, *where)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert ran.stderr.startswith("dockernet: engine: no engine listens at unix:///nonexistent")
    [said] = cli("watch", *arguments, *where, "--json").stdout.splitlines()
    assert json.loads(said)["error"]["kind"] == "EngineUnavailableError"


def test_a_container_to_look_from_has_to_be_there(server: Streaming, cli: Cli) -> None:
    ran = cli("watch", "db:80", "--from", "nobody", "-H", server.url)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "no peer answers to 'nobody'" in ran.stderr


# An answer that goes on.


def flow(*news: News | Exception) -> Stream:
    def told() -> Iterator[News]:
        for one in news:
            if isinstance(one, Exception):
                raise one
            yield one

    return Stream("watch", told())  # type: ignore[arg-type]


def test_an_answer_may_come_to_an_end(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        watching, "_containers", lambda _: flow(News({"n": 1}, (Line("one"),))).news
    )
    ran = cli("watch")
    assert (ran.returncode, ran.stdout) == (0, "one\n")


def test_a_watch_may_come_to_an_end(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of a view does which is closed."""

    def ended(*_: object, **__: object) -> Watch[EndpointChange]:
        return Watch(lambda _: (one for one in (None, EndpointChange("db", error=gone))))

    gone = PeerNotFoundError("db")
    monkeypatch.setattr(Resolver, "watch", ended)
    ran = cli("watch", "db")
    assert (ran.returncode, ran.stdout) == (
        0,
        "db has no endpoint: no peer answers to 'db'\n",
    )


def test_a_fault_of_our_own_is_one_sentence(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_containers", lambda _: flow(ZeroDivisionError("so")).news)
    ran = cli("watch")
    assert (ran.returncode, ran.stdout) == (70, "")
    assert ran.stderr.startswith("dockernet: a fault of dockernet itself, ZeroDivisionError: so")


def test_who_works_on_dockernet_sees_where_it_is(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    class Flags:
        dev_mode = True

    monkeypatch.setattr("dockernet._cli.program.sys.flags", Flags)
    monkeypatch.setattr(watching, "_containers", lambda _: flow(ZeroDivisionError("so")).news)
    with pytest.raises(ZeroDivisionError):
        cli("watch")


def test_without_a_standard_error_it_watches_in_silence(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dockernet._cli.watching.sys.stderr", None)
    watching._told()(LiveState(LiveKind.RECONNECTING))
    assert cli("watch", "--snapshot", str(STORY)).returncode == 2


def test_a_container_that_was_renamed_is_told_with_both_names() -> None:
    db = container("db")
    [said] = container_change(ContainerChange(db, evolve(db, name="store")))
    assert said.text == "db -> store renamed"
