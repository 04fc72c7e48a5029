import pytest

from training.evaluation.challenge import Comparison, Slice
from training.evaluation.gate import judge, judge_challenge, judge_latency
from training.evaluation.intervals import Interval95
from vitrine import champions
from vitrine.errors import BadArgumentError


def test_a_challenger_that_only_equals_the_baseline_is_refused():
    assert not judge("map", 0.2, 0.2).is_passed
    assert judge("map", 0.2001, 0.2).is_passed


def test_a_planted_worse_model_is_refused_with_its_figures():
    decision = judge("map", 0.10, 0.04, champion=0.15)
    assert not decision.is_passed
    assert "0.1000" in decision.reason
    assert "0.1500" in decision.reason


def test_a_challenger_within_the_margin_of_the_champion_passes():
    assert judge("map", 0.149, 0.04, champion=0.15).is_passed
    assert not judge("map", 0.149, 0.04, champion=0.15, margin=0.0).is_passed


def test_a_nan_never_passes():
    assert not judge("map", float("nan"), 0.04).is_passed
    assert not judge("map", 0.1, 0.04, champion=float("nan")).is_passed


def test_a_margin_beyond_one_is_refused():
    with pytest.raises(BadArgumentError):
        judge("map", 0.1, 0.04, margin=1.0)


def comparison(difference, low, high, **slices) -> Comparison:
    every = {"all": Slice(1_000, 0.2 + difference, 0.2)}
    parts = {name: Slice(*values) for name, values in slices.items()}
    return Comparison(3, every | parts, Interval95(difference, low, high))


def test_a_challenger_must_be_better_with_its_whole_interval():
    assert judge_challenge("map", comparison(0.02, 0.001, 0.04)).is_passed
    for low, high in ((0.0, 0.04), (-0.001, 0.04), (-0.04, -0.01), (float("nan"), 0.04)):
        decision = judge_challenge("map", comparison(0.02, low, high))
        assert not decision.is_passed
        assert decision.reason.startswith("not better beyond chance")
    assert decision.kind == champions.CHALLENGE


def test_a_challenger_is_worse_in_no_large_slice():
    worse, within = (300, 0.089, 0.1), (300, 0.091, 0.1)
    refused = judge_challenge("map", comparison(0.02, 0.01, 0.03, new=within, lapsed=worse))
    assert not refused.is_passed
    assert "worse in the slice lapsed: 0.0890 is more than 10% below 0.1000" in refused.reason
    assert refused.figures["difference lapsed"] == pytest.approx(-0.011)
    few = (199, 0.01, 0.1)
    assert judge_challenge("map", comparison(0.02, 0.01, 0.03, new=within, few=few)).is_passed


def test_what_takes_too_long_is_refused_however_good():
    passed = judge("map", 0.2, 0.1)
    assert judge_latency(passed, 50.0, 50.0).is_passed
    slow = judge_latency(passed, 50.1, 50.0)
    assert (slow.is_passed, slow.figures["latency_p99_ms"]) == (False, 50.1)
    assert "takes 50.1 ms" in slow.reason
    refused = judge("map", 0.1, 0.2)
    assert judge_latency(refused, 50.1, 50.0).reason == refused.reason
