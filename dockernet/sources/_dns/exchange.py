"""Questions to one name server and what it answers, with no socket and no clock.

Whoever drives an exchange, blocking or awaiting, sends what :meth:`Exchange.due` gives,
waits as long as :meth:`Exchange.wait` says, and hands over what arrives. Which question
is next, which reply belongs to which, and when it is over is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Literal, Protocol

from attrs import define, field, frozen

from dockernet.model.addresses import IPAddress

__all__ = ["Codec", "Exchange", "Question", "Reply"]

NO_SUCH_NAME: Final = "NXDOMAIN"
ANSWERED: Final = "NOERROR"

_TICK: Final = 0.001  # seconds; the shortest wait, for a timeout of 0 means "do not wait"
_PREFIX: Final = 2  # bytes before each message of a stream that tell its length (RFC 1035, 4.2.2)


@frozen
class Question:
    """What a name server is asked: addresses of a name, or the name of an address."""

    name: str
    kind: Literal["A", "AAAA", "PTR"]

    @property
    def folded(self) -> Question:
        """The question whatever the case: a server may return another (RFC 4343)."""
        return Question(self.name.lower(), self.kind)


@frozen(kw_only=True)
class Reply:
    """What a name server says.

    Attributes:
        id: The number of the question.
        question: What it says it was asked.
        code: The response code's name, ``NOERROR`` where it answers.
        truncated: Whether it did not fit, so that the rest must be asked for by TCP.
        addresses: The addresses that it gives for the name.
        names: The names that it gives for the address, each as its labels.
        strangers: How many records it gives for names that nobody asked for.
    """

    id: int
    question: Question
    code: str = ANSWERED
    truncated: bool = False
    addresses: tuple[IPAddress, ...] = ()
    names: tuple[tuple[bytes, ...], ...] = ()
    strangers: int = 0

    @property
    def conclusive(self) -> bool:
        """Whether the name is known by it to exist, or not to."""
        return bool(self.addresses) or self.code == NO_SUCH_NAME


class Codec(Protocol):
    """What turns questions into bytes and bytes into replies."""

    def encode(self, question: Question, /) -> tuple[int, bytes]:
        """The number that the question was given, and its bytes."""
        ...

    def decode(self, data: bytes, /) -> Reply | None:
        """The reply; ``None`` where the bytes are none."""
        ...


@define(eq=False, repr=False)
class _Sent:
    """A question under way: its bytes, the waits that are left to it, and the end of this one."""

    question: Question
    data: bytes
    waits: list[float]
    until: float


@define(eq=False, repr=False, kw_only=True)
class Exchange:
    """Questions to one server, several under way at a time.

    Attributes:
        codec: What knows the bytes.
        server: The server's address.
        port: The server's port.
        ask: Gives the next question; ``None`` for none now.
        told: Is told each reply, before the next question is taken.
        seconds: How long all of it may take.
        waits: How long to wait for each answer; the question is sent again after
            each wait but the last.
        grace: How long to wait for the rest once a reply was conclusive.
        window: How many questions may be under way.
        stream: Whether to ask by TCP.
        replies: What was heard.
        failure: Why the server could not be asked, where it could not.
        strays: How many messages were no reply to any question.
        spent: How long it took.
    """

    codec: Codec
    server: IPAddress
    port: int
    ask: Callable[[], Question | None]
    told: Callable[[Question, Reply], None] | None = None
    seconds: float
    waits: tuple[float, ...]
    grace: float | None = None
    window: int = 2
    stream: bool = False
    replies: dict[Question, Reply] = field(factory=dict[Question, Reply], init=False)
    failure: str = field(default="", init=False)
    strays: int = field(default=0, init=False)
    spent: float = field(default=0.0, init=False)
    _began: float = field(default=0.0, init=False)
    _end: float = field(default=0.0, init=False)
    _sent: dict[int, _Sent] = field(factory=dict[int, _Sent], init=False)
    _conclusive: bool = field(default=False, init=False)
    _done: set[int] = field(factory=set[int], init=False)
    _buffer: bytes = field(default=b"", init=False)

    def begin(self, now: float) -> float:
        """Let the time run, and tell how long connecting may take."""
        self._began, self._end = now, now + self.seconds
        return max(self.seconds, _TICK)

    def due(self, now: float) -> Iterator[bytes]:
        """What is to be sent now."""
        if now >= self._end:
            return
        for number, sent in tuple(self._sent.items()):
            if sent.until > now:
                continue
            if sent.waits:
                sent.until = now + sent.waits.pop(0)
                yield self._framed(sent.data)
            else:
                del self._sent[number]
                self._done.add(number)
        while len(self._sent) < self.window and (question := self.ask()) is not None:
            yield self._framed(self._new(question, now))

    def wait(self, now: float) -> float | None:
        """How long to wait for a message; ``None`` when it is over."""
        self.spent = now - self._began
        if self._conclusive and self.grace is not None:
            # From here on, and not from when a long message arrived that took its time.
            self._end, self.grace = min(self._end, now + self.grace), None
        if self.failure or not self._sent or now >= self._end:
            return None
        soonest = min(sent.until for sent in self._sent.values())
        return max(min(soonest, self._end) - now, _TICK)

    def heard(self, data: bytes) -> None:
        """Take what arrived: one message, or any piece of a stream."""
        if not self.stream:
            self._message(data)
        elif not data:
            self.failure = "it closed the connection"
        else:
            self._buffer += data
            while (message := self._whole()) is not None:
                self._message(message)

    def broken(self, error: OSError, now: float) -> None:
        """Take that the server cannot be reached."""
        self.spent = now - self._began
        self.failure = error.strerror or str(error) or type(error).__name__

    def _new(self, question: Question, now: float) -> bytes:
        number, data = self.codec.encode(question)
        while number in self._sent:  # 16 random bits meet again at times
            number, data = self.codec.encode(question)
        first, *rest = self.waits
        self._sent[number] = _Sent(question, data, rest, now + first)
        return data

    def _framed(self, data: bytes) -> bytes:
        return len(data).to_bytes(_PREFIX, "big") + data if self.stream else data

    def _whole(self) -> bytes | None:
        """The next message of the stream, once all of it is here."""
        length = int.from_bytes(self._buffer[:_PREFIX], "big")
        message, rest = self._buffer[_PREFIX : _PREFIX + length], self._buffer[_PREFIX + length :]
        if len(self._buffer) < _PREFIX + length:
            return None
        self._buffer = rest
        return message

    def _message(self, data: bytes) -> None:
        reply = self.codec.decode(data)
        sent = None if reply is None else self._sent.get(reply.id)
        if reply is None or sent is None or reply.question != sent.question.folded:
            # What was sent twice is answered twice, and what was given up may be late.
            self.strays += reply is None or reply.id not in self._done
            return
        del self._sent[reply.id]
        self._done.add(reply.id)
        self.replies[sent.question] = reply
        if self.told is not None:
            self.told(sent.question, reply)
        self._conclusive |= reply.conclusive
