"""Answers as text: aligned, escaped, in any encoding, and drawn for a terminal."""

from __future__ import annotations

import io
import json
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockernet._cli.answers import Exact, Line, Table, Tone
from dockernet._cli.rendering import chosen, document_text, plain, write

Cli = Callable[..., subprocess.CompletedProcess[str]]
Record = Callable[[Any], str]

HOSTILE = "\x1b[31mevil\nweb\x07\r\u202e"
ESCAPED = "\\x1b[31mevil\\nweb\\x07\\r\\u202e"

TABLE = Table(("NAME", "NETWORKS"), (("web", ("a 10.0.0.1", "b")), ("gateway", ())))
LINES = tuple(Line(tone.value, tone) for tone in Tone)


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], str]:
    """Draw for a terminal of 100 columns with colours."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    return chosen(Screen())


def bare(text: str) -> str:
    """A drawing without its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_columns_are_aligned_and_empty_cells_are_seen() -> None:
    assert plain(TABLE) == "NAME      NETWORKS\nweb       a 10.0.0.1, b\ngateway   -\n"


@pytest.mark.parametrize("shown", [Table((), ()), ()], ids=["table", "lines"])
def test_nothing_is_nothing(shown: Any, draw: Callable[[Any], str]) -> None:
    assert plain(shown) == ""
    assert draw(shown).strip() == ""


def test_a_table_without_rows_is_its_headings(draw: Callable[[Any], str]) -> None:
    table = Table(("NAME", "STATE"), ())
    assert plain(table) == "NAME   STATE\n"
    assert bare(draw(table)).split() == ["NAME", "STATE"]


@given(st.lists(st.tuples(st.text(), st.text() | st.lists(st.text()).map(tuple)), max_size=5))
def test_each_row_is_one_line_whatever_is_in_it(rows: list[tuple[Any, Any]]) -> None:
    text = plain(Table(("A", "B"), tuple(rows)))
    assert text.count("\n") == 1 + len(rows)
    assert all(line.isprintable() for line in text.split("\n"))


def test_lines_are_what_they_say() -> None:
    assert plain(Exact("\x1b\ta\n")) == "\x1b\ta\n"
    assert plain(LINES) == "".join(f"{tone.value}\n" for tone in Tone)


def test_what_a_terminal_would_act_on_is_escaped(draw: Callable[[Any], str]) -> None:
    for shown in (Table((), ((HOSTILE, (HOSTILE, HOSTILE)),)), (Line(HOSTILE),)):
        assert ESCAPED in plain(shown)
        assert ESCAPED in bare(draw(shown))
        assert "\x1b" not in bare(draw(shown))


def test_markup_of_the_drawing_library_is_only_text(draw: Callable[[Any], str]) -> None:
    text = "[bold red]web[/] :smile: [link=http://a]b"
    assert text in bare(draw((Line(text),)))
    assert text in bare(draw(Table((), ((text, ""),))))


# On a terminal


def test_a_terminal_shows_each_item_on_a_line_of_its_own(draw: Callable[[Any], str]) -> None:
    lines = [line.split() for line in bare(draw(TABLE)).splitlines()]
    assert lines == [["NAME", "NETWORKS"], ["web", "a", "10.0.0.1"], ["b"], ["gateway"]]


@pytest.mark.parametrize("tone", [t for t in Tone if t is not Tone.PLAIN])
def test_each_tone_can_be_told_apart(draw: Callable[[Any], str], tone: Tone) -> None:
    drawn = {draw((Line("text", other),)) for other in Tone}
    assert draw((Line("text", tone),)) != draw((Line("text"),))
    assert len(drawn) == len(Tone)


def test_no_color_is_heeded(draw: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = re.compile(r"\x1b\[[0-9;]*3[0-9]")
    assert coloured.search(draw(LINES))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured.search(draw(LINES))
    assert bare(draw(LINES)) == plain(LINES)


def test_a_long_line_is_not_broken(draw: Callable[[Any], str]) -> None:
    assert draw((Line("x" * 300),)).count("\n") == 1


def test_a_narrow_terminal_loses_nothing(
    draw: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    text = "0123456789" * 5
    lines = bare(draw(Table(("A", "B"), ((text, "web"),)))).splitlines()[1:]
    assert "".join(line.replace("web", "").strip() for line in lines) == text


# Into a stream


@pytest.mark.parametrize(
    "encoding, told",
    [
        ("utf-8", "caf\u00e9 \u20ac"),
        ("latin-1", "caf\u00e9 \\u20ac"),
        ("ascii", "caf\\xe9 \\u20ac"),
    ],
)
def test_what_an_encoding_lacks_is_escaped(encoding: str, told: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding)
    write(stream, "caf\u00e9 \u20ac")
    assert raw.getvalue().decode(encoding) == told


def test_a_document_is_ascii_and_reads_back() -> None:
    document = {"name": HOSTILE, "names": ["caf\u00e9", "\ud800"]}
    text = document_text(document)
    assert text.isascii()
    assert text.endswith("}\n")
    assert json.loads(text) == document


# Names from outside


def renamed(story: Any) -> Any:
    """The recording, with hostile texts wherever an engine could tell them."""
    for container in (*story["listing"], *story["inspections"]):
        container["Image"] = HOSTILE
        networks = container["NetworkSettings"]["Networks"]
        container["NetworkSettings"]["Networks"] = {HOSTILE: networks.popitem()[1]}
        container["Labels"] = {"com.docker.compose.service": HOSTILE}
    for container in story["listing"]:
        container["Names"] = ["/" + HOSTILE + container["Names"][0].strip("/")]
    for container in story["inspections"]:
        container["Name"] = "/" + HOSTILE + container["Name"].strip("/")
        container["Config"] |= {"Image": HOSTILE, "Hostname": HOSTILE}
        container["HostConfig"]["Links"] = [f"{HOSTILE}web:{HOSTILE}"]
    for network in story["networks"]:
        network["Name"] = HOSTILE
        network["Driver"] = HOSTILE
    story["vantage"]["hostname"] = HOSTILE
    return story


@pytest.mark.parametrize(
    "question",
    [
        ("ps",),
        ("port",),
        ("networks",),
        ("links",),
        ("peers",),
        ("behind", "8080"),
        ("whoami",),
        ("explain", "172.17.0.2:22"),
        ("endpoints", "172.17.0.2:22"),
        ("resolve", "webb"),
        ("snapshot",),
    ],
    ids=" ".join,
)
def test_no_control_character_of_a_name_reaches_the_terminal(
    cli: Cli, story: Any, record: Record, question: tuple[str, ...]
) -> None:
    ran = cli(*question, "--snapshot", record(renamed(story)))
    shown = ran.stdout + ran.stderr
    assert "evil" in shown or question[0] in ("behind", "endpoints", "explain", "resolve")
    assert all(line.isprintable() for line in shown.split("\n"))
