"""The source of a recording: an engine's replies and the vantage, from one JSON file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final

from dockernet._closing import Closing
from dockernet._linking import chosen_links
from dockernet._matching import behind, known_names, near_misses
from dockernet.errors import FormatError, PeerNotFoundError, SourceError
from dockernet.formats.recording import parse_recording, with_vantage
from dockernet.model.addresses import IPAddress, parse_address
from dockernet.model.bindings import HostBinding
from dockernet.model.containers import Container
from dockernet.model.facts import EngineProfile, Inventory, Want
from dockernet.model.links import Link
from dockernet.model.networks import Network
from dockernet.model.ports import Port, Protocol
from dockernet.model.publications import Publication, publications
from dockernet.model.vantage import Vantage
from dockernet.sources._files import why

__all__ = ["Snapshot"]

_LARGEST: Final = 64 * 1024 * 1024  # bytes; a thousand containers take about three million


class Snapshot(Closing):
    """A recorded engine: it answers every question that a live one answers.

    Args:
        document: A document as :meth:`Engine.snapshot` makes it; read one from a file
            with :meth:`load`.

    Attributes:
        vantage: Where the recording was taken; a resolver takes it over.

    Raises:
        FormatError: The document is no snapshot.
    """

    name = "snapshot"

    def __init__(self, document: Mapping[str, Any]) -> None:
        recording = parse_recording(document, self.name)
        self._document = document
        self._inventory = recording.inventory
        self._listed = recording.listed
        self.vantage: Vantage = recording.vantage

    @classmethod
    def load(cls, path: str | PathLike[str], *, largest: int = _LARGEST) -> Snapshot:
        """Load a snapshot from a file.

        Args:
            path: The file.
            largest: Bytes that the file may have at most.

        Raises:
            FormatError: The file holds no snapshot, or is too large for one.
            SourceError: The file cannot be read.
        """
        try:
            with Path(path).open("rb") as file:
                raw = file.read(largest + 1)
        except (OSError, ValueError) as error:
            raise SourceError(cls.name, f"{path} cannot be read: {why(error)}") from error
        if len(raw) > largest:
            raise FormatError(str(path), f"expected a snapshot of at most {largest} bytes")
        try:
            document = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise FormatError(str(path), f"expected a snapshot, which is JSON: {error}") from None
        return cls(document)

    def save(self, path: str | PathLike[str]) -> None:
        """Save it as one JSON file, which a person can read.

        Raises:
            SourceError: The file cannot be written.
        """
        try:
            # It may be a whole recording, with secrets in it.
            with open(path, "w", encoding="utf-8", opener=_private) as file:
                file.write(str(self))
        except (OSError, ValueError) as error:
            raise SourceError(self.name, f"{path} cannot be written: {why(error)}") from error

    # Reading: the methods of Engine.

    def containers(self, *, details: bool = False) -> tuple[Container, ...]:
        """Every container, newest first; see :meth:`Engine.containers`."""
        return self._inventory.containers if details else self._listed

    def container(self, name: str) -> Container:
        """One container in detail, by its name, its id or a unique prefix of that.

        Raises:
            PeerNotFoundError: There is none.
        """
        bare = name.strip("/")
        every = self._inventory.containers
        found = [c for c in every if c.name == bare] or [c for c in every if c.id.startswith(bare)]
        if len(found) != 1 or not bare:
            close = near_misses(bare, known_names(self._inventory))
            raise PeerNotFoundError(name, (self.name,), close)
        return found[0]

    def networks(self) -> tuple[Network, ...]:
        """Every network."""
        return self._inventory.networks

    def links(
        self, *, recipient: str | None = None, peer: str | None = None, aliases: bool = False
    ) -> tuple[Link, ...]:
        """Every link; see :meth:`Engine.links`.

        Raises:
            PeerNotFoundError: There is no such container.
        """
        return chosen_links(self._inventory, recipient, peer, aliases=aliases)

    def behind(
        self, host_port: int, protocol: Protocol = "tcp", host_ip: IPAddress | str | None = None
    ) -> tuple[tuple[Container, Port, HostBinding], ...]:
        """What is behind a port of the engine's host; see :meth:`Engine.behind`."""
        address = parse_address(host_ip) if isinstance(host_ip, str) else host_ip
        every = self.containers(details=self._inventory.engine.podman)
        return behind(every, host_port, protocol, address)

    def published(self) -> tuple[Publication, ...]:
        """Every host binding by host port; see :meth:`Engine.published`."""
        return publications(self._inventory.containers)

    def profile(self) -> EngineProfile:
        """What the engine said of itself."""
        return self._inventory.engine

    def snapshot(self, vantage: Vantage | None = None, *, whole: bool = False) -> Snapshot:
        """The snapshot itself.

        Args:
            vantage: The vantage to record in the place of its own.
            whole: Nothing comes back that was left out, whatever this says.
        """
        del whole
        return self if vantage is None else Snapshot(with_vantage(self._document, vantage))

    def read(self, want: Want) -> Iterator[Inventory]:
        """Give everything that was recorded."""
        del want
        yield self._inventory

    def close(self) -> None:
        """Nothing is open; a snapshot can stand wherever an engine does."""

    def __str__(self) -> str:
        """The JSON text that :meth:`save` writes."""
        return json.dumps(self._document, indent=1, sort_keys=True, ensure_ascii=True) + "\n"

    def __repr__(self) -> str:
        return f"Snapshot({len(self._listed)} containers, Engine {self._inventory.engine.version})"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
