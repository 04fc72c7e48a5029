from collections import defaultdict
from datetime import timedelta
from itertools import combinations, product

import numpy as np
import pyarrow as pa
import pytest

from training.classifier.companions import FEWEST_CUSTOMERS, Bounds, read_companions
from vitrine import contracts, lake
from vitrine.interval import DAY, Interval, format_instant, parse_instant
from vitrine.paths import Paths

AS_OF = parse_instant("2026-03-02")
PRODUCTS = tuple("abcdef")


@pytest.fixture
def own_paths(tmp_path) -> Paths:
    return Paths(landing=tmp_path / "landing", home=tmp_path / "home")


def land(paths: Paths, meetings) -> None:
    """Write (customer, product, what happened, when received) to the lake."""
    by_day = defaultdict(list)
    for number, (customer, item, kind, received_at) in enumerate(meetings):
        row = {
            "order_id": f"o{number}",
            "line": 1,
            "event_id": f"e{number}",
            "session_id": "s",
            "device": "phone",
            "campaign_id": "c",
            "channel": "web",
            "quantity": 1,
            "unit_price": 1.0,
            "customer_id": customer,
            "product_id": item,
            "kind": kind,
            "occurred_at": received_at,
            "received_at": received_at,
        }
        name = "orders" if kind in ("sale", "return") else "events"
        by_day[name, received_at.date()].append(row)
    for (name, day), rows in by_day.items():
        table = contracts.table(name)
        columns = {f.name: pa.array([r.get(f.name) for r in rows], f.type) for f in table.schema}
        lake.ensure_table(paths.lake, name, table.schema)
        lake.write_partition(
            paths.lake, name, Interval.of_day(day), table.conform(pa.table(columns))
        )


def bought(customers: str, items: str, received_at=AS_OF - DAY) -> list[tuple]:
    return [(c, item, "sale", received_at) for c, item in product(customers, items)]


def plain_weights(meetings) -> np.ndarray:
    """The same in loops, without the limits on customers and products."""
    baskets = defaultdict(set)
    for customer, item, kind, received_at in meetings:
        is_counted = kind in ("sale", "product_view", "add_to_cart") and item in PRODUCTS
        if customer and is_counted and AS_OF - Bounds().window <= received_at < AS_OF:
            baskets[customer].add(PRODUCTS.index(item))
    several = [basket for basket in baskets.values() if len(basket) > 1]
    weight_NN = np.zeros((len(PRODUCTS), len(PRODUCTS)))
    for a, b in combinations(range(len(PRODUCTS)), 2):
        n_a, n_b = (sum(x in basket for basket in several) for x in (a, b))
        both = sum({a, b} <= basket for basket in several)
        if both >= FEWEST_CUSTOMERS and both * len(several) > n_a * n_b:
            weight_NN[a, b] = weight_NN[b, a] = both / np.sqrt(n_a * n_b)
    return weight_NN


@pytest.mark.parametrize("seed", range(4))
def test_the_weights_agree_with_plain_loops(own_paths, seed):
    rng = np.random.default_rng(seed)
    kinds = ["sale", "return", "product_view", "add_to_cart", "campaign_view"]
    meetings = [
        (
            rng.choice([*"klmnopqrstuvw", None]),
            rng.choice([*PRODUCTS, "never described"]),
            rng.choice(kinds, p=[0.4, 0.1, 0.3, 0.1, 0.1]),
            AS_OF + timedelta(hours=float(rng.uniform(-100 * 24, 24))),
        )
        for _ in range(120)
    ]
    land(own_paths, meetings)
    found = read_companions(own_paths, AS_OF, PRODUCTS).toarray()
    assert found.any()
    np.testing.assert_allclose(found, plain_weights(meetings), rtol=1e-6)


def test_what_was_received_later_is_not_known(own_paths):
    together = bought("klm", "ab")
    land(own_paths, together + bought("klmn", "cd", AS_OF) + bought("xyz", "ef", AS_OF - 99 * DAY))
    early = AS_OF - DAY + timedelta(microseconds=1)
    assert read_companions(own_paths, AS_OF - DAY, PRODUCTS).nnz == 0
    for as_of in (early, AS_OF):
        weights = read_companions(own_paths, as_of, PRODUCTS).toarray()
        assert not weights[2:].any(), format_instant(as_of)


def test_what_everybody_buys_is_near_to_nothing(own_paths):
    meetings = [*bought("klmnopqr", "a"), *bought("klmn", "bc"), *bought("opqr", "de")]
    land(own_paths, meetings)
    weights = read_companions(own_paths, AS_OF, PRODUCTS).toarray()
    assert not weights[0].any()
    assert weights[1, 2] == weights[3, 4] == 1


def test_one_customer_is_no_evidence(own_paths):
    land(own_paths, bought("k", "ab") + bought("lm", "cd"))
    weights = read_companions(own_paths, AS_OF, PRODUCTS).toarray()
    assert not weights[:2].any()
    assert weights[2, 3] == 1


def test_of_a_busy_customer_what_was_bought_counts_first(own_paths):
    seen = [(c, item, "product_view", AS_OF - timedelta(hours=1)) for c in "kl" for item in "cdef"]
    land(own_paths, bought("kl", "ab") + seen + bought("mnopqrst", "cd"))
    all_weights = read_companions(own_paths, AS_OF, PRODUCTS).toarray()
    weights = read_companions(own_paths, AS_OF, PRODUCTS, Bounds(products=2)).toarray()
    assert all_weights[0, 1] == weights[0, 1] == 1
    assert all_weights[4, 5] == 1
    assert not weights[4:].any()


def test_of_a_product_the_heaviest_companions_count(own_paths):
    land(own_paths, bought("klmn", "ab") + bought("klm", "c") + bought("xyz", "def"))
    all_weights = read_companions(own_paths, AS_OF, PRODUCTS).toarray()
    weights = read_companions(own_paths, AS_OF, PRODUCTS, Bounds(companions=1)).toarray()
    assert (all_weights[:3, :3] > 0).sum() == 6
    assert weights[0, 1] == 1
    assert weights[1, 2] == 0
    # Of a and b, equally heavy to c, the first one.
    assert weights[0, 2] == weights[2, 0] == all_weights[0, 2]


def test_of_more_customers_than_are_read_the_same_ones_count(own_paths):
    land(own_paths, bought("kl", "ab") + bought("mn", "cd") + bought("op", "ef"))
    few = read_companions(own_paths, AS_OF, PRODUCTS, Bounds(customers=4)).toarray()
    again = read_companions(own_paths, AS_OF, PRODUCTS, Bounds(customers=4)).toarray()
    assert 0 < (few > 0).sum() < 6
    assert (few == again).all()


def test_a_shop_without_customers_has_no_companions(own_paths):
    weights = read_companions(own_paths, AS_OF, PRODUCTS)
    assert weights.shape == (6, 6)
    assert weights.nnz == 0
    land(own_paths, [(None, "a", "sale", AS_OF - DAY), (None, "b", "sale", AS_OF - DAY)])
    assert read_companions(own_paths, AS_OF, PRODUCTS).nnz == 0
    assert read_companions(own_paths, AS_OF, ()).shape == (0, 0)
