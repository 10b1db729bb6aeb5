"""Programs in ELF: whether one needs others to run."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockernet.formats.elf import is_static_program

LOAD, INTERP, NOTE = 1, 3, 4


def program(kinds: list[int], *, wide: bool = True, order: str = "<") -> bytes:
    """A program with program headers of these kinds, laid out as in elf(5)."""
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    word, size, entry = ("Q", 64, 56) if wide else ("I", 52, 32)
    rest = (2, 62, 1, 0, size, 0, 0, size, entry, len(kinds), 0, 0, 0)
    header = ident + struct.pack(f"{order}HHI{word}{word}{word}IHHHHHH", *rest)
    assert len(header) == size
    return header + b"".join(struct.pack(f"{order}I", kind).ljust(entry, b"\0") for kind in kinds)


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
@pytest.mark.parametrize("wide", [True, False], ids=["64 bits", "32 bits"])
def test_a_program_that_names_a_loader_is_not_static(*, wide: bool, order: str) -> None:
    assert is_static_program(program([LOAD, NOTE], wide=wide, order=order))
    assert is_static_program(program([], wide=wide, order=order))
    assert not is_static_program(program([LOAD, NOTE, INTERP], wide=wide, order=order))
    assert not is_static_program(program([INTERP, LOAD], wide=wide, order=order))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"#!/bin/sh\n",
        b"\x7fELF",
        program([LOAD])[:40],
        program([LOAD])[:64],
        program([LOAD]).replace(b"ELF\x02", b"ELF\x07"),
        program([LOAD]).replace(b"ELF\x02\x01", b"ELF\x02\x09"),
    ],
    ids=["nothing", "a script", "a magic", "half a header", "no table", "width", "order"],
)
def test_what_is_no_whole_program_is_not_static(content: bytes) -> None:
    assert not is_static_program(content)


@given(st.binary())
def test_any_file_is_one_or_the_other(content: bytes) -> None:
    assert is_static_program(b"\x7fELF" + content) in (True, False)
