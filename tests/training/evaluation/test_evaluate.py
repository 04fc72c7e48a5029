"""The back-test on a flash-sale shop with a planted taste, and on what a slow loop makes of it."""

import re
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from tests.training.ranker import taste_shop
from training.evaluation import publication
from training.evaluation.backtest import Week, weeks_before
from training.evaluation.leaderboard import TOGETHER
from training.evaluation.published import ASIDE
from training.evaluation.roster import ROSTER
from training.peers.history import History
from vitrine.interval import DAY, Interval, format_instant, parse_instant
from vitrine.publish import current_version, new_version
from vitrine.settings import REPOSITORY

MODELS = "ranker,popularity_7d,repurchase,item_knn,ease,als"
WEEK = Interval(taste_shop.END - 7 * DAY, taste_shop.END)


@pytest.fixture(scope="module")
def rows(installation, run) -> pd.DataFrame:
    code, printed = run("evaluate", "--as-of", format_instant(taste_shop.END), "--weeks", "2",
                        "--models", MODELS)  # fmt: skip
    assert code == 0, printed
    assert printed.count("fitted in") == 2 * 6
    assert "Kendall's τ" in printed
    folder = current_version(installation.paths.home / "evaluations")
    assert (folder / "cumulative_rank.png").stat().st_size > 10_000
    assert "## All lists" in (folder / "leaderboard.md").read_text()
    return pd.read_parquet(folder / "leaderboard.parquet")


def value(rows, model, metric="map_at_12", slice_="all", week=TOGETHER):
    chosen = rows[(rows["model"] == model) & (rows["metric"] == metric)]
    chosen = chosen[(chosen["slice"] == slice_) & (chosen["week"] == week)]
    (found,) = chosen["value"]
    return found


def test_a_model_that_can_see_the_taste_wins_and_memory_of_campaigns_is_no_help(rows):
    best_peer = max(value(rows, model) for model in MODELS.split(",")[1:])
    assert value(rows, "ranker") > 1.5 * best_peer
    assert value(rows, "ranker", "collective_auc") > 0.8
    # Every sector sells alike, so what is popular is a matter of chance.
    assert value(rows, "popularity_7d", "collective_auc") == pytest.approx(0.5, abs=0.06)


def test_intervals_hold_the_mean_and_all_weeks_hold_each(rows):
    bounded = rows.dropna(subset=["low"])
    assert (bounded["low"] <= bounded["value"] + 1e-12).all()
    assert (bounded["value"] <= bounded["high"] + 1e-12).all()
    weeks = rows[(rows["slice"] == "all") & (rows["metric"] == "map_at_12")]
    for _, each in weeks.groupby("model"):
        parts = each[each["week"] != TOGETHER]
        mean = np.average(parts["value"], weights=parts["list_count"])
        assert mean == pytest.approx(value(rows, each["model"].iloc[0]))


def test_lists_and_what_is_relevant_are_those_of_a_slow_loop(reader):
    shop = taste_shop.draw(seed=3)
    week = Week.of(reader, WEEK)
    expected = set()
    for line in shop.tables["orders"]:
        hour = line["occurred_at"].replace(minute=0, second=0, microsecond=0)
        if WEEK.start <= line["received_at"] < WEEK.end and hour >= WEEK.start:
            expected.add((line["customer_id"], hour, line["campaign_id"]))
    lists, campaigns = week.candidates.lists, week.candidates.campaigns
    found = {
        (
            lists["customer_id"][place],
            lists["as_of"][place].to_pydatetime(),
            campaigns["campaign_id"][campaign],
        )
        for place, campaign in week.relevant
    }
    assert found == expected
    bought = {
        (lists["customer_id"][place], lists["as_of"][place], campaigns["campaign_id"][campaign])
        for place, campaign in week.bought
    }
    before = set()
    for place, campaign in np.ndindex(len(lists), len(campaigns)):
        start = week.candidates.start_L[place]
        if not start <= campaign < start + week.candidates.count_L[place]:
            continue
        customer, as_of = lists["customer_id"][place], lists["as_of"][place]
        name = campaigns["campaign_id"][campaign]
        if any(
            line["customer_id"] == customer
            and line["campaign_id"] == name
            and line["occurred_at"] < as_of
            for line in shop.tables["orders"]
        ):
            before.add((customer, as_of, name))
    assert bought == before


def test_a_thinned_week_keeps_some_lists_spread_over_it_and_all_that_belongs_to_them(reader):
    whole, thin = Week.of(reader, WEEK), Week.of(reader, WEEK, max_lists=7)
    lists = thin.candidates.lists
    assert len(lists) == 7
    assert lists["as_of"].iloc[0] == whole.candidates.lists["as_of"].iloc[0]
    assert lists["as_of"].iloc[-1] == whole.candidates.lists["as_of"].iloc[-1]
    merged = whole.candidates.lists.reset_index().merge(lists, on=["customer_id", "as_of"])
    of_kept = np.isin(whole.relevant[:, 0], merged["index"])
    assert named(thin, thin.relevant) == named(whole, whole.relevant[of_kept])
    assert thin.is_unsold_P.tolist() == whole.is_unsold_P[of_kept].tolist()
    assert {len(is_kept_L) for is_kept_L in thin.slices.values()} == {7}


def named(week, places):
    lists, campaigns = week.candidates.lists, week.candidates.campaigns["campaign_id"]
    return [
        (lists["customer_id"][at], lists["as_of"][at], campaigns[campaign])
        for at, campaign in places
    ]


def test_a_peer_learns_nothing_from_the_week_itself(reader):
    start = reader.build_info().data.start
    purchases = reader.purchases(Interval(start, WEEK.start))
    history = History.of(purchases, WEEK.start)
    assert history.age_days_P.min() >= 0
    assert history.by_order().sum() == history.by_customer(np.ones(len(history.order_P))).sum()


def test_a_history_as_numbers_is_that_of_the_purchases(reader):
    purchases = reader.purchases(Interval(reader.build_info().data.start, WEEK.start))
    found, expected = reader.history(WEEK.start), History.of(purchases, WEEK.start)
    assert len(found.order_P) > 100
    for name, value in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), value)


def test_the_last_weeks_end_with_the_instant():
    first, last = weeks_before(taste_shop.END, 2)
    assert (last.end, last.start, first.end) == (WEEK.end, WEEK.start, WEEK.start)
    assert last.end - last.start == timedelta(days=7)


def test_an_unknown_model_is_refused_with_the_known_ones(run):
    code, printed = run("evaluate", "--as-of", format_instant(taste_shop.END), "--models", "oracle")
    assert code == 2
    assert "there is no model oracle; there are ranker, blend" in printed


def test_no_model_is_not_all_models(run):
    code, printed = run("evaluate", "--as-of", format_instant(taste_shop.END), "--models", " ,")
    assert code == 2
    assert "--models names no model; leave it out for all" in printed


def test_weeks_before_the_data_are_refused_with_how_many_fit(run, reader):
    start = reader.build_info().data.start
    fitting = (taste_shop.END - start - timedelta(microseconds=1)) // timedelta(days=7)
    code, printed = run("evaluate", "--as-of", format_instant(taste_shop.END), "--weeks",
                        str(fitting + 1), "--models", "popularity_7d")  # fmt: skip
    assert code == 2
    assert f"the data begin at {format_instant(start)}" in printed
    assert f"ask for --weeks {fitting} or fewer" in printed
    code, printed = run("evaluate", "--as-of", format_instant(start + timedelta(days=7)),
                        "--weeks", "1", "--models", "popularity_7d")  # fmt: skip
    assert code == 2
    assert "no whole weeks that end by" in printed


def test_a_quick_look_is_kept_aside(rows, run, installation):
    root = installation.paths.evaluations
    current, versions = current_version(root), sorted((root / "versions").iterdir())
    code, printed = run("evaluate", "--as-of", format_instant(taste_shop.END), "--weeks", "1",
                        "--models", "popularity_7d,ease")  # fmt: skip
    assert code == 0, printed
    assert "kept aside: the current evaluation compares als and 3 others" in printed
    aside = current_version(root / ASIDE)
    assert f"leaderboard_history where run = '{aside.name}'" in printed
    assert (current_version(root), sorted((root / "versions").iterdir())) == (current, versions)
    found = pd.read_parquet(aside / "leaderboard.parquet")
    assert {*found["run"]} == {aside.name}
    assert {*found["weeks"]} == {1}
    assert {*found["reference"]} == {"popularity_7d"}


def evaluated(models=("a", "b"), weeks=2):
    cells = [(model, f"week {n}") for model in models for n in range(weeks)]
    return pd.DataFrame(cells, columns=["model", "week"])


@pytest.mark.parametrize(
    ("shown", "days", "is_choice", "reason"),
    [
        (evaluated(), 0, False, ""),
        (evaluated(), 7, False, ""),
        (evaluated(["a"]), 0, False, ""),  # the roster has lost a model
        (evaluated(["a", "b", "c"]), 0, True, ""),
        (evaluated(weeks=1), 7, False, ""),
        (evaluated(weeks=1), 0, False, "of 2 weeks that end then"),
        (evaluated(["a"]), 7, True, "compares b, which this one does not"),
        (evaluated(), -7, False, "as of 2026-03-16T00:00:00Z, which is later"),
    ],
)
def test_only_what_shows_no_less_takes_the_place_of_the_current_one(
    shown, days, is_choice, reason, tmp_path
):
    as_of = parse_instant("2026-03-16")
    assert publication.why_aside(tmp_path, evaluated(), is_choice=True) == ""
    with new_version(tmp_path, "first") as folder:
        first = publication.named(evaluated(), as_of, "a")
        first.to_parquet(folder / publication.LEADERBOARD)
    rows = publication.named(shown, as_of + timedelta(days=days), "a")
    found = publication.why_aside(tmp_path, rows, is_choice=is_choice)
    assert reason in found
    assert bool(reason) == bool(found)


def test_a_run_s_name_stands_for_its_rows_and_reference():
    as_of = parse_instant("2026-03-16")
    runs = [
        publication.named(rows, as_of, reference)["run"].iloc[0]
        for rows, reference in (
            (evaluated(), "a"), (evaluated(), "a"), (evaluated(), "b"), (evaluated(weeks=1), "a"),
        )
    ]  # fmt: skip
    assert runs[0] == runs[1]
    assert len({*runs}) == 3


def test_the_documentation_names_every_model():
    text = (REPOSITORY / "docs" / "evaluation.md").read_text()
    _, _, table = text.partition("## The models")
    table, _, _ = table.partition("## Slices")
    written = {name.removeprefix("popularity") for name in re.findall(r"`(\w+)`", table)}
    assert {name.removeprefix("popularity") for name in ROSTER} <= written
