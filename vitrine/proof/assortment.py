"""What was on sale: which rows of candidates and negatives there are, and not what they say.

`on_sale` answers for an instant with many rows, so it is asked offer by offer: whether its row is
there, and what it says. A row that is not there says 0.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import duckdb
import numpy as np

from vitrine.feature_catalogue import Feature, FeatureModel
from vitrine.interval import Interval
from vitrine.proof.counts import sales
from vitrine.proof.history import MICROSECOND, SALE, History
from vitrine.proof.questions import HISTORY, Question, ask_rows
from vitrine.proof.references.offers import STOCK_UNKNOWN, closed_at, opened_at

Offer = tuple[str, str]
NEEDS = ("campaigns", "campaign_products")


def _column(name: str, kind: str, description: str) -> Feature:
    return Feature(name, "campaign", kind, 0.0, None, "catalogue", NEEDS, description)


ON_SALE = FeatureModel(
    name="on_sale",
    database="daily",
    spine=("campaign_id", "product_id", "as_of"),
    side=None,
    features=(
        _column("is_on_sale", "boolean", "There is a row of the offer."),
        _column("price", "numeric", "Price that the row states."),
        _column("stock_left", "numeric", "Units left that the row states; -1 where unknown."),
    ),
)
"""Described like a feature function, so that it is drawn, compared and reported like one."""


def drawn(history: History, covered: Interval, size: int, seed: int) -> list[Question]:
    """Draw offers, half of them because something was sold, and instants at which they change."""
    rng = np.random.default_rng(seed)
    bought = [(f.campaign_id, f.product_id) for f in history.sample(size, seed, SALE, covered)]
    every = history.keys("campaign_products")
    others = rng.choice(len(every), min(size, len(every)), replace=False).tolist()
    questions = []
    for number, offer in enumerate([*bought, *(every[n] for n in sorted(others))]):
        moments = [at for at in _moments(history, offer, covered, rng) if _is_in(at, covered)]
        if moments and None not in offer:
            as_of = moments[number % len(moments)]
            questions.append(Question(ON_SALE, HISTORY, offer, as_of))
    return list(dict.fromkeys(questions))


def _is_in(at: datetime, covered: Interval) -> bool:
    return covered.start < at <= covered.end


def _moments(
    history: History, offer: Offer, covered: Interval, rng: np.random.Generator
) -> Iterator[datetime]:
    """Yield the instants right before and at which something about an offer becomes known."""
    campaign_id, product_id = offer
    sold = sales(history.facts(campaign_id=campaign_id, product_id=product_id))
    told = history.versions("campaign_products", offer, covered.end)
    turns = [
        *(row["received_at"] for row in told[:1]),
        opened_at(history, campaign_id, covered.end),
        *(fact.received_at for fact in sold[-1:]),
        closed_at(history, campaign_id, product_id, covered.end),
        *(fact.received_at for fact in sold[:1]),
    ]
    for turn in turns:
        if turn is not None:
            yield from (turn - MICROSECOND, turn)
    yield from (fact.occurred_at for fact in sold[:1])
    seconds = int((covered.end - covered.start).total_seconds())
    yield covered.start + timedelta(seconds=int(rng.integers(1, seconds)))


def answers(
    connection: duckdb.DuckDBPyConnection, questions: list[Question]
) -> list[dict[str, float]]:
    """Ask the published function, once, about many offers; return the answers in their order."""
    ask_rows(connection, questions)
    connection.execute("create or replace temp table asked as select distinct as_of from given")
    rows = connection.execute(
        "select count(on_sale.product_id) > 0, coalesce(any_value(on_sale.price), 0), case"
        "   when count(on_sale.product_id) = 0 then 0"
        f"  else coalesce(any_value(on_sale.stock_left), {STOCK_UNKNOWN}) end"
        f" from asked_rows left join {ON_SALE.function}('asked') as on_sale"
        " using (campaign_id, product_id, as_of) group by row_index order by row_index"
    ).fetchall()
    return [dict(zip((f.name for f in ON_SALE.features), row, strict=True)) for row in rows]
