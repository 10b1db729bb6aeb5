"""What iptables-save prints: values, and the same text again."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from firewalls import SAVED, text_of
from hypothesis import given
from hypothesis import strategies as st

from dockernet.formats._iptables_words import NAMING, quoted, split_words
from dockernet.formats.iptables import (
    RuleLine,
    parse_iptables,
    render_iptables,
    render_words,
)
from dockernet.model import conditions as c
from dockernet.model.firewalls import Chain, Counters, Effect, Hook, NewDestination, Rule

NET = ip_network


FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")


def rule(text: str) -> Rule:
    """The one rule of a chain."""
    saved = parse_iptables(f"*filter\n:X - [0:0]\n{f'-A X {text}'.rstrip()}\nCOMMIT")
    assert saved.diagnostics == ()
    return saved.tables[0].chains[0].rules[0]


@pytest.mark.parametrize("path", SAVED, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_what_was_recorded_is_rendered_again_byte_for_byte(path: Path) -> None:
    text = text_of(path)
    saved = parse_iptables(text, "ip6" if "ip6" in path.name else "ip")
    assert render_iptables(saved) == text
    assert saved.diagnostics == ()
    assert text.count("-A ") == sum(len(ch.rules) for t in saved.tables for ch in t.chains)


@pytest.mark.parametrize("path", SAVED, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_the_words_of_a_rule_mean_the_same_when_they_are_quoted_anew(path: Path) -> None:
    for line in parse_iptables(text_of(path)).lines:
        if isinstance(line, RuleLine):
            words = [word.text for word in split_words(line.rule.text)]
            assert [w.text for w in split_words(render_words(words))] == words


def test_a_rule_is_understood() -> None:
    found = rule(
        "! -s 10.0.0.0/8 -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80:90"
        ' -m comment --comment "a \\"b\\" \\\\ c" -j REJECT --reject-with icmp-host-prohibited'
    )
    assert found.conditions == (
        c.Source((NET("10.0.0.0/8"),), negated=True),
        c.Destination((NET("172.17.0.2/32"),)),
        c.InInterface(("docker0",), negated=True),
        c.OutInterface(("docker0",)),
        c.Protocols(("tcp",)),
        c.DestinationPorts(((80, 90),)),
    )
    assert (found.effect, found.reject_with) == (Effect.REJECT, "icmp-host-prohibited")
    assert found.comment == 'a "b" \\ c'
    assert str(found) == (
        "not from 10.0.0.0/8 to 172.17.0.2 not in by docker0 out by docker0 tcp to port 80-90: "
        "reject with icmp-host-prohibited"
    )


@pytest.mark.parametrize(
    "text, condition",
    [
        ("--source 10.0.0.1", c.Source((NET("10.0.0.1"),))),
        ("-s 10.0.0.1,10.0.0.2", c.Source((NET("10.0.0.1"), NET("10.0.0.2")))),
        ("-p 6", c.Protocols(("tcp",))),
        ("-p ipv6-icmp", c.Protocols(("icmpv6",))),
        ("-m udp --sport :1023", c.SourcePorts(((0, 1023),))),
        ("-m sctp --dport 1024:", c.DestinationPorts(((1024, 65535),))),
        ("-m multiport --dports 22,80:90", c.DestinationPorts(((22, 22), (80, 90)))),
        ("-m multiport ! --sports 1", c.SourcePorts(((1, 1),), negated=True)),
        ("-m conntrack --ctstate NEW,DNAT", c.States(("NEW", "DNAT"))),
        ("-m state --state INVALID", c.States(("INVALID",))),
        ("-m conntrack --ctorigdst 10.0.0.1", c.OriginalDestination((NET("10.0.0.1"),))),
        ("-m conntrack --ctorigdstport 80:81", c.OriginalPorts(((80, 81),))),
        ("-m conntrack --ctdir REPLY", c.Direction(original=False)),
        ("-m mark --mark 0x1/0xff", c.Mark(1, 255)),
        ("-m mark ! --mark 16", c.Mark(16, negated=True)),
        ("-m addrtype --src-type LOCAL", c.SourceType(("LOCAL",))),
        ("-m addrtype --dst-type LOCAL,UNICAST", c.DestinationType(("LOCAL", "UNICAST"))),
        ("-m tcp --tcp-flags SYN,ACK SYN", c.TcpFlags(("SYN", "ACK"), ("SYN",))),
        # Not understood, and so never known.
        ("-s 10.0.0.0/255.0.255.0", c.Opaque("-s 10.0.0.0/255.0.255.0")),
        ("-f", c.Opaque("-f")),
        ("-m tcp --dport 65536", c.Opaque("tcp --dport 65536")),
        ("-m tcp --dport http", c.Opaque("tcp --dport http")),
        ("-m mark --mark one", c.Opaque("mark --mark one")),
        ("-m conntrack --ctdir BOTH", c.Opaque("conntrack --ctdir BOTH")),
        ("-m set ! --match-set mine src", c.Opaque("set --match-set mine src", negated=True)),
        ('-m string --string "-j DROP" --to 9', c.Opaque('string --string "-j DROP"')),
        ("-m connmark --mark 0x1", c.Opaque("connmark --mark 0x1")),
        ("-m eui64", c.Opaque("eui64")),
        ("-m socket -m comment --comment x", c.Opaque("socket")),
        ("-m tcp --tcp-flags ALL NONE", c.TcpFlags(FLAGS, ())),
        (
            "-m addrtype --dst-type LOCAL --limit-iface-in",
            c.Opaque("to an address of type LOCAL --limit-iface-in"),
        ),
    ],
)
def test_a_match_is_a_condition(text: str, condition: c.Condition) -> None:
    assert rule(f"{text} -j ACCEPT").conditions[0] == condition
    assert rule(f"{text} -j ACCEPT").effect is Effect.ACCEPT


@pytest.mark.parametrize(
    "text, effect, to",
    [
        ("", Effect.NOTHING, None),
        ("-p tcp", Effect.NOTHING, None),
        ("-j RETURN", Effect.RETURN, None),
        ('-j LOG --log-prefix "in: "', Effect.NOTHING, None),
        ("-j MARK --set-xmark 0x1/0xff", Effect.MARK, None),
        ("-j MASQUERADE --random", Effect.SNAT, None),
        ("-j CT --notrack", Effect.UNTRACK, None),
        ("-j CT --zone 5", Effect.NOTHING, None),
        ("-p tcp -m tcp -m socket -j DROP", Effect.DROP, None),
        ("-j NFQUEUE --queue-num 0", Effect.UNKNOWN, None),
        ("-j mine", Effect.JUMP, None),
        ("-g mine", Effect.GOTO, None),
        (
            "-j DNAT --to-destination 172.17.0.2:80",
            Effect.DNAT,
            NewDestination(ip_address("172.17.0.2"), 80),
        ),
        ("-j DNAT --to-destination :80", Effect.DNAT, NewDestination(None, 80)),
        ("-j DNAT --to-destination 10.0.0.1", Effect.DNAT, NewDestination(ip_address("10.0.0.1"))),
        (
            "-j DNAT --to-destination [fd00::2]:80 --random",
            Effect.DNAT,
            NewDestination(ip_address("fd00::2"), 80),
        ),
        ("-j DNAT --to-destination fd00::2", Effect.DNAT, NewDestination(ip_address("fd00::2"))),
        (
            "-j DNAT --to-destination 10.0.0.1-10.0.0.5:80-90",
            Effect.DNAT,
            NewDestination(several=True),
        ),
        ("-j REDIRECT", Effect.DNAT, NewDestination(here=True)),
        ("-j REDIRECT --to-ports 8080", Effect.DNAT, NewDestination(port=8080, here=True)),
        (
            "-j REDIRECT --to-ports 80-90",
            Effect.DNAT,
            NewDestination(here=True, several=True),
        ),
    ],
)
def test_a_target_has_an_effect(text: str, effect: Effect, to: NewDestination | None) -> None:
    found = rule(text)
    assert (found.effect, found.new_destination) == (effect, to)


def test_a_match_after_the_target_is_one_all_the_same() -> None:
    found = rule("-j ACCEPT -m comment --comment mine -s 10.0.0.1")
    assert (found.comment, len(found.conditions)) == ("mine", 1)


def test_chains_have_hooks_priorities_policies_and_counters() -> None:
    saved = parse_iptables(
        "# by iptables-save (nf_tables)\n*nat\n:PREROUTING ACCEPT [1:2]\n:POSTROUTING DROP [0:0]\n"
        ":INPUT QUEUE [0:0]\n:mine - [0:0]\n[3:4] -A mine -j RETURN\n-A unknown -j DROP\n"
        "COMMIT\n*filter\n:FORWARD DROP [5:6]\n*odd\n:OUTPUT ACCEPT [0:0]\n",
    )
    assert [(t.name, t.backend) for t in saved.tables] == [
        ("nat", "iptables-nft"),
        ("filter", "iptables-nft"),
        ("odd", "iptables-nft"),
    ]
    nat, filtering, odd = saved.tables
    chains = [(ch.name, ch.hook, ch.priority, ch.translates, ch.policy) for ch in nat.chains]
    assert chains == [
        ("PREROUTING", Hook.PREROUTING, -100, True, Effect.ACCEPT),
        ("POSTROUTING", Hook.POSTROUTING, 100, True, Effect.DROP),
        ("INPUT", Hook.INPUT, 100, True, Effect.UNKNOWN),
        ("mine", None, 0, False, None),
        ("unknown", None, 0, False, None),
    ]
    assert nat.chains[0].counters == Counters(1, 2)
    assert nat.chains[3].rules[0].counters == Counters(3, 4)
    assert filtering.chains == (
        Chain(name="FORWARD", hook=Hook.FORWARD, policy=Effect.DROP, counters=Counters(5, 6)),
    )
    assert odd.chains[0].priority == 0


@pytest.mark.parametrize(
    "comment, backend",
    [
        ("# Generated by iptables-save v1.8.9 (nf_tables) on", "iptables-nft"),
        ("# Generated by xtables-save v1.8.2 on", "iptables-nft"),
        ("# Generated by iptables-save v1.8.9 on", "iptables-legacy"),
    ],
)
def test_the_variant_tells_its_name(comment: str, backend: str) -> None:
    assert parse_iptables(f"{comment}\n*filter\nCOMMIT\n").tables[0].backend == backend


def test_a_newline_in_a_comment_ends_no_line() -> None:
    text = '*filter\n-A X -m comment --comment "a\nCOMMIT\n*nat\n" -j DROP\nCOMMIT\n'
    saved = parse_iptables(text)
    assert [t.name for t in saved.tables] == ["filter"]
    assert saved.tables[0].chains[0].rules[0].comment == "a\nCOMMIT\n*nat\n"
    assert str(saved) == text


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        ":INPUT ACCEPT",
        ":INPUT ACCEPT [007:0]",
        "*",
        '-A INPUT -m comment --comment "no end',
        "-A INPUT -j",
        "-A INPUT -j DROP -j ACCEPT",
        "-A INPUT -j --dport",
        "-A INPUT DROP",
        '-A INPUT "-j" DROP',
        "-A INPUT !",
        "-A INPUT -s",
        "[01:0] -A INPUT -j DROP",
        "-A INPUT  ",
    ],
)
def test_an_odd_line_is_told_and_kept(line: str) -> None:
    text = f"*filter\n{line}\n-A INPUT -j ACCEPT\nCOMMIT"
    saved = parse_iptables(text)
    assert str(saved) == text
    (told,) = saved.diagnostics
    assert (told.source, told.subject) == ("iptables", "line 2")
    # What nobody understands may do anything.
    odd = [r.effect for ch in saved.tables[0].chains for r in ch.rules][:-1]
    assert odd == ([Effect.UNKNOWN] if "-A " in line else [])


@pytest.mark.parametrize("end", ["", "\n*nat\nCOMMIT\n"])
def test_what_was_cut_off_is_told(end: str) -> None:
    saved = parse_iptables(f"*filter\n-A X -j DROP{end}")
    assert [str(one) for one in saved.diagnostics] == [
        "iptables: line 3: table filter has no COMMIT before it: some of it may be missing"
    ]
    assert len(saved.tables[0].chains[0].rules) == 1


def test_a_line_before_any_table_is_odd() -> None:
    saved = parse_iptables("-A INPUT -j DROP")
    assert (saved.tables, len(saved.diagnostics)) == ((), 1)


@given(st.text() | st.text(alphabet='*:-A [0]\n"\\! jX', max_size=60))
def test_any_text_is_rendered_again_as_it_was(text: str) -> None:
    assert str(parse_iptables(text)) == text
    assert str(parse_iptables(f"*filter\n:X - [0:0]\n-A X {text}")).endswith(text)


TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
WORDS = st.lists(TEXTS.filter(lambda text: text not in NAMING), max_size=6)


@given(WORDS)
def test_words_are_read_back_as_they_were_rendered(words: list[str]) -> None:
    assert [word.text for word in split_words(render_words(words))] == words


@pytest.mark.parametrize("word, text", [("a-b_9", "a-b_9"), ("", '""'), ("a b", '"a b"')])
def test_a_word_is_in_quotes_where_it_needs_them(word: str, text: str) -> None:
    assert quoted(word) == text


def test_quotes_begin_a_word_and_no_name() -> None:
    found = split_words('a"b "c \\" d"  -j "e --x "f g"')
    assert [(w.text, w.quoted) for w in found] == [
        ('a"b', False),
        ('c " d', True),
        ("-j", False),
        ('"e', False),
        ("--x", False),
        ("f g", True),
    ]
    assert render_words(["-j", '"e', "--x", "f g"]) == '-j "e --x "f g"'


# Each is a name that iptables takes.
@pytest.mark.parametrize("name", ['x"y', '"x', 'x"', "x\\", "$(reboot)", "a;b", "q'z", "e\x1b[2J"])
def test_no_rule_is_lost_whatever_a_chain_is_named(name: str) -> None:
    text = (
        f"*filter\n:INPUT ACCEPT [0:0]\n:{name} - [0:0]\n[1:2] -A INPUT -j {name}\n"
        f'-A INPUT -i {name} -m comment --comment "" -j DROP\n-A {name} -m comment'
        f' --comment " a\n-A b" -g {name}\n-A INPUT -j ACCEPT\nCOMMIT\n'
    )
    saved = parse_iptables(text)
    assert (str(saved), saved.diagnostics) == (text, ())
    first, second = saved.tables[0].chains
    assert [(r.effect, r.target, r.comment) for r in first.rules] == [
        (Effect.JUMP, name, ""),
        (Effect.DROP, "DROP", ""),
        (Effect.ACCEPT, "ACCEPT", ""),
    ]
    assert first.rules[1].conditions == (c.InInterface((name,)),)
    assert [(r.effect, r.target, r.comment) for r in second.rules] == [
        (Effect.GOTO, name, " a\n-A b")
    ]
