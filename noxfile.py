"""Every check of the project: `nox -l` lists them, `nox` runs the tests.

Each session that runs tests builds the wheel and tests that, never the checkout.
"""

from __future__ import annotations

import os
from pathlib import Path

import nox

nox.needs_version = ">=2026.1"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.error_on_external_run = True
nox.options.sessions = ["tests"]

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
EXTRAS = PROJECT["project"]["optional-dependencies"]
TESTED = ["tests", "docs", "--doctest-modules", "--pyargs", "dockernet"]
# Files on several cores, each in its order, and those that take long not last.
SPREAD = ["-n", "auto", "--maxprocesses=4", "--dist", "loadfile", "--no-loadscope-reorder"]
PLAIN = [*TESTED, "-m", "not engine", *SPREAD]

# What containers run is mounted read-only, so nothing compiles itself there.
os.environ.setdefault("UV_COMPILE_BYTECODE", "1")


def group(name: str) -> list[str]:
    return list(nox.project.dependency_groups(PROJECT, name))


def build_wheel(session: nox.Session, dist: Path) -> Path:
    # With `nox -R`, as where no package index is in reach, the last one is tested again.
    session.install("build[uv]")
    session.run_install(
        "python", "-m", "build", "--installer=uv", "--outdir", str(dist), silent=True
    )
    return max(dist.glob("*.whl"), key=lambda wheel: wheel.stat().st_mtime)


def install_wheel(session: nox.Session) -> None:
    """Build the sdist, from it the wheel, and install that with every extra."""
    dist = Path(session.create_tmp(), "dist").resolve()
    session.install(f"{build_wheel(session, dist)}[cli,ssh]")


def run_tests(session: nox.Session, *args: str, **env: str) -> None:
    # The checkout must not be importable, here and in all that the tests start.
    env |= {"PYTHONSAFEPATH": "1", "DOCKERNET_TEST_WHEEL": "1"}
    session.run(*args, env=env)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Everything that runs here; engine tests skip where there is no engine."""
    install_wheel(session)
    session.install(*group("tests"))
    run_tests(session, "pytest", *TESTED, *session.posargs)


@nox.session
def engine(session: nox.Session) -> None:
    """Everything, with a real engine, gated on every branch of the package."""
    install_wheel(session)
    session.install(*group("tests"))
    session.run("coverage", "erase")
    # A machine's one engine is asked by one process alone.
    spread = SPREAD if os.environ.get("DOCKERNET_DOCKERD") else []
    covered = ("coverage", "run", "-m", "pytest", *TESTED, *spread)
    run_tests(session, *covered, DOCKERNET_REQUIRE_ENGINE="1")
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report", "--fail-under=100")


@nox.session(venv_backend="uv")
def minimums(session: nox.Session) -> None:
    """The plain tests with the oldest dependencies that pyproject.toml allows."""
    floors = [*PROJECT["project"]["dependencies"], *EXTRAS["cli"], *EXTRAS["ssh"]]
    session.install("--resolution=lowest-direct", *floors)
    install_wheel(session)
    session.install(*group("tests"))
    run_tests(session, "pytest", *PLAIN)


@nox.session
def lint(session: nox.Session) -> None:
    session.install(*group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("codespell")


@nox.session
def typing(session: nox.Session) -> None:
    """The package and its tests under two checkers; every public name is typed."""
    install_wheel(session)
    session.install(*group("typing"))
    session.run("mypy")
    session.run("pyright")
    session.run("pyright", "--ignoreexternal", "--verifytypes", "dockernet")


@nox.session
def layers(session: nox.Session) -> None:
    """Every import points the one way that pyproject.toml lays down."""
    session.install(*group("layers"))
    session.run("lint-imports")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the pages, strictly; their code blocks run with the tests."""
    session.install(".[cli]", *group("docs"))
    session.run("sphinx-build", "-W", "-n", "-b", "html", "docs", "docs/_build/html")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure side by side; a whole run writes its figures where the docs show them."""
    install_wheel(session)
    session.install(*group("bench"))
    pytest = ("pytest", "tests/benchmarks", "-m", "bench", "-s")
    results = str(Path("docs", "benchmarks").resolve())
    run_tests(session, *pytest, *session.posargs, DOCKERNET_BENCH_RESULTS=results)


@nox.session
def stress(session: nox.Session) -> None:
    install_wheel(session)
    session.install(*group("tests"))
    run_tests(session, "pytest", "tests", "-m", "stress", HYPOTHESIS_PROFILE="stress")


@nox.session
def build(session: nox.Session) -> None:
    """Leave sdist and wheel in dist/, and test the wheel."""
    wheel = build_wheel(session, Path("dist").resolve())
    session.install(f"{wheel}[cli,ssh]")
    session.install(*group("tests"))
    run_tests(session, "pytest", *PLAIN)
