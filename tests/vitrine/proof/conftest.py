"""A published home of the small shop, with examples: what `prove-time` looks at."""

import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.dbt_project import conftest as built
from tests.dbt_project import small_shop
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, format_instant
from vitrine.paths import stamp
from vitrine.publish import new_version
from vitrine.settings import load_settings
from vitrine.transform import publication
from vitrine.warehouse import DATABASES

if TYPE_CHECKING:
    from training.ranker.features import Catalogue
    from training.ranker.fitted import FittedRanker

AS_OF = small_shop.END
SOON = timedelta(minutes=1)
NIGHT = small_shop.START + 7 * DAY
"""When something was on sale and could be scored."""


def described_anew(shop: small_shop.Shop) -> small_shop.Shop:
    """Let every customer who buys move within the 15 minutes of some purchase's receipt."""
    for row in list(shop.tables["customers"]):
        bought = [f for f in shop.tables["orders"] if f["customer_id"] == row["customer_id"]]
        came = [f["received_at"] for f in bought]
        later = [at + SOON for at in came if at > row["received_at"] and (at + SOON).minute % 15]
        if later:
            cluster = row["demographic_cluster"].rpartition(":")[0] + ":IT"
            moved = {"country": "IT", "demographic_cluster": cluster, "received_at": later[0]}
            shop.tables["customers"].append(row | moved)
    return shop


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The small shop, built and published, with examples and scores; tests only read it."""
    home = tmp_path_factory.mktemp("proof") / "home"
    made = Installation(load_settings({"VITRINE_HOME": str(home)}))
    shop = described_anew(small_shop.draw(seed=7))
    small_shop.write(shop, made.paths, small_shop.at_end_of_receipt)
    built.build(made, small_shop.END)
    for database in DATABASES:
        publication.publish_build(made, database, Interval(small_shop.START, small_shop.END))
    _train(made)
    score(made, NIGHT, NIGHT)
    return made


def _train(made: Installation) -> None:
    from training.ranker import examples
    from training.ranker.config import RankerConfig
    from training.ranker.features import Catalogue, FeatureReader
    from vitrine import warehouse

    with warehouse.connect(made.paths) as connection:
        reader = FeatureReader(connection, Catalogue.load())
        examples.write(reader, RankerConfig(), made.paths, AS_OF, seed=7)


def score(made: Installation, as_of: datetime, asked_at: datetime) -> None:
    """Publish scores for an instant, computed from what was known at `asked_at`.

    The network has learnt nothing: only what it is given matters here.
    """
    from training.ranker import serving
    from training.ranker.features import Catalogue, FeatureReader
    from training.ranker.inputs import InputSample
    from training.ranker.ranking import RankerScorer
    from training.ranker.rankings import Naming
    from vitrine import warehouse

    with warehouse.connect(made.paths) as connection:
        reader = FeatureReader(connection, Catalogue.load())
        ranker = _unlearnt(made, reader.catalogue)
        model = serving.Model(RankerScorer(reader, ranker), None, ranker)
        customers = reader.customers_known(as_of)
        campaigns = reader.campaigns_opening(asked_at, within=DAY)
        asked = serving.candidates(reader, customers, campaigns, asked_at)
        sample = InputSample(asked, 100, seed=7)
        parts = list(sample.watching(serving.rankings(model, reader, asked, 100)))
        inputs = sample.rows(reader, ranker)
    columns = ["customer_id", "campaign_id", "score", "rank"]
    with new_version(made.paths.scores, stamp(as_of)) as folder:
        Naming.of(asked).write(folder / "campaign_scores.parquet", parts, columns)
        inputs.to_parquet(folder / "scored_inputs.parquet", index=False)
        manifest = {"model": "ranker", "as_of": format_instant(as_of)}
        (folder / "manifest.json").write_text(json.dumps(manifest))


def _unlearnt(made: Installation, catalogue: "Catalogue") -> "FittedRanker":
    from training.ranker.config import RankerConfig
    from training.ranker.dataset import ExampleFrame
    from training.ranker.encoding import Encoder
    from training.ranker.examples import examples_file
    from training.ranker.fitted import FittedRanker
    from training.ranker.model import Ranker

    frame = ExampleFrame.read(examples_file(made.paths, AS_OF), catalogue)
    sides = (
        Encoder.fit(catalogue.customer, frame.customers),
        Encoder.fit(catalogue.campaign, frame.campaigns),
        Encoder.fit(catalogue.pair, frame.pairs),
    )
    return FittedRanker(*sides, RankerConfig(), Ranker.new(*sides, RankerConfig()).eval())


@pytest.fixture
def copied(published: Installation, tmp_path: Path) -> Callable[[], Installation]:
    """Copy the home, so that a test can spoil it."""

    def copy() -> Installation:
        home = shutil.copytree(published.paths.home, tmp_path / "home", symlinks=True)
        return Installation(load_settings({"VITRINE_HOME": str(home)}))

    return copy
