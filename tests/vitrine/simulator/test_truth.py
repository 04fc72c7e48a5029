import numpy as np
import pandas as pd


def place_of_purchases(truth: pd.DataFrame, bought: pd.DataFrame, column: str) -> float:
    """Return the mean relative place of what was bought, by `column`: 1 is best, 0.5 is chance."""
    place = truth.groupby(["day", "customer_id"])[column].rank(pct=True)
    joined = truth.assign(place=place).merge(bought, on=["day", "customer_id", "campaign_id"])
    assert len(joined) > 200
    return float(joined.place.mean())


def purchases(written) -> pd.DataFrame:
    orders = written.table("orders")
    orders = orders[orders.kind == "sale"]
    day = orders.occurred_at.dt.tz_convert("Europe/Paris").dt.date
    columns = ["day", "customer_id", "campaign_id"]
    return orders.assign(day=day)[columns].drop_duplicates()


def test_customers_buy_what_the_truth_says_they_like(written):
    assert place_of_purchases(written.truth, purchases(written), "utility") > 0.8


def test_a_shuffled_truth_says_nothing(written):
    shuffled = np.random.default_rng(0).permutation(written.truth.utility)
    truth = written.truth.assign(shuffled=shuffled)
    assert abs(place_of_purchases(truth, purchases(written), "shuffled") - 0.5) < 0.06


def test_the_truth_of_others_says_less(written):
    """The pattern is each customer's own, not the popularity of the campaign."""
    mean = written.truth.groupby(["day", "campaign_id"]).utility.transform("mean")
    bought = purchases(written)
    popular = place_of_purchases(written.truth.assign(mean=mean), bought, "mean")
    assert popular + 0.1 < place_of_purchases(written.truth, bought, "utility")


def test_the_oracle_ranks_by_utility(written):
    for _, group in list(written.truth.groupby(["day", "customer_id"]))[:200]:
        ordered = group.sort_values("oracle_rank")
        assert ordered.oracle_rank.tolist() == list(range(1, len(group) + 1))
        assert (np.diff(ordered.utility) <= 1e-6).all()
        assert (np.diff(ordered.purchase_probability) <= 1e-6).all()


def test_true_demand_foretells_how_much_is_bought(written):
    """Customers and campaigns of the upper half of probabilities bring most purchases."""
    bought = purchases(written).assign(bought=1)
    joined = written.truth.merge(bought, how="left", on=["day", "customer_id", "campaign_id"])
    upper = joined.purchase_probability > joined.purchase_probability.median()
    assert joined[upper].bought.sum() > 4 * joined[~upper].bought.sum()


def test_the_truth_lies_outside_the_landing_folder(written):
    assert not list(written.landing.rglob("*.parquet"))
    assert not [name for name in written.tables["customers"] if "taste" in name]
