"""The table of routes, row by row: each test name is what must be true."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

import pytest
from attrs import evolve
from builders import (
    ABROAD,
    LOOPBACK,
    NETWORKS,
    ROUTED,
    SPECIFIC,
    WILD,
    beside,
    callers,
    container,
    inside,
    inventories,
    inventory,
    on_host,
    only,
    turned,
)
from hypothesis import given
from hypothesis import strategies as st

from dockernet._routes import TABLE, Case, walk
from dockernet._standing import Stand, network_owner, standing
from dockernet.model.bindings import HostBinding
from dockernet.model.containers import Container
from dockernet.model.endpoints import Endpoint
from dockernet.model.facts import EngineProfile, Inventory
from dockernet.model.portmap import PortMap
from dockernet.model.ports import Port, PortRange
from dockernet.model.vantage import Vantage, VantageKind
from dockernet.refusals import Reason, Refusal, Route

Answers = tuple[tuple[Endpoint, ...], tuple[Refusal, ...]]

HOST = on_host()
CALLERS: dict[str, Container | Vantage] = {
    "on-app": container("caller", {"app": 9}),
    "on-other": container("caller", {"other": 9}),
    "on-app-and-other": container("caller", {"app": 9, "other": 9}),
    "on-bridge": container("caller", {"bridge": 9}),
    "on-bridge-and-other": container("caller", {"bridge": 9, "other": 9}),
    "on-inner": container("caller", {"inner": 9}),
    "on-apart": container("caller", {"apart": 9}),
    "on-lan": container("caller", {"lan": 9}),
    "on-open": container("caller", {"open": 9}),
    "on-none": container("caller"),
    "beside-db": beside("caller", "db"),
    "in-host-mode": container("caller", network_mode="host"),
    "stranger": inside(container("stranger", {"app": 9})),
    "host": HOST,
    "host-by-hand": Vantage(kind=VantageKind.HOST),
    "host-of-other": on_host(NETWORKS["other"]),
    "host-of-default": on_host(NETWORKS["bridge"]),
    "abroad": ABROAD,
}
SPLIT = "0.0.0.0:32782->80/tcp, [::]:32780->80/tcp"
UNDECIDED = PortMap({Port(80): [HostBinding(None, 0), HostBinding(None, PortRange(8000, 8010))]})
TWICE = f"{SPECIFIC}, {LOOPBACK.replace('8080', '9090')}"
ON_IPV4 = only(4, inventory(container("db", {"app": 2}))).containers[0]
PEERS = {
    "db": container("db", {"app": 2}, "80/tcp"),
    "both": container("db", {"app": 2, "other": 2}, "80/tcp"),
    "apart": container("db", {"apart": 2}, "80/tcp", linked_as=(("caller", "data"),)),
    "apart-published": container("db", {"apart": 2}, WILD),
    "linked": container("db", {"bridge": 2}, "80/tcp", linked_as=(("caller", "data"),)),
    "linked-to-another": container("db", {"bridge": 2}, "80/tcp", linked_as=(("x", "data"),)),
    "inner": container("db", {"inner": 2}),
    "lan": container("db", {"lan": 2}),
    "lan-published": container("db", {"lan": 2}, SPLIT),
    "lan-and-app": container("db", {"lan": 2, "app": 2}),
    "mesh": container("db", {"mesh": 2}),
    "alone": container("db"),
    "unplugged": container("db", network_mode="app"),
    "in-host-mode": container("db", network_mode="host"),
    "published": container("db", {"app": 2}, WILD),
    "ipv4-published": evolve(ON_IPV4, ports=PortMap.parse(WILD)),
    "other-published": container("db", {"other": 2}, WILD),
    "proxied": evolve(ON_IPV4, ports=PortMap.parse("[::]:32780->80/tcp")),
    "split": container("db", {"app": 2}, SPLIT),
    "loopback": container("db", {"app": 2}, LOOPBACK),
    "lan-loopback": container("db", {"lan": 2}, LOOPBACK),
    "specific": container("db", {"app": 2}, SPECIFIC),
    "lan-specific": container("db", {"lan": 2}, SPECIFIC),
    "twice": container("db", {"app": 2}, TWICE),
    "undecided": evolve(container("db", {"app": 2}), ports=UNDECIDED),
    "ipv6-alone": container("db", {"app": 2}, "[::]:32780->80/tcp"),
    "routed": container("db", {"open": 2}, ROUTED),
    "routed-exposed": container("db", {"open": 2}, "80/tcp"),
    "routed-beside-nat": container("db", {"app": 2, "open": 2}, WILD),
    "stopped": container("db", {"app": 2}, "80/tcp", state="exited"),
    "stateless": container("db", {"app": 2}, "80/tcp", state=""),
    "paused": container("db", {"app": 2}, WILD, state="paused"),
    "beside-owner": beside("db", "owner"),
}
ENGINES: dict[str, dict[str, Any]] = {
    "": {},
    "27": {"version": "27.5.1"},
    "apart": {"networks": (evolve(NETWORKS["bridge"], icc=False),)},
    "untold": {"networks": (evolve(NETWORKS["inner"], subnets=(), gateways=()),)},
    "isolated": {"networks": (NETWORKS["bridge"], evolve(NETWORKS["inner"], isolated=(4, 6)))},
    "plugin": {"networks": (NETWORKS["bridge"], evolve(NETWORKS["app"], driver="weave"))},
    "half": {"networks": tuple(evolve(NETWORKS[n], isolated=(4,)) for n in ("other", "inner"))},
    "bare": {
        "networks": (
            NETWORKS["app"],
            evolve(NETWORKS["other"], masquerade=False),
            evolve(NETWORKS["open"], masquerade=False),
        )
    },
    "rootless": {"rootless": True},
    "name": {"host": "engine.example"},
    "IPv4": {"host": ip_address("192.0.2.7")},
    "IPv6": {"host": ip_address("2001:db8::7")},
}
OWNER = container("owner", {"app": 2}, WILD)

# A sentence, and below it: the caller, the peer and its port, the engine where it is a
# special one; then every endpoint, best first, and the reason of every refusal.
ROWS = """
in the peer's own namespace it is loopback, then its own addresses
  beside-db db:80: same namespace 127.0.0.1:80, same namespace [::1]:80, \
shared network 10.7.0.2:80, shared network [fd07::2]:80
a container reaches itself where containers are kept apart
  beside-db apart:80: same namespace 127.0.0.1:80, same namespace [::1]:80, \
shared network 10.10.0.2:80, shared network [fd10::2]:80
a peer without a network is reached from beside it
  beside-db alone:80: same namespace 127.0.0.1:80, same namespace [::1]:80

on one network it is the peer's address there, at any port
  on-app db:1234/udp: shared network 10.7.0.2:1234, shared network [fd07::2]:1234
on two shared networks the first by name comes first
  on-app-and-other both:80: shared network 10.7.0.2:80, shared network [fd07::2]:80, \
shared network 10.8.0.2:80, shared network [fd08::2]:80
a peer on two networks is dialled on the shared one
  on-other both:80: shared network 10.8.0.2:80, shared network [fd08::2]:80
a shared network comes before a published port
  on-app published:80: shared network 10.7.0.2:80, shared network [fd07::2]:80, \
gateway 10.7.0.1:8080, gateway [fd07::1]:8080
an internal network is shared like any other
  on-inner inner:80: shared network 10.9.0.2:80, shared network [fd09::2]:80
macvlan is shared like any other network
  on-lan lan:80: shared network 10.12.0.2:80, shared network [fd12::2]:80

where containers are kept apart there is a refusal, whatever links say
  on-apart apart:80: icc-disabled
where containers are kept apart a published port still does
  on-apart apart-published:80: gateway 10.10.0.1:8080, gateway [fd10::1]:8080, icc-disabled
on the default bridge a legacy link opens exposed ports, for IPv4
  on-bridge linked:80 @apart: link 10.17.0.2:80
on the default bridge a legacy link opens no other port
  on-bridge linked:81 @apart: not-exposed
on the default bridge another's link opens nothing
  on-bridge linked-to-another:80 @apart: icc-disabled

a peer in host mode is at the host's address on the caller's bridge
  on-app in-host-mode:80: host mode 10.7.0.1:80, host mode [fd07::1]:80
a peer in host mode is reached from an internal network, too
  on-inner in-host-mode:80: host mode 10.9.0.1:80, host mode [fd09::1]:80
a peer in host mode is out of reach where nothing tells the host's address
  on-inner in-host-mode:80 @untold: host-address-unknown
a peer in host mode is out of reach from an isolated network, where the host has no address
  on-inner in-host-mode:80 @isolated: host-address-unknown
a peer in host mode is out of reach where the caller is on no bridge
  on-lan in-host-mode:80: host-address-unknown

a port published everywhere is at the gateway
  on-other published:80: gateway 10.8.0.1:8080, gateway [fd08::1]:8080
each family's gateway goes with that family's host port
  on-other split:80: gateway 10.8.0.1:32782, gateway [fd08::1]:32780
a bridge without an address of the host leads nowhere, in that family
  on-other published:80 @half: gateway [fd08::1]:8080
a port that was published on any free one is dialled on none
  on-other undecided:80: no-shared-network
a caller on two bridges takes the one with its default route
  on-bridge-and-other published:80: gateway 10.17.0.1:8080, gateway [fd17::1]:8080
a port published on an address of the host is at that address
  on-other specific:80: gateway 192.0.2.7:8080, gateway [2001:db8::7]:8080
a port published on loopback is refused
  on-other loopback:80: published-on-loopback, published-on-loopback
a port published on loopback and on an address is at the address
  on-other twice:80: gateway 192.0.2.7:8080, gateway [2001:db8::7]:8080, \
published-on-loopback, published-on-loopback
a published port is out of reach from an internal network
  on-inner published:80: no-shared-network
a published port is out of reach from macvlan
  on-lan published:80: no-shared-network
a caller without a network reaches nobody
  on-none published:80: no-shared-network
another port than the published one is out of reach
  on-other published:81: no-shared-network
a peer beside another has that one's bindings
  on-other beside-owner:80: gateway 10.8.0.1:8080, gateway [fd08::1]:8080

without masquerading, ports of other networks are out of reach
  on-other published:80 @bare: no-shared-network
without masquerading, those at an address of the host are, too
  on-other specific:80 @bare: no-shared-network
without masquerading, a peer without the family is reached by its proxy
  on-other proxied:80 @bare: gateway [fd08::1]:32780
without masquerading, ports of the own network are reached
  on-other other-published:80 @bare: shared network 10.8.0.2:80, shared network [fd08::2]:80, \
gateway 10.8.0.1:8080, gateway [fd08::1]:8080
without masquerading, what a routed network answers is lost
  on-other routed:80 @bare: no-shared-network
from a routed network all is as with masquerading
  on-open published:80 @bare: gateway 10.11.0.1:8080, gateway [fd11::1]:8080

a published port of a routed network is at the peer's address
  on-other routed:80: routed 10.11.0.2:80, routed [fd11::2]:80
before Engine 28 a routed network opens nothing
  on-other routed:80 @27: no-shared-network
a routed network opens nothing that is not published
  on-other routed-exposed:80: no-shared-network
a routed network opens nothing to an internal one
  on-inner routed:80: no-shared-network
a routed network opens nothing where another one has the bindings
  on-other routed-beside-nat:80: gateway 10.8.0.1:8080, gateway [fd08::1]:8080
a peer on no shared network, of which nothing is published, is refused
  on-other db:80: no-shared-network

in host mode it is as on the host
  in-host-mode published:80: published 127.0.0.1:8080, published [fd07::1]:8080, \
direct 10.7.0.2:80, direct [fd07::2]:80
in host mode a peer in host mode is at loopback
  in-host-mode in-host-mode:80: host mode 127.0.0.1:80, host mode [::1]:80
on the host a peer in host mode is at loopback
  host in-host-mode:80: host mode 127.0.0.1:80, host mode [::1]:80
on the host a port published everywhere is at an own address, then at the peer's
  host published:80: published 127.0.0.1:8080, published [fd07::1]:8080, \
direct 10.7.0.2:80, direct [fd07::2]:80
on the host a port that the proxy has for IPv6 is at its loopback, where the peer has none
  host ipv4-published:80: published 127.0.0.1:8080, published [::1]:8080, direct 10.7.0.2:80
on the host each family's loopback goes with that family's host port
  host lan-published:80: published 127.0.0.1:32782, published [::1]:32780
on the host a port published on loopback is there
  host lan-loopback:80: published 127.0.0.1:8080, published [::1]:8080
on the host a port published on an address is at that address
  host lan-specific:80: published 192.0.2.7:8080, published [2001:db8::7]:8080
on the host any port is at the peer's own address
  host db:1234: direct 10.7.0.2:1234, direct [fd07::2]:1234
on the host a peer on two networks is at both, by the network's name
  host both:80: direct 10.7.0.2:80, direct [fd07::2]:80, \
direct 10.8.0.2:80, direct [fd08::2]:80
on the host a peer on an internal network is at its address
  host inner:80: direct 10.9.0.2:80, direct [fd09::2]:80
on the host a peer on an isolated network is out of reach
  host-of-default inner:80 @isolated: not-published
on the host a family in which a network is isolated is not dialled
  host inner:80 @half: direct [fd09::2]:80
on the host a published port of a routed network is at the peer's address
  host routed:80: direct 10.11.0.2:80, direct [fd11::2]:80
on the host a peer beside another is at that one's address
  host beside-owner:81: direct 10.7.0.2:81, direct [fd07::2]:81
on the host a bridge that is not here gives no address
  host-of-other db:80: not-published
on the host, by a vantage made by hand, bridges are believed
  host-by-hand db:80: direct 10.7.0.2:80, direct [fd07::2]:80
on the host a peer on macvlan is refused
  host lan:80: driver-not-routed
on the host a peer on an overlay network is refused
  host mesh:80: driver-not-routed
on the host a peer on a network of an unknown kind is refused
  host db:80 @plugin: not-published
on the host a peer on macvlan and on a bridge is at the bridge's address
  host lan-and-app:80: direct 10.7.0.2:80, direct [fd07::2]:80

behind a virtual machine a published port is at loopback
  abroad published:80: published 127.0.0.1:8080, published [::1]:8080
a rootless engine's published port is at loopback
  host-of-default published:80 @rootless: published 127.0.0.1:8080, published [::1]:8080
behind a virtual machine a peer's own address is refused
  abroad db:80: address-behind-vm
behind a virtual machine a peer in host mode is refused
  abroad in-host-mode:80: address-behind-vm

elsewhere a name may be of either family, so it gets one host port
  abroad split:80 @name: published engine.example:32782
elsewhere an engine's IPv4 address goes with that family's host port
  abroad split:80 @IPv4: published 192.0.2.7:32782
elsewhere an engine's IPv6 address goes with that family's host port
  abroad split:80 @IPv6: published [2001:db8::7]:32780
elsewhere a port published for the other family alone is refused
  abroad ipv6-alone:80 @IPv4: not-published
elsewhere a port published on an address is at that address
  abroad specific:80 @name: published 192.0.2.7:8080, published [2001:db8::7]:8080
elsewhere a port published on loopback is refused
  abroad loopback:80 @name: published-on-loopback, published-on-loopback
elsewhere a port that is not published is refused
  abroad db:80 @name: not-published
elsewhere a peer in host mode is at the engine's host
  abroad in-host-mode:80 @name: host mode engine.example:80
another engine's container, at this one's socket, learns no host address
  stranger published:80: host-address-unknown
another engine's container, at this one's socket, does not learn it for host mode either
  stranger in-host-mode:80: host-address-unknown

a stopped peer is refused
  on-app stopped:80: not-running
a peer in no known state is refused
  host stateless:80: not-running
a paused peer is refused, though its ports are bound
  host paused:80: paused
a peer without a network is refused
  on-app alone:80: no-network
on the host a peer without a network is refused
  host alone:80: no-network
behind a virtual machine a peer without a network is refused
  abroad alone:80: no-network
elsewhere a peer without a network is refused
  abroad alone:80 @name: no-network
"""
CELL = re.compile(r"  (\S+) (\S+?):(\S+?)(?: @(\S+))?: (.+)")
SENTENCES = [line for line in ROWS.splitlines() if line and not line.startswith(" ")]
CELLS = [match.groups("") for line in ROWS.splitlines() if (match := CELL.fullmatch(line))]


def walked(vantage: Vantage, peer: Container, port: str, whole: Inventory) -> Answers:
    """Walk the table for a peer of an inventory."""
    owner = network_owner(whole.container(peer.id) or peer, whole)
    assert owner is not None
    where = standing(vantage, whole)
    return walk(Case(peer.name, owner, Port.parse(port), where, vantage, whole))


def told(answers: Answers, family: int | None = None) -> list[str]:
    """Routes and what to dial, then the reasons of the refusals."""
    endpoints = (e for e in answers[0] if family in (None, e.family) or e.family is None)
    return [*(f"{e.route} {e}" for e in endpoints), *(str(r.reason) for r in answers[1])]


def world(caller: str, peer: str, engine: str = "") -> tuple[Vantage, Container, Inventory]:
    """The caller's vantage, the peer, and the inventory that is asked."""
    asking, asked = CALLERS[caller], PEERS[peer]
    if isinstance(asking, Vantage):
        return asking, asked, inventory(asked, OWNER, **ENGINES[engine])
    whole = inventory(asking, asked, OWNER, **ENGINES[engine])
    if asking.network_mode == "host":
        return on_host(kind=VantageKind.CONTAINER, id=asking.id), asked, whole
    place = evolve(asked, id=asking.id) if asking.shares_network_of else asking
    return inside(place), asked, whole


@pytest.mark.parametrize("driver", ["macvlan", "ipvlan", "overlay"])
def test_the_host_is_no_part_of_networks_of_these_drivers(driver: str) -> None:
    peer = container("peer", {"lan": 2})
    known = {**NETWORKS, "lan": evolve(NETWORKS["lan"], driver=driver)}
    whole = inventory(peer, networks=known.values())
    assert told(walked(HOST, peer, "80", whole)) == [Reason.DRIVER_NOT_ROUTED]
    beside_it = container("caller", {"lan": 9})
    whole = evolve(whole, containers=(peer, beside_it))
    assert told(walked(inside(beside_it), peer, "80", whole), 4) == ["shared network 10.12.0.2:80"]


def families(text: str) -> Iterable[int]:
    """The families that a text of the table holds for; loopback has both anywhere."""
    if ":" not in text or re.match(r"(same namespace|host mode) (127|\[::1)", text):
        return (4, 6)
    return (6,) if "[" in text else (4,)


@pytest.mark.parametrize("family", [None, 4, 6], ids=["both families", "IPv4", "IPv6"])
@pytest.mark.parametrize("caller, peer, port, engine, cell", CELLS, ids=SENTENCES)
def test_the_table(
    caller: str, peer: str, port: str, engine: str, cell: str, family: int | None
) -> None:
    """What the row says, for both address families and for each alone, in any order."""
    vantage, asked, whole = world(caller, peer, engine)
    wanted = cell.split(", ")
    assert told(walked(vantage, asked, port, whole)) == wanted
    assert told(walked(vantage, asked, port, turned(whole))) == wanted
    if family is not None:
        alone = told(walked(vantage, asked, port, only(family, whole)))
        kept = [text for text in wanted if family in families(text)]
        assert set(alone) == set(kept) or (not kept and alone), alone


def test_the_table_speaks_of_every_stand_route_and_reason() -> None:
    """But of what no engine says: addresses given, ports unknown or silent, facts stale."""
    said = {text for *_, cell in CELLS for text in cell.split(", ")}
    routes = {str(route) for route in Route if any(text.startswith(route) for text in said)}
    assert set(Route) - routes == {Route.GIVEN}
    by_others = {Reason.PORT_UNKNOWN, Reason.NO_ADDRESS, Reason.NOT_ANSWERING, Reason.STALE}
    assert set(Reason) - said == by_others
    stands = {
        standing(v, whole).stand for v, _, whole in (world(c, p, e) for c, p, _, e, _ in CELLS)
    }
    assert stands == set(Stand) == set(TABLE)


def test_loopback_of_ipv6_is_dialled_only_where_it_is() -> None:
    """A namespace with IPv6 switched off has no ::1."""
    vantage, db, whole = world("beside-db", "alone")
    assert told(walked(evolve(vantage, interfaces=()), db, "80", whole)) == [
        "same namespace 127.0.0.1:80"
    ]


@pytest.mark.parametrize(
    "caller, peer, expected",
    [
        ("on-app", "in-host-mode", "host mode 10.7.128.0:80"),
        ("on-app", "split", "gateway 10.7.128.0:32782"),
        ("on-bridge", "in-host-mode", "host mode 10.17.0.1:80"),
    ],
    ids=["host mode", "gateway", "but not on the default bridge"],
)
def test_a_gateway_that_the_network_does_not_tell_is_the_caller_s(
    caller: str, peer: str, expected: str
) -> None:
    """Of a subnet with a range the engine takes the range's first address."""
    vantage, asked, whole = world(caller, peer)
    (place,) = whole.containers[0].networks
    place = evolve(place, gateways=(ip_address("10.7.128.0"),))
    changed = (evolve(whole.containers[0], networks=(place,)), *whole.containers[1:])
    untold = tuple(evolve(n, gateways=()) for n in whole.networks)
    known = evolve(whole, containers=changed, networks=untold)
    assert expected in told(walked(vantage, asked, "80", known))


def test_a_default_route_that_was_read_is_taken_whatever_the_network_s_name() -> None:
    vantage, db, whole = world("on-bridge-and-other", "published")
    read = evolve(vantage, gateways=NETWORKS["other"].gateways)
    assert told(walked(read, db, "80", whole))[0] == "gateway 10.8.0.1:8080"


@pytest.mark.parametrize(
    "peer, expected",
    [
        ("published", "gateway 10.8.0.1:8080"),
        ("specific", "gateway 192.0.2.7:8080"),
        ("routed", "routed 10.11.0.2:80"),
        ("in-host-mode", "host mode 10.8.0.1:80"),
        ("both", "shared network 10.8.0.2:80"),
        ("ipv6-alone", "no-shared-network"),
    ],
)
def test_a_caller_without_ipv6_is_given_no_ipv6_address(peer: str, expected: str) -> None:
    """Its network has IPv6 and so has the peer, but it was started without.

    Either the engine knows that, or the caller's own interfaces show it.
    """
    vantage, asked, whole = world("on-other", peer)
    caller = only(4, inventory(whole.containers[0])).containers[0]
    assert told(walked(vantage, asked, "80", inventory(caller, asked))) == [expected]
    (_, eth) = inside(caller).interfaces
    eth = evolve(eth, addresses=(*eth.addresses, ip_address("fe80::1")))
    without = inside(caller, interfaces=(eth,))
    assert told(walked(without, asked, "80", whole)) == [expected]


@pytest.mark.parametrize(
    "profile, expected",
    [
        ({"system": "Docker Desktop"}, ["host mode host.docker.internal:80"]),
        ({"rootless": True, "podman": True}, ["host mode host.containers.internal:80"]),
        ({"rootless": True}, ["host-address-unknown"]),
        ({}, ["host mode 10.7.0.1:80", "host mode [fd07::1]:80"]),
    ],
    ids=["Docker Desktop", "rootless Podman", "rootless Docker", "on the machine itself"],
)
def test_the_machine_around_an_engine_is_not_the_bridge_s_host(
    profile: dict[str, Any], expected: list[str]
) -> None:
    machine = Container(id="", name="host", state="running", network_mode="host")
    vantage, _, whole = world("on-app", "db")
    asked = evolve(whole, engine=EngineProfile(**profile))
    assert told(walked(vantage, machine, "80", asked)) == expected


def test_a_network_that_the_engine_does_not_list_leads_nowhere() -> None:
    vantage, db, whole = world("on-app", "db")
    ((), (refusal,)) = walked(vantage, db, "80", evolve(whole, networks=()))
    assert refusal.reason is Reason.NO_SHARED_NETWORK
    assert refusal.fix.startswith("docker network connect NETWORK caller")


@pytest.mark.parametrize(
    "caller, peer, port, fix",
    [
        ("on-other", "db", "53/udp", "docker network connect app caller, or publish port 53/udp"),
        ("on-other", "loopback", "80", "docker network connect app caller, or docker run -p 80:80"),
        ("abroad @name", "loopback", "80", "docker run -p 80:80 when db is made"),
        ("abroad", "db", "53/udp", "docker run -p 53:53/udp when db is made"),
        ("abroad", "in-host-mode", "80", "docker run -p 80:80 instead of --network host when db"),
        ("on-lan", "in-host-mode", "80", "connect caller to a bridge network"),
        ("on-app", "stopped", "80", "docker start db"),
        ("host", "paused", "80", "docker unpause db"),
        ("host", "lan", "80", "connect db to a bridge network as well"),
        ("host", "alone", "80", "docker network disconnect none db, then docker network connect"),
        ("host", "unplugged", "80", "docker network connect NETWORK db"),
    ],
)
def test_each_refusal_says_what_to_do(caller: str, peer: str, port: str, fix: str) -> None:
    place, _, engine = caller.partition(" @")
    vantage, asked, whole = world(place, peer, engine)
    assert walked(vantage, asked, port, whole)[1][0].fix.startswith(fix)


@pytest.mark.parametrize(
    "caller, peer, detail",
    [
        ("on-app", "stopped", "db is exited"),
        ("on-app", "stateless", "db is in no known state"),
        ("on-other", "db", "caller and db share no network, and port 80/tcp is not published"),
        ("on-inner", "published", "caller and db share no network"),
        ("abroad @IPv4", "db", "port 80/tcp is not published on the engine's host"),
        (
            "abroad @IPv4",
            "ipv6-alone",
            "port 80/tcp is not published for IPv4 on the engine's host",
        ),
        ("abroad @name", "db", "port 80/tcp is not published on the engine's host"),
    ],
)
def test_each_refusal_says_what_was_found(caller: str, peer: str, detail: str) -> None:
    place, _, engine = caller.partition(" @")
    vantage, asked, whole = world(place, peer, engine)
    assert [r.detail for r in walked(vantage, asked, "80", whole)[1]] == [detail]


@pytest.mark.parametrize(
    "state, fix",
    [
        ("exited", "docker start db"),
        ("removing", "run it anew"),
        ("dead", "docker rm --force db, and run it anew"),
        ("restarting", "docker logs db"),
    ],
)
def test_what_does_not_start_again_gets_no_word_of_starting(state: str, fix: str) -> None:
    vantage, db, whole = world("on-app", "stopped")
    now = evolve(db, state=state)
    whole = evolve(whole, containers=tuple(now if c.id == db.id else c for c in whole.containers))
    ((), (refusal,)) = walked(vantage, now, "80", whole)
    assert (refusal.reason, refusal.fix.startswith(fix)) == (Reason.NOT_RUNNING, True)


def test_no_fix_names_a_network_that_the_peer_has_no_address_on() -> None:
    """As it has on the network of its mode before it starts, and on "none"."""
    vantage, db, whole = world("on-lan", "both")
    app, other = db.networks
    idle = evolve(db, networks=(evolve(app, addresses=()), other))
    known = inventory(whole.containers[0], idle)
    assert "connect other caller" in walked(vantage, idle, "80", known)[1][0].fix


def test_an_endpoint_says_where_it_comes_from() -> None:
    vantage, db, whole = world("on-other", "published")
    (endpoint, *_), () = walked(vantage, db, "80", evolve(whole, source="snapshot"))
    assert endpoint == Endpoint(
        ip_address("10.8.0.1"), 8080, "tcp", Route.GATEWAY, "snapshot", "db", Port(80), "other"
    )


PORTS = st.sampled_from(("80", "81/udp", "65535"))


@given(st.data(), inventories(), PORTS)
def test_every_walk_ends_in_an_endpoint_or_a_refusal(
    data: st.DataObject, whole: Inventory, port: str
) -> None:
    """Whatever is asked from wherever, and whatever the order of what is known."""
    vantage = data.draw(callers(whole))
    peer = data.draw(st.sampled_from(whole.containers))
    if network_owner(peer, whole) is None:
        return
    answers = endpoints, refusals = walked(vantage, peer, port, whole)
    assert endpoints or refusals
    assert answers == walked(vantage, peer, port, turned(whole))
    assert all(e.port > 0 for e in endpoints)
    addresses = [ip_address(str(e.host)) for e in endpoints if e.family]
    assert not [a for a in addresses if a.is_unspecified]
    if standing(vantage, whole).stand is Stand.CONTAINER:
        routes = {e.route for e in endpoints if e.family and ip_address(str(e.host)).is_loopback}
        assert routes <= {Route.SAME_NAMESPACE}
