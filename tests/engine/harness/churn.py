"""Churn: containers and networks that come, change and go at random, several at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from random import Random

from attrs import define, field

from harness.api import ApiError
from harness.scenes import Cast, RealContainer, RealNetwork, Scene

_AT_ONCE = 4
_MOST = 12  # containers at a time
_SLEEP = ("sleep", "100000")


@define(eq=False)
class Churn:
    """Random operations on the containers of a scene."""

    scene: Scene
    random: Random
    networks: list[RealNetwork] = field(init=False)
    containers: list[RealContainer] = field(factory=list, init=False)
    lock: threading.Lock = field(factory=threading.Lock, init=False)
    number: int = 0

    def __attrs_post_init__(self) -> None:
        self.networks = [self.scene.network(f"churn{n}") for n in range(2)]

    def run(self, operations: int) -> None:
        """Do that many things; what another one has made impossible is left."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._step, range(operations)))
            list(pool.map(self._name_anew, self.containers))

    def end(self) -> None:
        """Remove the containers, and what an engine has left of them on its networks.

        An engine that connects a container while it removes it forgets to take it off.
        """
        for container in self.containers:
            container.remove()
        for network in self.networks:
            for left in network.inspect().get("Containers", {}).values():
                body = {"Container": left["Name"], "Force": True}
                with suppress(ApiError):
                    self.scene.engine.api.request(
                        "POST", f"/networks/{network.id}/disconnect", body
                    )

    def _step(self, _: int) -> None:
        with self.lock:
            few = len(self.containers) < 3
            full = len(self.containers) >= _MOST
            choices = [Churn.launch] if few else [*_OPERATIONS, *([] if full else [Churn.launch])]
            operation = self.random.choice(choices)
        with suppress(ApiError):
            operation(self)

    def launch(self) -> None:
        with self.lock:
            self.number += 1
            peer = self.random.choice(self.containers) if self.containers else None
            kind = self.random.randrange(3)
            where = self.random.choice(self.networks) if kind == 1 else None
            name = f"c{self.number}"
        links = [f"{peer.name}:peer"] if peer and kind == 2 and not self.scene.engine.podman else []
        made = self.scene.run_all(
            Cast(name, command=_SLEEP, network=where, links=links, publish=["80"], expose=["81"])
        )
        with self.lock:
            self.containers += made

    def remove(self) -> None:
        with self.lock:
            chosen = self.random.choice(self.containers)
            self.containers.remove(chosen)
        chosen.remove()

    def rename(self) -> None:
        chosen = self._any()
        with self.lock:
            self.number += 1
            name = self.scene.name(f"r{self.number}")
        self._post(chosen, "rename", name=name)

    def stop(self) -> None:
        self._post(self._any(), "stop", t=0)

    def start(self) -> None:
        self._post(self._any(), "start")

    def restart(self) -> None:
        self._post(self._any(), "restart", t=0)

    def pause(self) -> None:
        self._post(self._any(), "pause")

    def unpause(self) -> None:
        self._post(self._any(), "unpause")

    def connect(self) -> None:
        self._join("connect")

    def disconnect(self) -> None:
        self._join("disconnect")

    def _name_anew(self, one: RealContainer) -> None:
        """Have the engine speak of one that is stopped.

        It says nothing of a network that such a one joins or leaves, so that this is seen
        with the next event of that container, or when everything is read anew.
        """
        with suppress(ApiError):
            if not one.inspect()["State"]["Running"]:
                self._post(one, "rename", name=f"{one.name}-last")

    def _join(self, verb: str) -> None:
        network = self.random.choice(self.networks)
        body = {"Container": self._any().id, "Force": True}
        self.scene.engine.api.request("POST", f"/networks/{network.id}/{verb}", body)

    def _any(self) -> RealContainer:
        with self.lock:
            return self.random.choice(self.containers)

    def _post(self, chosen: RealContainer, verb: str, **query: object) -> None:
        self.scene.engine.api.request("POST", f"/containers/{chosen.id}/{verb}", None, **query)


_OPERATIONS: tuple[Callable[[Churn], None], ...] = (
    Churn.remove,
    Churn.rename,
    Churn.stop,
    Churn.start,
    Churn.restart,
    Churn.pause,
    Churn.unpause,
    Churn.connect,
    Churn.disconnect,
)
