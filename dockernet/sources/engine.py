"""The source of what an engine tells: its containers and networks, live."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from attrs import evolve

from dockernet._matching import behind, known_names, near_misses, undetailed
from dockernet._standing import identified, standing
from dockernet.errors import FormatError, PeerNotFoundError, SourceError
from dockernet.formats.engine import (
    Reading,
    parse_inspections,
    parse_listing,
    parse_networks,
    parse_profile,
    podman_api,
    with_details,
    with_network_ids,
)
from dockernet.formats.json import items, mapping, text
from dockernet.formats.recording import parse_recording, record, with_vantage
from dockernet.model.addresses import IPAddress, parse_address
from dockernet.model.bindings import HostBinding
from dockernet.model.containers import Container
from dockernet.model.facts import EngineProfile, Inventory, Want
from dockernet.model.networks import Network
from dockernet.model.ports import Port, Protocol
from dockernet.model.vantage import Vantage
from dockernet.sources._location import locate
from dockernet.sources.snapshot import Snapshot
from dockernet.sources.vantage import read_vantage

if TYPE_CHECKING:
    from dockernet.sources._docker import Clients

__all__ = ["Engine"]

T = TypeVar("T")

_AT_ONCE = 4  # inspections under way
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")  # moby, daemon/names; ids look like it, too


class Engine:
    """An engine, asked through its API by docker-py.

    Making one contacts nothing. Without arguments it is the engine that the docker
    CLI would talk to: ``DOCKER_HOST``, ``DOCKER_CONTEXT``, the current context, the
    default socket. It is safe in threads; close it, or use it as a context manager.

    Args:
        url: ``unix://``, ``tcp://`` or ``ssh://`` (extra ``ssh``); the environment
            decides unless given.
        timeout: Seconds for connecting, and for each wait for an answer.
        context: The name of a docker context, instead of a URL.
        environ: The variables to follow; the process's own unless given.

    Example:
        >>> from dockernet import Engine
        >>> Engine("unix:///run/docker.sock", timeout=1.0)
        Engine('unix:///run/docker.sock')
    """

    name = "engine"

    def __init__(
        self,
        url: str | None = None,
        timeout: float = 5.0,
        *,
        context: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        if not 0 < timeout <= threading.TIMEOUT_MAX:
            raise FormatError(str(timeout), "expected a timeout of more than 0 seconds")
        self._url = url
        self._timeout = timeout
        self._context = context
        self._environ = os.environ if environ is None else environ
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._made: Clients | None = None
        self._told: EngineProfile | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, *, timeout: float = 5.0) -> Engine:
        """The engine that the environment names, as the docker CLI takes it.

        Args:
            environ: ``DOCKER_HOST``, ``DOCKER_CONTEXT``, ``DOCKER_TLS_VERIFY`` and
                ``DOCKER_CERT_PATH``; the process's own unless given.
            timeout: Seconds for connecting, and for each wait for an answer.
        """
        return cls(timeout=timeout, environ=environ)

    # Reading.

    def containers(self, *, details: bool = False) -> tuple[Container, ...]:
        """Every container, whatever its state, newest first: one request.

        Args:
            details: Also read each in detail, for aliases, links and the ports that
                were asked for; a few requests at a time. One that vanishes
                meanwhile is left out.

        Raises:
            SourceError: The engine cannot be asked, or answers nonsense.
        """
        listed = self._listing().values
        return self._detailed(listed, [c.id for c in listed]).values if details else listed

    def container(self, name: str) -> Container:
        """One container in detail, by its name, its id or a unique prefix of that.

        Raises:
            PeerNotFoundError: There is none.
            SourceError: The engine cannot be asked, or answers nonsense.
        """
        bare = name.strip("/")
        found = self._inspected([bare] if _NAME.fullmatch(bare) else []).values
        if not found:
            profile = EngineProfile()
            known = Inventory(source=self.name, engine=profile, containers=self.containers())
            raise PeerNotFoundError(name, (self.name,), near_misses(name, known_names(known)))
        return found[0]

    def networks(self) -> tuple[Network, ...]:
        """Every network.

        Raises:
            SourceError: The engine cannot be asked, or answers nonsense.
        """
        return self._networks().values

    def behind(
        self, host_port: int, protocol: Protocol = "tcp", host_ip: IPAddress | str | None = None
    ) -> tuple[tuple[Container, Port, HostBinding], ...]:
        """What is behind a port of the engine's host.

        Args:
            host_port: The host port.
            protocol: Its protocol.
            host_ip: Only what answers on this address of the host.

        Returns:
            The containers, their container ports and the bindings. Two containers
            may share a number, on different host addresses or address families.

        Raises:
            SourceError: The engine cannot be asked, or answers nonsense.
        """
        address = parse_address(host_ip) if isinstance(host_ip, str) else host_ip
        # Up to 5.7 Podman lists the first port of a range alone.
        details = podman_api(self._clients().version()) is not None
        return behind(self.containers(details=details), host_port, protocol, address)

    def profile(self) -> EngineProfile:
        """What the engine says of itself; asked once.

        Raises:
            SourceError: The engine cannot be asked, or answers nonsense.
        """
        with self._telling:
            if self._told is None:
                clients = self._clients()
                self._told = parse_profile(clients.version(), clients.info(), clients.host)
            return self._told

    def read(self, want: Want) -> Iterator[Inventory]:
        """Read the containers, in detail where that matters to the target.

        Raises:
            SourceError: The engine cannot be asked, or answers nonsense.
        """
        listing, networks = self._listing(), self._networks()
        inventory = Inventory(
            source=self.name,
            engine=self.profile(),
            containers=with_network_ids(listing.values, networks.values),
            networks=networks.values,
            diagnostics=(*listing.diagnostics, *networks.diagnostics),
        )
        while ids := undetailed(want.target, inventory, standing(want.vantage, inventory)):
            inventory = self._with_details(inventory, ids)
        yield inventory

    def snapshot(self, vantage: Vantage | None = None, *, whole: bool = False) -> Snapshot:
        """Record everything that decides about routes, and the vantage.

        Environment values, commands, health-check texts and labels of others are
        left out.

        Args:
            vantage: The vantage to record; where this process stands unless given.
            whole: Keep the engine's replies as they are, secrets among them.

        Raises:
            SourceError: The engine cannot be asked, or answers nonsense.
        """
        here, clients = read_vantage() if vantage is None else vantage, self._clients()
        listing = clients.listing()
        ids = [c.id for c in self._parsed(parse_listing, listing).values]
        inspections = self._inspections(ids)
        document = record(
            here,
            host=clients.host,
            version=clients.version(),
            info=clients.info(),
            listing=_without(frozenset(ids).difference(map(_id, inspections)), listing),
            inspections=inspections,
            networks=clients.networks(),
            whole=whole,
        )
        inventory = self._parsed(parse_recording, document).inventory
        return Snapshot(with_vantage(document, identified(here, inventory)))

    # Lifecycle.

    def close(self) -> None:
        """Close the connections; a later question opens new ones."""
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            made.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        where = self._url or self._context
        return f"Engine({where!r})" if where else "Engine()"

    # Requests.

    def _clients(self) -> Clients:
        with self._lock:
            if self._made is None:
                location = locate(self._url, self._context, self._environ)
                location.knock()
                # docker-py takes longer to import than all the rest together.
                from dockernet.sources._docker import Clients  # noqa: PLC0415

                self._made = Clients(location, self._timeout)
            return self._made

    def _listing(self) -> Reading[Container]:
        return self._parsed(parse_listing, self._clients().listing())

    def _networks(self) -> Reading[Network]:
        return self._parsed(parse_networks, self._clients().networks())

    def _parsed(self, parse: Callable[[object], T], reply: object) -> T:
        try:
            return parse(reply)
        except FormatError as error:
            reason = f"{self._clients().location.url} answers nonsense: {error.reason}"
            raise SourceError(self.name, reason) from error

    def _with_details(self, inventory: Inventory, ids: Iterable[str]) -> Inventory:
        reading = self._detailed(inventory.containers, ids)
        return evolve(
            inventory,
            containers=with_network_ids(reading.values, inventory.networks),
            diagnostics=(*inventory.diagnostics, *reading.diagnostics),
        )

    def _detailed(self, listed: tuple[Container, ...], ids: Iterable[str]) -> Reading[Container]:
        """Put details in the place of listed containers; leave out what vanished."""
        asked = frozenset(ids)
        reading = self._inspected(sorted(asked))
        there = {container.id for container in reading.values}
        left = (c for c in listed if c.id in there or c.id not in asked)
        return Reading(with_details(left, reading.values), reading.diagnostics)

    def _inspected(self, ids: list[str]) -> Reading[Container]:
        return self._parsed(parse_inspections, self._inspections(ids))

    def _inspections(self, ids: list[str]) -> list[object]:
        """The replies for those that are still there; a few are under way at a time."""
        ask = self._clients().inspection
        if len(ids) == 1:
            replies = [ask(ids[0])]
        else:
            with ThreadPoolExecutor(_AT_ONCE, "dockernet") as pool:
                replies = list(pool.map(ask, ids))
        return [reply for reply in replies if reply is not None]


def _id(reply: object) -> str:
    return text(mapping(reply).get("Id"))


def _without(vanished: frozenset[str], listing: object) -> list[object]:
    return [entry for entry in items(listing) if _id(entry) not in vanished]
