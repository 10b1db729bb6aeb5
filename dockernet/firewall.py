r"""The firewall of the engine's host: read, asked about a packet, seen from published ports.

>>> from ipaddress import ip_address
>>> from dockernet.firewall import Firewall, Packet, journey, parse_iptables
>>> saved = parse_iptables(
...     "*filter\n:INPUT ACCEPT [0:0]\n"
...     "-A INPUT -i docker0 -j REJECT --reject-with icmp-host-prohibited\nCOMMIT\n"
... )
>>> packet = Packet(
...     destination=ip_address("172.17.0.1"), port=8080, in_interface="docker0",
...     destination_type="LOCAL",
... )
>>> told = journey(Firewall(tables=saved.tables), packet)
>>> told.verdict, told.decisive.placed.where
(<Verdict.REJECT: 'reject'>, 'ip filter INPUT 1')
"""

from __future__ import annotations

from dockernet._journey import Journey, Step, Verdict
from dockernet._journey import journey as _journey
from dockernet._published_rules import FirewallReport, PublishedRules, firewall_report
from dockernet._standing import Stand, standing
from dockernet.errors import SourceError
from dockernet.formats.iptables import SavedRules, parse_iptables, render_iptables
from dockernet.formats.nftables import NftRuleset, parse_nftables
from dockernet.model.facts import Want
from dockernet.model.firewalls import (
    Chain,
    Counters,
    Effect,
    Firewall,
    Hook,
    NewDestination,
    PlacedRule,
    Rule,
    Table,
)
from dockernet.model.packets import Packet
from dockernet.model.vantage import Vantage
from dockernet.sources.engine import Engine
from dockernet.sources.firewall import SOURCE, read_firewall
from dockernet.sources.vantage import read_vantage

__all__ = [
    "Chain",
    "Counters",
    "Effect",
    "Firewall",
    "FirewallReport",
    "Hook",
    "Journey",
    "NewDestination",
    "NftRuleset",
    "Packet",
    "PlacedRule",
    "PublishedRules",
    "Rule",
    "SavedRules",
    "Step",
    "Table",
    "Verdict",
    "journey",
    "parse_iptables",
    "parse_nftables",
    "published",
    "read",
    "render_iptables",
]


def read(timeout: float = 5.0) -> Firewall:
    """Read every rule that stands in a packet's way on this machine.

    It runs ``iptables-save``, ``ip6tables-save`` and ``nft``, and changes nothing.

    Args:
        timeout: Seconds for each of them.

    Raises:
        SourceError: None of them is there, or they may not be asked: it says what is
            lacking.
    """
    return read_firewall(timeout)


def journey(firewall: Firewall, packet: Packet, machine: Vantage | None = None) -> Journey:
    """Follow a packet through a firewall: which rules are for it, what becomes of it.

    What is not known stays so: a rule with a match that nobody here understands is a
    doubt, and never taken for one that is for the packet, or is not.

    Args:
        firewall: The firewall.
        packet: The packet as it sets out.
        machine: The machine whose firewall it is; nothing is known of its addresses
            and routes unless it is given.
    """
    return _journey(firewall, packet, Vantage() if machine is None else machine)


def published(engine: Engine, timeout: float = 5.0) -> FirewallReport:
    """Find the rules of every published port of an engine, and the rules of none.

    Args:
        engine: The engine; its host must be this machine.
        timeout: Seconds for each program that is asked for rules.

    Raises:
        SourceError: This machine is not the engine's host, its firewall cannot be read,
            or the engine cannot be asked.
    """
    machine = read_vantage()
    inventory = next(iter(engine.read(Want(None, machine))))
    stand = standing(machine, inventory).stand
    if stand is not Stand.HOST:
        raise SourceError(
            SOURCE, f"it is that of the engine's host, and here is {stand}: ask it there, as root"
        )
    return firewall_report(read_firewall(timeout), engine.published(), inventory, machine)
