"""A shop whose customers each buy articles of one material; and its control, where they buy any.

Four materials of nine articles each. Every customer buys seven articles, one a week, and has two of
the same material still to buy. In the control all nine are drawn from the whole shop.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from training.peers.articles import Articles
from training.peers.history import History
from training.ranker.candidates import Candidates
from training.ranker.ranking import Scorer

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
MATERIALS = ("wood", "glass", "paper", "steel")
SHAPES = ("bowl", "box", "lamp", "tray", "hook", "frame", "clock", "stand", "vase")
NAMES = [f"{material} {shape}" for material in MATERIALS for shape in SHAPES]
UNSOLD = [f"{material} ladder" for material in MATERIALS]
CUSTOMERS, BOUGHT, NEXT = 120, 7, 2


@dataclass(frozen=True)
class WordShop:
    """The purchases, and per customer the articles that come next."""

    history: History
    following: dict[str, list[str]]


def draw(*, has_pattern: bool, bought: int = BOUGHT, seed: int = 5) -> WordShop:
    """Draw all customers; `u0` likes wood, `u1` glass and so on, if there is a pattern."""
    generator, rows, following = np.random.default_rng(seed), [], {}
    for number in range(CUSTOMERS):
        name, first = f"u{number}", len(SHAPES) * (number % len(MATERIALS))
        liked = NAMES[first : first + len(SHAPES)] if has_pattern else NAMES
        drawn = generator.choice(liked, BOUGHT + NEXT, replace=False).tolist()
        following[name] = drawn[BOUGHT:]
        for week, article in enumerate(drawn[:bought]):
            age = timedelta(days=7 * (bought - week), minutes=int(generator.integers(1000)))
            rows.append((name, article, AS_OF - age, AS_OF - age))
    columns = ["customer_id", "campaign_id", "occurred_at", "received_at"]
    return WordShop(History.of(pd.DataFrame(rows, columns=columns), AS_OF), following)


def articles(campaigns: pd.DataFrame) -> Articles:
    """Describe campaigns by their ids, which are their names."""
    names = campaigns["campaign_id"].to_numpy(dtype=object)
    return Articles(names, np.full(len(names), "home", dtype=object), np.full(len(names), 9.0))


def scores(scorer: Scorer, customers: list[str], campaigns: list[str]) -> np.ndarray:
    """Score every campaign for every customer at once: `[L, C]`, in the given order."""
    as_of = pd.Series([AS_OF], dtype="datetime64[us, UTC]")
    lists = pd.DataFrame({"customer_id": customers, "as_of": as_of.repeat(len(customers)).array})
    offers = pd.DataFrame(
        {"as_of": as_of.repeat(len(campaigns)).array, "campaign_id": sorted(campaigns)}
    )
    candidates = Candidates.of(lists, offers)
    score_R = scorer.prepared(candidates)(candidates, *candidates.pairs())
    order = [sorted(campaigns).index(name) for name in campaigns]
    found: np.ndarray = score_R.reshape(len(customers), -1)[:, order]
    return found


def auc_of_next(scorer: Scorer, shop: WordShop) -> float:
    """Return how often what comes next stands above what else the customer never bought."""
    customers, history = list(shop.following), shop.history
    bought = history.by_customer(np.ones(len(history.customer_P))).toarray() > 0
    codes = {name: row for row, name in enumerate(history.customer_ids)}
    found, known = scores(scorer, customers, list(history.campaign_ids)), history.campaign_ids
    wins = []
    for score_C, name in zip(found, customers, strict=True):
        is_next_C = np.isin(known.astype(str), shop.following[name])
        other_N = score_C[~is_next_C & ~bought[codes[name]]]
        wins += [float((score > other_N).mean()) for score in score_C[is_next_C]]
    return float(np.mean(wins))
