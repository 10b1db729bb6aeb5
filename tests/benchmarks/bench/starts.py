"""From the start of a process: imports, and first answers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from ipaddress import ip_address

from harness import Place, Scene

import dockernet
from bench.turns import Found, Told, Work

ROUNDS = 15


# Imports.


@cache
def importing(statement: str) -> Work[object]:
    """Seconds that a statement takes in an interpreter of its own."""
    code = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
    return lambda _: float(subprocess.check_output([sys.executable, "-c", code]))


# First answers.


_OURS = """
from dockernet import Resolver, SOURCE
print(Resolver([SOURCE()]).resolve("db:80"), flush=True)
"""
_OURS_OF_ENGINE = """
import dockernet
print(dockernet.resolve("NAME:80"), flush=True)
"""
_BY_VARIABLES = """
from os import environ
print(environ["DB_PORT_80_TCP_ADDR"], environ["DB_PORT_80_TCP_PORT"], sep=":", flush=True)
"""
_BY_NAME = """
import socket
host, port, *_ = socket.getaddrinfo("db", 80, type=socket.SOCK_STREAM)[0][4]
print(host, port, sep=":", flush=True)
"""
_BY_ENGINE = """
import docker
client = docker.from_env(version="auto")
[first, *_] = client.containers.get("NAME").attrs["NetworkSettings"]["Ports"]["80/tcp"]
print("127.0.0.1", first["HostPort"], sep=":", flush=True)
"""

LINKED = {
    "variables": _OURS.replace("SOURCE", "Environ"),
    "variables by hand": _BY_VARIABLES,
    "hosts": _OURS.replace("SOURCE", "HostsFile"),
    "hosts by hand": _BY_NAME,
}
NAMED = {"dns": _OURS.replace("SOURCE", "Dns"), "dns by hand": _BY_NAME}
ASKED = {
    "engine": _OURS_OF_ENGINE,
    "engine by hand": _BY_ENGINE,
}


@contextmanager
def first_answers(found: Found) -> Iterator[Told]:
    """A peer that is linked, one that has a name on a network, and one that is published."""
    with Scene(found()) as scene:
        net, sleep = scene.network("net"), ["sleep", "100000"]
        db = scene.run("db", command=sleep, expose=["80"], publish=["80"])
        scene.run("named", command=sleep, network=net, aliases=["db"])
        linked = scene.run("linked", command=sleep, links=[f"{db.name}:db"])
        beside = scene.run("beside", command=sleep, network=net)
        variables = dockernet.Link(
            alias="db",
            recipient="linked",
            addresses=(ip_address(db.address()),),
            ports=(dockernet.Port(80),),
        ).to_environ()  # which newer engines do not set
        asked = {name: code.replace("NAME", db.name) for name, code in ASKED.items()}
        yield {
            **_started(linked, LINKED, variables),
            **_started(beside, NAMED),
            **_started(scene.engine.host, asked),
        }


def _started(
    place: Place, programs: Mapping[str, str], variables: Mapping[str, str] | None = None
) -> dict[str, Iterator[float]]:
    """Seconds until each program has answered, and all answers are the same."""
    taken = place.call(_first_lines, dict(programs), ROUNDS, dict(variables or {}))
    for name, lines in taken.items():
        # Whoever asks by hand gets the same answer.
        by_hand = taken.get(f"{name} by hand", lines)
        assert {line for line, _ in lines} == {line for line, _ in by_hand}
    return {name: iter([seconds for _, seconds in lines]) for name, lines in taken.items()}


def _first_lines(
    programs: dict[str, str], rounds: int, variables: dict[str, str]
) -> dict[str, list[tuple[str, float]]]:
    """What programs print first, and seconds until then; they take turns."""
    import os
    import subprocess
    import sys
    from time import perf_counter

    environ = {**os.environ, **variables}
    told: dict[str, list[tuple[str, float]]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, code in programs.items():
            command = [sys.executable, "-c", code]
            start = perf_counter()
            with subprocess.Popen(command, env=environ, stdout=-1, text=True) as process:
                line = process.stdout.readline() if process.stdout else ""
                told[name].append((line.strip(), perf_counter() - start))
            if process.returncode:
                raise RuntimeError(name)
    return told
