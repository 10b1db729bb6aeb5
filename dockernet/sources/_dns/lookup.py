"""The look-up of one name: whom to ask next, and which answers are believed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from ipaddress import IPv6Address
from typing import Final, Literal

from attrs import define, field

from dockernet.errors import SourceError
from dockernet.model.addresses import IPAddress, address_order
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.facts import Fact, Freshness
from dockernet.model.vantage import Vantage
from dockernet.refusals import Route
from dockernet.sources._dns.exchange import ANSWERED, NO_SUCH_NAME, Codec, Exchange, Question, Reply
from dockernet.sources._dns.nameservers import Keeper, NameServer, Step, on_link

__all__ = ["NAME", "Lookup", "listed"]

NAME: Final = "dns"

_GRACE: Final = 0.2  # seconds; a server that knows a name knows both families at once
_FIRST: Final = 0.4  # the share of the time after which a question is sent again
_MOST_ADDRESSES: Final = 256
_SHOWN: Final = 3  # addresses in a text

_Family = Literal["A", "AAAA"]
_FAMILIES: Final[dict[_Family, str]] = {"A": "IPv4", "AAAA": "IPv6"}

# An engine's server answers at once for every container that it knows.
_FIX: Final = (
    "either it is out of reach, or it knows no such container and the server that it asks "
    "for other names is out of reach; check the name, or give the container a server that "
    "answers with --dns"
)


@define(eq=False, repr=False, kw_only=True)
class Lookup:
    """One name, asked for by A and AAAA.

    Attributes:
        name: The name, as the caller spells it.
        steps: What to ask, one after the other, until a server knows the name.
        vantage: Where the caller stands.
        codec: What knows the bytes.
        port: The servers' port.
        left: The seconds that are left for all of it.
    """

    name: str
    steps: Sequence[Step]
    vantage: Vantage
    codec: Codec
    port: int
    left: float
    _fact: Fact | None = field(default=None, init=False)
    _odd: list[str] = field(factory=list[str], init=False)
    _absent: list[str] = field(factory=list[str], init=False)
    _failures: list[str] = field(factory=list[str], init=False)

    def exchanges(self) -> Iterator[Exchange]:
        """What is to be driven, each before the next is taken."""
        for step in self.steps:
            yield from self._step(step)
            if self._fact is not None:
                return

    def findings(self) -> tuple[Fact | Diagnostic, ...]:
        """What was found.

        Raises:
            SourceError: A server that might know the name could not be asked.
        """
        if self._fact is None and self._failures:
            raise SourceError(NAME, f"{'; '.join(dict.fromkeys(self._failures))}: {_FIX}")
        told = self._odd if self._fact is not None else [*self._odd, *self._absent]
        odd = tuple(Diagnostic(NAME, self.name, reason) for reason in dict.fromkeys(told))
        return odd if self._fact is None else (self._fact, *odd)

    def _step(self, step: Step) -> Iterator[Exchange]:
        """Ask the servers for one spelling, until one of them has a word on it."""
        failures: list[str] = []
        for number, server in enumerate(step.servers):
            share = max(self.left, 0.0) / (len(step.servers) - number)
            exchange = self._exchange(server, share, *(Question(step.name, k) for k in _FAMILIES))
            yield from self._driven(exchange)
            for question, reply in tuple(exchange.replies.items()):
                if reply.truncated:
                    yield from self._completed(server, exchange, question)
            failure = self._judged(server, exchange)
            if not failure:
                return
            failures.append(failure)
        self._failures += failures

    def _exchange(
        self, server: NameServer, seconds: float, *questions: Question, stream: bool = False
    ) -> Exchange:
        return Exchange(
            codec=self.codec,
            server=server.address,
            port=self.port,
            ask=partial(next, iter(questions), None),
            seconds=seconds,
            waits=(seconds,) if stream else (seconds * _FIRST, seconds * (1 - _FIRST)),
            grace=_GRACE,
            stream=stream,
        )

    def _driven(self, exchange: Exchange) -> Iterator[Exchange]:
        yield exchange
        self.left -= exchange.spent
        if exchange.strays:
            self._odd.append(f"{exchange.strays} messages that answer no question were left out")

    def _completed(
        self, server: NameServer, exchange: Exchange, question: Question
    ) -> Iterator[Exchange]:
        """Ask by TCP for what did not fit into a datagram."""
        again = self._exchange(server, max(self.left, 0.0), question, stream=True)
        yield from self._driven(again)
        if question in again.replies:
            exchange.replies[question] = again.replies[question]
        else:
            self._odd.append("the answer was cut, and TCP did not bring the rest of it")

    # Which answers are believed.

    def _judged(self, server: NameServer, exchange: Exchange) -> str:
        """Take a server's word; where it has none, say why."""
        replies = {question.kind: reply for question, reply in exchange.replies.items()}
        kept = self._kept(server, replies.values())
        if kept:
            self._fact = self._made(server, kept)
            self._odd += (
                f"{server.address} has no word on its {family} addresses"
                for kind, family in _FAMILIES.items()
                if kind not in replies or replies[kind].code not in (ANSWERED, NO_SUCH_NAME)
            )
            return ""
        codes = sorted({reply.code for reply in replies.values()} - {ANSWERED})
        if NO_SUCH_NAME in codes:
            self._absent.append(f"{server.address} knows no such name")
        elif not any(reply.conclusive for reply in replies.values()):
            if codes or len(replies) < len(_FAMILIES):
                return _failure(server, exchange, codes, self.name)
            self._absent.append(f"{server.address} has no address of a container for it")
        return ""

    def _kept(self, server: NameServer, replies: Iterable[Reply]) -> tuple[IPAddress, ...]:
        told = list(replies)
        strangers = sum(reply.strangers for reply in told)
        if strangers:
            self._odd.append(f"{strangers} records that nobody asked for were left out")
        every = {address for reply in told for address in reply.addresses}
        kept = sorted(every, key=address_order)
        for fits, reason in _REFUSED:
            refused = [a for a in kept if fits(a, server, self.vantage)]
            kept = [a for a in kept if a not in set(refused)]
            if refused:
                self._odd.append(f"{listed(refused)} {reason}")
        if len(kept) > _MOST_ADDRESSES:
            self._odd.append(f"of {len(kept)} addresses the first {_MOST_ADDRESSES} are kept")
        return tuple(kept[:_MOST_ADDRESSES])

    def _made(self, server: NameServer, addresses: tuple[IPAddress, ...]) -> Fact:
        near = server.keeper is not Keeper.OTHER or all(on_link(a, self.vantage) for a in addresses)
        return Fact(
            source=NAME,
            names=(self.name,),
            addresses=addresses,
            route=Route.SHARED_NETWORK if near else Route.GIVEN,
            freshness=Freshness.ANSWERED,
        )


def _failure(server: NameServer, exchange: Exchange, codes: Sequence[str], name: str) -> str:
    where = f"{server.address} port {exchange.port}"
    if exchange.failure:
        return f"{where} cannot be asked for {name} ({exchange.failure})"
    if codes:
        return f"{where} answered {' and '.join(codes)} to the question for {name}"
    return f"{where} did not answer the question for {name} in time"


def listed(addresses: Sequence[IPAddress]) -> str:
    """The addresses for a person, the first few of many."""
    more = f" and {len(addresses) - _SHOWN} more" if len(addresses) > _SHOWN else ""
    return f"{', '.join(map(str, addresses[:_SHOWN]))}{more}"


def _is_nobody(address: IPAddress, _: NameServer, __: Vantage) -> bool:
    """Whether it is an address that no machine elsewhere can have."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    plain = mapped or address
    return (
        plain.is_loopback
        or plain.is_unspecified
        or plain.is_multicast
        or plain.is_link_local
        or (plain.version == 4 and plain.is_reserved)
    )


def _is_upstream(address: IPAddress, server: NameServer, vantage: Vantage) -> bool:
    """Whether an engine's server has it from another: it asks others for unknown names."""
    known = server.keeper is not Keeper.OTHER and bool(vantage.subnets)
    return known and (not on_link(address, vantage) or address in vantage.gateways)


_REFUSED: Final[tuple[tuple[Callable[[IPAddress, NameServer, Vantage], bool], str], ...]] = (
    (_is_nobody, "cannot be a container's address"),
    (_is_upstream, "comes from another name server: no network here has that container"),
)
