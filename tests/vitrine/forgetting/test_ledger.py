"""Who was erased is known again by hash alone, and by an address only in what is old."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from vitrine.forgetting.ledger import Ledger, begin, make_salt
from vitrine.forgetting.person import Person
from vitrine.sources import Batch

ERASED_AT = datetime(2026, 3, 2, tzinfo=UTC)
BEFORE, AFTER = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)


@pytest.fixture
def ledger(paths) -> Ledger:
    make_salt(paths)
    ids = {"email_address": frozenset({"Ann@example.org"})}
    begin(paths, Person("U1", ids), ERASED_AT)
    return Ledger.load(paths)


def batch(**columns: list) -> Batch:
    count = len(columns["customer_id"])
    told = {"_file": ["a.csv"] * count, "_row": list(range(1, count + 1))}
    types = {name: pa.string() for name in columns if name != "received_at"}
    arrays = {name: pa.array(values, types.get(name)) for name, values in columns.items()}
    return Batch({"t": pa.table(arrays | told)}, {"a.csv": count}, {"a.csv": count})


def kept(ledger: Ledger, drop: Batch) -> list[int]:
    return ledger.without_erased(drop).tables["t"]["_row"].to_pylist()


def test_rows_of_the_erased_are_refused_and_the_books_balance(ledger):
    drop = batch(customer_id=["U1", "U2", None, None], session_id=["a", "b", "a", "b"])
    cleaned = ledger.without_erased(drop)
    assert cleaned.tables["t"]["_row"].to_pylist() == [2, 4]
    assert cleaned.accepted == {"a.csv": 2}
    refused = cleaned.quarantined.to_pylist()
    assert [(row["row"], row["reason"], row["detail"]) for row in refused] == [
        (1, "erased", ""),
        (3, "erased", ""),
    ]


def test_an_address_alone_is_known_in_what_was_received_before(ledger):
    """Its owner may have come back since, and may ask not to be written to."""
    drop = batch(
        customer_id=[None, None, "U2", None],
        email_address=["ann@EXAMPLE.org", "ann@example.org", "ann@example.org", "bob@example.org"],
        received_at=[BEFORE, AFTER, BEFORE, BEFORE],
    )
    assert kept(ledger, drop) == [2, 3, 4]


def test_an_address_is_still_known_when_its_owner_is_erased_again(ledger, paths):
    begin(paths, Person("U1", {"email_address": frozenset()}), ERASED_AT)
    assert Ledger.load(paths).addresses == ledger.addresses != {}


def test_of_several_who_had_an_address_the_last_erasure_counts(ledger, paths):
    """Whose mark is read last hangs on the hashes, which the key makes others in each home."""
    names = ("U1", "U2", "U3", "U4", "U5")
    ids = {"email_address": frozenset({"bea@example.org"})}
    for last in names:
        for name in names:
            begin(paths, Person(name, ids), AFTER if name == last else BEFORE)
        assert Ledger.load(paths).addresses[ledger.hash_of("bea@example.org")] == AFTER


def test_a_home_where_nobody_was_erased_refuses_nobody(paths):
    drop = batch(customer_id=["U1"])
    assert Ledger.load(paths).without_erased(drop) is drop


def test_the_ledger_names_nobody_and_its_key_is_not_readable_by_others(ledger, paths):
    files = [file for file in paths.erasures.rglob("*") if file.is_file()]
    text = " ".join(f"{file} {file.read_text()}" for file in files)
    assert "U1" not in text.replace(str(paths.home), "")
    assert "example.org" not in text
    assert (paths.erasures / "salt").stat().st_mode & 0o077 == 0


def test_two_homes_give_the_same_person_different_hashes(ledger):
    assert ledger.hash_of("U1") != Ledger(b"another").hash_of("U1")
