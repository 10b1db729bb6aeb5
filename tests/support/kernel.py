"""A machine whose firewall is a text: what iptables-restore, iptables-save and nft do to it.

It knows what dockernet asks of them, and fails as they do where a table's transaction
cannot be done: then nothing of that table is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from dockernet.sources._programs import Done

Tables = dict[str, dict[str, list[str]]]

BUILT_IN = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
PROGRAMS = tuple(
    f"{name}{variant}-{what}"
    for name in ("iptables", "ip6tables")
    for variant in ("", "-nft")
    for what in ("save", "restore")
)
_NFT_RULE = re.compile(r'(?:.*? (ip6?) [sd]addr (\S+))?.* comment "([^"]*)"')


class KilledError(BaseException):
    """The process is killed: whatever it tries from then on comes to nothing."""


class Kernel:
    """A machine: its programs, its settings below a folder, its rules."""

    def __init__(self, root: Path, programs: tuple[str, ...] = (*PROGRAMS, "nft")) -> None:
        self.root = root
        self.programs = programs
        self.families: dict[str, Tables] = {"iptables": {}, "ip6tables": {}}
        self.native: dict[str, dict[str, list[str]]] = {}
        self.asked: list[list[str]] = []
        self.variant = "nf_tables"
        #: Called before each program runs; what it returns is the program's end.
        self.before: Callable[[list[str]], Done | None] = lambda _: None
        #: After so many transactions the process is killed.
        self.lives: int | None = None
        (root / "run").mkdir()
        for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            path = root / "proc/sys/net" / name
            path.parent.mkdir(parents=True)
            path.write_text("0\n")

    def setting(self, name: str) -> str:
        return (self.root / "proc/sys" / name.replace(".", "/")).read_text().strip()

    def which(self, name: str) -> str | None:
        return f"/sbin/{name}" if name in self.programs else None

    def run(self, command: list[str], text: str, timeout: float) -> Done:
        assert timeout == 10.0
        self.asked.append(command)
        self._die()
        if (ended := self.before(command)) is not None:
            return ended
        program = command[0].removeprefix("/sbin/")
        if program == "nft":
            return self._nft(command[1:], text)
        family = program.partition("-")[0]
        if program.endswith("-save"):
            return Done(0, self.saved(family), "")
        return self._restore(self.families[family], text)

    def _die(self) -> None:
        if self.lives == 0:
            raise KilledError

    def _committed(self) -> None:
        """A transaction is done."""
        if self.lives is not None:
            self.lives -= 1
            self._die()

    def saved(self, family: str = "iptables") -> str:
        lines = [f"# ({self.variant})"]
        for table, unsorted in sorted(self.families[family].items()):
            chains = dict(sorted(unsorted.items(), key=lambda c: (c[0] not in BUILT_IN, c[0])))
            lines.append(f"*{table}")
            lines += [f":{c} {'ACCEPT' if c in BUILT_IN else '-'} [0:0]" for c in chains]
            lines += [f"-A {c} {rule}" for c, rules in chains.items() for rule in rules]
            lines.append("COMMIT")
        return "\n".join(lines)

    def set_up(self, text: str, family: str = "iptables") -> None:
        """Put rules in place, as others do."""
        assert self._restore(self.families[family], text).code == 0

    def _restore(self, tables: Tables, text: str) -> Done:
        for part in text.split("COMMIT\n")[:-1]:
            name, *lines = part.strip().split("\n")
            chains = {c: [*rules] for c, rules in tables.get(name[1:], {}).items()}
            try:
                for line in lines:
                    _change(chains, line)
            except (KeyError, ValueError) as error:
                return Done(1, "", f"line failed: {error}")
            tables[name[1:]] = chains
            self._committed()
        return Done(0, "", "")

    def _nft(self, arguments: list[str], text: str) -> Done:
        if arguments == ["-j", "list", "ruleset"]:
            return Done(0, json.dumps({"nftables": list(self._entries())}), "")
        if arguments[:3] == ["-j", "list", "table"]:
            return self._listed(*arguments[3:])
        if found := re.match(r"delete table (ip6?) (\S+)\n$", text):
            name = "iptables" if found[1] == "ip" else "ip6tables"
            left = self.families[name].pop(found[2])
            assert all(c.startswith("DOCKERNET-") for c in left)
            self._committed()
            return Done(0, "", "")
        name = text.split()[2]
        self.native.pop(name, None)
        chains: dict[str, list[str]] = {}
        for line in text.split("\n"):
            if line.startswith("add rule inet "):
                table, chain, rule = line.split(" ", 5)[3:]
                self.native[table][chain].append(rule)
            elif line.startswith("\tchain "):
                chains[line.split()[1]] = []
            elif _NFT_RULE.search(line):
                [*chains.values()][-1].append(line.strip())
        if chains:
            self.native[name] = chains
        self._committed()
        return Done(0, "", "")

    def _listed(self, family: str, table: str) -> Done:
        tables = self.families["iptables" if family == "ip" else "ip6tables"]
        if table not in tables:
            return Done(1, "", "No such file or directory")
        entries = [
            {"chain": {"family": family, "table": table, "name": c, "hook": c.lower()}}
            for c in tables[table]
        ]
        return Done(0, json.dumps({"nftables": [*entries, *_rules(family, table, tables)]}), "")

    def _entries(self) -> list[object]:
        entries: list[object] = []
        for table, chains in self.native.items():
            place = {"family": "inet", "table": table}
            entries.append({"table": {"family": "inet", "name": table}})
            for chain, rules in chains.items():
                entries.append({"chain": {**place, "name": chain}})
                entries += [{"rule": {**place, "chain": chain, **_native(r)}} for r in rules]
        return entries


def _native(rule: str) -> dict[str, object]:
    """A rule of a script of ours, as far as it is looked at again."""
    found = _NFT_RULE.fullmatch(f" {rule}")
    assert found is not None
    family, address, comment = found.groups()
    left = {"payload": {"protocol": family, "field": "saddr"}}
    match = {"match": {"op": "==", "left": left, "right": address}}
    return {"expr": [match] if family else [], "comment": comment}


def _rules(family: str, table: str, tables: Tables) -> list[object]:
    place = {"family": family, "table": table, "expr": []}
    return [
        {"rule": {**place, "chain": chain}} for chain, rules in tables[table].items() for _ in rules
    ]


def _change(chains: dict[str, list[str]], line: str) -> None:
    what, _, rest = line.partition(" ")
    chain, _, rule = rest.partition(" ")
    if line.startswith(":"):
        chains[what[1:]] = []
    elif what == "-A":
        (chains.setdefault(chain, []) if chain in BUILT_IN else chains[chain]).append(rule)
    elif what == "-I":
        place = chains.setdefault(chain, []) if chain in BUILT_IN else chains[chain]
        place.insert(0, rule.removeprefix("1 "))
    elif what == "-D":
        chains[chain].remove(rule)
    elif what == "-F":
        chains[chain].clear()
    elif what == "-X":
        if chains[chain]:
            raise ValueError(f"{chain} is not empty")
        del chains[chain]
    else:
        raise ValueError(line)
