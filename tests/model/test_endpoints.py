"""Endpoints, refusals and explanations: what a person and a program read in them."""

from __future__ import annotations

import pickle
from ipaddress import ip_address
from typing import Any

import pytest
from attrs import evolve

from dockernet.errors import AmbiguousPeerError
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.endpoints import Endpoint
from dockernet.model.explanations import NOT_HEARD, Explanation, Peer
from dockernet.model.vantage import Vantage
from dockernet.refusals import Reason, Refusal, Route

V4, V6 = ip_address("10.7.0.2"), ip_address("fd07::2")


@pytest.mark.parametrize(
    "host, shown, family",
    [
        (V4, "10.7.0.2:80", 4),
        (V6, "[fd07::2]:80", 6),
        ("engine.example", "engine.example:80", None),
        ("fe80::1%eth0", "[fe80::1%eth0]:80", None),
    ],
)
def test_an_endpoint_is_dialled_and_shown(host: Any, shown: str, family: int | None) -> None:
    endpoint = Endpoint(host, 80)
    assert (str(endpoint), endpoint.url("http")) == (shown, f"http://{shown}")
    assert (endpoint.address, endpoint.family) == ((str(host), 80), family)


def test_a_refusal_is_one_line_without_control_characters() -> None:
    refusal = Refusal(None, Reason.NOT_RUNNING, "a\x1b[31m\nb", "docker start x")
    assert str(refusal) == "not-running: a\\x1b[31m\\nb (fix: docker start x)"


def test_codes_are_stable() -> None:
    """Programs compare with them."""
    assert " ".join(Reason) == (
        "not-running paused no-network port-unknown icc-disabled not-exposed no-shared-network "
        "not-published published-on-loopback driver-not-routed address-behind-vm "
        "host-address-unknown no-address not-answering stale"
    )
    assert ", ".join(Route) == (
        "same namespace, shared network, link, host mode, gateway, routed, published, direct, given"
    )


FIRST = Endpoint(V4, 80, route=Route.SHARED_NETWORK, source="engine", peer="db", network="app")
SECOND = Endpoint(V6, 53, "udp", Route.GIVEN, "hosts")
REFUSED = Refusal(Route.LINK, Reason.STALE, "the link leads nowhere", "make it again")
UNROUTED = Refusal(None, Reason.PAUSED, "db is paused", "docker unpause db")


def test_an_explanation_tells_everything_in_order() -> None:
    why = Explanation(
        target="db",
        vantage=Vantage(),
        stand="on the engine's host",
        asked=("engine", "hosts"),
        chosen=FIRST,
        endpoints=(FIRST, SECOND),
        refusals=(REFUSED, UNROUTED),
        notes=("80/tcp was chosen",),
        diagnostics=(Diagnostic("environ", "DB_PORT", "stale"),),
    )
    assert str(why).splitlines() == [
        "db, asked from on the engine's host",
        "  sources asked: engine, hosts",
        "  note: 80/tcp was chosen",
        "  -> 10.7.0.2:80/tcp by shared network app (source: engine)",
        "  or [fd07::2]:53/udp by given (source: hosts)",
        "  no link: stale: the link leads nowhere (fix: make it again)",
        "  no route: paused: db is paused (fix: docker unpause db)",
        "  odd: environ: DB_PORT: stale",
    ]


def test_an_explanation_tells_replicas_apart() -> None:
    replicas = (evolve(FIRST, peer="web-1"), evolve(FIRST, host=V6, peer="web-2"), SECOND)
    why = Explanation(target="web", vantage=Vantage(), endpoints=replicas, chosen=replicas[0])
    assert str(why).splitlines()[1:] == [
        "  -> 10.7.0.2:80/tcp to web-1 by shared network app (source: engine)",
        "  or [fd07::2]:80/tcp to web-2 by shared network app (source: engine)",
        "  or [fd07::2]:53/udp by given (source: hosts)",
    ]


def test_an_explanation_of_an_unknown_name_says_so() -> None:
    why = Explanation(target="dbx", vantage=Vantage(), near_misses=("db", "dbs"))
    assert str(why).splitlines() == [
        "dbx, asked from unknown",
        "  no source knows this name",
        "  did you mean db or dbs?",
    ]


@pytest.mark.parametrize(
    "deaf, said",
    [
        ((), "no source knows this name"),
        (("hosts",), "no source that was heard knows this name"),
        (("hosts", "engine"), "no source could be asked"),
    ],
)
def test_an_explanation_tells_silent_sources_from_deaf_ones(
    deaf: tuple[str, ...], said: str
) -> None:
    odd = [Diagnostic(source, NOT_HEARD, "nothing listens") for source in deaf]
    odd += [Diagnostic(source, "line 3", "no address") for source in ("hosts", "engine")]
    why = Explanation(
        target="db", vantage=Vantage(), asked=("engine", "hosts"), diagnostics=tuple(odd)
    )
    assert str(why).splitlines()[2].strip() == said


def test_an_explanation_of_an_ambiguous_name_does_not_say_that_nobody_knows_it() -> None:
    error = AmbiguousPeerError("db", ("shop/db", "mall/db"))
    why = Explanation(
        target="db", vantage=Vantage(), notes=(str(error),), near_misses=error.candidates
    )
    assert "no source" not in str(why)
    assert "did you mean shop/db or mall/db?" in str(why)


def test_an_explanation_escapes_what_comes_from_outside() -> None:
    """A line for each thing, and nothing that a terminal would act on."""
    evil = "x\x1b[2J\ny\u202e"
    why = Explanation(
        target=evil,
        vantage=Vantage(name=evil),
        stand=evil,
        asked=(evil,),
        endpoints=(Endpoint(evil, 80, source=evil, network=evil),),
        refusals=(Refusal(None, Reason.STALE, evil, evil),),
        notes=(evil,),
        near_misses=(evil,),
        diagnostics=(Diagnostic(evil, evil, evil),),
    )
    lines = str(why).split("\n")
    assert len(lines) == 7
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("value", [FIRST, REFUSED, Peer("db", None, (V4,), "app", ("engine",))])
def test_answers_are_values(value: object) -> None:
    again = pickle.loads(pickle.dumps(value))  # noqa: S301 - our own
    assert (again, hash(again)) == (value, hash(value))
