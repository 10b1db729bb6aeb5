"""An engine under the tests, and which one that is."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import evolve, field, frozen

from harness import image
from harness.api import Api
from harness.ground import tool
from harness.measure import Measure
from harness.places import HostPlace, Place

SESSION_LABEL = "dockernet.test.session"


class UnavailableError(Exception):
    """There is no engine to test with; the text says why and what to do."""


@frozen(kw_only=True)
class RealEngine:
    """An engine, and the places that stand in a known relation to it."""

    api: Api
    #: The engine's host: its container addresses and host ports are in reach.
    host: Place
    #: Another machine on the same network; a private engine alone has one.
    elsewhere: Place | None = None
    #: The engine's host as seen from elsewhere, IPv4 and IPv6, and its API there.
    addresses: tuple[str, ...] = ()
    tcp_url: str | None = None
    #: What every name begins with, since the engine may serve others, too.
    prefix: str
    measure: Measure
    env: Mapping[str, str | None] = field(factory=dict)  # in containers

    @property
    def url(self) -> str:
        return f"unix://{self.api.path}"

    @property
    def image(self) -> str:
        return f"{self.prefix}test:latest"  # Podman before 5 knows no other tag here

    @property
    def podman(self) -> bool:
        return is_podman(self.api)

    @property
    def default_network(self) -> str:
        """What containers call the network that they are on unless told otherwise."""
        return "podman" if self.podman else "bridge"

    @property
    def version(self) -> str:
        return str(self.api.request("GET", "/version")["Version"])

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    def mounts(self) -> list[dict[str, Any]]:
        """What every container sees of this machine."""
        writable = [image.mount(str(self.measure.folder), writable=True)] if self.measure.on else []
        return image.mounts() + writable

    def clear(self) -> None:
        """Remove whatever the session has left on the engine."""
        ours = f'{{"label": ["{SESSION_LABEL}={self.prefix}"]}}'
        for found in self.api.request("GET", "/containers/json", all="true", filters=ours):
            self.api.request("DELETE", f"/containers/{found['Id']}", force="true", v="true")
        for found in self.api.request("GET", "/networks", filters=ours):
            self.api.request("DELETE", f"/networks/{found['Id']}")
        self.api.request("DELETE", f"/images/{self.image}")


def is_podman(api: Api) -> bool:
    components = api.request("GET", "/version")["Components"]
    return any(component["Name"].startswith("Podman") for component in components)


@contextmanager
def opened(
    socket: str,
    *,
    netns: str | None = None,
    elsewhere: str | None = None,
    addresses: tuple[str, ...] = (),
    tcp_url: str | None = None,
) -> Iterator[RealEngine]:
    """Make an engine that answers ready for tests, and leave nothing of them on it."""
    with TemporaryDirectory(prefix="dn-") as folder:
        measure = Measure(Path(folder))
        measured = measure.env()
        Path(folder, "docker").mkdir()
        client = {**dict.fromkeys(_CLIENT), **measured, **image.package_path()}
        client |= {"DOCKER_HOST": f"unix://{socket}", "DOCKER_CONFIG": f"{folder}/docker"}
        here = HostPlace(netns=netns, env=client)
        away = evolve(here, netns=elsewhere).with_env(DOCKER_HOST=tcp_url)
        engine = RealEngine(
            api=Api(socket),
            host=here,
            elsewhere=away if elsewhere else None,
            addresses=addresses or _machine_addresses(),
            tcp_url=tcp_url,
            prefix=f"dn{os.getpid()}-",
            measure=measure,
            env={**image.environment(), **measured},
        )
        image.import_image(engine.api, engine.image)
        try:
            yield engine
        finally:
            engine.clear()
            measure.collect()


def _machine_addresses() -> tuple[str, ...]:
    """This machine's own addresses, IPv4 and IPv6, on no bridge of an engine."""
    told = subprocess.run([tool("ip"), "-json", "addr"], capture_output=True, text=True, check=True)
    found = [
        address["local"]
        for link in json.loads(told.stdout)
        if not link["ifname"].startswith(_BRIDGES)
        for address in link["addr_info"]
        if address["scope"] == "global"
    ]
    return tuple(sorted(found, key=lambda address: ":" in address))


_BRIDGES = ("docker", "br-", "podman", "cni-", "veth")

# What the docker CLI reads; a probe is to hear of the engine under test alone.
_CLIENT = ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION")
