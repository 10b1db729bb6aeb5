"""Addresses and subnets: what is read as one, and their order."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockernet.errors import FormatError
from dockernet.model.addresses import address_order, parse_address, parse_network


@pytest.mark.parametrize(
    "text, address",
    [
        ("172.17.0.2", IPv4Address("172.17.0.2")),
        ("fd00::2", IPv6Address("fd00::2")),
        ("FD00:0:0::2", IPv6Address("fd00::2")),
        ("[fd00::2]", IPv6Address("fd00::2")),
        ("::ffff:10.0.0.1", IPv6Address("::ffff:10.0.0.1")),
    ],
)
def test_an_address_is_read(text: str, address: Any) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "expected an IPv4 or IPv6 address"),
        ("[]", "expected an IPv4 or IPv6 address"),
        ("[", "expected an IPv4 or IPv6 address"),
        ("[fd00::2", "expected an IPv4 or IPv6 address"),
        ("[[fd00::2]]", "expected an IPv4 or IPv6 address"),
        ("172.17.0.02", "expected an IPv4 or IPv6 address"),
        ("172.17.0.2/16", "expected an IPv4 or IPv6 address"),
        (" 172.17.0.2", "expected an IPv4 or IPv6 address"),
        ("db", "expected an IPv4 or IPv6 address"),
        ("[172.17.0.2]", "brackets are for IPv6 addresses only"),
        ("fe80::1%eth0", "expected an IPv6 address without a scope"),
        ("[fe80::1%eth0]", "expected an IPv6 address without a scope"),
    ],
)
def test_what_is_no_address_is_named(text: str, reason: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_address(text)
    assert (caught.value.text, caught.value.reason) == (text, reason)


@pytest.mark.parametrize(
    "text, network",
    [
        ("172.17.0.0/16", "172.17.0.0/16"),
        ("172.17.0.1/16", "172.17.0.0/16"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("fd00::1/64", "fd00::/64"),
        ("10.0.0.7", "10.0.0.7/32"),
    ],
)
def test_a_subnet_is_read_without_its_host_bits(text: str, network: str) -> None:
    assert parse_network(text) == ip_network(network)


@pytest.mark.parametrize("text", ["", "/16", "172.17.0.0/33", "db/16", "172.17.0.0/16/16"])
def test_what_is_no_subnet_is_named(text: str) -> None:
    with pytest.raises(FormatError, match="expected a subnet such as") as caught:
        parse_network(text)
    assert caught.value.text == text


def test_the_order_is_ipv4_first_then_by_number() -> None:
    texts = ["fd00::2", "10.0.0.10", "::1", "10.0.0.9", "9.9.9.9"]
    ordered = sorted(map(ip_address, texts), key=address_order)
    assert list(map(str, ordered)) == ["9.9.9.9", "10.0.0.9", "10.0.0.10", "::1", "fd00::2"]


@given(st.ip_addresses())
def test_what_is_shown_of_an_address_reads_as_the_same(address: Any) -> None:
    assert parse_address(str(address)) == address
    bits = address.max_prefixlen
    assert parse_network(f"{address}/{bits}") == ip_network(address)


@given(st.text() | st.text(alphabet="0123456789abcdef:./[]%e "))
def test_any_text_is_an_address_or_a_format_error(text: str) -> None:
    with suppress(FormatError):
        assert parse_address(text).version in (4, 6)
    with suppress(FormatError):
        assert parse_network(text).version in (4, 6)
