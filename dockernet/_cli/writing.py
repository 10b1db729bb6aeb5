"""The verbs that write links back: env, hosts and link."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from io import StringIO
from time import monotonic
from typing import Final, TypedDict

import click
from attrs import evolve, frozen

from dockernet._cli import documents, tables
from dockernet._cli.answers import FOUND, NOTHING, Answer, Exact, Successor
from dockernet._cli.request import Request
from dockernet._cli.waiting import ended_by_signals, plain_progress
from dockernet._waiting import Waiting
from dockernet.actions.environment import joined_environ
from dockernet.actions.hosts_block import HostsBlock
from dockernet.dialling.racing import accepted
from dockernet.dialling.waiting import persist
from dockernet.errors import FormatError, SourceError
from dockernet.formats.styles import STYLES
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.endpoints import Endpoint
from dockernet.model.hosts_lines import HostsLine
from dockernet.model.links import Link, LinkReport, links_environ, places_of
from dockernet.model.ports import Port
from dockernet.model.vantage import VantageKind
from dockernet.resolver import Resolver
from dockernet.resolver import whoami as own_vantage
from dockernet.sources.dns import Dns

__all__ = ["env", "hosts", "link"]

_OWN_FILE: Final = "/etc/hosts"


@frozen
class _Wanted:
    """What the verbs are asked for.

    Attributes:
        peers: What to link, as texts; without any, every link of the recipient.
        secrets: What of the peers' own environments is passed on.
    """

    peers: tuple[str, ...]
    secrets: bool | tuple[str, ...] = False

    def read(self, request: Request) -> LinkReport:
        """The links, and whatever is odd with them.

        Raises:
            DockernetError: A link that was asked for leads nowhere.
            UsageError: Nobody is asked for, and who asks can have been given no links.
        """
        if not self.peers and not request.is_recipient:
            raise click.UsageError(
                "links are given to containers: say PEER, or whose links with --for CONTAINER"
            )
        with request.resolver() as resolver:
            report = resolver.links(*self.peers, secrets=bool(self.secrets))
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


class _Written(TypedDict):
    status: int
    remark: str | None
    diagnostics: tuple[Diagnostic, ...]


def _written(what: object, nothing: str, diagnostics: tuple[Diagnostic, ...]) -> _Written:
    """The exit code, and what is said beside what was written; the reasons for nothing suffice."""
    remark = None if what or diagnostics else nothing
    return {"status": FOUND if what else NOTHING, "remark": remark, "diagnostics": diagnostics}


def env(
    request: Request, *, peers: tuple[str, ...], style: str, secrets: bool, secret: tuple[str, ...]
) -> Answer:
    """Show the variables of links, for who reads that style."""
    wanted = _Wanted(peers, secrets or secret)
    report = wanted.read(request)
    told = links_environ(report.links, secrets=wanted.secrets, kind=STYLES[style].kind)
    rendered = STYLES[style].render(told.variables)
    odd = (*report.diagnostics, *told.diagnostics, *rendered.diagnostics)
    parts = {
        "style": style,
        "variables": dict(rendered.variables),
        "diagnostics": [documents.diagnostic(one) for one in odd],
    }
    return Answer(
        verb="env",
        parts=parts,
        shown=Exact(rendered.text),
        **_written(rendered.variables, "there are no links to write", odd),
    )


def hosts(
    request: Request, *, peers: tuple[str, ...], file: str | None, block: str | None, remove: bool
) -> Answer:
    """Show hosts lines for links, or keep them in a file."""
    if file is None:
        if block is not None or remove:
            raise click.UsageError("say in which --file the block is")
        return _hosts(request, peers, None)
    kept = _Block(file, block or "links")
    if not remove:
        return _hosts(request, peers, kept)
    if peers:
        raise click.UsageError("a block is removed as a whole: leave out PEER")
    changed = kept.file.remove()
    parts = {"file": file, "block": kept.name, "changed": changed}
    told = f"{file}: block {kept.name} {'removed' if changed else 'was not there'}"
    return Answer(verb="hosts", parts=parts, shown=tables.line(told))


@frozen
class _Block:
    """A block of a hosts file, and its name."""

    path: str
    name: str

    @property
    def file(self) -> HostsBlock:
        return HostsBlock(self.path, self.name)


def _hosts(request: Request, peers: tuple[str, ...], kept: _Block | None) -> Answer:
    report = _Wanted(peers).read(request)
    lines, odd = _lines_for(report.links)
    odd = (*report.diagnostics, *odd)
    parts: dict[str, object] = {
        "lines": [documents.hosts_line(one) for one in lines],
        "diagnostics": [documents.diagnostic(one) for one in odd],
    }
    written = _written(lines, "there are no links to write", odd)
    if kept is None:
        shown = Exact("".join(f"{one}\n" for one in lines))
        return Answer(verb="hosts", parts=parts, shown=shown, **written)
    changed = kept.file.write(lines)
    parts |= {"file": kept.path, "block": kept.name, "changed": changed}
    count = "1 line" if len(lines) == 1 else f"{len(lines)} lines"
    told = f"{kept.path}: block {kept.name} has {count}, {'written' if changed else 'as before'}"
    return Answer(verb="hosts", parts=parts, shown=tables.line(told), **written)


def _lines_for(
    links: Iterable[Link],
) -> tuple[tuple[HostsLine, ...], tuple[Diagnostic, ...]]:
    """The hosts lines of links, each alias for one peer, and what they cannot tell."""
    lines: list[HostsLine] = []
    odd: list[Diagnostic] = []
    taken: set[str] = set()
    for one in links:
        alias = one.alias.casefold()  # as names in a hosts file compare
        if alias in taken:
            odd.append(Diagnostic("hosts", one.alias, "left out: another peer has that name"))
            continue
        taken.add(alias)
        odd += _untold(one)
        try:
            lines += one.hosts_lines()
        except FormatError as error:
            odd.append(Diagnostic("hosts", one.alias, f"left out: {error.reason}"))
    return tuple(lines), tuple(odd)


def _untold(one: Link) -> Iterator[Diagnostic]:
    """What a hosts file cannot tell of a link."""
    if not one.addresses and not one.endpoints:
        yield Diagnostic("hosts", one.alias, "left out: no address of it is known")
    for endpoint in one.endpoints:
        port = Port(endpoint.port, endpoint.protocol)
        if endpoint.container_port not in (None, port):
            reason = f"it is dialled at {endpoint}, and a hosts file cannot tell a port"
            yield Diagnostic("hosts", f"{one.alias}:{endpoint.container_port}", reason)
        elif isinstance(endpoint.host, str):
            reason = f"it is dialled at {endpoint}, and a hosts file tells addresses alone"
            yield Diagnostic("hosts", f"{one.alias}:{port}", reason)


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
    wanted = _Wanted(peers, secrets or secret)
    with ended_by_signals():
        report = _answering(request, wanted) if wait else wanted.read(request)
    joined = joined_environ(os.environ, report.links, secrets=wanted.secrets, overwrite=overwrite)
    odd = (*report.diagnostics, *joined.diagnostics, *_kept_in_own_file(report.links, asked=hosts))
    return Successor(command, joined.variables, odd)


# Waiting


def _answering(request: Request, wanted: _Wanted) -> LinkReport:
    """The links, once every peer answers.

    Raises:
        DockernetError: Something is wrong for good.
        NotReadyError: One was not found, or did not answer, within the time.
    """
    said = {(one.alias, port) for one in map(Link.from_spec, wanted.peers) for port in one.ports}
    subject = ", ".join(wanted.peers) or "the links of this container"
    tell = partial(plain_progress, sys.stderr or StringIO(), subject)
    waiting = Waiting.begin(subject, request.timeout, monotonic(), tell)

    def attempt(left: float) -> LinkReport:
        report = wanted.read(evolve(request, timeout=left))
        for one in report.links:
            _await_peer(one, said, waiting.patience(monotonic()))
        return report

    return persist(waiting, attempt)


def _await_peer(one: Link, said: set[tuple[str, Port]], timeout: float) -> None:
    """Connect to the TCP ports that were said, or else to one that a peer has.

    A port that is exposed need not be served, and only TCP tells whether anybody listens.

    Raises:
        UnreachableError: It does not answer.
    """
    places = [place for place in places_of(one) if place.port.protocol == "tcp"]
    found = [Endpoint(p.host, p.number, peer=one.peer, container_port=p.port) for p in places]
    asked = [e for e, p in zip(found, places, strict=True) if (one.alias, p.port) in said]
    for endpoint in asked:
        accepted(one.alias, (endpoint,), timeout)
    if found and not asked:
        accepted(one.alias, found, timeout)


# The hosts file of the place itself


def _kept_in_own_file(links: Iterable[Link], *, asked: bool | None) -> tuple[Diagnostic, ...]:
    """Keep the lines of links in the own hosts file, where that is asked for or may be done."""
    if asked is False or (asked is None and not _may_write()):
        return ()
    lines, odd = _lines_for(links)
    named = {one.names[0] for one in lines if _is_named(one)}
    needed = [one for one in lines if one.names[0] not in named]
    block = HostsBlock(_OWN_FILE)
    try:
        block.write(needed) if needed else block.remove()
    except (FormatError, SourceError) as error:
        if asked:
            raise
        return (*odd, Diagnostic("hosts", _OWN_FILE, str(error)))
    return odd


def _may_write() -> bool:
    """Whether the file is a container's own, and this user may write it."""
    return own_vantage().kind is VantageKind.CONTAINER and os.access(_OWN_FILE, os.W_OK)


def _is_named(line: HostsLine) -> bool:
    """Whether the embedded DNS knows the name: that stays right when the peer moves."""
    with Resolver([Dns()]) as resolver:
        known = resolver.explain((line.names[0], 1)).endpoints
    return any(endpoint.host == line.address for endpoint in known)
