"""What the options that every verb takes ask for: which engine, seen from where."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager

from attrs import frozen

from dockernet._standing import identified, vantage_in
from dockernet.model.facts import Want
from dockernet.model.vantage import Vantage, VantageKind
from dockernet.resolver import Resolver, whoami
from dockernet.sources.engine import Engine
from dockernet.sources.snapshot import Snapshot

__all__ = ["Request"]


@frozen(kw_only=True)
class Request:
    """Which engine is asked, and from where.

    Attributes:
        url: The engine's URL.
        context: The docker context that names the engine.
        timeout: Seconds for connecting, and for each wait for an answer.
        origin: The container to look from; ``None`` is where the caller stands.
        recording: The file of a snapshot to ask in place of an engine.
    """

    url: str | None = None
    context: str | None = None
    timeout: float = 5.0
    origin: str | None = None
    recording: str | None = None

    @property
    def names_source(self) -> bool:
        """Whether an engine or a snapshot was named, so that nothing else will do."""
        return any(name is not None for name in (self.url, self.context, self.recording))

    @property
    def is_local(self) -> bool:
        """Whether it is about this very place, and all that can be known here."""
        return not self.names_source and self.origin is None

    @property
    def is_recipient(self) -> bool:
        """Whether it is about a container, which may have been given links.

        Raises:
            FormatError: The file is no snapshot.
            SourceError: The file cannot be read.
        """
        if self.origin is not None:
            return True
        source = None if self.recording is None else Snapshot.load(self.recording)
        return whoami(source).kind is VantageKind.CONTAINER

    @contextmanager
    def engine(self) -> Generator[Engine | Snapshot]:
        """The engine, or its recording.

        Raises:
            FormatError: The file is no snapshot.
            SourceError: The file cannot be read.
        """
        if self.recording is not None:
            yield Snapshot.load(self.recording)
        else:
            with Engine(self.url, self.timeout, context=self.context) as engine:
                yield engine

    @contextmanager
    def resolver(self) -> Generator[Resolver]:
        """The resolver that looks from the place asked for.

        Raises:
            FormatError: The file is no snapshot.
            PeerNotFoundError: There is no container to look from.
            SourceError: The engine cannot be asked, or the file not be read.
        """
        with ExitStack() as stack:
            sources = [stack.enter_context(self.engine())] if self.names_source else None
            resolver = stack.enter_context(Resolver(sources, timeout=self.timeout))
            yield resolver if self.origin is None else resolver.seen_from(self.origin)

    def vantage(self, engine: Engine | Snapshot) -> Vantage | None:
        """The vantage of the container to look from, where one was named.

        Raises:
            PeerNotFoundError: There is no such container.
            SourceError: The engine cannot be asked.
        """
        if self.origin is None:
            return None
        inside = vantage_in(engine.container(self.origin))
        return identified(inside, next(iter(engine.read(Want(None, inside)))))
