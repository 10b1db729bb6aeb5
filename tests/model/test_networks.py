"""Networks: where the engine's host is on them."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from attrs import evolve
from builders import NETWORKS

from dockernet.model.networks import Network


@pytest.mark.parametrize(
    "subnets, gateways, family, expected",
    [
        (["10.7.0.0/16"], ["10.7.0.254"], 4, "10.7.0.254"),
        (["10.7.0.0/16"], [], 4, "10.7.0.1"),
        (["10.7.0.0/16", "fd07::/64"], ["10.7.0.254"], 6, "fd07::1"),
        (["10.7.0.0/16"], ["10.7.0.254"], 6, None),
        (["10.7.0.0/30"], [], 4, "10.7.0.1"),
        (["10.7.0.0/31"], [], 4, None),
        (["10.7.0.4/32"], [], 4, None),
        ([], ["10.7.0.1"], 4, "10.7.0.1"),
        ([], [], 4, None),
    ],
    ids=[
        "the gateway that the engine tells",
        "else the first address of the subnet",
        "each family has its own",
        "a family that is not there",
        "a subnet of four",
        "a subnet of two has none to spare",
        "nor has one address",
        "a gateway without a subnet",
        "nothing told",
    ],
)
def test_the_host_s_address_on_a_bridge(
    subnets: list[str], gateways: list[str], family: int, expected: str | None
) -> None:
    made = Network(
        id="n",
        name="app",
        subnets=tuple(map(ip_network, subnets)),
        gateways=tuple(map(ip_address, gateways)),
    )
    found = made.host_address(family)
    assert (found and str(found)) == expected


@pytest.mark.parametrize(
    "default, expected", [(False, "10.7.128.0"), (True, "10.7.0.1")], ids=["own", "default"]
)
def test_what_containers_see_counts_where_the_network_tells_nothing(
    default: object, expected: str
) -> None:
    """But for the default bridge, whose gateway may be set to a router."""
    app = evolve(NETWORKS["app"], is_default_bridge=bool(default), gateways=())
    seen = (ip_address("10.7.128.0"), ip_address("fd07::80"))
    assert str(app.host_address(4, seen)) == expected
    assert NETWORKS["app"].host_address(4, seen) == ip_address("10.7.0.1")


def test_the_host_has_no_address_on_an_isolated_bridge() -> None:
    inner = evolve(NETWORKS["inner"], isolated=(4,))
    assert (inner.host_address(4), str(inner.host_address(6))) == (None, "fd09::1")


@pytest.mark.parametrize("driver", ["macvlan", "ipvlan", "overlay", "host", "null", "weave"])
def test_the_host_is_on_bridges_only(driver: str) -> None:
    """The gateway of another network is a router, or nobody."""
    facts: dict[str, Any] = {"gateways": NETWORKS["app"].gateways, "driver": driver}
    made = Network(id="n", name="app", **facts)
    assert (made.is_bridge, made.host_address(4)) == (False, None)


def test_a_network_shows_its_name() -> None:
    assert str(NETWORKS["app"]) == "app"
