"""What the published lists promised, and what became of it: the marts beside slow loops."""

from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any

import pytest

from tests.dbt_project import small_shop
from tests.dbt_project.conftest import MIDDLE, connected
from vitrine.interval import DAY, Interval, midnight

ATTRIBUTED = timedelta(hours=72)
KINDS = ("sent", "opened", "clicked", "unsubscribed")


def reactions(shop, letter, until):
    """Return the first instant of each kind as known at an instant."""
    events = [
        e
        for e in shop.tables["email_events"]
        if e["message_id"] == letter["message_id"] and e["received_at"] < until
    ]
    return [min((e["occurred_at"] for e in events if e["kind"] == k), default=None) for k in KINDS]


def gone(shop, letters, until):
    """Return letters with when they were sent, or promised where none of the night was sent."""
    sent = {r["message_id"]: reactions(shop, r, until)[0] for r in letters}
    reported = {(r["list"], r["night"]) for r in letters if sent[r["message_id"]]}
    for row in letters:
        if (row["list"], row["night"]) not in reported:
            yield row, row["send_at"]
        elif sent[row["message_id"]]:
            yield row, sent[row["message_id"]]


def sales_of_letters(shop, letters, until):
    """Return the letter that each sale counts for, with the line."""
    known = list(gone(shop, letters, until))
    for line in shop.tables["orders"]:
        sent = [
            (r, at)
            for r, at in known
            if r["customer_id"] == line["customer_id"]
            and at <= line["occurred_at"] < at + ATTRIBUTED
        ]
        if sent and line["kind"] == "sale" and line["received_at"] < until:
            last = max(at for _, at in sent)
            yield min((r for r, at in sent if at == last), key=lambda r: r["message_id"]), line


def shows_product(letter, line):
    offers = [(p["campaign_id"], p["product_id"]) for p in letter["products"]]
    return (line["campaign_id"], line["product_id"]) in offers


def is_shown(letter, line):
    campaigns = [c["campaign_id"] for c in letter["campaigns"]]
    return line["campaign_id"] in campaigns or shows_product(letter, line)


def expected_letters(shop, until):
    letters = [r for r in shop.letters if midnight(r["night"]) + DAY <= until]
    bought = defaultdict(list)
    for letter, line in sales_of_letters(shop, letters, until):
        bought[letter["message_id"]].append((line, is_shown(letter, line)))
    for letter in letters:
        lines = bought[letter["message_id"]]
        yield (
            letter["message_id"],
            (
                *reactions(shop, letter, until),
                len({line["order_id"] for line, _ in lines}),
                sum(line["quantity"] for line, _ in lines),
                round(sum(line["quantity"] * line["unit_price"] for line, _ in lines), 2),
                sum(line["quantity"] for line, shown in lines if shown),
                pytest.approx(0.01 * len(letter["products"])),
            ),
        )


def found_letters(connection):
    rows = connection.execute(
        "select message_id, sent_at, opened_at, clicked_at, unsubscribed_at, order_count,"
        " unit_count, turnover::double, shown_unit_count, expected_unit_count"
        " from daily.marts.fct_letters"
    ).fetchall()
    return {message_id: tuple(row) for message_id, *row in rows}


def on_sale(connection):
    """Return the spans of each campaign and product: from, until, stock left."""
    spans = defaultdict(list)
    for *offer, start, end, left in connection.execute(
        "select campaign_id, product_id, from_at, until_at, stock_left_count"
        " from daily.intermediate.int_on_sale"
    ).fetchall():
        spans[tuple(offer)].append((start, end, left))
    return spans


def on_day(spans, night):
    day = Interval.of_day(night)
    return [span for span in spans if span[0] < day.end and span[1] > day.start]


def test_a_letters_figures_are_what_is_known_by_now_however_late_it_came(
    built, built_to_the_middle, shop
):
    found = []
    for files, until in ((built_to_the_middle, MIDDLE), (built, small_shop.END)):
        (letters,) = [found_letters(c) for c in connected(files)]
        assert letters == dict(expected_letters(shop, until))
        found.append(letters)
    early, late = found
    assert any(early[message] != late[message] for message in early)
    assert any(units > shown > 0 for *_, units, _, shown, _ in late.values())


def test_an_event_that_comes_again_days_later_counts_when_it_came_first(built, shop):
    key = ("message_id", "kind", "occurred_at")
    first: dict[tuple[Any, ...], Any] = {}
    for event in sorted(shop.tables["email_events"], key=lambda e: e["received_at"]):
        first.setdefault(tuple(event[name] for name in key), event["received_at"])
    assert len(first) < len(shop.tables["email_events"])
    for connection in connected(built):
        found = connection.execute(
            f"select {', '.join(key)}, received_at from daily.staging.stg_email_events"
        ).fetchall()
        opens = connection.execute(
            "select sum(opened_count) from ("
            "select max(cumulative_opened_count) as opened_count"
            " from daily.intermediate.int_customer_email_ledger group by customer_id)"
        ).fetchall()
    assert sorted(found) == sorted((*key, at) for key, at in first.items())
    assert opens == [(sum(kind == "opened" for _, kind, _ in first),)]


def test_sizes_and_exclusions_add_up_to_all_known(warehouse, shop):
    rows = warehouse.execute(
        "select list_name, night, listed_count, excluded_count, held_out_count,"
        " shown_product_count, offered_product_count, coverage_ratio, effective_product_count,"
        " brand_ratio, top_campaign_ratio from daily.marts.rpt_lists"
    ).fetchall()
    spans = on_sale(warehouse)
    brands = {row["product_id"]: row["brand"] for row in shop.tables["products"]}
    assert {row[:2] for row in rows} == set(shop.excluded)
    for list_name, night, listed, excluded, held_out, *shown in rows:
        letters = [r for r in shop.letters if (r["list"], r["night"]) == (list_name, night)]
        reasons = shop.excluded[list_name, night]
        assert (listed, excluded) == (len(letters), len(reasons))
        assert held_out == list(reasons.values()).count("hold_out")
        assert listed + excluded == 10
        places = Counter(p["product_id"] for r in letters for p in r["products"])
        firsts = Counter(r["campaigns"][0]["campaign_id"] for r in letters if r["campaigns"])
        product_count, offered, coverage, effective, brand_ratio, top = shown
        assert product_count == len(places)
        assert offered == len({p for (_, p), each in spans.items() if on_day(each, night)})
        assert coverage == (pytest.approx(len(places) / offered) if offered else None)
        squares = sum(n * n for n in places.values())
        one = pytest.approx(sum(places.values()) ** 2 / squares, abs=1e-6) if places else None
        assert effective == one
        own = [[brands[p["product_id"]] for p in r["products"]] for r in letters if r["products"]]
        mean = sum(len(set(each)) / len(each) for each in own) / len(own) if own else None
        assert brand_ratio == (pytest.approx(mean, abs=1e-6) if own else None)
        assert top == max(firsts.values()) / len(letters)


def test_reasons_are_counted_by_list_and_night(warehouse, shop):
    rows = warehouse.execute(
        "select list_name, night, exclusion, customer_count from daily.marts.rpt_list_exclusions"
    ).fetchall()
    assert {tuple(row) for row in rows} == {
        (*key, exclusion, count)
        for key, excluded in shop.excluded.items()
        for exclusion, count in Counter(excluded.values()).items()
    }


def test_an_arms_figures_are_the_sums_of_its_letters(warehouse, shop):
    rows = warehouse.execute(
        "select list_name, night, arm, letter_count, sent_count, opened_count, unit_count,"
        " open_ratio from daily.marts.rpt_list_arms"
    ).fetchall()
    figures = dict(expected_letters(shop, small_shop.END))
    expected = defaultdict(list)
    for letter in shop.letters:
        key = letter["list"], letter["night"], letter["arm"]
        expected[key].append(figures[letter["message_id"]])
    assert {tuple(row[:3]) for row in rows} == set(expected)
    for *key, letters, sent, opened, units, ratio in rows:
        own = expected[tuple(key)]
        assert letters == len(own)
        assert sent == sum(figure[0] is not None for figure in own)
        assert opened == sum(figure[1] is not None for figure in own)
        assert units == sum(figure[5] for figure in own)
        assert ratio == (opened / sent if sent else None)


def test_what_letters_promised_stands_beside_what_was_there_and_what_they_sold(warehouse, shop):
    rows = warehouse.execute(
        "select night, campaign_id, product_id, letter_count, stock_left_count, unit_count,"
        " day_unit_count from daily.marts.rpt_list_stock"
    ).fetchall()
    shown = Counter(
        (r["night"], p["campaign_id"], p["product_id"]) for r in shop.letters for p in r["products"]
    )
    sold: Counter[Any] = Counter()
    of_day: Counter[Any] = Counter()
    for letter, line in sales_of_letters(shop, shop.letters, small_shop.END):
        if shows_product(letter, line):
            sold[letter["night"], line["campaign_id"], line["product_id"]] += line["quantity"]
    for line in shop.tables["orders"]:
        if line["kind"] == "sale":
            key = line["occurred_at"].date(), line["campaign_id"], line["product_id"]
            of_day[key] += line["quantity"]
    assert sum(sold[key] for key in shown) > 0
    assert {tuple(row[:3]): (row[3], *row[5:]) for row in rows} == {
        key: (count, sold[key], of_day[key]) for key, count in shown.items()
    }
    spans = on_sale(warehouse)
    for night, campaign, product, _, left, *_ in rows:
        there = on_day(spans[campaign, product], night)
        assert left == (min(there)[2] if there else None)
    assert {type(row[4]) for row in rows} == {int, type(None)}
