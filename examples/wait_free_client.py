"""A client that finds its server by name, wherever it runs, and connects.

    python examples/wait_free_client.py db:5432
    python examples/wait_free_client.py db:5432 --snapshot report.json

On the host, in a linked container and in one with the engine's socket it is the same
program. It dials every endpoint, best first, and neither sleeps nor asks twice: whoever
starts it decides when to try again, by the exit code.
"""

from __future__ import annotations

import argparse
import socket
import sys

from dockernet import DockernetError, Resolver, Snapshot


def connect(resolver: Resolver, target: str) -> socket.socket:
    """Connect to the first endpoint that accepts.

    Raises:
        DockernetError: There is no endpoint to dial; the message says why.
        OSError: None of the endpoints accepts; it is the last one's error.
    """
    refused: OSError | None = None
    for endpoint in resolver.endpoints(target):
        try:
            return socket.create_connection(endpoint.address, timeout=5)
        except OSError as error:
            refused = error
    raise refused or OSError(f"nothing to dial for {target}")


def main() -> int:
    """Say what answers, and give the exit code."""
    parser = argparse.ArgumentParser(description="Connect to a peer and print its first line.")
    parser.add_argument("target", help="such as db:5432")
    parser.add_argument("--snapshot", help="resolve from a recording")
    options = parser.parse_args()
    sources = [Snapshot.load(options.snapshot)] if options.snapshot else None
    try:
        with Resolver(sources) as resolver, connect(resolver, options.target) as connection:
            print("connected to {}, port {}".format(*connection.getpeername()))
            with connection.makefile(encoding="utf-8") as lines:
                print(lines.readline().rstrip())
    except (DockernetError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
