"""A recording of an engine's replies and a vantage, as one JSON document.

The document has the replies themselves, so that a recording is read by the code that
reads an engine; what no route depends on is left out before it is written, by the
tables of kept fields below.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Final, cast

from attrs import asdict, frozen

from dockernet.errors import FormatError
from dockernet.formats.engine import (
    parse_inspections,
    parse_listing,
    parse_networks,
    parse_profile,
    with_details,
    with_network_ids,
)
from dockernet.formats.json import Json, items, mapping, text
from dockernet.model.addresses import parse_address, parse_network
from dockernet.model.containers import Attachment, Container
from dockernet.model.facts import Inventory
from dockernet.model.vantage import Interface, Vantage, VantageKind

__all__ = ["SCHEMA", "Recording", "parse_recording", "record", "with_vantage"]

SCHEMA: Final = 1
"""The version of the document's form; a reader refuses a newer one."""

_ADDRESSES: Final = (IPv4Address, IPv6Address, IPv4Network, IPv6Network)

# Each table names the fields to keep; a nested table those of an object, or of each
# object of a list, with "*" for any key; None keeps a text or number, or a list of them.
_Kept = Mapping[str, Any]
_ATTACHMENTS: Final[_Kept] = {
    "*": dict.fromkeys(
        (
            "NetworkID",
            "IPAddress",
            "GlobalIPv6Address",
            "Gateway",
            "IPv6Gateway",
            "Aliases",
            "DNSNames",
            "Links",
        )
    )
}
_LABELS: Final[_Kept] = dict.fromkeys(
    f"com.docker.compose.{key}" for key in ("project", "service", "container-number", "oneoff")
)
_BINDINGS: Final[_Kept] = {"*": dict.fromkeys(("HostIp", "HostPort"))}
_LISTED: Final[_Kept] = {
    **dict.fromkeys(("Id", "Names", "Image", "Created", "State", "Status")),
    "Ports": dict.fromkeys(("IP", "PrivatePort", "PublicPort", "Type")),
    "Labels": _LABELS,
    "HostConfig": {"NetworkMode": None},
    "NetworkSettings": {"Networks": _ATTACHMENTS},
}
_INSPECTED: Final[_Kept] = {
    **dict.fromkeys(("Id", "Name", "Created")),
    "State": {"Status": None, "Health": {"Status": None}},
    "Config": {"Image": None, "Hostname": None, "ExposedPorts": {"*": {}}, "Labels": _LABELS},
    "HostConfig": {"NetworkMode": None, "PortBindings": _BINDINGS, "Links": None},
    "NetworkSettings": {"Ports": _BINDINGS, "Networks": _ATTACHMENTS},
}
_BRIDGE_OPTIONS: Final = (
    "name",
    "default_bridge",
    "enable_icc",
    "gateway_mode_ipv4",
    "gateway_mode_ipv6",
)
_NETWORK: Final[_Kept] = {
    **dict.fromkeys(("Id", "Name", "Driver", "Scope", "Internal")),
    "IPAM": {"Config": dict.fromkeys(("Subnet", "Gateway", "IPRange"))},
    "Options": dict.fromkeys(
        ("isolate", *(f"com.docker.network.bridge.{key}" for key in _BRIDGE_OPTIONS))
    ),
}
_VERSION: Final[_Kept] = {
    **dict.fromkeys(("Version", "ApiVersion", "MinAPIVersion")),
    "Components": {"Name": None},
}
_INFO: Final[_Kept] = {
    **dict.fromkeys(("Name", "OperatingSystem", "SecurityOptions", "IPv4Forwarding")),
    "FirewallBackend": {"Driver": None},
    "Swarm": {"LocalNodeState": None},
}


@frozen
class Recording:
    """What a recording holds.

    Attributes:
        vantage: Where it was taken from.
        inventory: What the engine told, every container in detail.
        listed: Its containers as a listing told them.
    """

    vantage: Vantage
    inventory: Inventory
    listed: tuple[Container, ...]


def record(
    vantage: Vantage,
    *,
    host: str | None,
    version: object,
    info: object,
    listing: object,
    inspections: object,
    networks: object,
    whole: bool = False,
) -> dict[str, Any]:
    """Make the document of an engine's replies.

    Args:
        vantage: Where they were asked from.
        host: The host part of the engine's URL.
        version: The reply to ``GET /version``.
        info: The reply to ``GET /info``.
        listing: The reply to ``GET /containers/json``.
        inspections: The replies to ``GET /containers/{id}/json``.
        networks: The reply to ``GET /networks``.
        whole: Keep the replies as they are.
    """

    def kept(reply: object, fields: _Kept) -> object:
        return reply if whole else _trimmed(reply, fields)

    return {
        "schema": SCHEMA,
        "vantage": _vantage_document(vantage),
        "engine": {"host": host, "version": kept(version, _VERSION), "info": kept(info, _INFO)},
        "listing": kept(listing, _LISTED),
        "inspections": kept(inspections, _INSPECTED),
        "networks": kept(networks, _NETWORK),
    }


def with_vantage(document: Mapping[str, Any], vantage: Vantage) -> dict[str, Any]:
    """The same recording, as if taken from another vantage."""
    return {**document, "vantage": _vantage_document(vantage)}


def parse_recording(document: object, source: str = "snapshot") -> Recording:
    """Parse a document that :func:`record` made.

    Raises:
        FormatError: It is no such document, or one of a newer schema.
    """
    known = mapping(document)
    schema: object = known.get("schema")
    if type(schema) is not int or schema != SCHEMA:
        found = f"schema {schema}" if type(schema) is int else "a document without a schema"
        raise FormatError(found, f"expected a snapshot of schema {SCHEMA}, the newest known here")
    engine = mapping(known.get("engine"))
    listed = parse_listing(known.get("listing"), source)
    read = parse_inspections(known.get("inspections"), source)
    networks = parse_networks(known.get("networks"), source)
    inventory = Inventory(
        source=source,
        engine=parse_profile(engine.get("version"), engine.get("info"), text(engine.get("host"))),
        containers=with_network_ids(with_details(listed.values, read.values), networks.values),
        networks=networks.values,
        diagnostics=(*listed.diagnostics, *read.diagnostics, *networks.diagnostics),
    )
    return Recording(_vantage(mapping(known.get("vantage"))), inventory, listed.values)


def _trimmed(value: object, kept: _Kept | None) -> object:
    if isinstance(value, list):
        return [_trimmed(item, kept) for item in items(cast("object", value))]
    if isinstance(value, dict) is (kept is None):
        return None  # of another kind than the table has it, so that no reader minds it
    if kept is None:
        return value
    every = kept.get("*")
    return {
        key: _trimmed(item, every if every is not None else kept[key])
        for key, item in mapping(value).items()
        if every is not None or key in kept
    }


# The vantage.


def _vantage_document(vantage: Vantage) -> dict[str, Any]:
    return asdict(vantage, value_serializer=lambda _, __, value: _plain(value))


def _plain(value: object) -> object:
    """As it would come back from JSON: lists for tuples, text for addresses and subnets."""
    if isinstance(value, tuple):
        return list(cast("tuple[object, ...]", value))
    return str(value) if isinstance(value, _ADDRESSES) else value


def _vantage(entry: Json) -> Vantage:
    number: object = entry.get("number")
    return Vantage(
        kind=_kind(text(entry.get("kind"))),
        id=_optional(entry, "id"),
        network_owner=_optional(entry, "network_owner"),
        hostname=text(entry.get("hostname")),
        interfaces=tuple(_interface(mapping(i)) for i in items(entry.get("interfaces"))),
        gateways=_addresses(entry.get("gateways")),
        nameservers=tuple(parse_address(text(n)) for n in items(entry.get("nameservers"))),
        name=_optional(entry, "name"),
        network_mode=_optional(entry, "network_mode"),
        networks=tuple(_attachment(mapping(n)) for n in items(entry.get("networks"))),
        project=_optional(entry, "project"),
        service=_optional(entry, "service"),
        number=number if isinstance(number, int) and number is not True else None,
    )


def _kind(value: str) -> VantageKind:
    try:
        return VantageKind(value)
    except ValueError:
        choices = ", ".join(VantageKind)
        raise FormatError(value, f"expected a kind of vantage: {choices}") from None


def _interface(entry: Json) -> Interface:
    subnets = tuple(parse_network(text(s)) for s in items(entry.get("subnets")))
    return Interface(
        name=text(entry.get("name")), addresses=_addresses(entry.get("addresses")), subnets=subnets
    )


def _attachment(entry: Json) -> Attachment:
    return Attachment(
        network=text(entry.get("network")),
        network_id=text(entry.get("network_id")),
        addresses=_addresses(entry.get("addresses")),
        aliases=_names(entry.get("aliases")),
        dns_names=_names(entry.get("dns_names")),
        gateways=_addresses(entry.get("gateways")),
    )


def _addresses(value: object) -> tuple[Any, ...]:
    return tuple(parse_address(text(a)) for a in items(value))


def _names(value: object) -> tuple[str, ...] | None:
    return None if value is None else tuple(text(name) for name in items(value))


def _optional(entry: Json, key: str) -> str | None:
    return text(entry.get(key)) or None
