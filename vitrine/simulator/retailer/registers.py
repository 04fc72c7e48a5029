"""What else the shop sends for a day: who registered, what was launched, prices, mail and stock."""

from dataclasses import dataclass

import numpy as np

from vitrine.simulator.retailer.clock import DAY
from vitrine.simulator.retailer.customers import Customers
from vitrine.simulator.retailer.noise import uniform
from vitrine.simulator.retailer.orders import Facts
from vitrine.simulator.retailer.shelf import ALL, Layout
from vitrine.simulator.retailer.shop import FULL_DAYS, Retailer

MAIL_SHARE = 0.02
"""Share of the customers who allow it that are written to on a day."""
MAIL_SECOND = 7 * 3_600
OPEN_SHARE, CLICK_SHARE = 0.25, 0.2
MAIL_KINDS = ("sent", "opened", "clicked")
PURPOSES = ("email_marketing", "profiling")
STOCK_SECOND = 2 * 3_600
COVER_DAYS = 30
"""For how long the stock of a product lasts at most."""
LEAVES_FOR_GOOD = 10
"""Every so manieth customer who takes the permission back never wants to be written to again."""


@dataclass(frozen=True)
class Registers:
    """Writes down a day's registrations, launches, prices, mail and stock."""

    shop: Retailer
    customers: Customers
    layout: Layout

    def registrations(self, day: int, sold: Facts) -> Facts:
        """Return who registered: on day 0 all founders; others half an hour before they order."""
        first = self.shop.customers_by(day - 1) if day else 0
        who = np.arange(first, self.shop.customers_by(day))
        luck = uniform(self.shop.seed, "registration", who, 0)
        midnight = self.shop.midnight(day)
        at = midnight + (luck * DAY).astype(np.int64)
        is_new = sold["customer"] >= first
        place, ordered_at = sold["customer"][is_new] - first, sold["occurred_at"][is_new]
        np.minimum.at(at, place, ordered_at)
        at = np.maximum(at - 30 - (luck * 1_770).astype(np.int64), midnight)
        is_founder = who < self.shop.founding_customers
        years_ago = midnight - DAY - (luck * 5 * 365 * DAY).astype(np.int64)
        return {
            "customer": who,
            "signed_up_at": np.where(is_founder, years_ago, at),
            "received_at": np.where(is_founder, midnight, at + 5),
        }

    def consents(self, day: int, registered: Facts) -> Facts:
        """Return what the customers allowed when they registered, and what they take back."""
        who, people = registered["customer"], self.customers
        gone = self._withdrawals(day)
        at = self._sometime(day, gone)
        allows = [people.allows_email_N[who], people.allows_profiling_N[who]]
        return {
            "customer": np.r_[who, who, gone],
            "purpose": np.repeat([0, 1, 0], [len(who), len(who), len(gone)]),
            "is_granted": np.r_[allows[0], allows[1], np.zeros(len(gone), bool)],
            "is_withdrawn": np.repeat([False, True], [2 * len(who), len(gone)]),
            "changed_at": np.r_[registered["signed_up_at"], registered["signed_up_at"], at],
            "received_at": np.r_[registered["received_at"], registered["received_at"], at + 2],
        }

    def suppressions(self, day: int) -> Facts:
        """Return who never wants to be written to again."""
        gone = self._withdrawals(day)
        gone = gone[gone % LEAVES_FOR_GOOD == 0]
        at = self._sometime(day, gone)
        return {"customer": gone, "suppressed_at": at, "received_at": at + 2}

    def launches(self, day: int) -> Facts:
        """Return the products that are launched; on day 0 all that were launched before, too."""
        first = self.shop.products_by(day - 1) if day else 0
        made = np.arange(first, self.shop.products_by(day))
        launch = self.layout.products.launch_P[made].astype(np.int64)
        midnight = self.shop.midnight(day)
        return {
            "product": made,
            "opens_at": self.shop.midnight(0) + launch * DAY,
            "received_at": np.full(len(made), midnight),
        }

    def prices(self, day: int) -> Facts:
        """Return the prices of new products, and those that changed over night."""
        today = self.layout.shelf(day).cents_P
        changed = np.zeros(len(today), bool)
        if day:
            changed = (today != self.layout.shelf(day - 1).cents_P) & (
                self.layout.shelf(day).weight_P > 0
            )
        first = self.shop.products_by(day - 1) if day else 0
        changed[first : self.shop.products_by(day)] = True
        which = np.flatnonzero(changed)
        received = np.full(len(which), self.shop.midnight(day))
        return {"product": which, "cents": today[which], "received_at": received}

    def mail(self, day: int) -> Facts:
        """Return the day's newsletters, what was opened, and what was clicked."""
        draws, people = self.shop.draws("mail", day), self.customers
        there = self.shop.customers_by(day)
        may_write = people.allows_email_N[:there] & (people.withdraws_on_N[:there] > day)
        who = np.flatnonzero(may_write & (draws.random(there) < MAIL_SHARE))
        sent_at = self.shop.midnight(day) + MAIL_SECOND + np.arange(len(who)) // 50
        opened = draws.random(len(who)) < OPEN_SHARE
        clicked = opened & (draws.random(len(who)) < CLICK_SHARE)
        after = 60 + draws.exponential(4 * 3_600, len(who)).astype(np.int64)
        number, opened_at = np.arange(len(who)), sent_at + after
        return {
            "message": self.shop.stem(day) + np.r_[number, number[opened], number[clicked]],
            "customer": np.r_[who, who[opened], who[clicked]],
            "kind": np.repeat([0, 1, 2], [len(who), opened.sum(), clicked.sum()]),
            "occurred_at": np.r_[sent_at, opened_at[opened], opened_at[clicked] + 20],
        }

    def stock(self, day: int) -> Facts:
        """Return what lies in the warehouse by night: more of what sells, often less than wished.

        The shop orders again every fortnight. The sales of single days are not subtracted.
        """
        weight_P = self.layout.shelf(day).weight_P
        offered = np.flatnonzero(weight_P > 0)
        total = self.layout.shelf(day).total_WP[ALL][-1]
        a_day = 2 * self.shop.sale_count / FULL_DAYS * weight_P[offered] / total
        luck = uniform(self.shop.seed, "stock", offered, day // 14)
        left = np.maximum(COVER_DAYS * luck - day % 14, 0)
        at = np.full(len(offered), self.shop.midnight(day) + STOCK_SECOND)
        quantity = np.ceil(a_day * left).astype(np.int64)
        return {"product": offered, "quantity": quantity, "occurred_at": at, "received_at": at + 60}

    def _withdrawals(self, day: int) -> np.ndarray:
        there = self.shop.customers_by(day)
        people = self.customers
        return np.flatnonzero(
            people.allows_email_N[:there] & (people.withdraws_on_N[:there] == day)
        )

    def _sometime(self, day: int, who: np.ndarray) -> np.ndarray:
        luck = uniform(self.shop.seed, "withdrawal", who, 0)
        return self.shop.midnight(day) + (luck * (DAY - 10)).astype(np.int64)
