"""Which addresses of the caller's subnets are worth asking for, and in which order.

Engines give addresses out upwards from the first of a subnet (Docker's from where they
left off, libnetwork's ipam package in moby), so neighbours are looked for from the first
address and from the caller's own outwards, as far as somebody is found.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from attrs import define, field, frozen

from dockernet.model.addresses import IPAddress, IPNetwork

__all__ = ["MOST_QUESTIONS", "Home", "Sweep", "homes"]

MOST_QUESTIONS: Final = 256
_GAP: Final = 64  # addresses in a row that nobody has, after which nobody is expected
_SEQUENTIAL: Final = 1 << 16  # the last IPv6 address of a subnet that was counted up to


@frozen
class Home:
    """A subnet that the caller is in, with its own address there."""

    subnet: IPNetwork
    own: IPAddress


def homes(addresses: Iterable[IPAddress], subnets: Iterable[IPNetwork]) -> tuple[Home, ...]:
    """The subnets that the caller is in, each once, IPv4 first.

    An IPv6 subnet where the caller's address was made from its hardware address, or at
    random, is none: nobody could find a neighbour there.
    """
    every = sorted(subnets, key=lambda s: -s.prefixlen)
    found: dict[IPNetwork, Home] = {}
    for own in addresses:
        subnet = next((s for s in every if own in s), None)
        if subnet is not None and (own.version == 4 or _is_sequential(own, subnet)):
            found.setdefault(subnet, Home(subnet, own))
    return tuple(sorted(found.values(), key=lambda home: home.own.version))


def _is_sequential(own: IPAddress, subnet: IPNetwork) -> bool:
    return int(own) - int(subnet.network_address) < _SEQUENTIAL


@define(eq=False, repr=False)
class _Walk:
    """Addresses in one direction: how far it got, and the last place with somebody."""

    home: Home
    start: int
    step: int
    reached: int = 0
    met: int = 0

    def next_address(self) -> IPAddress | None:
        """The next one, or the same again; ``None`` at the edge, or after a gap."""
        place = self.reached + 1
        number = self.start + self.step * place
        if place - self.met > _GAP or not _first(self.home) <= number <= _last(self.home):
            return None
        self.reached = place
        return type(self.home.own)(number)

    def meet(self, address: IPAddress) -> None:
        """Take that somebody has an address, if it was passed."""
        place = (int(address) - self.start) * self.step
        if address in self.home.subnet and self.met < place <= self.reached:
            self.met = place


def _first(home: Home) -> int:
    return int(home.subnet.network_address) + (home.subnet.num_addresses > 2)


def _last(home: Home) -> int:
    # The last address of an IPv4 subnet is for everybody in it (RFC 919).
    broadcast = home.own.version == 4 and home.subnet.num_addresses > 2
    return int(home.subnet.broadcast_address) - broadcast


@define(eq=False, repr=False)
class Sweep:
    """The addresses to ask for, each once.

    Attributes:
        homes: Where to look.
        skipped: Addresses that are not asked for: gateways have no names.
        asked: How many were given.
    """

    homes: tuple[Home, ...]
    skipped: frozenset[IPAddress]
    asked: int = field(default=0, init=False)
    _walks: tuple[deque[_Walk], deque[_Walk]] = field(init=False)
    _seen: set[IPAddress] = field(init=False)
    _met: set[IPAddress] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._met = {home.own for home in self.homes}
        self._seen = self._met | self.skipped
        ipv4, ipv6 = deque[_Walk](), deque[_Walk]()
        for home in self.homes:
            (ipv4 if home.own.version == 4 else ipv6).extend(_walks(home))
        self._walks = ipv4, ipv6

    @property
    def exhausted(self) -> bool:
        """Whether it stopped for the number of addresses alone."""
        return self.asked >= MOST_QUESTIONS

    def next_address(self) -> IPAddress | None:
        """The next address; ``None`` for none now. IPv6 comes when IPv4 is through."""
        for walks in self._walks:
            for _ in range(len(walks)):
                walk = walks[0]
                walks.rotate(-1)
                address = None if self.exhausted else self._unseen(walk)
                if address is not None:
                    self.asked += 1
                    self._seen.add(address)
                    return address
        return None

    def meet(self, address: IPAddress) -> None:
        """Take that somebody has an address."""
        self._met.add(address)
        for walks in self._walks:
            for walk in walks:
                walk.meet(address)

    def _unseen(self, walk: _Walk) -> IPAddress | None:
        while (address := walk.next_address()) is not None and address in self._seen:
            if address in self._met:
                walk.meet(address)
        return address


def _walks(home: Home) -> tuple[_Walk, ...]:
    bottom, own = int(home.subnet.network_address), int(home.own)
    return _Walk(home, bottom, 1), _Walk(home, own, 1), _Walk(home, own, -1)
