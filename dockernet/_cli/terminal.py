"""Answers on a terminal, drawn by rich."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table as RichTable
from rich.text import Text

from dockernet._cli.answers import Cell, Exact, Line, Shown, Table, Tone
from dockernet._shown import shown_lines

__all__ = ["drawn", "live_progress"]

_STYLES = {
    Tone.PLAIN: "",
    Tone.HEADING: "bold",
    Tone.COMMAND: "cyan",
    Tone.ANSWER: "bold green",
    Tone.ASIDE: "dim",
    Tone.REFUSAL: "red",
}


def drawn(stream: TextIO, shown: Shown) -> str:
    """Draw for a terminal; NO_COLOR is heeded."""
    console = Console(file=stream, force_terminal=True, highlight=False)
    with console.capture() as capture:
        if isinstance(shown, Table):
            console.print(_table(shown))
        else:
            for line in _lines(shown):
                console.print(_text(line.text, _STYLES[line.tone]), soft_wrap=True)
    return capture.get()


@contextmanager
def live_progress(
    stream: TextIO, targets: Sequence[str]
) -> Generator[Callable[[str, str | None], None]]:
    """Show how it stands with each target, in a line that changes.

    Gives what is told a target and why it is not ready yet; ``None`` when it is.
    """
    console = Console(file=stream, highlight=False)
    reasons: dict[str, str | None] = dict.fromkeys(targets, "")
    with Live(_progress(reasons), console=console, redirect_stdout=False) as live:

        def tell(target: str, reason: str | None) -> None:
            reasons[target] = reason
            live.update(_progress(reasons), refresh=True)

        yield tell


def _progress(reasons: Mapping[str, str | None]) -> RichTable:
    rich = RichTable.grid(padding=(0, 2))
    for target, reason in reasons.items():
        state = _text("ready", _STYLES[Tone.ANSWER]) if reason is None else _text("waiting")
        rich.add_row(_text(target), state, _text(reason or "", _STYLES[Tone.ASIDE]))
    return rich


def _lines(shown: tuple[Line, ...] | Exact) -> Iterable[Line]:
    # A terminal would act on control characters; a tab between two names is none to it.
    if isinstance(shown, Exact):
        return map(Line, shown.text.expandtabs().split("\n")[:-1])
    return shown


def _table(table: Table) -> RichTable:
    rich = RichTable(box=None, pad_edge=False, header_style="bold", show_header=bool(table.columns))
    for column in table.columns:
        rich.add_column(Text(column), overflow="fold")
    for row in table.rows:
        rich.add_row(*map(_cell, row))
    return rich


def _cell(cell: Cell) -> Text:
    items = (cell,) if isinstance(cell, str) else cell
    return Text("\n").join(_text(item) for item in items)


def _text(text: str, style: str = "") -> Text:
    # Text, not str: what comes from outside is no markup.
    return Text(shown_lines(text), style)
