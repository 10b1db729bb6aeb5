"""Keepers of one hosts file at the same time, and keepers that are killed."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from time import sleep

import keeper
import pytest
from hosts_files import FOREIGN, beside

from dockernet import HostsBlock


def started(path: Path, name: str, updates: int) -> subprocess.Popen[bytes]:
    program = [sys.executable, keeper.__file__, str(path), name, str(updates)]
    return subprocess.Popen(program, stdout=subprocess.PIPE)  # noqa: S603


def run_keepers(path: Path, keepers: int, updates: int) -> None:
    """Keepers of a block each and of one that they share; nothing of any is lost."""
    HostsBlock(path, "links").write([])
    running = [
        started(path, name, updates // 2) for n in range(keepers) for name in (f"own-{n}", "links")
    ]
    watched = 0
    while any(keeper.poll() is None for keeper in running):
        content = path.read_bytes()
        watched += 1
        assert content.startswith(FOREIGN)
    assert watched
    codes = [keeper.wait() for keeper in running]
    for process in running:
        assert process.stdout is not None
        process.stdout.close()
    assert codes == [0] * len(running)
    last = keeper.version(1 + (updates // 2) * 7 % keeper.VERSIONS)
    blocks = [HostsBlock(path, f"own-{n}") for n in range(keepers)]
    assert [block.lines() for block in blocks] == [last] * keepers
    assert HostsBlock(path).lines() == last
    for block in (*blocks, HostsBlock(path)):
        assert block.remove()
    assert (path.read_bytes(), beside(path)) == (FOREIGN, set())


def kill_keepers(path: Path, kills: int) -> None:
    """After each kill: foreign bytes, a block that is whole, and nothing left by the next."""
    chance = random.Random(7)  # noqa: S311 - for the same moments every time
    block = HostsBlock(path)
    for kill in range(kills):
        with started(path, "links", 1_000_000) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            sleep(chance.uniform(0, 0.03))
            process.kill()
        assert path.read_bytes().startswith(FOREIGN + b"\n# dockernet links begin")
        assert keeper.is_whole(block.lines())
        block.write(keeper.version(kill % keeper.VERSIONS))
        assert beside(path) == set()
    assert block.remove()
    assert path.read_bytes() == FOREIGN


def test_keepers_at_the_same_time_lose_nothing(either: Path) -> None:
    run_keepers(either, keepers=2, updates=10)


def test_a_killed_keeper_leaves_the_old_block_or_the_new_one(either: Path) -> None:
    kill_keepers(either, kills=5)


@pytest.mark.stress
def test_two_hundred_updates_at_the_same_time_lose_nothing(either: Path) -> None:
    run_keepers(either, keepers=4, updates=50)


@pytest.mark.stress
def test_a_hundred_killed_keepers_leave_the_old_block_or_the_new_one(either: Path) -> None:
    kill_keepers(either, kills=100)
