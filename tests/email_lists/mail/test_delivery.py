import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from email_lists.commands import lists
from email_lists.explanation import Listed, afterwards
from email_lists.handover import export
from email_lists.handover.publication import LISTS, MANIFEST
from email_lists.mail import delivery
from email_lists.mail.delivered import opened
from email_lists.mail.delivery import RUN_SECONDS, Run
from tests.email_lists import killed_delivery
from tests.email_lists.homes import SCARCITY, receive
from tests.email_lists.post_office import open_office
from tests.email_lists.written import SEND_AT, campaign, people, person, product
from vitrine import lake, list_policy_file
from vitrine.contracts import TABLES
from vitrine.errors import BadArgumentError, MachineError, NotPublishedError, StageSkipped
from vitrine.installation import Installation
from vitrine.interval import Interval, format_instant, parse_instant
from vitrine.letters import LETTERS, LETTERS_FILE
from vitrine.list_policy import Sender
from vitrine.publish import new_version
from vitrine.staged_lists import SCARCITY as SCARCITY_FILE

NO_SCARCITY = pa.table({})
UNLIMITED = SCARCITY.empty_table()
JANUARY = Interval.parse("2026-01-01", "2026-01-02")
MARCH = Interval.parse("2026-03-01", "2026-03-02")
NAMES = ["anna", "ben", "cleo", "dora"]
POLICY = "delivery: {{host: localhost, port: {port}, messages_per_second: {rate}}}"


@pytest.fixture
def office():
    with open_office() as office:
        yield office


def write(paths, contract, names):
    """Fill the lake with what the hand-off asks: consents, addresses, nothing against anybody."""
    for contracted in TABLES.values():
        lake.ensure_table(paths.lake, contracted.name, contracted.schema)
    at = {"received_at": JANUARY.start}
    rows = {
        "contacts": [{"customer_id": n, "email_address": f"{n}@example.org"} for n in names],
        "consents": [
            {
                "consent_id": f"consent-of-{n}",
                "customer_id": n,
                "purpose": "email_marketing",
                "is_granted": True,
                "changed_at": JANUARY.start,
                "source": "sign_up",
            }
            for n in names
        ],
    }
    for table, values in rows.items():
        received = contract(table, *(value | at for value in values))
        lake.write_partition(paths.lake, table, JANUARY, received)


def publish(paths, rows, is_sendable=True, name="daily"):
    """Publish a night by hand: what the delivery reads of it."""
    listed = export.with_unsubscribing(people(rows), Sender())
    of = {"list": name, "night": SEND_AT.date()}
    promised = [{n: v for n, v in (row | of).items() if n in LETTERS.schema.names} for row in rows]
    with new_version(paths.published_list(name, SEND_AT.date()), "20260302T0330") as folder:
        export.write(listed, folder / LISTS)
        promises = pa.Table.from_pylist(promised, LETTERS.schema)
        pq.write_table(promises, folder / LETTERS_FILE)
        pq.write_table(UNLIMITED, folder / SCARCITY_FILE)
        manifest = {
            "night": "2026-03-02",
            "as_of": "2026-03-02T03:30:00Z",
            "currency": "EUR",
            "sendable": is_sendable,
        }
        manifest |= {} if is_sendable else {"not_sendable_because": "no contacts"}
        (folder / MANIFEST).write_text(json.dumps(manifest))


@pytest.fixture
def installation(settings, paths, contract, office):
    """A home whose mail server is `office`, with one list to four people, all due at once."""
    write(paths, contract, NAMES)
    publish(paths, [person(name) for name in NAMES])
    paths.list_policy.write_text(POLICY.format(port=office.port, rate=10_000))
    return Installation(settings)


def deliver(installation, list_name, at):
    return delivery.deliver(installation, list_name, Run(at))


def to(office):
    return [address.removesuffix("@example.org") for address, _ in office.taken]


def test_each_person_gets_one_letter_however_often_it_is_called(installation, office):
    assert deliver(installation, "daily", SEND_AT) == {"sent": 4}
    assert deliver(installation, "daily", SEND_AT + timedelta(minutes=15)) == {}
    assert to(office) == NAMES
    [mail, *_] = office.messages()
    assert mail["To"] == "anna@example.org"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "blue mug 1" in mail.get_body(("plain",)).get_content()


def test_a_line_that_begins_with_a_dot_ends_no_letter(installation, paths, office):
    paths.list_templates.mkdir()
    (paths.list_templates / "letter.txt").write_text("one\n.\n..two\n")
    deliver(installation, "daily", SEND_AT)
    text = office.messages()[0].get_body(("plain",)).get_content()
    assert text.splitlines() == ["one", ".", "..two"]
    assert len(office.taken) == 4


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


def test_what_the_server_refuses_is_noted_and_what_it_puts_off_is_tried_again(
    installation, paths, office
):
    office.answers = {"anna@example.org": b"550 no such box", "ben@example.org": b"451 later"}
    assert deliver(installation, "daily", SEND_AT) == {"sent": 2, "refused": 1, "deferred": 1}
    office.answers = {}
    assert deliver(installation, "daily", SEND_AT) == {"sent": 1}
    assert to(office) == ["cleo", "dora", "ben"]
    assert b"@" not in paths.delivery_book("daily", SEND_AT.date()).read_bytes()


@pytest.mark.parametrize(
    ("answer", "message"),
    [(b"421 busy", r"no letters now \(421\): .* again later"), (b"550 no", "sender.address")],
)
def test_a_server_that_takes_no_letters_says_whether_to_wait(installation, office, answer, message):
    office.to_a_sender = answer
    with pytest.raises(MachineError, match=message):
        deliver(installation, "daily", SEND_AT)
    office.to_a_sender = b"250 fine"
    assert deliver(installation, "daily", SEND_AT) == {"sent": 4}


def test_a_server_that_breaks_off_is_told_and_what_it_may_have_taken_is_not_sent_again(
    installation, office
):
    office.lets_go_after = 2
    with pytest.raises(MachineError, match="does not answer, or no more") as broken:
        deliver(installation, "daily", SEND_AT)
    assert "@" not in str(broken.value)
    assert deliver(installation, "daily", SEND_AT) == {"sent": 2, "uncertain": 1}
    assert to(office) == NAMES


def test_half_a_line_of_the_book_is_passed_over(installation, paths, office):
    deliver(installation, "daily", SEND_AT)
    book = paths.delivery_book("daily", SEND_AT.date())
    lines = book.read_bytes().splitlines(keepends=True)
    book.write_bytes(b"".join(lines[:-1]) + lines[-1][:7])
    assert deliver(installation, "daily", SEND_AT) == {"uncertain": 1}
    book.write_bytes(b"".join(lines[:-2]) + lines[-2][:7])
    office.lets_go_after = 5
    with pytest.raises(MachineError):
        deliver(installation, "daily", SEND_AT)
    assert to(office) == [*NAMES, NAMES[-1]], "half a line is none: the server had not taken it"
    assert deliver(installation, "daily", SEND_AT) == {"uncertain": 1}, "now it had"


def test_nobody_gets_a_letter_twice_or_none_when_the_run_is_killed(
    installation, paths, contract, office
):
    names = [f"c{n:02}" for n in range(30)]
    write(paths, contract, names)
    publish(paths, [person(name, products=[product(n) for n in range(7)]) for name in names])
    runs = []

    def run():
        vitrine = str(Path(sys.executable).with_name("vitrine"))
        command = [vitrine, "lists", "deliver", "--at", format_instant(SEND_AT)]
        homes = {"VITRINE_HOME": str(paths.home), "VITRINE_LANDING": str(paths.landing)}
        runs.append(subprocess.Popen(command, env=os.environ | homes, stdout=subprocess.PIPE))
        return runs[-1].communicate(timeout=60)[0].decode()

    def kill(count):
        if count in (7, 19):
            runs[-1].kill()
            runs[-1].wait()

    office.before_answering = kill
    assert [run(), run()] == ["", ""]
    assert "letters of daily: uncertain 2, sent 11" in run()
    assert to(office) == names
    assert {len(office.taken), len({mail["Message-ID"] for mail in office.messages()})} == {30}


def test_kills_around_the_books_lines_double_nobody_and_lose_what_is_uncertain_alone(
    installation, paths, contract, office
):
    names = [f"c{n:02}" for n in range(20)]
    write(paths, contract, names)
    publish(paths, [person(name) for name in names])
    # Processes start from one that has loaded what the command needs.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(killed_delivery.LOADED))
    # From the end of the first letter's text to the last line about the second.
    for moment in random.Random(25).sample(range(9, 43), 6):
        told = (str(paths.home), str(paths.landing), SEND_AT, moment)
        process = context.Process(target=killed_delivery.run, args=told)
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    done = deliver(installation, "daily", SEND_AT)
    with opened(paths.delivery_book("daily", SEND_AT.date())) as book:
        ids = pa.chunked_array([[f"letter-to-{name}" for name in names]])
        uncertain = {*pa.array(names).filter(book.uncertain(ids).combine_chunks()).to_pylist()}
    assert len(to(office)) == len({*to(office)})
    lost = {*names} - {*to(office)}
    assert set() < lost < uncertain, "the server had taken some of them, and not others"
    assert len(uncertain) == done["uncertain"] < 6, (
        "before and after that moment a kill leaves none"
    )


def test_letters_go_no_faster_than_the_policy_says(installation, paths, office):
    paths.list_policy.write_text(POLICY.format(port=office.port, rate=20))
    began = os.times().elapsed
    deliver(installation, "daily", SEND_AT)
    assert os.times().elapsed - began >= 3 / 20


def test_one_run_takes_what_a_quarter_of_an_hour_allows_the_earliest_first(
    installation, paths, office
):
    publish(paths, [person("anna"), person("ben", send_at=SEND_AT - timedelta(minutes=5))])
    paths.list_policy.write_text(POLICY.format(port=office.port, rate=1 / RUN_SECONDS))
    assert deliver(installation, "daily", SEND_AT) == {"sent": 1, "waiting": 1}
    assert deliver(installation, "daily", SEND_AT) == {"sent": 1}
    assert to(office) == ["ben", "anna"]


def text_of(message):
    return message.get_body(("plain",)).get_content()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            "stock_levels",
            {"location": "north", "quantity": 0, "occurred_at": parse_instant("2026-03-02T05:00Z")},
        ),
        ("campaign_products", {"campaign_id": "k1", "price": 2.0}),
    ],
)
def test_what_sold_out_or_has_another_price_since_is_in_no_letter(
    installation, paths, office, table, said
):
    opened = {
        "campaign_id": "k1", "brand": "Kiln", "business_type": "flash_sale", "sector": "home",
        "sub_sector": "x", "country": "FR", "timezone": "Europe/Paris",
        "opens_at": MARCH.start, "closes_at": None, "received_at": JANUARY.start,
    }  # fmt: skip
    receive(paths, "campaigns", "2026-01-01", opened)
    publish(paths, [person(name, products=[product(1), product(2)]) for name in NAMES])
    at = parse_instant("2026-03-02T06:15:00Z")
    receive(paths, table, "2026-03-02", said | {"product_id": "p02", "received_at": at})
    assert deliver(installation, "daily", SEND_AT) == {"sent": 4}
    for message in office.messages():
        assert "blue mug 1" in text_of(message)
        assert "blue mug 2" not in text_of(message)


def test_what_comes_later_than_the_run_takes_nothing_out(installation, paths, office):
    other = {"campaign_id": "k1", "product_id": "p01", "price": 2.0}
    receive(paths, "campaign_products", "2026-03-02", other | {"received_at": SEND_AT + EVENING})
    assert deliver(installation, "daily", SEND_AT) == {"sent": 4}
    assert "blue mug 1" in text_of(office.messages()[0])


LATE = ", late_hours: 24}"
EVENING = timedelta(hours=13)


def test_today_is_told_on_that_day_alone(installation, paths, office):
    evening = SEND_AT + EVENING  # half past eight in Paris
    popular = product(bought_today_count=9)
    rows = [person(n, send_at=evening, products=[popular]) for n in ("anna", "ben")]
    publish(paths, rows[:1])
    paths.list_policy.write_text(POLICY.format(port=office.port, rate=10_000)[:-1] + LATE)
    deliver(installation, "daily", evening)
    publish(paths, rows[1:])
    deliver(installation, "daily", evening + timedelta(hours=11))
    today, tomorrow = (text_of(message) for message in office.messages())
    said = "9 personnes l’ont acheté aujourd’hui"
    assert said in today
    assert said not in tomorrow
    assert "blue mug 1" in tomorrow


def test_what_closed_before_a_letter_goes_is_not_in_it(installation, paths, office):
    noon = SEND_AT + timedelta(hours=5)
    campaigns = [
        campaign(1, name="Kiln", closes_at=noon),
        campaign(2, name="Loom", closes_at=noon + timedelta(seconds=1)),
        campaign(3, name="Tide", closes_at=None),
        campaign(4, name="Fern"),
    ]
    products = [product(n, campaign_id=f"k{n}") for n in (1, 2, 3, 5)]
    publish(paths, [person("anna", campaigns=campaigns, products=products)])
    row = {"brand": "Fern", "business_type": "flash_sale", "sector": "home", "sub_sector": "x",
           "country": "FR", "timezone": "Europe/Paris", "opens_at": JANUARY.start,
           "received_at": SEND_AT, "closes_at": noon}  # fmt: skip
    # The one was to close later; of the other the letter shows a product alone.
    shortened = [row | {"campaign_id": name} for name in ("k4", "k5")]
    receive(paths, "campaigns", "2026-03-02", *shortened)
    paths.list_policy.write_text(POLICY.format(port=office.port, rate=10_000)[:-1] + LATE)
    assert deliver(installation, "daily", noon) == {"sent": 1}
    text = text_of(office.messages()[0])
    assert [f"blue mug {n}" in text for n in (1, 2, 3, 5)] == [False, True, True, False]
    assert [name in text for name in ("Loom", "Tide", "Fern")] == [True, True, False]


def test_a_letter_of_which_nothing_is_left_is_not_sent(installation, paths, office):
    over = [campaign(closes_at=SEND_AT)]
    publish(paths, [person("anna", campaigns=over), person("ben")])
    assert deliver(installation, "daily", SEND_AT) == {"sent": 1, "empty": 1}
    assert to(office) == ["ben"]


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


def test_pictures_lie_where_the_policy_says_or_travel_with_the_letter(
    installation, paths, contract, office
):
    (paths.landing / "images").mkdir()
    (paths.landing / "images" / "a b.png").write_bytes(b"a picture")
    image = {"product_id": "p01", "view": "front", "path": "images/a b.png", "sha256": "0",
             "received_at": JANUARY.start}  # fmt: skip
    lake.write_partition(paths.lake, "product_images", JANUARY, contract("product_images", image))
    publish(paths, [person("anna")])
    deliver(installation, "daily", SEND_AT)
    publish(paths, [person("ben")])
    linked = "\nsender: {picture_url: 'https://pictures.example/{path}'}"
    paths.list_policy.write_text(POLICY.format(port=office.port, rate=10_000) + linked)
    deliver(installation, "daily", SEND_AT)
    carried, linked = office.messages()
    [picture] = [part for part in carried.walk() if part.get_content_maintype() == "image"]
    assert f"cid:{picture['Content-ID'].strip('<>')}" in carried.get_body(("html",)).get_content()
    assert "https://pictures.example/images/a%20b.png" in linked.get_body(("html",)).get_content()
    assert not [part for part in linked.walk() if part.get_content_maintype() == "image"]


def test_pictures_of_one_name_are_two(installation, paths, contract, office):
    images = []
    for product_id in ("p01", "p02"):
        (paths.landing / product_id).mkdir()
        (paths.landing / product_id / "front.png").write_bytes(product_id.encode())
        shown = {"product_id": product_id, "view": "front", "path": f"{product_id}/front.png"}
        images.append(shown | {"sha256": "0", "received_at": JANUARY.start})
    lake.write_partition(paths.lake, "product_images", JANUARY, contract("product_images", *images))
    publish(paths, [person("anna", products=[product(1), product(2)])])
    deliver(installation, "daily", SEND_AT)
    [mail] = office.messages()
    parts = [part for part in mail.walk() if part.get_content_maintype() == "image"]
    assert {part.get_content() for part in parts} == {b"p01", b"p02"}
    page = mail.get_body(("html",)).get_content()
    assert all(f"cid:{part['Content-ID'].strip('<>')}" in page for part in parts)


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
