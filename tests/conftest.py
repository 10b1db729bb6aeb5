"""Settings of every test: how Hypothesis searches, and what runs only when named."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# In CI the same examples every time; no deadline anywhere, machines differ.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile("stress", deadline=None, max_examples=20_000)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
)

# Where a shell runs the tests in its background, it has them ignore interrupts, and so
# would all that they start: not one of those tests could be interrupted.
signal.signal(signal.SIGINT, signal.default_int_handler)

_ON_REQUEST = ("bench", "stress")

# Public names under a type checker, never run.
collect_ignore = ["typing"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long, unless ``-m`` names it."""
    asked = config.getoption("markexpr")
    unasked = [mark for mark in _ON_REQUEST if mark not in asked]
    left_out = [i for i in items if any(i.get_closest_marker(mark) for mark in unasked)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [i for i in items if i not in set(left_out)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what tests have recorded: how many cells were right."""
    reports = (r for key in ("passed", "failed") for r in terminalreporter.getreports(key))
    for name, told in (pair for report in reports for pair in report.user_properties):
        terminalreporter.write_line(f"{name}: {told}")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="dn") as name:
        yield Path(name)
