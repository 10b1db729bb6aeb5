"""What a private engine stands on: a folder and two network namespaces, of one name.

The name holds the number of the process that made them, so that a session can
clear away what a killed one has left.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGKILL

from attrs import frozen

# Addresses for documentation (RFC 5737, RFC 3849): no real network has them.
HERE, THERE = "192.0.2.1", "192.0.2.2"
HERE6, THERE6 = "2001:db8:d0c::1", "2001:db8:d0c::2"
NETNS = Path("/run/netns")
_OURS = re.compile(r"dnet-(\d+)-\d+(?:-far)?")
_LONGEST = 40  # the sockets below the folder have 107 characters, says unix(7)
# A new IPv6 address is of no use for a second, until nobody has claimed it.
_NO_WAITING = "for c in all default; do echo 0 > /proc/sys/net/ipv6/conf/$c/accept_dad; done"
_numbers = itertools.count(1)


@frozen
class Ground:
    """The engine's namespace has the folder's name; ``far`` is another machine."""

    folder: Path

    @property
    def net(self) -> str:
        return self.folder.name

    @property
    def far(self) -> str:
        return f"{self.net}-far"

    @property
    def socket(self) -> str:
        return f"{self.folder}/docker.sock"

    def inside(self, *command: str) -> list[str]:
        """A command in the engine's namespace."""
        # Not "ip netns exec": it mounts another /sys, without cgroups, and dockerd dies.
        return [tool("nsenter"), f"--net={NETNS / self.net}", *command]


@contextmanager
def ground() -> Iterator[Ground]:
    """A place for one private engine, removed with all that is left on it."""
    _sweep()
    made = Ground(_parent() / f"dnet-{os.getpid()}-{next(_numbers)}")
    try:
        made.folder.mkdir(mode=0o755)
        _lay_cable(made)
        yield made
    finally:
        _remove(made)


def tool(name: str) -> str:
    """The path of a program, also where a user's search path has no such folders."""
    return str(which(name))


def which(name: str) -> str | None:
    return shutil.which(name, path=search_path())


def search_path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"


def _parent() -> Path:
    usual = Path(tempfile.gettempdir())
    return usual if len(str(usual)) < _LONGEST else Path("/tmp")  # noqa: S108 - it is short


def _lay_cable(ground: Ground) -> None:
    net, far = ground.net, ground.far
    _ip("netns", "add", net)
    _ip("netns", "add", far)
    _ip("-n", net, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", far)
    subprocess.run(ground.inside("sh", "-c", _NO_WAITING), check=True)
    for ns, address, address6 in ((net, HERE, HERE6), (far, THERE, THERE6)):
        _ip("-n", ns, "addr", "add", f"{address}/24", "dev", "eth0")
        _ip("-n", ns, "addr", "add", f"{address6}/64", "dev", "eth0", "nodad")
        _ip("-n", ns, "link", "set", "lo", "up")
        _ip("-n", ns, "link", "set", "eth0", "up")
        # No way out: what tries fails at once instead of waiting for nobody.
        _ip("-n", ns, "route", "add", "unreachable", "default")
        _ip("-n", ns, "-6", "route", "add", "unreachable", "default", "metric", "1")


def _remove(ground: Ground) -> None:
    _end(_naming(f"{ground.folder}/"))
    for mounted in sorted(_mounted(ground.folder), reverse=True):
        subprocess.run([tool("umount"), "-l", mounted], check=False)
    for ns in (ground.net, ground.far):
        subprocess.run([tool("ip"), "netns", "del", ns], check=False, capture_output=True)
    shutil.rmtree(ground.folder, ignore_errors=True)


def _sweep() -> None:
    """Remove what sessions have left that were killed before they could."""
    for left in (*NETNS.glob("dnet-*"), *_parent().glob("dnet-*")):
        name = left.name.removesuffix("-far")
        if (ours := _OURS.fullmatch(left.name)) and not Path(f"/proc/{ours[1]}").exists():
            _remove(Ground(_parent() / name))


def _naming(path: str) -> list[int]:
    """The processes whose command line names a path: those of one engine alone."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            if path.encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
    return found


def _end(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, SIGKILL)


def _mounted(folder: Path) -> list[str]:
    # proc(5): the fifth field of each line is where it is mounted.
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [where for line in lines if (where := line.split()[4]).startswith(f"{folder}/")]


def _ip(*args: str) -> None:
    subprocess.run([tool("ip"), *args], check=True, capture_output=True)
