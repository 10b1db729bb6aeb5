"""Programs of the system: no shell, and bounds of time and size."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dockernet import SourceError
from dockernet.sources import _programs
from dockernet.sources._programs import Done, run_program, which_program

PYTHON = sys.executable


def run(code: str, *args: str, text: str = "", timeout: float = 30.0) -> Done:
    return run_program("here", [PYTHON, "-I", "-S", "-c", code, *args], text=text, timeout=timeout)


def test_a_word_is_a_word_whatever_is_in_it(tmp_path: Path) -> None:
    odd = f"$(touch {tmp_path}/x); `touch {tmp_path}/y` \x1b[31m"
    told = run("import sys; print(sys.argv[1] + sys.stdin.read(), end='')", odd, text="in\udc80")
    assert told == Done(0, f"{odd}in\udc80", "")
    assert list(tmp_path.iterdir()) == []


def test_it_is_told_how_it_ended_and_what_it_said() -> None:
    told = run("import sys; print('a\\nb', file=sys.stderr); sys.exit(3)")
    assert (told.code, told.said) == (3, "a b")
    assert Done(4, "", "").said == "exit code 4"


def test_it_gets_nothing_of_our_environment_but_the_search_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "s3cret")
    told = run("import os; print(sorted(os.environ), os.environ['PATH'])")
    assert "s3cret" not in told.out
    assert "DB_PASSWORD" not in told.out
    assert "/usr/sbin" in told.out


def test_one_that_does_not_end_is_ended() -> None:
    with pytest.raises(SourceError, match=r"did not end within 0\.1 seconds"):
        run("import time; time.sleep(600)", timeout=0.1)


def test_one_that_says_too_much_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_programs, "_LIMIT", 2**20)
    with pytest.raises(SourceError, match="says more than 1 MiB"):
        run("while True: print('x' * 10000)")


def test_an_interrupt_waits_for_its_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What it has begun, it finishes: half a change would be left else."""

    def interrupted(_bounds: object, _size: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_programs._Bounds, "check", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(f"import time; time.sleep(0.2); open({str(tmp_path / 'done')!r}, 'w')")
    assert (tmp_path / "done").exists()


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(SourceError, match=r"here: nothing cannot be run \(No such file"):
        run_program("here", ["/nonexistent/nothing"])


def test_programs_of_root_are_found_too(tmp_path: Path) -> None:
    program = tmp_path / "mine"
    program.write_text("")
    program.chmod(0o755)
    assert which_program("mine", {"PATH": str(tmp_path)}) == str(program)
    assert which_program("mine", {}) is None
    assert which_program("no-such-program-anywhere") is None
