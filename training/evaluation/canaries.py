"""Two questions with known answers, asked in every training run.

*A leak.* A feature that has seen what it shall foretell orders the purchases of a group before
everything else by itself. So each column alone is held against the labels. One is planted for the
purpose: what the shop sold in the week after each example's instant, joined to the pairs as a
feature would be whose rows became readable too early. It must raise the alarm, which holds the
labels against the sales as well, and none of the real ones may.

*Shuffled labels.* Labels dealt out anew within each group cannot be foretold: a model fitted to
them must order later groups no better than chance does. If it does better, then rows, groups or
the measure itself tell which row was bought.

Shape legend: R rows, G groups, P purchases, N others of the same group, F columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import pandas as pd

from training.ranker.dataset import ExampleFrame
from training.ranker.examples import WEEK
from vitrine.errors import DegenerateModelError

LEAK_AUC = 0.95
"""The strongest honest column of online_retail has 0.79, and all of them together 0.84."""
CHANCE_MARGIN = 0.02
CERTAINTY = 3.5
"""Standard errors that the margin of few purchases is widened to; beyond them lies 1 of 2,000."""
MOST_PURCHASES, OTHERS = 4_000, 20
DUEL_DEVIATION = (1 / 12 + 1 / 6 / OTHERS) ** 0.5
"""Of a purchase's share of wins over so many others, where chance decides."""
FITTED_ROWS, ROUNDS = 50_000, 20


@dataclass(frozen=True)
class Duels:
    """Purchases, each beside others that were on sale at the same instant: positions of rows."""

    purchase_P: np.ndarray
    other_PN: np.ndarray

    @classmethod
    def of(
        cls, frame: ExampleFrame, rng: np.random.Generator, is_asked_R: np.ndarray | bool = True
    ) -> "Duels":
        """Draw others with replacement for purchases that lie evenly over the groups asked for."""
        purchase_P = np.flatnonzero((frame.label_R == 1) & is_asked_R)
        kept = np.linspace(0, len(purchase_P) - 1, min(len(purchase_P), MOST_PURCHASES))
        purchase_P = purchase_P[kept.astype(np.int64)]
        other_R = np.flatnonzero(frame.label_R == 0)
        group_P, group_of_other = frame.group_R[purchase_P], frame.group_R[other_R]
        first_P = np.searchsorted(group_of_other, group_P)
        count_P = np.searchsorted(group_of_other, group_P, side="right") - first_P
        has_P = count_P > 0
        first_P, count_P = first_P[has_P], count_P[has_P]
        drawn_PN = rng.integers(0, count_P[:, None], (len(count_P), OTHERS))
        return cls(purchase_P[has_P], other_R[first_P[:, None] + drawn_PN])

    def auc(self, value_R: np.ndarray) -> float:
        """Return how often a purchase has the greater value; a tie counts half."""
        purchase_P1, other_PN = value_R[self.purchase_P][:, None], value_R[self.other_PN]
        return float(((purchase_P1 > other_PN) + 0.5 * (purchase_P1 == other_PN)).mean())

    def rows(self) -> np.ndarray:
        """Return every row that takes part."""
        return np.concatenate([self.purchase_P, self.other_PN.ravel()])

    def half(self, number: int) -> "Duels":
        """Return the earlier (0) or the later half (1)."""
        middle = len(self.purchase_P) // 2
        part = slice(None, middle) if number == 0 else slice(middle, None)
        return Duels(self.purchase_P[part], self.other_PN[part])


def ask(frame: ExampleFrame, purchases: pd.DataFrame, seed: int) -> dict[str, float]:
    """Ask both; return what was measured as metrics of the run, named `canary_…`.

    Parameters
    ----------
    purchases
        All from the first instant on, later ones included: customer_id, campaign_id, received_at.

    Raises
    ------
    DegenerateModelError
        If a column leaks, if next week's sales do not raise the alarm, or if shuffled labels can be
        foretold.
    """
    return leak(frame, purchases, seed) | shuffled(frame, seed)


def leak(frame: ExampleFrame, purchases: pd.DataFrame, seed: int) -> dict[str, float]:
    """Hold each column alone, and next week's sales, against the labels."""
    rng = np.random.default_rng(seed)
    duels = Duels.of(frame, rng)
    if not len(duels.purchase_P):
        raise DegenerateModelError("no example has a purchase beside something not bought")
    auc = {column.name: strength(duels, column) for column in _columns(frame)}
    peeked = duels.auc(sold_next_week(frame, purchases))
    strongest = max(auc, key=lambda name: auc[name])
    if not is_alarming(peeked, duels):
        raise DegenerateModelError(
            f"next week's sales, planted as a feature, did not raise the alarm (AUC {peeked:.3f}):"
            " the examples' labels are not what their customers bought; write them again with"
            " `vitrine train examples`"
        )
    if is_alarming(auc[strongest], duels):
        raise DegenerateModelError(
            f"the feature {strongest} alone orders purchases with AUC {auc[strongest]:.3f}, more"
            f" than {LEAK_AUC}: it must have seen what it shall foretell; `vitrine prove-time`"
            " holds features against raw rows"
        )
    return {
        "canary_peek_auc": peeked,
        "canary_strongest_column_auc": auc[strongest],
        "canary_purchases": float(len(duels.purchase_P)),
    }


def sold_next_week(frame: ExampleFrame, purchases: pd.DataFrame) -> np.ndarray:
    """Return `sold_R`: how often its customer bought a row's campaign in the following week.

    In the week means received there, as the warehouse would count it, or by when the last of the
    group's purchases was known: where orders come in late that is later.
    """
    rows = pd.DataFrame(
        {
            "customer_id": frame.customer_id_G[frame.group_R],
            "campaign_id": frame.campaign_id_C[frame.campaign_R],
            "as_of": pd.Series(frame.as_of_G[frame.group_R]).dt.tz_localize("UTC"),
            "known_at": pd.Series(frame.known_at_G[frame.group_R]).dt.tz_localize("UTC"),
            "row": np.arange(len(frame.group_R)),
        }
    )
    both = rows.merge(
        purchases[["customer_id", "campaign_id", "received_at"]], on=["customer_id", "campaign_id"]
    )
    after, is_label = both["received_at"] - both["as_of"], both["received_at"] <= both["known_at"]
    is_next_week = (after >= timedelta(0)) & ((after < WEEK) | is_label)
    return np.bincount(both["row"][is_next_week], minlength=len(rows))


def is_alarming(auc: float, duels: Duels) -> bool:
    """Whether an AUC lies above the limit by more than few purchases may do by chance."""
    deviation = (auc * (1 - auc) / len(duels.purchase_P)) ** 0.5
    return auc - 2 * deviation > LEAK_AUC


def strength(duels: Duels, column: "Column") -> float:
    """Return a column's AUC, in whichever direction it is stronger.

    Text is ordered by how often each value was bought in the earlier half, and judged in the later.
    """
    value_R = column.value_R
    if column.is_text:
        earlier, duels = duels.half(0), duels.half(1)
        value_R = _bought_share(earlier, value_R)
    auc = duels.auc(value_R) if len(duels.purchase_P) else 0.5
    return max(auc, 1 - auc)


def _bought_share(duels: Duels, code_R: np.ndarray) -> np.ndarray:
    """Return for each row how often its code was bought."""
    size = int(code_R.max(initial=0)) + 1
    bought_K = np.bincount(code_R[duels.purchase_P], minlength=size)
    share_K: np.ndarray = bought_K / np.maximum(
        np.bincount(code_R[duels.rows()], minlength=size), 1
    )
    return share_K[code_R]


def shuffled(frame: ExampleFrame, seed: int) -> dict[str, float]:
    """Ask whether labels that are dealt out anew can be foretold."""
    rng = np.random.default_rng(seed)
    return foretold(replace(frame, label_R=dealt(frame, rng)), seed)


def foretold(given: ExampleFrame, seed: int) -> dict[str, float]:
    """Fit a small model to labels that say nothing, and measure it on later groups.

    The margin of 0.02 around 0.50 is widened where so few purchases came later that chance alone
    reaches further; where no group is later than another nothing is asked.
    """
    rng = np.random.default_rng(seed)
    middle = np.sort(given.as_of_G)[len(given.as_of_G) // 2]
    is_later_R = (given.as_of_G >= middle)[given.group_R]
    duels = Duels.of(given, rng, is_later_R)
    fitted = np.flatnonzero(~is_later_R)[-FITTED_ROWS:]
    if not len(fitted) or not len(duels.purchase_P):
        return {"canary_shuffled_purchases": 0.0}
    score_R = _boosted(given, fitted, np.unique(duels.rows()), seed)
    auc = duels.auc(score_R)
    margin = max(CHANCE_MARGIN, CERTAINTY * DUEL_DEVIATION / len(duels.purchase_P) ** 0.5)
    if not abs(auc - 0.5) <= margin:
        raise DegenerateModelError(
            f"labels that were dealt out at random are foretold with AUC {auc:.3f}, not"
            f" 0.50 ± {margin:.3f}: rows, groups or the measure tell which row was bought"
        )
    return {
        "canary_shuffled_auc": auc,
        "canary_shuffled_margin": margin,
        "canary_shuffled_purchases": float(len(duels.purchase_P)),
    }


def dealt(frame: ExampleFrame, rng: np.random.Generator) -> np.ndarray:
    """Return `label_R` with each group's labels dealt out anew among its rows."""
    order = np.lexsort((rng.random(len(frame.label_R)), frame.group_R))
    dealt_R: np.ndarray = frame.label_R[order]
    return dealt_R


def _boosted(frame: ExampleFrame, fitted: np.ndarray, asked: np.ndarray, seed: int) -> np.ndarray:
    """Fit a few trees to some rows; return `score_R`, of the rows asked for and 0 elsewhere."""
    import lightgbm

    columns = list(_columns(frame, with_customers=True))
    used = np.union1d(fitted, asked)
    data = np.stack([column.value_R[used] for column in columns], axis=1).astype(np.float32)
    texts = [number for number, column in enumerate(columns) if column.is_text]
    settings = {"objective": "binary", "num_leaves": 15, "num_threads": 1, "verbose": -1,
                "seed": seed, "deterministic": True}  # fmt: skip
    known, wanted = data[np.searchsorted(used, fitted)], data[np.searchsorted(used, asked)]
    examples = lightgbm.Dataset(known, frame.label_R[fitted], categorical_feature=texts)
    score_R = np.zeros(len(frame.label_R))
    score_R[asked] = np.asarray(lightgbm.train(settings, examples, ROUNDS).predict(wanted))
    return score_R


@dataclass(frozen=True)
class Column:
    """A feature's value in each row; texts as codes."""

    name: str
    value_R: np.ndarray
    is_text: bool


def _columns(frame: ExampleFrame, with_customers: bool = False) -> Iterator[Column]:
    """Give the columns row by row; a customer's are the same all over a group and order nothing."""
    sides = [(frame.campaigns, frame.campaign_R), (frame.pairs, None)]
    sides += [(frame.customers, frame.group_R)] if with_customers else []
    for rows, row_R in sides:
        for name in rows.columns:
            is_text = not pd.api.types.is_numeric_dtype(rows[name])
            values = pd.factorize(rows[name])[0] if is_text else rows[name].to_numpy()
            yield Column(name, values if row_R is None else values[row_R], is_text)
