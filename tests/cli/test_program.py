"""The program: options before and after the verb, exit codes, errors as people and programs see them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import dockernet
from dockernet._cli.answers import Answer
from dockernet._cli.failures import Failure
from dockernet._cli.program import program, run
from dockernet._cli.request import Request
from dockernet._cli.tour import STORY
from dockernet.errors import (
    AmbiguousPeerError,
    EngineTimeoutError,
    FormatError,
    PeerNotFoundError,
    SourceError,
    UnreachableError,
)
from dockernet.refusals import Reason, Refusal, Route

Cli = Callable[..., subprocess.CompletedProcess[str]]
Record = Callable[[Any], str]

VERBS = [
    "ps",
    "port",
    "networks",
    "links",
    "peers",
    "resolve",
    "endpoints",
    "explain",
    "behind",
    "doctor",
    "firewall",
    "forward",
    "whoami",
    "gateway",
    "snapshot",
    "launch",
    "env",
    "hosts",
    "link",
    "wait",
    "watch",
    "tour",
]
# A question of each verb that the recording of the tour answers.
QUESTIONS = [
    ("ps",),
    ("port",),
    ("port", "net3"),
    ("networks",),
    ("links",),
    ("peers",),
    ("resolve", "net3:22"),
    ("endpoints", "net3:22"),
    ("explain", "net3:22"),
    ("behind", "8080"),
    ("whoami",),
    ("gateway",),
    ("snapshot",),
    ("env", "net3"),
    ("hosts", "net1"),
    ("tour",),
]


def value(*arguments: str) -> Answer:
    """What arguments come to, before anything is rendered."""
    answer = CliRunner().invoke(program, arguments, standalone_mode=False).return_value
    assert isinstance(answer, Answer)
    return answer


# Usage.


def test_help_lists_the_verbs_in_the_order_of_their_use(cli: Cli) -> None:
    told = cli("--help").stdout
    lines = told.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in lines] == VERBS


def test_no_arguments_at_all_give_the_help(cli: Cli) -> None:
    assert (cli().returncode, cli().stdout) == (0, cli("-h").stdout)


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_a_help_that_tells_the_options_of_all(cli: Cli, verb: str) -> None:
    ran = cli(verb, "--help")
    assert ran.returncode == 0
    for option in ("--host", "--context", "--timeout", "--from", "--snapshot", "--json"):
        assert option in ran.stdout


def test_the_version_is_that_of_the_package(cli: Cli) -> None:
    ran = cli("--version")
    assert (ran.returncode, ran.stdout) == (0, f"dockernet {dockernet.__version__}\n")


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_options_count_before_and_after_the_verb(question: tuple[str, ...]) -> None:
    options = ["--snapshot", str(STORY), "--timeout", "2.5"]
    if question != ("snapshot",):
        options += ["--from", "client"]
    assert value(*options, *question) == value(*question, *options)


def test_the_last_word_on_an_option_counts() -> None:
    before, after = ("--from", "api"), ("--from", "client")
    asked = ("resolve", "net1:22", "--snapshot", str(STORY))
    assert value(*before, *asked, *after) == value(*asked, *after)


@pytest.mark.parametrize(
    "options, request_made",
    [
        ((), Request()),
        (("-H", "tcp://h:1"), Request(url="tcp://h:1")),
        (("--host", "tcp://h:1"), Request(url="tcp://h:1")),
        (("-c", "desk"), Request(context="desk")),
        (("--context", "desk"), Request(context="desk")),
        (("--timeout", "0.5"), Request(timeout=0.5)),
        (("--from", "web"), Request(origin="web")),
        (("--snapshot", "f"), Request(recording="f")),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_options_become_the_request(
    monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], request_made: Request
) -> None:
    import dockernet._cli.verbs as module

    made: list[Request] = []
    original = module._request

    def watched(context: click.Context) -> Request:
        made.append(original(context))
        return made[-1]

    monkeypatch.setattr(module, "_request", watched)
    CliRunner().invoke(program, ["tour", *options], standalone_mode=False)
    assert made == [request_made]


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("fly",), "no such command 'fly'"),
        (("ps", "--fly"), "no such option"),
        (("resolve",), "missing argument 'TARGET'"),
        (("resolve", "a", "b"), "unexpected extra argument"),
        (("behind",), "missing argument 'PORT'"),
        (("ps", "--timeout", "soon"), "'soon' is not a valid float"),
        (("ps", "--timeout", "0"), "expected a number of seconds above 0"),
        (("ps", "--timeout", "-1"), "expected a number of seconds above 0"),
        (("ps", "--timeout", "nan"), "expected a number of seconds above 0"),
        (("ps", "--timeout", "inf"), "expected a number of seconds above 0"),
        (("ps", "-H", "tcp://h:1", "-c", "desk"), "say one of --host, --context and --snapshot"),
        (("ps", "-H", "tcp://h:1", "--snapshot", "f"), "say one of --host"),
        (("-c", "desk", "ps", "--snapshot", "f"), "say one of --host"),
        (("resolve", "web", "--url", "ht tp"), "'ht tp' is no scheme of a URL"),
        (("resolve", "web", "--url", ""), "'' is no scheme of a URL"),
        (("resolve", "a:b:c"), "cannot read 'a:b:c'"),
        (("resolve", "web:0"), "a port is a number from 1 to 65535"),
        (("endpoints", "/"), "cannot read '/'"),
        (("explain", ""), "cannot read ''"),
        (("behind", "70000"), "a port is a number from 1 to 65535"),
        (("behind", "80", "--ip", "here"), "expected an IPv4 or IPv6 address"),
        (("port", "web", "http"), "a port is a number from 1 to 65535"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_what_cannot_be_meant_exits_2_with_one_sentence(
    cli: Cli, arguments: tuple[str, ...], told: str
) -> None:
    ran = cli(*arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("dockernet: ")
    assert ran.stderr.count("\n") == 1
    assert told in ran.stderr


def test_a_usage_error_says_where_to_read_on(cli: Cli) -> None:
    assert cli("resolve").stderr.endswith("(see dockernet resolve --help)\n")


# Answers and failures.


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_each_verb_answers_people(ask: Cli, question: tuple[str, ...]) -> None:
    ran = ask(*question)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.endswith("\n")


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_each_verb_answers_programs_with_one_document(ask: Cli, question: tuple[str, ...]) -> None:
    ran = ask(*question, "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    document = json.loads(ran.stdout)
    assert (document["schema"], document["verb"]) == (1, question[0])
    assert ran.stdout.isascii()
    assert ask("--json", *question).stdout == ran.stdout


@pytest.mark.parametrize(
    "arguments, code, told",
    [
        (("resolve", "nett1"), 1, "no peer answers to 'nett1' (asked: snapshot); did you mean net"),
        (("endpoints", "nobody"), 1, "no peer answers to 'nobody'"),
        (("port", "nobody"), 1, "no peer answers to 'nobody'"),
        (("resolve", "net1:22", "--from", "nobody"), 1, "no peer answers to 'nobody'"),
        (("whoami", "--from", "nobody"), 1, "no peer answers to 'nobody'"),
        (("resolve", "db:5432", "--from", "client"), 1, "nothing reaches 'db:5432' from here"),
        (("resolve", "api:80", "-6"), 1, "no route has an IPv6 address"),
        (("port", "net1"), 1, "net1 publishes no port\n"),
        (("port", "net3", "80/udp"), 1, "net3 publishes no port 80/udp\n"),
        (("behind", "9"), 1, "no container is behind host port 9/tcp\n"),
        (("behind", "8080", "--ip", "fd00::1"), 0, ""),
        (("behind", "5432", "--ip", "10.0.0.1"), 1, "host port 5432/tcp of 10.0.0.1\n"),
        (("gateway", "-6", "--from", "api"), 1, "no IPv6 address of the host is known from there"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_no_answer_exits_1_with_one_sentence(
    ask: Cli, arguments: tuple[str, ...], code: int, told: str
) -> None:
    ran = ask(*arguments)
    assert ran.returncode == code
    assert told in ran.stderr
    if code:
        assert ran.stdout == ""
        assert ran.stderr.startswith("dockernet: ")
        assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "question",
    [q for q in QUESTIONS if q[0] not in ("explain", "gateway", "tour", "whoami")],
    ids=" ".join,
)
@pytest.mark.parametrize(
    "options, told",
    [
        ((), "unix:///nonexistent/docker.sock"),
        (("-H", "unix:///nonexistent/other.sock"), "unix:///nonexistent/other.sock"),
        (("-c", "nowhere"), "there is no context 'nowhere'"),
        (("--snapshot", "/nonexistent/f"), "/nonexistent/f cannot be read"),
    ],
    ids=["DOCKER_HOST", "--host", "--context", "--snapshot"],
)
def test_a_source_that_cannot_be_asked_exits_3(
    monkeypatch: pytest.MonkeyPatch,
    cli: Cli,
    question: tuple[str, ...],
    options: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.setattr("dockernet._cli.facts.whoami", dockernet.Vantage)
    ran = cli(*question, *options)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert ran.stderr.startswith("dockernet: ")
    assert ran.stderr.count("\n") == 1
    assert told in ran.stderr


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"schema": 2}'])
def test_a_file_that_is_no_snapshot_exits_2(cli: Cli, tmp_path: Path, text: str) -> None:
    path = tmp_path / "f"
    path.write_text(text)
    ran = cli("ps", "--snapshot", str(path))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "expected a snapshot" in ran.stderr


REFUSAL = Refusal(Route.GATEWAY, Reason.PAUSED, "web is paused", "docker unpause web")


@pytest.mark.parametrize(
    "error, code, facts",
    [
        (
            FormatError("a b", "no blanks", 1),
            2,
            {"text": "a b", "position": 1, "reason": "no blanks"},
        ),
        (SourceError("engine", "is down"), 3, {"source": "engine", "reason": "is down"}),
        (EngineTimeoutError("engine", "late"), 3, {"source": "engine", "reason": "late"}),
        (
            PeerNotFoundError("web", ("engine", "hosts"), ("wob",)),
            1,
            {"target": "web", "asked": ["engine", "hosts"], "near_misses": ["wob"]},
        ),
        (
            AmbiguousPeerError("web", ("a/web", "b/web")),
            1,
            {"target": "web", "asked": [], "near_misses": [], "candidates": ["a/web", "b/web"]},
        ),
        (
            UnreachableError("web:80", (REFUSAL,)),
            1,
            {
                "target": "web:80",
                "refusals": [
                    {
                        "route": "gateway",
                        "reason": "paused",
                        "detail": "web is paused",
                        "fix": "docker unpause web",
                    }
                ],
            },
        ),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, Exception) else "",
)
def test_each_error_is_an_object_with_its_facts(
    error: Exception, code: int, facts: dict[str, object]
) -> None:
    failure = Failure.of(error)
    told = {"kind": type(error).__name__, "message": str(error), **facts}
    assert (failure.code, failure.document) == (code, {"schema": 1, "error": told})


@pytest.mark.parametrize(
    "arguments, kind",
    [
        (("resolve", "nobody", "--json"), "PeerNotFoundError"),
        (("--json", "resolve", "db:5432", "--from", "client"), "UnreachableError"),
        (("resolve", "a:b:c", "--json"), "FormatError"),
        (("resolve", "--json"), "MissingParameter"),
        (("--json", "fly"), "UsageError"),
        (("--json", "--fly", "ps"), "NoSuchOption"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_errors_are_documents_too(ask: Cli, arguments: tuple[str, ...], kind: str) -> None:
    ran = ask(*arguments)
    document = json.loads(ran.stdout)
    assert (ran.stderr, document["schema"], list(document)) == ("", 1, ["schema", "error"])
    # Newer versions of click tell a missing command by a class of its own.
    assert document["error"]["kind"] in (kind, "NoSuchCommand")
    assert ran.returncode in (1, 2)
    plain = ask(*(a for a in arguments if a != "--json"))
    assert plain.stderr == f"dockernet: {document['error']['message']}\n"
    assert plain.returncode == ran.returncode


def test_a_document_without_an_answer_exits_1_as_well(ask: Cli) -> None:
    ran = ask("behind", "9", "--json")
    assert ran.returncode == 1
    assert json.loads(ran.stdout) == {"schema": 1, "verb": "behind", "ports": []}
    assert ran.stderr == "dockernet: no container is behind host port 9/tcp\n"


@given(
    st.sampled_from(["resolve", "endpoints", "explain", "behind", "port"]),
    st.text() | st.from_regex(r"[a-z/:.\[\]0-9]{0,12}", fullmatch=True),
)
def test_any_text_gives_an_answer_or_one_sentence(ask: Cli, verb: str, text: str) -> None:
    ran = ask(verb, text)
    assert ran.returncode in (0, 1, 2)
    assert ran.stderr.count("\n") <= 1
    assert all(line.isprintable() for line in (ran.stdout + ran.stderr).split("\n"))
    if not text.startswith("-"):
        document = json.loads(ask(verb, "--json", text).stdout)
        assert ("error" in document) != (document.get("verb") == verb)


# Faults.


def raising(error: BaseException) -> Callable[..., object]:
    def verb(**_: object) -> object:
        raise error

    return verb


def test_a_fault_of_its_own_is_one_sentence_too(monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    monkeypatch.setattr(program.commands["ps"], "callback", raising(ValueError("one\n\x1btwo")))
    ran = cli("ps")
    assert (ran.returncode, ran.stdout) == (70, "")
    told = "a fault of dockernet itself, ValueError: one \\x1btwo (python -X dev shows where)"
    assert ran.stderr == f"dockernet: {told}\n"


def test_developers_see_where_a_fault_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program.commands["ps"], "callback", raising(ValueError("one")))
    monkeypatch.setattr(sys, "flags", SimpleNamespace(dev_mode=True))
    with pytest.raises(ValueError, match="one"):
        run(["ps"])


def test_developers_see_no_trace_of_what_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.setattr(sys, "flags", SimpleNamespace(dev_mode=True))
    assert cli("resolve", "a:b:c").returncode == 2


def test_an_interrupt_exits_130(monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    monkeypatch.setattr(program.commands["ps"], "callback", raising(KeyboardInterrupt()))
    ran = cli("ps")
    assert (ran.returncode, ran.stdout, ran.stderr.strip()) == (130, "", "")
