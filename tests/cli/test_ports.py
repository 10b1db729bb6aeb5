"""The verbs about published ports: port, with its report, and behind."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dockernet import PortMap, Snapshot
from dockernet._cli.tour import STORY

Cli = Callable[..., subprocess.CompletedProcess[str]]
Record = Callable[[Any], str]

DATA = Path(__file__).parents[1] / "data" / "cli"
ENGINE_28 = str(DATA / "engine-28.json")
PRINTED = json.loads((DATA / "engine-28-printed.json").read_text())


def rows(text: str) -> list[list[str]]:
    """The cells of a table; columns are at least three blanks apart."""
    return [[cell.strip() for cell in line.split("   ") if cell] for line in text.splitlines()]


# port


@pytest.mark.parametrize("name", [name for name in PRINTED if PRINTED[name]["port"]])
def test_port_prints_what_docker_port_does(cli: Cli, name: str) -> None:
    ran = cli("port", name, "--snapshot", ENGINE_28)
    assert (ran.returncode, ran.stdout) == (0, PRINTED[name]["port"])


@pytest.mark.parametrize("port", ["80", "80/tcp", "80/TCP"])
def test_port_of_one_port_prints_bindings_alone(ask: Cli, port: str) -> None:
    assert ask("port", "net3", port).stdout == "0.0.0.0:32769\n[::]:32769\n"


def test_port_takes_an_id_as_well(ask: Cli) -> None:
    containers = Snapshot.load(STORY).containers()
    [identity] = [container.short_id for container in containers if container.name == "net3"]
    assert ask("port", identity).stdout == ask("port", "net3").stdout


def test_port_without_a_container_shows_all_by_host_port(ask: Cli) -> None:
    told = rows(ask("port").stdout)
    assert told[0] == [
        *("CONTAINER", "SERVICE", "PORT", "BINDING", "EXPOSURE", "MISMATCH", "CONFLICTS")
    ]
    assert told[1] == ["db", "-", "5432/tcp", "127.0.0.1:5432", "loopback", "-", "-"]
    assert told[2] == ["net2", "-", "80/tcp", "0.0.0.0:8080", "anywhere", "-", "-"]
    assert [row[3] for row in told[1:]] == [
        "127.0.0.1:5432",
        "0.0.0.0:8080",
        "[::]:8080",
        "0.0.0.0:32768",
        "[::]:32768",
        "0.0.0.0:32769",
        "[::]:32769",
    ]


def test_port_shows_routed_ports_first(cli: Cli) -> None:
    told = rows(cli("port", "--snapshot", ENGINE_28).stdout)
    assert told[1][:5] == ["facts-rt", "-", "80/tcp", "0.0.0.0:0", "routed"]


def test_port_as_a_document_has_no_host_port_where_there_is_none(cli: Cli) -> None:
    ports = json.loads(cli("port", "facts-rt", "--json", "--snapshot", ENGINE_28).stdout)["ports"]
    assert [port["host_port"] for port in ports] == [None, 32772, None, 18095]
    assert {port["container"] for port in ports} == {"facts-rt"}


def test_what_port_prints_is_read_back_to_the_same_ports(cli: Cli) -> None:
    for container in Snapshot.load(ENGINE_28).containers():
        text = cli("port", container.name, "--snapshot", ENGINE_28).stdout
        assert PortMap.parse(text) == PortMap({p: b for p, b in container.ports.items() if b})


def test_the_report_tells_mismatches_and_rivals(cli: Cli, story: Any, record: Record) -> None:
    def bound(*numbers: str) -> Any:
        ips = ("0.0.0.0", "::", "192.0.2.9")
        return [
            {"HostIp": ip, "HostPort": number} for ip, number in zip(ips, numbers, strict=False)
        ]

    for container in story["inspections"]:
        name, host = container["Name"].strip("/"), container["HostConfig"]
        if name == "net1":
            container["NetworkSettings"]["Ports"] = {"22/tcp": bound("9022", "9023", "9024")}
        elif name == "net3":
            host["PortBindings"] = {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "9022"}]}
    file = record(story)
    ports = json.loads(cli("port", "--json", "--snapshot", file).stdout)["ports"]
    assert [
        (p["host_ip"], p["exposure"], p["mismatch"], p["rivals"])
        for p in ports
        if p["container"] == "net1"
    ] == [
        ("0.0.0.0", "anywhere", "on IPv6 it is 9023", ["net3"]),
        ("::", "anywhere", "on IPv4 it is 9022", []),
        ("192.0.2.9", "this host's networks", None, []),
    ]
    told = [row for row in rows(cli("port", "--snapshot", file).stdout) if row[0] == "net1"]
    assert told[0][3:] == ["0.0.0.0:9022", "anywhere", "on IPv6 it is 9023", "net3"]


# behind


@pytest.mark.parametrize(
    "arguments, found",
    [
        (
            ("8080",),
            [["net2", "-", "80/tcp", "0.0.0.0:8080"], ["net2", "-", "80/tcp", "[::]:8080"]],
        ),
        (("8080", "--ip", "10.1.1.1"), [["net2", "-", "80/tcp", "0.0.0.0:8080"]]),
        (("5432/tcp", "--ip", "127.0.0.1"), [["db", "-", "5432/tcp", "127.0.0.1:5432"]]),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_behind_tells_who_holds_a_port(
    ask: Cli, arguments: tuple[str, ...], found: list[list[str]]
) -> None:
    assert rows(ask("behind", *arguments).stdout)[1:] == found


def test_behind_tells_the_compose_service(cli: Cli, story: Any, record: Record) -> None:
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "front"}
    for container in story["listing"]:
        container["Labels"] = labels
    file = record(story)
    assert rows(cli("behind", "5432", "--snapshot", file).stdout)[1][1] == "shop/front"
    [port] = json.loads(cli("behind", "5432", "--json", "--snapshot", file).stdout)["ports"]
    assert (port["project"], port["service"]) == ("shop", "front")
