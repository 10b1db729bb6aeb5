"""The grammar of targets, and the other forms that a target may have."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockernet.errors import FormatError
from dockernet.model.containers import Container
from dockernet.model.links import Link
from dockernet.model.ports import Port
from dockernet.model.targets import Target

# What is written; its project, its name and its port; whether it is a name or an address;
# and how it is shown, where that differs.
GOOD: list[tuple[str, str | None, str, str | None, str, str | None]] = [
    ("db", None, "db", None, "name", None),
    ("db:5432", None, "db", "5432/tcp", "name", None),
    ("db:53/udp", None, "db", "53/udp", "name", None),
    ("db:80/TCP", None, "db", "80/tcp", "name", "db:80"),
    ("db:00080", None, "db", "80/tcp", "name", "db:80"),
    ("db:65535/sctp", None, "db", "65535/sctp", "name", None),
    ("db.", None, "db", None, "name", "db"),
    ("db.:80", None, "db", "80/tcp", "name", "db:80"),
    ("db..", None, "db.", None, "name", None),
    ("..", None, ".", None, "name", None),
    ("shop/db", "shop", "db", None, "name", None),
    ("shop/db.:53/udp", "shop", "db", "53/udp", "name", "shop/db:53/udp"),
    ("80", None, "80", None, "name", None),
    ("my db:80", None, "my db", "80/tcp", "name", None),
    ("größe", None, "größe", None, "name", None),
    ("facts.dot.net", None, "facts.dot.net", None, "name", None),
    ("1.2.3", None, "1.2.3", None, "name", None),
    ("1.2.3.a", None, "1.2.3.a", None, "name", None),
    ("10.7.0.2", None, "10.7.0.2", None, "address", None),
    ("10.7.0.2.:80", None, "10.7.0.2", "80/tcp", "address", "10.7.0.2:80"),
    ("[fd00::2]", None, "fd00::2", None, "address", None),
    ("[FD00:0::2]:80", None, "fd00::2", "80/tcp", "address", "[fd00::2]:80"),
    ("[fd00::2]:53/udp", None, "fd00::2", "53/udp", "address", None),
    ("a" * 1000, None, "a" * 1000, None, "name", None),
]


@pytest.mark.parametrize(
    "text, project, name, port, kind, shown", GOOD, ids=[row[0][:20] for row in GOOD]
)
def test_a_target_is_read_and_shown(
    text: str,
    project: str | None,
    name: str,
    port: str | None,
    kind: str,
    shown: str | None,
) -> None:
    target = Target.parse(text)
    address = ip_address(name) if kind == "address" else None
    assert target == Target(name, Port.parse(port) if port else None, project, address)
    assert str(target) == (shown or text)


BAD = {
    "": "expected [project/]name[:port[/protocol]]",
    ".": "the name is empty",
    " ": "the name is empty",
    ":80": "expected [project/]name",
    "db:": "expected [project/]name",
    "db:0": "a port is a number from 1 to 65535",
    "db:65536": "a port is a number from 1 to 65535",
    "db:123456": "expected [project/]name",
    "db:-1": "expected [project/]name",
    "db:80/": "expected [project/]name",
    "db:80/ftp": "the protocol must be tcp, udp or sctp",
    "db:\u0668\u0660": "expected [project/]name",
    "db:80:81": "expected [project/]name",
    "/db": "expected [project/]name",
    "shop/": "expected [project/]name",
    "a/b/c": "expected [project/]name",
    "fd00::2": "expected [project/]name",
    "[fd00::2": "expected [project/]name",
    "[]": "expected [project/]name",
    "[db]": "expected an IPv4 or IPv6 address",
    "[fd00::2]80": "expected [project/]name",
    "[fe80::1%eth0]": "expected [project/]name",
    "[fd00:::2]:80": "expected an IPv4 or IPv6 address",
    "[10.7.0.2]:80": "brackets are for IPv6 addresses only",
    "999.0.0.1:80": "expected an IPv4 or IPv6 address",
    "\u0661.\u0662.\u0663.\u0664": "expected an IPv4 or IPv6 address",
    "shop/10.7.0.2": "an address belongs to no project",
    "shop/[fd00::2]": "an address belongs to no project",
    "db\n": "printable characters",
    "\x1b[31mdb": "printable characters",
    "a" * 1001: "at most 1000",
}


@pytest.mark.parametrize("text", BAD, ids=[ascii(text[:20]) for text in BAD])
def test_a_malformed_text_is_named_with_what_was_expected(text: str) -> None:
    with pytest.raises(FormatError) as caught:
        Target.parse(text)
    assert caught.value.text == text[:80]
    assert BAD[text] in caught.value.reason


LINK = Link("data", peer="db", ports=(Port(80), Port(53, "udp")))
FORMS: list[tuple[Any, Target]] = [
    ("db:80", Target("db", Port(80))),
    (Target("db"), Target("db")),
    (("db", 80), Target("db", Port(80))),
    (["shop/db", 80], Target("db", Port(80), "shop")),
    (("10.7.0.2", 80), Target("10.7.0.2", Port(80), None, ip_address("10.7.0.2"))),
    (("fd00::2", 80), Target("fd00::2", Port(80), None, ip_address("fd00::2"))),
    (("[fd00::2]", 80), Target("fd00::2", Port(80), None, ip_address("fd00::2"))),
    (Container(id="c" * 64, name="me"), Target("c" * 64)),
    (LINK, Target("db", Port(80))),
    (Link("data"), Target("data")),
]


@pytest.mark.parametrize("form, expected", FORMS, ids=[str(form)[:30] for form, _ in FORMS])
def test_every_form_of_a_target_is_taken(form: Any, expected: Target) -> None:
    assert Target.of(form) == expected


@pytest.mark.parametrize(
    "pair, reason",
    [
        (("db:80", 81), "the port stands beside the name and in it"),
        (("[fd00::2]:80", 81), "the port stands beside the name and in it"),
        (("db", 0), "a port is a number from 1 to 65535"),
        (("db", 65536), "a port is a number from 1 to 65535"),
        (("", 80), "expected [project/]name"),
        (("a:b:c", 80), "expected an IPv4 or IPv6 address"),
    ],
)
def test_a_malformed_pair_is_named_with_what_was_expected(
    pair: tuple[str, int], reason: str
) -> None:
    with pytest.raises(FormatError) as caught:
        Target.of(pair)
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    "value", [None, 80, b"db", ("db",), ("db", "80"), ("db", True), ("db", 80, "udp"), {"db": 80}]
)
def test_what_is_no_target_at_all_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError, match="a target is a text"):
        Target.of(value)


@pytest.mark.parametrize("text", ["host.docker.internal:80", "HOST.Containers.Internal."])
def test_two_names_are_reserved_for_the_host(text: str) -> None:
    assert Target.parse(text).is_host


@pytest.mark.parametrize("text", ["docker.internal", "shop/host.docker.internal", "10.7.0.1"])
def test_no_other_name_and_no_project_s_service_is_the_host(text: str) -> None:
    assert not Target.parse(text).is_host


NAMES = st.text(st.characters(exclude_characters="/:[]", exclude_categories=("C", "Z")), min_size=1)
PORTS = st.none() | st.builds(Port, st.integers(1, 65535), st.sampled_from(("tcp", "udp", "sctp")))
TEXTS = (
    st.text()
    | st.text(alphabet="db./:[]1280 fudp\n")
    | st.from_regex(r"\A(\w+/)?(\w+\.?|\[[\da-f:.]+\])(:\d{1,6}(/\w+)?)?\Z")
)


@given(TEXTS)
def test_any_text_is_a_target_or_a_format_error(text: str) -> None:
    """And what is shown of a target reads as that target again."""
    with suppress(FormatError):
        target = Target.parse(text)
        assert Target.parse(str(target)) == target


@given(NAMES, PORTS, st.none() | NAMES)
def test_what_is_shown_reads_as_the_same_target(
    name: str, port: Port | None, project: str | None
) -> None:
    target = Target(name, port, project)
    with suppress(FormatError):  # a name of four numbers is an address
        assert Target.parse(str(target)) in (target, Target.parse(name))


@given(st.ip_addresses(), PORTS)
def test_what_is_shown_of_an_address_reads_as_the_same_address(
    address: Any, port: Port | None
) -> None:
    target = Target(str(address), port, None, address)
    assert Target.parse(str(target)) == target


@given(st.text() | st.from_regex(r"\A[\da-f:.\[\]]+\Z"), st.integers())
def test_any_pair_is_a_target_or_a_format_error(name: str, port: int) -> None:
    with suppress(FormatError):
        assert Target.of((name, port)).port == Port(port)
