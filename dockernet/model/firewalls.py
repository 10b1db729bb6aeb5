"""A firewall as it stands: tables, their chains, and the rules of these."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, Literal, TypeVar

from attrs import frozen

from dockernet.model.addresses import IPAddress
from dockernet.model.conditions import Condition, all_hold
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.packets import Packet

__all__ = [
    "ENGINE_CHAIN",
    "ENGINE_TABLE",
    "USER_CHAIN",
    "Backend",
    "Chain",
    "Counters",
    "Effect",
    "Family",
    "Firewall",
    "Hook",
    "NewDestination",
    "PlacedRule",
    "Rule",
    "Table",
]

Backend = Literal["iptables-nft", "iptables-legacy", "nftables"]
Family = Literal["ip", "ip6", "inet"]
AnyCondition = TypeVar("AnyCondition", bound=Condition)

# Where engines keep the rules of published ports: a chain of iptables (moby,
# daemon/libnetwork/drivers/bridge/internal/iptabler), a table of nftables (nftabler);
# and the chain that they leave to the administrator.
ENGINE_CHAIN: Final = "DOCKER"
ENGINE_TABLE: Final = "docker-bridges"
USER_CHAIN: Final = "DOCKER-USER"

_VERSIONS: dict[Family, tuple[int, ...]] = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}


class Hook(StrEnum):
    """A place on a packet's way through the kernel where chains begin."""

    PREROUTING = "PREROUTING"
    INPUT = "INPUT"
    FORWARD = "FORWARD"
    OUTPUT = "OUTPUT"
    POSTROUTING = "POSTROUTING"


class Effect(StrEnum):
    """What a rule does with a packet that it is for."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"
    RETURN = "return"
    JUMP = "jump"
    GOTO = "goto"
    DNAT = "dnat"
    """It gives the packet another destination."""
    SNAT = "snat"
    """It gives the packet another source; masquerading is that, too."""
    MARK = "mark"
    """It changes the packet's mark."""
    UNTRACK = "untrack"
    """It takes the packet away from connection tracking."""
    NOTHING = "nothing"
    """It counts, or writes a log."""
    UNKNOWN = "unknown"
    """Nobody here knows."""


@frozen
class Counters:
    """How much a rule or a chain's policy was for.

    Attributes:
        packets: Packets.
        octets: Bytes.
    """

    packets: int
    octets: int


@frozen
class NewDestination:
    """Where a rule sends a packet instead.

    Attributes:
        address: The address; ``None`` where it stays, or is one of several.
        port: The port; ``None`` where it stays, or is one of several.
        here: Whether it is the machine itself, whatever its address.
        several: Whether there is a choice of addresses or ports.
    """

    address: IPAddress | None = None
    port: int | None = None
    here: bool = False
    several: bool = False


@frozen(kw_only=True)
class Rule:
    """A rule: what it asks of a packet, and what it does with one that fits.

    Attributes:
        text: Its words: of iptables as ``iptables-save`` has them after the chain's
            name, of nftables the JSON of its expressions.
        conditions: What it asks; all of it must hold.
        effect: What it does.
        target: The name of the chain or of iptables' target; empty where it has none.
        new_destination: With effect ``dnat``, where to.
        reject_with: With effect ``reject``, the answer, as iptables names it.
        comment: Its comment.
        counters: What it was for so far, where that was read.
    """

    text: str = ""
    conditions: tuple[Condition, ...] = ()
    effect: Effect = Effect.NOTHING
    target: str = ""
    new_destination: NewDestination | None = None
    reject_with: str = ""
    comment: str = ""
    counters: Counters | None = None

    def is_for(self, packet: Packet) -> bool | None:
        """Whether it is for a packet; ``None`` where that is not known."""
        return all_hold(self.conditions, packet)

    def asks(self, kind: type[AnyCondition]) -> AnyCondition | None:
        """The first of its conditions that is of a kind."""
        return next((c for c in self.conditions if isinstance(c, kind)), None)

    @property
    def words(self) -> str:
        """What it does, for people."""
        asked = " ".join(map(str, self.conditions)) or "everything"
        return f"{asked}: {self._done()}"

    def _done(self) -> str:
        if self.effect in (Effect.JUMP, Effect.GOTO):
            return f"go to {self.target}"
        new = self.new_destination
        if new is not None:
            host = "this host" if new.here else str(new.address or "the same address")
            host = "one of several" if new.several else host
            return f"send to {host}" + ("" if new.port is None else f", port {new.port}")
        if self.effect is Effect.UNKNOWN:
            return f"{self.target or 'something unknown'}"
        return f"{self.effect} with {self.reject_with}" if self.reject_with else str(self.effect)

    def __str__(self) -> str:
        return self.words


@frozen(kw_only=True)
class Chain:
    """A chain of rules.

    Attributes:
        name: Its name.
        rules: Its rules, in their order.
        hook: Where packets enter it; ``None`` where only other chains lead here.
        priority: When, among the chains of a hook: the lowest comes first.
        translates: Whether it is for the first packet of a connection alone, to
            translate addresses.
        policy: What is done with a packet that no rule has decided over; ``None`` where
            it goes back to the chain that led here.
        counters: What the policy was for so far, where that was read.
    """

    name: str
    rules: tuple[Rule, ...] = ()
    hook: Hook | None = None
    priority: int = 0
    translates: bool = False
    policy: Effect | None = None
    counters: Counters | None = None


@frozen(kw_only=True)
class Table:
    """A table of chains.

    Attributes:
        family: ``ip``, ``ip6``, or ``inet`` for both.
        name: Its name.
        chains: Its chains.
        backend: Which program keeps it.
    """

    family: Family
    name: str
    chains: tuple[Chain, ...] = ()
    backend: Backend = "iptables-nft"

    def chain(self, name: str) -> Chain | None:
        """The chain of that name."""
        return next((c for c in self.chains if c.name == name), None)

    def is_for(self, version: int) -> bool:
        """Whether it is for an address family, 4 or 6."""
        return version in _VERSIONS[self.family]


@frozen(kw_only=True)
class PlacedRule:
    """A rule, or a chain's policy, and where it stands.

    Attributes:
        table: The table's name.
        family: The table's family.
        backend: Which program keeps it.
        chain: The chain's name.
        position: Its number in the chain, from 1; ``None`` for the policy.
        rule: The rule; a policy is one that asks nothing.
    """

    table: str
    family: Family
    backend: Backend
    chain: str
    position: int | None
    rule: Rule

    @property
    def where(self) -> str:
        """Where it stands, in short: ``ip filter DOCKER 3``."""
        number = "policy" if self.position is None else str(self.position)
        return f"{self.family} {self.table} {self.chain} {number}"

    def __str__(self) -> str:
        return f"{self.where}: {self.rule}"


@frozen(kw_only=True)
class Firewall:
    """All that stands in a packet's way, as far as it was read.

    Attributes:
        tables: The tables.
        unread: What could not be read, by name: nothing is sure to pass then.
        diagnostics: What was odd.
    """

    tables: tuple[Table, ...] = ()
    unread: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    def entered(self, hook: Hook, version: int) -> tuple[tuple[Table, Chain], ...]:
        """The chains that packets of a family enter at a hook, in their order."""
        found = [
            (table, chain)
            for table in self.tables
            if table.is_for(version)
            for chain in table.chains
            if chain.hook is hook
        ]
        return tuple(sorted(found, key=lambda pair: pair[1].priority))

    def rules(self, version: int | None = None) -> Iterator[PlacedRule]:
        """Every rule, of one address family or of both."""
        for table in self.tables:
            if version is None or table.is_for(version):
                for chain in table.chains:
                    yield from placed_rules(table, chain)

    def has_chain(self, name: str, version: int) -> bool:
        """Whether there is a chain of that name for an address family."""
        return any(t.is_for(version) and t.chain(name) is not None for t in self.tables)


def placed_rules(table: Table, chain: Chain) -> Iterator[PlacedRule]:
    """The rules of a chain, each with its place."""
    for position, rule in enumerate(chain.rules, 1):
        yield placed(table, chain, position, rule)


def placed(table: Table, chain: Chain, position: int | None, rule: Rule) -> PlacedRule:
    """A rule with its place."""
    return PlacedRule(
        table=table.name,
        family=table.family,
        backend=table.backend,
        chain=chain.name,
        position=position,
        rule=rule,
    )
