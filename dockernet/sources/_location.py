"""Where an engine is, found as the docker CLI finds it.

All of this is told by variables and small files. That nothing listens on a socket of
this machine is found out without docker-py, which takes longer to import than all the
rest together.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from attrs import field, frozen

from dockernet.errors import EngineUnavailableError, SourceError
from dockernet.formats.json import Json, mapping, text

__all__ = ["CLOSED", "NAME", "UNREACHED", "Certificates", "Location", "locate"]

NAME: Final = "engine"
CLOSED: Final[tuple[tuple[type[OSError], str], ...]] = (
    (FileNotFoundError, "no engine listens at {url}: start it, or set DOCKER_HOST or a context"),
    (PermissionError, "{url} may not be used by this user: join the group docker, or be root"),
    (ConnectionRefusedError, "nothing listens at {url}: start the engine, or correct the address"),
)
"""What the operating system says of an address where nobody lets us in, and what to do."""
UNREACHED: Final = "{url} cannot be reached: check the address, and the engine there ({error})"

_DEFAULT_URL: Final = (
    "npipe:////./pipe/docker_engine" if os.name == "nt" else "unix:///var/run/docker.sock"
)
_DEFAULT_CONTEXT: Final = "default"
_OVER_TCP: Final = frozenset({"tcp", "http", "https"})
_SCHEMES: Final = _OVER_TCP | {"ssh", "unix", "http+unix", "npipe"}
_USER: Final = re.compile("//[^/]*@")
_EXPECTED: Final = "expected unix:///path, tcp://host:port or ssh://user@host"


@frozen
class Certificates:
    """A folder with ``ca.pem``, ``cert.pem`` and ``key.pem``.

    Attributes:
        folder: The folder.
        verify: Whether the engine must prove who it is.
        whole: Whether they must be there, as docker-py has it of a folder that a
            variable names; a context may have any of them, or none.
    """

    folder: Path
    verify: bool
    whole: bool = True


@frozen
class Location:
    """Where an engine is: its URL, and the certificates that it wants.

    Attributes:
        url: The URL as the docker CLI takes it.
        certificates: Its certificates; ``None`` without TLS.
    """

    url: str
    certificates: Certificates | None = field(default=None, repr=False)

    @property
    def over_ssh(self) -> bool:
        """Whether the engine is reached through ssh."""
        return urlsplit(self.url).scheme == "ssh"

    @property
    def host(self) -> str | None:
        """The host part of the URL; ``None`` for a socket of this machine."""
        parts = urlsplit(self.url)
        return parts.hostname if parts.scheme in (*_OVER_TCP, "ssh") else None

    @property
    def path(self) -> str | None:
        """The path of a unix socket of this machine; ``None`` for anything else."""
        path = self.url.removeprefix("unix://")
        unix = path != self.url and path.startswith("/") and hasattr(socket, "AF_UNIX")
        return path if unix else None

    def knock(self) -> None:
        """Make sure that a socket of this machine takes us in, if the URL names one.

        docker-py would find out as well: later.

        Raises:
            EngineUnavailableError: It does not.
        """
        if self.path is None:
            return
        try:
            with socket.socket(socket.AF_UNIX) as door:
                door.settimeout(0)
                door.connect(self.path)
        except BlockingIOError:
            return  # a full queue is no closed door
        except (OSError, ValueError) as error:
            advice = next((a for kind, a in CLOSED if isinstance(error, kind)), UNREACHED)
            reason = advice.format(url=self.url, error=error)
            raise EngineUnavailableError(NAME, reason) from error


def locate(url: str | None, context: str | None, environ: Mapping[str, str]) -> Location:
    """Find the engine as the docker CLI does.

    An explicit URL or context first, then ``DOCKER_HOST``, ``DOCKER_CONTEXT``, the
    current context, the default socket.

    Raises:
        SourceError: The context is unknown or damaged, or the URL is none.
    """
    address = url or (None if context else environ.get("DOCKER_HOST") or None)
    folder = Path(environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker"))  # noqa: PTH111 - Path.expanduser raises where nobody has a home
    if address is None:
        name = context or environ.get("DOCKER_CONTEXT") or _current_context(folder)
        if name != _DEFAULT_CONTEXT:
            return _of_context(name, folder / "contexts")
    return _of_environ(_plain(address or _DEFAULT_URL), environ, folder)


def _plain(url: str) -> str:
    """The URL with its scheme, which is tcp where none is said (docker/cli, opts/hosts.go)."""
    whole = url.strip() if "://" in url else f"tcp://{url.strip()}"
    if not _is_sound(whole):
        reason = f"'{_USER.sub('//', url)}' is no engine's address: {_EXPECTED}, and no password"
        raise SourceError(NAME, reason)
    return whole


def _is_sound(url: str) -> bool:
    try:
        parts = urlsplit(url)
        needed = {"ssh": parts.hostname, **dict.fromkeys(_OVER_TCP, parts.port)}
        return (
            parts.scheme in _SCHEMES
            and bool(needed.get(parts.scheme, url))
            and parts.password is None
        )
    except ValueError:
        return False


def _of_environ(url: str, environ: Mapping[str, str], folder: Path) -> Location:
    """TLS as docker-py takes it: for either variable, and verified for the second."""
    path, verify = environ.get("DOCKER_CERT_PATH"), environ.get("DOCKER_TLS_VERIFY")
    if not (path or verify) or urlsplit(url).scheme not in _OVER_TCP:
        return Location(url)
    return Location(url, Certificates(Path(path) if path else folder, bool(verify)))


# Contexts, as docker/cli stores them (cli/context/store): under the hash of their name.


def _current_context(folder: Path) -> str:
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return _DEFAULT_CONTEXT  # as the CLI does, which warns of a damaged one
    return text(mapping(config).get("currentContext")) or _DEFAULT_CONTEXT


def _of_context(name: str, store: Path) -> Location:
    # Only contexts need it, and it brings OpenSSL along.
    from hashlib import sha256  # noqa: PLC0415

    digest = sha256(name.encode("utf-8", "backslashreplace")).hexdigest()
    endpoints = mapping(_metadata(name, store / "meta" / digest).get("Endpoints"))
    engine = mapping(endpoints.get("docker"))
    if not text(engine.get("Host")):
        raise SourceError(NAME, f"the context '{name}' names no engine: see 'docker context ls'")
    url, folder = _plain(text(engine.get("Host"))), store / "tls" / digest / "docker"
    verify = engine.get("SkipTLSVerify") is not True
    # docker/cli, cli/context/docker/load.go: either means TLS.
    if (verify and not folder.is_dir()) or urlsplit(url).scheme not in _OVER_TCP:
        return Location(url)
    return Location(url, Certificates(folder, verify, whole=False))


def _metadata(name: str, folder: Path) -> Json:
    path = folder / "meta.json"
    try:
        return mapping(json.loads(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        reason = f"there is no context '{name}': see 'docker context ls'"
        raise SourceError(NAME, reason) from None
    except (OSError, ValueError, RecursionError) as error:
        reason = f"the context '{name}' cannot be read: check or remove {path}"
        raise SourceError(NAME, reason) from error
