"""The source of names, against name servers on loopback, blocking and awaited alike."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from nameserver import (
    PATIENCE,
    Answer,
    NameServer,
    code,
    cut,
    name_server,
    raw,
    records,
    silence,
)

from dockernet import (
    Diagnostic,
    Dns,
    Fact,
    FormatError,
    Freshness,
    HostsFile,
    Interface,
    PeerNotFoundError,
    Resolver,
    Route,
    Source,
    SourceError,
    Target,
    Vantage,
    VantageKind,
    Want,
)
from dockernet.sources.dns import _Messages, ask_server

DOCKER, PODMAN, SECOND = "127.0.0.11", "127.0.0.5", "127.0.0.6"
SHORT = 0.25  # seconds; for servers that say nothing
LONG = 60.0  # seconds; nobody waits for these

NEAR = Vantage(
    kind=VantageKind.CONTAINER,
    hostname="0123456789ab",
    interfaces=(
        Interface(
            name="eth0",
            addresses=(ip_address("10.7.0.9"), ip_address("fd07::9")),
            subnets=(ip_network("10.7.0.0/24"), ip_network("fd07::/64")),
        ),
        Interface(name="lo", addresses=(ip_address("127.0.0.1"),)),
    ),
    gateways=(ip_address("10.7.0.1"), ip_address(PODMAN)),
)

Said = tuple[Fact | Diagnostic, ...]
Ask = Callable[..., Said]


@pytest.fixture(params=["read", "aread"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Ask a source for a name, or for every peer, through one of its two faces."""

    def asked(dns: Dns, name: str | None = "db", vantage: Vantage = NEAR) -> Said:
        want = Want(None if name is None else Target.parse(name), vantage)
        said = dns.read(want) if request.param == "read" else asyncio.run(dns.aread(want))
        assert isinstance(said, tuple)
        return said

    return asked


@pytest.fixture
def conf(tmp_path: Path) -> Callable[[str], Path]:
    """A file of name servers."""

    def written(text: str) -> Path:
        path = tmp_path / "resolv.conf"
        path.write_text(text)
        return path

    return written


Conf = Callable[[str], Path]


def dockers(server: NameServer, conf: Conf, **how: Any) -> Dns:
    path = conf(f"nameserver {DOCKER}\noptions ndots:0\n")
    return Dns(path=path, port=server.port, **{"timeout": LONG, "sweep_timeout": LONG, **how})


def facts(said: Said) -> list[Fact]:
    return [item for item in said if isinstance(item, Fact)]


def addresses(said: Said) -> list[str]:
    return [str(a) for fact in facts(said) for a in fact.addresses]


def odd(said: Said) -> list[str]:
    return [str(item) for item in said if isinstance(item, Diagnostic)]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with much else to do may answer late."""
    monkeypatch.setattr("dockernet.sources._dns.lookup._GRACE", LONG)
    monkeypatch.setattr("dockernet.sources._dns.neighbours._PATIENCE", LONG)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch, patient: None) -> None:
    """Waits are as short as they are, for what never comes."""
    del patient
    monkeypatch.undo()


# A name that is known.


def test_a_name_is_one_fact_with_its_addresses_of_both_families(ask: Ask, conf: Conf) -> None:
    zone = {"db": "fd07::5 10.7.0.20 10.7.0.3"}
    with name_server(zone, address=DOCKER) as server:
        said = ask(dockers(server, conf))
    [fact] = said
    assert fact == Fact(
        source="dns",
        names=("db",),
        addresses=tuple(map(ip_address, ("10.7.0.3", "10.7.0.20", "fd07::5"))),
        route=Route.SHARED_NETWORK,
        freshness=Freshness.ANSWERED,
    )
    assert sorted(server.asked) == [("db", "A", "udp"), ("db", "AAAA", "udp")]


@pytest.mark.parametrize(
    "name", ["db", "tasks.web", "a_b", "db.shop_default", "CamelAlias", "c++", "0123456789ac"]
)
def test_the_name_is_asked_for_as_it_is(ask: Ask, conf: Conf, name: str) -> None:
    with name_server({name: "10.7.0.3"}, address=DOCKER) as server:
        said = ask(dockers(server, conf), name)
    assert (addresses(said), server.names) == (["10.7.0.3"], [name])
    assert facts(said)[0].names == (name,)


def test_the_case_of_an_alias_counts(ask: Ask, conf: Conf) -> None:
    with name_server({"CamelAlias": "10.7.0.3"}, address=DOCKER) as server:
        said = ask(dockers(server, conf), "camelalias")
    assert (facts(said), odd(said)) == ([], ["dns: camelalias: 127.0.0.11 knows no such name"])


def test_nothing_is_kept_from_one_question_to_the_next(ask: Ask, conf: Conf) -> None:
    with name_server({"db": "10.7.0.3"}, address=DOCKER) as server:
        dns = dockers(server, conf)
        assert ask(dns) == ask(dns)
    assert len(server.asked) == 4


@pytest.mark.usefixtures("hasty")
def test_a_family_that_is_never_answered_is_not_waited_for(ask: Ask, conf: Conf) -> None:
    """As with an engine that forwards it to a server out of reach."""
    answers = {("db", "AAAA"): silence}
    with name_server({"db": "10.7.0.3"}, answers, address=DOCKER) as server:
        said = ask(dockers(server, conf))
    assert addresses(said) == ["10.7.0.3"]
    assert odd(said) == ["dns: db: 127.0.0.11 has no word on its IPv6 addresses"]
    assert len(server.asked) == 2  # it would have been asked again meanwhile


@pytest.mark.parametrize("other", ["NXDOMAIN", "NOERROR"])
def test_an_ipv4_only_name_is_nothing_odd(ask: Ask, conf: Conf, other: str) -> None:
    answers = {("db", "AAAA"): code(other)}
    with name_server({"db": "10.7.0.3"}, answers, address=DOCKER) as server:
        said = ask(dockers(server, conf))
    assert (addresses(said), odd(said)) == (["10.7.0.3"], [])


def test_a_question_that_got_lost_is_sent_again(ask: Ask, conf: Conf) -> None:
    once = iter([silence])

    def second(query: Any) -> Iterable[bytes]:
        return next(once, records("db. A 10.7.0.3"))(query)

    with name_server({"db": ""}, {("db", "A"): second}, address=DOCKER) as server:
        said = ask(dockers(server, conf, timeout=2.0))
    assert (addresses(said), odd(said)) == (["10.7.0.3"], [])
    assert [kind for _, kind, _ in server.asked].count("A") == 2


def test_who_awaits_lets_others_run(conf: Conf) -> None:
    """The answer comes when another coroutine has had its turn."""
    turn = threading.Event()

    def answer(query: Any) -> Iterable[bytes]:
        return records("db. A 10.7.0.3")(query) if turn.wait(PATIENCE) else []

    async def other() -> None:
        turn.set()

    async def both(dns: Dns) -> Said:
        said, _ = await asyncio.gather(dns.aread(Want(Target.parse("db"), NEAR)), other())
        return said

    with name_server({"db": ""}, {("db", "A"): answer}, address=DOCKER) as server:
        assert addresses(asyncio.run(both(dockers(server, conf)))) == ["10.7.0.3"]


# A name that is not known, or a server that is not there.


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "answers, reason",
    [
        pytest.param({}, "127.0.0.11 knows no such name", id="no such name"),
        pytest.param(
            {"A": code("NOERROR"), "AAAA": code("NOERROR")},
            "127.0.0.11 has no address of a container for it",
            id="no address",
        ),
        pytest.param({"AAAA": silence}, "127.0.0.11 knows no such name", id="one is enough"),
    ],
)
def test_not_found_is_a_diagnostic(
    ask: Ask, conf: Conf, answers: dict[str, Answer], reason: str
) -> None:
    with name_server({}, answers, address=DOCKER) as server:
        said = ask(dockers(server, conf))
    assert said == (Diagnostic("dns", "db", reason),)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "answers, reason",
    [
        pytest.param({"A": silence, "AAAA": silence}, "did not answer", id="silence"),
        pytest.param({"A": silence, "AAAA": code("NOERROR")}, "did not answer", id="half"),
        pytest.param(
            {"A": code("SERVFAIL"), "AAAA": code("SERVFAIL")}, "answered SERVFAIL", id="SERVFAIL"
        ),
        pytest.param(
            {"A": code("REFUSED"), "AAAA": code("SERVFAIL")},
            "answered REFUSED and SERVFAIL",
            id="REFUSED",
        ),
        pytest.param(
            {"A": records("db. CNAME db."), "AAAA": records("db. CNAME db.")},
            "answered nonsense",
            id="nonsense",
        ),
    ],
)
def test_a_server_without_a_word_is_a_source_error(
    ask: Ask, conf: Conf, answers: dict[str, Answer], reason: str
) -> None:
    with (
        name_server({}, answers, address=DOCKER) as server,
        pytest.raises(SourceError, match=reason) as caught,
    ):
        ask(dockers(server, conf, timeout=SHORT))
    assert f"127.0.0.11 port {server.port}" in str(caught.value)
    assert "--dns" in str(caught.value)


def test_a_server_that_nobody_runs_is_a_source_error(ask: Ask, conf: Conf) -> None:
    with name_server(address=DOCKER) as server:
        dns = dockers(server, conf)
    with pytest.raises(SourceError, match=r"cannot be asked for db \(Connection refused\)"):
        ask(dns)


def test_unknown_to_every_source_is_peer_not_found(conf: Conf) -> None:
    with name_server(address=DOCKER) as server, pytest.raises(PeerNotFoundError):
        Resolver([dockers(server, conf)], vantage=NEAR).resolve("db:80")


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "answer, told, verdict",
    [
        (code("NXDOMAIN"), "knows no such name", "no source knows this name"),
        (code("SERVFAIL"), "answered SERVFAIL to the question", "no source could be asked"),
        (silence, "did not answer the question for db in time", "no source could be asked"),
    ],
    ids=["no such name", "SERVFAIL", "silence"],
)
def test_an_explanation_tells_no_such_name_from_failure_and_silence(
    conf: Conf, answer: Answer, told: str, verdict: str
) -> None:
    with name_server(unknown=answer, address=DOCKER) as server:
        dns = dockers(server, conf, timeout=SHORT)
        found = Resolver([dns], vantage=NEAR).explain("db:80")
    _, _, said, reason = str(found).splitlines()
    assert (said.strip(), told in reason) == (verdict, True)


# What is believed.

UPSTREAM = "comes from another name server: no network here has that container"
NOBODY = "cannot be a container's address"
ODD: dict[str, tuple[Answer, list[str], list[str]]] = {
    "for another name": (
        records("other. A 10.7.0.4", "db. A 10.7.0.3"),
        ["10.7.0.3"],
        ["1 records that nobody asked for were left out"],
    ),
    "by a chain": (
        records("db. CNAME real.", "real. CNAME last.", "last. A 10.7.0.3"),
        ["10.7.0.3"],
        [],
    ),
    "by a chain in another order": (
        records("real. A 10.7.0.3", "db. CNAME real."),
        ["10.7.0.3"],
        [],
    ),
    "by a chain that leads away": (
        records("db. CNAME real.", "other. A 10.7.0.3"),
        [],
        [
            "1 records that nobody asked for were left out",
            "127.0.0.11 has no address of a container for it",
        ],
    ),
    "beside another type": (records("db. TXT v=1", "db. A 10.7.0.3"), ["10.7.0.3"], []),
    "loopback": (
        records("db. A 127.0.0.1", "db. A 10.7.0.3"),
        ["10.7.0.3"],
        [f"127.0.0.1 {NOBODY}"],
    ),
    "nobody's": (
        records("db. A 0.0.0.0", "db. A 224.0.0.1", "db. A 169.254.1.1", "db. A 255.255.255.255"),
        [],
        [f"0.0.0.0, 169.254.1.1, 224.0.0.1 and 1 more {NOBODY}"],
    ),
    "a public site of that name": (
        records("db. A 93.184.216.34"),
        [],
        [f"93.184.216.34 {UPSTREAM}"],
    ),
    "a site and a container": (
        records("db. A 93.184.216.34", "db. A 10.7.0.3"),
        ["10.7.0.3"],
        [f"93.184.216.34 {UPSTREAM}"],
    ),
    "the gateway": (records("db. A 10.7.0.1"), [], [f"10.7.0.1 {UPSTREAM}"]),
    "no name at all": (
        records("db. A 10.7.0.3", ". A 10.7.0.4"),
        ["10.7.0.3"],
        ["1 records that nobody asked for were left out"],
    ),
}


@pytest.mark.parametrize("answer, kept, reasons", ODD.values(), ids=ODD)
def test_odd_answers_are_left_out(
    ask: Ask, conf: Conf, answer: Answer, kept: list[str], reasons: list[str]
) -> None:
    with name_server({"db": ""}, {("db", "A"): answer}, address=DOCKER) as server:
        said = ask(dockers(server, conf))
    assert (addresses(said), odd(said)) == (kept, [f"dns: db: {r}" for r in reasons])


@pytest.mark.parametrize("address", ["::", "::1", "fe80::1", "ff02::1", "::ffff:127.0.0.1"])
def test_ipv6_addresses_of_nobody_are_left_out(ask: Ask, conf: Conf, address: str) -> None:
    answers = {("db", "AAAA"): records(f"db. AAAA {address}")}
    with name_server({"db": "10.7.0.3"}, answers, address=DOCKER) as server:
        said = ask(dockers(server, conf))
    assert addresses(said) == ["10.7.0.3"]
    assert [NOBODY in reason for reason in odd(said)] == [True]


@pytest.mark.parametrize(
    "code_", [pytest.param("NXDOMAIN", id="no such name"), pytest.param("NOERROR", id="a loop")]
)
def test_an_answer_that_contradicts_itself_is_none(ask: Ask, conf: Conf, code_: str) -> None:
    lines = {"NXDOMAIN": ["db. A 10.7.0.3"], "NOERROR": ["db. CNAME a.", "a. CNAME db."]}[code_]
    answers = {("db", "A"): records(*lines, code=code_)}
    with (
        name_server({"db": ""}, answers, address=DOCKER) as server,
        pytest.raises(SourceError, match="nonsense"),
    ):
        ask(dockers(server, conf, timeout=SHORT))


# Messages of other kinds: the header's flags, and what is said to have been asked.
STRAYS = {
    "nothing": b"",
    "too short": b"ID\x80\x00",
    "rubbish": b"\xff" * 600,
    "a question": b"ID\x00\x00\0\1\0\0\0\0\0\0\2db\0\0\1\0\1",
    "for another name": b"ID\x80\x00\0\1\0\0\0\0\0\0\2bd\0\0\1\0\1",
    "of another type": b"ID\x80\x00\0\1\0\0\0\0\0\0\2db\0\0\x10\0\1",
    "another number": b"??\x80\x00\0\1\0\0\0\0\0\0\2db\0\0\1\0\1",
    "no question in it": b"ID\x80\x00\0\0\0\0\0\0\0\0",
    "a notification": b"ID\xa0\x00\0\1\0\0\0\0\0\0\2db\0\0\6\0\1",
}


@pytest.mark.parametrize("message", STRAYS.values(), ids=STRAYS)
def test_messages_that_answer_nothing_are_passed_over(ask: Ask, conf: Conf, message: bytes) -> None:
    def answer(query: Any) -> Iterable[bytes]:
        return [*raw(message)(query), *records("db. A 10.7.0.3")(query)]

    with name_server({"db": ""}, {("db", "A"): answer}, address=DOCKER) as server:
        said = ask(dockers(server, conf))
    assert addresses(said) == ["10.7.0.3"]
    assert odd(said) == ["dns: db: 1 messages that answer no question were left out"]


def test_a_second_answer_to_one_question_is_nothing_odd(ask: Ask, conf: Conf) -> None:
    def twice(query: Any) -> Iterable[bytes]:
        return [*records("db. A 10.7.0.3")(query), *records("db. A 10.7.0.4")(query)]

    answers = {("db", "A"): twice}
    with name_server({"db": ""}, answers, address=DOCKER) as server:
        said = ask(dockers(server, conf))
    assert (addresses(said), odd(said)) == (["10.7.0.3"], [])


def test_of_many_addresses_the_first_256_are_kept(ask: Ask, conf: Conf) -> None:
    many = [f"10.8.{n // 256}.{n % 256}" for n in range(1, 1000)]
    whole = records(*(f"db. A {a}" for a in reversed(many)))
    wide = Interface(name="eth0", subnets=(ip_network("10.8.0.0/16"),))
    vantage = evolve(NEAR, interfaces=(wide,))
    with name_server({"db": ""}, {("db", "A"): whole}, address=DOCKER) as server:
        said = ask(dockers(server, conf), vantage=vantage)
    assert addresses(said) == many[:256]
    assert odd(said) == ["dns: db: of 999 addresses the first 256 are kept"]


def test_where_no_subnet_is_known_every_address_is_kept(ask: Ask, conf: Conf) -> None:
    with name_server({"db": "93.184.216.34"}, address=DOCKER) as server:
        said = ask(dockers(server, conf), vantage=Vantage())
    assert addresses(said) == ["93.184.216.34"]


# What does not fit into a datagram.

MANY = records(*(f"db. A 10.7.0.{n}" for n in range(20, 120)))


def test_an_answer_that_was_cut_is_asked_for_by_tcp(ask: Ask, conf: Conf) -> None:
    with name_server(
        {"db": ""}, {("db", "A"): cut(MANY)}, over_tcp={("db", "A"): MANY}, address=DOCKER
    ) as server:
        said = ask(dockers(server, conf))
    assert (len(addresses(said)), odd(said)) == (100, [])
    assert ("db", "A", "tcp") in server.asked


def test_what_tcp_does_not_bring_is_told(ask: Ask, conf: Conf) -> None:
    """The first engines' servers of Podman listen for datagrams alone."""

    def half(query: Any) -> Iterable[bytes]:
        for whole in records("db. A 10.7.0.3")(query):
            yield whole[:2] + bytes([whole[2] | 2]) + whole[3:]

    answers = {("db", "A"): half}
    with name_server(
        {"db": ""}, answers, over_tcp={("db", "A"): silence}, address=DOCKER
    ) as server:
        said = ask(dockers(server, conf))
    assert addresses(said) == ["10.7.0.3"]
    assert odd(said) == ["dns: db: the answer was cut, and TCP did not bring the rest of it"]


# Podman's server.


def podmans(conf: Conf, port: int, *addresses: str, **how: Any) -> Dns:
    lines = [f"nameserver {a}\n" for a in (*addresses, "127.0.0.99")]
    path = conf("search dns.podman\n" + "".join(lines))
    return Dns(path=path, port=port, **{"sweep_timeout": LONG, **how})


@pytest.mark.parametrize("name", ["db", "DB", "db.dns.podman"])
def test_podmans_server_is_asked_below_its_own_domain(ask: Ask, conf: Conf, name: str) -> None:
    """So that it forwards nothing; and the case does not matter to it."""
    with name_server({"db.dns.podman": "10.7.0.3"}, address=PODMAN) as server:
        said = ask(podmans(conf, server.port, PODMAN), name)
    assert (addresses(said), odd(said)) == (["10.7.0.3"], [])
    assert facts(said)[0].names == (name,)
    assert server.names == ["db.dns.podman"]


def test_each_of_podmans_networks_has_a_server(ask: Ask, conf: Conf) -> None:
    near = evolve(NEAR, gateways=(*NEAR.gateways, ip_address(SECOND)))
    with (
        name_server(address=PODMAN) as first,
        name_server({"db.dns.podman": "10.7.0.3"}, address=SECOND, port=first.port),
    ):
        dns = podmans(conf, first.port, PODMAN, SECOND)
        assert addresses(said := ask(dns, vantage=near)) == ["10.7.0.3"]
        assert odd(said) == []
        assert odd(ask(dns, "nosuch", near)) == [
            f"dns: nosuch: {server} knows no such name" for server in (PODMAN, SECOND)
        ]


def test_a_name_is_not_absent_while_one_of_the_servers_cannot_be_asked(
    ask: Ask, conf: Conf
) -> None:
    near = evolve(NEAR, gateways=(*NEAR.gateways, ip_address(SECOND)))
    with name_server(address=PODMAN) as server, pytest.raises(SourceError, match=SECOND):
        ask(podmans(conf, server.port, PODMAN, SECOND), vantage=near)


# Where nobody is asked.

STRANGERS = "search example.org\nnameserver 127.0.0.1\n"
NOT_ASKED = {
    "a plain network": (
        STRANGERS,
        "no engine keeps 127.0.0.1; containers have names on user-defined networks alone",
    ),
    "no server": ("", "no name server that an engine keeps is known here"),
    "search alone": (
        "search dns.podman\nnameserver 127.0.0.1\n",
        "no engine keeps 127.0.0.1; containers have names on user-defined networks alone",
    ),
}


@pytest.mark.parametrize("name", ["db", None])
@pytest.mark.parametrize("text, reason", NOT_ASKED.values(), ids=NOT_ASKED)
def test_strangers_are_not_asked(
    ask: Ask, conf: Conf, text: str, reason: str, name: str | None
) -> None:
    with name_server({"db": "10.7.0.3"}) as server:
        said = ask(Dns(path=conf(text), port=server.port), name)
    assert said == (Diagnostic("dns", name or "neighbours", f"not asked: {reason}"),)
    assert server.asked == []


@pytest.mark.parametrize("path", ["missing", "resolv.conf/missing"])
def test_a_missing_file_names_no_server(ask: Ask, conf: Conf, path: str) -> None:
    [diagnostic] = ask(Dns(path=conf("").parent / path))
    assert "no name server" in str(diagnostic)


@pytest.mark.parametrize("place", ["", "a\0b"])
def test_a_file_that_cannot_be_read_is_a_source_error(ask: Ask, tmp_path: Path, place: str) -> None:
    with pytest.raises(SourceError, match=r"cannot be read .*: check its permissions"):
        ask(Dns(path=tmp_path / place))


@pytest.mark.parametrize(
    "target",
    [
        "10.7.0.3:80",
        "[fd07::3]",
        "shop/db",
        "host.docker.internal:80",
        "localhost",
        "api.localhost",
        "0123456789AB",
        "me",
    ],
)
def test_what_is_no_peers_name_is_not_asked_for(ask: Ask, conf: Conf, target: str) -> None:
    with name_server({target: "10.7.0.3"}, address=DOCKER) as server:
        said = ask(dockers(server, conf), target, evolve(NEAR, name="me"))
    assert (said, server.asked) == ((), [])


@pytest.mark.parametrize(
    "name, reason",
    [
        pytest.param("a b", "visible ASCII", id="space"),
        pytest.param("b\xfccher", "visible ASCII", id="umlaut"),
        pytest.param("f" * 64, "1 to 63", id="whole id"),
        pytest.param("a..b", "1 to 63", id="empty label"),
        pytest.param(".".join(["a" * 49] * 6), "at most 253", id="long"),
    ],
)
def test_what_is_no_dns_name_is_not_asked_for(ask: Ask, conf: Conf, name: str, reason: str) -> None:
    with name_server(address=DOCKER) as server:
        [diagnostic] = ask(dockers(server, conf), name)
    assert server.asked == []
    assert "not asked: " in str(diagnostic)
    assert reason in str(diagnostic)


# Servers that the user names.


def test_given_servers_are_asked_and_no_file_is_read(ask: Ask, tmp_path: Path) -> None:
    with name_server({"db": "10.7.0.3"}) as server:
        said = ask(Dns([server.address], port=server.port, path=tmp_path))
    assert addresses(said) == ["10.7.0.3"]
    assert facts(said)[0].route is Route.SHARED_NETWORK


def test_given_servers_may_know_addresses_elsewhere(ask: Ask) -> None:
    with name_server({"db": "93.184.216.34 10.7.0.3"}) as server:
        said = ask(Dns([ip_address("127.0.0.1")], port=server.port))
    assert addresses(said) == ["10.7.0.3", "93.184.216.34"]
    assert facts(said)[0].route is Route.GIVEN


def test_dockers_server_is_known_by_its_address(ask: Ask) -> None:
    with name_server({"db": "93.184.216.34"}, address=DOCKER) as server:
        said = ask(Dns([DOCKER], port=server.port))
    assert (addresses(said), odd(said)) == ([], [f"dns: db: 93.184.216.34 {UPSTREAM}"])


@pytest.mark.parametrize(
    "first", [silence, code("SERVFAIL"), code("REFUSED")], ids=["silent", "SERVFAIL", "REFUSED"]
)
def test_the_next_server_is_asked_where_the_first_has_no_word(ask: Ask, first: Answer) -> None:
    with (
        name_server(unknown=first) as one,
        name_server({"db": "10.7.0.3"}, address=SECOND, port=one.port),
    ):
        said = ask(Dns([one.address, SECOND], port=one.port, timeout=6 * SHORT))
    assert (addresses(said), odd(said)) == (["10.7.0.3"], [])


def test_the_word_of_the_first_server_counts(ask: Ask) -> None:
    with (
        name_server() as one,
        name_server({"db": "10.7.0.3"}, address=SECOND, port=one.port) as two,
    ):
        said = ask(Dns([one.address, SECOND], port=one.port))
    assert odd(said) == ["dns: db: 127.0.0.1 knows no such name"]
    assert two.asked == []


def test_all_servers_without_a_word_are_named(ask: Ask) -> None:
    with name_server(unknown=code("REFUSED")) as one, pytest.raises(SourceError) as caught:
        ask(Dns([one.address, SECOND], port=one.port))
    assert "127.0.0.1 port" in str(caught.value)
    assert "127.0.0.6 port" in str(caught.value)


def test_a_server_has_ipv6_addresses_too(ask: Ask) -> None:
    with name_server({"db": "10.7.0.3"}, address="::1") as server:
        assert addresses(ask(Dns(["::1"], port=server.port))) == ["10.7.0.3"]


@pytest.mark.parametrize(
    "options, names",
    [
        ("", ["db.one.example", "db.two.example", "db"]),
        ("options ndots:0\n", ["db", "db.one.example", "db.two.example"]),
        ("options ndots:x ndots:\n", ["db.one.example", "db.two.example", "db"]),
    ],
)
def test_everywhere_the_search_domains_are_tried(
    ask: Ask, conf: Conf, options: str, names: list[str]
) -> None:
    text = f"search one.example two.example. . {'x' * 250}\nnameserver 127.0.0.1\n{options}"
    with name_server() as server:
        said = ask(Dns(everywhere=True, path=conf(text), port=server.port))
    assert server.names == names
    assert odd(said) == ["dns: db: 127.0.0.1 knows no such name"]


def test_everywhere_the_first_domain_with_the_name_wins(ask: Ask, conf: Conf) -> None:
    zone = {"db.one.example": "10.7.0.3", "db": "10.7.0.4"}
    with name_server(zone) as server:
        path = conf("search one.example\nnameserver 127.0.0.1\n")
        said = ask(Dns(everywhere=True, path=path, port=server.port))
    assert (addresses(said), facts(said)[0].names) == (["10.7.0.3"], ("db",))


def test_everywhere_an_engines_server_is_still_asked_alone(ask: Ask, conf: Conf) -> None:
    path = conf(f"search one.example\nnameserver 127.0.0.1\nnameserver {DOCKER}\n")
    with (
        name_server(address=DOCKER) as dockers,
        name_server({"db": "10.7.0.3"}, port=dockers.port) as stranger,
    ):
        said = ask(Dns(everywhere=True, path=path, port=dockers.port))
    assert (facts(said), dockers.names, stranger.asked) == ([], ["db"], [])


# Neighbours.


APP = {
    "10.7.0.9": "me.app",
    "10.7.0.2": "web.app",
    "10.7.0.3": "db.1.k3x.app",
    "10.7.0.20": "late.app",
    "fd07::9": "me.app",
    "fd07::2": "web.app",
}


def test_neighbours_are_found_by_the_names_of_addresses(ask: Ask, conf: Conf) -> None:
    with name_server(APP, address=DOCKER) as server:
        said = ask(dockers(server, conf), None)
    told = [(f.names, [str(a) for a in f.addresses], f.network) for f in facts(said)]
    assert told == [
        (("web", "web.app"), ["10.7.0.2", "fd07::2"], "app"),
        (("db.1.k3x", "db.1.k3x.app"), ["10.7.0.3"], "app"),
        (("late", "late.app"), ["10.7.0.20"], "app"),
    ]
    assert {(f.route, f.freshness) for f in facts(said)} == {
        (Route.SHARED_NETWORK, Freshness.ANSWERED)
    }
    assert {kind for _, kind, _ in server.asked} == {"PTR"}


def test_peers_have_the_network_that_neighbours_are_on(conf: Conf) -> None:
    with name_server(APP, address=DOCKER) as server:
        peers = Resolver([dockers(server, conf)], vantage=NEAR).peers()
    assert [(p.name, p.network, p.sources) for p in peers] == [
        ("db.1.k3x", "app", ("dns",)),
        ("late", "app", ("dns",)),
        ("web", "app", ("dns",)),
    ]


def test_what_the_hosts_file_says_of_a_neighbour_goes_with_it(conf: Conf, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("10.7.0.2\tweb\n10.7.0.40\tapart\n")
    with name_server(APP, address=DOCKER) as server:
        sources: list[Source] = [HostsFile(hosts), dockers(server, conf)]
        peers = Resolver(sources, vantage=NEAR).peers()
    told = {p.name: (p.network, p.sources) for p in peers}
    assert told["web"] == ("app", ("dns", "hosts"))
    assert told["apart"] == (None, ("hosts",))


def test_own_addresses_and_gateways_are_not_swept(ask: Ask, conf: Conf) -> None:
    """The own ones are asked for once, to know whether the network has names at all."""
    with name_server(APP, address=DOCKER) as server:
        ask(dockers(server, conf), None)
    names = [name for name, *_ in server.asked]
    assert len(names) == len(set(names))
    assert ip_address("10.7.0.1").reverse_pointer not in names
    assert ip_address("10.7.0.9").reverse_pointer in names


def test_a_network_without_an_own_name_is_not_swept(ask: Ask, conf: Conf) -> None:
    """Such as the default bridge: there every address would be asked of a stranger."""
    with name_server({"10.7.0.2": "web.app"}, address=DOCKER) as server:
        assert ask(dockers(server, conf), None) == ()
    assert len(server.asked) == 2


def test_a_container_on_two_networks_is_a_neighbour_on_each(ask: Ask, conf: Conf) -> None:
    second = Interface(
        name="eth1", addresses=(ip_address("10.8.0.4"),), subnets=(ip_network("10.8.0.0/24"),)
    )
    both = evolve(NEAR, interfaces=(*NEAR.interfaces, second))
    zone = {
        **APP,
        "10.8.0.4": "me.other.net",
        "10.8.0.2": "web.other.net",
        "10.8.0.3": "x.other.net",
    }
    with name_server(zone, address=DOCKER) as server:
        said = ask(dockers(server, conf), None, both)
    told = {(f.name, f.network): [str(a) for a in f.addresses] for f in facts(said)}
    assert told["web", "app"] == ["10.7.0.2", "fd07::2"]
    assert told["web", "other.net"] == ["10.8.0.2"]


def test_names_from_elsewhere_are_no_neighbours(ask: Ask, conf: Conf) -> None:
    zone = {**APP, "10.7.0.30": "printer.example.org", "10.7.0.31": "tv.example.org"}
    with name_server(zone, address=DOCKER) as server:
        said = ask(dockers(server, conf), None)
    assert len(facts(said)) == 3
    [reason] = odd(said)
    assert "10.7.0.30" in reason
    assert "10.7.0.31 have names that another name server told" in reason


def test_names_that_no_container_can_have_are_left_out(ask: Ask, conf: Conf) -> None:
    pointer = ip_address("10.7.0.4").reverse_pointer
    answers = {(pointer, "PTR"): records(f"{pointer}. PTR \\027[2Jdb.app.")}
    with name_server(APP, answers, address=DOCKER) as server:
        said = ask(dockers(server, conf), None)
    assert len(facts(said)) == 3
    [reason] = odd(said)
    assert reason.startswith("dns: 10.7.0.4: its name: expected labels of printable characters")


def test_of_thousands_of_names_of_an_address_few_are_heeded(ask: Ask, conf: Conf) -> None:
    """And what is wrong with them is told in one line, whatever is in it."""
    pointer = ip_address("10.7.0.4").reverse_pointer
    many = records(
        *(f"{pointer}. PTR \\027[{n}m.app." for n in range(60)),
        *(f"{pointer}. PTR c{n}.app." for n in range(1500)),
    )
    with name_server(APP, {(pointer, "PTR"): many}, address=DOCKER) as server:
        said = ask(dockers(server, conf), None)
    [crowd] = [f for f in facts(said) if str(f.addresses[0]) == "10.7.0.4"]
    assert crowd.names == ("c0", "c0.app", "c1.app", "c2.app", "c3.app")
    assert odd(said) == [
        "dns: 10.7.0.4: its name: expected labels of printable characters, without dots",
        "dns: 10.7.0.4: of 1560 names the first 64 are heeded",
    ]


def test_the_number_of_questions_is_bounded(ask: Ask, conf: Conf) -> None:
    wide = Interface(
        name="eth0", addresses=(ip_address("10.8.9.9"),), subnets=(ip_network("10.8.0.0/16"),)
    )
    zone = {f"10.8.{n // 256}.{n % 256}": f"c{n}.app" for n in range(1, 4000)}
    with name_server(zone, address=DOCKER) as server:
        said = ask(dockers(server, conf), None, evolve(NEAR, interfaces=(wide,)))
    assert len(server.asked) == 257
    assert len(facts(said)) == 256
    assert odd(said) == [
        "dns: neighbours: 256 addresses were asked for and no more: there may be others"
    ]


@pytest.mark.usefixtures("hasty")
def test_the_time_for_neighbours_is_bounded(ask: Ask, conf: Conf) -> None:
    """A server that passes questions on to nobody costs what was allowed, and no more."""
    zone = {"10.7.0.9": "me.app", "10.7.0.2": "web.app"}
    with name_server(zone, unknown=silence, address=DOCKER) as server:
        said = ask(dockers(server, conf, sweep_timeout=3 * SHORT), None)
    assert [f.name for f in facts(said)] == ["web"]
    assert "there may be others" in odd(said)[-1]
    assert len(server.asked) < 150  # 32 at a time


@pytest.mark.usefixtures("hasty")
def test_a_silent_server_is_a_source_error(ask: Ask, conf: Conf) -> None:
    with (
        name_server(unknown=silence, address=DOCKER) as server,
        pytest.raises(SourceError, match="neighbours \\(it does not answer\\): name them"),
    ):
        ask(dockers(server, conf), None)


def test_a_server_that_nobody_runs_knows_no_neighbours(ask: Ask, conf: Conf) -> None:
    with name_server(address=DOCKER) as server:
        dns = dockers(server, conf)
    with pytest.raises(SourceError, match="Connection refused"):
        ask(dns, None)


def test_without_a_sweep_or_an_address_of_its_own_nobody_is_asked(ask: Ask, conf: Conf) -> None:
    with name_server(APP, address=DOCKER) as server:
        assert ask(dockers(server, conf, sweep=False), None) == ()
        assert ask(dockers(server, conf), None, Vantage()) == ()
        assert dockers(server, conf).read(Want(None, NEAR, covered=True)) == ()
    assert server.asked == []


@pytest.mark.parametrize("rootless", [False, True], ids=["1.14", "1.4"])
def test_podmans_server_gives_every_name_and_no_network(
    ask: Ask, conf: Conf, *, rootless: bool
) -> None:
    zone = {
        "10.7.0.9": "me 0123456789ab",
        "10.7.0.2": "2123456789ab web.old crowd",
        "10.7.0.3": "db 3123456789ab crowd",
        "10.7.0.4": "printer.example.org",
        "fd07::9": "me 0123456789ab",
        "fd07::3": "db 3123456789ab",
    }
    owned = {ip_address(a).reverse_pointer: names.split() for a, names in zone.items()}
    answers = {
        (pointer, "PTR"): records(*(f"{'' if rootless else pointer}. PTR {n}." for n in names))
        for pointer, names in owned.items()
    }
    with name_server({}, answers, address=PODMAN) as server:
        said = ask(podmans(conf, server.port, PODMAN), None)
    told = [(f.names, [str(a) for a in f.addresses], f.network) for f in facts(said)]
    assert told == [
        (("web.old", "crowd", "2123456789ab"), ["10.7.0.2"], None),
        (("db", "crowd", "3123456789ab"), ["10.7.0.3", "fd07::3"], None),
    ]
    assert odd(said) == ["dns: neighbours: 10.7.0.4 have names that another name server told"]


def test_podmans_names_need_no_id_where_the_own_has_none(ask: Ask, conf: Conf) -> None:
    zone = {"10.7.0.9": "me", "10.7.0.2": "web"}
    with name_server(zone, address=PODMAN) as server:
        said = ask(podmans(conf, server.port, PODMAN), None)
    assert [f.names for f in facts(said)] == [("web",)]


# Making one.


@pytest.mark.parametrize("given", ["10.7.0.1", b"10.7.0.2"])
def test_a_text_is_no_sequence_of_servers(given: Any) -> None:
    with pytest.raises(TypeError, match="not a text"):
        Dns(given)


@pytest.mark.parametrize(
    "given",
    [
        {"nameservers": ["dns.example"]},
        {"nameservers": []},
        {"timeout": 0},
        {"sweep_timeout": -1},
        {"timeout": float("nan")},
    ],
    ids=str,
)
def test_what_cannot_be_is_a_format_error(given: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        Dns(**given)


def test_it_shows_the_servers_that_were_given() -> None:
    assert (repr(Dns()), repr(Dns(["::1"]))) == ("Dns([])", "Dns(['::1'])")


def test_dnspython_is_imported_when_there_is_a_question() -> None:
    program = (
        "import sys; from dockernet import Dns, Target, Vantage, Want;"
        "said = Dns(path='/missing').read(Want(Target.parse('db'), Vantage()));"
        "print(len(said), 'dns' in sys.modules, 'asyncio' in sys.modules)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.check_output(command, text=True)  # noqa: S603 - our own code
    assert done.split() == ["1", "False", "False"]


# Bytes.


@given(st.binary(max_size=400))
def test_any_bytes_name_servers_or_none(data: bytes) -> None:
    """Nobody is asked whom no engine keeps, so that nothing is sent here."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data.replace(b"127.0.0.11", b""))
        file.flush()
        for name in ("db", None):
            target = None if name is None else Target.parse(name)
            [said] = Dns(path=file.name).read(Want(target, NEAR))
            assert str(said).startswith(f"dns: {name or 'neighbours'}: not asked: ")


@given(st.binary(max_size=600))
def test_any_bytes_are_a_reply_or_none(data: bytes) -> None:
    reply = _Messages().decode(data)
    assert reply is None or reply.question.kind in ("A", "AAAA", "PTR")


@given(st.binary(max_size=200), st.sampled_from(["\0\1", "\0\x1c", "\0\x0c"]), st.integers(0, 9))
def test_any_answer_to_a_question_of_ours_is_a_reply_or_none(
    data: bytes, kind: str, count: int
) -> None:
    head = b"ID\x80\x00\0\1\0" + bytes([count]) + b"\0\0\0\0\2db\0"
    reply = _Messages().decode(head + kind.encode() + b"\0\1" + data)
    assert reply is None or reply.question.name == "db"


# One server, asked for one name, whoever keeps it.


def test_a_server_is_told_as_it_answers() -> None:
    with name_server({"web.example": "198.51.100.7 2001:db8::7"}) as server:
        told = ask_server("web.example", ip_address(server.address), LONG, server.port)
    assert (told.code, told.word) == ("NOERROR", "")
    assert set(map(str, told.addresses)) == {"198.51.100.7", "2001:db8::7"}


@pytest.mark.parametrize(
    "unknown, expected",
    [(code("NXDOMAIN"), "NXDOMAIN"), (code("SERVFAIL"), "SERVFAIL")],
    ids=["no such name", "an error"],
)
def test_a_server_without_an_answer_says_why(unknown: Any, expected: str) -> None:
    with name_server({}, unknown=unknown) as server:
        told = ask_server("nobody.example", ip_address(server.address), LONG, server.port)
    assert (told.code, told.addresses) == (expected, ())


def test_a_server_that_is_silent_or_not_there_has_no_code() -> None:
    with name_server({}, unknown=silence) as server:
        told = ask_server("a.example", ip_address(server.address), 0.05, server.port)
    assert (told.code, told.word) == ("", "")
    gone = ask_server("a.example", ip_address(server.address), LONG, server.port)
    assert (gone.code, bool(gone.word)) == ("", True)


def test_what_is_no_name_is_asked_of_nobody() -> None:
    told = ask_server("a b", ip_address("192.0.2.53"), LONG)
    assert (told.server, told.word) == (None, "a DNS name has visible ASCII characters only")
