"""What rules ask of packets: yes, no, or not known."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from firewalls import packet

from dockernet.model import conditions as c
from dockernet.model.packets import Packet

WEB = packet("172.17.0.2", 80, source="10.0.0.9", in_interface="eth0", out_interface="docker0")
NOTHING = Packet(port=None, mark=None, states=None)
SENT = packet(
    "172.17.0.2",
    80,
    states=("NEW", "DNAT"),
    original_destination="192.0.2.1",
    original_port=8080,
)
NET = (ip_network("172.17.0.0/16"),)


@pytest.mark.parametrize(
    "condition, asked, answer",
    [
        (c.InInterface(("eth0",)), WEB, True),
        (c.InInterface(("eth+",)), WEB, True),
        (c.InInterface(("wl*",)), WEB, False),
        (c.InInterface(("eth0",)), NOTHING, None),
        (c.OutInterface(("eth0",)), WEB, False),
        (c.OutInterface(("eth0",), negated=True), WEB, True),
        (c.OutInterface(("eth0",), negated=True), NOTHING, None),
        (c.Destination(NET), WEB, True),
        (c.Destination(NET), packet("::1"), False),
        (c.Destination(NET), NOTHING, None),
        (c.Source(NET), WEB, False),
        (c.Source(NET), NOTHING, None),
        (c.Source((ip_network("fe80::/10"),)), packet("::1", from_afar=True), False),
        (c.Source(NET), packet("10.0.0.1", from_afar=True), None),
        (c.Protocols(("tcp", "udp")), WEB, True),
        (c.Protocols(("udp",)), NOTHING, False),
        (c.Families((4,)), WEB, True),
        (c.Families((6,)), Packet(family=6), True),
        (c.Families((6,)), NOTHING, False),
        (c.DestinationPorts(((80, 90),)), WEB, True),
        (c.DestinationPorts(((81, 90),)), WEB, False),
        (c.DestinationPorts(((80, 90),)), NOTHING, None),
        (c.DestinationPorts(((80, 90),)), Packet(protocol="icmp"), False),
        (c.DestinationPorts(((80, 90),), negated=True), Packet(protocol="icmp"), False),
        (c.SourcePorts(((1, 2),)), packet("::1", source_port=2), True),
        (c.SourcePorts(((1, 2),)), WEB, None),
        (c.OriginalPorts(((8080, 8080),)), SENT, True),
        (c.OriginalPorts(((80, 80),)), WEB, True),
        (c.OriginalDestination(NET), SENT, False),
        (c.OriginalDestination(NET), WEB, True),
        (c.States(("NEW",)), WEB, True),
        (c.States(("DNAT",)), SENT, True),
        (c.States(("ESTABLISHED",), negated=True), WEB, True),
        (c.States(("NEW",)), NOTHING, None),
        (c.Direction(original=True), WEB, True),
        (c.Direction(original=False), WEB, False),
        (c.Direction(original=False), NOTHING, None),
        (c.Direction(original=True), Packet(states=("ESTABLISHED",)), None),
        (c.Mark(0), WEB, True),
        (c.Mark(1, 0xFF), packet("::1", mark=0x101), True),
        (c.Mark(0), NOTHING, None),
        (c.SourceType(("LOCAL",)), packet("::1", source_type="LOCAL"), True),
        (c.SourceType(("LOCAL",)), WEB, None),
        (c.DestinationType(("LOCAL",)), packet("::1", destination_type="UNICAST"), False),
        (c.DestinationType(("LOCAL",)), WEB, None),
        (c.TcpFlags(("SYN", "ACK"), ("SYN",)), WEB, True),
        (c.TcpFlags(("ACK",), ("ACK",)), WEB, False),
        (c.TcpFlags(("SYN",), ("SYN",)), Packet(states=("ESTABLISHED",)), None),
        (c.TcpFlags(("SYN",), ("SYN",)), NOTHING, None),
        (c.TcpFlags(("SYN",), ("SYN",)), Packet(protocol="udp"), False),
        (c.Opaque("--match-set x src"), WEB, None),
        (c.Opaque("--match-set x src", negated=True), WEB, None),
    ],
    ids=str,
)
def test_a_condition_holds_or_not_or_nobody_knows(
    condition: c.Condition, asked: Packet, answer: object
) -> None:
    assert condition.holds(asked) is answer


@pytest.mark.parametrize(
    "answers, whole",
    [("", True), ("y", True), ("yn", False), ("y?", None), ("n?", False), ("?n", False)],
)
def test_one_no_is_enough_whatever_else_is_not_known(answers: str, whole: object) -> None:
    kinds = {"y": c.Protocols(("tcp",)), "n": c.Protocols(("udp",)), "?": c.Opaque("")}
    assert c.all_hold((kinds[a] for a in answers), WEB) is whole


def test_a_single_address_is_told_from_a_subnet() -> None:
    (address,) = one = (ip_network("172.17.0.2"),)
    assert c.Destination(one).single == address.network_address
    assert c.Destination(one, negated=True).single is None
    assert c.Destination((*one, *one)).single is None
    assert c.Destination(NET).single is None


@pytest.mark.parametrize(
    "condition, words",
    [
        (c.Source(NET, negated=True), "not from 172.17.0.0/16"),
        (c.OriginalDestination(NET), "sent to 172.17.0.0/16"),
        (c.SourcePorts(((1, 2), (5, 5))), "from port 1-2,5"),
        (c.OriginalPorts(((5, 5),)), "sent to port 5"),
        (c.Families((4, 6)), "IPv4,IPv6"),
        (c.Direction(original=True), "on the way there"),
        (c.Direction(original=False), "on the way back"),
        (c.Mark(1, 255), "with mark 0x1/0xff"),
        (c.SourceType(("LOCAL",)), "from an address of type LOCAL"),
        (c.TcpFlags(("SYN", "ACK"), ("SYN",)), "with flags SYN of SYN,ACK"),
        (c.Opaque("-m set"), "(-m set)"),
    ],
)
def test_a_condition_is_told_in_words(condition: c.Condition, words: str) -> None:
    assert str(condition) == words
