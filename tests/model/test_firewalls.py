"""Rules and where they stand."""

from __future__ import annotations

import pytest
from firewalls import GENERATIONS, firewall, recorded_firewall

from dockernet.model.firewalls import Effect, Firewall, NewDestination, Rule
from dockernet.model.packets import protocol_name


@pytest.mark.parametrize(
    "rule, words",
    [
        (Rule(effect=Effect.DROP), "everything: drop"),
        (Rule(effect=Effect.UNKNOWN, target="NFQUEUE"), "everything: NFQUEUE"),
        (Rule(effect=Effect.UNKNOWN), "everything: something unknown"),
        (Rule(effect=Effect.GOTO, target="x"), "everything: go to x"),
        (Rule(new_destination=NewDestination(here=True)), "everything: send to this host"),
        (
            Rule(new_destination=NewDestination(port=80)),
            "everything: send to the same address, port 80",
        ),
        (
            Rule(new_destination=NewDestination(several=True)),
            "everything: send to one of several",
        ),
    ],
)
def test_a_rule_is_told_in_words(rule: Rule, words: str) -> None:
    assert str(rule) == rule.words == words


def test_a_placed_rule_says_where_it_stands() -> None:
    (placed,) = firewall("-A INPUT -i docker0 -j DROP").rules()
    assert str(placed) == "ip filter INPUT 1: in by docker0: drop"


@pytest.mark.parametrize("generation", GENERATIONS)
def test_rules_are_those_of_a_family_or_of_both(generation: str) -> None:
    fw: Firewall = recorded_firewall(generation)
    four, six = list(fw.rules(4)), list(fw.rules(6))
    assert {placed.family for placed in four} == {"ip"}
    assert {placed.family for placed in six} == {"ip6"}
    assert [*four, *six] == list(fw.rules())


@pytest.mark.parametrize(
    "text, name", [("6", "tcp"), ("TCP", "tcp"), ("ipv6-icmp", "icmpv6"), ("gre", "gre")]
)
def test_a_protocol_has_one_name(text: str, name: str) -> None:
    assert protocol_name(text) == name
