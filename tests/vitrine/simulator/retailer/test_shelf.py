import numpy as np
import pytest

from vitrine.simulator.retailer.products import discounts
from vitrine.simulator.retailer.shelf import ALL, LASTING, PAGE, REDUCED
from vitrine.simulator.retailer.vocabulary import BRANDS_PER_SECTOR, DEPARTMENTS

DAY = 300
G = len(DEPARTMENTS)


@pytest.mark.parametrize("which", [ALL, REDUCED, LASTING])
def test_what_is_picked_is_on_offer_by_the_brand_or_in_the_department(history, which):
    shelf, products = history.book.orders.layout.shelf(DAY), history.book.products
    draws = np.random.default_rng(1)
    department, brand = draws.integers(0, G, 2_000), draws.integers(-1, BRANDS_PER_SECTOR, 2_000)
    luck = draws.random(2_000)
    luck[:200], luck[200:400] = 0, np.nextafter(1, 0)
    picked = shelf.pick(which, department, brand, luck)
    is_offered = (shelf.weight_P > 0) & ((which != REDUCED) | (shelf.off_P > 0))
    for product, d, b in zip(picked, department, brand, strict=True):
        in_department = is_offered & (products.department_P == d)
        by_brand = in_department & ((products.brand_P == b) | (b < 0))
        choices = next(c for c in (by_brand, in_department, is_offered) if c.any())
        assert choices[product]


def test_the_more_wanted_are_picked_more(history):
    shelf, products = history.book.orders.layout.shelf(DAY), history.book.products
    luck = (np.arange(20_000) + 0.5) / 20_000
    picked = shelf.pick(ALL, np.full(20_000, 1), np.full(20_000, -1), luck)
    weight = np.where(products.department_P == 1, shelf.weight_P, 0)
    share = np.bincount(picked, minlength=len(weight)) / 20_000
    assert np.allclose(share, weight / weight.sum(), atol=2e-4)


def test_an_empty_department_leaves_the_whole_shop_to_choose_from(history):
    layout = history.book.orders.layout
    shelf = layout.shelf(DAY)
    before = shelf.total_WP.copy()
    low, high = layout.bound_R[[0, BRANDS_PER_SECTOR]]
    try:
        shelf.total_WP[ALL][low:] -= (
            before[ALL][low:].clip(max=before[ALL][high]) - before[ALL][low]
        )
        picked = shelf.pick(ALL, np.zeros(100, int), np.full(100, 2), np.linspace(0, 0.99, 100))
        assert (history.book.products.department_P[picked] != 0).all()
    finally:
        shelf.total_WP[:] = before


def test_a_page_shows_the_most_wanted_first(history):
    shelf = history.book.orders.layout.shelf(DAY)
    department = history.book.products.department_P
    for number, page in enumerate(shelf.pages()):
        own = department[page] == number
        assert len(set(page)) == PAGE
        assert (shelf.weight_P[page] > 0).all()
        assert (np.diff(own.astype(int)) <= 0).all()
        for part in (page[own], page[~own]):
            assert (np.diff(shelf.weight_P[part]) <= 0).all()


def test_fashion_is_reduced_when_its_time_is_over_and_in_the_sales(history):
    book = history.book
    age = DAY - book.products.launch_P
    quiet = discounts(book.products, DAY, book.shop.founded_on.replace(month=10))
    sale = discounts(book.products, DAY, book.shop.founded_on.replace(month=1))
    is_new = (age >= 0) & (age < book.products.life_days_P)
    assert not quiet[is_new].any()
    assert not quiet[book.products.is_lasting_P].any()
    is_old = ~book.products.is_lasting_P & (age > 6 * book.products.life_days_P)
    assert (quiet[is_old] == 0.7).all()
    assert 0.2 < (sale[is_new] > 0).mean() < 0.4
