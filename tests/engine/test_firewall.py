"""The rules of published ports, found on the hosts of real engines."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest
from harness import Cast, Place, RealContainer, RealEngine, Scene
from harness.features import needs
from harness.verbs import Verbs

from dockernet.firewall import parse_iptables
from dockernet.model.conditions import Opaque

# The host's firewall is read, and changed: that of a machine is not ours.
pytestmark = needs("settings")


SAVERS = ("iptables-save", "ip6tables-save")


def ports_of(verbs: Verbs, *names: str) -> dict[str, list[Any]]:
    told = verbs("firewall")
    return {name: [port for port in told["ports"] if port["container"] == name] for name in names}


def chains(rules: Any) -> list[tuple[str, str]]:
    return [(rule["table"], rule["chain"]) for rule in rules]


@pytest.fixture
def web(scene: Scene) -> RealContainer:
    return scene.run("web", ports=["80"], publish=["80"])


def test_every_published_port_has_its_rules(
    engine: RealEngine, scene: Scene, host: Place, verbs: Verbs
) -> None:
    apart, inner = scene.network("apart", icc=False), scene.network("inner", internal=True)
    six = scene.network("six", ipv6=True)
    options = {"com.docker.network.bridge.gateway_mode_ipv4": "routed"}
    routed = scene.network("routed", Options=options)
    cast = (
        Cast("web", ports=["80"], publish=["80"]),
        Cast("low", ports=["80"], publish=["127.0.0.1::80"]),
        Cast("here", ports=["80"], publish=[f"{engine.addresses[0]}::80"], network=apart),
        Cast("dns", ports=["53/udp"], publish=["53/udp"], network=six),
        Cast("way", ports=["80"], publish=["80"], network=routed),
        Cast("hidden", ports=["80"], network=inner, publish=["80"]),
    )
    other = scene.run("other", ports=["80"])
    running = scene.run_all(*cast, Cast("linked", links=[f"{other.name}:other"]))[:-1]
    told = ports_of(verbs, *(container.name for container in running))
    for name, ports in told.items():
        assert bool(ports) == (not name.endswith("hidden"))
        for port in ports:
            assert port["missing"] == [], port
            assert port["verdict"] == "accept", port
            assert port["proxied"] or chains(port["accept"]) == [("filter", "DOCKER")], port
    (low,) = told[running[1].name]
    assert chains(low["dnat"]) == [("nat", "DOCKER")]
    dropped = [("raw", "PREROUTING")] * 2 if engine.major >= 28 else []
    assert chains(low["drop"]) == dropped
    for name in SAVERS:
        for counters in ([], ["-c"]):
            text = host.execute(name, *counters).out
            saved = parse_iptables(text, "ip" if name == SAVERS[0] else "ip6")
            assert (str(saved), saved.diagnostics) == (text, ())
            rules = [rule for t in saved.tables for chain in t.chains for rule in chain.rules]
            assert len(rules) == len(re.findall(r"(?m)^(?:\[.*\] )?-A ", text))
            opaque = [one for rule in rules for one in rule.conditions if isinstance(one, Opaque)]
            assert opaque == []


def test_no_name_reaches_a_terminal_raw_nor_hides_a_rule(
    web: RealContainer, host: Place, verbs: Verbs
) -> None:
    """Neither of a chain nor of a comment; iptables takes them all."""
    chain = 'x"$(id)\x1b[2J;\x07'
    comment = 'a" b\n\x1b]0;x\x07\u202e`touch /run/touched` \x9b31m'
    rule = ("-d", web.address(), "-m", "comment", "--comment", comment)
    host.execute("iptables", "-N", chain)
    host.execute("iptables", "-A", chain, *rule, "-j", "DROP")
    host.execute("iptables", "-I", "DOCKER-USER", *rule, "-j", chain)
    try:
        four = next(p for p in ports_of(verbs, web.name)[web.name] if p["family"] == 4)
        assert (four["verdict"], four["decided_by"]["chain"]) == ("drop", chain)
        assert four["decided_by"]["comment"] == comment
        for arguments in (["firewall"], ["firewall", "--json"], ["doctor", f"{web.name}:80"]):
            shown = host.python("-m", "dockernet", *arguments)
            told = shown.out.replace("\n", "") + shown.err.replace("\n", "")
            assert told
            assert told.isprintable(), ascii(told)
    finally:
        host.execute("iptables", "-D", "DOCKER-USER", *rule, "-j", chain)
        host.execute("iptables", "-F", chain)
        host.execute("iptables", "-X", chain)


def test_a_rule_that_is_gone_is_missing_and_one_of_nobody_stale(
    web: RealContainer, host: Place, verbs: Verbs
) -> None:
    number, address = web.host_port("80/tcp"), web.address()
    told = host.execute("iptables-save", "-t", "nat").out.splitlines()
    (rule,) = (line for line in told if f"--to-destination {address}:80" in line)
    words = rule.split()[2:]
    host.execute("iptables", "-t", "nat", "-D", "DOCKER", *words)
    other = [word.replace(f"{address}:80", "172.17.255.9:80") for word in words]
    host.execute("iptables", "-t", "nat", "-A", "DOCKER", *other)
    try:
        four = next(p for p in ports_of(verbs, web.name)[web.name] if p["family"] == 4)
        assert (four["missing"], four["host_port"]) == (["dnat"], number)
        shown = host.python("-m", "dockernet", "firewall").out
        assert "no container" in shown
        assert f"tcp to port {number}: send to 172.17.255.9, port 80" in shown
    finally:
        host.execute("iptables", "-t", "nat", "-D", "DOCKER", *other)


def test_what_the_administrator_drops_is_told(
    web: RealContainer, host: Place, elsewhere: Place, engine: RealEngine, verbs: Verbs
) -> None:
    """And it is what a caller from another machine meets."""
    rule = ("DOCKER-USER", "-i", "eth0", "-d", web.address(), "-j", "DROP")
    where = (engine.addresses[0], web.host_port("80/tcp"))
    assert elsewhere.dial(where).name == web.name
    host.execute("iptables", "-I", *rule)
    try:
        four = next(p for p in ports_of(verbs, web.name)[web.name] if p["family"] == 4)
        assert chains(four["user"]) == [("filter", "DOCKER-USER")]
        assert four["verdict"] == "drop"
        assert four["decided_by"] == four["user"][0]
        assert elsewhere.dial(where).error == "timeout"
    finally:
        host.execute("iptables", "-D", *rule)


def test_without_root_it_is_told_what_is_lacking(web: RealContainer, host: Place) -> None:
    del web
    program = (sys.executable, "-m", "dockernet", "firewall")
    told = host.execute("setpriv", "--bounding-set=-net_admin", *program)
    assert told.code == 3
    assert "needs root, or the capability CAP_NET_ADMIN" in told.err


def test_elsewhere_it_is_refused(elsewhere: Place) -> None:
    told = elsewhere.python("-m", "dockernet", "firewall")
    assert (told.code, told.out) == (3, "")
    assert "it is that of the engine's host" in told.err
