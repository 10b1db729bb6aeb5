"""What listens in a peer's network namespace, as files of ``/proc`` tell it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockernet import Port, SourceError
from dockernet.sources.peer_sockets import read_listeners

ID = "ab" * 32
PID = 4711
TAIL = "00000000:00000000 00:00000000 00000000     0        0 99 1"
FREE = f"   0: 0100007F:1F90 00000000:0000 0A {TAIL}\n"  # 127.0.0.1:8080
WIDE = f"   1: 00000000:0050 00000000:0000 0A {TAIL}\n"  # 0.0.0.0:80
BUSY = f"   2: 020011AC:0051 030011AC:9C40 01 {TAIL}\n"  # an open connection of port 81
SIX = f"   0: {'0' * 32}:0050 {'0' * 32}:0000 0A {TAIL}\n"  # [::]:80
UDP = f"   0: 00000000:0035 00000000:0000 07 {TAIL}\n"  # 0.0.0.0:53


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The tables of one process, of a container."""
    net = tmp_path / "proc" / str(PID) / "net"
    net.mkdir(parents=True)
    net.with_name("cgroup").write_text(f"0::/system.slice/docker-{ID}.scope\n")
    net.joinpath("tcp").write_text(FREE + WIDE + BUSY)
    net.joinpath("tcp6").write_text(SIX)
    net.joinpath("udp").write_text(UDP)  # and no udp6
    return tmp_path


@pytest.mark.parametrize(
    "port, addresses",
    [
        (Port(80), ["0.0.0.0", "::"]),
        (Port(8080), ["127.0.0.1"]),
        (Port(81), []),
        (Port(53), []),
        (Port(53, "udp"), ["0.0.0.0"]),
        (Port(80, "udp"), []),
    ],
    ids=str,
)
def test_who_listens_at_a_port_is_read_of_its_protocol(
    root: Path, port: Port, addresses: list[str]
) -> None:
    assert [str(one.address) for one in read_listeners(port, PID, ID, root)] == addresses


@pytest.mark.parametrize("control", ["0::/\n", f"0::/docker/{'cd' * 32}\n"])
def test_a_process_that_is_not_of_the_container_tells_nothing(root: Path, control: str) -> None:
    root.joinpath("proc", str(PID), "cgroup").write_text(control)
    with pytest.raises(SourceError) as raised:
        read_listeners(Port(80), PID, ID, root)
    assert raised.value.args == (
        "listeners",
        (
            f"what listens in {ID[:12]} is not known: its process cannot be seen from here; "
            "ask on the engine's host, in its process namespace"
        ),
    )


def test_a_process_that_is_not_there_tells_nothing(root: Path) -> None:
    with pytest.raises(SourceError, match="proc/1/cgroup cannot be read: No such file") as raised:
        read_listeners(Port(80), 1, ID, root)
    assert isinstance(raised.value.__cause__, FileNotFoundError)
