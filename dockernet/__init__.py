"""The address that reaches a container from where you stand, and why.

``dockernet.resolve("db:5432")`` gives the endpoint that works from here, on the host
and inside containers; ``dockernet.explain("db:5432")`` says why.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockernet._watch import Watch
    from dockernet.actions.becoming import become
    from dockernet.actions.hosts_block import HostsBlock
    from dockernet.errors import (
        AmbiguousPeerError,
        CommandError,
        DockernetError,
        EngineTimeoutError,
        EngineUnavailableError,
        FormatError,
        ForwardingError,
        LaunchError,
        NotReadyError,
        PeerNotFoundError,
        SourceError,
        UnreachableError,
    )
    from dockernet.model.bindings import HostBinding
    from dockernet.model.changes import ChangeKind, ContainerChange
    from dockernet.model.conflicts import PortConflict, PortConflictError
    from dockernet.model.containers import Attachment, Container
    from dockernet.model.diagnostics import Diagnostic
    from dockernet.model.endpoint_changes import EndpointChange
    from dockernet.model.endpoints import Endpoint
    from dockernet.model.explanations import Explanation, Peer
    from dockernet.model.facts import EngineProfile, Fact, Freshness, Inventory, Source, Want
    from dockernet.model.hosts_lines import HostsLine
    from dockernet.model.links import Link, LinkKind, LinkReport, LinkVariables, links_environ
    from dockernet.model.live_state import LiveKind, LiveState
    from dockernet.model.networks import Network
    from dockernet.model.portmap import PortMap
    from dockernet.model.ports import Port, PortRange
    from dockernet.model.provenance import Provenance
    from dockernet.model.publications import Exposure, Publication
    from dockernet.model.targets import Target
    from dockernet.model.vantage import Interface, Vantage, VantageKind
    from dockernet.refusals import Reason, Refusal, Route
    from dockernet.resolver import Resolver, endpoints, explain, peers, resolve, whoami
    from dockernet.sources._launching import Launched
    from dockernet.sources.dns import Dns
    from dockernet.sources.engine import Engine
    from dockernet.sources.environ import Environ
    from dockernet.sources.hosts_file import HostsFile
    from dockernet.sources.live import Live
    from dockernet.sources.snapshot import Snapshot
    from dockernet.sources.vantage import host_gateway

__version__ = "0.1.0"

_HOMES = {
    "dockernet._watch": ("Watch",),
    "dockernet.actions.becoming": ("become",),
    "dockernet.actions.hosts_block": ("HostsBlock",),
    "dockernet.model.bindings": ("HostBinding",),
    "dockernet.model.changes": ("ChangeKind", "ContainerChange"),
    "dockernet.errors": (
        "AmbiguousPeerError",
        "CommandError",
        "DockernetError",
        "EngineTimeoutError",
        "EngineUnavailableError",
        "FormatError",
        "ForwardingError",
        "LaunchError",
        "NotReadyError",
        "PeerNotFoundError",
        "SourceError",
        "UnreachableError",
    ),
    "dockernet.model.conflicts": ("PortConflict", "PortConflictError"),
    "dockernet.model.containers": ("Attachment", "Container"),
    "dockernet.model.diagnostics": ("Diagnostic",),
    "dockernet.model.endpoint_changes": ("EndpointChange",),
    "dockernet.model.endpoints": ("Endpoint",),
    "dockernet.model.explanations": ("Explanation", "Peer"),
    "dockernet.model.facts": (
        "EngineProfile",
        "Fact",
        "Freshness",
        "Inventory",
        "Source",
        "Want",
    ),
    "dockernet.model.hosts_lines": ("HostsLine",),
    "dockernet.model.links": (
        "Link",
        "LinkKind",
        "LinkReport",
        "LinkVariables",
        "links_environ",
    ),
    "dockernet.model.live_state": ("LiveKind", "LiveState"),
    "dockernet.model.provenance": ("Provenance",),
    "dockernet.model.networks": ("Network",),
    "dockernet.model.portmap": ("PortMap",),
    "dockernet.model.ports": ("Port", "PortRange"),
    "dockernet.model.publications": ("Exposure", "Publication"),
    "dockernet.model.targets": ("Target",),
    "dockernet.model.vantage": ("Interface", "Vantage", "VantageKind"),
    "dockernet.refusals": ("Reason", "Refusal", "Route"),
    "dockernet.resolver": ("Resolver", "endpoints", "explain", "peers", "resolve", "whoami"),
    "dockernet.sources._launching": ("Launched",),
    "dockernet.sources.dns": ("Dns",),
    "dockernet.sources.engine": ("Engine",),
    "dockernet.sources.environ": ("Environ",),
    "dockernet.sources.hosts_file": ("HostsFile",),
    "dockernet.sources.live": ("Live",),
    "dockernet.sources.snapshot": ("Snapshot",),
    "dockernet.sources.vantage": ("host_gateway",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AmbiguousPeerError",
    "Attachment",
    "ChangeKind",
    "CommandError",
    "Container",
    "ContainerChange",
    "Diagnostic",
    "Dns",
    "DockernetError",
    "Endpoint",
    "EndpointChange",
    "Engine",
    "EngineProfile",
    "EngineTimeoutError",
    "EngineUnavailableError",
    "Environ",
    "Explanation",
    "Exposure",
    "Fact",
    "FormatError",
    "ForwardingError",
    "Freshness",
    "HostBinding",
    "HostsBlock",
    "HostsFile",
    "HostsLine",
    "Interface",
    "Inventory",
    "LaunchError",
    "Launched",
    "Link",
    "LinkKind",
    "LinkReport",
    "LinkVariables",
    "Live",
    "LiveKind",
    "LiveState",
    "Network",
    "NotReadyError",
    "Peer",
    "PeerNotFoundError",
    "Port",
    "PortConflict",
    "PortConflictError",
    "PortMap",
    "PortRange",
    "Provenance",
    "Publication",
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
    "Watch",
    "__version__",
    "become",
    "endpoints",
    "explain",
    "host_gateway",
    "links_environ",
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
