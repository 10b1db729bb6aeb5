"""How long names and neighbours take where there are many, without an engine to ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness import Cast, RealContainer, Scene, UnavailableError, found_engine
from measuring import report

pytestmark = pytest.mark.bench

NEIGHBOURS = 50
ROUNDS = 15


@pytest.fixture(scope="module")
def asking() -> Iterator[RealContainer]:
    """A container with fifty neighbours of one alias."""
    try:
        with found_engine() as engine, Scene(engine) as scene:
            net = scene.network("net")
            sleep, crowd = ["sleep", "100000"], ["crowd"]
            each = (
                Cast(f"c{n}", network=net, aliases=crowd, command=sleep) for n in range(NEIGHBOURS)
            )
            scene.run_all(*each)
            yield scene.run("asking", network=net)
    except UnavailableError as no:
        pytest.skip(f"neighbours are looked for on an engine: {no}")


def _neighbours() -> tuple[str, ...]:
    import dockernet

    return tuple(peer.name for peer in dockernet.Resolver([dockernet.Dns()]).peers())


def _addresses() -> int:
    import dockernet

    return len(dockernet.Resolver([dockernet.Dns()]).endpoints("crowd:80"))


def _seconds(name: str, rounds: int) -> dict[str, float]:
    """What each of three things takes, as the median of rounds taken in turns."""
    import socket
    from collections.abc import Callable
    from statistics import median
    from time import perf_counter

    import dockernet

    resolver = dockernet.Resolver([dockernet.Dns()], vantage=dockernet.whoami())
    work: dict[str, Callable[[], object]] = {
        "neighbours": resolver.peers,
        "a crowd": lambda: resolver.endpoints("crowd:80"),
        "one name": lambda: resolver.resolve(f"{name}:80"),
        "getaddrinfo": lambda: socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM),
    }
    taken: dict[str, list[float]] = {what: [] for what in work}
    for _ in range(rounds):
        for what, piece in work.items():
            start = perf_counter()
            piece()
            taken[what].append(perf_counter() - start)
    return {what: median(times) for what, times in taken.items()}


def test_fifty_neighbours_are_found_by_their_addresses(asking: RealContainer) -> None:
    """All addresses of one name, too, which do not fit into a datagram."""
    neighbours = asking.call(_neighbours)
    assert (len(neighbours), asking.call(_addresses)) == (NEIGHBOURS, NEIGHBOURS)
    taken = asking.call(_seconds, neighbours[0], ROUNDS)
    for what, seconds in taken.items():
        print(f"\n{what:<64} {seconds * 1000:8.1f} ms", end="")
    each = taken["neighbours"] / NEIGHBOURS / taken["getaddrinfo"]
    kept = [
        report("seconds for 50 neighbours", taken["neighbours"], 2),
        report("each of 50 neighbours / getaddrinfo of one name", each, 10),
        report("one name / getaddrinfo of it", taken["one name"] / taken["getaddrinfo"], 10),
    ]
    assert all(kept)
