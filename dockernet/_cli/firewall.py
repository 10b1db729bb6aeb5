"""The verb about the rules of published ports."""

from __future__ import annotations

import click

from dockernet._cli import documents, tables
from dockernet._cli.answers import Answer
from dockernet._cli.request import Request
from dockernet.firewall import published
from dockernet.sources.snapshot import Snapshot

__all__ = ["firewall"]


def firewall(request: Request) -> Answer:
    """Show the rules that let published ports in, and the rules without a container."""
    if request.origin is not None:
        raise click.UsageError("the firewall is that of the engine's host: leave out --from")
    with request.engine() as engine:
        if isinstance(engine, Snapshot):
            raise click.UsageError("a recording has no firewall: leave out --snapshot")
        found = published(engine, request.timeout)
    odd = found.firewall.diagnostics
    parts = {
        "ports": [documents.published_rules(one) for one in found.published],
        "stale": [documents.placed_rule(one) for one in found.stale],
        "unread": list(found.firewall.unread),
        "diagnostics": [documents.diagnostic(one) for one in odd],
    }
    return Answer(verb="firewall", parts=parts, shown=tables.firewall(found), diagnostics=odd)
