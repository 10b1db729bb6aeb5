"""How the value that a rule compares with becomes a condition, in any notation of rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from dockernet.model.conditions import Condition

__all__ = ["Reads", "made"]

Value_contra = TypeVar("Value_contra", contravariant=True)
Value = TypeVar("Value")


class Reads(Protocol[Value_contra]):
    """What makes a condition of a value, and of whether it must differ.

    Raises:
        FormatError: It cannot tell what the value means.
    """

    def __call__(self, value: Value_contra, /, *, negated: bool = False) -> Condition: ...


def made(kind: Callable[..., Condition], read: Callable[[Value], object]) -> Reads[Value]:
    """What makes conditions of a kind.

    Args:
        kind: The class of the condition.
        read: What the value means.
    """

    def condition(value: Value, /, *, negated: bool = False) -> Condition:
        return kind(read(value), negated=negated)

    return condition
