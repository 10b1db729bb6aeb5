"""How Podman's host forwards: from bridge to bridge, and from host ports to containers.

Podman has no proxy beside the kernel: what listens on a host port only keeps it, and
rules of netavark, its network stack, do the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from attrs import evolve

from dockernet.model.addresses import IPAddress
from dockernet.model.bindings import HostBinding
from dockernet.model.networks import Network

__all__ = ["answering", "forwards"]

_ANY: Final[dict[int, IPAddress]] = {4: IPv4Address(0), 6: IPv6Address(0)}
_LOOPBACK6: Final = IPv6Address("::1")
_WILDCARDS_SINCE: Final = (4, 5)  # its netavark 1.6; before, only "" is a wildcard


def forwards(one: Network, other: Network) -> bool:
    """Whether packets that come in by one bridge may go out by the other.

    They may unless both networks have the option ``isolate``, as Podman gives it to each
    that is made through Docker's API; host ports of what is behind the other bridge are
    no way around it. Where nobody tells the option, it is taken to be set.
    """
    if one.id == other.id:
        return True
    if one.internal or other.internal or not (one.is_bridge and other.is_bridge):
        return False
    options = {one.isolate or "true", other.isolate or "true"}
    return "strict" not in options and options != {"true"}


def answering(
    bindings: Iterable[HostBinding], families: Collection[int], release: tuple[int, int]
) -> tuple[HostBinding, ...]:
    """The bindings that lead to a peer, as far as they do.

    Args:
        bindings: The peer's bindings as Podman tells them, from its configuration.
        families: The families of the peer's addresses on networks that lead out: what
            comes in by one family goes on by the same.
        release: Podman's version.
    """
    known = (_answering(binding, families, release) for binding in bindings)
    return tuple(binding for binding in known if binding is not None)


def _answering(
    binding: HostBinding, families: Collection[int], release: tuple[int, int]
) -> HostBinding | None:
    served = set(families).intersection(binding.families)
    address = binding.host_ip
    if address is None and len(served) == 1:
        return evolve(binding, host_ip=_ANY[served.pop()])
    dead = address is not None and address.is_unspecified and release < _WILDCARDS_SINCE
    # The kernel forwards nothing from ::1 to another address.
    return None if not served or dead or address == _LOOPBACK6 else binding
