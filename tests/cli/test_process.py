"""The command as a process: what is missing, cut off or interrupted, and a real terminal."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dockernet
from dockernet import __main__ as command
from dockernet._cli import program
from dockernet._cli.face import Face
from dockernet._cli.tour import STORY

Spawn = Callable[..., subprocess.Popen[str]]
Cli = Callable[..., subprocess.CompletedProcess[str]]
PS = ("ps", "--snapshot", str(STORY))
WITHOUT = "import sys; sys.modules[{name!r}] = None; from dockernet.__main__ import main; {rest}"
INSTALL = "the command line needs the extra 'cli': pip install 'dockernet[cli]'"


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_the_module_is_the_command(spawn: Spawn, ask: Cli) -> None:
    assert ended(spawn(*PS)) == (0, ask("ps").stdout, "")


def test_the_module_hands_over_the_exit_code(spawn: Spawn) -> None:
    code, out, err = ended(spawn("resolve", "web"))
    assert (code, out) == (3, "")
    assert err.startswith("dockernet: engine: no engine listens at unix:///nonexistent/docker.sock")


def test_main_runs_the_arguments_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["dockernet", "--version"])
    assert command.main() == 0
    assert capsys.readouterr().out == f"dockernet {dockernet.__version__}\n"


# The extra


@pytest.mark.parametrize("name", ["click", "rich"])
def test_a_missing_extra_is_one_line_with_what_to_install(spawn: Spawn, name: str) -> None:
    screen = "sys.stdout.isatty = lambda: True; sys.exit(main())"
    process = spawn(*PS, code=WITHOUT.format(name=name, rest=screen))
    assert ended(process) == (2, "", f"dockernet: {INSTALL}\n")


def test_a_missing_extra_is_a_document_too(spawn: Spawn) -> None:
    process = spawn("ps", "--json", code=WITHOUT.format(name="click", rest="sys.exit(main())"))
    code, out, err = ended(process)
    error = {"kind": "MissingExtraError", "message": INSTALL}
    assert (code, json.loads(out), err) == (2, {"schema": 1, "error": error}, "")


def test_only_terminals_need_all_of_the_extra(spawn: Spawn, ask: Cli) -> None:
    process = spawn(*PS, code=WITHOUT.format(name="rich", rest="sys.exit(main())"))
    assert ended(process) == (0, ask("ps").stdout, "")


@pytest.mark.parametrize("option", ["--all", "--json"])
@pytest.mark.parametrize("name", ["click", "click.core", "rich.console"])
def test_what_is_missing_is_told_in_this_process_too(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    option: str,
) -> None:
    monkeypatch.setattr(sys, "argv", ["dockernet", "ps", option])
    monkeypatch.setattr(program, "run", raising(ModuleNotFoundError(name=name)))
    assert command.main() == 2
    assert INSTALL in "".join(capsys.readouterr())


@pytest.mark.parametrize("name", ["attrs", None])
def test_another_missing_module_is_no_missing_extra(
    monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    monkeypatch.setattr(program, "run", raising(ModuleNotFoundError(name=name)))
    with pytest.raises(ModuleNotFoundError):
        command.main()


def test_the_library_loads_nothing_of_the_command_line(spawn: Spawn) -> None:
    code = (
        "import sys, dockernet; [getattr(dockernet, name) for name in dockernet.__all__]; "
        "print([n for n in ('click', 'rich', 'dockernet._cli') if n in sys.modules])"
    )
    assert ended(spawn(code=code)) == (0, "[]\n", "")


def raising(error: BaseException) -> Callable[..., int]:
    def run(_: object) -> int:
        raise error

    return run


# Cut off and interrupted


def test_a_reader_that_leaves_is_no_error(spawn: Spawn) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = spawn(*PS, stdout=writer)
    os.close(writer)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (141, "")


def test_an_answer_that_cannot_be_written_exits_3(spawn: Spawn) -> None:
    with Path("/dev/full").open("w") as full:
        process = spawn(*PS, stdout=full)
        _, err = process.communicate(timeout=60)
    told = "dockernet: the answer cannot be written: No space left on device\n"
    assert (process.returncode, err) == (3, told)


@pytest.mark.parametrize("error, code", [(BrokenPipeError(), 141), (OSError(28, "full"), 3)])
def test_what_is_cut_off_is_forgotten(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: OSError, code: int
) -> None:
    path = tmp_path / "out"
    with path.open("w") as out, (tmp_path / "err").open("w") as err:
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        monkeypatch.setattr(Face, "show", lambda *_: raising(error)(None))
        out.write("what the reader did not want")
        assert program.run(PS) == code
    assert path.read_text() == ""
    said = "" if code == 141 else "dockernet: the answer cannot be written: full\n"
    assert (tmp_path / "err").read_text() == said


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_closed_streams_are_no_fault(monkeypatch: pytest.MonkeyPatch, stream: str) -> None:
    monkeypatch.setattr(sys, stream, None)
    assert program.run(("ps", "--snapshot", "/nonexistent/f")) == 3


def test_an_interrupt_while_an_engine_is_silent_exits_130(spawn: Spawn, folder: Path) -> None:
    path = folder / "silent.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        # A shell that runs tests in the background has its children ignore the signal.
        heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
        code = f"{heed}; import sys; from dockernet.__main__ import main; sys.exit(main())"
        process = spawn("ps", "-H", f"unix://{path}", "--timeout", "60", code=code)
        connection, _ = silent.accept()
        process.send_signal(signal.SIGINT)
        code_and_output = ended(process)
        connection.close()
    assert (code_and_output[0], code_and_output[1], code_and_output[2].strip()) == (130, "", "")


def test_an_interrupt_before_the_program_runs_exits_130(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "run", raising(KeyboardInterrupt()))
    assert command.main() == 130


def test_an_engine_that_does_not_answer_in_time_exits_3(spawn: Spawn, folder: Path) -> None:
    path = folder / "silent.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        process = spawn("ps", "-H", f"unix://{path}", "--timeout", "0.2")
        code, out, err = ended(process)
    assert (code, out) == (3, "")
    assert "did not answer in time" in err


# A real terminal


def on_terminal(spawn: Spawn, *arguments: str, **environ: str) -> tuple[int, str]:
    """Run on a terminal; gives the exit code and what the terminal was sent."""
    ours, theirs = pty.openpty()
    settings: dict[str, Any] = {"stdout": theirs, "stderr": theirs}
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "200", **environ}
    process = spawn(*arguments, env=env, **settings)
    os.close(theirs)
    shown = b""
    while chunk := _read(ours):
        shown += chunk
    os.close(ours)
    return process.wait(timeout=60), shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says EIO when the other side is closed.
        return b""


def test_a_terminal_gets_a_table_with_headings_in_bold(spawn: Spawn) -> None:
    code, shown = on_terminal(spawn, *PS)
    assert code == 0
    assert "\x1b[1m" in shown
    assert "-> web:dedoimedo" in shown
    assert "22/tcp, 80/tcp" not in shown  # one line for each


@pytest.mark.parametrize("environ, coloured", [({}, 1), ({"NO_COLOR": "1"}, 0)])
def test_the_tour_has_colours_unless_they_are_unwanted(
    spawn: Spawn, environ: dict[str, str], coloured: int
) -> None:
    code, shown = on_terminal(spawn, "tour", **environ)
    assert code == 0
    assert ("\x1b[36m" in shown) == bool(coloured)
    assert "172.17.0.2:22" in shown


def test_a_pipe_gets_no_escapes(spawn: Spawn) -> None:
    code, out, _ = ended(spawn("tour"))
    assert (code, "\x1b" in out) == (0, False)
