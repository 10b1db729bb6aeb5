"""A packet that a firewall is asked about, as far as it is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from dockernet.model.addresses import IPAddress

__all__ = ["FIRST", "Packet", "protocol_name"]

FIRST: Final = ("NEW",)

# /etc/protocols, as far as firewalls name them; iptables-save prints names where it can.
_NAMES: Final[Mapping[str, str]] = {
    "1": "icmp",
    "6": "tcp",
    "17": "udp",
    "58": "icmpv6",
    "132": "sctp",
    "ipv6-icmp": "icmpv6",
}


def protocol_name(text: str) -> str:
    """The name of a protocol, by name or number."""
    lowered = text.lower()
    return _NAMES.get(lowered, lowered)


@frozen(kw_only=True)
class Packet:
    """The first packet of a connection, unless its states say otherwise.

    ``None`` is always: not known. A question that depends on it has no answer then.

    Attributes:
        protocol: ``tcp``, ``udp``, ``sctp``, ``icmp``, ``icmpv6``.
        source: Where it comes from.
        destination: Where it goes, now.
        source_port: The port that it comes from.
        port: The port that it goes to, now; of a protocol without ports it is ``None``.
        in_interface: By which it came; ``""`` where the machine itself has sent it.
        out_interface: By which it leaves; ``""`` where the machine itself is meant.
        states: What connection tracking says of it, in capitals as iptables has them.
        mark: Its firewall mark.
        source_type: What the routing table says of where it comes from, such as
            ``LOCAL`` or ``UNICAST``.
        destination_type: The same of where it goes.
        from_afar: Whether its source, where it is not known, is at least no loopback and
            no link-local address.
        family: 4 or 6; needed where neither address is known.
        original_destination: Where it was sent, where a rule has changed that.
        original_port: The port that it was sent to, where a rule has changed that.
    """

    protocol: str = "tcp"
    source: IPAddress | None = None
    destination: IPAddress | None = None
    source_port: int | None = None
    port: int | None = None
    in_interface: str | None = None
    out_interface: str | None = None
    states: tuple[str, ...] | None = FIRST
    mark: int | None = 0
    source_type: str | None = None
    destination_type: str | None = None
    from_afar: bool = False
    family: int | None = None
    original_destination: IPAddress | None = None
    original_port: int | None = None

    @property
    def version(self) -> int:
        """The address family, 4 or 6: that of its addresses, else as it was said, else 4."""
        told = (a.version for a in (self.destination, self.source) if a is not None)
        return next(told, self.family or 4)

    @property
    def is_first(self) -> bool:
        """Whether it is known for the first of its connection."""
        return "NEW" in (self.states or ())

    @property
    def readdressed(self) -> bool:
        """Whether a rule has changed where it goes."""
        return "DNAT" in (self.states or ())
