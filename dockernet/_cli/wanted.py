"""What the verbs that write links back are asked for: which links, and which secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import click
from attrs import evolve, frozen

from dockernet._cli.request import Request
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.links import Link, LinkReport

__all__ = ["Wanted"]


@frozen
class Wanted:
    """What the verbs are asked for.

    Attributes:
        peers: What to link, as texts; without any, every link of the recipient.
        secrets: What of the peers' own environments is passed on.
        strict: Whether each link has to lead somewhere, also without any peers.
        otherwise: What can be said in place of peers.
    """

    peers: tuple[str, ...]
    secrets: bool | tuple[str, ...] = False
    strict: bool = False
    otherwise: str = ", or whose links with --for CONTAINER"

    def read(self, request: Request) -> LinkReport:
        """The links, and whatever is odd with them.

        Raises:
            DockernetError: A link that was asked for leads nowhere.
            UsageError: Nobody is asked for, and who asks can have been given no links.
        """
        if not self.peers and not request.is_recipient:
            raise click.UsageError(f"links are given to containers: say PEER{self.otherwise}")
        with request.resolver() as resolver:
            report = resolver.links(*self.peers, secrets=bool(self.secrets), strict=self.strict)
        odd = (*report.diagnostics, *_portless(report.links), *self._unknown(report.links))
        return evolve(report, diagnostics=odd)

    def _unknown(self, links: Sequence[Link]) -> Iterator[Diagnostic]:
        """The secrets that were asked for by name, and that no peer has."""
        names = () if isinstance(self.secrets, bool) else self.secrets
        for name in names:
            if not any(name in link.environ for link in links):
                yield Diagnostic("links", name, "no peer has such a variable")


def _portless(links: Iterable[Link]) -> Iterator[Diagnostic]:
    for one in links:
        if not one.ports:
            reason = f"no source tells a port of it: say {one.peer or 'PEER'}:{one.alias}:PORT"
            yield Diagnostic("links", one.alias, reason)
