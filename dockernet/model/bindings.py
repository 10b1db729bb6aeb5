"""Host bindings: where the engine's host listens for a container port."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from types import NoneType
from typing import Final, Self

from attrs import field, frozen

from dockernet.errors import FormatError
from dockernet.model.addresses import IPAddress, address_order, parse_address
from dockernet.model.ports import PortRange, check_number, named, parse_span, require

__all__ = ["HostBinding"]

# The two addresses that nearly every binding has, by their texts in every CLI. They
# are shared, so that the port maps of a long listing hold them once.
_ANY_IPV4: Final = IPv4Address(0)
_ANY_IPV6: Final = IPv6Address(0)
_SHARED: Final[Mapping[str, IPAddress]] = {
    str(_ANY_IPV4): _ANY_IPV4,
    str(_ANY_IPV6): _ANY_IPV6,
    f"[{_ANY_IPV6}]": _ANY_IPV6,
}

# What stands in the place of a host port where there is none: `docker port` leaves
# it empty and `docker ps` prints 0 for a routed port. The star is our own (see
# HostBinding): any free port, which is asked for and never reported.
_OPEN: Final[Mapping[str, int | None]] = {"": None, "0": None, "*": 0}


def _plain_address(address: IPAddress | None) -> IPAddress | None:
    """Refuse what is no address, and unwrap IPv4 from IPv6 (RFC 4291, 2.5.5.2)."""
    require(address, IPv4Address, IPv6Address, NoneType)
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            raise FormatError(str(address), "expected an IPv6 address without a scope")
        return address.ipv4_mapped or address
    return address


def _plain_port(port: int | PortRange | None) -> int | PortRange | None:
    """Refuse what is no host port; a range of one port is that port."""
    if isinstance(port, PortRange):
        return port.first if port.first == port.last else port
    if port is not None:
        check_number(port, lowest=0)
    return port


@frozen
class HostBinding:
    """Where the engine's host listens for a container port, or was asked to.

    A binding that an engine reports has a host IP and one host port, or none if
    the port is routed. A binding that was asked for may leave either open.

    As text it is ``0.0.0.0:8080`` or ``[::]:8080``, as in ``docker ps``; with ``0``
    for no host port, as there; with ``*`` for an unspecified host IP, as in
    ``docker service ps``, and for any free port.

    Attributes:
        host_ip: The address it listens on; ``None`` is unspecified: every family.
            An IPv4 address that is written as an IPv6 one becomes IPv4.
        host_port: The host port; ``None`` is no host port (routed), 0 is any free
            one, and a range is any free one of it.

    Raises:
        FormatError: The host port is no port, or the address has a scope.

    Example:
        >>> from dockernet import HostBinding
        >>> print(HostBinding.parse(":::8080"), HostBinding(None, 0))
        [::]:8080 *:*
    """

    host_ip: IPAddress | None = field(default=None, converter=_plain_address)
    host_port: int | PortRange | None = field(default=None, converter=_plain_port)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a line of ``docker port CONTAINER PORT``, or what ``str`` gives.

        IPv6 may be in brackets or raw, as CLIs before 23.0 print it: the last colon
        parts address and port (docker/cli, cli/command/container/port.go).

        Raises:
            FormatError: The text is no host binding.
        """
        try:
            address, host = parse_outside(text)
        except FormatError as error:
            raise named(text, error) from None
        return cls(address, collapsed(host))

    @property
    def is_wildcard(self) -> bool:
        """Whether it listens on every address of its families."""
        return self.host_ip is None or self.host_ip.is_unspecified

    @property
    def is_loopback(self) -> bool:
        """Whether only the engine's host itself can dial it."""
        return self.host_ip is not None and self.host_ip.is_loopback

    @property
    def families(self) -> tuple[int, ...]:
        """The address families it listens on: 4, 6 or both.

        ``::`` is IPv6 alone: an engine that is asked for both binds ``0.0.0.0`` as
        well (moby, daemon/libnetwork/drivers/bridge/port_mapping_linux.go).
        """
        return (4, 6) if self.host_ip is None else (self.host_ip.version,)

    def __str__(self) -> str:
        return f"{render_address(self.host_ip)}:{render_host_port(self.host_port)}"


# Parts of texts with host bindings in them, for the values whose texts those are.

BindingOrder = tuple[int, int, int, int]


def binding_order(binding: HostBinding) -> BindingOrder:
    """By family (unspecified, IPv4, IPv6), address and host port (none, then by number)."""
    ip, port = binding.host_ip, binding.host_port
    family, number = (0, 0) if ip is None else address_order(ip)
    if isinstance(port, PortRange):
        return family, number, port.first, port.last
    return (family, number, -1, -1) if port is None else (family, number, port, port)


def parse_outside(text: str) -> tuple[IPAddress | None, range | int | None]:
    """Parse what stands before `->`. The oldest CLIs print no address (`49153->22`)."""
    ip, _, host = text.rpartition(":")
    address = None if ip in ("", "*") else parse_binding_address(ip)
    return address, _OPEN[host] if host in _OPEN else parse_span(host)


def collapsed(host: range | int | None) -> int | PortRange | None:
    return PortRange(host[0], host[-1]) if isinstance(host, range) else host


def parse_binding_address(text: str) -> IPAddress:
    return _SHARED.get(text) or parse_address(text)


def render_address(address: IPAddress | None) -> str:
    if address is None:
        return "*"
    return f"[{address}]" if isinstance(address, IPv6Address) else str(address)


def render_host_port(port: int | PortRange | None) -> str:
    if port is None:
        return "0"
    return "*" if port == 0 else str(port)
