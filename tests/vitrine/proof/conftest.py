"""A published home of the small shop, with examples: what `prove-time` looks at."""

import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from tests.dbt_project import conftest as built
from tests.dbt_project import small_shop
from vitrine.installation import Installation
from vitrine.interval import Interval, format_instant
from vitrine.paths import stamp
from vitrine.publish import new_version
from vitrine.settings import load_settings
from vitrine.transform import publication
from vitrine.warehouse import DATABASES

AS_OF = small_shop.END


def settled(shop: small_shop.Shop) -> small_shop.Shop:
    """Leave out facts of days on which their customer, campaign or product was described anew.

    The small shop's deltas place a fact by what was known at its receipt, Spark's by what was known
    when the day or window of its receipt ended; on all other days the two agree.
    """
    described = {
        (row[key], row["received_at"].date())
        for table, key in (
            ("customers", "customer_id"),
            ("campaigns", "campaign_id"),
            ("products", "product_id"),
        )
        for row in shop.tables[table]
    }
    for table in ("orders", "events"):
        shop.tables[table] = [
            fact
            for fact in shop.tables[table]
            if not any(
                (fact[key], fact["received_at"].date()) in described
                for key in ("customer_id", "campaign_id", "product_id")
            )
        ]
    return shop


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The small shop, built and published, with examples and scores; tests only read it."""
    home = tmp_path_factory.mktemp("proof") / "home"
    made = Installation(load_settings({"VITRINE_HOME": str(home)}))
    shop = settled(small_shop.draw(seed=7))
    small_shop.write(shop, made.paths)
    built.build(made, small_shop.END)
    for database in DATABASES:
        publication.publish_build(made, database, Interval(small_shop.START, small_shop.END))
    _train(made)
    _score(made, shop, AS_OF)
    return made


def _train(made: Installation) -> None:
    from training.ranker import examples
    from training.ranker.config import RankerConfig
    from training.ranker.features import Catalogue, FeatureReader
    from vitrine import warehouse

    with warehouse.connect(made.paths) as connection:
        reader = FeatureReader(connection, Catalogue.load())
        examples.write(reader, RankerConfig(), made.paths, AS_OF, seed=7)


def _score(made: Installation, shop: small_shop.Shop, as_of: datetime) -> None:
    pairs = [
        {"customer_id": f"c{customer}", "campaign_id": row["campaign_id"]}
        for customer in range(5)
        for row in shop.tables["campaigns"]
    ]
    with new_version(made.paths.scores, stamp(as_of)) as folder:
        pd.DataFrame(pairs).to_parquet(folder / "campaign_scores.parquet", index=False)
        (folder / "manifest.json").write_text(json.dumps({"as_of": format_instant(as_of)}))


@pytest.fixture
def copied(published: Installation, tmp_path: Path) -> Callable[[], Installation]:
    """Copy the home, so that a test can spoil it."""

    def copy() -> Installation:
        home = shutil.copytree(published.paths.home, tmp_path / "home", symlinks=True)
        return Installation(load_settings({"VITRINE_HOME": str(home)}))

    return copy
