"""Which container a target means, from where the caller stands.

A name is tried in the ways of the table below, the nearest scope first, as the hosts
file and the embedded DNS of the caller have it: a link alias hides a container of the
same name, and an alias on a network of the caller's one that is on none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from attrs import frozen

from dockernet._standing import Standing, network_owner
from dockernet.errors import AmbiguousPeerError
from dockernet.model.addresses import IPAddress
from dockernet.model.bindings import HostBinding
from dockernet.model.containers import Attachment, Container
from dockernet.model.facts import Inventory
from dockernet.model.links import Link
from dockernet.model.ports import Port
from dockernet.model.targets import Target

__all__ = ["Match", "behind", "known_names", "match", "near_misses", "undetailed"]

_ID_DIGITS = 12  # fewer could be a name, and would often be ambiguous


@frozen(eq=False, repr=False)
class Match:
    """What a target means.

    Attributes:
        peers: The containers it means; several are replicas of one service.
        link: The caller's link whose alias it is; its peer may be gone. Of several
            with that alias, as Compose makes them, it is the first.
    """

    peers: tuple[Container, ...] = ()
    link: Link | None = None


@frozen(eq=False, repr=False)
class _Question:
    target: Target
    inventory: Inventory
    caller: Container | None

    @property
    def name(self) -> str:
        return self.target.name

    @property
    def caller_networks(self) -> frozenset[str]:
        """The ids of the networks that the caller is on."""
        attachments = self.caller.networks if self.caller is not None else ()
        return frozenset(a.network_id for a in attachments) - {""}

    @property
    def neighbours(self) -> tuple[Container, ...]:
        """The containers on a network of the caller's, itself among them."""
        mine = self.caller_networks
        every = self.inventory.containers
        return tuple(c for c in every if any(a.network_id in mine for a in c.networks))

    def of_own_project(self, found: Iterable[Container]) -> tuple[Container, ...]:
        """Those of the caller's own Compose project."""
        project = self.caller and self.caller.project
        return tuple(c for c in found if project is not None and c.project == project)

    def running_first(self, found: Iterable[Container]) -> tuple[Container, ...]:
        """Those that run, or all of them where none does."""
        every = tuple(found)
        return tuple(c for c in every if c.running) or every


def match(target: Target, inventory: Inventory, standing: Standing) -> Match:
    """Find the containers that a target means.

    Raises:
        AmbiguousPeerError: Two or more peers of different services fit equally well.
    """
    question = _Question(target, inventory, standing.caller)
    if target.address is not None:
        return Match(_sole(question, _addressed(question)))
    if target.project:
        return Match(_sole(question, _in_project(question)))
    links = _links(question)
    if links:
        return Match(_sole(question, _linked_peers(question, links)), links[0])
    found = (way(question) for way, _ in _WAYS)
    return Match(_sole(question, next((f for f in found if f), ())))


def undetailed(target: Target | None, inventory: Inventory, standing: Standing) -> tuple[str, ...]:
    """The ids of the containers to read in detail before the match is certain.

    A listing tells names, legacy links, labels and addresses, but neither the links
    nor the aliases of user-defined networks. Asked again with what was read, this
    ends: every answer names only containers that were not read before.
    """
    caller = standing.caller
    if caller is not None and caller.links is None:
        return (caller.id,)
    if target is None:
        return ()
    wanted = _candidates(_Question(target, inventory, caller))
    owners = (network_owner(c, inventory) for c in wanted)
    unread = (c.id for c in (*wanted, *owners) if c is not None and c.links is None)
    return tuple(dict.fromkeys(unread))


def near_misses(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """The known names that look most like the one asked for, at most three."""
    import difflib  # noqa: PLC0415 - needed for unknown names alone

    folded = {k.casefold(): k for k in sorted(known)}
    close = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)
    return tuple(folded[c] for c in close)


def behind(
    containers: Iterable[Container],
    host_port: int,
    protocol: str = "tcp",
    host_ip: IPAddress | None = None,
) -> tuple[tuple[Container, Port, HostBinding], ...]:
    """The containers, their ports and bindings that hold a port of the engine's host.

    Several may: on different host addresses, or on different address families.
    """
    return tuple(
        (container, port, binding)
        for container in sorted(containers, key=lambda c: (c.name, c.id))
        for port, bindings in container.ports.items()
        for binding in bindings
        if port.protocol == protocol and binding.host_port == host_port
        if host_ip is None or _answers_on(binding, host_ip)
    )


def _answers_on(binding: HostBinding, host_ip: IPAddress) -> bool:
    wild = binding.is_wildcard and host_ip.version in binding.families
    return wild or binding.host_ip == host_ip


def known_names(inventory: Inventory) -> Iterator[str]:
    """Every name that could have been meant."""
    for container in inventory.containers:
        yield from (container.name, *filter(None, (container.service,)))
        for attachment in container.networks:
            yield from attachment.aliases or ()


def _candidates(question: _Question) -> Sequence[Container]:
    """The containers whose details could change the match."""
    if question.target.address is not None:
        return _addressed(question)
    if question.target.project:
        return _in_project(question)
    links = _links(question)
    if links:
        return _linked_peers(question, links)
    for way, depends_on in _WAYS:
        needed = depends_on(question)
        if any(c.links is None for c in needed):
            return needed
        found = way(question)
        if found:
            return found
    return ()


# The ways a name can mean a container.


def _links(question: _Question) -> tuple[Link, ...]:
    """The caller's links of that alias."""
    links = () if question.caller is None else question.caller.links or ()
    return tuple(link for link in links if link.alias == question.name)


def _linked_peers(question: _Question, links: Iterable[Link]) -> tuple[Container, ...]:
    """The peers of links; of replicas that Compose linked, those that are meant.

    Compose 2 links every replica of a service under the same aliases, the recipient's
    number in them (pkg/compose/convergence.go, getLinks): in ``shop-api-1`` both
    ``web-1`` and ``shop-web-1`` lead to ``shop-web-2`` as well. Compose 1 numbers them
    rightly, and links one replica alone by the name of the service.
    """
    every = (question.inventory.named(link.peer or "") for link in links)
    linked = tuple({peer.id: peer for peer in every if peer is not None}.values())
    services = {c.service for c in question.of_own_project(linked)} - {None}
    told = (question.of_own_project(way(question)) for way in (_named, _own_service))
    meant = (tuple(c for c in some if c.service in services) for some in told)
    return question.running_first(next(filter(None, meant), linked))


def _by_whole_id(question: _Question) -> tuple[Container, ...]:
    """By its id, before a container that is named like it, as an engine takes it."""
    return tuple(c for c in question.inventory.containers if c.id == question.name != "")


def _named(question: _Question) -> tuple[Container, ...]:
    """By its own name; exactly, else whatever the case, as the embedded DNS has it."""
    return _of_name(question, question.inventory.containers)


def _named_here(question: _Question) -> tuple[Container, ...]:
    """By its own name, on a network that the caller is on."""
    return _of_name(question, question.neighbours)


def _of_name(question: _Question, among: Iterable[Container]) -> tuple[Container, ...]:
    folded = question.name.casefold()
    named = tuple(c for c in among if c.name.casefold() == folded != "")
    return tuple(c for c in named if c.name == question.name) or named


def _aliased_here(question: _Question) -> tuple[Container, ...]:
    """By an alias on a network that the caller is on."""
    mine = question.caller_networks
    return _aliased(question, lambda attachment: attachment.network_id in mine)


def _aliased_anywhere(question: _Question) -> tuple[Container, ...]:
    """By an alias on any network, for callers who share none with the peer."""
    return _aliased(question, lambda _: True)


def _aliased(question: _Question, counts: Callable[[Attachment], bool]) -> tuple[Container, ...]:
    folded = question.name.casefold()
    found = tuple(
        c
        for c in question.inventory.containers
        if any(folded in map(str.casefold, a.names) for a in c.networks if counts(a))
    )
    # Compose gives a service's name as alias on every network, those that several
    # projects share among them.
    return question.running_first(question.of_own_project(found) or found)


def _own_service(question: _Question) -> tuple[Container, ...]:
    """By its service, in the caller's own Compose project."""
    caller = question.caller
    if caller is None or caller.project is None:
        return ()
    return _service(question, caller.project)


def _any_service(question: _Question) -> tuple[Container, ...]:
    return _service(question, None)


def _in_project(question: _Question) -> tuple[Container, ...]:
    """By its service or its own name, in the project that the target names."""
    project = question.target.project
    named = tuple(c for c in _named(question) if c.project == project)
    return _service(question, project) or named


def _service(question: _Question, project: str | None) -> tuple[Container, ...]:
    """The replicas of a service, or the one of that number."""
    every = (c for c in question.inventory.containers if not c.one_off)
    there = [c for c in every if project is None or c.project == project]
    fits = [c for c in there if c.service == question.name]
    return question.running_first(fits or (c for c in there if _is_numbered(question, c)))


def _is_numbered(question: _Question, container: Container) -> bool:
    """Whether the name is a replica's, without its project: as logs of Compose show it.

    Compose 1 writes ``web_2``, and Compose 2 ``web-2``.
    """
    service, number = container.service, container.number
    names = (f"{service}-{number}", f"{service}_{number}")
    return service is not None and number is not None and question.name in names


def _identified(question: _Question) -> tuple[Container, ...]:
    """By a unique prefix of its id."""
    folded = question.name.lower()
    if len(folded) < _ID_DIGITS:
        return ()
    return tuple(c for c in question.inventory.containers if c.id.startswith(folded))


def _nobody(_: _Question) -> tuple[Container, ...]:
    return ()


def _neighbours(question: _Question) -> tuple[Container, ...]:
    return question.neighbours


def _everybody(question: _Question) -> tuple[Container, ...]:
    return question.inventory.containers


_Way = Callable[[_Question], tuple[Container, ...]]
_WAYS: tuple[tuple[_Way, _Way], ...] = (
    (_by_whole_id, _nobody),
    (_named_here, _nobody),
    (_aliased_here, _neighbours),
    (_named, _nobody),
    (_own_service, _nobody),
    (_any_service, _nobody),
    (_identified, _nobody),
    (_aliased_anywhere, _everybody),
)
"""The ways, and for each the containers that must have been read in detail before."""


def _addressed(question: _Question) -> tuple[Container, ...]:
    """By an address of its own; on a network of the caller's, where there is a choice."""
    address, every = question.target.address, question.inventory.containers
    found = [(c, a) for c in every for a in c.networks if address in a.addresses]
    near = dict.fromkeys(c for c, a in found if a.network_id in question.caller_networks)
    return tuple(near or dict.fromkeys(c for c, _ in found))


def _sole(question: _Question, found: Sequence[Container]) -> tuple[Container, ...]:
    """Replicas of one service may be several; anything else must be one."""
    services = {(c.project, c.service) if c.service else c.id for c in found}
    if len(services) > 1:
        raise AmbiguousPeerError(
            str(question.target), tuple(sorted({_telling(question, c) for c in found}))
        )
    return tuple(sorted(found, key=lambda c: (c.one_off, c.number or 0, c.name, c.id)))


def _telling(question: _Question, container: Container) -> str:
    """What to say to mean this container, or its service, and no other."""
    if container.project and container.service:
        numbered = _is_numbered(question, container)
        return f"{container.project}/{question.name if numbered else container.service}"
    return container.name or container.short_id
