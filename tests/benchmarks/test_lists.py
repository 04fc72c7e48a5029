"""The parts of `benchmarks.lists`, on a shop of two hundred."""

import json

import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from benchmarks import lists
from benchmarks.listed_shop import Sizes
from benchmarks.lists_phases import PARTS, people_of
from email_lists.people import SCHEMA


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lists")
    sizes = Sizes(200, campaigns=12, past_products=200, scores_kept=6)
    return folder, {part: PARTS[part](sizes, folder) for part in lists.PARTS}


def test_everybody_is_listed_or_excluded_and_no_stock_is_promised_twice(figures):
    folder, found = figures
    build = found["build"]
    assert build["listed"] + build["excluded"] == build["customers"] == 200
    assert build["offers_over"] == 0
    assert pq.read_schema(people_of(folder)).equals(SCHEMA)


def test_the_gate_looks_at_each_letter_and_finds_all_in_order(figures):
    folder, found = figures
    gate, people = found["gate"], pq.read_table(people_of(folder))
    assert gate["broken"] == []
    assert gate["letters"] == found["build"]["listed"] == people.num_rows
    shown = sum(len(row) for name in ("products", "campaigns") for row in people[name].to_pylist())
    assert gate["rows"] > gate["letters"] + shown


def test_each_file_holds_everybody_once(figures):
    folder, found = figures
    listed = found["build"]["listed"]
    assert found["export_csv"]["rows"] == found["export_all"]["rows"] == listed > 0
    written = [csv.read_csv(file) for file in (folder / "csv").glob("*.csv")]
    assert sum(table.num_rows for table in written) == listed
    assert csv.read_csv(folder / "plain.csv").num_rows == listed
    top = pq.read_table(folder / "top.parquet").to_pandas().groupby("customer_id").size()
    assert len(top) == 200
    assert top.max() <= 10


def test_a_table_says_what_was_met(figures):
    _, found = figures
    parts = {part: {"peak_memory_bytes": 9e9} | values for part, values in found.items()}
    machine = {"cores": 2, "memory_bytes": 2.5e10, "load": 0.1}
    text = "\n".join(lists.table({"customers": 1_000_000, "machine": machine} | parts))
    assert "| peak memory, GB | at most 8 | 9.0 | **MISSED** |" in text
    assert "| met |" in text
    json.dumps(parts)
