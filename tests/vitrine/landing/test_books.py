import json

import pytest

from vitrine.interval import Interval
from vitrine.landing import books
from vitrine.landing.books import Books, FileBooks
from vitrine.sources import QUARANTINE_SCHEMA

DAY = Interval.parse("2026-03-01", "2026-03-02")


def quarantine(*reasons: str):
    rows = [
        {"file": "a.csv", "row": n, "table": "orders", "reason": reason, "detail": ""}
        for n, reason in enumerate(reasons, 1)
    ]
    return QUARANTINE_SCHEMA.empty_table().from_pylist(rows, QUARANTINE_SCHEMA)


def test_rows_in_are_rows_accepted_plus_rows_quarantined_by_reason():
    counted = books.balance({"b.csv": 1, "a.csv": 4}, {"b.csv": 1, "a.csv": 1}, quarantine(*"xyx"))
    assert counted == (
        FileBooks("a.csv", 4, 1, {"x": 2, "y": 1}),
        FileBooks("b.csv", 1, 1, {}),
    )


@pytest.mark.parametrize("accepted", [0, 2])
def test_books_that_do_not_balance_are_refused(accepted):
    with pytest.raises(ValueError, match="lost or doubled rows"):
        books.balance({"a.csv": 2}, {"a.csv": accepted}, quarantine("x"))


def test_books_are_kept_one_file_a_drop(tmp_path):
    kept = Books("shop", DAY, (FileBooks("a.csv", 3, 1, {"x": 2}),), {"orders": 1})
    file = books.write(tmp_path, kept)
    assert file.name == "20260301T0000-20260302T0000.json"
    assert json.loads(file.read_text()) == {
        "source": "shop",
        "interval_start_at": "2026-03-01T00:00:00Z",
        "interval_end_at": "2026-03-02T00:00:00Z",
        "files": [
            {
                "file": "a.csv",
                "row_count": 3,
                "accepted_count": 1,
                "quarantined": [{"reason": "x", "row_count": 2}],
            }
        ],
        "tables": [{"table": "orders", "row_count": 1}],
    }
