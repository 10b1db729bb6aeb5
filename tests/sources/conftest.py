"""What the tests of sources stand on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="dn") as name:
        yield Path(name)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxy the machine has, the tests speak to themselves."""
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def nowhere(folder: Path) -> dict[str, str]:
    """Variables that name no engine, and no file of the person who runs the tests."""
    return {"DOCKER_CONFIG": str(folder / "config")}
