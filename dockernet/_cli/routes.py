"""The verbs whose answers depend on where the caller stands."""

from __future__ import annotations

import re
from typing import Final, Literal

import click

from dockernet._cli import documents, tables
from dockernet._cli.answers import FOUND, NOTHING, UNASKED, Answer, Tone
from dockernet._cli.request import Request
from dockernet.errors import SourceError, UnreachableError
from dockernet.model.explanations import NOT_HEARD, Explanation
from dockernet.model.vantage import Vantage
from dockernet.resolver import Resolver
from dockernet.resolver import whoami as own_vantage
from dockernet.sources.vantage import host_gateway

__all__ = ["endpoints", "explain", "gateway", "host_seen_from", "peers", "resolve", "whoami"]

Family = Literal[4, 6]

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")  # RFC 3986, 3.1
_HOST: Final = ("host.docker.internal", 1)  # any port will do: the address is what is asked


def peers(request: Request) -> Answer:
    """Show whom one can talk to from here."""
    with request.resolver() as resolver:
        found = resolver.peers()
    parts = {"peers": [documents.peer(one) for one in found]}
    return Answer(verb="peers", parts=parts, shown=tables.peers(found))


def resolve(request: Request, *, target: str, family: Family | None, scheme: str | None) -> Answer:
    """Show the endpoint to dial."""
    if scheme is not None and not _SCHEME.fullmatch(scheme):
        raise click.UsageError(f"'{scheme}' is no scheme of a URL: expected one such as http")
    with request.resolver() as resolver:
        found = resolver.resolve(target, family)
    url = None if scheme is None else found.url(scheme)
    parts = {"endpoint": documents.endpoint(found), "url": url}
    return Answer(verb="resolve", parts=parts, shown=tables.line(url or str(found), Tone.ANSWER))


def endpoints(request: Request, *, target: str) -> Answer:
    """Show every endpoint with its route, best first."""
    with request.resolver() as resolver:
        found = resolver.endpoints(target)
    parts = {"endpoints": [documents.endpoint(one) for one in found]}
    return Answer(verb="endpoints", parts=parts, shown=tables.endpoints(found))


def explain(request: Request, *, target: str) -> Answer:
    """Show what is dialled and why, and why not the rest."""
    with request.resolver() as resolver:
        told = resolver.explain(target)
    parts = {"explanation": documents.explanation(told)}
    return Answer(
        verb="explain", parts=parts, shown=tables.explanation(told), status=_explained(told)
    )


def _explained(told: Explanation) -> int:
    """Refusals explain, too; where there is nothing, a source unheard may have known."""
    if told.endpoints or told.refusals:
        return FOUND
    unheard = any(diagnostic.subject == NOT_HEARD for diagnostic in told.diagnostics)
    return UNASKED if unheard else NOTHING


def whoami(request: Request) -> Answer:
    """Show where the caller stands."""
    found = _own(request)
    parts = {"vantage": documents.vantage(found)}
    return Answer(verb="whoami", parts=parts, shown=tables.vantage(found))


def _own(request: Request) -> Vantage:
    """The vantage with what an engine adds; one that nobody named may stay silent."""
    try:
        with request.engine() as engine:
            return request.vantage(engine) or own_vantage(engine)
    except SourceError:
        if not request.is_local:
            raise
        return own_vantage()


def gateway(request: Request, *, family: Family | None) -> Answer:
    """Show the address of the host as it is seen from here."""
    wanted: Family = family or 4
    try:
        here = request.is_local
        return _host(str(host_gateway(wanted)) if here else _engine_host(request, wanted), wanted)
    except UnreachableError:
        remark = f"no IPv{wanted} address of the host is known from there"
    except SourceError as error:
        if not request.is_local:
            raise
        remark = error.reason  # The kernel was asked, and has none.
    parts = {"address": None, "family": wanted}
    return Answer(verb="gateway", parts=parts, shown=(), status=NOTHING, remark=remark)


def _engine_host(request: Request, family: Family) -> str:
    with request.engine() as engine:
        engine.profile()  # A resolver whose engine is silent tells this machine's own host.
        resolver = Resolver([engine])
        seen = resolver if request.origin is None else resolver.seen_from(request.origin)
        return host_seen_from(seen, family)


def host_seen_from(resolver: Resolver, family: Family) -> str:
    """The address of the engine's host, or its name, as a resolver sees it.

    Raises:
        UnreachableError: There is none.
        SourceError: The engine cannot be asked.
    """
    return str(resolver.resolve(_HOST, family).host)


def _host(found: str, family: Family) -> Answer:
    parts = {"address": found, "family": family}
    return Answer(verb="gateway", parts=parts, shown=tables.line(found, Tone.ANSWER))
