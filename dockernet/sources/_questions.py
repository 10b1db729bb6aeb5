"""What is asked of an engine, and the answers as values."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from dockernet.errors import FormatError, SourceError
from dockernet.formats.engine import (
    Reading,
    parse_inspections,
    parse_listing,
    parse_networks,
    parse_profile,
    podman_api,
    with_details,
)
from dockernet.formats.json import mapping, text
from dockernet.model.containers import Container
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.facts import EngineProfile
from dockernet.model.networks import Network
from dockernet.sources._location import NAME

if TYPE_CHECKING:
    from dockernet.sources._docker import Clients, EventStream

__all__ = ["Questions"]

T = TypeVar("T")

_AT_ONCE: Final = 4  # inspections under way


class Questions:
    """What is asked of one engine; each question may raise a ``SourceError``.

    Args:
        clients: The connections to it.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def profile(self) -> EngineProfile:
        """What the engine says of itself."""
        clients = self._clients
        return parse_profile(clients.version(), clients.info(), clients.host)

    def listing(self) -> Reading[Container]:
        """Every container, as listed."""
        return self.parsed(parse_listing, self._clients.listing())

    def networks(self) -> Reading[Network]:
        """Every network."""
        return self.parsed(parse_networks, self._clients.networks())

    def everything(self) -> Reading[Container]:
        """Every container in detail."""
        listing = self.listing()
        detailed = self.detailed(listing.values, [c.id for c in listing.values])
        return Reading(detailed.values, (*listing.diagnostics, *detailed.diagnostics))

    def told(self) -> Reading[Container]:
        """Every container, in as much detail as the engine tells; who is odd spoils no other."""
        listing = self.listing()
        replies = self._replies([container.id for container in listing.values])
        reading = self._details(replies)
        there = (c for c in listing.values if replies[c.id] is not None)
        values = with_details(there, reading.values)
        return Reading(values, (*listing.diagnostics, *reading.diagnostics))

    def detailed(self, listed: tuple[Container, ...], ids: Iterable[str]) -> Reading[Container]:
        """Put details in the place of listed containers; leave out what vanished."""
        asked = frozenset(ids)
        reading = self.inspected(sorted(asked))
        there = {container.id for container in reading.values}
        left = (c for c in listed if c.id in there or c.id not in asked)
        return Reading(with_details(left, reading.values), reading.diagnostics)

    def reread(self, ids: Iterable[str]) -> Reading[Container]:
        """Some containers, as :meth:`told` tells all; who links to them is left out."""
        replies = self._replies([*ids])
        reading = self._details(replies)
        # Of Podman's host ports a listing alone tells which are of every family.
        podman = bool(reading.values) and podman_api(self._clients.version()) is not None
        wanted = [
            i for i, reply in replies.items() if isinstance(reply, Diagnostic) or (podman and reply)
        ]
        if not wanted:
            return reading
        listing = self.parsed(parse_listing, self._clients.listing(wanted))
        detailed = with_details(listing.values, reading.values)
        known = {container.id: container for container in (*reading.values, *detailed)}
        values = (known[i] for i in replies if i in known)
        return Reading(tuple(values), reading.diagnostics)

    def inspected(self, ids: list[str]) -> Reading[Container]:
        """Those containers in detail that are still there."""
        return self.parsed(parse_inspections, self.inspections(ids))

    def inspections(self, ids: list[str]) -> list[object]:
        """The replies for those that are still there; a few are under way at a time."""
        replies = _each(self._clients.inspection, ids)
        return [reply for reply in replies if reply is not None]

    def _replies(self, ids: list[str]) -> dict[str, object]:
        """The reply for each id; ``None`` for what vanished, a diagnostic for what is odd."""
        return dict(zip(ids, _each(self._reply, ids), strict=True))

    def _reply(self, container_id: str) -> object:
        reason = "it tells of another container"
        try:
            reply = self._clients.inspection(container_id)
            if reply is None or text(mapping(reply).get("Id")) == container_id:
                return reply
        except SourceError as error:
            if not self._clients.refused(error):
                raise
            reason = error.reason
        return Diagnostic(NAME, container_id[:12], f"details left out: {reason}")

    def _details(self, replies: dict[str, object]) -> Reading[Container]:
        odd = tuple(reply for reply in replies.values() if isinstance(reply, Diagnostic))
        there = [r for r in replies.values() if r is not None and not isinstance(r, Diagnostic)]
        reading = self.parsed(parse_inspections, there)
        return Reading(reading.values, (*reading.diagnostics, *odd))

    def parsed(self, parse: Callable[[object], T], reply: object) -> T:
        """Parse a reply.

        Raises:
            SourceError: It is not of the form that it should have.
        """
        try:
            return parse(reply)
        except FormatError as error:
            reason = f"{self._clients.location.url} answers nonsense: {error.reason}"
            raise SourceError(NAME, reason) from error

    def events(self) -> EventStream:
        """What happens from now on, as lines."""
        return self._clients.events()

    def close(self) -> None:
        """Close the connections."""
        self._clients.close()


def _each(ask: Callable[[str], T], ids: Sequence[str]) -> list[T]:
    """What comes of asking for each; a few are under way at a time.

    It takes threads of its own: those of a pool are waited for when the interpreter
    ends, however long an engine takes.
    """
    left = iter(ids)
    found: dict[str, T] = {}
    errors: list[BaseException] = []
    turn = threading.Lock()

    def work() -> None:
        while not errors:
            with turn:
                one = next(left, None)
            if one is None:
                return
            try:
                found[one] = ask(one)
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                errors.append(error)

    if len(ids) == 1:
        return [ask(ids[0])]
    threads = [
        threading.Thread(target=work, name="dockernet", daemon=True)
        for _ in range(min(_AT_ONCE, len(ids)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [found[one] for one in ids]
