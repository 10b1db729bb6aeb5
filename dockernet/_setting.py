"""Who is asked, and from where: what the blocking and the awaiting face have in common."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from dockernet._memo import Memo, Page
from dockernet._port_choice import Chooser, lowest, of_scheme
from dockernet._resolution import Census, Resolution
from dockernet.errors import FormatError, SourceError
from dockernet.formats.urls import PeerUrl
from dockernet.model.containers import Container
from dockernet.model.facts import Source
from dockernet.model.mappings import SecretMap
from dockernet.model.targets import Target, TargetLike
from dockernet.model.vantage import Vantage, VantageKind

if TYPE_CHECKING:
    from dockernet.sources.defaults import Engine

__all__ = ["ChangingSource", "ContainerSource", "ProcessSource", "SecretSource", "Setting"]


@runtime_checkable
class ContainerSource(Source, Protocol):
    """A source that tells a container by name, as an engine and a snapshot do."""

    def container(self, name: str) -> Container:
        """One container in detail."""
        ...


@runtime_checkable
class SecretSource(Source, Protocol):
    """A source that tells a container's own environment, as an engine does."""

    def environ(self, name: str) -> SecretMap:
        """The environment of one container."""
        ...


@runtime_checkable
class ProcessSource(ContainerSource, Protocol):
    """A source that tells a container's process, as an engine does."""

    def pid(self, name: str) -> int | None:
        """The number of its first process on the engine's host; ``None`` without one."""
        ...


@runtime_checkable
class ChangingSource(Source, Protocol):
    """A source that tells when something has changed, as a live view does."""

    @property
    def generation(self) -> int:
        """A number that grows with every change."""
        ...

    def wait_change(self, generation: int, timeout: float) -> object:
        """Wait until the generation is another one, so long at most."""
        ...


class Setting:
    """The sources and the vantage of a resolver; the defaults are found when asked for.

    Args:
        sources: The sources in the order of asking; the defaults unless given.
        vantage: Where the caller stands; it wins over everything that could be read.
        timeout: Seconds for connecting to the default engine, and for its answers.
    """

    def __init__(
        self, sources: Sequence[Source] | None, vantage: Vantage | None, timeout: float
    ) -> None:
        if isinstance(sources, str | bytes):
            raise TypeError("sources are a sequence of sources, not a text")
        self._given = None if sources is None else tuple(sources)
        self._vantage = vantage
        if not 0 < timeout < inf:
            raise FormatError(str(timeout), "expected a timeout of more than 0 seconds")
        self._timeout = timeout
        given = self._given or ()
        self._memo = Memo(given, self.vantage) if Memo.fits(given) else None
        self._lock = threading.Lock()
        self._engine: Engine | None = None

    def resolution(
        self,
        target: TargetLike,
        family: int | None = None,
        *,
        thorough: bool = False,
        choose: Chooser = lowest,
        vantage: Vantage | None = None,
    ) -> Resolution:
        """Begin to look a target up; from where the caller stands now, or stood before.

        Raises:
            FormatError: The target or the family is malformed.
        """
        if family not in (None, 4, 6):
            raise FormatError(str(family), "expected address family 4 or 6")
        wanted, vantage = Target.of(target), vantage or self.vantage()
        return Resolution(
            vantage,
            self.sources(vantage),
            target=wanted,
            family=family,
            thorough=thorough,
            choose=choose,
        )

    def page(self) -> Page | None:
        """The answers that still hold; ``None`` where every call asks the sources."""
        return None if self._memo is None else self._memo.page()

    def of_url(self, url: PeerUrl) -> tuple[Resolution, ...]:
        """Begin to look up the hosts that a URL names."""
        choose = of_scheme(url.default)
        return tuple(self.resolution(target, choose=choose) for target in url.targets)

    def census(self, *, of_links: bool = False) -> Census:
        """Begin to look for every peer, or for those alone that links lead to."""
        vantage = self.vantage()
        return Census(vantage, self.sources(vantage), of_links=of_links)

    def vantage(self) -> Vantage:
        """The vantage that was given, else the one recorded in a source, else here."""
        if self._vantage is not None:
            return self._vantage
        recorded = (getattr(source, "vantage", None) for source in self._given or ())
        found = next((v for v in recorded if isinstance(v, Vantage)), None)
        if found is None:
            from dockernet.sources.defaults import read_vantage  # noqa: PLC0415 - see there

            found = read_vantage()
        return found

    def sources(self, vantage: Vantage) -> tuple[Source, ...]:
        """The sources that were given, else those that make sense at the vantage.

        On a host, neither its hosts file nor its environment says anything about
        containers, so only the engine is asked there.
        """
        if self._given is not None:
            return self._given
        if vantage.kind is not VantageKind.CONTAINER:
            return (self._default_engine(),)
        from dockernet.sources.defaults import Dns, Environ, HostsFile  # noqa: PLC0415 - see there

        return self._default_engine(), Dns(), HostsFile(), Environ()

    def over(self, sources: Sequence[Source]) -> Setting:
        """The same setting with other sources."""
        return Setting(sources, self._vantage, self._timeout)

    def secret_source(self) -> SecretSource:
        """The first source that can tell a container's environment.

        Raises:
            SourceError: There is none.
        """
        sources = (self._default_engine(),) if self._given is None else self._given
        found = next((s for s in sources if isinstance(s, SecretSource)), None)
        if found is None:
            reason = "only an engine knows the environment of a peer"
            raise SourceError("resolver", f"{reason}: give one as a source")
        return found

    def container_source(self, asked: str = "how things look from a container") -> ContainerSource:
        """The first source that can tell a container by name.

        Args:
            asked: What it is to tell, for the error.

        Raises:
            SourceError: There is none.
        """
        sources = (self._default_engine(),) if self._given is None else self._given
        found = next((s for s in sources if isinstance(s, ContainerSource)), None)
        if found is None:
            reason = f"only an engine or a snapshot knows {asked}"
            raise SourceError("resolver", f"{reason}: give one as a source")
        return found

    def process_source(self) -> ProcessSource:
        """The first source that can tell a container's process.

        Raises:
            SourceError: There is none.
        """
        sources = (self._default_engine(),) if self._given is None else self._given
        found = next((s for s in sources if isinstance(s, ProcessSource)), None)
        if found is None:
            reason = "only an engine knows the processes of a peer"
            raise SourceError("resolver", f"{reason}: give one as a source")
        return found

    def changing_source(self) -> ChangingSource | None:
        """The first source that tells of changes, if one does; of the defaults none."""
        return next((s for s in self._given or () if isinstance(s, ChangingSource)), None)

    def close(self) -> None:
        """Close what was opened here; given sources stay as they are."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def _default_engine(self) -> Engine:
        from dockernet.sources.defaults import Engine  # noqa: PLC0415 - see there

        with self._lock:
            if self._engine is None:
                self._engine = Engine(timeout=self._timeout)
            return self._engine
