"""Checks of the engine, the way, the peers, the kernel and names, on values."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from attrs import evolve
from builders import ABROAD, NETWORKS, WILD, beside, container, inventory, on_host
from examinations import codes, dialled, endpoint, examination, listeners, only

from dockernet import (
    Container,
    Diagnostic,
    Explanation,
    Interface,
    Link,
    LinkReport,
    PortConflict,
    Vantage,
)
from dockernet.doctor import Code, Fix, engines, kernel, names, peers, table, unseen, ways
from dockernet.doctor.examined import Examined, OutsideWorld, Trouble, TroubleKind, Unseen
from dockernet.formats.proc import KernelRoute
from dockernet.model.bindings import HostBinding
from dockernet.model.explanations import NOT_HEARD
from dockernet.model.hosts_lines import HostsLine
from dockernet.model.mappings import FrozenMap
from dockernet.model.places import Dialled, LookUp, Outcome, Place
from dockernet.model.portmap import PortMap
from dockernet.model.ports import Port
from dockernet.model.provenance import Provenance
from dockernet.model.vantage import VantageKind
from dockernet.refusals import Reason, Refusal

WEB = container("web", {"app": 2}, WILD)
CLIENT = container("client", {"app": 3})
STRANGER = container("stranger", {"other": 3})

NAMES = [f"{c.__module__.rpartition('.')[2]} {c.__name__}" for c in table.CHECKS]
NOTHING = Examined(vantage=Vantage())
"""Nothing was gathered at all."""


@pytest.mark.parametrize("check", table.CHECKS, ids=NAMES)
def test_where_nothing_was_gathered_nothing_is_found(check: table.Check) -> None:
    assert codes(check, NOTHING) == []


@pytest.mark.parametrize("check", table.CHECKS, ids=NAMES)
def test_where_all_is_well_nothing_is_found(check: table.Check) -> None:
    known = examination(WEB, target="web:80")
    well = evolve(
        dialled(known, Outcome.ANSWERED),
        switches=FrozenMap({"/proc/sys/net/ipv4/ip_forward": "1"}),
    )
    assert codes(check, well) == []


# The engine.


@pytest.mark.parametrize(
    "kind, code",
    [
        (TroubleKind.UNREACHABLE, "engine-unreachable"),
        (TroubleKind.FORBIDDEN, "engine-forbidden"),
        (TroubleKind.LATE, "engine-late"),
    ],
)
def test_why_the_engine_cannot_be_asked(kind: TroubleKind, code: str) -> None:
    told = only(engines.trouble, evolve(NOTHING, trouble=Trouble(kind, "deaf")))
    assert (told.code, told.observed) == (code, "deaf")


@pytest.mark.parametrize(
    "oldest, found", [("1.53", 1), ("1.52", 0), ("", 0), ("x", 0), ("1.999999", 0)]
)
def test_an_engine_that_speaks_newer_versions_alone(oldest: str, found: int) -> None:
    known = examination(whole=inventory(oldest_api=oldest))
    assert codes(engines.oldest_api, known) == ["api-untried"] * found


@pytest.mark.parametrize(
    "state, command", [("locked", "docker swarm unlock"), ("error", ""), ("active", None)]
)
def test_a_swarm_that_does_not_work(state: str, command: str | None) -> None:
    found = list(engines.swarm(examination(whole=inventory(swarm=state))))
    assert [finding.fix.command for finding in found] == ([] if command is None else [command])


def test_what_the_engine_is_stands_in_the_notes() -> None:
    whole = inventory(
        api_version="1.51", oldest_api="1.24", name="dock", firewall="iptables", swarm="active"
    )
    assert table.report(examination(whole=whole, proxied=False)).notes == (
        "Engine 28.5.2 on dock, API 1.24 to 1.51",
        "it keeps its firewall rules in iptables",
        "its swarm is active",
        "published ports have a userland proxy: no",
    )
    odd = inventory(version="", podman=True, rootless=True, system="Docker Desktop 4")
    assert table.report(examination(whole=odd, proxied=True)).notes == (
        "Podman of no known version on ?, API ? to ?",
        "it runs without root: its networks are in a namespace of its own",
        "it is Docker Desktop: its networks are in a virtual machine",
        "published ports have a userland proxy: yes",
    )


# The way.

NONE = container("none")
MAC = container("mac", {"lan": 2})
LOW = container("low", {"other": 2}, "127.0.0.1:8080->80/tcp")
APART = {"web": container("web", {"apart": 2}), "client": container("client", {"apart": 3})}


@pytest.mark.parametrize(
    "peer, caller, code, command",
    [
        (evolve(WEB, state="exited"), None, "not-running", "docker start web"),
        (evolve(WEB, state="paused"), None, "paused", "docker unpause web"),
        (
            NONE,
            None,
            "no-network",
            "docker network disconnect none none && docker network connect bridge none",
        ),
        (
            evolve(NONE, network_mode="bridge"),
            CLIENT,
            "no-network",
            "docker network connect app none",
        ),
        (WEB, None, "port-unknown", ""),
        (LOW, CLIENT, "published-on-loopback", "docker network connect other client"),
        (
            container("db", {"other": 2}),
            CLIENT,
            "no-shared-network",
            "docker network connect other client",
        ),
        (
            APART["web"],
            APART["client"],
            "icc-disabled",
            (
                "docker network create client-web && docker network connect client-web client"
                " && docker network connect client-web web"
            ),
        ),
        (MAC, None, "driver-not-routed", "docker network connect bridge mac"),
        (
            container("host", network_mode="host"),
            container("client"),
            "host-address-unknown",
            "docker network disconnect none client && docker network connect bridge client",
        ),
    ],
    ids=[
        "stopped",
        "paused",
        "none",
        "no network",
        "no port",
        "loopback",
        "two networks",
        "kept apart",
        "macvlan",
        "no bridge",
    ],
)
def test_a_refusal_is_a_finding_with_a_command(
    peer: Container, caller: Container | None, code: str, command: str
) -> None:
    target = str(peer) if code == "port-unknown" else f"{peer}:80"
    peer = evolve(peer, ports=PortMap()) if code == "port-unknown" else peer
    found = only(ways.refusals, examination(peer, target=target, caller=caller))
    assert (found.code, found.fix.command) == (code, command)
    assert found.fix.command or found.fix.change


def test_a_guest_of_another_s_network_is_not_connected_itself() -> None:
    """The owner of its network is, or the refusal's own words are all there is."""
    owner = container("owner", {"other": 2})
    guest = beside("guest", "owner")
    found = only(ways.refusals, examination(owner, guest, target="guest:80", caller=CLIENT))
    assert found.fix.command == "docker network connect other client"
    lan = container("lan", {"lan": 2})
    beyond = only(ways.refusals, examination(lan, beside("its", "lan"), target="its:80"))
    assert beyond.fix.command == "docker network connect bridge lan"
    gone = only(ways.refusals, examination(guest, target="guest:80"))
    assert (gone.code, gone.fix.command) == (Code.NO_NETWORK, "")
    assert "anew" in gone.fix.change


def test_what_is_dead_is_not_told_to_start_and_the_right_replica_is() -> None:
    dead = only(ways.refusals, examination(evolve(WEB, state="dead"), target="web:80"))
    assert (dead.fix.command, "anew" in dead.fix.change) == ("", True)
    one = container("one", {"app": 2}, service="shop/web/1", state="paused")
    two = container("two", {"app": 3}, service="shop/web/2", state="exited")
    found = {f.code: f.fix.command for f in ways.refusals(examination(one, two, target="web:80"))}
    assert found == {
        Code.PAUSED: "docker unpause one",
        Code.NOT_RUNNING: "docker start two",
    }


def test_from_the_host_there_is_no_caller_to_connect() -> None:
    refusals = tuple(
        Refusal(None, reason, "odd", "do it by hand")
        for reason in (
            Reason.NO_SHARED_NETWORK,
            Reason.ICC_DISABLED,
            Reason.HOST_ADDRESS_UNKNOWN,
            Reason.NOT_PUBLISHED,
        )
    )
    known = examination(WEB, target="web:80")
    told = Explanation(target="web:80", vantage=known.vantage, refusals=refusals)
    found = list(ways.refusals(evolve(known, explanation=told)))
    assert {finding.fix.change for finding in found} == {"do it by hand"}
    unknown = list(ways.refusals(evolve(known, explanation=told, peers=())))
    assert {finding.fix.change for finding in unknown} == {"do it by hand"}


def test_names_that_are_none_make_no_command() -> None:
    """A recording may hold any name; what begins with a dash would be an option."""
    evil = container("--privileged", {"app": 2}, state="exited")
    found = only(ways.refusals, examination(evil, target="--privileged:80"))
    assert found.fix == Fix((), "docker start --privileged")


def test_what_is_started_again_and_again_is_not_told_to_start() -> None:
    falling = evolve(WEB, state="restarting")
    known = examination(falling, target="web:80")
    assert codes(ways.refusals, known) == []
    assert codes(peers.restarting, known) == ["restarting"]


def test_a_name_that_nobody_knows() -> None:
    found = only(ways.unknown, examination(WEB, target="wed:80"))
    assert (found.code, found.fix.change) == (Code.UNKNOWN_PEER, "did you mean web?")
    far = only(ways.unknown, examination(WEB, target="nothing-like-it:80"))
    assert "dockernet peers" in far.fix.change
    deaf = Explanation(
        target="x", vantage=Vantage(), diagnostics=(Diagnostic("engine", NOT_HEARD, "deaf"),)
    )
    trouble = Trouble(TroubleKind.LATE, "deaf")
    assert codes(ways.unknown, evolve(NOTHING, explanation=deaf, trouble=trouble)) == []
    inside = only(ways.unknown, evolve(NOTHING, explanation=deaf))
    assert inside.observed.startswith("no source that was heard knows x")


def test_a_name_of_two_services() -> None:
    one = container("one", {"app": 2}, service="shop/web")
    two = container("two", {"app": 3}, service="mall/web")
    found = only(ways.unknown, examination(one, two, target="web:80"))
    assert (found.code, "shop/web" in found.fix.change) == (Code.AMBIGUOUS_PEER, True)
    told = Explanation(target="x", vantage=Vantage(), notes=("it may mean a or b",))
    bare = only(ways.unknown, evolve(NOTHING, explanation=told))
    assert "Say which one is meant" in bare.fix.change


@pytest.mark.parametrize("outcome", ways.DIALLED)
def test_each_outcome_is_a_finding(outcome: Outcome) -> None:
    known = dialled(examination(WEB, target="web:80"), outcome)
    assert set(codes(ways.dialled, known)) == {ways.DIALLED[outcome].value}
    assert codes(ways.one_family, known) == []


def test_every_outcome_but_the_good_one_has_a_code_and_causes() -> None:
    assert set(ways.DIALLED) == set(Outcome) - {Outcome.ANSWERED}
    assert set(ways.DIALLED.values()) < set(ways.CAUSES)


def test_an_endpoint_that_is_silent_beside_one_that_answers() -> None:
    known = examination(WEB, target="web:80")
    families = [e.family for e in known.endpoints]
    six = dialled(known, *(Outcome.ANSWERED if f == 4 else Outcome.REFUSED for f in families))
    assert codes(ways.one_family, six) == ["one-family-answers"]
    assert codes(ways.dialled, six) == []
    one = dialled(known, Outcome.TIMED_OUT, Outcome.ANSWERED)
    assert codes(ways.dialled, one) == ["timed-out"]
    assert codes(ways.one_family, one) == []


def test_what_it_is_due_to_is_named_and_its_fix_is_the_fix() -> None:
    known = dialled(examination(WEB, target="web:80"), Outcome.CLOSED)
    told = table.report(evolve(known, listening=(listeners(WEB, "127.0.0.1 80"),)))
    closed = next(f for f in told.findings if f.code is Code.CLOSED_AT_ONCE)
    assert closed.causes == (Code.LISTENS_ON_LOOPBACK,)
    assert "0.0.0.0" in closed.fix.change


def test_what_holds_up_one_family_is_no_cause_for_the_other() -> None:
    off = FrozenMap({**ON, [*ON][1]: "0"})
    known = examination(WEB, target="web:80", caller=STRANGER, switches=off)
    told = table.report(dialled(known, Outcome.TIMED_OUT)).findings
    causes = {str(f.evidence[0].where): f.causes for f in told if f.code is Code.TIMED_OUT}
    assert causes == {"10.8.0.1:8080": (), "[fd08::1]:8080": (Code.IPV6_FORWARDING_OFF,)}
    overlapping = evolve(known, routes=(route("10.7.128.0/17"),))
    [first, _] = (
        f
        for f in table.report(dialled(overlapping, Outcome.TIMED_OUT)).findings
        if f.code is Code.TIMED_OUT
    )
    assert first.causes == (Code.OVERLAPPING_SUBNETS,)


def test_what_was_dialled_by_hand_has_no_name() -> None:
    one = Dialled(endpoint("10.7.0.2"), Outcome.REFUSED, "Connection refused")
    other = Dialled(endpoint("fd07::2"), Outcome.ANSWERED)
    assert only(ways.one_family, evolve(NOTHING, dialled=(one, other))).subject == ""
    assert only(ways.dialled, evolve(NOTHING, dialled=(one,))).subject == ""


# The peers.


@pytest.mark.parametrize(
    "at, code",
    [
        (["0.0.0.0 80"], None),
        ([":: 80"], None),
        (["127.0.0.1 80", "172.17.0.2 80"], None),
        (["127.0.0.1 80", "::1 80"], "listens-on-loopback"),
        (["0.0.0.0 8000"], "listens-on-another-port"),
        (["0.0.0.0 80/udp"], "nothing-listens"),
        (["127.0.0.11 80"], "nothing-listens"),
        ([], "nothing-listens"),
    ],
    ids=str,
)
def test_what_the_application_listens_on(at: list[str], code: str | None) -> None:
    known = examination(WEB, target="web:80", listening=(listeners(WEB, *at),))
    assert codes(peers.listening, known) == ([] if code is None else [code])
    everything = examination(WEB, listening=(listeners(WEB, *at),))
    assert codes(peers.listening, everything) == ([] if code is None else [code])


def test_what_else_listens_on_the_host_is_not_of_a_peer_in_host_mode() -> None:
    hosted = container("hosted", network_mode="host")
    there = (listeners(hosted, "0.0.0.0 22"),)
    found = only(peers.listening, examination(hosted, target="hosted:80", listening=there))
    assert (found.code, "22" in str(found)) == (Code.NOTHING_LISTENS, False)


def test_of_many_sockets_the_first_are_told() -> None:
    there = (listeners(WEB, *(f"0.0.0.0 {9000 + n}" for n in range(20))),)
    found = only(peers.listening, examination(WEB, target="web:80", listening=there))
    assert "9007/tcp and 12 more" in found.observed
    assert len(found.evidence) == 8


def test_what_answers_is_listened_on() -> None:
    known = examination(WEB, target="web:80", listening=(listeners(WEB),))
    assert codes(peers.listening, dialled(known, Outcome.ANSWERED)) == []
    assert codes(peers.listening, examination(WEB, target="web:80")) == []


def test_loopback_is_enough_for_who_is_in_one_place_with_it() -> None:
    hosted = container("hosted", network_mode="host")
    there = (listeners(hosted, "127.0.0.1 80"),)
    assert codes(peers.listening, examination(hosted, target="hosted:80", listening=there)) == []
    abroad = examination(hosted, target="hosted:80", caller=CLIENT, listening=there)
    assert codes(peers.listening, abroad) == ["listens-on-loopback"]
    name = Explanation(
        target="hosted:80",
        vantage=ABROAD,
        endpoints=(evolve(endpoint("10.7.0.2"), host="host.docker.internal"),),
    )
    assert codes(peers.listening, evolve(abroad, explanation=name)) == ["listens-on-loopback"]


def test_sctp_has_no_table_and_a_guest_has_its_owner_s() -> None:
    stream = container("web", {"app": 2}, "0.0.0.0:8080->80/sctp")
    assert codes(peers.listening, examination(stream, listening=(listeners(stream),))) == []
    guest = beside("guest", "web")
    known = examination(WEB, guest, target="guest:81", listening=(listeners(WEB, ":: 80"),))
    assert codes(peers.listening, known) == ["listens-on-another-port"]


def test_a_target_without_a_port_means_the_one_that_was_chosen() -> None:
    known = examination(WEB, target="web", listening=(listeners(WEB),))
    assert codes(peers.listening, known) == ["nothing-listens"]


def test_a_peer_that_is_unhealthy() -> None:
    assert codes(peers.unhealthy, examination(evolve(WEB, health="unhealthy"))) == ["unhealthy"]
    assert codes(peers.unhealthy, examination(evolve(WEB, health="healthy"))) == []


@pytest.mark.parametrize(
    "holder, command",
    [
        ({"container": "other"}, "docker stop other && docker start web"),
        ({"pid": 4711, "process": "nginx"}, "kill 4711 && docker start web"),
        ({"pid": 1, "process": "systemd"}, ""),
        ({}, ""),
    ],
    ids=["a container", "a process", "the first process", "nobody known"],
)
def test_a_host_port_that_somebody_holds(holder: dict[str, Any], command: str) -> None:
    conflict = PortConflict(
        port=Port(80),
        binding=HostBinding(None, 8080),
        host_port=8080,
        held=HostBinding(None, 8080),
        **holder,
    )
    stopped = evolve(WEB, state="created")
    known = examination(stopped, conflicts=FrozenMap({stopped.id: (conflict,)}))
    found = only(peers.host_ports, known)
    assert (found.code, found.fix.command) == (Code.HOST_PORT_HELD, command)
    evil = evolve(stopped, name="-x")
    nameless = only(peers.host_ports, examination(evil, conflicts=known.conflicts))
    assert nameless.fix.command == ""


# The kernel.

ON = {
    "/proc/sys/net/ipv4/ip_forward": "1",
    "/proc/sys/net/ipv6/conf/all/forwarding": "1",
    "/proc/sys/net/bridge/bridge-nf-call-iptables": "1",
}
KERNEL = (kernel.forwarding_v4, kernel.forwarding_v6, kernel.bridge_filter)


@pytest.mark.parametrize(
    "check, name, code",
    [
        (KERNEL[0], next(iter(ON)), "ipv4-forwarding-off"),
        (KERNEL[1], [*ON][1], "ipv6-forwarding-off"),
        (KERNEL[2], [*ON][2], "bridge-not-filtered"),
    ],
    ids=["IPv4", "IPv6", "bridges"],
)
def test_a_setting_that_is_off(check: table.Check, name: str, code: str) -> None:
    off = examination(WEB, switches=FrozenMap({**ON, name: "0"}))
    found = only(check, off)
    assert (found.code, found.evidence[0].where) == (code, name)
    assert found.fix.command.startswith("sysctl -w net.")
    assert found.fix.command.endswith("=1")
    assert codes(check, examination(WEB, switches=FrozenMap(ON))) == []
    assert codes(check, examination(WEB, switches=FrozenMap[str, str]())) == []
    bare = inventory(WEB, networks=[NETWORKS["inner"]])
    assert codes(check, examination(whole=bare, switches=FrozenMap({**ON, name: "0"}))) == []


def test_what_needs_no_forwarding_is_not_held_up_by_it() -> None:
    """What crosses one bridge, what the host sends, and what a proxy passes on."""
    near = container("near", {"app": 4})
    whole = inventory(WEB, near, CLIENT, STRANGER, forwards=False)

    def told(target: str = "web:80", **facts: Any) -> list[str]:
        return codes(kernel.forwarding_v4, examination(whole=whole, target=target, **facts))

    assert told() == told("near:80", caller=CLIENT) == []
    assert told(caller=STRANGER) == ["ipv4-forwarding-off"]
    assert told(caller=STRANGER, proxied=True) == []
    assert told(vantage=ABROAD, machine=None) == ["ipv4-forwarding-off"]
    far = examination(whole=whole, target="near:80", caller=CLIENT)
    lost = OutsideWorld(host="198.51.100.7", port=443)
    assert codes(kernel.forwarding_v4, evolve(far, outside=lost)) == ["ipv4-forwarding-off"]
    well = dialled(examination(whole=whole, target="web:80", caller=STRANGER), Outcome.ANSWERED)
    assert codes(kernel.forwarding_v4, well) == []


def test_a_target_is_about_its_own_networks_alone() -> None:
    """And the caller's: what is wrong with others does not stand in the way."""
    off = FrozenMap({**ON, [*ON][2]: "0"})
    routes = (route("10.8.128.0/17"),)
    known = examination(WEB, target="web:80", caller=CLIENT, switches=off, routes=routes)
    assert codes(kernel.bridge_filter, known) == codes(kernel.overlaps, known) == []
    every = examination(WEB, switches=off, routes=routes)
    assert codes(kernel.bridge_filter, every) == ["bridge-not-filtered"]
    assert codes(kernel.overlaps, every) == ["overlapping-subnets"]


def test_an_engine_elsewhere_tells_whether_its_host_forwards() -> None:
    off = examination(whole=inventory(WEB, forwards=False))
    assert only(kernel.forwarding_v4, off).evidence[0].where == "/info"
    assert codes(kernel.forwarding_v4, examination(whole=inventory(WEB, forwards=True))) == []


def route(subnet: str, interface: str = "tun0", hop: str | None = None) -> KernelRoute:
    return KernelRoute(interface, ip_network(subnet), hop and ip_address(hop), 0)  # type: ignore[arg-type]  # None stays None


def test_a_route_of_the_host_into_a_network() -> None:
    app = NETWORKS["app"].interface or ""
    routes = (
        route("10.7.0.0/16", app),
        route("0.0.0.0/0", "eth0", "192.0.2.254"),
        route("192.0.2.0/24", "eth0"),
        route("10.7.128.0/17", "tun0", "10.250.0.1"),
        route("fd07::/72", "tun0"),
    )
    found = list(kernel.overlaps(examination(routes=routes)))
    assert [finding.fix.command for finding in found] == [
        "ip route del 10.7.128.0/17 via 10.250.0.1 dev tun0",
        "ip -6 route del fd07::/72 dev tun0",
    ]
    assert [finding.evidence[0].where for finding in found] == [
        "/proc/net/route",
        "/proc/net/ipv6_route",
    ]
    assert codes(kernel.overlaps, examination(routes=routes, machine=None)) == []


@pytest.mark.parametrize("subnet", ["0.0.0.0/1", "8.0.0.0/5", "::/1", "2000::/3", "fc00::/7"])
def test_a_route_for_all_the_rest_overlaps_with_nothing(subnet: str) -> None:
    assert codes(kernel.overlaps, examination(routes=(route(subnet),))) == []


@pytest.mark.parametrize(
    "there",
    [route("10.0.0.0/8", "tun0", "10.250.0.1"), route("10.7.0.0/24", "eth0")],
    ids=["a VPN", "the host's own network"],
)
def test_a_route_that_more_depends_on_is_not_deleted(there: KernelRoute) -> None:
    own = Interface(name="eth0", addresses=(ip_address("10.7.0.7"),))
    near = on_host()
    machine = evolve(near, interfaces=(*near.interfaces, own))
    found = list(
        kernel.overlaps(examination(WEB, target="web:80", routes=(there,), machine=machine))
    )
    assert [(f.fix.command, f.fix.change) for f in found] == [
        ("", "make app with another --subnet")
    ]


# Names.

BRIDGED = container("web", {"bridge": 2})
CALLER = container("client", {"bridge": 3})


def place(*lines: str, **facts: Any) -> Place:
    told = tuple(HostsLine(ip_address(line.split()[0]), tuple(line.split()[1:])) for line in lines)
    return Place(hosts=told, **facts)


def test_the_default_bridge_has_no_names() -> None:
    known = examination(BRIDGED, target="web:80", caller=CALLER)
    found = only(names.no_names, known)
    assert found.code is Code.NO_NAMES_HERE
    assert found.evidence[0].text == "no link has the alias web"
    assert found.fix.command.startswith("docker network create client-web && ")
    read = only(names.no_names, evolve(known, place=place("10.17.0.9 db")))
    assert read.evidence[0].text == "no line has web"


@pytest.mark.parametrize(
    "known",
    [
        examination(BRIDGED, target="web:80", caller=CALLER, place=place("10.17.0.2 WEB")),
        examination(
            evolve(BRIDGED, linked_as=(("client", "web"),)),
            target="web:80",
            caller=container("client", {"bridge": 3}, links=["web:web"]),
        ),
        examination(WEB, target="web:80", caller=CLIENT),
        examination(BRIDGED, target="web:80"),
        examination(CALLER, target="client:80", caller=CALLER),
        examination(BRIDGED, target="10.17.0.2:80", caller=CALLER),
        examination(BRIDGED, target="host.docker.internal:80", caller=CALLER),
        examination(WEB, target="web:80", caller=CALLER),
        examination(
            container("web", {"bridge": 2, "app": 2}),
            target="web:80",
            caller=container("client", {"bridge": 3, "app": 3}),
        ),
    ],
    ids=["a line", "a link", "a network", "host", "self", "address", "the host", "apart", "both"],
)
def test_names_are_not_missed_where_there_are_some(known: Examined) -> None:
    assert codes(names.no_names, known) == []


def test_an_alias_of_another_network() -> None:
    web = container("web", {"other": 2}, aliases={"other": "Data"})
    known = examination(web, target="data:80", caller=CLIENT)
    found = only(names.other_network, known)
    assert found.fix.command == "docker network connect other client"
    assert codes(ways.refusals, known) == codes(ways.unknown, known) == []
    stopped = examination(evolve(web, state="exited"), target="data:80", caller=CLIENT)
    assert codes(names.other_network, stopped) == []
    own = examination(web, target="web:80", caller=CLIENT)
    assert codes(names.other_network, own) == []


@pytest.mark.parametrize(
    "told, caller, command",
    [
        (LookUp(name="x", word="refused"), CLIENT, "docker restart client"),
        (LookUp(name="x"), None, ""),
    ],
    ids=["a container", "no engine"],
)
def test_an_embedded_dns_that_is_silent(
    told: LookUp, caller: Container | None, command: str
) -> None:
    known = examination(WEB, caller=caller, own_name=told)
    assert only(names.embedded_dns, known).fix.command == command
    answering = evolve(known, own_name=evolve(told, code="NOERROR"))
    assert codes(names.embedded_dns, answering) == []


def test_link_variables_that_are_old() -> None:
    db = evolve(container("db", {"bridge": 9}), linked_as=(("client", "data"),))
    caller = container("client", {"bridge": 3}, links=["db:data"])

    def known(address: str) -> Examined:
        link = Link("data", addresses=(ip_address(address),), provenances=(Provenance.ENVIRON,))
        return examination(db, caller=caller, place=Place(links=LinkReport((link,))))

    found = only(names.stale_variables, known("10.17.0.2"))
    assert (found.subject, found.fix.command) == ("data", "docker restart client")
    assert codes(names.stale_variables, known("10.17.0.9")) == []


def test_without_an_engine_fresher_sources_tell_of_old_variables() -> None:
    odd = (
        Diagnostic("environ", "data", "stale: it says 10.17.0.2"),
        Diagnostic("environ", "data", "odd"),
        Diagnostic("hosts", "data", "stale: it says 10.17.0.2"),
    )
    told = Explanation(target="data", vantage=Vantage(), diagnostics=odd)
    found = only(names.stale_variables, evolve(NOTHING, explanation=told))
    assert (found.subject, found.fix.change) == ("data", "restart this container")
    recorded = evolve(NOTHING, explanation=told, recorded=True)
    assert codes(names.stale_variables, recorded) == []


def test_a_hosts_line_that_is_old() -> None:
    lines = ("10.7.0.9 web", "10.7.0.2 web", "10.9.9.9 nobody", "192.0.2.7 web", "10.7.0.1 web")
    known = examination(WEB, caller=CLIENT, place=place(*lines))
    found = only(names.stale_lines, known)
    assert "web at 10.7.0.9" in found.observed
    assert "10.7.0.9\tweb" in found.fix.change
    gone = examination(evolve(WEB, state="exited"), caller=CLIENT, place=place(*lines))
    assert codes(names.stale_lines, gone) == []
    addressless = examination(evolve(WEB, networks=()), caller=CLIENT, place=place("10.7.0.9 web"))
    assert "its address is none" in only(names.stale_lines, addressless).observed


def test_a_name_at_two_addresses() -> None:
    lines = ("10.7.0.9 wiki WIKI", "fd07::9 wiki", "10.7.0.9 wiki", "10.7.0.8 Wiki")
    known = examination(WEB, caller=CLIENT, place=place(*lines))
    assert only(names.doubled_lines, known).observed == "wiki is at 10.7.0.9 and at 10.7.0.8"


def test_the_hosts_file_of_a_machine_is_its_own_affair() -> None:
    known = examination(WEB, place=place("10.7.0.9 web", "10.7.0.8 web"))
    assert known.vantage.kind is VantageKind.HOST
    assert codes(names.stale_lines, known) == codes(names.doubled_lines, known) == []


# What could not be seen, and the report of all.


def test_what_could_not_be_seen_is_told() -> None:
    dark, denied = Unseen("it", "far away"), Unseen("it", "needs root", permitted=False)
    found = list(unseen.unseen(evolve(NOTHING, unseen=(dark, denied))))
    assert [finding.code for finding in found] == [Code.NOT_EXAMINED, Code.NOT_PERMITTED]
    assert "sudo" in found[1].fix.change


def test_the_report_tells_where_and_what_answered() -> None:
    known = dialled(examination(WEB, target="web:80"), Outcome.ANSWERED)
    told = table.report(known)
    assert (told.target, told.stand) == ("web:80", "the engine's host")
    assert told.notes[0] == "127.0.0.1:8080 (published) was dialled, and answers"
    assert table.report(evolve(known, recorded=True)).stand == "the engine's host, as recorded"
    datagram = table.report(examination(WEB, target="web:53/udp"))
    assert "only tcp is dialled" in datagram.notes[0]
