"""The rules of published ports, found on the hosts of real engines."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from harness import Cast, Place, RealContainer, RealEngine, Scene
from harness.features import needs

# The host's firewall is read, and changed: that of a machine is not ours.
pytestmark = needs("settings")


def ports_of(host: Place, *names: str) -> dict[str, list[Any]]:
    told = host.python("-m", "dockernet", "firewall", "--json").json()
    return {name: [port for port in told["ports"] if port["container"] == name] for name in names}


def chains(rules: Any) -> list[tuple[str, str]]:
    return [(rule["table"], rule["chain"]) for rule in rules]


@pytest.fixture
def web(scene: Scene) -> RealContainer:
    return scene.run("web", ports=["80"], publish=["80"])


def test_every_published_port_has_its_rules(engine: RealEngine, scene: Scene, host: Place) -> None:
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
    running = scene.run_all(*cast)
    told = ports_of(host, *(container.name for container in running))
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


def test_a_rule_that_is_gone_is_missing_and_one_of_nobody_stale(
    web: RealContainer, host: Place
) -> None:
    number, address = web.host_port("80/tcp"), web.address()
    told = host.execute("iptables-save", "-t", "nat").out.splitlines()
    (rule,) = (line for line in told if f"--to-destination {address}:80" in line)
    words = rule.split()[2:]
    host.execute("iptables", "-t", "nat", "-D", "DOCKER", *words)
    other = [word.replace(f"{address}:80", "172.17.255.9:80") for word in words]
    host.execute("iptables", "-t", "nat", "-A", "DOCKER", *other)
    try:
        four = next(p for p in ports_of(host, web.name)[web.name] if p["family"] == 4)
        assert (four["missing"], four["host_port"]) == (["dnat"], number)
        shown = host.python("-m", "dockernet", "firewall").out
        assert "no container" in shown
        assert f"tcp to port {number}: send to 172.17.255.9, port 80" in shown
    finally:
        host.execute("iptables", "-t", "nat", "-D", "DOCKER", *other)


def test_what_the_administrator_drops_is_told(
    web: RealContainer, host: Place, elsewhere: Place, engine: RealEngine
) -> None:
    """And it is what a caller from another machine meets."""
    rule = ("DOCKER-USER", "-i", "eth0", "-d", web.address(), "-j", "DROP")
    where = (engine.addresses[0], web.host_port("80/tcp"))
    assert elsewhere.dial(where).name == web.name
    host.execute("iptables", "-I", *rule)
    try:
        four = next(p for p in ports_of(host, web.name)[web.name] if p["family"] == 4)
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
