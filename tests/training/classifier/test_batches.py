from dataclasses import replace

import numpy as np

from training.classifier.batches import Example, collate, disturbed
from training.classifier.catalogue import MISSING

VIEWS = tuple(np.full((4, 4, 3), n, np.uint8) for n in range(5))
WHOLE = Example(VIEWS, np.arange(7), np.asarray([1, MISSING]))


def test_views_and_words_lie_flat_with_their_owners():
    bare = Example((), np.arange(0), np.asarray([0, 2]))
    batch = collate([WHOLE, bare, WHOLE], 4)
    assert len(batch) == 3
    assert batch.pixels_VHWC[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4] * 2
    assert batch.view_owner_V.tolist() == [0] * 5 + [2] * 5
    assert batch.text_start_B.tolist() == [0, 7, 7]
    assert batch.label_BK.tolist() == [[1, MISSING], [0, 2], [1, MISSING]]


def test_a_batch_without_any_image_keeps_its_shape():
    batch = collate([Example((), np.arange(2), np.asarray([0]))], 4)
    assert batch.pixels_VHWC.shape == (0, 4, 4, 3)


def test_training_shows_few_views_and_hides_modalities_now_and_then(tiny):
    rng = np.random.default_rng(0)
    config = replace(tiny, image_dropout=0.2, text_dropout=0.5, views_in_training=2)
    seen = [disturbed(WHOLE, config, rng) for _ in range(2000)]
    assert {len(example.views) for example in seen} == {0, 2}
    assert 0.17 < np.mean([len(example.views) == 0 for example in seen]) < 0.23
    assert 0.46 < np.mean([len(example.buckets) == 0 for example in seen]) < 0.54
    shades = {int(view[0, 0, 0]) for example in seen for view in example.views}
    assert shades == {0, 1, 2, 3, 4}
