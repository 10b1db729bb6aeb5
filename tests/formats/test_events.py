"""Events of engines: what they name, and which of them matter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockernet import FormatError
from dockernet.formats.events import Event, parse_event

RECORDED = Path(__file__).parents[1] / "data" / "events"
WEB = "76" * 32


def event(kind: Any = "container", action: Any = "start", **more: Any) -> bytes:
    return json.dumps({"Type": kind, "Action": action, "Actor": {"ID": WEB}, **more}).encode()


def read(name: str) -> list[Event]:
    lines = (RECORDED / f"{name}.jsonl").read_bytes().splitlines()
    return [found for line in lines if (found := parse_event(line)) is not None]


@pytest.mark.parametrize(
    "engine, expected",
    [
        (
            "docker-20.10",
            (
                "create create connect start health_status connect rename pause unpause update "
                "disconnect disconnect die disconnect stop connect start restart die disconnect "
                "stop destroy destroy"
            ),
        ),
        (
            "docker-29.1",
            "create connect start connect rename disconnect disconnect die destroy",
        ),
        (
            "podman-4.3.1",
            "create init start health_status connect disconnect stop die remove",
        ),
    ],
)
def test_what_an_engine_sent_of_one_life_is_read(engine: str, expected: str) -> None:
    assert [found.action for found in read(engine)] == expected.split()


def test_docker_names_the_container_that_joined_a_network_and_podman_puts_it_first() -> None:
    docker = next(e for e in read("docker-20.10") if e.action == "connect")
    podman = next(e for e in read("podman-4.3.1") if e.action == "connect")
    assert docker.kind == podman.kind == "network"
    assert docker.attributes["container"] != docker.id
    assert "container" not in podman.attributes
    assert podman.id == read("podman-4.3.1")[0].id


def test_a_rename_tells_both_names() -> None:
    renamed = next(e for e in read("docker-20.10") if e.action == "rename")
    assert renamed.attributes["name"] == "facts-ev2"
    assert renamed.attributes["oldName"] == "/facts-ev"


@pytest.mark.parametrize(
    "line",
    [
        event(action="exec_create: /bin/sh -c true"),
        event(action="exec_die"),
        event(action="kill"),
        event(action="attach"),
        event("image", "pull"),
        event("network", "start"),
        event("volume", "destroy"),
        event(Actor={}),
        event(Actor={"ID": ""}),
        event(Actor={"ID": 7}),
        event(Actor=None),
        event("daemon", "reload"),
    ],
)
def test_what_changes_nothing_is_no_event(line: bytes) -> None:
    assert parse_event(line) is None


def test_what_follows_a_colon_is_no_part_of_the_action() -> None:
    assert parse_event(event(action="health_status: healthy")) == Event(
        "container", "health_status", WEB
    )


def test_a_record_separator_may_stand_before_an_event() -> None:
    assert parse_event(b"\x1e" + event()) == Event("container", "start", WEB)


def test_the_fields_beside_type_action_and_actor_do_not_count() -> None:
    line = event(status="die", id="other", scope="swarm", time="yesterday")
    assert parse_event(line) == Event("container", "start", WEB)


def test_attributes_that_are_no_texts_are_left_out() -> None:
    told = {"ID": WEB, "Attributes": {"name": "web", "exitCode": 137, "odd": None}}
    found = parse_event(event(Actor=told))
    assert found is not None
    assert dict(found.attributes) == {"name": "web"}
    assert "web" not in repr(found)  # labels may be anything


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b'"start"',
        b"{}",
        event()[:-20],
        event()[5:],
        b"\xff" + event(),
        event(kind=None),
        event(action=["start"]),
        event(action=""),
        event(action=": healthy"),
        b"[" * 100_000,
    ],
    ids=lambda line: f"{len(line)} bytes {line[:20]!r}",
)
def test_a_garbled_line_is_told_from_an_event_that_changes_nothing(line: bytes) -> None:
    with pytest.raises(FormatError, match="expected an event"):
        parse_event(line)


@given(st.binary(max_size=200))
def test_any_line_is_an_event_or_none_or_a_format_error(line: bytes) -> None:
    try:
        found = parse_event(line)
    except FormatError as error:
        told = len(error.text) <= 80
    else:
        told = found is None or bool(found.id)
    assert told


@pytest.mark.parametrize(
    "identity",
    ["../../images/x", "a/b", "a?b", "%2e%2e", "..", "a b", "\n", "4F", "é", "7" * 65],
)
def test_what_is_no_id_gets_into_no_request(identity: str) -> None:
    with pytest.raises(FormatError, match="expected the id of a container"):
        parse_event(event(Actor={"ID": identity}))
    joined = event("network", "connect", Actor={"ID": WEB, "Attributes": {"container": identity}})
    assert parse_event(joined) == Event("network", "connect", WEB)


def test_a_label_may_say_anything() -> None:
    found = parse_event(event(Actor={"ID": WEB, "Attributes": {"maker": "../x"}}))
    assert found is not None
    assert found.attributes["maker"] == "../x"


@pytest.mark.parametrize(
    "told, moment",
    [
        (1_700_000_000_500_000_000, 1_700_000_000.5),
        (None, None),
        ("5", None),
        (True, None),
        (1.5, None),
        (1 << 1100, None),
        (-(1 << 1100), None),
    ],
)
def test_when_it_happened_is_told_where_that_makes_sense(told: Any, moment: float | None) -> None:
    found = parse_event(event(timeNano=told))
    assert found is not None
    assert found.moment == moment
