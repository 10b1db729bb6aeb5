"""The block of links in a hosts file."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Final

from dockernet.actions._replacing import replace
from dockernet.actions._rewriting import rewrite
from dockernet.errors import FormatError, SourceError
from dockernet.formats.hosts import parse_hosts
from dockernet.formats.hosts_block import BlockEdit, block_lines, block_name
from dockernet.formats.proc import parse_mount_points
from dockernet.model.hosts_lines import HostsLine

__all__ = ["HostsBlock"]

_MOUNTS: Final = Path("/proc/self/mountinfo")

# The folder takes no twin, the twin cannot be made alike, or it is a mount that keeps
# the name.
_IN_PLACE: Final = frozenset({errno.EACCES, errno.EBUSY, errno.ENOTSUP, errno.EPERM, errno.EROFS})
_READ_ONLY: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})

_FIXES: Final = {
    errno.EACCES: "run as its owner, or let it be written",
    errno.EAGAIN: "try again when nobody else writes it",
    errno.EBUSY: "try again when nobody else writes it",
    errno.EDQUOT: "free some space; it is as it was",
    errno.EFBIG: "raise the limit of file sizes; it is as it was",
    errno.EISDIR: "name a regular file",
    errno.ELOOP: "name a file that symbolic links lead to",
    errno.ENOENT: "make it first, or name another",
    errno.ENOSYS: "write it where files can be locked, on Linux for one",
    errno.ENOSPC: "free some space; it is as it was",
    errno.ENOTDIR: "name a regular file",
    errno.EPERM: "run as its owner, or let it be written",
    errno.EROFS: "mount it writable",
    errno.ETIMEDOUT: "end the process that keeps it locked, or wait longer",
}
_CHECK: Final = "check the path and its permissions"


class HostsBlock:
    r"""A block of lines in a hosts file, kept up to date; every other line stays as it is.

    The block stands between two lines that mark it and carry its name, so several
    keepers share a file, each with a name of its own. It is the keeper's alone: what
    others write between its markers is lost, and what they write elsewhere never is.

    Writers in processes and threads, of this block and of others in the same file, take
    their turns by a lock. A writer that is killed, or finds the disk full, leaves the old
    block or the new one. How, depends on the file:

    *   A regular file is replaced: a twin in the same folder gets the content, the owner,
        mode and extended attributes, is synced and takes the file's name. A reader sees
        the old file or the new one. A symbolic link is followed, and stays.
    *   A file that is mounted itself, as an engine does with a container's ``/etc/hosts``,
        one with several names, and one in a folder that takes no other file, is written
        in place and keeps its inode. The lock is on the file itself. Each step is one
        write of the bytes that differ, and no step moves foreign bytes unless lines have
        come after a block that must grow or go; those move towards the beginning.
        The block has room to spare, so that most changes are one write between its
        markers. Two things are not promised there. Linux does not keep readers out of a
        write on most file systems: who reads at that very moment may meet the first
        bytes of the new block with the rest of the old one, never a foreign byte that
        is another. (Where one process wrote 1,700 times a second and another read all
        the time, that were 3 of 36,489 reads on ext4 and none on tmpfs; where the block
        crossed a page, 4096 bytes of the file, 1 of 700 and 1 of 200.) And a write that
        crosses a page can be cut there by a kill.

    An engine writes a container's file without a lock, when the container joins or leaves
    a network and when the peer of a link moves. It keeps the block; if it writes in the
    very moment that this does, one of the two changes is lost: write again.

    Args:
        path: The file; it must be there.
        name: The name of the block: letters, digits, ``_``, ``.`` and ``-``.
        timeout: Seconds to wait for other writers.

    Raises:
        FormatError: The name or the path is none.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from ipaddress import ip_address
        >>> from dockernet import HostsBlock, HostsLine
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder, "hosts")
        ...     _ = file.write_text("127.0.0.1 localhost\n")
        ...     block = HostsBlock(file)
        ...     block.write([HostsLine(ip_address("172.17.0.2"), ("db",))])
        ...     print(file.read_text(), end="")
        ...     block.remove()
        ...     print(file.read_text(), end="")
        True
        127.0.0.1 localhost
        # dockernet links begin
        172.17.0.2 db
        # dockernet links end
        True
        127.0.0.1 localhost
    """

    def __init__(
        self,
        path: str | PathLike[str] = "/etc/hosts",
        name: str = "links",
        *,
        timeout: float = 30.0,
    ) -> None:
        self._path = Path(path)
        self._name = block_name(name)
        self._timeout = timeout
        if "\0" in str(self._path):
            raise FormatError(str(self._path), "expected a path, found a NUL in it")

    def lines(self) -> tuple[HostsLine, ...]:
        """Read the lines of the block; where there is none, it has none.

        Raises:
            FormatError: The markers of the block are damaged.
            SourceError: The file cannot be read.
        """
        return block_lines(self._content(), self._name)

    def foreign_lines(self) -> tuple[HostsLine, ...]:
        """Read the lines of the file that are not of the block.

        Raises:
            FormatError: The markers of the block are damaged.
            SourceError: The file cannot be read.
        """
        rest = BlockEdit(self._name, None).applied(self._content())
        return parse_hosts(rest.decode("utf-8", "replace")).lines

    def write(self, lines: Iterable[HostsLine]) -> bool:
        """Put lines into the block; tells whether anything changed.

        A block that is not there is added at the end of the file.

        Args:
            lines: All that the block is to have, in this order.

        Raises:
            FormatError: A hosts file cannot carry a name, or the markers of the block
                are damaged; nothing was written.
            SourceError: The file cannot be written; it is as it was.
        """
        return self._change(BlockEdit.of(self._name, lines))

    def remove(self) -> bool:
        """Take the block out; tells whether there was one.

        Raises:
            FormatError: The markers of the block are damaged; nothing was written.
            SourceError: The file cannot be written; it is as it was.
        """
        return self._change(BlockEdit(self._name, None))

    def _content(self) -> bytes:
        try:
            return _target(self._path).read_bytes()
        except OSError as error:
            raise self._trouble(error, "read") from error

    def _change(self, edit: BlockEdit) -> bool:
        try:
            target = _target(self._path)
            if not _keeps_inode(target):
                try:
                    return replace(target, edit.applied, self._timeout)
                except OSError as error:
                    if error.errno not in _IN_PLACE:
                        raise
            return self._rewrite(target, edit)
        except OSError as error:
            raise self._trouble(error, "written") from error

    def _rewrite(self, target: Path, edit: BlockEdit) -> bool:
        try:
            return rewrite(target, edit.steps, self._timeout)
        except OSError as error:
            # What is as wanted need not be written.
            if error.errno in _READ_ONLY and not edit.steps(target.read_bytes()):
                return False
            raise

    def _trouble(self, error: OSError, done: str) -> SourceError:
        fix = _FIXES.get(error.errno or 0, _CHECK)
        return SourceError("hosts", f"{self._path} cannot be {done} ({error.strerror}): {fix}")

    def __repr__(self) -> str:
        return f"HostsBlock({str(self._path)!r}, {self._name!r})"


def _target(path: Path) -> Path:
    """The regular file that a path leads to."""
    target = Path(os.path.realpath(path, strict=True))
    if not stat.S_ISREG(target.stat().st_mode):
        raise OSError(errno.EISDIR, "no regular file", str(path))
    return target


def _keeps_inode(target: Path) -> bool:
    """Whether a file cannot be replaced by another: it is mounted, or has several names."""
    return target.stat().st_nlink > 1 or str(target) in _mount_points()


def _mount_points() -> frozenset[str]:
    try:
        return parse_mount_points(_MOUNTS.read_text("utf-8", errors="surrogateescape"))
    except OSError:  # not Linux, or no /proc: a replacement will be refused with EBUSY
        return frozenset()
