"""Link variables as a source: which facts they are, and how far they are believed."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from dockernet.errors import PeerNotFoundError
from dockernet.model.diagnostics import Diagnostic
from dockernet.model.facts import Fact, Freshness, Want
from dockernet.model.ports import Port
from dockernet.model.provenance import Provenance
from dockernet.model.targets import Target
from dockernet.model.vantage import Vantage
from dockernet.refusals import Route
from dockernet.resolver import Resolver
from dockernet.sources.environ import Environ

WANT = Want(Target("db"), Vantage())

LINK = {
    "DB_NAME": "/app/db",
    "DB_PORT": "tcp://172.17.0.5:5432",
    "DB_PORT_5432_TCP": "tcp://172.17.0.5:5432",
    "DB_PORT_53_UDP": "udp://172.17.0.5:53",
    "DB_ENV_PASSWORD": "s3cret",
}
SERVICE = {
    "MY_DB_SERVICE_HOST": "10.96.0.7",
    "MY_DB_SERVICE_PORT": "5432",
    "MY_DB_PORT": "tcp://10.96.0.7:5432",
    "MY_DB_PORT_5432_TCP": "tcp://10.96.0.7:5432",
}
UNCONFIRMED = {
    "MY_DB_PORT_80_TCP": "tcp://172.17.0.9:80",
    "MY_DB_PORT_80_TCP_ADDR": "172.17.0.9",
    "MY_DB_PORT_80_TCP_PORT": "80",
    "MY_DB_PORT_80_TCP_PROTO": "tcp",
}


def fact(names: tuple[str, ...], address: str, *ports: Port) -> Fact:
    return Fact(
        source="environ",
        names=names,
        addresses=(ip_address(address),),
        ports=ports,
        route=Route.LINK,
        freshness=Freshness.STARTED,
        provenance=Provenance.ENVIRON,
    )


@pytest.mark.parametrize(
    "environ, facts",
    [
        pytest.param({}, [], id="none"),
        pytest.param({"PATH": "/bin", "DB_PORT": "5432"}, [], id="an application's own"),
        pytest.param(LINK, [fact(("db",), "172.17.0.5", Port(5432), Port(53, "udp"))], id="a link"),
        pytest.param(
            SERVICE, [fact(("my-db",), "10.96.0.7", Port(5432))], id="a service of Kubernetes"
        ),
        pytest.param(
            UNCONFIRMED,
            [fact(("my_db", "my-db"), "172.17.0.9", Port(80))],
            id="a link whose alias has two spellings",
        ),
        pytest.param(
            {"DB_NAME": "/app/db"},
            [
                Fact(
                    source="environ",
                    names=("db",),
                    route=Route.LINK,
                    freshness=Freshness.STARTED,
                    provenance=Provenance.ENVIRON,
                )
            ],
            id="a link without ports",
        ),
    ],
)
def test_each_link_is_a_fact_of_when_the_process_started(
    environ: dict[str, str], facts: list[Fact]
) -> None:
    said = [item for item in Environ(environ).read(WANT) if isinstance(item, Fact)]
    assert said == facts


def test_what_is_wanted_does_not_matter() -> None:
    everything = tuple(Environ(LINK).read(Want(None, Vantage())))
    assert tuple(Environ(LINK).read(Want(Target("zebra"), Vantage()))) == everything
    assert len(everything) == 1


def test_odd_variables_are_named_and_their_values_are_not() -> None:
    environ = {**LINK, "DB_PORT_80_TCP": "s3cret", "DB_PORT_5432_TCP_ADDR": "s3cret"}
    said = list(Environ(environ).read(WANT))
    odd = [item for item in said if isinstance(item, Diagnostic)]
    assert {(d.source, d.subject) for d in odd} == {
        ("environ", "DB_PORT_80_TCP"),
        ("environ", "DB_PORT_5432_TCP_ADDR"),
    }
    assert said[len(odd) :] == [fact(("db",), "172.17.0.5", Port(5432), Port(53, "udp"))]
    assert "s3cret" not in repr(said)


def test_links_are_given_as_links() -> None:
    (link,) = Environ(LINK).links()
    assert (link.alias, link.recipient, link.port) == ("db", "app", Port(5432))


def test_the_own_variables_are_read_as_they_are_now(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = Environ()
    before = {link.alias for link in environ.links()}
    for name, value in LINK.items():
        monkeypatch.setenv(name.replace("DB", "ZEBRA"), value.replace("/db", "/zebra"))
    assert {link.alias for link in environ.links()} == before | {"zebra"}


def test_nothing_of_the_variables_shows() -> None:
    assert repr(Environ(LINK)) == "Environ()"


def test_a_resolver_takes_address_and_port_from_variables() -> None:
    resolver: Any = Resolver([Environ(LINK)], vantage=Vantage())
    assert str(resolver.resolve("db")) == "172.17.0.5:5432"
    assert resolver.resolve("db").route is Route.LINK
    with pytest.raises(PeerNotFoundError):
        resolver.resolve("zebra")
