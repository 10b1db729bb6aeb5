"""The hosts file as a source: whose lines count, and what is no file at all."""

from __future__ import annotations

import json
import subprocess
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from dockernet.errors import PeerNotFoundError, SourceError
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.facts import Fact, Freshness, Want
from dockernet.model.provenance import Provenance
from dockernet.model.targets import Target
from dockernet.model.vantage import Interface, Vantage, VantageKind
from dockernet.refusals import Route
from dockernet.resolver import Resolver
from dockernet.sources import hosts_file
from dockernet.sources.hosts_file import HostsFile

SELF = Vantage(
    kind=VantageKind.CONTAINER,
    hostname="4f1e2d3c4b5a",
    name="app",
    interfaces=(
        Interface(name="lo", addresses=(ip_address("127.0.0.1"),)),
        Interface(
            name="eth0",
            addresses=(ip_address("172.17.0.2"), ip_address("fd00::2")),
            subnets=(ip_network("172.17.0.0/16"), ip_network("fd00::/64")),
        ),
    ),
)
WANT = Want(Target("db"), SELF)


def fact(names: tuple[str, ...], *addresses: str, route: Route = Route.LINK) -> Fact:
    return Fact(
        source="hosts",
        names=names,
        addresses=tuple(map(ip_address, addresses)),
        route=route,
        freshness=Freshness.WRITTEN,
        provenance=Provenance.HOSTS if route is Route.LINK else None,
    )


def said(path: Path, want: Want = WANT) -> list[Fact | Diagnostic]:
    return list(HostsFile(path).read(want))


@pytest.mark.parametrize(
    "text, facts",
    [
        pytest.param("127.0.0.1 localhost\n::1 ip6-loopback\n", [], id="the fixed lines"),
        pytest.param(
            "172.17.0.5\tdb 9a8b7c6d5e4f shop_db_1\n",
            [fact(("db", "9a8b7c6d5e4f", "shop_db_1"), "172.17.0.5")],
            id="a link",
        ),
        pytest.param(
            "10.9.9.9 wiki\n", [fact(("wiki",), "10.9.9.9", route=Route.GIVEN)], id="an extra host"
        ),
        pytest.param(
            "fd00::5 db shop_db_1\n172.17.0.5 db\n",
            [fact(("db", "shop_db_1"), "172.17.0.5", "fd00::5")],
            id="both families of one name are one fact",
        ),
        pytest.param(
            "10.9.9.9 db\n172.17.0.5 db\n",
            [fact(("db",), "10.9.9.9", "172.17.0.5")],
            id="on link with one address",
        ),
        pytest.param(
            "172.17.0.5 db\n172.17.0.5 db\n172.17.0.6 web\n",
            [fact(("db",), "172.17.0.5"), fact(("web",), "172.17.0.6")],
            id="a line twice",
        ),
        pytest.param(
            "172.17.0.2 4f1e2d3c4b5a\n172.17.0.9 APP\n172.17.0.8 4F1E2D3C4B5A.\n",
            [],
            id="own names",
        ),
        pytest.param("172.17.0.2 other\nfd00::2 other\n", [], id="own addresses"),
        pytest.param("172.17.0.1 host.docker.internal\n", [], id="the host"),
    ],
)
def test_lines_of_peers_are_facts_of_when_the_file_was_written(
    tmp_path: Path, text: str, facts: list[Fact]
) -> None:
    (tmp_path / "hosts").write_text(text)
    assert said(tmp_path / "hosts") == facts


def test_a_vantage_that_knows_no_names_leaves_none_out(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("172.17.0.2 4f1e2d3c4b5a\n")
    (found,) = said(tmp_path / "hosts", Want(None, Vantage()))
    assert found == fact(("4f1e2d3c4b5a",), "172.17.0.2", route=Route.GIVEN)


def test_odd_lines_are_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_bytes(b"nonsense\n\xff\xfe 172.17.0.6\n172.17.0.5 db\n")
    first, second, found = said(tmp_path / "hosts")
    assert [d.subject for d in (first, second) if isinstance(d, Diagnostic)] == ["line 1", "line 2"]
    assert found == fact(("db",), "172.17.0.5")


@pytest.mark.parametrize("place", ["none", "file/hosts"])
def test_no_file_is_no_names(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    assert said(tmp_path / place) == []


@pytest.mark.parametrize(
    "place, why",
    [
        ("", "Is a directory"),
        ("loop", "Too many levels of symbolic links"),
        ("a\0b", "embedded null byte"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_of_the_source(
    tmp_path: Path, place: str, why: str
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(SourceError) as caught:
        said(tmp_path / place)
    expected = f"{tmp_path / place} cannot be read ({why}): check its permissions"
    assert (caught.value.source, caught.value.reason) == ("hosts", expected)
    assert isinstance(caught.value.__cause__, OSError | ValueError)


REWRITTEN = """
import json, sys
from dockernet.model.facts import Want
from dockernet.model.vantage import Vantage
from dockernet.sources.hosts_file import HostsFile

path, text, moment = sys.argv[1], sys.argv[2], int(sys.argv[3])
opened = []

def engine(event, arguments):
    # Writes the file just before it is opened for the n-th time, as an engine may.
    if event == "open" and str(arguments[0]) == path and len(opened) < 9:
        opened.append(event)
        if len(opened) == moment:
            count, opened[:] = len(opened), range(9)
            with open(path, "w") as file:
                file.write(text)
            opened[:] = range(count)

sys.addaudithook(engine)
names = [fact.names for fact in HostsFile(path).read(Want(None, Vantage()))]
print(json.dumps([names, len(opened)]))
"""


@pytest.mark.parametrize(
    "moment, names, opened",
    [
        pytest.param(1, [["db"]], 1, id="not empty at all"),
        pytest.param(2, [["db"]], 2, id="written after the first look"),
        pytest.param(3, [["db"]], 3, id="written after the second look"),
        pytest.param(9, [], 3, id="never written"),
    ],
)
def test_an_empty_file_is_looked_at_again(
    tmp_path: Path, moment: int, names: list[list[str]], opened: int
) -> None:
    path = tmp_path / "hosts"
    path.write_text("")
    command = [sys.executable, "-c", REWRITTEN, str(path), "172.17.0.5 db\n", str(moment)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert json.loads(result.stdout) == [names, opened]


def test_a_file_that_is_too_long_is_read_as_far_as_whole_lines_go(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    head, tail = "172.17.0.5 db\n#", "\n172.17.0.6 web-server\n"
    spare = hosts_file._LARGEST - len(head) - len(tail)
    names = {}
    for beyond in (0, 1, 10, 30):  # bytes that the limit cuts off
        path.write_text(head + "x" * (spare + beyond) + tail)
        names[beyond] = [item.names for item in said(path) if isinstance(item, Fact)]
    assert names == {0: [("db",), ("web-server",)], 1: [("db",)], 10: [("db",)], 30: [("db",)]}


def test_it_shows_its_path() -> None:
    assert repr(HostsFile()) == "HostsFile('/etc/hosts')"
    assert repr(HostsFile(Path("/x/hosts"))) == "HostsFile('/x/hosts')"


def test_a_resolver_takes_the_address_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("172.17.0.5 db\n172.17.0.2 app\n")
    resolver = Resolver([HostsFile(path)], vantage=SELF)
    assert str(resolver.resolve("db:5432")) == "172.17.0.5:5432"
    path.write_text("172.17.0.7 db\n")
    assert str(resolver.resolve("db:5432")) == "172.17.0.7:5432"
    with pytest.raises(PeerNotFoundError):
        resolver.resolve("app:80")
