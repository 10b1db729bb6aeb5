"""Snapshots: files that hold a recording, and sources that answer from one."""

from __future__ import annotations

import inspect
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from recorded import FACTS, recorded

from dockernet.errors import DockernetError, FormatError, PeerNotFoundError, SourceError
from dockernet.formats.engine import parse_inspections, parse_listing, parse_networks
from dockernet.formats.recording import record
from dockernet.model.facts import Want
from dockernet.model.vantage import Vantage, VantageKind
from dockernet.resolver import Resolver, whoami
from dockernet.sources.engine import Engine
from dockernet.sources.snapshot import Snapshot

HOST = Vantage(kind=VantageKind.HOST, hostname="vm")
READING = (
    *("behind", "container", "containers", "links", "networks"),
    *("profile", "published", "read", "snapshot"),
)
# What a recording cannot do, or does not keep.
LIVE = {"conflicts", "environ", "launch", "live", "pid", "watch"}


def document(engine: str = "29.1", vantage: Vantage = HOST) -> dict[str, Any]:
    told = {"info": {}, **recorded(engine)}
    names = ("version", "info", "listing", "inspections", "networks")
    return record(vantage, host=None, **{name: told[name] for name in names}, whole=True)


@pytest.fixture
def snapshot() -> Snapshot:
    return Snapshot(document())


# Files


@pytest.mark.parametrize("engine", FACTS)
def test_a_saved_snapshot_is_loaded_as_it_was(engine: str, tmp_path: Path) -> None:
    before = Snapshot(document(engine))
    before.save(tmp_path / "s.json")
    after = Snapshot.load(str(tmp_path / "s.json"))
    assert tuple(after.read(Want(None, HOST))) == tuple(before.read(Want(None, HOST)))
    assert (after.containers(), after.vantage) == (before.containers(), HOST)
    assert str(after) == str(before) == (tmp_path / "s.json").read_text()


def test_a_saved_snapshot_is_for_its_owner_and_for_people(
    snapshot: Snapshot, tmp_path: Path
) -> None:
    path = tmp_path / "s.json"
    snapshot.save(path)
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    lines = path.read_text(encoding="ascii").splitlines()
    assert len(lines) > 1_000
    assert lines[1] == ' "engine": {'


@pytest.mark.parametrize("place", ["none/s.json", "", "s.json/file", "a\0b", "a\ud800b"])
def test_a_snapshot_that_cannot_be_saved_names_the_file(
    snapshot: Snapshot, tmp_path: Path, place: str
) -> None:
    (tmp_path / "s.json").write_text("")
    with pytest.raises(SourceError, match="cannot be written: ") as caught:
        snapshot.save(tmp_path / place)
    assert str(tmp_path / place) in caught.value.reason
    assert caught.value.source == "snapshot"


@pytest.mark.parametrize(
    "place, why",
    [
        ("none.json", "No such file or directory"),
        ("", "Is a directory"),
        ("s.json/file", "Not a directory"),
        ("loop", "symbolic links"),
        ("a\0b", "null byte"),
        ("a\ud800b", "surrogates not allowed"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_of_the_source(
    tmp_path: Path, place: str, why: str
) -> None:
    (tmp_path / "s.json").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(SourceError, match=f"cannot be read: .*{why}") as caught:
        Snapshot.load(tmp_path / place)
    assert type(caught.value) is SourceError
    assert isinstance(caught.value.__cause__, OSError | ValueError)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "raw, why",
    [
        pytest.param(b"", "which is JSON", id="empty"),
        pytest.param(b"{", "which is JSON", id="cut"),
        pytest.param(bytes(range(256)), "which is JSON", id="binary rubbish"),
        pytest.param(b"\x1f\x8b\x08\x00", "which is JSON", id="compressed"),
        pytest.param(b'{"schema": 1}'.ljust(60, b"\0"), "which is JSON", id="NULs behind it"),
        pytest.param(b"[" * 200_000, "which is JSON", id="a bomb of lists"),
        pytest.param(b'{"a":' * 200_000, "which is JSON", id="a bomb of objects"),
        pytest.param(b"9" * 5_000, "which is JSON", id="a number too long"),
        pytest.param(b"[]", "of schema 1", id="a list"),
        pytest.param(b'{"schema": 2}', "of schema 1", id="of a newer schema"),
        pytest.param(b'{"schema": ' + b"[" * 900 + b"]" * 900 + b"}", "schema 1", id="deep"),
        pytest.param(b'{"schema": 1}', "expected a list", id="nothing but a schema"),
    ],
)
def test_a_file_that_holds_no_snapshot_is_refused(tmp_path: Path, raw: bytes, why: str) -> None:
    path = tmp_path / "s.json"
    path.write_bytes(raw)
    with pytest.raises(FormatError, match=why) as caught:
        Snapshot.load(path)
    assert str(caught.value).isprintable()


def test_a_file_that_is_too_large_is_not_even_parsed(snapshot: Snapshot, tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    snapshot.save(path)
    size = path.stat().st_size
    assert Snapshot.load(path, largest=size).containers() == snapshot.containers()
    expected = f"expected a snapshot of at most {size - 1} bytes"
    with pytest.raises(FormatError, match=expected):
        Snapshot.load(path, largest=size - 1)


def test_a_sparse_file_of_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    with path.open("wb") as file:
        file.truncate(1024**3)
    with pytest.raises(FormatError, match=r"expected a snapshot of at most [0-9]+ bytes"):
        Snapshot.load(path)


# Reading


@pytest.mark.parametrize("method", READING)
def test_it_is_read_as_an_engine_is(method: str) -> None:
    assert inspect.signature(getattr(Snapshot, method)) == inspect.signature(
        getattr(Engine, method)
    )


def test_it_is_closed_as_an_engine_is_and_stays_as_it_was(snapshot: Snapshot) -> None:
    for method in ("close", "__enter__", "__exit__"):
        theirs = inspect.signature(getattr(Engine, method))
        assert inspect.signature(getattr(Snapshot, method)) == theirs
    before = snapshot.containers()
    with snapshot as same:
        assert same is snapshot
    assert snapshot.containers() == before


def test_an_engine_has_no_other_reading_methods() -> None:
    public = {name for name in vars(Engine) if not name.startswith("_")}
    assert public - {*READING} == {"name", "from_env", "close", *LIVE}


def test_its_links_are_those_of_the_engine(snapshot: Snapshot) -> None:
    found = snapshot.links(recipient="facts-app")
    assert {(link.alias, link.peer, link.dangling) for link in found} >= {
        ("db-main.v1", "facts-db", False)
    }
    assert {link.recipient for link in snapshot.links(aliases=True)} >= {None, "facts-u1"}
    with pytest.raises(PeerNotFoundError):
        snapshot.links(peer="nobody")


def test_it_answers_what_the_engine_told(snapshot: Snapshot) -> None:
    told = recorded("29.1")
    assert snapshot.containers() == parse_listing(told["listing"]).values
    assert snapshot.networks() == parse_networks(told["networks"]).values
    detailed = {c.name for c in snapshot.containers(details=True) if c.links is not None}
    assert detailed == {c.name for c in parse_inspections(told["inspections"]).values}
    assert snapshot.profile().version == "29.1.3"
    assert repr(snapshot) == "Snapshot(17 containers, Engine 29.1.3)"


def test_it_gives_one_inventory_whatever_is_wanted(snapshot: Snapshot) -> None:
    (inventory,) = snapshot.read(Want(None, Vantage()))
    assert inventory.source == "snapshot"
    assert inventory.containers == snapshot.containers(details=True)


@pytest.mark.parametrize(
    "name", ["facts-db", "/facts-db", recorded("29.1")["inspections"][1]["Id"]]
)
def test_a_container_is_found_by_name_and_id(snapshot: Snapshot, name: str) -> None:
    found = snapshot.container(name)
    assert (found.name, found.hostname) == ("facts-db", "dbhost.example.org")


def test_a_container_is_found_by_a_unique_prefix_of_its_id(snapshot: Snapshot) -> None:
    whole = snapshot.container("facts-db").id
    assert snapshot.container(whole[:12]).id == whole
    ids = [c.id for c in snapshot.containers()]
    shared = next(i[0] for i in ids if sum(other.startswith(i[0]) for other in ids) > 1)
    with pytest.raises(PeerNotFoundError):
        snapshot.container(shared)


@pytest.mark.parametrize("name", ["", "/", "zebra", "facts-dbx"])
def test_an_unknown_container_is_not_found(snapshot: Snapshot, name: str) -> None:
    with pytest.raises(PeerNotFoundError) as caught:
        snapshot.container(name)
    assert (caught.value.target, caught.value.asked) == (name, ("snapshot",))
    assert caught.value.near_misses[:1] == (("facts-db",) if name == "facts-dbx" else ())


def test_what_is_behind_a_port(snapshot: Snapshot) -> None:
    found = [(c.name, str(p), str(b)) for c, p, b in snapshot.behind(18080)]
    assert found == [
        ("facts-u1", "80/tcp", "0.0.0.0:18080"),
        ("facts-u1", "80/tcp", "[::]:18080"),
    ]
    assert snapshot.behind(18080, host_ip="127.0.0.1") == snapshot.behind(18080)[:1]
    assert snapshot.behind(18080, "udp") == ()
    with pytest.raises(FormatError):
        snapshot.behind(18080, host_ip="nowhere")


def test_the_recorded_vantage_holds(snapshot: Snapshot) -> None:
    inside = Vantage(kind=VantageKind.CONTAINER, id=snapshot.container("facts-u1").id)
    moved = snapshot.snapshot(inside)
    assert whoami(moved).name == "facts-u1"
    assert str(Resolver([moved]).resolve("db:5432")) == "10.77.1.2:5432"
    assert str(Resolver([snapshot]).resolve("facts-u1:80")) == "127.0.0.1:18080"


def test_a_snapshot_of_a_snapshot_is_that_or_one_from_another_vantage(snapshot: Snapshot) -> None:
    assert snapshot.snapshot() is snapshot
    assert snapshot.snapshot(whole=True) is snapshot
    other = snapshot.snapshot(Vantage(kind=VantageKind.UNKNOWN))
    assert other.vantage == Vantage(kind=VantageKind.UNKNOWN)
    assert snapshot.vantage == HOST
    assert other.containers(details=True) == snapshot.containers(details=True)


def test_what_was_made_by_hand_is_checked_as_well() -> None:
    for odd in ({}, {"schema": 1}, {**document(), "vantage": {"kind": "moon"}}):
        with pytest.raises(DockernetError):
            Snapshot(odd)
    assert Snapshot(json.loads(json.dumps(document()))).vantage == HOST
