import numpy as np

from vitrine.simulator.outbox import MALFORMATIONS
from vitrine.simulator.retailer.deliveries import HOW, LONGEST_DELAY_DAYS, Waiting, delivered

COUNT = 200_000
FACTS = {"number": np.arange(COUNT), "occurred_at": np.arange(COUNT) % 86_400}


def test_a_few_facts_come_late_too_late_twice_or_broken():
    rows = delivered("orders", FACTS, np.random.default_rng(1))
    late = (rows["received_at"] - rows["occurred_at"]) / 3_600
    assert late.min() > 0
    assert late.max() < 24 * LONGEST_DELAY_DAYS
    assert 0.001 < ((late > 1) & (late < 24)).mean() < 0.01
    assert 0.0002 < (late > 24).mean() < 0.001
    assert 0.002 < len(late) / COUNT - 1 < 0.004
    broken = rows[HOW][rows[HOW] >= 0]
    assert 0.0001 < len(broken) / COUNT < 0.0006
    assert set(broken) == set(range(len(MALFORMATIONS["orders"]) + 1))


def test_rows_wait_for_their_receipt_and_are_handed_over_once():
    waiting = Waiting(since=100)
    waiting.post(
        "orders", {"number": np.arange(5), "received_at": np.array([99, 300, 100, 250, 100])}
    )
    waiting.post("orders", {"number": np.array([5]), "received_at": np.array([100])})
    assert waiting.take("orders", 100) is None
    first, second = waiting.take("orders", 260), waiting.take("orders", 1_000)
    assert first is not None
    assert second is not None
    assert first["number"].tolist() == [2, 4, 5, 3]
    assert second["number"].tolist() == [1]
    assert waiting.take("orders", 2_000) is None
    assert waiting.take("events", 2_000) is None
