"""The core of a live view: events make doubtful, reading again makes true."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import define, evolve, field
from builders import NETWORKS, attachment, container, identity, network
from hypothesis import given
from hypothesis import strategies as st

from dockernet import Container, Diagnostic, EngineProfile, Network
from dockernet._view import View, Work
from dockernet.formats.engine import Reading
from dockernet.formats.events import Event
from dockernet.model.links import Link
from dockernet.model.mappings import FrozenMap
from dockernet.model.provenance import Provenance

PROFILE = EngineProfile(version="28.5.2")


def reading(values: Sequence[Any], *odd: Diagnostic) -> Reading[Any]:
    return Reading(tuple(values), odd)


def happened(kind: Any, action: str, identity: str, **attributes: str) -> Event:
    return Event(kind, action, identity, FrozenMap(attributes))


@define(eq=False)
class World:
    """An engine of our own: what is done to it becomes events, and it can be listed."""

    containers: dict[str, Container] = field(factory=dict)
    bound: dict[tuple[str, str], str] = field(factory=dict)  # (recipient, alias) -> peer
    networks: list[Network] = field(factory=lambda: [NETWORKS["bridge"], NETWORKS["app"]])
    events: list[Event] = field(factory=list)
    numbers: Any = field(factory=itertools.count)
    last_names: dict[str, str] = field(factory=dict)

    def create(self, name: str, link_to: str | None = None) -> str:
        """Make a container; it may link to another one, by an id that this binds."""
        if name in (c.name for c in self.containers.values()):
            return ""
        made = container(name, {"bridge": 2}, id=identity(f"{name} {next(self.numbers)}"))
        self.containers[made.id] = evolve(made, state="created")
        if link_to is not None and link_to in self.containers:
            self.bound[made.id, "peer"] = link_to
        self.tell("container", "create", made.id, name=name)
        return made.id

    def remove(self, chosen: str) -> None:
        self.last_names[chosen] = self.containers.pop(chosen).name
        self.bound = {k: peer for k, peer in self.bound.items() if k[0] != chosen}
        self.tell("network", "disconnect", NETWORKS["bridge"].id, container=chosen)
        self.tell("container", "destroy", chosen)

    def rename(self, chosen: str, name: str) -> None:
        if name not in (c.name for c in self.containers.values()):
            self.containers[chosen] = evolve(self.containers[chosen], name=name)
            self.tell("container", "rename", chosen, name=name)

    def set_state(self, chosen: str, state: str, action: str) -> None:
        self.containers[chosen] = evolve(self.containers[chosen], state=state)
        self.tell("container", action, chosen)

    def join(self, chosen: str, number: int) -> None:
        """Be on the network "app" with that number, or leave it."""
        places = [attachment("bridge", 2), *([attachment("app", number)] if number else [])]
        self.containers[chosen] = evolve(self.containers[chosen], networks=tuple(places))
        action = "connect" if number else "disconnect"
        self.tell("network", action, NETWORKS["app"].id, container=chosen)

    def make_network(self, name: str) -> None:
        made = network(name, 30 + len(self.networks))
        self.networks.append(made)
        self.tell("network", "create", made.id)

    def tell(self, kind: Any, action: str, chosen: str, **attributes: str) -> None:
        self.events.append(happened(kind, action, chosen, **attributes))

    def inspected(self, chosen: str) -> Container | None:
        """A container in detail: a peer that is gone is named as it was last."""
        found = self.containers.get(chosen)
        if found is None:
            return None
        links = tuple(
            Link(
                alias,
                recipient=found.name,
                peer=self.name_of(peer),
                provenances=(Provenance.LEGACY,),
            )
            for (recipient, alias), peer in self.bound.items()
            if recipient == chosen
        )
        return evolve(found, links=links)

    def name_of(self, chosen: str) -> str:
        found = self.containers.get(chosen)
        return self.last_names[chosen] if found is None else found.name

    def listing(self) -> tuple[Container, ...]:
        """Every container in detail with who links to it, newest first."""
        told: dict[str, list[tuple[str, str]]] = {}
        for (recipient, alias), peer in self.bound.items():
            told.setdefault(peer, []).append((self.containers[recipient].name, alias))
        found = (self.inspected(i) for i in reversed(self.containers))
        return tuple(evolve(c, linked_as=tuple(sorted(told.get(c.id, ())))) for c in found if c)


def work_off(view: View, world: World, most: int = 3) -> list[Work]:
    """Read again whatever is doubtful, until nothing is."""
    done: list[Work] = []
    while work := view.take(most):
        assert len(done) < 100
        done.append(work)
        read(view, world, work)
    return done


def read(view: View, world: World, work: Work) -> None:
    if work.everything:
        view.relisted(PROFILE, reading(world.listing()), reading(world.networks))
    if work.networks:
        view.put_networks(reading(world.networks))
    for chosen in work.containers:
        found = world.inspected(chosen)
        if found is None:
            view.gone(chosen)
        else:
            view.put(found)


def pass_on(view: View, world: World) -> None:
    for event in world.events:
        view.note(event)
    world.events.clear()


def known(view: View) -> dict[str, Container]:
    return {c.id: c for c in view.containers()}


def truth(world: World) -> dict[str, Container]:
    return {c.id: c for c in world.listing()}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def view(world: World) -> View:
    """A view of two containers, the second one linked to the first."""
    db = world.create("db")
    world.create("app", db)
    view = View()
    assert work_off(view, world) == [Work(everything=True)]
    world.events.clear()
    return view


def id_of(world: World, name: str) -> str:
    return next(i for i, c in world.containers.items() if c.name == name)


# What an event makes doubtful.


@pytest.mark.parametrize("action", ["create", "start", "die", "pause", "update", "health_status"])
def test_an_event_of_a_container_has_that_one_read_again(view: View, action: str) -> None:
    view.note(happened("container", action, "4f"))
    assert view.take(9) == Work(containers=("4f",))
    assert not view.take(9)


def test_the_same_event_twice_has_it_read_once(view: View) -> None:
    for _ in range(2):
        view.note(happened("network", "disconnect", NETWORKS["app"].id, container="4f"))
    assert view.take(9) == Work(containers=("4f",))
    assert not view.take(9)


@pytest.mark.parametrize("action", ["destroy", "remove"])
def test_a_container_that_ended_is_gone_without_asking(
    view: View, world: World, action: str
) -> None:
    app = id_of(world, "app")
    view.note(happened("container", "die", app))
    view.note(happened("container", action, app))
    assert app not in known(view)
    assert not view.take(9)


def test_what_an_old_reply_says_of_an_ended_one_is_not_believed(view: View, world: World) -> None:
    app = id_of(world, "app")
    late = world.inspected(app)
    assert late is not None
    view.note(happened("container", "destroy", app))
    before = view.generation
    view.put(late)
    assert (app in known(view), view.generation) == (False, before)
    view.note(happened("container", "die", app))
    assert not view.take(9)


def test_a_listing_that_began_before_an_end_does_not_bring_it_back(
    view: View, world: World
) -> None:
    view.doubt()
    work = view.take(9)
    late = world.listing()
    app = id_of(world, "app")
    view.note(happened("container", "destroy", app))
    assert work.everything
    view.relisted(PROFILE, reading(late), reading(world.networks))
    assert app not in known(view)
    assert linked_as(view, world, "db") == ()


def test_podman_s_event_of_a_network_names_the_container(view: View, world: World) -> None:
    db = id_of(world, "db")
    view.note(happened("network", "connect", db, name="db"))
    assert view.take(9) == Work(containers=(db,))


def test_an_event_of_a_network_alone_has_everybody_on_it_read(view: View, world: World) -> None:
    db = id_of(world, "db")
    world.join(db, 7)
    pass_on(view, world)
    work_off(view, world)
    view.note(happened("network", "disconnect", NETWORKS["app"].id))
    assert view.take(9) == Work(containers=(db,))


def test_an_event_of_something_unknown_on_a_network_has_everything_read(view: View) -> None:
    view.note(happened("network", "connect", "0f" * 32))
    assert view.take(9) == Work(everything=True)


@pytest.mark.parametrize("action", ["create", "destroy", "remove", "update"])
def test_a_network_that_comes_or_goes_has_the_networks_read(view: View, action: str) -> None:
    view.note(happened("network", action, "0f" * 32))
    assert view.take(9) == Work(networks=True)
    assert not view.take(9)


def test_a_container_on_an_unknown_network_has_the_networks_read(view: View, world: World) -> None:
    """Podman 4 has no event for a network that was made."""
    db = id_of(world, "db")
    world.make_network("new")
    place = evolve(attachment("app", 9), network="new", network_id=identity("new"))
    world.containers[db] = evolve(world.containers[db], networks=(place,))
    view.note(happened("container", "update", db))
    done = work_off(view, world)
    assert done == [Work(containers=(db,)), Work(networks=True)]
    assert identity("new") in {n.id for n in view.inventory().networks}


def test_a_few_are_read_at_a_time_the_longest_doubtful_first(view: View) -> None:
    for number in (3, 1, 2, 3):
        view.note(happened("container", "die", f"{number}"))
    assert view.take(2) == Work(containers=("3", "1"))
    assert view.take(2) == Work(containers=("2",))


def test_doubt_of_everything_takes_in_all_other_doubt(view: View) -> None:
    view.note(happened("container", "die", "4f"))
    view.note(happened("network", "create", "0f"))
    view.doubt()
    assert view.take(9) == Work(everything=True)
    assert not view.take(9)


def test_of_a_flood_of_names_everything_is_read_at_once(view: View) -> None:
    for number in range(1_024):
        view.note(happened("container", "start", f"{number:x}"))
    assert view.take(1).containers == ("0",)
    for number in range(2_000, 2_002):
        view.note(happened("container", "start", f"{number:x}"))
    assert view.take(1) == Work(everything=True)
    assert not view.doubtful


def test_a_flood_of_ends_is_not_remembered_for_ever(view: View, world: World) -> None:
    for number in range(8_192):
        view.note(happened("container", "destroy", f"{number:x}"))
    assert not view.doubtful
    view.note(happened("container", "destroy", "ffff"))
    assert work_off(view, world) == [Work(everything=True)]
    assert_true(view, world)


def test_what_happens_during_a_listing_stays_doubtful(view: View, world: World) -> None:
    view.doubt()
    view.take(9)
    view.note(happened("container", "die", "4f"))
    view.relisted(PROFILE, reading(world.listing()), reading(world.networks))
    assert view.take(9) == Work(containers=("4f",))


# What has changed.


def test_reading_the_same_again_changes_nothing(view: View, world: World) -> None:
    before = view.generation, view.inventory()
    for chosen in world.containers:
        view.note(happened("container", "update", chosen))
    view.note(happened("network", "create", "0f"))
    work_off(view, world)
    view.doubt()
    work_off(view, world)
    assert view.generation == before[0]
    assert view.inventory() is before[1]


def test_a_change_has_the_inventory_made_anew(view: View, world: World) -> None:
    before = view.generation, view.inventory()
    db = id_of(world, "db")
    world.set_state(db, "running", "start")
    pass_on(view, world)
    work_off(view, world)
    assert view.generation == before[0] + 1
    changed = view.inventory().container(db)
    assert changed is not None
    assert changed.running
    assert not (before[1].container(db) or changed).running
    assert [str(c) for c in view.changes(before[0]) or ()] == ["db started"]


def test_another_engine_or_other_networks_are_a_change(view: View, world: World) -> None:
    before = view.generation
    assert view.inventory().engine == PROFILE
    view.relisted(PROFILE, reading(world.listing()), reading([]))
    assert view.inventory().networks == ()
    view.relisted(EngineProfile(version="29.1.0"), reading(world.listing()), reading([]))
    assert view.generation == before + 2
    assert view.changes(before) == ()
    assert view.inventory().engine.version == "29.1.0"
    view.put_networks(reading(world.networks))
    assert view.generation == before + 3
    assert view.inventory().networks == tuple(world.networks)


def test_what_was_odd_in_a_reply_is_told_until_that_is_read_again(view: View, world: World) -> None:
    db, app = id_of(world, "db"), id_of(world, "app")
    odd = [Diagnostic("engine", i[:12], f"{n} left out") for i in (db, app) for n in "ab"]
    view.relisted(PROFILE, reading(world.listing(), *odd), reading(world.networks))
    view.note(happened("network", "create", "0f"))
    assert view.take(9).networks
    of_networks = Diagnostic("engine", "0f", "a subnet left out")
    view.put_networks(reading(world.networks, of_networks))
    assert view.inventory().diagnostics == (*odd, of_networks)
    whole = world.inspected(db)
    assert whole is not None
    view.put(whole, (odd[1],))
    assert set(view.inventory().diagnostics) == {*odd[1:], of_networks}
    view.gone(app)
    assert set(view.inventory().diagnostics) == {odd[1], of_networks}


def test_the_newest_container_comes_first(view: View, world: World) -> None:
    world.create("new")
    pass_on(view, world)
    work_off(view, world)
    assert [c.name for c in view.containers()] == ["new", "app", "db"]


def test_changes_of_long_ago_are_forgotten(view: View, world: World) -> None:
    db, start = id_of(world, "db"), view.generation
    for number in range(1_100):
        world.set_state(db, ("running", "exited")[number % 2], "update")
        pass_on(view, world)
        work_off(view, world)
    assert view.changes(start) is None
    assert len(view.changes(view.generation - 1_000) or ()) == 1_000
    assert view.changes(view.generation) == ()


# Links.


def linked_as(view: View, world: World, name: str) -> tuple[tuple[str, str], ...]:
    return known(view)[id_of(world, name)].linked_as


def test_a_new_recipient_has_everything_read_as_a_listing_alone_tells_its_peer(
    view: View, world: World
) -> None:
    world.create("other", id_of(world, "db"))
    pass_on(view, world)
    assert any(work.everything for work in work_off(view, world))
    assert linked_as(view, world, "db") == (("app", "peer"), ("other", "peer"))
    assert known(view) == truth(world)


def test_a_recipient_that_is_gone_is_told_of_no_longer(view: View, world: World) -> None:
    world.remove(id_of(world, "app"))
    pass_on(view, world)
    work_off(view, world)
    assert linked_as(view, world, "db") == ()


@pytest.mark.parametrize("renamed", ["db", "app"])
def test_who_links_to_whom_survives_a_rename(view: View, world: World, renamed: str) -> None:
    world.rename(id_of(world, renamed), "new")
    pass_on(view, world)
    assert not any(work.everything for work in work_off(view, world))
    assert known(view) == truth(world)


@pytest.mark.parametrize("renamed", ["db", "app"])
def test_a_rename_during_a_listing_has_links_listed_again(world: World, renamed: str) -> None:
    """When the event came, nobody knew yet who links to whom."""
    db = world.create("db")
    world.create("app", db)
    view = View()
    view.take(9)
    listed = world.listing()
    world.events.clear()
    world.rename(id_of(world, renamed), "renamed")
    pass_on(view, world)
    inspected = [
        evolve(c, linked_as=old.linked_as)
        for c, old in zip(truth(world).values(), listed, strict=True)
    ]
    view.relisted(PROFILE, reading(inspected), reading(world.networks))
    work_off(view, world)
    assert_true(view, world)


def test_a_recipient_renamed_during_a_listing_may_be_told_of_later(world: World) -> None:
    """It was listed by its old name, and inspected by the new one."""
    db = world.create("db")
    world.create("app", db)
    view = View()
    view.take(9)
    listed = world.listing()
    world.events.clear()
    world.rename(id_of(world, "app"), "renamed")
    inspected = [
        evolve(c, linked_as=old.linked_as)
        for c, old in zip(truth(world).values(), listed, strict=True)
    ]
    view.relisted(PROFILE, reading(inspected), reading(world.networks))
    pass_on(view, world)
    work_off(view, world)
    assert_true(view, world)


def test_a_peer_renamed_before_its_event_is_named_anew_by_its_recipients(
    view: View, world: World
) -> None:
    """The recipient was read before the rename, and the peer after it."""
    db, app = id_of(world, "db"), id_of(world, "app")
    old = world.inspected(app)
    world.rename(db, "renamed")
    world.events.clear()  # lost
    assert old is not None
    view.put(old)
    view.note(happened("container", "start", db))
    assert not any(work.everything for work in work_off(view, world))
    assert_true(view, world)


def test_a_link_by_the_name_that_another_has_by_now_is_not_to_that(world: World) -> None:
    world.create("other")
    db = world.create("db")
    view = View()
    work_off(view, world)
    world.create("app", db)
    world.remove(db)
    world.rename(id_of(world, "other"), "db")
    pass_on(view, world)
    work_off(view, world)
    assert_true(view, world)


def test_a_new_container_of_a_removed_peer_s_name_is_not_that_peer(
    view: View, world: World
) -> None:
    world.remove(id_of(world, "db"))
    world.create("db")
    world.set_state(id_of(world, "app"), "running", "start")
    pass_on(view, world)
    work_off(view, world)
    assert linked_as(view, world, "db") == ()
    assert known(view) == truth(world)
    view.doubt()
    work_off(view, world)
    world.rename(id_of(world, "app"), "renamed")
    pass_on(view, world)
    work_off(view, world)
    assert known(view) == truth(world)


def test_a_link_to_a_peer_that_is_not_known_yet_has_everything_read(
    view: View, world: World
) -> None:
    world.create("base")
    world.events.clear()  # lost
    world.create("late", id_of(world, "base"))
    pass_on(view, world)
    assert any(work.everything for work in work_off(view, world))
    assert known(view) == truth(world)


def test_of_several_links_one_may_be_dropped(world: World) -> None:
    db = world.create("db")
    app = world.create("app", db)
    world.bound[app, "second"] = db
    view = View()
    work_off(view, world)
    assert linked_as(view, world, "db") == (("app", "peer"), ("app", "second"))
    del world.bound[app, "peer"]
    pass_on(view, world)
    work_off(view, world)
    assert linked_as(view, world, "db") == (("app", "second"),)
    assert_true(view, world)


def test_a_link_that_is_no_longer_told_is_dropped(view: View, world: World) -> None:
    app = id_of(world, "app")
    world.bound.clear()
    view.note(happened("container", "update", app))
    work_off(view, world)
    assert known(view) == truth(world)


def test_a_listing_may_tell_of_a_recipient_that_vanished_meanwhile(world: World) -> None:
    """Its end may have been told before, and nobody will tell of it again."""
    db = container("db", {"bridge": 2}, linked_as=(("gone", "db"),))
    view = View()
    view.take(9)
    view.relisted(PROFILE, reading([db]), reading(world.networks))
    assert view.containers() == (evolve(db, linked_as=()),)


# Whatever happens, in whichever order it is told.

NAMES = st.sampled_from("abcde")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["create", "link", "remove", "rename", "start", "die", "join", "network"]),
        NAMES,
        st.integers(0, 9),
    ),
    max_size=25,
)


def step(world: World, verb: str, name: str, number: int) -> None:
    if verb == "network":
        world.make_network(f"{name}{next(world.numbers)}")
        return
    ids = [*world.containers]
    chosen = ids[number % len(ids)] if ids else None
    if verb == "create" or chosen is None:
        world.create(name)
        return
    do: dict[str, Any] = {
        "link": lambda: world.create(name, chosen),
        "remove": lambda: world.remove(chosen),
        "rename": lambda: world.rename(chosen, name),
        "start": lambda: world.set_state(chosen, "running", "start"),
        "die": lambda: world.set_state(chosen, "exited", "die"),
        "join": lambda: world.join(chosen, number),
    }
    do[verb]()


def assert_true(view: View, world: World) -> None:
    assert known(view) == truth(world)
    assert set(view.inventory().networks) == set(world.networks)


@given(STEPS, st.data())
def test_events_in_order_keep_the_view_true(
    steps: list[tuple[str, str, int]], data: st.DataObject
) -> None:
    """Some are told twice, and how often one reads in between does not matter.

    Everything is listed again for links alone.
    """
    world, view, done = World(), View(), list[Work]()
    work_off(view, world)
    for verb, name, number in steps:
        step(world, verb, name, number)
        if data.draw(st.booleans(), "read"):
            world.events = [e for e in world.events for _ in range(data.draw(st.integers(1, 2)))]
            pass_on(view, world)
            while data.draw(st.booleans(), "more") and (work := view.take(2)):
                done.append(work)
                read(view, world, work)
    pass_on(view, world)
    done += work_off(view, world)
    assert_true(view, world)
    linked = "link" in {verb for verb, _, _ in steps}
    assert linked or not any(work.everything for work in done)


@given(STEPS, st.data())
def test_lost_doubled_and_shuffled_events_are_made_good_by_a_listing(
    steps: list[tuple[str, str, int]], data: st.DataObject
) -> None:
    world, view, told = World(), View(), list[Event]()
    work_off(view, world)
    for verb, name, number in steps:
        step(world, verb, name, number)
        told += world.events
        world.events.clear()
        reads: bool = data.draw(st.booleans(), "read")
        if told and reads:
            heard: list[Event] = data.draw(st.lists(st.sampled_from(told), max_size=5), "events")
            for event in heard:
                view.note(event)
            if work := view.take(2):
                read(view, world, work)
    view.doubt()
    work_off(view, world)
    assert_true(view, world)


@given(STEPS)
def test_the_changes_in_turn_lead_from_the_first_state_to_the_last(
    steps: list[tuple[str, str, int]],
) -> None:
    world, view = World(), View()
    work_off(view, world)
    replayed: dict[str, Container] = {}
    for verb, name, number in steps:
        step(world, verb, name, number)
        pass_on(view, world)
        work_off(view, world)
    for change in view.changes(0) or ():
        assert replayed.get(change.container.id) == change.before
        assert change.before != change.after
        replayed.pop(change.container.id, None)
        if change.after is not None:
            replayed[change.after.id] = change.after
    assert replayed == known(view)
