"""The code blocks of the pages are tests: Python, and commands with what they print.

Each page runs in a folder that holds nothing but recordings: ``story.json``, of the tour,
and what is beside the how-to pages, so a block reads as a person would type it. Blocks that
say ``sh`` or ``text`` are for machines with Docker, and are not run.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from doctest import ELLIPSIS, Example, OutputChecker
from io import StringIO
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import sybil
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser

from dockernet._cli.program import run
from dockernet._cli.tour import STORY

_HERE = Path(__file__).parent
_PROMPT = "$ "
_CODE = "last exit code"


def commands(text: str) -> Iterator[Example]:
    """Each command of a console block, and what it prints."""
    for entry in f"\n{text}".split(f"\n{_PROMPT}")[1:]:
        command, _, printed = f"{entry.rstrip()}\n".partition("\n")
        yield Example(command, printed)


def printed_by(command: str, namespace: dict[str, Any]) -> str:
    """What a command prints, on both streams; ``echo $?`` tells the exit code of the last."""
    if command == "echo $?":
        return f"{namespace[_CODE]}\n"
    program, *arguments = shlex.split(command)
    if program != "dockernet":
        raise ValueError(f"expected dockernet or echo $?, not {program}")
    text = StringIO()
    with redirect_stdout(text), redirect_stderr(text):
        namespace[_CODE] = run(arguments)
    return text.getvalue()


def evaluate(block: sybil.Example) -> str:
    """Run a console block; what it returns is what differs."""
    checker, differences = OutputChecker(), []
    for example in commands(block.parsed):
        got = printed_by(example.source.rstrip("\n"), block.namespace)
        if not checker.check_output(example.want, got, ELLIPSIS):
            told = checker.output_difference(example, got, ELLIPSIS)
            differences.append(f"{_PROMPT}{example.source}{told}")
    return "\n".join(differences)


def enter(namespace: dict[str, Any]) -> None:
    """Go to a folder of the page's own."""
    folder = Path(mkdtemp(prefix="dockernet-docs-"))
    for recording in (STORY, *_HERE.glob("how-to/*.json"), *_HERE.glob("how-to/*.txt")):
        shutil.copy(recording, folder)
    namespace["_folders"] = (folder, Path.cwd())
    os.chdir(folder)


def leave(namespace: dict[str, Any]) -> None:
    """Come back, and take the folder away."""
    folder, before = namespace["_folders"]
    os.chdir(before)
    shutil.rmtree(folder)


pytest_collect_file = sybil.Sybil(
    parsers=[PythonCodeBlockParser(), CodeBlockParser("console", evaluate)],
    patterns=["*.md"],
    setup=enter,
    teardown=leave,
).pytest()

collect_ignore = ["conf.py"]
