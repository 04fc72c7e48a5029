"""A shop without a customers table: whoever orders has a segment, and pairs are found."""

from pathlib import Path

import pytest

from tests.dbt_project import small_shop
from tests.dbt_project.conftest import connected
from tests.dbt_project.features import long_shop
from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.settings import load_settings
from vitrine.transform import dbt

WHOLE = Interval(long_shop.START, long_shop.END)
MARTS = "+dim_customers +fct_co_purchases +fct_customer_days"


@pytest.fixture(scope="module")
def shop() -> small_shop.Shop:
    drawn = long_shop.draw(seed=3)
    drawn.tables["customers"] = []
    return drawn


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, shop) -> Path:
    home = tmp_path_factory.mktemp("undescribed") / "home"
    made = Installation(load_settings({"VITRINE_HOME": str(home)}))
    small_shop.write(shop, made.paths)
    dbt.begin(made, "daily", WHOLE)
    dbt.build(made, "daily", MARTS, WHOLE)
    return made.paths.build_file("daily", WHOLE)


@pytest.fixture
def undescribed(built):
    yield from connected({"daily": built})


def test_whom_orders_alone_name_has_a_segment(undescribed, shop):
    found = undescribed.execute(
        "select customer_id, segment, demographic_cluster, country from daily.marts.dim_customers"
    ).fetchall()
    facts = shop.tables["orders"] + shop.tables["events"]
    assert {row[0] for row in found} == {fact["customer_id"] for fact in facts} - {None}
    segments = {customer_id: segment for customer_id, segment, *_ in found}
    sold = [line for line in shop.tables["orders"] if line["kind"] == "sale"]
    bought = {line["customer_id"] for line in sold} - {None}
    assert {c for c, segment in segments.items() if segment == "prospect"} == (
        segments.keys() - bought
    )
    assert {row[2:] for row in found} == {("unknown", "ZZ")}


def test_pairs_need_no_customers(undescribed):
    ((pairs,),) = undescribed.execute(
        "select count(*) from daily.marts.fct_co_purchases"
    ).fetchall()
    assert pairs > 10
