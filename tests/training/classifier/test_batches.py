from dataclasses import replace

import numpy as np

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


def test_training_shows_few_views_and_hides_modalities_now_and_then(tiny):
    rng = np.random.default_rng(0)
    config = replace(tiny, image_dropout=0.2, text_dropout=0.5, views_in_training=2)
    seen = [disturbed(WHOLE, config, rng) for _ in range(2000)]
    assert {len(example.views) for example in seen} == {0, 2}
    assert 0.17 < np.mean([len(example.views) == 0 for example in seen]) < 0.23
    assert 0.46 < np.mean([len(example.buckets) == 0 for example in seen]) < 0.54
    shades = {int(view[0, 0, 0]) for example in seen for view in example.views}
    assert shades == {0, 1, 2, 3, 4}
