"""Where an engine is: by URL, by variables, by contexts as the docker CLI writes them."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockernet.errors import EngineUnavailableError, SourceError
from dockernet.sources._location import Certificates, Location, locate

DEFAULT = "unix:///var/run/docker.sock"
FAR, NEAR, ELSE = "tcp://192.0.2.1:2375", "unix:///run/near.sock", "ssh://me@192.0.2.9"
NO_ENVIRON: Mapping[str, str] = {}


def write_context(config: Path, name: str, **engine: object) -> Path:
    """A context as ``docker context create`` writes it; gives its folder for TLS."""
    digest = sha256(name.encode()).hexdigest()
    meta = config / "contexts" / "meta" / digest
    meta.mkdir(parents=True)
    endpoint = {"SkipTLSVerify": False, **engine}
    document = {"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}}
    (meta / "meta.json").write_text(json.dumps(document))
    return config / "contexts" / "tls" / digest / "docker"


def use_context(config: Path, name: str) -> None:
    """What ``docker context use`` writes."""
    (config / "config.json").write_text(json.dumps({"auths": {}, "currentContext": name}))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A folder of the docker CLI with contexts, one of them current."""
    write_context(tmp_path, "far", Host=FAR)
    write_context(tmp_path, "near", Host=NEAR)
    use_context(tmp_path, "far")
    return tmp_path


# Which engine


@pytest.mark.parametrize(
    "url, context, environ, expected",
    [
        pytest.param(None, None, {}, FAR, id="the current context"),
        pytest.param(None, None, {"DOCKER_CONTEXT": "near"}, NEAR, id="DOCKER_CONTEXT beats it"),
        pytest.param(None, None, {"DOCKER_CONTEXT": ""}, FAR, id="an empty one does not"),
        pytest.param(
            None,
            None,
            {"DOCKER_CONTEXT": "near", "DOCKER_HOST": ELSE},
            ELSE,
            id="DOCKER_HOST beats both",
        ),
        pytest.param(None, None, {"DOCKER_HOST": ""}, FAR, id="an empty one beats none"),
        pytest.param(None, "near", {"DOCKER_HOST": ELSE}, NEAR, id="a given context beats all"),
        pytest.param(None, "near", {"DOCKER_CONTEXT": "far"}, NEAR, id="the variable, too"),
        pytest.param(ELSE, "near", {"DOCKER_HOST": FAR}, ELSE, id="a given URL beats that"),
        pytest.param(None, "default", {}, DEFAULT, id="the built-in context"),
        pytest.param(None, None, {"DOCKER_CONTEXT": "default"}, DEFAULT, id="the same by variable"),
    ],
)
def test_the_engine_is_the_one_that_the_docker_cli_takes(
    config: Path, url: str | None, context: str | None, environ: dict[str, str], expected: str
) -> None:
    told = {"DOCKER_CONFIG": str(config), **environ}
    assert locate(url, context, told) == Location(expected)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"currentContext": ""}', '{"currentContext": 5}', "[" * 100_000],
    ids=["empty", "cut", "list", "null", "no name", "no text", "deep"],
)
def test_a_damaged_configuration_has_no_current_context(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    assert locate(None, None, {"DOCKER_CONFIG": str(tmp_path)}).url == DEFAULT


def test_no_configuration_is_the_default_socket(tmp_path: Path) -> None:
    assert locate(None, None, {"DOCKER_CONFIG": str(tmp_path / "none")}) == Location(DEFAULT)


def test_contexts_are_found_without_a_configuration(tmp_path: Path) -> None:
    # `docker context create` writes none.
    write_context(tmp_path, "far", Host=FAR)
    environ = {"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "far"}
    assert locate(None, None, environ) == Location(FAR)


def test_contexts_are_not_looked_for_in_the_working_folder(
    config: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(config)
    with pytest.raises(SourceError, match="there is no context 'far'"):
        locate(None, "far", {"DOCKER_CONFIG": str(folder)})


def test_the_configuration_is_in_the_home_folder_unless_said_otherwise(
    config: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".docker").symlink_to(config)
    monkeypatch.setenv("HOME", str(folder))
    assert locate(None, None, NO_ENVIRON) == Location(FAR)
    assert locate(None, None, {"DOCKER_CONFIG": ""}) == Location(FAR)


def test_who_has_no_home_has_the_default_socket() -> None:
    code = (
        "import os; os.environ.pop('HOME', None)\n"
        "import pwd; pwd.getpwuid = {}.__getitem__\n"  # a user that no file knows
        "from dockernet.sources._location import locate\n"
        "print(locate(None, None, {}).url)"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert result.stdout.strip() == DEFAULT


@pytest.mark.parametrize("name", ["far", "de\u0301ja\u0300", "\udc80", "../..", "a\0b"])
def test_an_unknown_context_is_named(folder: Path, name: str) -> None:
    with pytest.raises(SourceError, match="see 'docker context ls'") as caught:
        locate(None, name, {"DOCKER_CONFIG": str(folder)})
    assert caught.value.reason.startswith(f"there is no context '{name}'")
    assert type(caught.value) is SourceError


def test_a_current_context_that_is_gone_is_named(folder: Path) -> None:
    use_context(folder, "gone")
    with pytest.raises(SourceError, match="there is no context 'gone'"):
        locate(None, None, {"DOCKER_CONFIG": str(folder)})


@pytest.mark.parametrize(
    "text, told",
    [
        ("", "cannot be read"),
        ("{", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("9" * 5_000, "cannot be read"),
        ("\xff", "cannot be read"),
        ("[]", "names no engine"),
        ("{}", "names no engine"),
        ('{"Endpoints": {"docker": {}}}', "names no engine"),
        ('{"Endpoints": {"docker": {"Host": 5}}}', "names no engine"),
        ('{"Endpoints": {"kubernetes": {"Host": "x"}}}', "names no engine"),
        ('{"Endpoints": {"docker": {"Host": "nowhere"}}}', "'nowhere' is no engine's address"),
    ],
)
def test_a_damaged_context_is_an_error_of_the_source(config: Path, text: str, told: str) -> None:
    (path,) = (config / "contexts" / "meta").glob(f"{sha256(b'far').hexdigest()}/meta.json")
    path.write_text(text, encoding="latin-1")
    with pytest.raises(SourceError, match=told) as caught:
        locate(None, None, {"DOCKER_CONFIG": str(config)})
    assert str(path) in caught.value.reason or "cannot be read" not in told


def test_a_context_that_may_not_be_read_is_an_error_of_the_source(config: Path) -> None:
    (path,) = (config / "contexts" / "meta").glob(f"{sha256(b'far').hexdigest()}/meta.json")
    path.unlink()
    path.mkdir()
    with pytest.raises(SourceError, match="the context 'far' cannot be read: check or remove"):
        locate(None, "far", {"DOCKER_CONFIG": str(config)})


# URLs


@pytest.mark.parametrize(
    "url, expected, host",
    [
        pytest.param("unix:///run/x.sock", "unix:///run/x.sock", None, id="socket"),
        pytest.param("unix://x.sock", "unix://x.sock", None, id="socket without a slash"),
        pytest.param("npipe:////./pipe/x", "npipe:////./pipe/x", None, id="pipe"),
        pytest.param("tcp://10.0.0.7:2375", "tcp://10.0.0.7:2375", "10.0.0.7", id="IPv4"),
        pytest.param("tcp://[::1]:2375", "tcp://[::1]:2375", "::1", id="IPv6"),
        pytest.param("https://Far.example:1", "https://Far.example:1", "far.example", id="https"),
        pytest.param("10.0.0.7:2375", "tcp://10.0.0.7:2375", "10.0.0.7", id="no scheme: tcp"),
        pytest.param("far:2375", "tcp://far:2375", "far", id="a name without a scheme"),
        pytest.param(" tcp://far:1 ", "tcp://far:1", "far", id="blanks around"),
        pytest.param("tcp://:2375", "tcp://:2375", None, id="no host: this machine"),
        pytest.param("ssh://me@far", "ssh://me@far", "far", id="ssh"),
        pytest.param("ssh://me@far:2222", "ssh://me@far:2222", "far", id="ssh with a port"),
    ],
)
def test_urls_as_the_docker_cli_takes_them(url: str, expected: str, host: str | None) -> None:
    location = locate(url, None, NO_ENVIRON)
    assert (location.url, location.host) == (expected, host)


@pytest.mark.parametrize(
    "url",
    [
        "foo",
        "http//x",
        "tcp://",
        "tcp://far",
        "tcp://far:0",
        "tcp://far:70000",
        "tcp://far:x",
        "tcp://[::1",
        "tcp://[::1]",
        "ssh://",
        "ssh://:22",
        "fd://",
        "ftp://far:21",
        "://",
        " ",
    ],
)
@pytest.mark.parametrize("variable", [False, True], ids=["given", "by DOCKER_HOST"])
def test_what_is_no_url_is_refused_with_what_was_expected(url: str, *, variable: bool) -> None:
    expected = "expected unix:///path, tcp://host:port or ssh://user@host"
    with pytest.raises(SourceError, match=expected) as caught:
        locate(None if variable else url, None, {"DOCKER_HOST": url} if variable else {})
    assert caught.value.reason.startswith(f"'{url}' is no engine's address")


@pytest.mark.parametrize("url", ["ssh://me:pass%4Dword@far", "tcp://me:pass%4Dword@far:2375"])
def test_a_password_is_refused_and_not_told(url: str) -> None:
    with pytest.raises(SourceError, match="and no password") as caught:
        locate(url, None, NO_ENVIRON)
    assert "word" not in str(caught.value).replace("password", "")


@given(st.text(max_size=30) | st.from_regex(r"(tcp|ssh|unix|http)://.*", fullmatch=True))
def test_any_text_is_a_url_or_refused(text: str) -> None:
    try:
        location = locate(text or None, None, {"DOCKER_CONFIG": "/nowhere"})
    except SourceError:
        return
    assert location.url.endswith(text.strip())
    if location.host is None:
        assert re.match("(http[+])?unix:|npipe:|[a-z]+://[^/]*:[0-9]+", location.url, re.IGNORECASE)


# Certificates


@pytest.mark.parametrize(
    "url, environ, expected",
    [
        pytest.param("tcp://far:1", {}, None, id="none"),
        pytest.param("tcp://far:1", {"DOCKER_TLS_VERIFY": ""}, None, id="empty is off"),
        pytest.param(
            "tcp://far:1",
            {"DOCKER_TLS_VERIFY": "1"},
            Certificates(Path("/config"), verify=True),
            id="in the CLI's folder",
        ),
        pytest.param(
            "tcp://far:1",
            {"DOCKER_TLS_VERIFY": "0", "DOCKER_CERT_PATH": "/certs"},
            Certificates(Path("/certs"), verify=True),
            id="any text is on",
        ),
        pytest.param(
            "https://far:1",
            {"DOCKER_CERT_PATH": "/certs"},
            Certificates(Path("/certs"), verify=False),
            id="a folder alone does not verify",
        ),
        pytest.param("unix:///x", {"DOCKER_TLS_VERIFY": "1"}, None, id="not for a socket"),
        pytest.param("ssh://far", {"DOCKER_CERT_PATH": "/certs"}, None, id="not for ssh"),
    ],
)
def test_certificates_that_variables_name(
    url: str, environ: dict[str, str], expected: Certificates | None
) -> None:
    told = {"DOCKER_CONFIG": "/config", **environ}
    assert locate(url, None, told).certificates == expected
    assert locate(None, None, {**told, "DOCKER_HOST": url}).certificates == expected


@pytest.mark.parametrize("skip", [False, True])
def test_certificates_that_a_context_has(tmp_path: Path, *, skip: bool) -> None:
    certificates = write_context(tmp_path, "safe", Host=FAR, SkipTLSVerify=skip)
    certificates.mkdir(parents=True)
    environ = {"DOCKER_CONFIG": str(tmp_path), "DOCKER_CERT_PATH": "/not/these"}
    expected = Certificates(certificates, verify=not skip, whole=False)
    assert locate(None, "safe", environ) == Location(FAR, expected)


def test_a_context_that_skips_the_proof_means_tls_without_certificates(tmp_path: Path) -> None:
    certificates = write_context(tmp_path, "lax", Host=FAR, SkipTLSVerify=True)
    expected = Certificates(certificates, verify=False, whole=False)
    told = locate(None, "lax", {"DOCKER_CONFIG": str(tmp_path)})
    assert (told, certificates.exists()) == (Location(FAR, expected), False)


def test_a_context_without_certificates_takes_none_of_the_variables(config: Path) -> None:
    environ = {"DOCKER_CONFIG": str(config), "DOCKER_TLS_VERIFY": "1"}
    assert locate(None, "far", environ) == Location(FAR)


def test_a_context_over_ssh_needs_no_certificates(tmp_path: Path) -> None:
    write_context(tmp_path, "shell", Host=ELSE).mkdir(parents=True)
    assert locate(None, "shell", {"DOCKER_CONFIG": str(tmp_path)}) == Location(ELSE)


def test_certificates_do_not_show() -> None:
    assert "certs" not in repr(Location(FAR, Certificates(Path("/certs"), verify=True)))


# Knocking


def test_a_missing_socket_lets_nobody_in(folder: Path) -> None:
    url = f"unix://{folder}/none.sock"
    expected = f"no engine listens at {url}: start it, or set DOCKER_HOST or a context"
    with pytest.raises(EngineUnavailableError) as caught:
        Location(url).knock()
    assert caught.value.reason == expected


def test_a_socket_that_an_engine_left_behind_lets_nobody_in(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / "left.sock"))
    with pytest.raises(EngineUnavailableError, match="start the engine, or correct the address"):
        Location(f"unix://{folder}/left.sock").knock()


def test_a_socket_with_a_full_queue_may_let_us_in_later(folder: Path) -> None:
    path = str(folder / "busy.sock")
    with (
        socket.socket(socket.AF_UNIX) as listener,
        socket.socket(socket.AF_UNIX) as first,
        socket.socket(socket.AF_UNIX) as second,
    ):
        listener.bind(path)
        listener.listen(0)
        for caller in (first, second):
            caller.settimeout(0)
            caller.connect_ex(path)
        Location(f"unix://{path}").knock()


@pytest.mark.parametrize(
    "url", ["tcp://192.0.2.1:2375", "ssh://192.0.2.1", "unix://relative", "npipe:////./pipe/x"]
)
def test_nobody_knocks_elsewhere(url: str) -> None:
    Location(url).knock()


@pytest.mark.parametrize("path", ["/" + "x" * 200, "/\ud800", f"{__file__}/engine.sock"])
def test_what_is_no_path_of_a_socket_cannot_be_reached(path: str) -> None:
    with pytest.raises(EngineUnavailableError, match="cannot be reached: check the address"):
        Location(f"unix://{path}").knock()


def test_a_socket_in_a_folder_of_others_lets_nobody_in(folder: Path) -> None:
    code = (
        "import os, sys\n"
        "from dockernet.errors import EngineUnavailableError\n"
        "from dockernet.sources._location import Location\n"
        "if os.geteuid() == 0: os.seteuid(65534)\n"
        "try: Location(sys.argv[1]).knock()\n"
        "except EngineUnavailableError as error: print(error.reason)"
    )
    url = f"unix://{folder}/engine.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "engine.sock"))
        listener.listen()
        (folder / "engine.sock").chmod(0)
        command = [sys.executable, "-c", code, url]
        result = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    expected = f"{url} may not be used by this user: join the group docker, or be root"
    assert result.stdout.strip() == expected


def test_the_default_is_not_that_of_windows() -> None:
    assert os.name == "posix"
    assert DEFAULT.startswith("unix")
