"""How a plan of forwarding stands on a machine."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from dockernet.model.firewalls import PlacedRule

__all__ = ["ForwardingState", "ForwardingStatus"]


class ForwardingState(StrEnum):
    """How a plan stands."""

    NOT_APPLIED = "not applied"
    IN_PART = "in part"
    """Something of it is not there, or not as planned."""
    APPLIED = "applied"
    STOPPED = "stopped"
    """All of it is there, and a rule of somebody else's that comes first stops what it lets
    through."""


@frozen(kw_only=True)
class ForwardingStatus:
    """How a plan stands on this machine.

    Attributes:
        state: Whether it is applied.
        missing: What is not there, or not as planned.
        turned_on: The kernel's settings that it has turned on, and will take back.
        stopped_by: The rules of others that are sure to stop what it lets through. What is
            not known to stop it is not among them.
    """

    state: ForwardingState
    missing: tuple[str, ...] = ()
    turned_on: tuple[str, ...] = ()
    stopped_by: tuple[PlacedRule, ...] = ()

    def __str__(self) -> str:
        lacking = (f"lacks {one}" for one in self.missing)
        return "; ".join((self.state, *lacking, *(f"by {one}" for one in self.stopped_by)))
