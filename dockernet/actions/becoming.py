"""Becoming a command: the same process, another program."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final, NoReturn

from dockernet.errors import CommandError, FormatError

__all__ = ["become"]

# Python ignores these, and what is ignored stays so in the command; "XFZ" is SIGXFSZ elsewhere.
_IGNORED: Final = ("SIGPIPE", "SIGXFSZ", "SIGXFZ")

_REASONS: Final = {
    errno.E2BIG: "the arguments and the environment are too long together",
    errno.EACCES: "it may not be executed",
    errno.ENOENT: "there is no such program, or what interprets it is not there",
    errno.ENOEXEC: "it is no program that this machine can run; a script begins with #!",
    errno.ENOTDIR: "there is no such program",
}
_MISSING: Final = frozenset({errno.ENOENT, errno.ENOTDIR})
_NOT_FOUND, _NOT_RUN = 127, 126  # what shells and env(1) say


def become(command: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Become a command: it takes this process over, and with it the process id.

    Signals that are sent to this process reach the command, its exit code is this
    process's, and no process stays beside it. What Python has opened is closed, threads
    end, and signals that Python ignores (SIGPIPE) have their default again. Nothing that
    is to run at the exit runs: leave context managers before.

    Args:
        command: The program and its arguments; a name without ``/`` is looked for on the
            ``PATH`` of the environment given.
        environ: All variables of the command.

    Raises:
        CommandError: The command cannot be run; its ``exit_code`` is what a shell gives.
        FormatError: The command or a variable is none that a program can be given; of
            variables the name alone is told.
        RuntimeError: This is not the main thread, and no other can set signals right.

    Example:
        >>> from dockernet import become
        >>> become(["no-such-program"], {"PATH": "/usr/bin:/bin"})
        Traceback (most recent call last):
        dockernet.errors.CommandError: cannot run 'no-such-program': there is no such program, ...
    """
    program, *_ = arguments = [_checked(word, word) for word in _words(command)]
    variables = dict(_variables(environ))
    _flush()
    with _default_signals():
        try:
            os.execvpe(program, arguments, variables)  # noqa: S606 - what it is for
        except OSError as error:
            raise _refused(program, error) from error


def _words(command: Sequence[str]) -> list[str]:
    if isinstance(command, str):
        raise TypeError("expected the command as a list of words, not as one text")
    if not command or not command[0]:
        raise FormatError("", "expected a command")
    return [*command]


def _variables(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        if not name or "=" in name:
            raise FormatError(name, "expected a name of a variable, without =")
        yield _checked(name, name), _checked(value, name)


def _checked(text: str, shown: str) -> str:
    """A text that can be given to a program.

    Raises:
        FormatError: It has a NUL in it, or what cannot be encoded.
    """
    with suppress(UnicodeEncodeError):
        if b"\0" not in os.fsencode(text):
            return text
    raise FormatError(shown, "expected text that a program can be given, without NUL")


def _flush() -> None:
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None: it was never open
        with suppress(OSError, ValueError):  # nobody reads it any more, or it is closed
            stream.flush()


@contextmanager
def _default_signals() -> Generator[None]:
    """Defaults, but for an error: then it goes on being Python."""
    known = [getattr(signal, name) for name in _IGNORED if hasattr(signal, name)]
    try:
        before = {number: signal.signal(number, signal.SIG_DFL) for number in known}
    except ValueError:
        raise RuntimeError("become a command in the main thread") from None
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _refused(program: str, error: OSError) -> CommandError:
    number = error.errno or 0
    reason = _REASONS.get(number, error.strerror or str(error))
    return CommandError(program, reason, _NOT_FOUND if number in _MISSING else _NOT_RUN)
