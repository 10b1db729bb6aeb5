"""Published ports as a report has them."""

from __future__ import annotations

import pytest

from dockernet import Container, Exposure, PortMap, Publication
from dockernet.model.publications import publications


def container(name: str, live: str = "", *specs: str) -> Container:
    return Container(
        id=name * 8,
        name=name,
        state="running" if live else "exited",
        ports=PortMap.parse(live),
        requested_ports=PortMap.from_specs(specs),
    )


def by_binding(*containers: Container) -> dict[str, Publication]:
    return {str(found.binding): found for found in publications(containers)}


@pytest.mark.parametrize(
    "live, exposure",
    [
        pytest.param("127.0.0.1:80->80/tcp", Exposure.LOOPBACK, id="loopback"),
        pytest.param("[::1]:80->80/tcp", Exposure.LOOPBACK, id="loopback of IPv6"),
        pytest.param("127.3.2.1:80->80/tcp", Exposure.LOOPBACK, id="all of 127/8"),
        pytest.param("192.0.2.7:80->80/tcp", Exposure.HOST_NETWORKS, id="one address"),
        pytest.param("0.0.0.0:80->80/tcp", Exposure.ANYWHERE, id="every IPv4 address"),
        pytest.param("[::]:80->80/tcp", Exposure.ANYWHERE, id="every IPv6 address"),
        pytest.param("80->80/tcp", Exposure.ANYWHERE, id="an address that is not told"),
        pytest.param("0.0.0.0:0->80/tcp", Exposure.ROUTED, id="no host port"),
        pytest.param("[::1]:0->80/tcp", Exposure.ROUTED, id="no host port on loopback"),
    ],
)
def test_an_address_tells_who_can_dial(live: str, exposure: Exposure) -> None:
    [found] = publications([container("web", live)])
    assert found.exposure is exposure


@pytest.mark.parametrize(
    "live, expected",
    [
        pytest.param(
            "0.0.0.0:80->80/tcp, [::]:80->80/tcp",
            {"0.0.0.0:80": None, "[::]:80": None},
            id="both alike",
        ),
        pytest.param("0.0.0.0:80->80/tcp", {"0.0.0.0:80": "IPv4 only"}, id="IPv4 alone"),
        pytest.param("[::]:80->80/tcp", {"[::]:80": "IPv6 only"}, id="IPv6 alone"),
        pytest.param(
            "0.0.0.0:32768->80/tcp, [::]:32769->80/tcp",
            {"0.0.0.0:32768": "on IPv6 it is 32769", "[::]:32769": "on IPv4 it is 32768"},
            id="numbers of their own",
        ),
        pytest.param(
            "0.0.0.0:80->80/tcp, 0.0.0.0:81->80/tcp, [::]:80->80/tcp, [::]:82->80/tcp",
            {
                "0.0.0.0:80": None,
                "0.0.0.0:81": "on IPv6 it is 80, 82",
                "[::]:80": None,
                "[::]:82": "on IPv4 it is 80, 81",
            },
            id="two bindings of one port",
        ),
        pytest.param(
            "0.0.0.0:80->80/tcp, [::]:80->81/tcp",
            {"0.0.0.0:80": "IPv4 only", "[::]:80": "IPv6 only"},
            id="another container port is no match",
        ),
        pytest.param("127.0.0.1:80->80/tcp", {"127.0.0.1:80": None}, id="an address was meant"),
        pytest.param("80->80/tcp", {"*:80": None}, id="every family"),
    ],
)
def test_wildcards_of_the_two_families_are_compared(
    live: str, expected: dict[str, str | None]
) -> None:
    found = by_binding(container("web", live))
    assert {text: one.mismatch for text, one in found.items()} == expected


@pytest.mark.parametrize(
    "specs, rivals",
    [
        pytest.param(["8080:80"], ("old",), id="the same port"),
        pytest.param(["127.0.0.1:8080:80"], ("old",), id="within the wildcard"),
        pytest.param(["8080:80/udp"], (), id="another protocol"),
        pytest.param(["8081:80"], (), id="another number"),
        pytest.param(["80"], (), id="any free port"),
        pytest.param(["8080-8081:80"], (), id="a range has another one free"),
        pytest.param(["[::1]:8080:80"], (), id="another family"),
        pytest.param(["8080:80", "127.0.0.1:8080:81"], ("old",), id="twice"),
    ],
)
def test_who_was_made_with_the_same_host_port_is_a_rival(
    specs: list[str], rivals: tuple[str, ...]
) -> None:
    web = container("web", "0.0.0.0:8080->80/tcp", "8080:80")
    [found] = publications([web, container("old", "", *specs)])
    assert found.rivals == rivals


def test_a_listing_tells_no_rivals() -> None:
    listed = Container(id="a" * 64, name="web", ports=PortMap.parse("0.0.0.0:8080->80/tcp"))
    [found] = publications([listed, Container(id="b" * 64, name="old")])
    assert (found.container, found.rivals) == (listed, ())


def test_they_come_by_host_port_routed_ones_first() -> None:
    found = publications(
        [
            container("b", "0.0.0.0:90->80/tcp, 0.0.0.0:0->81/tcp"),
            container("a", "0.0.0.0:90->80/udp, 127.0.0.1:9->80/tcp"),
            container("c", "7000-7001->80-81/tcp"),
        ]
    )
    assert [(str(p.container), str(p.port), str(p.binding)) for p in found] == [
        ("b", "81/tcp", "0.0.0.0:0"),
        ("a", "80/tcp", "127.0.0.1:9"),
        ("a", "80/udp", "0.0.0.0:90"),
        ("b", "80/tcp", "0.0.0.0:90"),
        ("c", "80/tcp", "*:7000"),
        ("c", "81/tcp", "*:7001"),
    ]
