"""The ratios that are promised, measured side by side: ``nox -s bench`` prints them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from bench.rows import STAGES, measured
from bench.session import Session
from bench.turns import Stage
from harness import RealEngine, UnavailableError, found_engine

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def session(pytestconfig: pytest.Config) -> Session:
    """Where figures are put; it shows them at the end."""
    made = Session()
    pytestconfig.pluginmanager.register(made)
    return made


@pytest.fixture(scope="module")
def found(session: Session) -> Iterator[Callable[[], RealEngine]]:
    """Gives the engine, which is looked for when it is first needed."""
    engines: list[RealEngine] = []
    with ExitStack() as stack:

        def find() -> RealEngine:
            if not engines:
                engine = stack.enter_context(found_engine())
                session.engine = f"{'Podman' if engine.podman else 'Docker'} {engine.version}"
                engines.append(engine)
            return engines[0]

        yield find


@pytest.mark.parametrize("stage", STAGES, ids=[stage.name for stage in STAGES])
def test_every_limit_is_kept(
    stage: Stage[Any], session: Session, found: Callable[[], RealEngine]
) -> None:
    try:
        figures = measured(stage, found)
    except UnavailableError as no:
        pytest.skip(f"it is measured on an engine: {no}")
    for figure in figures:
        session.add(figure)
        print(f"\n{figure}", end="")
    assert [figure for figure in figures if not figure.kept] == []
