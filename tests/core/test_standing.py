"""Where a caller stands, seen from an engine: by identity, then by bridges."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
from attrs import evolve
from builders import (
    ABROAD,
    NETWORKS,
    beside,
    bridge,
    container,
    identity,
    inside,
    inventory,
    network,
    on_host,
    only,
    turned,
)

from dockernet._standing import (
    Stand,
    Standing,
    identified,
    is_here,
    network_owner,
    standing,
    vantage_in,
)
from dockernet.model.containers import Container
from dockernet.model.facts import EngineProfile, Inventory
from dockernet.model.vantage import Vantage, VantageKind

WEB = container("web", {"app": 2}, service="shop/web/3", hostname=identity("web")[:12])
DB = container("db", {"other": 3})
HOSTED = container("hosted", network_mode="host")
SIDECAR = beside("sidecar", "web")
WHOLE = inventory(WEB, DB, HOSTED, SIDECAR)
IN_WEB = inside(WEB)
NAMED = network("named", 14, interface="br-shop")
BRIDGE = NETWORKS["bridge"]
NAMELESS = evolve(IN_WEB, id=None, network_owner=None)


def stands(vantage: Vantage, whole: Inventory = WHOLE) -> tuple[Stand, str | None]:
    """Where, and in whose namespace; whatever the order of what the engine tells."""
    found = standing(vantage, whole)
    assert standing(vantage, turned(whole)).stand == found.stand
    return found.stand, None if found.caller is None else found.caller.name


@pytest.mark.parametrize(
    "vantage, expected",
    [
        (IN_WEB, (Stand.CONTAINER, "web")),
        (evolve(IN_WEB, id=WEB.short_id), (Stand.CONTAINER, "web")),
        (evolve(IN_WEB, id=WEB.id[:11], network_owner=None), (Stand.ELSEWHERE, None)),
        (evolve(IN_WEB, id=None), (Stand.CONTAINER, "web")),
        (evolve(IN_WEB, id=SIDECAR.id), (Stand.CONTAINER, "web")),
        (Vantage(id=SIDECAR.id), (Stand.CONTAINER, "web")),
        (evolve(on_host(), id=HOSTED.id), (Stand.HOST, "hosted")),
        (Vantage(id=HOSTED.id), (Stand.HOST, "hosted")),
        (evolve(IN_WEB, id=DB.id, network_owner=WEB.id), (Stand.CONTAINER, "db")),
        (NAMELESS, (Stand.CONTAINER, "web")),
        (evolve(NAMELESS, hostname="another"), (Stand.ELSEWHERE, None)),
        (evolve(NAMELESS, interfaces=NAMELESS.interfaces[:1]), (Stand.ELSEWHERE, None)),
        (evolve(NAMELESS, gateways=(ip_address("10.7.9.9"),)), (Stand.ELSEWHERE, None)),
        (evolve(NAMELESS, kind=VantageKind.HOST), (Stand.BEHIND_VM, None)),
        (evolve(IN_WEB, id=identity("x"), network_owner=identity("x")), (Stand.ELSEWHERE, None)),
    ],
    ids=[
        "the whole id",
        "the short id",
        "eleven digits are no id",
        "the network owner's id alone",
        "a container beside another is in that one's namespace",
        "a vantage made by hand from an id",
        "a container in host mode is on the host",
        "a container in host mode is on the host by its id alone",
        "the own id goes before the owner's",
        "all of the addresses, where nothing tells an id",
        "the same addresses under another host name",
        "no addresses",
        "the same addresses behind another gateway",
        "the same addresses on a host",
        "the same addresses with an id of another engine",
    ],
)
def test_identity(vantage: Vantage, expected: tuple[Stand, str | None]) -> None:
    assert stands(vantage) == expected


def test_two_containers_with_the_caller_s_addresses_prove_nothing() -> None:
    twin = evolve(WEB, id=identity("twin"), name="twin")
    assert stands(NAMELESS, inventory(WEB, twin)) == (Stand.ELSEWHERE, None)


def test_a_stopped_container_has_no_addresses_to_know_it_by() -> None:
    assert stands(NAMELESS, inventory(evolve(WEB, state="exited"))) == (Stand.ELSEWHERE, None)


def test_link_local_addresses_do_not_count() -> None:
    (lo, eth) = NAMELESS.interfaces
    more = evolve(eth, addresses=(*eth.addresses, ip_address("fe80::1")))
    assert stands(evolve(NAMELESS, interfaces=(lo, more))) == (Stand.CONTAINER, "web")


@pytest.mark.parametrize(
    "modes, owner",
    [
        ({"a": "web"}, "web"),
        ({"a": "b", "b": "web"}, "web"),
        ({"a": "b", "b": "c", "c": "web"}, "web"),
        ({"a": "gone"}, None),
        ({"a": "a"}, None),
        ({"a": "b", "b": "a"}, None),
    ],
    ids=["one step", "two steps", "three steps", "a gone owner", "itself", "a loop"],
)
def test_the_end_of_container_modes(modes: dict[str, str], owner: str | None) -> None:
    whole = inventory(WEB, *(beside(name, other) for name, other in modes.items()))
    found = network_owner(whole.containers[1], whole)
    assert (found and found.name) == owner
    where = (Stand.CONTAINER, "web") if owner else (Stand.ELSEWHERE, None)
    assert stands(Vantage(kind=VantageKind.CONTAINER, id=identity("a")), whole) == where


# On the engine's host, or not: the bridges of the engine, those that the caller sees,
# and what the engine says of itself.
BY_BRIDGES: dict[str, tuple[Vantage, tuple[Any, ...], dict[str, Any], Stand]] = {
    "a bridge named after its id, through a local socket": (
        on_host(NETWORKS["app"]),
        (BRIDGE, NETWORKS["app"]),
        {},
        Stand.HOST,
    ),
    "a bridge named after its id, through a proxy": (
        on_host(NETWORKS["app"]),
        (BRIDGE, NETWORKS["app"]),
        {"host": "proxy.example"},
        Stand.HOST,
    ),
    "a bridge named after its id, within a rootless engine's namespace": (
        on_host(NETWORKS["app"]),
        (BRIDGE, NETWORKS["app"]),
        {"rootless": True},
        Stand.HOST,
    ),
    "a bridge of one address family": (
        on_host(NETWORKS["app"]),
        only(4, inventory(networks=(BRIDGE, NETWORKS["app"]))).networks,
        {},
        Stand.HOST,
    ),
    "docker0, and the engine has no other bridge": (on_host(BRIDGE), (BRIDGE,), {}, Stand.HOST),
    "docker0 at this machine's address": (
        on_host(BRIDGE),
        (BRIDGE,),
        {"host": ip_address("192.0.2.7")},
        Stand.HOST,
    ),
    "docker0 at this machine's name": (on_host(BRIDGE), (BRIDGE,), {"host": "dock"}, Stand.HOST),
    "docker0 over loopback": (
        on_host(BRIDGE),
        (BRIDGE,),
        {"host": ip_address("127.0.0.1")},
        Stand.HOST,
    ),
    "docker0 of another machine": (
        on_host(BRIDGE),
        (BRIDGE,),
        {"host": ip_address("192.0.2.99")},
        Stand.ELSEWHERE,
    ),
    "docker0, and the engine's other bridge is not here": (
        on_host(BRIDGE),
        (BRIDGE, NETWORKS["app"]),
        {},
        Stand.BEHIND_VM,
    ),
    "docker0 beside a rootless engine": (
        on_host(BRIDGE),
        (BRIDGE,),
        {"rootless": True},
        Stand.BEHIND_VM,
    ),
    "docker0 beside Docker Desktop": (
        on_host(BRIDGE),
        (BRIDGE,),
        {"system": "Docker Desktop"},
        Stand.BEHIND_VM,
    ),
    "a bridge that somebody named": (on_host(NAMED), (BRIDGE, NAMED), {}, Stand.HOST),
    "a bridge that somebody named likewise on another machine": (
        on_host(NAMED),
        (BRIDGE, NAMED),
        {"host": "far.example"},
        Stand.ELSEWHERE,
    ),
    "a bridge whose address the engine does not tell, for it gave a range": (
        on_host(evolve(NETWORKS["app"], gateways=(ip_address("10.7.128.0"),))),
        (NETWORKS["app"],),
        {},
        Stand.HOST,
    ),
    "the right name with an address of another network": (
        on_host(evolve(NETWORKS["app"], gateways=(ip_address("192.0.2.1"),))),
        (NETWORKS["app"],),
        {},
        Stand.BEHIND_VM,
    ),
    "docker0, and the engine's other bridge is isolated from the host": (
        on_host(BRIDGE),
        (BRIDGE, evolve(NETWORKS["inner"], isolated=(4, 6))),
        {},
        Stand.HOST,
    ),
    "Podman's bridge, by its address": (
        on_host(evolve(NETWORKS["app"], interface="podman1")),
        (NETWORKS["app"],),
        {"podman": True},
        Stand.HOST,
    ),
    "Podman's bridge, as every other machine has it": (
        on_host(evolve(NETWORKS["app"], interface="podman1")),
        (NETWORKS["app"],),
        {"podman": True, "host": "far.example"},
        Stand.ELSEWHERE,
    ),
    "nothing of a local engine": (ABROAD, (BRIDGE,), {}, Stand.BEHIND_VM),
    "nothing of an engine over loopback": (
        ABROAD,
        (BRIDGE,),
        {"host": ip_address("::1")},
        Stand.BEHIND_VM,
    ),
    "nothing of an engine at the unspecified address": (
        ABROAD,
        (BRIDGE,),
        {"host": ip_address("0.0.0.0")},
        Stand.BEHIND_VM,
    ),
    "nothing of a remote engine": (ABROAD, (BRIDGE,), {"host": "far.example"}, Stand.ELSEWHERE),
    "a container that the engine does not know": (
        inside(container("stranger", {"app": 9})),
        (BRIDGE,),
        {},
        Stand.ELSEWHERE,
    ),
    "a container that has the engine in it": (
        evolve(on_host(BRIDGE), kind=VantageKind.CONTAINER, id=identity("outer")),
        (BRIDGE,),
        {},
        Stand.HOST,
    ),
    "a host made by hand": (Vantage(kind=VantageKind.HOST), (BRIDGE,), {}, Stand.HOST),
    "a host made by hand, and a remote engine": (
        Vantage(kind=VantageKind.HOST),
        (BRIDGE,),
        {"host": "far.example"},
        Stand.ELSEWHERE,
    ),
    "a host made by hand, and Docker Desktop": (
        Vantage(kind=VantageKind.HOST),
        (BRIDGE,),
        {"system": "Docker Desktop"},
        Stand.BEHIND_VM,
    ),
    "a place that nothing is known of": (Vantage(), (BRIDGE,), {}, Stand.BEHIND_VM),
}


@pytest.mark.parametrize(
    "vantage, networks, profile, expected", BY_BRIDGES.values(), ids=BY_BRIDGES
)
def test_bridges(
    vantage: Vantage, networks: tuple[Any, ...], profile: dict[str, Any], expected: Stand
) -> None:
    assert stands(vantage, inventory(WEB, networks=networks, **profile)) == (expected, None)


def test_a_bridge_is_known_by_its_name_and_its_address() -> None:
    app, engine = NETWORKS["app"], EngineProfile()
    renamed = Vantage(interfaces=(evolve(bridge(app), name="br-other"),))
    assert is_here(app, on_host(app), engine)
    assert not is_here(app, renamed, engine)
    assert is_here(app, renamed, EngineProfile(podman=True))
    assert not is_here(NETWORKS["lan"], on_host(), engine)


def test_an_engine_adds_to_the_vantage_what_it_knows() -> None:
    found = identified(evolve(IN_WEB, id=WEB.short_id), WHOLE)
    assert (found.id, found.name, found.network_mode) == (WEB.id, "web", "app")
    assert (found.project, found.service, found.number) == ("shop", "web", 3)
    assert (found.networks, found.interfaces) == (WEB.networks, IN_WEB.interfaces)


def test_a_container_beside_another_keeps_its_name_and_has_the_other_s_networks() -> None:
    found = identified(Vantage(id=SIDECAR.id), WHOLE)
    assert (found.kind, found.name, found.network_owner) == ("container", "sidecar", WEB.id)
    assert found.networks == WEB.networks


def test_a_container_whose_owner_is_gone_is_still_itself() -> None:
    lonely = beside("lonely", "gone")
    assert identified(Vantage(id=lonely.id), inventory(lonely)).network_owner == lonely.id


def test_a_caller_that_the_engine_does_not_know_stays_as_it_is() -> None:
    assert identified(ABROAD, WHOLE) is ABROAD


@pytest.mark.parametrize("asked", [WEB, DB, HOSTED, SIDECAR], ids=str)
def test_the_vantage_in_a_container_is_recognised(asked: Container) -> None:
    vantage = vantage_in(asked)
    assert identified(vantage, WHOLE).id == vantage.id == asked.id
    assert (vantage.name, vantage.project, vantage.number, vantage.hostname) == (
        asked.name,
        asked.project,
        asked.number,
        asked.hostname or "",
    )


def test_a_standing_names_the_caller() -> None:
    assert str(Standing(Stand.CONTAINER, WEB)) == "a container of this engine (web)"
    assert str(Standing(Stand.HOST)) == "the engine's host"
