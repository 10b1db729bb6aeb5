"""The example programs, the README, and what the pages promise to tell."""

from __future__ import annotations

import argparse
import json
import re
import runpy
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

import pytest
from streaming import Streaming
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser

import dockernet
from dockernet import (
    Endpoint,
    EndpointChange,
    Engine,
    Environ,
    Link,
    PeerNotFoundError,
    Port,
    Reason,
    Resolver,
    Route,
    Snapshot,
    Vantage,
    aio,
    doctor,
    firewall,
    forwarding,
)
from dockernet._cli.program import program
from dockernet._cli.tour import STORY
from dockernet.doctor.pages import pages

ROOT = Path(__file__).parents[1]
EXAMPLES, PAGES = ROOT / "examples", ROOT / "docs"
LOOPBACK = "127.0.0.1"


class Shell:
    """A person who runs examples."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, example: str, *arguments: str) -> tuple[int | str | None, str, str]:
        """Run one: its exit code, and what it prints to its two streams."""
        path = str(EXAMPLES / example)
        self._monkeypatch.setattr("sys.argv", [path, *arguments])
        with pytest.raises(SystemExit) as left:
            runpy.run_path(path, run_name="__main__")
        printed = self._capsys.readouterr()
        return left.value.code, printed.out, printed.err


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    return Shell(monkeypatch, capsys)


@pytest.fixture
def database() -> Iterator[int]:
    """The port of a server that says who it is, once."""

    def serve() -> None:
        with server.accept()[0] as connection:
            connection.sendall(b"I am db\n")

    with socket.create_server((LOOPBACK, 0)) as server:
        thread = Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def recording_of_db_at(port: int, folder: Path) -> str:
    """The recording of the tour, with db published on another host port."""
    text = STORY.read_text(encoding="utf-8")
    text = text.replace('"HostPort": "5432"', f'"HostPort": "{port}"')
    text = text.replace('"PublicPort": 5432', f'"PublicPort": {port}')
    path = folder / "story.json"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_client_connects_by_a_published_port(
    shell: Shell, database: int, tmp_path: Path
) -> None:
    recording = recording_of_db_at(database, tmp_path)
    code, out, _ = shell.run("wait_free_client.py", "db:5432", "--snapshot", recording)
    assert (code, out) == (0, f"connected to {LOOPBACK}, port {database}\nI am db\n")


def test_the_client_connects_by_link_variables(database: int) -> None:
    link = Link("db", "app", addresses=(ip_address(LOOPBACK),), ports=(Port(database),))
    inside = Resolver([Environ(link.to_environ())], vantage=Vantage())
    connect = runpy.run_path(str(EXAMPLES / "wait_free_client.py"))["connect"]
    with closing(connect(inside, "db")) as connection:
        assert connection.recv(100) == b"I am db\n"


def test_the_client_says_who_may_have_been_meant(shell: Shell) -> None:
    code, _, err = shell.run("wait_free_client.py", "nte1:22", "--snapshot", str(STORY))
    assert (code, "did you mean net1?" in err) == (1, True)


def test_the_client_says_when_nobody_accepts() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        closed = server.getsockname()[1]
    link = Link("db", "app", addresses=(ip_address(LOOPBACK),), ports=(Port(closed),))
    inside = Resolver([Environ(link.to_environ())], vantage=Vantage())
    connect = runpy.run_path(str(EXAMPLES / "wait_free_client.py"))["connect"]
    with pytest.raises(ConnectionRefusedError):
        connect(inside, "db")


def test_the_report_tells_who_gets_to_each_port(shell: Shell) -> None:
    code, out, _ = shell.run("port_report.py", str(STORY))
    lines = out.splitlines()
    assert code == 0
    assert "db: 5432/tcp on 127.0.0.1:5432 (loopback)" in lines
    assert "net2: 80/tcp on [::]:8080 (world)" in lines
    assert "client: nothing published" in lines


@pytest.mark.parametrize(
    "binding, who",
    [
        ("0.0.0.0:80", "world"),
        ("[::1]:80", "loopback"),
        ("192.168.1.5:80", "LAN"),
        ("[fd00::5]:80", "LAN"),
        ("8.8.8.8:80", "world"),
        ("0.0.0.0:0", "no host port: routed"),
    ],
)
def test_a_binding_is_for_those_who_reach_its_address(binding: str, who: str) -> None:
    reach = runpy.run_path(str(EXAMPLES / "port_report.py"))["reach"]
    assert reach(dockernet.HostBinding.parse(binding)) == who


def test_the_report_says_that_no_engine_answers(shell: Shell) -> None:
    code, out, err = shell.run("port_report.py")
    assert (code, out) == (1, "")
    assert "unix:///nowhere/docker.sock" in err


def test_the_env_file_has_what_an_engine_set(shell: Shell) -> None:
    """Engine 28 set these very variables in the container that was recorded."""
    code, out, _ = shell.run("env_file.py", "client", str(STORY))
    told = json.loads(STORY.read_text(encoding="utf-8"))["client"]["environ"]
    assert code == 0
    assert dict(line.split("=", 1) for line in out.splitlines()) == told


def test_the_env_file_is_of_a_container_that_is_there(shell: Shell) -> None:
    code, out, err = shell.run("env_file.py", "klient", str(STORY))
    assert (code, out, "did you mean client?" in err) == (1, "", True)


@pytest.mark.parametrize(
    "target, code, told",
    [
        ("ledger", 0, "-> 10.20.0.7:5432/tcp by given (source: {})"),
        ("mirror:873", 1, "odd: {}: line 3: expected a name, an address and a port"),
        ("ledgre:5432", 1, "did you mean ledger?"),
    ],
    ids=["a peer of the file", "a line without a port", "a slip of the pen"],
)
def test_a_source_of_ones_own_is_asked(
    shell: Shell, tmp_path: Path, target: str, code: int, told: str
) -> None:
    peers = tmp_path / "peers.txt"
    peers.write_text("# name address port\nledger 10.20.0.7 5432\nmirror 10.20.0.8\n")
    left, out, _ = shell.run("own_source.py", str(peers), target)
    assert left == code
    assert told.format(peers) in out


def test_a_source_of_ones_own_tells_that_it_was_not_heard(shell: Shell) -> None:
    _, out, _ = shell.run("own_source.py", "/nowhere/peers.txt", "ledger")
    assert "/nowhere/peers.txt: not heard: the file cannot be read" in out


def test_the_keeper_keeps_its_block_up_to_date(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a bounded loop: the second time everything is as it should be."""
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    hosts = tmp_path / "hosts"
    hosts.write_bytes(b"127.0.0.1 localhost")
    asked = (str(hosts), "--snapshot", str(STORY))
    code, out, _ = shell.run("hosts_keeper.py", *asked, "--every", "7", "--times", "2")
    block = dockernet.HostsBlock(hosts, "keeper")
    told = {name: [str(line.address)] for line in block.lines() for name in line.names}
    db = Snapshot.load(STORY).container("db")
    assert (code, out, slept) == (0, f"{len(block.lines())} lines written\n", [7.0])
    assert told["db"] == [str(address) for n in db.networks for address in n.addresses]
    network = db.networks[0].network
    assert shell.run("hosts_keeper.py", *asked, "--once", "--network", network)[0] == 0
    assert {name for line in block.lines() for name in line.names} < set(told)
    assert shell.run("hosts_keeper.py", str(hosts), "--remove")[1] == "removed\n"
    assert shell.run("hosts_keeper.py", str(hosts), "--remove")[1] == "there was none\n"
    assert hosts.read_bytes() == b"127.0.0.1 localhost"


@pytest.mark.parametrize(
    "arguments, code, told",
    [
        (("/nowhere/hosts", "--remove"), 1, "make it first"),
        (("/nowhere/hosts", "--once"), 1, "unix:///nowhere/docker.sock"),
        (("/nowhere/hosts", "--name", "a b"), 2, "expected a name"),
    ],
    ids=["no file", "no engine", "no name"],
)
def test_the_keeper_says_what_is_wrong(
    shell: Shell, arguments: tuple[str, ...], code: int, told: str
) -> None:
    left, out, err = shell.run("hosts_keeper.py", *arguments)
    assert (left, out, told in err) == (code, "", True)


REPLICAS = (
    Endpoint(ip_address("10.7.0.2"), 80, peer="shop-web-1"),
    Endpoint(ip_address("10.7.0.3"), 80, peer="shop-web-2"),
    Endpoint(ip_address("fd00::3"), 80, peer="shop-web-2"),
)


def test_the_upstream_is_of_the_best_endpoints(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "net-3.conf"
    asked = ("net3:80", str(file), "--snapshot", str(STORY), "--once")
    code, out, err = shell.run("nginx_upstream.py", *asked)
    assert (code, err) == (0, "")
    assert out.startswith("net3:80 is at 127.0.0.1:32769, ")
    assert file.read_text() == "upstream net-3 {\n    server 127.0.0.1:32769;\n}\n"
    assert shell.run("nginx_upstream.py", *asked) == (0, "", "")  # nothing is different
    assert [path.name for path in tmp_path.iterdir()] == ["net-3.conf"]


def test_the_upstream_follows_the_replicas_and_nginx_is_told(tmp_path: Path) -> None:
    keep = runpy.run_path(str(EXAMPLES / "nginx_upstream.py"))["keep"]
    file, calls = tmp_path / "web.conf", tmp_path / "calls"
    note = f"with open({str(calls)!r}, 'a') as f: f.write(open({str(file)!r}).read())"
    reload = shlex.join([sys.executable, "-c", note])
    options = argparse.Namespace(file=file, name="web", reload=reload, once=False)
    one, two, three = REPLICAS
    error = PeerNotFoundError("web:80")
    keep(
        [
            EndpointChange("web:80", (), (one, two, three)),
            EndpointChange("web:80", (one, two, three), (one, two)),  # the same servers
            EndpointChange("web:80", (one, two), (three,)),
            EndpointChange("web:80", (three,), (), error=error),
        ],
        options,
    )
    told = re.findall(r"upstream web {\n(.*?)\n}", calls.read_text(), re.DOTALL)
    assert told == [
        "    server 10.7.0.2:80;\n    server 10.7.0.3:80;",
        "    server [fd00::3]:80;",
        "    server 127.0.0.1:9 down;",
    ]


@pytest.mark.parametrize(
    "arguments, code, told",
    [
        (("web:80", "web.conf", "--once"), 1, "unix:///nowhere/docker.sock"),
        (("web:http", "web.conf", "--once"), 2, "cannot read 'web:http'"),
        (("web:80", "web.conf", "--name", "a b; }"), 2, "is no name for an upstream"),
        (("net3:80", "/nowhere/web.conf", "--snapshot", str(STORY)), 1, "No such file"),
    ],
    ids=["no engine", "no target", "no name", "no folder"],
)
def test_the_upstream_writer_says_what_is_wrong(
    shell: Shell,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    left, out, err = shell.run("nginx_upstream.py", *arguments)
    assert (left, out, told in err) == (code, "", True)
    assert [*tmp_path.iterdir()] == []


LABELS = {
    "prometheus.port": "9100",
    "prometheus.path": "/stats",
    "prometheus.label.team": "blue",
    "prometheus.label.no name": "left out",
    "com.docker.compose.project": "shop",
    "com.docker.compose.service": "web",
}


def labelled(folder: Path, **labels: dict[str, str]) -> str:
    """The recording of the tour, with labels on containers."""
    recording = json.loads(STORY.read_text(encoding="utf-8"))
    for entry in recording["listing"]:
        entry["Labels"] = labels.get(entry["Names"][0].strip("/"), {})
    for entry in recording["inspections"]:
        entry["Config"]["Labels"] = labels.get(entry["Name"].strip("/"), {})
    path = folder / "labelled.json"
    path.write_text(json.dumps(recording))
    return str(path)


def test_the_targets_are_of_the_labels_of_containers(shell: Shell, tmp_path: Path) -> None:
    malformed = {"prometheus.port": "80 and more"}
    recording = labelled(tmp_path, net1=LABELS, net2={"prometheus.port": "80"}, net3=malformed)
    file = tmp_path / "targets.json"
    code, out, err = shell.run("prometheus_targets.py", str(file), "--snapshot", recording)
    assert (code, out) == (0, "2 targets written\n")
    assert err.startswith("net3 is left out: cannot read ")
    assert json.loads(file.read_text()) == [
        {
            "targets": ["172.17.0.2:9100"],
            "labels": {
                "container": "net1",
                "compose_project": "shop",
                "compose_service": "web",
                "__metrics_path__": "/stats",
                "team": "blue",
            },
        },
        {"targets": ["127.0.0.1:8080"], "labels": {"container": "net2"}},
    ]
    again = shell.run("prometheus_targets.py", str(file), "--snapshot", recording)
    assert again[:2] == (0, "")  # nothing is different


class Labelled(Streaming):
    """The stand-in engine, with a label on every container."""

    def _listed(self, name: str) -> dict[str, Any]:
        return {**super()._listed(name), "Labels": {"prometheus.port": "80"}}

    def _inspected(self, name: str) -> dict[str, Any]:
        told = super()._inspected(name)
        told["Config"]["Labels"] = {"prometheus.port": "80"}
        told["NetworkSettings"]["Ports"] = {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}
        return told


def test_the_targets_follow_the_engine(tmp_path: Path, folder: Path) -> None:
    keep = runpy.run_path(str(EXAMPLES / "prometheus_targets.py"))["keep"]
    file = tmp_path / "targets.json"

    def names(wanted: list[str]) -> list[str]:
        """The containers in the file, once they are those."""
        found: list[str] = []
        for _ in range(2_000):
            if file.exists():
                found = [one["labels"]["container"] for one in json.loads(file.read_text())]
            if found == wanted:
                break
            sleep(0.01)
        return found

    with Labelled().on_socket(folder / "engine.sock") as server:
        assert isinstance(server, Labelled)
        server.set("db")
        with Engine(server.url) as engine, engine.live() as live:
            keeping = Thread(target=keep, args=(file, live))
            keeping.start()
            assert names(["db"]) == ["db"]
            server.set("web", number=3)
            server.tell("start", "web")
            assert names(["db", "web"]) == ["db", "web"]
            server.set("db", "exited")
            server.tell("die", "db")
            assert names(["web"]) == ["web"]
        keeping.join()


def test_the_target_writer_says_that_no_engine_answers(shell: Shell, tmp_path: Path) -> None:
    code, out, err = shell.run("prometheus_targets.py", str(tmp_path / "targets.json"))
    assert (code, out, "unix:///nowhere/docker.sock" in err) == (1, "", True)


def test_the_preflight_check_tells_what_is_wrong(shell: Shell) -> None:
    asked = ("preflight.py", "--snapshot", str(STORY))
    assert shell.run(*asked, "web:80", "db:5432") == (0, "web:80: ready\ndb:5432: ready\n", "")
    code, out, _ = shell.run(*asked, "--from", "client", "web:80")
    assert (code, out.splitlines()[0]) == (0, "web:80: ready")
    assert "  no-names-here: client and web share the default bridge alone" in out
    code, out, _ = shell.run(*asked, "--from", "client", "api:80", "db:5432")
    assert code == 1
    assert [line for line in out.splitlines() if "ready" in line][-1] == "db:5432: NOT ready"
    assert "to mend it: docker network connect shop client" in out


def test_the_preflight_check_says_why_it_cannot_check(shell: Shell) -> None:
    code, out, err = shell.run("preflight.py", "--snapshot", "/nowhere.json", "db")
    assert (code, out, "/nowhere.json cannot be read" in err) == (2, "", True)


# The README and the pages.


def pages_of(folder: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.md")))


def test_the_readme_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    readme = Sybil([PythonCodeBlockParser()]).parse(ROOT / "README.md")
    examples = [*readme.examples()]
    assert len(examples) > 3
    for example in examples:
        example.evaluate()


def test_the_readme_leads_to_files_that_are_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize(
    "module, prefix",
    [
        (dockernet, ""),
        (aio, "dockernet.aio."),
        (doctor, "dockernet.doctor."),
        (firewall, "dockernet.firewall."),
        (forwarding, "dockernet.forwarding."),
    ],
    ids=["blocking", "awaited", "doctor", "firewall", "forwarding"],
)
def test_the_reference_has_every_public_name(module: Any, prefix: str) -> None:
    directive = rf"^\.\. auto\w+:: {re.escape(prefix)}(\w+)(?:\(.*\))?$"
    found = re.findall(directive, pages_of(PAGES / "reference"), re.MULTILINE)
    assert sorted(found) == sorted(set(module.__all__) - {"__version__"})


def test_the_glossary_has_every_reason() -> None:
    glossary = (PAGES / "glossary.md").read_text(encoding="utf-8").splitlines()
    assert [reason for reason in Reason if str(reason) not in glossary] == []


def test_the_route_table_has_every_route() -> None:
    table = (PAGES / "why.md").read_text(encoding="utf-8")
    assert [r for r in Route if f"* - {r}\n" not in table and f"*{r}*" not in table] == []


def test_every_finding_has_its_page_as_the_table_has_it() -> None:
    """``python -m dockernet.doctor.pages docs/when-it-does-not-connect`` writes them."""
    folder = PAGES / "when-it-does-not-connect"
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert there == dict(pages())
    assert {entry.page for entry in doctor.ENTRIES.values()} < {
        f"docs/{folder.name}/{name}" for name in there
    }


def test_the_command_line_page_has_every_verb() -> None:
    page = (PAGES / "how-to" / "command-line.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^### (\w+)$", page, re.MULTILINE)) == set(program.commands)


def test_the_pages_ask_a_recording_that_can_be_read() -> None:
    assert len(Snapshot.load(STORY).containers()) == 8
