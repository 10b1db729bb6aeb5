"""Programs of the system, run with a list of arguments, a time and a size.

No shell is ever in between: a word is a word, whatever is in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import IO, Final

from attrs import field, frozen

from dockernet.errors import SourceError

__all__ = ["Done", "run_program", "which_program"]

_SYSTEM: Final = "/usr/local/sbin:/usr/sbin:/sbin"
_LIMIT: Final = 32 * 2**20  # bytes of output
_TICK: Final = 0.02  # seconds between two looks at how much there is
_TOLD: Final = 300  # characters of what it said


@frozen
class Done:
    """A program that has ended.

    Attributes:
        code: Its exit code.
        out: Its standard output.
        err: Its standard error.
    """

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """What it said about what went wrong, in one line."""
        return " ".join((self.err or f"exit code {self.code}").split())[:_TOLD]


def which_program(name: str, environ: Mapping[str, str] | None = None) -> str | None:
    """The path of a program, also where the search path has no folders of root's."""
    return shutil.which(name, path=_search_path(os.environ if environ is None else environ))


def _search_path(environ: Mapping[str, str]) -> str:
    return f"{environ.get('PATH', os.defpath)}:{_SYSTEM}"


def run_program(
    source: str, command: Sequence[str], *, text: str = "", timeout: float = 5.0
) -> Done:
    """Run a program to its end.

    All of its input lies ready before it starts, and it does not end with this process
    or its terminal: what it has begun, it finishes.

    Args:
        source: On whose behalf, for errors.
        command: The program's path and its arguments.
        text: Its standard input.
        timeout: Seconds that it may take.

    Raises:
        SourceError: It cannot be run, takes too long, or says too much.
    """
    name = os.path.basename(command[0])  # noqa: PTH119 - of a text
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        given.write(text.encode("utf-8", "surrogateescape"))
        given.seek(0)
        try:
            process = subprocess.Popen(  # noqa: S603 - a list of arguments, and no shell
                command,
                stdin=given,
                stdout=out,
                stderr=err,
                env={"PATH": _search_path(os.environ), "LC_ALL": "C"},
                start_new_session=True,
            )
        except OSError as error:
            raise SourceError(source, f"{name} cannot be run ({error.strerror})") from error
        code = _await(process, (out, err), _Bounds(source, name, timeout))
        return Done(code, _content(out), _content(err))


def _await(process: subprocess.Popen[bytes], files: Sequence[IO[bytes]], bounds: _Bounds) -> int:
    """Wait for its end, and for that of one that was ended; an interrupt waits, too."""
    try:
        while (code := _code(process)) is None:
            bounds.check(sum(os.fstat(file.fileno()).st_size for file in files))
    except SourceError:
        process.kill()
        raise
    finally:
        process.wait()
    return code


def _code(process: subprocess.Popen[bytes]) -> int | None:
    with suppress(subprocess.TimeoutExpired):
        return process.wait(_TICK)
    return None


@frozen
class _Bounds:
    """How long a program may take, and how much it may say."""

    source: str
    name: str
    timeout: float
    begun: float = field(factory=monotonic)

    def check(self, size: int) -> None:
        if size > _LIMIT:
            raise SourceError(self.source, f"{self.name} says more than {_LIMIT // 2**20} MiB")
        if monotonic() - self.begun >= self.timeout:
            reason = f"{self.name} did not end within {self.timeout:g} seconds: wait longer"
            raise SourceError(self.source, reason)


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(_LIMIT + 1)[:_LIMIT].decode("utf-8", "surrogateescape")
