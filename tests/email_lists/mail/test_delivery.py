"""Who is sent a letter, when, and by which list."""

import time
from datetime import timedelta

import pytest
from click.testing import CliRunner

from email_lists.commands import lists
from email_lists.explanation import Listed, afterwards
from email_lists.mail import delivery
from email_lists.mail.delivery import RUN_SECONDS, Run
from tests.email_lists.mail.posted_home import (
    MARCH,
    NAMES,
    NO_SCARCITY,
    POLICY,
    deliver,
    publish,
    to,
    write,
)
from tests.email_lists.written import SEND_AT, person
from vitrine import lake, list_policy_file
from vitrine.errors import BadArgumentError, MachineError, NotPublishedError, StageSkipped
from vitrine.interval import Interval, format_instant, parse_instant


def test_each_person_gets_one_letter_however_often_it_is_called(installation, office):
    assert deliver(installation, "daily", SEND_AT) == {"sent": 4}
    assert deliver(installation, "daily", SEND_AT + timedelta(minutes=15)) == {}
    assert to(office) == NAMES
    [mail, *_] = office.messages()
    assert mail["To"] == "anna@example.org"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "blue mug 1" in mail.get_body(("plain",)).get_content()


def test_only_what_is_due_goes_out_and_nothing_late_or_in_quiet_hours(installation, paths, office):
    evening = parse_instant("2026-03-02T19:30:00Z")  # half past eight in Paris
    publish(
        paths,
        [
            person("anna", send_at=SEND_AT),
            person("ben", send_at=SEND_AT - timedelta(hours=3)),
            person("cleo", send_at=SEND_AT + timedelta(seconds=1)),
            person("dora", send_at=evening),
        ],
    )
    assert deliver(installation, "daily", SEND_AT) == {"sent": 1, "late": 1}
    assert to(office) == ["anna"]
    missed = {"late": 2}  # cleo's too: no run came in her three hours
    assert deliver(installation, "daily", evening + timedelta(minutes=31)) == {"quiet": 1} | missed
    assert deliver(installation, "daily", evening + timedelta(minutes=29)) == {"sent": 1} | missed
    assert to(office) == ["anna", "dora"]


def test_a_letter_is_due_for_as_long_as_the_policy_says(installation, paths, office):
    publish(paths, [person("anna", send_at=SEND_AT + timedelta(days=1))])
    paths.list_policy.write_text(
        POLICY.format(port=office.port, rate=10_000)[:-1] + ", late_hours: 72}"
    )
    assert deliver(installation, "daily", SEND_AT + timedelta(days=3)) == {"sent": 1}


def test_no_letter_goes_when_its_turn_comes_in_a_quiet_hour(installation, paths, office):
    paths.list_policy.write_text(POLICY.format(port=office.port, rate=1))
    evening = parse_instant("2026-03-02T20:00:00Z")  # nine in Paris
    publish(paths, [person(name, send_at=evening - timedelta(hours=1)) for name in NAMES])
    done = deliver(installation, "daily", evening - timedelta(seconds=1))
    assert done["sent"] + done["quiet"] == len(NAMES)
    assert len(office.taken) == done["sent"] <= 1, "the second one's turn is a second later"
    paths.list_policy.write_text(POLICY.format(port=office.port, rate=10_000))
    assert deliver(installation, "daily", evening - timedelta(minutes=9)) == {"sent": done["quiet"]}
    assert to(office) == NAMES


def test_who_left_since_gets_nothing_and_a_new_address_counts(
    installation, paths, office, contract, agreed
):
    withdrawal = agreed("ben", False, "2026-03-01T20:00:00Z")
    lake.write_partition(paths.lake, "consents", MARCH, contract("consents", withdrawal))
    moved = {"customer_id": "anna", "email_address": "Anna2@example.org",
             "received_at": MARCH.start}  # fmt: skip
    lake.write_partition(paths.lake, "contacts", MARCH, contract("contacts", moved))
    run = Run(SEND_AT)
    assert delivery.deliver(installation, "daily", run) == {"sent": 3, "left": 1}
    assert run.why_left == {"daily": {"consent_withdrawn": 1}}
    assert to(office) == ["anna2", "cleo", "dora"]


def test_what_came_after_a_list_is_explained(installation, paths, contract, agreed):
    as_of = parse_instant("2026-03-02T03:30:00Z")

    def after(name):
        found = Listed("the published list", person(name), None, NO_SCARCITY)
        policy = list_policy_file.read(installation)
        return list(afterwards(installation, policy, "daily", as_of, found))

    gone = "  delivery handed the letter over at 2026-03-02 06:30 UTC"
    left = "consent_withdrawn"
    assert after("anna") == after("ben") == []
    withdrawal = agreed("ben", False, "2026-03-01T20:00:00Z")
    lake.write_partition(paths.lake, "consents", MARCH, contract("consents", withdrawal))
    assert after("ben") == [f"  but it will not go: by what has been received since, {left}"]
    deliver(installation, "daily", SEND_AT)
    withdrawal = agreed("anna", False, "2026-03-02T20:00:00Z")
    lake.write_partition(
        paths.lake, "consents", Interval.parse("2026-03-02", "2026-03-03"),
        contract("consents", withdrawal),
    )  # fmt: skip
    assert after("anna") == [gone, f"  and since, the customer left the lists: {left}"]
    assert after("cleo") == [gone]


def test_an_address_is_suppressed_also_where_an_account_that_left_it_is_named(
    installation, paths, office, contract
):
    complaint = {"suppression_id": "1", "customer_id": "old-account",
                 "email_address": "ben@example.org", "reason": "complaint",
                 "suppressed_at": MARCH.start, "received_at": MARCH.start}  # fmt: skip
    lake.write_partition(paths.lake, "suppressions", MARCH, contract("suppressions", complaint))
    assert deliver(installation, "daily", SEND_AT) == {"sent": 3, "left": 1}
    assert to(office) == ["anna", "cleo", "dora"]


def test_one_run_takes_what_a_quarter_of_an_hour_allows_the_earliest_first(
    installation, paths, office
):
    publish(paths, [person("anna"), person("ben", send_at=SEND_AT - timedelta(minutes=5))])
    paths.list_policy.write_text(POLICY.format(port=office.port, rate=1 / RUN_SECONDS))
    assert deliver(installation, "daily", SEND_AT) == {"sent": 1, "waiting": 1}
    assert deliver(installation, "daily", SEND_AT) == {"sent": 1}
    assert to(office) == ["ben", "anna"]


def test_two_who_share_an_address_by_now_get_one_letter(installation, paths, office, contract):
    publish(paths, [person("anna"), person("ben", send_at=SEND_AT + timedelta(minutes=5))])
    deliver(installation, "daily", SEND_AT)
    moved = {"customer_id": "ben", "email_address": "anna@example.org",
             "received_at": MARCH.start}  # fmt: skip
    lake.write_partition(paths.lake, "contacts", MARCH, contract("contacts", moved))
    assert deliver(installation, "daily", SEND_AT + timedelta(minutes=5)) == {"left": 1}
    assert to(office) == ["anna"]


def test_a_mailbox_stays_with_the_account_whose_letter_went(installation, paths, office, contract):
    """Though the other's was promised for an earlier time, and no event tells of either."""
    early, late = SEND_AT - timedelta(minutes=30), SEND_AT
    publish(paths, [person("anna", send_at=late), person("ben", send_at=early)])
    office.answers = {"ben@example.org": b"451 later"}
    assert deliver(installation, "daily", late) == {"sent": 1, "deferred": 1}
    moved = {"customer_id": "ben", "email_address": "anna@example.org",
             "received_at": MARCH.start}  # fmt: skip
    lake.write_partition(paths.lake, "contacts", MARCH, contract("contacts", moved))
    assert deliver(installation, "daily", late) == {"left": 1}
    assert to(office) == ["anna"]


def test_of_letters_that_may_not_all_go_any_more_the_first_does(
    installation, paths, office, contract
):
    """Whichever list is delivered first."""
    moved = {"customer_id": "ben", "email_address": "anna@example.org",
             "received_at": MARCH.start}  # fmt: skip
    lake.write_partition(paths.lake, "contacts", MARCH, contract("contacts", moved))
    early = SEND_AT - timedelta(minutes=1)
    weekly, news = {"anna": early, "cleo": early, "dora": SEND_AT}, dict.fromkeys(NAMES[1:], early)
    for name, of in (("weekly", weekly), ("news", news)):
        rows = [person(who, message_id=f"{name}-{who}", send_at=at) for who, at in of.items()]
        publish(paths, rows, name=name)
    rules = "\nlists: {weekly: {}, news: {}}\ncaps: {per_day: 1}"
    paths.list_policy.write_text(POLICY.format(port=office.port, rate=10_000) + rules)
    assert deliver(installation, "news", SEND_AT) == {"sent": 1, "left": 2}
    assert deliver(installation, "weekly", SEND_AT) == {"sent": 2, "left": 1}
    assert deliver(installation, "news", SEND_AT) == {"left": 2}
    assert to(office) == ["dora", "anna", "cleo"]


def test_who_left_takes_nobodys_turn(installation, paths, office, contract, agreed):
    names = [*"abcdefgh"]
    write(paths, contract, names)
    withdrawn = [agreed(name, False, "2026-03-01T20:00:00Z") for name in names[:6]]
    lake.write_partition(paths.lake, "consents", MARCH, contract("consents", *withdrawn))
    publish(paths, [person(name) for name in names])
    paths.list_policy.write_text(POLICY.format(port=office.port, rate=1 / RUN_SECONDS))
    assert deliver(installation, "daily", SEND_AT) == {"sent": 1, "left": 6, "waiting": 1}
    assert to(office) == ["g"]


def test_what_cannot_be_delivered_says_why(installation, paths, office):
    with pytest.raises(BadArgumentError, match="no list 'weekly'"):
        deliver(installation, "weekly", SEND_AT)
    publish(paths, [person("anna")], is_sendable=False)
    with pytest.raises(NotPublishedError, match="cannot be sent: no contacts"):
        deliver(installation, "daily", SEND_AT)
    office.answers = {}
    paths.list_policy.write_text("delivery: {host: localhost, port: 1}")
    publish(paths, [person("anna")])
    with pytest.raises(MachineError, match="mail server localhost:1 does not answer"):
        deliver(installation, "daily", SEND_AT)
    paths.list_policy.write_text("{}")
    with pytest.raises(StageSkipped, match=r"delivery\.host"):
        deliver(installation, "daily", SEND_AT)


def test_what_cannot_be_sent_fails_only_where_something_is_due(installation, paths):
    publish(paths, [person("anna")], is_sendable=False)
    assert deliver(installation, "daily", SEND_AT + timedelta(hours=9)) == {"late": 1}


@pytest.fixture
def command(installation, paths, office, monkeypatch):
    """Call `lists deliver` for the lists weekly and news of a home, each letter so often a second.

    Everybody is on the list daily too, which the policy does not name any more.
    """

    def run(at, rate=10_000):
        rules = "\nlists: {weekly: {}, news: {}}\ncaps: {per_day: 3}"
        paths.list_policy.write_text(POLICY.format(port=office.port, rate=rate) + rules)
        monkeypatch.setenv("VITRINE_HOME", str(paths.home))
        monkeypatch.setenv("VITRINE_LANDING", str(paths.landing))
        return CliRunner().invoke(lists, ["deliver", "--at", format_instant(at)])

    return run


def test_the_quiet_hours_begin_for_the_second_list_when_they_do(command, paths, office):
    quiet_from = parse_instant("2026-03-02T20:00:00Z")  # nine in Paris
    early = {"send_at": quiet_from - timedelta(hours=1)}
    publish(paths, [person("anna", **early), person("ben", **early)], name="weekly")
    publish(paths, [person("dora", **early)], name="news")
    done = command(quiet_from - timedelta(seconds=1), rate=1)
    assert "letters of news: quiet 1" in done.output, "ben's turn was a second after anna's"
    assert "dora" not in to(office)


def test_a_quarter_of_an_hour_is_for_all_lists_together(command, installation, paths, office):
    publish(paths, [person("anna"), person("ben")], name="weekly")
    publish(paths, [person("dora")], name="news")
    done = command(SEND_AT, rate=1 / RUN_SECONDS)
    assert "letters of weekly: waiting 1, sent 1" in done.output
    assert "letters of news: waiting 1" in done.output
    late = Run(SEND_AT, began=time.monotonic() - RUN_SECONDS)
    assert delivery.deliver(installation, "weekly", late) == {"waiting": 1}
    assert to(office) == ["anna"]


def test_a_list_that_cannot_be_sent_keeps_no_other_from_it(command, paths, office):
    publish(paths, [person("anna", message_id="weekly-anna")], is_sendable=False, name="weekly")
    publish(paths, [person("ben", message_id="news-ben")], name="news")
    done = command(SEND_AT)
    assert CliRunner().invoke(lists, ["names"]).output == "weekly news\n"
    assert "letters of news: sent 1" in done.output
    assert to(office) == ["ben"]
    assert str(done.exception) == (
        "1 failed:\n  weekly: the list weekly of 2026-03-02 cannot be sent: no contacts"
    )


def test_an_empty_list_delivers_nothing(installation, paths, office):
    publish(paths, [])
    assert deliver(installation, "daily", SEND_AT) == {}
