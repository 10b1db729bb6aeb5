"""Docker Compose: the programs that are there, and a project brought up by one of them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from harness import image
from harness.engines import SESSION_LABEL, RealEngine
from harness.ground import search_path
from harness.places import Place, ProbeError
from harness.scenes import RealContainer, await_ready

_NAME = "docker-compose"
# Where the docker command line looks for its plugins (cli-plugins/manager in docker/cli);
# this one runs by itself, too.
_PLUGINS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
_LABEL = "com.docker.compose."


def compose_programs(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Those that ``DOCKERNET_COMPOSE`` names, else the installed ones; each once."""
    if named := environ.get("DOCKERNET_COMPOSE"):
        return tuple(named.split(os.pathsep))
    own = Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "cli-plugins"
    places = (search_path(), str(own), *_PLUGINS)
    found = (shutil.which(_NAME, path=place) for place in places)
    return tuple({os.path.realpath(path): path for path in found if path}.values())


@frozen(kw_only=True)
class Project:
    """A Compose project on an engine."""

    engine: RealEngine
    name: str
    place: Place
    command: tuple[str, ...]

    def compose(self, *arguments: str) -> str:
        """Run Compose on the project, and give what it prints."""
        done = self.place.execute(*self.command, *arguments)
        if done.code:
            raise ProbeError(f"exit code {done.code}\n{done.out}{done.err}")
        return done.out

    def up(self) -> None:
        """Bring everything up; it listens when this returns."""
        self.compose("up", "-d")
        for container in self.containers():
            await_ready(container)

    def down(self) -> None:
        self.compose("down", "--timeout", "5")

    def containers(self, service: str = "", *, one_off: bool = False) -> tuple[RealContainer, ...]:
        """Its containers, or those of one service, by service and number."""
        wanted = {"project": self.name, "oneoff": str(one_off)}
        wanted |= {"service": service} if service else {}
        filters = json.dumps({"label": [f"{_LABEL}{k}={v}" for k, v in wanted.items()]})
        api = self.engine.api
        listed = api.request("GET", "/containers/json", all="true", filters=filters)
        return tuple(self._container(entry) for entry in sorted(listed, key=_order))

    def _container(self, entry: dict[str, Any]) -> RealContainer:
        # The other names are links to it: /recipient/alias.
        (name,) = (name[1:] for name in entry["Names"] if name.count("/") == 1)
        return RealContainer(self.engine.api, entry["Id"], name, env=self.engine.env)


def _order(entry: dict[str, Any]) -> tuple[str, int]:
    labels = entry["Labels"]
    return labels[f"{_LABEL}service"], int(labels.get(f"{_LABEL}container-number", "0"))


def project(
    engine: RealEngine,
    program: str,
    file: Path,
    *,
    services: Mapping[str, bool],
    networks: Iterable[str],
    folder: Path,
    **variables: str,
) -> Project:
    """A project of a file that says all but what is particular to this machine.

    Args:
        engine: Where it runs.
        program: The Compose that is to bring it up.
        file: The file.
        services: Its services, and whether each has the engine's socket.
        networks: The networks that are its own.
        folder: A folder for the rest of it.
        variables: What the file has as ``${NAME}``.
    """
    rest = folder / "rest.json"
    rest.write_text(json.dumps(_rest(engine, services, networks)))
    name = f"{engine.prefix}shop"
    # What a person has set for projects of their own is none of ours.
    unset = dict.fromkeys((k for k in os.environ if k.startswith("COMPOSE_")), None)
    return Project(
        engine=engine,
        name=name,
        place=engine.host.with_env(PYTHONPATH=None, **unset, **variables),
        command=(program, "-p", name, "-f", str(file), "-f", str(rest)),
    )


def _rest(
    engine: RealEngine, services: Mapping[str, bool], networks: Iterable[str]
) -> dict[str, Any]:
    labels = {SESSION_LABEL: engine.prefix}
    common = {
        "image": engine.image,
        "entrypoint": [image.PYTHON, "-I", "-S", image.PEER],
        "labels": labels,
    }
    mounts = engine.mounts()
    socket = image.mount(engine.api.path, "/run/docker.sock")
    told = {
        name: {**common, "volumes": list(map(_volume, [*mounts, socket] if asks else mounts))}
        for name, asks in services.items()
    }
    return {"services": told, "networks": {name: {"labels": labels} for name in networks}}


def _volume(mount: dict[str, Any]) -> dict[str, Any]:
    """A mount of the API, as Compose writes it."""
    source, target = mount["Source"], mount["Target"]
    return {"type": "bind", "source": source, "target": target, "read_only": mount["ReadOnly"]}
