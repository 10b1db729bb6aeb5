"""What an engine is asked to make a container from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockernet.errors import FormatError
from dockernet.formats.creation import (
    Creation,
    Joining,
    as_command,
    as_links,
    as_networks,
    as_ports,
    as_texts,
    as_variables,
    render_creation,
)
from dockernet.model.bindings import HostBinding
from dockernet.model.links import Link
from dockernet.model.mappings import FrozenMap, SecretMap
from dockernet.model.networks import Network
from dockernet.model.portmap import PortMap
from dockernet.model.ports import Port

NOTHING_ASKED = {
    "Image": "web",
    "Env": [],
    "Labels": {},
    "ExposedPorts": {},
    "NetworkingConfig": {"EndpointsConfig": {}},
    "HostConfig": {
        "AutoRemove": False,
        "Binds": [],
        "Links": [],
        "NetworkMode": "default",
        "PortBindings": {},
        "PublishAllPorts": False,
    },
}


def test_an_image_alone_asks_for_nothing_else() -> None:
    assert render_creation(Creation(image="web")) == NOTHING_ASKED


def test_everything_that_may_be_asked_for_has_its_place() -> None:
    creation = Creation(
        image="web",
        command=("serve", "--fast"),
        mode="net",
        ports=as_ports(["80"]),
        links=as_links(["old:older"]),
        joining=Joining(network="net", aliases=("me",), links=as_links(["db", "web:dedoimedo"])),
        environ=SecretMap({"A": "b=c"}),
        labels=FrozenMap({"x": ""}),
        volumes=("/a:/b:ro",),
        publish_all=True,
        remove=True,
    )
    endpoint = {"Aliases": ["me"], "Links": ["db:db", "web:dedoimedo"]}
    assert render_creation(creation) == {
        "Image": "web",
        "Cmd": ["serve", "--fast"],
        "Env": ["A=b=c"],
        "Labels": {"x": ""},
        "ExposedPorts": {"80/tcp": {}},
        "NetworkingConfig": {"EndpointsConfig": {"net": endpoint}},
        "HostConfig": {
            "AutoRemove": True,
            "Binds": ["/a:/b:ro"],
            "Links": ["old:older"],
            "NetworkMode": "net",
            "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": ""}]},
            "PublishAllPorts": True,
        },
    }


@pytest.mark.parametrize(
    "ports, exposed, bound",
    [
        (["8080:80"], ["80/tcp"], {"80/tcp": [("", "8080")]}),
        (["[::1]:53:53/udp"], ["53/udp"], {"53/udp": [("::1", "53")]}),
        (["127.0.0.1::80"], ["80/tcp"], {"80/tcp": [("127.0.0.1", "")]}),
        (["8000-8010:80"], ["80/tcp"], {"80/tcp": [("", "8000-8010")]}),
        (["1:80", "2:80"], ["80/tcp"], {"80/tcp": [("", "1"), ("", "2")]}),
        (
            [80, Port(53, "udp")],
            ["53/udp", "80/tcp"],
            {p: [("", "")] for p in ("53/udp", "80/tcp")},
        ),
        (PortMap({Port(80): ()}), ["80/tcp"], {}),
        (PortMap({Port(80): [HostBinding()]}), ["80/tcp"], {"80/tcp": [("", "")]}),
    ],
    ids=["fixed", "IPv6", "any", "range", "two", "numbers", "exposed alone", "routed"],
)
def test_ports_are_exposed_and_bound_as_they_are_asked_for(
    ports: Any, exposed: list[str], bound: dict[str, list[tuple[str, str]]]
) -> None:
    body = render_creation(Creation(image="web", ports=as_ports(ports)))
    assert sorted(body["ExposedPorts"]) == exposed
    assert body["HostConfig"]["PortBindings"] == {
        port: [{"HostIp": ip, "HostPort": number} for ip, number in bindings]
        for port, bindings in bound.items()
    }


def test_what_may_be_secret_never_shows() -> None:
    assert "s3cret" not in repr(Creation(image="web", environ=SecretMap({"A": "s3cret"})))


# What callers say


def test_links_are_values_or_texts() -> None:
    link = Link("dedoimedo", None, "web")
    assert as_links(["web:dedoimedo", link]) == (link, link)


def test_networks_are_values_or_names_and_count_once() -> None:
    assert as_networks([Network(id="1", name="a"), "b", "a"]) == ("a", "b")


@pytest.mark.parametrize(
    "command, words",
    [
        (None, ()),
        ("sh -c 'echo $A'", ("sh", "-c", "echo $A")),
        (["sh", "-c", "echo 1"], ("sh", "-c", "echo 1")),
        ("", ()),
    ],
)
def test_a_command_is_a_line_or_its_words(command: Any, words: tuple[str, ...]) -> None:
    assert as_command(command) == words


@given(st.lists(st.text().filter(lambda text: "\0" not in text)))
def test_words_stay_what_they_are(words: list[str]) -> None:
    assert as_command(words) == tuple(words)


WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "ports as one text": (lambda: as_ports("80"), TypeError, "write ['80']"),
    "no port": (lambda: as_ports(["eighty"]), FormatError, "a port is a number"),
    "ports of no kind": (lambda: as_ports([1.5]), TypeError, "not float"),  # type: ignore[list-item]
    "links as one text": (lambda: as_links("a:b"), TypeError, "write ['a:b']"),
    "no link": (lambda: as_links(["a:"]), FormatError, "expected a container's name"),
    "a link without its peer": (lambda: as_links([Link("db")]), FormatError, "names its peer"),
    "links of no kind": (lambda: as_links([1]), TypeError, "not int"),  # type: ignore[list-item]
    "networks as one text": (lambda: as_networks("a"), TypeError, "write ['a']"),
    "a nameless network": (lambda: as_networks([""]), FormatError, "the name of a network"),
    "networks of no kind": (lambda: as_networks([1]), TypeError, "not int"),  # type: ignore[list-item]
    "an open quotation": (lambda: as_command("sh 'a"), FormatError, "no closing quotation"),
    "a NUL in a command": (lambda: as_command(["a\0b"]), FormatError, "holds no NUL"),
    "a word of no kind": (lambda: as_command([1]), TypeError, "not int"),  # type: ignore[list-item]
    "bytes": (lambda: as_command(b"sh"), TypeError, "expected a list"),  # type: ignore[arg-type]
    "aliases as one text": (lambda: as_texts("a", "an alias"), TypeError, "each an alias"),
    "a nameless variable": (
        lambda: as_variables({"": "1"}, "a variable"),
        FormatError,
        "not empty",
    ),
    "a variable with =": (lambda: as_variables({"A=": "1"}, "a variable"), FormatError, "no ="),
    "a NUL in a value": (lambda: as_variables({"A": "s3cret\0"}, "a variable"), FormatError, "NUL"),
    "a value of no kind": (
        lambda: as_variables({"A": 1}, "a variable"),  # type: ignore[dict-item]
        TypeError,
        "not int",
    ),
    "a name of no kind": (
        lambda: as_variables({1: "a"}, "a variable"),  # type: ignore[dict-item]
        TypeError,
        "not int",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_before_anything_is_asked(name: str) -> None:
    make, kind, words = WRONG[name]
    with pytest.raises(kind) as caught:
        make()
    assert words in str(caught.value)
    assert "s3cret" not in str(caught.value)
