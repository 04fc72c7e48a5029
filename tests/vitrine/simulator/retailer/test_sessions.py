import numpy as np
import pandas as pd
import pytest

from vitrine.simulator.retailer.sessions import EVENT_KINDS
from vitrine.simulator.retailer.vocabulary import CHANNELS

DAY = 720


@pytest.fixture(scope="module")
def day(history) -> tuple[pd.DataFrame, pd.DataFrame]:
    sold = history.book.orders.sales(DAY)
    events = pd.DataFrame(history.book.visitors.events(DAY, sold))
    kinds = np.array(EVENT_KINDS)[events["kind"]]
    return pd.DataFrame(sold), events.assign(kind=kinds)


def test_the_number_of_events_is_that_of_the_size(history):
    shop, visitors = history.book.shop, history.book.visitors
    days = range(714, 728)
    count = sum(len(visitors.events(d, history.book.orders.sales(d))["kind"]) for d in days)
    assert count / len(days) == pytest.approx(shop.customer_count / 1.37, rel=0.05)


def test_events_come_in_the_order_of_time_with_ids_of_their_own(day):
    _, events = day
    assert events["occurred_at"].is_monotonic_increasing
    assert events["event"].is_unique
    assert (events.groupby("session")["customer"].nunique() == 1).all()


def test_who_orders_online_looked_put_into_the_cart_and_checked_out_before(day):
    sold, events = day
    online = sold[sold["channel"] != CHANNELS.index("store")]
    assert (events["kind"] == "checkout_start").sum() == online["basket"].nunique()
    carts = events[events["kind"] == "add_to_cart"]
    pairs = online.merge(carts, on=["customer", "product"], suffixes=("", "_carted"))
    pairs = pairs[pairs["occurred_at_carted"] <= pairs["occurred_at"]]
    assert len(pairs[["basket", "line"]].drop_duplicates()) > 0.95 * len(online)


def test_strangers_never_check_out(day):
    _, events = day
    strangers = events[events["customer"] < 0]
    assert 0.1 < len(strangers) / len(events) < 0.4
    assert not (strangers["kind"] == "checkout_start").any()


def test_only_what_is_on_offer_is_seen_and_only_impressions_have_a_place(history, day):
    _, events = day
    weight = history.book.orders.layout.shelf(DAY).weight_P
    seen = events[events["product"] >= 0]
    assert (weight[seen["product"]] > 0).all()
    assert set(events["kind"][events["product"] < 0]) == {"search", "checkout_start"}
    assert ((events["position"] > 0) == (events["kind"] == "impression")).all()
