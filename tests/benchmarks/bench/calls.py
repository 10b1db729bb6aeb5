"""The address of one container on the engine's host, as each library is asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from harness.engines import SESSION_LABEL

from bench.turns import Found, Told

ROUNDS = 30


@contextmanager
def on_host(found: Found) -> Iterator[Told]:
    """A container that testcontainers runs."""
    engine = found()
    place = engine.host.with_env(
        TESTCONTAINERS_RYUK_DISABLED="true",  # its image would come from a registry
        TESTCONTAINERS_CONNECTION_MODE="docker_host",  # it need not find out: the cheapest way
    )
    labels = {SESSION_LABEL: engine.prefix}
    taken = place.call(_taken, engine.image, engine.mounts(), labels, ROUNDS)
    yield {name: iter(seconds) for name, seconds in taken.items()}


def _taken(
    image: str, mounts: list[dict[str, Any]], labels: dict[str, str], rounds: int
) -> dict[str, list[float]]:
    """Seconds by library; all give the same address."""
    from collections.abc import Callable
    from time import perf_counter

    import docker
    from testcontainers.core.container import DockerContainer

    import dockernet

    keywords = {"mounts": mounts, "labels": labels}
    running = DockerContainer(image).with_command(["sleep", "100000"]).with_exposed_ports(80)
    with (
        running.with_kwargs(**keywords) as container,
        dockernet.Engine.from_env() as engine,
        engine.live() as live,
    ):
        client = docker.from_env(version="auto")
        name = str(container.get_wrapped_container().name)
        asked, warm = dockernet.Resolver([engine]), dockernet.Resolver([live])

        def by_docker_py() -> tuple[str, int]:
            [first, *_] = client.containers.get(name).attrs["NetworkSettings"]["Ports"]["80/tcp"]
            return "127.0.0.1", int(first["HostPort"])

        def by_testcontainers() -> tuple[str, int]:
            host, port = container.get_container_host_ip(), container.get_exposed_port(80)
            return host.replace("localhost", "127.0.0.1"), int(port)

        work: dict[str, Callable[[], tuple[str, int]]] = {
            "engine": lambda: asked.resolve(f"{name}:80").address,
            "live": lambda: warm.resolve(f"{name}:80").address,
            "docker-py": by_docker_py,
            "testcontainers": by_testcontainers,
        }
        taken: dict[str, list[float]] = {what: [] for what in work}
        answers = set()
        for _ in range(rounds):
            for what, piece in work.items():
                start = perf_counter()
                answers.add(piece())
                taken[what].append(perf_counter() - start)
        assert len(answers) == 1, answers
        client.close()
    return taken
