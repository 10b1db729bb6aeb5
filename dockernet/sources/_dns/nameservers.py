"""Which name servers may know containers, and what each is to be asked.

A name is only worth asking where the server may know it: any other server learns which
containers somebody runs, and answers for names that are none.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from ipaddress import IPv4Address
from typing import Final

from attrs import frozen

from dockernet.formats.resolv import ResolvConf
from dockernet.model.addresses import IPAddress
from dockernet.model.vantage import Vantage

__all__ = [
    "Keeper",
    "NameServer",
    "Step",
    "engine_servers",
    "name_server",
    "on_link",
    "other_servers",
    "steps",
    "unaskable",
]

_EMBEDDED: Final = IPv4Address("127.0.0.11")  # daemon/libnetwork/resolver.go in moby

# Podman names it in each container's resolv.conf, and its server drops it from a name;
# what it does not know below it is no name, and nobody else is asked.
_PODMAN: Final = "dns.podman"

_LONGEST_NAME, _LONGEST_LABEL = 253, 63  # RFC 1035, 2.3.4
_MOST_NDOTS: Final = 15  # resolv.conf(5)
# More than anybody has, who means it: Podman gives one server for each network.
_MOST_SERVERS, _MOST_DOMAINS = 16, 16


class Keeper(Enum):
    """Who keeps a name server."""

    DOCKER = auto()
    """Docker's embedded server, in the container's own namespace."""
    PODMAN = auto()
    """Podman's, on the gateway's address of each network."""
    OTHER = auto()
    """Somebody who may know other things than containers."""


@frozen
class NameServer:
    """A name server that may be asked."""

    address: IPAddress
    keeper: Keeper = Keeper.OTHER


@frozen
class Step:
    """A spelling of the name, and the servers to ask for it, until one answers."""

    name: str
    servers: tuple[NameServer, ...]


def name_server(address: IPAddress) -> NameServer:
    """The name server of an address; Docker's is everywhere at the same one."""
    return NameServer(address, Keeper.DOCKER if address == _EMBEDDED else Keeper.OTHER)


def engine_servers(conf: ResolvConf, vantage: Vantage) -> tuple[NameServer, ...]:
    """The name servers among the configured ones that an engine keeps."""
    if _EMBEDDED in conf.nameservers:
        return (name_server(_EMBEDDED),)
    if _PODMAN not in conf.search:
        return ()
    near = (a for a in conf.nameservers if a in vantage.gateways or on_link(a, vantage))
    return tuple(NameServer(a, Keeper.PODMAN) for a in dict.fromkeys(near))[:_MOST_SERVERS]


def other_servers(conf: ResolvConf) -> tuple[NameServer, ...]:
    """The configured name servers, whoever keeps them."""
    return tuple(map(NameServer, dict.fromkeys(conf.nameservers)))[:_MOST_SERVERS]


def steps(name: str, servers: Sequence[NameServer], conf: ResolvConf) -> tuple[Step, ...]:
    """What to ask for a name, one after the other, until one knows it.

    Docker's server knows every container by its bare name, whatever the search domains
    are; it forwards all that it does not know. Podman's servers know them below a
    domain of their own, and up to aardvark-dns 1.4 those of one network each.
    """
    keepers = {server.keeper for server in servers}
    if keepers == {Keeper.PODMAN}:
        bare = name.lower().removesuffix(f".{_PODMAN}")
        return tuple(Step(f"{bare}.{_PODMAN}", (server,)) for server in servers)
    if keepers == {Keeper.DOCKER}:
        return (Step(name, tuple(servers)),)
    return tuple(Step(spelling, tuple(servers)) for spelling in _spellings(name, conf))


def _spellings(name: str, conf: ResolvConf) -> tuple[str, ...]:
    """The name itself and below each search domain, in the order of resolv.conf(5)."""
    domains = [d.strip(".") for d in conf.search if d.strip(".")][:_MOST_DOMAINS]
    below = tuple(f"{name}.{domain}" for domain in domains)
    ordered = (name, *below) if name.count(".") >= _ndots(conf) else (*below, name)
    return tuple(spelling for spelling in ordered if not unaskable(spelling))


def _ndots(conf: ResolvConf) -> int:
    told = [o.removeprefix("ndots:") for o in conf.options if o.startswith("ndots:")]
    numbers = [int(t) for t in told if t.isascii() and t.isdigit() and len(t) < _MOST_NDOTS]
    return min(numbers[-1], _MOST_NDOTS) if numbers else 1


def unaskable(name: str) -> str:
    """Why a name cannot be asked for by DNS; empty where it can."""
    if not name.isascii() or not name.isprintable() or " " in name:
        return "a DNS name has visible ASCII characters only"
    if len(name) > _LONGEST_NAME:
        return f"a DNS name has at most {_LONGEST_NAME} characters"
    if not all(0 < len(label) <= _LONGEST_LABEL for label in name.split(".")):
        return f"each part of a DNS name has 1 to {_LONGEST_LABEL} characters"
    return ""


def on_link(address: IPAddress, vantage: Vantage) -> bool:
    """Whether an address is on a network that the caller is on."""
    return any(address in subnet for subnet in vantage.subnets)
