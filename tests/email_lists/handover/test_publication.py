import hashlib
import json
from datetime import timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from email_lists.commands import lists
from email_lists.handover import publication
from tests.email_lists.homes import (
    AS_OF,
    JANUARY,
    PLANTED,
    consent,
    furnish,
    receive,
    stage,
)
from tests.email_lists.written import SEND_AT, person, product
from vitrine import letters
from vitrine.errors import NotPublishedError
from vitrine.installation import Installation
from vitrine.interval import DAY, parse_instant
from vitrine.publish import TEMPORARY
from vitrine.settings import load_settings

NAMES = ("anna", "ben", "cleo", "dora")
PART = "lists/FR-fr-20260302T06"


@pytest.fixture
def installation(settings, paths):
    furnish(paths, [*NAMES, "ida"])
    return Installation(settings)


def four(**said):
    return [person(c, **said.get(c, {})) for c in NAMES]


def current(installation, as_of=AS_OF):
    return (installation.paths.published_list("daily", as_of.date()) / "current").resolve()


def let(installation, size_change):
    installation.paths.list_policy.write_text(f"gate: {{size_change: {size_change}}}")


def contents(folder):
    files = sorted(f for f in folder.rglob("*") if f.is_file())
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in files}


def changes(installation, as_of=AS_OF):
    rows = pq.read_table(current(installation, as_of) / "difference.parquet").to_pylist()
    return {row["customer_id"]: row["change"] for row in rows}


def told(manifest):
    return [manifest["difference"][kind] for kind in ("new", "changed", "withdrawn", "unchanged")]


def test_a_night_is_published_whole(installation):
    stage(installation, four())
    manifest = publication.publish(installation, "daily", AS_OF)
    files = contents(current(installation))
    assert {
        *(f"{PART}.{kind}" for kind in ("csv", "jsonl", "parquet")),
        *("letters.parquet", "exclusions.parquet", "difference.parquet", "scarcity.parquet"),
    } <= set(files)
    assert json.loads(files.pop("manifest.json")) == manifest
    assert manifest["customers"] == {
        "known": 5,
        "staged": 4,
        "listed": 4,
        "excluded": 1,
        "excluded_by_reason": {"no_consent": 1},
    }
    assert manifest["lists"] == {"FR-fr-20260302T06": 4}
    assert manifest["model"] == {"model": "ranker", "version": 3}
    versions = manifest["versions"]
    assert set(versions) == {"vitrine", "format", "policy", "policy_of_build"}
    assert versions["policy"] != versions["policy_of_build"] == "0123456789ab"
    assert manifest["slates"] == {
        "complete": 0,
        "short": 4,
        "product_count": 4,
        "by_slot": {"similar": 4},
    }
    assert (told(manifest), manifest["difference"]["since"]) == ([4, 0, 0, 0], None)
    assert {name: entry["sha256"] for name, entry in manifest["files"].items()} == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }


def test_the_letters_say_what_was_promised_without_addresses(installation):
    stage(installation, four(anna={"products": [product(probability=0.25, propensity=0.5)]}))
    publication.publish(installation, "daily", AS_OF)
    [night] = letters.published(installation.paths.lists)
    assert night.folder == current(installation)
    anna, *others = letters.read(installation.paths.lists).to_pylist()
    assert [row["customer_id"] for row in others] == ["ben", "cleo", "dora"]
    assert (anna["message_id"], anna["list"], anna["night"]) == (
        "letter-to-anna",
        "daily",
        AS_OF.date(),
    )
    assert (anna["send_at"], anna["local_day"], anna["arm"]) == (
        SEND_AT,
        SEND_AT.date(),
        "standard",
    )
    [shown] = anna["products"]
    assert (shown["product_id"], shown["probability"], shown["propensity"]) == ("p01", 0.25, 0.5)
    assert anna["campaigns"] == [{"rank": 1, "campaign_id": "k1"}]


def test_those_held_out_are_checked_as_those_listed_are(installation):
    would_have = ("hold_out", "hold_out", SEND_AT, "FR", "Europe/Paris", "popular")
    left_out = [("cleo", *would_have), ("dora", *would_have), ("ida", "no_strategy", None)]
    stage(installation, four()[:2], left_out)
    receive(installation.paths, "consents", "2026-03-02", consent("dora", False, "2026-03-02"))
    manifest = publication.publish(installation, "daily", AS_OF)
    left = pq.read_table(current(installation) / letters.EXCLUSIONS_FILE)
    assert left.schema.names == letters.EXCLUSIONS.schema.names
    assert {row["customer_id"]: row["exclusion"] for row in left.to_pylist()} == {
        "cleo": "hold_out",
        "dora": "consent_withdrawn",
        "ida": "no_strategy",
    }
    assert manifest["customers"]["known"] == 5


def test_publishing_again_writes_nothing(installation):
    stage(installation, four())
    first = publication.publish(installation, "daily", AS_OF)
    before, folder = contents(current(installation)), current(installation)
    stage(installation, four())
    assert publication.publish(installation, "daily", AS_OF) == first
    assert (contents(current(installation)), current(installation)) == (before, folder)


def test_another_template_of_the_shops_own_is_another_state(installation):
    stage(installation, four())
    publication.publish(installation, "daily", AS_OF)
    before, own = current(installation), installation.paths.list_templates
    own.mkdir()
    (own / "letter.txt").write_text("ours: {{ title }}")
    publication.publish(installation, "daily", AS_OF)
    assert current(installation) != before
    [preview] = (current(installation) / "previews").glob("*.txt")
    assert preview.read_text().startswith("ours: ")
    before = current(installation)
    (own / "parts").mkdir()
    (own / "parts" / "footer.txt").write_text("what a template may include")
    publication.publish(installation, "daily", AS_OF)
    assert current(installation) != before


def test_the_difference_to_the_same_night_and_to_the_night_before(installation):
    stage(installation, four()[:3])
    publication.publish(installation, "daily", AS_OF)
    other: dict[str, dict[str, Any]] = {
        "ben": {"products": [product(price=2.0)]},
        "cleo": {"strategy": "premium"},
    }
    stage(installation, four(**other)[1:])
    manifest = publication.publish(installation, "daily", AS_OF)
    expected = {"anna": "withdrawn", "ben": "changed", "cleo": "changed", "dora": "new"}
    assert changes(installation) == expected
    assert told(manifest) == [1, 2, 1, 0]
    assert manifest["difference"]["since"]["as_of"] == "2026-03-02T03:30:00Z"
    later = {name: said | {"send_at": SEND_AT + DAY} for name, said in other.items()}
    later |= {name: {"send_at": SEND_AT + DAY} for name in ("anna", "dora")}
    next_night = AS_OF + DAY
    stage(installation, four(**later)[:3], as_of=next_night)
    manifest = publication.publish(installation, "daily", next_night)
    assert changes(installation, next_night) == {"anna": "new", "dora": "withdrawn"}
    assert told(manifest) == [1, 0, 1, 2]


@pytest.mark.parametrize(
    ("said", "is_other"),
    [
        ({"send_at": SEND_AT + timedelta(hours=1)}, True),
        ({"timezone": "Europe/Brussels"}, True),
        ({"products": [product(probability=0.5)]}, False),
    ],
)
def test_what_a_reader_sees_otherwise_is_changed_within_a_night(installation, said, is_other):
    stage(installation, four())
    publication.publish(installation, "daily", AS_OF)
    stage(installation, four(ben=said))
    publication.publish(installation, "daily", AS_OF)
    assert changes(installation) == ({"ben": "changed"} if is_other else {})


def test_who_gets_another_address_is_changed(installation):
    stage(installation, four())
    publication.publish(installation, "daily", AS_OF)
    moved = {
        "customer_id": "ben",
        "email_address": "ben@elsewhere.example",
        "received_at": parse_instant("2026-03-01T12:00:00Z"),
    }
    receive(installation.paths, "contacts", "2026-03-01", moved)
    publication.publish(installation, "daily", AS_OF)
    assert changes(installation) == {"ben": "changed"}


def test_addresses_are_in_the_export_alone(installation):
    stage(installation, four())
    publication.publish(installation, "daily", AS_OF)
    holders = {
        file.relative_to(installation.paths.home).as_posix()
        for file in installation.paths.home.rglob("*")
        if file.is_file() and PLANTED.encode() in _readable(file)
    }
    files = {f"{current(installation)}/{PART}.{kind}" for kind in ("csv", "jsonl", "parquet")}
    exported = {name.removeprefix(f"{installation.paths.home}/") for name in files}
    contacts = "lake/contacts/ds=2026-01-01/20260101T0000-20260102T0000.parquet"
    assert holders == {*exported, contacts}


def _readable(file):
    """The bytes of a file; of a Parquet file its values, which are compressed there."""
    if file.suffix != ".parquet":
        return file.read_bytes()
    return repr(pq.ParquetFile(file).read().to_pylist()).encode()


def test_who_left_since_is_counted_and_gone(installation):
    let(installation, 0.5)
    stage(installation, four())
    publication.publish(installation, "daily", AS_OF)
    received = parse_instant("2026-03-02T03:45:00Z")
    complaint = {
        "suppression_id": "s1",
        "email_address": PLANTED.upper(),
        "reason": "complaint",
        "suppressed_at": received,
        "received_at": received,
    }
    receive(installation.paths, "suppressions", "2026-03-02", complaint)
    receive(
        installation.paths, "consents", "2026-03-02", consent("ben", False, "2026-03-02T03:45:00Z")
    )
    manifest = publication.publish(installation, "daily", AS_OF)
    assert manifest["customers"]["known"] == 5
    assert manifest["customers"]["excluded_by_reason"] == {
        "consent_withdrawn": 1,
        "no_consent": 1,
        "suppressed_address_complaint": 1,
    }
    assert changes(installation) == {"anna": "withdrawn", "ben": "withdrawn"}
    _, people, exclusions = publication.read(installation.paths, "daily", AS_OF)
    assert people["customer_id"].to_pylist() == ["cleo", "dora"]
    assert exclusions["customer_id"].to_pylist() == ["anna", "ben", "ida"]
    whole = b"".join(contents(current(installation) / "lists").values())
    assert PLANTED.encode() not in whole
    assert b"ben@example.org" not in whole


def test_a_hand_off_that_loses_too_many_is_refused_with_its_reasons(installation):
    stage(installation, [*four(), person("nia"), person("otto")])
    lost = (
        r"would lose 2 of 6 letters \(33%; gate.size_change is 30%\): no_consent 2;"
        ".* run `vitrine lists publish --list daily --as-of 2026-03-02T03:30:00Z` again"
    )
    with pytest.raises(NotPublishedError, match=lost):
        publication.publish(installation, "daily", AS_OF)
    assert not list(installation.paths.lists.glob("*/*"))


def test_a_hand_off_may_lose_what_the_policy_lets_it(installation):
    let(installation, 0.34)
    stage(installation, [*four(), person("nia"), person("otto")])
    manifest = publication.publish(installation, "daily", AS_OF)
    assert (manifest["customers"]["staged"], manifest["customers"]["listed"]) == (6, 4)


def test_whom_caps_alone_left_out_keeps_what_was_drawn(installation):
    policy = "caps: {per_week: 0}\ngate: {size_change: 0.9}"
    installation.paths.list_policy.write_text(policy)
    would_have = (SEND_AT, "FR", "Europe/Paris", "popular")
    left_out = [
        ("cleo", "hold_out", "hold_out", *would_have),
        ("dora", "cap_per_week", "bold", *would_have),
        ("ida", "cap_per_week", "hold_out", *would_have),
    ]
    stage(installation, four(ben={"arm": "plain"})[:2], left_out)
    handed = publication.hand_off(installation, "daily", AS_OF)
    assert {row["customer_id"]: row["assigned"] for row in handed.exclusions.to_pylist()} == {
        "anna": "standard",
        "ben": "plain",
        "cleo": "hold_out",
        "dora": "bold",
        "ida": "hold_out",
    }
    assert handed.people.num_rows == 0


def test_a_shop_without_addresses_gets_lists_that_say_so(settings, paths):
    furnish(paths, NAMES)
    told = {"VITRINE_HOME": str(paths.home), "VITRINE_LANDING": str(paths.landing)}
    retail = Installation(load_settings(told | {"VITRINE_SOURCE": "online_retail"}))
    reason: dict[str, Any] = {
        "sendable": False,
        "not_sendable_because": "no contacts",
        "provides": [],
    }
    stage(retail, four(anna={"consent_id": None}), **reason)
    manifest = publication.publish(retail, "daily", AS_OF)
    assert manifest["customers"]["listed"] == 4
    assert (manifest["sendable"], manifest["not_sendable_because"]) == (False, "no contacts")
    _, people, _ = publication.read(retail.paths, "daily", AS_OF)
    assert "email_address" not in people.column_names
    assert b"@example.org" not in b"".join(contents(current(retail)).values())


def test_what_the_gate_did_not_pass_cannot_be_published(installation):
    with pytest.raises(
        NotPublishedError, match="run `vitrine lists build --list daily --as-of 2026"
    ):
        publication.publish(installation, "daily", AS_OF)
    stage(installation, four(), is_checked=False)
    with pytest.raises(
        NotPublishedError, match="run `vitrine check lists --list daily --as-of 2026"
    ):
        publication.publish(installation, "daily", AS_OF)
    with pytest.raises(NotPublishedError, match="no list daily as of 2026-03-02T03:30:00Z is publ"):
        publication.read(installation.paths, "daily", AS_OF)
    assert not list(installation.paths.lists.glob("*/*"))


def test_a_list_that_passed_the_gate_before_a_ban_cannot_be_published(installation):
    stage(installation, four())
    ban = "{action: ban, product: p01, because: recalled, decided_by: eva, reviewed_by: tom}"
    installation.paths.list_policy.write_text(f"overrides: [{ban}]")
    rebuild = "run `vitrine lists build`, then `vitrine check lists`, with --list daily --as-of 20"
    with pytest.raises(NotPublishedError, match=rebuild):
        publication.publish(installation, "daily", AS_OF)


def test_a_withheld_list_leaves_the_last_one_as_it_is(installation):
    stage(installation, four())
    publication.publish(installation, "daily", AS_OF)
    before = contents(installation.paths.lists)
    stage(installation, four()[:1], is_checked=False)
    with pytest.raises(NotPublishedError, match="has not passed the gate"):
        publication.publish(installation, "daily", AS_OF)
    stage(installation, four(), as_of=AS_OF + DAY, is_checked=False)
    with pytest.raises(NotPublishedError, match="has not passed the gate"):
        publication.publish(installation, "daily", AS_OF + DAY)
    assert contents(installation.paths.lists) == before


def test_two_lists_of_a_night_lie_apart(installation):
    stage(installation, four()[:2])
    stage(installation, four()[2:], name="early_birds")
    for name in ("daily", "early_birds"):
        publication.publish(installation, name, AS_OF)
    found = {each.list_name: each for each in letters.published(installation.paths.lists)}
    people = {
        name: pq.read_table(each.letters)["customer_id"].to_pylist() for name, each in found.items()
    }
    assert people == {"daily": ["anna", "ben"], "early_birds": ["cleo", "dora"]}


def test_stock_that_another_list_took_since_the_build_is_not_promised_again(installation):
    sure = {c: {"products": [product(probability=0.75), product(2)]} for c in NAMES}
    rows, stock = four(**sure), {"p01": 2, "p02": 5}
    stage(installation, rows[:2], stock=stock)
    stage(installation, rows[2:], name="evening", stock=stock)
    rest = [person("cleo", products=[product(probability=0.5)])]
    stage(installation, rest, name="noon", stock=stock)
    publication.publish(installation, "daily", AS_OF)
    again = "promises more .* of 1 offers and campaigns, such as product p01 of campaign k1; run `"
    with pytest.raises(NotPublishedError, match=again):
        publication.publish(installation, "evening", AS_OF)
    publication.publish(installation, "noon", AS_OF)
    publication.publish(installation, "daily", AS_OF)


CHANGES = {
    "stock_levels": {
        "product_id": "p01",
        "location": "north",
        "quantity": 0,
        "occurred_at": parse_instant("2026-03-02T03:35:00Z"),
        "received_at": parse_instant("2026-03-02T03:40:00Z"),
    },
    "campaign_products": {
        "campaign_id": "k1",
        "product_id": "p01",
        "price": 2.0,
        "received_at": parse_instant("2026-03-02T03:40:00Z"),
    },
}
OPEN = {
    "campaign_id": "k1",
    "brand": "Kiln",
    "business_type": "flash_sale",
    "sector": "home",
    "sub_sector": "x",
    "country": "FR",
    "timezone": "Europe/Paris",
    "opens_at": parse_instant("2026-03-01T06:00:00Z"),
    "closes_at": parse_instant("2026-03-08T06:00:00Z"),
    "received_at": JANUARY.start,
}
SEVEN = {"products": [product(place) for place in range(1, 8)]}


@pytest.mark.parametrize(
    ("table", "counted"),
    [
        ("stock_levels", {"sold_out": 1, "repriced": 0}),
        ("campaign_products", {"sold_out": 0, "repriced": 1}),
    ],
)
def test_what_sold_out_or_has_another_price_since_is_in_no_letter(installation, table, counted):
    receive(installation.paths, "campaigns", "2026-01-01", OPEN)
    installation.paths.list_policy.write_text("gate: {empty_share: 0.5}")
    stage(installation, four(anna=SEVEN, ben=SEVEN, cleo=SEVEN, dora={"products": [product(2)]}))
    first = publication.publish(installation, "daily", AS_OF)
    assert first["withdrawn_offers"] == {"sold_out": 0, "repriced": 0}
    assert first["slates"]["complete"] == 3
    receive(installation.paths, table, "2026-03-02", CHANGES[table])
    manifest = publication.publish(installation, "daily", AS_OF)
    assert manifest["withdrawn_offers"] == counted
    assert (manifest["slates"]["complete"], manifest["slates"]["product_count"]) == (0, 19)
    assert changes(installation) == dict.fromkeys(("anna", "ben", "cleo"), "changed")
    _, people, _ = publication.read(installation.paths, "daily", AS_OF)
    shown = [[p["position"], p["product_id"]] for p in people["products"][0].as_py()]
    assert shown == [[place, f"p{place + 1:02}"] for place in range(1, 7)]
    files = [f.read_bytes() for f in current(installation).glob("lists/*.[cj]s*")]
    assert len(files) == 2
    assert not any(b"p01" in content for content in files)
    assert any(b"p02" in content for content in files)
    promised = pq.read_table(current(installation) / letters.LETTERS_FILE)["products"].to_pylist()
    assert "p01" not in {p["product_id"] for products in promised for p in products}
    folder = current(installation)
    assert publication.publish(installation, "daily", AS_OF) == manifest
    assert current(installation) == folder


def test_the_command_says_what_it_took_out(installation, monkeypatch):
    for name, folder in (("HOME", "home"), ("LANDING", "landing")):
        monkeypatch.setenv(f"VITRINE_{name}", str(getattr(installation.paths, folder)))
    installation.paths.list_policy.write_text("gate: {empty_share: 0.5}")
    stage(installation, four(**dict.fromkeys(NAMES, SEVEN)))
    publish = ["publish", "--as-of", "2026-03-02T03:30:00Z"]
    assert "taken out" not in CliRunner().invoke(lists, publish).output
    receive(installation.paths, "campaign_products", "2026-03-02", CHANGES["campaign_products"])
    said = CliRunner().invoke(lists, publish).output
    assert "\noffers taken out of the letters: repriced 1\n" in said


def test_letters_that_would_be_left_all_but_empty_are_refused_with_what_to_do(installation):
    stage(installation, four(**dict.fromkeys(NAMES, SEVEN)))
    receive(
        installation.paths,
        "campaign_products",
        "2026-03-02",
        *(CHANGES["campaign_products"] | {"product_id": p} for p in ("p01", "p02")),
    )
    gone = (
        r"8 of 28 products have sold out or changed their price .* and 29% of the places would be"
        r" empty \(gate.empty_share is 20%\); .* run `vitrine lists publish --list daily --as-of 20"
    )
    with pytest.raises(NotPublishedError, match=gone):
        publication.publish(installation, "daily", AS_OF)
    assert not list(installation.paths.lists.glob("*/*"))
    installation.paths.list_policy.write_text("gate: {empty_share: 0.3}")
    stage(installation, four(**dict.fromkeys(NAMES, SEVEN)))
    manifest = publication.publish(installation, "daily", AS_OF)
    assert manifest["withdrawn_offers"] == {"sold_out": 0, "repriced": 2}


def test_a_night_without_a_list_is_told_the_instant_to_make_it_for(installation):
    typed = "publish`, with --list daily --as-of 2026-03-16T03:30:00Z"
    with pytest.raises(NotPublishedError, match=typed):
        publication.read(installation.paths, "daily", parse_instant("2026-03-16"))


def test_another_instant_of_the_same_night_is_not_taken_for_it(installation):
    stage(installation, four())
    publication.publish(installation, "daily", AS_OF)
    with pytest.raises(NotPublishedError, match="lists show --list daily --as-of 2026-03-02T03:30"):
        publication.read(installation.paths, "daily", parse_instant("2026-03-02T04:00:00Z"))
    with pytest.raises(NotPublishedError, match="there is one as of 2026-03-02T03:30:00Z"):
        publication.read(installation.paths, "daily", parse_instant("2026-03-03"))


def test_a_list_of_nobody_is_a_list(installation):
    stage(installation, [], left_out=[(c, "hold_out") for c in NAMES])
    manifest = publication.publish(installation, "daily", AS_OF)
    assert (manifest["lists"], manifest["customers"]["listed"]) == ({}, 0)
    _, people, exclusions = publication.read(installation.paths, "daily", AS_OF)
    assert (people.num_rows, exclusions.num_rows) == (0, 4)
    versions = installation.paths.published_list("daily", AS_OF.date()) / "versions"
    assert not list(versions.glob(f"{TEMPORARY}*"))
