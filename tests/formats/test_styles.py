"""Styles: what each reader makes of the text is what was meant, or it was left out and told."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockernet.formats.styles import STYLES, Rendered
from dockernet.model.link_variables import LinkKind

# What an environment can hold: no NUL, and bytes that are no UTF-8 as lone surrogates.
CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
VALUES = st.text(st.one_of(CHARACTERS, st.sampled_from("'\"\\$`#; \t\n\r\udcff")))
NAMES = st.one_of(
    st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True),
    st.text(st.sampled_from("AB_1.-=;$(`\n 'é"), max_size=6),
)
VARIABLES = st.dictionaries(NAMES, VALUES, max_size=5)

HOSTILE = {
    "quote": "it's",
    "quotes": "'; touch PWNED; '",
    "backslash": "a\\'; touch PWNED #",
    "expansion": "$(touch PWNED) `touch PWNED` ${IFS} $HOME",
    "separators": "a; touch PWNED & touch PWNED | touch PWNED",
    "lines": "a\ntouch PWNED\n",
    "returns": "a\r\ntouch PWNED\r",
    "blanks": "  \t a  ",
    "glob": "* ? [a-z] ~ {a,b}",
    "nothing": "",
    "dash": "-n",
    "bytes": "\udcff\udcfe",
    "letters": "ß\u00a0\u2028é",
    "control": "\x1b[2J\x07\x7f",
}
HOSTILE_NAMES = [
    "",
    "=",
    "A=B",
    "A B",
    "A;touch PWNED",
    "A$(touch PWNED)",
    "A`touch PWNED`",
    "A\ntouch PWNED",
    "A'B",
    "-p",
    "DB.MAIN_PORT",
    "1_PORT",
    "É",
    "A\udcff",
]
SHELLS = [
    pytest.param(shell, id=" ".join(shell))
    for shell in (["sh"], ["dash"], ["bash", "--posix"], ["bash"], ["busybox", "sh"])
    if shutil.which(shell[0])
]


def exported(shell: list[str], text: str, folder: Path) -> dict[bytes, bytes]:
    """The environment of a program that a shell starts after it has run a text."""
    script = text.encode("utf-8", "surrogateescape") + b"env -0\n"
    done = subprocess.run(  # noqa: S603 - that is what is tested
        shell, input=script, capture_output=True, check=True, cwd=folder, env={"PATH": "/bin"}
    )
    assert done.stderr == b""
    pairs = (entry.partition(b"=") for entry in done.stdout.split(b"\0")[:-1])
    return {name: value for name, _, value in pairs}


def as_bytes(variables: Mapping[str, str]) -> dict[bytes, bytes]:
    def raw(text: str) -> bytes:
        return text.encode("utf-8", "surrogateescape")

    return {raw(name): raw(value) for name, value in variables.items()}


def env_lines(text: str) -> dict[str, str]:
    """``NAME=value`` lines, as simply as one can read them."""
    return dict(line.split("=", 1) for line in text.split("\n")[:-1])


def left_out(told: Rendered) -> list[str]:
    return [diagnostic.subject for diagnostic in told.diagnostics]


# Every style.


@pytest.mark.parametrize("name", STYLES)
@given(variables=VARIABLES)
def test_a_variable_is_carried_or_told_and_no_value_shows(
    name: str, variables: dict[str, str]
) -> None:
    told = STYLES[name].render(variables)
    odd = left_out(told)
    assert [*told.variables] == [n for n in variables if n not in odd]
    assert odd == [n for n in variables if n not in told.variables]
    assert all(told.variables[n] == variables[n] for n in told.variables)
    hidden = STYLES[name].render({n: f"s3cret{v}" for n, v in variables.items()})
    assert "s3cret" not in f"{hidden!r}{[*map(str, hidden.diagnostics)]}"


def test_the_styles_are_those_and_one_has_a_dialect_of_its_own() -> None:
    kinds = {name: style.kind for name, style in STYLES.items()}
    assert [name for name in kinds if kinds[name] is LinkKind.DOCKER] == [
        *("links", "dotenv", "shell", "json"),
    ]
    assert kinds["kubernetes"] is LinkKind.KUBERNETES


@pytest.mark.parametrize("name", STYLES)
def test_nothing_makes_a_text_too(name: str) -> None:
    told = STYLES[name].render({})
    assert (told.text, told.diagnostics) == ("{}\n" if name == "json" else "", ())


# links and kubernetes


@pytest.mark.parametrize("name", ["links", "kubernetes"])
@given(variables=VARIABLES)
def test_lines_tell_what_was_meant(name: str, variables: dict[str, str]) -> None:
    told = STYLES[name].render(variables)
    assert env_lines(told.text) == dict(told.variables)


@pytest.mark.parametrize(
    "name, value, reason",
    [
        ("A", "a\nb", "a value of several lines cannot be told in one"),
        ("A", "a\rb", "a value of several lines cannot be told in one"),
        ("A", "a\0b", "there is a NUL in it, which no environment can have"),
        ("A", "\ud800", "it cannot be written as UTF-8"),
        ("A=B", "a", "no line can begin with such a name"),
        ("A\nB", "a", "no line can begin with such a name"),
        ("", "a", "no line can begin with such a name"),
    ],
)
def test_lines_leave_out_what_a_line_cannot_tell(name: str, value: str, reason: str) -> None:
    told = STYLES["links"].render({name: value, "B": "b"})
    assert told.text == "B=b\n"
    assert [d.reason for d in told.diagnostics] == [f"left out: {reason}"]


def test_lines_carry_names_with_dots_and_the_kubernetes_ones_do_not() -> None:
    variables = {"DB.MAIN_PORT": "tcp://172.17.0.2:80"}
    assert STYLES["links"].render(variables).text == "DB.MAIN_PORT=tcp://172.17.0.2:80\n"
    told = STYLES["kubernetes"].render(variables)
    assert (told.text, left_out(told)) == ("", ["DB.MAIN_PORT"])


# dotenv


@pytest.mark.parametrize(
    "value",
    [
        *("$HOME", "a$", "${A}", "'a'", '"a"', "it's", "a`b", "a #b", "#a", "a\\b", "a\nb"),
        *("a\rb", " a", "a ", "\ta", "a\u00a0", "\u2003a", "a\0", "\udcff"),
    ],
)
def test_an_env_file_leaves_out_what_two_readers_read_differently(value: str) -> None:
    told = STYLES["dotenv"].render({"A": value, "B": "b"})
    assert (told.text, left_out(told)) == ("B=b\n", ["A"])


@pytest.mark.parametrize(
    "value", ["", "tcp://[fd00::2]:80", "/web/db", "a b=c", "é", "a:b,c;d&e|f"]
)
def test_an_env_file_carries_what_both_readers_read_alike(value: str) -> None:
    assert STYLES["dotenv"].render({"DB.MAIN_1": value}).text == f"DB.MAIN_1={value}\n"


@pytest.mark.parametrize(
    "name", ["", "A B", " A", "#A", "A=B", "A:B", "É", "A\n", "export A", "exportA", "A-B"]
)
def test_an_env_file_leaves_out_names_that_one_reader_refuses(name: str) -> None:
    assert left_out(STYLES["dotenv"].render({name: "a"})) == [name]


def test_an_env_file_has_no_line_that_is_too_long_for_docker() -> None:
    fits, long = "é" * 32_766, "é" * 32_766 + "x"
    told = STYLES["dotenv"].render({"A": fits, "B": long})
    assert (told.text, left_out(told)) == (f"A={fits}\n", ["B"])


# shell


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_gives_hostile_values_on_byte_for_byte_and_runs_none(
    shell: list[str], tmp_path: Path
) -> None:
    variables = {f"V_{name.upper()}": value for name, value in HOSTILE.items()}
    told = STYLES["shell"].render(variables)
    assert told.diagnostics == ()
    got = exported(shell, told.text, tmp_path)
    assert {n: got[n] for n in as_bytes(variables)} == as_bytes(variables)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_shell_is_given_no_name_that_it_would_run(
    shell: list[str], name: str, tmp_path: Path
) -> None:
    told = STYLES["shell"].render({name: "touch PWNED", "B": "b"})
    assert left_out(told) == [name]
    assert exported(shell, told.text, tmp_path)[b"B"] == b"b"
    assert [*tmp_path.iterdir()] == []


@given(variables=VARIABLES)
@settings(max_examples=60)
def test_a_shell_reads_back_what_was_rendered(variables: dict[str, str]) -> None:
    # Names that a shell itself sets or acts upon are none of links: those have a prefix.
    told = STYLES["shell"].render({f"P_{name}": value for name, value in variables.items()})
    got = exported(["sh"], told.text, Path("/"))
    assert {n: got[n] for n in as_bytes(told.variables)} == as_bytes(told.variables)


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_a_shell_is_given_no_value_that_an_environment_cannot_have(value: str) -> None:
    assert left_out(STYLES["shell"].render({"A": value})) == ["A"]


# json


@given(variables=st.dictionaries(st.text(), st.text()))
def test_a_json_object_carries_everything(variables: dict[str, str]) -> None:
    told = STYLES["json"].render(variables)
    assert json.loads(told.text) == variables
    assert told.text.isascii()
    assert told.diagnostics == ()
