"""What is tested: the wheel where a session has installed it, else this checkout."""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path

import dockernet


def test_the_tested_package_is_the_installed_one_where_it_must_be() -> None:
    home = Path(dockernet.__file__).parents[1]
    if os.environ.get("DOCKERNET_TEST_WHEEL"):
        assert home.name == "site-packages"
        assert metadata.version("dockernet") == dockernet.__version__
        assert (home / "dockernet" / "py.typed").exists()
    else:
        assert home.name == "site-packages" or home == Path(__file__).parents[1]
