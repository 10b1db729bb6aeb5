"""Programs that read link variables alone, run by ``dockernet link`` in real containers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from harness import RealContainer, RealEngine, Scene
from harness.scenes import RealNetwork, await_ready

PROGRAM = """
import os, signal, socket, sys

def stop(*_):
    sys.exit(42)

signal.signal(signal.SIGTERM, stop)
where = os.environ["DB_PORT_5432_TCP_ADDR"], int(os.environ["DB_PORT_5432_TCP_PORT"])
with socket.create_connection(where, 5) as connection:
    name = connection.makefile().readline().strip()
named = "no name"
try:
    named = socket.gethostbyname("database")
except OSError:
    pass
print("pid", os.getpid(), "reached", name, "at", where[0], "database is", named, flush=True)
print("ready", flush=True)
while True:
    signal.pause()
"""
SOCKET = pytest.mark.parametrize("socket", [True, False], ids=["with the socket", "without it"])


@pytest.fixture(scope="module")
def shop(engine: RealEngine) -> Iterator[tuple[Scene, RealNetwork, RealContainer]]:
    """A database on a network of its own; it exposes its port, and a password."""
    with Scene(engine) as scene:
        network = scene.network("shop")
        secret = {"POSTGRES_PASSWORD": "s3cret", "COLOUR": "blue"}
        db = scene.run("db", ports=["5432"], expose=["5432"], network=network, env=secret)
        yield scene, network, db


def run(scene: Scene, name: str, *arguments: str, ready: bool = True, **how: Any) -> RealContainer:
    """Run ``dockernet link`` as the first process of a container."""
    env = {name: value for name, value in scene.engine.env.items() if value is not None}
    command = [sys.executable, "-m", "dockernet", "link", *arguments]
    container = scene.run(name, command=command, env={**env, **how.pop("env", {})}, **how)
    if ready:
        await_ready(container)
    return container


def printed(container: RealContainer) -> str:
    """What a container has said, on both streams."""
    from harness.api import frames

    path = f"/containers/{container.id}/logs"
    with container.api.open("GET", path, stdout="1", stderr="1") as log:
        return b"".join(piece for _, piece in frames(log)).decode()


def ended(container: RealContainer) -> int:
    """The exit code of a container, when it has ended."""
    waited = container.api.request("POST", f"/containers/{container.id}/wait")
    return int(waited["StatusCode"])


def processes(container: RealContainer) -> list[str]:
    told = container.api.request("GET", f"/containers/{container.id}/top", ps_args="-o pid,args")
    return [row[-1] for row in told["Processes"]]


@SOCKET
def test_a_program_that_reads_variables_alone_runs_unchanged(
    shop: tuple[Scene, RealNetwork, RealContainer], *, socket: bool
) -> None:
    scene, network, db = shop
    peer = f"{db.name}:db:5432/tcp"
    name = f"app-{socket}".lower()
    command = [sys.executable, "-I", "-S", "-c", PROGRAM]
    app = run(scene, name, peer, "--", *command, network=network, socket=socket)
    address = db.address(network)
    assert f"pid 1 reached {db.name} at {address} database is no name\n" in printed(app)
    assert len(processes(app)) == 1
    assert "dockernet link" not in processes(app)[0]
    app.stop()
    assert ended(app) == 42


@SOCKET
def test_the_alias_is_named_in_the_hosts_file_where_no_dns_knows_it(
    shop: tuple[Scene, RealNetwork, RealContainer], *, socket: bool
) -> None:
    scene, network, db = shop
    peers = [f"{db.name}:db:5432", f"{db.name}:database"]
    name = f"named-{socket}".lower()
    command = ["--", sys.executable, "-I", "-S", "-c", PROGRAM]
    app = run(scene, name, *peers, *command, network=network, socket=socket)
    address = db.address(network)
    assert f"database is {address}\n" in printed(app)
    told = app.execute("cat", "/etc/hosts").out
    assert f"# dockernet links begin\n{address} db {db.name}\n" in told
    assert app.dial(("database", 5432)).name == db.name


def test_a_name_of_the_dns_needs_no_line(shop: tuple[Scene, RealNetwork, RealContainer]) -> None:
    """A line would stay as it is when the peer moves, and hide the DNS, which does not."""
    scene, network, db = shop
    app = run(
        scene, "by-dns", f"{db.name}::5432", "--", "cat", "/etc/hosts", ready=False, network=network
    )
    assert ended(app) == 0
    assert db.name not in printed(app)


def test_who_may_not_write_the_hosts_file_gets_the_variables(
    shop: tuple[Scene, RealNetwork, RealContainer],
) -> None:
    scene, network, db = shop
    peers = (f"{db.name}:db:5432", "--", sys.executable, "-I", "-S", "-c", PROGRAM)
    app = run(scene, "nobody", *peers, network=network, create={"User": "65534:65534"})
    assert f"reached {db.name} at {db.address(network)} database is no name\n" in printed(app)


def test_a_peer_s_own_variables_are_passed_on_by_name(
    shop: tuple[Scene, RealNetwork, RealContainer],
) -> None:
    scene, network, db = shop
    arguments = (f"{db.name}:db", "--secret", "COLOUR", "--", "env")
    app = run(scene, "secret", *arguments, ready=False, network=network, socket=True)
    assert ended(app) == 0
    told = dict(line.split("=", 1) for line in printed(app).splitlines())
    assert told["DB_ENV_COLOUR"] == "blue"
    assert told["DB_PORT"] == f"tcp://{db.address(network)}:5432"
    assert told["DB_NAME"] == f"/{app.name}/db"
    assert "s3cret" not in printed(app)


def test_variables_that_are_set_stay_unless_they_are_to_be_replaced(
    shop: tuple[Scene, RealNetwork, RealContainer],
) -> None:
    scene, network, db = shop
    own = {"DB_PORT_80_TCP": "tcp://192.0.2.1:80", "DB_NAME": "/old/db", "DB_ENV_COLOUR": "red"}
    keys = [*own, "DB_PORT_5432_TCP_ADDR"]
    code = f"import json, os; print(json.dumps([os.environ.get(k) for k in {keys}]))"
    found = []
    for name, options in (("kept", ()), ("replaced", ("--overwrite",))):
        peer = (*options, f"{db.name}:db:5432", "--", sys.executable, "-I", "-S", "-c", code)
        app = run(scene, name, *peer, ready=False, network=network, env=own)
        assert ended(app) == 0
        found.append((json.loads(printed(app).splitlines()[-1]), app.id[:12]))
    (kept, _), (replaced, recipient) = found
    assert kept == [*own.values(), None]
    assert replaced == [None, f"/{recipient}/db", "red", db.address(network)]


def test_it_waits_until_the_peer_answers(scene: Scene) -> None:
    network = scene.network("net")
    late = scene.name("late")
    command = ("--", sys.executable, "-I", "-S", "-c", PROGRAM)
    options = ("--wait", "--timeout", "60", f"{late}:db:5432")
    app = run(scene, "early", *options, *command, ready=False, network=network)
    first = f"dockernet: waiting for {late}:db:5432: not known yet; engine: no engine listens"
    await_said(app, first)
    # It is there now, and does not listen yet.
    silent = scene.run("late", network=network)
    await_said(app, "does not answer: connection refused")
    silent.remove()
    scene.run("late", network=network, ports=["5432"])
    await_said(app, f"reached {late}")
    assert printed(app).count(first) in (1, 2)  # again after the first one has gone


def test_a_container_that_waits_can_be_stopped(scene: Scene) -> None:
    network = scene.network("net")
    app = run(
        scene,
        "waiting",
        "--wait",
        "--timeout",
        "60",
        "absent:db:80",
        "--",
        "true",
        ready=False,
        network=network,
    )
    await_said(app, "dockernet: waiting for absent:db:80: ")
    app.stop()
    assert ended(app) == 128 + 15  # and not 9: it was not killed after a while


def await_said(container: RealContainer, text: str) -> None:
    """Wait until a container has said a text; its log ends with its life."""
    from harness.api import frames

    path = f"/containers/{container.id}/logs"
    said = ""
    with container.api.open("GET", path, follow="1", stdout="1", stderr="1") as log:
        for _, piece in frames(log):
            said += piece.decode()
            if text in said:
                return
    raise RuntimeError(f"{container.name} ended: {said}")


@pytest.mark.parametrize(
    "arguments, code, told",
    [
        (["--", "sh", "-c", "exit 7"], 7, ""),
        (["--", "no-such-program"], 127, "dockernet: cannot run 'no-such-program': there is no"),
        (["--", "/etc/hosts"], 126, "dockernet: cannot run '/etc/hosts': it may not be executed"),
        (["absent:a:80", "--", "true"], 3, "dockernet: engine: no engine listens at"),
        (
            ["--wait", "--timeout", "0.1", "absent:a:80", "--", "true"],
            1,
            "was not ready within 0.1 seconds: not known yet; engine",
        ),
    ],
    ids=["its own", "no program", "not executable", "no source", "no source in time"],
)
def test_exit_codes_are_the_command_s_or_tell_why_there_is_none(
    shop: tuple[Scene, RealNetwork, RealContainer], arguments: list[str], code: int, told: str
) -> None:
    scene, network, db = shop
    peer = [f"{db.name}:db:5432"] if arguments[0] == "--" else []
    app = run(
        scene, f"code-{code}-{len(arguments)}", *peer, *arguments, ready=False, network=network
    )
    assert ended(app) == code
    assert told in printed(app)


def test_a_block_of_a_container_s_own_hosts_file_is_kept_in_place(
    shop: tuple[Scene, RealNetwork, RealContainer],
) -> None:
    scene, network, db = shop
    app = scene.run("keeper", network=network)
    before = app.execute("stat", "-c", "%i", "/etc/hosts").out
    lines = app.execute("cat", "/etc/hosts").out
    keep = ("-m", "dockernet", "hosts", "--file", "/etc/hosts", "--block", "shop")
    assert app.python(*keep, f"{db.name}:database").out == (
        "/etc/hosts: block shop has 1 line, written\n"
    )
    assert app.dial(("database", 5432)).name == db.name
    assert app.execute("stat", "-c", "%i", "/etc/hosts").out == before
    assert app.python(*keep, "--remove").out == "/etc/hosts: block shop removed\n"
    assert app.execute("cat", "/etc/hosts").out == lines
