"""The verbs that write links back: env and hosts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypedDict

import click
from attrs import frozen

from dockernet._cli import documents, tables
from dockernet._cli.answers import FOUND, NOTHING, Answer, Exact, Line
from dockernet._cli.request import Request
from dockernet._cli.wanted import Wanted
from dockernet.actions.hosts_block import HostsBlock
from dockernet.errors import FormatError
from dockernet.formats.styles import STYLES
from dockernet.model.addresses import IPAddress
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.hosts_lines import HostsLine
from dockernet.model.links import Link, links_environ
from dockernet.model.ports import Port

__all__ = ["env", "hosts", "lines_for", "rivals"]


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
    wanted = Wanted(peers, secrets or secret)
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
    kept = _Block(file, "links" if block is None else block)
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
    report = Wanted(peers).read(request)
    lines, odd = lines_for(report.links)
    odd = (*report.diagnostics, *odd)
    parts: dict[str, object] = {"lines": [documents.hosts_line(one) for one in lines]}
    shown: Exact | tuple[Line, ...] = Exact("".join(f"{one}\n" for one in lines))
    if kept is not None:
        changed = kept.file.write(lines)
        odd = (*odd, *rivals(lines, kept.file.foreign_lines()))
        parts |= {"file": kept.path, "block": kept.name, "changed": changed}
        count = "1 line" if len(lines) == 1 else f"{len(lines)} lines"
        done = "written" if changed else "as before"
        shown = tables.line(f"{kept.path}: block {kept.name} has {count}, {done}")
    parts["diagnostics"] = [documents.diagnostic(one) for one in odd]
    written = _written(lines, "there are no links to write", odd)
    return Answer(verb="hosts", parts=parts, shown=shown, **written)


def lines_for(
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
        untold = tuple(_untold(one))
        try:
            told = one.hosts_lines()
        except FormatError as error:
            odd += (*untold, Diagnostic("hosts", one.alias, f"left out: {error.reason}"))
            continue
        apart = Diagnostic("hosts", one.alias, "left out: no address has all of its ports")
        odd += untold if told or untold else (apart,)
        lines += told
    return tuple(lines), tuple(odd)


def rivals(lines: Iterable[HostsLine], foreign: Iterable[HostsLine]) -> Iterator[Diagnostic]:
    """Lines of others in the same file that lead elsewhere under the same name."""
    own: dict[tuple[str, int], set[IPAddress]] = {}
    for line in lines:
        for name in line.names:
            own.setdefault((name.casefold(), line.address.version), set()).add(line.address)
    for line in foreign:
        for name in line.names:
            wanted = own.get((name.casefold(), line.address.version), {line.address})
            if line.address not in wanted:
                reason = f"a line that is not of the block says {line.address}: take it out"
                yield Diagnostic("hosts", name, reason)


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
