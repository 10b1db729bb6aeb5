"""A stand-in for a name server: it speaks DNS on real sockets and answers as it is told.

It counts what it is asked. Without an answer of its own for a question it knows the
names and addresses of its zone, as engines' servers do, whatever else it is told.
"""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import ip_address

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from attrs import define, field

PATIENCE = 20.0  # seconds that a test waits for what must happen at once

Answer = Callable[[dns.message.Message], Iterable[bytes]]
"""What a question gets: any number of messages, none for silence."""

Answers = Mapping[tuple[str, str], Answer] | Mapping[str, Answer]
"""What questions get, by name and type, or by type alone."""


def silence(_: dns.message.Message) -> Iterable[bytes]:
    """No answer at all."""
    return ()


def code(name: str) -> Answer:
    """An answer of nothing but a response code."""
    return lambda query: [_made(query, code=name)]


def records(*lines: str, code: str = "NOERROR") -> Answer:
    """An answer of records as zone files have them: ``db. A 10.7.0.2``."""
    return lambda query: [_made(query, *lines, code=code)]


def raw(*messages: bytes) -> Answer:
    """These bytes, where ``ID`` is replaced by the question's number."""
    return lambda query: [m.replace(b"ID", query.id.to_bytes(2, "big")) for m in messages]


def cut(answer: Answer) -> Answer:
    """An answer that did not fit; none of its records is left."""

    def made(query: dns.message.Message) -> Iterable[bytes]:
        for whole in answer(query):
            message = dns.message.from_wire(whole)
            message.flags |= dns.flags.TC
            message.answer = message.answer[:0]
            yield message.to_wire()

    return made


def _made(query: dns.message.Message, *lines: str, code: str = "NOERROR") -> bytes:
    reply = dns.message.make_response(query, recursion_available=True)
    reply.set_rcode(dns.rcode.from_text(code))
    for line in lines:
        owner, kind, value = line.split(maxsplit=2)
        reply.answer.append(dns.rrset.from_text(owner, 600, "IN", kind, value))
    return reply.to_wire(max_size=65535)


@define(eq=False)
class NameServer:
    """A running server.

    Attributes:
        zone: The addresses of each name, and the names of each address, separated by
            spaces; names are told apart by case.
        answers: What questions get instead.
        over_tcp: The same for questions by TCP, where that is not the same.
        unknown: What a question gets otherwise.
        pointers: The addresses of the zone by the names that PTR questions have.
        asked: The questions so far: name, type, and ``udp`` or ``tcp``.
    """

    address: str
    port: int
    zone: Mapping[str, str]
    answers: Answers
    over_tcp: Answers
    unknown: Answer
    pointers: Mapping[str, str] = field(init=False)
    asked: list[tuple[str, str, str]] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.pointers = {ip_address(a).reverse_pointer: a for a in self.zone if _is_address(a)}

    @property
    def names(self) -> list[str]:
        """The names that it was asked for, each once and in order."""
        return list(dict.fromkeys(name for name, *_ in self.asked))

    def replies(self, data: bytes, transport: str) -> Iterable[bytes]:
        query = dns.message.from_wire(data)
        [question] = query.question
        name = question.name.to_text(omit_final_dot=True)
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind, transport))
        told: dict[object, Answer] = dict(self.answers.items())
        told |= dict(self.over_tcp.items()) if transport == "tcp" else {}
        answer = told.get((name, kind)) or told.get(kind) or self._known(name, kind)
        return answer(query)

    def _known(self, name: str, kind: str) -> Answer:
        if kind == "PTR":
            names = self.zone.get(self.pointers.get(name, ""))
            lines = (f"{name}. PTR {n}." for n in (names or "").split())
            return self.unknown if names is None else records(*lines)
        if name not in self.zone:
            return self.unknown
        version = {"A": 4, "AAAA": 6}[kind]
        fits = [a for a in self.zone[name].split() if ip_address(a).version == version]
        return records(*(f"{name}. {kind} {a}" for a in fits))


_NO_SUCH_NAME = code("NXDOMAIN")


def _is_address(text: str) -> bool:
    with suppress(ValueError):
        return bool(ip_address(text))
    return False


@contextmanager
def name_server(
    zone: Mapping[str, str] | None = None,
    answers: Answers | None = None,
    *,
    over_tcp: Answers | None = None,
    unknown: Answer = _NO_SUCH_NAME,
    address: str = "127.0.0.1",
    port: int = 0,
) -> Iterator[NameServer]:
    """Run a server on UDP and TCP of one port."""
    with ExitStack() as stack:
        udp, tcp = _bound(address, port)
        stack.enter_context(udp)
        stack.enter_context(tcp)
        number = udp.getsockname()[1]
        server = NameServer(address, number, zone or {}, answers or {}, over_tcp or {}, unknown)
        theirs, ours = socket.socketpair()
        stack.enter_context(theirs)
        serving = threading.Thread(target=_serve, args=(server, udp, tcp, theirs))
        serving.start()
        try:
            yield server
        finally:
            ours.close()
            serving.join(PATIENCE)


def _bound(address: str, port: int) -> tuple[socket.socket, socket.socket]:
    """A datagram socket and a listening one on the same port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    while True:
        tcp = socket.create_server((address, port), family=family)
        udp = socket.socket(family, socket.SOCK_DGRAM)
        try:
            udp.bind(tcp.getsockname()[:2])
        except OSError:  # somebody else has it for datagrams
            tcp.close()
            udp.close()
        else:
            return udp, tcp


def _serve(
    server: NameServer, udp: socket.socket, tcp: socket.socket, until: socket.socket
) -> None:
    with selectors.DefaultSelector() as waiting:
        for one in (udp, tcp, until):
            waiting.register(one, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in waiting.select(PATIENCE)}
            if until in ready:
                return
            if udp in ready:
                data, caller = udp.recvfrom(65535)
                for message in server.replies(data, "udp"):
                    udp.sendto(message, caller)
            if tcp in ready:
                _serve_stream(server, tcp.accept()[0])


def _serve_stream(server: NameServer, connection: socket.socket) -> None:
    with connection, suppress(OSError), connection.makefile("rb") as stream:
        connection.settimeout(PATIENCE)
        length = int.from_bytes(stream.read(2), "big")
        for message in server.replies(stream.read(length), "tcp"):
            # In two pieces: what arrives at once is the network's choice.
            framed = len(message).to_bytes(2, "big") + message
            connection.sendall(framed[:1])
            connection.sendall(framed[1:])
