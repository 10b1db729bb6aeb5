"""A packet's way through a firewall: what decides, and what is not known."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import pytest
from attrs import evolve
from firewalls import GENERATIONS, MACHINE, firewall, interface, packet, recorded_engine
from firewalls import recorded_firewall as recorded
from hypothesis import example, given
from hypothesis import strategies as st

from dockernet import Vantage
from dockernet._journey import Journey, Verdict, journey, way_out
from dockernet.formats.iptables import parse_iptables
from dockernet.model.addresses import parse_address
from dockernet.model.firewalls import Chain, Effect, Firewall, Hook, Rule, Table


def told(fw: Firewall, to: str | None = "172.17.0.1", port: int = 80, **facts: Any) -> Journey:
    facts = {"in_interface": "docker0", **facts}
    return journey(fw, packet(to, port, **facts), MACHINE)


def where(found: Journey) -> str | None:
    return None if found.decisive is None else found.decisive.placed.where


def test_the_first_rule_that_is_for_it_decides() -> None:
    fw = firewall(
        "-A INPUT -p udp -j ACCEPT",
        "-A INPUT -i docker0 -j REJECT --reject-with icmp-host-prohibited",
        "-A INPUT -j ACCEPT",
    )
    found = told(fw)
    assert (found.verdict, where(found)) == (Verdict.REJECT, "ip filter INPUT 2")
    assert str(found) == "reject by ip filter INPUT 2"
    assert told(fw, in_interface="eth0").verdict is Verdict.ACCEPT


def test_the_policy_decides_where_no_rule_does() -> None:
    found = told(firewall(":INPUT DROP [3:4]"))
    assert (found.verdict, where(found)) == (Verdict.DROP, "ip filter INPUT policy")


def test_jumps_come_back_gotos_do_not_and_returns_leave() -> None:
    chains = (":a - [0:0]", ":b - [0:0]", "-A b -p udp -j DROP", "-A a -j RETURN", "-A a -j DROP")
    assert told(firewall(*chains, "-A INPUT -j a", "-A INPUT -j DROP")).verdict is Verdict.DROP
    assert told(firewall(*chains, "-A INPUT -j a")).verdict is Verdict.ACCEPT
    gone = firewall(*chains, "-A INPUT -g b", "-A INPUT -j DROP")
    assert told(gone).verdict is Verdict.ACCEPT
    assert [str(s) for s in told(gone).steps] == [
        "INPUT: ip filter INPUT 1: everything: go to b",
        "INPUT: ip filter INPUT policy: everything: accept",
    ]


def test_what_counts_or_logs_decides_nothing() -> None:
    found = told(firewall("-A INPUT -j LOG", "-A INPUT", "-A INPUT -j DROP"))
    assert (found.verdict, len(found.steps)) == (Verdict.DROP, 3)


@pytest.mark.parametrize(
    "lines, verdict, assumed",
    [
        (["-A INPUT -m set --match-set x src -j DROP"], Verdict.UNKNOWN, Verdict.ACCEPT),
        (["-A INPUT -m set --match-set x src -j ACCEPT"], Verdict.ACCEPT, Verdict.ACCEPT),
        (["-A INPUT -m limit --limit 5/min -j LOG"], Verdict.ACCEPT, Verdict.ACCEPT),
        (["-A INPUT -p udp -m set --match-set x src -j DROP"], Verdict.ACCEPT, Verdict.ACCEPT),
        (
            ["-A INPUT -m set --match-set x src -j DROP", "-A INPUT -j DROP"],
            Verdict.DROP,
            Verdict.DROP,
        ),
        (["-A INPUT -m set --match-set x src -j gone"], Verdict.UNKNOWN, Verdict.ACCEPT),
        (["-A INPUT -j gone"], Verdict.UNKNOWN, Verdict.UNKNOWN),
        (["-A INPUT -j NFQUEUE"], Verdict.UNKNOWN, Verdict.UNKNOWN),
        ([":INPUT QUEUE [0:0]"], Verdict.UNKNOWN, Verdict.UNKNOWN),
        (["-A INPUT nonsense"], Verdict.UNKNOWN, Verdict.ACCEPT),
        # What may have changed the packet is no longer known.
        (
            ["-A INPUT -j MARK --set-mark 1", "-A INPUT -m mark --mark 1 -j DROP"],
            Verdict.UNKNOWN,
            Verdict.ACCEPT,
        ),
        (
            [
                "-A INPUT -m set --match-set x src -j MARK --set-mark 1",
                "-A INPUT -m mark --mark 1 -j DROP",
            ],
            Verdict.UNKNOWN,
            Verdict.ACCEPT,
        ),
        (
            ["-A INPUT -j CT --notrack", "-A INPUT -m conntrack --ctstate NEW -j DROP"],
            Verdict.ACCEPT,
            Verdict.ACCEPT,
        ),
        (
            ["-A INPUT -j NOTRACK", "-A INPUT -m conntrack --ctstate UNTRACKED -j DROP"],
            Verdict.DROP,
            Verdict.DROP,
        ),
        (
            ["-A INPUT -m socket -j DROP"],
            Verdict.UNKNOWN,
            Verdict.ACCEPT,
        ),
        (
            ["-A INPUT -f -j CT --notrack", "-A INPUT -m conntrack --ctstate NEW -j DROP"],
            Verdict.UNKNOWN,
            Verdict.ACCEPT,
        ),
        ([":a - [0:0]", "-A a -j a", "-A INPUT -j a"], Verdict.UNKNOWN, Verdict.UNKNOWN),
    ],
)
def test_what_is_not_known_is_never_guessed(
    lines: list[str], verdict: Verdict, assumed: Verdict
) -> None:
    found = told(firewall(*lines))
    assert (found.verdict, found.assumed) == (verdict, assumed)


def test_chains_that_lead_to_others_twice_are_followed_so_far_and_no_further() -> None:
    names = [f"c{number}" for number in range(40)]
    twice = [f"-A {a} -j {b}" for a, b in pairwise(names) for _ in range(2)]
    fw = firewall(*(f":{name} - [0:0]" for name in names), *twice, "-A INPUT -j c0")
    assert told(fw).verdict is Verdict.UNKNOWN


def test_what_is_not_tracked_is_not_translated() -> None:
    """And where that is not known, it is not known whether it is."""
    redirect = nat("-A PREROUTING -j DNAT --to-destination 172.17.0.2:81").tables
    for how, to, verdict in (
        ("-j CT --notrack", "172.17.0.1", Verdict.ACCEPT),
        ("-f -j CT --notrack", "172.17.0.1", Verdict.UNKNOWN),
        ("-j CT --zone 1", "172.17.0.2", Verdict.ACCEPT),
    ):
        raw = firewall(":PREROUTING ACCEPT [0:0]", f"-A PREROUTING {how}", table="raw").tables
        found = told(Firewall(tables=(*raw, *redirect)))
        assert (str(found.arrived.destination), found.verdict) == (to, verdict)


@pytest.mark.parametrize("line", ["--ctorigdst 10.0.0.9", "--ctorigdstport 99", "--ctdir REPLY"])
def test_where_a_later_packet_was_sent_first_is_not_known(line: str) -> None:
    fw = firewall(f"-A INPUT -p tcp -m conntrack {line} -j DROP")
    assert told(fw).verdict is Verdict.ACCEPT
    assert told(fw, states=("ESTABLISHED",)).verdict is Verdict.UNKNOWN


def test_a_doubt_is_told() -> None:
    found = told(firewall("-A INPUT -m set --match-set x src -j DROP"))
    assert str(found) == "accept by ip filter INPUT policy, if not ip filter INPUT 1"
    assert [d.effect for d in found.doubts] == [Effect.DROP]


def test_what_could_not_be_read_may_drop() -> None:
    open_, closed = firewall(), firewall("-A INPUT -j DROP")
    assert told(evolve(open_, unread=("nftables",))).verdict is Verdict.UNKNOWN
    assert told(evolve(closed, unread=("nftables",))).verdict is Verdict.DROP


def nat(*lines: str) -> Firewall:
    return firewall(*lines, table="nat")


def test_a_packet_is_sent_elsewhere_once_and_forwarded() -> None:
    fw = Firewall(
        tables=(
            *nat(
                "-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80",
                "-A PREROUTING -j DNAT --to-destination 172.17.0.9",
                "-A POSTROUTING -j MASQUERADE",
            ).tables,
            *firewall(
                "-A FORWARD -o docker0 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT"
                " --ctorigdstport 8080 -j DROP"
            ).tables,
        )
    )
    found = told(fw, "192.0.2.1", 8080, in_interface="eth0")
    assert (found.verdict, where(found)) == (Verdict.DROP, "ip filter FORWARD 1")
    assert found.translated is not None
    assert found.translated.placed.where == "ip nat PREROUTING 1"
    assert (str(found.arrived.destination), found.arrived.port) == ("172.17.0.2", 80)
    assert found.packet.port == 8080
    later = told(fw, "192.0.2.1", 8080, in_interface="eth0", states=("ESTABLISHED",))
    assert (later.verdict, later.translated) == (Verdict.ACCEPT, None)


def test_what_the_host_sends_is_translated_once_and_comes_in_by_loopback() -> None:
    fw = Firewall(
        tables=(
            *nat(
                "-A OUTPUT -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 81",
                "-A PREROUTING -j DNAT --to-destination 172.17.0.9",
            ).tables,
            *firewall("-A INPUT -i lo -p tcp -m tcp --dport 81 -j DROP").tables,
        )
    )
    found = told(fw, "192.0.2.99", in_interface="")
    assert (found.verdict, where(found)) == (Verdict.DROP, "ip filter INPUT 1")
    assert told(fw, "192.0.2.99", 82, in_interface="").verdict is Verdict.ACCEPT
    assert told(fw, "127.0.0.1", 82, in_interface="").verdict is Verdict.ACCEPT
    kept = told(firewall("-A OUTPUT -o eth0 -j DROP"), "192.0.2.99", in_interface="")
    assert kept.verdict is Verdict.DROP


def test_another_source_is_no_obstacle() -> None:
    fw = nat("-A POSTROUTING -j MASQUERADE", "-A POSTROUTING -j gone")
    found = told(fw, "172.17.0.2", in_interface="eth0")
    assert (found.verdict, [step.effect for step in found.steps]) == (
        Verdict.ACCEPT,
        [Effect.SNAT],
    )


@pytest.mark.parametrize(
    "target",
    [
        "DNAT --to-destination 10.0.0.1-10.0.0.5",
        "REDIRECT --to-ports 80-90",
    ],
)
def test_one_of_several_destinations_is_not_known(target: str) -> None:
    assert told(nat(f"-A PREROUTING -j {target}")).verdict is Verdict.UNKNOWN


def test_a_port_alone_may_be_changed() -> None:
    found = told(nat("-A PREROUTING -j DNAT --to-destination :81"))
    assert (str(found.arrived.destination), found.arrived.port) == ("172.17.0.1", 81)
    assert (found.verdict, found.arrived.destination_type) == (Verdict.ACCEPT, "LOCAL")


def test_an_earlier_chain_that_drops_ends_the_way_of_all() -> None:
    drops = Chain(
        name="early",
        hook=Hook.INPUT,
        priority=-10,
        policy=Effect.ACCEPT,
        rules=(Rule(effect=Effect.DROP),),
    )
    early = Table(family="inet", name="mine", chains=(drops,), backend="nftables")
    fw = Firewall(tables=(*firewall("-A INPUT -j ACCEPT").tables, early))
    found = told(fw)
    assert (found.verdict, where(found)) == (Verdict.DROP, "inet mine early 1")
    assert told(fw, "2001:db8::1", in_interface="eth0").verdict is Verdict.DROP
    assert fw.has_chain("early", 6)
    assert not fw.has_chain("INPUT", 6)


def test_a_chain_without_a_policy_is_not_known() -> None:
    chain = Chain(name="odd", hook=Hook.INPUT)
    assert told(Firewall(tables=(Table(family="ip", name="x", chains=(chain,)),))).verdict is (
        Verdict.UNKNOWN
    )


def test_where_a_packet_goes_is_found_by_the_machine_s_interfaces() -> None:
    drop = firewall("-A FORWARD -j DROP")
    for local in ("172.17.0.1", "127.0.0.1", "172.17.255.255", "224.0.0.1"):
        assert told(drop, local).verdict is Verdict.ACCEPT, local
    for beyond in ("172.17.0.2", "192.0.2.9", "203.0.113.1", "10.9.9.9"):
        assert told(drop, beyond).verdict is Verdict.DROP, beyond


def test_without_a_machine_only_what_the_packet_says_is_known() -> None:
    fw = firewall("-A FORWARD -o docker0 -j DROP")
    nowhere = Vantage()
    assert journey(fw, packet("172.17.0.2"), nowhere).verdict is Verdict.UNKNOWN
    bound = packet("172.17.0.2", out_interface="docker0")
    assert journey(fw, bound, nowhere).verdict is Verdict.DROP
    local = packet("172.17.0.2", destination_type="LOCAL")
    assert journey(fw, local, nowhere).verdict is Verdict.ACCEPT
    unknown = packet(None, destination_type="UNICAST")
    assert journey(fw, unknown, nowhere).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "address, name",
    [
        ("172.17.0.2", "docker0"),
        ("192.0.2.9", "eth0"),
        ("203.0.113.1", "eth0"),
        ("2001:db8::9", "eth0"),
        ("2001:db9::1", None),
    ],
)
def test_the_narrowest_subnet_or_the_gateway_leads_out(address: str, name: str | None) -> None:
    assert way_out(parse_address(address), MACHINE) == name


def test_a_gateway_that_is_nowhere_leads_nowhere() -> None:
    lost = Vantage(
        interfaces=(interface("a", "10.0.0.1/8"), interface("b", "10.1.0.1/16")),
        gateways=(parse_address("192.0.2.254"),),
    )
    assert way_out(parse_address("203.0.113.1"), lost) is None
    assert way_out(parse_address("192.0.2.254"), lost) is None
    assert way_out(parse_address("10.1.0.9"), lost) == "b"


# What is told for sure holds whatever the doubtful rules do.

UNKNOWN_MATCHES = tuple(f"-m set --match-set s{number} src" for number in range(3))
MATCHES = st.sampled_from(
    [
        "",
        "-p tcp -m tcp --dport 80",
        "-p tcp -m tcp --dport 81",
        "-d 172.17.0.2/32",
        "-m mark --mark 0x1",
        "-m conntrack --ctstate NEW",
        "-m conntrack --ctstate DNAT",
        *UNKNOWN_MATCHES,
    ]
)
DECIDE = ["-j ACCEPT", "-j DROP", "-j RETURN", "-j LOG", "-j MARK --set-xmark 0x1"]
EFFECTS = {
    "raw": [*DECIDE, "-j NOTRACK"],
    "nat": [
        "-j ACCEPT",
        "-j RETURN",
        "-j REDIRECT --to-ports 81",
        "-j DNAT --to-destination 172.17.0.2",
    ],
    "filter": [*DECIDE, "-j REJECT", "-j U", "-g U"],
}
CHAINS = [
    ("raw", "PREROUTING"),
    ("nat", "PREROUTING"),
    ("filter", "U"),
    ("filter", "INPUT"),
    ("filter", "FORWARD"),
]
RULES = st.sampled_from(CHAINS).flatmap(
    lambda place: st.tuples(
        st.just(place),
        MATCHES,
        st.sampled_from([e for e in EFFECTS[place[0]] if place[1] != "U" or "U" not in e]),
    )
)


def ruled(rules: list[tuple[tuple[str, str], str, str]]) -> Firewall:
    tables = {
        "raw": ["*raw", ":PREROUTING ACCEPT [0:0]"],
        "nat": ["*nat", ":PREROUTING ACCEPT [0:0]"],
        "filter": ["*filter", ":INPUT DROP [0:0]", ":FORWARD ACCEPT [0:0]", ":U - [0:0]"],
    }
    for (table, chain), match, effect in rules:
        tables[table].append(f"-A {chain} {match} {effect}")
    lines = [line for table in tables.values() for line in (*table, "COMMIT")]
    return Firewall(tables=parse_iptables("\n".join(lines)).tables)


@example([(CHAINS[1], UNKNOWN_MATCHES[0], "-j ACCEPT"), (CHAINS[1], "", "-j REDIRECT")])
@example(
    [
        (CHAINS[0], UNKNOWN_MATCHES[0], "-j ACCEPT"),
        (CHAINS[0], "", "-j NOTRACK"),
        (CHAINS[3], "-m conntrack --ctstate NEW", "-j DROP"),
        (CHAINS[3], "", "-j ACCEPT"),
    ]
)
@given(st.lists(RULES, min_size=1, max_size=7))
def test_what_is_sure_is_so_whatever_is_not_known(
    rules: list[tuple[tuple[str, str], str, str]],
) -> None:
    verdict = told(ruled(rules)).verdict
    if verdict is Verdict.UNKNOWN:
        return
    for answers in product([True, False], repeat=len(UNKNOWN_MATCHES)):
        known = dict(zip(UNKNOWN_MATCHES, answers, strict=True))
        settled = [(p, "" if m in known else m, e) for p, m, e in rules if known.get(m, True)]
        assert told(ruled(settled)).verdict in (verdict, Verdict.UNKNOWN)


# What engines really made.


@pytest.mark.parametrize("generation", GENERATIONS)
def test_on_recorded_hosts_containers_are_isolated_and_published_ports_let_in(
    generation: str,
) -> None:
    fw, engine = recorded(generation), recorded_engine(generation)
    machine = engine.vantage
    web = str(engine.container("web").networks[0].addresses[0])

    def ask(to: str, port: int, came_by: str) -> Journey:
        asked = packet(to, port, in_interface=came_by, from_afar=True)
        return journey(fw, asked, machine)

    let_in = ask("192.0.2.1", 8080, "eth0")
    assert let_in.verdict is Verdict.ACCEPT
    assert where(let_in) in ("ip filter DOCKER 1", "ip filter DOCKER 5")
    assert ask("192.0.2.1", 8080, "docker0").translated is None
    assert ask(web, 80, "br-apart").verdict is Verdict.DROP
    direct = ask(web, 80, "eth0")
    raw = generation == "28.5"
    assert direct.verdict is (Verdict.DROP if raw else Verdict.ACCEPT)
    assert (where(direct) == "ip raw PREROUTING 1") == raw
    assert ask(web, 81, "eth0").verdict is Verdict.DROP


def test_on_a_host_with_nftables_it_is_the_same() -> None:
    fw = recorded("29.1")
    assert told(fw, "192.0.2.1", 8080, in_interface="eth0").verdict is Verdict.ACCEPT
    direct = told(fw, "172.17.0.2", 80, in_interface="eth0")
    assert (direct.verdict, where(direct)) == (
        Verdict.DROP,
        "ip docker-bridges raw-PREROUTING 1",
    )
    assert told(fw, "172.17.0.3", 80, in_interface="eth0").verdict is Verdict.DROP
    assert told(fw, "127.0.0.1", 8081, in_interface="").verdict is Verdict.ACCEPT
