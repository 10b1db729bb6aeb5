"""Answers are given again while nothing changes, and never longer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from attrs import evolve
from builders import Told, attachment, container, fact, inventory, on_host

from dockernet import (
    AmbiguousPeerError,
    Endpoint,
    FormatError,
    PeerNotFoundError,
    Resolver,
    SourceError,
    Target,
    UnreachableError,
    Vantage,
)
from dockernet import _memo as module
from dockernet._memo import Memo
from dockernet.sources import defaults

DB = container("db", {"app": 2}, "5432/tcp")
IDLE = container("idle", {"app": 3}, state="exited")
TWO = (
    container("a", {"app": 4}, aliases={"app": "twin"}),
    container("b", {"app": 5}, aliases={"app": "twin"}),
)


class Moving(Told):
    """A source that tells a generation."""

    def __init__(self, *said: Any, generation: int = 0, **options: Any) -> None:
        super().__init__(*said, name="engine", **options)
        self.generation = generation

    def move(self, *said: Any) -> None:
        self.said = said
        self.generation += 1


@pytest.fixture
def source() -> Moving:
    return Moving(inventory(DB, IDLE, *TWO))


@pytest.fixture
def resolver(source: Moving) -> Resolver:
    return Resolver([source], vantage=on_host())


def test_a_target_is_looked_up_once(source: Moving, resolver: Resolver) -> None:
    first = resolver.resolve("db:5432")
    assert [resolver.resolve("db:5432") for _ in range(3)] == [first] * 3
    assert resolver.endpoints("db:5432")[0] == first
    assert source.asked == 1


def test_each_target_and_family_has_an_answer_of_its_own(
    source: Moving, resolver: Resolver
) -> None:
    asked: list[tuple[Any, Any]] = [
        ("db:5432", None),
        ("db:5432", 4),
        ("db:5432", 6),
        ("db:5433", None),
        ("db", None),
    ]
    first = [resolver.resolve(*one) for one in asked]
    assert [e.family for e in first[:3]] == [4, 4, 6]
    assert [resolver.resolve(*one) for one in asked] == first
    assert source.asked == len(asked)


@pytest.mark.parametrize(
    "target", [("db", 5432), DB, Target.parse("db:5432")], ids=["pair", "container", "target"]
)
def test_every_form_of_a_target_is_kept(source: Moving, resolver: Resolver, target: Any) -> None:
    assert resolver.resolve(target) == resolver.resolve(target)
    assert source.asked == 1


def test_a_malformed_target_is_an_error_every_time(source: Moving, resolver: Resolver) -> None:
    resolver.resolve(("db", 1))
    for _ in range(2):
        with pytest.raises(FormatError):
            resolver.resolve("db:")
        with pytest.raises(TypeError):
            resolver.resolve(("db", True))
        with pytest.raises(FormatError, match="address family"):
            resolver.resolve("db:5432", 5)  # type: ignore[arg-type]
    assert source.asked == 1


@pytest.mark.parametrize(
    "target, kind",
    [("nobody:1", PeerNotFoundError), ("twin:1", AmbiguousPeerError), ("idle:1", UnreachableError)],
)
def test_an_error_is_kept_too_and_is_one_s_own(
    source: Moving, resolver: Resolver, target: str, kind: type[Exception]
) -> None:
    caught = []
    for _ in range(3):
        with pytest.raises(kind) as error:
            resolver.resolve(target)
        caught.append(error.value)
    assert source.asked == 1
    assert len({str(error) for error in caught}) == 1
    assert len({id(error) for error in caught}) == 3
    assert all(vars(error) == vars(caught[0]) for error in caught)


def test_when_a_generation_has_grown_everything_is_looked_up_anew(
    source: Moving, resolver: Resolver
) -> None:
    assert str(resolver.resolve("db:5432")) == "10.7.0.2:5432"
    with pytest.raises(PeerNotFoundError):
        resolver.resolve("new:80")
    moved = evolve(DB, networks=(attachment("app", 9),))
    source.move(inventory(moved, container("new", {"app": 8})))
    assert str(resolver.resolve("db:5432")) == "10.7.0.9:5432"
    assert str(resolver.resolve("new:80")) == "10.7.0.8:80"
    source.move(inventory())
    with pytest.raises(PeerNotFoundError):
        resolver.resolve("db:5432")


def test_the_generations_of_all_sources_count() -> None:
    one, two = Moving(inventory()), Moving(fact("db", "10.7.0.2"))
    resolver = Resolver([one, two], vantage=Vantage())
    assert str(resolver.resolve("db:5432")) == "10.7.0.2:5432"
    two.move(fact("db", "10.7.0.3"))
    assert str(resolver.resolve("db:5432")) == "10.7.0.3:5432"
    assert (one.asked, two.asked) == (2, 2)


def test_with_a_source_that_tells_no_generation_nothing_is_kept(source: Moving) -> None:
    resolver = Resolver([source, Told()], vantage=on_host())
    for _ in range(2):
        resolver.resolve("db:5432")
    assert source.asked == 2
    assert not Memo.fits([])
    assert not Memo.fits([source, Told()])


def test_what_a_failed_source_may_have_told_is_not_kept(source: Moving) -> None:
    deaf = Moving(fault=SourceError("deaf", "cannot hear"))
    resolver = Resolver([deaf, source], vantage=on_host())
    for _ in range(2):
        resolver.resolve("db:5432")
        with pytest.raises(UnreachableError):
            resolver.resolve("idle:1")
        with pytest.raises(SourceError, match="cannot hear"):
            resolver.resolve("nobody:1")
    assert source.asked == 6


def test_an_explanation_is_made_anew_each_time(source: Moving, resolver: Resolver) -> None:
    for _ in range(2):
        assert resolver.explain("db:5432").chosen is not None
    assert source.asked == 2


def test_the_vantage_is_read_for_each_generation_and_not_for_each_call(
    source: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = [on_host(), on_host()]
    monkeypatch.setattr(defaults, "read_vantage", here.pop)
    resolver = Resolver([source])
    for target in ("db:5432", "db:5433", "db:5432"):
        assert str(resolver.resolve(target)).startswith("10.7.0.2:")
    assert len(here) == 1
    source.move(*source.said)
    resolver.resolve("db:5432")
    assert here == []


def test_a_page_is_bounded(
    source: Moving, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST", 3)
    for port in (1, 2, 3, 4, 4, 1):
        assert resolver.resolve(("db", port)).port == port
    assert source.asked == 5


def test_threads_never_get_an_answer_of_another_moment() -> None:
    """What was asked for after a change is answered by what is so since then."""
    shown = [inventory(container("db", {"app": n}, "80/tcp")) for n in range(2, 40)]
    source = Moving(shown[0], generation=2)
    resolver = Resolver([source], vantage=on_host())
    done = threading.Event()

    def look() -> list[tuple[int, Endpoint, int]]:
        seen = []
        while not done.wait(0.0005):
            before = source.generation
            found = resolver.resolve("db:80")
            seen.append((before, found, source.generation))
        return seen

    with ThreadPoolExecutor(32) as pool:
        looking = [pool.submit(look) for _ in range(32)]
        for whole in shown[1:]:
            source.move(whole)
            done.wait(0.005)
        done.set()
        seen = [one for future in looking for one in future.result()]
    assert seen
    for before, found, after in seen:
        # The source shows a number at the latest when it tells that generation.
        assert before <= int(str(found.host).rpartition(".")[2]) <= after + 1
