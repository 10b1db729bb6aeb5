"""What is read of the places that packets come from, go to and pass."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from attrs import field, frozen

from dockernet.model.addresses import IPAddress
from dockernet.model.endpoints import Endpoint
from dockernet.model.hosts_lines import HostsLine
from dockernet.model.links import LinkReport
from dockernet.model.mappings import FrozenMap
from dockernet.model.vantage import Interface

__all__ = [
    "BRIDGE_FILTER",
    "IPV4_FORWARDING",
    "IPV6_FORWARDING",
    "Dialled",
    "LookUp",
    "Outcome",
    "Place",
    "Switches",
]


class Outcome(StrEnum):
    """What came of dialling."""

    ANSWERED = "answered"
    """The connection was kept, or something was said."""
    REFUSED = "refused"
    CLOSED = "closed at once"
    TIMED_OUT = "timed out"
    NO_ROUTE = "no route to host"
    UNREACHABLE = "network is unreachable"
    NO_NAME = "name not found"
    FAILED = "failed"
    """The kernel said something else."""


@frozen
class Dialled:
    """An endpoint that was dialled, and what came of it.

    Attributes:
        endpoint: The endpoint.
        outcome: What came of it.
        word: The kernel's own word, where it had one.
    """

    endpoint: Endpoint
    outcome: Outcome
    word: str = ""

    @property
    def answered(self) -> bool:
        """Whether somebody is there."""
        return self.outcome is Outcome.ANSWERED


@frozen(kw_only=True)
class LookUp:
    """A name that a name server was asked for.

    Attributes:
        name: The name.
        server: The server; ``None`` where there is none to ask.
        code: The response code's name; empty where no answer came.
        addresses: What it answered, or a hosts file.
        word: Why it could not be asked, where it could not.
    """

    name: str
    server: IPAddress | None = None
    code: str = ""
    addresses: tuple[IPAddress, ...] = ()
    word: str = ""


@frozen(kw_only=True)
class Place:
    """A place where programs run, as its own files and kernel tell it.

    Attributes:
        interfaces: The interfaces of its network namespace.
        gateways: The next hops of its default routes, IPv4 first.
        leads_out: The address families, 4 and 6, that it has a default route for.
        nameservers: The name servers of its ``resolv.conf``.
        hosts: The lines of its hosts file.
        hosts_file: Where that file was read.
        links: The links that its variables tell of; never their values.
    """

    interfaces: tuple[Interface, ...] = ()
    gateways: tuple[IPAddress, ...] = ()
    leads_out: tuple[int, ...] = ()
    nameservers: tuple[IPAddress, ...] = ()
    hosts: tuple[HostsLine, ...] = ()
    hosts_file: str = ""
    links: LinkReport = field(factory=lambda: LinkReport(()), repr=False)


IPV4_FORWARDING: Final = "/proc/sys/net/ipv4/ip_forward"
IPV6_FORWARDING: Final = "/proc/sys/net/ipv6/conf/all/forwarding"
BRIDGE_FILTER: Final = "/proc/sys/net/bridge/bridge-nf-call-iptables"
"""Whether what crosses a bridge meets the firewall; it is not there without br_netfilter."""

Switches = FrozenMap[str, str]
"""Files below ``/proc/sys``, and what they say."""
