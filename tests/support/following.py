"""What tests of live views have in common."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from pathlib import Path

from replay import PATIENCE
from streaming import Streaming

from dockernet import Live

QUICK = {"resync": 3600.0, "first_pause": 0.001, "longest_pause": 0.01}


def states(live: Live) -> dict[str, str]:
    return {c.name: c.state for c in live.containers()}


def until(live: Live, reached: Callable[[], bool]) -> None:
    """Wait until it is so."""
    for _ in range(int(PATIENCE * 50)):
        if reached():
            return
        live.wait_change(live.generation, 0.02)
    assert reached(), (live.state, live.containers())


def settled(live: Live, server: Streaming) -> bool:
    """Whether the view is current, and what the stand-in would tell."""
    truth = {name: state for name, (state, _) in server.told.items()}
    return live.state.current and states(live) == truth


def threads() -> set[str]:
    return {t.name for t in threading.enumerate() if t.name.startswith("dockernet")}


def descriptors() -> int:
    """How many are open. What earlier tests left to the collector is not counted."""
    gc.collect()
    return len([*Path("/proc/self/fd").iterdir()])
