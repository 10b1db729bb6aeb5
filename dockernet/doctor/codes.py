"""The table of what can be found: for each code what it means, what follows, what mends it.

The pages "When it does not connect" are written from it. A new finding is a row here,
and a check that gives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from attrs import frozen

__all__ = ["ENTRIES", "Code", "Entry", "Severity", "Theme"]

_FOLDER: Final = "docs/when-it-does-not-connect"


class Severity(StrEnum):
    """How bad a finding is; the worst first."""

    FAULT = "fault"
    """Something does not connect, or will not."""
    WARNING = "warning"
    """Something connects, or may; and something else about it is wrong."""
    NOTICE = "notice"
    """It connects; and something about it is worth knowing."""
    NOT_EXAMINED = "not examined"
    """Nothing is known: it could not be looked at."""


class Theme(StrEnum):
    """What a finding is about."""

    ENGINE = "The engine"
    WAY = "The way to a peer"
    PEER = "The peer"
    KERNEL = "The kernel of the engine's host"
    FIREWALL = "The firewall of the engine's host"
    NAMES = "Names"
    OUTSIDE = "The outside world"
    EXAMINATION = "The examination itself"


class Code(StrEnum):
    """What is found; stable codes. Each reason of a refusal is one, too."""

    ENGINE_UNREACHABLE = "engine-unreachable"
    ENGINE_FORBIDDEN = "engine-forbidden"
    ENGINE_LATE = "engine-late"
    API_UNTRIED = "api-untried"
    SWARM_TROUBLE = "swarm-trouble"

    NOT_RUNNING = "not-running"
    PAUSED = "paused"
    NO_NETWORK = "no-network"
    PORT_UNKNOWN = "port-unknown"
    ICC_DISABLED = "icc-disabled"
    NOT_EXPOSED = "not-exposed"
    NO_SHARED_NETWORK = "no-shared-network"
    NOT_PUBLISHED = "not-published"
    PUBLISHED_ON_LOOPBACK = "published-on-loopback"
    DRIVER_NOT_ROUTED = "driver-not-routed"
    ADDRESS_BEHIND_VM = "address-behind-vm"
    HOST_ADDRESS_UNKNOWN = "host-address-unknown"
    NO_ADDRESS = "no-address"
    NOT_ANSWERING = "not-answering"
    STALE = "stale"
    UNKNOWN_PEER = "unknown-peer"
    AMBIGUOUS_PEER = "ambiguous-peer"
    REFUSED = "refused"
    CLOSED_AT_ONCE = "closed-at-once"
    TIMED_OUT = "timed-out"
    NO_ROUTE_TO_HOST = "no-route-to-host"
    NETWORK_UNREACHABLE = "network-unreachable"
    NAME_NOT_FOUND = "name-not-found"
    DIAL_FAILED = "dial-failed"
    ONE_FAMILY_ANSWERS = "one-family-answers"
    ANOTHER_WAY_CLOSED = "another-way-closed"

    NOTHING_LISTENS = "nothing-listens"
    LISTENS_ON_ANOTHER_PORT = "listens-on-another-port"
    LISTENS_ON_LOOPBACK = "listens-on-loopback"
    UNHEALTHY = "unhealthy"
    RESTARTING = "restarting"
    HOST_PORT_HELD = "host-port-held"

    IPV4_FORWARDING_OFF = "ipv4-forwarding-off"
    IPV6_FORWARDING_OFF = "ipv6-forwarding-off"
    BRIDGE_NOT_FILTERED = "bridge-not-filtered"
    OVERLAPPING_SUBNETS = "overlapping-subnets"

    DROPPED_BY_RULE = "dropped-by-rule"
    REJECTED_BY_RULE = "rejected-by-rule"
    HOST_REJECTS_CONTAINERS = "host-rejects-containers"
    BLOCKED_BY_POLICY = "blocked-by-policy"
    MISSING_RULE = "missing-rule"
    STALE_RULE = "stale-rule"

    NO_NAMES_HERE = "no-names-here"
    ALIAS_IN_ANOTHER_NETWORK = "alias-in-another-network"
    EMBEDDED_DNS_SILENT = "embedded-dns-silent"
    UPSTREAM_DNS_DEAD = "upstream-dns-dead"
    STALE_LINK_VARIABLES = "stale-link-variables"
    STALE_HOSTS_LINE = "stale-hosts-line"
    DOUBLED_HOSTS_LINES = "doubled-hosts-lines"

    NO_DEFAULT_ROUTE = "no-default-route"
    INTERNAL_NETWORK = "internal-network"
    NO_MASQUERADE = "no-masquerade"

    NOT_PERMITTED = "not-permitted"
    NOT_EXAMINED = "not-examined"


@frozen
class Entry:
    """A row of the table.

    Attributes:
        theme: What it is about.
        severity: How bad it is.
        title: What is the matter, as a heading.
        follows: What follows from it.
        found: By what it is found.
        mend: What mends it, in general; a finding has the fix for its own case.
        page: The page about it.
    """

    theme: Theme
    severity: Severity
    title: str
    follows: str
    found: str
    mend: str
    page: str = ""


_F, _W = Severity.FAULT, Severity.WARNING
_I, _N = Severity.NOTICE, Severity.NOT_EXAMINED
_REFUSAL: Final = "The table of routes has no way from where you stand to the peer's port."
_DIALLED: Final = "The endpoint was dialled from where you stand"
_SOCKETS: Final = (
    "The kernel's tables of sockets in the peer's network namespace, `/proc/PID/net/tcp` and its "
    "like. Only root on the engine's host can read them."
)
_RULES: Final = (
    "The packet that a caller would send is followed through every rule of the host's firewall, "
    "as `iptables-save` and `nft` tell them. That needs root on the engine's host."
)

_ROWS: Final[Mapping[Code, tuple[Theme, Severity, str, str, str, str]]] = {
    Code.ENGINE_UNREACHABLE: (
        Theme.ENGINE,
        _F,
        "No engine answers",
        "nothing is known of containers and networks, and nobody can start any",
        "The engine's socket or address takes no connection, or what answers there is no engine.",
        "Start the engine, or say which one is meant: `DOCKER_HOST`, a context, `--host`.",
    ),
    Code.ENGINE_FORBIDDEN: (
        Theme.ENGINE,
        _F,
        "The engine lets this user not in",
        "nothing is known of containers and networks",
        "The engine's socket is there, and the kernel denies this user to open it.",
        "Join the group `docker` and log in anew, or be root.",
    ),
    Code.ENGINE_LATE: (
        Theme.ENGINE,
        _F,
        "The engine takes a question and does not answer in time",
        "nothing is known of containers and networks",
        "A question was sent, and the time of `--timeout` has passed.",
        "Look into the engine's log; wait longer with `--timeout`; restart the engine.",
    ),
    Code.API_UNTRIED: (
        Theme.ENGINE,
        _W,
        "The engine speaks no API version that was tried here",
        "its replies may mean something else than is read out of them",
        "The oldest API version that the engine speaks is newer than the newest one known here.",
        "Update dockernet.",
    ),
    Code.SWARM_TROUBLE: (
        Theme.ENGINE,
        _W,
        "The engine is in a swarm that does not work",
        "services and overlay networks do not work on this node",
        "The engine says that the swarm is locked, or in error.",
        "`docker swarm unlock`, or leave the swarm with `docker swarm leave`.",
    ),
    Code.NOT_RUNNING: (
        Theme.WAY,
        _F,
        "The peer does not run",
        "nobody can dial it: a stopped container has no address",
        "The engine says that it is created, exited or dead.",
        "Start it.",
    ),
    Code.PAUSED: (
        Theme.WAY,
        _F,
        "The peer is paused",
        "it keeps its ports, accepts nothing and answers nothing",
        "The engine says so.",
        "Unpause it.",
    ),
    Code.NO_NETWORK: (
        Theme.WAY,
        _F,
        "The peer is on no network",
        "it has no address that anybody could dial",
        "It was made with `--network none`, or uses the network of a container that is gone.",
        "Connect it to a network.",
    ),
    Code.PORT_UNKNOWN: (
        Theme.WAY,
        _F,
        "Nothing tells which port is meant",
        "there is an address, and no port to dial there",
        "The target has no port, and no source tells one of the peer.",
        "Say the port: `db:5432`.",
    ),
    Code.ICC_DISABLED: (
        Theme.WAY,
        _F,
        "The network keeps its containers apart",
        "what one of them sends to another is dropped, so a dial times out",
        "You share a network, and its option `enable_icc` is false.",
        "Connect both to another network, or publish the port.",
    ),
    Code.NOT_EXPOSED: (
        Theme.WAY,
        _F,
        "The link opens other ports than this one",
        "on a network that keeps its containers apart, a link opens exposed ports alone",
        "A legacy link leads to the peer, and the port is none of its exposed ones.",
        "Make the peer with `--expose`, or connect both to another network.",
    ),
    Code.NO_SHARED_NETWORK: (
        Theme.WAY,
        _F,
        "Caller and peer share no network",
        "engines drop what one bridge sends to another",
        _REFUSAL,
        "Connect both to one network, or publish the port.",
    ),
    Code.NOT_PUBLISHED: (
        Theme.WAY,
        _F,
        "The port is not published",
        "from here only published ports of the engine's host are reached",
        _REFUSAL,
        "Publish it: `docker run -p`.",
    ),
    Code.PUBLISHED_ON_LOOPBACK: (
        Theme.WAY,
        _F,
        "The port is published on loopback",
        "only the engine's host itself can dial it; all others are refused",
        "The host binding has a loopback address.",
        "Connect the caller to a network of the peer's, or publish it on another address.",
    ),
    Code.DRIVER_NOT_ROUTED: (
        Theme.WAY,
        _F,
        "The host is no part of the peer's network",
        "the host has no address on macvlan, ipvlan and overlay networks, and no route there",
        "The peer is on such networks alone.",
        "Connect it to a bridge network as well.",
    ),
    Code.ADDRESS_BEHIND_VM: (
        Theme.WAY,
        _F,
        "The engine's networks are not on this machine",
        "the peer's address means nothing here: a virtual machine or a namespace is between",
        "The engine is Docker Desktop, or runs without root, and the port is not published.",
        "Publish it: `docker run -p`.",
    ),
    Code.HOST_ADDRESS_UNKNOWN: (
        Theme.WAY,
        _F,
        "Nothing tells the host's address",
        "the service is on the host, and there is nothing to dial",
        "You are on no bridge network, or the engine was reached by a socket that names no host.",
        "Connect the caller to a bridge network, or set `DOCKER_HOST` to a name.",
    ),
    Code.NO_ADDRESS: (
        Theme.WAY,
        _F,
        "The name is known, and no address for it",
        "there is nothing to dial",
        "A source knows the peer without an address, or without one of the family asked for.",
        "Expose a port of the peer, or give the caller access to an engine.",
    ),
    Code.NOT_ANSWERING: (
        Theme.WAY,
        _F,
        "Nobody answers at the endpoint",
        "what was resolved is right, and nothing listens there yet",
        (
            "It is the reason that `connect` and `wait` give: every endpoint was dialled, and none "
            "keeps a connection. `dockernet doctor` tells each outcome by a code of its own."
        ),
        "Start what listens there, or wait for it.",
    ),
    Code.STALE: (
        Theme.WAY,
        _F,
        "What is known of the peer is old",
        "the address belongs to nobody now, or to somebody else",
        "A variable, a hosts line or a link leads to a container that is gone or has moved.",
        "Start the peer, and make the caller anew.",
    ),
    Code.UNKNOWN_PEER: (
        Theme.WAY,
        _F,
        "No source knows the peer",
        "there is no container, service or alias of that name as seen from here",
        "Every source was heard.",
        "Look for a mistake in the name: `dockernet peers` tells those that there are.",
    ),
    Code.AMBIGUOUS_PEER: (
        Theme.WAY,
        _F,
        "Several peers answer to the name",
        "whichever were dialled, it could be the wrong one",
        "Two or more containers answer to it equally well.",
        "Say which one is meant, by its own name or as `project/service`.",
    ),
    Code.REFUSED: (
        Theme.WAY,
        _F,
        "The connection is refused",
        "the address is right and somebody is there, but nothing listens at the port",
        f"{_DIALLED}, and a reset came back (`ECONNREFUSED`).",
        "Start the application, or make it listen on every address of its container.",
    ),
    Code.CLOSED_AT_ONCE: (
        Theme.WAY,
        _F,
        "The connection is closed at once",
        "somebody accepts for the peer, as docker-proxy does, and finds nobody behind",
        f"{_DIALLED}; it was accepted, and closed within a tenth of a second without a word.",
        "Start the application, or make it listen on every address of its container.",
    ),
    Code.TIMED_OUT: (
        Theme.WAY,
        _F,
        "The dial times out",
        "packets vanish on the way: a firewall drops them, or nobody forwards them",
        f"{_DIALLED}, and nothing came back.",
        "Look at the causes that are named; without any, at firewalls between the machines.",
    ),
    Code.NO_ROUTE_TO_HOST: (
        Theme.WAY,
        _F,
        "No route to host",
        "somebody on the way rejects the packets, or the address belongs to nobody",
        (
            f"{_DIALLED}, and the kernel says `EHOSTUNREACH`. Firewalls that reject say so with "
            "`icmp-host-prohibited`."
        ),
        "Look at the causes that are named; without any, whether the peer still has the address.",
    ),
    Code.NETWORK_UNREACHABLE: (
        Theme.WAY,
        _F,
        "The network is unreachable",
        "the caller has no route there, so that no packet is ever sent",
        f"{_DIALLED}, and the kernel says `ENETUNREACH`.",
        "Give the caller a network that leads there.",
    ),
    Code.NAME_NOT_FOUND: (
        Theme.WAY,
        _F,
        "The name is not found",
        "there is no address to dial",
        "The name servers of the caller were asked, and say that there is no such name.",
        "Look for a mistake in the name, or ask another name server.",
    ),
    Code.DIAL_FAILED: (
        Theme.WAY,
        _F,
        "The dial fails",
        "no connection comes about",
        f"{_DIALLED}, and the kernel says something that is none of the usual.",
        "The evidence has the kernel's word.",
    ),
    Code.ONE_FAMILY_ANSWERS: (
        Theme.WAY,
        _W,
        "IPv4 answers and IPv6 does not, or the other way round",
        "a caller that prefers the other family waits, or fails",
        "The endpoints of both families were dialled.",
        "Make the application listen on `::`, or dial the family that answers.",
    ),
    Code.ANOTHER_WAY_CLOSED: (
        Theme.WAY,
        _I,
        "Another way to the peer is closed",
        "the best endpoint answers, and whoever dials this one is not let through",
        "Every endpoint was dialled; of one peer and family a better one answers.",
        "Dial the better one, as `dockernet resolve` tells it; or open the other, too.",
    ),
    Code.NOTHING_LISTENS: (
        Theme.PEER,
        _F,
        "Nothing listens in the peer",
        "whoever dials it is refused",
        _SOCKETS,
        "Start the application, and look why it does not run: `docker logs`.",
    ),
    Code.LISTENS_ON_ANOTHER_PORT: (
        Theme.PEER,
        _F,
        "The application listens on another port",
        "whoever dials this port is refused",
        _SOCKETS,
        "Dial and publish the port that the application has, or set it in the application.",
    ),
    Code.LISTENS_ON_LOOPBACK: (
        Theme.PEER,
        _F,
        "The application listens on loopback alone",
        "only programs inside of its own container reach it; all others are refused",
        _SOCKETS,
        "Set the application to listen on `0.0.0.0` or `::`.",
    ),
    Code.UNHEALTHY: (
        Theme.PEER,
        _W,
        "The peer is unhealthy",
        "its own health check fails: it may answer, and not do its work",
        "The engine says so.",
        "See what the check says: `docker inspect` has it under `State.Health`.",
    ),
    Code.RESTARTING: (
        Theme.PEER,
        _F,
        "The peer ends and is started again and again",
        "it is there for moments, and its address may change each time",
        "The engine says that it is restarting.",
        "See why it ends: `docker logs`.",
    ),
    Code.HOST_PORT_HELD: (
        Theme.PEER,
        _F,
        "Somebody else has the host port",
        "the container cannot start with its published port, and who dials the port meets another",
        (
            "The container was made with that host port, and the engine or the host's table of "
            "sockets tells who holds it."
        ),
        "Stop the holder, or publish another host port.",
    ),
    Code.IPV4_FORWARDING_OFF: (
        Theme.KERNEL,
        _F,
        "The host forwards no IPv4 packets",
        "containers reach nothing beyond their own network, and nobody outside reaches them",
        "`/proc/sys/net/ipv4/ip_forward` is 0, or the engine says so.",
        "`sysctl -w net.ipv4.ip_forward=1`, and in `/etc/sysctl.d` so that it stays.",
    ),
    Code.IPV6_FORWARDING_OFF: (
        Theme.KERNEL,
        _F,
        "The host forwards no IPv6 packets",
        "containers with IPv6 reach nothing beyond their own network by it",
        "`/proc/sys/net/ipv6/conf/all/forwarding` is 0, and a network has an IPv6 subnet.",
        "`sysctl -w net.ipv6.conf.all.forwarding=1`, and in `/etc/sysctl.d` so that it stays.",
    ),
    Code.BRIDGE_NOT_FILTERED: (
        Theme.KERNEL,
        _W,
        "What crosses a bridge meets no firewall",
        "a network that is to keep its containers apart does not: they reach each other",
        "`/proc/sys/net/bridge/bridge-nf-call-iptables` is 0, and a network has `enable_icc` off.",
        "`sysctl -w net.bridge.bridge-nf-call-iptables=1`.",
    ),
    Code.OVERLAPPING_SUBNETS: (
        Theme.KERNEL,
        _W,
        "A route of the host overlaps with a network of the engine",
        "packets for addresses in both take one way or the other, whoever was meant",
        "The host's routing table has a route into the network's subnet, by another interface.",
        "Take the route away, or make the network with another `--subnet`.",
    ),
    Code.DROPPED_BY_RULE: (
        Theme.FIREWALL,
        _F,
        "A rule drops the packets",
        "who dials it waits until the time is over",
        _RULES,
        "Take the rule away, or accept these packets before it: `dockernet forward`.",
    ),
    Code.REJECTED_BY_RULE: (
        Theme.FIREWALL,
        _F,
        "A rule rejects the packets",
        "who dials it is told at once that there is no way, or is refused",
        _RULES,
        "Take the rule away, or accept these packets before it: `dockernet forward`.",
    ),
    Code.HOST_REJECTS_CONTAINERS: (
        Theme.FIREWALL,
        _F,
        "The host lets containers not in",
        'from a container, ports of the host are out of reach: "No route to host", or a time-out',
        f"{_RULES} Here it is a rule of `INPUT`.",
        "Let the network in, for this port alone: `dockernet forward apply NETWORK host`.",
    ),
    Code.BLOCKED_BY_POLICY: (
        Theme.FIREWALL,
        _F,
        "No rule accepts the packets, and the chain drops what none accepts",
        "who dials it waits until the time is over",
        f"{_RULES} No rule decides, and the chain's policy does.",
        "The engine's own rules may be gone: restart the engine, which writes them anew.",
    ),
    Code.MISSING_RULE: (
        Theme.FIREWALL,
        _F,
        "A rule of a published port is missing",
        "from other machines the port leads nowhere, or by a userland proxy alone",
        (
            "The rules that an engine makes for a published port are looked for, as `dockernet "
            "firewall` shows them."
        ),
        "Restart the container: the engine writes its rules anew.",
    ),
    Code.STALE_RULE: (
        Theme.FIREWALL,
        _W,
        "A rule leads to a container that is not there",
        "who dials the port may be sent to an address of nobody, or of another container",
        "A rule in a chain of the engine's is for no port that a container publishes.",
        "Delete the rule.",
    ),
    Code.NO_NAMES_HERE: (
        Theme.NAMES,
        _I,
        "Containers have no names here",
        "applications that dial the peer by its name do not find it; its address does work",
        (
            "Caller and peer share the default bridge alone, where an engine serves no names, and no "
            "hosts line has the name."
        ),
        "Connect both to a user-defined network.",
    ),
    Code.ALIAS_IN_ANOTHER_NETWORK: (
        Theme.NAMES,
        _F,
        "The name is known in another network",
        "names and aliases hold on their own network; here nobody knows it",
        "A container has the alias on a network that the caller is not on.",
        "Connect the caller to that network.",
    ),
    Code.EMBEDDED_DNS_SILENT: (
        Theme.NAMES,
        _F,
        "The embedded DNS does not answer",
        "no name is found here, neither of containers nor of anything else",
        "It was asked for the container's own name, which it always knows.",
        "Its rules in the container's namespace may be gone: restart the container.",
    ),
    Code.UPSTREAM_DNS_DEAD: (
        Theme.NAMES,
        _F,
        "Name servers do not answer for names of the outside",
        "containers may be found by name, and nothing else",
        "The name that you gave was asked for, and no server answers, or it says that it cannot.",
        "Give the container or the engine a server that answers: `--dns`, or `dns` in daemon.json.",
    ),
    Code.STALE_LINK_VARIABLES: (
        Theme.NAMES,
        _W,
        "Link variables are old",
        "a program that reads them dials an address of nobody, or of another container",
        (
            "The variables are compared with what the engine says now. They are set at the start of "
            "a container and never change."
        ),
        "Restart the container that was given the link.",
    ),
    Code.STALE_HOSTS_LINE: (
        Theme.NAMES,
        _W,
        "A line of the hosts file is old",
        "the name leads to an address that its container no longer has",
        "The lines of `/etc/hosts` are compared with what the engine says now.",
        "Take the line out, or make the container without that `--add-host`.",
    ),
    Code.DOUBLED_HOSTS_LINES: (
        Theme.NAMES,
        _W,
        "Two lines of the hosts file have one name",
        "the first line counts, and the other is never read",
        "`/etc/hosts` has the name at two addresses of one family.",
        "Take one of the lines out.",
    ),
    Code.NO_DEFAULT_ROUTE: (
        Theme.OUTSIDE,
        _F,
        "There is no default route",
        "nothing beyond the own networks can be reached",
        "The routing table of the place has none for the address family.",
        "Give the place a network that leads out.",
    ),
    Code.INTERNAL_NETWORK: (
        Theme.OUTSIDE,
        _F,
        "The caller is on internal networks alone",
        "an internal network has no way out: the engine drops what leaves it",
        "The engine says that all of its networks are internal.",
        "Connect it to a network that is not.",
    ),
    Code.NO_MASQUERADE: (
        Theme.OUTSIDE,
        _F,
        "What leaves the network keeps its own address",
        "packets go out, and the answers never find back to a private address",
        "No rule of the host's table `nat` masquerades the network's subnet.",
        "Let the network out with `dockernet forward apply NETWORK outside`.",
    ),
    Code.NOT_PERMITTED: (
        Theme.EXAMINATION,
        _N,
        "Something may be examined by root alone",
        "what is wrong there is not known",
        "It was tried, and the kernel or a program denied it.",
        "Run the doctor as root on the engine's host.",
    ),
    Code.NOT_EXAMINED: (
        Theme.EXAMINATION,
        _N,
        "Something cannot be seen from here",
        "what is wrong there is not known",
        "It is on another machine than this one, or a recording does not tell it.",
        "Run the doctor as root on the engine's host.",
    ),
}

ENTRIES: Final[Mapping[Code, Entry]] = {
    code: Entry(*row, page=f"{_FOLDER}/{code}.md") for code, row in _ROWS.items()
}
"""What is said of each code."""
