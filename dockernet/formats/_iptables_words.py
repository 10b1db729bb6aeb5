"""The words of a line of iptables-save, with and without quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from attrs import frozen

from dockernet.errors import FormatError

__all__ = ["Word", "quoted", "split_lines", "split_words"]

# Possessive, so that a quote without its end costs one look and no more.
_QUOTED: Final = r'"(?:[^"\\]++|\\.)*+"'
_LINE: Final = re.compile(rf'(?:[^"\n]++|{_QUOTED})*+', re.DOTALL)
_WORD: Final = re.compile(rf'(?:[^" \t]++|{_QUOTED})++', re.DOTALL)
_PART: Final = re.compile(rf'([^"]++)|({_QUOTED})', re.DOTALL)
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
    """The lines; a newline in quotes ends none, but for a quote that has no end."""
    at, quotes = 0, True
    while True:
        end = at
        if quotes and not text.startswith("#", at):
            found = _LINE.match(text, at)
            end = at if found is None else found.end()
            quotes = not text.startswith('"', end)  # nothing closes it: nothing will
        end = text.find("\n", end)
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
    words: list[Word] = []
    at = 0
    for found in _WORD.finditer(text):
        if text[at : found.start()].strip(" \t"):
            break
        words.append(_word(found[0]))
        at = found.end()
    if text[at:].strip(" \t"):
        raise FormatError(text, "a quote has no end", text.find('"', at))
    return tuple(words)


def _word(text: str) -> Word:
    if '"' not in text:
        return Word(text)
    parts = (bare or _ESCAPED.sub(r"\1", inside[1:-1]) for bare, inside in _PART.findall(text))
    return Word("".join(parts), quoted=True)


def quoted(word: str) -> str:
    """A word as a line has it: in quotes where it needs them."""
    if _BARE.fullmatch(word):
        return word
    return f'"{_TO_ESCAPE.sub(_escape, word)}"'


def _escape(found: re.Match[str]) -> str:
    return f"\\{found[0]}"
