"""URLs whose host is a peer: taken apart, and put together with what works from here.

Only host and port are touched; the text around them stays as it is, character for
character. A URL may hold a password, so nothing of it but scheme and hosts is ever
shown. The form is that of RFC 3986, section 3, and of connection strings that name
several hosts with commas between them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from attrs import field, frozen

from dockernet.errors import FormatError
from dockernet.model.endpoints import Endpoint
from dockernet.model.ports import Port
from dockernet.model.targets import Target

__all__ = ["PeerUrl"]

# The default ports of schemes, as IANA or the protocols' own documents give them.
# Slim images have no /etc/services to ask.
_TCP: Final = {
    "amqp": 5672,
    "amqps": 5671,
    "bolt": 7687,
    "cassandra": 9042,
    "couchdb": 5984,
    "etcd": 2379,
    "ftp": 21,
    "ftps": 990,
    "http": 80,
    "https": 443,
    "imap": 143,
    "imaps": 993,
    "kafka": 9092,
    "ldap": 389,
    "ldaps": 636,
    "mariadb": 3306,
    "memcached": 11211,
    "mongodb": 27017,
    "mqtt": 1883,
    "mqtts": 8883,
    "mssql": 1433,
    "mysql": 3306,
    "nats": 4222,
    "neo4j": 7687,
    "oracle": 1521,
    "pop3": 110,
    "postgres": 5432,
    "postgresql": 5432,
    "redis": 6379,
    "rediss": 6379,
    "sftp": 22,
    "smtp": 25,
    "smtps": 465,
    "sqlserver": 1433,
    "ssh": 22,
    "stomp": 61613,
    "telnet": 23,
    "valkey": 6379,
    "ws": 80,
    "wss": 443,
    "zookeeper": 2181,
}
_UDP: Final = {"coap": 5683, "dns": 53, "snmp": 161, "statsd": 8125, "syslog": 514, "tftp": 69}
_PORTS: Final = {
    **{scheme: Port(number) for scheme, number in _TCP.items()},
    **{scheme: Port(number, "udp") for scheme, number in _UDP.items()},
}

_GRAMMAR: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<user>[^/?#]*@)?(?P<hosts>[^/?#@]+)(?P<rest>.*)",
    re.DOTALL,
)
_EXPECTED: Final = "expected a URL such as postgresql://db/app; what it holds is not shown"


@frozen
class PeerUrl:
    """A URL, taken apart where hosts and ports stand.

    Attributes:
        scheme: The scheme as it is spelled.
        targets: The peers that it names, one for most URLs.
        default: The scheme's default port, where it has a known one.
    """

    scheme: str
    targets: tuple[Target, ...]
    default: Port | None
    _before: str = field(repr=False)
    _after: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> PeerUrl:
        """Parse a URL.

        Raises:
            FormatError: It is none, or a host in it is malformed. The error shows
                nothing of the URL but its scheme.
        """
        match = _GRAMMAR.fullmatch(text)
        if match is None:
            raise FormatError("...", _EXPECTED)
        scheme, hosts = match["scheme"], match["hosts"]
        protocol = _default_port(scheme)
        targets = tuple(_target(scheme, host, protocol) for host in hosts.split(","))
        before = f"{scheme}://{match['user'] or ''}"
        return cls(scheme, targets, protocol, before, match["rest"])

    def rewritten(self, endpoints: Sequence[Endpoint]) -> str:
        """The URL with an endpoint in the place of each host and port."""
        return f"{self._before}{','.join(map(str, endpoints))}{self._after}"

    def __str__(self) -> str:
        return f"{self.scheme}://{','.join(map(str, self.targets))}"


def _default_port(scheme: str) -> Port | None:
    """The port of ``postgresql+asyncpg`` is that of ``postgresql``, of ``git+ssh`` that of ssh."""
    whole = scheme.lower()
    spellings = (whole, *whole.split("+"))
    return next((_PORTS[s] for s in spellings if s in _PORTS), None)


def _target(scheme: str, host: str, default: Port | None) -> Target:
    try:
        target = Target.parse(host)
    except FormatError as error:
        # What stands there may be the end of a password with a stray slash in it.
        raise FormatError(f"{scheme}://...", error.reason) from None
    if target.port is not None and default is not None and default.protocol != "tcp":
        return Target(target.name, Port(target.port.number, default.protocol), None, target.address)
    return target
