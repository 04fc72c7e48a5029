"""The order lines of a day, and what of them will come back: a pure function of shop and day."""

from dataclasses import dataclass

import numpy as np

from vitrine.simulator.retailer.choices import choose
from vitrine.simulator.retailer.clock import DAY, seconds
from vitrine.simulator.retailer.customers import Customers
from vitrine.simulator.retailer.demand import Demand
from vitrine.simulator.retailer.shelf import Layout
from vitrine.simulator.retailer.shop import Retailer
from vitrine.simulator.retailer.vocabulary import CHANNELS, KINDS

Facts = dict[str, np.ndarray]
"""Columns of equal length; words and ids as numbers, instants as int64 seconds, money in cents."""

RETURN_SHARES = np.array([0.115, 0.1, 0.03])
"""Chance of a line to come back, by channel."""
LONGEST_RETURN_DAYS = 28
MEAN_RETURN_DAYS = 8
QUANTITY_SHARES = (0.93, 0.055, 0.015)
VOUCHER_SHARE, VOUCHER_DEPTH = 0.05, 0.1
_STORE = CHANNELS.index("store")


@dataclass(frozen=True)
class OrderBook:
    """Writes down the orders of any day."""

    shop: Retailer
    customers: Customers
    layout: Layout
    demand: Demand

    def sales(self, day: int) -> Facts:
        """Return a day's order lines in the order of time; `basket` numbers the orders from 0."""
        draws = self.shop.draws("orders", day)
        baskets = self.demand.baskets_of(day)
        who_B, channel_B = baskets.customer_B, self._channels(draws, baskets.customer_B)
        market_B = self.customers.market_N[who_B]
        second_B = seconds(
            draws.random(len(who_B)), channel_B == _STORE, market_B, self.shop.date_of(day)
        )
        order = np.argsort(second_B, kind="stable")
        basket_L = np.repeat(np.arange(len(order)), baskets.size_B[order])
        who_L = who_B[order][basket_L]
        product_L = choose(self.customers, self.layout, day, who_L, draws)
        return {
            "basket": basket_L,
            "line": turns(basket_L) + 1,
            "customer": who_L,
            "product": product_L,
            "cents": self._cents(draws, day, basket_L, product_L),
            "quantity": 1 + draws.choice(3, len(who_L), p=QUANTITY_SHARES),
            "channel": channel_B[order][basket_L],
            "occurred_at": self.shop.midnight(day) + second_B[order][basket_L],
        }

    def returns(self, day: int, sold: Facts) -> Facts:
        """Return the lines of a day's orders that will come back, an order's all at once."""
        draws = self.shop.draws("returns", day)
        comes_L = draws.random(len(sold["line"])) < RETURN_SHARES[sold["channel"]]
        baskets = int(sold["basket"].max(initial=-1)) + 1
        after_B = 1 + draws.exponential(MEAN_RETURN_DAYS, baskets)
        after_B = (np.minimum(after_B, LONGEST_RETURN_DAYS - 1) * DAY).astype(np.int64)
        back = {name: column[comes_L] for name, column in sold.items()}
        return back | {"occurred_at": back["occurred_at"] + after_B[back["basket"]]}

    def lines(self, day: int) -> tuple[Facts, Facts]:
        """Return a day's sales, and all the order lines that it leads to, returns included."""
        sold = self.sales(day)
        back = self.returns(day, sold)
        both = {name: np.r_[sold[name], back[name]] for name in sold}
        kind_L = np.repeat(
            [KINDS.index("sale"), KINDS.index("return")], [len(f["line"]) for f in (sold, back)]
        )
        return sold, both | {"kind": kind_L, "order": self.shop.stem(day) + both["basket"]}

    def _channels(self, draws: np.random.Generator, who_B: np.ndarray) -> np.ndarray:
        customers, luck_B = self.customers, draws.random((2, len(who_B)))
        on_phone_B = luck_B[1] < customers.phone_share_N[who_B]
        return np.where(luck_B[0] < customers.web_share_N[who_B], on_phone_B * 1, _STORE)

    def _cents(
        self, draws: np.random.Generator, day: int, basket_L: np.ndarray, product_L: np.ndarray
    ) -> np.ndarray:
        """Look prices up; a few orders have a voucher."""
        baskets = int(basket_L.max(initial=-1)) + 1
        has_voucher = (draws.random(baskets) < VOUCHER_SHARE)[basket_L]
        cents_L = self.layout.shelf(day).cents_P[product_L]
        return np.where(has_voucher, np.round(cents_L * (1 - VOUCHER_DEPTH)), cents_L).astype(int)


def turns(sorted_L: np.ndarray) -> np.ndarray:
    """Number the rows of each group from 0: [3, 3, 7] gives [0, 1, 0]."""
    return np.arange(len(sorted_L)) - np.searchsorted(sorted_L, sorted_L, side="left")
