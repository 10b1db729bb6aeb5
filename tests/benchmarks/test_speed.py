"""The ratios that are promised, measured side by side: ``nox -s bench`` prints them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker
import pytest
from harness import Cast, RealEngine, Scene, UnavailableError, found_engine
from measuring import imports, report, side_by_side

import dockernet

pytestmark = pytest.mark.bench

CONTAINERS = 100


def test_importing_the_package_is_cheap() -> None:
    base = "import attrs, ipaddress"
    taken = imports(base, "import dockernet", "from dockernet import Resolver")
    rows = [
        ("import dockernet / import attrs, ipaddress", "import dockernet", 1.5),
        (
            "from dockernet import Resolver / import attrs, ipaddress",
            "from dockernet import Resolver",
            2.0,
        ),
    ]
    kept = [report(what, taken[name] / taken[base], limit) for what, name, limit in rows]
    assert all(kept)


def test_resolving_a_link_is_cheap() -> None:
    """The second call on one resolver, against one look-up in the hosts file."""
    link = dockernet.Link.parse("db:db")
    variables = dockernet.Link(
        alias=link.alias,
        recipient="app",
        addresses=(dockernet.Target.parse("172.17.0.5").address,),  # type: ignore[arg-type]
        ports=(dockernet.Port(5432),),
    ).to_environ()
    environ = {f"VARIABLE_{n}": "value" for n in range(30)} | variables
    resolver = dockernet.Resolver([dockernet.Environ(environ)], vantage=dockernet.Vantage())
    assert str(resolver.resolve("db:5432")) == "172.17.0.5:5432"
    taken = side_by_side(
        {
            "ours": lambda: resolver.resolve("db:5432"),
            "getaddrinfo": lambda: socket.getaddrinfo("localhost", 5432, type=socket.SOCK_STREAM),
        },
        repeat=50,
    )
    ratio = taken["ours"] / taken["getaddrinfo"]
    assert report("resolve from link variables / getaddrinfo of a hosts-file name", ratio, 5)


@pytest.fixture(scope="module")
def crowd() -> Iterator[RealEngine]:
    """An engine with a hundred running containers, two ports and a label each."""
    try:
        with found_engine() as engine, Scene(engine) as scene:
            sleep = ["sleep", "100000"]
            scene.run_all(
                *(
                    Cast(
                        f"c{n}", command=sleep, publish=["80"], expose=["81"], labels={"n": str(n)}
                    )
                    for n in range(CONTAINERS)
                )
            )
            yield engine
    except UnavailableError as no:
        pytest.skip(f"listing is measured on an engine: {no}")


def test_listing_a_hundred_containers_is_cheap(crowd: RealEngine) -> None:
    client = docker.DockerClient(crowd.url, version="auto")
    with dockernet.Engine(crowd.url) as ours:
        taken = side_by_side(
            {
                "ours": ours.containers,
                "low": lambda: client.api.containers(all=True),
                "high": lambda: client.containers.list(all=True),
            },
            rounds=15,
        )
        assert len(ours.containers()) >= CONTAINERS
    client.close()
    low = report("list 100 / docker-py's low-level list", taken["ours"] / taken["low"], 1.3)
    ratio = taken["high"] / taken["ours"]
    assert report("docker-py's containers.list() / list 100", ratio, 10, least=True)
    assert low


def test_many_threads_share_one_engine(crowd: RealEngine) -> None:
    """For comparison only: eight threads, against one after the other."""
    with dockernet.Engine(crowd.url) as ours, ThreadPoolExecutor(8) as pool:

        def at_once() -> list[Any]:
            return list(pool.map(lambda _: ours.containers(), range(8)))

        taken = side_by_side(
            {"one": lambda: [ours.containers() for _ in range(8)], "all": at_once}, 5
        )
    assert report("eight lists at once / one after the other", taken["all"] / taken["one"], 3)
