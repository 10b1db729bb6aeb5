"""The variables of a container's links, as a file for ``docker run --env-file``.

    python examples/env_file.py client >client.env
    python examples/env_file.py client report.json >client.env

Engine 29 no longer sets these variables, and no engine ever set them on a user-defined
network. The addresses are those of the peers as the container itself can dial them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from attrs import evolve

from dockernet import (
    DockernetError,
    Engine,
    Link,
    Resolver,
    Route,
    Snapshot,
    UnreachableError,
)

DIRECT = {Route.SHARED_NETWORK, Route.LINK}


def completed(link: Link, engine: Engine | Snapshot, inside: Resolver) -> Link:
    """Add to a link what the engine knows of its peer, as it is seen from inside."""
    peer = engine.container(link.peer or link.alias)
    try:
        found = [e.host for e in inside.endpoints(peer) if e.route in DIRECT]
    except UnreachableError:
        found = []
    addresses = tuple(a for a in found if isinstance(a, IPv4Address | IPv6Address))
    return evolve(link, addresses=addresses, ports=peer.known_ports)


def variables(engine: Engine | Snapshot, recipient: str) -> Iterator[str]:
    """The lines of the file."""
    inside = Resolver([engine]).seen_from(recipient)
    for link in engine.container(recipient).links or ():
        for name, value in completed(link, engine, inside).to_environ().items():
            yield f"{name}={value}"


def main() -> int:
    """Print the file, and give the exit code."""
    recipient, *recording = sys.argv[1:]
    try:
        if recording:
            lines = [*variables(Snapshot.load(recording[0]), recipient)]
        else:
            with Engine.from_env() as engine:
                lines = [*variables(engine, recipient)]
    except DockernetError as error:
        print(error, file=sys.stderr)
        return 1
    print(*lines, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
