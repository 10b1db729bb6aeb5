"""Links from every place: what an engine tells of them, and what agrees with that."""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address
from typing import Any

import pytest
from attrs import evolve
from builders import beside, container, fact, identity, inventory, listed, turned

from dockernet._linking import chosen_links, links_of, reconciled, told_link
from dockernet.errors import PeerNotFoundError
from dockernet.model.containers import Container
from dockernet.model.links import Link, LinkKind
from dockernet.model.provenance import Provenance

LEGACY, LISTING = Provenance.LEGACY, Provenance.LISTING
NETWORK, ALIAS = Provenance.NETWORK, Provenance.ALIAS
HOSTS, ENVIRON = Provenance.HOSTS, Provenance.ENVIRON


def given(text: str, recipient: str, *networks: str) -> Link:
    """A link as its recipient was given it: a legacy one, or one on networks."""
    places = (NETWORK,) if networks else (LEGACY,)
    return evolve(Link.parse(text), recipient=recipient, networks=networks, provenances=places)


def recipient(name: str, on: dict[str, int], *links: Link, **facts: Any) -> Container:
    return evolve(container(name, on, **facts), links=links)


DB = container("db", {"app": 2, "bridge": 2}, "5432/tcp, 53/udp")
APP = recipient("app", {"app": 3, "bridge": 3}, given("db:store", "app"))


def told(link: Link) -> str:
    """A link in one line."""
    places = ", ".join(link.provenances)
    at = " ".join(map(str, link.addresses))
    return (
        f"{link.recipient} -> {link}: {at} [{' '.join(link.networks)}] {link.peer_state}; {places}"
    )


# What an engine tells.


def test_a_link_of_the_recipient_and_a_second_name_of_the_peer_are_one() -> None:
    peer = evolve(DB, linked_as=(("app", "store"),))
    for whole in (inventory(APP, peer), turned(inventory(APP, peer))):
        [link] = links_of(whole)
        assert told(link) == (
            "app -> db:store: 10.17.0.2 fd17::2 [] running; legacy link, listed name"
        )
        assert list(map(str, link.ports)) == ["5432/tcp", "53/udp"]


def test_a_listing_alone_tells_legacy_links() -> None:
    peer = listed(evolve(DB, linked_as=(("app", "store"), ("gone", "db"))))
    assert list(map(told, links_of(inventory(listed(APP), peer)))) == [
        "app -> db:store: 10.17.0.2 fd17::2 [] running; listed name",
        "gone -> db:db:  [] running; listed name",
    ]


def test_a_legacy_link_leads_to_the_default_bridge_and_others_to_their_networks() -> None:
    peer = container("db", {"app": 2, "bridge": 2, "other": 2})
    links = (
        given("db:a", "app"),
        given("db:b", "app", "app"),
        given("db:c", "app", "app", "other"),
    )
    caller = recipient("app", {"app": 3, "bridge": 3, "other": 3, "inner": 3}, *links)
    found = {
        link.alias: " ".join(map(str, link.addresses)) for link in links_of(inventory(caller, peer))
    }
    assert found == {
        "a": "10.17.0.2 fd17::2",
        "b": "10.7.0.2 fd07::2",
        "c": "10.7.0.2 fd07::2 10.8.0.2 fd08::2",
    }


def test_a_link_on_a_network_that_the_recipient_left_leads_nowhere() -> None:
    caller = recipient("app", {"other": 3}, given("db:b", "app", "app"))
    [link] = links_of(inventory(caller, DB))
    assert (link.addresses, link.peer_state) == ((), "running")


@pytest.mark.parametrize("length", [64, 12], ids=["whole", "short"])
def test_a_peer_that_is_named_by_its_id_is_known_by_its_name(length: int) -> None:
    caller = recipient("app", {"app": 3}, given(f"{identity('db')[:length]}:b", "app", "app"))
    [link] = links_of(inventory(caller, DB))
    assert told(link) == "app -> db:b: 10.7.0.2 fd07::2 [app] running; network link"


def test_a_peer_in_another_s_network_is_reached_there() -> None:
    guest = beside("guest", "db")
    caller = recipient("app", {"app": 3}, given("guest:g", "app", "app"))
    [link] = links_of(inventory(caller, DB, guest))
    assert told(link) == "app -> guest:g: 10.7.0.2 fd07::2 [app] running; network link"
    assert list(map(str, link.ports)) == ["5432/tcp", "53/udp"]


def test_a_peer_whose_network_s_owner_is_gone_has_no_address() -> None:
    caller = recipient("app", {"app": 3}, given("guest:g", "app", "app"))
    [link] = links_of(inventory(caller, beside("guest", "db")))
    assert told(link) == "app -> guest:g:  [app] running; network link"


@pytest.mark.parametrize(
    "state, dangling",
    [
        *(("running", False), ("paused", False), ("restarting", False)),
        *(("exited", True), ("created", True), ("dead", True), ("removing", True)),
    ],
)
def test_a_link_to_a_container_that_is_stopped_is_marked(state: str, *, dangling: bool) -> None:
    peer = container("db", {}, state=state)
    [link] = links_of(inventory(APP, peer))
    assert (link.peer_state, link.dangling) == (state, dangling)


def test_a_link_to_a_container_that_is_gone_is_marked() -> None:
    [link] = links_of(inventory(APP))
    assert told(link) == "app -> db:store:  [] removed; legacy link"
    assert link.dangling
    assert not Link("db").dangling  # nobody was asked


def test_a_link_that_is_there_twice_is_on_both_networks() -> None:
    links = (given("db:b", "app", "app"), given("db:b", "app", "other"))
    peer = container("db", {"app": 2, "other": 2})
    [link] = links_of(inventory(recipient("app", {"app": 3, "other": 3}, *links), peer))
    assert told(link) == (
        "app -> db:b: 10.7.0.2 fd07::2 10.8.0.2 fd08::2 [app other] running; network link"
    )


def test_a_link_keeps_its_recipient_s_present_name() -> None:
    renamed = recipient("new", {"bridge": 3}, given("db:b", "old"))
    assert [link.recipient for link in links_of(inventory(renamed, DB))] == ["new"]


# Which of them.

SHOP = inventory(
    evolve(DB, linked_as=(("app", "store"),)),
    APP,
    container("web", {"app": 4}, aliases={"app": f"web www {identity('web')[:12]}"}),
    recipient("api", {"other": 5}, given("web:front", "api", "app")),
)


def chosen(to: str | None = None, of: str | None = None, *, aliases: bool = False) -> list[str]:
    return [told(link) for link in chosen_links(SHOP, of, to, aliases=aliases)]


GIVEN = "app -> db:store: 10.17.0.2 fd17::2 [] running; legacy link, listed name"
FRONT = "api -> web:front:  [app] running; network link"
WWW = "None -> web:www: 10.7.0.4 fd07::4 [app] running; network alias"


def test_links_are_chosen_by_recipient_and_by_peer() -> None:
    assert chosen() == [FRONT, GIVEN]
    assert chosen(of="app") == chosen(to="db") == chosen(of="/app", to=identity("db")) == [GIVEN]
    assert chosen(to="web") == [FRONT]
    assert chosen(of="db") == chosen(to="web", of="app") == []


def test_of_an_alias_everybody_on_the_network_is_the_recipient() -> None:
    assert chosen(aliases=True) == [FRONT, GIVEN, WWW]
    assert chosen(of="app", aliases=True) == [GIVEN, WWW]
    assert chosen(of="api", aliases=True) == [FRONT]  # it is on another network
    assert chosen(of="web", aliases=True) == []  # nobody links to itself
    assert chosen(to="web", aliases=True) == [FRONT, WWW]


def test_a_container_that_is_not_there_is_not_found() -> None:
    for name, nearest in (("wbe", ("web",)), ("/", ())):
        for ask in (partial(chosen, of=name), partial(chosen, to=name)):
            with pytest.raises(PeerNotFoundError) as caught:
                ask()
            assert caught.value.near_misses == nearest


# What several places tell.


def link(alias: str, at: str, *places: Provenance, **more: Any) -> Link:
    addresses = tuple(map(ip_address, at.split()))
    return Link(alias, addresses=addresses, provenances=places, **more)


def test_what_agrees_is_one_link_with_every_place_the_freshest_first() -> None:
    report = reconciled(
        [
            link("db", "10.7.0.2", ENVIRON, recipient="app", environ={"A": "s3cret"}),
            link("db", "10.7.0.2", HOSTS),
            link("db", "10.7.0.2 fd07::2", LEGACY, LISTING, peer="db", peer_state="running"),
        ]
    )
    [one] = report.links
    assert told(one) == (
        "app -> db:db: 10.7.0.2 fd07::2 [] running; legacy link, listed name, hosts file, variables"
    )
    assert one.environ == {"A": "s3cret"}
    assert report.diagnostics == ()


@pytest.mark.parametrize("turn", [1, -1])
def test_where_addresses_disagree_the_fresher_place_is_right_and_the_other_is_named(
    turn: int,
) -> None:
    old, new = link("db", "10.7.0.9", ENVIRON), link("db", "10.7.0.2", HOSTS)
    report = reconciled([old, new][::turn])
    assert [told(one) for one in report.links] == [
        "None -> db: 10.7.0.2 [] None; hosts file, variables"
    ]
    assert list(map(str, report.diagnostics)) == [
        "variables: db: stale: it says 10.7.0.9; fresh from hosts file: 10.7.0.2"
    ]


def test_of_a_peer_that_does_not_run_nobody_knows_an_address() -> None:
    gone = link("db", "", NETWORK, ALIAS, peer="db", peer_state="exited")
    report = reconciled([link("db", "10.7.0.9", ENVIRON), gone])
    assert [told(one) for one in report.links] == [
        "None -> db:db:  [] exited; network link, network alias, variables"
    ]
    assert list(map(str, report.diagnostics)) == [
        (
            "variables: db: stale: it says 10.7.0.9; "
            "fresh from network link and network alias: its peer is exited"
        )
    ]


def test_an_address_that_the_freshest_place_does_not_know_is_taken_from_another() -> None:
    known = link("db", "", LISTING, peer="db", peer_state="running")
    report = reconciled([link("db", "10.7.0.2", HOSTS), known])
    assert [told(one) for one in report.links] == [
        "None -> db:db: 10.7.0.2 [] running; listed name, hosts file"
    ]
    assert report.diagnostics == ()


def test_links_to_replicas_under_one_alias_stay_apart() -> None:
    one = link("db", "10.7.0.2", NETWORK, peer="db-1", networks=("app",))
    two = link("db", "10.7.0.3", NETWORK, peer="db-2", networks=("app",))
    report = reconciled([link("db", "10.7.0.3", HOSTS), one, two])
    assert [told(each) for each in report.links] == [
        "None -> db-1:db: 10.7.0.2 [app] None; network link",
        "None -> db-2:db: 10.7.0.3 [app] None; network link, hosts file",
    ]
    assert report.diagnostics == ()


def test_variables_that_tell_the_prefix_alone_are_of_the_alias_that_has_it() -> None:
    told_by_engine = link("DB-main", "10.7.0.2", LEGACY)
    of_prefix = link("db_main", "10.7.0.2", ENVIRON, kind=LinkKind.UNCONFIRMED)
    assert [one.alias for one in reconciled([of_prefix, told_by_engine]).links] == ["DB-main"]
    spelled = evolve(of_prefix, kind=LinkKind.DOCKER)
    assert [one.alias for one in reconciled([spelled, told_by_engine]).links] == [
        *("DB-main", "db_main"),
    ]


def test_a_link_of_no_place_is_the_least_fresh() -> None:
    report = reconciled([link("db", "10.7.0.9"), link("db", "10.7.0.2", ENVIRON)])
    assert [str(one.address) for one in report.links] == ["10.7.0.2"]


def test_a_fact_tells_of_a_link_where_it_says_so() -> None:
    assert told_link(fact("db", "10.7.0.2")) is None
    line = told_link(fact("db a1b2 postgres", "10.7.0.2", "80", provenance=HOSTS))
    assert line is not None
    assert (told(line), line.kind) == ("None -> db: 10.7.0.2 [] None; hosts file", LinkKind.DOCKER)
    assert list(map(str, line.ports)) == ["80/tcp"]
    for names, kind in (("db", LinkKind.DOCKER), ("a_b a-b", LinkKind.UNCONFIRMED)):
        told_by_variables = told_link(fact(names, "10.7.0.2", provenance=ENVIRON))
        assert told_by_variables is not None
        assert told_by_variables.kind is kind
