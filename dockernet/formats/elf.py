"""Programs in ELF, the format of Linux: whether one needs others to run.

The layout is that of elf(5).
"""

from __future__ import annotations

import struct
from typing import Final

__all__ = ["is_static_program"]

_MAGIC: Final = b"\x7fELF"
_CLASS: Final = 4  # where the width of addresses is told
_ORDER: Final = 5  # where the order of bytes is told
_ORDERS: Final = {1: "<", 2: ">"}
# By width: where the program headers' offset is, and where their size and number are.
_HEADERS: Final = {1: (("I", 28), ("HH", 42)), 2: (("Q", 32), ("HH", 54))}
_INTERPRETER: Final = 3  # PT_INTERP: the loader, which finds the libraries


def is_static_program(content: bytes) -> bool:
    """Whether a file is a program that needs no loader and no libraries.

    Args:
        content: The file.

    Example:
        >>> from dockernet.formats.elf import is_static_program
        >>> is_static_program(b"#!/bin/sh")
        False
    """
    if not content.startswith(_MAGIC):
        return False
    try:
        return _INTERPRETER not in _kinds(content)
    except (struct.error, LookupError):
        return False  # cut off, or of no known width


def _kinds(content: bytes) -> set[int]:
    """The kinds of the program headers."""
    order = _ORDERS[content[_ORDER]]
    (offset_form, offset_at), (table_form, table_at) = _HEADERS[content[_CLASS]]
    (offset,) = struct.unpack_from(order + offset_form, content, offset_at)
    size, count = struct.unpack_from(order + table_form, content, table_at)
    return {struct.unpack_from(f"{order}I", content, offset + n * size)[0] for n in range(count)}
