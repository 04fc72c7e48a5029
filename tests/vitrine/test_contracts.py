import pyarrow as pa
import pytest

from vitrine.contracts import TABLES, table
from vitrine.errors import BadArgumentError


@pytest.mark.parametrize("contract", TABLES.values(), ids=TABLES)
def test_a_table_is_described_and_keyed_by_its_own_required_columns(contract):
    required = {c.name for c in contract.columns if not c.nullable}
    assert contract.grain.startswith("One row per")
    assert set(contract.key) <= required
    assert all(c.description.endswith(".") for c in contract.columns)
    assert "received_at" in required


def test_missing_optional_columns_become_nulls_in_the_order_of_the_contract():
    given = pa.table(
        {
            "received_at": pa.array([0], pa.timestamp("us", "UTC")),
            "email_address": ["a@example.com"],
        }
    )
    with pytest.raises(ValueError, match="customer_id is absent"):
        table("contacts").conform(given)
    whole = table("contacts").conform(given.append_column("customer_id", pa.array(["1"])))
    assert whole.schema.equals(table("contacts").schema, check_metadata=True)


def test_a_null_in_a_required_column_is_refused():
    given = table("contacts").empty().to_pydict() | {
        "customer_id": [None],
        "email_address": ["a@example.com"],
        "received_at": pa.array([0], pa.timestamp("us", "UTC")),
    }
    with pytest.raises(ValueError, match=r"contacts\.customer_id"):
        table("contacts").conform(pa.table(given))


def test_a_column_outside_the_contract_is_refused():
    given = table("contacts").empty().append_column("phone", pa.array([], pa.string()))
    with pytest.raises(ValueError, match="phone"):
        table("contacts").conform(given)


def test_an_unknown_table_names_the_known_ones():
    with pytest.raises(BadArgumentError, match="orders"):
        table("order")
