"""A door: ``door.py LISTEN TARGET [FOLDER]``, standard library alone.

Who connects to LISTEN is joined to TARGET; both are ``host:port``, or TARGET is the path
of a socket. With a folder of certificates the door speaks TLS, and lets nobody in whose
certificate that folder's authority has not signed. It says the port that it listens on,
and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from asyncio import StreamReader, StreamWriter


async def pump(reader: StreamReader, writer: StreamWriter) -> None:
    try:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    except OSError:
        pass  # one of the two is gone, and so the other goes
    writer.close()


async def reached(target: str) -> tuple[StreamReader, StreamWriter]:
    if target.startswith("/"):
        return await asyncio.open_unix_connection(target)
    host, _, port = target.rpartition(":")
    return await asyncio.open_connection(host, int(port))


def guarded(folder: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=f"{folder}/ca.pem")
    context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def main(listen: str, target: str, folder: str | None = None) -> None:
    async def forward(reader: StreamReader, writer: StreamWriter) -> None:
        inner_reader, inner_writer = await reached(target)
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    host, _, port = listen.rpartition(":")
    guard = guarded(folder) if folder else None
    server = await asyncio.start_server(forward, host, int(port), ssl=guard)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
