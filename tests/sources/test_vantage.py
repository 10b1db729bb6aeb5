"""Where the caller stands, read from trees that hold what real containers have."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockernet.errors import FormatError, SourceError
from dockernet.model.vantage import Vantage, VantageKind
from dockernet.sources.vantage import host_gateway, read_host_gateway, read_vantage

DATA = Path(__file__).parents[1] / "data" / "proc"

PLACES = {
    "cgroup": "proc/self/cgroup",
    "mountinfo": "proc/self/mountinfo",
    "route": "proc/net/route",
    "ipv6_route": "proc/net/ipv6_route",
    "fib_trie": "proc/net/fib_trie",
    "if_inet6": "proc/net/if_inet6",
    "hostname": "proc/sys/kernel/hostname",
    "resolv.conf": "etc/resolv.conf",
}

HOST, CONTAINER, UNKNOWN = VantageKind.HOST, VantageKind.CONTAINER, VantageKind.UNKNOWN

PRIVATE = "0::/\n"  # what a private cgroup namespace shows
ID, OTHER = "f1" * 32, "0a" * 32
NO_ENVIRON: Mapping[str, str] = {}


def write(root: Path, name: str, text: str = "") -> Path:
    path = root / PLACES.get(name, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def tree(root: Path, scenario: str, *marks: str, **files: str) -> Path:
    """A root folder with the files of a captured scenario, some of them replaced."""
    for source in (DATA / scenario).iterdir():
        if source.name in PLACES:
            target = root / PLACES[source.name]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    for name, text in files.items():
        write(root, name, text)
    for mark in marks:
        write(root, mark)
    return root


def environ(scenario: str) -> dict[str, str]:
    path = DATA / scenario / "environ"
    pairs = path.read_text().splitlines() if path.exists() else []
    return dict(pair.split("=", 1) for pair in pairs)


def mounts(*pairs: tuple[str, str]) -> str:
    return "".join(f"7 6 254:0 {root} {path} rw - ext4 /dev/vda rw\n" for root, path in pairs)


def docker_mounts(container: str) -> str:
    names = ("resolv.conf", "hostname", "hosts")
    folder = f"/var/lib/docker/containers/{container}"
    return mounts(*((f"{folder}/{name}", f"/etc/{name}") for name in names))


# Captured containers

DOCKER, PODMAN = ".dockerenv", "run/.containerenv"


def short(value: str | None) -> str | None:
    return value and value[:12]


@pytest.mark.parametrize(
    "scenario, expected",
    [
        ("default-bridge", ("0dd721ad7ac7", "0dd721ad7ac7", "0dd721ad7ac7")),
        ("user-network", ("05af3f59c085", "05af3f59c085", "05af3f59c085")),
        ("multi-network", ("753b5592e87a", "753b5592e87a", "753b5592e87a")),
        ("ipv6", ("baad3e1c8e37", "baad3e1c8e37", "baad3e1c8e37")),
        ("internal-network", ("c10824e4567d", "c10824e4567d", "c10824e4567d")),
        ("container-network", ("47fd202235cf", "7a4b358c2c7f", "7a4b358c2c7f")),
        ("host-network", ("ffadab25e2ed", "ffadab25e2ed", "facts-e28")),
        ("cgroupns-private", ("af401f1bf705", "af401f1bf705", "")),
        ("podman", ("74a49eda2872", "74a49eda2872", "")),
        ("podman-container", ("60d7b2165823", "74a49eda2872", "")),
        ("podman-host", ("9a8ad3d952e8", "9a8ad3d952e8", "")),
    ],
)
@pytest.mark.parametrize("marks", [(), (DOCKER,), (PODMAN,)], ids=["no mark", "Docker", "Podman"])
def test_a_container_knows_itself_and_whose_network_it_uses(
    tmp_path: Path, scenario: str, expected: tuple[str, str, str], marks: tuple[str, ...]
) -> None:
    vantage = read_vantage(tree(tmp_path, scenario, *marks), environ(scenario))
    assert vantage.kind is CONTAINER
    assert (short(vantage.id), short(vantage.network_owner), vantage.hostname) == expected
    assert {len(i or "") for i in (vantage.id, vantage.network_owner)} == {64}


@pytest.mark.parametrize(
    "scenario, addresses, gateways, nameservers",
    [
        ("default-bridge", ["172.17.0.5"], ["172.17.0.1"], ["192.0.2.53"]),
        ("user-network", ["10.77.1.3"], ["10.77.1.1"], ["127.0.0.11"]),
        ("container-network", ["10.77.1.3"], ["10.77.1.1"], ["127.0.0.11"]),
        (
            "multi-network",
            ["10.77.1.5", "10.77.2.55", "172.17.0.7"],
            ["172.17.0.1"],
            ["127.0.0.11"],
        ),
        (
            "ipv6",
            ["172.18.0.2", "fd6f:211f:d239::2"],
            ["172.18.0.1", "fd6f:211f:d239::1"],
            ["127.0.0.11"],
        ),
        ("internal-network", ["10.77.3.2"], [], ["127.0.0.11"]),
        ("none-network", [], [], ["192.0.2.53"]),
        ("podman", [], [], ["10.89.0.1", "192.0.2.53"]),
    ],
)
def test_addresses_gateways_and_name_servers(
    tmp_path: Path,
    scenario: str,
    addresses: list[str],
    gateways: list[str],
    nameservers: list[str],
) -> None:
    vantage = read_vantage(tree(tmp_path, scenario), NO_ENVIRON)
    assert [str(a) for a in vantage.addresses] == addresses
    assert [str(g) for g in vantage.gateways] == gateways
    assert [str(n) for n in vantage.nameservers] == nameservers


def test_a_host_has_no_container_id(tmp_path: Path) -> None:
    vantage = read_vantage(tree(tmp_path, "host"), {"HOSTNAME": ID[:12]})
    assert (vantage.kind, vantage.id, vantage.network_owner) == (HOST, None, None)
    assert vantage.hostname == "facts-e28"
    assert [i.name for i in vantage.interfaces][-3:] == ["docker0", "eth0", "lo"]


# Which kind of place


@pytest.mark.parametrize(
    "files, marks, expected",
    [
        pytest.param({}, [], UNKNOWN, id="no /proc, as on macOS"),
        pytest.param({"etc/resolv.conf": "nameserver ::1"}, [], UNKNOWN, id="no /proc, an /etc"),
        pytest.param({"cgroup": PRIVATE}, [], HOST, id="a cgroup that tells nothing"),
        pytest.param({"mountinfo": mounts(("/", "/"))}, [], HOST, id="no mount over /etc"),
        pytest.param({}, [DOCKER], CONTAINER, id="Docker's mark, no /proc"),
        pytest.param({"cgroup": PRIVATE}, [PODMAN], CONTAINER, id="Podman's mark, no mountinfo"),
        pytest.param(
            {"mountinfo": mounts(("/", "/"))}, [DOCKER], HOST, id="a mark left over in a VM's image"
        ),
        pytest.param(
            {"mountinfo": mounts(("/my/hosts", "/etc/hosts"))},
            [DOCKER],
            CONTAINER,
            id="a mark, and a file of the user's own",
        ),
        pytest.param(
            {"mountinfo": mounts(("/my/hosts", "/etc/hosts"))}, [], HOST, id="that file alone"
        ),
        pytest.param(
            {
                "mountinfo": mounts(
                    ("/var/lib/kubelet/pods/4e/etc-hosts", "/etc/hosts"),
                    (f"/io.containerd.grpc.v1.cri/sandboxes/{ID}/resolv.conf", "/etc/resolv.conf"),
                )
            },
            [],
            CONTAINER,
            id="Kubernetes",
        ),
        pytest.param(
            {"mountinfo": docker_mounts(ID), "cgroup": PRIVATE}, [], CONTAINER, id="mounts alone"
        ),
        pytest.param({"cgroup": f"0::/docker/{ID}"}, [], CONTAINER, id="cgroup alone"),
        pytest.param(
            {"cgroup": f"0::/docker/{ID}", "mountinfo": mounts(("/", "/"))},
            [],
            CONTAINER,
            id="Docker in Docker: a process beside the inner engine",
        ),
    ],
)
def test_the_kind_of_place(
    tmp_path: Path, files: dict[str, str], marks: list[str], expected: VantageKind
) -> None:
    for name, text in files.items():
        write(tmp_path, name, text)
    for mark in marks:
        write(tmp_path, mark)
    assert read_vantage(tmp_path, NO_ENVIRON).kind is expected


def test_nothing_at_all_is_an_empty_vantage(tmp_path: Path) -> None:
    assert read_vantage(tmp_path, {"HOSTNAME": ID[:12]}) == Vantage()


def test_what_is_no_file_counts_as_empty(tmp_path: Path) -> None:
    for place in PLACES.values():
        (tmp_path / place).mkdir(parents=True)
    assert read_vantage(tmp_path, NO_ENVIRON) == Vantage()


def test_what_is_no_text_is_no_error(tmp_path: Path) -> None:
    for place in PLACES.values():
        write(tmp_path, place).write_bytes(b"\xff\xfe\x00 \x80\n")
    assert read_vantage(tmp_path, NO_ENVIRON).kind is HOST


# The own id


@pytest.mark.parametrize(
    "cgroup, mountinfo, hostname, expected",
    [
        pytest.param(f"0::/docker/{ID}", docker_mounts(OTHER), "", (ID, OTHER), id="cgroup first"),
        pytest.param(PRIVATE, docker_mounts(ID), ID[:12], (ID, ID), id="Docker's mounts"),
        pytest.param(
            PRIVATE, docker_mounts(ID), OTHER[:12], (ID, ID), id="host mode in Docker in Docker"
        ),
        pytest.param(
            PRIVATE,
            mounts(
                (f"/overlay-containers/{OTHER}/userdata/hosts", "/etc/hosts"),
                (f"/overlay-containers/{OTHER}/userdata/resolv.conf", "/etc/resolv.conf"),
                (f"/overlay-containers/{ID}/userdata/hostname", "/etc/hostname"),
            ),
            "",
            (ID, OTHER),
            id="Podman's hostname",
        ),
        pytest.param(
            PRIVATE,
            mounts(
                (f"/overlay-containers/{OTHER}/userdata/hostname", "/etc/hostname"),
                (f"/overlay-containers/{ID}/userdata/.containerenv", "/run/.containerenv"),
            ),
            "",
            (ID, ID),
            id="Podman's mark before its hostname",
        ),
        pytest.param(
            PRIVATE,
            mounts((f"/overlay-containers/{OTHER}/userdata/hosts", "/etc/hosts")),
            ID[:12],
            (ID[:12], OTHER),
            id="Podman's HOSTNAME is never X's",
        ),
        pytest.param(
            PRIVATE,
            mounts((f"/overlay-containers/{OTHER}/userdata/hosts", "/etc/hosts")),
            "",
            (None, OTHER),
            id="Podman's hosts may be X's",
        ),
        pytest.param(
            PRIVATE,
            mounts(("/my/hostname", "/etc/hostname"), (f"/containers/{ID}/hosts", "/etc/hosts")),
            "",
            (ID, ID),
            id="Docker's hosts, where the hostname is the user's own",
        ),
        pytest.param(
            f"0::/docker/{ID}",
            mounts((f"/containers/{OTHER}/resolv.conf", "/etc/resolv.conf")),
            "",
            (ID, OTHER),
            id="the owner by resolv.conf, where hosts is the user's own",
        ),
        pytest.param(PRIVATE, "", ID[:12], (ID[:12], ID[:12]), id="HOSTNAME, where no mount tells"),
        pytest.param(PRIVATE, "", ID, (None, None), id="HOSTNAME with 64 digits"),
        pytest.param(PRIVATE, "", ID[:12].upper(), (None, None), id="HOSTNAME in upper case"),
        pytest.param(PRIVATE, "", f"{ID[:12]}\n", (None, None), id="HOSTNAME and a newline"),
        pytest.param(PRIVATE, "", "web", (None, None), id="HOSTNAME of the user's own"),
    ],
)
def test_where_the_own_id_and_the_network_owner_come_from(
    tmp_path: Path,
    cgroup: str,
    mountinfo: str,
    hostname: str,
    expected: tuple[str | None, str | None],
) -> None:
    write(tmp_path, "cgroup", cgroup)
    write(tmp_path, "mountinfo", mountinfo)
    write(tmp_path, PODMAN)
    vantage = read_vantage(tmp_path, {"HOSTNAME": hostname})
    assert vantage.kind is CONTAINER
    assert (vantage.id, vantage.network_owner) == expected


CREATED = 1_700_000_000_000_000_000  # nanoseconds; a moment like any other


@pytest.mark.parametrize(
    "started, hostname, own",
    [
        pytest.param(+12_000_000, ID[:12], ID, id="written after our creation: ours"),
        pytest.param(0, ID[:12], ID, id="at the same moment: ours"),
        pytest.param(-1, ID[:12], None, id="before it: X's, and so is HOSTNAME"),
        pytest.param(-1, "web", None, id="before it, and X has a host name of its own"),
        pytest.param(-1, OTHER[:12], OTHER[:12], id="before it, but HOSTNAME is not X's"),
    ],
)
def test_a_hostname_file_older_than_the_container_is_of_another(
    tmp_path: Path, started: int, hostname: str, own: str | None
) -> None:
    write(tmp_path, "cgroup", PRIVATE)
    write(tmp_path, "mountinfo", docker_mounts(ID))
    os.utime(write(tmp_path, ".dockerenv"), ns=(CREATED, CREATED))
    os.utime(write(tmp_path, "etc/hostname"), ns=(CREATED + started, CREATED + started))
    vantage = read_vantage(tmp_path, {"HOSTNAME": hostname})
    assert (vantage.kind, vantage.id, vantage.network_owner) == (CONTAINER, own, ID)


def test_the_age_of_a_hostname_file_of_the_users_own_tells_nothing(tmp_path: Path) -> None:
    write(tmp_path, "cgroup", PRIVATE)
    mine = mounts(("/my/hostname", "/etc/hostname"), (f"/containers/{ID}/hosts", "/etc/hosts"))
    write(tmp_path, "mountinfo", mine)
    write(tmp_path, ".dockerenv")
    os.utime(write(tmp_path, "etc/hostname"), ns=(0, 0))
    assert read_vantage(tmp_path, NO_ENVIRON).id == ID


def test_the_environment_is_the_process_own_unless_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "cgroup", PRIVATE)
    write(tmp_path, PODMAN)
    monkeypatch.setenv("HOSTNAME", ID[:12])
    assert read_vantage(tmp_path).id == ID[:12]
    assert read_vantage(tmp_path, NO_ENVIRON).id is None


# The host's address


@pytest.mark.parametrize(
    "scenario, family, expected",
    [
        ("default-bridge", 4, "172.17.0.1"),
        ("user-network", 4, "10.77.1.1"),
        ("container-network", 4, "10.77.1.1"),
        ("multi-network", 4, "172.17.0.1"),
        ("ipv6", 4, "172.18.0.1"),
        ("ipv6", 6, "fd6f:211f:d239::1"),
        pytest.param("internal-network-20", 4, "10.77.3.1", id="internal, Docker 20.10"),
        pytest.param("macvlan", 4, "10.99.0.1", id="macvlan: the router, which no file tells"),
        ("host-network", 4, "127.0.0.1"),
        ("host-network", 6, "::1"),
        ("host", 4, "127.0.0.1"),
        ("host", 6, "::1"),
    ],
)
def test_the_host_as_seen_from_here(
    tmp_path: Path, scenario: str, family: Literal[4, 6], expected: str
) -> None:
    root = tree(tmp_path, scenario)
    assert str(read_host_gateway(family, root, environ(scenario))) == expected


def test_without_proc_the_host_is_this_machine(tmp_path: Path) -> None:
    assert str(read_host_gateway(4, tmp_path)) == "127.0.0.1"
    assert str(read_host_gateway(6, tmp_path)) == "::1"


@pytest.mark.parametrize(
    "scenario, family, fix",
    [
        ("none-network", 4, "connect it to a bridge network that is not internal"),
        ("internal-network", 4, "connect it to a bridge network that is not internal"),
        ("user-network", 6, "not internal and was created with --ipv6"),
    ],
)
def test_without_a_default_route_the_error_says_what_to_do(
    tmp_path: Path, scenario: str, family: Literal[4, 6], fix: str
) -> None:
    with pytest.raises(SourceError) as caught:
        read_host_gateway(family, tree(tmp_path, scenario), environ(scenario))
    assert caught.value.source == "vantage"
    assert caught.value.reason.startswith(f"no IPv{family} default route leads out of")
    assert caught.value.reason.endswith(fix)


@pytest.mark.parametrize(
    "namespace, expected",
    [
        pytest.param("net:[4026531833]", "127.0.0.1", id="the kernel's first, recent"),
        pytest.param("net:[4026531840]", "127.0.0.1", id="the kernel's first, older"),
        pytest.param("net:[4026532326]", "172.17.0.1", id="another"),
        pytest.param(None, "172.17.0.1", id="not told"),
    ],
)
def test_host_mode_shows_by_the_network_namespace(
    tmp_path: Path, namespace: str | None, expected: str
) -> None:
    root = tree(tmp_path, "default-bridge")
    if namespace is not None:
        (root / "proc/self/ns").mkdir()
        (root / "proc/self/ns/net").symlink_to(namespace)
    assert str(read_host_gateway(4, root, environ("default-bridge"))) == expected
    mode = read_vantage(root, environ("default-bridge")).network_mode
    assert mode == ("host" if expected == "127.0.0.1" else None)


@pytest.mark.parametrize(
    "interface, expected",
    [
        ("docker0", "127.0.0.1"),
        ("docker_gwbridge", "127.0.0.1"),
        ("br-92ca6806627a", "127.0.0.1"),
        ("podman0", "127.0.0.1"),
        ("podman12", "127.0.0.1"),
        ("cni-podman0", "127.0.0.1"),
        ("br-lan", "172.17.0.1"),
        ("docker01", "172.17.0.1"),
        ("eth1", "172.17.0.1"),
    ],
)
def test_host_mode_shows_by_an_engines_bridge(
    tmp_path: Path, interface: str, expected: str
) -> None:
    table = (DATA / "default-bridge" / "route").read_text()
    more = f"{interface}\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
    root = tree(tmp_path, "default-bridge", route=table + more, hostname="build-7\n")
    assert str(read_host_gateway(4, root, NO_ENVIRON)) == expected


@pytest.mark.parametrize(
    "hostname, expected",
    [
        pytest.param("ffadab25e2ed", "10.98.28.1", id="named by its id: not the host's namespace"),
        pytest.param("0a0a0a0a0a0a", "127.0.0.1", id="host mode inside: the outer one's id"),
        pytest.param("dind", "127.0.0.1", id="a name of its own: not told from host mode"),
        pytest.param("", "127.0.0.1", id="no name"),
    ],
)
def test_the_bridges_of_docker_in_docker_are_no_host_mode(
    tmp_path: Path, hostname: str, expected: str
) -> None:
    root = tree(tmp_path, "host-network", hostname=f"{hostname}\n")
    assert str(read_host_gateway(4, root, NO_ENVIRON)) == expected


def test_bridges_in_a_container_that_knows_no_id_are_host_mode(tmp_path: Path) -> None:
    root = tree(tmp_path, "host-network", ".dockerenv", cgroup=PRIVATE, mountinfo="")
    assert str(read_host_gateway(4, root, NO_ENVIRON)) == "127.0.0.1"


def test_an_address_family_is_4_or_6(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="must be 4 or 6"):
        read_host_gateway(cast("Literal[4, 6]", socket.AF_INET), tmp_path)


@pytest.mark.parametrize("family", [4, 6])
def test_host_gateway_reads_this_machine(family: Literal[4, 6]) -> None:
    def answer(read: Callable[[Literal[4, 6]], object]) -> str:
        try:
            return repr(read(family))
        except SourceError as error:
            return repr(error)

    assert answer(host_gateway) == answer(read_host_gateway)


@given(files=st.dictionaries(st.sampled_from(sorted(PLACES)), st.binary(max_size=200)))
def test_no_content_of_any_file_is_an_error(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    root = tmp_path_factory.mktemp("root")
    for name, content in files.items():
        write(root, name).write_bytes(content)
    assert read_vantage(root, NO_ENVIRON).id is None
