"""Events of an engine: what happened to a container or a network, one JSON object each.

The shape is that of moby's ``api/types/events``; the fields ``status``, ``id`` and
``from`` beside it are gone from API 1.52. Podman's service speaks the same with words of
its own (pkg/domain/entities/events.go). An event tells what to read again, and no more.
"""

from __future__ import annotations

import json
import re
from typing import Final, Literal, cast

from attrs import field, frozen

from dockernet.errors import FormatError
from dockernet.formats.json import mapping, text
from dockernet.model.mappings import FrozenMap

__all__ = ["Event", "EventKind", "parse_event"]

EventKind = Literal["container", "network"]

_EXPECTED: Final = "expected an event as a JSON object with Type, Action and Actor"
_ID: Final = re.compile("[0-9a-z]{1,64}")  # it becomes a part of the path of a request
_LATEST: Final = 1 << 63  # nanoseconds, as Go has them
_JOINED: Final = "container"  # the attribute with the id of one that joined a network
_SEQUENCE: Final = b"\x1e"  # that application/json-seq puts before each (RFC 7464)

# What changes anything that a container or network tells of itself. The rest, such as
# exec_start, attach, kill or resize, comes far more often and changes nothing. Podman
# says remove for destroy, and ends a container by died and cleanup.
_MATTERS: Final[dict[str, frozenset[str]]] = {
    "container": frozenset({
        "cleanup", "create", "destroy", "die", "died", "health_status", "init", "pause",
        "remove", "rename", "restart", "restore", "start", "stop", "unpause", "update",
    }),
    "network": frozenset({"connect", "create", "destroy", "disconnect", "remove", "update"}),
}  # fmt: skip


@frozen
class Event:
    """Something that happened to a container or a network.

    Attributes:
        kind: ``container`` or ``network``.
        action: What happened, in the engine's word; without what may follow a colon.
        id: The id of the container or network. Podman gives a container's for what
            happens between that and a network.
        attributes: What else is told: a container's name and labels, for one.
        moment: When it happened, in seconds on the engine's clock since 1970.
    """

    kind: EventKind
    action: str
    id: str
    attributes: FrozenMap[str, str] = field(factory=FrozenMap[str, str], repr=False)
    moment: float | None = field(default=None, repr=False, eq=False)


def parse_event(line: bytes) -> Event | None:
    """Parse one line of the reply to ``GET /events``.

    Returns:
        The event; ``None`` for one after which everything is as it was.

    Raises:
        FormatError: The line is no event, so that one may have been lost.

    Example:
        >>> parse_event(b'{"Type": "container", "Action": "start", "Actor": {"ID": "4f"}}')
        Event(kind='container', action='start', id='4f')
        >>> parse_event(b'{"Type": "container", "Action": "exec_die", "Actor": {"ID": "4f"}}')
    """
    try:
        told = mapping(json.loads(line.removeprefix(_SEQUENCE)))
    except (ValueError, RecursionError):
        raise FormatError(_shown(line), _EXPECTED) from None
    kind, action = text(told.get("Type")), text(told.get("Action")).partition(":")[0]
    if not kind or not action:
        raise FormatError(_shown(line), _EXPECTED)
    actor = mapping(told.get("Actor"))
    identity = text(actor.get("ID"))
    if not identity or action not in _MATTERS.get(kind, ()):
        return None
    if not _ID.fullmatch(identity):
        raise FormatError(identity, "expected the id of a container or network in an event")
    attributes = {
        key: value
        for key, value in mapping(actor.get("Attributes")).items()
        if isinstance(value, str) and (key != _JOINED or _ID.fullmatch(value))
    }
    nanoseconds = told.get("timeNano")
    moment = nanoseconds / 1e9 if type(nanoseconds) is int and 0 <= nanoseconds < _LATEST else None
    return Event(cast("EventKind", kind), action, identity, FrozenMap(attributes), moment)


def _shown(line: bytes) -> str:
    return line[:80].decode("utf-8", "replace")
