"""Checks of the firewall and of the way outside, on values."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
from attrs import evolve
from builders import (
    LOOPBACK,
    NETWORKS,
    ROUTED,
    WILD,
    bridge,
    container,
    inside,
    inventory,
    network,
    on_host,
)
from examinations import codes, dialled, endpoint, examination, listeners, only
from firewalls import firewall

from dockernet import Interface, Network, Port, Route
from dockernet.doctor import Code, fixes, kernel, outside, packets, rules, table
from dockernet.doctor.examined import Examined, OutsideWorld
from dockernet.firewall import PlacedRule, Rule
from dockernet.formats.iptables import parse_iptables
from dockernet.model.firewalls import Backend, Family, Firewall, Table
from dockernet.model.mappings import FrozenMap
from dockernet.model.places import Dialled, LookUp, Outcome, Place
from dockernet.model.publications import publications

WEB = container("web", {"app": 2}, WILD)
PUB = container("pub", {"other": 2}, "0.0.0.0:8080->80/tcp")
CLIENT = container("client", {"app": 3})
INSIDE = inside(container("both", {"app": 3, "other": 3}))
APP = NETWORKS["app"].interface
FILTERING = FrozenMap({"/proc/sys/net/bridge/bridge-nf-call-iptables": "1"})


def published(*lines: str, nat: tuple[str, ...] = ()) -> Firewall:
    """The firewall of a few lines, of both tables."""
    return Firewall(
        tables=(*firewall(*lines).tables, *firewall(":DOCKER - [0:0]", *nat, table="nat").tables)
    )


def host_only(known: Examined) -> Examined:
    """The examination of IPv4 alone, as the firewalls here are."""
    told = known.explanation
    assert told is not None
    four = tuple(e for e in told.endpoints if e.family == 4)
    return evolve(known, explanation=evolve(told, endpoints=four))


# What is sent.


def test_the_host_sends_it_by_itself() -> None:
    known = examination(WEB, target="web:80")
    sent = packets.sent_by(known, known.endpoints[0])
    assert sent is not None
    assert (sent.packet.in_interface, sent.packet.port, sent.network) == ("", 8080, None)


def test_a_container_sends_it_by_its_bridge() -> None:
    known = examination(PUB, target="pub:80", caller=CLIENT)
    [way] = known.endpoints
    sent = packets.sent_by(known, way)
    assert sent is not None
    assert (sent.packet.in_interface, str(sent.packet.source)) == (APP, "10.7.0.3")
    assert sent.network == NETWORKS["app"]


def test_what_meets_no_firewall_is_not_followed() -> None:
    name = evolve(endpoint("10.7.0.2"), host="engine.example")
    assert packets.sent_by(examination(WEB, target="web:80"), name) is None
    same = examination(WEB, target="web:80", caller=WEB)
    assert packets.sent_by(same, same.endpoints[0]) is None
    near = examination(WEB, target="web:80", caller=CLIENT)
    assert packets.sent_by(near, near.endpoints[0]) is None
    filtered = evolve(near, switches=FILTERING)
    assert packets.sent_by(filtered, near.endpoints[0]) is not None
    apart = examination(WEB, target="web:80", caller=container("mac", {"lan": 2}))
    assert packets.sent_by(apart, endpoint("10.7.0.2")) is None
    elsewhere = evolve(near, standing=None)
    assert packets.sent_by(elsewhere, endpoint("10.7.0.2")) is None


def test_the_way_out_is_by_a_network_that_leads_out() -> None:
    inner = container("inner", {"inner": 2, "other": 3})
    known = examination(WEB, target="web:80", caller=inner)
    way = packets.way_out(known, inner, 4)
    assert way is not None
    assert (str(way[0]), way[1].name) == ("10.8.0.3", "other")
    named = packets.way_out(known, inner, 4, "inner")
    assert named is not None
    assert named[1].name == "inner"
    four = evolve(
        inner, networks=tuple(evolve(n, addresses=n.addresses[:1]) for n in inner.networks)
    )
    assert packets.way_out(known, four, 6) is None


def test_the_way_out_is_that_of_the_default_route() -> None:
    """Of several networks that lead out; a rule for another one does not meet the packet."""
    both = container("both", {"app": 3, "other": 3})
    for name in ("app", "other"):
        gateways = NETWORKS[name].gateways
        known = examination(
            WEB, target="web:80", caller=both, vantage=evolve(INSIDE, gateways=gateways)
        )
        way = packets.way_out(known, both, 4)
        assert way is not None
        assert way[1].name == name


# What becomes of it.

INPUT = f"-A INPUT -i {APP} -j REJECT --reject-with icmp-host-prohibited"


def test_a_host_that_lets_containers_not_in() -> None:
    """The fix opens the port that was dialled, for the network and the family."""
    known = host_only(examination(PUB, target="pub:80", caller=CLIENT, firewall=firewall(INPUT)))
    found = only(rules.blocked, dialled(known, Outcome.NO_ROUTE))
    assert found.code is Code.HOST_REJECTS_CONTAINERS
    assert found.evidence[0].where == "ip filter INPUT 1"
    assert found.fix.command == "dockernet forward apply app host --port 8080 -4"
    assert codes(rules.blocked, dialled(known, Outcome.ANSWERED)) == []
    dark = evolve(known, firewall=None)
    assert codes(rules.blocked, dark) == codes(rules.blocked, evolve(known, machine=None)) == []


@pytest.mark.parametrize(
    "lines, code, fix",
    [
        (
            ["-A OUTPUT -d 10.7.0.2/32 -p tcp -m tcp --dport 80 -j DROP"],
            "dropped-by-rule",
            "iptables-legacy -t filter -D OUTPUT -d 10.7.0.2/32 -p tcp -m tcp --dport 80 -j DROP",
        ),
        (
            ['-A OUTPUT -d 10.7.0.0/16 -m comment --comment "a; \\"b\\"" -j REJECT'],
            "rejected-by-rule",
            (
                "iptables-legacy -t filter -D OUTPUT -d 10.7.0.0/16"
                " -m comment --comment 'a; \"b\"' -j REJECT"
            ),
        ),
        (["-A OUTPUT -j REJECT"], "rejected-by-rule", ""),
        ([":OUTPUT DROP [0:0]"], "blocked-by-policy", ""),
        (["-A OUTPUT -j ACCEPT"], None, ""),
    ],
    ids=["dropped", "rejected", "rejected as all else", "policy", "accepted"],
)
def test_a_rule_that_stands_in_the_way(lines: list[str], code: str | None, fix: str) -> None:
    known = host_only(examination(WEB, target="web:80", firewall=firewall(*lines)))
    found = {f.fix.command for f in rules.blocked(known)}
    assert set(codes(rules.blocked, known)) == ({code} if code else set())
    assert found == ({fix} if code else set())


def test_what_is_for_all_packets_is_not_taken_away_for_one() -> None:
    """A firewall that closes with such a rule would let everybody in."""
    known = host_only(examination(WEB, target="web:80", firewall=firewall("-A OUTPUT -j DROP")))
    closed = evolve(known, firewall=firewall(":OUTPUT DROP [0:0]"))
    for found in (*rules.blocked(known), *rules.blocked(closed)):
        assert (found.fix.commands, found.fix.change.partition(":")[0]) == (
            (),
            "accept these packets before it",
        )
    away = examination(WEB, target="web:80", caller=PUB, firewall=firewall(":FORWARD DROP [0:0]"))
    routed = evolve(endpoint("10.7.0.2"), route=Route.ROUTED)
    sent = packets.sent_by(away, routed)
    assert sent is not None
    told = packets.judged(away, sent)
    assert told is not None
    assert (told.code, "restart the engine" in told.fix.change) == (Code.BLOCKED_BY_POLICY, True)


@pytest.mark.parametrize(
    "chain, command",
    [
        ("DOCKER-ISOLATION-STAGE-2", ""),
        ("DOCKER", ""),
        ("DOCKER-USER", "iptables-legacy -t filter -D DOCKER-USER -d 10.7.0.0/16 -j DROP"),
        ("KUBE-FIREWALL", "iptables-legacy -t filter -D KUBE-FIREWALL -d 10.7.0.0/16 -j DROP"),
    ],
)
def test_a_rule_by_which_the_engine_keeps_networks_apart_is_left(chain: str, command: str) -> None:
    lines = (f":{chain} - [0:0]", f"-A OUTPUT -j {chain}", f"-A {chain} -d 10.7.0.0/16 -j DROP")
    known = examination(WEB, target="10.7.0.2:80", firewall=firewall(*lines))
    direct = evolve(endpoint("10.7.0.2"), route=Route.DIRECT)
    sent = packets.sent_by(known, direct)
    assert sent is not None
    told = packets.judged(known, sent)
    assert told is not None
    assert (told.code, told.fix.command) == (Code.DROPPED_BY_RULE, command)
    assert command or "connect both to one network" in told.fix.change


def test_where_a_rule_is_not_understood_only_a_lost_packet_is_its_fault() -> None:
    lines = ("-A OUTPUT -m strange --odd -j ACCEPT", "-A OUTPUT -j DROP")
    known = host_only(examination(WEB, target="web:80", firewall=firewall(*lines)))
    assert codes(rules.blocked, known) == []
    lost = dialled(known, Outcome.TIMED_OUT)
    assert set(codes(rules.blocked, lost)) == {"dropped-by-rule"}


@pytest.mark.parametrize(
    "outcome, found",
    [
        (Outcome.TIMED_OUT, {"drop", "reject"}),
        (Outcome.REFUSED, {"reject"}),
        (Outcome.CLOSED, set()),
    ],
)
def test_what_was_answered_was_not_dropped(outcome: Outcome, found: set[str]) -> None:
    """A rule that can not have done it is not blamed, whatever it seems to be for."""
    for done in ("DROP", "REJECT"):
        rule = f"-A OUTPUT -d 10.0.0.0/8 -j {done}"
        known = host_only(examination(WEB, target="web:80", firewall=firewall(rule)))
        told = codes(rules.blocked, dialled(known, outcome))
        assert bool(told) == (done.lower() in found)


def test_a_way_that_nobody_misses_is_worth_knowing_alone() -> None:
    """A better endpoint of the peer and the family answers."""
    near = container("near", {"app": 2}, WILD)
    known = host_only(examination(near, target="near:80", caller=CLIENT, firewall=firewall(INPUT)))
    assert known.explanation is not None
    assert [e.route for e in known.endpoints] == [Route.SHARED_NETWORK, Route.GATEWAY]
    spare = dialled(known, Outcome.ANSWERED, Outcome.TIMED_OUT)
    told = table.report(spare)
    assert (told.wrong, [f.code for f in told.notices]) == ((), [Code.ANOTHER_WAY_CLOSED])
    assert told.notices[0].evidence[1].where == "ip filter INPUT 1"
    assert told.notices[0].fix.command == "dockernet forward apply app host --port 8080 -4"
    dark = only(rules.other_ways, evolve(spare, firewall=None))
    assert (len(dark.evidence), dark.fix.change) == (1, "dial the better one")
    gone = only(rules.other_ways, evolve(spare, standing=None))
    assert gone.fix == dark.fix
    replicas = [endpoint("10.7.0.2"), endpoint("10.7.0.4")]  # as a name server tells them
    told_by_dns = evolve(known, explanation=evolve(known.explanation, endpoints=tuple(replicas)))
    half = dialled(told_by_dns, Outcome.ANSWERED, Outcome.REFUSED)
    assert codes(rules.other_ways, half) == []
    assert [f.code for f in table.report(half).wrong] == [Code.REFUSED]
    better = dialled(known, Outcome.TIMED_OUT, Outcome.ANSWERED)
    assert codes(rules.other_ways, better) == []
    assert Code.TIMED_OUT in {f.code for f in table.report(better).wrong}


# Every published port.


def everything(known: Firewall, *containers: Any, **facts: Any) -> Examined:
    found = examination(*containers, firewall=known, **facts)
    return evolve(found, published=publications(containers))


def test_a_published_port_without_its_rules() -> None:
    known = everything(published(CHAIN), PUB)
    found = only(rules.missing, known)
    assert "its DNAT rule and ACCEPT rule for IPv4 is missing" in found.observed
    assert found.fix.command == "docker restart pub"
    asked = examination(PUB, target="pub:81", firewall=published(CHAIN))
    assert codes(rules.missing, evolve(asked, published=known.published)) == []
    desk = everything(published(CHAIN), PUB, whole=inventory(PUB, rootless=True))
    assert codes(rules.missing, desk) == codes(rules.stale, desk) == []


SIX = container("six", {"other": 2}, "[::]:8080->80/tcp")
KEEPS_SIX = Firewall(tables=parse_iptables("*filter\n:DOCKER - [0:0]\nCOMMIT\n", "ip6").tables)


def test_ipv6_rules_are_told_apart() -> None:
    found = only(rules.missing, everything(KEEPS_SIX, SIX))
    assert found.evidence[0].where == "ip6 DOCKER"


def test_an_engine_that_keeps_no_rules_misses_none() -> None:
    """Such as one with ``ip6tables`` off; a userland proxy takes what comes."""
    without = everything(published(), SIX)
    assert codes(rules.missing, without) == []
    assert codes(rules.missing, evolve(without, proxied=True)) == []
    assert codes(rules.missing, evolve(without, proxied=False)) == ["missing-rule"]
    assert codes(rules.missing, everything(KEEPS_SIX, PUB)) == []


def test_nobody_comes_from_outside_by_a_family_that_the_host_has_not() -> None:
    closed = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:DOCKER - [0:0]\nCOMMIT\n"
    alone = container("alone", {"bridge": 2}, "[::]:8080->80/tcp")
    four = tuple(evolve(a, addresses=a.addresses[:1]) for a in alone.networks)
    known = everything(
        Firewall(tables=parse_iptables(closed, "ip6").tables), evolve(alone, networks=four)
    )
    assert codes(rules.on_the_way, known) == ["blocked-by-policy"]
    eth = Interface(name="eth0", addresses=(ip_address("192.0.2.7"),))
    other = evolve(known.machine or MACHINE, interfaces=(eth,))
    assert codes(rules.on_the_way, evolve(known, machine=other)) == []


CHAIN = ":DOCKER - [0:0]"
NAT = (
    "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
    "-A DOCKER -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.8.0.2:80",
)
ACCEPT = "-A DOCKER -d 10.8.0.2/32 -p tcp -m tcp --dport 80 -j ACCEPT"


def test_what_comes_from_outside_is_dropped_on_the_way() -> None:
    lines = (CHAIN, "-A FORWARD -d 10.8.0.2/32 -j DROP", "-A FORWARD -j DOCKER", ACCEPT)
    known = everything(published(*lines, nat=NAT), PUB)
    assert codes(rules.missing, known) == []
    found = only(rules.on_the_way, known)
    assert (found.code, "from outside" in found.observed) == (Code.DROPPED_BY_RULE, True)
    assert found.subject == "pub:80/tcp at 0.0.0.0:8080"
    assert codes(rules.on_the_way, evolve(known, standing=None)) == []
    well = everything(published(CHAIN, "-A FORWARD -j DOCKER", ACCEPT, nat=NAT), PUB)
    assert codes(rules.on_the_way, well) == []


def open_six() -> tuple[Table, ...]:
    return parse_iptables("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n", "ip6").tables


CLOSED = (
    "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\nCOMMIT\n",
    "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j REJECT\nCOMMIT\n",
)


@pytest.mark.parametrize("closed", CLOSED, ids=["policy", "last rule"])
def test_a_host_that_is_closed_is_well(closed: str) -> None:
    """Nobody has asked to be let in; to what is published, one family is enough."""
    lines = (CHAIN, "-A FORWARD -j DOCKER", ACCEPT)
    alone = evolve(
        PUB,
        networks=tuple(evolve(a, addresses=a.addresses[:1]) for a in PUB.networks),
        ports=container("pub", ports=WILD).ports,
    )
    six = parse_iptables(closed, "ip6").tables
    four = published(*lines, nat=NAT)
    open_four = evolve(four, tables=(*four.tables, *six))
    known = everything(open_four, alone, CLIENT)
    assert codes(rules.on_the_way, known) == codes(rules.from_containers, known) == []
    gone = published(":FORWARD DROP [0:0]", CHAIN, ACCEPT, nat=NAT)
    lost = evolve(known, firewall=evolve(gone, tables=(*gone.tables, *open_six())))
    assert codes(rules.on_the_way, lost) == ["blocked-by-policy"]
    shut = evolve(four, tables=(*parse_iptables(closed).tables, *six))
    assert set(codes(rules.on_the_way, evolve(known, firewall=shut))) == {
        "blocked-by-policy" if "DROP" in closed else "rejected-by-rule"
    }


def test_a_rule_of_nobody() -> None:
    known = everything(published(CHAIN, ACCEPT, nat=NAT))
    found = [finding.fix.command for finding in rules.stale(known)]
    assert found == [
        "iptables-legacy -t filter -D DOCKER -d 10.8.0.2/32 -p tcp -m tcp --dport 80 -j ACCEPT",
        "iptables-legacy -t nat -D DOCKER -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.8.0.2:80",
    ]
    aimed = evolve(known, target=examination(PUB, target="pub:80").target)
    assert codes(rules.stale, aimed) == codes(rules.from_containers, aimed) == []


def test_a_rule_of_another_engine_is_not_stale() -> None:
    """It leads to a bridge of the host that is none of this engine's."""
    foreign = network("foreign", 8, interface="br-foreign")
    there = on_host(*(n for n in NETWORKS.values() if n.is_bridge and n.name != "other"), foreign)
    whole = inventory(networks=[NETWORKS["app"]])
    rule = "-A DOCKER -d 10.8.0.2/32 -p tcp -m tcp --dport 80"
    known = everything(published(CHAIN, f"{rule} -j ACCEPT", nat=NAT), whole=whole, machine=there)
    assert codes(rules.stale, known) == []
    nowhere = evolve(known, machine=on_host(NETWORKS["app"]))
    assert codes(rules.stale, nowhere) == ["stale-rule"] * 2
    here = "-A DOCKER -p tcp -m tcp --dport 9 -j REDIRECT --to-ports 80"
    assert codes(rules.stale, everything(published(nat=(here,)), whole=whole)) == ["stale-rule"]
    assert isinstance(bridge(foreign), Interface)


def test_without_a_target_each_network_is_tried_against_the_ports() -> None:
    routed = container("routed", {"open": 2}, ROUTED)
    low = container("low", {"other": 3}, LOOPBACK)
    known = everything(firewall(INPUT), PUB, routed, low, CLIENT)
    unused = everything(firewall(INPUT), PUB, evolve(CLIENT, state="exited"))
    assert codes(rules.from_containers, unused) == []
    found = only(rules.from_containers, known)
    assert found.fix.command == "dockernet forward apply app host --port 8080 -4"
    assert found.subject == "10.7.0.1:8080"
    more = container("more", {"other": 4}, "0.0.0.0:8081->80/udp, 0.0.0.0:8082->80/tcp")
    every = only(rules.from_containers, everything(firewall(INPUT), PUB, more, CLIENT))
    assert every.observed.endswith("by ip filter INPUT 1, and so are 2 ports more")
    opened = "--port 8080 --port 8081/udp --port 8082"
    assert every.fix.command == f"dockernet forward apply app host {opened} -4"
    forwarded = published(f"-A FORWARD -i {APP} -j DROP", nat=NAT)
    dropped = only(rules.from_containers, everything(forwarded, PUB, CLIENT))
    assert (dropped.code, dropped.fix.command) == (
        Code.DROPPED_BY_RULE,
        f"iptables-legacy -t filter -D FORWARD -i {APP} -j DROP",
    )
    tiny = network("tiny", 20, subnets=(), gateways=())
    tiny = evolve(tiny, subnets=(NETWORKS["app"].subnets[0].__class__("10.7.0.0/31"),))
    isolated = network("isolated", 21, isolated=(4, 6))
    there = evolve(
        CLIENT,
        networks=tuple(evolve(CLIENT.networks[0], network_id=n.id) for n in (tiny, isolated)),
    )
    whole = inventory(PUB, there, networks=[tiny, isolated, NETWORKS["inner"]])
    assert codes(rules.from_containers, everything(firewall(INPUT), PUB, whole=whole)) == []


def test_a_network_with_ipv6_is_tried_by_it() -> None:
    six = container("six", {"other": 2}, "[::]:8080->80/udp")
    saved = parse_iptables(
        f"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -i {APP} -j DROP\nCOMMIT\n", "ip6"
    )
    found = only(rules.from_containers, everything(Firewall(tables=saved.tables), six, CLIENT))
    assert found.subject == "[fd07::1]:8080"
    assert found.fix.command == "dockernet forward apply app host --port 8080/udp -6"


# Fixes.


def placed(
    text: str, family: Family = "ip", backend: Backend = "iptables-nft", position: int | None = 3
) -> PlacedRule:
    return PlacedRule(
        table="filter",
        family=family,
        backend=backend,
        chain="DOCKER-USER",
        position=position,
        rule=Rule(text=text),
    )


@pytest.mark.parametrize(
    "rule, command",
    [
        (placed("-j DROP"), "iptables -t filter -D DOCKER-USER -j DROP"),
        (placed("-j DROP", "ip6"), "ip6tables -t filter -D DOCKER-USER -j DROP"),
        (
            placed("-j DROP", backend="iptables-legacy"),
            "iptables-legacy -t filter -D DOCKER-USER -j DROP",
        ),
        (placed('--comment "\x1b[2J" -j DROP'), "iptables -t filter -D DOCKER-USER 3"),
        (placed('--comment "no end'), "iptables -t filter -D DOCKER-USER 3"),
        (placed(""), "iptables -t filter -D DOCKER-USER 3"),
        (placed("-j DROP", "inet"), ""),
        (placed("-j DROP", backend="nftables"), ""),
        (placed("-j DROP", position=None), ""),
    ],
    ids=["IPv4", "IPv6", "legacy", "unprintable", "odd", "empty", "inet", "nft", "policy"],
)
def test_a_rule_is_deleted_by_its_words(rule: PlacedRule, command: str) -> None:
    fix = fixes.delete_rule(rule)
    assert (fix.command, bool(command) or "nft -a list" in fix.change) == (command, True)


def test_a_network_s_name_that_is_none_makes_no_command() -> None:
    evil = evolve(NETWORKS["app"], name="-x; y")
    fix = fixes.let_in(evil, "host", [Port(80)], 4)
    assert (fix.commands, fix.change) == ((), "let these packets through")


# The outside.

FAR = "198.51.100.7"
OUT = Place(interfaces=(Interface(name="eth0", subnets=NETWORKS["app"].subnets),), leads_out=(4, 6))
MASQUERADE = f"-A POSTROUTING -s 10.7.0.0/16 ! -o {APP} -j MASQUERADE"
MACHINE = on_host(gateways=(ip_address("192.0.2.254"),))


def world(
    outcome: Outcome | None = Outcome.TIMED_OUT, at: str = FAR, *told: LookUp
) -> OutsideWorld:
    dialled = () if outcome is None else (Dialled(endpoint(at, 443), outcome),)
    return OutsideWorld(host=at, port=443, look_ups=told, dialled=dialled)


def away(caller: Any = CLIENT, *lines: str, **facts: Any) -> Examined:
    told = {"outside": world(), "place": OUT, "machine": MACHINE, **facts}
    return examination(caller=caller, firewall=published(nat=lines), **told)


OUTSIDE = [check for check in table.CHECKS if check.__module__ == outside.__name__]


def test_what_is_reached_has_nothing_wrong() -> None:
    known = away(outside=world(Outcome.ANSWERED))
    assert [code for check in OUTSIDE for code in codes(check, known)] == []
    assert str(world(at="fd00::1")) == "[fd00::1]:443"
    assert f"{FAR}:443 was dialled, and answers" in table.report(known).notes


def test_what_is_not_reached_is_told_as_it_was_dialled() -> None:
    found = only(outside.dialled, away())
    assert (found.code, found.subject) == (Code.TIMED_OUT, f"{FAR}:443")


@pytest.mark.parametrize(
    "told, code",
    [
        (LookUp(name="x", server=ip_address("127.0.0.11"), code="NXDOMAIN"), "name-not-found"),
        (LookUp(name="x", server=ip_address("127.0.0.11"), code="SERVFAIL"), "upstream-dns-dead"),
        (LookUp(name="x", server=ip_address("127.0.0.11")), "upstream-dns-dead"),
        (LookUp(name="x", word="no name server is configured"), "upstream-dns-dead"),
    ],
    ids=["no such name", "an error", "silence", "nobody to ask"],
)
def test_a_name_that_is_not_found(told: LookUp, code: str) -> None:
    known = away(outside=world(None, "registry.example", told))
    assert codes(outside.name_servers, known) == [code]
    assert codes(outside.name_servers, away()) == []


def test_a_place_without_a_default_route() -> None:
    """The engine writes it anew, unless no network of the caller's leads out."""
    dark = evolve(OUT, leads_out=())
    found = only(outside.route, away(place=dark))
    assert (found.code, found.fix.command) == (Code.NO_DEFAULT_ROUTE, "docker restart client")
    inner = container("inner", {"inner": 2})
    joined = only(outside.route, away(inner, place=dark))
    assert joined.fix.command == "docker network connect bridge inner"
    here = examination(outside=world(), place=dark)
    assert only(outside.route, here).fix.change == "connect it to a network that is not internal"
    near = away(place=dark, outside=world(at="10.7.0.9"))
    assert codes(outside.route, near) == codes(outside.route, away()) == []
    nameless = away(place=dark, outside=world(None))
    assert codes(outside.route, nameless) == ["no-default-route"]
    assert codes(outside.route, away(place=None)) == []


def test_a_family_that_leads_nowhere_is_no_cause_for_the_other() -> None:
    both = evolve(
        world(), dialled=(*world().dialled, *world(Outcome.UNREACHABLE, "2001:db8:f::7").dialled)
    )
    four = evolve(OUT, leads_out=(4,))
    known = away(outside=both, place=four)
    assert codes(outside.dialled, known) == ["timed-out"]
    assert codes(outside.route, known) == []
    dark = away(outside=both, place=evolve(OUT, leads_out=()))
    assert codes(outside.dialled, dark) == ["timed-out", "network-unreachable"]
    assert codes(outside.route, dark) == ["no-default-route"] * 2
    assert codes(outside.dialled, away(outside=both, place=None)) == codes(outside.dialled, dark)


def test_what_goes_to_the_host_itself_needs_no_other_source() -> None:
    assert codes(outside.masquerade, away(outside=world(at="192.0.2.7"))) == []


def test_a_rule_for_other_packets_is_no_cause() -> None:
    """Found where everything is examined, beside a dial outside that times out."""
    known = evolve(away(), firewall=firewall(INPUT), published=publications([PUB]))
    every = evolve(known, inventory=inventory(PUB, CLIENT))
    told = {f.code: f for f in table.report(every).findings}
    assert Code.HOST_REJECTS_CONTAINERS in told
    assert Code.HOST_REJECTS_CONTAINERS not in told[Code.TIMED_OUT].causes
    refused = world(Outcome.REFUSED)
    lonely = evolve(every, peers=(PUB,), listening=(listeners(PUB),), outside=refused)
    told = {f.code: f for f in table.report(lonely).findings}
    assert Code.NOTHING_LISTENS in told
    assert told[Code.REFUSED].causes == ()
    dropped = evolve(away(), firewall=firewall(f"-A FORWARD -i {APP} -j DROP"))
    [lost] = [f for f in table.report(dropped).findings if f.code is Code.TIMED_OUT]
    assert lost.causes[0] is Code.DROPPED_BY_RULE


def test_a_caller_on_internal_networks_alone() -> None:
    inner = container("inner", {"inner": 2})
    found = only(outside.internal, away(inner))
    assert found.fix.command == "docker network connect bridge inner"
    assert codes(outside.internal, away()) == []
    assert codes(outside.internal, away(container("none"))) == []
    assert codes(outside.internal, examination(outside=world())) == []


def test_a_network_that_is_not_masqueraded() -> None:
    found = only(outside.masquerade, away())
    assert found.code is Code.NO_MASQUERADE
    assert found.fix.command == "dockernet forward apply app outside --port 443 -4"
    assert codes(outside.masquerade, away(CLIENT, MASQUERADE)) == []
    strange = "-A POSTROUTING -m strange --odd -j MASQUERADE"
    assert codes(outside.masquerade, away(CLIENT, strange)) == []
    assert codes(outside.masquerade, away(container("open", {"open": 2}))) == []
    assert codes(outside.masquerade, away(container("inner", {"inner": 2}))) == []
    assert codes(outside.masquerade, away(machine=None)) == []
    assert codes(outside.masquerade, away(outside=world(None))) == []


def test_a_rule_that_lets_nothing_out() -> None:
    known = evolve(away(), firewall=firewall(f"-A FORWARD -i {APP} -j DROP"))
    assert codes(outside.rules, known) == ["dropped-by-rule"]
    assert codes(outside.rules, away()) == []
    assert codes(outside.rules, evolve(away(), standing=None)) == []


def test_a_switch_that_is_not_there_filters_nothing() -> None:
    near = examination(WEB, target="web:80", caller=CLIENT, switches=FrozenMap[str, str]())
    assert packets.sent_by(near, near.endpoints[0]) is None
    assert codes(kernel.bridge_filter, near) == []
    assert isinstance(NETWORKS["app"], Network)
