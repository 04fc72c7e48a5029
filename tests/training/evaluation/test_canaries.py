"""The alarms fire where they must and nowhere else: planted leaks, honest columns, noise."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.training.ranker import planted
from training.evaluation import canaries
from training.evaluation.canaries import Column, Duels
from training.ranker.dataset import ExampleFrame
from vitrine.errors import DegenerateModelError


def frame(has_pattern: bool = True, groups: int = 1_500, pool: int = 12) -> ExampleFrame:
    rows = planted.examples(groups, has_pattern, seed=3, pool=pool)
    return ExampleFrame.of(rows, planted.CATALOGUE)


@pytest.fixture(scope="module")
def patterned() -> ExampleFrame:
    return frame()


def sales(examples: ExampleFrame) -> pd.DataFrame:
    """What the groups bought: each purchase is received half an hour after the instant."""
    bought = np.flatnonzero(examples.label_R)
    group_P, campaign_P = examples.group_R[bought], examples.campaign_R[bought]
    return pd.DataFrame(
        {
            "customer_id": examples.customer_id_G[group_P],
            "campaign_id": examples.campaign_id_C[campaign_P],
            "received_at": pd.Series(examples.known_at_G[group_P]).dt.tz_localize("UTC"),
        }
    )


def asked(examples: ExampleFrame) -> dict[str, float]:
    return canaries.ask(examples, sales(examples), seed=7)


def slow_auc(frame, value_R):
    """Every purchase against everything else of its group, one after another."""
    wins = []
    for purchase in np.flatnonzero(frame.label_R):
        others = value_R[(frame.group_R == frame.group_R[purchase]) & (frame.label_R == 0)]
        wins.append(np.mean((value_R[purchase] > others) + 0.5 * (value_R[purchase] == others)))
    return np.mean(wins)


def test_the_auc_is_that_of_a_slow_loop(patterned):
    duels = Duels.of(patterned, np.random.default_rng(1))
    value_R = patterned.pairs["times_bought"].to_numpy()
    assert duels.auc(value_R) == pytest.approx(slow_auc(patterned, value_R), abs=0.01)
    assert (patterned.group_R[duels.purchase_P][:, None] == patterned.group_R[duels.other_PN]).all()
    assert patterned.label_R[duels.purchase_P].all()
    assert not patterned.label_R[duels.other_PN].any()


def test_honest_columns_and_dealt_labels_raise_no_alarm(patterned):
    measured = asked(patterned)
    assert measured["canary_peek_auc"] > 0.99
    assert 0.6 < measured["canary_strongest_column_auc"] < 0.9
    assert abs(measured["canary_shuffled_auc"] - 0.5) < measured["canary_shuffled_margin"]
    assert measured["canary_shuffled_purchases"] == 750


def test_noise_raises_no_alarm():
    measured = asked(frame(has_pattern=False))
    assert measured["canary_strongest_column_auc"] < 0.55


@pytest.mark.parametrize("kind", ["with noise", "turned round", "as text"])
def test_a_feature_that_peeks_into_the_future_is_refused_by_name(patterned, kind):
    noise_R = np.random.default_rng(2).normal(size=len(patterned.label_R))
    peeking = {
        "with noise": patterned.label_R + 0.2 * noise_R,
        "turned round": 5 - patterned.label_R,
        "as text": np.where(patterned.label_R == 1, "gone", "left"),
    }[kind]
    leaking = replace(patterned, pairs=patterned.pairs.assign(sold_tomorrow=peeking))
    with pytest.raises(DegenerateModelError, match="the feature sold_tomorrow alone orders"):
        asked(leaking)


def test_a_text_of_its_own_in_every_row_orders_nothing(patterned):
    duels = Duels.of(patterned, np.random.default_rng(1))
    unique = Column("unique", np.arange(len(patterned.label_R)), is_text=True)
    assert canaries.strength(duels, unique) < 0.55


def test_next_weeks_sales_are_those_of_a_slow_loop(patterned):
    """Of an hour's purchase a few came again within the week, a few later, a few were before."""
    rng, first = np.random.default_rng(4), sales(patterned)
    others = patterned.campaign_id_C[patterned.campaign_R]
    more = first.assign(
        campaign_id=rng.choice(others, len(first)),
        received_at=first["received_at"] + pd.to_timedelta(rng.integers(-9, 9, len(first)), "D"),
    )
    sold = pd.concat([first, more.head(50), first.assign(received_at=more["received_at"])])
    kept = [*range(0, len(others), 97), *np.flatnonzero(patterned.label_R)]
    expected = []
    for row in kept:
        group = patterned.group_R[row]
        after = sold["received_at"] - pd.Timestamp(patterned.as_of_G[group], tz="UTC")
        is_theirs = sold["customer_id"] == patterned.customer_id_G[group]
        is_same = sold["campaign_id"] == others[row]
        is_next_week = (after >= pd.Timedelta(0)) & (after < pd.Timedelta(days=7))
        expected.append((is_theirs & is_same & is_next_week).sum())
    assert canaries.sold_next_week(patterned, sold)[kept].tolist() == expected
    assert len(set(expected)) > 2


@pytest.mark.parametrize("fault", ["others bought it", "it had been bought before"])
def test_sales_that_do_not_foretell_the_labels_are_no_clean_bill(patterned, fault):
    sold = sales(patterned)
    if fault == "others bought it":
        sold["customer_id"] = np.roll(sold["customer_id"], 1)
    else:
        sold["received_at"] -= pd.Timedelta(hours=1)
    with pytest.raises(DegenerateModelError, match=r"next week's sales.* did not raise the alarm"):
        canaries.leak(patterned, sold, seed=7)


def test_orders_that_come_in_late_raise_the_alarm_as_well(patterned):
    late = pd.Timedelta(days=20)
    sold = sales(patterned)
    sold["received_at"] += late
    with pytest.raises(DegenerateModelError, match="did not raise the alarm"):
        canaries.leak(patterned, sold, seed=7)
    frame = replace(patterned, known_at_G=patterned.known_at_G + late.to_numpy())
    assert canaries.leak(frame, sold, seed=7)["canary_peek_auc"] > canaries.LEAK_AUC


def test_labels_that_were_not_dealt_out_are_foretold_and_refused(patterned):
    with pytest.raises(DegenerateModelError, match=r"dealt out at random .* not 0\.50 ± 0\.0"):
        canaries.foretold(patterned, seed=7)


def test_labels_are_dealt_out_within_their_group(patterned):
    dealt_R = canaries.dealt(patterned, np.random.default_rng(1))
    assert (np.bincount(patterned.group_R, dealt_R) == 1).all()
    both = (dealt_R & patterned.label_R).sum()
    assert both / patterned.label_R.sum() == pytest.approx(1 / 13, abs=0.03)


def test_few_purchases_widen_the_margin_and_one_instant_asks_nothing():
    few = canaries.shuffled(frame(groups=100), seed=7)
    assert few["canary_shuffled_purchases"] == 50
    assert few["canary_shuffled_margin"] == pytest.approx(3.5 * (11 / 120) ** 0.5 / 50**0.5)
    one = frame(groups=20)
    at_once = replace(one, as_of_G=np.full_like(one.as_of_G, one.as_of_G[0]))
    assert canaries.shuffled(at_once, seed=7) == {"canary_shuffled_purchases": 0.0}
