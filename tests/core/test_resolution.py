"""One look-up: whose word counts, what becomes of failures, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest
from attrs import evolve
from builders import (
    ABROAD,
    TARGETS,
    WILD,
    Told,
    beside,
    callers,
    container,
    fact,
    inside,
    inventories,
    inventory,
    on_host,
    turned,
)
from hypothesis import given
from hypothesis import strategies as st

from dockernet._resolution import Census, Resolution
from dockernet._standing import Stand
from dockernet.errors import (
    AmbiguousPeerError,
    DockernetError,
    EngineUnavailableError,
    PeerNotFoundError,
    SourceError,
    UnreachableError,
)
from dockernet.model.containers import Container
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.endpoints import Endpoint
from dockernet.model.explanations import Explanation, Peer
from dockernet.model.facts import Freshness, Inventory
from dockernet.model.portmap import PortMap
from dockernet.model.ports import Port
from dockernet.model.targets import Target
from dockernet.model.vantage import Vantage, VantageKind
from dockernet.refusals import Reason, Route

ME = container("me", {"app": 9}, links=["gone:lost"])
DB = container("db", {"app": 2}, "5432/tcp", aliases={"app": "data"})
WEB = container("web", {"other": 3}, WILD)
WHOLE = inventory(ME, DB, WEB)
INSIDE = inside(ME)
DEAF = EngineUnavailableError("engine", "nothing listens")


def driven(inquiry: Any) -> Any:
    """Ask as a face does."""
    while (source := inquiry.next_source()) is not None:
        try:
            inquiry.heard(source.read(inquiry.want))
        except (SourceError, OSError) as error:
            inquiry.failed(source, error)
    return inquiry


def look_up(
    target: str | Target, *sources: Told, vantage: Vantage = INSIDE, **options: Any
) -> Resolution:
    wanted = Target.parse(target) if isinstance(target, str) else target
    inquiry: Resolution = driven(Resolution(vantage, sources, target=wanted, **options))
    return inquiry


def resolve(target: str | Target, *sources: Told, **options: Any) -> str:
    """Every endpoint and its source."""
    found = look_up(target, *sources, **options).endpoints()
    return ", ".join(f"{e} by {e.source}" for e in found)


def explain(target: str | Target, *sources: Told, **options: Any) -> Explanation:
    return look_up(target, *sources, thorough=True, **options).explanation()


def engine(*there: Container, **facts: Any) -> Told:
    return Told(inventory(*there, **facts) if there or facts else WHOLE, name="engine")


def hosts(*said: Any, **facts: Any) -> Told:
    return Told(*(evolve(f, source="hosts", freshness=Freshness.WRITTEN) for f in said), **facts)


def environ(*said: Any) -> Told:
    more = {"source": "environ", "freshness": Freshness.STARTED, "route": Route.LINK}
    return Told(*(evolve(f, **more) for f in said))


# Who is asked.


def test_an_engine_that_knows_the_peer_ends_a_resolve_and_no_explanation() -> None:
    first, second = engine(), hosts(fact("db", "10.7.0.2"))
    assert resolve("db", first, second) == "10.7.0.2:5432 by engine, [fd07::2]:5432 by engine"
    assert (first.asked, second.asked) == (1, 0)
    assert explain("db", first, second).asked == ("engine", "told")
    assert (first.asked, second.asked) == (2, 1)


def test_an_engine_that_does_not_know_the_peer_is_not_the_last_to_be_asked() -> None:
    first, second, third = engine(), hosts(), environ(fact("old", "192.0.2.3", "80"))
    assert resolve("old", first, second, third) == "192.0.2.3:80 by environ"
    assert [first.asked, second.asked, third.asked] == [1, 1, 1]


def test_facts_alone_never_end_a_look_up() -> None:
    """An engine that comes later in the order still has the last word."""
    early, late = environ(fact("db", "10.7.0.77", "80")), engine()
    assert resolve("db:80", early, late) == "10.7.0.2:80 by engine, [fd07::2]:80 by engine"


def test_an_engine_that_knows_the_peer_and_refuses_is_believed() -> None:
    away = container("db", {"other": 2})
    with pytest.raises(UnreachableError) as caught:
        resolve("db:80", engine(ME, away), hosts(fact("db", "10.8.0.2")))
    assert [r.reason for r in caught.value.refusals] == [Reason.NO_SHARED_NETWORK]


def test_the_first_of_two_engines_that_knows_the_peer_is_believed() -> None:
    """Even where the second would find the name ambiguous."""
    twins = [container(n, {"app": 3}, aliases={"app": "data"}) for n in ("x", "y")]
    other = Told(inventory(ME, *twins, source="other"))
    assert resolve("data:1", engine(), other).startswith("10.7.0.2:1 by engine")
    assert str(explain("data:1", engine(), other).chosen) == "10.7.0.2:1"
    with pytest.raises(AmbiguousPeerError):
        resolve("data:1", other, engine())


def test_the_stand_is_told_of_the_engine_that_knows_the_peer() -> None:
    other = Told(inventory(WEB, host="far.example", source="other"))
    assert explain("db", other, engine()).stand == "a container of this engine (me)"
    assert explain("nobody", other, engine()).stand == Stand.ELSEWHERE


def test_every_source_is_asked_about_the_target_and_the_vantage() -> None:
    inquiry = Resolution(INSIDE, [engine()], target=Target("db"))
    assert (inquiry.want.target, inquiry.want.vantage) == (Target("db"), INSIDE)


# Failures.


@pytest.mark.parametrize(
    "fault, reason",
    [
        (DEAF, "nothing listens"),
        (OSError(5, "disk on fire"), "[Errno 5] disk on fire"),
        (TimeoutError(), "TimeoutError"),
    ],
    ids=["a source's own error", "an OSError", "an OSError without a word"],
)
def test_where_a_source_is_deaf_absence_is_not_proven(fault: OSError, reason: str) -> None:
    deaf = Told(name="engine", fault=fault)
    with pytest.raises(SourceError) as caught:
        resolve("nobody", deaf, hosts())
    assert (caught.value.source, caught.value.reason) == ("engine", reason)
    assert fault in (caught.value, caught.value.__cause__)
    assert explain("nobody", deaf).diagnostics == (Diagnostic("engine", "not heard", reason),)


def test_a_deaf_source_does_not_matter_where_another_knows_the_peer() -> None:
    deaf = Told(name="engine", fault=DEAF)
    assert resolve("db:1", deaf, hosts(fact("db", "10.7.0.2"))) == "10.7.0.2:1 by hosts"


def test_the_first_of_two_failures_is_raised() -> None:
    with pytest.raises(EngineUnavailableError, match="nothing listens"):
        resolve("x", Told(name="engine", fault=DEAF), Told(name="dns", fault=TimeoutError()))


def test_what_was_said_before_a_source_broke_off_is_lost_and_told() -> None:
    """Half of an answer is none; what is odd is kept."""
    odd = Diagnostic("hosts", "line 3", "not an address")
    why = explain("x", hosts(), Told(odd, evolve(WHOLE, diagnostics=(odd,))))
    assert why.diagnostics == (odd, odd)


def test_where_everybody_was_heard_nobody_knows_the_peer() -> None:
    with pytest.raises(PeerNotFoundError) as caught:
        resolve("dbx", engine(), hosts(fact("dbxx", "10.7.0.3")))
    assert (caught.value.target, caught.value.asked) == ("dbx", ("engine", "told"))
    assert caught.value.near_misses == ("dbxx", "db")


# Facts without an engine.


def test_the_freshest_address_wins_and_stale_ones_are_named() -> None:
    told = [
        environ(fact("db", "172.17.0.5", "5432")),
        hosts(fact("db", "172.17.0.9")),
    ]
    assert resolve("db", *told) == resolve("db", *told[::-1]) == "172.17.0.9:5432 by hosts"
    (odd,) = explain("db", *told).diagnostics
    assert str(odd) == "environ: db: stale: it says 172.17.0.5, but the peer has 172.17.0.9"


def test_facts_that_share_an_address_are_not_stale() -> None:
    told = hosts(fact("db", "10.7.0.2 fd07::2")), environ(fact("db", "10.7.0.2", "80 443"))
    why = explain("db", *told)
    assert (why.diagnostics, [str(e) for e in why.endpoints]) == (
        (),
        ["10.7.0.2:80", "[fd07::2]:80"],
    )


def test_stale_facts_are_named_where_an_engine_knows_better() -> None:
    stale = environ(fact("db", "10.7.0.77", "80"), fact("other", "10.7.0.78"))
    (odd,) = explain("db", engine(), stale).diagnostics
    assert str(odd) == "environ: db: stale: it says 10.7.0.77, but the peer has 10.7.0.2, fd07::2"
    assert explain("db", engine(), environ(fact("db", "fd07::2"))).diagnostics == ()
    assert explain("db", engine(), environ(fact("db"))).diagnostics == ()


def test_a_name_is_taken_by_the_letter_before_any_case() -> None:
    told = hosts(fact("DB", "10.7.0.1"), fact("Db", "10.7.0.2"))
    assert resolve("Db:1", told) == "10.7.0.2:1 by hosts"
    assert resolve("db:1", told) == "10.7.0.1:1 by hosts"


def test_an_address_is_answered_by_itself_alone() -> None:
    """Not by another replica's, which the same name has."""
    replicas = hosts(fact("db", "10.7.0.2 10.7.0.3", "80"))
    assert resolve("10.7.0.3", replicas) == "10.7.0.3:80 by hosts"
    with pytest.raises(PeerNotFoundError):
        resolve("10.7.0.4", replicas)


def test_facts_know_no_projects() -> None:
    with pytest.raises(PeerNotFoundError):
        resolve("shop/db:80", hosts(fact("db", "10.7.0.2")))


def test_an_endpoint_of_a_fact_says_whose_it_is() -> None:
    (endpoint,) = look_up("db:53/udp", environ(fact("db", "10.7.0.2", "80"))).endpoints()
    port = Port(53, "udp")
    assert endpoint == Endpoint(
        ip_address("10.7.0.2"), 53, "udp", Route.LINK, "environ", "db", port
    )


UNANSWERED: dict[str, tuple[str, tuple[Told, ...], str]] = {
    "a link without an address": ("db:80", (environ(fact("db")),), "no-address"),
    "a name without a port": ("db", (hosts(fact("db", "10.7.0.2")),), "port-unknown"),
    "an address on the caller's bridge that nobody has": (
        "old:80",
        (engine(), hosts(fact("old", "10.7.0.77 fd07::77"))),
        "stale",
    ),
    "a link of the caller's whose peer is gone": ("lost:80", (engine(),), "stale"),
    "a container without a known port": ("me", (engine(),), "port-unknown"),
    "a container beside one that is gone": ("x:1", (engine(beside("x", "no")),), "no-network"),
    "a stopped container without a port": (
        "x",
        (engine(container("x", {"app": 2}, state="exited")),),
        "not-running",
    ),
    "the host without a port": ("host.docker.internal", (engine(),), "port-unknown"),
}


@pytest.mark.parametrize("target, sources, reason", UNANSWERED.values(), ids=UNANSWERED)
def test_a_known_peer_without_an_answer_is_refused(
    target: str, sources: tuple[Told, ...], reason: str
) -> None:
    with pytest.raises(UnreachableError) as caught:
        resolve(target, *sources)
    assert [str(r.reason) for r in caught.value.refusals] == [reason]
    why = explain(target, *sources)
    assert (why.refusals, why.chosen, why.near_misses) == (caught.value.refusals, None, ())


BELIEVED = {
    "a neighbour's": ("10.7.0.2", ME, {}),
    "the host's": ("10.7.0.1", ME, {}),
    "one of two that somebody has": ("10.7.0.77 10.7.0.2", ME, {}),
    "one outside of the engine's networks": ("192.0.2.5", ME, {}),
    "one of a network that the caller is not on": ("10.8.0.77", ME, {}),
    "one of an overlay, which has members elsewhere": (
        "10.13.0.77",
        container("me", {"mesh": 9}),
        {},
    ),
    "one of macvlan, where other machines are": ("10.12.0.77", container("me", {"lan": 9}), {}),
    "one of a network that the engine does not list": ("10.7.0.77", ME, {"networks": ()}),
}


@pytest.mark.parametrize("at, caller, facts", BELIEVED.values(), ids=BELIEVED)
def test_an_address_that_no_engine_disproves_is_believed(
    at: str, caller: Container, facts: dict[str, Any]
) -> None:
    told = engine(caller, DB, WEB, **facts), hosts(fact("old", at))
    assert resolve("old:80", *told, vantage=inside(caller)).startswith(
        f"{at.partition(' ')[0]}:80 by"
    )


def test_on_the_host_an_engine_disproves_nothing() -> None:
    told = engine(), hosts(fact("old", "10.7.0.77"))
    assert resolve("old:80", *told, vantage=on_host()) == "10.7.0.77:80 by hosts"


# Ports.


@pytest.mark.parametrize(
    "ports, note",
    [
        ("80/tcp", "80/tcp was chosen, the only one"),
        ("443/tcp, 80/tcp", "80/tcp was chosen, the first of 80/tcp, 443/tcp"),
        ("53/udp, 80/tcp", "80/tcp was chosen, the first of 80/tcp, 53/udp"),
        ("53/udp, 9/sctp", "9/sctp was chosen, the first of 9/sctp, 53/udp"),
    ],
)
def test_a_port_that_was_not_asked_for_is_chosen_and_told(ports: str, note: str) -> None:
    """As ``ALIAS_PORT`` names it on a current engine."""
    peer = container("db", {"app": 2}, ports)
    for told in (engine(ME, peer), hosts(fact("db", "10.7.0.2", ports.replace(",", "")))):
        why = explain("db", told)
        assert why.notes == (f"no port was asked for: {note}",)
        assert str(why.chosen) == f"10.7.0.2:{note.partition('/')[0]}"


def test_ports_that_were_asked_for_count_as_well() -> None:
    asked = container("db", {"app": 2}, requested_ports=PortMap.parse("81/tcp"))
    assert str(explain("db", engine(ME, asked)).chosen) == "10.7.0.2:81"


def test_a_container_beside_another_has_a_port_of_its_own() -> None:
    """And only without one the owner's, whose addresses it has anyway."""
    side = beside("side", "db", ports="9000/tcp")
    assert str(explain("side", engine(ME, DB, side)).chosen) == "10.7.0.2:9000"
    assert str(explain("side", engine(ME, DB, beside("side", "db"))).chosen) == "10.7.0.2:5432"


def test_a_refusal_names_the_container_that_is_stopped() -> None:
    side, owner = beside("side", "db"), evolve(DB, state="exited")
    stopped = evolve(side, state="exited")
    for there, name in (((DB, stopped), "side"), ((owner, side), "db")):
        (refusal,) = explain("side:80", engine(ME, *there)).refusals
        assert (refusal.detail, refusal.fix) == (f"{name} is exited", f"docker start {name}")


# Families, replicas, ambiguity.


@pytest.mark.parametrize("family, expected", [(4, "10.7.0.2:80"), (6, "[fd07::2]:80")])
def test_a_family_that_was_asked_for_is_the_only_one(family: int, expected: str) -> None:
    assert resolve("db:80", engine(), family=family) == f"{expected} by engine"
    told = hosts(fact("db", "10.7.0.2 fd07::2"))
    assert resolve("db:80", told, family=family) == f"{expected} by hosts"


def test_a_family_that_no_route_has_is_refused() -> None:
    with pytest.raises(UnreachableError) as caught:
        resolve("db:80", hosts(fact("db", "10.7.0.2")), family=6)
    assert [r.reason for r in caught.value.refusals] == [Reason.NO_ADDRESS]


def test_a_host_name_may_be_of_any_family() -> None:
    far = engine(WEB, host="far.example")
    assert resolve("web:80", far, vantage=ABROAD, family=6) == "far.example:8080 by engine"


def test_a_refusal_is_not_improved_by_a_family() -> None:
    with pytest.raises(UnreachableError) as caught:
        resolve("lost:80", engine(), family=6)
    assert [r.reason for r in caught.value.refusals] == [Reason.STALE]


def test_replicas_are_several_endpoints_and_refusals_once_each() -> None:
    replicas = [container(f"web-{n}", {"app": n}, service=f"shop/web/{n}") for n in (3, 2)]
    assert resolve("web:80", engine(ME, *replicas), family=4) == (
        "10.7.0.2:80 by engine, 10.7.0.3:80 by engine"
    )
    why = explain("web", engine(ME, *replicas))
    assert [r.reason for r in why.refusals] == [Reason.PORT_UNKNOWN]


def test_an_ambiguous_name_is_explained_and_not_resolved() -> None:
    twins = [container(n, {"app": 3}, aliases={"app": "data"}) for n in ("x", "y")]
    with pytest.raises(AmbiguousPeerError):
        resolve("data", engine(ME, *twins))
    why = explain("data", engine(ME, *twins))
    assert (why.near_misses, why.endpoints, why.refusals) == (("x", "y"), (), ())
    assert "no source knows" not in str(why)
    assert "may mean any of x, y" in str(why)


# The host itself.

OUTER = evolve(inside(container("outer", {"app": 9})), id="0" * 64)
HOST: dict[str, tuple[Vantage, tuple[Told, ...], str]] = {
    "from a container": (INSIDE, (engine(),), "10.7.0.1:80, [fd07::1]:80"),
    "from a container without an engine": (INSIDE, (), "10.7.0.1:80, [fd07::1]:80"),
    "from a container that an engine does not know": (
        OUTER,
        (engine(host="far.example"),),
        "10.7.0.1:80, [fd07::1]:80",
    ),
    "from the host": (on_host(), (engine(),), "127.0.0.1:80, [::1]:80"),
    "from the host without an engine": (on_host(), (), "127.0.0.1:80, [::1]:80"),
    "from a container in host mode": (
        evolve(on_host(), kind=VantageKind.CONTAINER, network_mode="host"),
        (),
        "127.0.0.1:80, [::1]:80",
    ),
    "from a machine whose engine is in a virtual one": (
        ABROAD,
        (engine(system="Docker Desktop"),),
        "127.0.0.1:80, [::1]:80",
    ),
    "from another machine": (ABROAD, (engine(host="far.example"),), "far.example:80"),
    "from within Docker Desktop": (
        INSIDE,
        (engine(ME, system="Docker Desktop"),),
        "host.docker.internal:80",
    ),
    "from nowhere known": (Vantage(), (), "127.0.0.1:80"),
    "from a container behind a router of link-local address": (
        Vantage(kind=VantageKind.CONTAINER, gateways=(ip_address("fe80::1"),)),
        (),
        "host-address-unknown",
    ),
    "from a container without a network": (
        Vantage(kind=VantageKind.CONTAINER),
        (),
        "host-address-unknown",
    ),
}


@pytest.mark.parametrize("vantage, sources, expected", HOST.values(), ids=HOST)
@pytest.mark.parametrize("name", ["host.docker.internal", "HOST.containers.internal."])
def test_the_host_is_reached_from_everywhere(
    vantage: Vantage, sources: tuple[Told, ...], expected: str, name: str
) -> None:
    why = explain(f"{name}:80", *sources, vantage=vantage)
    said = [*map(str, why.endpoints), *(str(r.reason) for r in why.refusals)]
    assert ", ".join(said) == expected
    assert {e.route for e in why.endpoints} <= {Route.HOST_MODE}


def test_whose_host_is_meant_is_unknown_where_no_source_was_heard() -> None:
    """The engine may be another machine's; what else was heard is of this place."""
    deaf = Told(name="engine", fault=DEAF)
    with pytest.raises(EngineUnavailableError):
        resolve("host.docker.internal:80", deaf, vantage=on_host())
    assert resolve("host.docker.internal:80", deaf, hosts()).startswith("10.7.0.1:80 by vantage")


def test_the_host_without_a_port_is_refused_without_an_engine_too() -> None:
    (refusal,) = explain("host.docker.internal").refusals
    assert (refusal.reason, refusal.fix) == (
        Reason.PORT_UNKNOWN,
        "say host.docker.internal:PORT",
    )


# Explanations.


@pytest.mark.parametrize(
    "sources, vantage, stand",
    [
        ((engine(),), INSIDE, "a container of this engine (me)"),
        ((hosts(),), INSIDE, f"container {ME.short_id}"),
        ((), ABROAD, "host"),
    ],
)
def test_an_explanation_says_where_it_was_asked(
    sources: tuple[Told, ...], vantage: Vantage, stand: str
) -> None:
    why = explain("nobody", *sources, vantage=vantage)
    assert (why.target, why.vantage, why.stand) == ("nobody", vantage, stand)
    assert str(why).splitlines()[0] == f"nobody, asked from {stand}"


def test_an_explanation_has_the_near_misses_of_a_name_that_nobody_knows() -> None:
    why = explain("dbx", engine(), hosts(fact("dbxx", "10.7.0.3")))
    assert (why.near_misses, why.chosen) == (("dbxx", "db"), None)


# Anything at all.

FACTS = st.builds(
    fact,
    st.sampled_from(("", "db", "DB web", "gone")),
    st.sampled_from(("", "10.7.0.2", "10.7.0.77 fd07::77", "172.17.0.9")),
    st.sampled_from(("", "80", "53/udp 80")),
    freshness=st.sampled_from(Freshness),
)
FAULTS = st.sampled_from((DEAF, TimeoutError(), PermissionError(13, "no")))
ORDER: tuple[Callable[[Inventory], Inventory], ...] = (turned, lambda whole: whole)


@given(st.data(), inventories(), TARGETS, st.lists(FACTS | FAULTS, max_size=3))
def test_every_look_up_ends_in_endpoints_or_one_of_our_errors(
    data: st.DataObject, whole: Inventory, target: Target, others: list[Any]
) -> None:
    """And what is explained is what is resolved, in whatever order things are known."""
    vantage = data.draw(callers(whole))
    family = data.draw(st.sampled_from((None, 4, 6)))
    more = [Told(fault=o) if isinstance(o, Exception) else Told(o) for o in others]
    answers = []
    for turn in ORDER:
        sources = (engine_of(turn(whole)), *more)
        try:
            found = look_up(target, *sources, vantage=vantage, family=family).endpoints()
        except DockernetError as error:
            found, told = (), repr(error)
        else:
            told = ""
            assert found
        why = explain(target, *sources, vantage=vantage)
        assert str(why)
        kept = tuple(e for e in why.endpoints if family is None or e.family in (family, None))
        assert found == kept
        assert why.chosen == next(iter(why.endpoints), None)
        answers.append((found, told, why))
    assert answers[0] == answers[1]


def engine_of(whole: Inventory) -> Told:
    return Told(whole, name="engine")


# Everybody.


def peers(*sources: Told, vantage: Vantage = INSIDE) -> list[str]:
    inquiry: Census = driven(Census(vantage, sources))
    assert inquiry.want.target is None
    return [
        f"{p.name} {p.network} {' '.join(map(str, p.addresses))} ({', '.join(p.sources)})"
        for p in inquiry.peers()
    ]


TOWN = (
    ME,
    DB,
    container("both", {"app": 3, "other": 4}),
    beside("side", "db"),
    container("hosted", network_mode="host"),
    container("paused", {"app": 5}, state="paused"),
    WEB,
    beside("orphan", "gone"),
)


def test_in_a_container_the_peers_are_those_on_its_networks() -> None:
    assert peers(engine(*TOWN)) == [
        "both app 10.7.0.3 fd07::3 (engine)",
        "db app 10.7.0.2 fd07::2 (engine)",
        "side app 10.7.0.2 fd07::2 (engine)",
    ]


def test_in_a_namespace_of_two_the_other_is_a_peer() -> None:
    in_side = Vantage(kind=VantageKind.CONTAINER, id=TOWN[3].id)
    assert [line.split()[0] for line in peers(engine(*TOWN), vantage=in_side)] == [
        "both",
        "db",
        "me",
    ]


def test_on_a_host_the_peers_are_all_that_run() -> None:
    assert peers(engine(*TOWN[::-1]), vantage=on_host()) == [
        "both app 10.7.0.3 fd07::3 (engine)",
        "both other 10.8.0.4 fd08::4 (engine)",
        "db app 10.7.0.2 fd07::2 (engine)",
        "hosted None  (engine)",
        "me app 10.7.0.9 fd07::9 (engine)",
        "orphan None  (engine)",
        "side app 10.7.0.2 fd07::2 (engine)",
        "web other 10.8.0.3 fd08::3 (engine)",
    ]


def test_a_container_without_a_name_is_called_by_its_short_id() -> None:
    assert peers(engine(ME, evolve(DB, name="")))[0].startswith(DB.short_id)


def test_peers_of_several_sources_are_merged_by_address_and_name() -> None:
    told = (
        engine(ME, DB),
        hosts(fact("data", "10.7.0.2"), fact("extra", "192.0.2.5")),
        environ(fact("data", "10.7.0.2"), fact("extra", "192.0.2.5"), fact("", "192.0.2.6")),
    )
    assert peers(*told) == [
        "192.0.2.6 None 192.0.2.6 (environ)",
        "db app 10.7.0.2 fd07::2 (engine, hosts, environ)",
        "extra None 192.0.2.5 (hosts, environ)",
    ]


def test_two_that_share_an_address_are_told_apart_by_name_in_any_order() -> None:
    """What is told of the address goes to the first of them."""
    for there in ((ME, DB, beside("aside", "db")), (beside("aside", "db"), DB, ME)):
        assert peers(engine(*there), hosts(fact("data", "10.7.0.2"))) == [
            "aside app 10.7.0.2 fd07::2 (engine, hosts)",
            "db app 10.7.0.2 fd07::2 (engine)",
        ]


def test_peers_of_one_name_on_two_networks_are_two() -> None:
    """What is told without a network is of the first of them."""
    there = (fact("db", "10.7.0.2", network="b"), fact("db", "10.8.0.2", network="a"))
    told = hosts(fact("db", "10.9.0.2"), *there)
    assert peers(told) == ["db a 10.8.0.2 (hosts)", "db b 10.7.0.2 (hosts)"]
    assert peers(Told(*there), environ(fact("db"))) == [
        "db a 10.8.0.2 (told)",
        "db b 10.7.0.2 (told, environ)",
    ]


def test_a_link_without_an_address_is_a_peer_of_its_own() -> None:
    assert peers(engine(ME, DB), environ(fact("db"))) == [
        "db None  (environ)",
        "db app 10.7.0.2 fd07::2 (engine)",
    ]


def test_peers_are_lost_only_where_no_source_was_heard() -> None:
    deaf = Told(name="engine", fault=DEAF)
    assert peers(deaf, hosts(fact("db", "10.7.0.2"))) == ["db None 10.7.0.2 (hosts)"]
    assert peers() == []
    with pytest.raises(EngineUnavailableError):
        peers(deaf, Told(fault=TimeoutError()))


@given(st.data(), inventories(), st.lists(FACTS, max_size=3))
def test_the_peers_do_not_depend_on_the_order(
    data: st.DataObject, whole: Inventory, others: list[Any]
) -> None:
    vantage = data.draw(callers(whole))
    found: list[tuple[Peer, ...]] = []
    for turn in ORDER:
        inquiry: Census = driven(Census(vantage, [engine_of(turn(whole)), Told(*others)]))
        found.append(inquiry.peers())
    assert found[0] == found[1]
    running = {c.name for c in whole.containers if c.running}
    assert {p.name for p in found[0] if p.id is not None} <= running
