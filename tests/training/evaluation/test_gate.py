import pytest

from training.evaluation.gate import judge
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
