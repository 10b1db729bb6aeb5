"""The verb that sets links and becomes a command: link."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

import click

from dockernet._cli.answers import Successor
from dockernet._cli.awaiting import answering
from dockernet._cli.request import Request
from dockernet._cli.waiting import ended_by_signals
from dockernet._cli.wanted import Wanted
from dockernet._cli.writing import lines_for, rivals
from dockernet.actions.environment import joined_environ
from dockernet.actions.hosts_block import HostsBlock
from dockernet.errors import FormatError, SourceError
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.hosts_lines import HostsLine
from dockernet.model.links import Link
from dockernet.model.vantage import VantageKind
from dockernet.resolver import Resolver
from dockernet.resolver import whoami as own_vantage
from dockernet.sources.dns import Dns

__all__ = ["link"]

_OWN_FILE: Final = "/etc/hosts"


def link(
    request: Request,
    *,
    peers: tuple[str, ...],
    command: tuple[str, ...],
    wait: bool,
    overwrite: bool,
    hosts: bool | None,
    secrets: bool,
    secret: tuple[str, ...],
) -> Successor:
    """Become a command that is given links."""
    if not command:
        raise click.UsageError("say the command after --")
    if request.origin is not None:
        raise click.UsageError("the command runs here, not elsewhere: leave out --from")
    wanted = Wanted(peers, secrets or secret, strict=wait, otherwise="")
    with ended_by_signals():
        report = answering(request, wanted) if wait else wanted.read(request)
    joined = joined_environ(os.environ, report.links, secrets=wanted.secrets, overwrite=overwrite)
    odd = (*report.diagnostics, *joined.diagnostics, *_kept_in_own_file(report.links, asked=hosts))
    return Successor(command, joined.variables, odd)


# The hosts file of the place itself


def _kept_in_own_file(links: Iterable[Link], *, asked: bool | None) -> tuple[Diagnostic, ...]:
    """Keep the lines of links in the own hosts file, where that is asked for or may be done."""
    if asked is False or (asked is None and not _may_write()):
        return ()
    lines, odd = lines_for(links)
    block = HostsBlock(_OWN_FILE)
    try:
        foreign = block.foreign_lines()
        named = {one.names[0] for one in lines if _is_among(one, foreign) or _is_named(one)}
        needed = [one for one in lines if one.names[0] not in named]
        block.write(needed) if needed else block.remove()
        odd = (*odd, *rivals(needed, foreign))
    except (FormatError, SourceError) as error:
        if asked:
            raise
        return (*odd, Diagnostic("hosts", _OWN_FILE, str(error)))
    return odd


def _may_write() -> bool:
    """Whether the file is a container's own, and this user may write it."""
    return own_vantage().kind is VantageKind.CONTAINER and os.access(_OWN_FILE, os.W_OK)


def _is_among(line: HostsLine, foreign: Iterable[HostsLine]) -> bool:
    """Whether another keeps a line with the name: an engine does, for the links it makes."""
    return any(line.names[0] in f.names and line.address == f.address for f in foreign)


def _is_named(line: HostsLine) -> bool:
    """Whether the embedded DNS knows the name: that stays right when the peer moves."""
    with Resolver([Dns()]) as resolver:
        known = resolver.explain((line.names[0], 1)).endpoints
    return any(endpoint.host == line.address for endpoint in known)
