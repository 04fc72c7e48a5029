"""Each worked query of docs/queries.md runs as it stands there, in the columns that the page shows;
those that add up facts answer what pandas adds up from the small shop's own rows.
"""

import json
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from tests.conftest import REPOSITORY
from tests.dbt_project.small_shop import END, Shop, placed
from vitrine import publish, runlog
from vitrine.champions import Entry
from vitrine.deltas import CAMPAIGN_WINDOWS
from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.paths import Paths
from vitrine.settings import load_settings
from vitrine.transform import console, operations

PAGE = (REPOSITORY / "docs" / "queries.md").read_text()


@dataclass(frozen=True)
class Question:
    title: str
    query: str
    checks: list[str]
    """Queries that say whether the first one's answer can be trusted."""
    columns: list[str]
    has_warning: bool


def questions() -> list[Question]:
    return [_question(section) for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]]


def _question(section: str) -> Question:
    query, *checks = re.findall(r"```sql\n(.*?)```", section, re.DOTALL)
    (head,) = re.findall(r"^(\|.*\|)\n\| ---", section, re.MULTILINE)
    return Question(
        title=section.partition("\n")[0],
        query=query,
        checks=checks,
        columns=re.findall(r"`(\w+)`", head),
        has_warning="\n*Watch out:* " in section,
    )


def paths_of(home: Path) -> Paths:
    return Installation(load_settings({"VITRINE_HOME": str(home)})).paths


@pytest.fixture(scope="module")
def home(built, tmp_path_factory) -> Path:
    """A home with the small shop published and its runs recorded."""
    home: Path = tmp_path_factory.mktemp("analyst") / ".vitrine"
    home.mkdir()
    paths = paths_of(home)
    for database, file in built.items():
        copy = Path(shutil.copy(file, home / f"{database}.duckdb"))
        publish.publish_file(copy, paths.warehouse, "20260404T0000")
    day = Interval.parse("2026-03-23", "2026-03-24")
    for stage in ("land", "build daily staging", "land"):
        with runlog.record(paths, stage, day):
            pass
    decide(paths)
    operations.publish_records(paths, 3)
    return home


def decide(paths: Paths) -> None:
    """Enter a champion, its successor, a refusal, and who came after the instant asked for."""
    for day, version, before, after in ((10, 1, None, 1), (12, 2, 1, 2), (14, 3, 2, 2)):
        write_decision(paths, f"2026-11-{day}T03:00:00+00:00", version, before, after)
    write_decision(paths, "2026-11-21T03:00:00+00:00", 4, 2, 4)


def write_decision(
    paths: Paths, decided_at: str, version: int, before: int | None, after: int | None
) -> None:
    entry = Entry("ranker", version, "refresh", "promoted", f"because {version}", after, before,
                  "2026-11-09T00:00:00Z", decided_at=decided_at)  # fmt: skip
    paths.champions.mkdir(parents=True, exist_ok=True)
    file = (
        paths.champions / f"{decided_at[:10].replace('-', '')}T030000000000-ranker-{version}.json"
    )
    file.write_text(json.dumps(asdict(entry)))


@pytest.fixture(scope="module")
def warehouse_of_analysts(home):
    """What `vitrine sql` opens."""
    with console.open_warehouse(paths_of(home)) as connection:
        yield connection


def test_the_page_asks_eleven_questions():
    asked = questions()
    assert [q.title.partition(". ")[0] for q in asked] == [str(n) for n in range(1, 12)]
    assert all(q.has_warning for q in asked)


@pytest.mark.parametrize("question", questions(), ids=lambda q: q.title.partition(". ")[0])
def test_a_worked_query_runs_and_answers_in_the_columns_shown(warehouse_of_analysts, question):
    answer = warehouse_of_analysts.sql(question.query)
    assert answer.columns == question.columns
    assert len(answer.fetchall()) > 0


def test_the_lines_to_paste_make_any_client_answer_as_the_prompt_does(
    home, warehouse_of_analysts, monkeypatch
):
    (lines,) = re.findall(r"```sql\n(.*?)```", PAGE.partition("\n## ")[0], re.DOTALL)
    monkeypatch.chdir(home.parent)
    with duckdb.connect() as client:
        client.execute(lines)
        for question in questions():
            expected = warehouse_of_analysts.sql(question.query).fetchall()
            assert client.sql(question.query).fetchall() == expected


def answer(connection, number: int) -> list[tuple]:
    (question,) = [q for q in questions() if q.title.startswith(f"{number}. ")]
    return connection.sql(question.query).fetchall()


def frame(shop: Shop, table: str) -> pd.DataFrame:
    return pd.DataFrame(shop.tables[table])


def lines(shop: Shop, kind: str) -> pd.DataFrame:
    rows = frame(shop, "orders").query("kind == @kind")
    return rows.assign(paid=rows["quantity"] * rows["unit_price"])


def monday(moments: pd.Series) -> pd.Series:
    days = moments.dt.floor("D")
    return (days - pd.to_timedelta(days.dt.weekday, "D")).dt.date


def test_who_comes_back(warehouse_of_analysts, shop):
    orders = lines(shop, "sale").dropna(subset=["customer_id"])
    orders = orders.groupby(["customer_id", "order_id"])["occurred_at"].min().reset_index()
    orders["first"] = orders.groupby("customer_id")["occurred_at"].transform("min")
    orders["week"] = monday(orders["first"])
    orders["wait"] = orders["occurred_at"] - orders["first"]
    expected = []
    for week, cohort in orders.groupby("week"):
        again = cohort[cohort["wait"] > pd.Timedelta(0)]
        count = cohort["customer_id"].nunique()
        ratios = [
            round(
                again[again["wait"] < pd.Timedelta(days=days)]["customer_id"].nunique() / count, 3
            )
            for days in (7, 14)
        ]
        expected.append((week, count, *ratios))
    assert answer(warehouse_of_analysts, 1) == expected


def test_what_a_cohort_is_worth(warehouse_of_analysts, shop):
    customers = frame(shop, "customers").drop_duplicates("customer_id", keep="last")
    year = customers.set_index("customer_id")["signed_up_at"].dt.year
    sold, returned = (
        lines(shop, kind).groupby("customer_id")["paid"].sum() for kind in ("sale", "return")
    )
    seen = pd.concat([frame(shop, "orders"), frame(shop, "events")])["customer_id"].dropna()
    net = sold.sub(returned, fill_value=0)
    expected = [
        (
            number,
            len(cohort),
            len(set(cohort.index) & set(seen)),
            pytest.approx(net.reindex(cohort.index).sum()),
            pytest.approx(net.reindex(cohort.index).sum() / len(cohort), abs=0.00501),
        )
        for number, cohort in year.groupby(year)
    ]
    found = [(*row[:3], float(row[3]), float(row[4])) for row in answer(warehouse_of_analysts, 3)]
    assert found == expected


def test_what_is_not_known_is_answered_by_fills_and_told_by_the_checks(warehouse_of_analysts, shop):
    (question,) = [q for q in questions() if q.title.startswith("5. ")]
    coverage, known = question.checks
    end = pd.Timestamp(END)
    spans = {d: (first, last) for d, first, last in warehouse_of_analysts.sql(coverage).fetchall()}
    assert {d: last - end for d, (_, last) in spans.items()} == {
        "daily": pd.Timedelta(hours=3),
        "intraday": pd.Timedelta(minutes=5),
    }
    received = [
        r["received_at"] for t in ("customers", "products", "orders") for r in shop.tables[t]
    ]
    assert spans["daily"][0] == min(received)
    customer = shop.tables["customers"][0]
    asked = known.replace("U0000001", customer["customer_id"])
    assert warehouse_of_analysts.sql(asked).fetchall() == [
        (customer["customer_id"], True, customer["signed_up_at"]),
        ("nobody", False, None),
    ]
    early = pd.Timestamp(min(received)) - pd.Timedelta(days=1)
    for customer_id, as_of in (("nobody", end), (customer["customer_id"], early)):
        spine = f"select '{customer_id}' as customer_id, timestamptz '{as_of}' as as_of"
        features = "customer_favourite_sector, customer_turnover_30d"
        asking = f"with asked as ({spine}) select {features} from feat_customer('asked')"
        assert warehouse_of_analysts.sql(asking).fetchall() == [("unknown", 0)]


def test_what_the_segments_are_worth(warehouse_of_analysts, shop):
    bought = lines(shop, "sale").dropna(subset=["customer_id"])
    buyers, known = bought["customer_id"].nunique(), frame(shop, "customers")["customer_id"]
    orders = bought["order_id"].nunique()
    # Whoever bought did so for the first time in the last 30 days.
    (new, prospect) = answer(warehouse_of_analysts, 4)
    assert (new[0], new[1], new[3]) == ("new", buyers, 1.0)
    assert float(new[2]) == pytest.approx(bought["paid"].sum())
    assert new[4] == pytest.approx(orders / buyers, abs=0.0501)
    assert prospect == ("prospect", known.nunique() - buyers, 0, 0.0, 0.0)


def test_how_fast_a_sale_converts(warehouse_of_analysts, shop):
    rows = [placed(shop, row) for row in shop.tables["orders"] + shop.tables["events"]]
    facts = pd.DataFrame(rows).query("kind != 'return'")
    newest = frame(shop, "campaigns").drop_duplicates("campaign_id", keep="last")
    opened = newest.set_index("campaign_id")["opens_at"]
    since = facts["occurred_at"].dt.floor("15min") - facts["campaign_id"].map(opened)
    facts["minutes"] = since // pd.Timedelta(minutes=15) * 15
    facts["paid"] = facts["quantity"] * facts["unit_price"]
    facts = facts[since >= pd.Timedelta(0)]
    sums = facts.groupby("minutes")["paid"].sum().head(8)
    # Orders are distinct within a campaign, a cluster, a window and a window of receipt.
    placed_once = facts.dropna(subset=["order_id"]).drop_duplicates(
        ["order_id", *CAMPAIGN_WINDOWS.key]
    )
    orders = placed_once.groupby("minutes").size()
    views = facts.query("kind in ('campaign_view', 'product_view')").groupby("minutes").size()
    expected = pd.DataFrame({"views": views, "orders": orders}).reindex(sums.index).fillna(0)
    found = answer(warehouse_of_analysts, 7)
    assert [row[0] for row in found] == sums.index.tolist()
    assert [row[1:3] for row in found] == list(expected.itertuples(index=False, name=None))
    assert [float(row[4]) for row in found] == pytest.approx(sums.tolist())
    assert [row[3] for row in found] == [
        round(orders / views, 3) if views else None for _, views, orders, *_ in found
    ]


def test_who_served_when(warehouse_of_analysts):
    (found,) = answer(warehouse_of_analysts, 11)
    assert found[:2] == ("ranker", 2)
    assert found[2] == pd.Timestamp("2026-11-12T03:00:00Z")
    assert found[5] == "because 2"


def test_what_e_mails_do(warehouse_of_analysts, shop):
    reactions = frame(shop, "email_events")
    # A letter that is opened twice on a day counts once.
    reactions = reactions.assign(day=reactions["occurred_at"].dt.floor("D"))
    reactions = reactions.drop_duplicates(["day", "message_id", "kind"])
    counts = pd.crosstab(monday(reactions["occurred_at"]), reactions["kind"])
    kinds = ("opened", "clicked", "unsubscribed", "complained")
    expected = [
        (week, row["sent"], *(round(row.get(kind, 0) / row["sent"], 4) for kind in kinds))
        for week, row in counts.iterrows()
    ]
    assert answer(warehouse_of_analysts, 8) == expected
