"""One line of a hosts file."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from dockernet.errors import FormatError
from dockernet.model.addresses import IPAddress

__all__ = ["HostsLine", "hosts_name"]

_NAME: Final = re.compile(r"[^\s#\x00-\x20\x7f]+")
_LONGEST: Final = 255  # characters; a DNS name has at most 253


@frozen
class HostsLine:
    r"""One line of a hosts file; its text is as an engine writes it.

    Attributes:
        address: The address.
        names: Its names as they are spelled, at least one.

    Example:
        >>> from ipaddress import ip_address
        >>> from dockernet import HostsLine
        >>> str(HostsLine(ip_address("172.17.0.2"), ("db", "postgres")))
        '172.17.0.2\tdb postgres'
    """

    address: IPAddress
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.address}\t{' '.join(self.names)}"


def hosts_name(text: str) -> str:
    """Take a name that a hosts file can carry.

    Raises:
        FormatError: It is empty, overlong, or has a blank, ``#`` or a control character
            in it, which would end the name, the line or the file's sense (hosts(5)).
    """
    if len(text) > _LONGEST or not text.isprintable() or not _NAME.fullmatch(text):
        reason = f"expected a name of at most {_LONGEST} printable characters without blanks or #"
        raise FormatError(text, f"a hosts file cannot carry it: {reason}")
    return text
