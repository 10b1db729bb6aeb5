"""Whether what a plan's rules are for gets through a firewall: what stops it is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dockernet._journey import BLOCKED, Journey, journey
from dockernet.model.addresses import IPAddress, IPNetwork
from dockernet.model.firewalls import Firewall, PlacedRule
from dockernet.model.forwarding import Action, ForwardRule, Place
from dockernet.model.packets import Packet
from dockernet.model.vantage import Vantage

__all__ = ["first_packet", "opening_rules", "stopping"]


def opening_rules(rules: Iterable[ForwardRule]) -> Iterator[ForwardRule]:
    """The rules that let first packets through."""
    for rule in rules:
        if rule.action is Action.ACCEPT and not rule.answers and rule.place is not Place.RAW:
            yield rule


def stopping(
    rules: Iterable[ForwardRule], firewall: Firewall, machine: Vantage
) -> tuple[PlacedRule, ...]:
    """The rules that stop what a plan's rules let through, without a doubt.

    A rule is stopped where two packets that it is for are: one of low addresses and the
    lowest port, and one of the highest.

    Args:
        rules: The plan's rules.
        firewall: The firewall, with these rules in it.
        machine: The machine whose firewall it is.
    """
    found = (_stopping(rule, firewall, machine) for rule in opening_rules(rules))
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _stopping(rule: ForwardRule, firewall: Firewall, machine: Vantage) -> PlacedRule | None:
    packets = first_packet(rule), _last_packet(rule)
    ways = [journey(firewall, packet, machine) for packet in packets]
    return _due(ways[-1]) if all(way.verdict in BLOCKED for way in ways) else None


def _due(way: Journey) -> PlacedRule | None:
    return None if way.decisive is None else way.decisive.placed


def first_packet(rule: ForwardRule) -> Packet:
    """A packet that a rule lets through: of the lowest port, and low addresses.

    The first host of a subnet is the engine's host itself, mostly.
    """
    port = None if rule.opening is None else rule.opening.first
    return _packet(rule, _host(rule.source, 2), _host(rule.destination, 2), port)


def _last_packet(rule: ForwardRule) -> Packet:
    port = None if rule.opening is None else rule.opening.last
    return _packet(rule, _host(rule.source, -2), _host(rule.destination, -2), port)


def _host(network: IPNetwork | None, number: int) -> IPAddress | None:
    """An address of a subnet that may be one of its hosts."""
    if network is None:
        return None
    return network[number] if network.num_addresses > 2 else network[0]


def _packet(
    rule: ForwardRule, source: IPAddress | None, destination: IPAddress | None, port: int | None
) -> Packet:
    local = rule.place is Place.INPUT
    return Packet(
        protocol="tcp" if rule.opening is None else rule.opening.protocol,
        source=source,
        destination=destination,
        destination_type="LOCAL" if local else "UNICAST",
        port=port,
        in_interface=rule.in_interface,
        out_interface="" if local else rule.out_interface,
        family=rule.family,
    )
