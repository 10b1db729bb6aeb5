"""Who listens on this machine: read from the kernel, and from folders made up."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dockernet.model.bindings import HostBinding
from dockernet.sources.listeners import read_holdings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these tables")

OWN = Path("/proc/self/comm").read_text().strip() if sys.platform == "linux" else ""


def bound(family: int, kind: int, address: str, *, alone: bool = True) -> socket.socket:
    opened = socket.socket(family, kind)
    if family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, alone)
    opened.bind((address, 0))
    if kind == socket.SOCK_STREAM:
        opened.listen()
    return opened


TCP4 = (socket.AF_INET, socket.SOCK_STREAM)
TCP6 = (socket.AF_INET6, socket.SOCK_STREAM)
UDP4 = (socket.AF_INET, socket.SOCK_DGRAM)
UDP6 = (socket.AF_INET6, socket.SOCK_DGRAM)
SOCKETS: dict[str, tuple[Callable[[], socket.socket], str]] = {
    "every IPv4 address": (lambda: bound(*TCP4, ""), "0.0.0.0:{}"),
    "one IPv4 address": (lambda: bound(*TCP4, "127.0.0.1"), "127.0.0.1:{}"),
    "every IPv6 address": (lambda: bound(*TCP6, "::"), "[::]:{}"),
    "both families": (lambda: bound(*TCP6, "::", alone=False), "*:{}"),
    "one IPv6 address": (lambda: bound(*TCP6, "::1"), "[::1]:{}"),
    "udp": (lambda: bound(*UDP4, ""), "0.0.0.0:{}"),
    "udp of both families": (lambda: bound(*UDP6, "::", alone=False), "*:{}"),
}


@pytest.mark.parametrize("name", SOCKETS)
def test_a_socket_is_told_with_the_process_that_has_it(name: str) -> None:
    make, text = SOCKETS[name]
    with make() as opened:
        port = opened.getsockname()[1]
        protocol = "tcp" if opened.type == socket.SOCK_STREAM else "udp"
        [found] = read_holdings({(protocol, port)})  # type: ignore[arg-type]
    assert found.binding == HostBinding.parse(text.format(port))
    assert (found.protocol, found.pid, found.process) == (protocol, os.getpid(), OWN)
    assert read_holdings({(found.protocol, port)}) == ()


def test_a_socket_on_ipv6_alone_beside_one_on_an_ipv4_address_is_of_ipv6_alone() -> None:
    with bound(*TCP4, "127.0.0.1") as one:
        port = one.getsockname()[1]
        with socket.socket(*TCP6) as other:
            other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            other.bind(("::", port))
            other.listen()
            found = read_holdings({("tcp", port)})
    assert {str(h.binding) for h in found} == {f"127.0.0.1:{port}", f"[::]:{port}"}


def test_only_the_wanted_protocol_and_port_count() -> None:
    with bound(*TCP4, "") as opened:
        port = opened.getsockname()[1]
        assert read_holdings({("udp", port)}) == ()
        assert read_holdings({("sctp", port)}) == ()


# Folders made up, as /proc could look for somebody who is not root.

REST = "00000000:00000000 00:00000000 00000000     0        0"
LINE = f"0: 00000000:{{port:04X}} 00000000:0000 0A {REST} {{inode}} 1\n"
PORT = 1  # of this machine nobody has it


def proc(root: Path, table: str, text: str) -> Path:
    (root / "proc/net").mkdir(parents=True, exist_ok=True)
    (root / "proc/net" / table).write_text(text)
    return root


def process(root: Path, pid: int, *links: str, comm: str | None = "nginx\n") -> None:
    folder = root / "proc" / str(pid) / "fd"
    folder.mkdir(parents=True)
    for number, link in enumerate(links):
        (folder / str(number)).symlink_to(link)
    if comm is not None:
        (folder.parent / "comm").write_text(comm)


def test_a_process_that_may_not_be_seen_leaves_its_socket_without_one(tmp_path: Path) -> None:
    root = proc(tmp_path, "tcp", LINE.format(port=PORT, inode=7))
    process(root, 12, "socket:[8]", "/dev/null")
    (root / "proc/13").mkdir()
    (root / "proc/13/fd").write_text("no folder")
    [found] = read_holdings({("tcp", PORT)}, root)
    assert (found.pid, found.process, found.holder) == (None, None, "another process")


def test_of_processes_that_share_a_socket_the_first_is_told(tmp_path: Path) -> None:
    root = proc(tmp_path, "tcp", LINE.format(port=PORT, inode=7))
    for pid in (100, 20):
        process(root, pid, "socket:[7]")
    [found] = read_holdings({("tcp", PORT)}, root)
    assert (found.pid, found.process) == (20, "nginx")


def test_a_process_in_a_container_tells_which(tmp_path: Path) -> None:
    root = proc(tmp_path, "tcp", LINE.format(port=PORT, inode=7))
    process(root, 20, "socket:[7]")
    (root / "proc/20/cgroup").write_text(f"0::/system.slice/docker-{'c' * 64}.scope\n")
    [found] = read_holdings({("tcp", PORT)}, root)
    assert (found.pid, found.container_id) == (20, "c" * 64)


def test_a_process_may_be_gone_before_its_name_is_read(tmp_path: Path) -> None:
    root = proc(tmp_path, "tcp", LINE.format(port=PORT, inode=7))
    process(root, 20, "socket:[7]", comm=None)
    (root / "proc/20/fd/x").write_text("no link")
    [found] = read_holdings({("tcp", PORT)}, root)
    assert (found.pid, found.process, found.container_id) == (20, None, None)


def test_without_the_folder_nothing_is_known(tmp_path: Path) -> None:
    assert read_holdings({("tcp", PORT)}, tmp_path) == ()
