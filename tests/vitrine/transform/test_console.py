"""Whoever queries the warehouse sees columns and a count, and changes nothing."""

import pytest

from vitrine.errors import BadArgumentError, NotPublishedError
from vitrine.interval import Interval
from vitrine.transform import console, publication

DAY = Interval.parse("2026-03-01", "2026-03-02")


@pytest.fixture
def connection(installation, build_file):
    build_file("daily", DAY)
    publication.publish_build(installation, "daily", DAY)
    with console.open_warehouse(installation.paths) as opened:
        yield opened


def test_a_result_has_its_columns_and_its_count(connection, capfd):
    console.show(connection, "select count(*) as day_count from dim_days")
    printed = capfd.readouterr().out
    assert "day_count" in printed
    assert "50" in printed
    assert "(1 row)" in printed


def test_a_long_result_says_how_long_it_is(connection, capfd):
    console.show(connection, "from dim_days")
    assert "(50 rows, 40 are shown)" in capfd.readouterr().out


def test_csv_holds_every_row(connection, capsys):
    console.show(connection, "select day from dim_days order by day", as_csv=True)
    assert capsys.readouterr().out.splitlines() == ["day", *map(str, range(50))]


@pytest.mark.parametrize("query", ["selec 1", "from nowhere", "create table marts.mine (a int)"])
def test_a_query_that_cannot_be_done_is_one_refusal(connection, query):
    with pytest.raises(BadArgumentError, match="the query was refused") as refusal:
        console.show(connection, query)
    assert len(str(refusal.value).splitlines()) == 1


@pytest.mark.parametrize("query", ["copy (select 1) to '{}/leak.csv'", "from read_csv('{}/x.csv')"])
def test_a_query_neither_writes_nor_reads_files(connection, tmp_path, query):
    (tmp_path / "x.csv").write_text("a\n1\n")
    with pytest.raises(BadArgumentError, match="Permission Error"):
        console.show(connection, query.format(tmp_path))
    assert not (tmp_path / "leak.csv").exists()


@pytest.mark.parametrize("query", ["", ";", "-- nothing"])
def test_no_query_is_said_so(connection, query):
    with pytest.raises(BadArgumentError, match="no rows"):
        console.show(connection, query)


def test_the_prompt_goes_on_after_a_mistake(connection, monkeypatch, capfd):
    lines = iter(["from nowhere;", "select", "7 as seven;", "\\q", "select 8 as eight;"])
    monkeypatch.setattr("builtins.input", lambda _: next(lines))
    console.prompt(connection)
    printed = capfd.readouterr()
    assert "nowhere" in printed.err
    assert "seven" in printed.out
    assert "eight" not in printed.out


def test_without_a_warehouse_it_says_what_to_run(installation):
    with (
        pytest.raises(NotPublishedError, match="not published yet"),
        console.open_warehouse(installation.paths),
    ):
        pass
