"""A shop whose articles follow each other: a pattern in sequence and time, and its control.

Of ten articles every customer begins anywhere. After a week the next article in the circle comes
(3 after 2), after two months the one beyond it (4 after 2). In the control anything may come.
"""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from training.peers.articles import Articles
from training.peers.history import History
from training.sequence.fitting import SequenceConfig

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
NAMES = ["anvil", "brush", "candle", "drum", "easel", "fiddle", "globe", "hammock", "iron", "jug"]
CUSTOMERS, ORDERS = 150, 6
SOON, LATE = 7, 60
CONFIG = SequenceConfig(
    length=20, width=16, hidden=24, buckets=256, epochs=25, batch_customers=16, learning_rate=0.01
)


def draw(*, has_pattern: bool, seed: int = 3) -> pd.DataFrame:
    """Return purchases as a feature reader does; everybody's last ones are just before AS_OF."""
    rng, rows = np.random.default_rng(seed), []
    for number in range(CUSTOMERS):
        article, moment = int(rng.integers(len(NAMES))), AS_OF - timedelta(hours=1)
        gaps = rng.choice([SOON, LATE], ORDERS - 1)
        moment -= timedelta(days=int(gaps.sum()))
        for gap in [*gaps, 0]:
            rows.append((f"u{number:03}", NAMES[article], moment, moment))
            moment += timedelta(days=int(gap))
            article = following(article, int(gap)) if has_pattern else int(rng.integers(len(NAMES)))
    return pd.DataFrame(rows, columns=["customer_id", "campaign_id", "occurred_at", "received_at"])


def following(article: int, gap_days: int) -> int:
    """Return what comes after an article if the next order is so many days later."""
    return (article + (1 if gap_days == SOON else 2)) % len(NAMES)


def last_bought(purchases: pd.DataFrame) -> pd.Series:
    """Return the number of each customer's last article, by customer."""
    last = purchases.sort_values("occurred_at").groupby("customer_id")["campaign_id"].last()
    return last.map(NAMES.index)


def history(purchases: pd.DataFrame, later_days: int = 0) -> History:
    """Return the history as of so many days after the last purchases."""
    return History.of(purchases, AS_OF + timedelta(days=later_days))


def articles(campaigns: pd.DataFrame) -> Articles:
    """Describe campaigns by their ids up to a dash: `anvil-2` is another anvil."""
    names = [str(name).partition("-")[0] for name in campaigns["campaign_id"]]
    category = ["tools" if name in ("anvil", "iron") else "leisure" for name in names]
    return Articles(
        np.array(names, dtype=object), np.array(category, dtype=object), np.full(len(names), 9.0)
    )


def auc(score_LC: np.ndarray, next_L: np.ndarray) -> float:
    """Return how often what comes next stands above another article."""
    score_L = score_LC[np.arange(len(next_L)), next_L]
    above_L = (score_L[:, None] > score_LC).sum(axis=1) / (score_LC.shape[1] - 1)
    return float(above_L.mean())
