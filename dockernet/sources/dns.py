"""The source of names that a container's name server knows."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import partial
from ipaddress import ip_address
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol, cast

from attrs import frozen

from dockernet.errors import FormatError, SourceError
from dockernet.formats.resolv import ResolvConf, parse_resolv_conf
from dockernet.model.addresses import IPAddress, parse_address
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.facts import Fact, Want
from dockernet.model.places import LookUp
from dockernet.model.targets import Target
from dockernet.model.vantage import Vantage
from dockernet.sources._dns.driving import drive, drive_awaiting
from dockernet.sources._dns.exchange import ANSWERED, NO_SUCH_NAME, Exchange, Question, Reply
from dockernet.sources._dns.lookup import NAME, Lookup, listed
from dockernet.sources._dns.nameservers import (
    Keeper,
    NameServer,
    engine_servers,
    name_server,
    other_servers,
    steps,
    unaskable,
)
from dockernet.sources._dns.neighbours import Neighbours
from dockernet.sources._files import why

if TYPE_CHECKING:
    from dns.message import QueryMessage
    from dns.rdata import Rdata
    from dns.rdtypes.ANY.PTR import PTR
    from dns.rrset import RRset

__all__ = ["Dns", "ask_server"]

_LONGEST_CONF: Final = 64 * 1024  # bytes
_GRACE: Final = 0.2  # seconds; a server that knows a name knows both families at once

# RFC 1035, 4.1.1 and 3.2.2; RFC 3596, 2.1
_IS_REPLY, _IS_CUT = 0x8000, 0x0200
_PTR: Final = 12
_KINDS: Final[dict[int, Literal["A", "AAAA", "PTR"]]] = {1: "A", 28: "AAAA", _PTR: "PTR"}
_NONSENSE: Final = "nonsense"


class Dns:
    """The name server of a container's network, which engines keep.

    On a user-defined network every container, alias and service has a name there. It
    is asked for the addresses of a name (A and AAAA at once), and for the names of
    addresses (PTR) when every peer is wanted; for nothing else. There is no discovery
    of ports by SRV, since Docker's server has no such records and would forward the
    question, and the name with it, to a stranger. Times to live are not believed, and
    nothing is kept. The case of a name stays as it is: links' aliases depend on it.

    **Who is asked.** Docker's embedded server (127.0.0.11) or Podman's (the gateway,
    with ``search dns.podman``), if ``/etc/resolv.conf`` names one. On the default
    bridge, in host mode and on a host it names none: containers have no names there,
    and asking would tell them to a stranger, so nobody is asked.

    **What is believed.** An engine's server forwards names that it does not know, so
    an answer outside of the container's own networks is no container's. Answers for
    other names, addresses that no container can have, and messages that answer no
    question are left out, and a diagnostic tells of them. Of too many the first are
    heeded: 256 addresses of a name, 64 names of an address, 16 servers and domains.

    **What is found out.** That a server knows no such name is no proof that there is
    no such container: it depends on the networks that both are on. A server that does
    not answer, or cannot, is a SourceError.

    **Neighbours** are found by the names of the addresses around the own one, and only
    on the container's own networks: at most 256 questions, in two seconds at most. For
    an address that nobody has an engine's server asks the server that it forwards to.
    ``sweep=False`` turns this off.

    Args:
        nameservers: Addresses of the servers to ask, instead of those of the file.
        everywhere: Ask the servers of the file even where no engine keeps them, with
            the file's search domains.
        sweep: Whether to look for neighbours when every peer is wanted.
        timeout: Seconds for one name.
        sweep_timeout: Seconds for all neighbours.
        port: The servers' port.
        path: The file that names the servers.

    Example:
        >>> from dockernet import Dns, Resolver, Vantage
        >>> Resolver([Dns(path="/no/such/file")], vantage=Vantage()).peers()
        ()
    """

    name = NAME

    def __init__(
        self,
        nameservers: Iterable[str | IPAddress] | None = None,
        *,
        everywhere: bool = False,
        sweep: bool = True,
        timeout: float = 1.0,
        sweep_timeout: float = 2.0,
        port: int = 53,
        path: str | PathLike[str] = "/etc/resolv.conf",
    ) -> None:
        if isinstance(nameservers, str | bytes):
            raise TypeError("name servers are a sequence of addresses, not a text")
        for seconds in (timeout, sweep_timeout):
            if not 0 < seconds <= threading.TIMEOUT_MAX:
                raise FormatError(str(seconds), "expected a timeout of more than 0 seconds")
        given = (
            None
            if nameservers is None
            else tuple(name_server(parse_address(str(a))) for a in nameservers)
        )
        if given == ():
            raise FormatError("()", "expected the address of a name server, or None")
        self._given = given
        self._everywhere = everywhere
        self._sweep = sweep
        self._timeout = timeout
        self._sweep_timeout = sweep_timeout
        self._port = port
        self._path = Path(path)

    def read(self, want: Want) -> tuple[Fact | Diagnostic, ...]:
        """Ask for the wanted name, or for the neighbours.

        Raises:
            SourceError: The server cannot be asked, or the file cannot be read.
        """
        inquiry = self._inquiry(want)
        for exchange in inquiry.exchanges():
            drive(exchange)
        return inquiry.findings()

    async def aread(self, want: Want) -> tuple[Fact | Diagnostic, ...]:
        """`read`, awaited."""
        inquiry = self._inquiry(want)
        for exchange in inquiry.exchanges():
            await drive_awaiting(exchange)
        return inquiry.findings()

    def _inquiry(self, want: Want) -> _Inquiry:
        if want.target is not None:
            return self._lookup(want.target, want.vantage)
        sweeps = self._sweep and not want.covered
        return self._neighbours(want.vantage) if sweeps else _Nothing()

    def _lookup(self, target: Target, vantage: Vantage) -> _Inquiry:
        if not _is_a_peers_name(target, vantage):
            return _Nothing()
        reason = unaskable(target.name)
        if reason:
            return _not_asked(target.name, reason)
        conf = self._conf()
        servers = self._servers(conf, vantage)
        if not servers:
            return _not_asked(target.name, _nobody(conf))
        return Lookup(
            name=target.name,
            steps=steps(target.name, servers, conf),
            vantage=vantage,
            codec=_Messages(),
            port=self._port,
            left=self._timeout,
        )

    def _neighbours(self, vantage: Vantage) -> _Inquiry:
        conf = self._conf()
        servers = [s for s in self._servers(conf, vantage) if s.keeper is not Keeper.OTHER]
        if not servers:
            return _not_asked("neighbours", _nobody(conf))
        return Neighbours(
            vantage=vantage,
            server=servers[0],
            codec=_Messages(),
            port=self._port,
            left=self._sweep_timeout,
        )

    def _servers(self, conf: ResolvConf, vantage: Vantage) -> tuple[NameServer, ...]:
        if self._given is not None:
            return self._given
        kept = engine_servers(conf, vantage)
        return kept or (other_servers(conf) if self._everywhere else ())

    def _conf(self) -> ResolvConf:
        if self._given is not None:
            return ResolvConf()
        try:
            with self._path.open("rb") as file:
                return parse_resolv_conf(file.read(_LONGEST_CONF).decode("utf-8", "replace"))
        except (FileNotFoundError, NotADirectoryError):
            return ResolvConf()  # No file, no servers: that is an answer.
        except (OSError, ValueError) as error:
            reason = f"{self._path} cannot be read ({why(error)}): check its permissions"
            raise SourceError(NAME, reason) from error

    def __repr__(self) -> str:
        return f"Dns({list(map(str, (s.address for s in self._given or ())))})"


def ask_server(name: str, server: IPAddress, seconds: float, port: int = 53) -> LookUp:
    """Ask one name server for the addresses of a name, and tell what it says as it says it.

    Args:
        name: The name, in full.
        server: The server.
        seconds: How long it may take.
        port: The server's port.
    """
    reason = unaskable(name)
    if reason:
        return LookUp(name=name, word=reason)
    questions = iter((Question(name, "A"), Question(name, "AAAA")))
    exchange = Exchange(
        codec=_Messages(),
        server=server,
        port=port,
        ask=partial(next, questions, None),
        seconds=seconds,
        waits=(seconds / 2, seconds / 2),
        grace=_GRACE,
    )
    drive(exchange)
    replies = exchange.replies.values()
    codes = {reply.code for reply in replies}
    return LookUp(
        name=name,
        server=server,
        code=next((c for c in (ANSWERED, NO_SUCH_NAME) if c in codes), min(codes, default="")),
        addresses=tuple(dict.fromkeys(a for reply in replies for a in reply.addresses)),
        word=exchange.failure,
    )


class _Inquiry(Protocol):
    """What is asked, and what is made of the answers; none of it does any I/O."""

    def exchanges(self) -> Iterable[Exchange]:
        """What is to be driven, each before the next is taken."""
        ...

    def findings(self) -> tuple[Fact | Diagnostic, ...]:
        """What was found; it may raise a SourceError."""
        ...


@frozen
class _Nothing:
    """An inquiry that asks nobody."""

    diagnostics: tuple[Diagnostic, ...] = ()

    def exchanges(self) -> tuple[Exchange, ...]:
        return ()

    def findings(self) -> tuple[Fact | Diagnostic, ...]:
        return self.diagnostics


def _not_asked(subject: str, reason: str) -> _Nothing:
    return _Nothing((Diagnostic(NAME, subject, f"not asked: {reason}"),))


def _nobody(conf: ResolvConf) -> str:
    """Why there is nobody to ask."""
    if not conf.nameservers:
        return "no name server that an engine keeps is known here"
    named = listed(conf.nameservers)
    return f"no engine keeps {named}; containers have names on user-defined networks alone"


def _is_a_peers_name(target: Target, vantage: Vantage) -> bool:
    own = {name.casefold() for name in (vantage.hostname, vantage.name) if name}
    name = target.name.casefold()
    local = name == "localhost" or name.endswith(".localhost")  # RFC 6761, 6.3
    plain = target.address is None and target.project is None and not target.is_host
    return plain and not local and name not in own


class _Messages:
    """Questions and replies as bytes: all that is used of dnspython.

    It is imported when there is a first question: most look-ups end before, and it
    takes longer to import than the rest of this package.
    """

    def encode(self, question: Question, /) -> tuple[int, bytes]:
        """A query with a number of its own, in the case that the name has."""
        from dns import message, name  # noqa: PLC0415 - see above

        labels = (*(label.encode("ascii") for label in question.name.split(".")), b"")
        query = message.make_query(name.Name(labels), question.kind)
        return query.id, query.to_wire()

    def decode(self, data: bytes, /) -> Reply | None:
        """The reply that the bytes are, if they are one to a question of ours."""
        from dns import exception, message  # noqa: PLC0415 - see above

        try:
            told = message.from_wire(data, ignore_trailing=True)
        except exception.DNSException:
            return None
        if not isinstance(told, message.QueryMessage) or len(told.question) != 1:
            return None
        return _reply(told) if told.flags & _IS_REPLY else None


def _reply(told: QueryMessage) -> Reply | None:
    """What a message says, as far as it answers its question."""
    from dns import exception, rcode  # noqa: PLC0415 - see above

    [asked] = told.question
    kind = _KINDS.get(asked.rdtype)
    if kind is None:
        return None
    name = b".".join(asked.name.labels[:-1]).decode("latin-1").lower()
    question = Question(name, kind)
    try:
        chain = told.resolve_chaining()  # within the message, and not for ever
    except exception.DNSException:
        return Reply(id=told.id, question=question, code=_NONSENSE)
    answers = _answers(told, chain.answer)
    owners = {rrset.name for rrset in (*chain.cnames, *answers)}
    records = [record for rrset in answers for record in cast("Iterable[Rdata]", rrset)]
    return Reply(
        id=told.id,
        question=question,
        code=rcode.to_text(told.rcode()),
        truncated=bool(told.flags & _IS_CUT),
        addresses=tuple(ip_address(r.to_text()) for r in records if kind != "PTR"),
        names=tuple(cast("PTR", r).target.labels[:-1] for r in records if kind == "PTR"),
        strangers=sum(len(rrset) for rrset in told.answer if rrset.name not in owners),
    )


def _answers(told: QueryMessage, answer: RRset | None) -> list[RRset]:
    """The records that answer the question: of its name, or of the one that it stands for.

    Up to aardvark-dns 1.4, Podman's server gives the names of an address to the root.
    """
    if answer is not None:
        return [answer]
    return [r for r in told.answer if r.rdtype == _PTR and r.name.labels == (b"",)]
