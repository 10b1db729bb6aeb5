"""What a firewall rule asks of a packet: one class for each kind of question.

Each answers yes, no, or ``None`` for not known. A question that nobody here understands
is `Opaque`, and its answer is never known. A new kind of match is a class here, and a
row in the tables of ``formats/_iptables_matches.py`` and ``formats/_nft_conditions.py``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Final

from attrs import field, frozen

from dockernet.model.addresses import IPAddress, IPNetwork
from dockernet.model.packets import Packet

__all__ = [
    "Condition",
    "Destination",
    "DestinationPorts",
    "DestinationType",
    "Direction",
    "Families",
    "InInterface",
    "Mark",
    "Opaque",
    "OriginalDestination",
    "OriginalPorts",
    "OutInterface",
    "Ports",
    "Protocols",
    "Source",
    "SourcePorts",
    "SourceType",
    "States",
    "TcpFlags",
    "all_hold",
]

Ports = tuple[tuple[int, int], ...]
_WITH_PORTS: Final = frozenset({"tcp", "udp", "sctp", "udplite", "dccp"})
_ANY: Final = "+*"  # the last character of an interface name that stands for several


@frozen
class Condition(ABC):
    """A question about a packet.

    Attributes:
        negated: Whether the rule asks for the opposite.
    """

    negated: bool = field(default=False, kw_only=True)

    def holds(self, packet: Packet) -> bool | None:
        """Whether the rule's question is answered by yes; ``None`` where it is not known."""
        fits = self._fits(packet)
        return None if fits is None else fits is not self.negated

    @abstractmethod
    def _fits(self, packet: Packet) -> bool | None: ...

    @abstractmethod
    def _words(self) -> str: ...

    def __str__(self) -> str:
        return f"not {self._words()}" if self.negated else self._words()


def all_hold(conditions: Iterable[Condition], packet: Packet) -> bool | None:
    """Whether all of them hold; one that does not is enough for no."""
    answers = {condition.holds(packet) for condition in conditions}
    if False in answers:
        return False
    return None if None in answers else True


@frozen
class Opaque(Condition):
    """A question that is not understood.

    Attributes:
        text: Its words.
    """

    text: str

    def _fits(self, packet: Packet) -> bool | None:
        del packet
        return None

    def _words(self) -> str:
        return f"({self.text})"


@frozen
class _Interface(Condition):
    """An interface's name.

    Attributes:
        names: The names; one that ends in ``+`` or ``*`` stands for all that begin so.
    """

    names: tuple[str, ...]

    def _named(self, name: str | None) -> bool | None:
        return None if name is None else any(_is_named(name, one) for one in self.names)


def _is_named(name: str, wanted: str) -> bool:
    if wanted.endswith(tuple(_ANY)):
        return name.startswith(wanted[:-1])
    return name == wanted


@frozen
class InInterface(_Interface):
    """By which interface it came."""

    def _fits(self, packet: Packet) -> bool | None:
        return self._named(packet.in_interface)

    def _words(self) -> str:
        return f"in by {_listed(self.names)}"


@frozen
class OutInterface(_Interface):
    """By which interface it leaves."""

    def _fits(self, packet: Packet) -> bool | None:
        return self._named(packet.out_interface)

    def _words(self) -> str:
        return f"out by {_listed(self.names)}"


@frozen
class _Networks(Condition):
    """An address.

    Attributes:
        networks: The subnets it may be in; a single address is a subnet of one.
    """

    networks: tuple[IPNetwork, ...]

    @property
    def single(self) -> IPAddress | None:
        """The address, where there is but one that fits."""
        if self.negated or len(self.networks) != 1 or self.networks[0].num_addresses > 1:
            return None
        return self.networks[0].network_address

    def _inside(self, address: IPAddress | None) -> bool | None:
        return None if address is None else any(address in network for network in self.networks)


@frozen
class Source(_Networks):
    """Where it comes from."""

    def _fits(self, packet: Packet) -> bool | None:
        if packet.from_afar and all(n.is_link_local or n.is_loopback for n in self.networks):
            return False
        return self._inside(packet.source)

    def _words(self) -> str:
        return f"from {_listed(map(_plain, self.networks))}"


@frozen
class Destination(_Networks):
    """Where it goes."""

    def _fits(self, packet: Packet) -> bool | None:
        return self._inside(packet.destination)

    def _words(self) -> str:
        return f"to {_listed(map(_plain, self.networks))}"


@frozen
class OriginalDestination(_Networks):
    """Where the first packet of its connection was sent, before a rule changed that."""

    def _fits(self, packet: Packet) -> bool | None:
        if not packet.is_first:
            return None
        kept = packet.original_destination if packet.readdressed else packet.destination
        return self._inside(kept)

    def _words(self) -> str:
        return f"sent to {_listed(map(_plain, self.networks))}"


@frozen
class Protocols(Condition):
    """Its protocol.

    Attributes:
        names: The protocols' names.
    """

    names: tuple[str, ...]

    def _fits(self, packet: Packet) -> bool | None:
        return packet.protocol in self.names

    def _words(self) -> str:
        return _listed(self.names)


@frozen
class Families(Condition):
    """Its address family.

    Attributes:
        versions: 4, 6.
    """

    versions: tuple[int, ...]

    def _fits(self, packet: Packet) -> bool | None:
        return packet.version in self.versions

    def _words(self) -> str:
        return _listed(f"IPv{version}" for version in self.versions)


@frozen
class _Ports(Condition):
    """A port.

    Attributes:
        ports: Ranges of ports, the first and the last of each.
    """

    ports: Ports

    def __contains__(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self.ports)

    def _among(self, packet: Packet, number: int | None) -> bool | None:
        if packet.protocol not in _WITH_PORTS:
            return self.negated  # such a rule is not for it, whatever it asks for
        return None if number is None else number in self

    def _spans(self) -> str:
        return _listed(str(a) if a == b else f"{a}-{b}" for a, b in self.ports)


@frozen
class SourcePorts(_Ports):
    """The port that it comes from."""

    def _fits(self, packet: Packet) -> bool | None:
        return self._among(packet, packet.source_port)

    def _words(self) -> str:
        return f"from port {self._spans()}"


@frozen
class DestinationPorts(_Ports):
    """The port that it goes to."""

    def _fits(self, packet: Packet) -> bool | None:
        return self._among(packet, packet.port)

    def _words(self) -> str:
        return f"to port {self._spans()}"


@frozen
class OriginalPorts(_Ports):
    """The port that the first packet of its connection was sent to, before a rule changed it."""

    def _fits(self, packet: Packet) -> bool | None:
        if not packet.is_first:
            return None
        return self._among(packet, packet.original_port if packet.readdressed else packet.port)

    def _words(self) -> str:
        return f"sent to port {self._spans()}"


@frozen
class States(Condition):
    """What connection tracking says of it.

    Attributes:
        states: In capitals, as iptables has them: one of them is enough.
    """

    states: tuple[str, ...]

    def _fits(self, packet: Packet) -> bool | None:
        return None if packet.states is None else not set(packet.states).isdisjoint(self.states)

    def _words(self) -> str:
        return f"of state {_listed(self.states)}"


@frozen
class Direction(Condition):
    """Whether it goes the way of its connection's first packet.

    Attributes:
        original: Whether that way is asked for.
    """

    original: bool

    def _fits(self, packet: Packet) -> bool | None:
        return self.original if packet.is_first else None

    def _words(self) -> str:
        return "on the way there" if self.original else "on the way back"


@frozen
class Mark(Condition):
    """Its firewall mark.

    Attributes:
        value: The mark.
        mask: The bits that count.
    """

    value: int
    mask: int = 0xFFFFFFFF

    def _fits(self, packet: Packet) -> bool | None:
        return None if packet.mark is None else packet.mark & self.mask == self.value

    def _words(self) -> str:
        return f"with mark {self.value:#x}/{self.mask:#x}"


@frozen
class SourceType(Condition):
    """What the routing table says of where it comes from.

    Attributes:
        kinds: ``LOCAL``, ``UNICAST``, ``BROADCAST``, ...
    """

    kinds: tuple[str, ...]

    def _fits(self, packet: Packet) -> bool | None:
        return None if packet.source_type is None else packet.source_type in self.kinds

    def _words(self) -> str:
        return f"from an address of type {_listed(self.kinds)}"


@frozen
class DestinationType(Condition):
    """What the routing table says of where it goes.

    Attributes:
        kinds: ``LOCAL``, ``UNICAST``, ``BROADCAST``, ...
    """

    kinds: tuple[str, ...]

    def _fits(self, packet: Packet) -> bool | None:
        return None if packet.destination_type is None else packet.destination_type in self.kinds

    def _words(self) -> str:
        return f"to an address of type {_listed(self.kinds)}"


@frozen
class TcpFlags(Condition):
    """Its TCP flags; the first packet of a connection has SYN alone.

    Attributes:
        mask: The flags that count.
        flags: Those of them that are set, and no other.
    """

    mask: tuple[str, ...]
    flags: tuple[str, ...]

    def _fits(self, packet: Packet) -> bool | None:
        if packet.protocol != "tcp":
            return self.negated
        if not packet.is_first:
            return None
        return {"SYN"}.intersection(self.mask) == set(self.flags)

    def _words(self) -> str:
        return f"with flags {_listed(self.flags)} of {_listed(self.mask)}"


def _listed(values: Iterable[str]) -> str:
    return ",".join(values)


def _plain(network: IPNetwork) -> str:
    """A subnet; of one address alone that address."""
    return str(network.network_address if network.num_addresses == 1 else network)
