"""Each finding on a real engine: really broken, found, mended as printed, and gone."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from ipaddress import ip_network
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from attrs import define, evolve, field
from harness import (
    Cast,
    Place,
    RealContainer,
    RealEngine,
    RealNetwork,
    Scene,
    private_engine,
)
from harness.doors import door
from harness.features import needs
from harness.ground import THERE, THERE6
from harness.places import HostPlace
from harness.restarts import restartable_engine
from harness.verbs import Verbs, verbs_on

from dockernet.doctor import ENTRIES, Code, Severity

# The host's firewall, its kernel and its engine are broken: those of a machine are not ours.
pytestmark = needs("settings")

_PATIENCE = 10.0  # seconds until something has happened that happens at once
DOCTOR = (sys.executable, "-m", "dockernet", "doctor", "--json")
# As a person has it on the path.
_DOCKERNET = f'dockernet() {{ "{sys.executable}" -m dockernet "$@"; }}'


# Listens, says nothing, and takes what comes.
LISTEN = """
import signal, socket, sys
at, port = sys.argv[1], int(sys.argv[2])
six = ":" in at
family = socket.AF_INET6 if six else socket.AF_INET
server = socket.create_server((at, port), family=family, dualstack_ipv6=six)
print("ready", flush=True)
signal.pause()
"""
# Ends, again and again, as long as a file is there.
FALLING = "import os, time\nwhile not os.path.exists('/flag/fall'): time.sleep(0.01)"
HOSTILE = "a; touch /run/doctored \"$(id)\" 'x'"


@define(eq=False)
class Examiner:
    """The doctor on the engine's host."""

    verbs: Verbs

    def __call__(self, *arguments: str) -> Any:
        """A report, and the exit code in it."""
        document = self.verbs("doctor", *arguments)
        return document.get("report", document) | {"code": document["code"]}


@define(eq=False)
class Inside:
    """The doctor somewhere else, in a process for each run."""

    place: Place

    def __call__(self, *arguments: str) -> Any:
        """A report, and the exit code in it."""
        done = self.place.execute(*DOCTOR, *arguments)
        return json.loads(done.out)["report"] | {"code": done.code}


@define(eq=False)
class Machine:
    """The doctor on a machine whose engine is in a virtual machine of its own."""

    place: Place

    def __call__(self, target: str) -> Any:
        """A report, and the exit code that it would have."""
        return self.place.call(_examined_on_a_machine, target)


def _examined_on_a_machine(target: str) -> Any:
    from unittest import mock

    from attrs import evolve

    import dockernet
    from dockernet._cli import documents
    from dockernet.doctor import examine, gathering

    # The tests may run in a container; that machine does not.
    kind = dockernet.VantageKind.HOST
    machine = evolve(dockernet.whoami(), kind=kind, id=None, network_owner=None)
    with mock.patch.object(gathering, "read_vantage", return_value=machine):
        report = examine(target, timeout=2.0)
    return dict(documents.report(report)) | {"code": int(bool(report.wrong))}


@define(eq=False)
class Common:
    """What no breaking leaves otherwise than it was."""

    net: RealNetwork
    web: RealContainer
    near: RealContainer
    client: RealContainer


@pytest.fixture(scope="module")
def common(engine: RealEngine) -> Iterator[Common]:
    with Scene(engine) as scene:
        net = scene.network("net")
        cast = (
            Cast("web", ports=["80"], publish=["80"]),
            Cast("near", ports=["80"], network=net),
            Cast("client", network=net),
        )
        yield Common(net, *scene.run_all(*cast))


@define(eq=False)
class Stage:
    """What a test breaks things on."""

    engine: RealEngine
    host: HostPlace
    scene: Scene
    examiner: Examiner
    common: Common
    doctor: Callable[..., Any] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.doctor = self.examiner  # unless something is broken that is seen elsewhere

    def run(self, name: str, **how: Any) -> RealContainer:
        return self.scene.run(name, **how)

    def on_host(self, *command: str) -> str:
        done = self.host.execute(*command)
        assert done.code == 0, (command, done)
        return done.out

    def docker(self, *words: str) -> str:
        return self.on_host("docker", *words)

    def sysctl(self, name: str, value: int) -> None:
        self.on_host("sysctl", "-w", f"{name}={value}")

    def inside(self, container: RealContainer, *command: str) -> tuple[str, ...]:
        """A command of this machine in a container's network namespace."""
        pid = str(container.inspect()["State"]["Pid"])
        return ("nsenter", "-t", pid, "-n", *command)

    @contextmanager
    def listening(
        self, at: str, port: int, inside: RealContainer | HostPlace | None = None
    ) -> Iterator[int]:
        """Somebody listens in a container's namespace, or on a machine; gives the process."""
        program: tuple[str, ...] = (sys.executable, "-I", "-S", "-c", LISTEN, at, str(port))
        place = inside if isinstance(inside, HostPlace) else self.host
        if isinstance(inside, RealContainer):
            program = self.inside(inside, *program)
        with place.start(*program) as process:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            try:
                yield process.pid
            finally:
                process.terminate()

    def bridge(self, network: Any) -> str:
        """The interface of a network's bridge."""
        return f"br-{network.id[:12]}"


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


@contextmanager
def examining(host: Place) -> Iterator[Examiner]:
    with verbs_on(host) as verbs:
        yield Examiner(verbs)


@pytest.fixture
def stage(engine: RealEngine, host: Place, scene: Scene, verbs: Verbs, common: Common) -> Stage:
    assert isinstance(host, HostPlace)
    return Stage(engine, host, scene, Examiner(verbs), common)


Steps = Generator[list[str] | None]
Breaking = Callable[[Stage], Steps]
BREAKINGS: list[Any] = []
Test = TypeVar("Test", bound=Callable[..., None])
SHOWN: set[str] = set()
"""The codes that something here is really broken for."""


def shows(*codes: str) -> Callable[[Test], Test]:
    """A test that breaks something by itself, with the codes that are found then."""
    SHOWN.update(codes)
    return lambda test: test


def breaks(*codes: str) -> Callable[[Breaking], Breaking]:
    """A way to break something, with the codes that must be found then.

    It gives the arguments of the doctor where all is well, then where it is broken, then
    where it is mended; none, where they stay the same. A finding with a command is mended
    by that, before the last step.
    """

    def entered(breaking: Breaking) -> Breaking:
        SHOWN.update(codes)
        BREAKINGS.append(pytest.param(codes, breaking, id=breaking.__name__))
        return breaking

    return entered


def codes_of(report: Any) -> list[str]:
    return [finding["code"] for finding in report["findings"]]


def mend(stage: Stage, report: Any, code: str) -> None:
    """Run the fix of a finding as it is printed, in a shell."""
    finding = next(f for f in report["findings"] if f["code"] == code)
    command = finding["fix"]["command"]
    if command is not None:
        done = stage.host.execute("sh", "-c", f"{_DOCKERNET}; {command}")
        assert done.code == 0, (command, done)
    else:
        assert finding["fix"]["change"]


# The way to a peer.


@breaks("not-running")
def a_stopped_peer(s: Stage) -> Steps:
    web = s.run("web", ports=["80"], publish=["80"])
    yield [f"{web.name}:80"]
    web.stop()
    yield None
    yield None


@breaks("paused")
def a_paused_peer(s: Stage) -> Steps:
    web = s.run("web", ports=["80"])
    yield [f"{web.name}:80"]
    web.pause()
    yield None
    yield None


@breaks("no-network")
def a_peer_on_no_network(s: Stage) -> Steps:
    web, alone = s.common.web, s.run("alone", ports=["80"], network_mode="none")
    yield [f"{web.name}:80"]
    yield [f"{alone.name}:80"]
    yield None


@breaks("port-unknown")
def a_target_without_a_port(s: Stage) -> Steps:
    near = s.common.near  # which exposes nothing
    yield [f"{near.name}:80"]
    yield [near.name]
    yield [f"{near.name}:80"]


@breaks("icc-disabled")
def two_containers_that_are_kept_apart(s: Stage) -> Steps:
    apart, both = s.scene.network("apart", icc=False), s.scene.network("both")
    web, client = s.scene.run_all(
        Cast("web", ports=["80"], network=apart, also={both: ()}),
        Cast("client", network=apart, also={both: ()}),
    )
    yield [f"{web.name}:80", "--from", client.name]
    s.docker("network", "disconnect", both.name, client.name)
    yield None
    yield None
    _forget_network(s, client, web)


def _forget_network(s: Stage, *two: RealContainer) -> None:
    """Remove the network that a fix has made for two containers."""
    name = "-".join(container.name for container in two)
    for container in two:
        s.docker("network", "disconnect", name, container.name)
    s.docker("network", "rm", name)


@breaks("no-shared-network")
def two_networks(s: Stage) -> Steps:
    here, there = s.scene.network("here"), s.scene.network("there")
    web, client = s.scene.run_all(
        Cast("web", ports=["80"], network=there),
        Cast("client", network=here, also={there: ()}),
    )
    yield [f"{web.name}:80", "--from", client.name]
    s.docker("network", "disconnect", there.name, client.name)
    yield None
    yield None


@breaks("not-published")
def a_port_that_is_not_published(s: Stage) -> Steps:
    """Seen from another machine."""
    assert s.engine.elsewhere is not None
    with examining(s.engine.elsewhere) as s.doctor:
        yield [f"{s.common.web.name}:80"]
        yield [f"{s.common.near.name}:80"]
        yield [f"{s.common.web.name}:80"]


@breaks("published-on-loopback")
def a_port_on_loopback(s: Stage) -> Steps:
    web, client = s.common.web, s.common.client
    low = s.run("low", ports=["80"], publish=["127.0.0.1::80"])
    yield [f"{web.name}:80", "--from", client.name]
    yield [f"{low.name}:80", "--from", client.name]
    yield None
    s.docker("network", "disconnect", "bridge", client.name)


@breaks("no-address")
def a_variable_that_tells_no_address(s: Stage) -> Steps:
    """As of a link to a peer that exposes nothing; seen where there is no engine to ask."""
    client = s.run("client", env={"DEDOIMEDO_NAME": "/client/dedoimedo"})
    s.doctor = Inside(client.with_env(DOCKER_HOST="unix:///nowhere/docker.sock"))
    line = f"{s.common.web.address()} dedoimedo"
    _append(client, line)
    yield ["dedoimedo:80"]
    _cut(client, "dedoimedo")
    yield None
    _append(client, line)
    yield None


@breaks("address-behind-vm")
def an_address_in_a_virtual_machine(s: Stage) -> Steps:
    """Its monitor joins host ports to the machine's loopback, as Lima's does."""
    far, here = s.engine.elsewhere, s.engine.addresses[0]
    assert isinstance(far, HostPlace)
    machine = far.with_env(DOCKER_HOST=s.engine.url)
    s.doctor = Machine(machine)
    web, near = s.common.web, s.common.near
    port = web.host_port("80/tcp")
    with door(machine, f"127.0.0.1:{port}", f"{here}:{port}"):
        yield [f"{web.name}:80"]
        yield [f"{near.name}:80"]
        yield [f"{web.name}:80"]


@breaks("dial-failed")
def an_address_that_the_host_prohibits(s: Stage) -> Steps:
    """The kernel says EACCES, which is none of the usual."""
    near = s.common.near
    rule = ("route", "add", "prohibit", near.address())
    yield [f"{near.name}:80"]
    s.on_host("ip", *rule)
    try:
        yield None
    finally:
        s.on_host("ip", "route", "del", *rule[2:])
    yield None


@breaks("driver-not-routed")
def a_peer_on_macvlan_alone(s: Stage) -> Steps:
    subnet = {"Subnet": "192.0.2.128/25"}
    lan = s.scene.network(
        "lan", driver="macvlan", Options={"parent": "eth0"}, IPAM={"Config": [subnet]}
    )
    far = s.run("far", ports=["80"], network=lan)
    yield [f"{s.common.web.name}:80"]
    yield [f"{far.name}:80"]
    yield None


@breaks("host-address-unknown")
def a_caller_without_a_bridge(s: Stage) -> Steps:
    hosted, none = s.scene.run_all(
        Cast("hosted", ports=["8099"], network_mode="host"), Cast("none", network_mode="none")
    )
    yield [f"{hosted.name}:8099", "--from", s.common.client.name]
    yield [f"{hosted.name}:8099", "--from", none.name]
    yield None


@breaks("stale")
def a_link_whose_peer_is_gone(s: Stage) -> Steps:
    web = s.run("web", ports=["80"])
    client = s.run("client", links=[f"{web.name}:dedoimedo"])
    yield ["dedoimedo:80", "--from", client.name]
    web.remove()
    yield None
    again, other = s.run("again", ports=["80"]), "another"
    linked = s.run(other, links=[f"{again.name}:dedoimedo"])
    yield ["dedoimedo:80", "--from", linked.name]


@breaks("unknown-peer")
def a_name_of_nobody(s: Stage) -> Steps:
    web = s.common.web
    yield [f"{web.name}:80"]
    yield [f"{web.name[:-1]}:80"]
    yield [f"{web.name}:80"]


@breaks("ambiguous-peer")
def a_service_of_two_projects(s: Stage) -> Steps:
    label = "com.docker.compose."
    for project in ("shop", "mall"):
        labels = {f"{label}project": project, f"{label}service": "web"}
        s.run(project, ports=["80"], labels=labels)
    yield ["shop/web:80"]
    yield ["web:80"]
    yield ["mall/web:80"]


# The peer.


@breaks("listens-on-loopback", "refused", "closed-at-once")
def an_application_on_loopback(s: Stage) -> Steps:
    web = s.run("web", publish=["80"])
    with s.listening("::", 80, web):
        yield [f"{web.name}:80"]
    with s.listening("127.0.0.1", 80, web):
        yield None
    with s.listening("::", 80, web):
        yield None


@breaks("listens-on-another-port", "refused", "closed-at-once")
def an_application_on_another_port(s: Stage) -> Steps:
    web = s.run("web", publish=["80"])
    with s.listening("::", 80, web):
        yield [f"{web.name}:80"]
    with s.listening("::", 81, web):
        yield None
    with s.listening("::", 80, web):
        yield None


@breaks("nothing-listens")
def an_application_that_is_not_there(s: Stage) -> Steps:
    """Without a target, too, where nothing is dialled."""
    web = s.run("web", publish=["80"])
    with s.listening("::", 80, web):
        yield []
    yield None
    with s.listening("::", 80, web):
        yield None


@breaks("one-family-answers")
def an_application_of_ipv4_alone(s: Stage) -> Steps:
    web = s.run("web", publish=["80"])
    with s.listening("::", 80, web):
        yield [f"{web.name}:80"]
    with s.listening("0.0.0.0", 80, web):
        yield None
    with s.listening("::", 80, web):
        yield None


@breaks("unhealthy")
def an_unhealthy_peer(s: Stage) -> Steps:
    test = {"Test": ["CMD-SHELL", "test ! -e /run/ill"], "Interval": 50_000_000, "Retries": 1}
    web = s.run("web", ports=["80"], create={"Healthcheck": test})

    def health() -> str:
        return str(web.inspect()["State"]["Health"]["Status"])

    until(lambda: health() == "healthy")
    yield []
    web.execute("touch", "/run/ill")
    until(lambda: health() == "unhealthy")
    yield None
    web.execute("rm", "/run/ill")
    until(lambda: health() == "healthy")
    yield None


@breaks("restarting")
def a_peer_that_ends_again_and_again(s: Stage) -> Steps:
    with TemporaryDirectory() as folder:
        settings = {"RestartPolicy": {"Name": "always"}, "Binds": [f"{folder}:/flag"]}
        mounts = {"Mounts": s.engine.mounts()}
        falling = s.run(
            "falling",
            command=[sys.executable, "-I", "-S", "-c", FALLING],
            create={"HostConfig": settings | mounts},
        )
        yield [f"{falling.name}:80"]
        flag = Path(folder, "fall")
        flag.touch()
        until(lambda: falling.inspect()["RestartCount"] > 2 and _is(falling, "restarting"))
        yield None
        flag.unlink()
        until(lambda: _is(falling, "running"))
        yield None


def _is(container: RealContainer, state: str) -> bool:
    return bool(container.inspect()["State"]["Status"] == state)


@breaks("host-port-held")
def a_host_port_of_a_process(s: Stage) -> Steps:
    web = s.run("web", ports=["80"], publish=["18500:80"])
    web.stop()
    yield [f"{web.name}:80"]
    with s.listening("0.0.0.0", 18500):
        yield None
        yield None
    assert web.inspect()["State"]["Running"]


@breaks("host-port-held")
def a_host_port_of_another_container(s: Stage) -> Steps:
    web = s.run("web", ports=["80"], publish=["18501:80"])
    web.stop()
    yield [f"{web.name}:80"]
    s.run("other", ports=["80"], publish=["18501:80"])
    yield None
    yield None
    assert web.inspect()["State"]["Running"]


# The kernel of the engine's host.


@breaks("ipv4-forwarding-off")
def no_forwarding_of_ipv4(s: Stage) -> Steps:
    yield []
    s.sysctl("net.ipv4.ip_forward", 0)
    yield None
    yield None


@breaks("ipv6-forwarding-off")
def no_forwarding_of_ipv6(s: Stage) -> Steps:
    yield []
    s.sysctl("net.ipv6.conf.all.forwarding", 0)
    yield None
    yield None


@breaks("bridge-not-filtered")
def a_bridge_that_is_not_filtered(s: Stage) -> Steps:
    s.scene.network("apart", icc=False)
    yield []
    s.sysctl("net.bridge.bridge-nf-call-iptables", 0)
    yield None
    yield None


@breaks("overlapping-subnets")
def a_route_into_a_network(s: Stage) -> Steps:
    net = s.common.net
    subnet = ip_network(net.inspect()["IPAM"]["Config"][0]["Subnet"])
    yield []
    *_, half = subnet.subnets()
    s.on_host("ip", "route", "add", str(half), "dev", "eth0")
    yield None
    yield None


# The firewall of the engine's host.


@breaks("host-rejects-containers", "no-route-to-host")
def a_host_that_rejects_a_network(s: Stage) -> Steps:
    net, client = s.common.net, s.common.client
    hosted = s.run("hosted", ports=["8099"], network_mode="host")
    rule = ("INPUT", "-i", s.bridge(net), "-j", "REJECT", "--reject-with", "icmp-host-prohibited")
    yield [f"{hosted.name}:8099", "--from", client.name]
    with rules(s, rule):
        yield None
        yield None
    _forget_plans(s)


@breaks("another-way-closed")
def a_host_port_that_nobody_misses(s: Stage) -> Steps:
    """Both are on one network, too."""
    net, client = s.common.net, s.common.client
    open_too = s.run("open", ports=["80"], network=net, publish=["80"])
    yield [f"{open_too.name}:80", "--from", client.name, "--timeout", "0.5"]
    with rules(s, ("INPUT", "-i", s.bridge(net), "-j", "DROP")):
        yield None
        yield None
    _forget_plans(s)


@breaks("host-rejects-containers")
def a_host_that_rejects_its_default_bridge(s: Stage) -> Steps:
    """Found without a target: the way to each published port is tried."""
    reject = ("-j", "REJECT", "--reject-with", "icmp-host-prohibited")
    yield []
    with rules(s, ("INPUT", "-i", "docker0", *reject)):
        yield None
        yield None
    _forget_plans(s)


def _forget_plans(s: Stage) -> None:
    """Take back what fixes have let through."""
    applied = s.examiner.verbs("forward", "status")
    for tag in applied["tags"]:
        s.examiner.verbs("forward", "remove", "--tag", tag)


@contextmanager
def rules(s: Stage, *every: tuple[str, ...], program: str = "iptables") -> Iterator[None]:
    """Put rules before the others, and take those away that are there at the end."""
    for rule in every:
        s.on_host(program, "-I", *rule)
    yield
    for rule in every:
        s.host.execute(program, "-D", *rule)


@breaks("dropped-by-rule")
def a_rule_of_the_administrator_that_drops(s: Stage) -> Steps:
    """Its comment is a command, which nobody runs."""
    web = s.common.web
    told = ("-m", "comment", "--comment", HOSTILE)
    yield []
    with rules(s, ("DOCKER-USER", "-d", web.address(), *told, "-j", "DROP")):
        yield None
        yield None
    assert not Path("/run/doctored").exists()


@breaks("dropped-by-rule", "timed-out")
def a_rule_that_drops_what_crosses_a_bridge(s: Stage) -> Steps:
    net, web, client = s.common.net, s.common.near, s.common.client
    yield [f"{web.name}:80", "--from", client.name, "--timeout", "0.5"]
    with rules(s, ("DOCKER-USER", "-i", s.bridge(net), "-o", s.bridge(net), "-j", "DROP")):
        yield None
        yield None


@breaks("rejected-by-rule", "refused")
def a_rule_that_rejects_what_crosses_a_bridge(s: Stage) -> Steps:
    net, web, client = s.common.net, s.common.near, s.common.client
    yield [f"{web.name}:80", "--from", client.name]
    with rules(s, ("DOCKER-USER", "-i", s.bridge(net), "-j", "REJECT")):
        yield None
        yield None


@breaks("blocked-by-policy")
def rules_of_the_engine_that_are_gone(s: Stage) -> Steps:
    saved = s.on_host("iptables-save", "-t", "filter")
    yield []
    s.on_host("iptables", "-P", "FORWARD", "DROP")
    s.on_host("iptables", "-F", "FORWARD")
    try:
        yield None
    finally:  # as the engine does at its start
        done = s.host.start("iptables-restore").communicate(saved)
    assert done == ("", "")
    yield None


@breaks("missing-rule")
def a_rule_that_is_missing(s: Stage) -> Steps:
    web = s.common.web
    yield [f"{web.name}:80"]  # which answers all the same, by docker-proxy
    wanted = f"--to-destination {web.address()}:80"
    lines = s.on_host("iptables", "-t", "nat", "-S", "DOCKER").splitlines()
    rule = next(line for line in lines if wanted in line)
    s.on_host("iptables", "-t", "nat", "-D", *rule.split()[1:])
    yield None
    yield []


@breaks("stale-rule")
def a_rule_of_a_container_that_is_gone(s: Stage) -> Steps:
    yield []
    to = ("-p", "tcp", "--dport", "18510", "-j", "DNAT", "--to-destination", "172.17.255.9:80")
    s.on_host("iptables", "-t", "nat", "-A", "DOCKER", "!", "-i", "docker0", *to)
    yield None
    yield None


# Names.


@breaks("no-names-here")
def two_containers_on_the_default_bridge(s: Stage) -> Steps:
    net = s.scene.network("net")
    web, client = s.scene.run_all(
        Cast("web", ports=["80"], also={net: ()}), Cast("client", also={net: ()})
    )
    yield [f"{web.name}:80", "--from", client.name]
    s.docker("network", "disconnect", net.name, client.name)
    yield None
    yield None
    _forget_network(s, client, web)


@breaks("alias-in-another-network")
def an_alias_in_another_network(s: Stage) -> Steps:
    here, there = s.scene.network("here"), s.scene.network("there")
    _, client = s.scene.run_all(
        Cast("web", ports=["80"], network=there, aliases=["dedoimedo"]),
        Cast("client", network=here, also={there: ()}),
    )
    yield ["dedoimedo:80", "--from", client.name]
    s.docker("network", "disconnect", there.name, client.name)
    yield None
    yield None


@breaks("embedded-dns-silent")
def an_embedded_dns_without_its_rules(s: Stage) -> Steps:
    web, client = s.common.near, s.common.client
    yield [f"{web.name}:80", "--from", client.name, "--timeout", "0.5"]
    s.on_host(*s.inside(client, "iptables", "-t", "nat", "-F", "OUTPUT"))
    yield None
    yield None


@breaks("upstream-dns-dead")
def an_upstream_that_is_dead(s: Stage) -> Steps:
    """Another container has a server that answers: there is no such name."""
    net, good = s.common.net, s.common.client
    # A machine where nobody answers for names, and where that is known at once.
    settings = {
        "HostConfig": {"Dns": [THERE], "Mounts": s.engine.mounts(), "NetworkMode": net.name}
    }
    bad = s.run("bad", network=net, create=settings)
    asked = ["--outside", "nosuch.example:80", "--timeout", "1", "--from"]
    yield [f"{good.name}:80"]
    yield [*asked, bad.name]
    yield [*asked, good.name]


@breaks("name-not-found")
def a_name_that_is_not_there(s: Stage) -> Steps:
    client = s.common.client
    yield ["--from", client.name]
    yield ["--outside", "nosuch.example:80", "--from", client.name]
    yield ["--from", client.name]


@breaks("stale-link-variables")
def a_peer_that_has_moved(s: Stage) -> Steps:
    web = s.run("web", ports=["80"], expose=["80"])
    client = s.run("client", links=[f"{web.name}:dedoimedo"])
    yield ["dedoimedo:80", "--from", client.name]
    web.stop()
    s.run("squatter")
    web.start()
    yield None
    yield None


@breaks("stale-hosts-line")
def a_hosts_line_that_is_old(s: Stage) -> Steps:
    web, client = s.common.web, s.common.client
    yield ["--from", client.name]
    _append(client, f"172.17.255.9 {web.name}")
    yield None
    _cut(client, "172.17.255.9")
    yield None


@breaks("doubled-hosts-lines")
def two_hosts_lines_of_one_name(s: Stage) -> Steps:
    client = s.common.client
    _append(client, "192.0.2.7 wiki")
    yield ["--from", client.name]
    _append(client, "192.0.2.8 wiki")
    yield None
    _cut(client, "192.0.2.8")
    yield None


def _append(container: RealContainer, line: str) -> None:
    assert container.execute("sh", "-c", f"echo '{line}' >> /etc/hosts").code == 0


def _cut(container: RealContainer, word: str) -> None:
    script = f"grep -v '{word}' /etc/hosts > /tmp/hosts; cat /tmp/hosts > /etc/hosts"
    assert container.execute("sh", "-c", script).code == 0


# The outside world: another machine on the network of the engine's host.

OUTSIDE = 18600


@breaks("internal-network")
def a_caller_on_an_internal_network(s: Stage) -> Steps:
    inner = s.scene.network("inner", internal=True)
    client = s.run("client", network=inner)
    s.docker("network", "connect", "bridge", client.name)
    yield from _dialled_outside(s, client, "network", "disconnect", "bridge", client.name)


@breaks("no-default-route", "network-unreachable")
def a_caller_without_a_default_route(s: Stage) -> Steps:
    client = s.common.client
    with _listening_outside(s) as asked:
        yield [*asked, "--from", client.name]
        s.on_host(*s.inside(client, "ip", "route", "del", "default"))
        yield None
        yield None


def _dialled_outside(s: Stage, client: RealContainer, *words: str) -> Steps:
    """Dial another machine from a container, before and after docker has broken it."""
    with _listening_outside(s) as asked:
        yield [*asked, "--from", client.name]
        s.docker(*words)
        yield None
        yield None


@contextmanager
def _listening_outside(s: Stage) -> Iterator[list[str]]:
    assert isinstance(s.engine.elsewhere, HostPlace)
    far = f"{s.engine.addresses[0].rpartition('.')[0]}.2"
    with s.listening(far, OUTSIDE, s.engine.elsewhere):
        yield ["--outside", f"{far}:{OUTSIDE}", "--timeout", "0.5"]


@breaks("no-masquerade")
def a_network_that_is_not_masqueraded(s: Stage) -> Steps:
    net, client = s.common.net, s.common.client
    subnet = net.inspect()["IPAM"]["Config"][0]["Subnet"]
    rule = ("POSTROUTING", "-s", subnet, "!", "-o", s.bridge(net), "-j", "MASQUERADE")
    with _listening_outside(s) as asked:
        yield [*asked, "--from", client.name]
        s.on_host("iptables", "-t", "nat", "-D", *rule)
        yield None
        yield None
    _forget_plans(s)
    s.on_host("iptables", "-t", "nat", "-A", *rule)


# The engine.


@breaks("engine-unreachable")
def an_engine_that_is_not_there(s: Stage) -> Steps:
    del s
    yield []
    yield ["--host", "unix:///nowhere/docker.sock"]
    yield []


@breaks("engine-late")
def an_engine_that_does_not_answer(s: Stage) -> Steps:
    pid = int(Path(s.engine.api.path).with_name("pid").read_text())
    yield []
    os.kill(pid, SIGSTOP)
    try:
        yield ["--timeout", "0.3"]
    finally:
        os.kill(pid, SIGCONT)
    yield []


def _given(said: list[str] | None, before: list[str]) -> list[str]:
    return before if said is None else said


@pytest.mark.parametrize("codes, breaking", BREAKINGS)
def test_what_is_broken_is_found_and_mended_as_printed(
    stage: Stage, codes: tuple[str, ...], breaking: Breaking
) -> None:
    prove(stage, codes, breaking)


def prove(stage: Stage, codes: tuple[str, ...], breaking: Breaking) -> None:
    """That something is found when it is broken, and neither before nor after."""
    notices = {ENTRIES[Code(code)].severity for code in codes} == {Severity.NOTICE}
    steps = breaking(stage)
    with closing(steps):  # what was broken is put back, whatever is found
        asked = _given(next(steps), [])
        well = stage.doctor(*asked)
        assert not set(codes) & set(codes_of(well)), well

        asked = _given(next(steps), asked)
        broken = stage.doctor(*asked)
        assert set(codes) <= set(codes_of(broken)), broken
        assert (broken["code"], broken["healthy"]) == ((0, True) if notices else (1, False))
        mend(stage, broken, codes[0])

        asked = _given(next(steps), asked)
        mended = stage.doctor(*asked)
        assert not set(codes) & set(codes_of(mended)), mended
        next(steps, None)


# What one sees who is not root, or not here.


@shows("not-permitted")
def test_who_is_not_root_is_told_what_is_not_seen(stage: Stage) -> None:
    """It costs the exit code, unless a peer was asked for that answers."""
    plain = ("setpriv", "--bounding-set=-net_admin", *DOCTOR)
    everything = stage.host.execute(*plain)
    told = json.loads(everything.out)["report"]
    assert (everything.code, told["healthy"], told["complete"]) == (3, True, False)
    assert codes_of(told) == ["not-permitted"]
    assert "needs root, or the capability CAP_NET_ADMIN" in told["findings"][0]["observed"]
    assert stage.host.execute(*plain, f"{stage.common.web.name}:80").code == 0


def test_who_may_not_enter_a_container_does_not_dial_from_it(stage: Stage) -> None:
    web = stage.common.web
    plain = ("setpriv", "--bounding-set=-sys_admin", *DOCTOR, f"{web.name}:80", "--from", web.name)
    done = stage.host.execute(*plain)
    told = json.loads(done.out)["report"]
    assert (done.code, codes_of(told)) == (3, ["not-permitted"])
    assert "to dial from inside a container needs root" in told["findings"][0]["observed"]


@shows("engine-forbidden")
def test_who_may_not_use_the_engine_is_told_so(stage: Stage) -> None:
    """One without the rights of root, who could open what is another's."""
    asked = (*DOCTOR, f"{stage.common.web.name}:80")
    plain = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", *asked)
    with another_s(Path(stage.engine.api.path)):
        done = stage.host.execute(*plain)
    assert (done.code, codes_of(json.loads(done.out)["report"])) == (1, ["engine-forbidden"])
    assert stage.host.execute(*plain).code == 0


@contextmanager
def another_s(path: Path) -> Iterator[None]:
    """A file is another user's alone."""
    before = path.stat()
    os.chown(path, 65534, 65534)
    path.chmod(0o600)
    try:
        yield
    finally:
        os.chown(path, before.st_uid, before.st_gid)
        path.chmod(before.st_mode & 0o7777)


@shows("not-examined")
def test_elsewhere_the_engine_s_host_is_not_examined(elsewhere: Place) -> None:
    everything = Inside(elsewhere)()
    assert (everything["code"], codes_of(everything)) == (0, ["not-examined"])


def test_a_container_without_the_engine_has_nothing_wrong_for_that(stage: Stage) -> None:
    web, client = stage.common.near, stage.common.client
    alone = client.with_env(DOCKER_HOST="unix:///nowhere/docker.sock")
    well = alone.execute(*DOCTOR, f"{web.name}:80")
    assert (well.code, codes_of(json.loads(well.out)["report"])) == (0, ["not-examined"])
    odd = alone.execute(*DOCTOR, f"{web.name}-not:80")
    assert (odd.code, codes_of(json.loads(odd.out)["report"])[0]) == (1, "unknown-peer")


@shows("not-exposed")
def test_a_link_that_opens_exposed_ports_alone(stage: Stage) -> None:
    """On a default bridge that keeps its containers apart: a setting of the engine."""
    with private_engine(icc=False) as apart, Scene(apart) as scene:
        assert isinstance(apart.host, HostPlace)
        with examining(apart.host) as doctor:
            other = evolve(stage, engine=apart, host=apart.host, scene=scene, examiner=doctor)
            prove(other, ("not-exposed",), a_port_that_is_not_exposed)


def a_port_that_is_not_exposed(s: Stage) -> Steps:
    web = s.run("web", ports=["80", "81"], expose=["80"])
    client = s.run("client", links=[f"{web.name}:dedoimedo"])
    yield ["dedoimedo:80", "--from", client.name]
    yield ["dedoimedo:81", "--from", client.name]
    yield None
    _forget_network(s, client, web)


# Hosts that are well, and are not as most are.


@pytest.mark.usefixtures("engine")  # where there is none, there is none of our own
def test_an_engine_that_keeps_no_rules_for_ipv6_is_well() -> None:
    """As it is up to Engine 26 unless told otherwise: a userland proxy takes what comes."""
    with (
        private_engine(ip6tables=False) as bare,
        Scene(bare) as scene,
        examining(bare.host) as doctor,
    ):
        web = scene.run(
            "web", ports=["80"], network=scene.network("net", ipv6=True), publish=["80"]
        )
        for asked in ([], [f"{web.name}:80"]):
            assert doctor(*asked)["findings"] == []


STATEFUL = ("-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT")
NEIGHBOURS = ("ip6tables", "-A", "INPUT", "-p", "ipv6-icmp", "-j", "ACCEPT")
PROHIBITED = ("-j", "REJECT", "--reject-with")
ELSE = "another-engine"
# What makes the host so, and what undoes it but for rules of iptables.
HOSTS: dict[str, tuple[Sequence[Sequence[str]], Sequence[Sequence[str]]]] = {
    "closed by a policy, as of ufw": (
        [
            [program, *words]
            for program in ("iptables", "ip6tables")
            for words in (
                ("-A", "INPUT", "-i", "lo", "-j", "ACCEPT"),
                ("-A", "INPUT", *STATEFUL),
                ("-A", "INPUT", "-p", "tcp", "--dport", "22", "-j", "ACCEPT"),
                ("-P", "INPUT", "DROP"),
            )
        ]
        + [NEIGHBOURS],
        [],
    ),
    "closed by a last rule, as of firewalld": (
        [
            ["iptables", "-A", "INPUT", "-i", "lo", "-j", "ACCEPT"],
            ["iptables", "-A", "INPUT", *STATEFUL],
            ["iptables", "-A", "INPUT", *PROHIBITED, "icmp-host-prohibited"],
            ["ip6tables", "-A", "INPUT", "-i", "lo", "-j", "ACCEPT"],
            ["ip6tables", "-A", "INPUT", *STATEFUL],
            NEIGHBOURS,
            ["ip6tables", "-A", "INPUT", *PROHIBITED, "icmp6-adm-prohibited"],
        ],
        [],
    ),
    "a VPN for all": (
        [
            ["ip", "route", "add", "0.0.0.0/1", "via", THERE],
            ["ip", "route", "add", "128.0.0.0/1", "via", THERE],
            ["ip", "route", "add", "10.250.0.0/16", "via", THERE],
            ["ip", "-6", "route", "add", "2000::/3", "via", THERE6],
        ],
        [
            ["ip", "route", "del", "0.0.0.0/1"],
            ["ip", "route", "del", "128.0.0.0/1"],
            ["ip", "route", "del", "10.250.0.0/16"],
            ["ip", "-6", "route", "del", "2000::/3"],
        ],
    ),
    "rules of another engine": (
        [
            ["ip", "link", "add", ELSE, "type", "bridge"],
            ["ip", "addr", "add", "10.251.0.1/24", "dev", ELSE],
            ["ip", "link", "set", ELSE, "up"],
            f"iptables -t nat -A DOCKER ! -i {ELSE} -p tcp --dport 18700 -j DNAT "
            "--to-destination 10.251.0.2:80".split(),
            f"iptables -A DOCKER -d 10.251.0.2/32 ! -i {ELSE} -o {ELSE} -p tcp --dport 80 "
            "-j ACCEPT".split(),
        ],
        [["ip", "link", "del", ELSE]],
    ),
}


@contextmanager
def as_it_was(s: Stage, undoing: Sequence[Sequence[str]]) -> Iterator[None]:
    """A host whose firewall is put back, after which the rest is undone."""
    saved = {program: s.on_host(f"{program}-save") for program in ("iptables", "ip6tables")}
    try:
        yield
    finally:
        for program, text in saved.items():
            assert s.host.start(f"{program}-restore").communicate(text) == ("", "")
        for command in undoing:
            s.on_host(*command)


@pytest.mark.parametrize("making, undoing", HOSTS.values(), ids=HOSTS)
def test_an_unusual_host_is_well(
    stage: Stage, making: Sequence[Sequence[str]], undoing: Sequence[Sequence[str]]
) -> None:
    near = stage.common.near
    with as_it_was(stage, undoing):
        for command in making:
            stage.on_host(*command)
        for asked in ([], [f"{stage.common.web.name}:80"], [f"{near.name}:80"]):
            told = stage.doctor(*asked)
            assert told["findings"] == []


# A swarm, which an engine is in for good.


@shows("swarm-trouble")
def test_a_swarm_that_is_locked(engine: RealEngine) -> None:
    """It is locked after a restart, and unlocked as printed, with its key."""
    del engine  # it would be in a swarm for good
    init = {"ListenAddr": "127.0.0.1", "AdvertiseAddr": "192.0.2.1"}
    with restartable_engine() as (other, restarts), examining(other.host) as doctor:
        assert doctor()["healthy"]
        other.api.request("POST", "/swarm/init", init | {"Spec": LOCKING})
        key = other.api.request("GET", "/swarm/unlockkey")["UnlockKey"]
        node = restarts.here.folder / "data/swarm/certificates/swarm-node.key"
        until(lambda: "ENCRYPTED" in node.read_text())
        restarts.kill()
        restarts.start()
        until(lambda: other.api.request("GET", "/info")["Swarm"]["LocalNodeState"] != "pending")
        [finding] = doctor()["findings"]
        assert finding["code"] == "swarm-trouble"
        assert finding["fix"]["command"] == "docker swarm unlock"
        other.api.request("POST", "/swarm/unlock", {"UnlockKey": key})
        assert doctor()["healthy"]


LOCKING = {"EncryptionConfig": {"AutoLockManagers": True}}


# Every code.

UNBROKEN = {
    "api-untried": "no engine here is newer than the newest API version that was tried, and an "
    "engine takes no min-api-version above its own",
    "not-answering": "the doctor says what came of dialling, each outcome by its own code; this "
    "one is the reason that connect() and wait() give",
}
"""The codes that nothing is broken for here, and why not."""


def test_something_is_broken_for_every_code() -> None:
    """But for those of which it is said why not."""
    assert SHOWN | set(UNBROKEN) == set(Code)
    assert SHOWN.isdisjoint(UNBROKEN)
