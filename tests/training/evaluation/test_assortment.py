"""What a week's candidates are to a shop whose costs are known, or not."""

from types import SimpleNamespace

import duckdb
import numpy as np
import pandas as pd
import pytest

from training.evaluation.assortment import Assortment

MONDAY, TUESDAY = pd.to_datetime(["2026-03-02", "2026-03-03"], utc=True)
CANDIDATES = pd.DataFrame(
    [(MONDAY, "a"), (MONDAY, "b"), (TUESDAY, "a"), (TUESDAY, "new")],
    columns=["as_of", "campaign_id"],
)
SHOP = """
set TimeZone = 'UTC';
attach ':memory:' as daily;
create schema daily.intermediate;
create schema daily.marts;
create table daily.intermediate.int_order_lines as from (values
    ('u', 'a', timestamptz '2026-03-01', 'sale'),
    ('u', 'a', timestamptz '2026-03-01', 'sale'),
    ('v', 'a', timestamptz '2026-03-02', 'sale'),  -- on Monday itself: known on Tuesday
    ('v', 'b', timestamptz '2026-03-01', 'sale'),
    ('w', 'b', timestamptz '2026-03-02', 'sale'),
    ('w', 'a', timestamptz '2026-03-01', 'return'),
    (null, 'b', timestamptz '2026-03-01', 'sale')
) as lines (customer_id, campaign_id, received_at, kind);
create table daily.intermediate.int_campaign_products as from (values
    ('a', 'p', timestamptz '2026-02-01', 100.0),
    ('a', 'p', timestamptz '2026-02-02', 10.0),  -- the newest price counts
    ('a', 'q', timestamptz '2026-02-01', 20.0),
    ('b', 'r', timestamptz '2026-02-01', 8.0)
) as offers (campaign_id, product_id, available_at, price);
create table daily.marts.dim_products as from (values ('p', 4.0), ('q', 12.0), ('r', null))
    as products (product_id, unit_cost);
create table daily.marts.dim_campaigns as from (values
    ('a', 'home', null, 'acme'), ('b', 'home', null, 'acme'), ('new', 'toys', 'cars', 'acme')
) as campaigns (campaign_id, sector, sub_sector, brand);
"""


@pytest.fixture
def reader():
    with duckdb.connect() as connection:
        connection.execute(SHOP)
        yield SimpleNamespace(connection=connection)


def week(relevant):
    return SimpleNamespace(
        candidates=SimpleNamespace(campaigns=CANDIDATES), relevant=np.array(relevant)
    )


def test_the_popular_carry_little_information_and_the_unknown_most(reader):
    found = Assortment.of(reader, week([[0, 0]])).information_C
    # Before Monday u and v are known; before Tuesday w, too. v bought a on Monday.
    assert found == pytest.approx(-np.log2([2 / 3, 2 / 3, 3 / 4, 1 / 4]))


def test_labels_are_those_that_tell_candidates_apart(reader):
    labels = Assortment.of(reader, week([[0, 0]])).label_CA
    assert labels.shape == (4, 1)  # one brand, and one known sub-sector, tell nothing
    assert labels[0, 0] == labels[1, 0] == labels[2, 0] != labels[3, 0]


def test_margins_are_known_where_all_that_was_bought_has_a_cost(reader):
    margins = Assortment.of(reader, week([[0, 0], [1, 2], [0, -1]])).margin_C
    assert margins is not None
    assert margins[0] == margins[2] == pytest.approx(((10 - 4) + (20 - 12)) / 2)
    assert np.isnan(margins[1])
    assert Assortment.of(reader, week([[0, 0], [0, 1]])).margin_C is None


def test_a_campaign_of_several_instants_is_one_item(reader):
    found = Assortment.of(reader, week([[0, 0]]))
    assert found.item_C[0] == found.item_C[2]
    assert found.shown(np.array([[0, 1], [2, -1]])).tolist() == [2, 1, 0]
