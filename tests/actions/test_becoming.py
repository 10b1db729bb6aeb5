"""Becoming a command, each time in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from dockernet import CommandError, DockernetError, FormatError, become

PATH = os.environ["PATH"]


def becoming(*command: str, before: str = "", **env: str) -> list[str]:
    """The command line of a process that becomes another."""
    code = f"""
import os, sys
from dockernet import become
{before}
print("before", os.getpid())
become({command!r}, {{"PATH": os.environ["PATH"], **{env!r}}})
"""
    return [sys.executable, "-c", code]


def shown_by(*command: str, before: str = "", **env: str) -> list[str]:
    """What it prints, first of all its own process id before it has become the command."""
    done = subprocess.run(  # noqa: S603
        becoming(*command, before=before, **env), capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def python(code: str) -> tuple[str, ...]:
    return sys.executable, "-I", "-S", "-c", code


def test_the_process_stays_the_same_and_what_was_printed_comes_first() -> None:
    first, second = shown_by("sh", "-c", "echo after $$")
    assert first.split() == ["before", second.split()[1]]


@pytest.mark.parametrize("code", [0, 3, 255])
def test_the_exit_code_is_the_command_s(code: int) -> None:
    done = subprocess.run(becoming("sh", "-c", f"exit {code}"), check=False)  # noqa: S603
    assert done.returncode == code


def test_a_signal_reaches_the_command() -> None:
    command = becoming("sh", "-c", "trap 'echo caught; exit 7' TERM; echo ready; read line")
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        assert process.stdout.readline() == b"ready\n"
        process.terminate()
        process.stdin.close()
        assert process.stdout.read() == b"caught\n"
    assert process.returncode == 7


def test_without_a_handler_a_signal_ends_it() -> None:
    with subprocess.Popen(becoming("sh", "-c", "kill -TERM $$")) as process:  # noqa: S603
        pass
    assert process.returncode == -signal.SIGTERM


def test_only_the_variables_given_are_there() -> None:
    _, *shown = shown_by("env", DB_PORT="tcp://10.0.0.2:5432", EMPTY="", ODD="a\nb='$x'")
    assert sorted(shown) == sorted(
        [f"PATH={PATH}", "DB_PORT=tcp://10.0.0.2:5432", "EMPTY=", "ODD=a", "b='$x'"]
    )


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_signals_are_as_by_default_and_threads_are_gone() -> None:
    busy = """
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
"""
    _, *shown = shown_by("grep", "-E", "^(SigIgn|SigBlk|Threads)", "/proc/self/status", before=busy)
    told = dict(line.split(":\t") for line in shown)
    assert int(told["SigBlk"], 16) == 0
    assert not int(told["SigIgn"], 16) & (1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1))
    assert told["Threads"] == "1"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_nothing_but_the_three_streams_is_open_and_no_process_is_beside() -> None:
    opened = """
import socket
kept = [open(sys.executable, "rb"), socket.socket(), *socket.socketpair()]
"""
    code = "import os; fds = os.listdir('/proc/self/fd')\nfor fd in map(int, fds):\n  if fd > 2:\n    try: print(os.readlink(f'/proc/self/fd/{fd}'))\n    except FileNotFoundError: pass\nprint(open(f'/proc/{os.getpid()}/task/{os.getpid()}/children').read().split())"
    _, *shown = shown_by(*python(code), before=opened)
    assert shown == ["[]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of what cannot be run."""
    (tmp_path / "plain").write_text("#!/bin/sh\n")
    (tmp_path / "nonsense").write_bytes(b"\x01\x02\x03\x04")
    (tmp_path / "orphan").write_text("#!/no/such/interpreter\n")
    for name in ("nonsense", "orphan"):
        (tmp_path / name).chmod(0o755)
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize("by_path", [True, False], ids=["by its path", "by the search path"])
@pytest.mark.parametrize(
    "name, reason, code",
    [
        ("none", "there is no such program", 127),
        ("orphan", "what interprets it is not there", 127),
        ("plain", "it may not be executed", 126),
        ("folder", "it may not be executed", 126),
        ("nonsense", "no program that this machine can run", 126),
    ],
)
def test_what_cannot_be_run_is_told_as_a_shell_tells_it(
    folder: Path, name: str, reason: str, code: int, *, by_path: bool
) -> None:
    command = str(folder / name) if by_path else name
    ignored = signal.getsignal(signal.SIGPIPE)
    with pytest.raises(CommandError, match=reason) as told:
        become([command, "argument"], {"PATH": str(folder)})
    assert (told.value.command, told.value.exit_code) == (command, code)
    assert isinstance(told.value, DockernetError)
    assert signal.getsignal(signal.SIGPIPE) == ignored  # it goes on being Python


def test_below_a_file_there_is_no_program(folder: Path) -> None:
    with pytest.raises(CommandError) as told:
        become([str(folder / "plain" / "x")], {})
    assert told.value.exit_code == 127


def test_too_much_to_hand_over_is_told() -> None:
    with pytest.raises(CommandError, match="too long") as told:
        become(["true"], {"PATH": PATH, "HUGE": "x" * 4_000_000})
    assert told.value.exit_code == 126


def test_another_reason_is_the_system_s(folder: Path) -> None:
    (folder / "loop").symlink_to("loop")
    with pytest.raises(CommandError, match="symbolic links") as told:
        become([str(folder / "loop")], {})
    assert told.value.exit_code == 126


@pytest.mark.parametrize("name", ["", "A=B", "=", "NUL\0", "\ud800"])
def test_a_name_of_a_variable_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(FormatError):
        become(["true"], {"PATH": PATH, name: "x"})


@pytest.mark.parametrize("value", ["s3cret\0", "s3cret\ud800"])
def test_a_value_that_cannot_be_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(FormatError, match="DB_ENV_KEY") as told:
        become(["true"], {"PATH": PATH, "DB_ENV_KEY": value})
    assert "s3cret" not in f"{told.value}{told.value!r}"


@pytest.mark.parametrize("command", [[], [""], ["tr\0ue"], ["true", "\0"], ["\ud800"]])
def test_a_command_that_cannot_be_is_refused(command: list[str]) -> None:
    with pytest.raises(FormatError):
        become(command, {"PATH": PATH})


def test_a_command_is_words_and_no_text() -> None:
    with pytest.raises(TypeError, match="list of words"):
        become("true", {"PATH": PATH})


def test_another_thread_may_not() -> None:
    raised: list[str] = []

    def other() -> None:
        try:
            become(["true"], {"PATH": PATH})
        except RuntimeError as error:
            raised.append(str(error))

    thread = Thread(target=other)
    thread.start()
    thread.join()
    assert raised == ["become a command in the main thread"]


@pytest.mark.parametrize(
    "state",
    ["sys.stdout.close()", "sys.stdout = None", "os.close(1); os.open('/dev/full', os.O_WRONLY)"],
    ids=["closed", "never open", "full"],
)
def test_a_stream_that_takes_nothing_is_no_hindrance(state: str) -> None:
    code = f"""
import os, sys
from dockernet import become
print("lost", end="")
{state}
become(["sh", "-c", "exit 5"], {{"PATH": os.environ["PATH"]}})
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=False)  # noqa: S603
    assert done.returncode == 5
