r"""Styles: variables as text for those who read it, a shell or an env file for one.

No style bends a name or a value: what a reader would take otherwise than it is meant is
left out and told, by the name alone, for values may be secrets.

The rules of ``dotenv`` are where ``docker run --env-file`` (``pkg/kvfile`` of docker/cli,
``opts/file.go`` before) and Compose's ``env_file`` (``dotenv/parser.go`` of compose-go)
agree. Those of ``shell`` are section 2.2.2 of the Shell Command Language of POSIX.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from attrs import field, frozen

from dockernet.model.diagnostics import Diagnostic
from dockernet.model.link_variables import LinkKind
from dockernet.model.mappings import SecretMap

__all__ = ["ENVIRON", "STYLES", "Rendered", "Rule", "Style"]

_LONGEST: Final = 65_534  # bytes; Go's bufio.Scanner, which docker reads lines with


@frozen
class Rendered:
    """Variables as text.

    Attributes:
        text: The text, which may hold secrets and never shows.
        variables: The variables that are in it.
        diagnostics: The variables that are not, and why.
    """

    text: str = field(repr=False)
    variables: SecretMap
    diagnostics: tuple[Diagnostic, ...] = ()


@frozen
class Rule:
    """What a style cannot carry.

    Attributes:
        breaks: Whether a variable, by name and value, breaks the rule.
        reason: Why it is left out.
    """

    breaks: Callable[[str, str], object]
    reason: str


@frozen
class Style:
    r"""A form of text for variables.

    Attributes:
        name: Its name.
        kind: The dialect of link variables that goes with it.
        rules: What it cannot carry.
        whole: What makes the text of variables that keep the rules.

    Example:
        >>> from dockernet.formats.styles import STYLES
        >>> told = STYLES["shell"].render({"DB_NAME": "/it's/db", "DB.MAIN_PORT": "80"})
        >>> print(told.text, end="")
        export DB_NAME='/it'\''s/db'
        >>> print(*told.diagnostics)
        shell: DB.MAIN_PORT: left out: a shell has no variable of such a name
    """

    name: str
    kind: LinkKind
    rules: tuple[Rule, ...]
    whole: Callable[[Mapping[str, str]], str]

    def render(self, variables: Mapping[str, str]) -> Rendered:
        """Render variables, in their order."""
        faults = {name: self._fault(name, value) for name, value in variables.items()}
        carried = {name: value for name, value in variables.items() if faults[name] is None}
        odd = (Diagnostic(self.name, name, f"left out: {f}") for name, f in faults.items() if f)
        return Rendered(self.whole(carried), SecretMap(carried), tuple(odd))

    def _fault(self, name: str, value: str) -> str | None:
        """Why it cannot carry a variable; the first reason is enough."""
        return next((rule.reason for rule in self.rules if rule.breaks(name, value)), None)


def _name(pattern: str, reason: str) -> Rule:
    """A rule for names: they match a pattern as a whole."""
    known = re.compile(pattern)
    return Rule(lambda name, _: not known.fullmatch(name), reason)


def _value(pattern: str, reason: str) -> Rule:
    """A rule for values: they have nothing in them that a pattern finds."""
    odd = re.compile(pattern)
    return Rule(lambda _, value: odd.search(value), reason)


def _is_no_text(name: str, value: str) -> bool:
    # An environment holds bytes: Python keeps what is no UTF-8 as lone surrogates, these
    # only. Others come from JSON, and stand for nothing that could be written.
    try:
        f"{name}{value}".encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return True
    return False


def _lines(line: Callable[[str, str], str]) -> Callable[[Mapping[str, str]], str]:
    """A line for each variable."""
    return lambda variables: "".join(f"{line(*item)}\n" for item in variables.items())


def _assigned(name: str, value: str) -> str:
    return f"{name}={value}"


def _exported(name: str, value: str) -> str:
    # Between single quotes every character is itself, but for the quote.
    return "export {}='{}'".format(name, value.replace("'", r"'\''"))


def _object(variables: Mapping[str, str]) -> str:
    return json.dumps(dict(variables), indent=1, ensure_ascii=True) + "\n"


_IDENTIFIER: Final = "[A-Za-z_][A-Za-z0-9_]*"
_TEXT: Final = Rule(_is_no_text, "it cannot be written as UTF-8")
_NUL: Final = _value(r"\0", "there is a NUL in it, which no environment can have")
_LINE: Final = _value(r"[\n\r]", "a value of several lines cannot be told in one")

_DOTENV: Final = (
    # Releases of Compose refuse a file with a "-" in a name, and take a leading "export" away.
    _name(r"(?!export)[A-Za-z0-9_.]+", "docker and Compose do not both read such a name"),
    _NUL,
    _LINE,
    _value("[$#\\\\'\"`]", "docker and Compose read $, #, \\ and quotes each in a way of its own"),
    _value(r"^\s|\s\Z", "Compose takes blanks at an end away, docker does not"),
    _value("[\ud800-\udfff]", "docker and Compose read UTF-8 alone"),
    Rule(
        lambda name, value: len(f"{name}={value}".encode()) > _LONGEST,
        f"docker reads no line of more than {_LONGEST} bytes",
    ),
)
_ROWS: Final = (
    Style(
        "links",
        LinkKind.DOCKER,
        (_name(r"[^=\0\n\r]+", "no line can begin with such a name"), _NUL, _LINE, _TEXT),
        _lines(_assigned),
    ),
    Style(
        "kubernetes",
        LinkKind.KUBERNETES,
        (_name(_IDENTIFIER, "Kubernetes has no variable of such a name"), _NUL, _LINE, _TEXT),
        _lines(_assigned),
    ),
    Style("dotenv", LinkKind.DOCKER, _DOTENV, _lines(_assigned)),
    Style(
        "shell",
        LinkKind.DOCKER,
        (_name(_IDENTIFIER, "a shell has no variable of such a name"), _NUL, _TEXT),
        _lines(_exported),
    ),
    Style("json", LinkKind.DOCKER, (), _object),
)

STYLES: Final[Mapping[str, Style]] = MappingProxyType({row.name: row for row in _ROWS})
"""The styles by name."""

ENVIRON: Final = Style(
    "environ",
    LinkKind.DOCKER,
    (_name(r"[^=\0]+", "no environment can have such a name"), _NUL, _TEXT),
    _lines(_assigned),
)
"""What the environment of a program can carry; nothing reads it as a text."""
