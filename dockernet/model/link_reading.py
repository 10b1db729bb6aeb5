"""The variables that tell a recipient of its links, read.

The names are ambiguous: an alias may hold ``_PORT_80_TCP`` or ``_ENV_``, a peer's own
variables may look like a link, and an application may call its settings ``DB_PORT``
and ``DB_NAME``. So reading goes in three steps. First the prefixes are found that
something confirms, then each variable goes to the longest confirmed prefix that it
starts with, and only then are values read, each checked against its companions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from attrs import define, field

from dockernet.errors import FormatError
from dockernet.model.addresses import IPAddress, address_order, parse_address
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.link_variables import LinkKind, fold, split_path
from dockernet.model.ports import Port, Protocol

__all__ = ["Told", "read_variables"]

_LONGEST_NAME: Final = 1024  # characters; a longer name would hold an absurd alias
_LONGEST_URL: Final = 128  # the longest true one has 68
_WIDEST_RANGE: Final = 16_384  # ports; all dynamic ports, 49152 to 65535
_HIGHEST: Final = 65_535

_PROTOCOLS: Final[Mapping[str, Protocol]] = {"tcp": "tcp", "udp": "udp", "sctp": "sctp"}

_LINK_ENDS: Final = ("_PORT", "_NAME", "_SERVICE_HOST")
_URL_ENDS: Final = ("_TCP", "_UDP", "_SCTP")
_NUMBERS: Final = r"(?P<first>[0-9]+)(?:-(?P<last>[0-9]+))?"
_PORT_TAIL: Final = re.compile(rf"_PORT_{_NUMBERS}_(?P<protocol>TCP|UDP|SCTP)")
_ENV: Final = re.compile(r"(?=_ENV_)")
_URL: Final = re.compile(
    rf"(?P<protocol>tcp|udp|sctp)://(?P<host>.+):{_NUMBERS}", re.IGNORECASE | re.ASCII
)


class Told(NamedTuple):
    """What variables tell of one link; the attributes are those of a link."""

    alias: str
    recipient: str | None
    addresses: tuple[IPAddress, ...]
    ports: tuple[Port, ...]
    environ: Mapping[str, str]
    kind: LinkKind


def read_variables(
    environ: Mapping[str, str],
) -> tuple[tuple[Told, ...], tuple[Diagnostic, ...]]:
    """Read what variables tell of links, sorted by alias, and what is odd among them."""
    reading = _Reading()
    reading.sift(environ.items())
    reading.confirm()
    reading.hand_out()
    told = sorted(reading.links(), key=lambda told: (told.alias, fold(told.alias)))
    odd = sorted(reading.odd, key=lambda diagnostic: (diagnostic.subject, diagnostic.reason))
    return tuple(told), tuple(odd)


class _Said(NamedTuple):
    """What a URL says: the ports from the first to the last, nearly always one."""

    protocol: Protocol
    address: IPAddress
    first: int
    last: int

    @property
    def port(self) -> tuple[Protocol, int, int]:
        return self.protocol, self.first, self.last

    @property
    def numbers(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"


def _said_order(said: _Said) -> tuple[bool, str, int, tuple[int, int]]:
    return said.protocol != "tcp", said.protocol, said.first, address_order(said.address)


# These three are asked for the same few texts at each resolve. What does not parse is
# not remembered, so that no application's secret stays here.
_address = lru_cache(maxsize=256)(parse_address)


@lru_cache(maxsize=256)
def _read_url(text: str) -> _Said:
    match = _URL.fullmatch(text) if len(text) <= _LONGEST_URL else None
    if match is None:
        raise FormatError(text, "expected a URL such as tcp://172.17.0.2:5432")
    return _Said(_PROTOCOLS[match["protocol"].lower()], _address(match["host"]), *_span(match))


@lru_cache(maxsize=256)
def _read_tail(tail: str) -> tuple[Protocol, int, int] | None:
    match = _PORT_TAIL.fullmatch(tail)
    return match and (_PROTOCOLS[match["protocol"].lower()], *_span(match))


def _span(match: re.Match[str]) -> tuple[int, int]:
    first = int(match["first"])
    last = int(match["last"] or first)
    if not 1 <= first <= last <= _HIGHEST:
        raise FormatError(match[0], f"expected a port from 1 to {_HIGHEST}, or a range of them")
    if last - first >= _WIDEST_RANGE:
        raise FormatError(match[0], f"the range has more than {_WIDEST_RANGE} ports")
    return first, last


def _is_address(text: str, said: _Said) -> bool:
    try:
        return len(text) <= _LONGEST_URL and _address(text) == said.address
    except FormatError:
        return False


# What stands beside a port variable, and how it agrees with the URL. Upper-case
# protocols and ranges come from `expose` keys that engines before 29 took literally.
_COMPANIONS: Final[Mapping[str, Callable[[str, _Said], bool]]] = {
    "_ADDR": _is_address,
    "_PORT": lambda text, said: text == said.numbers,
    "_PROTO": lambda text, said: text.lower() == said.protocol,
}


def _owners(name: str) -> set[str]:
    """The prefixes among whose peers' own variables a name may be."""
    return {name[: match.start()] for match in _ENV.finditer(name)}


@define
class _Reading:
    """One environment being read.

    Attributes:
        texts: The variables that may belong to a link.
        odd: What was odd so far.
        names: Recipient and alias of each prefix that a ``_NAME`` confirms.
        services: The prefixes that a ``_SERVICE_HOST`` confirms.
        openings: How the variables of a confirmed prefix start, and the prefix.
        heard: What the port variables of each prefix say, by the variable's name.
        environs: The peer's own environment, by prefix.
    """

    texts: dict[str, str] = field(factory=dict[str, str])
    odd: list[Diagnostic] = field(factory=list[Diagnostic])
    names: dict[str, tuple[str, str]] = field(factory=dict[str, tuple[str, str]])
    services: set[str] = field(factory=set[str])
    openings: dict[str, str] = field(factory=dict[str, str])
    heard: dict[str, dict[str, _Said]] = field(factory=dict[str, dict[str, _Said]])
    environs: dict[str, dict[str, str]] = field(factory=dict[str, dict[str, str]])

    def note(self, subject: str, reason: str) -> None:
        self.odd.append(Diagnostic("environ", subject, reason))

    def sift(self, variables: Iterable[tuple[object, object]]) -> None:
        """Keep what may belong to a link; most of an environment does not."""
        for name, value in variables:
            if isinstance(name, str) and (
                "_PORT_" in name or "_ENV_" in name or name.endswith(_LINK_ENDS)
            ):
                self.keep(name, value)

    def keep(self, name: str, value: object) -> None:
        if len(name) > _LONGEST_NAME:
            self.note(name, f"the name has more than {_LONGEST_NAME} characters")
        elif isinstance(value, str):
            self.texts[name] = value
        else:
            self.note(name, "the value is not text")

    def confirm(self) -> None:
        """Find the prefixes that are links for certain, and how their variables start."""
        for name, value in self.texts.items():
            if name.endswith("_NAME"):
                self.confirm_name(name.removesuffix("_NAME"), value)
        for name in self.texts:
            if name.endswith("_SERVICE_HOST") and not _owners(name) & self.names.keys():
                self.services.add(name.removesuffix("_SERVICE_HOST"))
        # Kubernetes calls a named port <P>_SERVICE_PORT_<NAME>, and a port may well be
        # named "80-tcp". A service that is itself called "<p>-service" overrides this.
        self.openings.update({f"{p}_SERVICE_PORT_": p for p in self.services})
        for prefix in (*self.services, *self.names):
            self.openings.update({f"{prefix}_PORT": prefix, f"{prefix}_PORT_": prefix})
        for prefix in self.names:
            self.openings.update({f"{prefix}_NAME": prefix, f"{prefix}_ENV_": prefix})

    def confirm_name(self, prefix: str, value: str) -> None:
        recipient, alias = split_path(value)
        # Folding keeps the length, so a value of megabytes is not even folded.
        if not recipient or not alias or len(alias) != len(prefix) or fold(alias) != prefix:
            return
        # An alias with slashes is rare, an application's DB_NAME=/var/lib/db is not.
        if value.count("/") == 2 or "://" in self.texts.get(f"{prefix}_PORT", ""):
            self.names[prefix] = recipient, alias

    def hand_out(self) -> None:
        """Give each variable to the longest confirmed prefix, and hear what ports say."""
        for name, value in self.texts.items():
            is_port = name.endswith(_URL_ENDS)
            if not is_port and "_ENV_" not in name:
                continue  # companions are looked up by name, ranges are decoration
            opening = self.opening_of(name)
            if opening.endswith("_ENV_"):
                environ = self.environs.setdefault(self.openings[opening], {})
                environ[name.removeprefix(opening)] = value
            elif is_port:
                self.hear(self.openings.get(opening) or name.rpartition("_PORT_")[0], name, value)

    def opening_of(self, name: str) -> str:
        """The longest start of a name that a confirmed prefix owns, or nothing."""
        if name in self.openings:
            return name
        stop = len(name)
        while (at := max(name.rfind("_PORT_", 0, stop), name.rfind("_ENV_", 0, stop))) > 0:
            opening = name[: name.index("_", at + 1) + 1]
            if opening in self.openings:
                return opening
            stop = at + 1  # two of them may share an underscore
        return ""

    def hear(self, prefix: str, name: str, value: str) -> None:
        if not prefix:
            return
        try:
            port = _read_tail(name.removeprefix(prefix))
            if port is None:
                return
            said = _read_url(value)
        except FormatError as error:
            self.note(name, error.reason)
            return
        if said.port == port:
            self.heard.setdefault(prefix, {})[name] = said
        else:
            self.note(name, "the URL has another port or protocol than the variable's name")

    def links(self) -> Iterator[Told]:
        """Tell the links, shorter prefixes first: one may own what looks like another."""
        known = self.names.keys() | self.services
        for prefix in sorted({*self.names, *self.heard}, key=lambda prefix: (len(prefix), prefix)):
            if prefix not in known and known & _owners(f"{prefix}_"):
                continue
            alias, recipient, kind = self.identity(prefix)
            heard = self.backed(prefix, kind)
            if heard or kind is LinkKind.DOCKER:
                known.add(prefix)
                addresses, ports = self.settle(prefix, heard)
                environ = self.environs.get(prefix, {})
                yield Told(alias, recipient, addresses, ports, environ, kind)

    def identity(self, prefix: str) -> tuple[str, str | None, LinkKind]:
        if prefix in self.names:
            recipient, alias = self.names[prefix]
            return alias, recipient, LinkKind.DOCKER
        if split_path(self.texts.get(f"{prefix}_NAME", ""))[0] is not None:
            self.note(f"{prefix}_NAME", "the alias that it names does not fold to its prefix")
        if prefix in self.services:
            return prefix.lower().replace("_", "-"), None, LinkKind.KUBERNETES
        return prefix.lower(), None, LinkKind.UNCONFIRMED

    def backed(self, prefix: str, kind: LinkKind) -> dict[str, _Said]:
        """Check port variables against what stands beside them, and keep what holds."""
        heard = self.heard.get(prefix, {})
        agreeing = {name: self.count_agreeing(name, said) for name, said in heard.items()}
        if kind is LinkKind.KUBERNETES:
            host = f"{prefix}_SERVICE_HOST"
            if not all(_is_address(self.texts[host], said) for said in heard.values()):
                self.note(host, "it disagrees with the port variables")
        if kind is not LinkKind.UNCONFIRMED:
            return heard
        for name, count in agreeing.items():
            if count < len(_COMPANIONS):
                self.note(name, "neither a _NAME nor all of _ADDR, _PORT and _PROTO confirm it")
        return {n: said for n, said in heard.items() if agreeing[n] == len(_COMPANIONS)}

    def count_agreeing(self, name: str, said: _Said) -> int:
        count = 0
        for end, agrees in _COMPANIONS.items():
            beside = name + end
            text = self.texts.get(beside)
            if text is None or beside in self.openings:
                continue  # SEA_PORT_80_TCP_PORT may be of a link with a longer prefix
            if agrees(text, said):
                count += 1
            else:
                self.note(beside, f"it disagrees with {name}")
        return count

    def settle(
        self, prefix: str, heard: dict[str, _Said]
    ) -> tuple[tuple[IPAddress, ...], tuple[Port, ...]]:
        """Settle on one address, and take the ports that are there."""
        first = self.first_port(prefix)
        if first is not None and not heard:
            heard = {f"{prefix}_PORT": first}
        if not heard:
            return (), ()
        address = self.choose_address(prefix, first, heard)
        numbers: dict[Protocol, set[int]] = {}
        for name, said in heard.items():
            if said.address == address:
                numbers.setdefault(said.protocol, set()).update(range(said.first, said.last + 1))
            else:
                self.note(name, "its address is not the link's; two aliases may share the prefix")
        ports = (Port(n, protocol) for protocol, found in numbers.items() for n in found)
        return (address,), tuple(ports)

    def first_port(self, prefix: str) -> _Said | None:
        try:
            return _read_url(self.texts.get(f"{prefix}_PORT", ""))
        except FormatError:
            return None  # an application's own DB_PORT=5432 is nothing odd

    def choose_address(
        self, prefix: str, first: _Said | None, heard: dict[str, _Said]
    ) -> IPAddress:
        said = heard.values()
        if first is not None and first not in said:
            self.note(f"{prefix}_PORT", "no port variable has this URL")
        if first is not None and any(first.address == other.address for other in said):
            return first.address
        return min(said, key=_said_order).address
