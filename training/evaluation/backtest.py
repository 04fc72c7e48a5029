"""The rolling back-test: learn everything before a week by global time, be judged on the week.

A shop without campaigns' ends is judged as it is served: one list a customer at the cut-off, and
whatever the customer buys in the week is relevant. What is first sold within the week is a
candidate too. Flash sales open and close within the week, so there each (customer, hour of
purchase) is a list of what was on sale at that hour.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
import pandas as pd

from training.evaluation.ranks import (
    KNOWN_ELSEWHERE,
    NEW_ELSEWHERE,
    Judgement,
    Ranks,
    judge_lists,
)
from training.peers.history import History
from training.ranker.candidates import Candidates
from training.ranker.examples import HOUR, WEEK, at_instants
from training.ranker.features import FeatureReader
from training.ranker.ranking import Scorer
from vitrine.errors import BadInputError
from vitrine.interval import Interval

KEY = ["customer_id", "as_of"]
NEW_DAYS = 30
"""A customer is new for so long after the registration: of those of a week few have bought."""
Fitter = Callable[[History], Scorer]


@dataclass(frozen=True)
class Week:
    """One week's lists, what was relevant for each, and how the lists are sliced."""

    interval: Interval
    candidates: Candidates
    relevant: np.ndarray
    """int64 [P, 2]: list and campaign position; for what was no candidate see `ranks`."""
    bought: np.ndarray
    """int64 [B, 2]: candidates that the list's customer had bought before its instant."""
    is_unsold_P: np.ndarray
    """Whether a relevant campaign had never been sold before its list's instant."""
    reader: FeatureReader
    is_known_L: np.ndarray
    """Whether a list's customer had bought anything before the week."""

    @classmethod
    def of(cls, reader: FeatureReader, interval: Interval, max_lists: int | None = None) -> "Week":
        """Read a week.

        Parameters
        ----------
        max_lists
            Keep so many lists at most, evenly spread over the ordered week; all by default.

        Raises
        ------
        BadInputError
            If nobody known bought anything in it.
        """
        purchases = reader.purchases(interval)
        if not len(purchases):
            raise BadInputError(f"no purchase by a known customer in {interval}")
        before = reader.purchases(Interval(reader.build_info().data.start, interval.start))
        is_permanent = reader.sells_permanently(interval.start)
        rows = at_instants(purchases, interval.end, is_permanent=is_permanent)
        rows = rows[rows["as_of"] >= pd.Timestamp(interval.start)].reset_index(drop=True)
        lists = rows[KEY].drop_duplicates().sort_values(["as_of", "customer_id"])
        if max_lists is not None and len(lists) > max_lists:
            lists = _thinned(lists, max_lists)
            rows = rows.merge(lists, on=KEY)
        first_sold_at = pd.concat([before, purchases]).groupby("campaign_id")["occurred_at"].min()
        instants = lists["as_of"].drop_duplicates().tolist()
        campaigns = reader.campaigns_on_sale(instants)
        if is_permanent:
            new = first_sold_at.index[first_sold_at >= pd.Timestamp(interval.start)]
            campaigns = _with(campaigns, new, instants[0])
        candidates = reader.candidates(lists, campaigns)
        bought = _bought_before(pd.concat([before, purchases], ignore_index=True), lists)
        return cls(
            interval,
            candidates,
            _told_apart(_located(rows, candidates, is_required=True), rows, bought),
            _located(bought, candidates, is_required=False),
            (rows["campaign_id"].map(first_sold_at) >= rows["as_of"]).to_numpy(),
            reader,
            candidates.lists["customer_id"].isin(before["customer_id"].unique()).to_numpy(),
        )

    @cached_property
    def slices(self) -> dict[str, np.ndarray]:
        """Which lists are of new customers, those without history, of each segment and group.

        New is who registered within NEW_DAYS before the list's instant, with purchases or without,
        and of whom nothing was known yet. bool `[L]` by name, read when first asked for: the
        warehouse must still be open then.
        """
        lists = self.candidates.lists
        kinds = self.reader.customer_kinds(lists)
        segment = kinds.pop("segment")
        signed_up_at = self.reader.described("customer", lists, "signed_up_at")["signed_up_at"]
        is_old = lists["as_of"] - signed_up_at > timedelta(days=NEW_DAYS)
        return {
            "new customers": ~is_old.to_numpy(),
            "without history": ~self.is_known_L,
            **{
                f"segment {name}": (segment == name).to_numpy() for name in sorted(segment.unique())
            },
            **{_group(name): kinds[name].to_numpy(dtype=bool) for name in kinds.columns},
        }

    @cached_property
    def is_first_hour_P(self) -> np.ndarray:
        """Which relevant campaigns had opened less than an hour before; permanent ones never do.

        bool `[P]`, read like `slices`.
        """
        is_candidate_P = self.relevant[:, 1] >= 0
        bought = self.candidates.campaigns.iloc[self.relevant[is_candidate_P, 1]]
        known = self.reader.described("campaign", bought, "opens_at", "closes_at")
        is_young = bought["as_of"].reset_index(drop=True) - known["opens_at"] < HOUR
        is_first_hour_P = np.zeros(len(self.relevant), dtype=bool)
        is_first_hour_P[is_candidate_P] = is_young & known["closes_at"].notna()
        return is_first_hour_P

    def only(self, is_kept_L: np.ndarray) -> "Week":
        """Keep some of the lists."""
        number_L = np.cumsum(is_kept_L) - 1
        is_kept_P, is_kept_B = is_kept_L[self.relevant[:, 0]], is_kept_L[self.bought[:, 0]]
        relevant, bought = self.relevant[is_kept_P], self.bought[is_kept_B]
        return replace(
            self,
            candidates=self.candidates.only(is_kept_L),
            relevant=np.stack([number_L[relevant[:, 0]], relevant[:, 1]], axis=1),
            bought=np.stack([number_L[bought[:, 0]], bought[:, 1]], axis=1),
            is_unsold_P=self.is_unsold_P[is_kept_P],
            is_known_L=self.is_known_L[is_kept_L],
        )

    def judge(self, scorer: Scorer) -> Judgement:
        """Rank all candidates of all lists."""
        return judge_lists(scorer, self.candidates, self.relevant, self.bought)

    def sliced(self, judgement: Judgement) -> Iterator[tuple[str, Ranks]]:
        """Cut a judgement into all, the slices of lists, and those of what was relevant."""
        ranks = judgement.ranks
        yield "all", ranks
        yield "new to the customer", judgement.fresh
        for name, is_kept_P in (
            ("never sold before", self.is_unsold_P),
            ("campaigns in their first hour", self.is_first_hour_P),
        ):
            if is_kept_P.any():
                yield name, ranks.where(is_kept_P)
        for name, is_kept_L in self.slices.items():
            if is_kept_L.any():
                yield name, ranks.where(is_kept_L[ranks.list_P])


def _group(name: str) -> str:
    """Write a group's column for readers: `is_single_sector` is `group single sector`."""
    return f"group {name.removeprefix('is_').replace('_', ' ')}"


def weeks_before(as_of: datetime, count: int) -> list[Interval]:
    """Return the last whole weeks that ended by an instant, oldest first."""
    ends = [as_of - n * WEEK for n in range(count - 1, -1, -1)]
    return [Interval(end - WEEK, end) for end in ends]


def _thinned(lists: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Keep `limit` lists at most, evenly spread, in their order."""
    kept = np.unique(np.linspace(0, len(lists) - 1, limit).astype(np.int64))
    return lists.iloc[kept]


def _with(campaigns: pd.DataFrame, new: pd.Index, as_of: datetime) -> pd.DataFrame:
    ids = sorted({*campaigns["campaign_id"], *new})
    instants = pd.Series([as_of] * len(ids), dtype="datetime64[us, UTC]")
    return pd.DataFrame({"as_of": instants, "campaign_id": ids})


def _bought_before(purchases: pd.DataFrame, lists: pd.DataFrame) -> pd.DataFrame:
    """Return the distinct campaigns that each list's customer bought before the list's instant."""
    first = purchases.groupby(["customer_id", "campaign_id"], as_index=False)["occurred_at"].min()
    joined = lists[KEY].merge(first, on="customer_id")
    return joined.loc[joined["occurred_at"] < joined["as_of"], [*KEY, "campaign_id"]]


def _told_apart(relevant: np.ndarray, rows: pd.DataFrame, bought: pd.DataFrame) -> np.ndarray:
    """Say of what was no candidate whether its customer had bought it before, in the same order."""
    again = rows[[*KEY, "campaign_id"]].merge(bought, how="left", indicator=True)
    is_again_P = (again["_merge"] == "both").to_numpy()
    elsewhere_P = np.where(is_again_P, KNOWN_ELSEWHERE, NEW_ELSEWHERE)
    position_P = np.where(relevant[:, 1] >= 0, relevant[:, 1], elsewhere_P)
    return np.stack([relevant[:, 0], position_P], axis=1)


def _located(rows: pd.DataFrame, candidates: Candidates, *, is_required: bool) -> np.ndarray:
    """Return int64 [N, 2]: list and campaign position of rows (customer_id, as_of, campaign_id).

    What is no candidate has position -1 if it is required, else it is left out.
    """
    lists = candidates.lists[KEY].assign(list=np.arange(len(candidates.lists)))
    campaigns = candidates.campaigns.assign(campaign=np.arange(len(candidates.campaigns)))
    found = rows.merge(lists, on=KEY).merge(campaigns, on=["as_of", "campaign_id"], how="left")
    list_N, campaign_N = found["list"].to_numpy(), found["campaign"].fillna(-1).to_numpy(np.int64)
    is_there_N = candidates.places(list_N, campaign_N) >= 0
    places = np.stack([list_N, np.where(is_there_N, campaign_N, -1)], axis=1)
    return places if is_required else places[is_there_N]
