"""Other ways to an engine than its socket: doors on its host, through TLS and through ssh."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import ssh_server

from harness.places import HostPlace

_DOOR = str(Path(__file__).with_name("door.py"))


@contextmanager
def door(place: HostPlace, listen: str, target: str, folder: Path | None = None) -> Iterator[int]:
    """Join a port in a place to a socket or to another port; with certificates, for TLS.

    Gives the port, which is any free one where ``listen`` ends in ``:0``.
    """
    guard = () if folder is None else (str(folder),)
    with _serving(place, "-I", "-S", _DOOR, listen, target, *guard) as port:
        yield port


@contextmanager
def ssh_door(place: HostPlace, address: str, socket: str, keys: tuple[Path, Path]) -> Iterator[int]:
    """Serve ssh in a place: the host's key, and the one that it lets in."""
    program = str(ssh_server.__file__)
    with _serving(place, "-I", program, address, socket, *map(str, keys)) as port:
        yield port


@contextmanager
def _serving(place: HostPlace, *args: str) -> Iterator[int]:
    """Run a program that says its port and serves until its standard input ends."""
    with subprocess.Popen(
        [*place.entering, sys.executable, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # an interrupt from the keyboard is ours alone
    ) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def write_context(config: Path, name: str, url: str) -> Path:
    """A context as ``docker context create`` writes it; gives its folder for TLS."""
    digest = sha256(name.encode()).hexdigest()
    meta = config / "contexts" / "meta" / digest
    meta.mkdir(parents=True)
    document = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": url}}}
    (meta / "meta.json").write_text(json.dumps(document))
    return config / "contexts" / "tls" / digest / "docker"
