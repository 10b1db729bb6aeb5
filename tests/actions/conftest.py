"""Hosts files to keep a block in: those that are replaced, and those whose inode stays."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosts_files import FOREIGN, Mount


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    """A regular file with lines of others, the last without its newline."""
    path = tmp_path / "hosts"
    path.write_bytes(FOREIGN)
    return path


@pytest.fixture(params=["replaced", "in place"])
def either(request: pytest.FixtureRequest, hosts: Path) -> Path:
    """A hosts file of each kind; one with two names keeps its inode, as a mounted one does."""
    if request.param == "in place":
        hosts.with_name("another name").hardlink_to(hosts)
    return hosts


@pytest.fixture
def mount() -> Iterator[Mount]:
    """Mount something for one test: ``mount(target, *options)`` as mount(8) takes them."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("mounting needs root")
    mounted: list[Path] = []

    def mount(target: Path, *options: str) -> None:
        subprocess.run(["mount", *options, target], check=True)  # noqa: S603, S607
        mounted.append(target)

    yield mount
    for target in reversed(mounted):
        subprocess.run(["umount", target], check=True)  # noqa: S603, S607
