"""The engine of the session and the scenes on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from harness import Place, RealEngine, Scene, UnavailableError, found_engine
from harness.features import lacking, on_podman
from harness.verbs import Verbs, verbs_on

_HERE = Path(__file__).parent
_HOW = (
    "engine tests need a Docker engine on this machine: start one, or be root and "
    "install dockerd, iptables and iproute2; "
)


# What the tests stand on is imported, never collected.
collect_ignore = ["harness", *([] if on_podman() else ["test_podman.py"])]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(features): see harness.features.needs")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before any fixture: what it needs may be needed to make them."""
    features = [feature for mark in item.iter_markers("needs") for feature in mark.args]
    if features and (reason := lacking(features)):
        pytest.skip(reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker("engine")


@pytest.fixture(scope="session")
def engine() -> Iterator[RealEngine]:
    """The engine under test; a private one ends with the session."""
    with ExitStack() as stack:
        try:
            found = stack.enter_context(found_engine())
        except UnavailableError as no:
            if os.environ.get("DOCKERNET_REQUIRE_ENGINE"):
                raise
            pytest.skip(f"{_HOW}{no}")
        yield found


@pytest.fixture
def scene(engine: RealEngine) -> Iterator[Scene]:
    """Containers and networks of one test; a module makes its own with ``Scene(engine)``."""
    with Scene(engine) as scene:
        yield scene


@pytest.fixture(scope="session")
def host(engine: RealEngine) -> Place:
    """The engine's host."""
    return engine.host


@pytest.fixture(scope="module")
def verbs(host: Place) -> Iterator[Verbs]:
    """The command line on the engine's host, in one process."""
    with verbs_on(host) as verbs:
        yield verbs


@pytest.fixture(scope="session")
def elsewhere(engine: RealEngine) -> Place:
    """Another machine on the network of the engine's host."""
    if engine.elsewhere is None:
        pytest.skip("only a private engine has a neighbour: set DOCKERNET_DOCKERD=dockerd")
    return engine.elsewhere
