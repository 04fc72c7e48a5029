import pyarrow as pa
import pytest

from vitrine.list_overrides import unknown, unknown_suppressed
from vitrine.list_policy import Override, Suppress

PRODUCTS = pa.table({"product_id": ["p1", "p2"], "brand": ["Corette", "Elmont"]})
CAMPAIGNS = pa.table({"campaign_id": ["spring-1"], "brand": ["Kelanza"]})


def override(**of):
    signed = {"because": "recall", "decided_by": "ada", "reviewed_by": "bo"}
    return Override.model_validate({"action": "ban", **of, **signed})


@pytest.mark.parametrize(
    "of",
    [{"brand": "Corette"}, {"brand": "Kelanza"}, {"product": "p2"}, {"campaign": "spring-1"}],
    ids=str,
)
def test_what_the_shop_has_is_not_told(of):
    assert unknown([override(**of)], PRODUCTS, CAMPAIGNS) == ()


@pytest.mark.parametrize(
    ("of", "entry", "near"),
    [
        ({"brand": "Corete"}, "ban brand Corete", ("Corette",)),
        ({"campaign": "spring 1"}, "ban campaign spring 1", ("spring-1",)),
        ({"product": "Corette"}, "ban product Corette", ()),
    ],
    ids=str,
)
def test_what_it_does_not_have_is_told_with_what_may_be_meant(of, entry, near):
    (found,) = unknown([override(**of)], PRODUCTS, CAMPAIGNS)
    assert (found.entry, found.near) == (entry, near)
    assert str(found).startswith(f"{entry}: the shop knows none of that name")


def test_a_shop_that_sells_nothing_yet_has_none():
    (found,) = unknown([override(brand="Corette")], PRODUCTS.slice(0, 0), CAMPAIGNS.slice(0, 0))
    assert found.near == ()


def test_who_is_suppressed_and_not_known_is_told():
    customers = pa.table({"customer_id": ["U1", "U2", "U3"], "country": ["GB", "FR", None]})
    suppress = Suppress(customers=("U1", "u2", "U9"), countries=("FR", "UK"))
    assert [(each.entry, each.near) for each in unknown_suppressed(suppress, customers)] == [
        ("suppress customer u2", ("U2",)),
        ("suppress customer U9", ()),
        ("suppress country UK", ("FR", "GB")),
    ]
    assert unknown_suppressed(Suppress(countries=("gb",)), customers) == ()
