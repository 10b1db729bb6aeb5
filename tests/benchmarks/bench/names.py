"""How long names and neighbours take in a container, without an engine to ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness import Cast, Scene

from bench.turns import Found, Told

NEIGHBOURS = 50
ROUNDS = 15


@contextmanager
def asking(found: Found) -> Iterator[Told]:
    """A container with fifty neighbours of one alias: too many for one datagram."""
    with Scene(found()) as scene:
        net = scene.network("net")
        sleep, crowd = ["sleep", "100000"], ["crowd"]
        each = (Cast(f"c{n}", network=net, aliases=crowd, command=sleep) for n in range(NEIGHBOURS))
        first, *_ = scene.run_all(*each)
        place = scene.run("asking", network=net)
        (peers, addresses), taken = place.call(_taken, first.name, ROUNDS)
        assert (peers, addresses) == (NEIGHBOURS, NEIGHBOURS)
        taken["each neighbour"] = [seconds / NEIGHBOURS for seconds in taken["neighbours"]]
        yield {name: iter(seconds) for name, seconds in taken.items()}


def _taken(name: str, rounds: int) -> tuple[tuple[int, int], dict[str, list[float]]]:
    """How many neighbours and addresses were found, and what each of three things takes."""
    import socket
    from collections.abc import Callable
    from time import perf_counter

    import dockernet

    resolver = dockernet.Resolver([dockernet.Dns()], vantage=dockernet.whoami())
    work: dict[str, Callable[[], object]] = {
        "neighbours": resolver.peers,
        "name": lambda: resolver.resolve(f"{name}:80"),
        "getaddrinfo": lambda: socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM),
    }
    taken: dict[str, list[float]] = {what: [] for what in work}
    for _ in range(rounds):
        for what, piece in work.items():
            start = perf_counter()
            piece()
            taken[what].append(perf_counter() - start)
    return (len(resolver.peers()), len(resolver.endpoints("crowd:80"))), taken
