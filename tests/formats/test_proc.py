"""Files of /proc, as kernels of containers and hosts write them."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockernet.formats.proc import (
    EngineMount,
    KernelRoute,
    default_gateways,
    join_interfaces,
    parse_cgroup,
    parse_fib_trie,
    parse_if_inet6,
    parse_ipv6_route,
    parse_mountinfo,
    parse_route,
)
from dockernet.model.addresses import IPNetwork
from dockernet.model.vantage import Interface

DATA = Path(__file__).parents[1] / "data" / "proc"

OUTER, INNER = "0a" * 32, "f1" * 32


def read(scenario: str, name: str) -> str:
    path = DATA / scenario / name
    return path.read_text() if path.exists() else ""


# cgroup


@pytest.mark.parametrize(
    "path, expected",
    [
        pytest.param(f"/docker/{INNER}", INNER, id="cgroupfs"),
        pytest.param(f"/system.slice/docker-{INNER}.scope", INNER, id="systemd"),
        pytest.param(f"/ci/jobs/{INNER}", INNER, id="cgroup parent of one's own"),
        pytest.param(f"/libpod_parent/libpod-{INNER}", INNER, id="Podman, cgroupfs"),
        pytest.param(
            f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{INNER}.scope/container",
            INNER,
            id="Podman, rootless",
        ),
        pytest.param(f"/kubepods/burstable/pod4e1f/{INNER}", INNER, id="Kubernetes, cgroupfs"),
        pytest.param(
            f"/kubepods.slice/kubepods-pod4e1f.slice/cri-containerd-{INNER}.scope",
            INNER,
            id="Kubernetes, systemd",
        ),
        pytest.param(
            f"/system.slice/containerd.service/kubepods-pod4e1f.slice:cri-containerd:{INNER}",
            INNER,
            id="Kubernetes, a systemd path given to cgroupfs",
        ),
        pytest.param(f"/docker/{OUTER}/docker/{INNER}", INNER, id="nested, cgroupfs"),
        pytest.param(
            f"/system.slice/docker-{OUTER}.scope/system.slice/docker-{INNER}.scope",
            INNER,
            id="nested, systemd",
        ),
        pytest.param(f"/docker/{INNER}/init.scope", INNER, id="systemd runs in the container"),
        pytest.param(f"/../{INNER}", INNER, id="beside the cgroup namespace"),
        pytest.param("/", None, id="private cgroup namespace"),
        pytest.param("/user.slice/user-1000.slice/session-2.scope", None, id="host"),
        pytest.param("/system.slice/docker.service", None, id="the engine itself"),
        pytest.param(f"/machine.slice/libpod-conmon-{INNER}.scope", None, id="Podman's conmon"),
        pytest.param(f"/docker/{INNER[:12]}", None, id="short id"),
        pytest.param(f"/docker/{INNER}0", None, id="a digit too many"),
        pytest.param(f"/docker/0{INNER}", None, id="a digit too many in front"),
        pytest.param(f"/docker/{INNER.upper()}", None, id="upper case"),
        pytest.param(f"/docker/{INNER}.service", None, id="a service of that name"),
        pytest.param("/docker/buildkit/v9mwsyibu8ovunhhi1amp3rad", None, id="BuildKit"),
    ],
)
@pytest.mark.parametrize("prefix", ["0::", "4:memory:", "1:name=systemd:"])
def test_a_cgroup_path_tells_the_innermost_container(
    prefix: str, path: str, expected: str | None
) -> None:
    assert parse_cgroup(f"9:pids:/\n{prefix}{path}\n") == expected


def test_a_controller_that_stays_outside_does_not_hide_the_inner_container() -> None:
    text = f"5:pids:/docker/{OUTER}\n4:memory:/docker/{OUTER}/docker/{INNER}\n0::/docker/{OUTER}\n"
    assert parse_cgroup(text) == INNER


@pytest.mark.parametrize(
    "scenario, expected",
    [
        ("default-bridge", "0dd721ad7ac7"),
        ("container-network", "47fd202235cf"),
        ("user-network", "05af3f59c085"),
        ("host-network", "ffadab25e2ed"),
        ("podman", "74a49eda2872"),
        ("podman-container", "60d7b2165823"),
        ("podman-host", "9a8ad3d952e8"),
        ("cgroupns-private", None),
        ("host", None),
    ],
)
def test_captured_cgroups(scenario: str, expected: str | None) -> None:
    found = parse_cgroup(read(scenario, "cgroup"))
    assert (found and found[:12]) == expected


# mountinfo


def mount(root: str, path: str = "/etc/hosts") -> str:
    return f"706 644 254:0 {root} {path} rw,relatime - ext4 /dev/vda rw,discard"


@pytest.mark.parametrize(
    "root, expected",
    [
        pytest.param(f"/var/lib/docker/containers/{INNER}/hosts", (INNER, False), id="Docker"),
        pytest.param(f"/@/data/docker/containers/{INNER}/hosts", (INNER, False), id="btrfs"),
        pytest.param(f"/my\\040disk/containers/{INNER}/hosts", (INNER, False), id="escaped blank"),
        pytest.param(f"/containers/{INNER}/hosts", (INNER, False), id="data root is a disk"),
        pytest.param(f"/{INNER}/hosts", (INNER, False), id="containers is a disk"),
        pytest.param(
            f"/var/lib/docker/containers/{INNER}/hosts//deleted", (INNER, False), id="X was removed"
        ),
        pytest.param(
            f"/var/lib/containers/storage/overlay-containers/{INNER}/userdata/hosts",
            (INNER, True),
            id="Podman",
        ),
        pytest.param(
            f"/containers/overlay-containers/{INNER}/userdata/hosts", (INNER, True), id="rootless"
        ),
        pytest.param("/var/lib/kubelet/pods/4e1f-00/etc-hosts", (None, False), id="Kubernetes"),
        pytest.param(
            f"/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/{INNER}/hostname",
            (None, False),
            id="a sandbox is no container",
        ),
        pytest.param(
            f"/var/lib/docker/containers/{INNER}/mounts/hosts", (None, False), id="a folder deeper"
        ),
        pytest.param("/home/me/hosts", (None, False), id="a file of the user's own"),
        pytest.param(f"/var/lib/docker/containers/{INNER[:12]}/hosts", (None, False), id="short"),
    ],
)
def test_the_root_of_a_mount_tells_the_container(
    root: str, expected: tuple[str | None, bool]
) -> None:
    owner, podman = expected
    assert parse_mountinfo(mount(root)) == (EngineMount("/etc/hosts", owner, podman),)


@pytest.mark.parametrize("path", ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"])
def test_each_of_the_files_is_told_by_its_path(path: str) -> None:
    (found,) = parse_mountinfo(mount(f"/x/containers/{INNER}/{path[5:]}", path))
    assert found == EngineMount(path, INNER)


@pytest.mark.parametrize(
    "path", ["/etc", "/etc/hosts.d", "/etc/hosts_", "/mnt/etc/hosts", "/run/x.containerenv", "/"]
)
def test_other_mounts_do_not_count(path: str) -> None:
    assert parse_mountinfo(mount(f"/var/lib/docker/containers/{INNER}/hosts", path)) == ()


def test_the_last_mount_on_a_path_is_the_one_that_is_seen() -> None:
    text = f"{mount(f'/containers/{OUTER}/hosts')}\n{mount(f'/containers/{INNER}/hosts')}\n"
    assert parse_mountinfo(text) == (EngineMount("/etc/hosts", INNER),)


@pytest.mark.parametrize(
    "scenario, expected",
    [
        pytest.param(
            "container-network",
            {"resolv.conf": "7a4b358c2c7f", "hostname": "7a4b358c2c7f", "hosts": "7a4b358c2c7f"},
            id="Docker mounts the files of X",
        ),
        pytest.param(
            "cgroupns-private",
            {"resolv.conf": "af401f1bf705", "hostname": "af401f1bf705", "hosts": "af401f1bf705"},
            id="a private cgroup namespace hides no mount",
        ),
        pytest.param(
            "podman-container",
            {
                "hosts": "74a49eda2872",
                ".containerenv": "60d7b2165823",
                "hostname": "60d7b2165823",
                "resolv.conf": "74a49eda2872",
            },
            id="Podman mounts some of X and some of its own",
        ),
        pytest.param("host", {}, id="a host has none"),
    ],
)
def test_captured_mounts(scenario: str, expected: dict[str, str]) -> None:
    mounts = parse_mountinfo(read(scenario, "mountinfo"))
    assert {m.path.rpartition("/")[2]: (m.id or "")[:12] for m in mounts} == expected
    assert {m.podman for m in mounts} <= {scenario.startswith("podman")}


# Routes


def ipv4_route(fields: str) -> str:
    interface, destination, gateway, flags, metric, mask = fields.split()
    return f"{interface}\t{destination}\t{gateway}\t{flags}\t0\t0\t{metric}\t{mask}\t0\t0\t0   \n"


def route(subnet: str, next_hop: str = "", interface: str = "eth0", metric: int = 0) -> KernelRoute:
    hop = ip_address(next_hop) if next_hop else None
    return KernelRoute(interface, ip_network(subnet), hop, metric)


@pytest.mark.parametrize(
    "fields, expected",
    [
        pytest.param(
            "eth0 00000000 010011AC 0003 0 00000000", route("0.0.0.0/0", "172.17.0.1"), id="default"
        ),
        pytest.param(
            "eth0 000011AC 00000000 0001 0 0000FFFF", route("172.17.0.0/16"), id="on-link"
        ),
        pytest.param(
            "wlan0 0000A8C0 00000000 0001 600 00FFFFFF",
            route("192.168.0.0/24", interface="wlan0", metric=600),
            id="metric",
        ),
        pytest.param(
            "eth0 0100800A 00000000 0005 0 FFFFFFFF", route("10.128.0.1/32"), id="host route"
        ),
        pytest.param(
            "tun0 00000000 00000000 0001 0 00000000",
            route("0.0.0.0/0", interface="tun0"),
            id="default without a router",
        ),
    ],
)
def test_an_ipv4_route_is_little_endian(fields: str, expected: KernelRoute) -> None:
    assert parse_route(ipv4_route(fields), "little") == (expected,)


def test_an_ipv4_route_is_big_endian_on_a_big_endian_machine() -> None:
    text = ipv4_route("eth0 AC110000 00000000 0001 0 FFFF0000")
    assert parse_route(text, "big") == (route("172.17.0.0/16"),)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask", id="head"),
        pytest.param(ipv4_route("* 00000000 00000000 0201 0 00000000"), id="unreachable"),
        pytest.param(ipv4_route("eth0 00000000 010011AC 0002 0 00000000"), id="down"),
        pytest.param(ipv4_route("eth0 000011AC 00000000 0001 0 00FF00FF"), id="mask with holes"),
        pytest.param(ipv4_route("eth0 000011AC 00000000 0001 0 FFFF0000"), id="mask upside down"),
        pytest.param(ipv4_route("eth0 010011AC 00000000 0001 0 0000FFFF"), id="host bits"),
        pytest.param(ipv4_route("eth0 000011AC 00000000 0001 0 FFFF"), id="mask cut"),
        pytest.param(ipv4_route("eth0 000011AC 00000000 0001 99999999999 0000FFFF"), id="metric"),
        pytest.param(ipv4_route("eth0 0000+1AC 00000000 0001 0 0000FFFF"), id="no hex"),
        pytest.param("eth0\t000011AC\t00000000\t0001", id="cut off"),
    ],
)
def test_an_ipv4_route_that_leads_nowhere_is_skipped(line: str) -> None:
    good = ipv4_route("eth0 000011AC 00000000 0001 0 0000FFFF")
    assert parse_route(f"{good}{line}\n{good}", "little") == (route("172.17.0.0/16"),) * 2


ZERO = "0" * 32


def ipv6_route(fields: str) -> str:
    destination, length, next_hop, metric, flags, interface = fields.split()
    destination, next_hop = (
        f"{int(IPv6Address(word)):032x}" if ":" in word else word
        for word in (destination, next_hop)
    )
    return (
        f"{destination} {length} {ZERO} 00 {next_hop} {metric}"
        f" 00000001 00000000 {flags} {interface:>8}\n"
    )


@pytest.mark.parametrize(
    "fields, expected",
    [
        pytest.param(
            ":: 00 fd00::1 00000400 00000003 eth0",
            route("::/0", "fd00::1", metric=1024),
            id="default",
        ),
        pytest.param(
            "fd00:: 40 :: 00000100 00000001 eth0", route("fd00::/64", metric=256), id="on-link"
        ),
        pytest.param(
            "fd00::9 80 :: 00000400 00000005 wg0",
            route("fd00::9/128", interface="wg0", metric=1024),
            id="host route",
        ),
    ],
)
def test_an_ipv6_route_is_big_endian(fields: str, expected: KernelRoute) -> None:
    assert parse_ipv6_route(ipv6_route(fields)) == (expected,)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(":: 00 :: ffffffff 00200200 lo", id="the default route that rejects all"),
        pytest.param("fd09:: 40 :: 00000400 00200201 lo", id="a subnet that is rejected"),
        pytest.param(":: 00 fd00::1 00000400 00000002 eth0", id="down"),
        pytest.param("fd00::2 80 :: 00000000 80200001 eth0", id="an address of our own"),
        pytest.param("fd00:: 80 :: 00000000 00300001 eth0", id="anycast"),
        pytest.param("fe80:: 40 :: 00000100 00000001 eth0", id="link-local"),
        pytest.param("ff00:: 08 :: 00000100 00000001 eth0", id="multicast"),
        pytest.param("fd00::1 40 :: 00000100 00000001 eth0", id="host bits"),
        pytest.param("fd00:: 81 :: 00000100 00000001 eth0", id="129 bits"),
        pytest.param("fd00 40 :: 00000100 00000001 eth0", id="destination cut"),
        pytest.param("fd00:: 40 :: 00000100 +0000001 eth0", id="no hex"),
    ],
)
def test_an_ipv6_route_that_leads_to_no_other_machine_is_skipped(fields: str) -> None:
    good = ipv6_route("fd00:: 40 :: 00000100 00000001 eth0")
    text = f"{good}{ipv6_route(fields)}{good}"
    assert parse_ipv6_route(text) == (route("fd00::/64", metric=256),) * 2


# Default gateways


@pytest.mark.parametrize(
    "routes, expected",
    [
        pytest.param([], [], id="no route"),
        pytest.param([route("10.0.0.0/8"), route("10.1.0.0/16", "10.0.0.9")], [], id="no default"),
        pytest.param([route("0.0.0.0/0")], [], id="default without a router"),
        pytest.param(
            [route("::/0", "fd00::1"), route("0.0.0.0/0", "10.0.0.1")],
            ["10.0.0.1", "fd00::1"],
            id="IPv4 first",
        ),
        pytest.param(
            [
                route("0.0.0.0/0", "10.0.0.1", "wlan0", 600),
                route("0.0.0.0/0", "10.0.0.9", "eth1", 100),
                route("0.0.0.0/0", "10.0.0.2", "eth0", 100),
            ],
            ["10.0.0.9", "10.0.0.2", "10.0.0.1"],
            id="the cheapest first, equals in the kernel's order",
        ),
        pytest.param(
            [route("0.0.0.0/0", "10.0.0.1", "eth0"), route("0.0.0.0/0", "10.0.0.1", "eth1", 9)],
            ["10.0.0.1"],
            id="each once",
        ),
        pytest.param([route("::/0", "fe80::1")], [], id="IPv6 link-local"),
        pytest.param([route("0.0.0.0/0", "169.254.1.1")], [], id="IPv4 link-local"),
    ],
)
def test_default_gateways(routes: list[KernelRoute], expected: list[str]) -> None:
    assert [str(hop) for hop in default_gateways(routes)] == expected


# Own addresses


def test_an_own_ipv4_address_is_listed_twice_and_read_once() -> None:
    text = read("multi-network", "fib_trie")
    assert text.count("|-- 10.77.1.5\n") == 2
    assert [str(a) for a in parse_fib_trie(text)] == [
        "10.77.1.5",
        "10.77.2.55",
        "127.0.0.1",
        "172.17.0.7",
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("|-- 10.0.0.0\n   /24 link UNICAST\n", id="subnet"),
        pytest.param("|-- 10.0.0.255\n   /32 link BROADCAST\n", id="broadcast"),
        pytest.param("|-- 10.0.0.9\n   /32 link UNICAST\n", id="host route to another"),
        pytest.param("|-- 127.0.0.0\n   /8 host LOCAL\n", id="the loopback net"),
        pytest.param("|-- 10.0.0.256\n   /32 host LOCAL\n", id="no address"),
        pytest.param("|-- 10.0.0.9\n|-- 10.0.0.8\n", id="leaves alone"),
        pytest.param("   /32 host LOCAL\n", id="no leaf"),
        pytest.param("|-- 10.0.0.9\n+-- 10.0.0.0/8 2 0 2\n   /32 host LOCAL\n", id="other node"),
        pytest.param("|-- 10.0.0.9\n   /32 host LOCALS\n", id="other type"),
        pytest.param("|-- 10.0.0.9\n   /32 ho", id="cut off"),
    ],
)
def test_what_is_no_own_ipv4_address_is_skipped(text: str) -> None:
    good = "|-- 10.0.0.1\n   /24 link UNICAST\n   /32 host LOCAL\n"
    assert parse_fib_trie(good + text) == (IPv4Address("10.0.0.1"),)
    assert parse_fib_trie(f"{text}\n{good}") == (IPv4Address("10.0.0.1"),)


@pytest.mark.parametrize(
    "line, expected",
    [
        ("fd000000000000000000000000000002 43 40 00 82     eth0", [("eth0", "fd00::2")]),
        ("00000000000000000000000000000001 01 80 10 80       lo", [("lo", "::1")]),
        ("fd000000000000000000000000000002 1a2 40 00 40 eth0", [("eth0", "fd00::2")]),
        pytest.param("fe8000000000000000420afffe4d0602 43 40 20 80 eth0", [], id="link-local"),
        pytest.param("fec00000000000000000000000000002 43 40 40 80 eth0", [], id="site-local"),
        pytest.param("fd000000000000000000000000000002 43 40 00 88 eth0", [], id="DAD failed"),
        pytest.param("fd00000000000000000000000000002 43 40 00 80 eth0", [], id="31 digits"),
        pytest.param("fd000000000000000000000000000002 43 40 00 80", [], id="no interface"),
        pytest.param("gd000000000000000000000000000002 43 40 00 80 eth0", [], id="no hex"),
    ],
)
def test_own_ipv6_addresses(line: str, expected: list[tuple[str, str]]) -> None:
    found = parse_if_inet6(f"{line}\n")
    assert [(name, str(address)) for name, address in found] == expected


# Interfaces


def interfaces(scenario: str) -> list[tuple[str, list[str], list[str]]]:
    routes = (
        *parse_route(read(scenario, "route"), "little"),
        *parse_ipv6_route(read(scenario, "ipv6_route")),
    )
    joined = join_interfaces(
        routes,
        parse_fib_trie(read(scenario, "fib_trie")),
        parse_if_inet6(read(scenario, "if_inet6")),
    )
    return [(i.name, [str(a) for a in i.addresses], [str(s) for s in i.subnets]) for i in joined]


Row = tuple[str, list[str], list[str]]

LO4: Row = ("lo", ["127.0.0.1"], [])
LO: Row = ("lo", ["127.0.0.1", "::1"], [])


@pytest.mark.parametrize(
    "scenario, expected",
    [
        ("default-bridge", [("eth0", ["172.17.0.5"], ["172.17.0.0/16"]), LO4]),
        ("container-network", [("eth0", ["10.77.1.3"], ["10.77.1.0/24"]), LO4]),
        ("internal-network", [("eth0", ["10.77.3.2"], ["10.77.3.0/24"]), LO]),
        (
            "multi-network",
            [
                ("eth0", ["10.77.1.5"], ["10.77.1.0/24"]),
                ("eth1", ["10.77.2.55"], ["10.77.2.0/24"]),
                ("eth2", ["172.17.0.7"], ["172.17.0.0/16"]),
                LO,
            ],
        ),
        (
            "ipv6",
            [
                (
                    "eth0",
                    ["172.18.0.2", "fd6f:211f:d239::2"],
                    ["172.18.0.0/16", "fd6f:211f:d239::/64"],
                ),
                LO,
            ],
        ),
        ("none-network", [LO]),
        (
            "host-network",
            [
                ("br-47a12d0f27c4", ["172.19.0.1"], ["172.19.0.0/16"]),
                ("br-92ca6806627a", ["10.77.1.1"], ["10.77.1.0/24"]),
                (
                    "br-aea5856f41c4",
                    ["172.18.0.1", "fd6f:211f:d239::1"],
                    ["172.18.0.0/16", "fd6f:211f:d239::/64"],
                ),
                ("br-ce3c9a0ae086", ["10.77.3.1"], ["10.77.3.0/24"]),
                ("br-e7fdf4cd28e9", ["10.77.2.1"], ["10.77.2.0/24"]),
                ("docker0", ["172.17.0.1"], ["172.17.0.0/16"]),
                ("eth0", ["10.98.28.2"], ["10.98.28.0/24"]),
                LO,
            ],
        ),
        ("cgroupns-private", []),
    ],
)
def test_captured_interfaces(
    scenario: str, expected: list[tuple[str, list[str], list[str]]]
) -> None:
    assert interfaces(scenario) == expected


def joined_name(address: str, *routes: KernelRoute) -> str:
    (interface,) = (i for i in join_interfaces(routes, [IPv4Address(address)], []) if i.addresses)
    return interface.name


@pytest.mark.parametrize(
    "address, routes, expected",
    [
        pytest.param("127.0.0.53", [route("127.0.0.0/8")], "lo", id="loopback, whatever the route"),
        pytest.param(
            "10.1.0.2",
            [route("10.0.0.0/8", interface="eth0"), route("10.1.0.0/16", interface="eth1")],
            "eth1",
            id="the narrowest subnet",
        ),
        pytest.param(
            "10.1.0.2",
            [
                route("10.1.0.0/16", interface="wlan0", metric=600),
                route("10.1.0.0/16", interface="eth0", metric=100),
            ],
            "eth0",
            id="the cheaper of two on one network",
        ),
        pytest.param(
            "10.1.0.2",
            [route("10.1.0.0/16", "10.0.0.1", "eth1"), route("10.0.0.0/8", interface="eth0")],
            "eth0",
            id="not the way to another's subnet",
        ),
        pytest.param("10.1.0.2", [route("10.9.0.0/16")], "", id="in no subnet"),
        pytest.param("10.1.0.2", [route("0.0.0.0/0")], "", id="everything is no subnet"),
    ],
)
def test_an_ipv4_address_goes_to_the_interface_of_its_subnet(
    address: str, routes: list[KernelRoute], expected: str
) -> None:
    assert joined_name(address, *routes) == expected


def test_addresses_and_subnets_stand_in_the_order_of_their_numbers() -> None:
    routes = [route("fd00::/64"), route("10.10.0.0/16"), route("10.9.0.0/16")]
    own = [IPv4Address(a) for a in ("10.10.0.2", "10.9.0.10", "10.9.0.9")]
    (found,) = join_interfaces(routes, own, [("eth0", IPv6Address("fd00::2"))])
    assert [str(a) for a in found.addresses] == ["10.9.0.9", "10.9.0.10", "10.10.0.2", "fd00::2"]
    assert [str(s) for s in found.subnets] == ["10.9.0.0/16", "10.10.0.0/16", "fd00::/64"]


def test_an_address_without_an_interface_comes_last_and_is_not_lost() -> None:
    # A Google Cloud machine: its own /32, and an on-link route to the router alone.
    routes = [route("0.0.0.0/0", "10.128.0.1"), route("10.128.0.1/32")]
    own = [IPv4Address("10.128.0.9"), IPv4Address("127.0.0.1")]
    assert join_interfaces(routes, own, []) == (
        Interface(name="eth0", subnets=(ip_network("10.128.0.1/32"),)),
        Interface(name="lo", addresses=(IPv4Address("127.0.0.1"),)),
        Interface(name="", addresses=(IPv4Address("10.128.0.9"),)),
    )


# Any text

PARSERS: list[Callable[[str], object]] = [
    parse_cgroup,
    parse_mountinfo,
    parse_route,
    parse_ipv6_route,
    parse_fib_trie,
    parse_if_inet6,
]
LIKELY = [
    (DATA / scenario / name).read_text()
    for scenario in ("ipv6", "multi-network", "podman-container")
    for name in ("cgroup", "mountinfo", "route", "ipv6_route", "fib_trie", "if_inet6")
    if (DATA / scenario / name).exists()
]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A captured file with some of it overwritten."""
    text = draw(st.sampled_from(LIKELY))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 40)))
    return (
        text[:start] + draw(st.text("0123456789abcdefFf:/-. \t\n\x00é", max_size=20)) + text[end:]
    )


@pytest.mark.parametrize("parse", PARSERS)
@given(text=st.one_of(st.text(), damaged()))
def test_no_text_makes_an_error(parse: Callable[[str], object], text: str) -> None:
    assert parse(text) == parse(text)


def subnet4(number: int, length: int) -> IPNetwork:
    return ip_network((number, length), strict=False)


subnets4 = st.builds(subnet4, st.integers(0, 2**32 - 1), st.integers(0, 32))
hops4 = st.none() | st.ip_addresses(v=4).filter(int)
routes4 = st.builds(
    KernelRoute, st.sampled_from(["eth0", "br-1"]), subnets4, hops4, st.integers(0, 2**31)
)


def swapped(number: int) -> str:
    return number.to_bytes(4, "little").hex().upper()


@given(st.lists(routes4))
def test_an_ipv4_table_is_read_back(routes: list[KernelRoute]) -> None:
    text = "".join(
        ipv4_route(
            f"{r.interface} {swapped(int(r.subnet.network_address))}"
            f" {swapped(int(r.next_hop or 0))} {3 if r.next_hop else 1:04X}"
            f" {r.metric} {swapped(int(r.subnet.netmask))}"
        )
        for r in routes
    )
    assert parse_route(text, "little") == tuple(routes)


@given(
    st.lists(routes4),
    st.lists(st.ip_addresses(v=4), unique=True),
    st.lists(st.tuples(st.sampled_from(["eth0", "lo"]), st.ip_addresses(v=6)), unique=True),
)
def test_joining_loses_no_address(
    routes: list[KernelRoute], ipv4: list[IPv4Address], ipv6: list[tuple[str, IPv6Address]]
) -> None:
    joined = join_interfaces(routes, ipv4, ipv6)
    found = [a for interface in joined for a in interface.addresses]
    assert sorted(map(str, found)) == sorted(map(str, [*ipv4, *(a for _, a in ipv6)]))
    assert len({i.name for i in joined}) == len(joined)
