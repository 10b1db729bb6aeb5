"""Why a target resolves to what it does, and whom one could ask for."""

from __future__ import annotations

from attrs import frozen

from dockernet._shown import shown_lines
from dockernet.model.addresses import IPAddress
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.endpoints import Endpoint
from dockernet.model.vantage import Vantage
from dockernet.refusals import Refusal

__all__ = ["NOT_HEARD", "Explanation", "Peer"]

NOT_HEARD = "not heard"
"""The subject of the diagnostic of a source that could not be asked."""


@frozen
class Peer:
    """A container that could be reached, or a name that a source told.

    Attributes:
        name: The name to ask for.
        id: The container's id; ``None`` without an engine.
        addresses: Its addresses on that network, IPv4 first.
        network: The network's name; ``None`` without an engine.
        sources: The sources that know it, the most trusted first.
    """

    name: str
    id: str | None = None
    addresses: tuple[IPAddress, ...] = ()
    network: str | None = None
    sources: tuple[str, ...] = ()


@frozen(kw_only=True)
class Explanation:
    """Why a target resolves to what it does; ``str()`` of it is for people.

    Attributes:
        target: The target, as it was asked for.
        vantage: Where the caller stands.
        stand: What the engine makes of it, in words.
        asked: The names of the sources that were asked.
        chosen: The endpoint that ``resolve`` answers; ``None`` where it refuses.
        endpoints: Every endpoint, best first.
        refusals: Every route that cannot work.
        diagnostics: What was odd on the way: stale facts, sources out of reach.
        notes: What was chosen for the caller, such as a port.
        near_misses: Names like the one asked for, where no source knows it.
    """

    target: str
    vantage: Vantage
    stand: str = ""
    asked: tuple[str, ...] = ()
    chosen: Endpoint | None = None
    endpoints: tuple[Endpoint, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    notes: tuple[str, ...] = ()
    near_misses: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join(map(shown_lines, self._lines()))

    def _lines(self) -> list[str]:
        lines = [f"{self.target}, asked from {self.stand or self.vantage}"]
        lines += [f"  sources asked: {', '.join(self.asked)}"] if self.asked else []
        lines += [f"  note: {note}" for note in self.notes]
        replicas = len({endpoint.peer for endpoint in self.endpoints} - {None}) > 1
        for endpoint in self.endpoints:
            mark = "->" if endpoint == self.chosen else "or"
            to = f" to {endpoint.peer}" if replicas and endpoint.peer else ""
            lines.append(f"  {mark} {endpoint}/{endpoint.protocol}{to} {_why(endpoint)}")
        lines += [f"  no {refusal.route or 'route'}: {refusal}" for refusal in self.refusals]
        if not self.endpoints and not self.refusals and not self.notes:
            lines.append(f"  {self._unknown()}")
        if self.near_misses:
            lines.append(f"  did you mean {' or '.join(self.near_misses)}?")
        return lines + [f"  odd: {diagnostic}" for diagnostic in self.diagnostics]

    def _unknown(self) -> str:
        deaf = {d.source for d in self.diagnostics if d.subject == NOT_HEARD}
        if deaf and deaf.issuperset(self.asked):
            return "no source could be asked"
        return f"no source{' that was heard' if deaf else ''} knows this name"


def _why(endpoint: Endpoint) -> str:
    crossing = f" {endpoint.network}" if endpoint.network else ""
    return f"by {endpoint.route}{crossing} (source: {endpoint.source})"
