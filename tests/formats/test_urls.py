"""URLs: only host and port change, and nothing secret is ever shown."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockernet import Endpoint, FormatError, Port
from dockernet.formats.urls import PeerUrl

HERE = Endpoint(ip_address("172.17.0.2"), 15432)


@pytest.mark.parametrize(
    "url,rewritten",
    [
        ("postgresql://db/app", "postgresql://172.17.0.2:15432/app"),
        ("http://db", "http://172.17.0.2:15432"),
        ("http://db:8080/a?b=db:8080#db", "http://172.17.0.2:15432/a?b=db:8080#db"),
        ("amqp://me:p%40ss@db/%2f", "amqp://me:p%40ss@172.17.0.2:15432/%2f"),
        ("redis://:only-a-password@db:6379/0", "redis://:only-a-password@172.17.0.2:15432/0"),
        ("http://a@b@db/", "http://a@b@172.17.0.2:15432/"),
        ("HTTP://[fd00::2]:80/x", "HTTP://172.17.0.2:15432/x"),
        ("http://db?host=db", "http://172.17.0.2:15432?host=db"),
        ("http://db/\nnext line", "http://172.17.0.2:15432/\nnext line"),
    ],
)
def test_host_and_port_are_put_and_nothing_else(url: str, rewritten: str) -> None:
    assert PeerUrl.parse(url).rewritten([HERE]) == rewritten


def test_each_of_several_hosts_is_put() -> None:
    url = PeerUrl.parse("mongodb://me:secret@a:27017,b/app")
    assert [str(target) for target in url.targets] == ["a:27017", "b"]
    other = Endpoint(ip_address("fd00::2"), 2)
    assert url.rewritten([HERE, other]) == "mongodb://me:secret@172.17.0.2:15432,[fd00::2]:2/app"


@pytest.mark.parametrize(
    "url,port",
    [
        ("postgresql://db", Port(5432)),
        ("postgresql+asyncpg://db", Port(5432)),
        ("git+ssh://db", Port(22)),
        ("HTTPS://db", Port(443)),
        ("syslog://db", Port(514, "udp")),
        ("made-up://db", None),
    ],
)
def test_a_scheme_has_a_default_port(url: str, port: Port | None) -> None:
    assert PeerUrl.parse(url).default == port


def test_the_port_of_a_udp_scheme_is_one_of_udp() -> None:
    assert PeerUrl.parse("syslog://log:1514").targets[0].port == Port(1514, "udp")
    assert PeerUrl.parse("http://web:8080").targets[0].port == Port(8080)


@pytest.mark.parametrize(
    "url",
    ["", "db", "db:5432", "http:db", "http://", "http:///x", "http://me:s3cret@/x", "1http://db",
     "http://db:99999/", "http://db:x/", "http://me:s3/cret@db/", "://db"],
)  # fmt: skip
def test_what_is_no_url_with_a_peer_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(FormatError) as caught:
        PeerUrl.parse(url)
    for part in ("s3", "cret", "99999"):
        assert part not in str(caught.value)


def test_neither_text_nor_repr_shows_a_password() -> None:
    url = PeerUrl.parse("http://me:s3cret@db/path?token=s3cret")
    assert str(url) == "http://db"
    assert "s3cret" not in repr(url)


@given(st.text(max_size=40), st.text(min_size=1, max_size=20))
def test_any_text_is_a_url_or_a_format_error_without_its_password(text: str, tail: str) -> None:
    for url in (text, f"http://me:0s3cret0@{text}{tail}", f"http://me:0s3cret0{text}@{tail}"):
        try:
            parsed = PeerUrl.parse(url)
        except FormatError as error:
            assert "0s3cret0" not in f"{error}{error.args}"  # noqa: PT017 - both outcomes are good
        else:
            assert parsed.rewritten([HERE] * len(parsed.targets))
