"""The live tour: every address dialled, and nothing of it left, however it ends."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Completed, Place, RealEngine
from harness.features import needs
from harness.places import HostPlace

from dockernet import Environ, Route
from dockernet._cli.stage import _archive

PREFIX = "dockernet-tour-"
TOUR = ("-m", "dockernet", "tour", "--live")
PATIENCE = 60.0  # seconds

pytestmark = needs("links")


def listed(engine: RealEngine) -> dict[str, set[str]]:
    """Every container, network and image by its name."""
    ask = engine.api.request
    images = ask("GET", "/images/json")
    return {
        "containers": {c["Names"][0].lstrip("/") for c in ask("GET", "/containers/json", all="1")},
        "networks": {n["Name"] for n in ask("GET", "/networks")},
        "images": {tag for i in images for tag in i["RepoTags"] or [i["Id"]]},
    }


def of_tours(engine: RealEngine) -> dict[str, set[str]]:
    """What there is of live tours."""
    return {
        kind: {name for name in names if name.startswith(PREFIX)}
        for kind, names in listed(engine).items()
    }


NOTHING: dict[str, set[str]] = {"containers": set(), "networks": set(), "images": set()}


def stops(document: Any) -> list[Any]:
    return [stop for direction in document["directions"] for stop in direction["stops"]]


def short(name: str) -> str:
    """The name of a part without what is every tour's own."""
    return name.removeprefix(PREFIX).partition("-")[2]


# The walk


@pytest.fixture(scope="module")
def toured(engine: RealEngine) -> Any:
    """A tour from the engine's host, with what was on the engine before."""
    before = listed(engine)
    ran = engine.host.python(*TOUR, "--json")
    assert listed(engine) == before
    assert ran.err == ""
    return ran.json()


def test_every_stop_is_found_but_the_dead_end_and_all_are_dialled(toured: Any) -> None:
    walked = stops(toured)
    assert [stop["found"] for stop in walked] == [True] * (len(walked) - 1) + [False]
    assert [len(stop["dials"]) for stop in walked] == [1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 0]
    for dial in (dial for stop in walked for dial in stop["dials"]):
        assert dial["read"] == dial["expected"]


def test_it_goes_in_all_three_directions_and_takes_the_routes_that_there_are(
    toured: Any,
) -> None:
    where = {
        direction["direction"]: [
            (short(dial["from"] or ""), short(dial["read"]))
            for stop in direction["stops"]
            for dial in stop["dials"]
        ]
        for direction in toured["directions"]
    }
    here, host, peer = (where[f"From {what}"] for what in _DIRECTIONS)
    assert here == [("", "net1"), ("", "net1"), ("", "net2"), ("", "net3"), ("", "net3")]
    assert host == [("client", "host")] * 2
    linked, by_name = [("client", "web")] * 2, [("api", "db")] * 2
    assert peer == [("client", "net1"), ("api", "net3"), *linked, *by_name]
    routes = [stop["facts"].get("route") for stop in stops(toured)]
    published, shared = Route.PUBLISHED, Route.SHARED_NETWORK
    assert routes == [
        *(Route.DIRECT, published, published, published, None),
        *(None, Route.HOST_MODE),
        *(shared, Route.GATEWAY, Route.LINK, shared, None),
    ]


_DIRECTIONS = (
    "the host to a container",
    "a container to the host",
    "a container to another",
)


def test_three_containers_have_host_ports_that_the_engine_chose(toured: Any) -> None:
    dialled = [d for s in stops(toured) for d in s["dials"] if d["host"] == "127.0.0.1"]
    assert len({dial["port"] for dial in dialled}) == 4
    assert {short(dial["read"]) for dial in dialled} == {"net1", "net2", "net3"}


def test_the_link_is_told_by_the_variables_and_the_hosts_file_of_the_container(
    toured: Any,
) -> None:
    [stop] = [stop for stop in stops(toured) if "link" in stop["facts"]]
    told = stop["facts"]["environ"]
    [link] = Environ(told).links()
    assert link.to_environ() == told
    assert (link.alias, [str(port) for port in link.ports]) == ("dedoimedo", ["22/tcp", "80/tcp"])
    by_address, by_alias = stop["dials"]
    assert by_address["host"] == str(link.address)
    assert (by_alias["host"], by_alias["port"]) == ("dedoimedo", 80)
    lines = [why for why in stop["why"] if why.startswith("in /etc/hosts: ")]
    assert f"in /etc/hosts: {link.address} dedoimedo " in lines[0]
    assert by_alias["read"] in lines[0]


def test_the_document_has_the_form_of_the_recorded_tour_s(
    toured: Any, engine: RealEngine, host: Place
) -> None:
    recorded = host.python("-m", "dockernet", "tour", "--json").json()
    assert list(toured) == list(recorded)
    assert {frozenset(stop) for stop in stops(toured) + stops(recorded)} == {
        frozenset(stops(recorded)[0])
    }
    assert (toured["recording"], recorded["live"]) == (None, None)
    told = toured["live"]
    assert (told["engine"], told["containers"]) == (engine.version, 7)


# Other places, other images, and a killed tour


@pytest.fixture
def busybox(engine: RealEngine) -> Iterator[str]:
    """An image by a tag that tells what is in it."""
    archive = _archive(Path("/bin/busybox").read_bytes())
    where = {"fromSrc": "-", "repo": "busybox", "tag": "of-tests"}
    engine.api.request("POST", "/images/create", archive, **where)
    yield "busybox:of-tests"
    engine.api.request("DELETE", "/images/busybox:of-tests")


@needs("another machine")
def test_from_another_machine_there_is_no_way_to_a_container_s_own_address(
    engine: RealEngine, elsewhere: Place, busybox: str
) -> None:
    document = elsewhere.python(*TOUR, "-H", str(engine.tcp_url), "--json").json()
    assert document["live"]["image"] == busybox
    assert busybox in listed(engine)["images"]
    by_address, *published, gateway = stops(document)[:6]
    assert not by_address["found"]
    assert by_address["facts"]["refusals"]
    assert by_address["dials"] == []
    for stop in published:
        [dial] = stop["dials"]
        assert dial["host"] in engine.addresses
        assert dial["read"] == dial["expected"]
    assert (gateway["found"], gateway["dials"]) == (True, [])
    assert "not dialled: this process cannot listen on that host" in gateway["why"]
    assert of_tours(engine) == NOTHING


def test_what_a_killed_tour_left_is_told_and_left_alone(engine: RealEngine, host: Place) -> None:
    killed = begun(engine, "containers", 3)
    killed.kill()
    killed.communicate(timeout=PATIENCE)
    names = {c["Names"][0].lstrip("/") for c in engine.api.request("GET", "/containers/json")}
    left = {name for name in names if name.startswith(PREFIX)} | of_tours(engine)["networks"]
    images = of_tours(engine)["images"]
    assert len(left) >= 2
    assert len(images) == 1
    ran = host.python(*TOUR)
    assert ran.code == 0
    for name in left | images:
        assert f"engine: {name}: of another live tour; if that was killed: docker" in ran.err
    there = of_tours(engine)
    assert left <= there["containers"] | there["networks"]
    assert there["images"] == images
    _follow(ran.err, engine)
    assert of_tours(engine) == NOTHING


def _follow(advice: str, engine: RealEngine) -> None:
    """Do what the tour says to do about what is left."""
    label = re.search(r"docker rm -f \$\(docker ps -aq -f label=([a-z.]+)\)", advice)
    assert label is not None
    filters = f'{{"label": ["{label[1]}"]}}'
    ask = engine.api.request
    for found in ask("GET", "/containers/json", all="true", filters=filters):
        ask("DELETE", f"/containers/{found['Id']}", force="true", v="true")
    assert f"docker network prune --filter label={label[1]}" in advice
    ask("POST", "/networks/prune", filters=filters)
    assert f"docker image prune -a --filter label={label[1]}" in advice
    ask("POST", "/images/prune", filters=f'{{"label": ["{label[1]}"], "dangling": ["false"]}}')


@needs("another machine")
def test_a_stop_whose_address_leads_to_nobody_fails_the_tour(
    engine: RealEngine, host: Place
) -> None:
    """A firewall of the host that lets containers not in, as many have one."""
    rule = ("INPUT", "-i", "docker0", "-p", "tcp", "--syn", "-j", "REJECT")
    assert host.execute("iptables", "-I", *rule).code == 0
    try:
        ran = host.python(*TOUR)
    finally:
        host.execute("iptables", "-D", *rule)
    assert ran.code == 1
    assert "2 of 13 addresses did not lead to whom they should: dialled 172." in ran.err
    assert ran.err.count("-client: nobody answers, and it is to be dockernet-tour-") == 2
    assert ran.out.count(" answers\n") + ran.out.count(" answers,\n") >= 5
    assert of_tours(engine) == NOTHING


def without_programs(host: Place, *arguments: str) -> Completed:
    """The tour where no program is to be found, busybox neither."""
    return host.execute("/usr/bin/env", "PATH=/nonexistent", sys.executable, *TOUR, *arguments)


def test_with_no_suitable_image_the_tour_says_what_to_do(engine: RealEngine, host: Place) -> None:
    ran = without_programs(host)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "dockernet: cannot launch 'busybox': the live tour needs an image with busybox in it: "
        "docker pull busybox, or name one that is there by --image\n"
    )
    assert of_tours(engine) == NOTHING


def test_an_image_that_is_named_is_taken_and_none_other(engine: RealEngine, host: Place) -> None:
    ran = host.python(*TOUR, "--image", "no-such-image:1")
    assert (ran.code, ran.out) == (1, "")
    assert "docker pull no-such-image:1" in ran.err
    without_busybox = host.python(*TOUR, "--image", engine.image)
    assert (without_busybox.code, without_busybox.out) == (1, "")
    assert without_busybox.err.startswith(f"dockernet: cannot launch '{engine.image}': ")
    assert "busybox" in without_busybox.err
    assert of_tours(engine) == NOTHING


# Interrupted


def begun(engine: RealEngine, kind: str, count: int) -> subprocess.Popen[str]:
    """Start a tour, until there are so many things of it."""
    assert isinstance(engine.host, HostPlace)
    ran = engine.host.start(sys.executable, *TOUR)
    deadline = time.monotonic() + PATIENCE
    while len(of_tours(engine)[kind]) < count:
        assert ran.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return ran


@pytest.mark.parametrize(
    "number, kind, count",
    [
        (signal.SIGINT, "images", 1),
        (signal.SIGTERM, "networks", 1),
        (signal.SIGTERM, "containers", 4),
        (signal.SIGINT, "containers", 7),
    ],
    ids=["as the image is there", "as the network is", "half way up", "at the walk"],
)
def test_an_interrupted_tour_leaves_nothing(
    engine: RealEngine, number: signal.Signals, kind: str, count: int
) -> None:
    before = listed(engine)
    with begun(engine, kind, count) as ran:
        ran.send_signal(number)
        if kind == "containers":  # which take a while
            time.sleep(0.2)
            ran.send_signal(number)  # who is impatient stops no tidying up
        out, err = ran.communicate(timeout=PATIENCE)
    assert (ran.returncode, out, err.strip()) == (128 + number, "", "")
    assert listed(engine) == before
