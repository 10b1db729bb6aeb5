"""The command line on an engine's host: in one process for many runs, and one that is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define

from harness.places import HostPlace, Place

_HERE = Path(__file__).parent
_MORTAL = _HERE / "mortal.py"
# Each family's program of either variant, and nft.
_PROGRAMS = (
    *(f"{name}tables{v}-restore" for name in ("ip", "ip6") for v in ("", "-nft", "-legacy")),
    "nft",
)


@define(eq=False)
class Verbs:
    """The command line, in one process for all runs."""

    process: subprocess.Popen[str]

    def __call__(self, *arguments: str) -> Any:
        """The document of a verb, and the exit code in it."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(arguments) + "\n")
        self.process.stdin.flush()
        code, document = json.loads(self.process.stdout.readline())
        return document | {"code": code}


@contextmanager
def verbs_on(host: Place) -> Iterator[Verbs]:
    """Start it; it ends with its standard input."""
    assert isinstance(host, HostPlace)
    with host.start(sys.executable, str(_HERE / "examiner.py")) as process:
        yield Verbs(process)
        assert process.stdin
        process.stdin.close()


@define(eq=False)
class Mortal:
    """The command line that is killed as it changes the firewall."""

    host: HostPlace
    folder: Path

    @classmethod
    def on(cls, host: HostPlace, folder: Path) -> Mortal:
        """Make the programs that kill it, in a folder."""
        for name in _PROGRAMS:
            path = folder / name
            path.write_text(f"#!{sys.executable} -IS\n{_MORTAL.read_text()}")
            path.chmod(0o755)
        return cls(host.with_env(PATH=f"{folder}:{os.environ['PATH']}"), folder)

    def dies(self, transactions: int, *arguments: str) -> bool:
        """Run a verb; whether it was killed after so many transactions."""
        (self.folder / "lives").write_text(str(transactions))
        done = self.host.python("-m", "dockernet", *arguments)
        assert done.code in (0, -9), done
        return done.code != 0
