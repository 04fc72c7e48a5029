import pytest

from email_lists.slates.offers import one_per_product, open_offers, with_markets
from vitrine.interval import parse_instant

SEND = parse_instant("2026-03-02T06:30:00Z")


@pytest.fixture
def on_offer(rows):
    """Return the campaigns on offer to a customer in FR at SEND, for one campaign and supply."""

    def run(opens="2026-03-01", closes="2026-03-05", country="ZZ", stock=5, customer="FR"):
        closing = closes and parse_instant(closes)
        campaigns = rows("campaigns", ("k", "b", "s", "x", country, parse_instant(opens), closing))
        customers = rows("customers", ("c", customer, "fr", "Europe/Paris", "x:x:x", "new"))
        customers = customers.append_column("send_at", [[SEND]])
        placed = with_markets(customers, campaigns)
        return open_offers(placed, campaigns, rows("supply", ("k", "p", 9.5, stock))).to_pylist()

    return run


def test_an_open_campaign_is_on_offer(on_offer):
    [offer] = on_offer()
    assert (offer["campaign_id"], offer["product_id"], offer["price"]) == ("k", "p", 9.5)


def test_a_campaign_that_opens_before_the_send_time_is_on_offer(on_offer):
    assert on_offer(opens="2026-03-02T06:30:00Z")
    assert not on_offer(opens="2026-03-02T06:30:01Z")


def test_a_campaign_that_closes_before_the_send_time_is_not(on_offer):
    assert on_offer(closes="2026-03-02T06:30:01Z")
    assert not on_offer(closes="2026-03-02T06:30:00Z")
    assert on_offer(closes=None)


def test_a_sold_out_product_is_not_and_unknown_stock_is(on_offer):
    assert not on_offer(stock=0)
    assert not on_offer(stock=-1)
    assert on_offer(stock=None)


def test_a_campaign_of_another_country_is_not(on_offer):
    assert on_offer(country="FR")
    assert not on_offer(country="DE")
    assert on_offer(country="ZZ", customer="US")


def test_one_market_per_send_time_and_restricted_country(rows):
    opens = parse_instant("2026-03-01")
    campaigns = rows("campaigns", ("k", "b", "s", "x", "FR", opens, None))
    customers = rows(
        "customers", *((c, c, "fr", "Europe/Paris", "x:x:x", "new") for c in ("FR", "DE", "US"))
    ).append_column("send_at", [[SEND] * 3])
    placed = {r["customer_id"]: r for r in with_markets(customers, campaigns).to_pylist()}
    assert placed["DE"]["market"] == placed["US"]["market"] != placed["FR"]["market"]
    assert placed["FR"]["market_country"] == "FR"


def test_the_cheapest_campaign_of_a_product_stands_for_it(rows):
    opens = parse_instant("2026-03-01")
    campaigns = rows("campaigns", *((k, "b", "s", "x", "ZZ", opens, None) for k in "abc"))
    customers = rows("customers", ("c", "FR", "fr", "Europe/Paris", "x:x:x", "new"))
    placed = with_markets(customers.append_column("send_at", [[SEND]]), campaigns)
    supply = rows("supply", ("c", "p", 4.0, 1), ("b", "p", 3.0, 1), ("a", "p", 3.0, 1))
    [offer] = one_per_product(open_offers(placed, campaigns, supply)).to_pylist()
    assert offer["campaign_id"] == "a"
