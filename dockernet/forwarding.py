"""Let a network reach another, or ports of the host, or the outside; and take it back.

A plan is made first, and changes nothing. It shows its rules in words, as commands, as
text for ``iptables-restore``, or as a script of ``nft``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from dockernet._forwarding import Asked, Ground, planned
from dockernet._standing import Stand, standing
from dockernet.actions.forwarding import Machine
from dockernet.errors import FormatError, ForwardingError, SourceError
from dockernet.formats.forwarding import iptables_commands, nft_script, restore_text
from dockernet.model.facts import Inventory, Want
from dockernet.model.firewalls import Firewall
from dockernet.model.forwarding import (
    Action,
    ForwardingPlan,
    ForwardRule,
    Opening,
    Place,
    Reach,
    interface_name,
    plain_tag,
)
from dockernet.model.forwarding_status import ForwardingState, ForwardingStatus
from dockernet.model.networks import Network
from dockernet.model.vantage import Vantage
from dockernet.sources.engine import Engine
from dockernet.sources.firewall import SOURCE, read_firewall
from dockernet.sources.snapshot import Snapshot
from dockernet.sources.vantage import read_vantage

__all__ = [
    "ALL_PORTS",
    "Action",
    "ForwardRule",
    "ForwardingError",
    "ForwardingPlan",
    "ForwardingState",
    "ForwardingStatus",
    "Opening",
    "Place",
    "Reach",
    "applied",
    "apply",
    "iptables_commands",
    "nft_script",
    "plan",
    "remove",
    "restore_text",
    "status",
]

#: Every port; of the host, every published one.
ALL_PORTS: Final = "all"

_FAMILIES: Final[dict[int, Literal[4, 6]]] = {4: 4, 6: 6}
_SHORT_ID: Final = 12
_HIGHEST_MARK: Final = 0xFFFFFFFF


def plan(  # noqa: PLR0913 - each is said by its name
    source: Network | str,
    to: Network | Reach | str,
    ports: Iterable[Opening | int | str] | Literal["all"],
    *,
    engine: Engine | Snapshot | None = None,
    families: Iterable[int] = (4, 6),
    interface: str | None = None,
    mark: int | None = None,
    firewall: Firewall | None = None,
    timeout: float = 5.0,
) -> ForwardingPlan:
    """Plan what lets a network reach something. Nothing is changed.

    Args:
        source: The network, by value or name.
        to: Another network, by value or name; ``host`` for ports of the engine's host;
            ``outside`` for what is beyond it.
        ports: The ports, such as ``8080``, ``"53/udp"`` or ``"8000-8010/tcp"``; ``"all"``
            for all of them: of the host, every published one.
        engine: The engine; the one that the docker CLI would ask unless given.
        families: The address families, 4 and 6; those that one end lacks are left out.
        interface: The interface that leads outside, where nothing tells it.
        mark: The mark by which the engine accepts packets (its setting
            ``bridge-accept-fwmark``); Engine 29 with nftables needs it between networks.
        firewall: The firewall of the engine's host, where it was read already; else it
            is read, and this machine must be that host.
        timeout: Seconds for each program that is asked for rules.

    Raises:
        FormatError: A port, a family or an interface is none, or no ports were named.
        TypeError: The ports are a single text, and not ``"all"``.
        ForwardingError: It cannot be let through; it says why, and what to do.
        SourceError: The engine or the firewall cannot be asked, or is elsewhere.
    """
    openings = None if ports == ALL_PORTS else _openings(ports)
    kept: list[Literal[4, 6]] = [_family(family) for family in families]
    if interface is not None:
        interface_name(interface)
    if mark is not None and not 0 < mark <= _HIGHEST_MARK:
        raise FormatError(str(mark), "expected a mark from 1 to 0xffffffff")
    asked = Engine() if engine is None else engine
    machine = asked.vantage if isinstance(asked, Snapshot) else read_vantage()
    inventory = next(iter(asked.read(Want(None, machine))))
    if firewall is None:
        if isinstance(asked, Snapshot):
            raise SourceError(SOURCE, "a recording has no firewall: give one that was read")
        _require_host(machine, inventory)
        firewall = read_firewall(timeout)
    networks = inventory.networks
    return planned(
        Asked(
            source=_network(source, networks),
            to=_reach(to, networks),
            openings=openings,
            families=tuple(dict.fromkeys(kept)),
            interface=interface,
            mark=mark,
        ),
        Ground(
            firewall=firewall,
            machine=machine,
            published=asked.published(),
            networks=networks,
        ),
    )


def _openings(ports: Iterable[Opening | int | str]) -> tuple[Opening, ...]:
    if isinstance(ports, str):
        raise TypeError('expected a list of ports, or "all"')
    found = tuple(p if isinstance(p, Opening) else Opening.parse(str(p)) for p in ports)
    if not found:
        raise FormatError("", 'expected at least one port; "all" is said as that')
    return tuple(dict.fromkeys(found))


def _family(family: int) -> Literal[4, 6]:
    if family not in _FAMILIES:
        raise FormatError(str(family), "the address family must be 4 or 6")
    return _FAMILIES[family]


def _reach(to: Network | Reach | str, networks: Sequence[Network]) -> Network | Reach:
    if isinstance(to, Network | Reach):
        return to
    if to not in (Reach.HOST, Reach.OUTSIDE):
        return _network(to, networks)
    # The network "host" is that of containers without one of their own.
    if any(n.name == to and n.is_bridge for n in networks):
        raise ForwardingError(f"to {to}", "a network has that name, too: say its id, or rename it")
    return Reach(to)


def _network(told: Network | str, networks: Sequence[Network]) -> Network:
    if isinstance(told, Network):
        return told
    found = [n for n in networks if told in (n.name, n.id)]
    if not found:
        raise ForwardingError(f"network {told}", "the engine has no such network")
    if len(found) > 1:
        ids = ", ".join(sorted(n.id[:_SHORT_ID] for n in found))
        raise ForwardingError(f"network {told}", f"it may be any of {ids}: say the whole id of one")
    return found[0]


def _require_host(machine: Vantage, inventory: Inventory) -> None:
    stand = standing(machine, inventory).stand
    if stand is not Stand.HOST:
        raise SourceError(
            SOURCE, f"it is that of the engine's host, and here is {stand}: run it there, as root"
        )


def apply(plan: ForwardingPlan, timeout: float = 10.0) -> bool:
    """Apply a plan on this machine; tells whether anything changed.

    Each address family's rules are put in place at once, into chains of our own; a rule
    of anybody else's is never touched. Applied again it changes nothing, and puts back
    what was lost.

    Args:
        plan: The plan.
        timeout: Seconds for each program, and to wait for others who change it.

    Raises:
        SourceError: It cannot be; it says what is lacking, and nothing of the plan is
            left.
    """
    return Machine(timeout).apply(plan)


def remove(plan: ForwardingPlan | str, timeout: float = 10.0) -> bool:
    """Take a plan back; tells whether anything of it was there.

    Args:
        plan: The plan, or its tag, as :func:`applied` tells it.
        timeout: Seconds for each program, and to wait for others who change it.

    Raises:
        FormatError: It is no tag.
        SourceError: It cannot be; it says what is lacking.
    """
    tag = plain_tag(plan) if isinstance(plan, str) else plan.tag
    return Machine(timeout).remove(tag)


def status(plan: ForwardingPlan, timeout: float = 10.0) -> ForwardingStatus:
    """Tell how a plan stands on this machine.

    Args:
        plan: The plan.
        timeout: Seconds for each program that is asked.

    Raises:
        SourceError: The firewall cannot be read.
    """
    return Machine(timeout).status(plan)


def applied(timeout: float = 10.0) -> tuple[str, ...]:
    """The tags of the plans that are applied on this machine, whole or in part.

    Args:
        timeout: Seconds for each program that is asked.

    Raises:
        SourceError: The firewall cannot be read.
    """
    return Machine(timeout).tags()
