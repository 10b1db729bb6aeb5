"""Which port is meant where none is named."""

from __future__ import annotations

import pytest

from dockernet._port_choice import lowest, of_scheme
from dockernet.model.ports import Port

HTTP = Port(80)


@pytest.mark.parametrize(
    "known,chosen",
    [
        ([], None),
        (["53/udp"], "53/udp"),
        (["53/udp", "80"], "80/tcp"),
        (["8080", "80", "53/udp"], "80/tcp"),
        (["9/udp", "7/sctp"], "7/sctp"),
    ],
)
def test_the_lowest_tcp_port_is_chosen_as_current_engines_do(
    known: list[str], chosen: str | None
) -> None:
    choice = lowest(map(Port.parse, known))
    assert choice.port == (None if chosen is None else Port.parse(chosen))
    assert (choice.note is None) == (chosen is None)


@pytest.mark.parametrize(
    "default,known,chosen",
    [
        (HTTP, ["80", "8080"], HTTP),
        (HTTP, None, HTTP),
        (HTTP, [], None),
        (HTTP, ["8080"], Port(8080)),
        (HTTP, ["8080", "8081"], None),
        (HTTP, ["80/udp"], Port(80, "udp")),
        (None, ["8080"], Port(8080)),
        (None, ["8080", "80"], None),
        (None, [], None),
        (None, None, None),
    ],
)
def test_a_url_means_its_scheme_s_port_or_the_only_one(
    default: Port | None, known: list[str] | None, chosen: Port | None
) -> None:
    choice = of_scheme(default)(None if known is None else map(Port.parse, known))
    assert choice.port == chosen
    assert (choice.note is None) == (chosen is None)
