"""Published ports against firewalls as engines have made them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from attrs import evolve
from firewalls import (
    GENERATIONS,
    MACHINE,
    firewall,
    interface,
    recorded_engine,
    recorded_firewall,
)

from dockernet import (
    Attachment,
    Container,
    EngineProfile,
    Inventory,
    PortMap,
    Vantage,
    Want,
)
from dockernet._journey import Verdict, outside_interface
from dockernet._published_rules import (
    FirewallReport,
    PublishedRules,
    firewall_report,
)
from dockernet.formats.iptables import parse_iptables
from dockernet.model.addresses import parse_address
from dockernet.model.firewalls import Effect, Firewall, PlacedRule
from dockernet.model.publications import publications


def report_of(generation: str, fw: Firewall | None = None) -> FirewallReport:
    engine = recorded_engine(generation)
    (inventory,) = engine.read(Want(None, engine.vantage))
    known = publications(engine.containers())
    return firewall_report(fw or recorded_firewall(generation), known, inventory, engine.vantage)


def places(rules: Iterable[PlacedRule]) -> list[str]:
    return [placed.where for placed in rules]


def named(report: FirewallReport, name: str, family: int = 4) -> PublishedRules:
    (found,) = (
        one
        for one in report.published
        if (str(one.publication.container), one.family) == (name, family)
        and one.publication.binding.families == (family,)
    )
    return found


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_published_port_has_its_rules_and_no_rule_is_left(generation: str) -> None:
    report = report_of(generation)
    assert len(report.published) == 8
    assert [one.missing for one in report.published] == [()] * 8
    assert report.stale == ()
    for one in report.published:
        assert one.journey.verdict is Verdict.ACCEPT
        assert one.proxied == (str(one.publication.container) == "way" and one.family == 6)
        assert one.user == ()


@pytest.mark.parametrize(
    "generation, dnat, accept, drop",
    [
        ("20.10", "ip nat DOCKER 6", "ip filter DOCKER 2", []),
        ("26.1", "ip nat DOCKER 6", "ip filter DOCKER 2", []),
        (
            "28.5",
            "ip nat DOCKER 6",
            "ip filter DOCKER 4",
            ["ip raw PREROUTING 2", "ip raw PREROUTING 3"],
        ),
    ],
)
def test_the_rules_of_a_port_on_loopback(
    generation: str, dnat: str, accept: str, drop: list[str]
) -> None:
    low = named(report_of(generation), "low")
    assert (places(low.dnat), places(low.accept), places(low.drop)) == ([dnat], [accept], drop)


def test_a_routed_port_is_accepted_and_sent_nowhere() -> None:
    way = named(report_of("28.5"), "way")
    assert (places(way.dnat), places(way.accept)) == ([], ["ip filter DOCKER 1"])
    assert str(way.journey.packet.destination) == "172.21.0.2"


def without(text: str, part: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if part not in line)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_rules_that_are_gone_are_missing_and_rules_of_nobody_stale(generation: str) -> None:
    whole = recorded_firewall(generation)
    spare = parse_iptables(
        "*nat\n-A DOCKER ! -i docker0 -p tcp -m tcp --dport 9 -j DNAT --to-destination 172.17.0.9:9\n"
        "*filter\n-A DOCKER -d 172.17.0.9/32 -p tcp -m tcp --dport 9 -j ACCEPT\n"
        "-A DOCKER -s 172.17.0.3/32 -d 172.17.0.9/32 -p tcp -m tcp --dport 9 -j ACCEPT\n"
        "-A OTHER -d 172.17.0.9/32 -p tcp -m tcp --dport 9 -j ACCEPT\n"
        "-A DOCKER -d 172.17.0.0/16 -p tcp -m tcp --dport 9 -j ACCEPT\n"
    )
    six = tuple(table for table in whole.tables if table.family == "ip6")
    report = report_of(generation, Firewall(tables=(*six, *spare.tables)))
    assert places(report.stale) == ["ip nat DOCKER 1", "ip filter DOCKER 1"]
    assert named(report, "web").missing == (Effect.DNAT, Effect.ACCEPT)
    assert named(report, "web", 6).missing == ()


CONTAINER = Container(
    id="c" * 64,
    name="web",
    networks=(
        Attachment(
            network="bridge", addresses=(parse_address("172.17.0.2"), parse_address("fd00::2"))
        ),
    ),
)


def one(ports: str, *lines: str, table: str = "filter", podman: bool = False) -> PublishedRules:
    container = evolve(CONTAINER, ports=PortMap.parse(ports))
    inventory = Inventory(source="engine", engine=EngineProfile(podman=podman))
    fw = firewall(*lines, table=table)
    (found,) = firewall_report(fw, publications([container]), inventory, MACHINE).published
    return found


def test_the_rules_of_the_administrator_that_it_may_meet_are_told() -> None:
    found = one(
        "0.0.0.0:8080->80/tcp",
        ":DOCKER-USER - [0:0]",
        "-A FORWARD -j DOCKER-USER",
        "-A DOCKER-USER -p udp -j DROP",
        "-A DOCKER-USER -s 10.0.0.0/8 -j DROP",
        "-A DOCKER-USER -m set --match-set bad src -j DROP",
        "-A DOCKER-USER -j RETURN",
    )
    assert places(found.user) == ["ip filter DOCKER-USER 2", "ip filter DOCKER-USER 3"]


@pytest.mark.parametrize(
    "rule, found",
    [
        ("-p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80", True),
        ("-p tcp -m tcp --dport 8000:8100 -j DNAT --to-destination 172.17.0.2", True),
        ("-p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:81", False),
        ("-p tcp -m tcp --dport 8081 -j DNAT --to-destination 172.17.0.2:80", False),
        ("-p udp -m udp --dport 8080 -j DNAT --to-destination 172.17.0.2:80", False),
        ("-m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80", False),
        ("-p tcp -j DNAT --to-destination 172.17.0.2:80", False),
        ("-d 192.0.2.1 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80", True),
        ("-d 192.0.2.2 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80", False),
    ],
)
def test_a_rule_that_sends_elsewhere_is_another_port_s(rule: str, found: bool) -> None:  # noqa: FBT001
    told = one("192.0.2.1:8080->80/tcp", f"-A PREROUTING {rule}", table="nat")
    assert bool(told.dnat) == found


@pytest.mark.parametrize(
    "rule, found",
    [
        ("-d 172.17.0.2 -j DROP", True),
        ("-d 172.17.0.2 -p tcp -m tcp --dport 80 -j DROP", True),
        ("-d 172.17.0.2 -p tcp -m tcp --dport 81 -j DROP", False),
        ("-d 127.0.0.1 ! -i lo -p tcp -m tcp --dport 8080 -j DROP", True),
        ("-d 127.0.0.1 ! -i lo -p tcp -m tcp --dport 81 -j DROP", False),
        ("-d 127.0.0.1 ! -i lo -j DROP", False),
        ("-d 127.0.0.0/8 -p tcp -m tcp --dport 8080 -j DROP", False),
        ("-j DROP", False),
    ],
)
def test_a_rule_that_drops_what_comes_another_way_is_told(rule: str, found: bool) -> None:  # noqa: FBT001
    told = one("127.0.0.1:8080->80/tcp", f"-A PREROUTING {rule}", table="raw")
    assert bool(told.drop) == found


def test_podman_accepts_for_whole_networks() -> None:
    assert one("0.0.0.0:8080->80/tcp", podman=True).expected == (Effect.DNAT,)


def test_no_rule_is_made_for_ipv6_loopback() -> None:
    assert one("[::1]:8080->80/tcp").proxied


def test_where_the_world_comes_in_is_by_the_gateway_or_the_one_other_interface() -> None:
    assert outside_interface(MACHINE, ["docker0"], 4) == "eth0"
    assert outside_interface(MACHINE, ["docker0"], 6) == "eth0"
    assert outside_interface(MACHINE, [], 4) == "eth0"
    bare = Vantage(interfaces=MACHINE.interfaces)
    assert outside_interface(bare, [], 4) is None
    two = Vantage(interfaces=(interface("a", "10.0.0.1/8"), interface("b", "10.1.0.1/16")))
    assert outside_interface(two, [], 4) is None
    lost = evolve(two, gateways=(parse_address("192.0.2.254"),))
    assert outside_interface(lost, ["a"], 4) == "b"


def test_a_port_on_every_family_is_looked_for_in_each() -> None:
    container = evolve(CONTAINER, ports=PortMap.parse("8080->80/tcp"))
    inventory = Inventory(source="engine", engine=EngineProfile())
    report = firewall_report(Firewall(), publications([container]), inventory, Vantage())
    assert [found.family for found in report.published] == [4, 6]
    assert {found.journey.verdict for found in report.published} == {Verdict.ACCEPT}


def test_a_rule_of_both_families_is_found_for_each() -> None:
    fw = recorded_firewall("29.1")
    both = Firewall(tables=tuple(evolve(t, family="inet") for t in fw.tables[:1]))
    container = evolve(CONTAINER, ports=PortMap.parse("0.0.0.0:8080->80/tcp"))
    (inventory,) = recorded_engine("28.5").read(Want(None, MACHINE))
    report = firewall_report(both, publications([container]), inventory, MACHINE)
    assert places(report.published[0].accept) == [
        "inet docker-bridges filter-forward-in__docker0 3"
    ]
    assert len(report.stale) == 2
    others = firewall_report(both, (), Inventory(source="engine", engine=EngineProfile()), MACHINE)
    assert others.stale == ()  # they lead to networks of another engine


def test_an_engine_that_keeps_no_rules_of_a_family_misses_none() -> None:
    """With ``ip6tables`` off, a userland proxy takes what comes by IPv6."""
    engine = recorded_engine("28.5")
    (inventory,) = engine.read(Want(None, engine.vantage))
    known = publications(engine.containers())
    every = firewall_report(Firewall(), known, inventory, engine.vantage).published
    assert {(found.missing, found.proxied) for found in every} == {((), True)}
    assert all(found.absent == found.expected for found in every)
    assert any(found.expected for found in every)
    empty = Firewall(tables=parse_iptables("*nat\n:DOCKER - [0:0]\nCOMMIT\n").tables)
    for found in firewall_report(empty, known, inventory, engine.vantage).published:
        lacks = bool(found.expected) and found.family == 4
        assert (bool(found.missing), found.proxied) == (lacks, not lacks)
