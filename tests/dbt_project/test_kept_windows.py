"""What the kept windows answer does not depend on how many are kept."""

from datetime import datetime, timedelta

import pandas as pd
import pytest

from tests.dbt_project import small_shop
from tests.dbt_project.conftest import connected
from tests.dbt_project.test_features import ask
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, parse_instant
from vitrine.settings import load_settings
from vitrine.transform import dbt

END = parse_instant("2026-03-31")
KEPT_FROM = parse_instant("2026-03-01")
"""Of 30 days before the end, and what is before them in that month."""
SPAN = Interval(parse_instant("2026-02-01"), END)
HISTORY_DAYS = (30, 365)


def add_campaign(shop: small_shop.Shop, name: str, announced_at: datetime) -> None:
    """Announce a hundred units for sale."""
    shop.tables["campaigns"].append(
        {
            "campaign_id": name,
            "brand": "acme",
            "business_type": "flash_sale",
            "sector": "shoes",
            "sub_sector": "boots",
            "country": "FR",
            "timezone": "Europe/Paris",
            "opens_at": announced_at,
            "closes_at": END + DAY,
            "received_at": announced_at,
        }
    )
    shop.tables["campaign_products"].append(
        {
            "campaign_id": name,
            "product_id": f"product of {name}",
            "price": 10.0,
            "initial_stock": 100,
            "received_at": announced_at,
        }
    )


def sell(shop: small_shop.Shop, campaign: str, quantity: int, sold_at: datetime) -> None:
    """Sell units of a campaign in one order."""
    shop.tables["orders"].append(
        {
            "order_id": f"{campaign} {sold_at}",
            "line": 1,
            "customer_id": None,
            "product_id": f"product of {campaign}",
            "campaign_id": campaign,
            "quantity": quantity,
            "unit_price": 10.0,
            "channel": "web",
            "kind": "sale",
            "occurred_at": sold_at,
            "received_at": sold_at,
        }
    )


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict[int, dict[str, pd.DataFrame]]:
    """What is known of two campaigns with a stock, by the days that are kept and by function."""
    shop = small_shop.Shop()
    add_campaign(shop, "old", SPAN.start + 9 * DAY)
    add_campaign(shop, "fresh", KEPT_FROM + 19 * DAY)
    for moment, quantity in ((SPAN.start + 20 * DAY, 60), (KEPT_FROM + 10 * DAY, 5)):
        sell(shop, "old", quantity, moment)
    sell(shop, "old", 3, KEPT_FROM - timedelta(minutes=10))
    sell(shop, "fresh", 30, KEPT_FROM + 20 * DAY)
    return {days: _answers(tmp_path_factory, shop, days) for days in HISTORY_DAYS}


def _answers(tmp_path_factory, shop: small_shop.Shop, days: int) -> dict[str, pd.DataFrame]:
    home = tmp_path_factory.mktemp("kept") / "home"
    settings = {"VITRINE_HOME": str(home), "VITRINE_INTRADAY_HISTORY_DAYS": str(days)}
    installation = Installation(load_settings(settings))
    small_shop.write(shop, installation.paths)
    _, increment = dbt.build_layers(installation, "intraday", SPAN)
    is_all_kept = days == max(HISTORY_DAYS)
    assert (increment.history_start_at < SPAN.start) == is_all_kept
    delay = timedelta(minutes=installation.settings.intraday_delay_minutes)
    first = KEPT_FROM + 28 * DAY + delay
    if not is_all_kept:
        assert (increment.history_start_at, increment.exact_from_at) == (KEPT_FROM, first)
    asked = pd.DataFrame(
        [
            {"demographic_cluster": "unknown", "campaign_id": name, "as_of": as_of}
            for name in ("fresh", "old")
            for as_of in (first, first + timedelta(minutes=12), END)
        ]
    )
    file = installation.paths.build_file("intraday", SPAN)
    (found,) = (
        {
            "feat_cluster_campaign": ask(c, "feat_cluster_campaign", asked),
            "feat_campaign_performance": ask(
                c, "feat_campaign_performance", asked.drop(columns="demographic_cluster")
            ),
        }
        for c in connected({"intraday": file})
    )
    return found


@pytest.mark.parametrize("function", ["feat_campaign_performance", "feat_cluster_campaign"])
def test_an_answer_does_not_depend_on_how_much_is_kept(answers, function):
    some, everything = (answers[days][function] for days in HISTORY_DAYS)
    pd.testing.assert_frame_equal(some, everything)


def test_only_a_stock_of_the_last_weeks_is_compared_with_what_was_sold(answers):
    last = answers[30]["feat_campaign_performance"].query("as_of == as_of.max()")
    ratios = dict(zip(last["campaign_id"], last["campaign_sell_through_ratio"], strict=True))
    # Of 28 days: what was sold of the stock that was announced in them, and none of an older one.
    whole_shop = (30 + 20 * 0.5) / (100 + 20)
    usual = (30 + 20 * whole_shop) / (100 + 20)
    assert ratios["fresh"] == pytest.approx((30 + 20 * usual) / (100 + 20))
    assert ratios["old"] == pytest.approx(usual)
