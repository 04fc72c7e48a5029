"""What other lists of the same night promise of the same stock: no unit is promised twice."""

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from email_lists.frames import empty, select
from email_lists.slates.assortment import NOWHERE, offer_keys, positions
from vitrine import letters
from vitrine.staged_lists import SCARCITY

_PROMISED = """
with shown as (
    select list, unnest(products, recursive := true)
    from read_parquet($files, hive_partitioning = false)
),
final as (
    select list, campaign_id, product_id, sum(probability) as expected_units
    from shown
    group by all
)
select * from final order by all
"""

_OF_CAMPAIGN_PLACES = """
select $list as list, campaign_id, product_id, expected_units
from read_parquet($file)
where product_id is null and expected_units > 0
order by campaign_id
"""

_BY_OFFER_AND_CAMPAIGN = """
select campaign_id, product_id, sum(expected_units) as units
from {places}
group by grouping sets ((campaign_id, product_id), (campaign_id))
having product_id is not null or grouping(product_id) = 1
"""

_OVER = f"""
with shown as (
    select unnest(products, recursive := true) from people
),
places as (
    select campaign_id, product_id, probability as expected_units from shown
    union all
    select campaign_id, product_id, expected_units from scarcity where product_id is null
),
own as (
    {_BY_OFFER_AND_CAMPAIGN.format(places="places")}
),
others as (
    {_BY_OFFER_AND_CAMPAIGN.format(places="promised")}
)
select scarcity.campaign_id, scarcity.product_id
from scarcity
join own
    on scarcity.campaign_id = own.campaign_id
    and scarcity.product_id is not distinct from own.product_id
join others
    on scarcity.campaign_id = others.campaign_id
    and scarcity.product_id is not distinct from others.product_id
where own.units > 0 and own.units + others.units > stock_left * $factor * (1 + $rounding)
order by all
"""
ROUNDING = 1e-3
"""Chances are written in single precision, and there are many to add up."""

NOTHING = empty(
    list=pa.string(),
    campaign_id=pa.string(),
    product_id=pa.string(),
    expected_units=pa.float64(),
)


def of_night(root: Path, night: date) -> pa.Table:
    """Sum up what the published lists of a night promise.

    Parameters
    ----------
    root
        The published lists (`Paths.lists`).

    Returns
    -------
    pyarrow.Table
        list, campaign_id, product_id, expected_units (float64: sum of the probabilities); what
        places of campaigns promise beyond products has no product_id.
    """
    published = [each for each in letters.published(root) if each.night == night]
    if not published:
        return NOTHING
    of_products = select(_PROMISED, {"files": [str(each.letters) for each in published]})
    return pa.concat_tables([of_products, *map(_of_campaign_places, published)])


def _of_campaign_places(published: letters.Night) -> pa.Table:
    """Read what the hand-off kept: letters do not say what a campaign's place promises."""
    file = published.folder / SCARCITY
    if not file.exists():
        return NOTHING
    return select(_OF_CAMPAIGN_PLACES, {"list": published.list_name, "file": str(file)})


def by_others(promised: pa.Table, list_name: str) -> pa.Table:
    """Leave out what a list itself promised: it may be made again."""
    sql = "select * from promised where list <> $list_name order by all"
    return select(sql, {"list_name": list_name}, promised=promised)


def over(
    promised: pa.Table, people: pa.Table, scarcity: pa.Table, factor: float
) -> list[tuple[str, str | None]]:
    """Find what a list promises beyond what the others left of the stock times a factor.

    Parameters
    ----------
    promised
        What other lists promise: `by_others` of `of_night`.
    people
        `people.SCHEMA`: the list.
    scarcity
        `composition.Composition.scarcity`: what the list was made of; stock_left null: unknown, not
        limited. What places of campaigns promise is taken from here, of all who were listed then.

    Returns
    -------
    list of (campaign_id, product_id)
        Sorted; without a product: all places of the campaign together.
    """
    found = select(
        _OVER,
        {"factor": factor, "rounding": ROUNDING},
        promised=promised,
        people=people,
        scarcity=scarcity,
    )
    return [(row["campaign_id"], row["product_id"]) for row in found.to_pylist()]


def units_of(promised: pa.Table, offers: pa.Table) -> np.ndarray:
    """Return the expected units that are promised of some offers: float64 [O].

    `offers` holds campaign_id and product_id, unique.
    """
    return _summed(promised, offer_keys(promised), offer_keys(offers))


def units_of_campaigns(promised: pa.Table, campaign_ids: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Return the expected units that all places of some campaigns promise: float64 [K]."""
    return _summed(promised, promised["campaign_id"], campaign_ids)


def _summed(
    promised: pa.Table, keys: pa.ChunkedArray, asked: pa.ChunkedArray | pa.Array
) -> np.ndarray:
    """Sum up by key, in the order of those asked for (distinct): float64."""
    place_T = positions(keys, asked)
    is_there_T = place_T != NOWHERE
    units_T = promised["expected_units"].to_numpy()[is_there_T]
    return np.bincount(place_T[is_there_T], units_T, len(asked))


def rooms_left(room_O: np.ndarray, promised: pa.Table, offers: pa.Table) -> np.ndarray:
    """Take off rooms what places of campaigns promise: of each offer the same share, float64 [O].

    `room_O` is what the places of products leave.
    """
    of_places = promised.filter(pc.is_null(promised["product_id"]))
    campaigns = pc.unique(offers["campaign_id"])
    campaign_O = positions(offers["campaign_id"], campaigns)
    left_K = np.bincount(campaign_O, room_O, len(campaigns))
    share_K = units_of_campaigns(of_places, campaigns) / np.where(left_K > 0, left_K, 1)
    left_O: np.ndarray = room_O * np.maximum(1 - share_K, 0)[campaign_O]
    return left_O
