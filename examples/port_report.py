"""A report of the ports that a host publishes: who listens where, and who gets there.

    python examples/port_report.py
    python examples/port_report.py report.json

Without a file it asks the engine that the docker CLI would ask. A binding is for the
host's own loopback, for its LAN, or for the whole world that reaches the host.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from dockernet import Container, DockernetError, Engine, HostBinding, Snapshot


def reach(binding: HostBinding) -> str:
    """Tell who can dial a host binding, as far as its address tells it."""
    if binding.host_port is None:
        return "no host port: routed"
    if binding.is_wildcard or binding.host_ip is None:
        return "world"
    if binding.is_loopback:
        return "loopback"
    return "LAN" if binding.host_ip.is_private else "world"


def report(containers: Iterable[Container]) -> Iterator[str]:
    """A line for each binding, by container; and one for each container without any."""
    for container in sorted(containers, key=str):
        if not container.ports.published:
            yield f"{container}: nothing published"
        for port in container.ports.published:
            for binding in container.ports.bindings(port):
                yield f"{container}: {port} on {binding} ({reach(binding)})"


def main() -> int:
    """Print the report, and give the exit code."""
    try:
        if len(sys.argv) > 1:
            containers = Snapshot.load(sys.argv[1]).containers()
        else:
            with Engine.from_env() as engine:
                containers = engine.containers()
    except DockernetError as error:
        print(error, file=sys.stderr)
        return 1
    print(*report(c for c in containers if c.running), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
