"""Plans for segments, judged by letters: by hand, and where an effect was planted."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from email_lists.judging.policies import judged, judged_arm, of_rules
from vitrine.errors import BadInputError
from vitrine.list_policy import Arm, ListRules

NIGHT = date(2026, 3, 2)
RULES = ListRules(
    strategies={"loyal": "early_access", "top": "premium"},
    arms={
        "standard": Arm(share=0.5),
        "bold": Arm(share=0.2, strategies={"loyal": "premium"}),
        "calm": Arm(share=0.3, strategies={"top": "selection"}),
    },
)

PREMIUM = {"loyal": {"premium": 1.0}, "top": {"premium": 1.0}}


def letters_of(customers: int, nights: int = 1, seed: int = 1) -> pa.Table:
    """Send letters by `RULES`; a premium letter is clicked by 60 %, any other one by 20 %."""
    draws = np.random.default_rng(seed)
    arms = sorted(RULES.arms)
    rows = []
    for customer in range(customers):
        segment = sorted(RULES.strategies)[draws.integers(2)]
        arm = arms[draws.choice(3, p=[RULES.arms[name].share for name in arms])]
        strategy = {**RULES.strategies, **RULES.arms[arm].strategies}[segment]
        for night in range(nights):
            is_clicked = draws.random() < (0.6 if strategy == "premium" else 0.2)
            rows.append(
                {
                    "customer_id": f"c{customer}",
                    "night": NIGHT + timedelta(days=night),
                    "segment": segment,
                    "strategy": strategy,
                    "arm": arm,
                    "arm_propensity": RULES.arms[arm].share,
                    "clicked_at": NIGHT if is_clicked else None,
                    "turnover": 10.0 * is_clicked,
                }
            )
    return pa.Table.from_pylist(rows)


def test_rules_are_a_plan_of_what_share_of_a_segment_gets_what():
    assert of_rules(RULES) == {
        "loyal": {"early_access": pytest.approx(0.8), "premium": pytest.approx(0.2)},
        "top": {"premium": pytest.approx(0.7), "selection": pytest.approx(0.3)},
    }


def test_an_arm_is_judged_by_its_share_whatever_it_does():
    letters = letters_of(2_000)
    column = letters.column_names.index("strategy")
    alike = letters.set_column(column, "strategy", pa.array(["selection"] * 2_000))
    found, same = (judged_arm("bold", of, "clicked") for of in (letters, alike))
    assert found.judgement.ips == same.judgement.ips
    assert found.judgement.doubly_robust.low < 0.6 < found.judgement.doubly_robust.high
    assert found.judgement.doubly_robust.change.low > 0
    with pytest.raises(BadInputError, match="no letter is of the arm 'loud'; the arms are: "):
        judged_arm("loud", letters, "clicked")


def test_the_list_judged_by_its_own_rules_made_what_it_made():
    found = judged("as it was", of_rules(RULES), letters_of(400), "clicked")
    assert found.judgement.ips.value == pytest.approx(found.judgement.logged.value)
    assert found.judgement.effective_decisions == pytest.approx(400)


@pytest.mark.parametrize(("reward", "worth"), [("clicked", 1.8), ("turnover", 18.0)])
def test_premium_letters_for_everybody_are_found_to_be_worth_more(reward, worth):
    letters = letters_of(1_500, nights=3)
    found = judged("bold", PREMIUM, letters, reward)
    assert found.decision_count == 1_500
    for estimate in (found.judgement.ips, found.judgement.doubly_robust):
        assert estimate.low < worth < estimate.high
        assert estimate.change.low > 0
    assert found.judgement.mean_weight.low < 1 < found.judgement.mean_weight.high


def test_letters_of_no_segment_are_judged_as_one():
    letters = letters_of(200)
    column = letters.column_names.index("segment")
    none = letters.set_column(column, "segment", pa.nulls(200, pa.string()))
    alike = none.set_column(column + 1, "strategy", pa.array(["selection"] * 200))
    found = judged("bold", {"none": {"selection": 1.0}}, alike, "clicked")
    assert (found.decision_count, found.judgement.mean_weight.value) == (200, pytest.approx(1))


def capped(customers: int, seed: int = 1) -> pa.Table:
    """Write to two even arms in seven nights, to one once; one letter in ten is clicked."""
    draws = np.random.default_rng(seed)
    columns = ("arm", "strategy")
    rows = [
        dict(zip(columns, arm, strict=True))
        | {"customer_id": f"c{customer}", "night": NIGHT + timedelta(days=night)}
        | {"clicked_at": NIGHT if draws.random() < 0.1 else None}
        for customer in range(customers)
        for arm in [[("back", "win_back"), ("daily", "popular")][draws.integers(2)]]
        for night in range(1 if arm[0] == "back" else 7)
    ]
    of_all = {"segment": "asleep", "arm_propensity": 0.5, "turnover": 0.0}
    return pa.Table.from_pylist([row | of_all for row in rows])


@pytest.mark.parametrize(
    ("strategy", "arm", "worth"), [("win_back", "back", 0.1), ("popular", "daily", 0.7)]
)
def test_an_arm_whose_caps_let_fewer_letters_out_keeps_its_weight(strategy, arm, worth):
    letters = capped(4_000)
    plan = {"asleep": {strategy: 1.0}}
    for found in (judged_arm(arm, letters, "clicked"), judged("plan", plan, letters, "clicked")):
        of = found.judgement
        assert of.mean_weight.low < 1 < of.mean_weight.high
        for estimate in (of.ips, of.snips, of.doubly_robust):
            assert estimate.low < worth < estimate.high


def test_letters_that_did_not_go_by_the_logged_shares_judge_nothing():
    letters = capped(400)
    column = letters.column_names.index("arm_propensity")
    wrong = letters.set_column(column, "arm_propensity", pa.array([0.9] * len(letters)))
    with pytest.raises(BadInputError, match=r"back: the mean weight is 0.5.* by the logged shares"):
        judged_arm("back", wrong, "clicked")


def test_what_no_letter_was_is_not_guessed():
    letters = letters_of(60)
    with pytest.raises(BadInputError, match="loyal' 'win_back', which nobody's first letter"):
        judged("new", {"loyal": {"win_back": 1.0}, "top": {"premium": 1.0}}, letters, "clicked")
    with pytest.raises(BadInputError, match="new writes nothing to the segment 'top'"):
        judged("new", {"loyal": {"premium": 1.0}}, letters, "clicked")
    with pytest.raises(BadInputError, match="no letters"):
        judged("new", {}, letters.slice(0, 0), "clicked")
