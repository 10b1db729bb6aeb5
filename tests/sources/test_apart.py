"""Engines whose networks are not on their machine, by what real ones answered and let through."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from recorded import recorded
from replay import Replay

from dockernet import Engine, HostsFile, Interface, Resolver, Snapshot, Vantage, VantageKind
from dockernet.formats.engine import parse_profile
from dockernet.model.explanations import Explanation
from dockernet.refusals import Route

ROOTLESS = ("docker-26.1", "docker-28.5", "podman-5.4")
PLACES = ("host", "web", "shop", "inner", "hosted")
LO = Interface(name="lo", addresses=(ip_address("127.0.0.1"), ip_address("::1")))
MACHINE = Vantage(kind=VantageKind.HOST, hostname="desk", interfaces=(LO,))


def snapshot(folder: Path, replies: dict[str, Any]) -> Snapshot:
    """What an engine with these replies tells on its own machine."""
    told = {k: v for k, v in replies.items() if k != "dialled"}
    with Replay(**told).on_socket(folder / "engine.sock") as replay, Engine(replay.url) as engine:
        return engine.snapshot(MACHINE)


def explained(told: Snapshot, place: str, target: str) -> Explanation:
    with Resolver([told]) as here:
        return (here if place == "host" else here.seen_from(place)).explain(target)


def by_route(found: Explanation) -> list[str]:
    """Routes and what to dial, or else the reasons of the refusals."""
    return [f"{e.route} {e}" for e in found.endpoints] or [str(r.reason) for r in found.refusals]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("engine", ROOTLESS)
def test_what_is_given_answered_and_what_is_refused_did_not(
    folder: Path, engine: str, place: str
) -> None:
    """A recording has where the right peer answered, from each place and for each target."""
    replies = recorded("rootless", engine)
    told, dialled = snapshot(folder, replies), replies["dialled"]
    (machine,) = {a.rpartition(":")[0] for a in dialled["host"]["specific:80"]}
    for target, answered in dialled[place].items():
        found = explained(told, place, target)
        given = {str(e) for e in found.endpoints if e.route is not Route.SAME_NAMESPACE}
        assert given <= set(answered), target
        # Nothing tells the machine's own address, which would do, where no binding names it.
        known = [a for a in answered if not a.startswith(machine) or "specific" in target]
        assert bool(found.endpoints) is bool(known), target


@pytest.mark.parametrize(
    "engine, place, target, expected",
    [
        ("docker-28.5", "host", "pub:80", ["published 127.0.0.1:32768", "published [::1]:32768"]),
        ("docker-28.5", "host", "loop:80", ["published 127.0.0.1:32769"]),
        ("docker-28.5", "host", "web:80", ["address-behind-vm"]),
        ("docker-28.5", "host", "hosted:8099", ["address-behind-vm"]),
        ("docker-28.5", "shop", "pub:80", ["host-address-unknown"]),
        ("docker-28.5", "shop", "specific:80", ["gateway 10.99.0.35:18180"]),
        ("docker-28.5", "shop", "hosted:8099", ["host mode 172.18.0.1:8099"]),
        ("docker-28.5", "hosted", "web:80", ["direct 172.17.0.2:80"]),
        ("podman-5.4", "host", "hosted:8099", ["host mode 127.0.0.1:8099", "host mode [::1]:8099"]),
        ("podman-5.4", "host", "inner:80", ["published 127.0.0.1:44367", "published [::1]:44367"]),
        ("podman-5.4", "shop", "pub:80", ["gateway 10.89.0.1:35035", "routed 10.88.0.3:80"]),
        ("podman-5.4", "shop", "hosted:8099", ["host mode host.containers.internal:8099"]),
        ("podman-5.4", "inner", "hosted:8099", ["host-address-unknown"]),
        ("podman-5.4", "hosted", "hosted:8099", ["host mode 127.0.0.1:8099"]),
        ("podman-5.4", "hosted", "web:80", ["address-behind-vm"]),
        ("podman-5.4", "hosted", "host.docker.internal:5000", ["host mode 127.0.0.1:5000"]),
    ],
)
def test_routes_of_engines_without_root(
    folder: Path, engine: str, place: str, target: str, expected: list[str]
) -> None:
    told = snapshot(folder, recorded("rootless", engine))
    assert by_route(explained(told, place, target)) == expected


def test_a_rootless_refusal_says_how_it_could_work(folder: Path) -> None:
    told = snapshot(folder, recorded("rootless", "docker-28.5"))
    (refusal,) = explained(told, "shop", "pub:80").refusals
    assert refusal.fix == (
        "docker network connect bridge shop, "
        "or docker run -p ADDRESS:80:80 with one of the machine's"
    )


@pytest.mark.parametrize(
    "place, target, expected",
    [
        ("host", "pub:80", ["published 127.0.0.1:32768", "published [::1]:32768"]),
        ("host", "loop:80", ["published 127.0.0.1:32769"]),
        ("host", "specific:80", ["published 10.99.0.35:18180"]),
        ("host", "web:80", ["address-behind-vm"]),
        ("host", "pub:81", ["address-behind-vm"]),
        ("host", "inner:80", ["address-behind-vm"]),
        ("host", "hosted:8099", ["address-behind-vm"]),
        ("host", "beside:8088", ["address-behind-vm"]),
        ("host", "beside:80", ["published 127.0.0.1:8080", "published [::1]:8080"]),
        ("host", "host.docker.internal:5000", ["host mode 127.0.0.1:5000", "host mode [::1]:5000"]),
        ("shop", "pub:80", ["gateway 172.18.0.1:32768"]),
        ("shop", "loop:80", ["published-on-loopback"]),
        ("shop", "web:80", ["no-shared-network"]),
        ("shop", "hosted:8099", ["host mode 172.18.0.1:8099"]),
        ("shop", "host.docker.internal:5000", ["host mode host.docker.internal:5000"]),
        ("inner", "host.docker.internal:5000", ["host-address-unknown"]),
        ("hosted", "web:80", ["direct 172.17.0.2:80"]),
    ],
)
def test_routes_of_docker_desktop(
    folder: Path, place: str, target: str, expected: list[str]
) -> None:
    told = snapshot(folder, recorded("desktop", "adapted"))
    assert by_route(explained(told, place, target)) == expected


def test_docker_desktop_is_known_by_what_the_engine_says_of_itself() -> None:
    desktop, other = (recorded("desktop", "adapted") for _ in range(2))
    other["info"]["OperatingSystem"] = "Debian GNU/Linux 12 (bookworm)"
    profiles = [parse_profile(d["version"], d["info"], None) for d in (desktop, other)]
    assert [p.desktop for p in profiles] == [p.apart for p in profiles] == [True, False]


@pytest.mark.parametrize(
    "lines, expected",
    [
        ("169.254.1.2 host.containers.internal host.docker.internal", "169.254.1.2:5000"),
        ("192.168.65.254 host.docker.internal", "192.168.65.254:5000"),
        ("192.168.65.254 HOST.docker.internal.", "192.168.65.254:5000"),
        (
            "fdc4:f303::254 host.docker.internal\n192.168.65.254 host.docker.internal",
            "192.168.65.254:5000, [fdc4:f303::254]:5000",
        ),
        ("10.99.0.34 host.containers.internal", "10.88.0.1:5000"),
        ("127.0.0.1 host.docker.internal", "10.88.0.1:5000"),
        ("fe80::1 host.docker.internal", "10.88.0.1:5000"),
        ("", "10.88.0.1:5000"),
    ],
)
def test_without_an_engine_the_hosts_file_goes_before_the_gateway(
    folder: Path, lines: str, expected: str
) -> None:
    """Neither rootless Podman's machine nor Docker Desktop's is at the gateway."""
    (folder / "hosts").write_text(lines)
    gateways = (ip_address("10.88.0.1"),)
    vantage = Vantage(kind=VantageKind.CONTAINER, interfaces=(LO,), gateways=gateways)
    with Resolver([HostsFile(folder / "hosts")], vantage=vantage) as resolver:
        found = resolver.explain("host.docker.internal:5000")
    assert ", ".join(map(str, found.endpoints)) == expected
    assert {e.route for e in found.endpoints} == {Route.HOST_MODE}
    assert not found.diagnostics
