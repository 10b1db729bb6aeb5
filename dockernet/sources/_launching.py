"""Launching: a container made, connected, started and known, or nothing left of it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self

from attrs import define, evolve, field, frozen

from dockernet._matching import near_misses
from dockernet._shown import shown
from dockernet._standing import Stand, standing
from dockernet.errors import LaunchError, PeerNotFoundError, SourceError
from dockernet.formats.creation import Creation, Joining, render_creation
from dockernet.formats.json import mapping, text
from dockernet.model.conflicts import (
    Holding,
    PortConflict,
    PortConflictError,
    port_conflicts,
    settled,
)
from dockernet.model.containers import Container
from dockernet.model.facts import Inventory, Want
from dockernet.model.links import Link
from dockernet.model.mappings import FrozenMap
from dockernet.model.networks import Network
from dockernet.model.portmap import PortMap
from dockernet.model.vantage import Vantage
from dockernet.sources._signals import end_by_exit, held, no_longer
from dockernet.sources.listeners import read_holdings

if TYPE_CHECKING:
    from dockernet.sources._docker import Clients

__all__ = ["LABEL", "Launched", "Order", "held_ports", "launch"]

LABEL: Final = "dockernet.launch"
"""The label that tells launches apart; each has a value of its own."""

_DEFAULT: Final = ("default", "bridge")
_NO_PORTS: Final = ("host", "none")
_UNPUBLISHED: Final = frozenset({"ipvlan", "macvlan"})  # drivers that the host is no part of
_SHARES: Final = "container:"
_LOOKS: Final = 200  # at a container, until it has its ports or is gone
_TRIES: Final = 5  # to remove it, against an engine that refuses
_PAUSE: Final = 0.05  # seconds between two of them
_ENDED: Final = frozenset({"dead", "exited", "removing", "stopped"})
_ALIVE: Final = frozenset({"paused", "running"})
_ID_DIGITS: Final = 12
# Ports in what an engine says: 0.0.0.0:8080, [::]:8080.
_NUMBER: Final = re.compile(r":([0-9]{1,5})\b")


class Reader(Protocol):
    """What launching asks of an engine."""

    def containers(self) -> tuple[Container, ...]:
        """Every container, as listed."""
        ...

    def container(self, name: str) -> Container:
        """One container in detail."""
        ...

    def networks(self) -> tuple[Network, ...]:
        """Every network."""
        ...

    def read(self, want: Want) -> Iterator[Inventory]:
        """All of it together."""
        ...


class Launched:
    """A container that was launched; a context manager.

    As a context manager it is removed at the end of the block if it was launched with
    ``remove=True``: after an error, after Ctrl-C, and after SIGTERM, too. In a block in
    the main thread SIGTERM raises ``SystemExit(143)``, unless the program has a handler
    of its own for it. Launched without ``remove``, it is left as it is.

    Attributes:
        container: The container in detail as it was right after its start, with its
            live port map.
    """

    def __init__(self, container: Container, end: Callable[[], None], *, remove: bool) -> None:
        self.container: Container = container
        self._end = end
        self._remove = remove
        self._gone = False

    def remove(self) -> None:
        """Remove the container, running or not, with its anonymous volumes.

        Ctrl-C and SIGTERM wait until that is done. To remove it twice is no error, and
        neither is to remove what is gone.

        Raises:
            SourceError: The engine cannot be asked, or does not do it.
        """
        if not self._gone:
            with held():
                self._end()
                self._gone = True

    def __enter__(self) -> Self:
        if self._remove:
            end_by_exit(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._remove:
                self.remove()
        finally:
            no_longer(self)

    def __repr__(self) -> str:
        return f"<Launched {self.container}: {self.container.ports}>"


@frozen(kw_only=True)
class Order:
    """What a caller asks to be launched, well-formed.

    Attributes:
        creation: What the container is made from, but for its networks and links.
        networks: The names of the networks that it is to be on.
        links: The links that it is to be given.
        aliases: The names that user-defined networks shall know it by.
    """

    creation: Creation
    networks: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    aliases: tuple[str, ...] = ()


def launch(engine: Reader, clients: Clients, order: Order, here: Vantage) -> Launched:
    """Launch a container, or raise and leave nothing of it.

    Raises:
        PortConflictError: A fixed host port is taken.
        LaunchError: It cannot be launched as it was asked for.
        SourceError: The engine cannot be asked, or refuses.
    """
    creation, further = _planned(engine, order)
    if conflicts := held_ports(engine, creation.ports, here):
        raise PortConflictError(creation.image, conflicts)
    attempt = _Attempt(engine, clients, creation, further)
    try:
        with held() as signals:
            try:
                launched = attempt.run()
            except BaseException as error:
                attempt.undo(error)  # before a signal is handled that may end the process
                raise
            if signals.is_fatal:
                attempt.undo()
    except _TakenError as taken:
        conflicts = held_ports(engine, creation.ports, here) or taken.conflicts(creation.ports)
        raise PortConflictError(creation.image, conflicts) from None
    except BaseException as error:
        with held():
            attempt.undo(error)  # a signal that was held raised, when all was done
        raise
    return launched


class _TakenError(Exception):
    """The engine found a host port taken when it started a container."""

    def conflicts(self, wanted: PortMap) -> tuple[PortConflict, ...]:
        """What it says is taken, without who holds it; all that may be, if it says none."""
        every = tuple(
            PortConflict(port=port, binding=binding, host_port=number)
            for port, bindings in wanted.items()
            for binding in bindings
            for _, number in sorted(settled(PortMap({port: [binding]})))
        )
        told = {int(number) for number in _NUMBER.findall(str(self))}
        return tuple(conflict for conflict in every if conflict.host_port in told) or every


@define
class _Attempt:
    """One try to launch a container, which can be undone at any moment."""

    engine: Reader
    clients: Clients
    creation: Creation
    further: tuple[Joining, ...]
    token: str = field(factory=lambda: os.urandom(16).hex())
    id: str = ""
    asked: bool = False

    def run(self) -> Launched:
        """Make the container, connect it, start it, and wait until its ports are told."""
        try:
            return self._made()
        except SourceError as error:
            if type(error) is not SourceError:
                raise  # the engine is out of reach
            raise self._error(error.reason) from error

    def _made(self) -> Launched:
        self.id = self._create()
        for joining in self.further:
            links = [(link.peer or "", link.alias) for link in joining.links]
            self.clients.connect(self.id, joining.network, list(joining.aliases), links)
        if said := self.clients.start(self.id):
            raise _TakenError(said)
        container = self._known()
        if container.state in _ENDED:
            self._check_end(container)
        end = partial(_remove, self.clients, self.id)
        return Launched(container, end, remove=self.creation.remove)

    def undo(self, error: BaseException | None = None) -> None:
        """Remove what there is of it; the error is told where that cannot be done."""
        named, asked = self.id, self.asked
        self.id, self.asked = "", False
        try:
            lost = self._lost() if asked and not named else ()
            for found in (named,) if named else lost:
                named = found
                _remove(self.clients, found)
        except SourceError as reason:
            if error is not None:
                what = f"container {named[:_ID_DIGITS]}" if named else "what there may be of it"
                error.add_note(f"{what} could not be removed: {reason}")

    def _create(self) -> str:
        labels = FrozenMap({**self.creation.labels, LABEL: self.token})
        body = render_creation(evolve(self.creation, labels=labels))
        self.asked = True
        reply = self.clients.create(body, self.creation.name)
        if reply is None:
            self.asked = False
            image = self.creation.image
            reason = f"the engine has no such image; fetch it first: docker pull {image}"
            raise LaunchError(image, reason)
        return text(mapping(reply).get("Id"))

    def _lost(self) -> tuple[str, ...]:
        """The container that an engine made without a word of it: its answer was lost."""
        return tuple(c.id for c in self.engine.containers() if c.labels.get(LABEL) == self.token)

    def _known(self) -> Container:
        """The container once it has all its ports."""
        for _ in range(_LOOKS):
            found = self._look()
            if found.state in _ENDED or _has_ports(found, self.creation):
                break
            time.sleep(_PAUSE)
        else:
            raise self._error("the engine tells no host port for what is to be published")
        return found

    def _look(self) -> Container:
        try:
            return self.engine.container(self.id)
        except PeerNotFoundError:
            reason = "it ended at once and is removed, as asked; without remove, its log tells why"
            raise self._error(reason) from None

    def _check_end(self, ended: Container) -> None:
        """Tell of a container that has ended, unless it did all that was asked of it."""
        state = mapping(mapping(self.clients.inspection(self.id)).get("State"))
        code, promised = state.get("ExitCode"), ended.requested_ports or self.creation.ports
        if code == 0 and not promised.published:
            return
        reason = f"it ended at once with exit code {code}"
        if not self.creation.remove:
            self.id, self.asked = "", False  # what it said is worth more than tidiness
            reason += f"; see docker logs {ended}, then docker rm {ended}"
        raise self._error(reason)

    def _error(self, reason: str) -> LaunchError:
        return LaunchError(self.creation.image, reason)


def _has_ports(found: Container, creation: Creation) -> bool:
    asked = found.requested_ports or creation.ports
    wanted = asked if creation.publish_all else asked.published
    return all(found.ports.bindings(port) for port in wanted)


def _remove(clients: Clients, container_id: str) -> None:
    """Remove a container, and wait until it is gone where the engine is at it already."""
    _ask_to_remove(clients, container_id)
    for _ in range(_LOOKS):
        if clients.inspection(container_id) is None:
            return
        time.sleep(_PAUSE)
    reason = f"{clients.location.url} is still removing container {container_id[:_ID_DIGITS]}"
    raise SourceError("engine", f"{reason}: look at docker ps -a")


def _ask_to_remove(clients: Clients, container_id: str) -> None:
    """Ask until the engine does it: Podman fails where a container ends at that moment."""
    for _ in range(_TRIES - 1):
        try:
            return clients.remove(container_id)
        except SourceError as error:
            if type(error) is not SourceError:
                raise  # the engine is out of reach
        time.sleep(_PAUSE)
    return clients.remove(container_id)


# Ports.


def held_ports(engine: Reader, wanted: PortMap, here: Vantage) -> tuple[PortConflict, ...]:
    """Find which of the wanted host ports are taken, and by whom.

    Raises:
        SourceError: The engine cannot be asked.
    """
    numbers = settled(wanted)
    if not numbers:
        return ()
    [inventory] = engine.read(Want(None, here))
    holdings = list(_container_holdings(inventory.containers))
    if standing(here, inventory).stand is Stand.HOST:
        # docker-proxy, conmon, or the engine itself listens for a container.
        known = {place for holding in holdings for place in _places(holding)}
        seen = (h for h in read_holdings(numbers) if known.isdisjoint(_places(h)))
        holdings += [_named(holding, inventory) for holding in seen]
    return port_conflicts(wanted, holdings)


def _places(holding: Holding) -> Iterator[tuple[object, ...]]:
    """Where something listens: every address of a family is one place, however written."""
    binding = holding.binding
    for family in binding.families:
        address = None if binding.is_wildcard else binding.host_ip
        yield holding.protocol, binding.host_port, family, address


def _named(holding: Holding, inventory: Inventory) -> Holding:
    """Name the container of a process that listens on the host itself, in host mode."""
    found = inventory.container(holding.container_id or "")
    if found is None:
        return evolve(holding, container_id=None)
    return evolve(holding, container=str(found))


def _container_holdings(containers: Iterable[Container]) -> Iterator[Holding]:
    for container in containers:
        for port, bindings in container.ports.items():
            for binding in bindings:
                yield Holding(
                    protocol=port.protocol,
                    binding=binding,
                    container=str(container),
                    container_id=container.id,
                )


# Networks and links.


def _planned(engine: Reader, order: Order) -> tuple[Creation, tuple[Joining, ...]]:
    """What the container is made from, and which networks it is connected to then."""
    creation, names = order.creation, order.networks
    mode = next((n for n in names if n in _NO_PORTS or n.startswith(_SHARES)), None)
    if mode is not None:
        return _without_networks(order, mode), ()
    known = {n.name: n for n in engine.networks()} if set(names).difference(_DEFAULT) else {}
    joined = [_network(name, known, creation.image) for name in names if name not in _DEFAULT]
    _check_publication(order, joined)
    on_bridge = not joined or len(joined) < len(names)
    legacy, linked = _links(engine, order, [n.name for n in joined], on_bridge=on_bridge)
    if order.aliases and not joined:
        reason = "aliases are for user-defined networks: name one by networks="
        raise LaunchError(creation.image, reason)
    joinings = [
        Joining(network=n.name, aliases=order.aliases, links=linked[n.name]) for n in joined
    ]
    if on_bridge:
        return evolve(creation, links=legacy), tuple(joinings)
    first, *rest = joinings
    return evolve(creation, mode=first.network, joining=first), tuple(rest)


def _without_networks(order: Order, mode: str) -> Creation:
    """What a container is made from that is on no network of its own."""
    image = order.creation.image
    asked = {
        "another network": len(order.networks) > 1,
        "a published port": bool(order.creation.ports.published) or order.creation.publish_all,
        "a link": bool(order.links),
        "an alias": bool(order.aliases),
    }
    for what, is_asked in asked.items():
        if is_asked:
            raise LaunchError(image, f"{what} does not go with the network {mode}: leave one out")
    return evolve(order.creation, mode=mode)


def _network(name: str, known: Mapping[str, Network], image: str) -> Network:
    found = known.get(name) or next((n for n in known.values() if n.id == name), None)
    if found is None:
        hint = _hint(near_misses(name, known))
        raise LaunchError(
            image, f"there is no network {shown(name)}{hint}: docker network create {shown(name)}"
        )
    return found


def _check_publication(order: Order, joined: Collection[Network]) -> None:
    """Refuse ports that no network of a container could publish."""
    wanted = order.creation.publish_all or order.creation.ports.published
    only = len(joined) == len(order.networks) > 0  # the default bridge publishes
    if wanted and only and all(n.internal or n.driver in _UNPUBLISHED for n in joined):
        names = ", ".join(shown(n.name) for n in joined)
        reason = f"nothing is published on {names}: name a bridge network that is not internal, too"
        raise LaunchError(order.creation.image, reason)


def _links(
    engine: Reader, order: Order, networks: Iterable[str], *, on_bridge: bool
) -> tuple[tuple[Link, ...], dict[str, tuple[Link, ...]]]:
    """Which links are legacy ones, and which are given on each network."""
    linked: dict[str, tuple[Link, ...]] = dict.fromkeys(networks, ())
    legacy: tuple[Link, ...] = ()
    known = engine.containers() if order.links else ()
    for link in order.links:
        peer = _peer(link, known, order.creation.image)
        given = evolve(link, peer=peer.name)
        places = {a.network for a in peer.networks}
        shared = places.intersection(linked)
        for network in shared:
            linked[network] += (given,)
        if on_bridge and places.intersection(_DEFAULT):
            _check_running(peer, order.creation.image)
            legacy += (given,)
        elif not shared:
            raise LaunchError(order.creation.image, _apart(peer, places, linked))
    return legacy, linked


def _peer(link: Link, known: Iterable[Container], image: str) -> Container:
    name = (link.peer or "").lstrip("/")
    by_id = len(name) >= _ID_DIGITS
    for container in known:
        if container.name == name or (by_id and container.id.startswith(name)):
            return container
    hint = _hint(near_misses(name, [c.name for c in known]))
    raise LaunchError(image, f"there is no container {shown(name)} to link to{hint}")


def _check_running(peer: Container, image: str) -> None:
    if peer.state not in _ALIVE:
        reason = f"{shown(peer.name)} does not run, as a link on the default bridge needs it to"
        raise LaunchError(image, f"{reason}: docker start {shown(peer.name)}")


def _apart(peer: Container, places: Collection[str], networks: Collection[str]) -> str:
    """Why a link cannot be, and what to do."""
    name, theirs = shown(peer.name), ", ".join(map(shown, sorted(places)))
    reason = f"it would share no network with {name}, which is on {theirs or 'none'}"
    ours = next(iter(networks), None)
    joins = f"docker network connect {shown(ours)} {name}" if ours else ""
    names = f"name one of them by networks={sorted(places)!r}" if places else ""
    return f"{reason}: {' or '.join(filter(None, (names, joins))) or 'connect it to one'}"


def _hint(names: Collection[str]) -> str:
    return f" (did you mean {' or '.join(map(shown, names))}?)" if names else ""
