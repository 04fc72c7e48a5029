"""Brands and their ranges of products.

A brand's range slides: each few days its oldest product leaves and a new one joins. A campaign
sells a part of the range, so products come back in later campaigns.
"""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from vitrine.simulator.shop import Shop
from vitrine.simulator.vocabulary import (
    AUDIENCES,
    BRAND_ENDS,
    BRAND_STARTS,
    CARES,
    COLOURS,
    LIFE_STAGES,
    PATTERNS,
    SEASONS,
    SECTORS,
    STRETCH,
    STRETCHED,
    STYLES,
    SUB_SECTORS,
    TRIMS,
    SubSector,
)

LATENT = 4
"""Hidden dimensions of a brand's character."""
RANGE_SIZE = 26
RENEWAL_DAYS = 6
MISSING_LABEL = 0.12
"""Chance that a label of a product was never filled in."""
BLEND = 0.3
"""Chance of each further material in a product's composition."""
LOGO = 0.4
"""Chance that a brand puts its badge on a product."""
_SUB_SECTORS_OF = {
    sector: [n for n, sub in enumerate(SUB_SECTORS) if sub.sector == sector] for sector in SECTORS
}


@dataclass(frozen=True)
class Brands:
    """All brands; arrays of length B."""

    names: tuple[str, ...]
    sector_B: np.ndarray
    """int, index into SECTORS"""
    sub_sectors_B2: np.ndarray
    """int, the two kinds of product that the brand makes, indices into SUB_SECTORS"""
    audience_B: np.ndarray
    """int, index into AUDIENCES"""
    price_level_B: np.ndarray
    """float, about -1.5 (cheap) to 1.5 (dear)"""
    character_BL: np.ndarray
    """float, standard normal"""


@dataclass(frozen=True)
class Product:
    """One product; `labels` are the classifier's tasks, missing ones left out.

    A label with several answers holds them with `|` between, such as `cotton|elastane`.
    """

    id: str
    name: str
    description: str
    brand: int
    sub_sector: int
    colour: str
    pattern: str
    material: str
    trim: str
    has_logo: bool
    audience: str
    life_stage: str
    list_price: float
    unit_cost: float
    labels: dict[str, str]
    is_colour_given: bool
    view_count: int


def make_brands(shop: Shop) -> Brands:
    """Draw the brands of a shop."""
    draws, count = shop.draws("brands"), shop.brand_count
    sector_B = np.arange(count) % len(SECTORS)
    subs = [draws.permutation(_SUB_SECTORS_OF[SECTORS[s]])[:2] for s in sector_B]
    audience_B = draws.integers(0, len(AUDIENCES), count)
    audience_B[sector_B == SECTORS.index("kids")] = AUDIENCES.index("kids")
    audience_B[sector_B == SECTORS.index("home")] = AUDIENCES.index("everyone")
    adults = (audience_B == AUDIENCES.index("kids")) & (sector_B != SECTORS.index("kids"))
    audience_B[adults] = AUDIENCES.index("women")
    return Brands(
        names=tuple(_brand_name(n) for n in range(count)),
        sector_B=sector_B,
        sub_sectors_B2=np.array(subs),
        audience_B=audience_B,
        price_level_B=draws.uniform(-1.5, 1.5, count),
        character_BL=draws.standard_normal((count, LATENT)),
    )


def _brand_name(number: int) -> str:
    rounds, place = divmod(number, len(BRAND_STARTS) * len(BRAND_ENDS))
    end, start = divmod(place, len(BRAND_STARTS))
    name = BRAND_STARTS[start] + BRAND_ENDS[(end + start) % len(BRAND_ENDS)]
    return name if rounds == 0 else f"{name} {rounds + 1}"


class Catalogue:
    """The products of all brands, made when they are first asked for."""

    def __init__(self, shop: Shop, brands: Brands) -> None:
        self.shop = shop
        self.brands = brands
        self._products: dict[tuple[int, int], Product] = {}

    def range_of(self, brand: int, kind: int, on: date) -> list[Product]:
        """List the products of one of the brand's two kinds that are in its range on a day."""
        first = max(0, (on - self.shop.founded_on).days // RENEWAL_DAYS)
        numbers = range(first, first + RANGE_SIZE)
        return [self.product(brand, n) for n in numbers if n % 2 == kind]

    def product(self, brand: int, number: int) -> Product:
        """Return a brand's n-th product."""
        if (brand, number) not in self._products:
            self._products[brand, number] = self._make(brand, number)
        return self._products[brand, number]

    def _make(self, brand: int, number: int) -> Product:
        draws = self.shop.draws("product", brand, number)
        sub_sector = int(self.brands.sub_sectors_B2[brand, number % 2])
        sub = SUB_SECTORS[sub_sector]
        colour = list(COLOURS)[draws.integers(len(COLOURS))]
        audience = AUDIENCES[self.brands.audience_B[brand]]
        truth = {
            "article_type": sub.name,
            "colour": colour,
            "pattern": PATTERNS[draws.choice(4, p=[0.4, 0.25, 0.2, 0.15])],
            "material": sub.materials[draws.integers(3)],
            "season": SEASONS[draws.integers(4)],
            "audience": audience,
        }
        style = STYLES[draws.integers(len(STYLES))]
        level = float(self.brands.price_level_B[brand])
        price = round(sub.price * np.exp(0.45 * level + 0.2 * draws.standard_normal())) - 0.10
        given = draws.random(len(truth)) >= MISSING_LABEL
        details = _details(self.shop.draws("product details", brand, number), sub, truth, style)
        labels = {k: v for (k, v), g in zip(truth.items(), given, strict=True) if g}
        return Product(
            id=f"P{brand:04d}{number:05d}",
            name=_name(self.brands.names[brand], style, truth),
            description=_description(style, truth, details.truth),
            brand=brand,
            sub_sector=sub_sector,
            colour=colour,
            pattern=truth["pattern"],
            material=truth["material"],
            trim=details.truth["trim"],
            has_logo=details.truth["has_logo"] == "yes",
            audience=audience,
            life_stage=LIFE_STAGES[audience],
            list_price=float(max(price, 4.90)),
            unit_cost=round(float(max(price, 4.90)) * float(draws.uniform(0.2, 0.35)), 2),
            labels=labels | details.given,
            is_colour_given=bool(given[1]),
            view_count=int(draws.integers(2, 4)),
        )


class _Details(NamedTuple):
    """Labels that nobody's taste asks for, all of them and those that are given."""

    truth: dict[str, str]
    given: dict[str, str]


def _details(
    draws: np.random.Generator, sub: SubSector, truth: dict[str, str], style: str
) -> _Details:
    """Draw from a stream of their own: demand does not depend on how many details there are."""
    others = [m for m in sub.materials if m != truth["material"]]
    others += [STRETCH] if sub.name in STRETCHED else []
    added = [
        m for m, chance in zip(others, draws.random(len(others)), strict=True) if chance < BLEND
    ]
    details = {
        "style": style,
        "composition": "|".join([truth["material"], *added]),
        "trim": list(TRIMS)[draws.choice(len(TRIMS), p=[0.4, 0.2, 0.2, 0.2])],
        "has_logo": "yes" if draws.random() < LOGO else "no",
        "care": CARES[draws.integers(len(CARES))],
    }
    is_given = draws.random(len(details)) >= MISSING_LABEL
    return _Details(
        details, {k: v for (k, v), g in zip(details.items(), is_given, strict=True) if g}
    )


def _name(brand: str, style: str, truth: dict[str, str]) -> str:
    pattern = "" if truth["pattern"] == "plain" else f"{truth['pattern']} "
    return f"{brand} {style} {pattern}{truth['article_type']}"


def _description(style: str, truth: dict[str, str], details: dict[str, str]) -> str:
    materials = " and ".join(details["composition"].split("|"))
    return (
        f"{style.capitalize()} {truth['article_type']} for {truth['audience']}, made of"
        f' {materials}, a "{truth["season"]}" favourite. Care: {details["care"]}.'
    )
