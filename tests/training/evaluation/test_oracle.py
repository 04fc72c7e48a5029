"""The oracle on the truth of a small simulated shop, beside a slow loop over the same files."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.training.ranker import taste_shop
from training.evaluation import tables
from training.evaluation.judging import Judge
from training.evaluation.leaderboard import COVERED, TOGETHER, table
from training.evaluation.oracle import Oracle, distance_covered
from training.evaluation.roster import models
from training.ranker.features import Catalogue, FeatureReader
from vitrine import warehouse
from vitrine.errors import BadInputError
from vitrine.interval import DAY, Interval
from vitrine.paths import Paths
from vitrine.simulator.shop import MARKETS, Shop
from vitrine.simulator.simulation import Simulation
from vitrine.simulator.truth import TruthWriter

FOUNDED = date(2026, 3, 1)
DAYS = 4


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> Paths:
    """A home with the truth of four days."""
    home = tmp_path_factory.mktemp("home")
    made = Paths(landing=home / "landing", home=home)
    simulation = Simulation(Shop.of_size(27, 60, FOUNDED), since=0)
    writer = TruthWriter(made.truth, simulation.people, FOUNDED)
    simulation.observe_with(writer.observe)
    for number in range(DAYS):
        simulation.advance()
        writer.write(FOUNDED + timedelta(days=number))
    return made


@pytest.fixture(scope="module")
def truth(paths) -> dict[tuple[str, str, str], float]:
    """Day, customer and campaign -> utility."""
    return {
        (file.stem, row["customer_id"], row["campaign_id"]): row["utility"]
        for file in sorted((paths.truth / "tastes").glob("*.parquet"))
        for row in pq.read_table(file).to_pylist()
    }


@pytest.fixture(scope="module")
def reader(truth):
    """What the shop said of its campaigns and customers, as the warehouse keeps it."""
    zones = {market.country: market.timezone for market in MARKETS}
    campaigns = sorted({campaign for _, _, campaign in truth})
    known = pd.DataFrame(
        {"campaign_id": campaigns, "available_at": datetime(2026, 1, 1, tzinfo=UTC)}
    )
    known["country"] = known["campaign_id"].str[9:11]
    known["timezone"] = known["country"].map(zones)
    people = {customer: campaign[9:11] for _, customer, campaign in truth}
    customers = pd.DataFrame({"customer_id": list(people), "country": list(people.values())})
    customers["available_at"] = datetime(2026, 1, 1, tzinfo=UTC)
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as daily; create schema daily.intermediate")
        connection.execute("create table daily.intermediate.int_campaigns as from known")
        connection.execute("create table daily.intermediate.int_customers as from customers")
        yield FeatureReader(connection, Catalogue((), (), ()))


@pytest.fixture(scope="module")
def candidates(reader, truth):
    """All customers before and after the opening, and around the midnights of Paris and London."""
    days = [datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)]
    instants = [day + timedelta(hours=hour) for day in days for hour in (5, 12, 22, 23)]
    customers = [*sorted({customer for _, customer, _ in truth}), "stranger"]
    campaigns = sorted({campaign for _, _, campaign in truth})
    return reader.candidates(product("customer_id", customers, instants),
                             product("campaign_id", campaigns, instants))  # fmt: skip


def product(name, values, instants):
    rows = [(instant, value) for instant in instants for value in values]
    frame = pd.DataFrame(rows, columns=["as_of", name])
    frame["as_of"] = frame["as_of"].astype("datetime64[us, UTC]")
    return frame


def slow_utility(truth, customer, campaign, as_of):
    zone = next(market.timezone for market in MARKETS if market.country == campaign[9:11])
    day = as_of.to_pydatetime().astimezone(ZoneInfo(zone)).date()
    for known_on in (day, day - timedelta(days=1)):
        if (known_on.isoformat(), customer, campaign) in truth:
            return truth[known_on.isoformat(), customer, campaign]
    return None


def test_scores_are_the_utilities_of_a_slow_loop_and_the_unknown_comes_last(
    paths, reader, truth, candidates
):
    score_chunk = Oracle(paths.truth / "tastes", reader).prepared(candidates)
    found, before, unknown = [], 0, []
    for chunk in candidates.chunks(max_pairs=2000):
        list_R, campaign_R = chunk.pairs()
        for place, campaign, score in zip(
            list_R, campaign_R, score_chunk(chunk, list_R, campaign_R), strict=True
        ):
            customer, as_of = (
                chunk.lists.iloc[place]["customer_id"],
                chunk.lists.iloc[place]["as_of"],
            )
            name = candidates.campaigns["campaign_id"][campaign]
            expected = slow_utility(truth, customer, name, as_of)
            if expected is None:
                unknown.append(score)
            else:
                found.append((score, expected))
                before += (as_of.date().isoformat(), customer, name) not in truth
    scores, expected = np.array(found).T
    assert scores.tolist() == expected.tolist()
    assert before > 100
    assert unknown
    assert max(unknown) < min(scores)


def test_a_list_is_kept_where_the_truth_knows_its_customer_on_that_day(
    paths, reader, truth, candidates
):
    oracle = Oracle.of(paths, reader)
    assert oracle is not None
    is_kept_L = oracle.utilities(candidates).is_kept(candidates)
    lists, names = candidates.lists, candidates.campaigns["campaign_id"].to_numpy()
    customers, instants = lists["customer_id"].to_numpy(), list(lists["as_of"])
    expected = {
        place
        for place, campaign in zip(*candidates.pairs(), strict=True)
        if slow_utility(truth, customers[place], names[campaign], instants[place]) is not None
    }
    assert set(np.flatnonzero(is_kept_L)) == expected
    assert not is_kept_L[customers == "stranger"].any()
    # Who registers in these days has no truth before.
    assert 0 < is_kept_L.sum() < (customers != "stranger").sum()


def test_a_home_without_a_truth_has_no_oracle(reader, tmp_path):
    assert Oracle.of(Paths(landing=tmp_path, home=tmp_path), reader) is None


def test_the_distance_is_a_share_and_nothing_where_there_is_no_way_to_go():
    popularity, oracle = np.array([0.1, 0.1, 0.3]), np.array([0.5, 0.3, 0.3])
    for share in (0.0, 0.25, 1.0, -0.5):
        model = popularity + share * (oracle - popularity)
        covered = distance_covered(model, popularity, oracle)
        assert covered[:2] == pytest.approx([share, share])
        assert np.isnan(covered[2])


def write_tastes(folder, day):
    """Tell that the even customers of the taste shop want their favourite sector, on one day."""
    wanted = [
        (f"c{number}", row["campaign_id"], float(row["sector"] == taste_shop.SECTORS[number % 10]))
        for number in range(0, taste_shop.CUSTOMERS, 2)
        for row in taste_shop.draw(seed=3).tables["campaigns"]
        if row["country"] == "FR"
    ]
    rows = pd.DataFrame(wanted, columns=["customer_id", "campaign_id", "utility"])
    folder.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(folder / f"{day.date().isoformat()}.parquet")


def test_a_home_with_a_truth_judges_its_customers_alone_and_tells_the_distance(
    installation, tmp_path
):
    (tmp_path / "warehouse").symlink_to(installation.paths.warehouse)
    settings = installation.settings.model_copy(update={"home": tmp_path, "torch_threads": 1})
    week = Interval(taste_shop.END - 7 * DAY, taste_shop.END)
    with warehouse.connect(installation.paths) as connection:
        reader = FeatureReader(connection, Catalogue.load())
        assert "oracle" not in models(Paths.of(settings))
        for number in range(8):
            write_tastes(tmp_path / "truth" / "tastes", week.start + number * DAY)
        judge = Judge(settings, reader)
        names = ["oracle", "popularity_7d", "item_knn"]
        judged = [found for found, _ in judge.judged([week], names)]
        rows = table(judged, seed=1, reference="popularity_7d")
    judges_of = {name for each in judged for name in each.judgement.ranks.customer_L}
    assert judges_of
    assert all(int(name[1:]) % 2 == 0 for name in judges_of)
    chosen = rows[(rows["metric"] == COVERED) & (rows["week"] == TOGETHER)]
    covered: dict[Any, Any] = {
        row.model: row for row in chosen[chosen["slice"] == "all"].itertuples()
    }
    for name, share in (("oracle", 1.0), ("popularity_7d", 0.0)):
        assert [covered[name].value, covered[name].low, covered[name].high] == pytest.approx(
            [share] * 3
        )
    # Each campaign lives three days, so what customers bought before says next to nothing.
    assert abs(covered["item_knn"].value) < 0.25
    assert covered["item_knn"].low < covered["item_knn"].value < covered["item_knn"].high
    assert tables.distances(rows)[0][:2] == ["model", "all"]


def test_a_truth_of_other_weeks_is_refused_with_what_to_do(paths, reader, candidates):
    later = candidates.campaigns.assign(as_of=candidates.campaigns["as_of"] + timedelta(days=300))
    lists = candidates.lists.assign(as_of=candidates.lists["as_of"] + timedelta(days=300))
    with pytest.raises(BadInputError, match="says nothing about these weeks; simulate them"):
        Oracle(paths.truth / "tastes", reader).knows(reader.candidates(lists, later))
