"""A file whose inode must stay is written in place, one write for each step."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from dockernet.actions._locking import locked

__all__ = ["rewrite"]

_READS: Final = 4
_PAUSE: Final = 0.005  # seconds; an engine rewrites the file in less


def rewrite(path: Path, steps: Callable[[bytes], Iterable[bytes]], timeout: float) -> bool:
    """Write steps into a file; tells whether there were any.

    Raises:
        OSError: The file cannot be written, or has no room; it is as it was, but for
            blanks after the end of a block.
    """
    with locked(path, timeout) as file:
        before = old = _settled(file)
        for new in steps(old):
            _put(file, old, new)
            old = new
        return old != before


def _settled(file: int) -> bytes:
    """The content: an engine truncates the file and writes it anew, without a lock."""
    content = _content(file)
    for _ in range(_READS):
        again = _content(file)
        if again and again == content:
            break
        content = again
        time.sleep(_PAUSE)
    return content


def _content(file: int) -> bytes:
    return os.pread(file, os.fstat(file).st_size, 0)


def _put(file: int, old: bytes, new: bytes) -> None:
    """Make new of old: cut its end off, or write what differs in one go."""
    start = _alike(old, new)
    if start == len(new):
        os.ftruncate(file, len(new))
    else:
        alike = _alike(old[:start:-1], new[:start:-1]) if len(old) == len(new) else 0
        _write(file, new[start : len(new) - alike], start, old)
    os.fsync(file)


def _alike(old: bytes, new: bytes) -> int:
    """How many bytes are the same at the beginning."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((at for at, (one, two) in pairs if one != two), min(len(old), len(new)))


def _write(file: int, piece: bytes, start: int, old: bytes) -> None:
    try:
        _write_at_once(file, piece, start)
    except OSError:
        # What was there before has its room already.
        os.pwrite(file, old[start : start + len(piece)], start)
        os.ftruncate(file, len(old))
        raise


def _write_at_once(file: int, piece: bytes, start: int) -> None:
    if os.pwrite(file, piece, start) < len(piece):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
