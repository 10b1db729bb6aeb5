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

__all__ = ["Keeper", "NameServer", "Step", "engine_servers", "steps", "unaskable"]

_EMBEDDED: Final = IPv4Address("127.0.0.11")  # daemon/libnetwork/resolver.go in moby

# Podman names it in each container's resolv.conf, and its server drops it from a name;
# what it does not know below it is no name, and nobody else is asked.
_PODMAN: Final = "dns.podman"

_LONGEST_NAME, _LONGEST_LABEL = 253, 63  # RFC 1035, 2.3.4
_MOST_NDOTS: Final = 15  # resolv.conf(5)


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


def engine_servers(conf: ResolvConf, vantage: Vantage) -> tuple[NameServer, ...]:
    """The name servers among the configured ones that an engine keeps."""
    if _EMBEDDED in conf.nameservers:
        return (NameServer(_EMBEDDED, Keeper.DOCKER),)
    if _PODMAN not in conf.search:
        return ()
    near = (a for a in conf.nameservers if a in vantage.gateways or vantage.is_on_link(a))
    return tuple(NameServer(a, Keeper.PODMAN) for a in dict.fromkeys(near))


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
