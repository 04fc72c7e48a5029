import csv
import json
import re
from datetime import timedelta
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest

from email_lists.handover.difference import content_digests
from email_lists.handover.export import ONE_CLICK, cells, parts, with_unsubscribing, write
from email_lists.handover.harmless import in_letters
from tests.email_lists.written import SEND_AT, campaign, people, person, product
from vitrine.list_policy import Sender

LINK = "https://shop.example/unsubscribe?message=letter-to-anna"


def handed(rows):
    made = with_unsubscribing(in_letters(people(rows)), Sender())
    digests = content_digests(made.select(people([]).column_names))["content_digest"]
    addresses = [f"{c}@example.org" for c in made["customer_id"].to_pylist()]
    return made.append_column("content_digest", digests).append_column("email_address", [addresses])


def test_one_part_per_country_language_and_send_hour():
    late = {"send_at": SEND_AT + timedelta(hours=17, minutes=59)}
    listed = handed(
        [
            person("a"),
            person("b", country="BE"),
            person("c", country="BE", language="nl"),
            person("d", send_at=SEND_AT + timedelta(minutes=29)),
            person("e", send_at=SEND_AT + timedelta(minutes=30)),
            person("f", **late),
            person("g", country="../../x"),
            person("h", country=".._.._x"),
        ]
    )
    ids = listed["customer_id"].to_numpy()
    found = {part: ids[rows].tolist() for part, rows in parts(listed).items()}
    assert found == {
        "BE-fr-20260302T06": ["b"],
        "BE-nl-20260302T06": ["c"],
        "FR-fr-20260302T06": ["a", "d"],
        "FR-fr-20260302T07": ["e"],
        "FR-fr-20260303T00": ["f"],
        "______x-fr-20260302T06": ["g", "h"],
    }


def test_the_three_formats_say_the_same(tmp_path):
    awkward = {"name": 'a "quoted", split;\nname é', "brand": None}
    rows = handed(
        [
            person("=anna", consent_id=None, products=[product(), product(2, **awkward)]),
            person("ben", campaigns=[], products=[], segment=None),
            person("cleo", products=[product(bought_today_count=12, name="=1+1")]),
        ]
    )
    assert write(rows, tmp_path / "lists") == {"FR-fr-20260302T06": 3}
    file = tmp_path / "lists" / "FR-fr-20260302T06.csv"
    assert pq.read_table(file.with_suffix(".parquet")).equals(rows)
    with file.open(newline="", encoding="utf-8") as text:
        read = list(csv.DictReader(text))
    assert read == [{k: v or "" for k, v in row.items()} for row in cells(rows).to_pylist()]
    lines = [json.loads(line) for line in file.with_suffix(".jsonl").read_text().splitlines()]
    assert len(lines) == len(read) == 3
    for row, line, wanted in zip(read, lines, rows.to_pylist(), strict=True):
        assert line == json.loads(json.dumps(wanted, default=instant))
        assert row["send_at"] == line["send_at"] == "2026-03-02T06:30:00Z"
        for n, shown in enumerate(line["products"], start=1):
            assert row[f"product_{n}_id"] == shown["product_id"]
            assert row[f"product_{n}_price"] == f"{shown['price']:.2f}"
            assert row[f"product_{n}_bought_today_count"] == str(shown["bought_today_count"] or "")
            assert row[f"product_{n}_name"].removeprefix("'") == shown["name"]
        for n, shown in enumerate(line["campaigns"], start=1):
            assert row[f"campaign_{n}_reason"] == shown["reason"]
            assert row[f"campaign_{n}_id"] == shown["campaign_id"]
    assert read[0]["product_2_name"] == 'a "quoted", split; name é'
    assert [row["product_1_name"] for row in read] == ["blue mug 1", "", "'=1+1"]
    assert read[0]["customer_id"] == "'=anna"
    assert {read[0][f"product_{n}_{of}"] for n in range(3, 8) for of in ("id", "price")} == {""}


def instant(value):
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if hasattr(value, "hour") else value.isoformat()


@pytest.mark.parametrize(
    "name",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\n=1", "＝1+1", "=HYPERLINK(1)"],
)
def test_no_cell_can_become_a_formula(name):
    nasty = {"name": name, "brand": name, "campaign_id": name}
    rows = handed(
        [person(name, country=name, campaigns=[campaign(**nasty)], products=[product(**nasty)])]
    )
    for row in cells(rows).to_pylist():
        assert row["product_1_name"].startswith("'")
        assert not any(value.lstrip()[:1] in set("=+-@＝") for value in row.values() if value)


def test_unsubscribing_names_the_letter_and_not_the_person():
    [row] = with_unsubscribing(people([person()]), Sender()).to_pylist()
    [(link, mail)] = re.findall("^<([^<>]+)>, <([^<>]+)>$", row["list_unsubscribe"])
    assert (link, row["list_unsubscribe_post"]) == (LINK, ONE_CLICK)
    assert urlsplit(mail)[:3] == ("mailto", "", "unsubscribe@shop.example")
    assert mail.endswith("?subject=letter-to-anna")


def test_a_link_that_names_the_letter_twice_has_no_placeholder():
    sender = Sender(unsubscribe_url="https://shop.example/{message_id}?of={message_id}")
    [row] = with_unsubscribing(people([person()]), sender).to_pylist()
    link, _, mail = row["list_unsubscribe"].partition(", ")
    assert link == "<https://shop.example/letter-to-anna?of=letter-to-anna>"
    assert mail.endswith("?subject=letter-to-anna>")


def test_without_addresses_no_file_has_a_column_for_them(tmp_path):
    rows = handed([person()]).drop_columns("email_address")
    write(rows, tmp_path / "lists")
    for file in (tmp_path / "lists").iterdir():
        assert b"email_address" not in file.read_bytes()
