"""The one file that knows docker-py: connections, questions, and its exceptions.

docker-py's clients are ``requests`` sessions and not thread-safe, so each is lent to
one thread at a time. Whatever the library or its transports raise leaves here as a
:class:`~dockernet.SourceError` that tells a person what to do.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import requests
import urllib3
from docker import APIClient
from docker.errors import (
    APIError,
    DockerException,
    NotFound,
    TLSParameterError,
    create_api_error_from_http_exception,
)
from docker.tls import TLSConfig
from requests.adapters import HTTPAdapter
from urllib3 import HTTPSConnectionPool
from urllib3.connection import HTTPSConnection

from dockernet.errors import EngineTimeoutError, EngineUnavailableError, SourceError
from dockernet.formats.engine import docker_networks, podman_api
from dockernet.formats.json import Json, mapping, text
from dockernet.model.facts import NEWEST_API, OLDEST_API
from dockernet.sources._location import CLOSED, NAME, UNREACHED, Certificates, Location
from dockernet.sources._tls import USUAL
from dockernet.sources._tls import advice as tls_advice
from dockernet.sources._unix import SocketAdapter

if TYPE_CHECKING:
    from dockernet.sources._ssh import Line

__all__ = ["Clients", "EventStream"]

_LONGEST: Final = 300  # characters of another's message
_DIGITS: Final = 5  # of a part of a version
_CLIENTS: Final = 4  # connections to one engine at a time
_WORKING: Final = 60.0  # seconds that an engine may take to start or remove a container
# What engines say where a host port is taken: moby's daemon/libnetwork/portallocator,
# and the kernel, through docker-proxy or Podman.
_TAKEN: Final = ("port is already allocated", "address already in use", "ports are allocated")
_NO_IMAGE: Final = ("no such image", "image not known")  # Docker's words, and Podman's
_PIECE: Final = 65_536  # bytes
_LONGEST_LINE: Final = 1_048_576  # bytes; labels make an event as long as they are
_GOING: Final = 409  # the status where a container is being removed already


class _Api(Protocol):
    """What is used of docker-py's client, in the types that it has for us."""

    base_url: str
    timeout: float
    api_version: str

    def get(
        self,
        url: str,
        *,
        timeout: float,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
    ) -> requests.Response: ...
    def post(
        self,
        url: str,
        data: bytes | None = None,
        json: Json | None = None,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float,
    ) -> requests.Response: ...
    def version(self, *, api_version: bool = True) -> object: ...
    def info(self) -> object: ...
    def networks(self) -> object: ...
    def containers(
        self,
        *,
        all: bool = False,  # noqa: A002 - docker-py's word
        filters: dict[str, list[str]],
    ) -> object: ...
    def inspect_container(self, container: str, /) -> object: ...
    def create_container_from_config(self, config: Json, name: str | None, /) -> object: ...
    def connect_container_to_network(
        self,
        container: str,
        net_id: str,
        *,
        aliases: list[str],
        links: list[tuple[str, str]],
    ) -> object: ...
    def start(self, container: str, /) -> object: ...
    def remove_container(self, container: str, /, *, v: bool, force: bool) -> object: ...
    def images(self) -> object: ...
    def remove_image(self, image: str, /, *, force: bool) -> object: ...
    def create_network(self, name: str, /, *, labels: dict[str, str]) -> object: ...
    def remove_network(self, net_id: str, /) -> object: ...
    def exec_create(self, container: str, cmd: list[str], /, *, tty: bool) -> object: ...
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

    def listing(self, ids: Sequence[str] = ()) -> object:
        """``GET /containers/json`` of every state; of some containers, or of all."""
        filters = {"id": list(ids)} if ids else {}
        return self._ask(lambda api: api.containers(all=True, filters=filters))

    def inspection(self, container_id: str) -> object:
        """``GET /containers/{id}/json``; ``None`` where there is none such."""
        return self._ask(lambda api: _inspected(api, container_id))

    @staticmethod
    def refused(error: SourceError) -> bool:
        """Whether an engine has answered, and that it does not answer this question."""
        return isinstance(error.__cause__, requests.HTTPError)  # docker-py's are such, too

    def networks(self) -> object:
        """``GET /networks``, or what Podman tells in an API of its own instead."""
        version = self.version()
        podman = podman_api(version)
        own = podman and self._ask(lambda api: _podman_networks(api, podman))
        return docker_networks(own, version) if own else self._ask(lambda api: api.networks())

    def create(self, body: Json, name: str | None) -> object:
        """``POST /containers/create``; ``None`` where the image is not there."""
        return self._ask(lambda api: _created(api, body, name), _WORKING)

    def connect(
        self, container_id: str, network: str, aliases: list[str], links: list[tuple[str, str]]
    ) -> None:
        """``POST /networks/{id}/connect``, with links as pairs of peer and alias."""
        self._ask(
            lambda api: api.connect_container_to_network(
                container_id, network, aliases=aliases, links=links
            ),
            _WORKING,
        )

    def start(self, container_id: str) -> str:
        """``POST /containers/{id}/start``.

        Returns:
            What the engine says where a host port is taken; nothing where it started.
        """
        return text(self._ask(lambda api: _started(api, container_id), _WORKING))

    def remove(self, container_id: str) -> None:
        """``DELETE /containers/{id}``, running or not, with its anonymous volumes.

        One that is gone, or is being removed already, is no error.
        """
        self._ask(lambda api: _removed(api, container_id), _WORKING)

    def execute(self, container_id: str, command: list[str]) -> str:
        """``POST /containers/{id}/exec``: run a command in a container.

        Returns:
            What it wrote on both streams, as a terminal is shown it.
        """
        return text(self._ask(lambda api: _executed(api, container_id, command), _WORKING))

    def images(self) -> object:
        """``GET /images/json``."""
        return self._ask(lambda api: api.images())

    def import_image(self, files: bytes, name: str, label: str) -> None:
        """``POST /images/create``: make an image of a tar archive, with a label of no value."""
        asked = {"fromSrc": "-", "repo": name, "tag": "latest", "changes": f"LABEL {label}="}
        self._ask(lambda api: _posted(api, "images/create", params=asked, data=files), _WORKING)

    def remove_image(self, name: str) -> None:
        """``DELETE /images/{name}``; one that is gone is no error."""
        self._ask(lambda api: _gone(api.remove_image, name, force=True), _WORKING)

    def create_network(self, name: str, label: str) -> None:
        """``POST /networks/create``: a bridge network with a label of no value."""
        self._ask(lambda api: api.create_network(name, labels={label: ""}), _WORKING)

    def remove_network(self, name: str) -> None:
        """``DELETE /networks/{name}``; one that is gone is no error."""
        self._ask(lambda api: _gone(api.remove_network, name), _WORKING)

    def events(self) -> EventStream:
        """``GET /events`` of containers and networks, over a connection of its own."""
        self.version()
        client = self._client(self._api_version)
        with _told(self.location):
            try:
                return EventStream(client, _event_stream(client), self.location)
            except BaseException:
                client.close()
                raise

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

    def _ask(self, question: Callable[[_Api], object], timeout: float = 0) -> object:
        self.version()
        with _told(self.location), self._lent() as client:
            client.timeout = max(timeout, self._timeout)
            return question(client)

    def _agree(self) -> Json:
        with _told(self.location):
            probe = self._client(OLDEST_API)  # /version itself is asked for without
            try:
                reply = mapping(probe.version(api_version=False))
            finally:
                probe.close()
        told = text(reply.get("ApiVersion"))
        if not told:
            reason = f"what answers at {self.location.url} is no engine: it tells no API version"
            raise SourceError(NAME, reason)
        if _numbers(told) < _numbers(OLDEST_API):
            reason = f"{self.location.url} speaks API {told}, and {OLDEST_API} is needed: update it"
            raise SourceError(NAME, reason)
        return reply

    @property
    def _api_version(self) -> str:
        """The newest version that both sides know, and none that the engine refuses."""
        told = self._version or {}
        newest = min(str(told.get("ApiVersion")), NEWEST_API, key=_numbers)
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
        if self.location.host is None:
            # No proxy leads to a socket of this machine, and looking for one each time
            # takes a quarter of a request.
            client.trust_env = False
        if self.location.path is not None:
            client.mount(client.base_url, SocketAdapter(self.location.path))
        if certificates is not None:
            # REQUESTS_CA_BUNDLE would win over the engine's own authority.
            client.trust_env = False
            if not certificates.verify:
                client.mount("https://", _Unproven())
        if self._line is not None:
            client.trust_env = False  # nor may ALL_PROXY take what is the line's
            client.mount(client.base_url, self._line.adapter())
        return cast("_Api", client)


class EventStream:
    """The lines of an engine's events, while they come.

    One thread reads them and closes the stream; any may end it.
    """

    def __init__(self, client: _Api, response: requests.Response, location: Location) -> None:
        self._client = client
        self._response = response
        self._location = location
        self._socket = _socket_of(response)
        self._socket.settimeout(None)  # nothing may happen for days

    def __iter__(self) -> Iterator[bytes]:
        """Each line as it comes, until the engine or somebody here ends the stream.

        Raises:
            SourceError: It broke off.
        """
        raw, line = self._response.raw, bytearray()
        # Without chunks a read waits until it has as much as was asked for.
        size = _PIECE if raw.chunked else 1
        with _told(self._location):
            for piece in raw.stream(size, decode_content=False):
                first, *others = piece.split(b"\n")
                line += first
                for other in others:
                    if told := bytes(line).strip():
                        yield told
                    line = bytearray(other)
                if len(line) > _LONGEST_LINE:
                    raise ValueError("an event does not end")

    def end(self) -> None:
        """Have whoever reads it come to an end, from any thread."""
        with suppress(OSError, EOFError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._response.close()
        self._client.close()


def _event_stream(api: _Api) -> requests.Response:
    reply = api.get(
        f"{api.base_url}/v{api.api_version}/events",
        params={"filters": '{"type": ["container", "network"]}'},
        headers={"Accept-Encoding": "identity"},
        stream=True,
        timeout=api.timeout,
    )
    try:
        reply.raise_for_status()
    except requests.HTTPError as error:
        with reply:
            create_api_error_from_http_exception(error)
    return reply


def _socket_of(response: requests.Response) -> socket.socket:
    """The socket under a response, or the channel that is in its place over ssh."""
    # As docker-py finds it; its own stream of events cannot be ended over ssh, and tells
    # nobody that it broke off.
    reply = cast("Any", response.raw)
    file = reply._fp.fp  # noqa: SLF001 - urllib3 and http.client give it by no other name
    channel = getattr(file, "channel", None)
    found = file.raw._sock if channel is None else channel  # noqa: SLF001 - as above
    return cast("socket.socket", found)


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
        return api.inspect_container(container_id) or {}
    except NotFound:
        return None  # Containers vanish between two requests.


def _created(api: _Api, body: Json, name: str | None) -> object:
    try:
        return api.create_container_from_config(body, name)
    except NotFound as error:
        if any(words in _said(error) for words in _NO_IMAGE):
            return None
        raise  # a peer of a legacy link is gone


def _started(api: _Api, container_id: str) -> str:
    try:
        api.start(container_id)
    except APIError as error:
        if any(words in _said(error) for words in _TAKEN):
            return _said(error)
        raise
    return ""


def _said(error: APIError) -> str:
    return str(error.explanation or "").lower()


def _removed(api: _Api, container_id: str) -> None:
    try:
        api.remove_container(container_id, v=True, force=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != _GOING:
            raise


def _gone(remove: Callable[..., object], name: str, **how: bool) -> None:
    with suppress(NotFound):
        remove(name, **how)


def _executed(api: _Api, container_id: str, command: list[str]) -> str:
    # With a terminal, or the two streams would come in frames. docker-py's own start
    # takes the connection over, which not every way to an engine allows.
    made = mapping(api.exec_create(container_id, command, tty=True))
    started = {"Detach": False, "Tty": True}
    return _posted(api, f"exec/{text(made.get('Id'))}/start", json=started).text


def _posted(api: _Api, path: str, **what: Any) -> requests.Response:  # noqa: ANN401 - requests' own
    url = f"{api.base_url}/v{api.api_version}/{path}"
    reply = api.post(url, timeout=api.timeout, **what)
    reply.raise_for_status()
    return reply


def _podman_networks(api: _Api, version: str) -> object:
    """``GET /libpod/networks/json``; ``None`` where only Docker's API is let through."""
    reply = api.get(f"{api.base_url}/v{version}/libpod/networks/json", timeout=api.timeout)
    return reply.json() if reply.ok else None


def _tls(certificates: Certificates) -> TLSConfig:
    """What docker-py takes for certificates; the engine may want none of ours."""
    ca, cert, key = (certificates.folder / f"{name}.pem" for name in ("ca", "cert", "key"))
    trusted, expected = ca.is_file(), certificates.whole
    wanted = cert.is_file() or key.is_file() or (expected and not trusted)
    return TLSConfig(
        (str(cert), str(key)) if wanted else None,
        str(ca) if trusted or expected else None,
        certificates.verify,
    )


class _Unproven(HTTPAdapter):
    """TLS with an engine that need not prove who it is; whoever said so needs no warning."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - requests' own
        super().init_poolmanager(*args, **kwargs)
        pools = self.poolmanager.pool_classes_by_scheme
        self.poolmanager.pool_classes_by_scheme = {**pools, "https": _UnprovenPool}


class _UnprovenConnection(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.is_verified = True  # or urllib3 warns of each request


class _UnprovenPool(HTTPSConnectionPool):
    ConnectionCls = cast("Any", _UnprovenConnection)


def _numbers(version: str) -> tuple[int, ...]:
    parts = (part for part in version.split(".") if len(part) <= _DIGITS)
    return tuple(int(part) for part in parts if part.isascii() and part.isdigit())


# What the libraries raise, and what a person can do about it. They wrap errors in
# errors: the first row counts that fits one of the chain, from the inside out.

_BROKEN: Final = "{url} broke its answer off: is the engine being restarted?"
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
        _BROKEN,
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
    ((urllib3.exceptions.ProtocolError,), EngineUnavailableError, _BROKEN),
    ((ValueError, TypeError, LookupError), SourceError, "{url} answers nonsense: {error}"),
)
_WANTS_TLS: Final = "HTTP request to an HTTPS server"  # what Go's net/http says
_NO_SSH: Final = "{url} needs the ssh extra: pip install 'dockernet[ssh]'"


@contextmanager
def _told(location: Location) -> Generator[None]:
    """Turn what docker-py and its transports raise into errors of our family."""
    around = sys.exception()  # what the caller handles at the moment, which is not ours
    try:
        yield
    except Exception as error:
        raise _meaning(error, location, around) from error


def _meaning(error: Exception, location: Location, around: BaseException | None) -> SourceError:
    chain = tuple(_chain(error, around))[::-1]
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


def _chain(error: BaseException, around: BaseException | None) -> Iterator[BaseException]:
    """An error and all that it wraps, but for one around it."""
    seen: list[BaseException] = [error]
    for outer in seen:
        yield outer
        inner = (*outer.args, getattr(outer, "reason", None), outer.__cause__, outer.__context__)
        seen += [i for i in inner if isinstance(i, BaseException) and i not in (*seen, around)]


def _first_line(error: BaseException) -> str:
    said = getattr(error, "explanation", None) or error
    lines = str(said).strip().splitlines()
    return lines[0][:_LONGEST] if lines else type(error).__name__
