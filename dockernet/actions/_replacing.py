"""A regular file is replaced: a twin is made beside it, and takes its name."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from dockernet.actions._locking import locked_beside

__all__ = ["replace"]

_TRIES: Final = 5


def replace(path: Path, edit: Callable[[bytes], bytes], timeout: float) -> bool:
    """Replace a file by what an edit makes of it; tells whether that is another.

    Raises:
        OSError: The twin cannot be made, made alike, or take the name; the file is as
            it was.
    """
    with locked_beside(path, timeout):
        twin = path.with_name(f".{path.name}.dockernet.new")
        try:
            for _ in range(_TRIES):
                seen, old = _read(path)
                new = edit(old)
                if new == old:
                    return False
                _write(twin, new, path, seen)
                # An editor may have saved the file, and it knows nothing of our lock.
                if _same(seen, path.stat()):
                    twin.replace(path)
                    _sync(path.parent)
                    return True
        finally:
            twin.unlink(missing_ok=True)  # that of a writer who was killed, too
    raise OSError(errno.EAGAIN, "it changes all the time", str(path))


def _read(path: Path) -> tuple[os.stat_result, bytes]:
    with path.open("rb") as file:
        return os.fstat(file.fileno()), file.read()


def _write(twin: Path, content: bytes, path: Path, seen: os.stat_result) -> None:
    twin.unlink(missing_ok=True)
    made = os.open(twin, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(made, "wb") as file:
        file.write(content)
        file.flush()
        os.fchown(made, seen.st_uid, seen.st_gid)
        os.fchmod(made, seen.st_mode & 0o7777)  # after the owner: a new one takes bits away
        _copy_attributes(path, made)
        os.fsync(made)


def _copy_attributes(path: Path, file: int) -> None:
    """Extended attributes: access lists and security labels are among them."""
    names: list[str] = []
    with suppress(AttributeError, OSError):  # the system or the file system has none
        names = os.listxattr(path)
    for name in names:
        os.setxattr(file, name, os.getxattr(path, name))


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return _identity(one) == _identity(other)


def _identity(seen: os.stat_result) -> tuple[int, ...]:
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
