"""Golden rows: each rule of the gift shop's module once, ties and nulls included."""

from datetime import date
from pathlib import Path

import pytest

from vitrine.contracts import TABLES
from vitrine.errors import BadInputError
from vitrine.interval import Interval
from vitrine.sources import Batch, Drop
from vitrine.sources.online_retail import COUNTRIES, HEADER, SECTORS, SOURCE, sector_of

DAY = date(2011, 6, 1)


def read(folder: Path, *lines: str, day: date = DAY) -> Batch:
    """Read one day's file that holds `lines`; British summer time is an hour ahead."""
    file = folder / f"{day}.csv"
    file.write_text("\n".join([",".join(HEADER), *lines]) + "\n")
    return SOURCE.read(folder, Drop(Interval.of_day(day), (file,)))


def line(
    invoice: str = "540001",
    code: str = "85123A",
    name: str = "CREAM HANGING HEART",
    quantity: str = "6",
    at: str = "2011-06-01 09:30:00",
    price: str = "2.55",
    customer: str = "17850.0",
    country: str = "United Kingdom",
) -> str:
    return f"{invoice},{code},{name},{quantity},{at},{price},{customer},{country}"


def columns(batch: Batch, table: str, *names: str) -> list[tuple]:
    rows = TABLES[table].conform(batch.tables[table].drop_columns(["_file", "_row"]))
    return list(zip(*(_readable(rows[name].to_pylist()) for name in names), strict=True))


def _readable(values: list) -> list:
    return [v.strftime("%d %H:%M") if hasattr(v, "strftime") else v for v in values]


def reasons(batch: Batch) -> list[tuple]:
    quarantined = batch.quarantined
    return list(
        zip(*(quarantined[name].to_pylist() for name in ("row", "reason", "detail")), strict=True)
    )


def test_a_sale_becomes_one_row_in_every_table(tmp_path):
    batch = read(tmp_path, line())
    orders = TABLES["orders"].conform(batch.tables["orders"].drop_columns(["_file", "_row"]))
    assert [str(v) for v in orders.to_pylist()[0].values()] == [
        "540001",
        "1",
        "17850",
        "85123A",
        "85123A",
        "6",
        "2.55",
        "web",
        "sale",
        "2011-06-01 08:30:00+00:00",
        "2011-06-01 08:30:00+00:00",
    ]
    assert columns(
        batch, "customers", "customer_id", "signed_up_at", "country", "demographic_cluster"
    ) == [("17850", "01 08:30", "GB", "unknown:unknown:GB")]
    assert columns(
        batch, "products", "product_id", "name", "sector", "sub_sector", "list_price", "attributes"
    ) == [("85123A", "CREAM HANGING HEART", "home", "decoration", 2.55, [])]
    assert columns(batch, "campaigns", "campaign_id", "business_type", "opens_at", "closes_at") == [
        ("85123A", "permanent", "01 08:30", None)
    ]
    assert columns(batch, "campaign_products", "campaign_id", "product_id", "price") == [
        ("85123A", "85123A", 2.55)
    ]
    assert (batch.rows_in, batch.accepted) == ({"2011-06-01.csv": 1}, {"2011-06-01.csv": 1})


@pytest.mark.parametrize(
    ("dirty", "reason", "detail"),
    [
        ("540001,85123A,HEART", "malformed", "3 fields instead of 8"),
        (line(name='"HEART'), "malformed", "a quote that stays open, or a stray carriage return"),
        (line(at="01/06/2011 09:30"), "bad_time", "01/06/2011 09:30"),
        (line(quantity="six"), "bad_number", "six"),
        (line(quantity="1.5"), "bad_number", "1.5"),
        (line(quantity="99999999999"), "bad_number", "99999999999"),
        (line(price="inf"), "bad_number", "6"),
        (line(price=""), "bad_number", "6"),
        (line(customer="Mr Smith"), "bad_customer", ""),
        (line(invoice=""), "no_invoice", "85123A"),
        (line(code="POST"), "not_a_product", "POST"),
        (line(code="m"), "not_a_product", "m"),
        (line(code="gift_0001_20"), "not_a_product", "gift_0001_20"),
        (line(code="DCGS0003"), "not_a_product", "DCGS0003"),
        (line(at="2011-06-02 01:00:00"), "from_the_future", "2011-06-02 01:00:00"),
        (line(price="-11062.06", quantity="1"), "negative_price", "-11062.06"),
        (
            line(name="damaged", price="0.0", quantity="-40", customer=""),
            "stock_adjustment",
            "damaged",
        ),
        (line(name="?", price="0", quantity="-1", customer=""), "stock_adjustment", "?"),
        (line(name="found", price="0.0", quantity="40", customer=""), "no_price", "found"),
        (line(price="0.0"), "no_price", "CREAM HANGING HEART"),
        (line(quantity="0"), "no_quantity", "0"),
        (line(invoice="C540001"), "contradictory_sign", "6"),
    ],
)
def test_a_dirty_line_is_refused_by_its_reason_and_its_neighbours_stay(
    tmp_path, dirty, reason, detail
):
    batch = read(tmp_path, line(invoice="540000"), dirty, line(invoice="540002"))
    assert reasons(batch) == [(2, reason, detail)]
    assert columns(batch, "orders", "order_id") == [("540000",), ("540002",)]
    assert batch.rows_in["2011-06-01.csv"] == 3
    assert batch.accepted["2011-06-01.csv"] == 2


def test_the_first_rule_decides(tmp_path):
    postage_refund = line(invoice="C540001", code="POST", quantity="-1", price="0.0", at="never")
    assert reasons(read(tmp_path, postage_refund)) == [(1, "bad_time", "never")]


def test_exact_repeats_are_refused_but_lines_that_differ_stay(tmp_path):
    batch = read(
        tmp_path,
        line(),
        line(quantity="2"),
        line(),
        line(invoice="540002"),
        line(),
    )
    assert reasons(batch) == [
        (3, "duplicate_line", "540001"),
        (5, "duplicate_line", "540001"),
    ]
    assert columns(batch, "orders", "order_id", "line", "quantity") == [
        ("540001", 1, 6),
        ("540001", 2, 2),
        ("540002", 1, 6),
    ]


def test_line_numbers_count_refused_lines_too(tmp_path):
    batch = read(tmp_path, line(code="POST"), line())
    assert columns(batch, "orders", "line") == [(2,)]


@pytest.mark.parametrize("invoice", ["C540001", "540001"])
def test_a_negative_quantity_is_a_return(tmp_path, invoice):
    batch = read(tmp_path, line(invoice=invoice, quantity="-6"))
    assert columns(batch, "orders", "kind", "quantity", "unit_price") == [("return", 6, 2.55)]


def test_a_guest_buys_without_becoming_a_customer(tmp_path):
    batch = read(tmp_path, line(customer=""))
    assert columns(batch, "orders", "customer_id", "kind") == [(None, "sale")]
    assert columns(batch, "customers", "customer_id") == []


def test_codes_differ_not_by_case(tmp_path):
    batch = read(tmp_path, line(code="85123a"), line(code="85123A", invoice="540002"))
    assert columns(batch, "orders", "product_id") == [("85123A",), ("85123A",)]
    assert columns(batch, "products", "product_id") == [("85123A",)]


def test_name_and_price_are_those_of_the_first_minute(tmp_path):
    batch = read(
        tmp_path,
        line(name="RED  HEART ", price="2.10"),
        line(name="RED HEART", price="2.95"),
        line(name="A HEART", price="2.55"),
        line(name="LATER NAME", price="9.99", at="2011-06-01 09:31:00"),
        line(name="LATER NAME", price="9.99", at="2011-06-01 09:31:00", quantity="1"),
        line(name="LATER NAME", price="9.99", at="2011-06-01 09:31:00", quantity="2"),
    )
    assert columns(batch, "products", "name", "list_price", "received_at") == [
        ("RED HEART", 2.95, "01 08:30")
    ]


def test_a_tie_of_names_goes_to_the_first_in_the_alphabet(tmp_path):
    batch = read(tmp_path, line(name="RED HEART"), line(name="A HEART"), line(name="", price="1"))
    assert columns(batch, "products", "name") == [("A HEART",)]


def test_a_product_without_a_name_is_called_by_its_code(tmp_path):
    assert columns(read(tmp_path, line(name=" ")), "products", "name") == [("85123A",)]


def test_the_first_minute_with_an_account_gives_a_second_price(tmp_path):
    batch = read(
        tmp_path,
        line(price="5.91", customer="", invoice="540000"),
        line(price="2.95", at="2011-06-01 10:00:00"),
        line(price="2.55", at="2011-06-01 11:00:00"),
    )
    assert columns(batch, "products", "list_price", "received_at") == [
        (5.91, "01 08:30"),
        (2.95, "01 09:00"),
    ]
    assert columns(batch, "campaigns", "opens_at", "received_at") == [
        ("01 08:30", "01 08:30"),
        ("01 08:30", "01 09:00"),
    ]


def test_a_customer_is_described_by_the_first_line(tmp_path):
    batch = read(
        tmp_path,
        line(country="RSA", at="2011-06-01 12:00:00"),
        line(country="EIRE", at="2011-06-01 10:00:00"),
        line(customer="12346.0", country="Atlantis"),
    )
    assert columns(batch, "customers", "customer_id", "country", "language", "timezone") == [
        ("12346", "ZZ", "en", "Europe/London"),
        ("17850", "IE", "en", "Europe/Dublin"),
    ]


def test_an_older_line_is_received_with_its_drop(tmp_path):
    batch = read(tmp_path, line(at="2011-06-01 00:30:00"), line(at="2011-05-20 10:00:00"))
    assert columns(batch, "orders", "occurred_at", "received_at") == [
        ("31 23:30", "01 00:00"),
        ("20 09:00", "01 00:00"),
    ]


def test_the_days_on_which_the_clock_changes(tmp_path):
    spring = date(2011, 3, 27)
    batch = read(
        tmp_path,
        line(at="2011-03-27 00:59:00"),
        line(at="2011-03-27 01:30:00"),
        line(at="2011-03-27 02:00:00"),
        day=spring,
    )
    assert columns(batch, "orders", "occurred_at") == [("27 00:59",), ("27 01:00",)]
    assert reasons(batch) == [(2, "bad_time", "2011-03-27 01:30:00")]
    autumn = date(2011, 10, 30)
    batch = read(tmp_path, line(at="2011-10-30 01:30:00"), day=autumn)
    assert columns(batch, "orders", "occurred_at") == [("30 00:30",)]


def test_a_day_without_a_good_line_gives_empty_tables(tmp_path):
    batch = read(tmp_path, line(code="POST"))
    for name in SOURCE.provides:
        assert columns(batch, name, TABLES[name].columns[0].name) == []


def test_drops_are_the_days_that_lie_whole_in_the_interval(tmp_path):
    for name in ("2011-06-01.csv", "2011-06-03.csv.gz", "2011-06-05.csv", "readme.txt"):
        (tmp_path / name).touch()
    found = SOURCE.drops(tmp_path, Interval.parse("2011-06-01T00:01", "2011-06-05"))
    assert [drop.files[0].name for drop in found] == ["2011-06-03.csv.gz"]


def test_a_day_that_came_twice_is_refused(tmp_path):
    (tmp_path / "2011-06-01.csv").touch()
    (tmp_path / "2011-06-01.csv.gz").touch()
    with pytest.raises(BadInputError, match="hold the same day; remove one"):
        SOURCE.drops(tmp_path, Interval.of_day(DAY))


def test_a_file_that_is_not_named_after_a_day_is_refused(tmp_path):
    (tmp_path / "2011-13-01.csv").touch()
    with pytest.raises(BadInputError, match=r"2011-13-01.csv is not named after its day"):
        SOURCE.drops(tmp_path, Interval.of_day(DAY))


@pytest.mark.parametrize(
    ("name", "sectors"),
    [
        ("LUNCH BAG RED RETROSPOT", ("bags", "lunch_bags")),
        ("jumbo bag red retrospot", ("bags", "shopping_bags")),
        ("CHRISTMAS LIGHTS 10 REINDEER", ("seasonal", "christmas")),
        ("HANGING HEART T-LIGHT HOLDER", ("lighting", "candles")),
        ("SPRINGTIME", ("other", "other")),
        ("", ("other", "other")),
    ],
)
def test_a_sector_follows_from_whole_words(name, sectors):
    assert sector_of(name) == sectors


def test_the_tables_of_sectors_and_countries_are_sound():
    from zoneinfo import ZoneInfo

    assert len({(sector, sub_sector) for sector, sub_sector, _ in SECTORS}) == len(SECTORS)
    for code, language, zone in COUNTRIES.values():
        assert (len(code), len(language)) == (2, 2)
        ZoneInfo(zone)


@pytest.mark.real_data
def test_every_country_of_the_real_export_is_known(real_data):
    import pandas as pd

    files = sorted((real_data / "online_retail").glob("*.csv.gz"))
    assert files
    found = {c for file in files for c in pd.read_csv(file, usecols=["Country"])["Country"]}
    assert found <= set(COUNTRIES)
