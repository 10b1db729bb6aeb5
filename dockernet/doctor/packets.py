"""Packets that callers would send, and what the firewall of the engine's host makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from attrs import frozen

from dockernet._journey import BLOCKED, Step, Verdict, journey
from dockernet.doctor import fixes
from dockernet.doctor.codes import Code
from dockernet.doctor.examined import Examined
from dockernet.doctor.findings import Evidence, Finding, Fix, Kind
from dockernet.model.addresses import IPAddress
from dockernet.model.conditions import (
    Destination,
    DestinationPorts,
    InInterface,
    OutInterface,
    Source,
)
from dockernet.model.containers import Attachment, Container
from dockernet.model.endpoints import Endpoint
from dockernet.model.firewalls import ENGINE_CHAIN, ENGINE_TABLE, USER_CHAIN, Hook, PlacedRule
from dockernet.model.networks import Network
from dockernet.model.packets import Packet
from dockernet.model.places import BRIDGE_FILTER, Outcome
from dockernet.model.ports import Port
from dockernet.refusals import Route

__all__ = [
    "Sent",
    "closes",
    "judged",
    "kept_off",
    "rule_seen",
    "sent_by",
    "sent_to",
    "way_out",
]

_ON_BRIDGE: Final = frozenset({Route.SHARED_NETWORK, Route.LINK})
_LOST: Final = frozenset({Outcome.TIMED_OUT, Outcome.NO_ROUTE, Outcome.FAILED})
# What can have become of it where not all can.
_COULD: Final[Mapping[Outcome | None, frozenset[Verdict]]] = {
    Outcome.REFUSED: frozenset({Verdict.REJECT}),
    Outcome.CLOSED: frozenset(),
}
_RESTART: Final = "restart the engine: it writes its rules anew"
_ACCEPTED: Final = "accept these packets before it: it is for all others, too"
_KEPT_APART: Final = "leave the rule, which is the engine's: connect both to one network"
# What makes a rule one for some packets alone.
_NARROW: Final = (Source, Destination, InInterface, OutInterface, DestinationPorts)


@frozen(kw_only=True)
class Sent:
    """A packet that a caller would send.

    Attributes:
        packet: The packet.
        subject: What is dialled.
        network: The network that it comes from; ``None`` where it is no container's.
    """

    packet: Packet
    subject: str
    network: Network | None = None


def sent_by(examined: Examined, endpoint: Endpoint) -> Sent | None:
    """The packet that dialling an endpoint would send; ``None`` where none meets a firewall."""
    if isinstance(endpoint.host, str):
        return None
    if examined.on_host:
        packet = sent_to(endpoint.host, endpoint.port, endpoint.protocol, in_interface="")
        return Sent(packet=packet, subject=str(endpoint))
    caller = examined.caller
    if caller is None or endpoint.route is Route.SAME_NAMESPACE:
        return None
    way = way_out(examined, caller, endpoint.host.version, endpoint.network)
    if way is None or (endpoint.route in _ON_BRIDGE and not _filters_bridges(examined)):
        return None
    address, network = way
    packet = sent_to(
        endpoint.host,
        endpoint.port,
        endpoint.protocol,
        source=address,
        in_interface=network.interface,
    )
    return Sent(packet=packet, subject=str(endpoint), network=network)


def sent_to(
    to: IPv4Address | IPv6Address,
    port: int,
    protocol: str = "tcp",
    *,
    source: IPAddress | None = None,
    in_interface: str | None,
) -> Packet:
    """A packet to a port."""
    return Packet(
        protocol=protocol,
        source=source,
        destination=to,
        port=port,
        in_interface=in_interface,
        source_type=None if source is None else "UNICAST",
    )


def way_out(
    examined: Examined, caller: Container, family: int, name: str | None = None
) -> tuple[IPAddress, Network] | None:
    """A caller's address and network for an endpoint.

    It is the network that is named, else the one of its default route, else any that leads
    out.
    """
    leading = frozenset(examined.vantage.gateways)
    places = sorted(
        caller.networks, key=lambda a: (a.network != name, leading.isdisjoint(a.gateways))
    )
    for place in places:
        network = examined.network(place.network_id)
        if network is None or not network.is_bridge:
            continue
        if network.internal and place.network != name:
            continue
        address = _address(place, family)
        if address is not None:
            return address, network
    return None


def _address(place: Attachment, family: int) -> IPAddress | None:
    return next((a for a in place.addresses if a.version == family), None)


def _filters_bridges(examined: Examined) -> bool:
    """Whether what crosses a bridge meets the firewall, too."""
    return examined.switches is not None and examined.switches.get(BRIDGE_FILTER) == "1"


def judged(
    examined: Examined, sent: Sent, *, outcome: Outcome | None = None, wanted: bool = True
) -> Finding | None:
    """What a firewall does to a packet, where it does not let it pass.

    Args:
        examined: What was gathered.
        sent: The packet.
        outcome: What came of dialling, where it was dialled. Of what is known not to pass,
            the likeliest rule will do.
        wanted: Whether somebody wants to send it. Else a host that lets nobody in who is
            not meant to be is as it should be.
    """
    if examined.firewall is None or examined.machine is None:
        return None
    told = journey(examined.firewall, sent.packet, examined.machine)
    verdict, step = told.assumed if outcome in _LOST else told.verdict, told.decisive
    if step is None or verdict not in _COULD.get(outcome, BLOCKED):
        return None
    return kept_off(sent, verdict, step) if wanted or not closes(step) else None


def kept_off(sent: Sent, verdict: Verdict, step: Step) -> Finding:
    """A packet that does not pass, by the rule that it is due to."""
    code = _code(step.placed, step.hook, verdict, sent)
    return Finding(
        code=code,
        subject=sent.subject,
        observed=_words(sent, step.placed, verdict),
        evidence=(rule_seen(step.placed),),
        fix=_fix(code, sent, step.placed),
    )


def _code(placed: PlacedRule, hook: Hook, verdict: Verdict, sent: Sent) -> Code:
    if hook is Hook.INPUT and sent.network is not None:
        return Code.HOST_REJECTS_CONTAINERS
    if placed.position is None:
        return Code.BLOCKED_BY_POLICY
    return Code.DROPPED_BY_RULE if verdict is Verdict.DROP else Code.REJECTED_BY_RULE


def _words(sent: Sent, placed: PlacedRule, verdict: Verdict) -> str:
    origin = f"from network {sent.network}" if sent.network is not None else "from the host"
    origin = "from outside" if sent.packet.from_afar else origin
    done = {Verdict.DROP: "dropped", Verdict.REJECT: "rejected"}[verdict]
    return f"what goes {origin} to {sent.subject} is {done} by {placed.where}"


def rule_seen(placed: PlacedRule) -> Evidence:
    """A rule as evidence."""
    return Evidence(Kind.RULE, placed.where, placed.rule.text or str(placed.rule))


def _fix(code: Code, sent: Sent, placed: PlacedRule) -> Fix:
    packet = sent.packet
    if code is Code.HOST_REJECTS_CONTAINERS and sent.network is not None and packet.port:
        # Only these have numbers that a rule can name.
        port = Port.parse(f"{packet.port}/{packet.protocol}")
        return fixes.let_in(sent.network, "host", [port], packet.version)
    if placed.position is None:
        return Fix((), _RESTART if placed.chain == Hook.FORWARD else _ACCEPTED)
    if placed.table == ENGINE_TABLE or (
        placed.chain.startswith(ENGINE_CHAIN) and placed.chain != USER_CHAIN
    ):
        return Fix((), _KEPT_APART)
    # What deletes a rule that is for everything lets in everything.
    return fixes.delete_rule(placed) if _is_narrow(placed) else Fix((), _ACCEPTED)


def _is_narrow(placed: PlacedRule) -> bool:
    """Whether it is for some packets alone."""
    return any(placed.rule.asks(kind) is not None for kind in _NARROW)


def closes(step: Step) -> bool:
    """Whether it closes the host itself to all that is not let in, as ufw and firewalld do."""
    return step.hook is Hook.INPUT and not _is_narrow(step.placed)
