"""The address types of the standard library, under one name each."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from dockernet.errors import FormatError

__all__ = ["IPAddress", "IPNetwork", "address_order", "parse_address", "parse_network"]

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network


def parse_address(text: str) -> IPAddress:
    """Parse an IPv4 or IPv6 address, with or without brackets around IPv6.

    Raises:
        FormatError: The text is no address; a scope such as ``%eth0`` is none either.
    """
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        address = ip_address(bare)
    except ValueError:
        raise FormatError(text, "expected an IPv4 or IPv6 address") from None
    if bare is not text and address.version == 4:
        raise FormatError(text, "brackets are for IPv6 addresses only")
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise FormatError(text, "expected an IPv6 address without a scope")
    return address


def parse_network(text: str) -> IPNetwork:
    """Parse a subnet such as ``172.17.0.0/16``; host bits are dropped.

    Raises:
        FormatError: The text is no subnet.
    """
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise FormatError(text, "expected a subnet such as 172.17.0.0/16") from None


def address_order(address: IPAddress) -> tuple[int, int]:
    """The total order of answers: IPv4 first, then by number."""
    return address.version, int(address)
