from datetime import date

import numpy as np
import pytest

from vitrine.simulator.retailer.choices import choose
from vitrine.simulator.retailer.shop import Retailer
from vitrine.simulator.retailer.vocabulary import DEPARTMENTS, GENDERS
from vitrine.simulator.retailer.writing import DayBook


@pytest.fixture(scope="module")
def book() -> DayBook:
    return DayBook(Retailer(7, 68_500, date(2024, 9, 1), date(2026, 8, 2)), 660)


def chosen(book: DayBook, day: int, who: np.ndarray) -> np.ndarray:
    return choose(book.customers, book.orders.layout, day, who, np.random.default_rng(day))


def test_the_loyal_choose_again_what_they_chose_and_less_so_as_time_goes_by(book):
    loyalty = book.customers.loyalty_N
    loyal, fickle = np.flatnonzero(loyalty > 0.6), np.flatnonzero(loyalty < 0.1)

    def same(who: np.ndarray, later: int) -> float:
        return float((chosen(book, 600, who) == chosen(book, later, who)).mean())

    assert same(loyal, 601) > 2 * same(fickle, 601)
    assert same(loyal, 601) > 1.2 * same(loyal, 640)
    assert same(loyal, 640) > 1.3 * same(fickle, 640)


def test_bargain_hunters_choose_what_is_reduced(book):
    people, shelf = book.customers, book.orders.layout.shelf(600)
    hunters = np.flatnonzero(people.is_bargain_N & (people.loyalty_N < 0.1))
    others = np.flatnonzero(~people.is_bargain_N & (people.loyalty_N < 0.1))
    assert (shelf.off_P[chosen(book, 600, hunters)] > 0).mean() > 0.9
    assert (shelf.off_P[chosen(book, 600, others)] > 0).mean() < 0.5


def test_customers_of_one_department_stay_in_it(book):
    people, department = book.customers, book.products.department_P
    single = np.flatnonzero(people.is_single_N)
    first, second = (department[chosen(book, day, single)] for day in (600, 601))
    assert (first == second).mean() > 0.8


def test_women_and_men_choose_for_themselves(book):
    sector = np.array([d.sector for d in DEPARTMENTS])[book.products.department_P]
    for gender, own, other in (("F", "ladieswear", "menswear"), ("M", "menswear", "ladieswear")):
        who = np.flatnonzero(book.customers.gender_N == GENDERS.index(gender))
        what = sector[chosen(book, 600, who)]
        assert (what == own).mean() > 2 * (what == other).mean()


def test_customers_have_a_brand_of_their_own_in_each_sector(book):
    fickle = np.flatnonzero(book.customers.loyalty_N < 0.1)
    brand, own = book.products.brand_P[chosen(book, 600, fickle)], book.customers.maturity_N[fickle]
    others = np.random.default_rng(1).permutation(own)
    assert (brand == own).mean() > 1.5 * (brand == others).mean()
