"""What is known of an engine, kept true: what an event makes doubtful, and what to read again.

Nothing here reads the outside, and nothing knows the time. Whoever drives a view tells it
of events, asks it what to read again, and hands over what was read. Events are hints:
they may be lost, doubled or out of order, and each only makes something doubtful, so that
the view comes to say what a fresh listing says whichever way they came. The cost of one
event does not depend on how many containers there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Final

from attrs import evolve, frozen

from dockernet._legacy_links import LegacyLinks
from dockernet.formats.engine import Reading, with_network_ids
from dockernet.formats.events import Event
from dockernet.model.changes import ContainerChange
from dockernet.model.containers import Container
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.facts import EngineProfile, Inventory
from dockernet.model.networks import Network

__all__ = ["View", "Work"]

_REMEMBERED: Final = 1_024  # changes
_MOST_DOUBTFUL: Final = 1_024  # containers; of more, everything is as soon read again
_MOST_ENDED: Final = 8_192
_ENDS: Final = frozenset({"destroy", "remove"})
_JOINS: Final = frozenset({"connect", "disconnect"})


@frozen
class Work:
    """What to read again.

    Attributes:
        everything: Whether that is everything; then nothing else is named.
        networks: Whether the networks are.
        containers: The ids of the containers that are, the longest doubtful first.
    """

    everything: bool = False
    networks: bool = False
    containers: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.everything or self.networks or bool(self.containers)


class View:
    """The containers and networks of one engine.

    Attributes:
        generation: A number that grows whenever something changed.
    """

    def __init__(self, source: str = "engine") -> None:
        self.generation = 0
        self._source = source
        self._engine = EngineProfile()
        self._containers: dict[str, Container] = {}  # the oldest first
        self._networks: tuple[Network, ...] = ()
        self._links = LegacyLinks()
        self._odd: dict[str, tuple[Diagnostic, ...]] = {}  # by short id
        self._odd_networks: tuple[Diagnostic, ...] = ()
        self._doubtful: dict[str, None] = {}
        self._all_doubtful = True
        self._networks_doubtful = False
        self._renamed = False  # any container, since the last listing began
        # Ids are never used again: what an old reply still says of one that ended since
        # the last listing began is not believed.
        self._ended: set[str] = set()
        self._journal: deque[tuple[int, ContainerChange]] = deque()
        self._forgotten = 0
        self._built: Inventory | None = None

    # What has become doubtful.

    @property
    def doubtful(self) -> bool:
        """Whether there is anything to read again."""
        return self._all_doubtful or self._networks_doubtful or bool(self._doubtful)

    def note(self, event: Event) -> None:
        """Take that something happened."""
        if event.kind == "container":
            self._note_container(event)
        elif event.action in _JOINS:
            self._note_join(event)
        else:
            self._networks_doubtful = True

    def doubt(self) -> None:
        """Take that anything may have happened."""
        self._all_doubtful = True

    def take(self, most: int) -> Work:
        """What to read again; what is taken is no longer doubtful.

        Args:
            most: How many containers at a time.
        """
        if self._all_doubtful:
            self._all_doubtful = self._networks_doubtful = self._renamed = False
            self._doubtful.clear()
            self._ended.clear()
            return Work(everything=True)
        ids = tuple(islice(self._doubtful, most))
        for container_id in ids:
            del self._doubtful[container_id]
        networks, self._networks_doubtful = self._networks_doubtful, False
        return Work(networks=networks, containers=ids)

    def _note_container(self, event: Event) -> None:
        if event.action in _ENDS:
            self.gone(event.id)
            return
        self._suspect(event.id)
        if event.action == "rename":
            self._renamed = True
            self._suspect(*self._links.recipients(event.id))  # whose links show its name
            if self._links.dangling(event.id):  # or listed by the name that it had
                self._all_doubtful = True

    def _note_join(self, event: Event) -> None:
        """Docker names the container; Podman gives its id in the place of the network's."""
        container_id = event.attributes.get("container", "")
        if container_id or event.id in self._containers:
            self._suspect(container_id or event.id)
        elif any(network.id == event.id for network in self._networks):
            every = self._containers.values()
            self._suspect(*(c.id for c in every if c.attachment(event.id) is not None))
        else:
            self._all_doubtful = True

    def _suspect(self, *ids: str) -> None:
        self._doubtful.update(dict.fromkeys(i for i in ids if i not in self._ended))
        if len(self._doubtful) > _MOST_DOUBTFUL:
            self._all_doubtful = True

    # What was read.

    def relisted(
        self,
        engine: EngineProfile,
        containers: Reading[Container],
        networks: Reading[Network],
    ) -> None:
        """Take everything anew.

        Args:
            engine: What the engine says of itself.
            containers: Every container in detail, newest first, with who links to it.
            networks: Every network.
        """
        every = [c for c in reversed(containers.values) if c.id not in self._ended]
        before, self._containers = self._containers, {c.id: c for c in every}
        self._links.listed(every)
        self._containers = {c.id: self._linked(c) for c in every}  # by those who are there
        if self._renamed and self._links:  # a listing tells links by names, some of them old
            self._all_doubtful = True
        told = self._engine, self._networks, self._odd, self._odd_networks
        self._odd = {}
        for diagnostic in containers.diagnostics:
            known = self._odd.get(diagnostic.subject, ())
            self._odd[diagnostic.subject] = (*known, diagnostic)
        self._replace_networks(networks)
        self._engine = engine
        news = told != (self._engine, self._networks, self._odd, self._odd_networks)
        changes = [
            ContainerChange(before.get(i), self._containers.get(i))
            for i in dict.fromkeys((*before, *self._containers))
            if before.get(i) != self._containers.get(i)
        ]
        if changes or news:
            self._changed(changes)

    def put(self, container: Container, odd: tuple[Diagnostic, ...] = ()) -> None:
        """Take a container as it was read in detail.

        Args:
            container: The container; who links to it is known better here.
            odd: What was odd in the reply.
        """
        if container.id in self._ended:
            return
        if not self._fits(container):
            self._networks_doubtful = True
        before = self._containers.get(container.id)
        if before is not None and before.name != container.name:
            self._suspect(*self._links.recipients(container.id))  # whose links show its name
        self._containers[container.id] = container  # a new one is the newest
        if odd != self._odd.get(container.short_id, ()):
            self._odd[container.short_id] = odd
            self._built = None
        peers = self._links.told(container)
        if peers is None:
            self._all_doubtful = True
        changes = [(container.id, before), *((i, self._containers.get(i)) for i in peers or ())]
        self._settle(changes)

    def gone(self, container_id: str) -> None:
        """Take that a container was removed."""
        self._ended.add(container_id)
        if len(self._ended) > _MOST_ENDED:
            self._all_doubtful = True
        self._doubtful.pop(container_id, None)
        before = self._containers.pop(container_id, None)
        if before is None:
            return
        self._odd.pop(before.short_id, None)
        peers = self._links.gone(container_id)
        self._settle([(container_id, before), *((i, self._containers.get(i)) for i in peers)])

    def put_networks(self, networks: Reading[Network]) -> None:
        """Take every network."""
        before = self._networks, self._odd_networks
        self._replace_networks(networks)
        if before != (self._networks, self._odd_networks):
            self._changed([])

    # What is known.

    def inventory(self) -> Inventory:
        """Everything that is known; made when it is first asked for after a change."""
        if self._built is None:
            odd = (d for found in self._odd.values() for d in found)
            self._built = Inventory(
                source=self._source,
                engine=self._engine,
                containers=with_network_ids(self.containers(), self._networks),
                networks=self._networks,
                diagnostics=(*odd, *self._odd_networks),
            )
        return self._built

    def containers(self) -> tuple[Container, ...]:
        """Every container as the engine tells it, newest first."""
        return tuple(reversed(self._containers.values()))

    def changes(self, since: int) -> tuple[ContainerChange, ...] | None:
        """What changed of containers after a generation, the oldest first.

        Returns:
            The changes; ``None`` where that is too long ago to be remembered.
        """
        if since < self._forgotten:
            return None
        return tuple(change for generation, change in self._journal if generation > since)

    # Changing.

    def _replace_networks(self, networks: Reading[Network]) -> None:
        self._networks, self._odd_networks = networks.values, networks.diagnostics

    def _fits(self, container: Container) -> bool:
        """Whether its networks are known; Podman 4 tells nobody that it made one."""
        [whole] = with_network_ids((container,), self._networks)
        known = {network.id for network in self._networks}
        return known.issuperset(a.network_id for a in whole.networks if a.network_id)

    def _settle(self, touched: Iterable[tuple[str, Container | None]]) -> None:
        """Set who links to those that were touched, and note how each differs from before."""
        changes: dict[str, ContainerChange] = {}
        for container_id, before in touched:
            after = self._containers.get(container_id)
            if after is not None:
                after = self._containers[container_id] = self._linked(after)
            if before != after:
                changes.setdefault(container_id, ContainerChange(before, after))
        if changes:
            self._changed(changes.values())

    def _linked(self, container: Container) -> Container:
        """A container with who links to it now."""
        told = self._links.linked_as(container.id, self._name_of)
        return container if container.linked_as == told else evolve(container, linked_as=told)

    def _name_of(self, container_id: str) -> str:
        return self._containers[container_id].name

    def _changed(self, changes: Iterable[ContainerChange]) -> None:
        self.generation += 1
        self._built = None
        self._journal.extend((self.generation, change) for change in changes)
        while len(self._journal) > _REMEMBERED:
            self._forgotten = self._journal.popleft()[0]
