"""The firewall of this machine: which programs are asked, and what is lacking."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from firewalls import DATA, text_of

from dockernet import SourceError
from dockernet.sources._programs import Done
from dockernet.sources.firewall import read_firewall

NFT = '{"nftables": [{"table": {"family": "ip", "name": "filter"}}, {"table": {"family": "ip", "name": "mine"}}]}'
FOUR = text_of(DATA / "20.10/iptables-save.txt")
LEGACY = text_of(DATA / "odd/iptables-legacy-save.txt")
REPLIES = {
    "iptables-nft-save": FOUR,
    "ip6tables-nft-save": "",
    "iptables-legacy-save": LEGACY,
    "ip6tables-legacy-save": "",
    "nft": NFT,
}


class Machine:
    """A machine with some programs, and what they say."""

    def __init__(self, root: Path, replies: Mapping[str, str | Done]) -> None:
        self.root = root
        self.replies = replies
        self.asked: list[list[str]] = []

    def which(self, name: str) -> str | None:
        return f"/usr/sbin/{name}" if name in self.replies else None

    def run(self, command: list[str], timeout: float) -> Done:
        assert timeout == 2.5
        self.asked.append(command)
        reply = self.replies[command[0].removeprefix("/usr/sbin/")]
        return Done(0, reply, "") if isinstance(reply, str) else reply

    def read(self) -> list[tuple[str, str, str]]:
        told = read_firewall(2.5, root=self.root, run=self.run, which=self.which)
        self.told = told
        return [(t.backend, t.family, t.name) for t in told.tables]


def legacy_tables(root: Path, text: str = "filter\n") -> Path:
    path = root / "proc/net/ip_tables_names"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_what_iptables_keeps_in_nftables_is_read_once(tmp_path: Path) -> None:
    machine = Machine(tmp_path, REPLIES)
    assert machine.read() == [
        ("iptables-nft", "ip", "filter"),
        ("iptables-nft", "ip", "nat"),
        ("nftables", "ip", "mine"),
    ]
    assert machine.asked == [
        ["/usr/sbin/iptables-nft-save", "-c"],
        ["/usr/sbin/ip6tables-nft-save", "-c"],
        ["/usr/sbin/nft", "-j", "list", "ruleset"],
    ]
    assert machine.told.unread == ()


def test_both_variants_are_read_where_the_kernel_has_both(tmp_path: Path) -> None:
    legacy_tables(tmp_path)
    found = Machine(tmp_path, REPLIES).read()
    assert ("iptables-legacy", "ip", "filter") in found
    assert ("iptables-nft", "ip", "filter") in found


def test_the_legacy_variant_without_tables_is_left_alone(tmp_path: Path) -> None:
    legacy_tables(tmp_path, "\n")
    machine = Machine(tmp_path, REPLIES)
    machine.read()
    assert "/usr/sbin/iptables-legacy-save" not in [command[0] for command in machine.asked]


@pytest.mark.parametrize("told", ["iptables-nft-save", "iptables-save", "nft"])
def test_rules_of_the_legacy_variant_that_nobody_tells_are_not_read(
    tmp_path: Path, told: str
) -> None:
    legacy_tables(tmp_path)
    machine = Machine(tmp_path, {told: REPLIES["nft" if told == "nft" else "iptables-nft-save"]})
    machine.read()
    assert "iptables-legacy" in machine.told.unread
    assert "ip6tables-legacy" not in machine.told.unread


def test_chains_before_all_hooks_are_not_read(tmp_path: Path) -> None:
    chain = '{"chain": {"family": "inet", "table": "t", "name": "c", "hook": "ingress"}}'
    machine = Machine(tmp_path, {"nft": f'{{"nftables": [{chain}]}}'})
    assert machine.read() == [("nftables", "inet", "t")]
    assert machine.told.unread == ("inet t c (ingress)",)


def test_where_there_is_one_variant_it_has_no_name_of_its_own(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {"iptables-save": LEGACY})
    assert machine.read() == [("iptables-legacy", "ip", "filter")]
    assert machine.told.unread == ("nftables",)


def test_nft_alone_will_do(tmp_path: Path) -> None:
    found = Machine(tmp_path, {"nft": NFT}).read()
    assert found == [("nftables", "ip", "filter"), ("nftables", "ip", "mine")]


def test_odd_lines_are_told(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {"iptables-save": "nonsense", "nft": NFT})
    machine.read()
    assert [d.subject for d in machine.told.diagnostics] == ["line 1"]


@pytest.mark.parametrize(
    "replies, reason",
    [
        ({}, "neither iptables-save nor nft is there: install one"),
        (
            {"iptables-save": Done(4, "", "Permission denied (you must be root)")},
            r"iptables-save needs root, or the capability CAP_NET_ADMIN",
        ),
        ({"nft": Done(1, "", "netlink: Error: Operation not permitted")}, "nft needs root"),
        ({"nft": Done(1, "", "syntax\nerror")}, "nft failed: syntax error"),
        ({"nft": "nonsense"}, "nft makes no sense: expected the JSON"),
    ],
)
def test_what_is_lacking_is_told(
    tmp_path: Path, replies: dict[str, str | Done], reason: str
) -> None:
    with pytest.raises(SourceError, match=f"^firewall: {reason}"):
        Machine(tmp_path, replies).read()


def test_programs_are_really_run(tmp_path: Path) -> None:
    """This interpreter is no nft, and says so."""
    with pytest.raises(SourceError, match=r"^firewall: nft "):
        read_firewall(30.0, root=tmp_path, which=lambda n: sys.executable if n == "nft" else None)


def test_tables_that_may_not_be_looked_for_need_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = legacy_tables(tmp_path)
    read_text = Path.read_text

    def denied(self: Path, *args: str, **kwargs: str) -> str:
        if self == path:
            raise PermissionError
        return read_text(self, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.raises(SourceError, match="iptables-save needs root"):
        Machine(tmp_path, REPLIES).read()
