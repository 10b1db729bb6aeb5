"""What it means that a peer is ready."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from dockernet.model.endpoints import Endpoint

__all__ = ["AsyncReady", "Ready", "ReadyName"]

ReadyName = Literal["accepts", "healthy", "listening"]

Ready = ReadyName | Callable[[Endpoint], bool]
"""A readiness by its name, or a probe of one's own: whether an endpoint is ready."""

AsyncReady = ReadyName | Callable[[Endpoint], bool | Awaitable[bool]]
"""The same for who awaits; a probe may be awaited, too."""
