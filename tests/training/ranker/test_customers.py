import pandas as pd
import pytest

from training.ranker import customers
from vitrine.errors import BadArgumentError


@pytest.mark.parametrize(
    "text",
    [
        "17850\n13047\n",
        "customer_id\n17850\n13047\n17850\n",
        "name,customer_id\nA,17850\nB,13047\n",
    ],
)
def test_text_and_csv_with_and_without_heading(tmp_path, text):
    file = tmp_path / "customers.csv"
    file.write_text(text)
    assert customers.read(file) == ["17850", "13047"]


@pytest.mark.parametrize("values", [["17850", "13047"], [17850, 13047], [17850.0, 13047.0]])
def test_parquet_of_text_and_of_numbers(tmp_path, values):
    file = tmp_path / "customers.parquet"
    pd.DataFrame({"customer_id": values}).to_parquet(file)
    assert customers.read(file) == ["17850", "13047"]


@pytest.mark.parametrize("text", ["", "customer_id\n", "a,b\nc,d\n"])
def test_a_file_without_ids_is_refused(tmp_path, text):
    file = tmp_path / "customers.txt"
    file.write_text(text)
    with pytest.raises(BadArgumentError):
        customers.read(file)


def test_a_missing_file_and_a_false_parquet_are_refused(tmp_path):
    with pytest.raises(BadArgumentError, match="cannot be read"):
        customers.read(tmp_path / "absent.txt")
    false = tmp_path / "false.parquet"
    false.write_text("17850\n")
    with pytest.raises(BadArgumentError, match="cannot be read"):
        customers.read(false)


def test_unknown_customers_are_named():
    customers.refuse_unknown(["a"], {"a", "b"})
    with pytest.raises(BadArgumentError, match="'x', 'y'"):
        customers.refuse_unknown(["a", "x", "y"], {"a", "b"})
