"""Containers and their attachments: what follows from what an engine tells."""

from __future__ import annotations

import pytest
from attrs import evolve
from builders import attachment, beside, container, identity

from dockernet.model.containers import Attachment, Container
from dockernet.model.mappings import FrozenMap
from dockernet.model.portmap import PortMap
from dockernet.model.ports import Port

STATES = ("created", "running", "paused", "restarting", "removing", "exited", "dead", "")


@pytest.mark.parametrize("state", STATES)
def test_only_one_state_is_running(state: str) -> None:
    assert Container(id="c", state=state).running is (state == "running")


def test_a_container_goes_by_its_name_else_by_its_short_id() -> None:
    assert str(container("web")) == "web"
    assert str(evolve(container("web"), name="")) == identity("web")[:12]


def test_compose_s_labels_are_read() -> None:
    web = container("x", service="shop/web/12")
    assert (web.project, web.service, web.number, web.one_off) == ("shop", "web", 12, False)
    shell = container("x", service="shop/web/1", one_off=True)
    assert (shell.service, shell.number, shell.one_off) == ("web", None, True)
    bare = container("x")
    assert (bare.project, bare.service, bare.number, bare.one_off) == (None, None, None, False)


@pytest.mark.parametrize("text", ["", "one", "-1", "1.5", "²", "9999999999"])
def test_a_number_that_is_none_is_no_number(text: str) -> None:
    told = FrozenMap({"com.docker.compose.container-number": text})
    assert Container(id="c", labels=told).number is None


@pytest.mark.parametrize(
    "mode, owner",
    [
        (None, None),
        ("bridge", None),
        ("host", None),
        ("mycontainer:x", None),
        (f"container:{identity('db')}", identity("db")),
    ],
)
def test_whose_network_namespace_it_uses(mode: str | None, owner: str | None) -> None:
    assert evolve(beside("x", "y"), network_mode=mode).shares_network_of == owner


def test_known_ports_are_the_live_ones_and_those_that_were_asked_for() -> None:
    live, asked = PortMap.parse("53/udp, 80/tcp"), PortMap.parse("80/tcp, 22/tcp")
    found = Container(id="c", ports=live, requested_ports=asked).known_ports
    assert found == (Port(22), Port(53, "udp"), Port(80))
    assert Container(id="c", ports=live).known_ports == (Port(53, "udp"), Port(80))


def test_an_attachment_s_names_are_aliases_and_dns_names_once_each() -> None:
    made = Attachment(network="app", aliases=("web", "api"), dns_names=("c1", "web"))
    assert made.names == ("web", "api", "c1")
    assert Attachment(network="app").names == ()


def test_an_attachment_is_found_by_its_network_s_id() -> None:
    web = container("web", {"app": 2, "other": 3})
    assert web.attachment(identity("other")) == attachment("other", 3)
    assert web.attachment("other") is None


def test_an_attachment_shows_its_network_and_its_addresses() -> None:
    assert str(attachment("app", 2)) == "app 10.7.0.2 fd07::2"
    assert str(Attachment(network="none")) == "none"


def test_labels_do_not_show() -> None:
    secret = Container(id="c", labels=FrozenMap({"token": "s3cret"}))
    assert "s3cret" not in repr(secret)
