"""HTTP to an engine's host through ssh, over the command that the docker CLI runs there.

docker-py has a transport for this. It waits for a server without end, dials port 22
whatever ``ssh_config`` says, and once its connection broke, it stays broken. So the
line is laid here, and docker-py's client is given an adapter that speaks over it.
"""

from __future__ import annotations

import getpass
import logging
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.client import RemoteDisconnected
from typing import Any, Final, NoReturn, cast
from urllib.parse import SplitResult, urlsplit

import paramiko
from attrs import frozen
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

from dockernet.errors import EngineUnavailableError, SourceError
from dockernet.sources._location import NAME

__all__ = ["Line"]

_COMMAND: Final = "docker system dial-stdio"  # docker/cli, cli/command/system/dial_stdio.go
_CONFIG: Final = "~/.ssh/config"
_PORT: Final = 22
_LATER: Final = 2
_SAID: Final = 300  # bytes of what a command says when it fails

# What paramiko logs is what its exceptions say, in a traceback of another thread.
_LOG: Final = "dockernet.ssh"
logging.getLogger(_LOG).addHandler(logging.NullHandler())


class _UnknownHostKeyError(paramiko.SSHException):
    """A server whose key no file of known hosts has."""


class _Strangers(paramiko.MissingHostKeyPolicy):
    """Nobody is let pass whose key is not known."""

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> NoReturn:
        del client, key
        raise _UnknownHostKeyError(hostname)


_MEANINGS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (
        _UnknownHostKeyError,
        "known_hosts has no key of {host}: connect once with ssh, and compare what it shows",
    ),
    (
        paramiko.BadHostKeyException,
        "{host} shows another key than known_hosts has: if that is right, ssh-keygen -R '{host}'",
    ),
    (
        paramiko.AuthenticationException,
        "no key of ours lets {user} in: name its user, and put its key into ~/.ssh or ssh-agent",
    ),
)
"""What paramiko raises while it connects, and what a person can do about it."""
_USUAL: Final = "{host} breaks off ({error}): check that ssh runs commands of {user} there"


@frozen
class _Destination:
    """Where an ssh server is, and how it is to be dialled."""

    host: str
    port: int
    user: str
    keys: tuple[str, ...]
    command: str | None

    @property
    def known_as(self) -> str:
        """What known_hosts calls it."""
        return self.host if self.port == _PORT else f"[{self.host}]:{self.port}"

    def settings(self, timeout: float) -> dict[str, Any]:
        """What paramiko is told for connecting; this dials already."""
        return {
            "port": self.port,
            "username": self.user,
            "key_filename": list(self.keys),
            "sock": self._dialled(timeout),
            # Later than our own limit: what paramiko raises then does not tell its cause.
            "banner_timeout": _LATER * timeout,
            "auth_timeout": _LATER * timeout,
        }

    def _dialled(self, timeout: float) -> socket.socket:
        if self.command is None:
            return socket.create_connection((self.host, self.port), timeout)
        # Not paramiko's ProxyCommand, which never notices the end of the command.
        ours, theirs = socket.socketpair()
        with theirs:
            ends = theirs.fileno()
            proxy = subprocess.Popen(  # noqa: S602 - the user's own command, as ssh runs it
                self.command, shell=True, stdin=ends, stdout=ends, stderr=subprocess.DEVNULL
            )
        threading.Thread(target=proxy.wait, daemon=True).start()
        return ours


def _destination(url: str) -> _Destination:
    """Read a URL as ssh does, with what ``ssh_config`` says of its host."""
    parts = urlsplit(url)
    told = _config().lookup(_alias(parts))
    files = map(os.path.expanduser, cast("list[str]", told.get("identityfile", [])))
    command = str(told.get("proxycommand", "none"))
    return _Destination(
        host=str(told["hostname"]),
        port=parts.port or int(str(told.get("port", _PORT))),
        user=parts.username or str(told.get("user") or getpass.getuser()),
        keys=tuple(file for file in files if os.access(file, os.R_OK)),
        command=None if command == "none" else command,
    )


def _alias(parts: SplitResult) -> str:
    """The host as it is written: ``ssh_config`` tells capitals apart, and urllib does not."""
    place = parts.netloc.rpartition("@")[2]
    return (place if parts.port is None else place.rpartition(":")[0]).strip("[]")


def _config() -> paramiko.SSHConfig:
    path = os.path.expanduser(_CONFIG)  # noqa: PTH111 - Path.expanduser raises where nobody has a home
    try:
        return paramiko.SSHConfig.from_path(path)
    except FileNotFoundError:
        return paramiko.SSHConfig()


class Line:
    """The one ssh connection to an engine's host, shared by the clients of an engine.

    Each of them takes a session of its own. A line that broke is laid anew for the next
    session; it is taken down when everybody who shared it has left.

    Args:
        url: ``ssh://[user@]host[:port]``.
        timeout: Seconds for connecting, and for each wait for an answer.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self.url = url
        self.timeout = timeout
        self._lock = threading.Lock()
        self._shared_by: set[object] = set()
        self._known: _Destination | None = None
        self._client: paramiko.SSHClient | None = None

    @property
    def host(self) -> str:
        """The name or address that ssh dials, which may not be the URL's.

        Raises:
            SourceError: ``ssh_config`` cannot be read.
        """
        return self._destination.host

    def session(self) -> paramiko.Channel:
        """Open a session that speaks with the engine.

        Raises:
            SourceError: That is impossible.
        """
        with self._lock:
            transport = self._transport()
        with self._told(), _at_most(self.timeout, transport.close):
            channel = transport.open_session(timeout=_LATER * self.timeout)
            channel.settimeout(self.timeout)
            channel.exec_command(_COMMAND)
        return channel

    def adapter(self) -> HTTPAdapter:
        """What docker-py's client needs to speak over the line; it shares it until closed."""
        return _Adapter(self)

    def share(self, who: object) -> None:
        """Keep the line up until this one leaves."""
        with self._lock:
            self._shared_by.add(who)

    def leave(self, who: object) -> None:
        """Take the line down if nobody else shares it."""
        with self._lock:
            self._shared_by.discard(who)
            if not self._shared_by:
                self._hang_up()

    @property
    def _destination(self) -> _Destination:
        if self._known is None:
            try:
                self._known = _destination(self.url)
            except (OSError, ValueError, LookupError, ImportError, paramiko.SSHException) as error:
                reason = (
                    f"how to reach {self.url} is not told: name a user, check {_CONFIG} ({error})"
                )
                raise SourceError(NAME, reason) from error
        return self._known

    def _transport(self) -> paramiko.Transport:
        transport = None if self._client is None else self._client.get_transport()
        if transport is None or not transport.is_active():
            self._hang_up()
            self._client = self._connected()
            transport = cast("paramiko.Transport", self._client.get_transport())
        return transport

    def _connected(self) -> paramiko.SSHClient:
        there, client = self._destination, paramiko.SSHClient()
        client.set_log_channel(_LOG)
        client.set_missing_host_key_policy(_Strangers())
        with self._told(), _at_most(self.timeout, client.close):
            client.load_system_host_keys()
            try:
                client.connect(there.host, **there.settings(self.timeout))
            except paramiko.SSHException as error:
                raise _refused(client, error) from error
            except BaseException:
                client.close()
                raise
        return client

    def _hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    @contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except (paramiko.SSHException, EOFError) as error:
            raise EngineUnavailableError(NAME, self._meaning(error)) from error

    def _meaning(self, error: Exception) -> str:
        there = self._destination
        advice = next((a for kind, a in _MEANINGS if isinstance(error, kind)), _USUAL)
        told = advice.format(host=there.known_as, user=there.user, error=str(error) or "it ended")
        return f"{self.url} cannot be reached: {told}"


def _refused(client: paramiko.SSHClient, error: Exception) -> Exception:
    """What a failed connection means: that of one that is still up is about keys."""
    transport = client.get_transport()
    ours = isinstance(error, tuple(kind for kind, _ in _MEANINGS))
    if transport is not None and transport.is_active() and not ours:
        error = paramiko.AuthenticationException(str(error))  # where there was no key to try
    client.close()
    return error


@contextmanager
def _at_most(seconds: float, end: Callable[[], object]) -> Generator[None]:
    """Do something that may wait for ever; end it, and raise, when that takes too long."""
    late = threading.Event()

    def ring() -> None:
        late.set()
        end()

    clock = threading.Timer(seconds, ring)
    clock.daemon = True
    clock.start()
    try:
        yield
    except Exception:
        if not late.is_set():
            raise
    finally:
        clock.cancel()
    if late.is_set():
        raise TimeoutError


# What docker-py's client is given.


class _Connection(HTTPConnection):
    """HTTP over one session."""

    _channel: paramiko.Channel

    def __init__(self, line: Line) -> None:
        super().__init__("engine")
        self._line = line

    def connect(self) -> None:
        self._channel = self._line.session()
        self.sock = cast("socket.socket", self._channel)

    def send(self, data: Any) -> None:  # noqa: ANN401 - http.client takes many things
        if self.sock is None:  # as http.client would; but that is no broken pipe
            self.connect()
        try:
            super().send(data)
        except OSError as error:
            # For this one urllib3 goes on to the response, which may tell why.
            raise BrokenPipeError(*error.args) from error

    def getresponse(self) -> Any:  # noqa: ANN401 - urllib3's word contradicts http.client's
        """The response, or what the command says instead: that it may not, or is not there."""
        try:
            return super().getresponse()
        except RemoteDisconnected as error:
            said = self._channel.recv_stderr(_SAID).decode("utf-8", "replace").strip()
            if not said:
                raise
            reason = f"{self._line.url}: '{_COMMAND}' fails there: {said.splitlines()[0]}"
            raise EngineUnavailableError(NAME, reason) from error


class _Pool(HTTPConnectionPool):
    def __init__(self, line: Line) -> None:
        super().__init__("engine")
        self._line = line

    def _new_conn(self) -> Any:  # noqa: ANN401 - urllib3's own word for it is private
        return _Connection(self._line)


class _Adapter(HTTPAdapter):
    """What a client sends goes over a line; it leaves that when it is closed."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line
        self._pool = _Pool(line)
        line.share(self)

    def get_connection_with_tls_context(self, *_: object, **__: object) -> HTTPConnectionPool:
        return self._pool

    get_connection = get_connection_with_tls_context  # of requests before 2.32

    def close(self) -> None:
        super().close()
        self._pool.close()
        self._line.leave(self)
