"""Routes, and why one cannot work. Errors have refusals in them, so this stands below both."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from dockernet._shown import shown_lines

__all__ = ["Reason", "Refusal", "Route"]


class Route(StrEnum):
    """The way from a vantage to a container port."""

    SAME_NAMESPACE = "same namespace"
    """Both in one network namespace: over loopback."""
    SHARED_NETWORK = "shared network"
    """Both on one network: the peer's own address there."""
    LINK = "link"
    """A link joins them: the peer's own address, its exposed ports."""
    HOST_MODE = "host mode"
    """The peer uses the network of the engine's host: the host's address."""
    GATEWAY = "gateway"
    """Out through the gateway to a published port of the engine's host."""
    ROUTED = "routed"
    """The peer's own address, from another network, through the host's routing."""
    PUBLISHED = "published"
    """A published port, over an address of the engine's host."""
    DIRECT = "direct"
    """From the engine's host to the peer's own address on a bridge."""
    GIVEN = "given"
    """A source named the address and tells nothing of the way."""


class Reason(StrEnum):
    """Why a route cannot work; stable codes."""

    NOT_RUNNING = "not-running"
    PAUSED = "paused"
    NO_NETWORK = "no-network"
    PORT_UNKNOWN = "port-unknown"
    ICC_DISABLED = "icc-disabled"
    NOT_EXPOSED = "not-exposed"
    NO_SHARED_NETWORK = "no-shared-network"
    NOT_PUBLISHED = "not-published"
    PUBLISHED_ON_LOOPBACK = "published-on-loopback"
    DRIVER_NOT_ROUTED = "driver-not-routed"
    ADDRESS_BEHIND_VM = "address-behind-vm"
    HOST_ADDRESS_UNKNOWN = "host-address-unknown"
    NO_ADDRESS = "no-address"
    NOT_ANSWERING = "not-answering"
    STALE = "stale"


@frozen
class Refusal:
    """A route that cannot work, with the reason and the fix.

    Attributes:
        route: The route that was weighed; ``None`` where no route could help.
        reason: The stable code.
        detail: What was found, in one clause.
        fix: What a person can do about it, in one line.
    """

    route: Route | None
    reason: Reason
    detail: str
    fix: str

    def __str__(self) -> str:
        return shown_lines(f"{self.reason}: {self.detail} (fix: {self.fix})")
