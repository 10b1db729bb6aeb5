"""Measuring what runs in other places, where this session is measured itself."""

from __future__ import annotations

import shutil
from pathlib import Path

from attrs import frozen
from coverage import Coverage

_SETTINGS = """\
[run]
branch = {branch}
parallel = true
source_pkgs = dockernet
data_file = {folder}/measured
"""


@frozen
class Measure:
    """A folder for the data of other processes, and what makes them write it."""

    folder: Path

    @property
    def on(self) -> bool:
        return Coverage.current() is not None

    def env(self) -> dict[str, str | None]:
        """Variables that make an interpreter measure itself into the folder."""
        if (current := Coverage.current()) is None:
            return {}
        settings = self.folder / "settings"
        branch = current.get_option("run:branch")
        settings.write_text(_SETTINGS.format(branch=branch, folder=self.folder))
        return {"COVERAGE_PROCESS_START": str(settings), "COVERAGE_PROCESS_CONFIG": None}

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(sorted(self.folder.glob("measured.*")))

    def collect(self) -> None:
        """Put the data where ``coverage combine`` looks for this session's own."""
        if current := Coverage.current():
            own = Path(str(current.get_option("run:data_file"))).absolute()
            for file in self.files:
                shutil.move(file, own.with_name(f"{own.name}.{file.name}"))
