from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from email_lists.audience.eligibility import decisions
from email_lists.composition import compose, eligible, prepare
from email_lists.slates.calibration import UNFITTED, Calibration
from email_lists.slates.campaign_places import SHOWN, Chances, Stock, Tie, limited
from email_lists.slates.campaigns import CampaignReason, Ranked
from email_lists.slates.slate import Slates

UNKNOWN = np.nan


def ranked(campaigns: list[list[int]], pinned: int = 0) -> Ranked:
    """Lay out some customers' campaigns, the first of all of them pinned."""
    campaign_NT = np.array(campaigns, np.int32)
    reason_NT = np.full(campaign_NT.shape, CampaignReason.RANKED_FOR_YOU, np.int8)
    reason_NT[:, :pinned] = CampaignReason.PINNED
    return Ranked(campaign_NT, -np.arange(campaign_NT.size).reshape(campaign_NT.shape), reason_NT)


def stock(left_K: list[float], promised_K: float = 0.0, factor: float = 1.0) -> Stock:
    """Offer o is of campaign o."""
    own_O = np.arange(len(left_K), dtype=np.int32)
    return Stock(np.array(left_K, float), np.full(len(left_K), promised_K), factor, own_O)


def showing(offers: list[int], chances: list[float]) -> Slates:
    """Show each customer one product."""
    slates = Slates.nothing(len(offers))
    slates.offer_NK[:, 0] = offers
    slates.probability_NK[:, 0] = chances
    return slates


def shown(
    of: Ranked, chances: list[list[float]], left: Stock, slates: Slates | None = None, seed: int = 1
) -> tuple[list[list[int]], np.ndarray]:
    """Return each customer's campaigns, and what is promised of each."""
    chance_NT = np.array(chances, np.float32)
    placed = limited(of, chance_NT, slates or Slates.nothing(len(chance_NT)), left, seed)
    kept = [[int(k) for k in row if k >= 0] for row in placed.ranked.campaign_NT]
    return kept, placed.expected_K


def many(seed: int, customers: int = 60, width: int = 2 * SHOWN, count: int = 24) -> Ranked:
    draws = np.random.default_rng(seed)
    order = np.argsort(draws.random((customers, count)) + 0.03 * np.arange(count), axis=1)
    return ranked(order[:, :width].tolist())


def test_the_last_piece_goes_to_whoever_has_nothing_as_good():
    """The first customer likes campaign 0 more, but likes the next nearly as well."""
    nine = list(range(2, 11))
    of = ranked([[*nine, 0, 1], [*nine, 0, 1]])
    sure = [0.9] * 9
    left = stock([0.5, *[UNKNOWN] * 10])
    kept, expected_K = shown(of, [[*sure, 0.5, 0.45], [*sure, 0.4, 0.05]], left)
    assert kept == [[*nine, 1], [*nine, 0]]
    assert expected_K[:2] == pytest.approx([0.4, 0.45])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 3), st.booleans())
def test_no_campaign_is_ever_promised_beyond_its_room(seed, most, is_shown):
    draws, of = np.random.default_rng(seed), many(seed)
    chance_NT = (0.3 * draws.random(of.campaign_NT.shape)).astype(np.float32)
    left = stock(np.where(draws.random(24) < 0.2, UNKNOWN, most * draws.random(24)).tolist(), 0.1)
    slates = Slates.nothing(60)
    if is_shown:
        slates = showing(draws.integers(0, 24, 60).tolist(), (0.2 * draws.random(60)).tolist())
    placed = limited(of, chance_NT, slates, left, seed)
    demand_K = np.zeros(24)
    for n, row in enumerate(placed.ranked.campaign_NT):
        assert len({*row.tolist()} - {-1}) == (row >= 0).sum()
        for k in row[row >= 0]:
            promised = slates.probability_NK[n, 0] if slates.offer_NK[n, 0] == k else 0
            chance = chance_NT[n, of.campaign_NT[n] == k][0]
            demand_K[k] += max(float(chance) - float(promised), 0)
    assert (demand_K <= left.room_K).all()
    assert placed.expected_K == pytest.approx(demand_K, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("left", [UNKNOWN, 1e6])
def test_where_there_is_enough_the_ranking_stands(left):
    of = many(5)
    chance_NT = np.random.default_rng(5).random(of.campaign_NT.shape).astype(np.float32)
    found = limited(of, chance_NT, Slates.nothing(60), stock([left] * 24), 1).ranked
    for name, values in vars(of.cut(SHOWN)).items():
        assert (getattr(found, name) == values).all()


def test_the_others_get_their_next_in_the_order_of_the_ranking():
    of = many(5)
    chances = [[0.1] * 2 * SHOWN] * 60
    left = [UNKNOWN] * 24
    left[0] = 1.05
    kept, _ = shown(of, chances, stock(left))
    assert sum(0 in row for row in kept) == 10
    for row, all_of_it in zip(kept, of.campaign_NT.tolist(), strict=True):
        without = [k for k in all_of_it if k != 0 or 0 in row]
        assert row == without[:SHOWN]


def test_among_equals_turns_are_drawn():
    of = ranked([list(range(SHOWN))] * 40)
    left = stock([10.0, *[UNKNOWN] * (SHOWN - 1)])
    winners = [
        [
            n
            for n, row in enumerate(shown(of, [[0.5] * SHOWN] * 40, left, None, seed)[0])
            if 0 in row
        ]
        for seed in (1, 1, 2)
    ]
    assert [len(w) for w in winners] == [19, 19, 19]
    assert winners[0] == winners[1] != winners[2]


def test_a_purchase_is_promised_once():
    """Who is shown a product of the campaign has its chance promised by that already."""
    of = ranked([list(range(SHOWN))] * 2)
    left = stock([0.25, *[UNKNOWN] * (SHOWN - 1)])
    chances = [[0.3, *[0.1] * (SHOWN - 1)]] * 2
    assert [0 in row for row in shown(of, chances, left)[0]] == [False, False]
    kept, expected_K = shown(of, chances, left, showing([0, 1], [0.1, 0.1]))
    assert [0 in row for row in kept] == [True, False]
    assert expected_K[0] == pytest.approx(0.2)


def test_what_is_pinned_comes_first_and_keeps_to_its_room():
    of = ranked([[0, *range(1, SHOWN + 1)]] * 4, pinned=1)
    left = stock([1.0, *[UNKNOWN] * SHOWN])
    kept, expected_K = shown(of, [[0.4, *[0.9] * SHOWN]] * 4, left)
    assert sorted(kept) == [[*range(SHOWN)]] * 2 + [[*range(1, SHOWN + 1)]] * 2
    assert expected_K[0] == pytest.approx(0.8)


def test_room_is_the_products_stock_less_what_is_promised(boutique, to_all):
    made = prepared(boutique, to_all)
    supply = made.supply.set_column(
        3, "stock_left", pa.array([None, *[7] * (made.supply.num_rows - 1)], pa.int64())
    )
    ids = made.night.campaigns["campaign_id"].to_pylist()
    slates = replace(
        Slates.nothing(9), expected_O=np.full(made.shelves.assortment.offers.num_rows, 0.5)
    )
    promised = pa.table(
        {
            "list": ["evening"] * 2,
            "campaign_id": ["k2", "k2"],
            "product_id": ["p02", None],
            "expected_units": [1.0, 2.0],
        }
    )
    found = Stock.of(
        supply, made.night.campaigns, made.shelves.assortment, slates, promised, factor=2.0
    )
    room = dict(zip(ids, found.room_K.tolist(), strict=True))
    products = [row["campaign_id"] for row in supply.to_pylist()]
    assert room["k1"] == np.inf, "of one of its products it is unknown"
    assert room["k2"] == 2 * 7 * products.count("k2") - 0.5 * products.count("k2") - 3
    assert room["k3"] == (2 * 7 - 0.5) * products.count("k3")


def prepared(known, policy):
    rows = decisions(known.who, policy, "daily")
    return prepare(known, eligible(known, rows), policy, "daily")


def chances_of(made, calibration):
    activity_N = made.rules.activity_N
    return Chances.of(made.shelves, calibration, activity_N, made.units_CK, made.night.campaigns)


def test_customers_are_tied_to_campaigns_by_what_they_bought(boutique, to_all):
    """Anna bought p01 and p02 of brands 1 and 2, one for the home and one of fashion."""
    made = prepared(boutique, to_all)
    chances, ids = chances_of(made, UNFITTED), made.night.campaigns["campaign_id"].to_pylist()
    campaign_BT = np.tile(np.arange(len(ids)), (len(made.shelves.market_N), 1))
    tie_BT, count_BT, units_BT, activity_BT = chances.features(0, campaign_BT)
    told = dict(zip(ids, zip(tie_BT[0].tolist(), count_BT[0].tolist(), strict=True), strict=True))
    assert told["k1"] == told["k2"] == (Tie.BRAND, 1)
    assert told["k3"] == told["k4"] == (Tie.SECTOR, 1)
    assert (tie_BT[3:] == Tie.NOTHING).all()
    assert (activity_BT[0] == made.rules.activity_N[0]).all()
    cluster = made.shelves.groups.cluster_G[made.shelves.groups.group_N[0]]
    assert (units_BT[0] == made.units_CK[cluster]).all()
    last = chances.features(2, campaign_BT[2:3])
    assert all(
        (one == all_of_them[2]).all()
        for one, all_of_them in zip(last, (tie_BT, count_BT, units_BT, activity_BT), strict=True)
    )


def test_chances_are_the_calibrations_and_fall_with_the_place_without_one(boutique, to_all):
    made = prepared(boutique, to_all)
    campaign_NT = np.array([[2, 0, 1]] * len(made.shelves.market_N), np.int32)
    learnt = Calibration(
        knots_SQ=np.tile(np.linspace(0, 9, 11), (3, 1)),
        weight_F=np.array([0, 1, 2, 0, 0, 0, 0, 0], float),
        constant=-4,
        row_count=1000,
        bought_count=99,
    )
    tie_BT = chances_of(made, learnt).features(0, campaign_NT)[0]
    found = chances_of(made, learnt).apply(campaign_NT)
    assert found == pytest.approx(1 / (1 + np.exp(4.0 - tie_BT)))
    usual = chances_of(made, UNFITTED).apply(campaign_NT)
    assert usual.mean() == pytest.approx(1 / 500)
    assert usual[0] / usual[0, 0] == pytest.approx([1, 1 / 2, 1 / 3])


def test_a_list_promises_no_campaign_beyond_its_stock(boutique, to_all):
    """One piece of k2's two products is for few; who does not get it is shown the next."""
    supply = boutique.supply.to_pandas()
    supply["stock_left"] = np.where(supply["campaign_id"] == "k2", 1, 10**6)
    known = replace(boutique, supply=pa.Table.from_pandas(supply, boutique.supply.schema))
    usual = compose(boutique, to_all, "daily")
    policy = to_all.model_copy(
        update={"allocation": to_all.allocation.model_copy(update={"stock_factor": 0.01})}
    )
    scarce = compose(known, policy, "daily")

    def counted(composed):
        people = composed.people.to_pylist()
        return sum("k2" in [c["campaign_id"] for c in p["campaigns"]] for p in people)

    assert 0 < counted(scarce) < counted(usual) == 8
    rows = [r for r in scarce.scarcity.to_pylist() if r["campaign_id"] == "k2"]
    count = len(rows) - 1
    [of_places] = [r for r in rows if r["product_id"] is None]
    assert of_places["stock_left"] == count
    assert of_places["expected_units"] > 0
    assert sum(r["expected_units"] for r in rows) <= 0.01 * count
    assert scarce.people.equals(compose(known, policy, "daily").people)
