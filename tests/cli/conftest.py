"""What the tests of the command line stand on: runs, recordings and an engine that replays one."""

from __future__ import annotations

import copy
import io
import json
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from dockernet._cli.program import run
from dockernet._cli.tour import STORY

Ran = subprocess.CompletedProcess[str]
Recording = dict[str, Any]


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test finds an engine by chance, and none hears of the terminal it runs in."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    for name in ("DOCKER_CONTEXT", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def cli() -> Callable[..., Ran]:
    """Run the command line in this process, its output going elsewhere than a terminal."""

    def ran(*arguments: str) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run(arguments)
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    return ran


@pytest.fixture(scope="session")
def ask(cli: Callable[..., Ran]) -> Callable[..., Ran]:
    """Run the command line on the recording of the tour."""
    return lambda *arguments: cli(*arguments, "--snapshot", str(STORY))


@pytest.fixture(scope="session")
def spawn() -> Callable[..., subprocess.Popen[str]]:
    """Start ``python -m dockernet``, or other code of its own, as a process."""

    def start(*arguments: str, code: str | None = None, **settings: Any) -> subprocess.Popen[str]:
        what = ["-m", "dockernet"] if code is None else ["-c", code]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [sys.executable, *what, *arguments]
        return subprocess.Popen(command, **(pipes | settings))  # noqa: S603 - our own program

    return start


@pytest.fixture
def story() -> Recording:
    """The recording of the tour, to be altered."""
    return copy.deepcopy(_STORY)


@pytest.fixture
def record(tmp_path: Path) -> Callable[[Mapping[str, Any]], str]:
    """Save a recording, for ``--snapshot``."""

    def saved(recording: Mapping[str, Any]) -> str:
        path = tmp_path / "recording.json"
        path.write_text(json.dumps(recording))
        return str(path)

    return saved


@pytest.fixture
def replay(folder: Path) -> Iterator[Callable[[Recording], str]]:
    """Serve a recording as an engine does; gives the engine's URL."""
    servers: list[_Server] = []

    def served(recording: Recording) -> str:
        path = str(folder / "engine.sock")
        server = _Server(path, recording)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        return f"unix://{path}"

    yield served
    for server in servers:
        server.shutdown()
        server.server_close()


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, path: str, recording: Recording) -> None:
        super().__init__(path, _Handler)
        engine = recording["engine"]
        self.replies: dict[str, Any] = {
            "version": engine["version"],
            "info": engine["info"],
            "containers/json": recording["listing"],
            "networks": recording["networks"],
        }
        for inspection in recording["inspections"]:
            for name in (inspection["Id"], inspection["Name"].lstrip("/")):
                self.replies[f"containers/{name}/json"] = inspection


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = unquote(self.path.partition("?")[0]).strip("/")
        versioned, _, rest = path.partition("/")
        reply = self.server.replies.get(rest if versioned.startswith("v1.") else path)
        body = json.dumps({"message": "no such thing"} if reply is None else reply).encode()
        self.send_response(404 if reply is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


_STORY: Recording = json.loads(STORY.read_text(encoding="utf-8"))
