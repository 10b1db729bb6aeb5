"""Links, for any input that Hypothesis thinks of."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dockernet.errors import FormatError
from dockernet.model.links import Link, LinkKind, LinkReport
from dockernet.model.ports import Port

# Words that make variables look like a link's, so that names and values collide often.
WORDS = st.sampled_from(
    [
        *("DB", "A", "_", "_ENV_", "_PORT", "_PORT_", "_NAME", "_SERVICE_HOST", "_SERVICE_PORT_"),
        *("80", "81", "7000-7002", "0", "_TCP", "_UDP", "_SCTP", "_ADDR", "_PROTO", "_START"),
    ]
)
NAMES = st.lists(WORDS, max_size=8).map("".join)
VALUES = st.sampled_from(
    [
        *("tcp://1.1.1.1:80", "TCP://1.1.1.1:80", "udp://[::1]:81", "sctp://::1:7000-7002", "80"),
        *("/web/db", "/web/a", "/web/db-env-a", "1.1.1.1", "::1", "tcp", "udp", "7000-7002", ""),
    ]
)
LIKELY = st.dictionaries(NAMES, VALUES, max_size=30)
ANYTHING = st.one_of(st.text(), st.binary(), st.integers(), st.none())
ANY_ENVIRON: st.SearchStrategy[dict[Any, Any]] = st.dictionaries(
    st.one_of(NAMES, ANYTHING), st.one_of(VALUES, ANYTHING), max_size=20
)

ADDRESSES = st.one_of(
    st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**128 - 1).map(IPv6Address)
)
PORTS = st.builds(
    Port,
    st.one_of(st.integers(1, 65535), st.integers(7000, 7010)),
    st.sampled_from(["tcp", "udp", "sctp"]),
)
# No alias that is cut at a slash, and a recipient of at least a character.
ALIASES = st.one_of(
    st.sampled_from(["db", "db-env-x", "a_PORT_80_TCP", "port", "x_env", "Straße.v1", "a b"]),
    st.text(st.characters(exclude_characters="/"), min_size=1, max_size=40),
)
# HOME and PATH are not written, and a path among the values might be another link's name.
PEER_ENVIRONS = st.dictionaries(
    st.one_of(NAMES, st.text(max_size=9)).filter(lambda key: key not in {"HOME", "PATH"}),
    st.one_of(VALUES, st.text()).filter(lambda value: not value.startswith("/")),
    max_size=5,
)
LINKS = st.builds(
    Link,
    alias=ALIASES,
    recipient=ALIASES,
    addresses=st.tuples(ADDRESSES),
    ports=st.lists(PORTS, min_size=1, max_size=12).map(tuple),
    environ=PEER_ENVIRONS,
)


@given(LINKS)
def test_a_written_link_is_read_back(link: Link) -> None:
    assert Link.read_environ(link.to_environ(secrets=True)) == LinkReport((link,))


@given(LINKS)
def test_a_link_without_ports_is_read_back(link: Link) -> None:
    bare = evolve(link, addresses=(), ports=())
    assert Link.read_environ(bare.to_environ(secrets=True)) == LinkReport((bare,))


@given(LINKS)
def test_a_link_written_without_its_name_is_unconfirmed(link: Link) -> None:
    [read] = Link.from_environ(evolve(link, recipient=None).to_environ())
    assert (read.kind, read.alias) == (LinkKind.UNCONFIRMED, link.prefix.lower())
    assert (read.addresses, read.ports) == (link.addresses, link.ports)


@given(LINKS, st.dictionaries(st.one_of(NAMES, st.text()), st.one_of(VALUES, ANYTHING)))
def test_no_other_variable_loses_a_link(link: Link, others: dict[Any, Any]) -> None:
    own = link.to_environ(secrets=True)
    strange = {k: v for k, v in others.items() if not k.startswith(f"{link.prefix}_")}
    assert link in Link.from_environ({**strange, **own})


@given(ANY_ENVIRON)
def test_no_environment_raises(environ: dict[Any, Any]) -> None:
    report = Link.read_environ(environ)
    assert all(d.source == "environ" and d.subject in environ for d in report.diagnostics)


@given(LIKELY)
def test_every_link_of_an_environment_has_something_to_confirm_it(environ: dict[str, str]) -> None:
    for link in Link.from_environ(environ):
        beside = "_NAME" if link.kind is LinkKind.DOCKER else "_SERVICE_HOST"
        confirmed = f"{link.prefix}{beside}" in environ
        assert confirmed is (link.kind is not LinkKind.UNCONFIRMED)
        assert link.kind is LinkKind.DOCKER or (link.ports and len(link.addresses) == 1)


@given(st.data(), LIKELY)
def test_the_order_of_an_environment_does_not_matter(
    data: st.DataObject, environ: Mapping[str, str]
) -> None:
    shuffled = dict(data.draw(st.permutations(list(environ.items()))))
    assert Link.read_environ(shuffled) == Link.read_environ(environ)


@given(st.dictionaries(NAMES, st.sampled_from(["s3cret", "tcp://s3cret:80", "/s3cret/s3cret"])))
def test_no_value_is_shown(environ: dict[str, str]) -> None:
    report = Link.read_environ(environ)
    assert "s3cret" not in " ".join(map(str, report.diagnostics))


@given(st.one_of(st.text(), st.text(":/ab")))
def test_any_text_is_a_link_or_a_format_error(text: str) -> None:
    try:
        link = Link.parse(text)
    except FormatError as error:
        assert error.text == text[:80]  # noqa: PT017  the other outcome is as good
    else:
        assert Link.parse(str(link)) == evolve(link, recipient=None)
