from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from email_lists import allocation
from email_lists.allocation import PROMISES_PER_UNIT
from email_lists.candidates import POPULAR
from email_lists.slate import BRAND_LIMIT, PLACES, SHOWN, choose

SLOTS = ("similar", "together", "new", "popular")


@pytest.fixture(scope="module")
def candidate():
    """Make candidates: (customer, slot, product), with brand, score and stock by the keyword."""

    def one(customer, slot, product, score=0.5, brand=None, stock=None):
        brand = brand or f"brand of {product}"
        return (customer, slot, product, f"k-{product}", 9.0, stock, brand, score, slot, None)

    return one


@pytest.fixture(scope="module")
def one_promise():
    """A piece is promised once, so that a few customers already compete."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(allocation, "PROMISES_PER_UNIT", 1)
        yield


def plenty(candidate, customer="anna", each=8):
    """Enough of each source, no product twice."""
    return [
        candidate(customer, slot, f"{slot}{n}", 1 - n / 100) for slot in SLOTS for n in range(each)
    ]


def test_three_similar_three_together_one_new(rows, candidate):
    slate = choose(rows("candidates", *plenty(candidate)))
    assert slate["slot"].to_pylist() == ["similar"] * 3 + ["together"] * 3 + ["new"]
    assert slate["position"].to_pylist() == [1, 2, 3, 4, 5, 6, 7]
    assert slate["product_id"].to_pylist() == [
        *(f"{slot}{n}" for slot in ("similar", "together") for n in range(3)),
        "new0",
    ]


def test_a_product_of_two_sources_is_shown_once(rows, candidate):
    both = [candidate("anna", slot, "mug", 2.0) for slot in SLOTS]
    shown = choose(rows("candidates", *plenty(candidate), *both))["product_id"].to_pylist()
    assert shown.count("mug") == 1
    assert len(set(shown)) == len(PLACES)


def test_at_most_two_of_a_brand(rows, candidate):
    loud = [
        candidate("anna", slot, f"{slot}-loud{n}", 5.0, "loud") for slot in SLOTS for n in range(4)
    ]
    slate = choose(rows("candidates", *plenty(candidate), *loud)).to_pylist()
    assert sum("loud" in row["product_id"] for row in slate) == BRAND_LIMIT
    assert len(slate) == len(PLACES)


def test_a_shop_with_a_single_brand_has_no_limit(rows, candidate):
    own = [candidate("anna", "similar", f"p{n}", 1.0, "own") for n in range(3)]
    own += [candidate("anna", "popular", f"q{n}", 1.0, "own") for n in range(9)]
    assert choose(rows("candidates", *own)).num_rows == len(PLACES)


def test_a_short_source_is_filled_with_popular_products(rows, candidate):
    few = [c for c in plenty(candidate) if c[1] in ("similar", "popular")]
    slate = choose(rows("candidates", *few))
    assert Counter(slate["slot"].to_pylist()) == {"similar": 3, "popular": 4}
    assert slate["slot"].to_pylist()[-1] == POPULAR


def test_without_enough_candidates_places_stay_empty(rows, candidate):
    slate = choose(rows("candidates", candidate("anna", "popular", "p1")))
    assert slate["position"].to_pylist() == [1]
    assert choose(rows("candidates")).num_rows == 0


def test_few_pieces_go_to_the_highest_scores(rows, candidate):
    wishing = [
        candidate(f"c{n:03}", "similar", "rare", 2.0 + (n * 37 % 100) / 100, stock=1)
        for n in range(100)
    ]
    rest = [c for n in range(100) for c in plenty(candidate, f"c{n:03}")]
    slate = choose(rows("candidates", *wishing, *rest)).to_pylist()
    promised = [row for row in slate if row["product_id"] == "rare"]
    assert len(promised) == PROMISES_PER_UNIT
    assert min(row["score"] for row in promised) == pytest.approx(2.8)
    assert Counter(Counter(row["customer_id"] for row in slate).values()) == {7: 100}


def slow_choose(candidates):
    """Serve place by place, wish by wish, with plain dicts."""
    several_brands = len({c[6] for c in candidates}) > 1
    left = {
        (c[3], c[2]): (10**9 if c[5] is None else c[5] * allocation.PROMISES_PER_UNIT)
        for c in candidates
    }
    people = sorted({c[0] for c in candidates})
    slates: dict[str, list] = {person: [] for person in people}
    for place in PLACES:
        waiting = set(people)
        for source in (place, POPULAR):
            while True:
                wishes = []
                for person in sorted(waiting):
                    mine = slates[person]
                    brands = Counter(c[6] for c in mine)
                    allowed = [
                        c
                        for c in candidates
                        if c[0] == person
                        and c[1] == source
                        and c[2] not in {m[2] for m in mine}
                        and not (several_brands and brands[c[6]] >= BRAND_LIMIT)
                        and left[c[3], c[2]] > 0
                    ]
                    if allowed:
                        wishes.append(min(allowed, key=lambda c: (-c[7], c[2])))
                if not wishes:
                    break
                for wish in sorted(wishes, key=lambda c: (-c[7], c[0])):
                    if left[wish[3], wish[2]] > 0:
                        left[wish[3], wish[2]] -= 1
                        slates[wish[0]].append(wish)
                        waiting.discard(wish[0])
    return {
        person: [(c[1], c[2]) for c in sorted(chosen, key=lambda c: SHOWN.index(c[1]))]
        for person, chosen in slates.items()
    }


@settings(max_examples=60, deadline=None)
@given(seed=st.randoms(use_true_random=False), few=st.booleans())
def test_choosing_for_all_at_once_agrees_with_a_slow_loop(rows, candidate, one_promise, seed, few):
    stock = {f"p{n}": seed.choice((0, 1, 2, 3) if few else (None, 9)) for n in range(14)}
    candidates = [
        candidate(
            f"c{person}",
            slot,
            product,
            seed.choice([0.1, 0.2, 0.3]),
            f"b{int(product[1:]) % 5}",
            stock[product],
        )
        for person in range(seed.randint(1, 5))
        for slot in SLOTS
        for product in seed.sample(sorted(stock), seed.randint(0, 9))
    ]
    found: dict[str, list] = {person: [] for person in {c[0] for c in candidates}}
    for row in choose(rows("candidates", *candidates)).to_pylist():
        found[row["customer_id"]].append((row["slot"], row["product_id"]))
    assert found == slow_choose(candidates)
