"""Measuring side by side: what is compared takes turns, and medians are divided."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter

ROUNDS = 30


def side_by_side(
    work: Mapping[str, Callable[[], object]], rounds: int = ROUNDS, repeat: int = 1
) -> dict[str, float]:
    """Seconds that each piece of work takes, as the median of rounds taken in turns."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, piece in work.items():
            start = perf_counter()
            for _ in range(repeat):
                piece()
            taken[name].append((perf_counter() - start) / repeat)
    return {name: median(times) for name, times in taken.items()}


def imports(*statements: str, rounds: int = ROUNDS) -> dict[str, float]:
    """Seconds that import statements take, each in interpreters of their own."""
    code = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"
    taken: dict[str, list[float]] = {statement: [] for statement in statements}
    for _ in range(rounds):
        for statement in statements:
            command = [sys.executable, "-c", code.format(statement)]
            taken[statement].append(float(subprocess.check_output(command)))
    return {statement: median(times) for statement, times in taken.items()}


def report(what: str, ratio: float, limit: float, *, least: bool = False) -> bool:
    """Print one row, and tell whether it keeps its limit."""
    kept = ratio >= limit if least else ratio <= limit
    bound = f"{'>=' if least else '<='} {limit:g}"
    print(f"\n{what:<64} {ratio:8.2f}   {bound:>8}   {'ok' if kept else 'NOT KEPT'}")
    return kept
