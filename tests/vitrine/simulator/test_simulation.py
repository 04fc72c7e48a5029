"""The shop behaves like a shop: what its files say, read back."""

import pandas as pd

from vitrine.simulator.shop import MARKETS
from vitrine.simulator.vocabulary import CONSUMABLE_SECTORS, SECTORS

ZONES = {market.country: market.timezone for market in MARKETS}


def local(campaigns: pd.DataFrame, column: str) -> pd.Series:
    """Return a column as each row's wall clock."""
    return campaigns.apply(lambda row: row[column].tz_convert(row.timezone), axis=1)


def sales(written) -> pd.DataFrame:
    orders = written.table("orders")
    return orders[orders.kind == "sale"]


def test_campaigns_open_and_close_at_seven_on_the_local_clock(written):
    campaigns = written.table("campaigns")
    assert set(campaigns.timezone) == set(ZONES.values())
    for column in ("opens_at", "closes_at"):
        clock = local(campaigns, column)
        assert {t.strftime("%H:%M:%S") for t in clock} == {"07:00:00"}
    opens_utc = campaigns[campaigns.country == "FR"].opens_at
    assert {t.hour for t in opens_utc if t.day in (27, 28)} == {6}
    assert {t.hour for t in opens_utc if t.day in (29, 30)} == {5}


def test_campaigns_last_1_to_15_days_and_several_open_every_day(written):
    campaigns = written.table("campaigns")
    opens, closes = local(campaigns, "opens_at"), local(campaigns, "closes_at")
    days = [(c.date() - o.date()).days for o, c in zip(opens, closes, strict=True)]
    assert min(days) >= 1
    assert max(days) <= 15
    per_day = opens.map(lambda t: t.date()).value_counts()
    inside = [n for day, n in per_day.items() if day >= written.truth.day.min()]
    assert min(inside) >= 3


def test_a_brand_sells_once_at_a_time_in_a_market(written):
    for _, group in written.table("campaigns").groupby(["country", "brand"]):
        ordered = group.sort_values("opens_at")
        assert (ordered.opens_at.iloc[1:].array >= ordered.closes_at.iloc[:-1].array).all()


def test_a_night_knows_the_campaigns_of_the_next_day_and_their_products(written):
    campaigns = written.table("campaigns")
    fresh = campaigns[campaigns.opens_at.dt.date > campaigns.received_at.min().date()].copy()
    fresh = fresh[fresh.received_at > fresh.received_at.min()]
    assert len(fresh) > 50
    eve = local(fresh, "opens_at").map(lambda t: t.date()) - pd.Timedelta("1D")
    # What lists are made of is known before the UTC midnight of the day that they are read on.
    assert (fresh.received_at.dt.tz_localize(None) < pd.to_datetime(eve)).all()
    lines = written.table("campaign_products")
    for table, key in (("campaigns", "campaign_id"), ("products", "product_id")):
        known_at = lines[key].map(written.table(table).set_index(key).received_at)
        assert (known_at <= lines.received_at).all()


def test_stock_is_never_oversold_and_some_of_it_sells_out(written):
    stock = written.table("campaign_products").set_index(["campaign_id", "product_id"])
    sold = sales(written).groupby(["campaign_id", "product_id"]).quantity.sum()
    left = stock.initial_stock.sub(sold, fill_value=0)
    assert (left >= 0).all()
    assert 0.05 < (left == 0).mean() < 0.6


def test_nothing_is_bought_or_seen_outside_the_campaign(written):
    campaigns = written.table("campaigns").set_index("campaign_id")
    for facts in (sales(written), written.table("events").dropna(subset="campaign_id")):
        found = facts.join(campaigns[["opens_at", "closes_at"]], on="campaign_id")
        assert len(found) > 300
        assert (found.opens_at <= found.occurred_at).all()
        assert (found.occurred_at < found.closes_at).all()


def test_everyone_stays_in_the_own_market(written):
    countries = written.table("customers").set_index("customer_id").country
    campaigns = written.table("campaigns").set_index("campaign_id").country
    facts = sales(written)
    assert (facts.customer_id.map(countries) == facts.campaign_id.map(campaigns)).all()


def test_each_purchase_went_through_a_cart_and_a_checkout(written):
    events = written.tables["events"]
    carted = events[events.kind == "add_to_cart"]
    pairs = set(zip(carted.customer_id, carted.campaign_id, carted.product_id, strict=True))
    bought = sales(written)
    rows = list(zip(bought.customer_id, bought.campaign_id, bought.product_id, strict=True))
    # A malformed or too late event may be missing.
    assert sum(row in pairs for row in rows) > 0.99 * len(rows)


def test_returns_come_days_after_the_sale_at_its_price(written):
    orders = written.table("orders")
    back = orders[orders.kind == "return"]
    keys = ["customer_id", "campaign_id", "product_id", "unit_price", "quantity"]
    pairs = back.merge(sales(written), on=keys, suffixes=("", "_sale"))
    assert len(back) > 5
    assert set(back.order_id) == set(pairs.order_id)
    assert (pairs.groupby("order_id").occurred_at.min() > pairs.occurred_at_sale.min()).all()


def test_days_and_weeks_have_a_rhythm(written):
    visits = written.table("events").drop_duplicates("session_id")
    clock = visits.occurred_at.dt.tz_convert("Europe/Paris")
    night, evening = clock.dt.hour.isin([2, 3, 4]).sum(), clock.dt.hour.isin([19, 20, 21]).sum()
    assert evening > 10 * night
    by_day = clock[clock.dt.day.isin(range(21, 32))].dt.date.value_counts()
    sundays = [n for day, n in by_day.items() if day.weekday() == 6]
    others = [n for day, n in by_day.items() if day.weekday() < 5]
    assert sum(sundays) / len(sundays) > sum(others) / len(others)


def test_clicks_fall_with_the_place_on_the_page(written):
    events = written.table("events")
    seen = events[events.kind == "impression"]
    clicked = events[events.kind == "campaign_view"][["session_id", "campaign_id"]]
    rate = seen.merge(clicked.assign(hit=1), how="left", on=["session_id", "campaign_id"])
    rate = rate.assign(hit=rate.hit.fillna(0)).groupby(rate.position <= 3).hit.mean()
    assert seen.position.min() == 1
    assert rate[True] > 1.15 * rate[False]


def test_facts_come_late_too_late_and_twice(written):
    events = written.tables["events"]
    delay = events.received_at - events.occurred_at
    assert (delay >= pd.Timedelta(0)).all()
    assert delay.median() < pd.Timedelta("2min")
    assert 0.003 < (delay > pd.Timedelta("10min")).mean() < 0.03
    assert 0 < (delay > pd.Timedelta("24h")).mean() < 0.002
    assert 0.001 < events.duplicated("event_id").mean() < 0.006


def test_those_who_unsubscribe_withdraw_consent_and_are_suppressed(written):
    letters = written.table("email_events")
    left = set(letters[letters.kind == "unsubscribed"].customer_id)
    assert left
    suppressions, consents = written.table("suppressions"), written.table("consents")
    unsubscribed = suppressions[suppressions.reason == "unsubscribed"]
    withdrawn = consents[~consents.is_granted & (consents.source == "unsubscribe_link")]
    assert set(unsubscribed.customer_id) == set(withdrawn.customer_id) >= left
    for who, when in unsubscribed.set_index("customer_id").suppressed_at.items():
        sent = letters[(letters.customer_id == who) & (letters.kind == "sent")]
        assert (sent.occurred_at <= when).all()


def test_letters_go_to_known_customers_who_allowed_them(written):
    consents = written.table("consents")
    allowed = consents[consents.is_granted & (consents.purpose == "email_marketing")]
    assert set(written.table("email_events").customer_id) <= set(allowed.customer_id)
    assert 0.5 < len(allowed) / len(written.table("customers")) < 0.95


def test_some_customers_have_no_history_and_some_visitors_no_name(written):
    events, customers = written.table("events"), written.table("customers")
    silent = set(customers.customer_id) - set(events.customer_id.dropna())
    assert 0.05 < len(silent) / len(customers) < 0.6
    assert 0.02 < events.customer_id.isna().mean() < 0.2
    assert set(events.customer_id.dropna()) <= set(customers.customer_id)


def test_addresses_belong_to_nobody(written):
    addresses = written.table("contacts").email_address
    assert addresses.is_unique
    assert addresses.str.fullmatch(r"[a-z]+\.[a-z]+\.\d+@example\.(com|org)").all()


def test_products_have_several_labels_some_missing(written):
    labels = [dict(row) for row in written.table("products").attributes]
    tasks = {task for row in labels for task in row}
    assert tasks == {
        *("article_type", "colour", "pattern", "material", "season", "audience"),
        *("style", "composition", "trim", "has_logo", "care"),
    }
    for task in tasks:
        given = sum(task in row for row in labels) / len(labels)
        assert 0.8 < given < 0.95


def test_the_tasks_are_binary_of_several_classes_and_of_several_answers(written):
    products = written.table("products")
    labels = [dict(row) for row in products.attributes]
    assert {row["has_logo"] for row in labels if "has_logo" in row} == {"yes", "no"}
    told = [
        (row["composition"].split("|"), row.get("material"), description)
        for row, description in zip(labels, products.description, strict=True)
        if "composition" in row
    ]
    assert 0.2 < sum(len(materials) > 1 for materials, _, _ in told) / len(told) < 0.8
    for materials, main, description in told:
        assert main in (None, materials[0])
        assert f"made of {' and '.join(materials)}, a" in description


def test_consumable_sectors_are_sectors():
    assert set(CONSUMABLE_SECTORS) <= set(SECTORS)
