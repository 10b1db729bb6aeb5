"""Links: what they take and say, and the variables that tell of them."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

import pytest
from attrs import evolve
from attrs.exceptions import FrozenInstanceError

from dockernet.errors import FormatError
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.endpoints import Endpoint
from dockernet.model.links import Link, LinkKind, LinkReport, links_environ
from dockernet.model.mappings import SecretMap
from dockernet.model.ports import Port
from dockernet.model.provenance import Provenance

DATA = Path(__file__).parents[1] / "data" / "links"
FOUR = ip_address("172.17.0.2")
SIX = ip_address("fd00::2")
URL_EXPECTED = "expected a URL such as tcp://172.17.0.2:5432"
DISAGREES = "it disagrees with DB_PORT_80_TCP"
UNBACKED = "neither a _NAME nor all of _ADDR, _PORT and _PROTO confirm it"
OTHER_PORT = "the URL has another port or protocol than the variable's name"
NO_PORT = "expected a port from 1 to 65535, or a range of them"
NO_ADDRESS = "expected an IPv4 or IPv6 address"
SHARED = "its address is not the link's; two aliases may share the prefix"
MISFIT = "the alias that it names does not fold to its prefix"


def load(name: str) -> dict[str, Any]:
    """Load the recorded environment of a linked container, and what it is linked to."""
    record: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return record


def linked(record: dict[str, Any]) -> list[Link]:
    """Make the links that the engine set the variables for, alias spelled in full."""
    targets = {target["name"]: target for target in record["targets"]}
    links: list[Link] = []
    for text in record["links"]:
        peer, path = text.removeprefix("/").split(":/")
        recipient, alias = path.split("/", 1)
        target = targets[peer]
        ports = tuple(p for exposed in target["exposed"] for p in expand(exposed))
        address = (ip_address(target["address"]),)
        environ = dict(entry.split("=", 1) for entry in target["environ"])
        links.append(Link(alias, recipient, peer, address, ports, environ))
    return links


def expand(exposed: str) -> list[Port]:
    """Take an exposed port as it stands in the configuration: a range may be one entry."""
    numbers, protocol = exposed.split("/")
    first, _, last = numbers.partition("-")
    return [Port.parse(f"{n}/{protocol}") for n in range(int(first), int(last or first) + 1)]


def as_told(link: Link) -> Link:
    """Take from a link what its variables cannot tell."""
    copied = {k: v for k, v in link.environ.items() if k not in {"HOME", "PATH"}}
    addresses = link.addresses if link.ports else ()
    alias = link.alias.rpartition("/")[2]
    return evolve(link, alias=alias, peer=None, addresses=addresses, environ=SecretMap(copied))


def port(
    prefix: str, number: int | str, address: str = "172.17.0.2", protocol: str = "tcp"
) -> dict[str, str]:
    """Spell the four variables of a port out."""
    own = f"{prefix}_PORT_{number}_{protocol.upper()}"
    return {
        own: f"{protocol}://{address}:{number}",
        f"{own}_ADDR": address,
        f"{own}_PORT": f"{number}",
        f"{own}_PROTO": protocol,
    }


DB = {**port("DB", 80), "DB_NAME": "/web/db"}


def told(environ: Mapping[str, str]) -> list[str]:
    """Say which links an environment tells of, one line each."""
    return [
        f"{link.kind} {link.alias} {link.address} {' '.join(map(str, link.ports))}".rstrip()
        for link in Link.from_environ(environ)
    ]


def odd(environ: Mapping[str, str]) -> dict[str, str]:
    """Say what was odd in an environment, by variable."""
    return {d.subject: d.reason for d in Link.read_environ(environ).diagnostics}


# Recorded environments


@pytest.mark.parametrize(
    "name",
    [
        "engine-20",
        "engine-20-exec",
        "engine-20-first-process",
        "engine-26",
        "engine-28",
        "engine-28-range",
        "engine-29-restored",
    ],
)
def test_a_recorded_environment_tells_every_link_as_it_was_made(name: str) -> None:
    record = load(name)
    expected = sorted(map(as_told, linked(record)), key=lambda link: link.alias)
    assert Link.read_environ(record["environ"]) == LinkReport(tuple(expected))


def test_aliases_that_look_like_variables_are_told_apart() -> None:
    record = load("engine-28-aliases")
    report = Link.read_environ(record["environ"])
    links = {link.alias: link for link in map(as_told, linked(record))}
    # The one variable that two links set: it went to db-env-up by its longer prefix,
    # and the value that won is the one of the environment of db.
    own = {k: v for k, v in links["db"].environ.items() if k != "UP_PORT_80_TCP"}
    links["db"] = evolve(links["db"], environ=SecretMap(own))
    assert {link.alias: link for link in report.links} == links
    assert report.diagnostics == (Diagnostic("environ", "DB_ENV_UP_PORT_80_TCP", SHARED),)


def test_of_two_aliases_with_one_prefix_the_last_one_counts() -> None:
    record = load("engine-28-collision")
    report = Link.read_environ(record["environ"])
    [link] = report.links
    [last, other] = map(as_told, linked(record))
    assert evolve(link, environ=SecretMap()) == evolve(last, environ=SecretMap())
    assert {d.subject for d in report.diagnostics} == {
        f"MY_DB_PORT_{p.number}_{p.protocol.upper()}" for p in other.ports
    }
    assert {d.reason for d in report.diagnostics} == {SHARED}


@pytest.mark.parametrize("where", load("unlinked"))
def test_a_container_without_links_tells_of_none(where: str) -> None:
    assert Link.read_environ(load("unlinked")[where]) == LinkReport()


@pytest.mark.parametrize("name", ["engine-28", "engine-29-restored"])
def test_the_written_variables_are_those_of_the_engine_in_its_order(name: str) -> None:
    record = load(name)
    links = linked(record)
    assert links
    for link in links:
        of_engine = [
            (k, v) for k, v in record["environ"].items() if k.startswith(f"{link.prefix}_")
        ]
        assert list(link.to_environ(secrets=True).items()) == of_engine


@pytest.mark.parametrize("name", ["engine-28", "engine-29-restored"])
def test_what_is_read_from_a_recording_is_written_as_it_stood(name: str) -> None:
    environ = load(name)["environ"]
    written = links_environ(Link.from_environ(environ), secrets=True)
    own = {"PATH", "HOSTNAME", "HOME"}
    assert written.variables == {k: v for k, v in environ.items() if k not in own}
    assert written.diagnostics == ()


@pytest.mark.parametrize("name", ["engine-28-aliases", "engine-28-collision"])
def test_links_whose_variables_clash_are_written_as_by_the_engine(name: str) -> None:
    record = load(name)
    written = [link.to_environ(secrets=True) for link in linked(record)]
    environ = {k: v for k, v in record["environ"].items() if k not in {"PATH", "HOSTNAME", "HOME"}}
    assert environ.keys() == {variable for each in written for variable in each}
    for variable, value in environ.items():
        assert value in {each.get(variable) for each in written}


# Reading

READINGS: dict[str, tuple[dict[str, str], list[str]]] = {
    "nothing": ({}, []),
    "one port": (DB, ["docker db 172.17.0.2 80/tcp"]),
    "two ports": ({**DB, **port("DB", 443)}, ["docker db 172.17.0.2 80/tcp 443/tcp"]),
    "one number, two protocols": (
        {**port("DNS", 53), **port("DNS", 53, protocol="udp"), "DNS_NAME": "/web/dns"},
        ["docker dns 172.17.0.2 53/tcp 53/udp"],
    ),
    "sctp and no tcp": (
        {
            **port("SS7", 9, protocol="udp"),
            **port("SS7", 3868, protocol="sctp"),
            "SS7_NAME": "/web/ss7",
        },
        ["docker ss7 172.17.0.2 3868/sctp 9/udp"],
    ),
    "range marks of the first engines, by which 81 would be a port": (
        {
            **port("DB", 80),
            **port("DB", 82),
            "DB_PORT_80_TCP_START": "tcp://172.17.0.2:80",
            "DB_PORT_80_TCP_PORT_START": "80",
            "DB_PORT_80_TCP_END": "tcp://172.17.0.2:82",
            "DB_PORT_80_TCP_PORT_END": "82",
            "DB_NAME": "/web/db",
        },
        ["docker db 172.17.0.2 80/tcp 82/tcp"],
    ),
    "a range in the name itself": (
        {**port("ER", "7000-7002", protocol="udp"), "ER_NAME": "/web/er"},
        ["docker er 172.17.0.2 7000/udp 7001/udp 7002/udp"],
    ),
    "a protocol in upper case": (
        {
            "DB_PORT_81_TCP": "TCP://172.17.0.2:81",
            "DB_PORT_81_TCP_PROTO": "TCP",
            "DB_NAME": "/web/db",
        },
        ["docker db 172.17.0.2 81/tcp"],
    ),
    "overlapping ranges": (
        {**port("DB", "1-2"), **port("DB", "2-3"), "DB_NAME": "/web/db"},
        ["docker db 172.17.0.2 1/tcp 2/tcp 3/tcp"],
    ),
    "one alias starts like another": (
        {**DB, **port("DB_REDIS", 6379, "172.17.0.3"), "DB_REDIS_NAME": "/web/db_redis"},
        ["docker db 172.17.0.2 80/tcp", "docker db_redis 172.17.0.3 6379/tcp"],
    ),
    "a hyphen": (
        {**port("MY_DB", 80), "MY_DB_NAME": "/web/my-db"},
        ["docker my-db 172.17.0.2 80/tcp"],
    ),
    "an underscore": (
        {**port("MY_DB", 80), "MY_DB_NAME": "/web/my_db"},
        ["docker my_db 172.17.0.2 80/tcp"],
    ),
    "capitals": (
        {**port("UDP_FIRST", 80), "UDP_FIRST_NAME": "/web/Udp_First"},
        ["docker Udp_First 172.17.0.2 80/tcp"],
    ),
    "a dot": (
        {**port("DB.LOCAL", 80), "DB.LOCAL_NAME": "/web/db.local"},
        ["docker db.local 172.17.0.2 80/tcp"],
    ),
    "a space and a newline": (
        {**port("A B\nC", 80), "A B\nC_NAME": "/web/a b\nc"},
        ["docker a b\nc 172.17.0.2 80/tcp"],
    ),
    "no ASCII": (
        {**port("STRAßE", 80), "STRAßE_NAME": "/web/straße"},
        ["docker straße 172.17.0.2 80/tcp"],
    ),
    "a slash, with a port": (
        {"Y_PORT": "tcp://172.17.0.2:80", **port("Y", 80), "Y_NAME": "/web/x/y"},
        ["docker y 172.17.0.2 80/tcp"],
    ),
    "an alias like a port variable": (
        {
            "SEA_PORT_80_TCP_PORT": "tcp://172.17.0.2:90",
            **port("SEA_PORT_80_TCP", 90),
            "SEA_PORT_80_TCP_NAME": "/web/sea_port_80_tcp",
        },
        ["docker sea_port_80_tcp 172.17.0.2 90/tcp"],
    ),
    "an alias like a peer's variable": (
        {**DB, **port("DB_ENV_X", 1, "172.17.0.3"), "DB_ENV_X_NAME": "/web/db-env-x"},
        ["docker db 172.17.0.2 80/tcp", "docker db-env-x 172.17.0.3 1/tcp"],
    ),
    "an alias that ends in ENV": (
        {**DB, **port("DB_ENV", 1, "172.17.0.3"), "DB_ENV_NAME": "/web/db-env"},
        ["docker db 172.17.0.2 80/tcp", "docker db-env 172.17.0.3 1/tcp"],
    ),
    "an alias of the very words": (
        {**port("PORT", 80), "PORT_NAME": "/web/port", "PORT_PORT": "tcp://172.17.0.2:80"},
        ["docker port 172.17.0.2 80/tcp"],
    ),
    "a peer's variables like a link": (
        {**DB, **port("DB_ENV_UP", 80, "10.0.0.1"), "DB_ENV_UP_NAME": "/db/up"},
        ["docker db 172.17.0.2 80/tcp"],
    ),
    "a peer's variables like a service": (
        {**DB, **port("DB_ENV_UP", 80, "10.0.0.1"), "DB_ENV_UP_SERVICE_HOST": "10.0.0.1"},
        ["docker db 172.17.0.2 80/tcp"],
    ),
    "a peer's variables like a link, and no name": (
        {**port("DB", 80), **port("DB_ENV_ENV_UP", 80, "10.0.0.1"), **port("DB_ENV", 9)},
        ["unconfirmed db 172.17.0.2 80/tcp"],
    ),
    "no port": ({"DB_NAME": "/web/db"}, ["docker db None"]),
    "no port variable but the first": (
        {"DB_NAME": "/web/db", "DB_PORT": "udp://172.17.0.2:53"},
        ["docker db 172.17.0.2 53/udp"],
    ),
    "three aliases of one peer": (
        {
            **DB,
            **port("DB_1", 80),
            **port("SHOP_DB_1", 80),
            "DB_1_NAME": "/shop_web_1/db_1",
            "SHOP_DB_1_NAME": "/shop_web_1/shop_db_1",
        },
        [f"docker {alias} 172.17.0.2 80/tcp" for alias in ("db", "db_1", "shop_db_1")],
    ),
    "no name": (port("DB_MAIN", 80), ["unconfirmed db_main 172.17.0.2 80/tcp"]),
    "IPv6 without brackets": (
        {**port("DB", 80, "fd00::2"), "DB_NAME": "/web/db"},
        ["docker db fd00::2 80/tcp"],
    ),
    "IPv6 in brackets": (
        {**port("DB", 80, "[fd00::2]"), "DB_PORT_80_TCP_ADDR": "fd00::0:2"},
        ["unconfirmed db fd00::2 80/tcp"],
    ),
    "the address of the first port wins": (
        {**port("DB", 80), **port("DB", 90, "172.17.0.3"), "DB_PORT": "tcp://172.17.0.3:90"},
        ["unconfirmed db 172.17.0.3 90/tcp"],
    ),
    "without a first port the lowest tcp port does": (
        {**port("DB", 90), **port("DB", 80, "172.17.0.3"), **port("DB", 1, "1.1.1.1", "udp")},
        ["unconfirmed db 172.17.0.3 80/tcp"],
    ),
    "a first port at another address changes nothing": (
        {**DB, "DB_PORT": "tcp://172.17.0.9:80"},
        ["docker db 172.17.0.2 80/tcp"],
    ),
    "application variables": (
        {"DB_PORT": "5432", "DB_NAME": "mydb", "DB_HOST": "db", "APP_ENV_FILE": ".env"},
        [],
    ),
    "a first port alone": ({"DB_PORT": "tcp://172.17.0.2:80"}, []),
    "a first port and a port that nothing confirms": (
        {"DB_PORT": "tcp://172.17.0.2:80", "DB_PORT_80_TCP": "tcp://172.17.0.2:80"},
        [],
    ),
    "companions alone": (
        {k: v for k, v in port("DB", 80).items() if k != "DB_PORT_80_TCP"},
        [],
    ),
    "no URL": ({"MY_PORT_1_TCP": "notaurl", "DB_PORT": "5432", "DB_NAME": "mydb"}, []),
    "the path of a file": ({"DB_NAME": "/var/lib/db", "DB_PORT": "5432"}, []),
    "a path of one element": ({"DB_NAME": "/db"}, []),
    "a path without a recipient": ({"DB_NAME": "//db"}, []),
    "a path without a slash before it": ({"DB_NAME": "shop/web/db"}, []),
    "a path of the same length": ({"DB_NAME": "/web/dc"}, []),
    "no prefix": ({"_NAME": "/web/", **port("", 80), "_PORT": "tcp://172.17.0.2:80"}, []),
    "no link variable, though it ends like one": (
        {"X_PORT_FOO_TCP": "80", "X_PORT_80_QUIC": "1", "X_ENV_TCP": "1", "X_PORT_80-_TCP": ""},
        [],
    ),
    "digits of another script": ({**port("DB", "٨٠")}, []),
    "a service": (
        {
            **port("REDIS_MASTER", 6379, "10.0.0.11"),
            "REDIS_MASTER_PORT": "tcp://10.0.0.11:6379",
            "REDIS_MASTER_SERVICE_HOST": "10.0.0.11",
            "REDIS_MASTER_SERVICE_PORT": "6379",
        },
        ["kubernetes redis-master 10.0.0.11 6379/tcp"],
    ),
    "a service and a name of the application": (
        {
            **port("REDIS", 6379, "10.0.0.11"),
            "REDIS_SERVICE_HOST": "10.0.0.11",
            "REDIS_NAME": "cache",
        },
        ["kubernetes redis 10.0.0.11 6379/tcp"],
    ),
    "a service of which a port has no companions": (
        {"DB_SERVICE_HOST": "10.0.0.1", "DB_PORT_80_TCP": "tcp://10.0.0.1:80"},
        ["kubernetes db 10.0.0.1 80/tcp"],
    ),
    "a service's port by name": (
        {
            **port("DB", 80, "10.0.0.1"),
            "DB_SERVICE_HOST": "10.0.0.1",
            "DB_SERVICE_PORT_80_TCP": "80",
        },
        ["kubernetes db 10.0.0.1 80/tcp"],
    ),
    "a service that is called service": (
        {
            **port("DB", 80, "10.0.0.1"),
            **port("DB_SERVICE", 90, "10.0.0.2"),
            "DB_SERVICE_HOST": "10.0.0.1",
            "DB_SERVICE_SERVICE_HOST": "10.0.0.2",
        },
        ["kubernetes db 10.0.0.1 80/tcp", "kubernetes db-service 10.0.0.2 90/tcp"],
    ),
    "services are no peers' variables": (
        {
            **port("DB", 80, "10.0.0.1"),
            **port("DB_ENV_X", 90, "10.0.0.2"),
            "DB_SERVICE_HOST": "10.0.0.1",
            "DB_ENV_X_SERVICE_HOST": "10.0.0.2",
        },
        ["kubernetes db 10.0.0.1 80/tcp", "kubernetes db-env-x 10.0.0.2 90/tcp"],
    ),
    "a service's host alone": ({"AUTH_SERVICE_HOST": "auth", "AUTH_SERVICE_PORT": "80"}, []),
    "a service's host and first port": (
        {"DB_SERVICE_HOST": "10.0.0.1", "DB_PORT": "tcp://10.0.0.1:80"},
        [],
    ),
}


@pytest.mark.parametrize("environ, expected", READINGS.values(), ids=READINGS)
def test_an_environment_tells_of_these_links(environ: dict[str, str], expected: list[str]) -> None:
    assert told(environ) == expected


NOTHING_ODD = [
    "application variables",
    "companions alone",
    "a first port alone",
    "the path of a file",
    "a path of the same length",
    "no link variable, though it ends like one",
    "a range in the name itself",
    "a protocol in upper case",
    "IPv6 in brackets",
    "an alias like a port variable",
    "an alias like a peer's variable",
    "a peer's variables like a link",
    "a peer's variables like a link, and no name",
    "a service's port by name",
    "a service and a name of the application",
    "a service that is called service",
    "a service's host alone",
    "three aliases of one peer",
]


@pytest.mark.parametrize("case", NOTHING_ODD)
def test_nothing_is_odd_about(case: str) -> None:
    assert odd(READINGS[case][0]) == {}


def test_variables_of_a_peer_go_to_the_longest_prefix() -> None:
    environ = {
        **DB,
        "DB_ENV_NAME": "/web/db-env",
        "DB_ENV_A": "of db",
        "DB_ENV_": "empty name",
        "DB_ENV_ENV_A": "of db-env",
        "DB_ENV_X_PORT_1_TCP_ADDR": "of db, too",
        "DB_ENV_MULTI": "line1\nline2=x",
        "CACHE_ENV_A": "of nobody",
    }
    [db, db_env] = Link.from_environ(environ)
    assert db.environ == {
        "A": "of db",
        "": "empty name",
        "X_PORT_1_TCP_ADDR": "of db, too",
        "MULTI": "line1\nline2=x",
    }
    assert db_env.environ == {"A": "of db-env"}


def test_only_a_name_makes_variables_the_environment_of_a_peer() -> None:
    service = {**port("DB", 80), "DB_SERVICE_HOST": "172.17.0.2", "DB_ENV_PASSWORD": "s3cret"}
    bare = {**port("DB", 80), "DB_ENV_PASSWORD": "s3cret"}
    links = (*Link.from_environ(service), *Link.from_environ(bare))
    assert [link.environ for link in links] == [SecretMap(), SecretMap()]


def test_the_recipient_is_the_first_element_of_the_name() -> None:
    [link] = Link.from_environ({"DB_NAME": "/shop_web_1/db"})
    assert (link.recipient, link.peer) == ("shop_web_1", None)


def test_links_come_sorted_by_alias() -> None:
    environ = {f"{alias.upper()}_NAME": f"/web/{alias}" for alias in ("web2", "a", "Web1", "db")}
    assert [link.alias for link in Link.from_environ(environ)] == ["Web1", "a", "db", "web2"]


def test_the_order_of_variables_does_not_matter() -> None:
    for environ in (*(environ for environ, _ in READINGS.values()), load("engine-20")["environ"]):
        backwards = dict(reversed(environ.items()))
        assert Link.read_environ(backwards) == Link.read_environ(environ)


# What is odd

ODD: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "no URL": ({"DB_PORT_90_TCP": "90"}, {"DB_PORT_90_TCP": URL_EXPECTED}),
    "no URL, and no link": ({"MY_PORT_1_TCP": "notaurl"}, {"MY_PORT_1_TCP": URL_EXPECTED}),
    "a host name": ({"DB_PORT_90_TCP": "tcp://db:90"}, {"DB_PORT_90_TCP": NO_ADDRESS}),
    "a scope": (
        {"DB_PORT_90_TCP": "tcp://fe80::1%eth0:90"},
        {"DB_PORT_90_TCP": "expected an IPv6 address without a scope"},
    ),
    "a protocol nobody knows": (
        {"DB_PORT_90_TCP": "http://172.17.0.2:90"},
        {"DB_PORT_90_TCP": URL_EXPECTED},
    ),
    "a long s for an s": (
        {"DB_PORT_9_SCTP": "\u017fctp://172.17.0.2:9"},
        {"DB_PORT_9_SCTP": URL_EXPECTED},
    ),
    "another number in the URL": (
        {"DB_PORT_90_TCP": "tcp://172.17.0.2:91"},
        {"DB_PORT_90_TCP": OTHER_PORT},
    ),
    "a range in the URL alone": (
        {"DB_PORT_90_TCP": "tcp://172.17.0.2:90-91"},
        {"DB_PORT_90_TCP": OTHER_PORT},
    ),
    "another protocol in the URL": (
        {"DB_PORT_90_TCP": "udp://172.17.0.2:90"},
        {"DB_PORT_90_TCP": OTHER_PORT},
    ),
    "port 0": ({"DB_PORT_0_TCP": "tcp://172.17.0.2:0"}, {"DB_PORT_0_TCP": NO_PORT}),
    "a port too high": ({"DB_PORT_65536_TCP": "tcp://1.1.1.1:1"}, {"DB_PORT_65536_TCP": NO_PORT}),
    "a port too high in the URL": (
        {"DB_PORT_90_TCP": "tcp://172.17.0.2:99999"},
        {"DB_PORT_90_TCP": NO_PORT},
    ),
    "a range downwards": (
        {"DB_PORT_91-90_TCP": "tcp://1.1.1.1:91-90"},
        {"DB_PORT_91-90_TCP": NO_PORT},
    ),
    "a range too wide": (
        {"DB_PORT_1-16385_TCP": "tcp://172.17.0.2:1-16385"},
        {"DB_PORT_1-16385_TCP": "the range has more than 16384 ports"},
    ),
    "another _ADDR": ({"DB_PORT_80_TCP_ADDR": "172.17.0.3"}, {"DB_PORT_80_TCP_ADDR": DISAGREES}),
    "an _ADDR that is none": ({"DB_PORT_80_TCP_ADDR": "db"}, {"DB_PORT_80_TCP_ADDR": DISAGREES}),
    "another _PORT": ({"DB_PORT_80_TCP_PORT": "81"}, {"DB_PORT_80_TCP_PORT": DISAGREES}),
    "another _PROTO": ({"DB_PORT_80_TCP_PROTO": "udp"}, {"DB_PORT_80_TCP_PROTO": DISAGREES}),
    "a first port that is no other": (
        {"DB_PORT": "tcp://172.17.0.2:81"},
        {"DB_PORT": "no port variable has this URL"},
    ),
    "another address": (
        {**port("DB", 90, "172.17.0.3"), "DB_PORT": "tcp://172.17.0.2:80"},
        {"DB_PORT_90_TCP": SHARED},
    ),
    "a port that nothing confirms": (
        {"MY_PORT_1_TCP": "tcp://172.17.0.2:1"},
        {"MY_PORT_1_TCP": UNBACKED},
    ),
    "a name that does not fold to its prefix": (
        {**port("MY", 1), "MY_NAME": "/web/your"},
        {"MY_NAME": MISFIT},
    ),
    "another host of a service": (
        {**port("MY", 1), "MY_SERVICE_HOST": "10.0.0.1"},
        {"MY_SERVICE_HOST": "it disagrees with the port variables"},
    ),
    "bytes": (
        {"DB_PORT_90_TCP": b"tcp://172.17.0.2:90"},
        {"DB_PORT_90_TCP": "the value is not text"},
    ),
    "a name beyond all bounds": (
        {"X" * 1019 + "_PORT_1_TCP": "tcp://172.17.0.2:1"},
        {"X" * 1019 + "_PORT_1_TCP": "the name has more than 1024 characters"},
    ),
    "megabytes of an URL": (
        {"DB_PORT_90_TCP": "tcp://" + ":" * 2**20},
        {"DB_PORT_90_TCP": URL_EXPECTED},
    ),
    "megabytes of an address": (
        {"DB_PORT_80_TCP_ADDR": "172.17.0.2" + " " * 2**20},
        {"DB_PORT_80_TCP_ADDR": DISAGREES},
    ),
}


@pytest.mark.parametrize("more, expected", ODD.values(), ids=ODD)
def test_an_odd_variable_is_named_and_loses_no_other(
    more: dict[str, Any], expected: dict[str, str]
) -> None:
    environ = {**DB, **more}
    assert odd(environ) == expected
    assert "docker db 172.17.0.2 80/tcp" in told(environ)


def test_a_port_whose_companion_disagrees_confirms_no_link() -> None:
    environ = {**port("DB", 80), **port("DB", 90), "DB_PORT_80_TCP_PORT": "81"}
    assert told(environ) == ["unconfirmed db 172.17.0.2 90/tcp"]
    assert odd(environ) == {"DB_PORT_80_TCP_PORT": DISAGREES, "DB_PORT_80_TCP": UNBACKED}


def test_a_companion_that_a_longer_prefix_owns_is_not_compared() -> None:
    environ = {
        **DB,
        "DB_PORT_80_TCP_PORT": "tcp://172.17.0.3:90",
        **port("DB_PORT_80_TCP", 90, "172.17.0.3"),
        "DB_PORT_80_TCP_NAME": "/web/db-port-80-tcp",
    }
    assert Link.read_environ(environ).diagnostics == ()
    assert told(environ) == [
        "docker db 172.17.0.2 80/tcp",
        "docker db-port-80-tcp 172.17.0.3 90/tcp",
    ]


@pytest.mark.parametrize(
    "environ",
    [
        {"": "", "=": "=", "\udcff_NAME": "/web/\udcff", "_PORT_80_TCP": "x", "_ENV_": ""},
        {None: "x", 5: "y", b"DB_PORT_80_TCP": b"z", ("DB_NAME",): "/web/db"},
        {"SHELL": b"/bin/sh", "UID": 0},
        {"DB_NAME": "/" * 2**20},
        {"DB_NAME": "/web/" + "ß" * 2**20, "APP_ENV_TEXT": "x" * 2**20},
        {"_PORT_80_TCP" * 2**16: "tcp://172.17.0.2:80"},
    ],
    ids=[
        "empty and undecodable",
        "names not text",
        "values not text",
        "slashes",
        "long",
        "long name",
    ],
)
def test_whatever_stands_in_an_environment_the_rest_is_read(environ: dict[Any, Any]) -> None:
    assert "docker db 172.17.0.2 80/tcp" in told({**environ, **DB})


def test_an_undecodable_alias_is_an_alias() -> None:
    [link] = Link.from_environ({"\udcff_NAME": "/web/\udcff"})
    assert link.alias == "\udcff"


def test_the_environment_of_a_peer_shows_nowhere() -> None:
    secrets: dict[str, Any] = {
        "DB_ENV_PASSWORD": "s3cret",
        "DB_ENV_TOKEN": b"s3cret",
        "MY_PORT_80_TCP": "s3cret",
        "DB_PORT_80_TCP_ADDR": "s3cret",
        "DB_PORT_81_TCP": "tcp://s3cret:81",
    }
    report = Link.read_environ({**DB, **secrets})
    assert report.links[0].environ["PASSWORD"] == "s3cret"  # noqa: S105  a dummy
    assert len(report.diagnostics) == 4
    assert "s3cret" not in f"{report} {report.links[0]} {report.diagnostics[0]}"


# Writing


def test_without_an_address_only_the_name_is_written() -> None:
    link = Link("db", "web", ports=(Port(80),), environ={"A": "1"})
    assert link.to_environ(secrets=True) == {"DB_NAME": "/web/db", "DB_ENV_A": "1"}


def test_without_ports_only_the_name_is_written() -> None:
    assert Link("db", "web", addresses=(FOUR,)).to_environ() == {"DB_NAME": "/web/db"}


def test_without_a_recipient_no_name_is_written() -> None:
    environ = Link("db", addresses=(FOUR,), ports=(Port(80),)).to_environ()
    assert environ == {"DB_PORT": "tcp://172.17.0.2:80", **port("DB", 80)}


def test_the_environment_of_the_peer_is_written_on_request_only() -> None:
    link = Link("db", "web", environ={"PASSWORD": "s3cret", "HOME": "/", "PATH": "/bin", "E": ""})
    assert link.to_environ() == {"DB_NAME": "/web/db"}
    assert link.to_environ(secrets=True) == {
        "DB_NAME": "/web/db",
        "DB_ENV_PASSWORD": "s3cret",
        "DB_ENV_E": "",
    }


@pytest.mark.parametrize(
    "addresses, url, bare",
    [
        ((SIX, FOUR), "tcp://172.17.0.2:80", "172.17.0.2"),
        ((SIX,), "tcp://[fd00::2]:80", "fd00::2"),
    ],
    ids=["the first IPv4 address", "IPv6 in brackets, bare in _ADDR"],
)
def test_the_written_address_is(addresses: tuple[Any, ...], url: str, bare: str) -> None:
    environ = Link("db", "web", addresses=addresses, ports=(Port(80),)).to_environ()
    assert (environ["DB_PORT"], environ["DB_PORT_80_TCP"]) == (url, url)
    assert environ["DB_PORT_80_TCP_ADDR"] == bare


@pytest.mark.parametrize(
    "ports, marks",
    [
        (["80/tcp"], []),
        (["80/tcp", "82/tcp"], []),
        (["80/tcp", "81/udp"], []),
        (["80/tcp", "81/tcp"], ["80_TCP 80-81"]),
        (["80/tcp", "81/tcp", "90/tcp"], ["80_TCP 80-81"]),
        (["79/tcp", "81/tcp", "82/tcp", "9/udp", "10/udp"], ["81_TCP 81-82", "9_UDP 9-10"]),
    ],
    ids=["one", "a gap", "two protocols", "the last two", "before the last", "two runs"],
)
def test_runs_of_numbers_are_marked_as_ranges(ports: list[str], marks: list[str]) -> None:
    link = Link("db", addresses=(FOUR,), ports=tuple(map(Port.parse, ports)))
    environ = link.to_environ()
    found = [k.removesuffix("_PORT_START") for k in environ if k.endswith("_PORT_START")]
    assert marks == [
        f"{k.removeprefix('DB_PORT_')} {environ[f'{k}_PORT_START']}-{environ[f'{k}_PORT_END']}"
        for k in found
    ]
    assert all(environ[f"{k}_START"] == environ[k] for k in found)


def test_a_range_is_marked_after_the_port_that_shows_its_end() -> None:
    ports = tuple(map(Port.parse, ("80/tcp", "81/tcp", "9/udp", "10/udp")))
    names = list(Link("db", addresses=(FOUR,), ports=ports).to_environ())
    marks = names[names.index("DB_PORT_9_UDP_PROTO") + 1 : names.index("DB_PORT_10_UDP")]
    assert marks == [f"DB_PORT_80_TCP_{m}" for m in ("START", "PORT_START", "END", "PORT_END")]


@pytest.mark.parametrize(
    "secrets, names",
    [
        (False, []),
        (True, ["DB_ENV_E", "DB_ENV_PASSWORD"]),
        ([], []),
        (["PASSWORD", "no such"], ["DB_ENV_PASSWORD"]),
        ({"HOME", "PATH"}, ["DB_ENV_HOME", "DB_ENV_PATH"]),
    ],
    ids=["no", "all that an engine copies", "no names", "by name", "what an engine never copies"],
)
def test_secrets_are_written_as_asked_for(secrets: Any, names: list[str]) -> None:
    link = Link("db", environ={"PASSWORD": "s3cret", "HOME": "/", "PATH": "/bin", "E": ""})
    assert sorted(link.to_environ(secrets=secrets)) == names
    assert sorted(links_environ([link], secrets=secrets).variables) == names


@pytest.mark.parametrize("text", ["PASSWORD", b"BYTES", ""], ids=["text", "bytes", "empty"])
def test_a_single_text_is_no_list_of_secrets(text: Any) -> None:
    for write in (Link("db").to_environ, lambda **how: links_environ([Link("db")], **how)):
        with pytest.raises(TypeError, match="not a single text"):
            write(secrets=text)


def endpoint(host: str, number: int, container_port: str) -> Endpoint:
    of = Port.parse(container_port)
    address = ip_address(host) if host[0].isdigit() or ":" in host else host
    return Endpoint(address, number, of.protocol, container_port=of)


def test_where_there_are_endpoints_they_are_written() -> None:
    ports = (Port(80), Port(81), Port(82), Port(9, "udp"))
    ways = (
        *(endpoint("127.0.0.1", 8080, "80"), endpoint("127.0.0.1", 8081, "81")),
        *(endpoint("::1", 8080, "80"), endpoint("dock.example", 9, "9/udp")),
    )
    environ = Link("db", "web", addresses=(FOUR,), ports=ports, endpoints=ways).to_environ()
    assert {name: value for name, value in environ.items() if "://" in value} == {
        "DB_PORT": "tcp://127.0.0.1:8080",
        "DB_PORT_80_TCP": "tcp://127.0.0.1:8080",
        "DB_PORT_81_TCP": "tcp://127.0.0.1:8081",
        "DB_PORT_82_TCP": "tcp://172.17.0.2:82",
        "DB_PORT_9_UDP": "udp://dock.example:9",
        "DB_PORT_80_TCP_START": "tcp://127.0.0.1:8080",
        "DB_PORT_80_TCP_END": "tcp://127.0.0.1:8081",
    }
    assert (environ["DB_PORT_80_TCP_ADDR"], environ["DB_PORT_80_TCP_PORT"]) == ("127.0.0.1", "8080")
    assert environ["DB_PORT_9_UDP_ADDR"] == "dock.example"


def test_the_variables_of_a_service_are_those_of_kubernetes() -> None:
    link = Link("db-main", "web", addresses=(FOUR,), ports=(Port(80), Port(81)))
    environ = link.to_environ(kind=LinkKind.KUBERNETES)
    assert environ == {
        "DB_MAIN_SERVICE_HOST": "172.17.0.2",
        "DB_MAIN_SERVICE_PORT": "80",
        "DB_MAIN_PORT": "tcp://172.17.0.2:80",
        **port("DB_MAIN", 80),
        **port("DB_MAIN", 81),
    }
    [read] = Link.from_environ(environ)
    assert (read.alias, read.kind, read.ports) == ("db-main", LinkKind.KUBERNETES, link.ports)
    assert Link("db").to_environ(kind=LinkKind.KUBERNETES) == {}


def test_of_links_whose_variables_collide_the_first_is_written_whole() -> None:
    one, two, three = (
        Link(alias, "web", addresses=(ip_address(f"172.17.0.{n}"),), ports=(Port(n),))
        for n, alias in enumerate(("a-b", "a_b", "c"), 2)
    )
    written = links_environ([one, two, three])
    assert written.variables == {**one.to_environ(), **three.to_environ()}
    assert list(written.variables) == [*one.to_environ(), *three.to_environ()]
    assert list(map(str, written.diagnostics)) == [
        "links: a_b: left out: A_B_PORT is already said otherwise by a-b"
    ]
    assert links_environ([one, one]).diagnostics == ()
    secret = evolve(one, environ=SecretMap({"PASSWORD": "s3cret"}))
    assert "s3cret" not in repr(links_environ([secret], secrets=True))


@pytest.mark.parametrize(
    "link, lines",
    [
        (Link("db"), []),
        (Link("db", addresses=(SIX, FOUR)), ["172.17.0.2\tdb", "fd00::2\tdb"]),
        (Link("db", peer="postgres", addresses=(FOUR, FOUR)), ["172.17.0.2\tdb postgres"]),
        (Link("db", peer="db", addresses=(FOUR,)), ["172.17.0.2\tdb"]),
        (Link("db", peer="shop/db", addresses=(FOUR,)), ["172.17.0.2\tdb"]),
        (Link("db", peer="a b", addresses=(FOUR,)), ["172.17.0.2\tdb"]),
        (Link("x/y", addresses=(FOUR,)), ["172.17.0.2\ty"]),
        (
            Link("db", addresses=(FOUR,), endpoints=(endpoint("10.0.0.1", 80, "80"),)),
            ["10.0.0.1\tdb"],
        ),
        (Link("db", addresses=(FOUR,), endpoints=(endpoint("10.0.0.1", 8080, "80"),)), []),
        (Link("db", endpoints=(endpoint("dock.example", 80, "80"),)), []),
    ],
    ids=[
        *("no address", "IPv4 first", "the peer's name", "the same name", "of a project"),
        *("a name with a blank", "the last element", "dialled elsewhere", "another port"),
        "a host name",
    ],
)
def test_the_lines_of_a_hosts_file(link: Link, lines: list[str]) -> None:
    assert list(map(str, link.hosts_lines())) == lines


@pytest.mark.parametrize(
    "alias", ["", "a b", "a#b", "a\nb", "a\tb", "a\x00", "a\x85b", "a\u2028b", "a\udcff", "x" * 256]
)
def test_an_alias_that_a_hosts_file_cannot_carry_is_refused(alias: str) -> None:
    with pytest.raises(FormatError, match="a hosts file cannot carry it"):
        Link(alias, addresses=(FOUR,)).hosts_lines()


# Values


@pytest.mark.parametrize(
    "text, peer, alias, ports",
    [
        ("db", "db", "db", ()),
        ("shop/db", "shop/db", "db", ()),
        ("db:database", "db", "database", ()),
        ("db:database:5432", "db", "database", (Port(5432),)),
        ("db::53/udp", "db", "db", (Port(53, "udp"),)),
        ("db:", "db", "db", ()),
    ],
)
def test_what_to_link_is_parsed(text: str, peer: str, alias: str, ports: tuple[Port, ...]) -> None:
    assert Link.from_spec(text) == Link(alias, peer=peer, ports=ports)


@pytest.mark.parametrize("text", ["", ":db", "shop/", "db:x:", "db:x:y", "db:x:0", "db:x:80:81"])
def test_what_is_nothing_to_link_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        Link.from_spec(text)


def test_links_are_equal_wherever_they_were_learnt() -> None:
    one = Link("db", provenances=(Provenance.LEGACY,))
    assert one == Link("db", provenances=(Provenance.HOSTS,)) == Link("db")
    assert one != Link("db", networks=("app",))
    assert list(map(str, Provenance)) == [
        *("legacy link", "network link", "compose", "listed name", "network alias", "hosts file"),
        "variables",
    ]


@pytest.mark.parametrize(
    "text, peer, alias, recipient",
    [
        ("web", "web", "web", None),
        ("/web", "web", "web", None),
        ("web:dedoimedo", "web", "dedoimedo", None),
        ("web:x/y", "web", "x/y", None),
        ("web: $1", "web", " $1", None),
        ("0123456789ab", "0123456789ab", "0123456789ab", None),
        ("/web:/tour/dedoimedo", "web", "dedoimedo", "tour"),
        ("/web:/tour/x/y", "web", "y", "tour"),
        ("/web:/dedoimedo", "web", "dedoimedo", None),
        ("/web:dedoimedo", "web", "dedoimedo", None),
    ],
)
def test_a_link_is_parsed(text: str, peer: str, alias: str, recipient: str | None) -> None:
    assert Link.parse(text) == Link(alias, recipient, peer)


@pytest.mark.parametrize("text", ["", ":", "web:", ":db", "/", "//web:db", "/web:/tour/"])
def test_a_link_without_a_name_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="web:dedoimedo") as caught:
        Link.parse(text)
    assert caught.value.text == text


def test_a_second_colon_is_refused_where_it_stands() -> None:
    with pytest.raises(FormatError, match="one colon at most") as caught:
        Link.parse("web:db:x")
    assert (caught.value.text, caught.value.position) == ("web:db:x", 6)


@pytest.mark.parametrize(
    "link, text",
    [
        (Link("dedoimedo", "tour", "web"), "web:dedoimedo"),
        (Link("web", None, "web"), "web:web"),
        (Link("dedoimedo", "tour"), "dedoimedo"),
    ],
    ids=["as given", "alias and peer alike", "peer not known"],
)
def test_a_link_is_shown_as_it_is_given(link: Link, text: str) -> None:
    assert str(link) == text


@pytest.mark.parametrize(
    "alias, prefix",
    [
        ("db", "DB"),
        ("db-main.v1", "DB_MAIN.V1"),
        ("Udp_First", "UDP_FIRST"),
        ("x/y", "Y"),
        ("a b$", "A B$"),
        ("größe-\u0131", "GRÖßE_I"),
        ("ŉᾳ", "ŉᾼ"),
        ("\ufb01-\udcff", "\ufb01_\udcff"),
    ],
)
def test_an_alias_folds_as_by_an_engine(alias: str, prefix: str) -> None:
    assert Link(alias).prefix == prefix


@pytest.mark.parametrize(
    "ports, first",
    [
        ([], None),
        (["53/udp", "80/tcp"], "80/tcp"),
        (["443/tcp", "80/tcp"], "80/tcp"),
        (["9/udp", "3868/sctp"], "3868/sctp"),
    ],
    ids=["none", "tcp before all", "the lowest", "sctp before udp"],
)
def test_the_port_is_the_one_that_engines_name_first(ports: list[str], first: str | None) -> None:
    link = Link("db", addresses=(FOUR,), ports=tuple(map(Port.parse, ports)))
    assert link.port == (first and Port.parse(first))
    assert (link.to_environ().get("DB_PORT") is None) == (first is None)


def test_ports_are_kept_once_and_in_order() -> None:
    ports = (Port(53, "udp"), Port(80), Port(9, "sctp"), Port(80), Port(53))
    assert " ".join(map(str, Link("db", ports=ports).ports)) == "53/tcp 80/tcp 9/sctp 53/udp"


def test_the_address_is_the_first() -> None:
    assert Link("db", addresses=(SIX, FOUR)).address == SIX
    assert Link("db").address is None


def test_a_link_is_a_value() -> None:
    link = Link("db", "web", "postgres", (FOUR,), (Port(80),), {"A": "1"}, LinkKind.DOCKER)
    assert link == pickle.loads(pickle.dumps(link))  # noqa: S301  just written
    assert len({link, evolve(link), evolve(link, environ=SecretMap())}) == 2
    with pytest.raises(FrozenInstanceError):
        cast("Any", link).alias = "other"
