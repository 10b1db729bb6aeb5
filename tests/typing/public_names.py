"""What type checkers see of the public names: checked, never run."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Literal, Never, assert_type

from dockernet import (
    Attachment,
    ChangeKind,
    Container,
    ContainerChange,
    Diagnostic,
    Endpoint,
    EndpointChange,
    Engine,
    Environ,
    Explanation,
    Fact,
    HostBinding,
    HostsBlock,
    HostsFile,
    HostsLine,
    Inventory,
    Launched,
    LaunchError,
    Link,
    LinkReport,
    LinkVariables,
    Live,
    LiveState,
    NotReadyError,
    Peer,
    PeerNotFoundError,
    Port,
    PortConflict,
    PortConflictError,
    PortMap,
    PortRange,
    Provenance,
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
    Watch,
    become,
    doctor,
    endpoints,
    explain,
    firewall,
    forwarding,
    host_gateway,
    links_environ,
    peers,
    resolve,
    whoami,
)
from dockernet.aio import AsyncLive, AsyncResolver
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
assert_type(Link("db").to_environ(secrets=["PASSWORD"]), dict[str, str])
assert_type(Link.from_spec("db:5432").hosts_lines(), tuple[HostsLine, ...])
assert_type(links_environ([Link("db")], secrets={"PASSWORD"}), LinkVariables)
assert_type(Link("db").provenances, tuple[Provenance, ...])

# Actions.
block = HostsBlock("/etc/hosts", "mine", timeout=1.5)
assert_type(block.lines(), tuple[HostsLine, ...])
assert_type(block.foreign_lines(), tuple[HostsLine, ...])
assert_type(block.write([HostsLine(IPv4Address("10.0.0.2"), ("db",))]), bool)
assert_type(block.remove(), bool)


def becomes() -> Never:
    """Nothing comes after."""
    become(["env"], {"PATH": "/usr/bin"})


# The firewall, and what is let through it.
packet = firewall.Packet(destination=IPv4Address("172.17.0.1"), port=8080, in_interface="docker0")
way = firewall.journey(firewall.read(timeout=1.5), packet, whoami())
assert_type(way.verdict, firewall.Verdict)
assert_type(way.decisive, firewall.Step | None)
assert_type(way.doubts, tuple[firewall.Step, ...])
assert_type(firewall.published(Engine()).published, tuple[firewall.PublishedRules, ...])
assert_type(firewall.parse_iptables("", "ip6").tables, tuple[firewall.Table, ...])
assert_type(firewall.render_iptables(firewall.parse_iptables("")), str)
assert_type(firewall.parse_nftables("{}"), firewall.NftRuleset)
planned = forwarding.plan("app", "host", [8080, "53/udp"], engine=Engine(), families=[4])
assert_type(planned, forwarding.ForwardingPlan)
assert_type(planned.rules, tuple[forwarding.ForwardRule, ...])
assert_type(forwarding.plan("app", forwarding.Reach.OUTSIDE, "all"), forwarding.ForwardingPlan)
assert_type(forwarding.apply(planned), bool)
assert_type(forwarding.remove("1234abcd"), bool)
assert_type(forwarding.status(planned).state, forwarding.ForwardingState)
assert_type(forwarding.applied(), tuple[str, ...])
assert_type(forwarding.iptables_commands(planned), tuple[tuple[str, ...], ...])

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
    assert_type(resolver.wait("db:5432", 1.5, "healthy", tell=print), Endpoint)
    assert_type(resolver.wait("db", ready=lambda where: where.port == 5432), Endpoint)
    assert_type(resolver.connect(("db", 5432), timeout=2), socket.socket)
    assert_type(resolver.links("db:store", Link("db"), secrets=True), LinkReport)
    assert_type(resolver.links(strict=True), LinkReport)


with Engine().live(resync=60) as live:
    assert_type(live, Live)
    assert_type(live.state, LiveState)
    assert_type(Resolver([live]).watch("db", 1.5, tell=print), Watch[EndpointChange])
    assert_type(live.watch(), Watch[ContainerChange])
for change in Engine().watch(tell=lambda state: state.current):
    assert_type(change.before, Container | None)
    assert_type(change.why, tuple[ChangeKind, ...])
with Resolver().watch("db:5432") as changes:
    assert_type(next(changes).after, tuple[Endpoint, ...])
    assert_type(next(changes).error, PeerNotFoundError | UnreachableError | SourceError | None)
    changes.close()


async def probe(where: Endpoint) -> bool:
    """A probe that is awaited."""
    return where.port == 5432


assert_type(NotReadyError("db", 1.0).time_line, tuple[tuple[float, str], ...])


async def awaited() -> None:
    """The awaiting face gives the same."""
    assert_type(await aresolve("db"), Endpoint)
    async with AsyncResolver(sources) as resolver:
        assert_type(resolver, AsyncResolver)
        assert_type(await resolver.endpoints(Link("db")), tuple[Endpoint, ...])
        assert_type(await resolver.seen_from("web"), AsyncResolver)
        assert_type(await resolver.wait("db", ready=probe), Endpoint)
        assert_type(await resolver.connect("db"), tuple[asyncio.StreamReader, asyncio.StreamWriter])
    assert_type(await resolver.links(), LinkReport)
    async with AsyncLive(Engine()) as live:
        assert_type(live.state, LiveState)
        async for seen in live.watch():
            assert_type(seen, ContainerChange)
        async for told in AsyncResolver([live]).watch("db"):
            assert_type(told, EndpointChange)


# Engines, and recordings of them.
for engine in (Engine.from_env(), Snapshot.load("engine.json")):
    assert_type(engine.containers(details=True), tuple[Container, ...])
    assert_type(engine.behind(8080), tuple[tuple[Container, Port, HostBinding], ...])
    assert_type(engine.snapshot(), Snapshot)
    assert_type(engine.links(recipient="web", aliases=True), tuple[Link, ...])
    assert_type(engine.container("web").networks, tuple[Attachment, ...])
said: Iterable[Fact | Inventory | Diagnostic] = Engine().read(Want(None, Vantage()))

with Engine().launch("web", ["serve"], ports=["80", 81, Port(82)], links=[Link("db")]) as web:
    assert_type(web, Launched)
    assert_type(web.container, Container)
    assert_type(web.remove(), None)
assert_type(Engine().conflicts(ports), tuple[PortConflict, ...])
assert_type(Engine().conflicts(["8080:80"])[0].held, HostBinding | None)


def launched() -> str | int:
    """Conflicts tell who holds a port."""
    try:
        return Engine().launch("web", networks=["app"]).container.id
    except PortConflictError as error:
        assert_type(error.conflicts, tuple[PortConflict, ...])
        return error.conflicts[0].host_port
    except LaunchError as error:
        return error.reason


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


# The doctor.
report = doctor.examine("db:5432", engine=Snapshot.load("x"), seen_from="web", outside="a:1")
assert_type(report, doctor.Report)
assert_type(doctor.examine().wrong[0], doctor.Finding)
assert_type(report.notices, tuple[doctor.Finding, ...])
assert_type(report.findings[0].code, doctor.Code)
assert_type(report.findings[0].severity, doctor.Severity)
assert_type(report.findings[0].evidence, tuple[doctor.Evidence, ...])
assert_type(report.findings[0].fix.commands, tuple[tuple[str, ...], ...])
assert_type(doctor.ENTRIES[doctor.Code.PAUSED].follows, str)
