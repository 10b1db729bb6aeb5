"""A keeper of a hosts block, to be run beside others and to be killed.

``keeper.py PATH NAME UPDATES``: writes versions of a block in turn, and says ``ready``
after the first. Every version can be told from its first line, and is whole or not.
"""

from __future__ import annotations

import sys
from ipaddress import IPv4Address

from dockernet import HostsBlock, HostsLine

VERSIONS = 24


def version(number: int) -> tuple[HostsLine, ...]:
    """A version: as many lines as its number, all of which name it."""
    return tuple(
        HostsLine(IPv4Address(f"10.0.{number}.{line}"), (f"v{number}-{line}",))
        for line in range(number)
    )


def is_whole(lines: tuple[HostsLine, ...]) -> bool:
    """Whether lines are those of one version."""
    return lines == version(len(lines))


def main() -> None:
    path, name, updates = sys.argv[1:]
    block = HostsBlock(path, name)
    for update in range(1, int(updates) + 1):
        block.write(version(1 + update * 7 % VERSIONS))
        if update == 1:
            print("ready", flush=True)


if __name__ == "__main__":
    main()
