"""What customers bought of the products that a list showed them, by how the similar ones are found.

python -m benchmarks.slates --start 2026-02-16 --end 2026-03-09

For the list of each day: the slates of all who are written to and bought something before, with the
similar products by embeddings and words, which is how lists are made, by either alone, and without
any, where popular ones take their places. Counted is what a customer ordered in the week after of
what the shop had announced by then; who ordered nothing of that is left out. Embeddings are those
that a list of the day may know, and a day without any is an error. Only slates are made: no scores
are needed, and nothing is written.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import click
import numpy as np
import pandas as pd

from email_lists import inputs
from email_lists.composition import Known, compose
from email_lists.slates.candidates import Slot
from email_lists.slates.similarity import ProductVectors, of_words
from training.evaluation.intervals import bootstrap
from vitrine.errors import NotPublishedError, VitrineError
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, format_instant
from vitrine.list_policy import DEFAULT_LIST, Holdout, ListPolicy
from vitrine.options import interval_options
from vitrine.warehouse import connect

NIGHT = timedelta(hours=3, minutes=30)
WITHIN = timedelta(days=7)
BOTH, EMBEDDINGS, WORDS, NONE = "embeddings and words", "embeddings", "words", "none"
TO_ALL = ListPolicy(holdout=Holdout(share=0))
METRICS = ("similar recall@3", "similar hit rate@3", "slate recall@7", "slate hit rate@7")

_BOUGHT = """
select distinct customer_id, product_id
from daily.intermediate.int_order_lines
where kind = 'sale' and occurred_at >= $start and occurred_at < $end
"""


@click.command()
@interval_options
def main(interval: Interval) -> None:
    """Print each way's means over customers and days, and their difference from words."""
    try:
        found = pd.concat(_of_days(Installation.load(), interval), ignore_index=True)
    except VitrineError as error:
        sys.exit(str(error))
    days, customers = found["day"].nunique(), found["customer_id"].nunique()
    click.echo(f"{days} lists, {customers:,} customers, {len(found):,} slates")
    for metric in METRICS:
        for way in (BOTH, EMBEDDINGS, WORDS, NONE):
            click.echo(_line(found, metric, way))


def _of_days(installation: Installation, interval: Interval) -> Iterator[pd.DataFrame]:
    for number in range((interval.end - interval.start) // DAY):
        as_of = interval.start + number * DAY + NIGHT
        known = inputs.read(installation, as_of, is_scored=False)
        if known.provenance["similarity"]["vectors"] != BOTH:
            raise NotPublishedError(
                f"no embeddings that knew no more than the list of {format_instant(as_of)} are"
                " published; run `vitrine train classifier` as of an earlier instant"
            )
        yield judged(known, _bought(installation, as_of, known)).assign(day=number)


def _bought(installation: Installation, as_of: datetime, known: Known) -> pd.DataFrame:
    """Return customer_id and product_id: orders of the week after of what was announced."""
    with connect(installation.paths, ("daily",)) as warehouse:
        within = {"start": as_of, "end": as_of + WITHIN}
        rows = warehouse.execute(_BOUGHT, within).df().dropna()
    is_offered = rows["product_id"].isin(known.supply["product_id"].to_pylist())
    is_regular = rows["customer_id"].isin(known.sales["customer_id"].to_pylist())
    return rows[is_offered & is_regular]


def judged(known: Known, bought: pd.DataFrame) -> pd.DataFrame:
    """Return a row per listed customer who bought something, with a column per way and metric."""
    count = bought.groupby("customer_id").size()
    columns: dict[tuple[str, str], pd.Series] = {}
    for way, vectors in _ways(known).items():
        composition = compose(replace(known, vectors=vectors), TO_ALL, DEFAULT_LIST)
        listed = composition.people["customer_id"].to_pylist()
        hits = composition.products.to_pandas().merge(bought, on=["customer_id", "product_id"])
        similar = hits[hits["slot"] == Slot.SIMILAR.name.lower()]
        for of_slot, names in ((similar, METRICS[:2]), (hits, METRICS[2:])):
            of_customer = of_slot.groupby("customer_id").size().reindex(count.index, fill_value=0)
            columns[way, names[0]] = of_customer / count
            columns[way, names[1]] = (of_customer > 0).astype(np.float64)
    found = pd.DataFrame({f"{way} {name}": values for (way, name), values in columns.items()})
    return found[found.index.isin(listed)].rename_axis("customer_id").reset_index()


def _ways(known: Known) -> dict[str, ProductVectors]:
    nothing = ProductVectors((), np.zeros((0, 1), np.float32))
    both, words = known.vectors, of_words(known.products)
    alone = ProductVectors(both.product_ids, both.vectors[:, : -words.width] * np.float32(2**0.5))
    return {BOTH: both, EMBEDDINGS: alone, WORDS: words, NONE: nothing}


def _line(found: pd.DataFrame, metric: str, way: str) -> str:
    customer_L = found["customer_id"].to_numpy()
    value_L, by_words_L = (found[f"{each} {metric}"].to_numpy() for each in (way, WORDS))
    line = f"{metric:<20} {way:<20} {value_L.mean():.4f}"
    if way == WORDS:
        return line
    less = bootstrap(value_L - by_words_L, customer_L, seed=7)
    return f"{line}  less words {less.mean:+.4f} [{less.low:+.4f}, {less.high:+.4f}]"


if __name__ == "__main__":
    main()
