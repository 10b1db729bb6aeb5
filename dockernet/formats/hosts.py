"""The hosts file: which names stand at which address, and which of them may be peers.

The form is that of hosts(5): an address, then names, with blanks between them
and ``#`` before a comment. What an engine writes into it is told by
``daemon/libnetwork/internal/etchosts`` of moby and ``libnetwork/etchosts`` of
Podman's container-libs.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from attrs import frozen

from dockernet.errors import FormatError
from dockernet.model.addresses import IPAddress, parse_address
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.hosts_lines import HostsLine
from dockernet.model.targets import HOST_NAMES

__all__ = ["Hosts", "HostsLine", "host_lines", "parse_hosts", "peer_lines"]

# The blanks of C's isspace(), and no others: an alias may hold any other
# character, a no-break space among them.
_WORD = re.compile(r"[^ \t\r\v\f]+")

# What no text has: a file caught while it is rewritten in place, or no hosts file.
_RUBBISH = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff\ufffd]")

_LOCAL_NAMES = frozenset(
    {
        "broadcasthost",
        "ip6-allhosts",
        "ip6-allnodes",
        "ip6-allrouters",
        "ip6-localhost",
        "ip6-localnet",
        "ip6-loopback",
        "ip6-mcastprefix",
        "localhost",
        "localhost.localdomain",
        "localhost4",
        "localhost4.localdomain4",
        "localhost6",
        "localhost6.localdomain6",
    }
)

# Docker Desktop serves the gateway's name beside the host's.
_GATEWAY_NAMES = HOST_NAMES | {"gateway.docker.internal"}


@frozen
class Hosts:
    """A hosts file.

    Attributes:
        lines: Its lines in order, repeated ones too.
        diagnostics: The lines that make no sense, by their number.
    """

    lines: tuple[HostsLine, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


def parse_hosts(text: str) -> Hosts:
    r"""Parse the text of a hosts file; what makes no sense becomes a diagnostic.

    Example:
        >>> from dockernet.formats.hosts import parse_hosts
        >>> hosts = parse_hosts("172.17.0.2\tdb 4f1e2d3c4b5a  # a link\nnonsense\n")
        >>> hosts.lines
        (HostsLine(address=IPv4Address('172.17.0.2'), names=('db', '4f1e2d3c4b5a')),)
        >>> print(*hosts.diagnostics)
        hosts: line 2: expected an address and a name
    """
    lines: list[HostsLine] = []
    diagnostics: list[Diagnostic] = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        try:
            lines.extend(_parse_line(line))
        except FormatError as error:
            diagnostics.append(Diagnostic("hosts", f"line {number}", error.reason))
    return Hosts(tuple(lines), tuple(diagnostics))


def _parse_line(line: str) -> tuple[HostsLine, ...]:
    entry = line.partition("#")[0]
    if _RUBBISH.search(entry):
        raise FormatError(entry, "expected text, found control characters")
    words = _WORD.findall(entry)
    if not words:
        return ()
    if len(words) == 1:
        raise FormatError(entry, "expected an address and a name")
    return (HostsLine(parse_address(words[0]), tuple(words[1:])),)


def peer_lines(
    hosts: Hosts, own_addresses: Collection[IPAddress], own_names: Collection[str]
) -> tuple[HostsLine, ...]:
    r"""Choose the lines that may stand for peers, in their order.

    Left out are the reader's own lines, those of localhost and of the fixed
    IPv6 block, and the lines that lead to the host: one such name on a line is
    enough, since Podman puts both of its host names on one.

    Args:
        hosts: The parsed file.
        own_addresses: The addresses of the container that reads it.
        own_names: Its names, above all its hostname; case does not matter.

    Example:
        >>> from dockernet.formats.hosts import parse_hosts, peer_lines
        >>> hosts = parse_hosts("127.0.0.1 localhost\n172.17.0.3 db\n172.17.0.2 4f1e2d3c4b5a")
        >>> [line.names for line in peer_lines(hosts, (), {"4f1e2d3c4b5a"})]
        [('db',)]
    """
    never = _LOCAL_NAMES | _GATEWAY_NAMES | {_fold(name) for name in own_names}
    return tuple(
        line
        for line in hosts.lines
        if line.address not in own_addresses
        and _stands_for_one(line.address)
        and not any(_fold(name) in never or _under_localhost(name) for name in line.names)
    )


def host_lines(hosts: Hosts, name: str) -> tuple[HostsLine, ...]:
    """Choose the lines that give the host one of its reserved names.

    Rootless Podman has its host at an address that no gateway tells (169.254.1.2), and
    Docker Desktop at one outside of its virtual machine.

    Args:
        hosts: The parsed file.
        name: The name; case does not matter.

    Example:
        >>> from dockernet.formats.hosts import host_lines, parse_hosts
        >>> hosts = parse_hosts("169.254.1.2 host.containers.internal host.docker.internal")
        >>> [str(line.address) for line in host_lines(hosts, "host.docker.internal")]
        ['169.254.1.2']
    """
    return tuple(
        line
        for line in hosts.lines
        if _fold(name) in map(_fold, line.names)
        and (
            _stands_for_one(line.address)
            or (line.address.version == 4 and line.address.is_link_local)
        )
    )


def _stands_for_one(address: IPAddress) -> bool:
    return not (
        address.is_loopback
        or address.is_multicast
        or address.is_link_local
        or address.is_unspecified  # "0.0.0.0 name" blocks a name
    )


def _under_localhost(name: str) -> bool:
    return _fold(name).endswith(".localhost")  # RFC 6761, section 6.3


def _fold(name: str) -> str:
    return name.lower().removesuffix(".")
