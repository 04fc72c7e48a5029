from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.peers.articles import Articles
from training.peers.history import History
from training.ranker.affinity import Affinities
from vitrine.affinities import FEATURES

NIGHT = datetime(2026, 3, 9, tzinfo=UTC)
DAY = timedelta(days=1)
WORDS = {"a": "red lamp", "b": "red lamp large", "c": "blue cup", "d": "green cup", "new": "lamp"}


def said(campaigns: pd.DataFrame) -> Articles:
    texts = campaigns["campaign_id"].map(WORDS).to_numpy(object)
    nothing = np.array([""] * len(texts), dtype=object)
    return Articles(texts, nothing, np.full(len(texts), np.nan))


def history(purchases: Sequence[tuple[Any, ...]]) -> History:
    """(customer, campaign, days before the night that it was bought, and was received)."""
    rows = pd.DataFrame(purchases, columns=["customer_id", "campaign_id", "bought", "received"])
    for name, column in (("occurred_at", "bought"), ("received_at", "received")):
        rows[name] = pd.Timestamp(NIGHT) - pd.to_timedelta(rows.pop(column), unit="D")
    return History.of(rows, NIGHT + 30 * DAY)


def asked(known: History, customers: list[str], campaigns: list[str], at=NIGHT) -> Any:
    pairs = [(u, c) for u in range(len(customers)) for c in range(len(campaigns))]
    rows = Affinities(known, said).rows(
        np.array(customers, dtype=object),
        pd.DataFrame({"campaign_id": campaigns, "as_of": pd.Timestamp(at)}),
        *np.array(pairs).T,
    )
    rows.index = pd.MultiIndex.from_tuples([(customers[u], campaigns[c]) for u, c in pairs])
    return rows


THREE = [
    ("ann", "a", 20, 20), ("ann", "b", 20, 20), ("ann", "a", 10, 10), ("ann", "c", 2, 2),
    ("bob", "a", 9, 9), ("bob", "b", 9, 9), ("bob", "d", 3, 3),
    ("eve", "a", 5, 5), ("eve", "b", 5, 5),
]  # fmt: skip


def test_a_customers_own_history_with_a_campaign():
    rows = asked(history(THREE), ["ann"], ["a", "c", "d"])
    own = rows.loc[("ann", "a")]
    assert own["own_orders_faded_7d"] == pytest.approx(np.exp(-20 / 7) + np.exp(-10 / 7))
    assert own["own_order_ratio"] == pytest.approx(2 / 3)
    assert own["own_orders_since"] == 1
    assert own["own_days_since_first"] == 20
    assert own["own_interval_ratio"] == pytest.approx(10 / 10)
    once = rows.loc[("ann", "c")]
    assert (once["own_orders_since"], once["own_interval_ratio"]) == (0, -1)
    never = rows.loc[("ann", "d")]
    fills = {f.name: f.fill for f in FEATURES if f.name.startswith("own")}
    assert never[list(fills)].to_dict() == fills


def test_what_is_bought_together_is_near():
    rows = asked(history(THREE), ["ann", "nobody"], ["b", "d", "new"])
    near, far = rows.loc[("ann", "b")], rows.loc[("ann", "d")]
    for name in ("near_ease_binary", "near_neighbours", "near_lift"):
        assert near[name] > far[name]
    # In two of three baskets with each other: 3 / (√(4 · 3) + 5) each time that a was bought.
    weight = np.sqrt(min(np.exp(-20 / 120) + np.exp(-10 / 120), 3))
    assert near["near_lift"] == pytest.approx(weight * 3 / (np.sqrt(4 * 3) + 5), rel=1e-5)
    # After an order with a came one with d once, and ann's last order held c alone.
    assert far["near_next_basket"] == 0
    nobody = rows.loc["nobody"]
    assert not nobody[[f.name for f in FEATURES if f.name.startswith("near")]].to_numpy().any()


def test_a_campaigns_own_ratios():
    rows: Any = Affinities(history(THREE), said).campaign_rows(
        pd.DataFrame({"campaign_id": ["a", "d", "new"], "as_of": pd.Timestamp(NIGHT)})
    )
    # Four orders held a, the first ones of three customers; one of its three buyers came back.
    assert rows.loc[0].tolist() == pytest.approx([3 / (4 + 5), 1 / (3 + 5)])
    assert rows.loc[1].tolist() == pytest.approx([0, 0])
    assert rows.loc[2].tolist() == [0, 0]


def test_words_reach_what_was_never_sold():
    rows = asked(history(THREE), ["ann", "bob"], ["new", "d"])
    assert rows.loc[("ann", "new"), "near_words"] > rows.loc[("ann", "d"), "near_words"] > 0
    assert rows.loc[("ann", "new"), "near_lift"] == 0
    # Bob's last order held d alone: it says the same as itself, and nothing about lamps.
    assert rows.loc[("bob", "new"), "near_words_last"] == 0
    assert rows.loc[("bob", "new"), "near_words_best"] > 0


moment = st.integers(-20, 40)
purchase = st.tuples(st.sampled_from("uvwxyz"), st.sampled_from("abcd"), moment, moment)


@settings(max_examples=30, deadline=None)
@given(st.lists(purchase, min_size=1, max_size=40), st.integers(0, 3))
def test_nothing_received_later_changes_what_was_known(purchases, days):
    """Purchases of after the instant, and of before it that were received after, do not count."""
    at = NIGHT - days * DAY
    rows = [(u, c, float(max(b, r)), float(r)) for u, c, b, r in purchases]
    known = [row for row in rows if row[3] > days]
    if not known:
        return
    customers, campaigns = list("uvwxyz"), list("abcd")
    pd.testing.assert_frame_equal(
        asked(history(rows), customers, campaigns, at),
        asked(history(known), customers, campaigns, at),
        check_exact=False, rtol=1e-4, atol=1e-5,
    )  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(st.lists(purchase, min_size=1, max_size=40))
def test_many_instants_are_answered_as_each_alone(purchases):
    """An instant alone looks at all customers, one among others at those who are asked about."""
    rows = [(u, c, float(max(b, r)), float(r)) for u, c, b, r in purchases]
    affinities = Affinities(history(rows), said)
    customers = np.array(["u", "v", "nobody"], dtype=object)
    instants = [NIGHT - 12 * DAY, NIGHT - 11.5 * DAY, NIGHT]
    campaigns = pd.DataFrame(
        [(c, at) for at in instants for c in WORDS], columns=["campaign_id", "as_of"]
    )
    campaigns["as_of"] = campaigns["as_of"].astype("datetime64[us, UTC]")

    def answered(part: pd.DataFrame) -> np.ndarray:
        campaign_R, list_R = np.divmod(np.arange(len(part) * len(customers)), len(customers))
        of_pairs = affinities.rows(customers, part, list_R, campaign_R)
        return np.hstack([of_pairs, affinities.campaign_rows(part).to_numpy()[campaign_R]])

    alone = np.vstack([answered(part) for _, part in campaigns.groupby("as_of")])
    np.testing.assert_array_equal(answered(campaigns), alone)


def test_a_pair_is_answered_alike_alone_and_among_others():
    known = history(THREE)
    together = asked(known, ["ann", "bob", "eve"], ["a", "b", "c", "d"])
    alone = asked(known, ["bob"], ["c"])
    np.testing.assert_allclose(together.loc[("bob", "c")], alone.loc[("bob", "c")], rtol=1e-5)
