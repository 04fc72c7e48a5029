from types import SimpleNamespace

import duckdb
import numpy as np
import pandas as pd
import pytest

from training.peers.articles import Articles, DayAhead, article_source

EARLY, LATE = pd.to_datetime(["2026-03-01", "2026-03-09"], utc=True)


TABLES = """
attach ':memory:' as daily;
create schema daily.intermediate;
create table daily.intermediate.int_campaigns as from (values
    ('k1', timestamptz '2026-02-01', 'Lys', 'home', 'lamps', timestamptz '2026-02-10', null),
    ('k1', timestamptz '2026-03-05', 'Lys', 'home', 'candles', timestamptz '2026-02-10',
        timestamptz '2026-03-20')
) as t(campaign_id, available_at, brand, sector, sub_sector, opens_at, closes_at);
create table daily.intermediate.int_campaign_products as from (values
    ('k1', 'p1', timestamptz '2026-02-01', 4.0),
    ('k1', 'p2', timestamptz '2026-02-01', 8.0),
    ('k1', 'p2', timestamptz '2026-03-05', 20.0)
) as t(campaign_id, product_id, available_at, price);
create table daily.intermediate.int_products as from (values
    ('p1', timestamptz '2026-02-01', 'Reading lamp'),
    ('p2', timestamptz '2026-02-01', 'Desk lamp'),
    ('p2', timestamptz '2026-03-05', 'Candle')
) as t(product_id, available_at, name);
"""


@pytest.fixture
def reader():
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(TABLES)
    return SimpleNamespace(connection=connection)


def test_each_campaign_is_described_as_it_was_at_its_instant(reader):
    asked = pd.DataFrame({"campaign_id": ["k1", "k9", "k1"], "as_of": [LATE, EARLY, EARLY]})
    found = article_source(reader)(asked)
    assert found.text_C.tolist() == [
        "Lys home candles Candle Reading lamp",
        "",
        "Lys home lamps Desk lamp Reading lamp",
    ]
    assert found.category_C.tolist() == ["home / candles", "", "home / lamps"]
    np.testing.assert_equal(found.price_C, [12.0, np.nan, 6.0])
    opened, unknown = np.datetime64("2026-02-10", "us"), np.datetime64("NaT", "us")
    np.testing.assert_equal(found.opens_at_C, [opened, unknown, opened])
    np.testing.assert_equal(found.closes_at_C, [np.datetime64("2026-03-20"), unknown, unknown])


def test_a_days_campaigns_are_asked_for_at_once_and_answered_as_each_alone(reader):
    """Two instants of one day, one of another, and a campaign that nobody had foreseen."""
    later = LATE + pd.Timedelta(hours=5)
    ahead = pd.DataFrame({"campaign_id": ["k9", "k1", "k1"], "as_of": [later, LATE, EARLY]})
    source, questions = article_source(reader), []

    def counted(campaigns):
        questions.append(len(campaigns))
        return source(campaigns)

    day_ahead = DayAhead(counted, ahead)
    for campaign_id, as_of in [("k1", EARLY), ("k1", LATE), ("k9", later), ("k1", later)]:
        asked = pd.DataFrame({"campaign_id": [campaign_id], "as_of": [as_of]})
        found, alone = day_ahead(asked), source(asked)
        assert found.text_C.tolist() == alone.text_C.tolist()
        np.testing.assert_equal(found.price_C, alone.price_C)
        np.testing.assert_equal(found.closes_at_C, alone.closes_at_C)
    assert questions == [1, 2, 1]


def test_words_are_rows_of_length_one_that_like_texts_share():
    words = Articles(
        np.array(["red lamp", "", "red lamps", "blue cup"], dtype=object),
        np.array([""] * 4, dtype=object),
        np.full(4, np.nan),
    ).words(1024)
    like = (words @ words.T).toarray()
    np.testing.assert_allclose(like.diagonal(), [1, 0, 1, 1], rtol=1e-6)
    assert like[0, 2] > 0.5 > like[0, 3]
