"""The newer feature functions say what slow loops say, over leap day, clock changes and seasons."""

import random
import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta

import duckdb
import pandas as pd
import pytest

from tests.dbt_project.conftest import connected
from tests.dbt_project.features import long_shop, reference
from tests.dbt_project.features.conftest import MIDDLE
from tests.dbt_project.small_shop import Row
from tests.dbt_project.test_features import ask
from vitrine import feature_catalogue
from vitrine.interval import DAY, floor
from vitrine.proof import history as proof_history
from vitrine.proof.references.shopping import customer_segments

CHOICES = {
    "customer_id": [*(f"c{n}" for n in range(9)), "nobody"],
    "campaign_id": [*(f"k{n}" for n in range(7)), "nothing"],
    "product_id": [*(f"p{n}{place}" for n in range(7) for place in range(4)), "nothing"],
    "sector": [*long_shop.SECTORS, "nowhere"],
}
REFERENCES: dict[str, Callable[..., Row]] = {
    "feat_customer": reference.customer,
    "customer_groups": reference.groups,
    "feat_customer_sector": reference.sector,
    "feat_customer_campaign": reference.pair,
    "feat_campaign": reference.campaign,
    "feat_product": reference.product,
}


def moments(rng: random.Random, history: reference.History, end: datetime) -> list[datetime]:
    """Any second, midnights, the instants when days become readable, and a second before them."""
    days = [long_shop.START + rng.randrange((end - long_shop.START).days) * DAY for _ in range(30)]
    edges = [long_shop.LEAP_DAY, long_shop.SPRING, *long_shop.CLOCK_CHANGES, *days[:10]]
    edges += [edge + timedelta(hours=3) for edge in edges]
    edges += [edge - timedelta(seconds=1) for edge in edges]
    anyway = [day + timedelta(seconds=rng.randrange(86400)) for day in days]
    learnt = [fact["received_at"] for fact in rng.sample(history.facts, 10)]
    busy = [end - timedelta(days=n, hours=rng.randrange(24)) for n in range(30)]
    return [moment for moment in (*edges, *anyway, *learnt, *busy) if moment <= end]


def spine(history: reference.History, model: str, end: datetime = long_shop.END) -> pd.DataFrame:
    rng = random.Random(model)
    keys = feature_catalogue.feature_model(model).spine
    rows = {
        tuple(moment if key == "as_of" else rng.choice(CHOICES[key]) for key in keys)
        for moment in moments(rng, history, end)
    }
    return pd.DataFrame(sorted(rows), columns=list(keys))


@pytest.mark.parametrize("model", REFERENCES)
def test_a_function_agrees_with_a_slow_loop(long_warehouse, history, model):
    asked = spine(history, model)
    answers = ask(long_warehouse, model, asked)
    for answer in answers.to_dict("records"):
        keys = [answer[key] for key in asked.columns]
        instant = keys[-1].to_pydatetime()
        for name, expected in REFERENCES[model](history, *keys[:-1], instant).items():
            wanted = expected if isinstance(expected, str) else pytest.approx(expected, abs=1e-9)
            assert answer[name] == wanted, (keys, name)


@pytest.mark.parametrize("model", REFERENCES)
def test_the_control_what_is_compared_varies(long_warehouse, history, model):
    asked = spine(history, model)
    answers = ask(long_warehouse, model, asked)
    for name in REFERENCES[model](history, *asked.iloc[0].tolist()):
        assert answers[name].nunique() > 1, name


@pytest.mark.parametrize("model", REFERENCES)
def test_what_was_received_later_changes_no_earlier_feature(
    long_built, long_built_to_the_middle, history, model
):
    asked = spine(history, model, end=MIDDLE)
    (before,) = [ask(c, model, asked) for c in connected({"daily": long_built_to_the_middle})]
    (after,) = [ask(c, model, asked) for c in connected({"daily": long_built})]
    pd.testing.assert_frame_equal(before, after)


@pytest.mark.parametrize("model", [*REFERENCES, "customer_segments"])
def test_who_is_unknown_gets_the_fills(long_warehouse, model):
    keys = feature_catalogue.feature_model(model).spine
    asked = pd.DataFrame([dict.fromkeys(keys, "nobody") | {"as_of": long_shop.END}])
    (answer,) = ask(long_warehouse, model, asked).to_dict("records")
    assert {f.name: answer[f.name] for f in feature_catalogue.feature_columns(model)} == {
        f.name: f.fill for f in feature_catalogue.feature_columns(model)
    }


def test_a_sector_called_unknown_is_not_that_of_what_is_not_described(long_built, tmp_path):
    file = shutil.copy(long_built, tmp_path / "daily.duckdb")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{file}' as daily")
        for table in ("int_campaigns", "int_closed_campaigns"):
            connection.execute(f"update daily.intermediate.{table} set sector = 'unknown'")
        asked = pd.DataFrame({"campaign_id": ["k1", "nothing"], "as_of": long_shop.END})
        described, answer = ask(connection, "feat_campaign", asked).to_dict("records")
    assert described["brand_last_3_turnover"] > 0
    columns = feature_catalogue.feature_columns("feat_campaign")
    assert {f.name: answer[f.name] for f in columns} == {f.name: f.fill for f in columns}


def test_the_stock_of_a_product_is_what_the_newest_readable_day_knew(long_warehouse, history):
    stocked = [f for f in history.sales if not f["campaign_id"].startswith(("k0", "k4"))]
    rows = {
        (line["product_id"], as_of)
        for line in stocked
        for day in [floor(line["received_at"], DAY) + reference.DAY_DELAY]
        for as_of in (day, line["received_at"], day + DAY)
        if as_of <= long_shop.END
    }
    asked = pd.DataFrame(sorted(rows), columns=["product_id", "as_of"])
    answers = ask(long_warehouse, "feat_product", asked)
    found = answers["product_stock_left_days"].tolist()
    expected = [
        reference.product(history, product_id, as_of)["product_stock_left_days"]
        for product_id, as_of in asked.itertuples(index=False)
    ]
    assert found == pytest.approx(expected)
    assert answers["product_stock_left_days"].nunique() > 5


def test_a_segment_follows_the_rules(long_warehouse, history):
    asked = segment_spine(history)
    answers = ask(long_warehouse, "customer_segments", asked).to_dict("records")
    for answer in answers:
        expected = reference.segment(history, answer["customer_id"], answer["as_of"])
        assert answer["segment"] == expected["segment"], answer
    named = {"prospect", "new", "top", "loyal"}
    assert {answer["segment"] for answer in answers} >= named


def test_of_customers_who_spent_the_same_a_tenth_of_all_are_top(long_warehouse, history):
    asked = pd.DataFrame({"customer_id": long_shop.CROWD, "as_of": long_shop.END})
    answers = ask(long_warehouse, "customer_segments", asked)
    year = reference.readable(history.sales, long_shop.END, 365 * DAY)
    buyers = {line["customer_id"] for line in year} - {None}
    count = len(buyers) // 10
    assert 0 < count < len(long_shop.CROWD)
    assert answers["segment"].tolist() == ["top"] * count + ["loyal"] * (24 - count)


def test_a_segment_does_not_depend_on_who_else_is_asked_about(long_warehouse, history):
    together = ask(long_warehouse, "customer_segments", segment_spine(history))
    one_by_one = [
        ask(long_warehouse, "customer_segments", together.loc[[n], ["customer_id", "as_of"]])
        for n in range(len(together))
    ]
    assert together["segment"].tolist() == [one["segment"].item() for one in one_by_one]


def test_the_proof_ranks_customers_as_the_function_does(
    long_warehouse, long_installation, history, tmp_path
):
    raw = proof_history.History(
        long_installation.paths,
        proof_history.Rule(reference.DAY_DELAY, timedelta(minutes=5)),
        {"daily": long_shop.END, "intraday": long_shop.END},
        windows_from=long_shop.START,
        permanent_days=28,
        provided=long_installation.shop.provides,
        file=tmp_path / "raw.duckdb",
    )
    answers = ask(long_warehouse, "customer_segments", segment_spine(history))
    with closing(raw):
        expected = [
            customer_segments(raw, customer_id, as_of.to_pydatetime())["segment"]
            for customer_id, as_of in zip(answers["customer_id"], answers["as_of"], strict=True)
        ]
    assert answers["segment"].tolist() == expected


def segment_spine(history: reference.History) -> pd.DataFrame:
    """Ask about everybody at a few instants, about one customer at others."""
    rng = random.Random("segments")
    everybody = [
        (customer_id, as_of)
        for as_of in (MIDDLE, long_shop.SPRING, long_shop.END)
        for customer_id in [*CHOICES["customer_id"], *long_shop.CROWD]
    ]
    single = [
        (rng.choice(CHOICES["customer_id"]), as_of)
        for as_of in moments(rng, history, long_shop.END)
    ]
    return pd.DataFrame(sorted({*everybody, *single}), columns=["customer_id", "as_of"])


def test_a_customer_with_one_order_has_no_habits_but_a_history(long_warehouse, history):
    (line, *others) = [fact for fact in history.sales if fact["customer_id"] == "c6"]
    readable_at = reference.day_available_at(line)
    asked = pd.DataFrame({"customer_id": "c6", "as_of": [readable_at - DAY, readable_at]})
    activity = ask(long_warehouse, "feat_customer", asked)
    assert activity["customer_purchased_campaign_count_365d"].tolist() == [
        0,
        len({fact["campaign_id"] for fact in (line, *others)}),
    ]
    habits = ask(long_warehouse, "customer_groups", asked)
    assert not habits["is_seasonal"].any()


def test_a_campaign_without_a_known_stock_counts_for_no_sell_through(long_warehouse, history):
    unknown = [c for c in reference.closed_campaigns(history) if not c["stock"]]
    assert [c["campaign_id"] for c in unknown] == ["k4"]
    assert unknown[0]["unit_count"] > 0


def test_pairs_bought_together_are_those_of_the_last_90_days(long_warehouse, history):
    instants = [long_shop.START + timedelta(days=n, hours=2) for n in (1, 131, 480, 499)]
    frame = pd.DataFrame({"as_of": instants})
    long_warehouse.register("asked_frame", frame)
    long_warehouse.execute(
        "create temp table asked as select as_of::timestamptz as as_of from asked_frame"
    )
    found: dict[datetime, dict] = {instant: {} for instant in instants}
    for a, b, us, *values in long_warehouse.execute(
        "select product_id, other_product_id, epoch_us(as_of), basket_count, support_ratio,"
        " confidence_ratio, lift_ratio from daily.features.co_purchases('asked')"
    ).fetchall():
        found[next(i for i in instants if round(i.timestamp() * 1e6) == us)][a, b] = values
    assert len(found[instants[1]]) > 10
    for instant, pairs in found.items():
        expected = reference.co_purchases(history, instant)
        assert pairs.keys() == expected.keys()
        for pair, values in pairs.items():
            assert values == pytest.approx(expected[pair]), (instant, pair)


def test_bestsellers_are_ranked_within_age_band_and_week(long_warehouse, history):
    found = long_warehouse.execute(
        "select age_band, week_start_on, product_id, unit_count, sales_rank"
        " from daily.intermediate.int_bestsellers order by all"
    ).fetchall()
    sold: dict[tuple, dict[str, int]] = {}
    for line in history.sales:
        if line["week"] + timedelta(days=7) <= long_shop.END.date():
            week = sold.setdefault((line["age_band"], line["week"]), {})
            week[line["product_id"]] = week.get(line["product_id"], 0) + line["quantity"]
    expected = [
        (*key, product_id, count, 1 + sum((-n, p) < (-count, product_id) for p, n in week.items()))
        for key, week in sold.items()
        for product_id, count in week.items()
    ]
    assert found == sorted(expected)
