"""What is gathered: on the engine's host, in a container, elsewhere, of a recording."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from firewalls import firewall
from replay import Replay

from dockernet import Engine, FormatError, PeerNotFoundError, Snapshot, SourceError, Target
from dockernet._cli.tour import STORY
from dockernet.doctor import Code, examine
from dockernet.doctor.asked import Gathering, Senses
from dockernet.doctor.examined import Examined, TroubleKind
from dockernet.doctor.gathering import gathered
from dockernet.doctor.table import report
from dockernet.model.addresses import IPAddress
from dockernet.model.firewalls import Firewall
from dockernet.model.places import Dialled, LookUp, Outcome

TOLD = json.loads(STORY.read_text(encoding="utf-8"))
SWITCHES = {"net/ipv4/ip_forward": "1", "net/ipv6/conf/all/forwarding": "1"}
# As the host of the recording has it: docker0, and the bridge of network shop.
ROUTES = (
    "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
    "br-e0e3a141fae4\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
)
TRIE = "".join(f"  |-- {a}\n     /32 host LOCAL\n" for a in ("172.17.0.1", "172.18.0.1"))
INSIDE = (
    "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
)
LISTENS = "0: 00000000:{port:04X} 00000000:0000 0A 0:0 00:0 0     0        0 {inode} 1\n"
PIDS = {"web": 11, "net2": 12, "net3": 13, "client": 14, "db": 15, "api": 16}


def ids() -> dict[str, str]:
    return {i["Name"].strip("/"): i["Id"] for i in TOLD["inspections"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The engine's host, with a process for each container."""
    files = {
        "proc/self/cgroup": "0::/user.slice\n",
        "proc/sys/kernel/hostname": "docker-host\n",
        "etc/resolv.conf": "nameserver 192.0.2.53\n",
        "etc/hosts": "192.0.2.9 wiki\n",
        "proc/net/tcp": LISTENS.format(port=8080, inode=1),
    }
    files |= {f"proc/sys/{name}": f"{value}\n" for name, value in SWITCHES.items()}
    for net in ("proc/net", "proc/self/net"):
        files |= {f"{net}/route": ROUTES, f"{net}/fib_trie": TRIE}
    for name, pid in PIDS.items():
        base = f"proc/{pid}"
        files |= {
            f"{base}/cgroup": f"0::/docker-{ids()[name]}.scope\n",
            f"{base}/environ": "",
            f"{base}/net/tcp": LISTENS.format(port=80, inode=2),
            f"{base}/net/udp": "",
            f"{base}/net/route": INSIDE,
            f"{base}/root/etc/hosts": "172.17.0.9 registry.example\n",
            f"{base}/root/etc/resolv.conf": "nameserver 127.0.0.11\n",
        }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


@pytest.fixture
def recording() -> dict[str, Any]:
    told = copy.deepcopy(TOLD)
    for inspected in told["inspections"]:
        inspected["State"]["Pid"] = PIDS.get(inspected["Name"].strip("/"), 0)
    return told  # type: ignore[no-any-return]  # it is JSON


@pytest.fixture
def replay(recording: dict[str, Any], tmp_path: Path) -> Iterator[Replay]:
    engine = recording["engine"]
    listed = {k: recording[k] for k in ("listing", "inspections", "networks")}
    with Replay(engine["version"], engine["info"], **listed).on_socket(tmp_path / "s") as serving:
        yield serving


Gather = Callable[..., Examined]


class World:
    """The outside as a test has it, and what was asked of it."""

    def __init__(self) -> None:
        self.outcome = Outcome.ANSWERED
        self.asked: list[str] = []
        self.dialled: list[str] = []
        self.firewalls: list[Firewall | Exception] = [firewall()]
        self.entered: list[int] = []
        self.answer: tuple[IPAddress, ...] = ()
        self.faults: list[Exception] = []

    def dial(self, endpoints: Any, timeout: float, make: Any) -> tuple[Dialled, ...]:
        del timeout
        every = make(lambda: list(endpoints))
        self.dialled += map(str, every)
        return tuple(Dialled(one, self.outcome) for one in every)

    def ask(self, name: str, server: Any, seconds: float) -> LookUp:
        del seconds
        self.asked.append(f"{name} {server}")
        return LookUp(name=name, server=server, code="NOERROR", addresses=self.answer)

    def firewall(self, timeout: float) -> Firewall:
        del timeout
        told = self.firewalls[-1]
        if isinstance(told, Exception):
            raise told
        return told

    def enter(self, pid: int, root: Path) -> Any:
        del root

        def inside(work: Any) -> Any:
            self.entered.append(pid)
            # It can be entered at first.
            if self.faults and len(self.entered) > 1:
                raise self.faults[-1]
            return work()

        return inside


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def gather(replay: Replay, root: Path, world: World) -> Iterator[Gather]:
    senses = Senses(
        root=root, firewall=world.firewall, dial=world.dial, ask=world.ask, enter=world.enter
    )
    with Engine(replay.url) as engine:

        def ask(target: str | None = None, outside: str | None = None, **more: Any) -> Examined:
            told = {"engine": engine, "named": True, "senses": senses, **more}
            return gathered(
                Gathering(
                    target=None if target is None else Target.parse(target),
                    outside=None if outside is None else Target.parse(outside),
                    **told,
                )
            )

        yield ask


def seen(found: Examined) -> list[tuple[str, bool]]:
    return [(one.what, one.permitted) for one in found.unseen]


# On the engine's host.


def test_everything_is_looked_at_and_nothing_dialled(gather: Gather, world: World) -> None:
    found = gather()
    assert (found.on_host, found.machine, world.dialled) == (True, found.vantage, [])
    assert dict(found.switches or {}) == {f"/proc/sys/{k}": v for k, v in SWITCHES.items()}
    assert found.firewall == world.firewalls[0]
    assert [route.interface for route in found.routes] == ["docker0", "br-e0e3a141fae4"]
    assert {peer.name for peer in found.peers} == set(ids())
    assert {one.container_id for one in found.listening} == {
        ids()[name] for name in ("net2", "net3", "db")
    }
    assert (found.proxied, seen(found)) == (True, [])


def test_a_target_that_answers_needs_no_cause(gather: Gather, world: World) -> None:
    """But for its published ports, which others may not reach."""
    found = gather("net2:80")
    assert found.answered
    assert (found.switches, found.listening, seen(found)) == (None, (), [])
    assert found.firewall is not None
    assert world.dialled[0] == "127.0.0.1:8080"
    assert gather("web:80").firewall is None
    for error in (SourceError("firewall", "needs root"), RecursionError("deep")):
        world.firewalls = [error]
        assert seen(gather("net2:80")) == []


def test_a_target_that_is_silent_is_looked_into(gather: Gather, world: World) -> None:
    world.outcome = Outcome.REFUSED
    found = gather("web:81")
    assert found.switches is not None
    [listening] = found.listening
    assert (listening.table, listening.listeners[0].port) == ("/proc/11/net", 80)
    assert Code.LISTENS_ON_ANOTHER_PORT in {f.code for f in report(found).findings}


def test_what_may_not_be_read_is_noted(gather: Gather, world: World, root: Path) -> None:
    world.outcome = Outcome.REFUSED
    world.firewalls = [SourceError("firewall", "iptables-save needs root")]
    (root / "proc/11/cgroup").write_text("0::/\n")
    assert seen(gather("web:80")) == [("firewall", False), ("sockets of web", True)]


def test_a_look_that_fails_does_not_end_the_examination(gather: Gather, world: World) -> None:
    """Whatever it fails with: the place is gone, a file is odd."""
    world.outcome = Outcome.REFUSED
    for error in (
        SourceError("place", "it is gone"),
        PermissionError(13, "Permission denied"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "odd"),
        RecursionError("deep"),
        PeerNotFoundError("web", ("engine",), ()),
    ):
        world.faults, world.entered = [error], []
        found = gather("web:80", origin="client", outside="198.51.100.7:443")
        dark = dict(seen(found))
        assert {"the endpoints", "the embedded DNS", "198.51.100.7:443"} <= set(dark)
        assert dark["the endpoints"] is not isinstance(error, PermissionError)
        assert (found.dialled, found.own_name, found.outside) == ((), None, None)
        assert found.firewall is not None


def test_a_peer_without_a_process_has_no_sockets(
    gather: Gather, world: World, recording: dict[str, Any]
) -> None:
    world.outcome = Outcome.REFUSED
    web = next(i for i in recording["inspections"] if i["Name"] == "/web")
    web["State"]["Pid"] = 0
    assert gather("web:80").listening == ()


def test_who_holds_a_host_port_is_asked(
    gather: Gather, replay: Replay, recording: dict[str, Any], world: World
) -> None:
    """Of a container that could not start; its own bindings do not count."""
    bindings = {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}
    for entry in (recording["listing"], recording["inspections"]):
        web = next(c for c in entry if "/web" in (c.get("Name"), *c.get("Names", ())))
        web["State"] = "created" if "Names" in web else {"Status": "created"}
        web.setdefault("HostConfig", {})["PortBindings"] = bindings
    del replay
    for found in (gather(), gather("web:80")):
        [(peer, [conflict])] = found.conflicts.items()
        assert (peer, conflict.container) == (ids()["web"], "net2")
    assert world.dialled == []


def test_a_name_that_fits_several_means_none(gather: Gather, recording: dict[str, Any]) -> None:
    for name, project in (("web", "a"), ("net2", "b")):
        labels = {"com.docker.compose.project": project, "com.docker.compose.service": "shopping"}
        for entry in (*recording["listing"], *recording["inspections"]):
            if f"/{name}" in (entry.get("Name"), *entry.get("Names", ())):
                entry.setdefault("Config", {})["Labels"] = labels
                entry["Labels"] = labels
    assert gather("shopping:80").peers == ()


# The engine itself.


def test_an_engine_that_cannot_be_asked(tmp_path: Path, root: Path) -> None:
    asked: dict[str, Any] = {"target": None, "senses": Senses(root=root)}
    engine = Engine(f"unix://{tmp_path}/none")
    found = gathered(Gathering(engine=engine, **asked))
    assert found.trouble is not None
    assert (found.trouble.kind, found.peers) == (TroubleKind.UNREACHABLE, ())
    with pytest.raises(SourceError):
        gathered(Gathering(engine=engine, origin="web", **asked))


def test_an_engine_that_fails_for_one_to_look_from(gather: Gather, replay: Replay) -> None:
    replay.answers["/networks"] = b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(SourceError):
        gather("web:80", origin="client")


def test_an_engine_that_does_not_answer_in_time(replay: Replay, root: Path) -> None:
    replay.answers["/version"] = lambda exchange: exchange.hang()
    with Engine(replay.url, timeout=0.05) as engine:
        found = gathered(Gathering(target=None, engine=engine, senses=Senses(root=root)))
    assert found.trouble is not None
    assert found.trouble.kind is TroubleKind.LATE


def test_an_engine_that_lets_nobody_in(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the kernel says it of a socket of others."""

    class Denied:
        def knock(self) -> None:
            error = SourceError("engine", "may not be used")
            raise error from PermissionError(13, "Permission denied")

    monkeypatch.setattr("dockernet.sources.engine.locate", lambda *_: Denied())
    engine = Engine(f"unix://{tmp_path}/any")
    found = gathered(Gathering(target=None, engine=engine, senses=Senses(root=root)))
    assert found.trouble is not None
    assert found.trouble.kind is TroubleKind.FORBIDDEN


# From inside a container.


def test_a_container_is_looked_from_by_its_process(gather: Gather, world: World) -> None:
    found = gather("net2:80", origin="client")
    assert found.caller is not None
    assert (found.caller.name, found.vantage.gateways) == ("client", (ip_address("172.17.0.1"),))
    assert found.place is not None
    assert found.place.nameservers == (ip_address("127.0.0.11"),)
    assert set(world.entered) == {14}
    assert world.dialled == [str(endpoint) for endpoint in found.endpoints]
    assert world.asked == [f"{ids()['client'][:12]} 127.0.0.11"]
    assert found.own_name is not None


def test_a_container_that_may_not_be_entered_is_not_dialled_from(
    gather: Gather, world: World, root: Path
) -> None:
    (root / "proc/14/environ").unlink()
    found = gather("net2:80", origin="client")
    assert (found.place, world.dialled) == (None, [])
    assert seen(found)[0] == ("the inside of client", False)


def test_a_container_that_does_not_run_has_no_inside(gather: Gather) -> None:
    assert ("the inside of metrics", True) in seen(gather("net2:80", origin="metrics"))


def test_an_engine_elsewhere_lets_nobody_look_inside(
    gather: Gather, world: World, root: Path
) -> None:
    (root / "proc/net/fib_trie").write_text("  |-- 192.168.7.2\n     /32 host LOCAL\n")
    (root / "proc/net/route").write_text("")
    (root / "proc/sys/kernel/hostname").write_text("desk\n")
    found = gather("net2:80", origin="client")
    assert (found.machine, world.dialled) == (None, [])
    assert [what for what, _ in seen(found)] == [
        "the inside of client",
        "kernel, firewall and sockets of the engine's host",
    ]


def test_there_is_no_such_container(gather: Gather) -> None:
    with pytest.raises(PeerNotFoundError):
        gather("net2:80", origin="nobody")


def test_an_alias_of_another_network_is_looked_for_in_detail(
    gather: Gather, replay: Replay
) -> None:
    gather("nobody-s:80", origin="client")
    assert replay.asked[f"/containers/{ids()['metrics']}/json"] > 0
    replay.asked.clear()
    gather("api:80", origin="client")
    assert replay.asked[f"/containers/{ids()['metrics']}/json"] == 0


def test_without_an_engine_a_container_has_its_own_sources(root: Path, tmp_path: Path) -> None:
    (root / "proc/self/cgroup").write_text(f"0::/docker-{'ab' * 32}.scope\n")
    (root / "etc/resolv.conf").write_text("nameserver 127.0.0.11\n")
    world = World()
    senses = Senses(root=root, ask=world.ask, dial=world.dial)
    engine = Engine(f"unix://{tmp_path}/none")
    target = Target.parse("name.invalid:80")
    found = gathered(Gathering(target=target, engine=engine, senses=senses))
    assert found.explanation is not None
    assert found.explanation.asked[0] == "engine"
    assert {"dns", "hosts", "environ"} <= set(found.explanation.asked)
    assert (found.trouble, [what for what, _ in seen(found)]) == (None, ["engine"])
    named = gathered(Gathering(target=target, engine=engine, named=True, senses=senses))
    assert named.trouble is not None
    assert set(world.asked) == {f"{'ab' * 6} 127.0.0.11"}


def test_the_embedded_dns_is_asked_for_a_name_that_is_its_own(root: Path, tmp_path: Path) -> None:
    """Others it would ask strangers for: that of a guest of another's namespace is none."""
    (root / "proc/self/cgroup").write_text(f"0::/docker-{'ab' * 32}.scope\n")
    (root / "etc/resolv.conf").write_text("nameserver 127.0.0.11\n")
    owner = "cd" * 32
    mounts = "".join(
        f"1 1 8:1 /var/lib/docker/containers/{owner}/{name} /etc/{name} rw - ext4 /dev/sda1 rw\n"
        for name in ("resolv.conf", "hosts")
    )
    (root / "proc/self/mountinfo").write_text(mounts)
    engine, world = Engine(f"unix://{tmp_path}/none"), World()
    gathered(Gathering(target=None, engine=engine, senses=Senses(root=root, ask=world.ask)))
    assert world.asked == [f"{owner[:12]} 127.0.0.11"]


def test_what_an_engine_does_not_know_is_asked_of_nobody(
    gather: Gather, world: World, root: Path
) -> None:
    """On a host in a container of another engine, whose server it has."""
    (root / "etc/resolv.conf").write_text("nameserver 127.0.0.11\n")
    assert (gather().own_name, world.asked) == (None, [])


def test_a_container_of_no_known_id_asks_for_no_name_of_its_own(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOSTNAME", raising=False)
    (root / "etc/resolv.conf").write_text("nameserver 127.0.0.11\n")
    engine, world = Engine(f"unix://{tmp_path}/none"), World()
    senses = Senses(root=root, ask=world.ask)
    assert gathered(Gathering(target=None, engine=engine, senses=senses)).own_name is None
    assert world.asked == []


# The outside.


def test_a_name_outside_is_asked_for_and_dialled(gather: Gather, world: World) -> None:
    world.answer = (ip_address("198.51.100.7"),)
    found = gather(outside="registry.example:443")
    assert found.outside is not None
    assert (found.outside.reached, world.asked) == (True, ["registry.example 192.0.2.53"])
    assert world.dialled == ["198.51.100.7:443"]


def test_a_name_of_the_hosts_file_is_asked_of_nobody(gather: Gather, world: World) -> None:
    found = gather(outside="Registry.example:443", origin="client")
    assert found.outside is not None
    assert world.dialled == ["172.17.0.9:443"]
    assert not any("registry" in asked.casefold() for asked in world.asked)


def test_an_address_outside_is_dialled_as_it_is(gather: Gather, world: World) -> None:
    gather(outside="[2001:db8::7]:443")
    assert (world.dialled, world.asked) == (["[2001:db8::7]:443"], [])


def test_where_nobody_can_be_asked_for_a_name(gather: Gather, world: World, root: Path) -> None:
    (root / "etc/resolv.conf").write_text("")
    found = gather(outside="registry.example:443")
    assert found.outside is not None
    assert found.outside.look_ups[0].word == "no name server is configured"
    assert world.dialled == []


def test_name_servers_are_asked_until_one_knows(gather: Gather, world: World, root: Path) -> None:
    servers = [f"192.0.2.{n}" for n in (1, 2, 3, 4)]
    (root / "etc/resolv.conf").write_text("".join(f"nameserver {s}\n" for s in servers))
    gather(outside="registry.example:443")
    assert world.asked == [f"registry.example {s}" for s in servers[:3]]


@pytest.mark.parametrize("text", ["registry.example", "registry.example:53/udp", "shop/web:80"])
def test_what_is_no_outside_target(gather: Gather, text: str) -> None:
    with pytest.raises(FormatError, match="expected HOST:PORT"):
        gather(outside=text)


# A recording.


def test_a_recording_is_examined_without_this_machine(world: World) -> None:
    senses = Senses(root=Path("/nowhere"), dial=world.dial, ask=world.ask)
    asked: dict[str, Any] = {"engine": Snapshot.load(STORY), "named": True, "senses": senses}
    found = gathered(Gathering(target=Target.parse("net2:80"), **asked))
    assert (found.recorded, found.machine, found.place, world.dialled) == (True, None, None, [])
    assert seen(found) == [("kernel, firewall and sockets of the engine's host", True)]
    outside = gathered(Gathering(target=None, outside=Target.parse("a:1"), **asked))
    assert ("a:1", True) in seen(outside)
    inside = gathered(Gathering(target=Target.parse("db:1"), origin="api", **asked))
    assert inside.caller is not None


@pytest.mark.parametrize("timeout", [0.0, -1.0, float("nan"), float("inf")])
def test_no_time_is_no_time_to_wait(timeout: float) -> None:
    with pytest.raises(FormatError, match="timeout"):
        examine("db:5432", engine=Snapshot.load(STORY), timeout=timeout)


def test_an_examination_is_a_report(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    told = examine("db:5432", engine=Snapshot.load(STORY), seen_from="client")
    assert [finding.code for finding in told.wrong] == [Code.PUBLISHED_ON_LOOPBACK]
    del replay
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    own = examine(outside=None)
    assert [finding.code for finding in own.wrong] == [Code.ENGINE_UNREACHABLE]
