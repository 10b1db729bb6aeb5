"""Which routes lead from where the caller stands to a container port.

The table at the end is the heart of the library. For each stand it has the rows to
walk, from the top; a row gives endpoints where it applies, a refusal where it cannot
work, and nothing where it does not apply. The rows follow what engines were measured
to do, and the tests prove each against a real engine. A new route is a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from attrs import evolve, frozen

from dockernet._podman import answering, forwards
from dockernet._standing import Stand, Standing, is_here
from dockernet.model.addresses import IPAddress
from dockernet.model.bindings import HostBinding
from dockernet.model.containers import Attachment, Container
from dockernet.model.endpoints import Endpoint
from dockernet.model.facts import Inventory
from dockernet.model.networks import Network
from dockernet.model.ports import Port
from dockernet.model.vantage import Vantage
from dockernet.refusals import Reason, Refusal, Route

__all__ = ["Case", "settled", "walk"]

_LOOPBACK: Final[Mapping[int, IPAddress]] = {4: IPv4Address("127.0.0.1"), 6: IPv6Address("::1")}
_HOSTLESS: Final = frozenset({"macvlan", "ipvlan", "overlay"})
_WITHOUT_BRIDGE: Final = frozenset({4})  # Podman's pasta and slirp4netns have no address
_ROUTED_SINCE: Final = 28  # older engines open nothing for routed networks


@frozen(eq=False, repr=False)
class Case:
    """One question to the table: from here, to this port of this peer.

    Attributes:
        name: The peer's name, for people.
        peer: The container whose network namespace the peer uses; itself for most.
        port: The container port.
        standing: Where the caller stands.
        vantage: What the caller's own files tell of that place.
        inventory: What the engine tells of everything else.
    """

    name: str
    peer: Container
    port: Port
    standing: Standing
    vantage: Vantage
    inventory: Inventory

    @property
    def caller(self) -> Container | None:
        return self.standing.caller

    @property
    def bindings(self) -> tuple[HostBinding, ...]:
        """The live host bindings of the port."""
        bound, engine = self.peer.ports.bindings(self.port), self.inventory.engine
        if not engine.podman or engine.apart:
            return bound
        return answering(bound, self._published_families, engine.release)

    @property
    def _published_families(self) -> frozenset[int]:
        """The families of the peer's addresses on networks that host ports lead to."""
        known = {n.id: n for _, n in self.networks_of(self.peer)}
        inner = {i for i, n in known.items() if n.internal or not n.is_bridge}
        every = [(a.network_id, i.version) for a in self.peer.networks for i in a.addresses]
        return frozenset(v for i, v in every if i not in inner) if every else _WITHOUT_BRIDGE

    @property
    def dialled_bindings(self) -> Iterator[tuple[HostBinding, int]]:
        """Those bindings that have a host port."""
        for binding in self.bindings:
            if isinstance(binding.host_port, int) and binding.host_port:
                yield binding, binding.host_port

    @property
    def in_host_mode(self) -> bool:
        return self.peer.network_mode == "host"

    @property
    def in_one_namespace(self) -> bool:
        """Whether the caller uses the peer's network namespace."""
        return self.caller is not None and self.caller.id == self.peer.id

    @property
    def is_inside(self) -> bool:
        """Whether the peer is on internal networks alone."""
        networks = [network for _, network in self.networks_of(self.peer)]
        return bool(networks) and all(network.internal for network in networks)

    @property
    def is_host_itself(self) -> bool:
        """Whether a service of the host is asked for, and no container."""
        return not self.peer.id

    @property
    def is_on_machine(self) -> bool:
        """Whether a peer in host mode is on the network of the machine itself."""
        return self.is_host_itself or self.inventory.engine.lends_machine

    def networks_of(self, container: Container | None) -> tuple[tuple[Attachment, Network], ...]:
        """A container's attachments with their networks, by network name."""
        attachments = (a for a in (container.networks if container else ()) if a.addresses)
        found = ((a, self.inventory.network(a.network_id)) for a in attachments)
        known = ((a, n) for a, n in found if n is not None)
        return tuple(sorted(known, key=lambda pair: (pair[1].name, pair[1].id)))

    def caller_bridges(self) -> tuple[tuple[Attachment, Network], ...]:
        """The caller's bridge networks, the one with its default route first."""
        ways = frozenset(self.vantage.gateways)
        bridges = (pair for pair in self.networks_of(self.caller) if pair[1].is_bridge)
        return tuple(sorted(bridges, key=lambda pair: ways.isdisjoint(pair[0].gateways)))

    def ways_out(self, family: int) -> tuple[tuple[Attachment, Network], ...]:
        """The caller's bridge networks that lead out, for an address family."""
        out = (pair for pair in self.caller_bridges() if not pair[1].internal)
        return tuple((a, n) for a, n in out if family in self.families_on(a))

    def ways_to(self, address_family: int) -> tuple[tuple[Attachment, Network], ...]:
        """Those of the caller's ways out by whose host addresses the peer is reached.

        Podman keeps networks apart even where they meet at a host port. Docker does so
        where the caller's packets keep their own address; a peer without an address of
        the family is behind a proxy, which is the host's. Of a peer on several networks
        an engine does not tell which one its host ports lead to.
        """
        ways = self.ways_out(address_family)
        places = self.networks_of(self.peer)
        theirs = [(a, n) for a, n in places if n.is_bridge and not n.internal]
        if self.inventory.engine.podman:
            return tuple((a, n) for a, n in ways if all(forwards(n, other) for _, other in theirs))
        behind = [n for a, n in theirs if any(i.version == address_family for i in a.addresses)]
        return tuple(
            (a, n)
            for a, n in ways
            if passes(n, address_family) or all(b.id == n.id for b in behind)
        )

    def families_on(self, attachment: Attachment) -> tuple[int, ...]:
        """The address families that the caller has on a network of its own.

        Engine 20.10 tells an IPv6 address that a container with IPv6 switched off has
        not; its own interfaces, where they were read, know better.
        """
        told = {a.version for a in attachment.addresses}
        read = {a.version for a in self.vantage.addresses if not a.is_link_local}
        without = {6} if self.vantage.interfaces and 6 not in read else set[int]()
        return tuple(sorted(told - without))

    def endpoint(
        self,
        host: IPAddress | str,
        route: Route,
        port: int | None = None,
        network: str | None = None,
    ) -> Endpoint:
        number = self.port.number if port is None else port
        source = self.inventory.source
        return Endpoint(
            host, number, self.port.protocol, route, source, self.name, self.port, network
        )


Answer = Endpoint | Refusal
Row = Callable[[Case], Iterable[Answer]]


def walk(case: Case) -> tuple[tuple[Endpoint, ...], tuple[Refusal, ...]]:
    """Walk the table for one case.

    Returns:
        The endpoints, best first, and the refusals. There is always one of either.
    """
    refusal = settled(case.peer)
    if refusal is not None:
        return (), (refusal,)
    answers = [answer for row in TABLE[case.standing.stand] for answer in row(case)]
    endpoints = tuple(dict.fromkeys(a for a in answers if isinstance(a, Endpoint)))
    refusals = tuple(dict.fromkeys(a for a in answers if isinstance(a, Refusal)))
    if not endpoints and not refusals:
        refusals = (_OTHERWISE[case.standing.stand](case),)
    return endpoints, refusals


# First: what the peer is.


def settled(peer: Container) -> Refusal | None:
    """The refusal for a peer that answers nobody, whatever the port."""
    if peer.running:
        return None
    if peer.state == "paused":
        # A paused container keeps its ports, accepts nothing and answers nothing.
        return Refusal(None, Reason.PAUSED, f"{peer} is paused", f"docker unpause {peer}")
    state = peer.state or "in no known state"
    fix = _REVIVALS.get(state, "docker start {peer}").format(peer=peer)
    return Refusal(None, Reason.NOT_RUNNING, f"{peer} is {state}", fix)


# What does not start again by being told to.
_REVIVALS: Final = {
    "removing": "run it anew: nothing of it will be left",
    "dead": "docker rm --force {peer}, and run it anew",
    "restarting": "docker logs {peer}: it ends as soon as it starts",
}


# Rows for callers in a container.


def _same_namespace(case: Case) -> Iterator[Answer]:
    if case.in_one_namespace:
        yield from _over_loopback(case, Route.SAME_NAMESPACE)


def _shared_network(case: Case) -> Iterator[Answer]:
    for addresses, network in _shared(case):
        if network.icc or case.in_one_namespace:
            for address in addresses:
                yield case.endpoint(address, Route.SHARED_NETWORK, network=network.name)
        else:
            yield from _link(case, addresses, network)


def _link(case: Case, addresses: Iterable[IPAddress], network: Network) -> Iterator[Answer]:
    """Where a network keeps its containers apart, a legacy link opens exposed ports.

    It does so with rules for IPv4 alone.
    """
    if not (network.is_default_bridge and _linked(case)):
        detail = f"network {network.name} keeps its containers apart (enable_icc is false)"
        fix = f"connect both to another network, or publish port {case.port}"
        yield Refusal(Route.SHARED_NETWORK, Reason.ICC_DISABLED, detail, fix)
    elif case.port not in case.peer.known_ports:
        detail = f"the link to {case.name} opens its exposed ports, and {case.port} is not one"
        fix = f"docker run --expose {case.port} when {case.name} is made"
        yield Refusal(Route.LINK, Reason.NOT_EXPOSED, detail, fix)
    else:
        for address in (a for a in addresses if a.version == 4):
            yield case.endpoint(address, Route.LINK, network=network.name)


def _host_mode(case: Case) -> Iterator[Answer]:
    """The bridge's own address is the host's, on internal networks too."""
    if not case.in_host_mode:
        return
    if case.inventory.engine.apart and case.is_on_machine:
        if _leads_out(case):
            yield _machine(case)
        return
    for attachment, network in case.caller_bridges():
        seen, families = attachment.gateways, case.families_on(attachment)
        hosts = (network.host_address(family, seen) for family in families)
        for address in (host for host in hosts if host is not None):
            yield case.endpoint(address, Route.HOST_MODE, network=network.name)


def _machine(case: Case) -> Answer:
    """The machine around an engine whose bridges are not on it.

    Docker Desktop's DNS knows it by name, and Podman writes a name into hosts files.
    """
    engine = case.inventory.engine
    if engine.desktop:
        return case.endpoint("host.docker.internal", Route.HOST_MODE)
    if engine.podman:
        return case.endpoint("host.containers.internal", Route.HOST_MODE)
    detail = "a rootless engine's bridges have no address of the machine that it is on"
    fix = "run the service in a container on a bridge network"
    return Refusal(Route.HOST_MODE, Reason.HOST_ADDRESS_UNKNOWN, detail, fix)


def _leads_out(case: Case) -> bool:
    return any(case.ways_out(family) for family in _LOOPBACK)


def _gateway(case: Case) -> Iterator[Answer]:
    if case.in_one_namespace or case.is_inside or not _leads_out(case):
        return  # Podman binds the ports of such peers, too, but not at its bridges.
    for binding, number in case.dialled_bindings:
        if binding.is_loopback:
            yield _loopback_only(case, binding, Route.GATEWAY)
        elif binding.is_wildcard and case.inventory.engine.in_rootlesskit:
            yield _not_at_bridges(case)
            continue
        ways = tuple(_ways_to(case, binding))
        for address, network in ways:
            yield case.endpoint(address, Route.GATEWAY, number, network)
        if not (ways or case.inventory.engine.podman):
            yield from _kept_out(case, binding)


def _kept_out(case: Case, binding: HostBinding) -> Iterator[Refusal]:
    """The caller's packets reach the host port with its own address, and no other bridge."""
    bare = (n for f in binding.families for _, n in case.ways_out(f) if not passes(n, f))
    for network in [*bare][:1]:
        detail = (
            f"network {network} has no masquerading (enable_ip_masquerade is false), and the engine "
            f"keeps its containers from host ports of others, such as that of {case.name}"
        )
        yield Refusal(Route.GATEWAY, Reason.NO_SHARED_NETWORK, detail, _join(case))


def _not_at_bridges(case: Case) -> Refusal:
    """RootlessKit has the port on the machine, and the engine beside it on loopback alone.

    See ``ChildHostIP`` in moby's libnetwork/internal/rlkclient.
    """
    detail = f"a rootless engine has port {case.port} of {case.name} at none of its bridges"
    number = case.port.number
    fix = f"{_join(case)}, or docker run -p ADDRESS:{number}:{number} with one of the machine's"
    return Refusal(Route.GATEWAY, Reason.HOST_ADDRESS_UNKNOWN, detail, fix)


def _ways_to(case: Case, binding: HostBinding) -> Iterator[tuple[IPAddress, str | None]]:
    """The addresses of a binding as the caller can dial them, of its own families."""
    for family in binding.families:
        ways = case.ways_to(family)
        if binding.is_wildcard:
            hosts = ((n.host_address(family, a.gateways), n.name) for a, n in ways)
            yield from [(address, name) for address, name in hosts if address is not None][:1]
        elif (
            ways
            and ways == case.ways_out(family)
            and binding.host_ip is not None
            and not binding.is_loopback
        ):
            yield binding.host_ip, None


def _routed(case: Case) -> Iterator[Answer]:
    """Routed mode opens published ports at the peer's own address to other networks.

    Of a peer on several networks the one with its default route has the bindings, and
    in routed mode they have no host port. What the peer answers to an address that nobody
    translates is dropped.
    """
    if case.inventory.engine.major < _ROUTED_SINCE:
        return
    bound = {f for b in case.bindings if b.host_port is None for f in b.families}
    out = {f: case.ways_out(f) for f in bound}
    families = {f for f, ways in out.items() if ways and all(passes(n, f) for _, n in ways)}
    for attachment, network in case.networks_of(case.peer):
        for address in attachment.addresses:
            if address.version in families.intersection(network.routed):
                yield case.endpoint(address, Route.ROUTED, network=network.name)


def _between_bridges(case: Case) -> Iterator[Answer]:
    """Podman lets any bridge talk to any other that is not kept apart, to every port.

    Of several default routes the kernel takes one or the other, so all must do.
    """
    if not case.inventory.engine.podman:
        return
    for attachment, network in case.networks_of(case.peer):
        for address in attachment.addresses:
            mine = [n for _, n in case.ways_out(address.version)]
            others = mine and all(n.id != network.id and forwards(n, network) for n in mine)
            if others:
                yield case.endpoint(address, Route.ROUTED, network=network.name)


# Rows for callers on the engine's host.


def _host_mode_on_host(case: Case) -> Iterator[Answer]:
    if case.in_host_mode:
        yield from _over_loopback(case, Route.HOST_MODE)


def _published(case: Case) -> Iterator[Answer]:
    for binding, number in case.dialled_bindings:
        for address in _own_addresses(binding):
            at = _beside_loopback(address, case) if binding.is_wildcard else address
            yield case.endpoint(at, Route.PUBLISHED, number)


def _beside_loopback(address: IPAddress, case: Case) -> IPAddress:
    """The host's address on a bridge of the peer's, in the place of ``::1``.

    Without a userland proxy, the kernel forwards nothing from ``::1`` to a peer that
    has IPv6; and an engine does not tell whether it has one. Any other address of the
    host does in both cases. A peer without IPv6 has a binding there only by a proxy.
    """
    if address != _LOOPBACK[6] or case.standing.stand is not Stand.HOST:
        return address
    with_ipv6 = ((a, n) for a, n in case.networks_of(case.peer) if _is_local(n, case))
    there = ((a, n) for a, n in with_ipv6 if any(i.version == 6 for i in a.addresses))
    bridges = (n.host_address(6, a.gateways) for a, n in there)
    return next((bridge for bridge in bridges if bridge is not None), address)


def _direct(case: Case) -> Iterator[Answer]:
    for attachment, network in case.networks_of(case.peer):
        if network.is_bridge and _is_local(network, case):
            for address in (a for a in attachment.addresses if a.version not in network.isolated):
                yield case.endpoint(address, Route.DIRECT, network=network.name)


def _hostless(case: Case) -> Iterator[Answer]:
    """Networks that the host itself is not part of."""
    networks = [network for _, network in case.networks_of(case.peer)]
    if any(case.dialled_bindings) or any(network.is_bridge for network in networks):
        return
    for network in networks:
        if network.driver in _HOSTLESS:
            detail = f"the host has no address on {network.driver} network {network.name}"
            fix = f"connect {case.name} to a bridge network as well"
            yield Refusal(Route.DIRECT, Reason.DRIVER_NOT_ROUTED, detail, fix)


# Rows for callers with a virtual machine, or a network, between them and the engine.


def _host_mode_apart(case: Case) -> Iterator[Answer]:
    """An engine without root may share the machine's network with host mode, and no other."""
    if case.in_host_mode and case.inventory.engine.rootless and case.is_on_machine:
        yield from _over_loopback(case, Route.HOST_MODE)


def _host_mode_elsewhere(case: Case) -> Iterator[Answer]:
    if case.in_host_mode and case.is_on_machine:
        yield _on_engine_host(case, case.port.number, Route.HOST_MODE)
    elif case.in_host_mode:
        yield _behind_vm(case)


def _published_elsewhere(case: Case) -> Iterator[Answer]:
    for binding, number in _reaching(case):
        if binding.is_loopback:
            yield _loopback_only(case, binding, Route.PUBLISHED)
        elif not binding.is_wildcard and binding.host_ip is not None:
            yield case.endpoint(binding.host_ip, Route.PUBLISHED, number)
        else:
            yield _on_engine_host(case, number, Route.PUBLISHED)


def _reaching(case: Case) -> Iterator[tuple[HostBinding, int]]:
    """The bindings that the engine's host may be dialled for.

    Up to Engine 26 the two address families have host ports of their own. An address
    is of one family. A name may be of either: it gets the ports of the first binding's
    family alone, which is IPv4 where that is bound.
    """
    host = case.inventory.engine.host
    wild = [(b, n) for b, n in case.dialled_bindings if b.is_wildcard]
    first = next((f for b, _ in wild for f in b.families), 4)
    family = host.version if isinstance(host, IPv4Address | IPv6Address) else first
    yield from ((b, n) for b, n in wild if family in b.families)
    yield from ((b, n) for b, n in case.dialled_bindings if not b.is_wildcard)


def _on_engine_host(case: Case, number: int, route: Route) -> Answer:
    host = case.inventory.engine.host
    if host is not None:
        return case.endpoint(host, route, number)
    detail = "the engine was reached by a local socket that tells no host name"
    fix = "set DOCKER_HOST to the engine's tcp or ssh address"
    return Refusal(route, Reason.HOST_ADDRESS_UNKNOWN, detail, fix)


TABLE: Final[Mapping[Stand, tuple[Row, ...]]] = {
    Stand.CONTAINER: (
        _same_namespace,
        _shared_network,
        _host_mode,
        _gateway,
        _routed,
        _between_bridges,
    ),
    Stand.HOST: (_host_mode_on_host, _published, _direct, _hostless),
    Stand.BEHIND_VM: (_host_mode_apart, _published),
    Stand.ELSEWHERE: (_host_mode_elsewhere, _published_elsewhere),
}
"""For each stand the rows to walk, the best route first."""

# Last: why no row could help.


def _no_network(case: Case) -> Refusal | None:
    if case.in_host_mode or any(a.addresses for a in case.peer.networks):
        return None
    fix = f"docker network connect NETWORK {case.name}"
    if case.peer.network_mode == "none":
        fix = f"docker network disconnect none {case.name}, then {fix}"
    return Refusal(None, Reason.NO_NETWORK, f"{case.name} is on no network", fix)


def _apart(case: Case) -> Refusal:
    if case.in_host_mode:
        return _no_bridge(case)
    detail = f"{_caller_name(case)} and {case.name} share no network"
    fix = _join(case)
    if not case.inventory.engine.podman:  # which keeps them apart at host ports as well
        detail += "" if case.bindings else f", and port {case.port} is not published"
        fix += f", or publish port {case.port}"
    return _no_network(case) or Refusal(Route.SHARED_NETWORK, Reason.NO_SHARED_NETWORK, detail, fix)


def _join(case: Case) -> str:
    """How the caller gets onto a network of the peer's."""
    theirs = next((n.name for _, n in case.networks_of(case.peer)), "NETWORK")
    return f"docker network connect {theirs} {_caller_name(case)}"


def _caller_name(case: Case) -> str:
    return "CALLER" if case.caller is None else str(case.caller)


def _no_bridge(case: Case) -> Refusal:
    caller = _caller_name(case)
    detail = f"{caller} is on no bridge network, where its host would have an address"
    fix = f"connect {caller} to a bridge network"
    return Refusal(Route.HOST_MODE, Reason.HOST_ADDRESS_UNKNOWN, detail, fix)


def _not_on_host(case: Case) -> Refusal:
    detail = f"port {case.port} is not published, and the bridge of {case.name} is not here"
    return _no_network(case) or _publish(case, Reason.NOT_PUBLISHED, detail)


def _behind_vm(case: Case) -> Refusal:
    detail = f"the engine's networks are not on its machine, and port {case.port} is not published"
    return _no_network(case) or _publish(case, Reason.ADDRESS_BEHIND_VM, detail)


def _not_published(case: Case) -> Refusal:
    host = case.inventory.engine.host
    family = ""
    if isinstance(host, IPv4Address | IPv6Address) and any(case.dialled_bindings):
        family = f" for IPv{host.version}"
    detail = f"port {case.port} is not published{family} on the engine's host"
    return _no_network(case) or _publish(case, Reason.NOT_PUBLISHED, detail)


_OTHERWISE: Final[Mapping[Stand, Callable[[Case], Refusal]]] = {
    Stand.CONTAINER: _apart,
    Stand.HOST: _not_on_host,
    Stand.BEHIND_VM: _behind_vm,
    Stand.ELSEWHERE: _not_published,
}


# Steps that several rows take.


def passes(network: Network, family: int) -> bool:
    """Whether containers of a network may reach what is behind another bridge.

    They do by masquerading, and in routed mode. Else the engine's rules of a host port
    send their packets on as they are (moby, bridge/internal/iptabler/network.go), and those
    that keep networks apart drop them.
    """
    return network.masquerade or family in network.routed


def _over_loopback(case: Case, route: Route) -> Iterator[Endpoint]:
    families = (4, 6) if _LOOPBACK[6] in _every_address(case.vantage) else (4,)
    for family in families:
        yield case.endpoint(_LOOPBACK[family], route)


def _every_address(vantage: Vantage) -> Iterator[IPAddress]:
    return (a for interface in vantage.interfaces for a in interface.addresses)


def _shared(case: Case) -> Iterator[tuple[tuple[IPAddress, ...], Network]]:
    """The peer's addresses on each network of the caller's, of the caller's families."""
    mine = {n.id: case.families_on(a) for a, n in case.networks_of(case.caller)}
    for attachment, network in case.networks_of(case.peer):
        families = mine.get(network.id, ())
        addresses = tuple(a for a in attachment.addresses if a.version in families)
        if addresses:
            yield addresses, network


def _linked(case: Case) -> bool:
    """Whether a legacy link leads from the caller to the peer."""
    caller = case.caller
    return caller is not None and any(name == caller.name for name, _ in case.peer.linked_as)


def _own_addresses(binding: HostBinding) -> Iterator[IPAddress]:
    """A binding's addresses on its own host: loopback for a wildcard."""
    if binding.is_wildcard or binding.host_ip is None:
        return (_LOOPBACK[family] for family in binding.families)
    return iter((binding.host_ip,))


def _is_local(network: Network, case: Case) -> bool:
    vantage = case.vantage
    return not vantage.interfaces or is_here(network, vantage, case.inventory.engine)


def _loopback_only(case: Case, binding: HostBinding, route: Route) -> Refusal:
    address = f"{binding.host_ip}, where only the engine's host can dial it"
    detail = f"port {case.port} of {case.name} is published on {address}"
    refusal = _publish(case, Reason.PUBLISHED_ON_LOOPBACK, detail, route)
    joined = f"{_join(case)}, or {refusal.fix}"
    return evolve(refusal, fix=joined) if case.standing.stand is Stand.CONTAINER else refusal


def _publish(case: Case, reason: Reason, detail: str, route: Route = Route.PUBLISHED) -> Refusal:
    number = case.port.number
    suffix = "" if case.port.protocol == "tcp" else f"/{case.port.protocol}"
    instead = "instead of --network host " if case.in_host_mode else ""
    fix = f"docker run -p {number}:{number}{suffix} {instead}when {case.name} is made"
    return Refusal(route, reason, detail, fix)
