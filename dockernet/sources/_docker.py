"""The one file that knows docker-py: where the engine is, connections, its exceptions.

docker-py's clients are ``requests`` sessions and not thread-safe, so each is lent to
one thread at a time. Whatever the library or its transports raise leaves here as a
:class:`~dockernet.SourceError` that tells a person what to do.
"""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import docker
import requests
import urllib3
from attrs import field, frozen
from docker.context import Context, ContextAPI
from docker.errors import APIError, DockerException, NotFound
from docker.tls import TLSConfig
from docker.utils import kwargs_from_env

from dockernet.errors import EngineTimeoutError, EngineUnavailableError, SourceError

__all__ = ["Clients", "Gone", "Location", "locate"]

T = TypeVar("T")

_NAME: Final = "engine"
_DEFAULT_URL: Final = "unix:///var/run/docker.sock"
_PROBE_VERSION: Final = "1.24"  # docker-py wants one; /version itself is asked for without
_NEWEST_TESTED: Final = "1.52"
_CLIENTS: Final = 4  # connections to one engine at a time


class Gone(Exception):  # noqa: N818 - not an error: a container vanished between two requests
    """The object that was asked for is not there."""


@frozen
class Location:
    """Where an engine is: its URL, and the certificates that it wants.

    Attributes:
        url: The URL as the docker CLI takes it.
        tls: What docker-py takes for certificates.
    """

    url: str
    tls: TLSConfig | bool = field(default=False, repr=False)

    @property
    def host(self) -> str | None:
        """The host part of the URL; ``None`` for a socket of this machine."""
        parts = urlsplit(self.url)
        return parts.hostname if parts.scheme in ("tcp", "http", "https", "ssh") else None


def locate(url: str | None, context: str | None, environ: Mapping[str, str]) -> Location:
    """Find the engine as the docker CLI does.

    An explicit URL or context first, then ``DOCKER_HOST``, ``DOCKER_CONTEXT``, the
    current context, the default socket.

    Raises:
        SourceError: The context is unknown, or certificates are missing.
    """
    with _told(url or context or environ.get("DOCKER_HOST") or _DEFAULT_URL):
        url = url or (None if context else environ.get("DOCKER_HOST") or None)
        if url is None:
            found = _of_context(context or environ.get("DOCKER_CONTEXT") or None)
            if found is not None:
                return found
        wanted = kwargs_from_env({**environ, "DOCKER_HOST": url or _DEFAULT_URL})
        return Location(url or _DEFAULT_URL, wanted.get("tls") or False)


def _of_context(name: str | None) -> Location | None:
    """The location that a context names; ``None`` for the built-in default one."""
    # The stubs promise a context for every name; there is none for an unknown one.
    found: Context | None = ContextAPI.get_context(name) if name else ContextAPI.get_current_context()
    if found is None or found.Host is None:
        reason = f"there is no context '{name}' with an engine: see 'docker context ls'"
        raise SourceError(_NAME, reason)
    if found.Name == "default":
        return None
    tls: TLSConfig | None = found.TLSConfig
    return Location(found.Host, False if tls is None else tls)


class Clients:
    """The connections to one engine, lent to one thread at a time.

    Args:
        location: Where the engine is.
        timeout: Seconds for connecting, and for each wait for an answer.
    """

    def __init__(self, location: Location, timeout: float) -> None:
        self.location = location
        self._timeout = timeout
        self._free: list[docker.APIClient] = []
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(_CLIENTS)
        self._agreeing = threading.Lock()
        self._version: Mapping[str, Any] | None = None

    def call(self, ask: Callable[[docker.APIClient], T]) -> T:
        """Ask the engine something.

        Raises:
            Gone: The object that was asked for is not there.
            SourceError: The engine cannot be asked, or its answer makes no sense.
        """
        self.version()
        with _told(self.location.url), self._lent() as client:
            return ask(client)

    def version(self) -> Mapping[str, Any]:
        """The engine's reply to ``GET /version``, asked once."""
        with self._agreeing:
            if self._version is None:
                self._version = self._agree()
            return self._version

    def close(self) -> None:
        """Close every connection that is not lent at the moment."""
        with self._lock:
            free, self._free = self._free, []
        for client in free:
            client.close()

    def _agree(self) -> Mapping[str, Any]:
        with _told(self.location.url):
            probe = self._client(_PROBE_VERSION)
            try:
                reply: object = probe.version(api_version=False)
            finally:
                probe.close()
        if not isinstance(reply, dict) or not isinstance(reply.get("ApiVersion"), str):
            reason = f"what answers at {self.location.url} is no engine: it tells no API version"
            raise SourceError(_NAME, reason)
        return reply

    @property
    def _api_version(self) -> str:
        """The newest version that both sides know, and none that the engine refuses."""
        told = self._version or {}
        newest = min(str(told.get("ApiVersion")), _NEWEST_TESTED, key=_numbers)
        return max(newest, str(told.get("MinAPIVersion") or "0"), key=_numbers)

    @contextmanager
    def _lent(self) -> Iterator[docker.APIClient]:
        with self._places:
            with self._lock:
                client = self._free.pop() if self._free else None
            client = client or self._client(self._api_version)
            try:
                yield client
            finally:
                with self._lock:
                    self._free.append(client)

    def _client(self, version: str) -> docker.APIClient:
        client = docker.APIClient(
            base_url=self.location.url,
            version=version,
            timeout=self._timeout,  # type: ignore[arg-type]  # requests takes fractions
            tls=self.location.tls,
        )
        if self.location.tls:
            # REQUESTS_CA_BUNDLE would win over the engine's own authority.
            client.trust_env = False
        return client


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isascii() and part.isdigit())


# What the libraries raise, and what a person can do about it.

_CAUSES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (FileNotFoundError, "no engine listens at {url}: start it, or set DOCKER_HOST or a context"),
    (PermissionError, "{url} may not be used by this user: join the group docker, or be root"),
    (ConnectionRefusedError, "nothing listens at {url}: start the engine, or correct the address"),
    (socket.gaierror, "the host name of {url} is not known: correct the address"),
)


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Turn what docker-py and its transports raise into errors of our family."""
    try:
        yield
    except (SourceError, Gone):
        raise
    except NotFound as error:
        raise Gone from error
    except APIError as error:
        raise SourceError(_NAME, f"{url} refuses: {_explained(error)}") from error
    except (requests.Timeout, TimeoutError, urllib3.exceptions.TimeoutError) as error:
        reason = f"{url} did not answer in time: is it overloaded? a longer timeout may help"
        raise EngineTimeoutError(_NAME, reason) from error
    except (requests.JSONDecodeError, UnicodeError) as error:
        raise SourceError(_NAME, f"what answers at {url} speaks no JSON: is it an engine?") from error
    except (requests.ConnectionError, OSError) as error:
        raise EngineUnavailableError(_NAME, _cause(error, url)) from error
    except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise SourceError(_NAME, _advice(error, url)) from error
    except (http.client.HTTPException, ValueError, TypeError) as error:
        raise SourceError(_NAME, f"{url} answers nonsense: {_first_line(error)}") from error
    except Exception as error:
        # ssh transports and damaged context files raise classes of their own.
        raise EngineUnavailableError(_NAME, f"{url} cannot be reached: {_first_line(error)}") from error


def _explained(error: APIError) -> str:
    return str(error.explanation or _first_line(error)).strip()[:300]


def _cause(error: BaseException, url: str) -> str:
    root = _root(error)
    told = next((text for kind, text in _CAUSES if isinstance(root, kind)), None)
    return told.format(url=url) if told else f"{url} cannot be reached: {_first_line(root)}"


def _root(error: BaseException) -> BaseException:
    """The error of the operating system that a chain of wrappers holds."""
    known = tuple(kind for kind, _ in _CAUSES)
    seen: list[BaseException] = [error]
    for candidate in seen:
        if isinstance(candidate, known):
            return candidate
        inner = (*candidate.args, getattr(candidate, "reason", None), candidate.__cause__)
        seen += [i for i in inner if isinstance(i, BaseException) and i not in seen]
    return error


def _advice(error: BaseException, url: str) -> str:
    text = _first_line(error)
    if "paramiko" in text:
        return f"{url} needs the ssh extra: pip install 'dockernet[ssh]'"
    if isinstance(error, docker.errors.TLSParameterError):
        return f"the certificates for {url} cannot be used: check DOCKER_CERT_PATH"
    return f"{url} cannot be used: {text}"


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
