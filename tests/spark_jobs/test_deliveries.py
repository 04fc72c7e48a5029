"""However a shop delivers the same facts, the same windows and days come of them.

Facts are drawn at random, delivered in disorder, twice, late, or too late, landed and counted. What
adds up is the same; distinct counts over several receipts are upper bounds, as ADR 1 says.
"""

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from spark_jobs import campaign_windows, days
from spark_jobs.activity import activity, in_windows, on_days
from spark_jobs.product_days import product_days
from spark_jobs.user_days import user_days
from tests.spark_jobs.conftest import Shop
from tests.spark_jobs.golden import at
from vitrine import contracts, lake
from vitrine.interval import DAY, QUARTER_HOUR, Interval, floor
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
DISTINCT = {
    # table: counts of what is distinct, and what that is
    "campaign_windows": {"visitor_count": "session_id", "order_count": "order_id"},
    "user_days": {"session_count": "session_id", "order_count": "order_id"},
    "product_days": {"buyer_count": "customer_id", "order_count": "order_id"},
}
DELAYS_S = st.sampled_from([0, 1, 599, 3600, 86399, 86400])
GOODS = st.fixed_dictionaries(
    {"campaign_id": st.sampled_from(["k1", "k2"]), "product_id": st.sampled_from(["p1", "p2"])}
)
BOUGHT = st.fixed_dictionaries(
    {
        "quantity": st.sampled_from("12345"),
        "unit_price": st.sampled_from(["0.10", "19.99", "7.35"]),
        "channel": st.just("web"),
        "kind": st.sampled_from(["sale", "sale", "return"]),
    }
)


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
    """Draw events, and orders of up to three lines, of two days; received when they happened."""
    visits = range(draw(st.integers(0, most)))
    return [fact for number in visits for fact in draw(_visit(number))]


@st.composite
def _visit(draw: st.DrawFn, number: int) -> list[Fact]:
    second = draw(st.one_of(st.integers(0, 2 * 86400 - 1), st.sampled_from([0, 86399, 86400])))
    occurred_at = FIRST + timedelta(seconds=second)
    customer = {"customer_id": draw(st.sampled_from([*CUSTOMERS, ""]))}
    if draw(st.booleans()):
        kind = draw(st.sampled_from(["impression", "campaign_view", "product_view", "add_to_cart"]))
        own = {"event_id": f"e{number}", "session_id": f"s{number % 5}", "kind": kind,
               "position": "", "device": "phone"}  # fmt: skip
        values = _values(customer | draw(GOODS) | own)
        return [Fact("events", values, occurred_at, occurred_at)]
    lines = [
        _values(customer | draw(GOODS) | draw(BOUGHT) | {"order_id": f"o{number}", "line": str(n)})
        for n in range(1, draw(st.integers(1, 3)) + 1)
    ]
    return [Fact("orders", values, occurred_at, occurred_at) for values in lines]


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
    return {table: added_up(table, shop.rows(table, STRETCH)) for table in ADDED_UP}


def added_up(table: str, rows: Iterable[Mapping], distinct: bool = False) -> dict:
    """Add up a table's rows by event time: measures, or the counts of what is distinct."""
    keys, measures = ADDED_UP[table]
    sums: dict[tuple, Counter[str]] = defaultdict(Counter)
    for row in rows:
        group = sums[tuple(row[key] for key in keys)]
        for measure in DISTINCT[table] if distinct else measures:
            group[measure] = round(group[measure] + row[measure], 2)
    return {key: +values for key, values in sums.items() if +values}


def disordered(draw: st.DrawFn, told: list[Fact]) -> tuple[list[Fact], int]:
    """Deliver facts up to a day late, in disorder, and some of them again; count these."""
    delayed = [late(fact, draw(DELAYS_S)) for fact in told]
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
    told = data.draw(facts(most=30))
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


def telling(number: int, told: list[Fact]) -> list[Fact]:
    """Tell the facts as another shop's, so that one run counts many deliveries side by side."""
    named = ("customer_id", "campaign_id", "product_id", "session_id", "order_id")
    return [
        replace(fact, values=tuple(
            (name, f"{number}/{value}" if value and name in named else value)
            for name, value in fact.values
        ))
        for fact in told
    ]  # fmt: skip


def counted(spark, told: list[Fact]) -> dict[str, list[dict]]:
    """Count facts without landing them first; return each table's rows."""
    orders, events = (
        spark.createDataFrame(
            pa.Table.from_pylist(
                [_typed(fact) for fact in told if fact.table == table],
                schema=contracts.table(table).schema,
            )
        )
        for table in ("orders", "events")
    )
    done = activity(orders, events).withColumn("file", F.lit(0))
    timed = in_windows(done).withColumn("known_at", F.col("received_at"))
    nobody = spark.createDataFrame(contracts.table("customers").empty())
    found = {
        "campaign_windows": campaign_windows.campaign_windows(timed, nobody),
        "user_days": user_days(on_days(done)),
        "product_days": product_days(on_days(done)),
    }
    return {name: rows.toArrow().to_pylist() for name, rows in found.items()}


def _typed(fact: Fact) -> dict:
    row: dict = {name: value or None for name, value in fact.values}
    if fact.table == "orders":
        row |= {"line": int(row["line"]), "quantity": int(row["quantity"])}
        row |= {"unit_price": float(row["unit_price"])}
    return row | {"occurred_at": fact.occurred_at, "received_at": fact.received_at}


def seen(table: str, told: list[Fact]) -> dict[tuple, dict[str, set]]:
    """List, by a loop, what was distinct: event-time key -> count -> {(what, receipt)}."""
    found: dict[tuple, dict[str, set]] = defaultdict(lambda: defaultdict(set))
    step = QUARTER_HOUR if table == "campaign_windows" else DAY
    for fact in told:
        row, start = _typed(fact), floor(fact.occurred_at, step)
        key = {
            "campaign_windows": (row["campaign_id"], "unknown", start),
            "user_days": (row["customer_id"], start.date()),
            "product_days": (row["product_id"], start.date()),
        }[table]
        for count, what in DISTINCT[table].items():
            if key[0] and row.get(what) and (what == "session_id" or row["kind"] == "sale"):
                found[key][count].add((row[what], floor(fact.received_at, step)))
    return found


@given(st.data())
@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_sums_are_the_same_and_distinct_counts_bounds_however_facts_come(spark, data):
    told = data.draw(facts(most=12))
    deliveries = {0: telling(0, told)}
    for number in range(1, 6):
        delayed = [late(fact, data.draw(DELAYS_S)) for fact in told]
        deliveries[number] = telling(number, data.draw(st.permutations(delayed)))
    rows = counted(spark, [fact for each in deliveries.values() for fact in each])
    for table in ADDED_UP:
        sums: dict[int, dict[tuple, Counter[str]]] = {number: {} for number in deliveries}
        for (owner, *rest), values in added_up(table, rows[table]).items():
            number, _, name = owner.partition("/")
            sums[int(number)][name, *rest] = values
        assert all(each == sums[0] for each in sums.values()), table
        distinct = added_up(table, rows[table], distinct=True)
        expected = [seen(table, each) for each in deliveries.values()]
        assert distinct.keys() == {key for each in expected for key in each}
        for key, counts in (item for each in expected for item in each.items()):
            for count, pairs in counts.items():
                truth, found = len({what for what, _ in pairs}), distinct[key][count]
                # What came apart counts once for each receipt: the truth where nothing did.
                assert found == len(pairs) >= truth


def test_an_order_whose_lines_come_apart_counts_once_for_each_receipt(spark):
    line = {"customer_id": "ann", "campaign_id": "k1", "product_id": "p1", "quantity": "1",
            "unit_price": "1.00", "channel": "web", "kind": "sale", "order_id": "o1"}  # fmt: skip
    first, second = (Fact("orders", _values(line | {"line": n}), FIRST, FIRST) for n in "12")
    for delay, count in ((0, 1), (3600, 1), (86400, 2)):
        rows = counted(spark, [first, late(second, delay)])
        ((_, day),) = added_up("user_days", rows["user_days"], distinct=True).items()
        assert day["order_count"] == count
        assert sum(row["unit_count"] for row in rows["user_days"]) == 2
