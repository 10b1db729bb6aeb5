"""What type checkers see of the public names: checked, never run."""

from __future__ import annotations

from typing import assert_type

from dockernet import Endpoint, Explanation, HostBinding, Port, PortMap, explain, peers, resolve
from dockernet import Peer as PublicPeer

assert_type(Port.parse("53/udp"), Port)
assert_type(PortMap.parse("80/tcp").bindings(Port(80)), tuple[HostBinding, ...])
assert_type(resolve("db:5432"), Endpoint)
assert_type(resolve("db:5432").address, tuple[str, int])
assert_type(explain("db"), Explanation)
assert_type(peers(), tuple[PublicPeer, ...])
