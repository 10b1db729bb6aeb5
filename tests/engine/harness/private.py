"""A private engine: a dockerd of our own in a network namespace of its own.

Its bridges, firewall rules and host ports collide with nothing, and nothing of it
shows outside. A second namespace, joined to the first by a cable, is another
machine on the engine's network.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from signal import SIGKILL
from time import monotonic
from typing import Any

from harness.api import Api
from harness.engines import RealEngine, UnavailableError, opened

# Addresses for documentation (RFC 5737, RFC 3849): no real network has them.
HERE, THERE = "192.0.2.1", "192.0.2.2"
HERE6, THERE6 = "2001:db8:d0c::1", "2001:db8:d0c::2"
_TOOLS = ("ip", "iptables", "nsenter", "runc", "setpriv")
# A new IPv6 address is of no use for a second, until nobody has claimed it.
_NO_WAITING = "for c in all default; do echo 0 > /proc/sys/net/ipv6/conf/$c/accept_dad; done"
_numbers = itertools.count(1)


def dockerd_path(environ: Mapping[str, str] = os.environ) -> str:
    """The dockerd to start.

    Raises:
        UnavailableError: This machine cannot run a private engine.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        raise UnavailableError("a private engine needs root")
    dockerd = environ.get("DOCKERNET_DOCKERD") or "dockerd"
    missing = [tool for tool in (dockerd, *_TOOLS) if _which(tool) is None]
    if missing:
        raise UnavailableError(f"a private engine needs {', '.join(missing)}")
    return str(_which(dockerd))


@contextmanager
def private_engine(**settings: Any) -> Iterator[RealEngine]:
    """Start an engine, with settings of ``daemon.json`` beside our own, and end it.

    Raises:
        UnavailableError: This machine cannot run one, or it did not start.
    """
    dockerd = dockerd_path()
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        net, far = stack.enter_context(_namespaces())
        socket = f"{folder}/docker.sock"
        config = _config(folder, socket, settings)
        env = {**os.environ, "PATH": f"{Path(dockerd).parent}:{_path()}"}
        daemon = stack.enter_context(_started(net, folder, (dockerd, "--config-file", config), env))
        _wait(Api(socket), daemon, folder)
        neighbour = (sys.executable, "-I", "-S", _program("neighbour.py"), HERE, socket)
        stack.enter_context(_started(net, folder, neighbour, env))
        yield stack.enter_context(
            opened(
                socket,
                netns=net,
                elsewhere=far,
                addresses=(HERE, HERE6),
                tcp_url=f"tcp://{HERE}:2375",
            )
        )


def _config(folder: Path, socket: str, settings: Mapping[str, Any]) -> str:
    # A file of our own, so that this machine's daemon.json is not read.
    config = {
        "data-root": f"{folder}/data",
        "exec-root": f"{folder}/exec",
        "pidfile": f"{folder}/pid",
        "hosts": [f"unix://{socket}"],
        "dns": [HERE],
        "ipv6": True,
        "fixed-cidr-v6": "fd00:d0c:ffff::/64",
        "ip6tables": True,  # up to 26 an experiment
        "experimental": True,
        **settings,
    }
    path = folder / "daemon.json"
    path.write_text(json.dumps(config))
    return str(path)


@contextmanager
def _folder() -> Iterator[Path]:
    # A path short enough for the sockets below it: Linux allows 107 characters.
    parent = next((p for p in (tempfile.gettempdir(),) if len(p) < 40), "/tmp")  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix="dnet-", dir=parent))
    try:
        yield folder
    finally:
        _end(_naming(f"{folder}/"))
        for mounted in sorted(_mounted(folder), reverse=True):
            subprocess.run(["umount", "-l", mounted], check=False)
        shutil.rmtree(folder)


@contextmanager
def _namespaces() -> Iterator[tuple[str, str]]:
    """The engine's network namespace and another machine's, joined by a cable."""
    name = f"dnet-{os.getpid()}-{next(_numbers)}"
    net, far = name, f"{name}-far"
    try:
        for ns in (net, far):
            _ip("netns", "add", ns)
        _ip("-n", net, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", far)
        for ns, address, address6 in ((net, HERE, HERE6), (far, THERE, THERE6)):
            _ip("-n", ns, "addr", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", ns, "addr", "add", f"{address6}/64", "dev", "eth0", "nodad")
            _ip("-n", ns, "link", "set", "lo", "up")
            _ip("-n", ns, "link", "set", "eth0", "up")
            # No way out: what tries fails at once instead of waiting for nobody.
            _ip("-n", ns, "route", "add", "unreachable", "default")
            _in(ns, "sh", "-c", _NO_WAITING)
            _ip("-n", ns, "-6", "route", "add", "unreachable", "default", "metric", "1")
        yield net, far
    finally:
        for ns in (net, far):
            subprocess.run([_tool("ip"), "netns", "del", ns], check=False, capture_output=True)


@contextmanager
def _started(
    net: str, folder: Path, command: Iterable[str], env: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a network namespace; it ends with us, even if we are killed."""
    # Not "ip netns exec": it mounts another /sys, without cgroups, and dockerd dies.
    inside = (_tool("nsenter"), f"--net=/run/netns/{net}")
    bound = (_tool("setpriv"), "--pdeathsig", "TERM")
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [*inside, *bound, *command],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # an interrupt from the keyboard is ours alone
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(api: Api, daemon: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = monotonic() + 30
    while not api.answers():
        with suppress(subprocess.TimeoutExpired):
            daemon.wait(0.05)
        if daemon.poll() is not None or monotonic() > deadline:
            last = (folder / "log").read_text(errors="replace")[-1000:]
            raise UnavailableError(f"the private engine did not start:\n{last}")


def _naming(path: str) -> list[int]:
    """The processes whose command line names a path: ours, and only ours."""
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


def _program(name: str) -> str:
    return str(Path(__file__).with_name(name))


def _ip(*args: str) -> None:
    subprocess.run([_tool("ip"), *args], check=True, capture_output=True)


def _in(ns: str, *command: str) -> None:
    inside = (_tool("nsenter"), f"--net=/run/netns/{ns}")
    subprocess.run([*inside, *command], check=True, capture_output=True)


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"


def _which(name: str) -> str | None:
    return shutil.which(name, path=_path())


def _tool(name: str) -> str:
    return str(_which(name))
