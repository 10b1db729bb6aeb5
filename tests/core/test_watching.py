"""What a watch tells: chains of changes that begin where the last one ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest
from attrs import evolve
from builders import attachment, beside, container, identity
from hypothesis import given
from hypothesis import strategies as st

from dockernet import (
    ChangeKind,
    Container,
    ContainerChange,
    Endpoint,
    EndpointChange,
    LiveKind,
    LiveState,
    PeerNotFoundError,
    SourceError,
    UnreachableError,
)
from dockernet import _view as view_module
from dockernet._view import View
from dockernet._watching import ContainerWatch, EndpointWatch, Found, News, StateWatch

CURRENT = LiveState(LiveKind.CURRENT)


def fallen(kind: LiveKind, reason: str = "deaf") -> LiveState:
    return LiveState(kind, datetime(2026, 1, 2, tzinfo=UTC), reason)


class Viewing:
    """A view of containers that a test puts there."""

    def __init__(self, *there: Container) -> None:
        self.view = View()
        self.state = CURRENT
        self.closed = False
        for one in there:
            self.view.put(one)

    @property
    def generation(self) -> int:
        return self.view.generation

    def news(self, generation: int) -> News:
        changes = self.view.changes(generation)
        return News(self.generation, changes, self.view.containers() if changes is None else ())

    @contextmanager
    def listening(self, listener: Callable[[], None]) -> Iterator[None]:
        listener()
        yield


def told(watch: ContainerWatch) -> list[str]:
    return [str(change) for change in watch.every()]


def with_state(called: str, state: str, **facts: Any) -> Container:
    return evolve(container(called, {"app": 2}), state=state, **facts)


# Containers.


def test_what_is_there_at_the_beginning_is_not_told() -> None:
    viewing = Viewing(container("db"), container("web"))
    watch = ContainerWatch(viewing)
    assert told(watch) == []
    viewing.view.put(with_state("db", "exited"))
    assert told(watch) == ["db stopped, network changed"]
    assert told(watch) == []


def test_changes_are_told_in_the_order_of_their_beginning() -> None:
    viewing = Viewing(with_state("db", "running"), with_state("web", "running"))
    watch = ContainerWatch(viewing)
    for name in ("web", "db"):
        viewing.view.put(with_state(name, "paused"))
    viewing.view.put(with_state("web", "exited"))
    assert told(watch) == ["web stopped", "db paused"]


def test_of_what_waits_to_be_told_the_present_state_is_told() -> None:
    viewing = Viewing(with_state("db", "running"), with_state("web", "running"))
    watch = ContainerWatch(viewing)
    for name in ("web", "db"):
        viewing.view.put(with_state(name, "paused"))
    assert str(watch.next()) == "web paused"
    viewing.view.put(with_state("db", "exited"))
    viewing.view.put(with_state("web", "running"))
    assert told(watch) == ["db stopped", "web unpaused"]


def test_what_has_changed_back_and_what_came_and_went_are_not_told() -> None:
    viewing = Viewing(with_state("db", "running"))
    watch = ContainerWatch(viewing)
    viewing.view.put(with_state("db", "paused"))
    viewing.view.put(with_state("db", "running"))
    viewing.view.put(with_state("short", "running"))
    viewing.view.gone(identity("short"))
    assert watch.next() is None


def test_one_that_is_made_anew_is_another() -> None:
    viewing = Viewing(with_state("db", "running"))
    watch = ContainerWatch(viewing)
    viewing.view.gone(identity("db"))
    viewing.view.put(with_state("db", "running", id=identity("second")))
    assert told(watch) == ["db removed", "db created, started"]


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_module, "_REMEMBERED", 1)


@pytest.mark.usefixtures("forgetful")
def test_where_changes_are_forgotten_the_states_are_compared() -> None:
    viewing = Viewing(*(with_state(name, "running") for name in ("db", "web", "same", "old")))
    watch = ContainerWatch(viewing)
    viewing.view.put(with_state("web", "paused"))
    viewing.view.put(with_state("db", "paused"))
    assert str(watch.next()) == "db paused"
    viewing.view.put(with_state("web", "running"))
    viewing.view.gone(identity("old"))
    viewing.view.put(with_state("new", "created"))
    assert told(watch) == ["old removed", "new created"]


STATES = st.sampled_from(("created", "running", "paused", "exited"))
NAMES = st.sampled_from(("a", "b", "c"))
STEPS = st.lists(
    st.tuples(st.just("put"), NAMES, STATES, st.sampled_from((None, "healthy", "unhealthy")))
    | st.tuples(st.just("gone"), NAMES, st.none(), st.none())
    | st.tuples(st.just("read"), st.integers(1, 4), st.none(), st.none()),
    max_size=40,
)


@given(STEPS, st.sampled_from((1, 2, 1024)), st.integers(0, 3))
def test_however_seldom_one_reads_the_changes_are_a_chain_to_the_present_state(
    steps: list[tuple[str, Any, Any, Any]], remembered: int, beginning: int
) -> None:
    """Each begins where the one before it ended; none is empty; the last one is true."""
    numbers = dict.fromkeys("abc", 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(view_module, "_REMEMBERED", remembered)
        viewing = Viewing()
        for name in "abc"[:beginning]:
            viewing.view.put(with_state(name, "running", id=identity(f"{name} 0")))
        watch = ContainerWatch(viewing)
        replayed = {c.id: c for c in viewing.view.containers()}

        def read(most: int) -> None:
            for _ in range(most):
                change = watch.next()
                if change is None:
                    break
                assert replayed.get(change.container.id) == change.before
                assert change.before != change.after
                replayed.pop(change.container.id, None)
                if change.after is not None:
                    replayed[change.after.id] = change.after
                    assert change.after in viewing.view.containers()

        for what, which, state, health in steps:
            if what == "read":
                read(which)
            elif what == "put":
                made = identity(f"{which} {numbers[which]}")
                viewing.view.put(with_state(which, state, id=made, health=health))
            else:
                viewing.view.gone(identity(f"{which} {numbers[which]}"))
                numbers[which] += 1  # an id is never used again
        read(1000)
    assert replayed == {c.id: c for c in viewing.view.containers()}
    assert watch.next() is None


# Endpoints.

ONE = Endpoint(ip_address("10.7.0.2"), 80, source="engine", peer="db")
TWO = Endpoint(ip_address("10.7.0.3"), 80, source="engine", peer="db")
OTHER = Endpoint(ip_address("10.7.0.9"), 80, source="engine", peer="web")
NOBODY = PeerNotFoundError("db:80", ("engine",))
NOTHING = Found(error=NOBODY)


def found(*endpoints: Endpoint, deaf: str = "") -> Found:
    return Found(endpoints, deaf=frozenset(deaf.split()))


def watching(*views: Viewing) -> EndpointWatch:
    watch = EndpointWatch("db:80")
    for view in views:
        watch.follow(view)
    return watch


def judged(watch: EndpointWatch, now: Found) -> str:
    watch.catch_up()
    return str(watch.judge(now) or "")


def test_the_first_tells_how_it_is_without_a_reason() -> None:
    viewing = Viewing(with_state("db", "created"))
    watch = watching(viewing)
    viewing.view.put(with_state("db", "running"))
    watch.catch_up()
    assert watch.judge(found(ONE)) == EndpointChange("db:80", (), (ONE,))
    assert judged(watch, found(ONE)) == ""


def test_the_first_tells_also_that_nothing_is_there() -> None:
    watch = watching()
    assert watch.judge(NOTHING) == EndpointChange("db:80", (), (), (), NOBODY)
    other = UnreachableError("db:80", ())
    assert watch.judge(Found(error=other)) is None
    assert watch.judge(found(ONE)) == EndpointChange("db:80", (), (ONE,))


@pytest.mark.parametrize(
    "change, now, why",
    [
        (with_state("db", "exited"), NOTHING, "stopped"),
        (with_state("db", "paused"), NOTHING, "paused"),
        (with_state("db", "running", name="old"), NOTHING, "renamed"),
        (
            with_state("db", "running", networks=(attachment("app", 3),)),
            found(TWO),
            "moved",
        ),
        (
            with_state("db", "running", networks=(attachment("bridge", 3),), health="healthy"),
            found(TWO),
            "network changed, became healthy",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_tells_what_happened_to_the_container_behind(
    change: Container, now: Found, why: str
) -> None:
    viewing = Viewing(with_state("db", "running"), with_state("web", "running"))
    watch = watching(viewing)
    judged(watch, found(ONE))
    viewing.view.put(with_state("web", "exited"))
    viewing.view.put(change)
    watch.catch_up()
    change_told = watch.judge(now)
    assert change_told is not None
    assert (change_told.before, change_told.after) == ((ONE,), now.endpoints)
    assert ", ".join(change_told.why) == why


def test_the_containers_before_and_after_are_both_behind() -> None:
    viewing = Viewing(with_state("db", "running"))
    watch = watching(viewing)
    judged(watch, found(ONE))
    viewing.view.gone(identity("db"))
    viewing.view.put(with_state("db", "running", id=identity("second")))
    assert judged(watch, found(TWO)) == "db:80 is at 10.7.0.3:80 (created, started, removed)"


def test_what_happened_since_it_was_told_last_is_told_at_once() -> None:
    """Also where it had no endpoint, so that nothing was to be told in between."""
    viewing = Viewing()
    watch = watching(viewing)
    judged(watch, NOTHING)
    viewing.view.put(with_state("db", "created"))
    assert judged(watch, Found(error=UnreachableError("db:80", ()))) == ""
    viewing.view.put(with_state("db", "running"))
    viewing.view.put(with_state("web", "running"))
    assert judged(watch, found(ONE)) == "db:80 is at 10.7.0.2:80 (created, started)"
    viewing.view.put(with_state("db", "exited"))
    assert judged(watch, NOTHING) == f"db:80 has no endpoint (stopped): {NOBODY}"


def test_it_tells_when_a_peer_turns_healthy_or_unhealthy_where_it_is() -> None:
    viewing = Viewing(with_state("db", "running", health="starting"), with_state("web", "running"))
    watch = watching(viewing)
    judged(watch, found(ONE))
    viewing.view.put(with_state("web", "running", health="healthy"))
    assert judged(watch, found(ONE)) == ""
    viewing.view.put(with_state("db", "running", health="healthy"))
    watch.catch_up()
    kinds = (ChangeKind.BECAME_HEALTHY,)
    assert watch.judge(found(ONE)) == EndpointChange("db:80", (ONE,), (ONE,), kinds)
    viewing.view.put(with_state("db", "running", health="unhealthy"))
    viewing.view.put(with_state("db", "running", health="healthy"))
    assert judged(watch, found(ONE)) == ""
    for health in ("unhealthy", "healthy"):
        viewing.view.put(with_state("db", "running", health=health))
        watch.catch_up()
    assert judged(watch, found(ONE)) == ""
    viewing.view.put(with_state("db", "running", health="starting"))
    assert judged(watch, found(ONE)) == ""
    viewing.view.put(with_state("db", "running", health="unhealthy"))
    assert judged(watch, found(ONE)) == "db:80 is at 10.7.0.2:80 (became unhealthy)"


def test_whose_network_a_peer_uses_is_behind_it_too() -> None:
    owner = with_state("owner", "running")
    viewing = Viewing(owner, beside("db", "owner"), beside("lost", "nobody"))
    watch = watching(viewing)
    judged(watch, found(ONE, evolve(OTHER, peer="lost")))
    viewing.view.put(evolve(owner, networks=(attachment("app", 3),)))
    assert judged(watch, found(TWO)) == "db:80 is at 10.7.0.3:80 (moved)"


def test_containers_that_use_each_other_s_network_are_no_way_round() -> None:
    viewing = Viewing(beside("db", "web"), beside("web", "db"))
    watch = watching(viewing)
    judged(watch, found(ONE))
    viewing.view.gone(identity("web"))
    assert judged(watch, NOTHING).startswith("db:80 has no endpoint (removed): ")


def test_several_views_tell_of_their_containers() -> None:
    views = Viewing(with_state("db", "running")), Viewing(with_state("web", "running"))
    watch = watching(*views)
    assert watch.views == [*views]
    judged(watch, found(ONE, OTHER))
    caught_up = [watch.caught_up]
    views[1].view.put(with_state("web", "exited"))
    caught_up.append(watch.caught_up)
    assert judged(watch, found(ONE)) == "db:80 is at 10.7.0.2:80 (stopped)"
    assert [*caught_up, watch.caught_up] == [True, False, True]


def test_what_a_source_has_told_holds_while_it_cannot_be_asked() -> None:
    error = SourceError("engine", "deaf")
    watch = watching()
    assert judged(watch, Found(error=error, deaf=frozenset({"engine"}))) == (
        "db:80 has no endpoint: engine: deaf"
    )
    assert judged(watch, found(ONE, deaf="dns")) == "db:80 is at 10.7.0.2:80"
    for now in (Found(error=error, deaf=frozenset({"engine"})), found(OTHER, deaf="engine")):
        assert judged(watch, now) == ""
    assert judged(watch, Found(error=error, deaf=frozenset({"dns"}))) != ""


def test_a_change_is_shown_without_control_characters() -> None:
    change = EndpointChange("db\x1b[2J", error=PeerNotFoundError("db\x1b[2J"))
    assert str(change) == (r"db\x1b[2J has no endpoint: no peer answers to 'db\x1b[2J'")
    both = EndpointChange("db", (), (ONE, TWO))
    assert str(both) == "db is at 10.7.0.2:80, 10.7.0.3:80"


# How true a view is.


def test_each_kind_of_state_is_told_once() -> None:
    heard: list[LiveState] = []
    states, view = StateWatch(heard.append), Viewing()
    away, stale = fallen(LiveKind.RECONNECTING), fallen(LiveKind.STALE)
    for state in (CURRENT, away, evolve(away, reason="still deaf"), stale, CURRENT, CURRENT):
        view.state = state
        states.look([view])
    view.state, view.closed = stale, True
    states.look([view])
    assert heard == [away, stale, CURRENT]


def test_a_view_that_is_stale_at_the_beginning_is_told() -> None:
    heard: list[LiveState] = []
    view = Viewing()
    view.state = fallen(LiveKind.STALE)
    states = StateWatch(heard.append)
    for _ in range(2):
        states.look([view, Viewing()])
    assert heard == [view.state]


def test_nobody_need_be_told() -> None:
    view = Viewing()
    view.state = fallen(LiveKind.STALE)
    StateWatch(None).look([view])


def test_a_change_of_containers_is_a_value() -> None:
    viewing = Viewing()
    watch = ContainerWatch(viewing)
    viewing.view.put(with_state("db", "running"))
    assert watch.next() == ContainerChange(None, with_state("db", "running"))
