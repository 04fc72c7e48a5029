"""What sells in a customer's demographic cluster, then anywhere: the choice without a history.

Shape legend: G groups (a market, a cluster and a country), P products, C clusters, K campaigns, L
labels (such as brands), T places, F first products of a label, Q products of a group's pool.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from email_lists.frames import select
from email_lists.slates.assortment import NOWHERE, Assortment, Labels, positions

PLACES = 80
"""Products kept per group: whoever bought much lately looks further down."""
FIRSTS = 3
"""Products kept per group and brand, or sub-sector, however low they are."""
POOL = 120
"""Products per group that something new is looked for among: the best, and the first of kinds."""
UNKNOWN_SECTOR = "unknown"

_OFFERED = "select distinct campaign_id, product_id from offers order by all"


@dataclass(frozen=True)
class Groups:
    """Who shares what is popular: a market's customers of one cluster and country.

    A market has several countries where campaigns do not tell them apart.
    """

    group_N: np.ndarray
    """int32 per customer."""
    market_G: np.ndarray
    cluster_G: np.ndarray
    """int32 positions in `clusters`."""
    clusters: pa.Array
    country_G: np.ndarray
    """int32 positions in `countries`."""
    countries: pa.Array

    @classmethod
    def of(cls, customers: pa.Table) -> "Groups":
        """Group customers by market (from 1), demographic_cluster and country."""
        cluster_N, clusters = _numbered(customers["demographic_cluster"])
        country_N, countries = _numbered(customers["country"])
        market_N = (customers["market"].to_numpy() - 1).astype(np.int64)
        shape = (int(market_N.max(initial=0)) + 1, max(len(clusters), 1), max(len(countries), 1))
        key_N = np.ravel_multi_index((market_N, cluster_N, country_N), shape)
        key_G, group_N = np.unique(key_N, return_inverse=True)
        market_G, cluster_G, country_G = np.unravel_index(key_G, shape)
        return cls(
            group_N.astype(np.int32),
            market_G.astype(np.int32),
            cluster_G.astype(np.int32),
            clusters,
            country_G.astype(np.int32),
            countries,
        )


@dataclass(frozen=True)
class Sold:
    """Units sold lately."""

    units_CP: np.ndarray
    """int64 by cluster of the groups and product."""
    units_P: np.ndarray
    """int64 of everybody, guests and other clusters included."""

    @classmethod
    def of(cls, units: pa.Table, clusters: pa.Array, products: pa.Table) -> "Sold":
        """Take `sales.units_sold`."""
        cluster = positions(units["demographic_cluster"], clusters)
        product = positions(units["product_id"], products["product_id"])
        count = units["unit_count"].to_numpy()
        units_CP = np.zeros((len(clusters), products.num_rows), np.int64)
        units_P = np.zeros(products.num_rows, np.int64)
        is_known = product != NOWHERE
        np.add.at(units_P, product[is_known], count[is_known])
        is_ours = is_known & (cluster != NOWHERE)
        np.add.at(units_CP, (cluster[is_ours], product[is_ours]), count[is_ours])
        return cls(units_CP, units_P)


@dataclass(frozen=True)
class Lately:
    """Units sold on the last day known, by country of the groups (R) and product."""

    country_G: np.ndarray
    units_RP: np.ndarray

    def of_group(self, group: int) -> np.ndarray:
        """Return the units of a group's country: int64 [P]."""
        units_P: np.ndarray = self.units_RP[self.country_G[group]]
        return units_P


@dataclass(frozen=True)
class Popular:
    """Each group's best products, overall and by label; -1 where there is none."""

    product_GT: np.ndarray
    """int32, the best first."""
    of_kind_GLF: np.ndarray
    of_brand_GLF: np.ndarray
    pool_GQ: np.ndarray
    """int32: half of it the best, the rest the first of each kind."""
    place_in_sector_GQ: np.ndarray
    """int32: the place of a pool's product among those of its sector in the pool, from 1."""
    place_in_brand_GQ: np.ndarray
    is_sector_known_GQ: np.ndarray

    @classmethod
    def of(
        cls,
        assortment: Assortment,
        groups: Groups,
        sold: Sold,
        lately: "Lately",
        opened_P: np.ndarray,
    ) -> "Popular":
        """Rank what each group's market sells.

        By units in the cluster, by units in the country on the last day, by units anywhere, what
        opened last, then by id. `opened_P` is any number that grows with the opening of a product's
        campaign.
        """
        group_count = len(groups.market_G)
        top_GT = np.full((group_count, PLACES), NOWHERE, np.int32)
        pool_GQ = np.full((group_count, POOL), NOWHERE, np.int32)
        kinds = np.full((group_count, len(assortment.kind.names), FIRSTS), NOWHERE, np.int32)
        brands = np.full((group_count, len(assortment.brand.names), FIRSTS), NOWHERE, np.int32)
        for g, (market, cluster) in enumerate(zip(groups.market_G, groups.cluster_G, strict=True)):
            there = assortment.products_of(market)
            keys = (
                -opened_P[there],
                -sold.units_P[there],
                -lately.of_group(g)[there],
                -sold.units_CP[cluster, there],
            )
            ordered = there[np.lexsort(keys)]
            top_GT[g, : min(PLACES, ordered.size)] = ordered[:PLACES]
            _keep_firsts(kinds[g], ordered, assortment.kind)
            _keep_firsts(brands[g], ordered, assortment.brand)
            pool = _pool(ordered, kinds[g])
            pool_GQ[g, : pool.size] = pool
        sector = assortment.sector
        is_known_S = np.array([name != UNKNOWN_SECTOR for name in sector.names], bool)
        return cls(
            product_GT=top_GT,
            of_kind_GLF=kinds,
            of_brand_GLF=brands,
            pool_GQ=pool_GQ,
            place_in_sector_GQ=_places_within(sector.code_P[pool_GQ]),
            place_in_brand_GQ=_places_within(assortment.brand.code_P[pool_GQ]),
            is_sector_known_GQ=is_known_S[sector.code_P[pool_GQ]],
        )


def _numbered(words: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """Number the words in their alphabetical order: int32 positions [N], and the words."""
    known = pa.array(sorted({*words.unique().to_pylist()}), pa.string())
    return positions(words, known), known


def _pool(ordered: np.ndarray, first_LF: np.ndarray) -> np.ndarray:
    """Take half a pool from the top, and fill it with the kinds' first products by their order."""
    top, firsts = ordered[: POOL // 2], first_LF[:, 0]
    others = ordered[POOL // 2 :]
    pool: np.ndarray = np.concatenate([top, others[np.isin(others, firsts)]])[:POOL]
    return pool


def _places_within(label_GQ: np.ndarray) -> np.ndarray:
    """Number the columns of each row that hold the same label, from 1."""
    place_GQ = np.ones(label_GQ.shape, np.int32)
    for q in range(1, label_GQ.shape[1]):
        place_GQ[:, q] += (label_GQ[:, :q] == label_GQ[:, q : q + 1]).sum(axis=1)
    return place_GQ


def _keep_firsts(first_LF: np.ndarray, ordered: np.ndarray, labels: Labels) -> None:
    """Write the first products of each label into `first_LF`."""
    label = labels.code_P[ordered]
    by_label = np.argsort(label, kind="stable")
    sorted_label = label[by_label]
    place = np.arange(ordered.size) - np.searchsorted(sorted_label, sorted_label)
    is_first = place < first_LF.shape[1]
    first_LF[sorted_label[is_first], place[is_first]] = ordered[by_label[is_first]]


def campaign_units(
    sold: Sold, assortment: Assortment, open_offers: pa.Table, campaigns: pa.ChunkedArray
) -> np.ndarray:
    """Sum units by cluster and campaign: int64 (C + 1, K); the last row is everybody's.

    A product counts for each campaign that offers it, be it cheaper elsewhere.

    Parameters
    ----------
    open_offers
        `offers.open_offers` of the night.
    campaigns
        campaign_id, distinct: of all that have open offers.
    """
    offered = select(_OFFERED, offers=open_offers)
    campaign_O = positions(offered["campaign_id"], campaigns)
    product_O = positions(offered["product_id"], assortment.products["product_id"])
    units_OC = np.vstack([sold.units_CP, sold.units_P])[:, product_O].T
    units_KC = np.zeros((len(campaigns), units_OC.shape[1]), np.int64)
    np.add.at(units_KC, campaign_O, units_OC)
    return units_KC.T
