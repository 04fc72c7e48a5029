"""The shapes of what is bought, on two years of a small shop."""

import numpy as np
import pytest

from vitrine.simulator.retailer.vocabulary import BRANDS_PER_SECTOR, DEPARTMENTS, SECTORS


def test_the_number_of_lines_is_that_of_the_size(history):
    lines = len(history.sales) + len(history.back)
    assert lines == pytest.approx(31_800_000 / 200, rel=0.01)


def test_a_day_is_the_same_whatever_was_asked_before(history):
    again = history.book.orders.sales(400)
    day = history.sales[history.sales["day"] == 400]
    assert all((again[name] == day[name].to_numpy()).all() for name in again)


def test_orders_are_numbered_in_the_order_of_time(history):
    day = history.sales[history.sales["day"] == 400]
    assert day["occurred_at"].is_monotonic_increasing
    assert not day.duplicated(["basket", "line"]).any()
    assert (day.groupby("basket")["line"].max() == day.groupby("basket").size()).all()


def test_popularity_falls_with_rank_like_zipf(history):
    counts = np.sort(history.sales.groupby("product").size())[::-1]
    rank = np.arange(1, len(counts) + 1)
    middle = slice(len(counts) // 50, len(counts) // 4)
    slope = np.polyfit(np.log(rank[middle]), np.log(counts[middle]), 1)[0]
    assert -1.2 < slope < -0.5
    assert counts[: len(counts) // 10].sum() > 0.35 * counts.sum()


def test_nothing_is_sold_before_its_launch_and_most_within_weeks_of_it(history):
    products = history.book.products
    launch = products.launch_P[history.sales["product"]]
    age = history.sales["day"] - launch
    assert age.min() >= 0
    is_fashion = ~products.is_lasting_P[history.sales["product"]] & (launch >= 0)
    assert (age[is_fashion] < 56).mean() > 0.6


def test_customers_buy_again_what_they_bought_more_than_chance_has_it(history):
    assert repeat_share(history.sales) > 1.5 * repeat_share(without_memory(history.sales))


def repeat_share(sales):
    """Share of the lines whose customer bought the product on an earlier day."""
    first = sales.groupby(["customer", "product"])["day"].transform("min")
    return (sales["day"] > first).mean()


def without_memory(sales):
    """Shuffle the products among each day's lines: as popular, but nobody's own."""
    draws = np.random.default_rng(0)
    order = np.lexsort((draws.random(len(sales)), sales["day"]))
    return sales.assign(product=sales["product"].to_numpy()[order])


def test_customers_keep_to_brands_and_departments(history):
    products = history.book.products
    brand = sector_of(products.department_P) * BRANDS_PER_SECTOR + products.brand_P
    for column in (products.department_P, brand):
        kept = history.sales.assign(product=column[history.sales["product"]])
        assert same_share(kept) > 1.2 * same_share(without_memory(kept))


def same_share(sales):
    """Share of the visits whose first line is like that of the customer's visit before."""
    firsts = sales[sales["line"] == 1].sort_values(["customer", "day"])
    is_known = firsts["customer"].eq(firsts["customer"].shift())
    return firsts["product"].eq(firsts["product"].shift())[is_known].mean()


def sector_of(department):
    return np.array([SECTORS.index(d.sector) for d in DEPARTMENTS])[department]


def test_summer_and_winter_goods_have_their_seasons(history):
    sub_sector = np.array([d.sub_sector for d in DEPARTMENTS])
    what = sub_sector[history.book.products.department_P[history.sales["product"]]]
    month = (history.sales["day"] // 30.44 + 8).astype(int) % 12 + 1
    by_month = history.sales.groupby([what, month]).size().unstack(fill_value=0)
    assert (
        by_month.loc["swimwear", [5, 6, 7]].sum() > 3 * by_month.loc["swimwear", [11, 12, 1]].sum()
    )
    assert (
        by_month.loc["knitwear", [11, 12, 1]].sum() > 2 * by_month.loc["knitwear", [5, 6, 7]].sum()
    )


def test_saturdays_sell_more_than_tuesdays(history):
    weekday = (history.sales["day"] + 6) % 7
    assert (weekday == 5).sum() > 1.15 * (weekday == 1).sum()


def test_about_eight_percent_come_back_later_at_the_price_paid(history):
    assert len(history.back) / len(history.sales) == pytest.approx(0.08, abs=0.01)
    key = ["day", "basket", "line"]
    pairs = history.back.merge(history.sales, on=key, suffixes=("", "_sold"))
    assert len(pairs) == len(history.back)
    after = (pairs["occurred_at"] - pairs["occurred_at_sold"]) / 86_400
    assert after.between(1, 28).all()
    for name in ("customer", "product", "cents", "quantity", "channel"):
        assert (pairs[name] == pairs[f"{name}_sold"]).all()
    by_channel = history.back.groupby("channel").size() / history.sales.groupby("channel").size()
    assert by_channel[0] > 2 * by_channel[2]


def test_lines_cost_the_day_s_price_or_a_tenth_less(history):
    shelf, days = history.book.orders.layout.shelf, range(400, 420)
    ratio = np.concatenate(
        [
            day["cents"] / shelf(number).cents_P[day["product"]]
            for number, day in history.sales.groupby("day")
            if number in days
        ]
    )
    assert (np.isclose(ratio, 1) | np.isclose(ratio, 0.9, atol=0.003)).all()
    assert np.isclose(ratio, 1).mean() == pytest.approx(0.95, abs=0.03)
