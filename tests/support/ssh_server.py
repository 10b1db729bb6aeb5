"""An ssh server in front of an engine: ``ssh_server.py ADDRESS SOCKET HOST_KEY USER_KEY``.

It lets one key in, whoever the user is, and does for one command what the docker
command line does on an engine's host: it joins the standard streams to the engine's
socket. As a program it says the port that it listens on and serves until it is ended.
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
PATIENCE = 20.0  # seconds that anybody waits for what must happen at once

Session = Callable[[paramiko.Channel], None]


def new_key(path: Path) -> paramiko.PKey:
    """Make a pair of keys: a file, and its public half beside it."""
    key = paramiko.ECDSAKey.generate()
    key.write_private_key_file(str(path))
    path.with_suffix(".pub").write_text(f"{key.get_name()} {key.get_base64()}\n")
    return key


@define(eq=False)
class SshServer:
    """The server; ``connections`` and ``sessions`` count what it took.

    ``session`` does something else with a session than joining it to the engine;
    where ``answers`` is off, a command is not even acknowledged.
    """

    path: str
    host_key: paramiko.PKey
    user_key: paramiko.PKey
    session: Session | None = None
    answers: bool = True
    port: int = 0
    users: list[str] = field(factory=list[str])
    connections: int = 0
    sessions: int = 0
    _open: list[paramiko.Transport] = field(factory=list[paramiko.Transport])

    @contextmanager
    def on_tcp(self, address: str = "127.0.0.1") -> Iterator[SshServer]:
        with socket.create_server((address, 0)) as listener:
            self.port = listener.getsockname()[1]
            accepting = threading.Thread(target=self._accept, args=(listener,))
            accepting.start()
            try:
                yield self
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                accepting.join(PATIENCE)
                self.hang_up()

    def hang_up(self) -> None:
        """Close every connection, as a machine does that goes down."""
        while self._open:
            self._open.pop().close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                caller, _ = listener.accept()
                self.connections += 1
                transport = paramiko.Transport(caller)
                transport.add_server_key(self.host_key)
                self._open.append(transport)
                with suppress(paramiko.SSHException, EOFError):  # who hangs up early
                    transport.start_server(server=_Door(self))

    def serve(self, channel: paramiko.Channel) -> None:
        """Serve one session to its end."""
        with suppress(OSError), channel:
            (self.session or self._joined)(channel)

    def _joined(self, channel: paramiko.Channel) -> None:
        with socket.socket(socket.AF_UNIX) as engine:
            engine.connect(self.path)
            back = threading.Thread(target=_copy, args=(engine.recv, channel.sendall))
            back.start()
            _copy(channel.recv, engine.sendall)
            engine.shutdown(socket.SHUT_WR)
            back.join(PATIENCE)
        channel.send_exit_status(0)


class _Door(paramiko.ServerInterface):
    """Who may come in, and what they may do."""

    def __init__(self, server: SshServer) -> None:
        self._server = server

    def get_allowed_auths(self, username: str) -> str:
        self._server.users.append(username)
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self._server.users.append(username)
        return AUTH_SUCCESSFUL if key == self._server.user_key else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        del kind, chanid
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        server = self._server
        if not server.answers:
            channel.get_transport().join(PATIENCE)
        if command != COMMAND:
            return False
        server.sessions += 1
        threading.Thread(target=server.serve, args=(channel,)).start()
        return True


def _copy(read: Callable[[int], bytes], write: Callable[[bytes], object]) -> None:
    with suppress(OSError):
        while piece := read(PIECE):
            write(piece)


def main(address: str, path: str, host_key: str, user_key: str) -> None:
    keys = [paramiko.ECDSAKey.from_private_key_file(key) for key in (host_key, user_key)]
    with SshServer(path, *keys).on_tcp(address) as server:
        print(server.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
