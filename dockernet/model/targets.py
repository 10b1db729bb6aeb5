"""What a caller asks for: ``db:5432``, ``shop/web``, ``[fd00::2]:80/udp``."""

from __future__ import annotations

import re
from typing import cast

from attrs import frozen

from dockernet.errors import FormatError
from dockernet.model.addresses import IPAddress, parse_address
from dockernet.model.containers import Container
from dockernet.model.links import Link
from dockernet.model.ports import Port

__all__ = ["HOST_NAMES", "Target", "TargetLike"]

HOST_NAMES = frozenset({"host.docker.internal", "host.containers.internal"})
"""Reserved names: a service of the engine's host itself."""

_LONGEST = 1_000  # characters; a DNS name has at most 253, a path component 255
_GRAMMAR = re.compile(
    r"(?:(?P<project>[^/:\[\]]+)/)?"
    r"(?:(?P<name>[^/:\[\]]+)|\[(?P<ipv6>[0-9A-Fa-f:.]+)\])"
    r"(?::(?P<port>[0-9]{1,5})(?:/(?P<protocol>[A-Za-z]+))?)?"
)
_EXPECTED = "expected [project/]name[:port[/protocol]], with IPv6 addresses in brackets"


@frozen
class Target:
    """A peer, and a container port of it.

    Attributes:
        name: The peer's name, alias, service or id; the address's text for an address.
        port: The container port; ``None`` lets the peer's own ports decide.
        project: The Compose project, where it was said.
        address: The address, where one stood in place of the name.

    Example:
        >>> from dockernet import Target
        >>> Target.parse("shop/db:5432")
        Target(name='db', port=Port(number=5432, protocol='tcp'), project='shop', address=None)
    """

    name: str
    port: Port | None = None
    project: str | None = None
    address: IPAddress | None = None

    @classmethod
    def parse(cls, text: str) -> Target:
        """Parse ``[project/]name[:port[/protocol]]``.

        Raises:
            FormatError: The text is not of that form.
        """
        if not text.isprintable() or len(text) > _LONGEST:
            raise FormatError(text, f"{_EXPECTED}, of at most {_LONGEST} printable characters")
        match = _GRAMMAR.fullmatch(text)
        if match is None:
            raise FormatError(text, _EXPECTED)
        name = (match["name"] or "").removesuffix(".")
        address = _address(text, match["ipv6"], name)
        if not name.strip() and address is None:
            raise FormatError(text, f"the name is empty; {_EXPECTED}")
        if address is not None and match["project"]:
            raise FormatError(text, "an address belongs to no project")
        port = _port(text, match["port"], match["protocol"])
        return cls(str(address or name), port, match["project"], address)

    @classmethod
    def of(cls, target: TargetLike) -> Target:
        """Take a target in any of its forms.

        A container is meant by its id. A link is meant by its peer where that is
        known and by its alias where not, at the link's first port.

        Raises:
            FormatError: A text is malformed, or a port is out of range.
            TypeError: The value is none of the forms.
        """
        if isinstance(target, Target):
            return target
        if isinstance(target, str):
            return cls.parse(target)
        if isinstance(target, Container):
            return cls(target.id)
        if isinstance(target, Link):
            return cls(target.peer or target.alias, target.port)
        return cls._pair(target)

    @classmethod
    def _pair(cls, pair: tuple[str, int]) -> Target:
        match cast("object", pair):
            case (str() as name, int() as number) if not isinstance(number, bool):
                bare = "[" not in name and name.count(":") > 1
                base = cls.parse(f"[{name}]" if bare else name)
                if base.port is not None:
                    raise FormatError(name, "the port stands beside the name and in it")
                return cls(base.name, Port(number), base.project, base.address)
            case _:
                kind = type(pair).__name__
                raise TypeError(
                    f"a target is a text, a (name, port) pair, a Container or a Link, not {kind}"
                )

    @property
    def is_host(self) -> bool:
        """Whether a service of the host itself is meant."""
        return self.project is None and self.name.lower() in HOST_NAMES

    def __str__(self) -> str:
        project = f"{self.project}/" if self.project else ""
        bracketed = f"[{self.name}]" if self.address and self.address.version == 6 else self.name
        # The parser drops one dot, so a name that ends in one is shown with two.
        dot = "." if self.name.endswith(".") else ""
        port = "" if self.port is None else f":{self.port.number}"
        protocol = (
            "" if self.port is None or self.port.protocol == "tcp" else f"/{self.port.protocol}"
        )
        return f"{project}{bracketed}{dot}{port}{protocol}"


TargetLike = str | tuple[str, int] | Target | Container | Link


def _address(text: str, bracketed: str | None, name: str) -> IPAddress | None:
    """The IPv6 address in brackets, or the IPv4 address that a name spells, if it does."""
    literal = name.count(".") == 3 and name.replace(".", "").isdigit()
    if bracketed is None and not literal:
        return None
    try:
        return parse_address(f"[{bracketed}]" if bracketed else name)
    except FormatError as error:
        raise FormatError(text, error.reason) from None


def _port(text: str, number: str | None, protocol: str | None) -> Port | None:
    if number is None:
        return None
    try:
        return Port.parse(number if protocol is None else f"{number}/{protocol}")
    except FormatError as error:
        raise FormatError(text, error.reason) from None
