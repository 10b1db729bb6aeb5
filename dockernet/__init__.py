"""The address that reaches a container from where you stand, and why.

``dockernet.resolve("db:5432")`` gives the endpoint that works from here, on the host
and inside containers; ``dockernet.explain("db:5432")`` says why.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockernet.errors import (
        AmbiguousPeerError,
        DockernetError,
        EngineTimeoutError,
        EngineUnavailableError,
        FormatError,
        PeerNotFoundError,
        SourceError,
        UnreachableError,
    )
    from dockernet.model.bindings import HostBinding
    from dockernet.model.containers import Attachment, Container
    from dockernet.model.diagnostics import Diagnostic
    from dockernet.model.endpoints import Endpoint, Explanation, Peer, Reason, Refusal, Route
    from dockernet.model.facts import EngineProfile, Fact, Freshness, Inventory, Source, Want
    from dockernet.model.links import Link, LinkKind, LinkReport
    from dockernet.model.networks import Network
    from dockernet.model.portmap import PortMap
    from dockernet.model.ports import Port, PortRange
    from dockernet.model.targets import Target
    from dockernet.model.vantage import Interface, Vantage, VantageKind
    from dockernet.resolver import Resolver, endpoints, explain, peers, resolve, whoami
    from dockernet.sources.dns import Dns
    from dockernet.sources.engine import Engine
    from dockernet.sources.environ import Environ
    from dockernet.sources.hosts_file import HostsFile
    from dockernet.sources.snapshot import Snapshot
    from dockernet.sources.vantage import host_gateway

__version__ = "0.1.0"

_HOMES = {
    "dockernet.model.bindings": ("HostBinding",),
    "dockernet.errors": (
        "AmbiguousPeerError",
        "DockernetError",
        "EngineTimeoutError",
        "EngineUnavailableError",
        "FormatError",
        "PeerNotFoundError",
        "SourceError",
        "UnreachableError",
    ),
    "dockernet.model.containers": ("Attachment", "Container"),
    "dockernet.model.diagnostics": ("Diagnostic",),
    "dockernet.model.endpoints": (
        "Endpoint",
        "Explanation",
        "Peer",
        "Reason",
        "Refusal",
        "Route",
    ),
    "dockernet.model.facts": (
        "EngineProfile",
        "Fact",
        "Freshness",
        "Inventory",
        "Source",
        "Want",
    ),
    "dockernet.model.links": ("Link", "LinkKind", "LinkReport"),
    "dockernet.model.networks": ("Network",),
    "dockernet.model.portmap": ("PortMap",),
    "dockernet.model.ports": ("Port", "PortRange"),
    "dockernet.model.targets": ("Target",),
    "dockernet.model.vantage": ("Interface", "Vantage", "VantageKind"),
    "dockernet.resolver": ("Resolver", "endpoints", "explain", "peers", "resolve", "whoami"),
    "dockernet.sources.dns": ("Dns",),
    "dockernet.sources.engine": ("Engine",),
    "dockernet.sources.environ": ("Environ",),
    "dockernet.sources.hosts_file": ("HostsFile",),
    "dockernet.sources.snapshot": ("Snapshot",),
    "dockernet.sources.vantage": ("host_gateway",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AmbiguousPeerError",
    "Attachment",
    "Container",
    "Diagnostic",
    "Dns",
    "DockernetError",
    "Endpoint",
    "Engine",
    "EngineProfile",
    "EngineTimeoutError",
    "EngineUnavailableError",
    "Environ",
    "Explanation",
    "Fact",
    "FormatError",
    "Freshness",
    "HostBinding",
    "HostsFile",
    "Interface",
    "Inventory",
    "Link",
    "LinkKind",
    "LinkReport",
    "Network",
    "Peer",
    "PeerNotFoundError",
    "Port",
    "PortMap",
    "PortRange",
    "Reason",
    "Refusal",
    "Resolver",
    "Route",
    "Snapshot",
    "Source",
    "SourceError",
    "Target",
    "UnreachableError",
    "Vantage",
    "VantageKind",
    "Want",
    "__version__",
    "endpoints",
    "explain",
    "host_gateway",
    "peers",
    "resolve",
    "whoami",
]


def __getattr__(name: str) -> object:
    """Load a public name from its home when it is first used (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'dockernet' has no attribute '{name}'")
    value: object = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
