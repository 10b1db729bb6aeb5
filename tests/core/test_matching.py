"""Which container a target means, from where it is asked."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from attrs import evolve
from builders import (
    NAMES,
    TARGETS,
    beside,
    callers,
    container,
    identity,
    inside,
    inventories,
    inventory,
    labels,
    listed,
    on_host,
    turned,
)
from hypothesis import given
from hypothesis import strategies as st

from dockernet._matching import behind, known_names, match, near_misses, undetailed
from dockernet._standing import standing
from dockernet.errors import AmbiguousPeerError
from dockernet.formats.engine import with_details
from dockernet.model.containers import Container
from dockernet.model.facts import Inventory
from dockernet.model.mappings import FrozenMap
from dockernet.model.targets import Target
from dockernet.model.vantage import Vantage

ME = container("me", {"app": 9}, service="shop/web", links=["db:store", "gone:lost", "DB:Case"])
LINKED = container("db", {"other": 5})
CAMEL = container("DB", {"other": 3})


SERVICE = FrozenMap({"com.docker.compose.service": "web"})


def means(target: Target | str, *there: Container, vantage: Vantage | None = None) -> str:
    """The names of who is meant, seen from the first container; in any order."""
    whole = inventory(*there)
    asking = inside(there[0]) if vantage is None else vantage
    wanted = Target.parse(target) if isinstance(target, str) else target
    found, again = (
        " ".join(map(str, match(wanted, known, standing(asking, known)).peers))
        for known in (whole, turned(whole))
    )
    assert found == again
    return found


def one(name: str, network: str = "other", aliases: str = "", service: str = "") -> Container:
    """A container on one network, with aliases there."""
    return container(name, {network: 2}, aliases={network: aliases}, service=service)


# The target, who is there beside the caller, and who is meant.
WAYS = {
    "a link alias goes before a container of that name": ("store", [LINKED, one("store")], "db"),
    "a link alias is taken by the letter": ("STORE", [LINKED, one("Store")], "Store"),
    "a link names its peer by the letter": ("Case", [LINKED, CAMEL], "DB"),
    "a dangling link hides a container of that name": ("lost", [one("lost", "app")], ""),
    "a container is meant by its name": ("db", [LINKED], "db"),
    "a name goes by the letter before any case": ("db", [CAMEL, LINKED], "db"),
    "a name in another case is that name": ("dB", [LINKED], "db"),
    "a name here goes before a name elsewhere": ("dB", [LINKED, one("DB", "app")], "DB"),
    "a name here goes before an alias here": (
        "db",
        [one("db", "app"), one("a", "app", "db")],
        "db",
    ),
    "an alias here is found in any case": ("Store2", [one("a", "app", "x store2")], "a"),
    "an alias here goes before a name elsewhere": ("db", [LINKED, one("a", "app", "db")], "a"),
    "a name elsewhere goes before the own service": (
        "db",
        [LINKED, one("a", "other", "", "shop/db")],
        "db",
    ),
    "an alias here goes before the own service": (
        "api",
        [one("a", "other", "", "shop/api"), one("b", "app", "api")],
        "b",
    ),
    "the own project's service goes before others": (
        "api",
        [one("a", "other", "", "mall/api"), one("b", "other", "", "shop/api")],
        "b",
    ),
    "a service of another project is found where it is the only one": (
        "till",
        [one("a", "other", "", "mall/till")],
        "a",
    ),
    "a service goes before an alias elsewhere": (
        "till",
        [one("a", "other", "till"), one("b", "other", "", "mall/till")],
        "b",
    ),
    "an alias elsewhere comes last": ("till", [one("a", "other", "till")], "a"),
    "an alias elsewhere is found beside the caller's own networks": (
        "till",
        [container("a", {"app": 2, "other": 2}, aliases={"other": "till"})],
        "a",
    ),
    "twelve digits of an id do": (identity("db")[:12], [LINKED, CAMEL], "db"),
    "an id is found in upper case": (identity("db")[:20].upper(), [LINKED, CAMEL], "db"),
    "eleven digits do not": (identity("db")[:11], [LINKED], ""),
    "a whole id goes before a container of that name": (
        identity("db"),
        [one(identity("db"), "app"), LINKED],
        "db",
    ),
    "a project's service": ("mall/db", [LINKED, one("a", "other", "", "mall/db")], "a"),
    "a project's container, by its name": ("mall/a", [one("a", "other", "", "mall/db")], "a"),
    "a project's service goes before its container of that name": (
        "mall/a",
        [one("a", "other", "", "mall/db"), one("b", "other", "", "mall/a")],
        "b",
    ),
    "a container is in no other project": ("shop/a", [one("a", "other", "", "mall/db")], ""),
    "a link alias is in no project": ("shop/store", [LINKED], ""),
    "an address": ("10.8.0.5", [LINKED, CAMEL], "db"),
    "an IPv6 address": ("[fd08::3]", [LINKED, CAMEL], "DB"),
    "an address that nobody has": ("10.8.0.4", [LINKED, CAMEL], ""),
    "a name that nobody has": ("nobody", [LINKED], ""),
    "a container's shared namespace does not matter": (
        "side",
        [LINKED, beside("side", "db")],
        "side",
    ),
}


@pytest.mark.parametrize("target, there, expected", WAYS.values(), ids=WAYS)
def test_the_ways_of_meaning_a_container(
    target: str, there: list[Container], expected: str
) -> None:
    assert means(target, ME, *there) == expected


AMBIGUOUS = {
    "two names that differ in case alone": ("dB", [LINKED, CAMEL], ["DB", "db"]),
    "one alias here of two containers": (
        "x",
        [one("a", "app", "x"), one("b", "app", "X")],
        ["a", "b"],
    ),
    "one alias here of a container and a service without a project": (
        "x",
        [one("a", "app", "x"), evolve(one("b", "app", "x"), labels=SERVICE)],
        ["a", "b"],
    ),
    "one service name of two projects": (
        "till",
        [one("a", "other", "", "mall/till"), one("b", "other", "", "mill/till")],
        ["mall/till", "mill/till"],
    ),
    "one replica of two projects": (
        "till-2",
        [one("a", "other", "", "mall/till/2"), one("b", "other", "", "mill/till/2")],
        ["mall/till-2", "mill/till-2"],
    ),
    "one alias elsewhere of a service and a container": (
        "x",
        [one("a", "other", "x", "mall/till"), one("b", "lan", "x")],
        ["b", "mall/till"],
    ),
}


@pytest.mark.parametrize("target, there, candidates", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_two_that_fit_equally_well_are_ambiguous(
    target: str, there: list[Container], candidates: list[str]
) -> None:
    with pytest.raises(AmbiguousPeerError) as caught:
        means(target, ME, *there)
    assert (caught.value.target, caught.value.candidates) == (target, tuple(candidates))


def test_an_ambiguous_container_without_a_name_is_told_by_its_short_id() -> None:
    nameless = evolve(one("a", "app", "x"), name="")
    with pytest.raises(AmbiguousPeerError) as caught:
        means("x", ME, nameless, one("b", "app", "x"))
    assert caught.value.candidates == tuple(sorted((nameless.short_id, "b")))


def test_a_link_s_peer_is_found_by_name_before_an_id() -> None:
    linking = container("me", {"app": 9}, links=[f"{identity('db')[:12]}:store"])
    assert means("store", linking, LINKED, one(identity("db")[:12])) == identity("db")[:12]
    assert means("store", linking, LINKED) == "db"


def test_replicas_are_in_the_order_of_their_numbers() -> None:
    replicas = [one(f"web-{n}", "other", "", f"shop/web/{n}") for n in (10, 2, 1)]
    assert means("web", one("x", "app", "", "shop/x"), *replicas) == "web-1 web-2 web-10"


def test_replicas_that_do_not_run_are_left_out() -> None:
    """Unless none runs: then it is told that they do not."""
    one_, two = (one(f"web-{n}", "other", "", f"shop/web/{n}") for n in (1, 2))
    down = evolve(one_, state="exited")
    assert means("web", one("x"), down, two) == "web-2"
    assert means("web", one("x"), down, evolve(two, state="paused")) == "web-1 web-2"


def test_a_one_off_run_is_no_replica_of_its_service() -> None:
    shell = container("web-run-1", {"app": 3}, service="shop/web", one_off=True)
    web = one("web-1", "app", "", "shop/web")
    assert means("web", one("x", "app"), shell, web) == "web-1"
    assert means("web", one("x", "app"), shell) == ""
    assert means("web-run-1", one("x", "app"), shell, web) == "web-run-1"


# Two replicas of a service, a one-off run of it that goes by its name as well, and a peer.
WEB = tuple(one(f"shop-web-{n}", "app", "web", f"shop/web/{n}") for n in (1, 2))
SHELL = evolve(one("shop-web-run", "app", "web"), labels=labels("shop/web/1", one_off=True))
SHOP_DB = one("shop-db-1", "app", "db", "shop/db")


def linked(links: str, target: str, *more: Container, project: str = "shop") -> str:
    """Who is meant, asked beside them by a container of a project with links."""
    asking = container("asking", {"app": 9}, service=f"{project}/api", links=links.split())
    return means(target, asking, *WEB, SHOP_DB, *more)


@pytest.mark.parametrize(
    "target, expected",
    [
        ("web-2", "shop-web-2"),
        ("web_2", "shop-web-2"),
        ("shop/web-1", "shop-web-1"),
        ("shop/web_1", "shop-web-1"),
        ("shop/shop-web-2", "shop-web-2"),
        ("web-3", ""),
        ("web.2", ""),
        ("web2", ""),
        ("web-02", ""),
        ("mall/web-1", ""),
        ("None-1", ""),
    ],
)
def test_a_replica_is_meant_by_its_service_and_number(target: str, expected: str) -> None:
    loose = evolve(one("loose"), labels=FrozenMap({"com.docker.compose.container-number": "1"}))
    for asking in (one("x"), one("x", "app", "", "shop/x"), one("x", "app", "", "mall/x")):
        assert means(target, asking, *WEB, SHOP_DB, loose) == expected


def test_a_service_of_a_replica_s_name_goes_before_the_replica() -> None:
    named = one("a", "other", "", "shop/web-2")
    assert means("web-2", one("x", "lan"), *WEB, named) == "a"
    assert means("shop/web-2", one("x", "lan"), *WEB, named) == "a"
    other = one("a", "other", "", "mall/web-2")
    assert means("web-2", one("x", "lan", "", "shop/x"), *WEB, other) == "shop-web-2"


def test_a_one_off_run_is_not_numbered() -> None:
    assert means("web-1", one("x", "lan"), SHELL, SHOP_DB) == ""


def test_a_one_off_run_comes_last_where_it_goes_by_the_service_s_alias() -> None:
    """As with ``docker compose run --use-aliases``: the embedded DNS tells it, too."""
    last = "shop-web-1 shop-web-2 shop-web-run"
    assert means("web", one("x", "app"), SHELL, *WEB) == last
    assert means("web", one("x", "lan"), SHELL, *WEB) == "shop-web-1 shop-web-2"
    assert means("web", one("x", "lan"), SHELL) == "shop-web-run"


# What Compose 1 and 2 make of links to a service with two replicas, for recipient number 1.
LINKS_1 = "shop-web-1:shop-web-1 shop-web-1:web shop-web-1:web_1 shop-web-2:web_2"
LINKS_2 = " ".join(f"shop-web-{n}:{a}" for n in (1, 2) for a in ("web", "web-1", "shop-web-1"))


@pytest.mark.parametrize("links", [LINKS_1, LINKS_2], ids=["Compose 1", "Compose 2"])
@pytest.mark.parametrize(
    "target, expected",
    [
        ("web", "shop-web-1 shop-web-2"),
        ("web-1", "shop-web-1"),
        ("web_1", "shop-web-1"),
        ("web-2", "shop-web-2"),
        ("web_2", "shop-web-2"),
        ("shop-web-1", "shop-web-1"),
        ("shop-web-2", "shop-web-2"),
    ],
)
def test_a_link_to_a_service_does_not_hide_its_replicas(
    links: str, target: str, expected: str
) -> None:
    assert linked(links, target) == expected
    assert linked(links, target, SHELL) == expected


def test_another_alias_of_a_service_is_as_the_links_have_it() -> None:
    assert linked("shop-web-1:site shop-web-2:site", "site") == "shop-web-1 shop-web-2"
    assert linked("shop-web-2:site", "site") == "shop-web-2"
    assert linked("gone:site shop-web-2:site", "site") == "shop-web-2"
    assert linked("shop-web-1:db shop-web-2:db", "db") == "shop-web-1 shop-web-2"


def test_a_link_from_another_project_is_believed_by_the_letter() -> None:
    """Somebody chose that very container, whatever Compose calls it."""
    for project in ("mall", ""):
        for alias in ("web", "web-1", "shop-web-1"):
            links = f"shop-web-2:{alias}"
            assert linked(links, alias, project=project) == "shop-web-2"


def test_one_alias_of_two_services_is_ambiguous() -> None:
    with pytest.raises(AmbiguousPeerError) as caught:
        linked("shop-web-1:x shop-db-1:x", "x")
    assert caught.value.candidates == ("shop/db", "shop/web")


def test_linked_replicas_that_do_not_run_are_left_out() -> None:
    down = evolve(WEB[0], state="exited")
    asking = container("asking", {"app": 9}, service="shop/api", links=LINKS_2.split())
    assert means("web", asking, down, WEB[1]) == "shop-web-2"
    assert means("web-1", asking, down, WEB[1]) == "shop-web-1"


def test_on_a_network_that_projects_share_the_own_one_s_service_is_meant() -> None:
    there = [*WEB, one("mall-web-1", "app", "web", "mall/web")]
    assert means("web", one("x", "app", "", "shop/x"), *there) == "shop-web-1 shop-web-2"
    assert means("web", one("x", "app", "", "mall/x"), *there) == "mall-web-1"
    down = [evolve(c, state="exited") for c in WEB]
    assert means("web", one("x", "app", "", "shop/x"), *down, there[2]) == "shop-web-1 shop-web-2"
    for stranger in (one("x", "app"), one("x", "app", "", "mill/x")):
        with pytest.raises(AmbiguousPeerError) as caught:
            means("web", stranger, *there)
        assert caught.value.candidates == ("mall/web", "shop/web")


def test_an_address_that_two_networks_use_is_the_one_of_the_caller_s() -> None:
    here, there = one("here", "app"), evolve(one("there"), networks=one("x", "app").networks)
    there = evolve(there, networks=(evolve(there.networks[0], network_id="y"),))
    assert means("10.7.0.2", ME, there, here) == "here"
    with pytest.raises(AmbiguousPeerError):
        means("10.7.0.2", ME, there, here, vantage=on_host())


def test_a_container_that_has_an_address_twice_is_one_container() -> None:
    place = LINKED.networks[0]
    assert means("10.8.0.5", ME, evolve(LINKED, networks=(place, place))) == "db"


def test_without_a_name_or_a_network_there_is_nothing_to_match() -> None:
    """What an engine leaves empty is not what a target leaves empty."""
    nameless = evolve(one("a", "app"), id="", name="")
    created = one("b", "app", "till")
    created = evolve(created, networks=(evolve(created.networks[0], network_id=""),))
    nowhere, till = evolve(ME, networks=created.networks), one("c", "other", "", "mall/till")
    assert means(Target(""), ME, nameless) == ""
    assert means("till", nowhere, created, till) == "c"


def test_on_the_host_there_are_neither_links_nor_neighbours() -> None:
    assert means("store", ME, LINKED, one("store"), vantage=on_host()) == "store"
    assert means("db", ME, LINKED, one("a", "app", "db"), vantage=on_host()) == "db"


# Details, read as far as they matter.


def settle(target: Target | None, vantage: Vantage, whole: Inventory) -> tuple[Inventory, int]:
    """Read details as an engine does until nothing more is asked for; count the rounds."""
    known = evolve(whole, containers=tuple(map(listed, whole.containers)))
    rounds = 0
    while ids := undetailed(target, known, standing(vantage, known)):
        unread = {c.id for c in known.containers if c.links is None}
        assert unread.issuperset(ids)
        rounds += 1
        read = [c for c in whole.containers if c.id in ids]
        known = evolve(known, containers=with_details(known.containers, read))
    return known, rounds


def matched(target: Target, vantage: Vantage, whole: Inventory) -> tuple[str, ...]:
    try:
        return tuple(c.id for c in match(target, whole, standing(vantage, whole)).peers)
    except AmbiguousPeerError as error:
        return ("ambiguous", *error.candidates)


@given(st.data(), inventories(), TARGETS)
def test_reading_details_ends_and_is_as_good_as_reading_all(
    data: st.DataObject, whole: Inventory, target: Target
) -> None:
    vantage = data.draw(callers(whole))
    known, rounds = settle(target, vantage, whole)
    assert rounds <= len(whole.containers)
    assert matched(target, vantage, known) == matched(target, vantage, whole)
    assert matched(target, vantage, known) == matched(target, vantage, turned(known))


READ = {
    "nobody, to list peers on a host": (None, on_host(), ""),
    "the caller, to list peers in a container": (None, inside(ME), "me"),
    "the peer alone, on a host": ("db", on_host(), "db"),
    "the peer alone, by its address": ("10.8.0.5", on_host(), "db"),
    "the service alone": ("mall/till", on_host(), "till"),
    "the caller and the peer of its link": ("store", inside(ME), "db me"),
    "the caller and a neighbour of that name": ("a", inside(ME), "a me"),
    "the neighbours, for an alias, and then the service": ("till", inside(ME), "a me till"),
    "the owner of the peer's namespace": ("side", on_host(), "a side"),
    "everybody, for an alias elsewhere": ("nobody", on_host(), "a db me side till"),
}


@pytest.mark.parametrize("target, vantage, read", READ.values(), ids=READ)
def test_no_more_is_read_than_matters(target: str | None, vantage: Vantage, read: str) -> None:
    there = (
        ME,
        LINKED,
        one("a", "app"),
        beside("side", "a"),
        one("till", "other", "", "mall/till"),
    )
    known, _ = settle(Target.parse(target) if target else None, vantage, inventory(*there))
    assert " ".join(sorted(c.name for c in known.containers if c.links is not None)) == read


# Near misses, and what is behind a host port.


def test_near_misses_are_the_likest_first_whatever_the_case() -> None:
    known = ("Postgres", "postgres-2", "redis", "postgrest", "progress", "")
    assert near_misses("POSTGRES", known) == ("Postgres", "postgrest", "postgres-2")
    assert near_misses("zebra", known) == ()


@given(st.text(max_size=20), st.lists(st.sampled_from(NAMES) | st.text(max_size=9)))
def test_near_misses_do_not_depend_on_the_order(name: str, known: list[str]) -> None:
    found = near_misses(name, known)
    assert found == near_misses(name, reversed(known))
    assert len(found) <= 3
    assert set(found) <= set(known)


def test_known_names_are_names_services_and_aliases() -> None:
    whole = inventory(one("a", "app", "x y", "shop/web"), listed(one("b", "app", "z")))
    assert sorted(known_names(whole)) == ["a", "b", "web", "x", "y"]


HELD = [
    container("b", {"app": 2}, "0.0.0.0:80->8080/tcp, [::1]:80->8081/tcp, 0.0.0.0:80->53/udp"),
    container("a", {"app": 3}, "192.0.2.7:80->8080/tcp, [::]:81->8080/tcp, 127.0.0.1:90->90/tcp"),
]


@pytest.mark.parametrize(
    "number, protocol, host_ip, expected",
    [
        (80, "tcp", None, "a 8080/tcp, b 8080/tcp, b 8081/tcp"),
        (80, "udp", None, "b 53/udp"),
        (80, "tcp", "192.0.2.7", "a 8080/tcp, b 8080/tcp"),
        (80, "tcp", "192.0.2.8", "b 8080/tcp"),
        (80, "tcp", "::1", "b 8081/tcp"),
        (81, "tcp", "2001:db8::1", "a 8080/tcp"),
        (81, "tcp", "192.0.2.7", ""),
        (8080, "tcp", None, ""),
    ],
)
def test_what_is_behind_a_host_port(
    number: int, protocol: str, host_ip: str | None, expected: str
) -> None:
    found = behind(HELD, number, protocol, ip_address(host_ip) if host_ip else None)
    assert ", ".join(f"{c} {port}" for c, port, _ in found) == expected
