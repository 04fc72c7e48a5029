"""In a shop without events what needs them holds its fill, and what does not has a meaning."""

import pandas as pd
import pytest

from tests.dbt_project import small_shop
from tests.dbt_project.conftest import build, connected
from tests.dbt_project.test_features import ask
from vitrine.feature_catalogue import feature_models
from vitrine.installation import Installation
from vitrine.settings import load_settings

MODELS = feature_models()
KEYS = {
    "customer_id": ["c1", "c3", "nobody"],
    "campaign_id": ["k0", "k6", "k7", "nothing"],
    "product_id": ["p00", "p70"],
    "sector": ["shoes", "nowhere"],
    "demographic_cluster": ["unknown"],
}


@pytest.fixture(scope="module")
def retailer(tmp_path_factory) -> Installation:
    """A shop whose source has neither events nor e-mail; its lake holds the small shop's rows."""
    home = tmp_path_factory.mktemp("retailer") / "home"
    settings = {"VITRINE_HOME": str(home), "VITRINE_SOURCE": "online_retail"}
    made = Installation(load_settings(settings))
    assert "events" not in made.shop.provides
    drawn = small_shop.draw(seed=7)
    tables = {name: rows for name, rows in drawn.tables.items() if name in made.shop.provides}
    drawn.tables.clear()
    drawn.tables.update(tables)
    small_shop.write(drawn, made.paths)
    return made


@pytest.fixture(scope="module")
def answers(retailer) -> dict[str, pd.DataFrame]:
    files = build(retailer, small_shop.END)
    (found,) = [
        {model.name: ask(c, model.name, spine(model)) for model in MODELS} for c in connected(files)
    ]
    return found


def spine(model) -> pd.DataFrame:
    keys = list(model.spine[:-1])
    rows = pd.MultiIndex.from_product([KEYS[key] for key in keys], names=keys)
    return rows.to_frame(index=False).assign(as_of=small_shop.END)


def test_what_needs_events_holds_its_fill(retailer, answers):
    held = 0
    for model in MODELS:
        for feature in model.features:
            if not feature.is_provided(retailer.shop.provides):
                assert set(answers[model.name][feature.name]) == {feature.fill}, feature.name
                held += 1
    assert held > 20


def test_what_needs_none_has_a_meaning(answers):
    known = answers["feat_campaign_performance"].query("campaign_id != 'nothing'")
    assert known["campaign_purchase_ratio_4h"].between(0, 1, inclusive="neither").all()
    assert known["campaign_sell_through_ratio"].between(0, 1, inclusive="neither").all()
    assert answers["customer_segments"]["segment"].nunique() > 1
