"""Who links to whom on the default bridge, kept while containers come, go and are renamed.

An engine gives a recipient its legacy links when it is made, and binds each to one
container, whatever that is called later: a new container of the old one's name is
another (``daemon/links.go`` in moby). A listing alone tells the peers of them: the settings
of a recipient name them, and by the time that they are read a name may be another's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dockernet.model.containers import Container

__all__ = ["LegacyLinks"]

_GONE = ""  # in the place of the id of a peer that was removed


class LegacyLinks:
    """The legacy links of an engine, by the ids of both ends."""

    def __init__(self) -> None:
        self._given: dict[str, dict[str, str]] = {}  # recipient, alias -> peer
        self._to: dict[str, set[tuple[str, str]]] = {}  # peer -> (recipient, alias)

    def listed(self, containers: Iterable[Container]) -> None:
        """Take what a listing says.

        Args:
            containers: Every container, with who links to it.
        """
        self._given, self._to = {}, {}
        every = tuple(containers)
        ids = {container.name: container.id for container in every}
        for recipient in every:
            for alias in _named(recipient):
                self._bind(recipient.id, alias, _GONE)
        for peer in every:
            for name, alias in peer.linked_as:
                if name in ids:
                    self._bind(ids[name], alias, peer.id)

    def told(self, recipient: Container) -> frozenset[str] | None:
        """Take the links of a recipient.

        Args:
            recipient: The recipient, in detail.

        Returns:
            The ids of the peers that it links to, now or until now; ``None`` where it
            has a link that was not listed yet.
        """
        known = self._given.get(recipient.id, {})
        named = _named(recipient)
        if named - known.keys():
            return None
        before = frozenset(known.values())
        for alias in known.keys() - named:
            self._unbind(recipient.id, alias)
        return before - {_GONE}

    def gone(self, container_id: str) -> frozenset[str]:
        """Take that a container was removed.

        Returns:
            The ids of the peers that it linked to.
        """
        peers = frozenset(self._given.get(container_id, {}).values()) - {_GONE}
        for alias in tuple(self._given.get(container_id, ())):
            self._unbind(container_id, alias)
        for recipient, alias in self._to.pop(container_id, set()):
            self._given[recipient][alias] = _GONE
        return peers

    def __bool__(self) -> bool:
        return bool(self._given)

    def dangling(self, recipient_id: str) -> bool:
        """Whether a recipient has a link whose peer was removed, or not told by its name."""
        return _GONE in self._given.get(recipient_id, {}).values()

    def recipients(self, peer_id: str) -> frozenset[str]:
        """The ids of those who link to a container."""
        return frozenset(recipient for recipient, _ in self._to.get(peer_id, ()))

    def linked_as(self, peer_id: str, name_of: Callable[[str], str]) -> tuple[tuple[str, str], ...]:
        """Who links to a container, as a listing has it."""
        return tuple(sorted((name_of(r), alias) for r, alias in self._to.get(peer_id, ())))

    def _bind(self, recipient: str, alias: str, peer: str) -> None:
        self._given.setdefault(recipient, {})[alias] = peer
        if peer != _GONE:
            self._to.setdefault(peer, set()).add((recipient, alias))

    def _unbind(self, recipient: str, alias: str) -> None:
        given = self._given[recipient]
        peer = given.pop(alias)
        if not given:
            del self._given[recipient]
        if peer != _GONE:
            to = self._to[peer]
            to.discard((recipient, alias))
            if not to:
                del self._to[peer]


def _named(recipient: Container) -> frozenset[str]:
    """The aliases of a recipient's legacy links."""
    return frozenset(link.alias for link in recipient.links or () if not link.networks)
