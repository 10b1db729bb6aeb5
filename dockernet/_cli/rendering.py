"""Answers as text: plain and aligned, or for a terminal. All of it is escaped here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from io import StringIO
from typing import TextIO

from dockernet._cli.answers import Cell, Exact, Shown, Table
from dockernet._shown import shown_lines

__all__ = ["chosen", "document_line", "document_text", "plain", "say", "write", "write_exact"]

_GAP = "   "  # as between the columns of docker ps
_EMPTY = "-"  # so that each row has each column


def chosen(stream: TextIO) -> Callable[[Shown], str]:
    """The drawing that suits a stream: for a terminal, or plain.

    Raises:
        ModuleNotFoundError: It is a terminal, and rich is not installed.
    """
    if not stream.isatty():
        return plain
    # It takes twice as long to import as the parser.
    from dockernet._cli.terminal import drawn  # noqa: PLC0415 - terminals alone need rich

    return partial(drawn, stream)


def plain(shown: Shown) -> str:
    """Draw with nothing but text: one line for each row, so that it can be searched."""
    if isinstance(shown, Exact):
        return shown.text
    lines = _aligned(shown) if isinstance(shown, Table) else (shown_lines(o.text) for o in shown)
    return "".join(f"{line}\n" for line in lines)


def _aligned(table: Table) -> Iterator[str]:
    rows = [tuple(map(_joined, row)) for row in table.rows]
    rows = [table.columns, *rows] if table.columns else rows
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield _GAP.join(cells).rstrip()


def _joined(cell: Cell) -> str:
    items = (cell,) if isinstance(cell, str) else cell
    return ", ".join(map(shown_lines, items)) or _EMPTY


def document_text(document: object) -> str:
    """A JSON document as text, in ASCII alone."""
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def document_line(document: object) -> str:
    """A JSON document as one line, in ASCII alone."""
    return json.dumps(document, ensure_ascii=True) + "\n"


def write(stream: TextIO, text: str) -> None:
    """Write a text, with escapes for what the stream's encoding lacks.

    Raises:
        OSError: It cannot be written.
    """
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def write_exact(stream: TextIO, text: str) -> None:
    """Write a text byte for byte, whatever the stream's encoding and line ends.

    Raises:
        OSError: It cannot be written.
    """
    if isinstance(stream, StringIO):
        stream.write(text)
    else:
        stream.flush()
        stream.buffer.write(text.encode("utf-8", "surrogateescape"))
    stream.flush()


def say(stream: TextIO, sentence: str) -> None:
    """Write a line that says who speaks.

    Raises:
        OSError: It cannot be written.
    """
    write(stream, f"dockernet: {shown_lines(sentence)}\n")
