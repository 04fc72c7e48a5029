"""Another choice for the drawn place: by hand, and where the truth is known."""

import numpy as np
import pyarrow as pa
import pytest

from email_lists.judging.explorations import judged
from vitrine.errors import BadInputError

CHANCES = {"good": 0.2, "fair": 0.3, "poor": 0.5}
WORTH = {"good": 0.5, "fair": 0.2, "poor": 0.05}


def row(number, product, propensity):
    """A letter with the drawn place, and with another one that was not drawn."""
    place = {"campaign_id": "k", "slot": "new", "product_id": product, "propensity": propensity}
    sure = {"campaign_id": "k", "slot": "similar", "product_id": "good", "propensity": 1.0}
    return {"message_id": f"m{number}", "customer_id": f"c{number}", "products": [sure, place]}


def shop(letters: int, seed: int = 1) -> tuple[pa.Table, pa.Table]:
    draws = np.random.default_rng(seed)
    names = list(CHANCES)
    drawn = [names[n] for n in draws.choice(3, letters, p=list(CHANCES.values()))]
    rows = [row(number, product, CHANCES[product]) for number, product in enumerate(drawn)]
    sales = [
        {"message_id": f"m{n}", "campaign_id": "k", "product_id": product, "line_value": 10.0}
        for n, product in enumerate(drawn)
        if draws.random() < WORTH[product]
    ]
    return pa.Table.from_pylist(rows), pa.Table.from_pylist([*sales, *sales[:9]])


def always(product, letters, propensity=1.0):
    return pa.Table.from_pylist([row(n, product, propensity) for n in range(letters)])


def test_always_the_best_is_worth_what_it_would_have_sold():
    letters, sales = shop(4_000)
    bought, turnover = judged("best", letters, always("good", 4_000), sales)
    assert (bought.decision_count, bought.reward) == (4_000, "bought")
    for estimate in (bought.judgement.ips, bought.judgement.snips, bought.judgement.doubly_robust):
        assert estimate.low < WORTH["good"] < estimate.high
        assert estimate.change.low > 0
    assert turnover.judgement.snips.value == pytest.approx(5, abs=0.6)
    assert bought.judgement.mean_weight.low < 1 < bought.judgement.mean_weight.high
    worst, _ = judged("worst", letters, always("poor", 4_000), sales)
    assert worst.judgement.doubly_robust.change.high < 0


def test_draws_that_were_refused_are_not_judged_by_those_that_were_not():
    letters, sales = shop(4_000)
    is_good = [row["products"][1]["product_id"] == "good" for row in letters.to_pylist()]
    draws = np.random.default_rng(2)
    kept = letters.filter(pa.array(np.array(is_good) | (draws.random(4_000) < 0.4)))
    with pytest.raises(
        BadInputError, match=r"best: the mean weight is 1\.\d+ .*draws were refused"
    ):
        judged("best", kept, always("good", 4_000), sales)


def test_places_that_either_policy_leaves_to_no_chance_or_to_its_own_tell_nothing():
    letters, sales = shop(20)
    for shown in (always("good", 20, propensity=0.9), always("good", 20).slice(0, 0)):
        with pytest.raises(BadInputError, match="best: no letter of these nights has a place"):
            judged("best", letters, shown, sales)
    with pytest.raises(BadInputError, match="no letter of these nights"):
        judged("best", always("good", 20), always("good", 20), sales)
    with pytest.raises(BadInputError, match="does nothing that was logged"):
        judged("best", letters, always("unseen", 20), sales)
