"""What nft -j list ruleset prints."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from firewalls import DATA, text_of
from hypothesis import given
from hypothesis import strategies as st

from dockernet import FormatError
from dockernet.formats.nftables import NftRuleset, parse_nftables
from dockernet.model import conditions as c
from dockernet.model.firewalls import Counters, Effect, Hook, NewDestination, Rule

NET = ip_network


def ruleset(*entries: object) -> NftRuleset:
    return parse_nftables(json.dumps({"nftables": [{"metainfo": {}}, *entries]}))


def rules(*expressions: object, family: str = "ip", entries: tuple[Any, ...] = ()) -> list[Rule]:
    """The rules that one rule of a chain is taken for."""
    place = {"family": family, "table": "t"}
    told = ruleset(
        {"table": {"family": family, "name": "t"}},
        {"chain": {**place, "name": "c"}},
        *({kind: {**place, **values} for kind, values in entry.items()} for entry in entries),
        {"rule": {**place, "chain": "c", "expr": list(expressions), "comment": "why"}},
    )
    assert told.diagnostics == ()
    return list(told.tables[0].chains[0].rules)


def matching(left: object, right: object, op: str = "==", **how: Any) -> tuple[c.Condition, ...]:
    (rule,) = rules({"match": {"op": op, "left": left, "right": right}}, {"accept": None}, **how)
    assert rule.effect is Effect.ACCEPT
    return rule.conditions


def meta(key: str) -> object:
    return {"meta": {"key": key}}


def payload(protocol: str, field: str) -> object:
    return {"payload": {"protocol": protocol, "field": field}}


def test_the_rules_of_an_engine_are_understood() -> None:
    """Those of Engine 29 with its nftables backend, to the last."""
    told = parse_nftables(text_of(DATA / "29.1/nft.json"))
    assert told.diagnostics == ()
    assert [(t.family, t.name, t.backend) for t in told.tables] == [
        ("ip", "docker-bridges", "nftables"),
        ("ip6", "docker-bridges", "nftables"),
    ]
    four = told.tables[0]
    found = [rule for chain in four.chains for rule in chain.rules]
    assert Effect.UNKNOWN not in {rule.effect for rule in found}
    assert not any(isinstance(one, c.Opaque) for rule in found for one in rule.conditions)
    (raw,) = (chain for chain in four.chains if chain.name == "raw-PREROUTING")
    assert (raw.hook, raw.priority, raw.policy) == (Hook.PREROUTING, -300, Effect.ACCEPT)
    forward = four.chain("filter-FORWARD")
    assert forward is not None
    assert [str(rule) for rule in forward.rules] == [
        "out by docker0: go to filter-forward-in__docker0",
        "out by br-e183aac4566c: go to filter-forward-in__br-e183aac4566c",
        "in by docker0: go to filter-forward-out__docker0",
        "in by br-e183aac4566c: go to filter-forward-out__br-e183aac4566c",
    ]


@pytest.mark.parametrize(
    "left, right, conditions",
    [
        (meta("iifname"), "docker0", (c.InInterface(("docker0",)),)),
        (meta("oif"), {"set": ["a", "b"]}, (c.OutInterface(("a", "b")),)),
        (meta("l4proto"), {"set": ["tcp", 17]}, (c.Protocols(("tcp", "udp")),)),
        (meta("mark"), 7, (c.Mark(7),)),
        (meta("nfproto"), "ipv6", (c.Families((6,)),)),
        ({"ct": {"key": "state"}}, ["established", "new"], (c.States(("ESTABLISHED", "NEW")),)),
        ({"ct": {"key": "status"}}, "dnat", (c.States(("DNAT",)),)),
        (
            {"fib": {"result": "type", "flags": ["daddr"]}},
            "local",
            (c.DestinationType(("LOCAL",)),),
        ),
        ({"fib": {"result": "type", "flags": ["saddr"]}}, "local", (c.SourceType(("LOCAL",)),)),
        (payload("ip", "protocol"), "tcp", (c.Protocols(("tcp",)),)),
        (payload("ip", "saddr"), "10.0.0.1", (c.Source((NET("10.0.0.1"),)),)),
        (
            payload("ip", "daddr"),
            {"prefix": {"addr": "10.0.0.0", "len": 8}},
            (c.Destination((NET("10.0.0.0/8"),)),),
        ),
        (
            payload("tcp", "dport"),
            {"set": [22, {"range": [80, 90]}]},
            (c.Protocols(("tcp",)), c.DestinationPorts(((22, 22), (80, 90)))),
        ),
        (payload("th", "sport"), 53, (c.SourcePorts(((53, 53),)),)),
    ],
)
def test_a_match_is_a_condition(
    left: object, right: object, conditions: tuple[c.Condition, ...]
) -> None:
    assert matching(left, right) == conditions


def test_in_a_table_of_both_families_an_address_is_of_one() -> None:
    found = matching(payload("ip", "daddr"), "10.0.0.1", "!=", family="inet")
    assert found == (c.Families((4,)), c.Destination((NET("10.0.0.1"),), negated=True))


@pytest.mark.parametrize(
    "left, right, op",
    [
        (meta("iifname"), 7, "=="),
        (meta("skuid"), 0, "=="),
        (meta("mark"), -1, "=="),
        (meta("nfproto"), "ipx", "=="),
        (meta("mark"), 7, "<"),
        (payload("tcp", "dport"), "http", "=="),
        (payload("tcp", "dport"), {"range": [1]}, "=="),
        (payload("tcp", "dport"), 65536, "=="),
        (payload("tcp", "dport"), "@unknown", "=="),
        (payload("ip", "daddr"), {"range": ["10.0.0.1", "10.0.0.9"]}, "=="),
        (payload("ip", "ttl"), 7, "=="),
        ({"&": [meta("mark"), 255]}, 1, "=="),
        ("odd", None, "=="),
    ],
)
def test_a_match_that_is_not_understood_is_never_known(
    left: object, right: object, op: str
) -> None:
    (found,) = matching(left, right, op)
    assert isinstance(found, c.Opaque)


def test_a_named_set_stands_for_its_elements() -> None:
    entry = {"set": {"name": "web", "elem": [80, 443]}}
    found = matching(payload("th", "dport"), "@web", entries=(entry,))
    assert found == (c.DestinationPorts(((80, 80), (443, 443))),)


@pytest.mark.parametrize(
    "statement, effect, to",
    [
        ({"drop": None}, Effect.DROP, None),
        ({"return": None}, Effect.RETURN, None),
        ({"jump": {"target": "c"}}, Effect.JUMP, None),
        ({"goto": {"target": "c"}}, Effect.GOTO, None),
        ({"masquerade": None}, Effect.SNAT, None),
        ({"notrack": None}, Effect.UNTRACK, None),
        ({"queue": {"num": 0}}, Effect.UNKNOWN, None),
        ({"mangle": {"key": meta("mark"), "value": 1}}, Effect.MARK, None),
        ({"mangle": {"key": payload("ip", "dscp"), "value": 1}}, Effect.UNKNOWN, None),
        ({"log": {"prefix": "x"}}, Effect.NOTHING, None),
        ({"brand new": None}, Effect.UNKNOWN, None),
        ({"xt": {"type": "target", "name": "DNAT"}}, Effect.UNKNOWN, None),
        (
            {"dnat": {"addr": "172.17.0.2", "port": 80}},
            Effect.DNAT,
            NewDestination(ip_address("172.17.0.2"), 80),
        ),
        ({"dnat": {"port": 80}}, Effect.DNAT, NewDestination(None, 80)),
        ({"dnat": {"addr": {"map": {}}}}, Effect.DNAT, NewDestination(several=True)),
        ({"redirect": {"port": 80}}, Effect.DNAT, NewDestination(None, 80, here=True)),
        ({"redirect": None}, Effect.DNAT, NewDestination(here=True)),
    ],
)
def test_a_statement_has_an_effect(
    statement: object, effect: Effect, to: NewDestination | None
) -> None:
    (found,) = rules(statement)
    assert (found.effect, found.new_destination) == (effect, to)


def test_a_rule_has_its_comment_counters_and_answer() -> None:
    counter = {"counter": {"packets": 3, "bytes": 4}}
    (found,) = rules(counter, {"reject": {"type": "icmp", "expr": "host-prohibited"}})
    assert (found.comment, found.counters) == ("why", Counters(3, 4))
    assert (found.effect, found.reject_with) == (Effect.REJECT, "host-prohibited")
    (found,) = rules({"counter": "@named"}, {"reject": {"type": "tcp reset"}})
    assert (found.counters, found.reject_with) == (None, "tcp reset")


def test_what_asks_for_more_than_a_packet_tells_is_never_known() -> None:
    (found,) = rules({"limit": {"rate": 5}}, {"xt": {"type": "match"}}, {"accept": None})
    assert [type(one) for one in found.conditions] == [c.Opaque, c.Opaque]
    assert found.effect is Effect.ACCEPT


def test_of_two_verdicts_in_a_rule_neither_is_believed() -> None:
    (found,) = rules({"accept": None}, {"drop": None})
    assert found.effect is Effect.UNKNOWN
    (found,) = rules({"mangle": {"key": meta("mark"), "value": 1}}, {"accept": None})
    assert found.effect is Effect.ACCEPT


@pytest.mark.parametrize(
    "left, right",
    [
        (meta("l4proto"), "@unknown"),
        (meta("l4proto"), {"range": [1, 9]}),
        (meta("l4proto"), True),
        (meta("iifname"), {"set": ["*"]}),
        (meta("iifname"), "eth+"),
        (meta("oifname"), "eth\\*"),
        (meta("mark"), True),
        (payload("tcp", "dport"), True),
        (payload("tcp", "dport"), "80"),
        (payload("tcp", "dport"), 65536),
        ({"ct": {"key": "status"}}, "assured"),
        ({"ct": {"key": "state"}}, "*"),
        ({"concat": [payload("ip", "saddr"), payload("tcp", "dport")]}, {"set": []}),
        ({"&": [meta("mark"), 255]}, 1),
    ],
)
def test_what_is_not_understood_is_a_doubt(left: object, right: object) -> None:
    (asked,) = matching(left, right)
    assert isinstance(asked, c.Opaque)


def test_elements_of_sets_may_have_counters_and_time_left() -> None:
    element = {"elem": {"val": "10.0.0.1", "timeout": 9, "counter": {"packets": 1, "bytes": 2}}}
    (asked,) = matching(payload("ip", "saddr"), {"set": [element, "10.0.0.2"]})
    assert asked == c.Source((NET("10.0.0.1"), NET("10.0.0.2")))


@pytest.mark.parametrize(
    "statement",
    [
        {"meter": {"key": payload("ip", "saddr"), "stmt": {"limit": {"rate": 1}}, "name": "m"}},
        {"set": {"op": "add", "set": "@s", "elem": "x", "stmt": [{"limit": {"rate": 1}}]}},
        {"limit": {"rate": 1, "per": "second"}},
        {"xt": {"type": "match", "name": "socket"}},
    ],
)
def test_what_lets_only_some_packets_on_is_a_doubt(statement: object) -> None:
    (found,) = rules(statement, {"accept": None})
    assert [type(one) for one in found.conditions] == [c.Opaque]
    (added,) = rules({"set": {"op": "add", "set": "@s", "elem": "x"}}, {"accept": None})
    assert added.conditions == ()


def test_counters_are_numbers() -> None:
    assert [r.counters for r in rules({"counter": {"packets": True, "bytes": 1}})] == [None]


def test_what_is_nested_too_deep_to_be_told_is_refused() -> None:
    for depth in (300, 480, 900, 990):
        nested = f'{{"accept": {"[" * depth}{"]" * depth}}}'
        place = '"family": "ip", "table": "t", "chain": "c"'
        document = f'{{"nftables": [{{"rule": {{{place}, "expr": [{nested}]}}}}]}}'
        try:
            assert parse_nftables(document).tables[0].chains[0].rules
        except FormatError:
            continue


def test_a_map_of_verdicts_is_a_rule_for_each_element() -> None:
    elements = [["a", {"jump": {"target": "c"}}], [7, {"drop": None}]]
    first, second = rules(
        {"vmap": {"key": meta("iifname"), "data": {"set": elements}}}, {"accept": None}
    )
    assert (first.conditions, first.effect) == ((c.InInterface(("a",)),), Effect.JUMP)
    assert (second.conditions, second.effect) == ((c.Opaque("7"),), Effect.DROP)
    assert rules({"vmap": {"key": meta("oifname"), "data": {"set": []}}}) == []
    (port,) = rules(
        {"vmap": {"key": payload("tcp", "dport"), "data": {"set": [[80, {"drop": 0}]]}}}
    )
    assert port.conditions == (c.Protocols(("tcp",)), c.DestinationPorts(((80, 80),)))


@pytest.mark.parametrize(
    "vmap",
    [
        {"key": meta("iifname"), "data": "@unknown"},
        {"key": meta("iifname"), "data": {"set": ["a"]}},
        {"key": meta("iifname"), "data": {"set": [["a"]]}},
        {"key": meta("cpu"), "data": {"set": [[0, {"drop": None}]]}},
    ],
)
def test_a_map_that_is_not_understood_may_do_anything(vmap: object) -> None:
    (found,) = rules({"vmap": vmap})
    assert found.effect is Effect.UNKNOWN
    assert isinstance(found.conditions[0], c.Opaque)


def test_other_families_are_left_out_and_orphans_told() -> None:
    told = ruleset(
        {"table": {"family": "bridge", "name": "b"}},
        {"rule": {"family": "ip", "table": "t", "chain": "gone", "handle": 7, "expr": []}},
        {"chain": {"family": "ip", "table": "t", "name": "odd", "hook": "input", "prio": "x"}},
        {"element": {"family": "ip", "table": "t"}},
        "nonsense",
    )
    assert [(t.name, [ch.name for ch in t.chains]) for t in told.tables] == [("t", ["odd", "gone"])]
    assert (told.tables[0].chains[0].priority, told.tables[0].chains[0].policy) == (
        0,
        Effect.UNKNOWN,
    )
    assert [str(one) for one in told.diagnostics] == [
        "nft: rule 7: it is of a chain that is not there"
    ]


@pytest.mark.parametrize("text", ["", "[]", '{"nftables": {}}', "[" * 100_000])
def test_what_is_no_rule_set_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="expected"):
        parse_nftables(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
PARTS = st.dictionaries(
    st.sampled_from(["match", "vmap", "counter", "dnat", "reject", "xt", "jump", "drop"]), JSON
)


@given(st.lists(PARTS, max_size=4))
def test_no_document_is_too_odd(expressions: list[object]) -> None:
    place = {"family": "inet", "table": "t", "chain": "c", "expr": expressions}
    assert ruleset({"rule": place}).tables[0].name == "t"


@given(st.text())
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        parse_nftables(text)
    except FormatError:
        pass
    else:
        assert "nftables" in text
