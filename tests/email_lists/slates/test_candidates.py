"""What each source finds, by hand on a small shop and by slow loops on random ones."""

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import numpy as np
import pyarrow as pa
import pytest

from email_lists.slates import offers, shelves
from email_lists.slates.assortment import NOWHERE
from email_lists.slates.candidates import WIDTHS, Reason, Slot, look_up
from email_lists.slates.candidates import _Found as Finds
from email_lists.slates.candidates import _singled_out as singled_out
from email_lists.slates.shelves import BRAND_LIMIT
from email_lists.slates.similarity import of_words
from vitrine.contracts import INSTANT
from vitrine.interval import parse_instant
from vitrine.list_policy import Override

SEND = parse_instant("2026-03-02T06:30:00Z")
F, M = "female:25-34:FR", "male:25-34:FR"
PRODUCTS = (
    ("p1", "red mug", "kiln", "home", "mugs"),
    ("p2", "blue lamp", "lux", "home", "lamps"),
    ("p3", "red mug tall", "kiln", "home", "mugs"),
    ("p4", "wool scarf", "knit", "fashion", "scarves"),
    ("p5", "green gate", "forge", "home", "gates"),
    ("p6", "thing", "acme", "unknown", "unknown"),
)


def made(as_of, customers, campaigns, supply, products, sales):
    """Make the night of customers who are written to at `SEND`."""
    sent = pa.array([SEND] * customers.num_rows, INSTANT)
    placed = offers.with_markets(customers.append_column("send_at", sent), campaigns)
    return shelves.Night(
        as_of=as_of,
        customers=placed,
        everybody=placed,
        campaigns=campaigns,
        open_offers=offers.open_offers(placed, campaigns, supply),
        products=products,
        sales=sales,
        vectors=of_words(products),
        pins=(),
    )


@pytest.fixture
def night(rows, as_of):
    """Anna bought p1 ten days ago and p2 forty days ago, ben nothing; all is on sale but p1."""

    def make(
        sales=(),
        people=(("anna", F), ("ben", M)),
        sold=("p2", "p3", "p4", "p5", "p6"),
        known=PRODUCTS,
        **more,
    ):
        customers = rows(
            "customers", *((c, "FR", "fr", "Europe/Paris", cluster, "new") for c, cluster in people)
        )
        campaigns = rows(
            "campaigns",
            *((f"k-{p}", "b", "s", "x", "FR", SEND - timedelta(days=1), None) for p in sold),
        )
        supply = rows("supply", *((f"k-{p}", p, 9.0, 5) for p in sold))
        bought = [("o1", "anna", F, "p1", 1, 10), ("o2", "anna", F, "p2", 1, 40), *sales]
        lines = rows("sales", *((*b[:5], as_of - timedelta(days=b[5])) for b in bought))
        products = rows("products", *known)
        return replace(made(as_of, customers, campaigns, supply, products, lines), **more)

    return make


def found(night, slot, customer=0):
    """Return what a source finds for a customer: (product, reason, cause), best first."""
    return found_by_all(night, slot)[customer]


def found_by_all(night, slot):
    filled = shelves.fill(night)
    ids = filled.assortment.products["product_id"].to_pylist()
    candidates = look_up(filled, 0, night.customers.num_rows)
    is_of = candidates.slot_C == slot
    columns = (candidates.product_NC, candidates.reason_NC, candidates.cause_NC)
    return [
        [
            (ids[product], Reason(reason), None if cause == NOWHERE else ids[cause])
            for product, reason, cause in zip(*(c[n, is_of] for c in columns), strict=True)
            if product != NOWHERE
        ]
        for n in range(night.customers.num_rows)
    ]


def test_similar_products_name_the_purchase_they_are_like(night):
    mugs = night(sales=[("s1", "cleo", F, "p1", 1, 10)], people=(("ben", M), ("cleo", F)))
    assert found(mugs, Slot.SIMILAR, customer=1)[0] == ("p3", Reason.SIMILAR_TO_BOUGHT, "p1")
    assert found(mugs, Slot.SIMILAR) == [], "ben bought nothing"


def test_no_purchase_is_named_whose_absence_would_change_nothing():
    # Product 4 is like purchase 1 (.9) and hardly less like 2; 5 would fall below 6 without 1.
    rows_ = [(4, 0.9, 1), (5, 0.8, 1), (4, 0.85, 2), (6, 0.4, 2), (5, 0.3, 2)]
    product, score, cause = (np.array([column]) for column in zip(*rows_, strict=True))
    reason = np.full(product.shape, Reason.SIMILAR_TO_BOUGHT, np.int8)
    sought = Finds(product, score.astype(np.float32), reason, cause)
    first = np.array([[0, 1, 3]])
    kept = Finds(*(np.take_along_axis(c, first, axis=1) for c in vars(sought).values()))
    told = singled_out(kept, sought)
    assert told.reason_BW[0].tolist() == [
        Reason.SIMILAR_TO_SEVERAL,
        Reason.SIMILAR_TO_BOUGHT,
        Reason.SIMILAR_TO_BOUGHT,
    ]
    assert told.cause_BW[0].tolist() == [NOWHERE, 1, 2]


def baskets(one, other, count=3):
    return [(f"{one}{other}{n}", None, M, p, 1, 5) for n in range(count) for p in (one, other)]


def test_together_are_the_partners_of_what_was_bought(night):
    together = found(night(sales=baskets("p1", "p4")), Slot.TOGETHER)
    assert together[0] == ("p4", Reason.BOUGHT_TOGETHER, "p1")


def test_a_pair_that_met_twice_is_no_reason(night):
    assert found(night(sales=baskets("p1", "p4", count=2)), Slot.TOGETHER) == []


def test_kinds_that_go_together_offer_their_popular_products_after_the_pairs(night):
    others = [(f"n{n}", None, M, "p5", 1, 5) for n in range(9)]
    sales = baskets("p2", "p1") + baskets("p2", "p4") + others
    together = found(night(sales=sales), Slot.TOGETHER)
    # Lamps go with mugs and scarves; p1 rests, so that p3 is the only mug.
    assert ("p4", Reason.BOUGHT_TOGETHER, "p2") in together
    assert together[-1] == ("p3", Reason.KINDS_BOUGHT_TOGETHER, "p2")


def test_somewhere_new_is_a_sector_or_a_brand_never_bought(night):
    new = {product: reason for product, reason, _ in found(night(), Slot.NEW)}
    # Anna knows kiln and lux of the home; an unknown sector is no department.
    assert new == {
        "p4": Reason.NEW_SECTOR,
        "p5": Reason.NEW_BRAND_IN_SECTOR,
        "p6": Reason.NEW_BRAND,
    }
    assert found(night(), Slot.NEW, customer=1) == [], "all is new to whoever bought nothing"


def test_a_favourite_department_is_named_only_if_its_purchases_raise_the_brand(night):
    # Without what Anna bought for the home all of it would be new to her, and teach more.
    scarf = [("o3", "anna", F, "p4", 1, 40)]
    new = {product: reason for product, reason, _ in found(night(sales=scarf), Slot.NEW)}
    assert new == {"p5": Reason.NEW_BRAND, "p6": Reason.NEW_BRAND}


def test_what_is_of_no_department_is_of_no_favourite(night):
    things = [(f"p{n}", f"thing {n}", f"acme {n}", "unknown", "unknown") for n in range(7, 19)]
    sales = [(f"o{p}", "anna", F, p, 1, 40) for p, *_ in things[1:]]
    sold = ("p2", "p3", "p4", "p5", "p6", "p7")
    shown = found(night(sales, sold=sold, known=(*PRODUCTS, *things)), Slot.NEW)
    assert ("p7", Reason.NEW_BRAND, None) in shown


def test_what_the_cluster_buys_teaches_more_than_what_nobody_does(night):
    sales = [(f"s{n}", "guest", F, "p5", 1, 3) for n in range(8)]
    assert found(night(), Slot.NEW)[0][0] == "p4"
    assert found(night(sales=sales), Slot.NEW)[0][0] == "p5"


def test_popular_products_say_whose_they_are(night):
    sales = [("s1", "carl", M, "p4", 3, 3), ("s2", "anna", F, "p5", 3, 0.2)]
    liked = found(night(sales=sales, people=(("anna", F), ("ben", M))), Slot.POPULAR, customer=1)
    assert liked[:2] == [
        ("p4", Reason.POPULAR_IN_CLUSTER, None),
        ("p5", Reason.POPULAR_IN_REGION, None),
    ]
    assert {reason for _, reason, _ in liked[2:]} == {Reason.JUST_OPENED}


@pytest.mark.parametrize("sold_in", ["ZZ", "DE"])
def test_a_region_is_the_customers_country_wherever_campaigns_sell(rows, as_of, sold_in):
    people = {"anna": "FR", "bert": "DE", "carl": "DE", "yves": "ZZ", "zoe": "ZZ"}
    customers = rows(
        "customers", *((c, of, "fr", "Europe/Paris", "unknown", "new") for c, of in people.items())
    )
    campaigns = rows(
        "campaigns",
        *((f"k-{of}", "b", "s", "x", of, SEND - timedelta(days=1), None) for of in {"ZZ", sold_in}),
    )
    lately = [("carl", "p4", 3), ("carl", "p5", 2), ("yves", "p2", 9), ("anna", "p3", 2)]
    sales = rows(
        "sales",
        *((f"o-{c}{p}", c, "other", p, n, as_of - timedelta(hours=9)) for c, p, n in lately),
    )
    supply = rows("supply", *(("k-ZZ", p, 9.0, 5) for p in ("p2", "p3", "p4", "p5", "p6")))
    products = rows("products", *PRODUCTS)
    night = made(as_of, customers, campaigns, supply, products, sales)
    shown = {
        customer: [(product, reason) for product, reason, _ in liked]
        for customer, liked in zip(people, found_by_all(night, Slot.POPULAR), strict=True)
    }
    assert shown["bert"] == [
        ("p4", Reason.POPULAR_IN_REGION),
        ("p5", Reason.POPULAR),
        ("p2", Reason.POPULAR),
        ("p3", Reason.POPULAR),
        ("p6", Reason.JUST_OPENED),
    ]
    assert shown["zoe"][0] == ("p2", Reason.POPULAR), "what country it is of nobody knows"
    told = {reason for customer in ("anna", "yves", "zoe") for _, reason in shown[customer]}
    assert Reason.POPULAR_IN_REGION not in told, "two pieces are too few"


def test_loved_are_the_brands_and_kinds_bought_most(night):
    sales = [("s1", "anna", F, "p3", 1, 50)]
    loved = found(night(sales=sales), Slot.LOVED)
    assert loved[0] == ("p3", Reason.LOVED_BRAND, "p1")
    assert loved[1] == ("p2", Reason.LOVED_BRAND, "p2")


def test_what_was_bought_within_thirty_days_rests(night):
    sold = ("p1", "p2")
    everywhere = {slot: found(night(sold=sold), slot) for slot in Slot}
    assert not any("p1" in {row[0] for row in rows_} for rows_ in everywhere.values())
    assert ("p2", Reason.JUST_OPENED, None) in everywhere[Slot.POPULAR]
    assert "p1" in {row[0] for row in found(night(sold=sold), Slot.POPULAR, customer=1)}


@pytest.mark.parametrize(("microseconds", "rests"), [(0, True), (1, False)])
def test_thirty_days_are_exact(night, microseconds, rests):
    late = replace(night(sold=("p1",)))
    edge = late.as_of + timedelta(days=20, microseconds=microseconds)
    shown = found(replace(late, as_of=edge), Slot.POPULAR)
    assert (shown == []) is rests


def test_with_a_product_its_variants_rest(night):
    variant = ("p9", *PRODUCTS[0][1:])
    shown = night(sold=("p3", "p9"), known=(*PRODUCTS, variant))
    assert [row[0] for row in found(shown, Slot.POPULAR)] == ["p3"]
    assert "p9" in {row[0] for row in found(shown, Slot.POPULAR, customer=1)}


def test_no_purchase_is_the_reason_for_a_variant_of_itself(night):
    variant = ("p9", *PRODUCTS[1][1:])  # p2 was bought forty days ago
    shown = night(sold=("p3", "p9"), known=(*PRODUCTS, variant))
    assert ("p9", Reason.SIMILAR_TO_BOUGHT, "p1") in found(shown, Slot.SIMILAR), "less like it"
    assert "p9" in {row[0] for row in found(shown, Slot.POPULAR)}


def test_what_people_run_out_of_does_not_rest(night):
    again = [(f"o{n}-{day}", f"c{n}", M, "p1", 1, day) for n in range(10) for day in (5, 9)]
    assert found(night(sales=again[:6], sold=("p1",)), Slot.POPULAR) == [], "of three buyers"
    shown = found(night(sales=again, sold=("p1",)), Slot.POPULAR)
    assert [product for product, _, _ in shown] == ["p1"]
    similar = found(night(sales=again, sold=("p1", "p3")), Slot.SIMILAR)
    assert similar[0] == ("p1", Reason.BUY_AGAIN, "p1")
    assert similar[1][0] == "p3"


def pin(**of):
    return Override(action="pin", because="x", decided_by="ada", reviewed_by="bo", **of)


def test_pins_come_in_the_order_of_the_policy_where_they_are_on_sale(night):
    pins = [pin(product="p5"), pin(brand="kiln"), pin(campaign="k-p4"), pin(product="p1")]
    assert [row[0] for row in found(night(pins=pins), Slot.PINNED)] == ["p5", "p3", "p4"]


def test_who_bought_the_best_of_a_pinned_brand_lately_gets_its_next(night):
    pinned = night(sold=("p1", "p2", "p3"), pins=[pin(brand="kiln"), pin(product="p2")])
    anna, ben = found_by_all(pinned, Slot.PINNED)
    assert [product for product, _, _ in anna] == ["p3", "p2"]
    assert [product for product, _, _ in ben] == ["p1", "p2"]


def test_nobodys_candidates_depend_on_the_others(night):
    sales = [*baskets("p1", "p4"), ("s1", "ben", M, "p4", 1, 50), ("s2", "cleo", F, "p2", 2, 3)]
    people = (("anna", F), ("ben", M), ("cleo", F))
    filled = shelves.fill(night(sales=sales, people=people))
    together = look_up(filled, 0, 3)
    for n in range(3):
        alone = look_up(filled, n, n + 1)
        for name in ("product_NC", "score_NC", "reason_NC", "cause_NC"):
            np.testing.assert_array_equal(getattr(together, name)[n], getattr(alone, name)[0])


def slow_similar(night, customer, but=None):
    """Rank by dicts and loops what is like the newest purchases, but for one of them."""
    vectors = of_words(night.products)
    of = dict(zip(vectors.product_ids, vectors.vectors, strict=True))
    products = night.products.to_pylist()
    article = {p["product_id"]: (p["brand"], p["name"]) for p in products}
    last: dict[str, datetime] = {}
    for line in night.sales.to_pylist():
        if line["customer_id"] == customer and line["product_id"] != but:
            p = line["product_id"]
            last[p] = max(last.get(p, line["occurred_at"]), line["occurred_at"])
    newest = sorted(last, key=lambda p: (-last[p].timestamp(), p))[:12]
    rested = night.as_of - timedelta(days=30)
    sold = sorted({*night.open_offers["product_id"].to_pylist()})
    wishes = []
    for recency, cause in enumerate(newest):
        likes = [(round(float(of[cause] @ of[p]), 6), p) for p in sold if p != cause]
        likes = sorted((like for like in likes if like[0] > 0), key=lambda x: (-x[0], x[1]))[:15]
        likes = [(s, p) for s, p in likes if article[p] != article[cause]]
        wishes += [(-s, recency, n, p, cause) for n, (s, p) in enumerate(likes)]
    kept: list[tuple[str, str]] = []
    for _, _, _, p, cause in sorted(wishes):
        is_full = sum(article[k][0] == article[p][0] for k, _ in kept) >= BRAND_LIMIT + 1
        is_resting = any(last[k] >= rested for k in last if article[k] == article[p])
        if p not in {k for k, _ in kept} and not is_full and not is_resting:
            kept.append((p, cause))
    return kept[: WIDTHS[Slot.SIMILAR]]


def is_like_another(night, customer, product, but):
    """Tell whether a product is like something that a customer bought beside one purchase."""
    vectors = of_words(night.products)
    of = dict(zip(vectors.product_ids, vectors.vectors, strict=True))
    bought = {s["product_id"] for s in night.sales.to_pylist() if s["customer_id"] == customer}
    return any(of[other] @ of[product] > 0 for other in bought - {but, product})


@pytest.mark.parametrize("number", range(6))
def test_similar_products_agree_with_a_slow_loop(rows, as_of, number):
    seed = Random(number)
    words = ("red", "blue", "mug", "lamp", "wool", "tall")
    products = rows(
        "products",
        *(
            (f"p{n:02}", " ".join(seed.sample(words, 3)), f"b{seed.randint(0, 3)}", "home", "x")
            for n in range(20)
        ),
    )
    people = [f"c{n}" for n in range(4)]
    customers = rows("customers", *((c, "FR", "fr", "Europe/Paris", F, "new") for c in people))
    sold = seed.sample(range(20), seed.randint(1, 15))
    campaigns = rows("campaigns", ("k", "b", "s", "x", "FR", SEND - timedelta(days=1), None))
    supply = rows("supply", *(("k", f"p{n:02}", 9.0, None) for n in sold))
    lines = [
        (f"o{n}", seed.choice(people), F, f"p{seed.randint(0, 19):02}", 1, seed.randint(1, 60))
        for n in range(30)
    ]
    sales = rows("sales", *((*line[:5], as_of - timedelta(days=line[5])) for line in lines))
    night = made(as_of, customers, campaigns, supply, products, sales)
    for customer, shown in zip(people, found_by_all(night, Slot.SIMILAR), strict=True):
        slow = slow_similar(night, customer)
        # Whoever finds the same products over and over looks at fewer of them.
        assert [product for product, _, _ in shown] == [p for p, _ in slow[: len(shown)]]
        for place, (product, reason, cause) in enumerate(shown):
            if reason == Reason.SIMILAR_TO_BOUGHT:
                assert cause == slow[place][1]
                without = [p for p, _ in slow_similar(night, customer, but=cause)]
                assert product not in without[: place + 1]
            else:
                assert is_like_another(night, customer, product, but=slow[place][1])
        assert len(shown) >= min(len(slow), WIDTHS[Slot.SIMILAR] // 2)
