"""Golden rows of the flash-sale format, and a simulated drop whose books balance."""

import gzip
import re
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from vitrine.contracts import TABLES
from vitrine.errors import BadInputError
from vitrine.interval import DAY, QUARTER_HOUR, Interval, format_instant
from vitrine.simulator.raw_format import COLUMNS
from vitrine.simulator.shop import Shop
from vitrine.simulator.writing import write_interval
from vitrine.sources import Batch, Drop
from vitrine.sources.flash_sale import SOURCE

INTERVAL = Interval.parse("2026-03-29", "2026-03-30")
ORDER = {
    "order_id": "O1",
    "line": "1",
    "customer_id": "U1",
    "product_id": "P1",
    "campaign_id": "C1",
    "quantity": "2",
    "unit_price": "19.90",
    "channel": "web",
    "kind": "sale",
    "occurred_at": "2026-03-29T07:00:01+02:00",
    "received_at": "2026-03-29T07:00:09+02:00",
}
CUSTOMER = {
    "customer_id": "U1",
    "signed_up_at": "2026-03-01T10:00:00+01:00",
    "birth_year": "1980",
    "gender": "F",
    "socio_professional_group": "",
    "country": "FR",
    "postal_code": "01000",
    "language": "fr",
    "timezone": "Europe/Paris",
    "received_at": "2026-03-29T07:00:09+02:00",
}
PRODUCT = {
    "product_id": "P1",
    "name": "Alanza lamp",
    "description": 'A ""bright"", warm lamp',
    "brand": "Alanza",
    "sector": "home",
    "sub_sector": "lamps",
    "colour": "",
    "audience": "everyone",
    "life_stage": "any",
    "unit_cost": "12.50",
    "list_price": "40.00",
    "attributes": "colour=red|season=a=b|composition=silk+cotton",
    "received_at": "2026-03-29T07:00:09+02:00",
}


def read(folder: Path, table: str, *rows: dict[str, str], extra: bytes = b"") -> Batch:
    """Read a drop of one table whose fields are all quoted, with raw bytes after the last row."""
    header = [name for name, _ in COLUMNS[table]]
    lines = [",".join(header)]
    lines += [",".join(f'"{row[name]}"' for name in header) for row in rows]
    file = folder / table / "20260329T0000-20260330T0000.csv.gz"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode() + extra))
    return SOURCE.read(folder, Drop(INTERVAL, (file,)))


def conformed(batch: Batch, table: str) -> list[dict]:
    rows = batch.tables[table].drop_columns(["_file", "_row"])
    return TABLES[table].conform(rows).to_pylist()


def test_an_order_line_is_typed(tmp_path: Path):
    [row] = conformed(read(tmp_path, "orders", ORDER), "orders")
    assert (row["line"], row["quantity"], row["unit_price"]) == (1, 2, 19.9)
    assert format_instant(row["occurred_at"]) == "2026-03-29T05:00:01Z"
    assert row["kind"] == "sale"


def test_a_customer_gets_a_cluster_and_empty_fields_are_null(tmp_path: Path):
    nobody = CUSTOMER | {"customer_id": "U2", "gender": "", "birth_year": ""}
    known, unknown = conformed(read(tmp_path, "customers", CUSTOMER, nobody), "customers")
    assert known["gender"] == "female"
    assert known["demographic_cluster"] == "female:35-49:FR"
    assert known["socio_professional_group"] is None
    assert unknown["demographic_cluster"] == "unknown:unknown:FR"
    assert known["postal_code"] == "01000"


def test_a_products_labels_become_a_map(tmp_path: Path):
    bare = PRODUCT | {"product_id": "P2", "attributes": ""}
    labelled, plain = conformed(read(tmp_path, "products", PRODUCT, bare), "products")
    assert dict(labelled["attributes"]) == {
        "colour": "red",
        "season": "a=b",
        "composition": "silk|cotton",
    }
    assert list(plain["attributes"]) == []
    assert labelled["colour"] is None
    assert labelled["description"] == 'A "bright", warm lamp'


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("order_id", "", "bad_order_id"),
        ("line", "0", "bad_line"),
        ("quantity", "two", "bad_quantity"),
        ("quantity", "0", "bad_quantity"),
        ("quantity", "99999999999", "bad_quantity"),
        ("unit_price", "-1.00", "bad_unit_price"),
        ("unit_price", "1e3", "bad_unit_price"),
        ("kind", "gift", "bad_kind"),
        ("occurred_at", "31/02/2026 25:61", "bad_occurred_at"),
        ("occurred_at", "2026-02-31T10:00:00+01:00", "bad_occurred_at"),
        ("occurred_at", "2026-03-29T10:00:00", "bad_occurred_at"),
        ("received_at", "2026-03-30T02:00:00+02:00", "bad_received_at"),
        ("received_at", "", "bad_received_at"),
    ],
)
def test_a_malformed_line_is_refused_with_file_row_and_reason(
    tmp_path: Path, column: str, value: str, reason: str
):
    batch = read(tmp_path, "orders", ORDER, ORDER | {column: value}, ORDER)
    [refused] = batch.quarantined.to_pylist()
    assert refused["file"] == "orders/20260329T0000-20260330T0000.csv.gz"
    assert (refused["row"], refused["table"], refused["reason"]) == (2, "orders", reason)
    assert value in refused["detail"]
    assert batch.tables["orders"]["_row"].to_pylist() == [1, 3]


@pytest.mark.parametrize("path", ["/etc/passwd", "../a.png", "images/../../a.png", "..", "a\\b"])
def test_a_photograph_lies_in_the_landing_folder(tmp_path: Path, path: str):
    image = {"product_id": "P1", "view": "front", "path": "images/P..1/a..png", "sha256": "0" * 64}
    image |= {"received_at": ORDER["received_at"]}
    batch = read(tmp_path, "product_images", image, image | {"view": "back", "path": path})
    assert [refused["reason"] for refused in batch.quarantined.to_pylist()] == ["bad_path"]
    assert batch.tables["product_images"]["view"].to_pylist() == ["front"]


def test_a_customers_data_do_not_enter_the_quarantine(tmp_path: Path):
    broken = CUSTOMER | {"birth_year": "19eighty"}
    [refused] = read(tmp_path, "customers", broken).quarantined.to_pylist()
    assert refused["reason"] == "bad_birth_year"
    assert "19eighty" not in refused["detail"]


def test_a_torn_line_spoils_itself_alone(tmp_path: Path):
    good = b",".join(b'"%s"' % ORDER[name].encode() for name, _ in COLUMNS["orders"])
    batch = read(tmp_path, "orders", ORDER, extra=b'"O2","1\n' + good + b"\n")
    assert batch.tables["orders"]["_row"].to_pylist() == [1, 3]
    assert batch.quarantined["row"].to_pylist() == [2]
    [(file, count)] = batch.rows_in.items()
    assert count == 3
    assert batch.accepted[file] == 2


def test_a_drop_without_rows_gives_tables_without_rows(tmp_path: Path):
    for table in TABLES:
        assert conformed(read(tmp_path, table), table) == []


def test_a_name_without_an_interval_is_refused(tmp_path: Path):
    file = tmp_path / "orders" / "march.csv.gz"
    file.parent.mkdir()
    file.write_bytes(gzip.compress(b""))
    with pytest.raises(BadInputError, match=r"march\.csv\.gz"):
        SOURCE.drops(tmp_path, INTERVAL)


@pytest.mark.parametrize("every", [DAY, QUARTER_HOUR])
def test_a_simulated_drop_is_read_whole_and_its_books_balance(tmp_path: Path, every: timedelta):
    landing = tmp_path / "landing"
    interval = Interval.parse("2026-03-29", "2026-03-30")
    shop = Shop.of_size(7, 60, date(2026, 3, 28))
    summary = write_interval(shop, landing, tmp_path / "truth", interval, every)
    batches = [SOURCE.read(landing, drop) for drop in SOURCE.drops(landing, interval)]
    assert len(batches) == DAY // every
    rows_in = sum(sum(batch.rows_in.values()) for batch in batches)
    accepted = sum(sum(batch.accepted.values()) for batch in batches)
    quarantined = sum(batch.quarantined.num_rows for batch in batches)
    assert rows_in == sum(summary.rows.values()) == accepted + quarantined
    assert accepted > 100
    for batch in batches:
        for table in TABLES:
            conformed(batch, table)


def test_every_image_is_there_with_its_hash(tmp_path: Path):
    from hashlib import sha256

    landing = tmp_path / "landing"
    shop = Shop.of_size(7, 60, INTERVAL.start.date())
    write_interval(shop, landing, tmp_path / "truth", INTERVAL)
    [drop] = SOURCE.drops(landing, INTERVAL)
    images = conformed(SOURCE.read(landing, drop), "product_images")
    assert len(images) > 100
    for image in images:
        assert sha256((landing / image["path"]).read_bytes()).hexdigest() == image["sha256"]


CAMPAIGN = {
    "campaign_id": "P1",
    "brand": "Alanza",
    "sector": "home",
    "sub_sector": "lamps",
    "country": "FR",
    "timezone": "Europe/Paris",
    "opens_at": "2026-03-29T07:00:00+02:00",
    "closes_at": "2026-03-31T07:00:00+02:00",
    "received_at": "2026-03-29T07:00:09+02:00",
}


def test_a_campaign_without_an_end_is_permanent(tmp_path: Path):
    endless = CAMPAIGN | {"closes_at": ""}
    sale, permanent = conformed(read(tmp_path, "campaigns", CAMPAIGN, endless), "campaigns")
    assert (sale["business_type"], permanent["business_type"]) == ("flash_sale", "permanent")
    assert permanent["closes_at"] is None


def slow_instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if re.search(r"(Z|[+-]..:..)$", text) else None
    except ValueError:
        return None


def slow_number(text: str, pattern: str, least: float) -> float | None:
    value = float(text) if re.fullmatch(pattern, text, re.ASCII) else None
    return value if value is not None and value >= least else None


SLOW = {
    "line": lambda text: slow_number(text, r"-?\d{1,9}", 1),
    "quantity": lambda text: slow_number(text, r"-?\d{1,9}", 1),
    "unit_price": lambda text: slow_number(text, r"-?\d{1,12}(\.\d+)?", 0),
    "kind": lambda text: text if text in ("sale", "return") else None,
    "occurred_at": slow_instant,
    "received_at": lambda text: t if (t := slow_instant(text)) and t in INTERVAL else None,
}
DIRTY = {
    "order_id": ["O1", "O2", "", '" '],
    "line": ["1", "2", "0", "x", "", "1234567890"],
    "customer_id": ["U1", ""],
    "quantity": ["1", "3", "-1", "2.0", "٣"],
    "unit_price": ["19.90", "0", "-1.00", "1e3", "nan", ""],
    "kind": ["sale", "return", "gift", ""],
    "occurred_at": [
        "2026-03-29T07:00:01+02:00",
        "2026-03-29T00:00:00Z",
        "2026-02-31T10:00:00+01:00",
        "2026-03-29T24:00:00Z",
        "2026-03-29T10:00:00+25:00",
        "2026-03-29T10:00:00",
        "",
    ],
    "received_at": [
        "2026-03-29T07:00:09+02:00",
        "2026-03-29T01:59:59+02:00",
        "2026-03-29T23:59:59Z",
        "2026-03-30T00:00:00Z",
    ],
}
dirty_orders = st.fixed_dictionaries(
    {name: st.sampled_from(DIRTY.get(name, [value])) for name, value in ORDER.items()}
)


def slow_order(row: dict[str, str]) -> tuple[dict, str]:
    """Return the typed row, and the reason of its first bad field; '' if there is none."""
    typed, reason = {}, ""
    for name, _ in COLUMNS["orders"]:
        text = row[name]
        value = SLOW.get(name, lambda text: text or None)(text)
        if value is None and name != "customer_id":
            reason = reason or f"bad_{name}"
        typed[name] = value
    return typed, reason


@hypothesis_settings(max_examples=40, deadline=None)
@given(rows=st.lists(dirty_orders, max_size=12))
def test_columns_agree_with_a_slow_loop_over_rows(tmp_path_factory, rows):
    quoted = [{name: text.replace('"', '""') for name, text in row.items()} for row in rows]
    batch = read(tmp_path_factory.mktemp("drop"), "orders", *quoted)
    expected = [slow_order(row) for row in rows]
    assert conformed(batch, "orders") == [typed for typed, reason in expected if not reason]
    assert [(row["row"], row["reason"]) for row in batch.quarantined.to_pylist()] == [
        (number, reason) for number, (_, reason) in enumerate(expected, start=1) if reason
    ]
