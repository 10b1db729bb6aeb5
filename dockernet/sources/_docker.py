"""The one file that knows docker-py: connections, questions, and its exceptions.

docker-py's clients are ``requests`` sessions and not thread-safe, so each is lent to
one thread at a time. Whatever the library or its transports raise leaves here as a
:class:`~dockernet.SourceError` that tells a person what to do.
"""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, cast

import requests
import urllib3
from docker import APIClient
from docker.errors import APIError, DockerException, NotFound, TLSParameterError
from docker.tls import TLSConfig

from dockernet.errors import EngineTimeoutError, EngineUnavailableError, SourceError
from dockernet.formats.json import Json, mapping, text
from dockernet.sources._location import ABSENT, NAME, Certificates, Location

__all__ = ["Clients"]

_PROBE_VERSION: Final = "1.24"  # docker-py wants one; /version itself is asked for without
_NEWEST_TESTED: Final = "1.52"
_CLIENTS: Final = 4  # connections to one engine at a time


class _Gone(Exception):  # noqa: N818 - no error: containers vanish between two requests
    """The object that was asked for is not there."""


class _Api(Protocol):
    """What is used of docker-py's client, in the types that it has for us."""

    def version(self, *, api_version: bool = True) -> object: ...
    def info(self) -> object: ...
    def networks(self) -> object: ...
    def containers(self, *, all: bool = False) -> object: ...  # noqa: A002 - docker-py's word
    def inspect_container(self, container: str, /) -> object: ...
    def close(self) -> None: ...


class Clients:
    """The connections to one engine, lent to one thread at a time.

    What it answers is JSON as the engine sent it; each question may raise a
    :class:`~dockernet.SourceError`.

    Args:
        location: Where the engine is.
        timeout: Seconds for connecting, and for each wait for an answer.
    """

    def __init__(self, location: Location, timeout: float) -> None:
        self.location = location
        self._timeout = timeout
        self._free: list[_Api] = []
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(_CLIENTS)
        self._agreeing = threading.Lock()
        self._version: Json | None = None

    def info(self) -> object:
        """``GET /info``."""
        return self._ask(lambda api: api.info())

    def listing(self) -> object:
        """``GET /containers/json`` of every state."""
        return self._ask(lambda api: api.containers(all=True))

    def inspection(self, container_id: str) -> object:
        """``GET /containers/{id}/json``; ``None`` where there is none such."""
        try:
            return self._ask(lambda api: api.inspect_container(container_id))
        except _Gone:
            return None

    def networks(self) -> object:
        """``GET /networks``."""
        return self._ask(lambda api: api.networks())

    def version(self) -> Json:
        """``GET /version``, asked once."""
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

    def _ask(self, question: Callable[[_Api], object]) -> object:
        self.version()
        with _told(self.location.url), self._lent() as client:
            return question(client)

    def _agree(self) -> Json:
        with _told(self.location.url):
            probe = self._client(_PROBE_VERSION)
            try:
                reply = mapping(probe.version(api_version=False))
            finally:
                probe.close()
        if not text(reply.get("ApiVersion")):
            reason = f"what answers at {self.location.url} is no engine: it tells no API version"
            raise SourceError(NAME, reason)
        return reply

    @property
    def _api_version(self) -> str:
        """The newest version that both sides know, and none that the engine refuses."""
        told = self._version or {}
        newest = min(str(told.get("ApiVersion")), _NEWEST_TESTED, key=_numbers)
        return max(newest, str(told.get("MinAPIVersion") or "0"), key=_numbers)

    @contextmanager
    def _lent(self) -> Generator[_Api]:
        with self._places:
            with self._lock:
                client = self._free.pop() if self._free else None
            client = client or self._client(self._api_version)
            try:
                yield client
            finally:
                with self._lock:
                    self._free.append(client)

    def _client(self, version: str) -> _Api:
        certificates = self.location.certificates
        client = APIClient(
            base_url=self.location.url,
            version=version,
            timeout=self._timeout,  # type: ignore[arg-type]  # requests takes fractions
            tls=False if certificates is None else _tls(certificates),
        )
        if certificates is not None:
            # REQUESTS_CA_BUNDLE would win over the engine's own authority.
            client.trust_env = False
        return cast("_Api", client)


def _tls(certificates: Certificates) -> TLSConfig:
    """What docker-py takes for certificates; the engine may want none of ours."""
    ca, cert, key = (str(certificates.folder / f"{n}.pem") for n in ("ca", "cert", "key"))
    wanted = any(Path(path).is_file() for path in (cert, key)) or not Path(ca).is_file()
    return TLSConfig((cert, key) if wanted else None, ca, certificates.verify)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isascii() and part.isdigit())


# What the libraries raise, and what a person can do about it.

_CAUSES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (FileNotFoundError, ABSENT),
    (PermissionError, "{url} may not be used by this user: join the group docker, or be root"),
    (ConnectionRefusedError, "nothing listens at {url}: start the engine, or correct the address"),
    (socket.gaierror, "the host name of {url} is not known: correct the address"),
)


@contextmanager
def _told(url: str) -> Generator[None]:
    """Turn what docker-py and its transports raise into errors of our family."""
    try:
        yield
    except (SourceError, _Gone):
        raise
    except NotFound as error:
        raise _Gone from error
    except APIError as error:
        raise SourceError(NAME, f"{url} refuses: {_explained(error)}") from error
    except (requests.Timeout, TimeoutError, urllib3.exceptions.TimeoutError) as error:
        reason = f"{url} did not answer in time: is it overloaded? a longer timeout may help"
        raise EngineTimeoutError(NAME, reason) from error
    except (requests.JSONDecodeError, UnicodeError) as error:
        raise SourceError(
            NAME, f"what answers at {url} speaks no JSON: is it an engine?"
        ) from error
    except (requests.ConnectionError, OSError) as error:
        raise EngineUnavailableError(NAME, _cause(error, url)) from error
    except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise SourceError(NAME, _advice(error, url)) from error
    except (http.client.HTTPException, ValueError, TypeError) as error:
        raise SourceError(NAME, f"{url} answers nonsense: {_first_line(error)}") from error
    except Exception as error:
        # ssh transports and damaged context files raise classes of their own.
        raise EngineUnavailableError(
            NAME, f"{url} cannot be reached: {_first_line(error)}"
        ) from error


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
    if isinstance(error, TLSParameterError):
        return f"the certificates for {url} cannot be used: check DOCKER_CERT_PATH"
    return f"{url} cannot be used: {text}"


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
