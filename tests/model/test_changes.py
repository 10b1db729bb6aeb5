"""In which respects a container changed."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from builders import attachment, container

from dockernet import ChangeKind, ContainerChange, PortMap

WEB = container("web", {"app": 2}, "0.0.0.0:8080->80/tcp")
STOPPED = evolve(WEB, state="exited", ports=PortMap(), networks=())


def why(before: Any, after: Any) -> list[str]:
    return [str(kind) for kind in ContainerChange(before, after).why]


def at(number: int, *names: str) -> Any:
    return (attachment("app", number, *names),)


@pytest.mark.parametrize(
    "before, after, expected",
    [
        ({"state": "created"}, {"state": "running"}, ["started"]),
        ({"state": "exited"}, {"state": "paused"}, ["started", "paused"]),
        ({"state": "running"}, {"state": "paused"}, ["paused"]),
        ({"state": "paused"}, {"state": "running"}, ["unpaused"]),
        ({"state": "running"}, {"state": "restarting"}, ["stopped"]),
        ({"state": "paused"}, {"state": "exited"}, ["stopped"]),
        ({"state": "created"}, {"state": "exited"}, ["updated"]),
        ({"name": "web"}, {"name": "www"}, ["renamed"]),
        ({"networks": at(2)}, {"networks": at(3)}, ["moved"]),
        ({"networks": at(2)}, {"networks": at(2, "www")}, ["network changed"]),
        ({"networks": at(2)}, {"networks": at(3, "www")}, ["moved", "network changed"]),
        ({"networks": ()}, {"networks": at(2)}, ["network changed"]),
        ({"ports": PortMap()}, {"ports": WEB.ports}, ["ports changed"]),
        ({"health": "starting"}, {"health": "healthy"}, ["became healthy"]),
        ({"health": "healthy"}, {"health": "unhealthy"}, ["became unhealthy"]),
        ({"health": None}, {"health": "starting"}, ["updated"]),
        ({"links": ()}, {"links": None}, ["links changed"]),
        ({"linked_as": ()}, {"linked_as": (("app", "db"),)}, ["links changed"]),
        ({"hostname": "a"}, {"hostname": "b"}, ["updated"]),
    ],
)
def test_a_change_tells_every_respect_and_no_other(
    before: dict[str, Any], after: dict[str, Any], expected: list[str]
) -> None:
    assert why(evolve(WEB, **before), evolve(WEB, **after)) == expected


def test_a_new_container_was_created_and_started_if_it_runs() -> None:
    assert why(None, WEB) == ["created", "started"]
    assert why(None, STOPPED) == ["created"]


def test_one_that_is_gone_was_removed() -> None:
    assert why(WEB, None) == ["removed"]


def test_one_that_stops_has_not_moved_by_losing_its_addresses() -> None:
    idle = evolve(STOPPED, networks=(evolve(WEB.networks[0], addresses=()),))
    assert why(WEB, idle) == ["stopped", "ports changed"]


def test_a_change_is_of_the_container_as_it_is_or_was_last() -> None:
    www = evolve(WEB, name="www")
    assert ContainerChange(WEB, www).container == www
    assert ContainerChange(WEB, None).container == WEB
    assert str(ContainerChange(WEB, www)) == "www renamed"
    assert str(ContainerChange(None, WEB)) == "web created, started"


def test_a_change_of_nothing_is_none() -> None:
    with pytest.raises(ValueError, match="a change is of a container"):
        _ = ContainerChange(None, None).container


def test_the_kinds_are_a_closed_set() -> None:
    assert len(ChangeKind) == 14
