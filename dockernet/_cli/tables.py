"""Values as tables and lines for people. What comes from outside is escaped later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import frozen

from dockernet._cli.answers import Cell, Line, Table, Tone
from dockernet._published_rules import FirewallReport, PublishedRules
from dockernet.model.addresses import IPAddress, IPNetwork
from dockernet.model.bindings import HostBinding
from dockernet.model.changes import ChangeKind, ContainerChange
from dockernet.model.containers import Attachment, Container
from dockernet.model.endpoint_changes import EndpointChange
from dockernet.model.endpoints import Endpoint
from dockernet.model.explanations import Explanation, Peer
from dockernet.model.firewalls import PlacedRule
from dockernet.model.links import Link
from dockernet.model.networks import Network
from dockernet.model.ports import Port
from dockernet.model.publications import Publication
from dockernet.model.vantage import Vantage

__all__ = [
    "Listed",
    "container_change",
    "containers",
    "endpoint_change",
    "endpoints",
    "explanation",
    "firewall",
    "launched",
    "line",
    "links",
    "networks",
    "peers",
    "port_lines",
    "publications",
    "published",
    "vantage",
]

_YES = {True: "yes", False: "no"}

Published = tuple[Container, Port, HostBinding]


def line(text: str, tone: Tone = Tone.PLAIN) -> tuple[Line, ...]:
    """One line."""
    return (Line(text, tone),)


@frozen
class Listed:
    """A container, and what only the others tell of it.

    Attributes:
        container: The container.
        recipients: Who links to it, with the alias.
        owner: The name of the container whose network it uses; ``None`` where that is
            its own.
    """

    container: Container
    recipients: tuple[tuple[str, str], ...] = ()
    owner: str | None = None


def containers(values: Iterable[Listed]) -> Table:
    """Containers."""
    return Table(
        ("NAME", "STATE", "IMAGE", "NETWORKS", "PORTS", "LINKS"),
        tuple(
            (
                str(value.container),
                _state(value.container),
                value.container.image,
                _networks(value),
                _items(str(value.container.ports)),
                _linked(value),
            )
            for value in values
        ),
    )


def _state(value: Container) -> str:
    return value.state if value.health is None else f"{value.state} ({value.health})"


def _attached(value: Attachment) -> str:
    return " ".join((value.network, *map(str, value.addresses)))


def _items(text: str) -> tuple[str, ...]:
    return tuple(text.split(", ")) if text else ()


def _networks(value: Listed) -> tuple[str, ...]:
    if value.owner is not None:
        return (f"container:{value.owner}",)
    return tuple(map(_attached, value.container.networks))


def _linked(value: Listed) -> tuple[str, ...]:
    given = (f"-> {link}" for link in value.container.links or ())
    taken = (f"<- {recipient}:{alias}" for recipient, alias in value.recipients)
    return (*given, *taken)


def published(values: Iterable[Published]) -> Table:
    """Published ports."""
    return Table(
        ("CONTAINER", "SERVICE", "PORT", "BINDING"),
        tuple((str(c), _service(c), str(port), str(binding)) for c, port, binding in values),
    )


def publications(values: Iterable[Publication]) -> Table:
    """The report of published ports."""
    return Table(
        ("CONTAINER", "SERVICE", "PORT", "BINDING", "EXPOSURE", "MISMATCH", "CONFLICTS"),
        tuple(
            (
                str(value.container),
                _service(value.container),
                str(value.port),
                str(value.binding),
                value.exposure,
                value.mismatch or "",
                value.rivals,
            )
            for value in values
        ),
    )


def firewall(value: FirewallReport) -> Table:
    """Published ports with the rules that let them in, then the rules of none."""
    return Table(
        ("CONTAINER", "PORT", "BINDING", "STATE", "RULES", "PASSES"),
        (*map(_let_in, value.published), *map(_stale, value.stale)),
    )


def _let_in(value: PublishedRules) -> tuple[Cell, ...]:
    published, journey = value.publication, value.journey
    rules = (*value.drop, *value.dnat, *value.user, *value.accept)
    return (
        str(published.container),
        str(published.port),
        str(published.binding),
        _rule_state(value),
        tuple(map(_ruled, rules)),
        str(journey) if journey.verdict is journey.assumed else f"not known: {journey}",
    )


def _rule_state(value: PublishedRules) -> str:
    if value.missing:
        return " ".join(("no rule:", *value.missing))
    return "proxied" if value.proxied else "let in"


def _stale(value: PlacedRule) -> tuple[Cell, ...]:
    return ("", "", "", "no container", (_ruled(value),), value.rule.words)


def _ruled(value: PlacedRule) -> str:
    """A rule, where it stands, and what it was for so far."""
    counters = value.rule.counters
    counted = "" if counters is None else f" ({counters.packets} packets)"
    return f"{value.rule.effect} {value.where}{counted}"


def _service(value: Container) -> str:
    """The Compose service, in the form that a target takes."""
    return f"{value.project}/{value.service}" if value.project and value.service else ""


def port_lines(values: Iterable[Published], *, one: bool) -> tuple[Line, ...]:
    """Published ports of one container, as ``docker port`` prints them.

    Args:
        values: The ports.
        one: Whether one port was asked for, so that the lines do not name it.
    """
    # docker/cli, cli/command/container/port.go
    return tuple(
        Line(_bound(binding) if one else f"{port} -> {_bound(binding)}")
        for _, port, binding in values
    )


def _bound(value: HostBinding) -> str:
    """A binding; where `docker ps` prints 0 for a routed port, `docker port` prints none."""
    return str(value) if value.host_port else str(value).removesuffix("0")


def launched(value: Container, dialled: Mapping[Port, Endpoint]) -> Table:
    """A container that was launched: its ports, and what to dial for each."""
    rows = [
        (str(value), str(port), tuple(map(str, bindings)), str(dialled.get(port, "")))
        for port, bindings in value.ports.items()
    ]
    return Table(
        ("CONTAINER", "PORT", "BINDING", "DIAL"), tuple(rows) or ((str(value), "", "", ""),)
    )


def networks(values: Iterable[tuple[Network, int]]) -> Table:
    """Networks, each with the number of running containers on it."""
    return Table(
        ("NAME", "DRIVER", "SUBNETS", "GATEWAYS", "INTERNAL", "ICC", "ROUTED", "MEMBERS"),
        tuple(
            (
                value.name,
                value.driver,
                _texts(value.subnets),
                _texts(value.gateways),
                _YES[value.internal],
                _YES[value.icc],
                tuple(f"IPv{family}" for family in value.routed),
                str(members),
            )
            for value, members in values
        ),
    )


def _texts(values: Iterable[IPAddress | IPNetwork | Port]) -> tuple[str, ...]:
    return tuple(map(str, values))


def links(values: Iterable[Link]) -> Table:
    """Links, each with the places that tell it."""
    return Table(
        ("RECIPIENT", "ALIAS", "PEER", "NETWORKS", "ADDRESSES", "PORTS", "LEARNT FROM"),
        tuple(
            (
                value.recipient or "",
                value.alias,
                _linked_peer(value),
                value.networks,
                _texts(value.addresses),
                _texts(value.ports),
                tuple(map(str, value.provenances)),
            )
            for value in values
        ),
    )


def _linked_peer(value: Link) -> str:
    """The peer of a link, and its state where it does not run."""
    marked = value.peer_state not in (None, "running")
    return f"{value.peer} ({value.peer_state})" if marked else value.peer or ""


def peers(values: Iterable[Peer]) -> Table:
    """Peers."""
    return Table(
        ("NAME", "NETWORK", "ADDRESSES", "SOURCES"),
        tuple((v.name, v.network or "", _texts(v.addresses), v.sources) for v in values),
    )


def endpoints(values: Iterable[Endpoint]) -> Table:
    """Endpoints with their routes, without headings: the first word is what to dial."""
    return Table(
        (),
        tuple(
            (str(v), v.protocol, v.peer or "", str(v.route), v.network or "", v.source)
            for v in values
        ),
    )


_TONES = {"  -> ": Tone.ANSWER, "  no ": Tone.REFUSAL, "  odd": Tone.ASIDE}


def explanation(value: Explanation) -> tuple[Line, ...]:
    """An explanation, in its own words."""
    first, *rest = str(value).split("\n")
    return (
        Line(first, Tone.HEADING),
        *(Line(text, _TONES.get(text[:5], Tone.PLAIN)) for text in rest),
    )


def vantage(value: Vantage) -> Table:
    """A vantage, by what is known of it."""
    rows: tuple[tuple[str, Cell], ...] = (
        ("kind", value.kind),
        ("name", value.name or ""),
        ("id", value.id or ""),
        ("hostname", value.hostname),
        ("network mode", value.network_mode or ""),
        ("network owner", "" if value.network_owner == value.id else value.network_owner or ""),
        ("networks", tuple(map(_attached, value.networks))),
        ("addresses", _texts(value.addresses)),
        ("subnets", _texts(value.subnets)),
        ("gateways", _texts(value.gateways)),
        ("name servers", _texts(value.nameservers)),
        ("project", value.project or ""),
        ("service", value.service or ""),
        ("number", "" if value.number is None else str(value.number)),
    )
    return Table((), tuple(row for row in rows if row[1]))


def container_change(value: ContainerChange) -> tuple[Line, ...]:
    """What changed of a container; of one that was renamed, the name that it had."""
    renamed = ChangeKind.RENAMED in value.why
    return line(f"{value.before} -> {value}" if renamed else str(value))


def endpoint_change(value: EndpointChange) -> tuple[Line, ...]:
    """What changed of the endpoints of a target."""
    return line(str(value), Tone.ANSWER if value.after else Tone.REFUSAL)
