"""Text as hashed n-grams: the same buckets on every machine, no vocabulary to keep.

Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning"; n-grams of letters
inside a word follow fastText (Bojanowski et al. 2017), so unknown words are not quite unknown.
"""

import re
import unicodedata
import zlib
from collections.abc import Iterator
from itertools import zip_longest

import numpy as np

_WORD = re.compile(r"\w+")
LETTERS = 4


def ngrams(text: str) -> Iterator[str]:
    """Give the words, the pairs of neighbours and the four-letter pieces of a text.

    >>> list(ngrams("Blue Shirt"))
    ['blue', 'blue shirt', '#blu', 'blue', 'lue#', 'shirt', '#shi', 'shir', 'hirt', 'irt#']
    """
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    for word, following in zip_longest(words, words[1:]):
        yield word
        if following:
            yield f"{word} {following}"
        edged = f"#{word}#"
        yield from (edged[i : i + LETTERS] for i in range(len(edged) - LETTERS + 1))


def buckets(text: str, bucket_count: int) -> np.ndarray:
    """Return the hash buckets of a text's n-grams, int64 (n,), repeats kept; empty for no words."""
    hashed = [zlib.crc32(ngram.encode()) % bucket_count for ngram in ngrams(text)]
    return np.asarray(hashed, dtype=np.int64)
