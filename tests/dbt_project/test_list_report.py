"""The report of a list's nights, from the marts of the small shop."""

import shutil
from dataclasses import replace

import pandas as pd
import pytest
from click.testing import CliRunner

from email_lists.commands import lists
from email_lists.report import figures, page
from email_lists.report.reading import Reported, reported
from tests.dbt_project import small_shop
from vitrine.errors import NotPublishedError
from vitrine.interval import DAY, Interval, midnight
from vitrine.letters import HOLD_OUT
from vitrine.transform.console import open_warehouse

NIGHTS = Interval(small_shop.START + 4 * DAY, small_shop.END)


@pytest.fixture
def daily(warehouse) -> Reported:
    return reported(warehouse, "daily", NIGHTS, "EUR")


def test_it_holds_the_marts_of_its_list_and_nights(daily, shop):
    own = [row for row in shop.letters if row["list"] == "daily"]
    assert daily.arms["letter_count"].sum() == len(own)
    assert list(daily.sizes["night"]) == sorted({row["night"] for row in own})
    assert set(daily.exclusions["night"]) == set(daily.sizes["night"])
    assert daily.stock["letter_count"].sum() == sum(len(row["products"]) for row in shop.letters)
    beside = daily.uplifts.groupby("control")[["arm", "outcome"]].agg(
        lambda each: sorted(set(each))
    )
    assert beside.to_dict("index") == {
        HOLD_OUT: {"arm": ["bold", "standard"], "outcome": ["purchases", "turnover"]},
        "standard": {
            "arm": ["bold"],
            "outcome": ["clicked", "opened", "purchases", "turnover"],
        },
    }
    assert set(daily.uplifts[daily.uplifts["control"] == HOLD_OUT]["control_customer_count"]) == {2}


def test_nights_whose_letters_may_still_sell_are_named(daily):
    assert daily.counting_since == (small_shop.END - 3 * DAY).date()
    later = replace(daily, known_until=small_shop.END + 3 * DAY)
    assert later.counting_since is None
    assert "may still be credited to letters of 2026-04-01" in page.html(daily)
    assert "may still be credited" not in page.html(later)


def test_a_list_without_a_hold_out_says_so_and_compares_its_arms(warehouse, tmp_path):
    weekend = reported(warehouse, "weekend", NIGHTS, "EUR")
    assert set(weekend.uplifts["control"]) == {"standard"}
    assert set(weekend.uplifts["outcome"]) == {"turnover", "purchases", "opened", "clicked"}
    figures.draw(weekend, tmp_path)
    assert not (tmp_path / figures.UPLIFT).exists()
    text = page.html(weekend)
    said = "this cannot be said: nobody was held out in these nights"
    for shown in (text, "\n".join(page.lines(weekend))):
        assert said in shown
        assert "clicked, bold" in shown
    assert all(file.name in text for file in tmp_path.iterdir())


def test_why_people_were_left_out_is_counted_in_whole_people_and_without_those_held_out(daily):
    sizes, reasons = page.sizes(daily), page.exclusions(daily)
    assert {row[2] for row in sizes.rows} == {"2"}, "held out"
    assert "hold out" not in {reason for reason, _ in reasons.rows}
    totals = daily.exclusions.groupby("exclusion")["customer_count"].sum()
    assert reasons.rows[0] == ("no consent", f"{totals['no_consent'] / 8:,.0f}")
    one = daily.exclusions.assign(exclusion="age", customer_count=609)
    assert page.exclusions(replace(daily, exclusions=one[:8])).rows == (("age", "609"),)


def test_where_a_figure_is_unknown_the_page_says_so(daily):
    unknown = daily.uplifts.assign(difference_low=float("nan"), relative=float("nan"))
    tables = list(page.uplift(replace(daily, uplifts=unknown)))
    assert {row[-2:] for table in tables for row in table.rows} == {("–", "–")}
    assert "nan" not in page.html(replace(daily, uplifts=unknown))


def test_nights_without_letters_are_refused(warehouse):
    with pytest.raises(NotPublishedError, match="knows no letter of the list 'monthly'"):
        reported(warehouse, "monthly", NIGHTS, "EUR")


def test_pictures_are_the_same_each_time_and_the_page_shows_them_all(daily, tmp_path):
    drawn = []
    for name in ("once", "again"):
        (tmp_path / name).mkdir()
        figures.draw(daily, tmp_path / name)
        drawn.append({file.name: file.read_bytes() for file in (tmp_path / name).iterdir()})
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 5
    text = page.html(daily)
    assert all(f'src="{name}"' in text for name in drawn[0])


def test_the_arms_figures_add_up_over_the_nights(daily):
    table = page.reactions(daily)
    assert table.head[:3] == ("arm", "letters", "sent")
    counts = {arm: (int(letters), int(sent)) for arm, letters, sent, *_ in table.rows}
    sums = daily.arms.groupby("arm")[["letter_count", "sent_count"]].sum()
    assert counts == {arm: tuple(row) for arm, row in sums.iterrows()}
    turnover = {row[0]: float(row[4].replace(",", "")) for row in page.sales(daily).rows}
    assert turnover == pytest.approx(daily.arms.groupby("arm")["turnover"].sum().to_dict())


def test_offers_are_binned_by_what_was_expected():
    stock = pd.DataFrame({
        "night": [midnight(NIGHTS.start.date())] * 20,
        "campaign_id": "k",
        "product_id": [f"p{n}" for n in range(20)],
        "expected_unit_count": [float(n) for n in range(20)],
        "unit_count": [2 * n for n in range(20)],
    })  # fmt: skip
    expected, sold = figures.binned(stock.sample(frac=1, random_state=1))
    assert expected.tolist() == [n + 0.5 for n in range(0, 20, 2)]
    assert sold.tolist() == [2 * each for each in expected]


def test_the_command_publishes_the_page_and_a_table(built, tmp_path, monkeypatch, installation):
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path))
    (tmp_path / "warehouse").mkdir()
    shutil.copy(built["daily"], tmp_path / "warehouse" / "daily.duckdb")
    asked = ["--start", f"{NIGHTS.start:%Y-%m-%d}", "--end", f"{NIGHTS.end:%Y-%m-%d}"]
    result = CliRunner().invoke(lists, ["report", *asked], catch_exceptions=False)
    assert "What the letters changed" in result.output
    folder = tmp_path / "reports" / "lists" / "daily" / "current"
    assert len(list(folder.glob("*.png"))) == 5
    paths = replace(installation.paths, home=tmp_path)
    with open_warehouse(paths) as connection:
        found = connection.execute(
            "select list_name, arm, control from list_uplifts"
            " where outcome = 'turnover' order by all"
        ).fetchall()
    assert found == [
        ("daily", "bold", "hold_out"),
        ("daily", "bold", "standard"),
        ("daily", "standard", "hold_out"),
    ]
