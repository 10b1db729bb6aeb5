"""Engines whose networks are not on their machine: Docker Desktop, and those without root."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
from builders import (
    ABROAD,
    LOOPBACK,
    NETWORKS,
    SPECIFIC,
    WILD,
    container,
    inside,
    inventory,
    on_host,
)

from dockernet._routes import Case, walk
from dockernet._standing import Stand, standing
from dockernet.model.containers import Container
from dockernet.model.facts import EngineProfile
from dockernet.model.ports import Port
from dockernet.model.vantage import Vantage

ENGINES: dict[str, dict[str, Any]] = {
    "Desktop": {"system": "Docker Desktop"},
    "rootless": {"rootless": True},
    "rootless-29.4": {"rootless": True, "version": "29.4.1"},
    "rootless-29.5": {"rootless": True, "version": "29.5.0-rc.1"},
    "rootless-30": {"rootless": True, "version": "30.0.0"},
    "rootless-Podman": {"rootless": True, "podman": True, "version": "5.4.2"},
    "VM": {},
}
CALLER = container("caller", {"other": 9})
INNER = container("caller", {"inner": 9})
PEERS = {
    "published": container("db", {"app": 2}, WILD),
    "specific": container("db", {"app": 2}, SPECIFIC),
    "loopback": container("db", {"app": 2}, LOOPBACK),
    "inner": container("db", {"inner": 2}, WILD),
    "exposed": container("db", {"app": 2}, "80/tcp"),
    "in-host-mode": container("db", network_mode="host"),
    "machine": Container(id="", name="host.docker.internal", state="running", network_mode="host"),
}
PLACES: dict[str, tuple[Vantage, dict[str, Any]]] = {
    "machine": (ABROAD, {}),
    "elsewhere": (ABROAD, {"host": "engine.example"}),
    "container": (inside(CALLER), {}),
    "internal": (inside(INNER), {}),
}

# The place and the peer: what each of the engines gives, or refuses with.
ROWS = """
machine published
  every: published 127.0.0.1:8080, published [::1]:8080
machine exposed
  every: address-behind-vm
machine in-host-mode
  Desktop rootless rootless-29.4 VM: address-behind-vm
  rootless-29.5 rootless-30 rootless-Podman: host mode 127.0.0.1:80, host mode [::1]:80
elsewhere published
  every: published engine.example:8080
elsewhere exposed
  every: not-published
elsewhere in-host-mode
  Desktop rootless rootless-29.4: address-behind-vm
  rootless-29.5 rootless-30 rootless-Podman VM: host mode engine.example:80
elsewhere machine
  every: host mode engine.example:80
container published
  Desktop VM: gateway 10.8.0.1:8080, gateway [fd08::1]:8080
  rootless rootless-29.4 rootless-29.5 rootless-30: host-address-unknown
container specific
  Desktop VM rootless rootless-29.4 rootless-29.5 rootless-30: gateway 192.0.2.7:8080, gateway [2001:db8::7]:8080
container loopback
  every: published-on-loopback, published-on-loopback
container exposed
  Desktop VM rootless rootless-29.4 rootless-29.5 rootless-30: no-shared-network
container in-host-mode
  Desktop rootless rootless-29.4 VM: host mode 10.8.0.1:80, host mode [fd08::1]:80
  rootless-29.5 rootless-30: host-address-unknown
  rootless-Podman: host mode host.containers.internal:80
container machine
  Desktop: host mode host.docker.internal:80
  rootless rootless-29.4 rootless-29.5 rootless-30: host-address-unknown
  rootless-Podman: host mode host.containers.internal:80
  VM: host mode 10.8.0.1:80, host mode [fd08::1]:80
internal in-host-mode
  Desktop rootless rootless-29.4 VM: host mode 10.9.0.1:80, host mode [fd09::1]:80
  rootless-29.5 rootless-30 rootless-Podman: host-address-unknown
internal machine
  Desktop rootless rootless-29.4 rootless-29.5 rootless-30 rootless-Podman: host-address-unknown
"""


def cells() -> list[tuple[str, str, str, str]]:
    found: list[tuple[str, str, str, str]] = []
    place = peer = ""
    for line in ROWS.strip().splitlines():
        if not line.startswith(" "):
            place, peer = line.split()
            continue
        engines, told = line.strip().split(": ", 1)
        names = ENGINES if engines == "every" else engines.split()
        found += [(place, peer, engine, told) for engine in names]
    return found


@pytest.mark.parametrize("place, peer, engine, expected", cells())
def test_routes(place: str, peer: str, engine: str, expected: str) -> None:
    vantage, way = PLACES[place]
    callers = {"container": (CALLER,), "internal": (INNER,)}.get(place, ())
    whole = inventory(PEERS[peer], *callers, **ENGINES[engine], **way)
    case = Case("db", PEERS[peer], Port(80), standing(vantage, whole), vantage, whole)
    endpoints, refusals = walk(case)
    told = [*(f"{e.route} {e}" for e in endpoints), *(str(r.reason) for r in refusals)]
    assert told == expected.split(", ")


@pytest.mark.parametrize(
    "engine, stand",
    [
        ("Desktop", Stand.HOST),
        ("rootless", Stand.HOST),
        ("rootless-29.5", Stand.BEHIND_VM),
        ("rootless-Podman", Stand.BEHIND_VM),
        ("VM", Stand.HOST),
    ],
)
def test_a_caller_in_host_mode_is_where_that_leads(engine: str, stand: Stand) -> None:
    """With the engine's bridges around it, or on the machine and without them."""
    caller = container("caller", network_mode="host")
    found = standing(Vantage(id=caller.id), inventory(caller, **ENGINES[engine]))
    assert (found.stand, found.caller) == (stand, caller)


def test_a_machine_with_another_engine_s_bridges_is_still_apart() -> None:
    whole = inventory(PEERS["exposed"], networks=(NETWORKS["bridge"],), **ENGINES["Desktop"])
    assert standing(on_host(NETWORKS["bridge"]), whole).stand is Stand.BEHIND_VM


@pytest.mark.parametrize(
    "version, release",
    [
        ("29.5.0", (29, 5)),
        ("29.5.0-rc.1", (29, 5)),
        ("26.1.5+dfsg1", (26, 1)),
        ("29", (29, 0)),
        ("29.x", (29, 0)),
        ("dev", (0, 0)),
        ("", (0, 0)),
        ("²9.5", (0, 5)),
        ("9" * 5_000, (0, 0)),
    ],
)
def test_the_release_of_a_version(version: str, release: tuple[int, int]) -> None:
    profile = EngineProfile(version=version, host=ip_address("192.0.2.7"))
    assert (profile.release, profile.major) == (release, release[0])
