"""The retailer's parameters, how its counts follow from its size, and its random streams.

Everything scales with the number of customers: 1,370,000 have 105,000 products and 31.8 million
order lines in 730 days, the counts of the H&M data of 2022.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np

from vitrine.errors import BadArgumentError
from vitrine.simulator.retailer.seasons import day_factors
from vitrine.simulator.shop import Parameters

LEAST_CUSTOMERS = 1_000
FULL_DAYS = 730
"""The days after which the shop has the customers, products and lines of its size."""
PRODUCTS_PER_CUSTOMER = 105_000 / 1_370_000
LINES_PER_CUSTOMER = 31_800_000 / 1_370_000
"""Order lines in 730 days; a return is a line of its own."""
RETURNS_PER_SALE = 0.077
"""Measured; `orders.RETURN_SHARES` by channel decide."""
EVENTS_PER_CUSTOMER_AND_DAY = 1_000_000 / 1_370_000
FOUNDING_CUSTOMERS = 0.55
"""Share of the customers who registered before the first day; the others join day by day."""
FOUNDING_PRODUCTS = 0.3


@dataclass(frozen=True)
class Retailer(Parameters):
    """The parameters of a retailer; days are counted from 0, the day of its founding.

    Raises
    ------
    BadArgumentError
        If there are too few customers for the departments to have products.
    """

    sessions_from: date

    def __post_init__(self) -> None:
        if self.customer_count < LEAST_CUSTOMERS:
            raise BadArgumentError(
                f"a retailer needs at least {LEAST_CUSTOMERS} customers, not {self.customer_count}"
            )

    @property
    def product_count(self) -> int:
        """Products launched before day 730."""
        return round(self.customer_count * PRODUCTS_PER_CUSTOMER)

    @property
    def founding_customers(self) -> int:
        """Customers registered before day 0."""
        return round(self.customer_count * FOUNDING_CUSTOMERS)

    @property
    def founding_products(self) -> int:
        """Products launched before day 0."""
        return round(self.product_count * FOUNDING_PRODUCTS)

    def customers_by(self, day: int) -> int:
        """Count the customers registered by the end of a day."""
        return _grown(self.founding_customers, self.customer_count, day)

    def products_by(self, day: int) -> int:
        """Count the products launched by the end of a day."""
        return _grown(self.founding_products, self.product_count, day)

    def joined_on(self, customer_N: np.ndarray) -> np.ndarray:
        """Return the day on which each customer registered, -1 for before the founding."""
        return _joined(customer_N, self.founding_customers, self.customer_count)

    def launched_on(self, product_P: np.ndarray) -> np.ndarray:
        """Return the day on which each product was launched, -1 for before the founding."""
        return _joined(product_P, self.founding_products, self.product_count)

    def date_of(self, day: int) -> date:
        """Return a day's date."""
        return self.founded_on + timedelta(days=day)

    def day_of(self, on: date) -> int:
        """Return a date's day."""
        return (on - self.founded_on).days

    def midnight(self, day: int) -> int:
        """Return a day's first instant, in seconds since 1970."""
        return int(np.datetime64(self.date_of(day), "s").astype(np.int64))

    def stem(self, day: int) -> int:
        """Return the number that a day's ids begin with: 20260310 and seven zeros."""
        return int(f"{self.date_of(day):%Y%m%d}") * 10_000_000

    @property
    def sale_count(self) -> float:
        """Lines sold in 730 days."""
        return self.customer_count * LINES_PER_CUSTOMER / (1 + RETURNS_PER_SALE)

    def share_of(self, day: int, whole: float) -> int:
        """Return a day's part of what comes to `whole` in the first 730 days, season by season."""
        until = np.floor(self._pace[[day, day + 1]] * whole + 1e-6)
        return int(until[1] - until[0])

    @cached_property
    def _pace(self) -> np.ndarray:
        days = 20 * FULL_DAYS
        total = np.r_[0.0, np.cumsum(day_factors(self.founded_on, days))]
        return total / total[FULL_DAYS]


def _grown(founding: int, full: int, day: int) -> int:
    return founding + (full - founding) * (day + 1) // FULL_DAYS


def _joined(number_N: np.ndarray, founding: int, full: int) -> np.ndarray:
    """Invert `_grown`: the first day by whose end there is a customer of this number."""
    after = FULL_DAYS * (number_N - founding + 1)
    return np.where(number_N < founding, -1, -(-after // (full - founding)) - 1)
