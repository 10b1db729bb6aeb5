"""The names that dockernet promises: there, lazy, typed, documented, and values."""

from __future__ import annotations

import inspect
import json
import pickle
import re
import socket
import subprocess
import sys
import typing
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from types import ModuleType
from typing import Any

import attrs
import pytest
from attrs.exceptions import FrozenInstanceError

import dockernet
import dockernet.aio
import dockernet.doctor
import dockernet.firewall
import dockernet.forwarding
from dockernet._watching import TellState

WORDS = re.compile(r"\w+")
PROMISED = WORDS.findall("""
    Port HostBinding PortRange PortMap Link Diagnostic Container Attachment Network
    Endpoint Route Reason Refusal Explanation Peer whoami host_gateway Vantage
    Resolver resolve endpoints explain peers Source Want Fact Environ HostsFile Dns Engine Snapshot
    DockernetError FormatError SourceError EngineUnavailableError EngineTimeoutError
    PeerNotFoundError AmbiguousPeerError UnreachableError
    HostsBlock HostsLine CommandError become
    Live LiveState LiveKind ContainerChange ChangeKind EndpointChange Watch
    NotReadyError Launched LaunchError PortConflict PortConflictError ForwardingError
""")
# What the answers of these are made of, and what those take who write sources.
EXTRAS = WORDS.findall("""
    Exposure Publication LinkKind LinkReport LinkVariables Provenance links_environ
    Target VantageKind Interface EngineProfile Inventory Freshness
    __version__
""")
# Of the firewall, and of what is let through it.
FIREWALL = WORDS.findall("""
    Chain Counters Effect Firewall FirewallReport Hook Journey NewDestination NftRuleset Packet
    PlacedRule PublishedRules Rule SavedRules Step Table Verdict
    journey parse_iptables parse_nftables published read render_iptables
""")
FORWARDING = WORDS.findall("""
    ALL_PORTS Action ForwardRule ForwardingError ForwardingPlan ForwardingState ForwardingStatus
    Opening Place Reach applied apply iptables_commands nft_script plan remove restore_text status
""")
DOCTOR = WORDS.findall("""
    ENTRIES Code Entry Evidence Finding Fix Kind Report Severity Theme examine
""")
AWAITED = ["AsyncLive", "AsyncResolver", "endpoints", "explain", "peers", "resolve"]
SYNCHRONOUS = {"AsyncResolver": "Resolver"}


def test_exactly_these_names_are_public() -> None:
    assert sorted(dockernet.__all__) == sorted([*PROMISED, *EXTRAS])
    assert dir(dockernet) == sorted(dockernet.__all__)
    assert dockernet.aio.__all__ == AWAITED
    assert sorted(dockernet.firewall.__all__) == sorted(FIREWALL)
    assert sorted(dockernet.forwarding.__all__) == sorted(FORWARDING)
    assert sorted(dockernet.doctor.__all__) == sorted(DOCTOR)


@pytest.mark.parametrize("name", [*PROMISED, *EXTRAS])
def test_every_public_name_is_there_and_stays_the_same(name: str) -> None:
    assert getattr(dockernet, name) is getattr(dockernet, name)
    if name not in ("__version__", "PeerNotFoundError"):
        assert getattr(dockernet, name).__name__ == name


def test_no_other_name_is_there() -> None:
    with pytest.raises(AttributeError, match="module 'dockernet' has no attribute 'resolver_'"):
        _ = dockernet.resolver_


# Laziness, in a process of its own.


HEAVY = ("docker", "requests", "dns", "asyncio", "click", "rich", "socket", "difflib")


def loaded_by(code: str) -> set[str]:
    """The modules that an interpreter has after running the code, and had not before."""
    script = f"import sys, json; had = set(sys.modules)\n{code}\nprint(json.dumps([*{{*sys.modules}} - had]))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    found: list[str] = json.loads(done.stdout)
    return set(found)


@pytest.mark.parametrize(
    "code, light",
    [
        ("import dockernet", ["attrs", "ipaddress", *HEAVY]),
        ("import dockernet; dir(dockernet)", ["attrs", "ipaddress", *HEAVY]),
        ("from dockernet import Port", ["dockernet.resolver", *HEAVY]),
        ("from dockernet import Resolver", ["dockernet.sources", *HEAVY]),
        (
            "import dockernet as d; d.Resolver([d.Environ({})], vantage=d.Vantage()).peers()",
            ["docker", "requests", "dns", "asyncio", "click", "rich"],
        ),
        ("from dockernet import Engine; Engine()", ["docker", "dns", "asyncio", "click", "rich"]),
        ("from dockernet import *", ["docker", "dns", "asyncio", "click", "rich"]),
        ("import dockernet.aio", ["docker", "dns", "click", "rich"]),
        ("import dockernet.firewall", ["docker", "dns", "asyncio", "click", "rich"]),
        ("import dockernet.forwarding", ["docker", "dns", "asyncio", "click", "rich"]),
        ("import dockernet.doctor", ["docker", "dns", "asyncio", "click", "rich"]),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_used(code: str, light: list[str]) -> None:
    found = loaded_by(code)
    assert "dockernet" in found
    assert found.isdisjoint(light), found.intersection(light)


# Types and words.


def public() -> Iterator[tuple[str, Any]]:
    homes = (dockernet, dockernet.aio, dockernet.doctor, dockernet.firewall, dockernet.forwarding)
    for home in homes:
        for name in home.__all__:
            value = getattr(home, name)
            if callable(value):
                yield f"{home.__name__}.{name}", value


def members(owner: Any) -> Iterator[tuple[str, Any]]:
    """The functions of the package that a class has under public names."""
    for name in dir(owner):
        found = inspect.getattr_static(owner, name)
        function = getattr(found, "__func__", getattr(found, "fget", found))
        if inspect.isfunction(function) and function.__module__.startswith("dockernet"):
            yield name, function


PUBLIC = dict(public())
METHODS = {
    f"{path}.{name}": method
    for path, owner in PUBLIC.items()
    if inspect.isclass(owner)
    for name, method in members(owner)
    if not name.startswith("_")
}


@pytest.mark.parametrize("path", PUBLIC)
def test_every_public_callable_is_documented_and_its_hints_resolve(path: str) -> None:
    assert inspect.getdoc(PUBLIC[path])
    typing.get_type_hints(PUBLIC[path])
    typing.get_type_hints(PUBLIC[path].__init__)  # what a function inherits has none


# What a resolver's methods name, and what is imported when they are called.
LATER: dict[str, Any] = {
    "EndpointChange": dockernet.EndpointChange,
    "TellState": TellState,
    "Watch": dockernet.Watch,
    "socket": socket,
}


@pytest.mark.parametrize("path", METHODS)
def test_every_public_method_is_documented_and_typed(path: str) -> None:
    method = METHODS[path]
    assert method.__doc__
    hints = typing.get_type_hints(method, localns=LATER)
    parameters = [n for n in inspect.signature(method).parameters if n not in ("self", "cls")]
    assert {"return", *parameters} <= hints.keys()


@pytest.mark.parametrize("name", [name for name in AWAITED if name != "AsyncLive"])
def test_the_awaited_names_have_the_signatures_of_the_blocking_ones(name: str) -> None:
    awaited = getattr(dockernet.aio, name)
    blocking = getattr(dockernet, SYNCHRONOUS.get(name, name))
    assert inspect.signature(awaited).parameters == inspect.signature(blocking).parameters
    if name == "AsyncResolver":
        ours = {n: m for n, m in members(awaited) if not n.startswith("_")}
        theirs = {n: m for n, m in members(blocking) if not n.startswith("_")}
        assert ours.keys() - {"aclose"} == theirs.keys() - {"close"}
        for method in ours.keys() & theirs.keys():
            assert inspect.iscoroutinefunction(ours[method]) == (method != "watch")
            mine, other = map(inspect.signature, (ours[method], theirs[method]))
            assert mine.parameters == other.parameters


def test_the_awaited_view_reads_as_the_blocking_one_does() -> None:
    """It waits for its beginning, its end and changes; what it knows is at hand."""
    ours = {n: m for n, m in members(dockernet.aio.AsyncLive) if not n.startswith("_")}
    theirs = dict(members(dockernet.Live))
    assert ours.keys() - {"aclose"} <= theirs.keys()
    for name in ours.keys() - {"aclose"}:
        assert (
            inspect.signature(ours[name]).parameters == inspect.signature(theirs[name]).parameters
        )
    awaited = {n for n, m in ours.items() if inspect.iscoroutinefunction(m)}
    assert awaited == {"aclose", "aread", "wait_change"}
    begun = inspect.signature(dockernet.aio.AsyncLive).parameters.values()
    settings = inspect.signature(dockernet.Engine.live).parameters.values()
    assert [*begun][1:] == [*settings][1:]


# Values.

PORT = dockernet.Port(80)
ADDRESS = ip_address("10.7.0.2")
SECRET = {"TOKEN": "s3cret", "PATH": "/s3cret"}
LINK = dockernet.Link("db", "me", "db", (ADDRESS,), (PORT,), SECRET)
PLACE = dockernet.Attachment(network="app", addresses=(ADDRESS,))
TARGET = dockernet.Target("db", PORT)
VANTAGE = dockernet.Vantage(networks=(PLACE,))
ENDPOINT = dockernet.Endpoint(ADDRESS, 80, container_port=PORT)
REFUSAL = dockernet.Refusal(dockernet.Route.LINK, dockernet.Reason.STALE, "gone", "make it anew")
GONE = dockernet.UnreachableError("db", (REFUSAL,))
ODD = dockernet.Diagnostic("environ", "DB_PORT", "not a URL")
CONFLICT = dockernet.PortConflict(
    port=PORT, binding=dockernet.HostBinding(None, 80), host_port=80, container="web"
)
CONTAINER = dockernet.Container(id="c" * 64, networks=(PLACE,), links=(LINK,))
NETWORK = dockernet.Network(id="n", name="app")
PROFILE = dockernet.EngineProfile(version="28.5.2")
PUBLICATION = dockernet.Publication(CONTAINER, PORT, dockernet.HostBinding(None, 8080))
PACKET = dockernet.firewall.Packet(destination=ADDRESS, port=80)
FIREWALL_VALUE = dockernet.firewall.Firewall(unread=("nftables",))
JOURNEY = dockernet.firewall.journey(FIREWALL_VALUE, PACKET)
RULE = dockernet.firewall.Rule(text="-j DROP", effect=dockernet.firewall.Effect.DROP)
PLACED = dockernet.firewall.PlacedRule(
    table="filter", family="ip", backend="iptables-nft", chain="INPUT", position=1, rule=RULE
)
FORWARD_RULE = dockernet.forwarding.ForwardRule(
    family=4,
    place=dockernet.forwarding.Place.INPUT,
    in_interface="docker0",
    opening=dockernet.forwarding.Opening("tcp", 80, 80),
)
EVIDENCE = dockernet.doctor.Evidence(dockernet.doctor.Kind.ENGINE, "db", "State.Status paused")
FIX = dockernet.doctor.Fix((("docker", "unpause", "db"),))
FINDING = dockernet.doctor.Finding(
    code=dockernet.doctor.Code.PAUSED,
    subject="db",
    observed="db is paused",
    evidence=(EVIDENCE,),
    fix=FIX,
)
VALUES: list[Any] = [
    PORT,
    dockernet.PortRange(80, 81),
    dockernet.HostBinding(ADDRESS, 80),
    dockernet.PortMap({PORT: [dockernet.HostBinding(None, 0)]}),
    LINK,
    dockernet.HostsLine(ADDRESS, ("db", "postgres")),
    CONFLICT,
    dockernet.LinkReport((LINK,), (ODD,)),
    dockernet.LinkVariables(dockernet.links_environ([LINK], secrets=True).variables, (ODD,)),
    ODD,
    CONTAINER,
    PLACE,
    NETWORK,
    ENDPOINT,
    REFUSAL,
    dockernet.Peer("db", None, (ADDRESS,)),
    dockernet.Explanation(target="db", vantage=VANTAGE, endpoints=(ENDPOINT,), refusals=(REFUSAL,)),
    TARGET,
    VANTAGE,
    dockernet.Interface(name="eth0", addresses=(ADDRESS,)),
    dockernet.Want(TARGET, VANTAGE),
    dockernet.Fact(source="told", names=("db",), addresses=(ADDRESS,)),
    PROFILE,
    dockernet.Inventory(
        source="engine", engine=PROFILE, containers=(CONTAINER,), networks=(NETWORK,)
    ),
    PUBLICATION,
    dockernet.ContainerChange(None, CONTAINER),
    dockernet.EndpointChange("db", (ENDPOINT,), (), (dockernet.ChangeKind.STOPPED,), GONE),
    dockernet.LiveState(dockernet.LiveKind.STALE, datetime(2026, 1, 2, tzinfo=UTC), "deaf"),
    PACKET,
    RULE,
    PLACED,
    dockernet.firewall.Chain(name="INPUT", hook=dockernet.firewall.Hook.INPUT, rules=(RULE,)),
    dockernet.firewall.Table(family="ip", name="filter"),
    FIREWALL_VALUE,
    dockernet.firewall.Counters(1, 2),
    dockernet.firewall.NewDestination(ADDRESS, 80),
    dockernet.firewall.Step(dockernet.firewall.Hook.INPUT, PLACED),
    JOURNEY,
    dockernet.firewall.SavedRules(("COMMIT",)),
    dockernet.firewall.NftRuleset(),
    dockernet.firewall.PublishedRules(publication=PUBLICATION, family=4, journey=JOURNEY),
    dockernet.firewall.FirewallReport(stale=(PLACED,)),
    dockernet.forwarding.Opening("tcp", 80, 81),
    FORWARD_RULE,
    dockernet.forwarding.ForwardingPlan(source="a", to="b", rules=(FORWARD_RULE,)),
    dockernet.forwarding.ForwardingStatus(state=dockernet.forwarding.ForwardingState.APPLIED),
    EVIDENCE,
    FIX,
    FINDING,
    FINDING.entry,
    dockernet.doctor.Report(target="db", findings=(FINDING,)),
]
KINDS = [type(value).__name__ for value in VALUES]


def test_every_public_value_is_among_these() -> None:
    homes = (dockernet, dockernet.doctor, dockernet.firewall, dockernet.forwarding)
    found = {name for home in homes for name in home.__all__ if attrs.has(type_of(home, name))}
    assert found | {"PortMap"} == set(KINDS)


def type_of(home: ModuleType, name: str) -> Any:
    found = getattr(home, name)
    return found if inspect.isclass(found) else object


@pytest.mark.parametrize("value", VALUES, ids=KINDS)
def test_a_value_is_frozen_slotted_hashable_and_picklable(value: Any) -> None:
    again = pickle.loads(pickle.dumps(value))  # noqa: S301 - our own
    assert (again, hash(again), repr(again)) == (value, hash(value), repr(value))
    assert value != object()
    assert not hasattr(value, "__dict__")
    first = attrs.fields(type(value))[0].name if attrs.has(type(value)) else "_items"
    with pytest.raises((FrozenInstanceError, AttributeError)):
        setattr(value, first, None)
    with pytest.raises((FrozenInstanceError, AttributeError)):
        value.brand_new = None


@pytest.mark.parametrize("value", VALUES, ids=KINDS)
@pytest.mark.parametrize("show", [repr, str, "{:}".format], ids=["repr", "str", "format"])
def test_no_value_shows_what_a_link_s_environment_holds(value: Any, show: Any) -> None:
    assert "s3cret" not in show(value)


ERRORS: list[Exception] = [
    dockernet.DockernetError("x"),
    dockernet.FormatError("80/ftp", "expected a port", 3),
    dockernet.SourceError("engine", "deaf"),
    dockernet.EngineUnavailableError("engine", "deaf"),
    dockernet.EngineTimeoutError("engine", "slow"),
    dockernet.PeerNotFoundError("db", ("engine",), ("dbs",)),
    dockernet.AmbiguousPeerError("db", ("a", "b")),
    dockernet.UnreachableError("db", (REFUSAL,)),
    dockernet.CommandError("true", "gone", 127),
    dockernet.LaunchError("web", "no such image"),
    dockernet.ForwardingError("a to b", "it is internal"),
    dockernet.NotReadyError("db", 30.0, ((0.0, "refused"),)),
    dockernet.PortConflictError("web", (CONFLICT,)),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_with_all_that_it_tells(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
    assert "\n" not in str(error)


def test_the_errors_are_of_the_promised_kinds() -> None:
    """So that code which knows only Python's own errors catches them."""
    kinds = {type(e).__name__: type(e) for e in ERRORS}
    assert all(issubclass(kind, dockernet.DockernetError) for kind in kinds.values())
    promised: dict[str, type] = {
        "FormatError": ValueError,
        "EngineUnavailableError": ConnectionError,
        "EngineTimeoutError": TimeoutError,
        "PeerNotFoundError": LookupError,
        "AmbiguousPeerError": dockernet.PeerNotFoundError,
        "UnreachableError": ConnectionError,
        "CommandError": OSError,
        "NotReadyError": TimeoutError,
    }
    assert all(issubclass(kinds[name], kind) for name, kind in promised.items())
    assert issubclass(dockernet.EngineUnavailableError, dockernet.SourceError)
    assert issubclass(dockernet.EngineTimeoutError, dockernet.SourceError)
