"""Keep the servers of an nginx upstream what the replicas of a service are now.

    python examples/nginx_upstream.py shop/web:80 /etc/nginx/conf.d/web.conf
    python examples/nginx_upstream.py web:80 web.conf --name web --reload "nginx -s reload"

The file is replaced as a whole, and only where something is different; then the command
is run. One server is written for each replica, by the best way to it. While there is
none nginx answers 502, as a server that is down makes it.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from dockernet import DockernetError, Endpoint, EndpointChange, FormatError, Resolver, Snapshot

NAME = re.compile(r"[A-Za-z0-9_.-]+")
NOBODY = "    server 127.0.0.1:9 down;"  # the discard port; an upstream must not be empty


def upstream(name: str, endpoints: Iterable[Endpoint]) -> str:
    """The upstream, with the best endpoint of each replica."""
    best: dict[str | None, Endpoint] = {}
    for endpoint in endpoints:
        best.setdefault(endpoint.peer, endpoint)
    servers = [f"    server {endpoint};" for endpoint in best.values()] or [NOBODY]
    return "\n".join([f"upstream {name} {{", *servers, "}", ""])


def replace(file: Path, text: str) -> bool:
    """Put a text in the place of a file, all at once; tell whether it was another one."""
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return False
    new = file.with_name(f".{file.name}.new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, file)  # noqa: PTH105 - the one call that is promised to be atomic
    return True


def keep(changes: Iterable[EndpointChange], options: argparse.Namespace) -> None:
    """Write the file for each change, and have it read."""
    for change in changes:
        if replace(options.file, upstream(options.name, change.after)):
            print(change, flush=True)
            if options.reload:
                # It may fail, as where nginx does not run yet: it says so itself.
                subprocess.run(shlex.split(options.reload), check=False)  # noqa: S603
        if options.once:
            return


def arguments() -> argparse.Namespace:
    """What the person asks for."""
    parser = argparse.ArgumentParser(description="Keep an nginx upstream up to date.")
    parser.add_argument("target", help="such as shop/web:80")
    parser.add_argument("file", type=Path, help="such as /etc/nginx/conf.d/web.conf")
    parser.add_argument("--name", help="the upstream's name; the file's unless given")
    parser.add_argument("--reload", default="", help="a command to run after each change")
    parser.add_argument("--snapshot", help="ask a recording")
    parser.add_argument("--once", action="store_true", help="write it once")
    options = parser.parse_args()
    options.name = options.name or options.file.stem
    if NAME.fullmatch(options.name) is None:
        parser.error(f"{options.name!r} is no name for an upstream")
    return options


def main() -> int:
    """Keep the file, and give the exit code."""
    options = arguments()
    try:
        sources = [Snapshot.load(options.snapshot)] if options.snapshot else None
        with Resolver(sources) as resolver, resolver.watch(options.target) as changes:
            keep(changes, options)
    except (DockernetError, OSError) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, FormatError) else 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
