"""Which port of a peer is meant, where the caller names none."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import frozen

from dockernet.model.ports import Port

__all__ = ["Choice", "Chooser", "lowest", "of_scheme"]


@frozen(eq=False, repr=False)
class Choice:
    """A port, and the note that it was chosen for the caller.

    Attributes:
        port: The port; ``None`` where the known ones do not tell.
        note: Why this one, for people.
    """

    port: Port | None
    note: str | None = None


Chooser = Callable[[Iterable[Port] | None], Choice]
"""It is given the ports that the peer exposes or publishes; ``None`` where nothing tells them."""


def lowest(known: Iterable[Port] | None) -> Choice:
    """The only port, else the lowest of tcp, as ``ALIAS_PORT`` names it since Engine 28."""
    ordered = _ordered(known)
    if not ordered:
        return Choice(None)
    others = f", the first of {', '.join(map(str, ordered))}" if len(ordered) > 1 else ""
    return Choice(
        ordered[0], f"no port was asked for: {ordered[0]} was chosen{others or ', the only one'}"
    )


def of_scheme(default: Port | None) -> Chooser:
    """The port that a URL without one means: the scheme's, else the peer's only one.

    Where nothing tells the peer's ports, as without an engine, the scheme's has to do.
    Where they are told and the scheme's is not among them, it is not the one meant.
    """

    def choose(known: Iterable[Port] | None) -> Choice:
        ordered = _ordered(known)
        if default is not None and (known is None or default in ordered):
            return Choice(default, f"the URL has no port: {default} is its scheme's")
        if len(ordered) == 1:
            return Choice(ordered[0], f"the URL has no port: {ordered[0]} is the only one")
        return Choice(None)

    return choose


def _ordered(known: Iterable[Port] | None) -> list[Port]:
    return sorted(
        set(known or ()), key=lambda port: (port.protocol != "tcp", port.protocol, port.number)
    )
