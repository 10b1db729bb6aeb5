"""Names of containers in PTR answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockernet.errors import FormatError
from dockernet.formats.ptr import is_short_id, names_first, parse_labels, shared_network


@pytest.mark.parametrize(
    "labels, text",
    [
        ((b"db", b"shop_default"), "db.shop_default"),
        ((b"db", b"my net"), "db.my net"),
        ((b"b\xc3\xbccher", b"net"), "b\u00fccher.net"),
        ((b"x",), "x"),
    ],
    ids=["docker's", "space", "umlaut", "podman's"],
)
def test_labels_are_joined(labels: tuple[bytes, ...], text: str) -> None:
    assert parse_labels(labels) == text


@pytest.mark.parametrize(
    "labels",
    [
        (),
        (b"",),
        (b"db", b"", b"net"),
        (b"a.b", b"net"),
        (b"\x1b[2J", b"net"),
        (b"db\n", b"net"),
        (b"\x00", b"net"),
        (b"\xff\xfe", b"net"),
        ("\u202etxt".encode(), b"net"),
    ],
    ids=["none", "root", "gap", "dot", "escape", "line", "zero", "no text", "direction"],
)
def test_what_could_not_be_shown_is_a_format_error(labels: tuple[bytes, ...]) -> None:
    with pytest.raises(FormatError):
        parse_labels(labels)


@given(st.lists(st.binary(max_size=63), max_size=6).map(tuple))
def test_any_labels_give_a_printable_text_or_a_format_error(labels: tuple[bytes, ...]) -> None:
    try:
        text = parse_labels(labels)
    except FormatError:
        return
    assert text.isprintable()
    assert text.encode().split(b".") == list(labels)


@pytest.mark.parametrize(
    "names, network",
    [
        (["db.app"], "app"),
        (["web.1.k3x.app"], "app"),
        (["app"], ""),
        (["me.app", "db.app"], "app"),
        (["me.my.net", "db.my.net"], "my.net"),
        (["me.app", "db.1.k3x.app"], "app"),
        (["me.app", "app"], ""),
        (["me.app", "me.app"], "app"),
        (["me.app", "db.other"], ""),
        (["a.b.net", "b.net"], "net"),
        ([], ""),
    ],
    ids=str,
)
def test_the_network_is_the_longest_ending_that_all_share(names: list[str], network: str) -> None:
    assert shared_network(names) == network


_LABEL = st.from_regex(r"[a-z0-9_-]{1,8}", fullmatch=True)


@given(st.sets(_LABEL, min_size=2), st.lists(_LABEL, min_size=1, max_size=3).map(".".join))
def test_whatever_the_network_is_called_it_is_found(names: set[str], network: str) -> None:
    assert shared_network(f"{name}.{network}" for name in names) == network


def test_short_ids_come_last() -> None:
    names = ["0123456789ab", "web", "0123456789abc", "crowd", "web"]
    assert names_first(names) == ("web", "0123456789abc", "crowd", "0123456789ab")
    assert [is_short_id(n) for n in ("0123456789ab", "0123456789AB", "0123456789ab\n")] == [
        True,
        False,
        False,
    ]
