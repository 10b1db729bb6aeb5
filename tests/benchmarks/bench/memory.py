"""What a listed container takes, by the interpreter's own count."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager

from bench.turns import Found
from dockernet.formats.engine import parse_listing

CONTAINERS = 1000


@contextmanager
def listing(found: Found) -> Iterator[bytes]:
    """A reply with a thousand containers: two ports and a label each, no two alike."""
    del found
    raw = json.dumps([_entry(number) for number in range(CONTAINERS)]).encode()
    parse_listing([_entry(0)])  # caches are made
    yield raw


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


def _kibibytes(parse: Callable[[], Sized]) -> float:
    tracemalloc.start()
    try:
        parsed = parse()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(parsed) == CONTAINERS
    return taken / 1024 / CONTAINERS


def ours(raw: bytes) -> float:
    """KiB a container of ours."""
    return _kibibytes(lambda: parse_listing(json.loads(raw)).values)


def as_json(raw: bytes) -> float:
    """KiB a container as docker-py's low-level list has it: the reply's JSON."""
    return _kibibytes(lambda: json.loads(raw))
