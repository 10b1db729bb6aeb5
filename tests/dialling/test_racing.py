"""A race of which nobody but the winner is left, in both faces."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import Any

import pytest
from servers import close, free_port, serving, speak, stay

from dockernet import Endpoint, UnreachableError
from dockernet.dialling import awaited, racing
from dockernet.dialling.places import OPEN

LONG = 60.0  # seconds


def accepted(subject: str, endpoints: tuple[Endpoint, ...], timeout: float) -> None:
    """What the blocking face has, awaited."""
    asyncio.run(awaited._raced(subject, endpoints, timeout, OPEN)).close()


@pytest.fixture(params=[racing, awaited], ids=["blocking", "awaiting"])
def race(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A race whose attempts begin right after each other."""
    monkeypatch.setattr(request.param, "DELAY", 0.001)
    return racing.accepted if request.param is racing else accepted


def at(port: int, *hosts: str) -> tuple[Endpoint, ...]:
    return tuple(Endpoint(ip_address(host), port) for host in hosts)


def test_who_is_open_and_has_not_won_is_hung_up_on(race: Any) -> None:
    port = free_port()
    with (
        serving(stay, host="127.0.0.1", port=port) as silent,
        serving(speak, host="127.0.0.2", port=port),
    ):
        race("db", at(port, "127.0.0.1", "127.0.0.2"), LONG)
        assert silent.hung_up(LONG)


def test_who_stays_wins_against_who_hangs_up(race: Any) -> None:
    port = free_port()
    with (
        serving(close, host="127.0.0.1", port=port) as proxy,
        serving(stay, host="127.0.0.2", port=port) as peer,
    ):
        race("db", at(port, "127.0.0.1", "127.0.0.2"), LONG)
    assert (proxy.calls, peer.calls) == (1, 1)


def test_when_the_time_is_over_all_are_hung_up_on(race: Any) -> None:
    with serving(stay) as silent:
        with pytest.raises(UnreachableError, match="does not answer: timed out"):
            race("db", at(silent.port, "127.0.0.1"), OPEN / 2)
        assert silent.hung_up(LONG)
