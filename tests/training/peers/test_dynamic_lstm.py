from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.training.sequence import chain_shop
from training.peers.category_lstm import Categories, CategoryLstm
from training.peers.dynamic_lstm import DynamicLstm
from training.ranker.candidates import Candidates

PATTERN, NOISE = (chain_shop.draw(has_pattern=pattern) for pattern in (True, False))


def lists(customers, instants, campaigns) -> Candidates:
    """Return one list a customer at each instant, over the same campaigns."""
    campaigns = sorted(campaigns)
    as_of = pd.Series(instants, dtype="datetime64[us, UTC]")
    asked = pd.DataFrame(
        {
            "customer_id": list(customers) * len(instants),
            "as_of": as_of.repeat(len(customers)).array,
        }
    )
    offers = pd.DataFrame(
        {"as_of": as_of.repeat(len(campaigns)).array, "campaign_id": campaigns * len(instants)}
    )
    return Candidates.of(asked, offers)


def scores(scorer, candidates: Candidates) -> np.ndarray:
    return scorer.prepared(candidates)(candidates, *candidates.pairs())


def soon(purchases):
    return chain_shop.history(purchases, later_days=chain_shop.SOON)


@pytest.fixture(scope="module")
def fitted():
    return DynamicLstm(chain_shop.CONFIG).fit(soon(PATTERN), chain_shop.articles)


def auc_of_next(scorer, purchases) -> float:
    last = chain_shop.last_bought(purchases)
    found = scores(scorer, lists(last.index, [soon(purchases).as_of], chain_shop.NAMES))
    expected = np.array([chain_shop.following(article, chain_shop.SOON) for article in last])
    return chain_shop.auc(found.reshape(len(last), -1), expected)


def test_a_sequence_is_learnt_and_noise_is_not(fitted):
    assert auc_of_next(fitted, PATTERN) > 0.95
    control = DynamicLstm(chain_shop.CONFIG).fit(soon(NOISE), chain_shop.articles)
    assert auc_of_next(control, NOISE) == pytest.approx(0.5, abs=0.08)


def test_whole_orders_as_answers_learn_the_sequence_too():
    config = replace(chain_shop.CONFIG, answers="order")
    scorer = DynamicLstm(config).fit(soon(PATTERN), chain_shop.articles)
    assert auc_of_next(scorer, PATTERN) > 0.95


def test_chunks_and_strangers_are_scored_like_the_whole(fitted):
    instants = [soon(PATTERN).as_of, soon(PATTERN).as_of + pd.Timedelta(hours=1)]
    names = [*chain_shop.NAMES, "anvil-2", "unheard-of"]
    candidates = lists(["u002", "stranger", "u000"], instants, names)
    whole = scores(fitted, candidates)
    assert np.isfinite(whole).all()
    score = fitted.prepared(candidates)
    parts = [score(chunk, *chunk.pairs()) for chunk in candidates.chunks(len(names))]
    assert len(parts) == 6
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)
    stranger = whole.reshape(6, -1)[1]
    assert np.ptp(stranger) > 0


def test_one_seed_gives_the_same_scores(fitted):
    again = DynamicLstm(chain_shop.CONFIG).fit(
        soon(PATTERN.sample(frac=1, random_state=2)), chain_shop.articles
    )
    candidates = lists(["u002", "u000"], [soon(PATTERN).as_of], chain_shop.NAMES)
    np.testing.assert_array_equal(scores(again, candidates), scores(fitted, candidates))


def test_first_categories_come_first_and_the_popular_first_in_them():
    # Who bought tools buys tools, one after the other; drums sell better than anything.
    tools, others = ["anvil", "iron"], ["drum", "drum", "globe"]
    rows = []
    for number in range(60):
        kind = tools if number % 2 else others
        for week in range(4):
            moment = chain_shop.AS_OF - pd.Timedelta(days=7 * week + 1)
            rows.append((f"u{number}", kind[(number // 2 + week) % len(kind)], moment, moment))
    columns = ["customer_id", "campaign_id", "occurred_at", "received_at"]
    history = chain_shop.history(pd.DataFrame(rows, columns=columns))
    scorer = CategoryLstm(chain_shop.CONFIG, first=1).fit(history, chain_shop.articles)
    assert scorer.categories.names.tolist() == ["leisure", "tools"]
    names = ["anvil", "drum", "globe", "iron", "jug"]
    found = scores(scorer, lists(["u0", "u1"], [chain_shop.AS_OF], names)).reshape(2, -1)
    ranked = [[names[n] for n in np.argsort(-row, kind="stable")] for row in found]
    assert ranked[0] == ["drum", "globe", "jug", "anvil", "iron"]
    assert ranked[1] == ["anvil", "iron", "drum", "globe", "jug"]


def test_a_shop_without_sectors_has_clusters_of_words():
    words = {"lamp": ["red lamp", "old lamp", "red lamp shade"], "cup": ["tea cup", "big tea cup"]}
    names = [name for group in words.values() for name in group]
    described = replace(
        chain_shop.articles(pd.DataFrame({"campaign_id": names})),
        category_C=np.full(len(names), "home", dtype=object),
    )
    found = Categories.fit(described, seed=1)
    assert found.of(described).tolist() == Categories.fit(described, seed=1).of(described).tolist()
    later = chain_shop.articles(pd.DataFrame({"campaign_id": ["tea cup", "", "red lamp"]}))
    assert found.of(later).tolist() == [found.of(described)[3], -1, found.of(described)[0]]
    assert found.of(later)[0] != found.of(later)[2]
