"""Links beside what an environment has already: whole, never mixed, and never in silence."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dockernet import Link, LinkKind, Port
from dockernet.actions.environment import joined_environ


def link(alias: str, address: str, *ports: int, **environ: str) -> Link:
    known = tuple(map(Port, ports))
    return Link(alias, "web", addresses=(ip_address(address),), ports=known, environ=environ)


NEW = link("db", "172.17.0.2", 5432, COLOUR="blue")
OLD = link("db", "172.17.0.9", 80, 81, COLOUR="red")
OWN = {"HOME": "/", "DBA": "me"}


def test_an_environment_that_tells_nothing_of_a_link_gets_all_of_it() -> None:
    joined = joined_environ(OWN, [NEW])
    assert joined.variables == {**OWN, **NEW.to_environ()}
    assert joined.diagnostics == ()


def test_secrets_are_joined_as_far_as_they_were_asked_for() -> None:
    peer = link("db", "172.17.0.2", 5432, COLOUR="blue", SIZE="s3cret")
    joined = joined_environ(OWN, [peer], secrets=["COLOUR"])
    assert joined.variables == {**OWN, **peer.to_environ(), "DB_ENV_COLOUR": "blue"}
    assert joined_environ(OWN, [peer], secrets=True).variables["DB_ENV_SIZE"] == "s3cret"
    assert "s3cret" not in repr(joined_environ(OWN, [peer], secrets=True))


@pytest.mark.parametrize(
    "told",
    [
        OLD.to_environ(),
        OLD.to_environ(secrets=True),
        OLD.to_environ(kind=LinkKind.KUBERNETES),
        {"DB_NAME": "/web/db"},
        {"DB_PORT_80_TCP": "tcp://172.17.0.9:80"},
        {"DB_PORT_5432_TCP_ADDR": "192.0.2.1"},
    ],
    ids=["a link", "with secrets", "a service", "without ports", "one variable", "an address"],
)
def test_a_link_that_is_there_is_kept_whole(told: dict[str, str]) -> None:
    joined = joined_environ({**OWN, **told}, [NEW, link("cache", "172.17.0.3", 6379)])
    added = link("cache", "172.17.0.3", 6379).to_environ()
    assert joined.variables == {**OWN, **told, **added}
    assert [str(d) for d in joined.diagnostics] == [
        "environ: db: kept as the environment tells it already"
    ]


def test_a_link_that_says_the_same_is_no_news() -> None:
    environ = {**OWN, **NEW.to_environ(secrets=True)}
    joined = joined_environ(environ, [NEW])
    assert (dict(joined.variables), joined.diagnostics) == (environ, ())


def test_a_link_under_another_name_of_its_recipient_is_no_news() -> None:
    environ = NEW.to_environ()
    joined = joined_environ(environ, [evolve(NEW, recipient="f00ba4")])
    assert (dict(joined.variables), joined.diagnostics) == (environ, ())


def test_an_application_s_own_variable_wins_by_itself() -> None:
    own = {"DB_PORT": "5432", "DB_NAME": "shop"}
    joined = joined_environ(own, [NEW])
    assert joined.variables == {**NEW.to_environ(), **own}
    assert [(d.source, d.subject, d.reason) for d in joined.diagnostics] == [
        ("environ", "DB_PORT", "kept: it is set already"),
        ("environ", "DB_NAME", "kept: it is set already"),
    ]


@pytest.mark.parametrize("kind", [LinkKind.DOCKER, LinkKind.KUBERNETES])
def test_a_link_is_replaced_whole_when_asked_and_keeps_its_secrets(kind: LinkKind) -> None:
    old = OLD.to_environ(secrets=True, kind=kind)
    joined = joined_environ({**OWN, **old}, [NEW], overwrite=True)
    assert joined.variables == {**OWN, **NEW.to_environ(), "DB_ENV_COLOUR": "red"}
    assert joined.diagnostics == ()
    passed = joined_environ({**OWN, **old}, [NEW], overwrite=True, secrets=True)
    assert passed.variables["DB_ENV_COLOUR"] == "blue"


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_no_environment_can_carry_is_left_out_and_told(*, overwrite: bool) -> None:
    odd = link("a=b", "172.17.0.3", 80, WORD="s3cret")
    peer = evolve(NEW, environ={"LINES": "a\nb", "NOTHING": "s3cret\0", "ALIEN": "\ud800"})
    joined = joined_environ(OWN, [odd, peer], secrets=True, overwrite=overwrite)
    assert joined.variables == {**OWN, **NEW.to_environ(), "DB_ENV_LINES": "a\nb"}
    told = {d.subject for d in joined.diagnostics}
    assert {"A=B_PORT", "A=B_NAME", "DB_ENV_NOTHING", "DB_ENV_ALIEN"} <= told
    assert "s3cret" not in "".join(map(str, joined.diagnostics))


def test_what_belongs_to_another_prefix_is_not_replaced() -> None:
    other = {"DB_PORT_NAME": "x", "DB2_PORT": "1", "DB_PORTAL": "y", "XDB_PORT": "2", "DB": "z"}
    joined = joined_environ(other, [NEW], overwrite=True)
    assert joined.variables == {**other, **NEW.to_environ()}


@pytest.mark.parametrize("overwrite", [False, True])
def test_links_that_collide_are_told(*, overwrite: bool) -> None:
    links = [link("a-b", "172.17.0.2", 80), link("a_b", "172.17.0.3", 80)]
    joined = joined_environ(OWN, links, overwrite=overwrite)
    assert joined.variables == {**OWN, **links[0].to_environ()}
    assert [d.subject for d in joined.diagnostics] == ["a_b"]


@given(
    st.dictionaries(
        st.sampled_from([*OLD.to_environ(secrets=True), *NEW.to_environ(), "HOME", "DB_X"]),
        st.sampled_from(["tcp://172.17.0.9:80", "/web/db", "80", "172.17.0.9", "tcp", ""]),
    )
)
def test_nothing_that_is_set_is_changed_unless_asked(environ: dict[str, str]) -> None:
    joined = joined_environ(environ, [NEW, OLD])
    assert {name: joined.variables[name] for name in environ} == environ
    added = {name: joined.variables[name] for name in joined.variables if name not in environ}
    told = NEW.to_environ()
    assert added in ({}, {name: value for name, value in told.items() if name not in environ})
