import copy
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from training.classifier import files
from training.classifier.batches import Example, collate, without_images, without_text
from training.classifier.calibration import Calibration, Calibrations, Shown, uncalibrated
from training.classifier.catalogue import Task
from training.classifier.losses import TaskLoss
from training.classifier.model import AttentionPool, ProductClassifier, TextEncoder, new_encoder
from training.classifier.prediction import by_task, predict, sides
from vitrine.errors import BadArgumentError, BadInputError

TASKS = (Task("colour", ("blue", "green", "red")), Task("size", ("l", "s")))


@pytest.fixture(scope="module")
def model(tiny) -> ProductClassifier:
    torch.manual_seed(1)
    model = ProductClassifier(tiny, TASKS, new_encoder(tiny))
    model.text.learn_rarity([np.arange(512)])
    # Batch norm's statistics, the attention and the vectors of n-grams are not as they began.
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    model.train()
    for _ in range(3):
        model(collate([example(n, 2, 3) for n in range(8)], tiny.image_size))
    return model.eval()


def example(seed: int, view_count: int, word_count: int) -> Example:
    rng = np.random.default_rng(seed)
    views = tuple(rng.integers(0, 255, (16, 16, 3), np.uint8) for _ in range(view_count))
    return Example(views, rng.integers(0, 512, word_count), np.asarray([[0, seed % 3]]))


MIXED = [example(n, views, words) for n, (views, words) in enumerate(
    [(1, 4), (3, 0), (0, 5), (0, 0), (2, 1), (1, 1)]
)]  # fmt: skip


def test_the_embedding_has_128_floats_of_unit_length(model):
    embedding_NE = predict(model, MIXED).embedding_NE
    assert embedding_NE.shape == (len(MIXED), 128)
    assert embedding_NE.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embedding_NE, axis=1), 1, atol=1e-6)


def test_probabilities_sum_to_one(model):
    for probability in predict(model, MIXED).probability:
        np.testing.assert_allclose(probability.sum(1), 1, atol=1e-6)


def test_a_batch_equals_its_single_rows(model):
    together = predict(model, MIXED)
    for n, alone in enumerate(MIXED):
        single = predict(model, [alone])
        np.testing.assert_allclose(single.embedding_NE[0], together.embedding_NE[n], atol=1e-5)
        for one, all_ in zip(single.probability, together.probability, strict=True):
            np.testing.assert_allclose(one[0], all_[n], atol=1e-5)


def test_half_precision_says_nearly_the_same(model, tiny):
    """What a GPU computes in, tried on the CPU: each type of number fits the next."""
    batch = collate(MIXED, tiny.image_size)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        half = model(batch)
    assert half.embedding_BE.dtype == half.logits_BS.dtype == torch.float32
    whole = predict(model, MIXED).embedding_NE
    np.testing.assert_allclose(half.embedding_BE.numpy(), whole, atol=0.02)


def test_the_order_of_the_views_is_irrelevant(model):
    there = example(5, 3, 2)
    back = Example(there.views[::-1], there.buckets, there.labels)
    np.testing.assert_allclose(
        predict(model, [there]).embedding_NE, predict(model, [back]).embedding_NE, atol=1e-5
    )


def test_views_and_text_matter(model):
    whole = example(6, 2, 4)
    embeddings = predict(model, [whole, without_images(whole), without_text(whole)]).embedding_NE
    assert np.abs(embeddings[0] - embeddings[1]).max() > 1e-3
    assert np.abs(embeddings[0] - embeddings[2]).max() > 1e-3


def test_a_product_that_shows_nothing_has_the_embedding_of_nothing(model):
    nothing = predict(model, [MIXED[3]]).embedding_NE[0]
    expected = torch.nn.functional.normalize(model.nothing_E.detach(), dim=0)
    np.testing.assert_allclose(nothing, expected.numpy(), atol=1e-6)


def test_text_counts_one_and_images_their_share(model):
    whole = [example(n, 2, 4) for n in range(3)]
    text_NE, image_NE = sides(model, whole)
    np.testing.assert_allclose(text_NE.norm(dim=1), 1, atol=1e-6)
    np.testing.assert_allclose(image_NE.norm(dim=1), 1, atol=1e-6)
    for share in (0.15, 2.0):
        sum_NE = text_NE + share * image_NE
        expected = (sum_NE / sum_NE.norm(dim=1, keepdim=True)).numpy()
        with torch.inference_mode():
            found = model.join(text_NE, image_NE, torch.tensor(share)).embedding_BE.numpy()
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert model.image_share.item() == pytest.approx(0.15)


def test_texts_are_weighted_sums_of_their_ngrams(tiny):
    """Of the buckets 0 to 5 two are words (0, 1) and three pieces; bucket 2 was never seen."""
    torch.manual_seed(4)
    text = TextEncoder(replace(tiny, text_buckets=6)).eval()
    torch.nn.init.normal_(text.bag.weight)
    text.learn_rarity([np.array([0, 3]), np.array([0, 1, 3, 4]), np.array([0, 5])])
    idf = [math.log(4 / (1 + count)) + 1 for count in (3, 1)]
    assert text.rarity_S.tolist() == pytest.approx(
        [idf[0], idf[1], 0, math.log(4 / 3) + 1, idf[1], idf[1]]
    )
    shown = [
        Example((), np.array(b, np.int64), np.empty((0, 2), np.int64)) for b in ([0, 1, 4], [2], [])
    ]
    text_BD, has_text_B = text(collate(shown, 4))
    vectors = text.bag.weight.detach()
    words = (idf[0] * vectors[0] + idf[1] * vectors[1]) / math.hypot(*idf)
    torch.testing.assert_close(text_BD[0].detach(), words + vectors[4])
    assert has_text_B.tolist() == [True, False, False]
    assert text_BD[1:].eq(0).all()


def test_attention_agrees_with_a_plain_loop():
    torch.manual_seed(2)
    pool = AttentionPool(4)
    torch.nn.init.normal_(pool.score.weight)
    view_VD, owner_V = torch.randn(6, 4), torch.tensor([0, 2, 0, 2, 2, 3])
    pooled_BD = pool(view_VD, owner_V, 5)
    for row in range(5):
        mine_VD = view_VD[owner_V == row]
        expected_D = (torch.softmax(pool.score(mine_VD), 0) * mine_VD).sum(0)
        torch.testing.assert_close(pooled_BD[row], expected_D)


def test_a_head_without_labels_gets_exactly_zero_gradient(model, tiny):
    model.zero_grad()
    batch = collate(MIXED, tiny.image_size)
    loss_K, _ = TaskLoss(TASKS)(model(batch).logits_BS, batch)
    loss_K.sum().backward()
    colour, size = model.heads.weight.grad.split([3, 2])
    assert (size == 0).all()
    assert (colour != 0).any()
    model.zero_grad()


def test_until_it_is_calibrated_it_answers_nothing(model):
    assert not any(given_NC.any() for given_NC in predict(model, MIXED).given)


def with_calibrations(model: ProductClassifier, calibrations: Calibrations) -> ProductClassifier:
    other = copy.deepcopy(model)
    other.calibrations = calibrations
    return other


def colour_logits(model: ProductClassifier) -> np.ndarray:
    with torch.inference_mode():
        return by_task(model, model.join(*sides(model, MIXED)))[0]


def test_predictions_are_calibrated(model):
    raw_NC = colour_logits(model)
    fitted = (Calibration(4.0, 0.0, 9, 1), Calibration())
    model = with_calibrations(model, dict.fromkeys(Shown, fitted))
    prediction = predict(model, MIXED)
    warm_NC = np.exp(raw_NC / 4) / np.exp(raw_NC / 4).sum(1, keepdims=True)
    np.testing.assert_allclose(prediction.probability[0], warm_NC, atol=1e-6)
    colours, sizes = prediction.given
    np.testing.assert_array_equal(colours.argmax(1), raw_NC.argmax(1))
    assert (colours.sum(1) == 1).all()
    assert not sizes.any()


def test_what_is_shown_of_a_product_decides_how_sure_one_must_be(model):
    sure = {Shown.IMAGES: Calibration(2.0, 0.0, 9, 1), Shown.TEXT: Calibration(0.5, 0.0, 9, 1)}
    fitted = {shown: (c, Calibration()) for shown, c in sure.items()}
    model = with_calibrations(model, {**uncalibrated(TASKS), **fitted})
    raw_NC, prediction = colour_logits(model), predict(model, MIXED)
    # Their views and words: (1, 4), (3, 0), (0, 5), (0, 0), (2, 1), (1, 1).
    for n, temperature in enumerate((1, 2, 0.5, 1, 1, 1)):
        scaled_C = np.exp(raw_NC[n] / temperature)
        np.testing.assert_allclose(
            prediction.probability[0][n], scaled_C / scaled_C.sum(), atol=1e-6
        )
    assert prediction.given[0].any(1).tolist() == [False, True, True, False, False, False]


def test_a_folder_of_an_older_format_is_refused(model, tmp_path):
    files.save(model, tmp_path)
    told = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(told | {"format": files.FORMAT - 1}))
    said = f"of format {files.FORMAT - 1}, this version reads {files.FORMAT}; train again"
    with pytest.raises(BadInputError, match=said):
        files.load(tmp_path)


def test_saved_and_loaded_it_predicts_the_same(model, tmp_path):
    fitted = (Calibration(1.5, 0.7, 80, 0.9), Calibration())
    model = with_calibrations(model, {**uncalibrated(TASKS), Shown.IMAGES: fitted})
    files.save(model, tmp_path)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["model.json", "model.safetensors"]
    loaded = files.load(tmp_path)
    assert (loaded.tasks, loaded.config) == (model.tasks, model.config)
    assert loaded.calibrations == model.calibrations
    here, there = predict(model, MIXED), predict(loaded, MIXED)
    np.testing.assert_array_equal(here.embedding_NE, there.embedding_NE)
    for one, other in zip(here.probability, there.probability, strict=True):
        np.testing.assert_array_equal(one, other)


def test_pretrained_weights_come_from_a_local_folder(tiny, tmp_path):
    torch.manual_seed(3)
    given = new_encoder(replace(tiny, stage_channels=(16, 24, 32), stage_depths=(1, 1, 1)))
    given.save_pretrained(tmp_path / "encoder")
    model = ProductClassifier(
        replace(tiny, pretrained=str(tmp_path / "encoder")),
        TASKS,
        new_encoder(replace(tiny, pretrained=str(tmp_path / "encoder"))),
    )
    for name, weight in given.state_dict().items():
        torch.testing.assert_close(model.encoder.state_dict()[name], weight)
    (tmp_path / "model").mkdir()
    files.save(model.eval(), tmp_path / "model")
    loaded = files.load(tmp_path / "model")
    np.testing.assert_array_equal(
        predict(model, MIXED).embedding_NE, predict(loaded, MIXED).embedding_NE
    )


def test_a_folder_without_safetensors_is_refused(tiny, tmp_path):
    with pytest.raises(BadArgumentError, match="no pretrained image encoder at"):
        new_encoder(replace(tiny, pretrained=str(tmp_path)))


def test_an_encoder_thaws_from_the_top(tiny):
    model = ProductClassifier(tiny, TASKS, new_encoder(tiny))
    embedder, (bottom, top) = model.encoder.embedder, model.encoder.encoder.stages

    def learning(count: int) -> list[bool]:
        model.train()
        model.thaw(count)
        parts = (embedder, bottom, top)
        states = [{p.requires_grad for p in part.parameters()} for part in parts]
        # A part that does not learn keeps the statistics of its batch norms too.
        assert all(state == {part.training} for state, part in zip(states, parts, strict=True))
        return [state == {True} for state in states]

    assert [learning(count) for count in range(4)] == [
        [False, False, False],
        [False, False, True],
        [False, True, True],
        [True, True, True],
    ]
