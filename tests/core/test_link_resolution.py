"""Links as their recipient needs them: where each port of a peer is dialled from there."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from builders import (
    ABROAD,
    WILD,
    Told,
    beside,
    container,
    fact,
    inside,
    inventory,
    on_host,
)

from dockernet import Link, LinkReport, Port, Provenance, Resolver, UnreachableError, Vantage
from dockernet._link_resolution import Linking, target_of
from dockernet.errors import FormatError, PeerNotFoundError
from dockernet.model.facts import Freshness, Inventory

ME = container("me", {"app": 9, "bridge": 9}, links=["db:store"])
DB = container("db", {"app": 2, "bridge": 2}, "5432/tcp, 53/udp")
WEB = container("web", {"other": 3}, f"{WILD}, 81/tcp")


def seen(*wanted: Link | str, whole: Inventory, vantage: Vantage, said: Any = ()) -> LinkReport:
    sources = [Told(whole, name="engine"), Told(*said)]
    return Resolver(sources, vantage=vantage).links(*wanted)


def told(report: LinkReport) -> list[str]:
    """Links in one line each."""
    return [
        " ".join(
            (
                f"{link.recipient} -> {link}:",
                *map(str, (*link.addresses, *link.ports)),
                *(f"[{e.container_port} at {e}]" for e in link.endpoints),
            )
        )
        for link in report.links
    ]


def odd(report: LinkReport) -> list[str]:
    return list(map(str, report.diagnostics))


# Links that are asked for.


def test_a_peer_on_the_same_network_is_dialled_at_its_own_address() -> None:
    report = seen("db", "db:base:5432", whole=inventory(ME, DB), vantage=inside(ME))
    assert told(report) == [
        "me -> db:db: 10.7.0.2 fd07::2 10.17.0.2 fd17::2 5432/tcp 53/udp",
        "me -> db:base: 10.7.0.2 fd07::2 10.17.0.2 fd17::2 5432/tcp",
    ]
    assert odd(report) == []


def test_over_a_host_port_the_endpoints_tell_what_is_dialled() -> None:
    report = seen("web", whole=inventory(ME, WEB), vantage=on_host(hostname="dock"))
    [link] = report.links
    assert [str(e) for e in link.endpoints] == ["127.0.0.1:8080", "10.8.0.3:81"]
    assert link.to_environ()["WEB_PORT_80_TCP"] == "tcp://127.0.0.1:8080"
    assert link.to_environ()["WEB_PORT_81_TCP"] == "tcp://10.8.0.3:81"
    assert link.recipient == "dock"


def test_where_ports_are_dialled_at_several_addresses_a_line_has_one_of_all() -> None:
    peer = container("web", {"other": 3}, "127.0.0.1:80->80/tcp, 81/tcp")
    [link] = seen("web", whole=inventory(ME, peer), vantage=on_host()).links
    assert [str(e) for e in link.endpoints] == ["127.0.0.1:80", "10.8.0.3:81"]
    assert [str(line.address) for line in link.hosts_lines()] == ["10.8.0.3", "fd08::3"]


def test_ports_at_addresses_that_have_nothing_in_common_have_no_line() -> None:
    peer = container("web", {"other": 3}, "192.0.2.1:80->80/tcp, 192.0.2.2:81->81/tcp")
    [link] = seen("web", whole=inventory(ME, peer), vantage=ABROAD).links
    assert [str(e) for e in link.endpoints] == ["192.0.2.1:80", "192.0.2.2:81"]
    assert (link.addresses, link.hosts_lines()) == ((), ())


def test_ports_that_no_route_leads_to_are_left_out_and_told() -> None:
    report = seen("web", whole=inventory(ME, WEB), vantage=ABROAD)
    assert told(report) == ["desk -> web:web: 80/tcp [80/tcp at 127.0.0.1:8080]"]
    [diagnostic] = report.diagnostics
    assert (diagnostic.source, diagnostic.subject) == ("links", "web:81/tcp")
    assert "81/tcp is not published" in diagnostic.reason


def test_where_no_port_is_in_reach_the_reasons_are_those_of_all() -> None:
    hidden = container("web", {"other": 3}, "80/tcp, 81/tcp")
    with pytest.raises(UnreachableError) as caught:
        seen("web", whole=inventory(ME, hidden), vantage=ABROAD)
    assert caught.value.target == "web"
    assert len(caught.value.refusals) > 1


def test_of_replicas_the_first_is_linked() -> None:
    replicas = (
        container(f"db-{n}", {"app": n}, "5432/tcp", service=f"shop/db/{n}") for n in (3, 2)
    )
    report = seen("shop/db", whole=inventory(ME, *replicas), vantage=inside(ME))
    assert told(report) == ["me -> db-2:db: 10.7.0.2 fd07::2 5432/tcp"]


def test_a_peer_without_ports_is_linked_by_its_address() -> None:
    report = seen("db", whole=inventory(ME, container("db", {"app": 2})), vantage=inside(ME))
    assert told(report) == ["me -> db:db: 10.7.0.2 fd07::2"]
    assert report.links[0].endpoints == ()
    assert report.links[0].to_environ() == {"DB_NAME": "/me/db"}


def test_a_peer_in_another_s_network_has_its_ports() -> None:
    whole = inventory(ME, DB, beside("guest", "db"))
    [link] = seen("guest:g", whole=whole, vantage=inside(ME)).links
    assert list(map(str, link.ports)) == ["5432/tcp", "53/udp"]


def test_ports_of_one_alias_and_peer_come_together_and_all_win() -> None:
    whole = inventory(ME, DB)
    some = seen("db:x:80", "db:x:53/udp", "db:y:80", whole=whole, vantage=inside(ME))
    assert [list(map(str, link.ports)) for link in some.links] == [["80/tcp", "53/udp"], ["80/tcp"]]
    for order in (("db:x:80", "db:x"), ("db:x", "db:x:80")):
        [every] = seen(*order, whole=whole, vantage=inside(ME)).links
        assert list(map(str, every.ports)) == ["5432/tcp", "53/udp"]


def test_a_link_that_is_asked_for_and_leads_nowhere_is_an_error() -> None:
    for text, kind in (("nobody", PeerNotFoundError), ("a:b:c:d", FormatError)):
        with pytest.raises(kind):
            seen(text, whole=inventory(ME, DB), vantage=inside(ME))
    stopped = inventory(ME, evolve(DB, state="exited"))
    with pytest.raises(UnreachableError):
        seen("db", whole=stopped, vantage=inside(ME))


def test_a_port_that_nobody_said_is_in_no_reason() -> None:
    portless = inventory(ME, container("db", {"other": 2}))
    with pytest.raises(UnreachableError) as caught:
        seen("db", whole=portless, vantage=inside(ME))
    assert "its port is not published" in str(caught.value)
    assert "1/tcp" not in str(caught.value)
    with pytest.raises(UnreachableError, match="port 1/tcp is not published"):
        seen("db:db:1", whole=portless, vantage=inside(ME))
    for text in ("nobody", "nobody:x:80"):
        with pytest.raises(PeerNotFoundError) as missed:
            seen(text, whole=portless, vantage=inside(ME))
        assert missed.value.target == "nobody"


def test_a_link_value_is_asked_for_as_it_is() -> None:
    wanted = Link("with space", "someone", "db", ports=(Port(5432),))
    linked = evolve(ME, links=(evolve(wanted, recipient="me", ports=()),))
    [link] = seen(wanted, whole=inventory(linked, DB), vantage=inside(linked)).links
    assert (link.recipient, link.alias, link.peer) == ("someone", "with space", "db")
    assert target_of(Link("a b")).name == "a b"
    assert target_of(Link("a", None, "shop/db")).project == "shop"


# Links that are known.


def given(alias: str, peer: str = "db", **more: Any) -> Link:
    return Link(alias, "me", peer, provenances=(Provenance.LEGACY,), **more)


def test_every_link_of_the_caller_is_looked_up() -> None:
    caller = evolve(ME, links=(given("store"), given("base")))
    report = seen(whole=inventory(caller, DB), vantage=inside(caller))
    assert [link.alias for link in report.links] == ["base", "store"]
    assert [link.peer_state for link in report.links] == ["running", "running"]
    assert odd(report) == []


def test_links_of_others_and_of_strangers_are_none_of_the_caller_s() -> None:
    other = container("other", {"bridge": 8}, links=["db:store"])
    for vantage in (inside(other), Vantage(), on_host()):
        whole = inventory(evolve(ME, links=(given("store"),)), evolve(other, links=()), DB)
        assert seen(whole=whole, vantage=vantage) == LinkReport()


def test_a_known_link_that_leads_nowhere_is_left_out_and_told() -> None:
    caller = evolve(ME, links=(given("store"), given("gone", "nobody")))
    report = seen(whole=inventory(caller, DB), vantage=inside(caller))
    assert [link.alias for link in report.links] == ["store"]
    [diagnostic] = report.diagnostics
    assert (diagnostic.source, diagnostic.subject) == ("links", "gone")
    assert diagnostic.reason.startswith("left out: nothing reaches 'gone' from here: stale")


def test_a_known_link_that_leads_nowhere_is_an_error_where_each_has_to_lead_somewhere() -> None:
    caller = evolve(ME, links=(given("store"), given("gone", "nobody")))
    resolver = Resolver([Told(inventory(caller, DB))], vantage=inside(caller))
    with pytest.raises(UnreachableError, match="nothing reaches 'gone' from here: stale"):
        resolver.links(strict=True)


def test_a_legacy_link_leads_to_the_default_bridge_whatever_else_both_are_on() -> None:
    caller = evolve(ME, links=(given("store"), given("base", networks=("app",))))
    report = seen(whole=inventory(caller, DB), vantage=inside(caller))
    assert [(link.alias, str(link.address)) for link in report.links] == [
        ("base", "10.7.0.2"),
        ("store", "10.17.0.2"),
    ]


def test_variables_and_hosts_lines_make_links_without_an_engine() -> None:
    said = (
        fact("db", "10.7.0.9", "5432", provenance=Provenance.ENVIRON),
        fact("db a1b2", "10.7.0.2", freshness=Freshness.ANSWERED, provenance=Provenance.HOSTS),
        fact("wiki", "10.9.9.9", "80"),
    )
    said = (evolve(said[0], freshness=Freshness.STARTED), *said[1:])
    report = Resolver([Told(*said)], vantage=Vantage(hostname="api")).links()
    assert told(report) == ["api -> db:db: 10.7.0.2 5432/tcp"]
    assert [link.provenances for link in report.links] == [(Provenance.HOSTS, Provenance.ENVIRON)]
    assert odd(report) == [
        "variables: db: stale: it says 10.7.0.9; fresh from hosts file: 10.7.0.2",
    ]


def test_links_to_replicas_under_one_alias_are_looked_up_once() -> None:
    replicas = [container(f"db-{n}", {"app": n}, "1/tcp", service=f"shop/db/{n}") for n in (2, 3)]
    links = tuple(given("db", c.name, networks=("app",)) for c in replicas)
    caller = evolve(ME, links=links)
    report = seen(whole=inventory(caller, *replicas), vantage=inside(caller))
    assert told(report) == ["me -> db-2:db: 10.7.0.2 fd07::2 1/tcp"]


def test_a_linking_begins_with_nothing_found() -> None:
    assert Linking.of(["db"]).report() == LinkReport()
    assert Linking.of(["db"]).peers == ()
