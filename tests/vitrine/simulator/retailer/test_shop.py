from datetime import date

import numpy as np
import pytest

from vitrine.errors import BadArgumentError
from vitrine.simulator.retailer.shop import FULL_DAYS, Retailer

ON = date(2024, 9, 1)


def test_the_large_shop_has_the_counts_of_the_large_shop():
    shop = Retailer(7, 1_370_000, ON, ON)
    assert shop.customers_by(FULL_DAYS - 1) == 1_370_000
    assert shop.products_by(FULL_DAYS - 1) == 105_000
    assert shop.sale_count * 1.077 == pytest.approx(31_800_000)


@pytest.mark.parametrize("share", [10, 100])
def test_counts_scale_with_the_customers(share):
    shop = Retailer(7, 1_370_000 // share, ON, ON)
    assert shop.products_by(FULL_DAYS - 1) == 105_000 // share
    assert shop.sale_count * 1.077 == pytest.approx(31_800_000 / share)


def test_the_parts_of_the_days_come_to_the_whole():
    shop = Retailer(7, 13_700, ON, ON)
    parts = [shop.share_of(day, 1_000) for day in range(FULL_DAYS)]
    assert sum(parts) == 1_000
    assert min(parts) >= 0
    assert shop.share_of(FULL_DAYS, 100_000) > 0


@pytest.mark.parametrize("customers", [1_000, 1_777, 13_700])
def test_joining_is_the_inverse_of_growing(customers):
    shop = Retailer(7, customers, ON, ON)
    day = shop.joined_on(np.arange(customers + 3))
    for number, joined in enumerate(day.tolist()):
        if number < shop.founding_customers:
            assert joined == -1
        else:
            assert shop.customers_by(joined - 1) <= number < shop.customers_by(joined)


def test_a_village_store_is_refused():
    with pytest.raises(BadArgumentError, match="at least 1000 customers, not 999"):
        Retailer(7, 999, ON, ON)
