"""Recordings: what they keep, what they leave out, and what is none."""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from recorded import FACTS, recorded

from dockernet.errors import FormatError
from dockernet.formats.engine import (
    parse_inspections,
    parse_listing,
    parse_networks,
    parse_profile,
    with_details,
    with_network_ids,
)
from dockernet.formats.recording import SCHEMA, parse_recording, record, with_vantage
from dockernet.model.containers import Attachment, Container
from dockernet.model.facts import Inventory
from dockernet.model.mappings import FrozenMap
from dockernet.model.vantage import Interface, Vantage, VantageKind

HOST = Vantage(kind=VantageKind.HOST, hostname="vm")
KEPT_LABELS = tuple(
    f"com.docker.compose.{key}" for key in ("project", "service", "container-number", "oneoff")
)
SENTINEL = "s3ntinel"


def replies(engine: str, scenario: str = "facts") -> dict[str, Any]:
    """The replies that a recording is made of."""
    names = ("version", "info", "listing", "inspections", "networks")
    known = recorded(engine, scenario)
    return {name: known.get(name, []) for name in names}


def written(document: object) -> object:
    """The document after it was text."""
    read: object = json.loads(json.dumps(document))
    return read


def as_told(told: dict[str, Any], host: str | None) -> Inventory:
    """The inventory that the replies themselves tell."""
    listed, read = (
        parse_listing(told["listing"], "snapshot"),
        parse_inspections(told["inspections"]),
    )
    networks = parse_networks(told["networks"])
    return Inventory(
        source="snapshot",
        engine=parse_profile(told["version"], told["info"], host),
        containers=with_network_ids(with_details(listed.values, read.values), networks.values),
        networks=networks.values,
    )


def without_foreign_labels(container: Container) -> Container:
    kept = {k: v for k, v in container.labels.items() if k in KEPT_LABELS}
    return evolve(container, labels=FrozenMap(kept))


# What it keeps


@pytest.mark.parametrize("engine", FACTS)
@pytest.mark.parametrize("host", [None, "10.0.0.7", "engine.example", "fd00::1"])
def test_a_whole_recording_is_the_inventory_that_was_told(engine: str, host: str | None) -> None:
    told = replies(engine)
    read = parse_recording(written(record(HOST, host=host, **told, whole=True)))
    assert read.inventory == as_told(told, host)
    assert read.listed == parse_listing(told["listing"]).values
    assert read.vantage == HOST


@pytest.mark.parametrize("engine", FACTS)
def test_a_trimmed_recording_lacks_foreign_labels_alone(engine: str) -> None:
    told = replies(engine)
    read = parse_recording(written(record(HOST, host="10.0.0.7", **told)))
    expected = as_told(told, "10.0.0.7")
    containers = tuple(map(without_foreign_labels, expected.containers))
    assert read.inventory == evolve(expected, containers=containers)
    assert read.listed == tuple(map(without_foreign_labels, parse_listing(told["listing"]).values))


def test_compose_labels_stay() -> None:
    inspections = recorded("29.1", "compose")["inspections"]
    listing = [{"Id": i["Id"], "Labels": i["Config"]["Labels"]} for i in inspections]
    told = {**replies("29.1"), "inspections": inspections, "listing": listing}
    read = parse_recording(record(HOST, host=None, **told))
    services = {
        (c.project, c.service, c.number) for c in (*read.listed, *read.inventory.containers)
    }
    assert ("factsproj", "web", 2) in services
    assert len(services) == 4


def test_an_entry_that_is_odd_is_still_odd_in_the_recording() -> None:
    told = {**replies("29.1"), "listing": [{"Id": "a" * 64, "Ports": ["x"]}, {}]}
    diagnostics = parse_recording(record(HOST, host=None, **told)).inventory.diagnostics
    assert [str(diagnostic) for diagnostic in diagnostics] == [
        "snapshot: aaaaaaaaaaaa: a port left out: it is not of the expected form",
        "snapshot: entry 1: an entry without an id was left out",
    ]


def test_what_vanished_before_it_was_inspected_stays_as_it_was_listed() -> None:
    told = {**replies("29.1"), "inspections": []}
    read = parse_recording(record(HOST, host=None, **told))
    assert read.inventory.containers == read.listed


# What it leaves out


def salted(node: Any, *, named: bool = False) -> Any:
    """A reply with a secret in every object, beside what is there and in a key."""
    if isinstance(node, list):
        return [salted(child) for child in node]
    if not isinstance(node, dict):
        return node
    names = {"Networks", "Ports", "ExposedPorts", "PortBindings"}  # keys of these are data
    children = {key: salted(child, named=key in names) for key, child in node.items()}
    more = {SENTINEL: {SENTINEL: [SENTINEL]}, "Secret": SENTINEL, "Env": [f"PASSWORD={SENTINEL}"]}
    return children if named else {**children, **more}


@pytest.mark.parametrize("engine", FACTS)
def test_no_field_that_is_not_listed_gets_into_a_recording(engine: str) -> None:
    told = {name: salted(reply) for name, reply in replies(engine).items()}
    assert SENTINEL not in json.dumps(record(HOST, host="h", **told))
    assert SENTINEL in json.dumps(record(HOST, host="h", **told, whole=True))


def hidden_in_inspection(**fields: object) -> dict[str, Any]:
    told = replies("29.1")
    return {**told, "inspections": [{**told["inspections"][0], **fields}]}


def hidden_in_listing(**fields: object) -> dict[str, Any]:
    told = replies("29.1")
    return {**told, "listing": [{**told["listing"][0], **fields}]}


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(
            hidden_in_inspection(Config={"Env": [f"PASSWORD={SENTINEL}"]}), id="variables"
        ),
        pytest.param(hidden_in_inspection(Config={"Cmd": ["sh", "-c", SENTINEL]}), id="command"),
        pytest.param(hidden_in_inspection(Config={"Entrypoint": [SENTINEL]}), id="entry point"),
        pytest.param(hidden_in_inspection(Path=SENTINEL, Args=[SENTINEL]), id="process"),
        pytest.param(
            hidden_in_inspection(Config={"Healthcheck": {"Test": ["CMD", SENTINEL]}}),
            id="health check",
        ),
        pytest.param(
            hidden_in_inspection(
                State={
                    "Status": "running",
                    "Health": {"Status": "x", "Log": [{"Output": SENTINEL}]},
                }
            ),
            id="what a health check printed",
        ),
        pytest.param(hidden_in_inspection(State={"Error": SENTINEL}), id="an error's text"),
        pytest.param(
            hidden_in_inspection(Config={"Labels": {"token": SENTINEL, SENTINEL: "x"}}), id="labels"
        ),
        pytest.param(hidden_in_inspection(Mounts=[{"Source": f"/home/{SENTINEL}"}]), id="mounts"),
        pytest.param(
            hidden_in_inspection(
                HostConfig={"Binds": [SENTINEL], "LogConfig": {"Config": SENTINEL}}
            ),
            id="log driver",
        ),
        pytest.param(
            hidden_in_inspection(Config={"ExposedPorts": {"80/tcp": {"note": SENTINEL}}}),
            id="in an exposed port",
        ),
        pytest.param(
            hidden_in_inspection(NetworkSettings={"Ports": {"80/tcp": [{"Note": SENTINEL}]}}),
            id="in a binding",
        ),
        pytest.param(hidden_in_inspection(Config=SENTINEL), id="a text for an object"),
        pytest.param(hidden_in_inspection(HostConfig=[SENTINEL]), id="a list for an object"),
        pytest.param(hidden_in_inspection(Name={"x": SENTINEL}), id="an object for a text"),
        pytest.param(hidden_in_inspection(Name=[{"x": SENTINEL}]), id="a list for a text"),
        pytest.param(hidden_in_listing(Command=f"login -p {SENTINEL}"), id="listed command"),
        pytest.param(hidden_in_listing(Labels={"token": SENTINEL}), id="listed labels"),
        pytest.param(hidden_in_listing(Mounts=[{"Source": SENTINEL}]), id="listed mounts"),
        pytest.param(
            {**replies("29.1"), "info": {"HttpProxy": f"http://me:{SENTINEL}@proxy"}}, id="proxy"
        ),
        pytest.param(
            {**replies("29.1"), "version": {"Components": [{"Details": {"x": SENTINEL}}]}},
            id="component",
        ),
        pytest.param(
            {
                **replies("29.1"),
                "networks": [
                    {
                        "Id": "a",
                        "Labels": {"x": SENTINEL},
                        "Options": {"x": SENTINEL},
                        "IPAM": {
                            "Options": {"x": SENTINEL},
                            "Config": [{"AuxiliaryAddresses": SENTINEL}],
                        },
                    }
                ],
            },
            id="network",
        ),
    ],
)
def test_secrets_stay_out(told: dict[str, Any]) -> None:
    assert SENTINEL not in json.dumps(record(HOST, host=None, **told))
    assert SENTINEL in json.dumps(record(HOST, host=None, **told, whole=True))


# The vantage

ADDRESSES = st.lists(st.ip_addresses(), max_size=3).map(tuple)
NAMES = st.text(max_size=12)
SUBNETS = st.builds(
    lambda address, spare: ip_network((address, address.max_prefixlen - spare), strict=False),
    st.ip_addresses(),
    st.integers(0, 32),
)
VANTAGES = st.builds(
    Vantage,
    kind=st.sampled_from(VantageKind),
    id=st.none() | st.text(min_size=1, max_size=64),
    network_owner=st.none() | st.text(min_size=1, max_size=64),
    hostname=NAMES,
    interfaces=st.lists(
        st.builds(
            Interface,
            name=NAMES,
            addresses=ADDRESSES,
            subnets=st.lists(SUBNETS, max_size=2).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
    gateways=ADDRESSES,
    nameservers=ADDRESSES,
    name=st.none() | st.text(min_size=1, max_size=12),
    network_mode=st.none() | st.text(min_size=1, max_size=12),
    networks=st.lists(
        st.builds(
            Attachment,
            network=NAMES,
            network_id=NAMES,
            addresses=ADDRESSES,
            aliases=st.none() | st.lists(NAMES, max_size=2).map(tuple),
            dns_names=st.none() | st.lists(NAMES, max_size=2).map(tuple),
            gateways=ADDRESSES,
        ),
        max_size=2,
    ).map(tuple),
    project=st.none() | st.text(min_size=1, max_size=12),
    service=st.none() | st.text(min_size=1, max_size=12),
    number=st.none() | st.integers(0, 99),
)
EMPTY: dict[str, Any] = {
    "host": None,
    "version": {},
    "info": {},
    "listing": [],
    "inspections": [],
    "networks": [],
}


@given(VANTAGES)
def test_a_vantage_comes_back_as_it_was(vantage: Vantage) -> None:
    document = record(vantage, **EMPTY)
    assert parse_recording(document).vantage == vantage
    assert parse_recording(written(document)).vantage == vantage
    assert written(document) == document


@given(VANTAGES, VANTAGES)
def test_a_vantage_can_be_put_in_the_place_of_another(one: Vantage, other: Vantage) -> None:
    document = record(one, **EMPTY)
    moved = with_vantage(document, other)
    assert parse_recording(written(moved)).vantage == other
    assert parse_recording(document).vantage == one
    assert {**moved, "vantage": None} == {**document, "vantage": None}


def test_the_cheapest_gateway_stays_the_first() -> None:
    ways = (ip_address("10.0.0.9"), ip_address("10.0.0.1"))
    read = parse_recording(written(record(Vantage(gateways=ways), **EMPTY)))
    assert read.vantage.gateway(4) == ways[0]


@pytest.mark.parametrize(
    "fields, expected",
    [
        pytest.param({"number": "2"}, Vantage(), id="number no number"),
        pytest.param({"number": True}, Vantage(), id="number true"),
        pytest.param({"id": 5, "name": [], "hostname": None}, Vantage(), id="texts no texts"),
        pytest.param({"interfaces": {}, "gateways": "x", "networks": 5}, Vantage(), id="no lists"),
        pytest.param(
            {"interfaces": [None], "networks": ["x"]},
            Vantage(interfaces=(Interface(name=""),), networks=(Attachment(network=""),)),
            id="no objects in them",
        ),
    ],
)
def test_fields_of_another_type_are_as_if_not_there(
    fields: dict[str, Any], expected: Vantage
) -> None:
    document = {**record(HOST, **EMPTY), "vantage": {"kind": "unknown", **fields}}
    assert parse_recording(document).vantage == expected


@pytest.mark.parametrize(
    "vantage, text, reason",
    [
        pytest.param(None, "", "expected a kind of vantage: host, container, unknown", id="none"),
        pytest.param({}, "", "expected a kind of vantage", id="no kind"),
        pytest.param({"kind": "moon"}, "moon", "expected a kind of vantage", id="unknown kind"),
        pytest.param(
            {"kind": "host", "gateways": ["x"]}, "x", "expected an IPv4 or IPv6", id="no address"
        ),
        pytest.param(
            {"kind": "host", "nameservers": [None]}, "", "expected an IPv4 or IPv6", id="null"
        ),
        pytest.param(
            {"kind": "host", "interfaces": [{"subnets": ["1.1.1.1/99"]}]},
            "1.1.1.1/99",
            "expected a subnet",
            id="no subnet",
        ),
    ],
)
def test_a_vantage_that_is_none_is_refused(vantage: object, text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason) as caught:
        parse_recording({**record(HOST, **EMPTY), "vantage": vantage})
    assert caught.value.text == text


# What is no recording


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(None, id="null"),
        pytest.param([], id="list"),
        pytest.param("x", id="text"),
        pytest.param({}, id="no schema"),
        pytest.param({"schema": None}, id="null for a schema"),
        pytest.param({"schema": "1"}, id="text for a schema"),
        pytest.param({"schema": True}, id="true for a schema"),
        pytest.param({"schema": 1.0}, id="fraction for a schema"),
        pytest.param({"schema": [[[]]]}, id="list for a schema"),
    ],
)
def test_a_document_without_a_schema_is_refused(document: object) -> None:
    with pytest.raises(
        FormatError, match=f"without a schema': expected a snapshot of schema {SCHEMA}"
    ):
        parse_recording(document)


@pytest.mark.parametrize("schema", [SCHEMA + 1, 0, -1, 10**4000])
def test_another_schema_is_refused(schema: int) -> None:
    document = {**record(HOST, **EMPTY), "schema": schema}
    with pytest.raises(FormatError, match=f"schema {SCHEMA}, the newest known here") as caught:
        parse_recording(document)
    assert caught.value.text == f"schema {schema}"[:80]


@pytest.mark.parametrize("part", ["listing", "inspections", "networks"])
@pytest.mark.parametrize("value", [None, {}, "x"], ids=repr)
def test_a_recording_without_a_part_is_refused(part: str, value: object) -> None:
    document = {**record(HOST, **EMPTY), part: value}
    with pytest.raises(FormatError, match="expected a list"):
        parse_recording(document)


@pytest.mark.parametrize("engine", [None, [], {"host": 5, "version": [], "info": "x"}], ids=repr)
def test_a_recording_may_lack_the_engine(engine: object) -> None:
    document = {**record(HOST, **EMPTY), "engine": engine}
    assert parse_recording(document).inventory.engine == parse_profile({}, {}, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
PARTS = ("vantage", "engine", "listing", "inspections", "networks")
PLACES = st.sampled_from(
    ["kind", "interfaces", "gateways", "networks", "nameservers", "Id", "host", "version"]
)


@given(st.dictionaries(st.sampled_from(PARTS), JSON | st.dictionaries(PLACES, JSON), min_size=1))
def test_anything_is_a_recording_or_refused(parts: dict[str, object]) -> None:
    document = {**record(HOST, **EMPTY), **parts}
    try:
        read = parse_recording(document)
    except FormatError:
        return
    assert isinstance(read.vantage.kind, VantageKind)
    assert hash(read.inventory.containers) == hash(read.listed)


@given(JSON)
def test_trimming_leaves_nothing_to_trim(reply: object) -> None:
    told: dict[str, Any] = dict.fromkeys(EMPTY.keys() - {"host"}, reply)
    once = record(HOST, host=None, **told)
    again = {name: once.get(name, once["engine"].get(name)) for name in told}
    assert repr(record(HOST, host=None, **again)) == repr(once)


@given(JSON)
def test_a_whole_recording_has_the_replies_as_they_came(reply: object) -> None:
    told: dict[str, Any] = dict.fromkeys(EMPTY.keys() - {"host"}, reply)
    document = record(HOST, host=None, **told, whole=True)
    assert all(document.get(name, document["engine"].get(name)) is reply for name in told)
