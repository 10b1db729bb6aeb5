"""What an examination is asked for, and what the outside is read with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from attrs import frozen

from dockernet.errors import FormatError
from dockernet.model.addresses import IPAddress
from dockernet.model.endpoints import Endpoint
from dockernet.model.firewalls import Firewall
from dockernet.model.places import Dialled, LookUp
from dockernet.model.targets import Target
from dockernet.sources.dialled import Making, dial_all
from dockernet.sources.dns import ask_server
from dockernet.sources.engine import Engine
from dockernet.sources.firewall import read_firewall
from dockernet.sources.places import Inside, entering
from dockernet.sources.snapshot import Snapshot

__all__ = ["Gathering", "Senses", "check_outside", "check_timeout"]


@frozen(kw_only=True)
class Senses:
    """What the outside is read with.

    Attributes:
        root: The folder that holds ``proc`` and ``etc``.
        firewall: What reads this machine's firewall, given the seconds for it.
        dial: What dials endpoints.
        ask: What asks a name server.
        enter: What does work in the network namespace of a process.
    """

    root: Path = Path("/")
    firewall: Callable[[float], Firewall] = read_firewall
    dial: Callable[[Iterable[Endpoint], float, Making], tuple[Dialled, ...]] = dial_all
    ask: Callable[[str, IPAddress, float], LookUp] = ask_server
    enter: Callable[[int, Path], Inside] = entering


_OWN: Final = Senses()


@frozen(kw_only=True)
class Gathering:
    """What is to be examined.

    Attributes:
        target: The target; everything unless given.
        engine: The engine or its recording.
        named: Whether nothing but it is to be asked.
        origin: The container to look from.
        outside: A target beyond, to be dialled.
        timeout: Seconds for each program and each dial.
        senses: What the outside is read with.
    """

    target: Target | None
    engine: Engine | Snapshot
    named: bool = False
    origin: str | None = None
    outside: Target | None = None
    timeout: float = 5.0
    senses: Senses = _OWN


def check_outside(outside: Target | None) -> None:
    """Check that a target beyond can be dialled.

    Raises:
        FormatError: It has no port of TCP, or is no address or name.
    """
    if outside is None:
        return
    if outside.port is None or outside.port.protocol != "tcp" or outside.project is not None:
        raise FormatError(str(outside), "expected HOST:PORT of tcp for the outside")


def check_timeout(timeout: float) -> None:
    """Check that seconds are some that one can wait.

    Raises:
        FormatError: They are not.
    """
    if not 0 < timeout <= threading.TIMEOUT_MAX:
        raise FormatError(str(timeout), "expected a timeout of more than 0 seconds")
