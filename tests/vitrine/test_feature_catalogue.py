"""The ranker's inputs are read from the models' descriptions."""

import pytest

from vitrine import feature_catalogue
from vitrine.errors import BadArgumentError


def test_a_functions_features_come_in_the_order_of_its_columns_without_the_keys():
    features = feature_catalogue.feature_columns("feat_context")
    assert [f.name for f in features][:2] == ["local_hour", "local_weekday"]
    assert not {"campaign_id", "as_of"} & {f.name for f in features}
    assert all(f.block == "context" for f in features)


def test_a_function_is_called_by_its_qualified_name():
    model = feature_catalogue.feature_model("feat_cluster_campaign")
    assert model.function == "intraday.features.feat_cluster_campaign"
    assert model.spine == ("demographic_cluster", "campaign_id", "as_of")


def test_an_unknown_function_is_refused_by_name():
    with pytest.raises(BadArgumentError, match=r"feat_nothing.*known: .*feat_campaign"):
        feature_catalogue.feature_columns("feat_nothing")


def test_the_ranker_has_four_sides_and_no_other():
    keys = {side: feature_catalogue.ranker_models(side)[0].spine for side in ("customer", "pair")}
    assert keys == {
        "customer": ("customer_id", "as_of"),
        "pair": ("customer_id", "campaign_id", "as_of"),
    }
    with pytest.raises(BadArgumentError, match=r"no side 'shop'.*customer, campaign, pair"):
        feature_catalogue.ranker_models("shop")


def test_of_alternatives_one_is_enough():
    (visit,) = [
        feature
        for feature in feature_catalogue.feature_columns("feat_customer")
        if feature.name == "customer_days_since_last_visit"
    ]
    assert visit.needs == ("orders or events",)
    assert visit.is_provided({"orders"})
    assert visit.is_provided({"events"})
    assert not visit.is_provided({"products"})
