"""The block of a hosts file: what is in it, what an edit makes, and what it leaves alone."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dockernet import FormatError, HostsLine
from dockernet.formats.hosts_block import BlockEdit, block_lines, block_name, render_body

DB = HostsLine(ip_address("10.0.0.2"), ("db", "postgres"))
WEB = HostsLine(ip_address("fd00::3"), ("web",))
BEGIN, END = b"# dockernet links begin\n", b"# dockernet links end\n"
LOCAL = b"127.0.0.1 localhost\n"

foreign = st.one_of(
    st.binary(max_size=300),
    st.lists(
        st.sampled_from(
            [
                LOCAL,
                b"::1\tme\r\n",
                b"# caf\xe9\n",
                b"\x00\x00\n",
                b"\n",
                b"  \n",
                b"10.0.0.9 unended",
                b"# dockernet other begin\n10.0.0.7 x\n# dockernet other end\n",
                b"#dockernet links begin\n",
            ]
        ),
        max_size=12,
    ).map(b"".join),
).filter(lambda content: b"# dockernet links" not in content)
names = st.text("abcxyz-.é", min_size=1, max_size=12)
entries = st.builds(
    HostsLine, st.ip_addresses(), st.lists(names, min_size=1, max_size=4).map(tuple)
)
blocks = st.lists(entries, max_size=12)


def edited(content: bytes, *lines: HostsLine) -> bytes:
    return BlockEdit.of("links", lines).applied(content)


def taken_out(content: bytes) -> bytes:
    return BlockEdit("links", None).applied(content)


def test_a_new_block_goes_to_the_end_and_is_read_back() -> None:
    content = edited(LOCAL, DB, WEB)
    assert content == LOCAL + BEGIN + b"10.0.0.2 db postgres\nfd00::3 web\n" + END
    assert block_lines(content, "links") == (DB, WEB)
    assert block_lines(LOCAL, "links") == ()


def test_a_block_stays_where_it_is() -> None:
    content = edited(edited(LOCAL, DB) + b"10.0.0.9 later\n", WEB)
    assert content == LOCAL + BEGIN + b"fd00::3 web\n" + END + b"10.0.0.9 later\n"


def test_each_keeper_has_a_block_of_its_own() -> None:
    both = BlockEdit.of("other.1", [WEB]).applied(edited(LOCAL, DB))
    assert (block_lines(both, "links"), block_lines(both, "other.1")) == ((DB,), (WEB,))
    assert block_lines(taken_out(both), "other.1") == (WEB,)
    assert BlockEdit("other.1", None).applied(both) == edited(LOCAL, DB)


@given(foreign, blocks, blocks)
def test_adding_and_removing_restores_every_byte(
    content: bytes, first: list[HostsLine], second: list[HostsLine]
) -> None:
    added = edited(content, *first)
    assert block_lines(added, "links") == tuple(first)
    again = edited(added, *second)
    assert block_lines(again, "links") == tuple(second)
    assert edited(again, *second) == again
    assert taken_out(added) == taken_out(again) == taken_out(content) == content


keepers = st.sampled_from(["links", "other", "third"])
acts = st.lists(st.tuples(keepers, st.none() | blocks, st.booleans()), max_size=12)


@given(foreign, acts, st.permutations(["links", "other", "third"]))
def test_keepers_who_come_and_go_in_any_order_restore_every_byte(
    content: bytes, acts: list[tuple[str, list[HostsLine] | None, bool]], order: list[str]
) -> None:
    assume(b"# dockernet" not in content)
    now, told = content, dict[str, tuple[HostsLine, ...]]()
    for name, lines, in_place in [*acts, *((name, None, False) for name in order)]:
        edit = BlockEdit(name, None) if lines is None else BlockEdit.of(name, lines)
        now = [now, *edit.steps(now)][-1] if in_place else edit.applied(now)
        told[name] = tuple(lines or ())
        assert {name: block_lines(now, name) for name in told} == told
    assert now == content


def test_a_newline_of_one_block_is_the_next_one_s_where_only_that_comes_after() -> None:
    both = BlockEdit.of("other", [WEB]).applied(edited(b"10.0.0.9 unended", DB))
    left = taken_out(both)
    assert left.startswith(b"10.0.0.9 unended\n# dockernet other begin (no newline before)\n")
    assert BlockEdit("other", None).applied(left) == b"10.0.0.9 unended"
    odd = edited(b"10.0.0.9 unended", DB) + left.partition(b"\n")[2]
    assert taken_out(odd) == left  # it says so already


def test_lines_that_come_after_a_block_keep_their_line() -> None:
    """The newline that a block brought is theirs then."""
    content = edited(b"10.0.0.9 unended", DB) + b"10.0.0.8 later\n"
    assert taken_out(content) == b"10.0.0.9 unended\n10.0.0.8 later\n"


@pytest.mark.parametrize("blank", [b"  ", b"\t", b"\r"], ids=["blanks", "tab", "carriage return"])
def test_blanks_after_a_marker_mean_nothing(blank: bytes) -> None:
    content = edited(LOCAL, DB).replace(b" end\n", b" end" + blank + b"\n")
    assert block_lines(content, "links") == (DB,)
    assert taken_out(content) == LOCAL


def test_a_file_may_end_with_its_end_marker() -> None:
    content = edited(LOCAL, DB).removesuffix(b"\n")
    assert block_lines(content, "links") == (DB,)
    assert block_lines(edited(content, WEB), "links") == (WEB,)
    assert taken_out(content) == LOCAL


def test_a_block_at_the_very_beginning_loses_nothing() -> None:
    content = b"# dockernet links begin (no newline before)\n" + END
    assert taken_out(content) == b""


OTHER = (b"# dockernet other begin\n", b"# dockernet other end\n")


@pytest.mark.parametrize(
    "content, line",
    [
        (LOCAL + BEGIN + b"10.0.0.2 db\n", 2),
        (LOCAL + END, 2),
        (END + LOCAL + BEGIN, 3),
        (BEGIN + END + BEGIN + END, 4),
        (BEGIN + BEGIN + END, 3),
        (BEGIN + END + END, 3),
        (BEGIN + OTHER[0] + OTHER[1] + END, 1),
        (OTHER[0] + BEGIN + END + OTHER[1], 2),
        (OTHER[0] + BEGIN + OTHER[1] + END, 2),
        (BEGIN + OTHER[0] + END + OTHER[1], 1),
    ],
    ids=[
        "no end",
        "no beginning",
        "the wrong way round",
        "twice",
        "two beginnings",
        "two ends",
        "another inside",
        "inside another",
        "across another's end",
        "across another's beginning",
    ],
)
def test_damaged_markers_are_told_and_nothing_is_guessed(content: bytes, line: int) -> None:
    asked = (
        lambda: block_lines(content, "links"),
        lambda: edited(content, DB),
        lambda: taken_out(content),
        lambda: BlockEdit("links", b"").steps(content),
    )
    for ask in asked:
        with pytest.raises(FormatError, match=f"line {line} of the hosts file.*repair it") as told:
            ask()
        assert told.value.text.startswith("# dockernet links ")


def test_the_damage_of_others_is_theirs() -> None:
    content = OTHER[0] + OTHER[1] + OTHER[1] + edited(LOCAL, DB) + OTHER[0]
    assert block_lines(content, "links") == (DB,)


@pytest.mark.parametrize(
    "name",
    ["", "a b", "tab\t", "new\nline", "a#b", "nul\0", "esc\x1b", "nbsp\xa0", "x" * 256, "\ud800"],
)
def test_a_name_that_no_hosts_file_can_carry_is_refused(name: str) -> None:
    with pytest.raises(FormatError):
        render_body([DB, HostsLine(DB.address, ("good", name))])


def test_a_line_needs_a_name_and_an_address_without_a_scope() -> None:
    with pytest.raises(FormatError, match="at least one name"):
        render_body([HostsLine(DB.address, ())])
    with pytest.raises(FormatError, match="without a scope"):
        render_body([HostsLine(ip_address("fe80::1%eth0"), ("db",))])


@pytest.mark.parametrize("name", ["", "a b", "-a", "a\n", "x" * 65, "é", "a/b"])
def test_a_block_has_a_plain_name(name: str) -> None:
    with pytest.raises(FormatError, match="expected a name of 1 to 64"):
        block_name(name)
    assert block_name("links-2_a.b") == "links-2_a.b"


# In place: every step, and every byte at which it may be cut.


def cut(old: bytes, new: bytes, at: int) -> bytes:
    """What a file holds when a write of new over old has come to a byte."""
    return new[:at] + old[at:]


def states(content: bytes, edit: BlockEdit) -> list[bytes]:
    return [content, *edit.steps(content)]


@given(foreign, blocks, blocks, foreign)
def test_in_place_each_step_has_the_old_block_or_the_new_one(
    content: bytes, first: list[HostsLine], second: list[HostsLine], later: bytes
) -> None:
    start = edited(content, *first) + later
    assume(start.count(b"# dockernet links") == 2)
    for lines in (second, first, []):
        passed = states(start, BlockEdit.of("links", lines))
        olds = block_lines(start, "links")
        told = [block_lines(state, "links") for state in passed]
        assert told[0] == olds
        assert told[-1] == tuple(lines)
        assert set(told) <= {olds, tuple(lines)}
        assert {taken_out(state) for state in passed} == {taken_out(start)}
        start = passed[-1]
    gone = states(start, BlockEdit("links", None))
    assert gone[-1] == taken_out(start)
    assert {taken_out(state) for state in gone} == {gone[-1]}


@given(foreign, blocks, blocks)
def test_in_place_nothing_before_a_block_at_the_end_is_ever_written(
    content: bytes, first: list[HostsLine], second: list[HostsLine]
) -> None:
    old = content
    for lines in (first, second):
        edit = BlockEdit.of("links", lines)
        for new in edit.steps(old):
            assert new.startswith(content)
            old = new


def test_in_place_room_is_kept_and_most_edits_touch_nothing_else() -> None:
    content = states(LOCAL, BlockEdit.of("links", [DB]))[-1] + b"10.0.0.9 later\n"
    for lines in ([DB, WEB], [WEB], [], [DB]):
        (new,) = BlockEdit.of("links", lines).steps(content)
        assert len(new) == len(content)
        for at in range(len(new)):
            torn = cut(content, new, at)
            assert taken_out(torn) == taken_out(content)  # whole markers, whatever is between
        content = new
    assert BlockEdit.of("links", [DB]).steps(content) == ()


def test_in_place_a_block_that_grows_moves_behind_the_lines_that_came_after() -> None:
    many = [HostsLine(ip_address(f"10.0.1.{n}"), (f"host-{n}",)) for n in range(30)]
    before = states(b"10.0.0.9 unended", BlockEdit.of("links", [DB]))[-1] + b"10.0.0.8 later\n"
    moved, *_, after = BlockEdit.of("links", many).steps(before)
    assert moved.startswith(b"10.0.0.9 unended\n10.0.0.8 later\n" + BEGIN)
    assert block_lines(after, "links") == tuple(many)
    for at in range(len(moved)):
        torn = cut(before, moved, at)  # what moves to the beginning is there twice, or once
        assert b"10.0.0.9 unended\n" in torn
        assert b"10.0.0.8 later\n" in torn


def test_in_place_removing_moves_a_block_to_the_end_before_it_is_cut_off() -> None:
    before = edited(LOCAL, DB) + b"10.0.0.8 later"
    moved, gone = BlockEdit("links", None).steps(before)
    assert gone == LOCAL + b"10.0.0.8 later"
    assert moved.startswith(gone)
    assert BlockEdit("links", None).steps(gone) == ()
