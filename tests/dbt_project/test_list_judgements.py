"""What judgements read of the marts: letters, customers and what they did, beside slow loops."""

import shutil
from itertools import cycle

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from email_lists.commands import lists
from email_lists.judging import reading
from tests import published_letters
from tests.dbt_project import small_shop
from vitrine import publish
from vitrine.errors import BadArgumentError, NotPublishedError
from vitrine.interval import DAY, Interval, midnight
from vitrine.letters import LETTERS
from vitrine.settings import load_settings

NIGHTS = Interval(small_shop.START + 3 * DAY, small_shop.END)
BEFORE_DAYS = 2


def in_nights(night):
    return midnight(night) in NIGHTS


def spent(shop, customer_id, span):
    return sum(
        line["quantity"] * line["unit_price"]
        for line in shop.tables["orders"]
        if line["customer_id"] == customer_id
        and line["kind"] == "sale"
        and line["occurred_at"] in span
    )


def test_letters_and_customers_are_those_of_the_list_and_the_nights(warehouse, shop):
    found = reading.logged(warehouse, "daily", NIGHTS, BEFORE_DAYS)
    letters = [r for r in shop.letters if r["list"] == "daily" and in_nights(r["night"])]
    assert 0 < len(letters) < len(shop.letters)
    keys = ("customer_id", "night", "segment", "strategy", "arm", "arm_propensity")
    assert [tuple(row[key] for key in keys) for row in found.letters.to_pylist()] == sorted(
        tuple(letter[key] for key in keys) for letter in letters
    )
    left_out = {
        (customer_id, "hold_out" if reason == "hold_out" else small_shop.arm_of(customer_id))
        for (list_name, night), reasons in shop.excluded.items()
        if list_name == "daily" and in_nights(night)
        for customer_id, reason in reasons.items()
        if reason in ("hold_out", "cap_per_week")
    }
    assert ("c9", "standard") in left_out, "who only ever was capped"
    rows = found.customers.to_pylist()
    assert [(row["customer_id"], row["arm"]) for row in rows] == sorted(
        {(letter["customer_id"], letter["arm"]) for letter in letters} | left_out
    )
    before = Interval(NIGHTS.start - BEFORE_DAYS * DAY, NIGHTS.start)
    for row in rows:
        assert row["turnover"] == pytest.approx(spent(shop, row["customer_id"], NIGHTS))
        assert row["turnover_before"] == pytest.approx(spent(shop, row["customer_id"], before))
    assert any(row["turnover"] and row["turnover_before"] for row in rows)


def test_nights_that_are_not_known_or_no_days_are_refused(warehouse):
    with pytest.raises(NotPublishedError, match="knows no letter of the list 'weekly'"):
        reading.logged(warehouse, "weekly", NIGHTS, BEFORE_DAYS)
    later = Interval(NIGHTS.start, small_shop.END + DAY)
    with pytest.raises(NotPublishedError, match="before these nights do"):
        reading.logged(warehouse, "daily", later, BEFORE_DAYS)
    with pytest.raises(BadArgumentError, match="nights are whole days"):
        reading.logged(warehouse, "daily", Interval(NIGHTS.start + DAY / 2, NIGHTS.end), 1)


def test_the_command_prints_what_one_night_tells(built, shop, tmp_path):
    night, arms = next(
        (night, arms)
        for (list_name, night), reasons in shop.excluded.items()
        for arms in [
            {r["arm"] for r in shop.letters if (r["list"], r["night"]) == ("daily", night)}
        ]
        if list_name == "daily" and "hold_out" in reasons.values() and len(arms) == 2
    )
    file = tmp_path / "daily.duckdb"
    shutil.copy(built["daily"], file)
    home = load_settings({"VITRINE_HOME": str(tmp_path)}).home
    publish.publish_file(file, home / "warehouse", "20260404T0000")
    staged = as_other_rules_would(shop, night, home / "lists", tmp_path / "list.parquet")
    typed = ["judge", "--start", night.isoformat(), "--end", (night + DAY).isoformat()]
    typed += ["--shown", str(staged)]
    printed = CliRunner().invoke(lists, typed, env={"VITRINE_HOME": str(tmp_path)})
    assert printed.exception is None, printed.output
    assert f"list daily, nights {night} to {night}, as known at 2026-04-04" in printed.output
    lines = printed.output.splitlines()
    for arm in arms:
        assert any(line.split()[:2] == ["turnover", arm] for line in lines)
        assert any(line.split()[:3] == ["clicked", arm, "snips"] for line in lines)
    assert "only large changes can be seen" in printed.output
    assert any(line.split()[:4] == ["bought", "as", "shown", "ips"] for line in lines)
    typed[-1] = str(file.with_name("settings.json"))
    file.with_name("settings.json").write_text("{}")
    refused = CliRunner().invoke(lists, typed, env={"VITRINE_HOME": str(tmp_path)})
    assert "is no staged list: name its list.parquet" in str(refused.exception)


def as_other_rules_would(shop, night, root, file):
    """Publish a night whose first places were drawn; stage it as it would be without a draw.

    Every second draw fell on what the other rules show.
    """
    drawn = [
        letter | {"products": [product | {"propensity": 0.5} for product in letter["products"][:1]]}
        for letter in shop.letters
        if (letter["list"], letter["night"]) == ("daily", night)
    ]
    published_letters.publish(root, night, drawn)
    sure = [
        letter | {"products": [p | {"propensity": 1.0} | other for p in letter["products"]]}
        for letter, other in zip(drawn, cycle([{}, {"product_id": "another"}]), strict=False)
    ]
    pq.write_table(LETTERS.conform(pa.Table.from_pylist(sure)), file)
    return file
