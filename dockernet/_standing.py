"""Where the caller stands relative to one engine, decided by identity.

The engine knows my container id: I am in that container, whatever the URL by which I
asked. Else its bridges are interfaces of this machine: I am on its host. Else I am
outside, with a virtual machine between us or on another machine.
"""

from __future__ import annotations

from enum import StrEnum

from attrs import evolve, frozen

from dockernet.model.containers import Container
from dockernet.model.facts import EngineProfile, Inventory
from dockernet.model.networks import Network
from dockernet.model.vantage import Vantage, VantageKind

__all__ = ["Stand", "Standing", "identified", "is_here", "network_owner", "standing", "vantage_in"]

_ALIVE = frozenset({"running", "paused"})
_LONGEST_CHAIN = 8  # container:a -> container:b -> ...; engines resolve it in one step


class Stand(StrEnum):
    """Where the caller stands relative to an engine."""

    CONTAINER = "a container of this engine"
    HOST = "the engine's host"
    BEHIND_VM = "a machine whose engine has a network of its own"
    ELSEWHERE = "another machine than the engine's"


@frozen
class Standing:
    """A stand, and the caller's container where the engine knows it.

    Attributes:
        stand: Where the caller stands.
        caller: The container whose network namespace the caller uses; ``None``
            outside of containers that the engine knows.
    """

    stand: Stand
    caller: Container | None = None

    def __str__(self) -> str:
        return f"{self.stand} ({self.caller})" if self.caller else str(self.stand)


def standing(vantage: Vantage, inventory: Inventory) -> Standing:
    """Decide where a vantage is, seen from an engine."""
    caller = _caller(vantage, inventory)
    if caller is not None:
        return Standing(_inside(caller, inventory.engine), caller)
    if _on_host(vantage, inventory):
        return Standing(Stand.HOST)
    return Standing(_outside(vantage, inventory.engine))


def identified(vantage: Vantage, inventory: Inventory) -> Vantage:
    """Add to a vantage what an engine knows of the caller's own container."""
    own = _own_container(vantage, inventory)
    if own is None:
        return vantage
    owner = network_owner(own, inventory) or own
    return evolve(
        vantage,
        kind=VantageKind.CONTAINER,
        id=own.id,
        network_owner=owner.id,
        name=own.name,
        network_mode=own.network_mode,
        networks=owner.networks,
        project=own.project,
        service=own.service,
        number=own.number,
    )


def vantage_in(container: Container) -> Vantage:
    """The vantage of a container, as an engine knows it."""
    return Vantage(
        kind=VantageKind.CONTAINER,
        id=container.id,
        hostname=container.hostname or "",
        name=container.name,
        network_mode=container.network_mode,
        networks=container.networks,
        project=container.project,
        service=container.service,
        number=container.number,
    )


def network_owner(container: Container, inventory: Inventory) -> Container | None:
    """The container whose network namespace a container uses; ``None`` if it is gone.

    That is the container itself, or the one that its ``container:`` mode leads to.
    """
    owner: Container | None = container
    for _ in range(_LONGEST_CHAIN):
        if owner is None or owner.shares_network_of is None:
            return owner
        owner = inventory.container(owner.shares_network_of)
    return None


def _caller(vantage: Vantage, inventory: Inventory) -> Container | None:
    known = _own_container(vantage, inventory)
    return known and network_owner(known, inventory)


def _own_container(vantage: Vantage, inventory: Inventory) -> Container | None:
    ids = (i for i in (vantage.id, vantage.network_owner) if i is not None)
    known = next((c for i in ids if (c := inventory.container(i)) is not None), None)
    told = vantage.id or vantage.network_owner
    if known is None and not told and vantage.kind is VantageKind.CONTAINER:
        known = _by_addresses(vantage, inventory)
    return known


def _by_addresses(vantage: Vantage, inventory: Inventory) -> Container | None:
    """The one container that has all of the caller's addresses.

    For a container that no file tells the id of: an id that this engine does not know
    is another engine's. Every engine gives out the same few addresses first, so the
    gateways and, where it was read, the host name must agree as well.
    """
    own = frozenset(a for a in vantage.addresses if not a.is_link_local)
    gateways = frozenset(vantage.gateways)

    def fits(container: Container) -> bool:
        theirs = frozenset(a for n in container.networks for a in n.addresses)
        ways = frozenset(g for n in container.networks for g in n.gateways)
        named = container.hostname in (None, vantage.hostname)
        return bool(own) and own == theirs and gateways <= ways and named

    found = [c for c in inventory.containers if c.state in _ALIVE and fits(c)]
    return found[0] if len(found) == 1 else None


def _on_host(vantage: Vantage, inventory: Inventory) -> bool:
    engine = inventory.engine
    near = _reached_locally(vantage, engine)
    if not vantage.interfaces:
        # Nothing was read: a vantage that the caller made by hand is believed.
        return near and vantage.kind is VantageKind.HOST
    bridges = [n for n in inventory.networks if n.host_address(4) or n.host_address(6)]
    if engine.podman:
        used = _used_networks(inventory)
        bridges = [n for n in bridges if n.id in used]
        if not bridges:
            return near and engine.name == vantage.hostname != ""
    here = [n for n in bridges if is_here(n, vantage, engine)]
    if any(_is_unique(n, engine) for n in here):
        return True
    # docker0 with 172.17.0.1 exists on every machine with Docker: it tells nothing
    # where the engine has other bridges, or is reached at another machine's address.
    # The others may exist on every machine that was set up alike.
    others = [n for n in bridges if not n.is_default_bridge]
    return near and any(n in here for n in others or bridges)


def _used_networks(inventory: Inventory) -> frozenset[str]:
    """The networks of what runs: Podman makes a bridge for the first container on it."""
    alive = (c for c in inventory.containers if c.state in _ALIVE)
    return frozenset(a.network_id for c in alive for a in c.networks)


def is_here(network: Network, vantage: Vantage, engine: EngineProfile) -> bool:
    """Whether a network's bridge is one of the interfaces that the vantage sees.

    It is known by its name and an address of the network's. Podman does not tell the
    name, so there the address must be the very one that the host has.
    """
    if engine.podman:
        hosts = {network.host_address(4), network.host_address(6)}
        return not hosts.isdisjoint(a for i in vantage.interfaces for a in i.addresses)
    named = (i for i in vantage.interfaces if i.name == network.interface)
    return any(a in s for i in named for a in i.addresses for s in network.subnets)


def _is_unique(network: Network, engine: EngineProfile) -> bool:
    """Whether a bridge is named after its network's id, so that no other machine has it."""
    return not engine.podman and network.interface == f"br-{network.id[:12]}"


def _reached_locally(vantage: Vantage, engine: EngineProfile) -> bool:
    own = {vantage.hostname, *vantage.addresses}
    return not engine.apart and (engine.over_loopback or engine.host in own)


def _inside(caller: Container, engine: EngineProfile) -> Stand:
    """In host mode a caller is where that leads: with the engine's bridges, or not."""
    if caller.network_mode != "host":
        return Stand.CONTAINER
    return Stand.BEHIND_VM if engine.apart and engine.lends_machine else Stand.HOST


def _outside(vantage: Vantage, engine: EngineProfile) -> Stand:
    inside = vantage.kind is VantageKind.CONTAINER
    return Stand.BEHIND_VM if engine.over_loopback and not inside else Stand.ELSEWHERE
