"""What makes one simulated shop: its parameters, its markets, and its streams of random numbers.

No state is kept here. A shop is simulated from its first day each time, so the parameters alone
decide every byte that it ever writes.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

import numpy as np

from vitrine.errors import BadArgumentError, BadInputError
from vitrine.interval import Interval, format_instant, midnight
from vitrine.publish import atomic_file

FLASH_SALE, RETAILER = "flash_sale", "retailer"
"""The kinds of shop that can be simulated; both deliver the same raw format."""
DEFAULT_CUSTOMERS = 2_000
SMALL_SHOP = 1_000
_DAYS = ("founded_on", "lists_since")
_Read = TypeVar("_Read")


@dataclass(frozen=True)
class Market:
    """One country that the shop sells in; its campaigns and its customers are its own."""

    country: str
    timezone: str
    language: str
    share: float
    """Share of the shop's customers who live there."""


MARKETS = (
    Market("FR", "Europe/Paris", "fr", 0.45),
    Market("ES", "Europe/Madrid", "es", 0.30),
    Market("GB", "Europe/London", "en", 0.25),
)


@dataclass(frozen=True)
class Parameters:
    """What shops of every kind are made from."""

    seed: int
    customer_count: int
    founded_on: date
    """First UTC day of which the shop gives data."""

    def draws(self, purpose: str, *numbers: int) -> np.random.Generator:
        """Return the stream of one purpose and, say, day; streams do not depend on each other."""
        return np.random.default_rng([self.seed, crc32(purpose.encode()), *numbers])

    def refuse_another(
        self, landing: Path, interval: Interval, seed: int, customers: int | None
    ) -> None:
        """Let only this shop write to its landing folder, and from its first day on.

        Raises
        ------
        BadArgumentError
            If another seed or size is asked for, or an interval that begins before the founding.
        """
        file = shop_file(landing)
        if customers not in (None, self.customer_count):
            raise BadArgumentError(
                f"{file} is a shop of {self.customer_count} customers, not {customers};"
                " leave --customers away, or simulate into an empty landing folder"
            )
        if seed != self.seed:
            raise BadArgumentError(
                f"{file} is a shop of seed {self.seed}, not {seed};"
                " set VITRINE_SEED to it, or simulate into an empty landing folder"
            )
        if interval.start < midnight(self.founded_on):
            raise BadArgumentError(
                f"the shop in {file} was founded on {self.founded_on};"
                f" {format_instant(interval.start)} lies before that"
            )


@dataclass(frozen=True)
class Shop(Parameters):
    """The parameters of a flash-sale shop.

    Raises
    ------
    BadArgumentError
        If there are too few customers or brands to fill the markets.
    """

    brand_count: int
    openings_per_day: float
    """Mean number of campaigns that open a day in each market."""
    lists_since: date | None = None
    """From this local day on published lists are the shop's mail, and it has no other."""
    announced_days: int = 2
    """Local days from a campaign's announcement to its opening: a list is made at night of what was
    known at its midnight, and is read that morning. To say then what opens tomorrow, the shop must
    have said so the day before."""

    def __post_init__(self) -> None:
        if self.customer_count < 2 * len(MARKETS):
            raise BadArgumentError(
                f"a shop needs at least {2 * len(MARKETS)} customers, not {self.customer_count}"
            )

    @classmethod
    def of_size(cls, seed: int, customer_count: int, founded_on: date) -> "Shop":
        """Choose the number of brands and campaigns that suits a number of customers."""
        if customer_count < SMALL_SHOP:
            return cls(seed, customer_count, founded_on, brand_count=36, openings_per_day=3.5)
        return cls(seed, customer_count, founded_on, brand_count=60, openings_per_day=5.0)


def shop_file(landing: Path) -> Path:
    """Return the file that keeps a landing folder's shop parameters."""
    return landing / "shop.json"


def stored(
    landing: Path, read: Callable[[dict[str, Any]], _Read], kind: str = "shop"
) -> _Read | None:
    """Let `read` make something of what the shop's file says; return None where there is no file.

    Raises
    ------
    BadInputError
        If the file cannot be understood, calling it that of a simulated `kind`.
    """
    file = shop_file(landing)
    if not file.exists():
        return None
    try:
        return read(json.loads(file.read_text()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInputError(
            f"{file} does not hold a simulated {kind}'s parameters ({error});"
            " simulate into an empty landing folder"
        ) from None


def kind_of_shop(landing: Path) -> str | None:
    """Return the kind of shop that already writes to `landing`: `FLASH_SALE` or `RETAILER`.

    Raises
    ------
    BadInputError
        If the file cannot be understood.
    """
    return stored(landing, lambda values: str(values.get("kind", FLASH_SALE)))


def load_shop(landing: Path) -> Shop | None:
    """Read the parameters of the shop that already writes to `landing`, if there is one.

    Raises
    ------
    BadInputError
        If the file cannot be understood.
    """
    return stored(landing, _shop)


def _shop(values: dict[str, Any]) -> Shop:
    days = {name: date.fromisoformat(values[name]) for name in _DAYS if name in values}
    # Shops that were founded before they could differ in it announce one day ahead.
    return Shop(**({"announced_days": 1} | values | days))


def store_shop(landing: Path, shop: Shop) -> None:
    """Keep the parameters, so that later intervals continue the same shop."""
    known = {name: value for name, value in vars(shop).items() if value is not None}
    values = known | {name: known[name].isoformat() for name in _DAYS if name in known}
    with atomic_file(shop_file(landing)) as path:
        path.write_text(json.dumps(values, indent=2) + "\n")
