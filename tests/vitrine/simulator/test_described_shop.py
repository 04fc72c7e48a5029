"""What docs/simulator.md says of the demo's shop is so."""

import re
from datetime import timedelta

from tests.conftest import REPOSITORY
from vitrine import sources
from vitrine.interval import midnight
from vitrine.operations import demo
from vitrine.settings import load_settings
from vitrine.simulator import campaigns
from vitrine.simulator.campaigns import Calendar
from vitrine.simulator.catalogue import Catalogue, make_brands
from vitrine.simulator.population import (
    NEWCOMER_DAYS,
    NEWCOMER_SHARE,
    SILENT_SHARE,
    make_population,
)
from vitrine.simulator.shop import MARKETS, SMALL_SHOP, Shop

PAGE = " ".join((REPOSITORY / "docs" / "simulator.md").read_text().split())


def the_demo() -> tuple[demo.Plan, Shop]:
    plan = demo.plan(sources.source("flash_sale"))
    seed = load_settings({}).seed
    return plan, Shop.of_size(seed, demo.CUSTOMERS, plan.history.start.date())


def test_the_markets_are_those_of_the_page():
    found = re.findall(r"\| ([A-Z]{2}) \| (\S+) \| (\d+) % \|", PAGE)
    assert found == [(m.country, m.timezone, f"{100 * m.share:g}") for m in MARKETS]


def test_as_many_customers_are_known_as_the_page_says():
    plan, shop = the_demo()
    assert f"with {shop.customer_count:,} customers on {shop.founded_on}" in PAGE
    people = make_population(shop)
    known = [
        int((people.signed_up_at_N < end.timestamp()).sum())
        for end in (midnight(shop.founded_on), plan.day.end)
    ]
    days = (plan.day.end - plan.history.start) // timedelta(days=1)
    assert f"{known[0]:,} are known on the first day and {known[1]:,} at the end" in PAGE
    assert f"the demo's {days}th" in PAGE
    assert f"will have {NEWCOMER_DAYS} days after its founding. {100 * NEWCOMER_SHARE:g} %" in PAGE
    assert f"{100 * SILENT_SHARE:g} % have no habit of visiting" in PAGE
    assert (
        people.signed_up_at_N.max()
        < (midnight(shop.founded_on) + timedelta(days=NEWCOMER_DAYS)).timestamp()
    )


def test_as_many_campaigns_open_as_the_page_says():
    _, shop = the_demo()
    small = Shop.of_size(shop.seed, SMALL_SHOP - 1, shop.founded_on)
    assert (
        f"about {shop.openings_per_day:g} open a day, at least 2, of {shop.brand_count} brands (in"
        f" a shop of fewer than {SMALL_SHOP:,} customers about {small.openings_per_day:g}, of"
        f" {small.brand_count} brands)"
    ) in PAGE
    calendar = Calendar(shop, Catalogue(shop, make_brands(shop)))
    days = [calendar.open_on(shop.founded_on + timedelta(days=n), 0) for n in range(60)]
    opened = [len(day) for day in days]
    assert min(opened) >= 2
    assert abs(sum(opened) / 60 - shop.openings_per_day) < 1
    offered = [len(campaign.products) for day in days for campaign in day]
    assert f"with {min(offered)} to {max(offered)} products" in PAGE
    lengths = campaigns.DURATION_DAYS
    assert f"after {lengths[0]} to {lengths[-1]} days" in PAGE
    hours = campaigns.ANNOUNCEMENT_HOUR, campaigns.OPENING_HOUR
    assert (
        "announced at {:02d}:00 local time, opens at {:02d}:00 two days later".format(*hours)
        in PAGE
    )
    assert shop.announced_days == 2
