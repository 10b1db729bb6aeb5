"""Which addresses are worth asking for, and in which order."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockernet.model.addresses import IPAddress
from dockernet.sources._dns.sweep import Home, Sweep, homes


def home(own: str, subnet: str) -> Home:
    return Home(ip_network(subnet), ip_address(own))


def swept(
    *places: Home, taken: Iterable[str] = (), gateways: Iterable[str] = ()
) -> tuple[list[str], Sweep]:
    """The addresses that are asked for, where somebody has those that are taken."""
    known = set(map(ip_address, taken))
    sweep = Sweep(places, frozenset(map(ip_address, gateways)))
    asked: list[str] = []
    while (address := sweep.next_address()) is not None:
        asked.append(str(address))
        if address in known:
            sweep.meet(address)
    return asked, sweep


def test_addresses_are_taken_from_both_ends_in_turns() -> None:
    asked, _ = swept(home("10.7.0.9", "10.7.0.0/24"), gateways=["10.7.0.1"])
    ends = ["10.7.0.2", "10.7.0.10", "10.7.0.8", "10.7.0.3", "10.7.0.11", "10.7.0.7"]
    assert asked[:6] == ends
    assert len(asked) == len(set(asked))
    assert not {"10.7.0.0", "10.7.0.1", "10.7.0.9"} & set(asked)


def test_it_ends_64_addresses_beyond_the_last_that_somebody_has() -> None:
    """The own address is somebody's, on the way up from the first."""
    asked, sweep = swept(home("10.7.0.9", "10.7.0.0/16"), taken=["10.7.0.60"])
    assert max(asked, key=ip_address) == "10.7.0.124"
    assert (len(asked), sweep.exhausted) == (123, False)


def test_a_gap_of_less_than_64_is_survived() -> None:
    near, _ = swept(home("10.7.0.9", "10.7.0.0/16"), taken=["10.7.0.73"])
    far, _ = swept(home("10.7.0.9", "10.7.0.0/16"), taken=["10.7.0.74"])
    assert ("10.7.0.137" in near, "10.7.0.74" in far) == (True, False)


def test_an_address_met_from_the_other_end_counts_in_passing() -> None:
    """From the first address up, through those that were met on the way down."""
    taken = [f"10.7.0.{n}" for n in range(90, 160)]
    asked, _ = swept(home("10.7.0.160", "10.7.0.0/16"), taken=taken)
    assert {f"10.7.0.{n}" for n in range(1, 160)} <= set(asked)


def test_a_late_answer_opens_the_way_again() -> None:
    sweep = Sweep((home("10.7.0.1", "10.7.0.0/16"),), frozenset())
    first = [a for _ in range(100) if (a := sweep.next_address()) is not None]
    assert (len(first), sweep.next_address()) == (64, None)
    sweep.meet(ip_address("10.7.0.50"))
    assert sweep.next_address() == ip_address("10.7.0.66")


def test_what_was_not_passed_yet_does_not_lead_further() -> None:
    sweep = Sweep((home("10.7.0.1", "10.7.0.0/16"),), frozenset())
    sweep.meet(ip_address("10.7.0.200"))
    sweep.meet(ip_address("10.8.0.2"))
    rest = [a for _ in range(300) if (a := sweep.next_address()) is not None]
    assert len(rest) == 64


def test_ipv6_comes_when_ipv4_is_through() -> None:
    asked, _ = swept(home("fd07::3", "fd07::/64"), home("10.7.0.2", "10.7.0.0/30"))
    assert asked[:4] == ["10.7.0.1", "fd07::1", "fd07::4", "fd07::2"]
    assert asked[-1] == "fd07::43"


def test_never_more_than_256_are_asked_for() -> None:
    everybody = [f"10.7.{n // 256}.{n % 256}" for n in range(2000)]
    asked, sweep = swept(home("10.7.3.9", "10.7.0.0/16"), taken=everybody)
    assert (len(asked), sweep.exhausted) == (256, True)


@pytest.mark.parametrize(
    "own, subnet, asked",
    [
        ("10.7.0.1", "10.7.0.1/32", []),
        ("10.7.0.1", "10.7.0.0/31", ["10.7.0.0"]),
        ("10.7.0.1", "10.7.0.0/30", ["10.7.0.2"]),
        ("fd07::1", "fd07::/127", ["fd07::"]),
        ("fd07::1", "fd07::/126", ["fd07::2", "fd07::3"]),
        ("255.255.255.254", "255.255.255.252/30", ["255.255.255.253"]),
    ],
)
def test_small_subnets_have_few_neighbours(own: str, subnet: str, asked: list[str]) -> None:
    assert swept(home(own, subnet))[0] == asked


@given(st.data(), st.integers(0, 30), st.sets(st.integers(0, 255), max_size=40))
def test_each_is_asked_for_once_and_none_outside(
    data: st.DataObject, bits: int, taken: set[int]
) -> None:
    subnet = ip_network((0x0A070000, 32 - min(bits, 16)), strict=False)
    own = subnet[data.draw(st.integers(0, subnet.num_addresses - 1))]
    asked, _ = swept(
        Home(subnet, own), taken=(str(subnet[n % subnet.num_addresses]) for n in taken)
    )
    assert len(asked) == len(set(asked)) <= 256
    assert all(ip_address(a) in subnet and a != str(own) for a in asked)


def ips(text: str) -> tuple[IPAddress, ...]:
    return tuple(map(ip_address, text.split()))


def test_the_caller_is_at_home_in_the_narrowest_subnet_once_each() -> None:
    subnets = [ip_network(s) for s in ("fd07::/64", "10.0.0.0/8", "10.7.0.0/16", "10.9.0.0/16")]
    found = homes(ips("fd07::9 10.7.0.9 10.7.0.10 192.0.2.1"), subnets)
    assert found == (home("10.7.0.9", "10.7.0.0/16"), home("fd07::9", "fd07::/64"))


@pytest.mark.parametrize(
    "own, counted", [("fd07::2", True), ("fd07::ffff", True), ("fd07::42:acff:fe11:2", False)]
)
def test_only_counted_ipv6_addresses_have_findable_neighbours(own: str, *, counted: bool) -> None:
    assert bool(homes(ips(own), [ip_network("fd07::/64")])) == counted
