"""Container ports: a number and its protocol, and ranges of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal, Self

from attrs import frozen

from dockernet._shown import shown
from dockernet.errors import FormatError

__all__ = ["Port", "PortRange", "Protocol"]

#: The transport protocols that an engine publishes.
Protocol = Literal["tcp", "udp", "sctp"]

_PROTOCOLS: Final[Mapping[str, Protocol]] = {"tcp": "tcp", "udp": "udp", "sctp": "sctp"}
_HIGHEST: Final = 65535
_HUGE: Final = 10**20  # int() and str() refuse numbers of thousands of digits
_DIGITS: Final = 5  # as many as the highest port has

_PROTOCOL: Final = "the protocol must be tcp, udp or sctp"
_RANGE: Final = "expected a range of ports such as 8000-8010"
_BACKWARDS: Final = "the last port of a range must not be lower than the first"


def require(value: object, *kinds: type) -> None:
    if not isinstance(value, kinds):
        names = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"expected {names}, not {type(value).__name__}")


def check_number(number: object, lowest: int = 1) -> None:
    if not isinstance(number, int) or isinstance(number, bool):
        raise TypeError(f"a port number is an int, not {type(number).__name__}")
    if not lowest <= number <= _HIGHEST:
        shown_number = str(number) if abs(number) < _HUGE else "a huge number"
        raise FormatError(shown_number, f"a port is a number from {lowest} to {_HIGHEST}")


@frozen(order=True, cache_hash=True)
class Port:
    """A container port: a number and its protocol, ordered by both.

    Attributes:
        number: 1 to 65535.
        protocol: ``tcp``, ``udp`` or ``sctp``.

    Raises:
        FormatError: The number or the protocol is none of these.

    Example:
        >>> from dockernet import Port
        >>> print(Port(80), Port(53, "udp"))
        80/tcp 53/udp
    """

    number: int
    protocol: Protocol = "tcp"

    def __attrs_post_init__(self) -> None:
        check_number(self.number)
        if self.protocol not in _PROTOCOLS:
            raise FormatError(str(self.protocol), _PROTOCOL)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``53/udp`` or ``80``, which is tcp; upper case is taken too.

        Raises:
            FormatError: The text is no port; nothing is trimmed.

        Example:
            >>> from dockernet import Port
            >>> Port.parse("53/UDP")
            Port(number=53, protocol='udp')
        """
        number, protocol = split_protocol(text)
        try:
            return cls(parse_number(number), parse_protocol(protocol))
        except FormatError as error:
            raise FormatError(text, error.reason) from None

    def __str__(self) -> str:
        return f"{self.number}/{self.protocol}"


@frozen
class PortRange:
    """The ports from a first to a last one, both of them included.

    Attributes:
        first: 1 to 65535.
        last: The same number or a higher one.

    Raises:
        FormatError: A number is no port, or the last comes before the first.

    Example:
        >>> from dockernet import PortRange
        >>> 8005 in PortRange(8000, 8010)
        True
    """

    first: int
    last: int

    def __attrs_post_init__(self) -> None:
        check_number(self.first)
        check_number(self.last)
        if self.last < self.first:
            raise FormatError(str(self), _BACKWARDS)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``8000-8010``.

        Raises:
            FormatError: The text is no range; a single port is none either.
        """
        if "-" not in text:
            raise FormatError(text, _RANGE)
        try:
            span = parse_span(text)
        except FormatError as error:
            raise named(text, error) from None
        return cls(span[0], span[-1])

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.last + 1))

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and self.first <= number <= self.last

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


# Parts of texts with ports in them, for the values whose texts those are.


def split_protocol(text: str) -> tuple[str, str]:
    numbers, slash, protocol = text.partition("/")
    return numbers, protocol if slash else "tcp"


def parse_protocol(text: str) -> Protocol:
    protocol = _PROTOCOLS.get(text.lower())
    if protocol is None:
        raise FormatError(text, _PROTOCOL)
    return protocol


def parse_span(text: str, lowest: int = 1) -> range:
    """Parse a number or a range; one number is a range of one."""
    first, dash, last = text.partition("-")
    start = parse_number(first, lowest)
    end = parse_number(last, lowest) if dash else start
    if end < start:
        raise FormatError(text, _BACKWARDS)
    return range(start, end + 1)


def parse_number(text: str, lowest: int = 1) -> int:
    # int() alone takes "+80", "1_0" and the digits of every script, and refuses a
    # text of thousands of digits with an error of its own.
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS:
        number = int(text)
        if lowest <= number <= _HIGHEST:
            return number
    raise FormatError(text, f"a port is a number from {lowest} to {_HIGHEST}")


def named(whole: str, error: FormatError) -> FormatError:
    """Tell the error of a part of the whole that a person wrote."""
    if error.text in ("", whole):
        return FormatError(whole, error.reason)
    return FormatError(whole, f"{error.reason}, not '{shown(error.text)}'")
