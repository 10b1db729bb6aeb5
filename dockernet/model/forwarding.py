"""What is to be let through, as rules of our own: typed, each with a tag."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from hashlib import sha256
from typing import Final, Literal, Self

from attrs import field, frozen

from dockernet.errors import FormatError
from dockernet.model.addresses import IPNetwork
from dockernet.model.ports import (
    PortRange,
    Protocol,
    named,
    parse_protocol,
    parse_span,
    split_protocol,
)

__all__ = [
    "SETTINGS",
    "Action",
    "ForwardRule",
    "ForwardingPlan",
    "Opening",
    "Place",
    "Reach",
    "chain_prefix",
    "interface_name",
    "plain_tag",
    "tag_of",
]

_INTERFACE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@-]{0,14}")  # IFNAMSIZ is 16
_TAG_DIGITS: Final = 8
_DIGITS: Final = re.compile(r"[0-9a-f]{8}")
_CHAIN: Final = re.compile(r"DOCKERNET-([0-9A-F]{8})-[A-Z]")

#: The settings by which a kernel forwards, by address family.
SETTINGS: Final = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}


class Reach(StrEnum):
    """What a network is to reach, where it is no other network."""

    HOST = "host"
    """Ports of the engine's host: published ones, and others."""
    OUTSIDE = "outside"
    """What is beyond the engine's host."""


class Place(StrEnum):
    """Where a rule of ours stands: a chain of our own for each."""

    RAW = "R"
    """Before connection tracking."""
    FORWARD = "F"
    """On the way through the host."""
    INPUT = "I"
    """On the way to the host."""
    POSTROUTING = "P"
    """Where sources are translated."""


class Action(StrEnum):
    """What a rule of ours does."""

    ACCEPT = "accept"
    MASQUERADE = "masquerade"
    MARK = "mark"


def interface_name(text: str) -> str:
    """Take an interface's name, of letters, digits and little else.

    Raises:
        FormatError: It is none, or stands for several.
    """
    if not _INTERFACE.fullmatch(text):
        raise FormatError(text, "expected the name of one interface, of up to 15 characters")
    return text


def chain_prefix(tag: str) -> str:
    """What the names of the chains with a tag begin with."""
    return f"{tag.upper().replace(' ', '-')}-"


def tag_of(chain: str) -> str | None:
    """The tag of a chain of ours by its name; ``None`` of any other chain."""
    found = _CHAIN.fullmatch(chain)
    return None if found is None else f"dockernet {found[1].lower()}"


def plain_tag(text: str) -> str:
    """Take a tag, with or without ``dockernet`` before its digits.

    Raises:
        FormatError: It is none.
    """
    digits = text.removeprefix("dockernet ")
    if not _DIGITS.fullmatch(digits):
        raise FormatError(text, "expected a tag of eight hexadecimal digits")
    return f"dockernet {digits}"


@frozen(order=True)
class Opening:
    """Ports of a protocol that are to be let through.

    Attributes:
        protocol: ``tcp``, ``udp`` or ``sctp``.
        first: The first port.
        last: The last port.
    """

    protocol: Protocol
    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``80``, which is tcp, ``53/udp`` or ``8000-8010/tcp``.

        Raises:
            FormatError: It is no port and no range of them.

        Example:
            >>> from dockernet.model.forwarding import Opening
            >>> print(Opening.parse("8000-8010"), Opening.parse("53/UDP"))
            8000-8010/tcp 53/udp
        """
        numbers, protocol = split_protocol(text)
        try:
            span = parse_span(numbers)
            return cls(parse_protocol(protocol), span[0], span[-1])
        except FormatError as error:
            raise named(text, error) from None

    @property
    def span(self) -> str:
        """Its ports: ``80`` or ``8000-8010``."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    @property
    def range(self) -> PortRange:
        """Its ports."""
        return PortRange(self.first, self.last)

    def __str__(self) -> str:
        return f"{self.span}/{self.protocol}"


@frozen(kw_only=True)
class ForwardRule:
    """A rule of ours. It names an interface, and an address or a port: never less.

    Attributes:
        family: 4 or 6.
        place: Where it stands.
        action: What it does.
        in_interface: By which interface a packet came; empty for any.
        out_interface: By which it leaves; empty for any.
        source: Where it comes from.
        destination: Where it goes.
        opening: The ports that it goes to; that it comes from, where it is an answer.
        answers: Whether it is for what comes back alone.
        tracked: Whether connection tracking must know what comes back.
        mark: With action ``mark``, the mark.

    Raises:
        FormatError: It names no interface, or neither address nor port, or an odd one, or
            every address.
    """

    family: Literal[4, 6]
    place: Place
    action: Action = Action.ACCEPT
    in_interface: str = ""
    out_interface: str = ""
    source: IPNetwork | None = None
    destination: IPNetwork | None = None
    opening: Opening | None = None
    answers: bool = False
    tracked: bool = True
    mark: int = 0

    def __attrs_post_init__(self) -> None:
        for name in (self.in_interface, self.out_interface):
            if name:
                interface_name(name)
        if not (self.in_interface or self.out_interface):
            raise FormatError(str(self), "a rule without an interface opens too much")
        ends = [end for end in (self.source, self.destination) if end is not None]
        if any(end.prefixlen == 0 for end in ends):
            raise FormatError(str(self), "a rule for every address opens too much")
        if not ends and self.opening is None:
            raise FormatError(str(self), "a rule without an address or port opens too much")

    def __str__(self) -> str:
        return " ".join(self._words())

    def _words(self) -> Iterator[str]:
        yield f"IPv{self.family}: {self.action}"
        if self.answers:
            yield "what comes back"
        if self.opening is not None:
            yield f"{'from' if self.answers else 'to'} port {self.opening}"
        yield from (f"from {self.source}",) if self.source else ()
        yield from (f"in by {self.in_interface}",) if self.in_interface else ()
        yield from (f"to {self.destination}",) if self.destination else ()
        yield from (f"out by {self.out_interface}",) if self.out_interface else ()


@frozen(kw_only=True)
class ForwardingPlan:
    """What is to be let through, and how: rules of ours, and the kernel's forwarding.

    Nothing is done by it: :func:`dockernet.forwarding.apply` does it.

    Attributes:
        source: The network that is to reach something, by name.
        to: What it is to reach: a network by name, ``host`` or ``outside``.
        rules: The rules.
        backend: Whose rules they become.
        user_chain: The address families in which there is a chain DOCKER-USER, from which
            ours are reached.
        notes: What else is to be known.

    Example:
        >>> from dockernet.forwarding import ForwardingPlan
        >>> ForwardingPlan(source="app", to="host").families
        ()
    """

    source: str
    to: str
    rules: tuple[ForwardRule, ...] = ()
    backend: Literal["iptables", "nftables"] = "iptables"
    user_chain: tuple[int, ...] = field(default=(), eq=False)
    notes: tuple[str, ...] = field(default=(), eq=False)

    @property
    def tag(self) -> str:
        """What every rule of it is tagged with: ``dockernet`` and eight digits.

        They are made of the rules, so that equal plans have one tag.
        """
        told = "\n".join(f"{rule.place} {rule.mark:x} {rule}" for rule in self.rules)
        digest = sha256(told.encode()).hexdigest()
        return f"dockernet {digest[:_TAG_DIGITS]}"

    @property
    def families(self) -> tuple[Literal[4, 6], ...]:
        """The address families that it is for."""
        return tuple(sorted({rule.family for rule in self.rules}))

    def chain(self, place: Place) -> str:
        """The name of our chain at a place."""
        return f"{chain_prefix(self.tag)}{place}"

    @property
    def forwards(self) -> tuple[str, ...]:
        """The settings of the kernel that must be on: those of what goes through the host."""
        through = {rule.family for rule in self.rules if rule.place is Place.FORWARD}
        return tuple(SETTINGS[family] for family in sorted(through))

    def __str__(self) -> str:
        lines = [f"{self.source} may reach {self.to}, by {self.backend} ({self.tag}):"]
        lines += [f"  {rule}" for rule in self.rules]
        lines += [f"  turn on {name}, if it is off" for name in self.forwards]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])
