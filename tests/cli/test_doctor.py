"""The verb doctor: its exit codes, its document, and lines for people."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from attrs import evolve

from dockernet._cli import doctor
from dockernet._cli.answers import Line, Tone
from dockernet._cli.request import Request
from dockernet._cli.terminal import drawn
from dockernet.doctor import Code, Finding, Fix, Report

Ran = subprocess.CompletedProcess[str]
Cli = Callable[..., Ran]

ASKED = ("doctor", "db:5432", "--from", "client")


def test_what_is_wrong_is_told_and_costs_the_exit_code(ask: Cli) -> None:
    ran = ask(*ASKED)
    lines = ran.stdout.splitlines()
    assert (ran.returncode, ran.stderr) == (1, "")
    assert lines[1].startswith("fault published-on-loopback: ")
    assert "  fix: docker network connect shop client" in lines


def test_what_is_well_is_told_too(ask: Cli) -> None:
    ran = ask("doctor", "db:5432")
    assert (ran.returncode, "nothing wrong was found" in ran.stdout) == (0, True)


def test_the_document_has_all_of_it(ask: Cli) -> None:
    told = json.loads(ask(*ASKED, "--json").stdout)["report"]
    [finding] = told["findings"]
    assert (told["target"], told["healthy"], told["complete"]) == ("db:5432", False, True)
    assert finding["code"] == "published-on-loopback"
    assert finding["fix"] == {
        "command": "docker network connect shop client",
        "commands": [["docker", "network", "connect", "shop", "client"]],
        "change": "publish port 5432/tcp",
    }
    assert finding["page"] == "docs/when-it-does-not-connect/published-on-loopback.md"


def test_without_an_engine_that_is_what_is_wrong(cli: Cli) -> None:
    ran = cli("doctor")
    assert (ran.returncode, "engine-unreachable" in ran.stdout) == (1, True)


@pytest.mark.parametrize(
    "arguments, code",
    [
        (("doctor", "a:b:c"), 2),
        (("doctor", "--outside", "no-port"), 2),
        (("doctor", "--from", "nobody"), 1),
    ],
    ids=["no target", "no port", "no container"],
)
def test_what_cannot_be_examined_is_an_error(
    ask: Cli, arguments: tuple[str, ...], code: int
) -> None:
    ran = ask(*arguments)
    assert (ran.returncode, ran.stdout, bool(ran.stderr)) == (code, "", True)


def test_evidence_stands_in_the_document(
    cli: Cli, record: Callable[[Mapping[str, Any]], str], story: dict[str, Any]
) -> None:
    story["engine"]["version"]["MinAPIVersion"] = "1.99"
    ran = cli("doctor", "--snapshot", record(story), "--json")
    finding = json.loads(ran.stdout)["report"]["findings"][0]
    assert finding["evidence"] == [
        {"kind": "engine", "where": "/version", "text": "MinAPIVersion 1.99"}
    ]


def test_where_only_root_could_see_more_it_is_as_if_a_source_was_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    denied = Finding(code=Code.NOT_PERMITTED, subject="firewall", observed="needs root")
    dark = evolve(denied, code=Code.NOT_EXAMINED)
    for finding, code in ((denied, 3), (dark, 0)):
        told = Report(findings=(finding,), notes=("so",))
        monkeypatch.setattr(doctor, "examine", lambda *_, told=told, **__: told)
        answer = doctor.doctor(Request(), target=None, outside=None)
        assert answer.status == code
        assert isinstance(answer.shown, tuple)
        assert answer.shown[-1] == Line("note: so", Tone.ASIDE)


def test_a_notice_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Finding(code=Code.NO_NAMES_HERE, subject="db", observed="db is no name here")
    monkeypatch.setattr(doctor, "examine", lambda *_, **__: Report(findings=(told,)))
    answer = doctor.doctor(Request(), target=None, outside=None)
    assert answer.status == 0
    assert isinstance(answer.shown, tuple)
    assert answer.shown[1] == Line("notice no-names-here: db is no name here", Tone.PLAIN)
    assert answer.shown[-1] == Line("nothing wrong was found", Tone.ANSWER)


def test_a_terminal_is_shown_no_control_character(monkeypatch: pytest.MonkeyPatch) -> None:
    evil = Finding(
        code=Code.PAUSED, subject="x", observed="\x1b[2Jgone", fix=Fix((("docker", "\x1b[0m;ls"),))
    )
    monkeypatch.setattr(doctor, "examine", lambda *_, **__: Report(findings=(evil,)))
    monkeypatch.setenv("NO_COLOR", "1")
    shown = drawn(io.StringIO(), doctor.doctor(Request(), target=None, outside=None).shown)
    assert "\\x1b[2Jgone" in shown
    assert "fix: docker '\\x1b[0m;ls'" in shown
    assert "\x1b[2J" not in shown
