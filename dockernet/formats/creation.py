"""What an engine is asked to make a container from: values in, the API's JSON out.

The shapes are those of moby's ``api/types/container`` and ``api/types/network`` for
``POST /containers/create``. Everything that is ill-formed is refused here, before
anything is asked for.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Final

from attrs import field, frozen

from dockernet.errors import FormatError
from dockernet.formats.json import Json
from dockernet.model.bindings import HostBinding
from dockernet.model.links import Link
from dockernet.model.mappings import FrozenMap, SecretMap
from dockernet.model.networks import Network
from dockernet.model.portmap import PortMap
from dockernet.model.ports import Port, require

__all__ = [
    "Creation",
    "Joining",
    "PortsLike",
    "as_command",
    "as_links",
    "as_networks",
    "as_ports",
    "as_texts",
    "as_variables",
    "render_creation",
]

PortsLike = PortMap | Iterable[str | int | Port]
"""A port map, or the values of ``docker run -p``; a Port or a number is any free host port."""

_NUL: Final = "\0"


@frozen(kw_only=True)
class Joining:
    """A network that a container joins, as it is made or before it starts.

    Attributes:
        network: The network's name.
        aliases: The names that everybody there knows the container by.
        links: The links that it is given there.
    """

    network: str
    aliases: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()


@frozen(kw_only=True)
class Creation:
    """What a container is made from.

    Attributes:
        image: The image, by name or id.
        command: The command and its arguments; without any the image's own.
        name: The container's name; the engine chooses one unless given.
        mode: The network mode: ``default``, ``host``, ``none``, ``container:<id>``, or
            the name of the first network.
        ports: The port map that is asked for.
        links: The legacy links, which are of the default bridge.
        joining: The user-defined network that it is made on.
        environ: Its variables; their values are secrets and never show.
        labels: Its labels.
        volumes: What is mounted, as ``docker run -v`` takes it.
        publish_all: Whether every exposed port is published.
        remove: Whether the engine removes it when it ends.
    """

    image: str
    command: tuple[str, ...] = ()
    name: str | None = None
    mode: str = "default"
    ports: PortMap = field(factory=PortMap)
    links: tuple[Link, ...] = ()
    joining: Joining | None = None
    environ: SecretMap = field(factory=SecretMap, repr=False)
    labels: FrozenMap[str, str] = field(factory=FrozenMap[str, str])
    volumes: tuple[str, ...] = ()
    publish_all: bool = False
    remove: bool = False


def render_creation(creation: Creation) -> Json:
    """Render the body of ``POST /containers/create``.

    Example:
        >>> from dockernet import PortMap
        >>> from dockernet.formats.creation import Creation, render_creation
        >>> body = render_creation(Creation(image="web", ports=PortMap.from_specs(["8080:80"])))
        >>> body["HostConfig"]["PortBindings"]
        {'80/tcp': [{'HostIp': '', 'HostPort': '8080'}]}
    """
    joining = creation.joining
    joined = {} if joining is None else {joining.network: _endpoint(joining)}
    return {
        "Image": creation.image,
        "Env": [f"{name}={value}" for name, value in creation.environ.items()],
        "Labels": dict(creation.labels),
        "ExposedPorts": {str(port): {} for port in creation.ports},
        "NetworkingConfig": {"EndpointsConfig": joined},
        "HostConfig": {
            "AutoRemove": creation.remove,
            "Binds": list(creation.volumes),
            "Links": _links(creation.links),
            "NetworkMode": creation.mode,
            "PortBindings": {
                str(port): [_bound(binding) for binding in bindings]
                for port, bindings in creation.ports.items()
                if bindings
            },
            "PublishAllPorts": creation.publish_all,
        },
        **({"Cmd": list(creation.command)} if creation.command else {}),
    }


def _endpoint(joining: Joining) -> Json:
    return {"Aliases": list(joining.aliases), "Links": _links(joining.links)}


def _links(links: Iterable[Link]) -> list[str]:
    return [f"{link.peer}:{link.alias}" for link in links]


def _bound(binding: HostBinding) -> Json:
    ip, number = binding.host_ip, binding.host_port
    return {"HostIp": "" if ip is None else str(ip), "HostPort": str(number) if number else ""}


# What a caller says, as values.


def as_ports(ports: PortsLike) -> PortMap:
    """Take a port map, or values of ``docker run -p``.

    Raises:
        FormatError: A value is no specification.
        TypeError: It is a single text, or a value is neither text, number nor Port.
    """
    if isinstance(ports, PortMap):
        return ports
    if isinstance(ports, (str, bytes)):
        raise TypeError(f"ports takes a list of specifications; write [{ports!r}]")
    return PortMap.from_specs(str(spec) if isinstance(spec, Port) else spec for spec in ports)


def as_links(links: Iterable[Link | str]) -> tuple[Link, ...]:
    """Take links, or values of ``docker run --link``.

    Raises:
        FormatError: One is malformed, or names no peer.
        TypeError: It is a single text, or one is neither text nor Link.
    """
    if isinstance(links, (str, bytes)):
        raise TypeError(f"links takes a list of links; write [{links!r}]")
    found = tuple(_link(link) for link in links)
    if nameless := next((link for link in found if link.peer is None), None):
        raise FormatError(nameless.alias, "expected a link that names its peer, as in web:alias")
    return found


def _link(link: Link | str) -> Link:
    if isinstance(link, str):
        return Link.parse(link)
    require(link, Link, str)
    return link


def as_networks(networks: Iterable[Network | str]) -> tuple[str, ...]:
    """Take networks, or their names, each once.

    Raises:
        FormatError: A name is empty.
        TypeError: It is a single text, or one is neither text nor Network.
    """
    if isinstance(networks, (str, bytes)):
        raise TypeError(f"networks takes a list of networks; write [{networks!r}]")
    found = tuple(dict.fromkeys(map(_network_name, networks)))
    if not all(found):
        raise FormatError("", "expected the name of a network")
    return found


def _network_name(network: Network | str) -> str:
    require(network, Network, str)
    return network if isinstance(network, str) else network.name


def as_command(command: str | Iterable[str] | None) -> tuple[str, ...]:
    """Take a command as a shell splits it, or its words.

    Raises:
        FormatError: A quotation has no end, or a word has a NUL in it.
        TypeError: A word is no text.
    """
    if isinstance(command, str):
        try:
            return as_texts(shlex.split(command), "a word of the command")
        except ValueError as error:
            raise FormatError(command, f"it is no command: {str(error).lower()}") from None
    return as_texts(command or (), "a word of the command")


def as_texts(texts: Iterable[str], what: str) -> tuple[str, ...]:
    """Take texts that an engine can be given.

    Args:
        texts: The texts.
        what: What each of them is, for the error.

    Raises:
        FormatError: One has a NUL in it.
        TypeError: It is a single text, or one is no text.
    """
    if isinstance(texts, (str, bytes)):
        raise TypeError(f"expected a list, each {what}; write [{texts!r}]")
    found = tuple(texts)
    for text in found:
        require(text, str)
        if _NUL in text:
            raise FormatError(text, f"{what} holds no NUL")
    return found


def as_variables(variables: Mapping[str, str] | None, what: str) -> dict[str, str]:
    """Take variables or labels: names that are not empty, and texts. No value is shown.

    Raises:
        FormatError: A name is empty or has ``=`` in it, or either has a NUL in it.
        TypeError: A name or a value is no text.
    """
    found = dict(variables or {})
    for name, value in found.items():
        require(name, str)
        require(value, str)
        if not name or "=" in name or _NUL in name + value:
            raise FormatError(name, f"expected the name of {what}: not empty, with no = and no NUL")
    return found
