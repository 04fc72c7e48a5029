"""A shop whose mail is the published lists: exactly those letters, and customers who react."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests.published_letters import letter
from tests.vitrine.simulator.conftest import FOUNDED_ON, INTERVAL, _tables
from vitrine.errors import BadInputError
from vitrine.interval import Interval, midnight
from vitrine.letters import LETTERS
from vitrine.simulator import taste
from vitrine.simulator.campaigns import Calendar
from vitrine.simulator.catalogue import Catalogue, make_brands
from vitrine.simulator.letters import Letterbox, read
from vitrine.simulator.outbox import Outbox
from vitrine.simulator.population import Population, make_population
from vitrine.simulator.shop import Shop
from vitrine.simulator.taste import Offer
from vitrine.simulator.visits import KINDS, Landing, Sessions, visit
from vitrine.simulator.writing import write_interval

SHOP = Shop.of_size(7, 300, FOUNDED_ON)
SINCE = date(2026, 3, 28)
"""A day before the clocks change."""
NIGHTS = [SINCE + timedelta(days=n) for n in range(4)]


def table(rows) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=LETTERS.schema)


@pytest.fixture(scope="module")
def letters(written) -> pa.Table:
    """Every second customer gets what is on sale, every night but the last."""
    campaigns, lines = written.table("campaigns"), written.table("campaign_products")
    products = lines.groupby("campaign_id").product_id.first()
    customers = written.table("customers")
    rows = []
    for night in NIGHTS[:-1]:
        noon = pd.Timestamp(midnight(night)) + pd.Timedelta("12h")
        is_open = (campaigns.opens_at <= noon) & (noon < campaigns.closes_at)
        open_ = campaigns[is_open].groupby("country").campaign_id.apply(list)
        for row in customers.iloc[::2].itertuples():
            shown = open_[row.country][:4]
            bought = [(products[c], c) for c in open_[row.country][4:8]]
            rows.append(letter(row.customer_id, night, campaigns=shown, products=bought))
    return table(rows)


def write(folder: Path, shop: Shop, interval: Interval, letters: pa.Table | None) -> None:
    write_interval(shop, folder / "landing", folder / "truth", interval, letters=letters)


def bytes_of(folder: Path) -> dict[str, bytes]:
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != "shop.json")
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def mailed(letters, tmp_path_factory) -> Path:
    """The shop whose mail is the lists from SINCE on, written day by day."""
    folder = tmp_path_factory.mktemp("mailed")
    taken_over = Interval(INTERVAL.start, midnight(SINCE))
    write(folder, SHOP, taken_over, None)
    mailed = replace(SHOP, lists_since=SINCE)
    for night in NIGHTS:
        # What is published after the day is not known when the day is written.
        known = letters.filter(pa.compute.less_equal(letters["night"], night))
        write(folder, mailed, Interval.of_day(night), known)
    return folder


@pytest.fixture(scope="module")
def tables(mailed) -> dict[str, pd.DataFrame]:
    return _tables(mailed / "landing")


def test_exactly_the_named_get_their_letters_and_nobody_gets_another(tables, letters):
    mail = tables["email_events"].drop_duplicates(["message_id", "kind"])
    since = mail[mail.occurred_at >= pd.Timestamp(midnight(SINCE))]
    ours = letters.to_pandas().set_index("message_id")
    assert len(ours) > 300
    assert set(since.message_id) <= set(ours.index)
    assert (since.customer_id == since.message_id.map(ours.customer_id)).all()
    sent = since[since.kind == "sent"]
    # A malformed event in a thousand is missing, and one that was received too late.
    assert len(sent) > 0.99 * len(ours)
    assert (sent.occurred_at == sent.message_id.map(ours.send_at)).all()
    assert (sent.occurred_at.dt.date <= NIGHTS[-2]).all()
    before = mail[mail.occurred_at < pd.Timestamp(midnight(SINCE))]
    assert before.message_id.str.startswith("M2026").all()
    assert {"opened", "clicked"} <= set(since.kind)


def test_written_at_once_it_is_what_was_written_day_by_day(mailed, letters, tmp_path):
    whole = Interval(INTERVAL.start, midnight(NIGHTS[-1] + timedelta(days=1)))
    write(tmp_path, replace(SHOP, lists_since=SINCE), whole, letters)
    assert bytes_of(tmp_path) == bytes_of(mailed)


def of_first_day(facts: pd.DataFrame, key: str, columns: list[str]) -> set[tuple]:
    """Return rows of what occurred on the first day of lists, without what letters caused."""
    occurred = facts.occurred_at
    is_then = (occurred >= pd.Timestamp(midnight(SINCE))) & (
        occurred < pd.Timestamp(midnight(NIGHTS[1]))
    )
    own = facts[is_then & ~facts[key].str.contains("L")]
    return set(own[[key, *columns, "occurred_at", "received_at"]].itertuples(index=False))


def test_what_customers_do_on_their_own_does_not_depend_on_letters(
    written, tables, letters, tmp_path
):
    interval = Interval(midnight(SINCE), midnight(NIGHTS[-1]))
    write(tmp_path, replace(SHOP, lists_since=SINCE), interval, LETTERS.empty())
    silent = _tables(tmp_path / "landing")
    assert not len(silent["email_events"][silent["email_events"].occurred_at.dt.date > SINCE])
    seen = [
        of_first_day(each["events"], "event_id", ["session_id", "kind"])
        for each in (tables, silent, written.tables)
    ]
    assert seen[0] == seen[1]
    # The newsletter brought some visits more.
    assert seen[1] < seen[2]
    bought = [
        of_first_day(each["orders"], "order_id", ["line", "quantity"]) for each in (tables, silent)
    ]
    # But for what letters took away it is delivered as it would be.
    assert bought[0] <= bought[1]
    assert bought[0]
    caused = tables["events"][tables["events"].event_id.str.contains("L")]
    assert len(caused) > 100
    assert set(caused.customer_id) <= set(letters["customer_id"].to_pylist())
    orders = tables["orders"]
    assert orders[orders.order_id.str.contains("L")].kind.eq("sale").any()


def test_what_is_not_true_changes_nothing_of_how_the_rest_is_delivered():
    at_N = np.arange(200) * 600
    facts = {
        "message_id": pa.array([f"m{n}" for n in range(200)]),
        "customer_id": pa.array(["U1"] * 200),
        "kind": pa.array(["opened"] * 200),
        "occurred_at": at_N,
    }
    delivered = []
    for is_true_N in (None, np.arange(200) % 3 > 0):
        outbox = Outbox(0)
        draws = np.random.default_rng(4)
        outbox.post_facts("email_events", facts, draws, "Europe/Paris", is_true_N)
        rows = outbox.take("email_events", 0, 10**9).to_pylist()
        delivered.append({tuple(row.values()) for row in rows})
    everything, rest = delivered
    assert len(rest) > 100
    untrue = {f"m{n}" for n in range(0, 200, 3)}
    assert rest == {row for row in everything if row[0] not in untrue}


def test_nobody_is_oversold_or_suppressed_twice(tables):
    stock = tables["campaign_products"].drop_duplicates(["campaign_id", "product_id"])
    orders = tables["orders"].drop_duplicates(["order_id", "line"])
    sold = orders[orders.kind == "sale"].groupby(["campaign_id", "product_id"]).quantity.sum()
    left = stock.set_index(["campaign_id", "product_id"]).initial_stock.sub(sold, fill_value=0)
    assert (left >= 0).all()
    assert not tables["suppressions"].duplicated("suppression_id").any()


@pytest.fixture(scope="module")
def people() -> Population:
    return make_population(Shop.of_size(7, 600, FOUNDED_ON))


@pytest.fixture(scope="module")
def offer() -> Offer:
    shop = Shop.of_size(7, 600, FOUNDED_ON)
    brands = make_brands(shop)
    calendar = Calendar(shop, Catalogue(shop, brands))
    return Offer.of(
        [c for day in range(16, 20) for c in calendar.open_on(date(2026, 3, day), 0)], brands
    )


@pytest.mark.parametrize("shows_product", [False, True])
def test_a_letter_that_shows_what_is_wanted_is_opened_and_clicked_more(
    people, offer, shows_product
):
    members = people.members[0]
    nothing = np.zeros((len(members), len(offer.campaigns)), np.int16)
    utility_MJ = taste.utility(people, members, offer, nothing)
    at = int(offer.opens_at_J.max()) + 3_600

    def reactions(campaign_M: np.ndarray) -> tuple[int, int]:
        rows = []
        for who, j in zip(people.ids.take(members).to_pylist(), campaign_M, strict=True):
            campaign = offer.campaigns[j]
            product = [(campaign.products[0].id, campaign.id)]
            shown: dict[str, Any] = (
                {"products": product} if shows_product else {"campaigns": [campaign.id]}
            )
            rows.append(letter(who, FOUNDED_ON, pd.Timestamp(at, unit="s", tz="UTC"), **shown))
        box = Letterbox(table(rows), people)
        post = box.of(date(2026, 3, 19), 0)
        reading = read(np.random.default_rng(1), people, offer, post, nothing, at + 10 * 3_600)
        clicked = reading.reactions["clicked"] >= 0
        assert sorted(post.customer_M[clicked]) == sorted(reading.customer_S)
        assert (reading.landing.product_S == (0 if shows_product else -1)).all()
        return (reading.reactions["opened"] >= 0).sum(), clicked.sum()

    best, worst = (reactions(f(utility_MJ, axis=1)) for f in (np.argmax, np.argmin))
    assert best[0] > 1.5 * worst[0]
    assert best[1] > 4 * worst[1]


def test_a_visit_begins_with_what_was_clicked(people, offer):
    members = people.members[0][:60]
    at, count = int(offer.opens_at_J.max()) + 60, len(members)
    open_J = np.flatnonzero(offer.closes_at_J > at + 3_600)
    landing = Landing(open_J[np.arange(count) % len(open_J)], np.arange(count) % 3 - 1)
    sessions = Sessions(
        members, np.full(count, at), np.zeros(count, np.int64), np.zeros(count, bool)
    )
    bought = np.zeros((count, len(offer.campaigns)), np.int16)
    events, _ = visit(np.random.default_rng(0), people, offer, sessions, bought, landing)
    views = events.kind_E == KINDS.index("campaign_view")
    looks = events.kind_E == KINDS.index("product_view")
    for s in range(count):
        mine = np.flatnonzero(views & (events.session_E == s))
        assert events.campaign_E[mine[np.argmin(events.at_E[mine])]] == landing.campaign_S[s]
        looked = np.flatnonzero(looks & (events.session_E == s))
        first = looked[np.argmin(events.at_E[looked])]
        if landing.product_S[s] >= 0:
            assert events.product_E[first] == landing.product_S[s]


def test_a_list_of_another_shop_is_refused(people):
    with pytest.raises(BadInputError, match="names the customer C42, whom the simulated shop"):
        Letterbox(table([letter("C42", FOUNDED_ON)]), people)
