"""Text as hashed n-grams: the same buckets on every machine, no vocabulary to keep.

Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning"; n-grams of letters
inside a word follow fastText (Bojanowski et al. 2017), so unknown words are not quite unknown.
"""

import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from itertools import zip_longest

import numpy as np

_WORD = re.compile(r"\w+")
LETTERS = (3, 4, 5)


def words_and_pairs(text: str) -> Iterator[str]:
    """Give the words and the pairs of neighbours of a text.

    >>> list(words_and_pairs("Blue Shirt"))
    ['blue', 'blue shirt', 'shirt']
    """
    words = _words(text)
    for word, following in zip_longest(words, words[1:]):
        yield word
        if following:
            yield f"{word} {following}"


def pieces(text: str) -> Iterator[str]:
    """Give the pieces of three to five letters of a text's words, whose ends are marked.

    >>> list(pieces("Hat"))
    ['#ha', 'hat', 'at#', '#hat', 'hat#', '#hat#']
    """
    for word in _words(text):
        edged = f"#{word}#"
        for length in LETTERS:
            yield from (edged[i : i + length] for i in range(len(edged) - length + 1))


def buckets(text: str, bucket_count: int) -> np.ndarray:
    """Return the hash buckets that a text fills, int64 (n,), distinct, rising; none for no words.

    The lower half of the `bucket_count` is of words and pairs, the upper half of pieces.
    """
    half = bucket_count // 2
    lower = _hashed(words_and_pairs(text), half)
    upper = _hashed(pieces(text), bucket_count - half) + half
    return np.concatenate([lower, upper])


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _hashed(ngrams: Iterable[str], bucket_count: int) -> np.ndarray:
    found = {zlib.crc32(ngram.encode()) % bucket_count for ngram in ngrams}
    return np.asarray(sorted(found), dtype=np.int64)
