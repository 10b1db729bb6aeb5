"""What type checkers see of the public names: checked, never run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Literal, assert_type

from dockernet import (
    Attachment,
    Container,
    Diagnostic,
    Endpoint,
    Engine,
    Environ,
    Explanation,
    Fact,
    HostBinding,
    HostsFile,
    Inventory,
    Link,
    LinkReport,
    Peer,
    PeerNotFoundError,
    Port,
    PortMap,
    PortRange,
    Reason,
    Refusal,
    Resolver,
    Route,
    Snapshot,
    Source,
    SourceError,
    Target,
    UnreachableError,
    Vantage,
    Want,
    endpoints,
    explain,
    host_gateway,
    peers,
    resolve,
    whoami,
)
from dockernet.aio import AsyncResolver
from dockernet.aio import resolve as aresolve

Address = IPv4Address | IPv6Address

# Ports and links.
ports = PortMap.parse("0.0.0.0:8080->80/tcp")
assert_type(Port.parse("53/udp"), Port)
assert_type(Port(80).protocol, Literal["tcp", "udp", "sctp"])
assert_type(ports[Port(80)], tuple[HostBinding, ...])
assert_type(ports.bindings(80)[0].host_port, int | PortRange | None)
assert_type(ports.published, tuple[Port, ...])
assert_type(Link.parse("web:dedoimedo").address, Address | None)
assert_type(Link.read_environ({}), LinkReport)
assert_type(Link("db").to_environ(secrets=True), dict[str, str])

# Answers, of the module's functions and of a resolver's methods.
endpoint = resolve("db:5432")
assert_type(endpoint, Endpoint)
assert_type(endpoint.address, tuple[str, int])
assert_type(endpoint.host, Address | str)
assert_type(endpoint.route, Route)
assert_type(endpoints(("db", 5432)), tuple[Endpoint, ...])
assert_type(explain(Target("db")), Explanation)
assert_type(explain("db").refusals, tuple[Refusal, ...])
assert_type(explain("db").chosen, Endpoint | None)
assert_type(peers(), tuple[Peer, ...])
assert_type(whoami(Engine()), Vantage)
assert_type(host_gateway(6), Address)


class Mine:
    """A source of one's own: the shape is enough."""

    name = "mine"

    def read(self, want: Want) -> Iterator[Fact]:
        names = ("db",) if want.target is None else (want.target.name,)
        yield Fact(source=self.name, names=names, ports=(Port(80),))


sources: list[Source] = [Engine(), HostsFile(), Environ(), Mine()]
with Resolver([Mine()], vantage=Vantage(), timeout=1.5) as resolver:
    assert_type(resolver, Resolver)
    assert_type(resolver.resolve("db", family=4), Endpoint)
    assert_type(resolver.seen_from("web"), Resolver)


async def awaited() -> None:
    """The awaiting face gives the same."""
    assert_type(await aresolve("db"), Endpoint)
    async with AsyncResolver(sources) as resolver:
        assert_type(resolver, AsyncResolver)
        assert_type(await resolver.endpoints(Link("db")), tuple[Endpoint, ...])
        assert_type(await resolver.seen_from("web"), AsyncResolver)


# Engines, and recordings of them.
for engine in (Engine.from_env(), Snapshot.load("engine.json")):
    assert_type(engine.containers(details=True), tuple[Container, ...])
    assert_type(engine.behind(8080), tuple[tuple[Container, Port, HostBinding], ...])
    assert_type(engine.snapshot(), Snapshot)
    assert_type(engine.container("web").networks, tuple[Attachment, ...])
said: Iterable[Fact | Inventory | Diagnostic] = Engine().read(Want(None, Vantage()))


def reasons() -> str | tuple[str, ...]:
    """Errors tell their facts."""
    try:
        return str(resolve("db"))
    except UnreachableError as error:
        assert_type(error.refusals, tuple[Refusal, ...])
        assert_type(error.refusals[0].reason, Reason)
        return error.target
    except PeerNotFoundError as error:
        return error.near_misses
    except SourceError as error:
        return error.reason
