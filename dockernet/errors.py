"""The exception family: every error that dockernet raises on purpose.

Each message is one sentence for a person, each fact is a typed attribute, and
each error survives pickling: the positional arguments of the constructor are
``args``, and the message is made from them when it is read.
"""

from __future__ import annotations

from dockernet._shown import MOST, shown, shown_lines
from dockernet.refusals import Refusal

__all__ = [
    "AmbiguousPeerError",
    "CommandError",
    "DockernetError",
    "EngineTimeoutError",
    "EngineUnavailableError",
    "FormatError",
    "ForwardingError",
    "LaunchError",
    "NotReadyError",
    "PeerNotFoundError",
    "SourceError",
    "UnreachableError",
]


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
        self.text: str = text[:MOST]
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


class NotReadyError(DockernetError, TimeoutError):
    """A peer was waited for, and was not ready within the time.

    Attributes:
        target: What was waited for.
        timeout: The seconds that it had.
        time_line: What was the matter, and when: pairs of the seconds since the
            beginning and a clause. A matter that lasts has one pair, and of very many
            those in the middle are left out.
    """

    def __init__(
        self, target: str, timeout: float, time_line: tuple[tuple[float, str], ...] = ()
    ) -> None:
        self.target: str = target
        self.timeout: float = timeout
        self.time_line: tuple[tuple[float, str], ...] = time_line
        super().__init__()
        self.args: tuple[object, ...] = (target, timeout, time_line)  # no errno and its text

    @property
    def reason(self) -> str:
        """The last thing that was the matter."""
        return self.time_line[-1][1] if self.time_line else "it was not asked in time"

    def __str__(self) -> str:
        span = f"{self.timeout:g} second{'' if self.timeout == 1 else 's'}"
        return f"'{shown(self.target)}' was not ready within {span}: {shown_lines(self.reason)}"


class LaunchError(DockernetError):
    """A container cannot be launched as it was asked for, or ended at once.

    Attributes:
        image: The image that it was to be made from.
        reason: Why not, and what to do about it.
    """

    def __init__(self, image: str, reason: str) -> None:
        self.image: str = image
        self.reason: str = reason
        super().__init__()
        self.args: tuple[object, ...] = (image, reason)  # no errno and its text

    def __str__(self) -> str:
        return f"cannot launch '{shown(self.image)}': {shown_lines(self.reason)}"


class ForwardingError(DockernetError):
    """What was asked for cannot be let through.

    Attributes:
        subject: From where to where, or what stands against it.
        reason: Why not, and what to do about it.
    """

    def __init__(self, subject: str, reason: str) -> None:
        self.subject: str = subject
        self.reason: str = reason
        super().__init__(subject, reason)

    def __str__(self) -> str:
        return f"cannot let it through, {shown(self.subject)}: {shown_lines(self.reason)}"


class CommandError(DockernetError, OSError):
    """A command cannot be run.

    Attributes:
        command: The program, as it was asked for.
        reason: What is wrong with it.
        exit_code: What a shell would give: 127 where it is not there, 126 where it is
            and cannot be run.
    """

    def __init__(self, command: str, reason: str, exit_code: int) -> None:
        self.command: str = command
        self.reason: str = reason
        self.exit_code: int = exit_code
        super().__init__()
        self.args: tuple[object, ...] = (command, reason, exit_code)  # no errno and its text

    def __str__(self) -> str:
        return f"cannot run '{shown(self.command)}': {shown_lines(self.reason)}"
