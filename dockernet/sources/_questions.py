"""What is asked of an engine, and the answers as values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
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
from dockernet.model.containers import Container
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

    def detailed(self, listed: tuple[Container, ...], ids: Iterable[str]) -> Reading[Container]:
        """Put details in the place of listed containers; leave out what vanished."""
        asked = frozenset(ids)
        reading = self.inspected(sorted(asked))
        there = {container.id for container in reading.values}
        left = (c for c in listed if c.id in there or c.id not in asked)
        return Reading(with_details(left, reading.values), reading.diagnostics)

    def reread(self, ids: Iterable[str]) -> Reading[Container]:
        """Some containers in detail; without who links to them."""
        reading = self.inspected(list(ids))
        if not reading.values or podman_api(self._clients.version()) is None:
            return reading
        # Of Podman's host ports a listing alone tells which are of every family.
        reply = self._clients.listing([container.id for container in reading.values])
        listed = self.parsed(parse_listing, reply).values
        return Reading(with_details(listed, reading.values), reading.diagnostics)

    def inspected(self, ids: list[str]) -> Reading[Container]:
        """Those containers in detail that are still there."""
        return self.parsed(parse_inspections, self.inspections(ids))

    def inspections(self, ids: list[str]) -> list[object]:
        """The replies for those that are still there; a few are under way at a time."""
        ask = self._clients.inspection
        if len(ids) == 1:
            replies = [ask(ids[0])]
        else:
            with ThreadPoolExecutor(_AT_ONCE, "dockernet") as pool:
                replies = list(pool.map(ask, ids))
        return [reply for reply in replies if reply is not None]

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
