"""`benchmarks.reasons` deletes what a reason names; its people are the boutique's."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from benchmarks.reasons import Shown, ShownCampaign, judged
from benchmarks.reasons import _as_everybody as as_everybody
from benchmarks.reasons import _falls as falls
from benchmarks.reasons import _unscored as unscored
from benchmarks.reasons import _without as without
from email_lists.audience.eligibility import decisions
from email_lists.composition import eligible, prepare, ranked_campaigns
from email_lists.slates.candidates import Reason, Slot
from vitrine.contracts import INSTANT


@pytest.fixture
def evening(boutique):
    """The boutique, with the campaign k3 opening in the evening."""
    opens_at = boutique.campaigns["opens_at"]
    is_k3 = pc.equal(boutique.campaigns["campaign_id"], "k3")
    later = pc.if_else(is_k3, pa.scalar(boutique.as_of.replace(hour=20), INSTANT), opens_at)
    return replace(boutique, campaigns=boutique.campaigns.set_column(5, "opens_at", later))


def test_what_is_named_is_the_cause(evening, to_all):
    trials = judged(evening, to_all, each=1)
    share = {(trial.of, trial.reason, trial.taken_away): trial.share for trial in trials}
    named = {
        ("product", "similar_to_bought", "the purchase"),
        ("product", "popular_in_cluster", "sales in the cluster"),
        ("product", "bought_together", "the purchase"),
        ("product", "just_opened", "that it opened late"),
        ("campaign", "early_access", "that it opens within a day"),
        ("campaign", "liked_by_many", "the customer's score"),
        ("campaign", "popular_in_cluster", "sales in the cluster"),
    }
    assert {of: share.get(of) for of in named} == dict.fromkeys(named, 1.0)


def made_of(boutique, to_all):
    decided = decisions(boutique.who, to_all, "daily")
    return prepare(boutique, eligible(boutique, decided), to_all, "daily")


def test_what_is_not_the_cause_changes_nothing(boutique, to_all):
    made = made_of(boutique, to_all)
    # Anna bought p01 and p02; p04 goes with p01 alone.
    of_p01 = Shown(0, product=3, slot=Slot.TOGETHER, reason=Reason.BOUGHT_TOGETHER, cause=0)
    of_p02 = replace(of_p01, cause=1)
    each_P = np.arange(boutique.products.num_rows)
    assert list(without(made, [of_p01, of_p02], each_P)) == [True, False]


def test_what_everybody_likes_as_much_is_not_the_customers_own(boutique, to_all, rows):
    made = made_of(boutique, to_all)
    # Anna likes k1 as the others do, and k2 alone.
    liked = [("anna", "k1", 0.9), ("anna", "k2", 0.8), ("anna", "k3", 0.6)]
    others = [
        (c, k, s) for c in ("ben", "cleo") for k, s in (("k1", 0.9), ("k2", 0.2), ("k3", 0.5))
    ]
    known = replace(boutique, scores=rows("scores", *liked, *others))
    ids = made.night.campaigns["campaign_id"].to_pylist()
    first, second = ranked_campaigns(known, made).campaign_NT[0][:2].tolist()
    assert (ids[first], ids[second]) == ("k1", "k2")
    cases = [ShownCampaign(0, first, 0), ShownCampaign(0, second, 1)]
    assert [falls(known, made, as_everybody, case) for case in cases] == [False, True]
    assert [falls(known, made, unscored, case) for case in cases] == [True, True]
