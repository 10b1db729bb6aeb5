"""The verb that lets networks reach more: plan, apply, remove, status."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import click
from attrs import frozen

from dockernet import forwarding
from dockernet._cli import documents, tables
from dockernet._cli.answers import FOUND, NOTHING, Answer, Exact, Line, Shown
from dockernet._cli.request import Request
from dockernet.forwarding import ForwardingPlan, ForwardingState
from dockernet.sources.snapshot import Snapshot

__all__ = ["FORMS", "HOWS", "forward"]

_VERB: Final = "forward"


@frozen(kw_only=True)
class _Way:
    """From where to where, as it was said."""

    source: str | None
    to: str | None
    ports: tuple[str, ...]
    every: bool
    families: tuple[int, ...]
    interface: str | None
    mark: int | None

    def plan(self, request: Request) -> ForwardingPlan:
        """Plan it."""
        if self.source is None or self.to is None:
            raise click.UsageError("say from which network to what: SOURCE and TO")
        if self.every == bool(self.ports):
            raise click.UsageError("say the ports with --port, or --all-ports")
        with request.engine() as engine:
            if isinstance(engine, Snapshot):
                raise click.UsageError("a recording has no firewall: leave out --snapshot")
            return forwarding.plan(
                self.source,
                self.to,
                forwarding.ALL_PORTS if self.every else self.ports,
                engine=engine,
                families=self.families,
                interface=self.interface,
                mark=self.mark,
                timeout=request.timeout,
            )


def forward(  # noqa: PLR0913 - one for each option
    request: Request,
    *,
    how: str,
    source: str | None,
    to: str | None,
    ports: tuple[str, ...],
    every: bool,
    family: int | None,
    interface: str | None,
    mark: int | None,
    form: str,
    tag: str | None,
) -> Answer:
    """Plan, apply, remove or show what lets a network reach something."""
    if request.origin is not None:
        raise click.UsageError("it is the engine's host that forwards: leave out --from")
    families = (4, 6) if family is None else (family,)
    way = _Way(
        source=source,
        to=to,
        ports=ports,
        every=every,
        families=families,
        interface=interface,
        mark=mark,
    )
    if form != WORDS and how != "plan":
        raise click.UsageError("--as is for plan alone")
    if tag is not None:
        return _by_tag(how, source, tag)
    if how == "status" and source is None:
        return _listed()
    plan = way.plan(request)
    return _plan(plan, form) if how == "plan" else _DONE[how](plan)


def _by_tag(how: str, source: str | None, tag: str) -> Answer:
    if how != "remove" or source is not None:
        raise click.UsageError("--tag is for remove, in place of SOURCE and TO")
    changed = forwarding.remove(tag)
    told = f"{tag}: {'removed' if changed else 'nothing was there'}"
    return Answer(verb=_VERB, parts={"tag": tag, "changed": changed}, shown=tables.line(told))


def _listed() -> Answer:
    tags = forwarding.applied()
    return Answer(
        verb=_VERB,
        parts={"tags": list(tags)},
        shown=tuple(map(Line, tags)),
        remark=None if tags else "no plan is applied",
    )


def _plan(plan: ForwardingPlan, form: str) -> Answer:
    return Answer(
        verb=_VERB,
        parts={"plan": documents.forwarding_plan(plan)},
        shown=FORMS[form](plan),
    )


def _apply(plan: ForwardingPlan) -> Answer:
    changed = forwarding.apply(plan)
    return _done(plan, "applied" if changed else "was applied already", changed=changed)


def _remove(plan: ForwardingPlan) -> Answer:
    changed = forwarding.remove(plan)
    return _done(plan, "removed" if changed else "was not there", changed=changed)


def _done(plan: ForwardingPlan, what: str, *, changed: bool) -> Answer:
    parts = {"plan": documents.forwarding_plan(plan), "changed": changed}
    return Answer(verb=_VERB, parts=parts, shown=_words(plan, what))


def _status(plan: ForwardingPlan) -> Answer:
    found = forwarding.status(plan)
    return Answer(
        verb=_VERB,
        parts={
            "plan": documents.forwarding_plan(plan),
            "state": found.state,
            "missing": list(found.missing),
            "turned_on": list(found.turned_on),
            "stopped_by": [documents.placed_rule(one) for one in found.stopped_by],
        },
        shown=_words(plan, str(found)),
        status=FOUND if found.state is ForwardingState.APPLIED else NOTHING,
    )


_DONE: Final[Mapping[str, Callable[[ForwardingPlan], Answer]]] = {
    "apply": _apply,
    "remove": _remove,
    "status": _status,
}
HOWS: Final = ("plan", *_DONE)

# What a plan is shown as.

WORDS: Final = "words"


def _words(plan: ForwardingPlan, what: str = "planned; nothing is changed") -> tuple[Line, ...]:
    return (*map(Line, str(plan).split("\n")), *tables.line(what))


def _commands(plan: ForwardingPlan) -> Shown:
    return _text(shlex.join(words) for words in forwarding.iptables_commands(plan))


def _text(lines: Iterable[str]) -> Exact:
    return Exact("".join(f"{line}\n" for line in lines))


def _restore(plan: ForwardingPlan) -> Shown:
    names = {4: "iptables-restore", 6: "ip6tables-restore"}
    return _text(
        f"# {names[family]} --noflush\n{forwarding.restore_text(plan, family)}".rstrip()
        for family in plan.families
    )


def _nft(plan: ForwardingPlan) -> Shown:
    return Exact(forwarding.nft_script(plan))


FORMS: Final[Mapping[str, Callable[[ForwardingPlan], Shown]]] = {
    WORDS: _words,
    "commands": _commands,
    "restore": _restore,
    "nft": _nft,
}
