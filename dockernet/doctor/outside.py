"""Checks of the way to the outside world, to a target that the caller has named."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from attrs import evolve

from dockernet._journey import way_out as way_to
from dockernet.doctor import fixes
from dockernet.doctor.codes import ENTRIES, Code
from dockernet.doctor.examined import Examined, OutsideWorld
from dockernet.doctor.findings import Evidence, Finding, Fix, Kind
from dockernet.doctor.packets import judged, sent_by, way_out
from dockernet.doctor.ways import DIALLED
from dockernet.model.addresses import IPAddress, IPNetwork
from dockernet.model.containers import Container
from dockernet.model.firewalls import Effect
from dockernet.model.networks import Network
from dockernet.model.packets import Packet
from dockernet.model.places import Dialled, LookUp
from dockernet.model.ports import Port

__all__ = ["dialled", "internal", "masquerade", "name_servers", "route", "rules"]

_ABSENT = "NXDOMAIN"
_HEARD = frozenset({"NOERROR", _ABSENT})


def _missed(examined: Examined) -> OutsideWorld | None:
    """What was named and is not reached."""
    world = examined.outside
    return None if world is None or world.reached else world


def _addresses(world: OutsideWorld) -> tuple[IPAddress, ...]:
    """Where it was dialled."""
    hosts = (one.endpoint.host for one in world.dialled)
    return tuple(h for h in dict.fromkeys(hosts) if isinstance(h, IPv4Address | IPv6Address))


def _led(examined: Examined, world: OutsideWorld) -> tuple[Dialled, ...]:
    """What was dialled, without the families that lead nowhere, where another one does."""
    leads = () if examined.place is None else examined.place.leads_out
    led = tuple(one for one in world.dialled if one.endpoint.family in leads)
    return led or world.dialled


def dialled(examined: Examined) -> Iterator[Finding]:
    """It does not answer."""
    world = _missed(examined)
    for one in () if world is None else _led(examined, world):
        code = DIALLED[one.outcome]
        yield Finding(
            code=code,
            subject=str(world),
            observed=f"{one.endpoint} in the outside was dialled: {one.outcome}",
            evidence=(Evidence(Kind.REPLY, str(one.endpoint), one.word or one.outcome),),
            fix=Fix((), f"look whether {world} is up, and at firewalls on the way"),
        )


def name_servers(examined: Examined) -> Iterator[Finding]:
    """Its name is not found, or nobody can tell."""
    world = _missed(examined)
    if world is None or world.dialled:
        return
    heard = [one for one in world.look_ups if one.code in _HEARD]
    code = Code.NAME_NOT_FOUND if heard else Code.UPSTREAM_DNS_DEAD
    why = "there is no such name" if heard else "no name server answers"
    yield Finding(
        code=code,
        subject=str(world),
        observed=f"{world.host} is not found: {why}",
        evidence=tuple(map(_reply, world.look_ups)),
        fix=Fix((), ENTRIES[code].mend),
    )


def _reply(one: LookUp) -> Evidence:
    where = "resolv.conf" if one.server is None else str(one.server)
    return Evidence(Kind.REPLY, where, one.code or one.word or "no answer in time")


def route(examined: Examined) -> Iterator[Finding]:
    """The place has no default route."""
    world, place = _missed(examined), examined.place
    if world is None or place is None:
        return
    on_link = [subnet for interface in place.interfaces for subnet in interface.subnets]
    led = evolve(world, dialled=_led(examined, world))
    wanted = _addresses(led) or (None,)
    families = {4 if a is None else a.version for a in wanted if not _is_in(a, on_link)}
    for family in sorted(families.difference(place.leads_out)):
        yield Finding(
            code=Code.NO_DEFAULT_ROUTE,
            subject=str(world),
            observed=f"no IPv{family} default route leads out of {examined.caller or 'here'}",
            evidence=(Evidence(Kind.FILE, "/proc/net/route", "no default route"),),
            fix=_routed(examined, family),
        )


def _routed(examined: Examined, family: int) -> Fix:
    """Let the engine set the route anew, where a network of the caller's leads out."""
    caller = examined.caller
    if caller is None or way_out(examined, caller, family) is None:
        return _joined(examined)
    return fixes.docker(("restart", str(caller)))


def _is_in(address: IPAddress | None, subnets: list[IPNetwork]) -> bool:
    return address is not None and any(address in subnet for subnet in subnets)


def _joined(examined: Examined) -> Fix:
    """Connect the caller to the default bridge, which leads out."""
    change = "connect it to a network that is not internal"
    return Fix((), change) if examined.caller is None else fixes.connect(examined.caller, "bridge")


def internal(examined: Examined) -> Iterator[Finding]:
    """The caller is on internal networks alone."""
    world, caller = _missed(examined), examined.caller
    if world is None or caller is None:
        return
    networks = [n for a in caller.networks if (n := examined.network(a.network_id)) is not None]
    if networks and all(network.internal for network in networks):
        yield Finding(
            code=Code.INTERNAL_NETWORK,
            subject=str(world),
            observed=f"{caller} is on {', '.join(map(str, networks))} alone, which is internal",
            evidence=tuple(Evidence(Kind.ENGINE, str(n), "Internal true") for n in networks),
            fix=_joined(examined),
        )


def rules(examined: Examined) -> Iterator[Finding]:
    """A rule of the host does not let it through."""
    world = _missed(examined)
    for one in () if world is None else world.dialled:
        sent = sent_by(examined, one.endpoint)
        found = None if sent is None else judged(examined, sent, outcome=one.outcome)
        if found is not None:
            yield found


def masquerade(examined: Examined) -> Iterator[Finding]:
    """What leaves the caller's network keeps an address that nobody outside knows."""
    world, caller = _missed(examined), examined.caller
    if world is None or caller is None or examined.firewall is None or examined.machine is None:
        return
    hosts = {own for i in examined.machine.interfaces for own in i.addresses}
    for address in (a for a in _addresses(world) if a not in hosts):
        way = way_out(examined, caller, address.version)
        if way is not None and not _is_translated(examined, address, *way):
            yield _bare(world, caller, address, way[1])


def _bare(world: OutsideWorld, caller: Container, address: IPAddress, network: Network) -> Finding:
    return Finding(
        code=Code.NO_MASQUERADE,
        subject=str(world),
        observed=f"what {caller} sends to {address} leaves the host with its address on {network}",
        evidence=(Evidence(Kind.RULE, "nat POSTROUTING", f"no rule masquerades {network}"),),
        fix=fixes.let_in(network, "outside", [Port(world.port)], address.version),
    )


def _is_translated(
    examined: Examined, address: IPAddress, source: IPAddress, network: Network
) -> bool:
    """Whether a rule may give the packet another source; routed networks need none."""
    machine, firewall = examined.machine, examined.firewall
    if machine is None or firewall is None or address.version in network.routed:
        return True
    packet = Packet(
        source=source,
        destination=address,
        in_interface=network.interface,
        out_interface=way_to(address, machine),
        source_type="UNICAST",
        destination_type="UNICAST",
        port=None,
    )
    return any(
        placed.rule.effect is Effect.SNAT and placed.rule.is_for(packet) is not False
        for placed in firewall.rules(address.version)
    )
