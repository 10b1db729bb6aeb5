"""The verb that waits: for peers of a recording, whose ports are servers of the test's own."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from servers import close, free_port, serving, speak, stay

from dockernet import Endpoint, NotReadyError, Resolver, SourceError
from dockernet._cli.answers import Successor
from dockernet._cli.program import program
from dockernet._cli.terminal import live_progress
from dockernet._cli.tour import STORY

Ran = subprocess.CompletedProcess[str]
Cli = Callable[..., Ran]
Spawn = Callable[..., subprocess.Popen[str]]
OLD = (32768, 32769)  # the host ports of net3:22 and net3:80 in the recording
NO = "does not answer: connection refused"


@pytest.fixture
def free() -> tuple[int, int]:
    """Two ports of this machine that nobody listens at."""
    one = free_port()
    two = free_port()
    return (one, two) if one != two else (one, free_port("127.0.0.2"))


@pytest.fixture
def moved(free: tuple[int, int], tmp_path: Path) -> str:
    """The recording, with the ports of net3 published on free ports."""
    text = STORY.read_text(encoding="utf-8")
    for old, new in zip(OLD, free, strict=True):
        text = text.replace(f'"HostPort": "{old}"', f'"HostPort": "{new}"')
        text = text.replace(f'"PublicPort": {old}', f'"PublicPort": {new}')
    path = tmp_path / "moved.json"
    path.write_text(text, encoding="utf-8")
    return str(path)


def options(moved: str, *, timeout: float = 60) -> tuple[str, ...]:
    return ("--snapshot", moved, "wait", "--timeout", str(timeout))


def test_peers_that_are_ready_are_told_with_their_endpoints(
    cli: Cli, moved: str, free: tuple[int, int]
) -> None:
    one, two = free
    with serving(stay, port=one), serving(speak, port=two):
        ran = cli(*options(moved), "net3:22", "net3:80")
    assert (ran.returncode, ran.stdout) == (0, f"127.0.0.1:{one}\n127.0.0.1:{two}\n")
    assert sorted(ran.stderr.splitlines()) == [
        "dockernet: net3:22 is ready",
        "dockernet: net3:80 is ready",
    ]


def test_endpoints_are_a_document(cli: Cli, moved: str, free: tuple[int, int]) -> None:
    with serving(stay, port=free[1]):
        told = json.loads(cli(*options(moved), "--json", "net3:80").stdout)
    [endpoint] = told.pop("endpoints")
    assert told == {"schema": 1, "verb": "wait"}
    assert (endpoint["port"], endpoint["peer"]) == (free[1], "net3")


def test_one_that_is_not_ready_in_time_is_no_answer(
    cli: Cli, moved: str, free: tuple[int, int]
) -> None:
    one, two = free
    with serving(stay, port=one):
        ran = cli(*options(moved, timeout=0.3), "net3:22", "net3:80", "--", "no-such-program")
    assert (ran.returncode, ran.stdout) == (1, "")
    told = ran.stderr.splitlines()
    reason = f"127.0.0.1:{two} {NO}"
    assert told[-1] == f"dockernet: 'net3:80' was not ready within 0.3 seconds: {reason}"
    assert sorted(told[:-1]) == [
        "dockernet: net3:22 is ready",
        f"dockernet: waiting for net3:80: {reason}",
    ]


def test_the_error_is_a_document_with_the_time_line(
    cli: Cli, moved: str, free: tuple[int, int]
) -> None:
    told = json.loads(cli(*options(moved, timeout=0.1), "--json", "net3:22").stdout)["error"]
    [[seconds, what]] = told["time_line"]
    assert (told["kind"], told["target"], told["timeout"]) == ("NotReadyError", "net3:22", 0.1)
    assert (seconds >= 0, what) == (True, f"127.0.0.1:{free[0]} {NO}")


def test_a_command_gets_the_environment_as_it_is(
    moved: str, free: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X", "x")
    with serving(stay, port=free[0]):
        said = (*options(moved), "net3:22", "--", "server", "--port", "80")
        ran = CliRunner().invoke(program, said, standalone_mode=False)
    assert isinstance(ran.return_value, Successor)
    assert ran.return_value.command == ("server", "--port", "80")
    assert dict(ran.return_value.environ) == dict(os.environ)


def test_it_becomes_the_command(spawn: Spawn, moved: str, free: tuple[int, int]) -> None:
    code = (
        "import os, signal; print(os.getpid(), signal.getsignal(signal.SIGTERM), os.environ['X'])"
    )
    with serving(close, stay, port=free[0]) as server:
        process = spawn(
            *options(moved),
            "net3:22",
            "--",
            sys.executable,
            "-c",
            code,
            env={**os.environ, "X": "x"},
        )
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, f"{process.pid} 0 x\n")
    assert (server.calls, err.splitlines()[-1]) == (2, "dockernet: net3:22 is ready")


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_wait_ends_with_the_process(spawn: Spawn, moved: str, number: int, code: int) -> None:
    # A shell that runs tests in the background has its children ignore SIGINT.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{heed}; import sys; from dockernet.__main__ import main; sys.exit(main())"
    process = spawn(*options(moved), "net3:22", "net3:80", "--", "true", code=program)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("dockernet: waiting for net3:")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, "Traceback" in err) == (code, "", False)


@pytest.mark.parametrize(
    "arguments, told",
    [
        ((), "missing argument 'TARGET...'"),
        (("net3", "--ready", "soon"), "'soon' is not one of"),
        (("net3", "--from", "client"), "leave out --from"),
        (("net3:http",), "cannot read 'net3:http'"),
        (("net1:53/udp",), "cannot read 'udp': no connection tells whether it is ready"),
        (("net3", "--timeout", "0"), "expected a number of seconds above 0"),
    ],
)
def test_it_tells_how_it_is_used(ask: Cli, arguments: tuple[str, ...], told: str) -> None:
    ran = ask("wait", *arguments)
    assert (ran.returncode, told in ran.stderr) == (2, True)


def test_what_can_never_be_told_ends_it_at_once(ask: Cli) -> None:
    ran = ask("wait", "net3:22", "--ready", "healthy")
    assert ran.returncode == 3
    assert ran.stderr == "dockernet: snapshot: net3 has no health check: make it with one\n"


@pytest.mark.parametrize(
    "said, waits, asks", [((), 30.0, 5.0), (("--timeout", "2"), 2.0, 2.0)], ids=["default", "said"]
)
def test_peers_have_longer_than_an_engine(
    ask: Cli, monkeypatch: pytest.MonkeyPatch, said: tuple[str, ...], waits: float, asks: float
) -> None:
    given: list[float] = []

    def ready(self: Resolver, _: str, timeout: float, *__: Any, **___: Any) -> Endpoint:
        given.extend((timeout, self._setting._timeout))
        return Endpoint("db.example", 80)

    monkeypatch.setattr(Resolver, "wait", ready)
    assert ask("wait", "net3", *said).stdout == "db.example:80\n"
    assert given == [waits, asks]


def test_the_first_failure_ends_the_waiting_for_the_others(
    ask: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    from threading import Event

    go = Event()

    def failing(_: Resolver, target: str, *__: Any, **___: Any) -> Endpoint:
        if target == "slow":
            go.wait(60)
            raise NotReadyError(target, 1.0)
        raise SourceError("engine", "deaf")

    monkeypatch.setattr(Resolver, "wait", failing)
    try:
        assert ask("wait", "slow", "fast").stderr == "dockernet: engine: deaf\n"
    finally:
        go.set()


def test_without_a_standard_error_it_waits_in_silence(
    cli: Cli, moved: str, free: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(stay, port=free[0]), monkeypatch.context() as closed:
        closed.setattr("dockernet._cli.waiting.sys.stderr", None)
        assert cli(*options(moved), "net3:22").stdout == f"127.0.0.1:{free[0]}\n"


# Progress on a terminal


def test_a_terminal_has_a_line_for_each_that_changes(
    spawn: Spawn, moved: str, free: tuple[int, int]
) -> None:
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    with ExitStack() as stack:
        process = spawn(*options(moved), "net3:22", "net3:80", stderr=theirs, env=env)
        os.close(theirs)
        stack.callback(os.close, ours)
        shown = read_until(ours, NO, NO)
        for port in free:
            stack.enter_context(serving(stay, port=port))
        out, _ = process.communicate(timeout=60)
        shown += read_until(ours)
    assert (process.returncode, out) == (0, "".join(f"127.0.0.1:{port}\n" for port in free))
    assert shown.count("waiting") > 1
    assert "\x1b[1;32mready\x1b[0m" in shown
    assert "dockernet:" not in shown


def read_until(terminal: int, *wanted: str) -> str:
    """Read until each text has come, or to the end."""
    shown = ""
    while not wanted or shown.count(wanted[0]) < len(wanted):
        try:
            shown += os.read(terminal, 65536).decode()
        except OSError:  # Linux says EIO when the other side is closed.
            break
    return shown


def test_what_comes_from_outside_changes_no_terminal() -> None:
    stream = StringIO()
    with live_progress(stream, ["db\x1b[2J"]) as tell:
        tell("db\x1b[2J", "it says \x1b[31m[bold]no[/bold]")
    assert "\x1b[2J" not in stream.getvalue()
    assert "it says \\x1b[31m[bold]no[/bold]" in stream.getvalue()
