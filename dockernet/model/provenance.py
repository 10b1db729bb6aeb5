"""Where a link was learnt."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Provenance"]


class Provenance(StrEnum):
    """A place that tells of a link."""

    LEGACY = "legacy link"
    """``HostConfig.Links`` of the recipient: a link on the default bridge."""
    NETWORK = "network link"
    """The recipient's links on a network of its own."""
    COMPOSE = "compose"
    """``links`` or ``external_links`` of the recipient's Compose file: they are network links."""
    LISTING = "listed name"
    """A second name of the peer in a listing, ``/recipient/alias``."""
    ALIAS = "network alias"
    """An alias of the peer on a network, which everybody there knows it by."""
    HOSTS = "hosts file"
    """A line of the recipient's hosts file."""
    ENVIRON = "variables"
    """Link variables of the recipient."""
