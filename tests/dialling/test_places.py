"""Where endpoints lead to: the order of dialling, and why nobody answers."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from dockernet import Endpoint, FormatError, Reason, Route
from dockernet.dialling.places import (
    DELAY,
    Place,
    check_stream,
    found,
    interleaved,
    known_places,
    named_places,
    unanswered,
)


def endpoint(host: str, port: int = 80) -> Endpoint:
    return Endpoint(ip_address(host), port, route=Route.DIRECT)


def test_attempts_begin_as_far_apart_as_the_standard_recommends() -> None:
    assert DELAY == 0.25  # RFC 8305, 8


@pytest.mark.parametrize(
    "hosts, order",
    [
        ("10.0.0.1 10.0.0.2 fd::1 fd::2", "10.0.0.1 fd::1 10.0.0.2 fd::2"),
        ("fd::1 10.0.0.1 10.0.0.2", "fd::1 10.0.0.1 10.0.0.2"),
        ("10.0.0.1 10.0.0.1 fd::1", "10.0.0.1 fd::1"),
        ("10.0.0.2 10.0.0.1", "10.0.0.2 10.0.0.1"),
        ("", ""),
    ],
)
def test_families_take_turns_beginning_with_the_best(hosts: str, order: str) -> None:
    places = [place for host in hosts.split() for place in known_places(endpoint(host))]
    assert [place.address[0] for place in interleaved(places)] == order.split()


def test_a_name_leads_to_all_its_addresses() -> None:
    named = Endpoint("engine.example", 80)
    infos = [
        (socket.AF_INET6, 1, 6, "", ("fd::1", 80, 0, 0)),
        (socket.AF_INET, 1, 6, "", ("10.0.0.1", 80)),
    ]
    places = named_places(named, infos)
    assert known_places(named) == ()
    assert [str(place) for place in places] == [
        "engine.example:80 at fd::1",
        "engine.example:80 at 10.0.0.1",
    ]
    assert places[0].address == ("fd::1", 80)


def test_each_attempt_has_its_reason_in_the_order_of_the_endpoints() -> None:
    first, second = endpoint("10.0.0.1"), Endpoint("engine.example", 80)
    [place] = known_places(first)
    at = Place(second, socket.AF_INET, ("10.0.0.9", 80))
    error = unanswered("db", (first, second), {at: "timed out", place: "connection refused"})
    assert [(one.route, one.reason, one.detail) for one in error.refusals] == [
        (Route.DIRECT, Reason.NOT_ANSWERING, "10.0.0.1:80 does not answer: connection refused"),
        (
            Route.GIVEN,
            Reason.NOT_ANSWERING,
            "engine.example:80 at 10.0.0.9 does not answer: timed out",
        ),
    ]
    unknown = unanswered("db", (second,), {second: "name not known"})
    assert unknown.refusals[0].detail == "engine.example:80 does not answer: name not known"


@pytest.mark.parametrize(
    "error, told",
    [
        (OSError(111, "Connect call failed"), "connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "name or service not known"),
        (TimeoutError("timed out"), "timed out"),
    ],
)
def test_an_error_is_told_in_the_words_of_the_system(error: OSError, told: str) -> None:
    assert found(error) == told


def test_connections_are_of_tcp() -> None:
    udp = Endpoint(ip_address("10.0.0.1"), 53, "udp")
    with pytest.raises(FormatError, match=r"'db:53/udp': a connection is of tcp, and 10\.0\.0\.1"):
        check_stream((endpoint("10.0.0.1"), udp), "db:53/udp")
    check_stream((endpoint("10.0.0.1"),), "db")
