"""Which products on offer are like a product: cosines of embeddings and of describing words.

Shape legend: P products, D dimensions, A anchors (products bought), O products on offer, M products
without an embedding.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pyarrow as pa

WORD_DIMENSIONS = 512
NEIGHBOURS = 15
STAND_INS = 5
"""Embedded products whose words are most like those of one that is not: it stands between them."""
_BLOCK = 1024
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class ProductVectors:
    """Vectors of products, of length 1 at most: float32 [P, D], in the order of `product_ids`."""

    product_ids: tuple[str, ...]
    vectors: np.ndarray

    @property
    def width(self) -> int:
        """How many dimensions they have: D."""
        return int(self.vectors.shape[1])

    def take(self, wanted: Sequence[str]) -> "ProductVectors":
        """Return the vectors of those of `wanted` (distinct) that there are, in their order."""
        place = {product_id: n for n, product_id in enumerate(self.product_ids)}
        known = tuple(product_id for product_id in wanted if product_id in place)
        return ProductVectors(known, self.vectors[[place[p] for p in known]])


def of_embeddings(embeddings: pa.Table) -> ProductVectors:
    """Take the classifier's vectors: product_id, embedding (list<float>), unique by product_id."""
    ordered = embeddings.sort_by("product_id")
    width = len(ordered["embedding"][0]) if ordered.num_rows else 0
    flat = ordered["embedding"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    vectors_PD = flat.astype(np.float32).reshape(ordered.num_rows, width)
    return ProductVectors(tuple(ordered["product_id"].to_pylist()), _normalised(vectors_PD))


def of_words(products: pa.Table) -> ProductVectors:
    """Hash the words that describe a product, weighted by their rarity (TF-IDF), to D = 512.

    `products` holds product_id, name, brand, sector, sub_sector. The sign of a word's hash keeps
    collisions unbiased (Weinberger et al. 2009, Feature Hashing for Large Scale Multitask
    Learning).
    """
    ordered = products.sort_by("product_id")
    words = [_words(row) for row in ordered.to_pylist()]
    known_in = Counter(word for of_one in words for word in set(of_one))
    vectors_PD = np.zeros((len(words), WORD_DIMENSIONS), np.float32)
    for n, of_one in enumerate(words):
        for word, count in Counter(of_one).items():
            place, sign = divmod(crc32(word.encode()), 2)
            rarity = math.log((1 + len(words)) / (1 + known_in[word]))
            vectors_PD[n, place % WORD_DIMENSIONS] += (1 - 2 * sign) * count * rarity
    return ProductVectors(tuple(ordered["product_id"].to_pylist()), _normalised(vectors_PD))


def beside(
    embedded: ProductVectors, words: ProductVectors, wanted: Iterable[str]
) -> ProductVectors:
    """Put both vectors of some products side by side: a cosine is the mean of the two.

    Words tell the brand, embeddings what it looks like; LOG.md compares. `wanted` are those that
    anybody asks about, of all that `words` describe: most of a shop's products were sold long ago.
    See `completed` for those without an embedding. One that still has none is half as like to
    others as its words say.
    """
    described = words.take(sorted({*wanted}))
    known = completed(embedded, words, described.product_ids)
    place = {product_id: n for n, product_id in enumerate(known.product_ids)}
    both_PD = np.zeros((len(described.product_ids), known.width + words.width), np.float32)
    for row, product_id in zip(both_PD, described.product_ids, strict=True):
        if product_id in place:
            row[: known.width] = known.vectors[place[product_id]]
    both_PD[:, known.width :] = described.vectors
    both_PD *= np.float32(0.5**0.5)
    return ProductVectors(described.product_ids, both_PD)


def completed(
    embedded: ProductVectors, words: ProductVectors, wanted: Sequence[str]
) -> ProductVectors:
    """Return the vectors of those wanted (distinct), also of those without an embedding.

    These get the mean of those embedded whose words are most like theirs, with the likenesses of
    words as weights. What shares no word with anything embedded has no vector still.
    """
    there = embedded.take(wanted)
    unplaced = sorted({*wanted} - {*there.product_ids})
    if not unplaced or not embedded.product_ids:
        return there
    missing, described = words.take(unplaced), words.take(embedded.product_ids)
    vectors_PD = embedded.take(described.product_ids).vectors
    found_MD = np.zeros((len(missing.product_ids), vectors_PD.shape[1]), np.float32)
    for m, p, likeness in _nearest(missing, described, STAND_INS):
        found_MD[m] += likeness * vectors_PD[p]
    is_placed_M = found_MD.any(axis=1)
    placed = tuple(np.array(missing.product_ids, object)[is_placed_M])
    together = np.concatenate([there.vectors, _normalised(found_MD[is_placed_M])])
    return ProductVectors((*there.product_ids, *placed), together)


def neighbours(
    vectors: ProductVectors, anchors: Sequence[str], on_offer: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Find the `NEIGHBOURS` products on offer that are most like each anchor, itself left out.

    Returns
    -------
    tuple of numpy.ndarray
        Positions in `on_offer` (int32 [A, K], -1 where there are fewer) and cosines (float32
        [A, K], falling, rounded to 6 digits so that the last bits of a matrix product decide no
        tie). Only what is positively alike; of equals the first on offer.
    """
    bought, offered = vectors.take(anchors), vectors.take(on_offer)
    found_AK = np.full((len(anchors), NEIGHBOURS), -1, np.int32)
    similarity_AK = np.zeros(found_AK.shape, np.float32)
    rows = {product_id: n for n, product_id in enumerate(anchors)}
    row_of = np.array([rows[p] for p in bought.product_ids], np.int64)
    columns = {product_id: n for n, product_id in enumerate(on_offer)}
    column_of = np.array([columns[p] for p in offered.product_ids], np.int32)
    for start, similarity_BO in _similarities(bought, offered):
        row_B = row_of[start : start + len(similarity_BO)]
        best_BK = _first(similarity_BO, NEIGHBOURS)
        value_BK = np.take_along_axis(similarity_BO, best_BK, axis=1)
        is_alike_BK = value_BK > 0
        width = best_BK.shape[1]
        found_AK[row_B, :width] = np.where(is_alike_BK, column_of[best_BK], -1)
        similarity_AK[row_B, :width] = np.where(is_alike_BK, value_BK, 0)
    return found_AK, similarity_AK


def _similarities(
    bought: ProductVectors, offered: ProductVectors
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield blocks of rows: the first row's number, and cosines, -1 of a product with itself."""
    own = {product_id: n for n, product_id in enumerate(offered.product_ids)}
    for start in range(0, len(bought.product_ids), _BLOCK):
        block = bought.vectors[start : start + _BLOCK]
        similarity_BO = np.round(block @ offered.vectors.T, 6)
        for b, product_id in enumerate(bought.product_ids[start : start + _BLOCK]):
            if product_id in own:
                similarity_BO[b, own[product_id]] = -1.0
        yield start, similarity_BO


def _first(value_BO: np.ndarray, size: int) -> np.ndarray:
    """Return the columns of the greatest values of each row, falling; of equals the first column.

    The key of a partition holds value and column in one integer, so that ties are cut the same way
    everywhere.
    """
    count = value_BO.shape[1]
    if not count:
        return np.zeros(value_BO.shape, np.int64)
    # Six digits of [-1, 1] are whole numbers up to a million.
    key_BO = np.round(value_BO.astype(np.float64) * 1e6).astype(np.int64) * -count
    key_BO += np.arange(count)
    kept = min(size, count)
    if kept < count:
        key_BO = np.partition(key_BO, kept - 1, axis=1)[:, :kept]
    return np.sort(key_BO, axis=1) % count


def _nearest(
    bought: ProductVectors, offered: ProductVectors, size: int
) -> Iterator[tuple[int, int, float]]:
    for start, similarity_BO in _similarities(bought, offered):
        for b, best_K in enumerate(_first(similarity_BO, size)):
            for o in best_K:
                if similarity_BO[b, o] > 0:
                    yield start + b, int(o), float(similarity_BO[b, o])


def _words(product: dict[str, str | None]) -> list[str]:
    described = " ".join(product[c] or "" for c in ("name", "brand", "sector", "sub_sector"))
    return _WORD.findall(described.lower())


def _normalised(vectors: np.ndarray) -> np.ndarray:
    length_P1 = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length_P1 == 0, 1, length_P1)
