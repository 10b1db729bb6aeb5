"""The source of link environment variables."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from dockernet.model.diagnostics import Diagnostic
from dockernet.model.facts import Fact, Freshness, Want
from dockernet.model.links import Link, LinkKind
from dockernet.model.provenance import Provenance
from dockernet.refusals import Route

__all__ = ["Environ"]


class Environ:
    """The variables that linked containers and Kubernetes pods are started with.

    They hold the addresses of the moment when the process started, and are the only
    source of ports inside a container without an engine. Engine 29 no longer sets
    them and Engine 30 drops them, so they are never the only place looked at.

    Args:
        environ: The variables; the process's own unless given.

    Example:
        >>> from dockernet import Environ, Resolver, Vantage
        >>> variables = {"DB_PORT": "tcp://172.17.0.5:5432", "DB_NAME": "/app/db",
        ...              "DB_PORT_5432_TCP": "tcp://172.17.0.5:5432"}
        >>> str(Resolver([Environ(variables)], vantage=Vantage()).resolve("db"))
        '172.17.0.5:5432'
    """

    name = "environ"

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ

    def links(self) -> tuple[Link, ...]:
        """The links that the variables tell of."""
        return Link.read_environ(self._environ).links

    def read(self, want: Want) -> Iterator[Fact | Diagnostic]:
        """Read every link, whatever is wanted: near misses are found among them."""
        del want
        report = Link.read_environ(self._environ)
        yield from report.diagnostics
        for link in report.links:
            yield Fact(
                source=self.name,
                names=_names(link),
                addresses=link.addresses,
                ports=link.ports,
                route=Route.LINK,
                freshness=Freshness.STARTED,
                provenance=Provenance.ENVIRON,
            )

    def __repr__(self) -> str:
        return "Environ()"


def _names(link: Link) -> tuple[str, ...]:
    """The alias; where only the prefix tells it, in both spellings that fold to it."""
    if link.kind is LinkKind.DOCKER:
        return (link.alias,)
    return tuple(dict.fromkeys((link.alias, link.alias.replace("_", "-"))))
