"""What the live tour puts up on an engine, and takes down again whatever happens."""

from __future__ import annotations

import io
import os
import platform
import shutil
import socket
import socketserver
import tarfile
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import frozen

from dockernet._cli.stops import Dial
from dockernet._standing import Stand, standing
from dockernet.errors import LaunchError
from dockernet.formats.elf import is_static_program
from dockernet.formats.json import items, mapping, text
from dockernet.model.containers import Container
from dockernet.model.facts import Want
from dockernet.model.portmap import PortMap
from dockernet.resolver import Resolver
from dockernet.sources._location import locate
from dockernet.sources._signals import Held, end_by_exit, held, no_longer
from dockernet.sources.engine import Engine
from dockernet.sources.vantage import read_vantage

if TYPE_CHECKING:
    from dockernet._cli.request import Request
    from dockernet.sources._docker import Clients

__all__ = ["LABEL", "PREFIX", "Stage", "stage"]

LABEL: Final = "dockernet.tour"
"""The label of all that a live tour makes."""

PREFIX: Final = "dockernet-tour-"
"""What the names of all that live tours make begin with."""

_SMALL: Final = ("busybox", "alpine")  # images that are known to have busybox in them
_HUB: Final = "docker.io/library/"  # before the names of these, in what Podman lists
_BUSYBOX: Final = "busybox"
_NO_IMAGE: Final = (
    "the live tour needs an image with busybox in it: docker pull busybox, "
    "or name one that is there by --image"
)
_NO_LINKS: Final = "the live tour links containers, and Podman has no links"
# A container of the tour says its name to whoever connects. It ends by itself, in case
# the tour is killed: the engine removes it then. One release of busybox goes on serving
# with -ll, others stop after the first connection.
_SERVE: Final = """
for port; do
  while :; do busybox nc -ll -p "$port" -e busybox echo "$0" || busybox sleep 1; done &
done
exec busybox sleep 900
"""
_DIAL: Final = 'exec busybox nc -w 2 "$0" "$1" </dev/null 2>/dev/null'
_PATIENCE: Final = 4.0  # seconds for an address: a container listens a moment after its start
_PAUSE: Final = 0.1  # seconds between two tries
_CONNECTING: Final = 2.0  # seconds for one
_LONGEST: Final = 200  # characters of a name that is read


@frozen
class Stage:
    """Containers of a tour, which say their names, and who dials them.

    Attributes:
        engine: The engine that they are on.
        clients: The connections to it.
        prefix: What the names of all that is made begin with.
        image: The image of the containers.
        others: The names of what there was of other live tours, running or killed.
        signals: The signals that have come meanwhile; they are held until all is down.
        ending: What takes down what was put up.
    """

    engine: Engine
    clients: Clients
    prefix: str
    image: str
    others: tuple[str, ...]
    signals: Held
    ending: ExitStack

    def name(self, short: str) -> str:
        """The whole name of a part."""
        return f"{self.prefix}-{short}"

    def resolver(self, origin: str | None) -> Resolver:
        """The resolver that looks from a container, or from here."""
        resolver = Resolver([self.engine])
        return resolver if origin is None else resolver.seen_from(origin)

    # Putting up.

    def network(self, short: str) -> str:
        """Make a network, and give its name."""
        self._go_on()
        name = self.name(short)
        self.ending.callback(self.clients.remove_network, name)
        self.clients.create_network(name, LABEL)
        return name

    def launch(
        self,
        short: str,
        ports: PortMap,
        *,
        networks: Iterable[str] = (),
        links: Iterable[str] = (),
    ) -> Container:
        """Start a container that says its name on every port of a map."""
        self._go_on()
        name = self.name(short)
        numbers = [str(port.number) for port in ports]
        launched = self.engine.launch(
            self.image,
            ["busybox", "sh", "-c", _SERVE, name, *numbers],
            name=name,
            ports=ports,
            networks=networks,
            links=links,
            labels={LABEL: ""},
            remove=True,
        )
        self.ending.callback(launched.remove)
        return launched.container

    def listen(self, address: str, name: str) -> int:
        """Say a name on an address of the engine's host.

        Returns:
            The port that it is said on; 0 where this process is not on that host, or has
            not the address.
        """
        if not self._is_on_host:
            return 0
        try:
            server = socketserver.TCPServer((address, 0), _saying(name))
        except OSError:
            return 0
        self.ending.callback(server.server_close)
        threading.Thread(target=server.serve_forever, args=(_PAUSE,), daemon=True).start()
        self.ending.callback(server.shutdown)
        return int(server.server_address[1])

    # Asking.

    def output(self, container: str, *command: str) -> str:
        """What a command of busybox writes in a container."""
        self._go_on()
        return self.clients.execute(container, [_BUSYBOX, *command])

    def dial(self, origin: str | None, host: str, port: int, expected: str) -> Dial:
        """Dial an address from a container, or from here, until somebody answers."""
        until = time.monotonic() + _PATIENCE
        read = self._name_at(origin, host, port)
        while not read and time.monotonic() < until:
            time.sleep(_PAUSE)
            read = self._name_at(origin, host, port)
        return Dial(origin, host, port, expected, read)

    def _name_at(self, origin: str | None, host: str, port: int) -> str:
        if origin is not None:
            return self.output(origin, "sh", "-c", _DIAL, host, str(port)).strip()[:_LONGEST]
        self._go_on()
        with suppress(OSError), socket.create_connection((host, port), _CONNECTING) as connection:
            return connection.makefile(errors="replace").readline(_LONGEST).strip()
        return ""

    @property
    def _is_on_host(self) -> bool:
        here = read_vantage()
        [inventory] = self.engine.read(Want(None, here))
        return standing(here, inventory).stand is Stand.HOST

    def _go_on(self) -> None:
        """Go no further where a signal has come; it is handled when all is down."""
        if self.signals.caught:
            raise KeyboardInterrupt


@contextmanager
def stage(request: Request, image: str | None) -> Generator[Stage]:
    """A stage on an engine, which is taken down at the end.

    Ctrl-C and SIGTERM are noted at once and handled when nothing is left.

    Args:
        request: Which engine it is.
        image: The image of the containers; one is looked for unless given.

    Raises:
        LaunchError: There is no image, or the engine has no links.
        SourceError: The engine cannot be asked, or does not do it.
    """
    # It takes longer to import than all the rest together.
    from dockernet.sources._docker import Clients  # noqa: PLC0415 - a live tour alone needs it

    asker = object()
    end_by_exit(asker)
    try:
        with held() as signals, ExitStack() as ending:
            location = locate(request.url, request.context, os.environ)
            location.knock()
            engine = Engine(request.url, request.timeout, context=request.context)
            clients = Clients(location, request.timeout)
            ending.callback(clients.close)
            ending.callback(engine.close)
            if engine.profile().podman:
                raise LaunchError(image or _BUSYBOX, _NO_LINKS)
            prefix = f"{PREFIX}{os.urandom(3).hex()}"
            others = tuple(_others(engine, clients))
            found = image or _known(clients) or _imported(clients, prefix, ending)
            yield Stage(engine, clients, prefix, found, others, signals, ending)
    finally:
        no_longer(asker)


def _others(engine: Engine, clients: Clients) -> Iterator[str]:
    """The names of what is there of other live tours."""
    names = (
        *(container.name for container in engine.containers()),
        *(network.name for network in engine.networks()),
        *_tags(clients.images()),
    )
    return (name for name in names if name.startswith(PREFIX))


def _saying(name: str) -> type[socketserver.StreamRequestHandler]:
    class Saying(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(f"{name}\n".encode())

    return Saying


# Images.


def _known(clients: Clients) -> str | None:
    """An image of the engine that is known to do, by its tag; none is tried."""
    tags = sorted(_tags(clients.images()), key=lambda tag: not tag.endswith(":latest"))
    for repository in _SMALL:
        for tag in tags:
            if tag.removeprefix(_HUB).rpartition(":")[0] == repository:
                return tag
    return None


def _tags(listed: object) -> Iterator[str]:
    for image in items(listed):
        yield from map(text, items(mapping(image).get("RepoTags")))


def _imported(clients: Clients, name: str, ending: ExitStack) -> str:
    """An image of this machine's own busybox, which is removed at the end."""
    found = shutil.which(_BUSYBOX)
    program = Path(found).read_bytes() if found else b""
    same = text(mapping(clients.info()).get("Architecture")) == platform.machine()
    if not same or not is_static_program(program):
        raise LaunchError(_BUSYBOX, _NO_IMAGE)
    ending.callback(clients.remove_image, name)
    clients.import_image(_archive(program), name, LABEL)
    return name


def _archive(program: bytes) -> bytes:
    """A file system with one program in it."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        entry = tarfile.TarInfo(f"bin/{_BUSYBOX}")
        entry.mode = 0o755
        entry.size = len(program)
        tar.addfile(entry, io.BytesIO(program))
    return content.getvalue()
