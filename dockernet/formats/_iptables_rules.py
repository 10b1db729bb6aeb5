"""The words of an iptables rule, read one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from attrs import define, field

from dockernet.errors import FormatError
from dockernet.formats._condition_values import Reads
from dockernet.formats._iptables_matches import (
    GENERAL,
    LIMITS,
    MATCHES,
    PROTOCOLS,
    flag_names,
)
from dockernet.formats._iptables_targets import effect_of, new_destination_of
from dockernet.formats._iptables_words import Word, quoted
from dockernet.model.conditions import Condition, DestinationType, Opaque, SourceType, TcpFlags
from dockernet.model.firewalls import Counters, Effect, Rule

__all__ = ["parse_rule"]

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
        effect=reading.effect(),
        target=reading.target,
        new_destination=new_destination_of(reading.target, reading.of_target),
        reject_with=reading.of_target.get("--reject-with", ""),
        comment=reading.comment,
        counters=counters,
    )


@define
class _Reading:
    """The words of one rule, being read."""

    words: list[Word]
    at: int = 0
    match: str = ""
    bare: bool = False
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
        self._end_match()

    def effect(self) -> Effect:
        return Effect.GOTO if self.goes else effect_of(self.target, self.of_target)

    def _end_match(self) -> None:
        """A match without options asks for something all the same, but for a protocol's."""
        if self.bare:
            self.conditions.append(Opaque(self.match))
        self.bare = False

    def _option(self, option: str, *, negated: bool) -> None:
        if option in GENERAL:
            self._ask(GENERAL[option], option, negated=negated)
        elif option == "-m":
            self._end_match()
            self.match = self._next("a match").text
            self.bare = self.match not in PROTOCOLS
        elif option in ("-j", "-g"):
            self._aim(option)
        elif self.target and not self.match:
            self.of_target[option] = " ".join(self._values())
        else:
            self._of_match(option, negated=negated)

    def _of_match(self, option: str, *, negated: bool) -> None:
        asked = self.match, option
        self.bare = False
        if asked == ("comment", "--comment"):
            self.comment = self._next("a comment").text
        elif asked == ("tcp", "--tcp-flags"):
            mask, flags = (flag_names(self._next("flags").text) for _ in range(2))
            self.conditions.append(TcpFlags(mask, flags, negated=negated))
        elif asked[0] == "addrtype" and option in LIMITS:
            self._limit(option)
        elif read := MATCHES.get(asked):
            self._ask(read, option, negated=negated)
        else:
            self._unknown(option, self._values(), negated=negated)

    def _limit(self, option: str) -> None:
        """What an address is by one interface alone the routing table does not tell."""
        typed = (SourceType, DestinationType)
        self.conditions = [
            Opaque(f"{one} {option}") if isinstance(one, typed) else one for one in self.conditions
        ]

    def _ask(self, read: Reads[str], option: str, *, negated: bool) -> None:
        value = self._next(f"a value after {option}").text
        try:
            self.conditions.append(read(value, negated=negated))
        except FormatError:
            self._unknown(option, [value], negated=negated)

    def _aim(self, option: str) -> None:
        name = self._next("a target").text
        if self.target or name.startswith("-"):
            raise FormatError(name, "expected one target")
        self._end_match()
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
