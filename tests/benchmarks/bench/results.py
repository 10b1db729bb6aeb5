"""Figures, the machine and the versions they are of, and how they are shown."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from attrs import field, frozen

import dockernet

_PACKAGES = ("docker", "aiodocker", "testcontainers")
_HEAD = ("measured", "ours", "against", "theirs", "ratio", "limit", "")
_WIDTHS = (34, 10, 34, 10, 8, 7, 8)


def _rounded(value: float) -> float:
    """What is written down is what is judged and shown."""
    return float(f"{value:.4g}")


@frozen
class Figure:
    """One row of the table: what two things take, and what their ratio may be at most."""

    what: str
    against: str
    ours: float = field(converter=_rounded)
    base: float = field(converter=_rounded)
    unit: str = "s"
    limit: float | None = None

    @property
    def ratio(self) -> float:
        return self.ours / self.base

    @property
    def kept(self) -> bool:
        return self.limit is None or self.ratio <= self.limit

    @property
    def verdict(self) -> str:
        if self.limit is None:
            return ""
        return "ok" if self.kept else "NOT KEPT"

    @property
    def cells(self) -> tuple[str, ...]:
        """What the table shows of it."""
        limit = "" if self.limit is None else f"≤ {self.limit:g}"
        ours, base = amount(self.ours, self.unit), amount(self.base, self.unit)
        return self.what, ours, self.against, base, short(self.ratio), limit, self.verdict

    def __str__(self) -> str:
        return _line(self.cells)


@frozen
class Results:
    """The figures of one run."""

    figures: tuple[Figure, ...]
    machine: Mapping[str, str] = field(factory=dict)
    versions: Mapping[str, str] = field(factory=dict)

    @classmethod
    def here(cls, figures: Iterable[Figure], engine: str) -> Results:
        """Figures that were measured on this machine, with an engine."""
        versions = {"Python": platform.python_version(), "dockernet": dockernet.__version__}
        versions |= {name: version(name) for name in _PACKAGES} | {"engine": engine}
        return cls(tuple(figures), machine(), versions)

    @classmethod
    def parse(cls, text: str) -> Results:
        """Read what `json` has written."""
        said: dict[str, Any] = json.loads(text)
        rows = ({k: row[k] for k in _FIELDS} for row in said["rows"])
        return cls(tuple(Figure(**row) for row in rows), said["machine"], said["versions"])

    def json(self) -> str:
        rows = [
            {name: getattr(figure, name) for name in _FIELDS}
            | {"ratio": _rounded(figure.ratio), "kept": figure.kept}
            for figure in self.figures
        ]
        said = {"schema": 1, "machine": self.machine, "versions": self.versions, "rows": rows}
        return json.dumps(said, indent=2) + "\n"

    def text(self) -> str:
        """The table for a terminal."""
        return "\n".join([*self._where(), _line(_HEAD), *map(str, self.figures)])

    def page(self) -> str:
        """The table for the pages."""
        table: list[tuple[str, ...]] = [_HEAD, (":--", "--:", ":--", "--:", "--:", ":--", ":--")]
        table += [figure.cells for figure in self.figures]
        rows = [f"| {' | '.join(cells)} |" for cells in table]
        return "\n".join([*(f"{line}.\\" for line in self._where()), "", *rows]) + "\n"

    def _where(self) -> list[str]:
        machine = ", ".join(f"{k}: {v}" for k, v in self.machine.items())
        versions = ", ".join(f"{k} {v}" for k, v in self.versions.items())
        return [f"Measured on {machine}", f"With {versions}"]


_FIELDS = ("what", "against", "ours", "base", "unit", "limit")


def machine() -> dict[str, str]:
    """What this machine is, and nothing of whose it is."""
    return {
        "CPU": _cpu() or platform.machine(),
        "cores": str(os.cpu_count()),
        "kernel": f"{platform.system()} {platform.release()}",
    }


def _cpu() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "")


def amount(value: float, unit: str) -> str:
    """A number with its unit, such as ``1.23 ms``."""
    if unit != "s":
        return f"{short(value)} {unit}"
    factor, prefix = next((f, p) for f, p in _PREFIXES if value * f >= 1 or p == "n")
    return f"{short(value * factor)} {prefix}s"


_PREFIXES = ((1, ""), (1e3, "m"), (1e6, "µ"), (1e9, "n"))


def short(value: float) -> str:
    """A number of three digits that tell something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 0.001 else f"{value:.1e}"


def _line(cells: Iterable[str]) -> str:
    return " ".join(
        f"{cell:<{width}}" if width > 10 else f"{cell:>{width}}"
        for cell, width in zip(cells, _WIDTHS, strict=True)
    )
