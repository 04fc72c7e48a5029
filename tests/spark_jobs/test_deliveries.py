"""However a shop delivers the same facts, the same windows and days come of them.

Facts are drawn at random, delivered in disorder, twice, late, or too late, landed and counted.
"""

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from spark_jobs import campaign_windows, days
from tests.spark_jobs.conftest import Shop
from tests.spark_jobs.golden import at
from vitrine import contracts, lake
from vitrine.interval import DAY, Interval, floor
from vitrine.landing.land import land
from vitrine.paths import Paths
from vitrine.settings import load_settings
from vitrine.sources.flash_sale import SOURCE

FIRST = at("28 00:00")  # the clocks change on the 29th
STRETCH = Interval(FIRST, FIRST + 5 * DAY)
REACH = timedelta(hours=24)
CUSTOMERS = ("ann", "bob")
ADDED_UP = {
    "campaign_windows": (
        ("campaign_id", "demographic_cluster", "window_start_at"),
        ("impression_count", "view_count", "cart_count", "unit_count", "turnover"),
    ),
    "user_days": (
        ("customer_id", "occurred_on"),
        ("impression_count", "campaign_view_count", "product_view_count", "cart_count",
         "unit_count", "turnover", "return_unit_count", "return_value"),
    ),
    "product_days": (
        ("product_id", "occurred_on"),
        ("view_count", "cart_count", "unit_count", "turnover", "return_unit_count"),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """A row of a fact table as a shop writes it, apart from when it reaches us."""

    table: str
    values: tuple[tuple[str, str], ...]
    occurred_at: datetime
    received_at: datetime

    @property
    def row(self) -> dict[str, str]:
        moments = {"occurred_at": self.occurred_at, "received_at": self.received_at}
        return dict(self.values) | {name: f"{t:%Y-%m-%dT%H:%M:%SZ}" for name, t in moments.items()}


@st.composite
def facts(draw: st.DrawFn, most: int) -> list[Fact]:
    """Draw events and order lines of two days, each received when it happened."""
    return [draw(_fact(number)) for number in range(draw(st.integers(0, most)))]


@st.composite
def _fact(draw: st.DrawFn, number: int) -> Fact:
    second = draw(st.one_of(st.integers(0, 2 * 86400 - 1), st.sampled_from([0, 86399, 86400])))
    occurred_at = FIRST + timedelta(seconds=second)
    common = {
        "customer_id": draw(st.sampled_from([*CUSTOMERS, ""])),
        "campaign_id": draw(st.sampled_from(["k1", "k2"])),
        "product_id": draw(st.sampled_from(["p1", "p2"])),
    }
    if draw(st.booleans()):
        kind = draw(st.sampled_from(["impression", "campaign_view", "product_view", "add_to_cart"]))
        own = {"event_id": f"e{number}", "session_id": f"s{number % 5}", "kind": kind}
        return Fact("events", _values(common | own | {"position": "", "device": "phone"}),
                    occurred_at, occurred_at)  # fmt: skip
    own = {
        "order_id": f"o{number}",
        "line": "1",
        "quantity": str(draw(st.integers(1, 5))),
        "unit_price": draw(st.sampled_from(["0.10", "19.99", "7.35"])),
        "channel": "web",
        "kind": draw(st.sampled_from(["sale", "sale", "return"])),
    }
    return Fact("orders", _values(common | own), occurred_at, occurred_at)


def _values(row: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(row.items()))


def late(fact: Fact, delay_s: int) -> Fact:
    return replace(fact, received_at=fact.occurred_at + timedelta(seconds=delay_s))


def deliver(root: Path, delivered: Iterable[Fact]) -> Shop:
    """Write a drop a day as the shop would, in the given order, and land all of them."""
    drops: dict[tuple[str, datetime], list[Fact]] = defaultdict(list)
    for fact in delivered:
        drops[fact.table, floor(fact.received_at, DAY)].append(fact)
    landing = root / "landing"
    landing.mkdir(parents=True)
    _write(landing, "events", FIRST, [])
    for (table, day), rows in drops.items():
        _write(landing, table, day, rows)
    chosen = load_settings({"VITRINE_HOME": str(root), "VITRINE_LANDING": str(landing)})
    shop = Shop(Paths.of(chosen))
    list(land(SOURCE, chosen, shop.paths, STRETCH))
    return shop


def _write(landing: Path, table: str, day: datetime, rows: list[Fact]) -> None:
    names = [column.name for column in contracts.table(table).columns]
    file = landing / table / f"{day:%Y%m%dT%H%M}-{day + DAY:%Y%m%dT%H%M}.csv.gz"
    file.parent.mkdir(exist_ok=True)
    with gzip.open(file, "wt", newline="") as text:
        writer = csv.DictWriter(text, names)
        writer.writeheader()
        writer.writerows(fact.row for fact in rows)


def landed(shop: Shop) -> dict[str, list]:
    """Return the rows of the lake, in one order."""
    return {
        table: sorted(
            (tuple(row.items()) for row in lake.read(shop.paths.lake, table, STRETCH).to_pylist()),
            key=repr,
        )
        for table in ("orders", "events")
    }


def refused(shop: Shop) -> Counter[str]:
    """Count the rows in quarantine by reason."""
    root = shop.paths.quarantine
    return Counter(lake.read(root.parent, root.name, STRETCH)["reason"].to_pylist())


def by_event_time(shop: Shop) -> dict[str, dict[tuple, Counter[str]]]:
    """Add up over receipts what adds up."""
    found: dict[str, dict[tuple, Counter[str]]] = {}
    for table, (keys, measures) in ADDED_UP.items():
        sums: dict[tuple, Counter[str]] = defaultdict(Counter)
        for row in shop.rows(table, STRETCH):
            group = sums[tuple(row[key] for key in keys)]
            for measure in measures:
                group[measure] = round(group[measure] + row[measure], 2)
        found[table] = {key: +values for key, values in sums.items() if +values}
    return found


def disordered(draw: st.DrawFn, told: list[Fact]) -> tuple[list[Fact], int]:
    """Deliver facts up to a day late, in disorder, and some of them again; count these."""
    delays = st.sampled_from([0, 1, 599, 3600, 86399, 86400])
    delayed = [late(fact, draw(delays)) for fact in told]
    again = [fact for fact in delayed if draw(st.booleans())]
    return draw(st.permutations(delayed + again)), len(again)


@given(st.data())
@settings(max_examples=20, deadline=None)
def test_disorder_and_repetition_land_as_if_there_were_none(tmp_path_factory, data):
    told = data.draw(facts(most=12))
    untidy, again = data.draw(st.composite(disordered)(told))
    root = tmp_path_factory.mktemp("delivery")
    tidy = sorted(set(untidy), key=lambda fact: (fact.received_at, fact.row["kind"]))
    expected, found = deliver(root / "tidy", tidy), deliver(root / "untidy", untidy)
    assert landed(found) == landed(expected)
    assert refused(found) == Counter({"duplicate": again} if again else {})


@given(st.data())
@settings(max_examples=10, deadline=None)
def test_what_comes_again_within_a_day_counts_once(tmp_path_factory, data):
    told = data.draw(facts(most=8))
    again = [late(f, data.draw(st.integers(1, 86400))) for f in told]
    shop = deliver(tmp_path_factory.mktemp("delivery") / "home", told + again)
    assert sum(map(len, landed(shop).values())) == len(told)
    assert refused(shop)["duplicate"] == len(told)


@given(st.data())
@settings(max_examples=10, deadline=None)
def test_what_is_later_than_a_day_is_counted_in_quarantine(tmp_path_factory, data):
    told = data.draw(facts(most=8))
    too_late = [late(f, data.draw(st.integers(86401, 2 * 86400))) for f in told]
    shop = deliver(tmp_path_factory.mktemp("delivery") / "home", too_late)
    assert sum(map(len, landed(shop).values())) == 0
    assert refused(shop) == Counter({"too_late": len(told)} if told else {})


@given(st.data())
@settings(
    max_examples=2,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_windows_and_days_do_not_depend_on_how_facts_were_delivered(spark, tmp_path_factory, data):
    told = data.draw(facts(most=60))
    untidy, _ = data.draw(st.composite(disordered)(told))
    hopeless = [
        replace(late(f, 86401), values=_values(dict(f.values) | {_id(f): f"x{n}"}))
        for n, f in enumerate(told[:5])
    ]
    root = tmp_path_factory.mktemp("delivery")
    tidy = sorted(set(untidy), key=lambda fact: (fact.received_at, fact.row["kind"]))
    shops = [
        deliver(root / "on-time", told),
        deliver(root / "tidy", tidy),
        deliver(root / "untidy", untidy + hopeless),
    ]
    for shop in shops:
        for job in (days, campaign_windows):
            shop.run(spark, job, STRETCH)
    on_time, late_but_tidy, late_and_untidy = shops
    assert late_and_untidy.contents() == late_but_tidy.contents()
    assert by_event_time(late_and_untidy) == by_event_time(on_time)
    assert refused(late_and_untidy)["too_late"] == len(hopeless)
    # The control: what is compared is what was told.
    windows = by_event_time(on_time)["campaign_windows"].values()
    sold = [int(fact.row["quantity"]) for fact in told if fact.row["kind"] == "sale"]
    assert sum(window["unit_count"] for window in windows) == sum(sold)


def _id(fact: Fact) -> str:
    return "event_id" if fact.table == "events" else "order_id"
