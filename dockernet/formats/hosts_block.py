r"""The block of a hosts file: lines of one keeper, between two lines that mark it.

::

    # dockernet links begin
    172.17.0.2 db
    # dockernet links end

Everything else in the file is foreign, and bytes: it may be of any encoding, with any
line ends. Where the file had no newline at its end, the begin line says so, and the
newline before it goes when the block does, or with the next keeper's block.

Address and names stand apart by a blank and not by a tab: an engine that moves a peer
rewrites every ``address TAB alias`` (``daemon/libnetwork/internal/etchosts`` of moby),
and the lines of a block are its keeper's alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, Self

from attrs import frozen

from dockernet.errors import FormatError
from dockernet.formats.hosts import parse_hosts
from dockernet.model.addresses import parse_address
from dockernet.model.hosts_lines import HostsLine, hosts_name

__all__ = ["BlockEdit", "block_lines", "block_name", "render_body"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_MARKER: Final = re.compile(
    rb"^# dockernet (?P<name>[A-Za-z0-9][A-Za-z0-9_.-]{0,63}) (?P<edge>begin|end)"
    rb"(?P<unended> \(no newline before\))?[ \t\r]*$\n?",
    re.MULTILINE,
)
_UNENDED: Final = b" (no newline before)"
_ROOM: Final = 256  # bytes; what is written in place has room in multiples of it


def block_name(text: str) -> str:
    """Take a name of a block.

    Raises:
        FormatError: It is not of 1 to 64 letters, digits, ``_``, ``.`` and ``-``, the first
            a letter or digit.
    """
    if not _NAME.fullmatch(text):
        reason = "expected a name of 1 to 64 letters, digits, _, . and -, such as links"
        raise FormatError(text, reason)
    return text


def render_body(lines: Iterable[HostsLine]) -> bytes:
    """Render what stands between the markers.

    Raises:
        FormatError: A name is none that a hosts file can carry, a line has no names, or
            its address has a scope.
    """
    return "".join(map(_rendered, lines)).encode()


def _rendered(line: HostsLine) -> str:
    if not line.names:
        raise FormatError(str(line.address), "expected at least one name for the address")
    return f"{parse_address(str(line.address))} {' '.join(map(hosts_name, line.names))}\n"


@frozen
class _Span:
    """Where a block stands: from start to stop, its lines from inner to outer.

    ``unended`` says that the newline before it is there for its sake alone.
    """

    start: int
    inner: int
    outer: int
    stop: int
    unended: bool


def block_lines(content: bytes, name: str) -> tuple[HostsLine, ...]:
    r"""Parse the lines of a block; where there is none, it has none.

    Args:
        content: The whole file.
        name: The name of the block.

    Raises:
        FormatError: The markers of the block are damaged.

    Example:
        >>> from dockernet.formats.hosts_block import block_lines
        >>> text = b"::1 me\n# dockernet links begin\n10.0.0.2 db\n# dockernet links end\n"
        >>> block_lines(text, "links")
        (HostsLine(address=IPv4Address('10.0.0.2'), names=('db',)),)
    """
    span = _span(content, name)
    if span is None:
        return ()
    return parse_hosts(content[span.inner : span.outer].decode("utf-8", "replace")).lines


@frozen
class BlockEdit:
    r"""What is to become of the block of a hosts file.

    Attributes:
        name: The name of the block.
        body: What is to stand between its markers; ``None`` takes all of it out.

    Example:
        >>> from dockernet.formats.hosts_block import BlockEdit
        >>> file = b"127.0.0.1 localhost"
        >>> added = BlockEdit("links", b"10.0.0.2 db\n").applied(file)
        >>> print(added.decode(), end="")
        127.0.0.1 localhost
        # dockernet links begin (no newline before)
        10.0.0.2 db
        # dockernet links end
        >>> BlockEdit("links", None).applied(added) == file
        True
    """

    name: str
    body: bytes | None

    @classmethod
    def of(cls, name: str, lines: Iterable[HostsLine]) -> Self:
        """The edit that puts lines into the block.

        Raises:
            FormatError: The block cannot have such a name, or the file such a line.
        """
        return cls(block_name(name), render_body(lines))

    def applied(self, content: bytes) -> bytes:
        """The whole file after the edit; the same bytes where nothing is to change.

        A block that is there stays where it is, a new one goes to the end.

        Raises:
            FormatError: The markers of the block are damaged.
        """
        span = _span(content, self.name)
        if self.body is None:
            return _without(content, span)
        if span is None:
            return _with(content, self.name, self.body)
        if _body(content, span) == self.body:
            return content
        return content[: span.inner] + self.body + content[span.outer :]

    def steps(self, content: bytes) -> tuple[bytes, ...]:
        """The whole file after each step of an edit that is written into it.

        A step is one write, or one cut of the end. Each leaves the old block or the new
        one. Only where a block must grow, or go, and foreign lines have come after it do
        those move: towards the beginning, into its place, while it goes to the end.
        Room that the block has beyond its lines is kept, so that most edits change
        nothing but bytes between its markers.

        Raises:
            FormatError: The markers of the block are damaged.
        """
        return tuple(self._steps(content))

    def _steps(self, content: bytes) -> Iterator[bytes]:
        span = _span(content, self.name)
        if self.body is None:
            if span is not None:
                yield from self._out(content, span)
        elif span is None:
            yield _with(content, self.name, _padded(b"", _room(self.body)))
            yield _with(content, self.name, _padded(self.body, _room(self.body)))
        elif _body(content, span) != self.body:
            yield from self._filled(content, span, self.body)

    def _out(self, content: bytes, span: _Span) -> Iterator[bytes]:
        if span.stop < len(content):
            yield self._at_end(content, span)
        yield _without(content, span)

    def _filled(self, content: bytes, span: _Span, body: bytes) -> Iterator[bytes]:
        room = span.outer - span.inner
        if len(body) <= room:
            yield content[: span.inner] + _padded(body, room) + content[span.outer :]
            return
        if span.stop < len(content):
            yield self._at_end(content, span)
        # Room at the end first: blanks there mean nothing, and may be half written.
        size = len(content) + _room(body)
        yield _stretched(self._at_end(content, span), size)
        rest, old = _without(content, span), _body(content, span)
        for inside in (old, body):
            yield _stretched(_with(rest, self.name, _padded(inside, _room(body))), size)

    def _at_end(self, content: bytes, span: _Span) -> bytes:
        """The block as it is, behind all that is foreign; no shorter than it was."""
        inside = content[span.inner : span.outer]
        return _stretched(_with(_without(content, span), self.name, inside), len(content))


def _span(content: bytes, name: str) -> _Span | None:
    """Find a block.

    Raises:
        FormatError: Its markers are not one begin, one end, and no other's between them.
    """
    markers = [*_MARKER.finditer(content)]
    own = [index for index, marker in enumerate(markers) if marker["name"] == name.encode()]
    if not own:
        return None
    edges = [markers[index]["edge"] for index in own]
    if edges != [b"begin", b"end"]:
        raise _damaged(
            content, markers[own[-1]], "expected one begin and then one end of the block"
        )
    first, last = own
    if last - first > 1 or _around(markers, first, last):
        raise _damaged(content, markers[first], "its block and another's are one in the other")
    begin, end = markers[first], markers[last]
    unended = begin["unended"] is not None
    return _Span(begin.start(), begin.end(), end.start(), end.end(), unended)


def _around(markers: list[re.Match[bytes]], first: int, last: int) -> bool:
    """Whether another's block begins before this one and ends after it."""
    # Another's whole block is two markers: open is who has begun and not ended.
    begun: set[bytes] = set()
    for marker in markers[:first]:
        (begun.add if marker["edge"] == b"begin" else begun.discard)(marker["name"])
    return any(m["edge"] == b"end" and m["name"] in begun for m in markers[last + 1 :])


def _damaged(content: bytes, marker: re.Match[bytes], reason: str) -> FormatError:
    number = content.count(b"\n", 0, marker.start()) + 1
    text = marker[0].decode("ascii").rstrip()
    return FormatError(text, f"line {number} of the hosts file: {reason}; repair it by hand")


def _body(content: bytes, span: _Span) -> bytes:
    """What stands between the markers, without room."""
    inside = content[span.inner : span.outer]
    text = inside.rstrip(b" \n")
    return inside[: len(text) + 1] if text else b""


def _without(content: bytes, span: _Span | None) -> bytes:
    if span is None:
        return content
    before, after = content[: span.start], content[span.stop :]
    if not span.unended:
        return before + after
    if not after:
        return before.removesuffix(b"\n")
    return before + _handed_on(after)


def _handed_on(after: bytes) -> bytes:
    """The newline before is for another's block now, if that comes next."""
    marker = _MARKER.match(after)
    if marker is None or marker["edge"] != b"begin" or marker["unended"]:
        return after
    return after[: marker.end("edge")] + _UNENDED + after[marker.end("edge") :]


def _with(content: bytes, name: str, inside: bytes) -> bytes:
    unended = content != b"" and not content.endswith(b"\n")
    begin = f"# dockernet {name} begin".encode() + (_UNENDED if unended else b"")
    before = content + b"\n" if unended else content
    return before + begin + b"\n" + inside + f"# dockernet {name} end\n".encode()


def _stretched(content: bytes, size: int) -> bytes:
    """With blanks after the end marker, where it is shorter."""
    return content[:-1].ljust(size - 1) + b"\n"


def _room(body: bytes) -> int:
    return -(-len(body) // _ROOM) * _ROOM


def _padded(body: bytes, room: int) -> bytes:
    """A body and, where there is more room, a line of blanks."""
    return body if len(body) == room else body.ljust(room - 1) + b"\n"
