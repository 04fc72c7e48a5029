"""The long shop, built up to its end and up to its middle: ledgers and functions alone."""

from pathlib import Path

import pytest

from tests.dbt_project import small_shop
from tests.dbt_project.conftest import connected
from tests.dbt_project.features import long_shop
from tests.dbt_project.features.reference import History
from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.settings import load_settings
from vitrine.transform import dbt
from vitrine.transform.publication import publish_build

MIDDLE = long_shop.MIDDLE
LAYERS = " ".join(f"path:models/daily/{layer}" for layer in dbt.LAYERS if layer != "marts")


@pytest.fixture(scope="session")
def history() -> History:
    return History(long_shop.draw(seed=3))


@pytest.fixture(scope="session")
def long_installation(tmp_path_factory: pytest.TempPathFactory, history) -> Installation:
    home = tmp_path_factory.mktemp("long") / "home"
    made = Installation(load_settings({"VITRINE_HOME": str(home)}))
    small_shop.write(history.shop, made.paths)
    return made


@pytest.fixture(scope="session")
def long_built(long_installation) -> Path:
    return build(long_installation, Interval(long_shop.START, long_shop.END))


@pytest.fixture(scope="session")
def long_built_to_the_middle(long_installation) -> Path:
    interval = Interval(long_shop.START, MIDDLE)
    build(long_installation, interval)
    return publish_build(long_installation, "daily", interval)


@pytest.fixture(scope="session")
def long_built_in_two_parts(long_installation, long_built_to_the_middle) -> Path:
    assert long_built_to_the_middle.exists()
    return build(long_installation, Interval(MIDDLE, long_shop.END))


@pytest.fixture
def long_warehouse(long_built):
    yield from connected({"daily": long_built})


def build(installation: Installation, interval: Interval) -> Path:
    dbt.begin(installation, "daily", interval)
    dbt.build(installation, "daily", LAYERS, interval)
    file = installation.paths.build_file("daily", interval)
    dbt.note_progress(file.parent, dbt.LAYERS[-1], is_ended=True)  # no test reads its marts
    return file
