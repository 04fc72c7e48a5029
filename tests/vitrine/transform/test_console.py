"""Whoever queries the warehouse sees columns and a count, and changes nothing."""

import os
import re
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from vitrine.errors import BadArgumentError, NotPublishedError
from vitrine.interval import Interval
from vitrine.publish import new_version
from vitrine.settings import REPOSITORY
from vitrine.transform import commands, console, operations, publication

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


def test_each_of_several_results_is_printed(connection, capfd):
    console.show(connection, "select 1 as first; select 2 as second;")
    printed = capfd.readouterr().out
    assert printed.index("first") < printed.index("second")
    assert printed.count("(1 row)") == 2


def test_csv_is_of_one_result(connection, capsys):
    with pytest.raises(BadArgumentError, match="--csv prints one table, and 2 queries"):
        console.show(connection, "select 1; select 2", as_csv=True)
    assert capsys.readouterr().out == ""
    console.show(connection, "create temp table b as select 1 as a; from b", as_csv=True)
    assert capsys.readouterr().out.splitlines() == ["a", "1"]


@pytest.mark.parametrize("query", ["-- how many\nselect 1 as a", "--how=many\nselect 1 as a"])
def test_a_query_may_begin_with_a_comment(connection, installation, monkeypatch, query):
    monkeypatch.setenv("VITRINE_HOME", str(installation.settings.home))
    asked = CliRunner().invoke(commands.sql, ["--csv", query], catch_exceptions=False)
    assert asked.stdout.splitlines() == ["a", "1"]


def test_an_option_that_is_not_there_is_refused():
    refused = CliRunner().invoke(commands.sql, ["--cvs", "select 1"])
    assert refused.exit_code == 2
    assert "--cvs" in refused.output


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
    with pytest.raises(BadArgumentError, match="neither read nor written"):
        console.show(connection, query.format(tmp_path))
    assert not (tmp_path / "leak.csv").exists()


@pytest.fixture
def narrow(monkeypatch):
    """A terminal of 80 characters."""
    monkeypatch.setenv("COLUMNS", "80")


def test_a_row_too_wide_for_the_terminal_takes_a_line_per_column(connection, capfd, narrow):
    names = [f"a_column_with_number_{number}" for number in range(15)]
    query = "select " + ", ".join(f"{n} as {name}" for n, name in enumerate(names))
    console.show(connection, query)
    printed = capfd.readouterr().out
    assert "── row 1 ──" in printed
    for number, name in enumerate(names):
        assert f"\n{name:<25}{number}\n" in printed
    assert "(1 row)" in printed


def test_a_long_text_is_cut_at_the_edge(connection, capfd, narrow):
    console.show(connection, "select repeat('word ', 100) as text, null as nothing")
    lines = capfd.readouterr().out.splitlines()
    assert max(map(len, lines)) == 80
    assert lines[1].endswith("…")
    assert lines[2].split() == ["nothing", "NULL"]


def test_a_column_that_fits_is_not_cut(connection, capfd, narrow):
    console.show(connection, "select repeat('x', 70) as text")
    assert "x" * 70 in capfd.readouterr().out


def test_pages_end_before_the_terminal_is_flooded(connection, capfd, narrow):
    console.show(connection, "select d.*, repeat('x', 90) as x from dim_days as d")
    printed = capfd.readouterr().out
    assert "── row 40 ──" in printed
    assert "(50 rows, 40 are shown)" in printed


@pytest.mark.parametrize("query", ["\\d", "show all tables;", "SHOW TABLES"])
def test_a_listing_has_every_name_and_what_it_is(connection, capfd, narrow, query):
    connection.execute("create table mine as select 1 as one")
    connection.execute("comment on table mine is 'One row: the one. And more.'")
    console.show(connection, query)
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["dim_days", "build_info", "mine"]
    assert lines[-1].split("  ")[-1] == "One row: the one."


def test_one_table_is_described_by_its_columns(connection, capfd, installation):
    operations.publish_records(installation.paths, 3)
    with console.open_warehouse(installation.paths) as opened:
        console.show(opened, "\\d marts.rpt_runs")
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["run_id", "varchar", "When"]
    (stage,) = [line for line in lines if line.startswith("stage ")]
    assert "The command, such as build" in stage


def test_what_is_not_there_cannot_be_described(connection):
    with pytest.raises(BadArgumentError, match="no such table"):
        console.show(connection, "\\d nowhere")


def test_published_files_are_tables(connection, installation, capsys):
    paths = installation.paths
    with new_version(paths.scores, "20260302T0330") as folder:
        pq.write_table(pa.table({"score": [0.25]}), folder / "campaign_scores.parquet")
    for number, name in enumerate(["20260301T0000", "20260302T0000"]):
        paths.examples.mkdir(exist_ok=True)
        pq.write_table(pa.table({"number": [number]}), paths.examples / f"{name}.parquet")
    query = "select score, number from campaign_scores, training_examples"
    with console.open_warehouse(paths) as opened:
        console.show(opened, query, as_csv=True)
    assert capsys.readouterr().out.split() == ["score,number", "0.25,1"]


def test_the_newest_leaderboard_is_a_table_and_all_kept_ones_another(
    connection, installation, capsys
):
    for name, value in (("20260302T0000", 0.1), ("20260309T0000", 0.2)):
        with new_version(installation.paths.evaluations, name) as folder:
            pq.write_table(pa.table({"value": [value]}), folder / "leaderboard.parquet")
    query = "select l.value, count(*) as n from leaderboard as l, leaderboard_history group by all"
    with console.open_warehouse(installation.paths) as opened:
        console.show(opened, query, as_csv=True)
    assert capsys.readouterr().out.split() == ["value,n", "0.2,2"]


def test_an_evaluation_s_tables_are_described(connection, installation, capfd):
    with new_version(installation.paths.evaluations, "20260302T0000") as folder:
        pq.write_table(pa.table({"run": ["a"], "low": [0.5]}), folder / "leaderboard.parquet")
    with console.open_warehouse(installation.paths) as opened:
        console.show(opened, "\\d")
        console.show(opened, "\\d leaderboard_history")
    printed = capfd.readouterr().out
    said = "leaderboard One row per model, week, slice and metric of the current evaluation."
    assert said in " ".join(printed.split())
    (described,) = [line for line in printed.splitlines() if line.startswith("run ")]
    assert "Name of the evaluation's folder" in described


def test_what_the_classifier_says_of_products_is_described(connection, installation, capfd):
    with new_version(installation.paths.embeddings, "20260302T0000") as folder:
        row = pa.table({"product_id": ["a"], "label": ["red"], "source": ["given"]})
        pq.write_table(row, folder / "product_attributes.parquet")
    with console.open_warehouse(installation.paths) as opened:
        console.show(opened, "select label, source from product_attributes", as_csv=True)
        console.show(opened, "\\d product_attributes")
        console.show(opened, "\\d")
    printed = capfd.readouterr().out
    assert "red,given" in printed
    assert "source varchar given (by the shop), predicted" in " ".join(printed.split())
    assert "product_attributes One row per product and task" in " ".join(printed.split())


def test_photographs_that_cannot_be_used_are_a_table(connection, installation, capfd):
    file = installation.paths.quarantined_images
    file.parent.mkdir()
    pq.write_table(pa.table({"path": ["a.png"], "reason": ["truncated"]}), file)
    with console.open_warehouse(installation.paths) as opened:
        console.show(opened, "from quarantined_images", as_csv=True)
        console.show(opened, "\\d quarantined_images")
    printed = " ".join(capfd.readouterr().out.split())
    assert "a.png,truncated" in printed
    assert "path varchar File, relative to the landing folder." in printed


def test_the_questions_about_labels_have_answers(connection, installation, capsys):
    rows = [
        ("a", "colour", "red", "given", "blue", 0.9, True),
        ("b", "colour", "blue", "predicted", "blue", 0.8, False),
        ("c", "colour", None, "ask a person", "red", 0.4, False),
    ]
    names = ("product_id", "task", "label", "source", "guess", "guess_probability", "is_disputed")
    with new_version(installation.paths.embeddings, "20260302T0000") as folder:
        columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        pq.write_table(pa.table(columns), folder / "product_attributes.parquet")
    page = (REPOSITORY / "docs" / "labels.md").read_text()
    with console.open_warehouse(installation.paths) as opened:
        for query in re.findall(r"```sql\n(.*?)```", page, re.DOTALL):
            console.show(opened, query, as_csv=True)
    assert capsys.readouterr().out.splitlines()[1::2] == [
        "colour,1,1,1",
        "c,colour,red,0.4",
        "a,colour,red,blue,0.9",
    ]


def test_the_history_holds_each_run_once_also_those_aside(connection, installation, capsys):
    root = installation.paths.evaluations
    for place, name in ((root, "20260302T0000-a"), (root, "20260302T0000-a"),
                        (root / "aside", "20260302T0000-b")):  # fmt: skip
        with new_version(place, name) as folder:
            pq.write_table(pa.table({"run": [name[-1]]}), folder / "leaderboard.parquet")
    query = "select h.run, l.run from leaderboard_history as h, leaderboard as l order by 1"
    with console.open_warehouse(installation.paths) as opened:
        console.show(opened, query, as_csv=True)
    assert capsys.readouterr().out.split()[1:] == ["a,a", "b,a"]


def test_versions_of_the_classifier_are_compared_in_one_table(connection, installation, capfd):
    root = installation.paths.classifier_evaluations
    for place, run, version in (
        (root, "20260302T0000-a", 2),
        (root / "aside", "20260302T0000-b", 1),
    ):
        with new_version(place, run) as folder:
            rows = pa.table({"run": [run], "version": [version], "value": [version / 10]})
            pq.write_table(rows, folder / "classifier_scores.parquet")
    query = (
        "select h.version, c.value from classifier_scores_history h, classifier_scores c order by 1"
    )
    with console.open_warehouse(installation.paths) as opened:
        console.show(opened, query, as_csv=True)
        console.show(opened, "\\d classifier_scores_history")
    printed = capfd.readouterr().out
    assert printed.split()[:3] == ["version,value", "1,0.2", "2,0.2"]
    (described,) = [line for line in printed.splitlines() if line.startswith("version ")]
    assert "Registered version of the classifier" in described


@pytest.mark.parametrize("query", ["", ";", "-- nothing"])
def test_no_query_is_said_so(connection, query):
    with pytest.raises(BadArgumentError, match="no rows"):
        console.show(connection, query)


def typed(installation, lines):
    """Let somebody pipe lines into `vitrine sql`; return the finished process."""
    return subprocess.run(
        [sys.executable, "-c", "from vitrine.cli import main; main()", "sql"],
        input="".join(f"{line}\n" for line in lines),
        env={**os.environ, "VITRINE_HOME": str(installation.settings.home)},
        capture_output=True,
        text=True,
        check=True,
    )


def test_the_prompt_goes_on_after_a_mistake(connection, installation):
    lines = ["from nowhere;", "select", "7 as seven;", "\\q", "select 8 as eight;"]
    printed = typed(installation, lines)
    assert "nowhere" in printed.stderr
    assert "seven" in printed.stdout
    assert "eight" not in printed.stdout


def test_the_prompt_turns_pages_on_and_off(connection, installation):
    lines = ["\\x", "select 7 as seven;", "\\x", "select 8 as eight;", "\\d nowhere", "\\q"]
    printed = typed(installation, lines)
    assert "seven  7" in printed.stdout
    assert "│     8 │" in printed.stdout
    assert "no such table" in printed.stderr


def test_without_a_warehouse_it_says_what_to_run(installation):
    with (
        pytest.raises(NotPublishedError, match="not published yet"),
        console.open_warehouse(installation.paths),
    ):
        pass
