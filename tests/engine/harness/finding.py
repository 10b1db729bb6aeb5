"""Which engine the tests use: the one that is named, the one that answers, or our own."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness.api import Api
from harness.engines import RealEngine, UnavailableError, opened
from harness.private import dockerd_path, private_engine

_DEFAULT = "unix:///var/run/docker.sock"


@contextmanager
def found_engine(environ: Mapping[str, str] = os.environ) -> Iterator[RealEngine]:
    """The engine of this session, ready for tests.

    ``DOCKERNET_DOCKERD`` asks for a private engine of that program; else the one
    that ``DOCKER_HOST`` or the docker context names, if it answers; else a private
    one, where this machine can run it.

    Raises:
        UnavailableError: None of these is to be had.
    """
    if socket := named_socket(environ):
        with opened(socket) as engine:
            yield engine
        return
    try:
        dockerd_path(environ)
    except UnavailableError as no:
        url = client_url(environ)
        raise UnavailableError(f"no engine answers at {url} on this machine, and {no}") from None
    with private_engine() as engine:
        yield engine


def named_socket(environ: Mapping[str, str] = os.environ) -> str | None:
    """The socket of the engine that is named, where one answers and no other is wanted."""
    url = client_url(environ)
    socket = url.removeprefix("unix://")
    if url == socket or "DOCKERNET_DOCKERD" in environ:
        return None
    return socket if Api(socket, timeout=5).answers() else None


def client_url(environ: Mapping[str, str]) -> str:
    """The engine that the docker command line would ask."""
    if url := environ.get("DOCKER_HOST"):
        return url
    folder = Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    settings = _read(folder / "config.json")
    context = environ.get("DOCKER_CONTEXT") or settings.get("currentContext") or "default"
    # A context's folder is called by the digest of its name.
    digest = hashlib.sha256(str(context).encode()).hexdigest()
    meta = _read(folder / "contexts" / "meta" / digest / "meta.json")
    return str(meta.get("Endpoints", {}).get("docker", {}).get("Host", _DEFAULT))


def _read(path: Path) -> dict[str, dict[str, dict[str, str]]]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
