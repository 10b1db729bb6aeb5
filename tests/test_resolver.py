"""Both faces, blocking and awaiting: the tests run through each of them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from math import inf, nan
from pathlib import Path
from typing import Any, Self

import pytest
from attrs import evolve
from builders import ABROAD, WILD, Told, container, fact, inside, inventory, on_host

import dockernet
import dockernet.aio
import dockernet.resolver
from dockernet import (
    Diagnostic,
    EngineUnavailableError,
    FormatError,
    Link,
    PeerNotFoundError,
    Provenance,
    Resolver,
    Snapshot,
    SourceError,
    UnreachableError,
    Vantage,
    VantageKind,
    Want,
)
from dockernet._standing import Stand
from dockernet.aio import AsyncResolver
from dockernet.model.mappings import SecretMap

ME = container("me", {"app": 9}, service="shop/web/2")
DB = container("db", {"app": 2}, "5432/tcp")
WEB = container("web", {"other": 3}, WILD)
WHOLE = inventory(ME, DB, WEB)
RECORDING = Path(__file__).parent / "data" / "cli" / "engine-28.json"
NOWHERE = "unix:///nowhere/docker.sock"


class Awaited:
    """The awaiting face with the blocking one's signatures."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.resolver = AsyncResolver(*args, **options)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.resolver, {"close": "aclose"}.get(name, name))
        return lambda *args, **options: adapted(run(method(*args, **options)))

    def __enter__(self) -> Self:
        assert run(self.resolver.__aenter__()) is self.resolver
        return self

    def __exit__(self, *error: object) -> None:
        run(self.resolver.__aexit__(*error))  # type: ignore[arg-type]


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


def adapted(answer: Any) -> Any:
    if not isinstance(answer, AsyncResolver):
        return answer
    made = Awaited()
    made.resolver = answer
    return made


@pytest.fixture(params=[Resolver, Awaited], ids=["blocking", "awaiting"])
def make(request: pytest.FixtureRequest) -> Any:
    """What makes a resolver of one face or the other."""
    return request.param


def engine(**facts: Any) -> Told:
    return Told(WHOLE, name="engine", **facts)


# Answers.


def test_the_best_endpoint_is_the_first_and_the_one_that_is_explained(make: Any) -> None:
    resolver = make([engine()], inside(ME))
    best, *others = resolver.endpoints("db")
    assert list(map(str, (best, *others))) == ["10.7.0.2:5432", "[fd07::2]:5432"]
    assert resolver.resolve("db") == resolver.explain("db").chosen == best
    assert str(resolver.resolve("db", family=6)) == "[fd07::2]:5432"


def test_every_form_of_a_target_is_taken(make: Any) -> None:
    resolver = make([engine()], inside(ME))
    forms = ("db:5432", ("db", 5432), dockernet.Target.parse("db:5432"), DB)
    assert {resolver.resolve(form) for form in forms} == {resolver.resolve("db")}


def test_one_url_serves_inside_and_outside(make: Any) -> None:
    """The database's own port inside; on the host the port of the other peer's binding."""
    url = "postgresql://me:s3cret@{}/app?sslmode=disable"
    resolver = make([engine()], inside(ME))
    assert resolver.rewrite_url(url.format("db")) == url.format("10.7.0.2:5432")
    assert resolver.rewrite_url("http://web:80/x") == "http://10.7.0.1:8080/x"
    outside = make([engine()], on_host())
    assert outside.rewrite_url("http://web:80/x") == "http://127.0.0.1:8080/x"
    assert outside.rewrite_url("http://web/x") == "http://127.0.0.1:8080/x"


def test_a_url_s_password_is_in_no_error(make: Any) -> None:
    resolver = make([engine()], inside(ME))
    for url, kind in (
        ("made-up://me:s3cret@me/", UnreachableError),
        ("http://me:s3cret@nobody/", PeerNotFoundError),
        ("http://me:s3cret@db:x/", FormatError),
    ):
        with pytest.raises(kind) as caught:
            resolver.rewrite_url(url)
        assert "s3cret" not in f"{caught.value!r} {caught.value}"


def test_an_answer_depends_on_where_it_is_asked(make: Any) -> None:
    places = {"app": inside(ME), "host": on_host(), "abroad": ABROAD}
    found = {n: str(make([engine()], v).resolve("web:80")) for n, v in places.items()}
    assert found == {
        "app": "10.7.0.1:8080",
        "host": "127.0.0.1:8080",
        "abroad": "127.0.0.1:8080",
    }


def test_no_facts_are_kept(make: Any) -> None:
    source = engine()
    resolver = make([source], inside(ME))
    for count in (1, 2):
        resolver.resolve("db")
        assert source.asked == count


def test_peers_are_listed(make: Any) -> None:
    assert [p.name for p in make([engine()], inside(ME)).peers()] == ["db"]


@pytest.mark.parametrize(
    "ask, error",
    [
        (lambda r: r.resolve("nobody"), PeerNotFoundError),
        (lambda r: r.endpoints("web:81"), UnreachableError),
        (lambda r: r.resolve("a b/c/d"), FormatError),
        (lambda r: r.resolve("db", 5), FormatError),
        (lambda r: r.resolve(None), TypeError),
        (lambda r: r.explain("db:0"), FormatError),
    ],
    ids=["unknown", "unreachable", "malformed", "family", "no target", "explained"],
)
def test_what_has_no_answer_raises(make: Any, ask: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        ask(make([engine()], inside(ME)))


def test_an_unknown_peer_is_explained_without_raising(make: Any) -> None:
    why = make([engine()], inside(ME)).explain("dbx")
    assert (why.chosen, why.near_misses, why.asked) == (None, ("db",), ("engine",))


URLS = {
    "the port of the URL": ("http://web:80/x?y=1#z", "http://10.7.0.1:8080/x?y=1#z"),
    "the port of its scheme": ("postgresql://me:pw@db/app", "postgresql://me:pw@10.7.0.2:5432/app"),
    "the peer's only port": ("foo://db", "foo://10.7.0.2:5432"),
    "two hosts": ("postgresql://db,web:80/app", "postgresql://10.7.0.2:5432,10.7.0.1:8080/app"),
}


@pytest.mark.parametrize("url, rewritten", URLS.values(), ids=URLS)
def test_a_url_is_rewritten_to_what_works_from_here(make: Any, url: str, rewritten: str) -> None:
    assert make([engine()], inside(ME)).rewrite_url(url) == rewritten


@pytest.mark.parametrize(
    "url, error",
    [
        ("postgresql://me:s3cret@nobody/app", PeerNotFoundError),
        ("http://me:s3cret@web:81/", UnreachableError),
        ("postgresql://me:s3cret@db:0/app", FormatError),
    ],
    ids=["unknown", "unreachable", "malformed"],
)
def test_a_url_that_cannot_be_rewritten_shows_no_secret(
    make: Any, url: str, error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        make([engine()], inside(ME)).rewrite_url(url)
    assert "s3cret" not in f"{caught.value!r} {caught.value}"


@pytest.mark.parametrize(
    "ports, detail",
    [
        ("", "no source tells a port of it"),
        ("1/tcp, 2/tcp", "it has 1/tcp and 2/tcp, and nothing tells which is meant"),
        ("80/udp, 90/udp", "it has 80/udp and 90/udp, and nothing tells which is meant"),
    ],
)
def test_a_url_without_a_port_is_refused_where_none_of_the_peer_s_is_meant(
    make: Any, ports: str, detail: str
) -> None:
    told = Told(inventory(ME, container("it", {"app": 4}, ports)), name="engine")
    with pytest.raises(UnreachableError) as caught:
        make([told], inside(ME)).rewrite_url("http://it/")
    assert [r.detail for r in caught.value.refusals] == [detail]


def test_the_scheme_s_port_has_to_do_where_no_source_tells_ports(make: Any) -> None:
    resolver = make([Told(fact("db", "10.7.0.2"))], inside(ME))
    assert resolver.rewrite_url("postgresql://db/app") == "postgresql://10.7.0.2:5432/app"


# Links.

SECRETS = SecretMap({"PASSWORD": "s3cret", "HOME": "/"})


class Live(Told):
    """An engine that tells environments, too, and which it was asked for."""

    def __init__(self, *said: Any) -> None:
        super().__init__(*said, name="engine")
        self.asked_for: list[str] = []

    def environ(self, name: str) -> SecretMap:
        self.asked_for.append(name)
        return SECRETS

    def container(self, name: str) -> Any:
        return next(c for c in self.said[0].containers if c.name == name)


def test_links_that_are_asked_for_have_what_is_dialled_from_here(make: Any) -> None:
    report = make([engine()], inside(ME)).links("db:store", Link("web", peer="web"))
    store, web = report.links
    assert (store.recipient, store.peer, str(store.address)) == ("me", "db", "10.7.0.2")
    assert store.to_environ()["STORE_PORT"] == "tcp://10.7.0.2:5432"
    assert web.to_environ()["WEB_PORT_80_TCP"] == "tcp://10.7.0.1:8080"
    assert report.diagnostics == ()


def test_a_link_that_is_asked_for_raises_what_resolving_does(make: Any) -> None:
    resolver = make([engine()], inside(ME))
    for wanted, kind in (("nobody", PeerNotFoundError), ("db:", None), ("db:x:y", FormatError)):
        if kind is None:
            assert [link.alias for link in resolver.links(wanted).links] == ["db"]
            continue
        with pytest.raises(kind):
            resolver.links(wanted)


def test_links_that_are_known_are_those_of_every_place(make: Any) -> None:
    given = Link("store", "me", "db", networks=("app",), provenances=(Provenance.NETWORK,))
    caller = evolve(ME, links=(given,))
    lines = (
        fact("store", "10.7.0.9", provenance=Provenance.ENVIRON),
        fact("extra", "10.7.0.2", "80", provenance=Provenance.HOSTS),
    )
    sources = [Told(inventory(caller, DB), name="engine"), Told(*lines)]
    report = make(sources, inside(caller)).links()
    assert [(str(link), str(link.address), link.provenances) for link in report.links] == [
        ("extra:extra", "10.7.0.2", (Provenance.HOSTS,)),
        ("db:store", "10.7.0.2", (Provenance.NETWORK, Provenance.ENVIRON)),
    ]
    assert list(map(str, report.diagnostics)) == [
        "variables: store: stale: it says 10.7.0.9; fresh from network link: 10.7.0.2, fd07::2"
    ]
    stale = [str(d) for d in make(sources, inside(caller)).explain("store").diagnostics]
    assert stale == ["told: store: stale: it says 10.7.0.9, but the peer has 10.7.0.2, fd07::2"]


def test_secrets_are_read_once_for_each_peer_and_only_when_asked_for(make: Any) -> None:
    source = Live(WHOLE)
    resolver = make([source], inside(ME))
    assert [link.environ for link in resolver.links("db").links] == [{}]
    assert source.asked_for == []
    report = resolver.links("db:a", "db:b", "web", secrets=True)
    assert source.asked_for == ["db", "web"]
    assert [link.environ for link in report.links] == [SECRETS] * 3
    assert report.links[0].to_environ(secrets=["HOME"])["A_ENV_HOME"] == "/"
    assert "s3cret" not in repr(report)


def test_secrets_as_seen_from_another_container_are_those_of_its_peers(make: Any) -> None:
    given = Link("store", "me", "db", networks=("app",), provenances=(Provenance.NETWORK,))
    whole = inventory(evolve(ME, links=(given,)), DB)
    report = make([Live(whole)], on_host()).seen_from("me").links(secrets=True)
    assert [(str(link), link.recipient, link.environ) for link in report.links] == [
        ("db:store", "me", SECRETS)
    ]


def test_secrets_that_nobody_can_tell_are_an_error(make: Any) -> None:
    resolver = make([engine()], inside(ME))
    with pytest.raises(SourceError, match="only an engine knows the environment of a peer"):
        resolver.links("db", secrets=True)
    assert resolver.links(secrets=True).links == ()  # no link, no secret


# Sources.


class Half:
    """A source that breaks off in the middle of an answer."""

    name = "half"

    def read(self, want: Want) -> Iterator[Any]:
        del want
        yield fact("db", "10.7.0.77", "80")
        raise PermissionError(13, "Permission denied")


def test_an_oserror_of_a_source_is_a_failure_of_that_source(make: Any) -> None:
    resolver = make([Half()], inside(ME))
    with pytest.raises(SourceError) as caught:
        resolver.resolve("db")
    assert (caught.value.source, caught.value.reason) == ("half", "[Errno 13] Permission denied")
    assert isinstance(caught.value.__cause__, PermissionError)
    odd = Diagnostic("half", "not heard", "[Errno 13] Permission denied")
    assert resolver.explain("db").diagnostics == (odd,)


def test_a_failure_is_made_good_by_another_source(make: Any) -> None:
    deaf = engine(fault=EngineUnavailableError("engine", "nothing listens"))
    resolver = make([deaf, Told(fact("db", "10.7.0.2", "80"))], inside(ME))
    assert str(resolver.resolve("db")) == "10.7.0.2:80"
    assert [p.name for p in resolver.peers()] == ["db"]
    with pytest.raises(EngineUnavailableError):
        resolver.resolve("nobody")


def test_any_other_error_of_a_source_is_a_bug_of_it_and_goes_through(make: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        make([engine(fault=ZeroDivisionError())], inside(ME)).explain("db")


class Twofold(Told):
    """A source of both faces that tells which was asked, in which thread."""

    thread = 0

    def read(self, want: object) -> Iterable[Any]:
        self.thread = threading.get_ident()
        return super().read(want)

    async def aread(self, want: object) -> Iterable[Any]:
        self.name = "awaited"
        return self.read(want)


def test_a_source_that_can_be_awaited_is_awaited_by_the_awaiting_face_alone(make: Any) -> None:
    source = Twofold(WHOLE)
    make([source], inside(ME)).resolve("db")
    assert (source.name == "awaited") == (make is Awaited)
    assert source.thread == threading.get_ident()


def test_any_other_source_is_read_in_a_thread_by_the_awaiting_face_alone(make: Any) -> None:
    class Blocking(Told):
        thread = 0

        def read(self, want: object) -> Iterator[Any]:
            self.thread = threading.get_ident()
            yield from super().read(want)

    source = Blocking(WHOLE)
    make([source], inside(ME)).resolve("db")
    assert (source.thread == threading.get_ident()) == (make is Resolver)


def test_an_awaited_source_may_fail_as_well() -> None:
    source = Twofold(fault=TimeoutError())
    why = Awaited([source], inside(ME)).explain("db")
    assert [d.reason for d in why.diagnostics] == ["TimeoutError"]


def test_one_resolver_serves_many_threads() -> None:
    resolver = Resolver([engine()], inside(ME))
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: resolver.resolve("db"), range(64)))
    assert found == {resolver.resolve("db")}


@pytest.mark.parametrize("sources", ["engine", b"engine"], ids=["text", "bytes"])
def test_a_text_is_no_sequence_of_sources(make: Any, sources: Any) -> None:
    with pytest.raises(TypeError, match="not a text"):
        make(sources)


@pytest.mark.parametrize("timeout", [0, -1.0, nan, inf])
def test_a_timeout_is_a_time(make: Any, timeout: float) -> None:
    with pytest.raises(FormatError, match="more than 0 seconds"):
        make(timeout=timeout)


def test_sources_that_were_given_stay_open(make: Any) -> None:
    class Closing(Told):
        closed = False

        def close(self) -> None:
            self.closed = True

    source = Closing(WHOLE)
    with make([source], inside(ME)) as resolver:
        assert resolver.resolve("db")
    assert not source.closed
    assert resolver.resolve("db")


# What is found where nothing is given.


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    monkeypatch.setenv("DB_NAME", "/me/db")
    monkeypatch.setenv("DB_PORT_5432_TCP", "tcp://172.17.0.5:5432")


@pytest.mark.usefixtures("no_engine")
def test_in_a_container_hosts_and_variables_are_asked_too(make: Any) -> None:
    with make(vantage=Vantage(kind=VantageKind.CONTAINER)) as resolver:
        assert str(resolver.resolve("db")) == "172.17.0.5:5432"
        assert resolver.explain("db").asked == ("engine", "dns", "hosts", "environ")


@pytest.mark.usefixtures("no_engine")
def test_on_a_host_the_engine_alone_is_asked(make: Any) -> None:
    with make(vantage=on_host()) as resolver:
        assert resolver.explain("db").asked == ("engine",)
        with pytest.raises(EngineUnavailableError):
            resolver.resolve("db")
        with pytest.raises(EngineUnavailableError):
            resolver.seen_from("db")


@pytest.mark.usefixtures("no_engine")
def test_a_resolver_that_was_closed_or_never_used_may_be_closed(make: Any) -> None:
    make().close()
    with make() as resolver:
        resolver.explain("db")
    resolver.close()
    assert resolver.explain("db").asked[0] == "engine"


def test_the_vantage_is_read_where_none_is_given(make: Any) -> None:
    assert make([engine()]).explain("db").vantage == dockernet.whoami()


def test_a_recorded_vantage_holds_unless_one_is_given(make: Any) -> None:
    snapshot = Snapshot.load(RECORDING)
    assert make([engine(), snapshot]).explain("db").vantage is snapshot.vantage
    assert make([snapshot], ABROAD).explain("db").vantage is ABROAD


WATCHED = """
import asyncio, sys, dockernet, dockernet.aio
from dockernet.sources.defaults import read_vantage

def ask(snapshot):
    for target in ("facts-u1:80", "facts-db", "nobody"):
        dockernet.Resolver([snapshot]).explain(target)
        asyncio.run(dockernet.aio.AsyncResolver([snapshot]).explain(target))

snapshot, met = dockernet.Snapshot.load(sys.argv[1]), []
ask(snapshot)  # all imports are done
sys.addaudithook(lambda event, args: met.append((event, str(args))))
ask(snapshot) if sys.argv[2] == "recorded" else read_vantage()
print(*(args for event, args in met if event in ("open", "socket.connect")), sep="\\n")
"""


@pytest.mark.parametrize("kind", ["recorded", "live"])
def test_of_this_machine_nothing_is_read_beside_a_recording(kind: str) -> None:
    """What the second run does shows that the first could have failed."""
    command = [sys.executable, "-c", WATCHED, str(RECORDING), kind]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    assert ("/proc/self/mountinfo" in done.stdout) == (kind == "live")
    assert (done.stdout.strip() == "") == (kind == "recorded")


# Seen from a container.


def test_seen_from_a_container_is_what_it_sees(make: Any) -> None:
    snapshot = Snapshot.load(RECORDING)
    with make([snapshot]) as resolver:
        from_net = resolver.seen_from("facts-u1")
        from_bridge = resolver.seen_from(snapshot.container("facts-exp"))
    assert str(resolver.resolve("facts-u2")) == "10.77.1.2:5432"
    assert [str(e) for e in from_net.endpoints("facts-u2")] == ["10.77.1.2:5432"]
    assert str(from_net.resolve("facts-rt:80")) == "172.19.0.2:80"
    assert str(from_bridge.resolve("facts-u1:80")) == "172.17.0.1:18080"
    with pytest.raises(UnreachableError):
        from_bridge.resolve("facts-u2")
    with pytest.raises(UnreachableError, match="published-on-loopback"):
        from_bridge.resolve("facts-u1:81")


def test_seen_from_a_container_its_links_and_its_network_owner_count(make: Any) -> None:
    resolver = make([Snapshot.load(RECORDING)])
    assert str(resolver.seen_from("facts-app").resolve("db-main.v1:5432")) == "172.17.0.2:5432"
    assert str(resolver.seen_from("facts-ns").resolve("facts-u1:80")) == "127.0.0.1:80"
    assert str(resolver.seen_from("facts-host").resolve("facts-u1:81")) == "127.0.0.1:18081"


def test_seen_from_nobody(make: Any) -> None:
    resolver = make([Told(), Snapshot.load(RECORDING)])
    with pytest.raises(PeerNotFoundError) as caught:
        resolver.seen_from("facts-u")
    assert "facts-u1" in caught.value.near_misses


def test_seen_from_a_container_needs_a_source_that_knows_it(make: Any) -> None:
    with pytest.raises(SourceError, match="give one as a source"):
        make([engine()], inside(ME)).seen_from(DB)


def test_a_container_of_another_engine_is_not_taken_for_one_of_this(make: Any) -> None:
    """Though it has the very addresses of one."""
    snapshot = Snapshot.load(RECORDING)
    other = dockernet.Container(id="f" * 64, networks=snapshot.container("facts-u2").networks)
    stand = make([snapshot]).seen_from(other).explain("facts-u1:80").stand
    assert stand == Stand.ELSEWHERE


# Who am I.


class Recorded(Told):
    """An engine that was recorded somewhere."""

    def __init__(self, vantage: Vantage, *said: Any) -> None:
        super().__init__(*said)
        self.vantage = vantage


def test_an_engine_tells_more_of_the_caller_than_its_files() -> None:
    found = dockernet.whoami(Recorded(inside(ME), Diagnostic("engine", "x", "y"), WHOLE))
    assert (found.name, found.service, found.number) == ("me", "web", 2)
    assert found.networks == ME.networks


@pytest.mark.parametrize("said", [(), (inventory(DB),)], ids=["nothing", "others"])
def test_an_engine_that_does_not_know_the_caller_adds_nothing(said: tuple[Any, ...]) -> None:
    assert dockernet.whoami(Recorded(inside(ME), *said)) == inside(ME)
    assert dockernet.whoami(Told(*said)) == dockernet.whoami()


def test_an_engine_that_is_named_and_cannot_be_asked_is_an_error() -> None:
    with pytest.raises(EngineUnavailableError):
        dockernet.whoami(engine(fault=EngineUnavailableError("engine", "nothing listens")))


def test_a_recording_tells_who_recorded_it() -> None:
    assert dockernet.whoami(Snapshot.load(RECORDING)).kind is VantageKind.HOST


# The functions of the modules, on one resolver each.


@pytest.fixture(params=["blocking", "awaiting"])
def functions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The functions of one module, with no resolver made so far, as if blocking."""
    home: Any = dockernet.resolver if request.param == "blocking" else dockernet.aio
    monkeypatch.setattr(home, "_shared", [])

    def call(name: str, *args: Any) -> Any:
        answer = getattr(home, name)(*args)
        return answer if request.param == "blocking" else run(answer)

    yield call
    assert len(home._shared) == 1


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize("name", ["resolve", "endpoints"])
def test_functions_raise_what_the_default_resolver_raises(functions: Any, name: str) -> None:
    for _ in range(2):
        with pytest.raises(EngineUnavailableError, match="/nowhere/docker"):
            functions(name, "nobody-at-all")
    if name == "resolve":
        with pytest.raises(FormatError):
            functions(name, "db", 5)


@pytest.mark.usefixtures("no_engine")
def test_functions_explain_and_list_what_the_default_resolver_finds(functions: Any) -> None:
    why = functions("explain", "nobody-at-all")
    assert (why.chosen, why.asked[0]) == (None, "engine")
    if why.vantage.kind is VantageKind.CONTAINER:
        assert "db" in {peer.name for peer in functions("peers")}
    else:
        with pytest.raises(EngineUnavailableError):
            functions("peers")


def test_a_source_is_told_when_an_engine_has_covered_the_caller(make: Any) -> None:
    """Then a search of the caller's subnets would find nothing more."""
    wants: list[Want] = []

    class Searching:
        name = "searching"

        def read(self, want: Want) -> Iterable[Any]:
            wants.append(want)
            return ()

    for sources, vantage in (
        ([engine(), Searching()], inside(ME)),
        ([Searching(), engine()], inside(ME)),
        ([engine(), Searching()], on_host()),
    ):
        make(sources, vantage).peers()
    assert [want.covered for want in wants] == [True, False, False]
