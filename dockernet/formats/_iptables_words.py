"""The words of a line of iptables-save, with and without quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from attrs import frozen

from dockernet.errors import FormatError

__all__ = ["NAMING", "Word", "quoted", "split_lines", "split_words"]

NAMING: Final = ("-i", "-o", "-j", "-g")
"""The options of names."""

# What stands in quotes begins a word; it may have newlines in it. Names of chains and
# interfaces are never in quotes, whatever is in them. All is possessive, so that a quote
# without its end costs one look and no more.
_QUOTED: Final = r'"(?:[^"\\]++|\\.)*+"(?![^ \t\n])'
_NAMED: Final = rf"(?:{'|'.join(NAMING)}) [^ \t\n]++"
_BEGUN: Final = r"(?:\[[0-9:]*+\] )?-A [^ \t\n]++"
_LINE: Final = re.compile(rf"{_BEGUN}(?:[ \t](?:{_NAMED}|{_QUOTED}|[^ \t\n]*+))*+", re.DOTALL)
_WORD: Final = re.compile(
    rf"(?<![^ \t])(?:({'|'.join(NAMING)}) ([^ \t\n]++)|({_QUOTED})|([^ \t]++))", re.DOTALL
)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_BARE: Final = re.compile(r"[A-Za-z0-9_.,:/\[\]!+=%@-]+")
_TO_ESCAPE: Final = re.compile(r"[\"\\']")


@frozen
class Word:
    """A word.

    Attributes:
        text: What it means, without quotes.
        quoted: Whether it is in quotes, and so no option.
    """

    text: str
    quoted: bool = False


def split_lines(text: str) -> Iterator[str]:
    """The lines; a newline in the quotes of a rule ends none."""
    at = 0
    while True:
        found = _LINE.match(text, at)
        end = text.find("\n", at if found is None else found.end())
        if end < 0:
            yield text[at:]
            return
        yield text[at:end]
        at = end + 1


def split_words(text: str) -> tuple[Word, ...]:
    """The words of a line.

    Raises:
        FormatError: A quote has no end.
    """
    return tuple(word for found in _WORD.finditer(text) for word in _words(found))


def _words(found: re.Match[str]) -> Iterator[Word]:
    option, name, inside, bare = found.groups()
    if inside is not None:
        yield Word(_ESCAPED.sub(r"\1", inside[1:-1]), quoted=True)
    elif bare is None:
        yield from (Word(option), Word(name))
    elif bare.startswith('"'):
        raise FormatError(found.string, "a quote has no end", found.start())
    else:
        yield Word(bare)


def quoted(word: str) -> str:
    """A word as a line has it: in quotes where it needs them."""
    if _BARE.fullmatch(word):
        return word
    return f'"{_TO_ESCAPE.sub(_escape, word)}"'


def _escape(found: re.Match[str]) -> str:
    return f"\\{found[0]}"
