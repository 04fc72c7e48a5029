"""Pins and bans beside what the shop has: a warning names those that bind nothing."""

import duckdb
import pytest

from expectations import gate, list_overrides
from vitrine.interval import parse_instant
from vitrine.list_policy import Override

MIDNIGHT = parse_instant("2026-03-10")
WAREHOUSE = """
    create schema intermediate;
    create table intermediate.int_products as select * from (values
        ('mug', 'Kiln', timestamptz '2026-03-01 00:00Z'),
        ('rug', 'Loom', timestamptz '2026-03-11 00:00Z')
    ) as t(product_id, brand, available_at);
    create table intermediate.int_campaigns as
    select 'open' as campaign_id, 'Mill' as brand, timestamptz '2026-03-01 00:00Z' as available_at;
"""


@pytest.fixture
def warehouse(tmp_path):
    file = tmp_path / "daily.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute(WAREHOUSE)
    return file


def warnings(warehouse, docs, *meant):
    signed = {"action": "pin", "because": "jubilee", "decided_by": "eva", "reviewed_by": "tom"}
    overrides = tuple(Override.model_validate({**signed, **of}) for of in meant)
    report = gate.run("lists", [list_overrides.check(warehouse, MIDNIGHT, overrides)], docs, "v")
    assert report.of("fail") == []
    return report.of("warn")


def test_what_the_shop_has_is_in_order(warehouse, tmp_path):
    known = [{"product": "mug"}, {"brand": "Kiln"}, {"brand": "Mill"}, {"campaign": "open"}]
    assert warnings(warehouse, tmp_path, *known) == []
    assert warnings(warehouse, tmp_path) == []


def test_what_it_does_not_have_or_tells_of_later_is_a_warning(warehouse, tmp_path):
    asked = [{"brand": "Klin"}, {"product": "rug"}, {"brand": "Mill"}]
    (text,) = warnings(warehouse, tmp_path, *asked)
    assert "2 of 3 rows" in text
    assert "entry=pin brand Klin, near=Kiln" in text
    assert "entry=pin product rug" in text
    assert text.endswith(list_overrides.ADVICE)
