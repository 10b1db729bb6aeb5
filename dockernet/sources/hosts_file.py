"""The source of hosts-file lines."""

from __future__ import annotations

import time
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from dockernet.errors import SourceError
from dockernet.formats.hosts import HostsLine, host_lines, parse_hosts, peer_lines
from dockernet.model.addresses import IPAddress, address_order
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.facts import Fact, Freshness, Want
from dockernet.model.provenance import Provenance
from dockernet.refusals import Route
from dockernet.sources._files import why

__all__ = ["HostsFile"]

_LARGEST = 4 * 1024 * 1024  # bytes; block lists of a megabyte exist
_RETRIES = 3
_PAUSE = 0.005  # seconds; an engine rewrites the file in less


class HostsFile:
    """The hosts file of the container: the lines that links and extra hosts put there.

    An engine keeps the lines of links current when a peer restarts. Lines for the
    container itself, for localhost and for the host's gateway are no peers.

    Args:
        path: The file.

    Example:
        >>> from dockernet import HostsFile, Resolver, Vantage
        >>> Resolver([HostsFile("/no/such/file")], vantage=Vantage()).peers()
        ()
    """

    name = "hosts"

    def __init__(self, path: str | PathLike[str] = "/etc/hosts") -> None:
        self._path = Path(path)

    def read(self, want: Want) -> Iterator[Fact | Diagnostic]:
        """Read every peer's lines; those of the host where that is wanted.

        Raises:
            SourceError: The file is there and cannot be read.
        """
        vantage = want.vantage
        hosts = parse_hosts(self._text())
        yield from hosts.diagnostics
        own_names = {n for n in (vantage.hostname, vantage.name) if n}
        lines = peer_lines(hosts, vantage.addresses, tuple(own_names))
        if want.target is not None and want.target.is_host:
            yield from self._host(want.target.name, host_lines(hosts, want.target.name))
        for names, addresses in _by_first_name(lines).items():
            near = _on_link(addresses, want)
            yield Fact(
                source=self.name,
                names=names,
                addresses=tuple(sorted(addresses, key=address_order)),
                route=Route.LINK if near else Route.GIVEN,
                freshness=Freshness.WRITTEN,
                provenance=Provenance.HOSTS if near else None,
            )

    def _host(self, name: str, lines: tuple[HostsLine, ...]) -> Iterator[Fact]:
        addresses = tuple(sorted({line.address for line in lines}, key=address_order))
        if addresses:
            yield Fact(
                source=self.name,
                names=(name,),
                addresses=addresses,
                route=Route.HOST_MODE,
                freshness=Freshness.WRITTEN,
            )

    def _text(self) -> str:
        # Engines truncate the file and write it anew, in place: an empty read may
        # have met it in between.
        for _ in range(_RETRIES):
            text = self._once()
            if text != "":
                return text or ""
            time.sleep(_PAUSE)
        return ""

    def _once(self) -> str | None:
        try:
            with self._path.open("rb") as file:
                return _whole_lines(file.read(_LARGEST + 1)).decode("utf-8", "replace")
        except (FileNotFoundError, NotADirectoryError):
            return None  # No file, no names: that is an answer.
        except (OSError, ValueError) as error:
            reason = f"{self._path} cannot be read ({why(error)}): check its permissions"
            raise SourceError(self.name, reason) from error

    def __repr__(self) -> str:
        return f"HostsFile({str(self._path)!r})"


def _whole_lines(raw: bytes) -> bytes:
    """What may be read of it, without the line that the limit cuts: it has half a name."""
    return raw if len(raw) <= _LARGEST else raw[:_LARGEST].rpartition(b"\n")[0]


def _by_first_name(lines: tuple[HostsLine, ...]) -> dict[tuple[str, ...], list[IPAddress]]:
    """The lines of one name together: a dual-stack peer has one for each family."""
    names: dict[str, tuple[str, ...]] = {}
    addresses: dict[str, list[IPAddress]] = {}
    for line in lines:
        first = line.names[0]
        names[first] = tuple(dict.fromkeys((*names.get(first, ()), *line.names)))
        known = addresses.setdefault(first, [])
        known += [] if line.address in known else [line.address]
    return {names[first]: addresses[first] for first in names}


def _on_link(addresses: list[IPAddress], want: Want) -> bool:
    return any(a in s for a in addresses for s in want.vantage.subnets)
