from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from email_lists.audience.caps import around
from email_lists.audience.ledger import promised
from email_lists.mail.delivered import State, opened
from vitrine.interval import midnight, parse_instant
from vitrine.letters import LETTERS
from vitrine.paths import Paths

NIGHT = date(2026, 3, 2)
LATER = parse_instant("2027-01-01")


@pytest.fixture
def publish(tmp_path):
    """Publish letters to these people in a night's list; return where the lists lie."""
    paths = Paths(landing=tmp_path / "landing", home=tmp_path / "home")

    def run(name, night, *people, version="1"):
        root = paths.published_list(name, night)
        folder = root / "versions" / version
        folder.mkdir(parents=True)
        send_at = midnight(night).replace(hour=6)
        rows = [
            {
                "message_id": f"{name}-{night}-{who}",
                "customer_id": who,
                "list": name,
                "night": night,
                "send_at": send_at,
                "local_day": night,
                "strategy": "popular",
                "arm": "standard",
                "arm_propensity": 1.0,
                "campaigns": [],
                "products": [],
            }
            for who in people
        ]
        pq.write_table(pa.Table.from_pylist(rows, LETTERS.schema), folder / "letters.parquet")
        (root / "current").unlink(missing_ok=True)
        (root / "current").symlink_to(folder)
        return paths

    paths.lists.mkdir(parents=True)
    return run


def hand_over(paths, name, night, who, at, state=State.SENT):
    with opened(paths.delivery_book(name, night)) as book:
        book.note(f"{name}-{night}-{who}", who, State.BEGUN, parse_instant(at))
        if state != State.BEGUN:
            book.note(f"{name}-{night}-{who}", who, state, parse_instant(at))


def known(paths, contract, *sent, night=NIGHT, known_before=LATER, who=("anna", "ben")):
    events = [
        {
            "message_id": message,
            "customer_id": who,
            "kind": "sent",
            "occurred_at": parse_instant(at),
            "received_at": parse_instant(at),
        }
        for message, who, at in sent
    ]
    table = contract("email_events", *events)
    told = table.append_column("is_known", pc.less(table["received_at"], known_before))
    customers = pa.table({"customer_id": list(who)})
    rows = promised(paths, night, told, customers).to_pylist()
    return [(r["customer_id"], r["list"], r["night"], r["send_at"].isoformat()[5:16]) for r in rows]


def test_the_current_letters_of_all_lists_near_the_night_count(publish, contract):
    publish("daily", date(2026, 2, 15), "anna")
    publish("daily", date(2026, 3, 1), "anna", "ben")
    publish("daily", date(2026, 3, 1), "anna", version="2")
    publish("weekend", date(2026, 3, 8), "anna")
    paths = publish("weekend", date(2026, 3, 20), "anna")
    assert known(paths, contract) == [
        ("anna", "daily", date(2026, 3, 1), "03-01T06:00"),
        ("anna", "weekend", date(2026, 3, 8), "03-08T06:00"),
    ]


def test_what_the_shop_sent_by_itself_counts_once_and_ours_at_both_times(publish, contract):
    paths = publish("daily", date(2026, 3, 1), "anna")
    sent = [
        ("daily-2026-03-01-anna", "anna", "2026-03-01T06:01:00Z"),
        ("newsletter", "ben", "2026-03-01T05:45:00Z"),
        ("newsletter", "ben", "2026-03-01T05:46:00Z"),
    ]
    assert known(paths, contract, *sent) == [
        ("anna", "daily", date(2026, 3, 1), "03-01T06:00"),
        ("anna", "daily", date(2026, 3, 1), "03-01T06:01"),
        ("ben", None, None, "03-01T05:45"),
    ]


def test_of_what_the_build_did_not_know_the_lists_own_letters_count_alone(publish, contract):
    paths = publish("daily", NIGHT, "anna")
    sent = [
        ("daily-2026-03-02-anna", "anna", "2026-03-01T06:00:00Z"),
        ("newsletter", "ben", "2026-03-02T05:45:00Z"),
    ]
    assert known(paths, contract, *sent, known_before=midnight(NIGHT)) == [
        ("anna", "daily", NIGHT, "03-01T06:00"),
        ("anna", "daily", NIGHT, "03-02T06:00"),
    ]


def test_a_letter_that_was_sent_and_then_withdrawn_counts(publish, contract):
    publish("daily", NIGHT, "anna")
    paths = publish("daily", NIGHT, version="2")
    sent = ("daily-2026-03-02-anna", "anna", "2026-03-02T06:01:00Z")
    assert known(paths, contract, sent) == [("anna", None, None, "03-02T06:01")]


def test_what_was_handed_over_counts_when_it_went_before_any_event_tells_it(publish, contract):
    paths = publish("daily", NIGHT, "anna", "ben")
    hand_over(paths, "daily", NIGHT, "anna", "2026-03-03T00:10:00Z")
    hand_over(paths, "daily", NIGHT, "ben", "2026-03-03T00:11:00Z", State.BEGUN)
    promises = [("anna", "daily", NIGHT, "03-02T06:00"), ("ben", "daily", NIGHT, "03-02T06:00")]
    gone = [("anna", "daily", NIGHT, "03-03T00:10"), ("ben", "daily", NIGHT, "03-03T00:11")]
    assert known(paths, contract) == sorted([*promises, *gone])
    # The sender's own word holds instead, and does not count beside the book's.
    sent = ("daily-2026-03-02-anna", "anna", "2026-03-02T23:59:00Z")
    told = [("anna", "daily", NIGHT, "03-02T23:59"), gone[1]]
    assert known(paths, contract, sent) == sorted([*promises, *told])


def test_what_the_server_did_not_take_is_not_gone(publish, contract):
    paths = publish("daily", NIGHT, "anna", "ben")
    hand_over(paths, "daily", NIGHT, "anna", "2026-03-03T00:10:00Z", State.DEFERRED)
    hand_over(paths, "daily", NIGHT, "ben", "2026-03-03T00:10:00Z", State.REFUSED)
    assert known(paths, contract) == [
        ("anna", "daily", NIGHT, "03-02T06:00"),
        ("ben", "daily", NIGHT, "03-02T06:00"),
    ]


def test_a_letter_that_was_handed_over_and_then_withdrawn_counts_once(publish, contract):
    publish("daily", NIGHT, "anna")
    paths = publish("daily", NIGHT, version="2")
    hand_over(paths, "daily", NIGHT, "anna", "2026-03-02T06:01:00Z")
    assert known(paths, contract) == [("anna", "daily", NIGHT, "03-02T06:01")]
    sent = ("daily-2026-03-02-anna", "anna", "2026-03-02T06:02:00Z")
    assert known(paths, contract, sent) == [("anna", "daily", NIGHT, "03-02T06:02")]
    unknown = known(paths, contract, sent, known_before=midnight(NIGHT))
    assert unknown == [("anna", "daily", NIGHT, "03-02T06:02")], "it is the list's, not the shop's"


def test_books_of_nights_far_away_and_letters_of_others_do_not_count(publish, contract):
    paths = publish("daily", NIGHT, "anna", "cleo")
    hand_over(paths, "daily", date(2026, 1, 15), "anna", "2026-03-02T06:01:00Z")
    hand_over(paths, "weekend", NIGHT, "cleo", "2026-03-02T06:01:00Z")
    sent = ("newsletter", "cleo", "2026-03-01T05:45:00Z")
    assert known(paths, contract, sent) == [("anna", "daily", NIGHT, "03-02T06:00")]


def test_before_the_first_list_there_is_what_the_shop_sent(paths, contract):
    paths.lists.mkdir(parents=True)
    assert known(paths, contract) == []
    sent = ("newsletter", "ben", "2026-03-01T05:45:00Z")
    assert known(paths, contract, sent) == [("ben", None, None, "03-01T05:45")]


def test_letters_that_can_share_seven_days_with_a_nights_lie_around_it():
    near = around(NIGHT)
    assert (near.start, near.end) == (parse_instant("2026-02-22"), parse_instant("2026-03-11"))
