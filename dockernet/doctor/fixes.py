"""Fixes that several checks have: commands of docker, of iptables and of this program."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from dockernet.doctor.findings import Fix
from dockernet.errors import FormatError
from dockernet.formats._iptables_words import split_words
from dockernet.model.containers import Container
from dockernet.model.firewalls import PlacedRule
from dockernet.model.networks import Network
from dockernet.model.ports import Port

__all__ = ["connect", "delete_rule", "docker", "let_in", "together"]

# moby, daemon/names: an engine gives no others, and none that a program takes for an option.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_PROGRAMS: Final = {"ip": "iptables", "ip6": "ip6tables"}


def docker(*commands: tuple[str, ...], change: str = "") -> Fix:
    """Commands of docker; where a word of one is no name or word of ours, the change alone.

    A recording may hold any name, and what begins with ``-`` would be an option.

    Args:
        commands: The words after ``docker``, a name at the end of each.
        change: The same, or something else, in words.
    """
    sound = all(_NAME.fullmatch(word) for words in commands for word in words)
    told = change or "; ".join(f"docker {' '.join(words)}" for words in commands)
    return Fix(tuple(("docker", *words) for words in commands), change) if sound else Fix((), told)


def connect(container: Container, network: Network | str, change: str = "") -> Fix:
    """Connect a container to a network; one that has none has to leave that first."""
    name = str(network)
    joins = ("network", "connect", name, str(container))
    if container.network_mode == "none":
        return docker(("network", "disconnect", "none", str(container)), joins, change=change)
    return docker(joins, change=change)


def together(one: Container, other: Container, change: str = "") -> Fix:
    """Make a network, and connect two containers to it."""
    name = f"{one}-{other}"
    return docker(
        ("network", "create", name),
        *(("network", "connect", name, str(c)) for c in (one, other)),
        change=change,
    )


def let_in(network: Network, to: str, ports: Iterable[Port], family: int) -> Fix:
    """Let a network reach ports of something, by this program's own rules."""
    opened = (("--port", _opened(port)) for port in dict.fromkeys(ports))
    way = ("dockernet", "forward", "apply", str(network), to)
    words = (*way, *(word for pair in opened for word in pair), f"-{family}")
    sound = _NAME.fullmatch(str(network))
    return Fix((words,)) if sound else Fix((), "let these packets through")


def _opened(port: Port) -> str:
    return str(port.number) if port.protocol == "tcp" else str(port)


def delete_rule(placed: PlacedRule) -> Fix:
    """Delete a rule; those that nftables keeps itself have no words to name them by."""
    program = _PROGRAMS.get(placed.family)
    if program is None or placed.backend == "nftables" or placed.position is None:
        return Fix((), f"take it away: nft -a list chain {placed.family} {placed.table} ...")
    if placed.backend == "iptables-legacy":
        program = program.replace("tables", "tables-legacy")
    start = (program, "-t", placed.table, "-D", placed.chain)
    return Fix(((*start, *_words(placed)),))


def _words(placed: PlacedRule) -> tuple[str, ...]:
    """The words of a rule, or its number where they cannot be told or shown."""
    try:
        words = tuple(word.text for word in split_words(placed.rule.text))
    except FormatError:
        words = ()
    shown = all(word.isprintable() for word in words)
    return words if words and shown else (str(placed.position),)
