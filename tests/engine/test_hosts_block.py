"""The hosts block in the mounted /etc/hosts of real containers, beside the engine's lines."""

from __future__ import annotations

from collections.abc import Mapping

from harness import RealContainer, Scene
from harness.features import needs

KEPT = "kept.example"


def _write(names: Mapping[str, str]) -> bool:
    from ipaddress import ip_address

    from dockernet import HostsBlock, HostsLine

    lines = [HostsLine(ip_address(address), (name,)) for name, address in names.items()]
    return HostsBlock().write(lines)


def _remove() -> bool:
    from dockernet import HostsBlock

    return HostsBlock().remove()


def _file() -> tuple[int, bytes]:
    """The inode of the hosts file and what is in it."""
    from pathlib import Path

    path = Path("/etc/hosts")
    return path.stat().st_ino, path.read_bytes()


def _resolved(name: str) -> set[object]:
    import socket

    return {found[4][0] for found in socket.getaddrinfo(name, 80)}


def _folder() -> list[str]:
    from pathlib import Path

    return [str(path) for path in Path("/etc").glob("*dockernet*")]


def assert_leads_to(recipient: RealContainer, peer: RealContainer, address: str) -> None:
    assert recipient.call(_resolved, KEPT) == {address}
    assert recipient.dial((KEPT, 80)).name == peer.name


def test_a_name_that_is_written_resolves_and_connects_and_the_inode_stays(scene: Scene) -> None:
    net = scene.network("net")
    web, db = (scene.run(name, ports=["80"], network=net) for name in ("web", "db"))
    client = scene.run("client", network=net)
    inode, before = client.call(_file)
    for peer in (web, db):
        names = {KEPT: peer.address()}
        assert client.call(_write, names)
        assert not client.call(_write, names)
        assert_leads_to(client, peer, peer.address())
    now, content = client.call(_file)
    assert (now, content.startswith(before)) == (inode, True)
    assert client.call(_remove)
    assert client.call(_file) == (inode, before)
    assert client.dial((KEPT, 80)).error == "unknown name"
    assert client.call(_folder) == []


@needs("comments in hosts files")
def test_the_engine_s_lines_of_a_new_network_and_the_block_both_stay(scene: Scene) -> None:
    net, other = scene.network("net"), scene.network("other")
    web = scene.run("web", ports=["80"], network=net)
    client = scene.run("client", network=net)
    inode, before = client.call(_file)
    assert client.call(_write, {KEPT: web.address()})
    client.api.request("POST", f"/networks/{other}/connect", {"Container": client.id})
    own = client.address(other)
    assert_leads_to(client, web, web.address())
    # More than the block has room for: it moves behind the engine's new lines.
    many = {f"host-{n}": f"10.99.0.{n}" for n in range(1, 100)}
    assert client.call(_write, {KEPT: web.address(), **many})
    assert client.call(_resolved, "host-99") == {"10.99.0.99"}
    now, content = client.call(_file)
    assert (now, content.startswith(before)) == (inode, True)
    assert f"{own}\t".encode() in content
    assert_leads_to(client, web, web.address())
    client.api.request("POST", f"/networks/{other}/disconnect", {"Container": client.id})
    _, left = client.call(_file)
    assert b"host-99" in left
    assert f"{own}\t".encode() not in left
    assert client.call(_write, {KEPT: web.address()})
    assert_leads_to(client, web, web.address())
    # Engine 20.10 takes away all lines of its names, those of other networks, too.
    theirs = left.partition(b"# dockernet")[0]
    assert before.startswith(theirs)
    assert client.call(_remove)
    assert client.call(_file) == (inode, theirs)


@needs("links")
def test_a_peer_of_a_link_that_moves_is_written_by_the_engine_and_the_block_stays(
    scene: Scene,
) -> None:
    alias = "moved"
    web, db = (scene.run(name, ports=["80"]) for name in ("web", "db"))
    client = scene.run("client", links=[f"{web.name}:{alias}"])
    assert client.call(_write, {KEPT: db.address(), alias: web.address()})
    inode, _ = client.call(_file)
    old = web.address()
    web.stop()
    squatter = scene.run("squatter", ports=["80"])
    web.start()
    assert squatter.address() == old != web.address()
    # The engine rewrote its own line, and left the block's: that is its keeper's alone.
    now, content = client.call(_file)
    assert now == inode
    assert f"{old} {alias}\n".encode() in content
    assert f"{old}\t{alias}".encode() not in content
    assert client.dial((KEPT, 80)).name == db.name
    assert client.call(_write, {KEPT: web.address()})
    assert_leads_to(client, web, web.address())
    assert client.dial((alias, 80)).name == web.name
    now, content = client.call(_file)
    assert (now, content.count(b"dockernet links")) == (inode, 2)
