"""What could not be looked at, told as findings: never a guess."""

from __future__ import annotations

from collections.abc import Iterator

from dockernet.doctor.codes import Code
from dockernet.doctor.examined import Examined
from dockernet.doctor.findings import Finding, Fix

__all__ = ["unseen"]

_ELSEWHERE = "run dockernet doctor on the engine's host, as root"


def unseen(examined: Examined) -> Iterator[Finding]:
    """Each thing that could not be looked at."""
    for one in examined.unseen:
        yield Finding(
            code=Code.NOT_EXAMINED if one.permitted else Code.NOT_PERMITTED,
            subject=one.what,
            observed=f"{one.what}: {one.reason}",
            fix=Fix((), _ELSEWHERE if one.permitted else "run it as root: sudo dockernet doctor"),
        )
