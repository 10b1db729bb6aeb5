"""The steps of "Leaving --link behind", run as the page says them, on a real engine."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sys
import tarfile
from collections.abc import Iterator
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path
from time import sleep

import pytest
from attrs import frozen
from harness import RealEngine, image
from harness.compose import compose_programs
from harness.engines import SESSION_LABEL
from harness.features import needs
from harness.ground import search_path

from dockernet.formats.styles import STYLES

pytestmark = needs("links", "settings")  # the names on the page are taken as they are

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "leaving-links.md").read_text(encoding="utf-8")
RECIPE = ROOT / "examples" / "link_entrypoint"
WRAPPER = Path(__file__).with_name("harness") / "guide_docker.py"
LABEL = "dockernet.test.guide"
SECTIONS = {
    name: text
    for name, text in re.findall(
        r"^\(([\w-]+)\)=\n(.*?)(?=^\([\w-]+\)=\n|\Z)", PAGE, re.MULTILINE | re.DOTALL
    )
    if "```sh\n" in text
}
BLOCKS = re.compile(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
PATIENCE = 100  # looks at a log


@frozen
class Machine:
    """A machine with Docker, a checkout, and the images that the page speaks of."""

    engine: RealEngine
    folder: Path

    def run(self, script: str) -> tuple[int, str, str]:
        """Run commands as a person would; gives the exit code and both outputs."""
        path = f"{self.folder}/bin:{search_path()}"
        place = self.engine.host.with_env(PATH=path, DOCKER_CLI_HINTS="false")
        done = place.execute("sh", "-ec", f"cd {self.folder}\n{script}")
        return done.code, done.out, done.err

    def last(self, block: str) -> str:
        """Run the commands of a block; gives what the last of them prints."""
        *before, last = block.replace("\\\n", " ").strip().splitlines()
        code, _, err = self.run("\n".join(before))
        assert code == 0, err
        code, out, err = self.run(last)
        assert code == 0, err
        return out


@pytest.fixture(scope="module")
def machine(engine: RealEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    docker = shutil.which("docker", path=search_path())
    programs = compose_programs()
    if docker is None or not programs:
        missing = "the docker command line and Compose are needed for the steps of the page"
        (pytest.fail if os.environ.get("DOCKERNET_REQUIRE_ENGINE") else pytest.skip)(missing)
    folder = tmp_path_factory.mktemp("guide")
    shutil.copytree(RECIPE, folder / "examples" / "link_entrypoint")
    commands = folder / "bin"
    commands.mkdir()
    programs_there = {
        "docker": f'exec {sys.executable} -I -S {commands}/guide_docker.py "$@"',
        "dockernet": f'exec {sys.executable} -m dockernet "$@"',
    }
    for name, line in programs_there.items():
        (commands / name).write_text(f"#!/bin/sh\n{line}\n")
        (commands / name).chmod(0o755)
    shutil.copy(WRAPPER, commands)
    mounts = [*engine.mounts(), image.mount(str(commands))]
    volumes = [f"{m['Source']}:{m['Target']}:{'ro' if m['ReadOnly'] else 'rw'}" for m in mounts]
    labels = {SESSION_LABEL: engine.prefix, LABEL: "1"}
    service = {"volumes": volumes, "labels": labels}
    rest = folder / "rest.json"
    common = {"version": "3.9"} if "version" in (RECIPE / "compose.yaml").read_text() else {}
    told = {
        "services": {"db": service, "app": service},
        "networks": {"default": {"labels": labels}},
    }
    rest.write_text(json.dumps(common | told))
    settings = {
        "docker": docker,
        "mounts": [word for volume in volumes for word in ("-v", volume)],
        "labels": [word for item in labels.items() for word in ("--label", "=".join(item))],
        "compose": programs[0],
        "project": f"{engine.prefix}guide",
        "compose rest": str(rest),
    }
    (commands / "settings.json").write_text(json.dumps(settings))
    env = {**engine.env, "PATH": f"{commands}:{engine.env['PATH']}"}
    base = [f"FROM {engine.image}", *(f'ENV {n}="{v}"' for n, v in env.items() if v is not None)]
    app = [*base, "COPY app.py /app/app.py", 'CMD ["python", "/app/app.py"]']
    serve = json.dumps([image.PYTHON, "-I", "-S", image.PEER, "db", "5432"])
    images = {
        "python:3.13-slim": base,
        "app:old": app,
        "app:new": app,
        "postgres:16": [*base, "EXPOSE 5432", f"CMD {serve}"],
    }
    for name, lines in images.items():
        built(engine, name, lines)
    machine = Machine(engine, folder)
    # The page uses it before it comes to build it.
    machine.last("docker build -t app:linked examples/link_entrypoint")
    yield machine
    for name in (*images, "app:linked"):
        engine.api.request("DELETE", f"/images/{name}", force="true")


def built(engine: RealEngine, name: str, lines: list[str]) -> None:
    """Build an image, with the application at hand."""
    context = io.BytesIO()
    files = {"Dockerfile": "\n".join(lines), "app.py": (RECIPE / "app.py").read_text()}
    with tarfile.open(fileobj=context, mode="w") as tar:
        for path, text in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    engine.api.request("POST", "/build", context.getvalue(), t=name, rm="true")


@pytest.fixture(autouse=True)
def _nothing_is_left(machine: Machine) -> Iterator[None]:
    yield
    api, ours = machine.engine.api, json.dumps({"label": [LABEL]})
    for found in api.request("GET", "/containers/json", all="true", filters=ours):
        api.request("DELETE", f"/containers/{found['Id']}", force="true", v="true")
    for found in api.request("GET", "/networks", filters=ours):
        api.request("DELETE", f"/networks/{found['Id']}")


def test_docker_and_compose_read_an_env_file_alike(machine: Machine) -> None:
    values = [
        "",
        "a b=c",
        "tcp://[fd00::2]:80",
        "é",
        "a\tb",
        "a:b,c;d&e|f<g>(h)!*?~{i}[j]%k^l@m",
        "-n",
    ]
    odd = ["$HOME", "'a'", '"a"', "a #b", "a#b", "a\\nb", " a", "a ", "a\nb", "\udcff"]
    variables = {f"V.{n}_x": value for n, value in enumerate([*values, *odd])}
    told = STYLES["dotenv"].render(variables)
    assert [*told.variables.values()] == values
    (machine.folder / "all.env").write_text(told.text, encoding="utf-8")
    service = {"image": "app:old", "env_file": "./all.env"}
    services = {"services": {"db": service, "app": service}}
    (machine.folder / "both.yaml").write_text(json.dumps(services))
    by_docker = "docker run -d --env-file all.env app:old true"
    by_compose = (
        "docker compose -f both.yaml up --no-start && docker compose -f both.yaml ps -q app"
    )
    for script in (by_docker, by_compose):
        identity = machine.last(script).split()[-1]
        found = machine.engine.api.request("GET", f"/containers/{identity}/json")["Config"]["Env"]
        environ = dict(entry.split("=", 1) for entry in found)
        assert {n: v for n, v in environ.items() if n in variables} == dict(told.variables)


def matches(wanted: str, got: str) -> bool:
    return OutputChecker().check_output(wanted, got, ELLIPSIS | NORMALIZE_WHITESPACE)


def test_the_page_has_its_steps() -> None:
    assert list(SECTIONS) == ["engine-29", "compose-links", "reads-variables"]
    assert sum(len(BLOCKS.findall(text)) for text in SECTIONS.values()) == PAGE.count("```sh\n")


@pytest.mark.parametrize("section", SECTIONS)
def test_each_step_does_what_the_page_says(machine: Machine, section: str) -> None:
    for block, wanted in BLOCKS.findall(SECTIONS[section]):
        got = machine.last(block)
        last = block.rstrip().rpartition("\n")[2]
        for _ in range(PATIENCE if "logs" in last else 0):
            if matches(wanted, got):
                break
            sleep(0.1)
            got = machine.last(last)
        assert not wanted or matches(wanted, got), f"{block}\n{got}"
