"""A simulated shop whose truth is known: what customers spend, and which campaigns they want.

Nothing is written: the shop is simulated in memory. Shape legend: R decisions (a customer on a
day), A campaigns, N customers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd

from email_lists.judging.off_policy import Judgement, Log, judge
from vitrine.simulator import taste
from vitrine.simulator.shop import Shop
from vitrine.simulator.simulation import Simulation
from vitrine.simulator.taste import Offer
from vitrine.simulator.visits import MEAN_LOOKS

MARKET = 0
FORGETTING = 2**40
"""An instant that no row is received after: what nobody reads is not kept."""


@dataclass(frozen=True)
class Spending:
    """What each customer spent in the weeks of an experiment and in as many before; length N."""

    customers: list[str]
    turnover: np.ndarray
    turnover_before: np.ndarray
    purchases: np.ndarray
    purchases_before: np.ndarray


def spending(shop: Shop, days: int) -> Spending:
    """Simulate two spans of `days` days after a first one, in which the shop comes to life."""
    simulation = Simulation(shop, since=0)
    for _ in range(3 * days + 2):
        simulation.advance()
    ids = simulation.people.ids.to_pylist()
    spans = [shop.founded_on + timedelta(days=span * days) for span in (1, 2, 3)]
    lines = sale_lines(simulation)
    found = []
    for start, end in pairwise(spans):
        of_span = lines[lines["occurred_at"].between(start.isoformat(), end.isoformat(), "left")]
        by_customer = of_span.groupby("customer_id")["eur"].agg(["sum", "size"])
        found.append(by_customer.reindex(ids, fill_value=0).to_numpy(np.float64))
    before_N2, after_N2 = found
    return Spending(ids, after_N2[:, 0], before_N2[:, 0], after_N2[:, 1], before_N2[:, 1])


def sale_lines(simulation: Simulation) -> pd.DataFrame:
    """Read what was delivered; a line that came twice or broken counts once or not at all."""
    rows = simulation.outbox.take("orders", 0, FORGETTING).to_pandas()
    rows = rows[rows["kind"] == "sale"].drop_duplicates(["order_id", "line"])
    quantity = pd.to_numeric(rows["quantity"], errors="coerce")
    price = pd.to_numeric(rows["unit_price"], errors="coerce")
    return rows.assign(eur=quantity * price).dropna(subset=["eur"])


@dataclass(frozen=True)
class Wishes:
    """One market's decisions on some days: whom the shop could show which campaign first.

    Rows are sorted by customer; every customer has as many. An action is the ranker's first
    choice for this customer, its second and so on, not a campaign: those change daily.
    """

    customer_R: np.ndarray
    cell_R: np.ndarray
    """int64: the customer's gender, which the shop knows."""
    score_RA: np.ndarray
    """float64: what a middling ranker thinks; -inf where the campaign is not on sale."""
    demand_RA: np.ndarray
    """float64: the true chance that the campaign, shown first, ends in an order."""

    def chances(self, sharpness: float) -> np.ndarray:
        """Return `chance_RA` of a policy: the softmax of the scores times its sharpness."""
        below_RA = self.score_RA - self.score_RA.max(axis=1, keepdims=True)
        raw_RA = np.where(np.isfinite(below_RA), np.exp(sharpness * np.maximum(below_RA, -99)), 0)
        chance_RA: np.ndarray = raw_RA / raw_RA.sum(axis=1, keepdims=True)
        return chance_RA

    def true_value(self, sharpness: float) -> float:
        """Return the mean chance of an order per decision under a policy."""
        return float((self.chances(sharpness) * self.demand_RA).sum(axis=1).mean())


def wishes(shop: Shop, days: int, noise: float = 1.0) -> Wishes:
    """Simulate a shop's first days, and keep its largest market's truth of each local noon."""
    simulation = Simulation(shop, since=FORGETTING)
    people, kept = simulation.people, simulation.people.members[MARKET]
    kept = kept[people.is_known_at_founding_N[kept]]
    seen: list[tuple[list[str], np.ndarray]] = []

    def observe(
        day: date, market: int, offer: Offer, customer_N: np.ndarray, bought_NJ: np.ndarray
    ) -> None:
        if market == MARKET and day > shop.founded_on:
            bought = bought_NJ[np.searchsorted(customer_N, kept)]
            utility_NJ = taste.utility(people, kept, offer, bought)
            seen.append(([campaign.id for campaign in offer.campaigns], utility_NJ))

    simulation.observe_with(observe)
    for _ in range(days + 1):
        simulation.advance()
    utility_NDA = _aligned(seen)
    utility_RA = utility_NDA.reshape(-1, utility_NDA.shape[2])
    guess_RA = utility_RA + noise * shop.draws("guesses").normal(size=utility_RA.shape)
    score_RA = np.where(np.isnan(utility_RA), -np.inf, guess_RA)
    order_RA = np.argsort(-score_RA, axis=1, kind="stable")
    demand_RA = np.nan_to_num(taste.purchase_chance(utility_RA, MEAN_LOOKS))
    return Wishes(
        customer_R=np.repeat(np.arange(len(kept)), len(seen)),
        cell_R=np.repeat(people.gender_N[kept].astype(np.int64), len(seen)),
        score_RA=np.take_along_axis(score_RA, order_RA, axis=1),
        demand_RA=np.take_along_axis(demand_RA, order_RA, axis=1),
    )


def _aligned(seen: list[tuple[list[str], np.ndarray]]) -> np.ndarray:
    """Lay days of unequal campaigns out as [customers, days, campaigns], NaN where not on sale."""
    campaigns = sorted({campaign for ids, _ in seen for campaign in ids})
    place = {campaign: number for number, campaign in enumerate(campaigns)}
    utility_NDA = np.full((len(seen[0][1]), len(seen), len(campaigns)), np.nan)
    for number, (ids, utility_NJ) in enumerate(seen):
        utility_NDA[:, number, [place[campaign] for campaign in ids]] = utility_NJ
    return utility_NDA


def judgements(
    of: Wishes, logging: float, judged: float, customers: int, replicas: int, seed: int
) -> Iterator[Judgement]:
    """Draw customers, let a policy decide and customers order, and judge another by that log.

    Policies are named by their sharpness. Customers are drawn with replacement, so that the truth
    is the mean over all of them.
    """
    draws = np.random.default_rng(seed)
    chance_RA, target_RA = of.chances(logging), of.chances(judged)
    days = len(of.customer_R) // (int(of.customer_R.max()) + 1)
    for _ in range(replicas):
        drawn = draws.integers(0, len(of.customer_R) // days, customers)
        row_R = (drawn[:, None] * days + np.arange(days)).ravel()
        below_RA = draws.random((len(row_R), 1)) > chance_RA[row_R].cumsum(axis=1)
        action_R = np.minimum(below_RA.sum(axis=1), chance_RA.shape[1] - 1)
        log = Log(
            customer_R=np.repeat(np.arange(customers), days),
            cell_R=of.cell_R[row_R],
            action_R=action_R,
            propensity_R=chance_RA[row_R, action_R],
            reward_R=(draws.random(len(row_R)) < of.demand_RA[row_R, action_R]).astype(np.float64),
        )
        yield judge(log, target_RA[row_R])
