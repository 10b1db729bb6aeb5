"""Containers, networks and vantages in few words, for tests of the decisions.

Every network below has both address families, and a container has the same number in
both: ``on={"app": 2}`` is 10.7.0.2 and fd07::2. An id is made of the name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Any

from attrs import evolve
from hypothesis import strategies as st

from dockernet.model.addresses import IPAddress, IPNetwork
from dockernet.model.containers import Attachment, Container
from dockernet.model.facts import EngineProfile, Fact, Inventory
from dockernet.model.links import Link
from dockernet.model.mappings import FrozenMap
from dockernet.model.networks import Network
from dockernet.model.portmap import PortMap
from dockernet.model.ports import Port
from dockernet.model.targets import Target
from dockernet.model.vantage import Interface, Vantage, VantageKind

WILD = "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"
LOOPBACK = "127.0.0.1:8080->80/tcp, [::1]:8080->80/tcp"
SPECIFIC = "192.0.2.7:8080->80/tcp, [2001:db8::7]:8080->80/tcp"
ROUTED = "0.0.0.0:0->80/tcp, [::]:0->80/tcp"

_LABEL = "com.docker.compose."


def identity(name: str) -> str:
    """The id of what has that name."""
    return sha256(name.encode()).hexdigest()


def addresses(text: str) -> tuple[IPAddress, ...]:
    return tuple(map(ip_address, text.split()))


def network(name: str, number: int, **facts: Any) -> Network:
    """A network 10.NUMBER.0.0/16 and fdNUMBER::/64, on a bridge named after its id."""
    subnets: tuple[IPNetwork, ...] = (
        ip_network(f"10.{number}.0.0/16"),
        ip_network(f"fd{number:02}::/64"),
    )
    made = Network(
        id=identity(name),
        name=name,
        subnets=subnets,
        gateways=tuple(subnet[1] for subnet in subnets),
        interface=f"br-{identity(name)[:12]}",
    )
    return evolve(made, **facts)


NETWORKS = {
    n.name: n
    for n in (
        network("bridge", 17, is_default_bridge=True, interface="docker0"),
        network("app", 7),
        network("other", 8),
        network("inner", 9, internal=True),
        network("apart", 10, icc=False),
        network("open", 11, routed=(4, 6)),
        network("lan", 12, driver="macvlan", interface=None),
        network("mesh", 13, driver="overlay", scope="swarm", interface=None),
    )
}


def attachment(name: str, number: int, *names: str) -> Attachment:
    """A container's place on one of the networks above."""
    found = NETWORKS[name]
    return Attachment(
        network=name,
        network_id=found.id,
        addresses=tuple(subnet[number] for subnet in found.subnets),
        aliases=names,
        gateways=() if found.internal or not found.is_bridge else found.gateways,
    )


def labels(service: str, *, one_off: bool = False) -> FrozenMap[str, str]:
    """The labels of a Compose service: ``shop/web`` or, for a replica, ``shop/web/2``."""
    project, name, number = (*service.split("/"), "1")[:3]
    told = {"project": project, "service": name, "container-number": number}
    told |= {"oneoff": "True" if one_off else "False"}
    return FrozenMap({f"{_LABEL}{key}": value for key, value in told.items()})


def container(
    name: str,
    on: Mapping[str, int] | None = None,
    ports: str = "",
    *,
    aliases: Mapping[str, str] | None = None,
    links: Iterable[str] = (),
    service: str = "",
    one_off: bool = False,
    **facts: Any,
) -> Container:
    """A running container, read in detail; ``ports`` as ``docker ps`` shows them."""
    given = {network: text.split() for network, text in (aliases or {}).items()}
    made = Container(
        id=identity(name),
        name=name,
        state="running",
        network_mode=next(iter(on or ()), "none"),
        networks=tuple(attachment(n, i, *given.get(n, ())) for n, i in sorted((on or {}).items())),
        ports=PortMap.parse(ports),
        requested_ports=PortMap(),
        links=tuple(evolve(Link.parse(text), recipient=name) for text in links),
        labels=labels(service, one_off=one_off) if service else FrozenMap[str, str](),
    )
    return evolve(made, **facts)


def beside(name: str, owner: str, **facts: Any) -> Container:
    """A container in another's network namespace."""
    return container(name, network_mode=f"container:{identity(owner)}", **facts)


def listed(made: Container) -> Container:
    """A container as a listing tells it."""
    places = tuple(evolve(a, aliases=None, dns_names=None) for a in made.networks)
    return evolve(made, networks=places, links=None, requested_ports=None, hostname=None)


def inventory(
    *containers: Container,
    networks: Iterable[Network] = NETWORKS.values(),
    source: str = "engine",
    **profile: Any,
) -> Inventory:
    """An engine's inventory, of Engine 28 on a local socket unless told otherwise."""
    engine = EngineProfile(**{"version": "28.5.2", **profile})
    return Inventory(source=source, engine=engine, containers=containers, networks=tuple(networks))


def turned(whole: Inventory) -> Inventory:
    """The same inventory with everything the other way round that has no order."""
    containers = (evolve(c, networks=c.networks[::-1]) for c in whole.containers[::-1])
    return evolve(whole, containers=tuple(containers), networks=whole.networks[::-1])


def only(family: int, whole: Inventory) -> Inventory:
    """The same inventory on an engine with one address family."""
    return evolve(
        whole,
        containers=tuple(_only(family, c) for c in whole.containers),
        networks=tuple(
            evolve(n, subnets=_of(family, n.subnets), gateways=_of(family, n.gateways))
            for n in whole.networks
        ),
    )


def _of(family: int, values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(v for v in values if v.version == family)


def _only(family: int, whole: Container) -> Container:
    places = (
        evolve(a, addresses=_of(family, a.addresses), gateways=_of(family, a.gateways))
        for a in whole.networks
    )
    ports = {p: [b for b in bs if family in b.families] for p, bs in whole.ports.items()}
    return evolve(whole, networks=tuple(places), ports=PortMap(ports))


# Vantages.

_LO = Interface(name="lo", addresses=addresses("127.0.0.1 ::1"))


def bridge(made: Network) -> Interface:
    """A network's bridge, as the engine's host sees it."""
    return Interface(name=made.interface or "none", addresses=made.gateways, subnets=made.subnets)


def on_host(*networks: Network, **facts: Any) -> Vantage:
    """The vantage of a host with those bridges; all that are above unless told."""
    bridges = networks or tuple(n for n in NETWORKS.values() if n.is_bridge)
    eth = Interface(name="eth0", addresses=addresses("192.0.2.7 2001:db8::7"))
    every = (_LO, eth, *map(bridge, bridges))
    made = Vantage(kind=VantageKind.HOST, hostname="dock", interfaces=every)
    return evolve(made, **facts)


def inside(made: Container, **facts: Any) -> Vantage:
    """The vantage in a container, from its own files."""
    eths = (Interface(name=f"eth-{a.network}", addresses=a.addresses) for a in made.networks)
    vantage = Vantage(
        kind=VantageKind.CONTAINER,
        id=made.id,
        network_owner=made.shares_network_of or made.id,
        hostname=made.short_id,
        interfaces=(_LO, *eths),
        gateways=next((a.gateways for a in made.networks if a.gateways), ()),
    )
    return evolve(vantage, **facts)


ABROAD = Vantage(
    kind=VantageKind.HOST,
    hostname="desk",
    interfaces=(_LO, Interface(name="wlan0", addresses=addresses("198.51.100.9"))),
)
"""The vantage of another machine, which has nothing of the engine's."""


class Told:
    """A source that says what it was made with, or raises it, and counts the questions."""

    def __init__(self, *said: Any, name: str = "told", fault: Exception | None = None) -> None:
        self.name = name
        self.said = said
        self.fault = fault
        self.asked = 0

    def read(self, want: object) -> Iterable[Any]:
        del want
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        yield from self.said


def fact(names: str, at: str = "", ports: str = "", **facts: Any) -> Fact:
    """What a source says of one peer; all three are lists with spaces between."""
    made = Fact(
        source="told",
        names=tuple(names.split()),
        addresses=addresses(at),
        ports=tuple(map(Port.parse, ports.split())),
    )
    return evolve(made, **facts)


# Any engine, any caller, any target.

NAMES = ("db", "DB", "web", "cache", "data")
_TEXTS = (WILD, LOOPBACK, SPECIFIC, ROUTED, "0.0.0.0:9->80/tcp, [::]:10->80/tcp", "80/tcp, 81/udp")
_STATES = ("running", "running", "running", "paused", "exited", "")


@st.composite
def _containers(draw: st.DrawFn, number: int, names: tuple[str, ...]) -> Container:
    name = names[number]
    some = draw(st.lists(st.sampled_from(sorted(NETWORKS)), max_size=3, unique=True))
    on = dict.fromkeys(some, 2 + number)
    mode = draw(st.sampled_from(("", "", "", "host", *(f"container:{identity(n)}" for n in names))))
    service = draw(st.sampled_from(("", "shop/web/1", "shop/web/2", "shop/db", "mall/db")))
    alias = st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(" ".join)
    links = st.lists(
        st.builds("{}:{}".format, *[st.sampled_from((*NAMES, "gone"))] * 2), max_size=2
    )
    made = container(
        name,
        {} if mode else on,
        "" if mode else draw(st.sampled_from(_TEXTS)),
        aliases={network: draw(alias) for network in some},
        links=draw(links),
        service=service,
        one_off=draw(st.booleans()),
        state=draw(st.sampled_from(_STATES)),
    )
    linked = draw(st.lists(st.sampled_from(names), max_size=1))
    made = evolve(made, linked_as=tuple((recipient, "link") for recipient in linked))
    return evolve(made, network_mode=mode) if mode else made


@st.composite
def inventories(draw: st.DrawFn) -> Inventory:
    """An engine with anything on it, of any version and at any distance."""
    count = draw(st.integers(1, len(NAMES)))
    made = (draw(_containers(number, NAMES[:count])) for number in range(count))
    flags: dict[str, Any] = {name: draw(st.booleans()) for name in ("rootless", "podman")}
    return inventory(
        *made,
        version=draw(st.sampled_from(("26.1.5", "28.5.2", "29.1.3", "odd"))),
        host=draw(st.sampled_from((None, *map(ip_address, _HOSTS), "engine.example"))),
        system=draw(st.sampled_from(("Debian", "Docker Desktop"))),
        **flags,
    )


_HOSTS = ("192.0.2.7", "192.0.2.99", "2001:db8::99", "0.0.0.0", "::", "127.0.0.1")


@st.composite
def callers(draw: st.DrawFn, whole: Inventory) -> Vantage:
    """Anywhere: in a container, on the host, abroad, or a vantage made by hand."""
    within = [inside(c) for c in whole.containers]
    stranger = inside(container("stranger", {"app": 99}))
    byhand = [Vantage(), Vantage(kind=VantageKind.HOST), Vantage(kind=VantageKind.CONTAINER)]
    nameless = [evolve(v, id=None, network_owner=None) for v in within]
    hosts = [on_host(), on_host(NETWORKS["bridge"]), ABROAD]
    return draw(st.sampled_from([*within, stranger, *byhand, *nameless, *hosts]))


TARGETS = st.builds(
    Target,
    st.sampled_from((*NAMES, "gone", "host.docker.internal", identity("db")[:12])),
    st.sampled_from((None, Port(80), Port(81, "udp"))),
    st.sampled_from((None, None, None, "shop")),
) | st.sampled_from(("10.7.0.2:80", "[fd07::2]", "10.17.0.3")).map(Target.parse)
"""Names that are there, are there twice, or are nowhere."""
