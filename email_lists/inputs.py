"""Where the lists' knowledge is read: the published warehouse, scores and embeddings, as of T.

Everything in the warehouse is read as the nightly build knew it: as of one midnight. What reached
the shop between then and T is in a later build alone, and would change a list that is built again.
Contacts are not read here: addresses are the hand-off's and delivery's alone, and each checks
everyone once more.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow import dataset

from email_lists import replay
from email_lists.audience import received, records
from email_lists.composition import Known, Trade
from email_lists.frames import empty
from email_lists.slates import calibration, history, promises
from email_lists.slates.similarity import ProductVectors, beside, of_embeddings, of_words
from vitrine import embeddings
from vitrine.contracts import INSTANT
from vitrine.errors import BadArgumentError, NotPublishedError
from vitrine.installation import Installation
from vitrine.interval import format_instant, instead, parse_instant
from vitrine.paths import Paths
from vitrine.publish import publications
from vitrine.warehouse import connect, query

_BUILT = "select data_start_at, data_end_at from daily.features.build_info"

_LATEST = """
select * exclude (available_at)
from daily.intermediate.{model}
where available_at < $known_before
qualify row_number() over (partition by {key} order by available_at desc) = 1
order by {key}
"""

_SUPPLY = """
with latest as (
    select campaign_id, product_id, price, initial_stock_count
    from daily.intermediate.int_campaign_products
    where available_at < $known_before
    qualify row_number() over (
        partition by campaign_id, product_id order by available_at desc
    ) = 1
),
opening as (
    select campaign_id, product_id, price, initial_stock_count as stock_left
    from latest
    semi join (
        select campaign_id from campaigns where opens_at >= $known_before
    ) using (campaign_id)
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

NO_SCORES = empty(customer_id=pa.string(), campaign_id=pa.string(), score=pa.float64())


def read(installation: Installation, as_of: datetime, *, is_scored: bool = True) -> Known:
    """Read what the nightly build of `as_of` knew: received before `known_before`.

    Parameters
    ----------
    is_scored
        Whether the champion's scores are needed; without them campaigns are in the order of their
        popularity, and slates as they would be.

    Raises
    ------
    BadArgumentError
        If the instant lies before the shop's first data, or no customer or product was known yet.
    NotPublishedError
        If the warehouse, or the champion's scores as of that instant, are not published.
    """
    paths, shop = installation.paths, installation.shop
    with connect(paths, ("daily",)) as warehouse:
        until = received.known_before(shop, as_of)
        _refuse_unbuilt(warehouse, as_of, until)
        scores, model = _scores(paths, as_of) if is_scored else (NO_SCORES, {})
        who = records.read(installation, warehouse, as_of, until)
        _refuse_unknown("customers", who.customers, as_of, until)
        trade, similarity = _trade(paths, warehouse, as_of, until)
        return Known(
            **vars(trade),
            who=who,
            scores=scores,
            promised=promises.of_night(paths.lists, as_of.date()),
            seed=installation.settings.seed,
            provenance={
                "shop": shop.name,
                "currency": shop.currency,
                "known_before": format_instant(until),
                "model": model,
                "similarity": similarity,
                **received.sendability(shop),
            },
        )


def calibrated(installation: Installation, known: Known) -> Known:
    """Add what scores meant a week ago; a shop that was not there yet keeps the usual chances."""
    then = known.as_of - calibration.HORIZON
    paths, until = installation.paths, received.known_before(installation.shop, then)
    try:
        with connect(paths, ("daily",)) as warehouse:
            _refuse_unbuilt(warehouse, then, until)
            everybody = records.customers(installation, warehouse, until)
            _refuse_unknown("customers", everybody, then, until)
            past, _ = _trade(paths, warehouse, then, until)
    except BadArgumentError:
        return known
    learnt = replay.calibrate(past, everybody, known.sales)
    provenance = known.provenance | {
        "calibration": learnt.products.to_dict(),
        "campaign_calibration": learnt.campaigns.to_dict(),
    }
    return replace(
        known,
        calibration=learnt.products,
        campaign_calibration=learnt.campaigns,
        provenance=provenance,
    )


def _refuse_unbuilt(warehouse: duckdb.DuckDBPyConnection, as_of: datetime, until: datetime) -> None:
    [(first, built)] = warehouse.sql(_BUILT).fetchall()
    if first is None or as_of < first:
        since = "it has none" if first is None else f"it begins at {format_instant(first)}"
        raise BadArgumentError(f"no data as of {format_instant(as_of)}: {since}")
    if built < until:
        raise NotPublishedError(
            f"the daily warehouse is built up to {format_instant(built)}; lists as of"
            f" {format_instant(as_of)} need it up to {format_instant(until)}:"
            " run the DAG daily_features for the days between"
        )


def _refuse_unknown(what: str, known: pa.Table, as_of: datetime, until: datetime) -> None:
    if not known.num_rows:
        raise BadArgumentError(
            f"no {what} as of {format_instant(as_of)}: none were received before"
            f" {format_instant(until)}; take a later night"
        )


def _trade(
    paths: Paths, warehouse: duckdb.DuckDBPyConnection, as_of: datetime, until: datetime
) -> tuple[Trade, dict[str, Any]]:
    """Read what is sold and was sold, and say where the products' vectors are from."""
    products = _latest(warehouse, "int_products", "product_id", until)
    _refuse_unknown("products", products, as_of, until)
    campaigns = _latest(warehouse, "int_campaigns", "campaign_id", until)
    supply = _supply(warehouse, campaigns, until)
    sales = query(warehouse, _SALES, {"known_before": until})
    asked = {*supply["product_id"].to_pylist(), *history.anchors(sales)}
    vectors, source = _vectors(paths, products, asked, as_of, until)
    return Trade(as_of, campaigns, supply, products, sales, vectors), source


def _latest(
    warehouse: duckdb.DuckDBPyConnection, model: str, key: str, until: datetime
) -> pa.Table:
    return query(warehouse, _LATEST.format(model=model, key=key), {"known_before": until})


def _supply(warehouse: duckdb.DuckDBPyConnection, campaigns: pa.Table, until: datetime) -> pa.Table:
    # What is received at midnight is the next build's.
    last = pa.array([until - timedelta(microseconds=1)], INSTANT)
    warehouse.register("campaigns", campaigns)
    warehouse.register("list_spine", pa.table({"as_of": last}))
    return query(warehouse, _SUPPLY, {"known_before": until})


def _scores(paths: Paths, as_of: datetime) -> tuple[dataset.Dataset, dict[str, Any]]:
    """Find the published scores of exactly this instant, the newest publication first."""
    for folder, model in publications(paths.scores):
        if parse_instant(model["as_of"]) == as_of:
            return dataset.dataset(folder / "campaign_scores.parquet"), model
    moment = format_instant(as_of)
    scored = [parse_instant(model["as_of"]) for _, model in publications(paths.scores)]
    raise NotPublishedError(
        f"no scores as of {moment} are published{instead(as_of, scored)};"
        f" run `vitrine score --as-of {moment}` first"
    )


def _vectors(
    paths: Paths, products: pa.Table, asked: set[str], as_of: datetime, until: datetime
) -> tuple[ProductVectors, dict[str, Any]]:
    """Take the products' words, and the newest embeddings that know no more than the list.

    Of these, as of words, what had reached the shop `until` the build that the list reads.
    """
    words, found = of_words(products), embeddings.known_at(paths.embeddings, as_of)
    if found is None or not (embedded := found.read(until)).num_rows:
        return words, {"vectors": "words"}
    vectors = beside(of_embeddings(embedded), words, asked)
    return vectors, {"vectors": "embeddings and words", **found.manifest}
