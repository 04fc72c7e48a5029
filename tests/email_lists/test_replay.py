from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from email_lists import replay
from email_lists.slates.calibration import Calibration
from email_lists.slates.campaign_places import Tie

COUNT = 240
CLUSTER = "female:25-34:FR"


@pytest.fixture(scope="module")
def past(boutique, rows):
    """Every other customer bought a product of k1's brand forty days ago."""
    ids = [f"c{n:03}" for n in range(COUNT)]
    people = [(c, "FR", "fr", "Europe/Paris", CLUSTER, "loyal") for c in ids]
    customers = rows("customers", *people)
    customers = customers.append_column("birth_year", pa.nulls(COUNT, pa.int16()))
    before = boutique.as_of - timedelta(days=40)
    sales = rows("sales", *((f"o{c}", c, CLUSTER, "p01", 1, before) for c in ids[::2]))
    return replace(boutique, who=replace(boutique.who, customers=customers), sales=sales)


def learnt(past, rows, buyers: np.ndarray, days: float = 3) -> Calibration:
    """Let some customers buy another product of k1 some days later."""
    at = past.as_of + timedelta(days=days)
    later = [(f"later{n}", f"c{n:03}", CLUSTER, "p08", 1, at) for n in buyers]
    return replay.calibrate(past, past.customers, rows("sales", *later)).campaigns


def chance(of: Calibration, tie: Tie) -> float:
    one = np.ones(1, np.float32)
    return float(of.apply(np.array([tie], np.int8), one, one * 0, one * 0)[0])


def test_campaigns_of_a_brand_bought_before_are_likelier(past, rows):
    """Two of three who know the brand buy in k1 again: 80; to each five campaigns are open."""
    even = np.arange(0, COUNT, 2)
    found = learnt(past, rows, even[even % 3 > 0])
    assert (found.row_count, found.bought_count) == (COUNT * 5, 80)
    assert chance(found, Tie.BRAND) > 0.3
    assert chance(found, Tie.BRAND) > 10 * chance(found, Tie.NOTHING)


def test_purchases_of_anybody_teach_no_such_thing(past, rows):
    buyers = np.random.default_rng(3).choice(COUNT, 80, replace=False)
    known = replace(past, sales=past.sales.slice(0, 0))
    found = learnt(known, rows, buyers)
    assert found.bought_count == 80
    assert chance(found, Tie.NOTHING) == pytest.approx(80 / (COUNT * 5), rel=0.1)


def test_what_products_are_unknown_teaches_nothing(past, rows):
    """Orders told of it, the catalogue does not; k7 sells nothing else here."""
    of_k7 = pc.equal(past.supply["campaign_id"], "k7")
    supply = past.supply.filter(pc.invert(of_k7))
    unknown = rows("supply", ("k7", "p99", 1.0, 50), ("k1", "p98", 1.0, 50))
    later = rows(
        "sales",
        *(
            (f"later{n}", f"c{n:03}", CLUSTER, product, 1, past.as_of + timedelta(days=3))
            for n in range(80)
            for product in ("p08", "p98", "p99")
        ),
    )
    without, beside = (
        replay.calibrate(replace(past, supply=each), past.customers, later)
        for each in (supply, pa.concat_tables([supply, unknown]))
    )
    assert beside.products.to_dict() == without.products.to_dict()
    assert beside.campaigns.to_dict() == without.campaigns.to_dict()


@pytest.mark.parametrize("days", [-0.1, 7])
def test_purchases_before_and_after_the_week_do_not_count(past, rows, days):
    assert learnt(past, rows, np.arange(80), days).bought_count == 0


def test_of_too_many_pairs_some_are_looked_at(past, rows, monkeypatch):
    everything = learnt(past, rows, np.arange(80))
    monkeypatch.setattr(replay, "CAMPAIGNS_SAMPLED", 700)
    monkeypatch.setattr(replay, "_CELLS", 50)
    some = learnt(past, rows, np.arange(80))
    assert some.row_count == pytest.approx(700, rel=0.1)
    assert 0 < some.bought_count < everything.bought_count == 80
    assert learnt(past, rows, np.arange(80)).to_dict() == some.to_dict()
