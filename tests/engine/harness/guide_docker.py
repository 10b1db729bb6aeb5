"""A ``docker`` for the commands of a page: it adds what the test's own images need.

They have no programs in them but those that are mounted, nothing is installed while one is
built, and what is made has a label by which it is removed. Everything else is as it was said.
Settings are a JSON file beside this program.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SETTINGS = json.loads(Path(__file__).with_name("settings.json").read_text())


def main(said: list[str]) -> None:
    docker: str = SETTINGS["docker"]
    match said:
        case ["run", *rest]:
            become([docker, "run", *SETTINGS["mounts"], *SETTINGS["labels"], *rest])
        case ["network", "create", *rest]:
            become([docker, "network", "create", *SETTINGS["labels"], *rest])
        case ["build", *rest, context]:
            lines = Path(context, "Dockerfile").read_text().splitlines()
            kept = "\n".join(line for line in lines if not line.startswith("RUN pip install"))
            build = [docker, "build", "-q", "-f", "-", *rest, context]
            env = {**os.environ, "DOCKER_BUILDKIT": "0"}
            subprocess.run(build, input=kept.encode(), check=True, env=env)
        case ["compose", "-f", file, *rest]:
            files = ["-f", file, "-f", SETTINGS["compose rest"]]
            become([SETTINGS["compose"], "-p", SETTINGS["project"], *files, *rest])
        case _:
            become([docker, *said])


def become(command: list[str]) -> None:
    os.execv(command[0], command)  # noqa: S606 - what it is for


if __name__ == "__main__":
    main(sys.argv[1:])
