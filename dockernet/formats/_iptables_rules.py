"""What the words of an iptables rule mean.

A new match or target is a row in one of the tables below. Options are those of
iptables(8) and iptables-extensions(8).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from attrs import define, field

from dockernet.errors import FormatError
from dockernet.formats._iptables_words import Word, quoted
from dockernet.model.addresses import IPNetwork, parse_address, parse_network
from dockernet.model.conditions import (
    Condition,
    Destination,
    DestinationPorts,
    DestinationType,
    Direction,
    InInterface,
    Mark,
    Opaque,
    OriginalDestination,
    OriginalPorts,
    OutInterface,
    Ports,
    Protocols,
    Source,
    SourcePorts,
    SourceType,
    States,
    TcpFlags,
)
from dockernet.model.firewalls import Counters, Effect, NewDestination, Rule
from dockernet.model.packets import protocol_name

__all__ = ["parse_rule"]

_HIGHEST_PORT: Final = 65535
_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10}")
_DIRECTIONS: Final[Mapping[str, bool]] = {"ORIGINAL": True, "REPLY": False}


# What the values of options mean. Each raises a FormatError where it cannot tell.


def _networks(text: str) -> tuple[IPNetwork, ...]:
    return tuple(map(parse_network, text.split(",")))


def _ports(text: str) -> Ports:
    """Ports and ranges, as the matches tcp, udp and multiport have them."""
    return tuple(map(_span, text.split(",")))


def _span(text: str) -> tuple[int, int]:
    first, colon, last = text.partition(":")
    if not colon:
        return _port(first), _port(first)
    return _port(first or "0"), _port(last or str(_HIGHEST_PORT))


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 6 and int(text) <= _HIGHEST_PORT:
        return int(text)
    raise FormatError(text, f"expected a port from 0 to {_HIGHEST_PORT}")


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _mark(text: str, /, *, negated: bool) -> Mark:
    value, _, mask = text.partition("/")
    numbers = [_number(value), *([_number(mask)] if mask else [])]
    return Mark(*numbers, negated=negated)


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise FormatError(text, "expected a number")
    return int(text, 16) if text[:2] in ("0x", "0X") else int(text)


def _direction(text: str, /, *, negated: bool) -> Direction:
    if text not in _DIRECTIONS:
        raise FormatError(text, "expected ORIGINAL or REPLY")
    return Direction(_DIRECTIONS[text], negated=negated)


class _Reads(Protocol):
    """What makes a condition of an option's value, and of whether ``!`` is before it."""

    def __call__(self, value: str, /, *, negated: bool) -> Condition: ...


def _made(kind: Callable[..., Condition], read: Callable[[str], object]) -> _Reads:
    def condition(value: str, /, *, negated: bool) -> Condition:
        return kind(read(value), negated=negated)

    return condition


def _interface(text: str) -> tuple[str, ...]:
    return (text,)


def _protocols(text: str) -> tuple[str, ...]:
    return (protocol_name(text),)


# The options of every rule.
_GENERAL: Final[Mapping[str, _Reads]] = {
    "-s": _made(Source, _networks),
    "-d": _made(Destination, _networks),
    "-i": _made(InInterface, _interface),
    "-o": _made(OutInterface, _interface),
    "-p": _made(Protocols, _protocols),
}
_LONG: Final[Mapping[str, str]] = {
    "--source": "-s",
    "--src": "-s",
    "--destination": "-d",
    "--dst": "-d",
    "--in-interface": "-i",
    "--out-interface": "-o",
    "--protocol": "-p",
    "--match": "-m",
    "--jump": "-j",
    "--goto": "-g",
}
_TRANSPORTS: Final = ("tcp", "udp", "sctp")

# The options of matches, each with one value.
_MATCHES: Final[Mapping[tuple[str, str], _Reads]] = {
    **{(name, "--sport"): _made(SourcePorts, _ports) for name in _TRANSPORTS},
    **{(name, "--dport"): _made(DestinationPorts, _ports) for name in _TRANSPORTS},
    ("multiport", "--sports"): _made(SourcePorts, _ports),
    ("multiport", "--dports"): _made(DestinationPorts, _ports),
    ("conntrack", "--ctstate"): _made(States, _names),
    ("conntrack", "--ctorigdst"): _made(OriginalDestination, _networks),
    ("conntrack", "--ctorigdstport"): _made(OriginalPorts, _ports),
    ("conntrack", "--ctdir"): _direction,
    ("state", "--state"): _made(States, _names),
    ("mark", "--mark"): _mark,
    ("addrtype", "--src-type"): _made(SourceType, _names),
    ("addrtype", "--dst-type"): _made(DestinationType, _names),
}

# What targets do; any other name is a chain's, or a target that nobody here knows.
_TARGETS: Final[Mapping[str, Effect]] = {
    "ACCEPT": Effect.ACCEPT,
    "DROP": Effect.DROP,
    "REJECT": Effect.REJECT,
    "RETURN": Effect.RETURN,
    "DNAT": Effect.DNAT,
    "REDIRECT": Effect.DNAT,
    "SNAT": Effect.SNAT,
    "MASQUERADE": Effect.SNAT,
    "MARK": Effect.MARK,
    "CONNMARK": Effect.MARK,
    "CONNSECMARK": Effect.NOTHING,
    "SECMARK": Effect.NOTHING,
    "NOTRACK": Effect.UNTRACK,
    "CT": Effect.UNTRACK,
    **dict.fromkeys(
        (
            "AUDIT",
            "CHECKSUM",
            "CLASSIFY",
            "DSCP",
            "ECN",
            "HL",
            "LED",
            "LOG",
            "NFLOG",
            "SET",
            "TCPMSS",
            "TCPOPTSTRIP",
            "TEE",
            "TOS",
            "TRACE",
            "TTL",
            "ULOG",
        ),
        Effect.NOTHING,
    ),
    **dict.fromkeys(
        ("BALANCE", "DNPT", "IDLETIMER", "NETMAP", "NFQUEUE", "QUEUE", "RATEEST", "SNPT"),
        Effect.UNKNOWN,
    ),
    **dict.fromkeys(("CLUSTERIP", "SYNPROXY", "TPROXY"), Effect.UNKNOWN),
}


def parse_rule(words: Iterable[Word], text: str, counters: Counters | None) -> Rule:
    """Make out what the words after ``-A CHAIN`` mean.

    Raises:
        FormatError: They are no rule.
    """
    reading = _Reading(list(words))
    reading.read()
    return Rule(
        text=text,
        conditions=tuple(reading.conditions),
        effect=_effect(reading),
        target=reading.target,
        new_destination=_new_destination(reading),
        reject_with=reading.of_target.get("--reject-with", ""),
        comment=reading.comment,
        counters=counters,
    )


def _effect(reading: _Reading) -> Effect:
    if not reading.target:
        return Effect.NOTHING
    if reading.goes:
        return Effect.GOTO
    return _TARGETS.get(reading.target, Effect.JUMP)


def _new_destination(reading: _Reading) -> NewDestination | None:
    told = reading.of_target
    if reading.target == "REDIRECT":
        return _redirected(told.get("--to-ports", ""))
    if reading.target == "DNAT":
        return _translated(told.get("--to-destination", ""))
    return None


def _redirected(text: str) -> NewDestination:
    if not text:
        return NewDestination(here=True)
    try:
        return NewDestination(port=_port(text), here=True)
    except FormatError:
        return NewDestination(here=True, several=True)


def _translated(text: str) -> NewDestination:
    """``ADDRESS``, ``ADDRESS:PORT``, ``[ADDRESS]:PORT`` or ``:PORT``; else there is a choice."""
    host, _, port = text.rpartition(":") if _has_port(text) else (text, "", "")
    try:
        return NewDestination(
            address=parse_address(host) if host else None, port=_port(port) if port else None
        )
    except FormatError:
        return NewDestination(several=True)


def _has_port(text: str) -> bool:
    return "]:" in text or text.count(":") == 1


@define
class _Reading:
    """The words of one rule, being read."""

    words: list[Word]
    at: int = 0
    match: str = ""
    target: str = ""
    goes: bool = False
    comment: str = ""
    conditions: list[Condition] = field(factory=list[Condition])
    of_target: dict[str, str] = field(factory=dict[str, str])

    def read(self) -> None:
        while self.at < len(self.words):
            negated = self._taken("!")
            word = self._next("an option")
            option = _LONG.get(word.text, word.text)
            if word.quoted or not option.startswith("-"):
                raise FormatError(word.text, "expected an option")
            self._option(option, negated=negated)

    def _option(self, option: str, *, negated: bool) -> None:
        if option in _GENERAL:
            self._ask(_GENERAL[option], option, negated=negated)
        elif option == "-m":
            self.match = self._next("a match").text
        elif option in ("-j", "-g"):
            self._aim(option)
        elif self.target and not self.match:
            self.of_target[option] = " ".join(self._values())
        else:
            self._of_match(option, negated=negated)

    def _of_match(self, option: str, *, negated: bool) -> None:
        asked = self.match, option
        if asked == ("comment", "--comment"):
            self.comment = self._next("a comment").text
        elif asked == ("tcp", "--tcp-flags"):
            mask, flags = (_names(self._next("flags").text) for _ in range(2))
            self.conditions.append(TcpFlags(mask, flags, negated=negated))
        elif read := _MATCHES.get(asked):
            self._ask(read, option, negated=negated)
        else:
            self._unknown(option, self._values(), negated=negated)

    def _ask(self, read: _Reads, option: str, *, negated: bool) -> None:
        value = self._next(f"a value after {option}").text
        try:
            self.conditions.append(read(value, negated=negated))
        except FormatError:
            self._unknown(option, [value], negated=negated)

    def _aim(self, option: str) -> None:
        name = self._next("a target").text
        if self.target or name.startswith("-"):
            raise FormatError(name, "expected one target")
        self.target, self.goes, self.match = name, option == "-g", ""

    def _unknown(self, option: str, values: Iterable[str], *, negated: bool) -> None:
        text = " ".join((self.match, option, *map(quoted, values)))
        self.conditions.append(Opaque(text.strip(), negated=negated))

    def _values(self) -> list[str]:
        """The words up to the next option, of an option that nobody here knows."""
        values: list[str] = []
        while self.at < len(self.words) and not _begins_option(self.words[self.at]):
            values.append(self.words[self.at].text)
            self.at += 1
        return values

    def _taken(self, text: str) -> bool:
        found = self.at < len(self.words) and self.words[self.at] == Word(text)
        self.at += found
        return found

    def _next(self, what: str) -> Word:
        if self.at == len(self.words):
            raise FormatError(" ".join(w.text for w in self.words), f"expected {what} at its end")
        self.at += 1
        return self.words[self.at - 1]


def _begins_option(word: Word) -> bool:
    return not word.quoted and (word.text == "!" or word.text.startswith("-"))
