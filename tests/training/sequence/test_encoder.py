from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from tests.training.sequence import chain_shop
from training.peers.articles import Articles
from training.peers.history import History
from training.sequence.encoder import SequenceEncoder, _sold_days, products
from training.sequence.events import Activity

NAMES = np.array(chain_shop.NAMES, dtype=object)
PURCHASES = chain_shop.draw(has_pattern=True)


def described(campaign_ids) -> Articles:
    return chain_shop.articles(pd.DataFrame({"campaign_id": campaign_ids}))


@pytest.fixture(scope="module")
def encoder():
    history = chain_shop.history(PURCHASES)
    return SequenceEncoder.fit(
        Activity.of(history), described(history.campaign_ids), chain_shop.CONFIG, seed=1
    )


def read(encoder, history, views=None):
    activity = Activity.of(history, views)
    return encoder.read(activity, described(activity.campaign_ids))


def test_the_next_article_depends_on_the_last_one_and_on_the_time_since(encoder):
    last = chain_shop.last_bought(PURCHASES)
    vectors = encoder.campaigns(NAMES, described(NAMES))
    for days in (chain_shop.SOON, chain_shop.LATE):
        reading = read(encoder, chain_shop.history(PURCHASES, later_days=days))
        scores = reading.states(last.index.to_numpy(object)) @ vectors.T
        expected = np.array([chain_shop.following(article, days) for article in last])
        assert chain_shop.auc(scores, expected) > 0.95
        other = chain_shop.LATE if days == chain_shop.SOON else chain_shop.SOON
        at_the_other_time = np.array([chain_shop.following(article, other) for article in last])
        rows = np.arange(len(last))
        assert (scores[rows, expected] > scores[rows, at_the_other_time]).mean() > 0.9


def test_an_article_never_sold_is_placed_by_its_words(encoder):
    last = chain_shop.last_bought(PURCHASES)
    new = np.array([f"{name}-2" for name in chain_shop.NAMES], dtype=object)
    vectors = encoder.campaigns(new, described(new))
    reading = read(encoder, chain_shop.history(PURCHASES, later_days=chain_shop.SOON))
    scores = reading.states(last.index.to_numpy(object)) @ vectors.T
    expected = np.array([chain_shop.following(article, chain_shop.SOON) for article in last])
    assert chain_shop.auc(scores, expected) > 0.8


def test_what_is_received_later_changes_no_state(encoder):
    whole = chain_shop.history(PURCHASES, later_days=1)
    instant = chain_shop.AS_OF - timedelta(days=30)
    customers = whole.customer_ids
    early = PURCHASES[PURCHASES["received_at"] < instant]
    from_early = read(encoder, History.of(early, instant)).states(customers)
    late = PURCHASES.assign(received_at=PURCHASES["received_at"] + timedelta(days=40))
    told_late = pd.concat([early, late], ignore_index=True)
    for purchases in (PURCHASES, told_late):
        known = chain_shop.history(purchases, later_days=60).before(instant)
        np.testing.assert_allclose(read(encoder, known).states(customers), from_early, atol=1e-5)
    changed = read(encoder, whole).states(customers)
    assert np.abs(changed - from_early).max() > 0.1


def test_a_batch_equals_its_single_rows_and_rows_come_in_any_order(encoder):
    reading = read(encoder, chain_shop.history(PURCHASES.sample(frac=1, random_state=1)))
    customers = np.array(["u007", "nobody", "u001", "u007"], dtype=object)
    together = reading.states(customers)
    single = np.concatenate([reading.states(customers[n : n + 1]) for n in range(len(customers))])
    np.testing.assert_allclose(together, single, atol=1e-6)
    sorted_rows = read(encoder, chain_shop.history(PURCHASES)).states(customers)
    np.testing.assert_array_equal(together, sorted_rows)

    vectors = encoder.campaigns(NAMES, described(NAMES))
    list_R, campaign_R = (each.ravel() for each in np.indices((len(customers), len(NAMES))))
    scores = reading.scores(customers, together, NAMES, vectors, list_R, campaign_R)
    product_R = products(together, vectors, list_R, campaign_R)
    expected = together @ vectors.T
    np.testing.assert_allclose(product_R.reshape(expected.shape), expected, atol=1e-5)
    for row in (3, 17, 29):
        alone = reading.scores(
            customers, together, NAMES, vectors, list_R[row : row + 1], campaign_R[row : row + 1]
        )
        assert alone[0] == pytest.approx(scores[row], abs=1e-6)
    assert (scores != product_R).any()


def test_what_is_looked_at_becomes_a_part_of_the_state(encoder):
    history = chain_shop.history(PURCHASES, later_days=chain_shop.SOON)
    looks = {"customer_id": ["u003", "new"], "campaign_id": ["drum", "zither"]}
    known, unknown = (
        pd.DataFrame(looks).assign(
            occurred_at=chain_shop.AS_OF, available_at=history.as_of + timedelta(seconds=late)
        )
        for late in (0, 1)
    )
    customers = np.array(["u003", "u004", "new", "nobody"], dtype=object)
    without, with_views, not_yet = (
        read(encoder, history, views).states(customers) for views in (None, known, unknown)
    )
    changed = np.abs(without - with_views).max(axis=1) > 1e-3
    assert changed.tolist() == [True, False, True, False]
    np.testing.assert_array_equal(without, not_yet)


def test_an_encoder_knows_the_campaigns_that_were_bought(encoder):
    history = chain_shop.history(PURCHASES)
    assert encoder.campaign_ids.tolist() == history.campaign_ids.tolist()


def test_days_on_sale_are_counted_back_from_the_fit():
    names = ["anvil", "brush", "candle"]
    instants = [np.datetime64(day, "us") for day in ("2026-05-30", "2026-06-03", "NaT")]
    dated = replace(described(names), opens_at_C=np.array(instants), closes_at_C=np.array(instants))
    found = _sold_days(dated, chain_shop.AS_OF)
    np.testing.assert_array_equal(found, [[2, 2], [-2, -2], [np.inf, -np.inf]])
    always = _sold_days(described(names), chain_shop.AS_OF)
    np.testing.assert_array_equal(always, [[np.inf, -np.inf]] * 3)
