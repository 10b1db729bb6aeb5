"""The figures of one session: shown at its end, and written where that is asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from attrs import define, field

from bench.plot import svg
from bench.results import Figure, Results
from bench.rows import ROWS

FOLDER = "DOCKERNET_BENCH_RESULTS"
"""The variable that names the folder to write into."""

FILES = ("results.json", "table.txt", "results.svg")


@define
class Session:
    """What was measured so far, and with which engine; a plugin of pytest."""

    figures: dict[tuple[str, str], Figure] = field(factory=dict)
    engine: str = "none"

    def add(self, figure: Figure) -> None:
        self.figures[figure.what, figure.against] = figure

    def results(self) -> Results:
        """The figures in the order of the table."""
        keys = [(row.what, row.against) for row in ROWS]
        return Results.here((self.figures[k] for k in keys if k in self.figures), self.engine)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("figures")
        terminalreporter.write_line(self.results().text())
        if folder := os.environ.get(FOLDER):
            terminalreporter.write_line(self.write(Path(folder)))

    def write(self, folder: Path) -> str:
        """Write the results of a whole session; where that is, or why not."""
        if missing := len(ROWS) - len(self.figures):
            return f"not written, because {missing} rows were not measured"
        write(self.results(), folder)
        return f"written to {', '.join(str(folder / name) for name in FILES)}"


def write(results: Results, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in zip(FILES, (results.json(), results.page(), svg(results)), strict=True):
        (folder / name).write_text(text, encoding="utf-8")
