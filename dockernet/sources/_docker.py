"""The one file that knows docker-py: connections, questions, and its exceptions.

docker-py's clients are ``requests`` sessions and not thread-safe, so each is lent to
one thread at a time. Whatever the library or its transports raise leaves here as a
:class:`~dockernet.SourceError` that tells a person what to do.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

import requests
import urllib3
from docker import APIClient
from docker.errors import APIError, DockerException, NotFound, TLSParameterError
from docker.tls import TLSConfig

from dockernet.errors import EngineTimeoutError, EngineUnavailableError, SourceError
from dockernet.formats.engine import docker_networks, podman_api
from dockernet.formats.json import Json, mapping, text
from dockernet.sources._location import CLOSED, NAME, UNREACHED, Certificates, Location
from dockernet.sources._tls import USUAL
from dockernet.sources._tls import advice as tls_advice

if TYPE_CHECKING:
    from dockernet.sources._ssh import Line

__all__ = ["Clients"]

_OLDEST: Final = "1.24"  # that docker-py speaks
_NEWEST_TESTED: Final = "1.52"
_LONGEST: Final = 300  # characters of another's message
_DIGITS: Final = 5  # of a part of a version
_CLIENTS: Final = 4  # connections to one engine at a time


class _Api(Protocol):
    """What is used of docker-py's client, in the types that it has for us."""

    base_url: str
    timeout: float

    def get(self, url: str, *, timeout: float) -> requests.Response: ...
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
        self._closed = False
        self._line = _line(location, timeout)
        if self._line is not None:
            self._line.share(self)

    @property
    def host(self) -> str | None:
        """The engine's host as one can dial it; ``None`` for a socket of this machine."""
        return self.location.host if self._line is None else self._line.host

    def info(self) -> object:
        """``GET /info``."""
        return self._ask(lambda api: api.info())

    def listing(self) -> object:
        """``GET /containers/json`` of every state."""
        return self._ask(lambda api: api.containers(all=True))

    def inspection(self, container_id: str) -> object:
        """``GET /containers/{id}/json``; ``None`` where there is none such."""
        return self._ask(lambda api: _inspected(api, container_id))

    def networks(self) -> object:
        """``GET /networks``, or what Podman tells in an API of its own instead."""
        version = self.version()
        podman = podman_api(version)
        own = podman and self._ask(lambda api: _podman_networks(api, podman))
        return docker_networks(own, version) if own else self._ask(lambda api: api.networks())

    def version(self) -> Json:
        """``GET /version``, asked once."""
        with self._agreeing:
            if self._version is None:
                self._version = self._agree()
            return self._version

    def close(self) -> None:
        """Close every connection; one that is lent at the moment as it comes back."""
        with self._lock:
            self._closed = True
            free, self._free = self._free, []
        for client in free:
            client.close()
        if self._line is not None:
            self._line.leave(self)

    def _ask(self, question: Callable[[_Api], object]) -> object:
        self.version()
        with _told(self.location), self._lent() as client:
            return question(client)

    def _agree(self) -> Json:
        with _told(self.location):
            probe = self._client(_OLDEST)  # /version itself is asked for without
            try:
                reply = mapping(probe.version(api_version=False))
            finally:
                probe.close()
        told = text(reply.get("ApiVersion"))
        if not told:
            reason = f"what answers at {self.location.url} is no engine: it tells no API version"
            raise SourceError(NAME, reason)
        if _numbers(told) < _numbers(_OLDEST):
            reason = f"{self.location.url} speaks API {told}, and {_OLDEST} is needed: update it"
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
                self._take_back(client)

    def _take_back(self, client: _Api) -> None:
        with self._lock:
            if not self._closed:
                self._free.append(client)
                return
        client.close()

    def _client(self, version: str) -> _Api:
        certificates = self.location.certificates
        client = APIClient(
            base_url=self.location.url,
            version=version,
            timeout=self._timeout,  # type: ignore[arg-type]  # requests takes fractions
            tls=False if certificates is None else _tls(certificates),
            use_ssh_client=True,  # which connects nothing yet
        )
        if certificates is not None:
            # REQUESTS_CA_BUNDLE would win over the engine's own authority.
            client.trust_env = False
        if self._line is not None:
            client.trust_env = False  # nor may ALL_PROXY take what is the line's
            client.mount(client.base_url, self._line.adapter())
        return cast("_Api", client)


def _line(location: Location, timeout: float) -> Line | None:
    """The line to an engine that is reached through ssh."""
    if not location.over_ssh:
        return None
    try:
        from dockernet.sources._ssh import Line  # noqa: PLC0415 - its library is an extra
    except ImportError as error:
        raise SourceError(NAME, _NO_SSH.format(url=location.url)) from error
    return Line(location.url, timeout)


def _inspected(api: _Api, container_id: str) -> object:
    try:
        return api.inspect_container(container_id)
    except NotFound:
        return None  # Containers vanish between two requests.


def _podman_networks(api: _Api, version: str) -> object:
    """``GET /libpod/networks/json``; ``None`` where only Docker's API is let through."""
    reply = api.get(f"{api.base_url}/v{version}/libpod/networks/json", timeout=api.timeout)
    return reply.json() if reply.ok else None


def _tls(certificates: Certificates) -> TLSConfig:
    """What docker-py takes for certificates; the engine may want none of ours."""
    ca, cert, key = (str(certificates.folder / f"{n}.pem") for n in ("ca", "cert", "key"))
    wanted = any(Path(path).is_file() for path in (cert, key)) or not Path(ca).is_file()
    return TLSConfig((cert, key) if wanted else None, ca, certificates.verify)


def _numbers(version: str) -> tuple[int, ...]:
    parts = (part for part in version.split(".") if len(part) <= _DIGITS)
    return tuple(int(part) for part in parts if part.isascii() and part.isdigit())


# What the libraries raise, and what a person can do about it. They wrap errors in
# errors: the first row counts that fits one of the chain, from the inside out.

_Kinds = tuple[type[BaseException], ...]
_MEANINGS: Final[tuple[tuple[_Kinds, type[SourceError], str], ...]] = (
    *(((kind,), EngineUnavailableError, advice) for kind, advice in CLOSED),
    (
        (socket.gaierror, UnicodeError, requests.exceptions.InvalidURL),
        EngineUnavailableError,
        "the host name of {url} is not known: correct the address",
    ),
    (
        (requests.Timeout, TimeoutError, urllib3.exceptions.ReadTimeoutError),
        EngineTimeoutError,
        "{url} did not answer in time: is it overloaded? a longer timeout may help",
    ),
    # urllib3 before 2 compares names itself, and its error is none of ssl's.
    ((ssl.SSLError, requests.exceptions.SSLError), EngineUnavailableError, USUAL),
    (
        (TLSParameterError,),
        SourceError,
        "the certificates for {url} cannot be used: check {folder}",
    ),
    ((APIError,), SourceError, "{url} refuses: {error}"),
    ((requests.HTTPError,), SourceError, "{url} refuses: {error}"),  # with no message in it
    (
        (requests.JSONDecodeError, RecursionError),
        SourceError,
        "what answers at {url} speaks no JSON: is it an engine?",
    ),
    (
        (ConnectionError, http.client.IncompleteRead, requests.exceptions.ChunkedEncodingError),
        EngineUnavailableError,
        "{url} broke its answer off: is the engine being restarted?",
    ),
    (
        (
            http.client.HTTPException,
            requests.TooManyRedirects,
            requests.exceptions.ContentDecodingError,
        ),
        SourceError,
        "what answers at {url} speaks no HTTP as engines do: is it an engine?",
    ),
    ((DockerException,), SourceError, "{url} cannot be used: {error}"),
    ((OSError,), EngineUnavailableError, UNREACHED),
    ((ValueError, TypeError, LookupError), SourceError, "{url} answers nonsense: {error}"),
)
_WANTS_TLS: Final = "HTTP request to an HTTPS server"  # what Go's net/http says
_NO_SSH: Final = "{url} needs the ssh extra: pip install 'dockernet[ssh]'"


@contextmanager
def _told(location: Location) -> Generator[None]:
    """Turn what docker-py and its transports raise into errors of our family."""
    try:
        yield
    except Exception as error:
        raise _meaning(error, location) from error


def _meaning(error: Exception, location: Location) -> SourceError:
    chain = tuple(_chain(error))[::-1]
    for ours in (cause for cause in chain if isinstance(cause, SourceError)):
        return ours
    fitting = (
        (kind, advice, cause)
        for kinds, kind, advice in _MEANINGS
        for cause in chain
        if isinstance(cause, kinds)
    )
    # Transports raise classes of their own: paramiko's SSHException, for one.
    kind, advice, cause = next(fitting, (EngineUnavailableError, UNREACHED, error))
    told = _first_line(cause)
    if isinstance(cause, ssl.SSLError):
        advice, told = tls_advice(cause)
    elif _WANTS_TLS in told:
        advice = "{url} wants TLS: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH"
    folder = location.certificates.folder if location.certificates else "DOCKER_CERT_PATH"
    return kind(NAME, advice.format(url=location.url, error=told, folder=folder))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and all that it wraps."""
    seen: list[BaseException] = [error]
    for outer in seen:
        yield outer
        inner = (*outer.args, getattr(outer, "reason", None), outer.__cause__, outer.__context__)
        seen += [i for i in inner if isinstance(i, BaseException) and i not in seen]


def _first_line(error: BaseException) -> str:
    said = getattr(error, "explanation", None) or error
    lines = str(said).strip().splitlines()
    return lines[0][:_LONGEST] if lines else type(error).__name__
