"""The tour: each answer in it is what the library, and the command that it shows, say."""

from __future__ import annotations

import ast
import json
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dockernet import Environ, Resolver, Route, Snapshot
from dockernet._cli import stops as shared
from dockernet._cli import tour as module
from dockernet._cli.tour import STORY, Story

Cli = Callable[..., subprocess.CompletedProcess[str]]


def stops(document: Any) -> Iterator[Any]:
    for direction in document["directions"]:
        yield from direction["stops"]


@pytest.fixture(scope="module")
def walked(cli: Cli) -> str:
    return cli("tour").stdout


@pytest.fixture(scope="module")
def document(cli: Cli) -> Any:
    return json.loads(cli("tour", "--json").stdout)


def test_the_tour_needs_neither_an_engine_nor_the_variables_of_a_link(
    cli: Cli, walked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEDOIMEDO_PORT_80_TCP", "tcp://9.9.9.9:80")
    ran = cli("tour", "-H", "unix:///nonexistent/x")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, walked, "")


def test_the_tour_goes_in_all_three_directions(document: Any) -> None:
    assert [direction["direction"] for direction in document["directions"]] == [
        "From the host to a container",
        "From a container to the host",
        "From a container to another",
    ]


def test_the_tour_takes_the_routes_that_there_are(document: Any) -> None:
    routes = {stop["facts"].get("route") for stop in stops(document)} - {None}
    assert routes == {
        Route.DIRECT,
        Route.PUBLISHED,
        Route.HOST_MODE,
        Route.SHARED_NETWORK,
        Route.GATEWAY,
        Route.LINK,
    }


def test_each_route_has_words_for_why() -> None:
    assert set(shared._WHY) == set(Route)


def test_the_tour_says_that_it_is_a_recording_and_of_what(
    walked: str, document: Any, story: Any
) -> None:
    version, count = story["engine"]["version"]["Version"], len(story["listing"])
    first = f"This is a recording of Docker Engine {version} with {count} containers."
    assert walked.splitlines()[0] == first
    told = {"engine": version, "containers": count, "path": str(STORY)}
    assert document["recording"] == told
    assert walked.rstrip().endswith(f"--snapshot {STORY}")


def test_each_command_that_is_shown_gives_the_answer_that_is_shown(ask: Cli, document: Any) -> None:
    commands = [stop for stop in stops(document) if stop["typed"].startswith("$ dockernet ")]
    assert len(commands) == 9
    for stop in commands:
        arguments = shlex.split(stop["typed"])[2:]
        ran = ask(*arguments)
        assert (ran.returncode == 0) is stop["found"]
        told = json.loads(ask(*arguments, "--json").stdout)
        if not stop["found"]:
            assert stop["facts"]["refusals"] == told["error"]["refusals"]
            assert [r["fix"] in " ".join(stop["why"]) for r in told["error"]["refusals"]] == [True]
        elif arguments[0] == "behind":
            assert stop["facts"]["ports"] == told["ports"]
            assert all(f"{p['container']} {p['port']}/tcp" in stop["answer"] for p in told["ports"])
        else:
            assert ran.stdout == f"{stop['answer']}\n"


def test_the_code_that_is_shown_gives_the_answer_that_is_shown(document: Any) -> None:
    [stop] = [stop for stop in stops(document) if stop["typed"].startswith(">>> ")]
    told = Story.load()
    expression = ast.parse(stop["typed"].removeprefix(">>> "), mode="eval").body
    assert isinstance(expression, ast.Call)
    assert ast.unparse(expression).startswith("Resolver([Environ()]).resolve(")
    [target] = map(ast.literal_eval, expression.args)
    found = Resolver([Environ(told.environ)], told.vantage).resolve(target)
    assert (str(found), found.route, found.source) == (stop["answer"], Route.LINK, "environ")


def test_the_link_is_told_by_its_variables_and_the_hosts_file(walked: str) -> None:
    told = Story.load()
    lines = [line.split() for line in told.hosts.splitlines() if "dedoimedo" in line]
    assert len(lines) == 2
    for line in lines:
        assert f"in /etc/hosts: {' '.join(line)}\n" in walked
    name = "DEDOIMEDO_PORT_80_TCP"
    assert f"{name}={told.environ[name]}, and {len(told.environ) - 1} more variables\n" in walked


def test_the_variables_are_those_that_the_library_writes() -> None:
    told = Story.load()
    [link] = Environ(told.environ).links()
    assert link.to_environ() == told.environ


def test_people_see_every_answer_and_every_reason(walked: str, document: Any) -> None:
    words = " ".join(walked.split())
    for stop in stops(document):
        for part in (stop["question"], stop["typed"], stop["answer"], *stop["why"]):
            assert " ".join(part.split()) in words


def test_there_is_one_dead_end_and_it_is_last(document: Any) -> None:
    found = [stop["found"] for stop in stops(document)]
    assert found == [True] * (len(found) - 1) + [False]


def test_the_tour_fits_two_screens(walked: str) -> None:
    lines = walked.splitlines()
    assert len(lines) <= 72
    assert all(len(line) <= 80 for line in lines if str(STORY) not in line)


def test_the_answers_come_from_the_recording(
    cli: Cli, walked: str, story: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.dumps(story).replace("172.17.", "10.66.").replace("32769", "40001")
    path = tmp_path / "story.json"
    path.write_text(text)
    monkeypatch.setattr(module, "STORY", path)
    other = cli("tour").stdout
    assert "172.17." not in other
    expected = walked.replace("172.17.", "10.66.").replace("32769", "40001")
    assert other == expected.replace(str(STORY), str(path))


def test_the_recording_is_a_snapshot_and_names_no_machine(story: Any) -> None:
    assert Snapshot.load(STORY).profile().name == "docker-host"
    assert story["vantage"]["hostname"] == "docker-host"
    assert story["vantage"]["kind"] == "host"
    assert set(story) == {
        *("schema", "vantage", "engine", "listing", "inspections", "networks", "client"),
    }
