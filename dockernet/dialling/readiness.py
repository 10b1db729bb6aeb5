"""When a peer is ready: a table, one row for each name."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Final, TypeVar, cast

from attrs import frozen

from dockernet._setting import ProcessSource, Setting
from dockernet._waiting import LastingError
from dockernet.dialling.racing import accepted
from dockernet.dialling.within import within
from dockernet.errors import FormatError, SourceError, UnreachableError
from dockernet.model.endpoints import Endpoint
from dockernet.model.ports import Port
from dockernet.model.readiness import AsyncReady, Ready
from dockernet.refusals import Reason, Refusal, Route
from dockernet.sources.peer_sockets import read_listeners

__all__ = ["READINESS", "Asked", "Readiness", "check_answer", "failed", "late", "readiness"]


T = TypeVar("T")


@frozen(eq=False)
class Asked:
    """What is asked of a readiness.

    Attributes:
        subject: The target as it was asked for.
        endpoint: What it resolves to at this moment.
        setting: The sources.
        patience: Seconds for one connection.
        left: Seconds for all.
    """

    subject: str
    endpoint: Endpoint
    setting: Setting
    patience: float
    left: float

    @property
    def peer(self) -> str:
        """The peer's name."""
        return self.endpoint.peer or self.subject

    def no(self, why: str) -> UnreachableError:
        """The error for an endpoint that is not ready yet."""
        refusal = Refusal(self.endpoint.route, Reason.NOT_ANSWERING, why, "wait longer")
        return UnreachableError(self.subject, (refusal,))


@frozen(eq=False)
class Readiness:
    """What it takes to be ready.

    Attributes:
        check: Returns where an endpoint is ready. It raises what may pass where it is
            not yet, such as :meth:`Asked.no`; other errors end the wait.
        protocols: The protocols that it can tell of; without any, all.
        advice: What to do about others.
    """

    check: Callable[[Asked], None]
    protocols: Collection[str] = ()
    advice: str = ""

    def check_protocol(self, port: Port | Endpoint | None) -> None:
        """Check that it can tell of a protocol, where one is known.

        Raises:
            FormatError: It cannot.
        """
        if port is not None and self.protocols and port.protocol not in self.protocols:
            raise FormatError(port.protocol, self.advice)


def readiness(ready: Ready | AsyncReady) -> Readiness:
    """The readiness of a name, or of a probe.

    Raises:
        FormatError: There is none of that name.
    """
    if callable(ready):
        return Readiness(partial(_probed, cast("Callable[[Endpoint], bool]", ready)))
    if ready not in READINESS:
        known = ", ".join(READINESS)
        raise FormatError(str(ready), f"expected a readiness, one of {known}, or a function")
    return READINESS[ready]


def _for_good(ask: Callable[[], T]) -> T:
    """Ask what no time will change.

    Raises:
        LastingError: It cannot be told.
    """
    try:
        return ask()
    except SourceError as error:
        raise LastingError(error.source, error.reason) from error


# accepts


def _accepts(asked: Asked) -> None:
    accepted(asked.subject, (asked.endpoint,), asked.patience)


# a probe of the caller's own


def _probed(probe: Callable[[Endpoint], bool], asked: Asked) -> None:
    try:
        ready = within(asked.left, partial(probe, asked.endpoint), late(asked))
    except OSError as error:
        raise failed(asked, error) from error
    check_answer(asked, ready)


def check_answer(asked: Asked, answer: object) -> None:
    """Check what a probe says.

    Raises:
        UnreachableError: It says no.
        TypeError: That was no word: whatever is no boolean would seem ready, or not.
    """
    if not isinstance(answer, bool):
        raise TypeError(f"a probe tells True or False, not {type(answer).__name__}")
    if not answer:
        raise asked.no(f"{asked.endpoint}: the probe says that it is not ready")


def failed(asked: Asked, error: OSError) -> UnreachableError:
    """What a probe's error means."""
    return asked.no(f"{asked.endpoint}: the probe says {error}")


def late(asked: Asked) -> UnreachableError:
    """The error for a probe that takes longer than there is time."""
    return asked.no(f"{asked.endpoint}: the probe goes on")


# healthy


def _healthy(asked: Asked) -> None:
    source = _for_good(partial(asked.setting.container_source, "whether a peer is healthy"))
    found = within(asked.left, partial(source.container, asked.peer), late(asked))
    if found.health is None:
        raise LastingError(source.name, f"{found} has no health check: make it with one")
    if found.health != "healthy":
        raise asked.no(f"{found} is {_UNWELL.get(found.health, found.health)}")


_UNWELL: Final = {"starting": "not healthy yet"}


# listening


def _listening(asked: Asked) -> None:
    source = _for_good(asked.setting.process_source)
    container_id, pid = within(asked.left, partial(_process, source, asked.peer), late(asked))
    if pid is None:
        raise asked.no(f"{asked.peer} does not run")
    endpoint = asked.endpoint
    port = endpoint.container_port or Port(endpoint.port, endpoint.protocol)
    found = _for_good(partial(read_listeners, port, pid, container_id))
    addresses = tuple(one.address for one in found)
    if not addresses:
        raise asked.no(f"nothing listens on port {port} of {asked.peer}")
    # Over loopback one is where the peer is: the loopback there is this one.
    if endpoint.route not in _SAME_PLACE and all(one.is_loopback for one in addresses):
        told = ", ".join(map(str, addresses))
        raise asked.no(f"port {port} of {asked.peer} is listened on at {told} alone, inside of it")


def _process(source: ProcessSource, peer: str) -> tuple[str, int | None]:
    container_id = source.container(peer).id
    return container_id, source.pid(container_id)


_SAME_PLACE: Final = (Route.SAME_NAMESPACE, Route.HOST_MODE)


READINESS: Final[dict[str, Readiness]] = {
    "accepts": Readiness(
        _accepts,
        ("tcp",),
        "no connection tells whether it is ready: give a function as ready, or say listening",
    ),
    "healthy": Readiness(_healthy),
    "listening": Readiness(
        _listening, ("tcp", "udp"), "the kernel's tables tell of tcp and udp: give a function"
    ),
}
"""Each readiness by its name. A new one is one row."""
