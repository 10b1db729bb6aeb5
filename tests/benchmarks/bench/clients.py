"""Four ways to list containers, each with its connection to one engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import docker
from attrs import frozen
from builders import identity
from harness import Cast, Scene
from recorded import recorded
from replay import Replay, reply

import dockernet
from bench.turns import Found, Work, timed

if TYPE_CHECKING:
    import aiodocker

_AT_ONCE = 8


@frozen(eq=False)
class Clients:
    """The clients of one engine."""

    ours: dockernet.Engine
    docker_py: docker.DockerClient
    aiodocker: aiodocker.Docker
    run: Callable[[Coroutine[Any, Any, object]], object]
    threads: ThreadPoolExecutor


@contextmanager
def clients(url: str, count: int) -> Iterator[Clients]:
    """Clients that see at least so many containers."""
    import aiodocker

    async def connected() -> aiodocker.Docker:
        return aiodocker.Docker(url=url)

    theirs = docker.DockerClient(url, version="auto")
    with (
        dockernet.Engine(url, 60.0, environ={}) as ours,
        asyncio.Runner() as runner,
        ThreadPoolExecutor(_AT_ONCE) as threads,
    ):
        awaited = runner.run(connected())
        made = Clients(ours, theirs, awaited, runner.run, threads)
        for listed in (
            ours.containers(),
            theirs.api.containers(all=True),
            runner.run(_awaited(made)),
        ):
            assert len(listed) >= count
        try:
            yield made
        finally:
            runner.run(awaited.close())
            theirs.close()


def on_engine(count: int) -> Callable[[Found], AbstractContextManager[Clients]]:
    """A real engine with so many running containers, two ports and a label each."""

    @contextmanager
    def opened(found: Found) -> Iterator[Clients]:
        engine, sleep = found(), ["sleep", "100000"]
        with Scene(engine) as scene:
            scene.run_all(
                *(
                    Cast(
                        f"c{n}", command=sleep, publish=["80"], expose=["81"], labels={"n": f"{n}"}
                    )
                    for n in range(count)
                )
            )
            with clients(engine.url, count) as made:
                yield made

    return opened


def on_replay(count: int) -> Callable[[Found], AbstractContextManager[Clients]]:
    """Replies that an engine once gave for one container, given for so many, on a real socket."""

    @contextmanager
    def opened(found: Found) -> Iterator[Clients]:
        del found
        with (
            TemporaryDirectory(prefix="dn") as folder,
            _replay(count).on_socket(Path(folder) / "engine.sock") as server,
            clients(server.url, count) as made,
        ):
            yield made

    return opened


def _replay(count: int) -> Replay:
    said = recorded("28.5")
    [listed] = (entry for entry in said["listing"] if "/facts-app" in entry["Names"])
    [inspected] = (entry for entry in said["inspections"] if entry["Id"] == listed["Id"])
    server = Replay(said["version"], networks=said["networks"])
    server.answers["/version"] = reply(said["version"])
    names = [f"c{number}" for number in range(count)]
    every = [{**listed, "Id": identity(name), "Names": [f"/{name}"]} for name in names]
    # As bytes, so that the server costs as little as it can.
    server.answers["/containers/json"] = reply(json.dumps(every).encode())
    for name in names:
        one = {**inspected, "Id": identity(name), "Name": f"/{name}"}
        server.answers[f"/containers/{identity(name)}/json"] = reply(json.dumps(one).encode())
    return server


async def _awaited(stage: Clients) -> list[Any]:
    return await stage.aiodocker.containers.list(all=True)


async def _awaited_and_shown(stage: Clients) -> list[Any]:
    return await asyncio.gather(*(each.show() for each in await _awaited(stage)))


def _at_once(stage: Clients) -> None:
    list(stage.threads.map(lambda _: stage.ours.containers(), range(_AT_ONCE)))


def _in_turn(stage: Clients) -> None:
    for _ in range(_AT_ONCE):
        stage.ours.containers()


ours: Work[Clients] = timed(lambda stage: stage.ours.containers())
ours_in_detail: Work[Clients] = timed(lambda stage: stage.ours.containers(details=True))
low_level: Work[Clients] = timed(lambda stage: stage.docker_py.api.containers(all=True))
high_level: Work[Clients] = timed(lambda stage: stage.docker_py.containers.list(all=True))
awaited: Work[Clients] = timed(lambda stage: stage.run(_awaited(stage)))
awaited_and_shown: Work[Clients] = timed(lambda stage: stage.run(_awaited_and_shown(stage)))
at_once = timed(_at_once)
in_turn = timed(_in_turn)
