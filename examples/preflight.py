"""A check before a deployment: does this place reach all that the program needs?

    python examples/preflight.py db:5432 cache:6379
    python examples/preflight.py --from shop-web-1 db:5432
    python examples/preflight.py --snapshot report.json --from client db:5432

Each peer is examined, and what is wrong is printed with its fix; what is worth knowing
stands beside it. It ends with 1 where anything is wrong, and with 2 where there is
nothing to examine.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

from dockernet import DockernetError, Snapshot
from dockernet.doctor import Report, examine


def told(report: Report) -> str:
    """What is wrong with a peer, in a few lines."""
    lines = [f"{report.target}: {'ready' if report.healthy else 'NOT ready'}"]
    for finding in report.wrong:
        lines += [f"  {finding.code}: {finding.observed}", f"  to mend it: {finding.fix}"]
    lines += [f"  {notice.code}: {notice.observed}" for notice in report.notices]
    return "\n".join(lines)


def reports(arguments: argparse.Namespace) -> Iterable[Report]:
    """Examine every peer."""
    engine = Snapshot.load(arguments.snapshot) if arguments.snapshot else None
    for target in arguments.targets:
        yield examine(target, engine=engine, seen_from=arguments.origin, timeout=2.0)


def main() -> int:
    """Examine the peers, and give the exit code."""
    parser = argparse.ArgumentParser(description="Check what a deployment needs.")
    parser.add_argument("targets", nargs="+", metavar="TARGET")
    parser.add_argument("--from", dest="origin", metavar="CONTAINER")
    parser.add_argument("--snapshot", metavar="FILE")
    well = True
    try:
        for report in reports(parser.parse_args()):
            print(told(report))
            well &= report.healthy
    except DockernetError as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
