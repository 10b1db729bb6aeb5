"""Engines that are reached through TLS and ssh, up to what is said when they cannot be."""

from __future__ import annotations

import json
import logging
import os
import pwd
import re
import select
import shlex
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

import certificates
import paramiko
import pytest
from attrs import frozen
from certificates import Authority, pair
from recorded import recorded
from replay import PATIENCE, Exchange, Replay, reply
from ssh_server import SshServer, known, new_key
from urllib3 import HTTPConnectionPool

from dockernet import Engine
from dockernet.errors import EngineTimeoutError, EngineUnavailableError, SourceError
from dockernet.sources._docker import Clients
from dockernet.sources._location import Location
from dockernet.sources._ssh import Line, _Connection

SHORT = 0.3  # seconds that a server is waited for which never answers
FACTS = {k: v for k, v in recorded("29.1").items() if k != "ps"}
ALIASES = (("Engine-Alias", "capital"), ("engine-alias", "small"))


@frozen
class Ways:
    """An engine, an ssh server in front of it, and the home folder of who comes in."""

    engine: Replay
    server: SshServer
    home: Path

    @property
    def url(self) -> str:
        return f"ssh://me@127.0.0.1:{self.server.port}"

    @property
    def host(self) -> str:
        """What known_hosts calls the server."""
        return f"[127.0.0.1]:{self.server.port}"

    def configure(self, text: str) -> None:
        self.ssh("config").write_text(f"Host engine-alias\n{text}")

    def ssh(self, name: str) -> Path:
        return self.home / ".ssh" / name


@pytest.fixture
def ways(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ways]:
    (folder / ".ssh").mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    keys = new_key(folder / "host_key"), new_key(folder / ".ssh" / "id_ecdsa")
    path = folder / "engine.sock"
    with Replay(**FACTS).on_socket(path) as engine, SshServer(str(path), *keys).on_tcp() as server:
        made = Ways(engine, server, folder)
        made.ssh("known_hosts").write_text(known(made.host, server.host_key))
        yield made


@pytest.fixture
def clients(ways: Ways) -> Iterator[Clients]:
    made = Clients(Location(ways.url), PATIENCE)
    yield made
    made.close()


def refusal(url: str, timeout: float = PATIENCE) -> SourceError:
    """What an engine's name is worth that cannot be reached."""
    with Engine(url, timeout, environ={}) as engine, pytest.raises(SourceError) as caught:
        engine.containers()
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()
    return caught.value


# Through ssh


def test_an_engine_is_reached_through_ssh(ways: Ways) -> None:
    with Engine(ways.url, environ={}) as engine:
        assert {c.id for c in engine.containers()} == {c["Id"] for c in FACTS["listing"]}
        assert engine.profile().host == ip_address("127.0.0.1")
    assert ways.server.users == {"me"}


def test_all_that_is_asked_goes_over_one_connection(ways: Ways) -> None:
    with Engine(ways.url, environ={}) as engine:
        for _ in range(3):
            engine.containers(details=True)
    assert ways.server.connections == 1
    assert ways.server.sessions <= 5  # one asks for the version, and four clients for the rest
    assert len(FACTS["inspections"]) > 5


def test_the_connection_ends_with_the_engine(ways: Ways) -> None:
    with Engine(ways.url, environ={}) as engine:
        engine.containers()
    (transport,) = ways.server.transports
    transport.join(PATIENCE)
    assert not transport.is_active()
    ways.engine.wait_for(lambda: not ways.engine.open_connections)


@pytest.mark.parametrize("way", ["DOCKER_HOST", "context"])
def test_the_environment_leads_there(ways: Ways, way: str) -> None:
    environ = {"DOCKER_CONFIG": str(ways.home), "DOCKER_TLS_VERIFY": "1"}
    if way == "context":
        environ["DOCKER_CONTEXT"] = "far"
        meta = ways.home / "contexts" / "meta" / sha256(b"far").hexdigest()
        meta.mkdir(parents=True)
        document = {"Name": "far", "Endpoints": {"docker": {"Host": ways.url}}}
        (meta / "meta.json").write_text(json.dumps(document))
    else:
        environ["DOCKER_HOST"] = ways.url
    with Engine.from_env(environ) as engine:
        assert len(engine.containers()) == len(FACTS["listing"])


def test_an_alias_is_what_ssh_config_says(ways: Ways) -> None:
    ways.ssh("id_ecdsa").rename(ways.home / "elsewhere")
    ways.configure(
        f"  HostName 127.0.0.1\n  Port {ways.server.port}\n  User you\n"
        f"  IdentityFile {ways.home}/missing\n  IdentityFile ~/elsewhere\n"
    )
    with Engine("ssh://engine-alias", environ={}) as engine:
        assert engine.profile().host == ip_address("127.0.0.1")
        assert engine.snapshot().profile().host == ip_address("127.0.0.1")
    assert ways.server.users == {"you"}


@pytest.mark.parametrize(
    "url, host",
    [
        ("ssh://me@Engine-Alias", "capital.example"),
        ("ssh://me@Engine-Alias:2222", "capital.example"),
        ("ssh://engine-alias", "small.example"),
        ("ssh://me@[2001:db8::1]:2222", "2001:db8::1"),
        ("ssh://me@[2001:db8::1]", "2001:db8::1"),
    ],
)
def test_an_alias_may_have_capitals(ways: Ways, url: str, host: str) -> None:
    capital, small = (f"Host {a}\n  HostName {b}.example\n" for a, b in ALIASES)
    ways.ssh("config").write_text(capital + small)
    assert Line(url, SHORT).host == host


def test_what_the_url_says_goes_before_ssh_config(ways: Ways) -> None:
    ways.configure("  HostName 127.0.0.1\n  Port 1\n  User you\n")
    with Engine(f"ssh://me@engine-alias:{ways.server.port}", environ={}) as engine:
        engine.containers()
    assert ways.server.users == {"me"}


def test_without_a_port_it_is_that_of_ssh(ways: Ways) -> None:
    ways.configure("  HostName 127.0.0.1\n  ProxyCommand none\n")
    line = Line("ssh://me@engine-alias", SHORT)
    assert (line.host, line._destination.port) == ("127.0.0.1", 22)
    assert line._destination.known_as == "127.0.0.1"


RELAY = """
import socket, sys, threading
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as server:
    def out():
        while piece := server.recv(65536):
            sys.stdout.buffer.write(piece); sys.stdout.flush()
    threading.Thread(target=out).start()
    while piece := sys.stdin.buffer.read1(65536):
        server.sendall(piece)
    server.shutdown(socket.SHUT_RDWR)
"""


def test_a_proxy_command_is_run(ways: Ways) -> None:
    (ways.home / "relay.py").write_text(RELAY)
    command = shlex.join([sys.executable, str(ways.home / "relay.py"), str(ways.server.port)])
    ways.configure(f"  HostName nosuch.invalid\n  User me\n  ProxyCommand {command}\n")
    ways.ssh("known_hosts").write_text(known("nosuch.invalid", ways.server.host_key))
    with Engine("ssh://engine-alias", environ={}) as engine:
        assert engine.profile().host == "nosuch.invalid"
    assert ways.server.connections == 1


def test_a_proxy_command_that_fails_is_no_riddle(ways: Ways) -> None:
    ways.configure("  HostName nosuch.invalid\n  User me\n  ProxyCommand false\n")
    assert re.fullmatch(
        r"ssh://engine-alias cannot be reached: nosuch.invalid breaks off \(.+\): "
        "check that ssh runs commands of me there",
        refusal("ssh://engine-alias").reason,
    )


# What is said when ssh does not let us in


def test_a_host_that_nobody_knows(ways: Ways) -> None:
    ways.ssh("known_hosts").unlink()
    assert refusal(ways.url).reason == (
        f"{ways.url} cannot be reached: known_hosts has no key of {ways.host}: "
        "connect once with ssh, and compare what it shows"
    )
    assert ways.server.users == set()


def test_a_host_that_is_another_one(ways: Ways) -> None:
    other = known(ways.host, ways.server.user_key)
    ways.ssh("known_hosts").write_text(other)
    assert refusal(ways.url).reason == (
        f"{ways.url} cannot be reached: {ways.host} shows another key than known_hosts has: "
        f"if that is right, ssh-keygen -R '{ways.host}'"
    )


@pytest.mark.parametrize("key", ["none", "another", "locked", "rubbish"])
def test_a_key_that_opens_nothing(ways: Ways, key: str) -> None:
    path = ways.ssh("id_ecdsa")
    path.unlink()
    if key == "rubbish":
        path.write_text("rubbish")
    elif key != "none":
        new_key(path, "secret" if key == "locked" else None)
    found = refusal(ways.url)
    assert type(found) is EngineUnavailableError
    assert found.reason == (
        f"{ways.url} cannot be reached: no key of ours lets me in: "
        "name its user, and put its key into ~/.ssh or ssh-agent"
    )


def test_a_user_without_a_name(ways: Ways, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    users: dict[int, pwd.struct_passwd] = {}
    monkeypatch.setattr(pwd, "getpwuid", users.__getitem__)
    url = ways.url.replace("me@", "")
    advice = f"how to reach {url} is not told: name a user, check ~/.ssh/config"
    assert refusal(url).reason.startswith(advice)


@pytest.mark.parametrize("text", ["  Port ssh\n", "  HostName \xff\n", "nonsense\n"])
def test_a_damaged_ssh_config(ways: Ways, text: str) -> None:
    ways.ssh("config").write_text(f"Host engine-alias\n{text}", encoding="latin-1")
    advice = "how to reach ssh://me@engine-alias is not told: name a user, check ~/.ssh/config"
    assert refusal("ssh://me@engine-alias").reason.startswith(advice)


def test_an_ssh_config_that_cannot_be_read(ways: Ways) -> None:
    ways.ssh("config").mkdir()
    assert "check ~/.ssh/config (" in refusal(ways.url).reason


def no_docker(server: SshServer, channel: paramiko.Channel) -> None:
    del server
    channel.sendall_stderr(b"bash: line 1: docker: command not found\nand more")
    channel.send_exit_status(127)


def silent_end(server: SshServer, channel: paramiko.Channel) -> None:
    del server
    channel.send_exit_status(1)


def test_a_host_without_docker(ways: Ways) -> None:
    ways.server.session = no_docker
    assert refusal(ways.url).reason == (
        f"{ways.url}: 'docker system dial-stdio' fails there: "
        "bash: line 1: docker: command not found"
    )


def test_a_command_that_ends_without_a_word(ways: Ways) -> None:
    ways.server.session = silent_end
    assert refusal(ways.url).reason == (
        f"{ways.url} broke its answer off: is the engine being restarted?"
    )


def dialled(ways: Ways) -> _Connection:
    connection = _Connection(Line(ways.url, PATIENCE))
    connection.connect()
    return connection


def test_a_command_that_failed_before_it_was_asked_anything(ways: Ways) -> None:
    ways.server.session = lambda _, channel: channel.sendall_stderr(b"not you\n")
    connection = dialled(ways)
    assert connection._channel.status_event.wait(PATIENCE)
    with pytest.raises(BrokenPipeError):
        connection.request("GET", "/info")
    with pytest.raises(EngineUnavailableError, match="fails there: not you"):
        connection.getresponse()
    connection._line.leave(ways)


def test_a_server_that_lets_nobody_run_anything(ways: Ways) -> None:
    ways.server.session = None
    assert refusal(ways.url).reason == (
        f"{ways.url} cannot be reached: {ways.host} breaks off (Channel closed.): "
        "check that ssh runs commands of me there"
    )


def test_what_answers_speaks_no_ssh_and_no_traceback_is_shown() -> None:
    code = (
        "import sys\n"
        "from dockernet import Engine, SourceError\n"
        "try: Engine(sys.argv[1], environ={}).containers()\n"
        "except SourceError as error: print(error)"
    )
    with Replay(FACTS["version"]).on_tcp() as engine:
        url = engine.url.replace("tcp://", "ssh://me@")
        command = [sys.executable, "-c", code, url]
        result = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert result.stderr == ""
    assert result.stdout.startswith(f"engine: {url} cannot be reached: [127.0.0.1]:")
    # What follows depends on whether the end of the connection or its reset is seen first.
    assert re.search(r"\(Error reading SSH protocol banner.*\): check that", result.stdout)


# Servers that are slow


@pytest.fixture
def mute() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("scheme", ["ssh://me@", "tcp://", "https://"])
def test_a_server_without_a_word_is_waited_for_no_longer_than_told(mute: int, scheme: str) -> None:
    url = f"{scheme}127.0.0.1:{mute}"
    found = refusal(url, SHORT)
    assert type(found) is EngineTimeoutError
    assert found.reason.startswith(f"{url} did not answer in time")


def test_a_command_that_is_not_acknowledged_is_waited_for_no_longer_than_told(ways: Ways) -> None:
    ways.server.answers = False
    assert type(refusal(ways.url, 1.0)) is EngineTimeoutError
    assert (ways.server.connections, ways.server.sessions) == (1, 0)


def test_an_engine_that_hangs_is_waited_for_no_longer_than_told(ways: Ways) -> None:
    ways.engine.answers["/version"] = Exchange.hang
    assert type(refusal(ways.url, 1.0)) is EngineTimeoutError


# Lines that break


def test_a_connection_that_broke_is_made_anew(ways: Ways, clients: Clients) -> None:
    clients.info()
    (broken,) = line_of(clients)
    ways.server.hang_up()
    broken.join(PATIENCE)
    assert clients.info() == {}
    assert ways.server.connections == 2


def test_a_session_that_ended_is_opened_anew(ways: Ways, clients: Clients) -> None:
    clients.info()
    ways.engine.hang_up()
    ways.engine.wait_for(lambda: not ways.engine.open_connections)
    (transport,) = line_of(clients)
    (channel,) = vars(transport)["_channels"].values()
    assert select.select([channel], [], [], PATIENCE)[0] == [channel]
    assert clients.info() == {}
    assert (ways.server.connections, ways.server.sessions) == (1, 3)


def test_a_session_that_is_open_while_all_is_closed_ends_well(ways: Ways, clients: Clients) -> None:
    closed = threading.Event()

    def wait_for_the_close(exchange: Exchange) -> None:
        assert closed.wait(PATIENCE)
        exchange.send(reply({}))

    ways.engine.answers["/info"] = wait_for_the_close
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(clients.info)
        ways.engine.wait_for(lambda: ways.engine.asked["/info"] == 1)
        clients.close()
        closed.set()
        assert asking.result(PATIENCE) == {}
    assert clients._line is not None
    assert clients._line._client is None


def line_of(clients: Clients) -> Iterator[paramiko.Transport]:
    """The connection that is up."""
    assert clients._line is not None
    assert clients._line._client is not None
    transport = clients._line._client.get_transport()
    assert transport is not None
    yield transport


def test_requests_of_old_ask_an_adapter_otherwise(ways: Ways) -> None:
    line = Line(ways.url, PATIENCE)
    adapter = line.adapter()
    pool = adapter.get_connection("http+docker://ssh/info")
    assert isinstance(pool, HTTPConnectionPool)
    assert pool.urlopen("GET", "/info").status == 200
    adapter.close()
    assert line._client is None


def test_what_paramiko_logs_goes_where_the_user_sends_it() -> None:
    handlers = logging.getLogger("dockernet.ssh").handlers
    assert [type(handler) for handler in handlers] == [logging.NullHandler]


# Through TLS

ENGINE, STRANGER = Authority("the engine's"), Authority("a stranger")
HERE = ("127.0.0.1",)


@pytest.fixture
def certified(folder: Path) -> Path:
    """The folder of a client that the engine takes."""
    return pair(folder / "certs", ENGINE.issue(), ENGINE)


def tls(folder: Path, issued: tuple[bytes, bytes]) -> ssl.SSLContext:
    """An engine's side: it shows a certificate, and wants one that its authority signed."""
    engine = pair(folder / "engine", issued, ENGINE)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=engine / "ca.pem")
    context.load_cert_chain(engine / "cert.pem", engine / "key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def told_over_tls(context: ssl.SSLContext, certs: Path) -> str:
    """What is made of an engine; its name in it is replaced."""
    with Replay(**FACTS).on_tcp(context=context) as engine:
        environ = {"DOCKER_HOST": engine.url, "DOCKER_CERT_PATH": str(certs)}
        with Engine.from_env({**environ, "DOCKER_TLS_VERIFY": "1"}) as asked:
            try:
                return str(len(asked.containers()))
            except EngineUnavailableError as error:
                return error.reason.replace(engine.url, "ENGINE").replace(str(certs), "FOLDER")


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("bundle", ["stranger.pem", "missing.pem", None])
def test_the_engine_s_authority_counts_whatever_the_system_s(
    folder: Path,
    certified: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    bundle: str | None,
) -> None:
    (folder / "stranger.pem").write_bytes(STRANGER.certificate)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    if bundle is not None:
        monkeypatch.setenv(variable, str(folder / bundle))
    told = told_over_tls(tls(folder, ENGINE.issue(HERE)), certified)
    assert told == str(len(FACTS["listing"]))


@pytest.mark.parametrize(
    "issued, advice",
    [
        pytest.param(
            STRANGER.issue(HERE),
            "FOLDER has no authority that signed the certificate of ENGINE (.+): "
            "put that engine's ca.pem there",
            id="of another authority",
        ),
        pytest.param(
            ENGINE.issue(HERE, certificates.EXPIRED),
            "the certificate of ENGINE has expired: renew it, or check the clock of this machine",
            id="expired",
        ),
        pytest.param(
            ENGINE.issue(HERE, certificates.NOT_YET),
            "the certificate of ENGINE is not valid yet: check the clocks of both machines",
            id="not yet valid",
        ),
        pytest.param(
            ENGINE.issue(("127.0.0.2", "far.example")),
            "the certificate of ENGINE is not for that host (.+'127.0.0.1'.+): "
            "use a name that it is for, or renew it for this one",
            id="for another host",
        ),
    ],
)
def test_an_engine_that_cannot_prove_who_it_is(
    folder: Path, certified: Path, issued: tuple[bytes, bytes], advice: str
) -> None:
    pattern = re.escape(advice).replace(re.escape(".+"), ".+")
    assert re.fullmatch(pattern, told_over_tls(tls(folder, issued), certified))


def test_a_name_that_an_engine_s_certificate_is_not_for(folder: Path, certified: Path) -> None:
    with Replay(**FACTS).on_tcp(context=tls(folder, ENGINE.issue(HERE))) as engine:
        environ = {"DOCKER_CERT_PATH": str(certified), "DOCKER_TLS_VERIFY": "1"}
        with (
            Engine(engine.url.replace("127.0.0.1", "localhost"), environ=environ) as asked,
            pytest.raises(EngineUnavailableError, match=r"not for that host .*'localhost'"),
        ):
            asked.containers()


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    "issued",
    [STRANGER.issue(), ENGINE.issue((), certificates.EXPIRED)],
    ids=["stranger", "expired"],
)
def test_an_engine_that_does_not_take_our_certificate(
    folder: Path, issued: tuple[bytes, bytes], newest: ssl.TLSVersion
) -> None:
    """From TLS 1.3 on, a client may have sent its request before it is told so."""
    context = tls(folder, ENGINE.issue(HERE))
    context.maximum_version = newest
    told = told_over_tls(context, pair(folder / "certs", issued, ENGINE))
    advice = r"ENGINE breaks TLS off \(.+\): put a cert.pem and key.pem that it accepts into FOLDER"
    broken = "ENGINE broke its answer off: is the engine being restarted[?]"
    assert re.fullmatch(advice if newest is ssl.TLSVersion.TLSv1_2 else f"{advice}|{broken}", told)


def test_an_engine_that_wants_tls_and_is_asked_without() -> None:
    said = b"Client sent an HTTP request to an HTTPS server.\n"  # Go, net/http/server.go
    with Replay(FACTS["version"]).on_tcp() as engine:
        engine.answers["*"] = reply(said, "400 Bad Request", kind="text/plain", keep=False)
        assert refusal(engine.url).reason == (
            f"{engine.url} wants TLS: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH"
        )


# On the command line


def typed(url: str, **variables: str) -> str:
    """The one line that a person gets who asks for an engine that cannot be reached."""
    command = [sys.executable, "-m", "dockernet", "-H", url, "ps"]
    env = {**os.environ, **variables}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603 - our own code
    assert (done.returncode, done.stdout) == (3, "")
    (line,) = done.stderr.splitlines()
    return line.removeprefix("dockernet: engine: ")


@pytest.mark.parametrize(
    "damage, told",
    [
        ("known_hosts", "known_hosts has no key of"),
        ("id_ecdsa", "name its user, and put its key into ~/.ssh or ssh-agent"),
    ],
)
def test_a_line_tells_what_ssh_lacks(ways: Ways, damage: str, told: str) -> None:
    ways.ssh(damage).unlink()
    line = typed(ways.url)
    assert line.startswith(f"{ways.url} cannot be reached: ")
    assert told in line


def test_a_line_tells_of_a_certificate_that_nobody_signed(folder: Path, certified: Path) -> None:
    with Replay(**FACTS).on_tcp(context=tls(folder, STRANGER.issue(HERE))) as engine:
        line = typed(engine.url, DOCKER_CERT_PATH=str(certified), DOCKER_TLS_VERIFY="1")
    assert line.startswith(f"{certified} has no authority that signed the certificate of")


def test_whoever_skips_the_proof_sees_no_warning(folder: Path, certified: Path) -> None:
    with Replay(**FACTS).on_tcp(context=tls(folder, STRANGER.issue(HERE))) as engine:
        command = [sys.executable, "-W", "always", "-m", "dockernet", "-H", engine.url, "ps"]
        env = {**os.environ, "DOCKER_CERT_PATH": str(certified), "DOCKER_TLS_VERIFY": ""}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603 - our own code
    assert (done.returncode, "InsecureRequestWarning" in done.stderr) == (0, False)
    assert done.stdout.startswith("NAME")
