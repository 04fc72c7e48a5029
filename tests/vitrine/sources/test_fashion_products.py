import hashlib
from pathlib import Path

import pytest

from vitrine.contracts import TABLES
from vitrine.interval import Interval
from vitrine.sources import Batch
from vitrine.sources.fashion_products import HEADER, SOURCE

DAY = Interval.parse("2026-03-01", "2026-03-02")
JPEG = b"\xff\xd8\xff\xe0 pixels \xff\xd9"


def read(folder: Path, *rows: str, images: dict[str, bytes] | None = None) -> Batch:
    (folder / "products.csv").write_text("\n".join([",".join(HEADER), *rows]) + "\n")
    (folder / "images").mkdir()
    for product, data in ({"1": JPEG, "2": JPEG} if images is None else images).items():
        (folder / "images" / f"{product}.jpg").write_bytes(data)
    (drop,) = SOURCE.drops(folder, DAY)
    return SOURCE.read(folder, drop)


def row(product: str = "1", name: str = "Acme Red Shirt", colour: str = "Red", year: str = "2011"):
    return f"{product},Men,Apparel,Topwear,Shirts,{colour},Fall,{year},Casual,{name}"


def reasons(batch: Batch) -> list[tuple]:
    quarantined = batch.quarantined
    return list(
        zip(*(quarantined[name].to_pylist() for name in ("row", "reason", "detail")), strict=True)
    )


def test_a_row_becomes_a_product_with_its_labels_and_its_photograph(tmp_path):
    batch = read(tmp_path, row())
    products = TABLES["products"].conform(batch.tables["products"].drop_columns(["_file", "_row"]))
    assert products.to_pylist() == [
        {
            "product_id": "1",
            "name": "Acme Red Shirt",
            "description": None,
            "brand": "Fashion Products",
            "sector": "Apparel",
            "sub_sector": "Topwear",
            "colour": "Red",
            "audience": "Men",
            "life_stage": None,
            "unit_cost": None,
            "list_price": None,
            "attributes": [
                ("gender", "Men"),
                ("masterCategory", "Apparel"),
                ("subCategory", "Topwear"),
                ("articleType", "Shirts"),
                ("baseColour", "Red"),
                ("season", "Fall"),
                ("year", "2011"),
                ("usage", "Casual"),
            ],
            "received_at": DAY.start,
        }
    ]
    (image,) = batch.tables["product_images"].drop_columns(["_file", "_row"]).to_pylist()
    assert image == {
        "product_id": "1",
        "view": "front",
        "path": "images/1.jpg",
        "sha256": hashlib.sha256(JPEG).hexdigest(),
        "received_at": DAY.start,
    }


def test_a_missing_label_has_no_key(tmp_path):
    batch = read(tmp_path, row(colour="NA", year=""))
    (labels,) = batch.tables["products"]["attributes"].to_pylist()
    assert {"baseColour", "year"}.isdisjoint(dict(labels))
    assert len(labels) == 6
    assert batch.tables["products"]["colour"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("dirty", "images", "reason", "detail"),
    [
        (row("2", name="Shirt, red"), {"2": JPEG}, "malformed", "11 fields instead of 10"),
        (row("../1"), {}, "bad_id", "../1"),
        (row("2", name=" "), {"2": JPEG}, "no_name", "2"),
        (row("1", name="Again"), {}, "duplicate_product", "1"),
        (row("2"), {}, "no_image", "images/2.jpg"),
        (row("2"), {"2": b""}, "unreadable_image", "images/2.jpg"),
        (row("2"), {"2": JPEG[:-4]}, "unreadable_image", "images/2.jpg"),
        (row("2"), {"2": b"\x89PNG pixels"}, "unreadable_image", "images/2.jpg"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_by_its_reason(
    tmp_path, dirty, images, reason, detail
):
    batch = read(tmp_path, row(), dirty, images={"1": JPEG, **images})
    assert reasons(batch) == [(2, reason, detail)]
    assert batch.tables["products"]["product_id"].to_pylist() == ["1"]
    assert batch.tables["product_images"]["product_id"].to_pylist() == ["1"]
    assert (batch.rows_in, batch.accepted) == ({"products.csv": 2}, {"products.csv": 1})


def test_a_catalogue_of_bad_rows_gives_empty_tables(tmp_path):
    batch = read(tmp_path, row(), images={})
    for name in SOURCE.provides:
        rows = batch.tables[name].drop_columns(["_file", "_row"])
        assert TABLES[name].conform(rows).num_rows == 0


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        ("2026-03-01", "2026-03-05", ["2026-03-01"]),
        ("2026-03-01T12:00", "2026-03-03", ["2026-03-02"]),
        ("2026-03-01T12:00", "2026-03-02T12:00", []),
        ("2026-03-01T09:00", "2026-03-01T09:15", []),
    ],
)
def test_the_catalogue_is_the_drop_of_the_first_whole_day(tmp_path, start, end, days):
    (tmp_path / "products.csv").touch()
    found = SOURCE.drops(tmp_path, Interval.parse(start, end))
    assert [str(drop.interval.start.date()) for drop in found] == days


def test_without_a_catalogue_there_is_no_drop(tmp_path):
    assert SOURCE.drops(tmp_path, DAY) == []


@pytest.mark.real_data
def test_the_real_catalogue_is_whole(real_data):
    landing = real_data / "fashion_products"
    (drop,) = SOURCE.drops(landing, DAY)
    batch = SOURCE.read(landing, drop)
    assert batch.rows_in == batch.accepted == {"products.csv": 8000}
    assert batch.tables["product_images"].num_rows == 8000
