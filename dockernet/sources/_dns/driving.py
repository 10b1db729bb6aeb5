"""The two drivers of an exchange: the same steps over a socket, blocking and awaiting."""

from __future__ import annotations

import socket
from contextlib import suppress
from time import monotonic
from typing import Final

from dockernet.sources._dns.exchange import Exchange

__all__ = ["drive", "drive_awaiting"]

_LARGEST: Final = 65_535  # bytes of a message, and of a datagram


def drive(exchange: Exchange) -> None:
    """Send, wait and hand over, until the exchange is over."""
    patience = exchange.begin(monotonic())
    try:
        with _opened(exchange) as sock:
            sock.settimeout(patience)
            sock.connect((str(exchange.server), exchange.port))
            while True:
                for data in exchange.due(monotonic()):
                    sock.sendall(data)
                wait = exchange.wait(monotonic())
                if wait is None:
                    return
                sock.settimeout(wait)
                with suppress(TimeoutError):
                    exchange.heard(sock.recv(_LARGEST))
    except OSError as error:
        exchange.broken(error, monotonic())


async def drive_awaiting(exchange: Exchange) -> None:
    """`drive`, awaited."""
    import asyncio  # noqa: PLC0415 - who awaits has it already, and nobody else needs it

    loop = asyncio.get_running_loop()
    patience = exchange.begin(monotonic())
    try:
        with _opened(exchange) as sock:
            sock.settimeout(0)
            async with asyncio.timeout(patience):
                await loop.sock_connect(sock, (str(exchange.server), exchange.port))
            while True:
                for data in exchange.due(monotonic()):
                    await loop.sock_sendall(sock, data)
                wait = exchange.wait(monotonic())
                if wait is None:
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        data = await loop.sock_recv(sock, _LARGEST)
                    exchange.heard(data)
    except OSError as error:
        exchange.broken(error, monotonic())


def _opened(exchange: Exchange) -> socket.socket:
    # A connected socket hears its server alone, from a port that nobody can guess.
    family = socket.AF_INET if exchange.server.version == 4 else socket.AF_INET6
    return socket.socket(family, socket.SOCK_STREAM if exchange.stream else socket.SOCK_DGRAM)
