"""The variables that tell a recipient of its links, as they are written.

An engine that links ``web`` into a container under the alias ``db`` sets variables
there, all under the prefix ``DB``: ``DB_PORT_80_TCP`` and its three companions
``_ADDR``, ``_PORT`` and ``_PROTO`` for each exposed port, ``DB_PORT`` for the first
of them, ``DB_NAME``, and ``DB_ENV_*`` for the peer's own environment. Engine 29 no
longer sets them; Kubernetes still sets its own dialect for each service.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from dockernet.model.addresses import IPAddress
from dockernet.model.ports import Port

__all__ = [
    "LinkKind",
    "Place",
    "fold",
    "in_engine_order",
    "port_variables",
    "secret_variables",
    "service_variables",
    "split_path",
]

_NOT_COPIED: Final = frozenset({"HOME", "PATH"})


class LinkKind(StrEnum):
    """What confirms that variables of one prefix are a link."""

    DOCKER = "docker"
    """``<P>_NAME`` is ``/recipient/alias``, and the alias folds to the prefix."""
    KUBERNETES = "kubernetes"
    """``<P>_SERVICE_HOST`` stands beside them: a service, not a container."""
    UNCONFIRMED = "unconfirmed"
    """Nothing but the variables of a port themselves, complete and consistent."""


def in_engine_order(ports: Iterable[Port]) -> tuple[Port, ...]:
    """Sort ports as a current engine does, each once."""
    return tuple(sorted(set(ports), key=_engine_order))


def _engine_order(port: Port) -> tuple[bool, str, int]:
    # As moby's withTCPPriority in daemon/links/links.go, since Engine 28.0.
    return port.protocol != "tcp", port.protocol, port.number


def fold(alias: str) -> str:
    """Make the prefix of an alias."""
    name = alias.rpartition("/")[2]
    upper = name.upper() if name.isascii() else "".join(map(_upper, name))
    return upper.replace("-", "_")


def _upper(character: str) -> str:
    # Go's strings.ToUpper maps one character to one, where Python makes SS of ß. The
    # title form is that one character where Unicode has it, as for ᾳ.
    forms = (character.upper(), character.title())
    return next((form for form in forms if len(form) == 1), character)


def split_path(path: str) -> tuple[str | None, str]:
    """Split ``/recipient/alias``; of an alias with slashes only the last element counts."""
    recipient, slash, _ = path.removeprefix("/").partition("/")
    named = bool(slash and recipient and path.startswith("/"))
    return recipient if named else None, path.rpartition("/")[2]


# Writing


class Place(NamedTuple):
    """Where a container port is dialled: there itself, or at a host port that leads to it."""

    port: Port
    host: IPAddress | str
    number: int

    @property
    def url(self) -> str:
        """The URL that variables tell."""
        host = f"[{self.host}]" if ":" in str(self.host) else str(self.host)
        return f"{self.port.protocol}://{host}:{self.number}"

    def precedes(self, other: Place) -> bool:
        """Whether another is the next number of one range, dialled as such."""
        own, next_ = self.port, other.port
        ports = (own.protocol, own.number + 1) == (next_.protocol, next_.number)
        return ports and (self.host, self.number + 1) == (other.host, other.number)


def port_variables(name: str, places: Sequence[Place]) -> Iterator[tuple[str, str]]:
    """Write the variables of ports, which are in an engine's order.

    Args:
        name: What they all start with, ``<P>_PORT``.
        places: Where each port is dialled.
    """
    if not places:
        return
    yield name, places[0].url
    waiting: Sequence[Place] = ()
    for run in _runs(places):
        for index, place in enumerate(run):
            yield from _four_variables(name, place)
            if index == 0:
                # An engine notices the end of a range at the next port only.
                yield from _range_variables(name, waiting)
        waiting = run
    yield from _range_variables(name, waiting)


def service_variables(prefix: str, places: Sequence[Place]) -> Iterator[tuple[str, str]]:
    """Write the variables of a service, as Kubernetes' ``pkg/kubelet/envvars`` does."""
    if not places:
        return
    yield f"{prefix}_SERVICE_HOST", str(places[0].host)
    yield f"{prefix}_SERVICE_PORT", str(places[0].number)
    yield f"{prefix}_PORT", places[0].url
    for place in places:
        yield from _four_variables(f"{prefix}_PORT", place)


def secret_variables(
    prefix: str, environ: Mapping[str, str], *, secrets: bool | Collection[str]
) -> Iterator[tuple[str, str]]:
    """Write the peer's own environment: what an engine copies of it, or what is named.

    Raises:
        TypeError: The names are a single text.
    """
    if isinstance(secrets, str | bytes):
        raise TypeError("secrets are true, false, or names of variables, not a single text")
    if isinstance(secrets, bool):
        secrets = environ.keys() - _NOT_COPIED if secrets else ()
    return ((f"{prefix}_ENV_{name}", value) for name, value in environ.items() if name in secrets)


def _runs(places: Sequence[Place]) -> Iterator[Sequence[Place]]:
    """Split sorted ports into runs of consecutive numbers of one protocol."""
    start = 0
    for end, place in enumerate(places[1:], 1):
        if not places[end - 1].precedes(place):
            yield places[start:end]
            start = end
    yield places[start:]


def _four_variables(name: str, place: Place) -> Iterator[tuple[str, str]]:
    own = f"{name}_{place.port.number}_{place.port.protocol.upper()}"
    yield own, place.url
    yield f"{own}_ADDR", str(place.host)
    yield f"{own}_PORT", str(place.number)
    yield f"{own}_PROTO", place.port.protocol


def _range_variables(name: str, run: Sequence[Place]) -> Iterator[tuple[str, str]]:
    if len(run) < 2:
        return
    own = f"{name}_{run[0].port.number}_{run[0].port.protocol.upper()}"
    for end, place in (("START", run[0]), ("END", run[-1])):
        yield f"{own}_{end}", place.url
        yield f"{own}_PORT_{end}", str(place.number)
