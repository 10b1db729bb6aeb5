"""A container as an engine tells it, and its attachments to networks."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from dockernet.model.addresses import IPAddress
from dockernet.model.links import Link
from dockernet.model.mappings import FrozenMap
from dockernet.model.portmap import PortMap
from dockernet.model.ports import Port

__all__ = ["Attachment", "Container"]

_COMPOSE = "com.docker.compose."
_SHARES = "container:"


@frozen(kw_only=True)
class Attachment:
    """A container on a network; Docker's API calls this an endpoint.

    Attributes:
        network: The network's name.
        network_id: Its id; Podman 4 puts the name here.
        addresses: The container's addresses there, IPv4 first.
        aliases: The names given for this network; ``None`` where not asked for.
        dns_names: Every name the embedded DNS serves for it there; ``None`` where
            not asked for or not told (engines before 25.0).
        gateways: The network's gateways as the container has them, IPv4 first.
    """

    network: str
    network_id: str = ""
    addresses: tuple[IPAddress, ...] = ()
    aliases: tuple[str, ...] | None = None
    dns_names: tuple[str, ...] | None = None
    gateways: tuple[IPAddress, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Aliases and DNS names together, as far as they are known."""
        return tuple(dict.fromkeys((*(self.aliases or ()), *(self.dns_names or ()))))

    def __str__(self) -> str:
        return f"{self.network} {' '.join(map(str, self.addresses))}".rstrip()


@frozen(kw_only=True)
class Container:
    """A container at the moment an engine was asked; it never changes.

    Attributes:
        id: The full id, 64 hexadecimal digits.
        name: Its own name, without the slash that the API puts before it.
        image: The image as it was named when the container was made.
        state: ``created``, ``running``, ``paused``, ``restarting``, ``removing``,
            ``exited`` or ``dead``; Podman knows more.
        health: ``healthy``, ``unhealthy`` or ``starting``; ``None`` without a check.
        labels: Its labels.
        network_mode: ``default``, ``bridge``, ``host``, ``none``, ``container:<id>``
            or a network's name; ``None`` where a listing does not tell (Podman).
        networks: Its attachments, by network name.
        ports: The live port map; empty while it is not running.
        requested_ports: The port map as it was asked for; ``None`` where not asked for.
        links: The links it was given, as recipient; ``None`` where not asked for.
        linked_as: Who links to it, as ``(recipient, alias)`` pairs.
        hostname: Its host name; ``None`` where not asked for.
        created: When it was made, in UTC; ``None`` where the engine does not tell.

    Example:
        >>> from dockernet import Container
        >>> Container(id="0" * 64, name="web", state="running").running
        True
    """

    id: str
    name: str = ""
    image: str = ""
    state: str = ""
    health: str | None = None
    labels: FrozenMap[str, str] = field(factory=FrozenMap[str, str], repr=False)
    network_mode: str | None = None
    networks: tuple[Attachment, ...] = ()
    ports: PortMap = field(factory=PortMap)
    requested_ports: PortMap | None = None
    links: tuple[Link, ...] | None = None
    linked_as: tuple[tuple[str, str], ...] = ()
    hostname: str | None = None
    created: datetime | None = None

    @property
    def running(self) -> bool:
        """Whether it runs and is not paused."""
        return self.state == "running"

    @property
    def short_id(self) -> str:
        """The first 12 digits of the id."""
        return self.id[:12]

    @property
    def project(self) -> str | None:
        """Its Compose project."""
        return self.labels.get(f"{_COMPOSE}project")

    @property
    def service(self) -> str | None:
        """Its Compose service."""
        return self.labels.get(f"{_COMPOSE}service")

    @property
    def one_off(self) -> bool:
        """Whether ``docker compose run`` made it: of its service, and no replica of it."""
        return self.labels.get(f"{_COMPOSE}oneoff", "").lower() == "true"

    @property
    def number(self) -> int | None:
        """Its number among the replicas of its Compose service."""
        # Some releases of Compose 2 give a one-off run the label, too (2.26: always 1).
        text = "" if self.one_off else self.labels.get(f"{_COMPOSE}container-number", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None

    @property
    def shares_network_of(self) -> str | None:
        """The id of the container whose network namespace it uses, if any."""
        mode = self.network_mode or ""
        return mode.removeprefix(_SHARES) if mode.startswith(_SHARES) else None

    @property
    def known_ports(self) -> tuple[Port, ...]:
        """Every container port that is exposed or published, as asked for or live."""
        return tuple(sorted({*self.ports, *(self.requested_ports or ())}))

    def attachment(self, network_id: str) -> Attachment | None:
        """Its attachment to a network, by the network's id."""
        return next((a for a in self.networks if a.network_id == network_id), None)

    def __str__(self) -> str:
        return self.name or self.short_id
