"""What an engine under test has not of what tests are about, and why.

A test names what it needs with ``needs("links")``; on an engine that has it not, it is
skipped with the reason below. Nothing is skipped for any other cause.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cache

import pytest

from harness.api import Api
from harness.engines import is_podman
from harness.finding import named_socket

#: Of any engine that is not our own.
NAMED_LACKS = {
    "another machine": "only a private engine has a neighbour: set DOCKERNET_DOCKERD=dockerd",
    "settings": "this machine's own engine keeps its settings: set DOCKERNET_DOCKERD=dockerd",
}
PODMAN_LACKS = {
    "comments in hosts files": (
        "Podman writes a container's hosts file anew, without comments, when it leaves a network"
    ),
    "links": "Podman refuses them (400, link is not supported)",
    "icc": "Podman's networks have no option that keeps their containers apart (enable_icc)",
    "port ranges": "Podman's Docker API takes no range of host ports (strconv.Atoi)",
    "gateway modes": "Podman's networks have no gateway modes",
    "dual-stack default network": "Podman's default network has IPv4 alone",
    "free port of a range": "Podman's Docker API takes no range of host ports (500, strconv.Atoi)",
    "health checks": "Podman leaves them to timers of systemd",
    "proxy": "Podman has no program between a published port and its container",
    "names on one network alone": "Podman's name server answers for all of a caller's networks",
}


def needs(*features: str) -> pytest.MarkDecorator:
    """Mark a test, or the rows of a table, with what the engine must have."""
    unknown = set(features).difference(NAMED_LACKS, PODMAN_LACKS)
    if unknown:
        raise ValueError(unknown)
    return pytest.mark.needs(*features)


def lacking(features: Iterable[str], environ: Mapping[str, str] = os.environ) -> str | None:
    """Why the engine that the tests will use does not do; ``None`` where it does."""
    socket = named_socket(environ)
    lacks = _lacks(socket) if socket else {}
    return next((lacks[f] for f in features if f in lacks), None)


def on_podman(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the engine that the tests will use is Podman."""
    socket = named_socket(environ)
    return socket is not None and is_podman(Api(socket))


@cache
def _lacks(socket: str) -> Mapping[str, str]:
    return NAMED_LACKS | (PODMAN_LACKS if is_podman(Api(socket)) else {})
