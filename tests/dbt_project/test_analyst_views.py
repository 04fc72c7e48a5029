"""What an analyst would have to compute stands ready, without a row of its own."""

from collections import Counter, defaultdict

import pytest


def test_sell_through_is_sold_units_over_the_newest_stock(warehouse, shop):
    newest: dict[tuple[str, str], int | None] = {}
    for offer in sorted(shop.tables["campaign_products"], key=lambda row: row["received_at"]):
        newest[offer["campaign_id"], offer["product_id"]] = offer["initial_stock"]
    stock: dict[str, list[int]] = defaultdict(list)
    for (campaign, _), count in newest.items():
        stock[campaign] += [] if count is None else [count]
    sold: Counter[str] = Counter()
    for line in shop.tables["orders"]:
        sold[line["campaign_id"]] += line["quantity"] if line["kind"] == "sale" else 0
    rows = warehouse.execute(
        "select campaign_id, stock_count, unit_count, sell_through_ratio"
        " from daily.marts.rpt_sell_through"
    ).fetchall()
    assert {campaign for campaign, *_ in rows} == {c for c, _ in newest}
    assert any(count is None for _, count, *_ in rows)
    for campaign, count, units, ratio in rows:
        assert count == (sum(stock[campaign]) or None)
        assert units == sold[campaign]
        assert ratio == (pytest.approx(units / count) if count else None)


def test_the_groups_now_are_those_of_everybody_at_the_end(warehouse, shop):
    now = warehouse.execute("from daily.marts.customer_groups_now order by all").fetchall()
    asked = warehouse.execute(
        "select * exclude (as_of)"
        " from daily.features.customer_groups('daily.features.customers_at_end') order by all"
    ).fetchall()
    assert now == asked
    assert len(now) == len({row["customer_id"] for row in shop.tables["customers"]})
