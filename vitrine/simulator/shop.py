"""What makes one simulated shop: its parameters, its markets, and its streams of random numbers.

No state is kept here. A shop is simulated from its first day each time, so the parameters alone
decide every byte that it ever writes.
"""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zlib import crc32

import numpy as np

from vitrine.errors import BadArgumentError, BadInputError
from vitrine.publish import atomic_file

FLASH_SALE, RETAILER = "flash_sale", "retailer"
"""The kinds of shop that can be simulated; both deliver the same raw format."""
DEFAULT_CUSTOMERS = 2_000
SMALL_SHOP = 1_000
_DAYS = ("founded_on", "lists_since")


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
class Shop:
    """The parameters of a shop.

    Raises
    ------
    BadArgumentError
        If there are too few customers or brands to fill the markets.
    """

    seed: int
    customer_count: int
    founded_on: date
    """First UTC day of which the shop gives data."""
    brand_count: int
    openings_per_day: float
    """Mean number of campaigns that open a day in each market."""
    lists_since: date | None = None
    """From this local day on published lists are the shop's mail, and it has no other."""

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

    def draws(self, purpose: str, *numbers: int) -> np.random.Generator:
        """Return the stream of one purpose and, say, day; streams do not depend on each other."""
        return np.random.default_rng([self.seed, crc32(purpose.encode()), *numbers])


def shop_file(landing: Path) -> Path:
    """Return the file that keeps a landing folder's shop parameters."""
    return landing / "shop.json"


def kind_of_shop(landing: Path) -> str | None:
    """Return the kind of shop that already writes to `landing`: `FLASH_SALE` or `RETAILER`.

    Raises
    ------
    BadInputError
        If the file cannot be understood.
    """
    file = shop_file(landing)
    if not file.exists():
        return None
    try:
        return str(json.loads(file.read_text()).get("kind", FLASH_SALE))
    except (ValueError, AttributeError) as error:
        raise BadInputError(
            f"{file} does not hold a simulated shop's parameters ({error});"
            " simulate into an empty landing folder"
        ) from None


def load_shop(landing: Path) -> Shop | None:
    """Read the parameters of the shop that already writes to `landing`, if there is one.

    Raises
    ------
    BadInputError
        If the file cannot be understood.
    """
    file = shop_file(landing)
    if not file.exists():
        return None
    try:
        values = json.loads(file.read_text())
        days = {name: date.fromisoformat(values[name]) for name in _DAYS if name in values}
        return Shop(**(values | days))
    except (ValueError, KeyError, TypeError) as error:
        raise BadInputError(
            f"{file} does not hold a simulated shop's parameters ({error});"
            " simulate into an empty landing folder"
        ) from None


def store_shop(landing: Path, shop: Shop) -> None:
    """Keep the parameters, so that later intervals continue the same shop."""
    known = {name: value for name, value in vars(shop).items() if value is not None}
    values = known | {name: known[name].isoformat() for name in _DAYS if name in known}
    with atomic_file(shop_file(landing)) as path:
        path.write_text(json.dumps(values, indent=2) + "\n")
