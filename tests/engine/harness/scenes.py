"""Scenes: the containers and networks of a test, set up together and removed together."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Self

from attrs import evolve, field, frozen

from harness import image
from harness.api import Api, ApiError, frames
from harness.engines import SESSION_LABEL, RealEngine
from harness.places import ContainerPlace

_SPEC = re.compile(
    r"(?:(?:(?P<ip>\[.+\]|[^:]*):)?(?P<host>\d*):)?(?P<port>\d+)(?:/(?P<proto>\w+))?"
)
_AT_ONCE = 4  # more starts side by side take longer each
_scenes = itertools.count(1)


@frozen(kw_only=True)
class Cast:
    """How to run one container; names of networks and of links are full names."""

    name: str = field(kw_only=False)
    #: The ports on which it serves its name: "80", "53/udp".
    ports: Sequence[str] = ()
    #: As ``docker run -p`` takes them: "8080:80", "127.0.0.1::80", "53:53/udp".
    publish: Sequence[str] = ()
    #: Ports that it declares and does not serve, unless ``ports`` says so, too.
    expose: Sequence[str] = ()
    network: RealNetwork | str | None = None
    aliases: Sequence[str] = ()
    #: Further networks, joined before the start, each with its aliases there.
    also: Mapping[RealNetwork | str, Sequence[str]] = field(factory=dict)
    #: "NAME:ALIAS" with the full name of a running container.
    links: Sequence[str] = ()
    #: "host", "none", "container:NAME"; instead of ``network``.
    network_mode: str | None = None
    labels: Mapping[str, str] = field(factory=dict)
    env: Mapping[str, str] = field(factory=dict)
    #: Whether the engine's socket is at its usual place inside.
    socket: bool = False
    #: Another program than the one that serves the name.
    command: Sequence[str] | None = None
    #: More for the API's create request; ``HostConfig`` is added to.
    create: Mapping[str, Any] = field(factory=dict)


@frozen(eq=False)
class RealNetwork:
    id: str
    name: str
    api: Api

    def inspect(self) -> Any:
        return self.api.request("GET", f"/networks/{self.id}")

    def __str__(self) -> str:
        return self.name


@frozen(eq=False)
class RealContainer(ContainerPlace):
    """A running container: a peer to reach, and a place to stand in."""

    name: str

    @property
    def id(self) -> str:
        return self.container

    def inspect(self) -> Any:
        return self.api.request("GET", f"/containers/{self.id}/json")

    def networks(self) -> tuple[str, ...]:
        """The names of the networks that it is attached to, and not another in its place."""
        told = self.inspect()
        guest = told["HostConfig"]["NetworkMode"].startswith("container:")
        return () if guest else tuple(told["NetworkSettings"]["Networks"])

    def namespace(self) -> RealContainer:
        """The container whose network namespace it uses: itself for most."""
        _, _, owner = self.inspect()["HostConfig"]["NetworkMode"].partition("container:")
        return evolve(self, container=owner, name="") if owner else self

    def address(self, network: RealNetwork | str | None = None, family: int = 4) -> str:
        """Its own address on a network; unless told, on the only one that it is on."""
        key = "IPAddress" if family == 4 else "GlobalIPv6Address"
        joined = self.inspect()["NetworkSettings"]["Networks"]
        (only,) = [joined[str(network)]] if network else joined.values()
        return str(only[key])

    def host_port(self, port: str) -> int:
        """The host port that the engine bound for a container port such as "80/tcp"."""
        return int(self.inspect()["NetworkSettings"]["Ports"][port][0]["HostPort"])

    def start(self) -> None:
        self.api.request("POST", f"/containers/{self.id}/start")

    def stop(self) -> None:
        self.api.request("POST", f"/containers/{self.id}/stop", t=5)

    def pause(self) -> None:
        self.api.request("POST", f"/containers/{self.id}/pause")

    def unpause(self) -> None:
        self.api.request("POST", f"/containers/{self.id}/unpause")

    def remove(self) -> None:
        with suppress(ApiError):  # it is gone already
            self.api.request("DELETE", f"/containers/{self.id}", force="true", v="true")


@frozen(eq=False)
class Scene:
    """Containers and networks that are removed together; a context manager."""

    engine: RealEngine
    containers: list[RealContainer] = field(factory=list, init=False)
    #: Those of them in another's network namespace.
    guests: list[RealContainer] = field(factory=list, init=False)
    networks: list[RealNetwork] = field(factory=list, init=False)
    number: int = field(factory=lambda: next(_scenes), init=False)

    def name(self, short: str) -> str:
        """The full name of something here: no other scene has it."""
        return f"{self.engine.prefix}{self.number}-{short}"

    def run(self, name: str, **how: Any) -> RealContainer:
        """Run a container that serves its name; it listens when this returns."""
        return self.run_all(Cast(name, **how))[0]

    def run_all(self, *cast: Cast) -> tuple[RealContainer, ...]:
        """Run several containers at once that do not need each other."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return tuple(pool.map(self._run, cast))

    def network(
        self,
        name: str,
        *,
        ipv6: bool = False,
        internal: bool = False,
        icc: bool = True,
        driver: str = "bridge",
        **create: Any,
    ) -> RealNetwork:
        """Make a network; ``create`` adds to the API's create request."""
        options = {} if icc else {"com.docker.network.bridge.enable_icc": "false"}
        options |= create.pop("Options", {})
        # Engines up to 26 find no IPv6 subnet by themselves.
        subnet = f"fd00:d0c:{self.number:x}:{len(self.networks) + 1:x}::/64"
        ipam = {"IPAM": {"Config": [{"Subnet": subnet}]}} if ipv6 else {}
        asked = {
            "Name": self.name(name),
            "Driver": driver,
            "Internal": internal,
            "EnableIPv6": ipv6,
            "Options": options,
            "Labels": self._labels(),
            **ipam,
            **create,
        }
        made = self.engine.api.request("POST", "/networks/create", asked)["Id"]
        network = RealNetwork(made, self.name(name), self.engine.api)
        self.networks.append(network)
        return network

    def close(self) -> None:
        # Podman removes no container while another uses its network namespace; and of two
        # that leave a bridge at once, each leaves it to the other to remove it.
        hosts = [c for c in self.containers if c not in self.guests]
        with ThreadPoolExecutor(1 if self.engine.podman else _AT_ONCE) as pool:
            list(pool.map(RealContainer.remove, [*self.guests, *hosts]))
        for network in self.networks:
            self.engine.api.request("DELETE", f"/networks/{network.id}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, cast: Cast) -> RealContainer:
        api, name = self.engine.api, self.name(cast.name)
        made = api.request("POST", "/containers/create", self._asked(cast), name=name)["Id"]
        container = RealContainer(api, made, name, env=self.engine.env)
        self.containers.append(container)
        if (cast.network_mode or "").startswith("container:"):
            self.guests.append(container)
        for network, aliases in cast.also.items():
            joined = {"Container": made, "EndpointConfig": {"Aliases": list(aliases)}}
            api.request("POST", f"/networks/{network}/connect", joined)
        container.start()
        if cast.command is None:
            await_ready(container)
        return container

    def _asked(self, cast: Cast) -> dict[str, Any]:
        """The API's create request."""
        published = [_published(spec) for spec in cast.publish]
        network = str(cast.network or "default")
        mine = {"Aliases": list(cast.aliases), "Links": list(cast.links)}
        create = dict(cast.create)
        serve = (image.PYTHON, "-I", "-S", image.PEER, self.name(cast.name), *cast.ports)
        return {
            "Image": self.engine.image,
            "Cmd": cast.command or serve,
            "Env": [f"{k}={v}" for k, v in cast.env.items()],
            "Labels": {**self._labels(), **cast.labels},
            "ExposedPorts": {p: {} for p in (*map(_port, cast.expose), *(p for p, _ in published))},
            "NetworkingConfig": {"EndpointsConfig": {network: mine} if cast.network else {}},
            "HostConfig": {
                "Mounts": self._mounts(cast),
                "PortBindings": _grouped(published),
                "Links": list(cast.links),
                "NetworkMode": cast.network_mode or network,
                **create.pop("HostConfig", {}),
            },
            **create,
        }

    def _mounts(self, cast: Cast) -> list[dict[str, Any]]:
        socket = [image.mount(self.engine.api.path, "/run/docker.sock")] if cast.socket else []
        return self.engine.mounts() + socket

    def _labels(self) -> dict[str, str]:
        return {"dockernet.test": "1", SESSION_LABEL: self.engine.prefix}


def await_ready(container: RealContainer) -> None:
    """Wait for the first thing that a container says; its log ends with its life."""
    path = f"/containers/{container.id}/logs"
    said = b""
    with container.api.open("GET", path, follow="1", stdout="1", stderr="1") as log:
        for _, piece in frames(log):
            said += piece
            if b"ready\n" in said:
                return
    raise RuntimeError(f"{container.name} ended: {said.decode(errors='replace')}")


def _port(spec: str) -> str:
    return spec if "/" in spec else f"{spec}/tcp"


def _published(spec: str) -> tuple[str, dict[str, str]]:
    if not (parts := _SPEC.fullmatch(spec)):
        raise ValueError(spec)
    port = f"{parts['port']}/{parts['proto'] or 'tcp'}"
    return port, {"HostIp": (parts["ip"] or "").strip("[]"), "HostPort": parts["host"] or ""}


def _grouped(published: Iterable[tuple[str, dict[str, str]]]) -> dict[str, list[dict[str, str]]]:
    grouped: dict[str, list[dict[str, str]]] = {}
    for port, binding in published:
        grouped.setdefault(port, []).append(binding)
    return grouped
