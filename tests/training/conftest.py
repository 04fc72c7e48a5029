"""One shop with a planted taste, built once, and `vitrine` typed against its home."""

import io
import shutil
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from tests.training.ranker import taste_shop
from training.ranker.features import Catalogue, FeatureReader
from vitrine import cli, warehouse
from vitrine.installation import Installation
from vitrine.paths import Paths
from vitrine.settings import load_settings

Typed = Callable[..., tuple[int, str]]


@pytest.fixture(scope="session")
def installation(tmp_path_factory) -> Installation:
    """The taste shop's published warehouse; tests add models and scores to its home."""
    home = tmp_path_factory.mktemp("taste") / "home"
    made = Installation(load_settings({"VITRINE_HOME": str(home)}))
    taste_shop.publish(made)
    return made


@pytest.fixture(scope="session")
def run(installation) -> Typed:
    """Type a command; returns exit code and what it printed."""
    return typing_in(installation.settings.home)


def typing_in(home: Path, **environment: str) -> Typed:
    """Let commands be typed for a home."""

    def typed(*arguments: str) -> tuple[int, str]:
        printed, code = io.StringIO(), 0
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("VITRINE_HOME", str(home))
            patch.setenv("VITRINE_TORCH_THREADS", "1")
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["vitrine", *arguments])
            with redirect_stdout(printed), redirect_stderr(printed):
                try:
                    cli.main()
                except SystemExit as exit_:
                    code = int(exit_.code or 0)
        return code, printed.getvalue()

    return typed


@pytest.fixture(scope="session")
def elsewhere(installation, tmp_path_factory) -> Paths:
    """A home with the same warehouse and models of its own."""
    home = tmp_path_factory.mktemp("elsewhere") / "home"
    shutil.copytree(installation.paths.warehouse, home / "warehouse", symlinks=True)
    return Paths(installation.paths.landing, home)


@pytest.fixture(scope="session")
def run_elsewhere(elsewhere) -> Typed:
    """Type a command for it, with a shorter gate."""
    return typing_in(elsewhere.home, VITRINE_PROMOTION_WEEKS="2")


@pytest.fixture
def reader(installation):
    with warehouse.connect(installation.paths) as connection:
        yield FeatureReader(connection, Catalogue.load())
