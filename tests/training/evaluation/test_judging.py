"""Judgements are kept by what they depend on, and an interrupted evaluation goes on."""

from dataclasses import fields

import numpy as np
import pytest

from tests.training.ranker import taste_shop
from training.evaluation.judging import Judge, Outcome
from training.evaluation.leaderboard import table
from training.evaluation.ranks import Judgement, Ranks
from vitrine.interval import DAY, Interval

WEEK = Interval(taste_shop.END - 7 * DAY, taste_shop.END)
CHEAP = ["popularity_7d", "item_knn"]


@pytest.fixture
def settings(installation, tmp_path):
    """A home of its own that reads the shop's warehouse, so that nothing is kept yet."""
    (tmp_path / "warehouse").symlink_to(installation.paths.warehouse)
    return installation.settings.model_copy(update={"home": tmp_path, "torch_threads": 1})


def test_an_outcome_is_read_as_it_was_kept(tmp_path):
    def ranks(seed):
        drawn = np.random.default_rng(seed)
        return Ranks(np.array(["é", "b"], object), np.array([0, 1, 1]), drawn.integers(1, 9, 3),
                     drawn.integers(9, 20, 2), drawn.integers(-1, 9, (2, 12)))  # fmt: skip

    outcome = Outcome(Judgement(ranks(1), ranks(2)), {"train_loss": [0.5, 0.25]}, 3.5, 0.5)
    outcome.save(tmp_path / "kept.npz")
    found = Outcome.load(tmp_path / "kept.npz")
    assert (found.curves, found.fit_s, found.judge_s) == ({"train_loss": [0.5, 0.25]}, 3.5, 0.5)
    for part in fields(Judgement):
        for field in fields(Ranks):
            kept, given = (
                getattr(getattr(each.judgement, part.name), field.name) for each in (found, outcome)
            )
            assert kept.tolist() == given.tolist()


def test_an_interrupted_evaluation_goes_on_where_it_was(settings, reader):
    interrupted = Judge(settings, reader).judged([WEEK], CHEAP)
    first, was_kept = next(interrupted)
    assert not was_kept
    again = list(Judge(settings, reader).judged([WEEK], CHEAP))
    assert [(judged.model, kept) for judged, kept in again] == [
        ("popularity_7d", True),
        ("item_knn", False),
    ]
    kept = again[0][0]
    assert kept.judgement.ranks.rank_P.tolist() == first.judgement.ranks.rank_P.tolist()
    # To the last digit, which a second judging would not take.
    assert (kept.fit_s, kept.judge_s) == (first.fit_s, first.judge_s)


def test_nothing_is_kept_for_another_seed_week_or_model(settings, reader):
    file = Judge(settings, reader).file(WEEK, "als")
    assert file == Judge(settings, reader).file(WEEK, "als")
    other = settings.model_copy(update={"seed": settings.seed + 1})
    earlier = Interval(WEEK.start - 7 * DAY, WEEK.start)
    files = [
        file,
        Judge(other, reader).file(WEEK, "als"),
        Judge(settings, reader).file(earlier, "als"),
        Judge(settings, reader).file(WEEK, "bpr"),
    ]
    assert len(set(files)) == 4


def test_processes_side_by_side_find_the_same(settings, reader, tmp_path):
    alone = [judged for judged, _ in Judge(settings, reader).judged([WEEK], CHEAP)]
    for file in (tmp_path / "staging" / "evaluations").iterdir():
        file.unlink()
    together = list(Judge(settings, reader).judged([WEEK], CHEAP, jobs=2))
    assert not any(was_kept for _, was_kept in together)
    expected, found = table(alone, seed=1), table([judged for judged, _ in together], seed=1)
    assert found.equals(expected)
