"""A large table's sample leads to the same findings as all its rows."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from expectations import frames, gate, samples
from expectations.rules import (
    Breach,
    Check,
    Sample,
    between,
    matching,
    one_of,
    required,
    true,
    unique,
    warn,
)

KEYS = ("order_id", "line")
RULES = (
    *required("order_id", "price"),
    unique("order_id"),
    unique("order_id", "line"),
    one_of("kind", ("sale", "it's")),
    between("line", 1),
    warn(between("price", 0, 5)),
    matching("country", "^[A-Z]{2}$"),
    true("is_known"),
)
SCHEMA = pa.schema(
    {
        "order_id": pa.string(),
        "line": pa.int32(),
        "price": pa.float64(),
        "kind": pa.string(),
        "country": pa.string(),
        "is_known": pa.bool_(),
    }
)
rows_of_orders = st.lists(
    st.fixed_dictionaries(
        {
            "order_id": st.sampled_from(["o1", "o2", "o3", "o4", None]),
            "line": st.sampled_from([0, 1, 2, 3]),
            "price": st.sampled_from([0.0, 5.0, 5.5, -1.0, None, float("nan")]),
            "kind": st.sampled_from(["sale", "it's", "gift", None]),
            "country": st.sampled_from(["FR", "France", None]),
            "is_known": st.sampled_from([True, True, False, None]),
        }
    ),
    min_size=4,
    max_size=12,
)


def sample(folder, rows, most_rows) -> Sample:
    file = folder / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "MOST_ROWS", most_rows)
        return samples.load(f"from {frames.parquet([file])}", KEYS, RULES, folder / "spill")


def found(folder, loaded: Sample) -> set[str]:
    check = Check("orders", KEYS, RULES, lambda: loaded)
    report = gate.run("landed", [check], folder, "one")
    # Which rows are named first may differ, how many there are may not.
    return {f"{f.severity}: {f.text.split(', such as')[0]}" for f in report.findings}


@hypothesis_settings(max_examples=6, deadline=None, phases=[Phase.generate])
@given(rows=rows_of_orders)
def test_a_sample_leads_to_the_findings_of_all_rows(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("gate")
    whole, part = sample(folder, rows, 100), sample(folder, rows, 0)
    assert (whole.breaches, part.row_count) == (None, len(rows))
    assert found(folder, part) == found(folder, whole)


def many(count: int) -> list[dict]:
    good = {"price": 1.0, "kind": "sale", "country": "FR", "is_known": True}
    return [{"order_id": f"o{n:06d}", "line": 1} | good for n in range(count)]


def test_of_many_rows_few_are_looked_at_and_all_are_counted(tmp_path):
    rows = many(3000)
    rows[2500] |= {"kind": "gift"}
    rows[2600] |= {"order_id": "o000007"}
    loaded = sample(tmp_path, rows, 2000)
    assert len(loaded.rows) == samples.FIRST_ROWS
    check = Check("orders", KEYS, RULES, lambda: loaded)
    report = gate.run("landed", [check], tmp_path / "docs", "one")
    assert report.rows == 3000
    single, pair, kind = sorted(report.of("fail"), key=lambda text: "kind" in text)
    assert "in 2 of 3000 rows, such as order_id=o000007, line=1" in single
    assert "in 2 of 3000 rows, such as order_id=o000007, line=1" in pair
    assert "in 1 of 3000 rows, such as kind=gift, order_id=o002500, line=1" in kind
    pages = "".join(page.read_text() for page in report.page.parent.rglob("*.html"))
    assert "3000" in pages
    assert "gift" in pages


def test_a_good_table_of_many_rows_passes(tmp_path):
    loaded = sample(tmp_path, many(300), 200)
    assert loaded.breaches == (Breach(0, 0, ()),) * len(RULES)
    assert found(tmp_path, loaded) == set()
    assert not list((tmp_path / "spill").iterdir())
