"""The analysts' tables add up to the raw facts."""

from collections import Counter, defaultdict
from datetime import timedelta

import pytest

from tests.dbt_project import small_shop
from tests.dbt_project.reference import facts_of
from tests.dbt_project.small_shop import measures


def test_late_facts_count_on_the_day_on_which_they_happened(warehouse, shop):
    found = warehouse.execute(
        "select customer_id, occurred_on, unit_count, view_count, turnover"
        " from (select *, campaign_view_count + product_view_count as view_count"
        " from daily.marts.fct_customer_days)"
    ).fetchall()
    groups = defaultdict(list)
    for fact in facts_of(shop):
        if fact["customer_id"]:
            groups[fact["customer_id"], fact["occurred_on"]].append(fact)
    expected = {key: measures(facts) for key, facts in groups.items()}
    assert {row[:2] for row in found} == set(expected)
    for customer_id, day, units, views, turnover in found:
        sums = expected[customer_id, day]
        assert (units, views) == (sums["unit_count"], sums["view_count"])
        assert float(turnover) == pytest.approx(sums["turnover"])


def test_an_order_received_in_two_parts_is_one_order(warehouse, shop):
    orders = defaultdict(set)
    for line in shop.tables["orders"]:
        if line["kind"] == "sale" and line["customer_id"]:
            orders[line["customer_id"]].add(line["order_id"])
            orders[line["customer_id"], line["occurred_at"].date()].add(line["order_id"])
    customers = warehouse.execute(
        "select customer_id, order_count from daily.marts.dim_customers"
    ).fetchall()
    assert dict(customers) == {customer: len(orders[customer]) for customer, _ in customers}
    days = warehouse.execute(
        "select customer_id, occurred_on, order_count from daily.marts.fct_customer_days"
    ).fetchall()
    assert {row[:2]: row[2] for row in days} == {row[:2]: len(orders[row[:2]]) for row in days}


def test_the_value_of_a_returned_line_is_positive(warehouse, shop):
    found = warehouse.execute(
        "select order_id, line_number, line_value from daily.marts.fct_orders"
        " where kind = 'return' order by all"
    ).fetchall()
    returns = [row for row in shop.tables["orders"] if row["kind"] == "return"]
    expected = [(r["order_id"], r["line"], r["quantity"] * r["unit_price"]) for r in returns]
    assert [row[:2] for row in found] == sorted(row[:2] for row in expected)
    assert [float(row[2]) for row in found] == pytest.approx([row[2] for row in sorted(expected)])
    assert found
    assert min(row[2] for row in found) > 0


def test_a_15_minute_window_holds_what_happened_in_it(warehouse, shop):
    found = warehouse.execute(
        "select campaign_id, epoch(window_start_at), cart_count, unit_count"
        " from intraday.marts.campaign_performance"
    ).fetchall()
    groups = defaultdict(list)
    for fact in facts_of(shop):
        groups[fact["campaign_id"], fact["window_start_at"].timestamp()].append(fact)
    sums = {key: measures(facts) for key, facts in groups.items()}
    assert {row[:2]: row[2:] for row in found} == {
        key: (value["cart_count"], value["unit_count"]) for key, value in sums.items()
    }


def test_products_bought_together_are_counted_by_basket(warehouse, shop):
    baskets = defaultdict(set)
    for line in shop.tables["orders"]:
        if line["kind"] == "sale":
            baskets[line["order_id"]].add(line["product_id"])
    alone = Counter(p for basket in baskets.values() for p in basket)
    pairs = Counter((p, q) for basket in baskets.values() for p in basket for q in basket if p != q)
    rows = warehouse.execute("from daily.marts.fct_co_purchases").fetchall()
    assert {(p, q): n for p, q, n, *_ in rows} == pairs
    for product, other, count, support, confidence, lift in rows:
        assert support == pytest.approx(count / len(baskets))
        assert confidence == pytest.approx(count / alone[product])
        assert lift == pytest.approx(count * len(baskets) / alone[product] / alone[other])


def test_the_popular_products_of_everybody_are_the_most_bought(warehouse, shop):
    lines = [line for line in shop.tables["orders"] if line["kind"] == "sale"]
    counts = Counter(line["product_id"] for line in lines)
    units: Counter[str] = Counter()
    for line in lines:
        units[line["product_id"]] += line["quantity"]
    expected = sorted(counts, key=lambda p: (-counts[p], -units[p], p))
    found = warehouse.execute(
        "select product_id from daily.marts.product_popularity"
        " where demographic_cluster = 'all' order by popularity_rank"
    ).fetchall()
    assert [product for (product,) in found] == expected


def test_every_customer_has_one_segment_by_the_rules(warehouse, shop):
    segments = dict(
        warehouse.execute("select customer_id, segment from daily.marts.dim_customers").fetchall()
    )
    bought = {line["customer_id"] for line in shop.tables["orders"] if line["kind"] == "sale"} - {
        None
    }
    assert segments.keys() == {row["customer_id"] for row in shop.tables["customers"]}
    assert {c for c, segment in segments.items() if segment == "prospect"} == (
        segments.keys() - bought
    )
    # Nobody of this shop ordered more than 30 days ago.
    assert {segments[c] for c in bought} == {"new"}


def segments_before_the_end(warehouse, hours):
    warehouse.execute(
        "create or replace temp table asked as"
        f" select customer_id, as_of - interval '{hours} hours' as as_of"
        " from daily.features.customers_at_end"
    )
    rows = warehouse.execute(
        "select customer_id, segment from daily.features.customer_segments('asked')"
    ).fetchall()
    assert len(rows) == len(dict(rows))
    return dict(rows)


def test_a_segment_is_of_the_instant_asked_for(warehouse, shop):
    marts = dict(
        warehouse.execute("select customer_id, segment from daily.marts.dim_customers").fetchall()
    )
    newest = segments_before_the_end(warehouse, 0)
    assert newest == marts
    # Then the first day's features alone were readable.
    readable = small_shop.START + timedelta(days=1)
    bought = {
        line["customer_id"]
        for line in shop.tables["orders"]
        if line["kind"] == "sale" and line["received_at"] < readable
    } - {None}
    earlier = segments_before_the_end(warehouse, 24 * (small_shop.DAYS - 1))
    assert {c for c, segment in earlier.items() if segment == "new"} == bought
    assert bought < {c for c, segment in newest.items() if segment != "prospect"}


def test_the_books_are_a_report(warehouse):
    rows = warehouse.execute(
        "select reason, row_count, row_ratio from daily.marts.rpt_data_quality"
        " where received_on = ? order by reason",
        [small_shop.START.date() + timedelta(days=1)],
    ).fetchall()
    assert [(reason, count) for reason, count, _ in rows] == [
        ("accepted", 38),
        ("duplicate", 2),
        ("late", 1),
        ("no_price", 1),
    ]
    assert sum(ratio for *_, ratio in rows) == pytest.approx(1)


def test_no_address_enters_the_warehouse(warehouse):
    columns = warehouse.execute(
        "select column_name from duckdb_columns() where database_name in ('daily', 'intraday')"
    ).fetchall()
    assert len(columns) > 100
    assert not [name for (name,) in columns if "email_address" in name or "postal" in name]


def test_the_file_says_what_it_was_built_from(warehouse):
    ((source, currency, start, end, available),) = warehouse.execute(
        "select source, currency, epoch(data_start_at), epoch(data_end_at), epoch(available_at)"
        " from daily.features.build_info"
    ).fetchall()
    assert (source, currency) == ("flash_sale", "EUR")
    assert start >= small_shop.START.timestamp()
    assert end == small_shop.END.timestamp()
    assert available == end + 3 * 3600
