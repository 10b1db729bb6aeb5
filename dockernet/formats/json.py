"""Parts of a JSON document that may not be what they should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

__all__ = ["Json", "items", "mapping", "text"]

Json = Mapping[str, Any]
_NOTHING: Json = {}


def mapping(value: object) -> Json:
    """The object, or an empty one for anything else."""
    return cast("Json", value) if isinstance(value, dict) else _NOTHING


def items(value: object) -> Sequence[Any]:
    """The list, or an empty one for anything else."""
    return cast("Sequence[Any]", value) if isinstance(value, list) else ()


def text(value: object) -> str:
    """The text, or an empty one for anything else."""
    return value if isinstance(value, str) else ""
