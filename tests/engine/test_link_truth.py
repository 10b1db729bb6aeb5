"""Variables of links, against those that the engine itself sets in a linked container.

Engines from 28 on set exactly what dockernet writes. Older ones differ in which port
``<P>_PORT`` names and in what they take for a range; their rules, written down here
anew, make the comparison exact on each engine. Links, ports and environments are random.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from typing import Final

import pytest
from attrs import frozen
from harness import Cast, Place, RealContainer, RealEngine, Scene, image
from harness.features import needs

from dockernet import Link, LinkReport, LinkVariables, Port, links_environ

pytestmark = needs("links")

_TARGETS: Final = 24
_RECIPIENTS: Final = 16
_LINKS_OF_EACH: Final = 6
_AT_ONCE: Final = 4
_NOT_OF_LINKS: Final = {"PATH", "HOSTNAME", "HOME", "TERM"}

# No slash is among them: an engine keeps what stands before it in <P>_NAME alone.
_ALIASES: Final = (
    *("db", "DB-Main.v1", "a.b.c", "with space", "$(id)", "9lives", "-", "_", "x_ENV_y", "x"),
    *("x_PORT_80_TCP", "db'\"`;|&", "line\nbreak", "#", "\t", "a\\b", "%41", "-x-", "NAME"),
    *("ümläut-ß", "日本", "ŉ", "\u017f", "ᾳ", "ǆ", "é", "e\u0301"),
)
_LETTERS: Final = "abcXYZ019-_. $'\"é"
_VALUES: Final = (
    *("", "plain", "two\nlines\n", "a=b=c", "=", " spaced ", "'\"$(id)`", "ünï", "\t", "#"),
)
_NAMES: Final = (
    *("EMPTY", "X_PORT_1_TCP_ADDR", "lower", "A.B", "W-Z", "PASSWORD", "NAME", "HOME", "PATH"),
    *("ENV_", "_ENV_X", "two words", "é"),
)
_STARTS: Final = (1, 22, 53, 79, 80, 443, 8080, 9998, 65_533)
_PROTOCOLS: Final = ("tcp", "tcp", "udp", "sctp", "tcp udp", "sctp udp", "tcp sctp udp")

# What is asked for.


def _ports(choose: random.Random) -> tuple[str, ...]:
    """Exposed ports, often next to each other, and one number for several protocols."""
    some: set[str] = set()
    for _ in range(choose.randrange(6)):
        first = choose.choice(_STARTS)
        for number in range(first, first + choose.choice((1, 1, 2, 3))):
            some.update(f"{number}/{p}" for p in choose.choice(_PROTOCOLS).split())
    return tuple(sorted(some))


def _environ(choose: random.Random) -> dict[str, str]:
    names = choose.sample(_NAMES, choose.randrange(len(_NAMES) + 1))
    return {name: choose.choice(_VALUES) for name in names}


def _aliases(choose: random.Random) -> tuple[str, ...]:
    """Aliases whose prefixes do not collide."""
    made = ("".join(choose.choices(_LETTERS, k=choose.randint(1, 9))) for _ in range(3))
    some = [alias for alias in (*choose.sample(_ALIASES, _LINKS_OF_EACH), *made) if alias != "."]
    choose.shuffle(some)
    return tuple({Link(a).prefix: a for a in some if a.strip(".")}.values())[:_LINKS_OF_EACH]


# What is told.


@frozen(eq=False)
class Given:
    """A recipient, what the engine set in it for its links, and what dockernet tells."""

    recipient: RealContainer
    #: The targets, by the alias that each was linked under.
    peers: Mapping[str, RealContainer]
    #: As the first process has them, and one that was started later.
    started: frozenset[tuple[str, str]]
    executed: frozenset[tuple[str, str]]
    #: As seen from the recipient, with secrets; as the engine alone tells it; as printed.
    report: LinkReport
    known: tuple[Link, ...]
    printed: Mapping[str, str]


def _told(recipients: list[str]) -> dict[str, tuple[LinkReport, tuple[Link, ...]]]:
    import dockernet

    with dockernet.Engine() as engine, dockernet.Resolver([engine]) as resolver:
        every = engine.links()
        return {
            name: (
                resolver.seen_from(name).links(secrets=True),
                tuple(link for link in every if link.recipient == name),
            )
            for name in recipients
        }


_READ: Final = """
    import json
    from pathlib import Path

    def read(process):
        raw = Path("/proc", process, "environ").read_bytes().decode("utf-8", "surrogateescape")
        return [entry.partition("=")[::2] for entry in raw.split("\\0") if entry]

    print(json.dumps([read("1"), read("self")]))
"""


def _variables(recipient: RealContainer) -> list[frozenset[tuple[str, str]]]:
    """The variables that links give to the first process, and to a later one."""
    never = {*_NOT_OF_LINKS, *recipient.env, *image.environment()}
    found = [[(n, v) for n, v in read if n not in never] for read in recipient.run(_READ)]
    assert [len(set(pairs)) for pairs in found] == list(map(len, found))
    return [frozenset(pairs) for pairs in found]


def _given(
    scene: Scene, wanted: Sequence[Mapping[str, RealContainer]], name: str
) -> tuple[Given, ...]:
    """Recipients of the links that are wanted, and everything that is told of them."""
    recipients = scene.run_all(
        *(
            Cast(f"{name}{number}", links=[f"{peer.name}:{a}" for a, peer in peers.items()])
            for number, peers in enumerate(wanted)
        )
    )
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        read = tuple(pool.map(_variables, recipients))
        printed = pool.map(partial(_printed, scene.engine.host), recipients)
        told = scene.engine.host.call(_told, [recipient.name for recipient in recipients])
        rows = zip(recipients, wanted, read, printed, strict=True)
        return tuple(
            Given(recipient, peers, started, executed, *told[recipient.name], lines)
            for recipient, peers, (started, executed), lines in rows
        )


def _printed(host: Place, recipient: RealContainer) -> Mapping[str, str]:
    """What the command line writes for a recipient."""
    command = ("env", "--for", recipient.name, "--style", "json", "--secrets")
    found: dict[str, str] = host.python("-m", "dockernet", *command).json()
    return found


@pytest.fixture(scope="module")
def targets(engine: RealEngine) -> Iterator[tuple[Scene, tuple[RealContainer, ...]]]:
    if engine.major > 28:
        pytest.skip("engines from 29 on set no link variables")
    choose = random.Random(28)  # noqa: S311 - the same in every run
    with Scene(engine) as scene:
        cast = (Cast(f"t{n}", expose=_ports(choose), env=_environ(choose)) for n in range(_TARGETS))
        yield scene, scene.run_all(*cast)


@pytest.fixture(scope="module")
def given(targets: tuple[Scene, tuple[RealContainer, ...]]) -> tuple[Given, ...]:
    choose = random.Random(20)  # noqa: S311 - the same in every run
    scene, peers = targets
    wanted = [
        {alias: choose.choice(peers) for alias in _aliases(choose)} for _ in range(_RECIPIENTS)
    ]
    return _given(scene, wanted, "r")


# How engines before 28 wrote them (daemon/links/links.go in moby, 20.10 to 27).

_RANGE_ENDS: Final = ("START", "PORT_START", "END", "PORT_END")


def _older(link: Link) -> Iterator[dict[str, str]]:
    """What an engine before 28 may have set; of equal ports either may have come first."""
    variables = link.to_environ(secrets=True)
    opening = f"{link.prefix}_PORT"
    heads = [f"{opening}_{p.number}_{p.protocol.upper()}" for p in link.ports]
    changed = {opening, *(f"{head}_{end}" for head in heads for end in _RANGE_ENDS)}
    same = {name: value for name, value in variables.items() if name not in changed}
    orders, host = list(_older_orders(link.ports)), str(link.address)
    # It sorts twice, and the ranges come of the second time.
    for ports in orders:
        for first in {order[0] for order in orders if order}:
            ranges = dict(_older_ranges(opening, ports, host))
            yield {**same, opening: _url(first, host), **ranges}
    if not link.ports:
        yield same


def _older_orders(ports: Sequence[Port]) -> Iterator[list[Port]]:
    """By number, tcp first; no order is between udp and sctp."""
    protocols = {p.number: {o.protocol for o in ports if o.number == p.number} for p in ports}
    equal = [number for number, some in protocols.items() if some >= {"udp", "sctp"}]
    for firsts in product(("udp", "sctp"), repeat=len(equal)):
        order = dict(zip(equal, firsts, strict=True))
        yield sorted(
            ports, key=lambda p: (p.number, p.protocol != "tcp", p.protocol != order.get(p.number))
        )


def _older_ranges(opening: str, ports: Sequence[Port], host: str) -> Iterator[tuple[str, str]]:
    """Three entries or more, whose places in the list are counted in place of numbers."""
    start = 0
    while start < len(ports):
        first, end = ports[start], start
        while end + 1 < len(ports) and ports[end + 1].number <= first.number + end + 1 - start:
            end += 1
        last = ports[end]
        if end > start + 1:
            for port, side in ((first, "START"), (last, "END")):
                name = f"{opening}_{first.number}_{port.protocol.upper()}"
                yield f"{name}_{side}", _url(port, host)
                yield f"{name}_PORT_{side}", str(port.number)
            start = end
        start += 1


def _url(port: Port, host: str) -> str:
    return f"{port.protocol}://{host}:{port.number}"


def _expected(
    engine: RealEngine, links: Sequence[Link], actual: frozenset[tuple[str, str]]
) -> frozenset[tuple[str, str]]:
    """What this engine must have set; where it has a choice, what fits best."""
    expected: set[tuple[str, str]] = set()
    for link in links:
        every = [link.to_environ(secrets=True)] if engine.major >= 28 else _older(link)
        expected.update(max((v.items() for v in every), key=lambda v: len(actual.intersection(v))))
    return frozenset(expected)


def test_the_engine_sets_exactly_the_variables_that_are_written(
    engine: RealEngine, given: Sequence[Given]
) -> None:
    for one in given:
        links = one.report.links
        assert one.report.diagnostics == ()
        for actual in (one.started, one.executed):
            expected = _expected(engine, links, actual)
            assert sorted(actual ^ expected) == [], one.recipient.name


def test_the_links_are_such_that_old_and_new_rules_differ(given: Sequence[Given]) -> None:
    """Else the test above would prove little."""
    links = [link for one in given for link in one.report.links]
    assert len(links) == _RECIPIENTS * _LINKS_OF_EACH
    older = [next(_older(link)) for link in links]
    newer = [link.to_environ(secrets=True) for link in links]
    changed = [
        {name.removeprefix(link.prefix) for name, _ in one.items() ^ other.items()}
        for link, one, other in zip(links, older, newer, strict=True)
    ]
    assert sum("_PORT" in names for names in changed) > 5
    assert sum(bool(names - {"_PORT"}) for names in changed) > 5
    assert sum(not names for names in changed) > 5
    written = [value for one in newer for value in one.values()]
    assert "" in written
    assert any("\n" in value for value in written)
    assert any("=" in value for value in written)


def test_the_variables_that_are_printed_are_those_of_each_link(given: Sequence[Given]) -> None:
    for one in given:
        written = links_environ(one.report.links, secrets=True)
        each = [link.to_environ(secrets=True).items() for link in one.report.links]
        assert written.diagnostics == ()
        assert written.variables.items() == frozenset().union(*each)
        assert one.printed == dict(written.variables)


def test_the_engine_alone_tells_the_same_links_but_for_secrets(given: Sequence[Given]) -> None:
    for one in given:
        assert {link.alias: link.peer for link in one.known} == {
            alias: peer.name for alias, peer in one.peers.items()
        }
        told = {link.alias: link.to_environ() for link in one.report.links}
        assert {link.alias: link.to_environ() for link in one.known} == told


def test_secrets_by_name_are_those_that_the_peer_has(given: Sequence[Given]) -> None:
    chosen = {"PASSWORD", "HOME", "no such"}
    links = [link for one in given for link in one.report.links]
    for link in links:
        own = {n for n in link.to_environ(secrets=chosen) if n not in link.to_environ()}
        assert own == {f"{link.prefix}_ENV_{name}" for name in chosen & link.environ.keys()}
    assert any("HOME" in link.environ for link in links)


def test_of_aliases_that_collide_the_first_is_written_where_an_engine_mixes_them(
    targets: tuple[Scene, tuple[RealContainer, ...]],
) -> None:
    scene, peers = targets
    [one] = _given(scene, [dict(zip(("a-b", "a_b", "A-b"), peers, strict=False))], "mixed")
    links = one.report.links
    each = [frozenset(link.to_environ(secrets=True).items()) for link in links]
    mixed = {name for variables in each for name, _ in variables}
    unranged = {name for name in mixed if not name.endswith(_RANGE_ENDS)}
    assert {name for name, _ in one.started} >= unranged
    written: LinkVariables = links_environ(links, secrets=True)
    assert written.variables.items() == each[0]
    assert [d.subject for d in written.diagnostics] == [link.alias for link in links[1:]]


def test_of_an_alias_with_slashes_the_last_part_counts_and_name_alone_has_the_rest(
    engine: RealEngine, targets: tuple[Scene, tuple[RealContainer, ...]]
) -> None:
    scene, peers = targets
    [one] = _given(scene, [{"one/two": peers[0]}], "slashed")
    [link] = one.report.links
    name = "TWO_NAME", f"/{one.recipient.name}/"
    expected = _expected(engine, [link], one.started) ^ {(name[0], f"{name[1]}two")}
    assert one.started == expected | {(name[0], f"{name[1]}one/two")}
