"""The exception family: every error that dockernet raises on purpose.

Each message is one sentence for a person, each fact is a typed attribute, and
each error survives pickling: the positional arguments of the constructor are
``args``, and the message is made from them when it is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockernet.model.endpoints import Refusal

__all__ = [
    "AmbiguousPeerError",
    "DockernetError",
    "EngineTimeoutError",
    "EngineUnavailableError",
    "FormatError",
    "PeerNotFoundError",
    "SourceError",
    "UnreachableError",
]

_SHOWN = 80  # characters of a faulty text that an error keeps


def shown(text: str) -> str:
    """Cut a text for display and escape what a terminal would act on."""
    cut = text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in cut)


class DockernetError(Exception):
    """The root of the family: catch this to catch them all."""


class FormatError(DockernetError, ValueError):
    """A text is not of the form that was expected.

    Attributes:
        text: The faulty text, cut at 80 characters.
        reason: What is wrong with it, and what was expected.
        position: Where in the text the fault starts, from 0, where it is known.

    Example:
        >>> from dockernet import Port
        >>> Port.parse("80/ftp")
        Traceback (most recent call last):
        dockernet.errors.FormatError: cannot read '80/ftp': the protocol must be tcp, udp or sctp
    """

    def __init__(self, text: str, reason: str, position: int | None = None) -> None:
        self.text: str = text[:_SHOWN]
        self.reason: str = reason
        self.position: int | None = position
        super().__init__(self.text, reason, position)

    def __str__(self) -> str:
        at = "" if self.position is None else f" at character {self.position + 1}"
        return f"cannot read '{shown(self.text)}'{at}: {shown_lines(self.reason)}"


class SourceError(DockernetError):
    """A source could not be asked, or its answer made no sense.

    Attributes:
        source: The name of the source, such as ``engine``.
        reason: What went wrong and what to do about it.
    """

    def __init__(self, source: str, reason: str) -> None:
        self.source: str = source
        self.reason: str = reason
        super().__init__()
        # Where it is an OSError too, that would take two arguments for an errno and
        # its text, so they are set afterwards.
        self.args: tuple[object, ...] = (source, reason)

    def __str__(self) -> str:
        return shown_lines(f"{self.source}: {self.reason}")


class EngineUnavailableError(SourceError, ConnectionError):
    """No engine answers where one was looked for, or it lets nobody in."""


class EngineTimeoutError(SourceError, TimeoutError):
    """The engine did not answer within the time that the caller gave it."""


class PeerNotFoundError(DockernetError, LookupError):
    """Every source was heard, and none knows the peer.

    Attributes:
        target: The target as it was asked for.
        asked: The names of the sources that were heard.
        near_misses: Known names that look like the one asked for, best first.
    """

    def __init__(
        self,
        target: str,
        asked: tuple[str, ...] = (),
        near_misses: tuple[str, ...] = (),
    ) -> None:
        self.target: str = target
        self.asked: tuple[str, ...] = asked
        self.near_misses: tuple[str, ...] = near_misses
        super().__init__(target, asked, near_misses)

    def __str__(self) -> str:
        heard = f" (asked: {', '.join(map(shown, self.asked))})" if self.asked else ""
        hint = (
            f"; did you mean {' or '.join(map(shown, self.near_misses))}?"
            if self.near_misses
            else ""
        )
        return f"no peer answers to '{shown(self.target)}'{heard}{hint}"


class AmbiguousPeerError(PeerNotFoundError):
    """Two or more peers answer to the name equally well.

    Attributes:
        target: The target as it was asked for.
        candidates: What to say instead, one text for each peer.
    """

    def __init__(self, target: str, candidates: tuple[str, ...]) -> None:
        super().__init__(target)
        self.candidates: tuple[str, ...] = candidates
        self.args: tuple[object, ...] = (target, candidates)

    def __str__(self) -> str:
        choices = ", ".join(map(shown, self.candidates))
        return f"'{shown(self.target)}' may mean any of {choices}; say which"


class UnreachableError(DockernetError, ConnectionError):
    """The peer is known, and no route leads to it from where the caller stands.

    Attributes:
        target: The target as it was asked for.
        refusals: Each route that was weighed, with the reason and the fix.
    """

    def __init__(self, target: str, refusals: tuple[Refusal, ...]) -> None:
        self.target: str = target
        self.refusals: tuple[Refusal, ...] = refusals
        super().__init__()
        self.args: tuple[object, ...] = (target, refusals)  # no errno and its text

    def __str__(self) -> str:
        reasons = "; ".join(str(refusal) for refusal in self.refusals)
        return f"nothing reaches '{shown(self.target)}' from here: {reasons}"


def shown_lines(text: str) -> str:
    """Escape a longer text of several origins without cutting it."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
