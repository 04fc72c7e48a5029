"""Where the lists' knowledge is read: the published warehouse, scores and embeddings, as of T.

Contacts are not read here: addresses are the export's alone.
"""

import json
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from email_lists.composition import Known
from email_lists.similarity import ProductVectors, of_embeddings, of_words
from vitrine import interval
from vitrine.contracts import INSTANT
from vitrine.errors import BadArgumentError, NotPublishedError
from vitrine.installation import Installation
from vitrine.interval import format_instant, parse_instant
from vitrine.paths import Paths
from vitrine.sources import Source
from vitrine.warehouse import connect

_BUILT = "select data_start_at, data_end_at from daily.features.build_info"

_LATEST = """
select * exclude (available_at)
from daily.intermediate.{model}
where available_at <= $as_of
qualify row_number() over (partition by {key} order by available_at desc) = 1
order by {key}
"""

_CUSTOMERS = """
select
    customer_id,
    versions.country,
    versions.language,
    versions.timezone,
    versions.demographic_cluster,
    coalesce(dim_customers.segment, 'prospect') as segment
from versions
left join daily.marts.dim_customers using (customer_id)
order by customer_id
"""

_SUPPLY = """
with latest as (
    select campaign_id, product_id, price, initial_stock_count
    from daily.intermediate.int_campaign_products
    where available_at <= $as_of
    qualify row_number() over (
        partition by campaign_id, product_id order by available_at desc
    ) = 1
),
opening as (
    select campaign_id, product_id, price, initial_stock_count as stock_left
    from latest
    semi join (select campaign_id from campaigns where opens_at > $as_of) using (campaign_id)
),
on_sale as (
    select campaign_id, product_id, price, stock_left from daily.features.on_sale('list_spine')
),
final as (
    select * from on_sale
    union all
    select * from opening anti join on_sale using (campaign_id, product_id)
)
select
    campaign_id,
    product_id,
    price::double as price,
    stock_left::bigint as stock_left
from final
order by campaign_id, product_id
"""

_SALES = """
select order_id, customer_id, demographic_cluster, product_id, unit_count, occurred_at
from daily.intermediate.int_order_lines
where kind = 'sale' and received_at < $known_before
order by order_id, line_number
"""

_CONSENTS = """
select consent_id, customer_id, purpose, is_granted, changed_at, received_at
from daily.staging.stg_consents
where received_at <= $as_of
order by consent_id
"""

_SUPPRESSIONS = """
select suppression_id, customer_id, reason, suppressed_at
from daily.staging.stg_suppressions
where received_at <= $as_of
order by suppression_id
"""


def read(installation: Installation, as_of: datetime) -> Known:
    """Read what was known as of `as_of`.

    Raises
    ------
    BadArgumentError
        If the instant lies before the shop's first data.
    NotPublishedError
        If the warehouse, or the champion's scores as of that instant, are not published.
    """
    paths, shop = installation.paths, installation.shop
    with connect(paths, ("daily",)) as warehouse:
        known_before = interval.floor(as_of - shop.day_features_delay, interval.DAY)
        _refuse_unbuilt(warehouse, as_of, known_before)
        scores, model = _scores(paths, as_of)
        products = _latest(warehouse, "int_products", "product_id", as_of)
        campaigns = _latest(warehouse, "int_campaigns", "campaign_id", as_of)
        vectors, source = _vectors(paths, products, as_of)
        moment = {"as_of": as_of}
        has_consents = "consents" in shop.provides
        return Known(
            as_of=as_of,
            customers=_customers(warehouse, as_of),
            consents=_query(warehouse, _CONSENTS, moment) if has_consents else None,
            suppressions=_query(warehouse, _SUPPRESSIONS, moment),
            campaigns=campaigns,
            supply=_supply(warehouse, campaigns, as_of),
            products=products,
            sales=_query(warehouse, _SALES, {"known_before": known_before}),
            scores=scores,
            vectors=vectors,
            provenance={
                "shop": shop.name,
                "currency": shop.currency,
                "model": model,
                "similarity": source,
                **sendability(shop),
            },
        )


def sendability(shop: Source) -> dict[str, Any]:
    """Say whether the lists may be sent at all: someone must have agreed, at some address."""
    missing = [table for table in ("consents", "contacts") if table not in shop.provides]
    if not missing:
        return {"sendable": True}
    return {
        "sendable": False,
        "not_sendable_because": f"the shop {shop.name} provides no {', no '.join(missing)}",
    }


def _query(warehouse: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any]) -> pa.Table:
    return warehouse.sql(sql, params=parameters).to_arrow_table()


def _refuse_unbuilt(
    warehouse: duckdb.DuckDBPyConnection, as_of: datetime, known_before: datetime
) -> None:
    [(first, built)] = warehouse.sql(_BUILT).fetchall()
    if first is None or as_of < first:
        since = "it has none" if first is None else f"it begins at {format_instant(first)}"
        raise BadArgumentError(f"no data as of {format_instant(as_of)}: {since}")
    if built < known_before:
        raise NotPublishedError(
            f"the daily warehouse is built up to {format_instant(built)}; lists as of"
            f" {format_instant(as_of)} need it up to {format_instant(known_before)}:"
            " run the DAG daily_features for the days between"
        )


def _latest(
    warehouse: duckdb.DuckDBPyConnection, model: str, key: str, as_of: datetime
) -> pa.Table:
    return _query(warehouse, _LATEST.format(model=model, key=key), {"as_of": as_of})


def _customers(warehouse: duckdb.DuckDBPyConnection, as_of: datetime) -> pa.Table:
    warehouse.register("versions", _latest(warehouse, "int_customers", "customer_id", as_of))
    return _query(warehouse, _CUSTOMERS, {})


def _supply(warehouse: duckdb.DuckDBPyConnection, campaigns: pa.Table, as_of: datetime) -> pa.Table:
    warehouse.register("campaigns", campaigns)
    warehouse.register("list_spine", pa.table({"as_of": pa.array([as_of], INSTANT)}))
    return _query(warehouse, _SUPPLY, {"as_of": as_of})


def _scores(paths: Paths, as_of: datetime) -> tuple[pa.Table, dict[str, Any]]:
    """Find the published scores of exactly this instant, the newest publication first."""
    published = (paths.scores / "versions").glob("[!.]*/manifest.json")
    for manifest in sorted(published, key=lambda file: file.stat().st_mtime_ns, reverse=True):
        model = json.loads(manifest.read_text())
        if parse_instant(model["as_of"]) == as_of:
            columns = ["customer_id", "campaign_id", "score"]
            return pq.read_table(
                manifest.parent / "campaign_scores.parquet", columns=columns
            ), model
    moment = format_instant(as_of)
    raise NotPublishedError(
        f"no scores as of {moment} are published; run `vitrine score --as-of {moment}` first"
    )


def _vectors(
    paths: Paths, products: pa.Table, as_of: datetime
) -> tuple[ProductVectors, dict[str, Any]]:
    """Take the champion's embeddings if there were any by then, else the words of the products."""
    manifest = paths.embeddings / "current" / "manifest.json"
    if manifest.exists():
        folder = manifest.parent.resolve()
        model = json.loads((folder / "manifest.json").read_text())
        if parse_instant(model["data_end"]) <= as_of:
            table = pq.read_table(folder / "product_embeddings.parquet")
            return of_embeddings(table), {"vectors": "embeddings", **model}
    return of_words(products), {"vectors": "words"}
