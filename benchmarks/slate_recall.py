"""How much of what customers buy in a week was in the slates of its first night.

python -m benchmarks.slate_recall --start 2011-09-26 --end 2011-10-31

For the list of each week's first night: the slates by the usual policy, without a hold-out, of all
who have a history and bought something within seven days. Beside them stand the seven products that
are most popular in the customer's cluster, those most popular with everybody, and the first seven
of the champion (the newest ranker that passed the gate and knows nothing later; `vitrine train
ranker --as-of` trains one). A campaign of several products counts as the one it sells most of.

Recall is the leaderboard's (`training.evaluation.metrics`): of the different products that a
customer bought, the share among the first three, and the first seven, also of what was not on sale
yet. It is told thrice: of all that they bought; of what the days of rest allow to be shown, from
lists that leave out what rests; of what they had never bought before, from lists that leave out
what they had. Slates are not filled up where something is left out of them. Nothing is chosen by
these weeks: the policy is the usual one.

Shape legend: N customers, T ranks, K places of a slate, B purchases, P products, W ways, M metrics.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.markdown import table
from email_lists import inputs
from email_lists.audience.eligibility import decisions
from email_lists.composition import Known, Prepared, eligible, prepare
from email_lists.frames import select
from email_lists.slates import slate
from email_lists.slates.assortment import NOWHERE, positions
from email_lists.slates.candidates import Slot
from email_lists.slates.history import REST_DAYS, History
from email_lists.slates.shelves import Shelves
from training.evaluation.intervals import Resamples, bounds
from training.evaluation.metrics import hit_rate, recall
from vitrine.errors import NotPublishedError, VitrineError
from vitrine.installation import Installation
from vitrine.interval import Interval, format_instant
from vitrine.list_policy import DEFAULT_LIST, Holdout, ListPolicy
from vitrine.options import interval_options, refuse_unwritable
from vitrine.warehouse import connect

NIGHT = timedelta(hours=3, minutes=30)
WEEK = timedelta(days=7)
NEW_DAYS = 30
"""A customer is new for so long after the first purchase."""
RANKED = 100
"""Products ranked for each customer: enough to find seven that do not rest."""
CUTS = (3, 7)
SEED = 7
TO_ALL = ListPolicy(holdout=Holdout(share=0))
SLATE, CLUSTER, POPULAR = "slate", "popular in the cluster", "popular"
CHAMPION, RESTED = "champion", "champion without what rests"
ALL, ALLOWED = "all that they bought", "what the days of rest allow"
FRESH = "what they had never bought before"
METRICS = tuple(f"{name}@{cut}" for cut in CUTS for name in ("recall", "hit rate"))

_BOUGHT = """
select distinct customer_id, product_id
from daily.intermediate.int_order_lines
where
    kind = 'sale'
    and customer_id is not null
    and product_id is not null
    and occurred_at >= $start
    and occurred_at < $end
order by all
"""

_NEW = """
select customer_id
from sales
where customer_id is not null
group by customer_id
having min(occurred_at) >= $since
order by customer_id
"""


@dataclass(frozen=True)
class Judged:
    """What became of one night's slates."""

    rows: pd.DataFrame
    """customer_id, is_new, reading, way and a column per metric: one row each."""
    slots: pd.DataFrame
    """customer_id, slot, places, hits, recall@7: one row per slate and source."""
    purchases: int
    """Different products of a customer."""
    resting: int
    """Of these, what the days of rest forbid to show."""
    known: int
    """Of these, what the customer had bought before, lately or long ago."""


@click.command()
@interval_options
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Page to write.")
def main(interval: Interval, out: Path | None) -> None:
    """Judge the first night of each week, and print the page."""
    try:
        if out is not None:
            refuse_unwritable(out)
        page = _page(dict(_weeks(Installation.load(), interval)))
    except VitrineError as error:
        sys.exit(str(error))
    click.echo(page)
    if out is not None:
        out.write_text(page)


@dataclass(frozen=True)
class _Week:
    judged: Judged
    known: Known
    trained_at: datetime


def _weeks(installation: Installation, interval: Interval) -> Iterator[tuple[datetime, _Week]]:
    for number in range((interval.end - interval.start) // WEEK):
        as_of = interval.start + number * WEEK + NIGHT
        known = inputs.calibrated(installation, inputs.read(installation, as_of, is_scored=False))
        with connect(installation.paths, ("daily",)) as warehouse:
            within = {"start": as_of, "end": as_of + WEEK}
            bought = warehouse.sql(_BOUGHT, params=within).to_arrow_table()
        asked = sorted(
            {*bought["customer_id"].to_pylist()} & {*known.sales["customer_id"].to_pylist()}
        )
        champion, trained_at = _champion(installation, as_of, asked)
        yield as_of, _Week(judged(known, bought, champion), known, trained_at)


def _champion(
    installation: Installation, as_of: datetime, customer_ids: list[str]
) -> tuple[pa.Table, datetime]:
    """Rank for some customers as `vitrine recommend` does, and say how new the ranker is."""
    import torch

    from training.device import prepare as prepare_device
    from training.ranker import serving
    from training.ranker.features import FeatureReader
    from training.ranker.rankings import Naming
    from training.registry import Registry

    models = Registry(installation.settings, installation.paths)
    version = serving.version_for(models, as_of, max_age=None)
    if version is None:
        moment = format_instant(as_of)
        raise NotPublishedError(
            f"no ranker that passed the gate knew no more than {moment}; run `vitrine train"
            " examples` and `vitrine train ranker` as of an earlier instant"
        )
    prepare_device(installation.settings)
    torch.set_num_threads(1)
    with connect(installation.paths) as warehouse:
        reader = FeatureReader.of(warehouse, installation.paths)
        model = serving.model_of(reader, models, version)
        on_sale = reader.campaigns_on_sale([as_of])
        asked = serving.candidates(reader, customer_ids, on_sale, as_of)
        naming = Naming.of(asked, reader.best_products(as_of))
        found = [part.pairs() for part in serving.rankings(model, reader, asked, RANKED)]
    list_R, campaign_R, rank_R, _ = (np.concatenate(column) for column in zip(*found, strict=True))
    rows = {
        "customer_id": naming.customer_id_L.take(pa.array(list_R)),
        "product_id": naming.product_id_C.take(pa.array(campaign_R)),
        "rank": pa.array(rank_R),
    }
    return pa.table(rows), version.data.end


def judged(
    known: Known, bought: pa.Table, champion: pa.Table, policy: ListPolicy = TO_ALL
) -> Judged:
    """Compare the slates of a night, and what could stand in their place, with what was bought.

    Parameters
    ----------
    bought
        customer_id, product_id, distinct: within the week after.
    champion
        customer_id, product_id, rank (from 1 to RANKED at most).
    """
    customers = eligible(known, decisions(known.who, policy, DEFAULT_LIST))
    made = prepare(known, customers, policy, DEFAULT_LIST)
    slates = slate.choose(made.shelves, made.rules)
    product_ids = made.shelves.assortment.products["product_id"]
    week = _Bought.of(
        positions(bought["customer_id"], customers["customer_id"]),
        positions(bought["product_id"], product_ids),
        made.shelves,
    )
    ranked = _ranked(made, slates, _laid_out(champion, customers["customer_id"], product_ids))
    new = select(_NEW, {"since": known.as_of - timedelta(days=NEW_DAYS)}, sales=known.sales)
    about = pd.DataFrame(
        {
            "customer_id": customers["customer_id"].to_pylist(),
            "is_new": np.isin(customers["customer_id"].to_pylist(), new["customer_id"].to_pylist()),
        }
    )
    readings = {
        ALL: week,
        ALLOWED: week.where(~week.is_resting_B),
        FRESH: week.where(~week.is_known_B),
    }
    rows = [
        _metrics(about, product_NT, purchases).assign(reading=reading, way=way)
        for reading, purchases in readings.items()
        for way, product_NT in ranked[reading].items()
    ]
    return Judged(
        rows=pd.concat(rows, ignore_index=True),
        slots=_by_slot(about, slates, week),
        purchases=week.customer_B.size,
        resting=int(week.is_resting_B.sum()),
        known=int(week.is_known_B.sum()),
    )


@dataclass(frozen=True)
class _Bought:
    """What the customers with a history bought in the week, as positions."""

    customer_B: np.ndarray
    product_B: np.ndarray
    """-1: not known when the list was made."""
    is_resting_B: np.ndarray
    is_known_B: np.ndarray
    """Whether the customer had bought it before."""
    product_count: int
    customer_count: int

    @classmethod
    def of(cls, customer_B: np.ndarray, product_B: np.ndarray, shelves: Shelves) -> "_Bought":
        history, product_count = shelves.history, shelves.assortment.products.num_rows
        is_asked_B = (customer_B != NOWHERE) & history.has_any_N[customer_B]
        customer_B, product_B = customer_B[is_asked_B], product_B[is_asked_B]
        pair_I = history.customer_I.astype(np.int64) * product_count + history.product_I
        pair_B = customer_B.astype(np.int64) * product_count + product_B
        is_there_B = product_B != NOWHERE
        return cls(
            customer_B=customer_B,
            product_B=product_B,
            is_resting_B=is_there_B & np.isin(pair_B, pair_I[history.is_resting_I]),
            is_known_B=is_there_B & np.isin(pair_B, pair_I),
            product_count=product_count,
            customer_count=shelves.market_N.size,
        )

    def where(self, is_kept_B: np.ndarray) -> "_Bought":
        return replace(
            self,
            customer_B=self.customer_B[is_kept_B],
            product_B=self.product_B[is_kept_B],
            is_resting_B=self.is_resting_B[is_kept_B],
            is_known_B=self.is_known_B[is_kept_B],
        )

    def hits(self, product_NT: np.ndarray) -> np.ndarray:
        """Tell which of the products that are shown were bought: bool [N, T]."""
        first_N1 = np.arange(self.customer_count, dtype=np.int64)[:, None] * self.product_count
        bought_B = self.customer_B.astype(np.int64) * self.product_count + self.product_B
        hit_NT: np.ndarray = np.isin(first_N1 + product_NT, bought_B[self.product_B != NOWHERE])
        return hit_NT & (product_NT != NOWHERE)

    @property
    def relevant_N(self) -> np.ndarray:
        """How many different products each customer bought."""
        return np.bincount(self.customer_B, minlength=self.customer_count)


def _ranked(
    made: Prepared, slates: slate.Slates, champion_NT: np.ndarray
) -> dict[str, dict[str, np.ndarray]]:
    """Return each way's products, the first one first, by reading: int32 [N, 7]."""
    shelves = made.shelves
    popular = np.flatnonzero((shelves.assortment.offer_MP != NOWHERE).any(axis=0))
    popular = popular[np.argsort(-shelves.sold.units_P[popular], kind="stable")][:RANKED]
    ranked = {
        SLATE: slates.product_NK,
        CLUSTER: shelves.popular.product_GT[shelves.groups.group_N],
        POPULAR: np.broadcast_to(popular, (shelves.market_N.size, popular.size)),
        CHAMPION: champion_NT,
    }
    before = replace(shelves.history, is_resting_I=np.ones_like(shelves.history.is_resting_I))
    first = {way: product_NT[:, : max(CUTS)] for way, product_NT in ranked.items()}
    rested = {way: _without(shelves.history, of_NT) for way, of_NT in ranked.items()}
    fresh = {way: _without(before, of_NT) for way, of_NT in ranked.items()}
    return {ALL: first | {RESTED: rested[CHAMPION]}, ALLOWED: rested, FRESH: fresh}


def _without(resting: History, product_NT: np.ndarray) -> np.ndarray:
    """Leave out what rests, and let the next ones move up: int32 [N, 7]."""
    kept_NT = np.where(resting.is_resting(0, product_NT), NOWHERE, product_NT)
    order_NT = np.argsort(kept_NT == NOWHERE, axis=1, kind="stable")[:, : max(CUTS)]
    return np.take_along_axis(kept_NT, order_NT, axis=1)


def _laid_out(
    rows: pa.Table, customer_ids: pa.ChunkedArray, product_ids: pa.ChunkedArray
) -> np.ndarray:
    """Lay rankings out, a row per customer: int32 [N, T], -1 where there is nothing."""
    laid_out_NT = np.full((len(customer_ids), RANKED), NOWHERE, np.int32)
    customer_R = positions(rows["customer_id"], customer_ids)
    is_listed_R = customer_R != NOWHERE
    cells = customer_R[is_listed_R], rows["rank"].to_numpy()[is_listed_R] - 1
    laid_out_NT[cells] = positions(rows["product_id"], product_ids)[is_listed_R]
    return laid_out_NT


def _metrics(about: pd.DataFrame, product_NT: np.ndarray, bought: _Bought) -> pd.DataFrame:
    """Judge one way: a row per customer who bought something."""
    is_judged_N = bought.relevant_N > 0
    hit_LT, relevant_L = bought.hits(product_NT)[is_judged_N], bought.relevant_N[is_judged_N]
    columns = {
        f"{name}@{cut}": metric(hit_LT[:, :cut], relevant_L)
        for cut in CUTS
        for name, metric in (("recall", recall), ("hit rate", hit_rate))
    }
    return about[is_judged_N].assign(**columns)


def _by_slot(about: pd.DataFrame, slates: slate.Slates, bought: _Bought) -> pd.DataFrame:
    is_judged_N = bought.relevant_N > 0
    hit_LK = bought.hits(slates.product_NK)[is_judged_N]
    slot_LK, relevant_L = slates.slot_NK[is_judged_N], bought.relevant_N[is_judged_N]
    parts = []
    for slot in Slot:
        hits_L = (hit_LK & (slot_LK == slot)).sum(axis=1)
        found = {"slot": slot.name.lower(), "places": (slot_LK == slot).sum(axis=1)}
        found |= {"hits": hits_L, f"recall@{max(CUTS)}": hits_L / relevant_L}
        parts.append(about.loc[is_judged_N, ["customer_id"]].assign(**found))
    return pd.concat(parts, ignore_index=True)


def _page(weeks: Mapping[datetime, _Week]) -> str:
    rows = pd.concat([week.judged.rows.assign(week=at) for at, week in weeks.items()])
    slots = pd.concat([week.judged.slots for week in weeks.values()])
    return "\n".join(
        [
            _heading(weeks, rows),
            *(
                _reading_table(rows[rows["reading"] == reading], reading)
                for reading in (ALL, ALLOWED, FRESH)
            ),
            _slot_table(slots),
            _newness_table(rows[rows["reading"] == ALL]),
            _week_table(weeks),
        ]
    )


def _heading(weeks: Mapping[datetime, _Week], rows: pd.DataFrame) -> str:
    slates = rows[(rows["reading"] == ALL) & (rows["way"] == SLATE)]
    known = next(iter(weeks.values())).known
    purchases = sum(week.judged.purchases for week in weeks.values())
    resting = sum(week.judged.resting for week in weeks.values())
    again = sum(week.judged.known for week in weeks.values())
    return (
        "# What customers bought of their slates\n\n"
        f"{len(slates):,} slates of {slates['customer_id'].nunique():,} customers of"
        f" `{known.provenance['shop']}`, {len(weeks)} weeks from {min(weeks):%Y-%m-%d} on; similar"
        f" products by {known.provenance['similarity']['vectors']}. {purchases:,} products were"
        f" bought in the week after; {resting:,} of them ({resting / purchases:.1%}) the customer"
        f" had bought within the {REST_DAYS} days before, and they are no repeat purchases, so that"
        " no slate may show them;"
        f" {again:,} ({again / purchases:.1%}) the customer had bought at any time before. Bounds"
        " are 95 %, by resampling customers; differences are on the same draws.\n"
    )


def _reading_table(rows: pd.DataFrame, reading: str) -> str:
    ways = list(dict.fromkeys(rows["way"]))
    rows = rows.sort_values(["week", "customer_id"], kind="stable")
    customer_L = rows.loc[rows["way"] == SLATE, "customer_id"].to_numpy(object)
    resamples = Resamples.of(customer_L, SEED)
    value = {way: rows.loc[rows["way"] == way, list(METRICS)].to_numpy() for way in ways}
    mean = {way: resamples.means(value[way], customer_L) for way in ways}
    lines = []
    for way in ways:
        less_M = (value[SLATE] - value[way]).mean(axis=0)
        low_M, high_M = bounds(mean[SLATE] - mean[way])
        recalls = [METRICS.index(f"recall@{cut}") for cut in CUTS]
        lines.append(
            [way]
            + [f"{of:.4f}" for of in value[way].mean(axis=0)]
            + [
                "" if way == SLATE else f"{less_M[m]:+.4f} [{low_M[m]:+.4f}, {high_M[m]:+.4f}]"
                for m in recalls
            ]
        )
    title = f"Of {reading}, {len(customer_L):,} slates"
    head = ["", *METRICS, *(f"slate less it, recall@{cut}" for cut in CUTS)]
    return table(title, head, lines)


def _slot_table(slots: pd.DataFrame) -> str:
    last = f"recall@{max(CUTS)}"
    slates = len(slots) / slots["slot"].nunique()
    of_slot = slots.groupby("slot", sort=False)[["places", "hits", last]].sum()
    of_slot = of_slot[of_slot["places"] > 0]
    lines = [
        [
            str(slot),
            f"{row['places'] / slates:.2f}",
            f"{row['hits'] / row['places']:.2%}",
            f"{row[last] / slates:.4f}",
        ]
        for slot, row in of_slot.iterrows()
    ]
    head = ["source", "places in a slate", "bought of those shown", f"part of {last}"]
    return table("By source", head, lines)


def _newness_table(rows: pd.DataFrame) -> str:
    last = f"recall@{max(CUTS)}"
    count = rows[rows["way"] == SLATE].groupby("is_new").size()
    mean = rows.groupby(["way", "is_new"], sort=False)[last].mean().unstack("is_new")
    names = {False: "others", True: f"first bought within {NEW_DAYS} days"}
    head = ["", *(f"{names[bool(is_new)]}: {count[is_new]:,} slates" for is_new in mean.columns)]
    lines = [[str(way), *(f"{of:.4f}" for of in row)] for way, row in mean.iterrows()]
    return table(f"New customers and others: {last}", head, lines)


def _week_table(weeks: Mapping[datetime, _Week]) -> str:
    last, ways = f"recall@{max(CUTS)}", (SLATE, CLUSTER, POPULAR, CHAMPION, RESTED)
    lines = []
    for at, week in weeks.items():
        rows = week.judged.rows
        rows = rows[rows["reading"] == ALL]
        mean = rows.groupby("way")[last].mean()
        lines.append(
            [
                f"{at:%Y-%m-%d}",
                f"{week.trained_at:%Y-%m-%d}",
                f"{(rows['way'] == SLATE).sum():,}",
                f"{week.judged.resting / week.judged.purchases:.1%}",
                *(f"{mean[way]:.4f}" for way in ways),
            ]
        )
    head = ["week from", "champion trained as of", "slates", "bought that rests", *ways]
    return table(f"Week by week: {last}", head, lines)


if __name__ == "__main__":
    main()
