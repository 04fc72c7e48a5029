import numpy as np

from training.classifier.text import buckets, ngrams


def test_ngrams_are_words_pairs_and_pieces_of_words():
    assert list(ngrams("Blue Shirt")) == [
        "blue", "blue shirt", "#blu", "blue", "lue#",
        "shirt", "#shi", "shir", "hirt", "irt#",
    ]  # fmt: skip


def test_case_and_compatible_letters_are_alike():
    assert list(ngrams("ＢＬＵＥ")) == list(ngrams("blue"))


def test_buckets_are_the_same_on_every_machine():
    assert buckets("ab", 1000).tolist() == [crc32_of("ab"), crc32_of("#ab#")]


def test_text_without_words_has_no_buckets():
    empty = buckets(" -- ", 16)
    assert empty.shape == (0,)
    assert empty.dtype == np.int64


def crc32_of(ngram: str) -> int:
    return {"ab": 2659403885, "#ab#": 796526220}[ngram] % 1000
