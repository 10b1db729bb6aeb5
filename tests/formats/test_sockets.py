"""The kernel's tables of sockets."""

from __future__ import annotations

import socket
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockernet.formats.sockets import Listener, parse_sockets

HEADING = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout"
    " inode"
)
REST = "00000000:00000000 00:00000000 00000000     0        0"
TCP = f"""{HEADING}
   0: 0100007F:1F90 00000000:0000 0A {REST} 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C000 01 {REST} 4712 1 0000000000000000 20 4 30 10 -1
  12: 00000000:0016 00000000:0000 0A {REST} 4713 1 0000000000000000 100 0 0 10 0
"""
UDP6 = f"""{HEADING} ref pointer drops
  99: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 07 {REST} 5 2 0 0
 100: B80D0120000000000000000001000000:0035 B80D0120000000000000000002000000:0035 01 {REST} 6 2 0 0
"""


def test_sockets_that_listen_are_told_with_address_port_and_inode() -> None:
    table = parse_sockets(TCP, "tcp", "little")
    assert table.listeners == (
        Listener("tcp", ip_address("127.0.0.1"), 8080, 4711),
        Listener("tcp", ip_address("0.0.0.0"), 22, 4713),
    )
    assert table.diagnostics == ()


def test_a_udp_socket_listens_that_is_connected_to_nobody() -> None:
    table = parse_sockets(UDP6, "udp", "little")
    assert table.listeners == (Listener("udp", ip_address("::1"), 53, 5),)
    assert table.diagnostics == ()


@pytest.mark.parametrize(
    "byteorder, digits, address",
    [
        ("little", "0100007F", "127.0.0.1"),
        ("big", "7F000001", "127.0.0.1"),
        ("little", "B80D0120000000000000000001000000", "2001:db8::1"),
        ("big", "20010DB8000000000000000000000001", "2001:db8::1"),
    ],
)
def test_an_address_is_in_the_byte_order_of_the_machine(
    byteorder: Literal["little", "big"], digits: str, address: str
) -> None:
    line = f"0: {digits}:0050 {'0' * len(digits)}:0000 0A {REST} 1 1"
    [found] = parse_sockets(line, "tcp", byteorder).listeners
    assert found.address == ip_address(address)


def test_a_line_that_makes_no_sense_is_told_by_its_number_and_the_rest_is_kept() -> None:
    table = parse_sockets(f"{TCP}what is this\n", "tcp", "little")
    assert len(table.listeners) == 2
    assert list(map(str, table.diagnostics)) == [
        "listeners: line 5: it is no line of a socket table"
    ]


@given(st.text())
def test_no_text_makes_an_error(text: str) -> None:
    table = parse_sockets(text, "tcp")
    assert len(table.listeners) + len(table.diagnostics) <= text.count("\n") + 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these tables")
def test_the_table_of_this_machine_has_a_socket_that_this_process_opens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        table = parse_sockets(Path("/proc/net/tcp").read_text(), "tcp")
        inode = Path(f"/proc/self/fd/{opened.fileno()}").stat().st_ino
        expected = Listener("tcp", ip_address("127.0.0.1"), opened.getsockname()[1], inode)
        assert expected in table.listeners
        assert table.diagnostics == ()
