"""What each market can buy at its send time, with integers in place of ids.

Shape legend: P products known, M markets, O offers (a product in a campaign), N customers.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from email_lists.frames import select

NOWHERE = -1
"""In place of an index: not on sale, not known, none."""

_OFFERS = """
select distinct on (campaign_id, product_id) campaign_id, product_id, price, stock_left
from on_sale
order by campaign_id, product_id
"""


@dataclass(frozen=True)
class Labels:
    """A word per product, such as its brand, as integers."""

    code_P: np.ndarray
    """int32 positions in `names`; never null."""
    names: tuple[str, ...]

    @classmethod
    def of(cls, words: pa.ChunkedArray) -> "Labels":
        """Number the words in their alphabetical order, so that ids decide no tie."""
        names = pa.array(sorted({*words.to_pylist()}), pa.string())
        return cls(positions(words, names), tuple(names.to_pylist()))


@dataclass(frozen=True)
class Assortment:
    """Everything known to be sold tonight, and where."""

    products: pa.Table
    """product_id, name, brand, sector, sub_sector; ordered by product_id."""
    offers: pa.Table
    """campaign_id, product_id, price, stock_left; ordered by the first two."""
    offer_MP: np.ndarray
    """int32: the cheapest offer of a product in a market, -1 where it is not on sale."""
    product_O: np.ndarray
    article_P: np.ndarray
    """int32: products of one brand and one name are one article, as its reader sees it."""
    brand: Labels
    sector: Labels
    kind: Labels
    """The sub-sectors."""

    @classmethod
    def of(cls, on_sale: pa.Table, products: pa.Table, market_count: int) -> "Assortment":
        """Take `offers.one_per_product` and the products known; markets are numbered from 1."""
        products = products.sort_by("product_id")
        offers = select(_OFFERS, on_sale=on_sale)
        offer_MP = np.full((market_count, products.num_rows), NOWHERE, np.int32)
        keys = [offer_keys(table) for table in (on_sale, offers)]
        market = on_sale["market"].to_numpy() - 1
        product = positions(on_sale["product_id"], products["product_id"])
        offer_MP[market, product] = positions(*keys)
        return cls(
            products=products,
            offers=offers,
            offer_MP=offer_MP,
            product_O=positions(offers["product_id"], products["product_id"]),
            article_P=_articles(products),
            brand=Labels.of(products["brand"]),
            sector=Labels.of(products["sector"]),
            kind=Labels.of(products["sub_sector"]),
        )

    def products_of(self, market: int) -> np.ndarray:
        """Return the products (int64, rising) that a market can buy; markets count from 0 here."""
        return np.flatnonzero(self.offer_MP[market] != NOWHERE)


def positions(ids: pa.ChunkedArray, known: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Return the position of each id among those known (distinct), int32; -1 for one that is not.

    >>> positions(pa.chunked_array([["b", "x"]]), pa.array(["a", "b"])).tolist()
    [1, -1]
    """
    if isinstance(known, pa.ChunkedArray):
        known = known.combine_chunks()
    found = pc.index_in(ids, value_set=known)
    return np.asarray(pc.fill_null(found, NOWHERE)).astype(np.int32)


def offer_keys(offers: pa.Table) -> pa.ChunkedArray:
    """Return one word per row that campaign_id and product_id are told by."""
    return pc.binary_join_element_wise(offers["campaign_id"], offers["product_id"], "\x1f")


def _articles(products: pa.Table) -> np.ndarray:
    named = pc.binary_join_element_wise(products["brand"], products["name"], "\x1f")
    return np.asarray(named.combine_chunks().dictionary_encode().indices)
