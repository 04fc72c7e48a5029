import gzip
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from vitrine.errors import BadInputError
from vitrine.interval import Interval
from vitrine.simulator.curves import ONLINE_RETAIL, RETAILER, curves, main, read
from vitrine.simulator.retailer.founding import found
from vitrine.simulator.retailer.writing import write_interval

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


def invoice(number: int, day: str, customer: str, *products: str) -> str:
    return "".join(f"{number},{p},THING,1,{day} 10:00:00,1.0,{customer},France\n" for p in products)


def folder_of(tmp_path: Path, *invoices: str) -> Path:
    folder = tmp_path / "online_retail"
    folder.mkdir()
    (folder / "2011-01-01.csv.gz").write_bytes(gzip.compress((HEADER + "".join(invoices)).encode()))
    return folder


def test_what_was_bought_before_is_counted_by_the_order_of_the_customer(tmp_path: Path):
    folder = folder_of(
        tmp_path,
        invoice(1, "2011-01-03", "1.0", "10001", "10002"),
        invoice(2, "2011-01-10", "1.0", "10001", "10003"),
        invoice(3, "2011-01-17", "1.0", "10001", "10003"),
        invoice(4, "2011-01-17", "2.0", "10001"),
        invoice(5, "2011-01-17", "", "10001"),
        invoice(6, "2011-01-17", "2.0", "POST"),
    )
    drawn = curves(read(ONLINE_RETAIL, folder))
    places, shares = drawn["repeats"]
    assert places.tolist() == [1, 2, 3]
    assert shares.tolist() == [0, 0.5, 1]
    assert drawn["gaps"][0].tolist() == [7]
    assert drawn["weekdays"][0].tolist() == [1]
    assert drawn["products"][1].tolist() == pytest.approx([5 / (8 / 3), 2 / (8 / 3), 1 / (8 / 3)])


def test_shuffled_goods_are_as_popular_and_nobody_s_own(tmp_path: Path):
    days = [f"2011-{month:02d}-{day:02d}" for month in (2, 3, 4) for day in range(1, 28)]
    own = [
        invoice(100 * n + customer, day, f"{customer}.0", f"1000{customer}")
        for n, day in enumerate(days)
        for customer in range(8)
    ]
    drawn = curves(read(ONLINE_RETAIL, folder_of(tmp_path, *own)))
    assert drawn["repeats"][1][1] == 1
    assert drawn["control"][1][1] < 0.5
    assert len(drawn["control"][1]) == 25


def test_the_picture_shows_a_simulated_shop_beside_another(tmp_path: Path):
    landing, out = tmp_path / "landing", tmp_path / "curves.png"
    interval = Interval.parse("2024-09-01", "2024-09-15")
    write_interval(found(landing, interval, 7, 1_000), landing, interval)
    real = folder_of(tmp_path, invoice(1, "2011-01-03", "1.0", "10001"))
    words = ["--retailer", str(landing), "--online-retail", str(real), "--out", str(out)]
    CliRunner().invoke(main, words, catch_exceptions=False)
    assert out.read_bytes().startswith(b"\x89PNG")
    first = out.read_bytes()
    CliRunner().invoke(main, words, catch_exceptions=False)
    assert out.read_bytes() == first


def test_an_empty_folder_is_named(tmp_path: Path):
    with pytest.raises(BadInputError, match=str(tmp_path)):
        read(RETAILER, tmp_path)


@pytest.mark.real_data
def test_the_real_shop_has_the_curves_that_the_simulated_one_is_fitted_to(real_data: Path):
    drawn = curves(read(ONLINE_RETAIL, real_data / "online_retail"))
    places, shares = drawn["repeats"]
    tenth = np.flatnonzero(places == 10)[0]
    assert shares[tenth] > 2 * drawn["control"][1][tenth]
    assert drawn["weeks"][1].argmax() > 40
