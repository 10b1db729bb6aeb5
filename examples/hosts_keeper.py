"""Keep a block of a hosts file up to date: a line for each container of a network.

    python examples/hosts_keeper.py /etc/hosts --once
    python examples/hosts_keeper.py /etc/hosts --network app --every 5 --times 720

On the engine's host, every container is then reached by its name. Whatever else is in
the file stays as it is, and `--remove` takes the block out again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator

from dockernet import (
    Container,
    DockernetError,
    Engine,
    FormatError,
    HostsBlock,
    HostsLine,
    Snapshot,
)


def lines(containers: Iterable[Container], network: str | None) -> Iterator[HostsLine]:
    """A line for each address of each running container, by name."""
    for container in sorted(containers, key=str):
        for attachment in container.networks if container.running else ():
            if network in (None, attachment.network):
                for address in attachment.addresses:
                    yield HostsLine(address, (container.name,))


def keep(block: HostsBlock, engine: Engine | Snapshot, options: argparse.Namespace) -> None:
    """Update the block as often as asked, and say when anything changed."""
    for time_left in reversed(range(1 if options.once else options.times)):
        wanted = tuple(lines(engine.containers(), options.network))
        if block.write(wanted):
            print(f"{len(wanted)} lines written", flush=True)
        if time_left:
            time.sleep(options.every)


def arguments() -> argparse.Namespace:
    """What the person asks for."""
    parser = argparse.ArgumentParser(description="Keep a block of a hosts file up to date.")
    parser.add_argument("file", help="such as /etc/hosts")
    parser.add_argument("--name", default="keeper", help="the block's name")
    parser.add_argument("--network", help="the containers of this network alone")
    parser.add_argument("--snapshot", help="take the containers from a recording")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between updates")
    parser.add_argument("--times", type=int, default=720, help="updates before it ends")
    parser.add_argument("--once", action="store_true", help="update once")
    parser.add_argument("--remove", action="store_true", help="take the block out")
    return parser.parse_args()


def main() -> int:
    """Keep the block, and give the exit code."""
    options = arguments()
    try:
        block = HostsBlock(options.file, options.name)
        if options.remove:
            print("removed" if block.remove() else "there was none")
        elif options.snapshot:
            keep(block, Snapshot.load(options.snapshot), options)
        else:
            with Engine.from_env() as engine:
                keep(block, engine, options)
    except DockernetError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, FormatError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
