"""The source of what an engine tells: its containers and networks, live."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve

from dockernet._closing import Closing
from dockernet._linking import chosen_links
from dockernet._matching import behind, known_names, near_misses, undetailed
from dockernet._standing import identified, standing
from dockernet._watch import Bell, Watch, container_changes
from dockernet._watching import TellState
from dockernet.errors import FormatError, PeerNotFoundError
from dockernet.formats.creation import (
    Creation,
    PortsLike,
    as_command,
    as_links,
    as_networks,
    as_ports,
    as_texts,
    as_variables,
)
from dockernet.formats.engine import (
    parse_environ,
    parse_inspections,
    parse_listing,
    parse_pid,
    podman_api,
    with_network_ids,
)
from dockernet.formats.json import items, mapping, text
from dockernet.formats.recording import parse_recording, record, with_vantage
from dockernet.model.addresses import IPAddress, parse_address
from dockernet.model.bindings import HostBinding
from dockernet.model.changes import ContainerChange
from dockernet.model.conflicts import PortConflict
from dockernet.model.containers import Container
from dockernet.model.facts import EngineProfile, Inventory, Want
from dockernet.model.links import Link
from dockernet.model.mappings import FrozenMap, SecretMap
from dockernet.model.networks import Network
from dockernet.model.ports import Port, Protocol
from dockernet.model.publications import Publication, publications
from dockernet.model.vantage import Vantage
from dockernet.sources._launching import Launched, Order, held_ports, launch
from dockernet.sources._location import locate
from dockernet.sources._questions import Questions
from dockernet.sources.live import Live
from dockernet.sources.snapshot import Snapshot
from dockernet.sources.vantage import read_vantage

if TYPE_CHECKING:
    from dockernet.sources._docker import Clients

__all__ = ["Engine"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")  # moby, daemon/names; ids look like it, too


class Engine(Closing):
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
                ``DOCKER_CERT_PATH``; the process's own unless given. With the last
                alone an engine need not prove who it is, as docker-py has it.
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
        questions = self._questions()
        return (questions.everything() if details else questions.listing()).values

    def container(self, name: str) -> Container:
        """One container in detail, by its name, its id or a unique prefix of that.

        Raises:
            PeerNotFoundError: There is none.
            SourceError: The engine cannot be asked, or answers nonsense.
        """
        return self._told_of(name)[0]

    def networks(self) -> tuple[Network, ...]:
        """Every network.

        Raises:
            SourceError: The engine cannot be asked, or answers nonsense.
        """
        return self._questions().networks().values

    def links(
        self, *, recipient: str | None = None, peer: str | None = None, aliases: bool = False
    ) -> tuple[Link, ...]:
        """Every link, with what the engine knows of its peer and where it is told.

        Args:
            recipient: Only links that were given to this container.
            peer: Only links that lead to this container: who links to it?
            aliases: The aliases on networks, too: everybody there is their recipient.

        Returns:
            The links by recipient, alias and peer. One whose peer is stopped or
            removed is :attr:`~dockernet.Link.dangling`.

        Raises:
            PeerNotFoundError: There is no such container.
            SourceError: The engine cannot be asked, or answers nonsense.
        """
        questions = self._questions()
        detailed, known = questions.everything().values, questions.networks().values
        inventory = Inventory(
            source=self.name,
            engine=EngineProfile(),
            containers=with_network_ids(detailed, known),
            networks=known,
        )
        return chosen_links(inventory, recipient, peer, aliases=aliases)

    def environ(self, name: str) -> SecretMap:
        """A container's own environment, as it was made; the values are secrets.

        Raises:
            PeerNotFoundError: There is none such.
            SourceError: The engine cannot be asked, or answers nonsense.
        """
        return parse_environ(self._told_of(name)[1])

    def pid(self, name: str) -> int | None:
        """The number of a container's first process, as the engine's host counts.

        ``None`` where it does not run.

        Raises:
            PeerNotFoundError: There is none such.
            SourceError: The engine cannot be asked, or answers nonsense.
        """
        return parse_pid(self._told_of(name)[1])

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

    def published(self) -> tuple[Publication, ...]:
        """Every host binding by host port, who can dial it, and what is odd about it.

        Raises:
            SourceError: The engine cannot be asked, or answers nonsense.
        """
        return publications(self.containers(details=True))

    def profile(self) -> EngineProfile:
        """What the engine says of itself; asked once.

        Raises:
            SourceError: The engine cannot be asked, or answers nonsense.
        """
        with self._telling:
            if self._told is None:
                self._told = self._questions().profile()
            return self._told

    def read(self, want: Want) -> Iterator[Inventory]:
        """Read the containers, in detail where that matters to the target.

        Raises:
            SourceError: The engine cannot be asked, or answers nonsense.
        """
        questions = self._questions()
        listing, networks = questions.listing(), questions.networks()
        inventory = Inventory(
            source=self.name,
            engine=self.profile(),
            containers=with_network_ids(listing.values, networks.values),
            networks=networks.values,
            diagnostics=(*listing.diagnostics, *networks.diagnostics),
        )
        while ids := undetailed(want.target, inventory, standing(want.vantage, inventory)):
            reading = questions.detailed(inventory.containers, ids)
            inventory = evolve(
                inventory,
                containers=with_network_ids(reading.values, networks.values),
                diagnostics=(*inventory.diagnostics, *reading.diagnostics),
            )
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
        questions = Questions(clients)
        listing = clients.listing()
        ids = [c.id for c in questions.parsed(parse_listing, listing).values]
        inspections = questions.inspections(ids)
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
        inventory = questions.parsed(parse_recording, document).inventory
        return Snapshot(with_vantage(document, identified(here, inventory)))

    # Following.

    def live(
        self,
        *,
        resync: float = 180.0,
        first_pause: float = 0.05,
        longest_pause: float = 1.0,
    ) -> Live:
        """Follow the engine: a view that stays true, and answers without a request.

        It has connections of its own, and two threads, until it is closed.

        Args:
            resync: Seconds after which everything is read anew, whatever the events
                have told: engines drop events of a slow reader, and Docker tells nothing
                of a network that a stopped container joins or leaves.
            first_pause: Seconds before the first try to connect again. Each further
                pause is twice as long, and a random part shorter.
            longest_pause: Seconds that a pause may take.

        Returns:
            The view, with everything read; a context manager.

        Raises:
            FormatError: A number of seconds is none.
            SourceError: The engine cannot be asked now. Later that is never raised:
                :attr:`Live.state` tells it.
        """
        environ = dict(self._environ)

        def connect() -> Questions:
            engine = Engine(self._url, self._timeout, context=self._context, environ=environ)
            return engine._questions()

        return Live(connect, resync=resync, first_pause=first_pause, longest_pause=longest_pause)

    def watch(self, *, tell: TellState | None = None) -> Watch[ContainerChange]:
        """Be told what changes of the containers, from now on.

        It has a live view of its own, until it is closed; see :meth:`Live.watch`.

        Args:
            tell: Told how true that view is, each time that this changes.

        Raises:
            SourceError: The engine cannot be asked now. Later that is never raised, and
                ``tell`` is told instead.

        Example:
            >>> from dockernet import Engine
            >>> def follow(engine: Engine) -> None:
            ...     with engine.watch(tell=print) as changes:
            ...         for change in changes:
            ...             print(change.container, *change.why)
        """
        return Watch(partial(_watched, self, tell))

    # Launching.

    def launch(  # noqa: PLR0913 - a container has many settings, each said by its name
        self,
        image: str,
        command: str | Iterable[str] | None = None,
        *,
        name: str | None = None,
        ports: PortsLike = (),
        links: Iterable[Link | str] = (),
        networks: Iterable[Network | str] = (),
        aliases: Iterable[str] = (),
        environ: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        volumes: Iterable[str] = (),
        publish_all: bool = False,
        remove: bool = False,
    ) -> Launched:
        """Start a container, and know at once where its ports are.

        Nothing is left behind where this raises, on Ctrl-C and SIGTERM neither: both
        wait until the container runs or is removed again. The one exception: a
        container that ended at once by itself, launched without ``remove``, is left
        for its log, and the error names it.

        Args:
            image: The image, by name or id. It must be there: nothing is pulled.
            command: The command in place of the image's, as words or as a shell splits
                a line into words; no shell runs it.
            name: The container's name; the engine chooses one unless given.
            ports: What to publish: a port map, or values of ``docker run -p``. A fixed
                port or a range is looked at beforehand.
            links: The links to give it: links that name their peer, or values of
                ``docker run --link``. On the default bridge they are legacy links; on
                user-defined networks each is a link on every network that is shared.
            networks: The networks to join, by name; the default bridge unless given.
                ``host``, ``none`` or ``container:NAME`` stand alone.
            aliases: Names for it on its user-defined networks.
            environ: Its variables.
            labels: Its labels. One more, ``dockernet.launch``, tells launches apart.
            volumes: What to mount, as values of ``docker run -v``.
            publish_all: Publish every exposed port on any free host port, too.
            remove: Remove it when it ends, and at the end of a ``with`` block.

        Returns:
            The container with its live port map; a context manager.

        Raises:
            FormatError: A setting is malformed; nothing was asked of the engine.
            TypeError: A list was a single text, or an item is of no kind that fits.
            PortConflictError: A host port is taken; it says by whom.
            LaunchError: There is no such image, network or peer, a peer shares no
                network with it, it ended at once, or the engine refuses.
            SourceError: The engine cannot be asked.
        """
        creation = Creation(
            image=_named(image, "an image"),
            command=as_command(command),
            name=None if name is None else _named(name, "a container"),
            ports=as_ports(ports),
            environ=SecretMap(as_variables(environ, "a variable")),
            labels=FrozenMap(as_variables(labels, "a label")),
            volumes=as_texts(volumes, "a volume"),
            publish_all=publish_all,
            remove=remove,
        )
        order = Order(
            creation=creation,
            networks=as_networks(networks),
            links=as_links(links),
            aliases=as_texts(aliases, "an alias"),
        )
        return launch(self, self._clients(), order, read_vantage())

    def conflicts(self, specs: PortsLike) -> tuple[PortConflict, ...]:
        """Who holds the host ports that one would publish.

        Containers hold theirs wherever one asks from. On the engine's host processes
        are seen, too; whose a port is tells only root of everybody.

        Args:
            specs: A port map, or values of ``docker run -p``.

        Returns:
            One for each holder of each fixed host port that is taken, and of each
            number of a range of which none is free.

        Raises:
            FormatError: A value is no specification.
            TypeError: It is a single text.
            SourceError: The engine cannot be asked.
        """
        return held_ports(self, as_ports(specs), read_vantage())

    # Lifecycle.

    def close(self) -> None:
        """Close the connections; a later question opens new ones."""
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            made.close()

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

    def _questions(self) -> Questions:
        return Questions(self._clients())

    def _told_of(self, name: str) -> tuple[Container, object]:
        """One container in detail, and the reply that says so; raises as ``container``."""
        bare, questions = name.strip("/"), self._questions()
        replies = questions.inspections([bare] if _NAME.fullmatch(bare) else [])
        found = questions.parsed(parse_inspections, replies).values
        if not found:
            known = Inventory(
                source=self.name, engine=EngineProfile(), containers=self.containers()
            )
            raise PeerNotFoundError(name, (self.name,), near_misses(name, known_names(known)))
        return found[0], replies[0]


def _watched(
    engine: Engine, tell: TellState | None, bell: Bell
) -> Generator[ContainerChange | None]:
    with engine.live() as live:
        yield from container_changes(live, tell, bell)


def _named(name: str, what: str) -> str:
    [found] = as_texts([name], f"the name of {what}")
    if not found:
        raise FormatError(found, f"expected the name of {what}")
    return found


def _id(reply: object) -> str:
    return text(mapping(reply).get("Id"))


def _without(vanished: frozenset[str], listing: object) -> list[object]:
    return [entry for entry in items(listing) if _id(entry) not in vanished]
