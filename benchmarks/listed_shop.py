"""A large shop in memory: everything that `email_lists.composition` knows of a night, made up.

Sizes and code are real, contents are drawn: customers of five countries with tastes, a history that
follows popularity, 250 campaigns of 20 products, limited stock, consents that some withdrew, and
the champion's hundred best campaigns of each customer in a Parquet file.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import dataset

from email_lists.slates.similarity import ProductVectors
from vitrine.contracts import INSTANT, NO_COUNTRY, TABLES
from vitrine.interval import DAY, EPOCH, floor, parse_instant

AS_OF = parse_instant("2026-03-16T03:30:00Z")
PRODUCTS_OF_CAMPAIGN = 20
BRANDS, SECTORS, KINDS, DIMENSIONS = 400, 8, 60, 64
PURCHASES = 8
COUNTRIES = {
    "FR": ("fr", "Europe/Paris"),
    "DE": ("de", "Europe/Berlin"),
    "ES": ("es", "Europe/Madrid"),
    "IT": ("it", "Europe/Rome"),
    "GB": ("en", "Europe/London"),
}
SEGMENTS = ("prospect", "new", "loyal", "top", "inactive")
SEGMENT_SHARES = (0.25, 0.1, 0.3, 0.1, 0.25)
_BLOCK = 50_000


@dataclass(frozen=True)
class Sizes:
    """How large the shop is."""

    customers: int
    campaigns: int = 250
    past_products: int = 40_000
    """Sold once, and not tonight."""
    scores_kept: int = 100
    """Campaigns of each customer."""
    seed: int = 7

    @property
    def offers(self) -> int:
        """Products on sale tonight, each in one campaign."""
        return self.campaigns * PRODUCTS_OF_CAMPAIGN

    @property
    def products(self) -> int:
        """All that was ever sold."""
        return self.past_products + self.offers

    def draws(self, what: str) -> np.random.Generator:
        """Return a stream of numbers of its own for each part."""
        return np.random.default_rng([self.seed, *what.encode()])


def ids(letter: str, count: int) -> pa.Array:
    """Number things: U0000000, U0000001, …"""
    return pa.array([f"{letter}{n:07}" for n in range(count)], pa.string())


def customers(sizes: Sizes) -> pa.Table:
    """Draw who they are."""
    draws = sizes.draws("customers")
    country_N = draws.integers(len(COUNTRIES), size=sizes.customers)
    names = np.array(list(COUNTRIES))
    languages, zones = np.array(list(COUNTRIES.values())).T
    gender_N = np.array(["female", "male", "unknown"])[draws.integers(3, size=sizes.customers)]
    band_N = np.array(["18-24", "25-34", "35-49", "50-64"])[draws.integers(4, size=sizes.customers)]
    colon = np.char.add(np.char.add(gender_N, ":"), np.char.add(band_N, ":"))
    segment_N = draws.choice(len(SEGMENTS), size=sizes.customers, p=SEGMENT_SHARES)
    return pa.table(
        {
            "customer_id": ids("U", sizes.customers),
            "country": names[country_N],
            "language": languages[country_N],
            "timezone": zones[country_N],
            "demographic_cluster": np.char.add(colon, names[country_N]),
            "segment": np.array(SEGMENTS)[segment_N],
            "birth_year": pa.array(draws.integers(1940, 2008, sizes.customers), pa.int16()),
        }
    )


def products(sizes: Sizes) -> pa.Table:
    """Draw what was ever sold; the last `offers` of it are on sale tonight."""
    draws, count = sizes.draws("products"), sizes.products
    brand_P = draws.integers(BRANDS, size=count)
    kind_P = draws.integers(KINDS, size=count)
    return pa.table(
        {
            "product_id": ids("P", count),
            "name": [f"article {n} of kind {k}" for n, k in enumerate(kind_P.tolist())],
            "brand": [f"brand {b}" for b in brand_P.tolist()],
            "sector": [f"sector {k % SECTORS}" for k in kind_P.tolist()],
            "sub_sector": [f"kind {k}" for k in kind_P.tolist()],
            "unit_cost": draws.uniform(2, 60, count),
        }
    )


def campaigns(sizes: Sizes) -> pa.Table:
    """Draw which campaigns are open: a fifth of them in one country alone."""
    draws, count = sizes.draws("campaigns"), sizes.campaigns
    country = np.where(draws.random(count) < 0.2, draws.choice(list(COUNTRIES), count), NO_COUNTRY)
    opened = [AS_OF - timedelta(hours=int(h)) for h in draws.integers(-20, 90, count)]
    return pa.table(
        {
            "campaign_id": ids("K", count),
            "brand": [f"brand {b}" for b in draws.integers(BRANDS, size=count).tolist()],
            "sector": [f"sector {s}" for s in draws.integers(SECTORS, size=count).tolist()],
            "sub_sector": ["kind 0"] * count,
            "country": country,
            "opens_at": pa.array(opened, INSTANT),
            "closes_at": pa.array([at + timedelta(hours=96) for at in opened], INSTANT),
        }
    )


def supply(sizes: Sizes) -> pa.Table:
    """Draw what each campaign sells: stock of 5 to 2,000 pieces, few of most."""
    draws, count = sizes.draws("supply"), sizes.offers
    names = ids("P", sizes.products).slice(sizes.past_products)
    return pa.table(
        {
            "campaign_id": ids("K", sizes.campaigns).take(np.arange(count) // PRODUCTS_OF_CAMPAIGN),
            "product_id": names,
            "price": np.round(draws.lognormal(3.3, 0.6, count), 2),
            "stock_left": np.exp(draws.uniform(np.log(5), np.log(2000), count)).astype(np.int64),
        }
    )


def sales(sizes: Sizes, who: pa.Table) -> pa.Table:
    """Draw purchases of a year: eight a customer in the mean, none of prospects."""
    draws = sizes.draws("sales")
    is_prospect_N = np.array(who["segment"].to_pylist()) == "prospect"
    count_N = np.where(is_prospect_N, 0, draws.poisson(PURCHASES / 0.75, sizes.customers))
    customer_L = np.repeat(np.arange(sizes.customers), count_N)
    lines = customer_L.size
    # A power law over products in a drawn order, so that popular ones are not neighbours.
    popular = draws.permutation(sizes.products)
    product_L = popular[(sizes.products * draws.random(lines) ** 3).astype(np.int64)]
    # Two lines an order, on the same day.
    order_L = np.arange(lines) // 2
    days_L = (365 * draws.random(lines // 2 + 1) ** 1.5)[order_L]
    seconds_L = (AS_OF.timestamp() - 4 * 3600 - days_L * 86_400).astype(np.int64)
    return pa.table(
        {
            "order_id": pa.DictionaryArray.from_arrays(
                pa.array(order_L.astype(np.int32)), ids("O", lines // 2 + 1)
            ).cast(pa.string()),
            "customer_id": who["customer_id"].take(customer_L),
            "demographic_cluster": who["demographic_cluster"].take(customer_L),
            "product_id": ids("P", sizes.products).take(product_L),
            "unit_count": pa.array(np.ones(lines, np.int64)),
            "occurred_at": pa.array(seconds_L * 1_000_000, pa.int64()).cast(INSTANT),
        }
    )


def vectors(sizes: Sizes) -> ProductVectors:
    """Draw embeddings."""
    drawn = sizes.draws("vectors").normal(size=(sizes.products, DIMENSIONS)).astype(np.float32)
    lengths = np.linalg.norm(drawn, axis=1, keepdims=True)
    return ProductVectors(tuple(ids("P", sizes.products).to_pylist()), drawn / lengths)


def consents(sizes: Sizes, who: pa.Table) -> pa.Table:
    """Draw who agreed, and the tenth who took it back."""
    draws = sizes.draws("consents")
    left = np.flatnonzero(draws.random(sizes.customers) < 0.1)
    given = np.arange(sizes.customers)
    customer_C = np.concatenate([given, left])
    is_granted_C = np.arange(customer_C.size) < sizes.customers
    days_C = np.where(is_granted_C, 300, draws.integers(1, 299, customer_C.size))
    at = pa.array([AS_OF - timedelta(days=int(d)) for d in range(301)], INSTANT).take(days_C)
    columns = {
        "consent_id": ids("N", customer_C.size),
        "customer_id": who["customer_id"].take(customer_C),
        "purpose": pa.array(["email_marketing"]).take(np.zeros(customer_C.size, np.int64)),
        "is_granted": is_granted_C,
        "changed_at": at,
        "source": pa.array(["sign_up"]).take(np.zeros(customer_C.size, np.int64)),
        "received_at": at,
    }
    return pa.table(columns).select(TABLES["consents"].schema.names)


def opens(sizes: Sizes, who: pa.Table) -> pa.Table:
    """Draw when half of them opened their last e-mails: at an hour that each likes."""
    draws = sizes.draws("opens")
    opener = np.repeat(np.flatnonzero(draws.random(sizes.customers) < 0.5), 4)
    hour = np.repeat(draws.integers(7, 21, opener.size // 4), 4)
    day = np.tile(np.arange(1, 5), opener.size // 4)
    midnight = int((floor(AS_OF, DAY) - EPOCH).total_seconds())
    seconds = midnight - day * 86_400 + hour * 3_600 + draws.integers(0, 900, opener.size)
    return pa.table(
        {
            "customer_id": who["customer_id"].take(opener),
            "opened_at": pa.array(seconds * 1_000_000, pa.int64()).cast(INSTANT),
        }
    )


def scores(sizes: Sizes, who: pa.Table, file: Path) -> dataset.Dataset:
    """Write the best campaigns for each customer, as `vitrine score` does."""
    draws, kept = sizes.draws("scores"), sizes.scores_kept
    names = ids("K", sizes.campaigns)
    schema = pa.schema(
        {
            "customer_id": pa.string(),
            "campaign_id": pa.string(),
            "rank": pa.int32(),
            "score": pa.float64(),
        }
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for first in range(0, sizes.customers, _BLOCK):
            count = min(_BLOCK, sizes.customers - first)
            score_BK = draws.normal(size=(count, sizes.campaigns))
            best_BC = np.argsort(-score_BK, axis=1)[:, :kept]
            rows = {
                "customer_id": who["customer_id"].take(
                    np.repeat(np.arange(first, first + count), kept)
                ),
                "campaign_id": names.take(best_BC.ravel()),
                "rank": np.tile(np.arange(1, kept + 1, dtype=np.int32), count),
                "score": np.take_along_axis(score_BK, best_BC, axis=1).ravel(),
            }
            writer.write_table(pa.table(rows, schema=schema))
    return dataset.dataset(file)
