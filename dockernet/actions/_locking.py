"""Locks on files, waited for in bounded time."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final

__all__ = ["locked", "locked_beside"]

_PAUSE: Final = 0.002  # seconds; a writer holds a lock for a few
_BESIDE: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)


@contextmanager
def locked(path: Path, timeout: float) -> Generator[int]:
    """Hold the lock on a file itself; gives it, open for reading and writing.

    Raises:
        OSError: It cannot be written, or another holds the lock for too long
            (``TimeoutError``).
    """
    file = _held(path, os.O_RDWR, timeout)
    try:
        yield file
    finally:
        os.close(file)


@contextmanager
def locked_beside(path: Path, timeout: float) -> Generator[None]:
    """Hold the lock on a file whose inode changes: on another one beside it.

    Nobody but the owner of the lock can open it, so nobody else can keep it. It is
    removed when it is let go; one that a killed process has left serves the next.

    Raises:
        OSError: The folder takes no file, or another holds the lock for too long
            (``TimeoutError``).
    """
    lock = path.with_name(f".{path.name}.dockernet.lock")
    file = _held(lock, _BESIDE, timeout)
    try:
        yield
    finally:
        # While it is held: who waits for it sees that it is gone, and makes another.
        lock.unlink(missing_ok=True)
        os.close(file)


def _held(path: Path, flags: int, timeout: float) -> int:
    if find_spec("fcntl") is None:
        raise OSError(errno.ENOSYS, "this system locks no files", str(path))
    deadline = time.monotonic() + timeout
    while True:
        file = os.open(path, flags, 0o600)
        if _taken(file) and _still(path, file):
            return file
        os.close(file)
        if time.monotonic() > deadline:
            raise TimeoutError(errno.ETIMEDOUT, "locked", str(path))
        time.sleep(_PAUSE)


def _taken(file: int) -> bool:
    from fcntl import LOCK_EX, LOCK_NB, flock  # noqa: PLC0415 - Windows has none

    with suppress(BlockingIOError):
        flock(file, LOCK_EX | LOCK_NB)
        return True
    return False


def _still(path: Path, file: int) -> bool:
    """Whether the file that was locked is the one that has the name now."""
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(file))
    return False
