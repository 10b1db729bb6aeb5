"""Networks: where the engine's host is on them."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
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


@pytest.mark.parametrize("driver", ["macvlan", "ipvlan", "overlay", "host", "null", "weave"])
def test_the_host_is_on_bridges_only(driver: str) -> None:
    """The gateway of another network is a router, or nobody."""
    facts: dict[str, Any] = {"gateways": NETWORKS["app"].gateways, "driver": driver}
    made = Network(id="n", name="app", **facts)
    assert (made.is_bridge, made.host_address(4)) == (False, None)


def test_a_network_shows_its_name() -> None:
    assert str(NETWORKS["app"]) == "app"
