"""The hosts block in real files: replaced or in place, and left alone where it cannot be."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hosts_files import FOREIGN, NOBODY, Mount, as_nobody, beside

from dockernet import FormatError, HostsBlock, HostsLine, SourceError
from dockernet.actions import _locking, _replacing, hosts_block
from dockernet.actions._replacing import replace
from dockernet.actions._rewriting import rewrite

DB = HostsLine(ip_address("10.0.0.2"), ("db",))
WEB = HostsLine(ip_address("fd00::3"), ("web", "www"))
MANY = [HostsLine(ip_address(f"10.1.0.{n}"), (f"host-{n}",)) for n in range(200)]


# What it does.


def test_a_block_is_added_changed_and_taken_out(either: Path) -> None:
    block = HostsBlock(either)
    assert block.lines() == ()
    for lines in ((DB,), (DB, WEB), (), tuple(MANY), (WEB,)):
        assert block.write(lines)
        assert block.lines() == lines
        assert either.read_bytes().startswith(FOREIGN + b"\n# dockernet links begin")
    assert block.remove()
    assert either.read_bytes() == FOREIGN
    assert beside(either) == set()


def test_what_is_there_already_is_not_written(either: Path) -> None:
    block = HostsBlock(either)
    assert not block.remove()
    assert block.write([DB])
    before = either.stat()
    assert not block.write(iter([DB]))
    after = either.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_lines_that_came_after_the_block_stay(either: Path) -> None:
    block = HostsBlock(either)
    block.write([DB])
    with either.open("ab") as file:
        file.write(b"10.0.0.8 later\n")
    for lines in ((WEB,), tuple(MANY)):
        assert block.write(lines)
        assert block.lines() == lines
        assert b"10.0.0.8 later\n" in either.read_bytes()
    assert block.remove()
    assert either.read_bytes() == FOREIGN + b"\n10.0.0.8 later\n"


def test_owner_mode_and_attributes_stay(either: Path) -> None:
    either.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(either, 1234, 5678)
    kept = hasattr(os, "setxattr") and not _refused_attribute(either)
    before = either.stat()
    HostsBlock(either).write([DB])
    after = either.stat()
    assert (before.st_mode, before.st_uid, before.st_gid) == (
        after.st_mode,
        after.st_uid,
        after.st_gid,
    )
    assert not kept or os.getxattr(either, "user.kept") == b"yes"


def _refused_attribute(path: Path) -> bool:
    try:
        os.setxattr(path, "user.kept", b"yes")
    except OSError:
        return True
    return False


def test_a_symbolic_link_is_followed_and_stays(hosts: Path, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "link"
    link.parent.mkdir()
    link.symlink_to(hosts)
    assert HostsBlock(link).write([DB])
    assert link.is_symlink()
    assert HostsBlock(hosts).lines() == (DB,)
    assert beside(link) == set()


def test_a_regular_file_is_replaced_and_one_with_two_names_keeps_its_inode(hosts: Path) -> None:
    before = hosts.stat().st_ino
    HostsBlock(hosts).write([DB])
    replaced = hosts.stat().st_ino
    assert replaced != before
    other = hosts.with_name("another name")
    other.hardlink_to(hosts)
    HostsBlock(hosts).write([WEB])
    assert hosts.stat().st_ino == replaced
    assert HostsBlock(other).lines() == (WEB,)


def test_a_block_of_a_file_written_in_place_has_room(either: Path) -> None:
    """One that is replaced has none, also where it was written in place before."""
    block = HostsBlock(either)
    block.write(MANY[:5])
    sizes = {block.write(MANY[:n]) and either.stat().st_size for n in (1, 3, 2, 5)}
    assert len(sizes) == (1 if either.stat().st_nlink > 1 else 4)
    either.with_name("another name").unlink(missing_ok=True)
    block.write([DB])
    assert either.read_bytes().count(b" \n") == FOREIGN.count(b" \n")


def test_it_says_what_it_is() -> None:
    assert repr(HostsBlock("/x/hosts", "mine")) == "HostsBlock('/x/hosts', 'mine')"


# What is left by those who were killed.


def test_what_a_killed_writer_left_is_cleared_away(hosts: Path) -> None:
    for left in (".hosts.dockernet.new", ".hosts.dockernet.lock"):
        hosts.with_name(left).write_bytes(b"half of it")
    assert HostsBlock(hosts).write([DB])
    assert (HostsBlock(hosts).lines(), beside(hosts)) == ((DB,), set())


# What cannot be done.


@pytest.mark.parametrize("name", ["a b", "#", "x\n10.0.0.1 bank"])
def test_a_line_that_cannot_be_is_refused_before_anything_is_written(
    either: Path, name: str
) -> None:
    with pytest.raises(FormatError):
        HostsBlock(either).write([DB, HostsLine(DB.address, (name,))])
    assert either.read_bytes() == FOREIGN


def test_damaged_markers_are_left_as_they_are(either: Path) -> None:
    damaged = FOREIGN + b"\n# dockernet links begin\n10.0.0.2 db\n10.0.0.8 foreign\n"
    either.write_bytes(damaged)
    acts: list[Callable[[], bool]] = [lambda: HostsBlock(either).write([DB])]
    for act in (*acts, HostsBlock(either).remove):
        with pytest.raises(FormatError, match="repair it by hand"):
            act()
    assert (either.read_bytes(), beside(either)) == (damaged, set())


@pytest.mark.parametrize("path, name", [("/x", "a b"), ("/x\0", "links")])
def test_a_block_has_a_name_and_a_path(path: str, name: str) -> None:
    with pytest.raises(FormatError):
        HostsBlock(path, name)


def no_file(folder: Path) -> Path:
    return folder / "none"


def a_folder(folder: Path) -> Path:
    return folder


def a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def a_loop(folder: Path) -> Path:
    (folder / "loop").symlink_to("loop")
    return folder / "loop"


def below_a_file(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file" / "hosts"


def too_long(folder: Path) -> Path:
    return folder / ("x" * 300)


@pytest.mark.parametrize(
    "place, fix",
    [
        (no_file, "make it first"),
        (a_folder, "name a regular file"),
        (a_pipe, "name a regular file"),
        (a_loop, "symbolic links"),
        (below_a_file, "name a regular file"),
        (too_long, "check the path"),
    ],
)
def test_what_is_no_regular_file_is_told(
    tmp_path: Path, place: Callable[[Path], Path], fix: str
) -> None:
    block = HostsBlock(place(tmp_path))
    for act in (block.lines, block.remove, lambda: block.write([DB])):
        with pytest.raises(SourceError, match=fix) as told:
            act()
        assert told.value.source == "hosts"
        assert isinstance(told.value.__cause__, OSError)


def test_where_no_file_can_be_locked_that_is_told_and_nothing_is_made(
    either: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    before = [*either.parent.iterdir()], either.read_bytes()
    with pytest.raises(SourceError, match=r"this system locks no files.*where files can be locked"):
        HostsBlock(either).write([DB])
    assert ([*either.parent.iterdir()], either.read_bytes()) == before


def test_the_lines_of_others_are_told_without_those_of_the_block(either: Path) -> None:
    block = HostsBlock(either)
    before = block.foreign_lines()
    block.write([DB])
    assert DB in block.lines()
    assert before == block.foreign_lines() != ()


@pytest.fixture
def shared() -> Iterator[Path]:
    """A hosts file in a folder that everybody may enter."""
    # What TMPDIR names may lie in a folder of root's own.
    folder = Path(mkdtemp(prefix="dn-", dir="/tmp"))
    folder.chmod(0o755)
    path = folder / "hosts"
    path.write_bytes(FOREIGN)
    yield path
    shutil.rmtree(folder)


def test_a_file_that_may_not_be_written_is_left_and_what_is_as_wanted_is_not_written(
    shared: Path,
) -> None:
    block = HostsBlock(shared)
    block.write([DB])
    shared.chmod(0o444)
    shared.parent.chmod(0o555)
    before = shared.read_bytes()
    with as_nobody():
        assert not block.write([DB])
        for act in (block.remove, lambda: block.write([WEB])):
            with pytest.raises(SourceError, match="run as its owner"):
                act()
    shared.parent.chmod(0o755)
    assert (shared.read_bytes(), beside(shared)) == (before, set())


def test_a_file_in_a_folder_that_takes_no_other_is_written_in_place(shared: Path) -> None:
    shared.chmod(0o666)
    shared.parent.chmod(0o555)
    inode = shared.stat().st_ino
    with as_nobody():
        assert HostsBlock(shared).write([DB])
    assert (HostsBlock(shared).lines(), shared.stat().st_ino) == ((DB,), inode)
    shared.parent.chmod(0o755)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_a_file_whose_owner_a_twin_cannot_have_is_written_in_place(shared: Path) -> None:
    shared.chmod(0o666)
    os.chown(shared.parent, NOBODY, -1)
    with as_nobody():
        assert HostsBlock(shared).write([DB])
    assert (HostsBlock(shared).lines(), shared.stat().st_uid) == ((DB,), 0)
    assert beside(shared) == set()


@contextmanager
def largest_file(size: int) -> Generator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("beyond", [0, 10, 300, 1000])
def test_what_has_no_room_leaves_the_old_block(either: Path, beyond: int) -> None:
    block = HostsBlock(either)
    block.write([DB])
    before = either.read_bytes()
    with largest_file(len(before) + beyond), pytest.raises(SourceError, match="it is as it was"):
        block.write(MANY)
    assert (either.read_bytes(), beside(either)) == (before, set())
    assert block.write(MANY)
    assert block.lines() == tuple(MANY)


def fill(path: Path) -> None:
    with suppress(OSError), path.open("wb", 0) as filler:
        for _ in range(1000):
            filler.write(bytes(4096))


@pytest.mark.parametrize("names", [1, 2], ids=["replaced", "in place"])
def test_a_full_disk_leaves_the_old_block(tmp_path: Path, mount: Mount, names: int) -> None:
    mount(tmp_path, "-t", "tmpfs", "-o", "size=64k", "tmpfs")
    hosts = tmp_path / "hosts"
    hosts.write_bytes(FOREIGN)
    if names > 1:
        hosts.with_name("another name").hardlink_to(hosts)
    block = HostsBlock(hosts)
    block.write([DB])
    before = hosts.read_bytes()
    fill(tmp_path / "filler")
    with pytest.raises(SourceError, match="free some space"):
        block.write(MANY)
    assert (hosts.read_bytes(), beside(hosts)) == (before, {"filler"})
    (tmp_path / "filler").unlink()
    assert block.write(MANY)
    assert block.lines() == tuple(MANY)


# Files that are mounted.


@pytest.mark.parametrize("known", [True, False], ids=["told by mountinfo", "told by the rename"])
def test_a_mounted_file_keeps_its_inode(
    hosts: Path, mount: Mount, monkeypatch: pytest.MonkeyPatch, *, known: bool
) -> None:
    source = hosts.with_name("source of it")
    source.write_bytes(FOREIGN)
    mount(hosts, "--bind", str(source))
    if not known:
        monkeypatch.setattr(hosts_block, "_MOUNTS", Path("/no/mountinfo"))
    block = HostsBlock(hosts)
    for lines in ((DB,), tuple(MANY), (WEB,)):
        assert block.write(lines)
        assert (block.lines(), HostsBlock(source).lines()) == (lines, lines)
    assert block.remove()
    assert (source.read_bytes(), hosts.stat().st_ino) == (FOREIGN, source.stat().st_ino)
    assert beside(hosts) == {source.name}


def test_a_file_on_a_read_only_file_system_is_told(tmp_path: Path, mount: Mount) -> None:
    mount(tmp_path, "-t", "tmpfs", "tmpfs")
    hosts = tmp_path / "hosts"
    hosts.write_bytes(FOREIGN)
    block = HostsBlock(hosts)
    block.write([DB])
    subprocess.run(["mount", "-o", "remount,ro", tmp_path], check=True)  # noqa: S603, S607
    assert not block.write([DB])
    with pytest.raises(SourceError, match="mount it writable"):
        block.remove()


# Others at the same time.


def test_another_s_lock_is_waited_for_in_bounded_time(either: Path) -> None:
    lock = either if either.stat().st_nlink > 1 else either.with_name(".hosts.dockernet.lock")
    lock.touch()
    other = os.open(lock, os.O_RDWR)
    assert _locking._taken(other)
    with pytest.raises(SourceError, match="keeps it locked"):
        HostsBlock(either, timeout=0).write([DB])
    os.close(other)
    assert HostsBlock(either, timeout=0).write([DB])


def test_a_lock_on_a_file_that_has_lost_its_name_is_none(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    file = os.open(path, os.O_RDWR)
    assert _locking._still(path, file)
    path.unlink()
    assert not _locking._still(path, file)
    path.touch()
    assert not _locking._still(path, file)
    os.close(file)


def test_an_editor_s_change_in_between_is_not_overwritten(hosts: Path) -> None:
    seen: list[bytes] = []

    def edit(content: bytes) -> bytes:
        seen.append(content)
        if len(seen) == 1:
            hosts.write_bytes(b"saved by an editor\n")
        return content + b"added\n"

    assert replace(hosts, edit, 1.0)
    assert seen == [FOREIGN, b"saved by an editor\n"]
    assert hosts.read_bytes() == b"saved by an editor\nadded\n"


def test_a_file_that_changes_all_the_time_is_left(hosts: Path) -> None:
    def edit(content: bytes) -> bytes:
        hosts.write_bytes(content + b"x\n")
        return content

    def changing(content: bytes) -> bytes:
        return edit(content) + b"mine\n"

    with pytest.raises(BlockingIOError, match="changes all the time"):
        replace(hosts, changing, 1.0)
    assert hosts.read_bytes() == FOREIGN + b"x\n" * _replacing._TRIES
    assert beside(hosts) == set()


def test_a_file_that_an_engine_has_just_emptied_is_read_again(
    hosts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = hosts.read_bytes()
    hosts.write_bytes(b"")
    monkeypatch.setattr("time.sleep", lambda _: hosts.write_bytes(content))
    assert rewrite(hosts, lambda seen: [seen + b"\nadded"], 1.0)
    assert hosts.read_bytes() == content + b"\nadded"


def test_an_empty_file_may_be_just_that(hosts: Path) -> None:
    hosts.write_bytes(b"")
    hosts.with_name("another name").hardlink_to(hosts)
    block = HostsBlock(hosts)
    assert block.write([DB])
    assert block.lines() == (DB,)
    assert block.remove()
    assert hosts.read_bytes() == b""


def test_attributes_are_no_matter_where_there_are_none(
    hosts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "listxattr", raising=False)
    assert HostsBlock(hosts).write([DB])


def test_threads_take_turns(either: Path) -> None:
    def keep(number: int) -> bool:
        return HostsBlock(either, f"keeper-{number}").write([MANY[number]])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(keep, range(16)))
    kept = [HostsBlock(either, f"keeper-{n}").lines() for n in range(16)]
    assert kept == [(MANY[n],) for n in range(16)]
    assert either.read_bytes().startswith(FOREIGN)
    assert beside(either) == set()
