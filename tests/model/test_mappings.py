"""Mappings that cannot change, and one whose values never show."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import asdict, frozen
from hypothesis import given
from hypothesis import strategies as st

from dockernet.model.links import Link
from dockernet.model.mappings import FrozenMap, SecretMap
from dockernet.model.portmap import PortMap

ITEMS = {"project": "shop", "service": "db"}
TEXTS = st.dictionaries(st.text(), st.text(), max_size=5)


@given(TEXTS)
def test_it_is_the_mapping_that_it_was_made_of(items: dict[str, str]) -> None:
    frozen = FrozenMap(items)
    assert dict(frozen) == items
    assert list(frozen) == list(items)
    assert len(frozen) == len(items)
    assert frozen == items
    assert FrozenMap(frozen) == frozen


@given(TEXTS, TEXTS)
def test_equal_mappings_have_equal_hashes(one: dict[str, str], two: dict[str, str]) -> None:
    assert (FrozenMap(one) == FrozenMap(two)) is (one == two)
    backwards = FrozenMap(dict(reversed(one.items())))
    assert hash(backwards) == hash(FrozenMap(one)) == hash(SecretMap(one))
    assert backwards == FrozenMap(one) == SecretMap(one)


def test_it_behaves_as_a_mapping() -> None:
    frozen = FrozenMap(ITEMS)
    assert isinstance(frozen, Mapping)
    assert frozen["service"] == "db"
    assert frozen.get("number") is None
    assert "service" in frozen
    with pytest.raises(KeyError):
        frozen["number"]


@pytest.mark.parametrize("empty", [FrozenMap(), FrozenMap(None), FrozenMap({}), SecretMap()])
def test_an_empty_one_is_false(empty: FrozenMap[str, str]) -> None:
    assert not empty
    assert dict(empty) == {}


def test_what_it_was_made_of_may_change_afterwards() -> None:
    items = dict(ITEMS)
    frozen = FrozenMap(items)
    items["service"] = "web"
    assert frozen["service"] == "db"


@pytest.mark.parametrize("kind", [FrozenMap, SecretMap, PortMap])
def test_it_cannot_change(kind: type[FrozenMap[Any, Any]]) -> None:
    made: Any = kind()
    name = kind.__name__
    with pytest.raises(AttributeError, match=f"{name} cannot change"):
        made._items = {}
    with pytest.raises(AttributeError, match=f"{name} cannot change"):
        made.other = 1
    with pytest.raises(AttributeError, match=f"{name} cannot change"):
        del made._items
    with pytest.raises(TypeError):
        made["service"] = "web"
    assert not hasattr(made, "__dict__")
    assert dict(made) == {}


@pytest.mark.parametrize("kind", [FrozenMap, SecretMap])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_survives_copying_and_pickling(kind: type[FrozenMap[str, str]], protocol: int) -> None:
    made = kind(ITEMS)
    pickled = pickle.loads(pickle.dumps(made, protocol))  # noqa: S301 - our own
    for again in (copy.copy(made), copy.deepcopy(made), pickled):
        assert type(again) is kind
        assert (dict(again), list(again), hash(again)) == (ITEMS, list(ITEMS), hash(made))


def test_values_that_have_no_hash_leave_it_without_one() -> None:
    with pytest.raises(TypeError):
        hash(FrozenMap({"x": ["y"]}))


def test_it_shows_what_is_in_it() -> None:
    assert repr(FrozenMap(ITEMS)) == "FrozenMap({'project': 'shop', 'service': 'db'})"


SECRETS = {"POSTGRES_PASSWORD": "s3cret", "TOKEN\x1b[31m\n": "s3cret"}


@frozen
class Holder:
    secrets: SecretMap


def test_a_secret_map_shows_its_names_alone_and_on_one_line() -> None:
    assert repr(SecretMap(SECRETS)) == "SecretMap(POSTGRES_PASSWORD, TOKEN\\x1b[31m\\n)"


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(repr(SecretMap(SECRETS)), id="repr"),
        pytest.param(str(SecretMap(SECRETS)), id="str"),
        pytest.param(f"{SecretMap(SECRETS)}", id="formatted"),
        pytest.param(repr(SecretMap(SECRETS).items()), id="its items"),
        pytest.param(repr(SecretMap(SECRETS).values()), id="its values"),
        pytest.param(repr(Holder(SecretMap(SECRETS))), id="in a value"),
        pytest.param(repr(asdict(Holder(SecretMap(SECRETS)))), id="in a value as a dict"),
        pytest.param(repr(Link("db", environ=SecretMap(SECRETS))), id="in a link"),
        pytest.param(repr([copy.deepcopy(SecretMap(SECRETS))]), id="a copy in a list"),
    ],
)
def test_no_way_of_showing_it_shows_a_value(shown: str) -> None:
    assert "s3cret" not in shown


def test_a_missing_name_is_said_and_no_value_with_it() -> None:
    with pytest.raises(KeyError) as caught:
        SecretMap(SECRETS)["OTHER"]
    assert str(caught.value) == "'OTHER'"


def test_a_secret_map_gives_its_values_to_who_asks() -> None:
    assert list(SecretMap(SECRETS).values()) == ["s3cret", "s3cret"]
    assert dict(SecretMap(SECRETS)) == SECRETS
