"""A source of your own: peers that no engine runs, from a text file.

    python examples/own_source.py peers.txt ledger:5432

The file has one peer a line, a name, an address and a port::

    ledger   10.20.0.7   5432
    mirror   10.20.0.8   873

The engine is asked as well, where there is one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

from dockernet import (
    Diagnostic,
    Engine,
    Fact,
    FormatError,
    Freshness,
    Port,
    Resolver,
    SourceError,
    Want,
)


class PeersFile:
    """One peer a line: a name, an address and a port.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        self.name = path

    def read(self, want: Want) -> Iterator[Fact | Diagnostic]:
        """Read every peer, whatever is wanted: near misses are found among them.

        Raises:
            SourceError: The file cannot be read.
        """
        del want
        try:
            lines = Path(self.name).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeError) as error:
            raise SourceError(self.name, "the file cannot be read") from error
        for number, line in enumerate(lines, start=1):
            if line.strip() and not line.startswith("#"):
                yield self.entry(f"line {number}", line)

    def entry(self, subject: str, line: str) -> Fact | Diagnostic:
        """What one line says."""
        try:
            name, address, port = line.split()
            return Fact(
                source=self.name,
                names=(name,),
                addresses=(ip_address(address),),
                ports=(Port.parse(port),),
                freshness=Freshness.WRITTEN,
            )
        except ValueError:
            return Diagnostic(self.name, subject, "expected a name, an address and a port")


def main() -> int:
    """Explain a target, and give the exit code."""
    path, target = sys.argv[1:]
    try:
        with Engine.from_env() as engine, Resolver([PeersFile(path), engine]) as resolver:
            explanation = resolver.explain(target)
    except FormatError as error:
        print(error, file=sys.stderr)
        return 2
    print(explanation)
    return 0 if explanation.chosen else 1


if __name__ == "__main__":
    sys.exit(main())
