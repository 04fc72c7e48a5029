"""One small shop, built up to its end and up to the middle, for all tests that read."""

from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from tests.dbt_project import small_shop
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval
from vitrine.settings import load_settings
from vitrine.transform import dbt
from vitrine.warehouse import DATABASES

MIDDLE = small_shop.START + 7 * DAY


@pytest.fixture(scope="session")
def shop() -> small_shop.Shop:
    return small_shop.draw(seed=7)


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory, shop) -> Installation:
    home = tmp_path_factory.mktemp("small") / "home"
    made = Installation(load_settings({"VITRINE_HOME": str(home)}))
    small_shop.write(shop, made.paths)
    return made


@pytest.fixture(scope="session")
def built(installation) -> dict[str, Path]:
    """The files of both databases, with everything received before the end."""
    return build(installation, small_shop.END)


@pytest.fixture(scope="session")
def built_to_the_middle(installation) -> dict[str, Path]:
    """The same, with what was received before the middle."""
    return build(installation, MIDDLE)


@pytest.fixture
def warehouse(built):
    yield from connected(built)


def build(installation: Installation, end: datetime) -> dict[str, Path]:
    interval = Interval(small_shop.START, end)
    for database in DATABASES:
        # All layers in one call; the production's one call a layer is tested by itself.
        dbt.build_layers(installation, database, interval)
    return {d: installation.paths.build_file(d, interval) for d in DATABASES}


def connected(files: dict[str, Path]):
    with duckdb.connect() as connection:
        # Not UTC: what the functions say does not depend on the reader's zone.
        connection.execute("set TimeZone = 'America/Los_Angeles'")
        for database, file in files.items():
            connection.execute(f"attach '{file}' as {database} (read_only)")
        yield connection
