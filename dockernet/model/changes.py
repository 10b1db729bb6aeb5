"""What changed of a container between two moments, and in which respects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum

from attrs import frozen

from dockernet.model.addresses import IPAddress
from dockernet.model.containers import Attachment, Container

__all__ = ["ChangeKind", "ContainerChange"]

_ALIVE = frozenset({"running", "paused"})


class ChangeKind(StrEnum):
    """In which respect a container changed."""

    CREATED = "created"
    """It is new."""
    STARTED = "started"
    """It runs, and did not."""
    PAUSED = "paused"
    """It is paused, and ran."""
    UNPAUSED = "unpaused"
    """It runs, and was paused."""
    STOPPED = "stopped"
    """It ran or was paused, and does no longer."""
    REMOVED = "removed"
    """It is gone."""
    RENAMED = "renamed"
    """It has another name."""
    MOVED = "moved"
    """It has other addresses."""
    PORTS_CHANGED = "ports changed"
    """Its live ports are others, or bound to others."""
    NETWORK_CHANGED = "network changed"
    """It joined or left a network, or is known there by other names."""
    BECAME_HEALTHY = "became healthy"
    """Its health check passes, and did not."""
    BECAME_UNHEALTHY = "became unhealthy"
    """Its health check fails, and did not."""
    LINKS_CHANGED = "links changed"
    """It has other links, or others link to it."""
    UPDATED = "updated"
    """Anything else."""


@frozen
class ContainerChange:
    """A container before and after a change.

    Attributes:
        before: How it was; ``None`` where it is new.
        after: How it is; ``None`` where it is gone.

    Example:
        >>> from dockernet import Container, ContainerChange
        >>> before = Container(id="4f", name="web", state="created")
        >>> print(ContainerChange(before, Container(id="4f", name="web", state="running")))
        web started
    """

    before: Container | None
    after: Container | None

    @property
    def container(self) -> Container:
        """How it is, or how it was last."""
        known = self.after or self.before
        if known is None:
            raise ValueError("a change is of a container")
        return known

    @property
    def why(self) -> tuple[ChangeKind, ...]:
        """In which respects it changed, one at least, in the order of the kinds."""
        return tuple(_kinds(self.before, self.after))

    def __str__(self) -> str:
        return f"{self.container} {', '.join(self.why)}"


def _kinds(before: Container | None, after: Container | None) -> Iterator[ChangeKind]:
    if after is None:
        yield ChangeKind.REMOVED
        return
    if before is None:
        yield ChangeKind.CREATED
        if after.state in _ALIVE:
            yield ChangeKind.STARTED
        return
    found = [kind for kind, differs in _RESPECTS if differs(before, after)]
    yield from found or [ChangeKind.UPDATED]


def _started(before: Container, after: Container) -> bool:
    return before.state not in _ALIVE and after.state in _ALIVE


def _paused(before: Container, after: Container) -> bool:
    return before.state != "paused" and after.state == "paused"


def _unpaused(before: Container, after: Container) -> bool:
    return before.state == "paused" and after.state == "running"


def _stopped(before: Container, after: Container) -> bool:
    return before.state in _ALIVE and after.state not in _ALIVE


def _moved(before: Container, after: Container) -> bool:
    old, new = _addresses(before), _addresses(after)
    return any(old[network] != new[network] for network in old.keys() & new.keys())


def _addresses(container: Container) -> dict[str, tuple[IPAddress, ...]]:
    """The addresses on each network; one that does not run has none, and has not moved."""
    return {a.network_id: a.addresses for a in container.networks if a.addresses}


def _places(container: Container) -> set[Attachment]:
    return {
        Attachment(network=a.network, aliases=a.aliases, dns_names=a.dns_names)
        for a in container.networks
    }


def _became(health: str) -> Callable[[Container, Container], bool]:
    return lambda before, after: before.health != health and after.health == health


_RESPECTS: tuple[tuple[ChangeKind, Callable[[Container, Container], bool]], ...] = (
    (ChangeKind.STARTED, _started),
    (ChangeKind.PAUSED, _paused),
    (ChangeKind.UNPAUSED, _unpaused),
    (ChangeKind.STOPPED, _stopped),
    (ChangeKind.RENAMED, lambda before, after: before.name != after.name),
    (ChangeKind.MOVED, _moved),
    (ChangeKind.PORTS_CHANGED, lambda before, after: before.ports != after.ports),
    (ChangeKind.NETWORK_CHANGED, lambda before, after: _places(before) != _places(after)),
    (ChangeKind.BECAME_HEALTHY, _became("healthy")),
    (ChangeKind.BECAME_UNHEALTHY, _became("unhealthy")),
    (
        ChangeKind.LINKS_CHANGED,
        lambda before, after: (before.links, before.linked_as) != (after.links, after.linked_as),
    ),
)
