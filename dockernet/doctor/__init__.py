r"""Why it does not connect: an examination that changes nothing.

>>> from importlib.resources import files
>>> from dockernet import Snapshot
>>> from dockernet.doctor import examine
>>> story = Snapshot.load(str(files("dockernet") / "_cli/story.json"))
>>> report = examine("db:5432", engine=story, seen_from="client")
>>> [finding.code.value for finding in report.wrong]
['published-on-loopback']
>>> report.wrong[0].fix.command
'docker network connect shop client'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dockernet.doctor.asked import Gathering, check_timeout
from dockernet.doctor.codes import ENTRIES as _ENTRIES
from dockernet.doctor.codes import Code, Entry, Severity, Theme
from dockernet.doctor.findings import Evidence, Finding, Fix, Kind, Report
from dockernet.doctor.gathering import gathered
from dockernet.doctor.table import report
from dockernet.model.targets import Target, TargetLike
from dockernet.sources.engine import Engine
from dockernet.sources.snapshot import Snapshot

__all__ = [
    "ENTRIES",
    "Code",
    "Entry",
    "Evidence",
    "Finding",
    "Fix",
    "Kind",
    "Report",
    "Severity",
    "Theme",
    "examine",
]

#: The table of codes that the pages are written from.
ENTRIES: Final[Mapping[Code, Entry]] = _ENTRIES


def examine(
    target: TargetLike | None = None,
    *,
    engine: Engine | Snapshot | None = None,
    seen_from: str | None = None,
    outside: str | None = None,
    timeout: float = 5.0,
) -> Report:
    """Examine why a target cannot be reached, or everything. Nothing is changed.

    The target's endpoints are dialled. Without a target nothing is. On the engine's host
    as root, its kernel, its firewall and the sockets of peers are looked at, too.

    Args:
        target: The target; everything unless given.
        engine: The engine, or a recording of one; nothing else is asked then. Unless
            given, the sources are those that :class:`~dockernet.Resolver` asks.
        seen_from: The container to look from; on the engine's host and as root it is
            also dialled from there.
        outside: ``HOST:PORT`` beyond the engine, which is dialled as well.
        timeout: Seconds for the engine, for each program and each dial.

    Raises:
        FormatError: A target is malformed, or the time is none.
        PeerNotFoundError: There is no container to look from.
        SourceError: There is a container to look from, and the engine cannot be asked.
    """
    asked = None if target is None else Target.of(target)
    beyond = None if outside is None else Target.parse(outside)
    check_timeout(timeout)
    known = Engine(timeout=timeout) if engine is None else engine
    try:
        return report(
            gathered(
                Gathering(
                    target=asked,
                    engine=known,
                    named=engine is not None,
                    origin=seen_from,
                    outside=beyond,
                    timeout=timeout,
                )
            )
        )
    finally:
        if engine is None:
            known.close()
