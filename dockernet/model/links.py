"""Links: who is linked, to whom, under which alias, and where that was learnt."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, Self

from attrs import field, frozen

from dockernet.errors import FormatError
from dockernet.model.addresses import IPAddress
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.endpoints import Endpoint
from dockernet.model.hosts_lines import HostsLine, hosts_name
from dockernet.model.link_reading import Told, read_variables
from dockernet.model.link_variables import (
    LinkKind,
    Place,
    fold,
    in_engine_order,
    port_variables,
    secret_variables,
    service_variables,
    split_path,
)
from dockernet.model.mappings import SecretMap
from dockernet.model.ports import Port
from dockernet.model.provenance import Provenance

__all__ = ["Link", "LinkKind", "LinkReport", "LinkVariables", "links_environ", "places_of"]

_EXPECTED: Final = "expected a container's name and, after a colon, an alias, as in web:dedoimedo"
# What an engine links to: it calls these running (daemon/container/state.go in moby).
_LEADING: Final = frozenset({None, "paused", "restarting", "running"})
_SPEC: Final = "expected PEER[:ALIAS[:PORT[/PROTOCOL]]], as in db:database:5432"


@frozen
class Link:
    """A link: the peer, the alias that it is known by, and the recipient of the link.

    Attributes:
        alias: The name the recipient knows the peer by, in its own spelling. An engine
            takes slashes in it; what it tells then counts from the last one on, and
            ``<P>_NAME`` alone would have the rest.
        recipient: The container that was given the link; ``None`` where not known.
        peer: The container that is linked; ``None`` where not known, as the
            variables never tell it.
        addresses: The peer's addresses, best first.
        ports: The peer's exposed ports, each once and in the order of a current engine:
            tcp first, then the other protocols by name, and by number within each.
        environ: The peer's own environment; its values are secrets and never show.
        kind: What confirms the link.
        endpoints: What the recipient dials for each port, where that is not the
            address and the container port, as over a host port.
        networks: The networks that it is of; none for a legacy link.
        peer_state: The state of the peer when the engine was asked, ``removed`` where
            there is no such container any more; ``None`` where not asked.
        provenances: The places that tell of the link, the freshest first. Links are
            equal wherever they were learnt.

    Example:
        >>> from dockernet import Link
        >>> environ = {
        ...     "DB_PORT_5432_TCP": "tcp://172.17.0.2:5432",
        ...     "DB_NAME": "/web/db",
        ... }
        >>> [link] = Link.from_environ(environ)
        >>> print(link.alias, link.address, link.port)
        db 172.17.0.2 5432/tcp
    """

    alias: str
    recipient: str | None = None
    peer: str | None = None
    addresses: tuple[IPAddress, ...] = ()
    ports: tuple[Port, ...] = field(default=(), converter=in_engine_order)
    environ: SecretMap = field(factory=SecretMap, converter=SecretMap, repr=False)
    kind: LinkKind = LinkKind.DOCKER
    endpoints: tuple[Endpoint, ...] = ()
    networks: tuple[str, ...] = ()
    peer_state: str | None = None
    provenances: tuple[Provenance, ...] = field(default=(), eq=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the argument of ``--link``, or a link as ``docker inspect`` shows it.

        These are ``web``, whose alias is the name as it stands, ``web:dedoimedo``, and
        ``/web:/recipient/dedoimedo``. As with an engine, anything goes in an alias.

        Raises:
            FormatError: There is a second colon, or a name is empty.

        Example:
            >>> from dockernet import Link
            >>> Link.parse("/web:/tour/dedoimedo").recipient
            'tour'
        """
        # The grammar is that of ParseLink in moby's daemon/pkg/opts/opts.go.
        name, colon, alias = text.partition(":")
        if ":" in alias:
            second = len(name) + 1 + alias.index(":")
            raise FormatError(text, f"a link has one colon at most; {_EXPECTED}", second)
        peer = name.removeprefix("/")
        recipient: str | None = None
        if not colon:
            alias = peer
        elif name.startswith("/"):
            recipient, alias = split_path(alias)
        if not peer or not alias or peer.startswith("/"):
            raise FormatError(text, _EXPECTED)
        return cls(alias, recipient, peer)

    @classmethod
    def from_spec(cls, text: str) -> Self:
        """Parse what to link as ``PEER[:ALIAS[:PORT[/PROTOCOL]]]``.

        The peer may be ``project/service``; the alias is its name unless given. With a
        port the link has that port alone, whatever the peer exposes.

        Raises:
            FormatError: The text is not of that form.

        Example:
            >>> from dockernet import Link
            >>> Link.from_spec("shop/db:database:5432").ports
            (Port(number=5432, protocol='tcp'),)
        """
        peer, _, rest = text.partition(":")
        alias, colon, port = rest.partition(":")
        alias = alias or peer.rpartition("/")[2]
        if not peer or not alias or (colon and not port):
            raise FormatError(text, _SPEC)
        return cls(alias, None, peer, ports=(Port.parse(port),) if colon else ())

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> tuple[Link, ...]:
        """Read the links that an environment tells of, sorted by alias.

        It is :meth:`read_environ` without the diagnostics; nothing in an environment
        makes it raise.
        """
        return cls.read_environ(environ).links

    @staticmethod
    def read_environ(environ: Mapping[str, str]) -> LinkReport:
        """Read the links that an environment tells of, and what was odd in it.

        The variables are those of moby's ``daemon/links/links.go``, from the first
        engines to the last that set them, and those of Kubernetes'
        ``pkg/kubelet/envvars``. A prefix is a link if one of these holds:

        - ``<P>_NAME`` is ``/recipient/alias`` and the alias folds to the prefix. Such a
          link may have no ports. Its alias has the original spelling.
        - ``<P>_SERVICE_HOST`` is set, and a port. The alias is the service's name. Of
          the characters that Kubernetes folds to ``_``, such a name can hold ``-`` only.
        - All four variables of a port are set and agree. The spelling of the alias is
          lost: it is the prefix in lower case.

        Application variables such as ``DB_PORT=5432`` or ``DB_NAME=mydb`` are none of
        these. A peer's own variables, ``<P>_ENV_*``, are never read as a link. Where
        the variables of one prefix tell several addresses, two aliases fold to that
        prefix. Then ``<P>_PORT`` and ``<P>_NAME`` are of the last one that was set, and
        only its ports are kept; the two environments cannot be told apart.

        Example:
            >>> from dockernet import Link
            >>> report = Link.read_environ({"DB_PORT_5432_TCP": "somewhere"})
            >>> print(report.diagnostics[0])
            environ: DB_PORT_5432_TCP: expected a URL such as tcp://172.17.0.2:5432
        """
        told, odd = read_variables(environ)
        return LinkReport(tuple(map(_link, told)), odd)

    @property
    def address(self) -> IPAddress | None:
        """The best address, where one is known."""
        return self.addresses[0] if self.addresses else None

    @property
    def port(self) -> Port | None:
        """The port that ``<P>_PORT`` names on a current engine.

        That is the lowest tcp port; without one the lowest of the first protocol by
        name. Engines before 28.0 took the lowest number of all.
        """
        return self.ports[0] if self.ports else None

    @property
    def prefix(self) -> str:
        """What the link's variables start with: the alias, folded as an engine does.

        The last path element is taken in upper case, with ``_`` for ``-``, and nothing
        else changes, so a prefix need not be a name that a shell accepts.

        Example:
            >>> from dockernet import Link
            >>> Link("db-main.v1").prefix
            'DB_MAIN.V1'
        """
        return fold(self.alias)

    @property
    def dangling(self) -> bool:
        """Whether its peer is known to be stopped, or to be gone."""
        return self.peer_state not in _LEADING

    def to_environ(
        self, *, secrets: bool | Collection[str] = False, kind: LinkKind = LinkKind.DOCKER
    ) -> dict[str, str]:
        """Write the variables that Engine 28 and later would set, in their order.

        Only with an address are there variables for ports: the first IPv4 one of the
        addresses, or else the first; where there are endpoints, they tell what is
        dialled. A link whose recipient is not known has no ``<P>_NAME``, and then
        nothing but its ports confirms it.

        Args:
            secrets: Whether the peer's own environment is written too, without
                ``HOME`` and ``PATH``, as an engine does. It often holds passwords.
                Names of variables in it write those alone, whatever they are.
            kind: ``KUBERNETES`` writes the variables of a service instead, as
                Kubernetes does for its own.

        Raises:
            TypeError: ``secrets`` is a single text.

        Example:
            >>> from ipaddress import ip_address
            >>> from dockernet import Link, Port
            >>> link = Link("db", "web", addresses=(ip_address("172.17.0.2"),), ports=(Port(80),))
            >>> for name, value in link.to_environ().items():
            ...     print(f"{name}={value}")
            DB_PORT=tcp://172.17.0.2:80
            DB_PORT_80_TCP=tcp://172.17.0.2:80
            DB_PORT_80_TCP_ADDR=172.17.0.2
            DB_PORT_80_TCP_PORT=80
            DB_PORT_80_TCP_PROTO=tcp
            DB_NAME=/web/db
        """
        prefix, places = self.prefix, tuple(places_of(self))
        if kind is LinkKind.KUBERNETES:
            variables = dict(service_variables(prefix, places))
        else:
            variables = dict(port_variables(f"{prefix}_PORT", places))
            if self.recipient is not None:
                variables[f"{prefix}_NAME"] = f"/{self.recipient}/{self.alias}"
        variables.update(secret_variables(prefix, self.environ, secrets=secrets))
        return variables

    def hosts_lines(self) -> tuple[HostsLine, ...]:
        r"""Write the lines that a hosts file needs for the alias, IPv4 first.

        They are those of an engine for a legacy link, but for the peer's host name:
        the alias and, where it differs, the peer's name. A hosts file cannot say a
        port: an endpoint at another port than the container's own gives no line. Where
        ports are dialled at several addresses, only an address of all of them does.

        Raises:
            FormatError: A hosts file cannot carry the alias.

        Example:
            >>> from ipaddress import ip_address
            >>> from dockernet import Link
            >>> link = Link("db", peer="postgres", addresses=(ip_address("172.17.0.2"),))
            >>> list(map(str, link.hosts_lines()))
            ['172.17.0.2\tdb postgres']
        """
        alias = hosts_name(self.alias.rpartition("/")[2])
        names = tuple(dict.fromkeys((alias, *_other_name(self.peer))))
        found = (e for e in self.endpoints if e.container_port in (None, Port(e.port, e.protocol)))
        hosts = [e.host for e in found if not isinstance(e.host, str)]
        plain = not self.endpoints or len(set(hosts)) > 1
        told = self.addresses if plain else hosts
        addresses = sorted(dict.fromkeys(told), key=lambda address: address.version)
        return tuple(HostsLine(address, names) for address in addresses)

    def __str__(self) -> str:
        return self.alias if self.peer is None else f"{self.peer}:{self.alias}"


@frozen
class LinkReport:
    """Links, and what was odd where they were told.

    Attributes:
        links: The links.
        diagnostics: What was odd and therefore left out, or is stale.
    """

    links: tuple[Link, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


def places_of(link: Link) -> Iterator[Place]:
    """Where each port is dialled, as variables tell it; one without an address is left out."""
    address = next((a for a in link.addresses if a.version == 4), link.address)
    dialled = {e.container_port: (e.host, e.port) for e in reversed(link.endpoints)}
    for port in link.ports:
        host, number = dialled.get(port, (address, port.number))
        if host is not None:
            yield Place(port, host, number)


def _link(told: Told) -> Link:
    alias, recipient, addresses, ports, environ, kind = told
    provenances = (Provenance.ENVIRON,)
    return Link(alias, recipient, None, addresses, ports, environ, kind, provenances=provenances)


def _other_name(peer: str | None) -> tuple[str, ...]:
    """The peer's name, if it is one that a hosts file can carry."""
    try:
        return () if peer is None or "/" in peer else (hosts_name(peer),)
    except FormatError:
        return ()


@frozen
class LinkVariables:
    """The variables of several links.

    Attributes:
        variables: The variables by name, in the order of the links. Their values may be
            secrets and never show.
        diagnostics: The links that are left out, and why.
    """

    variables: SecretMap
    diagnostics: tuple[Diagnostic, ...] = ()


def links_environ(
    links: Iterable[Link],
    *,
    secrets: bool | Collection[str] = False,
    kind: LinkKind = LinkKind.DOCKER,
) -> LinkVariables:
    """Write the variables of several links; of two that collide, the first is kept.

    Aliases such as ``a-b`` and ``a_b`` have one prefix, and an engine would mix their
    variables. Here a link that would change what another says is left out as a whole,
    and reported.

    Args:
        links: The links, the most important first.
        secrets: Whether the peers' own environments are written, too, or the names of
            the variables in them that are.
        kind: The dialect, as for :meth:`Link.to_environ`.

    Raises:
        TypeError: ``secrets`` is a single text.

    Example:
        >>> from ipaddress import ip_address
        >>> from dockernet import Link, Port, links_environ
        >>> one, two = ip_address("172.17.0.2"), ip_address("172.17.0.3")
        >>> written = links_environ([
        ...     Link("a-b", addresses=(one,), ports=(Port(80),)),
        ...     Link("a_b", addresses=(two,), ports=(Port(80),)),
        ... ])
        >>> written.variables["A_B_PORT"]
        'tcp://172.17.0.2:80'
        >>> print(*written.diagnostics)
        links: a_b: left out: A_B_PORT is already said otherwise by a-b
    """
    variables: dict[str, str] = {}
    owners: dict[str, str] = {}
    diagnostics: list[Diagnostic] = []
    for link in links:
        own = link.to_environ(secrets=secrets, kind=kind)
        taken = next((n for n in own if variables.get(n, own[n]) != own[n]), None)
        if taken is not None:
            reason = f"left out: {taken} is already said otherwise by {owners[taken]}"
            diagnostics.append(Diagnostic("links", link.alias, reason))
            continue
        owners.update(dict.fromkeys(own, link.alias))
        variables.update(own)
    return LinkVariables(SecretMap(variables), tuple(diagnostics))
