"""Examinations in few words: what was gathered, as if it had been."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

from attrs import evolve
from builders import inside, inventory, on_host

from dockernet import Container, Endpoint, Resolver, Route, Target, Vantage
from dockernet._matching import match
from dockernet._standing import identified, standing
from dockernet.doctor import Finding
from dockernet.doctor.examined import Examined, Listening
from dockernet.doctor.table import Check
from dockernet.errors import AmbiguousPeerError
from dockernet.formats.sockets import Listener
from dockernet.model.facts import Inventory
from dockernet.model.places import Dialled, Outcome
from dockernet.model.ports import Protocol


def examination(
    *containers: Container,
    target: str | None = None,
    caller: Container | None = None,
    vantage: Vantage | None = None,
    whole: Inventory | None = None,
    **facts: Any,
) -> Examined:
    """What was gathered on the engine's host, or in a container."""
    every = (*containers, *([] if caller is None or caller in containers else [caller]))
    known = inventory(*every) if whole is None else whole
    here = vantage or (on_host() if caller is None else identified(inside(caller), known))
    asked = None if target is None else Target.parse(target)
    where = standing(here, known)
    found: dict[str, Any] = {"peers": known.containers}
    if asked is not None:
        with Resolver([_Known(known)], here) as resolver:
            found["explanation"] = resolver.explain(asked)
        try:
            found["peers"] = match(asked, known, where).peers
        except AmbiguousPeerError:
            found["peers"] = ()
    return Examined(
        target=asked,
        vantage=here,
        inventory=known,
        standing=where,
        **{"machine": on_host(), **found, **facts},
    )


class _Known:
    """A source that tells an inventory."""

    name = "engine"

    def __init__(self, known: Inventory) -> None:
        self._known = known

    def read(self, want: object) -> Iterable[Inventory]:
        del want
        yield self._known


def codes(check: Check, examined: Examined) -> list[str]:
    """The codes of what a check finds."""
    return [finding.code.value for finding in check(examined)]


def only(check: Check, examined: Examined) -> Finding:
    """The one finding of a check."""
    [finding] = check(examined)
    return finding


def dialled(examined: Examined, *outcomes: Outcome) -> Examined:
    """The same after its endpoints were dialled, with these outcomes; the last for the rest."""
    rest = len(examined.endpoints) - len(outcomes)
    every = (*outcomes, *[outcomes[-1]] * rest)
    return evolve(examined, dialled=tuple(map(Dialled, examined.endpoints, every)))


def endpoint(address: str, port: int = 80, route: Route = Route.GIVEN) -> Endpoint:
    return Endpoint(ip_address(address), port, route=route)


def listeners(container: Container, *at: str) -> Listening:
    """Who listens in a container: ``0.0.0.0 80``, ``:: 53/udp``."""
    return Listening(container.id, tuple(map(_listener, at)), "/proc/4711/net")


def _listener(text: str) -> Listener:
    address, _, port = text.partition(" ")
    number, _, protocol = port.partition("/")
    told: Protocol = "udp" if protocol == "udp" else "tcp"
    return Listener(told, ip_address(address), int(number), 1)
