"""What anybody could do without a model: the popular, and what the customer bought before.

Both count what had been received before a list's instant, so they know a little more than
production would; a model that beats them has earned it.
"""

from dataclasses import dataclass

import duckdb
import numpy as np
import scipy.sparse as sp

from training.ranker.candidates import Candidates
from training.ranker.ranking import ScoreChunk

_POPULARITY = """
select campaign_index, count(distinct customer_id) as buyer_count
from asked_campaigns as asked
join daily.intermediate.int_order_lines as lines
    on lines.campaign_id = asked.campaign_id
    and lines.received_at < asked.as_of
    and lines.received_at >= asked.as_of - to_hours(24 * $days)
where lines.kind = 'sale'
group by campaign_index
"""

_HISTORY = """
select
    list_index,
    campaign_index,
    count(distinct lines.order_id) as order_count,
    (epoch_us(any_value(asked.as_of)) - epoch_us(max(lines.occurred_at))) / 86400e6 as age_days
from asked_lists as asked
join daily.intermediate.int_order_lines as lines
    on lines.customer_id = asked.customer_id and lines.received_at < asked.as_of
join asked_campaigns as campaigns
    on campaigns.campaign_id = lines.campaign_id and campaigns.as_of = asked.as_of
where lines.kind = 'sale'
group by list_index, campaign_index
"""


@dataclass(frozen=True)
class Popularity:
    """Campaigns by the number of their buyers in the last `days`, the same for everybody."""

    connection: duckdb.DuckDBPyConnection
    days: int

    def counts(self, candidates: Candidates) -> np.ndarray:
        """Return `buyer_count_C` of each candidate campaign at its instant, as float64."""
        campaigns = candidates.campaigns
        asked = campaigns.assign(campaign_index=np.arange(len(campaigns)))
        self.connection.register("asked_campaigns", asked)
        found = self.connection.execute(_POPULARITY, {"days": self.days}).fetchnumpy()
        counts = np.zeros(len(campaigns))
        counts[found["campaign_index"]] = found["buyer_count"]
        return counts

    def prepared(self, candidates: Candidates) -> ScoreChunk:
        """Count once; every list gets the same numbers."""
        counts_C = self.counts(candidates)

        def score(chunk: Candidates, list_R: np.ndarray, campaign_R: np.ndarray) -> np.ndarray:
            return counts_C[campaign_R]

        return score


@dataclass(frozen=True)
class Repurchase:
    """What the customer bought before, often and lately first; then the popular."""

    popularity: Popularity

    def prepared(self, candidates: Candidates) -> ScoreChunk:
        """Count popularity once; the histories are read chunk by chunk."""
        counts_C = self.popularity.counts(candidates)
        popular_C = counts_C / (1 + counts_C.max(initial=0))
        connection = self.popularity.connection

        def score(chunk: Candidates, list_R: np.ndarray, campaign_R: np.ndarray) -> np.ndarray:
            lists = chunk.lists.assign(list_index=np.arange(len(chunk.lists)))
            connection.register("asked_lists", lists)
            found = connection.execute(_HISTORY).fetchnumpy()
            strength = 1 + _strength(
                np.asarray(found["age_days"]), np.asarray(found["order_count"])
            )
            shape = (len(lists), len(popular_C))
            bought = sp.csr_matrix(
                (strength, (found["list_index"], found["campaign_index"])), shape
            )
            score_R: np.ndarray = popular_C[campaign_R] + np.asarray(bought[list_R, campaign_R])[0]
            return score_R

        return score


def _strength(age_days: np.ndarray, order_count: np.ndarray) -> np.ndarray:
    """Return how much a campaign was bought, each purchase fading with the age of the last one."""
    strength: np.ndarray = 100 * np.log1p(order_count) / (1 + np.maximum(age_days, 0) / 30)
    return strength
