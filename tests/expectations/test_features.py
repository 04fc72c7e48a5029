"""The feature suite on a small build whose functions answer with their fills."""

from datetime import date, timedelta

import duckdb
import pytest

from expectations import features, gate
from vitrine.errors import NotPublishedError
from vitrine.feature_catalogue import feature_model, feature_models
from vitrine.installation import Installation
from vitrine.interval import Interval

DAY = Interval.of_day(date(2026, 3, 2))
BASE = {
    "daily": """
        create schema intermediate;
        create schema features;
        create table features.build_info as select
            timestamptz '2026-03-03' as data_end_at, timestamptz '2026-03-03 03:00' as available_at;
        create table intermediate.int_order_lines as select
            'ann' as customer_id, 'sale' as campaign_id, 'mug' as product_id, 'home' as sector,
            timestamptz '2026-03-02 12:00' as received_at;
        create table intermediate.int_ledger as select
            timestamptz '2026-03-03 03:00' as available_at;
        create macro features.on_sale(spine) as table
            select as_of, 'sale' as campaign_id, 'mug' as product_id, 9.5 as price, 3 as stock_left
            from query_table(spine);
    """,
    "intraday": """
        create schema intermediate;
        create schema features;
        create table features.build_info as select
            timestamptz '2026-03-03' as data_end_at, timestamptz '2026-03-03 00:05' as available_at;
        create table intermediate.int_cluster_campaign_window_ledger as select
            'sale' as campaign_id, 'unknown' as demographic_cluster,
            timestamptz '2026-03-02 12:20' as available_at;
    """,
}


def function(model, instead=None, rows="query_table(spine)"):
    """Write a function of the published shape that answers with the fills, or with a fault."""
    answers = {f.name: repr(f.fill) for f in model.features} | (instead or {})
    listed = ", ".join(f"{value} as {name}" for name, value in answers.items())
    keys = ", ".join(model.spine)
    return f"""
        create or replace macro features.{model.name}(spine) as table
        select {keys}, {listed} from {rows}
    """


@pytest.fixture
def installation(settings):
    found = Installation(settings)
    for database, base in BASE.items():
        models = [function(m) for m in feature_models() if m.database == database]
        alter(found, database, base, *models)
    return found


def alter(installation, database, *statements):
    file = installation.paths.build_file(database, DAY)
    file.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(file)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for statement in statements:
            connection.execute(statement)


def check(installation, database=None, interval=DAY):
    checks = features.checks(installation, interval, database)
    return gate.run("features", checks, installation.paths.data_docs, "one")


def failed(installation):
    return check(installation, "daily").of("fail")


def test_a_good_build_passes(installation):
    report = check(installation)
    assert report.findings == ()
    assert report.rows == len(feature_models()) + 4 + 1  # two relations a build, what is on sale


def test_a_missing_value_stops_the_line(installation):
    model = feature_model("feat_customer")
    name = model.features[-1].name
    alter(installation, "daily", function(model, {name: "null"}))
    (text,) = failed(installation)
    assert f"features.feat_customer: expect_column_values_to_not_be_null(column={name})" in text
    assert "customer_id=ann" in text


def test_an_infinite_value_stops_the_line(installation):
    model = feature_model("feat_campaign")
    name = next(f.name for f in model.features if f.kind == "numeric")
    alter(installation, "daily", function(model, {name: "'inf'::double"}))
    (text,) = failed(installation)
    assert f"features.feat_campaign: expect_column_values_to_be_between(column={name}" in text


def test_a_question_without_an_answer_stops_the_line(installation):
    model = feature_model("feat_customer_campaign")
    nobody = "(from query_table(spine) where false)"
    alter(installation, "daily", function(model, rows=nobody))
    assert len(failed(installation)) == len(model.features)


def test_two_answers_stop_the_line(installation):
    model = feature_model("feat_context")
    alter(installation, "daily", function(model, rows="query_table(spine), range(2)"))
    (text,) = failed(installation)
    assert "features.feat_context: expect_compound_columns_to_be_unique" in text


def test_a_row_from_the_future_stops_the_line(installation):
    later = "insert into intermediate.int_ledger values ('2026-03-03 03:00:01+00')"
    alter(installation, "daily", later)
    (text,) = failed(installation)
    assert "features.daily_times" in text
    assert "relation=int_ledger" in text


def test_a_sold_out_product_on_sale_stops_the_line(installation):
    macro = BASE["daily"].split("create macro")[1].replace("3 as stock_left", "0 as stock_left")
    alter(installation, "daily", f"create or replace macro {macro}")
    (text,) = failed(installation)
    assert "column=stock_left" in text
    assert "product_id=mug" in text


def test_a_day_on_which_nobody_came_passes(installation):
    alter(installation, "daily", "delete from intermediate.int_order_lines")
    assert failed(installation) == []


def test_a_build_that_is_not_there_is_named(installation):
    tomorrow = Interval(DAY.end, DAY.end + timedelta(days=1))
    with pytest.raises(NotPublishedError, match="vitrine build daily --layer features"):
        check(installation, "daily", tomorrow)
