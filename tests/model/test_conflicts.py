"""Port conflicts: which host ports cannot be had together, and who holds them."""

from __future__ import annotations

import errno
import pickle
from typing import Any

import pytest

from dockernet.errors import LaunchError
from dockernet.model.bindings import HostBinding
from dockernet.model.conflicts import (
    Holding,
    PortConflict,
    PortConflictError,
    port_conflicts,
    settled,
)
from dockernet.model.portmap import PortMap
from dockernet.model.ports import Port


def holding(at: str, **who: Any) -> Holding:
    return Holding(protocol="tcp", binding=HostBinding.parse(at), **who)


WEB = {"container": "web", "container_id": "a" * 64}


@pytest.mark.parametrize(
    "spec, held, count",
    [
        ("8080:80", "0.0.0.0:8080", 1),
        ("8080:80", "[::]:8080", 1),
        ("8080:80", "127.0.0.1:8080", 1),
        ("127.0.0.1:8080:80", "0.0.0.0:8080", 1),
        ("127.0.0.1:8080:80", "*:8080", 1),
        ("127.0.0.1:8080:80", "[::]:8080", 0),
        ("127.0.0.1:8080:80", "192.0.2.1:8080", 0),
        ("[::1]:8080:80", "0.0.0.0:8080", 0),
        ("[::1]:8080:80", "*:8080", 1),
        ("8080:80", "0.0.0.0:8081", 0),
        ("8080:80/udp", "0.0.0.0:8080", 0),
        ("80", "0.0.0.0:8080", 0),
    ],
)
def test_bindings_collide_on_one_number_of_one_protocol_where_addresses_overlap(
    spec: str, held: str, count: int
) -> None:
    found = port_conflicts(PortMap.from_specs([spec]), [holding(held, **WEB)])
    assert [(c.held, c.container) for c in found] == [(HostBinding.parse(held), "web")] * count


def test_a_range_collides_once_all_of_it_is_held() -> None:
    wanted = PortMap.from_specs(["8000-8001:80"])
    one, two = holding("0.0.0.0:8000", **WEB), holding("0.0.0.0:8001", pid=7, process="nginx")
    assert port_conflicts(wanted, [one]) == ()
    found = port_conflicts(wanted, [two, one])
    assert [(c.host_port, c.holder) for c in found] == [
        (8000, "container web (0.0.0.0:8000)"),
        (8001, "process 7 (nginx) (0.0.0.0:8001)"),
    ]
    assert {str(c.binding) for c in found} == {"*:8000-8001"}


def test_each_holder_is_told_once_in_the_order_given() -> None:
    both = [
        holding("0.0.0.0:80", container="a"),
        holding("[::]:80", container="a"),
        holding("127.0.0.1:80", pid=3),
    ]
    found = port_conflicts(PortMap.from_specs(["80:80"]), both)
    assert [c.holder for c in found] == ["container a (0.0.0.0:80)", "process 3 (127.0.0.1:80)"]


def test_ports_of_one_map_that_collide_are_rivals() -> None:
    wanted = PortMap.from_specs(["8080:80", "127.0.0.1:8080:81", "8080:82/udp"])
    [found] = port_conflicts(wanted, [])
    assert (found.port, found.rival) == (Port(81), Port(80))
    assert str(found) == "host port 8080/tcp is held by port 80/tcp of the same launch (*:8080)"


def test_a_range_yields_to_the_fixed_ports_of_its_map() -> None:
    wanted = PortMap.from_specs(["8000-8001:80", "8000:81", "8001:82"])
    found = port_conflicts(wanted, [])
    assert [(c.port, c.host_port, c.rival) for c in found] == [
        (Port(80), 8000, Port(81)),
        (Port(80), 8001, Port(82)),
    ]


def test_a_routed_binding_holds_no_number() -> None:
    assert port_conflicts(PortMap.from_specs(["8080:80"]), [holding("0.0.0.0:0")]) == ()


@pytest.mark.parametrize(
    "who, words",
    [
        ({"container": "a\x1bb"}, r"container a\x1bb (0.0.0.0:1)"),
        ({"pid": 4, "process": "x\ny"}, r"process 4 (x\ny) (0.0.0.0:1)"),
        ({"pid": 4}, "process 4 (0.0.0.0:1)"),
        ({}, "another process (0.0.0.0:1)"),
    ],
    ids=["container", "process", "nameless process", "unseen process"],
)
def test_a_holder_is_told_in_words_that_no_terminal_acts_on(
    who: dict[str, object], words: str
) -> None:
    [found] = port_conflicts(PortMap.from_specs(["1:1"]), [holding("0.0.0.0:1", **who)])
    assert found.holder == words


def test_settled_ports_are_those_asked_for_by_number() -> None:
    wanted = PortMap.from_specs(["80", "8080:81/udp", "9000-9001:82"])
    assert settled(wanted) == {("udp", 8080), ("tcp", 9000), ("tcp", 9001)}


def test_the_error_names_every_holder_and_is_that_of_a_taken_port() -> None:
    unseen = PortConflict(port=Port(80), binding=HostBinding(None, 8080), host_port=8080)
    error = PortConflictError("web:1", (unseen,))
    told = (
        "cannot launch 'web:1': host port 8080/tcp is held by somebody who cannot be seen from here"
    )
    for one in (error, pickle.loads(pickle.dumps(error))):  # noqa: S301 - our own
        assert type(one) is PortConflictError
        assert (str(one), one.errno, one.image) == (told, errno.EADDRINUSE, "web:1")
        assert one.conflicts == (unseen,)
        assert (one.strerror, one.filename) == (None, None)
    assert issubclass(PortConflictError, LaunchError)
    assert issubclass(PortConflictError, OSError)
