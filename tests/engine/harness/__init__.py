"""A real engine, real containers, and places to ask from.

An *engine* test sets a `Scene` of containers and networks, stands in a `Place`
(the engine's host, one of the containers, elsewhere on the network), lets
dockernet answer there, and dials the answer from that very place: each
container serves its own name on its ports.
"""

from harness.api import ApiError
from harness.engines import RealEngine, UnavailableError
from harness.finding import found_engine
from harness.places import Completed, Place, ProbeError, Reply
from harness.private import private_engine
from harness.scenes import Cast, RealContainer, RealNetwork, Scene

__all__ = [
    "ApiError",
    "Cast",
    "Completed",
    "Place",
    "ProbeError",
    "RealContainer",
    "RealEngine",
    "RealNetwork",
    "Reply",
    "Scene",
    "UnavailableError",
    "found_engine",
    "private_engine",
]
