"""A simulated shop's night of ranked campaigns with its true demand, and ways to keep to stock.

Beside `benchmarks.allocated_shop`, which is of products. A letter shows ten campaigns; whoever
reads down to one and clicks may order any product of it while the campaign has pieces left. Shape
legend: N customers, T ranked campaigns of each, K campaigns of all markets, M and J those of one.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.allocated_shop import GUESSWORK, NEVER
from email_lists.slates import calibration
from email_lists.slates.allocation import worth
from email_lists.slates.assortment import NOWHERE
from email_lists.slates.campaign_places import CONSIDERED, SHOWN, Stock, limited
from email_lists.slates.campaigns import CampaignReason, Ranked
from email_lists.slates.slate import Slates
from vitrine.simulator import taste
from vitrine.simulator.campaigns import Campaign
from vitrine.simulator.shop import Shop
from vitrine.simulator.simulation import Simulation
from vitrine.simulator.taste import Offer
from vitrine.simulator.visits import MEAN_LOOKS

SEEN_T = 1 / (1 + taste.POSITION_DECAY * np.arange(SHOWN))
"""How many read down to a place."""


@dataclass(frozen=True)
class RankedNight:
    """What is ranked for whom, what the shop believes of it, and what is true."""

    campaign_NT: np.ndarray
    """int32: the likeliest first by what the shop believes, -1 where there are fewer."""
    chance_NT: np.ndarray
    """float32: the chance of an order that the shop believes in, whatever the place."""
    true_NT: np.ndarray
    """float64: the true one of whoever sees it first."""
    left_K: np.ndarray
    worth_K: np.ndarray
    """float64: the mean margin of a piece."""

    def limited(self, factor: float) -> np.ndarray:
        """Show what lists show: columns, int64 [N, T], -1 for an empty place."""
        count, width = self.campaign_NT.shape
        reason_NT = np.full((count, width), CampaignReason.RANKED_FOR_YOU, np.int8)
        # The column stands in for the score, so that it is known what was kept.
        column_NT = np.broadcast_to(np.arange(width), (count, width))
        ranked = Ranked(self.campaign_NT, column_NT.astype(float), reason_NT)
        own_K = np.arange(self.left_K.size, dtype=np.int32)
        stock = Stock(self.left_K, np.zeros(self.left_K.size), factor, own_K)
        kept = limited(ranked, self.chance_NT, Slates.nothing(count), stock, seed=7).ranked
        return np.where(kept.campaign_NT == NOWHERE, NOWHERE, kept.score_NT).astype(np.int64)

    def greedily(self, factor: float) -> np.ndarray:
        """Give the highest chance of all its place first, while there is room; as `limited`."""
        room_K, shown_N = self.left_K * factor, np.zeros(len(self.campaign_NT), np.int64)
        is_shown_NT = np.zeros(self.campaign_NT.shape, bool)
        row, column = np.nonzero(self.campaign_NT != NOWHERE)
        for n in np.argsort(-self.chance_NT[row, column], kind="stable"):
            place = row[n], column[n]
            campaign, chance = self.campaign_NT[place], float(self.chance_NT[place])
            if shown_N[place[0]] < SHOWN and chance <= room_K[campaign]:
                is_shown_NT[place] = True
                shown_N[place[0]] += 1
                room_K[campaign] -= chance
        first_NT = np.argsort(~is_shown_NT, axis=1, kind="stable")[:, :SHOWN]
        return np.where(np.take_along_axis(is_shown_NT, first_NT, axis=1), first_NT, NOWHERE)

    def as_ranked(self, factor: float) -> np.ndarray:
        """Show the first whatever the stock; as `limited`."""
        first_NT = np.broadcast_to(np.arange(SHOWN), (len(self.campaign_NT), SHOWN))
        return np.where(self.campaign_NT[:, :SHOWN] == NOWHERE, NOWHERE, first_NT)

    def sold(self, chosen_NT: np.ndarray, draws: int) -> tuple[float, float]:
        """Return worth and pieces sold while stock lasts, means of draws.

        Who wants a campaign wants it in whatever way it came into the letter: two ways are compared
        by the same luck.
        """
        row, place = np.nonzero(chosen_NT != NOWHERE)
        column = chosen_NT[row, place]
        campaign, true = self.campaign_NT[row, column], self.true_NT[row, column] * SEEN_T[place]
        generator, sold_K = np.random.default_rng(11), np.zeros(self.left_K.size)
        for _ in range(draws):
            luck = generator.random(self.true_NT.shape)[row, column]
            asked_K = np.bincount(campaign[luck < true], minlength=self.left_K.size)
            sold_K += np.minimum(asked_K, self.left_K) / draws
        return float(sold_K @ self.worth_K), float(sold_K.sum())

    def expected_K(self, chosen_NT: np.ndarray) -> np.ndarray:
        """Return the orders that the shop expects of each campaign: float64 [K]."""
        row, place = np.nonzero(chosen_NT != NOWHERE)
        column = chosen_NT[row, place]
        chance = self.chance_NT[row, column].astype(np.float64)
        return np.bincount(self.campaign_NT[row, column], chance, self.left_K.size)


def ranked_night(shop: Shop, days: int, is_known: bool) -> RankedNight:
    """Play a shop for some days, and look at the noon of the last one; as `allocated_shop.night`.

    What the shop believes is true but for the place, else it guesses, and has learnt from another
    day's orders what its guesses mean.
    """
    simulation = Simulation(shop, since=NEVER)
    for _ in range(days - 1):
        simulation.advance()
    markets: list[tuple[list[float], list[Campaign], np.ndarray]] = []

    def observe(_: object, __: int, offer: Offer, who: np.ndarray, bought_MJ: np.ndarray) -> None:
        left = [float(campaign.left_P.sum()) for campaign in offer.campaigns]
        utility_MJ = taste.utility(simulation.people, who, offer, bought_MJ)
        markets.append((left, offer.campaigns, utility_MJ))

    simulation.observe_with(observe)
    simulation.advance()
    draws = np.random.default_rng([shop.seed, days])
    noise = 0.0 if is_known else GUESSWORK
    first = np.cumsum([0, *(len(left) for left, *_ in markets)])
    parts = [
        _of_market(utility_MJ, np.array(left), draws, noise) for left, _, utility_MJ in markets
    ]
    campaign_NT = np.concatenate(
        [np.where(c == NOWHERE, c, c + f) for (c, *_), f in zip(parts, first, strict=False)]
    )
    guess_NT, true_NT = (np.concatenate([part[n] for part in parts]) for n in (1, 2))
    seen = float(SEEN_T.mean())
    return RankedNight(
        campaign_NT.astype(np.int32),
        (seen * true_NT).astype(np.float32)
        if is_known
        else _learnt(campaign_NT, guess_NT, seen * true_NT, draws),
        true_NT,
        np.concatenate([left for left, *_ in markets]),
        np.array([_worth(campaign) for _, campaigns, _ in markets for campaign in campaigns]),
    )


def _of_market(
    utility_MJ: np.ndarray, left_J: np.ndarray, draws: np.random.Generator, noise: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rank what is left by a guess: campaigns, guesses and true chances, each [M, T]."""
    guess_MJ = utility_MJ + noise * draws.normal(size=utility_MJ.shape)
    guess_MJ = np.where(left_J > 0, guess_MJ, -np.inf)
    padding = ((0, 0), (0, max(CONSIDERED - left_J.size, 0)))
    guess_MJ = np.pad(guess_MJ, padding, constant_values=-np.inf)
    order_MT = np.argsort(-guess_MJ, axis=1, kind="stable")[:, :CONSIDERED]
    guess_MT = np.take_along_axis(guess_MJ, order_MT, axis=1)
    is_there_MT = np.isfinite(guess_MT)
    utility_MT = np.take_along_axis(np.pad(utility_MJ, padding), order_MT, axis=1)
    true_MT = taste.purchase_chance(utility_MT, MEAN_LOOKS)
    return np.where(is_there_MT, order_MT, NOWHERE), guess_MT, np.where(is_there_MT, true_MT, 0)


def _learnt(
    campaign_NT: np.ndarray, guess_NT: np.ndarray, true_NT: np.ndarray, draws: np.random.Generator
) -> np.ndarray:
    """Learn what guesses mean from who ordered in which ranked campaigns of another day."""
    is_there_NT = campaign_NT != NOWHERE
    is_bought_NT = draws.random(true_NT.shape) < true_NT
    nothing_NT, none_NT = np.zeros(true_NT.shape, np.int8), np.zeros(true_NT.shape, np.float32)
    guess_NT = np.where(is_there_NT, guess_NT, 0).astype(np.float32)
    columns = (nothing_NT, guess_NT, none_NT, none_NT)
    source_R, score_R, popularity_R, activity_R = (column[is_there_NT] for column in columns)
    bought_R = is_bought_NT[is_there_NT]
    return calibration.fit(source_R, score_R, popularity_R, activity_R, bought_R).apply(*columns)


def _worth(campaign: Campaign) -> float:
    """Return the mean margin of what is left of a campaign."""
    costs = np.array([product.unit_cost for product in campaign.products])
    left_P = np.maximum(campaign.left_P, 1e-9)
    return float(np.average(worth(np.array(campaign.price_P, float), costs), weights=left_P))
