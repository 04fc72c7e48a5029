"""The shop's own newsletter of one morning: who gets it, and what they do with it.

It is sent until published lists are the shop's mail (`vitrine.simulator.letters`).

It is the same for everybody. Its clicks bring visits; its unsubscriptions, complaints and bounces
end the right to write.
"""

from dataclasses import dataclass

import numpy as np

from vitrine.simulator.population import Population

SEND_SECOND = 6 * 3_600 + 45 * 60
"""Local second of the day at which sending begins."""
SHARE_PER_DAY = 0.4
OPEN_SHARE = 0.28
CLICK_SHARE = 0.22
"""Of those who open."""
UNSUBSCRIBE_SHARE = 0.012
COMPLAINT_SHARE = 0.0008
MEDIAN_HOURS_TO_OPEN = 2.0


@dataclass(frozen=True)
class Mailing:
    """Reactions of one morning; seconds after the local midnight, -1 for never. Length M."""

    customer_M: np.ndarray
    sent_M: np.ndarray
    bounced_M: np.ndarray
    opened_M: np.ndarray
    clicked_M: np.ndarray
    unsubscribed_M: np.ndarray
    complained_M: np.ndarray

    def reactions(self) -> dict[str, np.ndarray]:
        """Return the seconds of each kind of the contract's e-mail events."""
        return {
            "sent": self.sent_M,
            "bounced": self.bounced_M,
            "opened": self.opened_M,
            "clicked": self.clicked_M,
            "unsubscribed": self.unsubscribed_M,
            "complained": self.complained_M,
        }


def send(
    draws: np.random.Generator, people: Population, members: np.ndarray, may_write_N: np.ndarray
) -> Mailing:
    """Write to some of a market's customers."""
    picked = draws.random(len(members)) < SHARE_PER_DAY
    customer_M = members[picked & may_write_N[members]]
    count = len(customer_M)
    sent_M = SEND_SECOND + draws.integers(0, 600, count)
    is_dead_M = people.has_dead_address_N[customer_M]
    keen_M = np.minimum(0.6, 2 * people.visits_per_day_N[customer_M]) + 0.7
    opens_M = ~is_dead_M & (draws.random(count) < OPEN_SHARE * keen_M)
    hours_M = MEDIAN_HOURS_TO_OPEN * np.exp(draws.normal(0, 0.9, count))
    at_M = np.minimum(sent_M + 60 + (3_600 * hours_M).astype(np.int64), 23 * 3_600)
    clicks_M = opens_M & (draws.random(count) < CLICK_SHARE)
    leaves_M = opens_M & (draws.random(count) < UNSUBSCRIBE_SHARE)
    complains_M = opens_M & ~leaves_M & (draws.random(count) < COMPLAINT_SHARE)
    return Mailing(
        customer_M,
        sent_M,
        np.where(is_dead_M, sent_M + 20, -1),
        np.where(opens_M, at_M, -1),
        np.where(clicks_M, at_M + 30, -1),
        np.where(leaves_M, at_M + 90, -1),
        np.where(complains_M, at_M + 120, -1),
    )
