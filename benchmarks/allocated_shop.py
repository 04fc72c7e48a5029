"""A simulated shop's night with its true demand: who could be shown what, and what is left.

Nothing is written: the shop is simulated in memory. Shape legend: N customers, C candidates of
each, O offers of all markets, M customers and L offers of one market.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from email_lists.slates import calibration
from email_lists.slates.allocation import rooms, worth
from email_lists.slates.places import Candidates, Offers, Places
from email_lists.slates.shelves import BRAND_LIMIT
from email_lists.slates.strategies import DRAWN, FALLBACK, FIRST, QUOTAS, SECOND
from vitrine.simulator import taste
from vitrine.simulator.campaigns import Campaign
from vitrine.simulator.population import Population
from vitrine.simulator.shop import Shop
from vitrine.simulator.simulation import Simulation
from vitrine.simulator.taste import Offer
from vitrine.simulator.visits import COLOUR_WEIGHT
from vitrine.simulator.vocabulary import COLOURS

PLACES = Places(QUOTAS, FALLBACK, BRAND_LIMIT, DRAWN)
"""Those of lists: what was drawn of other sectors first, then of the sector liked best and of the
next two, whichever is worth most; else the popular."""
WIDTHS = (10, 20, 20, 10)
"""Candidates of each kind; of the drawn ones each customer keeps one."""
GUESSWORK = 0.7
"""Standard deviation of what a middling ranker errs by, in utility."""
NEVER = 2**60
"""An instant that no row is received after: the shop's own records are not kept."""


@dataclass(frozen=True)
class Night:
    """What can be shown, what the shop believes of it, and what is true."""

    candidates: Candidates
    """With the chances that the shop believes in."""
    true_NC: np.ndarray
    """float64: the true chance that whoever is shown the candidate first orders it."""
    worth_O: np.ndarray
    stock_O: np.ndarray
    brand_O: np.ndarray
    product_O: np.ndarray

    def offers(self, factor: float = 1.0) -> Offers:
        """Return the offers with room for stock × factor."""
        room_O = rooms(self.stock_O, factor)
        return Offers(self.worth_O, room_O, self.brand_O, self.product_O)

    def sold(self, chosen_NK: np.ndarray, draws: int) -> float:
        """Return what is sold of what is shown, in worth, while stock lasts: a mean of draws.

        Who wants a candidate wants it whoever else is shown it: two ways are compared by the same
        luck.
        """
        offer, wanted = self._shown(chosen_NK, self.candidates.offer_NC), 0.0
        true = self._shown(chosen_NK, self.true_NC)
        generator = np.random.default_rng(11)
        for _ in range(draws):
            luck = self._shown(chosen_NK, generator.random(self.true_NC.shape))
            asked_O = np.bincount(offer[luck < true], minlength=self.stock_O.size)
            wanted += float((np.minimum(asked_O, self.stock_O) * self.worth_O).sum())
        return wanted / draws

    def expected_O(self, chosen_NK: np.ndarray, chance_NC: np.ndarray) -> np.ndarray:
        """Return the units of each offer that are expected by some chances: float64 [O]."""
        offer = self._shown(chosen_NK, self.candidates.offer_NC)
        chance = self._shown(chosen_NK, chance_NC).astype(np.float64)
        return np.bincount(offer, chance, self.stock_O.size)

    @staticmethod
    def _shown(chosen_NK: np.ndarray, value_NC: np.ndarray) -> np.ndarray:
        row, place = np.nonzero(chosen_NK >= 0)
        return np.asarray(value_NC[row, chosen_NK[row, place]])


@dataclass(frozen=True)
class _Market:
    """One market at noon."""

    offer: Offer
    customer_M: np.ndarray
    utility_MJ: np.ndarray
    left: list[np.ndarray]


def night(shop: Shop, days: int, is_known: bool) -> Night:
    """Play a shop for some days, and look at the noon of the last one.

    `is_known` says whether the shop believes what is true; else its ranker guesses, and has learnt
    from the same candidates' purchases of another day what its guesses mean.
    """
    simulation = Simulation(shop, since=NEVER)
    for _ in range(days - 1):
        simulation.advance()
    markets: list[_Market] = []

    def observe(_: object, __: int, offer: Offer, who: np.ndarray, bought_MJ: np.ndarray) -> None:
        utility_MJ = taste.utility(simulation.people, who, offer, bought_MJ)
        left = [campaign.left_P.copy() for campaign in offer.campaigns]
        markets.append(_Market(offer, who, utility_MJ, left))

    simulation.observe_with(observe)
    simulation.advance()
    draws = np.random.default_rng([shop.seed, days])
    return _learnt(*_together(simulation.people, markets, draws, is_known), draws, is_known)


def _together(
    people: Population, markets: list[_Market], draws: np.random.Generator, is_known: bool
) -> tuple[Night, np.ndarray]:
    """Put the markets below each other; return the night, and the ranker's guesses [N, C]."""
    of_markets = [_of_market(people, market, draws, is_known) for market in markets]
    first = np.cumsum([0, *(sum(map(len, market.left)) for market in markets)])
    offer_NC = np.concatenate([o + f for (o, *_), f in zip(of_markets, first, strict=False)])
    is_there_NC, slot_NC, guess_NC, true_NC = (
        np.concatenate([found[n] for found in of_markets]) for n in range(1, 5)
    )
    campaigns = [campaign for market in markets for campaign in market.offer.campaigns]
    numbers: dict[str, int] = {}
    sold = [
        (c, price, p) for c in campaigns for p, price in zip(c.products, c.price_P, strict=True)
    ]
    price_O = np.array([price for _, price, _ in sold])
    return Night(
        Candidates(
            np.where(is_there_NC, offer_NC, -1).astype(np.int32),
            slot_NC,
            guess_NC.astype(np.float32),
        ),
        np.where(is_there_NC, true_NC, 0),
        worth(price_O, np.array([product.unit_cost for *_, product in sold])),
        np.concatenate([left for market in markets for left in market.left]).astype(np.float64),
        np.array([campaign.brand for campaign, *_ in sold], np.int32),
        np.array([numbers.setdefault(p.id, len(numbers)) for *_, p in sold], np.int32),
    ), guess_NC


def _of_market(
    people: Population, market: _Market, draws: np.random.Generator, is_known: bool
) -> tuple[np.ndarray, ...]:
    """Return offer, whether there is one, kind, guess and truth of the candidates: each [M, C]."""
    campaign_L = np.repeat(np.arange(len(market.left)), [len(left) for left in market.left])
    colour_L = np.array(
        [_colour(c, p) for c in market.offer.campaigns for p in range(len(c.left_P))]
    )
    liking_ML = COLOUR_WEIGHT * people.colour_taste_NC[market.customer_M][:, colour_L]

    def chance(utility_MJ: np.ndarray) -> np.ndarray:
        clicked_MJ = taste.click_chance(utility_MJ, 1) * taste.CHECKOUT * taste.PAYMENT
        carted_ML = taste.cart_chance(utility_MJ[:, campaign_L] + liking_ML)
        return np.asarray(clicked_MJ[:, campaign_L] * carted_ML)

    noise_MJ = 0 if is_known else GUESSWORK * draws.normal(size=market.utility_MJ.shape)
    true_ML, guess_ML = chance(market.utility_MJ), chance(market.utility_MJ + noise_MJ)
    is_left_ML = np.broadcast_to(np.concatenate(market.left) > 0, true_ML.shape)
    kind_ML = _kinds(people, market, campaign_L)
    found = [
        _best(np.where(is_left_ML & (kind_ML == kind), guess_ML, 0), width)
        for kind, width in enumerate(WIDTHS[:-1])
    ]
    popular_M = np.where(is_left_ML[0], guess_ML.mean(axis=0), 0)
    found.append(_best(np.broadcast_to(popular_M, true_ML.shape), WIDTHS[-1]))
    found[DRAWN] = found[DRAWN][0], _one_drawn(found[DRAWN][1], draws)
    offer_MC, is_there_MC = (np.hstack(parts) for parts in zip(*found, strict=True))
    slot_MC = np.broadcast_to(np.repeat(np.arange(4, dtype=np.int8), WIDTHS), offer_MC.shape)
    guess_MC, true_MC = (np.take_along_axis(x, offer_MC, axis=1) for x in (guess_ML, true_ML))
    return offer_MC, is_there_MC, slot_MC, guess_MC, true_MC


def _colour(campaign: Campaign, place: int) -> int:
    return list(COLOURS).index(campaign.products[place].colour)


def _kinds(people: Population, market: _Market, campaign_L: np.ndarray) -> np.ndarray:
    """Tell which kind of place each offer is for: int64 [M, L]."""
    order_MS = np.argsort(-people.sector_taste_NS[market.customer_M], axis=1, kind="stable")
    rank_MS = np.argsort(order_MS, axis=1, kind="stable")
    rank_ML = rank_MS[:, market.offer.sector_J[campaign_L]]
    return np.asarray(np.select([rank_ML == 0, rank_ML <= 2], [FIRST, SECOND], DRAWN))


def _one_drawn(is_there_MC: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Leave one candidate of each customer, drawn evenly: bool [M, C]."""
    lot_MC = np.where(is_there_MC, draws.random(is_there_MC.shape), -1)
    is_drawn_MC = np.arange(lot_MC.shape[1]) == lot_MC.argmax(axis=1)[:, None]
    return is_drawn_MC & is_there_MC


def _best(chance_ML: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the best columns, and whether they are above 0: both [M, width]."""
    order_MC = np.argsort(-chance_ML, axis=1, kind="stable")[:, :width]
    return order_MC, np.take_along_axis(chance_ML, order_MC, axis=1) > 0


def _learnt(made: Night, guess_NC: np.ndarray, draws: np.random.Generator, is_known: bool) -> Night:
    """Let the shop learn what its guesses mean, from who bought which candidates of another day."""
    if is_known:
        return made
    candidates = made.candidates
    is_there_NC = candidates.offer_NC >= 0
    is_bought_NC = draws.random(made.true_NC.shape) < made.true_NC
    nothing_NC = np.zeros(guess_NC.shape, np.float32)
    columns = (candidates.slot_NC, guess_NC.astype(np.float32), nothing_NC, nothing_NC)
    slot_R, score_R, popularity_R, activity_R = (column[is_there_NC] for column in columns)
    fitted = calibration.fit(slot_R, score_R, popularity_R, activity_R, is_bought_NC[is_there_NC])
    believed = replace(candidates, probability_NC=fitted.apply(*columns))
    return replace(made, candidates=believed)


def greedily(of: Night, offers: Offers, key: Callable[[Candidates], np.ndarray]) -> np.ndarray:
    """Give the highest key of all customers and candidates its place first, while there is room.

    What was drawn goes before own kinds, and these before the fallback's, as in lists. Returns
    int16 [N, K], as `places.choose`.
    """
    candidates = of.candidates
    left_O, chosen_NK = (
        offers.room_O.copy(),
        np.full((candidates.count, PLACES.count), -1, np.int16),
    )
    shown: list[list[int]] = [[] for _ in range(candidates.count)]
    for row, column, kinds in _by_key(candidates, key(candidates)):
        offer = candidates.offer_NC[row, column]
        chance = float(candidates.probability_NC[row, column])
        places = [k for k, s in enumerate(kinds) if s == candidates.slot_NC[row, column]]
        free = [k for k in places if chosen_NK[row, k] < 0]
        if free and chance <= left_O[offer] and _is_allowed(offers, shown[row], offer):
            chosen_NK[row, free[0]] = column
            shown[row].append(int(offer))
            left_O[offer] -= chance
    return chosen_NK


def _by_key(
    candidates: Candidates, key_NC: np.ndarray
) -> Iterator[tuple[int, int, list[int | None]]]:
    own: list[int | None] = [int(kind) for kind in PLACES.kind_K]
    drawn = [kind if kind == PLACES.drawn else None for kind in own]
    is_there_NC = candidates.offer_NC >= 0
    for kinds in (drawn, own, [PLACES.fallback] * PLACES.count):
        of_kinds_NC = is_there_NC & np.isin(candidates.slot_NC, [k for k in kinds if k is not None])
        row, column = np.nonzero(of_kinds_NC)
        for n in np.argsort(-key_NC[row, column], kind="stable"):
            yield int(row[n]), int(column[n]), kinds


def _is_allowed(offers: Offers, shown: list[int], offer: int) -> bool:
    brands = [offers.brand_O[other] for other in shown]
    products = [offers.product_O[other] for other in shown]
    limit = PLACES.brand_limit or PLACES.count
    return brands.count(offers.brand_O[offer]) < limit and offers.product_O[offer] not in products
