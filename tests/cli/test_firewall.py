"""dockernet firewall: the rules of published ports, asked on the engine's host."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest
from attrs import evolve
from firewalls import DATA, recorded_engine, recorded_firewall

import dockernet.firewall as face
from dockernet import Vantage, VantageKind
from dockernet.formats.iptables import parse_iptables
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.firewalls import Firewall
from dockernet.sources._programs import Done
from dockernet.sources.firewall import lacking

GENERATION = "28.5"

Ran = subprocess.CompletedProcess[str]
Cli = Callable[..., Ran]
Stand = Callable[[Firewall], None]


@pytest.fixture
def served(replay: Callable[..., str]) -> str:
    """The URL of an engine that answers as the recorded one did."""
    return replay(json.loads((DATA / GENERATION / "engine.json").read_text()))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Stand on the recorded host, with a firewall."""

    def stand(firewall: Firewall) -> None:
        vantage = recorded_engine(GENERATION).vantage
        monkeypatch.setattr(face, "read_vantage", lambda: vantage)
        monkeypatch.setattr(face, "read_firewall", lambda _: firewall)

    return stand


def test_the_rules_of_each_published_port_are_shown(cli: Cli, served: str, here: Stand) -> None:
    here(recorded_firewall(GENERATION))
    ran = cli("firewall", "--host", served)
    assert (ran.returncode, ran.stderr) == (0, "")
    heading, *lines = ran.stdout.splitlines()
    assert heading.split() == ["CONTAINER", "PORT", "BINDING", "STATE", "RULES", "PASSES"]
    (web,) = (line for line in lines if line.startswith("web ") and "0.0.0.0:8080" in line)
    assert "let in" in web
    assert "dnat ip nat DOCKER 5 (0 packets)" in web
    assert web.endswith("accept by ip filter DOCKER 5")
    (way,) = (line for line in lines if line.startswith("way ") and "[::]:8084" in line)
    assert "proxied" in way


def test_missing_and_stale_rules_and_doubts_are_shown(cli: Cli, served: str, here: Stand) -> None:
    saved = parse_iptables(
        "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m set --match-set odd src -j DROP\n"
        "-A DOCKER -d 172.17.0.99/32 -p tcp -m tcp --dport 80 -j ACCEPT\n"
    )
    here(Firewall(tables=saved.tables, diagnostics=(Diagnostic("nft", "rule 7", "odd"),)))
    ran = cli("firewall", "--host", served)
    assert ran.stderr == "dockernet: nft: rule 7: odd\n"
    *ports, stale = ran.stdout.splitlines()
    (web,) = (line for line in ports if line.startswith("web ") and "0.0.0.0:8080" in line)
    assert "no rule: dnat accept" in web
    assert "not known: accept by ip filter INPUT policy, if not ip filter INPUT 1" in web
    assert "no container" in stale
    assert "accept ip filter DOCKER 1 " in stale
    assert stale.endswith("to 172.17.0.99 tcp to port 80: accept")


def test_a_document_has_all_of_it(cli: Cli, served: str, here: Stand) -> None:
    here(evolve(recorded_firewall(GENERATION), unread=("nftables",)))
    told = json.loads(cli("firewall", "--json", "--host", served).stdout)
    assert (told["verb"], told["unread"], told["stale"]) == ("firewall", ["nftables"], [])
    (low,) = (port for port in told["ports"] if port["container"] == "low")
    assert low["dnat"] == [
        {
            "backend": "iptables-nft",
            "family": "ip",
            "table": "nat",
            "chain": "DOCKER",
            "position": 6,
            "text": "-d 127.0.0.1/32 ! -i docker0 -p tcp -m tcp --dport 8081"
            " -j DNAT --to-destination 172.17.0.3:80",
            "words": "to 127.0.0.1 not in by docker0 tcp to port 8081: send to 172.17.0.3, port 80",
            "effect": "dnat",
            "comment": "",
            "packets": 0,
            "bytes": 0,
        }
    ]
    assert (low["missing"], low["proxied"], low["verdict"]) == ([], False, "unknown")
    assert low["decided_by"]["chain"] == "INPUT"


def test_elsewhere_it_is_refused_with_the_reason(
    cli: Cli, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        face, "read_vantage", lambda: Vantage(kind=VantageKind.CONTAINER, id="c" * 64)
    )
    ran = cli("firewall", "--host", served)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert ran.stderr == (
        "dockernet: firewall: it is that of the engine's host, and here is another machine than "
        "the engine's: ask it there, as root\n"
    )


def test_without_root_what_is_lacking_is_told(
    cli: Cli, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(timeout: float) -> Firewall:
        assert timeout == 5.0
        raise lacking("iptables-save", Done(4, "", "Permission denied (you must be root)"))

    monkeypatch.setattr(face, "read_vantage", lambda: recorded_engine(GENERATION).vantage)
    monkeypatch.setattr(face, "read_firewall", denied)
    ran = cli("firewall", "--host", served)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "iptables-save needs root" in ran.stderr


@pytest.mark.parametrize(
    "option, reason",
    [(["--from", "web"], "leave out --from"), (["--snapshot", "x"], "leave out --snapshot")],
)
def test_it_is_not_asked_of_another_place(cli: Cli, option: list[str], reason: str) -> None:
    if option[0] == "--snapshot":
        option = ["--snapshot", str(DATA / GENERATION / "engine.json")]
    ran = cli("firewall", *option)
    assert ran.returncode == 2
    assert reason in ran.stderr


def test_nothing_from_outside_reaches_a_terminal_raw(cli: Cli, served: str, here: Stand) -> None:
    saved = parse_iptables(
        '*nat\n-A DOCKER -i "\x1b[31m" -p tcp -m tcp --dport 9 -j DNAT --to-destination 10.0.0.1:9\n'
    )
    here(Firewall(tables=saved.tables))
    ran = cli("firewall", "--host", served)
    assert "\\x1b[31m" in ran.stdout
    assert "\x1b" not in ran.stdout


def test_the_module_reads_and_follows() -> None:
    tables = recorded_firewall(GENERATION).tables
    packet = face.Packet(destination_type="LOCAL", in_interface="eth0")
    assert face.journey(Firewall(tables=tables), packet).verdict is face.Verdict.UNKNOWN


def test_reading_is_that_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face, "read_firewall", lambda timeout: Firewall(unread=(str(timeout),)))
    assert face.read(2.5) == Firewall(unread=("2.5",))
