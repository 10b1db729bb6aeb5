"""The verbs about published ports: those of one container, the report of all, who is behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from dockernet._cli import documents, tables
from dockernet._cli.answers import FOUND, NOTHING, Answer
from dockernet._cli.request import Request
from dockernet.model.ports import Port

__all__ = ["behind", "port"]


def port(request: Request, *, container: str | None, port: str | None) -> Answer:
    """Show published ports: of one container as ``docker port`` does, or the report of all."""
    if container is None:
        return _report(request)
    asked = None if port is None else Port.parse(port)
    with request.engine() as engine:
        known = engine.container(container)
    asked_for = ((p, bindings) for p, bindings in known.ports.items() if asked in (None, p))
    found = [(known, p, binding) for p, bindings in asked_for for binding in bindings]
    return Answer(
        verb="port",
        parts={"ports": [documents.published(*item) for item in found]},
        shown=tables.port_lines(found, one=asked is not None),
        **_nothing(found, f"{known} publishes {f'no port {asked}' if asked else 'no port'}"),
    )


def _report(request: Request) -> Answer:
    """Show every host binding, who can dial it, and what is odd about it."""
    with request.engine() as engine:
        found = engine.published()
    parts = {"ports": [documents.publication(one) for one in found]}
    return Answer(verb="port", parts=parts, shown=tables.publications(found))


def behind(request: Request, *, port: str, address: str | None) -> Answer:
    """Show which containers hold a port of the engine's host."""
    asked = Port.parse(port)
    with request.engine() as engine:
        found = engine.behind(asked.number, asked.protocol, address)
    where = "" if address is None else f" of {address}"
    return Answer(
        verb="behind",
        parts={"ports": [documents.published(*item) for item in found]},
        shown=tables.published(found) if found else (),
        **_nothing(found, f"no container is behind host port {asked}{where}"),
    )


class _Nothing(TypedDict):
    status: int
    remark: str | None


def _nothing(found: Sequence[object], remark: str) -> _Nothing:
    """The exit code and the sentence for where nothing was found."""
    return {"status": FOUND, "remark": None} if found else {"status": NOTHING, "remark": remark}
