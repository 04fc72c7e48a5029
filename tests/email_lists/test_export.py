import csv

import pyarrow as pa
import pytest

from email_lists.composition import compose
from email_lists.export import cells, parts, write


@pytest.fixture(scope="module")
def people(boutique):
    return compose(boutique).people


def named(people, name):
    """Give every product and campaign of the list this name."""
    rows = people.to_pylist()
    for row in rows:
        for shown in row["products"] + row["campaigns"]:
            shown["name"] = name
    return pa.Table.from_pylist(rows, schema=people.schema)


def test_one_part_per_country_and_language(people):
    places = pa.array(["FR", "FR", "BE", "BE"] * 2)
    moved = people.set_column(people.column_names.index("country"), "country", places)
    spoken = pa.array(["fr", "fr", "fr", "nl"] * 2)
    moved = moved.set_column(people.column_names.index("language"), "language", spoken)
    found = {part: rows["customer_id"].to_pylist() for part, rows in parts(moved)}
    assert list(found) == ["BE-fr", "BE-nl", "FR-fr"]
    assert sorted(c for rows in found.values() for c in rows) == people["customer_id"].to_pylist()


def test_a_strange_country_cannot_leave_the_folder(people):
    strange = pa.array(["../../x"] * people.num_rows)
    moved = people.set_column(people.column_names.index("country"), "country", strange)
    assert [part for part, _ in parts(moved)] == ["______x-fr"]


@pytest.mark.parametrize(
    "name",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\n=1", "＝1+1", "=HYPERLINK(1)"],
)
def test_no_cell_can_become_a_formula(people, name):
    for row in cells(named(people, name)).to_pylist():
        assert row["product_1_name"] == f"'{name}"
        assert not any(value.lstrip()[:1] in set("=+-@＝") for value in row.values() if value)


@pytest.mark.parametrize("name", ["mug 4-2", "a=b", "tom@home", "naïve, “quoted” mug", "it's"])
def test_harmless_cells_stay_as_they_are(people, name):
    assert set(cells(named(people, name))["product_1_name"].to_pylist()) == {name}


def test_a_csv_reads_back_as_it_was(people, tmp_path):
    awkward = named(people, 'a "quoted", split\nname; é')
    assert write(awkward, tmp_path / "lists") == {"FR-fr": 8}
    with (tmp_path / "lists" / "FR-fr.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert found == cells(awkward).to_pylist()
    assert found[0]["product_7_price"] == f"{people['products'][0][6]['price'].as_py():.2f}"
    assert found[0]["send_at"] == "2026-03-02T06:30:00Z"
    assert "email_address" not in found[0]


def test_missing_places_are_empty_cells(people):
    rows = people.to_pylist()
    rows[0]["products"] = rows[0]["products"][:2]
    short = cells(pa.Table.from_pylist(rows, schema=people.schema)).to_pylist()[0]
    assert short["product_2_id"]
    assert {short[f"product_{n}_{c}"] for n in range(3, 8) for c in ("id", "name", "price")} == {""}
