"""The kernel's tables of sockets: who listens on which address and port.

Each table is a file of ``/proc/net``, as the kernel's ``net/ipv4/tcp_ipv4.c``,
``net/ipv4/udp.c`` and their counterparts in ``net/ipv6`` write it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Literal

from attrs import frozen

from dockernet.model.addresses import IPAddress
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.ports import Protocol

__all__ = ["Listener", "SocketTable", "parse_sockets"]

_SOURCE: Final = "listeners"
_HEADING: Final = "sl"
# The number of the line, the own address, the other's, and the state; after the uid
# and a timeout comes the inode.
_LINE: Final = re.compile(
    r" *[0-9]+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) (?:[0-9A-F]{8}|[0-9A-F]{32}):[0-9A-F]{4}"
    r" ([0-9A-F]{2}) [0-9A-F]+:[0-9A-F]+ [0-9A-F]+:[0-9A-F]+ [0-9A-F]+ +[0-9]+ +[0-9]+ ([0-9]+)\b"
)
_WORD: Final = 8  # digits of a word of 32 bits, which is printed as the machine has it

# include/net/tcp_states.h: TCP_LISTEN; a UDP socket that is connected to nobody is
# in the state TCP_CLOSE.
_LISTENING: Final[dict[str, str]] = {"tcp": "0A", "udp": "07"}

ByteOrder = Literal["little", "big"]


@frozen
class Listener:
    """A socket that takes what comes to its port.

    Attributes:
        protocol: ``tcp`` or ``udp``.
        address: The address that it is bound to; ``::`` may be of both families.
        port: Its port.
        inode: Its number in the kernel.
    """

    protocol: Protocol
    address: IPAddress
    port: int
    inode: int


@frozen
class SocketTable:
    """What one table holds.

    Attributes:
        listeners: The sockets that listen, in the order of the table.
        diagnostics: The lines that make no sense.
    """

    listeners: tuple[Listener, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


def parse_sockets(
    text: str, protocol: Literal["tcp", "udp"], byteorder: ByteOrder = sys.byteorder
) -> SocketTable:
    """Parse ``/proc/net/tcp``, ``tcp6``, ``udp`` or ``udp6`` for the sockets that listen.

    Args:
        text: The file's text.
        protocol: ``tcp`` or ``udp``.
        byteorder: The byte order of the machine that wrote it.

    Example:
        >>> from dockernet.formats.sockets import parse_sockets
        >>> line = "0: 0100007F:1F90 00000000:0000 0A 0:0 00:0 0     0        0 4711 1"
        >>> found = parse_sockets(line, "tcp", "little").listeners[0]
        >>> str(found.address), found.port, found.inode
        ('127.0.0.1', 8080, 4711)
    """
    listeners: list[Listener] = []
    odd: list[Diagnostic] = []
    for number, line in _lines(text):
        match = _LINE.match(line)
        if match is None:
            odd.append(Diagnostic(_SOURCE, f"line {number}", "it is no line of a socket table"))
            continue
        address, port, state, inode = match.groups()
        if state == _LISTENING[protocol]:
            listeners.append(
                Listener(protocol, _address(address, byteorder), int(port, 16), int(inode))
            )
    return SocketTable(tuple(listeners), tuple(odd))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines with something in them, by number; the heading is none."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and line.split()[0] != _HEADING:
            yield number, line


def _address(digits: str, byteorder: ByteOrder) -> IPAddress:
    words = (digits[at : at + _WORD] for at in range(0, len(digits), _WORD))
    raw = b"".join(int(word, 16).to_bytes(4, byteorder) for word in words)
    return IPv4Address(raw) if len(raw) == 4 else IPv6Address(raw)
