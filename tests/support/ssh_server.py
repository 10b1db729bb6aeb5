"""An ssh server in front of an engine: ``ssh_server.py ADDRESS SOCKET HOST_KEY USER_KEY``.

It lets one key in, whoever the user is, and does for one command what the docker
command line does on an engine's host: it joins the standard streams to the engine's
socket. As a program it says the port that it listens on, and serves until its standard
input ends.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import paramiko
from attrs import define, field
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

COMMAND = b"docker system dial-stdio"
PIECE = 65_536
BROKEN = (OSError, EOFError, paramiko.SSHException)
PATIENCE = 20.0  # seconds that anybody waits for what must happen at once

Session = Callable[["SshServer", paramiko.Channel], None]


def new_key(path: Path, password: str | None = None) -> paramiko.PKey:
    """Make a key, and the file that ssh would have it in."""
    key = paramiko.ECDSAKey.generate()
    key.write_private_key_file(str(path), password)
    return key


def known(host: str, key: paramiko.PKey) -> str:
    """A line of ``known_hosts``."""
    return f"{host} {key.get_name()} {key.get_base64()}\n"


def joined(server: SshServer, channel: paramiko.Channel) -> None:
    """Join a session to the engine, until either of them ends it."""

    def back() -> None:
        _copy(engine.recv, channel.sendall)
        with suppress(*BROKEN):
            channel.shutdown_write()

    with socket.socket(socket.AF_UNIX) as engine:
        engine.connect(server.path)
        answering = threading.Thread(target=back)
        answering.start()
        _copy(channel.recv, engine.sendall)
        engine.shutdown(socket.SHUT_RDWR)
        answering.join(PATIENCE)


@define(eq=False)
class SshServer:
    """The server, which counts the connections and the sessions that it took.

    ``session`` may be something else than joining it to the engine; without one, a
    command is refused. ``answers`` says whether it is acknowledged at all.
    """

    path: str
    host_key: paramiko.PKey
    user_key: paramiko.PKey
    session: Session | None = joined
    answers: bool = True
    port: int = 0
    users: set[str] = field(factory=set[str])
    connections: int = 0
    sessions: int = 0
    ended: threading.Event = field(factory=threading.Event)
    transports: list[paramiko.Transport] = field(factory=list[paramiko.Transport])

    @contextmanager
    def on_tcp(self, address: str = "127.0.0.1") -> Iterator[SshServer]:
        with socket.create_server((address, 0)) as listener:
            self.port = listener.getsockname()[1]
            accepting = threading.Thread(target=self._accept, args=(listener,))
            accepting.start()
            try:
                yield self
            finally:
                self.ended.set()
                listener.shutdown(socket.SHUT_RDWR)
                accepting.join(PATIENCE)
                self.hang_up()

    def hang_up(self) -> None:
        """Close every connection, as a machine does that goes down."""
        for transport in self.transports:
            transport.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                caller, _ = listener.accept()
                self.connections += 1
                transport = paramiko.Transport(caller)
                transport.add_server_key(self.host_key)
                self.transports.append(transport)
                with suppress(*BROKEN):  # who hangs up early
                    transport.start_server(server=_Door(self))


class _Door(paramiko.ServerInterface):
    """Who may come in, and what they may do."""

    def __init__(self, server: SshServer) -> None:
        self._server = server

    def get_allowed_auths(self, username: str) -> str:
        self._server.users.add(username)
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self._server.users.add(username)
        return AUTH_SUCCESSFUL if key == self._server.user_key else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        del kind, chanid
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        server = self._server
        if not server.answers:
            server.ended.wait(PATIENCE)
        if command != COMMAND or server.session is None:
            return False
        server.sessions += 1
        threading.Thread(target=_serve, args=(server.session, server, channel)).start()
        return True


def _serve(session: Session, server: SshServer, channel: paramiko.Channel) -> None:
    with suppress(*BROKEN), channel:
        # What the client answers is read after the command was acknowledged.
        channel.get_transport().global_request("keepalive@dockernet", wait=True)
        session(server, channel)


def _copy(read: Callable[[int], bytes], write: Callable[[bytes], object]) -> None:
    with suppress(*BROKEN):
        while piece := read(PIECE):
            write(piece)


def main(address: str, path: str, host_key: str, user_key: str) -> None:
    read = paramiko.ECDSAKey.from_private_key_file
    with SshServer(path, read(host_key), read(user_key)).on_tcp(address) as server:
        print(server.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
