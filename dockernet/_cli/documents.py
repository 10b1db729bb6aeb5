"""Values as parts of JSON documents. Fields are added; none changes its meaning."""

from __future__ import annotations

from collections.abc import Iterable

from dockernet._published_rules import PublishedRules
from dockernet.doctor.findings import Finding, Report
from dockernet.formats.forwarding import iptables_commands
from dockernet.model.addresses import IPAddress, IPNetwork
from dockernet.model.bindings import HostBinding
from dockernet.model.conflicts import PortConflict
from dockernet.model.containers import Attachment, Container
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.endpoints import Endpoint
from dockernet.model.explanations import Explanation, Peer
from dockernet.model.firewalls import PlacedRule
from dockernet.model.forwarding import ForwardingPlan, ForwardRule
from dockernet.model.hosts_lines import HostsLine
from dockernet.model.links import Link
from dockernet.model.networks import Network
from dockernet.model.ports import Port, PortRange
from dockernet.model.publications import Publication
from dockernet.model.vantage import Interface, Vantage
from dockernet.refusals import Refusal

__all__ = [
    "Document",
    "conflict",
    "container",
    "diagnostic",
    "endpoint",
    "explanation",
    "forwarding_plan",
    "hosts_line",
    "link",
    "network",
    "peer",
    "placed_rule",
    "publication",
    "published",
    "published_rules",
    "refusal",
    "report",
    "texts",
    "vantage",
]

Document = dict[str, object]


def texts(values: Iterable[IPAddress | IPNetwork | Port]) -> list[str]:
    """Values by their texts."""
    return [str(value) for value in values]


def container(value: Container, recipients: Iterable[tuple[str, str]]) -> Document:
    """A container, and who links to it."""
    return {
        "id": value.id,
        "name": value.name,
        "image": value.image,
        "state": value.state,
        "health": value.health,
        "network_mode": value.network_mode,
        "networks": [_attachment(a) for a in value.networks],
        "ports": [_port(port, bindings) for port, bindings in value.ports.items()],
        "links": [{"peer": one.peer, "alias": one.alias} for one in value.links or ()],
        "linked_from": [{"recipient": name, "alias": alias} for name, alias in recipients],
        "project": value.project,
        "service": value.service,
        "created": None if value.created is None else value.created.isoformat(),
    }


def _attachment(value: Attachment) -> Document:
    return {
        "network": value.network,
        "network_id": value.network_id,
        "addresses": texts(value.addresses),
        "names": list(value.names),
        "gateways": texts(value.gateways),
    }


def _port(port: Port, bindings: Iterable[HostBinding]) -> Document:
    return {
        "port": port.number,
        "protocol": port.protocol,
        "bindings": [_binding(binding) for binding in bindings],
    }


def _binding(value: HostBinding) -> Document:
    number = value.host_port
    return {
        "host_ip": None if value.host_ip is None else str(value.host_ip),
        "host_port": str(number) if isinstance(number, PortRange) else number,
    }


def published(peer: Container, port: Port, binding: HostBinding) -> Document:
    """A published port: of which container, and where on the host."""
    return {
        "container": peer.name,
        "id": peer.id,
        "project": peer.project,
        "service": peer.service,
        "port": port.number,
        "protocol": port.protocol,
        **_binding(binding),
    }


def conflict(value: PortConflict) -> Document:
    """A host port that is taken, and who holds it."""
    return {
        "port": value.port.number,
        "protocol": value.port.protocol,
        **_binding(value.binding),
        "taken": value.host_port,
        "held": None if value.held is None else _binding(value.held),
        "container": value.container,
        "id": value.container_id,
        "pid": value.pid,
        "process": value.process,
        "rival": None if value.rival is None else str(value.rival),
    }


def publication(value: Publication) -> Document:
    """A published port with what a report says of it."""
    return {
        **published(value.container, value.port, value.binding),
        "exposure": value.exposure,
        "mismatch": value.mismatch,
        "rivals": list(value.rivals),
    }


def network(value: Network, members: int) -> Document:
    """A network, and how many running containers are on it."""
    return {
        "id": value.id,
        "name": value.name,
        "driver": value.driver,
        "scope": value.scope,
        "subnets": texts(value.subnets),
        "gateways": texts(value.gateways),
        "internal": value.internal,
        "icc": value.icc,
        "masquerade": value.masquerade,
        "routed": list(value.routed),
        "interface": value.interface,
        "members": members,
    }


def link(value: Link, source: str) -> Document:
    """A link, without the peer's environment, which holds secrets."""
    return {
        "recipient": value.recipient,
        "alias": value.alias,
        "peer": value.peer,
        "addresses": texts(value.addresses),
        "ports": texts(value.ports),
        "kind": value.kind,
        "networks": list(value.networks),
        "state": value.peer_state,
        "dangling": value.dangling,
        "provenances": list(value.provenances),
        "source": source,
    }


def peer(value: Peer) -> Document:
    """A peer on one network."""
    return {
        "name": value.name,
        "id": value.id,
        "network": value.network,
        "addresses": texts(value.addresses),
        "sources": list(value.sources),
    }


def endpoint(value: Endpoint) -> Document:
    """An endpoint."""
    return {
        "host": str(value.host),
        "port": value.port,
        "protocol": value.protocol,
        "route": value.route,
        "network": value.network,
        "peer": value.peer,
        "container_port": None if value.container_port is None else str(value.container_port),
        "source": value.source,
    }


def refusal(value: Refusal) -> Document:
    """A route that cannot work."""
    return {
        "route": value.route,
        "reason": value.reason,
        "detail": value.detail,
        "fix": value.fix,
    }


def explanation(value: Explanation) -> Document:
    """An explanation."""
    return {
        "target": value.target,
        "vantage": vantage(value.vantage),
        "stand": value.stand,
        "asked": list(value.asked),
        "chosen": None if value.chosen is None else endpoint(value.chosen),
        "endpoints": [endpoint(one) for one in value.endpoints],
        "refusals": [refusal(one) for one in value.refusals],
        "diagnostics": [diagnostic(one) for one in value.diagnostics],
        "notes": list(value.notes),
        "near_misses": list(value.near_misses),
    }


def diagnostic(value: Diagnostic) -> Document:
    """What was odd; its value is no part of it."""
    return {"source": value.source, "subject": value.subject, "reason": value.reason}


def hosts_line(value: HostsLine) -> Document:
    """A line of a hosts file."""
    return {"address": str(value.address), "names": list(value.names)}


def vantage(value: Vantage) -> Document:
    """A vantage."""
    return {
        "kind": value.kind,
        "id": value.id,
        "name": value.name,
        "hostname": value.hostname,
        "network_owner": value.network_owner,
        "network_mode": value.network_mode,
        "networks": [_attachment(a) for a in value.networks],
        "interfaces": [_interface(i) for i in value.interfaces],
        "gateways": texts(value.gateways),
        "nameservers": texts(value.nameservers),
        "project": value.project,
        "service": value.service,
        "number": value.number,
    }


def forwarding_plan(value: ForwardingPlan) -> Document:
    """What is to be let through, and how."""
    return {
        "source": value.source,
        "to": value.to,
        "tag": value.tag,
        "backend": value.backend,
        "rules": [_forward_rule(rule) for rule in value.rules],
        "commands": [list(words) for words in iptables_commands(value)],
        "settings": list(value.forwards),
        "notes": list(value.notes),
    }


def _forward_rule(value: ForwardRule) -> Document:
    return {
        "family": value.family,
        "place": value.place.name.lower(),
        "action": value.action,
        "in_interface": value.in_interface or None,
        "out_interface": value.out_interface or None,
        "source": None if value.source is None else str(value.source),
        "destination": None if value.destination is None else str(value.destination),
        "ports": None if value.opening is None else str(value.opening),
        "answers": value.answers,
        "words": str(value),
    }


def placed_rule(value: PlacedRule) -> Document:
    """A rule of a firewall, and where it stands."""
    counters = value.rule.counters
    return {
        "backend": value.backend,
        "family": value.family,
        "table": value.table,
        "chain": value.chain,
        "position": value.position,
        "text": value.rule.text,
        "words": value.rule.words,
        "effect": value.rule.effect,
        "comment": value.rule.comment,
        "packets": None if counters is None else counters.packets,
        "bytes": None if counters is None else counters.octets,
    }


def published_rules(value: PublishedRules) -> Document:
    """A published port, and the rules that let it in."""
    decisive = value.journey.decisive
    return {
        **published(value.publication.container, value.publication.port, value.publication.binding),
        "family": value.family,
        "dnat": [placed_rule(one) for one in value.dnat],
        "accept": [placed_rule(one) for one in value.accept],
        "drop": [placed_rule(one) for one in value.drop],
        "user": [placed_rule(one) for one in value.user],
        "missing": list(value.missing),
        "proxied": value.proxied,
        "verdict": value.journey.verdict,
        "decided_by": None if decisive is None else placed_rule(decisive.placed),
        "doubts": [placed_rule(one.placed) for one in value.journey.doubts],
    }


def _interface(value: Interface) -> Document:
    return {
        "name": value.name,
        "addresses": texts(value.addresses),
        "subnets": texts(value.subnets),
    }


def report(value: Report) -> Document:
    """What an examination came to."""
    return {
        "target": value.target or None,
        "stand": value.stand,
        "healthy": value.healthy,
        "complete": value.complete,
        "findings": [_finding(one) for one in value.findings],
        "notes": list(value.notes),
    }


def _finding(value: Finding) -> Document:
    evidence = ({"kind": e.kind, "where": e.where, "text": e.text} for e in value.evidence)
    return {
        "code": value.code,
        "severity": value.severity,
        "subject": value.subject,
        "observed": value.observed,
        "evidence": list(evidence),
        "follows": value.follows,
        "fix": {
            "command": value.fix.command or None,
            "commands": [list(words) for words in value.fix.commands],
            "change": value.fix.change or None,
        },
        "causes": list(value.causes),
        "page": value.page,
    }
