"""Keep a file of Prometheus targets up to date, from the labels of containers.

    docker run --label prometheus.port=9100 --label prometheus.label.team=blue ...
    python examples/prometheus_targets.py /etc/prometheus/targets/docker.json

A container with the label ``prometheus.port`` is a target, at the endpoint by which it is
dialled from here. ``prometheus.path`` is where its metrics are, and each
``prometheus.label.NAME`` a label of its own. Prometheus reads the file again by itself:

    scrape_configs:
      - job_name: docker
        file_sd_configs:
          - files: ["/etc/prometheus/targets/docker.json"]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dockernet import Container, DockernetError, Engine, Live, Resolver, Snapshot

PORT, PATH, OWN = "prometheus.port", "prometheus.path", "prometheus.label."
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # of a label, as Prometheus has them


def labels(container: Container) -> Iterator[tuple[str, str]]:
    """The labels of a target."""
    yield "container", container.name
    if container.project and container.service:
        yield "compose_project", container.project
        yield "compose_service", container.service
    if PATH in container.labels:
        yield "__metrics_path__", container.labels[PATH]
    for label, value in container.labels.items():
        name = label.removeprefix(OWN)
        if name != label and NAME.fullmatch(name):
            yield name, value


def targets(containers: Iterable[Container], resolver: Resolver) -> Iterator[dict[str, Any]]:
    """A group for each container that is to be scraped and can be dialled from here."""
    for container in sorted(containers, key=str):
        if container.running and PORT in container.labels:
            try:
                endpoint = resolver.resolve(f"{container.id}:{container.labels[PORT]}")
            except DockernetError as error:
                print(f"{container} is left out: {error}", file=sys.stderr)
            else:
                yield {"targets": [str(endpoint)], "labels": dict(labels(container))}


def write(file: Path, source: Live | Snapshot, resolver: Resolver) -> None:
    """Put the present targets in the place of the file, all at once, where it differs."""
    found = [*targets(source.containers(), resolver)]
    text = json.dumps(found, indent=2) + "\n"
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        new = file.with_name(f".{file.name}.new")
        new.write_text(text, encoding="utf-8")
        os.replace(new, file)  # noqa: PTH105 - the one call that is promised to be atomic
        print(f"{len(found)} targets written", flush=True)


def keep(file: Path, live: Live) -> None:
    """Write the file now and after each change."""
    with Resolver([live]) as resolver, live.watch() as changes:
        write(file, live, resolver)
        for _ in changes:
            write(file, live, resolver)


def main() -> int:
    """Keep the file, and give the exit code."""
    parser = argparse.ArgumentParser(description="Keep a file of Prometheus targets up to date.")
    parser.add_argument("file", type=Path, help="such as /etc/prometheus/targets/docker.json")
    parser.add_argument("--snapshot", help="write it once, from a recording")
    options = parser.parse_args()
    try:
        if options.snapshot:
            recording = Snapshot.load(options.snapshot)
            write(options.file, recording, Resolver([recording]))
        else:
            with Engine.from_env() as engine, engine.live() as live:
                keep(options.file, live)
    except (DockernetError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
