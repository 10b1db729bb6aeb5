"""How Podman's host forwards, in tables."""

from __future__ import annotations

import pytest

from dockernet._podman import answering
from dockernet.formats.engine import docker_networks, parse_networks
from dockernet.model.bindings import HostBinding
from dockernet.model.networks import Network


@pytest.mark.parametrize(
    "told,families,release,left",
    [
        ("*:80", {4}, (4, 3), "0.0.0.0:80"),
        ("*:80", {6}, (4, 3), "[::]:80"),
        ("*:80", {4, 6}, (4, 3), "*:80"),
        ("*:80", set(), (5, 4), None),
        ("0.0.0.0:80", {4}, (4, 3), None),
        ("0.0.0.0:80", {4}, (4, 5), "0.0.0.0:80"),
        ("0.0.0.0:80", {6}, (5, 4), None),
        ("[::1]:80", {6}, (5, 4), None),
        ("127.0.0.1:80", {4}, (5, 4), "127.0.0.1:80"),
        ("192.0.2.1:80", {4}, (4, 3), "192.0.2.1:80"),
    ],
)
def test_a_binding_leads_as_far_as_the_peer_has_its_family(
    told: str, families: set[int], release: tuple[int, int], left: str | None
) -> None:
    found = answering([HostBinding.parse(told)], families, release)
    assert [str(binding) for binding in found] == ([] if left is None else [left])


def _network(version: str, **own: object) -> Network:
    reply = {"id": "a" * 64, "name": "net", "driver": "bridge", "network_interface": "podman1"}
    subnets = [{"subnet": "10.89.0.0/24", "gateway": "10.89.0.1"}]
    described = docker_networks([{**reply, "subnets": subnets, **own}], {"Version": version})
    (network,) = parse_networks(described).values
    return network


@pytest.mark.parametrize(
    "version,options,isolate",
    [
        ("4.3.1", None, None),
        ("4.3.1", {"isolate": "true"}, "true"),
        ("5.4.2", None, "false"),
        ("5.4.2", {"isolate": "strict"}, "strict"),
    ],
)
def test_podman_tells_who_is_kept_apart_in_its_own_words(
    version: str, options: object, isolate: str | None
) -> None:
    """Podman 4 forgets the option when its service was asked, so unset tells nothing."""
    assert _network(version, options=options).isolate == isolate


def test_podman_s_own_account_names_the_bridge_and_its_addresses() -> None:
    network = _network("5.4.2", internal=True)
    assert (network.name, network.interface, network.internal) == ("net", "podman1", True)
    assert str(network.host_address(4)) == "10.89.0.1"
    default = "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9"
    assert _network("5.4.2", id=default, name="podman").name == "bridge"
