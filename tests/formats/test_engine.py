"""What engines of every kind answered, and what no engine should answer."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from recorded import FACTS, recorded, scenarios

from dockernet.errors import FormatError
from dockernet.formats.engine import (
    Reading,
    docker_networks,
    parse_environ,
    parse_inspections,
    parse_listing,
    parse_networks,
    parse_profile,
    with_details,
    with_network_ids,
)
from dockernet.model.bindings import HostBinding
from dockernet.model.containers import Container
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.facts import EngineProfile
from dockernet.model.networks import Network
from dockernet.model.portmap import PortMap
from dockernet.model.ports import Port

DOCKER, PODMANS = FACTS[:4], FACTS[4:]
ID = "f1" * 32
PARSERS: dict[str, Callable[[object], Reading[Any]]] = {
    "listing": parse_listing,
    "inspections": parse_inspections,
    "networks": parse_networks,
}


def listed(engine: str, scenario: str = "facts") -> dict[str, Container]:
    return {c.name: c for c in parse_listing(recorded(engine, scenario)["listing"]).values}


def inspected(engine: str, scenario: str = "facts") -> dict[str, Container]:
    found = parse_inspections(recorded(engine, scenario)["inspections"]).values
    return {c.name: c for c in found}


def networks(engine: str, scenario: str = "facts") -> dict[str, Network]:
    return {n.name: n for n in parse_networks(recorded(engine, scenario)["networks"]).values}


# What engines answered


@pytest.mark.parametrize("engine, scenario", scenarios())
def test_nothing_that_an_engine_answered_is_odd_or_lost(engine: str, scenario: str) -> None:
    replies = recorded(engine, scenario)
    for kind, parse in PARSERS.items():
        reading = parse(replies.get(kind, []))
        assert reading.diagnostics == ()
        assert [v.id for v in reading.values] == [r["Id"] for r in replies.get(kind, [])]


@pytest.mark.parametrize("engine", DOCKER)
@pytest.mark.parametrize(
    "name, linked_as",
    [
        pytest.param("facts-db", (("facts-app", "db-main.v1"),), id="with a dot and a dash"),
        pytest.param("facts-udpfirst", (("facts-app", "Udp_First"),), id="with capitals"),
        pytest.param("facts-mix", (("facts-app", "mix"),), id="plain"),
        pytest.param("facts-app", (), id="the recipient itself"),
        pytest.param("facts-u2", (), id="links of a user-defined network do not show"),
    ],
)
def test_the_own_name_is_the_one_with_one_slash(
    engine: str, name: str, linked_as: tuple[tuple[str, str], ...]
) -> None:
    assert listed(engine)[name].linked_as == linked_as


@pytest.mark.parametrize("engine", ["20.10", "29.1"])
@pytest.mark.parametrize(
    "name, state, health",
    [
        pytest.param("facts-healthy", "running", "healthy", id="healthy"),
        pytest.param("facts-unhealthy", "running", "unhealthy", id="unhealthy"),
        pytest.param("facts-hstarting", "running", "starting", id="starting"),
        pytest.param("facts-paused", "paused", None, id="paused"),
        pytest.param("facts-exited", "exited", None, id="exited"),
        pytest.param("facts-created2", "created", None, id="created"),
    ],
)
def test_states_and_health(engine: str, name: str, state: str, health: str | None) -> None:
    for told in (listed(engine, "states")[name], inspected(engine, "states")[name]):
        assert (told.state, told.health) == (state, health)
        assert told.running is (state == "running")


@pytest.mark.parametrize("engine", ["20.10", "29.1"])
def test_a_container_between_two_runs_restarts(engine: str) -> None:
    restarting = inspected(engine, "states")["facts-restarting"]
    assert (restarting.state, restarting.running) == ("restarting", False)


@pytest.mark.parametrize("engine", DOCKER)
@pytest.mark.parametrize("kind", ["listing", "inspections"])
def test_ports_read_as_docker_ps_prints_them(engine: str, kind: str) -> None:
    replies = recorded(engine)
    ports = {c.name: str(c.ports) for c in PARSERS[kind](replies[kind]).values}
    expected = {name: replies["ps"][name] for name in ports if name in replies["ps"]}
    if (engine, kind) == ("29.1", "inspections"):
        # A listing of Engine 29 leaves routed ports out, so `docker ps` does.
        routed = "82/tcp, 0.0.0.0:0->80/tcp, [::]:32772->80/tcp, 0.0.0.0:0->81/tcp, "
        expected["facts-rt"] = f"{routed}[::]:18095->81/tcp"
    assert {name: ports[name] for name in expected} == expected


@pytest.mark.parametrize(
    "engine, name, port, bindings",
    [
        pytest.param(
            "20.10", "facts-v6", 92, ["0.0.0.0:32781", "[::]:32779"], id="families differ up to 26"
        ),
        pytest.param(
            "29.1", "facts-v6", 92, ["0.0.0.0:32770", "[::]:32770"], id="families alike since 27"
        ),
        pytest.param("20.10", "facts-u1", 81, ["127.0.0.1:18081"], id="on IPv4 loopback"),
        pytest.param("20.10", "facts-u1", 82, ["[::1]:18082"], id="on IPv6 loopback"),
        pytest.param(
            "28.5", "facts-rt", 80, ["0.0.0.0:0", "[::]:32772"], id="routed: no host port"
        ),
        pytest.param("28.5", "facts-rt", 82, [], id="null: exposed only"),
        pytest.param("29.1", "facts-range", 17010, [], id="a host port is no container port"),
        pytest.param(
            "29.1", "facts-range", "7100/udp", ["0.0.0.0:17010", "[::]:17010"], id="out of a range"
        ),
        pytest.param("podman-4.3.1", "pweb", 80, ["*:18080"], id="Podman's wildcard"),
        pytest.param("podman-5.4.2", "p6", 82, ["[::]:18092"], id="Podman 5, every IPv6 address"),
    ],
)
def test_host_bindings(engine: str, name: str, port: int | str, bindings: list[str]) -> None:
    found = inspected(engine)[name].ports.bindings(port)
    assert [str(binding) for binding in found] == bindings


@pytest.mark.parametrize("engine", DOCKER)
@pytest.mark.parametrize(
    "name, asked",
    [
        pytest.param("facts-app", "*:*->8080/tcp", id="any free port"),
        pytest.param(
            "facts-u1",
            "*:18080->80/tcp, 127.0.0.1:18081->81/tcp, [::1]:18082->82/tcp",
            id="on addresses",
        ),
        pytest.param("facts-exp", "80/tcp, 7000-7002/udp", id="exposed only"),
        pytest.param("facts-stopped", "91/tcp, *:18090->90/tcp", id="kept while it is stopped"),
        pytest.param("facts-int1", "*:18094->94/tcp", id="without effect on an internal network"),
        pytest.param("facts-ns", "", id="none in another's namespace"),
    ],
)
def test_ports_as_they_were_asked_for(engine: str, name: str, asked: str) -> None:
    assert str(inspected(engine)[name].requested_ports) == asked
    assert {c.requested_ports for c in listed(engine).values()} == {None}


def test_ports_asked_for_from_a_range() -> None:
    asked = inspected("29.1")["facts-range"].requested_ports
    assert asked is not None
    assert [str(binding) for binding in asked.bindings("7100/udp")] == ["*:17010-17020"]


@pytest.mark.parametrize(
    "engine, name, mode",
    [
        pytest.param("20.10", "facts-app", "default", id="the default, up to 25"),
        pytest.param("29.1", "facts-app", "bridge", id="the default, since 26"),
        *(pytest.param(e, "facts-host", "host", id=f"host, {e}") for e in DOCKER),
        *(pytest.param(e, "facts-none", "none", id=f"none, {e}") for e in DOCKER),
        *(pytest.param(e, "facts-u1", "facts-net", id=f"a network, {e}") for e in DOCKER),
    ],
)
def test_network_modes(engine: str, name: str, mode: str) -> None:
    assert listed(engine)[name].network_mode == mode
    assert inspected(engine)[name].network_mode == mode


@pytest.mark.parametrize("engine", DOCKER)
def test_who_shares_a_namespace_has_no_networks_of_its_own(engine: str) -> None:
    owner = listed(engine)["facts-u1"].id
    for told in (listed(engine)["facts-ns"], inspected(engine)["facts-ns"]):
        assert told.shares_network_of == owner
        assert told.networks == ()
        assert told.ports == PortMap()


@pytest.mark.parametrize("engine", DOCKER)
@pytest.mark.parametrize("name", ["facts-host", "facts-none"])
def test_host_and_none_are_networks_without_addresses(engine: str, name: str) -> None:
    for told in (listed(engine)[name], inspected(engine)[name]):
        (attachment,) = told.networks
        assert (attachment.network, attachment.addresses) == (told.network_mode, ())
        assert attachment.gateways == ()


def on_networks(container: Container) -> dict[str, list[str]]:
    return {a.network: [str(x) for x in (*a.addresses, *a.gateways)] for a in container.networks}


@pytest.mark.parametrize(
    "engine, name, expected",
    [
        pytest.param(
            "20.10",
            "facts-v6",
            {"facts-net6": ["10.77.6.2", "fd00:facc::2", "10.77.6.1", "fd00:facc::1"]},
            id="dual stack",
        ),
        pytest.param(
            "20.10",
            "facts-multi",
            {
                "bridge": ["172.17.0.13", "172.17.0.1"],
                "facts-net": ["10.77.1.5", "10.77.1.1"],
                "facts-net2": ["10.77.2.55", "10.77.2.1"],
                "facts.dot.net": ["10.77.4.2", "10.77.4.1"],
            },
            id="several, by name",
        ),
        pytest.param(
            "20.10", "facts-int1", {"facts-int": ["10.77.3.2", "10.77.3.1"]}, id="internal, 20.10"
        ),
        pytest.param("29.1", "facts-int1", {"facts-int": ["10.77.3.2"]}, id="internal: no gateway"),
        pytest.param("29.1", "facts-stopped", {"facts-net": []}, id="stopped"),
        pytest.param(
            "podman-4.3.1", "pdef", {"podman": ["10.88.0.7", "10.88.0.1"]}, id="Podman's default"
        ),
    ],
)
def test_addresses_and_gateways(engine: str, name: str, expected: dict[str, list[str]]) -> None:
    assert on_networks(listed(engine)[name]) == expected
    assert on_networks(inspected(engine)[name]) == expected


@pytest.mark.parametrize(
    "engine, name, aliases, dns_names",
    [
        pytest.param(
            "20.10", "facts-u1", ("web", "api", "7a4b358c2c7f"), None, id="short id in it"
        ),
        pytest.param(
            "20.10",
            "facts-u2",
            ("db", "DBCaps", "3d8999883c11", "u2host.example.org"),
            None,
            id="host name in it",
        ),
        pytest.param(
            "26.1",
            "facts-u1",
            ("web", "api"),
            ("facts-u1", "web", "api", "980958f4b55f"),
            id="DNS names since 25",
        ),
        pytest.param(
            "29.1",
            "facts-u1",
            ("web", "api"),
            ("facts-u1", "web", "api", "05af3f59c085"),
            id="aliases as given since 26",
        ),
        pytest.param("29.1", "facts-app", (), None, id="null on the default bridge"),
        pytest.param("podman-4.3.1", "pdb", ("db", "8ea5f0982e38"), None, id="Podman 4"),
        pytest.param("podman-5.4.2", "pdb", ("db", "add77c8044ee"), None, id="Podman 5"),
    ],
)
def test_aliases_and_dns_names(
    engine: str, name: str, aliases: tuple[str, ...], dns_names: tuple[str, ...] | None
) -> None:
    (attachment,) = inspected(engine)[name].networks
    assert (attachment.aliases, attachment.dns_names) == (aliases, dns_names)


@pytest.mark.parametrize("engine", FACTS)
def test_a_listing_knows_neither_names_nor_links(engine: str) -> None:
    for container in listed(engine).values():
        assert container.links is None
        assert container.hostname is None
        assert {(a.aliases, a.dns_names) for a in container.networks} <= {(None, None)}


@pytest.mark.parametrize(
    "engine, scenario, name, links",
    [
        pytest.param(
            "20.10",
            "facts",
            "facts-app",
            [
                "facts-udpfirst:Udp_First",
                "facts-db:db-main.v1",
                "facts-noports:facts-noports",
                "facts-mix:mix",
                "facts-two:two",
            ],
            id="of the default bridge",
        ),
        pytest.param(
            "29.1",
            "facts",
            "facts-u1",
            ["facts-u2:CamelAlias", "facts-u2:database"],
            id="of a user-defined network",
        ),
        pytest.param(
            "29.1",
            "compose",
            "factsproj-web-2",
            [
                "factsproj-db-1:database",
                "factsproj-db-1:db-2",
                "facts-u2:ext",
                "factsproj-db-1:factsproj-db-2",
            ],
            id="of Compose, external ones too",
        ),
        pytest.param("29.1", "facts", "facts-db", [], id="none"),
    ],
)
def test_links(engine: str, scenario: str, name: str, links: list[str]) -> None:
    found = inspected(engine, scenario)[name].links
    assert found is not None
    assert [str(link) for link in found] == links
    assert {link.recipient for link in found} <= {name}


def test_labels_tell_the_compose_service() -> None:
    replica = inspected("29.1", "compose")["factsproj-web-2"]
    assert (replica.project, replica.service, replica.number) == ("factsproj", "web", 2)


@pytest.mark.parametrize("engine", DOCKER)
def test_host_names(engine: str) -> None:
    assert inspected(engine)["facts-db"].hostname == "dbhost.example.org"


def told_by_both(container: Container) -> tuple[object, ...]:
    attachments = ((a.network, a.network_id, a.addresses, a.gateways) for a in container.networks)
    return (
        container.id,
        container.name,
        container.image,
        container.state,
        container.health,
        container.labels,
        container.created,
        *attachments,
    )


@pytest.mark.parametrize("engine", FACTS)
def test_listing_and_inspection_agree_where_both_tell(engine: str) -> None:
    detailed, known = inspected(engine), listed(engine)
    for name, container in detailed.items():
        # Podman lists what is another's as its own where they share a network namespace.
        own = known[name] if name != "pns" else evolve(known[name], networks=())
        assert told_by_both(container) == told_by_both(own)
        if engine in DOCKER:
            assert container.network_mode == known[name].network_mode
        if engine in DOCKER and (engine, name) != ("29.1", "facts-rt"):
            assert container.ports == known[name].ports
    assert len(detailed) >= 6


@pytest.mark.parametrize("engine", PODMANS)
def test_a_listing_of_podman_tells_a_part_of_the_ports(engine: str) -> None:
    """Of ``7000-7001/udp`` and ``6000`` the first port alone, and nothing."""
    known = listed(engine)["pweb"].ports.keys()
    assert inspected(engine)["pweb"].ports.keys() - known == {Port(6000), Port(7001, "udp")}


@pytest.mark.parametrize("engine", PODMANS)
def test_podman_s_wildcards_are_told_by_its_listing(engine: str) -> None:
    """Podman 5 says 0.0.0.0 in inspections; the rest of a range is like its first port."""
    (joined,) = with_details([listed(engine)["pweb"]], [inspected(engine)["pweb"]])
    bound = {str(port): [str(b.host_ip) for b in found] for port, found in joined.ports.items()}
    wild = {port: ["None"] for port in ("80/tcp", "5000/tcp", "7000/udp", "7001/udp")}
    assert bound == {**wild, "81/tcp": ["127.0.0.1"], "6000/tcp": []}


def test_a_wildcard_of_ipv4_that_was_asked_for_stays_one() -> None:
    known, detailed = listed("podman-5.4.2")["p6"], inspected("podman-5.4.2")["p6"]
    (joined,) = with_details([known], [detailed])
    found = [str(b.host_ip) for n in (80, 81, 82, 83) for b in joined.ports.bindings(n)]
    assert found == ["None", "0.0.0.0", "::", "::1"]


@pytest.mark.parametrize(
    "beside,follows",
    [
        pytest.param("0.0.0.0:7001->8001/tcp", False, id="another protocol"),
        pytest.param("0.0.0.0:7003->8001/udp", False, id="another host port"),
        pytest.param("127.0.0.1:7001->8001/udp", False, id="another address"),
        pytest.param("0.0.0.0:7001->8001/udp", True, id="the next of the range"),
        pytest.param("0.0.0.0:7001->8002/udp", False, id="another container port"),
    ],
)
def test_only_the_rest_of_a_range_is_like_its_first_port(beside: str, *, follows: bool) -> None:
    known = evolve(listed("podman-5.4.2")["pdb"], ports=PortMap.parse("*:7000->8000/udp"))
    read = PortMap.parse(f"0.0.0.0:7000->8000/udp, {beside}")
    (joined,) = with_details([known], [evolve(known, ports=read)])
    told = str(joined.ports).split(", ")
    assert (beside not in told, len(told)) == (follows, 2)


@pytest.mark.parametrize(
    "engine, name",
    [("podman-4.3.1", "pstop"), ("podman-4.3.1", "pweb2"), ("podman-5.4.2", "pstop")],
)
def test_podman_tells_ports_of_what_does_not_run_and_they_are_not_live(
    engine: str, name: str
) -> None:
    assert any(entry["Ports"] for entry in recorded(engine)["listing"] if name in entry["Names"][0])
    assert listed(engine)[name].ports == PortMap()


@pytest.mark.parametrize("engine", PODMANS)
def test_podman_tells_the_network_mode_in_an_inspection_alone(engine: str) -> None:
    assert {c.network_mode for c in listed(engine).values()} == {None}
    modes = {name: c.network_mode for name, c in inspected(engine).items()}
    owner = inspected(engine)["pweb"].id
    assert modes["phost"] == "host"
    assert modes["pns"] == f"container:{owner}"


@pytest.mark.parametrize(
    "name, network",
    [
        pytest.param("pweb", "facts-pnet", id="a network of its own"),
        pytest.param("pdef", "bridge", id="the default one, under another name"),
    ],
)
@pytest.mark.parametrize("engine", PODMANS)
def test_podman_s_attachments_lead_to_networks(engine: str, name: str, network: str) -> None:
    """Podman 4 has names where ids should be."""
    known = networks(engine)
    for containers in (listed(engine), inspected(engine)):
        joined = {c.name: c for c in with_network_ids(containers.values(), known.values())}
        (attachment,) = joined[name].networks
        assert attachment.network_id == known[network].id
        assert evolve(attachment, network_id="") == evolve(
            containers[name].networks[0], network_id=""
        )


def test_podman_s_own_account_has_what_its_docker_api_leaves_out() -> None:
    reply = recorded("podman-5.4.2")
    own = parse_networks(docker_networks(reply["own_networks"], reply["version"])).values
    assert {n.name: (n.isolate, n.interface) for n in own} == {
        "bridge": ("false", "podman0"),
        "facts-pnet": ("true", "podman2"),
        "facts-p6": ("true", "podman3"),
    }
    compat = networks("podman-5.4.2").values()
    assert {(n.id, n.name, n.subnets, n.gateways) for n in own} == {
        (n.id, n.name, n.subnets, n.gateways) for n in compat
    }
    assert {n.isolate for n in compat} == {"false", None}


@pytest.mark.parametrize("engine", DOCKER)
def test_ids_of_networks_stay_as_they_are(engine: str) -> None:
    containers = tuple(listed(engine).values())
    joined = with_network_ids(containers, networks(engine).values())
    assert joined == containers
    running = [c for c in zip(containers, joined, strict=True) if c[0].running]
    assert all(before is after for before, after in running)


def test_a_network_that_nobody_knows_keeps_what_it_has() -> None:
    containers = tuple(listed("podman-4.3.1").values())
    assert with_network_ids(containers, ()) == containers


@pytest.mark.parametrize(
    "engine, name, expected",
    [
        pytest.param(
            "20.10",
            "bridge",
            {"subnets": ["172.17.0.0/16"], "gateways": [], "interface": "docker0"},
            id="the default bridge of 20.10 tells no gateway",
        ),
        pytest.param(
            "29.1",
            "bridge",
            {"subnets": ["172.17.0.0/16"], "gateways": ["172.17.0.1"], "interface": "docker0"},
            id="the default bridge",
        ),
        pytest.param(
            "20.10",
            "facts-net6",
            {
                "subnets": ["10.77.6.0/24", "fd00:facc::/64"],
                "gateways": [],
                "interface": "br-60398f783a5a",
            },
            id="dual stack",
        ),
        pytest.param(
            "29.1",
            "facts-net6",
            {
                "subnets": ["172.18.0.0/16", "fd84:a7b5:47d::/64"],
                "gateways": ["172.18.0.1", "fd84:a7b5:47d::1"],
                "interface": "br-818e9a531ca6",
            },
            id="dual stack, subnets of the engine's choice",
        ),
        pytest.param(
            "20.10", "host", {"subnets": [], "gateways": [], "interface": None}, id="host"
        ),
        pytest.param(
            "20.10",
            "ingress",
            {"subnets": ["10.0.0.0/24"], "gateways": ["10.0.0.1"], "interface": None},
            id="overlay",
        ),
    ],
)
def test_networks(engine: str, name: str, expected: dict[str, object]) -> None:
    network = networks(engine)[name]
    assert {
        "subnets": [str(subnet) for subnet in network.subnets],
        "gateways": [str(gateway) for gateway in network.gateways],
        "interface": network.interface,
    } == expected


@pytest.mark.parametrize("engine", DOCKER)
def test_what_networks_are_for(engine: str) -> None:
    known = networks(engine)
    assert [n.name for n in known.values() if n.is_default_bridge] == ["bridge"]
    assert [n.name for n in known.values() if n.internal] == ["facts-int"]
    assert (known["none"].driver, known["host"].driver) == ("null", "host")
    assert known["facts-net"].scope == "local"
    routed = {n.name: n.routed for n in known.values() if n.routed}
    assert routed == ({} if engine == "20.10" else {"facts-routed": (4,)})
    closed = [n.name for n in known.values() if not n.icc]
    assert closed == (["docker_gwbridge"] if engine == "20.10" else [])


def test_networks_of_a_swarm() -> None:
    known = networks("20.10", "swarm")
    scopes = {name: (n.driver, n.scope) for name, n in known.items()}
    assert scopes == {
        "docker_gwbridge": ("bridge", "local"),
        "ingress": ("overlay", "swarm"),
        "facts-ov": ("overlay", "swarm"),
    }


# What an engine says of itself

PODMAN = {"Version": "4.3.1", "ApiVersion": "1.41", "Components": [{"Name": "Podman Engine"}]}


@pytest.mark.parametrize(
    "version, info, host, expected",
    [
        pytest.param(
            recorded("20.10")["version"],
            recorded("20.10")["info"],
            None,
            EngineProfile(
                version="20.10.24+dfsg1",
                api_version="1.41",
                name="vm",
                system="Debian GNU/Linux 12 (bookworm)",
                oldest_api="1.12",
            ),
            id="20.10",
        ),
        pytest.param(
            recorded("29.1")["version"],
            {},
            "10.0.0.7",
            EngineProfile(
                version="29.1.3",
                api_version="1.52",
                oldest_api="1.44",
                host=ip_address("10.0.0.7"),
            ),
            id="29.1 at an address",
        ),
        pytest.param(
            PODMAN,
            None,
            "engine.example",
            EngineProfile(version="4.3.1", api_version="1.41", podman=True, host="engine.example"),
            id="Podman at a name",
        ),
        pytest.param(
            {},
            {"SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"]},
            "::1",
            EngineProfile(rootless=True, host=IPv6Address("::1")),
            id="rootless, at an IPv6 address",
        ),
        pytest.param(
            {},
            {"OperatingSystem": "Docker Desktop 4.40", "SecurityOptions": ["name=rootlesskit"]},
            "fe80::1%eth0",
            EngineProfile(system="Docker Desktop 4.40", host="fe80::1%eth0"),
            id="Desktop, at an address with a scope",
        ),
        pytest.param(
            {"Version": 29, "ApiVersion": None, "Components": [None, "Podman Engine", {"Name": 5}]},
            {"Name": [], "OperatingSystem": {}, "SecurityOptions": [5, None, ["name=rootless"]]},
            "",
            EngineProfile(),
            id="values of other types",
        ),
        pytest.param(
            {},
            {"FirewallBackend": {"Driver": "nftables"}, "Swarm": [], "IPv4Forwarding": "yes"},
            None,
            EngineProfile(firewall="nftables"),
            id="a firewall by name",
        ),
        pytest.param([], "info", None, EngineProfile(), id="no objects"),
    ],
)
def test_profiles(version: object, info: object, host: str | None, expected: EngineProfile) -> None:
    assert parse_profile(version, info, host) == expected


def test_details_take_the_place_of_what_was_listed() -> None:
    known, detailed = listed("29.1"), inspected("29.1")
    joined = {c.name: c for c in with_details(known.values(), detailed.values())}
    assert list(joined) == list(known)
    assert joined["facts-u3"] is known["facts-u3"]  # of it there is no inspection
    assert joined["facts-db"].linked_as == (("facts-app", "db-main.v1"),)
    assert evolve(joined["facts-db"], linked_as=()) == detailed["facts-db"]


# What no engine should answer


@pytest.mark.parametrize("parse", PARSERS.values(), ids=PARSERS)
@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(None, id="null"),
        pytest.param({}, id="object"),
        pytest.param("[]", id="text"),
        pytest.param(5, id="number"),
        pytest.param((), id="tuple"),
    ],
)
def test_a_reply_that_is_no_list_is_refused(parse: Any, reply: object) -> None:
    kind = type(reply).__name__
    with pytest.raises(FormatError, match=rf"'{kind}': expected a list"):
        parse(reply)


@pytest.mark.parametrize("parse", PARSERS.values(), ids=PARSERS)
def test_entries_without_an_id_are_left_out_and_named(parse: Any) -> None:
    reading = parse([{"Id": ID}, {}, None, {"Id": 5}, {"Id": ""}, "x"], "somewhere")
    assert [value.id for value in reading.values] == [ID]
    assert reading.diagnostics == tuple(
        Diagnostic("somewhere", f"entry {number}", "an entry without an id was left out")
        for number in (1, 2, 3, 4, 5)
    )


def list_one(**entry: object) -> Reading[Container]:
    return parse_listing([{"Id": ID, "State": "running", **entry}])


def inspect_one(**entry: object) -> Reading[Container]:
    return parse_inspections([{"Id": ID, "State": {"Status": "running"}, **entry}])


def reasons(reading: Reading[Any]) -> list[str]:
    assert {(d.source, d.subject) for d in reading.diagnostics} <= {("engine", ID[:12])}
    return [d.reason for d in reading.diagnostics]


FORM = "it is not of the expected form"
NUMBER = "a port is a number from 1 to 65535"
PROTOCOL = "the protocol must be tcp, udp or sctp"
ADDRESS = "expected an IPv4 or IPv6 address"


@pytest.mark.parametrize(
    "entry, ports, odd",
    [
        pytest.param({"PrivatePort": 80, "Type": "tcp"}, "80/tcp", [], id="exposed up to 28"),
        pytest.param({"IP": "", "PrivatePort": 80, "Type": "tcp"}, "80/tcp", [], id="since 29"),
        pytest.param({"PrivatePort": 80}, "80/tcp", [], id="no protocol is tcp"),
        pytest.param({"PrivatePort": 53, "Type": "UDP"}, "53/udp", [], id="upper case"),
        pytest.param(
            {"IP": "10.0.0.7/24", "PrivatePort": 1, "PublicPort": 2},
            "10.0.0.7:2->1/tcp",
            [],
            id="an address with a prefix length",
        ),
        pytest.param(
            {"IP": "0.0.0.0", "PrivatePort": 80}, "0.0.0.0:0->80/tcp", [], id="routed on 28"
        ),
        pytest.param({"PrivatePort": 80, "PublicPort": 0}, "80/tcp", [], id="no host port"),
        pytest.param({"PrivatePort": 0, "Type": "tcp"}, "", [NUMBER], id="0, of a range key"),
        pytest.param({"PrivatePort": 80, "Type": "ftp"}, "", [PROTOCOL], id="no protocol"),
        pytest.param({"PrivatePort": 65536}, "", [FORM], id="too high"),
        pytest.param({"PrivatePort": 10**5000}, "", [FORM], id="far too high"),
        pytest.param({"PrivatePort": -1}, "", [FORM], id="negative"),
        pytest.param({"PrivatePort": True}, "", [FORM], id="true is no number"),
        pytest.param({"PrivatePort": 80.0}, "", [FORM], id="nor is a fraction"),
        pytest.param({"PrivatePort": "80"}, "", [FORM], id="nor a text"),
        pytest.param({}, "", [FORM], id="no container port"),
        pytest.param(None, "", [FORM], id="null"),
        pytest.param("80/tcp", "", [FORM], id="text"),
        pytest.param({"PrivatePort": 80, "Type": ["tcp"]}, "", [FORM], id="a list of protocols"),
        pytest.param({"PrivatePort": 80, "Type": 6}, "", [FORM], id="a protocol's number"),
        pytest.param({"PrivatePort": 80, "PublicPort": "8080"}, "", [FORM], id="text for a port"),
        pytest.param({"PrivatePort": 80, "PublicPort": True}, "", [FORM], id="true for a port"),
        pytest.param({"PrivatePort": 80, "PublicPort": 70000}, "", [FORM], id="host port too high"),
        pytest.param({"PrivatePort": 80, "IP": 5}, "", [FORM], id="a number for an address"),
        pytest.param({"PrivatePort": 80, "IP": ["::"]}, "", [FORM], id="a list of addresses"),
        pytest.param(
            {"PrivatePort": 80, "IP": "localhost", "PublicPort": 1}, "", [ADDRESS], id="a name"
        ),
    ],
)
def test_ports_of_a_listing(entry: object, ports: str, odd: list[str]) -> None:
    # The same numbers as numbers first: what was read before must not matter.
    list_one(Ports=[{"PrivatePort": 1, "PublicPort": 1}, {"PrivatePort": 80, "PublicPort": 1}])
    reading = list_one(Ports=[entry, {"PrivatePort": 9}])
    shown = str(reading.values[0].ports)
    assert sorted(shown.split(", ")) == sorted(filter(None, ["9/tcp", *ports.split(", ")]))
    assert reasons(reading) == [f"a port left out: {reason}" for reason in odd]


PORT, BINDING = "a port left out", "a host binding left out"


@pytest.mark.parametrize(
    "told, ports, odd",
    [
        pytest.param({"80/tcp": None}, "80/tcp", [], id="null: exposed"),
        pytest.param({"80/tcp": []}, "80/tcp", [], id="empty: exposed, in old data"),
        pytest.param({"80/TCP": None, "80": None}, "80/tcp", [], id="one port in two spellings"),
        pytest.param({"7000-7002/udp": {}}, "7000-7002/udp", [], id="a range key, up to 28"),
        pytest.param({"7000-7001": None}, "7000-7001/tcp", [], id="a range key without protocol"),
        pytest.param(
            {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": ""}]},
            "0.0.0.0:0->80/tcp",
            [],
            id="routed",
        ),
        pytest.param(
            {"80/tcp": [{"HostIp": "", "HostPort": "0"}]}, "*:0->80/tcp", [], id="0 is no port"
        ),
        pytest.param(
            {"80/tcp": [{"HostIp": "::", "HostPort": "1"}, {"HostIp": "0.0.0.0", "HostPort": "2"}]},
            "0.0.0.0:2->80/tcp, [::]:1->80/tcp",
            [],
            id="in order",
        ),
        pytest.param({"no/tcp": None}, "", [f"{PORT}: {NUMBER}"], id="no number"),
        pytest.param({"0/tcp": None}, "", [f"{PORT}: {NUMBER}"], id="zero"),
        pytest.param({"80/icmp": None}, "", [f"{PORT}: {PROTOCOL}"], id="no protocol"),
        pytest.param(
            {"9-7/tcp": None},
            "",
            [f"{PORT}: the last port of a range must not be lower than the first"],
            id="a range backwards",
        ),
        pytest.param(
            {"80/tcp": [{"HostIp": "x", "HostPort": "1"}]},
            "80/tcp",
            [f"{BINDING}: {ADDRESS}"],
            id="no address",
        ),
        pytest.param(
            {"80/tcp": [{"HostIp": "::", "HostPort": "99999"}, None, "x", 5]},
            "80/tcp",
            [f"{BINDING}: {NUMBER}", *[f"{BINDING}: {FORM}"] * 3],
            id="no bindings at all",
        ),
        pytest.param(
            {"80/tcp": [{"HostIp": "::", "HostPort": 80}, {"HostIp": 4, "HostPort": "80"}]},
            "80/tcp",
            [f"{BINDING}: {FORM}"] * 2,
            id="values of other types",
        ),
        pytest.param({"80/tcp": "8080"}, "80/tcp", [], id="a text for a list"),
        pytest.param(["80/tcp"], "", [], id="a list for an object"),
    ],
)
def test_ports_of_an_inspection(told: object, ports: str, odd: list[str]) -> None:
    reading = inspect_one(NetworkSettings={"Ports": told})
    assert str(reading.values[0].ports) == ports
    assert reasons(reading) == odd


@pytest.mark.parametrize(
    "state, live",
    [
        *((state, True) for state in ("running", "paused", "restarting", "removing", "", "odd")),
        *((state, False) for state in ("created", "exited", "dead")),
        *((state, False) for state in ("configured", "initialized", "stopped")),  # Podman's
    ],
)
def test_only_what_may_run_has_live_ports(state: str, *, live: bool) -> None:
    of_listing = list_one(State=state.title(), Ports=[{"PrivatePort": 80}])
    ports = {"Ports": {"80/tcp": None}}
    of_inspection = inspect_one(State={"Status": state.upper()}, NetworkSettings=ports)
    for reading in (of_listing, of_inspection):
        (container,) = reading.values
        assert container.state == state
        assert container.ports == (PortMap({Port(80): ()}) if live else PortMap())


@pytest.mark.parametrize(
    "config, asked, ports, odd",
    [
        pytest.param({}, {"80/tcp": [{"HostPort": "0"}]}, "*:*->80/tcp", [], id="0: any free one"),
        pytest.param({}, {"80/tcp": [{"HostPort": ""}]}, "*:*->80/tcp", [], id="empty: the same"),
        pytest.param({}, {"80/tcp": [{}]}, "*:*->80/tcp", [], id="nothing: the same"),
        pytest.param({"80/tcp": {}}, {"80/tcp": None}, "80/tcp", [], id="Podman's null"),
        pytest.param(
            {"80/tcp": {}, "81/tcp": {}},
            {"80/tcp": [{"HostIp": "::1", "HostPort": "8080-8090"}]},
            "81/tcp, [::1]:8080-8090->80/tcp",
            [],
            id="a range",
        ),
        pytest.param(
            {},
            {"80/tcp": [{"HostPort": "9-8"}]},
            "80/tcp",
            [f"{BINDING}: the last port of a range must not be lower than the first"],
            id="a range backwards",
        ),
    ],
)
def test_requested_ports(config: object, asked: object, ports: str, odd: list[str]) -> None:
    reading = inspect_one(Config={"ExposedPorts": config}, HostConfig={"PortBindings": asked})
    assert str(reading.values[0].requested_ports) == ports
    assert reasons(reading) == odd


@pytest.mark.parametrize(
    "names, name, linked_as",
    [
        pytest.param([], "", (), id="none, of a dead container"),
        pytest.param(None, "", (), id="null"),
        pytest.param(["web"], "web", (), id="without a slash"),
        pytest.param(["/a/b"], "", (("a", "b"),), id="a link alone"),
        pytest.param(["/z/y", "/a/b", "/web"], "web", (("a", "b"), ("z", "y")), id="links sorted"),
        pytest.param([5, None, ["/x"], "/web"], "web", (), id="values of other types"),
        pytest.param(["/a/b/c", "/web"], "web", (), id="too deep"),
        pytest.param(["/\x1b[31mred\n"], "\x1b[31mred\n", (), id="control characters"),
    ],
)
def test_names(names: object, name: str, linked_as: tuple[tuple[str, str], ...]) -> None:
    reading = list_one(Names=names)
    (container,) = reading.values
    assert (container.name, container.linked_as) == (name, linked_as)
    assert reasons(reading) == []


def test_an_odd_container_is_named_by_its_id_with_control_characters_escaped() -> None:
    reading = parse_listing([{"Id": "\x1b[31m\nweb", "Ports": [None]}])
    (diagnostic,) = reading.diagnostics
    assert str(diagnostic) == f"engine: \\x1b[31m\\nweb: a port left out: {FORM}"


LINK = "expected a container's name and, after a colon, an alias, as in web:dedoimedo"


@pytest.mark.parametrize(
    "links, expected, odd",
    [
        pytest.param(None, [], [], id="null"),
        pytest.param("/a:/web/b", [], [], id="a text for a list"),
        pytest.param([5, None, {}, "/a:/web/b"], ["a:b"], [], id="values of other types"),
        pytest.param(["/a:/web/b", "/a:/web/b"], ["a:b"], [], id="twice"),
        pytest.param(["/c:/web/b", "/a:/web/b"], ["a:b", "c:b"], [], id="one alias for two"),
        pytest.param(
            ["a:b:c"],
            [],
            [
                f"a link left out: a link has one colon at most; {LINK}",
            ],
            id="no link",
        ),
    ],
)
def test_odd_links(links: object, expected: list[str], odd: list[str]) -> None:
    reading = inspect_one(Name="/web", HostConfig={"Links": links})
    found = reading.values[0].links
    assert found is not None
    assert [str(link) for link in found] == expected
    assert reasons(reading) == odd


@pytest.mark.parametrize(
    "links, networks, labels, expected",
    [
        pytest.param(["/a:/web/b"], {}, {}, ["a:b [] legacy link"], id="a legacy link"),
        pytest.param([], {"n": ["a:b"]}, {}, ["a:b [n] network link"], id="on a network"),
        pytest.param(
            ["/a:/web/b", "a:c"],
            {"n": ["a:b", "a:c"], "m": ["a:b"]},
            {"com.docker.compose.project": "shop"},
            ["a:b [m n] network link, compose", "a:c [n] network link, compose"],
            id="in both places, by Compose",
        ),
        pytest.param(
            ["/a:/web/b"],
            {},
            {"com.docker.compose.project": "shop"},
            ["a:b [] legacy link, compose"],
            id="by Compose on the default bridge",
        ),
    ],
)
def test_a_link_tells_where_it_was_given(
    links: list[str], networks: dict[str, list[str]], labels: object, expected: list[str]
) -> None:
    entry = {
        "Name": "/web",
        "HostConfig": {"Links": links},
        "NetworkSettings": {"Networks": {name: {"Links": some} for name, some in networks.items()}},
        "Config": {"Labels": labels},
    }
    found = inspect_one(**entry).values[0].links or ()
    assert [f"{k} [{' '.join(k.networks)}] {', '.join(k.provenances)}" for k in found] == expected


@pytest.mark.parametrize(
    "reply, expected",
    [
        (None, {}),
        ({"Config": None}, {}),
        ({"Config": {"Env": None}}, {}),
        (
            {"Config": {"Env": ["A=1", "B=", "C", "D=x=y", "E=two\nlines", 5, "A=2"]}},
            {"A": "2", "B": "", "D": "x=y", "E": "two\nlines"},
        ),
    ],
)
def test_an_environment(reply: object, expected: dict[str, str]) -> None:
    found = parse_environ(reply)
    assert found == expected
    assert "lines" not in repr(found)


def test_links_that_differ_by_the_recipient_alone_have_an_order() -> None:
    networks = {"a": {"Links": ["/db:/one/db", "/db:/two/db"]}, "b": {"Links": ["/db:/two/db"]}}
    found = inspect_one(NetworkSettings={"Networks": networks}).values[0].links
    assert found is not None
    assert [link.recipient for link in found] == ["one", "two"]


@pytest.mark.parametrize(
    "attachment, addresses, gateways, odd",
    [
        pytest.param(None, [], [], [], id="null"),
        pytest.param("x", [], [], [], id="text"),
        pytest.param({"IPAddress": 5, "Gateway": ["1.1.1.1"]}, [], [], [], id="other types"),
        pytest.param(
            {"IPAddress": "10.0.0.2/24", "GlobalIPv6Address": "fd00::2/64"},
            ["10.0.0.2", "fd00::2"],
            [],
            [],
            id="prefix lengths",
        ),
        pytest.param(
            {"IPAddress": "fd00::2", "GlobalIPv6Address": "10.0.0.2"},
            ["10.0.0.2", "fd00::2"],
            [],
            [],
            id="the wrong way round",
        ),
        pytest.param(
            {"IPAddress": "invalid IP", "Gateway": "10.0.0.1"},
            [],
            ["10.0.0.1"],
            [f"an address left out: {ADDRESS}"],
            id="no address",
        ),
        pytest.param(
            {"GlobalIPv6Address": "fe80::1%eth0"},
            [],
            [],
            ["an address left out: expected an IPv6 address without a scope"],
            id="a scope",
        ),
    ],
)
def test_odd_attachments(
    attachment: object, addresses: list[str], gateways: list[str], odd: list[str]
) -> None:
    for read in (list_one, inspect_one):
        reading = read(NetworkSettings={"Networks": {"net": attachment}})
        (found,) = reading.values[0].networks
        assert [str(address) for address in found.addresses] == addresses
        assert [str(gateway) for gateway in found.gateways] == gateways
        assert reasons(reading) == odd


def test_attachments_come_by_name_whatever_the_order_of_the_reply() -> None:
    names = ["zoo", "ant", "bee"]
    reading = list_one(NetworkSettings={"Networks": {name: {} for name in names}})
    assert [a.network for a in reading.values[0].networks] == sorted(names)


@pytest.mark.parametrize("odd", [None, [], "x", 5, {"Networks": []}], ids=repr)
def test_network_settings_of_another_type_hold_no_attachments(odd: object) -> None:
    assert list_one(NetworkSettings=odd).values[0].networks == ()


@pytest.mark.parametrize(
    "created, expected",
    [
        pytest.param(0, datetime(1970, 1, 1, tzinfo=UTC), id="seconds"),
        pytest.param(10**18, None, id="too many seconds"),
        pytest.param(True, None, id="true is no number"),
        pytest.param(1.5, None, id="nor is a fraction"),
        pytest.param(None, None, id="null"),
        pytest.param(
            "2026-11-23T15:34:20.123456789Z",
            datetime(2026, 11, 23, 15, 34, 20, tzinfo=UTC),
            id="text with nanoseconds",
        ),
        pytest.param(
            "2026-11-23T16:34:20+01:00",
            datetime(2026, 11, 23, 15, 34, 20, tzinfo=UTC),
            id="text in another time zone",
        ),
        pytest.param(
            "2026-11-23T15:34:20", datetime(2026, 11, 23, 15, 34, 20, tzinfo=UTC), id="no time zone"
        ),
        pytest.param("0001-01-01T00:00:00+14:00", None, id="before all time"),
        pytest.param("yesterday", None, id="no moment"),
        pytest.param("", None, id="empty"),
    ],
)
def test_when_it_was_made(created: object, expected: datetime | None) -> None:
    assert list_one(Created=created).values[0].created == expected
    assert inspect_one(Created=created).values[0].created == expected


@pytest.mark.parametrize(
    "status, health",
    [
        ("Up 5 seconds (healthy)", "healthy"),
        ("Up 5 seconds (health: starting)", "starting"),
        ("Up 4 seconds (Paused)", None),
        ("", None),
        (None, None),
    ],
)
def test_a_listing_tells_health_in_its_status(status: object, health: str | None) -> None:
    assert list_one(Status=status).values[0].health == health


@pytest.mark.parametrize("told, health", [("none", None), ("", None), (5, None), ("odd", "odd")])
def test_an_inspection_tells_health_in_its_state(told: object, health: str | None) -> None:
    assert inspect_one(State={"Health": {"Status": told}}).values[0].health == health


def test_labels_that_are_no_texts_are_left_out() -> None:
    labels = {"a": "1", "b": 2, "c": None, "d": ["x"]}
    assert dict(list_one(Labels=labels).values[0].labels) == {"a": "1"}
    assert dict(inspect_one(Config={"Labels": labels}).values[0].labels) == {"a": "1"}


BRIDGE = "com.docker.network.bridge."


@pytest.mark.parametrize(
    "entry, field, expected",
    [
        pytest.param({"Internal": "true"}, "internal", False, id="internal is no text"),
        pytest.param({"Options": {f"{BRIDGE}enable_icc": "0"}}, "icc", False, id="icc 0"),
        pytest.param({"Options": {f"{BRIDGE}enable_icc": "False"}}, "icc", False, id="icc False"),
        pytest.param({"Options": {f"{BRIDGE}enable_icc": "true"}}, "icc", True, id="icc true"),
        pytest.param({"Options": {f"{BRIDGE}enable_icc": False}}, "icc", True, id="icc no text"),
        pytest.param({"Options": [1]}, "icc", True, id="options no object"),
        pytest.param({}, "masquerade", True, id="masquerade by default"),
        pytest.param(
            {"Options": {f"{BRIDGE}enable_ip_masquerade": "false"}},
            "masquerade",
            False,
            id="no masquerade",
        ),
        pytest.param(
            {
                "Options": {
                    f"{BRIDGE}gateway_mode_ipv4": "nat",
                    f"{BRIDGE}gateway_mode_ipv6": "routed",
                }
            },
            "routed",
            (6,),
            id="routed",
        ),
        pytest.param({"Driver": "bridge"}, "interface", f"br-{ID[:12]}", id="interface by id"),
        pytest.param({"Driver": "macvlan"}, "interface", None, id="no bridge"),
        pytest.param(
            {"Driver": "bridge", "Options": {f"{BRIDGE}name": "br0"}},
            "interface",
            "br0",
            id="named",
        ),
        pytest.param({"Scope": 5}, "scope", "local", id="no scope"),
        pytest.param({"IPAM": None}, "subnets", (), id="no IPAM"),
        pytest.param({"IPAM": {"Config": None}}, "subnets", (), id="no configuration"),
    ],
)
def test_fields_of_a_network(entry: dict[str, Any], field: str, expected: object) -> None:
    reading = parse_networks([{"Id": ID, **entry}])
    assert getattr(reading.values[0], field) == expected
    assert reading.diagnostics == ()


def test_odd_subnets_and_gateways_are_left_out_and_named() -> None:
    configs = [
        {"Subnet": "fd00::/64", "Gateway": "fd00::1/64"},
        {"Subnet": "10.0.0.0/33"},
        None,
        {"Subnet": "10.0.0.9/24", "Gateway": "nowhere"},
    ]
    reading = parse_networks([{"Id": ID, "Name": "net", "IPAM": {"Config": configs}}])
    (network,) = reading.values
    assert [str(s) for s in network.subnets] == ["10.0.0.0/24", "fd00::/64"]
    assert [str(g) for g in network.gateways] == ["fd00::1"]
    subnet = "a subnet left out: expected a subnet such as 172.17.0.0/16"
    assert reasons(reading) == [subnet, subnet, f"an address left out: {ADDRESS}"]


def test_two_networks_of_one_name_are_two_networks() -> None:
    # Names were not unique before Engine 25.
    reading = parse_networks([{"Id": "a" * 64, "Name": "net"}, {"Id": "b" * 64, "Name": "net"}])
    assert [(n.id[0], n.name) for n in reading.values] == [("a", "net"), ("b", "net")]


def test_routed_bindings_of_the_wildcard_are_not_dialled() -> None:
    (binding,) = list_one(Ports=[{"IP": "0.0.0.0", "PrivatePort": 80}]).values[0].ports[Port(80)]
    assert binding == HostBinding(ip_address("0.0.0.0"), None)


# Whatever stands in a reply, what comes back are values and diagnostics

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
TELLING = st.sampled_from(
    [
        "",
        "0",
        "80",
        "80/tcp",
        "1-3",
        "::",
        "::1",
        "10.0.0.1/8",
        "1.2.3.4%x",
        "/a:/b/c",
        "a:b:c",
        "/",
    ]
)


def paths(node: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each node of a document."""
    yield path
    named = node if isinstance(node, dict) else {}
    numbered = dict(enumerate(node)) if isinstance(node, list) else {}
    for key, child in (named | numbered).items():
        yield from paths(child, (*path, key))


def replaced(document: object, path: tuple[Any, ...], value: object) -> object:
    """The document with another value at that place, if it still has that place."""
    if not path:
        return value
    changed: Any = copy.copy(document)
    try:
        changed[path[0]] = replaced(changed[path[0]], path[1:], value)
    except (LookupError, TypeError):
        return document  # another change has taken the place away
    return changed


def one_of(kind: str, *names: str) -> list[Any]:
    found = [
        entry
        for engine in ("20.10", "29.1", *PODMANS)
        for entry in recorded(engine)[kind]
        if str(entry.get("Name") or entry["Names"]).strip("/").endswith(names)
    ]
    assert found
    return [[entry] for entry in found]


REPLIES = {
    "listing": one_of("listing", "facts-db']", "facts-u1']", "pweb']"),
    "inspections": one_of("inspections", "facts-app", "facts-u1", "pweb"),
    "networks": one_of("networks", "facts-net6", "facts-routed", "facts-pnet"),
}


@st.composite
def damaged(draw: st.DrawFn, kind: str) -> object:
    """A real reply, some nodes of which are anything."""
    reply: object = draw(st.sampled_from(REPLIES[kind]))
    places = st.sampled_from(list(paths(reply)))
    for place in draw(st.lists(places, min_size=1, max_size=3)):
        reply = replaced(reply, place, draw(JSON | TELLING))
    return reply


def check(kind: str, reply: object) -> None:
    parse, before = PARSERS[kind], repr(reply)
    if not isinstance(reply, list):
        with pytest.raises(FormatError):
            parse(reply)
        return
    reading, again = parse(reply), parse(reply)
    assert len(reading.values) + len(reading.diagnostics) >= len(reply)
    assert (hash(reading.values), repr(again)) == (hash(again.values), repr(reading))
    assert [str(found) for found in (*reading.values, *reading.diagnostics)] or not reply
    assert repr(reply) == before


@given(damaged("listing"))
def test_a_damaged_listing_is_read_as_far_as_it_goes(reply: object) -> None:
    check("listing", reply)


@given(damaged("inspections"))
def test_a_damaged_inspection_is_read_as_far_as_it_goes(reply: object) -> None:
    check("inspections", reply)


@given(damaged("networks"))
def test_a_damaged_network_is_read_as_far_as_it_goes(reply: object) -> None:
    check("networks", reply)


@given(st.sampled_from(list(PARSERS)), JSON)
def test_anything_is_read_or_refused(kind: str, reply: object) -> None:
    check(kind, reply)


@given(JSON, JSON, st.none() | st.text())
def test_anything_has_a_profile(version: object, info: object, host: str | None) -> None:
    profile = parse_profile(version, info, host)
    assert isinstance(profile.major, int)
    assert profile.podman in (True, False)


def _network(config: dict[str, str], **options: str) -> Network:
    reply = {"Id": "f" * 64, "Name": "n", "Driver": "bridge", "IPAM": {"Config": [config]}}
    named = {f"com.docker.network.bridge.{key}": value for key, value in options.items()}
    (network,) = parse_networks([{**reply, "Options": named}]).values
    return network


@pytest.mark.parametrize(
    "config,address",
    [
        ({"Subnet": "10.66.0.0/16", "Gateway": "10.66.0.9"}, "10.66.0.9"),
        ({"Subnet": "10.66.0.0/16"}, "10.66.0.1"),
        ({"Subnet": "10.66.0.0/16", "IPRange": ""}, "10.66.0.1"),
        ({"Subnet": "10.66.0.0/16", "IPRange": "10.66.128.0/24"}, "10.66.128.0"),
        ({"Subnet": "10.66.0.0/16", "IPRange": "10.66.0.0/24"}, "10.66.0.1"),
        ({"Subnet": "10.66.0.0/16", "IPRange": "10.66.128.0/24", "Gateway": "10.66.0.7"}, "10.66.0.7"),
        ({"Subnet": "10.66.0.0/16", "IPRange": "rubbish"}, "10.66.0.1"),
    ],
)  # fmt: skip
def test_the_host_s_address_is_the_gateway_or_the_first_of_the_range(
    config: dict[str, str], address: str
) -> None:
    assert str(_network(config).host_address(4)) == address


def test_a_network_with_an_isolated_gateway_has_no_host_address() -> None:
    network = _network({"Subnet": "10.66.0.0/16"}, gateway_mode_ipv4="isolated")
    assert (network.isolated, network.host_address(4)) == ((4,), None)
