"""Ways through an engine's host, as rules: there, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Final, Literal

from attrs import frozen

from dockernet.model.addresses import IPNetwork
from dockernet.model.containers import Attachment
from dockernet.model.forwarding import Action, ForwardRule, Opening, Place
from dockernet.model.networks import Network
from dockernet.model.publications import Publication

__all__ = ["Family", "Way", "answers", "interface_of", "subnets"]

Family = Literal[4, 6]
_OTHER: Final[dict[Family, Family]] = {4: 6, 6: 4}


def interface_of(network: Network) -> str:
    """The interface of a network on the engine's host; empty where it has none."""
    return network.interface or ""


def subnets(network: Network, family: int) -> tuple[IPNetwork, ...]:
    """The subnets of a network, of one address family."""
    return tuple(subnet for subnet in network.subnets if subnet.version == family)


def answers(
    published: Publication, attachment: Attachment, network: Network, family: Family
) -> Iterator[ForwardRule]:
    """What comes back from a container to the host; the proxy may dial another family."""
    versions = {address.version for address in attachment.addresses}
    spoken: Family = family if family in versions else _OTHER[family]
    host = network.host_address(spoken, attachment.gateways)
    number = published.port.number
    for subnet in subnets(network, spoken) if spoken in versions else ():
        yield ForwardRule(
            family=spoken,
            place=Place.INPUT,
            in_interface=interface_of(network),
            source=subnet,
            destination=None if host is None else ip_network(host),
            opening=Opening(published.port.protocol, number, number),
            answers=True,
        )


@frozen
class Way:
    """A way through the host, from one interface and subnet to others."""

    family: Family
    here: str
    there: str
    source: IPNetwork
    destination: IPNetwork | None

    def rule(
        self,
        place: Place,
        opening: Opening | None,
        *,
        action: Action = Action.ACCEPT,
        mark: int = 0,
    ) -> ForwardRule:
        """A rule for what goes there."""
        return ForwardRule(
            family=self.family,
            place=place,
            action=action,
            in_interface=self.here,
            out_interface="" if place is Place.RAW else self.there,
            source=self.source,
            destination=self.destination,
            opening=opening,
            mark=mark,
        )

    def back(self, place: Place, opening: Opening | None, *, tracked: bool = True) -> ForwardRule:
        """A rule for what comes back."""
        return ForwardRule(
            family=self.family,
            place=place,
            in_interface=self.there,
            out_interface="" if place is Place.RAW else self.here,
            source=self.destination,
            destination=self.source,
            opening=opening,
            answers=True,
            tracked=tracked,
        )

    def masquerade(self, opening: Opening | None) -> ForwardRule:
        """A rule for what goes there, in the name of the host."""
        return ForwardRule(
            family=self.family,
            place=Place.POSTROUTING,
            action=Action.MASQUERADE,
            out_interface=self.there,
            source=self.source,
            opening=opening,
        )
