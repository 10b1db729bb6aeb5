"""Engine JSON of every API version, and of Podman, read into values.

This is the one place where untyped JSON enters. The shapes are those of moby's
``api/types/container`` and ``api/types/network``; what differs between versions is
said where it matters. Addresses come from ``NetworkSettings.Networks`` alone: the
fields beside it are gone from API 1.52. Odd parts are reported and left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import lru_cache, partial
from ipaddress import IPv4Address
from typing import Generic, TypeVar, cast

from attrs import evolve, frozen

from dockernet.errors import FormatError
from dockernet.formats.json import Json, items, mapping, text
from dockernet.model.addresses import IPAddress, address_order, parse_address, parse_network
from dockernet.model.bindings import HostBinding
from dockernet.model.containers import Attachment, Container
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.facts import EngineProfile
from dockernet.model.links import Link
from dockernet.model.mappings import FrozenMap, SecretMap
from dockernet.model.networks import Isolate, Network
from dockernet.model.portmap import PortMap
from dockernet.model.ports import Port, PortRange, Protocol
from dockernet.model.provenance import Provenance

__all__ = [
    "Reading",
    "docker_networks",
    "parse_environ",
    "parse_inspections",
    "parse_listing",
    "parse_networks",
    "parse_pid",
    "parse_profile",
    "podman_api",
    "with_details",
    "with_network_ids",
]

T = TypeVar("T")
V = TypeVar("V")

# Podman tells the ports that were asked for in every state (libpod/networking_common.go).
_WITHOUT_PORTS = frozenset({"created", "configured", "initialized", "exited", "stopped", "dead"})
# The id of Podman's default network, which it calls "bridge" towards Docker's clients
# and "podman" in the attachments of containers (pkg/api/handlers/compat/networks.go).
_PODMAN_DEFAULT = "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9"
_PODMAN_API = "4.0.0"
_REMEMBERING = (5, 0)
_HIGHEST = 65_535
_ANY_IPV4 = IPv4Address(0)
_HEALTH = re.compile(r"\((?:health: )?(healthy|unhealthy|starting)\)")
_NO_PORTS = PortMap()
_BRIDGE_OPTION = "com.docker.network.bridge."
_ISOLATE: dict[str, Isolate] = {"false": "false", "true": "true", "strict": "strict"}


@frozen
class Reading(Generic[T]):
    """The values that a reply holds, and what was odd in it.

    Attributes:
        values: What could be read, in the order of the reply.
        diagnostics: What could not.
    """

    values: tuple[T, ...]
    diagnostics: tuple[Diagnostic, ...]


def parse_listing(reply: object, source: str = "engine") -> Reading[Container]:
    """Parse the reply to ``GET /containers/json``.

    Raises:
        FormatError: The reply is no list at all.
    """
    return _each(reply, source, _listed)


def parse_inspections(reply: object, source: str = "engine") -> Reading[Container]:
    """Parse a list of replies to ``GET /containers/{id}/json``.

    Raises:
        FormatError: It is no list at all.
    """
    return _each(reply, source, _inspected)


def parse_networks(reply: object, source: str = "engine") -> Reading[Network]:
    """Parse the reply to ``GET /networks``.

    Raises:
        FormatError: The reply is no list at all.
    """
    return _each(reply, source, _network)


def parse_profile(version: object, info: object, host: str | None) -> EngineProfile:
    """Parse the replies to ``GET /version`` and ``GET /info`` of one engine."""
    told, more = mapping(version), mapping(info)
    security = map(text, items(more.get("SecurityOptions")))
    forwards: object = more.get("IPv4Forwarding")
    return EngineProfile(
        version=text(told.get("Version")),
        api_version=text(told.get("ApiVersion")),
        name=text(more.get("Name")),
        system=text(more.get("OperatingSystem")),
        rootless=any("name=rootless" in option.split(",") for option in security),
        podman=podman_api(version) is not None,
        oldest_api=text(told.get("MinAPIVersion")),
        firewall=text(mapping(more.get("FirewallBackend")).get("Driver")),
        swarm=text(mapping(more.get("Swarm")).get("LocalNodeState")),
        forwards=forwards if isinstance(forwards, bool) else None,
        host=_host(host),
    )


def parse_environ(reply: object) -> SecretMap:
    """Parse a container's own environment from the reply to ``GET /containers/{id}/json``.

    An entry without ``=`` unsets a variable and is left out, as engines do for links.
    """
    entries = (text(e) for e in items(mapping(mapping(reply).get("Config")).get("Env")))
    pairs = (e.partition("=") for e in entries if "=" in e)
    return SecretMap({name: value for name, _, value in pairs})


def parse_pid(reply: object) -> int | None:
    """Parse the first process's number from the reply to ``GET /containers/{id}/json``.

    Example:
        >>> from dockernet.formats.engine import parse_pid
        >>> parse_pid({"State": {"Running": True, "Pid": 4711}}), parse_pid({"State": {"Pid": 0}})
        (4711, None)
    """
    pid = mapping(mapping(reply).get("State")).get("Pid")
    return pid if isinstance(pid, int) and pid > 0 else None


def podman_api(version: object) -> str | None:
    """The oldest version of Podman's own API at an engine; ``None`` where it is no Podman.

    Args:
        version: The reply to ``GET /version``.
    """
    components = (mapping(c) for c in items(mapping(version).get("Components")))
    found = next((c for c in components if text(c.get("Name")).startswith("Podman")), None)
    if found is None:
        return None
    return text(mapping(found.get("Details")).get("MinAPIVersion")) or _PODMAN_API


def docker_networks(own: object, version: object) -> list[Json]:
    """Podman's own account of its networks, in the form of the reply to ``GET /networks``.

    Its Docker API tells neither the option ``isolate`` nor the bridge's name; and in
    Podman 4 the service itself forgets the option when it was asked there
    (pkg/api/handlers/compat/networks.go), so that it may be set where it is not told.

    Args:
        own: The reply to ``GET /libpod/networks/json``.
        version: The reply to ``GET /version``.
    """
    release = EngineProfile(version=text(mapping(version).get("Version"))).release
    unset = "false" if release >= _REMEMBERING else ""
    return [_docker_network(mapping(network), unset) for network in items(own)]


def _docker_network(own: Json, unset: str) -> Json:
    isolate = text(mapping(own.get("options")).get("isolate")) or unset
    bridge = text(own.get("network_interface"))
    subnets = map(mapping, items(own.get("subnets")))
    identity = text(own.get("id"))
    return {
        "Id": identity,
        "Name": "bridge" if identity == _PODMAN_DEFAULT else own.get("name"),
        "Driver": own.get("driver"),
        "Internal": own.get("internal"),
        "IPAM": {
            "Config": [{"Subnet": s.get("subnet"), "Gateway": s.get("gateway")} for s in subnets]
        },
        "Options": {"isolate": isolate, f"{_BRIDGE_OPTION}name": bridge},
    }


def _host(text: str | None) -> IPAddress | str | None:
    try:
        return parse_address(text) if text else None
    except FormatError:
        return text


def with_details(listed: Iterable[Container], read: Iterable[Container]) -> tuple[Container, ...]:
    """Put containers that were read in detail in the place of the listed ones.

    Only a listing tells who links to a container, and which of Podman's host ports are
    of every family; so that is kept.
    """
    details = {container.id: container for container in read}
    return tuple(_with_detail(c, details[c.id]) if c.id in details else c for c in listed)


def _with_detail(listed: Container, read: Container) -> Container:
    return evolve(read, linked_as=listed.linked_as, ports=_widened(listed.ports, read.ports))


def _widened(listed: PortMap, read: PortMap) -> PortMap:
    """Ports as they were read, but of every family where they are listed so.

    Podman from 5 on says 0.0.0.0 in an inspection whether that or no address was asked
    for (makeInspectPortBindings in libpod); its listing has no address for the latter.
    Up to 5.7 that has the first port of a range alone, and the next ones are like it.
    """
    told = {_place(port, b): b.host_ip for port, bound in listed.items() for b in bound}
    wide = {place for place, address in told.items() if address is None}

    def like_listed(port: Port, binding: HostBinding) -> HostBinding:
        place = number, protocol, host_port = _place(port, binding)
        follows = place not in told and (number - 1, protocol, host_port - 1) in wide
        if binding.host_ip != _ANY_IPV4 or not (follows or place in wide):
            return binding
        wide.add(place)
        return evolve(binding, host_ip=None)

    if not wide:
        return read
    return PortMap({port: [like_listed(port, b) for b in read[port]] for port in sorted(read)})


def _place(port: Port, binding: HostBinding) -> tuple[int, Protocol, int]:
    """What a binding joins; the host port is 0 where there is none."""
    number = binding.host_port
    return port.number, port.protocol, number if isinstance(number, int) else 0


def with_network_ids(
    containers: Iterable[Container], networks: Iterable[Network]
) -> tuple[Container, ...]:
    """Put a network's id where an attachment has its name, as with Podman before 5."""
    ids = {network.name: network.id for network in networks}
    known = frozenset(ids.values())
    ids |= {"podman": _PODMAN_DEFAULT} if _PODMAN_DEFAULT in known else {}

    def attached(attachment: Attachment) -> Attachment:
        told = attachment.network_id
        return attachment if told in known else evolve(attachment, network_id=ids.get(told, told))

    def fits(container: Container) -> bool:
        return all(attachment.network_id in known for attachment in container.networks)

    return tuple(
        c if fits(c) else evolve(c, networks=tuple(map(attached, c.networks))) for c in containers
    )


class _Odd:
    """What is odd in one object of a reply, named by the object."""

    def __init__(self, source: str, subject: str) -> None:
        self._source = source
        self._subject = subject
        self.found: list[Diagnostic] = []

    def note(self, reason: str) -> None:
        self.found.append(Diagnostic(self._source, self._subject, reason))

    def attempt(self, what: str, parse: Callable[[V], T], value: V) -> T | None:
        """Parse a value, or note that it is odd."""
        try:
            return parse(value)
        except FormatError as error:
            self.note(f"{what} left out: {error.reason}")
            return None


def _each(reply: object, source: str, parse: Callable[[Json, _Odd], T]) -> Reading[T]:
    if not isinstance(reply, list):
        kind = type(reply).__name__
        raise FormatError(kind, "expected a list in the engine's reply")
    values: list[T] = []
    found: list[Diagnostic] = []
    for number, entry in enumerate(items(cast("object", reply))):
        identity = text(mapping(entry).get("Id"))
        odd = _Odd(source, identity[:12] or f"entry {number}")
        if identity:
            values.append(parse(entry, odd))
        else:
            odd.note("an entry without an id was left out")
        found += odd.found
    return Reading(tuple(values), tuple(found))


# Containers.


def _listed(entry: Json, odd: _Odd) -> Container:
    names = [n for n in items(entry.get("Names")) if isinstance(n, str)]
    status = _HEALTH.search(text(entry.get("Status")))
    state = text(entry.get("State")).lower()
    return Container(
        id=entry["Id"],
        # The other names are links to it: /recipient/alias.
        name=next((n.lstrip("/") for n in names if n.count("/") <= 1), ""),
        image=text(entry.get("Image")),
        state=state,
        health=status[1] if status else None,
        labels=_labels(entry.get("Labels")),
        network_mode=_listed_mode(entry),
        networks=_attachments(entry, odd),
        ports=_live(state, _listed_ports(entry.get("Ports"), odd)),
        linked_as=tuple(sorted(pair for n in names if (pair := _linked_as(n)))),
        created=_moment(entry.get("Created")),
    )


def _listed_mode(entry: Json) -> str | None:
    """The network mode; Podman tells none, or that of the host for every container.

    See pkg/api/handlers/compat/containers.go.
    """
    mode = text(mapping(entry.get("HostConfig")).get("NetworkMode"))
    return None if mode == "host" and _networks_of(entry).keys() - {"host"} else mode or None


def _linked_as(name: str) -> tuple[str, str] | None:
    parts = name.split("/")
    return (parts[1], parts[2]) if len(parts) == 3 else None


def _live(state: str, ports: PortMap) -> PortMap:
    return _NO_PORTS if state in _WITHOUT_PORTS else ports


def _listed_ports(entries: object, odd: _Odd) -> PortMap:
    ports: dict[Port, list[HostBinding]] = {}
    for entry in items(entries):
        found = odd.attempt("a port", _listed_port, entry)
        if found is not None:
            bindings = ports.setdefault(found[0], [])
            if found[1] is not None:
                bindings.append(found[1])
    return PortMap(ports) if ports else _NO_PORTS


def _listed_port(entry: object) -> tuple[Port, HostBinding | None]:
    told = mapping(entry)
    private, public = told.get("PrivatePort"), told.get("PublicPort") or None
    protocol, ip = told.get("Type") or "tcp", told.get("IP") or ""
    numbers = _is_number(private) and (public is None or _is_number(public))
    if not numbers or not isinstance(protocol, str) or not isinstance(ip, str):
        raise FormatError("", "it is not of the expected form")
    port = _port(private, protocol)
    # Engine 29 says IP "" for what is only exposed, older ones leave it out; Podman
    # before 5.8 leaves it out for the wildcard, beside a PublicPort.
    return port, _binding(ip, public) if ip or public else None


def _is_number(value: object) -> bool:
    return type(value) is int and 0 <= value <= _HIGHEST  # True is an int, too


def _inspected(entry: Json, odd: _Odd) -> Container:
    config, state = mapping(entry.get("Config")), mapping(entry.get("State"))
    host_config = mapping(entry.get("HostConfig"))
    name, status = text(entry.get("Name")).lstrip("/"), text(state.get("Status")).lower()
    mode = text(host_config.get("NetworkMode")) or None
    # Of a container in another's namespace, Podman tells what is the other's.
    told: Json = {} if (mode or "").startswith("container:") else entry
    ports = mapping(told.get("NetworkSettings")).get("Ports")
    health = text(mapping(state.get("Health")).get("Status"))
    return Container(
        id=entry["Id"],
        name=name,
        image=text(config.get("Image")),
        state=status,
        health=health if health not in ("", "none") else None,
        labels=_labels(config.get("Labels")),
        network_mode=mode,
        networks=_attachments(told, odd, details=True),
        ports=_live(status, _bound_ports(ports, odd, _live_binding)),
        requested_ports=_requested_ports(config, host_config, odd),
        links=_links(name, entry, odd),
        hostname=text(config.get("Hostname")),
        created=_moment(entry.get("Created")),
    )


def _requested_ports(config: Json, host_config: Json, odd: _Odd) -> PortMap:
    bound = _bound_ports(host_config.get("PortBindings"), odd, _asked_binding)
    exposed = _bound_ports(config.get("ExposedPorts"), odd, _asked_binding)
    return PortMap({**exposed, **bound})


def _bound_ports(reply: object, odd: _Odd, parse: Callable[[str, str], HostBinding]) -> PortMap:
    """Read ``{"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}``, or null for exposed only."""
    ports: dict[Port, list[HostBinding]] = {}
    for key, entries in mapping(reply).items():
        for port in odd.attempt("a port", _port_keys, key) or ():
            bindings = ports.setdefault(port, [])
            for entry in items(entries):
                binding = odd.attempt("a host binding", partial(_bound, parse), entry)
                bindings += [] if binding is None else [binding]
    return PortMap(ports)


def _bound(parse: Callable[[str, str], HostBinding], entry: object) -> HostBinding:
    told = mapping(entry)
    ip, number = told.get("HostIp") or "", told.get("HostPort") or ""
    if not isinstance(entry, dict) or not isinstance(ip, str) or not isinstance(number, str):
        raise FormatError("", "it is not of the expected form")
    return parse(ip, number)


def _port_keys(key: str) -> tuple[Port, ...]:
    """The ports of a key; up to Engine 28 it may name a range, ``7000-7002/udp``."""
    numbers, slash, protocol = key.partition("/")
    if "-" not in numbers:
        return (Port.parse(key),)
    return tuple(Port.parse(f"{n}{slash}{protocol}") for n in PortRange.parse(numbers))


def _live_binding(ip: str, number: str) -> HostBinding:
    """A binding as it is: no number is no host port, as in routed mode."""
    return _binding(ip, Port.parse(number).number if number not in ("", "0") else None)


def _asked_binding(ip: str, number: str) -> HostBinding:
    """A binding as it was asked for: no number is any free port."""
    address = _address(ip) if ip else None
    if "-" in number:
        return HostBinding(address, PortRange.parse(number))
    return HostBinding(address, Port.parse(number).number if number not in ("", "0") else 0)


def _links(recipient: str, entry: Json, odd: _Odd) -> tuple[Link, ...]:
    """Its links, from the default bridge and from each network that it joined."""
    told = [("", t) for t in items(mapping(entry.get("HostConfig")).get("Links"))]
    for name, network in _networks_of(entry).items():
        told += [(name, t) for t in items(mapping(network).get("Links"))]
    places: dict[Link, set[str]] = {}
    for name, link_text in told:
        link = odd.attempt("a link", Link.parse, link_text) if isinstance(link_text, str) else None
        if link is not None:
            named = evolve(link, recipient=link.recipient or recipient)
            places.setdefault(named, set()).update({name} - {""})
    composed = "com.docker.compose.project" in mapping(mapping(entry.get("Config")).get("Labels"))
    links = (
        _placed(link, sorted(networks), composed=composed) for link, networks in places.items()
    )
    return tuple(sorted(links, key=lambda k: (k.alias, k.peer or "", k.recipient or "")))


def _placed(link: Link, networks: list[str], *, composed: bool) -> Link:
    place = Provenance.NETWORK if networks else Provenance.LEGACY
    provenances = (place, Provenance.COMPOSE) if composed else (place,)
    return evolve(link, networks=tuple(networks), provenances=provenances)


def _attachments(entry: Json, odd: _Odd, *, details: bool = False) -> tuple[Attachment, ...]:
    found = _networks_of(entry)
    if len(found) == 1:
        return tuple(_attachment(n, mapping(a), odd, details=details) for n, a in found.items())
    return tuple(
        _attachment(name, mapping(found[name]), odd, details=details) for name in sorted(found)
    )


def _networks_of(entry: Json) -> Json:
    return mapping(mapping(entry.get("NetworkSettings")).get("Networks"))


def _attachment(name: str, entry: Json, odd: _Odd, *, details: bool) -> Attachment:
    get = entry.get
    return Attachment(
        network=name,
        network_id=text(get("NetworkID")),
        addresses=_addresses((get("IPAddress"), get("GlobalIPv6Address")), odd),
        aliases=_names(get("Aliases")) if details else None,
        dns_names=_names(get("DNSNames")) if details and get("DNSNames") is not None else None,
        gateways=_addresses((get("Gateway"), get("IPv6Gateway")), odd),
    )


def _names(entries: object) -> tuple[str, ...]:
    return tuple(n for n in items(entries) if isinstance(n, str))


# Networks.


def _network(entry: Json, odd: _Odd) -> Network:
    configs = [mapping(c) for c in items(mapping(entry.get("IPAM")).get("Config"))]
    subnets = (odd.attempt("a subnet", parse_network, text(c.get("Subnet"))) for c in configs)
    options, driver = mapping(entry.get("Options")), text(entry.get("Driver"))
    return Network(
        id=entry["Id"],
        name=text(entry.get("Name")),
        driver=driver,
        scope=text(entry.get("Scope")) or "local",
        subnets=tuple(
            sorted((s for s in subnets if s), key=lambda s: (s.version, s.network_address))
        ),
        gateways=_addresses((_host_address(c) for c in configs), odd),
        internal=entry.get("Internal") is True,
        icc=_is_on(options, "enable_icc"),
        masquerade=_is_on(options, "enable_ip_masquerade"),
        routed=tuple(f for f in (4, 6) if _gateway_mode(options, f) == "routed"),
        isolated=tuple(f for f in (4, 6) if _gateway_mode(options, f) == "isolated"),
        interface=_interface(entry, options) if driver == "bridge" else None,
        is_default_bridge=text(options.get(f"{_BRIDGE_OPTION}default_bridge")) == "true",
        isolate=_isolate(text(entry.get("Id")), options),
    )


def _is_on(options: Json, name: str) -> bool:
    """Whether a bridge's option is on, as it is unless told otherwise."""
    return text(options.get(f"{_BRIDGE_OPTION}{name}")).lower() not in ("false", "0", "f")


def _isolate(network_id: str, options: Json) -> Isolate | None:
    # Podman's default network has no options, unless somebody wrote a file for it.
    default: Isolate | None = "false" if network_id == _PODMAN_DEFAULT else None
    return _ISOLATE.get(text(options.get("isolate"))) or default


def _host_address(config: Json) -> object:
    """The gateway, or the first address of the range that the engine allocates from.

    It takes that one for itself where it tells no gateway (moby's ipam, up to 27).
    """
    told = config.get("Gateway")
    try:
        span, subnet = (parse_network(text(config.get(key))) for key in ("IPRange", "Subnet"))
    except FormatError:
        return told
    own_range = span.network_address != subnet.network_address
    return told or (str(span.network_address) if own_range else None)


def _gateway_mode(options: Json, family: int) -> str:
    return text(options.get(f"{_BRIDGE_OPTION}gateway_mode_ipv{family}"))


def _interface(entry: Json, options: Json) -> str:
    """The bridge's interface: named by an option, else after the id (moby's bridge driver)."""
    return text(options.get(f"{_BRIDGE_OPTION}name")) or f"br-{entry['Id'][:12]}"


# What the two have in common. The caches keep equal values one object: a listing
# names the same gateways, networks and ports over and over.


def _addresses(texts: Iterable[object], odd: _Odd) -> tuple[IPAddress, ...]:
    found = [odd.attempt("an address", _address, t) for t in texts if t and isinstance(t, str)]
    known = [a for a in found if a is not None]
    return tuple(sorted(known, key=address_order)) if len(known) > 1 else tuple(known)


@lru_cache(maxsize=4096)
def _address(text: str) -> IPAddress:
    # Podman and some plugins write the prefix length behind the address.
    return parse_address(text.partition("/")[0])


@lru_cache(maxsize=4096)
def _port(number: int, protocol: str) -> Port:
    return Port.parse(f"{number}/{protocol}")


@lru_cache(maxsize=4096)
def _binding(ip: str, number: int | None) -> HostBinding:
    return HostBinding(_address(ip) if ip else None, number)


@lru_cache(maxsize=256)
def _label_name(name: str) -> str:
    return name


def _labels(reply: object) -> FrozenMap[str, str]:
    items = mapping(reply).items()
    return FrozenMap({_label_name(k): v for k, v in items if isinstance(v, str)})


def _moment(value: object) -> datetime | None:
    """A listing has seconds since 1970, an inspection RFC 3339 text with nanoseconds."""
    try:
        if type(value) is int:
            return datetime.fromtimestamp(value, UTC)
        moment = datetime.fromisoformat(text(value)).replace(microsecond=0)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
