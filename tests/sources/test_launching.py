"""Launching: what an engine is asked, in which order, and that nothing is left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import ABROAD, NETWORKS, container, inventory, listed, on_host
from maker import BOUND, DONE, GONE, ID, REMOVED, Maker, inspection
from replay import PATIENCE, Exchange, refusal, reply

from dockernet.errors import (
    EngineTimeoutError,
    EngineUnavailableError,
    FormatError,
    LaunchError,
    SourceError,
)
from dockernet.formats.creation import Creation, as_links, as_ports
from dockernet.model.bindings import HostBinding
from dockernet.model.conflicts import Holding, PortConflictError
from dockernet.model.containers import Container
from dockernet.model.facts import Inventory
from dockernet.model.networks import Network
from dockernet.model.portmap import PortMap
from dockernet.model.vantage import Vantage
from dockernet.sources._launching import LABEL, Launched, Order, _planned, held_ports
from dockernet.sources.engine import Engine


@pytest.fixture
def maker(folder: Path) -> Iterator[Maker]:
    with Maker().on_socket(folder / "engine.sock") as server:
        assert isinstance(server, Maker)
        yield server


@pytest.fixture
def engine(maker: Maker, nowhere: dict[str, str]) -> Iterator[Engine]:
    with Engine(maker.url, PATIENCE, environ=nowhere) as engine:
        yield engine


# What is asked


def test_a_launch_is_made_started_and_read(maker: Maker, engine: Engine) -> None:
    launched = engine.launch("web:1", "serve --fast", name="web", environ={"A": "s3cret"})
    assert launched.container.state == "running"
    assert maker.told == ["create name=web", "start"]
    [body] = maker.created
    assert (body["Image"], body["Cmd"], body["Env"]) == ("web:1", ["serve", "--fast"], ["A=s3cret"])
    assert maker.asked == {
        "/version": 1,
        "/containers/create": 1,
        f"/containers/{ID}/start": 1,
        f"/containers/{ID}/json": 1,
    }
    assert repr(launched) == "<Launched web: >"


def test_each_launch_has_a_label_of_its_own(maker: Maker, engine: Engine) -> None:
    for _ in range(2):
        engine.launch("web:1", labels={"mine": "yes"})
    one, two = (body["Labels"] for body in maker.created)
    assert one.keys() == two.keys() == {"mine", LABEL}
    assert one[LABEL] != two[LABEL]


def test_the_container_is_read_until_its_ports_are_there(maker: Maker, engine: Engine) -> None:
    early = inspection(ports=BOUND)
    early["NetworkSettings"]["Ports"] = {"80/tcp": []}
    maker.seen = [early, early, inspection(ports=BOUND)]
    launched = engine.launch("web:1", ports=["80"])
    assert str(launched.container.ports) == "0.0.0.0:49153->80/tcp"
    assert maker.asked[f"/containers/{ID}/json"] == 3


def test_every_exposed_port_is_waited_for_where_all_are_published(
    maker: Maker, engine: Engine
) -> None:
    early = inspection()
    early["Config"]["ExposedPorts"] = {"80/tcp": {}}
    late = inspection(ports=BOUND)
    maker.seen = [early, late]
    launched = engine.launch("web:1", publish_all=True)
    assert str(launched.container.ports) == "0.0.0.0:49153->80/tcp"


def test_a_port_that_is_never_told_is_an_error_and_nothing_is_left(
    maker: Maker, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dockernet.sources._launching._PAUSE", 0)
    early = inspection(ports=BOUND)
    early["NetworkSettings"]["Ports"] = {}
    maker.seen = [early]
    with pytest.raises(LaunchError, match="tells no host port"):
        engine.launch("web:1", ports=["80"])
    assert maker.told == ["create", "start", REMOVED]


@pytest.mark.parametrize(
    "wrong",
    [{"image": ""}, {"name": ""}, {"ports": ["x"]}, {"links": ["a:"]}, {"environ": {"": "1"}}],
    ids=str,
)
def test_what_is_ill_formed_asks_nothing(
    maker: Maker, engine: Engine, wrong: dict[str, Any]
) -> None:
    with pytest.raises(FormatError):
        engine.launch(**{"image": "web:1", **wrong})
    assert maker.requests == 0


# What an engine refuses


@pytest.mark.parametrize("words", ["No such image: web:1", "web:1: image not known"])
def test_an_image_that_is_not_there_is_not_pulled(maker: Maker, engine: Engine, words: str) -> None:
    maker.answers["/containers/create"] = refusal("404 Not Found", words)
    with pytest.raises(LaunchError, match="no such image; fetch it first: docker pull web:1"):
        engine.launch("web:1")
    assert maker.asked == {"/version": 1, "/containers/create": 1}


def test_a_peer_that_is_gone_since_is_the_engine_s_word(maker: Maker, engine: Engine) -> None:
    maker.answers["/containers/create"] = refusal("404 Not Found", "No such container: db")
    with pytest.raises(LaunchError, match="refuses: No such container: db"):
        engine.launch("web:1")
    assert maker.told == []


def test_an_engine_may_take_longer_to_start_a_container_than_to_answer_a_question(
    maker: Maker, nowhere: dict[str, str]
) -> None:
    short = 0.2

    def start(exchange: Exchange) -> None:
        threading.Event().wait(3 * short)
        exchange.send(DONE)

    maker.start = start
    maker.answers["/containers/json"] = Exchange.hang
    with Engine(maker.url, short, environ=nowhere) as engine:
        assert engine.launch("web:1").container.id == ID
        with pytest.raises(EngineTimeoutError):
            engine.containers()


def test_a_start_that_fails_leaves_nothing(maker: Maker, engine: Engine) -> None:
    maker.start = refusal("400 Bad Request", "exec: no-such-command: not found")
    with pytest.raises(LaunchError, match="refuses: exec: no-such-command"):
        engine.launch("web:1", "no-such-command")
    assert maker.told == ["create", "start", REMOVED]


def test_a_container_whose_id_was_never_heard_is_found_by_its_label(
    maker: Maker, engine: Engine
) -> None:
    def create(exchange: Exchange) -> None:
        labels = exchange.body["Labels"]
        others = {"Id": "d" * 64, "Names": ["/other"], "Labels": {LABEL: "another"}}
        maker.replies["/containers/json"] = [others, {"Id": ID, "Names": ["/x"], "Labels": labels}]
        exchange.reset()

    maker.answers["/containers/create"] = create
    with pytest.raises(EngineUnavailableError):
        engine.launch("web:1")
    assert maker.told == [REMOVED]


def test_an_engine_that_dies_is_told_although_nothing_can_be_removed(
    maker: Maker, engine: Engine
) -> None:
    maker.start = refusal("500 Internal Server Error", "it burns")
    maker.answers[f"/containers/{ID}"] = refusal("500 Internal Server Error", "it burned")
    with pytest.raises(LaunchError, match="refuses: it burns") as caught:
        engine.launch("web:1")
    assert caught.value.__notes__ == [
        f"container {ID[:12]} could not be removed: engine: {maker.url} refuses: it burned"
    ]


# Ends


def test_a_container_that_ended_is_told_with_its_code_and_left_for_its_log(
    maker: Maker, engine: Engine
) -> None:
    maker.seen = [inspection("exited", code=3)]
    with pytest.raises(LaunchError, match="with exit code 3; see docker logs web, then docker rm"):
        engine.launch("web:1")
    assert maker.told == ["create", "start"]


def test_a_container_that_ended_is_removed_where_that_is_asked(
    maker: Maker, engine: Engine
) -> None:
    maker.seen = [inspection("exited", code=3)]
    with pytest.raises(LaunchError, match=r"with exit code 3$"):
        engine.launch("web:1", remove=True)
    assert maker.told == ["create", "start", REMOVED]


def test_a_container_that_did_all_that_was_asked_of_it_is_no_error(
    maker: Maker, engine: Engine
) -> None:
    maker.seen = [inspection("exited")]
    assert engine.launch("web:1").container.state == "exited"
    with pytest.raises(LaunchError, match="with exit code 0"):
        engine.launch("web:1", ports=["80"])


def test_a_container_that_is_gone_at_once_is_told(maker: Maker, engine: Engine) -> None:
    maker.gone = True
    with pytest.raises(LaunchError, match="it ended at once and is removed, as asked"):
        engine.launch("web:1", remove=True)


# Ports that are taken

HOLDER = {
    "Id": "d" * 64,
    "Names": ["/holder"],
    "State": "running",
    "Ports": [{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}],
}


def test_a_port_that_is_taken_is_told_and_nothing_is_made(maker: Maker, engine: Engine) -> None:
    maker.replies["/containers/json"] = [HOLDER]
    with pytest.raises(PortConflictError) as caught:
        engine.launch("web:1", ports=["8080:80"])
    [conflict] = caught.value.conflicts
    assert (conflict.container, conflict.container_id) == ("holder", "d" * 64)
    assert engine.conflicts(["8080:80"]) == (conflict,)
    assert maker.told == []


def test_ports_that_may_be_any_are_not_looked_for(maker: Maker, engine: Engine) -> None:
    assert engine.conflicts(["80", "127.0.0.1::81"]) == ()
    assert maker.requests == 0


TAKEN = {
    "Docker up to 26": (
        "driver failed programming external connectivity on endpoint web (c0ffee): "
        "Bind for 0.0.0.0:8080 failed: port is already allocated"
    ),
    "docker-proxy": (
        "driver failed programming external connectivity on endpoint web (c0ffee): Error starting "
        "userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use"
    ),
    "Docker 28": "failed to bind host port 0.0.0.0:8080/tcp: address already in use",
    "a range": "driver failed programming external connectivity: all ports are allocated",
}


@pytest.mark.parametrize("words", TAKEN.values(), ids=TAKEN)
def test_a_port_that_is_taken_meanwhile_is_told_with_who_took_it(
    maker: Maker, engine: Engine, words: str
) -> None:
    def start(exchange: Exchange) -> None:
        maker.replies["/containers/json"] = [HOLDER]
        exchange.send(refusal("500 Internal Server Error", words))

    maker.start = start
    with pytest.raises(PortConflictError, match="8080/tcp is held by container holder"):
        engine.launch("web:1", ports=["8080:80"])
    assert maker.told == ["create", "start", REMOVED]


@pytest.mark.parametrize(
    "words, numbers",
    [(TAKEN["Docker 28"], [8080]), (TAKEN["a range"], [8080, 9000, 9001])],
    ids=["told", "not told"],
)
def test_a_holder_that_cannot_be_found_is_said_to_be_so(
    maker: Maker, engine: Engine, words: str, numbers: list[int]
) -> None:
    maker.start = refusal("500 Internal Server Error", words)
    with pytest.raises(PortConflictError, match="somebody who cannot be seen") as caught:
        engine.launch("web:1", ports=["8080:80", "9000-9001:81", "82"])
    assert [c.host_port for c in caught.value.conflicts] == numbers
    assert maker.told == ["create", "start", REMOVED]


# Removing


def test_a_block_ends_with_the_container_only_where_that_is_asked(
    maker: Maker, engine: Engine
) -> None:
    with engine.launch("web:1") as kept:
        assert isinstance(kept, Launched)
    assert maker.told == ["create", "start"]
    with pytest.raises(LookupError), engine.launch("web:1", remove=True):
        raise LookupError
    assert maker.told == ["create", "start"] * 2 + [REMOVED]
    assert [body["HostConfig"]["AutoRemove"] for body in maker.created] == [False, True]


def test_removing_twice_asks_once(maker: Maker, engine: Engine) -> None:
    with engine.launch("web:1", remove=True) as launched:
        launched.remove()
        launched.remove()
    assert maker.told == ["create", "start", REMOVED]


def test_to_remove_what_is_gone_is_no_error(maker: Maker, engine: Engine) -> None:
    launched = engine.launch("web:1")
    maker.gone = True
    maker.answers[f"/containers/{ID}"] = GONE
    launched.remove()
    assert maker.asked[f"/containers/{ID}"] == 1


def test_a_removal_that_is_under_way_is_waited_for(maker: Maker, engine: Engine) -> None:
    launched = engine.launch("web:1", remove=True)
    maker.answers[f"/containers/{ID}"] = refusal("409 Conflict", "removal is in progress")
    looks = 0

    def inspect(exchange: Exchange) -> None:
        nonlocal looks
        looks += 1
        exchange.send(reply(inspection("removing")) if looks < 3 else GONE)

    maker.answers[f"/containers/{ID}/json"] = inspect
    launched.remove()
    assert looks == 3


def test_a_container_that_does_not_go_is_told(
    maker: Maker, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dockernet.sources._launching._PAUSE", 0)
    launched = engine.launch("web:1")
    maker.answers[f"/containers/{ID}"] = refusal("409 Conflict", "removal is in progress")
    with pytest.raises(SourceError, match=f"is still removing container {ID[:12]}"):
        launched.remove()


def test_an_engine_that_stumbles_is_asked_again(maker: Maker, engine: Engine) -> None:
    launched = engine.launch("web:1")
    works = maker.answers[f"/containers/{ID}"]

    def stumble(exchange: Exchange) -> None:
        maker.answers[f"/containers/{ID}"] = works
        exchange.send(refusal("500 Internal Server Error", "container state improper: stopped"))

    maker.answers[f"/containers/{ID}"] = stumble
    launched.remove()
    assert maker.told == ["create", "start", REMOVED]


def test_an_engine_that_is_gone_is_not_asked_again(maker: Maker, engine: Engine) -> None:
    launched = engine.launch("web:1")
    maker.answers[f"/containers/{ID}"] = Exchange.reset
    with pytest.raises(EngineUnavailableError):
        launched.remove()
    assert maker.asked[f"/containers/{ID}"] == 1


def test_an_engine_that_does_not_remove_is_told_and_may_be_asked_again(
    maker: Maker, engine: Engine
) -> None:
    launched = engine.launch("web:1")
    works = maker.answers[f"/containers/{ID}"]
    maker.answers[f"/containers/{ID}"] = refusal("500 Internal Server Error", "it burns")
    with pytest.raises(SourceError, match="it burns"):
        launched.remove()
    maker.answers[f"/containers/{ID}"] = works
    launched.remove()
    assert maker.told == ["create", "start", REMOVED]


# Signals

unix = pytest.mark.skipif(sys.platform == "win32", reason="signals are another thing there")


@unix
def test_an_interrupt_waits_for_the_start_and_then_nothing_is_left(
    maker: Maker, engine: Engine
) -> None:
    def start(exchange: Exchange) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        exchange.send(DONE)

    maker.start = start
    with pytest.raises(KeyboardInterrupt):
        engine.launch("web:1")
    assert maker.told == ["create", "start", REMOVED]


@unix
@pytest.mark.parametrize("works", [True, False], ids=["removed", "not removed"])
def test_what_ends_the_process_at_once_comes_when_all_is_removed(
    maker: Maker, engine: Engine, monkeypatch: pytest.MonkeyPatch, *, works: bool
) -> None:
    asked: list[tuple[list[int], int]] = []

    def deliver(numbers: list[int]) -> None:
        asked.append((numbers, maker.asked[f"/containers/{ID}"]))

    def start(exchange: Exchange) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        exchange.send(DONE)

    monkeypatch.setattr("dockernet.sources._signals._deliver", deliver)
    maker.start = start
    if not works:
        maker.answers[f"/containers/{ID}"] = refusal("500 Internal Server Error", "it burns")
    engine.launch("web:1")
    assert asked == [([signal.SIGTERM], 1 if works else 5)]


@unix
def test_a_handler_that_goes_on_keeps_the_container(maker: Maker, engine: Engine) -> None:
    handled: list[int] = []

    def start(exchange: Exchange) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        exchange.send(DONE)

    maker.start = start
    before = signal.signal(signal.SIGTERM, lambda number, _: handled.append(number))
    try:
        launched = engine.launch("web:1")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (handled, launched.container.id) == ([signal.SIGTERM], ID)
    assert maker.told == ["create", "start"]


CHILD = """
    import sys
    from dockernet import Engine
    with Engine(sys.argv[1]).launch("web:1", remove=True):
        print("inside", flush=True)
        sys.stdin.readline()
"""


def child(maker: Maker) -> subprocess.Popen[str]:
    """A process that launches a container, and waits within the block."""
    command = [sys.executable, "-c", textwrap.dedent(CHILD), maker.url]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)  # noqa: S603 - our own


@unix
def test_sigterm_while_launching_ends_the_process_with_nothing_left(maker: Maker) -> None:
    def start(exchange: Exchange) -> None:
        ran.send_signal(signal.SIGTERM)
        exchange.send(DONE)

    maker.start = start
    with child(maker) as ran:
        assert ran.wait(PATIENCE) == -signal.SIGTERM
    assert maker.told == ["create", "start", REMOVED]


@unix
def test_sigterm_within_the_block_is_an_exit_that_removes(maker: Maker) -> None:
    with child(maker) as ran:
        assert ran.stdout is not None
        assert ran.stdout.readline() == "inside\n"
        ran.send_signal(signal.SIGTERM)
        assert ran.wait(PATIENCE) == 143
    assert maker.told == ["create", "start", REMOVED]


@unix
def test_no_second_signal_interrupts_the_removal(maker: Maker) -> None:
    works = maker.answers[f"/containers/{ID}"]

    def remove(exchange: Exchange) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            ran.send_signal(number)
        assert callable(works)
        works(exchange)

    maker.answers[f"/containers/{ID}"] = remove
    with child(maker) as ran:
        assert ran.stdout is not None
        assert ran.stdout.readline() == "inside\n"
        ran.send_signal(signal.SIGINT)
        assert ran.wait(PATIENCE) == 143
    assert maker.told == ["create", "start", REMOVED]
    assert maker.asked[f"/containers/{ID}/json"] == 2


# Networks and links

WEB = container("web", {"app": 2, "other": 2})
OLD = container("old", {"bridge": 3})
OFF = container("off", {"bridge": 4}, state="exited")
DB = container("db", {"inner": 5})
LONE = container("lone")


class Known:
    """An engine of containers and networks that were made up."""

    def __init__(self, whole: Inventory) -> None:
        self.whole = whole

    def containers(self) -> tuple[Container, ...]:
        return tuple(map(listed, self.whole.containers))

    def container(self, name: str) -> Container:
        return next(c for c in self.whole.containers if c.name == name)

    def networks(self) -> tuple[Network, ...]:
        return self.whole.networks

    def read(self, want: object) -> Iterator[Inventory]:
        del want
        yield self.whole


KNOWN = Known(inventory(WEB, OLD, OFF, DB, LONE))


def order(
    networks: Iterable[str] = (),
    links: Iterable[str] = (),
    aliases: tuple[str, ...] = (),
    **more: Any,
) -> Order:
    creation = Creation(image="web:1", **more)
    return Order(
        creation=creation, networks=tuple(networks), links=as_links(links), aliases=aliases
    )


@pytest.mark.parametrize(
    "asked, mode, legacy, given",
    [
        (order(), "default", "", {}),
        (order(["bridge"]), "default", "", {}),
        (order(["host"]), "host", "", {}),
        (order(["container:web"]), "container:web", "", {}),
        (order(links=["old:db"]), "default", "old:db", {}),
        (order(links=[OLD.id[:12]]), "default", f"old:{OLD.id[:12]}", {}),
        (order(["app"], ["web:w"]), "app", "", {"app": "web:w"}),
        (order(["app", "other"], ["web:w"]), "app", "", {"app": "web:w", "other": "web:w"}),
        (order(["lan", "app"], ["web:w"]), "lan", "", {"lan": "", "app": "web:w"}),
        (
            order(["app", "bridge"], ["web:w", "old:o"]),
            "default",
            "old:o",
            {"app": "web:w"},
        ),
        (order([NETWORKS["app"].id]), "app", "", {"app": ""}),
    ],
)
def test_a_link_is_given_where_its_peer_is(
    asked: Order, mode: str, legacy: str, given: dict[str, str]
) -> None:
    creation, further = _planned(KNOWN, asked)
    first = () if creation.joining is None else (creation.joining,)
    assert creation.mode == mode
    assert " ".join(f"{k.peer}:{k.alias}" for k in creation.links) == legacy
    assert given == {
        joining.network: " ".join(f"{k.peer}:{k.alias}" for k in joining.links)
        for joining in (*first, *further)
    }


@pytest.mark.parametrize(
    "asked, reason",
    [
        (order(links=["ol:d"]), "there is no container ol to link to (did you mean old?)"),
        (order(links=["zzz:d"]), "there is no container zzz to link to"),
        (order(links=["off:d"]), "off does not run, as a link on the default bridge needs it to: docker start off"),
        (
            order(links=["web:w"]),
            ("it would share no network with web, which is on app, other: "
            "name one of them by networks=['app', 'other']"),
        ),
        (
            order(["app"], ["db:d"]),
            ("it would share no network with db, which is on inner: name one of them by "
            "networks=['inner'] or docker network connect app db"),
        ),
        (order(links=["lone:l"]), "it would share no network with lone, which is on none: connect it to one"),
        (order(["ap"]), "there is no network ap (did you mean app?): docker network create ap"),
        (order(["host", "app"]), "another network does not go with the network host: leave one out"),
        (order(["none"], ports=as_ports(["80"])), "a published port does not go with the network none: leave one out"),
        (order(["none"], publish_all=True), "a published port does not go with the network none: leave one out"),
        (order(["host"], ["web:w"]), "a link does not go with the network host: leave one out"),
        (order(["host"], aliases=("a",)), "an alias does not go with the network host: leave one out"),
        (order(aliases=("a",)), "aliases are for user-defined networks: name one by networks="),
        (
            order(["inner", "lan"], ports=as_ports(["80"])),
            "nothing is published on inner, lan: name a bridge network that is not internal, too",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_with_what_to_do(asked: Order, reason: str) -> None:
    with pytest.raises(LaunchError) as caught:
        _planned(KNOWN, asked)
    assert caught.value.reason == reason


def test_one_network_that_publishes_is_enough() -> None:
    creation, further = _planned(KNOWN, order(["inner", "app"], publish_all=True))
    assert (creation.mode, [j.network for j in further]) == ("inner", ["app"])
    creation, further = _planned(KNOWN, order(["inner", "bridge"], publish_all=True))
    assert (creation.mode, [j.network for j in further]) == ("default", ["inner"])


def test_further_networks_are_joined_before_the_start(maker: Maker, engine: Engine) -> None:
    maker.replies["/networks"] = [
        {"Id": name, "Name": name, "Driver": "bridge"} for name in ("app", "other")
    ]
    peer = {"Id": "d" * 64, "Names": ["/db"], "State": "running"}
    places = {name: {"NetworkID": name} for name in ("app", "other")}
    maker.replies["/containers/json"] = [{**peer, "NetworkSettings": {"Networks": places}}]
    engine.launch("web:1", networks=["app", "other"], links=["db:database"], aliases=["me"])
    [body] = maker.created
    endpoint = {"Aliases": ["me"], "Links": ["db:database"]}
    assert body["NetworkingConfig"] == {"EndpointsConfig": {"app": endpoint}}
    assert maker.told == ["create", f"connect /networks/other/connect {endpoint}", "start"]


# Who holds a port


def held(*containers: Container, port: int, here: Vantage, at: str = "") -> list[str | None]:
    known = Known(inventory(*containers))
    wanted = PortMap.from_specs([f"{at}{port}:80"])
    return [c.container or c.process for c in held_ports(known, wanted, here)]


OWN = Path("/proc/self/comm").read_text().strip() if sys.platform == "linux" else ""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who listens")
def test_processes_are_seen_on_the_engine_s_host_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        port = opened.getsockname()[1]
        assert held(port=port, here=on_host()) == [OWN]
        assert held(port=port, here=ABROAD) == []


def test_a_process_of_a_container_in_host_mode_is_that_container(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    web = container("web", network_mode="host")
    table = {"a container": web.id, "another engine's": "e" * 64, "none": None}
    for container_id, told in zip(table.values(), ["web", "nginx", "nginx"], strict=True):
        listening = Holding(
            protocol="tcp",
            binding=HostBinding.parse("0.0.0.0:1"),
            pid=7,
            process="nginx",
            container_id=container_id,
        )
        monkeypatch.setattr(
            "dockernet.sources._launching.read_holdings", lambda _, found=listening: (found,)
        )
        assert held(web, port=1, here=on_host()) == [told]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who listens")
def test_who_listens_for_a_container_is_no_process_of_its_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        port = opened.getsockname()[1]
        web = container("web", {"bridge": 2}, f"127.0.0.1:{port}->80/tcp")
        assert held(web, port=port, here=on_host()) == ["web"]
    with socket.create_server(("0.0.0.0", port)):
        whole = container("web", {"bridge": 2}, f"*:{port}->80/tcp")
        assert held(whole, port=port, here=on_host()) == ["web"]
    with socket.create_server(("127.0.0.1", port)):
        beside = container("web", {"bridge": 2}, f"0.0.0.0:{port}->80/tcp")
        assert held(beside, port=port, here=on_host()) == ["web", OWN]
