"""What tests of hosts files stand on: the lines of others, and having fewer rights."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

FOREIGN = b"127.0.0.1\tlocalhost\r\n# caf\xe9 \x00\n::1 ip6-localhost\n10.0.0.9 unended"

NOBODY = 65534

Mount = Callable[..., None]


def beside(path: Path) -> set[str]:
    """What is in the folder of a hosts file besides it, under any name."""
    return {entry.name for entry in path.parent.iterdir()} - {path.name, "another name"}


@contextmanager
def as_nobody() -> Generator[None]:
    """Without the rights of root, where the tests have them."""
    import fcntl

    root = os.geteuid() == 0
    del fcntl  # it is imported while this may still read every folder
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
