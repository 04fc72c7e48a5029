import zlib

import numpy as np

from training.classifier.text import buckets, pieces, words_and_pairs


def test_words_stand_with_their_neighbours():
    assert list(words_and_pairs("Blue cotton, shirt")) == [
        "blue", "blue cotton", "cotton", "cotton shirt", "shirt",
    ]  # fmt: skip


def test_pieces_have_three_to_five_letters_and_know_the_ends_of_words():
    assert list(pieces("hat in")) == [
        "#ha", "hat", "at#", "#hat", "hat#", "#hat#", "#in", "in#", "#in#",
    ]  # fmt: skip


def test_case_and_compatible_letters_are_alike():
    assert buckets("ＢＬＵＥ", 1000).tolist() == buckets("blue", 1000).tolist()


def test_buckets_are_the_same_on_every_machine():
    assert zlib.crc32(b"ab") == 2659403885
    lower, upper = [2659403885 % 500], sorted(zlib.crc32(p.encode()) % 500 for p in pieces("ab"))
    assert buckets("ab", 1000).tolist() == [*lower, *(500 + n for n in upper)]


def test_a_bucket_is_named_once_and_the_halves_keep_apart():
    found = buckets("ab ab ab", 1001)
    assert found.tolist() == sorted(set(found.tolist()))
    assert (found < 500).sum() == 2  # "ab" and "ab ab"
    assert found.max() < 1001


def test_text_without_words_has_no_buckets():
    empty = buckets(" -- ", 16)
    assert empty.shape == (0,)
    assert empty.dtype == np.int64
