"""The ratios as bars, drawn so that the same figures give the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from math import nan
from typing import Any

from bench.results import Results, short

# To be read on white and on black.
_TEXT, _LINE = "#7b7b7b", "#9a9a9a"
_BAR, _LOST, _LIMIT = "#2f86b0", "#cf4f3a", "#d08a17"

_ROW, _REST = 0.24, 0.8  # inches
_THICK = 9.5  # points
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "dockernet",
    "path.simplify": False,
    "font.size": 8.5,
    "font.sans-serif": ["DejaVu Sans"],
    **dict.fromkeys(("text.color", "xtick.color", "ytick.color", "axes.labelcolor"), _TEXT),
}


def svg(results: Results) -> str:
    """A drawing with text as text, no date, and nothing else that differs by chance."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    figures = results.figures
    places = {figure: len(figures) - row for row, figure in enumerate(figures)}
    with mpl.rc_context(_STYLE):
        canvas = Canvas(figsize=(9.2, _REST + _ROW * len(figures)), layout="constrained")
        axes = canvas.add_subplot()
        axes.set_xscale("log")
        axes.axvline(1, color=_LINE, lw=0.8)
        for kept, color in ((True, _BAR), (False, _LOST)):
            bars = [(f.ratio, places[f]) for f in figures if f.kept is kept]
            axes.plot(*_from_one(bars), color=color, lw=_THICK, solid_capstyle="butt")
        limits = [(f.limit, places[f]) for f in figures if f.limit is not None]
        axes.plot(*zip(*limits, strict=True), "|", color=_LIMIT, ms=14, mew=2)
        for figure, place in places.items():
            limit = "" if figure.limit is None else f"  ≤ {figure.limit:g}"
            where: Any = {"transform": axes.get_yaxis_transform(), "va": "center_baseline"}
            axes.text(1.01, place, f"{short(figure.ratio)}{limit}", **where)
        labels = [f"{figure.what} / {figure.against}" for figure in figures]
        axes.set_yticks([*places.values()], labels)
        axes.set_ylim(0.3, len(figures) + 0.7)
        axes.xaxis.set_major_formatter(lambda ratio, _: f"{ratio:g}")
        axes.minorticks_off()
        axes.tick_params(axis="y", length=0)
        axes.tick_params(axis="x", color=_LINE)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("times as long, or as much; left of 1 is better (amber: the limit)")
        drawn = StringIO()
        bare = {"Date": None, "Creator": None}
        canvas.savefig(drawn, format="svg", transparent=True, metadata=bare)
    return "\n".join(line.rstrip() for line in drawn.getvalue().splitlines()) + "\n"


def _from_one(ends: Sequence[tuple[float, int]]) -> tuple[list[float], list[float]]:
    """Bars from one to each end, as one line with gaps, which takes less room than many."""
    across = [x for end, _ in ends for x in (1, end, nan)]
    along = [y for _, place in ends for y in (place, place, nan)]
    return across, along
