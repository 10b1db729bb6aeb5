"""Checks of names: who is known by which name, and where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from dockernet._linking import links_of, reconciled
from dockernet.doctor import fixes
from dockernet.doctor.codes import Code
from dockernet.doctor.examined import Examined
from dockernet.doctor.findings import Evidence, Finding, Fix, Kind
from dockernet.formats.hosts import Hosts, peer_lines
from dockernet.model.addresses import IPAddress
from dockernet.model.containers import Container
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.hosts_lines import HostsLine
from dockernet.model.provenance import Provenance
from dockernet.model.vantage import VantageKind
from dockernet.refusals import Reason

__all__ = [
    "doubled_lines",
    "embedded_dns",
    "no_names",
    "other_network",
    "stale_lines",
    "stale_variables",
    "strangers",
]

_HOSTS: Final = "/etc/hosts"
_ENVIRON: Final = "environ"  # the source of variables, as a resolver names it
_OLD: Final = "stale"


def no_names(examined: Examined) -> Iterator[Finding]:
    """Caller and peer share the default bridge alone, and nothing tells the name there."""
    caller, target = examined.caller, examined.target
    if caller is None or target is None or target.address is not None or target.is_host:
        return
    if not examined.endpoints:
        return  # another finding says why
    for peer in examined.peers:
        shared = [a.network_id for a in peer.networks if caller.attachment(a.network_id)]
        found = [examined.network(network_id) for network_id in shared]
        bridges = [n for n in found if n is not None and n.is_default_bridge]
        if peer.id == caller.id or not shared or len(bridges) != len(shared):
            continue
        if not _in_hosts(examined, caller, target.name):
            yield Finding(
                code=Code.NO_NAMES_HERE,
                subject=target.name,
                observed=f"{caller} and {peer} share the default bridge alone, where "
                f"{target.name} is no name",
                evidence=(_unnamed(examined, target.name),),
                fix=fixes.together(caller, peer, "dial its address, as dockernet tells it"),
            )


def _unnamed(examined: Examined, name: str) -> Evidence:
    if examined.place is None:
        return Evidence(Kind.ENGINE, str(examined.caller), f"no link has the alias {name}")
    return Evidence(Kind.FILE, _HOSTS, f"no line has {name}")


def _in_hosts(examined: Examined, caller: Container, name: str) -> bool:
    """Whether a line has the name: as read, else as a link of the caller's would put it there."""
    folded = name.casefold()
    if examined.place is not None:
        lines = examined.place.hosts
        return any(folded in map(str.casefold, line.names) for line in lines)
    return any(folded == link.alias.casefold() for link in caller.links or ())


def strangers(examined: Examined) -> tuple[tuple[Container, str], ...]:
    """The containers that have the name as an alias where the caller is not, and where.

    Only where no route leads to any of them: the name of a peer that is reached by its
    host port has done all that a name can do.
    """
    caller, target, told = examined.caller, examined.target, examined.explanation
    if caller is None or target is None or told is None or told.endpoints:
        return ()
    if any(refusal.reason is not Reason.NO_SHARED_NETWORK for refusal in told.refusals):
        return ()
    folded = target.name.casefold()
    return tuple(
        (container, place.network)
        for container in examined.containers
        for place in container.networks
        if caller.attachment(place.network_id) is None
        if folded in map(str.casefold, place.names) and folded != container.name.casefold()
    )


def other_network(examined: Examined) -> Iterator[Finding]:
    """The name is an alias in a network that the caller is not on."""
    caller, target = examined.caller, examined.target
    if caller is None or target is None:
        return
    for container, network in strangers(examined)[:1]:
        yield Finding(
            code=Code.ALIAS_IN_ANOTHER_NETWORK,
            subject=target.name,
            observed=f"{target.name} is {container} on network {network}, and {caller} is not on it",
            evidence=(Evidence(Kind.ENGINE, str(container), f"alias on {network}"),),
            fix=fixes.connect(caller, network),
        )


def embedded_dns(examined: Examined) -> Iterator[Finding]:
    """The embedded DNS does not answer for a name that it always knows."""
    told = examined.own_name
    if told is None or told.code:
        return
    caller = examined.caller
    yield Finding(
        code=Code.EMBEDDED_DNS_SILENT,
        subject=str(caller or "here"),
        observed=f"the embedded DNS at {told.server} does not answer",
        evidence=(Evidence(Kind.REPLY, f"{told.server}", told.word or "no answer in time"),),
        fix=_restart(caller),
    )


def stale_variables(examined: Examined) -> Iterator[Finding]:
    """Link variables lead elsewhere than the engine, or a fresher source, says."""
    for one in _stale(examined):
        yield Finding(
            code=Code.STALE_LINK_VARIABLES,
            subject=one.subject,
            observed=f"the variables of link {one.subject} are {one.reason}",
            evidence=(Evidence(Kind.FILE, "environ", one.reason),),
            fix=_restart(examined.caller),
        )


def _stale(examined: Examined) -> Iterable[Diagnostic]:
    caller, place, told = examined.caller, examined.place, examined.explanation
    if caller is not None and place is not None and examined.inventory is not None:
        known = [link for link in links_of(examined.inventory) if link.recipient == caller.name]
        found = reconciled([*known, *place.links.links]).diagnostics
        return [one for one in found if one.source == Provenance.ENVIRON]
    odd = () if told is None or examined.recorded else told.diagnostics
    return [one for one in odd if one.source == _ENVIRON and one.reason.startswith(_OLD)]


def _restart(caller: Container | None) -> Fix:
    if caller is None:
        return Fix((), "restart this container")
    return fixes.docker(("restart", str(caller)))


def _lines(examined: Examined) -> tuple[HostsLine, ...]:
    """The lines of a container's hosts file that may stand for peers."""
    vantage, place = examined.vantage, examined.place
    if place is None or vantage.kind is not VantageKind.CONTAINER:
        return ()
    names = {n for n in (vantage.hostname, vantage.name, (vantage.id or "")[:12]) if n}
    own = [a for i in place.interfaces for a in i.addresses]
    return peer_lines(Hosts(place.hosts), own, names)


def stale_lines(examined: Examined) -> Iterator[Finding]:
    """A line has a container's name at an address of its networks that it has not."""
    for line in _lines(examined):
        named = (c for c in examined.containers if c.running and c.name in line.names)
        peer = next(named, None)
        if peer is None or line.address in examined.addresses_of(peer):
            continue
        if _is_of_a_network(examined, line.address):
            has = ", ".join(map(str, sorted(examined.addresses_of(peer), key=str))) or "none"
            yield Finding(
                code=Code.STALE_HOSTS_LINE,
                subject=peer.name,
                observed=f"a hosts line has {peer} at {line.address}, and its address is {has}",
                evidence=(_seen(line),),
                fix=Fix((), f"take the line '{line}' out of {_HOSTS}"),
            )


def _is_of_a_network(examined: Examined, address: IPAddress) -> bool:
    """Whether an address is for containers: what else is meant is the writer's affair."""
    hosts = {gateway for n in examined.networks for gateway in n.gateways}
    return address not in hosts and any(address in s for n in examined.networks for s in n.subnets)


def doubled_lines(examined: Examined) -> Iterator[Finding]:
    """A name stands at two addresses of one family."""
    first: dict[tuple[str, int], HostsLine] = {}
    for line in _lines(examined):
        for name in dict.fromkeys(map(str.casefold, line.names)):
            before = first.setdefault((name, line.address.version), line)
            if before.address != line.address:
                yield Finding(
                    code=Code.DOUBLED_HOSTS_LINES,
                    subject=name,
                    observed=f"{name} is at {before.address} and at {line.address}",
                    evidence=(_seen(before), _seen(line)),
                    fix=Fix((), f"take one of these lines out of {_HOSTS}"),
                )


def _seen(line: HostsLine) -> Evidence:
    return Evidence(Kind.FILE, _HOSTS, " ".join(str(line).split()))
