"""Places read from files of ``/proc``, and entered."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from dockernet import SourceError
from dockernet.model.links import Link
from dockernet.sources.places import entering, read_place, read_routes, read_switches

ID = "ab" * 32
ROUTE = (
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
)


def written(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine, and on it a container's process 7."""
    return written(
        tmp_path,
        {
            "proc/sys/net/ipv4/ip_forward": "1\n",
            "proc/self/net/route": ROUTE,
            "etc/hosts": "192.0.2.9 wiki\n",
            "etc/resolv.conf": "nameserver 192.0.2.53\n",
            "proc/7/cgroup": f"0::/system.slice/docker-{ID}.scope\n",
            "proc/7/environ": "DB_PORT_80_TCP=tcp://172.17.0.3:80\0DB_NAME=/me/db\0odd\0",
            "proc/7/net/route": ROUTE,
            "proc/7/root/etc/hosts": "172.17.0.3 db\nnonsense\n",
            "proc/7/root/etc/resolv.conf": "nameserver 127.0.0.11\n",
        },
    )


def test_settings_are_read_as_far_as_they_are_there(root: Path) -> None:
    assert dict(read_switches(root)) == {"/proc/sys/net/ipv4/ip_forward": "1"}


def test_this_place_has_its_own_files(root: Path) -> None:
    place = read_place(root=root, environ={})
    assert [str(line) for line in place.hosts] == ["192.0.2.9\twiki"]
    assert place.nameservers == (ip_address("192.0.2.53"),)
    assert (place.gateways, place.leads_out) == ((ip_address("172.17.0.1"),), (4,))
    assert place.interfaces[0].subnets == (ip_network("172.17.0.0/16"),)
    assert [route.interface for route in read_routes(root)] == ["eth0", "eth0"]


def test_a_container_s_place_has_the_files_of_its_process(root: Path) -> None:
    place = read_place(7, ID, root=root)
    assert [str(line) for line in place.hosts] == ["172.17.0.3\tdb"]
    assert place.nameservers == (ip_address("127.0.0.11"),)
    assert [link.alias for link in place.links.links] == ["db"]
    assert "172.17.0.3:80" not in repr(place)


def test_the_variables_of_this_process_are_read_unless_others_are_given(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CACHE_NAME", "/me/cache")
    monkeypatch.setenv("CACHE_PORT_1_TCP", "tcp://172.17.0.4:1")
    assert isinstance(next(iter(read_place(root=root).links.links)), Link)


def test_a_process_of_nobody_s_is_not_looked_into(root: Path) -> None:
    with pytest.raises(SourceError, match="cannot be seen from here"):
        read_place(7, "cd" * 32, root=root)
    (root / "proc/7/environ").unlink()
    with pytest.raises(SourceError, match="needs root"):
        read_place(7, ID, root=root)


def test_links_of_others_lead_nowhere(root: Path, tmp_path: Path) -> None:
    """A container could lead them to any file of this machine, or to a pipe."""
    secret = tmp_path / "secret"
    secret.write_text("172.17.0.9 secret\n")
    etc = root / "proc/7/root/etc"
    (etc / "hosts").unlink()
    (etc / "hosts").symlink_to(secret)
    (etc / "resolv.conf").unlink()
    os.mkfifo(etc / "resolv.conf")
    place = read_place(7, ID, root=root)
    assert (place.hosts, place.nameservers) == ((), ())
    (etc / "hosts").unlink()
    etc.rename(tmp_path / "moved")
    (tmp_path / "moved/hosts").write_text("172.17.0.9 secret\n")
    etc.symlink_to(tmp_path / "moved")
    assert read_place(7, ID, root=root).hosts == ()


def test_what_cannot_be_entered_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="CAP_SYS_ADMIN"):
        entering(7, tmp_path)(lambda: None)
    namespace = tmp_path / "proc/7/ns/net"
    namespace.parent.mkdir(parents=True)
    namespace.touch()  # which is no namespace
    with pytest.raises(SourceError, match="needs root"):
        entering(7, tmp_path)(lambda: None)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_work_is_done_inside_and_what_it_raises_comes_out() -> None:
    inside = entering(os.getpid())
    assert inside(socket.gethostname) == socket.gethostname()

    def failing() -> None:
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        entering(os.getpid())(failing)
