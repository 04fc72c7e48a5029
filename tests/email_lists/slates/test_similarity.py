import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from email_lists.slates.similarity import (
    NEIGHBOURS,
    ProductVectors,
    beside,
    completed,
    neighbours,
    of_embeddings,
    of_words,
)


def catalogue(*names):
    return pa.table(
        {
            "product_id": [f"p{n}" for n in range(len(names))],
            "name": names,
            "brand": ["b"] * len(names),
            "sector": ["s"] * len(names),
            "sub_sector": ["x"] * len(names),
        }
    )


def rows(vectors, anchors, on_offer):
    """Find neighbours, one row for each: product_id is the anchor."""
    place_AK, similarity_AK = neighbours(vectors, anchors, on_offer)
    assert place_AK.shape == similarity_AK.shape == (len(anchors), NEIGHBOURS)
    return [
        {
            "product_id": anchors[a],
            "similar_product_id": on_offer[place_AK[a, k]],
            "similarity": float(similarity_AK[a, k]),
        }
        for a, k in np.argwhere(place_AK >= 0)
    ]


def _unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_words_in_common_make_similar():
    vectors = of_words(
        catalogue("red retrospot mug", "blue retrospot mug", "iron garden gate", "paper lantern")
    )
    found = rows(vectors, ["p0"], ["p1", "p2", "p3"])
    assert [row["similar_product_id"] for row in found][:1] == ["p1"]
    assert all(row["similarity"] < found[0]["similarity"] for row in found[1:])


def test_word_vectors_have_unit_length_or_are_empty():
    vectors = of_words(catalogue("one", "two", "one two")).vectors
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    # Words that all products share tell nothing: their rarity is zero.
    assert not of_words(catalogue("same", "same")).vectors.any()


def test_embeddings_come_in_the_order_of_the_ids():
    table = pa.table({"product_id": ["b", "a"], "embedding": [[0.0, 2.0], [1.0, 0.0]]})
    vectors = of_embeddings(table)
    assert vectors.product_ids == ("a", "b")
    assert vectors.vectors.tolist() == [[1, 0], [0, 1]]


def test_a_product_without_an_embedding_stands_where_its_words_put_it():
    products = catalogue("red mug", "blue mug", "iron gate", "red mug tall", "velvet")
    embedded = ProductVectors(("p0", "p1", "p2"), np.eye(3, dtype=np.float32))
    words = of_words(products)
    found = completed(embedded, words, words.product_ids)
    assert found.product_ids == ("p0", "p1", "p2", "p3"), "nothing is said of velvet but its brand"
    assert (found.vectors[:3] == embedded.vectors).all()
    assert found.vectors[3][0] > found.vectors[3][1] > 0 == found.vectors[3][2]
    assert np.allclose(np.linalg.norm(found.vectors, axis=1), 1)
    again = completed(found, words, found.product_ids)
    assert again.product_ids == found.product_ids
    assert (again.vectors == found.vectors).all()
    # It stands between those that nobody asks about, too.
    alone = completed(embedded, words, ("p3",))
    assert alone.product_ids == ("p3",)
    assert (alone.vectors[0] == found.vectors[3]).all()
    nothing = ProductVectors((), np.zeros((0, 3), np.float32))
    assert completed(nothing, words, ("p0",)).product_ids == ()


def test_likeness_is_the_mean_of_what_embeddings_and_words_say():
    words = of_words(catalogue("red mug", "blue mug", "iron gate", "velvet"))
    embedded = ProductVectors(("gone", "p2", "p0", "p1"), np.eye(4, 2, dtype=np.float32) + 0.1)
    embedded = ProductVectors(embedded.product_ids, _unit(embedded.vectors))
    found = beside(embedded, words, words.product_ids)
    assert found.product_ids == words.product_ids
    by_embeddings = embedded.take(("p0", "p1")).vectors
    by_words = words.take(("p0", "p1")).vectors
    one, other = found.take(("p0", "p1")).vectors
    mean = (by_embeddings[0] @ by_embeddings[1] + by_words[0] @ by_words[1]) / 2
    assert np.isclose(one @ other, mean)
    # Nothing but a brand that all have is known of velvet, and no embedding.
    assert np.isclose(np.linalg.norm(found.vectors[3]), 0.5**0.5)


def test_vectors_are_held_of_what_is_asked_about_alone():
    words = of_words(catalogue("red mug", "blue mug", "iron gate", "red mug tall"))
    embedded = ProductVectors(("p0", "p1", "p2"), np.eye(3, dtype=np.float32))
    everything = beside(embedded, words, words.product_ids)
    some = beside(embedded, words, {"p3", "p1", "gone"})
    assert some.product_ids == ("p1", "p3")
    assert (some.vectors == everything.take(some.product_ids).vectors).all()


def test_a_product_is_not_its_own_neighbour_and_unknown_ones_are_skipped():
    vectors = of_words(catalogue("red mug", "red mug tall", "gate"))
    found = rows(vectors, ["p0", "gone"], ["p0", "p1", "unseen"])
    assert [(r["product_id"], r["similar_product_id"]) for r in found] == [("p0", "p1")]


def test_nothing_bought_or_nothing_on_offer_gives_no_rows():
    vectors = of_words(catalogue("red mug", "blue mug"))
    assert rows(vectors, [], ["p0"]) == []
    assert rows(vectors, ["p0"], []) == []
    empty = of_embeddings(
        pa.table(
            {
                "product_id": pa.array([], pa.string()),
                "embedding": pa.array([], pa.list_(pa.float32(), 3)),
            }
        )
    )
    assert rows(empty, ["p0"], ["p1"]) == []


def test_equally_similar_ones_come_in_the_order_that_they_were_named_in():
    ids = [f"p{n:02}" for n in range(NEIGHBOURS + 2)]
    same = np.array([[1, 0], *[[0.6, 0.8]] * (NEIGHBOURS + 1)], np.float32)
    found = rows(ProductVectors((ids[0], *ids[:0:-1]), same), ids[:1], ids[1:])
    assert [row["similar_product_id"] for row in found] == ids[1:-1]


@given(st.integers(1, 2 * NEIGHBOURS), st.integers(0, 2**16))
def test_neighbours_agree_with_a_slow_loop(count, seed):
    """Up to what two ways of adding up differ in: that decides the order of nearly equal ones."""
    values = np.random.default_rng(seed).integers(-2, 3, (count, 3)).astype(np.float64)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    values /= np.where(length == 0, 1, length)
    ids = tuple(f"p{n:02}" for n in range(count))
    cosine = {
        (one, other): float(np.dot(values[a], values[o]))
        for a, one in enumerate(ids)
        for o, other in enumerate(ids)
        if a != o
    }
    found = rows(ProductVectors(ids, values.astype(np.float32)), ids, ids)
    for one in ids:
        of_one = [row for row in found if row["product_id"] == one]
        pairs = [(one, row["similar_product_id"]) for row in of_one]
        assert len(set(pairs)) == len(pairs)
        best = sorted((cosine[pair] for pair in cosine if pair[0] == one), reverse=True)
        expected = [value for value in best[:NEIGHBOURS] if value > 1e-6]
        assert np.allclose([row["similarity"] for row in of_one], expected, atol=2e-6)
        assert np.allclose([cosine[pair] for pair in pairs], expected, atol=2e-6)
