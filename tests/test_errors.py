"""The exception family: what each error says, holds, and survives."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockernet import errors
from dockernet._shown import shown, shown_lines
from dockernet.errors import (
    AmbiguousPeerError,
    CommandError,
    DockernetError,
    EngineTimeoutError,
    EngineUnavailableError,
    FormatError,
    ForwardingError,
    LaunchError,
    NotReadyError,
    PeerNotFoundError,
    SourceError,
    UnreachableError,
)
from dockernet.model.diagnostics import Diagnostic
from dockernet.refusals import Reason, Refusal, Route

REFUSALS = (
    Refusal(Route.GATEWAY, Reason.PUBLISHED_ON_LOOPBACK, "only 127.0.0.1 listens", "publish it"),
    Refusal(None, Reason.PAUSED, "it is paused", "unpause it"),
)

# Each error, its attributes, and what it says.
ERRORS: dict[str, tuple[DockernetError, dict[str, object], str]] = {
    "format": (
        FormatError("80/ftp", "the protocol must be tcp, udp or sctp"),
        {
            "text": "80/ftp",
            "reason": "the protocol must be tcp, udp or sctp",
            "position": None,
        },
        "cannot read '80/ftp': the protocol must be tcp, udp or sctp",
    ),
    "format, at a place": (
        FormatError("80/ftp", "expected tcp", 3),
        {"text": "80/ftp", "reason": "expected tcp", "position": 3},
        "cannot read '80/ftp' at character 4: expected tcp",
    ),
    "source": (
        SourceError("hosts", "it is on fire"),
        {"source": "hosts", "reason": "it is on fire"},
        "hosts: it is on fire",
    ),
    "engine unavailable": (
        EngineUnavailableError("engine", "nothing listens at unix:///x"),
        {"source": "engine", "reason": "nothing listens at unix:///x"},
        "engine: nothing listens at unix:///x",
    ),
    "engine timeout": (
        EngineTimeoutError("engine", "it did not answer"),
        {"source": "engine", "reason": "it did not answer"},
        "engine: it did not answer",
    ),
    "not found": (
        PeerNotFoundError("db:5432"),
        {"target": "db:5432", "asked": (), "near_misses": ()},
        "no peer answers to 'db:5432'",
    ),
    "not found, with hints": (
        PeerNotFoundError("dv", ("engine", "hosts"), ("db", "dc")),
        {"target": "dv", "asked": ("engine", "hosts"), "near_misses": ("db", "dc")},
        "no peer answers to 'dv' (asked: engine, hosts); did you mean db or dc?",
    ),
    "ambiguous": (
        AmbiguousPeerError("db", ("shop/db", "blog/db")),
        {"target": "db", "candidates": ("shop/db", "blog/db"), "asked": (), "near_misses": ()},
        "'db' may mean any of shop/db, blog/db; say which",
    ),
    "command": (
        CommandError("no\nprogram", "it may not be executed", 126),
        {"command": "no\nprogram", "reason": "it may not be executed", "exit_code": 126},
        "cannot run 'no\\nprogram': it may not be executed",
    ),
    "launch": (
        LaunchError("web\n1", "there is no network app: docker network create app"),
        {"image": "web\n1", "reason": "there is no network app: docker network create app"},
        "cannot launch 'web\\n1': there is no network app: docker network create app",
    ),
    "not ready": (
        NotReadyError("db:80", 1.0, ((0.0, "no peer"), (0.5, "a\nb"))),
        {
            "target": "db:80",
            "timeout": 1.0,
            "time_line": ((0.0, "no peer"), (0.5, "a\nb")),
            "reason": "a\nb",
        },
        "'db:80' was not ready within 1 second: a\\nb",
    ),
    "not ready, never asked": (
        NotReadyError("db", 0.25),
        {"target": "db", "timeout": 0.25, "time_line": (), "reason": "it was not asked in time"},
        "'db' was not ready within 0.25 seconds: it was not asked in time",
    ),
    "forwarding": (
        ForwardingError("a to b", "it is\ninternal"),
        {"subject": "a to b", "reason": "it is\ninternal"},
        "cannot let it through, a to b: it is\\ninternal",
    ),
    "unreachable": (
        UnreachableError("db", REFUSALS),
        {"target": "db", "refusals": REFUSALS},
        (
            "nothing reaches 'db' from here: published-on-loopback: only 127.0.0.1 listens "
            "(fix: publish it); paused: it is paused (fix: unpause it)"
        ),
    ),
}


def pickled(protocol: int) -> Callable[[object], Any]:
    return lambda error: pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 - our own


COPIES: dict[str, Callable[[Any], Any]] = {
    "as it is": lambda error: error,
    "copied": copy.copy,
    "copied deeply": copy.deepcopy,
    **{f"pickled by protocol {n}": pickled(n) for n in range(pickle.HIGHEST_PROTOCOL + 1)},
}


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("name", ERRORS)
def test_an_error_survives_with_all_its_facts(name: str, copied: str) -> None:
    error, attributes, text = ERRORS[name]
    again = COPIES[copied](error)
    assert type(again) is type(error)
    assert {key: getattr(again, key) for key in attributes} == attributes
    assert (str(again), repr(again), again.args) == (text, repr(error), error.args)


def test_every_error_of_the_family_is_told_here() -> None:
    family = {getattr(errors, name) for name in errors.__all__}
    assert {type(error) for error, _, _ in ERRORS.values()} == family - {DockernetError}


@pytest.mark.parametrize(
    "kind, parents",
    [
        (FormatError, (DockernetError, ValueError)),
        (SourceError, (DockernetError,)),
        (EngineUnavailableError, (SourceError, ConnectionError)),
        (EngineTimeoutError, (SourceError, TimeoutError)),
        (PeerNotFoundError, (DockernetError, LookupError)),
        (AmbiguousPeerError, (PeerNotFoundError,)),
        (UnreachableError, (DockernetError, ConnectionError)),
        (CommandError, (DockernetError, OSError)),
        (LaunchError, (DockernetError,)),
        (NotReadyError, (DockernetError, TimeoutError)),
        (DockernetError, (Exception,)),
    ],
)
def test_errors_are_what_people_catch(
    kind: type[Exception], parents: tuple[type[Exception], ...]
) -> None:
    assert issubclass(kind, parents)
    assert all(issubclass(kind, parent) for parent in parents)


def test_other_errors_of_sources_are_none_of_the_operating_system() -> None:
    assert not issubclass(SourceError, OSError)
    assert not issubclass(PeerNotFoundError, OSError)


@pytest.mark.parametrize(
    "name", ["engine unavailable", "engine timeout", "not ready", "unreachable"]
)
def test_an_error_of_the_operating_system_has_no_number_that_it_was_not_given(name: str) -> None:
    error: Any = ERRORS[name][0]
    assert (error.errno, error.strerror, error.filename) == (None, None, None)


def test_the_cause_is_kept() -> None:
    cause = FileNotFoundError(2, "No such file or directory")
    with pytest.raises(ConnectionError) as caught:
        raise EngineUnavailableError("engine", "none") from cause
    assert caught.value.__cause__ is cause


@pytest.mark.parametrize("length", [79, 80, 81, 10_000])
def test_a_faulty_text_is_cut_at_80_characters(length: int) -> None:
    error = FormatError("x" * length, "too long")
    assert error.text == "x" * min(length, 80)
    assert str(error).count("x") == min(length, 80)


@pytest.mark.parametrize(
    "text, expected",
    [
        pytest.param("db:5432", "db:5432", id="plain"),
        pytest.param("bücher", "bücher", id="letters of every script"),
        pytest.param("a\nb\r\tc", "a\\nb\\r\\tc", id="lines"),
        pytest.param("\x1b[31mred\x07\x00", "\\x1b[31mred\\x07\\x00", id="terminal"),
        pytest.param("\u202eright", "\\u202eright", id="the other direction"),
        pytest.param("\udc80", "\\udc80", id="undecodable"),
        pytest.param("x" * 80, "x" * 80, id="80 characters"),
        pytest.param("x" * 81, "x" * 77 + "...", id="81 characters"),
    ],
)
def test_what_is_shown_of_a_text(text: str, expected: str) -> None:
    assert shown(text) == expected
    assert shown_lines(text) == (expected if len(text) < 81 else text)


HOSTILE = st.text(st.characters(), max_size=120)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_whatever_is_in_it_an_error_is_one_line(one: str, two: str, three: str) -> None:
    refusal = Refusal(Route.LINK, Reason.NO_ADDRESS, two, three)
    family = (
        FormatError(one, two, len(three)),
        SourceError(one, two),
        EngineUnavailableError(one, two),
        EngineTimeoutError(one, two),
        PeerNotFoundError(one, (two,), (three,)),
        AmbiguousPeerError(one, (two, three)),
        UnreachableError(one, (refusal,)),
        NotReadyError(one, 1.0, ((0.0, two),)),
    )
    for error in family:
        assert str(error).isprintable()
        assert str(pickled(2)(error)) == str(error)


@given(HOSTILE)
def test_whatever_it_is_about_a_diagnostic_is_one_line(subject: str) -> None:
    diagnostic = Diagnostic("environ", subject, "it is odd")
    assert str(diagnostic) == f"environ: {shown(subject)}: it is odd"
    assert str(diagnostic).isprintable()
