"""Letters of published lists, in place of the shop's own newsletter: who opens and clicks what.

They go to exactly those whom the lists name. Unlike the newsletter they differ from one customer to
the next, so what is opened, clicked and visited depends on what they show.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vitrine.errors import BadInputError
from vitrine.simulator import mailing, taste
from vitrine.simulator.local_time import local_days
from vitrine.simulator.population import Population
from vitrine.simulator.shop import MARKETS
from vitrine.simulator.taste import Offer
from vitrine.simulator.visits import COLOUR_WEIGHT, Landing, colours

READER_SHARE = 0.25
"""A link is followed with this share of the chance on the shop's own page. Letters that show just
anything are then clicked about as often as the newsletter."""


@dataclass(frozen=True)
class Letters:
    """Letters that reach one market on one local day; arrays of length M.

    What they show has length E, letter by letter, the first places first. `product_E` is null where
    a campaign as a whole is shown.
    """

    message_M: pa.Array
    customer_M: np.ndarray
    sent_M: np.ndarray
    letter_E: np.ndarray
    place_E: np.ndarray
    """From 1."""
    campaign_E: pa.Array
    product_E: pa.Array


@dataclass(frozen=True)
class Reading:
    """What became of letters."""

    reactions: dict[str, np.ndarray]
    """Instants of each kind of the contract's e-mail events, -1 for never; length M."""
    customer_S: np.ndarray
    """Who visits because of a letter."""
    start_S: np.ndarray
    landing: Landing


class Letterbox:
    """All letters of the published lists, to be taken market by market and day by day.

    Raises
    ------
    BadInputError
        If a letter is to somebody whom the simulated shop does not know.
    """

    def __init__(self, letters: pa.Table, people: Population) -> None:
        """Take `vitrine.letters.LETTERS`' columns."""
        ordered = letters.sort_by([("send_at", "ascending"), ("message_id", "ascending")])
        self._letters = ordered.combine_chunks()
        customer = pc.index_in(self._letters["customer_id"], people.ids)
        if customer.null_count:
            unknown = self._letters.filter(pc.is_null(customer))["customer_id"][0]
            raise BadInputError(
                f"a published list names the customer {unknown}, whom the simulated shop does not"
                " have; its lists are made in a home of its own"
            )
        self._customer_M = customer.to_numpy().astype(np.int64)
        self._market_M = people.market_N[self._customer_M]
        self._sent_M = self._letters["send_at"].cast(pa.int64()).to_numpy() // 1_000_000
        self._day_M = np.full(len(self._sent_M), "NaT", "datetime64[D]")
        for number, market in enumerate(MARKETS):
            mine = self._market_M == number
            self._day_M[mine] = local_days(self._sent_M[mine], market.timezone)

    def of(self, day: date, market: int) -> Letters:
        """Return what is sent to a market on a local day."""
        chosen = np.flatnonzero((self._market_M == market) & (self._day_M == np.datetime64(day)))
        letters = self._letters.take(pa.array(chosen)).combine_chunks()
        campaigns, products = _shown(letters["campaigns"]), _shown(letters["products"])
        letter_E = np.concatenate([campaigns[0], products[0]])
        place_E = np.concatenate([_int64(campaigns[1], "rank"), _int64(products[1], "position")])
        order = np.lexsort((place_E, letter_E))
        no_product = pa.nulls(len(campaigns[0]), pa.string())
        return Letters(
            letters["message_id"].combine_chunks(),
            self._customer_M[chosen],
            self._sent_M[chosen],
            letter_E[order],
            place_E[order],
            _joined(campaigns[1].field("campaign_id"), products[1].field("campaign_id"), order),
            _joined(no_product, products[1].field("product_id"), order),
        )


def read(
    draws: np.random.Generator,
    people: Population,
    offer: Offer,
    letters: Letters,
    bought_MJ: np.ndarray,
    day_ends: int,
) -> Reading:
    """Let customers react to letters, until an instant at the latest.

    The first thing on sale is the subject: the better it is liked, the more open the letter. Of the
    rest each may be clicked; the first that is brings a visit that begins with it.
    """
    count = len(letters.customer_M)
    shown = _Shown.of(people, offer, letters, bought_MJ)
    is_dead_M = people.has_dead_address_N[letters.customer_M]
    keen_M = np.minimum(0.6, 2 * people.visits_per_day_N[letters.customer_M]) + 0.7
    chance_M = mailing.OPEN_SHARE * keen_M * 2 * taste.logistic(shown.subject(count))
    opens_M = ~is_dead_M & (draws.random(count) < chance_M)
    hours_M = mailing.MEDIAN_HOURS_TO_OPEN * np.exp(draws.normal(0, 0.9, count))
    earliest_M = letters.sent_M + 60
    at_M = earliest_M + (3_600 * hours_M).astype(np.int64)
    at_M = np.maximum(np.minimum(at_M, day_ends), earliest_M)
    clicked = shown.clicked(draws, np.where(opens_M, at_M + 30, -1), offer)
    clicks_M = np.isin(np.arange(count), shown.letter_E[clicked])
    leaves_M = opens_M & (draws.random(count) < mailing.UNSUBSCRIBE_SHARE)
    complains_M = opens_M & ~leaves_M & (draws.random(count) < mailing.COMPLAINT_SHARE)
    who = shown.letter_E[clicked]
    return Reading(
        {
            "sent": letters.sent_M,
            "bounced": np.where(is_dead_M, letters.sent_M + 20, -1),
            "opened": np.where(opens_M, at_M, -1),
            "clicked": np.where(clicks_M, at_M + 30, -1),
            "unsubscribed": np.where(leaves_M, at_M + 90, -1),
            "complained": np.where(complains_M, at_M + 120, -1),
        },
        letters.customer_M[who],
        at_M[who] + 30,
        Landing(shown.campaign_E[clicked], shown.product_E[clicked]),
    )


@dataclass(frozen=True)
class _Shown:
    """What letters show of what the market sells on the day; length E."""

    letter_E: np.ndarray
    place_E: np.ndarray
    campaign_E: np.ndarray
    product_E: np.ndarray
    """Place in the campaign, -1 for the campaign as a whole."""
    wish_E: np.ndarray

    @classmethod
    def of(
        cls, people: Population, offer: Offer, letters: Letters, bought_MJ: np.ndarray
    ) -> "_Shown":
        campaign_E = _found(letters.campaign_E, [c.id for c in offer.campaigns])
        first_J = np.cumsum([0, *(len(c.products) for c in offer.campaigns)])
        items = [f"{c.id} {p.id}" for c in offer.campaigns for p in c.products]
        asked = pc.binary_join_element_wise(letters.campaign_E, letters.product_E, " ")
        item_E = _found(asked, items)
        is_whole_E = pc.is_null(letters.product_E).to_numpy(zero_copy_only=False)
        kept = np.flatnonzero((campaign_E >= 0) & (is_whole_E | (item_E >= 0)))
        campaign, letter = campaign_E[kept], letters.letter_E[kept]
        product = np.where(is_whole_E, -1, item_E - first_J[campaign_E])[kept]
        utility_MJ = taste.utility(people, letters.customer_M, offer, bought_MJ)
        wish = utility_MJ[letter, campaign]
        colour = colours(offer)[campaign, np.maximum(product, 0)] if len(kept) else product
        own = people.colour_taste_NC[letters.customer_M[letter], colour]
        wish = wish + np.where(product >= 0, COLOUR_WEIGHT * own, 0)
        return cls(letter, letters.place_E[kept], campaign, product, wish)

    def subject(self, count: int) -> np.ndarray:
        """Return how much each letter's first thing is wanted; 0 where it shows nothing."""
        wish_M = np.zeros(count)
        letter, first = np.unique(self.letter_E, return_index=True)
        wish_M[letter] = self.wish_E[first]
        return wish_M

    def clicked(self, draws: np.random.Generator, at_M: np.ndarray, offer: Offer) -> np.ndarray:
        """Return the places in E of what is clicked: one of a letter at most."""
        at_E = at_M[self.letter_E]
        is_open_E = offer.opens_at_J[self.campaign_E] <= at_E
        is_open_E &= at_E < offer.closes_at_J[self.campaign_E]
        chance_E = READER_SHARE * taste.click_chance(self.wish_E, self.place_E)
        hit = np.flatnonzero(is_open_E & (draws.random(len(at_E)) < chance_E))
        _, first = np.unique(self.letter_E[hit], return_index=True)
        return hit[first]


def _shown(column: pa.ChunkedArray) -> tuple[np.ndarray, pa.StructArray]:
    """Unnest a column of lists: the row of each element, and the elements."""
    lists = column.combine_chunks()
    rows = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
    return rows, pc.list_flatten(lists)


def _int64(elements: pa.StructArray, name: str) -> np.ndarray:
    return elements.field(name).to_numpy(zero_copy_only=False).astype(np.int64)


def _joined(first: pa.Array, second: pa.Array, order: np.ndarray) -> pa.Array:
    return pa.concat_arrays([first, second]).take(pa.array(order, pa.int64()))


def _found(asked: pa.Array, known: list[str]) -> np.ndarray:
    """Look texts up; -1 where there is none."""
    places = pc.index_in(asked, pa.array(known, pa.string()))
    return pc.fill_null(places, -1).to_numpy(zero_copy_only=False).astype(np.int64)
