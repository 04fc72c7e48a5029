import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from email_lists.slates.calibration import UNFITTED, Calibration, bought, fit

ROWS = 20_000


@pytest.fixture(scope="module")
def candidates() -> dict[str, np.ndarray]:
    """Draw candidates of three sources; one is rarely bought, its scores are all the same."""
    draws = np.random.default_rng(5)
    slot_R = draws.integers(0, 3, ROWS).astype(np.int8)
    score_R = np.where(slot_R == 2, 0.5, draws.random(ROWS) ** 2).astype(np.float32)
    return {
        "slot": slot_R,
        "score": score_R,
        "popularity": draws.poisson(5, ROWS).astype(np.float32),
        "activity": draws.poisson(2, ROWS).astype(np.float32),
    }


@pytest.fixture(scope="module")
def chance_R(candidates: dict[str, np.ndarray]) -> np.ndarray:
    """By source, by the place of the score, by popularity and activity: as the model has it."""
    constant_R = np.array([-3.0, -4.0, -6.0])[candidates["slot"]]
    place_R = np.where(candidates["slot"] < 2, np.sqrt(candidates["score"]), 0)
    log_odds_R = constant_R + 1.5 * place_R + 0.4 * np.log1p(candidates["activity"])
    return 1 / (1 + np.exp(-log_odds_R - 0.3 * np.log1p(candidates["popularity"])))


@pytest.fixture(scope="module")
def is_bought_R(chance_R: np.ndarray) -> np.ndarray:
    return np.random.default_rng(6).random(ROWS) < chance_R


@pytest.fixture(scope="module")
def found(candidates: dict[str, np.ndarray], is_bought_R: np.ndarray) -> Calibration:
    return of(candidates, is_bought_R)


def of(values: dict[str, np.ndarray], is_bought_R: np.ndarray) -> Calibration:
    names = ("slot", "score", "popularity", "activity")
    slot_R, score_R, popularity_R, activity_R = (values[name] for name in names)
    return fit(slot_R, score_R, popularity_R, activity_R, is_bought_R)


def test_chances_are_found_again(found, candidates, chance_R):
    found_R = found.apply(*candidates.values())
    assert np.abs(found_R / chance_R - 1).mean() < 0.1
    assert np.corrcoef(found_R, chance_R)[0, 1] > 0.98


def test_the_chances_of_each_source_add_up_to_what_was_bought(found, candidates, is_bought_R):
    found_R = found.apply(*candidates.values())
    for source in range(3):
        is_its_own_R = candidates["slot"] == source
        assert found_R[is_its_own_R].sum() == pytest.approx(
            is_bought_R[is_its_own_R].sum(), rel=0.05
        )


def test_noise_teaches_nothing(candidates):
    is_bought_R = np.random.default_rng(7).random(ROWS) < 0.1
    found_R = of(candidates, is_bought_R).apply(*candidates.values())
    assert 0.08 < found_R.min() < found_R.max() < 0.13


@pytest.mark.parametrize("bought_count", [0, 3])
def test_from_few_purchases_one_chance_is_told(candidates, bought_count):
    is_bought_R = np.arange(ROWS) < bought_count
    found_R = of(candidates, is_bought_R).apply(*candidates.values())
    assert found_R == pytest.approx(np.full(ROWS, (bought_count + 1) / (ROWS + 500)))


def test_from_no_candidates_one_chance_is_told():
    nothing = {name: np.zeros(0, np.float32) for name in ("score", "popularity", "activity")}
    slot, one = np.array([0, 4], np.int8), np.ones(2, np.float32)
    for found in (of({"slot": slot[:0], **nothing}, np.zeros(0, bool)), UNFITTED):
        assert found.apply(slot, one, one, one) == pytest.approx([1 / 500] * 2)


def test_a_source_without_candidates_gets_a_chance_all_the_same(candidates, is_bought_R):
    is_known_R = candidates["slot"] != 1
    known = {name: values[is_known_R] for name, values in candidates.items()}
    found = of(known, is_bought_R[is_known_R])
    assert set(json.loads(json.dumps(found.to_dict(), allow_nan=False))["knots"]) == {"0", "2"}
    one = np.ones(2, np.float32)
    chance, of_later = found.apply(np.array([1, 7], np.int8), one, one, one)
    assert 0 < chance == of_later < 1


def test_a_table_gets_the_chances_of_its_rows(found, candidates):
    table = [values.reshape(-1, 8) for values in candidates.values()]
    assert (found.apply(*table).ravel() == found.apply(*candidates.values())).all()


def test_what_the_manifest_keeps_can_be_written(found, is_bought_R):
    kept = json.loads(json.dumps(found.to_dict()))
    assert (kept["candidates"], kept["bought"]) == (ROWS, int(is_bought_R.sum()))


codes = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=9)


@example([(0, 4)], [(1, -1)])
@given(codes, st.lists(st.tuples(st.integers(-1, 5), st.integers(-1, 6)), max_size=9))
def test_bought_agrees_with_a_set(candidates, sold):
    (customer, product), lines = zip(*candidates, strict=True), np.array(sold, np.int64)
    found = bought(np.array(customer), np.array(product), *lines.reshape(-1, 2).T)
    assert found.tolist() == [pair in set(sold) for pair in candidates]
