"""An image that needs no registry: empty, and this machine's programs mounted into it.

Making it takes a tenth of a second and no space. A container sees this very
interpreter, its packages and the package under test, all read-only, at the same
paths as here.
"""

from __future__ import annotations

import io
import os
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dockernet
from harness.api import Api

_FOLDERS = ("dev", "etc", "proc", "root", "run", "sys", "tmp", "usr", "var")
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": "root:x:0:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
    "harness/peer.py": Path(__file__).with_name("peer.py").read_text(),
}
_OUTER = ("bin", "lib", "lib64", "sbin")  # on most systems these lead into /usr
_LIBRARIES = Path("/etc/ld.so.cache")  # leads to those outside the usual folders
PEER = "/harness/peer.py"
PYTHON = sys.executable


def import_image(api: Api, name: str) -> None:
    """Make the image under a name of the form ``repository:tag``."""
    repository, _, tag = name.partition(":")
    api.request("POST", "/images/create", _archive(), fromSrc="-", repo=repository, tag=tag)


def mounts() -> list[dict[str, Any]]:
    """What a container must see of this machine to run this interpreter."""
    return [mount(path) for path in _needed()]


def mount(source: str, target: str = "", *, writable: bool = False) -> dict[str, Any]:
    """One mount, as the API wants it; without a target at the same path as here."""
    return {
        "Type": "bind",
        "Source": source,
        "Target": target or source,
        "ReadOnly": not writable,
    }


def environment() -> dict[str, str]:
    """The variables that a program started in a container gets besides its own."""
    env = {
        "HOME": "/root",
        "LANG": "C.UTF-8",
        "PATH": f"{sys.prefix}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if libraries := os.environ.get("LD_LIBRARY_PATH"):
        env["LD_LIBRARY_PATH"] = libraries
    return {**env, **package_path()}


def package_path() -> dict[str, str]:
    """The variable that leads to the package where it is not installed."""
    return {} if _installed() else {"PYTHONPATH": str(_package().parent)}


def _package() -> Path:
    return Path(dockernet.__file__).parent


def _installed() -> bool:
    return _package().is_relative_to(sys.prefix)


def _needed() -> Iterator[str]:
    yield "/usr"
    yield from (f"/{name}" for name in _OUTER if Path(f"/{name}").is_dir() and not _led(name))
    # A venv's interpreter is a link, at times through further links.
    homes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    homes |= {os.path.realpath(home) for home in homes}
    homes |= {str(Path(os.path.realpath(sys.executable)).parents[1])}
    yield from sorted(home for home in homes if not Path(home).is_relative_to("/usr"))
    if not _installed():
        yield str(_package())
    if _LIBRARIES.exists():
        yield str(_LIBRARIES)


def _led(name: str) -> str | None:
    """Where a folder beside /usr leads, if it is a link."""
    outer = Path(f"/{name}")
    return str(outer.readlink()) if outer.is_symlink() else None


def _archive() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name in _FOLDERS:
            tar.addfile(_entry(name, tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755))
        for name in (*_OUTER, "var/run"):
            target = "/run" if name == "var/run" else _led(name)
            if target:
                entry = _entry(name, tarfile.SYMTYPE)
                entry.linkname = target
                tar.addfile(entry)
        for name, text in _FILES.items():
            entry = _entry(name, tarfile.REGTYPE, 0o644)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return content.getvalue()


def _entry(name: str, kind: bytes, mode: int = 0o755) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type = kind
    entry.mode = mode
    return entry
