"""How candidates become slates; how scarce stock is given away is `test_allocation`'s matter."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from email_lists.audience.arms import draws
from email_lists.composition import compose, night
from email_lists.slates import shelves, slate
from email_lists.slates.calibration import UNFITTED
from email_lists.slates.candidates import Slot, look_up
from email_lists.slates.shelves import BRAND_LIMIT
from email_lists.slates.similarity import of_words
from email_lists.slates.strategies import QUOTAS, STRATEGIES, Strategies
from vitrine.contracts import INSTANT
from vitrine.interval import parse_instant
from vitrine.list_policy import STRATEGIES as NAMED
from vitrine.list_policy import Exploration, ListPolicy

SEND = parse_instant("2026-03-02T06:30:00Z")


@pytest.fixture(scope="module")
def filled(boutique):
    """Return the boutique's shelves, with everybody on them."""
    sent = pa.array([SEND] * boutique.customers.num_rows, INSTANT)
    customers = boutique.customers.append_column("send_at", sent)
    return shelves.fill(night(boutique, boutique.customers, customers, boutique.supply))


def rules(strategy, draw=0.5, temperature=0.1, **allocation):
    policy = ListPolicy(exploration=Exploration(temperature=temperature))
    if allocation:
        policy = policy.model_copy(
            update={"allocation": policy.allocation.model_copy(update=allocation)}
        )
    return slate.Rules(
        policy=policy,
        strategies=Strategies.of([strategy] * 9),
        calibration=UNFITTED,
        activity_N=np.ones(9, np.float32),
        draw_N=np.full(9, draw),
        seed=7,
    )


def test_every_strategy_of_the_policy_is_known():
    assert set(STRATEGIES) == set(NAMED)
    assert sum(QUOTAS) == slate.PRODUCTS_SHOWN == 7


@pytest.mark.parametrize("strategy", NAMED)
def test_slates_come_in_the_order_of_the_page_without_a_product_twice(filled, strategy):
    slates = slate.choose(filled, rules(strategy))
    for chance_K, product_K in zip(slates.probability_NK, slates.product_NK, strict=True):
        assert (np.diff(chance_K) <= 0).all(), "the likeliest come first"
        assert len({*product_K.tolist()}) == slate.PRODUCTS_SHOWN
    brand_NK = filled.assortment.brand.code_P[slates.product_NK]
    assert max(np.bincount(row).max() for row in brand_NK) <= BRAND_LIMIT


@pytest.mark.parametrize("factor", [1e-9, 1, 1e9])
def test_pins_come_in_their_order_and_before_what_gains_most(filled, factor):
    """In whatever currency; the second pin is the dearest of all."""
    pinned_GQF = np.array([[[12], [3]]] * len(filled.groups.market_G), np.int32)
    offers = filled.assortment.offers
    factor_O = np.where(filled.assortment.product_O == 3, 100 * factor, factor)
    prices = pa.array(offers["price"].to_numpy() * factor_O)
    priced = offers.set_column(offers.column_names.index("price"), "price", prices)
    assortment = replace(filled.assortment, offers=priced)
    pinned = replace(filled, pinned_GQF=pinned_GQF, assortment=assortment)
    slates = slate.choose(pinned, rules("selection"))
    assert (slates.product_NK[:, :2] == [12, 3]).all()
    assert (slates.slot_NK[:, :2] == Slot.PINNED).all()


@pytest.mark.parametrize("draw", [0.01, 0.2, 0.4, 0.6, 0.8, 0.99])
def test_no_draw_takes_a_pins_place_by_its_brand(filled, draw):
    pinned_GQF = np.array([[[12], [3]]] * len(filled.groups.market_G), np.int32)
    crowded = replace(filled, pinned_GQF=pinned_GQF, brand_limit=1)
    slates = slate.choose(crowded, rules("selection", draw, temperature=9))
    assert (slates.product_NK[:, :2] == [12, 3]).all()
    assert (slates.slot_NK[:, :2] == Slot.PINNED).all()
    assert (slates.slot_NK == Slot.NEW).any()


def test_before_a_week_tells_chances_fall_with_the_place_and_keep_their_mean(filled):
    found = look_up(filled, 0, 9)
    chance_NC, _ = slate.priced(found, filled, rules("selection"), slice(0, 9))
    for slot in set(found.slot_C.tolist()):
        of_slot = chance_NC[0, found.slot_C == slot]
        assert (np.diff(of_slot) < 0).all()
        assert of_slot.mean() == pytest.approx(1 / 500, rel=1e-3)


def beside_a_pin_of_p04s_brand(filled):
    """Return the first letter's slots where p04, which went with p01, may not be drawn."""
    brand_P = filled.assortment.brand.code_P
    [pin] = np.flatnonzero(brand_P == brand_P[3])[-1:]
    pinned_GQF = np.full((len(filled.groups.market_G), 1, 1), pin, np.int32)
    pinned = replace(filled, pinned_GQF=pinned_GQF, brand_limit=3)
    return slate.choose(pinned, rules("selection")).slot_NK[0].tolist()


def test_strategies_fill_their_places_from_their_own_sources(filled):
    anna = {name: slate.choose(filled, rules(name)).slot_NK[0].tolist() for name in NAMED}
    assert {*anna["popular"]} == {Slot.POPULAR}
    assert anna["selection"].count(Slot.SIMILAR) == 3
    assert anna["selection"].count(Slot.NEW) == 1, "p04: what is drawn comes before all else"
    assert beside_a_pin_of_p04s_brand(filled).count(Slot.TOGETHER) == 1
    assert Slot.LOVED in anna["win_back"], "with four brands, two of each, places are few"
    assert Slot.TOGETHER not in anna["win_back"]
    assert anna["early_access"] == anna["selection"]


@pytest.fixture
def ample(boutique, rows):
    """Return the shelves of one customer, who finds six products or more of each kind."""
    names = {"mug": "red mug", **{f"like {n}": f"red mug {n}" for n in range(6)}}
    names |= {f"beside {n}": f"partner{n}" for n in range(6)}
    names |= {f"other {n}": f"thing{n}" for n in range(6)}
    as_of, cluster = boutique.as_of, "female:25-34:FR"
    # Without baskets that lack the mug it would meet everything by chance.
    baskets = [("mug", f"beside {n}") for n in range(6) for _ in range(3)] + [("other 0",)] * 9
    lines: list[tuple[object, ...]] = [
        ("o1", "anna", cluster, "mug", 1, as_of - timedelta(days=40))
    ]
    lines += [
        (f"basket {n}", None, cluster, product, 1, as_of - timedelta(days=9))
        for n, basket in enumerate(baskets)
        for product in basket
    ]
    products = rows("products", *((p, name, p, "home", "x") for p, name in names.items()))
    shop = replace(
        boutique,
        products=products,
        supply=rows("supply", *(("k1", p, 9.0, 50) for p in names if p != "mug")),
        sales=rows("sales", *lines),
        vectors=of_words(products),
    )
    anna = boutique.customers.slice(0, 1).append_column("send_at", pa.array([SEND], INSTANT))
    return shelves.fill(night(shop, boutique.customers, anna, shop.supply))


def test_where_there_is_enough_it_is_three_similar_three_together_and_one_new(ample):
    one = rules("selection")
    one = replace(
        one,
        strategies=Strategies.of(["selection"]),
        activity_N=one.activity_N[:1],
        draw_N=one.draw_N[:1],
    )
    [slot_K] = slate.choose(ample, one).slot_NK
    assert Counter(slot_K.tolist()) == {Slot.SIMILAR: 3, Slot.TOGETHER: 3, Slot.NEW: 1}


def test_worth_counts_as_much_as_the_rules_say(filled):
    price_O = filled.assortment.offers["price"].to_numpy()

    def mean_price(**allocation):
        slates = slate.choose(filled, rules("selection", **allocation))
        return price_O[slates.offer_NK].mean()

    indifferent, usual, keen = (mean_price(worth_weight=w) for w in (0.0, 0.5, 1.0))
    assert indifferent < usual <= keen
    premium = slate.choose(filled, rules("premium", worth_weight=0.0))
    assert price_O[premium.offer_NK].mean() == keen


def test_without_temperature_the_best_is_shown_with_certainty(filled):
    cold = slate.choose(filled, rules("selection", temperature=0.0))
    is_new_NK = cold.slot_NK == Slot.NEW
    assert is_new_NK.any()
    assert (cold.propensity_NK[is_new_NK] == 1).all()


def test_propensities_are_how_often_a_draw_shows_a_product(filled):
    """Draws spread evenly over [0, 1) show each product as often as its propensity says."""
    times = 50
    shown: dict[int, int] = {}
    said: dict[int, float] = {}
    for t in range(times):
        slates = slate.choose(filled, rules("selection", draw=(t + 0.5) / times, temperature=0.5))
        # What is drawn and already shown for another reason leaves its place to a popular product.
        for place in np.flatnonzero(slates.slot_NK[0] == Slot.NEW):
            product = int(slates.product_NK[0, place])
            shown[product] = shown.get(product, 0) + 1
            said[product] = float(slates.propensity_NK[0, place])
    assert len(shown) > 2
    for product, count in shown.items():
        assert count / times == pytest.approx(said[product], abs=1 / times)


def test_a_draw_is_a_customers_own_and_the_nights(boutique, to_all):
    ids = boutique.customers["customer_id"].to_pylist()
    tonight, tomorrow = (draws(f"exploration:daily:2026-03-0{n}", ids) for n in (2, 3))
    assert (tonight != tomorrow).all()
    again = compose(replace(boutique), to_all, "daily")
    assert again.people.equals(compose(boutique, to_all, "daily").people)


def test_of_variants_that_look_alike_one_is_shown(boutique, to_all):
    alike = [["plain mug"] * boutique.products.num_rows]
    products = boutique.products.set_column(1, "name", alike)
    composed = compose(replace(boutique, products=products), to_all, "daily")
    shown = composed.products.to_pylist()
    seen = [(row["customer_id"], row["brand"], row["name"]) for row in shown]
    assert seen
    assert len({*seen}) == len(seen)


def test_a_shop_with_a_single_brand_has_no_limit(boutique, to_all):
    named = boutique.products.set_column(1, "name", boutique.products["product_id"])
    one = named.set_column(2, "brand", [["own"] * named.num_rows])
    people = compose(replace(boutique, products=one), to_all, "daily").people.to_pylist()
    assert {len(p["products"]) for p in people} == {slate.PRODUCTS_SHOWN}
