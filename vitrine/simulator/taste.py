"""How much a customer wants a campaign, and what follows from it: the hidden truth.

Utility is a sum of matches between a customer's hidden tastes and a campaign, about standard
normal, plus loyalty to brands bought before. Click and cart chances are logistic in it.
"""

from dataclasses import dataclass

import numpy as np

from vitrine.simulator.campaigns import Campaign
from vitrine.simulator.catalogue import Brands
from vitrine.simulator.population import Population
from vitrine.simulator.vocabulary import CONSUMABLE_SECTORS, SECTORS

CLICK = (-3.2, 1.75)
CART = (-1.2, 1.1)
POSITION_DECAY = 0.1
CHECKOUT = 0.78
PAYMENT = 0.85
LOYALTY = 0.45
CONSUMABLE_LOYALTY = 0.7
_SPREAD = 1.95
_CENTRE = -0.8


@dataclass(frozen=True)
class Offer:
    """The campaigns of one market that matter on one day; arrays of length J."""

    campaigns: list[Campaign]
    brand_J: np.ndarray
    sector_J: np.ndarray
    audience_J: np.ndarray
    price_level_J: np.ndarray
    character_JL: np.ndarray
    depth_J: np.ndarray
    appeal_J: np.ndarray
    opens_at_J: np.ndarray
    closes_at_J: np.ndarray

    @classmethod
    def of(cls, campaigns: list[Campaign], brands: Brands) -> "Offer":
        """Lay campaigns out as arrays."""
        brand_J = np.array([c.brand for c in campaigns], np.int64)
        return cls(
            campaigns=campaigns,
            brand_J=brand_J,
            sector_J=brands.sector_B[brand_J],
            audience_J=brands.audience_B[brand_J],
            price_level_J=brands.price_level_B[brand_J],
            character_JL=brands.character_BL[brand_J],
            depth_J=np.array([c.depth for c in campaigns]),
            appeal_J=np.array([c.appeal for c in campaigns]),
            opens_at_J=np.array([c.opens_at for c in campaigns], np.int64),
            closes_at_J=np.array([c.closes_at for c in campaigns], np.int64),
        )


def utility(
    people: Population, customer_S: np.ndarray, offer: Offer, bought_SJ: np.ndarray
) -> np.ndarray:
    """Return the utility of each campaign for each customer, float64 of shape (S, J).

    `bought_SJ` counts the orders that the customer placed with the campaign's brand before.
    """
    match_SJ = 1.3 * people.sector_taste_NS[customer_S][:, offer.sector_J].astype(np.float64)
    match_SJ += 0.4 * people.character_taste_NL[customer_S] @ offer.character_JL.T
    match_SJ += people.audience_taste_NA[customer_S][:, offer.audience_J]
    price_S1 = people.price_level_N[customer_S][:, None]
    match_SJ -= 0.35 * (price_S1 - offer.price_level_J) ** 2
    match_SJ += 1.5 * people.bargain_N[customer_S][:, None] * (offer.depth_J - 0.45)
    own_SJ = (match_SJ - _CENTRE) / _SPREAD
    return own_SJ + offer.appeal_J + _loyalty(offer) * np.log1p(bought_SJ)


def _loyalty(offer: Offer) -> np.ndarray:
    consumable = [SECTORS.index(sector) for sector in CONSUMABLE_SECTORS]
    return np.where(np.isin(offer.sector_J, consumable), CONSUMABLE_LOYALTY, LOYALTY)


def click_chance(utility_: np.ndarray, position: np.ndarray | int) -> np.ndarray:
    """Return the chance that an impression at a position, from 1, is clicked."""
    examined = 1 / (1 + POSITION_DECAY * (np.asarray(position) - 1))
    return examined * logistic(CLICK[0] + CLICK[1] * utility_)


def cart_chance(utility_: np.ndarray) -> np.ndarray:
    """Return the chance that a product that was looked at goes into the cart."""
    return logistic(CART[0] + CART[1] * utility_)


def purchase_chance(utility_: np.ndarray, looks: float) -> np.ndarray:
    """Return the chance that an impression in first place ends in an order, stock permitting.

    `looks` is the mean number of products looked at after a click.
    """
    carts = 1 - (1 - cart_chance(utility_)) ** looks
    return click_chance(utility_, 1) * carts * CHECKOUT * PAYMENT


def logistic(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))
