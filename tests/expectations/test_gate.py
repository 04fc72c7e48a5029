"""The gate on small frames: what passes, what stops the line, what is only reported."""

import pandas as pd
import pytest

from expectations import gate
from expectations.rules import (
    Check,
    between,
    matching,
    one_of,
    required,
    true,
    unique,
    varying,
    warn,
)
from vitrine.errors import GateError

GOOD = pd.DataFrame(
    {
        "order_id": ["o1", "o1", "o2"],
        "line": [1, 2, 1],
        "kind": ["sale", "return", "sale"],
        "quantity": [1, 2, 3],
        "country": ["FR", "DE", None],
        "is_known": [True, True, True],
    }
)
RULES = (
    *required("order_id", "line"),
    unique("order_id", "line"),
    one_of("kind", ("sale", "return")),
    between("quantity", 1, 5),
    matching("country", "^[A-Z]{2}$"),
    true("is_known"),
    varying("kind"),
)


def run(docs, frame, rules=RULES, **more):
    check = Check("orders", ("order_id", "line"), tuple(rules), lambda: frame, **more)
    return gate.run("landed", [check], docs, "20260301T0000")


def planted(column, row, value):
    frame = GOOD.astype({column: object})
    frame.loc[row, column] = value
    return frame


def test_a_good_batch_passes_and_has_pages(tmp_path):
    report = run(tmp_path, GOOD)
    assert report.findings == ()
    assert report.rows == 3
    report.raise_failures("landed")
    assert report.page.is_file()
    assert (tmp_path / "landed" / "current" / "index.html").samefile(report.page)
    assert "landed.orders" in "".join(p.read_text() for p in report.page.parent.rglob("*.html"))


@pytest.mark.parametrize(
    ("column", "row", "value", "broken"),
    [
        ("order_id", 2, None, "expect_column_values_to_not_be_null(column=order_id)"),
        ("line", 1, 1, "expect_compound_columns_to_be_unique"),
        ("kind", 1, "gift", "expect_column_values_to_be_in_set(column=kind"),
        ("quantity", 1, 0, "expect_column_values_to_be_between(column=quantity"),
        ("quantity", 1, 6, "expect_column_values_to_be_between(column=quantity"),
        ("country", 1, "Germany", "expect_column_values_to_match_regex(column=country"),
        ("is_known", 1, False, "expect_column_values_to_be_in_set(column=is_known"),
        ("kind", 1, "sale", "expect_column_unique_value_count_to_be_between(column=kind"),
    ],
)
def test_each_planted_fault_stops_the_line_and_is_named(tmp_path, column, row, value, broken):
    report = run(tmp_path, planted(column, row, value))
    with pytest.raises(GateError) as caught:
        report.raise_failures("landed")
    (text,) = report.of("fail")
    assert f"landed.orders: {broken}" in text
    assert text in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_failure_shows_the_keys_of_the_rows(tmp_path):
    (text,) = run(tmp_path, planted("quantity", 1, 0)).of("fail")
    assert "in 1 of 3 rows" in text
    assert "order_id=o1" in text
    assert "line=2" in text


def test_a_warning_is_reported_and_does_not_stop(tmp_path):
    report = run(tmp_path, GOOD, [warn(between("quantity", 1, 2))])
    report.raise_failures("landed")
    (text,) = report.of("warn")
    assert "order_id=o2" in text


def test_zero_rows_checked_is_a_failure(tmp_path):
    with pytest.raises(GateError, match=r"landed\.orders: zero rows"):
        run(tmp_path, GOOD.head(0)).raise_failures("landed")
    run(tmp_path, GOOD.head(0), may_be_empty=True).raise_failures("landed")


def test_nothing_to_check_is_a_failure(tmp_path):
    with pytest.raises(GateError, match="nothing to check"):
        gate.run("landed", [], tmp_path, "20260301T0000")


def test_a_rule_that_cannot_be_computed_never_passes(tmp_path):
    report = run(tmp_path, GOOD, [warn(between("weight", 0))])
    with pytest.raises(GateError, match="could not be computed"):
        report.raise_failures("landed")


def test_the_last_pages_are_kept(tmp_path):
    for _ in range(5):
        report = run(tmp_path, GOOD)
    assert report.page.is_file()
    assert len(list((tmp_path / "landed" / "versions").iterdir())) == 3
