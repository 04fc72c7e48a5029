from dataclasses import replace

import numpy as np

from tests.training.classifier.conftest import TINY
from training.classifier.batches import Example, collate, disturbed

VIEWS = tuple(np.full((4, 4, 3), n, np.uint8) for n in range(5))
WHOLE = Example(VIEWS, np.arange(7), np.asarray([[0, 1], [2, 0], [2, 3]]))


def test_views_and_words_lie_flat_with_their_owners():
    bare = Example((), np.arange(0), np.asarray([[1, 2]]))
    batch = collate([WHOLE, bare, WHOLE], 4)
    assert len(batch) == 3
    assert batch.pixels_VHWC[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4] * 2
    assert batch.view_owner_V.tolist() == [0] * 5 + [2] * 5
    assert batch.text_start_B.tolist() == [0, 7, 7]
    whole = [[0, 1], [2, 0], [2, 3]]
    of_rows = [(0, whole), (1, [[1, 2]]), (2, whole)]
    assert batch.label_L3.tolist() == [[row, *label] for row, labels in of_rows for label in labels]
    assert batch.share_L.tolist() == [1, 0.5, 0.5, 1, 1, 0.5, 0.5]


def test_a_batch_without_any_label_keeps_its_shape():
    batch = collate([Example((), np.arange(2), np.empty((0, 2), np.int64))], 4)
    assert (batch.label_L3.shape, batch.share_L.shape) == ((0, 3), (0,))


def test_a_batch_without_any_image_keeps_its_shape():
    batch = collate([Example((), np.arange(2), np.asarray([[0, 0]]))], 4)
    assert batch.pixels_VHWC.shape == (0, 4, 4, 3)


def test_training_shows_few_views_of_each_product(tiny):
    rng = np.random.default_rng(0)
    seen = [disturbed(WHOLE, replace(tiny, views_in_training=2), rng) for _ in range(200)]
    assert {len(example.views) for example in seen} == {2}
    assert all(example.buckets is WHOLE.buckets for example in seen)
    shades = {int(view[0, 0, 0]) for example in seen for view in example.views}
    assert shades == {0, 1, 2, 3, 4}


def test_views_move_a_little_and_turn_around_but_nothing_else():
    """A ramp to the right: each row stays a row, and its edges go on where it left."""
    ramp = np.broadcast_to(np.arange(16, dtype=np.uint8)[None, :, None], (16, 16, 3))
    config = replace(TINY, image_size=16, image_shift=1 / 8)
    rng = np.random.default_rng(1)
    seen = [disturbed(replace(WHOLE, views=(ramp,)), config, rng).views[0] for _ in range(200)]
    expected = {tuple(np.clip(np.arange(16) - n, 0, 15)) for n in range(-2, 3)}
    expected |= {row[::-1] for row in expected}
    assert {tuple(view[5, :, 0]) for view in seen} == expected
    assert all((view == view[0]).all() for view in seen)
    still = replace(config, image_shift=0)
    assert {
        tuple(disturbed(replace(WHOLE, views=(ramp,)), still, rng).views[0][0, :, 0])
        for _ in range(20)
    } == {tuple(range(16)), tuple(range(15, -1, -1))}
