"""Findings and reports: what they tell, in order, and fit to be shown."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from dockernet import Reason
from dockernet.doctor import ENTRIES, Code, Evidence, Finding, Fix, Kind, Report, Severity
from dockernet.doctor.findings import in_order
from dockernet.doctor.pages import pages
from dockernet.doctor.ways import CAUSES

EVIDENCE = Evidence(Kind.RULE, "ip filter INPUT 1", "-j DROP")
COMMAND = Fix((("docker", "start", "a b"), ("docker", "ps")))


def finding(code: Code = Code.PAUSED, **facts: object) -> Finding:
    told = {"subject": "db", "observed": "db is paused", **facts}
    return Finding(code=code, **told)  # type: ignore[arg-type]  # as the test says


def test_every_code_has_its_row_and_every_reason_is_a_code() -> None:
    assert set(ENTRIES) == set(Code)
    assert {reason.value for reason in Reason} < {code.value for code in Code}


@pytest.mark.parametrize("code", Code)
def test_a_row_is_written_for_people(code: Code) -> None:
    entry = ENTRIES[code]
    assert entry.title[0].isupper()
    assert not entry.title.endswith(".")
    assert entry.follows[0].islower()
    assert entry.found.endswith((".", ")"))
    assert entry.mend.endswith((".", "`"))
    assert entry.page == f"docs/when-it-does-not-connect/{code}.md"


def test_a_finding_tells_all_of_it() -> None:
    told = finding(evidence=(EVIDENCE,), fix=COMMAND, causes=(Code.STALE,))
    assert str(told).splitlines() == [
        "fault paused: db is paused",
        "  seen: rule ip filter INPUT 1: -j DROP",
        "  so: it keeps its ports, accepts nothing and answers nothing",
        "  due to: stale",
        "  fix: docker start 'a b' && docker ps",
        "  page: docs/when-it-does-not-connect/paused.md",
    ]


@pytest.mark.parametrize(
    "fix, lines",
    [
        (Fix((), "restart it"), ["  fix: restart it"]),
        (Fix((("true",),), "wait"), ["  fix: true", "  or: wait"]),
        (Fix(), []),
    ],
    ids=["a change", "a command or a change", "none"],
)
def test_a_fix_is_a_command_or_a_change(fix: Fix, lines: list[str]) -> None:
    told = str(finding(fix=fix)).splitlines()
    assert [line for line in told if line.startswith(("  fix", "  or"))] == lines


def test_a_command_is_one_whatever_its_words_are() -> None:
    words = ("docker", "start", "a; rm -rf \"$HOME\" `id` 'b'\n")
    assert tuple(shlex.split(Fix((words,)).command)) == words


def test_nothing_that_a_terminal_acts_on_is_shown() -> None:
    evil = "\x1b[2J\r"
    told = finding(
        observed=evil, evidence=(Evidence(Kind.FILE, evil, evil),), fix=Fix(((evil,),), evil)
    )
    shown = str(Report(target=evil, stand=evil, findings=(told,), notes=(evil,)))
    assert all(character.isprintable() or character == "\n" for character in shown)
    assert "\\x1b[2J\\r" in shown


def test_a_report_is_healthy_without_faults_and_warnings() -> None:
    dark, denied = finding(Code.NOT_EXAMINED), finding(Code.NOT_PERMITTED)
    assert (Report(findings=(dark,)).healthy, Report(findings=(dark,)).complete) == (True, True)
    assert (Report(findings=(denied,)).healthy, Report(findings=(denied,)).complete) == (
        True,
        False,
    )
    warned = finding(Code.UNHEALTHY)
    assert Report(findings=(warned, dark)).wrong == (warned,)
    told = finding(Code.NO_NAMES_HERE)
    well = Report(findings=(told, dark))
    assert (well.healthy, well.complete, well.wrong, well.notices) == (True, True, (), (told,))
    assert "nothing wrong was found" in well.lines()
    assert Report().lines() == ("everything, examined from here", "nothing wrong was found")


def test_the_worst_comes_first_and_each_once() -> None:
    every = (Code.PAUSED, Code.UNHEALTHY, Code.NO_NAMES_HERE, Code.NOT_EXAMINED)
    fault, warning, notice, dark = map(finding, every)
    ordered = in_order([dark, notice, warning, fault, warning])
    assert ordered == (fault, warning, notice, dark)
    assert [f.severity for f in ordered] == list(Severity)


def test_what_something_is_due_to_is_on_its_page() -> None:
    assert "- [listens-on-loopback](listens-on-loopback.md)\n" in pages()["refused.md"]
    assert "What it may be due to" not in pages()["paused.md"]
    assert all(len(set(causes)) == len(causes) for causes in CAUSES.values())


def test_the_pages_are_written_to_a_folder(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "dockernet.doctor.pages", str(tmp_path)]
    subprocess.run(program, check=True)  # noqa: S603 - our own
    there = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert there == dict(pages())
