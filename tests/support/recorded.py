"""What engines answered, as it was recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data" / "engine"
TLS = DATA / "tls"

FACTS = ("20.10", "26.1", "28.5", "29.1", "podman-4.3.1", "podman-5.4.2")
"""The engines of which one and the same scenario was recorded."""


def recorded(engine: str, scenario: str = "facts") -> dict[str, Any]:
    """The replies of one engine in one scenario, a new object each time."""
    path = DATA / engine / f"{scenario}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def scenarios() -> list[tuple[str, str]]:
    """Every engine and scenario that was recorded."""
    return sorted((path.parent.name, path.stem) for path in DATA.glob("*/*.json"))
