"""A feature is in the YAML, in the function's answer, in the ranker and in the dictionary, or in
none of them.
"""

import re

import pandas as pd
import pytest

from training.ranker.encoding import Encoder
from training.ranker.features import Catalogue
from vitrine import affinities, feature_catalogue
from vitrine.feature_catalogue import FeatureModel
from vitrine.transform import documentation

MODELS = feature_catalogue.feature_models()
KINDS = {"DOUBLE": "numeric", "BOOLEAN": "boolean", "VARCHAR": "categorical"}


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_the_function_answers_with_what_is_described(warehouse, model: FeatureModel):
    keys = ", ".join(
        f"null::{'timestamptz' if key == 'as_of' else 'varchar'} as {key}" for key in model.spine
    )
    warehouse.execute(f"create temp table asked as select {keys} limit 0")
    columns = warehouse.execute(f"describe select * from {model.function}('asked')").fetchall()
    answered = {name: KINDS.get(kind) for name, kind, *_ in columns if name not in model.spine}
    assert answered == {f.name: f.kind for f in model.features}


def test_the_ranker_encodes_every_feature_of_its_sides_and_no_other():
    described = {f.name for m in MODELS if m.side for f in m.features}
    computed = {f.name for f in (*affinities.CAMPAIGN, *affinities.FEATURES)}
    catalogue = Catalogue.load()
    encoded = {
        name
        for side in (catalogue.customer, catalogue.campaign, catalogue.pair)
        for name in Encoder.fit(side, pd.DataFrame([{f.name: f.fill for f in side}])).names
    }
    assert described == {f.name for f in feature_catalogue.ranker_features()}
    assert encoded == described | computed
    assert not described & computed


def test_what_feeds_no_side_is_left_out_for_a_reason():
    left_out = {m.name: m.spine for m in MODELS if m.side is None}
    # These have keys that no side has, or depend on who else is asked about.
    assert left_out == {
        "customer_segments": ("customer_id", "as_of"),
        "feat_customer_sector": ("customer_id", "sector", "as_of"),
        "feat_product": ("product_id", "as_of"),
    }


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_the_dictionary_lists_what_is_described(model: FeatureModel):
    text = documentation.DICTIONARY.read_text()
    section = text.split(f"### {model.name}('spine')")[1].split("\n### ")[0]
    listed = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    assert listed == {*model.spine, *(f.name for f in model.features)}


def test_features_of_a_shop_are_those_whose_tables_it_has():
    features = {f.name: f for m in MODELS for f in m.features}
    retail = {"customers", "products", "campaigns", "campaign_products", "orders"}
    assert features["customer_favourite_colour"].is_provided(retail)
    assert not features["customer_email_open_count_7d"].is_provided(retail)
    assert not features["campaign_conversion_ratio_1h"].is_provided(retail)
    assert all(f.is_provided({*retail, "events", "email_events"}) for f in features.values())
