"""What the tests of sources stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from following import QUICK
from replay import PATIENCE
from streaming import Streaming

from dockernet import Engine, Live


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxy the machine has, the tests speak to themselves."""
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def nowhere(folder: Path) -> dict[str, str]:
    """Variables that name no engine, and no file of the person who runs the tests."""
    return {"DOCKER_CONFIG": str(folder / "config")}


# What the tests of live views and of watching follow; others have an engine of their own.


@pytest.fixture
def server(folder: Path) -> Iterator[Streaming]:
    with Streaming().on_socket(folder / "engine.sock") as server:
        assert isinstance(server, Streaming)
        server.set("db")
        server.set("web", number=3)
        yield server


@pytest.fixture
def engine(server: Streaming, nowhere: dict[str, str]) -> Iterator[Engine]:
    with Engine(server.url, PATIENCE, environ=nowhere) as engine:
        yield engine


@pytest.fixture
def live(server: Streaming, engine: Engine) -> Iterator[Live]:
    with engine.live(**QUICK) as live:
        server.follow()
        yield live
