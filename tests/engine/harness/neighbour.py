"""What a private engine needs beside it: ``neighbour.py ADDRESS SOCKET``.

* A name server on ADDRESS:53 that knows no name and says so at once. Engines
  before 28 drop a question when their upstream is out of reach, and each caller
  then waits for seconds.
* The engine's API on ADDRESS:2375, for a client on another machine. The engine
  itself would serve it, but starts a second later then, to warn of it.
"""

from __future__ import annotations

import asyncio
import struct
import sys
from asyncio import DatagramTransport, StreamReader, StreamWriter

NO_SUCH_NAME = 3
REPLY_FLAGS = 0x8080  # QR, RA
KEPT_FLAGS = 0x7900  # opcode, RD


class NoNames(asyncio.DatagramProtocol):
    def connection_made(self, transport: DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, query: bytes, caller: tuple[object, ...]) -> None:
        # RFC 1035 4.1: a header of 12 bytes, then the question, whose name ends
        # with a zero byte before its type and class of two bytes each.
        if len(query) > 12 and (end := query.find(b"\0", 12)) > 0:
            flags = REPLY_FLAGS | int.from_bytes(query[2:4], "big") & KEPT_FLAGS | NO_SUCH_NAME
            header = query[:2] + struct.pack("!5H", flags, 1, 0, 0, 0)
            self.transport.sendto(header + query[12 : end + 5], caller)


async def pump(reader: StreamReader, writer: StreamWriter) -> None:
    try:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


async def main(address: str, path: str) -> None:
    async def forward(reader: StreamReader, writer: StreamWriter) -> None:
        engine_reader, engine_writer = await asyncio.open_unix_connection(path)
        await asyncio.gather(pump(reader, engine_writer), pump(engine_reader, writer))
        engine_writer.close()
        writer.close()

    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(NoNames, local_addr=(address, 53))
    server = await asyncio.start_server(forward, address, 2375)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
