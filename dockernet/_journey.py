"""A packet's way through a firewall: which rules are for it, and what becomes of it.

At each hook a packet enters the chains there in the order of their priorities. A rule
that accepts ends its chain alone; one that drops or rejects ends the way. Where it is not
known whether a rule is for the packet, the way goes on as if it were not, and the rule is
a doubt: what it could have done decides whether the outcome is known all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from attrs import define, evolve, field, frozen

from dockernet.model.addresses import IPAddress
from dockernet.model.firewalls import (
    Chain,
    Effect,
    Firewall,
    Hook,
    NewDestination,
    PlacedRule,
    Rule,
    Table,
    placed,
)
from dockernet.model.packets import Packet
from dockernet.model.vantage import Interface, Vantage

__all__ = ["BLOCKED", "Journey", "Step", "Verdict", "journey", "outside_interface", "way_out"]

_LOOPBACK: Final = "lo"
_DEEPEST: Final = 64  # chains that lead to chains; more are a circle, or made to annoy
_MOST: Final = 10_000  # chains on one way: those that lead to others twice multiply


class Verdict(StrEnum):
    """What becomes of a packet."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"
    UNKNOWN = "unknown"


BLOCKED: Final = frozenset({Verdict.DROP, Verdict.REJECT})
"""What becomes of a packet that does not pass."""

_VERDICTS: Final = {
    Effect.ACCEPT: Verdict.ACCEPT,
    Effect.DROP: Verdict.DROP,
    Effect.REJECT: Verdict.REJECT,
    Effect.UNKNOWN: Verdict.UNKNOWN,
}
_UNTRACKED: Final = ("UNTRACKED",)
_ENDS: Final = frozenset({Effect.DROP, Effect.REJECT})
_FILTERING: Final = frozenset({Hook.INPUT, Hook.FORWARD})
# What changes nothing about where a packet goes.
_PASSING: Final = frozenset({Effect.NOTHING, Effect.SNAT})


@frozen
class Step:
    """A rule on the way of a packet.

    Attributes:
        hook: The hook where it was met.
        placed: The rule, and where it stands.
    """

    hook: Hook
    placed: PlacedRule

    @property
    def rule(self) -> Rule:
        """The rule."""
        return self.placed.rule

    @property
    def effect(self) -> Effect:
        """What it does."""
        return self.placed.rule.effect

    def __str__(self) -> str:
        return f"{self.hook}: {self.placed}"


@frozen(kw_only=True)
class Journey:
    """A packet's way through a firewall.

    Attributes:
        packet: The packet as it set out.
        arrived: The packet as it was at the end.
        assumed: What becomes of it if none of the doubtful rules is for it.
        steps: The rules and policies that were for it, in order; such as lead to other
            chains, too.
        doubts: The rules of which it is not known whether they are for it, or what they do.
        unread: What of the firewall could not be read.
    """

    packet: Packet
    arrived: Packet
    assumed: Verdict
    steps: tuple[Step, ...] = ()
    doubts: tuple[Step, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """What becomes of it; not known where a doubt or what was not read could change it."""
        could = {_VERDICTS.get(step.effect, Verdict.UNKNOWN) for step in self.doubts}
        if self.unread:
            could.add(Verdict.DROP)
        return self.assumed if could <= {self.assumed} else Verdict.UNKNOWN

    @property
    def decisive(self) -> Step | None:
        """The rule or policy that the assumed outcome is due to.

        Of those that accept it is the last one that could have filtered the packet out.
        """
        due = [s for s in reversed(self.steps) if _VERDICTS.get(s.effect) is self.assumed]
        filtering = (s for s in due if s.hook in _FILTERING)
        return next(iter((*filtering, *due)), None)

    @property
    def translated(self) -> Step | None:
        """The rule that gave it another destination."""
        return next((step for step in self.steps if step.effect is Effect.DNAT), None)

    def __str__(self) -> str:
        by = f" by {self.decisive.placed.where}" if self.decisive else ""
        doubtful = f", if not {'; '.join(d.placed.where for d in self.doubts)}"
        return f"{self.assumed}{by}{doubtful if self.doubts else ''}"


def journey(firewall: Firewall, packet: Packet, machine: Vantage) -> Journey:
    """Follow a packet through a firewall.

    A packet with no interface that it came by was sent by the machine itself.

    Args:
        firewall: The firewall, as it was read.
        packet: The packet as it sets out; by which interface it leaves and what type its
            addresses are is found out where the packet does not say.
        machine: The machine whose firewall it is: its interfaces and gateways.
    """
    walk = _Walk(firewall, machine, packet)
    walk.place()
    assumed = walk.whole()
    return Journey(
        packet=packet,
        arrived=walk.packet,
        assumed=assumed,
        steps=tuple(walk.steps),
        doubts=tuple(walk.doubts),
        unread=firewall.unread,
    )


def way_out(address: IPAddress, machine: Vantage) -> str | None:
    """The interface that leads to an address; ``None`` where that is not known."""
    on_link = [
        (subnet.prefixlen, interface.name)
        for interface in machine.interfaces
        for subnet in interface.subnets
        if address in subnet
    ]
    if on_link:
        return max(on_link)[1]
    gateway = machine.gateway(address.version)
    if gateway is None or gateway == address:
        return None
    return way_out(gateway, machine) if _is_on_link(gateway, machine) else None


def outside_interface(machine: Vantage, bridges: Iterable[str], family: int) -> str | None:
    """The interface by which the world comes in; ``None`` where that is not known."""
    gateway = machine.gateway(family)
    if gateway is not None and (name := way_out(gateway, machine)) is not None:
        return name
    inner = {_LOOPBACK, *bridges}
    others = [i.name for i in machine.interfaces if _is_in(i, family) and i.name not in inner]
    return others[0] if len(others) == 1 else None


def _is_in(interface: Interface, family: int) -> bool:
    return any(a.version == family and not a.is_link_local for a in interface.addresses)


def _is_on_link(address: IPAddress, machine: Vantage) -> bool:
    return any(address in subnet for i in machine.interfaces for subnet in i.subnets)


def _type(address: IPAddress | None, machine: Vantage) -> str | None:
    """What the routing table of a machine says of an address."""
    if address is None or not machine.interfaces:
        return None
    if address.is_loopback or any(address in i.addresses for i in machine.interfaces):
        return "LOCAL"
    if address.is_multicast:
        return "MULTICAST"
    broadcast = (s[-1] for i in machine.interfaces for s in i.subnets if s.num_addresses > 2)
    ends = address.version == 4 and address in broadcast
    return "BROADCAST" if ends else "UNICAST"


@define
class _Walk:
    """A packet under way."""

    firewall: Firewall
    machine: Vantage
    packet: Packet
    steps: list[Step] = field(factory=list[Step])
    doubts: list[Step] = field(factory=list[Step])
    chains: int = 0
    entered: int = 0
    """The doubts that there were as it entered the chain of a hook."""

    def place(self) -> None:
        """Find out what the packet does not say of its addresses."""
        packet = self.packet
        self.packet = evolve(
            packet,
            source_type=packet.source_type or _type(packet.source, self.machine),
            destination_type=packet.destination_type or _type(packet.destination, self.machine),
        )

    def whole(self) -> Verdict:
        """The whole way, hook by hook."""
        if self.packet.in_interface == "":
            return self._sent()
        return self._through(Hook.PREROUTING) or self._routed()

    def _sent(self) -> Verdict:
        self._find_way_out()
        ended = self._through(Hook.OUTPUT)
        if ended:
            return ended
        self._find_way_out()
        ended = self._through(Hook.POSTROUTING)
        if ended or self.packet.destination_type != "LOCAL":
            return ended or Verdict.ACCEPT
        # Addresses are translated once; by loopback it comes in again.
        self.packet = evolve(self.packet, in_interface="lo", out_interface=None)
        ended = self._through(Hook.PREROUTING, again=True)
        return ended or self._through(Hook.INPUT, again=True) or Verdict.ACCEPT

    def _routed(self) -> Verdict:
        kind = self.packet.destination_type
        if kind is None and not self.packet.out_interface:
            return Verdict.UNKNOWN
        if kind in ("LOCAL", "BROADCAST", "MULTICAST"):
            self.packet = evolve(self.packet, out_interface="")
            return self._through(Hook.INPUT) or Verdict.ACCEPT
        self._find_way_out()
        ended = self._through(Hook.FORWARD)
        return ended or self._through(Hook.POSTROUTING) or Verdict.ACCEPT

    def _find_way_out(self) -> None:
        packet = self.packet
        if packet.destination_type == "LOCAL":
            self.packet = evolve(packet, out_interface="lo")
        elif not packet.out_interface and packet.destination is not None:
            self.packet = evolve(packet, out_interface=way_out(packet.destination, self.machine))

    def _through(self, hook: Hook, *, again: bool = False) -> Verdict | None:
        """All chains of a hook; a verdict where the way ends here."""
        for table, chain in self.firewall.entered(hook, self.packet.version):
            if chain.translates and (again or self._is_settled(hook)):
                continue
            self.entered = len(self.doubts)
            ended = self._chain(hook, table, chain, 0)
            if ended is None:
                ended = self._policy(hook, table, chain)
            if ended is not Effect.ACCEPT:
                return _VERDICTS[ended]
        return None

    def _is_settled(self, hook: Hook) -> bool:
        """Whether no chain that translates is entered: not the first packet, or it is done."""
        first = self.packet.states is None or self.packet.is_first
        done = hook in (Hook.PREROUTING, Hook.OUTPUT) and self.packet.readdressed
        return not first or done

    def _policy(self, hook: Hook, table: Table, chain: Chain) -> Effect:
        policy = chain.policy or Effect.UNKNOWN
        if not chain.translates:  # it has nothing to say about who passes
            rule = Rule(effect=policy, counters=chain.counters)
            self.steps.append(Step(hook, placed(table, chain, None, rule)))
        return policy

    def _chain(self, hook: Hook, table: Table, chain: Chain, depth: int) -> Effect | None:
        """A chain; what it decided, or ``None`` where the packet comes out of it again."""
        for position, rule in enumerate(chain.rules, 1):
            fits = rule.is_for(self.packet)
            if fits is False:
                continue
            step = Step(hook, placed(table, chain, position, rule))
            if fits is None:
                self._doubt(step)
                continue
            self.steps.append(step)
            if rule.effect is Effect.RETURN:
                return None
            decided = self._done(step, table, depth)
            if decided is not None or rule.effect is Effect.GOTO:
                return decided
        return None

    def _done(self, step: Step, table: Table, depth: int) -> Effect | None:
        """What a rule does with the packet; ``None`` where it goes on in this chain."""
        effect = step.effect
        if effect in (Effect.JUMP, Effect.GOTO):
            target = table.chain(step.rule.target)
            self.chains += 1
            if target is None or depth == _DEEPEST or self.chains > _MOST:
                return self._lost(step)
            return self._chain(step.hook, table, target, depth + 1)
        if effect is Effect.DNAT:
            return self._translate(step)
        if effect is Effect.UNKNOWN:
            return self._lost(step)
        return self._noted(effect)

    def _noted(self, effect: Effect) -> Effect | None:
        if effect is Effect.MARK:
            self.packet = evolve(self.packet, mark=None)
        elif effect is Effect.UNTRACK:
            self.packet = evolve(self.packet, states=None if self._may_be_out() else _UNTRACKED)
        elif effect is Effect.SNAT:
            return Effect.ACCEPT
        return effect if effect in _VERDICTS else None

    def _translate(self, step: Step) -> Effect:
        new = step.rule.new_destination
        if new is None or new.several or self.packet.states is None or self._may_be_out():
            return self._lost(step)
        self.packet = _readdressed(self.packet, new)
        self.place()
        return Effect.ACCEPT

    def _may_be_out(self) -> bool:
        """Whether a doubt may have led it out of the chain of this hook, and further on."""
        return any(step.effect not in _ENDS for step in self.doubts[self.entered :])

    def _lost(self, step: Step) -> Effect:
        self.doubts.append(step)
        return Effect.UNKNOWN

    def _doubt(self, step: Step) -> None:
        if step.effect is Effect.MARK:
            self.packet = evolve(self.packet, mark=None)
        elif step.effect is Effect.UNTRACK:
            self.packet = evolve(self.packet, states=None)
        elif step.effect not in _PASSING:
            self.doubts.append(step)


def _readdressed(packet: Packet, new: NewDestination) -> Packet:
    """A packet with another destination; connection tracking keeps the first one."""
    keeps = new.address is None and not new.here
    return evolve(
        packet,
        destination=packet.destination if keeps else new.address,
        destination_type=packet.destination_type if keeps else ("LOCAL" if new.here else None),
        port=packet.port if new.port is None else new.port,
        states=(*(packet.states or ()), "DNAT"),
        family=packet.version,
        original_destination=packet.destination,
        original_port=packet.port,
    )
