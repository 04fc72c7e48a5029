import hashlib
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from email_lists.audience.arms import arms, draws, held_out, message_ids
from vitrine.list_policy import Arm, Holdout, ListRules


def rules(name="spring", **shares):
    return ListRules(experiment=name, arms={k: Arm(share=v) for k, v in shares.items()})


@pytest.fixture(scope="module")
def million():
    return [f"U{n:07}" for n in range(1_000_000)]


def test_shares_are_right_within_a_tenth_of_a_point_at_a_million(million):
    of = rules(a=0.5, b=0.3, c=0.2)
    arm_N = arms(million, of)
    out_N = held_out(million, Holdout(share=0.05))
    assert np.bincount(arm_N) / 1e6 == pytest.approx([0.5, 0.3, 0.2], abs=1e-3)
    assert out_N.mean() == pytest.approx(0.05, abs=1e-3)
    # Who is held out tells nothing about the arm.
    within = np.bincount(arm_N[out_N]) / out_N.sum()
    assert within == pytest.approx([0.5, 0.3, 0.2], abs=0.01)
    other_N = arms(million, rules("summer", a=0.5, b=0.3, c=0.2))
    assert (arm_N == other_N).mean() == pytest.approx(0.25 + 0.09 + 0.04, abs=2e-3)


def test_shares_of_any_name_are_those_of_independent_draws(million):
    few = million[::10]
    share_S = np.array([0.05, 0.1, 0.5])
    chance_S = np.sqrt(share_S * (1 - share_S) / len(few))
    names = [f"experiment {number}" for number in range(20)]
    found_NS = np.array(
        [[(draws(name, few) < share).mean() for share in share_S] for name in names]
    )
    apart_NS = np.abs(found_NS - share_S) / chance_S
    assert apart_NS.max() < 4
    assert 0.85 < (apart_NS < 2).mean() < 1
    # One name in twenty is further from a half of a million than a tenth of a point; so is this.
    autumn = np.bincount(arms(million, rules("autumn", bold=0.5, standard=0.5)))
    assert 100 * abs(autumn[0] / 1e6 - 0.5) == pytest.approx(0.131, abs=5e-4)


def test_draws_are_known_numbers_that_no_release_may_change():
    digest = hashlib.blake2b(b"control\0U1", digest_size=8).digest()
    [drawn] = draws("control", ["U1"])
    assert drawn == (int.from_bytes(digest, "big") >> 11) / 2**53


@given(st.lists(st.text(max_size=5), max_size=6), st.text(max_size=3), st.randoms())
@settings(max_examples=40, deadline=None)
def test_a_draw_depends_on_the_name_and_the_customer_alone(ids, name, random):
    drawn = dict(zip(ids, draws(name, ids), strict=True))
    shuffled = random.sample(ids, len(ids))
    assert dict(zip(shuffled, draws(name, shuffled), strict=True)) == drawn
    assert all(0 <= d < 1 for d in drawn.values())


def test_no_name_runs_into_an_id():
    assert draws("ab", ["c"])[0] != draws("a", ["bc"])[0]


def test_the_order_of_the_arms_in_the_file_moves_nobody():
    ids = [f"U{n}" for n in range(500)]
    first, turned = rules(a=0.4, b=0.6), rules(b=0.6, a=0.4)
    assert (arms(ids, first) == arms(ids, turned)).all()


def test_an_arm_without_a_share_gets_nobody():
    ids = [f"U{n}" for n in range(2000)]
    assert set(arms(ids, rules(a=0.0, b=1.0, c=0.0))) == {1}
    assert not held_out(ids, Holdout(share=0)).any()
    assert held_out(ids, Holdout(share=1)).all()


def test_a_message_has_one_id_per_list_night_and_customer():
    night = date(2026, 3, 2)
    ids = message_ids("daily", night, ["U1", "U2"]).to_pylist()
    assert ids == message_ids("daily", night, ["U1", "U2"]).to_pylist()
    others = [
        *message_ids("daily", date(2026, 3, 3), ["U1"]).to_pylist(),
        *message_ids("weekend", night, ["U1"]).to_pylist(),
    ]
    assert len({*ids, *others}) == 4
    assert all(len(i) == 32 and int(i, 16) >= 0 for i in ids)
