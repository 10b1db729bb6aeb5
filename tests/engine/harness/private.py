"""A private engine: a dockerd of our own in a network namespace of its own.

Its bridges, firewall rules and host ports collide with nothing, and nothing of it
shows outside. A second namespace, joined to the first by a cable, is another
machine on the engine's network.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

from harness.api import Api
from harness.engines import RealEngine, UnavailableError, opened
from harness.ground import HERE, HERE6, Ground, ground, search_path, tool, which

_TOOLS = ("ip", "iptables", "nsenter", "runc", "setpriv")
_STARTS_WITHIN = 30.0  # seconds; it takes one
_ENDS_WITHIN = 20.0


def dockerd_path(environ: Mapping[str, str] = os.environ) -> str:
    """The dockerd to start.

    Raises:
        UnavailableError: This machine cannot run a private engine.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        raise UnavailableError("a private engine needs root")
    dockerd = environ.get("DOCKERNET_DOCKERD") or "dockerd"
    missing = [name for name in (dockerd, *_TOOLS) if which(name) is None]
    if missing:
        raise UnavailableError(f"a private engine needs {', '.join(missing)}")
    return tool(dockerd)


@contextmanager
def private_engine(**settings: Any) -> Iterator[RealEngine]:
    """Start an engine, with settings of ``daemon.json`` beside our own, and end it.

    Raises:
        UnavailableError: This machine cannot run one, or it did not start.
    """
    dockerd = dockerd_path()
    with ExitStack() as stack:
        here = stack.enter_context(ground())
        config = here.folder / "daemon.json"
        config.write_text(json.dumps(configuration(here) | settings))
        daemon = started(here, dockerd, "--config-file", str(config), first=dockerd)
        await_answer(here, stack.enter_context(daemon))
        program = str(Path(__file__).with_name("neighbour.py"))
        beside = started(here, sys.executable, "-I", "-S", program, HERE, here.socket)
        _await_ready(stack.enter_context(beside))
        yield stack.enter_context(
            opened(
                here.socket,
                netns=here.net,
                elsewhere=here.far,
                addresses=(HERE, HERE6),
                tcp_url=f"tcp://{HERE}:2375",
            )
        )


def configuration(here: Ground) -> dict[str, Any]:
    # In a file of our own, so that this machine's daemon.json is not read.
    return {
        "data-root": f"{here.folder}/data",
        "exec-root": f"{here.folder}/exec",
        "pidfile": f"{here.folder}/pid",
        "hosts": [f"unix://{here.socket}"],
        "dns": [HERE],
        "ipv6": True,
        "fixed-cidr-v6": "fd00:d0c:ffff::/64",
        "ip6tables": True,  # up to 26 an experiment
        "experimental": True,
    }


@contextmanager
def started(
    here: Ground, *command: str, first: str = sys.executable
) -> Iterator[subprocess.Popen[bytes]]:
    """A program on an engine's ground; it ends with us, even if we are killed."""
    # The programs beside it come first: an engine of another release brings its own.
    env = {**os.environ, "PATH": f"{Path(first).parent}:{search_path()}"}
    with (
        (here.folder / "log").open("ab") as log,
        subprocess.Popen(
            here.inside(tool("setpriv"), "--pdeathsig", "TERM", *command),
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # an interrupt from the keyboard is ours alone
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_ENDS_WITHIN)
            process.kill()


def await_answer(here: Ground, daemon: subprocess.Popen[bytes]) -> None:
    deadline = monotonic() + _STARTS_WITHIN
    while not Api(here.socket).answers():
        with suppress(subprocess.TimeoutExpired):
            daemon.wait(0.05)
        if daemon.poll() is not None or monotonic() > deadline:
            last = (here.folder / "log").read_text(errors="replace")[-1000:]
            raise UnavailableError(f"the private engine did not start:\n{last}")


def _await_ready(process: subprocess.Popen[bytes]) -> None:
    if process.stdout is None or process.stdout.readline() != b"ready\n":
        raise UnavailableError("the private engine's neighbour did not start")
