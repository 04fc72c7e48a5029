"""Read what was known at any instant: features, what was on sale, what had been bought.

Training and scoring both come through here, so both see the same published definitions. The reader
holds one in-memory DuckDB connection over the published files.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

import duckdb
import numpy as np
import pandas as pd

from training.peers.articles import article_source
from training.peers.history import History
from training.ranker.affinity import Affinities
from training.ranker.candidates import Candidates
from training.ranker.content import Contents
from training.ranker.near_block import NearBlock
from training.ranker.pair_blocks import KeyedBlock
from vitrine import affinities
from vitrine.contracts import NO_COUNTRY
from vitrine.errors import BadArgumentError
from vitrine.feature_catalogue import Feature, ranker_models
from vitrine.interval import DAY, Interval, floor, format_instant
from vitrine.paths import Paths

CLUSTER = "demographic_cluster"


@dataclass(frozen=True)
class Catalogue:
    """The ranker's inputs by side, as the features' own YAML describes them."""

    customer: tuple[Feature, ...]
    campaign: tuple[Feature, ...]
    pair: tuple[Feature, ...]

    @classmethod
    def load(cls, has_content: bool = False) -> "Catalogue":
        """Read the published models' descriptions, and those of what is computed here.

        Parameters
        ----------
        has_content
            Whether product embeddings are published, so that campaigns have a content.
        """
        content = affinities.CONTENT if has_content else ()
        return cls(
            _features("customer"),
            _features("campaign") + affinities.CAMPAIGN,
            _features("pair") + affinities.FEATURES + content + _features("cluster"),
        )

    def without_content(self) -> "Catalogue":
        """Leave out what product embeddings say of a campaign."""
        return replace(self, pair=tuple(f for f in self.pair if f not in affinities.CONTENT))

    @property
    def customer_names(self) -> list[str]:
        """The customer side's features."""
        return [f.name for f in self.customer]

    @property
    def campaign_names(self) -> list[str]:
        """The campaign side's features."""
        return [f.name for f in self.campaign]

    @property
    def pair_names(self) -> list[str]:
        """The features that customer and campaign have together."""
        return [f.name for f in self.pair]

    @property
    def names(self) -> list[str]:
        """All features."""
        return [*self.customer_names, *self.campaign_names, *self.pair_names]


@dataclass(frozen=True)
class BuildInfo:
    """What the published warehouse covers: facts received in `data`.

    The features of a UTC day are readable `day_delay` after its end. About instants before
    `exact_from` nobody may ask, since their look-backs reach windows that are not kept.
    """

    data: Interval
    day_delay: timedelta
    exact_from: datetime


class FeatureReader:
    """Answers questions about an instant from the published warehouse."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        catalogue: Catalogue,
        contents: Contents | None = None,
    ) -> None:
        self.connection = connection
        self.catalogue = catalogue
        self.contents = contents

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection, paths: Paths) -> "FeatureReader":
        """Read what a home has published: the open warehouse, and product embeddings if any."""
        contents = Contents.of(connection, paths.embeddings)
        return cls(connection, Catalogue.load(has_content=contents is not None), contents)

    def build_info(self) -> BuildInfo:
        """Return what the warehouse covers."""
        ((start, end, delay_minutes, exact_from),) = self.connection.execute(
            "select days.data_start_at, days.data_end_at, days.day_features_delay_minutes,"
            " greatest(days.data_start_at, windows.exact_from_at)"
            " from daily.features.build_info as days, intraday.features.build_info as windows"
        ).fetchall()
        return BuildInfo(Interval(start, end), timedelta(minutes=delay_minutes), exact_from)

    def require_covered(self, as_of: datetime) -> None:
        """Refuse an instant that the warehouse cannot answer for.

        Raises
        ------
        BadArgumentError
            If nothing was known yet at `as_of`, or a day whose features would have been readable
            by then is not published; or if the windows end before the days do, or begin too late.
        """
        info = self.build_info()
        if as_of <= info.data.start:
            raise BadArgumentError(
                f"nothing was known at {format_instant(as_of)}: the first data were received at"
                f" {format_instant(info.data.start)}; ask for a later instant"
            )
        if floor(as_of - info.day_delay, DAY) > info.data.end:
            raise BadArgumentError(
                f"{format_instant(as_of)} lies after the published data, which end at"
                f" {format_instant(info.data.end)}; load more, or ask for an earlier instant"
            )
        if as_of < info.exact_from:
            raise BadArgumentError(
                f"the windows that are kept answer from {format_instant(info.exact_from)} on, not"
                f" at {format_instant(as_of)}; set VITRINE_INTRADAY_HISTORY_DAYS higher and run"
                " `vitrine backfill campaign_performance` for the last quarter of an hour"
            )
        self._require_windows(min(as_of, info.data.end))

    def _require_windows(self, until: datetime) -> None:
        """Refuse windows that end before `until`: their features would silently be old."""
        (end,) = self.connection.execute(
            "select data_end_at from intraday.features.build_info"
        ).fetchall()[0]
        if end < until:
            raise BadArgumentError(
                f"the intraday warehouse ends at {format_instant(end)}, before"
                f" {format_instant(until)}; run `vitrine backfill campaign_performance"
                f" --start {format_instant(end)} --end {format_instant(until)}` first"
            )

    def purchases(self, interval: Interval) -> pd.DataFrame:
        """Return purchases received in `interval` by known customers.

        Columns customer_id, campaign_id, product_id, occurred_at and received_at (UTC); one row
        per order line.
        """
        return self.connection.execute(
            """
            select customer_id, campaign_id, product_id, occurred_at, received_at
            from daily.intermediate.int_order_lines
            where kind = 'sale' and customer_id is not null
                and received_at >= $start and received_at < $end
            order by occurred_at, customer_id, campaign_id, product_id
            """,
            {"start": interval.start, "end": interval.end},
        ).df()

    def sells_permanently(self, as_of: datetime) -> bool:
        """Whether no campaign that the shop had described by an instant ever had an end.

        Such a shop is asked for lists that last; any other for what is on sale at the hour.
        """
        ((end_count,),) = self.connection.execute(
            "select count(closes_at) from daily.intermediate.int_campaigns"
            " where available_at <= $as_of",
            {"as_of": as_of},
        ).fetchall()
        return not end_count

    def history(self, as_of: datetime) -> History:
        """Return the distinct purchases received before an instant by known customers.

        Ids come over as DuckDB's enumerations, a few bytes each instead of a text.
        """
        for side in ("customer", "campaign"):
            self.connection.execute(
                f"create or replace temp type {side}_code as enum (select distinct {side}_id"
                f" from daily.intermediate.int_order_lines where {side}_id is not null order by 1)"
            )
        rows = self.connection.execute(
            """
            select
                customer_id::customer_code as customer_id,
                campaign_id::campaign_code as campaign_id,
                occurred_at,
                min(received_at) as received_at
            from daily.intermediate.int_order_lines
            where kind = 'sale' and customer_id is not null and received_at < $as_of
            group by all
            order by occurred_at, customer_id, campaign_id
            """,
            {"as_of": as_of},
        ).df()
        return History.of(rows, as_of)

    def customers_known(self, as_of: datetime) -> list[str]:
        """List the customers whose description was available at an instant, sorted."""
        rows = self.connection.execute(
            "select distinct customer_id from daily.intermediate.int_customers"
            " where available_at <= $as_of order by customer_id",
            {"as_of": as_of},
        ).fetchall()
        return [customer_id for (customer_id,) in rows]

    def customers_ever(self) -> set[str]:
        """Return every customer that the published data name, whenever they came."""
        rows = self.connection.execute(
            "select distinct customer_id from daily.intermediate.int_customers"
        ).fetchall()
        return {customer_id for (customer_id,) in rows}

    def best_products(self, as_of: datetime) -> pd.DataFrame:
        """Return campaign_id and product_id: what each campaign on sale has sold most of so far.

        Only products that are on sale at `as_of` come into question; ties go to the lower id.
        """
        self._register("asked_instants", pd.DataFrame({"as_of": _instants([as_of])}))
        return self.connection.execute(_BEST_PRODUCTS).df()

    def campaigns_on_sale(self, instants: Sequence[datetime]) -> pd.DataFrame:
        """Return as_of, campaign_id of what was on sale, sorted, each once."""
        self._register("asked_instants", pd.DataFrame({"as_of": _instants(instants)}))
        return self.connection.execute(
            "select distinct as_of, campaign_id from daily.features.on_sale('asked_instants')"
            " order by as_of, campaign_id"
        ).df()

    def campaigns_opening(self, as_of: datetime, within: timedelta) -> pd.DataFrame:
        """Return as_of, campaign_id of what was on sale or announced to open soon after."""
        opening = self.connection.execute(
            _OPENING, {"as_of": as_of, "until": as_of + within}
        ).fetchnumpy()["campaign_id"]
        on_sale = self.campaigns_on_sale([as_of])["campaign_id"]
        campaigns = sorted({*on_sale, *np.asarray(opening)})
        instants = _instants([as_of] * len(campaigns))
        return pd.DataFrame({"as_of": instants, "campaign_id": campaigns})

    def candidates(self, lists: pd.DataFrame, campaigns: pd.DataFrame) -> Candidates:
        """Match lists (customer_id, as_of) with the campaigns that sell in the customer's country.

        Parameters
        ----------
        campaigns
            as_of, campaign_id; unique, sorted by both.
        """
        sold_in = self.described("campaign", campaigns, "country")["country"]
        country_C = sold_in.fillna(NO_COUNTRY).to_numpy(object)
        if (country_C == NO_COUNTRY).all():
            return Candidates.of(lists, campaigns)
        country_L = self.described("customer", lists, "country")["country"].to_numpy(object)
        return Candidates.of(lists, campaigns, country_L, country_C)

    def described(self, side: str, spine: pd.DataFrame, *columns: str) -> pd.DataFrame:
        """Return what the shop had said of customers or campaigns, in the order of the spine.

        Parameters
        ----------
        side
            customer or campaign; the spine has its id and as_of.
        columns
            Of `int_customers` or `int_campaigns`; null where nothing was known yet.
        """
        key = f"{side}_id"
        self._register("side_spine", spine[[key, "as_of"]].assign(row_index=np.arange(len(spine))))
        return self.connection.execute(
            f"select {', '.join(f'known.{column}' for column in columns)} from side_spine"
            f" asof left join daily.intermediate.int_{side}s as known"
            f" on side_spine.{key} = known.{key} and side_spine.as_of >= known.available_at"
            " order by row_index"
        ).df()

    def customer_rows(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return the customer features of each (customer_id, as_of), in the given order."""
        return self._side("customer", customers)

    def customer_kinds(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return segment and behaviour groups of each (customer_id, as_of), in the given order.

        Column segment, and a boolean one for each group.
        """
        self._register(
            "side_spine",
            customers[["customer_id", "as_of"]].assign(row_index=np.arange(len(customers))),
        )
        rows = self.connection.execute(
            "select row_index, segments.segment, groups.* exclude (customer_id, as_of)"
            " from side_spine"
            " join daily.features.customer_segments('side_spine') as segments"
            " using (customer_id, as_of)"
            " join daily.features.customer_groups('side_spine') as groups"
            " using (customer_id, as_of) order by row_index"
        ).df()
        _require_same_length(len(customers), len(rows))
        return rows.drop(columns="row_index")

    def campaign_rows(self, campaigns: pd.DataFrame) -> pd.DataFrame:
        """Return the campaign features of each (campaign_id, as_of), in the given order."""
        read = self._side("campaign", campaigns)
        return pd.concat([read, self._affinities.campaign_rows(campaigns)], axis=1)

    def pair_rows(
        self,
        customer_id_L: np.ndarray,
        campaigns: pd.DataFrame,
        list_R: np.ndarray,
        campaign_R: np.ndarray,
    ) -> pd.DataFrame:
        """Return what customers and campaigns have together, one row per pair in the given order.

        Parameters
        ----------
        customer_id_L
            Ids as text.
        campaigns
            campaign_id, as_of; unique. A pair is of its campaign's instant.
        list_R, campaign_R
            int64 positions in the two; each pair of customer, campaign and instant once.
        """
        read = self.published_pair_rows(customer_id_L, campaigns, list_R, campaign_R)
        near = self._affinities.rows(customer_id_L, campaigns, list_R, campaign_R)
        return pd.concat([read, near], axis=1)

    def published_pair_rows(
        self,
        customer_id_L: np.ndarray,
        campaigns: pd.DataFrame,
        list_R: np.ndarray,
        campaign_R: np.ndarray,
    ) -> pd.DataFrame:
        """Return those of `pair_rows` that the warehouse publishes, without the affinities."""
        customers = pd.Series(customer_id_L, name="customer_id", dtype=object)
        return self._crossed("pair", customers, campaigns, list_R, campaign_R)

    def affinity_blocks(
        self, customer_id_L: np.ndarray, campaigns: pd.DataFrame
    ) -> tuple[KeyedBlock, NearBlock | None]:
        """Return the affinities of these customers and the campaigns of one instant, prepared."""
        affinity = self._affinities.at(campaigns["as_of"].iloc[0].to_pydatetime())
        return affinity.blocks(customer_id_L, campaigns["campaign_id"].to_numpy(object))

    @cached_property
    def _affinities(self) -> Affinities:
        """Every purchase of the published data: each answer looks no further than its instant."""
        history = self.history(self.build_info().data.end)
        return Affinities(history, article_source(self), self.contents)

    def cluster_rows(
        self,
        cluster_K: np.ndarray,
        campaigns: pd.DataFrame,
        cluster_R: np.ndarray,
        campaign_R: np.ndarray,
    ) -> pd.DataFrame:
        """Return what demographic clusters make of campaigns; parameters as in `pair_rows`."""
        clusters = pd.Series(cluster_K, name=CLUSTER, dtype=object)
        return self._crossed("cluster", clusters, campaigns, cluster_R, campaign_R)

    def _crossed(
        self,
        side: str,
        keys: pd.Series,
        campaigns: pd.DataFrame,
        key_R: np.ndarray,
        campaign_R: np.ndarray,
    ) -> pd.DataFrame:
        rows = {
            "row_index": np.arange(len(key_R)),
            "key_index": key_R,
            "campaign_index": campaign_R,
        }
        self._register("pairs", pd.DataFrame(rows))
        self._register("keys", keys.to_frame().assign(key_index=np.arange(len(keys))))
        self._register("campaigns", campaigns.assign(campaign_index=np.arange(len(campaigns))))
        self.connection.execute(
            f"create or replace temp table pair_spine as"
            f" select row_index, {keys.name}, campaign_id, as_of"
            " from pairs join keys using (key_index) join campaigns using (campaign_index)"
        )
        (model,) = ranker_models(side)
        names = [
            f"{f.name}::float as {f.name}" if f.kind == "numeric" else f.name
            for f in model.features
        ]
        found = self.connection.execute(
            f"select row_index, {', '.join(names)} from pair_spine"
            f" join {model.function}('pair_spine')"
            f" using ({keys.name}, campaign_id, as_of)"
        ).fetchnumpy()
        row_R = np.asarray(found.pop("row_index"))
        _require_same_length(len(key_R), len(row_R))
        return pd.DataFrame({name: _placed(values, row_R) for name, values in found.items()})

    def _side(self, side: str, spine: pd.DataFrame) -> pd.DataFrame:
        models = ranker_models(side)
        key = list(models[0].spine)
        self._register("side_spine", spine[key].assign(row_index=np.arange(len(spine))))
        joins = " ".join(
            f"join {m.function}('side_spine') as {m.name} using ({', '.join(key)})" for m in models
        )
        names = [f"{m.name}.{f.name}" for m in models for f in m.features]
        rows = self.connection.execute(
            f"select row_index, {', '.join(names)} from side_spine {joins} order by row_index"
        ).df()
        _require_same_length(len(spine), len(rows))
        return rows.drop(columns="row_index")

    def _register(self, name: str, rows: pd.DataFrame) -> None:
        """Give a frame to DuckDB as a temporary table: table functions take names of tables."""
        self.connection.register("given_rows", rows)
        self.connection.execute(f"create or replace temp table {name} as from given_rows")
        self.connection.unregister("given_rows")


_BEST_PRODUCTS = """
with sold as (
    select lines.campaign_id, lines.product_id, sum(lines.unit_count) as unit_count
    from daily.intermediate.int_order_lines as lines
    join asked_instants on lines.received_at < asked_instants.as_of
    where lines.kind = 'sale'
    group by lines.campaign_id, lines.product_id
)

select on_sale.campaign_id, on_sale.product_id
from daily.features.on_sale('asked_instants') as on_sale
left join sold using (campaign_id, product_id)
qualify row_number() over (
    partition by on_sale.campaign_id
    order by coalesce(sold.unit_count, 0) desc, on_sale.product_id
) = 1
order by on_sale.campaign_id
"""

_OPENING = """
with newest as (
    select campaign_id, opens_at
    from daily.intermediate.int_campaigns
    where available_at <= $as_of
    qualify row_number() over (partition by campaign_id order by available_at desc) = 1
)

select campaign_id
from newest
where opens_at > $as_of and opens_at <= $until
"""


def _placed(values: object, row_R: np.ndarray) -> np.ndarray:
    """Return values in the order of their rows: cheaper than to sort millions of rows by them."""
    unordered_R = np.asarray(values)
    ordered_R = np.empty_like(unordered_R)
    ordered_R[row_R] = unordered_R
    return ordered_R


def _require_same_length(asked: int, answered: int) -> None:
    if asked != answered:
        raise RuntimeError(f"{asked} feature rows were asked for, {answered} were answered")


def _features(side: str) -> tuple[Feature, ...]:
    return tuple(f for model in ranker_models(side) for f in model.features)


def _instants(instants: Sequence[datetime]) -> pd.Series:
    return pd.Series(list(instants), dtype="datetime64[us, UTC]")
