"""Plans of what to let through: never more than was asked for."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest
from attrs import evolve
from builders import network
from firewalls import (
    GENERATIONS,
    MACHINE,
    firewall,
    recorded_engine,
    recorded_firewall,
)
from hypothesis import given
from hypothesis import strategies as st

from dockernet import (
    Attachment,
    Container,
    FormatError,
    Network,
    PortMap,
    Vantage,
)
from dockernet._forwarding import Asked, Ground, engine_backend, planned
from dockernet.errors import ForwardingError
from dockernet.formats.forwarding import (
    iptables_commands,
    made_tables,
    nft_script,
    remembered,
    removal_text,
    restore_text,
)
from dockernet.formats.iptables import parse_iptables
from dockernet.model.addresses import parse_address
from dockernet.model.firewalls import Effect, Firewall
from dockernet.model.forwarding import (
    Action,
    ForwardingPlan,
    ForwardRule,
    Opening,
    Place,
    Reach,
    interface_name,
    plain_tag,
    tag_of,
)
from dockernet.model.publications import Publication, publications

APP, OTHER = network("app", 7, interface="br-app"), network("other", 8, interface="br-other")
WEB = Container(
    id="c" * 64,
    name="web",
    ports=PortMap.parse(
        "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 127.0.0.1:8081->81/tcp, 10.7.0.1:8082->82/tcp,"
        " 192.0.2.7:8083->83/tcp, 0.0.0.0:53->53/udp, 0.0.0.0:0->90/tcp"
    ),
    networks=(
        Attachment(network="other", network_id=OTHER.id, addresses=(parse_address("10.8.0.2"),)),
        Attachment(network="gone", addresses=(parse_address("10.9.0.2"),)),
    ),
)
CLOSED = ":FORWARD DROP [0:0]"
USER = firewall(CLOSED, ":DOCKER-USER - [0:0]", "-A FORWARD -j DOCKER-USER")
TWENTY_EIGHT = firewall(CLOSED, ":DOCKER-USER - [0:0]", ":DOCKER-FORWARD - [0:0]")


def plan(
    to: Network | Reach,
    *ports: str,
    fw: Firewall = USER,
    machine: Vantage = MACHINE,
    source: Network = APP,
    published: tuple[Publication, ...] = publications([WEB]),
    **asked: Any,
) -> ForwardingPlan:
    openings = tuple(map(Opening.parse, ports)) or None
    ground = Ground(firewall=fw, machine=machine, published=published, networks=(APP, OTHER))
    how = {"families": (4,), **asked}
    return planned(Asked(source=source, to=to, openings=openings, **how), ground)


_BACK = "IPv4: accept what comes back from port 80/tcp from 10.8.0.0/16 in by br-other"
BACK_TO_THE_PROXY = f"{_BACK} to 10.8.0.1/32"
BACK_BEFORE_TRACKING = f"{_BACK} to 10.7.0.0/16"


def words(found: ForwardingPlan) -> list[str]:
    return [str(rule) for rule in found.rules]


def test_a_port_of_the_host_is_opened_for_one_network_at_its_own_gateway() -> None:
    found = plan(Reach.HOST, "8080")
    assert words(found) == [
        "IPv4: accept to port 8080/tcp from 10.7.0.0/16 in by br-app to 10.7.0.1/32",
        BACK_TO_THE_PROXY,
    ]
    assert (found.families, found.forwards, found.notes) == ((4,), (), ())
    assert {rule.place for rule in found.rules} == {Place.INPUT}


def test_all_ports_of_the_host_are_those_that_are_published_there() -> None:
    found = plan(Reach.HOST)
    assert [str(r.opening) for r in found.rules if not r.answers] == [
        "8080/tcp",
        "8082/tcp",
        "53/udp",
    ]


def test_a_port_that_nobody_publishes_is_said() -> None:
    assert plan(Reach.HOST, "9000-9001").notes == (
        "no container publishes 9000-9001/tcp: another program of the host may",
    )


def test_what_is_published_at_another_address_is_no_answer_to_it() -> None:
    """Nor is what another network of the same name has."""
    assert [r.answers for r in plan(Reach.HOST, "8083").rules] == [False]
    twin = evolve(OTHER, id="f" * 64, subnets=(ip_network("10.66.0.0/16"),), interface="br-twin")
    ground = Ground(
        firewall=USER, machine=MACHINE, published=publications([WEB]), networks=(twin, APP, OTHER)
    )
    asked = Asked(source=APP, to=Reach.HOST, openings=(Opening("tcp", 8080, 8080),), families=(4,))
    assert BACK_TO_THE_PROXY in words(planned(asked, ground))
    attached = WEB.networks[0]
    assert ground.network(attached) == OTHER
    assert ground.network(evolve(attached, network_id="")) is None
    assert ground.network(evolve(attached, network="app", network_id="app")) == APP
    assert ground.network(evolve(attached, network="app", network_id="e" * 64)) is None


def test_where_all_is_forwarded_it_is_said() -> None:
    """Whoever turns forwarding on opens more than the plan's rules do."""
    opened = firewall(":DOCKER-USER - [0:0]")
    (note,) = plan(OTHER, "80", fw=opened).notes
    assert note.startswith("the policy of ip filter FORWARD is accept: where forwarding is off")
    assert plan(OTHER, "80", fw=USER).notes == ()
    assert plan(Reach.HOST, "8080", fw=opened).notes == ()
    assert plan(Reach.OUTSIDE, "80", fw=opened).notes == (note,)


def test_the_proxy_may_speak_another_family_to_the_container() -> None:
    found = plan(Reach.HOST, "8080", families=(6,))
    assert [(r.family, r.answers) for r in found.rules] == [(6, False), (4, True)]


def test_a_port_that_is_sent_on_at_once_is_said() -> None:
    nat = firewall(
        "-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.8.0.2:80",
        table="nat",
    )
    (note,) = plan(Reach.HOST, "8080", fw=Firewall(tables=(*USER.tables, *nat.tables))).notes
    assert note.startswith("port 8080/tcp is sent on to 10.8.0.2 by ip nat PREROUTING 1")


def test_a_port_of_another_network_is_opened_one_way() -> None:
    found = plan(OTHER, "80", "53/udp")
    assert words(found) == [
        "IPv4: accept to port 80/tcp from 10.7.0.0/16 in by br-app to 10.8.0.0/16 out by br-other",
        "IPv4: accept to port 53/udp from 10.7.0.0/16 in by br-app to 10.8.0.0/16 out by br-other",
        "IPv4: accept what comes back from 10.8.0.0/16 in by br-other to 10.7.0.0/16 out by br-app",
    ]
    assert found.forwards == ("net.ipv4.ip_forward",)


def test_from_28_on_what_drops_direct_access_is_passed_as_well() -> None:
    found = plan(OTHER, "80", fw=TWENTY_EIGHT)
    assert words(found)[:2] == [
        "IPv4: accept to port 80/tcp from 10.7.0.0/16 in by br-app to 10.8.0.0/16",
        BACK_BEFORE_TRACKING,
    ]
    assert [rule.place for rule in found.rules] == [Place.RAW] * 2 + [Place.FORWARD] * 2
    # Connections are not known there; but a first packet of one is.
    back = "-i br-other -p tcp -m tcp --sport 80 ! --tcp-flags FIN,SYN,RST,ACK SYN -m comment"
    assert back in restore_text(found, 4)
    assert "tcp sport 80 tcp flags & (fin | syn | rst | ack) != syn accept" in nft_script(found)
    datagrams = restore_text(plan(OTHER, "53/udp", fw=TWENTY_EIGHT), 4)
    assert "--sport 53 -m comment" in datagrams


def test_both_families_are_opened_where_both_ends_have_them() -> None:
    found = plan(OTHER, families=(4, 6))
    assert found.families == (4, 6)
    assert found.forwards == ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")
    assert found.notes == (
        "with IPv6 forwarding on, Linux takes no router's word unless accept_ra is 2",
    )
    four = evolve(OTHER, subnets=OTHER.subnets[:1])
    assert plan(four, families=(4, 6)).families == (4,)


def test_the_outside_is_reached_by_its_own_interface_alone() -> None:
    found = plan(Reach.OUTSIDE, "443")
    assert words(found) == [
        "IPv4: accept to port 443/tcp from 10.7.0.0/16 in by br-app out by eth0",
        "IPv4: accept what comes back in by eth0 to 10.7.0.0/16 out by br-app",
        "IPv4: masquerade to port 443/tcp from 10.7.0.0/16 out by eth0",
    ]
    assert "wlan0" in words(plan(Reach.OUTSIDE, interface="wlan0"))[0]


@pytest.mark.parametrize(
    "asking, reason",
    [
        (lambda: plan(evolve(OTHER, driver="macvlan"), "80"), "its driver is macvlan"),
        (lambda: plan(evolve(OTHER, interface=None), "80"), "it is no bridge"),
        (lambda: plan(OTHER, "80", source=evolve(APP, internal=True)), "it is internal"),
        (lambda: plan(APP, "80"), "it is one network: icc decides there"),
        (lambda: plan(evolve(OTHER, subnets=()), "80"), "both ends have no subnet of IPv4"),
        (
            lambda: plan(Reach.HOST, published=()),
            "no port is published on an address",
        ),
        (
            lambda: plan(Reach.OUTSIDE, machine=Vantage()),
            "nothing tells which interface leads outside by IPv4: name it",
        ),
        (lambda: plan(Reach.OUTSIDE, interface="br-other"), "br-other is a network of the engine"),
        (
            lambda: plan(Reach.HOST, "80", source=evolve(APP, isolated=(4,))),
            "the host has no address of IPv4",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    asking: Callable[[], ForwardingPlan], reason: str
) -> None:
    with pytest.raises(ForwardingError, match=reason):
        asking()


def test_an_interface_of_several_is_refused() -> None:
    for odd in ("eth+", "*", "", "a b", "x" * 16, 'e"; drop', "-i", "\x1b"):
        with pytest.raises(FormatError, match="the name of one interface"):
            interface_name(odd)
    with pytest.raises(FormatError):
        plan(OTHER, "80", source=evolve(APP, interface="br+"))


@pytest.mark.parametrize(
    "how",
    [
        {"source": ip_network("10.0.0.0/8")},
        {"in_interface": "eth0"},
        {"opening": Opening("tcp", 80, 80)},
        {"in_interface": "eth0", "source": ip_network("0.0.0.0/0")},
        {
            "in_interface": "eth0",
            "source": ip_network("10.0.0.0/8"),
            "destination": ip_network("::/0"),
        },
    ],
)
def test_a_rule_that_opens_too_much_is_none(how: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match="opens too much"):
        ForwardRule(family=4, place=Place.FORWARD, **how)


# Where other tables have their say.


def test_another_variant_s_reject_is_not_overruled_and_named() -> None:
    legacy = firewall("-A INPUT -i br-app -j REJECT").tables
    newer = tuple(evolve(table, backend="iptables-nft") for table in USER.tables)
    fw = Firewall(tables=(*newer, *legacy))
    with pytest.raises(ForwardingError, match=r"ip filter INPUT 1 .* of iptables-legacy stops it"):
        plan(Reach.HOST, "8080", fw=fw)
    same = Firewall(tables=(*USER.tables, *firewall("-A INPUT -i br-app -j REJECT").tables))
    assert plan(Reach.HOST, "8080", fw=same).rules


def test_with_nftables_the_engine_s_own_mark_is_needed_between_networks() -> None:
    fw = recorded_firewall("29.1")
    with pytest.raises(ForwardingError, match='"bridge-accept-fwmark" in daemon'):
        plan(OTHER, "80", fw=fw)
    found = plan(OTHER, "80", fw=fw, mark=7)
    assert found.backend == "nftables"
    assert found.rules[0].action is Action.MARK
    assert found.notes == (
        "the engine has no chain DOCKER-USER: the rules are in a table of their own",
    )
    assert plan(Reach.OUTSIDE, fw=fw).backend == "nftables"


def test_the_variant_is_the_one_with_the_engine_s_chains() -> None:
    assert engine_backend(()) == "iptables-nft"
    assert engine_backend(USER.tables) == "iptables-legacy"
    assert engine_backend(recorded_firewall("28.5").tables) == "iptables-nft"
    assert engine_backend(recorded_firewall("29.1").tables) == "iptables-nft"


@pytest.mark.parametrize("generation", GENERATIONS)
def test_on_recorded_hosts_plans_are_made(generation: str) -> None:
    engine = recorded_engine(generation)
    known = {n.name: n for n in engine.networks()}
    ground = Ground(
        firewall=recorded_firewall(generation),
        machine=engine.vantage,
        published=engine.published(),
        networks=engine.networks(),
    )
    asked = Asked(source=known["apart"], to=known["six"], openings=(Opening("udp", 53, 53),))
    found = planned(asked, ground)
    assert found.families == (4,)
    assert found.user_chain == ((4,) if generation == "20.10" else (4, 6))
    assert (Place.RAW in {r.place for r in found.rules}) == (generation == "28.5")


# What becomes of a plan.

PLAN = plan(OTHER, "80", "8000-8010", fw=TWENTY_EIGHT, families=(4, 6))


def test_a_plan_is_told_in_words() -> None:
    told = str(PLAN)
    assert told.startswith(f"app may reach other, by iptables ({PLAN.tag}):\n  IPv4: accept to")
    assert "\n  turn on net.ipv4.ip_forward, if it is off\n" in told
    assert told.endswith(
        "note: with IPv6 forwarding on, Linux takes no router's word unless accept_ra is 2"
    )


def test_equal_plans_have_one_tag_and_others_another() -> None:
    assert PLAN.tag == plan(OTHER, "80", "8000-8010", fw=TWENTY_EIGHT, families=(4, 6)).tag
    assert PLAN.tag != plan(OTHER, "81", fw=TWENTY_EIGHT).tag
    assert tag_of(PLAN.chain(Place.RAW)) == PLAN.tag == plain_tag(PLAN.tag)
    assert plain_tag(PLAN.tag.removeprefix("dockernet ")) == PLAN.tag
    assert tag_of("DOCKER-USER") is None
    with pytest.raises(FormatError, match="eight hexadecimal digits"):
        plain_tag("dockernet x; reboot")


def test_what_is_restored_is_read_back_as_planned() -> None:
    text = restore_text(PLAN, 4, ["net.ipv4.ip_forward"], {"raw"})
    saved = parse_iptables(text)
    assert [table.name for table in saved.tables] == ["raw", "filter"]
    raw, filtering = saved.tables
    chain = filtering.chain(PLAN.chain(Place.FORWARD))
    assert chain is not None
    assert [rule.effect for rule in chain.rules] == [Effect.ACCEPT] * 3 + [Effect.NOTHING]
    assert {rule.comment for rule in chain.rules[:3]} == {PLAN.tag}
    assert remembered(filtering.chains, PLAN.tag) == ("net.ipv4.ip_forward",)
    assert made_tables(raw.chains, PLAN.tag) == ("raw",)
    jump = f'-m comment --comment "{PLAN.tag}" -j {chain.name}'
    assert f"-I DOCKER-USER 1 {jump}\nCOMMIT" in text
    assert f"-I FORWARD 1 {jump}" in restore_text(evolve(PLAN, user_chain=()), 4)
    assert "--dport 8000:8010" in text


def test_commands_are_lists_of_words() -> None:
    commands = iptables_commands(PLAN)
    assert commands[0] == ("iptables", "-w", "-t", "raw", "-N", PLAN.chain(Place.RAW))
    assert ("ip6tables", "-w", "-t", "filter", "-N", PLAN.chain(Place.FORWARD)) in commands
    assert commands[-2:] == (
        ("sysctl", "-w", "net.ipv4.ip_forward=1"),
        ("sysctl", "-w", "net.ipv6.conf.all.forwarding=1"),
    )


def test_a_script_of_nft_has_a_table_of_its_own() -> None:
    marked = plan(OTHER, "80", fw=recorded_firewall("29.1"), mark=7)
    name, rule = marked.tag.replace(" ", "-"), f'comment "{marked.tag}"'
    assert nft_script(marked, ["net.ipv4.ip_forward"]) == (
        f"table inet {name}\ndelete table inet {name}\ntable inet {name} {{\n"
        "\tchain raw {\n\t\ttype filter hook prerouting priority -310; policy accept;\n"
        '\t\tiifname "br-app" ip saddr 10.7.0.0/16 ip daddr 10.8.0.0/16 tcp dport 80 '
        f"meta mark set 0x7 {rule}\n\t}}\n"
        "\tchain forward {\n\t\ttype filter hook forward priority -10; policy accept;\n"
        '\t\tiifname "br-app" oifname "br-other" ip saddr 10.7.0.0/16 ip daddr 10.8.0.0/16 '
        f"tcp dport 80 accept {rule}\n"
        '\t\tiifname "br-other" oifname "br-app" ip saddr 10.8.0.0/16 ip daddr 10.7.0.0/16 '
        f"ct state established,related accept {rule}\n"
        f'\t\tcontinue comment "{marked.tag} turned on net.ipv4.ip_forward"\n\t}}\n}}\n'
    )
    beyond = nft_script(plan(Reach.OUTSIDE, fw=recorded_firewall("29.1")))
    assert 'iifname "eth0" oifname "br-app" ip daddr 10.7.0.0/16 ct state' in beyond
    assert 'oifname "eth0" ip saddr 10.7.0.0/16 masquerade comment' in beyond
    single = nft_script(plan(Reach.HOST, "8080"))
    assert "ip daddr 10.7.0.1 tcp dport 8080 accept" in single
    assert "tcp sport 80 ct state" in single


def applied_text(*plans: ForwardingPlan) -> Firewall:
    """The firewall after plans were applied, as iptables-save would print it."""
    lines = ["*filter", ":FORWARD ACCEPT [0:0]"]
    for one in plans:
        text = restore_text(one, 4, ["net.ipv4.ip_forward"]).replace("-I FORWARD 1", "-A FORWARD")
        lines += text.split("*filter\n")[1].split("COMMIT")[0].strip().split("\n")
    return Firewall(tables=parse_iptables("\n".join(lines)).tables)


def test_a_removal_names_what_is_there_and_no_rule_of_others() -> None:
    one = evolve(plan(OTHER, "80"), user_chain=())
    chain = one.chain(Place.FORWARD)
    assert removal_text(applied_text(one), "ip", one.tag) == (
        f'*filter\n-D FORWARD -m comment --comment "{one.tag}" -j {chain}\n'
        f"-F {chain}\n-X {chain}\nCOMMIT\n"
    )
    assert removal_text(applied_text(one), "ip6", one.tag) == ""
    assert removal_text(USER, "ip", one.tag) == ""


def test_a_removal_may_leave_chains_that_remember() -> None:
    one = evolve(plan(OTHER, "80"), user_chain=())
    chain = one.chain(Place.FORWARD)
    assert removal_text(applied_text(one), "ip", one.tag, {"filter"}) == (
        f'*filter\n-D FORWARD -m comment --comment "{one.tag}" -j {chain}\n'
        f'-F {chain}\n-A {chain} -m comment --comment "{one.tag} made filter"\nCOMMIT\n'
    )


def test_what_is_no_setting_of_forwarding_is_not_remembered() -> None:
    """Whoever may write rules could have a file of theirs written otherwise."""
    one = evolve(plan(OTHER, "80"), user_chain=())
    text = restore_text(one, 4, ["../../etc/passwd", "net.ipv4.ip_forward"])
    (table,) = parse_iptables(text).tables
    assert remembered(table.chains, one.tag) == ("net.ipv4.ip_forward",)


OPENINGS = st.builds(
    lambda protocol, ends: Opening(protocol, min(ends), max(ends)),
    st.sampled_from(["tcp", "udp", "sctp"]),
    st.tuples(st.integers(1, 65535), st.integers(1, 65535)),
)


@given(OPENINGS)
def test_an_opening_is_read_back_as_it_was_rendered(opening: Opening) -> None:
    assert Opening.parse(str(opening)) == opening


@given(st.text())
def test_no_text_makes_an_opening_of_another_kind(text: str) -> None:
    try:
        opening = Opening.parse(text)
    except FormatError:
        return
    assert 1 <= opening.first <= opening.last <= 65535


@given(st.lists(OPENINGS, min_size=1, max_size=3, unique=True), st.sampled_from([4, 6]))
def test_every_rule_names_an_interface_and_what_was_asked_for(
    openings: list[Opening], family: int
) -> None:
    found = plan(OTHER, *map(str, openings), fw=TWENTY_EIGHT, families=(family,))
    for rule in found.rules:
        assert rule.in_interface
        assert rule.source is not None
        assert rule.destination is not None
        assert rule.opening in openings or (rule.answers and rule.tracked)
