"""Firewalls as they were recorded, and in few words."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from dockernet import Interface, Snapshot, Vantage
from dockernet.formats.iptables import parse_iptables
from dockernet.formats.nftables import parse_nftables
from dockernet.model.firewalls import Firewall
from dockernet.model.packets import Packet

DATA = Path(__file__).parents[1] / "data" / "firewall"
GENERATIONS = ("20.10", "26.1", "28.5")

SAVED = sorted(DATA.glob("*/ip*-save.txt"))


def text_of(path: Path) -> str:
    """A recorded text; no line end is changed on the way."""
    return path.read_bytes().decode()


def recorded_firewall(generation: str) -> Firewall:
    """The firewall of the host of an engine."""
    if generation == "29.1":
        return Firewall(tables=parse_nftables(text_of(DATA / "29.1/nft.json")).tables)
    four = parse_iptables(text_of(DATA / generation / "iptables-save.txt"), "ip")
    six = parse_iptables(text_of(DATA / generation / "ip6tables-save.txt"), "ip6")
    return Firewall(tables=(*four.tables, *six.tables))


def recorded_engine(generation: str) -> Snapshot:
    """The engine at that moment."""
    return Snapshot.load(DATA / generation / "engine.json")


def firewall(*lines: str, table: str = "filter") -> Firewall:
    """The firewall of a few lines of iptables-save; the built-in chains accept."""
    chains = "INPUT FORWARD OUTPUT" if table == "filter" else "PREROUTING OUTPUT POSTROUTING"
    declared = [f":{name} ACCEPT [0:0]" for name in chains.split()]
    return Firewall(tables=parse_iptables("\n".join([f"*{table}", *declared, *lines])).tables)


def packet(to: str | None = None, port: int | None = 80, **facts: Any) -> Packet:
    """A packet; addresses as texts."""
    for name in ("source", "original_destination"):
        if isinstance(facts.get(name), str):
            facts[name] = ip_address(facts[name])
    return Packet(destination=None if to is None else ip_address(to), port=port, **facts)


def interface(name: str, *addresses: str) -> Interface:
    """An interface; ``10.0.0.1/24`` is its address and its subnet."""
    own = tuple(ip_address(a.partition("/")[0]) for a in addresses)
    return Interface(
        name=name, addresses=own, subnets=tuple(ip_network(a, strict=False) for a in addresses)
    )


MACHINE = Vantage(
    interfaces=(
        interface("docker0", "172.17.0.1/16"),
        interface("eth0", "192.0.2.1/24", "2001:db8::1/64"),
        interface("lo", "127.0.0.1/8", "::1/128"),
    ),
    gateways=(ip_address("192.0.2.254"),),
)
