"""A thousandth of the large shop goes through the same door as every shop."""

from collections import Counter
from pathlib import Path

import pytest

from vitrine.interval import Interval
from vitrine.landing.land import land
from vitrine.paths import Paths
from vitrine.settings import load_settings
from vitrine.simulator.retailer.founding import found
from vitrine.simulator.retailer.writing import write_interval
from vitrine.sources.flash_sale import SOURCE

INTERVAL = Interval.parse("2024-09-01", "2024-09-13")


def test_a_thousandth_of_the_large_shop_lands_and_the_books_balance(tmp_path: Path):
    settings = load_settings(
        {"VITRINE_HOME": str(tmp_path / "home"), "VITRINE_LANDING": str(tmp_path / "landing")}
    )
    shop = found(settings.landing, INTERVAL, settings.seed, 1_370)
    written = write_interval(shop, settings.landing, INTERVAL)
    books = list(land(SOURCE, settings, Paths.of(settings), INTERVAL))
    assert sum(entry.row_count for entry in books) == sum(written.rows.values())
    reasons: Counter[str] = sum((entry.quarantined for entry in books), Counter())
    assert {"duplicate", "too_late"} <= set(reasons)
    assert any(reason.startswith("bad_") or reason == "malformed" for reason in reasons)
    for table in ("customers", "products", "campaigns", "campaign_products", "stock_levels"):
        assert sum(entry.tables[table] for entry in books) == written.rows[table]
    events = sum(entry.tables["events"] for entry in books)
    assert events == pytest.approx(12 * 1_000, rel=0.05)
