from datetime import date

import numpy as np

from vitrine.simulator.retailer.clock import DAY, instant_text, offsets, seconds
from vitrine.simulator.retailer.vocabulary import MARKETS


def test_instants_are_written_in_utc():
    at = np.array(["2024-02-29T23:59:59", "2024-03-01T00:00:00"], "datetime64[s]")
    assert instant_text(at.astype(np.int64)).to_pylist() == [
        "2024-02-29T23:59:59Z",
        "2024-03-01T00:00:00Z",
    ]
    assert instant_text(np.zeros(0, np.int64)).to_pylist() == []


def test_customers_live_by_their_own_clocks_in_summer_and_winter():
    british = [m.country for m in MARKETS].index("GB")
    assert offsets(date(2024, 7, 1))[british] == 3_600
    assert offsets(date(2024, 12, 1))[british] == 0


def test_stores_are_open_by_day_wherever_they_are():
    luck, market = np.linspace(0, 0.999, 999), np.arange(999) % len(MARKETS)
    on = date(2024, 7, 1)
    utc = seconds(luck, np.ones(999, bool), market, on)
    hour = (utc + offsets(on)[market]) % DAY // 3_600
    assert hour.min() == 9
    assert hour.max() == 20
