"""What docker-py and its transports make of engines that are odd, slow or none at all."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from following import descriptors
from recorded import TLS, recorded
from replay import PATIENCE, Answer, Exchange, Replay, refusal, reply

from dockernet.errors import (
    DockernetError,
    EngineTimeoutError,
    EngineUnavailableError,
    FormatError,
    SourceError,
)
from dockernet.sources._docker import Clients
from dockernet.sources._location import Certificates, Location
from dockernet.sources.engine import Engine

SHORT = 0.2  # seconds that a hanging engine is waited for
FACTS = recorded("29.1")
ASK: dict[str, Callable[[Clients], object]] = {
    "/version": Clients.version,
    "/info": Clients.info,
    "/containers/json": Clients.listing,
    "/networks": Clients.networks,
    "/containers/web/json": lambda clients: clients.inspection("web"),
}


@pytest.fixture
def engine(folder: Path) -> Iterator[Replay]:
    with Replay(**{k: v for k, v in FACTS.items() if k != "ps"}).on_socket(
        folder / "engine.sock"
    ) as replay:
        yield replay


def asked(url: str, path: str = "/version", timeout: float = 5.0) -> object:
    clients = Clients(Location(url), timeout)
    try:
        return ASK[path](clients)
    finally:
        clients.close()


# What an engine may answer


def cut(head: str, body: bytes) -> Callable[[Exchange], None]:
    def answer(exchange: Exchange) -> None:
        exchange.send(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{head}".encode())
        exchange.send(body)
        exchange.connection.shutdown(socket.SHUT_RDWR)

    return answer


def hang_in_the_body(exchange: Exchange) -> None:
    exchange.send(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[{"Id":')
    exchange.hang()


def hang_in_the_head(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-")
    exchange.hang()


def redirect(exchange: Exchange) -> None:
    target = f"/{'' if exchange.version is None else f'v{exchange.version}'}{exchange.path}"
    head = f"HTTP/1.1 301 Moved\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n"
    exchange.send(head.replace("//", "/").encode())


SLOW = "did not answer in time: is it overloaded? a longer timeout may help"
BROKEN = "broke its answer off: is the engine being restarted?"
NO_JSON = "speaks no JSON: is it an engine?"
NO_HTTP = "speaks no HTTP as engines do: is it an engine?"
OLD = "client version 1.52 is too old. Minimum supported API version is 1.99"

ODD: dict[str, tuple[Answer, type[SourceError], str]] = {
    "hangs": (Exchange.hang, EngineTimeoutError, SLOW),
    "hangs in the head": (hang_in_the_head, EngineTimeoutError, SLOW),
    "hangs in the body": (hang_in_the_body, EngineTimeoutError, SLOW),
    "resets": (Exchange.reset, EngineUnavailableError, BROKEN),
    "ends in a chunk": (
        cut("Transfer-Encoding: chunked\r\n\r\n", b"50\r\n[{"),
        EngineUnavailableError,
        BROKEN,
    ),
    "ends between chunks": (
        cut("Transfer-Encoding: chunked\r\n\r\n", b"2\r\n[{\r\n"),
        EngineUnavailableError,
        BROKEN,
    ),
    "chunks of no size": (
        cut("Transfer-Encoding: chunked\r\n\r\n", b"zz\r\n[]\r\n"),
        EngineUnavailableError,
        BROKEN,
    ),
    "ends in the body": (cut("Content-Length: 500\r\n\r\n", b"[{"), EngineUnavailableError, BROKEN),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", SourceError, NO_HTTP),
    "binary rubbish": (bytes(range(256)) + b"\r\n\r\n", SourceError, NO_HTTP),
    "too many headers": (
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        SourceError,
        NO_HTTP,
    ),
    "no gzip": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        SourceError,
        NO_HTTP,
    ),
    "no JSON": (reply(b"<html>hello</html>", kind="text/html"), SourceError, NO_JSON),
    "binary for JSON": (reply(bytes(range(256))), SourceError, NO_JSON),
    "empty": (reply(b""), SourceError, NO_JSON),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", SourceError, NO_JSON),
    "deep": (reply(b"[" * 100_000), SourceError, NO_JSON),
    "403": (refusal("403 Forbidden", "not for you"), SourceError, "refuses: not for you"),
    "400": (refusal("400 Bad Request", OLD), SourceError, f"refuses: {OLD}"),
    "500 with rubbish": (
        reply(b"\x1b[31m\x00\nrubbish", "500 Internal Server Error", kind="text/plain"),
        SourceError,
        r"refuses: \x1b[31m\x00",
    ),
    "500 with nothing": (
        reply(b"", "500 Internal Server Error"),
        SourceError,
        "refuses: 500 Server Error",
    ),
    "500 with another object": (
        reply({"error": "x"}, "500 Internal Server Error"),
        SourceError,
        "refuses: 500 Server Error",
    ),
    "500 with a list": (
        reply(["x"], "500 Internal Server Error"),
        SourceError,
        "refuses: 500 Server Error",
    ),
    "a number too long": (
        reply(b"[" + b"9" * 5_000 + b"]"),
        SourceError,
        "answers nonsense: Exceeds the limit",
    ),
}


@pytest.mark.parametrize("path", ASK)
@pytest.mark.parametrize("oddity", ODD)
def test_an_odd_answer_is_an_error_that_says_what_to_do(
    engine: Replay, oddity: str, path: str
) -> None:
    engine.answers[path], kind, advice = ODD[oddity]
    with pytest.raises(SourceError) as caught:
        asked(engine.url, path, SHORT if kind is EngineTimeoutError else PATIENCE)
    told = str(caught.value)
    assert type(caught.value) is kind
    assert re.search(f"{re.escape(engine.url)}.* {re.escape(advice)}", told)
    assert told.isprintable()
    assert caught.value.source == "engine"
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("oddity", ["hangs", "hangs in the body", "resets", "no HTTP", "no gzip"])
def test_an_odd_answer_over_tcp(oddity: str) -> None:
    answer, kind, advice = ODD[oddity]
    with Replay(FACTS["version"]).on_tcp() as engine:
        engine.answers["/info"] = answer
        with pytest.raises(SourceError, match=re.escape(advice)) as caught:
            asked(engine.url, "/info", SHORT if kind is EngineTimeoutError else PATIENCE)
    assert type(caught.value) is kind


@pytest.mark.parametrize("path", [path for path in ASK if path != "/containers/web/json"])
def test_a_page_that_is_not_there_is_an_error(engine: Replay, path: str) -> None:
    engine.answers[path] = refusal("404 Not Found", "page not found")
    with pytest.raises(SourceError, match="refuses: page not found"):
        asked(engine.url, path)


def test_a_container_that_is_not_there_is_none(engine: Replay) -> None:
    assert asked(engine.url, "/containers/web/json") is None


def test_an_engine_that_sends_us_in_circles(engine: Replay) -> None:
    engine.answers["/info"] = redirect
    with pytest.raises(SourceError, match=re.escape(NO_HTTP)):
        asked(engine.url, "/info")


@pytest.mark.parametrize(
    "version, advice",
    [
        pytest.param({}, "is no engine: it tells no API version", id="no version"),
        pytest.param({"ApiVersion": ""}, "is no engine: it tells no API version", id="empty"),
        pytest.param({"ApiVersion": 1.52}, "is no engine: it tells no API version", id="number"),
        pytest.param([], "is no engine: it tells no API version", id="list"),
        pytest.param("1.52", "is no engine: it tells no API version", id="text"),
        pytest.param({"ApiVersion": "1.12"}, "speaks API 1.12, and 1.24 is needed", id="too old"),
        pytest.param({"ApiVersion": "new"}, "speaks API new, and 1.24 is needed", id="no number"),
        pytest.param({"ApiVersion": "9" * 5_000}, "and 1.24 is needed", id="too long"),
        pytest.param({"ApiVersion": "1.52/../x"}, "and 1.24 is needed", id="a path"),
    ],
)
def test_a_version_that_nobody_speaks(engine: Replay, version: object, advice: str) -> None:
    engine.replies["/version"] = version
    with pytest.raises(SourceError, match=advice) as caught:
        asked(engine.url, "/info")
    assert type(caught.value) is SourceError
    assert engine.url in str(caught.value)
    assert engine.asked == {"/version": 1}


# What may be at the other end


@pytest.fixture
def closed() -> Iterator[int]:
    """A port that is taken, and where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize(
    "url, kind, advice",
    [
        pytest.param(
            "tcp://127.0.0.1:{closed}",
            EngineUnavailableError,
            "nothing listens at .*: start the engine, or correct the address",
            id="tcp refused",
        ),
        pytest.param(
            "ssh://me@127.0.0.1:{closed}",
            EngineUnavailableError,
            "nothing listens at .*: start the engine, or correct the address",
            id="ssh refused",
        ),
        pytest.param(
            "tcp://nosuch.invalid:2375",
            EngineUnavailableError,
            "the host name of .* is not known: correct the address",
            id="unknown host name",
        ),
        pytest.param(
            "ssh://nosuch.invalid",
            EngineUnavailableError,
            "the host name of .* is not known: correct the address",
            id="unknown host name over ssh",
        ),
        pytest.param(
            "tcp://a..b:2375",
            EngineUnavailableError,
            "the host name of .* is not known: correct the address",
            id="no host name",
        ),
        pytest.param(
            "tcp://a b:2375",
            EngineUnavailableError,
            "the host name of .* is not known: correct the address",
            id="a blank in it",
        ),
        pytest.param(
            "tcp://[fe80::1]:2375",  # a link-local address leads nowhere without a link
            EngineUnavailableError,
            r"cannot be reached: check the address, and the engine there \(\[Errno [0-9]+\] ",
            id="no way there",
        ),
        pytest.param(
            "npipe:////./pipe/docker_engine",
            SourceError,
            "cannot be used: The npipe:// protocol is only supported on Windows",
            id="a pipe",
        ),
        pytest.param(
            "tcp://127.0.0.1:{closed}?x=1",
            SourceError,
            "cannot be used: Invalid bind address",
            id="a query",
        ),
    ],
)
def test_nobody_answers(closed: int, url: str, kind: type[SourceError], advice: str) -> None:
    full = url.format(closed=closed)
    with pytest.raises(SourceError, match=advice) as caught:
        asked(full)
    assert type(caught.value) is kind
    assert full in str(caught.value)


def test_what_answers_does_not_speak_ssh() -> None:
    with Replay(FACTS["version"]).on_tcp() as engine:
        url = engine.url.replace("tcp", "ssh")
        with pytest.raises(EngineUnavailableError, match="Error reading SSH protocol banner"):
            asked(url)


def test_ssh_without_its_extra_tells_how_to_get_it() -> None:
    code = (
        "import sys\n"
        "sys.modules['paramiko'] = None\n"  # as if it were not installed
        "from dockernet import Engine, SourceError\n"
        "try: Engine('ssh://me@127.0.0.1').containers()\n"
        "except SourceError as error: print(error)"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert result.stdout.strip() == (
        "engine: ssh://me@127.0.0.1 needs the ssh extra: pip install 'dockernet[ssh]'"
    )


@pytest.mark.parametrize("timeout", [0, -1, 0.0, float("nan"), float("inf"), 1e300])
def test_a_timeout_that_is_none_is_refused(timeout: float) -> None:
    with pytest.raises(FormatError, match="expected a timeout of more than 0 seconds"):
        Engine(timeout=timeout)


# TLS


@pytest.fixture
def secure() -> Iterator[Replay]:
    """An engine that shows a certificate and wants to see one."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(TLS / "ca.pem"))
    context.load_cert_chain(TLS / "engine.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with Replay(FACTS["version"]).on_tcp(context=context) as engine:
        yield engine


def over_tls(engine: Replay, folder: Path, *, verify: bool = True) -> object:
    clients = Clients(Location(engine.url, Certificates(folder, verify=verify)), PATIENCE)
    try:
        return clients.info()
    finally:
        clients.close()


def copied(folder: Path, **texts: str) -> Path:
    for name in ("ca", "cert", "key"):
        original = (TLS / f"{name}.pem").read_text(encoding="ascii")
        (folder / f"{name}.pem").write_text(texts.get(name, original), encoding="ascii")
    return folder


def test_both_ends_prove_who_they_are(secure: Replay) -> None:
    assert over_tls(secure, TLS) == {}
    assert secure.asked == {"/version": 1, "/info": 1}


def test_authorities_of_the_system_do_not_replace_that_of_the_engine(
    secure: Replay, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "others.pem").write_text("")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder / "others.pem"))
    assert over_tls(secure, TLS) == {}


def test_an_engine_that_wants_no_certificate_gets_none(folder: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / "engine.pem")
    (folder / "ca.pem").write_text((TLS / "ca.pem").read_text())
    with Replay(FACTS["version"]).on_tcp(context=context) as engine:
        assert over_tls(engine, folder) == {}


@pytest.mark.parametrize(
    "missing, verify",
    [
        pytest.param({"ca", "cert", "key"}, True, id="all"),
        pytest.param({"ca", "cert", "key"}, False, id="all, unverified"),
        pytest.param({"ca"}, True, id="the authority"),
        pytest.param({"key"}, True, id="the key"),
        pytest.param({"cert"}, False, id="the own certificate"),
    ],
)
def test_missing_certificates(folder: Path, missing: set[str], *, verify: bool) -> None:
    copied(folder)
    for name in missing:
        (folder / f"{name}.pem").unlink()
    location = Location("tcp://127.0.0.1:2376", Certificates(folder, verify=verify))
    expected = f"the certificates for tcp://127.0.0.1:2376 cannot be used: check {folder}"
    with pytest.raises(SourceError) as caught:
        Clients(location, SHORT).version()
    assert caught.value.reason == expected


def test_an_engine_that_need_not_prove_who_it_is_is_asked_without_a_warning(
    secure: Replay, folder: Path
) -> None:
    """A warning of urllib3's would be an error here."""
    copied(folder, ca="nobody's")
    assert over_tls(secure, folder, verify=False) == {}


@pytest.mark.parametrize("place", ["", "none"], ids=["an empty folder", "no folder"])
def test_a_context_may_have_no_certificates(folder: Path, place: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / "engine.pem")
    with Replay(FACTS["version"]).on_tcp(context=context) as engine:
        lax = Certificates(folder / place, verify=False, whole=False)
        clients = Clients(Location(engine.url, lax), PATIENCE)
        assert clients.info() == {}
        clients.close()
        strict = Clients(Location(engine.url, evolve(lax, verify=True)), PATIENCE)
        with pytest.raises(EngineUnavailableError, match="no authority that signed"):
            strict.info()
        strict.close()


@pytest.mark.parametrize("name", ["ca", "cert", "key"])
def test_certificates_that_are_none(secure: Replay, folder: Path, name: str) -> None:
    copied(folder, **{name: "rubbish"})
    with pytest.raises(EngineUnavailableError, match=r"no TLS with tcp://127.*check the certif"):
        over_tls(secure, folder)


def test_an_engine_of_another_authority(secure: Replay, folder: Path) -> None:
    copied(folder, ca=(TLS / "cert.pem").read_text(encoding="ascii"))
    with pytest.raises(EngineUnavailableError, match="no authority that signed the certificate of"):
        over_tls(secure, folder)


def test_tls_with_an_engine_that_speaks_none() -> None:
    with Replay(FACTS["version"]).on_tcp() as engine:
        with pytest.raises(EngineUnavailableError, match="and that the engine wants TLS"):
            over_tls(engine, TLS)
        with pytest.raises(EngineUnavailableError, match="no TLS with https://127"):
            asked(engine.url.replace("tcp", "https"))


# Connections


def test_one_client_serves_one_thread_after_the_other() -> None:
    with Replay(FACTS["version"]).on_tcp() as engine:
        clients = Clients(Location(engine.url), PATIENCE)
        for path in ("/info", "/networks", "/containers/json", "/info"):
            ASK[path](clients)
        clients.close()
        engine.wait_for(lambda: not engine.open_connections)
    assert engine.asked == {"/version": 1, "/info": 2, "/networks": 1, "/containers/json": 1}
    assert engine.connections == 2  # one asks for the version without knowing any


def test_four_connections_are_open_at_most(engine: Replay) -> None:
    def wait_for_the_others(exchange: Exchange) -> None:
        exchange.server.wait_for(lambda: engine.most == 4)
        exchange.send(reply({}))

    engine.answers["/info"] = wait_for_the_others
    clients = Clients(Location(engine.url), PATIENCE)
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: clients.info(), range(32)))
    clients.close()
    assert told == [{}] * 32
    assert (engine.most, engine.asked) == (4, {"/version": 1, "/info": 32})
    assert engine.connections == 5


def test_a_connection_that_is_lent_while_all_are_closed_is_closed_when_it_comes_back(
    engine: Replay,
) -> None:
    closed = threading.Event()

    def wait_for_the_close(exchange: Exchange) -> None:
        assert closed.wait(PATIENCE)
        exchange.send(reply({}))

    engine.answers["/info"] = wait_for_the_close
    clients = Clients(Location(engine.url), PATIENCE)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(clients.info)
        engine.wait_for(lambda: engine.asked["/info"] == 1)
        clients.close()
        closed.set()
        assert asking.result(PATIENCE) == {}
    engine.wait_for(lambda: not engine.open_connections)


def test_a_connection_that_the_engine_closed_is_opened_anew(engine: Replay) -> None:
    clients = Clients(Location(engine.url), PATIENCE)
    clients.info()
    engine.hang_up()
    engine.wait_for(lambda: not engine.open_connections)
    assert clients.info() == {}
    clients.close()
    assert engine.asked["/version"] == 1


def test_an_error_costs_no_connection() -> None:
    with Replay(FACTS["version"]).on_tcp() as engine:
        engine.answers["/networks"] = reply(b"rubbish")
        clients = Clients(Location(engine.url), PATIENCE)
        for _ in range(10):
            with pytest.raises(DockernetError):
                clients.networks()
        assert clients.info() == {}
        clients.close()
    assert engine.connections == 2


def test_an_engine_that_went_away_costs_no_socket(folder: Path) -> None:
    with Replay(FACTS["version"]).on_socket(folder / "away.sock") as engine:
        clients = Clients(Location(engine.url), PATIENCE)
        clients.info()
    with pytest.raises(EngineUnavailableError):  # the one that was open is closed
        clients.info()
    before = descriptors()
    for _ in range(5):
        with pytest.raises(EngineUnavailableError, match="nothing listens at"):
            clients.info()
    assert descriptors() == before
    clients.close()


def test_a_version_that_could_not_be_asked_for_is_asked_for_again(engine: Replay) -> None:
    clients = Clients(Location(engine.url), PATIENCE)
    engine.answers["/version"] = reply(b"rubbish")
    with pytest.raises(SourceError):
        clients.info()
    del engine.answers["/version"]
    assert clients.info() == {}
    clients.close()
    assert engine.asked == {"/version": 2, "/info": 1}


@pytest.mark.parametrize(
    "newest, oldest, expected",
    [
        pytest.param("1.41", "1.12", "1.41", id="20.10: its newest"),
        pytest.param("1.41", "1.24", "1.41", id="Podman 4"),
        pytest.param("1.52", "1.44", "1.52", id="29.1"),
        pytest.param("1.55", "1.40", "1.52", id="29.7: the newest tested"),
        pytest.param("1.60", "1.55", "1.55", id="a later one: its oldest"),
        pytest.param("1.100", "1.99", "1.99", id="numbers, not texts"),
        pytest.param("1.52", None, "1.52", id="no oldest"),
        pytest.param("1.52", "", "1.52", id="an empty oldest"),
        pytest.param("1.52", "old", "1.52", id="an odd oldest"),
        pytest.param("1.52", 1.99, "1.99", id="a number for a text"),
        pytest.param("2.0", "1.24", "1.52", id="another major version"),
    ],
)
def test_the_newest_api_version_that_both_sides_know(
    engine: Replay, newest: str, oldest: Any, expected: str
) -> None:
    engine.replies["/version"] = {"ApiVersion": newest, "MinAPIVersion": oldest}
    asked(engine.url, "/networks")
    assert engine.versions == {None, expected}


def test_an_error_that_is_handled_at_the_moment_is_no_cause_of_another(engine: Replay) -> None:
    engine.answers["/info"] = refusal("500 Internal Server Error", "it burns")
    engine.answers["/networks"] = refusal("500 Internal Server Error", "it burned")
    clients = Clients(Location(engine.url), 5.0)
    try:
        clients.info()
    except SourceError:
        with pytest.raises(SourceError, match="refuses: it burned"):
            clients.networks()
    finally:
        clients.close()
