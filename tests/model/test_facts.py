"""What sources say, and where callers stand: what follows from the plain facts."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
from builders import container, fact, identity, inside, inventory, on_host

from dockernet.model.facts import EngineProfile, Freshness
from dockernet.model.vantage import Vantage, VantageKind


@pytest.mark.parametrize(
    "version, major",
    [
        ("28.5.2", 28),
        ("20.10.24+dfsg1", 20),
        ("4.3.1", 4),
        ("", 0),
        ("v28", 0),
        ("²8.1", 0),
        ("123456.0", 0),
    ],
)
def test_the_major_version(version: str, major: int) -> None:
    assert EngineProfile(version=version).major == major


@pytest.mark.parametrize(
    "host, over_loopback",
    [
        (None, True),
        ("localhost", True),
        (ip_address("127.0.0.5"), True),
        (ip_address("::1"), True),
        (ip_address("0.0.0.0"), True),
        ("localhost.example", False),
        (ip_address("192.0.2.7"), False),
    ],
)
def test_whether_an_engine_is_reached_over_loopback(host: Any, over_loopback: object) -> None:
    assert EngineProfile(host=host).over_loopback is over_loopback


@pytest.mark.parametrize("told, kept", [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("::2", "::2")])
def test_an_unspecified_host_is_kept_as_what_dialling_it_means(told: str, kept: str) -> None:
    assert EngineProfile(host=ip_address(told)).host == ip_address(kept)


def test_an_engine_may_have_its_networks_apart() -> None:
    assert not EngineProfile(system="Debian GNU/Linux 12").apart
    assert EngineProfile(rootless=True).apart
    desktop = EngineProfile(system="Docker Desktop 4.60")
    assert (desktop.desktop, desktop.apart) == (True, True)


def test_an_inventory_finds_by_id_or_by_a_unique_prefix_of_twelve() -> None:
    web, whole = container("web"), inventory(container("web"), container("db"))
    assert whole.container(web.id) == whole.container(web.id[:12]) == web
    assert whole.container(web.id[:11]) is None
    assert whole.container("") is None
    assert whole.container("f" * 12) is None
    twice = inventory(web, container("x", id=f"{web.id[:12]}{'0' * 52}"))
    assert twice.container(web.id[:12]) is None
    assert twice.container(web.id) == web


def test_an_inventory_knows_a_container_by_its_name_too() -> None:
    web, db = container("web"), container("db")
    whole = inventory(web, db, container("", id="f" * 64))
    assert whole.named("web") == whole.named(web.id) == whole.named(web.id[:12]) == web
    assert whole.named("we") is whole.named("/web") is whole.named("") is None
    named_like_it = inventory(db, container(db.id[:12]))
    assert named_like_it.named(db.id[:12]) == container(db.id[:12])


def test_an_inventory_finds_networks_by_id() -> None:
    found = inventory().network(identity("app"))
    assert found is not None
    assert found.name == "app"
    assert inventory().network("app") is None


def test_a_fact_goes_by_its_first_name_else_by_its_address() -> None:
    assert fact("db data", "10.7.0.2").name == "db"
    assert fact("", "10.7.0.2").name == "10.7.0.2"
    assert fact("").name == ""


def test_the_fresher_is_the_greater() -> None:
    assert sorted(Freshness) == [
        Freshness.STARTED,
        Freshness.WRITTEN,
        Freshness.ANSWERED,
        Freshness.LIVE,
    ]


def test_a_vantage_s_own_addresses_and_subnets_are_without_loopback() -> None:
    found = on_host()
    assert not [a for a in found.addresses if a.is_loopback]
    assert {str(a) for a in found.addresses} >= {"192.0.2.7", "2001:db8::7", "10.17.0.1"}
    assert {str(s) for s in found.subnets} >= {"10.17.0.0/16", "fd17::/64"}


def test_a_vantage_s_gateway_is_of_the_family() -> None:
    found = inside(container("web", {"app": 2}))
    assert [str(found.gateway(family)) for family in (4, 6)] == ["10.7.0.1", "fd07::1"]
    assert Vantage().gateway(4) is None


@pytest.mark.parametrize(
    "facts, shown",
    [
        ({}, "unknown"),
        ({"kind": VantageKind.HOST}, "host"),
        ({"kind": VantageKind.CONTAINER, "id": "c" * 64}, f"container {'c' * 12}"),
        ({"kind": VantageKind.CONTAINER, "id": "c" * 64, "name": "web"}, "container web"),
    ],
)
def test_a_vantage_shows_its_kind_and_its_container(facts: dict[str, Any], shown: str) -> None:
    assert str(Vantage(**facts)) == shown
