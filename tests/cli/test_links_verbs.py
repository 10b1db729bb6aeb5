"""The verbs that write links back: env, hosts and link."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO, TextIOWrapper
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dockernet import Endpoint, Fact, Link, LinkReport, Port, Resolver, Vantage, VantageKind
from dockernet._cli import linking, request
from dockernet._cli.answers import Answer, Exact, Successor
from dockernet._cli.face import Face
from dockernet._cli.program import program, run
from dockernet._cli.rendering import plain
from dockernet._cli.terminal import drawn
from dockernet._cli.tour import STORY
from dockernet.errors import SourceError, UnreachableError

Ran = subprocess.CompletedProcess[str]
Cli = Callable[..., Ran]
Record = Callable[[Any], str]
Replay = Callable[[Any], str]
Spawn = Callable[..., subprocess.Popen[str]]

RECORDED = json.loads(STORY.read_text(encoding="utf-8"))["client"]["environ"]
CONTAINER = Vantage(kind=VantageKind.CONTAINER, hostname="app")


def variables(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


# env


def test_env_writes_what_an_engine_set(ask: Cli) -> None:
    ran = ask("env", "--for", "client")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert variables(ran.stdout) == RECORDED


@pytest.mark.parametrize("option", ["--for", "--from"])
def test_env_takes_the_recipient_by_either_name(ask: Cli, option: str) -> None:
    assert (
        ask("env", "web:dedoimedo", option, "client").stdout == ask("env", "--for", "client").stdout
    )


def test_env_writes_what_is_dialled_from_the_recipient(ask: Cli) -> None:
    here = variables(ask("env", "net3:db:22").stdout)
    there = variables(ask("env", "net3:db:22", "--for", "client").stdout)
    assert here["DB_PORT"] == "tcp://127.0.0.1:32768"
    assert there == {
        "DB_PORT": "tcp://172.17.0.4:22",
        "DB_PORT_22_TCP": "tcp://172.17.0.4:22",
        "DB_PORT_22_TCP_ADDR": "172.17.0.4",
        "DB_PORT_22_TCP_PORT": "22",
        "DB_PORT_22_TCP_PROTO": "tcp",
        "DB_NAME": "/client/db",
    }


def test_env_has_a_dialect_for_services(ask: Cli) -> None:
    told = variables(ask("env", "net3:db:22", "--for", "client", "--style", "kubernetes").stdout)
    assert (told["DB_SERVICE_HOST"], told["DB_SERVICE_PORT"]) == ("172.17.0.4", "22")
    assert "DB_NAME" not in told


def test_env_tells_what_its_style_cannot_carry(ask: Cli) -> None:
    ran = ask("env", "net3:db.main:22", "web:w:80", "--style", "shell", "--for", "client")
    assert ran.returncode == 0
    assert all(line.startswith("export W_") for line in ran.stdout.splitlines())
    reason = "left out: a shell has no variable of such a name"
    assert f"dockernet: shell: DB.MAIN_PORT: {reason}\n" in ran.stderr
    nothing = ask("env", "net3:db.main:22", "--style", "shell")
    assert (nothing.returncode, nothing.stdout) == (1, "")


def test_env_tells_each_thing_that_is_left_out(ask: Cli) -> None:
    ran = ask("env", "net1:a-b", "net2:a_b")
    assert variables(ran.stdout)["A_B_NAME"] == "/docker-host/a-b"
    assert "dockernet: links: a_b: left out: A_B_PORT is already said" in ran.stderr


def test_env_as_one_object_and_as_a_document(ask: Cli) -> None:
    assert json.loads(ask("env", "--style", "json", "--for", "client").stdout) == RECORDED
    told = json.loads(ask("env", "net3:d.b:22", "--style", "shell", "--json").stdout)
    subjects = [one.pop("subject") for one in told["diagnostics"]]
    assert "D.B_PORT" in subjects
    reason = "left out: a shell has no variable of such a name"
    assert told == {
        "schema": 1,
        "verb": "env",
        "style": "shell",
        "variables": {},
        "diagnostics": [{"source": "shell", "reason": reason}] * len(subjects),
    }


def test_env_says_that_there_is_nothing(ask: Cli) -> None:
    ran = ask("env", "--for", "api")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "dockernet: there are no links to write\n"


@pytest.mark.parametrize("verb", [("env",), ("hosts",), ("link", "--", "true")], ids=" ".join)
def test_nobody_was_given_links_on_a_host(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...]
) -> None:
    monkeypatch.setattr(request, "whoami", lambda _: Vantage(kind=VantageKind.HOST))
    others = "" if verb[0] == "link" else ", or whose links with --for CONTAINER"
    told = f"links are given to containers: say PEER{others} (see dockernet {verb[0]} --help)\n"
    for options in ((), ("--snapshot", str(STORY))):
        ran = cli(*options, *verb)
        assert (ran.returncode, ran.stderr.endswith(told)) == (2, True)


def test_a_container_without_an_engine_has_its_own_links(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request, "whoami", lambda _: CONTAINER)
    monkeypatch.setattr("dockernet.sources.defaults.read_vantage", lambda: CONTAINER)
    for name, value in RECORDED.items():
        monkeypatch.setenv(name, value)
    told = variables(cli("env").stdout)
    assert told["DEDOIMEDO_PORT"] == RECORDED["DEDOIMEDO_PORT"]


def test_a_peer_whose_ports_nobody_tells_is_told(ask: Cli) -> None:
    ran = ask("env", "client:c", "--for", "web")
    assert variables(ran.stdout) == {"C_NAME": "/web/c"}
    assert "links: c: no source tells a port of it: say client:c:PORT\n" in ran.stderr


@pytest.mark.parametrize(
    "arguments, code, told",
    [
        (("nope",), 1, "no peer answers to 'nope' (asked: snapshot)"),
        (("nope:n:80",), 1, "no peer answers to 'nope' (asked: snapshot)"),
        (("a:b:c:d",), 2, "cannot read 'c:d'"),
        (("",), 2, "cannot read ''"),
        (("net1", "--style", "yaml"), 2, "'yaml' is not one of"),
        (("db", "--for", "client"), 1, "nothing reaches 'db"),
        (("net1", "--for", "nobody"), 1, "no peer answers to 'nobody'"),
    ],
)
def test_env_tells_what_is_wrong(
    ask: Cli, arguments: tuple[str, ...], code: int, told: str
) -> None:
    ran = ask("env", *arguments)
    assert (ran.returncode, ran.stdout, told in ran.stderr) == (code, "", True)


# Secrets


def with_secrets(story: Any) -> Any:
    for container in story["inspections"]:
        if container["Name"] == "/web":
            container["Config"]["Env"] = ["COLOUR=blue", "WORD=s3cret", "LINES=a\nb", "PATH=/bin"]
    return story


@pytest.mark.parametrize(
    "options, secrets",
    [
        ((), []),
        (("--secret", "COLOUR"), ["COLOUR"]),
        (("--secret", "COLOUR", "--secret", "WORD"), ["COLOUR", "WORD"]),
        (("--secrets",), ["COLOUR", "WORD", "LINES"]),
        (("--secrets", "--secret", "COLOUR"), ["COLOUR", "WORD", "LINES"]),
    ],
    ids=" ".join,
)
def test_a_peer_s_own_variables_are_written_when_asked_for(
    cli: Cli, story: Any, replay: Replay, options: tuple[str, ...], secrets: list[str]
) -> None:
    url = replay(with_secrets(story))
    asked = ("env", "--for", "client", "-H", url, "--style", "json", *options)
    told = json.loads(cli(*asked).stdout)
    known = {"COLOUR": "blue", "WORD": "s3cret", "LINES": "a\nb"}
    assert told == {**RECORDED, **{f"DEDOIMEDO_ENV_{name}": known[name] for name in secrets}}


def test_a_secret_never_shows_where_it_is_not_carried(cli: Cli, story: Any, replay: Replay) -> None:
    url = replay(with_secrets(story))
    ran = cli("env", "--for", "client", "-H", url, "--secret", "LINES", "--secret", "ABSENT")
    assert variables(ran.stdout) == RECORDED
    assert ran.stderr == (
        "dockernet: links: ABSENT: no peer has such a variable\n"
        "dockernet: links: DEDOIMEDO_ENV_LINES: left out: "
        "a value of several lines cannot be told in one\n"
    )


def test_a_hostile_peer_gets_no_code_into_a_shell(
    cli: Cli, story: Any, replay: Replay, tmp_path: Path
) -> None:
    hostile = {
        "QUOTE": "'; touch PWNED; '",
        "LINES": "a\ntouch PWNED\n$(touch PWNED) `touch PWNED`",
        "N;touch PWNED;": "1",
        "N$(touch PWNED)": "2",
        "N\ntouch PWNED\n": "3",
        "A B": "4",
    }
    for container in story["inspections"]:
        container["Config"]["Env"] = [f"{name}={value}" for name, value in hostile.items()]
    url = replay(story)
    aliases = ("web:db", "net1:x;touch PWNED", "net2:$(touch PWNED)", "net1:a\ntouch PWNED\n")
    ran = cli("env", *aliases, "--for", "client", "-H", url, "--secrets", "--style", "shell")
    script = ran.stdout + 'printf %s "$DB_ENV_QUOTE|$DB_ENV_LINES|$DB_NAME"\n'
    done = subprocess.run(
        ["sh", "-e"],  # noqa: S607
        input=script,
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert (done.stdout, done.stderr) == (f"{hostile['QUOTE']}|{hostile['LINES']}|/client/db", "")
    assert not [*tmp_path.glob("PWNED*")]
    assert "DB_ENV_N;touch PWNED;: left out" in ran.stderr
    assert "touch PWNED\n" not in ran.stderr  # each line of it is one that we wrote
    assert all(line.startswith("dockernet: ") for line in ran.stderr.splitlines())


def test_without_an_engine_no_secret_is_known(ask: Cli) -> None:
    ran = ask("env", "--for", "client", "--secrets")
    assert (ran.returncode, "only an engine knows the environment" in ran.stderr) == (3, True)


# Text for another program


def test_what_another_program_reads_is_written_byte_for_byte() -> None:
    raw = BytesIO()
    out, err = TextIOWrapper(raw, encoding="ascii"), TextIOWrapper(BytesIO())
    text = "export A='\udcff\x1b[2J\té\u2028'\n"
    answer = Answer(verb="env", parts={}, shown=Exact(text))
    assert Face(out, err, plain).show(answer) == 0
    assert raw.getvalue() == text.encode("utf-8", "surrogateescape")
    assert "A=" not in repr(answer)


def test_a_terminal_is_shown_control_characters_escaped() -> None:
    out = TextIOWrapper(BytesIO(), encoding="utf-8")
    assert drawn(out, Exact("A='\x1b[2J'\n\n172.17.0.2\tdb\n")) == (
        "A='\\x1b[2J'\n\n172.17.0.2      db\n"
    )


# hosts


def test_hosts_prints_lines_as_an_engine_writes_them(ask: Cli) -> None:
    ran = ask("hosts", "--for", "client")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "172.17.0.5\tdedoimedo web\nfd00:bb::5\tdedoimedo web\n"


def test_hosts_tells_the_ports_that_it_cannot(ask: Cli) -> None:
    ran = ask("hosts", "net3")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.splitlines() == [
        f"dockernet: hosts: net3:{port}/tcp: it is dialled at 127.0.0.1:{number}, "
        "and a hosts file cannot tell a port"
        for port, number in ((22, 32768), (80, 32769))
    ]


@pytest.mark.parametrize(
    "endpoints, subject, reason",
    [
        ((), "db", "left out: no address of it is known"),
        (
            (Endpoint("docker.example", 5432, container_port=Port(5432)),),
            "db:5432/tcp",
            "it is dialled at docker.example:5432, and a hosts file tells addresses alone",
        ),
    ],
    ids=["no address", "a name alone"],
)
def test_hosts_tells_a_peer_that_has_no_address(
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    endpoints: tuple[Endpoint, ...],
    subject: str,
    reason: str,
) -> None:
    told = LinkReport((Link("db", ports=(Port(5432),), endpoints=endpoints),))
    monkeypatch.setattr(Resolver, "links", lambda *_, **__: told)
    ran = cli("hosts", "db", "--snapshot", str(STORY))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == f"dockernet: hosts: {subject}: {reason}\n"


def test_hosts_tells_a_peer_whose_ports_have_no_address_in_common(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialled = (("192.0.2.1", 80), ("192.0.2.2", 81))
    endpoints = tuple(Endpoint(ip_address(h), p, container_port=Port(p)) for h, p in dialled)
    told = LinkReport((Link("db", ports=(Port(80), Port(81)), endpoints=endpoints),))
    monkeypatch.setattr(Resolver, "links", lambda *_, **__: told)
    ran = cli("hosts", "db", "--snapshot", str(STORY))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "dockernet: hosts: db: left out: no address has all of its ports\n"


def test_hosts_has_each_alias_for_one_peer(ask: Cli) -> None:
    ran = ask("hosts", "net1:x", "web:X", "--for", "client")
    assert {line.split()[1] for line in ran.stdout.splitlines()} == {"x"}
    assert ran.stderr == "dockernet: hosts: X: left out: another peer has that name\n"


def test_hosts_leaves_out_what_a_hosts_file_cannot_carry(ask: Cli) -> None:
    ran = ask("hosts", "net1:a b", "web:w", "net2:x\n127.0.0.1 evil", "--for", "client")
    assert {line.split()[1] for line in ran.stdout.splitlines()} == {"w"}
    assert ran.stderr.count("left out: a hosts file cannot carry it") == 2
    assert len(ran.stderr.splitlines()) == 2


def test_hosts_as_a_document(ask: Cli) -> None:
    told = json.loads(ask("hosts", "--for", "client", "--json").stdout)
    names = ["dedoimedo", "web"]
    assert told == {
        "schema": 1,
        "verb": "hosts",
        "lines": [{"address": a, "names": names} for a in ("172.17.0.5", "fd00:bb::5")],
        "diagnostics": [],
    }


def test_hosts_keeps_a_block_up_to_date(ask: Cli, tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1 localhost\n")
    keep = ("hosts", "--file", str(file))
    ran = ask(*keep, "--for", "client")
    assert (ran.returncode, ran.stdout) == (0, f"{file}: block links has 2 lines, written\n")
    assert file.read_text() == (
        "127.0.0.1 localhost\n# dockernet links begin\n"
        "172.17.0.5 dedoimedo web\nfd00:bb::5 dedoimedo web\n# dockernet links end\n"
    )
    again = json.loads(ask(*keep, "--for", "client", "--json").stdout)
    assert (again["file"], again["block"], again["changed"]) == (str(file), "links", False)
    assert ask(*keep, "net2:two", "--block", "two").stdout.endswith("two has 1 line, written\n")
    assert ask(*keep, "--remove").stdout == f"{file}: block links removed\n"
    assert ask(*keep, "--remove").stdout == f"{file}: block links was not there\n"
    told = json.loads(ask(*keep, "--block", "two", "--remove", "--json").stdout)
    assert told == {
        "schema": 1,
        "verb": "hosts",
        "file": str(file),
        "block": "two",
        "changed": True,
    }
    assert file.read_text() == "127.0.0.1 localhost\n"


def test_hosts_tells_lines_of_others_that_lead_elsewhere(ask: Cli, tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("172.17.0.2 WEB x\n172.17.0.5 web\nfd00:bb::6 dedoimedo\n172.17.0.9 other\n")
    ran = ask("hosts", "--file", str(file), "--for", "client")
    assert ran.returncode == 0
    assert ran.stderr == (
        "dockernet: hosts: WEB: a line that is not of the block says 172.17.0.2: take it out\n"
        "dockernet: hosts: dedoimedo: a line that is not of the block says fd00:bb::6: "
        "take it out\n"
    )


def test_a_block_for_no_links_is_empty(ask: Cli, tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("# dockernet links begin\n10.0.0.1 old\n# dockernet links end\n")
    ran = ask("hosts", "--file", str(file), "--for", "api")
    assert ran.returncode == 1
    assert file.read_text() == "# dockernet links begin\n# dockernet links end\n"


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("net2", "--block", "x"), "say in which --file the block is"),
        (("--remove",), "say in which --file the block is"),
        (("net2", "--file", "f", "--remove"), "leave out PEER"),
        (("net2", "--file", "f", "--block", "a b"), "expected a name of 1 to 64"),
        (("net2", "--file", "f", "--block", ""), "expected a name of 1 to 64"),
    ],
)
def test_hosts_tells_how_it_is_used(ask: Cli, arguments: tuple[str, ...], told: str) -> None:
    ran = ask("hosts", *arguments)
    assert (ran.returncode, told in ran.stderr) == (2, True)


def test_hosts_tells_that_a_file_cannot_be_written(ask: Cli, tmp_path: Path) -> None:
    ran = ask("hosts", "net2", "--file", str(tmp_path / "absent"))
    assert (ran.returncode, "make it first, or name another" in ran.stderr) == (3, True)


# link


def becoming(*arguments: str) -> Successor:
    """What a command line comes to, before it becomes the command."""
    said = ("--snapshot", str(STORY), *arguments)
    found = CliRunner().invoke(program, said, standalone_mode=False)
    if found.exception is not None:
        raise found.exception
    assert isinstance(found.return_value, Successor)
    return found.return_value


@pytest.fixture
def own_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The hosts file of the place that asks, which is a container."""
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1 localhost\n")
    monkeypatch.setattr(linking, "_OWN_FILE", str(file))
    monkeypatch.setattr(linking, "own_vantage", lambda: CONTAINER)
    return file


def test_link_becomes_the_command_with_the_variables(spawn: Spawn) -> None:
    code = "import json, os; print(json.dumps([os.getpid(), dict(os.environ)]))"
    command = ("--snapshot", str(STORY), "link", "net3:db:22", "--", sys.executable, "-c", code)
    process = spawn(*command, env={**os.environ, "OWN": "it's"})
    out, err = process.communicate(timeout=60)
    own_id, environ = json.loads(out)
    assert (process.returncode, err, own_id) == (0, "", process.pid)
    assert (environ["OWN"], environ["DB_PORT_22_TCP_PORT"]) == ("it's", "32768")


@pytest.mark.parametrize("words", [("env",), ("sh", "-c", "x", "--", "--json"), ("a", "--wait")])
def test_everything_after_the_dashes_is_the_command(words: tuple[str, ...]) -> None:
    found = becoming("link", "net3:db:22", "--no-hosts", "--", *words)
    assert found.command == words
    assert found.environ["DB_PORT"] == "tcp://127.0.0.1:32768"
    assert "32768" not in repr(found)


def test_links_stand_beside_what_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PORT_80_TCP", "tcp://192.0.2.1:80")
    kept = becoming("link", "net3:db:22", "web:w", "--", "env")
    assert "DB_PORT" not in kept.environ
    assert "W_PORT" in kept.environ
    assert [d.subject for d in kept.diagnostics] == ["db"]
    replaced = becoming("link", "net3:db:22", "--overwrite", "--", "env")
    assert replaced.environ["DB_PORT"] == "tcp://127.0.0.1:32768"
    assert "DB_PORT_80_TCP" not in replaced.environ


@pytest.mark.parametrize(
    "words, code, told",
    [
        (("no-such-program",), 127, "cannot run 'no-such-program'"),
        (("/",), 126, "cannot run '/'"),
        (("a\0b",), 2, "without NUL"),
        ((), 2, "say the command after -- (see dockernet link --help)"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_command_that_cannot_be_run_has_the_code_of_a_shell(
    cli: Cli, words: tuple[str, ...], code: int, told: str, *, as_json: bool
) -> None:
    options = ("--json",) if as_json else ()
    ran = cli("--snapshot", str(STORY), *options, "link", "net3:db:22", "--", *words)
    assert ran.returncode == code
    assert told in (json.loads(ran.stdout)["error"]["message"] if as_json else ran.stderr)


def test_the_options_of_a_command_are_not_ours(cli: Cli) -> None:
    ran = cli("--snapshot", str(STORY), "link", "net3:db:22", "--", "no-such-program", "--json")
    assert (ran.returncode, ran.stdout) == (127, "")


def test_the_command_runs_here(cli: Cli) -> None:
    ran = cli("--snapshot", str(STORY), "--from", "client", "link", "net3", "--", "true")
    assert (ran.returncode, "leave out --from" in ran.stderr) == (2, True)


def test_the_help_of_link_tells_where_the_command_goes(cli: Cli) -> None:
    usage = " ".join(cli("link", "--help").stdout.partition("\n\n")[0].split())
    assert usage.endswith("[PEER[:ALIAS[:PORT[/PROTOCOL]]]]... -- COMMAND...")


# link and the hosts file

BLOCK = "127.0.0.1 localhost\n# dockernet links begin\n172.17.0.2 db net1\n"


@pytest.mark.parametrize(
    "options, written", [((), True), (("--hosts",), True), (("--no-hosts",), False)]
)
def test_the_own_hosts_file_names_the_peers_unless_told_otherwise(
    own_file: Path, options: tuple[str, ...], *, written: bool
) -> None:
    assert becoming("link", "net1:db:22", *options, "--", "env").diagnostics == ()
    assert own_file.read_text().startswith(BLOCK) is written


def test_on_a_host_its_hosts_file_is_left_alone_unless_asked_for(
    own_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linking, "own_vantage", lambda: Vantage(kind=VantageKind.HOST))
    before = own_file.read_text()
    becoming("link", "net1:db:22", "--", "env")
    assert own_file.read_text() == before
    becoming("link", "net1:db:22", "--hosts", "--", "env")
    assert own_file.read_text().startswith(BLOCK)


def test_a_block_that_no_link_needs_any_more_goes(own_file: Path) -> None:
    before = own_file.read_text()
    becoming("link", "net1:db:22", "--", "env")
    told = becoming("link", "net3:db:22", "--", "env").diagnostics
    assert own_file.read_text() == before
    assert [(d.source, d.subject) for d in told] == [("hosts", "db:22/tcp")]


def test_a_damaged_hosts_file_matters_only_where_it_was_asked_for(own_file: Path, cli: Cli) -> None:
    own_file.write_text("# dockernet links end\n")
    [told] = becoming("link", "net1:db:22", "--", "env").diagnostics
    assert (told.source, told.subject) == ("hosts", str(own_file))
    command = ("--snapshot", str(STORY), "link", "net1:db:22", "--hosts", "--", "true")
    assert cli(*command).returncode == 2


def test_a_name_that_the_dns_knows_needs_no_line(
    own_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Known:
        """A name server that knows one name."""

        name = "dns"

        def read(self, _: object) -> Iterator[Fact]:
            yield Fact(source="dns", names=("db",), addresses=(ip_address("172.17.0.2"),))

    monkeypatch.setattr(linking, "Dns", Known)
    before = own_file.read_text()
    becoming("link", "net1:db:22", "--", "env")
    assert own_file.read_text() == before
    becoming("link", "net1:other:22", "--", "env")
    assert "172.17.0.2 other net1\n" in own_file.read_text()


def test_a_name_that_an_engine_keeps_in_the_file_needs_no_second_line(own_file: Path) -> None:
    own_file.write_text("172.17.0.2\tdb f00ba4\n172.17.0.9\tother\n")
    before = own_file.read_text()
    becoming("link", "net1:db:22", "--", "env")
    assert own_file.read_text() == before
    for _ in range(2):  # the engine's line leads elsewhere, and the block's own is none of others
        [told] = becoming("link", "net1:other:22", "--", "env").diagnostics
        assert (told.source, told.subject) == ("hosts", "other")
        assert "172.17.0.9" in told.reason
    assert "172.17.0.2 other net1\n" in own_file.read_text()


# link --wait


@contextmanager
def listening(*ports: int) -> Iterator[None]:
    """Servers that say something to everybody, on loopback."""

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                with listener.accept()[0] as connection:
                    connection.sendall(b"hello\n")
            except OSError:
                return

    with ExitStack() as stack:
        for port in ports:
            listener = socket.create_server(("127.0.0.1", port))
            thread = threading.Thread(target=serve, args=(listener,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(listener.close)
            stack.callback(listener.shutdown, socket.SHUT_RDWR)
        yield


@pytest.fixture
def free() -> tuple[int, int]:
    """Two ports of this machine that nobody listens at."""
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        return one.getsockname()[1], two.getsockname()[1]


@pytest.fixture
def moved(free: tuple[int, int], tmp_path: Path) -> str:
    """The recording, with the ports 22 and 80 of net3 published on free ports."""
    text = STORY.read_text(encoding="utf-8")
    for old, new in zip((32768, 32769), free, strict=True):
        text = text.replace(f'"HostPort": "{old}"', f'"HostPort": "{new}"')
        text = text.replace(f'"PublicPort": {old}', f'"PublicPort": {new}')
    path = tmp_path / "moved.json"
    path.write_text(text, encoding="utf-8")
    return str(path)


def waiting(cli: Cli, moved: str, *peers: str) -> Ran:
    """Wait for peers and become a program that is not there: 127 says that they answered."""
    options = ("--snapshot", moved, "--timeout", "0.3", "link", "--wait", *peers)
    return cli(*options, "--", "no-such-program")


def test_a_peer_that_answers_is_not_waited_for(cli: Cli, moved: str, free: tuple[int, int]) -> None:
    with listening(*free):
        ran = waiting(cli, moved, "net3:db:22", "net3:db:80")
    assert (ran.returncode, "waiting" in ran.stderr) == (127, False)


def test_of_ports_that_nobody_said_one_is_enough(
    cli: Cli, moved: str, free: tuple[int, int]
) -> None:
    for port in free:
        with listening(port):
            assert waiting(cli, moved, "net3:db").returncode == 127
    assert waiting(cli, moved, "net3:db").returncode == 1


def test_each_port_that_was_said_has_to_answer(cli: Cli, moved: str, free: tuple[int, int]) -> None:
    with listening(free[0]):
        ran = waiting(cli, moved, "net3:db:22", "net3:db:80")
    assert ran.returncode == 1
    told = ran.stderr.splitlines()
    refused = f"127.0.0.1:{free[1]} does not answer: connection refused"
    assert told == [  # why it waits is said once, and at the end why it gave up
        f"dockernet: waiting for net3:db:22, net3:db:80: {refused}",
        f"dockernet: 'net3:db:22, net3:db:80' was not ready within 0.3 seconds: {refused}",
    ]


def test_ports_that_cannot_be_tried_are_not_waited_for(cli: Cli, moved: str) -> None:
    assert waiting(cli, moved, "net1:db:53/udp").returncode == 127


def test_a_peer_that_starts_late_is_waited_for(
    moved: str, free: tuple[int, int], spawn: Spawn
) -> None:
    options = ("--snapshot", moved, "--timeout", "30", "link", "--wait", "net3:db:22")
    process = spawn(*options, "--", "sh", "-c", "echo $DB_PORT; exit 7")
    assert process.stderr is not None
    assert process.stderr.readline().startswith("dockernet: waiting for net3:db:22: ")
    with listening(free[0]):
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (7, f"tcp://127.0.0.1:{free[0]}\n", "")


def test_a_wait_ends_with_the_process(moved: str, spawn: Spawn) -> None:
    """Also as the first of a container, to which SIGTERM does nothing unless it is handled."""
    options = ("--snapshot", moved, "--timeout", "60", "link", "--wait", "net3:db:22")
    process = spawn(*options, "--", "true")
    assert process.stderr is not None
    assert process.stderr.readline().startswith("dockernet: waiting for net3:db:22: ")
    process.terminate()
    assert (process.communicate(timeout=60), process.returncode) == (("", ""), 128 + 15)


def test_what_went_wrong_before_the_end_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def links(*_: object, **__: object) -> LinkReport:
        try:
            raise SourceError("engine", "it burned")
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Resolver, "links", links)
    command = ("--snapshot", str(STORY), "link", "net3:db:22", "--", "true")
    with pytest.raises(SystemExit) as ended:
        run(command)
    assert ended.value.code == 128 + signal.SIGTERM
    assert capsys.readouterr().err == "dockernet: interrupted; engine: it burned\n"


def test_a_command_has_signals_as_they_were(
    moved: str, spawn: Spawn, free: tuple[int, int]
) -> None:
    code = "import signal; print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)"
    with listening(free[0]):
        options = ("--snapshot", moved, "link", "--wait", "net3:db:22", "--")
        out, err = spawn(*options, sys.executable, "-c", code).communicate(timeout=60)
    assert (out, err) == ("True\n", "")


def test_a_source_that_is_silent_for_all_the_time_is_no_answer(cli: Cli) -> None:
    options = ("-H", "unix:///nonexistent/docker.sock", "--timeout", "0.1")
    ran = cli(*options, "link", "--wait", "db", "--", "true")
    assert ran.returncode == 1
    told = [line for line in ran.stderr.splitlines() if "waiting for db: not known yet;" in line]
    assert len(told) == 1
    end = (
        "dockernet: 'db' was not ready within 0.1 seconds: not known yet; engine: no engine listens"
    )
    assert ran.stderr.splitlines()[-1].startswith(end)


def test_without_a_peer_it_waits_for_the_links_that_are_there(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request, "whoami", lambda _: CONTAINER)
    monkeypatch.setattr(Resolver, "links", lambda *_, **__: LinkReport(()))
    ran = cli("--timeout", "0.1", "link", "--wait", "--no-hosts", "--", "no-such-program")
    assert ran.returncode == 127


def test_without_a_peer_it_waits_also_for_those_that_are_not_running(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def links(*_: object, strict: bool, **__: object) -> LinkReport:
        if strict:
            raise UnreachableError("db", ())
        return LinkReport(())

    monkeypatch.setattr(request, "whoami", lambda _: CONTAINER)
    monkeypatch.setattr(Resolver, "links", links)
    command = ("--timeout", "0.1", "link", "--no-hosts", "--", "no-such-program")
    assert cli(*command).returncode == 127
    ran = cli(*command[:3], "--wait", *command[3:])
    assert ran.returncode == 1
    assert ran.stderr.startswith("dockernet: waiting for the links of this container: nothing")
