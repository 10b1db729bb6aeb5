"""What a listed container takes, by the interpreter's own count."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from measuring import report

from dockernet.formats.engine import parse_listing

pytestmark = pytest.mark.bench

CONTAINERS = 1000
LIMIT = 4  # KiB each


def _listing() -> bytes:
    """A reply with a thousand containers: two ports and a label each, no two alike."""
    return json.dumps([_entry(number) for number in range(CONTAINERS)]).encode()


def _entry(number: int) -> dict[str, object]:
    address = f"172.17.{number // 250}.{number % 250 + 2}"
    published = {"PrivatePort": 80, "PublicPort": 20_000 + number, "Type": "tcp"}
    attachment = {"NetworkID": "f" * 64, "IPAddress": address, "Gateway": "172.17.0.1"}
    return {
        "Id": f"{number:064x}",
        "Names": [f"/container-{number}"],
        "Image": f"image-{number % 20}",
        "Created": 1_795_447_993 + number,
        "Ports": [
            {"IP": "0.0.0.0", **published},
            {"IP": "::", **published},
            {"PrivatePort": 443, "Type": "tcp"},
        ],
        "Labels": {"com.example.number": str(number)},
        "State": "running",
        "Status": "Up 3 minutes",
        "HostConfig": {"NetworkMode": "default"},
        "NetworkSettings": {"Networks": {"bridge": attachment}},
    }


def test_a_listed_container_takes_at_most_four_kibibytes() -> None:
    raw = _listing()
    parse_listing(json.loads(raw[: raw.index(b"}}}}") + 4] + b"]"))  # caches are made
    tracemalloc.start()
    try:
        containers = parse_listing(json.loads(raw)).values
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(containers) == CONTAINERS
    assert report("KiB a listed container", taken / 1024 / CONTAINERS, LIMIT)
