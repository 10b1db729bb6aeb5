"""The environment of a command that is given links, beside what it has already."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from attrs import evolve

from dockernet.formats.styles import ENVIRON
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.links import Link, LinkVariables, links_environ
from dockernet.model.mappings import SecretMap

__all__ = ["joined_environ"]

_PORT: Final = r"_PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?"
_OF_A_PORT: Final = re.compile(_PORT)
_OF_A_LINK: Final = re.compile(rf"_NAME|_PORT|_SERVICE_HOST|_SERVICE_PORT(?:_\w+)?|{_PORT}")


def joined_environ(
    environ: Mapping[str, str],
    links: Iterable[Link],
    *,
    secrets: bool | Collection[str] = False,
    overwrite: bool = False,
) -> LinkVariables:
    """Add the variables of links to an environment.

    A link whose variables are there already is kept as a whole, for of two that are mixed
    neither is right. Other variables that are set already win one by one, as with an
    engine (``ReplaceOrAppendEnvVars`` in moby's ``daemon/container``): an application may
    call a setting of its own ``DB_PORT``.

    Args:
        environ: What is set already.
        links: The links, the most important first.
        secrets: What of the peers' own environments is written, as for
            :func:`~dockernet.links_environ`.
        overwrite: Whether links win instead. Of a link that is replaced only what
            ``_ENV_`` variables tell stays.

    Returns:
        The whole environment, and what of the links is not in it, as diagnostics.

    Example:
        >>> from ipaddress import ip_address
        >>> from dockernet import Link, Port
        >>> from dockernet.actions.environment import joined_environ
        >>> link = Link("db", addresses=(ip_address("172.17.0.2"),), ports=(Port(80),))
        >>> joined = joined_environ({"HOME": "/", "DB_PORT": "80"}, [link])
        >>> joined.variables["DB_PORT_80_TCP_ADDR"], joined.variables["DB_PORT"]
        ('172.17.0.2', '80')
        >>> print(*joined.diagnostics)
        environ: DB_PORT: kept: it is set already
    """
    given = tuple(links)
    if overwrite:
        stale = {name for link in given for name in _standing(link, environ)}
        told = _possible(links_environ(given, secrets=secrets))
        base = {name: value for name, value in environ.items() if name not in stale}
        return LinkVariables(SecretMap({**base, **told.variables}), told.diagnostics)
    known = {link.prefix for link in Link.from_environ(environ)}
    kept = [link for link in given if link.prefix in known or _has_ports(link, environ)]
    wanted = (link for link in given if link not in kept)
    told = _possible(links_environ(wanted, secrets=secrets))
    diagnostics = (*told.diagnostics, *_kept(kept, environ), *_set(told.variables, environ))
    return LinkVariables(SecretMap({**told.variables, **environ}), diagnostics)


def _possible(told: LinkVariables) -> LinkVariables:
    """The variables that a program can be given: a command is not lost for an odd alias."""
    carried = ENVIRON.render(told.variables)
    return LinkVariables(carried.variables, (*told.diagnostics, *carried.diagnostics))


def _standing(link: Link, environ: Mapping[str, str]) -> Iterator[str]:
    """The variables of a link that is there already."""
    return (name for name in environ if _OF_A_LINK.fullmatch(_tail(link, name)))


def _has_ports(link: Link, environ: Mapping[str, str]) -> bool:
    return any(_OF_A_PORT.fullmatch(_tail(link, name)) for name in environ)


def _tail(link: Link, name: str) -> str:
    """What follows the prefix in a name; nothing in names of others."""
    return name[len(link.prefix) :] if name.startswith(link.prefix) else ""


def _kept(links: Iterable[Link], environ: Mapping[str, str]) -> Iterator[Diagnostic]:
    """The links that are kept, where they say something else."""
    for link in links:
        said = evolve(link, recipient=None).to_environ()  # its name alone is no matter
        if any(environ.get(name) != value for name, value in said.items()):
            reason = "kept as the environment tells it already"
            yield Diagnostic("environ", link.alias, reason)


def _set(variables: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[Diagnostic]:
    for name, value in variables.items():
        if environ.get(name, value) != value:
            yield Diagnostic("environ", name, "kept: it is set already")
