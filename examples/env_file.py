"""The variables of a container's links, as a file for ``docker run --env-file``.

    python examples/env_file.py client >client.env
    python examples/env_file.py client report.json >client.env

Engine 29 no longer sets these variables, and no engine ever set them on a user-defined
network. The addresses are those of the peers as the container itself can dial them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from dockernet import DockernetError, Engine, Resolver, Snapshot, links_environ


def variables(engine: Engine | Snapshot, recipient: str) -> Iterator[str]:
    """The lines of the file."""
    found = Resolver([engine]).seen_from(recipient).links().links
    return (f"{name}={value}" for name, value in links_environ(found).variables.items())


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
