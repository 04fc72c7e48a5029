"""The feature functions say what slow loops over the raw facts say, and never know the future."""

import random
from collections.abc import Callable
from datetime import timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest

from tests.dbt_project import conftest, reference, small_shop
from vitrine import feature_catalogue
from vitrine.settings import Settings

CUSTOMERS = [*(f"c{n}" for n in range(10)), "nobody"]
CAMPAIGNS = [*(f"k{n}" for n in range(8)), "nothing"]

REFERENCES: dict[str, Callable[..., small_shop.Row]] = {
    "feat_context": reference.context,
    "feat_customer": reference.customer,
    "feat_campaign": reference.campaign,
    "feat_customer_campaign": reference.pair,
    "feat_campaign_performance": reference.campaign_performance,
    "feat_cluster_campaign": reference.cluster,
}


def spine(shop, model: str, size: int, end=small_shop.END) -> pd.DataFrame:
    """Random questions: at any second, at receipts, and at the instants when features change."""
    rng = random.Random(model)
    seconds = int((end - small_shop.START).total_seconds())
    moments = [small_shop.START + timedelta(seconds=rng.randrange(seconds)) for _ in range(size)]
    moments += [f["received_at"] for f in rng.sample(shop.tables["orders"], 5)]
    moments += [small_shop.START + timedelta(days=n, hours=3) for n in range(12)]
    moments += [small_shop.START + timedelta(days=4, hours=9, minutes=15 * n + 5) for n in range(4)]
    clusters = sorted({row["demographic_cluster"] for row in shop.tables["customers"]})
    choices = {
        "customer_id": CUSTOMERS,
        "campaign_id": CAMPAIGNS,
        "demographic_cluster": [*clusters, "unknown", "nowhere"],
    }
    keys = feature_catalogue.feature_model(model).spine
    rows = {
        tuple(moment if key == "as_of" else rng.choice(choices[key]) for key in keys)
        for moment in moments
        if moment <= end
    }
    return pd.DataFrame(sorted(rows), columns=list(keys))


def ask(connection, model: str, asked: pd.DataFrame) -> pd.DataFrame:
    function = feature_catalogue.feature_model(model).function
    connection.register("asked_frame", asked)
    connection.execute(
        "create or replace temp table asked as"
        " select * replace (as_of::timestamptz as as_of) from asked_frame"
    )
    answer = connection.execute(f"select * from {function}('asked')").df()
    answer["as_of"] = answer["as_of"].dt.tz_convert("UTC")
    keys = list(asked.columns)
    return asked.astype({"as_of": answer["as_of"].dtype}).merge(
        answer, on=keys, how="left", validate="one_to_one"
    )


@pytest.mark.parametrize("model", REFERENCES)
def test_a_feature_function_agrees_with_a_slow_loop(warehouse, shop, model):
    asked = spine(shop, model, size=60)
    answers = ask(warehouse, model, asked)
    for answer in answers.to_dict("records"):
        keys = [answer[key] for key in asked.columns]
        instant = keys[-1].to_pydatetime()
        for name, expected in REFERENCES[model](shop, *keys[:-1], instant).items():
            found = answer[name]
            assert found == (
                expected if isinstance(expected, str) else pytest.approx(expected, abs=1e-9)
            ), (keys, name)


@pytest.mark.parametrize("model", REFERENCES)
def test_a_feature_function_gives_one_whole_row_for_each_row_of_the_spine(warehouse, shop, model):
    asked = spine(shop, model, size=60)
    answers = ask(warehouse, model, asked)
    features = feature_catalogue.feature_columns(model)
    assert list(answers.columns) == [*asked.columns, *(f.name for f in features)]
    assert len(answers) == len(asked)
    assert not answers.isna().any().any()
    for feature in features:
        assert (answers[feature.name].dtype == np.float64) == (feature.kind == "numeric"), feature


@pytest.mark.parametrize("model", REFERENCES)
def test_who_is_unknown_gets_the_fills(warehouse, model):
    keys = feature_catalogue.feature_model(model).spine
    asked = pd.DataFrame([dict.fromkeys(keys, "nobody") | {"as_of": small_shop.END}])
    (answer,) = ask(warehouse, model, asked).to_dict("records")
    for feature in feature_catalogue.feature_columns(model):
        assert answer[feature.name] == feature.fill, feature


def test_a_fresh_campaigns_rates_are_neither_0_nor_1(warehouse, shop):
    learnt = {row["campaign_id"]: row["received_at"] for row in reversed(shop.tables["campaigns"])}
    fresh = pd.DataFrame(learnt.items(), columns=["campaign_id", "as_of"])
    fresh["as_of"] += timedelta(minutes=20)
    known = [ask(warehouse, m, fresh) for m in ("feat_campaign", "feat_campaign_performance")]
    rates = pd.concat(known, axis=1)[
        [
            "brand_last_3_conversion_ratio",
            "brand_last_3_sell_through_ratio",
            "campaign_conversion_ratio_1h",
            "campaign_purchase_ratio_4h",
            "campaign_sell_through_ratio",
        ]
    ]
    assert ((rates > 0) & (rates < 1)).all(axis=None)


@pytest.mark.parametrize("model", REFERENCES)
def test_what_was_received_later_changes_no_earlier_feature(
    built, built_to_the_middle, shop, model
):
    asked = spine(shop, model, size=200, end=conftest.MIDDLE)
    (before,) = [ask(c, model, asked) for c in conftest.connected(built_to_the_middle)]
    (after,) = [ask(c, model, asked) for c in conftest.connected(built)]
    pd.testing.assert_frame_equal(before, after)


def test_on_sale_is_what_was_open_and_in_stock(warehouse, shop, installation):
    days: int = Settings.model_fields["permanent_campaign_days"].default
    rng = random.Random(1)
    seconds = int((small_shop.END - small_shop.START).total_seconds())
    asked = [small_shop.START + timedelta(seconds=rng.randrange(seconds)) for _ in range(50)]
    edges = [row[k] for row in shop.tables["campaigns"] for k in ("opens_at", "closes_at")]
    learnt = [row["received_at"] for t in ("orders", "stock_levels") for row in shop.tables[t]]
    moments = sorted({*asked, *filter(None, edges), *learnt})
    frame = pd.DataFrame({"as_of": moments})
    warehouse.register("asked_frame", frame)
    warehouse.execute(
        "create temp table asked as select as_of::timestamptz as as_of from asked_frame"
    )
    rows = warehouse.execute(
        "select epoch_us(as_of), campaign_id, product_id, price, stock_left"
        " from daily.features.on_sale('asked')"
    ).fetchall()
    found = {(us, k, p): (price, left) for us, k, p, price, left in rows}
    assert len(found) == len(rows) > 0
    expected = {
        (round(moment.timestamp() * 1e6), *key): value
        for moment in moments
        for key, value in reference.on_sale(shop, moment, days).items()
    }
    assert found == expected


def test_the_control_some_product_sold_out_and_some_campaign_closed(shop):
    last = small_shop.END - timedelta(hours=30)
    offers = {(r["campaign_id"], r["product_id"]) for r in shop.tables["campaign_products"]}
    closed = {
        row["campaign_id"]
        for row in shop.tables["campaigns"]
        if row["closes_at"] and row["closes_at"] <= last
    }
    on_sale = reference.on_sale(shop, last, 28)
    assert closed
    assert {k for k in offers if k[0] not in closed and k not in on_sale}


def test_the_control_some_stock_is_known_by_counts_alone(shop):
    unknown = {
        (row["campaign_id"], row["product_id"])
        for row in shop.tables["campaign_products"]
        if row["initial_stock"] is None
    }
    moments = [small_shop.START + timedelta(days=day) for day in range(small_shop.DAYS)]
    counts = [
        left
        for moment in moments
        for key, (_, left) in reference.on_sale(shop, moment, 28).items()
        if key in unknown
    ]
    assert None in counts
    assert len(set(counts)) > 2


def test_a_campaigns_hour_is_local_on_both_sides_of_the_clock_change(warehouse, shop):
    paris = next(r for r in shop.tables["campaigns"] if r["timezone"] == "Europe/Paris")
    instants = pd.to_datetime(["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"])
    asked = pd.DataFrame({"campaign_id": paris["campaign_id"], "as_of": instants})
    answer = ask(warehouse, "feat_context", asked)
    assert answer["local_hour"].tolist() == [1, 3]
    assert np.diff(answer["minutes_since_opening"]).tolist() == [60]


@pytest.mark.parametrize("model", ["feat_campaign_performance", "feat_cluster_campaign"])
def test_windows_that_are_not_kept_are_an_error_not_a_smaller_number(warehouse, shop, model):
    ((definition,),) = warehouse.execute(
        "select macro_definition from duckdb_functions()"
        " where database_name = 'intraday' and function_name = $model",
        {"model": model},
    ).fetchall()
    kept_from = definition.replace("1970-01-01T00:00:00Z", "2026-03-28T00:00:00Z")
    warehouse.execute(f"create temp macro cut(spine) as table {kept_from}")
    asked = spine(shop, model, 5)
    warehouse.register("asked_frame", asked[asked["as_of"] < pd.Timestamp("2026-03-28", tz="UTC")])
    warehouse.execute("create or replace temp table asked as from asked_frame")
    with pytest.raises(duckdb.InvalidInputException, match="VITRINE_INTRADAY_HISTORY_DAYS"):
        warehouse.execute("select * from cut('asked')")
