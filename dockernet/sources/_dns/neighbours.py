"""The neighbours of the caller, by the names that an engine's server has for addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from attrs import define, evolve, field, frozen

from dockernet.errors import FormatError, SourceError
from dockernet.formats.ptr import is_short_id, names_first, parse_labels, shared_network
from dockernet.model.addresses import IPAddress, address_order
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.facts import Fact, Freshness
from dockernet.model.vantage import Vantage
from dockernet.refusals import Route
from dockernet.sources._dns.exchange import Codec, Exchange, Question, Reply
from dockernet.sources._dns.lookup import NAME, listed
from dockernet.sources._dns.nameservers import Keeper, NameServer
from dockernet.sources._dns.sweep import Home, Sweep, homes

__all__ = ["Neighbours"]

_PATIENCE: Final = 0.3  # seconds for an address; a name that is known takes a millisecond
_AGAIN: Final = 0.1  # seconds after which the caller's own address is asked for again
_WINDOW: Final = 32  # questions under way
_MOST_NAMES: Final = 64  # of one address


@frozen
class _Named:
    """An address and the names that were told for it."""

    address: IPAddress
    names: tuple[str, ...]

    @property
    def ending(self) -> str:
        """The last label, where Docker's server has the network."""
        return self.names[0].rpartition(".")[2]

    @property
    def has_id(self) -> bool:
        """Whether a short id is among the names, as Podman's server has it."""
        return any(map(is_short_id, self.names))


@define(eq=False, repr=False, kw_only=True)
class Neighbours:
    """The neighbours on the caller's own networks.

    First the caller's own addresses are asked for. A subnet where the server has no
    name for them is none of its networks, and for every address there it would ask
    another. What it has from another shows by names that are not like the caller's.

    Attributes:
        vantage: Where the caller stands.
        server: The engine's server.
        codec: What knows the bytes.
        port: The server's port.
        left: The seconds that are left for all of it.
    """

    vantage: Vantage
    server: NameServer
    codec: Codec
    port: int
    left: float
    _own: dict[Home, _Named] = field(factory=dict[Home, _Named], init=False)
    _met: dict[Home, list[_Named]] = field(factory=dict[Home, list[_Named]], init=False)
    _foreign: list[IPAddress] = field(factory=list[IPAddress], init=False)
    _failure: str = field(default="", init=False)
    _asked: dict[Question, IPAddress] = field(factory=dict[Question, IPAddress], init=False)
    _odd: list[Diagnostic] = field(factory=list[Diagnostic], init=False)

    def exchanges(self) -> Iterator[Exchange]:
        """What is to be driven, each before the next is taken."""
        asked = {_question(h.own): h for h in homes(self.vantage.addresses, self.vantage.subnets)}
        if not asked:
            return
        waits = _AGAIN, _PATIENCE - _AGAIN
        first = self._exchange(partial(next, iter(asked), None), waits)
        yield first
        self.left -= first.spent
        for question, reply in first.replies.items():
            named = self._named(asked[question].own, reply)
            if named is not None:
                self._own[asked[question]] = named
        if not first.replies:
            self._failure = first.failure or "it does not answer"
        elif self._own:
            yield from self._swept()

    def findings(self) -> tuple[Fact | Diagnostic, ...]:
        """What was found.

        Raises:
            SourceError: The server could not be asked.
        """
        if self._failure:
            where = f"{self.server.address} port {self.port}"
            reason = f"{where} cannot be asked for neighbours ({self._failure}): name them instead"
            raise SourceError(NAME, reason)
        facts: dict[tuple[str, str | None], Fact] = {}
        for home, met in self._met.items():
            for fact in self._facts(home, met):
                known = facts.get((fact.name, fact.network))
                facts[fact.name, fact.network] = fact if known is None else _joined(known, fact)
        ordered = sorted(facts.values(), key=lambda fact: address_order(fact.addresses[0]))
        return (*ordered, *self._odd)

    def _swept(self) -> Iterator[Exchange]:
        """Ask for the addresses around the caller's own."""
        skipped = frozenset((*self.vantage.gateways, *self.vantage.addresses))
        sweep = Sweep(tuple(self._own), skipped)
        waits = (_PATIENCE,)
        exchange = self._exchange(partial(self._next, sweep), waits, partial(self._told, sweep))
        yield exchange
        if sweep.exhausted or exchange.spent >= exchange.seconds:
            self._note(f"{sweep.asked} addresses were asked for and no more: there may be others")
        if self._foreign:
            self._note(f"{listed(self._foreign)} have names that another name server told")

    def _next(self, sweep: Sweep) -> Question | None:
        address = sweep.next_address()
        if address is None:
            return None
        question = _question(address)
        self._asked[question] = address
        return question

    def _told(self, sweep: Sweep, question: Question, reply: Reply) -> None:
        named = self._named(self._asked[question], reply)
        if named is None:
            return
        home = max((h for h in self._own if named.address in h.subnet), key=_narrowness)
        if _is_like(self._own[home], named, self.server.keeper):
            self._met.setdefault(home, []).append(named)
            sweep.meet(named.address)
        else:
            self._foreign.append(named.address)

    def _exchange(
        self,
        ask: Callable[[], Question | None],
        waits: tuple[float, ...],
        told: Callable[[Question, Reply], None] | None = None,
    ) -> Exchange:
        return Exchange(
            codec=self.codec,
            server=self.server.address,
            port=self.port,
            ask=ask,
            told=told,
            seconds=max(self.left, 0.0),
            waits=waits,
            window=_WINDOW,
        )

    def _named(self, address: IPAddress, reply: Reply) -> _Named | None:
        """The names that were told for an address; those that no peer can have are left out."""
        names: list[str] = []
        odd: list[str] = []
        for labels in reply.names[:_MOST_NAMES]:
            try:
                names.append(parse_labels(labels))
            except FormatError as error:
                odd.append(f"its name: {error.reason}")
        if len(reply.names) > _MOST_NAMES:
            odd.append(f"of {len(reply.names)} names the first {_MOST_NAMES} are heeded")
        self._odd += (Diagnostic(NAME, str(address), reason) for reason in dict.fromkeys(odd))
        return _Named(address, names_first(names)) if names else None

    def _facts(self, home: Home, met: Sequence[_Named]) -> Iterator[Fact]:
        network = None
        if self.server.keeper is Keeper.DOCKER:
            network = shared_network(n.names[0] for n in (self._own[home], *met)) or None
        for named in met:
            short = () if network is None else (named.names[0].removesuffix(f".{network}"),)
            yield Fact(
                source=NAME,
                names=(*short, *named.names),
                addresses=(named.address,),
                route=Route.SHARED_NETWORK,
                freshness=Freshness.ANSWERED,
                network=network,
            )

    def _note(self, reason: str) -> None:
        self._odd.append(Diagnostic(NAME, "neighbours", reason))


def _question(address: IPAddress) -> Question:
    # In lower case: up to 20.10 another spelling of the domain is never answered.
    return Question(address.reverse_pointer, "PTR")


def _narrowness(home: Home) -> int:
    return home.subnet.prefixlen


def _is_like(own: _Named, other: _Named, keeper: Keeper) -> bool:
    """Whether a name is made as the caller's own is, by the same server."""
    if keeper is Keeper.DOCKER:
        return own.ending == other.ending
    return other.has_id or not own.has_id


def _joined(one: Fact, other: Fact) -> Fact:
    """One peer's addresses of both families, or on several networks, together."""
    addresses = sorted({*one.addresses, *other.addresses}, key=address_order)
    names = tuple(dict.fromkeys((*one.names, *other.names)))
    return evolve(one, names=names, addresses=tuple(addresses))
