"""How figures are taken, judged, written down and shown."""

from __future__ import annotations

import getpass
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import pytest
from attrs import evolve
from bench.results import Figure, Results, amount, short
from bench.rows import ROWS
from bench.session import FILES, Session, write
from bench.turns import Found, Stage, timed, told
from harness import RealEngine, UnavailableError

SHOWN = Path(__file__).parents[2] / "docs" / "benchmarks"

FIGURE = Figure("ours", "theirs", ours=0.0015, base=0.001, limit=1.5)


def nobody() -> RealEngine:
    raise UnavailableError("there is none")


def written() -> Results:
    """What the pages show."""
    return Results.parse((SHOWN / "results.json").read_text(encoding="utf-8"))


def test_the_page_shows_the_figures_that_were_measured() -> None:
    assert (SHOWN / "table.txt").read_text(encoding="utf-8") == written().page()


def test_the_plot_shows_the_figures_that_were_measured() -> None:
    texts = _texts((SHOWN / "results.svg").read_text(encoding="utf-8"))
    for figure in written().figures:
        assert f"{figure.what} / {figure.against}" in texts
        assert any(text.split()[0] == short(figure.ratio) for text in texts)


def test_the_plot_is_small() -> None:
    assert (SHOWN / "results.svg").stat().st_size < 60_000


@pytest.mark.parametrize(
    "figure, verdict",
    [
        pytest.param(FIGURE, "ok", id="at its limit"),
        pytest.param(evolve(FIGURE, ours=0.0016), "NOT KEPT", id="beyond"),
        pytest.param(evolve(FIGURE, ours=9.0, limit=None), "", id="without one"),
    ],
)
def test_a_ratio_is_judged_by_its_limit(figure: Figure, verdict: str) -> None:
    assert figure.verdict == verdict
    assert figure.kept is (verdict != "NOT KEPT")
    assert str(figure).rstrip().endswith(verdict)


@pytest.mark.parametrize(
    "value, unit, text",
    [
        pytest.param(1.5, "s", "1.5 s", id="seconds"),
        pytest.param(0.1234, "s", "123 ms", id="milliseconds"),
        pytest.param(0.00001234, "s", "12.3 µs", id="microseconds"),
        pytest.param(0.0000001, "s", "100 ns", id="nanoseconds"),
        pytest.param(1.484, "KiB", "1.48 KiB", id="another unit"),
    ],
)
def test_an_amount_is_told_in_the_unit_that_fits(value: float, unit: str, text: str) -> None:
    assert amount(value, unit) == text


def test_results_are_read_back_as_they_were_written() -> None:
    results = Results((FIGURE, evolve(FIGURE, limit=None)), {"CPU": "x"}, {"Python": "3"})
    assert Results.parse(results.json()) == results


def test_results_tell_nothing_of_whose_machine_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every version is told, but no name of the host or of the user, and no path."""
    monkeypatch.setattr("bench.results.version", "{} 1.0".format)
    results = Results.here([], "Docker 28.5.2")
    assert list(results.machine) == ["CPU", "cores", "kernel"]
    assert results.versions["engine"] == "Docker 28.5.2"
    assert results.versions["aiodocker"] == "aiodocker 1.0"
    told = {*results.machine.values(), *results.versions.values()}
    assert told.isdisjoint({platform.node(), getpass.getuser()})
    assert "/" not in results.json()


def test_a_session_without_every_row_writes_nothing(tmp_path: Path) -> None:
    session = Session()
    session.add(evolve(FIGURE, what=ROWS[0].what, against=ROWS[0].against))
    told = session.write(tmp_path)
    assert told == f"not written, because {len(ROWS) - 1} rows were not measured"
    assert list(tmp_path.iterdir()) == []


def test_no_two_rows_are_of_the_same_name() -> None:
    assert len({(row.what, row.against) for row in ROWS}) == len(ROWS)


def test_work_takes_turns_and_its_median_counts() -> None:
    order: list[str] = []
    stage: list[str] = []

    @contextmanager
    def opened(found: Found) -> Iterator[dict[str, Iterator[float]]]:
        del found
        stage.append("opened")
        yield {"a": iter((3.0, 1.0, 2.0)), "b": iter((9.0, 9.0, 5.0))}
        stage.append("closed")

    def noted(name: str, told: dict[str, Iterator[float]]) -> float:
        order.append(name)
        return next(told[name])

    works = [lambda it: noted("a", it), lambda it: noted("b", it)]
    taken = Stage("any", opened, rounds=3).medians(works, nobody)
    assert order == ["a", "b"] * 3
    assert [taken[work] for work in works] == [2.0, 9.0]
    assert stage == ["opened", "closed"]


def test_work_that_is_too_short_is_repeated() -> None:
    done: list[str] = []
    assert timed(done.append, repeat=5)("once") >= 0
    assert done == ["once"] * 5


def test_work_of_another_place_is_one_piece_however_often_it_is_named() -> None:
    assert told("a") is told("a")
    assert told("a") is not told("b")


@pytest.mark.bench
def test_the_same_figures_are_drawn_as_the_same_bytes(tmp_path: Path) -> None:
    results = Results((FIGURE, evolve(FIGURE, what="lost", ours=1.0)), {"CPU": "x"}, {})
    for folder in ("one", "other"):
        write(results, tmp_path / folder)
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    drawn = (tmp_path / "one" / "results.svg").read_text(encoding="utf-8")
    assert {"ours / theirs", "lost / theirs", "1.5  ≤ 1.5"} <= _texts(drawn)
    assert "date" not in drawn


def _texts(svg: str) -> set[str]:
    """The words of a drawing."""
    return {unescape(text) for text in re.findall("<text[^>]*>([^<]*)</text>", svg)}
