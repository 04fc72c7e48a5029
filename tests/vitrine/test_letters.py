"""The ledger of letters is read from what is published now."""

from datetime import date

from tests.published_letters import letter, publish
from vitrine import letters

FIRST, SECOND = date(2026, 3, 16), date(2026, 3, 17)


def test_each_list_and_night_counts_once_as_it_is_published_now(tmp_path):
    publish(tmp_path, FIRST, [letter("U1", FIRST), letter("U2", FIRST)])
    publish(tmp_path, SECOND, [letter("U1", SECOND)], {"U9": "hold_out"})
    publish(tmp_path, FIRST, [letter("U3", FIRST, list_name="weekend")], list_name="weekend")
    # Published again without U2.
    publish(tmp_path, FIRST, [letter("U1", FIRST)])
    (tmp_path / "daily" / "report").mkdir()
    found = list(letters.published(tmp_path))
    assert [(each.list_name, each.night) for each in found] == [
        ("daily", FIRST),
        ("weekend", FIRST),
        ("daily", SECOND),
    ]
    assert all(each.exclusions.exists() for each in found)
    assert letters.read(tmp_path)["message_id"].to_pylist() == [
        "daily-0316-U1",
        "weekend-0316-U3",
        "daily-0317-U1",
    ]
    assert letters.read(tmp_path, since=SECOND)["customer_id"].to_pylist() == ["U1"]
    assert letters.read(tmp_path, until=SECOND).num_rows == 2


def test_without_published_lists_there_are_no_letters(tmp_path):
    assert letters.read(tmp_path / "lists").equals(letters.LETTERS.empty())
    # A list of an older version of Vitrine says nothing of its letters.
    (tmp_path / "daily" / "2026-03-16" / "current").mkdir(parents=True)
    assert list(letters.published(tmp_path)) == []
