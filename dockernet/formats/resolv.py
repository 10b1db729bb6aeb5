"""The resolver's configuration: ``/etc/resolv.conf``, as resolv.conf(5) tells it."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from attrs import frozen

from dockernet.errors import FormatError
from dockernet.model.addresses import IPAddress, parse_address

__all__ = ["ResolvConf", "parse_resolv_conf"]

# Where Docker's own server listens in each container of a user-defined network.
# Podman never uses it: there the network's gateway answers.
_EMBEDDED = IPv4Address("127.0.0.11")


@frozen
class ResolvConf:
    """What a ``resolv.conf`` says.

    Attributes:
        nameservers: The name servers, in the order in which they are asked.
        search: The domains that are tried after a short name.
        options: The options, such as ``ndots:0``.
    """

    nameservers: tuple[IPAddress, ...] = ()
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def embedded(self) -> bool:
        """Whether Docker's embedded DNS server is among the name servers."""
        return _EMBEDDED in self.nameservers


def parse_resolv_conf(text: str) -> ResolvConf:
    r"""Parse the text of a ``resolv.conf``; what makes no sense is left out.

    A server with a scope, such as ``fe80::1%eth0``, is left out too. Of several
    ``search`` or ``domain`` lines the last one holds; options add up.

    Example:
        >>> from dockernet.formats.resolv import parse_resolv_conf
        >>> parse_resolv_conf("nameserver 127.0.0.11\noptions ndots:0").embedded
        True
    """
    nameservers: list[IPAddress] = []
    search: tuple[str, ...] = ()
    options: list[str] = []
    for keyword, *values in _entries(text):
        if keyword == "nameserver":
            nameservers.extend(_addresses(values[:1]))
        elif keyword in {"search", "domain"}:
            search = tuple(values)
        elif keyword == "options":
            options.extend(values)
    return ResolvConf(tuple(nameservers), search, tuple(options))


def _entries(text: str) -> Iterator[list[str]]:
    for line in text.split("\n"):
        # Both signs begin a comment: Docker writes "#", some DHCP clients ";".
        words = line.partition("#")[0].partition(";")[0].split()
        if words:
            yield words


def _addresses(words: list[str]) -> Iterator[IPAddress]:
    for word in words:
        try:
            yield parse_address(word)
        except FormatError:
            continue
