"""dockernet forward: plan, apply, remove and status; and the module behind it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from firewalls import DATA, recorded_engine, recorded_firewall
from kernel import Kernel

from dockernet import FormatError, Snapshot, SourceError, Vantage, VantageKind, forwarding
from dockernet.actions.forwarding import Machine
from dockernet.forwarding import ForwardingError, Opening, Reach
from dockernet.model.firewalls import Firewall

GENERATION = "28.5"
ENGINE = recorded_engine(GENERATION)
FIREWALL = recorded_firewall(GENERATION)
WAY = ("bridge", "host", "--port", "8080", "-4")

Ran = subprocess.CompletedProcess[str]
Cli = Callable[..., Ran]


def plan(*asked: Any, **how: Any) -> forwarding.ForwardingPlan:
    return forwarding.plan(*asked, **{"engine": ENGINE, "firewall": FIREWALL, **how})


# The module.


def test_networks_go_by_name_id_and_value() -> None:
    known = {network.name: network for network in ENGINE.networks()}
    by_name = plan("apart", "six", ["53/udp"])
    assert plan(known["apart"].id, known["six"], [Opening("udp", 53, 53)]) == by_name
    assert plan(known["apart"], known["six"].id, ["53/udp"]) == by_name
    assert (by_name.source, by_name.to) == ("apart", "six")
    assert plan("bridge", Reach.HOST, [8080]) == plan("bridge", "host", ["8080/tcp", 8080])
    assert plan("bridge", "outside", "all", interface="eth0").to == "outside"


@pytest.mark.parametrize(
    "source, to, reason",
    [
        ("twin", "host", "it may be any of aaaaaaaaaaaa, bbbbbbbbbbbb: say the whole id of one"),
        ("bridge", "twin", "it may be any of aaaaaaaaaaaa, bbbbbbbbbbbb: say the whole id of one"),
        ("a" * 64, "host", "it may be any of aaaaaaaaaaaa, cccccccccccc: say the whole id of one"),
        ("bridge", "outside", "a network has that name, too: say its id, or rename it"),
    ],
)
def test_what_may_mean_two_things_is_refused(source: str, to: str, reason: str) -> None:
    """Otherwise the plan might open what nobody asked for."""
    names = {"a" * 64: "twin", "b" * 64: "twin", "c" * 64: "a" * 64, "d" * 64: "outside"}
    document = json.loads((DATA / GENERATION / "engine.json").read_text())
    apart = next(n for n in document["networks"] if n["Name"] == "apart")
    document["networks"] += [{**apart, "Id": id_, "Name": name} for id_, name in names.items()]
    with pytest.raises(ForwardingError, match=reason):
        plan(source, to, "all", engine=Snapshot(document), interface="eth0")


@pytest.mark.parametrize(
    "asked, how, error",
    [
        (("bridge", "host", "8080"), {}, TypeError),
        (("bridge", "host", []), {}, FormatError),
        (("bridge", "host", ["x"]), {}, FormatError),
        (("bridge", "host", "all"), {"families": (5,)}, FormatError),
        (("bridge", "outside", "all"), {"interface": "eth+"}, FormatError),
        (("bridge", "six", "all"), {"mark": 0}, FormatError),
        (("bridge", "$(reboot)", "all"), {}, ForwardingError),
        (("gone", "host", "all"), {}, ForwardingError),
    ],
)
def test_what_is_none_is_refused(
    asked: tuple[Any, ...], how: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        plan(*asked, **how)


def test_a_recorded_engine_is_not_taken_for_this_machine_s() -> None:
    with pytest.raises(SourceError, match="a recording has no firewall"):
        forwarding.plan("bridge", "host", "all", engine=ENGINE)


def test_the_engine_is_the_docker_command_s_own_unless_given() -> None:
    with pytest.raises(SourceError, match="engine"):
        forwarding.plan("bridge", "host", "all")


# The verb.


@pytest.fixture
def kernel(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """The recorded host, whose firewall a plan changes."""
    made = Kernel(tmp_path_factory.mktemp("machine"))

    def machine(timeout: float) -> Machine:
        return Machine(timeout, made.root, made.run, made.which)

    def read(timeout: float) -> Firewall:
        assert timeout == 5.0
        return FIREWALL

    monkeypatch.setattr(forwarding, "Machine", machine)
    monkeypatch.setattr(forwarding, "read_firewall", read)
    monkeypatch.setattr(forwarding, "read_vantage", lambda: ENGINE.vantage)
    return made


@pytest.fixture
def forward(cli: Cli, replay: Callable[..., str], kernel: Kernel) -> Cli:
    del kernel
    served = replay(json.loads((DATA / GENERATION / "engine.json").read_text()))
    return lambda *arguments: cli("forward", *arguments, "--host", served)


def test_a_plan_is_shown_and_nothing_is_changed(forward: Cli, kernel: Kernel) -> None:
    ran = forward("plan", *WAY)
    first, *rest, last = ran.stdout.splitlines()
    assert (ran.returncode, ran.stderr) == (0, "")
    assert first.startswith("bridge may reach host, by iptables (dockernet ")
    assert rest[0].strip().startswith("IPv4: accept to port 8080/tcp from 172.17.0.0/16")
    assert last == "planned; nothing is changed"
    assert kernel.asked == []


@pytest.mark.parametrize(
    "form, text",
    [
        ("commands", "iptables -w -t filter -N DOCKERNET-"),
        ("commands", "--comment 'dockernet "),
        ("restore", "# iptables-restore --noflush\n*filter\n:DOCKERNET-"),
        ("nft", "table inet dockernet-"),
    ],
)
def test_a_plan_is_shown_as_others_take_it(forward: Cli, form: str, text: str) -> None:
    ran = forward("plan", *WAY, "--as", form)
    assert ran.returncode == 0
    assert text in ran.stdout
    assert "planned" not in ran.stdout


def test_a_plan_is_a_document(forward: Cli) -> None:
    told = json.loads(forward("plan", "apart", "outside", "--all-ports", "--json").stdout)["plan"]
    assert (told["source"], told["to"], told["backend"]) == ("apart", "outside", "iptables")
    assert told["settings"] == ["net.ipv4.ip_forward"]
    assert told["rules"][0] == {
        "family": 4,
        "place": "forward",
        "action": "accept",
        "in_interface": "br-apart",
        "out_interface": "eth0",
        "source": "172.19.0.0/16",
        "destination": None,
        "ports": None,
        "answers": False,
        "words": "IPv4: accept from 172.19.0.0/16 in by br-apart out by eth0",
    }
    assert told["rules"][1]["source"] is None
    assert told["commands"][-1] == ["sysctl", "-w", "net.ipv4.ip_forward=1"]


def test_it_is_applied_shown_and_removed(forward: Cli, kernel: Kernel) -> None:
    before = kernel.saved()
    assert forward("status", *WAY).returncode == 1
    assert forward("apply", *WAY).stdout.endswith("\napplied\n")
    assert forward("apply", *WAY).stdout.endswith("\nwas applied already\n")
    status = forward("status", *WAY, "--json")
    told = json.loads(status.stdout)
    assert (status.returncode, told["state"], told["missing"], told["turned_on"]) == (
        0,
        "applied",
        [],
        [],
    )
    assert forward("status").stdout == f"{told['plan']['tag']}\n"
    assert forward("remove", *WAY).stdout.endswith("\nremoved\n")
    assert forward("remove", *WAY).stdout.endswith("\nwas not there\n")
    assert kernel.saved() == before
    empty = forward("status")
    assert (empty.returncode, empty.stdout) == (0, "")
    assert empty.stderr == "dockernet: no plan is applied\n"


def test_it_is_removed_by_its_tag_when_its_network_is_gone(forward: Cli, kernel: Kernel) -> None:
    before = kernel.saved()
    tag = json.loads(forward("apply", *WAY, "--json").stdout)["plan"]["tag"]
    digits = tag.removeprefix("dockernet ")
    assert forward("remove", "--tag", digits).stdout == f"{digits}: removed\n"
    assert forward("remove", "--tag", tag).stdout == f"{tag}: nothing was there\n"
    assert kernel.saved() == before


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["plan"], "say from which network to what"),
        (["plan", "bridge"], "say from which network to what"),
        (["plan", "bridge", "host"], "say the ports"),
        (["plan", "bridge", "host", "--all-ports", "--port", "80"], "say the ports"),
        (["apply", *WAY, "--as", "nft"], "--as is for plan alone"),
        (["apply", "--tag", "1234abcd"], "--tag is for remove"),
        (["remove", "bridge", "host", "--tag", "1234abcd"], "--tag is for remove"),
        (["remove", "--tag", "; reboot"], "eight hexadecimal digits"),
        (["plan", *WAY, "--from", "web"], "leave out --from"),
        (["plan", "bridge", "host", "--port", "80;reboot"], "a port is a number"),
        (["undo"], "'undo' is not one of"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(
    forward: Cli, kernel: Kernel, arguments: list[str], reason: str
) -> None:
    ran = forward(*arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert reason in ran.stderr
    assert kernel.asked == []


def test_a_recording_forwards_nothing(cli: Cli) -> None:
    path = str(DATA / GENERATION / "engine.json")
    ran = cli("forward", "plan", *WAY, "--snapshot", path)
    assert (ran.returncode, "leave out --snapshot" in ran.stderr) == (2, True)


def test_what_cannot_be_has_no_answer(forward: Cli) -> None:
    ran = forward("plan", "inner", "host", "--port", "80", "--json")
    assert ran.returncode == 1
    error = json.loads(ran.stdout)["error"]
    assert (error["kind"], error["subject"]) == ("ForwardingError", "network inner")
    assert forward("plan", "\x1b[31m", "host", "--port", "80").stderr == (
        "dockernet: cannot let it through, network \\x1b[31m: the engine has no such network\n"
    )


@pytest.mark.usefixtures("kernel")
def test_elsewhere_it_is_refused_with_the_reason(
    forward: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Vantage(kind=VantageKind.CONTAINER, id="e" * 64)
    monkeypatch.setattr(forwarding, "read_vantage", lambda: away)
    ran = forward("plan", *WAY)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "it is that of the engine's host, and here is another machine" in ran.stderr


def test_a_machine_that_cannot_be_changed_is_another_exit_code(
    forward: Cli, kernel: Kernel
) -> None:
    kernel.programs = ()
    ran = forward("apply", *WAY)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "neither iptables-save nor nft is there" in ran.stderr


def test_the_machine_is_this_one(tmp_path: Path) -> None:
    """What runs a program by itself is the same that reads rules."""
    ran = Machine(root=tmp_path).run(["/bin/echo", "a b; c"], "", 10.0)
    assert (ran.code, ran.out) == (0, "a b; c\n")


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("how", ["plan", "apply", "status", "remove"])
def test_no_name_of_a_network_reaches_a_terminal_raw(
    cli: Cli, replay: Callable[..., str], how: str
) -> None:
    name = "x\x1b[31m\u202e;`id`\x9b"
    document = json.loads((DATA / GENERATION / "engine.json").read_text())
    apart = next(n for n in document["networks"] if n["Name"] == "apart")
    document["networks"].append({**apart, "Id": "e" * 64, "Name": name})
    served = replay(document)
    for to in (name, "gone\x1b[2J"):
        ran = cli("forward", how, "bridge", to, "--port", "80", "-4", "--host", served)
        told = (ran.stdout + ran.stderr).replace("\n", "")
        assert "\\x1b[" in told
        assert told.isprintable()
