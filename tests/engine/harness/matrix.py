"""The truth of a matrix of places and peers: who really answers at which address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_network

from attrs import frozen

from harness.engines import RealEngine
from harness.places import Place
from harness.scenes import RealContainer

Address = tuple[str, int, str]


@frozen
class Answer:
    """What dockernet answers in a place for one target.

    ``endpoints`` are (host, port, protocol, route), best first; ``reasons`` are the
    codes of the refusals; ``error`` is the class of what ``resolve`` raised.
    """

    endpoints: tuple[tuple[str, int, str, str], ...]
    reasons: tuple[str, ...]
    error: str | None

    @property
    def addresses(self) -> tuple[Address, ...]:
        return tuple((host, port, protocol) for host, port, protocol, _ in self.endpoints)

    @property
    def routes(self) -> tuple[str, ...]:
        return tuple(route for *_, route in self.endpoints)


def ask(place: Place, targets: Sequence[str]) -> dict[str, Answer]:
    """Resolve and explain targets in a place."""
    return {target: Answer(*told) for target, told in place.call(_asked, list(targets)).items()}


def _asked(
    targets: list[str],
) -> dict[str, tuple[tuple[tuple[str, int, str, str], ...], tuple[str, ...], str | None]]:
    import dockernet

    told = {}
    with dockernet.Resolver() as resolver:
        for target in targets:
            why = resolver.explain(target)
            found: tuple[dockernet.Endpoint, ...] = ()
            error = None
            try:
                found = resolver.endpoints(target)
                best = resolver.resolve(target)
                assert best == found[0] == why.chosen, (target, best, found, why)
            except dockernet.DockernetError as raised:
                error = type(raised).__name__
            assert found == why.endpoints, (target, found, why)
            plain = tuple((str(e.host), e.port, str(e.protocol), str(e.route)) for e in found)
            told[target] = (plain, tuple(str(r.reason) for r in why.refusals), error)
    return told


def truth(place: Place, addresses: Iterable[Address], timeout: float = 1.0) -> dict[Address, str]:
    """Who answers at which of the addresses, as dialled from a place."""
    asked = sorted(set(addresses))
    replies = place.dial_all(asked, timeout)
    return {a: reply.name for a, reply in zip(asked, replies, strict=True) if reply.name}


def conceivable(peer: RealContainer, port: str, hosts: Iterable[str]) -> tuple[Address, ...]:
    """Every address that anyone could think of for a port such as "80" or "53/udp".

    ``hosts`` are the addresses that the engine's host may be dialled at.
    """
    number, _, protocol = port.partition("/")
    told = peer.namespace().inspect()
    networks = told["NetworkSettings"]["Networks"].values()
    own = [n[key] for n in networks for key in ("IPAddress", "GlobalIPv6Address") if n[key]]
    bound = told["NetworkSettings"]["Ports"].get(f"{number}/{protocol or 'tcp'}") or ()
    host_ports = {int(b["HostPort"]) for b in bound if b["HostPort"]}
    host_ports |= {int(number)} if told["HostConfig"]["NetworkMode"] == "host" else set()
    tries = [(address, int(number)) for address in own]
    tries += [(address, n) for address in hosts for n in host_ports]
    return tuple((address, n, protocol or "tcp") for address, n in tries)


def host_addresses(engine: RealEngine) -> set[str]:
    """The addresses of the engine's host, on all of its networks."""
    networks = engine.api.request("GET", "/networks")
    subnets = [c["Subnet"] for n in networks for c in n["IPAM"]["Config"] or ()]
    bridges = {str(ip_network(subnet)[1]) for subnet in subnets}
    return bridges | {"127.0.0.1", "::1", *engine.addresses}


def judged(
    engine: RealEngine, place: Place, targets: Mapping[str, tuple[RealContainer, str]]
) -> dict[str, Answer]:
    """What dockernet answers in a place, all of it compared with the truth.

    ``targets`` have the peer that must answer for each, and the port of it.

    Raises:
        AssertionError: An endpoint does not reach its peer, or a refused peer answers.
    """
    answers = ask(place, list(targets))
    hosts = host_addresses(engine)
    thinkable = {t: conceivable(peer, port, hosts) for t, (peer, port) in targets.items()}
    given = {a for answer in answers.values() for a in answer.addresses}
    really = truth(place, given.union(*thinkable.values()))
    wanted = {target: peer.name for target, (peer, _) in targets.items()}
    if found := faults(answers, wanted, thinkable, really):
        raise AssertionError("\n".join(found))
    return answers


@frozen
class Judgement:
    """How answers compare with the truth, where every target is a cell.

    ``wrong`` has what is false about cells with an endpoint that does not reach its
    peer, ``missed`` the same about those where an address would do and none was given;
    no cell is in both.
    """

    cells: int
    wrong: Mapping[str, tuple[str, ...]]
    missed: Mapping[str, tuple[str, ...]]

    @property
    def right(self) -> int:
        return self.cells - len(self.wrong) - len(self.missed)

    @property
    def faults(self) -> tuple[str, ...]:
        told = (*self.wrong.items(), *self.missed.items())
        return tuple(f"{target}: {fault}" for target, found in told for fault in found)


def compared(
    answers: Mapping[str, Answer],
    wanted: Mapping[str, str | None],
    conceivable: Mapping[str, Iterable[Address]],
    really: Mapping[Address, str],
) -> Judgement:
    """Compare answers with the truth.

    ``wanted`` has the name that must be read back for each target, ``conceivable``
    every address that anyone could think of for it.
    """
    wrong: dict[str, tuple[str, ...]] = {}
    missed: dict[str, tuple[str, ...]] = {}
    for target, answer in answers.items():
        name = wanted[target]
        given = {_family(host) for host, *_ in answer.addresses}
        wrong[target] = tuple(
            f"{address} reads {really.get(address)}, not {name}"
            for address in answer.addresses
            if really.get(address) != name
        )
        missed[target] = tuple(
            f"{address} would do, but {answer} says otherwise"
            for address in conceivable[target]
            if really.get(address) == name is not None and _family(address[0]) not in given
        )
    wrong = {target: found for target, found in wrong.items() if found}
    missed = {t: found for t, found in missed.items() if found and t not in wrong}
    return Judgement(len(answers), wrong, missed)


def faults(
    answers: Mapping[str, Answer],
    wanted: Mapping[str, str | None],
    conceivable: Mapping[str, Iterable[Address]],
    really: Mapping[Address, str],
) -> list[str]:
    """Where answers and truth differ: wrong endpoints, and refusals that are not true."""
    return list(compared(answers, wanted, conceivable, really).faults)


def _family(host: str) -> int:
    return 6 if ":" in host else 4
