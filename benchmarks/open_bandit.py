"""The Open Bandit sample: logs of two policies in a real shop, each judged by the other's log.

Saito, Aihara, Matsutani and Narita (2020), Open Bandit Dataset and Pipeline. Either folder entry
`random.csv.gz` and `bts.csv.gz` holds timestamp, item_id, position (1 to 3), click and
propensity_score, one row an impression; one policy showed items evenly, one by Thompson sampling.

Thompson sampling changed its chances from hour to hour, and the log has them for what was shown
alone. As a policy to be judged it is its mean over the week: the share of each item in its own log,
by position. That has the same value if what an item is worth did not change within the week.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from email_lists.judging.off_policy import Judgement, Log, judge
from vitrine.errors import BadInputError

UNIFORM, THOMPSON = "random", "bts"
COLUMNS = ["timestamp", "item_id", "position", "click", "propensity_score"]


@dataclass(frozen=True)
class CrossJudgement:
    """One policy by the other's log, beside what it made itself."""

    judged: str
    logged_by: str
    by_the_others_log: Judgement
    by_its_own: Judgement
    """Its `logged` estimate is the mean of its own clicks."""


def cross_judgements(folder: Path) -> list[CrossJudgement]:
    """Judge both policies of a folder such as `open_bandit/men`.

    Raises
    ------
    BadInputError
        If a file is not there.
    """
    rows = {policy: _read(folder / f"{policy}.csv.gz") for policy in (UNIFORM, THOMPSON)}
    items = 1 + max(int(of["item_id"].max()) for of in rows.values())
    logs = {policy: _log(of) for policy, of in rows.items()}
    chances = {
        UNIFORM: np.full((3, items), 1 / items),
        THOMPSON: _shares(rows[THOMPSON], items),
    }
    return [
        CrossJudgement(
            judged,
            other,
            judge(logs[other], chances[judged][logs[other].cell_R]),
            judge(logs[judged], chances[judged][logs[judged].cell_R]),
        )
        for judged, other in ((THOMPSON, UNIFORM), (UNIFORM, THOMPSON))
    ]


def _read(file: Path) -> pd.DataFrame:
    if not file.exists():
        raise BadInputError(f"{file} is not there: name the folder of a campaign's two logs")
    return pd.read_csv(file, usecols=COLUMNS)


def _log(rows: pd.DataFrame) -> Log:
    """Take each impression for itself: the data name no users."""
    return Log(
        customer_R=np.arange(len(rows)),
        cell_R=rows["position"].to_numpy() - 1,
        action_R=rows["item_id"].to_numpy(),
        propensity_R=rows["propensity_score"].to_numpy(),
        reward_R=rows["click"].to_numpy(np.float64),
    )


def _shares(rows: pd.DataFrame, items: int) -> np.ndarray:
    """Return `share_PI`: of each item among what was shown at a position."""
    shown_PI = np.zeros((3, items))
    np.add.at(shown_PI, (rows["position"].to_numpy() - 1, rows["item_id"].to_numpy()), 1)
    share_PI: np.ndarray = shown_PI / shown_PI.sum(axis=1, keepdims=True)
    return share_PI
