"""Which name servers may know containers."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from dockernet.formats.resolv import parse_resolv_conf
from dockernet.model.vantage import Interface, Vantage
from dockernet.sources._dns.nameservers import (
    Keeper,
    engine_servers,
    name_server,
    other_servers,
    steps,
)

NEAR = Vantage(
    interfaces=(Interface(name="eth0", subnets=(ip_network("10.89.1.0/24"),)),),
    gateways=(ip_address("10.89.0.1"),),
)


@pytest.mark.parametrize(
    "text, keeper, servers",
    [
        pytest.param("nameserver 127.0.0.11\n", Keeper.DOCKER, ["127.0.0.11"], id="docker"),
        pytest.param(
            "nameserver fd00::53\nnameserver 127.0.0.11\nnameserver ::1\n",
            Keeper.DOCKER,
            ["127.0.0.11"],
            id="docker and the host's",
        ),
        pytest.param(
            "search dns.podman lan\nnameserver 10.89.0.1\nnameserver 10.255.255.53\n",
            Keeper.PODMAN,
            ["10.89.0.1"],
            id="podman and the host's",
        ),
        pytest.param(
            "search dns.podman\nnameserver 10.89.1.1\nnameserver 10.89.0.1\nnameserver 10.89.1.1\n",
            Keeper.PODMAN,
            ["10.89.1.1", "10.89.0.1"],
            id="podman on two networks",
        ),
        pytest.param("nameserver 10.89.0.1\n", None, [], id="a gateway alone"),
        pytest.param("search dns.podman\nnameserver 192.0.2.53\n", None, [], id="a domain alone"),
        pytest.param("nameserver 127.0.0.53\n", None, [], id="a host"),
        pytest.param("", None, [], id="nothing"),
    ],
)
def test_engines_servers_are_known_by_the_file(
    text: str, keeper: Keeper | None, servers: list[str]
) -> None:
    found = engine_servers(parse_resolv_conf(text), NEAR)
    assert [str(s.address) for s in found] == servers
    assert {s.keeper for s in found} == ({keeper} if keeper else set())


def test_any_other_server_is_a_stranger_s() -> None:
    assert name_server(ip_address("10.89.0.1")).keeper is Keeper.OTHER


def test_of_a_file_without_end_the_first_servers_and_domains_are_heeded() -> None:
    many = [f"10.89.1.{n}" for n in range(1, 255)]
    servers = "".join(f"nameserver {a}\n" * 2 for a in many)
    domains = " ".join(f"d{n}.example" for n in range(1000))
    conf = parse_resolv_conf(f"{servers}search dns.podman . {domains}\noptions ndots:3\n")
    for found in (engine_servers(conf, NEAR), other_servers(conf)):
        assert [str(server.address) for server in found] == many[:16]
    names = [step.name for step in steps("db", other_servers(conf), conf)]
    assert names == ["db.dns.podman", *(f"db.d{n}.example" for n in range(15)), "db"]
