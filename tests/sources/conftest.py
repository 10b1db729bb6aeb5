"""What the tests of sources stand on."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxy the machine has, the tests speak to themselves."""
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def nowhere(folder: Path) -> dict[str, str]:
    """Variables that name no engine, and no file of the person who runs the tests."""
    return {"DOCKER_CONFIG": str(folder / "config")}
